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

template <class C>
const char* inputs_of() {
    if (sees_touch<C>) return "price, size, side=0, ts=None, bid_price=None, ask_price=None";
    switch (C::kFeed) {
        case Feed::Quotes: return "bid_price, bid_size, ask_price, ask_size, ts=None";
        case Feed::Depth: return "bid_price, bid_size, ask_price, ask_size, ts=None";
        case Feed::Trades: return "price, size, side=0, ts=None";
        case Feed::Changes: return "price, change, side, cause, touch, ts=None";
    }
    return "";
}

template <class C>
[[nodiscard]] std::string parameter_lines() {
    std::ostringstream out;
    for (const Parameter& p : parameters_of<typename C::Settings>()) {
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
    const std::string lines = parameter_lines<C>();
    return lines.empty() ? "" : "\n\nParameters\n----------\n" + lines;
}

template <class C>
[[nodiscard]] std::string signature() {
    std::string out;
    for (const Parameter& p : parameters_of<typename C::Settings>()) {
        out += out.empty() ? "" : ", ";
        out += p.name;
        if (!p.required) out += "=" + text_of(p.fallback);
    }
    return out;
}

template <class C>
const char* columns_doc() {
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
        case Feed::Changes:
            return "price, change : int64 arrays (n,), in units: where the size changed, and by "
                   "how "
                   "much (below 0:\n    it went). side, cause, touch : uint8 arrays (n,). side: 1 "
                   "bid, 2 ask. cause: 1 added,\n    2 cancelled, 3 modified, 4 traded. touch: 1 "
                   "where the price was its side's best before,\n    2 where it is after, 3 both, "
                   "0 neither.";
    }
    return "";
}

inline const char* name_of_feed(Feed feed) {
    switch (feed) {
        case Feed::Quotes: return "quotes";
        case Feed::Depth: return "depth";
        case Feed::Trades: return "trades";
        case Feed::Changes: return "changes";
    }
    return "";
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
    return py::dict("name"_a = py::str(C::kName.data(), C::kName.size()),
                    "function"_a = function_name<C>(), "feed"_a = name_of_feed(C::kFeed),
                    "vector"_a = is_vector<C>, "touch"_a = sees_touch<C>,
                    "needs_touch"_a = needs_touch<C>(), "parameters"_a = parameters,
                    "doc"_a = py::str(C::kDoc.data(), C::kDoc.size()));
}

}  // namespace bookflow
