// Calculators over columns against their own step, row by row.
#include <bit>
#include <vector>

#include "bookflow/checked_values.hpp"
#include "bookflow/touch_columns.hpp"
#include "bookflow/vpin_columns.hpp"
#include "check.hpp"

namespace simd = bookflow::simd;

using bookflow::Column;
using bookflow::i64;
using bookflow::Moment;
using bookflow::Units;

namespace {

template <class T>
Column<T> column(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data())};
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (std::bit_cast<i64>(a[i]) != std::bit_cast<i64>(b[i])) return false;
    }
    return true;
}

template <class F>
void at_every_level(F f) {
    const simd::Level before = simd::level();
    for (const simd::Level level :
         {simd::Level::Portable, simd::Level::Avx2, simd::Level::Avx512}) {
        if (!simd::supported(level)) continue;
        simd::level() = level;
        f();
    }
    simd::level() = before;
}

// Buckets of less than a print, of a few, of more than a block; prints that are too large to be
// plain, and so many that their sum is none.
void vpin() {
    test::Random random(11);
    for (const i64 bucket : {i64{1}, i64{70}, i64{900}, i64{40'000}}) {
        for (const std::size_t rows : {0U, 1U, 7U, 8U, 511U, 512U, 513U, 2'000U}) {
            std::vector<i64> price;
            std::vector<i64> size;
            std::vector<std::uint8_t> side;
            for (std::size_t i = 0; i < rows; ++i) {
                const bool large = rows == 2'000 && i > 1'100 && random.chance(5);
                price.push_back(random.between(-9, 9));
                size.push_back(large ? bookflow::kMaxSize : random.between(1, 50));
                side.push_back(static_cast<std::uint8_t>(random.between(0, 2)));
            }
            bookflow::VPIN::Settings settings;
            settings.bucket_volume.fixed = bookflow::Decimal{bucket, 0};
            settings.n_buckets = 3;
            const auto start = [&] {
                bookflow::VPIN calculator(settings);
                calculator.bind(Units{});
                return calculator;
            };
            const auto step = [&](bookflow::VPIN& calculator, std::size_t i, double* out) {
                calculator.step(Moment{}, bookflow::checked_print(price[i], size[i], side[i],
                                                                  static_cast<i64>(i)));
                calculator.read(Moment{}, Units{}, out);
            };
            std::vector<double> expected(rows);
            bookflow::VPIN by_step = start();
            for (std::size_t i = 0; i < rows; ++i) step(by_step, i, &expected[i]);
            at_every_level([&] {
                bookflow::VPIN calculator = start();
                std::vector<double> out(rows, -1.0);
                bookflow::VpinColumns({column(price), column(size), column(side)})
                    .run(calculator, rows, out.data(),
                         [&](std::size_t i, double* to) { step(calculator, i, to); });
                CHECK(same_bits(out, expected));
            });
        }
    }
}

// Sums that leave what a block may add in 64 bits, and those that do not.
void order_flow() {
    test::Random random(12);
    for (const i64 largest : {i64{50}, i64{1} << 50, bookflow::kMaxSize}) {
        constexpr std::size_t rows = 1'700;
        std::array<std::vector<i64>, 4> quotes;
        for (std::size_t i = 0; i < rows; ++i) {
            quotes[0].push_back(random.between(100, 102));
            quotes[1].push_back(random.between(1, largest));
            quotes[2].push_back(random.between(103, 105));
            quotes[3].push_back(random.between(1, largest));
        }
        for (const char* text : {"row", "session", "1events", "3events", "700events"}) {
            const auto window = *bookflow::Window::parse(text);
            bookflow::OrderFlowImbalance calculator({window});
            std::vector<double> expected(rows);
            Moment now;
            for (std::size_t i = 0; i < rows; ++i) {
                now.event += 1;
                calculator.restart(bookflow::Restart::Row);
                calculator.step(now,
                                bookflow::checked_quotes(quotes[0][i], quotes[1][i], quotes[2][i],
                                                         quotes[3][i], static_cast<i64>(i)));
                calculator.read(now, Units{}, &expected[i]);
            }
            at_every_level([&] {
                std::vector<double> out(rows, -1.0);
                bookflow::OrderFlowColumns(
                    {column(quotes[0]), column(quotes[1]), column(quotes[2]), column(quotes[3])})
                    .run(window, rows, out.data());
                CHECK(same_bits(out, expected));
            });
        }
    }
}

}  // namespace

int main() {
    vpin();
    order_flow();
    return test::report("columns");
}
