// How often the touch changes.
#pragma once

#include "bookflow/calculator.hpp"

namespace bookflow {

enum class QuoteChange : std::uint8_t { Any, Price, Mid };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(QuoteChange) {
    return {"any", "price", "mid"};
}

class QuoteChangeCount {
public:
    static constexpr std::string_view kName = "QuoteChangeCount";
    static constexpr std::string_view kDoc =
        "How many times the best quotes changed.\n\n"
        "A count, a weighted one with a half-life. of=\"any\": changes of a best price or of the "
        "size\nthere; \"price\": of a best price; \"mid\": of the sum of the two. What one atomic "
        "event does counts\nonce. A change is from one good state to the next; one-sided and "
        "crossed states are skipped, and\nnothing is compared across a gap, a snapshot or a "
        "session's end. NaN before the first good state,\n0 over a window without a change.";
    static constexpr Feed kFeed = Feed::Quotes;
    static constexpr bool kState = false;

    struct Settings {
        QuoteChange of = QuoteChange::Any;
        Window window;
        template <class V>
        void visit(V& v) {
            v("of", of, "what must have changed");
            v("window", window, "over what the changes are counted");
        }
    };

    explicit QuoteChangeCount(const Settings& s) : settings_(s), flow_(s.window) {}
    [[nodiscard]] const Settings& settings() const { return settings_; }

    void step(const Moment& now, const Quotes& quotes) {
        if (!quotes.good()) return;
        if (known_ && changed(quotes)) flow_.add(now, {1});
        last_ = quotes;
        known_ = ready_ = true;
    }
    void read(const Moment& now, const Units&, double* out) {
        *out = ready_ ? flow_.read(now, [](auto n) { return static_cast<double>(n); }) : kNaN;
    }
    void restart(Restart what) {
        flow_.restart(what);
        if (what != Restart::Row) known_ = false;
        if (restarts(settings_.window, what)) ready_ = false;
    }
    template <class V>
    void visit(V& v) {
        v(flow_, last_, known_, ready_);
        if constexpr (V::kReading) {
            v.require(last_.good() || !known_, "the last good state is none");
        }
    }

private:
    [[nodiscard]] bool changed(const Quotes& quotes) const {
        switch (settings_.of) {
            case QuoteChange::Any: return quotes != last_;
            case QuoteChange::Price: return quotes.bid != last_.bid || quotes.ask != last_.ask;
            case QuoteChange::Mid: break;
        }
        return quotes.bid + quotes.ask != last_.bid + last_.ask;
    }

    Settings settings_;
    Flow<1> flow_;
    Quotes last_;  // the last good state
    bool known_ = false;
    bool ready_ = false;
};

}  // namespace bookflow
