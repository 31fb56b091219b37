// Order flow imbalance of every level in units of the book's depth.
#pragma once

#include "bookflow/calculators/order_flow_imbalance.hpp"
#include "bookflow/plain_rows.hpp"

namespace bookflow {

class NormalisedOrderFlowImbalance {
public:
    static constexpr std::string_view kName = "NormalisedOrderFlowImbalance";
    static constexpr std::string_view kDoc =
        "Order flow imbalance at each of the best levels over the book's mean depth, OFI^m / Q.\n\n"
        "Q = (1/M) sum_m (1/(2 dN)) sum_n (q^{m,b} + q^{m,a}), one for all M levels: the mean size "
        "of a\nlevel after the dN changes of the window. A change is a good state in which one of "
        "these levels\nis another than in the good state before; the first state, with nothing "
        "before it, is none. A\nvector, one number a level, without unit. OFI^m, missing levels "
        "and NaN as for\nMultiLevelOrderFlowImbalance; a window without a change, dN = 0, gives "
        "0.\nCont, Cucuringu and Zhang (2023), \"Cross-impact of order flow imbalance in equity "
        "markets\", eq. 3,\nwith the size before, not after, where a price moves away (their eq. 2 "
        "prints the one after).";
    static constexpr Feed kFeed = Feed::Depth;
    static constexpr bool kState = false;

    using Settings = MultiLevelOrderFlowImbalance::Settings;

    explicit NormalisedOrderFlowImbalance(const Settings& s)
        : settings_(s),
          flows_(static_cast<std::size_t>(s.levels), Flow<1>(s.window)),
          sizes_(s.window),
          last_(s.levels) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int width() const { return settings_.levels; }
    [[nodiscard]] int levels() const { return settings_.levels; }

    void step(const Moment& now, const Depth& depth) {
        // A step may come of a change that other calculators look at: it is none of ours then.
        bool changed = false;
        last_.step(
            depth, [&](std::size_t level, const PriceLevel& bid_before, const PriceLevel& bid,
                       const PriceLevel& ask_before, const PriceLevel& ask) {
                changed = changed || bid != bid_before || ask != ask_before;
                flows_[level].add(now, {order_flow_increment(bid_before, bid, ask_before, ask)});
            });
        if (changed) sizes_.add(now, {size_of(last_.depth()), 1});
    }
    void read(const Moment& now, const Units&, double* out) {
        for (Flow<1>& flow : flows_) {
            *out++ = last_.ready() ? flow.read(now, [&](auto ofi) { return over_depth(now, ofi); })
                                   : kNaN;
        }
    }
    void restart(Restart what) {
        for (Flow<1>& flow : flows_) flow.restart(what);
        sizes_.restart(what);
        last_.restart(what, settings_.window);
    }
    [[nodiscard]] bool takes_rows() const { return settings_.window.kind == Window::Kind::Row; }
    // The window has one change or none, and then there is no flow.
    [[gnu::always_inline]] inline void plain_flows(TouchRows x, std::size_t rows, double* flows,
                                                   double*) const {
        const auto levels = static_cast<std::size_t>(settings_.levels);
        const auto twice = static_cast<double>(2 * settings_.levels);
        for (std::size_t r = 0; r < rows; ++r) {
            const TouchRows row = x.from(r * levels);
            const auto sizes =
                static_cast<double>(sum_of(row.bid_size, levels) + sum_of(row.ask_size, levels));
            double* const to = flows + r * levels;
            for (std::size_t i = 0; i < levels; ++i) to[i] = to[i] * twice / sizes;
        }
    }
    template <class V>
    void visit(V& v) {
        for (Flow<1>& flow : flows_) v(flow);
        v(sizes_, last_);
    }

private:
    [[nodiscard]] static i128 size_of(const Depth& depth) {
        i128 sum = 0;
        for (int i = 0; i < depth.bids; ++i) sum += depth.bid[static_cast<std::size_t>(i)].size.raw;
        for (int i = 0; i < depth.asks; ++i) sum += depth.ask[static_cast<std::size_t>(i)].size.raw;
        return sum;
    }
    // ofi / Q; what is exact is rounded once.
    template <class Sum>
    [[nodiscard]] double over_depth(const Moment& now, Sum ofi) {
        return sizes_.read(now, [&](auto sizes, auto changes) {
            if (sizes == 0) return 0.0;  // a good state has sizes: there was no change
            const int twice = 2 * settings_.levels;
            if constexpr (std::is_same_v<Sum, i128> && std::is_same_v<decltype(sizes), i128>) {
                i128 product = 0;
                const bool far = __builtin_mul_overflow(ofi, changes, &product) ||
                                 __builtin_mul_overflow(product, i128{twice}, &product);
                if (!far) return ratio(product, sizes);
            }
            const double each = static_cast<double>(sizes) / static_cast<double>(changes);
            return static_cast<double>(ofi) * twice / each;
        });
    }

    Settings settings_;
    std::vector<Flow<1>> flows_;
    Flow<2, i128> sizes_;  // of the levels after each change, and how many changes
    LastDepth last_;
};

}  // namespace bookflow
