// Everything about a chunk of events that can be refused is refused here, before any of it is
// applied: field rules, the kind of book, rows without end, atomic events without end.
#pragma once

#include <string>
#include <vector>

#include "bookflow/event_check.hpp"
#include "bookflow/pipeline_settings.hpp"
#include "bookflow/row_clock.hpp"

namespace bookflow {

// What a pipeline's book is made of; the first event that speaks of a book decides.
enum class Source : std::uint8_t { None, Orders, Levels, Depth };

[[nodiscard]] inline Source source_after(Action action, Source before) {
    switch (action) {
        case Action::Add:
        case Action::Cancel:
        case Action::Delete:
        case Action::Modify: return Source::Orders;
        case Action::Execute: return before == Source::Depth ? before : Source::Orders;
        case Action::Level:
        case Action::Quote: return Source::Levels;
        default: return before;
    }
}

// Whether an action speaks of a book of this kind, or of none. Prints and executions come beside depth
// rows; what else changes a book does not.
[[nodiscard]] inline bool fits(Action action, Source source) {
    const bool changes_book =
        action != Action::Trade && action != Action::Execute && action != Action::Status;
    if (source == Source::Depth) return !changes_book;
    return source == Source::None || source_after(action, source) == source;
}

// Events that wait for the LAST of their atomic event.
struct Pending {
    static constexpr std::size_t kMost = std::size_t{1} << 24;

    std::vector<Event> events;
    i128 size = 0;          // of all of them
    bool snapshot = false;  // one of them is a snapshot's

    [[nodiscard]] bool empty() const { return events.empty(); }
    void push(const Event& e) {
        events.push_back(e);
        size += e.size.raw;
        snapshot = snapshot || e.has(flag::kSnapshot);
    }
    void clear() {
        events.clear();
        size = 0;
        snapshot = false;
    }
};

class ChunkCheck {
public:
    // Where the pipeline stands.
    struct Position {
        Source source;
        i64 last_ts;  // of the last event, pending ones included
        i64 now;      // to where time was moved
        SessionSchedule::Interval interval;
        bool last_was_delete;
    };

    ChunkCheck(const PipelineSettings& settings, const Units& units, const RowClock& clock,
               int levels, const Pending& pending, const Position& position)
        : settings_(settings),
          units_(units),
          clock_(clock),
          levels_(levels),
          pending_(pending),
          at_(position) {}

    void events(const EventColumns& c) const {
        const bool after_delete = pending_.empty()
                                      ? at_.last_was_delete
                                      : pending_.events.back().action == Action::Delete;
        EventCheck(units_, settings_.instrument.id)
            .columns(c, at_.last_ts, settings_.as_is, after_delete);
        source(c);
        if (clock_.on_grid()) rows(c);
        if (pending_.events.size() + c.rows > Pending::kMost) pending(c);
    }

    // One event: the same rules.
    void event(const Event& e) const {
        const bool after_delete = pending_.empty()
                                      ? at_.last_was_delete
                                      : pending_.events.back().action == Action::Delete;
        EventCheck(units_, settings_.instrument.id)
            .event(e, 0, at_.last_ts, settings_.as_is, after_delete, false);
        (void)next(e.action, at_.source, 0);
        const i64 ts = std::max(at_.last_ts, e.ts.raw);
        if (clock_.anchored() && e.has(flag::kLast)) row_limit(at_.now, ts, at_.interval, 0);
        if (pending_.events.size() >= Pending::kMost && !e.has(flag::kLast)) endless(e.flags, 0);
    }

    // Time passes without an event.
    void time(i64 ts) const {
        if (clock_.anchored()) row_limit(at_.now, ts, at_.interval, -1);
    }

private:
    void source(const EventColumns& c) const {
        Source source = at_.source;
        if (c.depth.given()) {
            if (c.rows > 0 && source != Source::None && source != Source::Depth) {
                throw InputError(mixing(source), "depth", "depth rows", 0);
            }
            if (c.depth.levels < levels_) {
                throw InputError(
                    "the features need " + std::to_string(levels_) + " levels of each side",
                    "depth", std::to_string(c.depth.levels) + " levels");
            }
            return;
        }
        if (all_of_one_kind(c)) return;
        for (std::size_t i = 0; i < c.rows; ++i) {
            source = next(static_cast<Action>(c.action[i]), source, i);
        }
    }
    // Returns what the book is made of after an action, which must fit what it is made of now.
    static Source next(Action action, Source source, std::size_t row) {
        if (!fits(action, source)) {
            throw InputError(mixing(source), "action", std::string(name_of(action)),
                             static_cast<i64>(row));
        }
        return source_after(action, source);
    }
    // Actions that speak of orders only, or of levels only, fit a book of that kind or a new one.
    [[nodiscard]] bool all_of_one_kind(const EventColumns& c) const {
        const auto bit = [](Action action) { return 1U << static_cast<unsigned>(action); };
        const unsigned orders = bit(Action::Add) | bit(Action::Cancel) | bit(Action::Delete) |
                                bit(Action::Modify) | bit(Action::Execute);
        const unsigned levels = bit(Action::Level) | bit(Action::Quote);
        unsigned seen = 0;
        for (std::size_t i = 0; i < c.rows; ++i) seen |= 1U << c.action[i];
        return at_.source == Source::Orders   ? (seen & levels) == 0
               : at_.source == Source::Levels ? (seen & orders) == 0
               : at_.source == Source::None   ? (seen & levels) == 0 || (seen & orders) == 0
                                              : false;
    }
    [[nodiscard]] static std::string mixing(Source source) {
        const char* fed = source == Source::Orders   ? "orders (L3)"
                          : source == Source::Levels ? "levels and quotes (L2, L1)"
                                                     : "depth rows";
        return std::string("does not fit: this pipeline's book is made of ") + fed;
    }

    // Time moves at the LAST of each atomic event; a session's grid begins at its first event that
    // is no snapshot.
    void rows(const EventColumns& c) const {
        if (few_rows(c)) return;
        i64 moved = at_.now;
        i64 ts = at_.last_ts;
        SessionSchedule::Interval part = at_.interval;
        bool anchored = clock_.anchored();
        bool snapshot = pending_.snapshot;
        for (std::size_t i = 0; i < c.rows; ++i) {
            const std::uint16_t flags = c.flags_at(i);
            ts = std::max(ts, c.ts[i]);
            snapshot = snapshot || (flags & flag::kSnapshot) != 0;
            if ((flags & flag::kLast) == 0) continue;
            if (anchored) row_limit(moved, ts, part, static_cast<i64>(i));
            if (ts >= part.end || ts < part.begin) {
                part = settings_.session.at(ts);
                anchored = false;
            }
            anchored = anchored || (!snapshot && part.inside);
            snapshot = false;
            moved = ts;
        }
    }
    // Where all rows of the chunk together are not too many, none of its events writes too many.
    [[nodiscard]] bool few_rows(const EventColumns& c) const {
        i64 last = at_.last_ts;
        if (settings_.as_is) {
            for (std::size_t i = 0; i < c.rows; ++i) last = std::max(last, c.ts[i]);
        } else if (c.rows > 0) {
            last = c.ts[c.rows - 1];
        }
        const i64 first = at_.now != kNone ? at_.now : c.rows > 0 ? c.ts[0] : last;
        return clock_.points(first, last) <= settings_.max_rows;
    }
    void row_limit(i64 from, i64 to, const SessionSchedule::Interval& part, i64 at_row) const {
        if (!clock_.far_apart(from, to) ||
            clock_.points(from, std::min(to, part.end)) <= settings_.max_rows) {
            return;
        }
        throw InputError("more than max_rows = " + std::to_string(settings_.max_rows) +
                             " rows would lie between " + std::to_string(from) + " and this time",
                         "ts", std::to_string(to), at_row);
    }
    void pending(const EventColumns& c) const {
        std::size_t open = pending_.events.size();
        for (std::size_t i = 0; i < c.rows; ++i) {
            open = (c.flags_at(i) & flag::kLast) != 0 ? 0 : open + 1;
            if (open > Pending::kMost) endless(c.flags_at(i), i);
        }
    }
    [[noreturn]] static void endless(std::uint16_t flags, std::size_t row) {
        throw InputError("2^24 events without a LAST are no atomic event", "flags",
                         std::to_string(flags), static_cast<i64>(row));
    }

    const PipelineSettings& settings_;
    const Units& units_;
    const RowClock& clock_;
    int levels_;
    const Pending& pending_;
    Position at_;
};

}  // namespace bookflow
