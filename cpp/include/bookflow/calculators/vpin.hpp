// Volume-synchronised probability of informed trading.
#pragma once

#include "bookflow/calculator.hpp"

namespace bookflow {

enum class VpinOutput : std::uint8_t { Value, Age };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(VpinOutput) {
    return {"value", "age"};
}

class VPIN : public SignsPrints {
public:
    static constexpr std::string_view kName = "VPIN";
    static constexpr std::string_view kDoc =
        "VPIN, sum over the last n buckets of |VS - VB| / (n V), in [0, 1].\n\n"
        "A bucket is V = bucket_volume of traded volume; the excess of a trade goes to the next\n"
        "bucket, over as many as it fills. The value changes when a bucket completes, the first\n"
        "after n_buckets; the open bucket is not used. Volume without a known aggressor fills\n"
        "buckets but is neither bought nor sold. Buckets run on across sessions.\n"
        "output=\"age\" gives the volume since the last completed bucket, in the instrument's "
        "size.\n"
        "Easley, Lopez de Prado and O'Hara (2012), \"Flow toxicity and liquidity in a\n"
        "high-frequency world\", eq. 9.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Quantity bucket_volume;
        int n_buckets = 50;
        Sign sign;
        VpinOutput output = VpinOutput::Value;
        template <class V>
        void visit(V& v) {
            v("bucket_volume", bucket_volume, "V, the volume of a bucket");
            v("n_buckets", n_buckets, Range<int>{1, 1'000'000}, "n, over how many buckets");
            v("sign", sign, Sign::kMeaning);
            v("output", output, "VPIN itself, or the volume since its last change");
        }
    };

    explicit VPIN(const Settings& s) : SignsPrints(s.sign), settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void bind(const Units& units) {
        bucket_ = in_size_units(settings_.bucket_volume, units, kName, "bucket_volume");
    }

    void step(const Moment& now, const Print& print) {
        if (!print.in_flow) return;
        const Side side = signer_(now, print);
        const i64 sign =
            i64{side == Side::Bid} - i64{side == Side::Ask};  // no branch to mispredict
        i64 rest = print.size.raw;
        if (filled_ + rest < bucket_) {
            filled_ += rest;
            net_ += sign * rest;
            return;
        }
        const i64 part = bucket_ - filled_;
        complete(net_ + sign * part);
        rest -= part;
        // A trade of many buckets: those beyond the window would only push each other out.
        const i64 whole = rest / bucket_;
        for (i64 i = 0; i < std::min<i64>(whole, settings_.n_buckets); ++i)
            complete(sign * bucket_);
        filled_ = rest % bucket_;
        net_ = sign * filled_;
        derive();
    }
    void read(const Moment&, const Units& units, double* out) const {
        if (settings_.output == VpinOutput::Age) {
            *out = full() ? units.size(i128{filled_}) : kNaN;
        } else {
            *out = value_;
        }
    }
    void restart(Restart what) { signer_.restart(what); }

    // For prints in a row: less than `room` does not end the open bucket, so it may come as sums.
    [[nodiscard]] i64 room() const { return bucket_ - filled_; }
    void gather(i64 volume, i64 net) {
        filled_ += volume;
        net_ += net;
    }

    template <class V>
    void visit(V& v) {
        v(filled_, net_, imbalances_, signer_);
        if constexpr (V::kReading) {
            bool holds = filled_ >= 0 && filled_ <= std::max<i64>(bucket_ - 1, 0) &&
                         net_ >= -filled_ && net_ <= filled_ &&
                         imbalances_.size() <= static_cast<std::size_t>(settings_.n_buckets);
            sum_ = 0;  // not believed twice
            for (std::size_t i = 0; i < imbalances_.size(); ++i) {
                holds = holds && imbalances_[i] >= 0 && imbalances_[i] <= bucket_;
                sum_ += imbalances_[i];
            }
            v.require(holds, "VPIN's buckets are invalid");
            derive();
        }
    }

private:
    [[nodiscard]] bool full() const {
        return imbalances_.size() == static_cast<std::size_t>(settings_.n_buckets);
    }
    // Only a completed bucket changes the value: it is divided then, not at every read.
    void derive() { value_ = full() ? ratio(sum_, i128{settings_.n_buckets} * bucket_) : kNaN; }
    void complete(i64 net) {
        const i64 imbalance = net < 0 ? -net : net;
        if (full()) {
            sum_ -= imbalances_.front();
            imbalances_.pop_front();
        }
        imbalances_.push_back(imbalance);
        sum_ += imbalance;
    }

    Settings settings_;
    i64 bucket_ = 0;  // not known before bind
    i64 filled_ = 0;  // of the open bucket
    i64 net_ = 0;     // bought minus sold in it
    i128 sum_ = 0;    // of the imbalances inside the window
    double value_ = kNaN;
    Ring<i64> imbalances_;
};

}  // namespace bookflow
