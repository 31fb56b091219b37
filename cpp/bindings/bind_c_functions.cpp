// The C functions of every calculator of the list; see c_functions.hpp.
#include "alone.hpp"
#include "bind.hpp"
#include "c_functions.hpp"

namespace bookflow {

namespace {

// An array of one side's prices or sizes, as compiled code hands it over.
struct Levels {
    const char* data;
    i64 stride;  // bytes
    i64 rows;

    // numba takes the fields of a packed structured array for aligned.
    [[nodiscard]] bool aligned() const {
        const auto at = reinterpret_cast<std::uintptr_t>(data);
        return at % alignof(i64) == 0 && (rows < 2 || stride % i64{alignof(i64)} == 0);
    }
};

// Each writes the value, as `update` returns it: one number, or `width` of them.

template <class C>
int c_update_quotes(Alone<C>* alone, i64 bid, i64 bid_size, i64 ask, i64 ask_size, i64 ts,
                    double* out) noexcept {
    return in_c(alone, [&](Alone<C>& a) {
        a.begin();
        take_quotes(a, bid, bid_size, ask, ask_size, ts);
        a.read(out);
    });
}

template <class C>
int c_update_trades(Alone<C>* alone, i64 price, i64 size, i64 side, i64 ts, double* out) noexcept {
    return in_c(alone, [&](Alone<C>& a) {
        a.begin();
        take_print(a, price, size, side, ts);
        a.read(out);
    });
}

template <class C>
int c_update_changes(Alone<C>* alone, i64 price, i64 change, i64 side, i64 cause, i64 touch, i64 ts,
                     double* out) noexcept {
    return in_c(alone, [&](Alone<C>& a) {
        a.begin();
        take_change(a, price, change, side, cause, touch, ts);
        a.read(out);
    });
}

template <class C>
int c_update_queues(Alone<C>* alone, i64 bid_orders, i64 ask_orders, i64 bid_size, i64 ask_size,
                    i64 bid_age, i64 ask_age, i64 ts, double* out) noexcept {
    return in_c(alone, [&](Alone<C>& a) {
        a.begin();
        take_queues(a, {bid_orders, ask_orders, bid_size, ask_size, bid_age, ask_age}, ts);
        a.read(out);
    });
}

template <class C>
int c_update_depth(Alone<C>* alone, const Levels* four, i64 ts, double* out) noexcept {
    return in_c(alone, [&](Alone<C>& a) {
        a.begin();
        std::array<Column<i64>, 4> sides;
        for (std::size_t i = 0; i < 4; ++i) {
            if (!four[i].aligned()) detail::refuse_array(kSides[i], detail::kNotAligned);
            detail::check_length(kSides[i], four[i].rows, i == 0 ? -1 : four[0].rows);
            sides[i] = {four[i].data, four[i].stride};
        }
        take_depth(a, sides, four[0].rows, ts);
        a.read(out);
    });
}

// `many`: how many numbers, which the caller knows at compile time.
template <class C>
int c_update_values(Alone<C>* alone, const double* numbers, i64 ts, double* out) noexcept {
    return in_c(alone, [&](Alone<C>& a) {
        a.begin();
        std::array<double, C::kInputs.size()> x;
        std::copy_n(numbers, x.size(), x.begin());
        take_values(a, x, ts);
        a.read(out);
    });
}

template <class C>
int c_value(Alone<C>* alone, double* out) noexcept {
    return in_c(alone, [&](Alone<C>& a) { a.read(out); });
}

template <class C>
int c_reset(Alone<C>* alone) noexcept {
    return in_c(alone, [](Alone<C>& a) { a.reset(); });
}

// 0 where any use would fail.
template <class C>
i64 c_width(const Alone<C>* alone) noexcept {
    return alone != nullptr && alone->busy.is_mine() ? width_of(alone->calculator()) : 0;
}

template <class C>
void add_calculator(py::module_& m) {
    add_taking<Alone<C>>(m, C::kName);
    if constexpr (C::kFeed == Feed::Quotes) {
        add_c_function(m, C::kName, "update", &c_update_quotes<C>);
    } else if constexpr (C::kFeed == Feed::Trades) {
        add_c_function(m, C::kName, "update", &c_update_trades<C>);
    } else if constexpr (C::kFeed == Feed::Values) {
        add_c_function(m, C::kName, "update", &c_update_values<C>);
    } else if constexpr (C::kFeed == Feed::Changes) {
        add_c_function(m, C::kName, "update", &c_update_changes<C>);
    } else if constexpr (C::kFeed == Feed::Queues) {
        add_c_function(m, C::kName, "update", &c_update_queues<C>);
    } else {
        add_c_function(m, C::kName, "update", &c_update_depth<C>);
    }
    add_c_function(m, C::kName, "value", &c_value<C>);
    add_c_function(m, C::kName, "reset", &c_reset<C>);
    add_c_function(m, C::kName, "width", &c_width<C>);
}

}  // namespace

void bind_c_functions(py::module_& m) {
    for_each_calculator([&]<class C>(std::type_identity<C>) { add_calculator<C>(m); });
    m.def(
        "_raise_pending",
        [] {
            const std::exception_ptr pending = std::exchange(pending_exception(), nullptr);
            if (!pending) return;
            try {
                std::rethrow_exception(pending);
            } catch (py::builtin_exception&) {
                throw;
            } catch (...) {
                set_current_exception();
            }
            throw py::error_already_set();
        },
        "Raises what this thread's last C function that failed left behind, once.");
}

}  // namespace bookflow
