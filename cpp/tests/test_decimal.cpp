// Exact decimals and once-rounded quotients, checked by integer arithmetic of any length.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "bookflow/decimal.hpp"
#include "bookflow/instrument.hpp"
#include "check.hpp"

using bookflow::Decimal;
using bookflow::i128;
using bookflow::i64;
using bookflow::ratio;
using bookflow::Scale;
using bookflow::u128;

namespace {

// A non-negative integer of any length, in 32-bit digits, lowest first.
struct Big {
    std::vector<std::uint32_t> digits;

    explicit Big(u128 x) {
        for (; x != 0; x >>= 32) digits.push_back(static_cast<std::uint32_t>(x));
    }
    Big& operator*=(std::uint32_t factor) {
        std::uint64_t carry = 0;
        for (std::uint32_t& digit : digits) {
            carry += std::uint64_t{digit} * factor;
            digit = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
        if (carry != 0) digits.push_back(static_cast<std::uint32_t>(carry));
        return *this;
    }
    Big& operator<<=(int bits) {
        for (; bits >= 16; bits -= 16) *this *= 1U << 16;
        return *this *= 1U << bits;
    }
    [[nodiscard]] Big times(std::uint64_t x) const {
        Big low = *this;
        low *= static_cast<std::uint32_t>(x);
        Big high = *this;
        high *= static_cast<std::uint32_t>(x >> 32);
        high <<= 32;
        std::uint64_t carry = 0;
        const std::size_t n = std::max(low.digits.size(), high.digits.size()) + 1;
        low.digits.resize(n);
        high.digits.resize(n);
        for (std::size_t i = 0; i < n; ++i) {
            carry += std::uint64_t{low.digits[i]} + high.digits[i];
            low.digits[i] = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
        return low.trimmed();
    }
    [[nodiscard]] Big trimmed() const {
        Big out = *this;
        while (!out.digits.empty() && out.digits.back() == 0) out.digits.pop_back();
        return out;
    }
    [[nodiscard]] int compare(const Big& other) const {
        const Big a = trimmed();
        const Big b = other.trimmed();
        if (a.digits.size() != b.digits.size()) return a.digits.size() < b.digits.size() ? -1 : 1;
        for (std::size_t i = a.digits.size(); i-- > 0;) {
            if (a.digits[i] != b.digits[i]) return a.digits[i] < b.digits[i] ? -1 : 1;
        }
        return 0;
    }
};

// Whether x is the double nearest to n / d, ties to even: n / d lies between the midpoints to its
// neighbours, (4m - 2) 2^(e-2) and (4m + 2) 2^(e-2) (the lower one is nearer at a power of two).
bool nearest(double x, u128 n, u128 d) {
    int exponent = 0;
    const auto m = static_cast<std::uint64_t>(std::ldexp(std::frexp(x, &exponent), 53));
    exponent -= 53 + 2;
    Big left(n);
    Big below = Big(d).times(4 * m - (m == std::uint64_t{1} << 52 ? 1 : 2));
    Big above = Big(d).times(4 * m + 2);
    if (exponent < 0) {
        left <<= -exponent;
    } else {
        below <<= exponent;
        above <<= exponent;
    }
    const bool even = m % 2 == 0;
    return below.compare(left) < (even ? 1 : 0) && left.compare(above) < (even ? 1 : 0);
}

u128 wide(test::Random& random) {
    const u128 x = (static_cast<u128>(random.bits()) << 64) | random.bits();
    return (x >> random.between(2, 126)) | 1;  // every length up to 126 bits
}

void ratios() {
    test::Random random(1);
    for (long i = test::operations(20'000); i > 0; --i) {
        const u128 n = wide(random);
        const u128 d = wide(random);
        const double q = ratio(static_cast<i128>(n), static_cast<i128>(d));
        CHECK(nearest(q, n, d));
        CHECK(ratio(-static_cast<i128>(n), static_cast<i128>(d)) == -q);
        CHECK(ratio(-static_cast<i128>(n), -static_cast<i128>(d)) == q);
        // A product of a 54-bit odd number with d lies exactly half-way between two doubles.
        const u128 tie = (u128{1} << 53) | (random.bits() & ((1ULL << 53) - 1)) | 1;
        const auto small = static_cast<u128>(random.between(1, 1 << 30));
        const double half = ratio(static_cast<i128>(tie * small), static_cast<i128>(small));
        CHECK(nearest(half, tie * small, small));
    }
    CHECK(std::isnan(ratio(1, 0)));
    CHECK(std::isnan(ratio(0, 0)));
    CHECK(!std::signbit(ratio(0, -5)));
    CHECK(ratio(i128{1} << 126, i128{1} << 126) == 1.0);
    CHECK(ratio((i128{1} << 126) - 1, 1) == std::ldexp(1.0, 126));
    CHECK(ratio(1, i128{1} << 126) == std::ldexp(1.0, -126));
}

void parses() {
    const auto is = [](const char* text, i64 mantissa, int exponent) {
        const auto x = Decimal::parse(text);
        return x && *x == Decimal{mantissa, exponent};
    };
    CHECK(is("0.01", 1, -2));
    CHECK(is("1e-9", 1, -9));
    CHECK(is("10000", 1, 4));
    CHECK(is("-12.50", -125, -1));
    CHECK(is("+.5", 5, -1));
    CHECK(is("5.", 5, 0));
    CHECK(is("0", 0, 0));
    CHECK(is("0.000", 0, 0));
    CHECK(is("0.000000000000000000001", 1, -21));
    CHECK(is("123456789012345678", 123456789012345678, 0));
    CHECK(is("1234567890123456780", 123456789012345678, 1));
    CHECK(is("1.5E+3", 15, 2));
    for (const char* text : {"",    ".",     "-",     "e5",     "1e",
                             "1e+", "1.2.3", "1 ",    " 1",     "0x10",
                             "nan", "inf",   "1,5",   "1e999",  "1234567890123456789",
                             "--1", "1e5x",  "1e+-5", "10e400", "0.1e-400"}) {
        CHECK(!Decimal::parse(text));
    }
    for (const char* text :
         {"0.01", "100", "0.0000001", "1e-9", "-3.25", "5e20", "0", "0.1e400", "10e-400"}) {
        const auto x = Decimal::parse(text);
        CHECK(x && Decimal::parse(x->text()) == x);
    }
}

void units() {
    const Scale cent = *Scale::of({1, -2});
    CHECK(cent.units(0.29) == 29);  // 0.29 * 100 is 28.999999999999996 in doubles
    CHECK(cent.units(1.005) == std::nullopt);
    CHECK(cent.units(std::numeric_limits<double>::quiet_NaN()) == std::nullopt);
    CHECK(cent.units(std::numeric_limits<double>::infinity()) == std::nullopt);
    CHECK(cent.units(1e300) == std::nullopt);
    CHECK(cent.units(Decimal{12345, -2}) == 12345);
    CHECK(cent.units(Decimal{12345, -3}) == std::nullopt);
    CHECK(cent.units(Decimal{1, 16}) == 1'000'000'000'000'000'000);
    CHECK(cent.units(Decimal{1, 18}) == std::nullopt);
    CHECK(cent.units(Decimal{0, 0}) == 0);
    CHECK(Scale::of({25, -4})->units(Decimal{5, -3}) == 2);
    CHECK(!Scale::of({0, 0}));
    CHECK(!Scale::of({-1, 0}));
    CHECK(!Scale::of({1, 19}));

    // Every k comes back from the double nearest to k units, for units that are no powers of ten.
    test::Random random(2);
    for (const Decimal unit : {Decimal{1, -2}, Decimal{1, -9}, Decimal{25, -4}, Decimal{3, -1},
                               Decimal{1, 3}, Decimal{15625, -6}}) {
        const Scale scale = *Scale::of(unit);
        for (long i = test::operations(20'000); i > 0; --i) {
            const i64 k = random.between(-(i64{1} << 52), i64{1} << 52);
            const double x = scale.value(k);
            CHECK(scale.units(x) == k);
            const auto text = Decimal::shortest(x);
            CHECK(text && scale.value(*scale.units(x)) == x);
        }
    }
}

void instruments() {
    bookflow::Instrument instrument;
    instrument.price_unit = {1, -4};
    instrument.tick = {{{0, 0}, {1, -4}}, {{1, 0}, {1, -2}}};  // below 1: 0.0001, from 1: 0.01
    const bookflow::Units units = instrument.units();
    CHECK(units.on_grid(bookflow::Price(9'999)));
    CHECK(units.on_grid(bookflow::Price(10'100)));
    CHECK(!units.on_grid(bookflow::Price(10'101)));
    CHECK(units.ticks(200, bookflow::Price(10'000)) == 2.0);
    CHECK(units.ticks(200, bookflow::Price(9'999)) == 200.0);
    CHECK(units.price(20'001, 2) == 1.00005);

    instrument.tick = {{{0, 0}, {1, -5}}};
    THROWS(bookflow::InputError, instrument.units());
    instrument.tick = {{{1, 0}, {1, -2}}, {{1, 0}, {1, -2}}};
    THROWS(bookflow::InputError, instrument.units());
    instrument.tick.clear();
    instrument.size_unit = {0, 0};
    THROWS(bookflow::InputError, instrument.units());
    instrument.size_unit = {1, 0};
    instrument.multiplier = {-1, 0};
    THROWS(bookflow::InputError, instrument.units());
}

}  // namespace

int main() {
    ratios();
    parses();
    units();
    instruments();
    return test::report("decimal");
}
