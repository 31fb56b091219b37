// What counts as one trade: every print, or all the fills of one aggressor order. Feeds seldom name
// that order; its fills are the prints with the same stamp and side, one after another.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "bookflow/book_update.hpp"
#include "bookflow/flow.hpp"

namespace bookflow {

enum class Fills : std::uint8_t { Each, Aggressor };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(Fills) {
    return {"each", "aggressor"};
}
inline constexpr const char* kFillsMeaning =
    "whether every print is a trade, or those of one stamp and side that follow one another";

// Whether a print goes on with the trade before it.
class FillRun {
public:
    explicit FillRun(Fills fills) : whole_(fills == Fills::Aggressor) {}

    [[nodiscard]] bool goes_on(const Moment& now, const Print& print) {
        if (!whole_) return false;
        const bool on = now.ts == ts_ && print.aggressor == side_ && ts_ != kNoTime;
        ts_ = now.ts;
        side_ = print.aggressor;
        return on;
    }
    void cut() { ts_ = kNoTime; }

    template <class V>
    void visit(V& v) {
        if (whole_) v(ts_, side_);
    }

private:
    bool whole_;
    Nanos ts_ = kNoTime;  // of the print before
    Side side_ = Side::None;
};

// One trade as its prints come in, for sums over a window: it belongs to where it began, and what a
// print adds to it is added there. A window that begins anew parts it.
class FillSizes {
public:
    struct Grown {
        Moment at;   // of the trade's first print
        i64 before;  // its size without this print
        i64 after;
        bool begins;
    };

    FillSizes(Fills fills, const Window& window) : run_(fills), window_(window) {}

    [[nodiscard]] Grown add(const Moment& now, const Print& print) {
        const i64 size = print.size.raw;
        const bool begins = !run_.goes_on(now, print);
        if (begins) {
            at_ = now;
            size_ = 0;
        }
        const i64 before = size_;
        size_ = std::min(size_ + size, kMaxSize);
        return {at_, before, size_, begins};
    }
    void restart(Restart what) {
        const bool row = what == Restart::Row && window_.kind == Window::Kind::Row;
        if (row || restarts(window_, what)) run_.cut();
    }

    template <class V>
    void visit(V& v) {
        v(run_, at_, size_);
        if constexpr (V::kReading) {
            v.require(size_ >= 0 && size_ <= kMaxSize, "a trade's size is out of range");
        }
    }

private:
    FillRun run_;
    Window window_;
    Moment at_;
    i64 size_ = 0;
};

}  // namespace bookflow
