// One side of a book. Near the touch a level lies where its price says, in a window of up to 65,536
// equal steps; which of them hold a level is told by one bit each. What is outside is sorted.
//
// Why: where changes fall, a level is found by one multiplication, and put or taken away by one
// bit, with nothing to search, to move or to predict wrongly; the next best level is a count of
// zeros. Nothing is asked of the prices: the step is learned (the greatest common divisor of their
// distances), the window follows the touch and grows as it proves too small, and no level is
// ever dropped. A change outside the window costs what sorted_levels.hpp says, wherever it falls.
// Worst case: the window is built anew. It is when a price within it is off its steps, at most some
// 60 times in the life of a book since the step at least halves, and when it was missed often:
// O(levels in it) for a quarter of as many misses.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "bookflow/bit_set.hpp"
#include "bookflow/book_update.hpp"
#include "bookflow/error.hpp"
#include "bookflow/exact_division.hpp"
#include "bookflow/sorted_levels.hpp"

namespace bookflow {

// Level needs a `Price price` and a `Size size`; a default one has neither.
template <class Level>
class Ladder {
public:
    explicit Ladder(Side side) : sign_(side == Side::Bid ? 1 : -1) {}

    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] int size() const { return near_ + better_.size() + worse_.size(); }
    // The best level; of an empty side one without price and size.
    [[nodiscard]] const Level& touch() const {
        if (near_ > 0 && better_.empty()) [[likely]]
            return window_[best_];
        static const Level none{};
        return !better_.empty() ? better_.best() : !worse_.empty() ? worse_.best() : none;
    }

    // The level at a price, nullptr where there is none. Good until a level is added or erased.
    [[nodiscard]] const Level* find(Price price) const {
        const i64 key = key_of(price);
        const Slot slot = slot_of(key);
        if (slot.outside) return far(key).find(key);
        return slot.on_step() && held_.has(slot.index) ? &window_[slot.index] : nullptr;
    }
    [[nodiscard]] Level* find(Price price) {
        return const_cast<Level*>(static_cast<const Ladder&>(*this).find(price));
    }
    // The level at a price where there is one, as a book of orders knows.
    [[nodiscard, gnu::always_inline]] Level& at(Price price) {
        const i64 key = key_of(price);
        const Slot slot = slot_of(key);
        if (slot.outside) [[unlikely]]
            return *far(key).find(key);
        return window_[slot.index];
    }
    // The level at a price, made if there was none: one without size, which must be set.
    [[nodiscard, gnu::always_inline]] Level& add(Price price) {
        const Slot slot = slot_of(key_of(price));
        if (slot.outside || !slot.on_step()) [[unlikely]]
            return add_elsewhere(price);
        Level& level = window_[slot.index];
        if (level.size == Size(0)) enter(slot.index, price);
        return level;
    }
    // The level must be there. Nothing of it may be left but its price and size.
    void erase(Price price) {
        const i64 key = key_of(price);
        const Slot slot = slot_of(key);
        if (slot.outside) [[unlikely]] {
            far(key).erase(key);
            return;
        }
        window_[slot.index].size = Size(0);
        leave(slot.index);
    }
    // The same where it need not be there; returns whether it was.
    bool erase_if_there(Price price) {
        const i64 key = key_of(price);
        const Slot slot = slot_of(key);
        if (slot.outside) [[unlikely]]
            return far(key).erase(key);
        if (!slot.on_step() || window_[slot.index].size == Size(0)) return false;
        window_[slot.index].size = Size(0);
        leave(slot.index);
        return true;
    }
    // Keeps the window and its step: a feed of quotes clears its side at every event.
    void clear() {
        while (near_ > 0) {
            window_[best_] = Level{};
            leave(best_);
        }
        better_.clear();
        worse_.clear();
    }

    // Asks for the memory of what will be looked at: the fields, then the best level or that of a
    // price.
    void look_ahead_fields() const {
        __builtin_prefetch(&origin_);
        __builtin_prefetch(&window_);
    }
    void look_ahead() const { __builtin_prefetch(window_.data() + best_); }
    void look_ahead(Price price) const {
        const Slot slot = slot_of(key_of(price));
        if (slot.on_step()) __builtin_prefetch(window_.data() + slot.index);
    }

    [[nodiscard]] bool better(Price a, Price b) const { return key_of(a) > key_of(b); }

    // How many levels are better than this price, counted up to kMaxLevels: nobody reads deeper,
    // and so far down one number is as good as another.
    [[nodiscard]] int rank(Price price) const {
        const i64 key = key_of(price);
        const Slot slot = slot_of(key);
        if (!slot.outside && slot.on_step() && better_.empty()) [[likely]] {
            return std::min(held_.above(slot.index, best_, kMaxLevels), kMaxLevels);
        }
        int better = 0;
        from_best(
            [&](const Level& level) { return key_of(level.price) > key && ++better < kMaxLevels; });
        return better;
    }

    // f(level) from the best or from the worst on, until it returns false.
    template <class F>
    void from_best(F&& f) const {
        bool more = true;
        const auto take = [&](i64, const Level& level) { return more = f(level); };
        if (!better_.empty()) better_.from_best(take);
        more = more && held_.falling([&](std::uint32_t i) { return f(window_[i]); });
        if (more && !worse_.empty()) worse_.from_best(take);
    }
    template <class F>
    void from_worst(F&& f) const {
        bool more = true;
        const auto take = [&](i64, const Level& level) { return more = f(level); };
        worse_.from_worst(take);
        more = more && held_.rising([&](std::uint32_t i) { return f(window_[i]); });
        if (more) better_.from_worst(take);
    }
    // Fills up to n levels, best first; returns how many there are.
    int copy_top(int n, std::array<PriceLevel, kMaxLevels>& out) const {
        int i = 0;
        from_best([&](const Level& level) {
            out[static_cast<std::size_t>(i)] = {apart(level.price), level.size};
            return ++i < n;
        });
        return i;
    }

    // Sorted strictly, sizes in range, each level where it belongs; the first fault in words.
    [[nodiscard]] std::string check() const {
        std::string fault;
        int n = 0;
        i64 before = kNone;
        from_worst([&](const Level& level) {
            if (level.price == kNoPrice) {
                fault = "a level has no price";
            } else if (level.size <= Size(0) || level.size > Size(kMaxSize)) {
                fault = "a level has size " + std::to_string(level.size.raw);
            } else if (key_of(level.price) <= before) {
                fault = "levels are out of order at " + std::to_string(size() - 1 - n);
            } else {
                before = key_of(level.price);
            }
            ++n;
            return fault.empty();
        });
        if (fault.empty() && n != size()) fault = "the number of levels is wrong";
        if (fault.empty()) fault = check_window();
        if (fault.empty()) fault = better_.check();
        return fault.empty() ? worse_.check() : fault;
    }

    // Saved as its levels, the worst first; restored by adding them.
    template <class V>
    void visit(V& v) {
        std::vector<Level> levels;
        if constexpr (V::kReading) {
            v(levels);
            clear();
            i64 before = kNone;
            for (const Level& level : levels) {
                v.require(level.price != kNoPrice && key_of(level.price) > before,
                          "levels are out of order");
                before = key_of(level.price);
                add(level.price) = level;
            }
        } else {
            from_worst([&](const Level& level) {
                levels.push_back(level);
                return true;
            });
            v(levels);
        }
    }

private:
    static constexpr std::uint32_t kSmallest = 64;
    static constexpr std::uint32_t kLargest = 65'536;

    // Where in the window a key lies.
    struct Slot {
        bool outside;
        std::uint32_t index;
        static constexpr std::uint32_t kOffStep = ~std::uint32_t{0};
        [[nodiscard]] bool on_step() const { return index != kOffStep; }
    };
    [[nodiscard]] Slot slot_of(i64 key) const {
        const u64 distance = static_cast<u64>(key) - static_cast<u64>(origin_);
        const u64 steps = by_step_.quotient(distance);
        return {distance >= span_,
                steps < width_ ? static_cast<std::uint32_t>(steps) : Slot::kOffStep};
    }

    // Larger is better on either side.
    [[nodiscard]] i64 key_of(Price price) const { return sign_ * price.raw; }
    // What lies outside. Without a window all of it is worse.
    [[nodiscard]] const SortedLevels<Level>& far(i64 key) const {
        return span_ != 0 && key > origin_ ? better_ : worse_;
    }
    [[nodiscard]] SortedLevels<Level>& far(i64 key) {
        return span_ != 0 && key > origin_ ? better_ : worse_;
    }

    void enter(std::uint32_t i, Price price) {
        window_[i].price = price;
        held_.insert(i);
        best_ = std::max(best_, i);
        ++near_;
    }
    void leave(std::uint32_t i) {
        held_.erase(i);
        --near_;
        if (i == best_) best_ = held_.largest();
    }
    [[gnu::noinline]] Level& add_elsewhere(Price price) {
        const i64 key = key_of(price);
        Slot slot = slot_of(key);
        if (slot.outside && missed()) slot = slot_of(key);
        if (!slot.outside && !slot.on_step() && refine(key)) slot = slot_of(key);
        Level& level = slot.outside ? far(key).add(key) : window_[slot.index];
        if (level.size == Size(0)) {
            if (slot.outside) {
                level.price = price;
            } else {
                enter(slot.index, price);
            }
        }
        return level;
    }

    // A level outside is added. When that was often, the window is built anew around the touch,
    // twice as wide; returns whether it was.
    bool missed() {
        if (++misses_ < std::max(kSmallest, width_) / 4) return false;
        misses_ = 0;
        if (empty()) return false;
        const std::uint32_t wide = std::clamp(2 * width_, kSmallest, kLargest);
        const i64 touch = key_of(this->touch().price);
        const bool in_place = width_ == kLargest && static_cast<u64>(touch - origin_) < span_ &&
                              static_cast<u64>(touch - origin_) >= span_ / 2;
        return !in_place && build(wide, step_, touch);
    }
    // A price within the window is off its steps: they become as small as it needs.
    bool refine(i64 key) {
        const i64 best = empty() ? key : std::max(key, key_of(touch().price));
        return build(width_, std::gcd(std::gcd(step_, key - origin_), best - key), best);
    }

    // Puts the touch at three quarters of a window of this width. Returns false, and all is left as
    // it was, if no step can be told or if it is so large that the window would leave 64 bits.
    bool build(std::uint32_t wide, i64 step, i64 touch) {
        // Every level that will lie within must be on a step; the smaller the step the fewer they are.
        from_best([&](const Level& level) {
            const i64 distance = touch - key_of(level.price);
            if (step != 0 && distance / step > wide / 4 * 3) return false;
            step = std::gcd(step, distance);
            return true;
        });
        if (step == 0 || step > (i64{1} << 61) / wide) return false;
        std::vector<Level> all;
        const i64 origin = touch - step * (wide / 4 * 3);
        const auto take = [&](const Level& level) {
            all.push_back(level);
            return true;
        };
        // Only what was or will be in the window moves.
        SortedLevels<Level> worse;
        std::swap(worse, worse_);
        from_best(take);
        std::swap(worse, worse_);
        worse_.from_best([&](i64 key, const Level& level) { return key >= origin && take(level); });
        better_.clear();
        while (!worse_.empty() && worse_.best_key() >= origin) worse_.erase(worse_.best_key());
        window_.assign(wide, Level{});
        width_ = wide;
        held_ = {};
        near_ = 0;
        best_ = 0;
        origin_ = origin;
        step_ = step;
        span_ = static_cast<u64>(step) * wide;
        by_step_ = ExactDivision(static_cast<u64>(step));
        for (const Level& level : all) {
            const i64 key = key_of(level.price);
            if (key < origin) {
                worse_.add(key) = level;
            } else {
                const std::uint32_t i = slot_of(key).index;
                enter(i, level.price);
                window_[i] = level;
            }
        }
        return true;
    }

    [[nodiscard]] std::string check_window() const {
        int n = 0;
        for (std::uint32_t i = 0; i < width_; ++i) {
            if (held_.has(i) != (window_[i].size != Size(0))) return "a slot's bit is wrong";
            if (!held_.has(i)) continue;
            ++n;
            if (key_of(window_[i].price) != origin_ + step_ * static_cast<i64>(i)) {
                return "a level is elsewhere in the window";
            }
            if (i > best_) return "a level is better than the best";
        }
        if (!held_.consistent()) return "a word of levels is not known";
        return n == near_ ? "" : "the number of levels in the window is wrong";
    }

    i64 origin_ = 0;  // key of the window's first slot
    u64 span_ = 0;    // step x width; 0: no window yet
    ExactDivision by_step_;
    int near_ = 0;  // levels in the window
    std::uint32_t width_ = 0;
    std::uint32_t best_ = 0;
    std::uint32_t misses_ = 0;
    i64 step_ = 0;
    i64 sign_;
    std::vector<Level> window_;
    BitSet<kLargest> held_;  // the slots that hold a level: large, so behind what every event needs
    SortedLevels<Level> better_;  // than all that the window spans: a stray price, for a while
    SortedLevels<Level> worse_;
};

}  // namespace bookflow
