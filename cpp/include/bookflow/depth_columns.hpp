// Order flow imbalance at every level over tables of depth: a table whose rows follow one another
// is one long column in which an element's predecessor stands a row's width before it.
#pragma once

#include <type_traits>
#include <vector>

#include "bookflow/event_columns.hpp"
#include "bookflow/plain_rows.hpp"

namespace bookflow {

// Rows of `levels` elements against the rows before them. `within` is ~0 where the next element
// belongs to the same row, 0 at a row's last.
struct DepthOrderFlowKernel {
    static constexpr std::size_t kRows = 16;

    // Each level must be worse than the one before it, beside what is plain for the touch.
    BOOKFLOW_KERNEL std::size_t run(TouchRows x, std::size_t rows, std::size_t levels,
                                    const u64* within, double* __restrict out) {
        for (std::size_t done = 0; done < rows;) {
            const std::size_t end = std::min(rows, done + kRows);
            const TouchRows y = x.from(done * levels);
            const std::size_t n = (end - done) * levels;
            const auto lag = static_cast<std::ptrdiff_t>(levels);
            double* const to = out + done * levels;
            PlainCheck plain;
            for (std::size_t i = 0; i + 1 < n; ++i) {
                add(plain, y, i);
                plain.order |= ~(sign_of(y.bid, i + 1, i) & sign_of(y.ask, i, i + 1)) & within[i];
                to[i] = OrderFlowKernel<double>::increment(y, static_cast<std::ptrdiff_t>(i), lag);
            }
            // the very last element has none behind it
            add(plain, y, n - 1);
            to[n - 1] =
                OrderFlowKernel<double>::increment(y, static_cast<std::ptrdiff_t>(n - 1), lag);
            if (!plain.holds()) return done;
            done = end;
        }
        return rows;
    }

    [[nodiscard]] static bool plain_row(TouchRows x, std::size_t levels) {
        PlainCheck plain;
        for (std::size_t i = 0; i < levels; ++i) {
            add(plain, x, i);
            if (i + 1 == levels) break;
            plain.order |= ~(sign_of(x.bid, i + 1, i) & sign_of(x.ask, i, i + 1));
        }
        return plain.holds();
    }

private:
    [[gnu::always_inline]] static inline void add(PlainCheck& plain, TouchRows x, std::size_t i) {
        plain.add(static_cast<u64>(x.bid[i]), static_cast<u64>(x.bid_size[i]),
                  static_cast<u64>(x.ask[i]), static_cast<u64>(x.ask_size[i]));
    }
    // p[a] - p[b], of which the sign counts.
    [[gnu::always_inline]] static inline u64 sign_of(const i64* p, std::size_t a, std::size_t b) {
        return static_cast<u64>(p[a]) - static_cast<u64>(p[b]);
    }
};

// A block of rows and the row before it, as TouchBlocks.
class DepthBlocks {
public:
    DepthBlocks(const std::array<Table, 4>& tables, std::size_t levels)
        : tables_(tables), levels_(levels), rows_(std::max<std::size_t>(16, 512 / levels)) {
        for (const Table& t : tables) {
            in_place_ = in_place_ && t.level == sizeof(i64) &&
                        t.first.stride == static_cast<std::ptrdiff_t>(levels * sizeof(i64));
        }
        if (!in_place_) copies_.resize(4 * (rows_ + 1) * levels_);
    }

    [[nodiscard]] std::size_t rows() const { return rows_; }

    [[nodiscard]] TouchRows read(std::size_t begin, std::size_t end) {
        std::array<const i64*, 4> at{};
        for (std::size_t t = 0; t < 4; ++t) {
            if (in_place_) {
                at[t] = reinterpret_cast<const i64*>(tables_[t].first.data) + begin * levels_;
                continue;
            }
            i64* const copy = copies_.data() + t * (rows_ + 1) * levels_;
            for (std::size_t i = begin == 0 ? 0 : begin - 1; i < end; ++i) {
                const Column<i64> row = tables_[t].row(i);
                i64* const to = copy + (i + 1 - begin) * levels_;
                for (std::size_t l = 0; l < levels_; ++l) to[l] = row[l];
            }
            at[t] = copy + levels_;
        }
        return {at[0], at[1], at[2], at[3]};
    }

private:
    std::array<Table, 4> tables_;
    std::size_t levels_;
    std::size_t rows_;
    bool in_place_ = true;
    std::vector<i64> copies_;
};

// The increment of every row: the kernel where rows are plain, `stepped(row, out)` elsewhere, which
// compares with the row it was given last. After rows of the kernel's it is given the last of those
// again: it is plain, so nothing else is remembered of it.
template <class Step>
void depth_order_flow_over_columns(const std::array<Table, 4>& tables, std::size_t levels,
                                   std::size_t rows, double* out, Step stepped) {
    constexpr std::size_t kStepped = 8;
    DepthBlocks blocks(tables, levels);
    std::vector<u64> within(DepthOrderFlowKernel::kRows * levels, ~u64{0});
    for (std::size_t i = levels - 1; i < within.size(); i += levels) within[i] = 0;
    std::vector<double> unread(levels);

    bool plain = false;   // the row before
    bool current = true;  // the step's last row is the row before
    for (std::size_t begin = 0; begin < rows; begin += blocks.rows()) {
        const std::size_t n = std::min(blocks.rows(), rows - begin);
        const TouchRows x = blocks.read(begin, begin + n);
        for (std::size_t i = 0; i < n;) {
            if (plain) {
                const std::size_t done = simd::run<DepthOrderFlowKernel>(
                    x.from(i * levels), n - i, levels, within.data(), out + (begin + i) * levels);
                i += done;
                current = current && done == 0;
            }
            if (i == n) break;
            if (!current) stepped(begin + i - 1, unread.data());
            current = true;
            for (const std::size_t end = std::min(n, i + kStepped); i < end; ++i) {
                stepped(begin + i, out + (begin + i) * levels);
            }
            plain = DepthOrderFlowKernel::plain_row(x.from((i - 1) * levels), levels);
        }
    }
}

}  // namespace bookflow
