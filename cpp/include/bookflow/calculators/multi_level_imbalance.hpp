// The imbalance of the sizes over several levels, weighted.
#pragma once

#include "bookflow/plain_rows.hpp"
#include "bookflow/reach.hpp"

namespace bookflow {

enum class LevelWeights : std::uint8_t { Uniform, Exponential, Linear, Inverse };
[[nodiscard]] constexpr std::array<std::string_view, 4> names_of(LevelWeights) {
    return {"uniform", "exponential", "linear", "inverse"};
}

class MultiLevelImbalance {
public:
    static constexpr std::string_view kName = "MultiLevelImbalance";
    static constexpr std::string_view kDoc =
        "Imbalance over the best levels, (sum w_i b_i - sum w_i a_i) / (sum w_i b_i + sum w_i "
        "a_i).\n\n"
        "A number in [-1, 1] without unit. Weights of level i = 0, 1, ...: \"uniform\" 1,\n"
        "\"exponential\" e^(-decay i), \"linear\" levels - i, \"inverse\" 1 / |p_i - mid|. Levels "
        "that\n"
        "are not there count nothing. One side empty: +1 or -1; both: NaN; a level that stands at\n"
        "the mid itself under \"inverse\": NaN.\n"
        "by=\"ticks\" or \"bp\": the levels with d = |p - mid| <= within, d in ticks (of the tick "
        "in\n"
        "force at the bid) or basis points of the mid; \"exponential\" is e^(-decay d) then and "
        "\"linear\"\n"
        "within - d. No more than `levels` levels of a side are looked at: of a book that has more "
        "within\n"
        "that distance the deeper ones count nothing. NaN without a mid (for \"bp\": one above 0), "
        "or with\n"
        "no weight within the distance.\n"
        "With integer weights the quotient is exact and rounded once, with the others within\n"
        "1e-14 (\"exponential\": while no decay d is above 30).";
    static constexpr Feed kFeed = Feed::Depth;
    static constexpr bool kState = true;

    struct Settings : ReachSettings {
        LevelWeights weights = LevelWeights::Uniform;
        double decay = 0.5;
        template <class V>
        void visit(V& v) {
            visit_levels(v);
            v("weights", weights, "how a level counts");
            v("decay", decay, Range<double>{0.0, 100.0},
              "k of the exponential weights e^(-k i); the other weights do not use it");
            visit_distance(v);
        }
    };

    explicit MultiLevelImbalance(const Settings& s) : settings_(s), reach_(kName, s) {
        if (s.weights != LevelWeights::Exponential || s.by != ReachBy::Level) return;
        for (int i = 0; i < s.levels; ++i) {
            exponential_.push_back(exp_minus(s.decay * static_cast<double>(i)));
        }
    }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int levels() const { return settings_.levels; }

    void bind(const Units& units) { reach_.bind(units); }
    void step(const Moment&, const Depth& depth) {
        const Reach::View seen = reach_.look(depth);
        const bool by_level = settings_.by == ReachBy::Level;
        if (!seen.defined) {
            value_ = kNaN;
            return;
        }
        if (by_level && (seen.bids.empty() || seen.asks.empty())) {
            value_ = !seen.bids.empty() ? 1.0 : !seen.asks.empty() ? -1.0 : kNaN;
            return;
        }
        switch (settings_.weights) {
            case LevelWeights::Uniform: value_ = exact(seen, [](std::size_t) { return 1; }); return;
            case LevelWeights::Linear:
                if (by_level) {
                    value_ = exact(seen, [&](std::size_t i) {
                        return settings_.levels - static_cast<int>(i);
                    });
                } else {
                    value_ = rounded(seen, [&](std::size_t, Price p) { return seen.left(p); });
                }
                return;
            case LevelWeights::Exponential:
                if (by_level) {
                    value_ = rounded(seen, [&](std::size_t i, Price) { return exponential_[i]; });
                } else {
                    value_ = rounded(seen, [&](std::size_t, Price p) {
                        return exp_minus(settings_.decay * seen.away(p));
                    });
                }
                return;
            case LevelWeights::Inverse:
                // the distance in half price units: the factor cancels
                value_ = rounded(seen, [&](std::size_t, Price p) {
                    return 1.0 / static_cast<double>(seen.distance(p));
                });
                return;
        }
    }
    void read(const Moment&, const Units&, double* out) const { *out = value_; }
    void restart(Restart) {}
    [[nodiscard]] bool takes_rows() const { return settings_.by == ReachBy::Level; }
    [[gnu::always_inline]] inline void plain_rows(TouchRows x, std::size_t rows,
                                                  double* __restrict out) const {
        const auto levels = static_cast<std::size_t>(settings_.levels);
        const auto sum_up = [=](auto side_of) {
            for (std::size_t r = 0; r < rows; ++r) {
                const TouchRows row = x.from(r * levels);
                const i64 mid = row.bid[0] + row.ask[0];
                const auto b = side_of(row.bid, row.bid_size, mid);
                const auto a = side_of(row.ask, row.ask_size, mid);
                out[r] = quotient(b - a, b + a);
            }
        };
        switch (settings_.weights) {
            case LevelWeights::Uniform:
                sum_up([=](const i64*, const i64* sizes, i64) { return sum_of(sizes, levels); });
                return;
            case LevelWeights::Linear:
                sum_up([=](const i64*, const i64* sizes, i64) {
                    i64 sum = 0;
                    for (std::size_t i = 0; i < levels; ++i) {
                        sum += static_cast<i64>(levels - i) * sizes[i];
                    }
                    return sum;
                });
                return;
            case LevelWeights::Exponential:
                sum_up([=, weights = exponential_.data()](const i64*, const i64* sizes, i64) {
                    double sum = 0.0;
                    for (std::size_t i = 0; i < levels; ++i) {
                        sum += weights[i] * static_cast<double>(sizes[i]);
                    }
                    return sum;
                });
                return;
            case LevelWeights::Inverse:
                sum_up([=](const i64* prices, const i64* sizes, i64 twice_mid) {
                    double sum = 0.0;
                    for (std::size_t i = 0; i < levels; ++i) {
                        const i64 d = std::abs(2 * prices[i] - twice_mid);
                        sum += 1.0 / static_cast<double>(d) * static_cast<double>(sizes[i]);
                    }
                    return sum;
                });
                return;
        }
    }
    template <class V>
    void visit(V& v) {
        v(value_);
    }

private:
    [[nodiscard]] static double quotient(i64 n, i64 d) { return ratio(n, d); }
    [[nodiscard]] static double quotient(double n, double d) { return n / d; }
    template <class Weight>
    [[nodiscard]] static double exact(const Reach::View& seen, Weight weight) {
        i128 b = 0;
        i128 a = 0;
        for (std::size_t i = 0; i < seen.bids.size(); ++i) {
            b += i128{weight(i)} * seen.bids[i].size.raw;
        }
        for (std::size_t i = 0; i < seen.asks.size(); ++i) {
            a += i128{weight(i)} * seen.asks[i].size.raw;
        }
        return ratio(b - a, b + a);
    }
    template <class Weight>
    [[nodiscard]] static double rounded(const Reach::View& seen, Weight weight) {
        const double b = side(seen.bids, weight);
        const double a = side(seen.asks, weight);
        return (b - a) / (b + a);  // infinite weights (a level at the mid) give NaN
    }
    template <class Weight>
    [[nodiscard]] static double side(std::span<const PriceLevel> levels, Weight weight) {
        double sum = 0.0;
        for (std::size_t i = 0; i < levels.size(); ++i) {
            sum += weight(i, levels[i].price) * static_cast<double>(levels[i].size.raw);
        }
        return sum;
    }

    Settings settings_;
    Reach reach_;
    std::vector<double> exponential_;
    double value_ = kNaN;
};

}  // namespace bookflow
