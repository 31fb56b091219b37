// The volume so far against what is usual at this time of the session.
#pragma once

#include <algorithm>
#include <vector>

#include "bookflow/calculator.hpp"

namespace bookflow {

class RelativeVolume {
public:
    static constexpr std::string_view kName = "RelativeVolume";
    static constexpr std::string_view kDoc =
        "Volume since the session began over the mean of the same, at this time, in the last n "
        "sessions.\n\n"
        "A number without unit: 2 is twice the usual. Time counts from the session's beginning, in "
        "the local\ntime of its place, on a grid of `step`: at any moment both are the volumes up "
        "to "
        "the last point of the\ngrid, (begin, begin + k step], so that like is compared with like. "
        "NaN until n sessions with a print\nare over, while those n had no volume yet, and without "
        "sessions (alone, or in a pipeline without\nsession=). A session that ended earlier keeps "
        "its last volume; one without a print is none. Auction\nand off-book prints count, broken "
        "ones are taken back. Kept are n + 1 sessions of at most one point a\nstep in which "
        "something was traded, 32 bytes each, and their sum: n = 20 and 390 steps of a minute make "
        "half\na megabyte.\n"
        "A convention of charting; there is no one source.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        int sessions = 20;
        int step = 60;
        template <class V>
        void visit(V& v) {
            v("sessions", sessions, Range<int>{1, 1000}, "n, with how many sessions before it");
            v("step", step, Range<int>{1, 86'400}, "the grid through a session, in seconds");
        }
    };

    explicit RelativeVolume(const Settings& s) : settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const Print& print) {
        if (!print.in_volume || now.opened == kNoTime) return;
        const i64 width = step_width();
        const i64 point = (now.ts.raw - now.opened.raw + width - 1) / width;
        if (today_.empty() || today_.back().at < point) {
            today_.push_back({point, today_.empty() ? i128{0} : today_.back().volume});
        }
        today_.back().volume += print.size.raw;
    }
    void read(const Moment& now, const Units&, double* out) {
        *out = kNaN;
        if (now.opened == kNoTime || !full()) return;
        const i64 point = (now.ts.raw - now.opened.raw) / step_width();
        while (seen_ < usual_.size() && usual_[seen_].at <= point) ++seen_;
        const i128 usual = seen_ == 0 ? 0 : usual_[seen_ - 1].volume;
        if (usual > 0) *out = ratio(settings_.sessions * until(point), usual);
    }
    void restart(Restart what) {
        if (what != Restart::Session || today_.empty()) return;
        if (full()) past_.erase(past_.begin());
        past_.push_back(std::move(today_));
        today_.clear();
        add_up();
    }
    template <class V>
    void visit(V& v) {
        v(today_, past_);
        if constexpr (V::kReading) {
            bool holds = past_.size() <= static_cast<std::size_t>(settings_.sessions);
            for (const Curve& curve : past_) holds = holds && !curve.empty() && valid(curve);
            v.require(holds && valid(today_), "the volumes of a session are invalid");
            add_up();  // not believed twice
        }
    }

private:
    // The volume up to this point of the grid.
    struct Point {
        i64 at = 0;
        i128 volume = 0;

        template <class V>
        void visit(V& v) {
            v(at, volume);
        }
    };
    using Curve = std::vector<Point>;  // only points at which something was traded, ascending

    [[nodiscard]] i64 step_width() const { return i64{settings_.step} * 1'000'000'000; }
    [[nodiscard]] bool full() const {
        return past_.size() == static_cast<std::size_t>(settings_.sessions);
    }
    // Today up to a point of the grid that is over: at most the last one is not.
    [[nodiscard]] i128 until(i64 point) const {
        std::size_t n = today_.size();
        while (n > 0 && today_[n - 1].at > point) --n;
        return n == 0 ? 0 : today_[n - 1].volume;
    }
    // The sum of the sessions before.
    void add_up() {
        usual_.clear();
        seen_ = 0;
        if (!full()) return;
        for (const Curve& curve : past_) {
            i128 before = 0;
            for (const Point& p : curve)
                usual_.push_back({p.at, p.volume - std::exchange(before, p.volume)});
        }
        std::sort(usual_.begin(), usual_.end(),
                  [](const Point& a, const Point& b) { return a.at < b.at; });
        i128 sum = 0;
        for (Point& p : usual_) sum = p.volume += sum;
    }
    [[nodiscard]] static bool valid(const Curve& curve) {
        constexpr i128 far = i128{1} << 100;
        i64 before = -1;
        for (const Point& p : curve) {
            if (p.at <= before || p.volume < -far || p.volume > far) return false;
            before = p.at;
        }
        return true;
    }

    Settings settings_;
    Curve today_;
    std::vector<Curve> past_;  // oldest first
    Curve usual_;              // their sum, where there are enough of them
    std::size_t seen_ = 0;     // so many points of it are over
};

}  // namespace bookflow
