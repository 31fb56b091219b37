// What every fuzz target has: an entry that libFuzzer knows, seeds to begin from, and bytes read as
// numbers. A target aborts where a rule is broken; a sanitizer does the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

// Valid inputs, from which mutations reach further than from nothing.
[[nodiscard]] std::vector<std::string> seeds();

inline void require(bool holds, const char* rule) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", rule);
    std::abort();
}

// The input from its start; zeros when it has run out.
class Bytes {
public:
    Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    [[nodiscard]] std::size_t left() const { return size_ - at_; }
    template <class T>
    [[nodiscard]] T take() {
        T out{};
        const std::size_t n = left() < sizeof out ? left() : sizeof out;
        if (n > 0) std::memcpy(&out, data_ + at_, n);
        at_ += n;
        return out;
    }
    [[nodiscard]] std::size_t below(std::size_t n) { return take<std::uint8_t>() % n; }
    [[nodiscard]] std::string_view text(std::size_t most) {
        const std::size_t n = left() < most ? left() : most;
        const std::string_view out(reinterpret_cast<const char*>(data_) + at_, n);
        at_ += n;
        return out;
    }
    [[nodiscard]] std::string_view rest() { return text(left()); }

private:
    const std::uint8_t* data_;
    std::size_t size_;
    std::size_t at_ = 0;
};

}  // namespace fuzz
