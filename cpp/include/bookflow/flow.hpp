// Sums over a window, exact for integers.
//
// Every window is one of three things: a plain sum with a moment at which it restarts (row,
// session, never), a keyed window - samples with key > now - width, where the key is the time, the
// number of atomic events or the number of trades so far - or an exponentially decayed sum.
// A keyed window keeps the samples that are inside it in a ring; samples of zero change no sum and
// are not kept. All costs are amortised O(1) an added sample.
#pragma once

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "bookflow/exponential.hpp"
#include "bookflow/span.hpp"
#include "bookflow/state.hpp"

namespace bookflow {

// Where the stream stands: what the windows are measured in.
struct Moment {
    Nanos ts = kNoTime;
    i64 event = 0;           // atomic events so far
    i64 trade = 0;           // prints so far
    Nanos opened = kNoTime;  // when the session began; kNoTime: there are none

    [[nodiscard]] i64 key(Span::Of of) const {
        return of == Span::Of::Time ? ts.raw : of == Span::Of::Events ? event : trade;
    }

    template <class V>
    void visit(V& v) {
        v(ts, event, trade, opened);
        if constexpr (V::kReading) {
            v.require(event >= 0 && event < kMaxTime && trade >= 0 && trade < kMaxTime,
                      "a count is out of range");
        }
    }
};

// What the calculators are told to forget.
enum class Restart : std::uint8_t {
    Row,         // a row was written
    FirstState,  // the next good state is a first state: nothing is differenced across
    Session,     // a session ended
};

// Whether a sum over this window has to find a first state again.
[[nodiscard]] inline bool restarts(const Window& window, Restart what) {
    return what == Restart::Session && window.kind != Window::Kind::Forever;
}

// A queue over one block of memory that only grows while a window does.
template <class T>
class Ring {
public:
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] const T& front() const { return items_[head_]; }
    [[nodiscard]] T& back() { return items_[(head_ + size_ - 1) & (items_.size() - 1)]; }
    [[nodiscard]] const T& operator[](std::size_t i) const {
        return items_[(head_ + i) & (items_.size() - 1)];
    }
    void pop_front() {
        head_ = (head_ + 1) & (items_.size() - 1);
        --size_;
    }
    void push_back(const T& item) {
        if (size_ == items_.size()) grow();
        items_[(head_ + size_++) & (items_.size() - 1)] = item;
    }
    void clear() { head_ = size_ = 0; }

    template <class V>
    void visit(V& v) {
        std::vector<T> in_order;
        if constexpr (V::kReading) {
            v(in_order);
            clear();
            for (const T& item : in_order) push_back(item);
        } else {
            for (std::size_t i = 0; i < size_; ++i) in_order.push_back((*this)[i]);
            v(in_order);
        }
    }

private:
    void grow() {
        std::vector<T> larger(std::max<std::size_t>(16, items_.size() * 2));
        for (std::size_t i = 0; i < size_; ++i) larger[i] = (*this)[i];
        items_ = std::move(larger);
        head_ = 0;
    }

    std::vector<T> items_;
    std::size_t head_ = 0;
    std::size_t size_ = 0;
};

// n / d of exact or of decayed sums; NaN where d is zero.
[[nodiscard]] inline double quotient(i128 n, i128 d) { return ratio(n, d); }
[[nodiscard]] inline double quotient(double n, double d) { return d == 0.0 ? kNaN : n / d; }

// K sums over one window. T is the type of one increment: i64 for sizes, i128 for price x size.
template <int K, class T = i64>
class Flow {
public:
    using Increment = std::array<T, K>;

    explicit Flow(const Window& window) : window_(window) {}

    void add(const Moment& now, const Increment& x) {
        switch (window_.kind) {
            case Window::Kind::Row:
            case Window::Kind::Session:
            case Window::Kind::Forever: accumulate(x); return;
            case Window::Kind::Last: break;
            case Window::Kind::Decayed: decay_and_add(now, x); return;
        }
        if (x == Increment{}) return;
        const i64 key = now.key(window_.span.of);
        evict(key);
        accumulate(x);
        if (!samples_.empty() && samples_.back().key == key && merged(samples_.back().x, x)) return;
        samples_.push_back({key, x});
    }

    // f(sum, ...) with the sums as they stand now: i128 where they are exact, double where they
    // decay. Reading changes no later bit: what is decayed is a copy, what has left an exact window
    // has left it for good.
    template <class F>
    [[nodiscard]] double read(const Moment& now, F f) {
        if (window_.kind == Window::Kind::Decayed) return std::apply(f, decayed(now));
        if (window_.kind == Window::Kind::Last) evict(now.key(window_.span.of));
        if (lost_) return kNaN;
        return std::apply(f, sums_);
    }

    void restart(Restart what) {
        const bool row = what == Restart::Row && window_.kind == Window::Kind::Row;
        if (row || restarts(window_, what)) clear();
    }
    void clear() {
        sums_ = {};
        decayed_ = {};
        samples_.clear();
        last_key_ = 0;
        any_ = lost_ = false;
    }

    template <class V>
    void visit(V& v) {
        v(decayed_, samples_, last_key_, any_, lost_);
        // The sums of a keyed window are those of its samples: they are not believed twice.
        if (window_.kind != Window::Kind::Last) {
            v(sums_);
        } else if constexpr (V::kReading) {
            sums_ = {};
            for (std::size_t i = 0; i < samples_.size(); ++i) accumulate(samples_[i].x);
        }
        if constexpr (V::kReading) v.require(plausible(), "a window's sums are out of range");
    }

private:
    struct Sample {
        i64 key = 0;
        Increment x{};

        template <class V>
        void visit(V& v) {
            v(key, x);
        }
    };

    [[nodiscard]] bool plausible() const {
        constexpr i128 far = i128{1} << 123;
        bool holds = last_key_ >= 0 && last_key_ < kMaxTime;
        for (const i128 sum : sums_) holds = holds && sum > -far && sum < far;
        i64 before = 0;
        for (std::size_t i = 0; i < samples_.size(); ++i) {
            holds = holds && samples_[i].key >= before && samples_[i].key < kMaxTime;
            before = samples_[i].key;
        }
        return holds;
    }
    // Adds x to the sample unless that would overflow.
    [[nodiscard]] static bool merged(Increment& sample, const Increment& x) {
        Increment sum{};
        for (std::size_t k = 0; k < K; ++k) {
            if (__builtin_add_overflow(sample[k], x[k], &sum[k])) return false;
        }
        sample = sum;
        return true;
    }
    // Sums of price x size could leave 128 bits at the far end of both ranges: the sum is lost
    // then, and NaN says so until the window restarts.
    // Sums of sizes cannot: that would take 2^59 of them.
    void accumulate(const Increment& x) {
        constexpr i128 far = i128{1} << 122;
        if constexpr (sizeof(T) == sizeof(i64)) {
            for (std::size_t k = 0; k < K; ++k) sums_[k] += x[k];
        } else {
            if (lost_) return;
            for (std::size_t k = 0; k < K; ++k) {
                sums_[k] += x[k];
                lost_ = lost_ || sums_[k] > far || sums_[k] < -far;
            }
        }
    }
    void evict(i64 now) {
        while (!samples_.empty() && samples_.front().key <= now - window_.span.count) {
            for (std::size_t k = 0; k < K; ++k) sums_[k] -= samples_.front().x[k];
            samples_.pop_front();
        }
    }
    [[nodiscard]] double decay(i64 elapsed) const {
        return exp2_minus(static_cast<double>(elapsed) / static_cast<double>(window_.span.count));
    }
    [[nodiscard]] std::array<double, K> decayed(const Moment& now) const {
        std::array<double, K> out = decayed_;
        if (any_) {
            const double factor = decay(now.key(window_.span.of) - last_key_);
            for (double& x : out) x *= factor;
        }
        return out;
    }
    void decay_and_add(const Moment& now, const Increment& x) {
        if (x == Increment{}) return;
        const i64 key = now.key(window_.span.of);
        const double factor = any_ ? decay(key - last_key_) : 0.0;
        for (std::size_t k = 0; k < K; ++k) {
            decayed_[k] = decayed_[k] * factor + static_cast<double>(x[k]);
        }
        last_key_ = key;
        any_ = true;
    }

    Window window_;
    std::array<i128, K> sums_{};
    std::array<double, K> decayed_{};
    Ring<Sample> samples_;
    i64 last_key_ = 0;
    bool any_ = false;   // a decayed sum has a sample
    bool lost_ = false;  // a sum left 128 bits
};

}  // namespace bookflow
