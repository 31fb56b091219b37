// Buckets of equal volume filled by bars of which a share is bought. Volume is counted in integers
// of 2^-40 of a size unit: a bucket that is full is full exactly, and rounding completes none.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "bookflow/calculator.hpp"

namespace bookflow {

// A quantity, or the average daily volume of the last sessions over the buckets of a day.
struct BucketVolume {
    static constexpr const char* kType = "bucket";
    static constexpr std::string_view kRule =
        "above 0, in the instrument's size (alone: in size units), or \"adv:N/B\", the mean volume "
        "of the last N sessions over B, N from 1 to 1000 and B from 1 to 1000000";
    static constexpr bool kRequired = true;

    Decimal fixed{};
    int sessions = 0;  // 0: fixed
    int per_day = 0;

    friend bool operator==(const BucketVolume&, const BucketVolume&) = default;

    [[nodiscard]] static std::optional<BucketVolume> parse(const Value& v) {
        if (const Decimal* d = std::get_if<Decimal>(&v)) {
            return d->positive() ? std::optional(BucketVolume{*d}) : std::nullopt;
        }
        const std::string* text = std::get_if<std::string>(&v);
        const std::size_t slash = text == nullptr ? std::string::npos : text->find('/');
        if (slash == std::string::npos || !text->starts_with("adv:")) return std::nullopt;
        const auto sessions = number(text->substr(4, slash - 4), 1000);
        const auto per_day = number(text->substr(slash + 1), 1'000'000);
        if (!sessions || !per_day) return std::nullopt;
        return BucketVolume{{}, *sessions, *per_day};
    }
    [[nodiscard]] Value value() const {
        if (sessions == 0) return fixed;
        return "adv:" + std::to_string(sessions) + "/" + std::to_string(per_day);
    }

private:
    [[nodiscard]] static std::optional<int> number(std::string_view text, int most) {
        const auto written = Decimal::parse(text);
        const auto n = written ? Scale{}.units(*written) : std::nullopt;
        if (!n || *n < 1 || *n > most) return std::nullopt;
        return static_cast<int>(*n);
    }
};

// The same in whole size units.
struct WholeBucketVolume : BucketVolume {
    static constexpr const char* kType = "whole bucket";
    static constexpr std::string_view kRule =
        "a whole number of size units above 0, in the instrument's size (alone: in size units), or "
        "\"adv:N/B\", the mean volume of the last N sessions over B, N from 1 to 1000 and B from 1 "
        "to 1000000";

    [[nodiscard]] static std::optional<WholeBucketVolume> parse(const Value& v) {
        const auto parsed = BucketVolume::parse(v);
        return parsed ? std::optional(WholeBucketVolume{*parsed}) : std::nullopt;
    }
};

// The volumes of the last sessions, those without any left out, for a bucket's share of their mean.
class SessionVolumes {
public:
    explicit SessionVolumes(const BucketVolume& volume) : volume_(volume) {}

    [[nodiscard]] bool wanted() const { return volume_.sessions > 0; }
    void traded(i64 size) {
        if (wanted()) session_ = std::min(session_ + size, kMost);
    }
    // Whether there is one more.
    [[nodiscard]] bool end_session() {
        if (!wanted() || session_ == 0) return false;
        if (days_.size() == static_cast<std::size_t>(volume_.sessions)) days_.pop_front();
        days_.push_back(session_);
        session_ = 0;
        return true;
    }
    // In size units over `one`, to the nearest, at least one of those; 0: too few sessions so far.
    [[nodiscard]] i128 bucket(i128 one) const {
        if (days_.size() < static_cast<std::size_t>(volume_.sessions)) return 0;
        i128 total = 0;
        for (std::size_t i = 0; i < days_.size(); ++i) total += days_[i];
        const i128 over = i128{volume_.sessions} * volume_.per_day;
        return std::max<i128>(1, (2 * total * one + over) / (2 * over));
    }

    static constexpr i128 kMost = i128{1} << 72;  // of a session; above any bar's

    template <class V>
    void visit(V& v) {
        v(session_, days_);
        if constexpr (V::kReading) {
            bool holds = days_.size() <= static_cast<std::size_t>(volume_.sessions);
            for (std::size_t i = 0; i < days_.size(); ++i) {
                holds = holds && days_[i] > 0 && days_[i] <= kMost;
            }
            v.require(holds && session_ >= 0 && session_ <= kMost,
                      "the sessions' volumes are invalid");
        }
    }

private:
    BucketVolume volume_;
    i128 session_ = 0;
    Ring<i128> days_;
};

// A time as a number of ns, to the nearest double; NaN where it is not known.
[[nodiscard]] inline double time_value(i64 ts) {
    return ts == kNone ? kNaN : static_cast<double>(ts);
}

class VolumeBuckets {
public:
    VolumeBuckets(const BucketVolume& volume, int n) : volume_(volume), n_(n), sessions_(volume) {}

    void bind(const Units& units, std::string_view calculator) {
        if (volume_.sessions > 0) return;
        const Scale& scale = units.size_scale;
        const double fine = volume_.fixed.value() * static_cast<double>(scale.denominator) /
                            static_cast<double>(scale.numerator) * 0x1p40;
        if (!(fine >= 1.0 && fine <= 0x1p100)) {
            throw InputError("must be from 2^-40 to 2^60 size units",
                             std::string(calculator) + ".bucket_volume", volume_.fixed.text());
        }
        // where it is a whole number of fine units it is exactly that
        const auto exact = Scale{scale.numerator, scale.denominator}.units(volume_.fixed);
        next_ = exact ? *exact * kOne : static_cast<i128>(std::floor(fine + 0.5));
        if (target_ == 0) target_ = next_;
    }

    // Volume of the session so far, classified or not.
    void traded(i64 size) { sessions_.traded(size); }
    void end_session() {
        if (!sessions_.end_session()) return;
        next_ = sessions_.bucket(kOne);
        if (filled_ == 0) target_ = next_;
    }

    // Of a share `buy` bought, from `start` to `end`.
    void fill(i128 size, double buy, i64 start, i64 end) {
        if (target_ == 0) return;
        const double rate = 2.0 * buy - 1.0;  // bought minus sold of each unit
        i128 rest = size * kOne;
        if (filled_ == 0) start_ = start;
        if (filled_ + rest < target_) return gather(rest, rate);
        const i128 part = target_ - filled_;
        gather(part, rate);
        rest -= part;
        last_end_ = end;
        complete();
        start_ = start;
        // A bar of many buckets: those beyond the window would only push each other out.
        const i128 whole = rest / target_;
        for (i128 i = 0; i < std::min<i128>(whole, n_); ++i) {
            gather(target_, rate);
            complete();
        }
        gather(rest % target_, rate);
    }

    // Divided once a change: most rows see none.
    [[nodiscard]] double value() {
        if (changed_) {
            value_ = full() ? ratio(sum_, i128{n_} * kWhole) : kNaN;
            changed_ = false;
        }
        return value_;
    }
    // In size units.
    [[nodiscard]] double age() const { return full() ? to_double(filled_) : kNaN; }
    [[nodiscard]] double partial() const {
        return filled_ == 0 ? kNaN : std::min(1.0, std::fabs(net_) / to_double(filled_));
    }
    [[nodiscard]] double buy() const { return (last_volume_ + last_net_) * 0.5; }
    [[nodiscard]] double sell() const { return (last_volume_ - last_net_) * 0.5; }
    [[nodiscard]] double start() const { return time_value(last_start_); }
    [[nodiscard]] double end() const { return time_value(last_end_); }

    // The sessions' volumes stay.
    void clear() {
        filled_ = 0;
        net_ = 0.0;
        sum_ = 0;
        imbalances_.clear();
        changed_ = true;
        last_volume_ = last_net_ = kNaN;
        last_start_ = last_end_ = kNone;
        target_ = next_;
    }

    template <class V>
    void visit(V& v) {
        if (volume_.sessions > 0) v(target_);  // otherwise it is the settings'
        v(filled_, net_, imbalances_, last_volume_, last_net_, start_, last_start_, last_end_,
          sessions_);
        if constexpr (V::kReading) {
            bool holds = imbalances_.size() <= static_cast<std::size_t>(n_);
            sum_ = 0;  // not believed twice
            changed_ = true;
            for (std::size_t i = 0; i < imbalances_.size(); ++i) {
                holds = holds && imbalances_[i] >= 0 && imbalances_[i] <= kWhole;
                sum_ += imbalances_[i];
            }
            v.require(holds, "the buckets are invalid");
            if (sessions_.wanted()) next_ = sessions_.bucket(kOne);
            if (volume_.sessions == 0) target_ = next_;
            holds = target_ >= 0 && target_ <= SessionVolumes::kMost * kOne && filled_ >= 0 &&
                    filled_ <= std::max<i128>(target_ - 1, 0);
            // sums of a bar's parts may be off by their roundings
            holds = holds && std::fabs(net_) <= to_double(filled_) * (1.0 + 1e-9);
            const bool none = std::isnan(last_volume_) && std::isnan(last_net_);
            const bool some = last_volume_ > 0.0 && last_volume_ <= 0x1p72 &&
                              std::fabs(last_net_) <= last_volume_;
            holds = holds && (target_ == 0 || next_ > 0);
            v.require(holds && none == imbalances_.empty() && (none || some),
                      "the open bucket is invalid");
        }
    }

private:
    static constexpr i128 kOne = i128{1} << 40;  // a size unit
    static constexpr i64 kWhole = i64{1} << 52;  // an imbalance of 1

    [[nodiscard]] static double to_double(i128 fine) { return static_cast<double>(fine) * 0x1p-40; }
    [[nodiscard]] bool full() const { return imbalances_.size() == static_cast<std::size_t>(n_); }

    void gather(i128 volume, double rate) {
        filled_ += volume;
        net_ += to_double(volume) * rate;
    }
    void complete() {
        last_start_ = start_;
        last_volume_ = to_double(target_);
        last_net_ = std::clamp(net_, -last_volume_, last_volume_);
        if (full()) {
            sum_ -= imbalances_.front();
            imbalances_.pop_front();
        }
        const auto imbalance = static_cast<i64>(std::fabs(last_net_) / last_volume_ * 0x1p52 + 0.5);
        imbalances_.push_back(imbalance);
        sum_ += imbalance;
        changed_ = true;
        filled_ = 0;
        net_ = 0.0;
        target_ = next_;
    }

    BucketVolume volume_;
    int n_;
    i128 next_ = 0;    // the volume of buckets that begin now; 0: not known
    i128 target_ = 0;  // of the open bucket
    i128 filled_ = 0;
    double net_ = 0.0;  // bought minus sold in it, in size units
    Ring<i64> imbalances_;
    i128 sum_ = 0;
    bool changed_ = false;  // since the value was derived
    double value_ = kNaN;
    double last_volume_ = kNaN;
    double last_net_ = kNaN;
    i64 start_ = kNone;       // ns, of the open bucket
    i64 last_start_ = kNone;  // of the last completed one
    i64 last_end_ = kNone;
    SessionVolumes sessions_;
};

}  // namespace bookflow
