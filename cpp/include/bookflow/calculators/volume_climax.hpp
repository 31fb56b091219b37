// Bars that trade and move far more than those before them.
#pragma once

#include <algorithm>
#include <cmath>

#include "bookflow/bulk_bars.hpp"

namespace bookflow {

// How many standard deviations (n-1) a value is above the mean of the n before it, from exact sums.
class TrailingScore {
public:
    explicit TrailingScore(int n) : n_(static_cast<std::size_t>(n)) {}

    // NaN until there are n, and where they are all the same.
    [[nodiscard]] double score(i64 x) const {
        if (before_.size() < n_) return kNaN;
        const auto n = static_cast<i128>(n_);
        i128 square = 0;  // n^2 variances, with n below
        if (__builtin_mul_overflow(n, squares_, &square)) return kNaN;
        const i128 spread = square - sum_ * sum_;
        if (spread <= 0) return kNaN;
        return ratio(n * std::min(x, kMost) - sum_, n) / std::sqrt(ratio(spread, n * (n - 1)));
    }
    void push(i64 x) {
        if (before_.size() == n_) {
            add(before_.front(), -1);
            before_.pop_front();
        }
        before_.push_back(std::min(x, kMost));
        add(before_.back(), 1);
    }
    void clear() {
        before_.clear();
        sum_ = squares_ = 0;
    }

    template <class V>
    void visit(V& v) {
        v(before_);
        if constexpr (V::kReading) {
            bool holds = before_.size() <= n_;
            sum_ = squares_ = 0;  // not believed twice
            for (std::size_t i = 0; i < before_.size() && holds; ++i) {
                holds = before_[i] >= 0 && before_[i] <= kMost;
                if (holds) add(before_[i], 1);
            }
            v.require(holds, "the values of the bars before are invalid");
        }
    }

private:
    // Larger values count as this much: the squares of 10,000 of them stay within 128 bits.
    static constexpr i64 kMost = i64{1} << 56;

    void add(i64 x, i64 times) {
        sum_ += i128{times} * x;
        squares_ += i128{x} * x * times;
    }

    std::size_t n_;
    Ring<i64> before_;
    i128 sum_ = 0;
    i128 squares_ = 0;
};

enum class ClimaxOf : std::uint8_t { Climax, Volume, Range };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(ClimaxOf) {
    return {"climax", "volume", "range"};
}

class VolumeClimax {
public:
    static constexpr std::string_view kName = "VolumeClimax";
    static constexpr std::string_view kDoc =
        "Volume climax of the last closed bar: its volume and its range (high - low) are both more "
        "than\n`threshold` standard deviations above the mean of the bars before it.\n\n"
        "of=\"climax\" gives 1 or 0, \"volume\" and \"range\" the two z = (x - mean) / sd "
        "themselves, without\nunit; mean and sd (n-1) are over the `bars` bars before, the bar "
        "itself excluded. NaN until the\nsession has bars + 1 closed bars, and while those before "
        "are all the same. Prints of the volume; a\nbroken print that is taken back stays in. A "
        "bar (t - bar, t] without prints is none; it is closed by\nwhat comes after t, so a row at "
        "t itself shows the bar before. With bar=None, every print a bar, no\nrange ever differs.\n"
        "A convention of charting; there is no one source.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        ClimaxOf of = ClimaxOf::Climax;
        BarSpan bar;
        int bars = 20;
        double threshold = 2.0;
        template <class V>
        void visit(V& v) {
            v("of", of, "whether it was a climax, or one of the two z");
            v("bar", bar, "the bars (t - bar, t] that are compared");
            v("bars", bars, Range<int>{2, 10'000}, "with how many bars before it");
            v("threshold", threshold, Range<double>{0.0, 1000.0},
              "above how many standard deviations; the two z do not use it");
        }
    };

    explicit VolumeClimax(const Settings& s) : settings_(s), volumes_(s.bars), ranges_(s.bars) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const { return !settings_.bar.prints; }

    void step(const Moment& now, const Print& print) {
        if (!print.is_trade()) return;
        close_before(now.ts.raw);
        if (!open()) {
            high_ = low_ = print.price;
            const i64 width = settings_.bar.span.count;
            if (!settings_.bar.prints) end_ = (now.ts.raw + width - 1) / width * width;
        }
        high_ = std::max(high_, print.price);
        low_ = std::min(low_, print.price);
        // far beyond any market
        volume_ = Size(std::min(volume_.raw + print.size.raw, kMaxSize));
        if (settings_.bar.prints) close();
    }
    void read(const Moment& now, const Units&, double* out) {
        close_before(now.ts.raw);
        switch (settings_.of) {
            case ClimaxOf::Climax: *out = climax(); return;
            case ClimaxOf::Volume: *out = volume_score_; return;
            case ClimaxOf::Range: *out = range_score_; return;
        }
    }
    void restart(Restart what) {
        if (what != Restart::Session) return;
        volume_ = Size(0);
        volumes_.clear();
        ranges_.clear();
        volume_score_ = range_score_ = kNaN;
    }
    template <class V>
    void visit(V& v) {
        v(high_, low_, volume_, end_, volumes_, ranges_, volume_score_, range_score_);
        if constexpr (V::kReading) {
            v.require(!open() || (low_ != kNoPrice && low_ <= high_ && end_ >= 0),
                      "the open bar is invalid");
        }
    }

private:
    [[nodiscard]] bool open() const { return volume_ > Size(0); }
    void close_before(i64 now) {
        if (open() && now > end_) close();
    }
    void close() {
        const i64 range = high_.raw - low_.raw;
        volume_score_ = volumes_.score(volume_.raw);
        range_score_ = ranges_.score(range);
        volumes_.push(volume_.raw);
        ranges_.push(range);
        volume_ = Size(0);
    }
    [[nodiscard]] double climax() const {
        if (std::isnan(volume_score_) || std::isnan(range_score_)) return kNaN;
        const double least = std::min(volume_score_, range_score_);
        return least > settings_.threshold ? 1.0 : 0.0;
    }

    Settings settings_;
    Price high_;
    Price low_;
    Size volume_;  // of the open bar; 0: there is none
    i64 end_ = 0;
    TrailingScore volumes_;
    TrailingScore ranges_;
    double volume_score_ = kNaN;  // of the last closed bar
    double range_score_ = kNaN;
};

}  // namespace bookflow
