// Order flow imbalance at the touch and at every level.
#pragma once

#include "bookflow/calculator.hpp"

namespace bookflow {

// e_n of Cont, Kukanov and Stoikov (2014), all four inequalities weak:
//   e = 1{Pb >= Pb'} qb - 1{Pb <= Pb'} qb' - 1{Pa <= Pa'} qa + 1{Pa >= Pa'} qa'
// A missing level is price -infinity (bid) or +infinity (ask) with size 0.
[[nodiscard]] inline i64 order_flow_increment(const PriceLevel& bid_before, const PriceLevel& bid,
                                              const PriceLevel& ask_before, const PriceLevel& ask) {
    // kNoPrice is the least integer: already -infinity for a bid, turned around for an ask
    const auto far = [](Price p) {
        return p == kNoPrice ? std::numeric_limits<i64>::max() : p.raw;
    };
    // masks and no branches: which way a quote moves is what cannot be predicted
    const auto when = [](bool holds, Size size) { return -i64{holds} & size.raw; };
    return when(bid.price >= bid_before.price, bid.size) -
           when(bid.price <= bid_before.price, bid_before.size) -
           when(far(ask.price) <= far(ask_before.price), ask.size) +
           when(far(ask.price) >= far(ask_before.price), ask_before.size);
}

class OrderFlowImbalance {
public:
    static constexpr std::string_view kName = "OrderFlowImbalance";
    static constexpr std::string_view kDoc =
        "Order flow imbalance at the touch, the sum of\n"
        "e = 1{Pb >= Pb'} qb - 1{Pb <= Pb'} qb' - 1{Pa <= Pa'} qa + 1{Pa >= Pa'} qa'.\n\n"
        "In the instrument's size. The first good state gives e = 0; one-sided and crossed states\n"
        "are skipped and the next good one is compared with the last good one. NaN before the "
        "first\n"
        "good state, 0 over a window without events.\n"
        "Cont, Kukanov and Stoikov (2014), \"The price impact of order book events\", section 2.2.";
    static constexpr Feed kFeed = Feed::Quotes;
    static constexpr bool kState = false;

    struct Settings {
        Window window;
        template <class V>
        void visit(V& v) {
            v("window", window, "over what the increments are summed");
        }
    };

    explicit OrderFlowImbalance(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const Quotes& quotes) {
        if (!quotes.good()) return;
        if (known_) {
            flow_.add(now, {order_flow_increment(
                               {last_.bid, last_.bid_size}, {quotes.bid, quotes.bid_size},
                               {last_.ask, last_.ask_size}, {quotes.ask, quotes.ask_size})});
        }
        last_ = quotes;
        known_ = ready_ = true;
    }
    void read(const Moment& now, const Units& units, double* out) {
        *out = ready_ ? flow_.read(now, [&](auto sum) { return units.size(sum); }) : kNaN;
    }
    void restart(Restart what) {
        flow_.restart(what);
        if (what != Restart::Row) known_ = false;
        if (restarts(settings_.window, what)) ready_ = false;
    }
    template <class V>
    void visit(V& v) {
        v(flow_, last_, known_, ready_);
    }

private:
    Settings settings_;
    Flow<1> flow_;
    Quotes last_;         // the last good state
    bool known_ = false;  // there is a state to difference against
    bool ready_ = false;  // there was a good state since the start or the session's
};

class MultiLevelOrderFlowImbalance {
public:
    static constexpr std::string_view kName = "MultiLevelOrderFlowImbalance";
    static constexpr std::string_view kDoc =
        "Order flow imbalance at each of the best levels, compared index by index.\n\n"
        "A vector, one number a level, in the instrument's size. A level that is missing is price\n"
        "-infinity (bid) or +infinity (ask) with size 0. A limit order inside the spread moves "
        "every\n"
        "level: 7 lots over levels of 10, 10 give (7, 10, 10). Good states, first state and NaN "
        "as\n"
        "for OrderFlowImbalance.\n"
        "Xu, Gould and Howison (2019), \"Multi-level order-flow imbalance in a limit order book\".";
    static constexpr Feed kFeed = Feed::Depth;
    static constexpr bool kState = false;

    struct Settings {
        int levels = 5;
        Window window;
        template <class V>
        void visit(V& v) {
            v("levels", levels, Range<int>{1, kMaxLevels}, "how many levels, one column each");
            v("window", window, "over what the increments are summed");
        }
    };

    explicit MultiLevelOrderFlowImbalance(const Settings& s)
        : settings_(s), flows_(static_cast<std::size_t>(s.levels), Flow<1>(s.window)) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int width() const { return settings_.levels; }
    [[nodiscard]] int levels() const { return settings_.levels; }

    void step(const Moment& now, const Depth& depth) {
        if (!depth.quotes().good()) return;
        for (std::size_t i = 0; i < flows_.size(); ++i) {
            const PriceLevel bid = level(depth.bid, depth.bids, i);
            const PriceLevel ask = level(depth.ask, depth.asks, i);
            if (known_) {
                flows_[i].add(now, {order_flow_increment(level(last_.bid, last_.bids, i), bid,
                                                         level(last_.ask, last_.asks, i), ask)});
            }
        }
        remember(depth);
        known_ = ready_ = true;
    }
    void read(const Moment& now, const Units& units, double* out) {
        for (Flow<1>& flow : flows_) {
            *out++ = ready_ ? flow.read(now, [&](auto sum) { return units.size(sum); }) : kNaN;
        }
    }
    void restart(Restart what) {
        for (Flow<1>& flow : flows_) flow.restart(what);
        if (what != Restart::Row) known_ = false;
        if (restarts(settings_.window, what)) ready_ = false;
    }
    template <class V>
    void visit(V& v) {
        for (Flow<1>& flow : flows_) v(flow);
        v(last_, known_, ready_);
    }

private:
    [[nodiscard]] static PriceLevel level(const std::array<PriceLevel, kMaxLevels>& side, int n,
                                          std::size_t i) {
        return i < static_cast<std::size_t>(n) ? side[i] : PriceLevel{};
    }
    void remember(const Depth& depth) {
        last_.bids = std::min(depth.bids, settings_.levels);
        last_.asks = std::min(depth.asks, settings_.levels);
        std::copy_n(depth.bid.begin(), last_.bids, last_.bid.begin());
        std::copy_n(depth.ask.begin(), last_.asks, last_.ask.begin());
    }

    Settings settings_;
    std::vector<Flow<1>> flows_;
    Depth last_;
    bool known_ = false;
    bool ready_ = false;
};

}  // namespace bookflow
