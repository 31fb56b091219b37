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
    [[nodiscard]] bool dense() const { return stride == sizeof(T); }
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

// The columns that events always have, without gaps: what a loop over them reads without a
// multiplication and a question a field.
struct DenseEvents {
    const i64* ts;  // nullptr: all at the epoch
    const std::uint8_t* action;
    const std::uint8_t* side;
    const i64* price;
    const i64* size;
    const u64* order_id;         // nullptr: none
    const std::uint16_t* flags;  // nullptr: every row LAST

    [[nodiscard]] bool has_ts() const { return ts != nullptr; }
    [[nodiscard]] bool has_flags() const { return flags != nullptr; }
    [[nodiscard]] i64 ts_at(std::size_t i) const { return ts != nullptr ? ts[i] : 0; }
    [[nodiscard]] u64 id_at(std::size_t i) const { return order_id != nullptr ? order_id[i] : 0; }
    [[nodiscard]] std::uint16_t flags_at(std::size_t i) const {
        return flags != nullptr ? flags[i] : flag::kLast;
    }
    // Asks for the row `far` rows on: so many streams at once are more than some processors follow.
    [[gnu::always_inline]] void look_ahead(std::size_t i, std::size_t far = 96) const {
        if (i % 8 != 0) return;  // eight rows are one cache line
        const auto ask = [&](const i64* column) {
            if (column == nullptr) return;
            __builtin_prefetch(reinterpret_cast<const void*>(
                reinterpret_cast<std::uintptr_t>(column) + (i + far) * sizeof(i64)));
        };
        ask(ts);
        ask(price);
        ask(size);
        ask(reinterpret_cast<const i64*>(order_id));
    }
};

template <class Columns>
[[nodiscard]] [[gnu::always_inline]] inline Event event_of(const Columns& c, std::size_t i) {
    Event e;
    e.ts = Nanos(c.ts_at(i));
    e.order_id = OrderId{c.id_at(i)};
    e.price = Price(c.price[i]);
    e.size = Size(c.size[i]);
    e.action = static_cast<Action>(c.action[i]);
    e.side = static_cast<Side>(c.side[i]);
    e.flags = c.flags_at(i);
    return e;
}

struct EventColumns {
    std::size_t rows = 0;
    Column<i64> ts;  // not given: the epoch
    Column<std::uint8_t> action;
    Column<std::uint8_t> side;
    Column<i64> price;
    Column<i64> size;
    Column<std::uint16_t> flags;       // not given: every row LAST
    Column<u64> order_id;              // not given: none
    Column<std::uint32_t> instrument;  // not given: the pipeline's
    DepthColumns depth;

    // `n` events of which one begins `stride` bytes behind the other, read in place.
    [[nodiscard]] static EventColumns of(const Event& first, std::size_t n,
                                         std::ptrdiff_t stride = sizeof(Event)) {
        const auto at = [](const auto& field) { return reinterpret_cast<const char*>(&field); };
        EventColumns c;
        c.rows = n;
        c.ts = {at(first.ts), stride};
        c.action = {at(first.action), stride};
        c.side = {at(first.side), stride};
        c.price = {at(first.price), stride};
        c.size = {at(first.size), stride};
        c.flags = {at(first.flags), stride};
        c.order_id = {at(first.order_id), stride};
        c.instrument = {at(first.instrument), stride};
        return c;
    }

    [[nodiscard]] bool has_ts() const { return ts.given(); }
    [[nodiscard]] bool has_flags() const { return flags.given(); }
    [[nodiscard]] i64 ts_at(std::size_t i) const { return ts.given() ? ts[i] : 0; }
    [[nodiscard]] u64 id_at(std::size_t i) const { return order_id.given() ? order_id[i] : 0; }
    [[nodiscard]] std::uint16_t flags_at(std::size_t i) const {
        return flags.given() ? flags[i] : flag::kLast;
    }
    void look_ahead(std::size_t, std::size_t = 0) const {}
    // f(columns) with the fastest form that these have.
    template <class F>
    decltype(auto) visit(F&& f) const {
        const bool dense = ts.dense() && action.dense() && side.dense() && price.dense() &&
                           size.dense() && order_id.dense() && flags.dense();
        if (!dense) return f(*this);
        const auto pointer = []<class T>(const Column<T>& column) {
            return reinterpret_cast<const T*>(column.data);
        };
        return f(DenseEvents{pointer(ts), pointer(action), pointer(side), pointer(price),
                             pointer(size), pointer(order_id), pointer(flags)});
    }
    // No less than the sum of all sizes.
    [[nodiscard]] i128 size_bound() const {
        i64 bits = 0;  // no size is larger than all of them ored together
        for (std::size_t i = 0; i < rows; ++i) bits |= size[i];
        return i128{bits} * static_cast<i64>(rows);
    }
    [[nodiscard]] Event event(std::size_t i) const { return event_of(*this, i); }
};

}  // namespace bookflow
