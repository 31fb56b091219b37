// The codec of ITCH 5.0: every layout, encoder and feed against each other over random events, and
// bytes that are cut, flipped and stretched: an error that names a byte, never a crash, and all that
// was whole before it.
#include <algorithm>
#include <map>
#include <vector>

#include "bookflow/codecs/itch50_books.hpp"
#include "bookflow/codecs/itch50_columns.hpp"
#include "bookflow/codecs/itch50_encoder.hpp"
#include "bookflow/codecs/moldudp64.hpp"
#include "bookflow/order_book.hpp"
#include "check.hpp"

using namespace bookflow;

namespace {

using itch50::Byte;

constexpr i64 kMidnight = 1'580'360'400'000'000'000;  // 2020-01-30 in New York

const Byte* bytes_of(const std::string& text) { return reinterpret_cast<const Byte*>(text.data()); }

// Rows that own their columns.
class Rows {
public:
    explicit Rows(std::size_t room)
        : ts_(room),
          venue_(room),
          id_(room),
          price_(room),
          size_(room),
          instrument_(room),
          action_(room),
          side_(room),
          flags_(room),
          out{ts_.data(),         venue_.data(),  id_.data(),   price_.data(), size_.data(),
              instrument_.data(), action_.data(), side_.data(), flags_.data(), room} {}

    [[nodiscard]] Event event(std::size_t i) const {
        Event e;
        e.ts = Nanos(ts_[i]);
        e.ts_venue = Nanos(venue_[i]);
        e.order_id = OrderId{id_[i]};
        e.price = Price(price_[i]);
        e.size = Size(size_[i]);
        e.instrument = instrument_[i];
        e.action = static_cast<Action>(action_[i]);
        e.side = static_cast<Side>(side_[i]);
        e.flags = flags_[i];
        return e;
    }
    [[nodiscard]] EventColumns columns() const {
        const auto column = []<class T>(const std::vector<T>& values) {
            return Column<T>{reinterpret_cast<const char*>(values.data())};
        };
        EventColumns c;
        c.rows = out.rows;
        c.ts = column(ts_);
        c.action = column(action_);
        c.side = column(side_);
        c.price = column(price_);
        c.size = column(size_);
        c.flags = column(flags_);
        c.order_id = column(id_);
        c.instrument = column(instrument_);
        return c;
    }

private:
    std::vector<i64> ts_, venue_;
    std::vector<u64> id_;
    std::vector<i64> price_, size_;
    std::vector<std::uint32_t> instrument_;
    std::vector<std::uint8_t> action_, side_;
    std::vector<std::uint16_t> flags_;

public:
    itch50::EventRows out;
};

// Random events of a few stocks: valid and not, every action that ITCH knows.
Rows random_events(test::Random& random, std::size_t n) {
    Rows rows(n + 2);
    i64 ts = kMidnight + 34'200'000'000'000;
    u64 ids = 0;
    while (!rows.out.full()) {
        Event e;
        e.ts = e.ts_venue = Nanos(ts += random.between(0, 3));
        e.instrument = static_cast<std::uint32_t>(random.between(1, 3));
        const u64 some = static_cast<u64>(random.between(1, static_cast<i64>(ids) + 1));
        e.order_id = OrderId{some};
        e.size = Size(random.between(1, 300));
        switch (random.between(0, 9)) {
            case 0: e.action = Action::Cancel; break;
            case 1:
                e.action = Action::Delete;
                e.size = Size(0);
                break;
            case 2: e.action = Action::Execute; break;
            case 3:
                e.action = Action::Execute;
                e.price = Price(7);
                break;
            case 4:
                e.action = Action::Delete;
                e.size = Size(0);
                e.flags = 0;
                rows.out.put(e);
                e.action = Action::Add;
                e.order_id = OrderId{++ids};
                e.size = Size(random.between(1, 300));
                e.price = Price(random.between(9'900, 10'100) * 100);
                e.flags = flag::kLast;
                break;
            case 5:
                e.action = Action::Trade;
                e.order_id = kNoOrder;
                e.price = Price(random.between(1, 0xFFFFFFFF));
                e.flags = flag::kLast | (random.chance(50) ? flag::kHidden : flag::kAuction);
                break;
            case 6:
                e.action = Action::Status;
                e.order_id = kNoOrder;
                e.size = Size(random.between(0, 2) * 64);
                break;
            default:
                e.action = Action::Add;
                e.order_id = OrderId{++ids};
                e.side = random.chance(50) ? Side::Bid : Side::Ask;
                e.price = Price(random.between(9'900, 10'100) * 100);
        }
        rows.out.put(e);
    }
    return rows;
}

std::string encoded(const Rows& rows) {
    itch50::Encoder encoder(kMidnight);
    std::string out;
    encoder.system_event('O', 0, out);
    for (std::uint16_t locate = 1; locate <= 3; ++locate) {
        encoder.name(locate, *itch50::stock_of("STOCK" + std::to_string(locate)));
        encoder.directory(locate, 0, out);
    }
    encoder.encode(rows.columns(), out);
    encoder.finish(out);
    return out;
}

bool same(const Event& a, const Event& b) {
    return a.ts == b.ts && a.order_id == b.order_id && a.size == b.size && a.side == b.side &&
           a.instrument == b.instrument && a.action == b.action && a.flags == b.flags &&
           (a.price == b.price || a.action == Action::Execute);
}

void round_trip() {
    test::Random random(1);
    const Rows rows = random_events(random, 20'000);
    const std::string data = encoded(rows);
    // In pieces of any length, with what was cut put before the next.
    itch50::Feed feed({kMidnight, {}, 'Q', false, false});
    std::size_t next = 0;
    std::string rest;
    for (std::size_t at = 0; at < data.size();) {
        const auto n = std::min<std::size_t>(static_cast<std::size_t>(random.between(1, 3'000)),
                                             data.size() - at);
        rest += data.substr(at, n);
        at += n;
        Rows some(rest.size());
        const auto done = feed.read(bytes_of(rest), rest.size(), some.out);
        rest.erase(0, done.bytes);
        for (std::size_t i = 0; i < some.out.rows && next < rows.out.rows; ++i, ++next) {
            CHECK(same(some.event(i), rows.event(next)));
        }
    }
    CHECK(next == rows.out.rows);
    CHECK(rest.empty());
}

// All levels of both sides, the best first.
using Levels = std::array<std::vector<PriceLevel>, 2>;

Levels levels_of(const itch50::Books& books, std::uint16_t locate) {
    Levels out;
    for (const Side side : {Side::Bid, Side::Ask}) {
        books.from_best(locate, side, [&](const PriceLevel& level) {
            out[side == Side::Ask].push_back(level);
            return true;
        });
    }
    return out;
}
Levels levels_of(const OrderBook& book) {
    Levels out;
    for (const Side side : {Side::Bid, Side::Ask}) {
        book.side(side).from_best([&](const OrderLevel& level) {
            out[side == Side::Ask].push_back({level.price, level.size});
            return true;
        });
    }
    return out;
}

// The quotes straight from the bytes are those of the same events in books.
void books() {
    test::Random random(2);
    const Rows rows = random_events(random, 20'000);
    const std::string data = encoded(rows);
    std::vector<i64> ts(rows.out.rows);
    std::vector<std::uint32_t> stock(rows.out.rows);
    std::vector<std::vector<i64>> quotes(4, std::vector<i64>(rows.out.rows));
    itch50::Books direct(false);
    direct.write_to({ts.data(), stock.data(), quotes[0].data(), quotes[1].data(), quotes[2].data(),
                     quotes[3].data(), rows.out.rows});
    itch50::Feed feed({kMidnight, {}, 'Q', false, false});
    CHECK(feed.read(bytes_of(data), data.size(), direct).bytes == data.size());
    std::array<OrderBook, 4> own;
    std::size_t row = 0;
    for (std::size_t i = 0; i < rows.out.rows; ++i) {
        const Event e = rows.event(i);
        if (e.action >= Action::Trade) continue;
        OrderBook& book = own[e.instrument];
        book.apply(e);
        if (!e.has(flag::kLast)) continue;
        CHECK(ts[row] == e.ts.raw && stock[row] == e.instrument);
        CHECK(quotes[0][row] == book.bids().touch().price.raw);
        CHECK(quotes[1][row] == book.bids().touch().size.raw);
        CHECK(quotes[2][row] == book.asks().touch().price.raw);
        CHECK(quotes[3][row] == book.asks().touch().size.raw);
        ++row;
    }
    CHECK(row == direct.rows());
    Faults faults;
    std::size_t orders = 0;
    for (std::uint16_t k = 1; k <= 3; ++k) {
        CHECK(levels_of(direct, k) == levels_of(own[k]));
        orders += own[k].orders();
        for (std::size_t f = 0; f < kFaults; ++f) {
            faults.count(static_cast<Fault>(f), own[k].faults().counts()[f]);
        }
    }
    CHECK(direct.orders() == orders);
    CHECK(direct.faults().counts() == faults.counts());
}

// One side against a map, at every step: of few levels and of more than it holds without a ladder,
// close together and at the ends of the numbers, and with levels of more than 32 bits.
void sides() {
    test::Random random(4);
    for (const Side side : {Side::Bid, Side::Ask}) {
        for (const i64 reach : {3, 12, 20, 60, 400}) {
            itch50::SideMemory memory;
            itch50::CompactSide ours;
            itch50::CompactSide other;  // takes what the first one outgrows
            std::map<std::uint32_t, i64> plain;
            const u64 wild = random.bits() % 3;  // 0: no prices from all over, 1: no large sizes
            for (long k = 0; k < test::operations(20'000) / 10; ++k) {
                const bool adds = plain.empty() || random.chance(k % 800 < 400 ? 60 : 40);
                auto price = static_cast<std::uint32_t>(1'000 + random.between(0, reach));
                if (wild != 0 && random.chance(10)) {
                    constexpr std::array<std::uint32_t, 5> ends{0, 1, 0x7FFF'FFFF, 0x8000'0000,
                                                                0xFFFF'FFFF};
                    price = ends[static_cast<std::size_t>(random.between(0, 4))];
                }
                const i64 most = wild > 1 && random.chance(10) ? 0xFFFF'FFFF : 300;
                if (adds) {
                    const i64 size = random.between(1, most);
                    ours.add(side, price, static_cast<std::uint32_t>(size), memory);
                    plain[price] += size;
                    other.add(side, price, 1, memory);
                } else {
                    auto at = plain.lower_bound(price);
                    if (at == plain.end()) --at;
                    const i64 size = random.chance(50) && at->second <= 0xFFFF'FFFF
                                         ? at->second
                                         : random.between(1, std::min(most, at->second));
                    ours.take(side, at->first, static_cast<std::uint32_t>(size), memory);
                    if ((at->second -= size) == 0) plain.erase(at);
                }
                CHECK(ours.best().size.raw == (plain.empty()       ? 0
                                               : side == Side::Bid ? plain.rbegin()->second
                                                                   : plain.begin()->second));
                if (k % 8 != 0) continue;
                std::vector<PriceLevel> levels;
                ours.from_best(side, memory, [&](const PriceLevel& level) {
                    levels.push_back(level);
                    return true;
                });
                std::vector<PriceLevel> expected;
                for (const auto& [at, size] : plain) expected.push_back({Price(at), Size(size)});
                if (side == Side::Bid) std::reverse(expected.begin(), expected.end());
                CHECK(levels == expected);
                CHECK(ours.best() == (expected.empty() ? PriceLevel{} : expected.front()));
            }
        }
    }
}

// The table of orders against a map: ids that stocks have in common, and the largest.
void orders() {
    test::Random random(5);
    itch50::OrderTable table;
    std::map<std::pair<u64, std::uint16_t>, std::uint32_t> plain;
    for (long k = 0; k < test::operations(60'000); ++k) {
        const bool grows = k % 40'000 < 20'000;
        const u64 id = random.chance(90) ? static_cast<u64>(random.between(1, 3'000))
                                         : ~static_cast<u64>(random.between(1, 9));
        const auto locate = static_cast<std::uint16_t>(random.between(0, 9) * 7'281);
        const auto found = plain.find({id, locate});
        itch50::OrderTable::Order& order = table.locate(OrderId{id}, locate);
        CHECK((order.id != kNoOrder) == (found != plain.end()));
        if (found == plain.end()) {
            if (random.chance(grows ? 80 : 20)) {
                const auto size = static_cast<std::uint32_t>(random.between(1, 900));
                table.put(order, {OrderId{id}, 7, size, locate, Side::Bid});
                plain[{id, locate}] = size;
            }
        } else {
            CHECK(order.size == found->second && order.locate == locate);
            if (random.chance(grows ? 20 : 80)) {
                table.take_out(order);
                plain.erase(found);
            }
        }
        CHECK(table.size() == plain.size());
    }
    for (const auto& [key, size] : plain) {
        CHECK(table.locate(OrderId{key.first}, key.second).size == size);
    }
}

// Reads to the end or to an error; how many rows there were before it.
std::size_t survive(const std::string& data) {
    // Memory of the exact size, so that a sanitizer sees any byte read past it.
    const std::vector<Byte> exact(data.begin(), data.end());
    itch50::Feed feed({kMidnight, {}, 'Q', false, true});
    itch50::Feed other({kMidnight, {"STOCK2"}, 'Q', true, false});
    itch50::Books books(true);
    Rows rows(data.size() + 2);
    std::vector<i64> numbers(data.size() + 1);
    std::vector<std::uint32_t> stock(data.size() + 1);
    books.write_to({numbers.data(), stock.data(), numbers.data(), numbers.data(), numbers.data(),
                    numbers.data(), numbers.size()});
    const auto read = [&](itch50::Feed& from, auto& sink) {
        std::size_t at = 0;
        try {
            while (true) {
                const auto done = from.read(exact.data() + at, exact.size() - at, sink);
                at += done.bytes;
                if (done.bytes == 0) break;
            }
        } catch (const InputError& error) {
            CHECK(error.offset == static_cast<i64>(at));
            CHECK(!error.field.empty() && !error.rule.empty());
        }
    };
    read(feed, rows.out);
    read(other, books);
    return rows.out.rows;
}

void damage() {
    test::Random random(3);
    const Rows rows = random_events(random, 20);
    const std::string data = encoded(rows);
    std::size_t before = 0;
    for (std::size_t cut = 0; cut <= data.size(); ++cut) {
        const std::size_t n = survive(data.substr(0, cut));
        CHECK(n >= before && n <= rows.out.rows);
        before = n;
    }
    CHECK(before == rows.out.rows);
    for (std::size_t bit = 0; bit < data.size() * 8; ++bit) {
        std::string flipped = data;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        (void)survive(flipped);
    }
    for (long i = 0; i < test::operations(2'000); ++i) {
        std::string wild(static_cast<std::size_t>(random.between(0, 300)), '\0');
        for (char& c : wild) {
            c = static_cast<char>(random.chance(30) ? random.between(0, 255) : 0);
        }
        for (int k = 0; k < 6 && !wild.empty(); ++k) {
            constexpr std::string_view types = "SRHYLVWKJhAFECXDUPQBINO";
            const auto at =
                static_cast<std::size_t>(random.between(0, static_cast<i64>(wild.size()) - 1));
            wild[at] = types[static_cast<std::size_t>(random.between(0, 22))];
        }
        (void)survive(wild);
        itch50::MoldUdp64 packets;
        try {
            (void)packets.accept(bytes_of(wild), wild.size(), 0);
        } catch (const InputError&) {
        }
    }
}

void extremes() {
    Rows one(3);
    Event e;
    e.ts = Nanos(kMidnight + itch50::kDay - 1);
    e.instrument = 1;
    e.action = Action::Add;
    e.side = Side::Ask;
    e.order_id = OrderId{1};
    for (const i64 price : {i64{0}, i64{1}, i64{0xFFFFFFFF}}) {
        e.price = Price(price);
        e.size = Size(0xFFFFFFFF);
        one.out.rows = 0;
        one.out.put(e);
        std::string data = encoded(one);
        Rows again(100);
        itch50::Feed feed({kMidnight, {}, 'Q', false, false});
        (void)feed.read(bytes_of(data), data.size(), again.out);
        CHECK(again.out.rows == 1 && same(again.event(0), e));
        // a nanosecond later it is no time of the day
        constexpr std::string_view midnight("\x4E\x94\x91\x4F\0\0", 6);
        data.replace(data.size() - 36 + 5, 6, midnight);
        again.out.rows = 0;
        itch50::Feed fresh({kMidnight, {}, 'Q', false, false});
        const auto done = fresh.read(bytes_of(data), data.size(), again.out);
        CHECK(again.out.rows == 0 && done.bytes == data.size() - 38);
        THROWS(InputError, fresh.read(bytes_of(data) + done.bytes, 38, again.out));
    }
}

void framing() {
    std::string data;
    std::string zeros;
    for (int k = 0; k < 400; ++k) {
        for (const itch50::Layout& layout : itch50::kLayouts) {
            std::string body(layout.length(), '\1');
            body[0] = layout.type;
            data += '\0';
            data += static_cast<char>(layout.length());
            data += body;
            zeros += std::string(2, '\0') + body;
        }
    }
    std::vector<std::uint32_t> starts(400 * itch50::kLayouts.size() + 1);
    for (const std::string& some : {data, zeros}) {
        const auto done = itch50::frame(bytes_of(some), some.size(), starts.data(), starts.size());
        CHECK(done.bytes == some.size());
        CHECK(done.messages == starts.size() - 1);
    }
}

}  // namespace

int main() {
    framing();
    round_trip();
    books();
    sides();
    orders();
    extremes();
    damage();
    return test::report("itch50");
}
