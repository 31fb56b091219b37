// When a row is due.
//
// A grid (span) clock owes one row for every grid point g before the time of the next atomic
// event: an event at g still belongs to g's bin (t_{k-1}, t_k]. The first event writes no earlier
// points. A counting clock writes at the first LAST that reaches its count, at most one row, and
// carries the excess.
#pragma once

#include "bookflow/book_update.hpp"
#include "bookflow/instrument.hpp"
#include "bookflow/span.hpp"

namespace bookflow {

class RowClock {
public:
    RowClock() = default;
    RowClock(const Clock& clock, i64 origin, const Units& units)
        : clock_(clock), origin_(origin), target_(clock.every.count) {
        if (clock.kind == Clock::Kind::Every && clock.every.of == Span::Of::Volume) {
            const auto n = units.size_scale.units(clock.every.volume);
            if (!n || *n <= 0 || *n > kMaxSize) {
                throw InputError("must be a whole number of the instrument's size units", "clock",
                                 clock.text());
            }
            target_ = *n;
        }
        if (on_grid() && (origin <= -kMaxTime || origin >= kMaxTime)) {
            throw InputError("must be within 2^62 ns of the epoch", "origin",
                             std::to_string(origin));
        }
    }

    [[nodiscard]] bool on_grid() const { return clock_.on_grid(); }
    [[nodiscard]] bool anchored() const { return next_ != kNone; }
    [[nodiscard]] i64 next() const { return next_; }
    void passed() { next_ += target_; }

    // The first grid point is the smallest at or after this event and after the session's begin.
    void anchor(i64 ts, i64 session_begin) {
        if (!on_grid() || anchored()) return;
        const i64 past = floor_mod(ts - origin_);
        next_ = past == 0 ? ts : ts + (target_ - past);
        if (next_ == session_begin) next_ += target_;
    }
    [[nodiscard]] bool is_grid_point(i64 ts) const { return floor_mod(ts - origin_) == 0; }

    // Whether more than one grid point could lie between two times: asked for every row.
    [[nodiscard]] bool far_apart(i64 from, i64 to) const {
        return on_grid() && to - from > target_;
    }
    // How many grid points g there are with from <= g < to.
    [[nodiscard]] i64 points(i64 from, i64 to) const {
        if (to <= from) return 0;
        const i64 to_first = floor_mod(origin_ - from);  // from `from` to the first grid point
        return to - from <= to_first ? 0 : (to - from - to_first - 1) / target_ + 1;
    }

    // At the LAST of an atomic event: is a row due?
    [[nodiscard]] bool due(bool best_changed, i64 trades, i128 volume) {
        switch (clock_.kind) {
            case Clock::Kind::Event: return true;
            case Clock::Kind::Best: return best_changed;
            case Clock::Kind::Trade: return trades > 0;
            case Clock::Kind::Every: break;
        }
        switch (clock_.every.of) {
            case Span::Of::Time: return false;
            case Span::Of::Events: count_ += 1; break;
            case Span::Of::Trades: count_ += trades; break;
            case Span::Of::Volume: count_ += volume; break;
        }
        if (count_ < target_) return false;
        count_ %= target_;
        return true;
    }

    // A session ended, or everything starts anew.
    void restart() {
        next_ = kNone;
        count_ = 0;
    }

    template <class V>
    void visit(V& v) {
        v(next_, count_);
        if constexpr (V::kReading) {
            v.require(next_ == kNone || (next_ >= 0 && on_grid() && is_grid_point(next_)),
                      "a clock is off its grid");
            v.require(count_ >= 0 && (count_ == 0 || count_ < target_),
                      "a clock's count is invalid");
        }
    }

private:
    [[nodiscard]] i64 floor_mod(i64 x) const { return (x % target_ + target_) % target_; }

    Clock clock_;
    i64 origin_ = 0;
    i64 target_ = 0;    // ns, events, trades or size units
    i64 next_ = kNone;  // the next grid point
    i128 count_ = 0;    // events, trades or volume since the last row
};

}  // namespace bookflow
