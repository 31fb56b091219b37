// Ranks and alarms against the plain definitions, at every step.
#include "bookflow/running_rank.hpp"

#include "check.hpp"

using namespace bookflow;

namespace {

[[nodiscard]] double plain(const std::vector<double>& values, std::size_t most) {
    if (std::isnan(values.back())) return kNaN;
    std::vector<double> known;
    for (const double v : values) {
        if (!std::isnan(v)) known.push_back(v);
    }
    const std::size_t first = known.size() > most ? known.size() - most : 0;
    std::size_t below = 0;
    for (std::size_t i = first; i < known.size(); ++i) below += known[i] <= values.back() ? 1U : 0U;
    return static_cast<double>(below) / static_cast<double>(known.size() - first);
}

[[nodiscard]] bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void ranks() {
    test::Random random(7);
    for (const int most : {1, 2, 3, 10, 32, 33, 64, 1000}) {
        RunningRank rank(most);
        std::vector<double> values;
        for (int i = 0; i < 1'800; ++i) {
            // ties on purpose, later hardly any; both zeros, infinities, NaN
            const int far = i < 500 ? 6 : 100'000;
            double x = static_cast<double>(random.between(-far, far)) / 4.0;
            if (random.chance(5)) x = -0.0;
            if (random.chance(3)) x = kNaN;
            if (random.chance(3)) x = std::numeric_limits<double>::infinity();
            values.push_back(x);
            CHECK(same(rank.step(x), plain(values, static_cast<std::size_t>(most))));
            CHECK(rank.size() <= static_cast<std::size_t>(most));
            if (i % 37 == 0) {  // saved and restored anywhere
                RunningRank other(most);
                StateEnvelope(save_state("rank", rank)).load("rank", other);
                CHECK(save_state("rank", other) == save_state("rank", rank));
                rank = other;
            }
        }
        const std::string full = save_state("rank", rank);
        if (most > 1) {
            RunningRank smaller(most - 1);
            const bool fits = rank.size() < static_cast<std::size_t>(most);
            if (!fits) THROWS(StateError, StateEnvelope(full).load("rank", smaller));
        }
        rank.clear();
        CHECK(rank.size() == 0 && rank.step(3.0) == 1.0);
    }
}

void alarms() {
    LevelAlarm alarm(0.99, 0.9);
    const std::vector<std::pair<double, bool>> steps{
        {1.0, false},   // the first value came from nowhere
        {0.95, false},  // not far enough back
        {0.99, false}, {0.89, false}, {0.99, true}, {1.0, false},  {0.95, false},
        {0.99, false}, {kNaN, false}, {0.9, false}, {0.99, false}, {0.2, false},
        {kNaN, false}, {1.0, true},   {0.1, false}, {0.98, false}, {0.995, true}};
    for (const auto& [x, rings] : steps) CHECK(alarm.step(x) == rings);
    alarm.clear();
    CHECK(!alarm.step(1.0));
}

}  // namespace

int main() {
    ranks();
    alarms();
    return test::report("running_rank");
}
