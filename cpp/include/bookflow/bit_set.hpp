// A set of small integers, a bit each, with a bit for each word of them that is not empty: the
// largest one, and all of them in order, are found by counting zeros, however far they lie apart.
#pragma once

#include <array>
#include <bit>

#include "bookflow/types.hpp"

namespace bookflow {

template <std::uint32_t kSize>
class BitSet {
    static_assert(kSize % (64 * 64) == 0, "whole words of words");

public:
    [[nodiscard]] bool has(std::uint32_t i) const { return (bits_[i / 64] >> (i % 64) & 1) != 0; }
    void insert(std::uint32_t i) {
        bits_[i / 64] |= u64{1} << (i % 64);
        words_[i / 4096] |= u64{1} << (i / 64 % 64);
    }
    // Must be there.
    void erase(std::uint32_t i) {
        const u64 word = bits_[i / 64] &= ~(u64{1} << (i % 64));
        words_[i / 4096] ^= static_cast<u64>(word == 0) << (i / 64 % 64);
    }
    // 0 where it is empty.
    [[nodiscard]] std::uint32_t largest() const {
        for (std::uint32_t k = kSize / 4096; k-- > 0;) {
            if (words_[k] == 0) continue;
            const std::uint32_t w = k * 64 + log2(words_[k]);
            return w * 64 + log2(bits_[w]);
        }
        return 0;
    }
    // How many members are larger than i, counted until there are at least `enough`.
    [[nodiscard]] int above(std::uint32_t i, std::uint32_t largest, int enough) const {
        int n = std::popcount(bits_[i / 64] >> (i % 64) >> 1);
        for (std::uint32_t w = i / 64 + 1; w <= largest / 64 && n < enough; ++w) {
            if (bits_[w] != 0) n += std::popcount(bits_[w]);
        }
        return n;
    }
    // f(i) in falling or in rising order, until it returns false; returns whether it never did.
    template <class F>
    bool falling(F&& f) const {
        for (std::uint32_t k = kSize / 4096; k-- > 0;) {
            for (u64 words = words_[k]; words != 0; words ^= u64{1} << log2(words)) {
                const std::uint32_t w = k * 64 + log2(words);
                for (u64 bits = bits_[w]; bits != 0; bits ^= u64{1} << log2(bits)) {
                    if (!f(w * 64 + log2(bits))) return false;
                }
            }
        }
        return true;
    }
    template <class F>
    bool rising(F&& f) const {
        for (std::uint32_t k = 0; k < kSize / 4096; ++k) {
            for (u64 words = words_[k]; words != 0; words &= words - 1) {
                const std::uint32_t w = k * 64 + zeros(words);
                for (u64 bits = bits_[w]; bits != 0; bits &= bits - 1) {
                    if (!f(w * 64 + zeros(bits))) return false;
                }
            }
        }
        return true;
    }
    // Every word of members is known, and no other.
    [[nodiscard]] bool consistent() const {
        for (std::uint32_t w = 0; w < kSize / 64; ++w) {
            if ((bits_[w] != 0) != ((words_[w / 64] >> (w % 64) & 1) != 0)) return false;
        }
        return true;
    }

private:
    [[nodiscard]] static std::uint32_t log2(u64 x) {
        return 63 - static_cast<std::uint32_t>(std::countl_zero(x));
    }
    [[nodiscard]] static std::uint32_t zeros(u64 x) {
        return static_cast<std::uint32_t>(std::countr_zero(x));
    }

    std::array<u64, kSize / 64> bits_{};
    std::array<u64, kSize / 4096> words_{};
};

}  // namespace bookflow
