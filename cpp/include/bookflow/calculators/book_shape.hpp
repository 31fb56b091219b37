// The shape of the book: how fast its depth grows away from the mid, and to which side it leans.
#pragma once

#include "bookflow/logarithm.hpp"
#include "bookflow/plain_rows.hpp"
#include "bookflow/reach.hpp"

namespace bookflow {

class BookSlope {
public:
    static constexpr std::string_view kName = "BookSlope";
    static constexpr std::string_view kDoc =
        "Slope of the book: by how many percent its depth grows a percent of price.\n\n"
        "A number without unit. Of a side with N levels, p_0 the mid and v_i the logarithm of the "
        "size\nof its best i levels together, in lots:\n"
        "(1/N) (v_1 / |p_1/p_0 - 1| + sum_{i=1..N-1} (v_{i+1}/v_i - 1) / |p_{i+1}/p_i - 1|).\n"
        "side=\"both\" is the mean of the two. `lot` is the size whose logarithm is 0 (a share); "
        "the slope\ndepends on it. N is at most `levels`.\n"
        "NaN unless both sides are there, neither crossed nor locked and all of positive price, "
        "and "
        "more\nthan a lot rests at the best price of the side, or of both. Within 1e-13, "
        "relative.\n"
        "Naes and Skjeltorp (2006), \"Order book characteristics and the volume-volatility "
        "relation\".";
    static constexpr Feed kFeed = Feed::Depth;
    static constexpr bool kState = true;

    struct Settings {
        Quantity lot;
        int levels = 5;
        DepthSide side = DepthSide::Both;
        template <class V>
        void visit(V& v) {
            v("lot", lot, "the size whose logarithm is 0");
            v("levels", levels, Range<int>{1, kMaxLevels}, "how many levels of each side, at most");
            v("side", side, "of which side, or the mean of both");
        }
    };

    explicit BookSlope(const Settings& s) : settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int levels() const { return settings_.levels; }

    void bind(const Units& units) { lot_ = in_size_units(settings_.lot, units, kName, "lot"); }
    void step(const Moment&, const Depth& depth) {
        value_ = kNaN;
        if (depth.bids == 0 || depth.asks == 0) return;
        const int bids = std::min(depth.bids, settings_.levels);
        const int asks = std::min(depth.asks, settings_.levels);
        const i64 bid = depth.bid[0].price.raw;
        const i64 ask = depth.ask[0].price.raw;
        if (bid >= ask || depth.bid[static_cast<std::size_t>(bids - 1)].price <= Price(0)) return;
        const double gap = static_cast<double>(ask - bid);  // twice that of the touch from the mid
        const double touch = static_cast<double>(bid + ask) / gap;  // 1 / |p_1/p_0 - 1|
        switch (settings_.side) {
            case DepthSide::Bid: value_ = slope(depth.bid, bids, touch); return;
            case DepthSide::Ask: value_ = slope(depth.ask, asks, touch); return;
            case DepthSide::Both:
                value_ = (slope(depth.bid, bids, touch) + slope(depth.ask, asks, touch)) / 2.0;
                return;
        }
    }
    void read(const Moment&, const Units&, double* out) const { *out = value_; }
    void restart(Restart) {}
    template <class V>
    void visit(V& v) {
        v(value_);
    }

private:
    // With v_{i+1} - v_i as the logarithm of 1 + what is added, which cancels nothing: all terms are
    // positive.
    [[nodiscard]] double slope(const std::array<PriceLevel, kMaxLevels>& levels, int n,
                               double touch) const {
        if (levels[0].size.raw <= lot_) return kNaN;
        double size = static_cast<double>(levels[0].size.raw);
        double v = log(size / static_cast<double>(lot_));
        double sum = v * touch;
        for (std::size_t i = 1; i < static_cast<std::size_t>(n); ++i) {
            const double more = static_cast<double>(levels[i].size.raw);
            const double growth = log1p(more / size);
            const i64 last = levels[i - 1].price.raw;
            const double apart = static_cast<double>(levels[i].price.raw - last);
            sum += growth / v * std::abs(static_cast<double>(last) / apart);
            size += more;
            v += growth;
        }
        return sum / n;
    }

    Settings settings_;
    i64 lot_ = 1;
    double value_ = kNaN;
};

class BookSkew {
public:
    static constexpr std::string_view kName = "BookSkew";
    static constexpr std::string_view kDoc =
        "Skew of the book, ln B - ln A: the logarithm of its depth on the bid side over that on "
        "the ask.\n\n"
        "A number without unit: 0 where both are alike, above 0 where more is bid. B and A are the "
        "sizes of\nthe best `levels` levels, by=\"ticks\" or \"bp\" of those of them with "
        "|p - mid| <= within, as in\nCumulativeDepth. It is 2 artanh of the uniform "
        "MultiLevelImbalance: as that, but a doubling is as\nmuch at any imbalance, and it has no "
        "bounds. NaN where nothing is bid or nothing asked, and\nby distance without a mid "
        "(for \"bp\": one above 0). Within 1e-15.\n"
        "The log ratio of depths is common usage (\"book skew\" of the best level) without one "
        "source.";
    static constexpr Feed kFeed = Feed::Depth;
    static constexpr bool kState = true;

    struct Settings : ReachSettings {
        template <class V>
        void visit(V& v) {
            visit_levels(v);
            visit_distance(v);
        }
    };

    explicit BookSkew(const Settings& s) : settings_(s), reach_(kName, s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int levels() const { return settings_.levels; }

    void bind(const Units& units) { reach_.bind(units); }
    void step(const Moment&, const Depth& depth) {
        const Reach::View seen = reach_.look(depth);
        const bool both = seen.defined && !seen.bids.empty() && !seen.asks.empty();
        value_ = both ? log(ratio(size_of(seen.bids), size_of(seen.asks))) : kNaN;
    }
    void read(const Moment&, const Units&, double* out) const { *out = value_; }
    void restart(Restart) {}
    [[nodiscard]] bool takes_rows() const { return settings_.by == ReachBy::Level; }
    [[gnu::always_inline]] inline void plain_rows(TouchRows x, std::size_t rows,
                                                  double* __restrict out) const {
        const auto levels = static_cast<std::size_t>(settings_.levels);
        for (std::size_t r = 0; r < rows; ++r) {
            const std::size_t at = r * levels;
            out[r] = static_cast<double>(sum_of(x.bid_size + at, levels)) /
                     static_cast<double>(sum_of(x.ask_size + at, levels));
        }
        for (std::size_t r = 0; r < rows; ++r) out[r] = log_of_normal(out[r]);
    }
    template <class V>
    void visit(V& v) {
        v(value_);
    }

private:
    Settings settings_;
    Reach reach_;
    double value_ = kNaN;
};

}  // namespace bookflow
