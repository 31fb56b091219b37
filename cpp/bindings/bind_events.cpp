// The field rules of events, for whoever makes Events.
#include "bind.hpp"
#include "bookflow/event_check.hpp"
#include "columns.hpp"
#include "errors.hpp"
#include "hot_method.hpp"

namespace bookflow {

void bind_events(py::module_& m) {
    using namespace py::literals;
    m.def(
        "check_events",
        [](const py::object& ts, const py::object& action, const py::object& side,
           const py::object& price, const py::object& size, const py::object& flags,
           const py::object& order_id, const py::object& instrument, const py::object& depth,
           Made<Instrument> inst, const std::string& source, i64 first_row, i64 last_ts, bool as_is,
           bool after_delete) {
            EventColumns c =
                event_columns(ts, action, side, price, size, flags, order_id, instrument, depth);
            // A table of events may hold several instruments; a pipeline takes one.
            c.instrument = {};
            const Units units = inst->units();
            try {
                EventCheck(units, inst->id).columns(c, last_ts, as_is, after_delete);
            } catch (const InputError& e) {
                set_python_error(input_error(e, {source, first_row}));
                throw py::error_already_set();
            }
        },
        "ts"_a, "action"_a, "side"_a, "price"_a, "size"_a, "flags"_a, "order_id"_a, "instrument"_a,
        "depth"_a, "inst"_a, "source"_a = "", "first_row"_a = 0, "last_ts"_a = kNone,
        "as_is"_a = false, "after_delete"_a = false,
        R"(Checks the field rules of every row; raises InputError for the first that breaks one.

ts, price, size int64; action, side uint8; flags uint16 or None (every row LAST); order_id uint64 or
None; instrument uint32 or None; depth None or four int64 (rows, levels) arrays. `last_ts` is the
time before the first row, `as_is` lets time run backwards.)");
}

}  // namespace bookflow
