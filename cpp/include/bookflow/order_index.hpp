// Order id -> slot in the slab of orders.
//
// An open-addressing table of 8-byte entries, a power of two of them, linear probing, at most a
// quarter full. Beside the slot an entry holds 32 bits of the id's hash: they say where it is at home
// and tell almost every other id apart; whoever asks compares the ids themselves. (With whole ids in
// it the table was twice as large and left the caches sooner.) Removal shifts the followers back
// instead of leaving tombstones, so a book that lives for months probes as short as a fresh one. An
// event looks its id up once: `locate` gives the entry, where the slot is read, a new order put or
// the old one taken out. Worst case: growing copies the table (amortised O(1)).
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
        __builtin_prefetch(&items_[home(tag_of(id))]);
    }
    // Where this id is in most cases, without a branch; some other slot in the rest.
    [[nodiscard]] std::uint32_t likely(OrderId id) const {
        const std::uint32_t slot = items_[home(tag_of(id))].slot;
        return slot & (0U - static_cast<std::uint32_t>(slot != kNotFound));
    }

    // `holds(slot)`: whether the order in that slot has this id.
    template <class Holds>
    [[nodiscard]] [[gnu::always_inline]] Entry locate(OrderId id, Holds holds) const {
        const std::uint32_t tag = tag_of(id);
        std::size_t i = home(tag);
        while (items_[i].slot != kNotFound && !(items_[i].tag == tag && holds(items_[i].slot))) {
            i = next(i);
        }
        return Entry{i};
    }
    [[nodiscard]] std::uint32_t operator[](Entry at) const {
        return items_[static_cast<std::size_t>(at)].slot;
    }

    // At the entry that `locate` gave for the id, which must not be there yet.
    void put(Entry at, OrderId id, std::uint32_t slot) {
        const std::uint32_t tag = tag_of(id);
        if (size_ == most_) [[unlikely]] {
            grow();
            at = Entry{vacant(tag)};
        }
        items_[static_cast<std::size_t>(at)] = {tag, slot};
        ++size_;
    }

    // The id must be there.
    void take_out(Entry at) {
        auto hole = static_cast<std::size_t>(at);
        for (std::size_t i = next(hole); items_[i].slot != kNotFound; i = next(i)) {
            // An entry may move into the hole unless its home lies behind the hole.
            const std::size_t from_home = (i - home(items_[i].tag)) & mask_;
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
        set_size();
        size_ = 0;
    }

private:
    struct Item {
        std::uint32_t tag = 0;
        std::uint32_t slot = kNotFound;
    };
    static_assert(sizeof(Item) == 8);
    static constexpr std::size_t kFirst = 64;

    [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & mask_; }
    // Fibonacci hashing: sequential ids, the most frequent kind, and any others at equal distances
    // are spread more evenly than by chance.
    [[nodiscard]] static std::uint32_t tag_of(OrderId id) {
        return static_cast<std::uint32_t>((static_cast<u64>(id) * 0x9E3779B97F4A7C15ULL) >> 32);
    }
    // The first bits of the tag.
    [[nodiscard]] std::size_t home(std::uint32_t tag) const { return tag >> shift_; }
    [[nodiscard]] std::size_t vacant(std::uint32_t tag) const {
        std::size_t i = home(tag);
        while (items_[i].slot != kNotFound) i = next(i);
        return i;
    }
    [[gnu::noinline]] void grow() {
        const auto old = std::move(items_);
        // A young table grows fast: what is copied over and over would be most of a short stream.
        constexpr std::size_t young = std::size_t{1} << 16;
        items_ = std::vector<Item, HugePages<Item>>(old.size() * (old.size() < young ? 4 : 2));
        set_size();
        for (const Item& moved : old) {
            if (moved.slot != kNotFound) items_[vacant(moved.tag)] = moved;
        }
    }
    void set_size() {
        mask_ = items_.size() - 1;
        shift_ = 32 - std::countr_zero(items_.size());
        // A table of 2^32 entries has no bits to grow by; there are fewer slots than that.
        most_ = shift_ == 0 ? mask_ : items_.size() / 4;
    }

    std::vector<Item, HugePages<Item>> items_;
    std::size_t size_ = 0;
    std::size_t most_ = 0;  // before it grows
    std::size_t mask_ = 0;
    int shift_ = 0;
};

}  // namespace bookflow
