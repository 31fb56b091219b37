// What is left of the spread paid once some time has passed, and what the price moved meanwhile.
#pragma once

#include "bookflow/calculator.hpp"
#include "bookflow/calculators/spread_paid.hpp"

namespace bookflow {

// How long after a print its mid is looked at.
struct Horizon {
    static constexpr const char* kType = "horizon";
    static constexpr std::string_view kRule = "a span in time like \"5s\"";
    static constexpr bool kRequired = false;

    Span span{Span::Of::Time, 5'000'000'000, {}};

    friend bool operator==(const Horizon&, const Horizon&) = default;

    [[nodiscard]] static std::optional<Horizon> parse(const Value& v) {
        const std::string* text = std::get_if<std::string>(&v);
        const auto span = text == nullptr ? std::nullopt : Span::parse(*text);
        if (!span || span->of != Span::Of::Time) return std::nullopt;
        return Horizon{*span};
    }
    [[nodiscard]] Value value() const { return span.text(); }
};

// Prints wait for the mid their horizon ends at; `Derived::outcome` says what they are worth then.
template <class Derived>
class AfterPrint : public SignsPrints {
public:
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Horizon horizon;
        Window window;
        PrintWeight weight = PrintWeight::Trade;
        Sign sign;
        template <class V>
        void visit(V& v) {
            v("horizon", horizon, "how long after a print the mid is looked at");
            v("window", window, "over which prints");
            v("weight", weight, "whether prints count alike, or by their size");
            v("sign", sign, Sign::kMeaning);
        }
    };

    explicit AfterPrint(const Settings& s) : SignsPrints(s.sign), settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const { return true; }

    [[nodiscard]] bool wants_quotes() const { return true; }
    void until(const Moment& now) { resolve(now); }
    void quoted(const Moment& now, const Quotes& quotes) {
        resolve(now);  // by the touch that stood until now
        touch_ = {quotes.bid, quotes.ask};
        if (signer_.wants_quotes()) signer_.quoted(now, quotes);
    }
    void against(const Quotes& quotes) {
        touch_ = {quotes.bid, quotes.ask};
        signer_.against(quotes);
    }

    void step(const Moment& now, const Print& print) {
        resolve(now);
        if (!print.in_flow) return;
        const Side side = signer_(now, print);
        if (side == Side::None || !touch_.good()) return;
        const i64 weight = settings_.weight == PrintWeight::Volume ? print.size.raw : 1;
        const i64 from = Derived::from(print.price, touch_);
        pending_.push_back({now, from, side == Side::Bid ? weight : -weight});
    }
    void read(const Moment& now, const Units& units, double* out) {
        resolve(now);
        *out = flow_.read(now, [&](auto sum, auto weight) {
            if constexpr (std::is_same_v<decltype(sum), i128>) {
                return weight == 0 ? kNaN : units.price(sum, Derived::kParts * weight);
            } else {
                return units.price(quotient(sum, Derived::kParts * weight));
            }
        });
    }
    void restart(Restart what) {
        flow_.restart(what);
        signer_.restart(what);
        if (what == Restart::Row) return;
        touch_ = {};
        pending_.clear();
    }
    template <class V>
    void visit(V& v) {
        v(flow_, signer_, touch_, pending_);
        if constexpr (V::kReading) {
            constexpr i64 far = i64{1} << 62;
            Moment before{Nanos{0}};
            for (std::size_t i = 0; i < pending_.size(); ++i) {
                const Pending& one = pending_[i];
                v.require(one.at.ts >= before.ts && one.at.ts.raw < kMaxTime &&
                              one.at.event >= before.event && one.at.trade >= before.trade &&
                              one.from >= -far && one.from <= far && one.weight != 0 &&
                              one.weight >= -kMaxSize && one.weight <= kMaxSize,
                          "a print that waits is out of range");
                before = one.at;
            }
        }
    }

private:
    struct Pending {
        Moment at;
        i64 from = 0;    // twice the price compared with the mid to come
        i64 weight = 0;  // below 0: of a sell

        template <class V>
        void visit(V& v) {
            v(at, from, weight);
        }
    };

    // A print counts at its own moment: when it is found out changes no sum.
    void resolve(const Moment& now) {
        while (!pending_.empty() &&
               pending_.front().at.ts.raw < now.ts.raw - settings_.horizon.span.count) {
            const Pending& one = pending_.front();
            if (touch_.good()) {
                const i128 rise = i128{touch_.bid.raw} + touch_.ask.raw - one.from;
                const i64 weight = one.weight;
                flow_.add(one.at,
                          {Derived::kTowards * rise * weight, weight < 0 ? -weight : weight});
            }
            pending_.pop_front();
        }
    }

    Settings settings_;
    Flow<2, i128> flow_;
    TouchPrices touch_;
    Ring<Pending> pending_;
};

class RealisedSpread : public AfterPrint<RealisedSpread> {
public:
    static constexpr std::string_view kName = "RealisedSpread";
    static constexpr std::string_view kDoc =
        "Mean realised spread, 2 D (p - m'), with the mid m' a horizon after the print.\n\n"
        "In price; D = +1 for a buy, -1 for a sell; m' is as of the horizon's end. A print counts "
        "at\nits own time once time is known to be past that; with window=\"row\" in the row that "
        "finds out.\nPrints without a sign, or with a one-sided or crossed touch before them or "
        "then, do not count,\nnor do those whose horizon ends after a gap or the session. Alone, "
        "the "
        "touch then is the one given\nwith the first print that is later. NaN where none counts. "
        "Keeps the prints within the horizon.\n"
        "Huang and Stoll (1996), \"Dealer versus auction markets\", section 3.";
    using AfterPrint::AfterPrint;

    static constexpr int kTowards = -1;
    static constexpr int kParts = 1;
    [[nodiscard]] static i64 from(Price price, const TouchPrices&) { return 2 * price.raw; }
};

class PriceImpact : public AfterPrint<PriceImpact> {
public:
    static constexpr std::string_view kName = "PriceImpact";
    static constexpr std::string_view kDoc =
        "Mean price impact, D (m' - m): how far the mid followed a print within a horizon.\n\n"
        "In price: half of what the effective spread 2 D (p - m) has over the realised one, of the "
        "same\nprints. What counts when is as for `RealisedSpread`. NaN where none counts. Keeps "
        "the prints\nwithin the horizon.\n"
        "Huang and Stoll (1996), \"Dealer versus auction markets\", section 3.";
    using AfterPrint::AfterPrint;

    static constexpr int kTowards = 1;
    static constexpr int kParts = 2;
    [[nodiscard]] static i64 from(Price, const TouchPrices& touch) {
        return touch.bid.raw + touch.ask.raw;
    }
};

}  // namespace bookflow
