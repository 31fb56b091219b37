// bookflow._core.Pipeline: the compiled part of bookflow.Pipeline.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bind.hpp"
#include "bookflow/pipeline.hpp"
#include "c_functions.hpp"
#include "columns.hpp"
#include "errors.hpp"
#include "hot_method.hpp"
#include "values.hpp"

namespace bookflow {

namespace {

struct Bound {
    Pipeline pipeline;
    Busy busy;
};

SessionSchedule session_of(const py::object& session) {
    SessionSchedule out;
    if (session.is_none()) return out;
    const auto parts = py::cast<py::tuple>(session);  // (text, start, end, [(from, offset), ...])
    out.text = py::cast<std::string>(parts[0]);
    out.start = py::cast<i64>(parts[1]);
    out.end = py::cast<i64>(parts[2]);
    for (const py::handle change : parts[3]) {
        const auto pair = py::cast<std::pair<i64, i64>>(change);
        out.zone.push_back({pair.first, pair.second});
    }
    return out;
}

template <class E>
E choice(const char* field, const std::string& text) {
    const auto names = names_of(E{});
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) {
        throw InputError("must be one of " + candidates(names), field, text);
    }
    return static_cast<E>(found - names.begin());
}

bool switched(const char* field, const std::string& text, const char* off, const char* on) {
    if (text != off && text != on) {
        throw InputError(std::string("must be one of ") + off + ", " + on, field, text);
    }
    return text == on;
}

i64 span_ns(const std::string& text, const std::string& field) {
    const auto span = Span::parse(text);
    if (!span || span->of != Span::Of::Time) {
        throw InputError("must be a span of time like \"5s\" or \"100ms\"", field, text);
    }
    return span->count;
}

Clock clock_of(const std::string& text) {
    const auto clock = Clock::parse(text);
    if (!clock) throw InputError("must be " + std::string(Clock::kRule), "clock", text);
    return *clock;
}

i64 above_zero(const char* field, i64 value) {
    if (value < 1 || value > (i64{1} << 40)) {
        throw InputError("must be from 1 to 2^40", field, std::to_string(value));
    }
    return value;
}

py::tuple rows_to_python(Rows&& rows) {
    py::list features;
    for (auto& column : rows.features) features.append(to_numpy(std::move(column)));
    return py::make_tuple(to_numpy(std::move(rows.ts)), to_numpy(std::move(rows.status)),
                          to_numpy(std::move(rows.seen)), to_numpy(std::move(rows.clean)),
                          features);
}

Rows last_rows(const Rows& history, i64 n) {
    Rows out(history.features.size());
    out.append_last(history, static_cast<std::size_t>(std::max<i64>(n, 0)));
    return out;
}

py::tuple run(Made<Bound> self, const py::object& ts, const py::object& action,
              const py::object& side, const py::object& price, const py::object& size,
              const py::object& flags, const py::object& order_id, const py::object& instrument,
              const py::object& depth, const std::string& source, i64 first_row) {
    const EventColumns c =
        event_columns(ts, action, side, price, size, flags, order_id, instrument, depth);
    const Busy::Guard guard(self->busy);
    Rows rows;
    const Origin origin{source, first_row};
    try {
        // The GIL is let go where the work is longer than letting go; the caller's references and
        // the busy flag keep arrays and pipeline in place.
        constexpr std::size_t kLong = 512;
        std::optional<py::gil_scoped_release> release;
        if (c.rows >= kLong) release.emplace();
        self->pipeline.run(c, rows);
    } catch (const InputError& e) {
        set_python_error(input_error(e, origin));
        throw py::error_already_set();
    } catch (const SizeOverflow& e) {
        const std::string where = source.empty() ? "" : source + ": ";
        PyErr_SetString(
            PyExc_OverflowError,
            (where + "row " + std::to_string(e.row + first_row) + ": size: " + e.what()).c_str());
        throw py::error_already_set();
    } catch (const FeedFault& e) {
        const i64 row = e.row + first_row;
        set_python_error(
            py::module_::import("bookflow.errors")
                .attr("FeedFault")((source.empty() ? "" : source + ": ") + "row " +
                                       std::to_string(row) + ": feed fault: " + e.fault,
                                   py::arg("fault") = e.fault, py::arg("row") = row,
                                   py::arg("rows_applied") = e.row,
                                   py::arg("frame") = rows_to_python(std::move(rows))));
        throw py::error_already_set();
    }
    return rows_to_python(std::move(rows));
}

// A code that its field cannot hold is as one that is none: refused by the checks.
Event event_of(i64 ts, i64 action, i64 side, i64 price, i64 size, u64 order_id, i64 flags) {
    const auto byte = [](i64 x) { return static_cast<std::uint8_t>(x < 0 || x > 254 ? 255 : x); };
    Event e;
    e.ts = Nanos(ts);
    e.action = static_cast<Action>(byte(action));
    e.side = static_cast<Side>(byte(side));
    e.price = Price(price);
    e.size = Size(size);
    e.order_id = OrderId{order_id};
    e.flags = static_cast<std::uint16_t>(flags < 0 || flags > 0xFFFF ? 0xFFFF : flags);
    return e;
}

i64 push_alone(Pipeline& pipeline, const Event& e) {
    try {
        return pipeline.push(e);
    } catch (const InputError& error) {
        throw InputError(error.rule, error.field, error.value);  // a single event has no row
    }
}

// The event of a call of `push` or `peek`.
[[gnu::always_inline]] inline Event event_of_call(const char* method, PyObject* const* args,
                                                  Py_ssize_t n, PyObject* keywords) {
    static constexpr std::array<const char*, 7> names{"ts",   "action",   "side", "price",
                                                      "size", "order_id", "flags"};
    const Arguments<7> a(method, names, 5, args, n, keywords);
    const i64 ts = a.integer(0);
    const i64 action = a.integer(1);
    const i64 side = a.integer(2);
    const i64 price = a.integer(3, kNone);
    const i64 size = a.integer(4);
    const u64 order_id = a.unsigned_integer(5, 0);
    return event_of(ts, action, side, price, size, order_id, a.integer(6, flag::kLast));
}

PyObject* push(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    auto& bound = self_of<Bound>(self);
    const Event e = event_of_call("push", args, n, keywords);
    const Busy::Guard guard(bound.busy);
    return PyLong_FromLongLong(push_alone(bound.pipeline, e));
}

PyObject* peek(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    auto& bound = self_of<Bound>(self);
    const Event e = event_of_call("peek", args, n, keywords);
    const Busy::Guard guard(bound.busy);
    try {
        return rows_to_python(bound.pipeline.peek(e)).release().ptr();
    } catch (const InputError& error) {
        throw InputError(error.rule, error.field, error.value);  // a single event has no row
    }
}

// A method or property that waits its turn: another thread may be in the middle of a run.
template <class... Args, class F>
auto in_turn(F f) {
    return [f](Made<Bound> b, Args... args) {
        const Busy::Guard guard(b->busy);
        return f(b->pipeline, args...);
    };
}

// The last written row.
const Rows& last_row(const Pipeline& pipeline) {
    if (pipeline.history().size() == 0) throw py::index_error("no row was written yet");
    return pipeline.history();
}

double last(const Pipeline& pipeline, i64 column) {
    const Rows& rows = last_row(pipeline);
    const auto columns = static_cast<i64>(rows.features.size());
    if (column < 0 || column >= columns) {
        throw py::index_error("column " + std::to_string(column) + " of " +
                              std::to_string(columns));
    }
    return rows.features[static_cast<std::size_t>(column)].back();
}

i64 last_ts(const Pipeline& pipeline) { return last_row(pipeline).ts.back(); }
i64 last_status(const Pipeline& pipeline) { return last_row(pipeline).status.back(); }

// C functions; see c_functions.hpp.

int c_push(Bound* bound, i64 ts, i64 action, i64 side, i64 price, i64 size, u64 order_id, i64 flags,
           i64* written) noexcept {
    return in_c(bound, [&](Bound& b) {
        const Event e = event_of(ts, action, side, price, size, order_id, flags);
        *written = push_alone(b.pipeline, e);
    });
}
int c_advance(Bound* bound, i64 ts, i64* written) noexcept {
    return in_c(bound, [&](Bound& b) { *written = b.pipeline.advance(ts); });
}
int c_last(Bound* bound, i64 column, double* out) noexcept {
    return in_c(bound, [&](Bound& b) { *out = last(b.pipeline, column); });
}
int c_last_ts(Bound* bound, i64* out) noexcept {
    return in_c(bound, [&](Bound& b) { *out = last_ts(b.pipeline); });
}
int c_last_status(Bound* bound, i64* out) noexcept {
    return in_c(bound, [&](Bound& b) { *out = last_status(b.pipeline); });
}
int c_quotes(Bound* bound, i64* four) noexcept {
    return in_c(bound, [&](Bound& b) { write_quotes(b.pipeline.quotes(), four); });
}

void add_c_functions(py::module_& m) {
    const std::string cls = "Pipeline";
    add_taking<Bound>(m, cls);
    add_c_function(m, cls, "push", &c_push);
    add_c_function(m, cls, "advance", &c_advance);
    add_c_function(m, cls, "last", &c_last);
    add_c_function(m, cls, "last_ts", &c_last_ts);
    add_c_function(m, cls, "last_status", &c_last_status);
    add_c_function(m, cls, "quotes", &c_quotes);
}

// One statement a line, the same words as the command line.
std::string spec_text(const Pipeline& pipeline) {
    const PipelineSettings& s = pipeline.settings();
    std::string out = "clock=\"" + s.clock.text() + "\"\n";
    if (s.origin != 0) out += "origin=" + std::to_string(s.origin) + "\n";
    if (s.session.active()) out += "session=\"" + s.session.text + "\"\n";
    if (s.hidden != Hidden::Volume) {
        out += "hidden=\"" + std::string(detail::name_of_choice(s.hidden)) + "\"\n";
    }
    if (s.raise_faults) out += "on_fault=\"raise\"\n";
    if (s.on_gap != OnGap::Mark) {
        out += "on_gap=\"" + std::string(detail::name_of_choice(s.on_gap)) + "\"\n";
    }
    if (s.on_crossed != OnCrossed::Mark) {
        out += "on_crossed=\"" + std::string(detail::name_of_choice(s.on_crossed)) + "\"\n";
    }
    if (s.stale_after != 0) {
        out += "stale_after=\"" + Span{Span::Of::Time, s.stale_after, {}}.text() + "\"\n";
    }
    if (s.as_is) out += "order=\"as-is\"\n";
    if (s.max_rows != PipelineSettings{}.max_rows) {
        out += "max_rows=" + std::to_string(s.max_rows) + "\n";
    }
    if (s.history != PipelineSettings{}.history) {
        out += "history=" + std::to_string(s.history) + "\n";
    }
    for (const Feature& f : s.features) out += f.name + "=" + f.calculator + "\n";
    return out;
}

}  // namespace

void bind_pipeline(py::module_& m) {
    using namespace py::literals;
    m.def("span_ns", &span_ns, "text"_a, "field"_a, "A span of time in ns.");
    py::class_<Bound> cls(m, "Pipeline", "The compiled part of bookflow.Pipeline.");
    cls.def(py::init([](const py::bytes& state) {
                auto bound = std::make_unique<Bound>();
                StateEnvelope(std::string_view(state)).load("Pipeline", bound->pipeline);
                return bound;
            }),
            "state"_a);
    cls.def(
           py::init([](Made<Instrument> instrument, const std::string& clock,
                       const std::vector<std::pair<std::string, std::string>>& features,
                       const py::object& session, const std::string& hidden,
                       const std::string& on_fault, const std::string& on_gap,
                       const std::string& on_crossed, const std::optional<std::string>& stale_after,
                       const std::string& order, i64 origin, i64 max_rows, i64 history) {
               PipelineSettings s;
               s.instrument = *instrument;
               s.clock = clock_of(clock);
               s.origin = origin;
               s.session = session_of(session);
               s.hidden = choice<Hidden>("hidden", hidden);
               s.raise_faults = switched("on_fault", on_fault, "mark", "raise");
               s.on_gap = choice<OnGap>("on_gap", on_gap);
               s.on_crossed = choice<OnCrossed>("on_crossed", on_crossed);
               s.stale_after = stale_after ? span_ns(*stale_after, "stale_after") : 0;
               s.as_is = switched("order", order, "error", "as-is");
               s.max_rows = above_zero("max_rows", max_rows);
               s.history = above_zero("history", history);
               for (const auto& [name, spec] : features) s.features.push_back({name, spec});
               return Bound{Pipeline(std::move(s)), {}};
           }),
           "instrument"_a, "clock"_a, "features"_a, "session"_a = py::none(), "hidden"_a = "volume",
           "on_fault"_a = "mark", "on_gap"_a = "mark", "on_crossed"_a = "mark",
           "stale_after"_a = py::none(), "order"_a = "error", "origin"_a = 0,
           "max_rows"_a = 1'000'000, "history"_a = 1024)
        .def("_run", &run, "ts"_a, "action"_a, "side"_a, "price"_a, "size"_a, "flags"_a,
             "order_id"_a, "instrument"_a, "depth"_a, "source"_a = "", "first_row"_a = 0)
        .def("_latest", in_turn<i64>([](Pipeline& p, i64 n) {
                 if (n < 0) throw InputError("must be 0 or more", "n", std::to_string(n));
                 return rows_to_python(last_rows(p.history(), n));
             }),
             "n"_a)
        .def("last", in_turn<i64>(&last), "column"_a,
             "The last written row's number in a feature column, by its index; IndexError before "
             "the first row.")
        .def_property_readonly("last_ts", in_turn<>(&last_ts), "The last written row's time, ns.")
        .def_property_readonly("last_status", in_turn<>(&last_status),
                               "The last written row's status bits.")
        .def("advance", in_turn<i64>([](Pipeline& p, i64 ts) { return p.advance(ts); }), "ts"_a,
             "Time moves to ts (int, ns) without an event; returns how many rows were written.")
        .def("_finish", in_turn<>([](Pipeline& p) { return p.finish(); }))
        .def("reset", in_turn<>([](Pipeline& p) { p.reset(); }), "As new, with the same settings.")
        .def_property_readonly("spec", in_turn<>(&spec_text),
                               "Clock, settings and features as text, one statement a line.")
        .def_property_readonly("columns", in_turn<>([](Pipeline& p) { return p.columns(); }),
                               "The names of the feature columns.")
        .def_property_readonly("instrument",
                               in_turn<>([](Pipeline& p) { return p.settings().instrument; }))
        .def_property_readonly("status",
                               in_turn<>([](Pipeline& p) { return static_cast<int>(p.status()); }),
                               "The book's status bits now.")
        .def_property_readonly(
            "quotes", in_turn<>([](Pipeline& p) { return to_python(p.quotes()); }),
            "(bid, bid_size, ask, ask_size) in units; an empty side is (NONE, 0).")
        .def_property_readonly("faults",
                               in_turn<>([](Pipeline& p) { return to_python(p.faults()); }),
                               "Feed faults by name.")
        .def_property_readonly(
            "content_hash", in_turn<>([](Pipeline& p) -> py::object {
                if (const OrderBook* book = p.order_book()) return py::int_(book->content_hash());
                if (const LevelBook* book = p.level_book()) return py::int_(book->content_hash());
                return py::none();
            }),
            "The hash of its order or level book; None where depth rows are the book.")
        .def_property_readonly("pending", in_turn<>([](Pipeline& p) { return p.pending(); }),
                               "Events that wait for the LAST of their atomic event.")
        .def("to_bytes",
             in_turn<>([](Pipeline& p) { return py::bytes(save_state("Pipeline", p)); }),
             "Settings, book, calculators, clock and last rows as bytes.")
        .def("restore", in_turn<const py::bytes&>([](Pipeline& p, const py::bytes& state) {
                 Pipeline saved;
                 StateEnvelope(std::string_view(state)).load("Pipeline", saved);
                 p = std::move(saved);
             }),
             "state"_a,
             "Becomes the pipeline of `to_bytes`, settings and all; StateError, and nothing "
             "changes, when the bytes are not one.");
    define_hot_method<&push>(
        cls, "push",
        "push($self, ts, action, side, price, size, order_id=0, flags=1)\n--\n\n"
        "Takes one event (integers in units, ts in ns; price None: not given) and returns how many "
        "rows it wrote; `latest` reads them. Raises InputError, and nothing changes, when a field "
        "breaks a rule.");
    define_hot_method<&peek>(
        cls, "_peek",
        "_peek($self, ts, action, side, price, size, order_id=0, flags=1)\n--\n\n"
        "The columns of `peek`'s row, of length 1 or 0.");
    cls.def("_hold",
            [](Made<Bound> b) {
                b->busy.lend();
                if (!b->busy.is_mine()) Busy::throw_in_use();
            })
        .def("_let_go", [](Made<Bound> b) { b->busy.give_back(); });
    add_c_functions(m);
}

}  // namespace bookflow
