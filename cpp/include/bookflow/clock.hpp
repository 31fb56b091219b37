// When a row is written.
#pragma once

#include "bookflow/information_bars.hpp"

namespace bookflow {

struct Clock {
    enum class Kind : std::uint8_t { Event, Best, Trade, Every, Imbalance, Run };

    Kind kind = Kind::Event;
    Span every{};                    // Every
    InformationSettings expected{};  // Imbalance, Run

    static constexpr std::string_view kRule =
        "\"event\", \"best\", \"trade\", a span like \"10s\", \"100events\", \"500trades\", "
        "\"1000volume\" or \"50000value\", or bars like \"imbalance(volume, trades=100, "
        "min_trades=20, max_trades=500)\" or \"run(...)\"";

    friend bool operator==(const Clock&, const Clock&) = default;

    [[nodiscard]] bool on_grid() const { return kind == Kind::Every && every.of == Span::Of::Time; }
    [[nodiscard]] bool by_information() const { return kind >= Kind::Imbalance; }

    // Nothing where it is no clock; an error where it is one whose parameters are wrong.
    [[nodiscard]] static std::optional<Clock> parse(std::string_view text) {
        if (text == "event") return Clock{};
        if (text == "best") return Clock{Kind::Best};
        if (text == "trade") return Clock{Kind::Trade};
        for (const Kind kind : {Kind::Imbalance, Kind::Run}) {
            const std::string_view name = name_of(kind);
            if (!text.starts_with(name)) continue;
            const Call call = SpecParser(text).call();
            if (call.name == name) return Clock{kind, {}, InformationSettings::from(call)};
        }
        const auto span = Span::parse(text);
        if (!span) return std::nullopt;
        return Clock{Kind::Every, *span};
    }

    [[nodiscard]] std::string text() const {
        switch (kind) {
            case Kind::Event: return "event";
            case Kind::Best: return "best";
            case Kind::Trade: return "trade";
            case Kind::Every: return every.text();
            case Kind::Imbalance:
            case Kind::Run: break;
        }
        return std::string(name_of(kind)) + expected.text();
    }

private:
    [[nodiscard]] static std::string_view name_of(Kind kind) {
        return kind == Kind::Imbalance ? "imbalance" : "run";
    }
};

}  // namespace bookflow
