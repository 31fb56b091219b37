// A calculator over columns: every row is an atomic event and a row of the result.
#pragma once

#include <pybind11/numpy.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "alone.hpp"
#include "bookflow/depth_columns.hpp"
#include "bookflow/touch_columns.hpp"
#include "bookflow/vpin_columns.hpp"
#include "calculator_words.hpp"
#include "columns.hpp"
#include "values.hpp"

namespace bookflow {

// The names a column function takes, interned: a caller's keywords are most often the same objects.
// One a calculator, for as long as the process lives, like its function.
template <class C>
class ColumnWords {
public:
    static constexpr auto kInputs = [] {
        if constexpr (C::kFeed == Feed::Values) {
            return C::kInputs;
        } else if constexpr (sees_touch<C>) {
            return std::array<const char*, 5>{"price", "size", "side", "bid_price", "ask_price"};
        } else if constexpr (C::kFeed == Feed::Trades) {
            return std::array<const char*, 3>{"price", "size", "side"};
        } else if constexpr (C::kFeed == Feed::Changes) {
            return std::array<const char*, 5>{"price", "change", "side", "cause", "touch"};
        } else if constexpr (C::kFeed == Feed::Queues) {
            return kQueueFields;
        } else {
            return std::array<const char*, 4>{"bid_price", "bid_size", "ask_price", "ask_size"};
        }
    }();
    static constexpr std::size_t kColumns = kInputs.size();
    static constexpr std::size_t kRequired = C::kFeed == Feed::Trades   ? 2
                                             : C::kFeed == Feed::Queues ? 2
                                             : C::kFeed == Feed::Quotes ? 4
                                             : C::kFeed == Feed::Depth  ? 4
                                                                        : kColumns;

    static const ColumnWords& get() {
        static const ColumnWords* const words = new ColumnWords();
        return *words;
    }

    const std::string function = function_name<C>();
    std::vector<std::string> names;  // columns, ts, out, settings
    static constexpr std::size_t kTs = kColumns;
    static constexpr std::size_t kOut = kColumns + 1;
    static constexpr std::size_t kSettings = kColumns + 2;
    bool required_setting = false;

    [[nodiscard]] std::size_t place(PyObject* keyword) const {
        for (std::size_t i = 0; i < interned_.size(); ++i) {
            if (interned_[i] == keyword) return i;
        }
        const std::string name = py::cast<std::string>(py::handle(keyword));
        const auto found = std::find(names.begin(), names.end(), name);
        if (found == names.end()) {
            std::vector<std::string> known(names.begin(), names.begin() + kColumns);
            known.insert(known.end(), names.begin() + kSettings, names.end());
            known.insert(known.end(), {"ts", "out"});
            throw py::type_error(function + "() has no argument '" + name + "'; there are " +
                                 candidates(known));
        }
        return static_cast<std::size_t>(found - names.begin());
    }

private:
    ColumnWords() : names(kInputs.begin(), kInputs.end()) {
        names.insert(names.end(), {"ts", "out"});
        for (const Parameter& p : column_parameters<C>()) {
            names.push_back(p.name);
            required_setting = required_setting || p.required;
        }
        for (const std::string& name : names) {
            interned_.push_back(PyUnicode_InternFromString(name.c_str()));
            if (interned_.back() == nullptr) throw py::error_already_set();
        }
    }

    std::vector<PyObject*> interned_;
};

// The arguments of one call by their place in ColumnWords; borrowed, nullptr where not given.
template <class C>
class ColumnCall {
public:
    using Words = ColumnWords<C>;

    ColumnCall(PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
        const auto positional = static_cast<std::size_t>(n);
        if (positional > Words::kColumns) {
            throw py::type_error(words_.function + "() takes at most " +
                                 std::to_string(Words::kColumns) +
                                 " columns; settings are keywords");
        }
        std::copy_n(args, positional, given_.begin());
        const std::size_t more =
            keywords == nullptr ? 0 : static_cast<std::size_t>(PyTuple_GET_SIZE(keywords));
        for (std::size_t k = 0; k < more; ++k) {
            const std::size_t i =
                words_.place(PyTuple_GET_ITEM(keywords, static_cast<Py_ssize_t>(k)));
            if (given_[i] != nullptr) {
                throw py::type_error(words_.function + "() got '" + words_.names[i] + "' twice");
            }
            given_[i] = args[positional + k];
            with_settings_ = with_settings_ || i >= Words::kSettings;
        }
    }

    // None is as good as not given; what a setting makes of it is the setting's.
    [[nodiscard]] py::handle operator[](std::size_t i) const {
        return given_[i] == nullptr ? py::handle(Py_None) : py::handle(given_[i]);
    }
    [[nodiscard]] C calculator() const {
        if (!with_settings_ && !words_.required_setting) return C(typename C::Settings{});
        Call call{std::string(C::kName), {}};
        for (std::size_t i = Words::kSettings; i < words_.names.size(); ++i) {
            if (given_[i] == nullptr) continue;
            const std::string& name = words_.names[i];
            call.arguments.push_back({name, value_of(given_[i], call.name + "." + name)});
        }
        return C(settings_from<typename C::Settings>(call));
    }
    [[nodiscard]] const std::string& function() const { return words_.function; }
    void require_columns() const {
        for (std::size_t i = 0; i < Words::kRequired; ++i) {
            if (!(*this)[i].is_none()) continue;
            throw py::type_error(words_.function + "() needs '" + Words::kInputs[i] + "'");
        }
    }

private:
    static constexpr std::size_t kMost = Words::kSettings + 8;

    const Words& words_ = Words::get();
    std::array<PyObject*, kMost> given_{};
    bool with_settings_ = false;
};

// `out=`, or a new array.
class OutColumn {
public:
    OutColumn(py::handle given, py::ssize_t rows, int width, bool vector) {
        const std::array<Py_intptr_t, 2> shape{rows, width};
        const int ndim = vector ? 2 : 1;
        const auto& numpy = py::detail::npy_api::get();
        if (given.is_none()) {
            Py_INCREF(detail::dtype_of<double>());  // numpy takes this reference
            object_ = py::reinterpret_steal<py::object>(
                numpy.PyArray_NewFromDescr_(numpy.PyArray_Type_, detail::dtype_of<double>(), ndim,
                                            shape.data(), nullptr, nullptr, 0, nullptr));
            if (!object_) throw py::error_already_set();
            return;
        }
        if (!(detail::is_plain_array(given) &&
              py::detail::array_proxy(given.ptr())->descr == detail::dtype_of<double>()) &&
            !py::isinstance<py::array_t<double>>(given)) {
            throw py::type_error("out must be a float64 array in native byte order");
        }
        const detail::Array& array = *py::detail::array_proxy(given.ptr());
        constexpr int needed = static_cast<int>(py::array::c_style) |
                               static_cast<int>(py::detail::npy_api::NPY_ARRAY_ALIGNED_) |
                               static_cast<int>(py::detail::npy_api::NPY_ARRAY_WRITEABLE_);
        const bool fits = array.nd == ndim && array.dimensions[0] == rows &&
                          (ndim == 1 || array.dimensions[1] == width);
        if (!fits || (array.flags & needed) != needed) {
            throw py::value_error("out must be a writable C-contiguous array of shape (" +
                                  std::to_string(rows) +
                                  (vector ? ", " + std::to_string(width) + ")" : ",)"));
        }
        object_ = py::reinterpret_borrow<py::object>(given);
    }
    [[nodiscard]] double* data() const {
        return reinterpret_cast<double*>(py::detail::array_proxy(object_.ptr())->data);
    }
    [[nodiscard]] py::object array() const { return object_; }
    // Whether writing it could change what is still to be read.
    void refuse_overlap(py::handle input, std::ptrdiff_t item) const {
        if (input.is_none()) return;
        if (Extent(object_, sizeof(double)).overlaps(Extent(input, item))) {
            throw py::value_error("out shares memory with an input");
        }
    }

private:
    py::object object_;
};

// The columns of one call, as they drive the calculator.
template <class C, Feed = C::kFeed>
class Inputs;

template <class C>
class Inputs<C, Feed::Quotes> {
public:
    Inputs(const ColumnCall<C>& call, const C&, py::ssize_t& rows) {
        for (std::size_t i = 0; i < 4; ++i) {
            columns_[i] = column<i64>(call[i], ColumnCall<C>::Words::kInputs[i], rows);
        }
    }
    [[nodiscard]] Quotes operator()(std::size_t i) const {
        return checked_quotes(columns_[0][i], columns_[1][i], columns_[2][i], columns_[3][i],
                              static_cast<i64>(i));
    }
    [[nodiscard]] const std::array<Column<i64>, 4>& columns() const { return columns_; }
    // Of one level.
    [[nodiscard]] std::array<Table, 4> tables() const {
        constexpr auto level = static_cast<std::ptrdiff_t>(sizeof(i64));
        return {Table{columns_[0], level}, Table{columns_[1], level}, Table{columns_[2], level},
                Table{columns_[3], level}};
    }

private:
    std::array<Column<i64>, 4> columns_;
};

template <class C>
class Inputs<C, Feed::Depth> {
public:
    Inputs(const ColumnCall<C>& call, const C& calculator, py::ssize_t& rows)
        : wanted_(calculator.levels()) {
        for (std::size_t i = 0; i < 4; ++i) tables_[i] = table(call[i], kNames[i], rows, levels_);
        if (levels_ < wanted_) {
            throw InputError("needs at least " + std::to_string(wanted_) + " levels", kNames[0],
                             std::to_string(levels_) + " levels");
        }
    }
    [[nodiscard]] const Depth& operator()(std::size_t i) {
        const auto row = static_cast<i64>(i);
        depth_.bids = checked_levels(tables_[0].row(i), tables_[1].row(i), levels_, wanted_,
                                     kNames[0], kNames[1], -1, row, depth_.bid);
        depth_.asks = checked_levels(tables_[2].row(i), tables_[3].row(i), levels_, wanted_,
                                     kNames[2], kNames[3], 1, row, depth_.ask);
        return depth_;
    }
    [[nodiscard]] const std::array<Table, 4>& tables() const { return tables_; }

private:
    static constexpr auto kNames = ColumnCall<C>::Words::kInputs;

    std::array<Table, 4> tables_;
    int wanted_;
    int levels_ = 0;
    Depth depth_;
};

template <class C>
class Inputs<C, Feed::Values> {
public:
    static constexpr std::size_t kMany = C::kInputs.size();

    Inputs(const ColumnCall<C>& call, const C&, py::ssize_t& rows) {
        for (std::size_t k = 0; k < kMany; ++k) {
            columns_[k] = column<double>(call[k], C::kInputs[k], rows);
        }
    }
    [[nodiscard]] std::array<double, kMany> operator()(std::size_t i) const {
        std::array<double, kMany> x;
        for (std::size_t k = 0; k < kMany; ++k) {
            x[k] = columns_[k][i];
            check_number(C::kInputs[k], x[k], static_cast<i64>(i));
        }
        return x;
    }
    // Of n rows by LogKernel, unchecked.
    template <std::size_t N>
    void logs(std::size_t begin, std::size_t n,
              std::array<std::array<double, N>, kMany>& out) const {
        std::array<double, N> x;
        for (std::size_t k = 0; k < kMany; ++k) {
            for (std::size_t i = 0; i < n; ++i) x[i] = columns_[k][begin + i];
            simd::run<LogKernel>(static_cast<const double*>(x.data()), n, out[k].data());
        }
    }

private:
    std::array<Column<double>, kMany> columns_;
};

template <class C>
class Inputs<C, Feed::Trades> {
public:
    Inputs(const ColumnCall<C>& call, const C&, py::ssize_t& rows)
        : columns_{column<i64>(call[0], "price", rows), column<i64>(call[1], "size", rows),
                   optional_column<std::uint8_t>(call[2], "side", rows)} {
        if (!columns_.side.given()) columns_.side = {reinterpret_cast<const char*>(&kUnknown), 0};
        if constexpr (sees_touch<C>) {
            bid_ = optional_column<i64>(call[3], "bid_price", rows);
            ask_ = optional_column<i64>(call[4], "ask_price", rows);
        }
    }
    [[nodiscard]] bool with_touch() const { return bid_.given() && ask_.given(); }
    // The touch just before the print of row i.
    [[nodiscard]] Quotes touch(std::size_t i) const {
        return checked_touch(bid_[i], ask_[i], static_cast<i64>(i));
    }
    [[nodiscard]] Print operator()(std::size_t i) const {
        return checked_print(columns_.price[i], columns_.size[i], columns_.side[i],
                             static_cast<i64>(i));
    }
    [[nodiscard]] const PrintColumns& columns() const { return columns_; }

private:
    static constexpr std::uint8_t kUnknown = 0;

    PrintColumns columns_;
    Column<i64> bid_;
    Column<i64> ask_;
};

template <class C>
class Inputs<C, Feed::Changes> {
public:
    Inputs(const ColumnCall<C>& call, const C&, py::ssize_t& rows)
        : price_(column<i64>(call[0], "price", rows)),
          change_(column<i64>(call[1], "change", rows)) {
        for (std::size_t i = 0; i < 3; ++i) {
            bytes_[i] =
                column<std::uint8_t>(call[i + 2], ColumnCall<C>::Words::kInputs[i + 2], rows);
        }
    }
    [[nodiscard]] OrderChange operator()(std::size_t i) const {
        return checked_change(price_[i], change_[i], bytes_[0][i], bytes_[1][i], bytes_[2][i],
                              static_cast<i64>(i));
    }

private:
    Column<i64> price_;
    Column<i64> change_;
    std::array<Column<std::uint8_t>, 3> bytes_;  // side, cause, touch
};

template <class C>
class Inputs<C, Feed::Queues> {
public:
    Inputs(const ColumnCall<C>& call, const C&, py::ssize_t& rows) {
        for (std::size_t i = 0; i < kQueueFields.size(); ++i) {
            if (i < ColumnCall<C>::Words::kRequired) {
                columns_[i] = column<i64>(call[i], kQueueFields[i], rows);
                continue;
            }
            columns_[i] = optional_column<i64>(call[i], kQueueFields[i], rows);
            if (!columns_[i].given()) columns_[i] = {reinterpret_cast<const char*>(&kNone), 0};
        }
    }
    [[nodiscard]] Queues operator()(std::size_t i) const {
        std::array<i64, kQueueFields.size()> x;
        for (std::size_t k = 0; k < x.size(); ++k) x[k] = columns_[k][i];
        return checked_queues(x, static_cast<i64>(i));
    }

private:
    std::array<Column<i64>, kQueueFields.size()> columns_;
};

// Row by row, by the calculator's own step. Flattened, that is with all that it calls in line: left
// to its own measure the compiler calls out of a loop whose body is a few dozen instructions.
template <bool WithTs, bool WithTouch = false, class C>
[[gnu::flatten]] void step_over(Alone<C>& alone, Inputs<C>& inputs, const Column<i64>& times,
                                std::size_t rows, double* out) {
    const int width = width_of(alone.calculator());
    for (std::size_t i = 0; i < rows; ++i) {
        i64 ts = kNone;
        if constexpr (WithTs) {
            ts = times[i];
            alone.check_ts(ts, static_cast<i64>(i));
        }
        if constexpr (WithTouch) {
            const Print print = inputs(i);
            alone.calculator().against(inputs.touch(i));
            alone.step(print, ts);
        } else {
            alone.step(inputs(i), ts);
        }
        alone.read(out);
        out += width;
    }
}

// By the calculator's column form where it has one that fits, which gives the same bits.
template <class C>
void run_without_ts(Alone<C>& alone, Inputs<C>& inputs, std::size_t rows, double* out) {
    if constexpr (requires { C::plain(0, 1, 0, 1); }) {
        touch_over_columns<C>(inputs.columns(), rows, out, [&](const Quotes& q, double* to) {
            alone.step(q, kNone);
            alone.read(to);
        });
    } else if constexpr (std::is_same_v<C, OrderFlowImbalance>) {
        const Window& window = alone.calculator().settings().window;
        if (!OrderFlowColumns::takes(window)) {
            return step_over<false>(alone, inputs, {}, rows, out);
        }
        OrderFlowColumns(inputs.columns()).run(window, rows, out);
    } else if constexpr (has_depth_kernel<C>) {
        if (!alone.calculator().takes_rows()) {
            return step_over<false>(alone, inputs, {}, rows, out);
        }
        depth_over_columns(alone.calculator(), inputs.tables(), rows, out,
                           [&](std::size_t row, double* to) {
                               alone.step(inputs(row), kNone);
                               alone.read(to);
                           });
    } else if constexpr (requires { typename C::WithLogs; }) {
        constexpr std::size_t most = 64;  // at once
        std::array<std::array<double, most>, Inputs<C>::kMany> logs;
        for (std::size_t begin = 0; begin < rows; begin += most) {
            const std::size_t n = std::min(most, rows - begin);
            inputs.logs(begin, n, logs);
            for (std::size_t i = 0; i < n; ++i) {
                alone.step(typename C::WithLogs{inputs(begin + i), {logs[0][i], logs[1][i]}},
                           kNone);
                alone.read(out + begin + i);
            }
        }
    } else if constexpr (std::is_same_v<C, VPIN>) {
        if (!VpinColumns::takes(alone.calculator().settings())) {
            return step_over<false>(alone, inputs, {}, rows, out);
        }
        VpinColumns(inputs.columns())
            .run(alone.calculator(), rows, out, [&](std::size_t row, double* to) {
                alone.step(inputs(row), kNone);
                alone.read(to);
            });
    } else {
        step_over<false>(alone, inputs, {}, rows, out);
    }
}

// Times that no window is measured in are only checked. The first row in error is named, as
// row by row: what stands before a bad time is computed first.
template <class C>
void run_over(Alone<C>& alone, Inputs<C>& inputs, const Column<i64>& times, std::size_t rows,
              double* out) {
    if constexpr (sees_touch<C>) {
        if (alone.calculator().wants_quotes()) {
            if (times.given()) return step_over<true, true>(alone, inputs, times, rows, out);
            return step_over<false, true>(alone, inputs, times, rows, out);
        }
    }
    if (!times.given()) return run_without_ts(alone, inputs, rows, out);
    if (alone.needs_ts()) return step_over<true>(alone, inputs, times, rows, out);
    const std::size_t good = alone.advance(times, rows);
    run_without_ts(alone, inputs, good, out);
    if (good < rows) alone.check_ts(times[good], static_cast<i64>(good));
}

template <class C>
PyObject* over_columns(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    using Words = ColumnWords<C>;
    const ColumnCall<C> call(args, n, keywords);
    Alone<C> alone(call.calculator());
    alone.begin();
    call.require_columns();

    py::ssize_t rows = -1;
    Inputs<C> inputs(call, alone.calculator(), rows);
    const auto times = optional_column<i64>(call[Words::kTs], "ts", rows);
    if (alone.needs_ts() && !times.given()) {
        throw InputError("a window in time needs ts", call.function() + ".ts");
    }
    if constexpr (sees_touch<C>) {
        if (alone.calculator().wants_quotes() && !inputs.with_touch()) {
            refuse_without_touch(C::kName);
        }
    }
    const OutColumn out(call[Words::kOut], rows, width_of(alone.calculator()), is_vector<C>);
    if (!call[Words::kOut].is_none()) {
        for (std::size_t i = 0; i < Words::kColumns; ++i) {
            const bool byte =
                (C::kFeed == Feed::Trades && i == 2) || (C::kFeed == Feed::Changes && i >= 2);
            out.refuse_overlap(call[i], byte ? sizeof(std::uint8_t) : sizeof(i64));
        }
        out.refuse_overlap(call[Words::kTs], sizeof(i64));
    }
    {
        // below this the switch costs more than it gives
        constexpr py::ssize_t kLong = 4096;
        std::optional<py::gil_scoped_release> release;
        if (rows >= kLong) release.emplace();
        run_over(alone, inputs, times, static_cast<std::size_t>(rows), out.data());
    }
    return out.array().release().ptr();
}

}  // namespace bookflow
