// One side of a book: price levels in one sorted vector with the best at the BACK.
//
// Why: most changes happen near the touch, so an insertion or removal there moves few bytes, the
// top N levels are N neighbours in memory, and the search begins at the touch. No level is ever
// dropped and nothing depends on how far prices are apart. Worst case: a new level far behind the
// touch moves every level before it (a memmove: 10,000 levels of 32 bytes, about 10 us).
#pragma once

#include <algorithm>
#include <vector>

#include "bookflow/book_update.hpp"
#include "bookflow/error.hpp"

namespace bookflow {

// Level needs a `Price price` and a `Size size`.
template <class Level>
class Ladder {
public:
    explicit Ladder(Side side) : sign_(side == Side::Bid ? 1 : -1) {}

    [[nodiscard]] bool empty() const { return levels_.empty(); }
    [[nodiscard]] int size() const { return static_cast<int>(levels_.size()); }
    // i = 0 is the touch.
    [[nodiscard]] const Level& operator[](int i) const { return levels_[index(i)]; }
    [[nodiscard]] Level& operator[](int i) { return levels_[index(i)]; }

    // How many levels are better than this price: its own index when it is there.
    [[nodiscard]] int find(Price price) const {
        const i64 key = key_of(price);
        const int n = size();
        // Near the touch a linear search is the fastest; far from it, halve.
        constexpr int kNear = 8;
        for (int i = 0; i < std::min(n, kNear); ++i) {
            if (key_of((*this)[i].price) <= key) return i;
        }
        if (n <= kNear) return n;
        const auto worse_than = [&](const Level& level) { return key_of(level.price) <= key; };
        const auto end = levels_.end() - kNear;
        const auto at = std::partition_point(levels_.begin(), end, worse_than);
        // `at` is the first (from the worst) that is better than the price
        return static_cast<int>(levels_.end() - at);
    }
    [[nodiscard]] bool has(int i, Price price) const {
        return i < size() && (*this)[i].price == price;
    }

    Level& insert(int i, const Level& level) { return *levels_.insert(levels_.end() - i, level); }
    void erase(int i) { levels_.erase(levels_.end() - 1 - i); }
    void clear() { levels_.clear(); }

    // Fills up to n levels, best first; returns how many there are.
    int copy_top(int n, std::array<PriceLevel, kMaxLevels>& out) const {
        n = std::min(n, size());
        for (int i = 0; i < n; ++i) {
            const Level& level = (*this)[i];
            out[static_cast<std::size_t>(i)] = {level.price, level.size};
        }
        return n;
    }

    // Sorted strictly, sizes in range; the first fault in words.
    [[nodiscard]] std::string check() const {
        for (int i = 0; i < size(); ++i) {
            if ((*this)[i].price == kNoPrice) return "a level has no price";
            if ((*this)[i].size <= Size(0) || (*this)[i].size > Size(kMaxSize)) {
                return "a level has size " + std::to_string((*this)[i].size.raw);
            }
            if (i > 0 && key_of((*this)[i].price) >= key_of((*this)[i - 1].price)) {
                return "levels are out of order at " + std::to_string(i);
            }
        }
        return {};
    }

    template <class V>
    void visit(V& v) {
        v(levels_);
    }

private:
    [[nodiscard]] std::size_t index(int i) const {
        return levels_.size() - 1 - static_cast<std::size_t>(i);
    }
    // Larger is better on either side.
    [[nodiscard]] i64 key_of(Price price) const { return sign_ * price.raw; }

    std::vector<Level> levels_;
    i64 sign_;
};

}  // namespace bookflow
