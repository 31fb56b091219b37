// Where a value stands among those that came so far, #{v <= x} / N, and the alarm that a rank rings.
//
// The past is kept in its order and sorted beside that: a rank is a binary search, and a value in
// or out moves what stands behind it, at most `most` doubles (8 kB of a thousand: less than a
// microsecond). Nothing is approximated: what is older than the last `most` values is forgotten.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "bookflow/decimal.hpp"
#include "bookflow/flow.hpp"
#include "bookflow/state.hpp"

namespace bookflow {

// How many values of a sorted stretch are below x, or at most x. Halved without a branch: which half
// it is nobody can guess, and a wrong guess costs more than a step. The last steps would wait for
// each other as well: of the last few values all are compared, two at once.
template <bool OrEqual>
[[nodiscard]] inline std::ptrdiff_t count_below(const std::vector<double>& values, double x) {
    constexpr std::size_t few = 32;
    const auto below = [x](double v) { return OrEqual ? v <= x : v < x; };
    const double* const data = values.data();
    if (values.size() <= few) return std::count_if(data, data + values.size(), below);
    const double* at = data;
    for (std::size_t n = values.size(); n > few;) {
        const std::size_t half = n / 2;
        at += half & -static_cast<std::size_t>(below(at[half - 1]));
        n -= half;
    }
    // no fewer than `few`: what stands before `at` is below, what stands too far is not
    at = std::min(at, data + values.size() - few);
    using Two [[gnu::vector_size(16)]] = double;
    using Counts [[gnu::vector_size(16)]] = long long;
    Counts counts{};
    for (std::size_t i = 0; i < few; i += 2) {
        const Two two{at[i], at[i + 1]};
        counts -= OrEqual ? two <= x : two < x;
    }
    return at - data + counts[0] + counts[1];
}

// Against the last `most` values, the current one included. NaN is no value.
class RunningRank {
public:
    explicit RunningRank(int most) : most_(static_cast<std::size_t>(most)) {}

    double step(double x) {
        if (std::isnan(x)) return kNaN;
        x += 0.0;  // no -0.0: values that are equal are one value to the bit
        const auto to = sorted_.begin() + count_below<true>(sorted_, x);
        auto at = to - sorted_.begin();  // of x
        if (past_.size() == most_) {
            // what lies between the oldest and x moves by one place, and nothing else does
            const double oldest = past_.front();
            const auto from = sorted_.begin() + count_below<false>(sorted_, oldest);
            past_.pop_front();
            if (from < to) {
                std::move(from + 1, to, from);
                --at;
            } else {
                std::move_backward(to, from, from + 1);
            }
            sorted_[static_cast<std::size_t>(at)] = x;
        } else {
            sorted_.insert(to, x);
        }
        past_.push_back(x);
        return static_cast<double>(at + 1) / static_cast<double>(sorted_.size());
    }
    [[nodiscard]] std::size_t size() const { return sorted_.size(); }
    // Between the values at (n - 1) q, interpolated linearly; there is one at least.
    [[nodiscard]] double quantile(double q) const {
        const double at = static_cast<double>(sorted_.size() - 1) * q;
        const auto below = static_cast<std::size_t>(at);
        const double part = at - static_cast<double>(below);
        if (part == 0.0) return sorted_[below];
        return sorted_[below] + part * (sorted_[below + 1] - sorted_[below]);
    }
    void clear() {
        past_.clear();
        sorted_.clear();
    }

    template <class V>
    void visit(V& v) {
        v(past_);
        if constexpr (V::kReading) {
            bool holds = past_.size() <= most_;
            sorted_.clear();  // not believed twice
            for (std::size_t i = 0; i < past_.size(); ++i) {
                holds = holds && !std::isnan(past_[i]);
                sorted_.push_back(past_[i]);
            }
            v.require(holds, "the values of a rank are invalid");
            std::sort(sorted_.begin(), sorted_.end());
        }
    }

private:
    std::size_t most_;
    Ring<double> past_;
    std::vector<double> sorted_;
};

// Rings when a value reaches `level` from below; rings again only after one below `back`. The first
// value rings nothing: where it came from is not known. NaN is no value.
class LevelAlarm {
public:
    LevelAlarm(double level, double back) : level_(level), back_(back) {}

    [[nodiscard]] bool step(double x) {
        if (x < back_) armed_ = true;
        if (!armed_ || !(x >= level_)) return false;
        armed_ = false;
        return true;
    }
    void clear() { armed_ = false; }

    template <class V>
    void visit(V& v) {
        v(armed_);
    }

private:
    double level_;
    double back_;
    bool armed_ = false;
};

}  // namespace bookflow
