// bookflow.OrderBook and bookflow.LevelBook, alone and in integer units.
#include <pybind11/numpy.h>

#include "bind.hpp"
#include "bookflow/event_check.hpp"
#include "bookflow/level_book.hpp"
#include "bookflow/order_book.hpp"
#include "c_functions.hpp"
#include "columns.hpp"
#include "errors.hpp"
#include "hot_method.hpp"
#include "state_methods.hpp"
#include "values.hpp"

namespace bookflow {

namespace {

constexpr std::size_t kNoRow = ~std::size_t{0};  // a single call has none

// A book in Python: the field rules are kept at its door.
template <class Book>
struct Shelf {
    Book book;
    bool last_was_delete = false;
    Busy busy;

    int apply(const Event& e, std::size_t row = kNoRow) {
        static const Units units;  // alone: no grid
        EventCheck(units, 0).event(e, row, kNone, false, last_was_delete, false);
        if constexpr (std::is_same_v<Book, LevelBook>) {
            need(e, row, e.action >= Action::Trade, "a LevelBook takes LEVEL, QUOTE and CLEAR");
        } else {
            need(e, row, e.action != Action::Level && e.action != Action::Quote,
                 "an OrderBook takes ADD, CANCEL, DELETE, MODIFY, EXECUTE and CLEAR");
        }
        int level = kUnchanged;
        if constexpr (std::is_same_v<Book, LevelBook>) {
            level = book.apply(e);
        } else {
            level = book.apply(e).from_level;
        }
        last_was_delete = e.action == Action::Delete;
        return level;
    }

    template <class V>
    void visit(V& v) {
        v(book, last_was_delete);
    }

private:
    static void need(const Event& e, std::size_t row, bool fits, const char* rule) {
        if (!fits)
            throw InputError(rule, "action", std::string(name_of(e.action)), static_cast<i64>(row));
    }
};

// A code that no byte holds is as one that is none: refused by the checks.
Event event_of(i64 action, i64 side, i64 price, i64 size, u64 order_id) {
    const auto fits = [](i64 code) { return code >= 0 && code <= 255; };
    Event e;
    e.action = fits(action) ? static_cast<Action>(action) : Action{0};
    e.side = static_cast<Side>(fits(side) ? side : 255);
    e.price = Price(price);
    e.size = Size(size);
    e.order_id = OrderId{order_id};
    return e;
}

template <class Book>
int c_apply(Shelf<Book>* shelf, i64 action, i64 side, i64 price, i64 size, u64 order_id,
            i64* level) noexcept {
    return in_c(shelf, [&](Shelf<Book>& s) {
        const int changed = s.apply(event_of(action, side, price, size, order_id));
        *level = changed == kUnchanged ? -1 : changed;
    });
}

template <class Book>
int c_quotes(Shelf<Book>* shelf, i64* four) noexcept {
    return in_c(shelf, [&](Shelf<Book>& s) { write_quotes(quotes_of(s.book), four); });
}

template <class Book>
PyObject* apply(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    static constexpr std::array<const char*, 5> names{"action", "side", "price", "size",
                                                      "order_id"};
    const Arguments<5> a("apply", names, 4, args, n, keywords);
    auto& shelf = self_of<Shelf<Book>>(self);
    const i64 action = a.integer(0);
    const i64 side = a.integer(1);
    const i64 price = a.integer(2);
    const i64 size = a.integer(3);
    const Event e = event_of(action, side, price, size, a.unsigned_integer(4, 0));
    const Busy::Guard guard(shelf.busy);
    const int level = shelf.apply(e);
    return PyLong_FromLong(level == kUnchanged ? -1 : level);
}

template <class Book>
py::dict depth(const Book& book, py::ssize_t levels) {
    if (levels < 1) throw InputError("must be at least 1", "levels", std::to_string(levels));
    py::dict out;
    for (const Side s : {Side::Bid, Side::Ask}) {
        const auto& ladder = s == Side::Bid ? book.bids() : book.asks();
        const auto n = std::min<py::ssize_t>(levels, ladder.size());
        std::vector<i64> price;
        std::vector<i64> size;
        std::vector<i64> count;
        for (int i = 0; i < n; ++i) {
            price.push_back(ladder[i].price.raw);
            size.push_back(ladder[i].size.raw);
            if constexpr (requires { ladder[i].count; }) count.push_back(ladder[i].count);
        }
        const std::string side = s == Side::Bid ? "bid" : "ask";
        out[py::str(side + "_price")] = to_numpy(std::move(price));
        out[py::str(side + "_size")] = to_numpy(std::move(size));
        if constexpr (std::is_same_v<Book, OrderBook>) {
            out[py::str(side + "_count")] = to_numpy(std::move(count));
        }
    }
    return out;
}

template <class Book>
py::class_<Shelf<Book>> bind_book(py::module_& m, const char* name, const char* doc) {
    using namespace py::literals;
    using S = Shelf<Book>;
    const std::string what = name;
    py::class_<S> cls(m, name, doc);
    cls.def(py::init<>())
        .def(
            "apply_columns",
            [](Made<S> s, const py::object& action, const py::object& side, const py::object& price,
               const py::object& size, const py::object& order_id) {
                py::ssize_t rows = -1;
                EventColumns c;
                c.action = column<std::uint8_t>(action, "action", rows);
                c.side = column<std::uint8_t>(side, "side", rows);
                c.price = column<i64>(price, "price", rows);
                c.size = column<i64>(size, "size", rows);
                c.order_id = optional_column<u64>(order_id, "order_id", rows);
                c.rows = static_cast<std::size_t>(rows);
                const Busy::Guard guard(s->busy);
                S changed = *s;  // all rows or none
                for (std::size_t i = 0; i < c.rows; ++i) {
                    Event e;
                    e.action = static_cast<Action>(c.action[i]);
                    e.side = static_cast<Side>(c.side[i]);
                    e.price = Price(c.price[i]);
                    e.size = Size(c.size[i]);
                    if (c.order_id.given()) e.order_id = OrderId{c.order_id[i]};
                    try {
                        changed.apply(e, i);
                    } catch (const SizeOverflow& overflow) {
                        throw std::overflow_error("row " + std::to_string(i) +
                                                  ": size: " + overflow.what());
                    }
                }
                *s = std::move(changed);
            },
            "action"_a, "side"_a, "price"_a, "size"_a, "order_id"_a = py::none(),
            "Applies columns of events (uint8, uint8, int64, int64, uint64), all or, on an error, "
            "none.")
        .def_property_readonly(
            "quotes", [](Made<S> s) { return to_python(quotes_of(s->book)); },
            "(bid, bid_size, ask, ask_size); an empty side is (NONE, 0).")
        .def(
            "depth", [](Made<S> s, py::ssize_t levels) { return depth(s->book, levels); },
            "levels"_a = 10,
            "The best levels as int64 arrays: bid_price, bid_size, ask_price, ask_size (and counts "
            "of orders in an OrderBook), best first, as many as there are.")
        .def_property_readonly(
            "levels",
            [](Made<S> s) { return py::make_tuple(s->book.bids().size(), s->book.asks().size()); },
            "How many price levels the bid and the ask have.")
        .def_property_readonly(
            "content_hash", [](Made<S> s) { return s->book.content_hash(); },
            "A 64-bit hash of what the book says, the same on every platform.")
        .def_property_readonly(
            "faults", [](Made<S> s) { return to_python(s->book.faults()); }, "Feed faults by name.")
        .def(
            "check", [](Made<S> s) { return s->book.check(); },
            "\"\" when every invariant holds, else the first that does not. O(book).")
        .def("clear", [](Made<S> s) { *s = S{}; }, "Empties the book and its fault counts.");
    def_state<S>(cls, what, [] { return S{}; });
    define_hot_method<&apply<Book>>(
        cls, "apply",
        "apply($self, action, side, price, size, order_id=0)\n--\n\n"
        "Applies one event, in integer units. Returns the best level that "
        "changed, 0 is the touch, -1: none.");
    add_taking<S>(m, what);
    add_c_function(m, what, "apply", &c_apply<Book>);
    add_c_function(m, what, "quotes", &c_quotes<Book>);
    return cls;
}

}  // namespace

void bind_books(py::module_& m) {
    using namespace py::literals;
    using Orders = Shelf<OrderBook>;
    bind_book<LevelBook>(m, "LevelBook", R"(A book of sizes at prices (L2), in integer units.

Takes LEVEL (the size at a price is now this, 0 removes), QUOTE (its side is now this one level) and
CLEAR.)");
    bind_book<OrderBook>(m, "OrderBook",
                         R"(A book of orders (L3) with FIFO queues, in integer units.

Takes ADD, CANCEL, DELETE, MODIFY, EXECUTE and CLEAR. Unknown and duplicate ids, cancels of too much
and the like change nothing else and are counted in `faults`.)")
        .def("__len__", [](Made<Orders> s) { return s->book.orders(); })
        .def(
            "order",
            [](Made<Orders> s, u64 id) -> py::object {
                const auto o = s->book.order(OrderId{id});
                if (!o) return py::none();
                return py::make_tuple(static_cast<int>(o->side()), o->price.raw, o->size());
            },
            "order_id"_a, "(side, price, size) of a live order, None if there is none.")
        .def(
            "queue_position",
            [](Made<Orders> s, u64 id) -> py::object {
                const auto ahead = s->book.queue_position(OrderId{id});
                if (!ahead) return py::none();
                return py::make_tuple(ahead->orders, ahead->size.raw);
            },
            "order_id"_a,
            "(orders, size) ahead of a live order at its price, None if there is no such order.")
        .def(
            "queue",
            [](Made<Orders> s, int side, i64 price) {
                std::vector<u64> ids;
                std::vector<i64> sizes;
                const auto& ladder = side == 1 ? s->book.bids() : s->book.asks();
                if (side != 1 && side != 2) {
                    throw InputError("must be 1 (BID) or 2 (ASK)", "side", std::to_string(side));
                }
                const int i = ladder.find(Price(price));
                if (ladder.has(i, Price(price))) {
                    s->book.for_each_order(static_cast<Side>(side), i, [&](const Order& o) {
                        ids.push_back(static_cast<u64>(o.id));
                        sizes.push_back(o.size());
                    });
                }
                return py::make_tuple(to_numpy(std::move(ids)), to_numpy(std::move(sizes)));
            },
            "side"_a, "price"_a,
            "The queue at a price, first in line first: (order ids uint64, sizes int64).");
}

}  // namespace bookflow
