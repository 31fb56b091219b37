// Saved states: what is written comes back; whatever is cut, flipped or made up is refused.
#include <array>
#include <string>
#include <vector>

#include "bookflow/state.hpp"
#include "bookflow/types.hpp"
#include "check.hpp"

using bookflow::i128;
using bookflow::Price;
using bookflow::save_state;
using bookflow::StateEnvelope;
using bookflow::StateError;

namespace {

struct Inner {
    Price price;
    bool flag = false;

    template <class V>
    void visit(V& v) {
        v(price, flag);
    }
    friend bool operator==(const Inner&, const Inner&) = default;
};

struct Outer {
    std::int32_t small = 0;
    double number = 0;
    i128 wide = 0;
    std::string text;
    std::vector<Inner> list;
    std::array<std::uint16_t, 3> fixed{};

    template <class V>
    void visit(V& v) {
        v(small, number, wide, text, list, fixed);
    }
    friend bool operator==(const Outer&, const Outer&) = default;
};

Outer example() {
    return {
        -7,       0.1, (i128{1} << 100) + 3, "ten bytes!", {{Price(12), true}, {Price(-1), false}},
        {1, 2, 3}};
}

Outer restored(const std::string& bytes) {
    Outer out;
    StateEnvelope(bytes).load("Outer", out);
    return out;
}

// The bytes with a right CRC over a damaged body: what the checks behind the CRC must catch.
std::string resealed(std::string bytes) {
    const std::uint32_t crc = bookflow::detail::crc32(std::string_view(bytes).substr(18));
    bytes.replace(6, 4, reinterpret_cast<const char*>(&crc), 4);
    return bytes;
}

void damage() {
    const std::string bytes = save_state("Outer", example());
    CHECK(restored(bytes) == example());

    for (std::size_t n = 0; n < bytes.size(); ++n) THROWS(StateError, restored(bytes.substr(0, n)));
    THROWS(StateError, restored(bytes + '\0'));
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        THROWS(StateError, restored(flipped));
    }

    Outer other;
    THROWS(StateError, (StateEnvelope(bytes).load("Other", other), 0));
}

// With the CRC mended, a flipped bit is another valid value or an error, and never more memory than
// the bytes could fill (the run is under a sanitizer).
void damage_behind_the_crc() {
    const std::string bytes = save_state("Outer", example());
    test::Random random(3);
    for (long i = test::operations(100'000); i > 0; --i) {
        std::string damaged = bytes;
        for (auto flips = random.between(1, 4); flips > 0; --flips) {
            const auto at = static_cast<std::size_t>(
                random.between(18, static_cast<std::int64_t>(bytes.size()) - 1));
            damaged[at] = static_cast<char>(random.bits());
        }
        try {
            const Outer out = restored(resealed(damaged));
            CHECK(out.list.size() <= bytes.size());
        } catch (const StateError&) {
            CHECK(true);
        }
    }
    for (const std::uint64_t length :
         {std::uint64_t{1} << 31, (std::uint64_t{1} << 32) - 1, ~std::uint64_t{0}}) {
        std::string damaged = bytes;
        damaged.replace(18, 8, reinterpret_cast<const char*>(&length), 8);
        THROWS(StateError, restored(resealed(damaged)));
    }
}

}  // namespace

int main() {
    damage();
    damage_behind_the_crc();
    return test::report("state");
}
