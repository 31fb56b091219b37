// Aggregates of floats over a window.
//
// What floats add up to depends on the order, and what is taken away again leaves its rounding
// behind. So nothing is taken away: an aggregate is only ever merged with another one, and a keyed
// window keeps two stacks of them. The older samples have the aggregate of each of them with all
// that came after it, the newer ones a running one; when the older are used up the newer become the
// older. Amortised that is two merges a sample.
//
// An aggregate A has: Sample (an array of doubles), of(sample), merged(a, b) with a the older one,
// visit, and scaled(factor) where it can decay. A{} is the aggregate of nothing.
#pragma once

#include <cmath>
#include <vector>

#include "bookflow/flow.hpp"

namespace bookflow {

template <class A>
class Fold {
public:
    using Sample = typename A::Sample;

    explicit Fold(const Window& window) : window_(window) {}

    void add(const Moment& now, const Sample& x) {
        if (window_.kind == Window::Kind::Last) {
            const i64 key = now.key(window_.span.of);
            evict(key);
            samples_.push_back({key, x});
            newer_ = merged(newer_, A::of(x));
        } else if (window_.kind == Window::Kind::Decayed) {
            const i64 key = now.key(window_.span.of);
            if constexpr (requires(A a) { a.scaled(1.0); }) {
                newer_ = merged(newer_.scaled(decay(key)), A::of(x));
            }
            last_key_ = key;
        } else {
            newer_ = merged(newer_, A::of(x));
        }
    }

    // As of now; reading changes nothing, not even how later samples are merged.
    [[nodiscard]] A read(const Moment& now) const {
        if (window_.kind == Window::Kind::Decayed) {
            if constexpr (requires(A a) { a.scaled(1.0); }) {
                return newer_.scaled(decay(now.key(window_.span.of)));
            }
        }
        if (window_.kind != Window::Kind::Last) return newer_;
        std::size_t out = left(now);
        if (out < older_.size()) return merged(older_[older_.size() - 1 - out], newer_);
        if (out == older_.size()) return newer_;
        A all;
        for (; out < samples_.size(); ++out) all = merged(all, A::of(samples_[out].x));
        return all;
    }

    // The oldest sample in a keyed window, nullptr if there is none.
    [[nodiscard]] const Sample* oldest(const Moment& now) const {
        const std::size_t out = left(now);
        return out < samples_.size() ? &samples_[out].x : nullptr;
    }
    [[nodiscard]] i64 oldest_key(const Moment& now) const { return samples_[left(now)].key; }

    void restart(Restart what) {
        const bool row = what == Restart::Row && window_.kind == Window::Kind::Row;
        if (row || restarts(window_, what)) clear();
    }
    void clear() { *this = Fold(window_); }

    template <class V>
    void visit(V& v) {
        auto older = static_cast<u64>(older_.size());
        v(samples_, older, last_key_);
        if (window_.kind != Window::Kind::Last) {
            v(newer_);
        } else if constexpr (V::kReading) {  // aggregates of samples are not believed twice
            v.require(plausible() && older <= samples_.size(), "a window's samples are invalid");
            make_older(static_cast<std::size_t>(older));
        }
        if constexpr (V::kReading) {
            v.require(last_key_ >= 0 && last_key_ < kMaxTime, "a key is out of range");
        }
    }

private:
    struct Keyed {
        i64 key = 0;
        Sample x{};

        template <class V>
        void visit(V& v) {
            v(key, x);
        }
    };

    [[nodiscard]] bool plausible() const {
        bool holds = true;
        i64 before = 0;
        for (std::size_t i = 0; i < samples_.size(); ++i) {
            holds = holds && samples_[i].key >= before && samples_[i].key < kMaxTime;
            for (const double x : samples_[i].x) holds = holds && std::isfinite(x);
            before = samples_[i].key;
        }
        return holds;
    }
    // How many samples have left a keyed window by now.
    [[nodiscard]] std::size_t left(const Moment& now) const {
        const i64 since = now.key(window_.span.of) - window_.span.count;
        std::size_t out = 0;
        while (out < samples_.size() && samples_[out].key <= since) ++out;
        return out;
    }
    void evict(i64 key) {
        while (!samples_.empty() && samples_.front().key <= key - window_.span.count) {
            if (older_.empty()) make_older(samples_.size());
            samples_.pop_front();
            older_.pop_back();
        }
    }
    // The first n samples become the older ones.
    void make_older(std::size_t n) {
        older_.clear();
        A sum;
        for (std::size_t i = n; i-- > 0;) {
            sum = merged(A::of(samples_[i].x), sum);
            older_.push_back(sum);
        }
        newer_ = A{};
        for (std::size_t i = n; i < samples_.size(); ++i) {
            newer_ = merged(newer_, A::of(samples_[i].x));
        }
    }
    [[nodiscard]] double decay(i64 key) const {
        return exp2_minus(static_cast<double>(key - last_key_) /
                          static_cast<double>(window_.span.count));
    }

    Window window_;
    Ring<Keyed> samples_;
    std::vector<A> older_;  // the oldest sample's, with all of the older ones, is the last
    A newer_;
    i64 last_key_ = 0;  // of the last sample, where they decay
};

// Mean and the sum of squared distances from it (Chan, Golub and LeVeque 1979); with decay a
// sample's weight is what is left of it. `pairs` is the sum of w_i w_j over all i != j, which is
// (sum w)^2 - sum w^2 without the subtraction.
struct Moments {
    using Sample = std::array<double, 1>;

    double weight = 0;
    double pairs = 0;
    double mean = 0;
    double squares = 0;

    [[nodiscard]] static Moments of(const Sample& x) { return {1.0, 0.0, x[0], 0.0}; }
    [[nodiscard]] Moments scaled(double factor) const {
        return {weight * factor, pairs * factor * factor, mean, squares * factor};
    }
    // Of a sample; the divisor, sum w - sum w^2 / sum w, is n - 1 where all weights are 1.
    [[nodiscard]] double variance() const {
        return pairs > 0.0 ? squares / (pairs / weight) : kNaN;
    }
    [[nodiscard]] double known_mean() const { return weight > 0.0 ? mean : kNaN; }

    template <class V>
    void visit(V& v) {
        v(weight, pairs, mean, squares);
        if constexpr (V::kReading) {
            v.require(weight >= 0.0 && pairs >= 0.0 && squares >= 0.0 && !std::isnan(mean),
                      "the moments of a window are invalid");
        }
    }
};
[[nodiscard]] inline Moments merged(const Moments& a, const Moments& b) {
    if (!(a.weight > 0.0)) return b;
    if (!(b.weight > 0.0)) return a;
    const double weight = a.weight + b.weight;
    const double apart = b.mean - a.mean;
    return {weight, a.pairs + b.pairs + 2.0 * a.weight * b.weight,
            a.mean + apart * (b.weight / weight),
            a.squares + b.squares + apart * apart * (a.weight * b.weight / weight)};
}

}  // namespace bookflow
