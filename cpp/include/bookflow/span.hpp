// One grammar for clocks and windows: `event best trade row session 10s 100ms 100events 500trades
// 1000volume 50000value ew:30s ew:100events`. Which words fit where is said by Window and Clock.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "bookflow/decimal.hpp"
#include "bookflow/error.hpp"

namespace bookflow {

// A quantity with its unit: 10s, 100events, 0.5volume.
struct Span {
    enum class Of : std::uint8_t { Time, Events, Trades, Volume, Value };

    Of of = Of::Time;
    i64 count = 0;   // ns, events or trades
    Decimal amount;  // volume in the instrument's size, value in its money

    friend bool operator==(const Span&, const Span&) = default;

    [[nodiscard]] bool is_amount() const { return of == Of::Volume || of == Of::Value; }

    static constexpr std::array<std::pair<std::string_view, Of>, 2> kAmounts{
        {{"volume", Of::Volume}, {"value", Of::Value}}};
    static constexpr std::array<std::pair<std::string_view, i64>, 7> kTimeUnits{
        {{"d", 86'400'000'000'000},
         {"h", 3'600'000'000'000},
         {"m", 60'000'000'000},
         {"s", 1'000'000'000},
         {"ms", 1'000'000},
         {"us", 1'000},
         {"ns", 1}}};

    [[nodiscard]] static std::optional<Span> parse(std::string_view text) {
        // a volume may be as small as 1e-8volume: its number is all that stands before the word
        for (const auto& [word, of] : kAmounts) {
            if (!text.ends_with(word)) continue;
            const auto number = Decimal::parse(text.substr(0, text.size() - word.size()));
            if (!number || !number->positive()) return std::nullopt;
            return Span{of, 0, *number};
        }
        const std::size_t split = text.find_first_not_of("0123456789.");
        if (split == 0 || split == std::string_view::npos) return std::nullopt;
        const auto number = Decimal::parse(text.substr(0, split));
        const std::string_view unit = text.substr(split);
        if (!number || !number->positive()) return std::nullopt;
        Span out;
        i64 step = 1;
        if (unit == "events" || unit == "event") {
            out.of = Of::Events;
        } else if (unit == "trades" || unit == "trade") {
            out.of = Of::Trades;
        } else {
            step = 0;
            for (const auto& [name, ns] : kTimeUnits) {
                if (unit == name) step = ns;
            }
            if (step == 0) return std::nullopt;
        }
        // 0.5s is 500,000,000 ns; half an event is nothing
        const auto total = Scale{1, step}.units(*number);
        if (!total || *total >= kMaxTime) return std::nullopt;
        out.count = *total;
        return out;
    }

    [[nodiscard]] std::string text() const {
        switch (of) {
            case Of::Events: return std::to_string(count) + "events";
            case Of::Trades: return std::to_string(count) + "trades";
            case Of::Volume: return amount.text() + "volume";
            case Of::Value: return amount.text() + "value";
            case Of::Time: break;
        }
        for (const auto& [name, ns] : kTimeUnits) {
            if (count % ns == 0) return std::to_string(count / ns) + std::string(name);
        }
        return std::to_string(count) + "ns";
    }

    template <class V>
    void visit(V& v) {
        v(of, count, amount.mantissa, amount.exponent);
        if constexpr (V::kReading)
            v.require(of <= Of::Value && count >= 0 && count < kMaxTime, "a span is invalid");
    }
};

// Over what a flow is summed.
struct Window {
    enum class Kind : std::uint8_t { Row, Session, Forever, Last, Decayed };

    Kind kind = Kind::Row;
    Span span;  // Last: the width; Decayed: the half-life

    static constexpr std::string_view kRule =
        "\"row\", \"session\", None, a span like \"10s\", \"100events\" or "
        "\"500trades\", or a half-life like \"ew:30s\" or \"ew:100events\"";

    static constexpr std::string_view kSlidingRule =
        "\"row\", \"session\", None, or a span like \"10s\", \"100events\" or "
        "\"500trades\"";

    friend bool operator==(const Window&, const Window&) = default;

    [[nodiscard]] static Window session() { return {Kind::Session, {}}; }

    [[nodiscard]] static std::optional<Window> parse(std::string_view text) {
        if (text == "row") return Window{};
        if (text == "session") return session();
        if (text == "None") return Window{Kind::Forever, {}};
        const bool decayed = text.starts_with("ew:");
        const auto span = Span::parse(decayed ? text.substr(3) : text);
        if (!span || span->is_amount()) return std::nullopt;
        if (decayed && span->of == Span::Of::Trades) return std::nullopt;
        return Window{decayed ? Kind::Decayed : Kind::Last, *span};
    }

    [[nodiscard]] std::string text() const {
        switch (kind) {
            case Kind::Row: return "row";
            case Kind::Session: return "session";
            case Kind::Forever: return "None";
            case Kind::Last: return span.text();
            case Kind::Decayed: return "ew:" + span.text();
        }
        return {};
    }
};

}  // namespace bookflow
