// Which structure holds one side of a book best: the ladder (a window of steps, the rest sorted in
// chunks), the chunks alone, a sorted vector with its best at the back, or an ordered map. The same
// changes through all; the answers must be equal.
//
//   c++ -O3 -std=c++20 -ffp-contract=off -Icpp/include bench/ladders.cpp -o ladders && ./ladders
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <random>
#include <vector>

#include "bookflow/ladder.hpp"

using namespace bookflow;

namespace {

struct Change {
    Price price;
    Size size;  // 0 removes
};

// Asks around a touch that wanders; `depth` is how far behind it changes reach, geometric or even.
std::vector<Change> changes(std::size_t n, double near, i64 levels, bool even) {
    std::mt19937_64 random(1);
    std::vector<Change> out;
    i64 touch = 1'000'000;
    for (std::size_t i = 0; i < n; ++i) {
        if (random() % 16 == 0) touch += random() % 2 == 0 ? 1 : -1;
        std::geometric_distribution<i64> geometric(near);
        const i64 behind = even ? static_cast<i64>(random() % static_cast<u64>(levels))
                                : std::min(geometric(random), levels - 1);
        out.push_back({Price(touch + behind), Size(static_cast<i64>(random() % 3 * 100))});
    }
    return out;
}

// Each takes changes of an ask side, larger keys being better, and tells the best level.

struct Steps {
    Ladder<PriceLevel> ladder{Side::Ask};

    void change(const Change& c) {
        if (c.size == Size(0)) {
            ladder.erase_if_there(c.price);
        } else {
            ladder.add(c.price).size = c.size;
        }
    }
    [[nodiscard]] PriceLevel best() const { return ladder.touch(); }
};

struct Chunks {
    SortedLevels<PriceLevel> levels;

    void change(const Change& c) {
        if (c.size == Size(0)) {
            levels.erase(-c.price.raw);
        } else {
            levels.add(-c.price.raw) = {c.price, c.size};
        }
    }
    [[nodiscard]] PriceLevel best() const { return levels.empty() ? PriceLevel{} : levels.best(); }
};

struct Vector {
    std::vector<PriceLevel> levels;  // the best at the back

    void change(const Change& c) {
        const auto at = std::partition_point(
            levels.begin(), levels.end(), [&](const auto& level) { return level.price > c.price; });
        const bool there = at != levels.end() && at->price == c.price;
        if (c.size == Size(0)) {
            if (there) levels.erase(at);
        } else if (there) {
            at->size = c.size;
        } else {
            levels.insert(at, {c.price, c.size});
        }
    }
    [[nodiscard]] PriceLevel best() const { return levels.empty() ? PriceLevel{} : levels.back(); }
};

struct Map {
    std::map<i64, i64> levels;

    void change(const Change& c) {
        if (c.size == Size(0)) {
            levels.erase(c.price.raw);
        } else {
            levels[c.price.raw] = c.size.raw;
        }
    }
    [[nodiscard]] PriceLevel best() const {
        if (levels.empty()) return {};
        return {Price(levels.begin()->first), Size(levels.begin()->second)};
    }
};

template <class Book>
std::pair<double, u64> time_of(const std::vector<Change>& stream) {
    Book book;
    u64 sum = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (const Change& c : stream) {
        book.change(c);
        const PriceLevel best = book.best();
        sum = sum * 31 + static_cast<u64>(best.price.raw + best.size.raw);
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    return {took.count() / static_cast<double>(stream.size()), sum};
}

bool compare(const char* name, const std::vector<Change>& stream) {
    std::array<std::vector<double>, 4> taken;
    bool equal = true;
    for (int round = 0; round < 7; ++round) {  // interleaved
        const std::array results{time_of<Steps>(stream), time_of<Chunks>(stream),
                                 time_of<Vector>(stream), time_of<Map>(stream)};
        for (std::size_t k = 0; k < results.size(); ++k) {
            taken[k].push_back(results[k].first);
            equal = equal && results[k].second == results[0].second;
        }
    }
    std::printf("| %s |", name);
    for (auto& times : taken) {
        std::sort(times.begin(), times.end());
        std::printf(" %.1f |", times[3]);
    }
    std::puts(equal ? "" : " ANSWERS DIFFER");
    return equal;
}

}  // namespace

int main() {
    std::puts("| one side, ns a change | ladder | chunks alone | sorted vector | `std::map` |");
    std::puts("|---|---|---|---|---|");
    bool equal = compare("near the touch, 100 levels", changes(2'000'000, 0.2, 100, false));
    equal =
        compare("near the touch, 1,000 levels", changes(2'000'000, 0.05, 1'000, false)) && equal;
    equal = compare("evenly, 1,000 levels", changes(2'000'000, 0.2, 1'000, true)) && equal;
    equal = compare("evenly, 10,000 levels", changes(500'000, 0.2, 10'000, true)) && equal;
    return equal ? 0 : 1;
}
