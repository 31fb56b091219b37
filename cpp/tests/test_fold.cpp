// Folds over every window against the samples themselves, at every step and after a restore.
#include "bookflow/fold.hpp"

#include "bookflow/calculators/regression.hpp"
#include "check.hpp"

using namespace bookflow;

namespace {

struct Stamped {
    Moment at;
    double y;
    double x;
};

// The samples that a window holds at `now`.
[[nodiscard]] std::vector<Stamped> held(const std::vector<Stamped>& all, const Window& window,
                                        const Moment& now) {
    if (window.kind != Window::Kind::Last) return all;
    std::vector<Stamped> out;
    for (const Stamped& s : all) {
        const i64 key = s.at.key(window.span.of);
        if (key > now.key(window.span.of) - window.span.count) out.push_back(s);
    }
    return out;
}

[[nodiscard]] bool near(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    return std::abs(a - b) <= 1e-11 * (1.0 + std::abs(b));
}

void against_samples() {
    test::Random random(11);
    for (const char* text : {"1events", "3events", "7events", "40ns", "500ns", "None", "session"}) {
        const Window window = *Window::parse(text);
        Fold<Moments> moments(window);
        Fold<CoMoments> both(window);
        std::vector<Stamped> all;
        Moment now;
        now.ts = Nanos(0);
        for (int i = 0; i < 600; ++i) {
            now.ts = Nanos(now.ts.raw + random.between(0, 30));
            now.event += 1;
            const double y = static_cast<double>(random.between(-20, 20)) / 8.0;
            const double x = static_cast<double>(random.between(-20, 20)) / 8.0;
            all.push_back({now, y, x});
            moments.add(now, {y});
            both.add(now, {y, x});

            Moment later = now;  // reading then changes nothing, and forgets what has left
            later.ts = Nanos(now.ts.raw + random.between(0, 600));
            later.event += random.between(0, 8);
            const std::string before = save_state("fold", moments);
            for (const Moment& at : {later, now}) {
                const auto samples = held(all, window, at);
                const auto n = static_cast<double>(samples.size());
                double sum = 0;
                for (const Stamped& s : samples) sum += s.y;
                double squares = 0;
                for (const Stamped& s : samples) squares += (s.y - sum / n) * (s.y - sum / n);
                const Moments m = moments.read(at);
                CHECK(m.weight == n);
                CHECK(near(m.known_mean(), samples.empty() ? kNaN : sum / n));
                CHECK(near(m.variance(), samples.size() < 2 ? kNaN : squares / (n - 1)));
                CHECK(both.read(at).weight == n);
            }
            CHECK(save_state("fold", moments) == before);

            if (i % 23 == 0) {  // saved and restored anywhere
                Fold<Moments> other(window);
                StateEnvelope(before).load("fold", other);
                CHECK(save_state("fold", other) == before);
                moments = other;
            }
        }
    }
}

// Equal values have no variance at all, whatever was there before them.
void equal_values() {
    Fold<Moments> fold(*Window::parse("4events"));
    Moment now;
    for (int i = 0; i < 50; ++i) {
        now.event += 1;
        fold.add(now, {i < 20 ? 1e15 / (i + 1) : 0.1});
        if (i >= 24) CHECK(fold.read(now).variance() == 0.0 && fold.read(now).mean == 0.1);
    }
}

// A line is found exactly enough, and nothing is left over of one.
void a_line() {
    CoMoments m;
    for (const double x : {1.0, 2.0, 4.0, 8.0}) m = merged(m, CoMoments::of({3.0 - 0.5 * x, x}));
    CHECK(near(fitted(m, Fitted::Slope, true), -0.5));
    CHECK(near(fitted(m, Fitted::Intercept, true), 3.0));
    CHECK(near(fitted(m, Fitted::R2, true), 1.0));
    CHECK(std::isnan(fitted(m, Fitted::T, true)));
    CHECK(std::isnan(fitted(CoMoments::of({1.0, 1.0}), Fitted::Slope, true)));
}

void forged() {
    Fold<Moments> fold(*Window::parse("4events"));
    Moment now;
    for (int i = 0; i < 9; ++i) {
        now.event += 1;
        fold.add(now, {1.0});
    }
    // the key of a sample changed to one that falls
    StateWriter writer;
    writer(u64{2}, i64{5}, 1.0, i64{4}, 1.0, u64{0}, i64{0});
    const std::string state = writer.take();
    THROWS(StateError, StateReader(state)(fold));
}

}  // namespace

int main() {
    against_samples();
    equal_values();
    a_line();
    forged();
    return test::report("fold");
}
