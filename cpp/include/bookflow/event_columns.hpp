// Events as columns, read in place: each column is a pointer and a stride, so that the fields of a
// structured array and every other row of a frame are as good as contiguous arrays.
#pragma once

#include <algorithm>
#include <cstddef>

#include "bookflow/book_update.hpp"

namespace bookflow {

template <class T>
struct Column {
    const char* data = nullptr;
    std::ptrdiff_t stride = sizeof(T);  // in bytes, may be negative

    [[nodiscard]] bool given() const { return data != nullptr; }
    [[nodiscard]] T operator[](std::size_t i) const {
        return *reinterpret_cast<const T*>(data + static_cast<std::ptrdiff_t>(i) * stride);
    }
    [[nodiscard]] Column from(std::size_t i) const {
        return {data + static_cast<std::ptrdiff_t>(i) * stride, stride};
    }
};

// (rows, levels), best level first.
struct Table {
    Column<i64> first;         // level 0 of every row
    std::ptrdiff_t level = 0;  // bytes from level to level

    [[nodiscard]] Column<i64> row(std::size_t r) const { return {first.from(r).data, level}; }
};

// The book after every row. A missing level has price kNone and size 0.
struct DepthColumns {
    int levels = 0;
    Table bid_price;
    Table bid_size;
    Table ask_price;
    Table ask_size;

    [[nodiscard]] bool given() const { return levels > 0; }

    void read(std::size_t row, int n, Depth& out) const {
        out.bids = read_side(bid_price.row(row), bid_size.row(row), n, out.bid);
        out.asks = read_side(ask_price.row(row), ask_size.row(row), n, out.ask);
    }

private:
    [[nodiscard]] int read_side(const Column<i64>& price, const Column<i64>& size, int n,
                                std::array<PriceLevel, kMaxLevels>& out) const {
        int i = 0;
        for (; i < std::min(n, levels); ++i) {
            const auto at = static_cast<std::size_t>(i);
            if (size[at] == 0) break;
            out[at] = {Price(price[at]), Size(size[at])};
        }
        return i;
    }
};

struct EventColumns {
    std::size_t rows = 0;
    Column<i64> ts;
    Column<std::uint8_t> action;
    Column<std::uint8_t> side;
    Column<i64> price;
    Column<i64> size;
    Column<std::uint16_t> flags;       // not given: every row LAST
    Column<u64> order_id;              // not given: none
    Column<std::uint32_t> instrument;  // not given: the pipeline's
    DepthColumns depth;

    [[nodiscard]] std::uint16_t flags_at(std::size_t i) const {
        return flags.given() ? flags[i] : flag::kLast;
    }
    [[nodiscard]] Event event(std::size_t i) const {
        Event e;
        e.ts = Nanos(ts[i]);
        e.order_id = order_id.given() ? OrderId{order_id[i]} : kNoOrder;
        e.price = Price(price[i]);
        e.size = Size(size[i]);
        e.action = static_cast<Action>(action[i]);
        e.side = static_cast<Side>(side[i]);
        e.flags = flags_at(i);
        return e;
    }
};

}  // namespace bookflow
