// What the targets of saved states have in common: events to save and to go on with, and bytes that are
// refused or say themselves again. There is no envelope, so that no checksum stands before what is read.
#pragma once

#include "bookflow/event_columns.hpp"
#include "bookflow/state.hpp"
#include "fuzz.hpp"

namespace fuzz {

using namespace bookflow;

template <class T>
[[nodiscard]] std::string body_of(const T& object) {
    StateWriter writer;
    writer(object);
    return writer.take();
}

[[nodiscard]] inline std::vector<Event> some_events(i64 from, bool orders) {
    std::vector<Event> out;
    for (int i = 0; i < 40; ++i) {
        Event e;
        e.ts = Nanos(from + i64{250'000'000} * i);
        e.side = i % 2 == 0 ? Side::Bid : Side::Ask;
        e.price = Price(10'000 + (i % 2 == 0 ? -1 : 1) * (1 + i % 5));
        e.size = Size(1 + i % 9);
        e.action = orders ? Action::Add : Action::Level;
        if (orders) e.order_id = OrderId{static_cast<u64>(i + 1)};
        if (i % 7 == 3) {
            e.action = Action::Trade;
            e.order_id = kNoOrder;
        }
        if (orders && i % 11 == 10) {
            e.action = Action::Execute;
            e.order_id = OrderId{static_cast<u64>(i - 8)};
        }
        if (i % 13 == 5) e.flags = 0;
        out.push_back(e);
    }
    return out;
}

// Refused, or the same when saved again.
template <class T>
[[nodiscard]] bool restored(std::string_view body, T& object) {
    try {
        StateReader reader(body);
        reader(object);
        reader.finish();
    } catch (const StateError&) {
        return false;
    }
    const std::string saved = body_of(object);
    T again;
    StateReader reader(saved);
    reader(again);
    reader.finish();
    require(body_of(again) == saved, "a state saves as itself");
    return true;
}

}  // namespace fuzz
