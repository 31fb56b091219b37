// From messages of ITCH 5.0 to events: which stocks, which time, which action.
//
// `Feed` reads bytes in one pass and puts events into a sink: columns (itch50_columns.hpp) or books
// (itch50_books.hpp). The five frequent kinds that name one order (A F E X D) go one way, told apart
// by a table instead of branches, as nobody can guess which comes next. What is wrong with a message
// stops the reading before it: all that was whole is in the sink and counted, and the next call,
// which begins with that message, throws.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "bookflow/codecs/itch50.hpp"
#include "bookflow/codecs/live_orders.hpp"

namespace bookflow::itch50 {

// A symbol as messages have it: eight characters, blanks behind.
using Stock = u64;
[[nodiscard]] inline Stock stock_at(const Byte* at) {
    Stock stock;
    std::memcpy(&stock, at, sizeof stock);
    return stock;
}
[[nodiscard]] inline std::optional<Stock> stock_of(std::string_view symbol) {
    if (symbol.empty() || symbol.size() > sizeof(Stock)) return std::nullopt;
    std::array<char, sizeof(Stock)> text;
    text.fill(' ');
    std::copy(symbol.begin(), symbol.end(), text.begin());
    return std::bit_cast<Stock>(text);
}
[[nodiscard]] inline std::string symbol_of(Stock stock) {
    const auto text = std::bit_cast<std::array<char, sizeof(Stock)>>(stock);
    std::string symbol(text.data(), text.size());
    symbol.erase(symbol.find_last_not_of(' ') + 1);
    return symbol;
}

struct FeedSettings {
    i64 midnight = 0;                  // of New York, in ns since the epoch
    std::vector<std::string> symbols;  // none: all
    char market = 'Q';                 // whose operational halts count
    bool as_is = false;                // a time that runs back takes the running maximum
    bool keep_prints = false;          // to know what a broken trade takes back
};

// What was passed over besides whole kinds of messages.
enum class PassedOver : std::uint8_t {
    OtherStocks,
    UnknownStock,
    OtherMarket,
    EmptyCross,
    UnknownMatch,
    Late,
};
inline constexpr std::array<std::string_view, 6> kPassedOverNames{
    "other_stocks", "unknown_stock", "other_market", "empty_cross", "unknown_match", "late"};

// The prints of the day by match number, and the live orders whose prices executions leave out.
class Prints {
public:
    struct Print {
        u64 match = 0;
        Price price;
        Size size;
        std::uint16_t locate = 0;
        std::uint16_t flags = 0;
    };

    void order(const Event& e) {
        if (e.action == Action::Add) {
            orders_.add({e.order_id, e.price, e.size, e.side});
        } else if (e.action == Action::Delete) {
            orders_.take(e.order_id, Size(kMaxSize));
        } else {
            orders_.take(e.order_id, e.size);
        }
    }
    [[nodiscard]] Price price_of(OrderId id) {
        const LiveOrders::Kept* kept = orders_.find(id);
        return kept == nullptr ? kNoPrice : kept->price;
    }
    void print(const Print& print) {
        const OrderIndex::Entry entry = locate(print.match);
        const std::uint32_t slot = index_[entry];
        if (slot != OrderIndex::kNotFound) {
            prints_[slot] = print;  // a number used again
            return;
        }
        prints_.push_back(print);
        index_.put(entry, OrderId{print.match}, static_cast<std::uint32_t>(prints_.size() - 1));
    }
    // The print of this number, which is no more; nothing where there is none.
    [[nodiscard]] std::optional<Print> take_back(u64 match, std::uint16_t locate_code) {
        const OrderIndex::Entry entry = locate(match);
        const std::uint32_t slot = index_[entry];
        if (slot == OrderIndex::kNotFound || prints_[slot].locate != locate_code ||
            prints_[slot].size == Size(0)) {
            return std::nullopt;
        }
        return std::exchange(prints_[slot], {match, {}, {}, locate_code, 0});
    }

private:
    [[nodiscard]] OrderIndex::Entry locate(u64 match) const {
        return index_.locate(OrderId{match},
                             [&](std::uint32_t slot) { return prints_[slot].match == match; });
    }

    LiveOrders orders_;
    OrderIndex index_;
    std::vector<Print> prints_;
};

namespace detail {

// Where the fields of the frequent messages are; what one does not have is read from its head.
struct OrderWords {
    std::uint8_t action = 0;
    std::uint8_t shares = 3;
    std::uint8_t price = 3;
    std::uint8_t stock = 3;
    bool adds = false;
    bool sized = true;
};
inline constexpr auto kOrderWords = [] {
    constexpr auto add = static_cast<std::uint8_t>(Action::Add);
    std::array<OrderWords, 256> words{};
    words['A'] = words['F'] = {add, 20, 32, 24, true, true};
    words['E'] = {static_cast<std::uint8_t>(Action::Execute), 19, 3, 3, false, true};
    words['X'] = {static_cast<std::uint8_t>(Action::Cancel), 19, 3, 3, false, true};
    words['D'] = {static_cast<std::uint8_t>(Action::Delete), 3, 3, 3, false, false};
    return words;
}();
static_assert(offset_of('A', "shares") == 20 && offset_of('A', "stock") == 24 &&
              offset_of('A', "price") == 32 && offset_of('F', "price") == 32 &&
              offset_of('E', "shares") == 19 && offset_of('X', "shares") == 19);

}  // namespace detail

class Feed {
public:
    explicit Feed(FeedSettings settings) : settings_(std::move(settings)) {
        for (const std::string& symbol : settings_.symbols) {
            const auto stock = stock_of(symbol);
            if (!stock) throw InputError("has 1 to 8 characters", "symbols", symbol);
            chosen_.push_back(*stock);
        }
        std::sort(chosen_.begin(), chosen_.end());
        if (settings_.midnight < 0 || settings_.midnight >= kMaxTime - kDay) {
            throw InputError("must be a time after the epoch", "midnight",
                             std::to_string(settings_.midnight));
        }
        if (settings_.keep_prints) prints_ = std::make_unique<Prints>();
    }

    // Reads whole messages until the input ends, the sink is full, or one is at fault. Throws
    // InputError if the first one is.
    template <class Sink>
    Framed read(const Byte* data, std::size_t size, Sink& sink) {
        constexpr std::size_t most = 1024;
        std::array<std::uint32_t, most> starts;
        Framed done;
        while (true) {
            const Byte* const from = data + done.bytes;
            const Framed block = frame(from, size - done.bytes, starts.data(), most);
            std::size_t i = 0;
            for (; i < block.messages && !sink.full(); ++i) {
                sink.look_ahead(from, starts.data(), i, block.messages);
                if (!message(from + starts[i], sink)) [[unlikely]]
                    break;
            }
            done.messages += i;
            done.bytes += i == block.messages ? block.bytes : starts[i] - kPrefix;
            if (i < block.messages || block.messages < most) break;
        }
        if (done.messages == 0) {
            if (!fault_ && !needs_prints_ && !sink.full()) {
                fault_ = framing_fault(data, size, 0);
            }
            if (fault_) {
                InputError fault = *std::exchange(fault_, std::nullopt);
                fault.offset = bytes_;
                throw fault;
            }
        }
        fault_.reset();
        bytes_ += static_cast<i64>(done.bytes);
        messages_ += static_cast<i64>(done.messages);
        return done;
    }

    // Messages were lost: the next event of every stock says so.
    void gap() {
        for (Standing& standing : standing_) {
            if (standing == Standing::Wanted) standing = Standing::WantedAfterGap;
        }
        gap_ = true;
    }

    // All that was read so far.
    [[nodiscard]] i64 bytes() const { return bytes_; }
    [[nodiscard]] i64 messages() const { return messages_; }
    // Reading stopped at a broken trade whose print was not kept.
    [[nodiscard]] bool needs_prints() const { return needs_prints_; }
    // The stocks that are wanted, in the order in which they were named.
    struct Named {
        std::uint16_t locate;
        Stock stock;  // 0: not known
    };
    [[nodiscard]] const std::vector<Named>& named() const { return named_; }
    // Counts by name of what was passed over.
    [[nodiscard]] std::vector<std::pair<std::string_view, i64>> counts() const {
        std::vector<std::pair<std::string_view, i64>> out;
        for (const Layout& layout : kLayouts) {
            const i64 n = passed_kinds_[static_cast<Byte>(layout.type)];
            if (n > 0) out.emplace_back(layout.name, n);
        }
        for (std::size_t i = 0; i < passed_.size(); ++i) {
            if (passed_[i] > 0) out.emplace_back(kPassedOverNames[i], passed_[i]);
        }
        return out;
    }

private:
    enum class Standing : std::uint8_t { Unknown, Wanted, WantedAfterGap, Passed };

    // False: it is at fault, or cannot be read yet; nothing has changed.
    template <class Sink>
    [[gnu::always_inline]] bool message(const Byte* p, Sink& sink) {
        const std::uint16_t locate = locate_of(p);
        const i64 nanos = nanos_of(p);
        if (nanos < last_ || nanos >= kDay) [[unlikely]] {
            if (!time_is_late(p, nanos)) return false;
        }
        const i64 now = std::max(nanos, last_);
        const Standing standing = standing_[locate];
        if (standing == Standing::Passed) {
            ++passed_[static_cast<std::size_t>(PassedOver::OtherStocks)];
            last_ = now;
            return true;
        }
        const bool usual = detail::kOrderWords[p[0]].action != 0 && standing == Standing::Wanted;
        if (!(usual ? order(p, locate, now, nanos, flag::kLast, sink)
                    : seldom(p, locate, now, nanos, sink))) [[unlikely]] {
            return false;
        }
        last_ = now;
        return true;
    }

    template <class Sink>
    [[gnu::always_inline]] bool order(const Byte* p, std::uint16_t locate, i64 now, i64 nanos,
                                      std::uint16_t flags, Sink& sink) {
        const detail::OrderWords& words = detail::kOrderWords[p[0]];
        const u64 id = big<u64>(p + Layout::kHead);
        const auto side = static_cast<unsigned>(p[19 & (0U - unsigned{words.adds})]);
        const i64 shares = big<std::uint32_t>(p + words.shares) & (0U - unsigned{words.sized});
        const bool other = stock_at(p + words.stock) != stock_[locate];
        const bool sold = side == 'S';
        const bool wrong = (id == kNoReference) | (words.sized & (shares == 0)) |
                           (words.adds & (other | !(sold | (side == 'B'))));
        if (wrong) [[unlikely]]
            return refuse_order(p, locate);
        Event e;
        e.ts = Nanos(settings_.midnight + now);
        e.ts_venue = Nanos(settings_.midnight + nanos);
        e.order_id = order_of(id);
        e.price = words.adds ? Price(big<std::uint32_t>(p + words.price)) : kNoPrice;
        e.size = Size(shares);
        e.instrument = locate;
        e.action = static_cast<Action>(words.action);
        e.side = static_cast<Side>(unsigned{words.adds} << sold);
        e.flags = flags;
        if (prints_) [[unlikely]] {
            if (p[0] == 'E') print(e, big<u64>(p + 23));
            prints_->order(e);
        }
        sink.put(e);
        return true;
    }

    template <class Sink>
    [[gnu::noinline]] bool seldom(const Byte* p, std::uint16_t locate, i64 now, i64 nanos,
                                  Sink& sink) {
        const Byte type = p[0];
        switch (type) {
            case 'S': {
                constexpr std::string_view codes = "OSQMEC";
                if (codes.find(static_cast<char>(p[11])) == codes.npos) {
                    return refuse(p, "event_code", text(p + 11, 1), "must be one of O S Q M E C");
                }
                return pass(type);
            }
            case 'V':
            case 'W': return pass(type);
            case 'R': return name(p, locate, p + Layout::kHead) && pass(type);
            default: break;
        }
        const std::size_t stock = kStockAt[type];
        if (stock != 0 && !name(p, locate, p + stock)) return false;
        Standing& standing = standing_[locate];
        if (standing == Standing::Unknown) {  // and the message does not name it
            if (!chosen_.empty()) return pass(PassedOver::UnknownStock);
            set_wanted(locate);
        }
        if (standing == Standing::Passed) return pass(PassedOver::OtherStocks);
        Event e;
        e.ts = Nanos(settings_.midnight + now);
        e.ts_venue = Nanos(settings_.midnight + nanos);
        e.instrument = locate;
        switch (type) {
            case 'A':
            case 'F':
            case 'E':
            case 'X':
            case 'D': {
                const auto flags = static_cast<std::uint16_t>(flag::kLast | gap_of(locate));
                if (!order(p, locate, now, nanos, flags, sink)) return false;
                return told(locate);
            }
            case 'U': return replace(p, e, sink) && told(locate);
            case 'C': return execute_at(p, e, sink) && told(locate);
            case 'P': return hidden_trade(p, e, sink);
            case 'Q': return cross(p, e, sink);
            case 'B': return take_back(p, e, sink);
            case 'H':
            case 'h': return halt(p, e, sink);
            default: return pass(type);
        }
    }

    template <class Sink>
    bool replace(const Byte* p, Event& e, Sink& sink) {
        const OrderId old = order_of(big<u64>(p + 11));
        const OrderId id = order_of(big<u64>(p + 19));
        const i64 shares = big<std::uint32_t>(p + 27);
        if (big<u64>(p + 11) == kNoReference) return refuse_reference(p, "order_reference");
        if (big<u64>(p + 19) == kNoReference) return refuse_reference(p, "new_reference");
        if (shares == 0) return refuse(p, "shares", "0", kShares);
        e.action = Action::Delete;
        e.order_id = old;
        e.size = Size(0);
        e.flags = gap_of(e.instrument);
        if (prints_) prints_->order(e);
        sink.put(e);
        e.action = Action::Add;
        e.order_id = id;
        e.size = Size(shares);
        e.price = Price(big<std::uint32_t>(p + 31));
        e.flags = flag::kLast;
        if (prints_) prints_->order(e);
        sink.put(e);
        return true;
    }

    // What is not printable is on the tape as a part of a cross.
    template <class Sink>
    bool execute_at(const Byte* p, Event& e, Sink& sink) {
        e.order_id = order_of(big<u64>(p + 11));
        e.size = Size(big<std::uint32_t>(p + 19));
        if (big<u64>(p + 11) == kNoReference) return refuse_reference(p, "order_reference");
        if (e.size == Size(0)) return refuse(p, "shares", "0", kShares);
        if (p[31] != 'Y' && p[31] != 'N') {
            return refuse(p, "printable", text(p + 31, 1), "must be Y or N");
        }
        const bool printable = p[31] == 'Y';
        e.action = printable ? Action::Execute : Action::Cancel;
        e.price = printable ? Price(big<std::uint32_t>(p + 32)) : kNoPrice;
        e.flags = static_cast<std::uint16_t>(flag::kLast | gap_of(e.instrument) |
                                             (printable ? 0 : flag::kFill));
        if (prints_) {
            if (printable) print(e, big<u64>(p + 23));
            prints_->order(e);
        }
        sink.put(e);
        return true;
    }

    template <class Sink>
    bool hidden_trade(const Byte* p, Event& e, Sink& sink) {
        e.size = Size(big<std::uint32_t>(p + 20));
        if (e.size == Size(0)) return refuse(p, "shares", "0", kShares);
        if (p[19] != 'B' && p[19] != 'S') return refuse(p, "side", text(p + 19, 1), kSide);
        e.price = Price(big<std::uint32_t>(p + 32));
        return trade(e, flag::kHidden, big<u64>(p + 36), sink);
    }

    template <class Sink>
    bool cross(const Byte* p, Event& e, Sink& sink) {
        const u64 shares = big<u64>(p + 11);
        if (shares == 0) return pass(PassedOver::EmptyCross);
        if (shares > static_cast<u64>(kMaxSize)) {
            return refuse(p, "shares", std::to_string(shares), "must be from 0 to 2^60");
        }
        e.size = Size(static_cast<i64>(shares));
        e.price = Price(big<std::uint32_t>(p + 27));
        return trade(e, flag::kAuction, big<u64>(p + 31), sink);
    }

    template <class Sink>
    bool trade(Event& e, std::uint16_t how, u64 match, Sink& sink) {
        e.action = Action::Trade;
        e.flags = static_cast<std::uint16_t>(flag::kLast | how | gap_of(e.instrument));
        if (prints_) prints_->print({match, e.price, e.size, code_of(e), how});
        sink.put(e);
        return told(code_of(e));
    }

    template <class Sink>
    bool take_back(const Byte* p, Event& e, Sink& sink) {
        if constexpr (!Sink::kTape) return pass(p[0]);
        if (!prints_) {
            needs_prints_ = true;
            return false;
        }
        const auto print = prints_->take_back(big<u64>(p + 11), code_of(e));
        if (!print) return pass(PassedOver::UnknownMatch);
        e.action = Action::Trade;
        e.price = print->price;
        e.size = print->size;
        e.flags = static_cast<std::uint16_t>(flag::kLast | flag::kBroken | print->flags |
                                             gap_of(e.instrument));
        sink.put(e);
        return told(code_of(e));
    }

    // A stock may be halted by its market (H) and by what runs this one's books (h).
    template <class Sink>
    bool halt(const Byte* p, Event& e, Sink& sink) {
        Halts& halts = halts_[e.instrument];
        if (p[0] == 'H') {
            switch (p[19]) {
                case 'H':
                case 'P': halts.trading = status::kHalted; break;
                case 'Q': halts.trading = status::kAuction; break;
                case 'T': halts.trading = 0; break;
                default:
                    return refuse(p, "trading_state", text(p + 19, 1), "must be one of H P Q T");
            }
        } else {
            if (p[20] != 'H' && p[20] != 'T') {
                return refuse(p, "halt_action", text(p + 20, 1), "must be H or T");
            }
            if (static_cast<char>(p[19]) != settings_.market) return pass(PassedOver::OtherMarket);
            halts.operation = p[20] == 'H' ? std::uint8_t{status::kHalted} : std::uint8_t{0};
        }
        e.action = Action::Status;
        e.size = Size(halts.trading | halts.operation);
        e.flags = static_cast<std::uint16_t>(flag::kLast | gap_of(e.instrument));
        sink.put(e);
        return told(code_of(e));
    }

    void print(const Event& e, u64 match) {
        const Price price = e.price != kNoPrice ? e.price : prints_->price_of(e.order_id);
        if (price != kNoPrice) prints_->print({match, price, e.size, code_of(e), 0});
    }

    [[nodiscard]] static std::uint16_t code_of(const Event& e) {
        return static_cast<std::uint16_t>(e.instrument);
    }

    // Whether this stock's code is its own; the first message that names it decides.
    bool name(const Byte* p, std::uint16_t locate, const Byte* at) {
        const Stock stock = stock_at(at);
        if (stock_[locate] == stock) return true;
        if (stock_[locate] != 0 && standing_[locate] != Standing::Passed) {
            return refuse(
                p, "stock", text(at, 8),
                "locate code " + std::to_string(locate) + " is that of " + name_of(locate));
        }
        if (stock_[locate] != 0 || stock == 0) return true;
        const bool chosen =
            chosen_.empty() || std::binary_search(chosen_.begin(), chosen_.end(), stock);
        stock_[locate] = stock;
        if (!chosen) {
            standing_[locate] = Standing::Passed;
        } else if (standing_[locate] == Standing::Unknown) {
            set_wanted(locate);
        } else {
            named_.push_back({locate, stock});
        }
        return true;
    }
    [[nodiscard]] std::string name_of(std::uint16_t locate) const {
        const std::string symbol = symbol_of(stock_[locate]);
        return text(reinterpret_cast<const Byte*>(symbol.data()), symbol.size());
    }
    void set_wanted(std::uint16_t locate) {
        standing_[locate] = gap_ ? Standing::WantedAfterGap : Standing::Wanted;
        named_.push_back({locate, stock_[locate]});
    }
    [[nodiscard]] std::uint16_t gap_of(std::uint32_t locate) const {
        return standing_[locate] == Standing::WantedAfterGap ? flag::kGap : std::uint16_t{0};
    }
    bool told(std::uint32_t locate) {
        standing_[locate] = Standing::Wanted;
        return true;
    }
    bool pass(Byte kind) {
        ++passed_kinds_[kind];
        return true;
    }
    bool pass(PassedOver why) {
        ++passed_[static_cast<std::size_t>(why)];
        return true;
    }

    // A time that is none, or that runs back where this is not allowed.
    [[gnu::noinline]] bool time_is_late(const Byte* p, i64 nanos) {
        if (nanos >= kDay) {
            return refuse(p, "timestamp", std::to_string(nanos), "a day has 86400e9 nanoseconds");
        }
        if (!settings_.as_is) {
            return refuse(p, "timestamp", std::to_string(nanos),
                          "is before " + std::to_string(last_) +
                              " (order=\"as-is\" takes the running maximum and counts)");
        }
        return pass(PassedOver::Late);
    }
    [[gnu::noinline]] bool refuse_order(const Byte* p, std::uint16_t locate) {
        const detail::OrderWords& words = detail::kOrderWords[p[0]];
        if (big<u64>(p + Layout::kHead) == kNoReference) {
            return refuse_reference(p, "order_reference");
        }
        if (words.sized && big<std::uint32_t>(p + words.shares) == 0) {
            return refuse(p, "shares", "0", kShares);
        }
        if (p[19] != 'B' && p[19] != 'S') return refuse(p, "side", text(p + 19, 1), kSide);
        return refuse(p, "stock", text(p + words.stock, 8),
                      "locate code " + std::to_string(locate) + " is that of " + name_of(locate));
    }
    bool refuse(const Byte* p, std::string_view field, std::string value, std::string rule) {
        fault_ = bad_field(p[0], field, std::move(value), std::move(rule), 0);
        return false;
    }

    // An event's order 0 is none, so a reference of 0 (simulators have it) is the number that no
    // feed comes to, which is refused.
    static constexpr u64 kNoReference = ~u64{0};
    [[nodiscard]] static OrderId order_of(u64 reference) {
        return OrderId{reference - static_cast<u64>(reference == 0)};
    }
    bool refuse_reference(const Byte* p, std::string_view field) {
        return refuse(p, field, std::to_string(kNoReference), "must be below 2^64 - 1");
    }
    static constexpr const char* kShares = "must be above 0";
    static constexpr const char* kSide = "must be B or S";
    static constexpr auto kStockAt = [] {
        std::array<std::uint8_t, 256> at{};
        for (const Layout& layout : kLayouts) {
            at[static_cast<Byte>(layout.type)] =
                static_cast<std::uint8_t>(offset_of(layout.type, "stock"));
        }
        return at;
    }();
    static_assert(offset_of('U', "new_reference") == 19 && offset_of('U', "shares") == 27 &&
                  offset_of('U', "price") == 31 && offset_of('E', "match_number") == 23 &&
                  offset_of('C', "match_number") == 23 && offset_of('C', "printable") == 31 &&
                  offset_of('C', "price") == 32 && offset_of('P', "match_number") == 36 &&
                  offset_of('P', "price") == 32 && offset_of('Q', "price") == 27 &&
                  offset_of('Q', "match_number") == 31 && offset_of('H', "trading_state") == 19 &&
                  offset_of('h', "market_code") == 19 && offset_of('h', "halt_action") == 20);

    struct Halts {
        std::uint8_t trading = 0;
        std::uint8_t operation = 0;
    };
    static constexpr std::size_t kLocates = 1 << 16;

    FeedSettings settings_;
    std::vector<Stock> chosen_;  // sorted; none: all
    std::vector<Standing> standing_ = std::vector<Standing>(kLocates, Standing::Unknown);
    std::vector<Stock> stock_ = std::vector<Stock>(kLocates);  // 0: not known
    std::vector<Halts> halts_ = std::vector<Halts>(kLocates);
    std::vector<Named> named_;
    i64 last_ = 0;  // ns since midnight
    i64 bytes_ = 0;
    i64 messages_ = 0;
    bool gap_ = false;  // something was lost: stocks not seen yet may have been concerned
    bool needs_prints_ = false;
    std::array<i64, 256> passed_kinds_{};
    std::array<i64, kPassedOverNames.size()> passed_{};
    std::unique_ptr<Prints> prints_;
    std::optional<InputError> fault_;
};

}  // namespace bookflow::itch50
