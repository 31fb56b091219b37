// MoldUDP64: packets of numbered messages, as they come by UDP.
//
// Session (10 bytes), the sequence number of the first message (8), how many follow (2, 0: a
// heartbeat, 65535: the session's end; either names the number that comes next), then messages, each
// behind two bytes of its length. Packets may be lost, come twice or late: what is above the number
// expected tells how many messages were lost, what is below was there before, or was given up.
#pragma once

#include "bookflow/codecs/itch50.hpp"

namespace bookflow::itch50 {

class MoldUdp64 {
public:
    static constexpr std::size_t kHeader = 20;
    static constexpr std::uint16_t kEnd = 0xFFFF;

    // What of a packet is to be read.
    struct Accepted {
        const Byte* data = nullptr;
        std::size_t size = 0;
        bool gap = false;  // messages before it were lost
    };

    // Throws InputError, before anything changes, where the packet is none; `offset` is where it
    // begins.
    Accepted accept(const Byte* packet, std::size_t size, i64 offset) {
        if (size < kHeader) {
            refuse("length", std::to_string(size), "a packet has a header of 20 bytes", offset);
        }
        const std::string_view session(reinterpret_cast<const char*>(packet), kSession);
        const u64 sequence = big<u64>(packet + kSession);
        const std::uint16_t count = big<std::uint16_t>(packet + kSession + 8);
        if (!session_.empty() && session != session_) {
            const auto* known = reinterpret_cast<const Byte*>(session_.data());
            refuse("session", text(packet, kSession),
                   "the session here is " + text(known, kSession), offset);
        }
        if (sequence == 0 || sequence > kMost) {
            refuse("sequence", std::to_string(sequence), "messages are numbered from 1 to 2^62",
                   offset + 10);
        }
        const std::uint16_t messages = count == kEnd ? std::uint16_t{0} : count;
        const u64 before = expected_ > sequence ? expected_ - sequence : 0;
        const Byte* at = packet + kHeader;
        const Byte* const end = packet + size;
        const Byte* unknown = at;
        for (std::uint16_t i = 0; i < messages; ++i) {
            if (i == before) unknown = at;
            const auto left = static_cast<std::size_t>(end - at);
            const std::size_t bytes = left < kPrefix ? 0 : kPrefix + big<std::uint16_t>(at);
            if (left < kPrefix || bytes > left) {
                refuse("count", std::to_string(count),
                       "the packet ends inside message " + std::to_string(i + 1), offset + 18);
            }
            if (bytes == kPrefix) {
                refuse("length", "0",
                       "message " + std::to_string(i + 1) + " of the packet is empty",
                       offset + (at - packet));
            }
            at += bytes;
        }
        if (before >= messages) unknown = at;
        if (at != end) {
            refuse("length", std::to_string(size),
                   "there are bytes behind the last of " + std::to_string(messages) + " messages",
                   offset + (at - packet));
        }
        if (session_.empty()) session_ = session;
        heartbeats_ += count == 0 ? 1 : 0;
        ended_ = ended_ || count == kEnd;
        duplicates_ += static_cast<i64>(std::min<u64>(before, messages));
        Accepted out{unknown, static_cast<std::size_t>(end - unknown), sequence > expected_};
        if (out.gap) lost_ += static_cast<i64>(sequence - expected_);
        expected_ = std::max(expected_, sequence + messages);
        return out;
    }

    [[nodiscard]] u64 expected() const { return expected_; }
    [[nodiscard]] i64 lost() const { return lost_; }
    [[nodiscard]] i64 duplicates() const { return duplicates_; }
    [[nodiscard]] i64 heartbeats() const { return heartbeats_; }
    [[nodiscard]] bool ended() const { return ended_; }

private:
    [[noreturn]] static void refuse(std::string field, std::string value, std::string rule,
                                    i64 offset) {
        InputError error(std::move(rule), std::move(field), std::move(value));
        error.offset = offset;
        throw error;
    }

    static constexpr std::size_t kSession = 10;
    static constexpr u64 kMost = u64{1} << 62;

    std::string session_;
    u64 expected_ = 1;
    i64 lost_ = 0;
    i64 duplicates_ = 0;
    i64 heartbeats_ = 0;
    bool ended_ = false;
};

}  // namespace bookflow::itch50
