// Calculators against their definitions, written another way: OFI as queue changes, VPIN lot by
// lot, imbalances in long double, by their own step and read.
#include <cmath>
#include <vector>

#include "bookflow/calculators.hpp"
#include "check.hpp"

using bookflow::Depth;
using bookflow::i64;
using bookflow::Moment;
using bookflow::Nanos;
using bookflow::Price;
using bookflow::PriceLevel;
using bookflow::Print;
using bookflow::Quotes;
using bookflow::Side;
using bookflow::Size;
using bookflow::Units;

namespace {

template <class C>
double read(C& calculator, const Units& units = {}) {
    double out = 0;
    calculator.read(Moment{}, units, &out);
    return out;
}

// With its default settings, or others.
template <class C>
C make(const typename C::Settings& settings = {}) {
    return C(settings);
}

PriceLevel random_level(test::Random& random) {
    if (random.chance(15)) return {};
    return {Price(random.between(98, 102)), Size(random.between(1, 50))};
}

// A side's contribution: what the queue at the best price gained. A better price is all new, a
// worse one means the old queue is gone. `better` is +1 where a higher price is better.
i64 gained(const PriceLevel& before, const PriceLevel& now, int better) {
    const bool had = before.price != bookflow::kNoPrice;
    const bool has = now.price != bookflow::kNoPrice;
    if (!had) return now.size.raw;
    if (!has) return -before.size.raw;
    const i64 move = better * (now.price.raw - before.price.raw);
    return move > 0 ? now.size.raw : move < 0 ? -before.size.raw : now.size.raw - before.size.raw;
}

void order_flow() {
    test::Random random(51);
    for (long i = test::operations(50'000); i > 0; --i) {
        const PriceLevel b0 = random_level(random);
        const PriceLevel b1 = random_level(random);
        const PriceLevel a0 = random_level(random);
        const PriceLevel a1 = random_level(random);
        CHECK(bookflow::order_flow_increment(b0, b1, a0, a1) ==
              gained(b0, b1, 1) - gained(a0, a1, -1));
    }
    // An order of 7 inside the spread, over levels of 10, moves every level.
    bookflow::MultiLevelOrderFlowImbalance calculator({3, {}});
    Depth depth;
    depth.asks = 3;
    depth.bids = 3;
    for (std::size_t level = 0; level < 3; ++level) {
        depth.bid[level] = {Price(100 - static_cast<i64>(level)), Size(10)};
        depth.ask[level] = {Price(103 + static_cast<i64>(level)), Size(10)};
    }
    calculator.step({}, depth);
    depth.bid = {{{Price(101), Size(7)}, {Price(100), Size(10)}, {Price(99), Size(10)}}};
    calculator.step({}, depth);
    double out[3];
    calculator.read({}, {}, out);
    CHECK(out[0] == 7 && out[1] == 10 && out[2] == 10);
}

void vpin() {
    test::Random random(52);
    for (long i = test::operations(20'000) / 200; i > 0; --i) {
        const i64 bucket = random.between(1, 40);
        const int n = static_cast<int>(random.between(1, 6));
        bookflow::VPIN::Settings settings;
        settings.bucket_volume.fixed = {bucket, 0};
        settings.n_buckets = n;
        bookflow::VPIN calculator(settings);
        calculator.bind(Units{});
        std::vector<int> lots;  // +1 bought, -1 sold, 0 unknown: one entry a unit of size
        for (int k = 0; k < 200; ++k) {
            Print print;
            print.price = Price(100);
            print.size = Size(random.chance(5) ? random.between(1, 400) : random.between(1, 9));
            print.aggressor = static_cast<Side>(random.between(0, 2));
            const int sign = print.aggressor == Side::Bid   ? 1
                             : print.aggressor == Side::Ask ? -1
                                                            : 0;
            lots.insert(lots.end(), static_cast<std::size_t>(print.size.raw), sign);
            calculator.step({}, print);

            const auto complete = std::ssize(lots) / bucket;
            const double value = read(calculator);
            if (complete < n) {
                CHECK(std::isnan(value));
                continue;
            }
            i64 sum = 0;
            for (i64 b = complete - n; b < complete; ++b) {
                i64 net = 0;
                for (i64 lot = b * bucket; lot < (b + 1) * bucket; ++lot) {
                    net += lots[static_cast<std::size_t>(lot)];
                }
                sum += net < 0 ? -net : net;
            }
            CHECK(value == static_cast<double>(sum) / static_cast<double>(n * bucket));
            CHECK(value >= 0.0 && value <= 1.0);
        }
    }
}

void touch() {
    Units units;
    units.price_scale = {1, 100};
    const Quotes quotes{Price(9'999), Size(30), Price(10'001), Size(10)};
    const Quotes no_ask{Price(9'999), Size(30), bookflow::kNoPrice, Size(0)};
    const auto of = [&](auto calculator, const Quotes& q) {
        calculator.step({}, q);
        return read(calculator, units);
    };
    CHECK(of(make<bookflow::Mid>(), quotes) == 100.0);
    CHECK(of(make<bookflow::QueueImbalance>(), quotes) == 0.5);
    CHECK(of(make<bookflow::QueueShare>(), quotes) == 0.75);
    CHECK(of(make<bookflow::WeightedMid>(), quotes) ==
          100.005);  // three quarters of the way to the ask
    CHECK(of(make<bookflow::Spread>({bookflow::SpreadUnit::Price}), quotes) == 0.02);
    CHECK(of(make<bookflow::Spread>({bookflow::SpreadUnit::BasisPoints}), quotes) == 2.0);
    CHECK(std::isnan(of(make<bookflow::Mid>(), no_ask)));
    CHECK(std::isnan(of(make<bookflow::WeightedMid>(), no_ask)));
    CHECK(of(make<bookflow::QueueImbalance>(), no_ask) == 1.0);
    CHECK(of(make<bookflow::QueueShare>(), no_ask) == 1.0);
    CHECK(std::isnan(of(make<bookflow::QueueImbalance>(), Quotes{})));
    // Crossed: the plain value, and the mid between the two.
    const Quotes crossed{Price(10'001), Size(1), Price(9'999), Size(1)};
    CHECK(of(make<bookflow::Spread>({bookflow::SpreadUnit::Price}), crossed) == -0.02);
    CHECK(of(make<bookflow::Mid>(), crossed) == 100.0);
}

void multi_level_imbalance() {
    using bookflow::LevelWeights;
    test::Random random(53);
    for (long i = test::operations(20'000); i > 0; --i) {
        Depth depth;
        depth.bids = static_cast<int>(random.between(0, 6));
        depth.asks = static_cast<int>(random.between(0, 6));
        i64 bid = random.between(1, 1'000'000'000'000);
        i64 ask = bid + random.between(1, 5);
        for (int level = 0; level < 6; ++level) {
            const auto at = static_cast<std::size_t>(level);
            depth.bid[at] = {Price(bid), Size(random.between(1, 1'000'000))};
            depth.ask[at] = {Price(ask), Size(random.between(1, 1'000'000))};
            bid -= random.between(1, 3);
            ask += random.between(1, 3);
        }
        const auto weights = static_cast<LevelWeights>(random.between(0, 3));
        const int levels = static_cast<int>(random.between(1, 6));
        bookflow::MultiLevelImbalance::Settings settings;
        settings.levels = levels;
        settings.weights = weights;
        bookflow::MultiLevelImbalance calculator(settings);
        calculator.step({}, depth);
        const double value = read(calculator);
        if (depth.bids == 0 || depth.asks == 0) {
            CHECK(depth.bids > 0   ? value == 1.0
                  : depth.asks > 0 ? value == -1.0
                                   : std::isnan(value));
            continue;
        }
        const i64 twice_mid = depth.bid[0].price.raw + depth.ask[0].price.raw;
        const auto sum = [&](const auto& side, int n) {
            long double out = 0;
            for (int level = 0; level < std::min(n, levels); ++level) {
                const auto& [price, size] = side[static_cast<std::size_t>(level)];
                const auto distance = std::abs(static_cast<long double>(2 * price.raw - twice_mid));
                const long double weight = weights == LevelWeights::Uniform ? 1
                                           : weights == LevelWeights::Exponential
                                               ? std::exp(-0.5L * level)
                                           : weights == LevelWeights::Linear ? levels - level
                                                                             : 1 / distance;
                out += weight * static_cast<long double>(size.raw);
            }
            return out;
        };
        const long double b = sum(depth.bid, depth.bids);
        const long double a = sum(depth.ask, depth.asks);
        CHECK(std::abs(static_cast<long double>(value) - (b - a) / (b + a)) < 1e-14L);
    }
}

void trade_flow() {
    const auto print = [](i64 price, i64 size, Side side) {
        Print out;
        out.price = Price(price);
        out.size = Size(size);
        out.aggressor = side;
        return out;
    };
    const std::vector<Print> prints{print(100, 3, Side::Bid), print(101, 1, Side::Ask),
                                    print(101, 2, Side::None), print(99, 4, Side::Bid)};
    const auto of = [&](auto calculator) {
        for (const Print& p : prints) calculator.step({}, p);
        return read(calculator);
    };
    CHECK(of(make<bookflow::Volume>()) == 10);
    CHECK(of(make<bookflow::BuyVolume>()) == 7);
    CHECK(of(make<bookflow::SellVolume>()) == 1);
    CHECK(of(make<bookflow::BuySellRatio>()) == 7);
    CHECK(of(make<bookflow::TradeFlowImbalance>()) == 0.75);
    CHECK(of(make<bookflow::CumulativeVolumeDelta>()) == 6);
    CHECK(of(make<bookflow::TradeCount>()) == 4);
    CHECK(of(make<bookflow::LastPrice>()) == 99);
    CHECK(of(make<bookflow::VWAP>()) == 999.0 / 10);
    // Tick rule: the first has no sign, 101 is up, 101 again carries it, 99 is down.
    CHECK(of(make<bookflow::VolumeSignedImbalance>()) == 1 + 2 - 4);
    CHECK(of(make<bookflow::VolumeSignedImbalance>({{}, bookflow::Zero::None, false})) == 1 - 4);
    CHECK(of(make<bookflow::VolumeSignedImbalance>({{}, bookflow::Zero::Carry, true})) == -0.1);

    // One BTC at 60,000 in 1e-9 by 1e-8 units is 650 times what 64 bits hold.
    Units units;
    units.price_scale = {1, 1'000'000'000};
    auto vwap = make<bookflow::VWAP>();
    vwap.step({}, print(60'000'000'000'000, 100'000'000, Side::Bid));
    vwap.step({}, print(60'000'000'000'001, 100'000'000, Side::Bid));
    double out = 0;
    vwap.read({}, units, &out);
    CHECK(out == 60'000.0000000005);
}

}  // namespace

int main() {
    order_flow();
    vpin();
    touch();
    multi_level_imbalance();
    trade_flow();
    return test::report("calculators");
}
