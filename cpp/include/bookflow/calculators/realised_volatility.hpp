// How far the mid has gone, up and down.
#pragma once

#include <cmath>

#include "bookflow/calculator.hpp"

namespace bookflow {

class RealisedVolatility {
public:
    static constexpr std::string_view kName = "RealisedVolatility";
    static constexpr std::string_view kDoc =
        "Realised volatility of the mid, the square root of the sum of its squared changes.\n\n"
        "In price, over the whole window (not a year). With a half-life the squares decay: "
        "over\n\"ew:Nevents\", times sqrt(1 - l), it is the exponentially weighted volatility of "
        "RiskMetrics,\ns^2 = l s^2 + (1 - l) dm^2 at every event, with l = 2^(-1/N).\n"
        "A change is from one good state to the next; one-sided and crossed states are "
        "skipped, and nothing\nis differenced across a gap, a snapshot or a session's end. NaN "
        "before the first good state, 0\nover a window without a change.\n"
        "Andersen, Bollerslev, Diebold and Labys (2003), \"Modeling and forecasting realized "
        "volatility\",\nof prices in the place of their logarithms.";
    static constexpr Feed kFeed = Feed::Quotes;
    static constexpr bool kState = false;

    struct Settings {
        Window window;
        template <class V>
        void visit(V& v) {
            v("window", window, "over what the squared changes are summed");
        }
    };

    explicit RealisedVolatility(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const Quotes& quotes) {
        if (!quotes.good()) return;
        const i128 twice_mid = i128{quotes.bid.raw} + quotes.ask.raw;
        if (known_) {
            const i128 change = twice_mid - last_;
            flow_.add(now, {change * change});
        }
        last_ = twice_mid;
        known_ = ready_ = true;
    }
    void read(const Moment& now, const Units& units, double* out) {
        *out = ready_ ? flow_.read(
                            now,
                            [&](auto squares) {
                                return units.price(std::sqrt(static_cast<double>(squares)) / 2.0);
                            })
                      : kNaN;
    }
    void restart(Restart what) {
        flow_.restart(what);
        if (what != Restart::Row) known_ = false;
        if (restarts(settings_.window, what)) ready_ = false;
    }
    template <class V>
    void visit(V& v) {
        v(flow_, last_, known_, ready_);
        if constexpr (V::kReading) {
            constexpr i128 far = i128{1} << 62;
            v.require(last_ >= -far && last_ <= far, "a mid is out of range");
        }
    }

private:
    Settings settings_;
    Flow<1, i128> flow_;
    i128 last_ = 0;  // bid + ask of the last good state
    bool known_ = false;
    bool ready_ = false;
};

}  // namespace bookflow
