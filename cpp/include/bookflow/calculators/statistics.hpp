// What a window of another calculator's values comes to. NaN is a value that is not known: it does
// not count.
#pragma once

#include <cmath>

#include "bookflow/fold_of.hpp"

namespace bookflow {

enum class Weight : std::uint8_t { Event, Time };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(Weight) {
    return {"event", "time"};
}

// The mean of what is held in time: a value counts from when it is known until the next one.
class HeldMean {
public:
    explicit HeldMean(const Window& window) : window_(window), pieces_(window) {}

    void step(const Moment& now, double x) {
        const i64 t = now.ts.raw;
        if (since_ != kNone && t > since_ && !std::isnan(held_)) {
            pieces_.add(now, {held_, static_cast<double>(t - since_)});
        }
        held_ = x;
        since_ = t;
    }
    [[nodiscard]] double read(const Moment& now) const {
        Piece sum = pieces_.read(now);
        i64 begin = since_;
        if (window_.kind == Window::Kind::Last) {
            // of the oldest piece and of what is held, only what lies in the window
            begin = now.ts.raw - window_.span.count;
            if (const auto* oldest = pieces_.oldest(now)) {
                const i64 from = pieces_.oldest_key(now) - static_cast<i64>((*oldest)[1]);
                if (from < begin) sum.add((*oldest)[0], -static_cast<double>(begin - from));
            }
        }
        if (since_ != kNone && now.ts.raw > since_ && !std::isnan(held_)) {
            sum.add(held_, static_cast<double>(now.ts.raw - std::max(since_, begin)));
        }
        return sum.time > 0.0 ? sum.x / sum.time : kNaN;
    }
    void row_written(const Moment& now) {
        pieces_.restart(Restart::Row);
        if (window_.kind == Window::Kind::Row && since_ != kNone) {
            since_ = std::max(since_, now.ts.raw);
        }
    }
    void restart(Restart what) {
        if (what != Restart::Row) {  // until when it stood is not known
            held_ = kNaN;
            since_ = kNone;
        }
        pieces_.restart(what);
    }
    template <class V>
    void visit(V& v) {
        v(pieces_, held_, since_);
        if constexpr (V::kReading) {
            v.require(!std::isinf(held_) && (since_ == kNone || (since_ >= 0 && since_ < kMaxTime)),
                      "what is held is invalid");
        }
    }

private:
    struct Piece {
        using Sample = std::array<double, 2>;  // the value, for how many ns

        double x = 0;     // value x ns
        double time = 0;  // ns

        [[nodiscard]] static Piece of(const Sample& s) { return {s[0] * s[1], s[1]}; }
        [[nodiscard]] friend Piece merged(const Piece& a, const Piece& b) {
            return {a.x + b.x, a.time + b.time};
        }
        void add(double value, double ns) {
            x += value * ns;
            time += ns;
        }
        template <class V>
        void visit(V& v) {
            v(x, time);
            if constexpr (V::kReading) v.require(!std::isnan(x) && time >= 0.0, "a sum is invalid");
        }
    };

    Window window_;
    Fold<Piece> pieces_;
    double held_ = kNaN;
    i64 since_ = kNone;
};

struct MeanSettings : OneSource {
    Window window = Window::session();
    Weight weight = Weight::Event;
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("window", window, "over what values the mean is taken");
        v("weight", weight, "how much a value counts: once, or as long as it stood");
        visit_on(v);
    }
};

class Mean : public OfValues<MeanSettings> {
public:
    static constexpr std::string_view kName = "Mean";
    static constexpr std::string_view kDoc =
        "Mean of another calculator's values.\n\n"
        "weight=\"event\": each value counts once, with a half-life by what is left of it. "
        "weight=\"time\": each\ncounts for as long as it stood, up to now; across a gap, a "
        "snapshot or a session's end nothing\nstands. A value that is NaN counts nothing; NaN "
        "where "
        "nothing counts. Values are merged, never\nsubtracted, so that there is no drift: the "
        "error "
        "is that of one sum over the window.";

    explicit Mean(const Settings& s) : OfValues(s), moments_(s.window), held_(s.window) {
        const bool keyed =
            s.window.kind == Window::Kind::Last && s.window.span.of != Span::Of::Time;
        if (by_time() && (keyed || s.window.kind == Window::Kind::Decayed)) {
            throw InputError(
                "must be \"row\", \"session\", None or a span of time where weight=\"time\"",
                "Mean.window", s.window.text());
        }
    }
    [[nodiscard]] bool needs_time() const { return by_time(); }

    void step(const Moment& now, const std::array<double, 1>& x) {
        if (by_time()) {
            held_.step(now, x[0]);
        } else if (!std::isnan(x[0])) {
            moments_.add(now, x);
        }
    }
    void read(const Moment& now, const Units&, double* out) const {
        *out = by_time() ? held_.read(now) : moments_.read(now).known_mean();
    }
    void row_written(const Moment& now) {
        moments_.restart(Restart::Row);
        held_.row_written(now);
    }
    void restart(Restart what) {
        moments_.restart(what);
        held_.restart(what);
    }
    template <class V>
    void visit(V& v) {
        v(moments_, held_);
    }

private:
    [[nodiscard]] bool by_time() const { return settings_.weight == Weight::Time; }

    Fold<Moments> moments_;
    HeldMean held_;
};

struct WindowSettings : OneSource {
    Window window = Window::session();
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("window", window, "over what values");
        visit_on(v);
    }
};

class Std : public FoldOf<Moments, WindowSettings> {
public:
    static constexpr std::string_view kName = "Std";
    static constexpr std::string_view kDoc =
        "Standard deviation of another calculator's values, as of a sample (n - 1).\n\n"
        "With a half-life values count by what is left of them, w, and the divisor is sum w - sum "
        "w^2 /\nsum w, which is n - 1 where all w are 1. NaN with fewer than two values. Moments "
        "are merged, never\nsubtracted (Chan, Golub and LeVeque 1979): equal values give exactly "
        "0.";
    using FoldOf::FoldOf;

    void read(const Moment& now, const Units&, double* out) const {
        *out = std::sqrt(fold_.read(now).variance());
    }
};

// The extreme of what it has seen; NaN of nothing.
template <bool Least>
struct Extreme {
    using Sample = std::array<double, 1>;
    double x = kNaN;

    [[nodiscard]] static Extreme of(const Sample& s) { return {s[0]}; }
    [[nodiscard]] friend Extreme merged(const Extreme& a, const Extreme& b) {
        if (std::isnan(a.x)) return b;
        if (std::isnan(b.x)) return a;
        return {Least ? std::min(a.x, b.x) : std::max(a.x, b.x)};
    }
    template <class V>
    void visit(V& v) {
        v(x);
    }
};

// The last one.
struct Latest {
    using Sample = std::array<double, 1>;
    double x = kNaN;

    [[nodiscard]] static Latest of(const Sample& s) { return {s[0]}; }
    [[nodiscard]] friend Latest merged(const Latest& a, const Latest& b) {
        return std::isnan(b.x) ? a : b;
    }
    template <class V>
    void visit(V& v) {
        v(x);
    }
};

struct ExtremeSettings : OneSource {
    Window window = Window::session();
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("window", window, NoHalfLife{}, "over what values");
        visit_on(v);
    }
};

class Min : public FoldOf<Extreme<true>, ExtremeSettings> {
public:
    static constexpr std::string_view kName = "Min";
    static constexpr std::string_view kFunction = "minimum";  // "min" is Python's own
    static constexpr std::string_view kDoc =
        "Least of another calculator's values in the window; NaN where none is known.";
    using FoldOf::FoldOf;

    void read(const Moment& now, const Units&, double* out) const { *out = fold_.read(now).x; }
};

class Max : public FoldOf<Extreme<false>, ExtremeSettings> {
public:
    static constexpr std::string_view kName = "Max";
    static constexpr std::string_view kFunction = "maximum";  // "max" is Python's own
    static constexpr std::string_view kDoc =
        "Greatest of another calculator's values in the window; NaN where none is known.";
    using FoldOf::FoldOf;

    void read(const Moment& now, const Units&, double* out) const { *out = fold_.read(now).x; }
};

class Last : public FoldOf<Latest, ExtremeSettings> {
public:
    static constexpr std::string_view kName = "Last";
    static constexpr std::string_view kDoc =
        "Last known value of another calculator in the window: NaN is passed over.\n\n"
        "NaN where none is known.";
    using FoldOf::FoldOf;

    void read(const Moment& now, const Units&, double* out) const { *out = fold_.read(now).x; }
};

// Values and the one that stood a distance ago: the value before ("row"), the last one that is at
// least so old (a span), or the first one ("session", None).
class Earlier {
public:
    explicit Earlier(const Window& distance) : distance_(distance) {}

    void step(const Moment& now, double x) {
        if (distance_.kind == Window::Kind::Last) {
            const i64 key = now.key(distance_.span.of);
            while (values_.size() > 1 && values_[1].key <= key - distance_.span.count) {
                values_.pop_front();
            }
            values_.push_back({key, x});
        } else if (!any_ || distance_.kind == Window::Kind::Row) {
            earlier_ = any_ ? now_ : kNaN;
            if (!any_ && distance_.kind != Window::Kind::Row) earlier_ = x;
        }
        now_ = x;
        any_ = true;
    }
    [[nodiscard]] double now() const { return now_; }
    [[nodiscard]] double earlier(const Moment& at) const {
        if (distance_.kind != Window::Kind::Last) return earlier_;
        const i64 until = at.key(distance_.span.of) - distance_.span.count;
        double out = kNaN;
        for (std::size_t i = 0; i < values_.size() && values_[i].key <= until; ++i) {
            out = values_[i].x;
        }
        return out;
    }
    void restart(Restart what) {
        if (what != Restart::Row) *this = Earlier(distance_);
    }
    template <class V>
    void visit(V& v) {
        v(values_, earlier_, now_, any_);
        if constexpr (V::kReading) {
            bool holds = !std::isinf(earlier_) && !std::isinf(now_);
            i64 before = 0;
            for (std::size_t i = 0; i < values_.size(); ++i) {
                holds = holds && values_[i].key >= before && values_[i].key < kMaxTime &&
                        !std::isinf(values_[i].x);
                before = values_[i].key;
            }
            v.require(holds, "earlier values are invalid");
        }
    }

private:
    struct Keyed {
        i64 key = 0;
        double x = 0;

        template <class V>
        void visit(V& v) {
            v(key, x);
        }
    };

    Window distance_;
    Ring<Keyed> values_;  // of a span: those since then, and the one that stood at its beginning
    double earlier_ = kNaN;
    double now_ = kNaN;
    bool any_ = false;
};

struct DistanceSettings : OneSource {
    Window window;
    template <class V>
    void visit(V& v) {
        visit_of(v);
        v("window", window, NoHalfLife{},
          "how far back: the value before (\"row\"), the last one at least so old (a span), or the "
          "first one");
        visit_on(v);
    }
};

// The values, for whoever compares one with an earlier one.
class WithEarlier : public OfValues<DistanceSettings> {
public:
    explicit WithEarlier(const Settings& s) : OfValues(s), values_(s.window) {}

    void step(const Moment& now, const std::array<double, 1>& x) { values_.step(now, x[0]); }
    void restart(Restart what) { values_.restart(what); }
    template <class V>
    void visit(V& v) {
        v(values_);
    }

protected:
    Earlier values_;
};

class Lag : public WithEarlier {
public:
    static constexpr std::string_view kName = "Lag";
    static constexpr std::string_view kDoc =
        "Another calculator's value some time ago.\n\n"
        "window=\"row\" is the value before, a span the last value that is at least so old, "
        "\"session\" and\nNone the first one. Nothing is looked up across a gap, a snapshot or a "
        "session's end. NaN where\nthere is none, and where it was NaN then.";
    using WithEarlier::WithEarlier;

    void read(const Moment& now, const Units&, double* out) const { *out = values_.earlier(now); }
};

class Diff : public WithEarlier {
public:
    static constexpr std::string_view kName = "Diff";
    static constexpr std::string_view kDoc =
        "Change of another calculator's value: the value now less what it was some time ago.\n\n"
        "window=\"row\" is the value before, a span the last value that is at least so old, "
        "\"session\" and\nNone the first one. Nothing is differenced across a gap, a snapshot or a "
        "session's end. NaN where\neither is.";
    using WithEarlier::WithEarlier;

    void read(const Moment& now, const Units&, double* out) const {
        *out = values_.now() - values_.earlier(now);
    }
};

class ZScore : public OfValues<WindowSettings> {
public:
    static constexpr std::string_view kName = "ZScore";
    static constexpr std::string_view kDoc =
        "How many standard deviations another calculator's value lies from the mean of those "
        "before "
        "it.\n\n"
        "z = (x - mean) / sd, both over the window's earlier values: x itself is not among them, "
        "so "
        "that it\nbounds nothing. sd is that of a sample (see Std). NaN with fewer than two "
        "earlier "
        "values, where\nthey are all equal, and where x is NaN, which then counts nothing.";

    explicit ZScore(const Settings& s) : OfValues(s), moments_(s.window) {}

    void step(const Moment& now, const std::array<double, 1>& x) {
        z_ = kNaN;
        if (std::isnan(x[0])) return;
        const Moments before = moments_.read(now);
        const double sd = std::sqrt(before.variance());
        if (sd > 0.0) z_ = (x[0] - before.mean) / sd;
        moments_.add(now, x);
    }
    void read(const Moment&, const Units&, double* out) const { *out = z_; }
    void restart(Restart what) {
        moments_.restart(what);
        const bool row = what == Restart::Row && settings_.window.kind == Window::Kind::Row;
        if (row || what == Restart::Session) z_ = kNaN;
    }
    template <class V>
    void visit(V& v) {
        v(moments_, z_);
    }

private:
    Fold<Moments> moments_;
    double z_ = kNaN;
};

}  // namespace bookflow
