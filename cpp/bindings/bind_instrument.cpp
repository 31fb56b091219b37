// bookflow.Instrument: units, and the one exact way between them and floats.
#include <pybind11/numpy.h>

#include "bind.hpp"
#include "bookflow/instrument.hpp"
#include "columns.hpp"
#include "errors.hpp"
#include "hot_method.hpp"
#include "values.hpp"

namespace bookflow {

namespace {

std::vector<TickBand> tick_of(const py::object& tick) {
    if (tick.is_none()) return {};
    const bool schedule = PySequence_Check(tick.ptr()) != 0 && PyUnicode_Check(tick.ptr()) == 0;
    if (!schedule) return {{Decimal{}, decimal_of(tick, "tick")}};
    std::vector<TickBand> bands;
    for (const py::handle item : tick) {
        const auto pair = py::reinterpret_borrow<py::sequence>(item);
        if (PySequence_Check(item.ptr()) == 0 || pair.size() != 2) {
            throw InputError("a schedule is a sequence of (from_price, step)", "tick",
                             std::string(py::repr(item)));
        }
        bands.push_back({decimal_of(pair[0], "tick"), decimal_of(pair[1], "tick")});
    }
    if (bands.empty()) throw InputError("a schedule needs at least one band", "tick", "()");
    return bands;
}

py::object tick_to_python(const Instrument& i) {
    if (i.tick.empty()) return py::none();
    if (i.tick.size() == 1 && i.tick[0].from == Decimal{}) return py::str(i.tick[0].step.text());
    py::list out;
    for (const TickBand& band : i.tick) {
        out.append(py::make_tuple(band.from.text(), band.step.text()));
    }
    return py::tuple(out);
}

std::string repr(const Instrument& i) {
    std::string out = "Instrument(" + text_of(Value(i.symbol));
    const auto add = [&](const char* name, const std::string& value) {
        out += std::string(", ") + name + "=" + value;
    };
    const auto quoted = [](const Decimal& d) { return "\"" + d.text() + "\""; };
    add("price_unit", quoted(i.price_unit));
    add("tick", std::string(py::repr(tick_to_python(i))));
    add("size_unit", quoted(i.size_unit));
    if (!(i.multiplier == Decimal{1, 0})) add("multiplier", quoted(i.multiplier));
    if (i.inverse) add("kind", "\"inverse\"");
    if (i.id != 0) add("id", std::to_string(i.id));
    return out + ")";
}

// The exact number of units of every value, or an error that names the row and the unit that fits.
class ToUnits {
public:
    ToUnits(const Scale& scale, const Decimal& unit, std::string field, Origin origin)
        : scale_(scale), unit_(unit), field_(std::move(field)), origin_(std::move(origin)) {}

    [[nodiscard]] i64 operator()(double x, i64 row) const {
        if (!std::isfinite(x)) refuse(row, x, "must be finite");
        if (x == 0.0 && std::signbit(x)) refuse(row, x, "is a negative zero");
        if (const auto k = scale_.units(x)) return *k;
        const auto exact = Decimal::shortest(x);
        const double units = std::fabs(x) * static_cast<double>(scale_.denominator) /
                             static_cast<double>(scale_.numerator);
        if (units > 9.2e18) refuse(row, x, "does not fit 64 bits in units of " + unit_.text());
        refuse(row, x,
               exact ? "is no whole number of units of " + unit_.text() + "; it needs " + kind() +
                           " " + Decimal{1, exact->exponent}.text()
                     : "is no whole number of units of " + unit_.text());
    }

private:
    [[nodiscard]] std::string kind() const {
        return field_.find("size") != std::string::npos ? "size unit" : "price unit";
    }
    [[noreturn]] void refuse(i64 row, double x, const std::string& rule) const {
        const auto shown = py::cast<std::string>(py::str(py::float_(x)));
        set_python_error(input_error(InputError(rule, field_, shown, row), origin_));
        throw py::error_already_set();
    }

    Scale scale_;
    Decimal unit_;
    std::string field_;
    Origin origin_;
};

py::array_t<i64> units_of(const Scale& scale, const Decimal& unit, const py::object& values,
                          const std::string& field, const std::string& source, i64 first_row,
                          bool none_is_nan) {
    const py::array array =
        py::isinstance<py::array>(values)
            ? py::reinterpret_borrow<py::array>(values)
            : py::reinterpret_steal<py::array>(
                  py::module_::import("numpy").attr("atleast_1d")(values).release());
    const ToUnits to_units(scale, unit, field, {source, first_row});
    py::ssize_t rows = -1;
    if (py::isinstance<py::array_t<double>>(array)) {
        const Column<double> x = column<double>(array, field.c_str(), rows);
        py::array_t<i64> out(rows);
        i64* to = out.mutable_data();
        for (py::ssize_t i = 0; i < rows; ++i) {
            const double value = x[static_cast<std::size_t>(i)];
            to[i] = none_is_nan && std::isnan(value) ? kNone : to_units(value, i);
        }
        return out;
    }
    const char kind = array.dtype().kind();
    if (kind != 'i' && kind != 'u') {
        throw py::type_error("column '" + field + "': dtype is " +
                             std::string(py::str(array.dtype())) +
                             ", expected float64 or integers");
    }
    if (kind == 'u' && array.itemsize() == 8) {
        const Column<u64> x = column<u64>(array, field.c_str(), rows);
        for (py::ssize_t i = 0; i < rows; ++i) {
            const u64 value = x[static_cast<std::size_t>(i)];
            if (value > static_cast<u64>(std::numeric_limits<i64>::max())) {
                set_python_error(input_error(
                    InputError("does not fit 64 signed bits", field, std::to_string(value), i),
                    {source, first_row}));
                throw py::error_already_set();
            }
        }
    }
    // Any narrower integer widens without loss; the other byte order is turned.
    return py::array_t<i64>(array.attr("astype")("int64"));
}

py::object value_in(const Scale& scale, const py::object& units) {
    if (py::isinstance<py::array>(units)) {
        py::ssize_t rows = -1;
        const Column<i64> k = column<i64>(units, "units", rows);
        py::array_t<double> out(rows);
        double* to = out.mutable_data();
        for (py::ssize_t i = 0; i < rows; ++i) {
            const i64 n = k[static_cast<std::size_t>(i)];
            to[i] = n == kNone ? kNaN : scale.value(n);
        }
        return out;
    }
    if (!py::isinstance<py::int_>(units)) {
        throw py::type_error("units are integers or an int64 array, got " +
                             std::string(py::repr(units)));
    }
    const auto n = py::cast<i64>(units);
    return py::float_(n == kNone ? kNaN : scale.value(n));
}

}  // namespace

void bind_instrument(py::module_& m) {
    using namespace py::literals;
    py::class_<Instrument>(m, "Instrument", R"(What is traded, and in which units.

Parameters
----------
symbol : str
price_unit : str | int | float | decimal.Decimal
    The finest step a price or a print can have, in price. A float counts as its shortest text.
tick : None | number | sequence of (from_price, step)
    The grid of resting prices: one step, steps by price band, or no grid (no check, and distances
    are told in price units).
size_unit : number
    The finest step of a size, in shares, contracts or coins.
multiplier : number
    Notional is size x multiplier x price (linear) or size x multiplier (inverse).
kind : "linear" | "inverse"
id : int
    The number of the instrument in the `instrument` column of events.

Raises
------
InputError
    A unit that is not positive, a tick that is no whole number of price units.)")
        .def(py::init([](std::string symbol, const py::object& price_unit, const py::object& tick,
                         const py::object& size_unit, const py::object& multiplier,
                         const std::string& kind, std::uint32_t id) {
                 if (kind != "linear" && kind != "inverse") {
                     throw InputError("must be one of linear, inverse", "kind", kind);
                 }
                 Instrument i{std::move(symbol),
                              decimal_of(price_unit, "price_unit"),
                              tick_of(tick),
                              decimal_of(size_unit, "size_unit"),
                              decimal_of(multiplier, "multiplier"),
                              kind == "inverse",
                              id};
                 (void)i.units();  // checks the declaration
                 return i;
             }),
             "symbol"_a = "", py::kw_only(), "price_unit"_a = "0.01", "tick"_a = py::none(),
             "size_unit"_a = "1", "multiplier"_a = "1", "kind"_a = "linear", "id"_a = 0)
        .def_property_readonly(
            "symbol", [](Made<Instrument> i) { return i->symbol; }, "Its name.")
        .def_property_readonly(
            "id", [](Made<Instrument> i) { return i->id; },
            "Its number in the `instrument` column of events, uint32.")
        .def_property_readonly(
            "price_unit", [](Made<Instrument> i) { return i->price_unit.text(); },
            "What 1 means in an integer price, in price, as exact decimal text.")
        .def_property_readonly(
            "size_unit", [](Made<Instrument> i) { return i->size_unit.text(); },
            "What 1 means in an integer size, in shares, contracts or coins, as exact decimal "
            "text.")
        .def_property_readonly(
            "multiplier", [](Made<Instrument> i) { return i->multiplier.text(); },
            "Notional of one contract a unit of price (linear), as exact decimal text.")
        .def_property_readonly(
            "tick", [](Made<Instrument> i) { return tick_to_python(*i); },
            "The step of resting prices as text, ((from, step), ...) by price band, or None: no "
            "grid.")
        .def_property_readonly(
            "kind", [](Made<Instrument> i) { return i->inverse ? "inverse" : "linear"; },
            "\"linear\" or \"inverse\".")
        .def(
            "price_units",
            [](Made<Instrument> i, const py::object& values, const std::string& field,
               const std::string& source, i64 first_row, bool none_is_nan) {
                return units_of(i->units().price_scale, i->price_unit, values, field, source,
                                first_row, none_is_nan);
            },
            "values"_a, "field"_a = "price", "source"_a = "", "first_row"_a = 0,
            "none_is_nan"_a = false,
            R"(Prices as whole numbers of price units, exactly.

A float64 x becomes k only if the double nearest to k units is x, else InputError names the row and
the unit that would fit. Integers are units already. NaN is refused, or becomes NONE with
none_is_nan.)")
        .def(
            "size_units",
            [](Made<Instrument> i, const py::object& values, const std::string& field,
               const std::string& source, i64 first_row) {
                return units_of(i->units().size_scale, i->size_unit, values, field, source,
                                first_row, false);
            },
            "values"_a, "field"_a = "size", "source"_a = "", "first_row"_a = 0,
            "Sizes as whole numbers of size units, exactly; see `price_units`.")
        .def(
            "price",
            [](Made<Instrument> i, const py::object& units) {
                return value_in(i->units().price_scale, units);
            },
            "units"_a, "Units as prices, each rounded once; NONE is NaN.")
        .def(
            "size",
            [](Made<Instrument> i, const py::object& units) {
                return value_in(i->units().size_scale, units);
            },
            "units"_a, "Units as sizes, each rounded once.")
        .def("__repr__", [](Made<Instrument> i) { return repr(*i); })
        .def(
            "__eq__",
            [](Made<Instrument> a, const py::object& b) {
                return py::isinstance<Instrument>(b) && *a == self_of<Instrument>(b.ptr());
            },
            "other"_a)
        .def("__hash__", [](Made<Instrument> i) { return py::hash(py::str(repr(*i))); })
        .def(py::pickle(
            [](Made<Instrument> i) {
                return py::make_tuple(i->symbol, i->price_unit.text(), tick_to_python(*i),
                                      i->size_unit.text(), i->multiplier.text(), i->inverse, i->id);
            },
            [](const py::tuple& t) {
                return Instrument{py::cast<std::string>(t[0]),
                                  decimal_of(t[1], "price_unit"),
                                  tick_of(t[2]),
                                  decimal_of(t[3], "size_unit"),
                                  decimal_of(t[4], "multiplier"),
                                  py::cast<bool>(t[5]),
                                  py::cast<std::uint32_t>(t[6])};
            }));
}

}  // namespace bookflow
