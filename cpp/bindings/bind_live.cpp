// bookflow._core.Live: the compiled part of bookflow.Live.
#include "bookflow/live/live.hpp"

#include <pybind11/stl.h>

#include "bind.hpp"
#include "errors.hpp"
#include "integers.hpp"
#include "rings.hpp"
#include "values.hpp"

namespace bookflow {

namespace {

struct BoundLive {
    std::shared_ptr<BoundQueue> queue;
    std::shared_ptr<BoundHistory> rows;
    std::shared_ptr<BoundHistory> events;
    std::unique_ptr<Live> live;
    Busy taking_alarms;

    ~BoundLive() {
        if (live && live->forked()) {
            // The other process's thread may have been changing it: it is left as it is.
            (void)live.release();
            return;
        }
        without_gil([&] {  // the thread ends its batch
            live.reset();
            return 0;
        });
        release_rings();
    }
    void release_rings() {
        if (queue) queue->has_live.store(false);
        if (rows) rows->has_live = false;
        if (events) events->has_live = false;
    }
};

std::shared_ptr<BoundLive> make(const py::bytes& pipeline, std::shared_ptr<BoundQueue> queue,
                                std::shared_ptr<BoundHistory> rows,
                                std::shared_ptr<BoundHistory> events, const std::string& wait,
                                i64 heartbeat) {
    Pipeline p;
    StateEnvelope(std::string_view(pipeline)).load("Pipeline", p);
    if (queue->has_live.load() || rows->has_live || (events && events->has_live)) {
        throw std::runtime_error("another Live has this ring");
    }
    if (!rows->writes || (events && !events->writes)) {
        throw std::runtime_error("only the process that made a ring writes it");
    }
    queue->claim(EventQueue::Taking);
    auto out = std::make_shared<BoundLive>();
    out->live = std::make_unique<Live>(std::move(p), queue->queue, rows->ring,
                                       events ? events->ring : nullptr,
                                       Live::Settings{one_of<Waiting>("wait", wait), heartbeat});
    out->queue = std::move(queue);
    out->rows = std::move(rows);
    out->events = std::move(events);
    out->queue->has_live.store(true);
    out->rows->has_live = true;
    if (out->events) out->events->has_live = true;
    return out;
}

// One event by its fields, or many in one object, which the Python side takes apart.
PyObject* push(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    if (n == 1 && keywords == nullptr) {
        return PyObject_CallMethodOneArg(self, py::str("_push_events").ptr(), args[0]);
    }
    static constexpr std::array<const char*, 7> names{"ts",   "action",   "side", "price",
                                                      "size", "order_id", "flags"};
    const Arguments<7> a("push", names, 5, args, n, keywords);
    auto& bound = self_of<BoundLive>(self);
    const Event e = event_of(a, names);
    const Busy::Guard guard(bound.queue->pushing);
    bound.live->require_own_process();
    bound.queue->claim(EventQueue::Pushing);
    Live& live = *bound.live;
    live.may_push();
    try {
        if (live.try_push(e)) return PyLong_FromLong(1);
    } catch (const InputError& error) {
        throw InputError(error.rule, error.field, error.value);  // a single event has no row
    }
    const std::size_t accepted = push_in_turns(live.queue(), 1, [&](std::size_t, auto&& give_up) {
        return live.put(1, [&](std::size_t) { return e; }, give_up);
    });
    live.rethrow();
    return PyLong_FromSize_t(accepted);
}

std::size_t push_columns(Made<BoundLive> self, const py::dict& columns, const py::object& depth,
                         const std::string& source, i64 first_row) {
    const EventDict given(columns.ptr(), depth.ptr());
    const std::size_t rows = given.events.rows;
    const Busy::Guard guard(self->queue->pushing);
    self->live->require_own_process();
    self->queue->claim(EventQueue::Pushing);
    Live& live = *self->live;
    try {
        without_gil([&] {
            live.check(given.events);
            return 0;
        });
    } catch (const InputError& e) {
        set_python_error(input_error(e, Origin{source, first_row}));
        throw py::error_already_set();
    }
    const std::size_t accepted =
        push_in_turns(live.queue(), rows, [&](std::size_t from, auto&& give_up) {
            return live.put(
                rows - from, [&](std::size_t i) { return given.event(from + i); }, give_up);
        });
    live.rethrow();
    return accepted;
}

// Until f() holds, or the thread has failed, or it does not run: whether f() holds.
template <class F>
bool wait_for(BoundLive& b, const py::object& timeout, F f) {
    Live& live = *b.live;
    bool held = false;
    (void)wait_until(wait_ns(timeout, "timeout"), Waiting::Sleep, [&] {
        const bool runs = live.running();  // before f: what was done by then is seen
        return (held = f(live)) || !runs;
    });
    return held;
}

py::dict counters(Made<BoundLive> b) {
    const Live& live = *b->live;
    const EventQueue& queue = live.queue();
    py::dict out;
    // Received before sent, so that at no time more seem to have come than were sent.
    const u64 received = queue.received();
    out["sent"] = queue.sent();
    out["received"] = received;
    out["dropped"] = queue.dropped();
    out["queued"] = queue.size();
    out["rows"] = live.rows()->written();
    out["heartbeats"] = live.heartbeats();
    out["alarms_lost"] = live.alarms_lost();
    py::dict faults;
    for (std::size_t i = 0; i < kFaults; ++i) {
        const u64 count = live.faults(i);
        if (count > 0) faults[py::str(std::string(kFaultNames[i]))] = count;
    }
    out["faults"] = faults;
    py::list latency;
    for (const auto& bucket : live.latencies().buckets()) {
        latency.append(py::make_tuple(bucket.below, bucket.count));
    }
    out["latency"] = latency;
    return out;
}

}  // namespace

void bind_live(py::module_& m) {
    using namespace py::literals;
    py::class_<BoundLive, std::shared_ptr<BoundLive>> cls(m, "Live",
                                                          "The compiled part of bookflow.Live.");
    cls.def(py::init(&make), "pipeline"_a, "queue"_a, "rows"_a, "events"_a.none(true), "wait"_a,
            "heartbeat"_a)
        .def("_push", &push_columns, "columns"_a, "depth"_a, "source"_a, "first_row"_a)
        .def("_start", [](Made<BoundLive> b) { b->live->start(); })
        .def("_stop",
             [](Made<BoundLive> b) {
                 without_gil([&] {
                     b->live->stop();
                     return 0;
                 });
             })
        .def("_finish", [](Made<BoundLive> b) { return b->live->finish(); })
        .def(
            "_drain",
            [](Made<BoundLive> b, const py::object& timeout) {
                const u64 sent = b->live->queue().accepted();  // by now
                return wait_for(*b, timeout, [sent](Live& l) {
                    return static_cast<i64>(l.queue().received() - sent) >= 0;
                });
            },
            "timeout"_a)
        .def(
            "_wait",
            [](Made<BoundLive> b, u64 seen, const py::object& timeout) {
                (void)wait_for(*b, timeout, [seen](Live& l) { return l.rows()->written() > seen; });
                return b->live->rows()->written();
            },
            "seen"_a, "timeout"_a)
        .def(
            "_state",
            [](Made<BoundLive> b, const py::object& timeout) -> py::object {
                std::optional<Live::State> state;
                (void)in_turns(wait_ns(timeout, "timeout"), [&](auto&&) {
                    state = b->live->state(50'000'000);
                    return state.has_value();
                });
                if (!state) return py::none();
                return py::make_tuple(py::bytes(state->bytes), state->events);
            },
            "timeout"_a)
        .def("_close",
             [](Made<BoundLive> b) {
                 b->live->close();
                 if (!b->live->forked()) b->release_rings();
             })
        .def("_rethrow", [](Made<BoundLive> b) { b->live->rethrow(); })
        .def(
            "_watch", [](Made<BoundLive> b, std::size_t column) { b->live->watch(column); },
            "column"_a)
        .def(
            "_next_alarm",
            [](Made<BoundLive> b, const py::object& timeout) -> py::object {
                const Busy::Guard guard(b->taking_alarms);
                std::optional<LiveAlarm> alarm;
                (void)wait_for(*b, timeout, [&](Live& l) {
                    alarm = l.next_alarm();
                    return alarm.has_value();
                });
                if (!alarm) return py::none();
                return py::make_tuple(alarm->ts, alarm->row, alarm->column, alarm->value);
            },
            "timeout"_a)
        .def_property_readonly(
            "running", [](Made<BoundLive> b) { return b->live->running(); },
            "Whether the thread takes events.")
        .def_property_readonly("_failed", [](Made<BoundLive> b) { return b->live->failed(); })
        .def_property_readonly("_forked", [](Made<BoundLive> b) { return b->live->forked(); })
        .def_property_readonly(
            "_status", [](Made<BoundLive> b) { return static_cast<int>(b->live->status()); })
        .def_property_readonly("counters", &counters,
                               "What was sent, received, dropped, written, by name.");
    define_hot_method<&push>(  // two ways to call: no signature that inspect could read
        cls, "push",
        "push(events) or push(ts, action, side, price, size, order_id=0, flags=1)\n\n"
        "Takes one event by its fields (integers in units, ts in ns; price None: not given), or "
        "many "
        "in one object (Events, a structured array, a dict of columns, one record), and returns "
        "how "
        "many were taken.");
}

}  // namespace bookflow
