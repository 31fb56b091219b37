// Bars of prints on arrays: open, high, low, close, volume and who traded it, between the rows that
// a clock would write if every print were an atomic event.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "bookflow/event_columns.hpp"
#include "bookflow/row_clock.hpp"

namespace bookflow {

struct Bar {
    i64 ts = kNone;     // its row's: the grid point, or the last print's time
    i64 start = kNone;  // of its first print
    i64 end = kNone;    // of its last
    i64 first = 0;      // which print it begins with
    i64 trades = 0;
    i64 open = 0;
    i64 high = 0;
    i64 low = 0;
    i64 close = 0;
    i64 volume = 0;
    i64 buy = 0;
    i64 sell = 0;
    double vwap = kNaN;
    bool partial = false;  // its row was not due yet
};

class BarBuilder {
public:
    BarBuilder(const Clock& clock, i64 origin, const Instrument& instrument, const Sign& sign)
        : clock_(clock, origin, instrument), signer_(sign) {}

    void step(i64 ts, const Print& print) {
        if (clock_.anchored() && clock_.next() < ts) {
            if (open_) close(clock_.next());
            clock_.skip_to(ts);
        }
        clock_.anchor(ts, kNone);
        now_.ts = Nanos(ts);
        gather(print);
        const std::span<const Print> event(&print, 1);
        clock_.sign(now_, event);
        if (clock_.due(false, event)) close(ts);
    }
    // The bar whose row is not due yet.
    void finish() {
        if (!open_) return;
        bar_.partial = true;
        close(bar_.end);
    }
    [[nodiscard]] std::vector<Bar> take() { return std::move(bars_); }

private:
    void gather(const Print& print) {
        const i64 price = print.price.raw;
        if (!open_) {
            bar_ = {};
            bar_.start = now_.ts.raw;
            bar_.first = prints_;
            bar_.open = bar_.high = bar_.low = price;
            notional_ = 0;
            open_ = true;
        }
        bar_.end = now_.ts.raw;
        bar_.trades += 1;
        bar_.high = std::max(bar_.high, price);
        bar_.low = std::min(bar_.low, price);
        bar_.close = price;
        const i64 size = print.size.raw;
        if (size > std::numeric_limits<i64>::max() - bar_.volume) {
            throw SizeOverflow("the volume of a bar exceeds 2^63 size units", prints_);
        }
        bar_.volume += size;
        const Side side = signer_(now_, print);
        if (side == Side::Bid) bar_.buy += size;
        if (side == Side::Ask) bar_.sell += size;
        notional_ += i128{price} * size;  // at most 2^61 x 2^63
        prints_ += 1;
    }
    void close(i64 ts) {
        bar_.ts = ts;
        bar_.vwap = ratio(notional_, bar_.volume);
        bars_.push_back(bar_);
        open_ = false;
    }

    RowClock clock_;
    Signer signer_;
    Moment now_;
    bool open_ = false;
    Bar bar_;
    i128 notional_ = 0;
    i64 prints_ = 0;
    std::vector<Bar> bars_;
};

}  // namespace bookflow
