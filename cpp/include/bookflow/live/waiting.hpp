// How a thread waits for another one: burning its core, giving it to whoever wants it, or asleep.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <thread>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

#include "bookflow/types.hpp"

namespace bookflow {

enum class Waiting : std::uint8_t { Spin, Yield, Sleep };

[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(Waiting) {
    return {"spin", "yield", "sleep"};
}

// One wait: each `pause` is longer than the one before where sleeping is allowed. Polling, not a
// signal, so that the side which is waited for pays nothing and may be another process.
class Pauses {
public:
    explicit Pauses(Waiting how) : how_(how) {}

    void pause() {
        switch (how_) {
            case Waiting::Spin: relax(); return;
            case Waiting::Yield: std::this_thread::yield(); return;
            case Waiting::Sleep:
                // Below this many rounds the other side is probably about to come.
                if (++rounds_ < 64) return relax();
                std::this_thread::sleep_for(sleep_);
                sleep_ = std::min(sleep_ * 2, kLongest);
                return;
        }
    }

private:
    static constexpr std::chrono::microseconds kLongest{200};

    static void relax() {
#if defined(__x86_64__) || defined(__i386__)
        _mm_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    Waiting how_;
    int rounds_ = 0;
    std::chrono::microseconds sleep_{5};
};

using Steady = std::chrono::steady_clock;

// When a wait is over; a negative span of ns is for ever.
class Deadline {
public:
    explicit Deadline(i64 ns) : for_ever_(ns < 0) {
        if (!for_ever_) at_ = Steady::now() + std::chrono::nanoseconds(ns);
    }
    [[nodiscard]] bool passed() const { return !for_ever_ && Steady::now() >= at_; }

private:
    bool for_ever_;
    Steady::time_point at_;
};

[[nodiscard]] inline u64 monotonic_ns() {
    const auto since = Steady::now().time_since_epoch();
    return static_cast<u64>(std::chrono::nanoseconds(since).count());
}

}  // namespace bookflow
