// Order flow imbalance of every price that the touch moved over.
#pragma once

#include <functional>

#include "bookflow/calculators/order_flow_imbalance.hpp"
#include "bookflow/plain_rows.hpp"

namespace bookflow {

class DepthConservingOrderFlowImbalance {
public:
    static constexpr std::string_view kName = "DepthConservingOrderFlowImbalance";
    static constexpr std::string_view kDoc =
        "Order flow imbalance that sees every price the touch moves over, not the two best "
        "alone.\n\n"
        "Of each change, what the bids at or better than the worse of the two best bids gained, "
        "minus\nthe same of the asks: e = B(p) - B'(p) - A(q) + A'(q) with p = min(Pb, Pb'), q = "
        "max(Pa, Pa')\nand the size B, A at p, q or better, after and before. For a single order "
        "it "
        "is the increment of\nOrderFlowImbalance, and so it is with levels=1; a sweep of three "
        "levels takes all three away. Where\nthe touch moves beyond the levels that are read, the "
        "prices count that both states show.\nIn the instrument's size. Good states, first state "
        "and NaN as for OrderFlowImbalance.\n"
        "A variant of Cont, Kukanov and Stoikov (2014) in this package's reading; there is no one "
        "source.";
    static constexpr Feed kFeed = Feed::Depth;
    static constexpr bool kState = false;

    struct Settings {
        int levels = 10;
        Window window;
        template <class V>
        void visit(V& v) {
            v("levels", levels, Range<int>{1, kMaxLevels}, "how many levels of each side are read");
            v("window", window, "over what the increments are summed");
        }
    };

    explicit DepthConservingOrderFlowImbalance(const Settings& s)
        : settings_(s), flow_(s.window), last_(s.levels) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int levels() const { return settings_.levels; }

    void step(const Moment& now, const Depth& depth) {
        if (last_.known() && depth.quotes().good()) {
            const Depth& before = last_.depth();
            const Levels bids{depth.bid, std::min(depth.bids, settings_.levels)};
            const Levels asks{depth.ask, std::min(depth.asks, settings_.levels)};
            flow_.add(now, {gained({before.bid, before.bids}, bids, std::greater<Price>{}) -
                            gained({before.ask, before.asks}, asks, std::less<Price>{})});
        }
        last_.step(depth, [](const auto&...) {});
    }
    void read(const Moment& now, const Units& units, double* out) {
        *out = last_.ready() ? flow_.read(now, [&](auto sum) { return units.size(sum); }) : kNaN;
    }
    void restart(Restart what) {
        flow_.restart(what);
        last_.restart(what, settings_.window);
    }
    [[nodiscard]] bool takes_rows() const { return settings_.window.kind == Window::Kind::Row; }
    // Without a branch: all levels are looked at, and those behind the bound count nothing.
    [[gnu::always_inline]] inline void plain_rows(TouchRows x, std::size_t rows,
                                                  double* __restrict out) const {
        const auto levels = static_cast<std::size_t>(settings_.levels);
        const auto gained = [levels](const i64* prices, const i64* sizes, auto better) {
            const i64* const before = prices - levels;
            const i64* const sizes_before = sizes - levels;
            const auto worse = [=](i64 a, i64 b) { return better(a, b) ? b : a; };
            const i64 touch = worse(prices[0], before[0]);
            const i64 last = better(prices[levels - 1], before[levels - 1]) ? prices[levels - 1]
                                                                            : before[levels - 1];
            const i64 bound = better(last, touch) ? last : touch;
            i64 sum = 0;
            for (std::size_t i = 0; i < levels; ++i) {
                sum += better(bound, prices[i]) ? 0 : sizes[i];
                sum -= better(bound, before[i]) ? 0 : sizes_before[i];
            }
            return sum;
        };
        for (std::size_t r = 0; r < rows; ++r) {
            const TouchRows row = x.from(r * levels);
            out[r] = static_cast<double>(gained(row.bid, row.bid_size, std::greater<i64>{}) -
                                         gained(row.ask, row.ask_size, std::less<i64>{}));
        }
    }
    template <class V>
    void visit(V& v) {
        v(flow_, last_);
        if constexpr (V::kReading) {
            // a state that is compared has a touch
            const bool held = last_.depth().quotes().good();
            v.require(held || !last_.known(), "the last good state is none");
        }
    }

private:
    struct Levels {
        const std::array<PriceLevel, kMaxLevels>& level;
        int n;

        [[nodiscard]] Price price(int i) const { return level[static_cast<std::size_t>(i)].price; }
        template <class Better>
        [[nodiscard]] i128 until(Price bound, Better better) const {
            i128 sum = 0;
            for (int i = 0; i < n && !better(bound, price(i)); ++i) {
                sum += level[static_cast<std::size_t>(i)].size.raw;
            }
            return sum;
        }
    };

    template <class Better>
    [[nodiscard]] i128 gained(const Levels& before, const Levels& after, Better better) const {
        Price bound = better(before.price(0), after.price(0)) ? after.price(0) : before.price(0);
        for (const Levels& side : {before, after}) {  // what lies behind a full side is not known
            if (side.n == settings_.levels && better(side.price(side.n - 1), bound)) {
                bound = side.price(side.n - 1);
            }
        }
        return after.until(bound, better) - before.until(bound, better);
    }

    Settings settings_;
    Flow<1, i128> flow_;
    LastDepth last_;
};

}  // namespace bookflow
