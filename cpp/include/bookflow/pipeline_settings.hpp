// What a pipeline is told before its first event.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "bookflow/clock.hpp"
#include "bookflow/faults.hpp"
#include "bookflow/session.hpp"
#include "bookflow/state.hpp"

namespace bookflow {

// What executions against hidden orders count in.
enum class Hidden : std::uint8_t { Volume, Flow, None };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(Hidden) {
    return {"volume", "flow", "none"};
}

// What is done when something was lost, and when the book is crossed.
enum class OnGap : std::uint8_t { Mark, Hold, Raise };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(OnGap) {
    return {"mark", "hold", "raise"};
}
enum class OnCrossed : std::uint8_t { Mark, Hold, Uncross, Raise };
[[nodiscard]] constexpr std::array<std::string_view, 4> names_of(OnCrossed) {
    return {"mark", "hold", "uncross", "raise"};
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
    OnGap on_gap = OnGap::Mark;
    OnCrossed on_crossed = OnCrossed::Mark;
    i64 stale_after = 0;  // ns without an event; 0: never
    bool as_is = false;   // times may run backwards
    i64 max_rows = 1'000'000;
    i64 history = 1024;
    std::vector<Feature> features;

    // The faults that raise, by bit_of: all or none, but a policy of its own goes before.
    [[nodiscard]] std::uint32_t raised() const {
        constexpr std::uint32_t gap = bit_of(Fault::Gap);
        constexpr std::uint32_t crossed = bit_of(Fault::Crossed);
        std::uint32_t kinds = raise_faults ? kRaised : 0;
        if (on_gap == OnGap::Hold) kinds &= ~gap;
        if (on_gap == OnGap::Raise) kinds |= gap;
        if (on_crossed == OnCrossed::Hold) kinds &= ~crossed;
        if (on_crossed == OnCrossed::Raise) kinds |= crossed;
        return kinds;
    }
    // The status bits under which no row is written.
    [[nodiscard]] std::uint16_t withheld() const {
        int bits = on_gap == OnGap::Hold ? status::kGap | status::kSnapshotPending : 0;
        if (on_crossed == OnCrossed::Hold) bits |= status::kCrossed;
        return static_cast<std::uint16_t>(bits);
    }

    template <class V>
    void visit(V& v) {
        std::string clock_text = clock.text();
        v(instrument, clock_text, origin, session, hidden, raise_faults, on_gap, on_crossed,
          stale_after, as_is, max_rows, history);
        if constexpr (V::kReading) {
            try {
                const auto parsed = Clock::parse(clock_text);
                v.require(parsed.has_value(), "a clock is invalid");
                clock = *parsed;
            } catch (const InputError& error) {
                v.fail(error.what());
            }
            v.require(hidden <= Hidden::None && on_gap <= OnGap::Raise &&
                          on_crossed <= OnCrossed::Raise && stale_after >= 0 &&
                          stale_after < kMaxTime && max_rows > 0 && history > 0,
                      "a setting is out of range");
        }
        visit_size(v, features);
        for (Feature& f : features) v(f.name, f.calculator);
    }

private:
    template <class V, class T>
    static void visit_size(V& v, std::vector<T>& items) {
        auto n = static_cast<u64>(items.size());
        v(n);
        if constexpr (V::kReading) v.require(n < 1'000'000, "a list is too long");
        items.resize(n);
    }
};

}  // namespace bookflow
