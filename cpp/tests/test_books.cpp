// The books against ordered maps over random streams, valid and invalid: duplicates, unknown ids,
// over-cancels, wrong sides and prices. Content and invariants are compared after every operation.
#include <map>
#include <unordered_map>
#include <vector>

#include "bookflow/level_book.hpp"
#include "bookflow/order_book.hpp"
#include "bookflow/state.hpp"
#include "check.hpp"
#include "plain_books.hpp"

using bookflow::Action;
using bookflow::Event;
using bookflow::i64;
using bookflow::LevelBook;
using bookflow::Nanos;
using bookflow::OrderBook;
using bookflow::OrderId;
using bookflow::Price;
using bookflow::Side;
using bookflow::Size;

namespace {

// How a stream looks: how many ids and prices there are, and how often the whole book is compared.
struct World {
    const char* name;
    i64 ids;
    i64 prices;
    i64 sizes;
    int adds;  // per cent of the operations
    long compare_every;
    i64 step = 1;   // between prices
    int stray = 0;  // per thousand: a price that is off the step or far from all others
    i64 drift = 0;  // the prices move by a step every so many operations; 0: never
};

constexpr World kWorlds[] = {
    {"narrow", 24, 12, 9, 45, 1},
    {"one level", 12, 1, 9, 45, 1},
    {"deep", 4'000, 3'000, 9, 60, 2'000},
    {"coarse", 300, 60, 9, 50, 20, 250'000'000},
    {"stray", 400, 200, 9, 55, 20, 48, 20},
    {"far", 400, 100, 9, 55, 20, i64{1} << 40, 20},
    {"drift", 300, 40, 9, 50, 20, 5, 1, 10},
    {"drift, deep", 20'000, 12'000, 9, 60, 5'000, 1, 0, 3},
};

// A price of the world at its n-th operation.
Price price_in(test::Random& random, const World& world, long n) {
    const i64 moved = world.drift == 0 ? 0 : n / world.drift;
    const i64 price = (random.between(-world.prices / 2, world.prices) + moved) * world.step;
    if (random.between(0, 999) >= world.stray) return Price(price);
    switch (random.between(0, 3)) {
        case 0: return Price(price + random.between(1, 7));
        case 1: return Price(bookflow::kMaxPrice - random.between(0, 2));
        case 2: return Price(-bookflow::kMaxPrice + random.between(0, 2));
        default: return Price(price * 1'000);
    }
}

Event order_event(test::Random& random, const World& world, long n = 0) {
    Event e{};
    e.ts = Nanos(0);
    e.order_id = static_cast<OrderId>(random.between(1, world.ids));
    const auto price = price_in(random, world, n);
    const auto side = static_cast<Side>(random.between(0, 2));
    e.size = Size(random.between(1, world.sizes));
    e.price = random.chance(50) ? bookflow::kNoPrice : price;
    e.side = random.chance(50) ? Side::None : side;
    const auto kind = random.between(0, 99);
    if (kind < world.adds) {
        e.action = Action::Add;
        e.price = price;
        e.side = random.chance(90) ? static_cast<Side>(random.between(1, 2)) : Side::None;
    } else if (random.between(0, world.ids * 40) == 0) {
        e.action = Action::Clear;
        e.side = side;
    } else {
        constexpr Action actions[] = {Action::Cancel, Action::Delete, Action::Modify,
                                      Action::Execute, Action::Trade};
        e.action = actions[random.between(0, 4)];
        if (e.action == Action::Modify && random.chance(20)) e.size = Size(0);
        if (e.action == Action::Cancel && random.chance(2)) e.size = Size(bookflow::kMaxSize);
    }
    return e;
}

Event level_event(test::Random& random, const World& world, long n = 0) {
    Event e{};
    e.ts = Nanos(0);
    e.action = Action::Level;
    e.side = static_cast<Side>(random.between(1, 2));
    e.price = price_in(random, world, n);
    e.size = Size(random.chance(40) ? 0 : random.between(1, world.sizes));
    if (random.between(0, world.prices * 20) == 0) {
        e.action = Action::Quote;
        if (random.chance(30)) {
            e.price = bookflow::kNoPrice;
            e.size = Size(0);
        }
    } else if (random.between(0, world.prices * 20) == 0) {
        e.action = Action::Clear;
        e.side = static_cast<Side>(random.between(0, 2));
    }
    return e;
}

template <class Book>
Book restored(const Book& book) {
    Book out;
    bookflow::StateEnvelope(bookflow::save_state("book", book)).load("book", out);
    return out;
}

// What an operation says it left alone is as it was: the other side, and levels better than its price.
class Untouched {
public:
    template <class Book>
    explicit Untouched(const Book& book) {
        bookflow::depth_of(book, bookflow::kMaxLevels, before_);
    }
    template <class Book>
    [[nodiscard]] bool holds(const Book& book, const bookflow::Change& change) const {
        bookflow::Depth after;
        bookflow::depth_of(book, bookflow::kMaxLevels, after);
        return same(Side::Bid, before_.bid, before_.bids, after.bid, after.bids, change) &&
               same(Side::Ask, before_.ask, before_.asks, after.ask, after.asks, change);
    }

private:
    using Levels = std::array<bookflow::PriceLevel, bookflow::kMaxLevels>;
    static bool same(Side side, const Levels& a, int na, const Levels& b, int nb,
                     const bookflow::Change& change) {
        const bool all = !change.any || (change.side != Side::None && change.side != side);
        if (!all && change.price == bookflow::kNoPrice) return true;
        for (int i = 0; i < std::max(na, nb); ++i) {
            const auto at = static_cast<std::size_t>(i);
            const Price price = i < na ? a[at].price : b[at].price;
            const bool better = side == Side::Bid ? price > change.price : price < change.price;
            if (!all && !better) return true;
            if (i >= na || i >= nb || !(a[at] == b[at])) return false;
        }
        return true;
    }

    bookflow::Depth before_;
};

// The best levels brought up to date event by event, as pipeline and replay do, against all of them
// read anew.
template <class Book>
class Followed {
public:
    [[nodiscard]] bool holds(const Book& book, const bookflow::Change& change) {
        constexpr int levels = 10;
        if (change.any && change.side == Side::None) {
            bookflow::depth_of(book, levels, depth_);
        } else if (change.any) {
            const bool bid = change.side == Side::Bid;
            const bookflow::Depth before = depth_;
            const auto range =
                bookflow::refresh(book.side(change.side), change, levels,
                                  bid ? depth_.bids : depth_.asks, bid ? depth_.bid : depth_.ask);
            for (int i = 0; i < levels; ++i) {  // what is said to be as it was, is
                const auto at = static_cast<std::size_t>(i);
                const bool told = i >= range.from && i < range.to;
                const auto& old = bid ? before.bid[at] : before.ask[at];
                const auto& now = bid ? depth_.bid[at] : depth_.ask[at];
                const int n = bid ? depth_.bids : depth_.asks;
                if (!told && i < n && !(old == now)) return false;
            }
        }
        bookflow::Depth anew;
        bookflow::depth_of(book, levels, anew);
        const auto same = [](const auto& a, int na, const auto& b, int nb) {
            return na == nb && std::equal(a.begin(), a.begin() + na, b.begin());
        };
        return same(depth_.bid, depth_.bids, anew.bid, anew.bids) &&
               same(depth_.ask, depth_.asks, anew.ask, anew.asks);
    }

private:
    bookflow::Depth depth_;
};

void order_book(const World& world, long operations) {
    test::Random random(11);
    OrderBook book;
    test::PlainOrderBook plain;
    Followed<OrderBook> followed;
    for (long i = 1; i <= operations; ++i) {
        const Event e = order_event(random, world, i);
        const Untouched untouched(book);
        const auto change = book.apply(e);
        plain.apply(e);
        CHECK(untouched.holds(book, change));
        CHECK(followed.holds(book, change));
        CHECK(book.faults().counts() == plain.faults.counts());
        if (i % world.compare_every == 0) {
            CHECK(book.content_hash() == plain.content_hash());
            CHECK(book.check().empty());
        }
        if (i % 16 == 0) {
            const auto ahead = book.queue_position(e.order_id);
            const auto expected = plain.ahead(static_cast<bookflow::u64>(e.order_id));
            CHECK(ahead.has_value() == expected.has_value());
            if (ahead && expected) {
                CHECK(ahead->orders == expected->first && ahead->size.raw == expected->second);
            }
        }
        if (i % 5'000 == 0) {
            book = restored(book);
            CHECK(book.check().empty());
            CHECK(book.content_hash() == plain.content_hash());
            CHECK(book.faults().counts() == plain.faults.counts());
        }
    }
    std::printf("order book, %s: %ld operations, %zu orders at the end\n", world.name, operations,
                plain.orders());
}

void level_book(const World& world, long operations) {
    test::Random random(12);
    LevelBook book;
    test::PlainLevelBook plain;
    Followed<LevelBook> followed;
    for (long i = 1; i <= operations; ++i) {
        const Event e = level_event(random, world, i);
        const Untouched untouched(book);
        const auto change = book.apply(e);
        plain.apply(e);
        CHECK(untouched.holds(book, change));
        CHECK(followed.holds(book, change));
        if (i % world.compare_every == 0) {
            CHECK(book.content_hash() == plain.content_hash());
            CHECK(book.check().empty());
        }
        if (i % 5'000 == 0) {
            book = restored(book);
            CHECK(book.content_hash() == plain.content_hash());
        }
    }
}

// A level may hold 2^60 units. What would take it above is refused and changes nothing.
void too_large() {
    OrderBook book;
    const auto event = [](Action action, unsigned id, i64 price, i64 size) {
        Event e{};
        e.action = action;
        e.side = Side::Bid;
        e.order_id = OrderId{id};
        e.price = Price(price);
        e.size = Size(size);
        return e;
    };
    book.apply(event(Action::Add, 1, 100, bookflow::kMaxSize - 5));
    book.apply(event(Action::Add, 2, 100, 5));
    book.apply(event(Action::Add, 3, 99, 7));
    const auto before = bookflow::save_state("book", book);
    THROWS(bookflow::SizeOverflow, book.apply(event(Action::Add, 4, 100, 1)));
    THROWS(bookflow::SizeOverflow, book.apply(event(Action::Modify, 2, 100, 6)));
    THROWS(bookflow::SizeOverflow, book.apply(event(Action::Modify, 3, 100, 7)));
    THROWS(bookflow::SizeOverflow, book.apply(event(Action::Modify, 9, 100, 1)));
    Event other_side = event(Action::Modify, 3, 100, 7);
    other_side.side = Side::Ask;
    THROWS(bookflow::SizeOverflow, book.apply(other_side));
    CHECK(book.check().empty());
    CHECK(bookflow::save_state("book", book) == before);
    // Growing within what its own departure frees is no overflow.
    book.apply(event(Action::Cancel, 1, 100, 1));
    book.apply(event(Action::Modify, 2, 100, 6));
    CHECK(book.check().empty());
}

// Levels that no event can make, only damaged bytes: none without a price, none twice, none out of
// order. (Sizes are a book's to check.)
void impossible_levels() {
    using bookflow::PriceLevel;
    for (const Side side : {Side::Bid, Side::Ask}) {
        const i64 worse = side == Side::Bid ? 99 : 101;
        const auto restored = [&](std::vector<PriceLevel> levels) {
            bookflow::StateWriter writer;
            writer(levels);
            const std::string bytes = writer.take();
            bookflow::StateReader reader(bytes);
            bookflow::Ladder<PriceLevel> ladder(side);
            reader(ladder);
            return ladder;
        };
        const PriceLevel touch{Price(100), Size(1)};
        CHECK(restored({{Price(worse), Size(2)}, touch}).check().empty());
        for (const i64 price : {bookflow::kNone, bookflow::kMaxPrice + 1}) {
            const PriceLevel impossible{Price(price), Size(1)};
            THROWS(bookflow::StateError, restored({impossible, touch}));
            THROWS(bookflow::StateError, restored({touch, impossible}));
        }
        THROWS(bookflow::StateError, restored({touch, touch}));
        THROWS(bookflow::StateError, restored({touch, {Price(worse), Size(2)}}));
    }
}

// Damaged bytes with a right CRC: refused, or a book in which every invariant holds.
template <class Book>
void damaged(const Book& book) {
    const std::string bytes = bookflow::save_state("book", book);
    for (std::size_t n = 0; n < bytes.size(); n += 7) {
        Book out;
        THROWS(bookflow::StateError,
               (bookflow::StateEnvelope(bytes.substr(0, n)).load("book", out), 0));
    }
    test::Random random(13);
    for (long i = test::operations(20'000); i > 0; --i) {
        std::string bad = bytes;
        for (auto flips = random.between(1, 3); flips > 0; --flips) {
            const auto at =
                static_cast<std::size_t>(random.between(18, static_cast<i64>(bytes.size()) - 1));
            bad[at] = static_cast<char>(random.chance(50) ? random.bits()
                                                          : bad[at] ^ (1 << random.between(0, 7)));
        }
        const std::uint32_t crc = bookflow::detail::crc32(std::string_view(bad).substr(18));
        bad.replace(6, 4, reinterpret_cast<const char*>(&crc), 4);
        try {
            Book out;
            bookflow::StateEnvelope(bad).load("book", out);
            CHECK(out.check().empty());
        } catch (const bookflow::StateError&) {
            CHECK(true);
        }
    }
}

// The sorted levels alone, against std::map: the same levels in the same order after every change.
void sorted_levels() {
    test::Random random(16);
    for (const i64 keys : {5, 200, 3'000}) {
        bookflow::SortedLevels<bookflow::PriceLevel> levels;
        std::map<i64, i64> plain;
        for (long i = test::operations(60'000); i > 0; --i) {
            // grows for a while, then shrinks: chunks are split and joined
            const bool grows = i / (4 * keys) % 2 == 0;
            const i64 key = random.between(-keys, keys);
            const auto found = plain.find(key);
            const auto* level = levels.find(key);
            CHECK((level != nullptr) == (found != plain.end()));
            if (level != nullptr && found != plain.end()) CHECK(level->size.raw == found->second);
            if (random.chance(grows ? 70 : 30)) {
                levels.add(key).size = Size(i);
                plain[key] = i;
            } else if (level != nullptr) {
                levels.erase(key);
                plain.erase(key);
            }
            if (i % (keys / 4 + 1) != 0) continue;
            CHECK(levels.check().empty());
            CHECK(levels.size() == static_cast<int>(plain.size()));
            auto up = plain.begin();
            levels.from_worst([&](i64 k, const bookflow::PriceLevel& l) {
                CHECK(k == up->first && l.size.raw == up->second);
                ++up;
                return true;
            });
            auto down = plain.rbegin();
            levels.from_best([&](i64 k, const bookflow::PriceLevel& l) {
                CHECK(k == down->first && l.size.raw == down->second);
                ++down;
                return true;
            });
            if (!plain.empty()) CHECK(levels.best_key() == plain.rbegin()->first);
        }
    }
}

// What is a multiple of the step is divided, what is none is found out.
void exact_division() {
    test::Random random(17);
    for (long i = test::operations(200'000); i > 0; --i) {
        const auto bits = static_cast<int>(random.between(0, 61));
        const auto step = static_cast<bookflow::u64>(random.bits()) >> (63 - bits) | 1;
        const bookflow::u64 even = step << random.between(0, 61 - bits);
        for (const bookflow::u64 d : {step, even}) {
            const bookflow::ExactDivision division(d);
            const bookflow::u64 n = static_cast<bookflow::u64>(random.bits());
            CHECK(division.divides(n) == (n % d == 0));
            const bookflow::u64 q = n / d;
            CHECK(division.divides(q * d) && division.quotient(q * d) == q);
            if (n % d != 0) CHECK(division.quotient(n) > ~bookflow::u64{0} / d);
        }
    }
}

// The index alone, with ids that collide, against std::unordered_map.
void order_index() {
    constexpr bookflow::u64 multiplier = 0x9E3779B97F4A7C15ULL;
    bookflow::u64 inverse = multiplier;  // ids at multiples of it have all but the same hash
    for (int i = 0; i < 5; ++i) inverse *= 2 - multiplier * inverse;
    test::Random random(14);
    // ids 1, 2, 3...; ids that differ in high bits only; ids of the same tag
    for (const bookflow::u64 step :
         {bookflow::u64{1}, bookflow::u64{1} << 32, bookflow::u64{1} << 58, inverse}) {
        const long most = step == 1 || step == bookflow::u64{1} << 32 ? 3'000 : 63;
        bookflow::OrderIndex index;
        std::unordered_map<bookflow::u64, std::uint32_t> plain;
        std::vector<bookflow::u64> ids;  // by slot
        const auto locate = [&](bookflow::u64 id) {
            return index.locate(OrderId{id}, [&](std::uint32_t slot) { return ids[slot] == id; });
        };
        const auto expected = [&](bookflow::u64 id) {
            const auto found = plain.find(id);
            return found == plain.end() ? bookflow::OrderIndex::kNotFound : found->second;
        };
        for (long i = test::operations(200'000); i > 0; --i) {
            const auto id = static_cast<bookflow::u64>(random.between(1, most)) * step;
            CHECK(index[locate(id)] == expected(id));
            if (plain.contains(id)) {
                index.take_out(locate(id));
                plain.erase(id);
            } else {
                const auto slot = static_cast<std::uint32_t>(ids.size());
                ids.push_back(id);
                index.put(locate(id), OrderId{id}, slot);
                plain[id] = slot;
            }
            CHECK(index.size() == plain.size());
            if (random.between(0, 50'000) == 0) {
                index.clear();
                plain.clear();
            }
        }
        for (bookflow::u64 id = step, n = most; n > 0; --n, id += step) {
            CHECK(index[locate(id)] == expected(id));
        }
    }
}

}  // namespace

int main() {
    for (const World& world : kWorlds) {
        order_book(world, test::operations(200'000));
        level_book(world, test::operations(200'000));
    }
    too_large();
    impossible_levels();
    sorted_levels();
    exact_division();
    order_index();

    test::Random random(15);
    OrderBook orders;
    LevelBook levels;
    for (int i = 0; i < 60; ++i) {
        orders.apply(order_event(random, kWorlds[0]));
        levels.apply(level_event(random, kWorlds[0]));
    }
    damaged(orders);
    damaged(levels);
    return test::report("books");
}
