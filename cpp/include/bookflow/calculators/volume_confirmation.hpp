// Whether the volume says the same as the price.
#pragma once

#include <algorithm>
#include <cmath>

#include "bookflow/calculator.hpp"

namespace bookflow {

enum class Confirmation : std::uint8_t { Correlation, Agreement };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(Confirmation) {
    return {"correlation", "agreement"};
}

class VolumeConfirmation : public SignsPrints {
public:
    static constexpr std::string_view kName = "VolumeConfirmation";
    static constexpr std::string_view kDoc =
        "Whether signed volume and price go together, print by print, in [-1, 1].\n\n"
        "A sample is a print of the flow whose aggressor is known: x its size, + bought, - sold, "
        "and y its\nprice less that of the flow's print before. \"correlation\" is Pearson's of x "
        "and y; NaN under two\nsamples and where x or y never changes. \"agreement\" is "
        "(agreeing - opposed) / (agreeing + opposed)\nof the signs of x and y, samples without a "
        "price change left out; NaN without any. Without unit.\nNothing is differenced across a "
        "session's end. With sign=\"tick\" the sign is made of the price\nitself and agrees by "
        "construction. NaN as well where the sums leave 128 bits.\n"
        "This package's reading of \"volume confirms price\"; there is no one source.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Confirmation of = Confirmation::Correlation;
        Window window = Window::session();
        Sign sign;
        template <class V>
        void visit(V& v) {
            v("of", of, "the correlation, or the agreement of signs");
            v("window", window, NoHalfLife{}, "over which prints");
            v("sign", sign, Sign::kMeaning);
        }
    };

    explicit VolumeConfirmation(const Settings& s)
        : SignsPrints(s.sign), settings_(s), sums_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const Print& print) {
        if (!print.in_flow) return;
        const Side side = signer_(now, print);
        if (last_ != kNoPrice && side != Side::None) {
            const i128 y = i128{print.price.raw} - last_.raw;
            const i128 x = side == Side::Bid ? print.size.raw : -print.size.raw;
            if (settings_.of == Confirmation::Correlation) {
                sums_.add(now, {1, x, y, x * x, y * y, x * y});
            } else if (y != 0) {
                sums_.add(now, {1, (x > 0) == (y > 0) ? 1 : -1});
            }
        }
        last_ = print.price;
    }
    void read(const Moment& now, const Units&, double* out) {
        const bool agreement = settings_.of == Confirmation::Agreement;
        *out = sums_.read(now, [&](auto n, auto x, auto y, auto xx, auto yy, auto xy) {
            return agreement ? quotient(x, n) : correlation(n, x, y, xx, yy, xy);
        });
    }
    void restart(Restart what) {
        sums_.restart(what);
        signer_.restart(what);
        if (what == Restart::Session) last_ = kNoPrice;
    }
    template <class V>
    void visit(V& v) {
        v(sums_, signer_, last_);
    }

private:
    // n sum xy - sum x sum y; nothing where that leaves 128 bits.
    [[nodiscard]] static std::optional<i128> spread(i128 n, i128 x, i128 y, i128 xy) {
        i128 product = 0;
        i128 means = 0;
        i128 out = 0;
        const bool far = __builtin_mul_overflow(n, xy, &product) ||
                         __builtin_mul_overflow(x, y, &means) ||
                         __builtin_sub_overflow(product, means, &out);
        return far ? std::nullopt : std::optional(out);
    }
    template <class T>
    [[nodiscard]] static double correlation(T n, T x, T y, T xx, T yy, T xy) {
        if constexpr (std::is_same_v<T, i128>) {
            const auto cov = spread(n, x, y, xy);
            const auto var_x = spread(n, x, x, xx);
            const auto var_y = spread(n, y, y, yy);
            if (!cov || !var_x || !var_y || *var_x <= 0 || *var_y <= 0) return kNaN;
            const double below =
                std::sqrt(static_cast<double>(*var_x)) * std::sqrt(static_cast<double>(*var_y));
            return std::clamp(static_cast<double>(*cov) / below, -1.0, 1.0);
        } else {
            return kNaN;
        }
    }

    Settings settings_;
    Flow<6, i128> sums_;  // n, x, y, xx, yy, xy; or n and how many more agree
    Price last_ = kNoPrice;
};

}  // namespace bookflow
