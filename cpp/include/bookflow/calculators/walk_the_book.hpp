// What it would cost to take an amount at once.
#pragma once

#include <span>
#include <utility>

#include "bookflow/calculator.hpp"
#include "bookflow/plain_rows.hpp"

namespace bookflow {

enum class WalkSide : std::uint8_t { Buy, Sell };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(WalkSide) {
    return {"buy", "sell"};
}
enum class WalkBy : std::uint8_t { Size, Notional };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(WalkBy) {
    return {"size", "notional"};
}
enum class WalkOutput : std::uint8_t {
    Average,
    CostTicks,
    CostBasisPoints,
    Unfilled,
    FilledAverage
};
[[nodiscard]] constexpr std::array<std::string_view, 5> names_of(WalkOutput) {
    return {"average", "cost_ticks", "cost_bp", "unfilled", "filled_average"};
}

// What is to be taken: a size, or a notional (price x size).
struct WalkAmount {
    static constexpr const char* kType = "amount";
    static constexpr std::string_view kRule =
        "above 0, in the instrument's size, by notional in price x size (alone: in units)";
    static constexpr bool kRequired = true;

    Decimal number{};

    friend bool operator==(const WalkAmount&, const WalkAmount&) = default;

    [[nodiscard]] static std::optional<WalkAmount> parse(const Value& v) {
        const Decimal* d = std::get_if<Decimal>(&v);
        if (d == nullptr || !d->positive()) return std::nullopt;
        return WalkAmount{*d};
    }
    [[nodiscard]] Value value() const { return number; }
};

// One price unit times one size unit, as a fraction.
class NotionalUnit {
public:
    NotionalUnit() = default;
    explicit NotionalUnit(const Units& units)
        : numerator_(i128{units.price_scale.numerator} * units.size_scale.numerator),
          denominator_(i128{units.price_scale.denominator} * units.size_scale.denominator) {
        const i128 common = gcd(numerator_, denominator_);
        numerator_ /= common;
        denominator_ /= common;
    }

    [[nodiscard]] double value(i128 k) const {
        i128 n = 0;
        if (!__builtin_mul_overflow(k, numerator_, &n)) return ratio(n, denominator_);
        return ratio(k, denominator_) * static_cast<double>(numerator_);
    }
    // How many units x is; nothing where they are not whole, or above 2^110.
    [[nodiscard]] std::optional<i128> units(const Decimal& x) const {
        i128 n = 0;
        i128 d = numerator_;
        if (__builtin_mul_overflow(i128{x.mantissa}, denominator_, &n)) return std::nullopt;
        for (int e = x.exponent; e != 0; e += e < 0 ? 1 : -1) {
            if (__builtin_mul_overflow(e < 0 ? d : n, i128{10}, e < 0 ? &d : &n)) {
                return std::nullopt;
            }
        }
        if (n % d != 0 || n / d > i128{1} << 110) return std::nullopt;
        return n / d;
    }

private:
    [[nodiscard]] static i128 gcd(i128 a, i128 b) {
        while (b != 0) a = std::exchange(b, a % b);
        return a;
    }

    i128 numerator_ = 1;
    i128 denominator_ = 1;
};

class WalkTheBook {
public:
    static constexpr std::string_view kName = "WalkTheBook";
    static constexpr std::string_view kDoc =
        "Walks the book: what an order for the whole amount at once would pay (side=\"buy\") or "
        "get.\n\n"
        "output=\"average\": the average price; \"cost_ticks\", \"cost_bp\": how much worse it is "
        "than the\n"
        "mid, (average - mid) for a buy and (mid - average) for a sell, in ticks of the tick in "
        "force at\n"
        "the bid or in basis points of the mid; \"unfilled\": what the book does not hold; "
        "\"filled_average\":\n"
        "the average price of what it holds. Nothing is extrapolated: average and cost are NaN "
        "while\n"
        "something is unfilled. by=\"notional\": the amount is one of price x size (without the\n"
        "instrument's multiplier), and the last level is taken in part, to a fraction of a size "
        "unit.\n"
        "No more than `levels` levels are taken; deeper ones count as not there.\n"
        "A side that is empty leaves everything unfilled; both empty: NaN. The costs are NaN "
        "without a\n"
        "mid (\"cost_bp\": without one above 0), all by notional is where a price is not above 0. "
        "Sums are\n"
        "of integers, rounded once (by notional: once more beyond 2^60).";
    static constexpr Feed kFeed = Feed::Depth;
    static constexpr bool kState = true;

    struct Settings {
        WalkAmount amount;
        WalkSide side = WalkSide::Buy;
        WalkBy by = WalkBy::Size;
        WalkOutput output = WalkOutput::Average;
        int levels = 5;
        template <class V>
        void visit(V& v) {
            v("amount", amount, "how much is taken");
            v("side", side, "\"buy\" takes asks, \"sell\" bids");
            v("by", by, "what the amount is one of");
            v("output", output, "what is told of it");
            v("levels", levels, Range<int>{1, kMaxLevels}, "how many levels are taken at most");
        }
    };

    explicit WalkTheBook(const Settings& s) : settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int levels() const { return settings_.levels; }

    void bind(const Units& units) {
        units_ = units;
        notional_ = NotionalUnit(units);
        if (settings_.by == WalkBy::Size) {
            amount_ = in_size_units(Quantity{settings_.amount.number}, units, kName, "amount");
            return;
        }
        const auto n = notional_.units(settings_.amount.number);
        if (!n) {
            throw InputError("must be a whole number of price units x size units, at most 2^110",
                             std::string(kName) + ".amount", settings_.amount.number.text());
        }
        amount_ = *n;
    }

    void step(const Moment&, const Depth& depth) {
        value_ = kNaN;
        if (depth.bids == 0 && depth.asks == 0) return;
        const bool buy = settings_.side == WalkSide::Buy;
        const auto& side = buy ? depth.ask : depth.bid;
        const int there = std::min(buy ? depth.asks : depth.bids, settings_.levels);
        const std::span levels(side.data(), static_cast<std::size_t>(there));
        const bool by_size = settings_.by == WalkBy::Size;
        const auto taken = by_size ? take_size(levels) : take_notional(levels);
        if (!taken) return;
        value_ = value_of(*taken, depth.bids > 0 ? depth.bid[0].price : kNoPrice,
                          depth.asks > 0 ? depth.ask[0].price : kNoPrice);
    }
    void read(const Moment&, const Units&, double* out) const { *out = value_; }
    void restart(Restart) {}
    [[nodiscard]] bool takes_rows() const { return settings_.by == WalkBy::Size; }
    [[gnu::always_inline]] inline void plain_rows(TouchRows x, std::size_t rows,
                                                  double* __restrict out) const {
        const auto levels = static_cast<std::size_t>(settings_.levels);
        const bool buy = settings_.side == WalkSide::Buy;
        for (std::size_t r = 0; r < rows; ++r) {
            const TouchRows row = x.from(r * levels);
            const i64* const prices = buy ? row.ask : row.bid;
            const i64* const sizes = buy ? row.ask_size : row.bid_size;
            Taken taken;
            i64 rest = static_cast<i64>(amount_);
            for (std::size_t i = 0; i < levels; ++i) {  // to the end: where it stops is no pattern
                const i64 size = std::min(rest, sizes[i]);
                taken.notional += i128{prices[i]} * size;
                rest -= size;
            }
            taken.unfilled = rest;
            taken.size = amount_ - rest;
            out[r] = value_of(taken, Price(row.bid[0]), Price(row.ask[0]));
        }
    }
    template <class V>
    void visit(V& v) {
        v(value_);
    }

private:
    // notional / size is the average price. Size is at most 2^61.
    struct Taken {
        i128 notional = 0;
        i128 size = 0;
        i128 unfilled = 0;
    };

    [[nodiscard]] std::optional<Taken> take_size(std::span<const PriceLevel> levels) const {
        Taken out;
        i64 rest = static_cast<i64>(amount_);
        for (const PriceLevel& level : levels) {
            if (rest == 0) break;
            const i64 size = std::min(rest, level.size.raw);
            out.notional += i128{level.price.raw} * size;
            rest -= size;
        }
        out.unfilled = rest;
        out.size = amount_ - rest;
        return out;
    }

    [[nodiscard]] std::optional<Taken> take_notional(std::span<const PriceLevel> levels) const {
        Taken out{0, 0, amount_};
        for (const PriceLevel& level : levels) {
            if (out.unfilled == 0) break;
            const i128 price = level.price.raw;
            if (price <= 0) return std::nullopt;
            const i128 whole = price * level.size.raw;
            if (whole <= out.unfilled) {
                out.notional += whole;
                out.size += level.size.raw;
                out.unfilled -= whole;
                continue;
            }
            // the size is out.size + unfilled / price: both are taken times the price
            const int far = width(amount_) + width(price) - 120;
            const int shift = std::max(far, 0);
            out.size = (out.size * price + out.unfilled) >> shift;
            out.notional = (amount_ >> shift) * price;
            out.unfilled = 0;
        }
        const int shift = std::max(width(out.size) - 61, 0);
        out.size >>= shift;
        out.notional >>= shift;
        return out;
    }

    [[nodiscard]] double value_of(const Taken& taken, Price bid, Price ask) const {
        switch (settings_.output) {
            case WalkOutput::Unfilled:
                return settings_.by == WalkBy::Size ? units_.size(taken.unfilled)
                                                    : notional_.value(taken.unfilled);
            case WalkOutput::FilledAverage:
                return taken.size > 0 ? units_.price(taken.notional, taken.size) : kNaN;
            case WalkOutput::Average:
                return taken.unfilled == 0 ? units_.price(taken.notional, taken.size) : kNaN;
            case WalkOutput::CostTicks:
            case WalkOutput::CostBasisPoints:
                if (taken.unfilled != 0 || bid == kNoPrice || ask == kNoPrice) return kNaN;
                return cost(taken, bid, ask);
        }
        return kNaN;
    }
    [[nodiscard]] double cost(const Taken& taken, Price bid, Price ask) const {
        const i128 twice_mid = i128{bid.raw} + ask.raw;
        const i128 above = 2 * taken.notional - taken.size * twice_mid;
        const i128 worse = settings_.side == WalkSide::Buy ? above : -above;
        if (settings_.output == WalkOutput::CostTicks) {
            return ratio(worse, 2 * taken.size * units_.tick_at(bid));
        }
        if (twice_mid <= 0) return kNaN;
        i128 scaled = 0;
        if (__builtin_mul_overflow(worse, i128{10'000}, &scaled)) {
            return ratio(worse, taken.size * twice_mid) * 1e4;
        }
        return ratio(scaled, taken.size * twice_mid);
    }

    [[nodiscard]] static int width(i128 x) { return detail::bit_width(static_cast<u128>(x)); }

    Settings settings_;
    Units units_;
    NotionalUnit notional_;
    i128 amount_ = 1;  // in units
    double value_ = kNaN;
};

}  // namespace bookflow
