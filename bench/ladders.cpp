// Which structure holds one side of a book best: the sorted vector with its best at the back
// (ladder.hpp), or an ordered map. The same changes through both; the answers must be equal.
//
//   c++ -O2 -std=c++20 -ffp-contract=off -Icpp/include bench/ladders.cpp -o ladders && ./ladders
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
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

u64 best_of_each(Ladder<PriceLevel>& ladder, const std::vector<Change>& stream) {
    u64 sum = 0;
    for (const Change& c : stream) {
        const int i = ladder.find(c.price);
        if (ladder.has(i, c.price)) {
            if (c.size == Size(0)) {
                ladder.erase(i);
            } else {
                ladder[i].size = c.size;
            }
        } else if (c.size != Size(0)) {
            ladder.insert(i, {c.price, c.size});
        }
        if (!ladder.empty())
            sum = sum * 31 + static_cast<u64>(ladder[0].price.raw + ladder[0].size.raw);
    }
    return sum;
}

u64 best_of_each(std::map<i64, i64>& map, const std::vector<Change>& stream) {
    u64 sum = 0;
    for (const Change& c : stream) {
        if (c.size == Size(0)) {
            map.erase(c.price.raw);
        } else {
            map[c.price.raw] = c.size.raw;
        }
        if (!map.empty())
            sum = sum * 31 + static_cast<u64>(map.begin()->first + map.begin()->second);
    }
    return sum;
}

template <class Make>
std::pair<double, u64> time_of(Make make, const std::vector<Change>& stream) {
    auto book = make();
    const auto begin = std::chrono::steady_clock::now();
    const u64 sum = best_of_each(book, stream);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    return {took.count() / static_cast<double>(stream.size()), sum};
}

bool compare(const char* name, const std::vector<Change>& stream) {
    std::vector<double> vector;
    std::vector<double> map;
    bool equal = true;
    for (int round = 0; round < 7; ++round) {  // interleaved
        const auto a = time_of([] { return Ladder<PriceLevel>(Side::Ask); }, stream);
        const auto b = time_of([] { return std::map<i64, i64>(); }, stream);
        equal = equal && a.second == b.second;
        vector.push_back(a.first);
        map.push_back(b.first);
    }
    std::sort(vector.begin(), vector.end());
    std::sort(map.begin(), map.end());
    std::printf("| %s | %.1f | %.1f | %s |\n", name, vector[3], map[3], equal ? "equal" : "DIFFER");
    return equal;
}

}  // namespace

int main() {
    std::puts("| one side, ns a change | vector, best at the back | std::map | answers |");
    std::puts("|---|---|---|---|");
    bool equal = compare("near the touch, 100 levels", changes(2'000'000, 0.2, 100, false));
    equal =
        compare("near the touch, 1,000 levels", changes(2'000'000, 0.05, 1'000, false)) && equal;
    equal = compare("evenly, 1,000 levels", changes(2'000'000, 0.2, 1'000, true)) && equal;
    equal = compare("evenly, 10,000 levels", changes(500'000, 0.2, 10'000, true)) && equal;
    return equal ? 0 : 1;
}
