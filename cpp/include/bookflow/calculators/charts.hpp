// Control charts over another calculator's values: when has it left where it was?
//
// They take x in standard deviations from its mean, (x - mean) / sd: of a ZScore these are 0 and 1,
// and both end one value earlier. What the literature says of false alarms is for independent
// values; `Whitened` takes the dependence of neighbours out.
#pragma once

#include <cmath>

#include "bookflow/source.hpp"

namespace bookflow {

enum class ChartOutput : std::uint8_t { Alarm, Upper, Lower };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(ChartOutput) {
    return {"alarm", "upper", "lower"};
}
enum class EwmaOutput : std::uint8_t { Alarm, Mean, Upper, Lower };
[[nodiscard]] constexpr std::array<std::string_view, 4> names_of(EwmaOutput) {
    return {"alarm", "mean", "upper", "lower"};
}

struct ChartSettings : OneSource {
    double mean = 0.0;
    double sd = 1.0;

protected:
    template <class V>
    void visit_scale(V& v) {
        v("mean", mean, Range<double>{-1e15, 1e15}, "where the values lie when nothing happens");
        v("sd", sd, Range<double>{1e-15, 1e15}, "their standard deviation then");
    }
};

// What charts have in common: one source, nothing known before the first value, and a state that a
// session's end clears.
template <class Settings_, class State>
class Chart : public OfValues<Settings_> {
public:
    using OfValues<Settings_>::OfValues;

    void restart(Restart what) {
        if (what == Restart::Session) state_ = State{};
    }
    template <class V>
    void visit(V& v) {
        v(state_);
    }

protected:
    [[nodiscard]] double standardised(double x) const {
        return (x - settings_.mean) / settings_.sd;
    }

    using OfValues<Settings_>::settings_;
    State state_;
};

[[nodiscard]] inline double alarm_of(bool up, bool down) { return up ? 1.0 : down ? -1.0 : 0.0; }

struct ShewhartSettings : ChartSettings {
    double limit = 3.0;
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("limit", limit, Range<double>{0.0, 1000.0}, "how many sd from the mean is too far");
        visit_scale(v);
        visit_on(v);
    }
};
struct Shown {
    double value = kNaN;
    template <class V>
    void visit(V& v) {
        v(value);
    }
};

class Shewhart : public Chart<ShewhartSettings, Shown> {
public:
    static constexpr std::string_view kName = "Shewhart";
    static constexpr std::string_view kDoc =
        "Shewhart chart: +1 where a value lies more than `limit` sd above the mean, -1 below, else "
        "0.\n\n"
        "NaN where the value is. With limit = 3 one of 370 independent normal values is out.\n"
        "Shewhart (1931), \"Economic control of quality of manufactured product\".";
    using Chart::Chart;

    void step(const Moment&, const std::array<double, 1>& x) {
        const double z = standardised(x[0]);
        state_.value = std::isnan(z) ? kNaN : alarm_of(z > settings_.limit, z < -settings_.limit);
    }
    void read(const Moment&, const Units&, double* out) const { *out = state_.value; }
};

struct CusumSettings : ChartSettings {
    double k = 0.5;
    double h = 5.0;
    bool anew = true;
    ChartOutput output = ChartOutput::Alarm;
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("k", k, Range<double>{0.0, 1000.0}, "the allowance, in sd: half the shift looked for");
        v("h", h, Range<double>{0.0, 1e9}, "the limit of the sums, in sd");
        visit_scale(v);
        v("restart", anew, "whether both sums start anew after an alarm");
        v("output", output, "the alarm, or one of the sums, in sd");
        visit_on(v);
    }
};
struct CusumState {
    double upper = 0;
    double lower = 0;
    double alarm = kNaN;
    bool alarmed = false;
    template <class V>
    void visit(V& v) {
        v(upper, lower, alarm, alarmed);
        if constexpr (V::kReading) {
            v.require(upper >= 0.0 && lower >= 0.0, "a sum is negative");
        }
    }
};

class Cusum : public Chart<CusumSettings, CusumState> {
public:
    static constexpr std::string_view kName = "Cusum";
    static constexpr std::string_view kDoc =
        "Two-sided CUSUM: +1 where the upper sum passes h, -1 where the lower one does, else 0.\n\n"
        "C+ = max(0, C+ + z - k), C- = max(0, C- - z - k), z in sd; both start at 0, with a "
        "session "
        "and,\nwith restart=True, after an alarm. For independent normal values and k = .5 a false "
        "alarm comes every\n168 values with h = 4, every 465 with h = 5 (two-sided); a shift of "
        "one "
        "sd is found after 8.4 and\n10.4. NaN where the value is, which leaves the sums.\n"
        "Page (1954), \"Continuous inspection schemes\"; Montgomery (2009), 9.1.";
    using Chart::Chart;

    void step(const Moment&, const std::array<double, 1>& x) {
        const double z = standardised(x[0]);
        state_.alarm = kNaN;
        if (std::isnan(z)) return;
        if (state_.alarmed && settings_.anew) state_.upper = state_.lower = 0.0;
        state_.upper = std::max(0.0, z - settings_.k + state_.upper);
        state_.lower = std::max(0.0, -z - settings_.k + state_.lower);
        state_.alarm = alarm_of(state_.upper > settings_.h, state_.lower > settings_.h);
        state_.alarmed = state_.alarm != 0.0;
    }
    void read(const Moment&, const Units&, double* out) const {
        const bool known = !std::isnan(state_.alarm);
        const double sum = settings_.output == ChartOutput::Upper ? state_.upper : state_.lower;
        *out = settings_.output == ChartOutput::Alarm ? state_.alarm : known ? sum : kNaN;
    }
};

struct EwmaSettings : ChartSettings {
    double weight = 0.1;
    double limit = 2.814;
    bool anew = true;
    EwmaOutput output = EwmaOutput::Alarm;
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("weight", weight, Range<double>{1e-6, 1.0}, "lambda, the weight of the newest value");
        v("limit", limit, Range<double>{0.0, 1000.0}, "L, how many sd of the mean are too far");
        visit_scale(v);
        v("restart", anew, "whether the mean starts anew after an alarm");
        v("output", output, "the alarm, the weighted mean, or one of its limits");
        visit_on(v);
    }
};
struct EwmaState {
    double z = 0;     // the weighted mean, in sd
    double rest = 1;  // (1 - lambda)^(2 i)
    double alarm = kNaN;
    bool alarmed = false;
    template <class V>
    void visit(V& v) {
        v(z, rest, alarm, alarmed);
        if constexpr (V::kReading) v.require(rest >= 0.0 && rest <= 1.0, "a weight is invalid");
    }
};

class EwmaChart : public Chart<EwmaSettings, EwmaState> {
public:
    static constexpr std::string_view kName = "EwmaChart";
    static constexpr std::string_view kDoc =
        "EWMA chart: +1 where the weighted mean passes its upper limit, -1 its lower one, else "
        "0.\n\n"
        "z_i = lambda x_i + (1 - lambda) z_{i-1} from the mean; the limits are exact, mean +- L sd "
        "sqrt(\nlambda / (2 - lambda) (1 - (1 - lambda)^{2i})). lambda = .1 and L = 2.814 give a "
        "false alarm every\n500 independent normal values. NaN where the value is, which leaves "
        "the "
        "mean.\n"
        "Roberts (1959), \"Control chart tests based on geometric moving averages\"; Montgomery "
        "(2009), 9.2.";
    using Chart::Chart;

    void step(const Moment&, const std::array<double, 1>& x) {
        const double z = standardised(x[0]);
        state_.alarm = kNaN;
        if (std::isnan(z)) return;
        if (state_.alarmed && settings_.anew) state_ = EwmaState{};
        const double kept = 1.0 - settings_.weight;
        state_.z = settings_.weight * z + kept * state_.z;
        state_.rest *= kept * kept;
        state_.alarm = alarm_of(state_.z > limit(), state_.z < -limit());
        state_.alarmed = state_.alarm != 0.0;
    }
    void read(const Moment&, const Units&, double* out) const {
        *out = kNaN;
        if (std::isnan(state_.alarm)) return;
        const auto unscaled = [&](double z) { return settings_.mean + z * settings_.sd; };
        switch (settings_.output) {
            case EwmaOutput::Alarm: *out = state_.alarm; return;
            case EwmaOutput::Mean: *out = unscaled(state_.z); return;
            case EwmaOutput::Upper: *out = unscaled(limit()); return;
            case EwmaOutput::Lower: *out = unscaled(-limit()); return;
        }
    }

private:
    [[nodiscard]] double limit() const {
        const double lambda = settings_.weight;
        return settings_.limit * std::sqrt(lambda / (2.0 - lambda) * (1.0 - state_.rest));
    }
};

enum class Direction : std::uint8_t { Both, Up, Down };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(Direction) {
    return {"both", "up", "down"};
}
struct PageHinkleySettings : OneSource {
    double delta = 0.005;
    double threshold = 50.0;
    double alpha = 0.9999;
    int minimum = 30;
    Direction direction = Direction::Both;
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("delta", delta, Range<double>{0.0, 1e15}, "the change that is tolerated");
        v("threshold", threshold, Range<double>{0.0, 1e15}, "how far a sum may leave its extreme");
        v("alpha", alpha, Range<double>{0.0, 1.0}, "what is kept of a sum at each value");
        v("minimum", minimum, Range<int>{1, 1'000'000}, "values before an alarm can be");
        v("direction", direction, "which changes of the mean ring");
        visit_on(v);
    }
};
struct PageHinkleyState {
    i64 n = 0;
    double mean = 0;
    double up = 0;
    double down = 0;
    double lowest_up = 0;
    double highest_down = 0;
    double alarm = kNaN;
    bool alarmed = false;
    template <class V>
    void visit(V& v) {
        v(n, mean, up, down, lowest_up, highest_down, alarm, alarmed);
        if constexpr (V::kReading) v.require(n >= 0 && n < kMaxTime, "a count is invalid");
    }
};

class PageHinkley : public Chart<PageHinkleySettings, PageHinkleyState> {
public:
    static constexpr std::string_view kName = "PageHinkley";
    static constexpr std::string_view kDoc =
        "Page-Hinkley test: +1 where the mean has risen, -1 where it has fallen, else 0.\n\n"
        "The mean of all values since the last alarm is updated first; then U = alpha U + (x - "
        "mean "
        "- delta)\nrings when it is more than `threshold` above its least value, and D = alpha D + "
        "(x - mean + delta)\nwhen it is as far below its greatest. After an alarm everything "
        "starts "
        "anew, as with a session. NaN\nwhere the value is, which counts nothing.\n"
        "Page (1954); Mouss, Mouss, Mouss and Sefouhi (2004), \"Test of Page-Hinkley\".";
    using Chart::Chart;

    void step(const Moment&, const std::array<double, 1>& x) {
        state_.alarm = kNaN;
        if (std::isnan(x[0])) return;
        PageHinkleyState& s = state_;
        if (s.alarmed) s = PageHinkleyState{};
        s.n += 1;
        s.mean += (x[0] - s.mean) / static_cast<double>(s.n);
        s.up = settings_.alpha * s.up + (x[0] - s.mean) - settings_.delta;
        s.down = settings_.alpha * s.down + (x[0] - s.mean) + settings_.delta;
        s.lowest_up = s.n == 1 ? s.up : std::min(s.lowest_up, s.up);
        s.highest_down = s.n == 1 ? s.down : std::max(s.highest_down, s.down);
        const bool ready = s.n >= settings_.minimum;
        const bool rose = s.up - s.lowest_up > settings_.threshold;
        const bool fell = s.highest_down - s.down > settings_.threshold;
        s.alarm = alarm_of(ready && rose && settings_.direction != Direction::Down,
                           ready && fell && settings_.direction != Direction::Up);
        s.alarmed = s.alarm != 0.0;
    }
    void read(const Moment&, const Units&, double* out) const { *out = state_.alarm; }
};

}  // namespace bookflow
