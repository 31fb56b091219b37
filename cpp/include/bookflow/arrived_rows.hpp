// Events as they arrive at a stage or a queue: columns, and with them what a book does not read.
#pragma once

#include "bookflow/event_columns.hpp"

namespace bookflow {

// Rows as they arrived, with what a book does not read.
struct ArrivedRows {
    EventColumns events;
    Column<i64> ts_venue{};            // not given: none
    Column<std::uint8_t> own_depth{};  // whether the depth row is this row's; not given: it is

    [[nodiscard]] bool last(std::size_t row) const {
        return (events.flags_at(row) & flag::kLast) != 0;
    }
    [[nodiscard]] bool has_depth(std::size_t row) const {
        return events.depth.given() && (!own_depth.given() || own_depth[row] != 0);
    }
    [[nodiscard]] bool has_venue_time(std::size_t row) const {
        return ts_venue.given() && ts_venue[row] != kNone;
    }
    [[nodiscard]] Event event(std::size_t row) const {
        Event e = events.event(row);
        if (ts_venue.given()) e.ts_venue = Nanos(ts_venue[row]);
        if (events.instrument.given()) e.instrument = events.instrument[row];
        return e;
    }
};

}  // namespace bookflow
