// The words of a declaration: names, signatures, docstrings, metadata.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cctype>
#include <sstream>
#include <string>

#include "bookflow/calculators.hpp"
#include "values.hpp"

namespace bookflow {

template <class C>
[[nodiscard]] std::string function_name() {
    if constexpr (requires { C::kFunction; }) return std::string(C::kFunction);
    // OrderFlowImbalance -> order_flow_imbalance, VWAPDeviation -> vwap_deviation
    std::string out;
    const std::string_view name = C::kName;
    const auto upper = [&](std::size_t i) {
        return i < name.size() && std::isupper(static_cast<unsigned char>(name[i])) != 0;
    };
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool begins =
            upper(i) && i > 0 && (!upper(i - 1) || (i + 1 < name.size() && !upper(i + 1)));
        if (begins) out += '_';
        out += static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
    }
    return out;
}

// The parameters that are settings of a column function: its inputs are columns, not calculators,
// and every row is a row.
template <class C>
[[nodiscard]] std::vector<Parameter> column_parameters() {
    std::vector<Parameter> out;
    for (Parameter& p : parameters_of<typename C::Settings>()) {
        if (C::kFeed == Feed::Values && (p.type == ValueSource::kType || p.name == "on")) continue;
        out.push_back(std::move(p));
    }
    return out;
}

template <class C>
[[nodiscard]] std::string inputs_of() {
    if constexpr (C::kFeed == Feed::Values) {
        return candidates(C::kInputs) + ", ts=None";
    }
    if (sees_touch<C>) return "price, size, side=0, ts=None, bid_price=None, ask_price=None";
    switch (C::kFeed) {
        case Feed::Quotes: return "bid_price, bid_size, ask_price, ask_size, ts=None";
        case Feed::Depth: return "bid_price, bid_size, ask_price, ask_size, ts=None";
        case Feed::Trades: return "price, size, side=0, ts=None";
        case Feed::Values: break;
        case Feed::Changes: return "price, change, side, cause, touch, ts=None";
        case Feed::Queues:
            return "bid_orders, ask_orders, bid_size=None, ask_size=None, bid_age=None, "
                   "ask_age=None, ts=None";
    }
    return "";
}

[[nodiscard]] inline std::string parameter_lines(const std::vector<Parameter>& parameters) {
    std::ostringstream out;
    for (const Parameter& p : parameters) {
        out << p.name << " : ";
        if (p.required) {
            out << p.type << ", required\n";
        } else {
            out << p.type << ", default " << text_of(p.fallback) << "\n";
        }
        out << "    " << p.meaning << ": " << p.allowed << ".\n";
    }
    return out.str();
}

template <class C>
[[nodiscard]] std::string parameters_text() {
    const std::string lines = parameter_lines(parameters_of<typename C::Settings>());
    return lines.empty() ? "" : "\n\nParameters\n----------\n" + lines;
}

[[nodiscard]] inline std::string signature(const std::vector<Parameter>& parameters) {
    std::string out;
    for (const Parameter& p : parameters) {
        out += out.empty() ? "" : ", ";
        out += p.name;
        if (!p.required) out += "=" + text_of(p.fallback);
    }
    return out;
}

template <class C>
[[nodiscard]] std::string columns_doc() {
    if constexpr (C::kFeed == Feed::Values) {
        return candidates(C::kInputs) + " : float64 arrays (n,); NaN is not known.";
    }
    if (sees_touch<C>) {
        return "price, size : int64 arrays (n,), in units. side : uint8 array (n,) of the "
               "aggressor,\n    0 not known (the default), 1 buy, 2 sell. bid_price, ask_price : "
               "int64 arrays (n,),\n    the touch just before each print, NONE for an empty side: "
               "what sign=quote, lee_ready, emo\n    and clnv compare it with (a lag is the "
               "caller's then).";
    }
    switch (C::kFeed) {
        case Feed::Quotes:
            return "bid_price, bid_size, ask_price, ask_size : int64 arrays (n,), in units; size 0 "
                   "is an\n    empty side.";
        case Feed::Depth:
            return "bid_price, bid_size, ask_price, ask_size : int64 arrays (n, levels), in units, "
                   "best first;\n    size 0 is a missing level.";
        case Feed::Trades:
            return "price, size : int64 arrays (n,), in units. side : uint8 array (n,) of the "
                   "aggressor,\n    0 not known (the default), 1 buy, 2 sell.";
        case Feed::Values: break;
        case Feed::Changes:
            return "price, change : int64 arrays (n,), in units: where the size changed, and by "
                   "how "
                   "much (below 0:\n    it went). side, cause, touch : uint8 arrays (n,). side: 1 "
                   "bid, 2 ask. cause: 1 added,\n    2 cancelled, 3 modified, 4 traded. touch: 1 "
                   "where the price was its side's best before,\n    2 where it is after, 3 both, "
                   "0 neither.";
        case Feed::Queues:
            return "bid_orders, ask_orders, bid_size, ask_size, bid_age, ask_age : int64 arrays "
                   "(n,): of the\n    orders at the best price their number, their size in units "
                   "and their mean age in ns (where\n    ages count by size, the mean by size). "
                   "What is not given or NONE is not known; 0 orders\n    are an empty side.";
    }
    return "";
}

inline const char* name_of_feed(Feed feed) {
    constexpr std::array names{"quotes", "depth", "trades", "changes", "queues", "values"};
    return names[static_cast<std::size_t>(feed)];
}

// Whether it looks at the touch however it signs prints.
template <class C>
bool needs_touch() {
    if constexpr (sees_touch<C>) {
        return C(typename C::Settings{}).wants_quotes();
    } else {
        return false;
    }
}

template <class C>
py::dict metadata() {
    using namespace py::literals;
    py::list parameters;
    for (const Parameter& p : parameters_of<typename C::Settings>()) {
        parameters.append(py::dict("name"_a = p.name, "type"_a = p.type, "required"_a = p.required,
                                   "default"_a = to_python(p.fallback), "allowed"_a = p.allowed,
                                   "choices"_a = py::tuple(py::cast(p.choices)),
                                   "meaning"_a = p.meaning));
    }
    py::tuple inputs(0);
    if constexpr (C::kFeed == Feed::Values) {
        inputs =
            py::tuple(py::cast(std::vector<std::string>(C::kInputs.begin(), C::kInputs.end())));
    }
    return py::dict("name"_a = py::str(C::kName.data(), C::kName.size()),
                    "function"_a = function_name<C>(), "feed"_a = name_of_feed(C::kFeed),
                    "inputs"_a = inputs, "vector"_a = is_vector<C>, "touch"_a = sees_touch<C>,
                    "needs_touch"_a = needs_touch<C>(), "parameters"_a = parameters,
                    "doc"_a = py::str(C::kDoc.data(), C::kDoc.size()));
}

}  // namespace bookflow
