// What trading costs, as the prints tell it: the spread paid, and the one their bounce implies.
#pragma once

#include <cmath>

#include "bookflow/calculator.hpp"

namespace bookflow {

enum class PrintWeight : std::uint8_t { Trade, Volume };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(PrintWeight) {
    return {"trade", "volume"};
}

class EffectiveSpread : public SignsPrints {
public:
    static constexpr std::string_view kName = "EffectiveSpread";
    static constexpr std::string_view kDoc =
        "Mean effective spread, 2 D (p - m), with the mid m before the print and D its sign.\n\n"
        "In price; D = +1 for a buy, -1 for a sell. weight=\"trade\": prints count alike, "
        "\"volume\": "
        "by\ntheir size. Prints without a sign, or with a one-sided or crossed touch before them, "
        "do "
        "not\ncount. NaN where none does.\n"
        "Huang and Stoll (1996), \"Dealer versus auction markets\", section 3.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Window window;
        PrintWeight weight = PrintWeight::Trade;
        Sign sign;
        template <class V>
        void visit(V& v) {
            v("window", window, "over which prints");
            v("weight", weight, "whether prints count alike, or by their size");
            v("sign", sign, Sign::kMeaning);
        }
    };

    explicit EffectiveSpread(const Settings& s)
        : SignsPrints(s.sign), settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    // The mid is the touch's, whatever tells the sign.
    [[nodiscard]] bool wants_quotes() const { return true; }
    void quoted(const Moment& now, const Quotes& quotes) {
        touch_ = {quotes.bid, quotes.ask};
        if (signer_.wants_quotes()) signer_.quoted(now, quotes);
    }
    void against(const Quotes& quotes) {
        touch_ = {quotes.bid, quotes.ask};
        signer_.against(quotes);
    }

    void step(const Moment& now, const Print& print) {
        if (!print.in_flow) return;
        const Side side = signer_(now, print);
        if (side == Side::None || !touch_.good()) return;
        // 2 (p - m) is a whole number of price units
        const i128 above = i128{2} * print.price.raw - touch_.bid.raw - touch_.ask.raw;
        const i128 paid = side == Side::Bid ? above : -above;
        const i128 weight = settings_.weight == PrintWeight::Volume ? print.size.raw : 1;
        flow_.add(now, {paid * weight, weight});
    }
    void read(const Moment& now, const Units& units, double* out) {
        *out = flow_.read(now, [&](auto paid, auto weight) {
            if constexpr (std::is_same_v<decltype(paid), i128>) {
                return weight == 0 ? kNaN : units.price(paid, weight);
            } else {
                return units.price(quotient(paid, weight));
            }
        });
    }
    void restart(Restart what) {
        flow_.restart(what);
        signer_.restart(what);
        if (what != Restart::Row) touch_ = {};
    }
    template <class V>
    void visit(V& v) {
        v(flow_, signer_, touch_);
    }

private:
    Settings settings_;
    Flow<2, i128> flow_;
    TouchPrices touch_;
};

class RollSpread {
public:
    static constexpr std::string_view kName = "RollSpread";
    static constexpr std::string_view kDoc =
        "Roll's implied spread, 2 sqrt(-cov(dp_t, dp_t-1)), from the bounce of successive "
        "prints.\n\n"
        "In price. dp is the change from print to print of the flow; the covariance has n - 1 "
        "below. "
        "NaN\nunder two pairs, and where the covariance is not negative: there is no bounce then. "
        "Nothing is\ndifferenced across a session's end.\n"
        "Roll (1984), \"A simple implicit measure of the effective bid-ask spread\", eq. 4.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Window window = Window::session();
        template <class V>
        void visit(V& v) {
            v("window", window, NoHalfLife{}, "over which prints");
        }
    };

    explicit RollSpread(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const Print& print) {
        if (!print.in_flow) return;
        if (seen_ > 0) {
            const i128 change = i128{print.price.raw} - last_.raw;
            if (seen_ > 1) flow_.add(now, {change * before_, change, before_, 1});
            before_ = change;
        }
        last_ = print.price;
        seen_ = std::min(seen_ + 1, 2);
    }
    void read(const Moment& now, const Units& units, double* out) {
        *out = flow_.read(now, [&](auto xy, auto x, auto y, auto n) {
            if constexpr (std::is_same_v<decltype(n), i128>) {
                i128 square = 0;
                i128 product = 0;
                i128 below = 0;  // -n (n - 1) cov
                const bool far = __builtin_mul_overflow(xy, n, &square) ||
                                 __builtin_mul_overflow(x, y, &product) ||
                                 __builtin_sub_overflow(product, square, &below);
                if (far || n < 2 || below <= 0) return kNaN;
                return units.price(2.0 * std::sqrt(ratio(below, n * (n - 1))));
            } else {
                return kNaN;
            }
        });
    }
    void restart(Restart what) {
        flow_.restart(what);
        if (what == Restart::Session) seen_ = 0;
    }
    template <class V>
    void visit(V& v) {
        v(flow_, last_, before_, seen_);
        if constexpr (V::kReading) {
            constexpr i128 far = i128{1} << 62;
            v.require(seen_ >= 0 && seen_ <= 2 && before_ >= -far && before_ <= far,
                      "Roll's last change is out of range");
        }
    }

private:
    Settings settings_;
    Flow<4, i128> flow_;  // products of successive changes, changes, those before, pairs
    Price last_;
    i128 before_ = 0;
    int seen_ = 0;  // whether there is a print, and a change
};

}  // namespace bookflow
