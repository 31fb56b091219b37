// A venue's levels and orders as text, against maps of what was set.
#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "bookflow/instrument.hpp"
#include "bookflow/text_book.hpp"
#include "fuzz.hpp"

using namespace bookflow;

std::vector<std::string> fuzz::seeds() {
    std::string some;
    for (int i = 0; i < 30; ++i) {
        some += static_cast<char>(i);
        const std::string price = "10" + std::to_string(i % 7) + "." + std::to_string(i % 10);
        const std::string size = i % 5 == 0 ? "0" : "0.000" + std::to_string(i);
        some += static_cast<char>(price.size());
        some += static_cast<char>(size.size());
        some += price;
        some += size;
    }
    return {some, some + some};
}

namespace {

const Units kUnits = Instrument{"X", {1, -2}, {}, {1, -8}}.units();

struct Known {
    std::array<std::map<i64, i64>, 2> levels;  // by price, bids negated: the best comes first

    [[nodiscard]] std::map<i64, i64>& of(Side side) { return levels[side == Side::Ask]; }
};

void agree(const TextBook& book, Known& known, Side side) {
    const auto& levels = known.of(side);
    fuzz::require(book.size(side) == levels.size(), "as many levels as were set");
    std::size_t rank = 0;
    for (const auto& [price, size] : levels) {
        const TextLevel& level = book.at(side, rank++);
        fuzz::require(level.price.raw == (side == Side::Bid ? -price : price), "a level's price");
        fuzz::require(level.size.raw == size, "a level's size");
        fuzz::require(
            book.level(level.price_text.view(), level.size_text.view()).price == level.price,
            "the texts are the numbers");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Bytes bytes(data, size);
    TextBook book(kUnits);
    TextOrders orders(kUnits);
    Known known;
    std::map<TextOrders::Id, Side> live;
    while (bytes.left() > 0) {
        const auto what = bytes.take<std::uint8_t>();
        const Side side = what % 2 == 0 ? Side::Bid : Side::Ask;
        const std::size_t price_chars = bytes.below(64);
        const std::size_t size_chars = bytes.below(64);
        const std::string_view price = bytes.text(price_chars);
        const std::string_view amount = bytes.text(size_chars);
        std::optional<TextLevel> level;
        try {
            level = book.level(price, amount);
        } catch (const InputError& error) {
            fuzz::require(!error.field.empty() && !error.rule.empty(), "an error says what");
            continue;
        }
        const i64 key = side == Side::Bid ? -level->price.raw : level->price.raw;
        book.apply(side, *level);
        if (level->size.raw == 0) {
            known.of(side).erase(key);
        } else {
            known.of(side)[key] = level->size.raw;
        }
        const TextOrders::Id id = what / 2 % 16;
        orders.set(side, id, what, *level);
        live.erase(id);
        if (level->size.raw != 0) live[id] = side;
        if (what % 32 == 7) {
            const std::size_t depth = what / 32;
            const auto gone = book.truncate(side, depth);
            auto& levels = known.of(side);
            while (levels.size() > depth) levels.erase(std::prev(levels.end()));
            for (const TextOrders::Id order : orders.truncate(side, depth)) live.erase(order);
            fuzz::require(book.size(side) <= std::max(depth, levels.size()) || gone.empty(),
                          "no more than the depth is left");
        }
        if (what == 250) {
            book.clear();
            orders.clear();
            known = {};
            live.clear();
        }
        for (const ChecksumRule rule :
             {ChecksumRule::Digits, ChecksumRule::Alternating, ChecksumRule::SignedAsks}) {
            (void)book.checksum(rule, what % 32);
        }
        (void)orders.checksum_of_prices(what % 32);
        (void)orders.checksum_of_ids(what % 32);
        agree(book, known, side);
        fuzz::require(orders.size(Side::Bid) + orders.size(Side::Ask) == live.size(),
                      "as many orders as are live");
    }
    return 0;
}
