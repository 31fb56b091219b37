// What orders do to the book, by its cause: needs single orders (L3).
#pragma once

#include <cstdlib>

#include "bookflow/calculator.hpp"

namespace bookflow {

enum class FlowCause : std::uint8_t { Added, Cancelled, Traded };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(FlowCause) {
    return {"added", "cancelled", "traded"};
}

// A modification counts as what it does to the size at the price.
[[nodiscard]] constexpr FlowCause cause_of(const OrderChange& c) {
    if (c.cause == Cause::Traded) return FlowCause::Traded;
    return c.size.raw > 0 ? FlowCause::Added : FlowCause::Cancelled;
}

// K sums over the changes, not known before the first: a stream without orders never has one.
template <int K>
class ChangeFlow {
public:
    explicit ChangeFlow(const Window& window) : window_(window), flow_(window) {}

    void add(const Moment& now, const std::array<i64, K>& x) {
        known_ = true;
        flow_.add(now, x);
    }
    template <class F>
    [[nodiscard]] double read(const Moment& now, F f) {
        return known_ ? flow_.read(now, f) : kNaN;
    }
    void restart(Restart what) {
        flow_.restart(what);
        if (restarts(window_, what)) known_ = false;
    }
    template <class V>
    void visit(V& v) {
        v(flow_, known_);
    }

private:
    Window window_;
    Flow<K> flow_;
    bool known_ = false;
};

class CauseOrderFlowImbalance {
public:
    static constexpr std::string_view kName = "CauseOrderFlowImbalance";
    static constexpr std::string_view kDoc =
        "The part of the order flow imbalance at the touch that has one cause: orders added,\n"
        "cancelled or traded.\n\n"
        "The sum of the changes of size at the best price before or after them, bids plus and "
        "asks\n"
        "minus, in the instrument's size. A modification is an addition where it makes a price's\n"
        "size larger and a cancellation where smaller; one of the price is both.\n"
        "Where every atomic event changes one order at one price and leaves a good book before "
        "and\n"
        "after, the three add up to `OrderFlowImbalance`; over others each change still counts,\n"
        "which the imbalance, of the state after all of them, does not tell apart.\n"
        "Needs single orders: of level, quote and depth streams nobody knows whether a decrease is "
        "a\ncancellation or a trade, and the value is NaN. NaN before the first change as well; 0 "
        "over a\nwindow without one. Snapshots, gaps and clears are no changes.\n"
        "Cont, Kukanov and Stoikov (2014), \"The price impact of order book events\", section 2.2, "
        "whose\nL, C and M these are.";
    static constexpr Feed kFeed = Feed::Changes;
    static constexpr bool kState = false;

    struct Settings {
        FlowCause output{};
        Window window;
        template <class V>
        void visit(V& v) {
            v("output", output, "the cause");
            v("window", window, "over what the changes are summed");
        }
    };

    explicit CauseOrderFlowImbalance(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const OrderChange& c) {
        const bool counts = c.at_touch() && cause_of(c) == settings_.output;
        const i64 flow = c.side == Side::Bid ? c.size.raw : -c.size.raw;
        flow_.add(now, {counts ? flow : 0});
    }
    void read(const Moment& now, const Units& units, double* out) {
        *out = flow_.read(now, [&](auto sum) { return units.size(sum); });
    }
    void restart(Restart what) { flow_.restart(what); }
    template <class V>
    void visit(V& v) {
        v(flow_);
    }

private:
    Settings settings_;
    ChangeFlow<1> flow_;
};

enum class CountedBy : std::uint8_t { Size, Count };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(CountedBy) {
    return {"size", "count"};
}

class CancelRate {
public:
    static constexpr std::string_view kName = "CancelRate";
    static constexpr std::string_view kDoc =
        "What was cancelled over what was added, at all prices.\n\n"
        "Sizes, or numbers of changes. A modification is an addition where it makes a price's "
        "size\n"
        "larger and a cancellation where smaller; one of the price is both. Above 1 where more "
        "went\nthan came. NaN where nothing was added. Needs single orders: NaN over streams of "
        "levels,\nquotes and depth. Snapshots, gaps and clears are no changes.";
    static constexpr Feed kFeed = Feed::Changes;
    static constexpr bool kState = false;

    struct Settings {
        CountedBy by{};
        Window window;
        template <class V>
        void visit(V& v) {
            v("by", by, "what is summed");
            v("window", window, "over what both are summed");
        }
    };

    explicit CancelRate(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const OrderChange& c) {
        const i64 size = settings_.by == CountedBy::Count ? 1 : std::abs(c.size.raw);
        const FlowCause cause = cause_of(c);
        flow_.add(now,
                  {cause == FlowCause::Cancelled ? size : 0, cause == FlowCause::Added ? size : 0});
    }
    void read(const Moment& now, const Units&, double* out) {
        *out = flow_.read(now, [](auto gone, auto come) { return quotient(gone, come); });
    }
    void restart(Restart what) { flow_.restart(what); }
    template <class V>
    void visit(V& v) {
        v(flow_);
    }

private:
    Settings settings_;
    ChangeFlow<2> flow_;
};

class OrderToTradeRatio {
public:
    static constexpr std::string_view kName = "OrderToTradeRatio";
    static constexpr std::string_view kDoc =
        "How many orders were added, cancelled and modified for each execution of a resting "
        "one.\n\n"
        "A modification of the price is two: the order leaves one price and joins another. NaN "
        "where\nnothing was executed. Needs single orders: NaN over streams of levels, quotes and "
        "depth.\nSnapshots, gaps and clears are no changes.";
    static constexpr Feed kFeed = Feed::Changes;
    static constexpr bool kState = false;

    struct Settings {
        Window window;
        template <class V>
        void visit(V& v) {
            v("window", window, "over what both are counted");
        }
    };

    explicit OrderToTradeRatio(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const OrderChange& c) {
        const bool traded = c.cause == Cause::Traded;
        flow_.add(now, {traded ? 0 : 1, traded ? 1 : 0});
    }
    void read(const Moment& now, const Units&, double* out) {
        *out = flow_.read(now, [](auto orders, auto trades) { return quotient(orders, trades); });
    }
    void restart(Restart what) { flow_.restart(what); }
    template <class V>
    void visit(V& v) {
        v(flow_);
    }

private:
    Settings settings_;
    ChangeFlow<2> flow_;
};

}  // namespace bookflow
