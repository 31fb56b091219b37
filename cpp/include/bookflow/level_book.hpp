// L2: a book of sizes at prices, driven by LEVEL and QUOTE events.
#pragma once

#include "bookflow/content_hash.hpp"
#include "bookflow/faults.hpp"
#include "bookflow/ladder.hpp"

namespace bookflow {

class LevelBook {
public:
    using Level = PriceLevel;

    // Out of line, so that a pipeline's loop over orders stays short; `set` is what loops inline.
    [[gnu::noinline]] Change apply(const Event& e) {
        switch (e.action) {
            case Action::Level: return set(e.side, e.price, e.size);
            case Action::Quote:
                if (e.side == Side::None) return {};
                ladder(e.side).clear();
                if (e.price != kNoPrice && e.size > Size(0)) set(e.side, e.price, e.size);
                return Change::of(e.side, kNoPrice);
            case Action::Clear: return clear(e.side);
            default: return {};
        }
    }

    Change set(Side s, Price price, Size size) {
        Ladder<Level>& mine = ladder(s);
        if (size == Size(0)) {
            if (!mine.erase_if_there(price)) return {};  // to remove an absent level is normal
        } else {
            Level& level = mine.add(price);
            if (level.size == size) return {};
            level.size = size;
        }
        return Change::of(s, price);
    }

    Change clear(Side s) {
        if (s != Side::Ask) sides_[0].clear();
        if (s != Side::Bid) sides_[1].clear();
        return Change::of(s, kNoPrice);
    }

    [[nodiscard]] const Ladder<Level>& bids() const { return sides_[0]; }
    [[nodiscard]] const Ladder<Level>& asks() const { return sides_[1]; }
    // By arithmetic: which side comes next nobody can guess.
    [[nodiscard]] const Ladder<Level>& side(Side s) const { return sides_[s == Side::Ask]; }
    [[nodiscard]] const Faults& faults() const { return faults_; }

    [[nodiscard]] u64 content_hash() const {
        ContentHash hash;
        for (const Side s : {Side::Bid, Side::Ask}) {
            const Ladder<Level>& ladder = side(s);
            hash.add(static_cast<i64>(s));
            hash.add(ladder.size());
            ladder.from_best([&](const Level& level) {
                hash.add(level.price.raw);
                hash.add(level.size.raw);
                return true;
            });
        }
        return hash.value();
    }
    // Empty when every invariant holds, else the first that does not.
    [[nodiscard]] std::string check() const {
        if (const std::string fault = sides_[0].check(); !fault.empty()) return "bid: " + fault;
        if (const std::string fault = sides_[1].check(); !fault.empty()) return "ask: " + fault;
        return {};
    }

    template <class V>
    void visit(V& v) {
        v(sides_[0], sides_[1], faults_);
        if constexpr (V::kReading) v.require(check().empty(), "a book is inconsistent");
    }

private:
    [[nodiscard]] Ladder<Level>& ladder(Side s) { return sides_[s == Side::Ask]; }

    std::array<Ladder<Level>, 2> sides_{Ladder<Level>(Side::Bid), Ladder<Level>(Side::Ask)};
    Faults faults_;  // a set of levels knows none; here so that both books answer alike
};

// What both kinds of book tell.
template <class Book>
[[nodiscard, gnu::always_inline]] inline Quotes quotes_of(const Book& book) {
    const auto& bid = book.bids().touch();
    const auto& ask = book.asks().touch();
    return {apart(bid.price), bid.size, apart(ask.price), ask.size};
}

template <class Book>
void depth_of(const Book& book, int levels, Depth& out) {
    out.bids = book.bids().copy_top(levels, out.bid);
    out.asks = book.asks().copy_top(levels, out.ask);
    out.changed = {};
}

// Brings the best levels of one side up to date after a change of it; returns which of them changed.
template <class Ladder>
[[nodiscard]] LevelRange refresh(const Ladder& ladder, const Change& change, int levels, int& n,
                                 std::array<PriceLevel, kMaxLevels>& out) {
    if (change.price != kNoPrice) {
        if (n == levels &&
            ladder.better(out[static_cast<std::size_t>(n - 1)].price, change.price)) {
            return LevelRange::none();  // behind the last that is looked at
        }
        int from = 0;  // counted, not searched: where changes fall nobody can guess
        for (int i = 0; i < n; ++i) {
            from += ladder.better(apart(out[static_cast<std::size_t>(i)].price), change.price);
        }
        const auto at = static_cast<std::size_t>(from);
        if (!change.deeper && from < n && out[at].price == change.price) {
            if (const auto* level = ladder.find(change.price); level != nullptr) {
                out[at].size = level->size;
                return {from, from + 1};
            }
        }
        n = ladder.copy_top(levels, out);
        return {from, kMaxLevels};
    }
    n = ladder.copy_top(levels, out);
    return {};
}

}  // namespace bookflow
