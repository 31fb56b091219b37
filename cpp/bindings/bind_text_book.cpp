// bookflow._core.TextBook: the levels of a feed handler, as the venue wrote them.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bind.hpp"
#include "bookflow/book_update.hpp"
#include "bookflow/text_book.hpp"
#include "errors.hpp"
#include "hot_method.hpp"
#include "state_methods.hpp"

namespace bookflow {

namespace {

struct Texts {
    TextBook book{Units{}};
    Busy busy;

    template <class V>
    void visit(V& v) {
        v(book);
    }
};

struct Orders {
    TextOrders book{Units{}};
    Busy busy;

    template <class V>
    void visit(V& v) {
        v(book);
    }
};

Side side_of(int side) {
    if (side == static_cast<int>(Side::Bid)) return Side::Bid;
    if (side == static_cast<int>(Side::Ask)) return Side::Ask;
    throw InputError("must be 1 (bid) or 2 (ask)", "side", std::to_string(side));
}

// The characters of a str or bytes, without a copy; of anything else the row's error.
std::string_view text_of_item(PyObject* level, Py_ssize_t place, const char* field, i64 row) {
    if (place < 0 || place >= PySequence_Fast_GET_SIZE(level)) {
        throw InputError("is missing: the level has " +
                             std::to_string(PySequence_Fast_GET_SIZE(level)) + " parts",
                         field, {}, row);
    }
    PyObject* item = PySequence_Fast_GET_ITEM(level, place);
    Py_ssize_t n = 0;
    if (PyUnicode_Check(item) != 0) {
        const char* text = PyUnicode_AsUTF8AndSize(item, &n);
        if (text == nullptr) throw py::error_already_set();
        return {text, static_cast<std::size_t>(n)};
    }
    if (PyBytes_Check(item) != 0) {
        return {PyBytes_AS_STRING(item), static_cast<std::size_t>(PyBytes_GET_SIZE(item))};
    }
    throw InputError("must be text", field, std::string(py::repr(item)), row);
}

std::vector<TextLevel> read(const TextBook& book, const py::object& levels, Py_ssize_t price,
                            Py_ssize_t size) {
    if (PyList_Check(levels.ptr()) == 0 && PyTuple_Check(levels.ptr()) == 0) {
        throw py::type_error("levels must be a list or a tuple of (price, size, ...)");
    }
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(levels.ptr());
    std::vector<TextLevel> out;
    out.reserve(static_cast<std::size_t>(n));
    for (Py_ssize_t i = 0; i < n; ++i) {
        PyObject* level = PySequence_Fast_GET_ITEM(levels.ptr(), i);
        if (PyList_Check(level) == 0 && PyTuple_Check(level) == 0) {
            throw InputError("must be (price, size, ...)", "levels", std::string(py::repr(level)),
                             i);
        }
        try {
            out.push_back(book.level(text_of_item(level, price, "price", i),
                                     text_of_item(level, size, "size", i)));
        } catch (const InputError& error) {
            throw InputError(error.rule, error.field, error.value, i);
        }
    }
    return out;
}

py::array_t<i64> column_of(const std::vector<TextLevel>& levels, bool prices) {
    py::array_t<i64> out(static_cast<py::ssize_t>(levels.size()));
    std::transform(levels.begin(), levels.end(), out.mutable_data(),
                   [=](const TextLevel& l) { return prices ? l.price.raw : l.size.raw; });
    return out;
}

// All of the levels, or on an error none.
py::tuple update(Texts& self, const py::object& bids, const py::object& asks, Py_ssize_t price,
                 Py_ssize_t size, bool whole) {
    const std::vector<TextLevel> bid = read(self.book, bids, price, size);
    const std::vector<TextLevel> ask = read(self.book, asks, price, size);
    if (whole) {
        self.book.replace(Side::Bid, bid);
        self.book.replace(Side::Ask, ask);
    } else {
        for (const TextLevel& level : bid) self.book.apply(Side::Bid, level);
        for (const TextLevel& level : ask) self.book.apply(Side::Ask, level);
    }
    return py::make_tuple(column_of(bid, true), column_of(bid, false), column_of(ask, true),
                          column_of(ask, false));
}

py::tuple units(const Texts& self, const py::object& levels, Py_ssize_t price, Py_ssize_t size) {
    const std::vector<TextLevel> all = read(self.book, levels, price, size);
    return py::make_tuple(column_of(all, true), column_of(all, false));
}

py::array_t<i64> truncate(Texts& self, int side, std::size_t depth) {
    const std::vector<Price> gone = self.book.truncate(side_of(side), depth);
    py::array_t<i64> out(static_cast<py::ssize_t>(gone.size()));
    std::transform(gone.begin(), gone.end(), out.mutable_data(), [](Price p) { return p.raw; });
    return out;
}

ChecksumRule rule_of(const std::string& name) {
    if (name == "digits") return ChecksumRule::Digits;
    if (name == "alternating") return ChecksumRule::Alternating;
    if (name == "signed_asks") return ChecksumRule::SignedAsks;
    throw InputError("must be \"digits\", \"alternating\" or \"signed_asks\"", "rule", name);
}

py::list text(const Texts& self, int side_code, std::size_t depth) {
    const Side side = side_of(side_code);
    py::list out;
    const auto str = [](std::string_view t) { return py::str(t.data(), t.size()); };
    for (std::size_t i = 0; i < std::min(depth, self.book.size(side)); ++i) {
        const TextLevel& level = self.book.at(side, i);
        out.append(py::make_tuple(str(level.price_text.view()), str(level.size_text.view())));
    }
    return out;
}

// Size and price in units; an order of size 0 is gone.
py::tuple set_order(Orders& self, int side_code, TextOrders::Id id, i64 rank,
                    std::string_view price, std::string_view size) {
    const Side side = side_of(side_code);
    const TextLevel level = self.book.level(price, size);
    self.book.set(side, id, rank, level);
    return py::make_tuple(level.price.raw, level.size.raw);
}

std::uint32_t sum_of_orders(const Orders& self, const std::string& rule, std::size_t depth) {
    if (rule == "digits") return self.book.checksum_of_prices(depth);
    if (rule == "ids") return self.book.checksum_of_ids(depth);
    throw InputError("must be \"digits\" or \"ids\"", "rule", rule);
}

py::list text_of_orders(const Orders& self, int side_code, std::size_t depth) {
    py::list out;
    const auto str = [](std::string_view t) { return py::str(t.data(), t.size()); };
    self.book.see(side_of(side_code), depth, [&](TextOrders::Id id, const TextLevel& level) {
        out.append(py::make_tuple(id, str(level.price_text.view()), str(level.size_text.view())));
    });
    return out;
}

}  // namespace

void bind_text_book(py::module_& m) {
    py::class_<Texts> texts(
        m, "TextBook",
        "Price levels of one book, kept as the venue wrote them.\n\n"
        "For feed handlers: exact units of the texts, and checksums over them.");
    def_state<Texts>(texts, "TextBook", [] { return Texts{}; });
    texts
        .def(py::init([](const py::object& instrument) {
                 return Texts{TextBook(instrument.cast<const Instrument&>().units()), {}};
             }),
             py::arg("instrument"))
        .def("update",
             guarded<Texts, const py::object&, const py::object&, Py_ssize_t, Py_ssize_t, bool>(
                 &update),
             py::arg("bids"), py::arg("asks"), py::arg("price") = 0, py::arg("size") = 1,
             py::arg("whole") = false,
             "Sets levels (size 0 removes), each a list whose items `price` and `size` are str or\n"
             "bytes; with `whole` these are all that there are. Returns bid prices and sizes, ask\n"
             "prices and sizes in units, (n,) int64 each. InputError with the row for what is no\n"
             "number of the units: nothing was changed then.")
        .def("units", guarded<Texts, const py::object&, Py_ssize_t, Py_ssize_t>(&units),
             py::arg("levels"), py::arg("price") = 0, py::arg("size") = 1,
             "Prices and sizes as `update` reads them, without a change: for prints and orders.")
        .def("truncate", guarded<Texts, int, std::size_t>(&truncate), py::arg("side"),
             py::arg("depth"),
             "Drops the levels beyond the best `depth`; returns their prices, (n,) int64.")
        .def(
            "checksum",
            guarded<Texts, const std::string&, std::size_t>(
                [](Texts& self, const std::string& rule, std::size_t depth) {
                    return self.book.checksum(rule_of(rule), depth);
                }),
            py::arg("rule"), py::arg("depth"),
            "CRC-32 of the best `depth` levels' text, unsigned.\n\n"
            "rule \"digits\": asks, then bids, without points and leading zeros (Kraken);\n"
            "\"alternating\": bid:size:ask:size:... (OKX, Bitget, FTX); \"signed_asks\": the same\n"
            "with negative ask sizes (Bitfinex).")
        .def("text", guarded<Texts, int, std::size_t>(&text), py::arg("side"), py::arg("depth"),
             "The best `depth` levels as (price, size) texts, best first.")
        .def("levels", guarded<Texts>([](Texts& self) {
                 return py::make_tuple(self.book.size(Side::Bid), self.book.size(Side::Ask));
             }),
             "How many bid and ask levels there are.")
        .def_property_readonly(
            "quotes", guarded<Texts>([](Texts& self) {
                const auto side = [&](Side s) {
                    return self.book.size(s) == 0 ? std::pair{kNone, i64{0}}
                                                  : std::pair{self.book.at(s, 0).price.raw,
                                                              self.book.at(s, 0).size.raw};
                };
                const auto [bid, bid_size] = side(Side::Bid);
                const auto [ask, ask_size] = side(Side::Ask);
                return py::make_tuple(bid, bid_size, ask, ask_size);
            }),
            "(bid, bid size, ask, ask size) in units; NONE and 0 where a side is empty.")
        .def("clear", guarded<Texts>([](Texts& self) { self.book.clear(); }),
             "No levels are left.");
    py::class_<Orders> orders(m, "TextOrders",
                              "Single orders of one book, kept as the venue wrote them.\n\n"
                              "For feed handlers whose venue sums orders.");
    def_state<Orders>(orders, "TextOrders", [] { return Orders{}; });
    orders
        .def(py::init([](const py::object& instrument) {
                 return Orders{TextOrders(instrument.cast<const Instrument&>().units()), {}};
             }),
             py::arg("instrument"))
        .def("set",
             guarded<Orders, int, TextOrders::Id, i64, std::string_view, std::string_view>(
                 &set_order),
             py::arg("side"), py::arg("id"), py::arg("rank"), py::arg("price"), py::arg("size"),
             "Sets or moves an order; size 0 removes it. Among those of its price it stands by\n"
             "`rank`, low before high. Returns price and size in units. InputError for what is\n"
             "no number of them: nothing was changed then.")
        .def("remove", guarded<Orders, TextOrders::Id>([](Orders& self, TextOrders::Id id) {
                 return self.book.remove(id);
             }),
             py::arg("id"), "Takes an order away; False if there is none.")
        .def("truncate",
             guarded<Orders, int, std::size_t>([](Orders& self, int side, std::size_t depth) {
                 return py::cast(self.book.truncate(side_of(side), depth));
             }),
             py::arg("side"), py::arg("depth"),
             "Drops the orders of prices beyond the best `depth`; returns their ids.")
        .def("checksum", guarded<Orders, const std::string&, std::size_t>(&sum_of_orders),
             py::arg("rule"), py::arg("depth"),
             "CRC-32 of the orders' text, unsigned.\n\n"
             "rule \"digits\": every order of the best `depth` prices, asks, then bids, price and\n"
             "size without points and leading zeros (Kraken); \"ids\": the best `depth` orders,\n"
             "bid id:size:ask id:-size:... (Bitfinex).")
        .def("text", guarded<Orders, int, std::size_t>(&text_of_orders), py::arg("side"),
             py::arg("depth"),
             "Orders of the best `depth` prices as (id, price, size), in the order of queues.")
        .def("clear", guarded<Orders>([](Orders& self) { self.book.clear(); }),
             "No orders are left.");
    m.def(
        "crc32", [](const py::bytes& data) { return crc32(std::string_view(data)); },
        py::arg("data"), "CRC-32 of bytes, unsigned.");
}

}  // namespace bookflow
