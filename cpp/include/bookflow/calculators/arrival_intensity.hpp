// How fast prints arrive.
#pragma once

#include "bookflow/calculators/traded_volume.hpp"
#include "bookflow/exponential.hpp"

namespace bookflow {

class HawkesIntensity : public SignsPrints {
public:
    static constexpr std::string_view kName = "HawkesIntensity";
    static constexpr std::string_view kDoc =
        "Intensity of the prints as a Hawkes process with an exponential kernel,\n"
        "lambda(t) = mu + alpha sum_j e^(-beta (t - t_j)) over the prints t_j before t.\n\n"
        "In prints a second. The defaults, mu = 0 and alpha = beta, give the exponentially "
        "weighted "
        "rate of\nprints. At a row that a print itself makes, that print is the one the intensity "
        "was there for and\ndoes not count (of several in one atomic event: the last), unless "
        "after=True; from then on it does.\nmu before the first print. Every session begins anew. "
        "\"both\" takes every print of the volume,\n\"buy\" and \"sell\" those of the flow with "
        "this aggressor; a broken print is not taken back. In steps\nS = e^(-beta dt) (S + 1), "
        "which forgets its rounding as it decays. The parameters are not fitted\nhere; stationary "
        "where alpha < beta.\n"
        "Hawkes (1971), \"Spectra of some self-exciting and mutually exciting point processes\"; "
        "the steps are\nOgata's (1981).";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        double mu = 0.0;
        double alpha = 1.0;
        double beta = 1.0;
        TradeSide of = TradeSide::Both;
        bool after = false;
        Sign sign;
        template <class V>
        void visit(V& v) {
            v("mu", mu, Range<double>{0.0, 1e6}, "the intensity without any print, in 1/s");
            v("alpha", alpha, Range<double>{0.0, 1e6}, "what a print adds to it, in 1/s");
            v("beta", beta, Range<double>{0.0, 1e6}, "how fast that decays, in 1/s");
            v("of", of, "whose prints");
            v("after", after, "whether the print of a row's own event counts");
            v("sign", sign, Sign::kMeaning);
        }
    };

    explicit HawkesIntensity(const Settings& s) : SignsPrints(s.sign), settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const { return true; }

    void step(const Moment& now, const Print& print) {
        if (!counts(now, print)) return;
        before_ = excited(now);
        last_ = now.ts;
        event_ = now.event;
    }
    void read(const Moment& now, const Units&, double* out) const {
        const bool at_print = last_ != kNoTime && now.event == event_ && now.ts == last_;
        const double sum = at_print && !settings_.after ? before_ : excited(now);
        *out = settings_.mu + settings_.alpha * sum;
    }
    void restart(Restart what) {
        signer_.restart(what);
        if (what != Restart::Session) return;
        before_ = 0.0;
        last_ = kNoTime;
    }
    template <class V>
    void visit(V& v) {
        v(before_, last_, event_, signer_);
        if constexpr (V::kReading) {
            v.require(before_ >= 0.0 && before_ <= 0x1p62, "an intensity is out of range");
        }
    }

private:
    [[nodiscard]] bool counts(const Moment& now, const Print& print) {
        if (settings_.of == TradeSide::Both) return print.is_trade();
        const Side wanted = settings_.of == TradeSide::Buy ? Side::Bid : Side::Ask;
        return print.in_flow && signer_(now, print) == wanted;
    }
    // The sum of the kernels as it stands now, the last print's included.
    [[nodiscard]] double excited(const Moment& now) const {
        if (last_ == kNoTime) return 0.0;
        const auto elapsed = static_cast<double>(now.ts.raw - last_.raw) / 1e9;
        return exp_minus(settings_.beta * std::max(elapsed, 0.0)) * (before_ + 1.0);
    }

    Settings settings_;
    double before_ = 0.0;  // the sum just before the last print
    Nanos last_ = kNoTime;
    i64 event_ = 0;  // the last print's
};

}  // namespace bookflow
