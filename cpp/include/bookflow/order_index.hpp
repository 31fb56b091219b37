// Order id -> slot in the slab of orders.
//
// An open-addressing table of 16-byte entries, a power of two of them, linear probing, at most
// a quarter full. Removal shifts the followers back instead of leaving tombstones, so a book that lives
// for months probes as short as a fresh one. An event looks its id up once: `locate` gives the
// entry, where the slot is read, a new order put or the old one taken out. Worst case: growing
// copies the table (amortised O(1)).
#pragma once

#include <vector>

#include "bookflow/huge_pages.hpp"
#include "bookflow/state.hpp"

namespace bookflow {

class OrderIndex {
public:
    static constexpr std::uint32_t kNotFound = ~std::uint32_t{0};

    // Where an id is in the table, or where it would be put. Good until an id is put or taken out.
    enum class Entry : std::size_t {};

    OrderIndex() { clear(); }

    [[nodiscard]] std::size_t size() const { return size_; }
    // Whether the table is beyond what a core's own cache holds: then it pays to ask for an entry
    // ahead of time, else it only costs.
    [[nodiscard]] bool beyond_cache() const {
        constexpr std::size_t cache = std::size_t{1} << 18;
        return items_.size() * sizeof(Item) > cache;
    }
    // Always inline: gcc takes a function that only prefetches for one without effect and drops it.
    [[gnu::always_inline]] void prefetch(OrderId id) const {
        __builtin_prefetch(&items_[home(id)]);
    }
    // Where this id is in most cases, without a branch; some other slot in the rest.
    [[nodiscard]] std::uint32_t likely(OrderId id) const {
        const std::uint32_t slot = items_[home(id)].slot;
        return slot & (0U - static_cast<std::uint32_t>(slot != kNotFound));
    }

    [[nodiscard]] Entry locate(OrderId id) const {
        std::size_t i = home(id);
        while (items_[i].slot != kNotFound && items_[i].id != id) i = next(i);
        return Entry{i};
    }
    [[nodiscard]] std::uint32_t operator[](Entry at) const { return item(at).slot; }
    [[nodiscard]] std::uint32_t find(OrderId id) const { return (*this)[locate(id)]; }

    // At the entry that `locate` gave for the id, which must not be there yet.
    void put(Entry at, OrderId id, std::uint32_t slot) {
        if (size_ == most_) [[unlikely]] {
            grow();
            at = locate(id);
        }
        item(at) = {id, slot};
        ++size_;
    }

    // The id must be there.
    void take_out(Entry at) {
        auto hole = static_cast<std::size_t>(at);
        for (std::size_t i = next(hole); items_[i].slot != kNotFound; i = next(i)) {
            // An entry may move into the hole unless its home lies behind the hole.
            const std::size_t from_home = (i - home(items_[i].id)) & mask_;
            const std::size_t from_hole = (i - hole) & mask_;
            if (from_home >= from_hole) {
                items_[hole] = items_[i];
                hole = i;
            }
        }
        items_[hole].slot = kNotFound;
        --size_;
    }

    void clear() {
        items_ = std::vector<Item, HugePages<Item>>(kFirst);
        set_home();
        size_ = 0;
    }

private:
    struct Item {
        OrderId id = kNoOrder;
        std::uint32_t slot = kNotFound;
    };
    static_assert(sizeof(Item) == 16);
    static constexpr std::size_t kFirst = 64;

    [[nodiscard]] const Item& item(Entry at) const { return items_[static_cast<std::size_t>(at)]; }
    [[nodiscard]] Item& item(Entry at) { return items_[static_cast<std::size_t>(at)]; }
    [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & mask_; }
    // Fibonacci hashing: sequential ids, the most frequent kind, and any others at equal distances
    // are spread more evenly than by chance. The seed, the table's own address, keeps a feed from
    // choosing ids that collide; where entries lie is never visible.
    [[nodiscard]] std::size_t home(OrderId id) const {
        const u64 x = (static_cast<u64>(id) + seed_) * 0x9E3779B97F4A7C15ULL;
        return static_cast<std::size_t>(x >> shift_);
    }
    [[gnu::noinline]] void grow() {
        const auto old = std::move(items_);
        // A young table grows fast: what is copied over and over would be most of a short stream.
        constexpr std::size_t young = std::size_t{1} << 16;
        items_ = std::vector<Item, HugePages<Item>>(old.size() * (old.size() < young ? 4 : 2));
        set_home();
        for (const Item& moved : old) {
            if (moved.slot != kNotFound) item(locate(moved.id)) = moved;
        }
    }
    void set_home() {
        mask_ = items_.size() - 1;
        most_ = items_.size() / 4;
        shift_ = 64 - std::countr_zero(items_.size());
        seed_ = static_cast<u64>(reinterpret_cast<std::uintptr_t>(items_.data()));
    }

    std::vector<Item, HugePages<Item>> items_;
    std::size_t size_ = 0;
    std::size_t most_ = 0;  // before it grows
    std::size_t mask_ = 0;
    int shift_ = 0;
    u64 seed_ = 0;
};

}  // namespace bookflow
