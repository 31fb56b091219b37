// What was fitted on past data, applied to the stream.
#pragma once

#include <algorithm>
#include <cmath>

#include "bookflow/calculators/normalised_order_flow_imbalance.hpp"
#include "bookflow/calculators/touch.hpp"

namespace bookflow {

class Microprice : public TouchState {
public:
    static constexpr std::string_view kName = "Microprice";
    static constexpr std::string_view kDoc =
        "Stoikov's microprice: the mid and what it is expected to move by from this state, mid + "
        "G*.\n\n"
        "In price. A state is the spread in ticks and the bucket of the imbalance qb / (qb + qa), "
        "closed on\nthe right; `fit_microprice(...).calculator()` gives one of a fitted model, and "
        "with columns it is what\nthe model's `apply` is. NaN for an empty side, a locked or "
        "crossed touch, a spread that is wider than\nthe fitted ones or off the tick, an imbalance "
        "outside the edges, and states that were never seen.\n"
        "Stoikov (2018), \"The micro-price: a high-frequency estimator of future prices\", eq. "
        "3.5.";

    struct Settings {
        NumberList edges;
        NumberList adjustment;
        template <class V>
        void visit(V& v) {
            v("edges", edges, "of the imbalance's buckets, rising within 0 and 1");
            v("adjustment", adjustment,
              "G* of each state, in ticks: all buckets of a spread of one tick, then of two, ...; "
              "None where it is not known");
        }
    };

    explicit Microprice(const Settings& s) : settings_(s) {
        if (s.edges.values.empty()) return;  // of a blank to be read into
        const Numbers& edges = s.edges.values;
        bool rising = edges.size() > 1 && edges.front() >= 0.0 && edges.back() <= 1.0;
        for (std::size_t i = 1; i < edges.size(); ++i) rising = rising && edges[i] > edges[i - 1];
        if (!rising) refuse("edges", "must be edges that rise within 0 and 1", s.edges);
        buckets_ = edges.size() - 1;
        if (s.adjustment.values.size() % buckets_ != 0) {
            refuse("adjustment",
                   "must be as many numbers as there are buckets (" + std::to_string(buckets_) +
                       "), once for each spread",
                   s.adjustment);
        }
        spreads_ = static_cast<i64>(s.adjustment.values.size() / buckets_);
    }
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void read(const Moment&, const Units& units, double* out) const {
        *out = kNaN;
        const Quotes& q = quotes_;
        if (!q.good()) return;
        const i64 tick = units.tick_at(q.bid);
        const i64 spread = q.ask.raw - q.bid.raw;
        if (spread == 0 || spread % tick != 0 || spread / tick > spreads_) return;
        const double share = ratio(q.bid_size.raw, i128{q.bid_size.raw} + q.ask_size.raw);
        const Numbers& edges = settings_.edges.values;
        if (!(share >= edges.front() && share <= edges.back())) return;
        const auto inner = std::lower_bound(edges.begin() + 1, edges.end() - 1, share);
        const std::size_t bucket = static_cast<std::size_t>(inner - edges.begin()) - 1;
        const std::size_t state = static_cast<std::size_t>(spread / tick - 1) * buckets_ + bucket;
        const double mid = static_cast<double>(q.bid.raw + q.ask.raw) / 2.0;
        *out = units.price(mid + settings_.adjustment.values[state] * static_cast<double>(tick));
    }

private:
    [[noreturn]] static void refuse(const char* name, const std::string& rule,
                                    const NumberList& given) {
        throw InputError(rule, std::string(kName) + "." + name, text_of(given.value()));
    }

    Settings settings_;
    std::size_t buckets_ = 1;
    i64 spreads_ = 0;
};

class IntegratedOrderFlowImbalance {
public:
    static constexpr std::string_view kName = "IntegratedOrderFlowImbalance";
    static constexpr std::string_view kDoc =
        "Integrated order flow imbalance: one number of all levels, the sum of weight x OFI^m / "
        "Q.\n\n"
        "One weight a level, as `fit_integrated_ofi` gives them of past bins (absolute sum 1). The "
        "levels, Q\nand NaN are those of NormalisedOrderFlowImbalance; nothing is centred.\n"
        "Cont, Cucuringu and Zhang (2023), \"Cross-impact of order flow imbalance in equity "
        "markets\", eq. 4.";
    static constexpr Feed kFeed = Feed::Depth;
    static constexpr bool kState = false;

    struct Settings {
        NumberList weights;
        Window window;
        template <class V>
        void visit(V& v) {
            v("weights", weights, "of the levels, best first");
            v("window", window, "over what changes are summed");
        }
    };

    explicit IntegratedOrderFlowImbalance(const Settings& s) : settings_(s), levels_(inner_of(s)) {
        const Numbers& weights = s.weights.values;
        const bool known =
            std::all_of(weights.begin(), weights.end(), [](double x) { return !std::isnan(x); });
        if (!known || weights.size() > static_cast<std::size_t>(kMaxLevels)) {
            throw InputError("must be 1 to " + std::to_string(kMaxLevels) + " known numbers",
                             std::string(kName) + ".weights", text_of(s.weights.value()));
        }
    }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int levels() const { return levels_.levels(); }

    void step(const Moment& now, const Depth& depth) { levels_.step(now, depth); }
    void read(const Moment& now, const Units& units, double* out) {
        std::array<double, kMaxLevels> each;
        levels_.read(now, units, each.data());
        double sum = 0.0;
        for (std::size_t i = 0; i < settings_.weights.values.size(); ++i) {
            sum += settings_.weights.values[i] * each[i];
        }
        *out = sum;
    }
    void restart(Restart what) { levels_.restart(what); }
    [[nodiscard]] bool takes_rows() const { return levels_.takes_rows(); }
    [[gnu::always_inline]] inline void plain_flows(TouchRows x, std::size_t rows, double* flows,
                                                   double* __restrict out) const {
        levels_.plain_flows(x, rows, flows, flows);
        const auto levels = static_cast<std::size_t>(levels_.levels());
        const double* const weights = settings_.weights.values.data();
        for (std::size_t r = 0; r < rows; ++r) {
            double sum = 0.0;
            for (std::size_t i = 0; i < levels; ++i) sum += weights[i] * flows[r * levels + i];
            out[r] = sum;
        }
    }
    template <class V>
    void visit(V& v) {
        v(levels_);
    }

private:
    [[nodiscard]] static NormalisedOrderFlowImbalance inner_of(const Settings& s) {
        NormalisedOrderFlowImbalance::Settings inner;
        const std::size_t most = static_cast<std::size_t>(kMaxLevels);
        inner.levels = static_cast<int>(std::clamp<std::size_t>(s.weights.values.size(), 1, most));
        inner.window = s.window;
        return NormalisedOrderFlowImbalance(inner);
    }

    Settings settings_;
    NormalisedOrderFlowImbalance levels_;
};

}  // namespace bookflow
