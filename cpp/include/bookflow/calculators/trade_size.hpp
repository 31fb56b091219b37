// How large the prints are: mean and quantiles of their size, and how much of the volume the large
// ones make.
#pragma once

#include <cmath>

#include "bookflow/calculator.hpp"
#include "bookflow/sliding_order.hpp"

namespace bookflow {

class MeanTradeSize {
public:
    static constexpr std::string_view kName = "MeanTradeSize";
    static constexpr std::string_view kDoc =
        "Mean size of a trade, sum(v) / n over the prints of the volume.\n\n"
        "In the instrument's size; NaN without a print. A broken print that is taken back is not\n"
        "subtracted: it is no trade, and which one it was is not known.\n"
        "fills=\"aggressor\": prints of one stamp and side that follow one another are one trade,\n"
        "as it is so far; it belongs to where it began. A window that begins anew parts it.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Window window;
        Fills fills = Fills::Each;
        template <class V>
        void visit(V& v) {
            v("window", window, "over what it averages");
            v("fills", fills, kFillsMeaning);
        }
    };

    explicit MeanTradeSize(const Settings& s)
        : settings_(s), trade_(s.fills, s.window), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const { return settings_.fills == Fills::Aggressor; }

    void step(const Moment& now, const Print& print) {
        if (!print.is_trade()) return;
        const FillSizes::Grown trade = trade_.add(now, print);
        flow_.add(trade.at, {print.size.raw, i64{trade.begins}});
    }
    void read(const Moment& now, const Units& units, double* out) {
        *out = flow_.read(now, [&](auto volume, auto n) {
            if constexpr (std::is_same_v<decltype(n), i128>) {
                return n == 0 ? kNaN : units.size_scale.value(volume, n);
            } else {
                return units.size(quotient(volume, n));
            }
        });
    }
    void restart(Restart what) {
        trade_.restart(what);
        flow_.restart(what);
    }
    template <class V>
    void visit(V& v) {
        v(trade_, flow_);
    }

private:
    Settings settings_;
    FillSizes trade_;
    Flow<2> flow_;
};

class LargeTradeShare {
public:
    static constexpr std::string_view kName = "LargeTradeShare";
    static constexpr std::string_view kDoc =
        "Share of the volume that large prints make, sum(v, v >= least) / sum(v), in [0, 1].\n\n"
        "A number without unit; NaN without volume. least is the smallest size that is large. "
        "Broken\n"
        "prints that are taken back are not subtracted.\n"
        "fills=\"aggressor\": prints of one stamp and side that follow one another are one trade,\n"
        "as it is so far; it belongs to where it began. A window that begins anew parts it.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Quantity least;
        Window window;
        Fills fills = Fills::Each;
        template <class V>
        void visit(V& v) {
            v("least", least, "from what size a print is large");
            v("window", window, "over what it is summed");
            v("fills", fills, kFillsMeaning);
        }
    };

    explicit LargeTradeShare(const Settings& s)
        : settings_(s), trade_(s.fills, s.window), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const { return settings_.fills == Fills::Aggressor; }

    void bind(const Units& units) {
        least_ = in_size_units(settings_.least, units, kName, "least");
    }
    void step(const Moment& now, const Print& print) {
        if (!print.is_trade()) return;
        const FillSizes::Grown trade = trade_.add(now, print);
        flow_.add(trade.at, {large(trade.after) - large(trade.before), print.size.raw});
    }
    void read(const Moment& now, const Units&, double* out) {
        *out = flow_.read(now, [](auto large, auto all) { return quotient(large, all); });
    }
    void restart(Restart what) {
        trade_.restart(what);
        flow_.restart(what);
    }
    template <class V>
    void visit(V& v) {
        v(trade_, flow_);
    }

private:
    [[nodiscard]] i64 large(i64 size) const { return size >= least_ ? size : 0; }

    Settings settings_;
    i64 least_ = 0;  // not known before bind
    FillSizes trade_;
    Flow<2> flow_;
};

class TradeSizeQuantile {
public:
    static constexpr std::string_view kName = "TradeSizeQuantile";
    static constexpr std::string_view kDoc =
        "Quantile of the sizes of the last trades: the smallest size x with #{v <= x} / n >= q.\n\n"
        "In the instrument's size, always the size of one of the last n prints of the volume; q = "
        "0 "
        "gives\nthe smallest, .5 the (lower) median, 1 the largest. NaN until the session has n "
        "prints. A broken\nprint that is taken back stays in.\n"
        "Hyndman and Fan (1996), \"Sample quantiles in statistical packages\", definition 1.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        double q = 0.5;
        int trades = 100;
        template <class V>
        void visit(V& v) {
            v("q", q, Range<double>{0.0, 1.0}, "which quantile");
            v("trades", trades, Range<int>{1, 100'000}, "n, over how many trades");
        }
    };

    explicit TradeSizeQuantile(const Settings& s)
        : settings_(s), sizes_(s.trades, rank(s.q, s.trades)) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment&, const Print& print) {
        if (print.is_trade()) sizes_.push(print.size.raw);
    }
    void read(const Moment&, const Units& units, double* out) const {
        *out = sizes_.full() ? units.size(i128{sizes_.value()}) : kNaN;
    }
    void restart(Restart what) {
        if (what == Restart::Session) sizes_.clear();
    }
    template <class V>
    void visit(V& v) {
        v(sizes_);
    }

private:
    // The least k from 0 with (k + 1) / n >= q. As quotients, which round as q itself did.
    [[nodiscard]] static int rank(double q, int n) {
        int k = std::min(static_cast<int>(std::ceil(q * n)), n - 1);
        while (k > 0 && static_cast<double>(k) / n >= q) --k;
        return k;
    }

    Settings settings_;
    SlidingOrder sizes_;
};

}  // namespace bookflow
