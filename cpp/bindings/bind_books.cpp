// bookflow.OrderBook and bookflow.LevelBook, alone and in integer units.
#include <pybind11/numpy.h>

#include <optional>

#include "bind.hpp"
#include "bookflow/event_check.hpp"
#include "bookflow/level_book.hpp"
#include "bookflow/order_book.hpp"
#include "bookflow/replay.hpp"
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

    // Returns the best level that changed, -1: none.
    int apply(const Event& e) {
        check(e, kNoRow, last_was_delete);
        const Change change = book.apply(e);
        last_was_delete = e.action == Action::Delete;
        if (!change.any) return -1;
        if (change.price == kNoPrice) return 0;
        return book.side(change.side).rank(change.price);
    }

    // Applies all rows or, on an error, none.
    void apply(const EventColumns& c, const TopColumns& out) {
        if (c.rows == 0) return;
        check(c);
        if (may_overflow(c)) {
            Book changed = book;
            for (std::size_t i = 0; i < c.rows; ++i) {  // one by one, to know which row it is
                try {
                    changed.apply(c.event(i));
                } catch (const SizeOverflow& overflow) {
                    throw SizeOverflow(overflow.what(), static_cast<i64>(i));
                }
            }
        }
        bookflow::replay(book, c, out);
        last_was_delete = static_cast<Action>(c.action[c.rows - 1]) == Action::Delete;
    }

    template <class V>
    void visit(V& v) {
        v(book, last_was_delete);
    }

private:
    static constexpr bool kLevels = std::is_same_v<Book, LevelBook>;

    [[nodiscard]] static bool fits(Action action) {
        if constexpr (kLevels) {
            return action >= Action::Trade;
        } else {
            return action != Action::Level && action != Action::Quote;
        }
    }
    static void check(const Event& e, std::size_t row, bool after_delete) {
        static const Units units;  // alone: no grid
        EventCheck(units, 0).event(e, row, kNone, false, after_delete, false);
        if (!fits(e.action)) {
            throw InputError(kLevels ? "a LevelBook takes LEVEL, QUOTE and CLEAR"
                                     : "an OrderBook takes ADD, CANCEL, DELETE, MODIFY, EXECUTE "
                                       "and CLEAR",
                             "action", std::string(name_of(e.action)), static_cast<i64>(row));
        }
    }
    void check(const EventColumns& c) const {
        static const Units units;
        bool all_fit = EventCheck(units, 0).holds(c, kNone, false, last_was_delete);
        for (std::size_t i = 0; all_fit && i < c.rows; ++i) {
            all_fit = fits(static_cast<Action>(c.action[i]));
        }
        bool after_delete = last_was_delete;
        for (std::size_t i = 0; !all_fit && i < c.rows; ++i) {  // which row it is
            check(c.event(i), i, after_delete);
            after_delete = static_cast<Action>(c.action[i]) == Action::Delete;
        }
    }
    // Whether sizes could add up to more than a level may hold.
    [[nodiscard]] bool may_overflow(const EventColumns& c) const {
        if constexpr (kLevels) {
            return false;
        } else {
            return book.total_size() + c.size_bound() > kMaxSize;
        }
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
        *level = s.apply(event_of(action, side, price, size, order_id));
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
    return PyLong_FromLong(level);
}

// The columns of events for a book alone.
template <class Book>
EventColumns book_columns(const py::object& action, const py::object& side, const py::object& price,
                          const py::object& size, const py::object& order_id) {
    py::ssize_t rows = -1;
    EventColumns c;
    c.action = column<std::uint8_t>(action, "action", rows);
    c.side = column<std::uint8_t>(side, "side", rows);
    c.price = column<i64>(price, "price", rows);
    c.size = column<i64>(size, "size", rows);
    c.order_id = optional_column<u64>(order_id, "order_id", rows);
    c.rows = static_cast<std::size_t>(rows);
    return c;
}

template <class Book>
void apply_columns(Shelf<Book>& shelf, const EventColumns& c, const TopColumns& out) {
    const Busy::Guard guard(shelf.busy);
    try {
        // below this the switch costs more than it gives
        constexpr std::size_t kLong = 512;
        std::optional<py::gil_scoped_release> release;
        if (c.rows >= kLong) release.emplace();
        shelf.apply(c, out);
    } catch (const SizeOverflow& overflow) {
        throw std::overflow_error("row " + std::to_string(overflow.row) +
                                  ": size: " + overflow.what());
    }
}

constexpr const char* kReplayDoc =
    R"(Applies columns of events and returns the book after each of them.

Parameters
----------
action, side : uint8 arrays (n,)
    As in `Action` and `Side`; action=None in a LevelBook: every row is a LEVEL.
price, size : int64 arrays (n,), in units.
order_id : uint64 array (n,), None in a LevelBook.
levels : int from 1 to 64, or None for the best quotes alone.
out : tuple of four int64 arrays to write, C-contiguous, each of the shape of the result.

Returns
-------
(bid_price, bid_size, ask_price, ask_size) : int64 arrays, (n,) or (n, levels), best first. A missing
    level has price NONE and size 0.

Raises
------
InputError, OverflowError
    A row breaks a rule, or a level would hold too much: nothing was applied and nothing written.)";

template <class Book>
py::tuple replay_columns(Made<Shelf<Book>> shelf, const py::object& action, const py::object& side,
                         const py::object& price, const py::object& size,
                         const py::object& order_id, const py::object& levels,
                         const py::object& out) {
    py::object actions = action;
    if (action.is_none() && std::is_same_v<Book, LevelBook>) {
        py::ssize_t rows = -1;
        (void)column<std::uint8_t>(side, "side", rows);
        py::array_t<std::uint8_t> filled(rows);
        std::memset(filled.mutable_data(), static_cast<int>(Action::Level),
                    static_cast<std::size_t>(rows));
        actions = filled;
    }
    const EventColumns c = book_columns<Book>(actions, side, price, size, order_id);
    const bool quotes = levels.is_none();
    const int n = quotes ? 1 : py::cast<int>(levels);
    if (n < 1 || n > kMaxLevels) {
        throw InputError("must be from 1 to " + std::to_string(kMaxLevels), "levels",
                         std::to_string(n));
    }
    std::vector<py::ssize_t> shape{static_cast<py::ssize_t>(c.rows)};
    if (!quotes) shape.push_back(n);
    static constexpr std::array<const char*, 4> names{"bid_price", "bid_size", "ask_price",
                                                      "ask_size"};
    if (!out.is_none() && (!py::isinstance<py::tuple>(out) || py::len(out) != names.size())) {
        throw py::type_error("out must be a tuple (bid_price, bid_size, ask_price, ask_size)");
    }
    std::array<py::array_t<i64>, 4> tables;
    for (std::size_t k = 0; k < names.size(); ++k) {
        if (out.is_none()) {
            tables[k] = py::array_t<i64>(shape);
        } else {
            tables[k] = writable<i64>(py::object(out[py::int_(k)]), names[k], shape);
        }
    }
    if (!out.is_none()) {
        const auto share = py::module_::import("numpy").attr("may_share_memory");
        for (std::size_t k = 0; k < names.size(); ++k) {
            for (const py::object& input : {action, side, price, size, order_id}) {
                if (!input.is_none() && py::cast<bool>(share(tables[k], input))) {
                    throw py::value_error("out shares memory with an input");
                }
            }
            for (std::size_t other = 0; other < k; ++other) {
                if (py::cast<bool>(share(tables[k], tables[other]))) {
                    throw py::value_error("the arrays of out share memory");
                }
            }
        }
    }
    apply_columns(*shelf, c,
                  {n, tables[0].mutable_data(), tables[1].mutable_data(), tables[2].mutable_data(),
                   tables[3].mutable_data()});
    return py::make_tuple(tables[0], tables[1], tables[2], tables[3]);
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
        ladder.from_best([&]<class Level>(const Level& level) {
            if (static_cast<py::ssize_t>(price.size()) == n) return false;
            price.push_back(level.price.raw);
            size.push_back(level.size.raw);
            if constexpr (requires { level.count; }) count.push_back(level.count);
            return true;
        });
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
                apply_columns(*s, book_columns<Book>(action, side, price, size, order_id), {});
            },
            "action"_a, "side"_a, "price"_a, "size"_a, "order_id"_a = py::none(),
            "Applies columns of events (uint8, uint8, int64, int64, uint64), all or, on an error, "
            "none.")
        .def("replay", &replay_columns<Book>, "action"_a, "side"_a, "price"_a, "size"_a,
             "order_id"_a = py::none(), py::kw_only(), "levels"_a = py::none(),
             "out"_a = py::none(), kReplayDoc)
        .def_property_readonly("quotes",
                               guarded<S>([](S& s) { return to_python(quotes_of(s.book)); }),
                               "(bid, bid_size, ask, ask_size); an empty side is (NONE, 0).")
        .def(
            "depth",
            guarded<S, py::ssize_t>([](S& s, py::ssize_t levels) { return depth(s.book, levels); }),
            "levels"_a = 10,
            "The best levels as int64 arrays: bid_price, bid_size, ask_price, ask_size (and counts "
            "of orders in an OrderBook), best first, as many as there are.")
        .def_property_readonly("levels", guarded<S>([](S& s) {
                                   return py::make_tuple(s.book.bids().size(),
                                                         s.book.asks().size());
                               }),
                               "How many price levels the bid and the ask have.")
        .def_property_readonly("content_hash",
                               guarded<S>([](S& s) { return s.book.content_hash(); }),
                               "A 64-bit hash of what the book says, the same on every platform.")
        .def_property_readonly("faults",
                               guarded<S>([](S& s) { return to_python(s.book.faults()); }),
                               "Feed faults by name.")
        .def("check", guarded<S>([](S& s) { return s.book.check(); }),
             "\"\" when every invariant holds, else the first that does not. O(book).")
        .def("clear", guarded<S>([](S& s) { s = S{}; }), "Empties the book and its fault counts.");
    def_state<S>(cls, what, [] { return S{}; });
    define_hot_method<&apply<Book>>(
        cls, "apply",
        "apply($self, action, side, price, size, order_id=0)\n--\n\n"
        "Applies one event, in integer units. Returns the best level that "
        "changed, 0 is the touch, 64 what is deeper, -1: none.");
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
        .def("__len__", guarded<Orders>([](Orders& s) { return s.book.orders(); }))
        .def("order", guarded<Orders, u64>([](Orders& s, u64 id) -> py::object {
                 const auto o = s.book.order(OrderId{id});
                 if (!o) return py::none();
                 return py::make_tuple(static_cast<int>(o->side()), o->price.raw, o->size());
             }),
             "order_id"_a, "(side, price, size) of a live order, None if there is none.")
        .def("queue_position", guarded<Orders, u64>([](Orders& s, u64 id) -> py::object {
                 const auto ahead = s.book.queue_position(OrderId{id});
                 if (!ahead) return py::none();
                 return py::make_tuple(ahead->orders, ahead->size.raw);
             }),
             "order_id"_a,
             "(orders, size) ahead of a live order at its price, None if there is no such order.")
        .def("queue", guarded<Orders, int, i64>([](Orders& s, int side, i64 price) {
                 std::vector<u64> ids;
                 std::vector<i64> sizes;
                 if (side != 1 && side != 2) {
                     throw InputError("must be 1 (BID) or 2 (ASK)", "side", std::to_string(side));
                 }
                 const auto& ladder = s.book.side(static_cast<Side>(side));
                 if (const OrderLevel* level = ladder.find(Price(price)); level != nullptr) {
                     s.book.for_each_order(*level, [&](const Order& o) {
                         ids.push_back(static_cast<u64>(o.id));
                         sizes.push_back(o.size());
                     });
                 }
                 return py::make_tuple(to_numpy(std::move(ids)), to_numpy(std::move(sizes)));
             }),
             "side"_a, "price"_a,
             "The queue at a price, first in line first: (order ids uint64, sizes int64).");
}

}  // namespace bookflow
