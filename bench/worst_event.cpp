// How long single events take on a book of 10,000 levels, changes falling evenly over all of them:
// LevelBook::apply of the package's own headers, each event timed alone. Prints
// "p50 p99 p99.9 max" in ns, the clock's own cost included, and the clock's own p50 after them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "bookflow/level_book.hpp"

using namespace bookflow;

namespace {

using Clock = std::chrono::steady_clock;

Event level(std::mt19937_64& random, i64 levels) {
    Event e;
    e.action = Action::Level;
    e.side = random() % 2 == 0 ? Side::Bid : Side::Ask;
    const i64 behind = static_cast<i64>(random() % static_cast<u64>(levels));
    e.price = Price(e.side == Side::Bid ? 1'000'000 - behind : 1'000'001 + behind);
    e.size = Size(random() % 3 == 0 ? 0 : static_cast<i64>(random() % 100) + 1);
    return e;
}

}  // namespace

int main(int argc, char** argv) {
    const i64 levels = argc > 1 ? std::atoll(argv[1]) : 10'000;
    const int events = argc > 2 ? std::atoi(argv[2]) : 500'000;
    std::mt19937_64 random(1);
    LevelBook book;
    for (i64 i = 0; i < 6 * levels; ++i) book.apply(level(random, levels));
    std::vector<Event> stream;
    for (int i = 0; i < events; ++i) stream.push_back(level(random, levels));
    std::vector<long> taken;
    std::vector<long> clock;
    taken.reserve(stream.size());
    clock.reserve(stream.size());
    for (const Event& e : stream) {
        const auto a = Clock::now();
        const auto b = Clock::now();
        book.apply(e);
        const auto c = Clock::now();
        clock.push_back(static_cast<long>((b - a).count()));
        taken.push_back(static_cast<long>((c - b).count()));
    }
    std::sort(taken.begin(), taken.end());
    std::sort(clock.begin(), clock.end());
    const auto at = [&](double q) {
        return taken[static_cast<std::size_t>(q * static_cast<double>(taken.size() - 1))];
    };
    std::printf("%ld %ld %ld %ld %ld\n", at(0.5), at(0.99), at(0.999), taken.back(),
                clock[clock.size() / 2]);
    // A book that was not written to must not look the fastest.
    return book.bids().empty() || book.asks().empty() ? 1 : 0;
}
