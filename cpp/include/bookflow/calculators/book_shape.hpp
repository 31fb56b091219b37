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
    static constexpr bool kLogarithms = true;
    [[nodiscard]] bool takes_rows() const { return true; }
    [[gnu::always_inline]] inline void plain_rows(TouchRows x, std::size_t rows,
                                                  double* __restrict out) const {
        const auto levels = static_cast<std::size_t>(settings_.levels);
        const bool bid = settings_.side != DepthSide::Ask;
        const bool ask = settings_.side != DepthSide::Bid;
        Terms bids;
        Terms asks;
        if (bid) add_terms(x.bid, x.bid_size, rows, bids);
        if (ask) add_terms(x.ask, x.ask_size, rows, asks);
        for (std::size_t r = 0; r < rows; ++r) {
            const TouchRows row = x.from(r * levels);
            const i64 gap = row.ask[0] - row.bid[0];
            const double touch =
                static_cast<double>(row.bid[0] + row.ask[0]) / static_cast<double>(gap);
            const double b = bid ? slope(bids, r, row.bid_size[0], touch) : 0.0;
            const double a = ask ? slope(asks, r, row.ask_size[0], touch) : 0.0;
            const double value = bid && ask ? (b + a) / 2.0 : bid ? b : a;
            out[r] = gap <= 0 || row.bid[levels - 1] <= 0 ? kNaN : value;
        }
    }
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

    // Of one side of some rows: what each level adds to the sum, but for the first, of which it is
    // the logarithm. Once for rows that follow one another and are the same: a book changes on one
    // side most often.
    struct Terms {
        static constexpr std::size_t kRows = 16;
        std::array<std::size_t, kRows> of_row;  // where those of a row begin
        std::array<double, kRows> first;
        std::array<double, kRows * kMaxLevels> added;
    };
    [[gnu::always_inline]] inline void add_terms(const i64* prices, const i64* sizes,
                                                 std::size_t rows, Terms& out) const {
        const auto levels = static_cast<std::size_t>(settings_.levels);
        std::array<std::size_t, Terms::kRows> row_of;
        std::size_t different = 0;
        for (std::size_t r = 0; r < rows; ++r) {
            i64 change = r == 0;
            for (std::size_t i = r * levels; r > 0 && i < (r + 1) * levels; ++i) {
                change |= (prices[i] ^ prices[i - levels]) | (sizes[i] ^ sizes[i - levels]);
            }
            row_of[different] = r;
            different += change != 0 ? 1 : 0;
            out.of_row[r] = different - 1;
        }
        std::array<double, Terms::kRows * kMaxLevels> size;
        std::array<double, Terms::kRows * kMaxLevels> before;  // of the better levels together
        std::array<double, Terms::kRows * kMaxLevels> steps;
        for (std::size_t d = 0; d < different; ++d) {
            const i64* const price = prices + row_of[d] * levels;
            const i64* const more = sizes + row_of[d] * levels;
            double* const to = size.data() + d * levels;
            i64 sum = 0;
            for (std::size_t i = 0; i < levels; ++i) {
                to[i] = static_cast<double>(more[i]);
                before[d * levels + i] = static_cast<double>(sum);
                sum += more[i];
            }
            for (std::size_t i = 1; i < levels; ++i) {
                steps[d * levels + i] =
                    std::fabs(plain_double(static_cast<u64>(price[i - 1])) /
                              plain_double(static_cast<u64>(price[i] - price[i - 1])));
            }
            steps[d * levels] = before[d * levels] = 1.0;
            out.first[d] = to[0] / static_cast<double>(lot_);
        }
        for (std::size_t d = 0; d < different; ++d) out.first[d] = log_of_normal(out.first[d]);
        const std::size_t n = different * levels;
        for (std::size_t i = 0; i < n; ++i) size[i] = log1p_of_positive(size[i] / before[i]);
        for (std::size_t d = 0; d < different; ++d) {
            double v = out.first[d];
            for (std::size_t i = d * levels + 1; i < (d + 1) * levels; ++i) {
                before[i] = v;
                v += size[i];
            }
        }
        for (std::size_t i = 0; i < n; ++i) out.added[i] = size[i] / before[i] * steps[i];
    }
    [[nodiscard, gnu::always_inline]] inline double slope(const Terms& terms, std::size_t row,
                                                          i64 best, double touch) const {
        const auto levels = static_cast<std::size_t>(settings_.levels);
        const std::size_t d = terms.of_row[row];
        double sum = terms.first[d] * touch;
        for (std::size_t i = 1; i < levels; ++i) sum += terms.added[d * levels + i];
        return best <= lot_ ? kNaN : sum / settings_.levels;
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
