// What the hardware allows: the least a call, a column or a book can cost when the range of prices
// is known beforehand, nothing is checked and nothing is counted. bookflow is measured as a ratio
// to these. Compiled on demand by floors.py.
//
// Books: a level is a place in an array (price - lowest), asks mirrored so that the best of either
// side is its largest index; index 0 stays empty and stands for "no level". One rare branch for
// "better than the best, or the best emptied".
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

using i64 = std::int64_t;
using u64 = std::uint64_t;
using u32 = std::uint32_t;
using u8 = std::uint8_t;

namespace {

constexpr i64 kNone = INT64_MIN;
constexpr u32 kEnd = ~u32{0};
enum : u8 { kAdd = 1, kCancel = 2, kDelete = 3, kModify = 4, kExecute = 5 };

// Tables of many megabytes on pages of 2 MB, where the system gives them.
template <class T>
struct Huge {
    using value_type = T;
    Huge() = default;
    template <class U>
    explicit(false) Huge(const Huge<U>&) {}
    T* allocate(std::size_t n) {
        constexpr std::size_t page = std::size_t{1} << 21;
        std::size_t bytes = n * sizeof(T);
        if (bytes < page) return static_cast<T*>(std::malloc(bytes));
        bytes = (bytes + page - 1) / page * page;
        void* at = std::aligned_alloc(page, bytes);
#if defined(__linux__)
        madvise(at, bytes, MADV_HUGEPAGE);
#endif
        return static_cast<T*>(at);
    }
    void deallocate(T* at, std::size_t) { std::free(at); }
    bool operator==(const Huge&) const { return true; }
};
template <class T>
using Table = std::vector<T, Huge<T>>;

struct Range {
    i64 lowest;
    i64 size;  // places, index 0 empty

    Range(i64 low, i64 high) : lowest(low - 1), size(high - low + 3) {}
    i64 place(int side, i64 price) const {
        const i64 at = price - lowest;
        return side == 0 ? at : size - at;
    }
    i64 price(int side, i64 place) const {
        if (place == 0) return kNone;
        return side == 0 ? lowest + place : lowest + size - place;
    }
};

struct Quotes {
    i64 best[2] = {0, 0};
    i64 price[2] = {kNone, kNone};
};

struct Out {
    i64* bid_price;
    i64* bid_size;
    i64* ask_price;
    i64* ask_size;
};

// ------------------------------------------------------------------------------ sizes at prices

struct Levels {
    Range range;
    Table<i64> sizes[2];
    Quotes quotes;

    Levels(i64 low, i64 high) : range(low, high) {
        for (auto& side : sizes) side.assign(static_cast<std::size_t>(range.size + 1), 0);
    }
    [[gnu::noinline]] void move_best(int s, i64 at) {
        const i64* size = sizes[s].data();
        while (at > 0 && size[at] == 0) --at;
        quotes.best[s] = at;
        quotes.price[s] = range.price(s, at);
    }
    void set(int s, i64 at, i64 size) {
        sizes[s][static_cast<std::size_t>(at)] = size;
        const i64 best = quotes.best[s];
        if ((at >= best) & ((at > best) == (size != 0))) [[unlikely]]
            move_best(s, at);
    }
    void run(std::size_t n, const u8* side, const i64* price, const i64* size, const Out& out) {
        for (std::size_t i = 0; i < n; ++i) {
            const int s = side[i] - 1;
            set(s, range.place(s, price[i]), size[i]);
            out.bid_price[i] = quotes.price[0];
            out.bid_size[i] = sizes[0].data()[quotes.best[0]];
            out.ask_price[i] = quotes.price[1];
            out.ask_size[i] = sizes[1].data()[quotes.best[1]];
        }
    }
    // The top N: places of it are kept, and found anew only where one appears or vanishes.
    template <int N>
    void run_top(std::size_t n, const u8* side, const i64* price, const i64* size, const Out& out) {
        i64 places[2][N];
        i64 prices[2][N];
        i64 tops[2][N];
        const auto refill = [&](int s, i64 at) {
            const i64* level = sizes[s].data();
            for (int k = 0; k < N; ++k, at = at > 0 ? at - 1 : 0) {
                while (at > 0 && level[at] == 0) --at;
                places[s][k] = at;
                prices[s][k] = range.price(s, at);
                tops[s][k] = level[at];
            }
        };
        refill(0, quotes.best[0]);
        refill(1, quotes.best[1]);
        for (std::size_t i = 0; i < n; ++i) {
            const int s = side[i] - 1;
            const i64 at = range.place(s, price[i]);
            set(s, at, size[i]);
            if (at >= places[s][N - 1]) {
                bool there = false;
                if (size[i] != 0) {
                    for (int k = 0; k < N; ++k) {
                        const bool here = places[s][k] == at;
                        tops[s][k] = here ? size[i] : tops[s][k];
                        there |= here;
                    }
                }
                if (!there) refill(s, quotes.best[s]);
            }
            std::memcpy(out.bid_price + i * N, prices[0], sizeof(prices[0]));
            std::memcpy(out.bid_size + i * N, tops[0], sizeof(tops[0]));
            std::memcpy(out.ask_price + i * N, prices[1], sizeof(prices[1]));
            std::memcpy(out.ask_size + i * N, tops[1], sizeof(tops[1]));
        }
    }
};

// --------------------------------------------------------------------------- orders, in queues

// Id -> slot: open addressing, linear probing, eight bytes an entry. The upper half of the hash is
// kept beside the slot: it tells almost every other id apart and says where an entry is at home,
// so that removal can shift the followers back without a look at the orders.
struct Index {
    struct Entry {
        u32 tag;
        u32 slot;
    };
    Table<Entry> entries;
    u32 mask;
    int shift;

    explicit Index(std::size_t live) {
        const std::size_t size = std::bit_ceil(live * 2 + 64);
        entries.assign(size, {0, kEnd});
        mask = static_cast<u32>(size - 1);
        shift = 32 - std::countr_zero(size);
    }
    static u32 tag(u64 id) { return static_cast<u32>((id * 0x9E3779B97F4A7C15ULL) >> 32); }
    u32 home(u32 t) const { return t >> shift; }
    void insert(u32 t, u32 slot) {
        u32 i = home(t);
        while (entries[i].slot != kEnd) i = (i + 1) & mask;
        entries[i] = {t, slot};
    }
    void erase_at(u32 hole) {
        for (u32 i = (hole + 1) & mask; entries[i].slot != kEnd; i = (i + 1) & mask) {
            if (((i - home(entries[i].tag)) & mask) >= ((i - hole) & mask)) {
                entries[hole] = entries[i];
                hole = i;
            }
        }
        entries[hole].slot = kEnd;
    }
};

struct Order {
    u64 id;
    i64 size;
    u32 place;  // bit 31: the side
    u32 before;
    u32 after;
    u32 spare;
};
static_assert(sizeof(Order) == 32);

struct Level {
    i64 size;
    u32 head;
    u32 tail;
};

struct Orders {
    Range range;
    Index index;
    Table<Order> slab;
    Table<u32> free;
    Table<Level> levels[2];
    Quotes quotes;

    Orders(i64 low, i64 high, std::size_t live) : range(low, high), index(live + live / 16) {
        slab.reserve(live + live / 16 + 4096);
        for (auto& side : levels)
            side.assign(static_cast<std::size_t>(range.size + 1), {0, kEnd, kEnd});
    }
    u32 find(u64 id, u32 t) const {
        for (u32 i = index.home(t);; i = (i + 1) & index.mask) {
            const Index::Entry e = index.entries[i];
            if (e.slot == kEnd || (e.tag == t && slab[e.slot].id == id)) return i;
        }
    }
    [[gnu::noinline]] void move_best(int s, i64 at) {
        const Level* level = levels[s].data();
        while (at > 0 && level[at].size == 0) --at;
        quotes.best[s] = at;
        quotes.price[s] = range.price(s, at);
    }
    void add(int s, i64 price, i64 size, u64 id) {
        const i64 at = range.place(s, price);
        Level& level = levels[s][static_cast<std::size_t>(at)];
        u32 slot = 0;
        if (free.empty()) {
            slot = static_cast<u32>(slab.size());
            slab.emplace_back();
        } else {
            slot = free.back();
            free.pop_back();
        }
        slab[slot] = {id,         size, static_cast<u32>(at) | static_cast<u32>(s) << 31,
                      level.tail, kEnd, 0};
        (level.tail == kEnd ? level.head : slab[level.tail].after) = slot;
        level.tail = slot;
        level.size += size;
        index.insert(Index::tag(id), slot);
        if (at > quotes.best[s]) [[unlikely]]
            move_best(s, at);
    }
    void reduce(u64 id, i64 size, bool whole) {
        const u32 i = find(id, Index::tag(id));
        const u32 slot = index.entries[i].slot;
        if (slot == kEnd) [[unlikely]]
            return;
        Order& o = slab[slot];
        const int s = static_cast<int>(o.place >> 31);
        const i64 at = o.place & 0x7FFFFFFF;
        Level& level = levels[s][static_cast<std::size_t>(at)];
        if (!whole && size < o.size) {
            o.size -= size;
            level.size -= size;
            return;
        }
        level.size -= o.size;
        (o.before == kEnd ? level.head : slab[o.before].after) = o.after;
        (o.after == kEnd ? level.tail : slab[o.after].before) = o.before;
        index.erase_at(i);
        free.push_back(slot);
        if (level.size == 0 && at == quotes.best[s]) [[unlikely]]
            move_best(s, at);
    }
    template <int kAhead>
    void run(std::size_t n, const u8* action, const u8* side, const i64* price, const i64* size,
             const u64* id, const Out* out) {
        for (std::size_t i = 0; i < n; ++i) {
            if constexpr (kAhead != 0) look_ahead<kAhead>(i, n, id);
            if (action[i] == kAdd) {
                add(side[i] - 1, price[i], size[i], id[i]);
            } else {
                reduce(id[i], size[i], action[i] == kDelete);
            }
            if (out == nullptr) continue;
            out->bid_price[i] = quotes.price[0];
            out->bid_size[i] = levels[0].data()[quotes.best[0]].size;
            out->ask_price[i] = quotes.price[1];
            out->ask_size[i] = levels[1].data()[quotes.best[1]].size;
        }
    }
    // The index's line first, then the order. Levels and neighbours too were slower (README).
    // Always inline: gcc drops a call to a function that only prefetches, as one without effect.
    template <int kAhead>
    [[gnu::always_inline]] inline void look_ahead(std::size_t i, std::size_t n, const u64* id) {
        if (i + kAhead < n) {
            __builtin_prefetch(&index.entries[index.home(Index::tag(id[i + kAhead]))], 1);
        }
        if (const std::size_t k = i + kAhead / 2; k < n) {
            __builtin_prefetch(&slab.data()[likely_slot(id[k])], 1);
        }
    }
    // What stands at the id's home, mostly its own; the first order's for a new id. A hint only.
    [[gnu::always_inline]] inline u32 likely_slot(u64 id) const {
        const u32 slot = index.entries[index.home(Index::tag(id))].slot;
        return slot & (0U - static_cast<u32>(slot != kEnd));
    }
};

}  // namespace

// Called through ctypes: plain pointers, all columns contiguous and of equal length.
extern "C" {

void* levels_new(i64 low, i64 high) { return new Levels(low, high); }
void levels_free(void* book) { delete static_cast<Levels*>(book); }
void levels_run(void* book, std::size_t n, const u8* side, const i64* price, const i64* size,
                i64* bp, i64* bs, i64* ap, i64* as) {
    static_cast<Levels*>(book)->run(n, side, price, size, {bp, bs, ap, as});
}
void levels_run_top(void* book, int top, std::size_t n, const u8* side, const i64* price,
                    const i64* size, i64* bp, i64* bs, i64* ap, i64* as) {
    Levels& levels = *static_cast<Levels*>(book);
    if (top == 5) levels.run_top<5>(n, side, price, size, {bp, bs, ap, as});
    if (top == 10) levels.run_top<10>(n, side, price, size, {bp, bs, ap, as});
}

void* orders_new(i64 low, i64 high, std::size_t live) { return new Orders(low, high, live); }
void orders_free(void* book) { delete static_cast<Orders*>(book); }
void orders_run(void* book, int ahead, std::size_t n, const u8* action, const u8* side,
                const i64* price, const i64* size, const u64* id, i64* bp, i64* bs, i64* ap,
                i64* as) {
    Orders& orders = *static_cast<Orders*>(book);
    const Out columns{bp, bs, ap, as};
    const Out* out = bp == nullptr ? nullptr : &columns;
    if (ahead == 0) {
        orders.run<0>(n, action, side, price, size, id, out);
    } else {
        orders.run<16>(n, action, side, price, size, id, out);
    }
}

// 32 bytes in, 8 bytes out.
void stream(std::size_t n, const i64* a, const i64* b, const i64* c, const i64* d, double* out) {
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<double>(a[i] + b[i] + c[i] + d[i]);
}

}  // extern "C"

// A call from Python that reads its integers and returns a float: no method of a class is cheaper.
static PyObject* noop(PyObject*, PyObject* const* args, Py_ssize_t n) {
    i64 sum = 0;
    for (Py_ssize_t i = 0; i < n; ++i) {
        const i64 value = PyLong_AsLongLong(args[i]);
        if (value == -1 && PyErr_Occurred() != nullptr) return nullptr;
        sum += value;
    }
    return PyFloat_FromDouble(static_cast<double>(sum));
}

static PyMethodDef methods[] = {
    {"noop", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(noop)), METH_FASTCALL,
     "The sum of its integers, as a float."},
    {nullptr, nullptr, 0, nullptr},
};
static PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "floors", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};
extern "C" PyObject* PyInit_floors() { return PyModule_Create(&module); }
