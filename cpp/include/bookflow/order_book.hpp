// L3: every order by its id, in FIFO queues at each price.
//
// Orders lie in one slab of 32-byte records and are linked into their level's queue by 32-bit
// slots; freed slots are reused. A level holds its sum, its count and both ends of its queue, so
// adding, cancelling and executing are O(1) besides finding the id (order_index.hpp) and the price
// (ladder.hpp). Queue positions are found by walking the queue: O(orders ahead).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bookflow/content_hash.hpp"
#include "bookflow/faults.hpp"
#include "bookflow/ladder.hpp"
#include "bookflow/order_index.hpp"

namespace bookflow {

struct OrderLevel {
    Price price = kNoPrice;
    Size size;
    std::uint32_t count = 0;
    std::uint32_t head = 0;  // the first in the queue
    std::uint32_t tail = 0;

    template <class V>
    void visit(V& v) {
        v(price, size, count, head, tail);
    }
};

struct Order {
    OrderId id = kNoOrder;
    Price price = kNoPrice;
    std::uint32_t before = 0;  // the order ahead in the queue
    std::uint32_t after = 0;

    [[nodiscard]] i64 size() const { return packed_ >> 1; }
    [[nodiscard]] Side side() const { return (packed_ & 1) != 0 ? Side::Ask : Side::Bid; }
    void set(Side side, i64 size) { packed_ = size * 2 + (side == Side::Ask ? 1 : 0); }
    void shrink(i64 by) { packed_ -= by * 2; }

private:
    i64 packed_ = 0;  // size and, in the lowest bit, side: sizes need 61 bits
};
static_assert(sizeof(Order) == 32, "two orders a cache line");

class OrderBook {
public:
    using Level = OrderLevel;

    // What an event did: the best level that changed, and the order's own side and price, which a
    // print takes where the event does not name them.
    struct Applied {
        int from_level = kUnchanged;
        Side side = Side::None;
        Price price = kNoPrice;
    };

    // Throws SizeOverflow, before anything changes, when a level's sum would leave its range.
    Applied apply(const Event& e) {
        const Applied applied = change(e);
        replaced_side_ = e.action == Action::Delete ? applied.side : Side::None;
        return applied;
    }

    [[nodiscard]] const Ladder<Level>& bids() const { return bids_; }
    [[nodiscard]] const Ladder<Level>& asks() const { return asks_; }
    [[nodiscard]] const Faults& faults() const { return faults_; }
    [[nodiscard]] std::size_t orders() const { return index_.size(); }
    // The sum of all resting sizes: no level can exceed it.
    [[nodiscard]] i128 total_size() const { return total_; }

    [[nodiscard]] std::optional<Order> order(OrderId id) const {
        const std::uint32_t slot = index_.find(id);
        if (slot == OrderIndex::kNotFound) return std::nullopt;
        return slab_[slot];
    }

    struct Ahead {
        i64 orders = 0;
        Size size;
    };
    // What is ahead of an order in its queue.
    [[nodiscard]] std::optional<Ahead> queue_position(OrderId id) const {
        std::uint32_t slot = index_.find(id);
        if (slot == OrderIndex::kNotFound) return std::nullopt;
        Ahead out;
        while (slab_[slot].before != kEnd) {
            slot = slab_[slot].before;
            ++out.orders;
            out.size += Size(slab_[slot].size());
        }
        return out;
    }

    // Throws SizeOverflow if the event would lift a level's sum out of its range.
    void require_room(const Event& e) const {
        if (e.action != Action::Add && e.action != Action::Modify) return;
        Side s = e.side;
        Price price = e.price;
        Size leaving;
        if (const auto o = order(e.order_id); o && e.action == Action::Modify) {
            s = o->side();
            if (price == kNoPrice) price = o->price;
            if (price == o->price) leaving = Size(o->size());
        } else if (o) {
            return;  // a duplicate is ignored
        }
        if (s == Side::None) s = replaced_side_;
        if (s != Side::None && price != kNoPrice) require_room(s, price, e.size, leaving);
    }

    // f(order) for every order of the i-th level of a side, first in the queue first.
    template <class F>
    void for_each_order(Side s, int i, F&& f) const {
        const Level& level = (s == Side::Bid ? bids_ : asks_)[i];
        for (std::uint32_t slot = level.head; slot != kEnd; slot = slab_[slot].after) {
            f(slab_[slot]);
        }
    }

    [[nodiscard]] u64 content_hash() const {
        ContentHash hash;
        for (const Side s : {Side::Bid, Side::Ask}) {
            const Ladder<Level>& ladder = s == Side::Bid ? bids_ : asks_;
            hash.add(static_cast<i64>(s));
            hash.add(ladder.size());
            for (int i = 0; i < ladder.size(); ++i) {
                hash.add(ladder[i].price.raw);
                hash.add(ladder[i].size.raw);
                hash.add(ladder[i].count);
                for_each_order(s, i, [&](const Order& o) {
                    hash.add(static_cast<i64>(o.id));
                    hash.add(o.size());
                });
            }
        }
        return hash.value();
    }

    // Empty when every invariant holds, else the first that does not. O(orders).
    [[nodiscard]] std::string check() const {
        std::size_t orders = 0;
        i128 total = 0;
        for (const Side s : {Side::Bid, Side::Ask}) {
            const Ladder<Level>& ladder = s == Side::Bid ? bids_ : asks_;
            const std::string side = s == Side::Bid ? "bid" : "ask";
            if (std::string fault = ladder.check(); !fault.empty()) return side + ": " + fault;
            for (int i = 0; i < ladder.size(); ++i) {
                const Level& level = ladder[i];
                const std::string where = side + " level " + std::to_string(i) + ": ";
                i128 sum = 0;
                std::uint32_t count = 0;
                std::uint32_t before = kEnd;
                for (std::uint32_t slot = level.head; slot != kEnd; slot = slab_[slot].after) {
                    if (slot >= slab_.size() || count > level.count)
                        return where + "queue is broken";
                    const Order& o = slab_[slot];
                    if (o.before != before) return where + "queue is not linked back";
                    if (o.price != level.price || o.side() != s) {
                        return where + "an order of another level is in the queue";
                    }
                    if (o.size() <= 0) return where + "an order has no size";
                    if (index_.find(o.id) != slot) return where + "an order is not in the index";
                    sum += o.size();
                    ++count;
                    before = slot;
                }
                if (level.tail != before) return where + "queue has another end";
                if (sum != level.size.raw) return where + "size is not the sum of its orders";
                if (count != level.count || count == 0) return where + "count is wrong";
                orders += count;
                total += sum;
            }
        }
        if (orders != index_.size()) return "the index has orders that are in no queue";
        if (total != total_) return "the total size is wrong";
        return {};
    }

    // Saved as its orders in queue order, restored by adding them: nothing that was read can break
    // an invariant.
    template <class V>
    void visit(V& v) {
        std::vector<Saved> orders;
        if constexpr (V::kReading) {
            v(orders);
            *this = OrderBook{};
            for (const Saved& o : orders) {
                v.require(o.id != kNoOrder && index_.find(o.id) == OrderIndex::kNotFound &&
                              o.size > Size(0) && o.size <= Size(kMaxSize) && o.price != kNoPrice &&
                              (o.side == Side::Bid || o.side == Side::Ask),
                          "an order is invalid");
                Ladder<Level>& ladder = side(o.side);
                const int i = ladder.find(o.price);
                v.require(!ladder.has(i, o.price) || ladder[i].size.raw <= kMaxSize - o.size.raw,
                          "a level is too large");
                enqueue(o.id, o.side, o.price, o.size);
            }
        } else {
            for (const Side s : {Side::Bid, Side::Ask}) {
                const Ladder<Level>& ladder = s == Side::Bid ? bids_ : asks_;
                for (int i = ladder.size() - 1; i >= 0; --i) {  // worst first: appended on restore
                    for_each_order(s, i, [&](const Order& o) {
                        orders.push_back({o.id, s, o.price, Size(o.size())});
                    });
                }
            }
            v(orders);
        }
        v(faults_, replaced_side_);
        if constexpr (V::kReading) {
            v.require(replaced_side_ <= Side::Ask, "a side is invalid");
        }
    }

private:
    static constexpr std::uint32_t kEnd = ~std::uint32_t{0};

    struct Saved {
        OrderId id = kNoOrder;
        Side side = Side::None;
        Price price;
        Size size;

        template <class V>
        void visit(V& v) {
            v(id, side, price, size);
        }
    };

    [[nodiscard]] Ladder<Level>& side(Side s) { return s == Side::Bid ? bids_ : asks_; }

    Applied change(const Event& e) {
        switch (e.action) {
            case Action::Add: return add(e, e.side != Side::None ? e.side : replaced_side_);
            case Action::Cancel: return reduce(e);
            case Action::Execute: return reduce(e);
            case Action::Delete: return remove(e);
            case Action::Modify: return modify(e);
            case Action::Clear: return {clear(e.side), e.side, kNoPrice};
            default: return {};
        }
    }

    Applied add(const Event& e, Side s) {
        if (index_.find(e.order_id) != OrderIndex::kNotFound) {
            faults_.count(Fault::DuplicateId);
            return {};
        }
        if (s == Side::None) {
            faults_.count(Fault::UnknownSide);
            return {};
        }
        require_room(s, e.price, e.size, Size(0));
        return {enqueue(e.order_id, s, e.price, e.size), s, e.price};
    }

    // CANCEL and EXECUTE: subtracts the size.
    Applied reduce(const Event& e) {
        const std::uint32_t slot = find(e);
        if (slot == kEnd) return {};
        const Order o = slab_[slot];
        if (e.size.raw > o.size()) faults_.count(Fault::OverCancel);
        if (e.action == Action::Cancel) compare_price(e, o);
        const int i = side(o.side()).find(o.price);
        if (e.size.raw >= o.size()) {
            dequeue(slot, i);
        } else {
            shrink(slot, i, e.size);
        }
        return {i, o.side(), o.price};
    }

    Applied remove(const Event& e) {
        const std::uint32_t slot = find(e);
        if (slot == kEnd) return {};
        const Order o = slab_[slot];
        compare_price(e, o);
        const int i = side(o.side()).find(o.price);
        dequeue(slot, i);
        return {i, o.side(), o.price};
    }

    Applied modify(const Event& e) {
        const std::uint32_t slot = index_.find(e.order_id);
        if (slot == OrderIndex::kNotFound) {
            const bool whole = e.side != Side::None && e.price != kNoPrice && e.size > Size(0);
            if (whole) require_room(e.side, e.price, e.size, Size(0));
            faults_.count(Fault::UnknownId);
            if (!whole) return {};
            return {enqueue(e.order_id, e.side, e.price, e.size), e.side, e.price};
        }
        const Order o = slab_[slot];
        const Side s = o.side();
        const bool stays = e.price == kNoPrice || e.price == o.price;
        if (e.size.raw > o.size() || !stays) {
            require_room(s, stays ? o.price : e.price, e.size, stays ? Size(o.size()) : Size(0));
        }
        if (e.side != Side::None && e.side != s) faults_.count(Fault::SideMismatch);
        const Price price = e.price == kNoPrice ? o.price : e.price;
        const int i = side(s).find(o.price);
        if (e.size == Size(0)) {
            dequeue(slot, i);
            return {i, s, o.price};
        }
        if (price == o.price && e.size.raw <= o.size()) {
            if (e.size.raw == o.size()) return {kUnchanged, s, o.price};
            shrink(slot, i, Size(o.size()) - e.size);  // keeps its place
            return {i, s, o.price};
        }
        dequeue(slot, i);
        const int j = enqueue(o.id, s, price, e.size);
        return {std::min(i, j), s, o.price};
    }

    int clear(Side s) {
        if (s == Side::None) {
            index_.clear();
            slab_.clear();
            free_.clear();
            bids_.clear();
            asks_.clear();
            total_ = 0;
            return 0;
        }
        Ladder<Level>& ladder = side(s);
        while (!ladder.empty()) dequeue(ladder[0].head, 0);
        return 0;
    }

    // The order an event names, kEnd if there is none; faults counted.
    [[nodiscard]] std::uint32_t find(const Event& e) {
        const std::uint32_t slot = index_.find(e.order_id);
        if (slot == OrderIndex::kNotFound) {
            faults_.count(Fault::UnknownId);
            return kEnd;
        }
        if (e.side != Side::None && e.side != slab_[slot].side()) {
            faults_.count(Fault::SideMismatch);
        }
        return slot;
    }
    void compare_price(const Event& e, const Order& o) {
        if (e.price != kNoPrice && e.price != o.price) faults_.count(Fault::PriceMismatch);
    }

    void require_room(Side s, Price price, Size size, Size leaving) const {
        const Ladder<Level>& ladder = s == Side::Bid ? bids_ : asks_;
        const int i = ladder.find(price);
        if (ladder.has(i, price) && (ladder[i].size - leaving).raw > kMaxSize - size.raw) {
            throw SizeOverflow("the sizes at one price add up to more than 2^60 units");
        }
    }

    int enqueue(OrderId id, Side s, Price price, Size size) {
        std::uint32_t slot = 0;
        if (free_.empty()) {
            slot = static_cast<std::uint32_t>(slab_.size());
            if (slot == kEnd) throw SizeOverflow("more than 2^32 - 1 live orders");
            slab_.emplace_back();
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        Ladder<Level>& ladder = side(s);
        const int i = ladder.find(price);
        const bool fresh = !ladder.has(i, price);
        Level& level = fresh ? ladder.insert(i, {price, Size(0), 0, kEnd, kEnd}) : ladder[i];
        Order& o = slab_[slot];
        o.id = id;
        o.price = price;
        o.set(s, size.raw);
        o.before = level.tail;
        o.after = kEnd;
        if (level.tail == kEnd) {
            level.head = slot;
        } else {
            slab_[level.tail].after = slot;
        }
        level.tail = slot;
        level.size += size;
        ++level.count;
        total_ += size.raw;
        index_.insert(id, slot);
        return i;
    }

    void dequeue(std::uint32_t slot, int i) {
        const Order o = slab_[slot];
        Ladder<Level>& ladder = side(o.side());
        Level& level = ladder[i];
        if (o.before == kEnd) {
            level.head = o.after;
        } else {
            slab_[o.before].after = o.after;
        }
        if (o.after == kEnd) {
            level.tail = o.before;
        } else {
            slab_[o.after].before = o.before;
        }
        level.size -= Size(o.size());
        total_ -= o.size();
        if (--level.count == 0) ladder.erase(i);
        index_.erase(o.id);
        free_.push_back(slot);
    }

    void shrink(std::uint32_t slot, int i, Size by) {
        Order& o = slab_[slot];
        o.shrink(by.raw);
        side(o.side())[i].size -= by;
        total_ -= by.raw;
    }

    Ladder<Level> bids_{Side::Bid};
    Ladder<Level> asks_{Side::Ask};
    std::vector<Order> slab_;
    std::vector<std::uint32_t> free_;
    OrderIndex index_;
    i128 total_ = 0;
    Faults faults_;
    Side replaced_side_ = Side::None;  // of the order that the event before deleted
};

}  // namespace bookflow
