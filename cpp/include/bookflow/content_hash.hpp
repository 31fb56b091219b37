// The hash of what a book says, independent of how it is stored and of the platform.
#pragma once

#include "bookflow/types.hpp"

namespace bookflow {

class ContentHash {
public:
    void add(i64 x) {
        u64 z = hash_ ^ static_cast<u64>(x);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        hash_ = z ^ (z >> 31);
    }
    [[nodiscard]] u64 value() const { return hash_; }

private:
    u64 hash_ = 0x9E3779B97F4A7C15ULL;
};

}  // namespace bookflow
