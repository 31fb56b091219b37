// 2^-x for the half-lives, and e^-x for weights. The core's own, because libm's differ between
// platforms and the package promises the same bits everywhere: only +, x and / of doubles, which
// IEEE 754 rounds the same on every machine (and no FMA: -ffp-contract=off).
#pragma once

#include <bit>
#include <cmath>

#include "bookflow/types.hpp"

namespace bookflow {

namespace detail {

// e^r for |r| <= ln(2)/2, Taylor to r^13/13!: truncation below 2^-57, rounding about 1 ulp.
[[nodiscard]] inline double exp_small(double r) {
    double sum = 1.0 / 6227020800.0;
    sum = sum * r + 1.0 / 479001600.0;
    sum = sum * r + 1.0 / 39916800.0;
    sum = sum * r + 1.0 / 3628800.0;
    sum = sum * r + 1.0 / 362880.0;
    sum = sum * r + 1.0 / 40320.0;
    sum = sum * r + 1.0 / 5040.0;
    sum = sum * r + 1.0 / 720.0;
    sum = sum * r + 1.0 / 120.0;
    sum = sum * r + 1.0 / 24.0;
    sum = sum * r + 1.0 / 6.0;
    sum = sum * r + 0.5;
    sum = sum * r + 1.0;
    return sum * r + 1.0;
}

// x * 2^-n, n >= 0; exact unless the result is subnormal.
[[nodiscard]] inline double scale_down(double x, i64 n) {
    if (n > 1080) return 0.0;
    for (; n > 1000; n -= 1000) x *= 0x1p-1000;
    return x * std::bit_cast<double>(static_cast<u64>(1023 - n) << 52);
}

}  // namespace detail

// 2^-x for x >= 0, within 2 ulp.
[[nodiscard]] inline double exp2_minus(double x) {
    if (!(x < 1080.0)) return 0.0;
    const double whole = std::floor(x + 0.5);
    const double rest = whole - x;  // exact, in [-1/2, 1/2]
    constexpr double ln2 = 0x1.62e42fefa39efp-1;
    return detail::scale_down(detail::exp_small(rest * ln2), static_cast<i64>(whole));
}

// e^-x for x >= 0, within 2 ulp for moderate x: ln 2 in two parts, as fdlibm splits it.
[[nodiscard]] inline double exp_minus(double x) {
    if (!(x < 745.2)) return 0.0;
    constexpr double ln2_high = 0x1.62e42fee00000p-1;
    constexpr double ln2_low = 0x1.a39ef35793c76p-33;
    const double whole = std::floor(x * 0x1.71547652b82fep0 + 0.5);
    const double rest = (whole * ln2_high - x) + whole * ln2_low;
    return detail::scale_down(detail::exp_small(rest), static_cast<i64>(whole));
}

}  // namespace bookflow
