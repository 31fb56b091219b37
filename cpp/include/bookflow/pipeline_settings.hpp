// What a pipeline is told before its first event.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "bookflow/clock.hpp"
#include "bookflow/session.hpp"
#include "bookflow/state.hpp"

namespace bookflow {

// What executions against hidden orders count in.
enum class Hidden : std::uint8_t { Volume, Flow, None };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(Hidden) {
    return {"volume", "flow", "none"};
}

struct Feature {
    std::string name;
    std::string calculator;  // its spec text
};

struct PipelineSettings {
    Instrument instrument;
    Clock clock;
    i64 origin = 0;
    SessionSchedule session;
    Hidden hidden = Hidden::Volume;
    bool raise_faults = false;
    bool as_is = false;  // times may run backwards
    i64 max_rows = 1'000'000;
    i64 history = 1024;
    std::vector<Feature> features;

    template <class V>
    void visit(V& v) {
        std::string clock_text = clock.text();
        v(instrument.symbol, instrument.inverse, instrument.id, clock_text, origin, session, hidden,
          raise_faults, as_is, max_rows, history);
        visit_units(v);
        if constexpr (V::kReading) {
            try {
                const auto parsed = Clock::parse(clock_text);
                v.require(parsed.has_value(), "a clock is invalid");
                clock = *parsed;
            } catch (const InputError& error) {
                v.fail(error.what());
            }
            v.require(hidden <= Hidden::None && max_rows > 0 && history > 0,
                      "a setting is out of range");
        }
        visit_size(v, features);
        for (Feature& f : features) v(f.name, f.calculator);
    }

private:
    template <class V>
    void visit_units(V& v) {
        const auto one = [&](Decimal& d) {
            v(d.mantissa, d.exponent);
            if constexpr (V::kReading) {
                constexpr i64 digits18 = 1'000'000'000'000'000'000;
                v.require(d.mantissa > -digits18 && d.mantissa < digits18 && d.exponent >= -500 &&
                              d.exponent <= 500,
                          "a number is out of range");
            }
        };
        one(instrument.price_unit);
        one(instrument.size_unit);
        one(instrument.multiplier);
        visit_size(v, instrument.tick);
        for (TickBand& band : instrument.tick) {
            one(band.from);
            one(band.step);
        }
    }
    template <class V, class T>
    static void visit_size(V& v, std::vector<T>& items) {
        auto n = static_cast<u64>(items.size());
        v(n);
        if constexpr (V::kReading) v.require(n < 1'000'000, "a list is too long");
        items.resize(n);
    }
};

}  // namespace bookflow
