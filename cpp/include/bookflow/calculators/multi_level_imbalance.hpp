// The imbalance of the sizes over several levels, weighted.
#pragma once

#include "bookflow/calculator.hpp"

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
        "the mid itself under \"inverse\": NaN. With integer weights the quotient is exact and\n"
        "rounded once, with the others within 1e-14.";
    static constexpr Feed kFeed = Feed::Depth;
    static constexpr bool kState = true;

    struct Settings {
        int levels = 5;
        LevelWeights weights = LevelWeights::Uniform;
        double decay = 0.5;
        template <class V>
        void visit(V& v) {
            v("levels", levels, Range<int>{1, kMaxLevels}, "how many levels of each side");
            v("weights", weights, "how a level counts");
            v("decay", decay, Range<double>{0.0, 100.0},
              "k of the exponential weights e^(-k i); the other weights do not use it");
        }
    };

    explicit MultiLevelImbalance(const Settings& s) : settings_(s) {
        if (s.weights != LevelWeights::Exponential) return;
        for (int i = 0; i < s.levels; ++i) {
            exponential_.push_back(exp_minus(s.decay * static_cast<double>(i)));
        }
    }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int levels() const { return settings_.levels; }

    void step(const Moment&, const Depth& depth) {
        const int bids = std::min(depth.bids, settings_.levels);
        const int asks = std::min(depth.asks, settings_.levels);
        if (bids == 0 || asks == 0) {
            value_ = bids > 0 ? 1.0 : asks > 0 ? -1.0 : kNaN;
            return;
        }
        switch (settings_.weights) {
            case LevelWeights::Uniform:
                value_ = exact(depth, bids, asks, [](int) { return 1; });
                return;
            case LevelWeights::Linear:
                value_ = exact(depth, bids, asks, [&](int i) { return settings_.levels - i; });
                return;
            case LevelWeights::Exponential:
                value_ = rounded(depth, bids, asks, [&](int i, Price) {
                    return exponential_[static_cast<std::size_t>(i)];
                });
                return;
            case LevelWeights::Inverse: {
                // twice the distance to the mid; the factor 2 cancels
                const i64 twice_mid = depth.bid[0].price.raw + depth.ask[0].price.raw;
                value_ = rounded(depth, bids, asks, [&](int, Price p) {
                    const i128 distance = i128{2} * p.raw - twice_mid;
                    return 1.0 / static_cast<double>(distance < 0 ? -distance : distance);
                });
                return;
            }
        }
    }
    void read(const Moment&, const Units&, double* out) const { *out = value_; }
    void restart(Restart) {}
    template <class V>
    void visit(V& v) {
        v(value_);
    }

private:
    template <class Weight>
    [[nodiscard]] static double exact(const Depth& depth, int bids, int asks, Weight weight) {
        i128 b = 0;
        i128 a = 0;
        for (int i = 0; i < bids; ++i) b += i128{weight(i)} * depth.bid[std::size_t(i)].size.raw;
        for (int i = 0; i < asks; ++i) a += i128{weight(i)} * depth.ask[std::size_t(i)].size.raw;
        return ratio(b - a, b + a);
    }
    template <class Weight>
    [[nodiscard]] static double rounded(const Depth& depth, int bids, int asks, Weight weight) {
        const double b = side(depth.bid, bids, weight);
        const double a = side(depth.ask, asks, weight);
        return (b - a) / (b + a);  // infinite weights (a level at the mid) give NaN
    }
    template <class Weight>
    [[nodiscard]] static double side(const std::array<PriceLevel, kMaxLevels>& levels, int n,
                                     Weight weight) {
        double sum = 0.0;
        for (int i = 0; i < n; ++i) {
            const PriceLevel& level = levels[std::size_t(i)];
            sum += weight(i, level.price) * static_cast<double>(level.size.raw);
        }
        return sum;
    }

    Settings settings_;
    std::vector<double> exponential_;
    double value_ = kNaN;
};

}  // namespace bookflow
