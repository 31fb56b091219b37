// Who was the aggressor of a print: given by the venue, or taken from the prices.
#pragma once

#include <array>
#include <string_view>

#include "bookflow/book_update.hpp"

namespace bookflow {

enum class Sign : std::uint8_t { Aggressor, Tick };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(Sign) {
    return {"aggressor", "tick"};
}

// What an unchanged price means to the tick rule.
enum class Zero : std::uint8_t { Carry, None };
[[nodiscard]] constexpr std::array<std::string_view, 2> names_of(Zero) { return {"carry", "none"}; }

// Against the last different price; the first print has no sign.
class TickRule {
public:
    [[nodiscard]] Side sign(Price price, Zero zero = Zero::Carry) {
        const Side moved = last_ == kNoPrice || price == last_ ? Side::None
                           : price > last_                     ? Side::Bid
                                                               : Side::Ask;
        last_ = price;
        if (moved != Side::None) carried_ = moved;
        return zero == Zero::Carry ? carried_ : moved;
    }

    template <class V>
    void visit(V& v) {
        v(last_, carried_);
    }

private:
    Price last_ = kNoPrice;
    Side carried_ = Side::None;
};

class Signer {
public:
    explicit Signer(Sign rule) : rule_(rule) {}

    [[nodiscard]] Side operator()(const Print& print) {
        return rule_ == Sign::Aggressor ? print.aggressor : tick_.sign(print.price);
    }

    template <class V>
    void visit(V& v) {
        v(tick_);
    }

private:
    Sign rule_;
    TickRule tick_;
};

}  // namespace bookflow
