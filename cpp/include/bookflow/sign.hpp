// Who was the aggressor of a print: given by the venue, or taken from the prices, its own and those
// of the touch before it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "bookflow/fills.hpp"

namespace bookflow {

enum class SignRule : std::uint8_t { Aggressor, Tick, Quote, LeeReady, Emo, Clnv };
[[nodiscard]] constexpr std::array<std::string_view, 6> names_of(SignRule) {
    return {"aggressor", "tick", "quote", "lee_ready", "emo", "clnv"};
}

// A rule and, where it looks at the touch, how old that has to be: `lee_ready:2s`.
struct Sign {
    SignRule rule = SignRule::Aggressor;
    Span lag;  // in time; nothing: the touch just before

    static constexpr const char* kMeaning =
        "who the aggressor is: as given, by the tick rule, or by the touch before the print";
    static constexpr std::string_view kLagRule =
        "; the last four may name the age of the touch: \"lee_ready:2s\"";

    friend bool operator==(const Sign&, const Sign&) = default;

    [[nodiscard]] bool wants_quotes() const { return rule >= SignRule::Quote; }

    [[nodiscard]] static std::optional<Sign> parse(std::string_view text) {
        const std::size_t colon = text.find(':');
        const std::string_view word = text.substr(0, colon);
        const auto names = names_of(SignRule{});
        Sign out;
        std::size_t i = 0;
        while (i < names.size() && names[i] != word) ++i;
        if (i == names.size()) return std::nullopt;
        out.rule = static_cast<SignRule>(i);
        if (colon == std::string_view::npos) return out;
        const auto lag = Span::parse(text.substr(colon + 1));
        if (!lag || lag->of != Span::Of::Time || !out.wants_quotes()) return std::nullopt;
        out.lag = *lag;
        return out;
    }
    [[nodiscard]] std::string text() const {
        std::string out(names_of(rule)[static_cast<std::size_t>(rule)]);
        if (lag.count > 0) out += ":" + lag.text();
        return out;
    }
};

// What an unchanged price means to the tick rule.
enum class Zero : std::uint8_t { Carry, None };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(Zero) { return {"carry", "none"}; }

// Against the last different price; the first print has no sign.
class TickRule {
public:
    [[nodiscard]] Side sign(Price price, Zero zero = Zero::Carry) {
        const Side moved = last_ == kNoPrice || price == last_ ? Side::None
                           : price > last_                     ? Side::Bid
                                                               : Side::Ask;
        last_ = price;
        if (moved != Side::None) carried_ = moved;
        return zero == Zero::Carry ? carried_ : moved;
    }
    // Of a trade that goes on: the sign is its first print's, the price to compare with its last's.
    [[nodiscard]] Side same(Price price) {
        last_ = price;
        return carried_;
    }

    template <class V>
    void visit(V& v) {
        v(last_, carried_);
    }

private:
    Price last_ = kNoPrice;
    Side carried_ = Side::None;
};

// The prices of the touch that a print is compared with.
struct TouchPrices {
    Price bid = kNoPrice;
    Price ask = kNoPrice;

    friend bool operator==(const TouchPrices&, const TouchPrices&) = default;

    [[nodiscard]] bool good() const { return bid != kNoPrice && ask != kNoPrice && bid <= ask; }

    // Against the mid. Prices are at most 2^61: twice one fits.
    [[nodiscard]] Side by_mid(Price price) const {
        if (!good()) return Side::None;
        return one_of(2 * price.raw > bid.raw + ask.raw, 2 * price.raw < bid.raw + ask.raw);
    }
    // At the ask or the bid (Ellis, Michaely, O'Hara 2000).
    [[nodiscard]] Side by_touch(Price price) const {
        if (!good() || bid == ask) return Side::None;
        return one_of(price == ask, price == bid);
    }
    // In the outer 30 % of the spread (Chakrabarty, Li, Nguyen, Van Ness 2007).
    [[nodiscard]] Side by_outer_third(Price price) const {
        if (!good() || bid == ask) return Side::None;
        const i128 p = i128{10} * price.raw;
        const i128 a = ask.raw;
        const i128 b = bid.raw;
        return one_of(p >= 7 * a + 3 * b && price <= ask, p <= 3 * a + 7 * b && price >= bid);
    }

    template <class V>
    void visit(V& v) {
        v(bid, ask);
    }

private:
    [[nodiscard]] static Side one_of(bool buy, bool sell) {
        return buy ? Side::Bid : sell ? Side::Ask : Side::None;
    }
};

class Signer {
public:
    explicit Signer(const Sign& sign, Fills fills = Fills::Each)
        : rule_(sign.rule), lag_(sign.lag.count), run_(fills) {}

    [[nodiscard]] bool wants_quotes() const { return rule_ >= SignRule::Quote; }

    [[nodiscard]] Side operator()(const Moment& now, const Print& print) {
        if (rule_ == SignRule::Aggressor) return print.aggressor;
        if (rule_ == SignRule::Tick) return ticked(now, print);
        return by_quotes(now, print);
    }

    // The touch from this atomic event on.
    void quoted(const Moment& now, const Quotes& quotes) {
        const TouchPrices touch{quotes.bid, quotes.ask};
        if (lag_ == 0) {
            touch_ = touch;
            return;
        }
        age(now.ts.raw);
        if (younger_.empty() ? touch == touch_ : touch == younger_.back().touch) return;
        younger_.push_back({now.ts.raw, touch});
    }
    // The touch that the next print is compared with, whatever its age.
    void against(const Quotes& quotes) { touch_ = {quotes.bid, quotes.ask}; }

    void restart(Restart what) {
        if (what == Restart::Row) return;
        touch_ = {};
        younger_.clear();
    }

    template <class V>
    void visit(V& v) {
        v(tick_, run_);
        if (!wants_quotes()) return;
        v(touch_, younger_);
        if constexpr (V::kReading) {
            i64 before = 0;
            for (std::size_t i = 0; i < younger_.size(); ++i) {
                const i64 ts = younger_[i].ts;
                v.require(lag_ > 0 && ts >= before && ts < kMaxTime, "a touch's time is invalid");
                before = ts;
            }
        }
    }

private:
    struct Stamped {
        i64 ts = 0;
        TouchPrices touch;

        template <class V>
        void visit(V& v) {
            v(ts, touch);
        }
    };

    [[nodiscard]] Side ticked(const Moment& now, const Print& print) {
        return run_.goes_on(now, print) ? tick_.same(print.price) : tick_.sign(print.price);
    }
    [[nodiscard]] Side by_quotes(const Moment& now, const Print& print) {
        const Price price = print.price;
        const Side by_tick = ticked(now, print);  // it has to see every print
        if (lag_ > 0) age(now.ts.raw);
        Side told = Side::None;
        if (rule_ == SignRule::Emo) {
            told = touch_.by_touch(price);
        } else if (rule_ == SignRule::Clnv) {
            told = touch_.by_outer_third(price);
        } else {
            told = touch_.by_mid(price);
        }
        return told != Side::None || rule_ == SignRule::Quote ? told : by_tick;
    }
    // Only what is younger than the lag is kept, and the one that is not.
    void age(i64 now) {
        while (!younger_.empty() && younger_.front().ts <= now - lag_) {
            touch_ = younger_.front().touch;
            younger_.pop_front();
        }
    }

    SignRule rule_;
    i64 lag_;
    FillRun run_;
    TickRule tick_;
    TouchPrices touch_;
    Ring<Stamped> younger_;
};

// A calculator that signs prints, as its base: how the touch gets to its signer.
class SignsPrints {
public:
    explicit SignsPrints(const Sign& sign, Fills fills = Fills::Each) : signer_(sign, fills) {}

    [[nodiscard]] bool wants_quotes() const { return signer_.wants_quotes(); }
    void quoted(const Moment& now, const Quotes& quotes) { signer_.quoted(now, quotes); }
    void against(const Quotes& quotes) { signer_.against(quotes); }

protected:
    Signer signer_;
};

}  // namespace bookflow
