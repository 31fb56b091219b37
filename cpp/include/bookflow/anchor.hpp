// A moment after which a sum starts anew: of every day, or once.
#pragma once

#include <charconv>
#include <limits>
#include <string>

#include "bookflow/calculator.hpp"

namespace bookflow {

struct Anchor {
    static constexpr const char* kType = "anchor";
    static constexpr std::string_view kRule =
        "None, a time of day in UTC like \"14:30\" or \"14:30:05\", or ns since the epoch, below "
        "2^62";
    static constexpr bool kRequired = false;
    static constexpr const char* kMeaning = "after what the sum starts anew, besides its window";

    enum class Kind : std::uint8_t { None, Daily, Once };
    Kind kind = Kind::None;
    i64 at = 0;  // ns after midnight, or since the epoch

    friend bool operator==(const Anchor&, const Anchor&) = default;

    [[nodiscard]] static std::optional<Anchor> parse(const Value& v) {
        if (std::holds_alternative<Nothing>(v)) return Anchor{};
        if (const Decimal* d = std::get_if<Decimal>(&v)) return once(Scale{}.units(*d));
        const std::string* text = std::get_if<std::string>(&v);
        if (text == nullptr) return std::nullopt;
        if (text->find(':') == std::string::npos) return once(digits(*text));
        const bool seconds = text->size() == 8;
        if (!seconds && text->size() != 5) return std::nullopt;
        if ((*text)[2] != ':' || (seconds && (*text)[5] != ':')) return std::nullopt;
        const auto hour = digits(text->substr(0, 2));
        const auto minute = digits(text->substr(3, 2));
        const auto second = seconds ? digits(text->substr(6, 2)) : std::optional<i64>(0);
        if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) {
            return std::nullopt;
        }
        return Anchor{Kind::Daily, (*hour * 3600 + *minute * 60 + *second) * 1'000'000'000};
    }
    [[nodiscard]] Value value() const {
        if (kind == Kind::None) return Nothing{};
        if (kind == Kind::Once) {
            const std::string text = std::to_string(at);  // it may have more digits than a Decimal
            const auto number = Decimal::parse(text);
            return number ? Value(*number) : Value(text);
        }
        const auto two = [](i64 n) { return (n < 10 ? "0" : "") + std::to_string(n); };
        const i64 second = at / 1'000'000'000;
        std::string text = two(second / 3600) + ":" + two(second / 60 % 60);
        if (second % 60 != 0) text += ":" + two(second % 60);
        return text;
    }

private:
    [[nodiscard]] static std::optional<Anchor> once(std::optional<i64> ns) {
        if (!ns || *ns < 0 || *ns >= kMaxTime) return std::nullopt;
        return Anchor{Kind::Once, *ns};
    }
    [[nodiscard]] static std::optional<i64> digits(std::string_view text) {
        i64 n = 0;
        const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), n);
        if (fault != std::errc{} || end != text.data() + text.size() || n < 0) return std::nullopt;
        return n;
    }
};

// Tells when time has passed an anchor. What comes at it still belongs to before it.
class AnchorWatch {
public:
    explicit AnchorWatch(const Anchor& anchor) : anchor_(anchor) {
        if (anchor_.kind == Anchor::Kind::None) until_ = kNever;
    }

    [[nodiscard]] bool active() const { return anchor_.kind != Anchor::Kind::None; }
    [[nodiscard]] bool passed(i64 now) {
        if (now <= until_) [[likely]]
            return false;
        if (anchor_.kind == Anchor::Kind::Once) {
            until_ = now <= anchor_.at ? anchor_.at : kNever;
        } else {
            until_ = anchor_.at + (now - anchor_.at + kDay - 1) / kDay * kDay;
        }
        return true;
    }

    template <class V>
    void visit(V& v) {
        if (!active()) return;
        v(until_);
        if constexpr (V::kReading) {
            const bool day = until_ >= 0 && (until_ - anchor_.at) % kDay == 0;
            const bool once = until_ == anchor_.at || until_ == kNever;
            v.require(until_ == kNone || (anchor_.kind == Anchor::Kind::Daily ? day : once),
                      "an anchor is out of place");
        }
    }

private:
    static constexpr i64 kDay = 86'400'000'000'000;
    static constexpr i64 kNever = std::numeric_limits<i64>::max();

    Anchor anchor_;
    i64 until_ = kNone;  // the next anchor; before the first time it is not known
};

}  // namespace bookflow
