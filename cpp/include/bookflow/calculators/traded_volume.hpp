// How much was traded, and by whom: counts, volume, buys and sells, their ratio and imbalance.
#pragma once

#include "bookflow/anchor.hpp"

namespace bookflow {

enum class TradeSide : std::uint8_t { Both, Buy, Sell };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(TradeSide) {
    return {"both", "buy", "sell"};
}

class TradeCount : public SignsPrints {
public:
    static constexpr std::string_view kName = "TradeCount";
    static constexpr std::string_view kDoc =
        "How many trades there were: prints, or with fills=\"aggressor\" aggressor orders.\n\n"
        "\"both\" counts every print that is in the volume, \"buy\" and \"sell\" those in the flow "
        "whose\n"
        "aggressor is known. A broken print that is taken back is not subtracted.\n"
        "fills=\"aggressor\": prints of one stamp and side that follow one another are one trade,\n"
        "which counts where it began; its first print's sign is its. A window that begins anew\n"
        "parts it.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        TradeSide of = TradeSide::Both;
        Window window;
        Sign sign;
        Fills fills = Fills::Each;
        template <class V>
        void visit(V& v) {
            v("of", of, "whose prints");
            v("window", window, "over what they are counted");
            v("sign", sign, Sign::kMeaning);
            v("fills", fills, kFillsMeaning);
        }
    };

    explicit TradeCount(const Settings& s)
        : SignsPrints(s.sign, s.fills), settings_(s), trade_(s.fills, s.window), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const { return settings_.fills == Fills::Aggressor; }

    void step(const Moment& now, const Print& print) {
        if (settings_.of == TradeSide::Both) {
            if (print.is_trade() && trade_.add(now, print).begins) flow_.add(now, {1});
        } else if (print.in_flow) {
            const Side wanted = settings_.of == TradeSide::Buy ? Side::Bid : Side::Ask;
            const bool counts = signer_(now, print) == wanted;
            if (trade_.add(now, print).begins && counts) flow_.add(now, {1});
        }
    }
    void read(const Moment& now, const Units&, double* out) {
        *out = flow_.read(now, [](auto n) { return static_cast<double>(n); });
    }
    void restart(Restart what) {
        trade_.restart(what);
        flow_.restart(what);
        signer_.restart(what);
    }
    template <class V>
    void visit(V& v) {
        v(trade_, flow_, signer_);
    }

private:
    Settings settings_;
    FillSizes trade_;
    Flow<1> flow_;
};

class Volume {
public:
    static constexpr std::string_view kName = "Volume";
    static constexpr std::string_view kDoc =
        "Traded volume, whoever the aggressor was.\n\n"
        "In the instrument's size. Auction and off-book prints count, broken ones are taken back.";
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Window window;
        template <class V>
        void visit(V& v) {
            v("window", window, "over what it is summed");
        }
    };

    explicit Volume(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const Print& print) {
        if (print.in_volume) flow_.add(now, {print.size.raw});
    }
    void read(const Moment& now, const Units& units, double* out) {
        *out = flow_.read(now, [&](auto sum) { return units.size(sum); });
    }
    void restart(Restart what) { flow_.restart(what); }
    template <class V>
    void visit(V& v) {
        v(flow_);
    }

private:
    Settings settings_;
    Flow<1> flow_;
};

// Buys and sells over a window, from which the calculators below read different numbers.
class SignedVolume : public SignsPrints {
public:
    static constexpr Feed kFeed = Feed::Trades;
    static constexpr bool kState = false;

    struct Settings {
        Window window;
        Sign sign;
        Fills fills = Fills::Each;
        template <class V>
        void visit(V& v) {
            v("window", window, "over what buys and sells are summed");
            v("sign", sign, Sign::kMeaning);
            v("fills", fills, kFillsMeaning);
        }
    };

    explicit SignedVolume(const Settings& s)
        : SignsPrints(s.sign, s.fills), settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] bool needs_time() const { return settings_.fills == Fills::Aggressor; }

    void step(const Moment& now, const Print& print) {
        if (!print.in_flow) return;
        const Side side = signer_(now, print);
        // masks and no branch: which side comes next cannot be predicted
        flow_.add(now, {-i64{side == Side::Bid} & print.size.raw,
                        -i64{side == Side::Ask} & print.size.raw});
    }
    void restart(Restart what) {
        flow_.restart(what);
        signer_.restart(what);
    }
    template <class V>
    void visit(V& v) {
        v(flow_, signer_);
    }

protected:
    Settings settings_;
    Flow<2> flow_;
};

class BuyVolume : public SignedVolume {
public:
    static constexpr std::string_view kName = "BuyVolume";
    static constexpr std::string_view kDoc =
        "Volume whose aggressor bought.\n\n"
        "In the instrument's size; 0 over a window without any.";
    using SignedVolume::SignedVolume;

    void read(const Moment& now, const Units& units, double* out) {
        *out = flow_.read(now, [&](auto buys, auto) { return units.size(buys); });
    }
};

class SellVolume : public SignedVolume {
public:
    static constexpr std::string_view kName = "SellVolume";
    static constexpr std::string_view kDoc =
        "Volume whose aggressor sold.\n\n"
        "In the instrument's size; 0 over a window without any.";
    using SignedVolume::SignedVolume;

    void read(const Moment& now, const Units& units, double* out) {
        *out = flow_.read(now, [&](auto, auto sells) { return units.size(sells); });
    }
};

class BuySellRatio : public SignedVolume {
public:
    static constexpr std::string_view kName = "BuySellRatio";
    static constexpr std::string_view kDoc =
        "Buy volume over sell volume, B / S.\n\n"
        "A number without unit; NaN when nothing was sold.";
    using SignedVolume::SignedVolume;

    void read(const Moment& now, const Units&, double* out) {
        *out = flow_.read(now, [](auto buys, auto sells) { return quotient(buys, sells); });
    }
};

class TradeFlowImbalance : public SignedVolume {
public:
    static constexpr std::string_view kName = "TradeFlowImbalance";
    static constexpr std::string_view kDoc =
        "Trade flow imbalance (B - S) / (B + S) of the signed volume, in [-1, 1].\n\n"
        "A number without unit; NaN when nothing was signed. Prints without a known aggressor\n"
        "count in neither.";
    using SignedVolume::SignedVolume;

    void read(const Moment& now, const Units&, double* out) {
        *out = flow_.read(
            now, [](auto buys, auto sells) { return quotient(buys - sells, buys + sells); });
    }
};

class CumulativeVolumeDelta : public SignedVolume {
public:
    static constexpr std::string_view kName = "CumulativeVolumeDelta";
    static constexpr std::string_view kDoc =
        "Cumulative volume delta: buys minus sells since the session began.\n\n"
        "In the instrument's size. Other windows give the delta over them. anchor=\"14:30\" (UTC,\n"
        "every day) or a time in ns: it starts anew after it, so that what is printed at the "
        "anchor\n"
        "still belongs to before.";

    struct Settings {
        Window window = Window::session();
        Sign sign;
        Fills fills = Fills::Each;
        Anchor anchor;
        template <class V>
        void visit(V& v) {
            v("window", window, "since when it cumulates");
            v("sign", sign, Sign::kMeaning);
            v("fills", fills, kFillsMeaning);
            v("anchor", anchor, Anchor::kMeaning);
        }
    };

    explicit CumulativeVolumeDelta(const Settings& s)
        : SignedVolume({s.window, s.sign, s.fills}), given_(s.anchor), anchor_(s.anchor) {}
    [[nodiscard]] Settings settings() const {
        return {settings_.window, settings_.sign, settings_.fills, given_};
    }
    [[nodiscard]] bool needs_time() const { return SignedVolume::needs_time() || anchor_.active(); }

    void step(const Moment& now, const Print& print) {
        if (anchor_.passed(now.ts.raw)) flow_.clear();
        SignedVolume::step(now, print);
    }
    void read(const Moment& now, const Units& units, double* out) {
        if (anchor_.passed(now.ts.raw)) flow_.clear();
        *out = flow_.read(now, [&](auto buys, auto sells) { return units.size(buys - sells); });
    }
    template <class V>
    void visit(V& v) {
        SignedVolume::visit(v);
        v(anchor_);
    }

private:
    Anchor given_;
    AnchorWatch anchor_;
};

}  // namespace bookflow
