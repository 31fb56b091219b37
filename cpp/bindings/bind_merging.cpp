// bookflow._core.Reorder and bookflow._core.Consolidated: several streams put in order, and several
// venues' books as one quote. Their public classes are in reorder.py and consolidation.py.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bind.hpp"
#include "bookflow/consolidated.hpp"
#include "bookflow/reorder.hpp"
#include "columns.hpp"
#include "errors.hpp"
#include "event_dict.hpp"
#include "hot_method.hpp"
#include "state_methods.hpp"
#include "values.hpp"

namespace bookflow {

namespace {

constexpr std::size_t kLong = 512;  // rows from which on the GIL is let go

// A new array, written in order.
template <class T, std::size_t Dimensions>
[[nodiscard]] T* new_array(const std::array<Py_ssize_t, Dimensions>& shape, py::object& array) {
    const auto& numpy = py::detail::npy_api::get();
    PyObject* const dtype = detail::dtype_of<T>();
    Py_INCREF(dtype);  // it is taken over
    array = py::reinterpret_steal<py::object>(
        numpy.PyArray_NewFromDescr_(numpy.PyArray_Type_, dtype, static_cast<int>(Dimensions),
                                    shape.data(), nullptr, nullptr, 0, nullptr));
    if (!array) throw py::error_already_set();
    return reinterpret_cast<T*>(py::detail::array_proxy(array.ptr())->data);
}

// What makes an Events of Python; fields that are not added are None.
class ColumnsOut {
public:
    explicit ColumnsOut(std::size_t rows) : rows_(static_cast<Py_ssize_t>(rows)) {}

    // of(i) for each row.
    template <class T, class Of>
    void add(Field field, Of of) {
        py::object array;
        T* out = new_array<T, 1>({rows_}, array);
        for (Py_ssize_t i = 0; i < rows_; ++i)
            out[i] = static_cast<T>(of(static_cast<std::size_t>(i)));
        set(field, array);
    }
    // The same where one of them is another than `usual`, which None stands for.
    template <class T, class Of>
    void add_unless(T usual, Field field, Of of) {
        for (Py_ssize_t i = 0; i < rows_; ++i) {
            if (static_cast<T>(of(static_cast<std::size_t>(i))) != usual) return add<T>(field, of);
        }
    }
    [[nodiscard]] py::dict take() { return std::move(columns_); }

private:
    void set(Field field, const py::object& column) {
        if (PyDict_SetItem(columns_.ptr(), name_of(field), column.ptr()) != 0) {
            throw py::error_already_set();
        }
    }
    // All of them None: a copy costs less than a dict that grows.
    [[nodiscard]] static py::dict blank() {
        static PyObject* const none = [] {
            py::dict out;
            for (int i = 0; i <= static_cast<int>(Field::Flags); ++i) {
                out[py::handle(name_of(static_cast<Field>(i)))] = py::none();
            }
            return out.release().ptr();
        }();
        auto copy = py::reinterpret_steal<py::dict>(PyDict_Copy(none));
        if (!copy) throw py::error_already_set();
        return copy;
    }

    Py_ssize_t rows_;
    py::dict columns_ = blank();
};

// Runs f without the GIL where it is long; errors name the input.
template <class F>
void run(std::size_t rows, const Origin& origin, F f) {
    try {
        std::optional<py::gil_scoped_release> release;
        if (rows >= kLong) release.emplace();
        f();
    } catch (const InputError& e) {
        set_python_error(input_error(e, origin));
        throw py::error_already_set();
    } catch (const SizeOverflow& e) {
        const std::string where = origin.source.empty() ? "" : origin.source + ": ";
        PyErr_SetString(
            PyExc_OverflowError,
            (where + "row " + std::to_string(e.row + origin.first_row) + ": size: " + e.what())
                .c_str());
        throw py::error_already_set();
    }
}

[[nodiscard]] std::string text_of(PyObject* object, const char* name) {
    if (PyUnicode_Check(object) == 0) throw py::type_error(std::string(name) + " must be a str");
    Py_ssize_t n = 0;
    const char* text = PyUnicode_AsUTF8AndSize(object, &n);
    if (text == nullptr) throw py::error_already_set();
    return {text, static_cast<std::size_t>(n)};
}

// ---- Reorder ----

struct Stage {
    Reorder stage;
    std::optional<Instrument> instrument{};  // of the first events
    std::vector<std::string> streams{};      // their names, where they can be saved
    Busy busy{};

    // (columns, depth)
    [[nodiscard]] py::tuple to_python(const OrderedRows& rows) const {
        const std::vector<Event>& e = rows.events;
        ColumnsOut out(e.size());
        out.add<i64>(Field::Ts, [&](std::size_t i) { return e[i].ts.raw; });
        out.add_unless<i64>(kNone, Field::TsVenue,
                            [&](std::size_t i) { return e[i].ts_venue.raw; });
        out.add_unless<u64>(0, Field::OrderId, [&](std::size_t i) { return e[i].order_id; });
        out.add<i64>(Field::Price, [&](std::size_t i) { return e[i].price.raw; });
        out.add<i64>(Field::Size, [&](std::size_t i) { return e[i].size.raw; });
        out.add_unless<std::uint32_t>(instrument ? instrument->id : 0, Field::Instrument,
                                      [&](std::size_t i) { return e[i].instrument; });
        out.add<std::uint8_t>(Field::Action, [&](std::size_t i) { return e[i].action; });
        out.add<std::uint8_t>(Field::Side, [&](std::size_t i) { return e[i].side; });
        out.add_unless<std::uint16_t>(flag::kLast, Field::Flags,
                                      [&](std::size_t i) { return e[i].flags; });
        py::object depth = py::none();
        if (stage.levels() > 0) {
            py::tuple four(4);
            for (std::size_t k = 0; k < 4; ++k) {
                py::object table;
                std::copy(rows.depth[k].begin(), rows.depth[k].end(),
                          new_array<i64, 2>({static_cast<Py_ssize_t>(e.size()),
                                             static_cast<Py_ssize_t>(stage.levels())},
                                            table));
                four[k] = table;
            }
            depth = std::move(four);
        }
        return py::make_tuple(out.take(), depth);
    }

    template <class V>
    void visit(V& v) {
        bool known = instrument.has_value();
        v(known);
        if (known) {
            if (!instrument) instrument.emplace();
            v(*instrument);
        }
        v(streams, stage);
    }
};

PyObject* push_stage(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    static constexpr std::array<const char*, 5> names{"columns", "depth", "stream", "source",
                                                      "own_depth"};
    const Arguments<5> a("push", names, 4, args, n, keywords);
    auto& bound = self_of<Stage>(self);
    EventDict columns(a[0], a[1], a[4] == nullptr ? Py_None : a[4]);
    const i64 stream = a.integer(2);
    if (stream < 0 || static_cast<std::size_t>(stream) >= bound.streams.size()) {
        throw py::index_error("stream is none of those that there are");
    }
    const Busy::Guard guard(bound.busy);
    OrderedRows out;
    const std::uint32_t id = bound.instrument ? bound.instrument->id : 0;
    if (!columns.events.instrument.given()) {
        columns.events.instrument = {reinterpret_cast<const char*>(&id), 0};
    }
    run(columns.events.rows, {text_of(a[3], "source"), 0},
        [&] { bound.stage.push(columns, static_cast<std::size_t>(stream), out); });
    return bound.to_python(out).release().ptr();
}

void bind_reorder(py::module_& m) {
    using namespace py::literals;
    py::class_<Stage> cls(m, "Reorder", "The compiled part of bookflow.Reorder.");
    cls.def(py::init([](i64 span, bool by_venue, i64 max_events) {
                ReorderSettings settings{span, by_venue, max_events};
                if (max_events < 1 || max_events > ReorderSettings::kMostEvents) {
                    throw InputError("must be from 1 to 2^31", "max_events",
                                     std::to_string(max_events));
                }
                return Stage{Reorder(settings)};
            }),
            "span"_a, "by_venue"_a, "max_events"_a)
        .def(
            "stream",
            [](Made<Stage> s, const std::string& name) {
                const Busy::Guard guard(s->busy);
                s->streams.push_back(name);
                return s->streams.size() - 1;
            },
            "name"_a, "A new stream's number.")
        .def(
            "advance",
            [](Made<Stage> s, i64 ts) {
                const Busy::Guard guard(s->busy);
                OrderedRows out;
                s->stage.advance(ts, out);
                return s->to_python(out);
            },
            "ts"_a, "Time moves to ts (int, ns); returns what that releases, as `push` does.")
        .def(
            "flush",
            [](Made<Stage> s) {
                const Busy::Guard guard(s->busy);
                OrderedRows out;
                s->stage.flush(out);
                return s->to_python(out);
            },
            "Everything that is held, as `push` does.")
        .def_property_readonly(
            "held",
            [](Made<Stage> s) {
                const Busy::Guard guard(s->busy);
                return s->stage.held();
            },
            "Rows that wait.")
        .def_property_readonly(
            "counts",
            [](Made<Stage> s) {
                const Busy::Guard guard(s->busy);
                py::dict out;
                const ReorderCounts& counts = s->stage.counts();
                if (counts.no_venue_time > 0) out["no_venue_time"] = counts.no_venue_time;
                if (counts.late > 0) out["late"] = counts.late;
                if (counts.unfinished > 0) out["unfinished"] = counts.unfinished;
                return out;
            },
            "Rows by what was wrong with them.")
        .def_property_readonly(
            "settings",
            [](Made<Stage> s) {
                const ReorderSettings& own = s->stage.settings();
                return py::make_tuple(own.span, own.by_venue, own.max_events);
            },
            "(span in ns, whether by the venue's time, max_events).")
        .def_property(
            "instrument", [](Made<Stage> s) { return s->instrument; },
            [](Made<Stage> s, Made<Instrument> instrument) {
                const Busy::Guard guard(s->busy);
                s->instrument = *instrument;
            },
            "Of the events; None before the first.")
        .def_property_readonly(
            "streams", [](Made<Stage> s) { return s->streams; }, "The names of the streams.");
    def_state<Stage>(cls, "Reorder", [] { return Stage{}; });
    define_hot_method<&push_stage>(
        cls, "push",
        "push($self, columns, depth, stream, source, own_depth=None)\n--\n\n"
        "Takes the columns of Events (a dict of arrays and None) and "
        "four tables of depth or None;\n"
        "returns (columns, depth) of what was released.");
}

// ---- Consolidated ----

struct Venues {
    Consolidated best{};
    Instrument instrument{};  // of the quotes
    std::vector<std::string> names{};
    Busy busy{};

    template <class V>
    void visit(V& v) {
        v(instrument, names, best);
        if constexpr (V::kReading) {
            v.require(names.size() == best.venues(), "venues and names differ in number");
        }
    }
};

[[nodiscard]] py::dict to_python(const std::vector<BestQuote>& quotes) {
    ColumnsOut out(2 * quotes.size());
    const auto of = [&](std::size_t i) -> const BestQuote& { return quotes[i / 2]; };
    const auto is_bid = [](std::size_t i) { return i % 2 == 0; };
    out.add<i64>(Field::Ts, [&](std::size_t i) { return of(i).ts; });
    out.add<i64>(Field::Price, [&](std::size_t i) {
        return (is_bid(i) ? of(i).quotes.bid : of(i).quotes.ask).raw;
    });
    out.add<i64>(Field::Size, [&](std::size_t i) {
        return (is_bid(i) ? of(i).quotes.bid_size : of(i).quotes.ask_size).raw;
    });
    out.add<std::uint8_t>(Field::Action, [](std::size_t) { return Action::Quote; });
    out.add<std::uint8_t>(Field::Side,
                          [&](std::size_t i) { return is_bid(i) ? Side::Bid : Side::Ask; });
    out.add<std::uint16_t>(Field::Flags,
                           [&](std::size_t i) { return is_bid(i) ? 0 : int{flag::kLast}; });
    return out.take();
}

PyObject* push_venue(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    static constexpr std::array<const char*, 5> names{"venue", "columns", "depth", "source",
                                                      "first_row"};
    const Arguments<5> a("push", names, 5, args, n, keywords);
    auto& bound = self_of<Venues>(self);
    const i64 venue = a.integer(0);
    if (venue < 0 || static_cast<std::size_t>(venue) >= bound.best.venues()) {
        throw py::index_error("venue is none of those that there are");
    }
    const EventDict columns(a[1], a[2]);
    const Origin origin{text_of(a[3], "source"), a.integer(4)};
    const Busy::Guard guard(bound.busy);
    std::vector<BestQuote> out;
    run(columns.events.rows, origin,
        [&] { bound.best.push(static_cast<std::size_t>(venue), columns.events, out); });
    return to_python(out).release().ptr();
}

// Of every venue [(columns, depth, source, first row)].
py::dict push_all(Made<Venues> self, const py::list& venues) {
    std::vector<EventColumns> all;
    std::vector<Origin> origins;
    std::size_t rows = 0;
    for (const py::handle item : venues) {
        const auto parts = py::cast<py::tuple>(item);
        all.push_back(EventDict(parts[0].ptr(), parts[1].ptr()).events);
        origins.push_back({py::cast<std::string>(parts[2]), py::cast<i64>(parts[3])});
        rows += all.back().rows;
    }
    const Busy::Guard guard(self->busy);
    if (all.size() != self->best.venues()) throw py::value_error("one item a venue is due");
    for (std::size_t k = 0; k < all.size(); ++k) {
        run(all[k].rows, origins[k], [&] { self->best.check(k, all[k]); });
    }
    std::vector<BestQuote> out;
    run(rows, {}, [&] { self->best.take_all(all, out); });
    return to_python(out);
}

void bind_consolidated(py::module_& m) {
    using namespace py::literals;
    py::class_<Venues> cls(m, "Consolidated", "The compiled part of bookflow.Consolidated.");
    cls.def(py::init([](const py::dict& instruments, Made<Instrument> of, i64 stale_after) {
                std::vector<Instrument> own;
                Venues out;
                out.instrument = *of;
                for (const auto& [name, instrument] : instruments) {
                    out.names.push_back(py::cast<std::string>(name));
                    own.push_back(*py::cast<Made<Instrument>>(instrument));
                }
                if (stale_after < 0 || stale_after >= kMaxTime) {
                    throw InputError("must be from 0 to 2^62 ns", "stale_after",
                                     std::to_string(stale_after));
                }
                out.best = Consolidated(own, stale_after);
                return out;
            }),
            "instruments"_a, "instrument"_a, "stale_after"_a)
        .def("push_all", &push_all, "venues"_a,
             "The events of all venues by time, each (columns, depth, source, first row).")
        .def(
            "advance",
            [](Made<Venues> s, i64 ts) {
                const Busy::Guard guard(s->busy);
                std::vector<BestQuote> out;
                s->best.advance(ts, out);
                return to_python(out);
            },
            "ts"_a, "Time moves to ts (int, ns); returns the quotes that this changed.")
        .def_property_readonly(
            "quotes",
            [](Made<Venues> s) {
                const Busy::Guard guard(s->busy);
                return bookflow::to_python(s->best.quotes());
            },
            "(bid, bid_size, ask, ask_size) now.")
        .def_property_readonly(
            "instrument", [](Made<Venues> s) { return s->instrument; }, "What the quotes are of.")
        .def_property_readonly(
            "instruments",
            [](Made<Venues> s) {
                py::dict out;
                for (std::size_t k = 0; k < s->names.size(); ++k) {
                    out[py::str(s->names[k])] = s->best.instrument(k);
                }
                return out;
            },
            "The venues' own, by name, in their order.");
    def_state<Venues>(cls, "Consolidated", [] { return Venues{}; });
    define_hot_method<&push_venue>(cls, "push",
                                   "push($self, venue, columns, depth, source, first_row)\n--\n\n"
                                   "Takes a venue's columns of Events (a dict of arrays and None) "
                                   "and four tables of depth or\n"
                                   "None; returns the columns of the quotes that they changed.");
}

}  // namespace

void bind_merging(py::module_& m) {
    bind_reorder(m);
    bind_consolidated(m);
}

}  // namespace bookflow
