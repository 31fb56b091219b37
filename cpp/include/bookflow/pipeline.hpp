// One instrument's book, its calculators and the clock that writes their rows.
//
// Events are held until the LAST of their atomic event, so that every row lies between two atomic
// events. An atomic event with time ts is taken in this order:
//   1. time moves: sessions end and the grid rows owed before ts are written from the state before;
//   2. its events change the book, its prints are collected;
//   3. each print goes to the trade-driven calculators;
//   4. the status is settled;
//   5. quote- and depth-driven flows see the new state;
//   6. counting clocks decide whether a row is written.
// Batch, any chunking and one event at a time go through the same `take`.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bookflow/calculators.hpp"
#include "bookflow/event_check.hpp"
#include "bookflow/level_book.hpp"
#include "bookflow/market_status.hpp"
#include "bookflow/order_book.hpp"
#include "bookflow/row_clock.hpp"
#include "bookflow/rows.hpp"
#include "bookflow/session.hpp"

namespace bookflow {

// What executions against hidden orders count in.
enum class Hidden : std::uint8_t { Volume, Flow, None };
[[nodiscard]] constexpr std::array<std::string_view, 3> names_of(Hidden) {
    return {"volume", "flow", "none"};
}

struct Feature {
    std::string name;
    std::string calculator;  // its spec text
};

struct PipelineSettings {
    Instrument instrument;
    Clock clock;
    i64 origin = 0;
    SessionSchedule session;
    Hidden hidden = Hidden::Volume;
    bool raise_faults = false;
    bool as_is = false;
    i64 max_rows = 1'000'000;
    i64 history = 1024;
    std::vector<Feature> features;
};

class Pipeline {
public:
    Pipeline() : Pipeline(PipelineSettings{}) {}

    explicit Pipeline(PipelineSettings settings)
        : settings_(std::move(settings)),
          units_(settings_.instrument.units()),
          clock_(settings_.clock, settings_.origin, units_) {
        for (const Feature& feature : settings_.features) add(feature);
        history_ = Rows(names_.size());
    }

    [[nodiscard]] const PipelineSettings& settings() const { return settings_; }
    // One a column: NAME, or NAME_1, NAME_2, ... for a vector.
    [[nodiscard]] const std::vector<std::string>& columns() const { return names_; }
    [[nodiscard]] std::uint16_t status() const { return status_.bits(); }
    [[nodiscard]] Quotes quotes() const { return quotes_; }
    [[nodiscard]] const Rows& history() const { return history_; }
    [[nodiscard]] i64 last_ts() const { return last_ts_; }
    [[nodiscard]] std::size_t pending() const { return pending_.size(); }
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

    // Takes a chunk of events and returns the rows they wrote. Throws InputError before anything
    // is applied. A FeedFault (only when told to raise) or a SizeOverflow leaves the pipeline
    // exactly before the offending atomic event, with the rows before it in `out`.
    void run(const EventColumns& c, Rows& out) {
        const bool may_overflow = check(c);
        out = Rows(names_.size());
        if (!may_overflow && !settings_.raise_faults) {
            apply(c, c.rows, out);
        } else {
            guarded(c, out);
        }
        history_.append_last(out, history_limit());
        history_.keep_last(history_limit());
    }

    // Takes one event; returns how many rows it wrote (they are in `history`).
    i64 push(const Event& e) {
        EventColumns c = one_row(e);
        if (check(c) || settings_.raise_faults) {
            Rows out;
            run(c, out);
            return static_cast<i64>(out.size());
        }
        sink_ = &history_;
        const auto before = static_cast<i64>(history_.size());
        feed(e, nullptr, 0);
        const auto written = static_cast<i64>(history_.size()) - before;
        if (history_.size() > 2 * history_limit() + 16) history_.keep_last(history_limit());
        return written;
    }

    // Time passes without an event.
    i64 advance(i64 ts) {
        if (ts < std::max<i64>(last_ts_, 0) || ts >= kMaxTime) {
            throw InputError("must be from " + std::to_string(std::max<i64>(last_ts_, 0)) +
                                 " to 2^62 ns after the epoch",
                             "ts", std::to_string(ts));
        }
        if (clock_.anchored()) check_row_limit(now_, ts, -1);
        sink_ = &history_;
        const auto before = static_cast<i64>(history_.size());
        move_to(ts);
        last_ts_ = now_ = ts;
        const auto written = static_cast<i64>(history_.size()) - before;
        history_.keep_last(std::max(history_limit(), static_cast<std::size_t>(written)));
        return written;
    }

    // Writes the open interval (marked PARTIAL). Events without their LAST are dropped and counted.
    i64 finish() {
        if (!pending_.empty()) {
            pending_.clear();
            faults_.count(Fault::Unfinished);
        }
        if (!open_) return 0;
        sink_ = &history_;
        row(now_, status::kPartial);
        return 1;
    }

    // As new, with the same settings.
    void reset() { *this = Pipeline(settings_); }

    // Settings, book, calculators, clock, what is pending and the last rows.
    template <class V>
    void visit(V& v) {
        if constexpr (V::kReading) {
            PipelineSettings settings;
            visit_settings(v, settings);
            try {
                *this = Pipeline(std::move(settings));
            } catch (const InputError& error) {
                v.fail(error.what());
            }
        } else {
            visit_settings(v, settings_);
        }
        v(source_, has_book_, orders_, levels_, depth_, depth_is_stale_, quotes_, status_, faults_, clock_);
        v(moment_, last_ts_, now_, open_, first_owed_, last_was_delete_, history_);
        visit_pending(v);
        for (NodeEntry& entry : nodes_) {
            entry.node.visit([&](auto& c) { c.visit(v); });
        }
        if constexpr (V::kReading) {
            v.require(source_ <= Source::Depth, "the kind of book is unknown");
            const bool known = now_ == kNone || (now_ >= 0 && now_ <= last_ts_);
            v.require(known && last_ts_ < kMaxTime, "a time is out of range");
            v.require(!clock_.anchored() || clock_.next() >= now_, "a clock is late");
            if (now_ != kNone) interval_ = settings_.session.at(now_);
            v.require(history_.features.size() == names_.size(), "saved rows have other columns");
        }
    }

private:
    enum class Source : std::uint8_t { None, Orders, Levels, Depth };

    static constexpr std::size_t kMaxPending = std::size_t{1} << 24;

    void add(const Feature& feature) {
        for (const std::string& known : given_) {
            if (known == feature.name) throw InputError("is given twice", "features", feature.name);
        }
        given_.push_back(feature.name);
        Node node = Node::parse(SpecParser(feature.calculator).call());
        const std::string spec = node.spec();
        // Equal calculators are one node.
        std::size_t at = 0;
        while (at < nodes_.size() && nodes_[at].spec != spec) ++at;
        if (at == nodes_.size()) {
            node.visit([&](auto& c) { bind_units(c, units_); });
            NodeEntry entry{std::move(node), spec, values_.size()};
            entry.node.visit([&]<class C>(const C& c) {
                values_.resize(values_.size() + static_cast<std::size_t>(width_of(c)));
                if constexpr (C::kFeed == Feed::Depth) {
                    int& levels = C::kState ? state_levels_ : flow_levels_;
                    levels = std::max(levels, c.levels());
                }
                if constexpr (!C::kState) {
                    auto& list = C::kFeed == Feed::Trades   ? on_trades_
                                 : C::kFeed == Feed::Depth ? on_depth_
                                                           : on_quotes_;
                    list.push_back(at);
                }
            });
            nodes_.push_back(std::move(entry));
        }
        nodes_[at].node.visit([&]<class C>(const C& c) {
            for (int i = 0; i < width_of(c); ++i) {
                names_.push_back(is_vector<C> ? feature.name + "_" + std::to_string(i + 1)
                                              : feature.name);
                columns_.push_back(nodes_[at].first_value + static_cast<std::size_t>(i));
            }
        });
    }

    [[nodiscard]] std::size_t history_limit() const {
        return static_cast<std::size_t>(settings_.history);
    }

    template <class V>
    static void visit_settings(V& v, PipelineSettings& s) {
        Instrument& i = s.instrument;
        std::string clock = s.clock.text();
        v(i.symbol, i.inverse, i.id, clock, s.origin, s.session, s.hidden, s.raise_faults, s.as_is,
          s.max_rows, s.history);
        visit_decimals(v, i);
        if constexpr (V::kReading) {
            const auto parsed = Clock::parse(clock);
            v.require(parsed.has_value(), "a clock is invalid");
            s.clock = *parsed;
            v.require(s.hidden <= Hidden::None && s.max_rows > 0 && s.history > 0,
                      "a setting is out of range");
        }
        auto n = static_cast<u64>(s.features.size());
        v(n);
        if constexpr (V::kReading) v.require(n < 1'000'000, "too many features");
        s.features.resize(n);
        for (Feature& f : s.features) v(f.name, f.calculator);
    }
    template <class V>
    static void visit_decimals(V& v, Instrument& i) {
        const auto one = [&](Decimal& d) { v(d.mantissa, d.exponent); };
        one(i.price_unit);
        one(i.size_unit);
        one(i.multiplier);
        auto n = static_cast<u64>(i.tick.size());
        v(n);
        if constexpr (V::kReading) v.require(n < 1'000'000, "too many tick bands");
        i.tick.resize(n);
        for (TickBand& band : i.tick) {
            one(band.from);
            one(band.step);
        }
    }
    template <class V>
    void visit_pending(V& v) {
        auto n = static_cast<u64>(pending_.size());
        v(n);
        if constexpr (V::kReading) v.require(n <= kMaxPending, "too many pending events");
        for (u64 i = 0; i < n; ++i) {
            Event e;
            if constexpr (!V::kReading) e = pending_[i];
            v(e.ts, e.ts_venue, e.order_id, e.price, e.size, e.instrument, e.action, e.side, e.flags);
            if constexpr (V::kReading) {
                v.require(e.action >= Action::Add && e.action <= Action::Status &&
                              e.side <= Side::Ask && e.size.raw >= 0 && e.size.raw <= kMaxSize,
                          "a pending event is invalid");
                pending_.push_back(e);
            }
        }
    }

    // ---- checks: everything that can be refused is refused here, before anything changes ----

    // Returns whether the sizes could overflow a level.
    bool check(const EventColumns& c) const {
        const bool after_delete =
            pending_.empty() ? last_was_delete_ : pending_.back().action == Action::Delete;
        EventCheck(units_, settings_.instrument.id)
            .columns(c, last_ts_, settings_.as_is, after_delete);
        check_source(c);
        if (clock_.on_grid()) check_row_limits(c);
        if (pending_.size() + c.rows > kMaxPending) check_pending(c);
        if (source_ == Source::Levels || source_ == Source::Depth || c.depth.given()) return false;
        i128 sum = orders_.total_size();
        for (const Event& e : pending_) sum += e.size.raw;
        for (std::size_t i = 0; i < c.rows; ++i) sum += c.size[i];
        return sum > kMaxSize;
    }

    void check_source(const EventColumns& c) const {
        Source source = source_;
        if (c.depth.given()) {
            if (c.rows > 0 && source != Source::None && source != Source::Depth) {
                throw InputError(mixing(source), "depth", "depth rows", 0);
            }
            if (c.depth.levels < levels_needed()) {
                throw InputError("the features need " + std::to_string(levels_needed()) +
                                     " levels of each side",
                                 "depth", std::to_string(c.depth.levels) + " levels");
            }
            return;
        }
        for (std::size_t i = 0; i < c.rows; ++i) {
            const Event e = c.event(i);
            const Source next = source_after(e, source);
            const bool fits = source == Source::None || next == source;
            if (!fits || (source == Source::Depth && changes_book(e.action))) {
                throw InputError(mixing(source), "action", std::string(name_of(e.action)),
                                 static_cast<i64>(i));
            }
            source = next;
        }
    }
    [[nodiscard]] static bool changes_book(Action action) {
        return action != Action::Trade && action != Action::Execute && action != Action::Status;
    }
    [[nodiscard]] static Source source_after(const Event& e, Source before) {
        switch (e.action) {
            case Action::Add:
            case Action::Cancel:
            case Action::Delete:
            case Action::Modify: return Source::Orders;
            case Action::Execute: return before == Source::Depth ? before : Source::Orders;
            case Action::Level:
            case Action::Quote: return Source::Levels;
            default: return before;
        }
    }
    [[nodiscard]] static std::string mixing(Source source) {
        const char* fed = source == Source::Orders   ? "orders (L3)"
                          : source == Source::Levels ? "levels and quotes (L2, L1)"
                                                     : "depth rows";
        return std::string("does not fit: this pipeline's book is made of ") + fed;
    }

    // Time moves at the LAST of each atomic event; the grid begins at the first that is no snapshot.
    void check_row_limits(const EventColumns& c) const {
        i64 moved = now_;
        i64 ts = last_ts_;
        bool anchored = clock_.anchored();
        bool snapshot = false;
        for (const Event& e : pending_) snapshot = snapshot || e.has(flag::kSnapshot);
        for (std::size_t i = 0; i < c.rows; ++i) {
            const std::uint16_t flags = c.flags_at(i);
            ts = std::max(ts, c.ts[i]);
            snapshot = snapshot || (flags & flag::kSnapshot) != 0;
            if ((flags & flag::kLast) == 0) continue;
            if (anchored) check_row_limit(moved, ts, static_cast<i64>(i));
            anchored = anchored || !snapshot;
            snapshot = false;
            moved = ts;
        }
    }
    void check_row_limit(i64 from, i64 to, i64 at_row) const {
        if (!clock_.far_apart(from, to) || clock_.points(from, to) <= settings_.max_rows) return;
        const SessionSchedule::Interval part = settings_.session.at(from);
        if (!part.inside || clock_.points(from, std::min(to, part.end)) <= settings_.max_rows) return;
        throw InputError("more than max_rows = " + std::to_string(settings_.max_rows) +
                             " rows would lie between " + std::to_string(from) + " and this time",
                         "ts", std::to_string(to), at_row);
    }
    void check_pending(const EventColumns& c) const {
        std::size_t open = pending_.size();
        for (std::size_t i = 0; i < c.rows; ++i) {
            open = (c.flags_at(i) & flag::kLast) != 0 ? 0 : open + 1;
            if (open > kMaxPending) {
                throw InputError("2^24 events without a LAST are no atomic event", "flags",
                                 std::to_string(c.flags_at(i)), static_cast<i64>(i));
            }
        }
    }

    [[nodiscard]] static EventColumns one_row(const Event& e) {
        const auto at = [](const auto& field) { return reinterpret_cast<const char*>(&field); };
        EventColumns c;
        c.rows = 1;
        c.ts = {at(e.ts)};
        c.action = {at(e.action)};
        c.side = {at(e.side)};
        c.price = {at(e.price)};
        c.size = {at(e.size)};
        c.flags = {at(e.flags)};
        c.order_id = {at(e.order_id)};
        return c;
    }

    // ---- events ----

    void apply(const EventColumns& c, std::size_t rows, Rows& out) {
        sink_ = &out;
        std::size_t begin = 0;
        for (std::size_t i = 0; i < rows; ++i) {
            begin_row_ = static_cast<i64>(begin);
            if (feed(c.event(i), c.depth.given() ? &c.depth : nullptr, i)) begin = i + 1;
        }
    }

    void guarded(const EventColumns& c, Rows& out) {
        const Pipeline before = *this;
        const auto stand_before_fault = [&] {
            const auto rows = static_cast<std::size_t>(begin_row_);
            const bool raise = settings_.raise_faults;
            *this = before;
            settings_.raise_faults = false;  // no fault was found in these rows
            out = Rows(names_.size());
            apply(c, rows, out);
            settings_.raise_faults = raise;
            begin_row_ = static_cast<i64>(rows);
            history_.append_last(out, history_limit());
            history_.keep_last(history_limit());
        };
        try {
            apply(c, c.rows, out);
        } catch (const FeedFault&) {
            stand_before_fault();
            throw;
        } catch (const SizeOverflow& overflow) {
            stand_before_fault();
            throw SizeOverflow("row " + std::to_string(begin_row_) + ": size: " + overflow.what());
        }
    }

    // Returns whether an atomic event ended.
    bool feed(Event e, const DepthColumns* depth, std::size_t row_of_depth) {
        if (e.ts.raw < last_ts_) {
            faults_.count(Fault::Late);
            e.ts = Nanos(last_ts_);
        }
        last_ts_ = e.ts.raw;
        source_ = depth != nullptr ? Source::Depth : source_after(e, source_);
        if (!e.has(flag::kLast)) {
            pending_.push_back(e);
            return false;
        }
        if (pending_.empty()) {
            take({&e, 1}, depth, row_of_depth);
        } else {
            pending_.push_back(e);
            take(pending_, depth, row_of_depth);
            pending_.clear();
        }
        return true;
    }

    // One atomic event.
    void take(std::span<const Event> events, const DepthColumns* depth, std::size_t row_of_depth) {
        const i64 ts = events.back().ts.raw;
        const Faults faults_before = settings_.raise_faults ? faults() : Faults{};
        move_to(ts);
        now_ = ts;
        moment_.ts = Nanos(ts);
        moment_.event += 1;

        bool snapshot = false;
        bool cleared = false;
        bool gap = false;
        int from_level = kUnchanged;
        prints_.clear();
        for (const Event& e : events) {
            snapshot = snapshot || e.has(flag::kSnapshot);
            cleared = cleared || e.action == Action::Clear;
            gap = gap || e.has(flag::kGap);
            if (e.has(flag::kGap)) {
                faults_.count(Fault::Gap);
                status_.gap();
            }
            from_level = std::min(from_level, take_event(e, depth != nullptr));
        }
        last_was_delete_ = events.back().action == Action::Delete;
        if (depth != nullptr) {
            depth->read(row_of_depth, levels_needed(), depth_);
            from_level = 0;  // not known: every level may have changed
        }
        has_book_ = has_book_ || cleared || source_ != Source::None;
        // A depth row is a whole book, so it completes like a snapshot.
        if (snapshot || depth != nullptr) status_.snapshot_complete();

        const Quotes before = quotes_;
        read_quotes(from_level);
        i64 trades = 0;
        i128 volume = 0;
        if (interval_.inside) take_prints(trades, volume);
        if (status_.settle(ts, has_book_, quotes_)) faults_.count(Fault::Crossed);
        if (settings_.raise_faults) raise_new(faults_before);
        take_state(snapshot || cleared || gap || status_.incomplete(), from_level);

        if (snapshot || !interval_.inside) return;
        clock_.anchor(ts, interval_.begin);
        open_ = true;
        if (clock_.due(quotes_ != before, trades, volume)) row(ts, 0);
    }

    // Returns the best level of the book that it changed.
    int take_event(const Event& e, bool with_depth) {
        OrderBook::Applied applied;
        if (!with_depth && source_ != Source::Depth) {
            if (source_ == Source::Levels) {
                applied.from_level = levels_.apply(e);
            } else {
                applied = orders_.apply(e);
            }
        }
        if (e.action == Action::Status) status_.status_event(e.size.raw);
        if (e.action == Action::Trade) {
            print(e, e.side, e.price);
        } else if (e.action == Action::Execute) {
            const Side resting = applied.side != Side::None ? applied.side : e.side;
            print(e, opposite(resting), e.price != kNoPrice ? e.price : applied.price);
        }
        return applied.from_level;
    }

    void print(const Event& e, Side aggressor, Price price) {
        if (price == kNoPrice) return;  // an execution of an order that nobody knows
        const bool hidden = e.has(flag::kHidden);
        const bool broken = e.has(flag::kBroken);
        Print p{e.ts, price, broken ? Size(-e.size.raw) : e.size, aggressor};
        p.in_flow = !e.has(flag::kAuction | flag::kOffBook | flag::kBroken) &&
                    (!hidden || settings_.hidden == Hidden::Flow);
        p.in_volume = !hidden || settings_.hidden != Hidden::None;
        prints_.push_back(p);
    }

    void take_prints(i64& trades, i128& volume) {
        for (const Print& p : prints_) {
            if (p.is_trade()) {
                moment_.trade += 1;
                trades += 1;
                volume += p.size.raw;
            }
            for (const std::size_t i : on_trades_) {
                nodes_[i].node.visit([&]<class C>(C& c) {
                    if constexpr (C::kFeed == Feed::Trades) c.step(moment_, p);
                });
            }
        }
    }

    void raise_new(const Faults& before) const {
        const std::string_view fault = faults().first_new(before);
        if (!fault.empty()) throw FeedFault(std::string(fault), begin_row_);
    }

    void read_quotes(int from_level) {
        if (source_ == Source::Depth) {
            quotes_ = depth_.quotes();
            return;
        }
        if (from_level == kUnchanged) return;
        depth_is_stale_ = true;
        if (from_level == 0) {
            quotes_ = source_ == Source::Orders ? quotes_of(orders_) : quotes_of(levels_);
        }
    }

    [[nodiscard]] int levels_needed() const { return std::max({1, flow_levels_, state_levels_}); }

    void refresh_depth() {
        if (!depth_is_stale_) return;
        if (source_ == Source::Orders) depth_of(orders_, levels_needed(), depth_);
        if (source_ == Source::Levels) depth_of(levels_, levels_needed(), depth_);
        depth_is_stale_ = false;
    }

    // Quote- and depth-driven flows. A state that did not change adds zero, which changes nothing,
    // so they are left alone unless it did, or they have to learn a first state.
    void take_state(bool first_state, int from_level) {
        if (first_state) {
            restart_states();
            first_owed_ = true;
        }
        if (status_.incomplete() || !interval_.inside) return;
        if (first_owed_ || from_level == 0) {
            for (const std::size_t i : on_quotes_) {
                nodes_[i].node.visit([&]<class C>(C& c) {
                    if constexpr (C::kFeed == Feed::Quotes) c.step(moment_, quotes_);
                });
            }
        }
        if (!on_depth_.empty() && (first_owed_ || from_level < flow_levels_)) {
            refresh_depth();
            for (const std::size_t i : on_depth_) {
                nodes_[i].node.visit([&]<class C>(C& c) {
                    if constexpr (C::kFeed == Feed::Depth) c.step(moment_, depth_);
                });
            }
        }
        if (quotes_.good()) first_owed_ = false;
    }

    void restart_states() {
        for (const auto* list : {&on_quotes_, &on_depth_}) {
            for (const std::size_t i : *list) {
                nodes_[i].node.visit([](auto& c) { c.restart(Restart::FirstState); });
            }
        }
    }

    // ---- time and rows ----

    void move_to(i64 ts) {
        if (ts < interval_.end && ts >= interval_.begin) {
            if (interval_.inside) grid_rows(ts);
            return;
        }
        if (interval_.inside && interval_.begin != kNone) end_session(interval_.end);
        interval_ = settings_.session.at(ts);
    }
    void end_session(i64 end) {
        if (clock_.anchored()) {
            grid_rows(end);
            row(end, clock_.is_grid_point(end) ? std::uint16_t{0} : status::kPartial);
        }
        clock_.restart();
        open_ = false;
        first_owed_ = true;
        for (NodeEntry& entry : nodes_) {
            entry.node.visit([](auto& c) { c.restart(Restart::Session); });
        }
    }
    void grid_rows(i64 before) {
        if (!clock_.anchored()) return;
        for (; clock_.next() < before; clock_.passed()) row(clock_.next(), 0);
    }

    void row(i64 ts, std::uint16_t extra) {
        Moment now = moment_;
        now.ts = Nanos(ts);
        if (state_levels_ > 0) refresh_depth();
        for (NodeEntry& entry : nodes_) {
            double* out = values_.data() + entry.first_value;
            entry.node.visit([&]<class C>(C& c) {
                if constexpr (C::kState && C::kFeed == Feed::Quotes) c.step(now, quotes_);
                if constexpr (C::kState && C::kFeed == Feed::Depth) c.step(now, depth_);
                c.read(now, units_, out);
                c.restart(Restart::Row);
            });
        }
        sink_->ts.push_back(ts);
        sink_->status.push_back(status_.bits() | extra);
        sink_->seen.push_back(status_.seen());
        sink_->clean.push_back(status_.clean(ts));
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            sink_->features[i].push_back(values_[columns_[i]]);
        }
        status_.row_written();
        open_ = false;
    }

    struct NodeEntry {
        Node node;
        std::string spec;
        std::size_t first_value;  // in values_
    };

    PipelineSettings settings_;
    Units units_;
    std::vector<std::string> given_;     // feature names
    std::vector<std::string> names_;     // column names
    std::vector<std::size_t> columns_;   // column -> values_
    std::vector<NodeEntry> nodes_;
    std::vector<double> values_;
    std::vector<std::size_t> on_quotes_;  // flows, by what drives them
    std::vector<std::size_t> on_depth_;
    std::vector<std::size_t> on_trades_;
    int flow_levels_ = 0;
    int state_levels_ = 0;

    Source source_ = Source::None;
    bool has_book_ = false;  // something has spoken of a book: only then can a side be empty
    OrderBook orders_;
    LevelBook levels_;
    Depth depth_;
    bool depth_is_stale_ = true;
    Quotes quotes_;
    MarketStatus status_;
    Faults faults_;
    RowClock clock_;
    SessionSchedule::Interval interval_{kNone, kNone, false};  // before the first event: nowhere
    Moment moment_;
    i64 last_ts_ = kNone;      // of the last event, pending ones included
    i64 now_ = kNone;          // to where time was moved
    bool open_ = false;        // an event came since the last row
    bool first_owed_ = true;   // the flows have not seen a first state
    bool last_was_delete_ = false;
    std::vector<Event> pending_;
    std::vector<Print> prints_;
    Rows history_;
    Rows* sink_ = nullptr;
    i64 begin_row_ = 0;  // of the chunk, where the present atomic event begins
};

}  // namespace bookflow
