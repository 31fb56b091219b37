// What a calculator is: a class that declares
//
//   kName, kDoc      its name and its docstring (what it measures, equation, units, edge cases, source)
//   kFeed            what drives it: the touch, the depth, the prints, the changes of orders, the
//                    queues of orders at the touch, or the values of other calculators
//   Settings         its parameters, each listed once in `visit` with name, rule and meaning
//   step(now, x)     the one inline step behind pipeline, `update` and columns
//   read(now, units, out)  its value (width() numbers) in the instrument's units; NaN where undefined
//   restart(what)    what it forgets, when
//   visit(v)         its state
//
// One that looks at the touch before a print as well has `wants_quotes()`, `quoted(now, quotes)`,
// which brings every touch after the prints of its atomic event, and `against(quotes)`, which
// brings the one to compare the next print with, where it is used alone.
//
// One of depth may have a column form (depth_columns.hpp) where `takes_rows()`: its values, in units
// of 1, of so many rows that are plain, as the one before them is. `plain_rows(x, rows, out)`, or
// `plain_flows(x, rows, flows, out)` of the order flow of every level, in their place if it is one
// of several numbers.
//
// Constructor, repr, spec text, stub, equality, copy, bytes, column function and docs derive from
// that. A calculator with kState = true keeps nothing: the pipeline steps it only when it is read.
#pragma once

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bookflow/book_update.hpp"
#include "bookflow/flow.hpp"
#include "bookflow/instrument.hpp"
#include "bookflow/sign.hpp"
#include "bookflow/spec.hpp"

namespace bookflow {

enum class Feed : std::uint8_t { Quotes, Depth, Trades, Changes, Queues, Values };

// A quantity in the instrument's size, kept as written until the instrument is known.
struct Quantity {
    Decimal value{};
    friend bool operator==(const Quantity&, const Quantity&) = default;
};

// A list of numbers, of which a calculator itself says more.
struct NumberList {
    Numbers values;

    static constexpr const char* kType = "numbers";
    static constexpr std::string_view kRule = "a list of 1 to 65536 numbers";
    static constexpr bool kRequired = true;

    [[nodiscard]] static std::optional<NumberList> parse(const Value& value) {
        const auto* given = std::get_if<Numbers>(&value);
        if (given == nullptr || given->empty() || given->size() > 65'536) return std::nullopt;
        return NumberList{*given};
    }
    [[nodiscard]] Value value() const { return values; }
};

// Whether a calculator of prints can look at the touch before them.
template <class C>
inline constexpr bool sees_touch = requires(const C& c) { c.wants_quotes(); };

// For a window that cannot be a half-life.
struct NoHalfLife {};

template <class T>
struct Range {
    T low;
    T high;
};

namespace detail {

template <class E>
concept Named = requires(E e) { names_of(e); };

// A parameter with a grammar of its own, such as `sigma="trailing:390"` or `sigma=0.05`.
template <class T>
concept Phrased = requires(const T& t, const Value& v) {
    { T::parse(v) } -> std::same_as<std::optional<T>>;
    { t.value() } -> std::same_as<Value>;
    { T::kType } -> std::convertible_to<const char*>;
    { T::kRule } -> std::convertible_to<std::string_view>;
    { T::kRequired } -> std::convertible_to<bool>;
};

template <class E>
[[nodiscard]] std::string_view name_of_choice(E e) {
    return names_of(e)[static_cast<std::size_t>(e)];
}

[[nodiscard]] inline Value to_value(const Window& w) {
    if (w.kind == Window::Kind::Forever) return Nothing{};
    return w.text();
}
[[nodiscard]] inline Value to_value(const Sign& s) { return s.text(); }
[[nodiscard]] inline Value to_value(const Quantity& q) { return q.value; }
template <Phrased T>
[[nodiscard]] Value to_value(const T& t) {
    return t.value();
}
[[nodiscard]] inline Value to_value(bool b) { return b; }
[[nodiscard]] inline Value to_value(int n) { return Decimal{n, 0}; }
[[nodiscard]] inline Value to_value(double x) { return *Decimal::shortest(x); }
template <Named E>
[[nodiscard]] Value to_value(E e) {
    return std::string(name_of_choice(e));
}

}  // namespace detail

// One parameter as the docs, the stub and the error messages show it.
struct Parameter {
    std::string name;
    std::string type;  // "int", "float", "bool", "str", "window", "quantity"
    Value fallback;    // the default
    bool required = false;
    std::string allowed;  // the rule in words
    std::vector<std::string> choices;
    std::string meaning;
};

// Collects the declaration: defaults, rules and meanings.
class Describe {
public:
    std::vector<Parameter> parameters;

    void operator()(const char* name, Window& w, const char* meaning) {
        add(name, "window", w, meaning).allowed = std::string(Window::kRule);
    }
    void operator()(const char* name, Window& w, NoHalfLife, const char* meaning) {
        add(name, "sliding", w, meaning).allowed = std::string(Window::kSlidingRule);
    }
    void operator()(const char* name, int& n, Range<int> range, const char* meaning) {
        add(name, "int", n, meaning).allowed = "a whole number from " + std::to_string(range.low) +
                                               " to " + std::to_string(range.high);
    }
    void operator()(const char* name, double& x, Range<double> range, const char* meaning) {
        add(name, "float", x, meaning).allowed = "a number from " +
                                                 text_of(detail::to_value(range.low)) + " to " +
                                                 text_of(detail::to_value(range.high));
    }
    void operator()(const char* name, bool& b, const char* meaning) {
        add(name, "bool", b, meaning).allowed = "True or False";
    }
    void operator()(const char* name, Quantity& q, const char* meaning) {
        Parameter& p = add(name, "quantity", q, meaning);
        p.allowed = "above 0, in the instrument's size (alone: in size units)";
        p.required = true;
    }
    void operator()(const char* name, Sign& s, const char* meaning) {
        Parameter& p = add(name, "str", s, meaning);
        for (const auto choice : names_of(SignRule{})) p.choices.emplace_back(choice);
        p.allowed = "one of " + candidates(p.choices) + std::string(Sign::kLagRule);
    }
    template <detail::Phrased T>
    void operator()(const char* name, T& t, const char* meaning) {
        Parameter& p = add(name, T::kType, t, meaning);
        p.allowed = std::string(T::kRule);
        p.required = T::kRequired;
    }
    template <detail::Named E>
    void operator()(const char* name, E& e, const char* meaning) {
        Parameter& p = add(name, "str", e, meaning);
        for (const auto choice : names_of(e)) p.choices.emplace_back(choice);
        p.allowed = "one of " + candidates(p.choices);
    }

private:
    template <class T>
    Parameter& add(const char* name, const char* type, T& value, const char* meaning) {
        parameters.push_back({name, type, detail::to_value(value), false, {}, {}, meaning});
        return parameters.back();
    }
};

template <class Settings>
[[nodiscard]] std::vector<Parameter> parameters_of() {
    Describe describe;
    Settings settings{};
    settings.visit(describe);
    return std::move(describe.parameters);
}

// Fills settings from a call and says what is wrong with it.
class FromCall {
public:
    FromCall(const Call& call, std::vector<Parameter> parameters)
        : call_(call), parameters_(std::move(parameters)), given_(parameters_.size(), nullptr) {
        std::size_t position = 0;
        for (const Argument& argument : call_.arguments) {
            std::size_t i = position++;
            if (!argument.name.empty()) {
                const auto found =
                    std::find_if(parameters_.begin(), parameters_.end(),
                                 [&](const Parameter& p) { return p.name == argument.name; });
                i = static_cast<std::size_t>(found - parameters_.begin());
            }
            if (i >= parameters_.size()) {
                const std::string what =
                    argument.name.empty() ? text_of(argument.value) : argument.name;
                throw InputError(parameters_.empty()
                                     ? "has no parameter " + what
                                     : "has no parameter " + what + "; there are " + names(),
                                 call_.name);
            }
            if (given_[i] != nullptr) {
                throw InputError("is given twice", call_.name + "." + parameters_[i].name);
            }
            given_[i] = &argument.value;
        }
    }

    void operator()(const char*, Window& w, const char*) {
        if (const Value* v = next()) {
            if (std::holds_alternative<Nothing>(*v)) {
                w = Window{Window::Kind::Forever, {}};
            } else if (const auto parsed = Window::parse(word(*v))) {
                w = *parsed;
            } else {
                refuse(*v);
            }
        }
    }
    void operator()(const char*, Window& w, NoHalfLife, const char*) {
        const Window before = w;
        const std::size_t at = at_;
        (*this)("", w, "");
        if (w.kind == Window::Kind::Decayed && !(w == before)) refuse(*given_[at]);
    }
    void operator()(const char*, int& n, Range<int> range, const char*) {
        if (const Value* v = next()) {
            const Decimal* d = std::get_if<Decimal>(v);
            const auto whole = d != nullptr ? Scale{}.units(*d) : std::nullopt;
            if (!whole || *whole < range.low || *whole > range.high) refuse(*v);
            n = static_cast<int>(*whole);
        }
    }
    void operator()(const char*, double& x, Range<double> range, const char*) {
        if (const Value* v = next()) {
            const Decimal* d = std::get_if<Decimal>(v);
            if (d == nullptr) refuse(*v);
            const double parsed = d->value();
            if (!(parsed >= range.low && parsed <= range.high)) refuse(*v);
            x = parsed;
        }
    }
    void operator()(const char*, bool& b, const char*) {
        if (const Value* v = next()) {
            const bool* given = std::get_if<bool>(v);
            if (given == nullptr) refuse(*v);
            b = *given;
        }
    }
    void operator()(const char*, Quantity& q, const char*) {
        const Value* v = next();
        if (v == nullptr) {
            const Parameter& p = parameters_[at_ - 1];
            throw InputError("is required: " + p.allowed, call_.name + "." + p.name);
        }
        const Decimal* d = std::get_if<Decimal>(v);
        if (d == nullptr || !d->positive()) refuse(*v);
        q.value = *d;
    }
    void operator()(const char*, Sign& s, const char*) {
        if (const Value* v = next()) {
            const auto parsed = Sign::parse(word(*v));
            if (!parsed) refuse(*v);
            s = *parsed;
        }
    }
    template <detail::Phrased T>
    void operator()(const char*, T& t, const char*) {
        const Value* v = next();
        if (v == nullptr) {
            const Parameter& p = parameters_[at_ - 1];
            if (!T::kRequired) return;
            throw InputError("is required: " + p.allowed, call_.name + "." + p.name);
        }
        std::optional<T> parsed;
        try {
            parsed = T::parse(*v);
        } catch (const InputError& inside) {
            const Parameter& p = parameters_[at_ - 1];
            throw InputError("must be " + p.allowed + " (" + inside.what() + ")",
                             call_.name + "." + p.name, text_of(*v));
        }
        if (!parsed) refuse(*v);
        t = *parsed;
    }
    template <detail::Named E>
    void operator()(const char*, E& e, const char*) {
        if (const Value* v = next()) {
            const auto names = names_of(e);
            const auto found = std::find(names.begin(), names.end(), word(*v));
            if (found == names.end()) refuse(*v);
            e = static_cast<E>(found - names.begin());
        }
    }

private:
    [[nodiscard]] const Value* next() { return given_[at_++]; }
    [[nodiscard]] static std::string_view word(const Value& v) {
        const std::string* text = std::get_if<std::string>(&v);
        return text != nullptr ? std::string_view(*text) : std::string_view();
    }
    [[nodiscard]] std::string names() const {
        std::vector<std::string> all;
        for (const Parameter& p : parameters_) all.push_back(p.name);
        return candidates(all);
    }
    [[noreturn]] void refuse(const Value& v) const {
        const Parameter& p = parameters_[at_ - 1];
        throw InputError("must be " + p.allowed, call_.name + "." + p.name, text_of(v));
    }

    const Call& call_;
    std::vector<Parameter> parameters_;
    std::vector<const Value*> given_;
    std::size_t at_ = 0;
};

template <class Settings>
[[nodiscard]] Settings settings_from(const Call& call) {
    FromCall from(call, parameters_of<Settings>());
    Settings settings{};
    settings.visit(from);
    return settings;
}

// The values of all parameters, in order.
class Values {
public:
    std::vector<Argument> arguments;

    template <class T, class... Rest>
    void operator()(const char* name, T& value, const Rest&...) {
        arguments.push_back({name, detail::to_value(value)});
    }
};

template <class Settings>
[[nodiscard]] std::vector<Argument> arguments_of(const Settings& settings) {
    Values values;
    Settings copy = settings;
    copy.visit(values);
    return std::move(values.arguments);
}

// `OrderFlowImbalance(window="row")`: text that parses back to the same settings.
template <class C>
[[nodiscard]] std::string spec_of(const C& calculator) {
    return text_of(Call{std::string(C::kName), arguments_of(calculator.settings())});
}

// A quantity in the instrument's size as a whole number of its size units, or an error.
[[nodiscard]] inline i64 in_size_units(const Quantity& quantity, const Units& units,
                                       std::string_view calculator, const char* parameter) {
    const auto n = units.size_scale.units(quantity.value);
    if (!n || *n <= 0 || *n > kMaxSize) {
        throw InputError("must be a whole number of size units (" +
                             Decimal{units.size_scale.numerator, 0}.text() + "/" +
                             Decimal{units.size_scale.denominator, 0}.text() +
                             " each), at most 2^60 of them",
                         std::string(calculator) + "." + parameter, quantity.value.text());
    }
    return *n;
}

}  // namespace bookflow
