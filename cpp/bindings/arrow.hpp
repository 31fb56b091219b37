// The three structures of Arrow's C data interface, as its specification lays them out: with them
// tables pass between libraries without a copy, and without linking to Arrow.
#pragma once

#include <cstdint>
#include <memory>

namespace bookflow::arrow {

struct Schema {
    const char* format;
    const char* name;
    const char* metadata;
    std::int64_t flags;
    std::int64_t n_children;
    Schema** children;
    Schema* dictionary;
    void (*release)(Schema*);
    void* private_data;
};

struct Array {
    std::int64_t length;
    std::int64_t null_count;
    std::int64_t offset;
    std::int64_t n_buffers;
    std::int64_t n_children;
    const void** buffers;
    Array** children;
    Array* dictionary;
    void (*release)(Array*);
    void* private_data;
};

struct Stream {
    int (*get_schema)(Stream*, Schema*);
    int (*get_next)(Stream*, Array*);
    const char* (*get_last_error)(Stream*);
    void (*release)(Stream*);
    void* private_data;
};

static_assert(sizeof(void*) != 8 ||
              (sizeof(Schema) == 72 && sizeof(Array) == 80 && sizeof(Stream) == 40));

// One of them, owned here: what its producer lent is given back once, when the last owner goes.
template <class T>
[[nodiscard]] std::shared_ptr<T> owned() {
    return {new T{}, [](T* p) {
                if (p->release != nullptr) p->release(p);
                delete p;
            }};
}

}  // namespace bookflow::arrow
