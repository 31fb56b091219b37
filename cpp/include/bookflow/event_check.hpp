// The field rules of events, checked over a whole chunk before anything of it is applied.
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "bookflow/error.hpp"
#include "bookflow/event_columns.hpp"
#include "bookflow/instrument.hpp"

namespace bookflow {

class EventCheck {
public:
    EventCheck(const Units& units, std::uint32_t instrument)
        : units_(units), instrument_(instrument) {}

    // Throws InputError for the first row that breaks a rule. `last_ts` is the time before the
    // chunk; with `as_is` time may run backwards. `after_delete`: the event before was a DELETE.
    void columns(const EventColumns& c, i64 last_ts, bool as_is, bool after_delete) const {
        if (!c.depth.given() && holds(c, last_ts, as_is, after_delete)) return;
        for (std::size_t i = 0; i < c.rows; ++i) {
            if (c.instrument.given() && c.instrument[i] != instrument_) {
                refuse(i, "instrument", std::to_string(c.instrument[i]),
                       "the instrument here is " + std::to_string(instrument_) +
                           " (Events.split() separates several)");
            }
            const Event e = c.event(i);
            event(e, i, last_ts, as_is, after_delete, c.depth.given());
            last_ts = std::max(last_ts, e.ts.raw);
            after_delete = e.action == Action::Delete;
            if (c.depth.given()) depth(c.depth, i);
        }
    }

    void event(const Event& e, std::size_t row, i64 last_ts, bool as_is, bool after_delete,
               bool with_depth) const {
        const auto action = static_cast<unsigned>(e.action);
        // One range test a field; the words are made only when it fails.
        if (e.ts.raw < 0 || e.ts.raw >= kMaxTime) {
            refuse(row, "ts", e.ts.raw, "must be from the epoch to 2^62 ns after it");
        }
        if (e.ts.raw < last_ts && !as_is) {
            refuse(row, "ts", e.ts.raw,
                   "is before " + std::to_string(last_ts) +
                       " (order=\"as-is\" takes the running maximum and counts)");
        }
        if (action < 1 || action > kActionNames.size()) {
            refuse(row, "action", action, "must be 1 (ADD) to 10 (STATUS)");
        }
        if (e.side > Side::Ask) {
            refuse(row, "side", static_cast<i64>(e.side), "must be 0 (NONE), 1 (BID) or 2 (ASK)");
        }
        if ((e.flags & ~flag::kAll) != 0) refuse(row, "flags", e.flags, "has unknown bits");
        if (e.size.raw < 0 || e.size.raw > kMaxSize) {
            refuse(row, "size", e.size.raw, "must be from 0 to 2^60 size units");
        }
        if (e.price != kNoPrice && (e.price.raw < -kMaxPrice || e.price.raw > kMaxPrice)) {
            refuse(row, "price", e.price.raw, "must be within 2^61 price units");
        }
        by_action(e, row, after_delete, with_depth);
    }

    // The same rules over all rows at once, without a branch and without a word of what is wrong.
    [[nodiscard]] bool holds(const EventColumns& c, i64 last_ts, bool as_is,
                             bool after_delete) const {
        for (std::size_t i = 0; c.instrument.given() && i < c.rows; ++i) {
            if (c.instrument[i] != instrument_) return false;
        }
        return c.visit([&](const auto& columns) {
            // Block by block, so that the second look finds the columns in the cache.
            constexpr std::size_t block = 512;
            for (std::size_t begin = 0; begin < c.rows; begin += block) {
                const std::size_t end = std::min(c.rows, begin + block);
                for (std::size_t i = begin; i < end; i += 8) columns.look_ahead(i, block);
                bool levels = false;
                if (!in_range(columns, begin, end, last_ts, as_is, levels)) return false;
                if (!(levels && units_.bands.empty()) &&
                    !complete(columns, begin, end, after_delete)) {
                    return false;
                }
                if (!as_is) last_ts = columns.ts_at(end - 1);
                after_delete = static_cast<Action>(columns.action[end - 1]) == Action::Delete;
            }
            return true;
        });
    }

private:
    // Whether every field is within its limits. Each test leaves a sign bit where it fails: what
    // compilers turn into vectors on any processor. `levels`: every row is a LEVEL with its side and
    // price, and needs no further look.
    template <class Columns>
    [[nodiscard]] static bool in_range(const Columns& c, std::size_t begin, std::size_t end,
                                       i64 last_ts, bool as_is, bool& levels) {
        constexpr auto most_time = static_cast<u64>(kMaxTime) - 1;
        constexpr auto most_size = static_cast<u64>(kMaxSize);
        constexpr auto most_price = static_cast<u64>(kMaxPrice);
        u64 time = 0;
        auto before = static_cast<u64>(as_is ? 0 : std::max<i64>(last_ts, 0));
        for (std::size_t i = begin; c.has_ts() && i < end; ++i) {
            const auto ts = static_cast<u64>(c.ts[i]);
            time |= ts | (most_time - ts) | (ts - before);
            before = as_is ? 0 : ts;
        }
        u64 size = 0;
        for (std::size_t i = begin; i < end; ++i) {
            const auto z = static_cast<u64>(c.size[i]);
            size |= z | (most_size - z);
        }
        u64 no_price = 0;
        for (std::size_t i = begin; i < end; ++i) {
            const auto p = static_cast<u64>(c.price[i]);
            no_price |= (p + most_price) | (most_price - p);
        }
        constexpr u64 sign = u64{1} << 63;
        u64 price = 0;
        for (std::size_t i = begin; (no_price & sign) != 0 && i < end; ++i) {  // some have none
            const auto p = static_cast<u64>(c.price[i]);
            const u64 given = ~(static_cast<u64>(c.price[i] != kNone) - 1);
            price |= ((p + most_price) | (most_price - p)) & given;
        }
        std::uint8_t side = 0;
        std::uint8_t no_side = 0;
        std::uint8_t no_level = 0;
        for (std::size_t i = begin; i < end; ++i) {
            const std::uint8_t s = c.side[i];
            // 0, 1 and 2 leave no bit above the second: 3 doubles its own
            side = static_cast<std::uint8_t>(side | s | ((s & (s >> 1)) << 2));
            no_side = static_cast<std::uint8_t>(no_side | (s - 1));
            no_level = static_cast<std::uint8_t>(no_level |
                                                 (c.action[i] ^ static_cast<int>(Action::Level)));
        }
        std::uint16_t flags = 0;
        for (std::size_t i = begin; c.has_flags() && i < end; ++i) flags |= c.flags[i];
        levels = no_level == 0 && (no_side & ~1) == 0 && (no_price & sign) == 0;
        return ((time | size | price) & sign) == 0 && (side & ~3) == 0 &&
               (flags & ~flag::kAll) == 0;
    }

    [[nodiscard]] static unsigned bit(bool holds, unsigned which) {
        return unsigned{holds} * which;
    }

    // Whether every action is one and has what it needs.
    template <class Columns>
    [[nodiscard]] bool complete(const Columns& c, std::size_t begin, std::size_t end,
                                bool after_delete) const {
        constexpr unsigned id = 1, price = 2, size = 4, side = 8, grid = 16, none_empty = 32,
                           status = 64, never = 128;
        constexpr std::array<std::uint8_t, 16> needs{never,                            // no action
                                                     id | price | size | side | grid,  // ADD
                                                     id | size,                        // CANCEL
                                                     id,                               // DELETE
                                                     id | grid,                        // MODIFY
                                                     id | size,                        // EXECUTE
                                                     price | size,                     // TRADE
                                                     price | side | grid,              // LEVEL
                                                     side | grid | none_empty,         // QUOTE
                                                     0,                                // CLEAR
                                                     status,                           // STATUS
                                                     never,
                                                     never,
                                                     never,
                                                     never,
                                                     never};
        constexpr auto statuses = static_cast<u64>(status::kByEvent | status::kOneSided);
        unsigned missing = 0;
        unsigned actions = 0;
        for (std::size_t i = begin; i < end; ++i) {
            const auto action = static_cast<unsigned>(c.action[i]);
            const i64 p = c.price[i];
            const auto z = static_cast<u64>(c.size[i]);
            const bool has_price = p != kNone;
            const bool replaces = after_delete & (action == static_cast<unsigned>(Action::Add));
            const bool has_side = (c.side[i] != 0) | replaces;
            const bool fits_grid = !has_price || units_.on_grid(Price(p));
            const bool quote = has_price | (z == 0);
            const unsigned given = bit(c.id_at(i) != 0, id) | bit(has_price, price) |
                                   bit(z != 0, size) | bit(has_side, side) | bit(fits_grid, grid) |
                                   bit(quote, none_empty) | bit((z & ~statuses) == 0, status);
            missing |= needs[action & 15] & ~given;
            actions |= action;
            after_delete = action == static_cast<unsigned>(Action::Delete);
        }
        return missing == 0 && actions < 16;
    }

    void by_action(const Event& e, std::size_t row, bool after_delete, bool with_depth) const {
        switch (e.action) {
            case Action::Add:
                if (with_depth) return on_grid(e, row);
                need_id(e, row);
                need_price(e, row);
                need_size(e, row);
                if (e.side == Side::None && !after_delete) {
                    refuse(row, "side", 0,
                           "an ADD needs BID or ASK (NONE only right after a DELETE, a replace)");
                }
                return on_grid(e, row);
            case Action::Cancel:
                if (with_depth) return;
                need_id(e, row);
                return need_size(e, row);
            case Action::Delete:
                if (!with_depth) need_id(e, row);
                return;
            case Action::Modify:
                if (!with_depth) need_id(e, row);
                return on_grid(e, row);
            case Action::Execute:
                if (!with_depth) need_id(e, row);
                return need_size(e, row);
            case Action::Trade: need_price(e, row); return need_size(e, row);
            case Action::Level:
                if (!with_depth) {
                    need_side(e, row);
                    need_price(e, row);
                }
                return on_grid(e, row);
            case Action::Quote:
                if (!with_depth) need_side(e, row);
                if (e.price == kNoPrice && e.size != Size(0)) {
                    refuse(row, "size", e.size.raw, "must be 0 where a QUOTE has no price");
                }
                return on_grid(e, row);
            case Action::Status:
                if ((e.size.raw & ~i64{status::kByEvent | status::kOneSided}) != 0) {
                    refuse(row, "size", e.size.raw,
                           "a STATUS carries SNAPSHOT_PENDING, HALTED, AUCTION, UNVERIFIABLE "
                           "(with ONE_SIDED: until two-sided)");
                }
                return;
            case Action::Clear: return;
        }
    }

    void depth(const DepthColumns& d, std::size_t row) const {
        side(d.bid_price.row(row), d.bid_size.row(row), d.levels, row, "bid", -1);
        side(d.ask_price.row(row), d.ask_size.row(row), d.levels, row, "ask", 1);
    }
    void side(const Column<i64>& prices, const Column<i64>& sizes, int levels, std::size_t row,
              const char* name, i64 sign) const {
        bool missing = false;
        for (int i = 0; i < levels; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const i64 price = prices[at];
            const i64 size = sizes[at];
            const auto field = [&](const char* what) {
                return std::string(name) + "_" + what + " of level " + std::to_string(i + 1);
            };
            if (size < 0 || size > kMaxSize) {
                refuse(row, field("size"), size, "must be from 0 to 2^60 size units");
            }
            if ((price == kNone) != (size == 0)) {
                refuse(row, field("price"), price, "a missing level has neither price nor size");
            }
            if (price == kNone) {
                missing = true;
                continue;
            }
            if (missing) refuse(row, field("price"), price, "stands behind a missing level");
            if (price < -kMaxPrice || price > kMaxPrice) {
                refuse(row, field("price"), price, "must be within 2^61 price units");
            }
            if (i > 0 && sign * price <= sign * prices[at - 1]) {
                refuse(
                    row, field("price"), price,
                    "must be worse than the level before (" + std::to_string(prices[at - 1]) + ")");
            }
            if (!units_.on_grid(Price(price))) off_grid(Price(price), row, field("price"));
        }
    }

    void need_id(const Event& e, std::size_t row) const {
        if (e.order_id == kNoOrder) refuse(row, "order_id", 0, name(e) + " needs an order id");
    }
    void need_price(const Event& e, std::size_t row) const {
        if (e.price == kNoPrice) refuse(row, "price", "NONE", name(e) + " needs a price");
    }
    void need_size(const Event& e, std::size_t row) const {
        if (e.size == Size(0)) refuse(row, "size", 0, name(e) + " needs a size above 0");
    }
    void need_side(const Event& e, std::size_t row) const {
        if (e.side == Side::None) refuse(row, "side", 0, name(e) + " needs BID or ASK");
    }
    void on_grid(const Event& e, std::size_t row) const {
        if (e.price != kNoPrice && !units_.on_grid(e.price)) off_grid(e.price, row, "price");
    }
    [[noreturn]] void off_grid(Price price, std::size_t row, std::string field) const {
        refuse(row, std::move(field), price.raw,
               "a resting price must be on the tick grid of " +
                   std::to_string(units_.tick_at(price)) + " price units");
    }
    [[nodiscard]] static std::string name(const Event& e) { return std::string(name_of(e.action)); }
    template <class T>
    [[noreturn]] static void refuse(std::size_t row, std::string field, const T& value,
                                    std::string rule) {
        std::string text;
        if constexpr (std::is_convertible_v<T, std::string>) {
            text = value;
        } else {
            text = static_cast<i64>(value) == kNone ? "NONE" : std::to_string(value);
        }
        throw InputError(std::move(rule), std::move(field), std::move(text), static_cast<i64>(row));
    }

    const Units& units_;
    std::uint32_t instrument_;
};

}  // namespace bookflow
