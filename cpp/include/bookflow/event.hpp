// One event: a row of 48 bytes without padding, the same in C++, in a numpy structured array and,
// column by column, in `Events`.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "bookflow/types.hpp"

namespace bookflow {

// What an event does to the book and to the tape: docs/action-table.md, from which tests are made.
enum class Action : std::uint8_t {
    Add = 1,
    Cancel,
    Delete,
    Modify,
    Execute,
    Trade,
    Level,
    Quote,
    Clear,
    Status,
};

// A resting order's side; a trade's side is its aggressor's (Bid: a buyer).
enum class Side : std::uint8_t { None = 0, Bid = 1, Ask = 2 };

[[nodiscard]] constexpr Side opposite(Side side) {
    return side == Side::Bid ? Side::Ask : side == Side::Ask ? Side::Bid : Side::None;
}

namespace flag {
inline constexpr std::uint16_t kLast = 1;      // the atomic event ends: the book may be read
inline constexpr std::uint16_t kSnapshot = 2;  // part of a snapshot of the whole book
inline constexpr std::uint16_t kGap = 4;       // something was lost before this
inline constexpr std::uint16_t kFill = 8;      // this removal is already on the tape
inline constexpr std::uint16_t kHidden = 16;   // execution against a hidden order
inline constexpr std::uint16_t kAuction = 32;  // auction print or cross
inline constexpr std::uint16_t kOffBook = 64;  // reported, not matched in this book
inline constexpr std::uint16_t kBroken = 128;  // the print of this size is taken back
inline constexpr std::uint16_t kAll = 255;
}  // namespace flag

// What is known to be wrong with the book (or with the market) at a moment.
namespace status {
inline constexpr std::uint16_t kSnapshotPending = 1;
inline constexpr std::uint16_t kGap = 2;
inline constexpr std::uint16_t kCrossed = 4;
inline constexpr std::uint16_t kLocked = 8;
inline constexpr std::uint16_t kOneSided = 16;
inline constexpr std::uint16_t kStale = 32;
inline constexpr std::uint16_t kHalted = 64;
inline constexpr std::uint16_t kAuction = 128;
inline constexpr std::uint16_t kUnverifiable = 256;
inline constexpr std::uint16_t kPartial = 512;
// The bits that a STATUS event sets, and those of them that the next one takes back: that a
// snapshot is pending ends with the snapshot alone.
inline constexpr std::uint16_t kTaken = kHalted | kAuction | kUnverifiable;
inline constexpr std::uint16_t kByEvent = kSnapshotPending | kTaken;
// The bits after which a number should not be trusted; the others are told, not bad.
inline constexpr std::uint16_t kBad =
    kSnapshotPending | kGap | kCrossed | kOneSided | kStale | kHalted | kAuction;
}  // namespace status

using NamedCode = std::pair<std::string_view, std::uint16_t>;

inline constexpr std::array<NamedCode, 10> kActionNames{{{"ADD", 1},
                                                         {"CANCEL", 2},
                                                         {"DELETE", 3},
                                                         {"MODIFY", 4},
                                                         {"EXECUTE", 5},
                                                         {"TRADE", 6},
                                                         {"LEVEL", 7},
                                                         {"QUOTE", 8},
                                                         {"CLEAR", 9},
                                                         {"STATUS", 10}}};
inline constexpr std::array<NamedCode, 3> kSideNames{{{"NONE", 0}, {"BID", 1}, {"ASK", 2}}};
inline constexpr std::array<NamedCode, 8> kFlagNames{{{"LAST", flag::kLast},
                                                      {"SNAPSHOT", flag::kSnapshot},
                                                      {"GAP", flag::kGap},
                                                      {"FILL", flag::kFill},
                                                      {"HIDDEN", flag::kHidden},
                                                      {"AUCTION", flag::kAuction},
                                                      {"OFF_BOOK", flag::kOffBook},
                                                      {"BROKEN", flag::kBroken}}};
inline constexpr std::array<NamedCode, 10> kStatusNames{
    {{"SNAPSHOT_PENDING", status::kSnapshotPending},
     {"GAP", status::kGap},
     {"CROSSED", status::kCrossed},
     {"LOCKED", status::kLocked},
     {"ONE_SIDED", status::kOneSided},
     {"STALE", status::kStale},
     {"HALTED", status::kHalted},
     {"AUCTION", status::kAuction},
     {"UNVERIFIABLE", status::kUnverifiable},
     {"PARTIAL", status::kPartial}}};

[[nodiscard]] constexpr std::string_view name_of(Action action) {
    const auto i = static_cast<std::size_t>(action) - 1;
    return i < kActionNames.size() ? kActionNames[i].first : "invalid";
}

struct Event {
    Nanos ts;                  // since the epoch, UTC; never decreases
    Nanos ts_venue = kNoTime;  // the venue's own stamp, kNoTime when not sent
    OrderId order_id = kNoOrder;
    Price price = kNoPrice;
    Size size;
    std::uint32_t instrument = 0;
    Action action{};
    Side side = Side::None;
    std::uint16_t flags = flag::kLast;

    [[nodiscard]] constexpr bool has(std::uint16_t bits) const { return (flags & bits) != 0; }
};
static_assert(sizeof(Event) == 48 && alignof(Event) == 8, "an event has no padding");

}  // namespace bookflow
