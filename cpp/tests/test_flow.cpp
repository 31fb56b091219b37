// Windows: every sum against the sum over all samples so far, recomputed; the grammar of spans; the
// core's own exponentials against long double.
#include <cmath>
#include <string>
#include <vector>

#include "bookflow/clock.hpp"
#include "bookflow/exponential.hpp"
#include "bookflow/flow.hpp"
#include "bookflow/span.hpp"
#include "check.hpp"

using bookflow::Clock;
using bookflow::Flow;
using bookflow::i128;
using bookflow::i64;
using bookflow::Moment;
using bookflow::Nanos;
using bookflow::Restart;
using bookflow::Span;
using bookflow::Window;

namespace {

struct Sample {
    i64 key;
    std::array<i64, 2> x;
};

std::array<i128, 2> sums(const std::vector<Sample>& samples, i64 after) {
    std::array<i128, 2> out{};
    for (const Sample& sample : samples) {
        if (sample.key <= after) continue;
        for (std::size_t k = 0; k < 2; ++k) out[k] += sample.x[k];
    }
    return out;
}

// The sums as a calculator reads them: i128 of an exact window, double of a decayed one.
template <class T>
std::array<T, 2> read(Flow<2>& flow, const Moment& now) {
    std::array<T, 2> out{};
    static_cast<void>(flow.read(now, [&](auto first, auto second) {
        out = {static_cast<T>(first), static_cast<T>(second)};
        return 0.0;
    }));
    return out;
}

Flow<2> restored(const Flow<2>& flow, const Window& window) {
    Flow<2> out(window);
    bookflow::StateEnvelope(bookflow::save_state("Flow", flow)).load("Flow", out);
    return out;
}

void exact_windows() {
    for (const char* text :
         {"row", "session", "None", "1ns", "40ns", "1events", "7events", "3trades"}) {
        const Window window = *Window::parse(text);
        CHECK(Window::parse(window.text()) == window);
        Flow<2> flow(window);
        std::vector<Sample> samples;  // since the last restart that this window knows
        test::Random random(4);
        Moment now{Nanos(0), 0, 0};
        for (long i = test::operations(20'000) / 10; i > 0; --i) {
            now.ts += Nanos(random.between(0, 9));
            now.event += random.between(0, 2);
            now.trade += random.between(0, 2);
            if (random.chance(5)) {
                flow.restart(Restart::Row);
                if (window.kind == Window::Kind::Row) samples.clear();
            }
            if (random.chance(2)) {
                flow.restart(Restart::FirstState);
                flow.restart(Restart::Session);
                if (window.kind != Window::Kind::Forever) samples.clear();
            }
            if (random.chance(3)) flow = restored(flow, window);
            const i64 big = i64{1} << 61;  // of prices and sizes no more is let in
            const std::array<i64, 2> x{random.between(-2, 2), random.between(-big, big)};
            flow.add(now, x);
            const bool keyed = window.kind == Window::Kind::Last;
            samples.push_back({keyed ? now.key(window.span.of) : 0, x});
            // A read later than the sample must forget what has left the window by then.
            Moment later = now;
            if (random.chance(30)) {
                later.ts += Nanos(random.between(0, 50));
                now = later;
            }
            const i64 after = keyed ? later.key(window.span.of) - window.span.count : -1;
            CHECK(read<i128>(flow, later) == sums(samples, after));
        }
    }
}

void decayed_windows() {
    for (const char* text : {"ew:30ns", "ew:5events"}) {
        const Window window = *Window::parse(text);
        Flow<2> flow(window);
        std::vector<Sample> samples;
        test::Random random(5);
        Moment now{Nanos(0), 0, 0};
        for (int i = 0; i < 500; ++i) {
            now.ts += Nanos(random.between(0, 9));
            now.event += random.between(0, 2);
            const std::array<i64, 2> x{random.between(-9, 9), random.between(0, 1)};
            const auto before = read<double>(flow, now);
            CHECK(read<double>(flow, now) == before);  // a read changes nothing
            flow.add(now, x);
            samples.push_back({now.key(window.span.of), x});
            if (i % 50 == 0) flow = restored(flow, window);
            long double exact = 0;
            long double size = 1;
            for (const Sample& sample : samples) {
                const auto age = static_cast<long double>(now.key(window.span.of) - sample.key);
                const long double weight =
                    std::exp2(-age / static_cast<long double>(window.span.count));
                exact += static_cast<long double>(sample.x[0]) * weight;
                size += std::abs(static_cast<long double>(sample.x[0])) * weight;
            }
            CHECK(std::abs(static_cast<long double>(read<double>(flow, now)[0]) - exact) <
                  size * 1e-13L);
        }
        flow.restart(Restart::Session);
        CHECK(read<double>(flow, now)[0] == 0.0);
    }
}

void exponentials() {
    test::Random random(6);
    const auto close = [](double x, long double exact) {
        return std::abs(static_cast<long double>(x) - exact) <= exact * 4.5e-16L;  // 2 ulp
    };
    for (long i = test::operations(100'000); i > 0; --i) {
        const double x = std::ldexp(static_cast<double>(random.bits() >> 11), -53) *
                         std::ldexp(1.0, static_cast<int>(random.between(-10, 9)));
        CHECK(close(bookflow::exp2_minus(x), std::exp2(-static_cast<long double>(x))));
        CHECK(close(bookflow::exp_minus(x), std::exp(-static_cast<long double>(x))));
    }
    CHECK(bookflow::exp2_minus(0) == 1.0);
    CHECK(bookflow::exp2_minus(1) == 0.5);
    CHECK(bookflow::exp2_minus(1074) == 0x1p-1074);
    CHECK(bookflow::exp2_minus(1e300) == 0.0);
    CHECK(bookflow::exp_minus(0) == 1.0);
    CHECK(bookflow::exp_minus(800) == 0.0);
}

void grammar() {
    CHECK(Span::parse("10s")->count == 10'000'000'000);
    CHECK(Span::parse("0.5s")->count == 500'000'000);
    CHECK(Span::parse("100ms")->text() == "100ms");
    CHECK(Span::parse("1000ms")->text() == "1s");
    CHECK(Span::parse("1d")->text() == "1d");
    CHECK(Span::parse("0.25volume")->text() == "0.25volume");
    for (const char* text : {"", "s", "10", "10 s", "-1s", "0s", "0.5events", "1e3s", "0.1ns",
                             "10sec", "106752d", "1.2.3s", "volume", ".s"}) {
        CHECK(!Span::parse(text));
    }
    for (const char* text :
         {"event", "best", "trade", "10s", "100events", "500trades", "1000volume", "0.5value",
          "run(of=value, trades=5, min_trades=1, max_trades=9, prints=7, bars=3, sign=emo:2s)"}) {
        CHECK(Clock::parse(text) && Clock::parse(text)->text() == text);
    }
    for (const char* text :
         {"row", "session", "None", "10s", "100events", "500trades", "ew:30s", "ew:100events"}) {
        CHECK(Window::parse(text) && Window::parse(text)->text() == text);
    }
    for (const char* text :
         {"1000volume", "5value", "ew:5trades", "ew:", "ew:row", "Row", "event"}) {
        CHECK(!Window::parse(text));
    }
    CHECK(!Clock::parse("ew:10s"));
    CHECK(!Clock::parse("row"));
}

}  // namespace

int main() {
    exact_windows();
    decayed_windows();
    exponentials();
    grammar();
    return test::report("flow");
}
