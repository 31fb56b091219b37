// The orders that make up the touch: needs single orders (L3).
#pragma once

#include "bookflow/calculators/touch.hpp"

namespace bookflow {

// Remembers nothing but the queues it was last shown.
class QueueState {
public:
    static constexpr Feed kFeed = Feed::Queues;
    static constexpr bool kState = true;

    void step(const Moment&, const Queues& q) { queues_ = q; }
    void restart(Restart) {}
    template <class V>
    void visit(V& v) {
        v(queues_);
    }

protected:
    Queues queues_;
};

enum class QueueSide : std::uint8_t { Bid, Ask, Both };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(QueueSide) {
    return {"bid", "ask", "both"};
}

// f(queue) of one side or added up over both; Queue::kUnknown where it is for one of them.
template <class F>
[[nodiscard]] i128 over_sides(const Queues& queues, QueueSide of, F f) {
    i128 sum = 0;
    for (const auto& [side, queue] :
         {std::pair{QueueSide::Bid, &queues.bid}, std::pair{QueueSide::Ask, &queues.ask}}) {
        if (of != QueueSide::Both && of != side) continue;
        const i128 x = f(*queue);
        if (x == Queue::kUnknown) return x;
        sum += x;
    }
    return sum;
}

class OrderCountImbalance : public QueueState {
public:
    static constexpr std::string_view kName = "OrderCountImbalance";
    static constexpr std::string_view kDoc =
        "Imbalance (nb - na) / (nb + na) of the numbers of orders at the touch, in [-1, 1].\n\n"
        "A number without unit: QueueImbalance with orders counted instead of their sizes. One "
        "side\nempty: +1 or -1 (and ONE_SIDED in the status); both: NaN.\n"
        "Needs single orders: NaN over level, quote and depth streams.";

    using Settings = NoSettings;
    explicit OrderCountImbalance(const Settings& = {}) {}
    [[nodiscard]] Settings settings() const { return {}; }

    void read(const Moment&, const Units&, double* out) const {
        const i64 bid = queues_.bid.orders;
        const i64 ask = queues_.ask.orders;
        *out =
            bid == Queue::kUnknown || ask == Queue::kUnknown ? kNaN : ratio(bid - ask, bid + ask);
    }
};

class MeanOrderSize : public QueueState {
public:
    static constexpr std::string_view kName = "MeanOrderSize";
    static constexpr std::string_view kDoc =
        "Mean size of the orders that rest at the touch, q / n.\n\n"
        "In the instrument's size. of=\"both\": the sizes of both sides over the orders of both. "
        "NaN\nwhere no order rests.\n"
        "Needs single orders: NaN over level, quote and depth streams.";

    struct Settings {
        QueueSide of = QueueSide::Both;
        template <class V>
        void visit(V& v) {
            v("of", of, "the side whose best price is looked at");
        }
    };

    explicit MeanOrderSize(const Settings& s) : settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void read(const Moment&, const Units& units, double* out) const {
        const i128 orders = over_sides(queues_, settings_.of, [](auto& q) { return q.orders; });
        const i128 size = over_sides(queues_, settings_.of, [](auto& q) { return q.size; });
        const bool known = orders > 0 && size != Queue::kUnknown;
        *out = known ? units.size_scale.value(size, orders) : kNaN;
    }

private:
    Settings settings_;
};

enum class AgeWeight : std::uint8_t { Order, Size };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(AgeWeight) {
    return {"order", "size"};
}

class TouchAge : public QueueState {
public:
    static constexpr std::string_view kName = "TouchAge";
    static constexpr std::string_view kDoc =
        "Mean age of the orders that rest at the touch, sum(w a) / sum(w), each weighing 1 or its "
        "size.\n\n"
        "In seconds. An order's age begins with the atomic event in which it joined its queue, and "
        "with\nthat of a snapshot for the orders in it. A modification that keeps the order's "
        "place (a size not\nlarger, at the same price) keeps its age, and so does a part that is "
        "cancelled or executed;\na larger size, another price or a replacement begins a new one. "
        "of=\"both\": over the orders of\nboth sides. NaN where no order rests.\n"
        "Needs single orders: NaN over level, quote and depth streams. Every reading walks the "
        "queues\nat the touch.";
    static constexpr bool kAges = true;

    struct Settings {
        AgeWeight weight = AgeWeight::Order;
        QueueSide of = QueueSide::Both;
        template <class V>
        void visit(V& v) {
            v("weight", weight, "what an order weighs in the mean: 1, or its size");
            v("of", of, "the side whose best price is looked at");
        }
    };

    explicit TouchAge(const Settings& s) : settings_(s) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void read(const Moment&, const Units&, double* out) const {
        const bool by_size = settings_.weight == AgeWeight::Size;
        const i128 weights =
            over_sides(queues_, settings_.of, [&](auto& q) { return by_size ? q.size : q.orders; });
        const i128 ages = over_sides(queues_, settings_.of,
                                     [&](auto& q) { return by_size ? q.sized_ages : q.ages; });
        const bool known = weights > 0 && ages != Queue::kUnknown;
        *out = known ? ratio(ages, weights * 1'000'000'000) : kNaN;
    }

private:
    Settings settings_;
};

}  // namespace bookflow
