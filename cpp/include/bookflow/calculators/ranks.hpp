// Where another calculator's value stands among its own past: its rank, limits that follow it, and
// the alarm that rings once a level is reached.
#pragma once

#include <cmath>

#include "bookflow/calculators/charts.hpp"
#include "bookflow/running_rank.hpp"

namespace bookflow {

struct RankSettings : OneSource {
    int n = 1000;
    bool repeats = true;
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("n", n, Range<int>{1, 100'000}, "among how many of the last values");
        v("repeats", repeats, "whether a value equal to the one before it counts again");
        visit_on(v);
    }
};

class Rank : public OfValues<RankSettings> {
public:
    static constexpr std::string_view kName = "Rank";
    static constexpr std::string_view kDoc =
        "Share of the last n values of another calculator that are at most the current one, in (0, "
        "1].\n\n"
        "#{v <= x} / N with x among them: the empirical distribution function of the past alone, N "
        "= n once\nso many are known. With repeats=False a value equal to the one before is the "
        "same value still: the\ndistribution of a VPIN over its buckets, however often rows are "
        "written. Nothing is forgotten with\na session. NaN where the value is.\n"
        "Easley, Lopez de Prado and O'Hara (2012), section 5, of a VPIN.";

    explicit Rank(const Settings& s) : OfValues(s), past_(s.n) {}

    void step(const Moment&, const std::array<double, 1>& x) {
        if (!settings_.repeats && x[0] == before_) return;
        before_ = x[0];
        rank_ = past_.step(x[0]);
    }
    void read(const Moment&, const Units&, double* out) const { *out = rank_; }
    void restart(Restart) {}
    template <class V>
    void visit(V& v) {
        v(past_, rank_, before_);
    }

private:
    RunningRank past_;
    double rank_ = kNaN;
    double before_ = kNaN;
};

struct ThresholdSettings : OneSource {
    double q = 0.99;
    int n = 1000;
    Direction direction = Direction::Both;
    ChartOutput output = ChartOutput::Alarm;
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("q", q, Range<double>{0.5, 1.0}, "the quantile that is the upper limit; 1 - q the lower");
        v("n", n, Range<int>{2, 100'000}, "of how many values before the current one");
        v("direction", direction, "which limits ring");
        v("output", output, "the alarm, or one of the limits");
        visit_on(v);
    }
};

class AdaptiveThreshold : public OfValues<ThresholdSettings> {
public:
    static constexpr std::string_view kName = "AdaptiveThreshold";
    static constexpr std::string_view kDoc =
        "Limits that follow another calculator: +1 where a value is above the running quantile q, "
        "-1 where it\nis below the quantile 1 - q, else 0.\n\n"
        "Quantiles of the n values before the current one, which is not among them, interpolated "
        "linearly\n(Hyndman and Fan (1996), type 7, as numpy). NaN until n values are known and "
        "where the value is,\nwhich then counts nothing. Nothing is forgotten with a session.";

    explicit AdaptiveThreshold(const Settings& s) : OfValues(s), past_(s.n) {}

    void step(const Moment&, const std::array<double, 1>& x) {
        upper_ = lower_ = alarm_ = kNaN;
        if (std::isnan(x[0])) return;
        if (past_.size() == static_cast<std::size_t>(settings_.n)) {
            upper_ = past_.quantile(settings_.q);
            lower_ = past_.quantile(1.0 - settings_.q);
            alarm_ = alarm_of(x[0] > upper_ && settings_.direction != Direction::Down,
                              x[0] < lower_ && settings_.direction != Direction::Up);
        }
        past_.step(x[0]);
    }
    void read(const Moment&, const Units&, double* out) const {
        *out = settings_.output == ChartOutput::Alarm   ? alarm_
               : settings_.output == ChartOutput::Upper ? upper_
                                                        : lower_;
    }
    void restart(Restart) {}
    template <class V>
    void visit(V& v) {
        v(past_, upper_, lower_, alarm_);
    }

private:
    RunningRank past_;
    double upper_ = kNaN;
    double lower_ = kNaN;
    double alarm_ = kNaN;
};

struct AlarmSettings : OneSource {
    double level = 0.99;
    double back = 0.99;
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("level", level, Range<double>{-1e15, 1e15}, "rings when it is reached from below");
        v("back", back, Range<double>{-1e15, 1e15}, "rings again only after a value below this");
        visit_on(v);
    }
};

class Alarm : public OfValues<AlarmSettings> {
public:
    static constexpr std::string_view kName = "Alarm";
    static constexpr std::string_view kDoc =
        "Rings (+1, else 0) when another calculator reaches a level from below, and again only "
        "after "
        "a value\nbelow `back`.\n\n"
        "A toxic event is Alarm(of=Rank(of=VPIN(...), repeats=False), level=.99, back=.95). The "
        "first value\nrings nothing: where it came from is not known, nor is it after a session's "
        "end. NaN where the value\nis.\n"
        "Easley, Lopez de Prado and O'Hara (2012), section 5.";

    explicit Alarm(const Settings& s) : OfValues(s), alarm_(s.level, s.back) {
        if (s.back > s.level) {
            throw InputError("must be at most the level", "Alarm.back",
                             Decimal::shortest(s.back)->text());
        }
    }

    void step(const Moment&, const std::array<double, 1>& x) {
        rings_ = std::isnan(x[0]) ? kNaN : alarm_.step(x[0]) ? 1.0 : 0.0;
    }
    void read(const Moment&, const Units&, double* out) const { *out = rings_; }
    void restart(Restart what) {
        if (what != Restart::Session) return;
        alarm_.clear();
        rings_ = kNaN;
    }
    template <class V>
    void visit(V& v) {
        v(alarm_, rings_);
    }

private:
    LevelAlarm alarm_;
    double rings_ = kNaN;
};

}  // namespace bookflow
