// Python values <-> the values of a spec.
#pragma once

#include <pybind11/pybind11.h>

#include <cmath>
#include <string>

#include "bookflow/book_update.hpp"
#include "bookflow/error.hpp"
#include "bookflow/faults.hpp"
#include "bookflow/spec.hpp"

namespace bookflow {

namespace py = pybind11;

// str, int, float (its shortest text) or decimal.Decimal as an exact decimal.
[[nodiscard]] inline Decimal decimal_of(const py::handle& object, const std::string& field) {
    std::optional<Decimal> out;
    if (PyFloat_Check(object.ptr()) != 0) {
        const double x = PyFloat_AS_DOUBLE(object.ptr());
        if (std::isfinite(x)) out = Decimal::shortest(x);
    } else if (PyBool_Check(object.ptr()) == 0) {
        out = Decimal::parse(std::string(py::str(object)));
    }
    if (!out) {
        throw InputError("must be a decimal number of at most 18 digits", field,
                         std::string(py::str(object)));
    }
    return *out;
}

[[nodiscard]] inline Value value_of(const py::handle& object, const std::string& field) {
    if (object.is_none()) return Nothing{};
    if (PyBool_Check(object.ptr()) != 0) return py::cast<bool>(object);
    if (PyUnicode_Check(object.ptr()) != 0) return py::cast<std::string>(object);
    if (PyLong_Check(object.ptr()) != 0) {
        // of more digits than a decimal has, such as a time in ns: as text
        const std::string text{py::str(object)};
        if (!Decimal::parse(text)) return text;
    } else if (PyFloat_Check(object.ptr()) == 0) {
        if (py::hasattr(object, "spec")) return Formula{py::cast<std::string>(object.attr("spec"))};
        if (py::isinstance(object, py::module_::import("numpy").attr("ndarray"))) {
            return value_of(object.attr("tolist")(), field);
        }
        if (PyList_Check(object.ptr()) != 0 || PyTuple_Check(object.ptr()) != 0) {
            Numbers numbers;
            for (const py::handle one : object) {
                const bool unknown = one.is_none() || (PyFloat_Check(one.ptr()) != 0 &&
                                                       std::isnan(PyFloat_AS_DOUBLE(one.ptr())));
                numbers.push_back(unknown ? kNaN : decimal_of(one, field).value());
            }
            return numbers;
        }
    }
    return decimal_of(object, field);
}

[[nodiscard]] inline py::object to_python(const Value& value) {
    if (std::holds_alternative<Nothing>(value)) return py::none();
    if (const bool* b = std::get_if<bool>(&value)) return py::bool_(*b);
    if (const std::string* s = std::get_if<std::string>(&value)) return py::str(*s);
    if (const Formula* f = std::get_if<Formula>(&value)) return py::str(f->text);
    if (const auto* numbers = std::get_if<Numbers>(&value)) return py::tuple(py::cast(*numbers));
    const Decimal& d = std::get<Decimal>(value);
    if (const auto whole = Scale{}.units(d)) return py::int_(*whole);
    return py::float_(d.value());
}

// (bid, bid_size, ask, ask_size) in units.
[[nodiscard]] inline py::tuple to_python(const Quotes& q) {
    return py::make_tuple(q.bid.raw, q.bid_size.raw, q.ask.raw, q.ask_size.raw);
}

// Name -> count.
[[nodiscard]] inline py::dict to_python(const Faults& faults) {
    py::dict out;
    for (std::size_t i = 0; i < kFaults; ++i) {
        out[py::str(kFaultNames[i].data(), kFaultNames[i].size())] = faults.counts()[i];
    }
    return out;
}

[[nodiscard]] inline Call call_of(std::string_view name, const py::args& args,
                                  const py::kwargs& kwargs) {
    Call call{std::string(name), {}};
    for (const py::handle value : args) {
        call.arguments.push_back({"", value_of(value, call.name)});
    }
    for (const auto& [key, value] : kwargs) {
        const auto parameter = py::cast<std::string>(key);
        call.arguments.push_back({parameter, value_of(value, call.name + "." + parameter)});
    }
    return call;
}

}  // namespace bookflow
