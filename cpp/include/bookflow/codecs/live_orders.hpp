// Live orders by id, without a book: what a codec must know of an order to say what a message means.
#pragma once

#include <vector>

#include "bookflow/event.hpp"
#include "bookflow/order_index.hpp"

namespace bookflow::itch50 {

class LiveOrders {
public:
    struct Kept {
        OrderId id = kNoOrder;
        Price price;
        Size size;
        Side side = Side::None;
        OrderId reference = kNoOrder;  // its number in the feed, where that is another
    };

    // nullptr: there is no such order. Good until an order is added.
    [[nodiscard]] Kept* find(OrderId id) {
        const std::uint32_t slot = index_[locate(id)];
        return slot == OrderIndex::kNotFound ? nullptr : &slab_[slot];
    }
    // One that there is already stays as it is.
    void add(const Kept& order) {
        const OrderIndex::Entry entry = locate(order.id);
        if (index_[entry] != OrderIndex::kNotFound) return;
        auto slot = static_cast<std::uint32_t>(slab_.size());
        if (free_.empty()) {
            slab_.push_back(order);
        } else {
            slot = free_.back();
            free_.pop_back();
            slab_[slot] = order;
        }
        index_.put(entry, order.id, slot);
    }
    // What is left of nothing is taken out.
    void take(OrderId id, Size size) {
        const OrderIndex::Entry entry = locate(id);
        const std::uint32_t slot = index_[entry];
        if (slot == OrderIndex::kNotFound) return;
        Kept& kept = slab_[slot];
        if (kept.size > size) {
            kept.size -= size;
            return;
        }
        index_.take_out(entry);
        free_.push_back(slot);
    }

private:
    [[nodiscard]] OrderIndex::Entry locate(OrderId id) const {
        return index_.locate(id, [&](std::uint32_t slot) { return slab_[slot].id == id; });
    }

    OrderIndex index_;
    std::vector<Kept> slab_;
    std::vector<std::uint32_t> free_;
};

}  // namespace bookflow::itch50
