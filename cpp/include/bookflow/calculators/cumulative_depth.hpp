// How much rests near the touch.
#pragma once

#include "bookflow/plain_rows.hpp"
#include "bookflow/reach.hpp"

namespace bookflow {

class CumulativeDepth {
public:
    static constexpr std::string_view kName = "CumulativeDepth";
    static constexpr std::string_view kDoc =
        "Depth: the size that rests at the best levels, or within a distance from the mid.\n\n"
        "In the instrument's size. side=\"both\" is the sum of the two. by=\"level\": of the best\n"
        "`levels` levels; by=\"ticks\" or \"bp\": of those with |p - mid| <= within, in ticks (of "
        "the tick\nin force at the bid) or basis points of the mid. No more than `levels` levels "
        "of a side are\n"
        "looked at: of a book that has more within that distance it is a lower bound.\n"
        "NaN where a side that is asked for is empty, by distance without a mid (for \"bp\": one "
        "above 0);\n0 where none rests that near. Exact, rounded once.";
    static constexpr Feed kFeed = Feed::Depth;
    static constexpr bool kState = true;

    struct Settings : ReachSettings {
        DepthSide side = DepthSide::Both;
        template <class V>
        void visit(V& v) {
            visit_levels(v);
            v("side", side, "of which side, or the sum of both");
            visit_distance(v);
        }
    };

    explicit CumulativeDepth(const Settings& s) : settings_(s), reach_(kName, s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] int levels() const { return settings_.levels; }

    void bind(const Units& units) { reach_.bind(units); }
    void step(const Moment&, const Depth& depth) {
        const bool bid = settings_.side != DepthSide::Ask;
        const bool ask = settings_.side != DepthSide::Bid;
        const Reach::View seen = reach_.look(depth);
        if (!seen.defined || (bid && depth.bids == 0) || (ask && depth.asks == 0)) {
            value_ = kNaN;
            return;
        }
        i128 size = 0;
        if (bid) size += size_of(seen.bids);
        if (ask) size += size_of(seen.asks);
        value_ = reach_.units().size(size);
    }
    void read(const Moment&, const Units&, double* out) const { *out = value_; }
    void restart(Restart) {}
    [[nodiscard]] bool takes_rows() const { return settings_.by == ReachBy::Level; }
    [[gnu::always_inline]] inline void plain_rows(TouchRows x, std::size_t rows,
                                                  double* __restrict out) const {
        const auto levels = static_cast<std::size_t>(settings_.levels);
        const bool bid = settings_.side != DepthSide::Ask;
        const bool ask = settings_.side != DepthSide::Bid;
        for (std::size_t r = 0; r < rows; ++r) {
            const TouchRows row = x.from(r * levels);
            i64 size = 0;
            if (bid) size += sum_of(row.bid_size, levels);
            if (ask) size += sum_of(row.ask_size, levels);
            out[r] = static_cast<double>(size);
        }
    }
    template <class V>
    void visit(V& v) {
        v(value_);
    }

private:
    Settings settings_;
    Reach reach_;
    double value_ = kNaN;
};

}  // namespace bookflow
