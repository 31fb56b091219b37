// The codec of Nasdaq TotalView-ITCH 5.0, for bookflow.readers.itch.
#include <pybind11/stl.h>

#include "bind.hpp"
#include "bookflow/codecs/itch50_books.hpp"
#include "bookflow/codecs/itch50_columns.hpp"
#include "bookflow/codecs/itch50_encoder.hpp"
#include "bookflow/codecs/moldudp64.hpp"
#include "columns.hpp"
#include "hot_method.hpp"
#include "values.hpp"

namespace bookflow {

namespace {

using itch50::Byte;

// The bytes of an input, held for as long as they are read.
struct Input {
    explicit Input(const py::buffer& buffer) : info(buffer.request()) {
        if (info.itemsize != 1 || info.ndim != 1 || (info.size > 1 && info.strides[0] != 1)) {
            throw py::type_error("data must be bytes, or what holds bytes one after the other");
        }
    }
    [[nodiscard]] const Byte* data() const { return static_cast<const Byte*>(info.ptr); }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(info.size); }

    py::buffer_info info;
};

template <class T>
py::array_t<T> rows_of(std::size_t rows) {
    return py::array_t<T>(static_cast<py::ssize_t>(rows));
}

struct FeedOf {
    explicit FeedOf(itch50::FeedSettings settings) : feed(std::move(settings)) {}

    itch50::Feed feed;
    itch50::MoldUdp64 packets;
    Busy busy;

    // (the nine columns, bytes read)
    py::tuple decode(const py::buffer& data, std::size_t most) {
        const Input input(data);
        const std::size_t room =
            std::max<std::size_t>(2, std::min(most, itch50::EventRows::most(input.size())));
        const auto ts = rows_of<i64>(room);
        const auto ts_venue = rows_of<i64>(room);
        const auto order_id = rows_of<u64>(room);
        const auto price = rows_of<i64>(room);
        const auto size = rows_of<i64>(room);
        const auto instrument = rows_of<std::uint32_t>(room);
        const auto action = rows_of<std::uint8_t>(room);
        const auto side = rows_of<std::uint8_t>(room);
        const auto flags = rows_of<std::uint16_t>(room);
        const auto at = [](const auto& column) {
            using T = std::remove_const_t<std::remove_pointer_t<decltype(column.data())>>;
            return const_cast<T*>(column.data());
        };
        itch50::EventRows out{at(ts),         at(ts_venue), at(order_id), at(price), at(size),
                              at(instrument), at(action),   at(side),     at(flags), room};
        const Busy::Guard guard(busy);
        itch50::Framed done;
        {
            const py::gil_scoped_release release;
            done = feed.read(input.data(), input.size(), out);
        }
        const py::slice filled(0, static_cast<py::ssize_t>(out.rows), 1);
        return py::make_tuple(py::make_tuple(ts[filled], ts_venue[filled], order_id[filled],
                                             price[filled], size[filled], instrument[filled],
                                             action[filled], side[filled], flags[filled]),
                              done.bytes);
    }
};

struct BooksOf : FeedOf {
    BooksOf(itch50::FeedSettings settings, bool changes)
        : FeedOf(std::move(settings)), books(changes) {}

    itch50::Books books;

    py::tuple replay(const py::buffer& data, std::size_t most) {
        const Input input(data);
        const std::size_t room = std::max<std::size_t>(1, std::min(most, input.size() / 21 + 1));
        auto ts = rows_of<i64>(room);
        auto instrument = rows_of<std::uint32_t>(room);
        std::array<py::array_t<i64>, 4> quotes;
        for (auto& column : quotes) column = rows_of<i64>(room);
        const Busy::Guard guard(busy);
        books.write_to({ts.mutable_data(), instrument.mutable_data(), quotes[0].mutable_data(),
                        quotes[1].mutable_data(), quotes[2].mutable_data(),
                        quotes[3].mutable_data(), room});
        itch50::Framed done;
        {
            const py::gil_scoped_release release;
            done = feed.read(input.data(), input.size(), books);
        }
        const py::slice filled(0, static_cast<py::ssize_t>(books.rows()), 1);
        return py::make_tuple(
            py::make_tuple(ts[filled], instrument[filled], quotes[0][filled], quotes[1][filled],
                           quotes[2][filled], quotes[3][filled]),
            done.bytes);
    }
};

itch50::FeedSettings settings_of(i64 midnight, const std::vector<std::string>& symbols,
                                 const std::string& market, bool as_is, bool keep_prints) {
    if (market.size() != 1) throw InputError("must be one character", "market", market);
    return {midnight, symbols, market[0], as_is, keep_prints};
}

template <class T>
void def_feed(py::class_<T>& cls) {
    using namespace py::literals;
    cls.def_property_readonly("position", guarded<T>([](T& f) { return f.feed.bytes(); }),
                              "Bytes read so far.")
        .def_property_readonly("messages", guarded<T>([](T& f) { return f.feed.messages(); }),
                               "Messages read so far.")
        .def_property_readonly("needs_prints",
                               guarded<T>([](T& f) { return f.feed.needs_prints(); }),
                               "Reading stopped at a broken trade whose print was not kept.")
        .def_property_readonly("counts", guarded<T>([](T& f) {
                                   py::dict out;
                                   for (const auto& [name, n] : f.feed.counts())
                                       out[py::str(std::string(name))] = n;
                                   return out;
                               }),
                               "What was passed over, by name.")
        .def("stocks", guarded<T, std::size_t>([](T& f, std::size_t begin) {
                 py::list out;
                 const auto& named = f.feed.named();
                 for (std::size_t i = begin; i < named.size(); ++i) {
                     const std::string symbol =
                         named[i].stock == 0 ? "" : itch50::symbol_of(named[i].stock);
                     out.append(py::make_tuple(
                         static_cast<int>(named[i].locate),
                         py::reinterpret_steal<py::str>(PyUnicode_DecodeLatin1(
                             symbol.data(), static_cast<py::ssize_t>(symbol.size()), nullptr))));
                 }
                 return out;
             }),
             "begin"_a = 0,
             "(locate code, symbol) of the stocks that are wanted, as they were named.")
        .def("gap", guarded<T>([](T& f) { f.feed.gap(); }), "Messages were lost.")
        .def("packet",
             guarded<T, const py::buffer&, i64>([](T& f, const py::buffer& data, i64 offset) {
                 const Input input(data);
                 const auto accepted = f.packets.accept(input.data(), input.size(), offset);
                 if (accepted.gap) f.feed.gap();
                 return input.size() - accepted.size;
             }),
             "data"_a, "offset"_a = 0,
             "Takes note of a MoldUDP64 packet; where in it the messages begin that are new.")
        .def_property_readonly("packets", guarded<T>([](T& f) {
                                   py::dict out;
                                   out["expected"] = f.packets.expected();
                                   out["lost"] = f.packets.lost();
                                   out["duplicates"] = f.packets.duplicates();
                                   out["heartbeats"] = f.packets.heartbeats();
                                   out["ended"] = f.packets.ended();
                                   return out;
                               }),
                               "What the packets told.");
}

class EncoderOf {
public:
    explicit EncoderOf(i64 midnight) : encoder(midnight) {}
    itch50::Encoder encoder;
    Busy busy;
};

py::bytes to_bytes(const std::string& text) { return py::bytes(text); }

}  // namespace

void bind_itch(py::module_& m) {
    using namespace py::literals;
    py::dict messages;
    for (const itch50::Layout& layout : itch50::kLayouts) {
        py::list fields;
        const auto add = [&](const itch50::Field& field) {
            const char* as = field.as == itch50::As::Number  ? "number"
                             : field.as == itch50::As::Price ? "price"
                                                             : "text";
            fields.append(
                py::make_tuple(std::string(field.name), static_cast<int>(field.width), as));
        };
        for (const itch50::Field& field : itch50::kHeadFields) add(field);
        for (const itch50::Field& field : layout.fields) {
            if (field.width > 0) add(field);
        }
        messages[py::str(std::string(1, layout.type))] =
            py::make_tuple(std::string(layout.name), py::tuple(fields));
    }
    m.attr("ITCH_MESSAGES") = messages;

    m.def(
        "itch_frame",
        [](const py::buffer& data) {
            const Input input(data);
            std::array<std::uint32_t, 1024> starts;
            std::size_t n = 0;
            std::size_t bytes = 0;
            const py::gil_scoped_release release;
            while (true) {
                const auto done = itch50::frame(input.data() + bytes, input.size() - bytes,
                                                starts.data(), starts.size());
                n += done.messages;
                bytes += done.bytes;
                if (done.messages < starts.size()) return std::pair(n, bytes);
            }
        },
        "data"_a, "(whole messages, bytes that they take) from the start.");
    m.def(
        "itch_pick",
        [](const py::buffer& data, const std::string& type, i64 offset) {
            const Input input(data);
            if (type.size() != 1) throw InputError("is one character", "kind", type);
            std::string out;
            std::size_t bytes = 0;
            while (const std::size_t n =
                       itch50::detail::whole(input.data() + bytes, input.size() - bytes)) {
                const char* message = reinterpret_cast<const char*>(input.data()) + bytes;
                if (message[itch50::kPrefix] == type[0]) {
                    out.append(message + itch50::kPrefix, n - itch50::kPrefix);
                }
                bytes += n;
            }
            if (bytes == 0) {
                if (auto fault = itch50::framing_fault(input.data(), input.size(), offset)) {
                    throw *fault;
                }
            }
            return py::make_tuple(to_bytes(out), bytes);
        },
        "data"_a, "kind"_a, "offset"_a = 0,
        "(the messages of a type without their lengths, bytes read).");

    m.def(
        "itch_cut",
        [](const py::buffer& rest, i64 offset) {
            const Input input(rest);
            if (input.size() > 0) {
                throw itch50::cut_message(input.data(), input.size(), offset);
            }
        },
        "rest"_a, "offset"_a, "Raises InputError where the input ends inside a message.");

    const auto make = [](i64 midnight, const std::vector<std::string>& symbols,
                         const std::string& market, bool as_is, bool keep_prints) {
        return std::make_unique<FeedOf>(settings_of(midnight, symbols, market, as_is, keep_prints));
    };
    py::class_<FeedOf> feed(m, "ItchFeed", "Bytes of ITCH 5.0 as columns of events.");
    feed.def(py::init(make), "midnight"_a, "symbols"_a, "market"_a = "Q", "as_is"_a = false,
             "keep_prints"_a = false)
        .def(
            "decode",
            [](Made<FeedOf> f, const py::buffer& data, std::size_t most) {
                return f->decode(data, most);
            },
            "data"_a, "most"_a,
            "((ts, ts_venue, order_id, price, size, instrument, action, side, flags), bytes read). "
            "InputError where the first message is at fault.");
    def_feed(feed);

    const auto make_books = [](i64 midnight, const std::vector<std::string>& symbols, bool as_is,
                               bool changes) {
        return std::make_unique<BooksOf>(settings_of(midnight, symbols, "Q", as_is, false),
                                         changes);
    };
    py::class_<BooksOf> books(m, "ItchBooks", "Bytes of ITCH 5.0 as best quotes, a book a stock.");
    books
        .def(py::init(make_books), "midnight"_a, "symbols"_a, "as_is"_a = false,
             "changes"_a = false)
        .def(
            "replay",
            [](Made<BooksOf> b, const py::buffer& data, std::size_t most) {
                return b->replay(data, most);
            },
            "data"_a, "most"_a,
            "((ts, instrument, bid_price, bid_size, ask_price, ask_size), bytes read).")
        .def_property_readonly(
            "faults", guarded<BooksOf>([](BooksOf& b) { return to_python(b.books.faults()); }),
            "Feed faults of all books by name.");
    def_feed(books);

    py::class_<EncoderOf>(m, "ItchEncoder", "Events as messages of ITCH 5.0.")
        .def(py::init<i64>(), "midnight"_a)
        .def("name",
             guarded<EncoderOf, std::uint16_t, const std::string&>(
                 [](EncoderOf& e, std::uint16_t locate, const std::string& symbol) {
                     const auto stock = itch50::stock_of(symbol);
                     if (!stock) throw InputError("has 1 to 8 characters", "symbol", symbol);
                     e.encoder.name(locate, *stock);
                 }),
             "locate"_a, "symbol"_a, "This locate code is this stock's.")
        .def("system_event",
             guarded<EncoderOf, const std::string&, i64>(
                 [](EncoderOf& e, const std::string& code, i64 nanos) {
                     if (code.size() != 1) throw InputError("is one character", "code", code);
                     std::string out;
                     e.encoder.system_event(code[0], nanos, out);
                     return to_bytes(out);
                 }),
             "code"_a, "nanos"_a, "A system event.")
        .def("directory",
             guarded<EncoderOf, std::uint16_t, i64>(
                 [](EncoderOf& e, std::uint16_t locate, i64 nanos) {
                     std::string out;
                     e.encoder.directory(locate, nanos, out);
                     return to_bytes(out);
                 }),
             "locate"_a, "nanos"_a, "A stock's directory message.")
        .def(
            "encode",
            [](Made<EncoderOf> e, const py::object& ts, const py::object& action,
               const py::object& side, const py::object& price, const py::object& size,
               const py::object& flags, const py::object& order_id, const py::object& instrument) {
                const EventColumns c = event_columns(ts, action, side, price, size, flags, order_id,
                                                     instrument, py::none());
                std::string out;
                const Busy::Guard guard(e->busy);
                {
                    const py::gil_scoped_release release;
                    e->encoder.encode(c, out);
                }
                return to_bytes(out);
            },
            "ts"_a, "action"_a, "side"_a, "price"_a, "size"_a, "flags"_a, "order_id"_a,
            "instrument"_a, "The messages of these events, in units of 1e-4 and shares.")
        .def("finish", guarded<EncoderOf>([](EncoderOf& e) {
                 std::string out;
                 e.encoder.finish(out);
                 return to_bytes(out);
             }),
             "A deletion that waited for its replace.");
}

}  // namespace bookflow
