// A calculator whose values drive another one.
//
// It is kept as its spec: a pipeline holds the calculator itself, once, for all that read it. Used
// alone a calculator of values has no source; it is given the numbers.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "bookflow/calculator.hpp"

namespace bookflow {

// The spec in full and how many numbers the calculator yields (0: one that is no vector); throws
// InputError. By the list, which comes after what it lists.
struct SourceCalculator {
    std::string spec;
    int vector_of = 0;
};
[[nodiscard]] SourceCalculator source_calculator(const std::string& text);

struct ValueSource {
    std::string spec;  // empty: none

    friend bool operator==(const ValueSource&, const ValueSource&) = default;

    static constexpr const char* kType = "source";
    static constexpr std::string_view kRule =
        "a calculator or its spec, such as Mid() or OrderFlowImbalance(window=\"10s\"), that "
        "yields one number (one of a vector: MultiLevelOrderFlowImbalance()[2])";
    static constexpr bool kRequired = false;

    [[nodiscard]] static std::optional<ValueSource> parse(const Value& value) {
        const auto found = find(value);
        if (!found) return ValueSource{};
        if (found->spec.empty() || found->vector_of > 0) return std::nullopt;
        return ValueSource{found->spec};
    }
    [[nodiscard]] Value value() const { return spec.empty() ? Value{Nothing{}} : Formula{spec}; }

protected:
    // Nothing where there is none; an empty spec where the value is no calculator.
    [[nodiscard]] static std::optional<SourceCalculator> find(const Value& value) {
        if (std::holds_alternative<Nothing>(value)) return std::nullopt;
        if (const Formula* f = std::get_if<Formula>(&value)) return source_calculator(f->text);
        if (const auto* s = std::get_if<std::string>(&value)) return source_calculator(*s);
        return SourceCalculator{};
    }
};

struct VectorSource : ValueSource {
    int width = 0;

    static constexpr std::string_view kRule =
        "a calculator that yields a vector, such as MultiLevelOrderFlowImbalance(), or its spec";

    [[nodiscard]] static std::optional<VectorSource> parse(const Value& value) {
        const auto found = find(value);
        if (!found) return VectorSource{};
        if (found->vector_of == 0) return std::nullopt;
        return VectorSource{{found->spec}, found->vector_of};
    }
};

// When a calculator of values looks at its sources.
enum class On : std::uint8_t { Row, Event };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(On) { return {"row", "event"}; }

// The settings that calculators of one source share.
struct OneSource {
    ValueSource of;
    On on = On::Row;

    [[nodiscard]] std::array<std::string, 1> sources() const { return {of.spec}; }

protected:
    template <class V>
    void visit_of(V& v) {
        v("of", of, "whose values are taken; in a pipeline only, alone they are given");
    }
    template <class V>
    void visit_on(V& v) {
        v("on", on, "when a value is taken: where a row is written, or at each atomic event");
    }
};

// Nothing but a source.
struct JustOneSource : OneSource {
    template <class V>
    void visit(V& v) {
        visit_of(v);
        visit_on(v);
    }
};

// And those of two.
struct TwoSources {
    ValueSource of;
    ValueSource by;
    On on = On::Row;

    [[nodiscard]] std::array<std::string, 2> sources() const { return {of.spec, by.spec}; }

protected:
    template <class V>
    void visit_on(V& v) {
        v("on", on, "when values are taken: where a row is written, or at each atomic event");
    }
};

// What calculators of one source, or of two, have in common.
template <class Settings_, std::size_t Sources = 1>
class OfValues {
public:
    static constexpr Feed kFeed = Feed::Values;
    static constexpr bool kState = false;
    static constexpr auto kInputs = [] {
        if constexpr (Sources == 1) {
            return std::array{"of"};
        } else {
            return std::array{"of", "by"};
        }
    }();
    using Settings = Settings_;

    explicit OfValues(const Settings& s) : settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

protected:
    Settings settings_;
};

}  // namespace bookflow
