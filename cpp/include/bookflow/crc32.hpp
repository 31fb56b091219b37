// CRC-32 (ISO-HDLC, as zlib and the venues compute it), eight bytes a step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace bookflow {

namespace detail {

// tables[k][b]: what byte b does to the sum when k more bytes follow it in the same step.
inline constexpr auto kCrcTables = [] {
    std::array<std::array<std::uint32_t, 256>, 8> tables{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        std::uint32_t sum = b;
        for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xEDB88320U : 0U);
        tables[0][b] = sum;
    }
    for (std::size_t k = 1; k < tables.size(); ++k) {
        for (std::size_t b = 0; b < 256; ++b) {
            const std::uint32_t sum = tables[k - 1][b];
            tables[k][b] = (sum >> 8) ^ tables[0][sum & 0xFF];
        }
    }
    return tables;
}();

}  // namespace detail

[[nodiscard]] inline std::uint32_t crc32(std::string_view bytes) {
    const auto& t = detail::kCrcTables;
    std::uint32_t sum = ~std::uint32_t{0};
    const auto byte = [](char c) { return static_cast<std::uint8_t>(c); };
    std::size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) {
        const char* p = bytes.data() + i;
        const std::uint32_t low =
            sum ^ (std::uint32_t{byte(p[0])} | std::uint32_t{byte(p[1])} << 8 |
                   std::uint32_t{byte(p[2])} << 16 | std::uint32_t{byte(p[3])} << 24);
        sum = t[7][low & 0xFF] ^ t[6][(low >> 8) & 0xFF] ^ t[5][(low >> 16) & 0xFF] ^
              t[4][low >> 24] ^ t[3][byte(p[4])] ^ t[2][byte(p[5])] ^ t[1][byte(p[6])] ^
              t[0][byte(p[7])];
    }
    for (; i < bytes.size(); ++i) sum = (sum >> 8) ^ t[0][(sum ^ byte(bytes[i])) & 0xFF];
    return ~sum;
}

}  // namespace bookflow
