// The touch: best prices and sizes, and what is read off them alone.
#pragma once

#include "bookflow/calculator.hpp"
#include "bookflow/plain_rows.hpp"

namespace bookflow {

// Remembers nothing but the touch it was last shown. One may have a column form, `plain`: its value
// in units of 1 where all is plain, as arithmetic without a branch.
class TouchState {
public:
    static constexpr Feed kFeed = Feed::Quotes;
    static constexpr bool kState = true;

    // Field by field: as a whole gcc copies them through memory, in halves that wait for stores.
    void step(const Moment&, const Quotes& q) { quotes_ = {q.bid, q.bid_size, q.ask, q.ask_size}; }
    void restart(Restart) {}
    template <class V>
    void visit(V& v) {
        v(quotes_);
    }

protected:
    Quotes quotes_;
};

struct NoSettings {
    template <class V>
    void visit(V&) {}
};

enum class TouchField : std::uint8_t { BidPrice, BidSize, AskPrice, AskSize };
[[nodiscard]] constexpr std::array<std::string_view, 4> names_of(TouchField) {
    return {"bid_price", "bid_size", "ask_price", "ask_size"};
}

class Touch : public TouchState {
public:
    static constexpr std::string_view kName = "Touch";
    static constexpr std::string_view kDoc =
        "One number of the touch: a best price or the size there.\n\n"
        "Prices in price, sizes in the instrument's size. NaN for an empty side.";

    struct Settings {
        TouchField of = TouchField::BidPrice;
        template <class V>
        void visit(V& v) {
            v("of", of, "which of the four numbers");
        }
    };

    explicit Touch(const Settings& s) : settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void read(const Moment&, const Units& units, double* out) const {
        switch (settings_.of) {
            case TouchField::BidPrice: *out = price(units, quotes_.bid); return;
            case TouchField::BidSize: *out = size(units, quotes_.bid_size); return;
            case TouchField::AskPrice: *out = price(units, quotes_.ask); return;
            case TouchField::AskSize: *out = size(units, quotes_.ask_size); return;
        }
    }

private:
    [[nodiscard]] static double price(const Units& units, Price p) {
        return p == kNoPrice ? kNaN : units.price(i128{p.raw});
    }
    [[nodiscard]] static double size(const Units& units, Size s) {
        return s == Size(0) ? kNaN : units.size(i128{s.raw});
    }

    Settings settings_;
};

class Mid : public TouchState {
public:
    static constexpr std::string_view kName = "Mid";
    static constexpr std::string_view kDoc =
        "The mid price, (Pa + Pb) / 2.\n\nIn price. NaN when a side is empty.";

    using Settings = NoSettings;
    explicit Mid(const Settings& = {}) {}
    [[nodiscard]] Settings settings() const { return {}; }

    void read(const Moment&, const Units& units, double* out) const {
        *out = quotes_.two_sided() ? units.price(i128{quotes_.bid.raw + quotes_.ask.raw}, 2) : kNaN;
    }
    [[gnu::always_inline]] static inline double plain(u64 bid, u64, u64 ask, u64) {
        return plain_double(bid + ask) / 2.0;
    }
};

enum class SpreadUnit : std::uint8_t { Ticks, BasisPoints, Price };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(SpreadUnit) {
    return {"ticks", "bp", "price"};
}

class Spread : public TouchState {
public:
    static constexpr std::string_view kName = "Spread";
    static constexpr std::string_view kDoc =
        "The quoted spread, Pa - Pb.\n\n"
        "In ticks (of the tick in force at the bid; in price units where the instrument has no\n"
        "grid), in basis points of the mid, or in price. Negative when crossed, 0 when locked, "
        "NaN\n"
        "when a side is empty.";

    struct Settings {
        SpreadUnit unit = SpreadUnit::Ticks;
        template <class V>
        void visit(V& v) {
            v("unit", unit, "the unit of the result");
        }
    };

    explicit Spread(const Settings& s) : settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void read(const Moment&, const Units& units, double* out) const {
        *out = kNaN;
        if (!quotes_.two_sided()) return;
        const i64 distance = quotes_.ask.raw - quotes_.bid.raw;
        switch (settings_.unit) {
            case SpreadUnit::Ticks: *out = units.ticks(distance, quotes_.bid); return;
            case SpreadUnit::BasisPoints:
                *out = ratio(i128{distance} * 20'000, i128{quotes_.bid.raw} + quotes_.ask.raw);
                return;
            case SpreadUnit::Price: *out = units.price(i128{distance}); return;
        }
    }

private:
    Settings settings_;
};

class WeightedMid : public TouchState {
public:
    static constexpr std::string_view kName = "WeightedMid";
    static constexpr std::string_view kDoc =
        "The mid weighted by the sizes of the opposite sides, I Pa + (1 - I) Pb with\n"
        "I = qb / (qb + qa).\n\n"
        "In price. NaN when a side is empty. Stoikov (2018), \"The micro-price\", section 1.";

    using Settings = NoSettings;
    explicit WeightedMid(const Settings& = {}) {}
    [[nodiscard]] Settings settings() const { return {}; }

    void read(const Moment&, const Units& units, double* out) const {
        *out = kNaN;
        if (!quotes_.two_sided()) return;
        const i128 weighted = i128{quotes_.bid_size.raw} * quotes_.ask.raw +
                              i128{quotes_.ask_size.raw} * quotes_.bid.raw;
        *out = units.price(weighted, i128{quotes_.bid_size.raw} + quotes_.ask_size.raw);
    }
};

}  // namespace bookflow
