// State as bytes. A class lists its members once, in `template <class V> void visit(V& v)`, and
// from that list come saving and restoring. The envelope: magic, version, what it is, length, CRC.
#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bookflow/error.hpp"
#include "bookflow/types.hpp"

namespace bookflow {

static_assert(std::endian::native == std::endian::little, "saved states are little-endian");

inline constexpr std::uint16_t kStateVersion = 1;

namespace detail {

template <class T>
concept Plain = (std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, i128>) &&
                !std::is_same_v<T, bool>;

template <class T>
concept Visitable = requires(T& t, int& v) { t.visit(v); };

[[nodiscard]] inline std::uint32_t crc32(std::string_view bytes) {
    static constexpr auto table = [] {
        std::array<std::uint32_t, 256> t{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t c = i;
            for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
            t[i] = c;
        }
        return t;
    }();
    std::uint32_t crc = ~0U;
    for (const char byte : bytes) {
        crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xFF] ^ (crc >> 8);
    }
    return ~crc;
}

// As strict as Python is: no overlong forms, no surrogates.
[[nodiscard]] inline bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = [&](std::size_t k) -> std::uint32_t {
            return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U;
        };
        const std::uint32_t lead = byte(0);
        const std::size_t more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
        if (more > 0 && (lead < 0xC2 || lead > 0xF4)) return false;
        std::uint32_t code = more == 0 ? lead : lead & (0x3FU >> more);
        for (std::size_t k = 1; k <= more; ++k) {
            if ((byte(k) & 0xC0U) != 0x80U) return false;
            code = code << 6 | (byte(k) & 0x3FU);
        }
        constexpr std::array<std::uint32_t, 4> least{0, 0x80, 0x800, 0x10000};
        if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            return false;
        i += more + 1;
    }
    return true;
}

}  // namespace detail

class StateWriter {
public:
    static constexpr bool kReading = false;

    template <class... T>
    void operator()(const T&... members) {
        (put(members), ...);
    }

    [[nodiscard]] std::string take() { return std::move(bytes_); }

private:
    void raw(const void* data, std::size_t n) { bytes_.append(static_cast<const char*>(data), n); }

    template <detail::Plain T>
    void put(const T& x) {
        raw(&x, sizeof x);
    }
    template <class Tag>
    void put(const Unit<Tag>& x) {
        put(x.raw);
    }
    void put(bool x) { put(static_cast<std::uint8_t>(x)); }
    void put(const std::string& x) {
        put(static_cast<u64>(x.size()));
        raw(x.data(), x.size());
    }
    template <class T>
    void put(const std::vector<T>& x) {
        put(static_cast<u64>(x.size()));
        for (const T& item : x) put(item);
    }
    template <class T, std::size_t N>
    void put(const std::array<T, N>& x) {
        for (const T& item : x) put(item);
    }
    template <detail::Visitable T>
    void put(const T& x) {
        const_cast<T&>(x).visit(*this);  // one member list for both directions; we only read
    }

    std::string bytes_;
};

class StateReader {
public:
    static constexpr bool kReading = true;

    explicit StateReader(std::string_view bytes) : bytes_(bytes) {}

    template <class... T>
    void operator()(T&... members) {
        (get(members), ...);
    }

    void finish() const {
        if (at_ != bytes_.size()) fail("bytes are left over");
    }
    [[noreturn]] void fail(const std::string& rule) const {
        throw StateError("saved state, byte " + std::to_string(at_) + ": " + rule);
    }
    void require(bool holds, const char* rule) const {
        if (!holds) fail(rule);
    }

private:
    void raw(void* data, std::size_t n) {
        if (bytes_.size() - at_ < n) fail("it ends too early");
        std::memcpy(data, bytes_.data() + at_, n);
        at_ += n;
    }
    // A length is believed only as far as the bytes that follow could hold it.
    [[nodiscard]] std::size_t length(std::size_t at_least_each) {
        u64 n = 0;
        get(n);
        if (n > (bytes_.size() - at_) / at_least_each) fail("a length exceeds the bytes");
        return static_cast<std::size_t>(n);
    }

    template <detail::Plain T>
    void get(T& x) {
        raw(&x, sizeof x);
    }
    // Units are believed within the field limits only: what is computed from them cannot overflow.
    void get(Price& x) {
        get(x.raw);
        require(x == kNoPrice || (x.raw >= -kMaxPrice && x.raw <= kMaxPrice),
                "a price is too large");
    }
    void get(Size& x) {
        get(x.raw);
        require(x.raw >= 0 && x.raw <= kMaxSize, "a size is out of range");
    }
    void get(Nanos& x) {
        get(x.raw);
        require(x == kNoTime || (x.raw >= 0 && x.raw < kMaxTime), "a time is out of range");
    }
    void get(bool& x) {
        std::uint8_t byte = 0;
        get(byte);
        require(byte <= 1, "a flag is neither 0 nor 1");
        x = byte != 0;
    }
    void get(std::string& x) {
        x.resize(length(1));
        raw(x.data(), x.size());
        require(detail::is_utf8(x), "a text is not UTF-8");
    }
    template <class T>
    void get(std::vector<T>& x) {
        // no item of ours takes fewer bytes than these: a length cannot ask for much more memory
        x.clear();
        x.resize(length(detail::Plain<T> ? sizeof(T) : 8));
        for (T& item : x) get(item);
    }
    template <class T, std::size_t N>
    void get(std::array<T, N>& x) {
        for (T& item : x) get(item);
    }
    template <detail::Visitable T>
    void get(T& x) {
        x.visit(*this);
    }

    std::string_view bytes_;
    std::size_t at_ = 0;
};

// "BKFL", version, CRC of the rest; the rest: what it is, then the members.
template <class T>
[[nodiscard]] std::string save_state(const std::string& what, const T& object) {
    StateWriter writer;
    writer(what, object);
    const std::string body = writer.take();
    std::string out = "BKFL";
    const std::uint16_t version = kStateVersion;
    const std::uint32_t crc = detail::crc32(body);
    const u64 length = body.size();
    out.append(reinterpret_cast<const char*>(&version), sizeof version);
    out.append(reinterpret_cast<const char*>(&crc), sizeof crc);
    out.append(reinterpret_cast<const char*>(&length), sizeof length);
    return out + body;
}

// The body of saved bytes after every check of the envelope; `what` must be as saved.
class StateEnvelope {
public:
    explicit StateEnvelope(std::string_view bytes) {
        constexpr std::size_t header =
            4 + sizeof(std::uint16_t) + sizeof(std::uint32_t) + sizeof(u64);
        if (bytes.size() < header || bytes.substr(0, 4) != "BKFL") {
            throw StateError("these bytes are no saved state of bookflow");
        }
        std::uint16_t version = 0;
        std::uint32_t crc = 0;
        u64 length = 0;
        std::memcpy(&version, bytes.data() + 4, sizeof version);
        std::memcpy(&crc, bytes.data() + 6, sizeof crc);
        std::memcpy(&length, bytes.data() + 10, sizeof length);
        if (version != kStateVersion) {
            throw StateError("saved by state version " + std::to_string(version) +
                             ", this package reads version " + std::to_string(kStateVersion));
        }
        body_ = bytes.substr(header);
        if (body_.size() != length) {
            throw StateError("saved state of " + std::to_string(length) + " bytes, " +
                             std::to_string(body_.size()) + " are here");
        }
        if (detail::crc32(body_) != crc) throw StateError("saved state is damaged (CRC differs)");
    }

    template <class T>
    void load(const std::string& what, T& object) const {
        StateReader reader(body_);
        std::string saved;
        reader(saved);
        if (saved != what) {
            throw StateError("saved state of " + saved + ", expected one of " + what);
        }
        reader(object);
        reader.finish();
    }

private:
    std::string_view body_;
};

}  // namespace bookflow
