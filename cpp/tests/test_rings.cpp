// The rings under stress: what one thread writes, another one reads whole, in order and once.
// `test_rings ITEMS` runs it longer.
#include <cstdlib>
#include <thread>

#include "bookflow/live/event_queue.hpp"
#include "bookflow/live/history_ring.hpp"
#include "check.hpp"

using namespace bookflow;

namespace {

// Seven words that must all tell the same number: a torn one would not.
struct Patterned {
    std::array<u64, 7> words;

    static Patterned of(u64 i) {
        Patterned out;
        for (u64 k = 0; k < out.words.size(); ++k) out.words[k] = i * (2 * k + 1) + k;
        return out;
    }
    [[nodiscard]] bool whole() const { return words == of(words[0]).words; }
};

struct Seen {
    u64 torn = 0;
    u64 out_of_order = 0;  // lost or doubled
};

// `most` is the size of a batch, of 1 to it by turns.
Seen through_queue(u64 items, u64 capacity, u64 begin, std::size_t most) {
    QueueLines lines;
    std::vector<Patterned> slots(capacity);
    SpscQueue<Patterned> queue(lines, slots.data(), capacity);
    queue.begin_at(begin);
    std::thread producer([&] {
        u64 sent = 0;
        while (sent < items) {
            const auto n = static_cast<std::size_t>(std::min<u64>(1 + sent % most, items - sent));
            const std::size_t taken = queue.push(
                n, [&](Patterned& slot, std::size_t i) { slot = Patterned::of(sent + i); });
            if (taken == 0) std::this_thread::yield();
            sent += taken;
        }
    });
    Seen seen;
    std::vector<Patterned> out(most);
    for (u64 next = 0; next < items;) {
        const std::size_t n = queue.pop_into({out.data(), 1 + next % most});
        if (n == 0) std::this_thread::yield();
        for (std::size_t i = 0; i < n; ++i, ++next) {
            seen.torn += !out[i].whole();
            seen.out_of_order += out[i].words[0] != next;
        }
    }
    producer.join();
    CHECK(queue.pushed() == begin + items);
    CHECK(queue.popped() == begin + items);
    CHECK(queue.size() == 0);
    return seen;
}

void queues(u64 items) {
    const u64 near_the_end = ~u64{0} - 1000;
    for (const u64 capacity : {1, 2, 3, 7, 64, 1000, 1024}) {
        for (const std::size_t most : {1, 5, 300}) {
            const Seen seen = through_queue(items / 21, capacity, near_the_end, most);
            CHECK(seen.torn == 0);
            CHECK(seen.out_of_order == 0);
        }
    }
    std::printf("queue: %llu items\n", static_cast<unsigned long long>(items));
}

// sent = received + dropped, and the event behind a loss says so.
void dropping(u64 items) {
    EventQueue::Settings settings;
    settings.capacity = 64;
    settings.overflow = Overflow::Drop;
    settings.wait = Waiting::Yield;
    EventQueue queue(settings);
    std::atomic<bool> done{false};
    std::thread producer([&] {
        const auto never = [] { return false; };
        for (u64 sent = 0; sent < items; sent += 8) {
            (void)queue.push(
                8,
                [&](std::size_t i) {
                    Event e;
                    e.ts = Nanos(static_cast<i64>(sent + i));
                    e.order_id = OrderId{sent + i};
                    return e;
                },
                never);
            if (sent % 512 == 0) std::this_thread::yield();
        }
        done.store(true);
    });
    u64 received = 0;
    u64 unmarked = 0;
    u64 marked_for_nothing = 0;
    i64 before = -1;
    for (;;) {
        const bool last = done.load();
        const auto some = queue.front(50);
        for (const QueuedEvent& one : some) {
            const bool gap = one.event.ts.raw != before + 1;
            unmarked += gap && !one.event.has(flag::kGap);
            marked_for_nothing += !gap && one.event.has(flag::kGap);
            before = one.event.ts.raw;
            ++received;
        }
        queue.pop(some.size());
        if (some.empty() && last) break;
    }
    producer.join();
    CHECK(queue.sent() == (items + 7) / 8 * 8);
    CHECK(queue.sent() == received + queue.dropped());
    CHECK(queue.received() == received);
    CHECK(unmarked == 0);
    CHECK(marked_for_nothing == 0);
    std::printf("drop: %llu of %llu dropped\n", static_cast<unsigned long long>(queue.dropped()),
                static_cast<unsigned long long>(queue.sent()));
}

// Two columns that tell the row's number in their own ways; a copy that says it is right is.
void history(u64 items, u64 begin, bool mapped) {
    HistoryRing ring(1000, {8, 2, 48}, "", "", false, mapped);
    ring.begin_at(begin);
    std::atomic<bool> done{false};
    std::thread writer([&] {
        std::vector<u64> a;
        std::vector<std::uint16_t> b;
        std::vector<std::array<u64, 6>> c;
        for (u64 row = 0; row < items;) {
            const u64 n = std::min<u64>(1 + row % 37, items - row);
            a.clear();
            b.clear();
            c.clear();
            for (u64 i = row; i < row + n; ++i) {
                a.push_back(i);
                b.push_back(static_cast<std::uint16_t>(i * 7));
                c.push_back({i, i + 1, i + 2, i + 3, i + 4, i + 5});
            }
            ring.append(n, [&](std::size_t column, u64 skip, auto put) {
                column == 0   ? put(a.data() + skip)
                : column == 1 ? put(b.data() + skip)
                              : put(c.data() + skip);
            });
            row += n;
        }
        done.store(true);
    });
    u64 right = 0;
    u64 overrun = 0;
    u64 wrong = 0;
    std::vector<u64> a(ring.capacity());
    std::vector<std::uint16_t> b(ring.capacity());
    std::vector<std::array<u64, 6>> c(ring.capacity());
    for (bool last = false; !last;) {
        last = done.load();
        const u64 written = ring.written();
        const u64 n = std::min(written, 1 + right % ring.most());
        const u64 from = written - n;
        const bool whole = ring.copy(0, from, n, a.data()) && ring.copy(1, from, n, b.data()) &&
                           ring.copy(2, from, n, c.data());
        if (!whole) {
            ++overrun;
            continue;
        }
        ++right;
        for (u64 i = 0; i < n; ++i) {
            const u64 row = from + i;
            wrong += a[i] != row || b[i] != static_cast<std::uint16_t>(row * 7) ||
                     c[i] != std::array<u64, 6>{row, row + 1, row + 2, row + 3, row + 4, row + 5};
        }
    }
    writer.join();
    CHECK(ring.written() == items);
    CHECK(right > 0);
    CHECK(wrong == 0);
    std::printf("history: %llu rows, %llu copies right, %llu overrun\n",
                static_cast<unsigned long long>(items), static_cast<unsigned long long>(right),
                static_cast<unsigned long long>(overrun));
}

void contiguous(bool mapped) {
    HistoryRing ring(1000, {8}, "", "", false, mapped);
    u64 row = 0;
    for (int round = 0; round < 300; ++round) {
        std::vector<u64> values(97);
        for (u64& value : values) value = row++;
        ring.append(values.size(),
                    [&](std::size_t, u64 skip, auto put) { put(values.data() + skip); });
        const u64 n = std::min(row, ring.most());
        const auto* const latest = reinterpret_cast<const u64*>(ring.at(0, row - n));
        bool equal = true;
        for (u64 i = 0; i < n; ++i) equal = equal && latest[i] == row - n + i;
        CHECK(equal);
        CHECK(ring.valid(row - n));
        if (row > ring.capacity()) CHECK(!ring.valid(row - ring.capacity() - 1));
    }
    // more at once than there is room for: the last stay
    std::vector<u64> many(3 * ring.capacity() + 5);
    for (u64& value : many) value = row++;
    ring.append(many.size(), [&](std::size_t, u64 skip, auto put) { put(many.data() + skip); });
    CHECK(ring.written() == row);
    CHECK(*reinterpret_cast<const u64*>(ring.at(0, row - ring.most())) == row - ring.most());
    CHECK(*reinterpret_cast<const u64*>(ring.at(0, row - 1)) == row - 1);
}

}  // namespace

int main(int argc, char** argv) {
    const u64 items = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2'000'000;
    queues(items);
    dropping(items / 4);
    contiguous(false);
    contiguous(kMapsTwice);
    history(items / 4, ~u64{0} - 1000, false);
    history(items / 4, 0, kMapsTwice);
    return test::report("rings");
}
