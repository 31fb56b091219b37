// A book over columns: events in, the best quotes or the best levels after each of them out.
#pragma once

#include <cstring>

#include "bookflow/event_columns.hpp"
#include "bookflow/level_book.hpp"
#include "bookflow/order_book.hpp"

namespace bookflow {

// (rows, levels) tables, row after row without gaps; a missing level has price kNone and size 0.
struct TopColumns {
    int levels = 0;
    i64* bid_price = nullptr;
    i64* bid_size = nullptr;
    i64* ask_price = nullptr;
    i64* ask_size = nullptr;
};

namespace detail {

// The touch after every event. Only the side that an event names can have changed.
class BestQuotes {
public:
    template <class Book>
    BestQuotes(const Book& book, const TopColumns& out) : out_(out) {
        write(Side::Bid, book.bids().touch());
        write(Side::Ask, book.asks().touch());
    }
    template <class Book>
    [[gnu::always_inline]] void after(const Book& book, const Change& change, std::size_t row) {
        if (change.any) {
            if (change.side != Side::Ask) write(Side::Bid, book.bids().touch());
            if (change.side != Side::Bid) write(Side::Ask, book.asks().touch());
        }
        out_.bid_price[row] = price_[0];
        out_.bid_size[row] = size_[0];
        out_.ask_price[row] = price_[1];
        out_.ask_size[row] = size_[1];
    }

private:
    template <class Level>
    [[gnu::always_inline]] void write(Side side, const Level& touch) {
        price_[side == Side::Ask] = touch.price.raw;
        size_[side == Side::Ask] = touch.size.raw;
    }

    const TopColumns& out_;
    std::array<i64, 2> price_;
    std::array<i64, 2> size_;
};

// The best levels after every event: the row before, with what changed written over.
class BestLevels {
public:
    template <class Book>
    BestLevels(const Book& book, const TopColumns& out) : out_(out) {
        depth_of(book, out.levels, depth_);
    }
    template <class Book>
    [[gnu::always_inline]] void after(const Book& book, const Change& change, std::size_t row) {
        LevelRange bid = LevelRange::none();
        LevelRange ask = LevelRange::none();
        if (change.any && change.side != Side::Ask) {
            bid = refresh(book.bids(), change, out_.levels, depth_.bids, depth_.bid);
        }
        if (change.any && change.side != Side::Bid) {
            ask = refresh(book.asks(), change, out_.levels, depth_.asks, depth_.ask);
        }
        const bool first = row == 0;
        write(first, bid, depth_.bid, depth_.bids, out_.bid_price, out_.bid_size, row);
        write(first, ask, depth_.ask, depth_.asks, out_.ask_price, out_.ask_size, row);
    }

private:
    [[gnu::always_inline]] void write(bool whole, LevelRange changed,
                                      const std::array<PriceLevel, kMaxLevels>& side, int levels,
                                      i64* price, i64* size, std::size_t row) const {
        const auto n = static_cast<std::size_t>(out_.levels);
        price += row * n;
        size += row * n;
        if (whole) {
            changed = {};
        } else {
            std::memcpy(price, price - n, n * sizeof(i64));
            std::memcpy(size, size - n, n * sizeof(i64));
        }
        for (int i = changed.from; i < std::min(changed.to, out_.levels); ++i) {
            const PriceLevel level = i < levels ? side[static_cast<std::size_t>(i)] : PriceLevel{};
            price[i] = level.price.raw;
            size[i] = level.size.raw;
        }
    }

    const TopColumns& out_;
    Depth depth_;
};

struct Nothing {
    template <class Book>
    Nothing(const Book&, const TopColumns&) {}
    template <class Book>
    void after(const Book&, const Change&, std::size_t) {}
};

template <class Top, class Columns>
void replay(LevelBook& book, const Columns& c, std::size_t rows, const TopColumns& out) {
    Top top(book, out);
    for (std::size_t i = 0; i < rows; ++i) {
        const auto action = static_cast<Action>(c.action[i]);
        const Change change = action == Action::Level ? book.set(static_cast<Side>(c.side[i]),
                                                                 Price(c.price[i]), Size(c.size[i]))
                                                      : book.apply(event_of(c, i));
        top.after(book, change, i);
    }
}

template <class Top, class Columns>
void replay(OrderBook& book, const Columns& c, std::size_t rows, const TopColumns& out) {
    Top top(book, out);
    constexpr std::size_t ahead = OrderBook::kAhead;
    for (std::size_t i = 0; i < rows; ++i) {
        c.look_ahead(i);
        if (i + ahead < rows && book.wants_look_ahead()) {
            book.look_ahead([&](std::size_t k) { return OrderId{c.id_at(i + k)}; });
        }
        const Change change =
            book.apply(static_cast<Action>(c.action[i]), static_cast<Side>(c.side[i]),
                       Price(c.price[i]), Size(c.size[i]), OrderId{c.id_at(i)});
        top.after(book, change, i);
    }
}

}  // namespace detail

// Applies every row, which must have been checked, and writes the book after each: nothing where
// out.levels is 0, the best quotes where it is 1, else the best levels.
template <class Book>
void replay(Book& book, const EventColumns& c, const TopColumns& out = {}) {
    c.visit([&](const auto& columns) {
        if (out.levels == 0) return detail::replay<detail::Nothing>(book, columns, c.rows, out);
        if (out.levels == 1) return detail::replay<detail::BestQuotes>(book, columns, c.rows, out);
        return detail::replay<detail::BestLevels>(book, columns, c.rows, out);
    });
}

}  // namespace bookflow
