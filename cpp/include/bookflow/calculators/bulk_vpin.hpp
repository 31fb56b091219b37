// VPIN over bars that are classified in bulk, as in the papers.
#pragma once

#include "bookflow/bulk_bars.hpp"
#include "bookflow/volume_buckets.hpp"

namespace bookflow {

enum class BulkVpinOutput : std::uint8_t { Value, Age, Partial, Buy, Sell, Start, End };
[[nodiscard]] constexpr std::array<std::string_view, 7> names_of(BulkVpinOutput) {
    return {"value", "age", "partial", "buy", "sell", "start", "end"};
}

class BulkVPIN {
    struct Fill {
        VolumeBuckets& buckets;
        void operator()(const BulkBar& bar) const {
            buckets.fill(bar.volume, bar.buy, bar.start, bar.end);
        }
    };

public:
    static constexpr std::string_view kName = "BulkVPIN";
    static constexpr std::string_view kDoc =
        "VPIN of bulk classified bars: the mean over the last n buckets of |VS - VB| / V, in\n"
        "[0, 1].\n\n"
        "With a bucket volume that does not change this is sum |VS - VB| / (n V). A bar's excess\n"
        "goes to the next bucket, over as many as it fills, with the bar's share of buyers. A\n"
        "bucket completes when its bar is closed, by what comes after the bar's end; NaN before\n"
        "n_buckets. bucket_volume=\"adv:N/B\" is the mean volume of the last N sessions over B:\n"
        "nothing is filled before there are N (sessions without volume are none of them), and an\n"
        "open bucket keeps the volume it began with. V is rounded to 2^-40 of a size unit; volume\n"
        "is counted in that unit, exactly.\n"
        "Bars are classified as BulkVolume does; those before a trailing sigma is known fill no\n"
        "bucket. Buckets run on across sessions unless per_session=True.\n"
        "Other outputs: age, the classified volume since the last completed bucket, once there is\n"
        "a value; buy and sell, of the last completed bucket; start and end, in ns (the nearest\n"
        "double), of the bar in which it began and of the one that completed it; partial,\n"
        "|VS - VB| / (VS + VB) of the open bucket as far as it is filled, NaN when empty (it is "
        "no\n"
        "part of the value).\n"
        "Easley, Lopez de Prado and O'Hara (2012), \"Flow toxicity and liquidity in a\n"
        "high-frequency world\", eq. 7 and 9.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        BucketVolume bucket_volume;
        int n_buckets = 50;
        BulkSettings bulk;
        bool per_session = false;
        BulkVpinOutput output = BulkVpinOutput::Value;
        template <class V>
        void visit(V& v) {
            v("bucket_volume", bucket_volume, "V, the volume of a bucket");
            v("n_buckets", n_buckets, Range<int>{1, 1'000'000}, "n, over how many buckets");
            bulk.visit(v);
            v("per_session", per_session, "whether buckets begin anew with every session");
            v("output", output, "VPIN itself, or what it is made of");
        }
    };

    explicit BulkVPIN(const Settings& s)
        : settings_(s), bars_(s.bulk), buckets_(s.bucket_volume, s.n_buckets) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const {
        return bars_.needs_time() || settings_.output >= BulkVpinOutput::Start;
    }
    void bind(const Units& units) {
        bars_.bind(units);
        buckets_.bind(units, kName);
    }

    void step(const Moment& now, const Print& print) {
        if (!print.in_flow) return;
        bars_.step(now, print, Fill{buckets_});
        buckets_.traded(print.size.raw);
    }
    void read(const Moment& now, const Units& units, double* out) {
        bars_.close_before(now.ts.raw, Fill{buckets_});
        switch (settings_.output) {
            case BulkVpinOutput::Value: *out = buckets_.value(); return;
            case BulkVpinOutput::Age: *out = units.size(buckets_.age()); return;
            case BulkVpinOutput::Partial: *out = buckets_.partial(); return;
            case BulkVpinOutput::Buy: *out = units.size(buckets_.buy()); return;
            case BulkVpinOutput::Sell: *out = units.size(buckets_.sell()); return;
            case BulkVpinOutput::Start: *out = buckets_.start(); return;
            case BulkVpinOutput::End: *out = buckets_.end(); return;
        }
    }
    void restart(Restart what) {
        if (what != Restart::Session) return;
        bars_.end_session(Fill{buckets_});
        if (settings_.per_session) buckets_.clear();
        buckets_.end_session();
    }

    template <class V>
    void visit(V& v) {
        v(bars_, buckets_);
    }

private:
    Settings settings_;
    BulkBars bars_;
    VolumeBuckets buckets_;
};

}  // namespace bookflow
