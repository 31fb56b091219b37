// bookflow._core.EventQueue and HistoryRing: the compiled parts of the classes of these names.
#include "rings.hpp"

#include <pybind11/stl.h>

#include "bind.hpp"
#include "errors.hpp"
#include "integers.hpp"

namespace bookflow {

namespace {

u64 between(const char* field, i64 value, u64 most) {
    if (value < 1 || static_cast<u64>(value) > most) {
        throw InputError("must be from 1 to " + std::to_string(most), field, std::to_string(value));
    }
    return static_cast<u64>(value);
}

EventQueue::Settings settings_of(const std::string& overflow, const py::object& timeout,
                                 const std::string& wait) {
    EventQueue::Settings s;
    s.overflow = one_of<Overflow>("overflow", overflow);
    s.timeout = wait_ns(timeout, "timeout");
    s.wait = one_of<Waiting>("wait", wait);
    return s;
}

// ---- the queue ----

std::size_t push_columns(Made<BoundQueue> self, const py::dict& columns) {
    const EventDict given(columns.ptr());
    const std::size_t rows = given.events.rows;
    const Busy::Guard guard(self->pushing);
    self->claim(EventQueue::Pushing);
    EventQueue& queue = *self->queue;
    return push_in_turns(queue, rows, [&](std::size_t from, auto&& give_up) {
        return queue.push(
            rows - from, [&](std::size_t i) { return given.event(from + i); }, give_up);
    });
}

PyObject* try_push(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    static constexpr std::array<const char*, 8> names{"ts",   "action",   "side",  "price",
                                                      "size", "order_id", "flags", "instrument"};
    const Arguments<8> a("try_push", names, 5, args, n, keywords);
    auto& bound = self_of<BoundQueue>(self);
    const Event e = event_of(a, names);
    const Busy::Guard guard(bound.pushing);
    bound.claim(EventQueue::Pushing);
    const auto one = [&](std::size_t) { return e; };
    return PyBool_FromLong(static_cast<long>(bound.queue->try_push(1, one)));
}

// Into a structured array of events, as many as wait and fit.
std::size_t pop_into(Made<BoundQueue> self, const py::array& out) {
    const py::object dtype = py::module_::import("bookflow._core").attr("EVENT_DTYPE");
    if (!out.dtype().equal(dtype)) {
        throw py::type_error("out has dtype " + std::string(py::str(out.attr("dtype"))) +
                             ", expected EVENT_DTYPE");
    }
    constexpr int needed = py::array::c_style | py::detail::npy_api::NPY_ARRAY_WRITEABLE_ |
                           py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    if (out.ndim() != 1 || (out.flags() & needed) != needed) {
        throw py::value_error("out must be a writable contiguous array of one dimension");
    }
    if (self->has_live.load()) throw std::runtime_error("a Live takes what is in this queue");
    const Busy::Guard guard(self->taking);
    self->claim(EventQueue::Taking);
    auto* to = static_cast<std::byte*>(out.request(true).ptr);
    const auto room = static_cast<std::size_t>(out.shape(0));
    std::size_t taken = 0;
    while (taken < room) {
        const auto some = self->queue->front(room - taken);
        if (some.empty()) break;
        for (const QueuedEvent& one : some) {
            std::memcpy(to + taken * sizeof(Event), &one.event, sizeof(Event));
            ++taken;
        }
        self->queue->pop(some.size());
    }
    return taken;
}

// Until something waits: whether it does.
bool wait_for_events(Made<BoundQueue> self, const py::object& timeout) {
    const EventQueue& queue = *self->queue;
    return wait_until(wait_ns(timeout, "timeout"), queue.settings().wait,
                      [&] { return queue.size() > 0; });
}

void bind_queue(py::module_& m) {
    using namespace py::literals;
    py::class_<BoundQueue, std::shared_ptr<BoundQueue>> cls(
        m, "EventQueue", "The compiled part of bookflow.EventQueue.");
    const auto count = [](u64 (EventQueue::*f)() const) {
        return [f](Made<BoundQueue> b) { return (*b->queue.*f)(); };
    };
    cls.def(py::init([](i64 capacity, const std::string& overflow, const py::object& timeout,
                        const std::string& wait, const std::string& name, bool replace) {
                EventQueue::Settings s = settings_of(overflow, timeout, wait);
                s.capacity = between("capacity", capacity, EventQueue::kMost);
                s.name = name;
                s.replace = replace;
                return std::shared_ptr<BoundQueue>(
                    new BoundQueue{std::make_shared<EventQueue>(s), {}, {}});
            }),
            "capacity"_a, "overflow"_a, "timeout"_a, "wait"_a, "name"_a, "replace"_a)
        .def(py::init([](const std::string& name, const std::string& overflow,
                         const py::object& timeout, const std::string& wait) {
                 return std::shared_ptr<BoundQueue>(new BoundQueue{
                     std::make_shared<EventQueue>(name, settings_of(overflow, timeout, wait)),
                     {},
                     {}});
             }),
             "name"_a, "overflow"_a, "timeout"_a, "wait"_a)
        .def("_push", &push_columns, "columns"_a)
        .def("pop_into", &pop_into, "out"_a,
             "Takes events into a structured array of EVENT_DTYPE; returns how many came.")
        .def("wait", &wait_for_events, "timeout"_a = py::none(),
             "Until an event waits, at most timeout seconds (None: for ever): whether one does.")
        .def("__len__", count(&EventQueue::size))
        .def_property_readonly("capacity", count(&EventQueue::capacity), "Events that fit.")
        .def_property_readonly("sent", count(&EventQueue::sent),
                               "Events that were pushed, the dropped ones among them.")
        .def_property_readonly("received", count(&EventQueue::received), "Events taken out.")
        .def_property_readonly("dropped", count(&EventQueue::dropped),
                               "Events for which there was no room.")
        .def_property_readonly(
            "name", [](Made<BoundQueue> b) { return b->queue->segment().name(); },
            "The shared segment's name; \"\" if it is the process's own.")
        .def_property_readonly(
            "overflow",
            [](Made<BoundQueue> b) {
                return std::string(
                    names_of(Overflow{})[static_cast<std::size_t>(b->queue->settings().overflow)]);
            },
            "\"refuse\", \"block\" or \"drop\".")
        .def_property_readonly(
            "maker_lives", [](Made<BoundQueue> b) { return b->queue->segment().maker_lives(); },
            "Whether the process that made it lives and has not closed it.")
        .def(
            "close",
            [](Made<BoundQueue> b) {
                b->queue->release(EventQueue::Pushing);
                if (!b->has_live.load()) b->queue->release(EventQueue::Taking);
                b->claimed = {};
                b->queue->segment().close();
            },
            "The maker's last word: the shared name is free again.");
    define_hot_method<&try_push>(
        cls, "try_push",
        "try_push($self, ts, action, side, price, size, order_id=0, flags=1, instrument=0)\n--\n\n"
        "Puts one event in if there is room (integers in units, ts in ns; price None: not given), "
        "and never waits: whether it did. Field rules are checked by whoever takes it out.");
}

// ---- the ring of rows ----

// The dtypes' sizes decide what can be kept: whole words.
ItemBytes items_of(const std::vector<i64>& bytes) {
    ItemBytes items;
    for (const i64 b : bytes) {
        if (b != 2 && (b < 8 || b % 8 != 0 || b > 4096)) {
            throw InputError("must be 2 or a multiple of 8 up to 4096", "bytes of an item",
                             std::to_string(b));
        }
        items.push_back(static_cast<u64>(b));
    }
    if (items.empty()) throw InputError("must name at least one", "columns", "none");
    return items;
}

u64 checked_range(const HistoryRing& ring, u64 from, u64 n) {
    if (n > ring.most()) {
        throw InputError("at most " + std::to_string(ring.most()) + " rows can be read at once",
                         "n", std::to_string(n));
    }
    if (from + n > ring.written()) {
        throw InputError("is past the last row", "from", std::to_string(from));
    }
    return n;
}

py::array view(const py::object& self, std::size_t column, const py::dtype& dtype, u64 from,
               u64 n) {
    const HistoryRing& ring = *self_of<BoundHistory>(self.ptr()).ring;
    checked_range(ring, from, n);
    if (column >= ring.items().size() ||
        static_cast<u64>(dtype.itemsize()) != ring.items()[column]) {
        throw py::index_error("no such column of that dtype");
    }
    py::array out(dtype, {static_cast<py::ssize_t>(n)}, {dtype.itemsize()}, ring.at(column, from),
                  self);
    py::detail::array_proxy(out.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
    return out;
}

// Copies into one array a column; false: overwritten meanwhile.
bool copy(Made<BoundHistory> self, u64 from, const std::vector<py::array>& out) {
    const HistoryRing& ring = *self->ring;
    if (out.size() != ring.items().size()) throw py::value_error("one array a column");
    for (std::size_t c = 0; c < out.size(); ++c) {
        const auto n = static_cast<u64>(out[c].shape(0));
        checked_range(ring, from, n);
        if (static_cast<u64>(out[c].itemsize()) != ring.items()[c] || out[c].ndim() != 1 ||
            (out[c].flags() & py::array::c_style) == 0) {
            throw py::value_error("out is not of the column's shape");
        }
        if (!ring.copy(c, from, n, py::array(out[c]).mutable_data())) return false;
    }
    return true;
}

void append(Made<BoundHistory> self, const std::vector<py::array>& columns) {
    HistoryRing& ring = *self->ring;
    const Busy::Guard guard(self->writing);
    if (self->has_live) throw std::runtime_error("a Live writes this ring");
    if (!self->writes || self->made_after_forks != forks()) {
        throw std::runtime_error("only the process that made a ring writes it");
    }
    if (columns.size() != ring.items().size()) throw py::value_error("one array a column");
    for (std::size_t c = 0; c < columns.size(); ++c) {
        const py::array& a = columns[c];
        if (a.ndim() != 1 || (a.flags() & py::array::c_style) == 0 ||
            static_cast<u64>(a.itemsize()) != ring.items()[c] ||
            a.shape(0) != columns[0].shape(0)) {
            throw py::value_error(
                "columns must be contiguous, of the ring's dtypes and one length");
        }
    }
    ring.append(static_cast<u64>(columns[0].shape(0)), [&](std::size_t c, u64 skip, auto put) {
        put(static_cast<const std::byte*>(columns[c].data()) + skip * ring.items()[c]);
    });
}

// Until there are more rows than `seen`: how many there are.
u64 wait_for_rows(Made<BoundHistory> self, u64 seen, const py::object& timeout,
                  const std::string& wait) {
    const HistoryRing& ring = *self->ring;
    unsigned rounds = 0;
    (void)wait_until(wait_ns(timeout, "timeout"), one_of<Waiting>("wait", wait), [&] {
        // Nothing will come of a maker that is gone; its death is looked for now and then.
        return ring.written() > seen || (++rounds % 1024 == 0 && !ring.segment().maker_lives());
    });
    return ring.written();
}

void bind_history(py::module_& m) {
    using namespace py::literals;
    py::class_<BoundHistory, std::shared_ptr<BoundHistory>> cls(
        m, "HistoryRing", "The compiled part of bookflow.HistoryRing.");
    cls.def(py::init([](i64 rows, const std::vector<i64>& item_bytes, const std::string& text,
                        const std::string& name, bool replace, bool single_mapping) {
                auto ring = std::make_shared<HistoryRing>(between("rows", rows, u64{1} << 40),
                                                          items_of(item_bytes), text, name, replace,
                                                          kMapsTwice && !single_mapping);
                return std::shared_ptr<BoundHistory>(new BoundHistory{std::move(ring), {}, true});
            }),
            "rows"_a, "item_bytes"_a, "text"_a, "name"_a, "replace"_a, "single_mapping"_a)
        .def(py::init([](const std::string& name) {
                 return std::shared_ptr<BoundHistory>(
                     new BoundHistory{std::make_shared<HistoryRing>(name), {}});
             }),
             "name"_a)
        .def_property_readonly("_item_bytes", [](Made<BoundHistory> b) { return b->ring->items(); })
        .def("_view", &view, "column"_a, "dtype"_a, "first"_a, "n"_a)
        .def("_copy", &copy, "first"_a, "out"_a)
        .def("_append", &append, "columns"_a)
        .def(
            "_valid", [](Made<BoundHistory> b, u64 from) { return b->ring->valid(from); },
            "first"_a)
        .def("_wait", &wait_for_rows, "seen"_a, "timeout"_a, "wait"_a)
        .def_property_readonly("_text", [](Made<BoundHistory> b) { return b->ring->text(); })
        .def_property_readonly(
            "written", [](Made<BoundHistory> b) { return b->ring->written(); },
            "Rows written since the beginning.")
        .def("__len__",
             [](Made<BoundHistory> b) { return std::min(b->ring->written(), b->ring->most()); })
        .def_property_readonly(
            "capacity", [](Made<BoundHistory> b) { return b->ring->capacity(); },
            "Rows kept, those that are about to be overwritten among them.")
        .def_property_readonly(
            "most", [](Made<BoundHistory> b) { return b->ring->most(); },
            "The most rows that can be read at once.")
        .def_property_readonly(
            "name", [](Made<BoundHistory> b) { return b->ring->segment().name(); },
            "The shared segment's name; \"\" if it is the process's own.")
        .def_property_readonly(
            "maker_lives", [](Made<BoundHistory> b) { return b->ring->segment().maker_lives(); },
            "Whether the process that made it lives and has not closed it.")
        .def(
            "close", [](Made<BoundHistory> b) { b->ring->segment().close(); },
            "The maker's last word: readers learn it, the shared name is free again.");
}

}  // namespace

void bind_rings(py::module_& m) {
    py::register_exception_translator([](std::exception_ptr p) {
        try {
            if (p) std::rethrow_exception(p);
        } catch (const SegmentError& e) {
            set_python_error(py::module_::import("bookflow.errors").attr("SegmentError")(e.what()));
        }
    });
    bind_queue(m);
    bind_history(m);
}

}  // namespace bookflow
