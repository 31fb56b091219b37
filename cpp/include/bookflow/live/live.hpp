// A pipeline in a thread of its own: events come out of a queue, rows go into a ring.
//
// The thread knows nothing of Python and takes no lock while events flow. Others push through the
// door, read the ring, and ask for the pipeline's state, which they get between two batches.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bookflow/live/event_door.hpp"
#include "bookflow/live/event_queue.hpp"
#include "bookflow/live/history_ring.hpp"
#include "bookflow/live/latencies.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <signal.h>
#endif

namespace bookflow {

// A row in which a watched column was neither zero nor NaN.
struct LiveAlarm {
    i64 ts;
    u64 row;  // its number
    u64 column;
    double value;
};

class Live {
public:
    struct Settings {
        Waiting wait = Waiting::Sleep;
        i64 heartbeat = 0;  // ns without an event after which time moves by itself; 0: never
    };

    // The columns of its rows in the ring: ts, status, seen, clean and the features.
    [[nodiscard]] static ItemBytes row_items(std::size_t features) {
        ItemBytes items{8, 2, 2, 8};
        items.resize(items.size() + features, 8);
        return items;
    }
    static constexpr std::size_t kStamps = 4;
    [[nodiscard]] static ItemBytes event_items() { return {sizeof(Event)}; }

    // `events` may be null: then the events themselves are not kept.
    Live(Pipeline pipeline, std::shared_ptr<EventQueue> queue, std::shared_ptr<HistoryRing> rows,
         std::shared_ptr<HistoryRing> events, const Settings& settings)
        : pipeline_(std::move(pipeline)),
          door_(pipeline_),
          queue_(std::move(queue)),
          rows_(std::move(rows)),
          events_(std::move(events)),
          settings_(settings),
          watched_(pipeline_.columns().size()),
          alarms_(alarm_lines_, alarm_slots_.data(), alarm_slots_.size()),
          forks_(forks()) {
        const bool fit = rows_->items() == row_items(pipeline_.columns().size()) &&
                         (!events_ || events_->items() == event_items());
        if (!fit) throw InputError("has other columns than the pipeline's rows", "history");
        if (settings_.heartbeat > 0 && !pipeline_.settings().as_is) {
            throw InputError(
                "needs a pipeline with order=\"as-is\": an event may carry an earlier time than "
                "the one that the heartbeat moved to",
                "heartbeat", std::to_string(settings_.heartbeat) + " ns");
        }
        tell();
    }
    Live(const Live&) = delete;
    Live& operator=(const Live&) = delete;
    ~Live() {
        if (forked()) {
            (void)thread_.release();  // it stayed in the other process: there is nothing to join
        } else {
            stop();
        }
    }

    // ---- the thread ----

    void start() {
        require_own_process();
        const std::lock_guard lock(control_);
        rethrow();
        if (thread_) return;
        stopping_.store(false, std::memory_order_relaxed);
#if defined(__unix__) || defined(__APPLE__)
        // Signals are the other threads': one taken here would not wake who waits for it.
        const struct AllBlocked {
            AllBlocked() {
                sigset_t all;
                ::sigfillset(&all);
                ::pthread_sigmask(SIG_SETMASK, &all, &before);
            }
            ~AllBlocked() { ::pthread_sigmask(SIG_SETMASK, &before, nullptr); }
            sigset_t before{};
        } blocked;
#endif
        thread_ = std::make_unique<std::thread>([this] { loop(); });
        running_.store(true, std::memory_order_release);
    }
    // After the batch that it is at; what waits in the queue stays there.
    void stop() {
        if (forked()) return;
        const std::lock_guard lock(control_);
        if (!thread_) return;
        stopping_.store(true, std::memory_order_release);
        thread_->join();
        thread_.reset();
        running_.store(false, std::memory_order_release);
    }
    [[nodiscard]] bool running() const {
        return running_.load(std::memory_order_acquire) && !failed() && !forked();
    }
    // The open interval's row, marked PARTIAL; the thread must have been stopped.
    i64 finish() {
        require_own_process();
        const std::lock_guard lock(control_);
        rethrow();
        if (thread_) throw std::runtime_error("stop() comes before finish()");
        const i64 written = pipeline_.finish();
        publish_last(static_cast<u64>(written));
        tell();
        return written;
    }

    // What stopped the thread, if anything did.
    [[nodiscard]] bool failed() const { return failed_.load(std::memory_order_acquire); }
    void rethrow() const {
        if (failed()) std::rethrow_exception(error_);
    }
    // After a fork neither the thread nor the right to push is here.
    [[nodiscard]] bool forked() const { return forks() != forks_; }
    void require_own_process() const {
        if (forked()) {
            throw std::runtime_error(
                "this Live belongs to the process that this one was forked from: make it anew "
                "here");
        }
    }

    // Nothing is pushed any more, and who waits for room does not; the thread was stopped.
    void close() { closed_.store(true, std::memory_order_release); }
    [[nodiscard]] bool closed() const { return closed_.load(std::memory_order_acquire); }

    // ---- the pushing thread ----

    // Throws where nobody will take what is pushed.
    void may_push() const {
        rethrow();
        if (closed()) throw std::runtime_error("this Live is closed");
    }

    // Without waiting and without dropping: whether there was room.
    bool try_push(Event e) {
        may_push();
        e.instrument = pipeline_.settings().instrument.id;
        door_.check(e);
        const auto one = [&](std::size_t) { return e; };
        if (queue_->try_push(1, one) == 0) return false;
        door_.passed(1, one);
        return true;
    }
    // Throws what is wrong with any of them.
    void check(const EventColumns& c) const {
        may_push();
        door_.check(c);
    }
    // n events that were checked.
    template <class F, class Stop>
    EventQueue::Pushed put(std::size_t n, F&& event_at, Stop&& give_up) {
        const auto own_at = [&](std::size_t i) {
            Event e = event_at(i);
            e.instrument = pipeline_.settings().instrument.id;
            return e;
        };
        const auto pushed =
            queue_->push(n, own_at, [&] { return failed() || closed() || give_up(); });
        door_.passed(pushed.accepted, event_at);
        if (pushed.accepted < n) may_push();  // or nobody makes room any more
        return pushed;
    }

    // ---- everybody ----

    [[nodiscard]] EventQueue& queue() const { return *queue_; }
    [[nodiscard]] const std::shared_ptr<HistoryRing>& rows() const { return rows_; }
    [[nodiscard]] const std::shared_ptr<HistoryRing>& events() const { return events_; }
    [[nodiscard]] const Latencies& latencies() const { return latencies_; }
    [[nodiscard]] u64 faults(std::size_t i) const {
        return faults_[i].load(std::memory_order_relaxed);
    }
    [[nodiscard]] u64 heartbeats() const { return heartbeats_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint16_t status() const { return status_.load(std::memory_order_relaxed); }

    // The pipeline between two batches, as bytes, and how many events it has taken.
    struct State {
        std::string bytes;
        u64 events = 0;
    };
    // Nothing after `timeout` ns.
    [[nodiscard]] std::optional<State> state(i64 timeout) {
        require_own_process();
        const std::lock_guard turn(state_turn_);
        {
            std::unique_lock lock(asked_);
            state_.reset();
            asking_.store(true, std::memory_order_release);
            answered_.wait_for(lock, std::chrono::nanoseconds(timeout),
                               [&] { return state_.has_value() || !running() || stopping(); });
            asking_.store(false, std::memory_order_release);
            if (state_) return std::exchange(state_, std::nullopt);
        }
        const std::lock_guard lock(control_);
        if (!thread_ || failed()) return take_state();
        return std::nullopt;
    }

    // Rows of this column that are neither zero nor NaN are kept as alarms from now on.
    void watch(std::size_t column) { watched_[column].store(true, std::memory_order_release); }
    // One thread takes them.
    [[nodiscard]] std::optional<LiveAlarm> next_alarm() {
        const auto next = alarms_.front(1);
        if (next.empty()) return std::nullopt;
        const LiveAlarm alarm = next.front();
        alarms_.pop(1);
        return alarm;
    }
    [[nodiscard]] u64 alarms_lost() const { return alarms_lost_.load(std::memory_order_relaxed); }

private:
    // Events taken at once: rows become visible after each batch.
    static constexpr std::size_t kBatch = 1024;
    // Up to so many are taken one by one, each with its rows at once.
    static constexpr std::size_t kFew = 8;

    [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_acquire); }

    void loop() noexcept {
        Pauses pauses(settings_.wait);
        u64 heard = monotonic_ns();
        unsigned idle = 0;
        try {
            while (!stopping()) {
                if (asking_.load(std::memory_order_acquire)) answer();
                const auto some = queue_->front(kBatch);
                if (some.empty()) {
                    // The clock is dearer than a look at the queue.
                    const unsigned often = settings_.wait == Waiting::Sleep ? 1 : 64;
                    if (settings_.heartbeat > 0 && ++idle % often == 0) heard = beat(heard);
                    pauses.pause();
                    continue;
                }
                take(some);
                if (settings_.heartbeat > 0) heard = monotonic_ns();
                pauses = Pauses(settings_.wait);
            }
        } catch (...) {
            error_ = std::current_exception();
            failed_.store(true, std::memory_order_release);
        }
        {
            const std::lock_guard lock(asked_);
        }  // who asks looks again
        answered_.notify_all();
    }

    void take(std::span<const QueuedEvent> some) {
        const u64 before = taken_;
        try {
            const u64 rows = some.size() <= kFew ? one_by_one(some) : at_once(some);
            if (rows > 0) latencies_.add(monotonic_ns() - some.front().pushed_at);
        } catch (...) {
            // What was taken is not in the queue any more: who goes on from the state goes on there.
            taken(some.first(static_cast<std::size_t>(taken_ - before)));
            throw;
        }
        taken(some);
    }
    void taken(std::span<const QueuedEvent> some) {
        if (events_ && !some.empty()) keep(some);
        tell();
        queue_->pop(some.size());
    }
    // Both return how many rows were written. An error's row becomes the event's number, and the
    // events before it are taken.
    u64 one_by_one(std::span<const QueuedEvent> some) {
        u64 rows = 0;
        for (const QueuedEvent& one : some) {
            try {
                own(one.event);
                const auto written = static_cast<u64>(pipeline_.push(one.event));
                publish_last(written);
                rows += written;
                ++taken_;
            } catch (InputError& error) {
                error.row = static_cast<i64>(taken_);
                throw;
            } catch (SizeOverflow& error) {
                error.row = static_cast<i64>(taken_);
                throw;
            } catch (FeedFault& fault) {
                fault.row = static_cast<i64>(taken_);
                throw;
            }
        }
        return rows;
    }
    u64 at_once(std::span<const QueuedEvent> some) {
        try {
            pipeline_.run(EventColumns::of(some.front().event, some.size(), sizeof(QueuedEvent)),
                          batch_);
        } catch (const InputError&) {
            return one_by_one(some);  // as far as it goes
        } catch (const SizeOverflow&) {
            return one_by_one(some);
        } catch (FeedFault& fault) {
            publish(batch_, 0, batch_.size());
            taken_ += static_cast<u64>(fault.row);
            fault.row = static_cast<i64>(taken_);
            throw;
        }
        publish(batch_, 0, batch_.size());
        taken_ += some.size();
        return batch_.size();
    }
    void own(const Event& e) const {
        const std::uint32_t here = pipeline_.settings().instrument.id;
        if (e.instrument != here) {
            throw InputError("the instrument here is " + std::to_string(here), "instrument",
                             std::to_string(e.instrument));
        }
    }
    // ---- rows ----

    void publish_last(u64 written) {
        if (written == 0) return;
        const Rows& history = pipeline_.history();
        publish(history, history.size() - written, written);
    }
    void publish(const Rows& rows, std::size_t from, std::size_t n) {
        if (n == 0) return;
        rows_->append(n, [&](std::size_t column, u64 skip, auto put) {
            const std::size_t at = from + static_cast<std::size_t>(skip);
            switch (column) {
                case 0: return put(rows.ts.data() + at);
                case 1: return put(rows.status.data() + at);
                case 2: return put(rows.seen.data() + at);
                case 3: return put(rows.clean.data() + at);
                default: return put(rows.features[column - kStamps].data() + at);
            }
        });
        const u64 first = rows_->written() - n;
        for (std::size_t c = 0; c < watched_.size(); ++c) {
            if (watched_[c].load(std::memory_order_relaxed)) find_alarms(rows, from, n, c, first);
        }
    }
    void find_alarms(const Rows& rows, std::size_t from, std::size_t n, std::size_t column,
                     u64 first) {
        for (std::size_t i = 0; i < n; ++i) {
            const double value = rows.features[column][from + i];
            if (!(value < 0 || value > 0)) continue;  // NaN is neither
            if (!alarms_.try_push({rows.ts[from + i], first + i, column, value})) {
                alarms_lost_.fetch_add(1, std::memory_order_relaxed);
            }
        }
    }
    void keep(std::span<const QueuedEvent> some) {
        kept_.clear();
        for (const QueuedEvent& one : some) kept_.push_back(one.event);
        events_->append(kept_.size(),
                        [&](std::size_t, u64 skip, auto put) { put(kept_.data() + skip); });
    }

    // Nothing came for a heartbeat: time moves to the clock on the wall, less one heartbeat, so
    // that an event which is that long on its way is still in time.
    [[nodiscard]] u64 beat(u64 heard) {
        const u64 now = monotonic_ns();
        if (now - heard < static_cast<u64>(settings_.heartbeat)) return heard;
        const auto since = std::chrono::system_clock::now().time_since_epoch();
        const i64 wall = std::chrono::nanoseconds(since).count();
        const i64 to = wall - settings_.heartbeat;
        if (to > pipeline_.position().last_ts) {
            publish_last(static_cast<u64>(pipeline_.advance(to)));
            heartbeats_.fetch_add(1, std::memory_order_relaxed);
            tell();
        }
        return now;
    }

    void tell() {
        const Faults now = pipeline_.faults();
        for (std::size_t i = 0; i < kFaults; ++i) {
            faults_[i].store(static_cast<u64>(now.counts()[i]), std::memory_order_relaxed);
        }
        status_.store(pipeline_.status(), std::memory_order_relaxed);
    }

    [[nodiscard]] State take_state() { return {save_state("Pipeline", pipeline_), taken_}; }
    void answer() {
        {
            const std::lock_guard lock(asked_);
            if (!asking_.load(std::memory_order_acquire)) return;
            state_ = take_state();
            asking_.store(false, std::memory_order_release);
        }
        answered_.notify_all();
    }

    Pipeline pipeline_;
    EventDoor door_;
    std::shared_ptr<EventQueue> queue_;
    std::shared_ptr<HistoryRing> rows_;
    std::shared_ptr<HistoryRing> events_;
    Settings settings_;
    Rows batch_;
    std::vector<Event> kept_;
    u64 taken_ = 0;  // events that the pipeline has taken here

    std::vector<std::atomic<bool>> watched_;
    QueueLines alarm_lines_;
    std::vector<LiveAlarm> alarm_slots_ = std::vector<LiveAlarm>(4096);
    SpscQueue<LiveAlarm> alarms_;
    std::atomic<u64> alarms_lost_{0};

    Latencies latencies_;
    std::array<std::atomic<u64>, kFaults> faults_{};
    std::atomic<u64> heartbeats_{0};
    std::atomic<std::uint16_t> status_{0};

    std::mutex control_;  // of who starts and stops
    std::unique_ptr<std::thread> thread_;
    std::atomic<bool> running_{false};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> closed_{false};
    std::exception_ptr error_;
    std::atomic<bool> failed_{false};

    std::mutex state_turn_;  // of who asks: one at a time
    std::mutex asked_;
    std::condition_variable answered_;
    std::atomic<bool> asking_{false};
    std::optional<State> state_;

    u64 forks_;
};

}  // namespace bookflow
