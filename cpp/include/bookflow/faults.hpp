// Feed faults: counted by name, never silent, never an exception unless asked for.
#pragma once

#include <array>
#include <string_view>

#include "bookflow/types.hpp"

namespace bookflow {

enum class Fault : std::uint8_t {
    DuplicateId,
    UnknownId,
    OverCancel,
    SideMismatch,
    PriceMismatch,
    UnknownSide,
    Crossed,
    Gap,
    Unfinished,
    Late,
    HeldRows,  // what a policy did about the feed, never raised
    Uncrossed,
};
inline constexpr std::size_t kFaults = 12;
inline constexpr std::uint32_t kRaised = (1U << static_cast<unsigned>(Fault::HeldRows)) - 1;
[[nodiscard]] constexpr std::uint32_t bit_of(Fault fault) {
    return 1U << static_cast<unsigned>(fault);
}
inline constexpr std::array<std::string_view, kFaults> kFaultNames{
    "duplicate_id", "unknown_id", "over_cancel", "side_mismatch", "price_mismatch", "unknown_side",
    "crossed",      "gap",        "unfinished",  "late",          "held_rows",      "uncrossed"};

class Faults {
public:
    void count(Fault fault, i64 n = 1) { counts_[static_cast<std::size_t>(fault)] += n; }
    [[nodiscard]] i64 of(Fault fault) const { return counts_[static_cast<std::size_t>(fault)]; }
    [[nodiscard]] const std::array<i64, kFaults>& counts() const { return counts_; }
    // The first of these kinds of which there are more than in `before`.
    [[nodiscard]] std::string_view first_new(const Faults& before, std::uint32_t kinds) const {
        for (std::size_t i = 0; i < kFaults; ++i) {
            if ((kinds >> i & 1) != 0 && counts_[i] > before.counts_[i]) return kFaultNames[i];
        }
        return {};
    }

    template <class V>
    void visit(V& v) {
        v(counts_);
    }

private:
    std::array<i64, kFaults> counts_{};
};

}  // namespace bookflow
