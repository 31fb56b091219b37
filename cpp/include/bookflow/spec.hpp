// Spec text: `VPIN(bucket_volume=10000, sign="tick")`. One grammar for Python, files and the
// command line; it is parsed, never evaluated. A calculator's constructor goes through the same
// `Call`, so that there is one place where a parameter is checked.
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
using Value = std::variant<Nothing, bool, Decimal, std::string>;

[[nodiscard]] inline std::string text_of(const Value& value) {
    if (std::holds_alternative<Nothing>(value)) return "None";
    if (const bool* b = std::get_if<bool>(&value)) return *b ? "True" : "False";
    if (const Decimal* d = std::get_if<Decimal>(&value)) return d->text();
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

    // name(value, parameter=value, ...); the parentheses may be left out when there is nothing in
    // them.
    [[nodiscard]] Call call() {
        Call out;
        out.name = word();
        skip();
        if (at_end()) return out;
        expect('(');
        for (skip(); peek() != ')'; skip()) {
            if (!out.arguments.empty()) {
                expect(',');
                skip();
            }
            out.arguments.push_back(argument());
        }
        expect(')');
        skip();
        if (!at_end()) fail("nothing may follow the closing parenthesis");
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
        const std::size_t begin = at_;
        while (!at_end() && bare(text_[at_])) ++at_;
        if (at_ == begin) fail("a value is missing");
        const std::string_view bareword = text_.substr(begin, at_ - begin);
        if (bareword == "None") return Nothing{};
        if (bareword == "True") return true;
        if (bareword == "False") return false;
        if (const auto number = Decimal::parse(bareword)) return *number;
        return std::string(bareword);
    }

private:
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
};

}  // namespace bookflow
