// Calculators made of calculators: `a / b`, `a - b`, `a[2]`.
#pragma once

#include "bookflow/source.hpp"

namespace bookflow {

// They keep nothing but what they are to be read as.
class Composed {
public:
    static constexpr Feed kFeed = Feed::Values;
    static constexpr bool kState = false;

    void read(const Moment&, const Units&, double* out) const { *out = value_; }
    void restart(Restart) {}
    template <class V>
    void visit(V& v) {
        v(value_);
    }

protected:
    double value_ = kNaN;
};

class Ratio : public Composed {
public:
    static constexpr std::string_view kName = "Ratio";
    static constexpr std::string_view kDoc =
        "One calculator over another, a / b.\n\n"
        "NaN where either is or where the divisor is 0. In a spec and in Python it is written "
        "`a / b`;\nused alone it takes the two numbers.";
    static constexpr std::array<const char*, 2> kInputs{"of", "by"};

    struct Settings {
        ValueSource of;
        ValueSource by;
        template <class V>
        void visit(V& v) {
            v("of", of, "what is divided");
            v("by", by, "the divisor");
        }
        [[nodiscard]] std::array<std::string, 2> sources() const { return {of.spec, by.spec}; }
    };

    explicit Ratio(const Settings& s) : settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment&, const std::array<double, 2>& x) { value_ = quotient(x[0], x[1]); }

private:
    Settings settings_;
};

class Difference : public Composed {
public:
    static constexpr std::string_view kName = "Difference";
    static constexpr std::string_view kDoc =
        "One calculator less another, a - b.\n\n"
        "NaN where either is. In a spec and in Python it is written `a - b`; used alone it takes "
        "the two\nnumbers.";
    static constexpr std::array<const char*, 2> kInputs{"of", "less"};

    struct Settings {
        ValueSource of;
        ValueSource less;
        template <class V>
        void visit(V& v) {
            v("of", of, "from what is subtracted");
            v("less", less, "what is subtracted");
        }
        [[nodiscard]] std::array<std::string, 2> sources() const { return {of.spec, less.spec}; }
    };

    explicit Difference(const Settings& s) : settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment&, const std::array<double, 2>& x) { value_ = x[0] - x[1]; }

private:
    Settings settings_;
};

class Pick : public Composed {
public:
    static constexpr std::string_view kName = "Pick";
    static constexpr std::string_view kDoc =
        "One number of a calculator that yields a vector, counted from 1 as its columns are.\n\n"
        "In a spec and in Python it is written `MultiLevelOrderFlowImbalance()[2]`; used alone it "
        "takes\nthe number itself.";
    static constexpr std::array<const char*, 1> kInputs{"of"};

    struct Settings {
        VectorSource of;
        int item = 1;
        template <class V>
        void visit(V& v) {
            v("of", of, "a calculator that yields a vector");
            v("item", item, Range<int>{1, kMaxLevels}, "which of its numbers, 1 for the first");
        }
        [[nodiscard]] std::array<std::string, 1> sources() const { return {of.spec}; }
    };

    explicit Pick(const Settings& s) : settings_(s) {
        if (s.of.width > 0 && s.item > s.of.width) {
            throw InputError(
                "must be from 1 to " + std::to_string(s.of.width) + ", as many as there are",
                "Pick.item", std::to_string(s.item));
        }
    }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    // Of its source's numbers, the place of the one it takes.
    [[nodiscard]] std::size_t place() const { return static_cast<std::size_t>(settings_.item - 1); }

    void step(const Moment&, const std::array<double, 1>& x) { value_ = x[0]; }

private:
    Settings settings_;
};

}  // namespace bookflow
