// The touch as columns, a block at a time, and what is computed over it without a step a row.
#pragma once

#include <type_traits>
#include <vector>

#include "bookflow/calculators/order_flow_imbalance.hpp"
#include "bookflow/checked_values.hpp"
#include "bookflow/plain_rows.hpp"

namespace bookflow {

// A block of rows and the row before it: in place where the columns are contiguous, otherwise
// copied to where they are.
class TouchBlocks {
public:
    static constexpr std::size_t kRows = 512;  // four copies and what is made of them fit a cache

    explicit TouchBlocks(const std::array<Column<i64>, 4>& columns) : columns_(columns) {
        for (const Column<i64>& c : columns) in_place_ = in_place_ && c.stride == sizeof(i64);
        if (!in_place_) copies_.resize(4 * (kRows + 1));
    }

    // How many rows may be read at once, of `rows`.
    [[nodiscard]] std::size_t most(std::size_t rows) const { return in_place_ ? rows : kRows; }

    // Rows begin .. end - 1; element -1 is the row before, if there is one.
    [[nodiscard]] TouchRows read(std::size_t begin, std::size_t end) {
        std::array<const i64*, 4> at{};
        for (std::size_t c = 0; c < 4; ++c) {
            if (in_place_) {
                at[c] = reinterpret_cast<const i64*>(columns_[c].data) + begin;
                continue;
            }
            i64* const copy = copies_.data() + c * (kRows + 1);
            for (std::size_t i = begin == 0 ? 0 : begin - 1; i < end; ++i) {
                copy[i + 1 - begin] = columns_[c][i];
            }
            at[c] = copy + 1;
        }
        return {at[0], at[1], at[2], at[3]};
    }

private:
    std::array<Column<i64>, 4> columns_;
    bool in_place_ = true;
    std::vector<i64> copies_;
};

[[nodiscard]] inline Quotes checked_row(const TouchRows& x, std::size_t i, std::size_t row) {
    return checked_quotes(x.bid[i], x.bid_size[i], x.ask[i], x.ask_size[i], static_cast<i64>(row));
}

// Rows that are given to the step before the kernel is tried again.
inline constexpr std::size_t kStepped = 16;

// Calculators with a `plain` value: a kernel where rows are plain, `stepped(quotes, out)` elsewhere.
template <class C, class Step>
void touch_over_columns(const std::array<Column<i64>, 4>& columns, std::size_t rows, double* out,
                        Step stepped) {
    TouchBlocks blocks(columns);
    const std::size_t most = blocks.most(rows);
    for (std::size_t begin = 0; begin < rows; begin += most) {
        const std::size_t n = std::min(most, rows - begin);
        const TouchRows x = blocks.read(begin, begin + n);
        for (std::size_t i = 0; i < n;) {
            i += simd::run<TouchKernel<C>>(x.from(i), n - i, out + begin + i);
            for (const std::size_t end = std::min(n, i + kStepped); i < end; ++i) {
                stepped(checked_row(x, i, begin + i), out + begin + i);
            }
        }
    }
}

// Exchanges what enters a window for what leaves it: `e` becomes the difference.
struct LeaveKernel {
    BOOKFLOW_KERNEL void run(i64* __restrict e, i64* __restrict left, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            const i64 entering = e[i];
            e[i] = entering - left[i];
            left[i] = entering;
        }
    }
};

// The bits of all magnitudes: no less than the largest, less than twice as much.
struct MagnitudeKernel {
    BOOKFLOW_KERNEL u64 run(const i64* e, std::size_t n) {
        u64 bits = 0;
        for (std::size_t i = 0; i < n; ++i) bits |= static_cast<u64>(e[i] ^ (e[i] >> 63));
        return bits;
    }
};

// A kernel for its conversion alone: before AVX it waits for what was in the register.
struct RunningSumKernel {
    BOOKFLOW_KERNEL i64 run(const i64* __restrict e, std::size_t n, i64 sum,
                            double* __restrict out) {
        for (std::size_t i = 0; i < n; ++i) {
            sum += e[i];
            out[i] = static_cast<double>(sum);
        }
        return sum;
    }
};

// Order flow imbalance over columns, where every row is an event.
class OrderFlowColumns {
public:
    explicit OrderFlowColumns(const std::array<Column<i64>, 4>& columns) : blocks_(columns) {}

    [[nodiscard]] static bool takes(const Window& w) {
        return w.kind == Window::Kind::Row || w.kind == Window::Kind::Session ||
               w.kind == Window::Kind::Forever ||
               (w.kind == Window::Kind::Last && w.span.of == Span::Of::Events);
    }

    void run(const Window& window, std::size_t rows, double* out) {
        const bool last = window.kind == Window::Kind::Last;
        const bool summed = window.kind != Window::Kind::Row;
        if (last) left_.resize(std::min(rows, static_cast<std::size_t>(window.span.count)));
        std::array<i64, TouchBlocks::kRows> e;
        const std::size_t most = summed ? e.size() : blocks_.most(rows);
        for (std::size_t begin = 0; begin < rows; begin += most) {
            const std::size_t n = std::min(most, rows - begin);
            const TouchRows x = blocks_.read(begin, begin + n);
            if (summed) {
                increments(x, begin, n, e.data());
                if (last) leave(e.data(), n);
                add(e.data(), n, out + begin);
            } else {
                increments(x, begin, n, out + begin);
            }
            // a first state makes the value 0; before it there is none
            const std::size_t none = std::min(first_ - std::min(first_, begin), n);
            std::fill_n(out + begin, none, kNaN);
        }
    }

private:
    template <class Out>
    void increments(const TouchRows& x, std::size_t begin, std::size_t n, Out* out) {
        for (std::size_t i = 0; i < n;) {
            if (plain_) {
                const std::size_t done = simd::run<OrderFlowKernel<Out>>(x.from(i), n - i, out + i);
                i += done;
                if (done > 0) last_ = checked_row(x, i - 1, begin + i - 1);
            }
            for (const std::size_t end = std::min(n, i + kStepped); i < end; ++i) {
                out[i] = static_cast<Out>(step(checked_row(x, i, begin + i), begin + i));
            }
        }
    }
    [[nodiscard]] i64 step(const Quotes& q, std::size_t row) {
        plain_ = false;
        if (!q.good()) return 0;
        const i64 e = first_ == kNever
                          ? 0
                          : order_flow_increment({last_.bid, last_.bid_size}, {q.bid, q.bid_size},
                                                 {last_.ask, last_.ask_size}, {q.ask, q.ask_size});
        if (first_ == kNever) first_ = row;
        last_ = q;
        plain_ = is_plain(q.bid.raw, q.bid_size.raw) && is_plain(q.ask.raw, q.ask_size.raw);
        return e;
    }
    // What enters minus what leaves the window: the increments of so many rows ago.
    void leave(i64* e, std::size_t n) {
        for (std::size_t i = 0; i < n;) {
            const std::size_t m = std::min(n - i, left_.size() - at_);
            simd::run<LeaveKernel>(e + i, left_.data() + at_, m);
            i += m;
            at_ += m;
            if (at_ == left_.size()) at_ = 0;
        }
    }
    // Running sums: in 64 bits as long as a block cannot leave them.
    void add(const i64* e, std::size_t n, double* out) {
        constexpr i128 far = i128{1} << 62;
        constexpr u64 small = u64{1} << 52;
        if (sum_ < far && sum_ > -far && simd::run<MagnitudeKernel>(e, n) < small) {
            sum_ = simd::run<RunningSumKernel>(e, n, static_cast<i64>(sum_), out);
            return;
        }
        for (std::size_t i = 0; i < n; ++i) {
            sum_ += e[i];
            out[i] = ratio(sum_, 1);
        }
    }

    static constexpr std::size_t kNever = ~std::size_t{0};

    TouchBlocks blocks_;
    Quotes last_;                 // the last good state
    std::size_t first_ = kNever;  // the first row that had one
    bool plain_ = false;          // whether it is that of the row before, and plain
    std::vector<i64> left_;       // a ring of the window's increments
    std::size_t at_ = 0;
    i128 sum_ = 0;
};

}  // namespace bookflow
