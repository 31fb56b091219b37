// The imbalance of the two best queues, in its two conventions, under two names.
#pragma once

#include "bookflow/calculators/touch.hpp"

namespace bookflow {

class QueueImbalance : public TouchState {
public:
    static constexpr std::string_view kName = "QueueImbalance";
    static constexpr std::string_view kDoc =
        "Queue imbalance (qb - qa) / (qb + qa) of the best queues, in [-1, 1].\n\n"
        "A number without unit. One side empty: +1 or -1 (and ONE_SIDED in the status); both: "
        "NaN.\n"
        "Gould and Bonart (2016), \"Queue imbalance as a one-tick-ahead price predictor\", eq. 1.";

    using Settings = NoSettings;
    explicit QueueImbalance(const Settings& = {}) {}
    [[nodiscard]] Settings settings() const { return {}; }

    void read(const Moment&, const Units&, double* out) const {
        const i64 bid = quotes_.bid_size.raw;
        const i64 ask = quotes_.ask_size.raw;
        *out = ratio(bid - ask, bid + ask);
    }
    [[gnu::always_inline]] static inline double plain(u64, u64 bid_size, u64, u64 ask_size) {
        return plain_double(bid_size - ask_size) / plain_double(bid_size + ask_size);
    }
};

class QueueShare : public TouchState {
public:
    static constexpr std::string_view kName = "QueueShare";
    static constexpr std::string_view kDoc =
        "The bid's share qb / (qb + qa) of the best queues, in [0, 1]: Stoikov's imbalance.\n\n"
        "A number without unit; (1 + QueueImbalance) / 2. One side empty: 1 or 0; both: NaN.\n"
        "Stoikov (2018), \"The micro-price\".";

    using Settings = NoSettings;
    explicit QueueShare(const Settings& = {}) {}
    [[nodiscard]] Settings settings() const { return {}; }

    void read(const Moment&, const Units&, double* out) const {
        *out = ratio(quotes_.bid_size.raw, quotes_.bid_size.raw + quotes_.ask_size.raw);
    }
    [[gnu::always_inline]] static inline double plain(u64, u64 bid_size, u64, u64 ask_size) {
        return plain_double(bid_size) / plain_double(bid_size + ask_size);
    }
};

}  // namespace bookflow
