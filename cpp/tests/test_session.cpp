// Sessions: the days on which a clock changes, sessions over midnight, and that intervals tile
// time.
#include "bookflow/session.hpp"

#include "check.hpp"

using bookflow::i64;
using bookflow::SessionSchedule;
using bookflow::ZoneChange;

namespace {

constexpr i64 kMinute = 60'000'000'000;
constexpr i64 kHour = 60 * kMinute;
constexpr i64 kDay = 24 * kHour;

SessionSchedule schedule(i64 start, i64 end, std::vector<ZoneChange> zone) {
    SessionSchedule out;
    out.text = "session";
    out.start = start;
    out.end = end;
    out.zone = std::move(zone);
    return out;
}

// New York in 2012: EST until 11 March 07:00 UTC, EDT until 4 November 06:00 UTC.
constexpr i64 kMarch11 = 1'331'424'000'000'000'000;  // 00:00 UTC
constexpr i64 kNovember4 = 1'351'987'200'000'000'000;

std::vector<ZoneChange> new_york() {
    return {{bookflow::kNone, -5 * kHour},
            {kMarch11 + 7 * kHour, -4 * kHour},
            {kNovember4 + 6 * kHour, -5 * kHour}};
}

void daylight_saving() {
    const auto hours = schedule(9 * kHour + 30 * kMinute, 16 * kHour, new_york());
    const auto is = [&](i64 ts, i64 begin, i64 end, bool inside) {
        const auto interval = hours.at(ts);
        CHECK(interval.begin == begin);
        CHECK(interval.end == end);
        CHECK(interval.inside == inside);
    };
    const i64 saturday = kMarch11 - kDay;
    const i64 open_est = 14 * kHour + 30 * kMinute;
    is(saturday + 15 * kHour, saturday + open_est, saturday + 21 * kHour, true);
    // Between Saturday's close and Sunday's open there are 16 hours and a half, not 17 and a half.
    is(saturday + 21 * kHour, saturday + 21 * kHour, kMarch11 + open_est - kHour, false);
    is(kMarch11 + open_est - kHour, kMarch11 + open_est - kHour, kMarch11 + 20 * kHour, true);
    is(kMarch11 + open_est - kHour - 1, saturday + 21 * kHour, kMarch11 + open_est - kHour, false);
    is(kNovember4 + open_est, kNovember4 + open_est, kNovember4 + 21 * kHour, true);
    is(kNovember4 + open_est - 1, kNovember4 - 4 * kHour, kNovember4 + open_est, false);

    // The clock skips from 23:00 to midnight and with it the start of the day's session.
    const auto late = schedule(23 * kHour + 30 * kMinute, -1,
                               {{bookflow::kNone, 0}, {kMarch11 + 23 * kHour, kHour}});
    const auto around = late.at(kMarch11 + 23 * kHour);
    CHECK(around.begin == kMarch11 - 30 * kMinute);
    CHECK(around.end == kMarch11 + 23 * kHour + 30 * kMinute);

    CHECK(!SessionSchedule{}.active());
    CHECK(SessionSchedule{}.at(0).inside);
}

// Whatever the zone does: the interval holds its moment, both ends agree with it, and a session's
// neighbour begins where it ends. (Not tried: sessions or breaks shorter than the hour or two that
// a clock change takes away.)
void intervals_tile_time() {
    test::Random random(21);
    for (long i = test::operations(20'000) / 10; i > 0; --i) {
        std::vector<ZoneChange> zone{{bookflow::kNone, random.between(-12, 14) * kHour}};
        i64 from = random.between(0, 100) * kDay;
        for (auto changes = random.between(0, 4); changes > 0; --changes) {
            from += random.between(30, 300) * kDay + random.between(0, 23) * kHour;
            zone.push_back({from, zone.front().offset + random.between(-2, 2) * 30 * kMinute});
        }
        const i64 start = random.between(0, 47) * 30 * kMinute;
        const i64 length = random.between(6, 42) * 30 * kMinute;
        const i64 end = random.chance(30) ? -1 : (start + length) % kDay;
        const auto hours = schedule(start, end, zone);
        for (int k = 0; k < 40; ++k) {
            // Half of them near a change, where things go wrong.
            const i64 near =
                zone[static_cast<std::size_t>(random.between(0, std::ssize(zone) - 1))].from;
            const i64 ts = random.chance(50) && near != bookflow::kNone
                               ? near + random.between(-96, 96) * 30 * kMinute
                               : random.between(400 * kDay, 1'500 * kDay);
            const auto interval = hours.at(ts);
            CHECK(interval.begin <= ts);
            CHECK(ts < interval.end);
            if (end < 0) CHECK(interval.inside);
            const auto first = hours.at(interval.begin);
            const auto last = hours.at(interval.end - 1);
            CHECK(first.begin == interval.begin && first.end == interval.end);
            CHECK(last.begin == interval.begin && last.end == interval.end);
            CHECK(hours.at(interval.end).begin == interval.end);
        }
    }
}

}  // namespace

int main() {
    daylight_saving();
    intervals_tile_time();
    return test::report("session");
}
