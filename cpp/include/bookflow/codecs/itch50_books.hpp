// The sink of a feed that keeps a book a stock and writes the best quotes after every message that
// speaks of a book: bytes to quotes without events in between.
//
// With thousands of stocks every message is another book's and waits for memory. So a book is what
// quotes need of it, sums by price without queues (compact_side.hpp), and the orders of all stocks
// are in one table (order_table.hpp). What comes is known from the block of messages that was
// framed, so each is asked for ahead of time.
#pragma once

#include "bookflow/codecs/compact_side.hpp"
#include "bookflow/codecs/itch50_feed.hpp"
#include "bookflow/codecs/order_table.hpp"
#include "bookflow/faults.hpp"

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
    [[nodiscard]] std::size_t orders() const { return orders_.size(); }
    [[nodiscard]] const Faults& faults() const { return faults_; }
    // f(level) of a stock's side from the best on, until it returns false.
    template <class F>
    void from_best(std::uint16_t locate, Side side, F&& f) const {
        if (locate >= books_.size()) return;
        books_[locate].side(side).from_best(side, memory_, f);
    }

    [[nodiscard]] bool full() const { return out_.rows >= out_.room; }

    [[gnu::always_inline]] void look_ahead(const Byte* from, const std::uint32_t* starts,
                                           std::size_t i, std::size_t n) const {
        // The last message may end where the input does: an id may not be read from it unseen.
        if (i + kFar + 1 >= n || !orders_.beyond_cache()) return;
        if (i == 0) [[unlikely]] {
            for (std::size_t k = 0; k < kFar; ++k) look_far(from + starts[k]);
            for (std::size_t k = 0; k < kNear; ++k) look_near(from + starts[k]);
        }
        look_far(from + starts[i + kFar]);
        look_near(from + starts[i + kNear]);
    }

    [[gnu::always_inline]] void put(const Event& e) {
        if (e.action >= Action::Trade) return;  // nothing of the book
        const auto locate = static_cast<std::uint16_t>(e.instrument);
        if (locate >= books_.size()) [[unlikely]]
            more_books(locate);
        Book& book = books_[locate];
        OrderTable::Order& order = orders_.locate(e.order_id, locate);
        if (e.action == Action::Add) {
            add(book, order, e);
        } else {
            take(book, order, e);
        }
        if (!e.has(flag::kLast)) return;
        const PriceLevel& bid = book.side(Side::Bid).best();
        const PriceLevel& ask = book.side(Side::Ask).best();
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
            out_.rows = row + (now != told_[locate]);
            told_[locate] = now;
        }
    }

private:
    struct alignas(64) Book {  // a line of the cache
        std::array<CompactSide, 2> sides;

        [[nodiscard]] CompactSide& side(Side s) { return sides[s == Side::Ask]; }
        [[nodiscard]] const CompactSide& side(Side s) const { return sides[s == Side::Ask]; }
    };

    // How many messages ahead the place of an order, and the levels of its side are asked for.
    static constexpr std::size_t kFar = 24;
    static constexpr std::size_t kNear = 12;

    [[nodiscard]] static OrderId id_of(const Byte* p) {
        return OrderId{big<u64>(p + Layout::kHead)};
    }
    [[gnu::always_inline]] void look_far(const Byte* p) const {
        const std::uint16_t locate = locate_of(p);
        orders_.prefetch(id_of(p), locate);
        if (locate < books_.size()) books_[locate].side(Side::Bid).look_ahead_fields();
    }
    // Without a branch: which kind of message it is nobody can guess.
    [[gnu::always_inline]] void look_near(const Byte* p) const {
        const detail::OrderWords& words = detail::kOrderWords[p[0]];
        const std::uint16_t locate = locate_of(p);
        const OrderTable::Order& order = orders_.likely(id_of(p), locate);
        const bool added_ask = p[19 & (0U - unsigned{words.adds})] == 'S';
        const bool ask = added_ask | (order.side == Side::Ask);
        if (locate < books_.size()) books_[locate].sides[ask].look_ahead(order.price, memory_);
    }

    [[gnu::always_inline]] void add(Book& book, OrderTable::Order& place, const Event& e) {
        const Side side = e.side != Side::None ? e.side : replaced_;
        replaced_ = Side::None;
        if (place.id != kNoOrder) [[unlikely]]
            return faults_.count(Fault::DuplicateId);
        if (side == Side::None) [[unlikely]]
            return faults_.count(Fault::UnknownSide);
        const auto price = static_cast<std::uint32_t>(e.price.raw);
        const auto size = static_cast<std::uint32_t>(e.size.raw);
        book.side(side).add(side, price, size, memory_);
        orders_.put(place,
                    {e.order_id, price, size, static_cast<std::uint16_t>(e.instrument), side});
    }
    [[gnu::always_inline]] void take(Book& book, OrderTable::Order& order, const Event& e) {
        replaced_ = Side::None;
        if (order.id == kNoOrder) [[unlikely]]
            return faults_.count(Fault::UnknownId);
        const bool whole = e.action == Action::Delete;
        const std::uint32_t size = static_cast<std::uint32_t>(e.size.raw) | (0U - unsigned{whole});
        const std::uint32_t taken = std::min(size, order.size);
        if (size > order.size && !whole) [[unlikely]]
            faults_.count(Fault::OverCancel);
        replaced_ = static_cast<Side>(static_cast<unsigned>(order.side) * whole);
        book.side(order.side).take(order.side, order.price, taken, memory_);
        order.size -= taken;
        if (order.size == 0) orders_.take_out(order);
    }

    // Codes are given from 1 on.
    [[gnu::noinline]] void more_books(std::uint16_t locate) {
        constexpr std::size_t first = 64;
        books_.resize(std::bit_ceil(std::max(first, std::size_t{locate} + 1)));
        if (changes_) told_.resize(books_.size());
    }

    bool changes_;
    QuoteRows out_;
    SideMemory memory_;
    OrderTable orders_;
    Side replaced_ = Side::None;  // of the order that the event before deleted
    Faults faults_;
    std::vector<Book> books_;   // by locate code
    std::vector<Quotes> told_;  // the same, where only changes are told
};

}  // namespace bookflow::itch50
