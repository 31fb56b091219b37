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

// #{v <= x} / N over values in ascending order; NaN over none.
[[nodiscard]] inline double share_at_most(const std::vector<double>& sorted, double x) {
    if (sorted.empty() || std::isnan(x)) return kNaN;
    const auto above = std::upper_bound(sorted.begin(), sorted.end(), x);
    return static_cast<double>(above - sorted.begin()) / static_cast<double>(sorted.size());
}

// Against the last `most` values, the current one included. NaN is no value.
class RunningRank {
public:
    explicit RunningRank(int most) : most_(static_cast<std::size_t>(most)) {}

    double step(double x) {
        if (std::isnan(x)) return kNaN;
        x += 0.0;  // no -0.0: values that are equal are one value to the bit
        const auto to = std::upper_bound(sorted_.begin(), sorted_.end(), x);
        auto at = to - sorted_.begin();  // of x
        if (past_.size() == most_) {
            // what lies between the oldest and x moves by one place, and nothing else does
            const auto from = std::lower_bound(sorted_.begin(), sorted_.end(), past_.front());
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

// Against values that were known before, which stay as they are.
class FrozenRank {
public:
    explicit FrozenRank(std::vector<double> reference) : sorted_(std::move(reference)) {
        std::erase_if(sorted_, [](double x) { return std::isnan(x); });
        std::sort(sorted_.begin(), sorted_.end());
    }
    [[nodiscard]] double step(double x) const { return share_at_most(sorted_, x); }

private:
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
