// What the two targets of ITCH have in common: messages to begin from, and reading to the end.
#pragma once

#include <algorithm>
#include <array>
#include <memory>

#include "bookflow/codecs/itch50_books.hpp"
#include "bookflow/codecs/itch50_columns.hpp"
#include "bookflow/codecs/itch50_encoder.hpp"
#include "bookflow/event_check.hpp"
#include "fuzz.hpp"

inline constexpr bookflow::i64 kMidnight =
    1'600'000'000'000'000'000 / 86'400'000'000'000 * 86'400'000'000'000;

// Room for all events that so many bytes can make.
class ItchRows {
public:
    explicit ItchRows(std::size_t bytes)
        : numbers_(5, std::vector<bookflow::i64>(bookflow::itch50::EventRows::most(bytes) + 2)),
          ids_(numbers_[0].size()),
          instrument_(ids_.size()),
          codes_(2, std::vector<std::uint8_t>(ids_.size())),
          flags_(ids_.size()),
          out{numbers_[0].data(), numbers_[1].data(), ids_.data(),      numbers_[2].data(),
              numbers_[3].data(), instrument_.data(), codes_[0].data(), codes_[1].data(),
              flags_.data(),      ids_.size()} {}

    [[nodiscard]] bookflow::Event event(std::size_t i) const {
        bookflow::Event e;
        e.ts = bookflow::Nanos(out.ts[i]);
        e.order_id = bookflow::OrderId{out.order_id[i]};
        e.price = bookflow::Price(out.price[i]);
        e.size = bookflow::Size(out.size[i]);
        e.instrument = out.instrument[i];
        e.action = static_cast<bookflow::Action>(out.action[i]);
        e.side = static_cast<bookflow::Side>(out.side[i]);
        e.flags = out.flags[i];
        return e;
    }

private:
    std::vector<std::vector<bookflow::i64>> numbers_;
    std::vector<bookflow::u64> ids_;
    std::vector<std::uint32_t> instrument_;
    std::vector<std::vector<std::uint8_t>> codes_;
    std::vector<std::uint16_t> flags_;

public:
    bookflow::itch50::EventRows out;
};

// Reads until the end or a fault; how many bytes.
template <class Sink>
std::size_t read_all(bookflow::itch50::Feed& feed, const std::uint8_t* data, std::size_t size,
                     Sink& sink) {
    std::size_t at = 0;
    try {
        while (true) {
            const auto done = feed.read(data + at, size - at, sink);
            at += done.bytes;
            if (done.bytes == 0) break;
        }
    } catch (const bookflow::InputError& error) {
        fuzz::require(!error.field.empty() && !error.rule.empty(), "an error says what and where");
    }
    return at;
}

// A message of each kind, and some orders of three stocks.
inline std::string some_messages() {
    namespace itch50 = bookflow::itch50;
    itch50::Encoder encoder(kMidnight);
    std::string out;
    encoder.system_event('O', 0, out);
    for (std::uint16_t locate = 1; locate <= 3; ++locate) {
        encoder.name(locate, *itch50::stock_of("STOCK" + std::to_string(locate)));
        encoder.directory(locate, 0, out);
    }
    for (const itch50::Layout& layout : itch50::kLayouts) {
        std::string body(layout.length(), '\0');
        body[0] = layout.type;
        body[2] = '\2';                         // STOCK2
        body[10] = '\1';                        // a nanosecond after midnight
        if (body.size() > 19) body[18] = '\7';  // an id
        if (body.size() > 23) {
            body[19] = layout.type == 'A' || layout.type == 'F' ? 'B' : body[19];
            body[23] = '\5';
        }
        out += '\0';
        out += static_cast<char>(layout.length());
        out += body;
    }
    ItchRows rows(1000);
    for (int i = 0; i < 24; ++i) {
        bookflow::Event e;
        e.ts = e.ts_venue = bookflow::Nanos(kMidnight + 100 + i);
        e.instrument = static_cast<std::uint32_t>(1 + i % 3);
        e.order_id = bookflow::OrderId{static_cast<bookflow::u64>(i < 12 ? i + 1 : i - 11)};
        e.size = bookflow::Size(100);
        e.action = i < 12       ? bookflow::Action::Add
                   : i % 2 == 0 ? bookflow::Action::Cancel
                                : bookflow::Action::Execute;
        if (i < 12) {
            e.side = i % 2 == 0 ? bookflow::Side::Bid : bookflow::Side::Ask;
            e.price = bookflow::Price(990'000 + 1'000 * (i % 2) + i);
        } else {
            e.size = bookflow::Size(40);
        }
        rows.out.put(e);
    }
    const auto at = [](const auto* column) { return reinterpret_cast<const char*>(column); };
    bookflow::EventColumns c;
    c.rows = rows.out.rows;
    c.ts = {at(rows.out.ts)};
    c.action = {at(rows.out.action)};
    c.side = {at(rows.out.side)};
    c.price = {at(rows.out.price)};
    c.size = {at(rows.out.size)};
    c.flags = {at(rows.out.flags)};
    c.order_id = {at(rows.out.order_id)};
    c.instrument = {at(rows.out.instrument)};
    encoder.encode(c, out);
    encoder.finish(out);
    return out;
}
