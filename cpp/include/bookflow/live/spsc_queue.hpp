// A queue from one thread (or process) to one other, of fixed capacity, without locks.
//
// Each side counts for itself and publishes its count; the difference is what waits, also when a
// count passes 2^64. A side keeps the other one's count as it last saw it and looks again only when
// that is not enough, so that in full flow neither touches the other's cache line. A count says how
// many, a slot says where: so any capacity will do, and not a power of two alone. What a side relies
// on for itself is its own; in memory that another process may write are the counts alone.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <span>
#include <type_traits>

#include "bookflow/types.hpp"

namespace bookflow {

// What both sides share; all zero at first. It may lie in memory that two processes have mapped.
struct QueueLines {
    // Two cache lines each: processors fetch them in pairs.
    struct alignas(128) Side {
        std::atomic<u64> count{0};
    };
    Side pushed;
    Side popped;
    std::atomic<u64> first{0};  // what the counts began at
};
static_assert(std::atomic<u64>::is_always_lock_free);

template <class T>
class SpscQueue {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    SpscQueue(QueueLines& lines, T* slots, u64 capacity)
        : lines_(&lines), slots_(slots), capacity_(capacity) {
        go_on_pushing();
        go_on_popping();
    }
    // This object is a side from now on: it goes on where the one before it was.
    void go_on_pushing() { go_on(pushing_, lines_->pushed); }
    void go_on_popping() { go_on(popping_, lines_->popped); }

    [[nodiscard]] u64 capacity() const { return capacity_; }
    [[nodiscard]] u64 pushed() const {
        return lines_->pushed.count.load(std::memory_order_acquire);
    }
    [[nodiscard]] u64 popped() const {
        return lines_->popped.count.load(std::memory_order_acquire);
    }
    // What waits; the other side may be changing it.
    [[nodiscard]] u64 size() const {
        const u64 popped_before = popped();  // first, so that it is never past `pushed`
        return std::min(pushed() - popped_before, capacity_);
    }

    // ---- the pushing side ----

    // As many of n as have room: fill(slot, i) writes element i. Returns how many.
    template <class F>
    std::size_t push(std::size_t n, F&& fill) {
        Own& own = pushing_;
        if (capacity_ - (own.count - own.other) < n) own.other = popped();
        const u64 waiting = std::min(own.count - own.other, capacity_);
        const u64 room = capacity_ - waiting;
        const auto taken = static_cast<std::size_t>(std::min<u64>(room, n));
        u64 slot = own.slot;
        for (std::size_t i = 0; i < taken; ++i) {
            fill(slots_[slot], i);
            if (++slot == capacity_) slot = 0;
        }
        own.slot = slot;
        own.count += taken;
        lines_->pushed.count.store(own.count, std::memory_order_release);
        return taken;
    }
    bool try_push(const T& element) {
        return push(1, [&](T& slot, std::size_t) { slot = element; }) == 1;
    }

    // ---- the popping side ----

    // What waits and lies in one piece, at most n; it stays until `pop`.
    [[nodiscard]] std::span<const T> front(std::size_t n) {
        Own& own = popping_;
        // Looked at again only when all that was known of is taken.
        if (own.other == own.count) own.other = pushed();
        const u64 waiting = std::min(own.other - own.count, capacity_ - own.slot);
        return {slots_ + own.slot, static_cast<std::size_t>(std::min<u64>(waiting, n))};
    }
    // Gives the first n back, of what `front` showed.
    void pop(std::size_t n) {
        Own& own = popping_;
        own.slot += n;
        if (own.slot == capacity_) own.slot = 0;
        own.count += n;
        lines_->popped.count.store(own.count, std::memory_order_release);
    }
    std::size_t pop_into(std::span<T> out) {
        std::size_t taken = 0;
        while (taken < out.size()) {
            const auto some = front(out.size() - taken);
            if (some.empty()) break;
            std::memcpy(out.data() + taken, some.data(), some.size_bytes());
            taken += some.size();
            pop(some.size());
        }
        return taken;
    }

    // Before anything is pushed: counts that begin elsewhere than at 0.
    void begin_at(u64 count) {
        lines_->first.store(count, std::memory_order_relaxed);
        lines_->pushed.count.store(count, std::memory_order_relaxed);
        lines_->popped.count.store(count, std::memory_order_relaxed);
        go_on_pushing();
        go_on_popping();
    }
    // Whether the lines can be of a queue with this capacity.
    [[nodiscard]] bool holds() const { return pushed() - popped() <= capacity_; }

private:
    struct Own {
        u64 count = 0;
        u64 slot = 0;   // of the next element
        u64 other = 0;  // the other side's count, as it was seen last
    };
    void go_on(Own& own, const QueueLines::Side& side) {
        own.count = side.count.load(std::memory_order_acquire);
        own.slot = (own.count - lines_->first.load(std::memory_order_relaxed)) % capacity_;
        own.other = &own == &pushing_ ? popped() : pushed();
    }

    alignas(128) Own pushing_;
    alignas(128) Own popping_;
    alignas(128) QueueLines* lines_;
    T* slots_;
    u64 capacity_;
};

}  // namespace bookflow
