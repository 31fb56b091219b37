// Order flow imbalance at the touch and at every level.
#pragma once

#include "bookflow/calculator.hpp"
#include "bookflow/logarithm.hpp"
#include "bookflow/plain_rows.hpp"

namespace bookflow {

// e_n of Cont, Kukanov and Stoikov (2014), all four inequalities weak:
//   e = 1{Pb >= Pb'} qb - 1{Pb <= Pb'} qb' - 1{Pa <= Pa'} qa + 1{Pa >= Pa'} qa'
// A missing level is price -infinity (bid) or +infinity (ask) with size 0.
// As a mask and not a branch: which way a quote moves is what cannot be predicted.
[[nodiscard]] inline i64 when(bool holds, Size size) { return -i64{holds} & size.raw; }
[[nodiscard]] inline i64 bid_flow(const PriceLevel& before, const PriceLevel& bid) {
    // kNoPrice is the least integer: already -infinity for a bid
    return when(bid.price >= before.price, bid.size) - when(bid.price <= before.price, before.size);
}
[[nodiscard]] inline i64 ask_flow(const PriceLevel& before, const PriceLevel& ask) {
    // turned around, +infinity is the largest integer: one below the least, modulo 2^64
    const auto far = [](Price p) { return static_cast<u64>(p.raw) - 1 + (u64{1} << 63); };
    return when(far(ask.price) >= far(before.price), before.size) -
           when(far(ask.price) <= far(before.price), ask.size);
}
[[nodiscard]] inline i64 order_flow_increment(const PriceLevel& bid_before, const PriceLevel& bid,
                                              const PriceLevel& ask_before, const PriceLevel& ask) {
    return bid_flow(bid_before, bid) + ask_flow(ask_before, ask);
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

// log(1 + size / lot) rounded to 2^-40, in units of that.
inline constexpr double kLogUnits = 0x1p40;
[[nodiscard, gnu::always_inline]] inline i64 log_units(double size, double lot) {
    // added to a number so large, a fraction is rounded away
    constexpr double whole = 0x1.8p52;
    const double log = log1p_of_positive(size / lot) * kLogUnits + whole;
    return std::bit_cast<i64>(log) - std::bit_cast<i64>(whole);
}
// Two levels with these in the place of their sizes, at once.
[[nodiscard]] inline std::array<PriceLevel, 2> with_log_sizes(const PriceLevel& one,
                                                              const PriceLevel& other, i64 lot) {
    const auto lots = static_cast<double>(lot);
    const std::array<double, 2> sizes{static_cast<double>(one.size.raw),
                                      static_cast<double>(other.size.raw)};
    std::array<i64, 2> logs;
    for (std::size_t i = 0; i < 2; ++i) logs[i] = log_units(sizes[i], lots);
    return {PriceLevel{one.price, Size(logs[0])}, PriceLevel{other.price, Size(logs[1])}};
}

// The flow of rows that are plain in these, every level against the row before.
[[gnu::always_inline]] inline void log_flows(TouchRows x, std::size_t rows, std::size_t levels,
                                             i64 lot, double* __restrict out) {
    constexpr std::size_t most = 16;  // at once, and the one before them
    std::array<i64, (most + 1) * kMaxLevels> bid;
    std::array<i64, (most + 1) * kMaxLevels> ask;
    const auto lots = static_cast<double>(lot);
    const auto lag = static_cast<std::ptrdiff_t>(levels);
    for (std::size_t done = 0; done < rows; done += most) {
        const std::size_t n = std::min(most, rows - done) * levels;
        const i64* const bid_size = x.bid_size + done * levels - levels;
        const i64* const ask_size = x.ask_size + done * levels - levels;
        for (std::size_t i = 0; i < n + levels; ++i) {
            bid[i] = log_units(plain_double(static_cast<u64>(bid_size[i])), lots);
            ask[i] = log_units(plain_double(static_cast<u64>(ask_size[i])), lots);
        }
        const TouchRows y{x.bid + done * levels, bid.data() + levels, x.ask + done * levels,
                          ask.data() + levels};
        double* const to = out + done * levels;
        for (std::size_t i = 0; i < n; ++i) {
            const auto at = static_cast<std::ptrdiff_t>(i);
            to[i] = OrderFlowKernel<double>::increment(y, at, lag) / kLogUnits;
        }
    }
}

class LogOrderFlowImbalance {
public:
    static constexpr std::string_view kName = "LogOrderFlowImbalance";
    static constexpr std::string_view kDoc =
        "Order flow imbalance at the touch of log(1 + q / lot) in the place of each size q.\n\n"
        "A number without unit: an order of a hundred lots weighs some five times one of a single "
        "lot.\nEvery logarithm is rounded to 2^-40, so that sums are exact and never drift. Good "
        "states, first\nstate and NaN as for OrderFlowImbalance.\n"
        "The increments of Cont, Kukanov and Stoikov (2014); the logarithm is this package's "
        "reading of\na \"log OFI\", for which there is no one source.";
    static constexpr Feed kFeed = Feed::Quotes;
    static constexpr bool kState = false;

    struct Settings {
        Quantity lot;
        Window window;
        template <class V>
        void visit(V& v) {
            v("lot", lot, "the size that counts log 2");
            v("window", window, "over what the increments are summed");
        }
    };

    explicit LogOrderFlowImbalance(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void bind(const Units& units) { lot_ = in_size_units(settings_.lot, units, kName, "lot"); }
    void step(const Moment& now, const Quotes& quotes) {
        if (!quotes.good()) return;
        const auto [bid, ask] =
            with_log_sizes({quotes.bid, quotes.bid_size}, {quotes.ask, quotes.ask_size}, lot_);
        if (known_) flow_.add(now, {order_flow_increment(bid_, bid, ask_, ask)});
        bid_ = bid;
        ask_ = ask;
        known_ = ready_ = true;
    }
    void read(const Moment& now, const Units&, double* out) {
        *out = ready_
                   ? flow_.read(now, [](auto sum) { return static_cast<double>(sum) / kLogUnits; })
                   : kNaN;
    }
    void restart(Restart what) {
        flow_.restart(what);
        if (what != Restart::Row) known_ = false;
        if (restarts(settings_.window, what)) ready_ = false;
    }
    static constexpr bool kLogarithms = true;
    // Columns of the touch are tables of one level.
    [[nodiscard]] int levels() const { return 1; }
    [[nodiscard]] bool takes_rows() const { return settings_.window.kind == Window::Kind::Row; }
    [[gnu::always_inline]] inline void plain_rows(TouchRows x, std::size_t rows,
                                                  double* __restrict out) const {
        log_flows(x, rows, 1, lot_, out);
    }
    template <class V>
    void visit(V& v) {
        v(flow_, bid_, ask_, known_, ready_);
        if constexpr (V::kReading) {
            const auto holds = [](Size s) { return s >= Size(0) && s.raw < i64{64} << 40; };
            v.require(holds(bid_.size) && holds(ask_.size), "a logarithm is out of range");
        }
    }

private:
    Settings settings_;
    i64 lot_ = 1;
    Flow<1> flow_;
    PriceLevel bid_;  // the last good state's, with logarithms as sizes
    PriceLevel ask_;
    bool known_ = false;
    bool ready_ = false;
};

// The last good state of the best levels, which the next one is compared with.
class LastDepth {
public:
    explicit LastDepth(int levels) : levels_(levels) {}

    [[nodiscard]] const Depth& depth() const { return last_; }
    [[nodiscard]] bool known() const { return known_; }  // there is a state to difference against
    [[nodiscard]] bool ready() const { return ready_; }  // there was one since the session's start

    // f(level, bid before, bid, ask before, ask) of every level that may have changed since; of
    // none in a first state, nor in one that is not good.
    template <class F>
    void step(const Depth& depth, F f) {
        if (!depth.quotes().good()) {
            apart_ = true;
            return;
        }
        // A level that is as it was adds nothing. That is known of one step only.
        const LevelRange changed = apart_ || !known_ ? LevelRange{} : depth.changed;
        const int to = std::min(changed.to, levels_);
        for (int i = changed.from; i < to; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const PriceLevel bid = level(depth.bid, depth.bids, at);
            const PriceLevel ask = level(depth.ask, depth.asks, at);
            if (known_) f(at, last_.bid[at], bid, last_.ask[at], ask);
            last_.bid[at] = bid;
            last_.ask[at] = ask;
        }
        last_.bids = std::min(depth.bids, levels_);
        last_.asks = std::min(depth.asks, levels_);
        known_ = ready_ = true;
        apart_ = false;
    }
    void restart(Restart what, const Window& window) {
        if (what != Restart::Row) known_ = false;
        if (restarts(window, what)) ready_ = false;
    }
    template <class V>
    void visit(V& v) {
        v(last_, known_, ready_);
        if constexpr (V::kReading) {
            v.require(last_.bids <= levels_ && last_.asks <= levels_, "a depth has other levels");
            apart_ = true;  // compared whole, which gives the same
            std::fill(last_.bid.begin() + last_.bids, last_.bid.end(), PriceLevel{});
            std::fill(last_.ask.begin() + last_.asks, last_.ask.end(), PriceLevel{});
        }
    }

private:
    [[nodiscard]] static PriceLevel level(const std::array<PriceLevel, kMaxLevels>& side, int n,
                                          std::size_t i) {
        if (i >= static_cast<std::size_t>(n)) return {};
        return {apart(side[i].price), side[i].size};
    }

    int levels_;
    Depth last_;  // a level that is not there has neither price nor size
    bool known_ = false;
    bool ready_ = false;
    bool apart_ = true;  // states were skipped since `last_`
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
        : settings_(s),
          flows_(static_cast<std::size_t>(s.levels), Flow<1>(s.window)),
          last_(s.levels) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int width() const { return settings_.levels; }
    [[nodiscard]] int levels() const { return settings_.levels; }

    void step(const Moment& now, const Depth& depth) {
        last_.step(depth, [&](std::size_t level, const auto&... sides) {
            flows_[level].add(now, {order_flow_increment(sides...)});
        });
    }
    void read(const Moment& now, const Units& units, double* out) {
        for (Flow<1>& flow : flows_) {
            *out++ =
                last_.ready() ? flow.read(now, [&](auto sum) { return units.size(sum); }) : kNaN;
        }
    }
    void restart(Restart what) {
        for (Flow<1>& flow : flows_) flow.restart(what);
        last_.restart(what, settings_.window);
    }
    [[nodiscard]] bool takes_rows() const { return settings_.window.kind == Window::Kind::Row; }
    void plain_flows(TouchRows, std::size_t, double*, double*) const {}  // they are its values
    template <class V>
    void visit(V& v) {
        for (Flow<1>& flow : flows_) v(flow);
        v(last_);
    }

private:
    Settings settings_;
    std::vector<Flow<1>> flows_;
    LastDepth last_;
};

class MultiLevelLogOrderFlowImbalance {
public:
    static constexpr std::string_view kName = "MultiLevelLogOrderFlowImbalance";
    static constexpr std::string_view kDoc =
        "Order flow imbalance at each of the best levels of log(1 + q / lot) in the place of each "
        "size q.\n\n"
        "A vector, one number a level, without unit; the logarithms are those of "
        "LogOrderFlowImbalance.\nA missing level has size 0, whose logarithm is 0. Levels, good "
        "states, first state and NaN as for\nMultiLevelOrderFlowImbalance.\n"
        "The increments of Xu, Gould and Howison (2019); the logarithm is this package's reading "
        "of a\n\"log OFI\", for which there is no one source.";
    static constexpr Feed kFeed = Feed::Depth;
    static constexpr bool kState = false;

    struct Settings {
        Quantity lot;
        int levels = 5;
        Window window;
        template <class V>
        void visit(V& v) {
            v("lot", lot, "the size that counts log 2");
            v("levels", levels, Range<int>{1, kMaxLevels}, "how many levels, one column each");
            v("window", window, "over what the increments are summed");
        }
    };

    explicit MultiLevelLogOrderFlowImbalance(const Settings& s)
        : settings_(s),
          flows_(static_cast<std::size_t>(s.levels), Flow<1>(s.window)),
          last_(s.levels) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int width() const { return settings_.levels; }
    [[nodiscard]] int levels() const { return settings_.levels; }

    void bind(const Units& units) { lot_ = in_size_units(settings_.lot, units, kName, "lot"); }
    void step(const Moment& now, const Depth& depth) {
        last_.step(depth,
                   [&](std::size_t level, const PriceLevel& bid_before, const PriceLevel& bid,
                       const PriceLevel& ask_before, const PriceLevel& ask) {
                       i64 flow = 0;  // a logarithm costs more than to see that nothing changed
                       if (bid != bid_before) {
                           const auto [before, after] = with_log_sizes(bid_before, bid, lot_);
                           flow += bid_flow(before, after);
                       }
                       if (ask != ask_before) {
                           const auto [before, after] = with_log_sizes(ask_before, ask, lot_);
                           flow += ask_flow(before, after);
                       }
                       flows_[level].add(now, {flow});
                   });
    }
    void read(const Moment& now, const Units&, double* out) {
        for (Flow<1>& flow : flows_) {
            *out++ =
                last_.ready()
                    ? flow.read(now, [](auto sum) { return static_cast<double>(sum) / kLogUnits; })
                    : kNaN;
        }
    }
    void restart(Restart what) {
        for (Flow<1>& flow : flows_) flow.restart(what);
        last_.restart(what, settings_.window);
    }
    static constexpr bool kLogarithms = true;
    // The step takes logarithms of the levels that changed, a kernel of all: it needs to be wide.
    [[nodiscard]] bool takes_rows() const {
        return settings_.window.kind == Window::Kind::Row &&
               simd::level().load(std::memory_order_relaxed) != simd::Level::Portable;
    }
    [[gnu::always_inline]] inline void plain_rows(TouchRows x, std::size_t rows,
                                                  double* __restrict out) const {
        log_flows(x, rows, static_cast<std::size_t>(settings_.levels), lot_, out);
    }
    template <class V>
    void visit(V& v) {
        for (Flow<1>& flow : flows_) v(flow);
        v(last_);
    }

private:
    Settings settings_;
    i64 lot_ = 1;
    std::vector<Flow<1>> flows_;
    LastDepth last_;
};

}  // namespace bookflow
