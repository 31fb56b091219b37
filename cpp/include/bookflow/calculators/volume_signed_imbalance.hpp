// Volume signed by the sign of the price change.
#pragma once

#include "bookflow/calculator.hpp"

namespace bookflow {

class VolumeSignedImbalance {
public:
    static constexpr std::string_view kName = "VolumeSignedImbalance";
    static constexpr std::string_view kDoc =
        "Volume signed by the sign of the price change from print to print, summed.\n\n"
        "In the instrument's size; with normalised=True over all volume of the window, in [-1, "
        "1],\n"
        "NaN without volume. zero=\"carry\" gives an unchanged price the sign of the last change\n"
        "(the tick rule), zero=\"none\" gives it no sign. The first print has none.\n"
        "Lee and Ready (1991), the tick test.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Window window;
        Zero zero = Zero::Carry;
        bool normalised = false;
        template <class V>
        void visit(V& v) {
            v("window", window, "over what it is summed");
            v("zero", zero, "the sign of an unchanged price");
            v("normalised", normalised, "divide by the window's volume");
        }
    };

    explicit VolumeSignedImbalance(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const Print& print) {
        if (!print.in_flow) return;
        const Side side = tick_.sign(print.price, settings_.zero);
        const i64 size = print.size.raw;
        flow_.add(now, {side == Side::Bid ? size : side == Side::Ask ? -size : 0, size});
    }
    void read(const Moment& now, const Units& units, double* out) {
        *out = flow_.read(now, [&](auto net, auto volume) {
            return settings_.normalised ? quotient(net, volume) : units.size(net);
        });
    }
    void restart(Restart what) { flow_.restart(what); }
    template <class V>
    void visit(V& v) {
        v(flow_, tick_);
    }

private:
    Settings settings_;
    Flow<2> flow_;
    TickRule tick_;
};

}  // namespace bookflow
