// The k-th smallest of the last n values, whatever comes: a value in and the oldest out in
// O(log n), read in O(1).
//
// Two heaps about the k-th one (Haerdle and Steiger 1995, "Running median smoothing"): below it
// those that are smaller, the largest on top, above it the larger ones, the smallest on top. The
// new value takes the place of the oldest and moves from there, most often by a step or two; a
// sorted array would move a third of itself. Nothing is counted before n values are there.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "bookflow/state.hpp"

namespace bookflow {

class SlidingOrder {
public:
    // k from 0, the smallest, to n - 1.
    SlidingOrder(int n, int k) : n_(n), k_(k) {}

    [[nodiscard]] bool full() const { return !heap_.empty(); }
    [[nodiscard]] i64 value() const { return at(0).value; }

    void push(i64 x) {
        if (!full()) {
            filling_.push_back(x);
            if (filling_.size() == static_cast<std::size_t>(n_)) build();
            return;
        }
        const int place = place_[oldest_];
        at(place).value = x;
        oldest_ = oldest_ + 1 == place_.size() ? 0 : oldest_ + 1;
        settle(place);
    }
    void clear() {
        filling_.clear();
        heap_.clear();
        place_.clear();
    }

    template <class V>
    void visit(V& v) {
        if constexpr (V::kReading) {
            clear();
            v(filling_);
            v.require(filling_.size() <= static_cast<std::size_t>(n_), "a window is too long");
            if (filling_.size() == static_cast<std::size_t>(n_)) build();
        } else {
            std::vector<i64> in_order = filling_;
            for (std::size_t i = 0; i < place_.size(); ++i) {
                in_order.push_back(at(place_[(oldest_ + i) % place_.size()]).value);
            }
            v(in_order);
        }
    }

private:
    struct Entry {
        i64 value = 0;
        std::size_t slot = 0;  // in place_
    };

    // Places: 0 is the k-th value; 1, 2, ... is the heap above it, -1, -2, ... the one below. The
    // parent of p is p / 2, that of 1 and -1 the k-th value itself.
    [[nodiscard]] Entry& at(int place) { return heap_[static_cast<std::size_t>(place + k_)]; }
    [[nodiscard]] const Entry& at(int place) const {
        return heap_[static_cast<std::size_t>(place + k_)];
    }
    [[nodiscard]] static bool out_of_order(i64 parent, i64 child, int side) {
        return side > 0 ? child < parent : child > parent;
    }
    void swap(int p, int q) {
        std::swap(at(p), at(q));
        std::swap(place_[at(p).slot], place_[at(q).slot]);
    }

    void settle(int p) {
        const int from = p < 0 ? -1 : 1;
        while (p != 0 && out_of_order(at(p / 2).value, at(p).value, from)) {
            swap(p, p / 2);
            p /= 2;
        }
        if (p >= 0) p = sink(p, n_ - 1 - k_, 1);
        if (p <= 0) sink(p, k_, -1);
    }
    // Away from the k-th value, on one side with so many places. Returns where it ended.
    int sink(int p, int places, int side) {
        for (;;) {
            int child = p == 0 ? side : 2 * p;
            if (child * side > places) return p;
            const int other = child + side;
            if (p != 0 && other * side <= places &&
                out_of_order(at(child).value, at(other).value, side)) {
                child = other;
            }
            if (!out_of_order(at(p).value, at(child).value, side)) return p;
            swap(p, child);
            p = child;
        }
    }
    void build() {
        heap_.resize(filling_.size());
        for (std::size_t i = 0; i < heap_.size(); ++i) heap_[i] = {filling_[i], i};
        std::sort(heap_.begin(), heap_.end(),
                  [](const Entry& a, const Entry& b) { return a.value < b.value; });
        place_.resize(heap_.size());  // in ascending order both heaps are in order
        for (std::size_t i = 0; i < heap_.size(); ++i) {
            place_[heap_[i].slot] = static_cast<int>(i) - k_;
        }
        oldest_ = 0;
        filling_.clear();
    }

    int n_;
    int k_;
    std::vector<i64> filling_;  // the values while they are fewer than n, oldest first
    std::vector<Entry> heap_;   // by place + k
    std::vector<int> place_;    // of each value, by the slot it came into
    std::size_t oldest_ = 0;    // its slot
};

}  // namespace bookflow
