// Bars that end when trading is more one-sided than expected (Lopez de Prado 2018, 2.3.2).
//
// A bar of T prints with B bought and S sold, counted in prints, volume or value, ends when
//
//     imbalance:  |B - S|   >= E[T] |E[b] - E[s]|
//     run:        max(B, S) >= E[T] max(E[b], E[s])
//
// where b and s are what a print adds to B and S (its size or 0), so that E[b] - E[s] is the book's
// 2v+ - E[v] and E[b] its P E[v | bought]. Both are exponentially weighted means over prints, taken
// as they stood at the end of the bar before; E[T] is one over the lengths of bars. Fed back without
// bounds E[T] collapses to one print or grows for ever on real trades: it is kept within bounds that
// have to be given.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "bookflow/calculator.hpp"

namespace bookflow {

enum class BarMeasure : std::uint8_t { Trades, Volume, Value };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(BarMeasure) {
    return {"trades", "volume", "value"};
}

// A number of trades that has to be given.
struct TradeNumber {
    static constexpr const char* kType = "trades";
    static constexpr std::string_view kRule = "a whole number from 1 to 1000000000";
    static constexpr bool kRequired = true;

    i64 n = 0;

    friend bool operator==(const TradeNumber&, const TradeNumber&) = default;

    [[nodiscard]] static std::optional<TradeNumber> parse(const Value& v) {
        const Decimal* d = std::get_if<Decimal>(&v);
        const auto n = d != nullptr ? Scale{}.units(*d) : std::nullopt;
        if (!n || *n < 1 || *n > 1'000'000'000) return std::nullopt;
        return TradeNumber{*n};
    }
    [[nodiscard]] Value value() const { return Decimal{n, 0}; }
};

struct InformationSettings {
    BarMeasure of = BarMeasure::Trades;
    TradeNumber trades;
    TradeNumber min_trades;
    TradeNumber max_trades;
    int prints = 1000;
    int bars = 20;
    Sign sign;

    friend bool operator==(const InformationSettings&, const InformationSettings&) = default;

    template <class V>
    void visit(V& v) {
        v("of", of, "what bought and sold are counted in");
        v("trades", trades, "E[T] of the first bar; it ends no earlier");
        v("min_trades", min_trades, "the least that E[T] may be");
        v("max_trades", max_trades, "the most that E[T] may be");
        v("prints", prints, Range<int>{1, 1'000'000'000}, "the span of the mean over prints");
        v("bars", bars, Range<int>{1, 1'000'000}, "the span of the mean over bars");
        v("sign", sign, Sign::kMeaning);
    }

    [[nodiscard]] static InformationSettings from(const Call& call) {
        const auto out = settings_from<InformationSettings>(call);
        if (out.min_trades.n > out.trades.n || out.trades.n > out.max_trades.n) {
            throw InputError("must be from min_trades = " + std::to_string(out.min_trades.n) +
                                 " to max_trades = " + std::to_string(out.max_trades.n),
                             call.name + ".trades", std::to_string(out.trades.n));
        }
        return out;
    }
    [[nodiscard]] std::string text() const {
        std::string out;
        for (const Argument& a : arguments_of(*this)) {
            const std::string* word = std::get_if<std::string>(&a.value);
            out += (out.empty() ? "" : ", ") + a.name + "=" + (word ? *word : text_of(a.value));
        }
        return "(" + out + ")";
    }
};

// |price| x size; the price alone may be negative.
[[nodiscard]] inline i128 value_of(const Print& print) {
    const i128 price = print.price.raw;
    return (price < 0 ? -price : price) * print.size.raw;
}

class InformationBars {
public:
    InformationBars() = default;
    InformationBars(const InformationSettings& s, bool run)
        : s_(s), run_(run), signer_(s.sign), trades_(static_cast<double>(s.trades.n)) {}

    [[nodiscard]] Side sign(const Moment& now, const Print& print) { return signer_(now, print); }
    void quoted(const Moment& now, const Quotes& quotes) { signer_.quoted(now, quotes); }
    void forget_touch() { signer_.restart(Restart::FirstState); }

    // A print of the flow.
    void add(const Print& print, Side side) {
        const i128 amount = s_.of == BarMeasure::Trades   ? 1
                            : s_.of == BarMeasure::Volume ? print.size.raw
                                                          : value_of(print);
        const i128 bought = side == Side::Bid ? amount : 0;
        const i128 sold = side == Side::Ask ? amount : 0;
        bought_ = std::min(bought_ + bought, kMost);
        sold_ = std::min(sold_ + sold, kMost);
        length_ += 1;
        const double keep = 1.0 - weight(s_.prints);
        weights_ = weights_ * keep + 1.0;
        mean_bought_ = mean_bought_ * keep + static_cast<double>(bought);
        mean_sold_ = mean_sold_ * keep + static_cast<double>(sold);
        if (warm_ < s_.trades.n && ++warm_ == s_.trades.n) expect();
    }
    // After the prints of an atomic event.
    [[nodiscard]] bool due() {
        if (warm_ < s_.trades.n || threshold() > reached()) return false;
        const double n = trades_ + weight(s_.bars) * (static_cast<double>(length_) - trades_);
        trades_ = std::clamp(n, static_cast<double>(s_.min_trades.n),
                             static_cast<double>(s_.max_trades.n));
        expect();
        clear();
        return true;
    }
    // The open bar is none; what is expected stays.
    void end_session() {
        clear();
        signer_.restart(Restart::Session);
    }

    template <class V>
    void visit(V& v) {
        v(signer_, bought_, sold_, length_, warm_, weights_, mean_bought_, mean_sold_, trades_,
          expected_bought_, expected_sold_);
        if constexpr (V::kReading) {
            bool holds = bought_ >= 0 && bought_ <= kMost && sold_ >= 0 && sold_ <= kMost;
            holds = holds && length_ >= 0 && length_ < kMaxTime;
            holds = holds && warm_ >= 0 && warm_ <= s_.trades.n;
            holds = holds && trades_ >= static_cast<double>(s_.min_trades.n) &&
                    trades_ <= static_cast<double>(s_.max_trades.n);
            for (const double x :
                 {weights_, mean_bought_, mean_sold_, expected_bought_, expected_sold_}) {
                holds = holds && x >= 0.0 && x <= 0x1p200;
            }
            v.require(holds, "a bar clock's state is invalid");
        }
    }

private:
    static constexpr i128 kMost = i128{1} << 124;

    [[nodiscard]] static double weight(int span) { return 2.0 / (static_cast<double>(span) + 1.0); }
    [[nodiscard]] double reached() const {
        const i128 net = bought_ - sold_;
        return static_cast<double>(run_ ? std::max(bought_, sold_) : net < 0 ? -net : net);
    }
    [[nodiscard]] double threshold() const {
        return trades_ * (run_ ? std::max(expected_bought_, expected_sold_)
                               : std::fabs(expected_bought_ - expected_sold_));
    }
    void expect() {
        expected_bought_ = mean_bought_ / weights_;
        expected_sold_ = mean_sold_ / weights_;
    }
    void clear() {
        bought_ = sold_ = 0;
        length_ = 0;
    }

    InformationSettings s_;
    bool run_ = false;
    Signer signer_{Sign{}};
    i128 bought_ = 0;  // in the open bar
    i128 sold_ = 0;
    i64 length_ = 0;
    i64 warm_ = 0;  // prints so far, as far as they are waited for
    double weights_ = 0.0;
    double mean_bought_ = 0.0;  // over all prints, times the weights
    double mean_sold_ = 0.0;
    double trades_ = 0.0;           // E[T]
    double expected_bought_ = 0.0;  // E[b] as the bar before left it
    double expected_sold_ = 0.0;
};

}  // namespace bookflow
