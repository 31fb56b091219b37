// One instrument's book, its calculators and the clock that writes their rows.
//
// Events are held until the LAST of their atomic event, so that every row lies between two atomic
// events. An atomic event with time ts is taken in this order:
//   1. time moves: sessions end and the grid rows owed before ts are written from the state before;
//   2. its events change the book, its prints are collected;
//   3. each print goes to the trade-driven calculators;
//   4. a crossed book is uncrossed where that is wanted, the status is settled;
//   5. changes of orders go to the calculators that follow them, and quote- and depth-driven flows
//      see the new state;
//   6. calculators that look at each atomic event take their values;
//   7. counting clocks decide whether a row is written.
// Batch, any chunking and one event at a time go through the same `take`.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bookflow/chunk_check.hpp"
#include "bookflow/feature_nodes.hpp"
#include "bookflow/level_book.hpp"
#include "bookflow/market_status.hpp"
#include "bookflow/order_book.hpp"
#include "bookflow/row_clock.hpp"
#include "bookflow/rows.hpp"

namespace bookflow {

class Pipeline {
public:
    Pipeline() : Pipeline(PipelineSettings{}) {}

    explicit Pipeline(PipelineSettings settings)
        : settings_(std::move(settings)),
          units_(settings_.instrument.units()),
          nodes_(units_),
          clock_(settings_.clock, settings_.origin, settings_.instrument),
          raised_(settings_.raised()),
          withheld_(settings_.withheld()),
          uncrosses_(settings_.on_crossed == OnCrossed::Uncross) {
        for (Feature& feature : settings_.features) feature.calculator = nodes_.add(feature);
        history_ = Rows(columns().size());
    }

    [[nodiscard]] const PipelineSettings& settings() const { return settings_; }
    [[nodiscard]] const std::vector<std::string>& columns() const { return nodes_.columns(); }
    [[nodiscard]] std::uint16_t status() const { return status_.bits(); }
    [[nodiscard]] Quotes quotes() const { return quotes_; }
    [[nodiscard]] const Rows& history() const { return history_; }
    [[nodiscard]] std::size_t pending() const { return pending_.events.size(); }
    [[nodiscard]] Faults faults() const {
        Faults all = faults_;
        for (std::size_t i = 0; i < kFaults; ++i) {
            all.count(static_cast<Fault>(i), orders_.faults().counts()[i]);
        }
        return all;
    }
    [[nodiscard]] const OrderBook* order_book() const {
        return source_ == Source::Orders ? &orders_ : nullptr;
    }
    [[nodiscard]] const LevelBook* level_book() const {
        return source_ == Source::Levels ? &levels_ : nullptr;
    }

    // Where it stands: what decides whether the next events can be taken.
    [[nodiscard]] ChunkCheck::Position position() const {
        return {source_, last_ts_, now_, interval_, last_was_delete_};
    }
    // Whether the last event, pending or not, was a DELETE.
    [[nodiscard]] bool after_delete() const {
        return pending_.empty() ? last_was_delete_
                                : pending_.events.back().action == Action::Delete;
    }
    [[nodiscard]] const Units& units() const { return units_; }
    [[nodiscard]] int levels() const { return nodes_.levels(); }

    // Takes a chunk of events; the rows they wrote are in `out`. Throws InputError, or SizeOverflow
    // with its row, and nothing was applied. A FeedFault (only when told to raise) leaves the
    // pipeline exactly before the offending atomic event, with the rows before it in `out`.
    void run(const EventColumns& c, Rows& out) {
        check().events(c);
        out = Rows(columns().size());
        out.reserve(rows_expected(c));
        if (raised_ != 0 || may_overflow(c)) {
            guarded(c, out);
        } else {
            apply(c, c.rows, out, false);
        }
        remember(out);
    }

    // Takes one event; returns how many rows it wrote: they are the last of `history`.
    i64 push(const Event& e) {
        check().event(e);
        const bool alone = pending_.empty() && e.has(flag::kLast);
        const bool may_fail = e.has(flag::kLast) && source_ != Source::Levels &&
                              source_ != Source::Depth &&
                              orders_.total_size() + pending_.size + e.size.raw > kMaxSize;
        if (may_fail && alone) orders_.require_room(e);  // no copy needed to refuse one event
        if (raised_ != 0 || (may_fail && !alone)) {
            Rows out(columns().size());
            guarded(EventColumns::of(e, 1), out);
            const std::size_t written = out.size();
            history_.append_last(out, written);
            history_.keep_last(std::max(history_limit(), written));
            return static_cast<i64>(written);
        }
        return in_history([&] { feed(e, nullptr, 0, false); });
    }

    // Time passes without an event.
    i64 advance(i64 ts) {
        const i64 earliest = std::max<i64>(last_ts_, 0);
        if (ts < earliest || ts >= kMaxTime) {
            throw InputError(
                "must be from " + std::to_string(earliest) + " to 2^62 ns after the epoch", "ts",
                std::to_string(ts));
        }
        check().time(ts);
        return in_history([&] {
            move_to(ts);
            listen(ts);
            last_ts_ = now_ = ts;
        });
    }

    // Writes the open interval (marked PARTIAL). Events without their LAST are dropped and counted.
    i64 finish() {
        if (!pending_.empty()) {
            pending_.clear();
            faults_.count(Fault::Unfinished);
        }
        if (!open_) return 0;
        return in_history([&] {
            row(now_, status::kPartial);
            open_ = false;
        });
    }

    // The row that would be written if this event came now, as the LAST of its atomic event, and
    // after it the end; no row where none would be written. All of it happens to a copy.
    [[nodiscard]] Rows peek(Event e) const {
        Pipeline then = *this;
        e.flags |= flag::kLast;
        then.push(e);
        // Either the event's own row was written, or it lies in the open interval.
        const bool open = then.open_;
        const bool in_row = open ? then.finish() > 0 : then.interval_.inside && !snapshot_with(e);
        Rows out(columns().size());
        if (in_row) out.append_last(then.history_, 1);
        return out;
    }

    // As new, with the same settings.
    void reset() { *this = Pipeline(settings_); }

    // Settings, book, calculators, clock, what is pending and the last rows.
    template <class V>
    void visit(V& v) {
        if constexpr (V::kReading) {
            PipelineSettings settings;
            v(settings);
            try {
                *this = Pipeline(std::move(settings));
            } catch (const InputError& error) {
                v.fail(error.what());
            }
        } else {
            v(settings_);
        }
        v(source_, has_book_, orders_, levels_, depth_, depth_is_stale_, quotes_, status_, faults_,
          clock_, moment_, last_ts_, now_, open_, first_owed_, last_was_delete_);
        if constexpr (V::kReading) {
            v(history_);
        } else {
            Rows last(columns().size());  // the slack of pushing is not state
            last.append_last(history_, history_limit());
            v(last);
        }
        v(nodes_);
        if constexpr (V::kReading) {
            v.require(source_ <= Source::Depth, "the kind of book is unknown");
            const bool known = now_ == kNone || (now_ >= 0 && now_ <= last_ts_);
            const i64 heard = moment_.ts.raw;
            v.require(heard == kNone || (heard >= 0 && heard <= now_), "a time is out of range");
            v.require(known && last_ts_ < kMaxTime, "a time is out of range");
            v.require(orders_.births_hold(nodes_.read_ages(), now_),
                      "the ages of orders are out of range");
            v.require(!clock_.anchored() || (now_ != kNone && clock_.next() >= now_),
                      "a clock is late");
            v.require(history_.features.size() == columns().size(),
                      "saved rows have other columns");
            if (now_ != kNone) interval_ = settings_.session.at(now_);
        }
        visit_pending(v);
    }

private:
    // Whether the atomic event that e ends is part of a snapshot, of which no row is written.
    [[nodiscard]] bool snapshot_with(const Event& e) const {
        return e.has(flag::kSnapshot) ||
               std::any_of(pending_.events.begin(), pending_.events.end(),
                           [](const Event& p) { return p.has(flag::kSnapshot); });
    }
    [[nodiscard]] std::size_t history_limit() const {
        return static_cast<std::size_t>(settings_.history);
    }
    void remember(const Rows& rows) {
        history_.append_last(rows, history_limit());
        history_.keep_last(history_limit());
    }
    // f() writes into the history; all that it writes can be read there.
    template <class F>
    i64 in_history(F f) {
        sink_ = &history_;
        const std::size_t before = history_.size();
        f();
        const std::size_t written = history_.size() - before;
        // shortened now and then, so that a push costs no move of all rows
        if (history_.size() > 2 * history_limit() + 16) {
            history_.keep_last(std::max(history_limit(), written));
        }
        return static_cast<i64>(written);
    }

    [[nodiscard]] ChunkCheck check() const {
        return {settings_, units_, clock_, nodes_.levels(), pending_, position()};
    }
    // Whether sizes could add up to more than a level may hold.
    [[nodiscard]] bool may_overflow(const EventColumns& c) const {
        if (source_ == Source::Levels || source_ == Source::Depth || c.depth.given()) return false;
        const i128 resting = orders_.total_size() + pending_.size;
        if (resting + c.size_bound() <= kMaxSize) return false;
        i128 sum = resting;
        for (std::size_t i = 0; i < c.rows; ++i) sum += c.size[i];
        return sum > kMaxSize;
    }
    // A guess: sessions make them fewer, and a grid much finer than its events is not believed.
    [[nodiscard]] std::size_t rows_expected(const EventColumns& c) const {
        if (!clock_.on_grid() || c.rows == 0) return 0;
        const auto points = clock_.points(c.ts_at(0), c.ts_at(c.rows - 1));
        return std::min(static_cast<std::size_t>(points), c.rows);
    }
    template <class V>
    void visit_pending(V& v) {
        auto n = static_cast<u64>(pending_.events.size());
        v(n);
        for (u64 i = 0; i < n; ++i) {
            Event e;
            if constexpr (!V::kReading) e = pending_.events[i];
            v(e.ts, e.ts_venue, e.order_id, e.price, e.size, e.instrument, e.action, e.side,
              e.flags);
            if constexpr (V::kReading) {
                const bool after_delete =
                    i == 0 ? last_was_delete_ : pending_.events.back().action == Action::Delete;
                const i64 before = i == 0 ? kNone : pending_.events.back().ts.raw;
                try {
                    EventCheck(units_, settings_.instrument.id)
                        .event(e, 0, before, false, after_delete, source_ == Source::Depth);
                } catch (const InputError& error) {
                    v.fail(error.what());
                }
                const bool fits =
                    source_ == Source::Depth || source_after(e.action, source_) == source_;
                v.require(!e.has(flag::kLast) && e.ts.raw <= last_ts_ && i < Pending::kMost && fits,
                          "a pending event is invalid");
                pending_.push(e);
            }
        }
    }

    // ---- events ----

    void apply(const EventColumns& c, std::size_t rows, Rows& out, bool raise) {
        sink_ = &out;
        if (c.depth.given()) {
            apply(c, rows, &c.depth, raise);
        } else {
            c.visit([&](const auto& columns) { apply(columns, rows, nullptr, raise); });
        }
    }
    template <class Columns>
    void apply(const Columns& c, std::size_t rows, const DepthColumns* depth, bool raise) {
        std::size_t begin = 0;
        constexpr std::size_t ahead = OrderBook::kAhead;
        for (std::size_t i = 0; i < rows; ++i) {
            begin_row_ = static_cast<i64>(begin);
            c.look_ahead(i);
            if (i + ahead < rows && orders_.wants_look_ahead()) {
                orders_.look_ahead([&](std::size_t k) { return OrderId{c.id_at(i + k)}; });
            }
            if (feed(event_of(c, i), depth, i, raise)) begin = i + 1;
        }
    }

    // With a copy to go back to: where faults raise, and where a sum could overflow.
    void guarded(const EventColumns& c, Rows& out) {
        Pipeline before = *this;
        try {
            apply(c, c.rows, out, raised_ != 0);
        } catch (const FeedFault&) {
            const auto rows = static_cast<std::size_t>(begin_row_);
            *this = std::move(before);
            out = Rows(columns().size());
            apply(c, rows, out, false);  // no fault was found in these rows
            remember(out);
            throw;
        } catch (const SizeOverflow& overflow) {
            const i64 row = begin_row_;
            *this = std::move(before);
            out = Rows(columns().size());
            throw SizeOverflow(overflow.what(), row);
        }
    }

    // Returns whether an atomic event ended.
    bool feed(const Event& e, const DepthColumns* depth, std::size_t row_of_depth, bool raise) {
        if (e.ts.raw < last_ts_) [[unlikely]] {
            faults_.count(Fault::Late);
            Event late = e;
            late.ts = Nanos(last_ts_);
            return feed(late, depth, row_of_depth, raise);
        }
        last_ts_ = e.ts.raw;
        source_ = depth != nullptr ? Source::Depth : source_after(e.action, source_);
        if (!e.has(flag::kLast)) {
            pending_.push(e);
            return false;
        }
        if (!pending_.empty()) pending_.push(e);
        const std::span<const Event> events =
            pending_.empty() ? std::span(&e, 1) : std::span<const Event>(pending_.events);
        if (raise) {
            const Faults before = faults();
            take(events, depth, row_of_depth, &before);
        } else {
            take(events, depth, row_of_depth, nullptr);
        }
        pending_.clear();
        return true;
    }

    // One atomic event; throws if there are other faults than before, where those are given.
    void take(std::span<const Event> events, const DepthColumns* depth, std::size_t row_of_depth,
              const Faults* faults_before) {
        const Event& last = events.back();
        const i64 ts = last.ts.raw;
        move_to(ts);
        listen(ts);
        now_ = ts;
        moment_.ts = last.ts;
        moment_.event += 1;

        std::uint16_t flags = 0;
        bool cleared = false;
        const Quotes before = quotes_;
        depth_.changed = LevelRange::none();
        prints_.clear();
        changes_.clear();
        for (const Event& e : events) {
            flags |= e.flags;
            cleared = cleared || e.action == Action::Clear;
            has_book_ = has_book_ || source_after(e.action, Source::None) != Source::None;
            if (e.has(flag::kGap)) {
                faults_.count(Fault::Gap);
                status_.gap();
            }
            take_event(e, depth != nullptr);
        }
        last_was_delete_ = last.action == Action::Delete;
        has_book_ = has_book_ || cleared || depth != nullptr;
        const bool snapshot = (flags & flag::kSnapshot) != 0;
        // A depth row is a whole book, so it completes like a snapshot.
        if (snapshot || depth != nullptr) status_.snapshot_complete();

        if (depth != nullptr) read_depth_row(*depth, row_of_depth);
        if (uncrosses_ && quotes_.crossed() && depth == nullptr) uncross(events);
        const bool best_changed = quotes_ != before;
        if (interval_.inside && !prints_.empty()) take_prints();
        if (status_.settle(ts, has_book_, quotes_, best_changed)) faults_.count(Fault::Crossed);
        if (faults_before != nullptr) raise_new(*faults_before);
        const bool broken = (flags & flag::kGap) != 0 || status_.incomplete();
        const bool first_state = snapshot || cleared || broken;
        if (interval_.inside && !first_state) {
            for (const OrderChange& change : changes_) nodes_.on_change(moment_, change);
        }
        take_state(best_changed, first_state);

        if (snapshot || !interval_.inside) return;
        clock_.anchor(ts, interval_.begin);
        open_ = true;
        if (nodes_.samples_events()) {
            if (nodes_.read_depth()) refresh_depth();
            refresh_queues(ts);
            nodes_.sample(moment_, quotes_, depth_, queues_);
        }
        if (clock_.due(best_changed, prints_)) row(ts, 0);
    }

    [[gnu::always_inline]] void take_event(const Event& e, bool with_depth) {
        Change change;
        if (source_ == Source::Orders || source_ == Source::None) {
            if (nodes_.follow_orders()) [[unlikely]] {
                change = apply_followed(e);
            } else {
                change = orders_.apply(e);
                if (change.any) read_book(orders_, change);
            }
        } else if (source_ == Source::Levels && !with_depth) {
            change = levels_.apply(e);
            if (change.any) read_book(levels_, change);
        }
        if (e.action == Action::Status) status_.status_event(e.size.raw);
        if (e.action == Action::Trade) {
            print(e, e.side, e.price);
        } else if (e.action == Action::Execute) {
            const Side resting = change.side != Side::None ? change.side : e.side;
            print(e, opposite(resting), e.price != kNoPrice ? e.price : change.price);
        }
    }

    // The order before and after tells what the event did to its price, or to two of them.
    [[gnu::noinline]] Change apply_followed(const Event& e) {
        const bool cleared = e.action == Action::Clear;
        const auto before = cleared ? std::nullopt : orders_.order(e.order_id);
        const Quotes quotes = quotes_;
        const Change made = orders_.apply(e);
        if (!made.any) return made;
        read_book(orders_, made);
        if (cleared) return made;
        const auto after = orders_.order(e.order_id);
        if (nodes_.read_ages() && after &&
            !(before && OrderBook::keeps_place(*before, after->price, after->size()))) {
            orders_.born(e.order_id, now_);
        }
        const auto changed = [&](const Order& o, i64 size) {
            if (size == 0) return;
            const auto best = [&](const Quotes& q) {
                return (o.side() == Side::Bid ? q.bid : q.ask) == o.price;
            };
            changes_.push_back(
                {o.price, Size(size), o.side(), cause_of(e), best(quotes), best(quotes_)});
        };
        if (before && after && before->price == after->price && before->side() == after->side()) {
            changed(*after, after->size() - before->size());
        } else {
            if (before) changed(*before, -before->size());
            if (after) changed(*after, after->size());
        }
        return made;
    }
    [[nodiscard]] static Cause cause_of(const Event& e) {
        switch (e.action) {
            case Action::Add: return Cause::Added;
            case Action::Modify: return Cause::Modified;
            case Action::Execute: return Cause::Traded;
            default: return e.has(flag::kFill) ? Cause::Traded : Cause::Cancelled;
        }
    }

    void print(const Event& e, Side aggressor, Price price) {
        if (price == kNoPrice) return;  // an execution of an order that nobody knows
        const bool hidden = e.has(flag::kHidden);
        Print p{price, e.has(flag::kBroken) ? Size(-e.size.raw) : e.size, aggressor};
        p.in_flow = !e.has(flag::kAuction | flag::kOffBook | flag::kBroken) &&
                    (!hidden || settings_.hidden == Hidden::Flow);
        p.in_volume = !hidden || settings_.hidden != Hidden::None;
        prints_.push_back(p);
    }

    void take_prints() {
        for (const Print& p : prints_) {
            if (p.is_trade()) moment_.trade += 1;
            nodes_.on_print(moment_, p);
        }
        clock_.sign(moment_, prints_);
    }

    void raise_new(const Faults& before) const {
        const std::string_view fault = faults().first_new(before, raised_);
        if (!fault.empty()) throw FeedFault(std::string(fault), begin_row_);
    }

    // Of what crosses, the side that was named last in this atomic event is right, and what it
    // crosses on the other side is older and goes. Where nothing was named both stay, and so does an
    // auction's book, which is rightly crossed.
    [[gnu::noinline]] void uncross(std::span<const Event> events) {
        if ((status_.bits() & status::kAuction) != 0) return;
        Side newer = Side::None;
        for (std::size_t i = events.size(); newer == Side::None && i-- > 0;) {
            newer = names_crossing(events[i]);
        }
        if (newer == Side::None) return;
        const Side older = opposite(newer);
        while (quotes_.crossed()) {
            faults_.count(Fault::Uncrossed);
            if (source_ == Source::Levels) {
                read_book(levels_, levels_.set(older, levels_.side(older).touch().price, Size(0)));
                continue;
            }
            const Order o = orders_.first(older);
            read_book(orders_, orders_.remove(o.id));
            if (!nodes_.follow_orders()) continue;
            const bool still_best = (older == Side::Bid ? quotes_.bid : quotes_.ask) == o.price;
            changes_.push_back(
                {o.price, Size(-o.size()), older, Cause::Cancelled, true, still_best});
        }
    }
    // The side of the level or order that the event is about, if it rests and crosses the other side.
    [[nodiscard]] Side names_crossing(const Event& e) const {
        const auto crossing = [&](Side s, Price price) {
            return (s == Side::Bid ? price > quotes_.ask : price < quotes_.bid) ? s : Side::None;
        };
        const Source kind = source_after(e.action, Source::None);
        if (kind == Source::Levels && e.price != kNoPrice) {
            const bool rests = levels_.side(e.side).find(e.price) != nullptr;
            return rests ? crossing(e.side, e.price) : Side::None;
        }
        if (kind != Source::Orders) return Side::None;
        const auto o = orders_.order(e.order_id);
        return o ? crossing(o->side(), o->price) : Side::None;
    }

    void read_depth_row(const DepthColumns& rows, std::size_t row) {
        rows.read(row, nodes_.levels(), depth_);
        depth_.changed = {};  // not told: every level may have changed
        depth_is_stale_ = false;
        quotes_ = depth_.quotes();
    }
    // What is kept of the book, brought up to date after every event: the touch always, the depth
    // where flows follow it.
    template <class Book>
    void read_book(const Book& book, const Change& change) {
        if (change.side == Side::None) {
            quotes_ = quotes_of(book);
            depth_is_stale_ = true;
            depth_.changed = {};
            return;
        }
        quotes_ = quotes_of(book);
        if (nodes_.flow_levels() == 0) {  // nobody looks before the next row
            depth_is_stale_ = true;
        } else if (!depth_is_stale_) {
            // By place, not by a branch: which side it is nobody can guess.
            const std::array held{&depth_.bids, &depth_.asks};
            const std::array top{&depth_.bid, &depth_.ask};
            const std::size_t ask = change.side == Side::Ask;
            depth_.changed |=
                refresh(book.side(change.side), change, nodes_.levels(), *held[ask], *top[ask]);
        }
    }

    // The queues at the touch as they are read at ts; not known but from single orders.
    void refresh_queues(i64 ts) {
        if (!nodes_.read_queues()) return;
        queues_ = {};
        if (source_ == Source::Orders || source_ == Source::None) {
            const bool ages = nodes_.read_ages();
            queues_ = {orders_.queue(Side::Bid, ts, ages), orders_.queue(Side::Ask, ts, ages)};
        }
    }

    void refresh_depth() {
        if (!depth_is_stale_) return;
        if (source_ == Source::Orders) depth_of(orders_, nodes_.levels(), depth_);
        if (source_ == Source::Levels) depth_of(levels_, nodes_.levels(), depth_);
        depth_is_stale_ = false;
    }

    // Quote- and depth-driven flows. A state that did not change adds zero, which changes nothing,
    // so they are left alone unless it did, or they have to learn a first state.
    void take_state(bool best_changed, bool first_state) {
        if (first_state) {
            nodes_.forget_state(moment_);
            clock_.forget_touch();
            first_owed_ = true;
        }
        if (status_.incomplete() || !interval_.inside) return;
        if (first_owed_ || best_changed) {
            nodes_.on_quotes(moment_, quotes_);
            clock_.quoted(moment_, quotes_);
        }
        const int levels = nodes_.flow_levels();
        if (levels > 0 && (first_owed_ || depth_is_stale_ || depth_.changed.from < levels)) {
            refresh_depth();
            nodes_.on_depth(moment_, depth_);
        }
        if (quotes_.good()) first_owed_ = false;
    }

    // ---- time and rows ----

    void move_to(i64 ts) {
        if (ts < interval_.end && ts >= interval_.begin) {
            if (interval_.inside) grid_rows(ts);
            return;
        }
        if (interval_.inside) end_session(interval_.end);
        interval_ = settings_.session.at(ts);
        moment_.opened = interval_.inside ? Nanos(interval_.begin) : kNoTime;
    }
    void end_session(i64 end) {
        if (clock_.anchored()) {
            grid_rows(end);
            row(end, clock_.is_grid_point(end) ? std::uint16_t{0} : status::kPartial);
        }
        clock_.restart();
        open_ = false;
        first_owed_ = true;
        Moment now = moment_;
        now.ts = Nanos(end);
        nodes_.end_session(now);
    }
    void grid_rows(i64 before) {
        if (!clock_.anchored()) return;
        for (; clock_.next() < before; clock_.passed()) row(clock_.next(), 0);
    }

    // Nothing came from the last atomic event to ts: is that too long?
    void listen(i64 ts) {
        if (settings_.stale_after != 0 && moment_.ts != kNoTime &&
            ts - moment_.ts.raw > settings_.stale_after) {
            status_.stale();
        }
    }

    void row(i64 ts, std::uint16_t extra) {
        listen(ts);
        if ((status_.bits() & withheld_) != 0) {
            faults_.count(Fault::HeldRows);
            return;
        }
        Moment now = moment_;
        now.ts = Nanos(ts);
        if (nodes_.read_depth()) refresh_depth();
        refresh_queues(ts);
        nodes_.write(now, quotes_, depth_, queues_, *sink_);
        sink_->ts.push_back(ts);
        sink_->status.push_back(status_.bits() | extra);
        sink_->seen.push_back(status_.seen());
        sink_->clean.push_back(status_.clean(ts));
        status_.row_written();
        open_ = false;
    }

    PipelineSettings settings_;
    Units units_;
    FeatureNodes nodes_;
    Source source_ = Source::None;
    bool has_book_ = false;  // something has spoken of a book: only then can a side be empty
    OrderBook orders_;
    LevelBook levels_;
    Depth depth_;
    bool depth_is_stale_ = true;
    Queues queues_;  // made anew whenever they are read
    Quotes quotes_;
    MarketStatus status_;
    Faults faults_;
    RowClock clock_;
    std::uint32_t raised_ = 0;    // the faults that raise
    std::uint16_t withheld_ = 0;  // the status bits under which no row is written
    bool uncrosses_ = false;
    SessionSchedule::Interval interval_{kNone, kNone, false};  // before the first event: nowhere
    Moment moment_;
    i64 last_ts_ = kNone;     // of the last event, pending ones included
    i64 now_ = kNone;         // to where time was moved
    bool open_ = false;       // an event came since the last row
    bool first_owed_ = true;  // the flows have not seen a first state
    bool last_was_delete_ = false;
    Pending pending_;
    std::vector<Print> prints_;
    std::vector<OrderChange> changes_;
    Rows history_;
    Rows* sink_ = nullptr;
    i64 begin_row_ = 0;  // of the chunk, where the present atomic event begins
};

}  // namespace bookflow
