// Saved pipelines: refused, or a state that saves as itself and goes on.
#include "../saved.hpp"
#include "bookflow/pipeline.hpp"

using namespace bookflow;
using fuzz::body_of;
using fuzz::restored;
using fuzz::some_events;

namespace {

PipelineSettings settings(int which) {
    PipelineSettings s;
    s.instrument = {"X", {1, -2}, {{{}, {1, -2}}}};
    s.clock = *Clock::parse(which == 0 ? "1s" : which == 1 ? "event" : "trade");
    s.history = 4;
    s.features = {{"mid", "Mid()"},
                  {"ofi", "OrderFlowImbalance(window=\"2s\")"},
                  {"rv", "RealisedVolatility(window=\"5s\")"}};
    if (which == 1) s.features.push_back({"vpin", "VPIN(bucket_volume=10, n_buckets=4)"});
    if (which == 2) s.features = {{"rank", "Rank(of=Mid(), n=8)"}};
    return s;
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
    std::vector<std::string> out;
    for (int which = 0; which < 3; ++which) {
        Pipeline pipe(settings(which));
        out.push_back(body_of(pipe));
        for (const Event& e : some_events(0, which == 1)) pipe.push(e);
        out.push_back(body_of(pipe));
    }
    return out;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Pipeline own;
    if (!restored({reinterpret_cast<const char*>(data), size}, own)) return 0;
    i64 from = 0;
    for (const bool orders : {true, false}) {
        for (const Event& e : some_events(from, orders)) {
            try {
                own.push(e);
            } catch (const InputError&) {
            } catch (const SizeOverflow&) {
            } catch (const FeedFault&) {
            }
        }
        from += 1'000'000'000'000;
    }
    own.finish();
    (void)body_of(own);
    return 0;
}
