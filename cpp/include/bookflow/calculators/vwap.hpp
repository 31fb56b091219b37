// Volume-weighted average price, the distance of the last print from it, and that print.
#pragma once

#include "bookflow/calculator.hpp"

namespace bookflow {

class VWAP {
public:
    static constexpr std::string_view kName = "VWAP";
    static constexpr std::string_view kDoc =
        "Volume-weighted average price, sum(p v) / sum(v).\n\n"
        "In price, rounded once from sums of 128 bits. NaN without volume, or when more was taken\n"
        "back than printed. Every print of the volume counts; broken ones are taken back.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Window window = Window::session();
        template <class V>
        void visit(V& v) {
            v("window", window, "over what it averages");
        }
    };

    explicit VWAP(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const Print& print) {
        if (!print.in_volume) return;
        flow_.add(now, {i128{print.price.raw} * print.size.raw, i128{print.size.raw}});
        if (print.is_trade()) last_ = print.price;
    }
    void read(const Moment& now, const Units& units, double* out) {
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
        v(flow_, last_);
    }

protected:
    // Beyond 2^64 units traded, price x volume may leave 128 bits: doubles then.
    [[nodiscard]] static bool fits(i128 volume) { return volume >> 64 == 0; }

    Settings settings_;
    Flow<2, i128> flow_;  // price x size, size
    Price last_ = kNoPrice;
};

class VWAPDeviation : public VWAP {
public:
    static constexpr std::string_view kName = "VWAPDeviation";
    static constexpr std::string_view kDoc =
        "How far the last print is from the volume-weighted average price, (p - VWAP) / VWAP.\n\n"
        "A number without unit; NaN without volume.";
    using VWAP::VWAP;

    void read(const Moment& now, const Units&, double* out) {
        if (last_ == kNoPrice) {
            *out = kNaN;
            return;
        }
        *out = flow_.read(now, [&](auto notional, auto volume) {
            if (volume <= 0) return kNaN;
            if constexpr (std::is_same_v<decltype(volume), i128>) {
                if (fits(volume)) return ratio(last_.raw * volume - notional, notional);
            }
            const auto n = static_cast<double>(notional);
            return quotient(static_cast<double>(last_.raw) * static_cast<double>(volume) - n, n);
        });
    }
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
