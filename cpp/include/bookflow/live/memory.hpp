// The memory of a ring: the process's own, or a named segment that other processes attach to.
//
// A ring's column is mapped twice, back to back, so that what runs over its end goes on at its
// beginning and any stretch of it is in one piece. Where the system cannot map twice, the column
// has twice the room and each item is written to both halves: the same to a reader.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bookflow/types.hpp"

#if defined(__unix__) || defined(__APPLE__)
#define BOOKFLOW_HAS_MAPPINGS 1
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#else
#define BOOKFLOW_HAS_MAPPINGS 0
#endif

namespace bookflow {

// A shared segment that cannot be made, or is not what was asked for.
struct SegmentError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

[[nodiscard]] inline std::size_t page_bytes() {
#if BOOKFLOW_HAS_MAPPINGS
    static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
#else
    return 4096;
#endif
}
[[nodiscard]] inline std::size_t whole_pages(std::size_t bytes) {
    return (bytes + page_bytes() - 1) / page_bytes() * page_bytes();
}

// ThreadSanitizer knows an item by its address: seen through two of them its races would hide.
#if defined(__SANITIZE_THREAD__)
#define BOOKFLOW_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BOOKFLOW_TSAN 1
#endif
#endif
#if !defined(BOOKFLOW_TSAN)
#define BOOKFLOW_TSAN 0
#endif
inline constexpr bool kMapsTwice = BOOKFLOW_HAS_MAPPINGS && !BOOKFLOW_TSAN;

class Memory {
public:
    // The process's own, all zero.
    [[nodiscard]] static std::shared_ptr<Memory> own(std::size_t bytes, bool mapped = kMapsTwice) {
        auto memory = std::shared_ptr<Memory>(new Memory);
        memory->bytes_ = whole_pages(bytes);
#if BOOKFLOW_HAS_MAPPINGS
        if (mapped) {
            memory->file_ = nameless_file();
            memory->resize("(nameless)");
            memory->map(true);
            return memory;
        }
        // Pages that are given when they are first written.
        void* const begin = ::mmap(nullptr, memory->bytes_, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (begin == MAP_FAILED) throw std::bad_alloc();
        memory->mappings_.emplace_back(begin, memory->bytes_);
        memory->data_ = static_cast<std::byte*>(begin);
#else
        (void)mapped;
        memory->heap_ = ::operator new(memory->bytes_, std::align_val_t{page_bytes()});
        std::memset(memory->heap_, 0, memory->bytes_);
        memory->data_ = static_cast<std::byte*>(memory->heap_);
#endif
        return memory;
    }

#if BOOKFLOW_HAS_MAPPINGS
    // A new named segment, all zero; SegmentError when there is one of that name.
    [[nodiscard]] static std::shared_ptr<Memory> create(const std::string& name,
                                                        std::size_t bytes) {
        auto memory = std::shared_ptr<Memory>(new Memory);
        memory->name_ = name;
        memory->bytes_ = whole_pages(bytes);
        memory->file_ = ::shm_open(path(name).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (memory->file_ < 0) refuse(name, "cannot be made");
        memory->resize(name);
        memory->map(true);
        return memory;
    }
    // A segment that another process made.
    [[nodiscard]] static std::shared_ptr<Memory> attach(const std::string& name, bool writing) {
        auto memory = std::shared_ptr<Memory>(new Memory);
        memory->name_ = name;
        memory->file_ =
            ::shm_open(path(name).c_str(), (writing ? O_RDWR : O_RDONLY) | O_CLOEXEC, 0);
        if (memory->file_ < 0) refuse(name, "cannot be attached to");
        struct stat found{};
        if (::fstat(memory->file_, &found) != 0) refuse(name, "cannot be attached to");
        memory->bytes_ = static_cast<std::size_t>(found.st_size);
        if (memory->bytes_ == 0) {
            throw SegmentError("shared segment '" + name +
                               "' is empty: it is just being made, or "
                               "its maker died meanwhile");
        }
        memory->map(writing);
        return memory;
    }
    // Takes the name away; who is attached stays so.
    static void unlink(const std::string& name) { ::shm_unlink(path(name).c_str()); }
    // The same, unless another segment has the name by now.
    void unlink_own() const {
        struct stat own{};
        struct stat named{};
        const int file = ::shm_open(path(name_).c_str(), O_RDONLY | O_CLOEXEC, 0);
        if (file < 0) return;
        if (::fstat(file, &named) == 0 && ::fstat(file_, &own) == 0 && own.st_ino == named.st_ino &&
            own.st_dev == named.st_dev) {
            unlink(name_);
        }
        ::close(file);
    }
    [[nodiscard]] static bool exists(const std::string& name) {
        const int file = ::shm_open(path(name).c_str(), O_RDONLY | O_CLOEXEC, 0);
        if (file >= 0) ::close(file);
        return file >= 0 || errno != ENOENT;
    }
    [[nodiscard]] i64 seconds_old() const {
        struct stat found{};
        return ::fstat(file_, &found) == 0 ? ::time(nullptr) - found.st_mtime : 0;
    }
    // Nothing more will be mapped of a nameless file: its descriptor is not needed.
    void all_is_mapped() {
        if (file_ >= 0 && name_.empty()) {
            ::close(file_);
            file_ = -1;
        }
    }
#else
    void all_is_mapped() {}
#endif

    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() {
#if BOOKFLOW_HAS_MAPPINGS
        for (const auto& [begin, bytes] : mappings_) ::munmap(begin, bytes);
        if (file_ >= 0) ::close(file_);
#endif
        if (heap_ != nullptr) ::operator delete(heap_, std::align_val_t{page_bytes()});
    }

    [[nodiscard]] std::byte* data() const { return data_; }
    [[nodiscard]] std::size_t size() const { return bytes_; }
    [[nodiscard]] const std::string& name() const { return name_; }

    // The bytes from `offset`, a whole number of pages, once more behind themselves.
    [[nodiscard]] std::byte* twice(std::size_t offset, std::size_t bytes) {
#if BOOKFLOW_HAS_MAPPINGS
        // Room for both first, so that nothing else comes to lie there.
        void* const room =
            ::mmap(nullptr, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (room == MAP_FAILED) throw std::bad_alloc();
        mappings_.emplace_back(room, 2 * bytes);
        auto* const begin = static_cast<std::byte*>(room);
        for (std::byte* half : {begin, begin + bytes}) {
            if (::mmap(half, bytes, protection_, MAP_SHARED | MAP_FIXED, file_,
                       static_cast<off_t>(offset)) == MAP_FAILED) {
                throw std::bad_alloc();
            }
        }
        return begin;
#else
        (void)bytes;
        return data_ + offset;
#endif
    }

private:
    Memory() = default;

#if BOOKFLOW_HAS_MAPPINGS
    [[nodiscard]] static std::string path(const std::string& name) { return "/bookflow." + name; }
    [[noreturn]] static void refuse(const std::string& name, const std::string& what) {
        const int error = errno;
        const std::string hint = error == ENOENT   ? ": there is none of that name"
                                 : error == EEXIST ? ": there is one of that name already"
                                                   : std::string(": ") + std::strerror(error);
        throw SegmentError("shared segment '" + name + "' " + what + hint);
    }
    [[nodiscard]] static int nameless_file() {
#if defined(__linux__)
        const int file = ::memfd_create("bookflow", MFD_CLOEXEC);
#else
        const std::string name = path(std::to_string(::getpid()) + ".own");
        const int file = ::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file >= 0) ::shm_unlink(name.c_str());
#endif
        if (file < 0) refuse("(nameless)", "cannot be made");
        return file;
    }
    void resize(const std::string& name) {
        if (::ftruncate(file_, static_cast<off_t>(bytes_)) != 0) refuse(name, "cannot be made");
#if defined(__linux__)
        // Pages are given now: where there are too few, a later write would kill the process.
        if (const int error = ::posix_fallocate(file_, 0, static_cast<off_t>(bytes_)); error != 0) {
            errno = error;
            if (!name_.empty()) unlink(name_);
            refuse(name, "cannot be made");
        }
#endif
    }
    void map(bool writing) {
        protection_ = writing ? PROT_READ | PROT_WRITE : PROT_READ;
        void* const begin = ::mmap(nullptr, bytes_, protection_, MAP_SHARED, file_, 0);
        if (begin == MAP_FAILED) throw std::bad_alloc();
        mappings_.emplace_back(begin, bytes_);
        data_ = static_cast<std::byte*>(begin);
    }
    int protection_ = 0;
#endif

    std::vector<std::pair<void*, std::size_t>> mappings_;
    std::byte* data_ = nullptr;
    void* heap_ = nullptr;
    std::size_t bytes_ = 0;
    int file_ = -1;
    std::string name_;
};

}  // namespace bookflow
