// Which process this is, and whether another one still lives.
#pragma once

#include <atomic>
#include <fstream>
#include <string>

#include "bookflow/types.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace bookflow {

// A process by its number and, since numbers are given anew, when it began (0: not known).
struct Process {
    u64 number = 0;
    u64 began = 0;

    friend bool operator==(const Process&, const Process&) = default;

    // Both in one word, which can be exchanged in one step; 0: nobody.
    [[nodiscard]] u64 word() const { return began << kNumberBits | number; }
    [[nodiscard]] static Process of(u64 word) {
        return {word & ((u64{1} << kNumberBits) - 1), word >> kNumberBits};
    }

    [[nodiscard]] static Process own() {
#if defined(__unix__) || defined(__APPLE__)
        const auto number = static_cast<u64>(::getpid());
        return {number, began_of(number)};
#else
        return {1, 0};
#endif
    }
    [[nodiscard]] bool lives() const {
#if defined(__unix__) || defined(__APPLE__)
        if (number == 0) return false;
        if (::kill(static_cast<pid_t>(number), 0) != 0 && errno == ESRCH) return false;
        const u64 now = began_of(number);
        return began == 0 || now == 0 || now == began;
#else
        return true;
#endif
    }

private:
    static constexpr u64 kNever = 1;             // nobody began then
    static constexpr unsigned kNumberBits = 22;  // Linux gives no greater numbers

    // In clock ticks since the system began: the 22nd field of its stat, the 20th behind the name.
    [[nodiscard]] static u64 began_of([[maybe_unused]] u64 number) {
#if defined(__linux__)
        std::ifstream file("/proc/" + std::to_string(number) + "/stat");
        std::string line;
        if (!std::getline(file, line)) return 0;
        std::size_t at = line.rfind(')');
        for (int field = 0; field < 20 && at != std::string::npos; ++field) {
            at = line.find(' ', at + 1);
        }
        // A process that has ended and was not waited for has a number still, and is dead.
        const std::size_t state = line.rfind(')') + 2;
        if (state < line.size() && line[state] == 'Z') return kNever;
        return at == std::string::npos ? 0 : std::stoull(line.substr(at + 1));
#else
        return 0;
#endif
    }
};

// How often this process has come out of a fork: who remembers another count was made before it.
[[nodiscard]] inline u64 forks() {
#if defined(__unix__) || defined(__APPLE__)
    static std::atomic<u64> count{0};
    [[maybe_unused]] static const int registered =
        ::pthread_atfork(nullptr, nullptr, [] { count.fetch_add(1, std::memory_order_relaxed); });
    return count.load(std::memory_order_relaxed);
#else
    return 0;
#endif
}

}  // namespace bookflow
