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
        for (const Held* held : books_) {
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
        if (i + kBook + 1 >= n || count_ < kFew) return;
        const auto book_of = [&](std::size_t k) {
            return books_[itch50::locate_of(from + starts[i + k])];
        };
        const auto id_of = [&](std::size_t k) {
            return OrderId{big<u64>(from + starts[i + k] + Layout::kHead)};
        };
        if (const Held* held = book_of(kBook)) held->book.look_ahead_fields();
        if (const Held* held = book_of(kIndex)) held->book.look_ahead_far(id_of(kIndex));
        if (const Held* held = book_of(kOrder)) held->book.look_ahead_near(id_of(kOrder));
        if (const Held* held = book_of(kLevel)) {
            const Byte* p = from + starts[i + kLevel];
            if (p[0] == 'A' || p[0] == 'F') {
                held->book.look_ahead_level(p[19] == 'S' ? Side::Ask : Side::Bid,
                                            Price(big<std::uint32_t>(p + 32)));
            } else {
                held->book.look_ahead_level(id_of(kLevel));
            }
        }
    }

    [[gnu::always_inline]] void put(const Event& e) {
        if (e.action >= Action::Trade) return;  // nothing of the book
        Held*& held = books_[e.instrument];
        if (held == nullptr) [[unlikely]]
            held = make();
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
    static constexpr std::size_t kLevel = 4;

    // Few books stay in the cache by themselves.
    static constexpr std::size_t kFew = 64;

    // Books side by side on large pages: thousands of them have more pages than addresses are kept
    // translated.
    [[gnu::noinline]] Held* make() {
        constexpr std::size_t block = 256;
        if (count_ % block == 0) blocks_.emplace_back().reserve(block);
        ++count_;
        return &blocks_.back().emplace_back();
    }

    bool changes_;
    QuoteRows out_;
    std::vector<std::vector<Held, HugePages<Held>>>
        blocks_;  // each of one size: books stay in place
    std::size_t count_ = 0;
    std::vector<Held*> books_ = std::vector<Held*>(1 << 16);
};

}  // namespace bookflow::itch50
