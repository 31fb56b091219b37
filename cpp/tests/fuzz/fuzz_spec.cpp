// Text as clocks and as specs of calculators: each is refused or says itself again.
#include "bookflow/calculators.hpp"
#include "bookflow/clock.hpp"
#include "fuzz.hpp"

using namespace bookflow;

std::vector<std::string> fuzz::seeds() {
    return {"best",
            "100ms",
            "50000value",
            "imbalance(volume, trades=100, min_trades=20, max_trades=500)",
            "OrderFlowImbalance(window=\"10s\")",
            "OrderFlowImbalance(window=\"ew:30s\")",
            "Mean(of=Ratio(a=Spread(), b=Mid()), window=\"100events\")",
            "Mid() / Spread()",
            "VPIN(bucket=1000, buckets=50)",
            "Alarm(of=Rank(of=Mid(), n=100, repeats=False), above=0.99)"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        if (const auto clock = Clock::parse(text)) {
            const auto again = Clock::parse(clock->text());
            fuzz::require(again && again->text() == clock->text(), "a clock is what its text says");
        }
    } catch (const InputError&) {
    }
    try {
        const Node node = Node::parse(SpecParser(text).call());
        const std::string spec = node.spec();
        fuzz::require(Node::parse(SpecParser(spec).call()).spec() == spec,
                      "a calculator is what its spec says");
    } catch (const InputError&) {
    }
    return 0;
}
