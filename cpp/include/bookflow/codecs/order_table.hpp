// The live orders of a whole market, each in its place of one open-addressing table.
//
// Why: with thousands of stocks whatever a message looks at is in no cache. An order of 24 bytes
// that lies where its id is found, without a slab and without queues, is one line of memory, and one
// table has but few pages, large ones. An id is its stock's own: some feeds count anew in each.
// Linear probing, at most a quarter full; removal shifts the followers back, so that a table which lives
// for a day probes as short as a fresh one. Worst case: growing copies the table (amortised O(1)).
#pragma once

#include <bit>
#include <utility>
#include <vector>

#include "bookflow/event.hpp"
#include "bookflow/huge_pages.hpp"

namespace bookflow::itch50 {

class OrderTable {
public:
    struct Order {
        OrderId id = kNoOrder;  // of what holds no order
        std::uint32_t price = 0;
        std::uint32_t size = 0;
        std::uint16_t locate = 0;
        Side side = Side::None;
    };
    static_assert(sizeof(Order) == 24);

    [[nodiscard]] std::size_t size() const { return size_; }
    // Whether it pays to ask for an order ahead of time.
    [[nodiscard]] bool beyond_cache() const {
        constexpr std::size_t cache = std::size_t{1} << 18;
        return table_.size() * sizeof(Order) > cache;
    }
    // Its place and the next one, which is looked at as well where it is not there or taken out.
    // Of four places one lies on two lines of the cache: both are asked for.
    [[gnu::always_inline]] void prefetch(OrderId id, std::uint16_t locate) const {
        const std::size_t i = home(id, locate);
        __builtin_prefetch(&table_[i]);
        __builtin_prefetch(&table_[next(i)].side);
    }
    // The order that stands where this one should: in most cases it, else some other or none.
    [[nodiscard]] const Order& likely(OrderId id, std::uint16_t locate) const {
        return table_[home(id, locate)];
    }

    // The order, or the free place where it would be put. Good until one is put or taken out.
    [[nodiscard, gnu::always_inline]] Order& locate(OrderId id, std::uint16_t locate) {
        std::size_t i = home(id, locate);
        while (table_[i].id != kNoOrder && !(table_[i].id == id && table_[i].locate == locate)) {
            i = next(i);
        }
        return table_[i];
    }
    // In the free place that `locate` gave for it.
    [[gnu::always_inline]] void put(Order& place, const Order& order) {
        place = order;
        if (++size_ > table_.size() / 4) [[unlikely]]
            grow();
    }
    [[gnu::always_inline]] void take_out(Order& order) {
        auto hole = static_cast<std::size_t>(&order - table_.data());
        for (std::size_t i = next(hole); table_[i].id != kNoOrder; i = next(i)) {
            // An order may move into the hole unless its home lies behind the hole.
            const std::size_t from_home = (i - home(table_[i].id, table_[i].locate)) & mask_;
            const std::size_t from_hole = (i - hole) & mask_;
            if (from_home >= from_hole) {
                table_[hole] = table_[i];
                hole = i;
            }
        }
        table_[hole].id = kNoOrder;
        --size_;
    }

private:
    static constexpr std::size_t kFirst = 1024;

    [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & mask_; }
    // Fibonacci hashing, as in order_index.hpp.
    [[nodiscard]] std::size_t home(OrderId id, std::uint16_t locate) const {
        const u64 key = static_cast<u64>(id) ^ u64 { locate } << 48;
        return (key * 0x9E3779B97F4A7C15ULL) >> shift_;
    }
    [[gnu::noinline]] void grow() {
        const auto old =
            std::exchange(table_, std::vector<Order, HugePages<Order>>(table_.size() * 2));
        set_size();
        for (const Order& order : old) {
            if (order.id != kNoOrder) locate(order.id, order.locate) = order;
        }
    }
    void set_size() {
        mask_ = table_.size() - 1;
        shift_ = 64 - std::countr_zero(table_.size());
    }

    std::vector<Order, HugePages<Order>> table_ = std::vector<Order, HugePages<Order>>(kFirst);
    std::size_t size_ = 0;
    std::size_t mask_ = kFirst - 1;
    int shift_ = 64 - std::countr_zero(kFirst);
};

}  // namespace bookflow::itch50
