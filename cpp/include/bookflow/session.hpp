// Trading sessions in local time. The core knows no time zone database: it is given the offsets
// of the zone from UTC, change by change, and does the arithmetic of days itself.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "bookflow/state.hpp"

namespace bookflow {

// From this moment on, local time is UTC + offset.
struct ZoneChange {
    i64 from = kNone;
    i64 offset = 0;

    template <class V>
    void visit(V& v) {
        v(from, offset);
    }
};

class SessionSchedule {
public:
    // The part of time around one moment in which nothing changes: [begin, end).
    struct Interval {
        i64 begin = kNone;
        i64 end = std::numeric_limits<i64>::max();
        bool inside = true;
    };

    std::string text;                // as the user wrote it; empty: no sessions
    i64 start = 0;                   // ns after local midnight
    i64 end = -1;                    // ns after local midnight; -1: runs until the next start
    std::vector<ZoneChange> zone{};  // ascending, the first from kNone

    [[nodiscard]] bool active() const { return !text.empty(); }

    // Sessions hold start <= ts < end.
    [[nodiscard]] Interval at(i64 ts) const {
        if (!active()) return {};
        const i64 local = ts + offset_at_utc(ts);
        const i64 day = floor_div(local, kDay);
        // The last session that has begun: tomorrow's where a clock change moved its start before
        // midnight, the day's before yesterday where one skipped yesterday's.
        for (i64 d = day + 1; d >= day - 2; --d) {
            const i64 begin = to_utc(d * kDay + start);
            if (ts < begin) continue;
            const i64 next = to_utc((d + 1) * kDay + start);
            if (end < 0) return {begin, next, true};
            const i64 over = to_utc(d * kDay + end + (end <= start ? kDay : 0));
            if (ts < over) return {begin, over, true};
            return {over, next, false};
        }
        return {};
    }

    template <class V>
    void visit(V& v) {
        v(text, start, end, zone);
        if constexpr (V::kReading) {
            v.require(!active() || !zone.empty(), "a session has no zone");
            v.require(start >= 0 && start < kDay && end >= -1 && end <= kDay,
                      "a session's times are outside a day");
            i64 before = kNone;
            for (const ZoneChange& z : zone) {
                v.require(z.offset > -kDay && z.offset < kDay && z.from < kMaxTime &&
                              (z.from > before || &z == zone.data()),
                          "a zone's changes are invalid");
                before = z.from;
            }
        }
    }

private:
    static constexpr i64 kDay = 86'400'000'000'000;

    [[nodiscard]] static i64 floor_div(i64 a, i64 b) { return a / b - (a % b < 0 ? 1 : 0); }

    [[nodiscard]] i64 offset_at_utc(i64 utc) const {
        const auto after = std::upper_bound(zone.begin(), zone.end(), utc,
                                            [](i64 t, const ZoneChange& z) { return t < z.from; });
        return after == zone.begin() ? zone.front().offset : std::prev(after)->offset;
    }
    // Local times that a clock change repeats or skips take the offset in force before it.
    [[nodiscard]] i64 to_utc(i64 local) const {
        const i64 before = offset_at_utc(local - kDay);
        const i64 by_before = local - before;
        const i64 after = offset_at_utc(by_before);
        if (after == before) return by_before;
        const i64 by_after = local - after;
        return offset_at_utc(by_after) == after ? by_after : by_before;
    }
};

}  // namespace bookflow
