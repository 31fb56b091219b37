// What any book tells after an atomic event, whatever it was built from: the best quotes, the top
// of the book, how deep the change went, and what was printed. Calculators see only this.
#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "bookflow/event.hpp"
#include "bookflow/state.hpp"

namespace bookflow {

// The touch. An empty side has price kNoPrice and size 0.
struct Quotes {
    Price bid = kNoPrice;
    Size bid_size;
    Price ask = kNoPrice;
    Size ask_size;

    friend bool operator==(const Quotes&, const Quotes&) = default;

    [[nodiscard]] bool has_bid() const { return bid != kNoPrice; }
    [[nodiscard]] bool has_ask() const { return ask != kNoPrice; }
    [[nodiscard]] bool two_sided() const { return has_bid() && has_ask(); }
    [[nodiscard]] bool crossed() const { return two_sided() && bid > ask; }
    [[nodiscard]] bool locked() const { return two_sided() && bid == ask; }
    // The states that quote-driven flows difference; a locked book is an ordinary one.
    [[nodiscard]] bool good() const { return two_sided() && bid <= ask; }

    template <class V>
    void visit(V& v) {
        v(bid, bid_size, ask, ask_size);
    }
};

struct PriceLevel {
    Price price = kNoPrice;
    Size size;

    friend bool operator==(const PriceLevel&, const PriceLevel&) = default;

    template <class V>
    void visit(V& v) {
        v(price, size);
    }
};

inline constexpr int kMaxLevels = 64;

// The levels [from, to) of a depth: those that may have changed since it was last seen.
struct LevelRange {
    int from = 0;
    int to = kMaxLevels;

    [[nodiscard]] static constexpr LevelRange none() { return {kMaxLevels, 0}; }
    LevelRange& operator|=(LevelRange other) {
        from = std::min(from, other.from);
        to = std::max(to, other.to);
        return *this;
    }
};

// The best levels of both sides, best first, copied so that calculators need not know the book.
struct Depth {
    int bids = 0;
    int asks = 0;
    std::array<PriceLevel, kMaxLevels> bid;
    std::array<PriceLevel, kMaxLevels> ask;
    LevelRange changed;  // on either side; where nothing is known of it, all of them

    [[nodiscard]] Quotes quotes() const {
        Quotes out;
        if (bids > 0) {
            out.bid = bid[0].price;
            out.bid_size = bid[0].size;
        }
        if (asks > 0) {
            out.ask = ask[0].price;
            out.ask_size = ask[0].size;
        }
        return out;
    }

    template <class V>
    void visit(V& v) {
        v(bids, asks);
        if constexpr (V::kReading) {
            v.require(bids >= 0 && bids <= kMaxLevels && asks >= 0 && asks <= kMaxLevels,
                      "a depth has too many levels");
        }
        for (int i = 0; i < bids; ++i) visit_level(v, bid[static_cast<std::size_t>(i)]);
        for (int i = 0; i < asks; ++i) visit_level(v, ask[static_cast<std::size_t>(i)]);
    }

private:
    template <class V>
    static void visit_level(V& v, PriceLevel& level) {
        v(level);
        if constexpr (V::kReading) {
            v.require(level.price != kNoPrice && level.size > Size(0), "a level is empty");
        }
    }
};

// What one event did to a book: levels better than `price` are as they were, and so is the other
// side. No price: the whole side may be another one; no side: both. Of an order it names its own side
// and price, which a print takes where the event does not.
struct Change {
    Price price = kNoPrice;
    Side side = Side::None;
    bool any = false;
    bool deeper = false;  // another level, behind that price, may have changed as well

    [[nodiscard]] static Change of(Side side, Price price) { return {price, side, true, false}; }
};
static_assert(sizeof(Change) == 16, "two registers: it is returned for every event");

// One print as the trade-driven calculators see it.
struct Print {
    Price price = kNoPrice;
    Size size;  // negative: a broken print taken back
    Side aggressor = Side::None;
    bool in_flow = true;    // signed: buys, sells, VPIN
    bool in_volume = true;  // volume, VWAP

    [[nodiscard]] bool is_trade() const { return in_volume && size > Size(0); }
};

// Why the size at a price is another one, as only a book of orders knows.
enum class Cause : std::uint8_t { Added = 1, Cancelled, Modified, Traded };

// What one event did to one order's price: the size that came or went.
struct OrderChange {
    Price price = kNoPrice;
    Size size;  // negative: it went
    Side side = Side::None;
    Cause cause{};
    bool touch_before = false;  // the price was its side's best
    bool touch_after = false;

    [[nodiscard]] bool at_touch() const { return touch_before || touch_after; }
};

// What the orders at a side's best price add up to, as only a book of orders knows; no orders: the
// side is empty.
struct Queue {
    static constexpr i64 kUnknown = -1;

    i64 orders = kUnknown;
    i64 size = kUnknown;
    i128 ages = kUnknown;        // of the orders, in ns, added up
    i128 sized_ages = kUnknown;  // the same, each times its order's size

    template <class V>
    void visit(V& v) {
        v(orders, size, ages, sized_ages);
        if constexpr (V::kReading) {
            const auto holds = [](i128 x, int bits) {
                return x >= kUnknown && x <= i128{1} << bits;
            };
            v.require(
                holds(orders, 32) && holds(size, 60) && holds(ages, 94) && holds(sized_ages, 122),
                "a queue is out of range");
        }
    }
};

struct Queues {
    Queue bid;
    Queue ask;

    template <class V>
    void visit(V& v) {
        v(bid, ask);
    }
};

}  // namespace bookflow
