// When a row is due.
//
// A grid (span) clock owes one row for every grid point g before the time of the next atomic
// event: an event at g still belongs to g's bin (t_{k-1}, t_k]. The first event writes no earlier
// points. A counting clock writes at the first LAST that reaches its count, at most one row, and
// carries the excess: what reaches it belongs to the row it ends.
#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "bookflow/clock.hpp"

namespace bookflow {

class RowClock {
public:
    RowClock() = default;
    RowClock(const Clock& clock, i64 origin, const Instrument& instrument)
        : clock_(clock), origin_(origin), target_(clock.every.count) {
        if (clock.kind == Clock::Kind::Every && clock.every.is_amount()) {
            target_ = amount(clock.every, instrument);
        }
        if (clock.by_information()) {
            bars_ = InformationBars(clock.expected, clock.kind == Clock::Kind::Run);
        }
        if (on_grid() && (origin <= -kMaxTime || origin >= kMaxTime)) {
            throw InputError("must be within 2^62 ns of the epoch", "origin",
                             std::to_string(origin));
        }
    }

    [[nodiscard]] bool on_grid() const { return clock_.on_grid(); }
    [[nodiscard]] bool anchored() const { return next_ != kNone; }
    [[nodiscard]] i64 next() const { return next_; }
    void passed() { next_ += width(); }
    // The first grid point at or after ts.
    void skip_to(i64 ts) {
        next_ = kNone;
        anchor(ts, kNone);
    }

    // The first grid point is the smallest at or after this event and after the session's begin.
    void anchor(i64 ts, i64 session_begin) {
        if (!on_grid() || anchored()) return;
        const i64 past = floor_mod(ts - origin_);
        next_ = past == 0 ? ts : ts + (width() - past);
        if (next_ == session_begin) next_ += width();
    }
    [[nodiscard]] bool is_grid_point(i64 ts) const { return floor_mod(ts - origin_) == 0; }

    // Whether more than one grid point could lie between two times: asked for every row.
    [[nodiscard]] bool far_apart(i64 from, i64 to) const {
        return on_grid() && to - from > width();
    }
    // How many grid points g there are with from <= g < to.
    [[nodiscard]] i64 points(i64 from, i64 to) const {
        if (to <= from) return 0;
        const i64 to_first = floor_mod(origin_ - from);  // from `from` to the first grid point
        return to - from <= to_first ? 0 : (to - from - to_first - 1) / width() + 1;
    }

    // Who started the prints of an atomic event, from the touch before it: where the clock asks.
    void sign(const Moment& now, std::span<const Print> prints) {
        if (!clock_.by_information()) return;
        signs_.clear();
        for (const Print& p : prints) signs_.push_back(p.in_flow ? bars_.sign(now, p) : Side::None);
    }
    // The touch that the prints of later events are compared with.
    void quoted(const Moment& now, const Quotes& quotes) {
        if (clock_.by_information()) bars_.quoted(now, quotes);
    }
    void forget_touch() { bars_.forget_touch(); }

    // At the LAST of an atomic event: is a row due? The two commonest answers are at hand.
    [[nodiscard]] bool due(bool best_changed, std::span<const Print> prints) {
        if (clock_.kind == Clock::Kind::Event) return true;
        return !clock_.on_grid() && counted(best_changed, prints);
    }

    // A session ended, or everything starts anew.
    void restart() {
        next_ = kNone;
        count_ = 0;
        bars_.end_session();
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
        if (clock_.by_information()) v(bars_);
    }

private:
    static constexpr i128 kMost = i128{1} << 124;  // far beyond any market

    // How many of the units in which prints are counted.
    [[nodiscard]] i128 amount(const Span& span, const Instrument& instrument) {
        linear_ = !instrument.inverse;
        std::vector<Decimal> units{instrument.size_unit};
        if (span.of == Span::Of::Value) {
            units.push_back(instrument.multiplier);
            if (linear_) units.push_back(instrument.price_unit);
        }
        const auto n = whole(span.amount, units);
        const i128 most = span.of == Span::Of::Volume ? i128{kMaxSize} : i128{1} << 120;
        if (!n || *n > most) {
            throw InputError(span.of == Span::Of::Volume
                                 ? "must be a whole number of the instrument's size units"
                                 : "must be a whole number of price unit x size unit x multiplier",
                             "clock", span.text());
        }
        return *n;
    }
    // x over the product of the units, where that is an integer.
    [[nodiscard]] static std::optional<i128> whole(const Decimal& x,
                                                   const std::vector<Decimal>& units) {
        i64 mantissa = x.mantissa;
        int exponent = x.exponent;
        i128 divisor = 1;
        for (const Decimal& unit : units) {
            const i64 common = std::gcd(mantissa, unit.mantissa);
            mantissa /= common;
            if (__builtin_mul_overflow(divisor, unit.mantissa / common, &divisor)) return {};
            exponent -= unit.exponent;
        }
        i128 n = mantissa;
        for (; exponent < 0; ++exponent) {
            if (n % 10 == 0) {
                n /= 10;
            } else if (__builtin_mul_overflow(divisor, i128{10}, &divisor)) {
                return {};
            }
        }
        for (; exponent > 0; --exponent) {
            if (divisor % 10 == 0) {
                divisor /= 10;
            } else if (__builtin_mul_overflow(n, i128{10}, &n)) {
                return {};
            }
        }
        return n % divisor == 0 ? std::optional(n / divisor) : std::nullopt;
    }

    [[nodiscard, gnu::noinline]] bool counted(bool best_changed, std::span<const Print> prints) {
        switch (clock_.kind) {
            case Clock::Kind::Event: return true;
            case Clock::Kind::Best: return best_changed;
            case Clock::Kind::Trade: return std::ranges::any_of(prints, &Print::is_trade);
            case Clock::Kind::Every: break;
            case Clock::Kind::Imbalance:
            case Clock::Kind::Run: return informed(prints);
        }
        const Span::Of of = clock_.every.of;
        if (of == Span::Of::Events) count_ += 1;
        for (const Print& p : prints) {
            if (!p.is_trade()) continue;
            if (of == Span::Of::Trades) count_ += 1;
            if (of == Span::Of::Volume) count_ += p.size.raw;
            if (of == Span::Of::Value) count_ += linear_ ? value_of(p) : i128{p.size.raw};
            count_ = std::min(count_, kMost);
        }
        if (count_ < target_) return false;
        count_ %= target_;
        return true;
    }
    [[nodiscard]] bool informed(std::span<const Print> prints) {
        bool any = false;
        for (std::size_t i = 0; i < prints.size(); ++i) {
            if (!prints[i].in_flow) continue;
            bars_.add(prints[i], signs_[i]);
            any = true;
        }
        return any && bars_.due();
    }

    [[nodiscard]] i64 width() const { return static_cast<i64>(target_); }
    [[nodiscard]] i64 floor_mod(i64 x) const { return (x % width() + width()) % width(); }

    Clock clock_;
    i64 origin_ = 0;
    i128 target_ = 0;     // ns, events, trades, or units of size or value
    bool linear_ = true;  // value is price x size
    i64 next_ = kNone;    // the next grid point
    i128 count_ = 0;      // events, trades, volume or value since the last row
    InformationBars bars_;
    std::vector<Side> signs_;  // of the present atomic event's prints
};

}  // namespace bookflow
