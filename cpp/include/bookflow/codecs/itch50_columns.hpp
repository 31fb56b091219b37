// The sink of a feed that writes events as columns.
#pragma once

#include "bookflow/codecs/itch50_feed.hpp"

namespace bookflow::itch50 {

struct EventRows {
    static constexpr bool kTape = true;

    i64* ts = nullptr;
    i64* ts_venue = nullptr;
    u64* order_id = nullptr;
    i64* price = nullptr;
    i64* size = nullptr;
    std::uint32_t* instrument = nullptr;
    std::uint8_t* action = nullptr;
    std::uint8_t* side = nullptr;
    std::uint16_t* flags = nullptr;
    std::size_t room = 0;
    std::size_t rows = 0;

    // No bytes make more rows: a replace, of 37 bytes, makes two.
    [[nodiscard]] static std::size_t most(std::size_t bytes) { return bytes / 18 + 2; }

    [[nodiscard]] bool full() const { return rows + 2 > room; }
    void look_ahead(const Byte*, const std::uint32_t*, std::size_t, std::size_t) const {}
    [[gnu::always_inline]] void put(const Event& e) {
        ts[rows] = e.ts.raw;
        ts_venue[rows] = e.ts_venue.raw;
        order_id[rows] = static_cast<u64>(e.order_id);
        price[rows] = e.price.raw;
        size[rows] = e.size.raw;
        instrument[rows] = e.instrument;
        action[rows] = static_cast<std::uint8_t>(e.action);
        side[rows] = static_cast<std::uint8_t>(e.side);
        flags[rows] = e.flags;
        ++rows;
    }
};

}  // namespace bookflow::itch50
