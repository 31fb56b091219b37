// A book over columns: events in, the best quotes or the best levels after each of them out.
#pragma once

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

// The touch after every event, read from both sides: which one changed nobody can guess.
class BestQuotes {
public:
    template <class Book>
    BestQuotes(const Book&, const TopColumns& out) : out_(out) {}
    template <class Book>
    [[gnu::always_inline]] void after(const Book& book, const Change&, std::size_t row) {
        const auto& bid = book.bids().touch();
        const auto& ask = book.asks().touch();
        out_.bid_price[row] = bid.price.raw;
        out_.bid_size[row] = bid.size.raw;
        out_.ask_price[row] = ask.price.raw;
        out_.ask_size[row] = ask.size.raw;
    }

private:
    const TopColumns out_;
};

// The best levels after every event: the row before, with what changed written over. Where N is not
// 0 it is the number of levels, and rows are copied without a loop.
template <int N>
class BestLevels {
public:
    template <class Book>
    BestLevels(const Book& book, const TopColumns& out) : out_(out) {
        depth_of(book, out.levels, depth_);
    }
    template <class Book>
    [[gnu::always_inline]] void after(const Book& book, const Change& change, std::size_t row) {
        const auto n = static_cast<std::size_t>(levels());
        const std::size_t at = row * n;
        if (row == 0 || (change.any && change.side == Side::None)) {
            depth_of(book, levels(), depth_);
            for (const bool ask : {false, true}) write({}, ask, at);
            return;
        }
        for (i64* column : {out_.bid_price, out_.bid_size, out_.ask_price, out_.ask_size}) {
            // One by one: a vector would wait for the number that was just written over in it.
            for (std::size_t i = at; i < at + n; ++i) column[i] = apart(Price(column[i - n])).raw;
        }
        if (!change.any) return;
        // One path for both sides: which it is nobody can guess.
        const bool ask = __builtin_expect_with_probability(change.side == Side::Ask, 1, 0.5);
        write(refresh(book.side(change.side), change, levels(), ask ? depth_.asks : depth_.bids,
                      ask ? depth_.ask : depth_.bid),
              ask, at);
    }

private:
    [[nodiscard]] int levels() const { return N != 0 ? N : out_.levels; }

    [[gnu::always_inline]] void write(LevelRange changed, bool ask, std::size_t at) const {
        const auto& side = ask ? depth_.ask : depth_.bid;
        const int held = ask ? depth_.asks : depth_.bids;
        i64* price = (ask ? out_.ask_price : out_.bid_price) + at;
        i64* size = (ask ? out_.ask_size : out_.bid_size) + at;
        for (int i = changed.from; i < std::min(changed.to, levels()); ++i) {
            const PriceLevel level = i < held ? side[static_cast<std::size_t>(i)] : PriceLevel{};
            price[i] = level.price.raw;
            size[i] = level.size.raw;
        }
    }

    const TopColumns out_;
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
        c.look_ahead(i);
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
        if (out.levels == 5)
            return detail::replay<detail::BestLevels<5>>(book, columns, c.rows, out);
        if (out.levels == 10)
            return detail::replay<detail::BestLevels<10>>(book, columns, c.rows, out);
        return detail::replay<detail::BestLevels<0>>(book, columns, c.rows, out);
    });
}

}  // namespace bookflow
