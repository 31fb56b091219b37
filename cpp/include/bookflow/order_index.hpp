// Order id -> slot in the slab of orders.
//
// An open-addressing table of 16-byte entries, a power of two of them, linear probing, at most
// half full. Removal shifts the followers back instead of leaving tombstones, so a book that lives
// for months probes as short as a fresh one. Worst case: growing copies the table (amortised O(1)).
#pragma once

#include <vector>

#include "bookflow/state.hpp"

namespace bookflow {

class OrderIndex {
public:
    static constexpr std::uint32_t kNotFound = ~std::uint32_t{0};

    [[nodiscard]] std::size_t size() const { return size_; }

    [[nodiscard]] std::uint32_t find(OrderId id) const {
        if (entries_.empty()) return kNotFound;
        for (std::size_t i = home(id);; i = next(i)) {
            if (entries_[i].slot == kNotFound || entries_[i].id == id) return entries_[i].slot;
        }
    }

    // The id must not be there yet.
    void insert(OrderId id, std::uint32_t slot) {
        if ((size_ + 1) * 2 > entries_.size()) grow();
        place(id, slot);
        ++size_;
    }

    // The id must be there.
    void erase(OrderId id) {
        std::size_t hole = home(id);
        while (entries_[hole].id != id || entries_[hole].slot == kNotFound) hole = next(hole);
        for (std::size_t i = next(hole); entries_[i].slot != kNotFound; i = next(i)) {
            // An entry may move into the hole unless its home lies behind the hole.
            const std::size_t from_home = (i - home(entries_[i].id)) & mask();
            const std::size_t from_hole = (i - hole) & mask();
            if (from_home >= from_hole) {
                entries_[hole] = entries_[i];
                hole = i;
            }
        }
        entries_[hole].slot = kNotFound;
        --size_;
    }

    void clear() { *this = OrderIndex(); }

private:
    struct Entry {
        OrderId id = kNoOrder;
        std::uint32_t slot = kNotFound;
    };
    static_assert(sizeof(Entry) == 16);

    [[nodiscard]] std::size_t mask() const { return entries_.size() - 1; }
    [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & mask(); }
    // Ids are often sequential or carry their entropy in odd places: two rounds of multiplying, and
    // the top bits. The seed, the table's own address, keeps a feed from choosing ids that collide;
    // where entries lie is never visible.
    [[nodiscard]] std::size_t home(OrderId id) const {
        u64 x = static_cast<u64>(id) ^ seed_;
        x = (x ^ (x >> 32)) * 0x9E3779B97F4A7C15ULL;
        x = (x ^ (x >> 32)) * 0xBF58476D1CE4E5B9ULL;
        return static_cast<std::size_t>(x >> shift_);
    }
    void place(OrderId id, std::uint32_t slot) {
        std::size_t i = home(id);
        while (entries_[i].slot != kNotFound) i = next(i);
        entries_[i] = {id, slot};
    }
    void grow() {
        const std::vector<Entry> old = std::move(entries_);
        entries_.assign(std::max<std::size_t>(64, old.size() * 2), Entry{});
        shift_ = 64 - std::countr_zero(entries_.size());
        seed_ = static_cast<u64>(reinterpret_cast<std::uintptr_t>(entries_.data()));
        for (const Entry& entry : old) {
            if (entry.slot != kNotFound) place(entry.id, entry.slot);
        }
    }

    std::vector<Entry> entries_;
    std::size_t size_ = 0;
    int shift_ = 58;
    u64 seed_ = 0;
};

}  // namespace bookflow
