// What is traded and in which units: price unit, tick (one step, bands of steps, or none), size
// unit. Everything inside the core is an integer number of these units.
#pragma once

#include <string>
#include <vector>

#include "bookflow/decimal.hpp"
#include "bookflow/error.hpp"
#include "bookflow/exact_division.hpp"

namespace bookflow {

struct TickBand {
    Decimal from;
    Decimal step;

    friend bool operator==(const TickBand&, const TickBand&) = default;

    template <class V>
    void visit(V& v) {
        v(from, step);
    }
};

// The instrument's scales in integers, as the calculators use them. The default (unit 1, tick 1)
// is that of calculators used alone.
class Units {
public:
    struct Band {
        Price from;
        i64 step;
        ExactDivision by_step;

        Band(Price from_, i64 step_)
            : from(from_), step(step_), by_step(static_cast<u64>(step_)), lift(lift_of(step_)) {}
        // Whether a price is a multiple of the step: lifted by one, so that it is never negative.
        [[nodiscard]] bool holds(Price price) const {
            return by_step.divides(static_cast<u64>(price.raw) + lift);
        }

    private:
        [[nodiscard]] static u64 lift_of(i64 step) {
            constexpr u64 above = u64{1} << 62;  // twice the largest price
            return (above / static_cast<u64>(step) + 1) * static_cast<u64>(step);
        }
        u64 lift;
    };

    Scale price_scale;
    Scale size_scale;
    std::vector<Band> bands;  // ascending; empty: no grid, distances in units

    [[nodiscard]] double price(i128 units, i128 divisor = 1) const {
        return price_scale.value(units, divisor);
    }
    [[nodiscard]] double size(i128 units) const { return size_scale.value(units); }
    // For sums that are no integers any more (exponentially weighted ones).
    [[nodiscard]] double price(double units) const { return units * factor(price_scale); }
    [[nodiscard]] double size(double units) const { return units * factor(size_scale); }
    [[nodiscard]] i64 tick_at(Price price) const {
        i64 step = bands.empty() ? 1 : bands.front().step;  // the first band reaches down as well
        for (const Band& band : bands) {
            if (price < band.from) break;
            step = band.step;
        }
        return step;
    }
    [[nodiscard]] double ticks(i64 distance, Price at) const {
        return ratio(distance, tick_at(at));
    }
    [[nodiscard]] bool on_grid(Price price) const {
        if (bands.empty()) return true;
        const Band* band = &bands.front();  // the first band reaches down as well
        for (const Band& next : bands) {
            if (price < next.from) break;
            band = &next;
        }
        return band->holds(price);
    }

private:
    [[nodiscard]] static double factor(const Scale& scale) {
        return static_cast<double>(scale.numerator) / static_cast<double>(scale.denominator);
    }
};

struct Instrument {
    std::string symbol;
    Decimal price_unit{1, -2};
    std::vector<TickBand> tick;  // none: no grid check
    Decimal size_unit{1, 0};
    Decimal multiplier{1, 0};
    bool inverse = false;
    std::uint32_t id = 0;

    friend bool operator==(const Instrument&, const Instrument&) = default;

    // Checks the whole declaration; every Units comes from here.
    [[nodiscard]] Units units() const {
        Units out;
        out.price_scale = scale("price_unit", price_unit);
        out.size_scale = scale("size_unit", size_unit);
        if (!multiplier.positive()) {
            throw InputError("must be above 0", "multiplier", multiplier.text());
        }
        for (const TickBand& band : tick) {
            const auto step = out.price_scale.units(band.step);
            if (!step || *step <= 0) {
                throw InputError(
                    "a tick must be a whole number of price units (" + price_unit.text() + ")",
                    "tick", band.step.text());
            }
            const auto from = out.price_scale.units(band.from);
            if (!from || (!out.bands.empty() && Price(*from) <= out.bands.back().from)) {
                throw InputError("bands begin at rising whole numbers of price units", "tick",
                                 band.from.text());
            }
            out.bands.emplace_back(Price(*from), *step);
        }
        return out;
    }

    // Read back, it may still be none that there can be: `units` says.
    template <class V>
    void visit(V& v) {
        v(symbol, inverse, id, price_unit, size_unit, multiplier, tick);
    }

private:
    [[nodiscard]] static Scale scale(const char* field, const Decimal& unit) {
        const auto scale = Scale::of(unit);
        if (!scale) {
            throw InputError("must be above 0, of at most 18 digits, within 1e-18 and 1e18", field,
                             unit.text());
        }
        return *scale;
    }
};

}  // namespace bookflow
