// bookflow._core._bars: the compiled part of bookflow.bars.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "bind.hpp"
#include "bookflow/bars.hpp"
#include "bookflow/checked_values.hpp"
#include "columns.hpp"
#include "errors.hpp"

namespace bookflow {

namespace {

struct BarInput {
    Column<i64> price;
    Column<i64> size;
    Column<std::uint8_t> side;
    Column<i64> ts;

    // Prints of whom nobody knows the aggressor where there is no column of sides.
    [[nodiscard]] Print print(std::size_t i) const {
        const auto row = static_cast<i64>(i);
        check_price("price", price[i], row);
        if (size[i] < 1 || size[i] > kMaxSize) {
            refuse("size", size[i], "must be from 1 to 2^60 size units", row);
        }
        const unsigned aggressor = side.given() ? side[i] : 0U;
        if (aggressor > 2) refuse_print(price[i], size[i], aggressor, row);
        return {Price(price[i]), Size(size[i]), static_cast<Side>(aggressor)};
    }
    [[nodiscard]] i64 time(std::size_t i, i64 before) const {
        if (!ts.given()) return kNone;
        const auto row = static_cast<i64>(i);
        if (ts[i] < 0 || ts[i] >= kMaxTime) {
            refuse("ts", ts[i], "must be from the epoch to 2^62 ns after it", row);
        }
        if (ts[i] < before) refuse("ts", ts[i], "must not decrease", row);
        return ts[i];
    }
};

Clock clock_of(const std::string& text, const BarInput& input) {
    const auto clock = Clock::parse(text);
    if (!clock || clock->kind == Clock::Kind::Best) {
        throw InputError("must be " + std::string(Clock::kRule) + ", and not \"best\" over prints",
                         "clock", text);
    }
    if (clock->on_grid() && !input.ts.given()) {
        throw InputError("needs the column ts", "clock", text);
    }
    return *clock;
}

// By the prints alone.
Sign sign_of(const Sign& sign, const BarInput& input) {
    if (sign.wants_quotes()) {
        throw InputError("must be aggressor or tick: there is no touch beside the prints", "sign",
                         sign.text());
    }
    if (sign.rule == SignRule::Aggressor && !input.side.given()) {
        throw InputError("needs the column side (or sign=\"tick\")", "sign", sign.text());
    }
    return sign;
}

py::array_t<Bar> bars(const py::object& price, const py::object& size, const py::object& side,
                      const py::object& ts, const std::string& clock_text,
                      const std::optional<std::string>& sign_text, i64 origin, bool partial) {
    py::ssize_t rows = -1;
    BarInput input;
    input.price = column<i64>(price, "price", rows);
    input.size = column<i64>(size, "size", rows);
    input.side = optional_column<std::uint8_t>(side, "side", rows);
    input.ts = optional_column<i64>(ts, "ts", rows);

    const Clock clock = clock_of(clock_text, input);
    Sign sign{input.side.given() ? SignRule::Aggressor : SignRule::Tick, {}};
    if (clock.by_information()) sign = sign_of(clock.expected.sign, input);
    if (sign_text) {
        const auto given = Sign::parse(*sign_text);
        if (!given) throw InputError("must be one of aggressor, tick", "sign", *sign_text);
        sign = sign_of(*given, input);
    }
    Instrument units;  // of integers
    units.price_unit = {1, 0};
    BarBuilder builder(clock, origin, units, sign);
    {
        const py::gil_scoped_release release;
        i64 before = kNone;
        for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
            const Print print = input.print(i);
            before = input.time(i, before);
            builder.step(before, print);
        }
        if (partial) builder.finish();
    }
    return to_numpy(builder.take());
}

}  // namespace

void bind_bars(py::module_& m) {
    using namespace py::literals;
    PYBIND11_NUMPY_DTYPE(Bar, ts, start, end, first, trades, open, high, low, close, volume, buy,
                         sell, vwap, partial);
    m.attr("BAR_DTYPE") = py::dtype::of<Bar>();
    m.def("_bars", &bars, "price"_a, "size"_a, "side"_a, "ts"_a, "clock"_a, "sign"_a, "origin"_a,
          "partial"_a);
}

}  // namespace bookflow
