// Bought and sold volume of the last bars by bulk classification.
#pragma once

#include "bookflow/bulk_bars.hpp"

namespace bookflow {

enum class BulkOf : std::uint8_t { Share, Net, Buy, Sell };
[[nodiscard]] constexpr std::array<std::string_view, 4> names_of(BulkOf) {
    return {"share", "net", "buy", "sell"};
}

class BulkVolume {
public:
    static constexpr std::string_view kName = "BulkVolume";
    static constexpr std::string_view kDoc =
        "Bulk volume classification: VB = sum V_i Z(dP_i / sigma) over the last n closed bars.\n\n"
        "of=\"share\" gives VB / (VB + VS), in [0, 1]; net (VB - VS), buy and sell are volumes in\n"
        "the instrument's size. Z is the normal distribution function or Student's t. dP = 0 and "
        "a\n"
        "bar without a close before it are split 50/50; sigma = 0 gives all to the side of dP. A\n"
        "trailing sigma (n-1) ends at the bar before and is over traded bars; until it has them\n"
        "all a bar is not classified. NaN until n bars of the session are. A bar (t - bar, t] is\n"
        "closed by what comes after t, so a row at t itself shows the bars before.\n"
        "Easley, Lopez de Prado and O'Hara (2012), eq. 7; `bulk_sigma` has the papers' sigma of\n"
        "the whole sample.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        BulkOf of = BulkOf::Share;
        int n_bars = 1;
        BulkSettings bulk;
        template <class V>
        void visit(V& v) {
            v("of", of, "the share of buyers, or a volume");
            v("n_bars", n_bars, Range<int>{1, 10'000}, "n, over how many bars");
            bulk.visit(v);
        }
    };

    explicit BulkVolume(const Settings& s) : settings_(s), bars_(s.bulk) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const { return bars_.needs_time(); }
    void bind(const Units& units) { bars_.bind(units); }

    void step(const Moment& now, const Print& print) {
        if (print.in_flow) bars_.step(now, print, [&](const BulkBar& bar) { add(bar); });
    }
    void read(const Moment& now, const Units& units, double* out) {
        bars_.close_before(now.ts.raw, [&](const BulkBar& bar) { add(bar); });
        if (changed_) {
            value_ = derived(units);
            changed_ = false;
        }
        *out = value_;
    }
    void restart(Restart what) {
        if (what != Restart::Session) return;
        bars_.end_session([](const BulkBar&) {});
        volumes_.clear();
        volume_ = buy_ = 0;
        changed_ = true;
    }

    template <class V>
    void visit(V& v) {
        v(bars_, volumes_);
        if constexpr (V::kReading) {
            bool holds = volumes_.size() <= static_cast<std::size_t>(settings_.n_bars);
            volume_ = buy_ = 0;
            changed_ = true;
            for (std::size_t i = 0; i < volumes_.size() && holds; ++i) {
                const auto& [volume, buy] = volumes_[i];
                holds = volume > 0 && volume <= kMost * kOne && buy >= 0 && buy <= volume;
                volume_ += volume;
                buy_ += buy;
            }
            v.require(holds, "the volumes of the bars are invalid");
        }
    }

private:
    // Volumes in 2^-50 of a size unit: shares of them are integers, and sums of those exact. Ten
    // thousand of the largest bars stay within 128 bits.
    static constexpr i128 kOne = i128{1} << 50;
    static constexpr i128 kMost = i128{1} << 62;

    // Divided once a bar: most rows see the end of none.
    [[nodiscard]] double derived(const Units& units) const {
        if (volumes_.size() < static_cast<std::size_t>(settings_.n_bars)) return kNaN;
        const auto size = [&](i128 fine) { return units.size_scale.value(fine, kOne); };
        switch (settings_.of) {
            case BulkOf::Share:
                // halves, as of prints that change no price: a quotient of small numbers
                if ((buy_ & (kOne / 2 - 1)) == 0)
                    return ratio(buy_ / (kOne / 2), volume_ / (kOne / 2));
                return ratio(buy_, volume_);
            case BulkOf::Net: return size(2 * buy_ - volume_);
            case BulkOf::Buy: return size(buy_);
            case BulkOf::Sell: return size(volume_ - buy_);
        }
        return kNaN;
    }
    void add(const BulkBar& bar) {
        changed_ = true;
        if (volumes_.size() == static_cast<std::size_t>(settings_.n_bars)) {
            volume_ -= volumes_.front()[0];
            buy_ -= volumes_.front()[1];
            volumes_.pop_front();
        }
        const i128 units = std::min(bar.volume, kMost);
        const auto share = static_cast<i64>(bar.buy * 0x1p50 + 0.5);
        volumes_.push_back({units * kOne, units * share});
        volume_ += units * kOne;
        buy_ += units * share;
    }

    Settings settings_;
    BulkBars bars_;
    Ring<std::array<i128, 2>> volumes_;  // all, bought
    i128 volume_ = 0;
    i128 buy_ = 0;
    bool changed_ = true;  // since the value was derived
    double value_ = kNaN;
};

}  // namespace bookflow
