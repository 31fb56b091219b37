// ln x and ln(1 + x). The core's own, because libm's differ between platforms and the package
// promises the same bits everywhere: only +, -, x and / of doubles, which IEEE 754 rounds the same
// on every machine (and no FMA: -ffp-contract=off).
//
// x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), and with s = f / (2 + f)
//   ln(1 + f) = 2 artanh(s) = f - (f^2/2 - s (f^2/2 + R)),  R = 2 (s^2/3 + s^4/5 + ...),
// so that the rounded part is small beside f, which is exact. The series stops below 2^-62 of its
// first term (|s| <= .1716). Within 1 ulp: test_logarithm.cpp measures it against long double.
#pragma once

#include <bit>
#include <cmath>
#include <limits>

#include "bookflow/plain_rows.hpp"

namespace bookflow {

namespace detail {

// n ln 2 + ln(1 + f) + c, where n is whole and c far below f: what 1 + f lost in rounding.
[[nodiscard, gnu::always_inline]] inline double log_of_parts(double n, double f, double c) {
    constexpr double ln2_high = 0x1.62e42fee00000p-1;  // k times it is exact
    constexpr double ln2_low = 0x1.a39ef35793c76p-33;
    const double s = f / (2.0 + f);
    const double z = s * s;
    double sum = 2.0 / 25.0;
    sum = sum * z + 2.0 / 23.0;
    sum = sum * z + 2.0 / 21.0;
    sum = sum * z + 2.0 / 19.0;
    sum = sum * z + 2.0 / 17.0;
    sum = sum * z + 2.0 / 15.0;
    sum = sum * z + 2.0 / 13.0;
    sum = sum * z + 2.0 / 11.0;
    sum = sum * z + 2.0 / 9.0;
    sum = sum * z + 2.0 / 7.0;
    sum = sum * z + 2.0 / 5.0;
    sum = sum * z + 2.0 / 3.0;
    const double half_square = 0.5 * f * f;
    const double rest = s * (half_square + z * sum) + (n * ln2_low + c);
    return n * ln2_high - ((half_square - rest) - f);
}

// x > 0 and normal as 2^n m, m in [sqrt(1/2), sqrt(2)). Without a branch, and of integers: half of
// all numbers are above 2^n sqrt(2), which half nobody can guess, and loops of it become vectors.
struct Parts {
    double n;
    double m;
};
[[nodiscard, gnu::always_inline]] inline Parts parts_of(double x) {
    constexpr u64 one = u64{1} << 52;
    constexpr u64 root = std::bit_cast<u64>(0x1.6a09e667f3bcdp+0) & (one - 1);
    const u64 bits = std::bit_cast<u64>(x);
    const u64 fraction = bits & (one - 1);
    const u64 above = 1 - ((fraction - root) >> 63);
    return {plain_double((bits >> 52) - 1023 + above),
            std::bit_cast<double>(fraction | ((1023 - above) << 52))};
}

}  // namespace detail

// ln x of an x > 0 that is normal.
[[nodiscard, gnu::always_inline]] inline double log_of_normal(double x) {
    const detail::Parts p = detail::parts_of(x);
    return detail::log_of_parts(p.n, p.m - 1.0, 0.0);
}

// ln(1 + x) of 0 <= x <= 2^60, where far below 2^-54 there may be less than x left.
[[nodiscard, gnu::always_inline]] inline double log1p_of_positive(double x) {
    // as masks: a choice of doubles keeps the compiler from making vectors of it
    const auto below = [x](double bound) {
        return -((std::bit_cast<u64>(x) - std::bit_cast<u64>(bound)) >> 63);
    };
    const auto choose = [](u64 mask, double a, double b) {
        return std::bit_cast<double>((std::bit_cast<u64>(a) & mask) |
                                     (std::bit_cast<u64>(b) & ~mask));
    };
    const double u = 1.0 + x;
    const double lost = choose(below(1.0), x - (u - 1.0), 1.0 - (u - x)) / u;
    const detail::Parts p = detail::parts_of(u);
    const u64 near = below(0.41);
    return detail::log_of_parts(choose(near, 0.0, p.n), choose(near, x, p.m - 1.0),
                                choose(near, 0.0, lost));
}

// ln x: -infinity at 0, NaN below.
[[nodiscard]] inline double log(double x) {
    if (!(x > 0.0)) {
        return x == 0.0 ? -std::numeric_limits<double>::infinity()
                        : std::numeric_limits<double>::quiet_NaN();
    }
    if (x == std::numeric_limits<double>::infinity()) return x;
    if (x >= 0x1p-1022) return log_of_normal(x);
    const detail::Parts p = detail::parts_of(x * 0x1p54);
    return detail::log_of_parts(p.n - 54.0, p.m - 1.0, 0.0);
}

// ln |x| of all that are normal; of the others what is no logarithm.
struct LogKernel {
    BOOKFLOW_KERNEL void run(const double* x, std::size_t n, double* __restrict out) {
        for (std::size_t i = 0; i < n; ++i) out[i] = log_of_normal(std::fabs(x[i]));
    }
};

// ln(1 + x), as exact where x is small.
[[nodiscard]] inline double log1p(double x) {
    if (!(x > -1.0) || x > 0x1p60) return log(1.0 + x);
    if (x > -0x1p-54 && x < 0x1p-54) return x;
    if (x > -0.29 && x < 0.41) return detail::log_of_parts(0.0, x, 0.0);
    const double u = 1.0 + x;
    const double lost = x >= 1.0 ? 1.0 - (u - x) : x - (u - 1.0);
    const detail::Parts p = detail::parts_of(u);
    return detail::log_of_parts(p.n, p.m - 1.0, lost / u);
}

}  // namespace bookflow
