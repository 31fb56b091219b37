// Price levels in sorted chunks of at most 62: where a ladder keeps what lies far from the touch.
//
// Why: a change costs the same wherever it falls, however far prices are apart and however many
// levels there are: a search in a directory of chunks (10,000 levels: some 300 entries), one in the
// chunk, and a move inside it. Worst case: a full chunk is split or two small ones become one, and
// about 5 KB are copied.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "bookflow/types.hpp"

namespace bookflow {

// Keyed by integers of which the larger is the better.
template <class Level>
class SortedLevels {
public:
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] int size() const { return size_; }
    [[nodiscard]] i64 best_key() const { return keys(directory_.back())[directory_.back().n]; }
    [[nodiscard]] i64 worst_key() const { return keys(directory_.front())[1]; }
    [[nodiscard]] const Level& best() const {
        return chunks_[directory_.back().slot].levels[directory_.back().n];
    }

    // nullptr where there is none. Good until levels are added or removed, as all that point here.
    [[nodiscard]] const Level* find(i64 key) const {
        if (size_ == 0) return nullptr;
        const Place at = place(key);
        return has(at, key) ? &chunk(at.chunk).levels[at.index] : nullptr;
    }
    [[nodiscard]] Level* find(i64 key) {
        return const_cast<Level*>(static_cast<const SortedLevels&>(*this).find(key));
    }
    // The level of this key, made if there was none.
    Level& add(i64 key) {
        if (size_ == 0) begin();
        Place at = place(key);
        if (has(at, key)) return chunk(at.chunk).levels[at.index];
        if (directory_[at.chunk].n == kMost) at = split(at);
        Entry& entry = directory_[at.chunk];
        Chunk& c = chunk(at.chunk);
        for (std::uint32_t i = ++entry.n; i > at.index; --i) {
            c.keys[i] = c.keys[i - 1];
            c.levels[i] = c.levels[i - 1];
        }
        c.keys[at.index] = key;
        c.levels[at.index] = Level{};
        if (at.index == 1) set_low(at.chunk);
        ++size_;
        return c.levels[at.index];
    }
    // Returns whether it was there.
    bool erase(i64 key) {
        if (size_ == 0) return false;
        const Place at = place(key);
        if (!has(at, key)) return false;
        Entry& entry = directory_[at.chunk];
        Chunk& c = chunk(at.chunk);
        for (std::uint32_t i = at.index; i < entry.n; ++i) {
            c.keys[i] = c.keys[i + 1];
            c.levels[i] = c.levels[i + 1];
        }
        c.keys[entry.n--] = kEnd;
        --size_;
        if (at.index == 1) set_low(at.chunk);
        if (entry.n < kFew && directory_.size() > 1) refill(at.chunk);
        return true;
    }
    void clear() {
        if (directory_.size() > 1) *this = SortedLevels();
        if (size_ == 0) return;
        Entry& only = directory_.front();  // its memory is kept
        std::fill_n(chunk(0).keys.begin() + 1, only.n, kEnd);
        only.n = 0;
        size_ = 0;
    }

    // f(key, level) from the best or from the worst on, until it returns false.
    template <class F>
    void from_best(F&& f) const {
        for (std::size_t d = directory_.size(); d > 0; --d) {
            const Chunk& c = chunk(d - 1);
            for (std::uint32_t k = directory_[d - 1].n; k > 0; --k) {
                if (!f(c.keys[k], c.levels[k])) return;
            }
        }
    }
    template <class F>
    void from_worst(F&& f) const {
        for (std::size_t d = 0; d < directory_.size(); ++d) {
            const Chunk& c = chunk(d);
            for (std::uint32_t k = 1; k <= directory_[d].n; ++k) {
                if (!f(c.keys[k], c.levels[k])) return;
            }
        }
    }

    // The first invariant that does not hold, in words.
    [[nodiscard]] std::string check() const {
        int n = 0;
        i64 before = kFront;
        for (std::size_t d = 0; d < directory_.size(); ++d) {
            const Entry& e = directory_[d];
            const Chunk& c = chunk(d);
            if (e.n > kMost || (e.n < kFew && directory_.size() > 1)) {
                return "a chunk has " + std::to_string(e.n) + " levels";
            }
            if (e.low != (d == 0 ? kFront : c.keys[1])) return "a chunk begins elsewhere";
            for (std::uint32_t k = 1; k < kKeys; ++k) {
                if (k > e.n && c.keys[k] != kEnd) return "a chunk does not end";
                if (k <= e.n && c.keys[k] <= before) return "levels are out of order";
                if (k <= e.n) before = c.keys[k];
            }
            n += static_cast<int>(e.n);
        }
        return n == size_ ? "" : "the number of levels is wrong";
    }

private:
    static constexpr i64 kFront = kNone;                          // worse than every key
    static constexpr i64 kEnd = std::numeric_limits<i64>::max();  // better than every key
    static constexpr std::uint32_t kKeys = 64;
    static constexpr std::uint32_t kMost = kKeys - 2;  // between the front and at least one end
    static constexpr std::uint32_t kFew = 16;

    // Levels 1 to n, the worst first; before them stands the front, behind them the end, so that
    // all keys are sorted.
    struct Chunk {
        std::array<i64, kKeys> keys;
        std::array<Level, kKeys> levels{};

        Chunk() {
            keys.fill(kEnd);
            keys[0] = kFront;
        }
    };
    // The directory is apart from the chunks, so that looking for one touches few cache lines.
    struct Entry {
        i64 low;             // the worst key; of the first chunk the front: it takes all worse ones
        std::uint32_t slot;  // in chunks_
        std::uint32_t n;
    };
    struct Place {
        std::uint32_t chunk;  // in the directory
        std::uint32_t index;  // in the chunk
    };

    [[nodiscard]] const Chunk& chunk(std::size_t c) const { return chunks_[directory_[c].slot]; }
    [[nodiscard]] Chunk& chunk(std::size_t c) { return chunks_[directory_[c].slot]; }
    [[nodiscard]] const std::array<i64, kKeys>& keys(const Entry& e) const {
        return chunks_[e.slot].keys;
    }
    [[nodiscard]] bool has(Place at, i64 key) const {
        return chunk(at.chunk).keys[at.index] == key;
    }

    // Where a key is or would be. Halving without a branch: where a change falls is what no
    // processor can guess.
    [[nodiscard]] Place place(i64 key) const {
        std::uint32_t c = 0;  // the last chunk that begins at or before the key
        for (auto n = static_cast<std::uint32_t>(directory_.size()); n > 1;) {
            const std::uint32_t half = n / 2;
            c += (1 - below(key, directory_[c + half].low)) * half;
            n -= half;
        }
        const std::array<i64, kKeys>& in = chunk(c).keys;
        std::uint32_t i = 0;  // the first key that is not below
        for (std::uint32_t half = kKeys / 2; half > 0; half /= 2) {
            i += below(in[i + half - 1], key) * half;
        }
        return {c, i};
    }
    // 0 or 1, by arithmetic: of a condition compilers make a branch.
    [[nodiscard]] static std::uint32_t below(i64 a, i64 b) {
        return static_cast<std::uint32_t>(a < b);
    }
    void set_low(std::size_t c) { directory_[c].low = c == 0 ? kFront : chunk(c).keys[1]; }

    // Most ladders never need it: memory is taken for the first level.
    void begin() {
        if (!directory_.empty()) return;
        chunks_.emplace_back();
        directory_.push_back({kFront, 0, 0});
    }
    // The worse half of a full chunk becomes one of its own; returns where `at` is then.
    Place split(Place at) {
        std::uint32_t slot = 0;
        if (free_.empty()) {
            slot = static_cast<std::uint32_t>(chunks_.size());
            chunks_.emplace_back();
        } else {
            slot = free_.back();
            free_.pop_back();
            chunks_[slot] = Chunk{};
        }
        directory_.insert(directory_.begin() + at.chunk, Entry{kFront, slot, 0});
        constexpr std::uint32_t half = kMost / 2;
        move_worse(at.chunk, half);
        if (at.index <= half) return at;
        return {at.chunk + 1, at.index - half};
    }
    // The n worst levels of chunk c + 1 go to the back of chunk c.
    void move_worse(std::size_t c, std::uint32_t n) {
        Entry& to = directory_[c];
        Entry& from = directory_[c + 1];
        Chunk& a = chunk(c);
        Chunk& b = chunk(c + 1);
        std::copy_n(b.keys.begin() + 1, n, a.keys.begin() + 1 + to.n);
        std::copy_n(b.levels.begin() + 1, n, a.levels.begin() + 1 + to.n);
        std::copy(b.keys.begin() + 1 + n, b.keys.begin() + 1 + from.n, b.keys.begin() + 1);
        std::copy(b.levels.begin() + 1 + n, b.levels.begin() + 1 + from.n, b.levels.begin() + 1);
        std::fill_n(b.keys.begin() + 1 + (from.n - n), n, kEnd);
        to.n += n;
        from.n -= n;
        set_low(c);
        set_low(c + 1);
    }
    // The n best levels of chunk c go to the front of chunk c + 1.
    void move_better(std::size_t c, std::uint32_t n) {
        Entry& from = directory_[c];
        Entry& to = directory_[c + 1];
        Chunk& a = chunk(c);
        Chunk& b = chunk(c + 1);
        std::copy_backward(b.keys.begin() + 1, b.keys.begin() + 1 + to.n,
                           b.keys.begin() + 1 + to.n + n);
        std::copy_backward(b.levels.begin() + 1, b.levels.begin() + 1 + to.n,
                           b.levels.begin() + 1 + to.n + n);
        std::copy_n(a.keys.begin() + 1 + (from.n - n), n, b.keys.begin() + 1);
        std::copy_n(a.levels.begin() + 1 + (from.n - n), n, b.levels.begin() + 1);
        std::fill_n(a.keys.begin() + 1 + (from.n - n), n, kEnd);
        to.n += n;
        from.n -= n;
        set_low(c);
        set_low(c + 1);
    }
    // Chunk c has few levels left: its worse neighbour (the first's better one) shares or joins it.
    void refill(std::size_t c) {
        const std::size_t worse = c == 0 ? 0 : c - 1;
        const std::uint32_t a = directory_[worse].n;
        const std::uint32_t b = directory_[worse + 1].n;
        if (a + b <= kMost - kFew) {
            move_better(worse, a);
            free_.push_back(directory_[worse].slot);
            directory_.erase(directory_.begin() + static_cast<std::ptrdiff_t>(worse));
            set_low(worse);
        } else if (a < b) {
            move_worse(worse, (b - a) / 2);
        } else {
            move_better(worse, (a - b) / 2);
        }
    }

    std::vector<Chunk> chunks_;
    std::vector<std::uint32_t> free_;
    std::vector<Entry> directory_;  // worst first
    int size_ = 0;
};

}  // namespace bookflow
