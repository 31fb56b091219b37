// THE LIST. One line a calculator; binding, stub, column function, pipeline node, contract tests
// and docs follow from it.
#pragma once

#include "bookflow/calculators/arrival_intensity.hpp"
#include "bookflow/calculators/book_shape.hpp"
#include "bookflow/calculators/bulk_volume.hpp"
#include "bookflow/calculators/bulk_vpin.hpp"
#include "bookflow/calculators/composition.hpp"
#include "bookflow/calculators/cumulative_depth.hpp"
#include "bookflow/calculators/depth_conserving_order_flow_imbalance.hpp"
#include "bookflow/calculators/fitted_models.hpp"
#include "bookflow/calculators/multi_level_imbalance.hpp"
#include "bookflow/calculators/normalised_order_flow_imbalance.hpp"
#include "bookflow/calculators/order_changes.hpp"
#include "bookflow/calculators/order_flow_imbalance.hpp"
#include "bookflow/calculators/persistence.hpp"
#include "bookflow/calculators/queue_imbalance.hpp"
#include "bookflow/calculators/queues.hpp"
#include "bookflow/calculators/quote_changes.hpp"
#include "bookflow/calculators/ranks.hpp"
#include "bookflow/calculators/realised_volatility.hpp"
#include "bookflow/calculators/relative_volume.hpp"
#include "bookflow/calculators/resilience.hpp"
#include "bookflow/calculators/spread_paid.hpp"
#include "bookflow/calculators/spread_realised.hpp"
#include "bookflow/calculators/statistics.hpp"
#include "bookflow/calculators/touch.hpp"
#include "bookflow/calculators/trade_size.hpp"
#include "bookflow/calculators/traded_volume.hpp"
#include "bookflow/calculators/turnover.hpp"
#include "bookflow/calculators/volume_climax.hpp"
#include "bookflow/calculators/volume_confirmation.hpp"
#include "bookflow/calculators/volume_signed_imbalance.hpp"
#include "bookflow/calculators/vpin.hpp"
#include "bookflow/calculators/vwap.hpp"
#include "bookflow/calculators/walk_the_book.hpp"

#define BOOKFLOW_CALCULATORS(X)          \
    X(Touch)                             \
    X(Mid)                               \
    X(Spread)                            \
    X(WeightedMid)                       \
    X(QueueImbalance)                    \
    X(QueueShare)                        \
    X(Microprice)                        \
    X(MultiLevelImbalance)               \
    X(CumulativeDepth)                   \
    X(WalkTheBook)                       \
    X(BookSlope)                         \
    X(BookSkew)                          \
    X(OrderCountImbalance)               \
    X(MeanOrderSize)                     \
    X(TouchAge)                          \
    X(OrderFlowImbalance)                \
    X(LogOrderFlowImbalance)             \
    X(MultiLevelOrderFlowImbalance)      \
    X(NormalisedOrderFlowImbalance)      \
    X(IntegratedOrderFlowImbalance)      \
    X(DepthConservingOrderFlowImbalance) \
    X(MultiLevelLogOrderFlowImbalance)   \
    X(QuoteChangeCount)                  \
    X(RealisedVolatility)                \
    X(CauseOrderFlowImbalance)           \
    X(CancelRate)                        \
    X(OrderToTradeRatio)                 \
    X(TradeCount)                        \
    X(Volume)                            \
    X(BuyVolume)                         \
    X(SellVolume)                        \
    X(Turnover)                          \
    X(SignedRootTurnover)                \
    X(BuySellRatio)                      \
    X(TradeFlowImbalance)                \
    X(VolumeSignedImbalance)             \
    X(CumulativeVolumeDelta)             \
    X(VWAP)                              \
    X(VWAPDeviation)                     \
    X(LastPrice)                         \
    X(MeanTradeSize)                     \
    X(LargeTradeShare)                   \
    X(TradeSizeQuantile)                 \
    X(VolumeConfirmation)                \
    X(VolumeClimax)                      \
    X(RelativeVolume)                    \
    X(HawkesIntensity)                   \
    X(EffectiveSpread)                   \
    X(RealisedSpread)                    \
    X(PriceImpact)                       \
    X(Resilience)                        \
    X(RollSpread)                        \
    X(VPIN)                              \
    X(BulkVolume)                        \
    X(BulkVPIN)                          \
    X(Ratio)                             \
    X(Difference)                        \
    X(Pick)                              \
    X(Mean)                              \
    X(Std)                               \
    X(Min)                               \
    X(Max)                               \
    X(Last)                              \
    X(Lag)                               \
    X(Diff)                              \
    X(ZScore)                            \
    X(LogReturn)                         \
    X(Regression)                        \
    X(KyleLambda)                        \
    X(HasbrouckLambda)                   \
    X(Amihud)                            \
    X(VolumeImpact)                      \
    X(Autocorrelation)                   \
    X(HalfLife)                          \
    X(Whitened)                          \
    X(RunLength)                         \
    X(Rank)                              \
    X(AdaptiveThreshold)                 \
    X(Alarm)                             \
    X(Shewhart)                          \
    X(Cusum)                             \
    X(EwmaChart)                         \
    X(PageHinkley)

namespace bookflow {

enum class Kind : std::uint16_t {
#define BOOKFLOW_ONE(C) C,
    BOOKFLOW_CALCULATORS(BOOKFLOW_ONE)
#undef BOOKFLOW_ONE
};

template <class C>
struct KindOf;
#define BOOKFLOW_ONE(C)                        \
    template <>                                \
    struct KindOf<C> {                         \
        static constexpr Kind value = Kind::C; \
    };
BOOKFLOW_CALCULATORS(BOOKFLOW_ONE)
#undef BOOKFLOW_ONE

// f(std::type_identity<C>{}) of the calculator of this kind: one switch over the list.
template <class F>
decltype(auto) dispatch(Kind kind, F&& f) {
    switch (kind) {
#define BOOKFLOW_ONE(C) \
    case Kind::C: return f(std::type_identity<C>{});
        BOOKFLOW_CALCULATORS(BOOKFLOW_ONE)
#undef BOOKFLOW_ONE
    }
    __builtin_unreachable();
}

template <class F>
void for_each_calculator(F&& f) {
#define BOOKFLOW_ONE(C) f(std::type_identity<C>{});
    BOOKFLOW_CALCULATORS(BOOKFLOW_ONE)
#undef BOOKFLOW_ONE
}

[[nodiscard]] inline std::vector<std::string> calculator_names() {
    std::vector<std::string> names;
    for_each_calculator([&]<class C>(std::type_identity<C>) { names.emplace_back(C::kName); });
    return names;
}

// Numbers a calculator yields: one, or one a level.
template <class C>
[[nodiscard]] int width_of(const C& calculator) {
    if constexpr (requires { calculator.width(); }) {
        return calculator.width();
    } else {
        return 1;
    }
}

// Whether it yields a vector (named NAME_1, NAME_2, ...), even one of a single level.
template <class C>
inline constexpr bool is_vector = requires(const C& c) { c.width(); };

template <class C>
void bind_units(C& calculator, const Units& units) {
    if constexpr (requires { calculator.bind(units); }) calculator.bind(units);
}

// What it is told once a row was written; those that measure time want to know when.
template <class C>
void row_written(C& calculator, const Moment& now) {
    if constexpr (requires { calculator.row_written(now); }) {
        calculator.row_written(now);
    } else {
        calculator.restart(Restart::Row);
    }
}

// Any calculator of the list by value: a pipeline's node.
class Node {
public:
    // f(calculator&) with its own type.
    template <class F>
    decltype(auto) visit(F&& f) {
        return dispatch(kind_, [&]<class C>(std::type_identity<C>) -> decltype(auto) {
            return f(*static_cast<C*>(object_));
        });
    }
    template <class F>
    decltype(auto) visit(F&& f) const {
        return dispatch(kind_, [&]<class C>(std::type_identity<C>) -> decltype(auto) {
            return f(*static_cast<const C*>(object_));
        });
    }

    template <class C>
        requires requires { KindOf<C>::value; }
    explicit Node(C calculator) : kind_(KindOf<C>::value), object_(new C(std::move(calculator))) {}

    Node(const Node& other) : kind_(other.kind_) {
        other.visit([&]<class C>(const C& c) { object_ = new C(c); });
    }
    Node(Node&& other) noexcept
        : kind_(other.kind_), object_(std::exchange(other.object_, nullptr)) {}
    Node& operator=(Node other) noexcept {
        std::swap(kind_, other.kind_);
        std::swap(object_, other.object_);
        return *this;
    }
    ~Node() {
        if (object_ != nullptr) visit([]<class C>(C& c) { delete &c; });
    }

    [[nodiscard]] static Node parse(const Call& call) {
        std::optional<Node> out;
        for_each_calculator([&]<class C>(std::type_identity<C>) {
            if (C::kName == call.name) out.emplace(C(settings_from<typename C::Settings>(call)));
        });
        if (!out) {
            throw InputError("is no calculator; there are " + candidates(calculator_names()),
                             "calculator", call.name);
        }
        return std::move(*out);
    }

    [[nodiscard]] std::string spec() const {
        return visit([](const auto& c) { return spec_of(c); });
    }

private:
    Kind kind_;
    void* object_ = nullptr;
};

inline SourceCalculator source_calculator(const std::string& text) {
    const Node node = Node::parse(SpecParser(text).call());
    return {node.spec(),
            node.visit([]<class C>(const C& c) { return is_vector<C> ? width_of(c) : 0; })};
}

}  // namespace bookflow
