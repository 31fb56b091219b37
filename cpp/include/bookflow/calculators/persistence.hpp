// How much another calculator's values hang together.
#pragma once

#include <algorithm>
#include <cmath>

#include "bookflow/calculators/regression.hpp"

namespace bookflow {

// The last values, to pair each with the one `lag` before it. A value that is not known parts them.
class Pairs {
public:
    explicit Pairs(int lag) : lag_(static_cast<std::size_t>(lag)) {}

    // The value `lag` before, NaN where there is none; x is remembered.
    double step(double x) {
        const double before = values_.size() == lag_ ? values_.front() : kNaN;
        if (values_.size() == lag_) values_.pop_front();
        values_.push_back(x);
        return before;
    }
    void clear() { values_.clear(); }

    template <class V>
    void visit(V& v) {
        v(values_);
        if constexpr (V::kReading) {
            bool holds = values_.size() <= lag_;
            for (std::size_t i = 0; i < values_.size(); ++i) {
                holds = holds && !std::isinf(values_[i]);
            }
            v.require(holds, "earlier values are invalid");
        }
    }

private:
    std::size_t lag_;
    Ring<double> values_;
};

struct AutocorrelationSettings : OneSource {
    int lag = 1;
    Window window = Window::session();
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("lag", lag, Range<int>{1, 10'000}, "how many values apart");
        v("window", window, NoHalfLife{}, "over what pairs");
        visit_on(v);
    }
};

// Folds each value with an earlier one.
template <class Settings_>
class FoldedPairs : public OfValues<Settings_> {
public:
    FoldedPairs(const Settings_& s, int lag)
        : OfValues<Settings_>(s), pairs_(lag), fold_(s.window) {}

    void step(const Moment& now, const std::array<double, 1>& x) {
        const double before = pairs_.step(x[0]);
        if (!std::isnan(before) && !std::isnan(x[0])) fold_.add(now, {x[0], before});
    }
    void restart(Restart what) {
        if (what != Restart::Row) pairs_.clear();
        fold_.restart(what);
    }
    template <class V>
    void visit(V& v) {
        v(pairs_, fold_);
    }

protected:
    Pairs pairs_;
    Fold<CoMoments> fold_;
};

class Autocorrelation : public FoldedPairs<AutocorrelationSettings> {
public:
    static constexpr std::string_view kName = "Autocorrelation";
    static constexpr std::string_view kDoc =
        "Correlation of another calculator's values with those `lag` values before, in [-1, 1].\n\n"
        "Pearson's, over the window's pairs, each side about its own mean. A pair with a NaN "
        "counts "
        "nothing,\nand none is made across a gap, a snapshot or a session's end. NaN with fewer "
        "than "
        "two pairs or where\neither side does not vary.";

    explicit Autocorrelation(const AutocorrelationSettings& s) : FoldedPairs(s, s.lag) {}

    void read(const Moment& now, const Units&, double* out) const {
        const CoMoments m = fold_.read(now);
        const double both = std::sqrt(m.xx) * std::sqrt(m.yy);
        *out = both > 0.0 ? std::clamp(m.xy / both, -1.0, 1.0) : kNaN;
    }
};

struct LineSettings : OneSource {
    Window window = Window::session();
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("window", window, NoHalfLife{}, "over what pairs of neighbours the line is fitted");
        visit_on(v);
    }
};

class HalfLife : public FoldedPairs<LineSettings> {
public:
    static constexpr std::string_view kName = "HalfLife";
    static constexpr std::string_view kDoc =
        "After how many values half of a deviation is left, -ln 2 / ln b.\n\n"
        "b is the slope of a value on the one before, over the window's pairs of neighbours. "
        "Infinite\npersistence and none have no half-life: NaN unless 0 < b < 1.";

    explicit HalfLife(const LineSettings& s) : FoldedPairs(s, 1) {}

    void read(const Moment& now, const Units&, double* out) const {
        const double slope = fitted(fold_.read(now), Fitted::Slope, true);
        constexpr double rounding = 0x1p-40;
        *out = slope > rounding && slope < 1.0 - rounding ? -log(2.0) / log(slope) : kNaN;
    }
};

class Whitened : public FoldedPairs<LineSettings> {
public:
    static constexpr std::string_view kName = "Whitened";
    static constexpr std::string_view kDoc =
        "What of another calculator's value its neighbour does not tell, in standard "
        "deviations.\n\n"
        "(x_i - a - b x_{i-1}) / s, a line fitted to the window's earlier pairs of neighbours and "
        "s "
        "the sd of\nwhat it left over (n - 2): the AR(1) residual, which a control chart may take "
        "for independent. NaN\nwith fewer than three earlier pairs, where nothing was left over, "
        "and "
        "where either value is.\n"
        "Montgomery (2009), 10.4.";

    explicit Whitened(const LineSettings& s) : FoldedPairs(s, 1) {}

    void step(const Moment& now, const std::array<double, 1>& x) {
        const double before = pairs_.step(x[0]);
        value_ = kNaN;
        if (std::isnan(before) || std::isnan(x[0])) return;
        const CoMoments m = fold_.read(now);
        const double slope = fitted(m, Fitted::Slope, true);
        const double rest = m.yy - m.xy * slope;
        if (m.weight >= 3.0 && is_rest(rest, m.yy)) {
            const double sd = std::sqrt(rest / (m.weight - 2.0));
            value_ = (x[0] - m.mean_y - slope * (before - m.mean_x)) / sd;
        }
        fold_.add(now, {x[0], before});
    }
    void read(const Moment&, const Units&, double* out) const { *out = value_; }
    void restart(Restart what) {
        FoldedPairs::restart(what);
        const bool row = what == Restart::Row && settings_.window.kind == Window::Kind::Row;
        if (row || what == Restart::Session) value_ = kNaN;
    }
    template <class V>
    void visit(V& v) {
        FoldedPairs::visit(v);
        v(value_);
    }

private:
    double value_ = kNaN;
};

class RunLength : public OfValues<JustOneSource> {
public:
    static constexpr std::string_view kName = "RunLength";
    static constexpr std::string_view kDoc =
        "How many values of another calculator in a row have had the sign of the last one, with "
        "that "
        "sign.\n\n"
        "3 after three positive values, -1 after one negative; 0 at a value of 0, which ends a "
        "run, "
        "as do\nNaN (NaN), a gap, a snapshot and a session's end.";
    using OfValues::OfValues;

    void step(const Moment&, const std::array<double, 1>& x) {
        known_ = !std::isnan(x[0]);
        const i64 sign = x[0] > 0.0 ? 1 : x[0] < 0.0 ? -1 : 0;
        const bool goes_on = sign != 0 && (run_ > 0) == (sign > 0) && run_ != 0;
        run_ = goes_on ? run_ + sign : sign;
    }
    void read(const Moment&, const Units&, double* out) const {
        *out = known_ ? static_cast<double>(run_) : kNaN;
    }
    void restart(Restart what) {
        if (what == Restart::Row) return;
        run_ = 0;
        known_ = false;
    }
    template <class V>
    void visit(V& v) {
        v(run_, known_);
        if constexpr (V::kReading)
            v.require(run_ > -kMaxTime && run_ < kMaxTime, "a run is too long");
    }

private:
    i64 run_ = 0;
    bool known_ = false;
};

}  // namespace bookflow
