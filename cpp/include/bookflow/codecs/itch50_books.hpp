// The sink of a feed that keeps a book of orders a stock and writes the best quotes after every
// message that speaks of a book: bytes to quotes without events in between.
//
// With thousands of stocks every message is another book's and waits for memory four times: for the
// book, the place of the id, the order, the level. What comes is known from the block of messages
// that was framed, so each is asked for ahead of time.
#pragma once

#include "bookflow/codecs/itch50_feed.hpp"
#include "bookflow/order_book.hpp"

namespace bookflow::itch50 {

struct QuoteRows {
    i64* ts = nullptr;
    std::uint32_t* instrument = nullptr;
    i64* bid_price = nullptr;
    i64* bid_size = nullptr;
    i64* ask_price = nullptr;
    i64* ask_size = nullptr;
    std::size_t room = 0;
    std::size_t rows = 0;
};

class Books {
public:
    static constexpr bool kTape = false;

    // Only where one of the four numbers changed.
    explicit Books(bool changes) : changes_(changes) {}

    void write_to(const QuoteRows& out) { out_ = out; }
    [[nodiscard]] std::size_t rows() const { return out_.rows; }
    [[nodiscard]] const OrderBook* book(std::uint16_t locate) const {
        return books_[locate] == nullptr ? nullptr : &books_[locate]->book;
    }
    [[nodiscard]] Faults faults() const {
        Faults all;
        for (const auto& held : books_) {
            if (held == nullptr) continue;
            for (std::size_t i = 0; i < kFaults; ++i) {
                all.count(static_cast<Fault>(i), held->book.faults().counts()[i]);
            }
        }
        return all;
    }

    [[nodiscard]] bool full() const { return out_.rows >= out_.room; }

    [[gnu::always_inline]] void look_ahead(const Byte* from, const std::uint32_t* starts,
                                           std::size_t i, std::size_t n) const {
        // The last message may end where the input does: an id may not be read from it unseen.
        if (i + kBook + 1 >= n) return;
        const auto book_of = [&](std::size_t k) {
            return books_[itch50::locate_of(from + starts[i + k])].get();
        };
        const auto id_of = [&](std::size_t k) {
            return OrderId{big<u64>(from + starts[i + k] + Layout::kHead)};
        };
        const Held* far = book_of(kBook);
        if (far != nullptr) {
            __builtin_prefetch(far);
            __builtin_prefetch(reinterpret_cast<const char*>(far) + 64);
        }
        if (const Held* held = book_of(kIndex)) held->book.look_ahead_far(id_of(kIndex));
        if (const Held* held = book_of(kOrder)) held->book.look_ahead_near(id_of(kOrder));
    }

    [[gnu::always_inline]] void put(const Event& e) {
        if (e.action >= Action::Trade) return;  // nothing of the book
        std::unique_ptr<Held>& held = books_[e.instrument];
        if (held == nullptr) [[unlikely]]
            held = std::make_unique<Held>();
        held->book.apply(e);
        if (!e.has(flag::kLast)) return;
        const auto& bid = held->book.bids().touch();
        const auto& ask = held->book.asks().touch();
        const std::size_t row = out_.rows;
        out_.ts[row] = e.ts.raw;
        out_.instrument[row] = e.instrument;
        out_.bid_price[row] = bid.price.raw;
        out_.bid_size[row] = bid.size.raw;
        out_.ask_price[row] = ask.price.raw;
        out_.ask_size[row] = ask.size.raw;
        out_.rows = row + 1;
        if (changes_) {
            const Quotes now{bid.price, bid.size, ask.price, ask.size};
            out_.rows = row + (now != held->told);
            held->told = now;
        }
    }

private:
    struct Held {
        OrderBook book;
        Quotes told;
    };
    // How many messages ahead each is asked for.
    static constexpr std::size_t kBook = 24;
    static constexpr std::size_t kIndex = 16;
    static constexpr std::size_t kOrder = 8;

    bool changes_;
    QuoteRows out_;
    std::vector<std::unique_ptr<Held>> books_ = std::vector<std::unique_ptr<Held>>(1 << 16);
};

}  // namespace bookflow::itch50
