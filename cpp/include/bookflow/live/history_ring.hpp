// The last rows of several columns, written by one thread and read by any number of threads and
// processes while it writes. The latest n rows of a column are always in one piece.
//
// The writer says up to where it is about to write (`reserved`), writes, and says up to where it
// has written (`published`). A reader looks at rows before `published` and asks afterwards whether
// `reserved` has come round to them meanwhile: then what it read may be torn, and it is told so.
// Nobody waits for anybody.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bookflow/error.hpp"
#include "bookflow/live/segment.hpp"

namespace bookflow {

// Counts of rows since the beginning; they may begin anywhere and pass 2^64.
struct HistoryLines {
    alignas(128) std::atomic<u64> reserved{0};
    alignas(128) std::atomic<u64> published{0};
    u64 first = 0;  // what the counts began at
};

// One column's items are this many bytes: 2, or a multiple of 8.
using ItemBytes = std::vector<u64>;

class HistoryRing {
public:
    // At least `rows` can be read at any time: that many and the slack are kept. What is about to
    // be overwritten while somebody reads the oldest of them is the slack.
    HistoryRing(u64 rows, const ItemBytes& columns, const std::string& text = {},
                const std::string& name = {}, bool replace = false, bool mapped = kMapsTwice)
        : segment_(Segment::make({RingKind::History, capacity_for(rows), columns.size(), mapped,
                                  text_with(columns, text)},
                                 bytes_for(capacity_for(rows), columns, !mapped), name, replace)) {
        new (segment_.memory().data() + segment_.begin()) HistoryLines;
        lay_out();
    }

    // One that another process made, to read.
    explicit HistoryRing(const std::string& name)
        : segment_(Segment::attach(name, RingKind::History, false)) {
        lay_out();
    }

    [[nodiscard]] Segment& segment() { return segment_; }
    [[nodiscard]] const Segment& segment() const { return segment_; }
    [[nodiscard]] u64 capacity() const { return capacity_; }
    [[nodiscard]] u64 slack() const { return capacity_ / 8; }
    // The most that can be asked for at once.
    [[nodiscard]] u64 most() const { return capacity_ - slack(); }
    [[nodiscard]] const ItemBytes& items() const { return items_; }
    [[nodiscard]] std::string text() const {
        return segment_.text().substr(items_.size() * sizeof(u64));
    }

    // Rows written since the beginning.
    [[nodiscard]] u64 written() const {
        return lines_->published.load(std::memory_order_acquire) - lines_->first;
    }
    // Whether the rows from the one of this number on are still as they were published. Ask after
    // reading: what was read before is right if this is true.
    [[nodiscard]] bool valid(u64 from) const {
#if !BOOKFLOW_TSAN  // which does not know fences; there each read is an acquire
        std::atomic_thread_fence(std::memory_order_acquire);
#endif
        return lines_->reserved.load(std::memory_order_acquire) - lines_->first - from <= capacity_;
    }
    // Row number `from` of a column; those behind it follow in one piece.
    [[nodiscard]] const std::byte* at(std::size_t column, u64 from) const {
        return columns_[column] + from % capacity_ * items_[column];
    }
    // n rows from number `from` on. False: overwritten meanwhile, and `out` is worthless.
    [[nodiscard]] bool copy(std::size_t column, u64 from, u64 n, void* out) const {
        const u64 item = items_[column];
        load(out, at(column, from), n * item, item);
        return valid(from);
    }

    // ---- the writer ----

    // n rows: fill(column, skip, put) calls put(pointer to contiguous items) for each column; of
    // more rows than there is room for the first `skip` are left out.
    template <class F>
    void append(u64 n, F&& fill) {
        const u64 before = lines_->published.load(std::memory_order_relaxed);
        const u64 after = before + n;
        lines_->reserved.store(after, std::memory_order_relaxed);
#if !BOOKFLOW_TSAN
        std::atomic_thread_fence(std::memory_order_release);
#endif
        const u64 skip = n > capacity_ ? n - capacity_ : 0;
        const u64 slot = (before - lines_->first + skip) % capacity_;
        for (std::size_t c = 0; c < items_.size(); ++c) {
            fill(c, skip, [&](const void* items) { put(c, slot, items, n - skip); });
        }
        lines_->published.store(after, std::memory_order_release);
    }

    // Before the first row: counts that begin elsewhere than at 0.
    void begin_at(u64 count) {
        lines_->first = count;
        lines_->reserved.store(count, std::memory_order_relaxed);
        lines_->published.store(count, std::memory_order_release);
    }

private:
    // Whole pages in every column, also in one of 2 bytes an item.
    [[nodiscard]] static u64 capacity_for(u64 rows) {
        const u64 grain = page_bytes() / 2;
        const u64 wanted = rows + rows / 7 + 1;  // an eighth of it all is slack
        return (wanted + grain - 1) / grain * grain;
    }
    [[nodiscard]] static std::size_t bytes_for(u64 capacity, const ItemBytes& columns, bool twice) {
        u64 bytes = whole_pages(sizeof(HistoryLines));
        for (const u64 item : columns) bytes += capacity * item * (twice ? 2 : 1);
        return static_cast<std::size_t>(bytes);
    }
    [[nodiscard]] static std::string text_with(const ItemBytes& columns, const std::string& text) {
        std::string out(columns.size() * sizeof(u64), '\0');
        std::memcpy(out.data(), columns.data(), out.size());
        return out + text;
    }

    void lay_out() {
        const SegmentHeader& h = segment_.header();
        const std::string text = segment_.text();
        capacity_ = h.capacity;
        if (h.item == 0 || h.item > text.size() / sizeof(u64) || capacity_ == 0 ||
            capacity_ > h.bytes || capacity_ % (page_bytes() / 2) != 0) {
            segment_.refuse("is damaged: the columns do not fit");
        }
        items_.resize(static_cast<std::size_t>(h.item));
        std::memcpy(items_.data(), text.data(), items_.size() * sizeof(u64));
        for (const u64 item : items_) {
            if (item != 2 && (item == 0 || item % 8 != 0 || item > 4096)) {
                segment_.refuse("is damaged: a column's items have " + std::to_string(item) +
                                " bytes");
            }
        }
        written_twice_ = h.mapped_twice == 0;
        if (bytes_for(capacity_, items_, written_twice_) > segment_.bytes()) {
            segment_.refuse("is damaged: the columns do not fit");
        }
        std::size_t offset = segment_.begin();
        lines_ = reinterpret_cast<HistoryLines*>(segment_.memory().data() + offset);
        offset += whole_pages(sizeof(HistoryLines));
        for (const u64 item : items_) {
            const auto bytes = static_cast<std::size_t>(capacity_ * item);
            columns_.push_back(written_twice_ ? segment_.memory().data() + offset
                                              : segment_.memory().twice(offset, bytes));
            offset += written_twice_ ? 2 * bytes : bytes;
        }
        segment_.memory().all_is_mapped();
    }

    void put(std::size_t column, u64 slot, const void* items, u64 n) {
        const u64 item = items_[column];
        std::byte* const begin = columns_[column];
        if (!written_twice_) {  // past the end is the beginning
            store(begin + slot * item, items, n * item, item);
            return;
        }
        const u64 first = std::min(n, capacity_ - slot);
        const auto* const rest = static_cast<const std::byte*>(items) + first * item;
        for (const u64 half : {u64{0}, capacity_}) {
            store(begin + (half + slot) * item, items, first * item, item);
            store(begin + half * item, rest, (n - first) * item, item);
        }
    }

    // Item by item, each of them whole: a reader may be looking.
    template <class Word>
    static void store_words(std::byte* to, const void* from, u64 bytes) {
        for (u64 i = 0; i < bytes; i += sizeof(Word)) {
            Word word;
            std::memcpy(&word, static_cast<const std::byte*>(from) + i, sizeof(Word));
            __atomic_store_n(reinterpret_cast<Word*>(to + i), word, kStore);
        }
    }
    template <class Word>
    static void load_words(void* to, const std::byte* from, u64 bytes) {
        for (u64 i = 0; i < bytes; i += sizeof(Word)) {
            const Word word = __atomic_load_n(reinterpret_cast<const Word*>(from + i), kLoad);
            std::memcpy(static_cast<std::byte*>(to) + i, &word, sizeof(Word));
        }
    }
    static void store(std::byte* to, const void* from, u64 bytes, u64 item) {
        item == 2 ? store_words<std::uint16_t>(to, from, bytes) : store_words<u64>(to, from, bytes);
    }
    static void load(void* to, const std::byte* from, u64 bytes, u64 item) {
        item == 2 ? load_words<std::uint16_t>(to, from, bytes) : load_words<u64>(to, from, bytes);
    }
#if BOOKFLOW_TSAN  // in place of the fences
    static constexpr int kStore = __ATOMIC_RELEASE;
    static constexpr int kLoad = __ATOMIC_ACQUIRE;
#else
    static constexpr int kStore = __ATOMIC_RELAXED;
    static constexpr int kLoad = __ATOMIC_RELAXED;
#endif

    Segment segment_;
    u64 capacity_ = 0;
    bool written_twice_ = false;
    ItemBytes items_;
    HistoryLines* lines_ = nullptr;
    std::vector<std::byte*> columns_;
};

}  // namespace bookflow
