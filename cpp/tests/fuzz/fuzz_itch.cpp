// Bytes of ITCH 5.0, to events and straight to books: both say the same, in one piece or in two.
#include <map>

#include "bookflow/order_book.hpp"
#include "itch_input.hpp"

using namespace bookflow;
using itch50::Byte;

std::vector<std::string> fuzz::seeds() {
    std::vector<std::string> out;
    for (const char settings : {'\0', '\1', '\2', '\3', '\7'}) {
        out.push_back(settings + std::string(1, '\x40') + some_messages());
    }
    return out;
}

namespace {

// All events until the end or a fault, of whole pieces up to `cut` and after it.
std::vector<Event> events_of(const itch50::FeedSettings& settings, const Byte* data,
                             std::size_t size, std::size_t cut) {
    itch50::Feed feed(settings);
    ItchRows rows(size);
    const std::size_t at = read_all(feed, data, cut, rows.out);
    read_all(feed, data + at, size - at, rows.out);
    std::vector<Event> out;
    for (std::size_t i = 0; i < rows.out.rows; ++i) out.push_back(rows.event(i));
    return out;
}

bool same(const Event& a, const Event& b) {
    return a.ts == b.ts && a.order_id == b.order_id && a.price == b.price && a.size == b.size &&
           a.side == b.side && a.instrument == b.instrument && a.action == b.action &&
           a.flags == b.flags;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    itch50::FeedSettings settings{kMidnight, {}, 'Q', (data[0] & 1) != 0, (data[0] & 2) != 0};
    if ((data[0] & 4) != 0) settings.symbols = {"STOCK2"};
    const Byte* const bytes = data + 2;
    size -= 2;
    const std::size_t cut = std::min<std::size_t>(size, 3 * data[1]);
    const auto events = events_of(settings, bytes, size, 0);
    const auto pieces = events_of(settings, bytes, size, cut);
    fuzz::require(events.size() == pieces.size(), "pieces make as many events");
    for (std::size_t i = 0; i < events.size(); ++i) {
        fuzz::require(same(events[i], pieces[i]), "pieces make the same events");
    }

    // The rules of events hold, and books of them are the books of the bytes.
    const Units units = Instrument{}.units();
    std::map<std::uint32_t, OrderBook> plain;
    i64 last = kNone;
    bool after_delete = false;
    std::size_t quotes = 0;
    for (const Event& e : events) {
        EventCheck(units, e.instrument).event(e, 0, last, false, after_delete, false);
        last = e.ts.raw;
        after_delete = e.action == Action::Delete;
        if (e.action >= Action::Trade) continue;
        plain[e.instrument].apply(e);
        quotes += e.has(flag::kLast);
    }
    settings.keep_prints = false;
    itch50::Feed feed(settings);
    itch50::Books books(false);
    std::vector<i64> numbers(size + 1);
    std::vector<std::uint32_t> stocks(size + 1);
    books.write_to({numbers.data(), stocks.data(), numbers.data(), numbers.data(), numbers.data(),
                    numbers.data(), size + 1});
    read_all(feed, bytes, size, books);
    if ((data[0] & 2) == 0) fuzz::require(books.rows() == quotes, "a quote for each event");
    if ((data[0] & 2) != 0) return 0;  // the prints stopped one of them
    for (const auto& [locate, book] : plain) {
        for (const Side side : {Side::Bid, Side::Ask}) {
            std::vector<PriceLevel> ours;
            std::vector<PriceLevel> theirs;
            books.from_best(static_cast<std::uint16_t>(locate), side, [&](const PriceLevel& level) {
                ours.push_back(level);
                return true;
            });
            book.side(side).from_best([&](const OrderLevel& level) {
                theirs.push_back({level.price, level.size});
                return true;
            });
            fuzz::require(std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                                     [](const PriceLevel& a, const PriceLevel& b) {
                                         return a.price == b.price && a.size == b.size;
                                     }),
                          "books of bytes are books of events");
        }
    }
    return 0;
}
