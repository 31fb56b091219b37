// How soon the touch is as good again as it was before a trade that hurt it.
#pragma once

#include "bookflow/calculator.hpp"
#include "bookflow/calculators/spread_realised.hpp"

namespace bookflow {

enum class Recovers : std::uint8_t { Spread, Depth };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(Recovers) {
    return {"spread", "depth"};
}

enum class ResilienceOutput : std::uint8_t { Time, Share };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(ResilienceOutput) {
    return {"time", "share"};
}

// A print waits for the next change of the touch. If that is for the worse the print was a shock,
// which waits until the touch is as good as before or its horizon ends; what is printed meanwhile
// is part of it.
class Resilience : public SignsPrints {
public:
    static constexpr std::string_view kName = "Resilience";
    static constexpr std::string_view kDoc =
        "Mean time until the touch has recovered from a trade, or the share that recovers.\n\n"
        "A print is a shock if the first change of the touch after it leaves a wider spread "
        "(of=\"spread\"),\nor, on the side that it hit, a worse price or less than `fraction` of "
        "the size (of=\"depth\"). It has\nrecovered at the first touch that is as good as the one "
        "before it: a spread no wider, or a price no\nworse with `fraction` of the size (a better "
        "price with any). Prints until then are part of the shock.\noutput=\"time\": seconds from "
        "the print to recovery, mean over those that recovered within the\nhorizon; \"share\": how "
        "many of all shocks did. A shock counts at its print's time, once it is known\nwhat became "
        "of it (with window=\"row\" in the row that finds out); those open at a gap or at a "
        "session's\nend do not count. The sign tells the side hit. Alone only spreads are known, "
        "from the touches given\nbefore prints. NaN where none counts.\n"
        "Large (2007), \"Measuring the resiliency of an electronic limit order book\"; Foucault, "
        "Kadan and\nKandel (2005), \"Limit order book as a market for liquidity\", section 3.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Recovers of = Recovers::Spread;
        double fraction = 1.0;
        Horizon horizon{{Span::Of::Time, 60'000'000'000, {}}};
        Window window;
        ResilienceOutput output = ResilienceOutput::Time;
        Sign sign;
        template <class V>
        void visit(V& v) {
            v("of", of, "what has to recover: the spread, or the size on the side hit");
            v("fraction", fraction, Range<double>{0.0, 1.0}, "of the size before, for depth");
            v("horizon", horizon, "how long a shock is waited for");
            v("window", window, "over which shocks");
            v("output", output, "the mean time in seconds, or the share that recovers");
            v("sign", sign, Sign::kMeaning);
        }
    };

    explicit Resilience(const Settings& s) : SignsPrints(s.sign), settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const { return true; }
    void require_alone() const {
        if (settings_.of == Recovers::Spread) return;
        throw InputError("is for a pipeline: alone the sizes of the touch are not known",
                         std::string(kName) + ".of", "depth");
    }

    [[nodiscard]] bool wants_quotes() const { return true; }
    void until(const Moment& now) { expire(now); }
    void quoted(const Moment& now, const Quotes& quotes) {
        see(now, quotes);
        if (signer_.wants_quotes()) signer_.quoted(now, quotes);
    }
    void against(const Quotes& quotes) {
        given_ = quotes;
        signer_.against(quotes);
    }

    void step(const Moment& now, const Print& print) {
        if (given_) see(now, *given_);
        given_.reset();
        expire(now);
        if (!print.in_flow || phase_ == Phase::Shocked) return;
        const Side aggressor = signer_(now, print);
        const bool depth = settings_.of == Recovers::Depth;
        if (!touch_.good() || (depth && aggressor == Side::None)) return;
        phase_ = Phase::Printed;
        at_ = now;
        before_ = touch_;
        hit_ = depth ? opposite(aggressor) : Side::None;
    }
    void read(const Moment& now, const Units&, double* out) {
        expire(now);
        constexpr i64 second = 1'000'000'000;
        *out = flow_.read(now, [&](auto ns, auto recovered, auto shocks) {
            return settings_.output == ResilienceOutput::Share ? quotient(recovered, shocks)
                                                               : quotient(ns, recovered * second);
        });
    }
    void restart(Restart what) {
        flow_.restart(what);
        signer_.restart(what);
        if (what == Restart::Row) return;
        touch_ = {};
        phase_ = Phase::Calm;
    }

    template <class V>
    void visit(V& v) {
        v(flow_, signer_, touch_, phase_, at_, before_, hit_);
        if constexpr (V::kReading) {
            v.require(phase_ <= Phase::Shocked, "a phase is unknown");
            v.require(settings_.of == Recovers::Spread ? hit_ == Side::None : hit_ <= Side::Ask,
                      "the side of a shock is invalid");
            v.require(phase_ == Phase::Calm || (at_.ts.raw >= 0 && at_.ts.raw < kMaxTime &&
                                                at_.event >= 0 && at_.trade >= 0 && before_.good()),
                      "a shock is out of range");
            v.require(plausible(touch_) && plausible(before_), "a touch is out of range");
        }
    }

private:
    // Whether what the last print may have done is not known yet, or is being waited for.
    enum class Phase : std::uint8_t { Calm, Printed, Shocked };

    void see(const Moment& now, const Quotes& quotes) {
        expire(now);
        const bool changed = quotes != touch_;
        touch_ = quotes;
        if (phase_ == Phase::Calm || !changed) return;
        const bool good = as_good();
        if (phase_ == Phase::Printed) {
            phase_ = good ? Phase::Calm : Phase::Shocked;
        } else if (good) {
            end(now.ts.raw - at_.ts.raw, 1);
        }
    }
    // Shocks end one after the other, so each can count at its print's own moment.
    void expire(const Moment& now) {
        if (phase_ == Phase::Calm || now.ts.raw - at_.ts.raw <= settings_.horizon.span.count) {
            return;
        }
        if (phase_ == Phase::Shocked) end(0, 0);
        phase_ = Phase::Calm;
    }
    void end(i64 ns, i64 recovered) {
        flow_.add(at_, {ns, recovered, 1});
        phase_ = Phase::Calm;
    }
    [[nodiscard]] bool as_good() const {
        if (settings_.of == Recovers::Spread) {
            return touch_.good() &&
                   touch_.ask.raw - touch_.bid.raw <= before_.ask.raw - before_.bid.raw;
        }
        const bool bid = hit_ == Side::Bid;
        const Price price = bid ? touch_.bid : touch_.ask;
        const Price was = bid ? before_.bid : before_.ask;
        if (price == kNoPrice || price != was) {
            return price != kNoPrice && (bid ? price > was : price < was);
        }
        const auto size = static_cast<double>((bid ? touch_.bid_size : touch_.ask_size).raw);
        return size >= settings_.fraction *
                           static_cast<double>((bid ? before_.bid_size : before_.ask_size).raw);
    }
    [[nodiscard]] static bool plausible(const Quotes& q) {
        const auto price = [](Price p) {
            return p == kNoPrice || (p.raw >= -kMaxPrice && p.raw <= kMaxPrice);
        };
        const auto size = [](Size s) { return s.raw >= 0 && s.raw <= kMaxSize; };
        return price(q.bid) && price(q.ask) && size(q.bid_size) && size(q.ask_size);
    }

    Settings settings_;
    Flow<3, i128> flow_;  // ns until recovery, shocks that recovered, all
    Quotes touch_;
    std::optional<Quotes> given_;  // alone: the touch that the next print comes with
    Phase phase_ = Phase::Calm;
    Moment at_;  // of the print
    Quotes before_;
    Side hit_ = Side::None;
};

}  // namespace bookflow
