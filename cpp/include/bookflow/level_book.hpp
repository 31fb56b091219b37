// L2: a book of sizes at prices, driven by LEVEL and QUOTE events.
#pragma once

#include "bookflow/content_hash.hpp"
#include "bookflow/faults.hpp"
#include "bookflow/ladder.hpp"

namespace bookflow {

class LevelBook {
public:
    using Level = PriceLevel;

    // Applies one event; returns the best level that changed (kUnchanged: none).
    int apply(const Event& e) {
        switch (e.action) {
            case Action::Level: return set(e.side, e.price, e.size);
            case Action::Quote: {
                if (e.side == Side::None) return kUnchanged;
                Ladder<Level>& ladder = side(e.side);
                ladder.clear();
                if (e.price != kNoPrice && e.size > Size(0)) ladder.insert(0, {e.price, e.size});
                return 0;
            }
            case Action::Clear: return clear(e.side);
            default: return kUnchanged;
        }
    }

    int set(Side s, Price price, Size size) {
        Ladder<Level>& ladder = side(s);
        const int i = ladder.find(price);
        if (ladder.has(i, price)) {
            if (size == Size(0)) {
                ladder.erase(i);
            } else {
                if (ladder[i].size == size) return kUnchanged;
                ladder[i].size = size;
            }
            return i;
        }
        if (size == Size(0)) return kUnchanged;  // removing an absent level is normal
        ladder.insert(i, {price, size});
        return i;
    }

    int clear(Side s) {
        if (s != Side::Ask) bids_.clear();
        if (s != Side::Bid) asks_.clear();
        return 0;
    }

    [[nodiscard]] const Ladder<Level>& bids() const { return bids_; }
    [[nodiscard]] const Ladder<Level>& asks() const { return asks_; }
    [[nodiscard]] const Faults& faults() const { return faults_; }

    [[nodiscard]] u64 content_hash() const {
        ContentHash hash;
        for (const Side s : {Side::Bid, Side::Ask}) {
            const Ladder<Level>& ladder = s == Side::Bid ? bids_ : asks_;
            hash.add(static_cast<i64>(s));
            hash.add(ladder.size());
            for (int i = 0; i < ladder.size(); ++i) {
                hash.add(ladder[i].price.raw);
                hash.add(ladder[i].size.raw);
            }
        }
        return hash.value();
    }
    // Empty when every invariant holds, else the first that does not.
    [[nodiscard]] std::string check() const {
        if (const std::string fault = bids_.check(); !fault.empty()) return "bid: " + fault;
        if (const std::string fault = asks_.check(); !fault.empty()) return "ask: " + fault;
        return {};
    }

    template <class V>
    void visit(V& v) {
        v(bids_, asks_, faults_);
        if constexpr (V::kReading) v.require(check().empty(), "a book is inconsistent");
    }

private:
    [[nodiscard]] Ladder<Level>& side(Side s) { return s == Side::Bid ? bids_ : asks_; }

    Ladder<Level> bids_{Side::Bid};
    Ladder<Level> asks_{Side::Ask};
    Faults faults_;  // a set of levels knows none; here so that both books answer alike
};

// What both kinds of book tell.
template <class Book>
[[nodiscard]] Quotes quotes_of(const Book& book) {
    Quotes out;
    if (!book.bids().empty()) {
        out.bid = book.bids()[0].price;
        out.bid_size = book.bids()[0].size;
    }
    if (!book.asks().empty()) {
        out.ask = book.asks()[0].price;
        out.ask_size = book.asks()[0].size;
    }
    return out;
}

template <class Book>
void depth_of(const Book& book, int levels, Depth& out) {
    out.bids = book.bids().copy_top(levels, out.bid);
    out.asks = book.asks().copy_top(levels, out.ask);
}

}  // namespace bookflow
