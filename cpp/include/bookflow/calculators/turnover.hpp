// Money that changed hands.
#pragma once

#include <cmath>

#include "bookflow/calculator.hpp"
#include "bookflow/fold.hpp"

namespace bookflow {

class Turnover {
public:
    static constexpr std::string_view kName = "Turnover";
    static constexpr std::string_view kDoc =
        "Turnover, the sum of price times size.\n\n"
        "In price times the instrument's size; a contract's multiplier is not in it. Every print "
        "of "
        "the\nvolume counts, broken ones are taken back; 0 over a window without any.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Window window;
        template <class V>
        void visit(V& v) {
            v("window", window, "over what it is summed");
        }
    };

    explicit Turnover(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const Print& print) {
        if (print.in_volume) flow_.add(now, {i128{print.price.raw} * print.size.raw});
    }
    void read(const Moment& now, const Units& units, double* out) {
        *out = flow_.read(
            now, [&](auto sum) { return units.price(units.size(1.0) * static_cast<double>(sum)); });
    }
    void restart(Restart what) { flow_.restart(what); }
    template <class V>
    void visit(V& v) {
        v(flow_);
    }

private:
    Settings settings_;
    Flow<1, i128> flow_;  // price x size
};

// A sum of floats: merged, never subtracted.
struct Sum {
    using Sample = std::array<double, 1>;
    double x = 0;

    [[nodiscard]] static Sum of(const Sample& s) { return {s[0]}; }
    [[nodiscard]] Sum scaled(double factor) const { return {x * factor}; }
    [[nodiscard]] friend Sum merged(const Sum& a, const Sum& b) { return {a.x + b.x}; }
    template <class V>
    void visit(V& v) {
        v(x);
        if constexpr (V::kReading) v.require(std::isfinite(x), "a sum is not finite");
    }
};

class SignedRootTurnover : public SignsPrints {
public:
    static constexpr std::string_view kName = "SignedRootTurnover";
    static constexpr std::string_view kDoc =
        "Sum of sign sqrt(price x size) over the prints, what Hasbrouck's lambda is fitted on.\n\n"
        "In the root of price times size; prints whose aggressor is not known, and those at a "
        "price "
        "below 0,\ncount nothing. Sums of floats, merged and never subtracted; 0 over a window "
        "without any.\n"
        "Hasbrouck (2009), \"Trading costs and returns for U.S. equities\", eq. 6.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Window window;
        Sign sign;
        template <class V>
        void visit(V& v) {
            v("window", window, "over what it is summed");
            v("sign", sign, Sign::kMeaning);
        }
    };

    explicit SignedRootTurnover(const Settings& s)
        : SignsPrints(s.sign), settings_(s), fold_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const Print& print) {
        if (!print.in_flow) return;
        const Side side = signer_(now, print);
        if (side == Side::None || print.price.raw <= 0) return;
        const double root =
            std::sqrt(static_cast<double>(print.price.raw) * static_cast<double>(print.size.raw));
        fold_.add(now, {side == Side::Bid ? root : -root});
    }
    void read(const Moment& now, const Units& units, double* out) const {
        *out = fold_.read(now).x * std::sqrt(units.price(units.size(1.0)));
    }
    void restart(Restart what) {
        fold_.restart(what);
        signer_.restart(what);
    }
    template <class V>
    void visit(V& v) {
        v(fold_, signer_);
    }

private:
    Settings settings_;
    Fold<Sum> fold_;
};

}  // namespace bookflow
