// Where there is no libFuzzer: replays files and seeds, then mutations of them for some seconds.
//
//   fuzz_itch [seconds=60] [seed=1] [crash=FILE] [write=FOLDER] [FILE...]
//
// The input in hand is written to the crash file when the program dies of it. `write` puts the seeds into
// a folder, as a corpus for libFuzzer, and does nothing else.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <random>

#include "fuzz.hpp"

extern "C" void __sanitizer_set_death_callback(void (*)()) __attribute__((weak));

namespace {

std::string current;
std::string crash_file = "crash.bin";

void save_current() {
    std::ofstream(crash_file, std::ios::binary) << current;
    std::fprintf(stderr, "the input is in %s, %zu bytes\n", crash_file.c_str(), current.size());
}

void run(const std::string& input) {
    current = input;
    // Memory of the exact size, so that a sanitizer sees any byte read past it.
    const std::vector<std::uint8_t> exact(input.begin(), input.end());
    (void)LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

class Mutator {
public:
    explicit Mutator(std::uint64_t seed) : engine_(seed) {}

    [[nodiscard]] std::size_t below(std::size_t n) {
        return static_cast<std::size_t>(engine_() % n);
    }

    void mutate(std::string& input, const std::vector<std::string>& others) {
        for (std::size_t n = 1 + below(4); n > 0; --n) one(input, others);
        if (input.size() > kMost) input.resize(kMost);
    }

private:
    static constexpr std::size_t kMost = 1 << 14;

    [[nodiscard]] char byte() {
        constexpr std::array<int, 8> some{0, 1, 2, 0x7F, 0x80, 0xFF, '0', '.'};
        return static_cast<char>(below(2) == 0 ? below(256) : some[below(some.size())]);
    }
    void one(std::string& s, const std::vector<std::string>& others) {
        const std::size_t at = below(s.size() + 1);
        const std::size_t n = std::min(1 + below(8), s.size() - std::min(at, s.size()));
        switch (below(8)) {
            case 0:
                if (at < s.size()) s[at] = static_cast<char>(s[at] ^ (1 << below(8)));
                break;
            case 1:
                if (at < s.size()) s[at] = byte();
                break;
            case 2: s.insert(at, 1 + below(8), byte()); break;
            case 3: s.erase(at, n); break;
            case 4: s.resize(at); break;
            case 5: {  // a number of 2, 4 or 8 bytes, at an end of its range or a step from it
                std::uint64_t x = below(2) == 0 ? ~std::uint64_t{0} >> below(64) : below(3);
                x -= below(2);
                const std::size_t width = std::size_t{2} << below(3);
                for (std::size_t k = 0; k < width && at + k < s.size(); ++k) {
                    s[at + k] = static_cast<char>(x >> (8 * k));
                }
                break;
            }
            case 6: {  // a piece of another one
                const std::string& other = others[below(others.size())];
                const std::size_t from = below(other.size() + 1);
                s.insert(at, other.substr(from, 1 + below(64)));
                break;
            }
            default: {  // a piece of itself again
                const std::string piece = s.substr(at, 1 + below(64));
                s.insert(below(s.size() + 1), piece);
            }
        }
    }

    std::mt19937_64 engine_;
};

[[nodiscard]] bool given(std::string_view argument, std::string_view name, std::string& value) {
    if (!argument.starts_with(name)) return false;
    value = argument.substr(name.size());
    return true;
}

}  // namespace

int main(int count, char** arguments) {
    std::string seconds = "1";
    std::string seed = "1";
    std::string folder;
    std::vector<std::string> corpus = fuzz::seeds();
    for (int i = 1; i < count; ++i) {
        const std::string_view argument = arguments[i];
        if (given(argument, "seconds=", seconds) || given(argument, "seed=", seed) ||
            given(argument, "write=", folder) || given(argument, "crash=", crash_file)) {
            continue;
        }
        std::ifstream file(arguments[i], std::ios::binary);
        if (!file) {
            std::fprintf(stderr, "%s: cannot be read\n", arguments[i]);
            return 2;
        }
        corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    if (!folder.empty()) {
        for (std::size_t i = 0; i < corpus.size(); ++i) {
            std::ofstream(folder + "/seed" + std::to_string(i), std::ios::binary) << corpus[i];
        }
        return 0;
    }
    if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(save_current);
    std::signal(SIGABRT, [](int) {  // a broken rule, or an exception that nobody caught
        save_current();
        std::_Exit(1);
    });
    corpus.emplace_back();
    for (const std::string& input : corpus) run(input);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::stol(seconds));
    Mutator mutator(std::stoull(seed));
    long runs = static_cast<long>(corpus.size());
    while (runs % 64 != 0 || std::chrono::steady_clock::now() < end) {
        std::string input = corpus[mutator.below(corpus.size())];
        mutator.mutate(input, corpus);
        run(input);
        ++runs;
    }
    std::printf("%s: %ld inputs, from %zu\n", arguments[0], runs, corpus.size());
    return 0;
}
