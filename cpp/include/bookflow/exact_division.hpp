// Division by a fixed step of what is a multiple of it, by one multiplication; what is no multiple
// is found out on the way (Granlund and Montgomery 1994, "Division by invariant integers using
// multiplication", section 9).
#pragma once

#include <bit>

#include "bookflow/types.hpp"

namespace bookflow {

class ExactDivision {
public:
    ExactDivision() = default;
    explicit ExactDivision(u64 step)
        : shift_(std::countr_zero(step)), most_(~u64{0} / step), inverse_(step >> shift_) {
        // Newton's iteration modulo 2^64: an odd number is its own inverse in the last 3 bits, and
        // each round doubles the bits that are right.
        const u64 odd = inverse_;
        for (int round = 0; round < 5; ++round) inverse_ *= 2 - odd * inverse_;
    }

    // n / step where n is a multiple; else a number above 2^64 / step.
    [[nodiscard]] u64 quotient(u64 n) const { return std::rotr(n * inverse_, shift_); }
    [[nodiscard]] bool divides(u64 n) const { return quotient(n) <= most_; }

private:
    int shift_ = 0;
    u64 most_ = ~u64{0};
    u64 inverse_ = 1;
};

}  // namespace bookflow
