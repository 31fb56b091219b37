// Memory for tables of many megabytes that are read all over: on pages of 2 MB, where the system
// gives them, one address translation serves 512 times as much of the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace bookflow {

// An allocator for std::vector. Small blocks come from operator new as ever; that a block is on
// huge pages is a wish which the system may refuse without harm.
template <class T>
struct HugePages {
    using value_type = T;

    HugePages() = default;
    template <class U>
    explicit(false) HugePages(const HugePages<U>&) {}

    [[nodiscard]] T* allocate(std::size_t n) {
        if (small(n)) return static_cast<T*>(::operator new(n * sizeof(T)));
#if defined(__linux__)
        // Mapped anew, not taken from the heap: what was used before lies on small pages already.
        // A page more, so that a whole number of pages begins at the right place; the rest goes back.
        const std::size_t bytes = whole(n);
        void* mapped = ::mmap(nullptr, bytes + kPage, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED) throw std::bad_alloc();
        char* const begin = static_cast<char*>(mapped);
        const std::size_t before =
            (kPage - reinterpret_cast<std::uintptr_t>(begin) % kPage) % kPage;
        if (before > 0) (void)::munmap(begin, before);
        if (before < kPage) (void)::munmap(begin + before + bytes, kPage - before);
        (void)::madvise(begin + before, bytes, MADV_HUGEPAGE);
        return reinterpret_cast<T*>(begin + before);
#endif
    }
    void deallocate(T* memory, std::size_t n) noexcept {
        if (small(n)) return ::operator delete(memory);
#if defined(__linux__)
        (void)::munmap(memory, whole(n));
#endif
    }
    friend bool operator==(const HugePages&, const HugePages&) { return true; }

private:
    static constexpr std::size_t kPage = std::size_t{1} << 21;

    [[nodiscard]] static bool small([[maybe_unused]] std::size_t n) {
#if defined(__linux__)
        return n * sizeof(T) < kPage / 2;  // at most half of the last page is wasted
#else
        return true;
#endif
    }
    [[nodiscard]] static std::size_t whole(std::size_t n) {
        return (n * sizeof(T) + kPage - 1) / kPage * kPage;
    }
};

}  // namespace bookflow
