// A pipeline in a thread of its own writes the rows that one run over the same events writes, for
// whoever reads them meanwhile.
#include <thread>

#include "bookflow/live/live.hpp"
#include "check.hpp"

using namespace bookflow;

namespace {

Instrument instrument() {
    Instrument i;
    i.symbol = "X";
    return i;
}

Pipeline pipeline(const std::string& clock) {
    PipelineSettings s;
    s.instrument = instrument();
    s.clock = *Clock::parse(clock);
    s.as_is = true;
    s.features = {{"mid", "Mid()"}, {"ofi", "OrderFlowImbalance(window=\"100events\")"}};
    return Pipeline(std::move(s));
}

std::vector<Event> some_events(std::size_t n, std::uint64_t seed) {
    test::Random random(seed);
    std::vector<Event> out;
    i64 ts = 1'000;
    for (std::size_t i = 0; i < n; ++i) {
        ts += random.between(0, 50);
        Event e;
        e.ts = Nanos(ts);
        e.action = Action::Level;
        e.side = random.chance(50) ? Side::Bid : Side::Ask;
        const i64 away = random.between(1, 5);
        e.price = Price(e.side == Side::Bid ? 1'000 - away : 1'000 + away);
        e.size = Size(random.between(0, 9));
        e.flags = random.chance(80) ? flag::kLast : std::uint16_t{0};
        out.push_back(e);
    }
    out.back().flags = flag::kLast;
    return out;
}

EventColumns columns_of(std::span<const Event> events) {
    return EventColumns::of(events.front(), events.size());
}

bool drained(const Live& live) { return live.queue().size() == 0; }

const auto never = [] { return false; };

std::unique_ptr<Live> live_of(Pipeline p, u64 capacity, Overflow overflow) {
    EventQueue::Settings queue;
    queue.capacity = capacity;
    queue.overflow = overflow;
    queue.wait = Waiting::Yield;
    const auto items = Live::row_items(p.columns().size());
    return std::make_unique<Live>(std::move(p), std::make_shared<EventQueue>(queue),
                                  std::make_shared<HistoryRing>(100'000, items),
                                  std::make_shared<HistoryRing>(100'000, Live::event_items()),
                                  Live::Settings{Waiting::Yield, 0});
}

bool same_bits(double a, double b) { return std::bit_cast<u64>(a) == std::bit_cast<u64>(b); }

void same_rows(const std::string& clock, std::size_t n, u64 capacity) {
    const std::vector<Event> events = some_events(n, n);
    Pipeline batch = pipeline(clock);
    Rows expected;
    batch.run(columns_of(events), expected);

    const auto live = live_of(pipeline(clock), capacity, Overflow::Block);
    live->start();
    std::atomic<bool> done{false};
    u64 wrong = 0;
    std::thread reader([&] {
        const HistoryRing& ring = *live->rows();
        std::vector<double> ofi(ring.capacity());
        while (!done.load()) {
            const u64 written = ring.written();
            const u64 n_rows = std::min<u64>(written, 50);
            if (!ring.copy(5, written - n_rows, n_rows, ofi.data())) continue;
            for (u64 i = 0; i < n_rows; ++i) {
                wrong += !same_bits(ofi[i], expected.features[1][written - n_rows + i]);
            }
            std::this_thread::yield();
        }
    });
    test::Random random(7);
    for (std::size_t at = 0; at < events.size();) {
        const auto some = std::min<std::size_t>(events.size() - at,
                                                static_cast<std::size_t>(random.between(1, 40)));
        live->check(columns_of(std::span(events).subspan(at, some)));
        const auto pushed = live->put(some, [&](std::size_t i) { return events[at + i]; }, never);
        CHECK(pushed.accepted == some);
        at += some;
        if (random.chance(1)) CHECK(live->state(1'000'000'000).has_value());
    }
    while (!drained(*live) && !live->failed()) std::this_thread::yield();
    live->stop();
    done.store(true);
    reader.join();
    live->rethrow();
    CHECK(wrong == 0);
    CHECK(live->rows()->written() == expected.size());
    std::vector<double> mid(expected.size());
    const u64 rows = std::min<u64>(expected.size(), live->rows()->most());
    const u64 from = expected.size() - rows;
    CHECK(live->rows()->copy(4, from, rows, mid.data()));
    for (u64 i = 0; i < rows; ++i) CHECK(same_bits(mid[i], expected.features[0][from + i]));
    CHECK(live->queue().sent() == n);
    CHECK(live->queue().received() == n);
    CHECK(live->events()->written() == n);
    CHECK(live->state(0)->bytes == save_state("Pipeline", batch));
}

// The door refuses in the pushing thread, and nothing goes in.
void door() {
    const auto live = live_of(pipeline("event"), 16, Overflow::Refuse);
    Event e = some_events(1, 1)[0];
    e.size = Size(-1);
    THROWS(InputError, live->try_push(e));
    e.size = Size(1);
    e.action = Action::Add;
    e.order_id = OrderId{1};
    CHECK(live->try_push(e));
    e.action = Action::Level;
    THROWS(InputError, live->try_push(e));  // a book is of orders or of levels
    CHECK(live->queue().accepted() == 1);
}

// What the door cannot know stops the thread, is told, and the events before it are taken.
void failing() {
    const auto live = live_of(pipeline("event"), 4096, Overflow::Refuse);
    std::vector<Event> events;
    for (int i = 0; i < 100; ++i) {
        Event e;
        e.ts = Nanos(i);
        e.action = Action::Add;
        e.side = Side::Bid;
        e.order_id = OrderId{static_cast<u64>(i + 1)};
        e.price = Price(5);
        e.size = Size(i < 60 ? 1 : kMaxSize);  // the second of these does not fit into a level
        events.push_back(e);
    }
    const auto pushed = live->put(events.size(), [&](std::size_t i) { return events[i]; }, never);
    CHECK(pushed.accepted == events.size());
    live->start();
    while (!live->failed()) std::this_thread::yield();
    live->stop();
    THROWS(SizeOverflow, live->rethrow());
    THROWS(SizeOverflow, live->start());
    CHECK(live->rows()->written() == live->state(0)->events);
    CHECK(live->state(0)->events >= 60);
    CHECK(live->state(0)->events < 62);
}

void alarms() {
    const auto live = live_of(pipeline("event"), 4096, Overflow::Block);
    live->watch(1);
    live->start();
    const std::vector<Event> events = some_events(1000, 3);
    Pipeline batch = pipeline("event");
    Rows rows;
    batch.run(columns_of(events), rows);
    (void)live->put(events.size(), [&](std::size_t i) { return events[i]; }, never);
    while (!drained(*live)) std::this_thread::yield();
    live->stop();
    u64 row = 0;
    for (; row < rows.size(); ++row) {
        const double value = rows.features[1][row];
        if (!(value < 0 || value > 0)) continue;
        const auto alarm = live->next_alarm();
        CHECK(alarm && alarm->row == row && alarm->ts == rows.ts[row] && alarm->column == 1 &&
              same_bits(alarm->value, value));
    }
    CHECK(!live->next_alarm());
    CHECK(live->alarms_lost() == 0);
}

void latencies() {
    Latencies seen;
    u64 n = 0;
    for (u64 ns = 0; ns < 5000; ++ns, ++n) seen.add(ns);
    for (u64 ns = 5000; ns < (u64{1} << 62); ns += ns / 3, ++n) seen.add(ns);
    seen.add(~u64{0});
    u64 count = 0;
    u64 before = 0;
    for (const auto& bucket : seen.buckets()) {
        CHECK(bucket.below > before);
        CHECK(before < 8 ||
              static_cast<double>(bucket.below - before) <= static_cast<double>(bucket.below) ||
              before == 0);
        count += bucket.count;
        before = bucket.below;
    }
    CHECK(count == n + 1);
}

}  // namespace

int main() {
    const auto n = static_cast<std::size_t>(test::operations(20'000));
    same_rows("event", n, 1);
    same_rows("event", n, 64);
    same_rows("best", n, 1'000);
    same_rows("1us", n, 65'536);
    door();
    failing();
    alarms();
    latencies();
    return test::report("live");
}
