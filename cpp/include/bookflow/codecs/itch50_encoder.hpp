// Events as messages of ITCH 5.0: a simulated market becomes a file as Nasdaq writes them.
//
// What ITCH has no message for is an error, but for MODIFY: it becomes a cancel of the difference or
// a replace, whose new reference number is counted from 2^63 up and stands for the order from then
// on. Grouping is not kept: every message is an atomic event of its own.
#pragma once

#include <string>
#include <vector>

#include "bookflow/codecs/itch50_feed.hpp"
#include "bookflow/event_columns.hpp"

namespace bookflow::itch50 {

class Encoder {
public:
    explicit Encoder(i64 midnight) : midnight_(midnight) {}

    void name(std::uint16_t locate, Stock stock) { stock_[locate] = stock; }

    void system_event(char code, i64 nanos, std::string& out) const {
        Message m('S', 0, nanos);
        m.text(std::string_view(&code, 1));
        m.write(out);
    }
    void directory(std::uint16_t locate, i64 nanos, std::string& out) const {
        Message m('R', locate, nanos);
        m.stock(stock_[locate]);
        m.text("QN");
        m.number<std::uint32_t>(100);
        m.text("NCZ PNN1N");
        m.number<std::uint32_t>(0);
        m.text("N");
        m.write(out);
    }

    // Appends the messages of these events, whose prices are in units of 1e-4 and whose sizes are
    // in shares. Throws InputError at a row for which there is no message; what the encoder knows
    // of orders is then no more in step with what was written.
    void encode(const EventColumns& c, std::string& out) {
        for (std::size_t i = 0; i < c.rows; ++i) {
            row_ = static_cast<i64>(i);
            const std::uint32_t instrument = c.instrument.given() ? c.instrument[i] : 0;
            if (instrument > 0xFFFF || stock_[instrument] == 0) {
                refuse("instrument", std::to_string(instrument),
                       "is no locate code (0 to 65535) of a stock that was named");
            }
            Event e = c.event(i);
            e.instrument = instrument;
            event(e, out);
        }
    }
    // Writes a DELETE that waits for what may be its replace.
    void finish(std::string& out) {
        if (deleted_.action != Action::Delete) return;
        message('D', deleted_, reference_of(deleted_.order_id)).write(out);
        orders_.take(deleted_.order_id, Size(kMaxSize));
        deleted_.action = {};
    }

private:
    class Message {
    public:
        Message(char type, std::uint32_t locate, i64 nanos) {
            const std::uint32_t length = kLengths[static_cast<Byte>(type)];
            number(static_cast<std::uint16_t>(length));
            text(std::string_view(&type, 1));
            number(static_cast<std::uint16_t>(locate));
            number(std::uint16_t{0});
            const u64 swapped = __builtin_bswap64(static_cast<u64>(nanos));
            put(reinterpret_cast<const char*>(&swapped) + 2, 6);
        }
        template <class T>
        void number(T value) {
            T swapped = value;
            if constexpr (sizeof(T) == 2) swapped = __builtin_bswap16(value);
            if constexpr (sizeof(T) == 4) swapped = __builtin_bswap32(value);
            if constexpr (sizeof(T) == 8) swapped = __builtin_bswap64(value);
            put(reinterpret_cast<const char*>(&swapped), sizeof swapped);
        }
        void text(std::string_view text) { put(text.data(), text.size()); }
        void stock(Stock stock) { put(reinterpret_cast<const char*>(&stock), sizeof stock); }
        void write(std::string& out) const { out.append(bytes_.data(), size_); }

    private:
        void put(const char* from, std::size_t n) {
            std::memcpy(bytes_.data() + size_, from, n);
            size_ += n;
        }
        std::array<char, kPrefix + kLongest> bytes_;
        std::size_t size_ = 0;
    };

    void event(const Event& e, std::string& out) {
        const i64 nanos = e.ts.raw - midnight_;
        if (nanos < last_ || nanos >= kDay) {
            refuse("ts", std::to_string(e.ts.raw),
                   "must be within the day, and not before the event before");
        }
        last_ = nanos;
        if (e.size.raw < 0 || (e.action != Action::Trade && e.size.raw > kMostShares)) {
            refuse("size", std::to_string(e.size.raw), "must be below 2^32 shares");
        }
        if (e.price != kNoPrice && (e.price.raw < 0 || e.price.raw > kMostShares)) {
            refuse("price", std::to_string(e.price.raw),
                   "must be from 0 to below 2^32 units of 1e-4");
        }
        constexpr std::uint16_t told =
            flag::kHidden | flag::kAuction | flag::kOffBook | flag::kBroken | flag::kGap;
        if (e.has(told) && e.action != Action::Trade) no_message(e);
        const bool replaces = deleted_.action == Action::Delete && e.action == Action::Add &&
                              e.side == Side::None && e.instrument == deleted_.instrument;
        if (replaces) return replace(e, out);
        finish(out);
        const Side before = std::exchange(deleted_side_, Side::None);
        switch (e.action) {
            case Action::Add: return add(e, e.side == Side::None ? before : e.side, out);
            case Action::Cancel: return cancel(e, out);
            case Action::Delete: return erase(e, out);
            case Action::Modify: return modify(e, out);
            case Action::Execute: return execute(e, out);
            case Action::Trade: return trade(e, out);
            case Action::Status: return status_event(e, out);
            case Action::Clear:
                if (!touched_[e.instrument]) return;
                [[fallthrough]];
            default: no_message(e);
        }
    }

    void add(const Event& e, Side side, std::string& out) {
        if (side == Side::None) refuse("side", "0", "an ADD needs BID or ASK");
        need(e, true);
        touched_[e.instrument] = true;
        orders_.add({e.order_id, e.price, e.size, side});
        Message m = message('A', e, e.order_id);
        m.text(side == Side::Bid ? "B" : "S");
        m.number(shares(e.size));
        m.stock(stock_[e.instrument]);
        m.number(shares(Size(e.price.raw)));
        m.write(out);
    }

    void cancel(const Event& e, std::string& out) {
        need(e, false);
        if (e.has(flag::kFill)) {
            unprinted(e, e.size, out);
        } else {
            Message m = message('X', e, reference_of(e.order_id));
            m.number(shares(e.size));
            m.write(out);
        }
        orders_.take(e.order_id, e.size);
    }

    void erase(const Event& e, std::string& out) {
        need(e, false, false);
        const LiveOrders::Kept* kept = orders_.find(e.order_id);
        deleted_side_ = kept == nullptr ? Side::None : kept->side;
        if (e.has(flag::kFill) && kept != nullptr) {
            unprinted(e, kept->size, out);
            orders_.take(e.order_id, Size(kMaxSize));
            return;
        }
        deleted_ = e;
        if (e.has(flag::kLast)) finish(out);
    }

    void replace(const Event& e, std::string& out) {
        need(e, true);
        const LiveOrders::Kept* old = orders_.find(deleted_.order_id);
        const Side side = old == nullptr ? Side::None : old->side;
        write_replace(e, reference_of(deleted_.order_id), e.order_id, e.price, e.size, out);
        orders_.take(deleted_.order_id, Size(kMaxSize));
        if (side != Side::None) orders_.add({e.order_id, e.price, e.size, side});
        deleted_.action = {};
    }
    void write_replace(const Event& e, OrderId old, OrderId id, Price price, Size size,
                       std::string& out) {
        Message m = message('U', e, old);
        m.number(static_cast<u64>(id));
        m.number(shares(size));
        m.number(shares(Size(price.raw)));
        m.write(out);
    }

    void modify(const Event& e, std::string& out) {
        need(e, false, false);
        LiveOrders::Kept* kept = orders_.find(e.order_id);
        if (kept == nullptr) return add(e, e.side, out);
        const OrderId old = reference_of(e.order_id);
        const Price price = e.price == kNoPrice ? kept->price : e.price;
        if (e.size == Size(0)) {
            message('D', e, old).write(out);
            orders_.take(e.order_id, Size(kMaxSize));
        } else if (price == kept->price && e.size <= kept->size) {
            if (e.size == kept->size) return;
            Message m = message('X', e, old);
            m.number(shares(kept->size - e.size));
            m.write(out);
            kept->size = e.size;
        } else {
            kept->reference = OrderId{kCounted + replaced_++};
            kept->price = price;
            kept->size = e.size;
            write_replace(e, old, kept->reference, price, e.size, out);
        }
    }

    void execute(const Event& e, std::string& out) {
        need(e, false);
        const LiveOrders::Kept* kept = orders_.find(e.order_id);
        const bool own = e.price == kNoPrice || (kept != nullptr && kept->price == e.price);
        Message m = message(own ? 'E' : 'C', e, reference_of(e.order_id));
        m.number(shares(e.size));
        const Price price = e.price != kNoPrice ? e.price : kept != nullptr ? kept->price : Price();
        m.number(print(e, price, 0));
        if (!own) {
            m.text("Y");
            m.number(shares(Size(e.price.raw)));
        }
        m.write(out);
        orders_.take(e.order_id, e.size);
    }
    // What leaves the book for a print that is told elsewhere.
    void unprinted(const Event& e, Size size, std::string& out) {
        const LiveOrders::Kept* kept = orders_.find(e.order_id);
        Message m = message('C', e, reference_of(e.order_id));
        m.number(shares(size));
        m.number(++matches_);
        m.text("N");
        m.number(shares(Size(kept == nullptr ? 0 : kept->price.raw)));
        m.write(out);
    }

    void trade(const Event& e, std::string& out) {
        if (e.price == kNoPrice) refuse("price", "NONE", "a TRADE needs a price");
        if (e.size == Size(0)) refuse("size", "0", "must be above 0");
        const auto how = static_cast<std::uint16_t>(e.flags & ~(flag::kLast | flag::kSnapshot));
        if (how == flag::kHidden && e.size.raw <= kMostShares) {
            Message m = message('P', e, kNoOrder);
            m.text("B");
            m.number(shares(e.size));
            m.stock(stock_[e.instrument]);
            m.number(shares(Size(e.price.raw)));
            m.number(print(e, e.price, flag::kHidden));
            m.write(out);
        } else if (how == flag::kAuction) {
            Message m('Q', e.instrument, last_);
            m.number(static_cast<u64>(e.size.raw));
            m.stock(stock_[e.instrument]);
            m.number(shares(Size(e.price.raw)));
            m.number(print(e, e.price, flag::kAuction));
            m.text("O");
            m.write(out);
        } else if ((how & flag::kBroken) != 0) {
            Message m('B', e.instrument, last_);
            m.number(broken(e, static_cast<std::uint16_t>(how & ~flag::kBroken)));
            m.write(out);
        } else {
            no_message(e);
        }
    }

    void status_event(const Event& e, std::string& out) {
        const char* state = e.size.raw == 0                  ? "T"
                            : e.size.raw == status::kHalted  ? "H"
                            : e.size.raw == status::kAuction ? "Q"
                                                             : nullptr;
        if (state == nullptr) {
            refuse("size", std::to_string(e.size.raw), "a trading action is 0, HALTED or AUCTION");
        }
        Message m('H', e.instrument, last_);
        m.stock(stock_[e.instrument]);
        m.text(state);
        m.text("     ");
        m.write(out);
    }

    [[nodiscard]] Message message(char type, const Event& e, OrderId reference) const {
        Message m(type, e.instrument, last_);
        m.number(static_cast<u64>(reference));
        return m;
    }
    [[nodiscard]] OrderId reference_of(OrderId id) {
        const LiveOrders::Kept* kept = orders_.find(id);
        return kept == nullptr || kept->reference == kNoOrder ? id : kept->reference;
    }
    [[nodiscard]] static std::uint32_t shares(Size size) {
        return static_cast<std::uint32_t>(size.raw);
    }
    // The number of a new match.
    [[nodiscard]] u64 print(const Event& e, Price price, std::uint16_t how) {
        prints_.push_back(
            {++matches_, price, e.size, static_cast<std::uint16_t>(e.instrument), how});
        return matches_;
    }
    // That of the last print like this one, which is no more.
    [[nodiscard]] u64 broken(const Event& e, std::uint16_t how) {
        for (auto print = prints_.rbegin(); print != prints_.rend(); ++print) {
            if (print->locate == e.instrument && print->price == e.price && print->size == e.size &&
                print->flags == how) {
                print->size = Size(0);
                return print->match;
            }
        }
        refuse("flags", std::to_string(e.flags), "BROKEN takes back a print that there is not");
    }

    void need(const Event& e, bool price, bool size = true) const {
        if (e.order_id == kNoOrder || static_cast<u64>(e.order_id) >= kCounted) {
            refuse("order_id", std::to_string(static_cast<u64>(e.order_id)),
                   "must be from 1 to below 2^63");
        }
        if (size && e.size == Size(0)) refuse("size", "0", "must be above 0");
        if (price && e.price == kNoPrice) refuse("price", "NONE", "an ADD needs a price");
    }
    [[noreturn]] void no_message(const Event& e) const {
        refuse("action", std::string(name_of(e.action)),
               "ITCH 5.0 has no message for it with flags " + std::to_string(e.flags));
    }
    [[noreturn]] void refuse(std::string field, std::string value, std::string rule) const {
        throw InputError(std::move(rule), std::move(field), std::move(value), row_);
    }

    static constexpr i64 kMostShares = 0xFFFFFFFF;
    static constexpr u64 kCounted = u64{1} << 63;

    i64 midnight_;
    i64 last_ = 0;  // ns since midnight
    i64 row_ = -1;
    u64 matches_ = 0;
    u64 replaced_ = 0;
    std::vector<Stock> stock_ = std::vector<Stock>(1 << 16);
    std::vector<bool> touched_ = std::vector<bool>(1 << 16);
    LiveOrders orders_;
    std::vector<Prints::Print> prints_;
    Event deleted_;  // a DELETE that waits
    Side deleted_side_ = Side::None;
};

}  // namespace bookflow::itch50
