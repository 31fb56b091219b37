// Volume-weighted average price, the distance of the last print from it, and that print.
#pragma once

#include <cmath>

#include "bookflow/anchor.hpp"

namespace bookflow {

class VWAP {
public:
    static constexpr std::string_view kName = "VWAP";
    static constexpr std::string_view kDoc =
        "Volume-weighted average price, sum(p v) / sum(v).\n\n"
        "In price, rounded once from sums of 128 bits. NaN without volume, or when more was taken\n"
        "back than printed. Every print of the volume counts; broken ones are taken back.\n"
        "anchor=\"14:30\" (UTC, every day) or a time in ns: the sums start anew after it, so that\n"
        "what is printed at the anchor still belongs to before.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Window window = Window::session();
        Anchor anchor;
        template <class V>
        void visit(V& v) {
            v("window", window, "over what it averages");
            v("anchor", anchor, Anchor::kMeaning);
        }
    };

    explicit VWAP(const Settings& s) : settings_(s), flow_(s.window), anchor_(s.anchor) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const { return anchor_.active(); }

    void step(const Moment& now, const Print& print) {
        if (anchor_.passed(now.ts.raw)) flow_.clear();
        if (!print.in_volume) return;
        flow_.add(now, {i128{print.price.raw} * print.size.raw, i128{print.size.raw}});
        if (print.is_trade()) last_ = print.price;
    }
    void read(const Moment& now, const Units& units, double* out) {
        if (anchor_.passed(now.ts.raw)) flow_.clear();
        *out = flow_.read(now, [&](auto notional, auto volume) {
            if (volume <= 0) return kNaN;
            if constexpr (std::is_same_v<decltype(volume), i128>) {
                if (fits(volume)) return units.price(notional, volume);
            }
            return units.price(static_cast<double>(notional) / static_cast<double>(volume));
        });
    }
    void restart(Restart what) { flow_.restart(what); }
    template <class V>
    void visit(V& v) {
        v(flow_, anchor_, last_);
    }

protected:
    // Beyond 2^64 units traded, price x volume may leave 128 bits: doubles then.
    [[nodiscard]] static bool fits(i128 volume) { return volume >> 64 == 0; }

    Settings settings_;
    Flow<2, i128> flow_;  // price x size, size
    AnchorWatch anchor_;
    Price last_ = kNoPrice;
};

enum class DeviationOutput : std::uint8_t { Relative, Absolute, Bp, Sd };
[[nodiscard]] constexpr std::array<std::string_view, 4> names_of(DeviationOutput) {
    return {"relative", "absolute", "bp", "sd"};
}

class VWAPDeviation : public VWAP {
public:
    static constexpr std::string_view kName = "VWAPDeviation";
    static constexpr std::string_view kDoc =
        "How far the last print is from the volume-weighted average price, (p - VWAP) / VWAP.\n\n"
        "A number without unit; NaN without volume. output=\"absolute\" is p - VWAP in price, "
        "\"bp\"\n"
        "10,000 times the relative one, \"sd\" (p - VWAP) / sd with the volume-weighted standard\n"
        "deviation sd = sqrt(sum(v p^2) / sum(v) - VWAP^2), from exact sums: NaN where it is 0, "
        "and "
        "over\na half-life, whose sums are not exact.";

    struct Settings {
        Window window = Window::session();
        DeviationOutput output = DeviationOutput::Relative;
        Anchor anchor;
        template <class V>
        void visit(V& v) {
            v("window", window, "over what it averages");
            v("output", output, "a fraction of the VWAP, a price, basis points, or deviations");
            v("anchor", anchor, Anchor::kMeaning);
        }
    };

    explicit VWAPDeviation(const Settings& s)
        : VWAP({s.window, s.anchor}), output_(s.output), squares_(s.window) {}
    [[nodiscard]] Settings settings() const {
        return {settings_.window, output_, settings_.anchor};
    }

    void step(const Moment& now, const Print& print) {
        start_anew_after(now);
        VWAP::step(now, print);
        if (output_ == DeviationOutput::Sd && print.in_volume) add_square(now, print);
    }

    void read(const Moment& now, const Units& units, double* out) {
        start_anew_after(now);
        if (last_ == kNoPrice) {
            *out = kNaN;
            return;
        }
        if (output_ == DeviationOutput::Sd) {
            *out = in_deviations(now);
            return;
        }
        *out = flow_.read(now, [&](auto notional, auto volume) {
            if (volume <= 0) return kNaN;
            if constexpr (std::is_same_v<decltype(volume), i128>) {
                if (fits(volume)) {
                    const i128 above = last_.raw * volume - notional;
                    if (output_ == DeviationOutput::Absolute) return units.price(above, volume);
                    return scaled(ratio(above, notional));
                }
            }
            const auto n = static_cast<double>(notional);
            const auto v = static_cast<double>(volume);
            const double above = static_cast<double>(last_.raw) * v - n;
            if (output_ == DeviationOutput::Absolute) return units.price(above / v);
            return scaled(quotient(above, n));
        });
    }
    void restart(Restart what) {
        VWAP::restart(what);
        squares_.restart(what);
    }
    template <class V>
    void visit(V& v) {
        VWAP::visit(v);
        if (output_ == DeviationOutput::Sd) v(squares_, origin_);
    }

private:
    void start_anew_after(const Moment& now) {
        if (!anchor_.passed(now.ts.raw)) return;
        flow_.clear();
        squares_.clear();
    }
    [[nodiscard]] double scaled(double relative) const {
        return output_ == DeviationOutput::Bp ? 10'000 * relative : relative;
    }
    // About the first print: the variance is the same, and squares stay small enough for 128 bits.
    void add_square(const Moment& now, const Print& print) {
        constexpr i128 lost = i128{1} << 123;  // what the sum takes for lost
        if (origin_ == kNoPrice) origin_ = print.price;
        const i128 d = i128{print.price.raw} - origin_.raw;
        i128 square = 0;
        if (__builtin_mul_overflow(d * d, i128{print.size.raw}, &square) || square > lost) {
            square = lost;
        }
        squares_.add(now, {d * print.size.raw, std::max(square, -lost), i128{print.size.raw}});
    }
    // (p V - sum(v p)) / sqrt(V sum(v p^2) - sum(v p)^2)
    [[nodiscard]] double in_deviations(const Moment& now) {
        return squares_.read(now, [&](auto first, auto second, auto volume) {
            if constexpr (std::is_same_v<decltype(volume), i128>) {
                if (volume <= 0 || !fits(volume)) return kNaN;
                // about the mean's own whole number, so that products stay below 128 bits
                const i128 whole = first / volume;
                const i128 rest = first - whole * volume;
                // sum(v (d - whole)^2) = second - whole (first + rest); what was taken back can
                // leave sums of no prints at all
                i128 about = 0;
                if (__builtin_mul_overflow(whole, first + rest, &about) ||
                    __builtin_sub_overflow(second, about, &about)) {
                    return kNaN;
                }
                const i128 above = (i128{last_.raw} - origin_.raw) * volume - first;
                i128 variance = 0;
                if (!__builtin_mul_overflow(about, volume, &variance) &&
                    !__builtin_sub_overflow(variance, rest * rest, &variance)) {
                    return variance <= 0 ? kNaN
                                         : static_cast<double>(above) /
                                               std::sqrt(static_cast<double>(variance));
                }
                const auto v = static_cast<double>(volume);
                const auto r = static_cast<double>(rest);
                const double wide = static_cast<double>(about) - r * r / v;
                return wide <= 0 ? kNaN : static_cast<double>(above) / std::sqrt(wide * v);
            } else {
                return kNaN;
            }
        });
    }

    DeviationOutput output_;
    Flow<3, i128> squares_;  // of d = price - origin: d x size, d^2 x size, size
    Price origin_ = kNoPrice;
};

class LastPrice {
public:
    static constexpr std::string_view kName = "LastPrice";
    static constexpr std::string_view kDoc =
        "The price of the last print.\n\nIn price; NaN before the first.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        template <class V>
        void visit(V&) {}
    };

    explicit LastPrice(const Settings& = {}) {}
    [[nodiscard]] Settings settings() const { return {}; }

    void step(const Moment&, const Print& print) {
        if (print.is_trade()) last_ = print.price;
    }
    void read(const Moment&, const Units& units, double* out) const {
        *out = last_ == kNoPrice ? kNaN : units.price(i128{last_.raw});
    }
    void restart(Restart) {}
    template <class V>
    void visit(V& v) {
        v(last_);
    }

private:
    Price last_ = kNoPrice;
};

}  // namespace bookflow
