// One side of a stock's book in as little memory as can be: its prices and its sizes in two sorted
// arrays, the best at the back, and the best level beside their address.
//
// Why: most stocks have few levels, and with thousands of stocks whatever a message looks at is in
// no cache: here that is half a line of fields, a line of prices and one of sizes. Sixteen prices
// are compared at once, and near the back is where changes fall. Worst case: kMost levels are
// moved. A side that has more becomes a ladder (ladder.hpp), for good.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "bookflow/huge_pages.hpp"
#include "bookflow/ladder.hpp"

namespace bookflow::itch50 {

// What the sides of all books share: memory for their arrays, and the ladders.
class SideMemory {
public:
    // For so many levels, a power of two of at least 16; whole lines of the cache.
    [[nodiscard]] std::byte* take(std::uint32_t room) {
        std::vector<std::byte*>& free = free_of(room);
        if (!free.empty()) {
            std::byte* const memory = free.back();
            free.pop_back();
            return memory;
        }
        const std::size_t bytes = room * 2 * sizeof(std::uint32_t);
        if (left_ < bytes) {
            left_ = kBlock;
            next_ = blocks_.emplace_back(kBlock).data();
        }
        left_ -= bytes;
        return std::exchange(next_, next_ + bytes);
    }
    // For whoever takes as much.
    void give(std::byte* memory, std::uint32_t room) { free_of(room).push_back(memory); }

    [[nodiscard]] std::uint32_t new_ladder(Side side) {
        ladders_.push_back(std::make_unique<Ladder<PriceLevel>>(side));
        return static_cast<std::uint32_t>(ladders_.size() - 1);
    }
    [[nodiscard]] Ladder<PriceLevel>& ladder(std::uint32_t i) { return *ladders_[i]; }
    [[nodiscard]] const Ladder<PriceLevel>& ladder(std::uint32_t i) const { return *ladders_[i]; }

private:
    static constexpr std::size_t kBlock = std::size_t{1} << 21;

    [[nodiscard]] std::vector<std::byte*>& free_of(std::uint32_t room) {
        return free_[static_cast<std::size_t>(std::countr_zero(room))];
    }

    std::vector<std::vector<std::byte, HugePages<std::byte>>> blocks_;
    std::byte* next_ = nullptr;
    std::size_t left_ = 0;
    std::array<std::vector<std::byte*>, 32> free_;
    std::vector<std::unique_ptr<Ladder<PriceLevel>>> ladders_;
};

class CompactSide {
public:
    // Of an empty side one without price and size.
    [[nodiscard]] const PriceLevel& best() const { return best_; }

    // Asks for the memory of what will be looked at: the fields, then the best levels, where
    // changes fall.
    void look_ahead_fields() const { __builtin_prefetch(this); }
    [[gnu::always_inline]] void look_ahead(std::uint32_t price, const SideMemory& memory) const {
        if (room_ == kDeep) return memory.ladder(n_).look_ahead(Price(price));
        if (room_ == 0) return;
        const std::uint32_t far = far_end(n_);
        __builtin_prefetch(keys() + far);
        __builtin_prefetch(keys() + far + kNear - 1);
        __builtin_prefetch(sizes() + far);
        __builtin_prefetch(sizes() + far + kNear - 1);
    }

    // Throws SizeOverflow, before anything changes, when the level would leave its range.
    [[gnu::always_inline]] void add(Side side, std::uint32_t price, std::uint32_t size,
                                    SideMemory& memory) {
        if (n_ == room_) [[unlikely]]
            more_room(side, memory);
        if (room_ == kDeep) return add_deep(price, size, memory);
        const Key key = key_of(side, price);
        const std::uint32_t i = worse_than(key);
        if (i == n_ || keys()[i] != key) {
            insert(keys(), i, key);
            insert(sizes(), i, size);
            ++n_;
        } else if (sizes()[i] <= kMostSize - size) [[likely]] {
            sizes()[i] += size;
        } else {
            deepen(side, memory);
            return add_deep(price, size, memory);
        }
        set_best(side);
    }
    // Of a level that has as much.
    [[gnu::always_inline]] void take(Side side, std::uint32_t price, std::uint32_t size,
                                     SideMemory& memory) {
        if (room_ == kDeep) return take_deep(price, size, memory);
        const std::uint32_t i = worse_than(key_of(side, price));
        sizes()[i] -= size;
        if (sizes()[i] == 0) {
            erase(keys(), i);
            erase(sizes(), i);
            keys()[--n_] = kEnd;
            if (n_ == 0) [[unlikely]] {
                best_ = {};
                return;
            }
        }
        set_best(side);
    }

    // f(level) from the best on, until it returns false.
    template <class F>
    void from_best(Side side, const SideMemory& memory, F&& f) const {
        if (room_ == kDeep) return memory.ladder(n_).from_best(f);
        for (std::uint32_t i = n_; i > 0; --i) {
            if (!f(level(side, i - 1))) return;
        }
    }

private:
    using Key = std::int32_t;  // of prices of which the larger is the better

    static constexpr std::uint32_t kNear = 16;  // levels that are searched and moved at once
    static constexpr std::uint32_t kMost = 256;
    static constexpr std::uint32_t kDeep = ~std::uint32_t{0};
    static constexpr std::uint32_t kMostSize = ~std::uint32_t{0};  // of a level that is not deep
    static constexpr Key kEnd = std::numeric_limits<Key>::max();   // no better key can be

    [[nodiscard]] static Key key_of(Side side, std::uint32_t price) {
        return static_cast<Key>(price ^ flip(side));
    }
    // For one side all bits but the first, for the other one the first, as signs are.
    [[nodiscard]] static std::uint32_t flip(Side side) {
        return 0x8000'0000U - static_cast<std::uint32_t>(side == Side::Ask);
    }
    [[nodiscard, gnu::always_inline]] PriceLevel level(Side side, std::uint32_t i) const {
        return {Price(static_cast<std::uint32_t>(keys()[i]) ^ flip(side)), Size(sizes()[i])};
    }
    [[gnu::always_inline]] void set_best(Side side) { best_ = level(side, n_ - 1); }

    [[nodiscard]] Key* keys() const { return reinterpret_cast<Key*>(memory_); }
    [[nodiscard]] std::uint32_t* sizes() const {
        return reinterpret_cast<std::uint32_t*>(memory_) + room_;
    }
    // Where the kNear best of n levels begin. By arithmetic: of a maximum gcc makes a branch.
    [[nodiscard]] static std::uint32_t far_end(std::uint32_t n) {
        return (n - kNear) & (0U - static_cast<std::uint32_t>(n > kNear));
    }

    // How many levels are worse than this key: where its level is or would be.
    [[nodiscard, gnu::always_inline]] std::uint32_t worse_than(Key key) const {
        const std::uint32_t far = far_end(n_);
        const Key* const near = keys() + far;
        if (near[0] > key) return worse_than(key, far);
        Four worse{};
        for (std::uint32_t k = 0; k < kNear; k += 4) worse -= load(near + k) < key;
        return far + static_cast<std::uint32_t>(worse[0] + worse[1] + worse[2] + worse[3]);
    }
    [[nodiscard, gnu::noinline]] std::uint32_t worse_than(Key key, std::uint32_t far) const {
        return static_cast<std::uint32_t>(std::lower_bound(keys(), keys() + far, key) - keys());
    }

    // The levels from i on move by one. These are near the best in most cases: then all are written
    // that can be, those before i as they were, so that nothing has to be guessed.
    template <class T>
    [[gnu::always_inline]] void insert(T* of, std::uint32_t i, T what) {
        const std::uint32_t far = far_end(n_ + 1);
        if (i < far) [[unlikely]] {
            std::copy_backward(of + i, of + n_, of + n_ + 1);
        } else {
            Four index = kIndex - static_cast<std::int32_t>(i - far);
            Four before{};
            for (std::uint32_t k = 0; k < kNear; k += 4, index += 4) {
                const Four here = load(of + far + k);
                store(of + far + k, index > 0 ? shuffled<3, 4, 5, 6>(before, here) : here);
                before = here;
            }
        }
        of[i] = what;
    }
    template <class T>
    [[gnu::always_inline]] void erase(T* of, std::uint32_t i) {
        const std::uint32_t far = far_end(n_);
        if (i < far) [[unlikely]] {
            std::copy(of + i + 1, of + n_, of + i);
        } else {
            Four index = kIndex - static_cast<std::int32_t>(i - far);
            Four here = load(of + far);
            for (std::uint32_t k = 0; k < kNear; k += 4, index += 4) {
                const Four after = k + 4 < kNear ? load(of + far + k + 4) : Four{} + kEnd;
                store(of + far + k, index >= 0 ? shuffled<1, 2, 3, 4>(here, after) : here);
                here = after;
            }
        }
    }

    using Four [[gnu::vector_size(16)]] = std::int32_t;
    static constexpr Four kIndex{0, 1, 2, 3};
    template <int... I>
    [[nodiscard, gnu::always_inline]] static Four shuffled(Four a, Four b) {
#if defined(__clang__)
        return __builtin_shufflevector(a, b, I...);
#else  // gcc has the other one from version 12 on only
        return __builtin_shuffle(a, b, Four{I...});
#endif
    }
    [[nodiscard, gnu::always_inline]] static Four load(const void* at) {
        Four four;
        std::memcpy(&four, at, sizeof four);
        return four;
    }
    [[gnu::always_inline]] static void store(void* at, Four four) {
        std::memcpy(at, &four, sizeof four);
    }

    [[gnu::noinline]] void more_room(Side side, SideMemory& memory) {
        if (room_ == kMost) return deepen(side, memory);
        const CompactSide old = *this;
        room_ = std::max(kNear, 2 * room_);
        memory_ = memory.take(room_);
        std::copy_n(old.keys(), n_, keys());
        std::copy_n(old.sizes(), n_, sizes());
        std::fill(keys() + n_, keys() + room_, kEnd);
        if (old.room_ > 0) memory.give(old.memory_, old.room_);
    }
    [[gnu::noinline]] void deepen(Side side, SideMemory& memory) {
        const std::uint32_t number = memory.new_ladder(side);
        for (std::uint32_t i = 0; i < n_; ++i) {
            const PriceLevel moved = level(side, i);
            memory.ladder(number).add(moved.price).size = moved.size;
        }
        memory.give(memory_, room_);
        n_ = number;
        room_ = kDeep;
    }
    [[gnu::noinline]] void add_deep(std::uint32_t price, std::uint32_t size, SideMemory& memory) {
        Ladder<PriceLevel>& ladder = memory.ladder(n_);
        PriceLevel& level = ladder.add(Price(price));
        if (level.size.raw > kMaxSize - size) [[unlikely]] {
            throw SizeOverflow("the sizes at one price add up to more than 2^60 units");
        }
        level.size += Size(size);
        best_ = ladder.touch();
    }
    [[gnu::noinline]] void take_deep(std::uint32_t price, std::uint32_t size, SideMemory& memory) {
        Ladder<PriceLevel>& ladder = memory.ladder(n_);
        PriceLevel& level = ladder.at(Price(price));
        level.size -= Size(size);
        if (level.size == Size(0)) ladder.erase(Price(price));
        best_ = ladder.touch();
    }

    std::byte* memory_ = nullptr;  // `room_` keys, the best at the back, then as many sizes
    std::uint32_t n_ = 0;          // levels; of a deep side its ladder's number
    std::uint32_t room_ = 0;
    PriceLevel best_;
};
static_assert(sizeof(CompactSide) == 32, "both sides of a book on one line of the cache");

}  // namespace bookflow::itch50
