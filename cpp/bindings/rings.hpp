// The rings as Python holds them: shared with the Live that uses them.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <atomic>
#include <memory>
#include <string>

#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

#include "bookflow/live/event_queue.hpp"
#include "bookflow/live/history_ring.hpp"
#include "columns.hpp"
#include "event_dict.hpp"
#include "hot_method.hpp"

namespace bookflow {

struct BoundQueue {
    std::shared_ptr<EventQueue> queue;
    Busy pushing;
    Busy taking;
    std::atomic<bool> has_live{false};  // a Live takes what is pushed, and nobody else
    u64 made_after_forks = forks();
    std::array<bool, 2> claimed{};  // the sides that this process has

    // The side is this process's, or an error says whose it is.
    void claim(EventQueue::Side side) {
        if (made_after_forks != forks()) [[unlikely]] {
            if (!queue->segment().shared()) {
                throw std::runtime_error(
                    "this queue belongs to the process that this one was forked from");
            }
            made_after_forks = forks();
            claimed = {};
        }
        if (claimed[side]) return;
        const u64 other = queue->claim(side);
        if (other != 0) {
            throw std::runtime_error(
                std::string("process ") + std::to_string(other) +
                (side == EventQueue::Pushing ? " pushes into" : " takes from") +
                " this queue already: a queue has one such side");
        }
        claimed[side] = true;
    }
};

struct BoundHistory {
    std::shared_ptr<HistoryRing> ring;
    Busy writing;
    bool writes = false;    // made here, and not a Live's
    bool has_live = false;  // a Live writes it
    u64 made_after_forks = forks();
};

// One event by its fields, each of them one that its type can hold.
template <std::size_t N>
[[nodiscard]] Event event_of(const Arguments<N>& a, const std::array<const char*, N>& names) {
    const auto code = [&](std::size_t i, i64 most) {
        const i64 value = a.integer(i);
        if (value < 0 || value > most) {
            throw InputError("must be from 0 to " + std::to_string(most), names[i],
                             std::to_string(value));
        }
        return value;
    };
    Event e;
    e.ts = Nanos(a.integer(0));
    e.action = static_cast<Action>(code(1, 255));
    e.side = static_cast<Side>(code(2, 255));
    e.price = Price(a.integer(3, kNone));
    e.size = Size(a.integer(4));
    e.order_id = OrderId{a.unsigned_integer(5, 0)};
    if (a[6] != nullptr) e.flags = static_cast<std::uint16_t>(code(6, 0xFFFF));
    if constexpr (N > 7) {
        if (a[7] != nullptr) e.instrument = static_cast<std::uint32_t>(code(7, 0xFFFF'FFFF));
    }
    return e;
}

[[noreturn]] inline void raise_queue_full(std::size_t accepted, std::size_t n) {
    set_python_error(py::module_::import("bookflow.errors")
                         .attr("QueueFull")("no room came in time: " + std::to_string(accepted) +
                                                " of " + std::to_string(n) + " events were taken",
                                            py::arg("accepted") = accepted));
    throw py::error_already_set();
}

// f() without the GIL. A daemon thread that takes it again while the interpreter ends is ended by an
// exception, under which objects of Python would be let go without the GIL: it stays here instead,
// as it would in Python 3.14, until the process is over.
template <class F>
auto without_gil(F&& f) {
    PyThreadState* const state = PyEval_SaveThread();
    const auto take_again = [state] {
#if defined(__GLIBCXX__)
        try {
            PyEval_RestoreThread(state);
        } catch (const abi::__forced_unwind&) {
            for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
        }
#else
        PyEval_RestoreThread(state);
#endif
    };
    try {
        auto out = f();
        take_again();
        return out;
    } catch (const std::exception&) {
        take_again();
        throw;
    }
}

// f(give_up) without the GIL, in turns of a twentieth of a second, until it says that it is done or
// `ns` are over (negative: for ever): whether it is. Between two turns Ctrl-C is heard.
template <class F>
bool in_turns(i64 ns, F&& f) {
    const Deadline deadline(ns);
    for (;;) {
        const bool done = without_gil([&] {
            const Deadline turn(50'000'000);
            return f([&] { return turn.passed() || deadline.passed(); });
        });
        if (done || deadline.passed()) return done;
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
}
// The same for something to come true.
template <class F>
bool wait_until(i64 ns, Waiting how, F&& holds) {
    return in_turns(ns, [&](auto&& give_up) {
        Pauses pauses(how);
        while (!holds()) {
            if (give_up()) return false;
            pauses.pause();
        }
        return true;
    });
}

// push(from, give_up) puts in what has room, from this event on, until all n are in or the queue's
// policy says otherwise: how many are.
template <class F>
std::size_t push_in_turns(const EventQueue& queue, std::size_t n, F&& push) {
    std::size_t accepted = 0;
    bool timed_out = false;
    const bool done = in_turns(queue.settings().timeout, [&](auto&& give_up) {
        const EventQueue::Pushed pushed = push(accepted, give_up);
        accepted += pushed.accepted;
        timed_out = pushed.timed_out;
        return !timed_out;
    });
    if (!done) raise_queue_full(accepted, n);
    return accepted;
}

// ns from seconds; None: for ever.
[[nodiscard]] inline i64 wait_ns(const py::object& seconds, const char* name) {
    if (seconds.is_none()) return -1;
    const double s = py::cast<double>(seconds);
    if (!(s >= 0 && s <= 1e9)) {
        throw InputError("must be seconds from 0 to 1e9, or None", name,
                         std::string(py::str(seconds)));
    }
    return static_cast<i64>(s * 1e9);
}

template <class E>
[[nodiscard]] E one_of(const char* field, const std::string& text) {
    const auto names = names_of(E{});
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == text) return static_cast<E>(i);
    }
    std::string all;
    for (const auto name : names) all += (all.empty() ? "" : ", ") + std::string(name);
    throw InputError("must be one of " + all, field, text);
}

}  // namespace bookflow
