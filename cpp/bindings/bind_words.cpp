// Names and numbers of the words: actions, sides, flags, status bits, faults, the event's dtype.
#include <pybind11/numpy.h>

#include <cstddef>

#include "bind.hpp"
#include "bookflow/event.hpp"
#include "bookflow/faults.hpp"
#include "errors.hpp"

namespace bookflow {

namespace {

template <class Names>
py::dict dict_of(const Names& names) {
    py::dict out;
    for (const auto& [name, code] : names) out[py::str(name.data(), name.size())] = code;
    return out;
}

py::object event_dtype() {
    py::list names;
    py::list formats;
    py::list offsets;
    const auto field = [&](const char* name, const char* format, std::size_t offset) {
        names.append(name);
        formats.append(format);
        offsets.append(offset);
    };
    field("ts", "<i8", offsetof(Event, ts));
    field("ts_venue", "<i8", offsetof(Event, ts_venue));
    field("order_id", "<u8", offsetof(Event, order_id));
    field("price", "<i8", offsetof(Event, price));
    field("size", "<i8", offsetof(Event, size));
    field("instrument", "<u4", offsetof(Event, instrument));
    field("action", "<u1", offsetof(Event, action));
    field("side", "<u1", offsetof(Event, side));
    field("flags", "<u2", offsetof(Event, flags));
    return py::dtype(names, formats, offsets, sizeof(Event));
}

}  // namespace

void bind_words(py::module_& m) {
    py::register_exception_translator([](std::exception_ptr p) { translate(p); });
    m.attr("NONE") = kNone;
    m.attr("MAX_SIZE") = kMaxSize;
    m.attr("MAX_PRICE") = kMaxPrice;
    m.attr("ACTIONS") = dict_of(kActionNames);
    m.attr("SIDES") = dict_of(kSideNames);
    m.attr("FLAGS") = dict_of(kFlagNames);
    m.attr("STATUS") = dict_of(kStatusNames);
    m.attr("BAD_STATUS") = static_cast<int>(status::kBad);
    py::list faults;
    for (const auto name : kFaultNames) faults.append(py::str(name.data(), name.size()));
    m.attr("FAULTS") = py::tuple(faults);
    m.attr("EVENT_DTYPE") = event_dtype();
}

}  // namespace bookflow
