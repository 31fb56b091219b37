// Rolling least squares of one calculator on another, and the measures of impact and liquidity that
// are one.
#pragma once

#include <cmath>

#include "bookflow/fold_of.hpp"
#include "bookflow/logarithm.hpp"

namespace bookflow {

// Means and sums of squares and products about them, of y on x.
struct CoMoments {
    using Sample = std::array<double, 2>;

    double weight = 0;
    double mean_y = 0;
    double mean_x = 0;
    double yy = 0;
    double xx = 0;
    double xy = 0;

    [[nodiscard]] static CoMoments of(const Sample& s) { return {1.0, s[0], s[1], 0.0, 0.0, 0.0}; }
    // About 0: a line through the origin.
    [[nodiscard]] CoMoments about_zero() const {
        return {weight,
                mean_y,
                mean_x,
                yy + weight * mean_y * mean_y,
                xx + weight * mean_x * mean_x,
                xy + weight * mean_x * mean_y};
    }

    template <class V>
    void visit(V& v) {
        v(weight, mean_y, mean_x, yy, xx, xy);
        if constexpr (V::kReading) {
            v.require(weight >= 0.0 && yy >= 0.0 && xx >= 0.0,
                      "the moments of a window are invalid");
        }
    }
};
[[nodiscard]] inline CoMoments merged(const CoMoments& a, const CoMoments& b) {
    if (!(a.weight > 0.0)) return b;
    if (!(b.weight > 0.0)) return a;
    const double weight = a.weight + b.weight;
    const double share = b.weight / weight;
    const double both = a.weight * share;
    const double y = b.mean_y - a.mean_y;
    const double x = b.mean_x - a.mean_x;
    return {weight,
            a.mean_y + y * share,
            a.mean_x + x * share,
            a.yy + b.yy + y * y * both,
            a.xx + b.xx + x * x * both,
            a.xy + b.xy + x * y * both};
}

enum class Fitted : std::uint8_t { Slope, Intercept, R2, T };
[[nodiscard]] constexpr std::array<std::string_view, 4> names_of(Fitted) {
    return {"slope", "intercept", "r2", "t"};
}

// Whether what a line leaves over is more than the rounding of its sums.
[[nodiscard]] inline bool is_rest(double rest, double yy) { return rest > 0x1p-40 * yy; }

// What a fit of the samples says. NaN with too few samples, or where x does not vary.
[[nodiscard]] inline double fitted(const CoMoments& about_mean, Fitted what, bool intercept) {
    const CoMoments m = intercept ? about_mean : about_mean.about_zero();
    if (!(m.xx > 0.0) || !(m.weight >= 2.0)) return kNaN;
    const double slope = m.xy / m.xx;
    switch (what) {
        case Fitted::Slope: return slope;
        case Fitted::Intercept: return intercept ? m.mean_y - slope * m.mean_x : 0.0;
        case Fitted::R2: return m.yy > 0.0 ? std::min(1.0, m.xy * slope / m.yy) : kNaN;
        case Fitted::T: break;
    }
    const double degrees = m.weight - (intercept ? 2.0 : 1.0);
    const double rest = m.yy - m.xy * slope;
    if (!(degrees > 0.0) || !is_rest(rest, m.yy)) return kNaN;
    return slope / std::sqrt(rest / degrees / m.xx);
}

struct RegressionSettings : TwoSources {
    Window window = Window::session();
    bool intercept = true;
    Fitted output = Fitted::Slope;
    template <class V>
    void visit(V& v) {
        v("of", of, "what is explained, y");
        v("by", by, "what explains it, x");
        v("window", window, NoHalfLife{}, "over what samples the line is fitted");
        v("intercept", intercept, "whether the line has one, or goes through 0");
        v("output", output, "the slope, the intercept, R2, or the t value of the slope");
        visit_on(v);
    }
};

class Regression : public FoldOf<CoMoments, RegressionSettings> {
public:
    static constexpr std::string_view kName = "Regression";
    static constexpr std::string_view kDoc =
        "Rolling least squares of one calculator on another, y = a + b x.\n\n"
        "Slope b, intercept a, R2 (without an intercept about 0) and t = b / se(b), with n - 2 or "
        "n - "
        "1\ndegrees of freedom. Left to itself in a pipeline it is the impact of order flow: the "
        "change of the\nmid on OrderFlowImbalance over the same row. Samples where either is NaN "
        "count nothing; NaN with\nfewer than two, where x does not vary, and t where nothing is "
        "left over. Moments are merged, never\nsubtracted, so that a window of any length has the "
        "error of one sum.\n"
        "Cont, Kukanov and Stoikov (2014), eq. 8.";
    static constexpr std::array<const char*, 2> kUsualSources{"Diff(of=Mid())",
                                                              "OrderFlowImbalance()"};
    using FoldOf::FoldOf;

    void read(const Moment& now, const Units&, double* out) const {
        *out = fitted(fold_.read(now), settings_.output, settings_.intercept);
    }
};

class KyleLambda : public Regression {
public:
    static constexpr std::string_view kName = "KyleLambda";
    static constexpr std::string_view kDoc =
        "Kyle's lambda: by how much the price moves with a unit of signed volume, the slope of dp "
        "on "
        "it.\n\n"
        "In a pipeline dp is the change of the mid over a row and the signed volume buys less "
        "sells "
        "in it,\nunless `of` and `by` say otherwise; in price per size. Otherwise as Regression.\n"
        "Kyle (1985), \"Continuous auctions and insider trading\".";
    static constexpr std::array<const char*, 2> kUsualSources{"Diff(of=Mid())",
                                                              "BuyVolume() - SellVolume()"};
    using Regression::Regression;
};

class HasbrouckLambda : public Regression {
public:
    static constexpr std::string_view kName = "HasbrouckLambda";
    static constexpr std::string_view kDoc =
        "Hasbrouck's lambda: the slope of the log return on the signed square root of turnover.\n\n"
        "In a pipeline the return is that of the mid over a row and the flow the sum of sign "
        "sqrt(p V) over\nits prints, unless `of` and `by` say otherwise. Otherwise as Regression.\n"
        "Hasbrouck (2009), \"Trading costs and returns for U.S. equities\", eq. 6.";
    static constexpr std::array<const char*, 2> kUsualSources{"LogReturn(of=Mid())",
                                                              "SignedRootTurnover()"};
    using Regression::Regression;
};

class LogReturn : public OfValues<JustOneSource> {
public:
    static constexpr std::string_view kName = "LogReturn";
    static constexpr std::string_view kDoc =
        "Log return of another calculator, ln(x / the value before).\n\n"
        "From one known value to the next; nothing is taken across a gap, a snapshot or a "
        "session's "
        "end. NaN\nwhere the value is, where there is none before, and where either is not "
        "positive.";
    using OfValues::OfValues;

    void step(const Moment&, const std::array<double, 1>& x) {
        value_ = before_ > 0.0 && x[0] > 0.0 ? log(x[0] / before_) : kNaN;
        if (!std::isnan(x[0])) before_ = x[0];
    }
    void read(const Moment&, const Units&, double* out) const { *out = value_; }
    void restart(Restart what) {
        if (what != Restart::Row) before_ = value_ = kNaN;
    }
    template <class V>
    void visit(V& v) {
        v(before_, value_);
    }

private:
    double before_ = kNaN;
    double value_ = kNaN;
};

struct AmihudSettings : TwoSources {
    Window window = Window::session();
    template <class V>
    void visit(V& v) {
        v("of", of, "the return");
        v("by", by, "the turnover of the same row");
        v("window", window, "over what rows the mean is taken");
        visit_on(v);
    }
};

class Amihud : public FoldOf<Moments, AmihudSettings, 2> {
public:
    static constexpr std::string_view kName = "Amihud";
    static constexpr std::string_view kDoc =
        "Amihud's illiquidity: the mean of |return| / turnover.\n\n"
        "In a pipeline the return is the log return of the last price over a row and the turnover "
        "that of the\nrow, unless `of` and `by` say otherwise; per unit of money. Rows without "
        "turnover or return count\nnothing; NaN where none counts.\n"
        "Amihud (2002), \"Illiquidity and stock returns\", eq. 1.";
    static constexpr std::array<const char*, 2> kUsualSources{"LogReturn(of=LastPrice())",
                                                              "Turnover()"};
    using FoldOf::FoldOf;

    void step(const Moment& now, const std::array<double, 2>& x) {
        if (!std::isnan(x[0]) && x[1] > 0.0) fold_.add(now, {std::abs(x[0]) / x[1]});
    }
    void read(const Moment& now, const Units&, double* out) const {
        *out = fold_.read(now).known_mean();
    }
};

enum class Impact : std::uint8_t { Exponent, Coefficient, R2 };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(Impact) {
    return {"exponent", "coefficient", "r2"};
}
struct VolumeImpactSettings : TwoSources {
    Window window = Window::session();
    Impact output = Impact::Exponent;
    template <class V>
    void visit(V& v) {
        v("of", of, "the change of price");
        v("by", by, "the volume that went with it");
        v("window", window, NoHalfLife{}, "over what samples it is fitted");
        v("output", output, "delta, Y, or R2 of the logarithms");
        visit_on(v);
    }
};

class VolumeImpact : public FoldOf<CoMoments, VolumeImpactSettings> {
public:
    static constexpr std::string_view kName = "VolumeImpact";
    static constexpr std::string_view kDoc =
        "Impact of volume: the fit of |dp| = Y Q^delta, exponent delta and coefficient Y.\n\n"
        "Least squares of ln |dp| on ln Q. In a pipeline dp is the change of the mid over a row "
        "and "
        "Q its\nvolume, unless `of` and `by` say otherwise: in units of a day's sd and volume, Y "
        "sigma (Q/V)^delta,\nwith Diff(of=Mid()) / Std(...) and Volume() / Mean(...). Samples "
        "where dp or Q is 0 or NaN have no\nlogarithm and count nothing; NaN with fewer than two "
        "or where Q does not vary.\n"
        "Almgren, Thum, Hauptmann and Li (2005), \"Direct estimation of equity market impact\"; "
        "Toth et al.\n(2011) find delta near 1/2.";
    static constexpr std::array<const char*, 2> kUsualSources{"Diff(of=Mid())", "Volume()"};
    using FoldOf::FoldOf;

    void step(const Moment& now, const std::array<double, 2>& x) {
        const double change = std::abs(x[0]);
        const double volume = std::abs(x[1]);
        if (change > 0.0 && volume > 0.0) fold_.add(now, {log(change), log(volume)});
    }
    // Values with their logarithms as LogKernel gives them.
    struct WithLogs {
        std::array<double, 2> x;
        std::array<double, 2> logs;
    };
    void step(const Moment& now, const WithLogs& row) {
        const auto normal = [](double x) {
            return std::abs(x) >= std::numeric_limits<double>::min();  // none is infinite
        };
        if (normal(row.x[0]) && normal(row.x[1])) return fold_.add(now, row.logs);
        step(now, row.x);
    }
    void read(const Moment& now, const Units&, double* out) const {
        const CoMoments m = fold_.read(now);
        switch (settings_.output) {
            case Impact::Exponent: *out = fitted(m, Fitted::Slope, true); return;
            case Impact::Coefficient: *out = exp_of(fitted(m, Fitted::Intercept, true)); return;
            case Impact::R2: *out = fitted(m, Fitted::R2, true); return;
        }
    }

private:
    [[nodiscard]] static double exp_of(double x) {
        if (!(std::abs(x) <= 700.0)) return kNaN;  // it would leave the doubles
        return x > 0.0 ? 1.0 / exp_minus(x) : exp_minus(-x);
    }
};

}  // namespace bookflow
