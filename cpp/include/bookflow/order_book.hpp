// L3: every order by its id, in FIFO queues at each price.
//
// Orders lie in one slab of 32-byte records and are linked into their level's queue by 32-bit
// slots; freed slots are reused. A level holds its sum, its count and both ends of its queue, so
// adding, cancelling and executing are O(1) besides finding the id (order_index.hpp) and the price
// (ladder.hpp). Queue positions are found by walking the queue: O(orders ahead). Where millions of
// orders are live every event waits for memory; who knows the events to come says so ahead
// (`look_ahead`).
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
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
    std::uint32_t head = OrderIndex::kNotFound;  // the first in the queue
    std::uint32_t tail = OrderIndex::kNotFound;

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

    // Throws SizeOverflow, before anything changes, when a level's sum would leave its range.
    [[gnu::always_inline]] Change apply(const Event& e) {
        return apply(e.action, e.side, e.price, e.size, e.order_id);
    }
    // The fields of an event one by one: in a loop over columns they never leave the registers.
    [[gnu::always_inline]] Change apply(Action a, Side s, Price price, Size size, OrderId id) {
        const unsigned kind = widened(a);
        const auto action = static_cast<Action>(kind);
        // What kind of event comes next nobody can guess, so the kinds are told apart by as few
        // branches as can be: one for adding, none between the ways of taking away.
        const Side replaced = std::exchange(replaced_side_, Side::None);
        if (action == Action::Add) return add(s != Side::None ? s : replaced, price, size, id);
        constexpr unsigned takes = 1U << static_cast<unsigned>(Action::Cancel) |
                                   1U << static_cast<unsigned>(Action::Delete) |
                                   1U << static_cast<unsigned>(Action::Execute);
        if ((takes >> kind & 1) == 0) [[unlikely]] {
            return seldom(action, s, price, size, id);
        }
        const Change made = take(action, s, price, size, id);
        const bool deleted = action == Action::Delete;
        replaced_side_ = static_cast<Side>(static_cast<unsigned>(made.side) * deleted);
        return made;
    }

    [[nodiscard]] const Ladder<Level>& bids() const { return sides_[0]; }
    [[nodiscard]] const Ladder<Level>& asks() const { return sides_[1]; }
    // By arithmetic: which side comes next nobody can guess.
    [[nodiscard]] const Ladder<Level>& side(Side s) const { return sides_[s == Side::Ask]; }
    [[nodiscard]] const Faults& faults() const { return faults_; }
    [[nodiscard]] std::size_t orders() const { return index_.size(); }
    // No less than the sum of all resting sizes, which no level can exceed; exact where that matters.
    [[nodiscard]] i128 total_size() const {
        if (bound_ <= kMaxSize) return bound_;
        i128 total = 0;
        for (const Ladder<Level>& ladder : sides_) {
            ladder.from_best([&](const Level& level) {
                total += level.size.raw;
                return true;
            });
        }
        return total;
    }

    [[nodiscard]] std::optional<Order> order(OrderId id) const {
        const std::uint32_t slot = find(id);
        if (slot == OrderIndex::kNotFound) return std::nullopt;
        return slab_[slot];
    }

    // Asks for the memory of events to come, `id_at(k)` being the id of the k-th after this one:
    // first for where the id is found, half as far ahead for the order that is likely there.
    static constexpr std::size_t kAhead = 16;
    [[nodiscard]] bool wants_look_ahead() const { return index_.beyond_cache(); }
    template <class IdAt>
    [[gnu::always_inline]] void look_ahead(IdAt&& id_at) const {
        index_.prefetch(id_at(kAhead));
        look_ahead_near(id_at(kAhead / 2));
    }
    // The steps of it, where every event is another book's: what was asked for in one is there in
    // the next.
    [[gnu::always_inline]] void look_ahead_fields() const {
        __builtin_prefetch(&slab_);
        __builtin_prefetch(&bound_);
        for (const Ladder<Level>& ladder : sides_) ladder.look_ahead_fields();
    }
    [[gnu::always_inline]] void look_ahead_far(OrderId id) const {
        index_.prefetch(id);
        for (const Ladder<Level>& ladder : sides_) ladder.look_ahead();
    }
    [[gnu::always_inline]] void look_ahead_near(OrderId id) const {
        __builtin_prefetch(slab_.data() + index_.likely(id));
    }
    [[gnu::always_inline]] void look_ahead_level(OrderId id) const {
        const std::size_t slot = index_.likely(id);
        if (slot >= slab_.size()) return;
        const Order& o = slab_[slot];
        sides_[o.side() == Side::Ask].look_ahead(o.price);
    }
    [[gnu::always_inline]] void look_ahead_level(Side side, Price price) const {
        sides_[side == Side::Ask].look_ahead(price);
    }

    // Whether an order that is modified keeps its place in the queue, and so its age.
    [[nodiscard]] static bool keeps_place(const Order& before, Price price, i64 size) {
        return price == before.price && size <= before.size();
    }

    // The order joined its queue at ts. Told by who reads ages, after every event; else nothing is
    // kept of births.
    void born(OrderId id, i64 ts) {
        const std::uint32_t slot = find(id);
        if (slot >= births_.size()) births_.resize(slab_.size());
        births_[slot] = ts;
    }
    // Whether the births read with the orders are there or not as they should be, none after `last`.
    [[nodiscard]] bool births_hold(bool kept, i64 last) const {
        return births_.size() == (kept ? slab_.size() : 0) &&
               std::all_of(births_.begin(), births_.end(),
                           [&](i64 birth) { return birth >= 0 && birth <= last; });
    }

    // The first order at a side's best price, of a side that has one.
    [[nodiscard]] const Order& first(Side s) const { return slab_[side(s).touch().head]; }
    // Takes an order out that is in the book; no event said so.
    Change remove(OrderId id) {
        const Entry entry = locate(id);
        const Order o = slab_[index_[entry]];
        dequeue(entry, index_[entry]);
        return Change::of(o.side(), o.price);
    }

    // The queue at a side's best price, with the ages at `now` where births are kept.
    [[nodiscard]] Queue queue(Side s, i64 now, bool with_ages) const {
        Queue out{0, 0, 0, 0};
        if (side(s).empty()) return out;
        const Level& level = side(s).touch();
        out.orders = level.count;
        out.size = level.size.raw;
        if (!with_ages) {
            out.ages = out.sized_ages = Queue::kUnknown;
            return out;
        }
        for (std::uint32_t slot = level.head; slot != kEnd; slot = slab_[slot].after) {
            const i128 age = now - births_[slot];
            out.ages += age;
            out.sized_ages += age * slab_[slot].size();
        }
        return out;
    }

    struct Ahead {
        i64 orders = 0;
        Size size;
    };
    // What is ahead of an order in its queue.
    [[nodiscard]] std::optional<Ahead> queue_position(OrderId id) const {
        std::uint32_t slot = find(id);
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

    // f(order) for every order of a level, first in the queue first.
    template <class F>
    void for_each_order(const Level& level, F&& f) const {
        for (std::uint32_t slot = level.head; slot != kEnd; slot = slab_[slot].after) {
            f(slab_[slot]);
        }
    }

    [[nodiscard]] u64 content_hash() const {
        ContentHash hash;
        for (const Side s : {Side::Bid, Side::Ask}) {
            const Ladder<Level>& ladder = side(s);
            hash.add(static_cast<i64>(s));
            hash.add(ladder.size());
            ladder.from_best([&](const Level& level) {
                hash.add(level.price.raw);
                hash.add(level.size.raw);
                hash.add(level.count);
                for_each_order(level, [&](const Order& o) {
                    hash.add(static_cast<i64>(o.id));
                    hash.add(o.size());
                });
                return true;
            });
        }
        return hash.value();
    }

    // Empty when every invariant holds, else the first that does not. O(orders).
    [[nodiscard]] std::string check() const {
        std::size_t orders = 0;
        i128 total = 0;
        for (const Side s : {Side::Bid, Side::Ask}) {
            const Ladder<Level>& ladder = side(s);
            const std::string name = s == Side::Bid ? "bid" : "ask";
            std::string fault = ladder.check();
            if (!fault.empty()) return name + ": " + fault;
            ladder.from_best([&](const Level& level) {
                fault = check(s, level, orders, total);
                return fault.empty();
            });
            if (!fault.empty()) return name + ": " + fault;
        }
        if (orders != index_.size()) return "the index has orders that are in no queue";
        if (total > total_size()) return "the total size is wrong";
        return {};
    }

    // Saved as its orders in queue order, restored by adding them: nothing that was read can break
    // an invariant.
    template <class V>
    void visit(V& v) {
        std::vector<Saved> orders;
        std::vector<i64> births;  // in the same order
        if constexpr (V::kReading) {
            v(orders, births);
            v.require(births.empty() || births.size() == orders.size(), "a birth is missing");
            *this = OrderBook{};
            births_ = std::move(births);  // as the slots are filled: one after the other
            for (const Saved& o : orders) {
                v.require(o.id != kNoOrder && find(o.id) == OrderIndex::kNotFound &&
                              o.size > Size(0) && o.size <= Size(kMaxSize) && o.price != kNoPrice &&
                              (o.side == Side::Bid || o.side == Side::Ask),
                          "an order is invalid");
                const Level* level = side(o.side).find(o.price);
                v.require(level == nullptr || level->size.raw <= kMaxSize - o.size.raw,
                          "a level is too large");
                enqueue(locate(o.id), o.id, o.side, o.price, o.size);
            }
        } else {
            for (const Side s : {Side::Bid, Side::Ask}) {
                side(s).from_worst([&](const Level& level) {  // worst first: appended on restore
                    for_each_order(level, [&](const Order& o) {
                        orders.push_back({o.id, s, o.price, Size(o.size())});
                        if (!births_.empty()) births.push_back(births_[find(o.id)]);
                    });
                    return true;
                });
            }
            v(orders, births);
        }
        v(faults_, replaced_side_);
        if constexpr (V::kReading) {
            v.require(replaced_side_ <= Side::Ask, "a side is invalid");
        }
    }

private:
    static constexpr std::uint32_t kEnd = OrderIndex::kNotFound;  // of a queue; no such order
    using Entry = OrderIndex::Entry;

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

    [[nodiscard]] Ladder<Level>& ladder(Side s) { return sides_[s == Side::Ask]; }

    // The first invariant of a level that does not hold; its orders are added to the sums.
    [[nodiscard]] std::string check(Side s, const Level& level, std::size_t& orders,
                                    i128& total) const {
        const std::string where = "level " + std::to_string(level.price.raw) + ": ";
        i128 sum = 0;
        std::uint32_t count = 0;
        std::uint32_t before = kEnd;
        for (std::uint32_t slot = level.head; slot != kEnd; slot = slab_[slot].after) {
            if (slot >= slab_.size() || count > level.count) return where + "queue is broken";
            const Order& o = slab_[slot];
            if (o.before != before) return where + "queue is not linked back";
            if (o.price != level.price || o.side() != s) {
                return where + "an order of another level is in the queue";
            }
            if (o.size() <= 0) return where + "an order has no size";
            if (find(o.id) != slot) return where + "an order is not in the index";
            sum += o.size();
            ++count;
            before = slot;
        }
        if (level.tail != before) return where + "queue has another end";
        if (sum != level.size.raw) return where + "size is not the sum of its orders";
        if (count != level.count || count == 0) return where + "count is wrong";
        orders += count;
        total += sum;
        return {};
    }

    [[nodiscard]] [[gnu::always_inline]] Entry locate(OrderId id) const {
        return index_.locate(id, [&](std::uint32_t slot) { return slab_[slot].id == id; });
    }
    [[nodiscard]] std::uint32_t find(OrderId id) const { return index_[locate(id)]; }

    [[gnu::always_inline]] Change add(Side s, Price price, Size size, OrderId id) {
        const Entry entry = locate(id);
        if (index_[entry] != kEnd) [[unlikely]] {
            faults_.count(Fault::DuplicateId);
            return {};
        }
        if (s == Side::None) [[unlikely]] {
            faults_.count(Fault::UnknownSide);
            return {};
        }
        enqueue(entry, id, s, price, size);
        return Change::of(s, price);
    }

    // CANCEL and EXECUTE take the size, DELETE takes all that there is.
    [[gnu::always_inline]] Change take(Action action, Side s, Price price, Size size, OrderId id) {
        const Entry entry = locate(id);
        const std::uint32_t slot = index_[entry];
        if (slot == kEnd) [[unlikely]] {
            faults_.count(Fault::UnknownId);
            return {};
        }
        const Order& o = slab_[slot];
        const Change made = Change::of(o.side(), o.price);
        const i64 resting = o.size();
        if (s != Side::None && s != made.side) [[unlikely]]
            faults_.count(Fault::SideMismatch);
        if (price != kNoPrice && price != made.price && action != Action::Execute) [[unlikely]] {
            faults_.count(Fault::PriceMismatch);
        }
        const i64 taken = action == Action::Delete ? resting : size.raw;
        if (taken > resting) [[unlikely]]
            faults_.count(Fault::OverCancel);
        if (taken >= resting) {
            dequeue(entry, slot);
        } else {
            shrink(slot, Size(taken));
        }
        return made;
    }

    [[gnu::noinline]] Change seldom(Action action, Side s, Price price, Size size, OrderId id) {
        if (action == Action::Modify) return modify(s, price, size, id);
        if (action == Action::Clear) return clear(s);
        return {};
    }

    Change modify(Side given, Price to, Size size, OrderId id) {
        const Entry entry = locate(id);
        const std::uint32_t slot = index_[entry];
        if (slot == kEnd) {
            const bool whole = given != Side::None && to != kNoPrice && size > Size(0);
            if (whole) require_room(given, to, size, Size(0));
            faults_.count(Fault::UnknownId);
            if (!whole) return {};
            enqueue(entry, id, given, to, size);
            return Change::of(given, to);
        }
        const Order o = slab_[slot];
        const Side s = o.side();
        const bool stays = to == kNoPrice || to == o.price;
        const Price price = stays ? o.price : to;
        if (size.raw > o.size() || !stays) {
            require_room(s, price, size, stays ? Size(o.size()) : Size(0));
        }
        if (given != Side::None && given != s) faults_.count(Fault::SideMismatch);
        if (size == Size(0)) {
            dequeue(entry, slot);
            return Change::of(s, o.price);
        }
        if (keeps_place(o, price, size.raw)) {
            if (size.raw == o.size()) return {o.price, s, false, false};
            shrink(slot, Size(o.size()) - size);
            return Change::of(s, o.price);
        }
        dequeue(entry, slot);
        enqueue(locate(id), id, s, price, size);
        const Price better = s == Side::Bid ? std::max(price, o.price) : std::min(price, o.price);
        return {better, s, true, true};
    }

    Change clear(Side s) {
        if (s == Side::None) {
            index_.clear();
            slab_.clear();
            free_ = kEnd;
            sides_[0].clear();
            sides_[1].clear();
            bound_ = 0;
        } else {
            const Ladder<Level>& ladder = side(s);
            while (!ladder.empty()) {
                const std::uint32_t first = ladder.touch().head;
                dequeue(locate(slab_[first].id), first);
            }
        }
        return Change::of(s, kNoPrice);
    }

    void require_room(Side s, Price price, Size size, Size leaving) const {
        const Level* level = side(s).find(price);
        if (level != nullptr) require_room(*level, size, leaving);
    }
    static void require_room(const Level& level, Size size, Size leaving) {
        if ((level.size - leaving).raw > kMaxSize - size.raw) [[unlikely]] {
            throw SizeOverflow("the sizes at one price add up to more than 2^60 units");
        }
    }

    // The three changes.

    [[gnu::always_inline]] void enqueue(Entry entry, OrderId id, Side s, Price price, Size size) {
        const std::uint32_t slot = new_slot();
        Level& level = ladder(s).add(price);
        if (level.size.raw > kMaxSize - size.raw) [[unlikely]] {
            free(slot);
            require_room(level, size, Size(0));
        }
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
        bound_ = std::min(bound_ + size.raw, 2 * kMaxSize);
        index_.put(entry, id, slot);
    }

    [[gnu::always_inline]] void dequeue(Entry entry, std::uint32_t slot) {
        Order& o = slab_[slot];
        Ladder<Level>& in = ladder(o.side());
        Level& level = in.at(o.price);
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
        if (--level.count == 0) [[unlikely]]
            in.erase(o.price);
        index_.take_out(entry);
        free(slot);
    }
    void free(std::uint32_t slot) {
        slab_[slot].after = free_;
        free_ = slot;
    }

    void shrink(std::uint32_t slot, Size by) {
        Order& o = slab_[slot];
        o.shrink(by.raw);
        ladder(o.side()).at(o.price).size -= by;
    }

    [[nodiscard]] std::uint32_t new_slot() {
        const std::uint32_t slot = free_;
        if (slot == kEnd) [[unlikely]]
            return longer_slab();
        free_ = slab_[slot].after;
        return slot;
    }
    [[gnu::noinline]] std::uint32_t longer_slab() {
        if (slab_.size() == kEnd) throw SizeOverflow("more than 2^32 - 1 live orders");
        slab_.emplace_back();
        return static_cast<std::uint32_t>(slab_.size() - 1);
    }

    std::vector<Order, HugePages<Order>> slab_;
    OrderIndex index_;
    std::uint32_t free_ = kEnd;  // the first of the freed slots, linked by `after`
    i64 bound_ = 0;              // all that was ever added, which is at least what rests
    std::array<Ladder<Level>, 2> sides_{Ladder<Level>(Side::Bid), Ladder<Level>(Side::Ask)};
    std::vector<i64> births_;  // of each slot, where anyone told them
    Faults faults_;
    Side replaced_side_ = Side::None;  // of the order that the event before deleted
};

}  // namespace bookflow
