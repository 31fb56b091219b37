// What a calculator takes when it is used alone, checked by the same limits as events.
#pragma once

#include <array>
#include <cmath>
#include <string>

#include "bookflow/book_update.hpp"
#include "bookflow/decimal.hpp"
#include "bookflow/error.hpp"
#include "bookflow/event_columns.hpp"

namespace bookflow {

[[noreturn, gnu::cold, gnu::noinline]] inline void refuse(const char* field, i64 value,
                                                          const char* rule, i64 row) {
    throw InputError(rule, field, value == kNone ? "NONE" : std::to_string(value), row);
}

// What calculators of values take: NaN is a number that is not known. Beyond 1e150
// the sums of squares would leave the doubles.
inline constexpr double kMaxNumber = 1e150;
inline void check_number(const char* field, double x, i64 row) {
    if (!(std::abs(x) > kMaxNumber)) return;
    const auto number = Decimal::shortest(x);
    const std::string text = number ? number->text() : x < 0 ? "-inf" : "inf";
    throw InputError("must be within 1e150, or NaN", field, text, row);
}

// One comparison each, modulo 2^64.
[[nodiscard]] inline bool size_holds(i64 size) {
    return static_cast<u64>(size) <= static_cast<u64>(kMaxSize);
}
[[nodiscard]] inline bool price_holds(i64 price) {
    return static_cast<u64>(price) + static_cast<u64>(kMaxPrice) <= 2 * static_cast<u64>(kMaxPrice);
}

inline void check_size(const char* field, i64 size, i64 row) {
    if (!size_holds(size)) refuse(field, size, "must be from 0 to 2^60 size units", row);
}
inline void check_price(const char* field, i64 price, i64 row) {
    if (!price_holds(price)) {
        refuse(field, price, "must be within 2^61 price units", row);
    }
}

// A size of 0 is an empty side, whatever the price.
[[nodiscard]] inline Price price_of_side(i64 price, i64 size, const char* price_field,
                                         const char* size_field, i64 row) {
    check_size(size_field, size, row);
    if (size == 0) return kNoPrice;
    check_price(price_field, price, row);
    return Price(price);
}

// Made in one go: halves stored one by one and loaded together would wait for each other.
[[nodiscard]] inline Quotes checked_quotes(i64 bid, i64 bid_size, i64 ask, i64 ask_size, i64 row) {
    const Price best_bid = price_of_side(bid, bid_size, "bid_price", "bid_size", row);
    const Price best_ask = price_of_side(ask, ask_size, "ask_price", "ask_size", row);
    return {best_bid, Size(bid_size), best_ask, Size(ask_size)};
}

// The touch that prints are signed by: prices alone, NONE where a side is empty.
[[nodiscard]] inline Quotes checked_touch(i64 bid, i64 ask, i64 row) {
    if (bid != kNone) check_price("bid_price", bid, row);
    if (ask != kNone) check_price("ask_price", ask, row);
    return {Price(bid), Size(), Price(ask), Size()};
}

inline int checked_levels(const Column<i64>& price, const Column<i64>& size, int levels, int wanted,
                          const char* price_field, const char* size_field, i64 sign, i64 row,
                          std::array<PriceLevel, kMaxLevels>& out) {
    int n = 0;
    for (int i = 0; i < std::min(levels, wanted); ++i) {
        const auto at = static_cast<std::size_t>(i);
        const PriceLevel level{price_of_side(price[at], size[at], price_field, size_field, row),
                               Size(size[at])};
        if (level.price == kNoPrice) continue;
        if (n < i) refuse(price_field, level.price.raw, "stands behind a missing level", row);
        if (n > 0 && sign * level.price.raw <= sign * out[at - 1].price.raw) {
            refuse(price_field, level.price.raw, "must be worse than the level before", row);
        }
        out[at] = level;
        ++n;
    }
    return n;
}

[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_print(i64 price, i64 size, i64 side,
                                                                i64 row) {
    check_price("price", price, row);
    check_size("size", size, row);
    if (size == 0) refuse("size", size, "a trade needs a size above 0", row);
    refuse("side", side, "must be 0 (NONE), 1 (BUY) or 2 (SELL)", row);
}

inline Print checked_print(i64 price, i64 size, i64 side, i64 row) {
    const bool side_holds = static_cast<u64>(side) <= 2;
    if (!(price_holds(price) & size_holds(size) & (size != 0) & side_holds)) {
        refuse_print(price, size, side, row);
    }
    Print p;
    p.price = Price(price);
    p.size = Size(size);
    p.aggressor = static_cast<Side>(side);
    return p;
}

inline OrderChange checked_change(i64 price, i64 change, i64 side, i64 cause, i64 touch, i64 row) {
    check_price("price", price, row);
    if (cause < 1 || cause > 4) {
        refuse("cause", cause, "must be 1 (added), 2 (cancelled), 3 (modified) or 4 (traded)", row);
    }
    if (change == 0 || change < -kMaxSize || change > kMaxSize) {
        refuse("change", change, "must be within 2^60 size units, and not 0", row);
    }
    if (cause != 3 && (change > 0) != (cause == 1)) {
        refuse("change", change, "must be above 0 for an order added, below for one taken", row);
    }
    if (side != 1 && side != 2) refuse("side", side, "must be 1 (BID) or 2 (ASK)", row);
    if (touch < 0 || touch > 3) {
        refuse("touch", touch, "must be 0 (away), 1 (at it before), 2 (after) or 3 (both)", row);
    }
    return {Price(price),     Size(change),    static_cast<Side>(side), static_cast<Cause>(cause),
            (touch & 1) != 0, (touch & 2) != 0};
}

// NONE: not known. `ages` is the mean of the orders' ages: by order and by size where it is used so.
inline Queue checked_queue(const std::array<i64, 3>& given,
                           const std::array<const char*, 3>& fields, i64 row) {
    const auto [orders, size, age] = given;
    if (orders < 0 || orders >= i64{1} << 32) {
        refuse(fields[0], orders, "must be from 0 to 2^32 - 1 orders", row);
    }
    Queue out;
    out.orders = orders;
    if (size != kNone) {
        check_size(fields[1], size, row);
        if (size < orders || (size > 0 && orders == 0)) {
            refuse(fields[1], size, "must be at least 1 for each order, and 0 without one", row);
        }
        out.size = size;
    }
    if (age != kNone) {
        if (age < 0 || age >= kMaxTime) refuse(fields[2], age, "must be from 0 to 2^62 ns", row);
        out.ages = static_cast<i128>(age) * orders;
        if (size != kNone) out.sized_ages = static_cast<i128>(age) * size;
    }
    if (orders == 0) out = {0, 0, 0, 0};  // all of it is known
    return out;
}

// The arguments of a calculator of queues, in order.
inline constexpr std::array<const char*, 6> kQueueFields{"bid_orders", "ask_orders", "bid_size",
                                                         "ask_size",   "bid_age",    "ask_age"};
inline Queues checked_queues(const std::array<i64, 6>& x, i64 row) {
    constexpr auto& f = kQueueFields;
    return {checked_queue({x[0], x[2], x[4]}, {f[0], f[2], f[4]}, row),
            checked_queue({x[1], x[3], x[5]}, {f[1], f[3], f[5]}, row)};
}

}  // namespace bookflow
