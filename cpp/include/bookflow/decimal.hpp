// Exact decimals and exactly rounded quotients: the only door between units and floating point.
#pragma once

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "bookflow/types.hpp"

namespace bookflow {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

namespace detail {

[[nodiscard]] constexpr int bit_width(u128 x) {
    const auto high = static_cast<u64>(x >> 64);
    return static_cast<int>(high != 0 ? 64 + std::bit_width(high)
                                      : std::bit_width(static_cast<u64>(x)));
}

// quotient / 2^shift to the nearest double, ties to even; `more`: something behind it was cut off.
[[nodiscard]] inline double rounded(u128 quotient, bool more, int shift) {
    const int excess = bit_width(quotient) - 53;  // 2 or 3
    const auto half = u64{1} << (excess - 1);
    auto bits = static_cast<u64>(quotient >> excess);
    const u64 tail = static_cast<u64>(quotient) & ((u64{1} << excess) - 1);
    if (tail > half || (tail == half && (more || (bits & 1) != 0))) ++bits;
    return std::ldexp(static_cast<double>(bits), excess - shift);
}

// n / d rounded once to the nearest double, ties to even. Long division bit by bit; it is the
// rare path, taken when a number does not fit 53 bits.
[[nodiscard]] inline double divide_slowly(u128 n, u128 d) {
    if (n == 0) return 0.0;
    // Scale so that the quotient has 55 or 56 bits: 53, one to round by, and a sticky one.
    const int shift = 55 - (bit_width(n) - bit_width(d));
    u128 remainder = n;
    u128 quotient = 0;
    // Integer part first (when n is wider than d), then `shift` binary digits behind the point.
    if (shift >= 0) {
        quotient = n / d;
        remainder = n % d;
        if (bit_width(d) + shift <= 127) {  // in one division instead of one a digit
            remainder <<= shift;
            quotient = (quotient << shift) + remainder / d;
            remainder %= d;
            return rounded(quotient, remainder != 0, shift);
        }
        for (int i = 0; i < shift; ++i) {
            // remainder < d <= 2^127, so the doubling cannot overflow
            remainder <<= 1;
            quotient <<= 1;
            if (remainder >= d) {
                remainder -= d;
                quotient |= 1;
            }
        }
    } else {
        quotient = n / d;
        remainder = n % d;
        const u128 dropped = quotient & ((u128{1} << -shift) - 1);
        quotient >>= -shift;
        remainder |= dropped;  // only whether it is zero matters from here on
    }
    return rounded(quotient, remainder != 0, shift);
}

}  // namespace detail

// n / d, correctly rounded; NaN where d is zero.
[[nodiscard]] inline double ratio(i128 n, i128 d) {
    constexpr i128 exact = i128{1} << 53;
    if (d == 0) return kNaN;
    if (n > -exact && n < exact && d > -exact && d < exact) {
        // +0.0 keeps an exact zero positive whatever the sign of d
        return static_cast<double>(static_cast<i64>(n)) / static_cast<double>(static_cast<i64>(d)) +
               0.0;
    }
    const bool negative = (n < 0) != (d < 0);
    const double q = detail::divide_slowly(n < 0 ? -static_cast<u128>(n) : static_cast<u128>(n),
                                           d < 0 ? -static_cast<u128>(d) : static_cast<u128>(d));
    return negative && q != 0.0 ? -q : q;
}

// mantissa x 10^exponent, as written by a person: "0.01", "1e-9", "10000".
struct Decimal {
    i64 mantissa = 0;
    int exponent = 0;

    friend bool operator==(const Decimal&, const Decimal&) = default;

    [[nodiscard]] bool positive() const { return mantissa > 0; }

    template <class V>
    void visit(V& v) {
        v(mantissa, exponent);
        if constexpr (V::kReading) {
            constexpr i64 digits18 = 1'000'000'000'000'000'000;
            v.require(
                mantissa > -digits18 && mantissa < digits18 && exponent >= -500 && exponent <= 500,
                "a number is out of range");
        }
    }

    // None where the text is no plain decimal number or has more than 18 digits.
    [[nodiscard]] static std::optional<Decimal> parse(std::string_view text) {
        Decimal out;
        std::size_t i = 0;
        const bool negative = !text.empty() && text[0] == '-';
        if (!text.empty() && (text[0] == '-' || text[0] == '+')) ++i;
        bool any = false;
        bool point = false;
        int digits = 0;
        for (; i < text.size(); ++i) {
            const char c = text[i];
            if (c == '.' && !point) {
                point = true;
            } else if (c >= '0' && c <= '9') {
                any = true;
                if (digits > 0 || c != '0') ++digits;
                if (digits > 18) {
                    // trailing zeros of an integer are still exact
                    if (c != '0') return std::nullopt;
                    if (!point) ++out.exponent;
                    continue;
                }
                out.mantissa = out.mantissa * 10 + (c - '0');
                if (point) --out.exponent;
            } else {
                break;
            }
        }
        if (!any) return std::nullopt;
        if (i < text.size()) {
            if (text[i] != 'e' && text[i] != 'E') return std::nullopt;
            ++i;
            if (i + 1 < text.size() && text[i] == '+' && text[i + 1] != '-') ++i;
            int e = 0;
            const auto [end, fault] =
                std::from_chars(text.data() + i, text.data() + text.size(), e);
            if (fault != std::errc{} || end != text.data() + text.size() || e < -400 || e > 400) {
                return std::nullopt;
            }
            out.exponent += e;
        }
        if (negative) out.mantissa = -out.mantissa;
        out = out.normalised();
        // the exponent of its own text must be one that is read
        return out.exponent < -400 || out.exponent > 400 ? std::nullopt : std::optional(out);
    }

    // The shortest decimal that reads back as x: 0.1 is 1e-1, not its 55 binary digits.
    [[nodiscard]] static std::optional<Decimal> shortest(double x) {
        char text[40];
        const auto [end, fault] =
            std::to_chars(text, text + sizeof text, x, std::chars_format::scientific);
        return fault == std::errc{} ? parse({text, static_cast<std::size_t>(end - text)})
                                    : std::nullopt;
    }

    // The nearest double.
    [[nodiscard]] double value() const {
        if (mantissa == 0) return 0.0;
        // text without a point reads the same in every locale
        if (exponent < -18 || exponent > 18) return std::strtod(text().c_str(), nullptr);
        i64 power = 1;
        for (int i = 0; i < std::abs(exponent); ++i) power *= 10;
        return exponent < 0 ? ratio(mantissa, power)
                            : ratio(static_cast<i128>(mantissa) * power, 1);
    }

    [[nodiscard]] std::string text() const {
        std::string digits = std::to_string(mantissa < 0 ? -mantissa : mantissa);
        const std::string sign = mantissa < 0 ? "-" : "";
        if (exponent >= 0 && exponent <= 15) {
            return sign + digits + std::string(static_cast<std::size_t>(exponent), '0');
        }
        if (exponent < 0 && exponent >= -6) {
            const auto behind = static_cast<std::size_t>(-exponent);
            if (digits.size() <= behind) digits.insert(0, behind - digits.size() + 1, '0');
            return sign + digits.substr(0, digits.size() - behind) + "." +
                   digits.substr(digits.size() - behind);
        }
        return sign + digits + "e" + std::to_string(exponent);
    }

private:
    [[nodiscard]] Decimal normalised() const {
        Decimal out = *this;
        if (out.mantissa == 0) return {};
        while (out.mantissa % 10 == 0) {
            out.mantissa /= 10;
            ++out.exponent;
        }
        return out;
    }
};

// A positive unit as a fraction of integers: value = k * numerator / denominator.
struct Scale {
    i64 numerator = 1;
    i64 denominator = 1;

    friend bool operator==(const Scale&, const Scale&) = default;

    [[nodiscard]] static std::optional<Scale> of(const Decimal& unit) {
        if (!unit.positive() || std::abs(unit.exponent) > 18) return std::nullopt;
        i64 power = 1;
        for (int i = 0; i < std::abs(unit.exponent); ++i) power *= 10;
        if (unit.exponent < 0) return Scale{unit.mantissa, power}.reduced();
        i64 n = 0;
        if (__builtin_mul_overflow(unit.mantissa, power, &n)) return std::nullopt;
        return Scale{n, 1};
    }

    // k units over `divisor` as a double, rounded once. (Only numbers near the field limits times a
    // numerator above one leave 128 bits; they are rounded twice.)
    [[nodiscard]] double value(i128 k, i128 divisor = 1) const {
        const i128 d = denominator * divisor;
        if (numerator == 1) return ratio(k, d);
        const auto size = static_cast<u128>(k < 0 ? -k : k);
        if (detail::bit_width(size) + std::bit_width(static_cast<u64>(numerator)) > 126) {
            return ratio(k, d) * static_cast<double>(numerator);
        }
        return ratio(k * numerator, d);
    }

    // How many units x is, exactly; nothing where that is no 64-bit integer.
    [[nodiscard]] std::optional<i64> units(const Decimal& x) const {
        i128 n = static_cast<i128>(x.mantissa) * denominator;
        i128 d = numerator;
        for (int e = x.exponent; e > 0 && n != 0; --e) {
            n *= 10;
            if (n > kFar || n < -kFar) return std::nullopt;
        }
        for (int e = x.exponent; e < 0 && n != 0; ++e) {
            d *= 10;
            if (d > kFar) return std::nullopt;
        }
        if (n % d != 0) return std::nullopt;
        n /= d;
        if (n > std::numeric_limits<i64>::max() || n <= kNone) return std::nullopt;
        return static_cast<i64>(n);
    }

    // The k for which the double nearest to k units is x; nothing where there is none.
    [[nodiscard]] std::optional<i64> units(double x) const {
        const double guess = std::nearbyint(
            denominator >= numerator
                ? x * (static_cast<double>(denominator) / static_cast<double>(numerator))
                : x / (static_cast<double>(numerator) / static_cast<double>(denominator)));
        if (!(std::fabs(guess) < 9.2e18)) return std::nullopt;
        if (std::fabs(guess) >= 0x1p53) {
            // several k share one double here: the one that a person would write is meant
            const auto written = Decimal::shortest(x);
            return written ? units(*written) : std::nullopt;
        }
        const auto k = static_cast<i64>(guess);
        if (value(k) == x) return k;
        if (value(k + 1) == x) return k + 1;
        if (value(k - 1) == x) return k - 1;
        return std::nullopt;
    }

private:
    static constexpr i128 kFar = i128{1} << 123;

    [[nodiscard]] Scale reduced() const {
        i64 a = numerator;
        i64 b = denominator;
        while (b != 0) {
            const i64 rest = a % b;
            a = b;
            b = rest;
        }
        return {numerator / a, denominator / a};
    }
};

}  // namespace bookflow
