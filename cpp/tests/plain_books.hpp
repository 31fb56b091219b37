// Books as ordered maps, which can be believed: what the fast ones are compared with.
#pragma once

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "bookflow/content_hash.hpp"
#include "bookflow/event.hpp"
#include "bookflow/faults.hpp"

namespace test {

using bookflow::Action;
using bookflow::ContentHash;
using bookflow::Event;
using bookflow::Fault;
using bookflow::i64;
using bookflow::Side;

// The best level has the largest key.
inline i64 key_of(Side side, i64 price) { return side == Side::Bid ? price : -price; }
inline i64 price_of(Side side, i64 key) { return key_of(side, key); }

class PlainOrderBook {
public:
    struct Order {
        bookflow::u64 id;
        i64 size;
    };
    using Queue = std::list<Order>;
    using Levels = std::map<i64, Queue, std::greater<>>;

    Levels levels[3];
    bookflow::Faults faults;

    void apply(const Event& e) {
        const Side replaced = std::exchange(replaced_, Side::None);
        const auto id = static_cast<bookflow::u64>(e.order_id);
        const auto found = where_.find(id);
        const bool known = found != where_.end();
        const Place place = known ? found->second : Place{};
        const bool given_price = e.price != bookflow::kNoPrice;
        switch (e.action) {
            case Action::Add: {
                const Side side = e.side != Side::None ? e.side : replaced;
                if (known) {
                    faults.count(Fault::DuplicateId);
                } else if (side == Side::None) {
                    faults.count(Fault::UnknownSide);
                } else {
                    append(id, side, e.price.raw, e.size.raw);
                }
                return;
            }
            case Action::Cancel:
            case Action::Execute:
            case Action::Delete:
            case Action::Modify: break;
            case Action::Clear: clear(e.side); return;
            default: return;
        }
        if (!known) {
            faults.count(Fault::UnknownId);
            if (e.action == Action::Modify && e.side != Side::None && given_price &&
                e.size.raw > 0) {
                append(id, e.side, e.price.raw, e.size.raw);
            }
            return;
        }
        if (e.side != Side::None && e.side != place.side) faults.count(Fault::SideMismatch);
        const bool compares = e.action == Action::Cancel || e.action == Action::Delete;
        if (compares && given_price && e.price.raw != place.price)
            faults.count(Fault::PriceMismatch);
        Order& order = *std::ranges::find(levels[int(place.side)][key_of(place.side, place.price)],
                                          id, &Order::id);
        if (e.action == Action::Delete) {
            remove(id);
            replaced_ = place.side;
        } else if (e.action == Action::Modify) {
            const i64 price = given_price ? e.price.raw : place.price;
            if (e.size.raw == 0) {
                remove(id);
            } else if (price == place.price && e.size.raw <= order.size) {
                order.size = e.size.raw;
            } else {
                remove(id);
                append(id, place.side, price, e.size.raw);
            }
        } else {
            if (e.size.raw > order.size) faults.count(Fault::OverCancel);
            if (e.size.raw >= order.size) {
                remove(id);
            } else {
                order.size -= e.size.raw;
            }
        }
    }

    [[nodiscard]] std::size_t orders() const { return where_.size(); }

    // The orders and the size in front of one.
    [[nodiscard]] std::optional<std::pair<i64, i64>> ahead(bookflow::u64 id) const {
        const auto found = where_.find(id);
        if (found == where_.end()) return std::nullopt;
        const auto [side, price] = found->second;
        std::pair<i64, i64> out{0, 0};
        for (const Order& order : levels[int(side)].at(key_of(side, price))) {
            if (order.id == id) break;
            ++out.first;
            out.second += order.size;
        }
        return out;
    }

    [[nodiscard]] static i64 size_of(const Queue& queue) {
        i64 sum = 0;
        for (const Order& order : queue) sum += order.size;
        return sum;
    }

    [[nodiscard]] bookflow::u64 content_hash() const {
        ContentHash hash;
        for (const Side side : {Side::Bid, Side::Ask}) {
            hash.add(int(side));
            hash.add(static_cast<i64>(levels[int(side)].size()));
            for (const auto& [key, queue] : levels[int(side)]) {
                hash.add(price_of(side, key));
                hash.add(size_of(queue));
                hash.add(static_cast<i64>(queue.size()));
                for (const Order& order : queue) {
                    hash.add(static_cast<i64>(order.id));
                    hash.add(order.size);
                }
            }
        }
        return hash.value();
    }

private:
    struct Place {
        Side side = Side::None;
        i64 price = 0;
    };

    void append(bookflow::u64 id, Side side, i64 price, i64 size) {
        levels[int(side)][key_of(side, price)].push_back({id, size});
        where_[id] = {side, price};
    }
    void remove(bookflow::u64 id) {
        const Place place = where_.at(id);
        Levels& side = levels[int(place.side)];
        const auto level = side.find(key_of(place.side, place.price));
        level->second.remove_if([&](const Order& order) { return order.id == id; });
        if (level->second.empty()) side.erase(level);
        where_.erase(id);
    }
    void clear(Side side) {
        for (const Side s : {Side::Bid, Side::Ask}) {
            if (side != Side::None && side != s) continue;
            levels[int(s)].clear();
            std::erase_if(where_, [&](const auto& entry) { return entry.second.side == s; });
        }
    }

    std::map<bookflow::u64, Place> where_;
    Side replaced_ = Side::None;
};

class PlainLevelBook {
public:
    std::map<i64, i64, std::greater<>> levels[3];

    void apply(const Event& e) {
        if (e.action == Action::Clear) {
            if (e.side != Side::Ask) levels[int(Side::Bid)].clear();
            if (e.side != Side::Bid) levels[int(Side::Ask)].clear();
            return;
        }
        auto& side = levels[int(e.side)];
        if (e.action == Action::Quote) side.clear();
        if (e.price == bookflow::kNoPrice) return;
        if (e.size.raw == 0) {
            side.erase(key_of(e.side, e.price.raw));
        } else {
            side[key_of(e.side, e.price.raw)] = e.size.raw;
        }
    }

    [[nodiscard]] bookflow::u64 content_hash() const {
        ContentHash hash;
        for (const Side side : {Side::Bid, Side::Ask}) {
            hash.add(int(side));
            hash.add(static_cast<i64>(levels[int(side)].size()));
            for (const auto& [key, size] : levels[int(side)]) {
                hash.add(price_of(side, key));
                hash.add(size);
            }
        }
        return hash.value();
    }
};

}  // namespace test
