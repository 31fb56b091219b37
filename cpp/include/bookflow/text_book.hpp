// Levels that keep their numbers as the venue wrote them, for checksums over that text: a venue
// sums the digits it sent, and "0.0500" is not "0.05".
//
// A side is a vector of fixed-size levels sorted with the best at the back, like the book's own
// ladder: most changes are near the touch and move few of them. Worst case: a change far from the
// touch moves the whole side (80 bytes a level; venues with checksums send 25 to 1,000 levels).
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bookflow/crc32.hpp"
#include "bookflow/error.hpp"
#include "bookflow/event.hpp"
#include "bookflow/instrument.hpp"

namespace bookflow {

// A number as it was sent, at most 23 characters of it.
class NumberText {
public:
    static constexpr std::size_t kMost = 23;

    NumberText() = default;
    explicit NumberText(std::string_view text) : size_(static_cast<std::uint8_t>(text.size())) {
        std::memcpy(chars_.data(), text.data(), text.size());
    }
    [[nodiscard]] std::string_view view() const { return {chars_.data(), size_}; }
    // Writes kMost characters, in one go; returns the end of those that are the number's.
    char* copy(char* out) const {
        std::memcpy(out, chars_.data(), kMost);
        return out + size_;
    }

    template <class V>
    void visit(V& v) {
        std::string text(view());
        v(text);
        if constexpr (V::kReading) {
            v.require(text.size() <= kMost, "a number has too many characters");
            *this = NumberText(text);
        }
    }

private:
    std::array<char, kMost> chars_{};
    std::uint8_t size_ = 0;
};

struct TextLevel {
    Price price;
    Size size;
    NumberText price_text;
    NumberText size_text;

    // The texts say all of it: who reads them makes the numbers anew.
    template <class V>
    void visit(V& v) {
        v(price_text, size_text);
    }
};

// How a venue joins the texts of its best levels.
enum class ChecksumRule : std::uint8_t {
    Digits,       // all asks, then all bids, without points and leading zeros, nothing between
    Alternating,  // bid price:bid size:ask price:ask size: ... of one level after the other
    SignedAsks,   // Alternating, the asks' sizes negative
};

// The text of a checksum, as its rule builds it; its memory is kept.
class ChecksumText {
public:
    // Without its point and leading zeros.
    void digits(const NumberText& number) {
        const std::string_view text = number.view();
        std::size_t i = 0;
        while (i < text.size() && (text[i] == '0' || text[i] == '.')) ++i;
        char* out = room();
        for (; i < text.size(); ++i) {
            *out = text[i];
            out += text[i] != '.';
        }
        end(out);
    }
    void pair(const NumberText& first, const NumberText& second, bool negative) {
        pair(first.copy(room()), second, negative);
    }
    void pair(std::uint64_t id, const NumberText& second, bool negative) {
        char* out = room();
        pair(std::to_chars(out, out + NumberText::kMost, id).ptr, second, negative);
    }
    // The sum of all since the last one; a colon at the end is none of it.
    [[nodiscard]] std::uint32_t sum() {
        std::string_view all(chars_.data(), size_);
        if (all.ends_with(':')) all.remove_suffix(1);
        size_ = 0;
        return crc32(all);
    }

private:
    void pair(char* out, const NumberText& second, bool negative) {
        *out++ = ':';
        *out = '-';
        out = second.copy(out + (negative ? 1 : 0));
        *out++ = ':';
        end(out);
    }
    // Where the text goes on, with place for two numbers and what stands between.
    [[nodiscard]] char* room() {
        constexpr std::size_t kPair = 2 * NumberText::kMost + 3;
        if (chars_.size() < size_ + kPair) chars_.resize(2 * (size_ + kPair));
        return chars_.data() + size_;
    }
    void end(const char* out) { size_ = static_cast<std::size_t>(out - chars_.data()); }

    std::vector<char> chars_;
    std::size_t size_ = 0;
};

class TextBook {
public:
    explicit TextBook(const Units& units) : units_(units) {}

    // A level as text; size 0 is a removal. Throws InputError for what is no number of the units.
    [[nodiscard]] TextLevel level(std::string_view price, std::string_view size) const {
        const TextLevel out{Price(number(price, "price", units_.price_scale)),
                            Size(number(size, "size", units_.size_scale)), NumberText(price),
                            NumberText(size)};
        if (out.size.raw < 0) throw InputError("must not be negative", "size", std::string(size));
        return out;
    }

    void apply(Side side, const TextLevel& level) {
        Levels& levels = of(side);
        const auto at = place(side, levels, level.price);
        const bool known = at != levels.end() && at->price == level.price;
        if (level.size.raw == 0) {
            if (known) levels.erase(at);
        } else if (known) {
            *at = level;
        } else {
            levels.insert(at, level);
        }
    }
    // All the levels that a side has; of two of one price the later counts.
    void replace(Side side, std::vector<TextLevel> levels) {
        std::reverse(levels.begin(), levels.end());  // the sort keeps the later before the earlier
        std::stable_sort(levels.begin(), levels.end(), [&](const TextLevel& a, const TextLevel& b) {
            return worse(side, a, b.price);
        });
        const auto same = [](const TextLevel& a, const TextLevel& b) { return a.price == b.price; };
        levels.erase(std::unique(levels.begin(), levels.end(), same), levels.end());
        std::erase_if(levels, [](const TextLevel& l) { return l.size.raw == 0; });
        of(side) = std::move(levels);
    }
    void clear() {
        bids_.clear();
        asks_.clear();
    }
    // Levels beyond the best `depth`, worst first, taken away: what a venue drops from its view.
    [[nodiscard]] std::vector<Price> truncate(Side side, std::size_t depth) {
        Levels& levels = of(side);
        std::vector<Price> gone;
        if (levels.size() <= depth) return gone;
        const auto excess = static_cast<std::ptrdiff_t>(levels.size() - depth);
        std::transform(levels.begin(), levels.begin() + excess, std::back_inserter(gone),
                       [](const TextLevel& l) { return l.price; });
        levels.erase(levels.begin(), levels.begin() + excess);
        return gone;
    }

    [[nodiscard]] std::size_t size(Side side) const { return of(side).size(); }
    // Rank 0 is the best.
    [[nodiscard]] const TextLevel& at(Side side, std::size_t rank) const {
        const Levels& levels = of(side);
        return levels[levels.size() - 1 - rank];
    }

    [[nodiscard]] std::uint32_t checksum(ChecksumRule rule, std::size_t depth) const {
        if (rule == ChecksumRule::Digits) {
            for (const Side side : {Side::Ask, Side::Bid}) {
                const std::size_t n = std::min(depth, size(side));
                for (std::size_t i = 0; i < n; ++i) {
                    text_.digits(at(side, i).price_text);
                    text_.digits(at(side, i).size_text);
                }
            }
        } else {
            const std::size_t n = std::min(depth, std::max(bids_.size(), asks_.size()));
            for (std::size_t i = 0; i < n; ++i) {
                if (i < bids_.size()) add_pair(at(Side::Bid, i), false);
                if (i < asks_.size()) add_pair(at(Side::Ask, i), rule == ChecksumRule::SignedAsks);
            }
        }
        return text_.sum();
    }

    template <class V>
    void visit(V& v) {
        for (Scale* scale : {&units_.price_scale, &units_.size_scale}) {
            v(scale->numerator, scale->denominator);
            if constexpr (V::kReading) {
                v.require(scale->numerator > 0 && scale->denominator > 0, "a unit is not above 0");
            }
        }
        v(bids_, asks_);
        if constexpr (V::kReading) {
            for (const Side side : {Side::Bid, Side::Ask}) {
                Levels& levels = of(side);
                for (TextLevel& level : levels) level = again(v, level);
                for (std::size_t i = 1; i < levels.size(); ++i) {
                    v.require(worse(side, levels[i - 1], levels[i].price),
                              "text levels are not in order");
                }
            }
        }
    }
    // A resting level of a saved state, its numbers read from its texts.
    template <class V>
    [[nodiscard]] TextLevel again(V& v, const TextLevel& saved) const {
        try {
            const TextLevel out = level(saved.price_text.view(), saved.size_text.view());
            v.require(out.size.raw != 0, "a text level has no size");
            return out;
        } catch (const InputError& error) {
            v.fail(error.what());
        }
    }

private:
    using Levels = std::vector<TextLevel>;

    [[nodiscard]] Levels& of(Side side) { return side == Side::Bid ? bids_ : asks_; }
    [[nodiscard]] const Levels& of(Side side) const { return side == Side::Bid ? bids_ : asks_; }

    [[nodiscard]] static bool worse(Side side, const TextLevel& level, Price price) {
        return side == Side::Bid ? level.price < price : level.price > price;
    }
    // The first level that is not worse than this price.
    [[nodiscard]] static Levels::iterator place(Side side, Levels& levels, Price price) {
        return std::lower_bound(
            levels.begin(), levels.end(), price,
            [side](const TextLevel& level, Price p) { return worse(side, level, p); });
    }

    [[nodiscard]] static i64 number(std::string_view text, const char* field, const Scale& scale) {
        if (text.size() > NumberText::kMost) {
            throw InputError("has more than " + std::to_string(NumberText::kMost) + " characters",
                             field, std::string(text));
        }
        const auto decimal = Decimal::parse(text);
        if (!decimal) throw InputError("is no decimal number", field, std::string(text));
        const auto units = scale.units(*decimal);
        if (!units) {
            throw InputError(std::string("is no 64-bit number of the instrument's ") + field +
                                 " unit; it needs " + field + " unit " +
                                 Decimal{1, decimal->exponent}.text(),
                             field, std::string(text));
        }
        return *units;
    }

    void add_pair(const TextLevel& level, bool negative) const {
        text_.pair(level.price_text, level.size_text, negative);
    }

    Units units_;
    Levels bids_;
    Levels asks_;
    mutable ChecksumText text_;
};

// Single orders with their texts, in the order of their queues: for venues that sum those.
//
// A side is one vector of orders sorted by price and place in the queue, the best and first at the
// back; a table finds an order's place by its id. Worst case as TextBook's, over orders.
class TextOrders {
public:
    using Id = std::uint64_t;

    explicit TextOrders(const Units& units) : reader_(units) {}

    // As TextBook::level reads it.
    [[nodiscard]] TextLevel level(std::string_view price, std::string_view size) const {
        return reader_.level(price, size);
    }

    // An order as it is now; `rank` is its place among those of its price, low before high. One
    // that is known moves there.
    void set(Side side, Id id, i64 rank, const TextLevel& level) {
        remove(id);
        if (level.size.raw == 0) return;
        Orders& orders = of(side);
        const Place place{side, level.price, rank, id};
        orders.insert(find(orders, place), Order{level, rank, id});
        places_.emplace(id, place);
    }
    // Whether there was one.
    bool remove(Id id) {
        const auto known = places_.find(id);
        if (known == places_.end()) return false;
        Orders& orders = of(known->second.side);
        orders.erase(find(orders, known->second));
        places_.erase(known);
        return true;
    }
    void clear() {
        bids_.clear();
        asks_.clear();
        places_.clear();
    }
    // Orders of prices beyond the best `depth`, worst first, taken away.
    [[nodiscard]] std::vector<Id> truncate(Side side, std::size_t depth) {
        Orders& orders = of(side);
        std::size_t kept = 0;
        each(side, depth, [&](const Order&) { ++kept; });
        const auto excess = static_cast<std::ptrdiff_t>(orders.size() - kept);
        std::vector<Id> gone;
        std::transform(orders.begin(), orders.begin() + excess, std::back_inserter(gone),
                       [](const Order& o) { return o.id; });
        for (const Id id : gone) places_.erase(id);
        orders.erase(orders.begin(), orders.begin() + excess);
        return gone;
    }

    [[nodiscard]] std::size_t size(Side side) const { return of(side).size(); }

    // Every order of the best `depth` prices, asks first, price and size as Digits joins them.
    [[nodiscard]] std::uint32_t checksum_of_prices(std::size_t depth) const {
        for (const Side side : {Side::Ask, Side::Bid}) {
            each(side, depth, [&](const Order& o) {
                text_.digits(o.level.price_text);
                text_.digits(o.level.size_text);
            });
        }
        return text_.sum();
    }
    // The best `depth` orders, bid id:size:ask id:-size in turn.
    [[nodiscard]] std::uint32_t checksum_of_ids(std::size_t depth) const {
        const std::size_t n = std::min(depth, std::max(bids_.size(), asks_.size()));
        for (std::size_t i = 0; i < n; ++i) {
            for (const Side side : {Side::Bid, Side::Ask}) {
                const Orders& orders = of(side);
                if (i >= orders.size()) continue;
                const Order& order = orders[orders.size() - 1 - i];
                text_.pair(order.id, order.level.size_text, side == Side::Ask);
            }
        }
        return text_.sum();
    }

    // What `see(id, level)` is told of the best `depth` prices, in the order of their queues.
    template <typename See>
    void see(Side side, std::size_t depth, See see) const {
        each(side, depth, [&](const Order& o) { see(o.id, o.level); });
    }

    template <class V>
    void visit(V& v) {
        v(reader_, bids_, asks_);
        if constexpr (V::kReading) {
            v.require(reader_.size(Side::Bid) + reader_.size(Side::Ask) == 0,
                      "a reader of numbers holds levels");
            places_.clear();
            for (const Side side : {Side::Bid, Side::Ask}) {
                Orders& orders = of(side);
                for (auto order = orders.begin(); order != orders.end(); ++order) {
                    order->level = reader_.again(v, order->level);
                    const Place place{side, order->level.price, order->rank, order->id};
                    v.require(order == orders.begin() || before(*(order - 1), place),
                              "text orders are not in order");
                    v.require(places_.emplace(order->id, place).second, "an order is there twice");
                }
            }
        }
    }

private:
    struct Order {
        TextLevel level;
        i64 rank;
        Id id;

        template <class V>
        void visit(V& v) {
            v(level, rank, id);
        }
    };
    using Orders = std::vector<Order>;
    struct Place {
        Side side;
        Price price;
        i64 rank;
        Id id;
    };

    [[nodiscard]] Orders& of(Side side) { return side == Side::Bid ? bids_ : asks_; }
    [[nodiscard]] const Orders& of(Side side) const { return side == Side::Bid ? bids_ : asks_; }

    // Whether an order is worse than a place, or comes later.
    [[nodiscard]] static bool before(const Order& order, const Place& p) {
        if (order.level.price != p.price) {
            return p.side == Side::Bid ? order.level.price < p.price : order.level.price > p.price;
        }
        return std::pair(order.rank, order.id) > std::pair(p.rank, p.id);
    }
    // Where this order stands, or would: behind all that are worse or come later.
    [[nodiscard]] static Orders::iterator find(Orders& orders, const Place& place) {
        return std::lower_bound(orders.begin(), orders.end(), place, before);
    }

    template <typename See>
    void each(Side side, std::size_t depth, See see) const {
        const Orders& orders = of(side);
        std::size_t levels = 0;
        for (auto at = orders.rbegin(); at != orders.rend(); ++at) {
            const bool another = at == orders.rbegin() || (at - 1)->level.price != at->level.price;
            if (another && ++levels > depth) return;
            see(*at);
        }
    }

    TextBook reader_;  // of numbers; it holds no level
    Orders bids_;
    Orders asks_;
    std::unordered_map<Id, Place> places_;
    mutable ChecksumText text_;
};

}  // namespace bookflow
