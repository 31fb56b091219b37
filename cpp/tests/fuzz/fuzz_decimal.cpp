// Text as decimals, units and spans of time: each is refused or says itself again.
#include <cmath>

#include "bookflow/span.hpp"
#include "fuzz.hpp"

using namespace bookflow;

std::vector<std::string> fuzz::seeds() {
    return {"0.1",
            "-12.50",
            "1e-8",
            "+7E+3",
            "123456789012345678",
            "9223372036854775807",
            "0.000000000000000001",
            "1e400",
            "100ms",
            "0.5volume",
            "100trades",
            "ew:30s",
            "imbalance(volume, trades=100, min_trades=20, max_trades=500)"};
}

namespace {

void decimal(std::string_view text) {
    const auto number = Decimal::parse(text);
    if (!number) return;
    fuzz::require(std::isfinite(number->value()) || number->exponent > 280, "a decimal is finite");
    const auto again = Decimal::parse(number->text());
    fuzz::require(again.has_value() && *again == *number, "a decimal is what its text says");
    const double read = std::strtod(std::string(text).c_str(), nullptr);
    fuzz::require(number->value() == read, "a decimal's value is the nearest double");
    for (const Decimal unit : {Decimal{1, 0}, Decimal{1, -2}, Decimal{1, -8}, Decimal{5, -1}}) {
        const auto scale = Scale::of(unit);
        const auto units = scale ? scale->units(*number) : std::nullopt;
        if (!units) continue;
        fuzz::require(scale->value(*units) == number->value(), "units are exact");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    decimal(text);
    if (const auto span = Span::parse(text)) {
        fuzz::require(Span::parse(span->text()) == span, "a span is what its text says");
    }
    return 0;
}
