// Calculators of depth over tables: a table whose rows follow one another is one long column in
// which an element's predecessor stands a row's width before it.
#pragma once

#include <type_traits>
#include <vector>

#include "bookflow/calculators.hpp"
#include "bookflow/event_columns.hpp"
#include "bookflow/plain_rows.hpp"

namespace bookflow {

// Collects over rows of `levels` elements, one after another, what is plain: beside what is so for
// the touch each level must be worse than the one before it. `within` is ~0 where the next element
// belongs to the same row, 0 at a row's last. `also(i)` is done with each element in passing. Where
// another element is `behind` the last the loop needs no end of its own, and is of whole vectors.
template <class Also>
[[gnu::always_inline]] inline PlainCheck check_depth(TouchRows x, std::size_t n, bool behind,
                                                     const u64* within, Also also) {
    const auto add = [x](PlainCheck& plain, std::size_t i) {
        plain.add(static_cast<u64>(x.bid[i]), static_cast<u64>(x.bid_size[i]),
                  static_cast<u64>(x.ask[i]), static_cast<u64>(x.ask_size[i]));
    };
    // p[a] - p[b], of which the sign counts
    const auto sign_of = [](const i64* p, std::size_t a, std::size_t b) {
        return static_cast<u64>(p[a]) - static_cast<u64>(p[b]);
    };
    PlainCheck plain;
    const std::size_t ordered = behind ? n : n - 1;
    for (std::size_t i = 0; i < ordered; ++i) {
        add(plain, i);
        plain.order |= ~(sign_of(x.bid, i + 1, i) & sign_of(x.ask, i, i + 1)) & within[i];
        also(i);
    }
    if (!behind) {
        add(plain, n - 1);
        also(n - 1);
    }
    return plain;
}

// Those with `plain_flows`, which begin with the order flow of every level, and with `plain_rows`.
template <class C>
inline constexpr bool of_flows = requires(const C& c) { c.plain_flows({}, 0, nullptr, nullptr); };
template <class C>
inline constexpr bool has_depth_kernel = requires(const C& c) { c.takes_rows(); };

template <class C>
struct DepthKernel {
    static constexpr auto kMost =
        requires { C::kLogarithms; } ? simd::Level::Avx512 : simd::Level::Avx2;
    static constexpr std::size_t kRows = 16;  // checked at once
    static constexpr int kSizeBits =
        std::is_same_v<C, MultiLevelOrderFlowImbalance> ? kPlainBits : kPlainDepthBits;

    BOOKFLOW_KERNEL std::size_t run(const C* calculator, TouchRows x, std::size_t rows,
                                    std::size_t levels, const u64* within, double* __restrict out) {
        std::array<double, of_flows<C> && !is_vector<C> ? kRows * kMaxLevels : 1> own;
        for (std::size_t done = 0; done < rows;) {
            const std::size_t n = std::min(rows - done, kRows);
            const bool behind = done + n < rows;
            const TouchRows y = x.from(done * levels);
            double* const to = out + done * (is_vector<C> ? levels : 1);
            if constexpr (of_flows<C>) {
                double* const flows = is_vector<C> ? to : own.data();
                const auto lag = static_cast<std::ptrdiff_t>(levels);
                const auto flow = [=](std::size_t i) {
                    const auto at = static_cast<std::ptrdiff_t>(i);
                    flows[i] = OrderFlowKernel<double>::increment(y, at, lag);
                };
                const PlainCheck plain = check_depth(y, n * levels, behind, within, flow);
                if (!plain.holds(kSizeBits)) return done;
                calculator->plain_flows(y, n, flows, to);
            } else {
                const auto nothing = [](std::size_t) {};
                const PlainCheck plain = check_depth(y, n * levels, behind, within, nothing);
                if (!plain.holds(kSizeBits)) return done;
                calculator->plain_rows(y, n, to);
            }
            done += n;
        }
        return rows;
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

    [[nodiscard]] std::size_t most(std::size_t rows) const { return in_place_ ? rows : rows_; }

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

// The calculator's value of every row: by the kernel where rows are plain, `stepped(row, out)`
// elsewhere, which may compare with the row it was given last. After rows of the kernel's it is
// given the last of those again: it is plain, so nothing else is remembered of it.
template <class C, class Step>
void depth_over_columns(const C& calculator, const std::array<Table, 4>& tables, std::size_t rows,
                        double* out, Step stepped) {
    using Kernel = DepthKernel<C>;
    constexpr std::size_t kStepped = 8;
    const auto levels = static_cast<std::size_t>(calculator.levels());
    const auto width = static_cast<std::size_t>(width_of(calculator));
    DepthBlocks blocks(tables, levels);
    std::vector<u64> within(Kernel::kRows * levels, ~u64{0});
    for (std::size_t i = levels - 1; i < within.size(); i += levels) within[i] = 0;
    std::vector<double> unread(width);

    bool plain = false;   // the row before
    bool current = true;  // the step's last row is the row before
    const std::size_t most = blocks.most(rows);
    for (std::size_t begin = 0; begin < rows; begin += most) {
        const std::size_t n = std::min(most, rows - begin);
        const TouchRows x = blocks.read(begin, begin + n);
        for (std::size_t i = 0; i < n;) {
            if (plain) {
                const std::size_t done = simd::run<Kernel>(
                    &calculator, x.from(i * levels), n - i, levels,
                    static_cast<const u64*>(within.data()), out + (begin + i) * width);
                i += done;
                current = current && done == 0;
            }
            if (i == n) break;
            if (!current) stepped(begin + i - 1, unread.data());
            current = true;
            for (const std::size_t end = std::min(n, i + kStepped); i < end; ++i) {
                stepped(begin + i, out + (begin + i) * width);
            }
            plain = check_depth(x.from((i - 1) * levels), levels, false, within.data(),
                                [](std::size_t) {})
                        .holds(Kernel::kSizeBits);
        }
    }
}

}  // namespace bookflow
