// ln x and ln(1 + x) against long double: within 1 ulp over all of their range.
#include <bit>
#include <cmath>

#include "bookflow/logarithm.hpp"
#include "check.hpp"

namespace {

double ulps(double got, long double expected) {
    const double near = std::fabs(static_cast<double>(expected));
    const double ulp = std::nextafter(near, INFINITY) - near;
    return static_cast<double>(std::fabs(static_cast<long double>(got) - expected) / ulp);
}

void against_long_double() {
    test::Random random(7);
    double worst_log = 0.0;
    double worst_log1p = 0.0;
    for (long i = 0; i < test::operations(300'000); ++i) {
        const double unit = static_cast<double>(random.bits() >> 11) * 0x1p-53;
        for (const double x :
             {unit, 0.5 + unit, 1.0 + (unit - 0.5) * 0x1p-20, 4.0 * unit,
              std::ldexp(1.0 + unit, static_cast<int>(random.between(-1074, 1023)))}) {
            if (x > 0.0) {
                worst_log = std::max(worst_log,
                                     ulps(bookflow::log(x), std::log(static_cast<long double>(x))));
            }
            for (const double y : {x, -x, x * 0x1p-30}) {
                if (y > -1.0 && std::fabs(y) > 0x1p-1000) {
                    worst_log1p =
                        std::max(worst_log1p,
                                 ulps(bookflow::log1p(y), std::log1p(static_cast<long double>(y))));
                }
            }
        }
    }
    std::printf("log within %.3f ulp, log1p within %.3f ulp\n", worst_log, worst_log1p);
    CHECK(worst_log < 1.0);
    CHECK(worst_log1p < 1.0);
}

void edges() {
    const double inf = INFINITY;
    CHECK(bookflow::log(1.0) == 0.0);
    CHECK(bookflow::log(0.0) == -inf);
    CHECK(bookflow::log(inf) == inf);
    CHECK(std::isnan(bookflow::log(-1.0)));
    CHECK(std::isnan(bookflow::log(NAN)));
    CHECK(bookflow::log1p(0.0) == 0.0);
    CHECK(std::signbit(bookflow::log1p(-0.0)));
    CHECK(bookflow::log1p(-1.0) == -inf);
    CHECK(bookflow::log1p(inf) == inf);
    CHECK(std::isnan(bookflow::log1p(-2.0)));
    CHECK(std::isnan(bookflow::log1p(NAN)));
    CHECK(bookflow::log1p(1e-300) == 1e-300);
}

}  // namespace

int main() {
    against_long_double();
    edges();
    return test::report("logarithm");
}
