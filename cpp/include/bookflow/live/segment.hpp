// The first pages of a ring's memory: what it is, who writes it, and a text that describes it.
// Everything that an attaching process relies on is checked here.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "bookflow/live/memory.hpp"
#include "bookflow/live/processes.hpp"

namespace bookflow {

enum class RingKind : u64 { Queue = 1, History = 2 };

struct SegmentHeader {
    static constexpr u64 kMagic = 0x676e69'7266'62ULL;  // "bfring"
    static constexpr u64 kVersion = 1;

    std::atomic<u64> magic{0};  // written last: before it the segment is being made
    u64 version = 0;
    RingKind kind{};
    u64 bytes = 0;
    u64 capacity = 0;      // elements or rows
    u64 item = 0;          // a queue's element, a history's number of columns
    u64 mapped_twice = 0;  // or the columns are written twice
    u64 text_bytes = 0;
    std::atomic<u64> closed{0};
    Process maker;
    std::array<std::atomic<u64>, 2> sides{};  // which process has each side of a queue, as a word
};

class Segment {
public:
    Segment(Segment&&) = default;
    Segment& operator=(Segment&&) = default;
    ~Segment() {
        if (memory_ != nullptr) close();
    }

    struct Shape {
        RingKind kind;
        u64 capacity;
        u64 item;
        bool mapped_twice;
        std::string text;
    };

    // Bytes before the ring's own: the header and the text.
    [[nodiscard]] static std::size_t front(std::size_t text_bytes) {
        return whole_pages(sizeof(SegmentHeader) + text_bytes);
    }

    // Memory for `bytes` behind the front; named: a segment that others attach to. `replace` takes
    // the place of one whose maker is dead or has closed it.
    [[nodiscard]] static Segment make(const Shape& shape, std::size_t bytes,
                                      const std::string& name, bool replace) {
        const std::size_t whole = front(shape.text.size()) + bytes;
        Segment out;
        if (name.empty()) {
            out.memory_ = Memory::own(whole, shape.mapped_twice);
        } else {
            out.memory_ = create(name, whole, replace);
        }
        out.maker_ = true;
        SegmentHeader& h = *new (out.memory_->data()) SegmentHeader;
        h.version = SegmentHeader::kVersion;
        h.kind = shape.kind;
        h.bytes = out.memory_->size();
        h.capacity = shape.capacity;
        h.item = shape.item;
        h.mapped_twice = shape.mapped_twice;
        h.text_bytes = shape.text.size();
        h.maker = Process::own();
        std::memcpy(out.memory_->data() + sizeof(SegmentHeader), shape.text.data(),
                    shape.text.size());
        h.magic.store(SegmentHeader::kMagic, std::memory_order_release);
        return out;
    }

    [[nodiscard]] static Segment attach(const std::string& name, RingKind kind, bool writing) {
        check_name(name);
#if BOOKFLOW_HAS_MAPPINGS
        Segment out;
        out.memory_ = Memory::attach(name, writing);
        out.check(kind);
        return out;
#else
        (void)kind;
        (void)writing;
        throw SegmentError("this system has no shared segments");
#endif
    }

    [[nodiscard]] SegmentHeader& header() const {
        return *reinterpret_cast<SegmentHeader*>(memory_->data());
    }
    [[nodiscard]] std::string text() const {
        return {reinterpret_cast<const char*>(memory_->data()) + sizeof(SegmentHeader),
                static_cast<std::size_t>(header().text_bytes)};
    }
    [[nodiscard]] Memory& memory() const { return *memory_; }
    [[nodiscard]] const std::string& name() const { return memory_->name(); }
    [[nodiscard]] bool shared() const { return !memory_->name().empty(); }
    // Where the ring's own bytes begin, and how many there are.
    [[nodiscard]] std::size_t begin() const {
        return front(static_cast<std::size_t>(header().text_bytes));
    }
    [[nodiscard]] std::size_t bytes() const { return memory_->size() - begin(); }

    [[nodiscard]] bool maker_lives() const {
        return header().closed.load(std::memory_order_acquire) == 0 && header().maker.lives();
    }
    // The maker's last word: readers learn that no more will come, and the name is free again.
    void close() {
        if (!maker_ || closed_ || !(header().maker == Process::own())) return;
        closed_ = true;
        header().closed.store(1, std::memory_order_release);
#if BOOKFLOW_HAS_MAPPINGS
        if (shared()) memory_->unlink_own();
#endif
    }

    [[noreturn]] void refuse(const std::string& rule) const {
        throw SegmentError("shared segment '" + name() + "': " + rule);
    }

private:
    Segment() = default;

    static void check_name(const std::string& name) {
        const auto allowed = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '_' || c == '-' || c == '.';
        };
        // macOS takes no more than 31 characters, the package's prefix among them.
        if (name.empty() || name.size() > 21 || !std::all_of(name.begin(), name.end(), allowed)) {
            throw SegmentError("shared segment '" + name +
                               "': a name is 1 to 21 letters, digits, '_', '-', '.'");
        }
    }

    [[nodiscard]] static std::shared_ptr<Memory> create(const std::string& name, std::size_t bytes,
                                                        bool replace) {
        check_name(name);
#if BOOKFLOW_HAS_MAPPINGS
        if (replace) remove_stale(name);
        return Memory::create(name, bytes);
#else
        (void)bytes;
        (void)replace;
        throw SegmentError("this system has no shared segments");
#endif
    }
#if BOOKFLOW_HAS_MAPPINGS
    // Never one of this version that a living process writes.
    static void remove_stale(const std::string& name) {
        std::shared_ptr<Memory> found;
        try {
            found = Memory::attach(name, false);
        } catch (const SegmentError&) {
            if (Memory::exists(name)) throw;  // it is just being made, or is not ours to read
            return;
        }
        if (found->size() >= sizeof(SegmentHeader)) {
            const auto& h = *reinterpret_cast<const SegmentHeader*>(found->data());
            const u64 magic = h.magic.load(std::memory_order_acquire);
            if (magic == 0 && found->seconds_old() < 60) {
                throw SegmentError("shared segment '" + name +
                                   "' cannot be replaced: it is just being made");
            }
            const bool ours =
                magic == SegmentHeader::kMagic && h.version == SegmentHeader::kVersion;
            if (ours && h.closed.load(std::memory_order_acquire) == 0 && h.maker.lives()) {
                throw SegmentError("shared segment '" + name + "' cannot be replaced: process " +
                                   std::to_string(h.maker.number) + " made it and lives");
            }
        }
        Memory::unlink(name);
    }
#endif

    void check(RingKind kind) const {
        if (memory_->size() < sizeof(SegmentHeader)) refuse("is too small to be bookflow's");
        const SegmentHeader& h = header();
        const u64 magic = h.magic.load(std::memory_order_acquire);
        if (magic == 0) refuse("is being made, or its maker died meanwhile");
        if (magic != SegmentHeader::kMagic) refuse("is not bookflow's");
        if (h.version != SegmentHeader::kVersion) {
            refuse("has layout version " + std::to_string(h.version) + ", this build reads " +
                   std::to_string(SegmentHeader::kVersion));
        }
        if (h.kind != kind) {
            refuse(std::string("is a ") + (h.kind == RingKind::Queue ? "queue" : "history") +
                   ", not a " + (kind == RingKind::Queue ? "queue" : "history"));
        }
        if (h.bytes != memory_->size() || h.text_bytes > memory_->size() - sizeof(SegmentHeader) ||
            front(static_cast<std::size_t>(h.text_bytes)) > memory_->size()) {
            refuse("is damaged: its size is not what its header says");
        }
        if (!maker_lives()) {
            refuse("is stale: process " + std::to_string(h.maker.number) + ", which made it, " +
                   (h.closed.load(std::memory_order_acquire) != 0 ? "has closed it" : "is dead"));
        }
    }

    std::shared_ptr<Memory> memory_;
    bool maker_ = false;
    bool closed_ = false;
};

}  // namespace bookflow
