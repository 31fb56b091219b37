// Streams put in order against the plain definition, in any cut and saved in between; the best quote over
// venues in one go, event by event and saved in between.
#include <algorithm>
#include <vector>

#include "bookflow/consolidated.hpp"
#include "bookflow/reorder.hpp"
#include "check.hpp"

using bookflow::Action;
using bookflow::ArrivedRows;
using bookflow::BestQuote;
using bookflow::Consolidated;
using bookflow::Event;
using bookflow::EventColumns;
using bookflow::i64;
using bookflow::InputError;
using bookflow::Instrument;
using bookflow::Nanos;
using bookflow::OrderedRows;
using bookflow::Price;
using bookflow::Reorder;
using bookflow::Side;
using bookflow::Size;

namespace {

EventColumns columns_of(const std::vector<Event>& events, std::size_t begin, std::size_t end) {
    return begin < end ? EventColumns::of(events[begin], end - begin) : EventColumns{};
}

template <class T>
T restored(const T& object) {
    T out;
    bookflow::StateEnvelope(bookflow::save_state("x", object)).load("x", out);
    CHECK(bookflow::save_state("x", out) == bookflow::save_state("x", object));
    return out;
}

// One row after another, as the words say: (time, number) in the order of release.
std::vector<std::pair<i64, i64>> plainly(const std::vector<Event>& events, i64 span) {
    struct Held {
        i64 ts;
        bool book;
        std::size_t arrival;
    };
    std::vector<std::pair<i64, i64>> out;
    std::vector<Held> held;
    i64 newest = -1;
    i64 last = -1;
    const auto until = [&](i64 horizon) {
        std::sort(held.begin(), held.end(), [](const Held& a, const Held& b) {
            return std::tie(a.ts, a.book, a.arrival) < std::tie(b.ts, b.book, b.arrival);
        });
        while (!held.empty() && held.front().ts < horizon) {
            last = held.front().ts;
            out.emplace_back(last, events[held.front().arrival].size.raw);
            held.erase(held.begin());
        }
    };
    for (std::size_t i = 0; i < events.size(); ++i) {
        const i64 ts = events[i].ts.raw;
        newest = std::max(newest, ts);
        until(newest - span);
        if (ts < newest - span) {
            last = std::max(last, ts);
            out.emplace_back(last, events[i].size.raw);
        } else {
            held.push_back({ts, events[i].action != Action::Trade, i});
        }
    }
    until(bookflow::kMaxTime);
    return out;
}

void reorder() {
    test::Random random(1);
    for (long round = 0; round < test::operations(300); ++round) {
        std::vector<Event> events(static_cast<std::size_t>(random.between(1, 60)));
        const i64 wide = random.between(0, 40);
        for (std::size_t i = 0; i < events.size(); ++i) {
            events[i].ts = Nanos(static_cast<i64>(i) + random.between(0, wide));
            events[i].action = random.chance(50) ? Action::Trade : Action::Level;
            events[i].size = Size(static_cast<i64>(i));
        }
        const i64 span = random.between(1, 30);
        Reorder stage({span, false, 1'000});
        OrderedRows out;
        for (std::size_t at = 0; at < events.size();) {
            const auto end =
                std::min(events.size(), at + static_cast<std::size_t>(random.between(1, 9)));
            stage.push({columns_of(events, at, end)}, 0, out);
            at = end;
            if (random.chance(20)) stage = restored(stage);
        }
        CHECK(stage.held() + out.events.size() == events.size());
        stage.flush(out);
        CHECK(stage.held() == 0);
        const auto expected = plainly(events, span);
        CHECK(out.events.size() == expected.size());
        for (std::size_t i = 0; i < std::min(expected.size(), out.events.size()); ++i) {
            CHECK(out.events[i].ts.raw == expected[i].first);
            CHECK(out.events[i].size.raw == expected[i].second);
        }
    }
}

void too_many_are_refused() {
    std::vector<Event> events(4);
    for (std::size_t i = 0; i < events.size(); ++i) events[i].ts = Nanos(static_cast<i64>(i));
    Reorder stage({100, false, 3});
    OrderedRows out;
    const std::string before = bookflow::save_state("x", stage);
    THROWS(InputError, stage.push({columns_of(events, 0, 4)}, 0, out));
    CHECK(bookflow::save_state("x", stage) == before);
    stage.push({columns_of(events, 0, 3)}, 0, out);
    CHECK(stage.held() == 3);
}

// What is held comes after what was released, in a state that was made up as well.
void states_hold() {
    std::vector<Event> events(2);
    events[0].ts = Nanos(5);
    events[1].ts = Nanos(20);
    Reorder stage({10, false, 3});
    OrderedRows out;
    stage.push({columns_of(events, 0, 2)}, 0, out);
    CHECK(out.events.size() == 1);
    bookflow::StateWriter writer;
    writer(stage);
    std::string body = writer.take();
    constexpr std::size_t at = 8 + 1 + 8 + 3 * 8 + 8;  // settings, counts, the newest
    CHECK(body[at] == 5);
    for (const bool sound : {true, false}) {
        body[at] = sound ? 9 : 10;
        bookflow::StateReader reader(body);
        Reorder again;
        if (sound) {
            reader(again);
        } else {
            THROWS(bookflow::StateError, reader(again));
        }
    }
}

std::vector<Event> quotes(test::Random& random, std::size_t n) {
    std::vector<Event> out(n);
    i64 ts = 0;
    for (Event& e : out) {
        e.ts = Nanos(ts += random.between(0, 4));
        e.action = random.chance(80) ? Action::Quote : Action::Status;
        if (e.action == Action::Quote) {
            e.side = random.chance(50) ? Side::Bid : Side::Ask;
            const i64 away = random.between(0, 3);
            e.price = Price(100 + (e.side == Side::Bid ? -away : away));
            e.size = Size(random.between(1, 3));
        } else {
            e.size = Size(random.chance(30) ? bookflow::status::kHalted : 0);
        }
        if (random.chance(5)) e.flags |= bookflow::flag::kGap;
        if (random.chance(8)) e.flags |= bookflow::flag::kSnapshot;
    }
    return out;
}

bool same(const std::vector<BestQuote>& a, const std::vector<BestQuote>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const BestQuote& x, const BestQuote& y) {
                          return x.ts == y.ts && x.quotes == y.quotes;
                      });
}

void consolidated() {
    test::Random random(2);
    for (long round = 0; round < test::operations(300); ++round) {
        const i64 stale = random.between(0, 12);
        const std::vector<std::vector<Event>> events{quotes(random, 40), quotes(random, 30)};
        const Consolidated empty({Instrument{}, Instrument{}}, stale);
        std::vector<BestQuote> whole;
        Consolidated best = empty;
        best.take_all({columns_of(events[0], 0, 40), columns_of(events[1], 0, 30)}, whole);
        Consolidated live = empty;
        std::vector<BestQuote> out;
        std::size_t at[2]{0, 0};
        while (at[0] < 40 || at[1] < 30) {
            const std::size_t k =
                at[0] == 40   ? 1
                : at[1] == 30 ? 0
                              : static_cast<std::size_t>(events[1][at[1]].ts < events[0][at[0]].ts);
            live.push(k, columns_of(events[k], at[k], at[k] + 1), out);
            ++at[k];
            if (random.chance(20)) live = restored(live);
        }
        CHECK(same(out, whole));
        CHECK(bookflow::save_state("x", live) == bookflow::save_state("x", best));
        for (const BestQuote& one : whole) {
            CHECK(one.quotes.two_sided() || one.quotes == bookflow::Quotes{});
        }
    }
}

}  // namespace

int main() {
    reorder();
    too_many_are_refused();
    states_hold();
    consolidated();
    return test::report("merging");
}
