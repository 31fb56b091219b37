// Saved books, a stage of Reorder and a Consolidated: refused, or a state that saves as itself and goes on.
#include "bookflow/consolidated.hpp"
#include "bookflow/reorder.hpp"
#include "saved.hpp"

using namespace bookflow;
using fuzz::body_of;
using fuzz::restored;
using fuzz::some_events;

namespace {

EventColumns columns_of(const std::vector<Event>& events) {
    return EventColumns::of(events.front(), events.size());
}

template <class Book>
void book(std::string_view body, bool orders) {
    Book own;
    if (!restored(body, own)) return;
    fuzz::require(own.check().empty(), "a restored book's invariants");
    for (const Event& e : some_events(0, orders)) {
        try {
            own.apply(e);
        } catch (const SizeOverflow&) {
        }
    }
    fuzz::require(own.check().empty(), "a book's invariants");
}

void stage(std::string_view body) {
    Reorder own;
    if (!restored(body, own)) return;
    const auto events = some_events(500, false);
    OrderedRows out;
    try {
        own.push({columns_of(events)}, 1, out);
        own.advance(3'000'000'000, out);
        own.flush(out);
    } catch (const InputError&) {
    }
    i64 last = kNone;
    for (const Event& e : out.events) {
        fuzz::require(e.ts.raw >= last, "what is released is in order");
        last = e.ts.raw;
    }
    fuzz::require(out.depth[0].size() == out.events.size() * own.levels(), "a depth row a row");
}

void venues(std::string_view body) {
    Consolidated own;
    if (!restored(body, own) || own.venues() == 0) return;
    std::vector<BestQuote> out;
    for (const bool orders : {true, false}) {
        const auto events = some_events(500, orders);
        try {
            own.push(own.venues() - 1, columns_of(events), out);
        } catch (const InputError&) {
        } catch (const SizeOverflow&) {
        }
    }
    for (const BestQuote& best : out) {
        fuzz::require(best.quotes.bid_size.raw >= 0 && best.quotes.bid_size.raw <= kMaxSize,
                      "a size is one");
    }
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
    std::vector<std::string> out;
    const auto add = [&](char which, const auto& object) {
        out.push_back(which + body_of(object));
    };
    OrderBook orders;
    LevelBook levels;
    for (const Event& e : some_events(0, true)) orders.apply(e);
    for (const Event& e : some_events(0, false)) levels.apply(e);
    add('\0', orders);
    add('\1', levels);
    Reorder stage({3'000'000'000, false, 1'000});
    OrderedRows rows;
    const auto late = some_events(0, false);
    stage.push({columns_of(late)}, 0, rows);
    add('\2', stage);
    Consolidated best({Instrument{}, Instrument{}}, 2'000'000'000);
    std::vector<BestQuote> quotes;
    best.push(0, columns_of(late), quotes);
    const auto other = some_events(10'000'000'000, true);
    best.push(1, columns_of(other), quotes);
    add('\3', best);
    return out;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Bytes bytes(data, size);
    const std::size_t which = bytes.below(4);
    const std::string_view body = bytes.rest();
    switch (which) {
        case 0: book<OrderBook>(body, true); break;
        case 1: book<LevelBook>(body, false); break;
        case 2: stage(body); break;
        default: venues(body);
    }
    return 0;
}
