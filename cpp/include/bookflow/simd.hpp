// A loop compiled for several levels of x86-64, one of them chosen when the program runs. Elsewhere
// there is one level, the compiler's own.
//
// A kernel is a class whose `run` is a plain loop, always inlined, so that each level's function
// vectorises it for itself; all levels give the same bits, since the loops have no sum of floats to
// reorder and nothing is fused. Not target_clones: its ifunc fails on musl, clang and MSVC. One with
// kMost is not compiled for higher levels: where most loads cross cache lines, wider ones lose.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define BOOKFLOW_X86_LEVELS 1
#define BOOKFLOW_KERNEL [[gnu::always_inline]] static inline
#else
#define BOOKFLOW_X86_LEVELS 0
#define BOOKFLOW_KERNEL static inline
#endif

namespace bookflow::simd {

enum class Level : std::uint8_t { Portable, Avx2, Avx512 };
inline constexpr std::array<std::string_view, 3> kNames{"portable", "avx2", "avx512"};

[[nodiscard]] inline bool supported(Level level) {
#if BOOKFLOW_X86_LEVELS
    switch (level) {
        case Level::Portable: return true;
        case Level::Avx2: return __builtin_cpu_supports("avx2") != 0;
        case Level::Avx512:
            return __builtin_cpu_supports("avx512f") != 0 &&
                   __builtin_cpu_supports("avx512dq") != 0 &&
                   __builtin_cpu_supports("avx512bw") != 0 &&
                   __builtin_cpu_supports("avx512vl") != 0;
    }
#endif
    return level == Level::Portable;
}

[[nodiscard]] inline Level best() {
    if (supported(Level::Avx512)) return Level::Avx512;
    return supported(Level::Avx2) ? Level::Avx2 : Level::Portable;
}

// The level in use. It changes no result; tests force each.
[[nodiscard]] inline std::atomic<Level>& level() {
    static std::atomic<Level> chosen{best()};
    return chosen;
}

namespace detail {

template <class Kernel>
constexpr Level most() {
    if constexpr (requires { Kernel::kMost; }) return Kernel::kMost;
    return Level::Avx512;
}

#if BOOKFLOW_X86_LEVELS
template <class Kernel, class... A>
[[gnu::target("avx2")]] auto with_avx2(A... a) {
    return Kernel::run(a...);
}
template <class Kernel, class... A>
[[gnu::target("avx512f,avx512dq,avx512bw,avx512vl")]] auto with_avx512(A... a) {
    return Kernel::run(a...);
}
#endif

}  // namespace detail

template <class Kernel, class... A>
auto run(A... a) {
#if BOOKFLOW_X86_LEVELS
    switch (level().load(std::memory_order_relaxed)) {
        case Level::Avx512:
            if constexpr (detail::most<Kernel>() == Level::Avx512) {
                return detail::with_avx512<Kernel>(a...);
            }
            [[fallthrough]];
        case Level::Avx2: return detail::with_avx2<Kernel>(a...);
        case Level::Portable: break;
    }
#endif
    return Kernel::run(a...);
}

}  // namespace bookflow::simd
