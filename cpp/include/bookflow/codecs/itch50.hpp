// Nasdaq TotalView-ITCH 5.0: the layout of every message, and where messages begin.
//
// A message is a type byte, the stock's locate code, a tracking number, 48 bits of nanoseconds since
// midnight, and what its type says, all big-endian; in a file and in a MoldUDP64 packet two bytes of
// length stand before it. Framing walks from length to length: one load and one addition a message
// are all that the next one waits for; that each length is its type's is checked beside that, for
// whole blocks. Worst case: a block with a fault, or lengths of 0 (some files have no others: then
// the type tells), is walked once more, one message at a time.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "bookflow/error.hpp"
#include "bookflow/types.hpp"

namespace bookflow::itch50 {

using Byte = unsigned char;

// Prices have 4 decimals (8 in a message of the market-wide circuit breaker's levels).
enum class As : std::uint8_t { Number, Price, Text };

struct Field {
    std::string_view name;
    std::uint8_t width = 0;
    As as = As::Number;
};

struct Layout {
    static constexpr std::size_t kHead = 11;  // type, stock locate, tracking number, time
    static constexpr std::size_t kMostFields = 14;

    char type;
    std::string_view name;
    std::array<Field, kMostFields> fields;  // behind the head

    [[nodiscard]] constexpr std::size_t length() const {
        std::size_t bytes = kHead;
        for (const Field& field : fields) bytes += field.width;
        return bytes;
    }
};

inline constexpr std::array<Field, 3> kHeadFields{
    {{"stock_locate", 2}, {"tracking_number", 2}, {"timestamp", 6}}};

inline constexpr std::array<Layout, 23> kLayouts{{
    {'S', "system_event", {{{"event_code", 1, As::Text}}}},
    {'R',
     "stock_directory",
     {{{"stock", 8, As::Text},
       {"market_category", 1, As::Text},
       {"financial_status", 1, As::Text},
       {"round_lot_size", 4},
       {"round_lots_only", 1, As::Text},
       {"issue_classification", 1, As::Text},
       {"issue_sub_type", 2, As::Text},
       {"authenticity", 1, As::Text},
       {"short_sale_threshold", 1, As::Text},
       {"ipo_flag", 1, As::Text},
       {"luld_tier", 1, As::Text},
       {"etp_flag", 1, As::Text},
       {"etp_leverage_factor", 4},
       {"inverse_indicator", 1, As::Text}}}},
    {'H',
     "trading_action",
     {{{"stock", 8, As::Text},
       {"trading_state", 1, As::Text},
       {"reserved", 1, As::Text},
       {"reason", 4, As::Text}}}},
    {'Y', "reg_sho", {{{"stock", 8, As::Text}, {"reg_sho_action", 1, As::Text}}}},
    {'L',
     "market_participant",
     {{{"mpid", 4, As::Text},
       {"stock", 8, As::Text},
       {"primary_market_maker", 1, As::Text},
       {"market_maker_mode", 1, As::Text},
       {"participant_state", 1, As::Text}}}},
    {'V',
     "circuit_breaker_levels",
     {{{"level_1", 8, As::Price}, {"level_2", 8, As::Price}, {"level_3", 8, As::Price}}}},
    {'W', "circuit_breaker_status", {{{"breached_level", 1, As::Text}}}},
    {'K',
     "ipo_quoting",
     {{{"stock", 8, As::Text},
       {"release_time", 4},
       {"release_qualifier", 1, As::Text},
       {"ipo_price", 4, As::Price}}}},
    {'J',
     "auction_collar",
     {{{"stock", 8, As::Text},
       {"reference_price", 4, As::Price},
       {"upper_price", 4, As::Price},
       {"lower_price", 4, As::Price},
       {"extension", 4}}}},
    {'h',
     "operational_halt",
     {{{"stock", 8, As::Text}, {"market_code", 1, As::Text}, {"halt_action", 1, As::Text}}}},
    {'A',
     "add_order",
     {{{"order_reference", 8},
       {"side", 1, As::Text},
       {"shares", 4},
       {"stock", 8, As::Text},
       {"price", 4, As::Price}}}},
    {'F',
     "add_order_with_mpid",
     {{{"order_reference", 8},
       {"side", 1, As::Text},
       {"shares", 4},
       {"stock", 8, As::Text},
       {"price", 4, As::Price},
       {"attribution", 4, As::Text}}}},
    {'E', "order_executed", {{{"order_reference", 8}, {"shares", 4}, {"match_number", 8}}}},
    {'C',
     "order_executed_with_price",
     {{{"order_reference", 8},
       {"shares", 4},
       {"match_number", 8},
       {"printable", 1, As::Text},
       {"price", 4, As::Price}}}},
    {'X', "order_cancel", {{{"order_reference", 8}, {"shares", 4}}}},
    {'D', "order_delete", {{{"order_reference", 8}}}},
    {'U',
     "order_replace",
     {{{"order_reference", 8}, {"new_reference", 8}, {"shares", 4}, {"price", 4, As::Price}}}},
    {'P',
     "trade",
     {{{"order_reference", 8},
       {"side", 1, As::Text},
       {"shares", 4},
       {"stock", 8, As::Text},
       {"price", 4, As::Price},
       {"match_number", 8}}}},
    {'Q',
     "cross_trade",
     {{{"shares", 8},
       {"stock", 8, As::Text},
       {"price", 4, As::Price},
       {"match_number", 8},
       {"cross_type", 1, As::Text}}}},
    {'B', "broken_trade", {{{"match_number", 8}}}},
    {'I',
     "imbalance",
     {{{"paired_shares", 8},
       {"imbalance_shares", 8},
       {"direction", 1, As::Text},
       {"stock", 8, As::Text},
       {"far_price", 4, As::Price},
       {"near_price", 4, As::Price},
       {"reference_price", 4, As::Price},
       {"cross_type", 1, As::Text},
       {"price_variation", 1, As::Text}}}},
    {'N', "retail_interest", {{{"stock", 8, As::Text}, {"interest_flag", 1, As::Text}}}},
    {'O',
     "price_discovery",
     {{{"stock", 8, As::Text},
       {"open_eligibility", 1, As::Text},
       {"lowest_price", 4, As::Price},
       {"highest_price", 4, As::Price},
       {"near_price", 4, As::Price},
       {"near_time", 8},
       {"lower_collar", 4, As::Price},
       {"upper_collar", 4, As::Price}}}},
}};

[[nodiscard]] constexpr const Layout* layout_of(Byte type) {
    for (const Layout& layout : kLayouts) {
        if (static_cast<Byte>(layout.type) == type) return &layout;
    }
    return nullptr;
}

// Where a field begins in its message.
[[nodiscard]] constexpr std::size_t offset_of(char type, std::string_view name) {
    std::size_t at = Layout::kHead;
    for (const Field& field : layout_of(static_cast<Byte>(type))->fields) {
        if (field.name == name) return at;
        at += field.width;
    }
    return 0;
}

// By type; of what is none a number that no length is.
inline constexpr std::uint32_t kNoType = 1U << 16;
inline constexpr auto kLengths = [] {
    std::array<std::uint32_t, 256> lengths{};
    lengths.fill(kNoType);
    for (const Layout& layout : kLayouts) {
        lengths[static_cast<Byte>(layout.type)] = static_cast<std::uint32_t>(layout.length());
    }
    return lengths;
}();
inline constexpr std::size_t kLongest = 50;
inline constexpr std::size_t kPrefix = 2;  // the length that stands before a message
static_assert(kLengths['S'] == 12 && kLengths['R'] == 39 && kLengths['H'] == 25 &&
              kLengths['Y'] == 20 && kLengths['L'] == 26 && kLengths['V'] == 35 &&
              kLengths['W'] == 12 && kLengths['K'] == 28 && kLengths['J'] == 35 &&
              kLengths['h'] == 21 && kLengths['A'] == 36 && kLengths['F'] == 40 &&
              kLengths['E'] == 31 && kLengths['C'] == 36 && kLengths['X'] == 23 &&
              kLengths['D'] == 19 && kLengths['U'] == 35 && kLengths['P'] == 44 &&
              kLengths['Q'] == 40 && kLengths['B'] == 19 && kLengths['I'] == kLongest &&
              kLengths['N'] == 20 && kLengths['O'] == 48);

// A big-endian number.
template <class T>
[[nodiscard]] [[gnu::always_inline]] inline T big(const Byte* at) {
    static_assert(std::endian::native == std::endian::little);
    T value;
    std::memcpy(&value, at, sizeof value);
    if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
    if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
    if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}
[[nodiscard]] inline std::uint16_t locate_of(const Byte* message) {
    return big<std::uint16_t>(message + 1);
}
// Nanoseconds since midnight: the last six of the eight bytes that end where the head does.
[[nodiscard]] inline i64 nanos_of(const Byte* message) {
    return static_cast<i64>(big<u64>(message + 3) & ((u64{1} << 48) - 1));
}
inline constexpr i64 kDay = 86'400'000'000'000;

struct Framed {
    std::size_t messages = 0;
    std::size_t bytes =
        0;  // that they take; what follows is cut, at fault, or past the most asked for
};

namespace detail {

// The bytes of the message at `at`, its length included; 0: it is cut or at fault.
[[nodiscard]] inline std::size_t whole(const Byte* at, std::size_t size) {
    if (size <= kPrefix) return 0;
    const std::uint32_t length = big<std::uint16_t>(at);
    const std::uint32_t of_type = kLengths[at[kPrefix]];
    if (of_type == kNoType || (length != 0 && length != of_type)) return 0;
    return kPrefix + of_type <= size ? kPrefix + of_type : 0;
}

}  // namespace detail

// Writes where whole messages begin (their type bytes), at most `most` of them, within the first
// 2^32 bytes.
inline Framed frame(const Byte* data, std::size_t size, std::uint32_t* starts, std::size_t most) {
    constexpr std::size_t block = 32;
    constexpr std::size_t reach = block * (kPrefix + 255);  // of a block, whatever stands in it
    size = std::min(size, std::size_t{0xFFFFFFFF});
    Framed out;
    while (out.messages < most) {
        std::size_t n = std::min(block, most - out.messages);
        if (n == block && size - out.bytes > reach) {
            std::size_t at = out.bytes;
            std::uint32_t wrong = 0;
            for (std::size_t i = 0; i < block; ++i) {
                const Byte* p = data + at;
                starts[out.messages + i] = static_cast<std::uint32_t>(at + kPrefix);
                wrong |= big<std::uint16_t>(p) ^ kLengths[p[kPrefix]];
                at += kPrefix +
                      p[1];  // the low byte alone: the others are known to be 0 if all is well
            }
            if (wrong == 0) {
                out.messages += block;
                out.bytes = at;
                continue;
            }
        }
        for (; n > 0; --n) {
            const std::size_t bytes = detail::whole(data + out.bytes, size - out.bytes);
            if (bytes == 0) return out;
            starts[out.messages++] = static_cast<std::uint32_t>(out.bytes + kPrefix);
            out.bytes += bytes;
        }
    }
    return out;
}

// Bytes in a message of ours: what cannot be printed is escaped.
[[nodiscard]] inline std::string text(const Byte* at, std::size_t n) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (std::size_t i = 0; i < n; ++i) {
        if (at[i] >= 0x20 && at[i] < 0x7F) {
            out += static_cast<char>(at[i]);
        } else {
            out += {'\\', 'x', digits[at[i] >> 4], digits[at[i] & 15]};
        }
    }
    return out;
}

// A fault in a message: `field` is like "A.shares", `offset` the byte where the message begins.
[[nodiscard]] inline InputError bad_field(Byte type, std::string_view field, std::string value,
                                          std::string rule, i64 offset) {
    std::string name(1, static_cast<char>(type));
    InputError error(std::move(rule), name + "." + std::string(field), std::move(value));
    error.offset = offset;
    return error;
}

// What is wrong with the bytes at which framing stopped: a message whose type or length is none.
// Nothing where more bytes may still make it whole.
[[nodiscard]] inline std::optional<InputError> framing_fault(const Byte* at, std::size_t size,
                                                             i64 offset) {
    if (size <= kPrefix) return std::nullopt;
    const Byte type = at[kPrefix];
    const std::uint32_t length = big<std::uint16_t>(at);
    if (kLengths[type] == kNoType) {
        InputError error("is no message type of ITCH 5.0", "type",
                         type >= 0x20 && type < 0x7F ? std::string(1, static_cast<char>(type))
                                                     : "byte " + std::to_string(type));
        error.offset = offset;
        return error;
    }
    if (length == 0 || length == kLengths[type]) return std::nullopt;
    return bad_field(type, "length", std::to_string(length),
                     "must be " + std::to_string(kLengths[type]) + ", or 0 for its type's", offset);
}

// What stands where the input ends: the start of a message.
[[nodiscard]] inline InputError cut_message(const Byte* at, std::size_t size, i64 offset) {
    if (size <= kPrefix) {
        InputError error("the input ends before a message's type", "length",
                         std::to_string(size) + " bytes");
        error.offset = offset;
        return error;
    }
    const std::size_t needed = kPrefix + kLengths[at[kPrefix]];
    return bad_field(at[kPrefix], "length", std::to_string(size) + " bytes",
                     "the input ends inside this message of " + std::to_string(needed) + " bytes",
                     offset);
}

}  // namespace bookflow::itch50
