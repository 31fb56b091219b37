// Column forms: what a calculator does with many rows at once where every row is plain, that is
// two-sided, not crossed, and of numbers so small that no rounding is in question. All else - empty
// sides, crossed quotes, large numbers, numbers that break a rule - is left to the calculator's one
// step, row by row; so a kernel has no branch, no error and no NaN.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

#include "bookflow/simd.hpp"
#include "bookflow/types.hpp"

namespace bookflow {

// Below this a sum of four is below 2^51 and has its double by one addition, at any level.
inline constexpr int kPlainBits = 49;
inline constexpr u64 kPlainLimit = u64{1} << kPlainBits;

[[nodiscard]] inline bool is_plain(i64 price, i64 size) {
    return static_cast<u64>(size) - 1 < kPlainLimit &&
           static_cast<u64>(price) + kPlainLimit < 2 * kPlainLimit;
}

// The double of |k| < 2^51, which a conversion instruction gives only from AVX-512 on.
[[gnu::always_inline]] inline double plain_double(u64 k) {
    constexpr double one_and_a_half = 0x1.8p52;
    return std::bit_cast<double>(k + std::bit_cast<u64>(one_and_a_half)) - one_and_a_half;
}

// Columns one after another in memory; or tables, whose rows follow one another.
struct TouchRows {
    const i64* bid;
    const i64* bid_size;
    const i64* ask;
    const i64* ask_size;

    [[nodiscard]] TouchRows from(std::size_t i) const {
        return {bid + i, bid_size + i, ask + i, ask_size + i};
    }
};

// Rows of depth sum up the sizes of up to 64 levels of both sides: these must be smaller still, so
// that a sum of all, times how many there are, has its double.
inline constexpr int kPlainDepthBits = 43;

[[gnu::always_inline]] inline i64 sum_of(const i64* sizes, std::size_t levels) {
    i64 sum = 0;
    for (std::size_t i = 0; i < levels; ++i) sum += sizes[i];
    return sum;
}

// Collects over a stretch of rows whether one of them is not plain. All arithmetic is modulo 2^64:
// the numbers are not yet known to be in range.
struct PlainCheck {
    u64 sizes = 0;
    u64 prices = 0;
    u64 order = 0;

    [[gnu::always_inline]] inline void add(u64 bid, u64 bid_size, u64 ask, u64 ask_size) {
        sizes |= (bid_size - 1) | (ask_size - 1);
        prices |= (bid + kPlainLimit) | (ask + kPlainLimit);
        order |= ask - bid;
    }
    [[nodiscard, gnu::always_inline]] inline bool holds(int size_bits = kPlainBits) const {
        return ((sizes >> size_bits) | (prices >> (kPlainBits + 1)) | (order >> 63)) == 0;
    }
};

// Rows are checked and computed in stretches, which grow while all goes well: a row that is not
// plain costs the work of one stretch in vain, and the end of a stretch costs some 20 instructions.
inline constexpr std::size_t kShort = 32;
inline constexpr std::size_t kLong = 512;

// `value(bid, bid_size, ask, ask_size)` of each row; how many rows were done.
template <class C>
struct TouchKernel {
    BOOKFLOW_KERNEL std::size_t run(TouchRows x, std::size_t n, double* __restrict out) {
        std::size_t stretch = kShort;
        for (std::size_t done = 0; done < n; stretch = std::min(2 * stretch, kLong)) {
            const std::size_t end = std::min(n, done + stretch);
            PlainCheck plain;
            for (std::size_t i = done; i < end; ++i) {
                const auto bid = static_cast<u64>(x.bid[i]);
                const auto bid_size = static_cast<u64>(x.bid_size[i]);
                const auto ask = static_cast<u64>(x.ask[i]);
                const auto ask_size = static_cast<u64>(x.ask_size[i]);
                plain.add(bid, bid_size, ask, ask_size);
                out[i] = C::plain(bid, bid_size, ask, ask_size);
            }
            if (!plain.holds()) return done;
            done = end;
        }
        return n;
    }
};

// The order flow increment of each element against the one `lag` before, which must be plain.
template <class Out>
struct OrderFlowKernel {
    [[gnu::always_inline]] static inline Out increment(TouchRows x, std::ptrdiff_t i,
                                                       std::ptrdiff_t lag) {
        const i64 bid = x.bid[i];
        const i64 ask = x.ask[i];
        const i64 bid_before = x.bid[i - lag];
        const i64 ask_before = x.ask[i - lag];
        // masks, for where there are no vectors: which way a quote moves cannot be predicted
        const auto when = [](bool holds, i64 size) { return -u64{holds} & static_cast<u64>(size); };
        const u64 e =
            when(bid >= bid_before, x.bid_size[i]) - when(bid <= bid_before, x.bid_size[i - lag]) -
            when(ask <= ask_before, x.ask_size[i]) + when(ask >= ask_before, x.ask_size[i - lag]);
        if constexpr (std::is_same_v<Out, double>) {
            return plain_double(e);
        } else {
            return static_cast<i64>(e);
        }
    }

    BOOKFLOW_KERNEL std::size_t run(TouchRows x, std::size_t n, Out* __restrict out) {
        std::size_t stretch = kShort;
        for (std::size_t done = 0; done < n; stretch = std::min(2 * stretch, kLong)) {
            const std::size_t end = std::min(n, done + stretch);
            PlainCheck plain;
            for (std::size_t i = done; i < end; ++i) {
                plain.add(static_cast<u64>(x.bid[i]), static_cast<u64>(x.bid_size[i]),
                          static_cast<u64>(x.ask[i]), static_cast<u64>(x.ask_size[i]));
                out[i] = increment(x, static_cast<std::ptrdiff_t>(i), 1);
            }
            if (!plain.holds()) return done;
            done = end;
        }
        return n;
    }
};

}  // namespace bookflow
