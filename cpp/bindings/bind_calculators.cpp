// Every calculator of the list: a class, and a function over columns. Both are the calculator's
// own step; nothing here knows any calculator by name.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <sstream>

#include "bind.hpp"
#include "bookflow/calculators.hpp"
#include "columns.hpp"
#include "errors.hpp"
#include "hot_method.hpp"
#include "values.hpp"

namespace bookflow {

namespace {

// ---- what drives a calculator alone: one call is one atomic event and one row ----

[[noreturn]] void refuse(const char* field, i64 value, const char* rule, i64 row) {
    throw InputError(rule, field, value == kNone ? "NONE" : std::to_string(value), row);
}

void check_size(const char* field, i64 size, i64 row) {
    if (size < 0 || size > kMaxSize) refuse(field, size, "must be from 0 to 2^60 size units", row);
}
void check_price(const char* field, i64 price, i64 row) {
    if (price < -kMaxPrice || price > kMaxPrice) {
        refuse(field, price, "must be within 2^61 price units", row);
    }
}

// A size of 0 is an empty side, whatever the price.
void take_side(i64 price, i64 size, const char* price_field, const char* size_field, i64 row,
               Price& price_out, Size& size_out) {
    check_size(size_field, size, row);
    price_out = kNoPrice;
    size_out = Size(size);
    if (size == 0) return;
    check_price(price_field, price, row);
    price_out = Price(price);
}

Quotes checked_quotes(i64 bid, i64 bid_size, i64 ask, i64 ask_size, i64 row) {
    Quotes q;
    take_side(bid, bid_size, "bid_price", "bid_size", row, q.bid, q.bid_size);
    take_side(ask, ask_size, "ask_price", "ask_size", row, q.ask, q.ask_size);
    return q;
}

int checked_levels(const Column<i64>& price, const Column<i64>& size, int levels, int wanted,
                   const char* price_field, const char* size_field, i64 sign, i64 row,
                   std::array<PriceLevel, kMaxLevels>& out) {
    int n = 0;
    for (int i = 0; i < std::min(levels, wanted); ++i) {
        const auto at = static_cast<std::size_t>(i);
        PriceLevel level;
        take_side(price[at], size[at], price_field, size_field, row, level.price, level.size);
        if (level.price == kNoPrice) continue;
        if (n < i) refuse(price_field, level.price.raw, "stands behind a missing level", row);
        if (n > 0 && sign * level.price.raw <= sign * out[at - 1].price.raw) {
            refuse(price_field, level.price.raw, "must be worse than the level before", row);
        }
        out[at] = level;
        ++n;
    }
    return n;
}

Print checked_print(i64 price, i64 size, i64 side, i64 row) {
    check_price("price", price, row);
    check_size("size", size, row);
    if (size == 0) refuse("size", size, "a trade needs a size above 0", row);
    if (side < 0 || side > 2) refuse("side", side, "must be 0 (NONE), 1 (BUY) or 2 (SELL)", row);
    Print p;
    p.price = Price(price);
    p.size = Size(size);
    p.aggressor = static_cast<Side>(side);
    return p;
}

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
        if (begun_) return;
        bind_units(calculator_, Units{});
        if (const auto window = window_of(calculator_)) {
            const bool keyed =
                window->kind == Window::Kind::Last || window->kind == Window::Kind::Decayed;
            needs_ts_ = keyed && window->span.of == Span::Of::Time;
            if (keyed && window->span.of == Span::Of::Trades && C::kFeed != Feed::Trades) {
                throw InputError("is measured in trades, which only a pipeline sees here",
                                 std::string(C::kName) + ".window", window->text());
            }
        }
        begun_ = true;
    }

    [[nodiscard]] bool needs_ts() const { return needs_ts_; }

    // The time of a call, checked before anything changes.
    void check_ts(i64 ts, i64 row) const {
        if (ts == kNone) {
            if (needs_ts_) refuse("ts", ts, "a window in time needs ts", row);
            return;
        }
        if (ts < 0 || ts >= kMaxTime) {
            refuse("ts", ts, "must be from the epoch to 2^62 ns after it", row);
        }
        if (ts < moment_.ts.raw) {
            throw InputError("is before " + std::to_string(moment_.ts.raw), "ts", std::to_string(ts),
                             row);
        }
    }

    template <class X>
    void step(const X& x, i64 ts) {
        calculator_.restart(Restart::Row);
        moment_.event += 1;
        if constexpr (C::kFeed == Feed::Trades) moment_.trade += 1;
        if (ts != kNone) moment_.ts = Nanos(ts);
        calculator_.step(moment_, x);
    }
    void read(double* out) { calculator_.read(moment_, Units{}, out); }

    void reset() {
        calculator_.restart(Restart::All);
        moment_ = {};
    }

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
    C calculator_;
    Moment moment_;
    bool needs_ts_ = false;
    bool begun_ = false;
};

template <class C>
Alone<C> make(const Call& call) {
    return Alone<C>(C(settings_from<typename C::Settings>(call)));
}

// ---- update ----

const char* inputs_of(Feed feed) {
    switch (feed) {
        case Feed::Quotes: return "bid_price, bid_size, ask_price, ask_size, ts=None";
        case Feed::Depth: return "bid_price, bid_size, ask_price, ask_size, ts=None";
        case Feed::Trades: return "price, size, side=0, ts=None";
    }
    return "";
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

template <class C>
PyObject* update(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    auto& alone = self_of<Alone<C>>(self);
    const Busy::Guard guard(alone.busy);
    alone.begin();
    if constexpr (C::kFeed == Feed::Quotes) {
        static constexpr std::array<const char*, 5> names{"bid_price", "bid_size", "ask_price",
                                                          "ask_size", "ts"};
        const Arguments<5> a("update", names, 4, args, n, keywords);
        const Quotes q = checked_quotes(a.integer(0), a.integer(1), a.integer(2), a.integer(3), -1);
        const i64 ts = a.integer(4, kNone);
        alone.check_ts(ts, -1);
        alone.step(q, ts);
    } else if constexpr (C::kFeed == Feed::Depth) {
        static constexpr std::array<const char*, 5> names{"bid_price", "bid_size", "ask_price",
                                                          "ask_size", "ts"};
        const Arguments<5> a("update", names, 4, args, n, keywords);
        std::array<Column<i64>, 4> sides;
        py::ssize_t levels = -1;
        for (std::size_t i = 0; i < 4; ++i) {
            sides[i] = column<i64>(py::reinterpret_borrow<py::object>(a[i]), names[i], levels);
        }
        const int wanted = alone.calculator().levels();
        const int given = static_cast<int>(std::min<py::ssize_t>(levels, kMaxLevels));
        if (given < wanted) {
            throw InputError("needs at least " + std::to_string(wanted) + " levels", "bid_price",
                             std::to_string(given) + " levels");
        }
        Depth d;
        d.bids = checked_levels(sides[0], sides[1], given, wanted, names[0], names[1], -1, -1, d.bid);
        d.asks = checked_levels(sides[2], sides[3], given, wanted, names[2], names[3], 1, -1, d.ask);
        const i64 ts = a.integer(4, kNone);
        alone.check_ts(ts, -1);
        alone.step(d, ts);
    } else {
        static constexpr std::array<const char*, 4> names{"price", "size", "side", "ts"};
        const Arguments<4> a("update", names, 2, args, n, keywords);
        const Print p = checked_print(a.integer(0), a.integer(1), a.integer(2, 0), -1);
        const i64 ts = a.integer(3, kNone);
        alone.check_ts(ts, -1);
        alone.step(p, ts);
    }
    return value_object(alone);
}

// ---- over columns ----

// Takes the settings out of the keywords; what is left belongs to the function.
template <class C>
Call settings_call(py::kwargs& kwargs) {
    Call call{std::string(C::kName), {}};
    for (const Parameter& p : parameters_of<typename C::Settings>()) {
        if (!kwargs.contains(p.name.c_str())) continue;
        call.arguments.push_back({p.name, value_of(kwargs[p.name.c_str()], call.name + "." + p.name)});
        kwargs.attr("pop")(p.name);
    }
    return call;
}

template <class C>
[[nodiscard]] std::string function_name() {
    // OrderFlowImbalance -> order_flow_imbalance, VWAPDeviation -> vwap_deviation
    std::string out;
    const std::string_view name = C::kName;
    const auto upper = [&](std::size_t i) {
        return i < name.size() && std::isupper(static_cast<unsigned char>(name[i])) != 0;
    };
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool begins =
            upper(i) && i > 0 && (!upper(i - 1) || (i + 1 < name.size() && !upper(i + 1)));
        if (begins) out += '_';
        out += static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
    }
    return out;
}

class OutColumn {
public:
    OutColumn(const py::object& given, py::ssize_t rows, int width, bool vector) {
        std::vector<py::ssize_t> shape{rows};
        if (vector) shape.push_back(width);
        if (given.is_none()) {
            array_ = py::array_t<double>(shape);
        } else {
            if (!py::isinstance<py::array_t<double>>(given)) {
                throw py::type_error("out must be a float64 array in native byte order");
            }
            array_ = py::reinterpret_borrow<py::array_t<double>>(given);
            bool fits = array_.ndim() == static_cast<py::ssize_t>(shape.size());
            for (std::size_t i = 0; fits && i < shape.size(); ++i) {
                fits = array_.shape(static_cast<py::ssize_t>(i)) == shape[i];
            }
            const int needed = static_cast<int>(py::array::c_style) |
                               static_cast<int>(py::detail::npy_api::NPY_ARRAY_ALIGNED_);
            if (!fits || !array_.writeable() || (array_.flags() & needed) != needed) {
                throw py::value_error("out must be a writable C-contiguous array of shape (" +
                                      std::to_string(rows) +
                                      (vector ? ", " + std::to_string(width) + ")" : ",)"));
            }
        }
    }
    [[nodiscard]] double* data() { return array_.mutable_data(); }
    [[nodiscard]] py::object array() const { return array_; }
    // Whether writing it could change what is still to be read.
    [[nodiscard]] bool overlaps(const py::handle& input) const {
        return py::cast<bool>(
            py::module_::import("numpy").attr("may_share_memory")(array_, input));
    }

private:
    py::array_t<double> array_;
};

template <class C>
py::object over_columns(const py::args& args, py::kwargs kwargs) {
    const std::string function = function_name<C>();
    static constexpr auto inputs = [] {
        if constexpr (C::kFeed == Feed::Trades) {
            return std::array<const char*, 3>{"price", "size", "side"};
        } else {
            return std::array<const char*, 4>{"bid_price", "bid_size", "ask_price", "ask_size"};
        }
    }();
    constexpr std::size_t n_inputs = inputs.size();
    constexpr std::size_t required = C::kFeed == Feed::Trades ? 2 : 4;
    std::array<py::object, n_inputs> given;
    given.fill(py::none());
    if (args.size() > n_inputs) {
        throw py::type_error(function + "() takes at most " + std::to_string(n_inputs) +
                             " columns; settings are keywords");
    }
    for (std::size_t i = 0; i < args.size(); ++i) given[i] = args[i];
    Alone<C> alone = make<C>(settings_call<C>(kwargs));
    alone.begin();
    const auto take = [&](const char* name) -> py::object {
        if (!kwargs.contains(name)) return py::none();
        return kwargs.attr("pop")(name);
    };
    for (std::size_t i = 0; i < n_inputs; ++i) {
        if (!kwargs.contains(inputs[i])) continue;
        if (i < args.size()) throw py::type_error(function + "() got '" + inputs[i] + "' twice");
        given[i] = take(inputs[i]);
    }
    const py::object ts_object = take("ts");
    const py::object out_object = take("out");
    if (kwargs.size() > 0) {
        std::vector<std::string> known;
        for (const char* name : inputs) known.emplace_back(name);
        for (const Parameter& p : parameters_of<typename C::Settings>()) known.push_back(p.name);
        known.emplace_back("ts");
        known.emplace_back("out");
        throw py::type_error(function + "() has no argument '" +
                             std::string(py::str(kwargs.begin()->first)) + "'; there are " +
                             candidates(known));
    }
    for (std::size_t i = 0; i < required; ++i) {
        if (given[i].is_none()) throw py::type_error(function + "() needs '" + inputs[i] + "'");
    }

    py::ssize_t rows = -1;
    [[maybe_unused]] int levels = 0;
    std::array<Column<i64>, 4> numbers;
    [[maybe_unused]] std::array<Table, 4> tables;
    Column<std::uint8_t> sides;
    if constexpr (C::kFeed == Feed::Quotes) {
        for (std::size_t i = 0; i < 4; ++i) numbers[i] = column<i64>(given[i], inputs[i], rows);
    } else if constexpr (C::kFeed == Feed::Depth) {
        for (std::size_t i = 0; i < 4; ++i) tables[i] = table(given[i], inputs[i], rows, levels);
        if (levels < alone.calculator().levels()) {
            throw InputError("needs at least " + std::to_string(alone.calculator().levels()) +
                                 " levels",
                             inputs[0], std::to_string(levels) + " levels");
        }
    } else {
        numbers[0] = column<i64>(given[0], inputs[0], rows);
        numbers[1] = column<i64>(given[1], inputs[1], rows);
        sides = optional_column<std::uint8_t>(given[2], inputs[2], rows);
    }
    const Column<i64> times = optional_column<i64>(ts_object, "ts", rows);
    if (alone.needs_ts() && !times.given()) {
        throw InputError("a window in time needs ts", function + ".ts");
    }

    const int width = width_of(alone.calculator());
    OutColumn out(out_object, rows, width, is_vector<C>);
    if (!out_object.is_none()) {
        bool overlapping = !ts_object.is_none() && out.overlaps(ts_object);
        for (const py::object& input : given) {
            overlapping = overlapping || (!input.is_none() && out.overlaps(input));
        }
        if (overlapping) throw py::value_error("out shares memory with an input");
    }
    double* to = out.data();
    const auto n = static_cast<std::size_t>(rows);
    {
        // below this the switch costs more than it gives
        constexpr std::size_t kLong = 4096;
        std::optional<py::gil_scoped_release> release;
        if (n >= kLong) release.emplace();
        Depth d;
        for (std::size_t i = 0; i < n; ++i) {
            const auto row = static_cast<i64>(i);
            const i64 ts = times.given() ? times[i] : kNone;
            alone.check_ts(ts, row);
            if constexpr (C::kFeed == Feed::Quotes) {
                alone.step(checked_quotes(numbers[0][i], numbers[1][i], numbers[2][i],
                                          numbers[3][i], row),
                           ts);
            } else if constexpr (C::kFeed == Feed::Depth) {
                const int wanted = alone.calculator().levels();
                d.bids = checked_levels(tables[0].row(i), tables[1].row(i), levels, wanted,
                                        inputs[0], inputs[1], -1, row, d.bid);
                d.asks = checked_levels(tables[2].row(i), tables[3].row(i), levels, wanted,
                                        inputs[2], inputs[3], 1, row, d.ask);
                alone.step(d, ts);
            } else {
                alone.step(checked_print(numbers[0][i], numbers[1][i],
                                         sides.given() ? sides[i] : 0, row),
                           ts);
            }
            alone.read(to);
            to += width;
        }
    }
    return out.array();
}

// ---- the words of a declaration ----

template <class C>
[[nodiscard]] std::string parameters_text() {
    std::ostringstream out;
    const auto parameters = parameters_of<typename C::Settings>();
    if (parameters.empty()) return {};
    out << "\n\nParameters\n----------\n";
    for (const Parameter& p : parameters) {
        out << p.name << " : ";
        if (p.required) {
            out << p.type << ", required\n";
        } else {
            out << p.type << ", default " << text_of(p.fallback) << "\n";
        }
        out << "    " << p.meaning << ": " << p.allowed << ".\n";
    }
    return out.str();
}

template <class C>
[[nodiscard]] std::string signature() {
    std::string out;
    for (const Parameter& p : parameters_of<typename C::Settings>()) {
        out += out.empty() ? "" : ", ";
        out += p.name;
        if (!p.required) out += "=" + text_of(p.fallback);
    }
    return out;
}

const char* columns_doc(Feed feed) {
    switch (feed) {
        case Feed::Quotes:
            return "bid_price, bid_size, ask_price, ask_size : int64 arrays (n,), in units; size 0 "
                   "is an\n    empty side.";
        case Feed::Depth:
            return "bid_price, bid_size, ask_price, ask_size : int64 arrays (n, levels), in units, "
                   "best first;\n    size 0 is a missing level.";
        case Feed::Trades:
            return "price, size : int64 arrays (n,), in units. side : uint8 array (n,) of the "
                   "aggressor,\n    0 not known (the default), 1 buy, 2 sell.";
    }
    return "";
}

const char* name_of_feed(Feed feed) {
    return feed == Feed::Quotes ? "quotes" : feed == Feed::Depth ? "depth" : "trades";
}

template <class C>
py::dict metadata() {
    using namespace py::literals;
    py::list parameters;
    for (const Parameter& p : parameters_of<typename C::Settings>()) {
        parameters.append(py::dict("name"_a = p.name, "type"_a = p.type, "required"_a = p.required,
                                   "default"_a = to_python(p.fallback), "allowed"_a = p.allowed,
                                   "choices"_a = py::tuple(py::cast(p.choices)),
                                   "meaning"_a = p.meaning));
    }
    return py::dict("name"_a = py::str(C::kName.data(), C::kName.size()),
                    "function"_a = function_name<C>(), "feed"_a = name_of_feed(C::kFeed),
                    "vector"_a = is_vector<C>, "parameters"_a = parameters,
                    "doc"_a = py::str(C::kDoc.data(), C::kDoc.size()));
}

// ---- the binding of one ----

template <class C>
void bind_calculator(py::module_& m, py::list& all) {
    using namespace py::literals;
    using A = Alone<C>;
    static const std::string name(C::kName);
    static const std::string doc = name + "(" + signature<C>() + ")\n--\n\n" + std::string(C::kDoc) +
                                   parameters_text<C>();
    py::class_<A> cls(m, name.c_str(), doc.c_str());
    cls.def(py::init([](const py::args& args, const py::kwargs& kwargs) {
        return make<C>(call_of(C::kName, args, kwargs));
    }));
    for (const Parameter& p : parameters_of<typename C::Settings>()) {
        const std::string parameter = p.name;
        cls.def_property_readonly(
            p.name.c_str(),
            [parameter](Made<A> a) -> py::object {
                for (const Argument& x : arguments_of(a->calculator().settings())) {
                    if (x.name == parameter) return to_python(x.value);
                }
                return py::none();
            },
            p.meaning.c_str());
    }
    static const std::string update_doc =
        std::string("update($self, ") + inputs_of(C::kFeed) +
        ")\n--\n\nOne call is one event and one row. Integers in units (prices, sizes), ts in ns; "
        "returns the value.";
    define_hot_method<&update<C>>(cls, "update", update_doc.c_str());
    cls.def_property_readonly(
           "value",
           [](Made<A> a) {
               const Busy::Guard guard(a->busy);
               return py::reinterpret_steal<py::object>(value_object(*a));
           },
           "The value now; reading it changes nothing.")
        .def_property_readonly("spec", [](Made<A> a) { return spec_of(a->calculator()); },
                               "The settings as text that `parse_calculator` reads.")
        .def("reset",
             [](Made<A> a) {
                 const Busy::Guard guard(a->busy);
                 a->reset();
             },
             "As new, with the same settings.")
        .def("copy", [](Made<A> a) { return A(*a); }, "A copy, state and all.")
        .def("__copy__", [](Made<A> a) { return A(*a); })
        .def("__deepcopy__", [](Made<A> a, const py::dict&) { return A(*a); }, "memo"_a)
        .def("__repr__", [](Made<A> a) { return spec_of(a->calculator()); })
        .def(
            "__eq__",
            [](Made<A> a, const py::object& b) {
                return py::isinstance<A>(b) &&
                       save_state(name, *a) == save_state(name, py::cast<const A&>(b));
            },
            "other"_a)
        .def("to_bytes", [](Made<A> a) { return py::bytes(save_state(name, *a)); },
             "Settings and state as bytes (magic, version, length, CRC).")
        .def_static(
            "from_bytes",
            [](const py::bytes& bytes) {
                A a = A(C(typename C::Settings{}));
                StateEnvelope(std::string_view(bytes)).load(name, a);
                return a;
            },
            "state"_a, "A calculator from `to_bytes`; StateError when the bytes are not one.")
        .def(py::pickle([](Made<A> a) { return py::bytes(save_state(name, *a)); },
                        [](const py::bytes& bytes) {
                            A a = A(C(typename C::Settings{}));
                            StateEnvelope(std::string_view(bytes)).load(name, a);
                            return a;
                        }));

    static const std::string function = function_name<C>();
    std::string settings = signature<C>();
    static const std::string function_doc =
        function + "(" +
        (C::kFeed == Feed::Trades ? "price, size, side=None" : "bid_price, bid_size, ask_price, ask_size") +
        ", *, " + settings + (settings.empty() ? "" : ", ") + "ts=None, out=None)\n--\n\n" +
        std::string(C::kDoc) +
        "\n\nOver columns: every row is an event and a row of the result, so the default window "
        "yields the\nincrement.\n\nParameters\n----------\n" +
        columns_doc(C::kFeed) +
        "\nts : int64 array (n,), ns; needed by windows in time only.\nout : float64 array to "
        "write, (n" +
        (is_vector<C> ? ", levels)" : ",)") + ".\n" +
        (settings.empty() ? "" : "The settings of " + name + " as keywords.\n") +
        "\nReturns\n-------\nfloat64 array (n" + (is_vector<C> ? ", levels)" : ",)") +
        "\n\nRaises\n------\nInputError\n    A value breaks a field rule; names row and field. "
        "TypeError for a wrong dtype.";
    m.def(function.c_str(), &over_columns<C>, function_doc.c_str());
    all.append(metadata<C>());
}

}  // namespace

void bind_calculators(py::module_& m) {
    using namespace py::literals;
    py::list all;
    for_each_calculator([&]<class C>(std::type_identity<C>) { bind_calculator<C>(m, all); });
    m.attr("CALCULATORS") = py::tuple(all);
    py::list exported;  // what `from bookflow._core import *` takes
    for (const py::handle one : all) {
        exported.append(one["name"]);
        exported.append(one["function"]);
    }
    m.attr("__all__") = exported;
    m.def(
        "parse_calculator",
        [](const std::string& text) {
            const Node node = Node::parse(SpecParser(text).call());
            return node.visit([]<class C>(const C& c) { return py::cast(Alone<C>(c)); });
        },
        "text"_a,
        "The calculator that a spec names: parse_calculator('VPIN(bucket_volume=10000)').");
}

}  // namespace bookflow
