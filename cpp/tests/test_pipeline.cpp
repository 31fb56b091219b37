// Pipelines: worked examples of the clocks, the same bits in one run, in chunks, one event at a
// time and saved and restored in the middle, the ends of the time scale, damaged states.
#include <bit>
#include <vector>

#include "bookflow/pipeline.hpp"
#include "check.hpp"

using bookflow::Action;
using bookflow::Event;
using bookflow::EventColumns;
using bookflow::i64;
using bookflow::Nanos;
using bookflow::OrderId;
using bookflow::Pipeline;
using bookflow::PipelineSettings;
using bookflow::Price;
using bookflow::Rows;
using bookflow::Side;
using bookflow::Size;

namespace {

constexpr i64 kSecond = 1'000'000'000;
constexpr i64 kMax = std::numeric_limits<i64>::max();

struct Stream {
    std::vector<Event> events;
    int levels = 0;  // of depth rows, 0: none
    std::vector<i64> bid_price, bid_size, ask_price, ask_size;

    // The rows from begin to end, read in place.
    [[nodiscard]] EventColumns columns(std::size_t begin, std::size_t end) const {
        if (begin == end) return {};
        EventColumns c = EventColumns::of(events[begin], end - begin);
        if (levels > 0) {
            c.depth.levels = levels;
            const auto table = [&](const std::vector<i64>& block) {
                const auto row = static_cast<std::ptrdiff_t>(sizeof(i64)) * levels;
                const auto* at = block.data() + begin * static_cast<std::size_t>(levels);
                return bookflow::Table{{reinterpret_cast<const char*>(at), row}, sizeof(i64)};
            };
            c.depth.bid_price = table(bid_price);
            c.depth.bid_size = table(bid_size);
            c.depth.ask_price = table(ask_price);
            c.depth.ask_size = table(ask_size);
        }
        return c;
    }
};

Event trade(i64 ts, Side side, i64 price, i64 size) {
    Event e{};
    e.ts = Nanos(ts);
    e.action = Action::Trade;
    e.side = side;
    e.price = Price(price);
    e.size = Size(size);
    return e;
}

PipelineSettings settings(const char* clock, std::vector<bookflow::Feature> features) {
    PipelineSettings out;
    out.clock = *bookflow::Clock::parse(clock);
    out.features = std::move(features);
    return out;
}

Rows run(Pipeline& pipe, const Stream& stream, std::size_t begin, std::size_t end) {
    Rows out;
    pipe.run(stream.columns(begin, end), out);
    return out;
}

void append(Rows& all, const Rows& more) { all.append_last(more, more.size()); }

bool same(const Rows& a, const Rows& b) {
    if (a.ts != b.ts || a.status != b.status || a.seen != b.seen || a.clean != b.clean)
        return false;
    if (a.features.size() != b.features.size()) return false;
    for (std::size_t i = 0; i < a.features.size(); ++i) {
        if (a.features[i].size() != b.features[i].size()) return false;
        for (std::size_t k = 0; k < a.features[i].size(); ++k) {
            if (std::bit_cast<bookflow::u64>(a.features[i][k]) !=
                std::bit_cast<bookflow::u64>(b.features[i][k])) {
                return false;
            }
        }
    }
    return true;
}

// ---- worked examples ----

struct Row {
    i64 ts;
    double volume;
    bool partial = false;
};

// What `Volume()` is in each row of these prints, with finish() at the end.
void clock_gives(const char* clock, const std::vector<Event>& events,
                 const std::vector<Row>& expected) {
    Pipeline pipe(settings(clock, {{"volume", "Volume"}}));
    Stream stream;
    stream.events = events;
    Rows rows = run(pipe, stream, 0, events.size());
    if (pipe.finish() == 1)
        append(rows, [&] {
            Rows last = pipe.history();
            last.keep_last(1);
            return last;
        }());
    CHECK(rows.size() == expected.size());
    for (std::size_t i = 0; i < std::min(rows.size(), expected.size()); ++i) {
        CHECK(rows.ts[i] == expected[i].ts);
        CHECK(rows.features[0][i] == expected[i].volume);
        CHECK(((rows.status[i] & bookflow::status::kPartial) != 0) == expected[i].partial);
    }
}

void clocks() {
    const auto at = [](i64 tenths, i64 size) {
        return trade(tenths * kSecond / 10, Side::Bid, 100, size);
    };
    const auto s = [](double seconds) { return static_cast<i64>(seconds * 1e9); };
    // No rows before the first event; one at 10 s belongs to 10 s; empty intervals are rows.
    clock_gives("10s", {at(30, 1), at(100, 2), at(101, 4), at(350, 8)},
                {{s(10), 3}, {s(20), 4}, {s(30), 0}, {s(35), 8, true}});
    // The first event on the grid, and the last one.
    clock_gives("10s", {at(100, 1), at(200, 2)}, {{s(10), 1}, {s(20), 2, true}});
    clock_gives("event", {at(1, 1), at(1, 2)}, {{s(.1), 1}, {s(.1), 2}});
    clock_gives("2events", {at(1, 1), at(1, 2), at(2, 4)}, {{s(.1), 3}, {s(.2), 4, true}});
    clock_gives("3volume", {at(1, 2), at(2, 5), at(3, 1), at(4, 1)},
                {{s(.2), 7}, {s(.4), 2}});  // 7 = 2 x 3 + 1: one row, 1 is carried
    clock_gives("2trades", {at(1, 1), at(2, 1), at(3, 1)}, {{s(.2), 2}, {s(.3), 1, true}});
    clock_gives("best", {at(1, 1), at(2, 1)}, {{s(.2), 2, true}});

    // Two prints of one atomic event are seen together.
    Event open = at(1, 1);
    open.flags = 0;
    clock_gives("trade", {open, at(2, 2), at(3, 4)}, {{s(.2), 3}, {s(.3), 4}});
}

// A depth row with GAP is a whole book again: the bit is in `seen`, not in `status`.
void a_gap_is_seen() {
    Stream stream;
    stream.levels = 1;
    for (const i64 ts : {1, 2, 3}) {
        Event e = trade(ts * kSecond, Side::Bid, 100, 1);
        if (ts == 2) e.flags |= bookflow::flag::kGap;
        stream.events.push_back(e);
        stream.bid_price.push_back(99);
        stream.bid_size.push_back(ts * 10);
        stream.ask_price.push_back(101);
        stream.ask_size.push_back(5);
    }
    Pipeline pipe(settings("event", {{"ofi", "OrderFlowImbalance(window=None)"}}));
    const Rows rows = run(pipe, stream, 0, 3);
    CHECK((rows.status == std::vector<std::uint16_t>{0, 0, 0}));
    CHECK((rows.seen == std::vector<std::uint16_t>{0, bookflow::status::kGap, 0}));
    CHECK((rows.clean == std::vector<i64>{0, 0, kSecond}));
    // The second state is a first state: 10 more at the bid are counted once, not twice.
    CHECK((rows.features[0] == std::vector<double>{0, 0, 10}));
    CHECK(pipe.faults().of(bookflow::Fault::Gap) == 1);
}

void time_without_events() {
    Pipeline pipe(settings("10s", {{"volume", "Volume"}}));
    CHECK(pipe.advance(100 * kSecond) == 0);  // nothing to begin from
    pipe.push(trade(101 * kSecond, Side::Bid, 100, 1));
    CHECK(pipe.advance(110 * kSecond) == 0);
    CHECK(pipe.advance(110 * kSecond + 1) == 1);
    CHECK(pipe.advance(140 * kSecond) == 2);
    THROWS(bookflow::InputError, pipe.advance(139 * kSecond));
    CHECK(pipe.finish() == 0);
    THROWS(bookflow::InputError, pipe.advance(1'000'000'000 * kSecond));  // more than max_rows
    THROWS(bookflow::InputError, pipe.push(trade(1'000'000'000 * kSecond, Side::Bid, 100, 1)));
    CHECK(pipe.advance(150 * kSecond) == 1);
}

// Times and spans end at 2^62 ns (the year 2116), so that no sum of two can overflow.
void ends_of_time() {
    constexpr i64 limit = i64{1} << 62;
    for (const char* clock : {"event", "10s", "1ns", "50000d", "3events"}) {
        for (const i64 ts : {i64{0}, i64{1}, limit - 1}) {
            Pipeline pipe(settings(clock, {{"all", "Volume(window=10s)"},
                                           {"long", "Volume(window=50000d)"},
                                           {"ew", "Volume(window=ew:10s)"}}));
            pipe.push(trade(ts, Side::Bid, 100, 1));
            pipe.push(trade(ts, Side::Ask, 100, 2));
            if (ts < 2) pipe.advance(ts + 2);
            pipe.finish();
            CHECK(pipe.history().size() >= 1);
            THROWS(bookflow::InputError, pipe.push(trade(limit, Side::Bid, 100, 1)));
            THROWS(bookflow::InputError, pipe.push(trade(kMax, Side::Bid, 100, 1)));
            THROWS(bookflow::InputError, pipe.advance(kMax));
        }
    }
    CHECK(!bookflow::Span::parse("106751d"));
}

// ---- random streams ----

enum class Kind { Orders, Levels, Depth };

Stream random_stream(test::Random& random, Kind kind, int n) {
    Stream out;
    if (kind == Kind::Depth) out.levels = 3;
    i64 ts = 34'200 * kSecond;
    Action before = Action::Trade;
    for (int i = 0; i < n; ++i) {
        if (!random.chance(30)) ts += random.between(0, 3) * kSecond / 4;
        Event e = trade(ts, static_cast<Side>(random.between(0, 2)), random.between(95, 105),
                        random.between(1, 20));
        if (random.chance(75)) {
            if (kind == Kind::Levels) {
                e.action = random.chance(90) ? Action::Level : Action::Quote;
                e.side = static_cast<Side>(random.between(1, 2));
                e.price = Price(random.between(0, 6) + (e.side == Side::Bid ? 94 : 100));
                if (random.chance(20)) e.size = Size(0);
            } else {
                constexpr Action actions[] = {Action::Add,    Action::Add,    Action::Add,
                                              Action::Cancel, Action::Delete, Action::Modify,
                                              Action::Execute};
                e.action = actions[random.between(0, 6)];
                e.order_id = OrderId(static_cast<bookflow::u64>(random.between(1, 60)));
                if (e.action == Action::Add) {
                    if (e.side == Side::None && before != Action::Delete) e.side = Side::Ask;
                    e.price = Price(random.between(0, 6) + (e.side == Side::Bid ? 94 : 100));
                }
                if (e.action == Action::Execute && random.chance(50)) e.price = bookflow::kNoPrice;
            }
        }
        if (random.chance(1)) {
            e.action = Action::Clear;
        } else if (random.chance(1)) {
            e.action = Action::Status;
            e.size = Size(random.chance(50) ? 0 : bookflow::status::kHalted);
        }
        e.flags = 0;
        if (random.chance(80) || i + 1 == n) e.flags |= bookflow::flag::kLast;
        if (random.chance(2)) e.flags |= bookflow::flag::kGap;
        if (random.chance(2)) e.flags |= bookflow::flag::kSnapshot;
        if (e.action == Action::Trade && random.chance(10)) {
            e.flags |= static_cast<std::uint16_t>(bookflow::flag::kHidden << random.between(0, 3));
        }
        before = e.action;
        out.events.push_back(e);
        const bool locked = random.chance(10);
        const int bids = static_cast<int>(random.between(0, out.levels));
        const int asks = static_cast<int>(random.between(0, out.levels));
        for (int level = 0; level < out.levels; ++level) {
            out.bid_price.push_back(level < bids ? 100 - level - (locked ? 0 : 1)
                                                 : bookflow::kNone);
            out.bid_size.push_back(level < bids ? random.between(1, 20) : 0);
            out.ask_price.push_back(level < asks ? 100 + level : bookflow::kNone);
            out.ask_size.push_back(level < asks ? random.between(1, 20) : 0);
        }
    }
    return out;
}

const std::vector<bookflow::Feature> kFeatures{
    {"mid", "Mid"},
    {"share", "QueueShare"},
    {"imbalance", "MultiLevelImbalance(levels=3, weights=inverse)"},
    {"ofi", "OrderFlowImbalance"},
    {"ofi_again", "OrderFlowImbalance(window=row)"},
    {"ofi_span", "OrderFlowImbalance(window=3s)"},
    {"ofi_ew", "OrderFlowImbalance(window=ew:5events)"},
    {"mlofi", "MultiLevelOrderFlowImbalance(levels=3, window=20events)"},
    {"trades", "TradeCount(window=session)"},
    {"tfi", "TradeFlowImbalance(window=30trades)"},
    {"cvd", "CumulativeVolumeDelta"},
    {"vsi", "VolumeSignedImbalance(window=ew:2s, normalised=True)"},
    {"vwap", "VWAPDeviation(window=5s)"},
    {"vpin", "VPIN(bucket_volume=30, n_buckets=4, sign=tick)"},
    {"age", "VPIN(bucket_volume=30, n_buckets=4, output=age)"},
    {"average", "VPIN(bucket_volume=\"adv:2/9\", n_buckets=2, per_session=True, output=end)"},
    {"orders", "LargeTradeShare(least=5, fills=aggressor)"},
    {"anchored", "VWAP(anchor=\"14:30\")"},
};

PipelineSettings random_settings(test::Random& random) {
    constexpr const char* clocks[] = {"event", "best",    "trade",   "2s",
                                      "300ms", "7events", "3trades", "50volume"};
    PipelineSettings out = settings(clocks[random.between(0, 7)], kFeatures);
    out.hidden = static_cast<bookflow::Hidden>(random.between(0, 2));
    if (random.chance(30)) {
        out.session.text = "09:30:30-09:32 UTC";
        out.session.start = (9 * 3600 + 30 * 60 + 30) * kSecond;
        out.session.end = (9 * 3600 + 32 * 60) * kSecond;
        out.session.zone = {{bookflow::kNone, 0}};
    }
    return out;
}

std::string bytes_of(const Pipeline& pipe) { return bookflow::save_state("Pipeline", pipe); }

Pipeline restored(const std::string& bytes) {
    Pipeline out;
    bookflow::StateEnvelope(bytes).load("Pipeline", out);
    return out;
}

void same_bits(Kind kind) {
    test::Random random(31 + static_cast<int>(kind));
    for (long i = test::operations(20'000) / 400; i > 0; --i) {
        const Stream stream = random_stream(random, kind, 400);
        const PipelineSettings s = random_settings(random);
        Pipeline whole(s);
        const Rows expected = run(whole, stream, 0, 400);

        Pipeline chunked(s);
        Rows rows(expected.features.size());
        for (std::size_t begin = 0; begin < 400;) {
            const auto end =
                std::min<std::size_t>(400, begin + static_cast<std::size_t>(random.between(0, 90)));
            append(rows, run(chunked, stream, begin, end));
            begin = end;
            if (random.chance(50)) chunked = restored(bytes_of(chunked));
        }
        CHECK(same(rows, expected));
        CHECK(bytes_of(chunked) == bytes_of(whole));

        if (kind != Kind::Depth) {
            Pipeline single(s);
            Rows pushed(expected.features.size());
            for (const Event& e : stream.events) {
                const i64 written = single.push(e);
                pushed.append_last(single.history(), static_cast<std::size_t>(written));
            }
            CHECK(same(pushed, expected));
            single.reset();
            CHECK(bytes_of(single) == bytes_of(Pipeline(s)));
        }

        // A refused chunk leaves no trace.
        const std::string before = bytes_of(whole);
        Stream bad = stream;
        bad.events.back().size = Size(-1);
        THROWS(bookflow::InputError, run(whole, bad, 0, 400));
        CHECK(bytes_of(whole) == before);
    }
}

// Bytes with bits flipped under a mended CRC: refused, or a pipeline that goes on without harm.
void damaged_states(Kind kind) {
    test::Random random(41 + static_cast<int>(kind));
    const Stream stream = random_stream(random, kind, 400);
    Pipeline pipe(random_settings(random));
    static_cast<void>(run(pipe, stream, 0, 390));
    const std::string bytes = bytes_of(pipe);
    long accepted = 0;
    for (long i = test::operations(20'000) / 4; i > 0; --i) {
        std::string bad = bytes;
        for (auto flips = random.between(1, 3); flips > 0; --flips) {
            const auto at = static_cast<std::size_t>(random.between(18, std::ssize(bad) - 1));
            bad[at] = static_cast<char>(bad[at] ^ (1 << random.between(0, 7)));
        }
        const std::uint32_t crc = bookflow::detail::crc32(std::string_view(bad).substr(18));
        bad.replace(6, 4, reinterpret_cast<const char*>(&crc), 4);
        try {
            Pipeline out = restored(bad);
            ++accepted;
            static_cast<void>(run(out, stream, 390, 400));
            out.finish();
        } catch (const bookflow::StateError&) {
            CHECK(true);
        } catch (const bookflow::InputError&) {
            CHECK(true);
        } catch (const bookflow::SizeOverflow&) {
            CHECK(true);
        } catch (const bookflow::FeedFault&) {  // a bit of on_fault was flipped
            CHECK(true);
        }
    }
    std::printf("damaged states: %ld bytes, %ld accepted\n", static_cast<long>(bytes.size()),
                accepted);
}

}  // namespace

int main() {
    clocks();
    a_gap_is_seen();
    time_without_events();
    for (const Kind kind : {Kind::Orders, Kind::Levels, Kind::Depth}) same_bits(kind);
    ends_of_time();
    for (const Kind kind : {Kind::Orders, Kind::Levels, Kind::Depth}) damaged_states(kind);
    return test::report("pipeline");
}
