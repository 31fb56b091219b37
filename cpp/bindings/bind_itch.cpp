// bookflow._core.Itch*: bytes of Nasdaq TotalView-ITCH 5.0 to events or best quotes, and back.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bind.hpp"
#include "bookflow/codecs/itch50_books.hpp"
#include "bookflow/codecs/itch50_columns.hpp"
#include "bookflow/codecs/itch50_encoder.hpp"
#include "bookflow/codecs/moldudp64.hpp"
#include "columns.hpp"
#include "errors.hpp"
#include "hot_method.hpp"

namespace bookflow {

namespace {

using itch50::Byte;
using itch50::FeedSettings;

// Read-only contiguous bytes of anything with a buffer, held while it is read.
class Bytes {
public:
    explicit Bytes(const py::object& object) {
        if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) {
            throw py::error_already_set();
        }
    }
    ~Bytes() { PyBuffer_Release(&view_); }
    Bytes(const Bytes&) = delete;
    Bytes& operator=(const Bytes&) = delete;

    [[nodiscard]] const Byte* data() const { return static_cast<const Byte*>(view_.buf); }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(view_.len); }

private:
    Py_buffer view_{};
};

template <class T>
py::array_t<T> first(const py::array_t<T>& array, std::size_t rows) {
    return array[py::slice(0, static_cast<py::ssize_t>(rows), 1)].template cast<py::array_t<T>>();
}

FeedSettings settings_of(i64 midnight, std::vector<std::string> symbols, bool as_is,
                         bool keep_prints) {
    FeedSettings settings;
    settings.midnight = midnight;
    settings.symbols = std::move(symbols);
    settings.as_is = as_is;
    settings.keep_prints = keep_prints;
    return settings;
}

py::dict counts_of(const itch50::Feed& feed) {
    py::dict out;
    for (const auto& [name, n] : feed.counts()) out[py::str(name.data(), name.size())] = n;
    return out;
}

// (locate code, symbol) of each stock that is wanted, from the `from`-th on.
py::list named_of(const itch50::Feed& feed, std::size_t from) {
    py::list out;
    for (std::size_t i = from; i < feed.named().size(); ++i) {
        const auto& [locate, stock] = feed.named()[i];
        const std::string symbol = stock == 0 ? std::string() : itch50::symbol_of(stock);
        PyObject* text =
            PyUnicode_DecodeLatin1(symbol.data(), static_cast<Py_ssize_t>(symbol.size()), nullptr);
        if (text == nullptr) throw py::error_already_set();
        out.append(py::make_tuple(locate, py::reinterpret_steal<py::str>(text)));
    }
    return out;
}

// Messages to events.
struct Decoder {
    itch50::Feed feed;
    itch50::MoldUdp64 packets;
    i64 packet_bytes = 0;
    Busy busy;
};

py::tuple events_of(Decoder& self, const Byte* data, std::size_t size, std::size_t rows) {
    const auto room = static_cast<py::ssize_t>(std::min(rows, itch50::EventRows::most(size)) +
                                               2);  // a replace makes two
    py::array_t<i64> ts(room);
    py::array_t<i64> ts_venue(room);
    py::array_t<u64> order_id(room);
    py::array_t<i64> price(room);
    py::array_t<i64> sizes(room);
    py::array_t<std::uint32_t> instrument(room);
    py::array_t<std::uint8_t> action(room);
    py::array_t<std::uint8_t> side(room);
    py::array_t<std::uint16_t> flags(room);
    itch50::EventRows sink;
    sink.ts = ts.mutable_data();
    sink.ts_venue = ts_venue.mutable_data();
    sink.order_id = order_id.mutable_data();
    sink.price = price.mutable_data();
    sink.size = sizes.mutable_data();
    sink.instrument = instrument.mutable_data();
    sink.action = action.mutable_data();
    sink.side = side.mutable_data();
    sink.flags = flags.mutable_data();
    sink.room = static_cast<std::size_t>(room);
    itch50::Framed done;
    {
        const py::gil_scoped_release release;
        done = self.feed.read(data, size, sink);
    }
    const std::size_t n = sink.rows;
    return py::make_tuple(py::make_tuple(first(ts, n), first(ts_venue, n), first(order_id, n),
                                         first(price, n), first(sizes, n), first(instrument, n),
                                         first(action, n), first(side, n), first(flags, n)),
                          done.bytes);
}

// Messages to the best quotes of every stock's book.
struct Quoter {
    itch50::Feed feed;
    itch50::Books books;
    Busy busy;
};

py::tuple quotes_of_bytes(Quoter& self, const Byte* data, std::size_t size, std::size_t rows) {
    const auto room = static_cast<py::ssize_t>(std::min(rows, itch50::EventRows::most(size)) + 2);
    py::array_t<i64> ts(room);
    py::array_t<std::uint32_t> instrument(room);
    py::array_t<i64> bid(room);
    py::array_t<i64> bid_size(room);
    py::array_t<i64> ask(room);
    py::array_t<i64> ask_size(room);
    self.books.write_to({ts.mutable_data(), instrument.mutable_data(), bid.mutable_data(),
                         bid_size.mutable_data(), ask.mutable_data(), ask_size.mutable_data(),
                         static_cast<std::size_t>(room), 0});
    itch50::Framed done;
    {
        const py::gil_scoped_release release;
        done = self.feed.read(data, size, self.books);
    }
    const std::size_t n = self.books.rows();
    return py::make_tuple(py::make_tuple(first(ts, n), first(instrument, n), first(bid, n),
                                         first(bid_size, n), first(ask, n), first(ask_size, n)),
                          done.bytes);
}

struct Writer {
    itch50::Encoder encoder;
    Busy busy;
};

itch50::Stock stock_or_refuse(const std::string& symbol) {
    const auto stock = itch50::stock_of(symbol);
    if (!stock) throw InputError("has 1 to 8 characters", "symbol", symbol);
    return *stock;
}

}  // namespace

void bind_itch(py::module_& m) {
    using namespace py::literals;
    py::class_<Decoder>(m, "ItchDecoder",
                        "Messages of Nasdaq TotalView-ITCH 5.0 as event columns.\n\n"
                        "`midnight` is New York's, ns since the epoch.")
        .def(py::init([](i64 midnight, std::vector<std::string> symbols, bool as_is,
                         bool keep_prints) {
                 return Decoder{
                     itch50::Feed(settings_of(midnight, std::move(symbols), as_is, keep_prints)),
                     {},
                     0,
                     {}};
             }),
             "midnight"_a, "symbols"_a = std::vector<std::string>(), "as_is"_a = false,
             "keep_prints"_a = false)
        .def(
            "read",
            [](Decoder& self, const py::object& data, std::size_t rows) {
                const Busy::Guard guard(self.busy);
                const Bytes bytes(data);
                return events_of(self, bytes.data(), bytes.size(), rows);
            },
            "data"_a, "rows"_a = std::size_t{1} << 40,
            "Events of the whole messages at the front, at most `rows`, as columns (ts, ts_venue,\n"
            "order_id, price, size, instrument, action, side, flags), and how many bytes they "
            "were.")
        .def(
            "packet",
            [](Decoder& self, const py::object& data) {
                const Busy::Guard guard(self.busy);
                const Bytes bytes(data);
                const auto accepted =
                    self.packets.accept(bytes.data(), bytes.size(), self.packet_bytes);
                self.packet_bytes += static_cast<i64>(bytes.size());
                if (accepted.gap) self.feed.gap();
                return events_of(self, accepted.data, accepted.size, std::size_t{1} << 40);
            },
            "data"_a, "The same of a MoldUDP64 packet, of which the messages not seen before.")
        .def_property_readonly("needs_prints",
                               [](const Decoder& self) { return self.feed.needs_prints(); })
        .def_property_readonly("counts", [](const Decoder& self) { return counts_of(self.feed); })
        .def_property_readonly("messages", [](const Decoder& self) { return self.feed.messages(); })
        .def_property_readonly("bytes", [](const Decoder& self) { return self.feed.bytes(); })
        .def("gap", [](Decoder& self) { self.feed.gap(); })
        .def(
            "named",
            [](const Decoder& self, std::size_t from) { return named_of(self.feed, from); },
            "start"_a = 0)
        .def_property_readonly("lost", [](const Decoder& self) { return self.packets.lost(); })
        .def_property_readonly("duplicates",
                               [](const Decoder& self) { return self.packets.duplicates(); })
        .def_property_readonly("heartbeats",
                               [](const Decoder& self) { return self.packets.heartbeats(); })
        .def_property_readonly("ended", [](const Decoder& self) { return self.packets.ended(); });

    py::class_<Quoter>(m, "ItchQuotes",
                       "Messages of Nasdaq TotalView-ITCH 5.0 as the best quotes of every book.")
        .def(py::init([](i64 midnight, std::vector<std::string> symbols, bool as_is, bool changes) {
                 return Quoter{
                     itch50::Feed(settings_of(midnight, std::move(symbols), as_is, false)),
                     itch50::Books(changes),
                     {}};
             }),
             "midnight"_a, "symbols"_a = std::vector<std::string>(), "as_is"_a = false,
             "changes"_a = true)
        .def(
            "read",
            [](Quoter& self, const py::object& data, std::size_t rows) {
                const Busy::Guard guard(self.busy);
                const Bytes bytes(data);
                return quotes_of_bytes(self, bytes.data(), bytes.size(), rows);
            },
            "data"_a, "rows"_a = std::size_t{1} << 40)
        .def_property_readonly("counts", [](const Quoter& self) { return counts_of(self.feed); })
        .def_property_readonly("messages", [](const Quoter& self) { return self.feed.messages(); })
        .def_property_readonly("faults",
                               [](const Quoter& self) {
                                   py::dict out;
                                   const Faults faults = self.books.faults();
                                   for (std::size_t i = 0; i < kFaults; ++i) {
                                       const auto name = kFaultNames[i];
                                       out[py::str(name.data(), name.size())] = faults.counts()[i];
                                   }
                                   return out;
                               })
        .def(
            "named", [](const Quoter& self, std::size_t from) { return named_of(self.feed, from); },
            "start"_a = 0)
        .def(
            "content_hash",
            [](const Quoter& self, std::uint16_t locate) -> std::optional<u64> {
                const OrderBook* book = self.books.book(locate);
                if (book == nullptr) return std::nullopt;
                return book->content_hash();
            },
            "instrument"_a);

    py::class_<Writer>(m, "ItchEncoder", "Events as messages of Nasdaq TotalView-ITCH 5.0.")
        .def(py::init([](i64 midnight) { return Writer{itch50::Encoder(midnight), {}}; }),
             "midnight"_a)
        .def(
            "name",
            [](Writer& self, std::uint16_t locate, const std::string& symbol) {
                self.encoder.name(locate, stock_or_refuse(symbol));
            },
            "locate"_a, "symbol"_a)
        .def(
            "system_event",
            [](const Writer& self, char code, i64 nanos) {
                std::string out;
                self.encoder.system_event(code, nanos, out);
                return py::bytes(out);
            },
            "code"_a, "nanos"_a)
        .def(
            "directory",
            [](const Writer& self, std::uint16_t locate, i64 nanos) {
                std::string out;
                self.encoder.directory(locate, nanos, out);
                return py::bytes(out);
            },
            "locate"_a, "nanos"_a)
        .def(
            "encode",
            [](Writer& self, const py::object& ts, const py::object& action, const py::object& side,
               const py::object& price, const py::object& size, const py::object& flags,
               const py::object& order_id, const py::object& instrument) {
                const Busy::Guard guard(self.busy);
                const EventColumns c = event_columns(ts, action, side, price, size, flags, order_id,
                                                     instrument, py::none());
                std::string out;
                {
                    const py::gil_scoped_release release;
                    self.encoder.encode(c, out);
                }
                return py::bytes(out);
            },
            "ts"_a, "action"_a, "side"_a, "price"_a, "size"_a, "flags"_a, "order_id"_a,
            "instrument"_a)
        .def("finish", [](Writer& self) {
            std::string out;
            self.encoder.finish(out);
            return py::bytes(out);
        });
    m.def(
        "itch_frames",
        [](const py::object& data) {
            const Bytes bytes(data);
            std::array<std::uint32_t, 4096> starts;
            std::size_t messages = 0;
            std::size_t at = 0;
            while (true) {
                const auto framed = itch50::frame(bytes.data() + at, bytes.size() - at,
                                                  starts.data(), starts.size());
                messages += framed.messages;
                at += framed.bytes;
                if (framed.messages < starts.size()) return py::make_tuple(messages, at);
            }
        },
        "data"_a, "How many whole messages stand at the front, and how many bytes they are.");
}

}  // namespace bookflow
