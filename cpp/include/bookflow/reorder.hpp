// A bounded stage that puts several streams in order of time, the same in one push or many.
//
// Why this structure: nearly all atomic events come in order, or late by little. Those in order
// stand in a queue, O(1) each; those that came late in a heap beside it, O(log of the late ones). The
// next in order is the first of either. Their rows lie in slots that are used again, so that memory
// is what was held at most, however long the stage runs. Worst case: every one late, a heap of all.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

#include "bookflow/arrived_rows.hpp"
#include "bookflow/error.hpp"
#include "bookflow/state.hpp"

namespace bookflow {

struct ReorderSettings {
    static constexpr i64 kMostEvents = i64{1} << 31;

    i64 span = 0;  // ns: how late an event may come
    bool by_venue = false;
    i64 max_events = 1'000'000;  // rows held at once

    template <class V>
    void visit(V& v) {
        v(span, by_venue, max_events);
        if constexpr (V::kReading) {
            v.require(span > 0 && span < kMaxTime && max_events > 0 && max_events <= kMostEvents,
                      "a setting is out of range");
        }
    }
};

// Rows that faults were found in, so far.
struct ReorderCounts {
    i64 late = 0;
    i64 no_venue_time = 0;
    i64 unfinished = 0;

    template <class V>
    void visit(V& v) {
        v(late, no_venue_time, unfinished);
        if constexpr (V::kReading) {
            v.require(late >= 0 && no_venue_time >= 0 && unfinished >= 0, "a count is negative");
        }
    }
};

// What was released, in order; with depth rows, four (rows, levels) tables row after row.
struct OrderedRows {
    std::vector<Event> events;
    std::array<std::vector<i64>, 4> depth;
};

class Reorder {
public:
    explicit Reorder(const ReorderSettings& settings = {}) : settings_(settings) {}

    [[nodiscard]] const ReorderSettings& settings() const { return settings_; }
    [[nodiscard]] const ReorderCounts& counts() const { return counts_; }
    // Of the depth rows; 0: there are none.
    [[nodiscard]] std::size_t levels() const { return levels_; }
    // Rows that wait, for time or for the LAST of their atomic event.
    [[nodiscard]] std::size_t held() const { return held_ + open_rows(); }

    // Takes a stream's rows as they arrived. Throws InputError and nothing was taken.
    void push(const ArrivedRows& rows, std::size_t stream, OrderedRows& out) {
        check_depth(rows.events.depth);
        check_times(rows);
        const std::size_t waiting = stream < open_.size() ? open_[stream].events.size() : 0;
        const auto most = static_cast<std::size_t>(settings_.max_events);
        if (held_ + waiting + rows.events.rows >
            most) {  // perhaps: what it comes to is tried on a copy
            Reorder trial = *this;
            OrderedRows thrown_away;
            trial.most_held_ = 0;
            trial.take(rows, stream, thrown_away);
            if (trial.most_held_ > most) {
                throw InputError(
                    "more than max_events=" + std::to_string(most) + " rows within the span",
                    "max_events", std::to_string(trial.most_held_));
            }
        }
        take(rows, stream, out);
    }

    // Time moves to `ts` without an event.
    void advance(i64 ts, OrderedRows& out) {
        if (ts < 0 || ts >= kMaxTime) {
            throw InputError("must be from the epoch to 2^62 ns after it", "ts",
                             std::to_string(ts));
        }
        newest_ = std::max(newest_, ts);
        release(newest_ - settings_.span, out);
    }

    // All that is held; what waits for its LAST is dropped and counted.
    void flush(OrderedRows& out) {
        counts_.unfinished += static_cast<i64>(open_rows());
        open_.clear();
        release(kMaxTime, out);
        // nothing is held now: what comes at this time or before is late
        if (out_ >= 0) newest_ = std::max(newest_, out_ + settings_.span + 1);
    }

    // The atomic events that are held are saved in their order, and are a queue when read.
    template <class V>
    void visit(V& v) {
        v(settings_, counts_, newest_, out_, arrivals_, levels_, in_force_, open_);
        auto units = static_cast<u64>(in_order_.size() - first_ + late_.size());
        v(units);
        if constexpr (V::kReading) {
            v.require(newest_ >= -1 && out_ >= -1 && out_ < kMaxTime && arrivals_ < kBook,
                      "a time is out of range");
            v.require(out_ == -1 || out_ < newest_ - settings_.span,
                      "what was released is younger than what is held");
            v.require(levels_ <= kMostLevels && in_force_.size() == 4 * levels_,
                      "a depth row has another number of levels");
            for (const Rows& rows : open_) {
                v.require(holds(rows), "rows and their depth differ in number");
                for (const Event& e : rows.events) {
                    v.require(!e.has(flag::kLast), "an open event has its LAST");
                }
            }
            for (u64 i = 0; i < units; ++i) read_unit(v);
        } else {
            for (const Key& key : sorted()) write_unit(v, key);
        }
    }

private:
    static constexpr std::size_t kMostLevels = 1'000'000;
    static constexpr u64 kBook = u64{1} << 62;  // prints come first, then the order of arrival
    static constexpr std::uint32_t kNoSlot = ~std::uint32_t{0};

    // An atomic event that is held: its place in the order, and where its rows are.
    struct Key {
        i64 ts;
        u64 order;
        std::uint32_t first;
        std::uint32_t rows;

        [[nodiscard]] bool operator<(const Key& other) const {
            return ts != other.ts ? ts < other.ts : order < other.order;
        }
        [[nodiscard]] bool operator>(const Key& other) const { return other < *this; }
    };
    struct Slot {
        Event event;
        std::uint32_t next = kNoSlot;
        bool own = false;  // whether the depth row is this event's own, or the one in force
    };
    // Rows of a stream that wait for their LAST.
    struct Rows {
        std::vector<Event> events;
        std::vector<std::uint8_t> own;
        std::vector<i64> depth;

        template <class V>
        void visit(V& v) {
            auto n = static_cast<u64>(events.size());
            v(n);
            for (u64 i = 0; i < n; ++i) {
                if constexpr (V::kReading) events.emplace_back();
                visit_event(v, events[i]);
            }
            v(own, depth);
        }
        void clear() {
            events.clear();
            own.clear();
            depth.clear();
        }
    };

    [[nodiscard]] std::size_t width() const { return 4 * levels_; }
    [[nodiscard]] std::ptrdiff_t signed_width() const {
        return static_cast<std::ptrdiff_t>(width());
    }
    [[nodiscard]] std::size_t open_rows() const {
        std::size_t n = 0;
        for (const Rows& rows : open_) n += rows.events.size();
        return n;
    }

    // ---- checks ----

    void check_depth(const DepthColumns& depth) const {
        if (!depth.given()) return;
        if (levels_ == 0 && (held() > 0 || out_ >= 0)) {
            throw InputError("the stream with depth rows is pushed first", "depth");
        }
        if (levels_ != 0 && levels_ != static_cast<std::size_t>(depth.levels)) {
            throw InputError("has " + std::to_string(depth.levels) + " levels where there were " +
                                 std::to_string(levels_),
                             "depth");
        }
    }
    void check_times(const ArrivedRows& rows) const {
        for (std::size_t i = 0; i < rows.events.rows; ++i) {
            if (!rows.last(i)) continue;
            const i64 ts = time_of(rows, i);
            if (ts >= 0 && ts < kMaxTime) continue;
            throw InputError("must be from the epoch to 2^62 ns after it",
                             settings_.by_venue ? "ts_venue" : "ts", std::to_string(ts));
        }
    }
    [[nodiscard]] i64 time_of(const ArrivedRows& rows, std::size_t row) const {
        return settings_.by_venue && rows.has_venue_time(row) ? rows.ts_venue[row]
                                                              : rows.events.ts_at(row);
    }

    // ---- events ----

    void take(const ArrivedRows& rows, std::size_t stream, OrderedRows& out) {
        const DepthColumns& depth = rows.events.depth;
        if (depth.given() && levels_ == 0) begin_depth(static_cast<std::size_t>(depth.levels));
        if (stream >= open_.size()) open_.resize(stream + 1);
        Rows& open = open_[stream];
        if (rows.events.rows > 1) out.events.reserve(held_ + open.events.size() + rows.events.rows);
        std::size_t begin = 0;
        for (std::size_t i = 0; i < rows.events.rows; ++i) {
            if (!rows.last(i)) continue;
            const i64 ts = time_of(rows, i);
            const std::size_t n = open.events.size() + i + 1 - begin;
            if (settings_.by_venue && !rows.has_venue_time(i)) {
                counts_.no_venue_time += static_cast<i64>(n);
            }
            if (n == 1) {
                arrive(rows.event(i), own_depth(rows, i), ts, out);
            } else {
                for (; begin <= i; ++begin) keep(open, rows, begin);
                arrive(open, ts, out);
                open.clear();
            }
            begin = i + 1;
            most_held_ = std::max(most_held_, held_);
        }
        for (; begin < rows.events.rows; ++begin) keep(open, rows, begin);
    }
    void keep(Rows& open, const ArrivedRows& rows, std::size_t row) {
        const i64* depth = own_depth(rows, row);
        open.events.push_back(rows.event(row));
        open.own.push_back(depth != nullptr);
        open.depth.insert(open.depth.end(), width(), 0);
        if (depth != nullptr) std::copy_n(depth, width(), open.depth.end() - signed_width());
    }

    // An atomic event of one row, and one of several.
    void arrive(Event e, const i64* own_depth, i64 ts, OrderedRows& out) {
        if (too_late(ts, out)) {
            e.ts = Nanos(late(ts, 1));
            write(e, own_depth, out);
        } else {
            hold({ts, order(changes_book(e)), stored(e, own_depth), 1});
        }
    }
    void arrive(const Rows& rows, i64 ts, OrderedRows& out) {
        if (!too_late(ts, out)) {
            hold({ts, order(changes_book(rows)), stored(rows),
                  static_cast<std::uint32_t>(rows.events.size())});
            return;
        }
        ts = late(ts, rows.events.size());
        for (std::size_t i = 0; i < rows.events.size(); ++i) {
            Event e = rows.events[i];
            e.ts = Nanos(ts);
            write(e, own_depth(rows, i), out);
        }
    }
    [[nodiscard]] static bool changes_book(const Event& e) { return e.action != Action::Trade; }
    [[nodiscard]] static bool changes_book(const Rows& rows) {
        return std::any_of(rows.events.begin(), rows.events.end(),
                           [](const Event& e) { return changes_book(e); });
    }
    [[nodiscard]] u64 order(bool book) { return arrivals_++ | (book ? kBook : 0); }

    // Time moves to `ts`; whether younger events than this one may be out already.
    [[nodiscard]] bool too_late(i64 ts, OrderedRows& out) {
        newest_ = std::max(newest_, ts);
        const i64 horizon = newest_ - settings_.span;
        release(horizon, out);
        return ts < horizon;
    }
    // The time at which it goes out.
    [[nodiscard]] i64 late(i64 ts, std::size_t rows) {
        if (ts < out_) {
            counts_.late += static_cast<i64>(rows);
            ts = out_;
        }
        out_ = ts;
        return ts;
    }

    void hold(const Key& key) {
        held_ += key.rows;
        if (first_ == in_order_.size() || in_order_.back() < key) {
            in_order_.push_back(key);
        } else {
            late_.push_back(key);
            std::push_heap(late_.begin(), late_.end(), std::greater<>{});
        }
    }
    // What is older than `horizon` goes out.
    void release(i64 horizon, OrderedRows& out) {
        for (;;) {
            const bool queued = first_ < in_order_.size() && in_order_[first_].ts < horizon;
            const bool late = !late_.empty() && late_.front().ts < horizon;
            if (!queued && !late) break;
            if (queued && !(late && late_.front() < in_order_[first_])) {
                write(in_order_[first_++], out);
            } else {
                std::pop_heap(late_.begin(), late_.end(), std::greater<>{});
                write(late_.back(), out);
                late_.pop_back();
            }
        }
        if (first_ == in_order_.size()) {
            in_order_.clear();
            first_ = 0;
        } else if (first_ >= 64 &&
                   2 * first_ >= in_order_.size()) {  // moved once for each that left
            in_order_.erase(in_order_.begin(), in_order_.begin() + static_cast<i64>(first_));
            first_ = 0;
        }
    }
    void write(const Key& key, OrderedRows& out) {
        out_ = key.ts;
        held_ -= key.rows;
        std::uint32_t at = key.first;
        for (std::uint32_t n = 0; n < key.rows; ++n) {
            Slot& slot = slots_[at];
            slot.event.ts = Nanos(key.ts);
            write(slot.event, slot.own ? depths_.data() + at * width() : nullptr, out);
            std::swap(at, slot.next);
            std::swap(slot.next, free_);  // `at` was the slot itself, which is free now
        }
    }
    void write(const Event& e, const i64* own_depth, OrderedRows& out) {
        out.events.push_back(e);
        if (levels_ == 0) return;
        if (own_depth != nullptr) std::copy_n(own_depth, width(), in_force_.begin());
        for (std::size_t k = 0; k < 4; ++k) {
            const i64* from = in_force_.data() + k * levels_;
            out.depth[k].insert(out.depth[k].end(), from, from + levels_);
        }
    }

    // ---- slots ----

    [[nodiscard]] std::uint32_t new_slot() {
        if (free_ == kNoSlot) {
            slots_.emplace_back();
            depths_.resize(slots_.size() * width());
            return static_cast<std::uint32_t>(slots_.size() - 1);
        }
        const std::uint32_t slot = free_;
        free_ = slots_[slot].next;
        slots_[slot].next = kNoSlot;
        return slot;
    }
    // Where they are from now on.
    [[nodiscard]] std::uint32_t stored(const Event& e, const i64* own_depth) {
        const std::uint32_t slot = new_slot();
        slots_[slot].event = e;
        slots_[slot].own = own_depth != nullptr;
        if (own_depth != nullptr) {
            std::copy_n(own_depth, width(), depths_.data() + slot * width());
        }
        return slot;
    }
    [[nodiscard]] std::uint32_t stored(const Rows& rows) {
        std::uint32_t first = kNoSlot;
        for (std::size_t i = rows.events.size(); i-- > 0;) {  // from the last, which none follows
            const std::uint32_t slot = stored(rows.events[i], own_depth(rows, i));
            slots_[slot].next = first;
            first = slot;
        }
        return first;
    }

    // ---- depth ----

    void begin_depth(std::size_t levels) {
        levels_ = levels;
        in_force_.assign(width(), 0);
        for (const std::size_t price : {std::size_t{0}, 2 * levels}) {
            std::fill_n(in_force_.begin() + static_cast<i64>(price), levels, kNone);
        }
    }
    // A row's own depth as bid prices, bid sizes, ask prices, ask sizes; nullptr: it has none.
    [[nodiscard]] const i64* own_depth(const ArrivedRows& rows, std::size_t row) {
        if (!rows.has_depth(row)) return nullptr;
        const DepthColumns& depth = rows.events.depth;
        scratch_.resize(width());
        std::size_t at = 0;
        for (const Table* table :
             {&depth.bid_price, &depth.bid_size, &depth.ask_price, &depth.ask_size}) {
            const Column<i64> level = table->row(row);
            for (std::size_t k = 0; k < levels_; ++k) scratch_[at++] = level[k];
        }
        return scratch_.data();
    }
    [[nodiscard]] const i64* own_depth(const Rows& rows, std::size_t row) const {
        return rows.own[row] != 0 ? rows.depth.data() + row * width() : nullptr;
    }

    // ---- state ----

    // As numbers: a stage checks no field but the time it orders by.
    template <class V>
    static void visit_event(V& v, Event& e) {
        v(e.ts.raw, e.ts_venue.raw, e.order_id, e.price.raw, e.size.raw, e.instrument, e.action,
          e.side, e.flags);
    }
    [[nodiscard]] std::vector<Key> sorted() const {
        std::vector<Key> keys(in_order_.begin() + static_cast<i64>(first_), in_order_.end());
        keys.insert(keys.end(), late_.begin(), late_.end());
        std::sort(keys.begin(), keys.end());
        return keys;
    }
    template <class V>
    void write_unit(V& v, Key key) {
        Rows rows;
        std::uint32_t at = key.first;
        for (std::uint32_t i = 0; i < key.rows; ++i, at = slots_[at].next) {
            const Slot& slot = slots_[at];
            rows.events.push_back(slot.event);
            rows.own.push_back(slot.own);
            rows.depth.insert(rows.depth.end(), width(), 0);
            if (slot.own) {
                std::copy_n(depths_.data() + at * width(), width(),
                            rows.depth.end() - signed_width());
            }
        }
        v(key.ts, key.order, rows);
    }
    template <class V>
    void read_unit(V& v) {
        Key key{};
        Rows rows;
        v(key.ts, key.order, rows);
        const std::size_t n = rows.events.size();
        v.require(
            n > 0 && holds(rows) && held_ + n <= static_cast<std::size_t>(settings_.max_events),
            "a held event has no rows or too many");
        for (std::size_t i = 0; i < n; ++i) {
            v.require(rows.events[i].has(flag::kLast) == (i + 1 == n), "a LAST is out of place");
        }
        const bool book = key.order >= kBook;
        v.require(key.ts >= newest_ - settings_.span && key.ts <= newest_ &&
                      key.order - (book ? kBook : 0) < arrivals_ && book == changes_book(rows),
                  "a held event is out of place");
        v.require(in_order_.empty() || in_order_.back() < key, "held events are not in order");
        hold({key.ts, key.order, stored(rows), static_cast<std::uint32_t>(n)});
    }
    [[nodiscard]] bool holds(const Rows& rows) const {
        return rows.own.size() == rows.events.size() &&
               rows.depth.size() == rows.events.size() * width() &&
               (levels_ > 0 || std::count(rows.own.begin(), rows.own.end(), 0) ==
                                   static_cast<std::ptrdiff_t>(rows.own.size()));
    }

    ReorderSettings settings_;
    ReorderCounts counts_;
    i64 newest_ = -1;   // of all times that were seen
    i64 out_ = -1;      // the time of the last that was released
    u64 arrivals_ = 0;  // of atomic events
    std::vector<Rows> open_;
    std::vector<Key> in_order_;  // from first_ on
    std::size_t first_ = 0;
    std::vector<Key> late_;  // a heap, the earliest first
    std::size_t held_ = 0;   // rows in either
    std::vector<Slot> slots_;
    std::uint32_t free_ = kNoSlot;
    std::size_t levels_ = 0;
    std::vector<i64> in_force_;  // (4, levels): the depth row last released
    std::vector<i64> depths_;    // of the slots
    std::vector<i64> scratch_;
    std::size_t most_held_ = 0;
};

}  // namespace bookflow
