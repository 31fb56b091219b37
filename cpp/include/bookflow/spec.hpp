// Spec text: `VPIN(bucket_volume=10000, sign="tick")`. One grammar for Python, files and the
// command line; it is parsed, never evaluated. A calculator's constructor goes through the same
// `Call`, so that there is one place where a parameter is checked.
//
// Calculators of calculators are calls too: `a / b` is Ratio(of=a, by=b), `a - b` is
// Difference(of=a, less=b) and `a[2]` is Pick(of=a, item=2).
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bookflow/decimal.hpp"
#include "bookflow/error.hpp"

namespace bookflow {

struct Nothing {
    friend bool operator==(Nothing, Nothing) = default;
};
// A calculator inside another one, as its spec.
struct Formula {
    std::string text;
    friend bool operator==(const Formula&, const Formula&) = default;
};
// NaN is a number that is not known, written None.
using Numbers = std::vector<double>;
using Value = std::variant<Nothing, bool, Decimal, std::string, Formula, Numbers>;

[[nodiscard]] inline std::string text_of(const Value& value) {
    if (std::holds_alternative<Nothing>(value)) return "None";
    if (const bool* b = std::get_if<bool>(&value)) return *b ? "True" : "False";
    if (const Decimal* d = std::get_if<Decimal>(&value)) return d->text();
    if (const Formula* f = std::get_if<Formula>(&value)) return f->text;
    if (const auto* numbers = std::get_if<Numbers>(&value)) {
        std::string out;
        for (const double x : *numbers) {
            const auto number = Decimal::shortest(x);
            out += (out.empty() ? "" : ", ") + (number ? number->text() : "None");
        }
        return "[" + out + "]";
    }
    return "\"" + std::get<std::string>(value) + "\"";
}

// A parameter's value, or the calculator's name in front: `name` is empty for positional ones.
struct Argument {
    std::string name;
    Value value;
};

struct Call {
    std::string name;
    std::vector<Argument> arguments;
};

// `OrderFlowImbalance(window="row")`.
[[nodiscard]] inline std::string text_of(const Call& call) {
    std::string out;
    for (const Argument& a : call.arguments) {
        if (!out.empty()) out += ", ";
        if (!a.name.empty()) out += a.name + "=";
        out += text_of(a.value);
    }
    return call.name + "(" + out + ")";
}

// The known names, for whoever mistyped one.
template <class Names>
[[nodiscard]] std::string candidates(const Names& names) {
    std::string out;
    for (const auto& name : names) {
        out += out.empty() ? "" : ", ";
        out += name;
    }
    return out;
}

class SpecParser {
public:
    explicit SpecParser(std::string_view text) : text_(text) {}

    // The whole text as one calculator.
    [[nodiscard]] Call call() {
        Call out = difference();
        skip();
        if (!at_end()) fail("nothing may follow the calculator");
        return out;
    }

    [[nodiscard]] Value value() {
        skip();
        const char quote = peek();
        if (quote == '"' || quote == '\'') {
            const std::size_t begin = ++at_;
            while (!at_end() && text_[at_] != quote) ++at_;
            if (at_end()) fail("a quote is not closed");
            return std::string(text_.substr(begin, at_++ - begin));
        }
        if (quote == '[') return numbers();
        if (quote == '(') return formula();
        const std::size_t begin = at_;
        while (!at_end() && bare(text_[at_])) ++at_;
        if (at_ == begin) fail("a value is missing");
        const std::string_view bareword = text_.substr(begin, at_ - begin);
        skip();
        if (std::string_view("([-/").find(peek()) != std::string_view::npos) {
            at_ = begin;
            return formula();
        }
        if (bareword == "None") return Nothing{};
        if (bareword == "True") return true;
        if (bareword == "False") return false;
        if (const auto number = Decimal::parse(bareword)) return *number;
        return std::string(bareword);
    }

private:
    static constexpr int kDeepest = 32;

    // term - term - ...
    [[nodiscard]] Call difference() {
        if (++depth_ > kDeepest) {
            fail("more than " + std::to_string(kDeepest) + " calculators inside one another");
        }
        Call out = quotient();
        for (skip(); peek() == '-'; skip()) {
            ++at_;
            out = of_two("Difference", std::move(out), "less", quotient());
        }
        --depth_;
        return out;
    }
    // item / item / ...
    [[nodiscard]] Call quotient() {
        Call out = picked();
        for (skip(); peek() == '/'; skip()) {
            ++at_;
            out = of_two("Ratio", std::move(out), "by", picked());
        }
        return out;
    }
    [[nodiscard]] static Call of_two(const char* name, const Call& of, const char* second,
                                     const Call& by) {
        return {name, {{"of", Formula{text_of(of)}}, {second, Formula{text_of(by)}}}};
    }
    // A call or something in parentheses, and perhaps one of its numbers.
    [[nodiscard]] Call picked() {
        skip();
        Call out;
        if (peek() == '(') {
            ++at_;
            out = difference();
            skip();
            expect(')');
        } else {
            out = named();
        }
        for (skip(); peek() == '['; skip()) {
            ++at_;
            Value item = value();
            skip();
            expect(']');
            out = {"Pick", {{"of", Formula{text_of(out)}}, {"item", std::move(item)}}};
        }
        return out;
    }
    // name(value, parameter=value, ...); the parentheses may be left out when there is nothing in
    // them.
    [[nodiscard]] Call named() {
        Call out;
        out.name = word();
        skip();
        if (peek() != '(') return out;
        ++at_;
        for (skip(); peek() != ')'; skip()) {
            if (!out.arguments.empty()) {
                expect(',');
                skip();
            }
            out.arguments.push_back(argument());
        }
        expect(')');
        return out;
    }
    [[nodiscard]] Value formula() { return Formula{text_of(difference())}; }
    [[nodiscard]] Value numbers() {
        Numbers out;
        expect('[');
        for (skip(); peek() != ']'; skip()) {
            if (!out.empty()) expect(',');
            skip();
            const Value one = value();
            const Decimal* number = std::get_if<Decimal>(&one);
            if (number == nullptr && !std::holds_alternative<Nothing>(one)) {
                fail("expected a number");
            }
            out.push_back(number != nullptr ? number->value() : kNaN);
        }
        expect(']');
        return out;
    }
    [[nodiscard]] static bool bare(char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view("_.+-:/").find(c) != std::string_view::npos;
    }
    [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
    [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }
    void skip() {
        while (!at_end() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    }
    void expect(char c) {
        if (peek() != c) fail(std::string("expected '") + c + "'");
        ++at_;
    }
    [[nodiscard]] std::string word() {
        skip();
        const std::size_t begin = at_;
        while (!at_end() &&
               (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_')) {
            ++at_;
        }
        if (at_ == begin) fail("a name is missing");
        return std::string(text_.substr(begin, at_ - begin));
    }
    [[nodiscard]] Argument argument() {
        const std::size_t begin = at_;
        while (!at_end() &&
               (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_')) {
            ++at_;
        }
        std::string name(text_.substr(begin, at_ - begin));
        skip();
        if (!name.empty() && peek() == '=') {
            ++at_;
            return {std::move(name), value()};
        }
        at_ = begin;
        return {"", value()};
    }
    [[noreturn]] void fail(const std::string& rule) const {
        throw InputError(rule + " at character " + std::to_string(at_), "spec", std::string(text_));
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

}  // namespace bookflow
