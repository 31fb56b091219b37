// Bulk volume classification: prints are gathered into bars, and a bar's volume is split into
// bought and sold by its price change in standard deviations.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "bookflow/calculator.hpp"
#include "bookflow/special.hpp"

namespace bookflow {

// The length of a bar in time, or None: every print is one.
struct BarSpan {
    static constexpr const char* kType = "bar";
    static constexpr std::string_view kRule =
        "a span in time like \"1m\", or None: every print is a bar";
    static constexpr bool kRequired = false;

    Span span{Span::Of::Time, 60'000'000'000, {}};
    bool prints = false;

    friend bool operator==(const BarSpan&, const BarSpan&) = default;

    [[nodiscard]] static std::optional<BarSpan> parse(const Value& v) {
        if (std::holds_alternative<Nothing>(v)) return BarSpan{{}, true};
        const std::string* text = std::get_if<std::string>(&v);
        const auto span = text == nullptr ? std::nullopt : Span::parse(*text);
        if (!span || span->of != Span::Of::Time) return std::nullopt;
        return BarSpan{*span, false};
    }
    [[nodiscard]] Value value() const {
        if (prints) return Nothing{};
        return span.text();
    }
};

namespace detail {

// The whole number from `low` to `high` that a text is.
[[nodiscard]] inline std::optional<int> whole_number(std::string_view text, int low, int high) {
    const auto number = Decimal::parse(text);
    const auto n = number ? Scale{}.units(*number) : std::nullopt;
    if (!n || *n < low || *n > high) return std::nullopt;
    return static_cast<int>(*n);
}

}  // namespace detail

// sigma: a number in price, or over how many bars it trails.
struct BulkSigma {
    static constexpr const char* kType = "sigma";
    static constexpr std::string_view kRule =
        "a number above 0, in price, or \"trailing:N\", the last N traded bars, N from 2 to 100000";
    static constexpr bool kRequired = false;

    Decimal fixed{};  // none: it trails
    int bars = 390;   // a session of minutes

    friend bool operator==(const BulkSigma&, const BulkSigma&) = default;

    [[nodiscard]] bool trails() const { return !fixed.positive(); }
    [[nodiscard]] static std::optional<BulkSigma> parse(const Value& v) {
        if (const Decimal* d = std::get_if<Decimal>(&v)) {
            const double x = d->value();
            if (!(x > 1e-100 && x < 1e100)) return std::nullopt;
            return BulkSigma{*d, 0};
        }
        constexpr std::string_view word = "trailing:";
        const std::string* text = std::get_if<std::string>(&v);
        if (text == nullptr || !text->starts_with(word)) return std::nullopt;
        const auto n = detail::whole_number(text->substr(word.size()), 2, 100'000);
        return n ? std::optional(BulkSigma{{}, *n}) : std::nullopt;
    }
    [[nodiscard]] Value value() const {
        if (!trails()) return fixed;
        return "trailing:" + std::to_string(bars);
    }
};

// Of the price change in standard deviations.
struct BulkDistribution {
    static constexpr const char* kType = "distribution";
    static constexpr std::string_view kRule =
        "\"normal\", or \"t:NU\", Student's t of NU degrees of freedom, from 0.01 to 1000000";
    static constexpr bool kRequired = false;

    Decimal nu{};  // none: normal

    friend bool operator==(const BulkDistribution&, const BulkDistribution&) = default;

    [[nodiscard]] static std::optional<BulkDistribution> parse(const Value& v) {
        const std::string* text = std::get_if<std::string>(&v);
        if (text == nullptr) return std::nullopt;
        if (*text == "normal") return BulkDistribution{};
        if (!text->starts_with("t:")) return std::nullopt;
        const auto nu = Decimal::parse(text->substr(2));
        if (!nu || !(nu->value() >= 0.01 && nu->value() <= 1e6)) return std::nullopt;
        return BulkDistribution{*nu};
    }
    [[nodiscard]] Value value() const {
        return nu.positive() ? "t:" + nu.text() : std::string("normal");
    }
};

enum class BarChange : std::uint8_t { CloseClose, OpenClose };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(BarChange) {
    return {"close-close", "open-close"};
}

struct BulkSettings {
    BarSpan bar;
    BarChange dp = BarChange::CloseClose;
    BulkSigma sigma;
    BulkDistribution cdf;

    template <class V>
    void visit(V& v) {
        v("bar", bar, "the bars (t - bar, t] that are classified in bulk");
        v("dp", dp, "a bar's price change: from the close before, or from its own first print");
        v("sigma", sigma, "the standard deviation of price changes");
        v("cdf", cdf, "how a change of so many sigma splits the volume");
    }
};

struct BulkBar {
    i128 volume = 0;    // size units
    double buy = 0.5;   // share
    i64 start = kNone;  // ns; without bars in time the print's own, both
    i64 end = kNone;
};

// What a function gave for the arguments it was asked of last: changes of a few ticks over sums of
// such changes are the same numbers again and again, and a tail of the normal distribution is some
// forty divisions. No part of the state.
class Repeated {
public:
    template <class F>
    [[nodiscard]] double of(double x, F f) {
        const auto bits = std::bit_cast<u64>(x);
        if (known_.empty()) known_.resize(std::size_t{1} << kBits);
        Known& at = known_[(bits * 0x9e3779b97f4a7c15) >> (64 - kBits)];
        if (std::bit_cast<u64>(at.x) != bits) at = {x, f()};
        return at.y;
    }

private:
    static constexpr int kBits = 10;
    struct Known {
        double x = kNaN;
        double y = kNaN;
    };

    std::vector<Known> known_;
};

// Bars in time are (t - bar, t] on the grid of the epoch. Prints at t still belong to the bar that
// ends there, so it is closed by whatever comes after t: a print, a row, the session's end. A bar
// without prints is none: it is neither in sigma nor does it change the last close.
class BulkBars {
public:
    explicit BulkBars(const BulkSettings& s)
        : s_(s), t_(s.cdf.nu.positive() ? s.cdf.nu.value() : 1.0) {}

    [[nodiscard]] bool needs_time() const { return !s_.bar.prints; }
    void bind(const Units& units) {
        if (!s_.sigma.trails()) {
            const Scale& scale = units.price_scale;
            sigma_ = s_.sigma.fixed.value() * static_cast<double>(scale.denominator) /
                     static_cast<double>(scale.numerator);
        }
    }

    // closed(BulkBar) for every bar that has a sigma.
    template <class F>
    void step(const Moment& now, const Print& print, F closed) {
        close_before(now.ts.raw, closed);
        if (!open()) {
            first_ = print.price;
            if (s_.bar.prints) {
                end_ = now.ts.raw;
            } else {
                const i64 width = s_.bar.span.count;
                end_ = (now.ts.raw + width - 1) / width * width;
            }
        }
        last_ = print.price;
        // far beyond any market; products with shares stay within 128 bits
        volume_ = std::min<i128>(volume_ + print.size.raw, i128{1} << 70);
        if (s_.bar.prints) close(closed);
    }
    template <class F>
    void close_before(i64 now, F closed) {
        if (open() && now > end_) close(closed);
    }
    // The last bar ends with the session, and no change reaches across.
    template <class F>
    void end_session(F closed) {
        if (open()) close(closed);
        close_ = kNoPrice;
    }

    template <class V>
    void visit(V& v) {
        v(first_, last_, close_, volume_, end_, changes_);
        if constexpr (V::kReading) {
            const bool grid = s_.bar.prints ? !open() : end_ % s_.bar.span.count == 0;
            v.require(volume_ >= 0 && volume_ <= (i128{1} << 70), "a bar's volume is invalid");
            v.require(!open() || (grid && end_ >= 0 && first_ != kNoPrice && last_ != kNoPrice),
                      "the open bar is invalid");
            const auto most = s_.sigma.trails() ? static_cast<std::size_t>(s_.sigma.bars) : 0;
            bool holds = changes_.size() <= most;
            sum_ = squares_ = 0;  // not believed twice
            for (std::size_t i = 0; i < changes_.size() && holds; ++i) {
                holds = changes_[i] >= -kMost && changes_[i] <= kMost;
                if (holds) add(changes_[i], 1);
            }
            v.require(holds, "the changes of the bars are invalid");
        }
    }

private:
    // Larger changes count as this much in sigma: n sum d^2 of 100,000 of them is below 2^126.
    static constexpr i64 kMost = i64{1} << 46;

    [[nodiscard]] bool open() const { return volume_ > 0; }

    template <class F>
    void close(F closed) {
        const Price from = s_.dp == BarChange::OpenClose ? first_ : close_;
        const bool known = from != kNoPrice;
        const i64 change = known ? last_.raw - from.raw : 0;
        BulkBar bar{volume_, share(change), end_, end_};
        if (!s_.bar.prints) bar.start -= s_.bar.span.count;
        volume_ = 0;
        close_ = last_;
        if (known && s_.sigma.trails()) remember(change);  // after use: sigma ends one bar before
        if (!std::isnan(bar.buy)) closed(bar);
    }
    [[nodiscard]] double share(i64 change) {
        if (s_.sigma.trails() && changes_.size() < static_cast<std::size_t>(s_.sigma.bars)) {
            return kNaN;
        }
        if (change == 0) return 0.5;  // whatever sigma is: most prints change no price
        const double sigma = s_.sigma.trails() ? trailing() : sigma_;
        if (sigma == 0.0) return change > 0 ? 1.0 : 0.0;
        const double z = static_cast<double>(change) / sigma;
        return shares_.of(z, [&] { return s_.cdf.nu.positive() ? t_.cdf(z) : normal_cdf(z); });
    }
    // sqrt((n sum d^2 - (sum d)^2) / (n (n - 1))), from exact sums.
    [[nodiscard]] double trailing() const {
        const i128 n = s_.sigma.bars;
        return std::sqrt(ratio(n * squares_ - sum_ * sum_, n * (n - 1)));
    }
    void remember(i64 change) {
        if (changes_.size() == static_cast<std::size_t>(s_.sigma.bars)) {
            add(changes_.front(), -1);
            changes_.pop_front();
        }
        changes_.push_back(std::clamp(change, -kMost, kMost));
        add(changes_.back(), 1);
    }
    void add(i64 change, i64 times) {
        sum_ += i128{times} * change;
        squares_ += i128{change} * change * times;
    }

    BulkSettings s_;
    StudentT t_;
    double sigma_ = kNaN;     // in price units, where it is given
    Price first_ = kNoPrice;  // of the open bar
    Price last_ = kNoPrice;
    Price close_ = kNoPrice;  // of the bar before
    i128 volume_ = 0;         // of the open bar; 0: there is none
    i64 end_ = kNone;
    Repeated shares_;
    Ring<i64> changes_;
    i128 sum_ = 0;
    i128 squares_ = 0;
};

}  // namespace bookflow
