// Refuses bad events before they are queued, in the thread that pushes them: that one can be told,
// and the pipeline behind the queue goes on.
#pragma once

#include <utility>

#include "bookflow/pipeline.hpp"

namespace bookflow {

class EventDoor {
public:
    // The rules of this pipeline, from where it stands.
    explicit EventDoor(const Pipeline& pipeline)
        : settings_(pipeline.settings()),
          units_(pipeline.units()),
          levels_(pipeline.levels()),
          at_(pipeline.position()) {
        at_.last_was_delete = pipeline.after_delete();  // what waits in the pipeline is not here
    }

    // Throws InputError with the row; nothing is remembered before `passed`.
    void check(const EventColumns& c) const {
        if (c.depth.given()) {
            throw InputError("rows of a whole depth do not go through a queue of single events",
                             "depth", std::to_string(c.depth.levels) + " levels");
        }
        door().events(c);
    }
    void check(const Event& e) const { door().event(e); }

    // These went in.
    template <class F>
    void passed(std::size_t n, F&& event_at) {
        if (n == 0) return;
        for (std::size_t i = 0; i < n && at_.source == Source::None; ++i) {
            at_.source = source_after(event_at(i).action, at_.source);
        }
        const Event last = event_at(n - 1);
        at_.last_ts = std::max(at_.last_ts, last.ts.raw);
        at_.last_was_delete = last.action == Action::Delete;
    }

private:
    [[nodiscard]] ChunkCheck door() const {
        return {settings_, units_, clock_, levels_, pending_, at_};
    }

    PipelineSettings settings_;
    Units units_;
    RowClock clock_;  // of no grid: that too many rows would be written only the pipeline knows
    int levels_;
    Pending pending_;  // always empty: what waits is the pipeline's
    ChunkCheck::Position at_;
};

}  // namespace bookflow
