// Normal and Student t distribution functions: of + - x / and sqrt alone, as exponential.hpp, so
// that a bulk classified bar has the same bits everywhere. Bounds below are against R's pnorm and
// pt over z in [-10, 10], nu in [0.1, 100] (oracles/bvc_cdf), relative to the smaller tail.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>

#include "bookflow/exponential.hpp"

namespace bookflow {

namespace detail {

inline constexpr double kLn2High = 0x1.62e42fee00000p-1;
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

// 2 atanh(s) for |s| <= 0.18, to s^25/25: what is left out is below 2^-60 of it.
[[nodiscard]] inline double twice_atanh(double s) {
    const double z = s * s;
    double sum = 1.0 / 25.0;
    for (int k = 23; k >= 1; k -= 2) sum = sum * z + 1.0 / static_cast<double>(k);
    return 2.0 * s * sum;
}

// ln(x), x > 0 and normal, within 2 ulp or 2^-54, whichever is larger.
[[nodiscard]] inline double log_normal(double x) {
    constexpr u64 fraction = (u64{1} << 52) - 1;
    const auto bits = std::bit_cast<u64>(x);
    auto exponent = static_cast<i64>(bits >> 52) - 1023;
    double m = std::bit_cast<double>((bits & fraction) | (u64{1023} << 52));
    if (m > 0x1.6a09e667f3bcdp0) {
        m *= 0.5;
        ++exponent;
    }
    const auto e = static_cast<double>(exponent);
    return e * kLn2High + (e * kLn2Low + twice_atanh((m - 1.0) / (m + 1.0)));
}

// ln(1 + x), x >= 0, within 3 ulp.
[[nodiscard]] inline double log_one_plus(double x) {
    if (x < 0.4) return twice_atanh(x / (2.0 + x));
    const double y = 1.0 + x;
    // what rounding took from 1 + x, to first order
    const double lost = x > 1.0 ? 1.0 - (y - x) : x - (y - 1.0);
    return log_normal(y) + lost / y;
}

// ln Gamma(x + 1/2) - ln Gamma(x), x > 0: lifted to x >= 16, where Stirling's series for the ratio
// (in 1/x, odd powers) ends below 2^-60.
[[nodiscard]] inline double log_gamma_step(double x) {
    // Gamma(x + 1/2)/Gamma(x) = Gamma(x + n + 1/2)/Gamma(x + n) x prod (x + k)/(x + k + 1/2)
    double product = 1.0;
    for (; x < 16.0; x += 1.0) product *= x / (x + 0.5);
    const double r = 1.0 / x;
    const double z = r * r;
    // ln(Gamma(x+1/2)/Gamma(x)) = ln(x)/2 - 1/(8x) + 1/(192x^3) - 1/(640x^5) + 17/(14336x^7)
    //                             - 31/(18432x^9) + 691/(180224x^11) - ...
    double sum = 691.0 / 180224.0;
    sum = sum * z - 31.0 / 18432.0;
    sum = sum * z + 17.0 / 14336.0;
    sum = sum * z - 1.0 / 640.0;
    sum = sum * z + 1.0 / 192.0;
    sum = sum * z - 1.0 / 8.0;
    return log_normal(x) * 0.5 + sum * r + log_normal(product);
}

// The continued fraction of the incomplete beta function, by Lentz: for x < (a + 1)/(a + b + 2).
[[nodiscard]] inline double beta_fraction(double a, double b, double x) {
    constexpr double tiny = 1e-300;
    double c = 1.0;
    double d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (std::fabs(d) < tiny ? tiny : d);
    double f = d;
    for (int m = 1; m <= 10'000; ++m) {
        const double k = m;
        const double even = k * (b - k) * x / ((a + 2.0 * k - 1.0) * (a + 2.0 * k));
        d = 1.0 + even * d;
        c = 1.0 + even / c;
        d = 1.0 / (std::fabs(d) < tiny ? tiny : d);
        if (std::fabs(c) < tiny) c = tiny;
        f *= d * c;
        const double odd = -(a + k) * (a + b + k) * x / ((a + 2.0 * k) * (a + 2.0 * k + 1.0));
        d = 1.0 + odd * d;
        c = 1.0 + odd / c;
        d = 1.0 / (std::fabs(d) < tiny ? tiny : d);
        if (std::fabs(c) < tiny) c = tiny;
        const double change = d * c;
        f *= change;
        if (std::fabs(change - 1.0) < 0x1p-52) break;
    }
    return f;
}

}  // namespace detail

// P(Z <= x), Z standard normal: within 1e-15, and 1e-14 of the smaller tail down to 1e-300.
[[nodiscard]] inline double normal_cdf(double x) {
    if (std::isnan(x)) return x;
    const double z = std::fabs(x);
    if (z > 38.6) return x < 0.0 ? 0.0 : 1.0;
    // e^{-z^2/2}: z in two parts, for z^2/2 itself is rounded by z^2 2^-54
    const double high = std::floor(z * 16.0) / 16.0;
    const double density = 0x1.9884533d43651p-2 * exp_minus(high * high * 0.5) *
                           exp_minus((z - high) * (z + high) * 0.5);
    if (z < 2.0) {
        // 1/2 + density (z + z^3/3 + z^5/(3 5) + ...): no term is negative, nothing cancels
        double term = z;
        double sum = z;
        for (int k = 3; term > sum * 0x1p-55; k += 2) {
            term *= z * z / static_cast<double>(k);
            sum += term;
        }
        return x < 0.0 ? 0.5 - density * sum : 0.5 + density * sum;
    }
    // The tail is density / (z + 1/(z + 2/(z + 3/(...)))), from the inside out; it needs the more
    // levels the nearer z is to 0.
    double inner = z;
    for (double k = std::floor(20.0 + 240.0 / (z * z)); k >= 1.0; k -= 1.0) inner = z + k / inner;
    const double tail = density / inner;
    return x < 0.0 ? tail : 1.0 - tail;
}

// P(T <= x), T Student t with nu > 0 degrees of freedom, any real nu: within 1e-14, and 1e-12 of
// the smaller tail. What depends on nu alone is worked out once.
class StudentT {
public:
    explicit StudentT(double nu) : nu_(nu), a_(nu * 0.5) {
        // ln B(a, 1/2) = ln sqrt(pi) - ln(Gamma(a + 1/2) / Gamma(a))
        log_beta_ = 0x1.250d048e7a1bdp-1 - detail::log_gamma_step(a_);
    }

    [[nodiscard]] double cdf(double x) const {
        if (std::isnan(x) || x == 0.0) return x == 0.0 ? 0.5 : x;
        if (std::isinf(x)) return x < 0.0 ? 0.0 : 1.0;
        const double t = std::fabs(x) / std::sqrt(nu_);
        // Of one tail: I_w(a, 1/2)/2 with w = 1/(1 + t^2), by whichever fraction converges.
        double tail = 0.0;
        if (t > 1e100) {
            tail = 0.5 / a_ * exp_of(-2.0 * a_ * detail::log_normal(t) - log_beta_);
        } else {
            const double square = t * t;
            const double w = 1.0 / (1.0 + square);
            const double log_front = -a_ * detail::log_one_plus(square) - log_beta_;
            const double front = exp_of(log_front) * (t / std::sqrt(1.0 + square));
            if (w < (a_ + 1.0) / (a_ + 2.5)) {
                tail = 0.5 * front / a_ * detail::beta_fraction(a_, 0.5, w);
            } else {
                // front / b with b = 1/2
                const double middle =
                    front * 2.0 * detail::beta_fraction(0.5, a_, square / (1.0 + square));
                tail = 0.5 - 0.5 * middle;
            }
        }
        tail = std::clamp(tail, 0.0, 0.5);
        return x < 0.0 ? tail : 1.0 - tail;
    }

private:
    // e^x for x from about -745 to 10: the front's logarithm is above 0 only by -ln B.
    [[nodiscard]] static double exp_of(double x) {
        return x <= 0.0 ? exp_minus(-x) : 1.0 / exp_minus(x);
    }

    double nu_;
    double a_;
    double log_beta_ = 0.0;
};

[[nodiscard]] inline double student_t_cdf(double x, double nu) { return StudentT(nu).cdf(x); }

}  // namespace bookflow
