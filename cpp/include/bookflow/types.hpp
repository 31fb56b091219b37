// The words that carry a unit: Price, Size, Nanos, OrderId.
//
// A price is an integer number of the instrument's price units, a size of its size units, a time
// of nanoseconds. They are separate types so that a size cannot be passed for a price; each is
// one register wide and costs nothing.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

#if !defined(__SIZEOF_INT128__)
#error "bookflow sums price x size in 128 bits: build with gcc, clang or clang-cl"
#endif

namespace bookflow {

using i64 = std::int64_t;
using u64 = std::uint64_t;
__extension__ using i128 = __int128;
__extension__ using u128 = unsigned __int128;

// "Not given": an empty side, an order's own price, no venue stamp.
inline constexpr i64 kNone = std::numeric_limits<i64>::min();

// Field limits. They leave room so that no sum over a level, no OFI increment (four sizes), no
// bid + ask and no time one clock's span further can overflow 64 bits.
inline constexpr i64 kMaxSize = i64{1} << 60;
inline constexpr i64 kMaxPrice = i64{1} << 61;
inline constexpr i64 kMaxTime = i64{1} << 62;  // the year 2116: a step past it still fits

template <class Tag>
struct Unit {
    i64 raw = 0;

    constexpr Unit() = default;
    constexpr explicit Unit(i64 value) : raw(value) {}

    friend constexpr auto operator<=>(Unit, Unit) = default;
    friend constexpr Unit operator+(Unit a, Unit b) { return Unit(a.raw + b.raw); }
    friend constexpr Unit operator-(Unit a, Unit b) { return Unit(a.raw - b.raw); }
    constexpr Unit& operator+=(Unit b) { return *this = *this + b; }
    constexpr Unit& operator-=(Unit b) { return *this = *this - b; }
};

using Price = Unit<struct PriceTag>;
using Size = Unit<struct SizeTag>;
using Nanos = Unit<struct NanosTag>;

inline constexpr Price kNoPrice{kNone};
inline constexpr Nanos kNoTime{kNone};

// A price of its own to the compiler, which would otherwise read several, and the sizes between
// them, as one vector: that waits until a size which has just been written has reached the cache.
[[nodiscard, gnu::always_inline]] inline Price apart(Price price) {
    asm("" : "+r"(price.raw));
    return price;
}

// A small enumeration in a register of its own. gcc otherwise spills its byte and reads four back,
// which waits until the byte has reached the cache.
template <class E>
[[nodiscard, gnu::always_inline]] inline unsigned widened(E small) {
    auto wide = static_cast<unsigned>(small);
    asm("" : "+r"(wide));
    return wide;
}

enum class OrderId : u64 {};
inline constexpr OrderId kNoOrder{0};

}  // namespace bookflow
