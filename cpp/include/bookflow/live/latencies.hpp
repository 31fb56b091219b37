// How often which delay was seen, in buckets of 1/8 of their value: a histogram of fixed size that
// one thread writes and any may read.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <vector>

#include "bookflow/types.hpp"

namespace bookflow {

class Latencies {
public:
    struct Bucket {
        u64 below;  // ns
        u64 count;
    };

    void add(u64 ns) {
        std::atomic<u64>& count = counts_[index_of(ns)];
        // one writer: no locked addition is needed
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    // The buckets that hold anything.
    [[nodiscard]] std::vector<Bucket> buckets() const {
        std::vector<Bucket> out;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            const u64 count = counts_[i].load(std::memory_order_relaxed);
            if (count > 0) out.push_back({upper_of(i), count});
        }
        return out;
    }

private:
    static constexpr unsigned kBits = 3;  // eight buckets between a power of two and the next
    static constexpr u64 kEach = u64{1} << kBits;

    [[nodiscard]] static std::size_t index_of(u64 ns) {
        if (ns < kEach) return static_cast<std::size_t>(ns);
        const auto shift = static_cast<unsigned>(std::bit_width(ns)) - kBits - 1;
        return static_cast<std::size_t>((u64{shift} << kBits) + (ns >> shift));
    }
    [[nodiscard]] static u64 upper_of(std::size_t i) {
        if (i < kEach) return i + 1;
        const u64 shift = (i >> kBits) - 1;
        if (shift >= 60) return ~u64{0};
        return ((i & (kEach - 1)) + kEach + 1) << shift;
    }

    std::array<std::atomic<u64>, (64 - kBits + 1) * kEach> counts_{};
};

}  // namespace bookflow
