// Volume-synchronised probability of informed trading.
#pragma once

#include "bookflow/volume_buckets.hpp"

namespace bookflow {

enum class VpinOutput : std::uint8_t { Value, Age, Partial, Buy, Sell, Start, End };
[[nodiscard]] constexpr std::array<std::string_view, 7> names_of(VpinOutput) {
    return {"value", "age", "partial", "buy", "sell", "start", "end"};
}

class VPIN : public SignsPrints {
public:
    static constexpr std::string_view kName = "VPIN";
    static constexpr std::string_view kDoc =
        "VPIN, sum over the last n buckets of |VS - VB| / (n V), in [0, 1].\n\n"
        "A bucket is V = bucket_volume of traded volume; the excess of a trade goes to the next\n"
        "bucket, over as many as it fills. The value changes when a bucket completes, the first\n"
        "after n_buckets; the open bucket is not used. Volume without a known aggressor fills\n"
        "buckets but is neither bought nor sold. Buckets run on across sessions unless\n"
        "per_session=True. bucket_volume=\"adv:N/B\" is the mean volume of the last N sessions "
        "over\n"
        "B, to the nearest size unit: nothing is filled before there are N (sessions without\n"
        "volume are none of them), an open bucket keeps the volume it began with, and the value "
        "is\n"
        "the mean of |VS - VB| / V, each rounded to 2^-52.\n"
        "Other outputs: age, the volume since the last completed bucket, once there is a value; "
        "buy\n"
        "and sell, of the last completed bucket; start and end, in ns (the nearest double), of "
        "the\n"
        "print in which it began and of the one that completed it; partial, |VS - VB| / V of the\n"
        "open bucket as far as it is filled, NaN when empty (it is no part of the value). Volumes\n"
        "are in the instrument's size. fills=\"aggressor\" makes prints of one stamp and side "
        "that\n"
        "follow one another one trade of the tick rule.\n"
        "Easley, Lopez de Prado and O'Hara (2012), \"Flow toxicity and liquidity in a\n"
        "high-frequency world\", eq. 9.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        WholeBucketVolume bucket_volume;
        int n_buckets = 50;
        Sign sign;
        bool per_session = false;
        VpinOutput output = VpinOutput::Value;
        Fills fills = Fills::Each;
        template <class V>
        void visit(V& v) {
            v("bucket_volume", bucket_volume, "V, the volume of a bucket");
            v("n_buckets", n_buckets, Range<int>{1, 1'000'000}, "n, over how many buckets");
            v("sign", sign, Sign::kMeaning);
            v("per_session", per_session, "whether buckets begin anew with every session");
            v("output", output, "VPIN itself, or what it is made of");
            v("fills", fills, kFillsMeaning);
        }
    };

    explicit VPIN(const Settings& s)
        : SignsPrints(s.sign, s.fills), settings_(s), sessions_(s.bucket_volume) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const {
        return settings_.output >= VpinOutput::Start || settings_.fills == Fills::Aggressor;
    }

    void bind(const Units& units) {
        if (sessions_.wanted()) return;
        const Quantity fixed{settings_.bucket_volume.fixed};
        next_ = in_size_units(fixed, units, kName, "bucket_volume");
        if (bucket_ == 0) bucket_ = next_;
    }

    void step(const Moment& now, const Print& print) {
        if (!print.in_flow) return;
        const Side side = signer_(now, print);
        const i64 size = print.size.raw;
        sessions_.traded(size);
        // no branch to mispredict
        const i64 known = -i64{side != Side::None};
        const i64 sign = i64{side == Side::Bid} - i64{side == Side::Ask};
        if (filled_ == 0) start_ = now.ts.raw;
        if (filled_ + size < bucket_) {
            filled_ += size;
            signed_ += known & size;
            net_ += sign * size;
            return;
        }
        if (bucket_ == 0) return;  // not known yet
        i64 rest = size;
        const i64 part = bucket_ - filled_;
        complete(now, signed_ + (known & part), net_ + sign * part);
        rest -= part;
        start_ = now.ts.raw;
        // A trade of many buckets: those beyond the window would only push each other out.
        const i64 volume = bucket_;
        const i64 whole = rest / volume;
        for (i64 i = 0; i < std::min<i64>(whole, settings_.n_buckets); ++i) {
            complete(now, known & volume, sign * volume);
        }
        filled_ = rest % volume;
        signed_ = known & filled_;
        net_ = sign * filled_;
        derive();
    }
    void read(const Moment&, const Units& units, double* out) const {
        switch (settings_.output) {
            case VpinOutput::Value: *out = value_; return;
            case VpinOutput::Age: *out = full() ? units.size(i128{filled_}) : kNaN; return;
            case VpinOutput::Partial: *out = ratio(net_ < 0 ? -net_ : net_, filled_); return;
            case VpinOutput::Buy: *out = last(units, last_net_); return;
            case VpinOutput::Sell: *out = last(units, -last_net_); return;
            case VpinOutput::Start: *out = time_value(last_start_); return;
            case VpinOutput::End: *out = time_value(last_end_); return;
        }
    }
    void restart(Restart what) {
        signer_.restart(what);
        if (what != Restart::Session) return;
        if (settings_.per_session) clear();
        if (!sessions_.end_session()) return;
        next_ = static_cast<i64>(std::min<i128>(sessions_.bucket(1), kMaxSize));
        if (filled_ == 0) bucket_ = next_;
    }

    // For prints in a row, where the value alone is asked for: less than `room` does not end the
    // open bucket, so it may come as sums.
    [[nodiscard]] i64 room() const { return bucket_ - filled_; }
    void gather(i64 volume, i64 net) {
        filled_ += volume;
        net_ += net;
    }

    template <class V>
    void visit(V& v) {
        if (sessions_.wanted()) v(bucket_);  // otherwise it is the settings'
        v(filled_, signed_, net_, imbalances_, last_signed_, last_net_, start_, last_start_,
          last_end_, sessions_, signer_);
        if constexpr (V::kReading) {
            if (sessions_.wanted()) {
                next_ = static_cast<i64>(std::min<i128>(sessions_.bucket(1), kMaxSize));
            }
            const bool known = bucket_ >= 0 && bucket_ <= kMaxSize && filled_ >= 0 &&
                               filled_ <= std::max<i64>(bucket_ - 1, 0) &&
                               (bucket_ == 0 || next_ > 0);
            v.require(known, "VPIN's open bucket is invalid");
            bool holds = within(signed_, net_, filled_) &&
                         within(last_signed_, last_net_, kMaxSize) &&
                         imbalances_.size() <= static_cast<std::size_t>(settings_.n_buckets);
            const i64 most = sessions_.wanted() ? kWhole : bucket_;
            sum_ = 0;  // not believed twice
            for (std::size_t i = 0; i < imbalances_.size(); ++i) {
                holds = holds && imbalances_[i] >= 0 && imbalances_[i] <= most;
                sum_ += imbalances_[i];
            }
            v.require(holds, "VPIN's buckets are invalid");
            derive();
        }
    }

private:
    static constexpr i64 kWhole = i64{1} << 52;  // an imbalance of 1, where V changes

    [[nodiscard]] static bool within(i64 signed_volume, i64 net, i64 volume) {
        return signed_volume >= 0 && signed_volume <= volume && net >= -signed_volume &&
               net <= signed_volume;
    }
    [[nodiscard]] bool full() const {
        return imbalances_.size() == static_cast<std::size_t>(settings_.n_buckets);
    }
    // What one side traded in the last completed bucket.
    [[nodiscard]] double last(const Units& units, i64 net) const {
        return imbalances_.empty() ? kNaN : units.size((i128{last_signed_} + net) / 2);
    }
    // Only a completed bucket changes the value: it is divided then, not at every read.
    void derive() {
        const i64 most = sessions_.wanted() ? kWhole : bucket_;
        value_ = full() ? ratio(sum_, i128{settings_.n_buckets} * most) : kNaN;
    }
    void complete(const Moment& now, i64 signed_volume, i64 net) {
        const i64 imbalance = net < 0 ? -net : net;
        if (full()) {
            sum_ -= imbalances_.front();
            imbalances_.pop_front();
        }
        imbalances_.push_back(sessions_.wanted() ? relative(imbalance) : imbalance);
        sum_ += imbalances_.back();
        last_signed_ = signed_volume;
        last_net_ = net;
        last_start_ = start_;
        last_end_ = now.ts.raw;
        bucket_ = next_;
    }
    // To the nearest 2^-52.
    [[nodiscard]] i64 relative(i64 imbalance) const {
        return static_cast<i64>((2 * i128{imbalance} * kWhole + bucket_) / (2 * i128{bucket_}));
    }
    void clear() {
        filled_ = signed_ = net_ = 0;
        imbalances_.clear();
        sum_ = 0;
        last_signed_ = last_net_ = 0;
        last_start_ = last_end_ = kNone;
        bucket_ = next_;
        value_ = kNaN;
    }

    Settings settings_;
    i64 bucket_ = 0;  // of the open bucket; not known before bind, or before enough sessions
    i64 filled_ = 0;
    i64 signed_ = 0;  // of it, by a known aggressor
    i64 net_ = 0;     // bought minus sold in it
    i64 start_ = kNone;
    i64 next_ = 0;  // the volume of buckets that begin now
    i128 sum_ = 0;  // of the imbalances inside the window
    double value_ = kNaN;
    Ring<i64> imbalances_;
    i64 last_signed_ = 0;  // of the last completed bucket
    i64 last_net_ = 0;
    i64 last_start_ = kNone;
    i64 last_end_ = kNone;
    SessionVolumes sessions_;
};

}  // namespace bookflow
