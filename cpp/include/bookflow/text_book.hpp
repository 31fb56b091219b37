// Levels that keep their numbers as the venue wrote them, for checksums over that text: a venue
// sums the digits it sent, and "0.0500" is not "0.05".
//
// A side is a vector of fixed-size levels sorted with the best at the back, like the book's own
// ladder: most changes are near the touch and move few of them. Worst case: a change far from the
// touch moves the whole side (80 bytes a level; venues with checksums send 25 to 1,000 levels).
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
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

private:
    std::array<char, kMost> chars_{};
    std::uint8_t size_ = 0;
};

struct TextLevel {
    Price price;
    Size size;
    NumberText price_text;
    NumberText size_text;
};

// How a venue joins the texts of its best levels.
enum class ChecksumRule : std::uint8_t {
    Digits,       // all asks, then all bids, without points and leading zeros, nothing between
    Alternating,  // bid price:bid size:ask price:ask size: ... of one level after the other
    SignedAsks,   // Alternating, the asks' sizes negative
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
        text_.clear();
        if (rule == ChecksumRule::Digits) {
            for (const Side side : {Side::Ask, Side::Bid}) {
                const std::size_t n = std::min(depth, size(side));
                for (std::size_t i = 0; i < n; ++i) {
                    add_digits(at(side, i).price_text.view());
                    add_digits(at(side, i).size_text.view());
                }
            }
        } else {
            for (std::size_t i = 0; i < std::min(depth, std::max(bids_.size(), asks_.size()));
                 ++i) {
                if (i < bids_.size()) add_pair(at(Side::Bid, i), false);
                if (i < asks_.size()) add_pair(at(Side::Ask, i), rule == ChecksumRule::SignedAsks);
            }
            if (!text_.empty()) text_.pop_back();
        }
        return crc32(text_);
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

    void add_digits(std::string_view number) const {
        const std::size_t start = text_.size();
        for (const char c : number) {
            if (c == '.' || (c == '0' && text_.size() == start)) continue;
            text_.push_back(c);
        }
    }
    void add_pair(const TextLevel& level, bool negative) const {
        text_.append(level.price_text.view()).push_back(':');
        if (negative) text_.push_back('-');
        text_.append(level.size_text.view()).push_back(':');
    }

    Units units_;
    Levels bids_;
    Levels asks_;
    mutable std::string text_;  // of a checksum, its memory kept
};

}  // namespace bookflow
