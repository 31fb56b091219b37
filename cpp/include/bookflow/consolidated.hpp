// The best quote over several venues of one thing, from their events as they come.
//
// Each venue has its own book; after each of its atomic events the best of all is taken anew from the
// touches that count: O(venues), and venues are few. A venue's quote gets too old by itself: the time
// when it does is known beforehand, and is looked at whenever time moves.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bookflow/chunk_check.hpp"
#include "bookflow/instrument.hpp"
#include "bookflow/level_book.hpp"
#include "bookflow/order_book.hpp"

namespace bookflow {

// The best quote from a time on.
struct BestQuote {
    i64 ts;
    Quotes quotes;
};

class Consolidated {
public:
    // `stale_after` in ns, 0: quotes do not get too old. Throws InputError for an instrument that is
    // none.
    explicit Consolidated(const std::vector<Instrument>& venues = {}, i64 stale_after = 0)
        : stale_after_(stale_after) {
        for (const Instrument& instrument : venues) venues_.emplace_back(instrument);
    }

    [[nodiscard]] std::size_t venues() const { return venues_.size(); }
    [[nodiscard]] const Instrument& instrument(std::size_t venue) const {
        return venues_[venue].instrument;
    }
    [[nodiscard]] const Quotes& quotes() const { return told_; }

    // Takes a venue's rows. Throws InputError, or SizeOverflow with its row: nothing was taken.
    void push(std::size_t venue, const EventColumns& c, std::vector<BestQuote>& out) {
        check(venue, c);
        std::size_t begin = 0;
        for (std::size_t i = 0; i < c.rows; ++i) {
            if ((c.flags_at(i) & flag::kLast) == 0) continue;
            take(venue, c, begin, i + 1, out);
            begin = i + 1;
        }
        wait(venues_[venue], c, begin);
    }

    // What `push` would refuse.
    void check(std::size_t number, const EventColumns& c) const {
        const Venue& venue = venues_[number];
        EventCheck(venue.units, venue.instrument.id)
            .columns(c, venue.last_ts, false, venue.after_delete);
        for (std::size_t i = 0; i < c.rows; ++i) {
            if ((c.flags_at(i) & flag::kLast) == 0) continue;
            if (c.ts_at(i) >= now_) break;  // and so are all after it
            throw InputError("is before " + std::to_string(now_) +
                                 ", to where time has come: Reorder puts streams in order",
                             "ts", std::to_string(c.ts_at(i)), static_cast<i64>(i));
        }
        check_kind(venue.source, c);
        if (!c.depth.given()) check_room(venue, c);
    }
    // The rows of every venue, which were checked, in order of time; of equal time, of the venues.
    void take_all(const std::vector<EventColumns>& all, std::vector<BestQuote>& out) {
        std::vector<Cursor> cursors(all.size());
        for (std::size_t k = 0; k < all.size(); ++k) cursors[k].find(all[k]);
        for (;;) {
            std::size_t next = 0;
            for (std::size_t k = 1; k < all.size(); ++k) {
                if (cursors[k].ts < cursors[next].ts) next = k;
            }
            if (cursors.empty() || cursors[next].ts == Cursor::kDone) break;
            Cursor& cursor = cursors[next];
            take(next, all[next], cursor.begin, cursor.end, out);
            cursor.begin = cursor.end;
            cursor.find(all[next]);
        }
        for (std::size_t k = 0; k < all.size(); ++k) wait(venues_[k], all[k], cursors[k].begin);
    }

    // Time moves to `ts` without an event.
    void advance(i64 ts, std::vector<BestQuote>& out) {
        if (ts < now_ || ts < 0 || ts >= kMaxTime) {
            throw InputError(
                "must be from " + std::to_string(std::max<i64>(now_, 0)) + " to 2^62 ns", "ts",
                std::to_string(ts));
        }
        move_to(ts, out);
    }

    template <class V>
    void visit(V& v) {
        v(stale_after_, now_, told_, venues_);
        if constexpr (V::kReading) {
            v.require(
                stale_after_ >= 0 && stale_after_ < kMaxTime && now_ >= kNever && now_ < kMaxTime,
                "a time is out of range");
            for (Venue& venue : venues_) {
                try {
                    venue.units = venue.instrument.units();
                } catch (const InputError& error) {
                    v.fail(error.what());
                }
                v.require(venue.heard <= now_, "a venue is ahead of time");
                venue.too_old_at = expiry(venue);
                v.require(!venue.counts || stale_after_ == 0 || venue.too_old_at != kNotSoon,
                          "a quote counts that is too old");
            }
            next_too_old_ = next_too_old();
            v.require(best() == told_, "what was told is not the best quote");
        }
    }

private:
    static constexpr i64 kNever = -1;
    static constexpr i64 kNotSoon = std::numeric_limits<i64>::max();
    static constexpr std::uint16_t kStopped = status::kHalted | status::kAuction;

    // Both sides are there and not crossed.
    [[nodiscard]] static bool standing(const Quotes& q) {
        return q.bid_size > Size(0) && q.ask_size > Size(0) && q.bid <= q.ask;
    }

    // What the rows of an atomic event have said so far.
    struct Told {
        bool lost = false;      // something was, or a snapshot is pending
        bool complete = false;  // a snapshot, or a depth row
        bool book = false;      // something else than prints and status

        template <class V>
        void visit(V& v) {
            v(lost, complete, book);
        }
    };
    struct Venue {
        Instrument instrument;
        Units units;
        Source source = Source::None;
        OrderBook orders;
        LevelBook levels;
        Quotes depth;  // of the last depth row
        Told open;     // rows that wait for their LAST; the book has them already
        i64 last_ts = kNone;
        bool after_delete = false;
        bool incomplete = false;  // behind a gap, or before the first snapshot
        bool stopped = false;     // halted, or in an auction
        i64 heard = kNever;       // the time of the last book event
        i64 too_old_at = kNotSoon;
        Quotes quotes;
        bool counts = false;  // whether the quotes do

        Venue() = default;
        explicit Venue(const Instrument& own) : instrument(own), units(own.units()) {}

        [[nodiscard]] Quotes touch() const {
            return source == Source::Orders   ? quotes_of(orders)
                   : source == Source::Levels ? quotes_of(levels)
                                              : depth;
        }
        template <class V>
        void visit(V& v) {
            v(instrument, source, orders, levels, depth, open, last_ts, after_delete, incomplete,
              stopped, heard, quotes, counts);
            if constexpr (V::kReading) {
                v.require(source <= Source::Depth, "the kind of book is unknown");
                v.require(heard >= kNever && heard < kMaxTime &&
                              (last_ts == kNone || (last_ts >= 0 && last_ts < kMaxTime)),
                          "a time is out of range");
                v.require(counts || quotes == Quotes{}, "quotes are kept that do not count");
                // `stopped` may be that of a row which waits for its LAST
                v.require(!counts || (standing(quotes) && !incomplete),
                          "quotes count that are not good");
            }
        }
    };
    // The next atomic event of a venue's columns.
    struct Cursor {
        static constexpr i64 kDone = kNotSoon;

        std::size_t begin = 0;
        std::size_t end = 0;
        i64 ts = kDone;

        void find(const EventColumns& c) {
            for (end = begin; end < c.rows; ++end) {
                if ((c.flags_at(end) & flag::kLast) == 0) continue;
                ts = c.ts_at(end++);
                return;
            }
            ts = kDone;
        }
    };

    // ---- checks ----

    static void check_kind(Source source, const EventColumns& c) {
        if (c.depth.given()) {
            if (c.rows == 0 || source == Source::None || source == Source::Depth) return;
            throw InputError("a venue has one kind of book", "depth", "depth rows", 0);
        }
        for (std::size_t i = 0; i < c.rows; ++i) {
            const auto action = static_cast<Action>(c.action[i]);
            if (!fits(action, source)) {
                throw InputError("a venue has one kind of book", "action",
                                 std::string(name_of(action)), static_cast<i64>(i));
            }
            source = source_after(action, source);
        }
    }
    // Where sizes could add up to more than a level may hold, it is tried.
    static void check_room(const Venue& venue, const EventColumns& c) {
        if (venue.source == Source::Levels || venue.source == Source::Depth) return;
        if (venue.orders.total_size() + c.size_bound() <= kMaxSize) return;
        OrderBook trial = venue.orders;
        for (std::size_t i = 0; i < c.rows; ++i) {
            const Event e = c.event(i);
            if (source_after(e.action, Source::None) == Source::Levels) return;
            try {
                trial.apply(e);
            } catch (const SizeOverflow& overflow) {
                throw SizeOverflow(overflow.what(), static_cast<i64>(i));
            }
        }
    }

    // ---- events ----

    // One atomic event, rows [begin, end).
    void take(std::size_t number, const EventColumns& c, std::size_t begin, std::size_t end,
              std::vector<BestQuote>& out) {
        const i64 ts = c.ts_at(end - 1);
        move_to(ts, out);
        Venue& venue = venues_[number];
        for (std::size_t i = begin; i < end; ++i) apply(venue, c, i);
        const Told told = venue.open;
        venue.open = {};
        if (told.lost || told.complete) venue.incomplete = !told.complete;
        if (told.book) {
            venue.heard = ts;
            venue.too_old_at = expiry(venue);
            next_too_old_ = next_too_old();
        }
        const bool fresh =
            stale_after_ == 0 || (venue.heard != kNever && ts - venue.heard <= stale_after_);
        const Quotes quotes = venue.touch();
        const bool good = standing(quotes) && !venue.incomplete && !venue.stopped;
        set(venue, quotes, good && fresh, ts, out);
    }
    // Rows from `begin` on, which wait for their LAST.
    static void wait(Venue& venue, const EventColumns& c, std::size_t begin) {
        for (std::size_t i = begin; i < c.rows; ++i) apply(venue, c, i);
    }
    static void apply(Venue& venue, const EventColumns& c, std::size_t row) {
        const Event e = c.event(row);
        venue.last_ts = e.ts.raw;
        venue.after_delete = e.action == Action::Delete;
        if (e.has(flag::kGap)) venue.open.lost = true;
        if (e.has(flag::kSnapshot)) venue.open.complete = true;
        if (e.action == Action::Status) {
            if ((e.size.raw & status::kSnapshotPending) != 0) venue.open.lost = true;
            venue.stopped = (e.size.raw & kStopped) != 0;
        } else if (e.action != Action::Trade) {
            venue.open.book = true;
        }
        if (c.depth.given()) {
            venue.source = Source::Depth;
            venue.open.complete = true;
            venue.depth = {Price(c.depth.bid_price.row(row)[0]), Size(c.depth.bid_size.row(row)[0]),
                           Price(c.depth.ask_price.row(row)[0]),
                           Size(c.depth.ask_size.row(row)[0])};
            return;
        }
        venue.source = source_after(e.action, venue.source);
        if (venue.source == Source::Orders) {
            venue.orders.apply(e);
        } else if (venue.source == Source::Levels) {
            venue.levels.apply(e);
        }
    }

    void move_to(i64 ts, std::vector<BestQuote>& out) {
        while (next_too_old_ <= ts) {
            const auto first = std::min_element(
                venues_.begin(), venues_.end(),
                [](const Venue& a, const Venue& b) { return a.too_old_at < b.too_old_at; });
            const i64 then = std::exchange(first->too_old_at, kNotSoon);
            set(*first, {}, false, then, out);
            next_too_old_ = next_too_old();
        }
        now_ = ts;
    }
    // When a venue's quotes get too old, if that is yet to come.
    [[nodiscard]] i64 expiry(const Venue& venue) const {
        if (stale_after_ == 0 || venue.heard == kNever) return kNotSoon;
        const i64 at = venue.heard + stale_after_ + 1;
        return at > now_ ? at : kNotSoon;
    }
    [[nodiscard]] i64 next_too_old() const {
        i64 next = kNotSoon;
        for (const Venue& venue : venues_) next = std::min(next, venue.too_old_at);
        return next;
    }

    void set(Venue& venue, const Quotes& quotes, bool counts, i64 ts, std::vector<BestQuote>& out) {
        const bool same = counts == venue.counts && (!counts || quotes == venue.quotes);
        venue.counts = counts;
        venue.quotes = counts ? quotes : Quotes{};
        if (same) return;
        const Quotes now = best();
        if (now == told_) return;
        told_ = now;
        out.push_back({ts, now});
    }
    // The best prices over the venues that count; at the same price sizes add up, to the largest that
    // there can be.
    [[nodiscard]] Quotes best() const {
        Quotes out;
        const auto more = [](Size& sum, Size size) { sum = std::min(sum + size, Size(kMaxSize)); };
        for (const Venue& venue : venues_) {
            if (!venue.counts) continue;
            const Quotes& q = venue.quotes;
            if (!out.has_bid() || q.bid > out.bid) {
                out.bid = q.bid;
                out.bid_size = q.bid_size;
            } else if (q.bid == out.bid) {
                more(out.bid_size, q.bid_size);
            }
            if (!out.has_ask() || q.ask < out.ask) {
                out.ask = q.ask;
                out.ask_size = q.ask_size;
            } else if (q.ask == out.ask) {
                more(out.ask_size, q.ask_size);
            }
        }
        return out;
    }

    i64 stale_after_;
    std::vector<Venue> venues_;
    i64 now_ = kNever;
    i64 next_too_old_ = kNotSoon;
    Quotes told_;
};

}  // namespace bookflow
