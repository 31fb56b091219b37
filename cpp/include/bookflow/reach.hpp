// How far into the book a calculator looks: so many levels, or a distance from the mid.
#pragma once

#include <span>

#include "bookflow/calculator.hpp"

namespace bookflow {

enum class ReachBy : std::uint8_t { Level, Ticks, BasisPoints };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(ReachBy) {
    return {"level", "ticks", "bp"};
}

enum class DepthSide : std::uint8_t { Bid, Ask, Both };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(DepthSide) {
    return {"bid", "ask", "both"};
}

// A distance from the mid, in ticks or basis points; None where levels are counted.
struct Distance {
    static constexpr const char* kType = "distance";
    static constexpr std::string_view kRule =
        "a number above 0, at most 1e9 and of at most 6 decimals; None where by=\"level\"";
    static constexpr bool kRequired = false;

    Decimal number{};
    i64 millionths = 0;

    friend bool operator==(const Distance&, const Distance&) = default;

    [[nodiscard]] bool given() const { return millionths > 0; }
    [[nodiscard]] static std::optional<Distance> parse(const Value& v) {
        if (std::holds_alternative<Nothing>(v)) return Distance{};
        const Decimal* d = std::get_if<Decimal>(&v);
        const auto n = d == nullptr ? std::nullopt : Scale{1, 1'000'000}.units(*d);
        if (!n || *n <= 0 || *n > 1'000'000'000'000'000) return std::nullopt;
        return Distance{*d, *n};
    }
    [[nodiscard]] Value value() const {
        if (!given()) return Nothing{};
        return number;
    }
};

[[nodiscard]] inline i128 size_of(std::span<const PriceLevel> levels) {
    i128 size = 0;
    for (const PriceLevel& level : levels) size += level.size.raw;
    return size;
}

// The settings of whoever looks so far.
struct ReachSettings {
    int levels = 5;
    ReachBy by = ReachBy::Level;
    Distance within;

    template <class V>
    void visit_levels(V& v) {
        v("levels", levels, Range<int>{1, kMaxLevels}, "how many levels of each side, at most");
    }
    template <class V>
    void visit_distance(V& v) {
        v("by", by, "whether all those levels count, or those near the mid, and in which unit");
        v("within", within, "the distance from the mid up to which levels count");
    }
};

class Reach {
public:
    // The levels within reach. By distance nothing is defined without a mid, in basis points
    // without one above 0.
    struct View {
        std::span<const PriceLevel> bids;
        std::span<const PriceLevel> asks;
        bool defined = true;
        i64 twice_mid = 0;  // where the book is two-sided
        i128 reach = 0;     // the distance, in 1 / scale of half a price unit
        i64 scale = 1;
        double per_unit = 1.0;  // half price units a tick or a basis point

        // Of a price from the mid, in half price units.
        [[nodiscard]] u128 distance(Price p) const {
            const i128 d = i128{2} * p.raw - twice_mid;
            return static_cast<u128>(d < 0 ? -d : d);
        }
        // reach - distance, but for the unit; never negative within reach.
        [[nodiscard]] double left(Price p) const {
            return static_cast<double>(reach - static_cast<i128>(distance(p)) * scale);
        }
        // In ticks or basis points.
        [[nodiscard]] double away(Price p) const {
            return static_cast<double>(distance(p)) / per_unit;
        }
    };

    Reach(std::string_view calculator, const ReachSettings& s) : settings_(s) {
        const std::string field = std::string(calculator) + ".within";
        if (s.by == ReachBy::Level && s.within.given()) {
            throw InputError("must be None where by=\"level\"", field, s.within.number.text());
        }
        if (s.by != ReachBy::Level && !s.within.given()) {
            throw InputError(
                "is required where by is not \"level\": " + std::string(Distance::kRule), field);
        }
    }
    void bind(const Units& units) { units_ = units; }
    [[nodiscard]] const Units& units() const { return units_; }

    [[nodiscard]] View look(const Depth& depth) const {
        View out;
        out.bids = {depth.bid.data(), static_cast<std::size_t>(std::min(depth.bids, levels()))};
        out.asks = {depth.ask.data(), static_cast<std::size_t>(std::min(depth.asks, levels()))};
        const bool two_sided = depth.bids > 0 && depth.asks > 0;
        if (two_sided) out.twice_mid = depth.bid[0].price.raw + depth.ask[0].price.raw;
        if (settings_.by == ReachBy::Level) return out;

        out.defined = two_sided && (settings_.by == ReachBy::Ticks || out.twice_mid > 0);
        if (!out.defined) return out;
        if (settings_.by == ReachBy::Ticks) {
            const i64 tick = units_.tick_at(depth.bid[0].price);
            out.reach = i128{settings_.within.millionths} * 2 * tick;
            out.scale = 1'000'000;
            out.per_unit = 2.0 * static_cast<double>(tick);
        } else {
            out.reach = i128{settings_.within.millionths} * out.twice_mid;
            out.scale = 10'000'000'000;
            out.per_unit = static_cast<double>(out.twice_mid) / 10'000.0;
        }
        const i128 most = out.reach / out.scale;
        out.bids = between(out.bids, out.twice_mid - most, out.twice_mid + most);
        out.asks = between(out.asks, out.twice_mid - most, out.twice_mid + most);
        return out;
    }

private:
    [[nodiscard]] int levels() const { return settings_.levels; }
    // Those of which twice the price lies in [low, high]. The best ones of a crossed book may not.
    [[nodiscard]] static std::span<const PriceLevel> between(std::span<const PriceLevel> side,
                                                             i128 low, i128 high) {
        constexpr i128 far = i128{4} * kMaxPrice;
        const i64 from = static_cast<i64>(std::max(low, -far + 1));
        const i64 to = static_cast<i64>(std::min(high, far - 1));
        const auto holds = [&](std::size_t i) {
            const i64 twice = 2 * side[i].price.raw;
            return twice >= from && twice <= to;
        };
        std::size_t first = 0;
        while (first < side.size() && !holds(first)) ++first;
        std::size_t last = first;
        while (last < side.size() && holds(last)) ++last;
        return side.subspan(first, last - first);
    }

    ReachSettings settings_;
    Units units_;
};

}  // namespace bookflow
