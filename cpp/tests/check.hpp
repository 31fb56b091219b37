// The tests' own tools: CHECK, THROWS, a seeded generator, a count that the environment can raise.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace test {

inline int failures = 0;
inline long checks = 0;

inline void check(bool holds, const char* what, const char* file, int line) {
    ++checks;
    if (holds) return;
    // The first ones tell what is wrong; a loop of a million would only bury them.
    if (++failures <= 20) std::fprintf(stderr, "%s:%d: %s\n", file, line, what);
}

inline int report(const char* name) {
    std::printf("%s: %ld checks, %d failed\n", name, checks, failures);
    return failures == 0 ? 0 : 1;
}

// How many random operations: the default, or BOOKFLOW_TEST_OPERATIONS (a release runs 100
// million).
inline long operations(long by_default) {
    const char* set = std::getenv("BOOKFLOW_TEST_OPERATIONS");
    return set != nullptr ? std::atol(set) : by_default;
}

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    // Uniform on [low, high]. Not std::uniform_int_distribution: its numbers differ by library.
    std::int64_t between(std::int64_t low, std::int64_t high) {
        const auto span = static_cast<std::uint64_t>(high - low) + 1;
        return low + static_cast<std::int64_t>(span == 0 ? engine_() : engine_() % span);
    }
    bool chance(int percent) { return between(0, 99) < percent; }
    std::uint64_t bits() { return engine_(); }

private:
    std::mt19937_64 engine_;
};

}  // namespace test

#define CHECK(condition) test::check((condition), #condition, __FILE__, __LINE__)

#define THROWS(Exception, expression)                                               \
    do {                                                                            \
        bool thrown = false;                                                        \
        try {                                                                       \
            static_cast<void>(expression);                                          \
        } catch (const Exception&) {                                                \
            thrown = true;                                                          \
        }                                                                           \
        test::check(thrown, #expression " throws " #Exception, __FILE__, __LINE__); \
    } while (false)
