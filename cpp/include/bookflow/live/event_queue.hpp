// Events on their way to a pipeline: one side pushes, the other takes, each a thread or a process.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "bookflow/error.hpp"
#include "bookflow/event.hpp"
#include "bookflow/live/segment.hpp"
#include "bookflow/live/spsc_queue.hpp"
#include "bookflow/live/waiting.hpp"

namespace bookflow {

// What becomes of events for which there is no room.
enum class Overflow : std::uint8_t {
    Refuse,  // they stay with the caller, who is told how many were taken
    Block,   // the caller waits for room
    Drop,    // they are gone, counted, and the next event that is taken carries GAP
};
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(Overflow) {
    return {"refuse", "block", "drop"};
}

struct QueuedEvent {
    Event event;
    u64 pushed_at;  // ns of the steady clock
};
static_assert(sizeof(QueuedEvent) == 56);

class EventQueue {
public:
    struct Settings {
        u64 capacity = 65'536;
        Overflow overflow = Overflow::Refuse;
        Waiting wait = Waiting::Sleep;
        i64 timeout = -1;  // of Block, for the caller; ns, negative: for ever
        std::string name;  // empty: the process's own
        bool replace = false;
    };
    static constexpr u64 kMost = u64{1} << 32;

    explicit EventQueue(const Settings& s)
        : segment_(Segment::make({RingKind::Queue, s.capacity, sizeof(QueuedEvent), false, {}},
                                 kFront + s.capacity * sizeof(QueuedEvent), s.name, s.replace)),
          settings_(s),
          lines_(*new (segment_.memory().data() + segment_.begin()) Lines),
          queue_(lines_.queue, slots(), s.capacity) {}

    // One that another process made; overflow and waiting are this side's own.
    explicit EventQueue(const std::string& name, const Settings& s)
        : segment_(Segment::attach(name, RingKind::Queue, true)),
          settings_(s),
          lines_(*reinterpret_cast<Lines*>(segment_.memory().data() + segment_.begin())),
          queue_(lines_.queue, slots(), segment_.header().capacity) {
        const SegmentHeader& h = segment_.header();
        if (h.item != sizeof(QueuedEvent) || h.capacity == 0 || h.capacity > kMost ||
            kFront + h.capacity * sizeof(QueuedEvent) > segment_.bytes() || !queue_.holds()) {
            segment_.refuse("is damaged: the queue does not fit");
        }
        settings_.capacity = h.capacity;
    }

    [[nodiscard]] Segment& segment() { return segment_; }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] u64 capacity() const { return queue_.capacity(); }
    [[nodiscard]] u64 size() const { return queue_.size(); }
    // sent = received + what waits + dropped, at any moment at which nobody pushes or takes.
    [[nodiscard]] u64 accepted() const { return queue_.pushed(); }
    [[nodiscard]] u64 received() const { return queue_.popped(); }
    [[nodiscard]] u64 dropped() const { return lines_.dropped.load(std::memory_order_acquire); }
    [[nodiscard]] u64 sent() const { return accepted() + dropped(); }

    struct Pushed {
        std::size_t accepted = 0;
        bool timed_out = false;
    };
    // n events, event_at(i) each. Where it blocks it waits until `give_up()`, which is asked in
    // every pause: whoever gives it knows the timeout.
    template <class F, class Stop>
    Pushed push(std::size_t n, F&& event_at, Stop&& give_up) {
        Pushed out;
        out.accepted = try_push(n, event_at, 0);
        if (out.accepted == n || settings_.overflow == Overflow::Refuse) return out;
        if (settings_.overflow == Overflow::Drop) {
            lines_.gap = 1;
            lines_.dropped.fetch_add(n - out.accepted, std::memory_order_release);
            return out;
        }
        Pauses pauses(settings_.wait);
        while (out.accepted < n) {
            const std::size_t some = try_push(n - out.accepted, event_at, out.accepted);
            out.accepted += some;
            if (some > 0) {
                pauses = Pauses(settings_.wait);
            } else if (give_up()) {
                out.timed_out = true;
                break;
            } else {
                pauses.pause();
            }
        }
        return out;
    }
    // What has room now; the policy is not asked.
    template <class F>
    std::size_t try_push(std::size_t n, F&& event_at, std::size_t from = 0) {
        const u64 now = monotonic_ns();
        std::size_t taken = queue_.push(n, [&](QueuedEvent& slot, std::size_t i) {
            slot.event = event_at(from + i);
            if (i == 0 && lines_.gap != 0) slot.event.flags |= flag::kGap;
            slot.pushed_at = now;
        });
        if (taken > 0) lines_.gap = 0;
        return taken;
    }

    [[nodiscard]] std::span<const QueuedEvent> front(std::size_t n) { return queue_.front(n); }
    void pop(std::size_t n) { queue_.pop(n); }

    // ---- one object a side ----

    enum Side : std::size_t { Pushing, Taking };

    // Takes the side, unless another object of this process or of a living one has it: 0, or the
    // number of that process.
    [[nodiscard]] u64 claim(Side side) {
        std::atomic<u64>& holder = segment_.header().sides[side];
        u64 found = holder.load(std::memory_order_acquire);
        const Process own = Process::own();
        do {
            const Process other = Process::of(found);
            if (found != 0 && other.lives()) return other.number;
        } while (!holder.compare_exchange_weak(found, own.word(), std::memory_order_acq_rel));
        side == Pushing ? queue_.go_on_pushing() : queue_.go_on_popping();
        claimed_[side] = own;
        return 0;
    }
    // Others may have it.
    void release(Side side) {
        if (!(claimed_[side] == Process{}) && claimed_[side] == Process::own()) {
            segment_.header().sides[side].store(0, std::memory_order_release);
        }
        claimed_[side] = {};
    }
    ~EventQueue() {
        release(Pushing);
        release(Taking);
    }
    EventQueue(const EventQueue&) = delete;
    EventQueue& operator=(const EventQueue&) = delete;

private:
    struct Lines {
        QueueLines queue;
        alignas(128) std::atomic<u64> dropped{0};  // the pushing side's
        u64 gap = 0;
    };
    static constexpr std::size_t kFront = 1024;
    static_assert(sizeof(Lines) <= kFront);

    [[nodiscard]] QueuedEvent* slots() const {
        return reinterpret_cast<QueuedEvent*>(segment_.memory().data() + segment_.begin() + kFront);
    }

    Segment segment_;
    Settings settings_;
    Lines& lines_;
    SpscQueue<QueuedEvent> queue_;
    std::array<Process, 2> claimed_{};
};

}  // namespace bookflow
