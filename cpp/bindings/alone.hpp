// A calculator alone: one call is one atomic event and one row.
#pragma once

#include <pybind11/numpy.h>

#include <optional>

#include "bookflow/calculators.hpp"
#include "bookflow/checked_values.hpp"
#include "columns.hpp"
#include "hot_method.hpp"

namespace bookflow {

template <class C>
[[nodiscard]] std::optional<Window> window_of(const C& calculator) {
    if constexpr (requires { calculator.settings().window; }) {
        return calculator.settings().window;
    } else {
        return std::nullopt;
    }
}

template <class C>
class Alone {
public:
    explicit Alone(C calculator) : calculator_(std::move(calculator)) {}

    Busy busy;

    [[nodiscard]] C& calculator() { return calculator_; }
    [[nodiscard]] const C& calculator() const { return calculator_; }

    // Before the first step: quantities become units, windows must be measurable.
    void begin() {
        if (!begun_) first();
    }

    [[nodiscard]] bool needs_ts() const { return needs_ts_; }

    // The time of a call, checked before anything changes. The good case is short, to be inlined:
    // around a call the checked fields would go through memory.
    void check_ts(i64 ts, i64 row) const {
        const bool good = ts == kNone ? !needs_ts_ : ts >= moment_.ts.raw && ts < kMaxTime;
        if (!good || (ts < 0 && ts != kNone)) refuse_ts(ts, row);
    }

    // Moves time over a column as far as check_ts holds, and returns how many rows that are.
    [[nodiscard]] std::size_t advance(const Column<i64>& times, std::size_t rows) {
        for (std::size_t row = 0; row < rows; ++row) {
            const i64 ts = times[row];
            if (ts == kNone) continue;
            if (ts < 0 || ts < moment_.ts.raw || ts >= kMaxTime) return row;
            moment_.ts = Nanos(ts);
        }
        return rows;
    }

    template <class X>
    [[gnu::flatten]] void step(const X& x, i64 ts) {
        row_written(calculator_, moment_);
        moment_.event += 1;
        if constexpr (C::kFeed == Feed::Trades) moment_.trade += 1;
        if (ts != kNone) moment_.ts = Nanos(ts);
        calculator_.step(moment_, x);
    }
    // Units are made here, and not once for all, so that the compiler sees that they are 1.
    [[gnu::flatten]] void read(double* out) { calculator_.read(moment_, Units{}, out); }

    void reset() { *this = Alone(C(calculator_.settings())); }

    template <class V>
    void visit(V& v) {
        std::string spec = spec_of(calculator_);
        v(spec);
        if constexpr (V::kReading) {
            try {
                *this = Alone(C(settings_from<typename C::Settings>(SpecParser(spec).call())));
            } catch (const InputError& error) {
                v.fail(error.what());
            }
            try {
                begin();
            } catch (const InputError&) {
                // of use in a pipeline only: the first update says so
            }
        }
        v(calculator_, moment_);
    }

private:
    [[gnu::noinline]] void first() {
        if constexpr (C::kFeed == Feed::Values) refuse_sources();
        if constexpr (requires { calculator_.require_alone(); }) calculator_.require_alone();
        bind_units(calculator_, Units{});
        if constexpr (requires { calculator_.needs_time(); }) needs_ts_ = calculator_.needs_time();
        if (const auto window = window_of(calculator_)) {
            const bool keyed =
                window->kind == Window::Kind::Last || window->kind == Window::Kind::Decayed;
            needs_ts_ = needs_ts_ || (keyed && window->span.of == Span::Of::Time);
            if (keyed && window->span.of == Span::Of::Trades && C::kFeed != Feed::Trades) {
                throw InputError("is measured in trades, which only a pipeline sees here",
                                 std::string(C::kName) + ".window", window->text());
            }
        }
        begun_ = true;
    }
    void refuse_sources() const {
        const auto sources = calculator_.settings().sources();
        for (std::size_t i = 0; i < sources.size(); ++i) {
            if (sources[i].empty()) continue;
            throw InputError("is for a pipeline: alone the numbers are given instead",
                             std::string(C::kName) + "." + C::kInputs[i], sources[i]);
        }
    }
    [[noreturn]] [[gnu::cold]] void refuse_ts(i64 ts, i64 row) const {
        if (ts == kNone) refuse("ts", ts, "a window in time needs ts", row);
        if (ts < 0 || ts >= kMaxTime) {
            refuse("ts", ts, "must be from the epoch to 2^62 ns after it", row);
        }
        throw InputError("is before " + std::to_string(moment_.ts.raw), "ts", std::to_string(ts),
                         row);
    }

    C calculator_;
    Moment moment_;
    bool needs_ts_ = false;
    bool begun_ = false;
};

template <class C>
Alone<C> make(const Call& call) {
    return Alone<C>(C(settings_from<typename C::Settings>(call)));
}

template <class C>
PyObject* value_object(Alone<C>& alone) {
    if constexpr (is_vector<C>) {
        py::array_t<double> out(width_of(alone.calculator()));
        alone.read(out.mutable_data());
        return out.release().ptr();
    } else {
        double value = kNaN;
        alone.read(&value);
        return PyFloat_FromDouble(value);
    }
}

// One call each: the fields are checked, then it is a step and a row.
template <class C>
void take_quotes(Alone<C>& alone, i64 bid, i64 bid_size, i64 ask, i64 ask_size, i64 ts) {
    const Quotes q = checked_quotes(bid, bid_size, ask, ask_size, -1);
    alone.check_ts(ts, -1);
    alone.step(q, ts);
}

[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_without_touch(
    std::string_view calculator) {
    throw InputError("needs bid_price and ask_price, the touch just before the print",
                     std::string(calculator) + ".sign");
}

// `touch`: the best bid and ask price before the print, where they are given.
template <class C>
void take_print(Alone<C>& alone, i64 price, i64 size, i64 side, i64 ts,
                const std::array<i64, 2>* touch = nullptr) {
    const Print p = checked_print(price, size, side, -1);
    if constexpr (sees_touch<C>) {
        if (alone.calculator().wants_quotes()) {
            if (touch == nullptr) refuse_without_touch(C::kName);
            const Quotes before = checked_touch((*touch)[0], (*touch)[1], -1);
            alone.check_ts(ts, -1);
            alone.calculator().against(before);
            alone.step(p, ts);
            return;
        }
    }
    alone.check_ts(ts, -1);
    alone.step(p, ts);
}

template <class C>
void take_change(Alone<C>& alone, i64 price, i64 change, i64 side, i64 cause, i64 touch, i64 ts) {
    const OrderChange c = checked_change(price, change, side, cause, touch, -1);
    alone.check_ts(ts, -1);
    alone.step(c, ts);
}

template <class C>
void take_queues(Alone<C>& alone, const std::array<i64, 6>& x, i64 ts) {
    const Queues q = checked_queues(x, -1);
    alone.check_ts(ts, -1);
    alone.step(q, ts);
}

inline constexpr std::array<const char*, 4> kSides{"bid_price", "bid_size", "ask_price",
                                                   "ask_size"};

// The columns of `kSides`, of so many levels each.
template <class C>
void take_depth(Alone<C>& alone, const std::array<Column<i64>, 4>& sides, py::ssize_t levels,
                i64 ts) {
    const int wanted = alone.calculator().levels();
    const int given = static_cast<int>(std::min<py::ssize_t>(levels, kMaxLevels));
    if (given < wanted) {
        throw InputError("needs at least " + std::to_string(wanted) + " levels", "bid_price",
                         std::to_string(given) + " levels");
    }
    Depth d;
    d.bids = checked_levels(sides[0], sides[1], given, wanted, kSides[0], kSides[1], -1, -1, d.bid);
    d.asks = checked_levels(sides[2], sides[3], given, wanted, kSides[2], kSides[3], 1, -1, d.ask);
    alone.check_ts(ts, -1);
    alone.step(d, ts);
}

template <class C>
void take_values(Alone<C>& alone, const std::array<double, C::kInputs.size()>& x, i64 ts) {
    for (std::size_t i = 0; i < x.size(); ++i) check_number(C::kInputs[i], x[i], -1);
    alone.check_ts(ts, -1);
    alone.step(x, ts);
}

template <class C>
PyObject* update(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    auto& alone = self_of<Alone<C>>(self);
    const Busy::Guard guard(alone.busy);
    alone.begin();
    if constexpr (C::kFeed == Feed::Values) {
        constexpr std::size_t inputs = C::kInputs.size();
        static constexpr auto names = [] {
            std::array<const char*, inputs + 1> all{};
            std::copy(C::kInputs.begin(), C::kInputs.end(), all.begin());
            all[inputs] = "ts";
            return all;
        }();
        const Arguments<inputs + 1> a("update", names, inputs, args, n, keywords);
        std::array<double, inputs> x;
        for (std::size_t i = 0; i < inputs; ++i) x[i] = a.number(i);
        take_values(alone, x, a.integer(inputs, kNone));
    } else if constexpr (sees_touch<C>) {
        static constexpr std::array<const char*, 6> names{"price", "size",      "side",
                                                          "ts",    "bid_price", "ask_price"};
        const Arguments<6> a("update", names, 2, args, n, keywords);
        const auto given = [&](std::size_t i) { return a[i] != nullptr && a[i] != Py_None; };
        const std::array<i64, 2> touch{a.integer(4, kNone), a.integer(5, kNone)};
        take_print(alone, a.integer(0), a.integer(1), a.integer(2, 0), a.integer(3, kNone),
                   given(4) && given(5) ? &touch : nullptr);
    } else if constexpr (C::kFeed == Feed::Trades) {
        static constexpr std::array<const char*, 4> names{"price", "size", "side", "ts"};
        const Arguments<4> a("update", names, 2, args, n, keywords);
        take_print(alone, a.integer(0), a.integer(1), a.integer(2, 0), a.integer(3, kNone));
    } else if constexpr (C::kFeed == Feed::Changes) {
        static constexpr std::array<const char*, 6> names{"price", "change", "side",
                                                          "cause", "touch",  "ts"};
        const Arguments<6> a("update", names, 5, args, n, keywords);
        take_change(alone, a.integer(0), a.integer(1), a.integer(2), a.integer(3), a.integer(4),
                    a.integer(5, kNone));
    } else if constexpr (C::kFeed == Feed::Queues) {
        static constexpr auto names = [] {
            std::array<const char*, 7> all{};
            std::copy(kQueueFields.begin(), kQueueFields.end(), all.begin());
            all[6] = "ts";
            return all;
        }();
        const Arguments<7> a("update", names, 2, args, n, keywords);
        std::array<i64, 6> x;
        for (std::size_t i = 0; i < x.size(); ++i)
            x[i] = i < 2 ? a.integer(i) : a.integer(i, kNone);
        take_queues(alone, x, a.integer(6, kNone));
    } else {
        static constexpr std::array<const char*, 5> names{kSides[0], kSides[1], kSides[2],
                                                          kSides[3], "ts"};
        const Arguments<5> a("update", names, 4, args, n, keywords);
        if constexpr (C::kFeed == Feed::Quotes) {
            take_quotes(alone, a.integer(0), a.integer(1), a.integer(2), a.integer(3),
                        a.integer(4, kNone));
        } else {
            std::array<Column<i64>, 4> sides;
            py::ssize_t levels = -1;
            for (std::size_t i = 0; i < 4; ++i) {
                sides[i] = column<i64>(a[i], names[i], levels);
            }
            take_depth(alone, sides, levels, a.integer(4, kNone));
        }
    }
    return value_object(alone);
}

[[nodiscard]] inline py::type_error said_of_peek(const py::type_error& error) {
    const std::string_view text = error.what();
    constexpr std::string_view update = "update()";
    if (!text.starts_with(update)) return error;
    return py::type_error("peek()" + std::string(text.substr(update.size())));
}

// `update` of a copy. Of a whole object, so that there is one `update` a class and not two.
template <class C>
PyObject* peek(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    auto& alone = self_of<Alone<C>>(self);
    const auto copy = [&] {
        const Busy::Guard guard(alone.busy);
        return py::cast(Alone<C>(alone));
    }();
    try {
        return update<C>(copy.ptr(), args, n, keywords);
    } catch (const py::type_error& error) {
        throw said_of_peek(error);
    }
}

}  // namespace bookflow
