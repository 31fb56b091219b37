// The book's status at a moment, everything seen since the last row, and how long it was clean.
#pragma once

#include "bookflow/book_update.hpp"

namespace bookflow {

class MarketStatus {
public:
    [[nodiscard]] std::uint16_t bits() const { return held_ | from_book_ | stale_; }
    [[nodiscard]] std::uint16_t seen() const { return seen_; }
    // Nothing may be differenced while the book is known to be incomplete.
    [[nodiscard]] bool incomplete() const {
        return (held_ & (status::kGap | status::kSnapshotPending)) != 0;
    }
    // ns since the status was last bad, 0 while it is.
    [[nodiscard]] i64 clean(i64 ts) const {
        return (bits() & status::kBad) != 0 || bad_until_ == kNone ? 0 : ts - bad_until_;
    }

    void status_event(i64 size) {
        calm_ = false;
        const auto given = static_cast<std::uint16_t>(size);
        held_ = static_cast<std::uint16_t>((held_ & ~status::kTaken) | (given & status::kByEvent));
        until_two_sided_ = (given & status::kUnverifiable) != 0 && (given & status::kOneSided) != 0;
    }
    void gap() {
        held_ |= status::kGap;
        gap_seen_ = true;
        calm_ = false;
    }
    // Nothing has come for too long; until the next LAST.
    void stale() {
        stale_ = status::kStale;
        seen_ |= status::kStale;
        calm_ = false;
    }
    void snapshot_complete() {
        held_ &= static_cast<std::uint16_t>(~(status::kGap | status::kSnapshotPending));
    }

    // At the LAST of an atomic event. Returns whether the book has just become crossed.
    bool settle(i64 ts, bool has_book, const Quotes& quotes, bool best_changed) {
        if (calm_ && !best_changed) return false;
        const std::uint16_t before = settled_ | stale_;
        stale_ = 0;
        from_book_ = 0;
        if (has_book) {
            if (!quotes.two_sided()) from_book_ |= status::kOneSided;
            if (quotes.crossed()) from_book_ |= status::kCrossed;
            if (quotes.locked()) from_book_ |= status::kLocked;
            if (until_two_sided_ && quotes.two_sided()) {
                held_ &= static_cast<std::uint16_t>(~status::kUnverifiable);
                until_two_sided_ = false;
            }
        }
        seen_ |= bits();
        if (gap_seen_) seen_ |= status::kGap;
        if (bad_until_ == kNone || gap_seen_ || ((before | bits()) & status::kBad) != 0) {
            bad_until_ = ts;
        }
        gap_seen_ = false;
        settled_ = bits();
        // Nothing was wrong, and nothing can be before the quotes change or an event says so.
        calm_ = has_book && settled_ == 0 && !until_two_sided_;
        return (from_book_ & status::kCrossed) != 0 && (before & status::kCrossed) == 0;
    }
    void row_written() { seen_ = bits(); }

    template <class V>
    void visit(V& v) {
        v(held_, from_book_, stale_, settled_, seen_, gap_seen_, until_two_sided_, bad_until_);
        if constexpr (V::kReading) {
            v.require((stale_ & ~status::kStale) == 0, "a status is invalid");
            calm_ = false;
            v.require(bad_until_ == kNone || (bad_until_ >= 0 && bad_until_ < kMaxTime),
                      "a time is out of range");
        }
    }

private:
    std::uint16_t held_ = 0;       // set and taken back by events
    std::uint16_t from_book_ = 0;  // recomputed at each LAST
    std::uint16_t stale_ = 0;      // set by time, taken back at each LAST
    std::uint16_t settled_ = 0;    // both at the LAST before: events change what is held
    std::uint16_t seen_ = 0;
    bool gap_seen_ = false;
    bool until_two_sided_ = false;
    bool calm_ = false;      // derived: settling again would change nothing
    i64 bad_until_ = kNone;  // kNone: nothing was seen yet
};

}  // namespace bookflow
