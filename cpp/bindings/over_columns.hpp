// A calculator over columns: every row is an atomic event and a row of the result.
#pragma once

#include <pybind11/numpy.h>

#include <optional>
#include <vector>

#include "alone.hpp"
#include "calculator_words.hpp"
#include "columns.hpp"
#include "values.hpp"

namespace bookflow {

// Takes the settings out of the keywords; what is left belongs to the function.
template <class C>
Call settings_call(py::kwargs& kwargs) {
    Call call{std::string(C::kName), {}};
    for (const Parameter& p : parameters_of<typename C::Settings>()) {
        if (!kwargs.contains(p.name.c_str())) continue;
        call.arguments.push_back(
            {p.name, value_of(kwargs[p.name.c_str()], call.name + "." + p.name)});
        kwargs.attr("pop")(p.name);
    }
    return call;
}

class OutColumn {
public:
    OutColumn(const py::object& given, py::ssize_t rows, int width, bool vector) {
        std::vector<py::ssize_t> shape{rows};
        if (vector) shape.push_back(width);
        if (given.is_none()) {
            array_ = py::array_t<double>(shape);
        } else {
            if (!py::isinstance<py::array_t<double>>(given)) {
                throw py::type_error("out must be a float64 array in native byte order");
            }
            array_ = py::reinterpret_borrow<py::array_t<double>>(given);
            bool fits = array_.ndim() == static_cast<py::ssize_t>(shape.size());
            for (std::size_t i = 0; fits && i < shape.size(); ++i) {
                fits = array_.shape(static_cast<py::ssize_t>(i)) == shape[i];
            }
            const int needed = static_cast<int>(py::array::c_style) |
                               static_cast<int>(py::detail::npy_api::NPY_ARRAY_ALIGNED_);
            if (!fits || !array_.writeable() || (array_.flags() & needed) != needed) {
                throw py::value_error("out must be a writable C-contiguous array of shape (" +
                                      std::to_string(rows) +
                                      (vector ? ", " + std::to_string(width) + ")" : ",)"));
            }
        }
    }
    [[nodiscard]] double* data() { return array_.mutable_data(); }
    [[nodiscard]] py::object array() const { return array_; }
    // Whether writing it could change what is still to be read.
    [[nodiscard]] bool overlaps(const py::handle& input) const {
        return py::cast<bool>(py::module_::import("numpy").attr("may_share_memory")(array_, input));
    }

private:
    py::array_t<double> array_;
};

template <class C>
py::object over_columns(const py::args& args, py::kwargs kwargs) {
    const std::string function = function_name<C>();
    static constexpr auto inputs = [] {
        if constexpr (C::kFeed == Feed::Trades) {
            return std::array<const char*, 3>{"price", "size", "side"};
        } else {
            return std::array<const char*, 4>{"bid_price", "bid_size", "ask_price", "ask_size"};
        }
    }();
    constexpr std::size_t n_inputs = inputs.size();
    constexpr std::size_t required = C::kFeed == Feed::Trades ? 2 : 4;
    std::array<py::object, n_inputs> given;
    given.fill(py::none());
    if (args.size() > n_inputs) {
        throw py::type_error(function + "() takes at most " + std::to_string(n_inputs) +
                             " columns; settings are keywords");
    }
    for (std::size_t i = 0; i < args.size(); ++i) given[i] = args[i];
    Alone<C> alone = make<C>(settings_call<C>(kwargs));
    alone.begin();
    const auto take = [&](const char* name) -> py::object {
        if (!kwargs.contains(name)) return py::none();
        return kwargs.attr("pop")(name);
    };
    for (std::size_t i = 0; i < n_inputs; ++i) {
        if (!kwargs.contains(inputs[i])) continue;
        if (i < args.size()) throw py::type_error(function + "() got '" + inputs[i] + "' twice");
        given[i] = take(inputs[i]);
    }
    const py::object ts_object = take("ts");
    const py::object out_object = take("out");
    if (kwargs.size() > 0) {
        std::vector<std::string> known;
        for (const char* name : inputs) known.emplace_back(name);
        for (const Parameter& p : parameters_of<typename C::Settings>()) known.push_back(p.name);
        known.emplace_back("ts");
        known.emplace_back("out");
        throw py::type_error(function + "() has no argument '" +
                             std::string(py::str(kwargs.begin()->first)) + "'; there are " +
                             candidates(known));
    }
    for (std::size_t i = 0; i < required; ++i) {
        if (given[i].is_none()) throw py::type_error(function + "() needs '" + inputs[i] + "'");
    }

    py::ssize_t rows = -1;
    [[maybe_unused]] int levels = 0;
    std::array<Column<i64>, 4> numbers;
    [[maybe_unused]] std::array<Table, 4> tables;
    Column<std::uint8_t> sides;
    if constexpr (C::kFeed == Feed::Quotes) {
        for (std::size_t i = 0; i < 4; ++i) numbers[i] = column<i64>(given[i], inputs[i], rows);
    } else if constexpr (C::kFeed == Feed::Depth) {
        for (std::size_t i = 0; i < 4; ++i) tables[i] = table(given[i], inputs[i], rows, levels);
        if (levels < alone.calculator().levels()) {
            throw InputError(
                "needs at least " + std::to_string(alone.calculator().levels()) + " levels",
                inputs[0], std::to_string(levels) + " levels");
        }
    } else {
        numbers[0] = column<i64>(given[0], inputs[0], rows);
        numbers[1] = column<i64>(given[1], inputs[1], rows);
        sides = optional_column<std::uint8_t>(given[2], inputs[2], rows);
    }
    const Column<i64> times = optional_column<i64>(ts_object, "ts", rows);
    if (alone.needs_ts() && !times.given()) {
        throw InputError("a window in time needs ts", function + ".ts");
    }

    const int width = width_of(alone.calculator());
    OutColumn out(out_object, rows, width, is_vector<C>);
    if (!out_object.is_none()) {
        bool overlapping = !ts_object.is_none() && out.overlaps(ts_object);
        for (const py::object& input : given) {
            overlapping = overlapping || (!input.is_none() && out.overlaps(input));
        }
        if (overlapping) throw py::value_error("out shares memory with an input");
    }
    double* to = out.data();
    const auto n = static_cast<std::size_t>(rows);
    {
        // below this the switch costs more than it gives
        constexpr std::size_t kLong = 4096;
        std::optional<py::gil_scoped_release> release;
        if (n >= kLong) release.emplace();
        Depth d;
        for (std::size_t i = 0; i < n; ++i) {
            const auto row = static_cast<i64>(i);
            const i64 ts = times.given() ? times[i] : kNone;
            alone.check_ts(ts, row);
            if constexpr (C::kFeed == Feed::Quotes) {
                alone.step(
                    checked_quotes(numbers[0][i], numbers[1][i], numbers[2][i], numbers[3][i], row),
                    ts);
            } else if constexpr (C::kFeed == Feed::Depth) {
                const int wanted = alone.calculator().levels();
                d.bids = checked_levels(tables[0].row(i), tables[1].row(i), levels, wanted,
                                        inputs[0], inputs[1], -1, row, d.bid);
                d.asks = checked_levels(tables[2].row(i), tables[3].row(i), levels, wanted,
                                        inputs[2], inputs[3], 1, row, d.ask);
                alone.step(d, ts);
            } else {
                alone.step(
                    checked_print(numbers[0][i], numbers[1][i], sides.given() ? sides[i] : 0, row),
                    ts);
            }
            alone.read(to);
            to += width;
        }
    }
    return out.array();
}

}  // namespace bookflow
