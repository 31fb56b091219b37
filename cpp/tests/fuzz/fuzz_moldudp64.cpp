// Packets of MoldUDP64, each behind two bytes of its length: what is new of them goes to a feed. A packet
// that is refused changes nothing, and nothing is read twice.
#include "bookflow/codecs/moldudp64.hpp"
#include "itch_input.hpp"

using namespace bookflow;
using itch50::Byte;

namespace {

std::string big_endian(u64 x, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(x >> (8 * i));
    return out;
}

std::string packet(u64 sequence, std::uint16_t count, const std::string& messages) {
    const std::string body =
        "SESSION001" + big_endian(sequence, 8) + big_endian(count, 2) + messages;
    return big_endian(body.size(), 2) + body;
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
    const std::string all = some_messages();
    std::vector<std::string> cut;
    for (std::size_t at = 0; at + 2 <= all.size();) {
        const std::size_t n = 2 + static_cast<std::uint8_t>(all[at + 1]);
        cut.push_back(all.substr(at, n));
        at += n;
    }
    std::string in_order;
    std::string lossy;
    for (std::size_t i = 0; i + 2 < cut.size(); i += 2) {
        const std::string one = packet(i + 1, 2, cut[i] + cut[i + 1]);
        in_order += one;
        lossy += i % 6 == 0 ? packet(i + 1, 0, "") : i % 4 == 0 ? one + one : one;
    }
    return {in_order, lossy + packet(cut.size() + 1, itch50::MoldUdp64::kEnd, "")};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    itch50::MoldUdp64 packets;
    itch50::Feed feed({kMidnight, {}, 'Q', true, false});
    ItchRows rows(size);
    for (std::size_t at = 0; at + 2 <= size;) {
        const std::size_t length = std::size_t{data[at]} << 8 | data[at + 1];
        at += 2;
        const std::size_t n = std::min(length, size - at);
        const u64 expected = packets.expected();
        const i64 lost = packets.lost();
        try {
            const auto accepted = packets.accept(data + at, n, static_cast<i64>(at));
            fuzz::require(accepted.size <= n, "no more than the packet is accepted");
            fuzz::require(packets.expected() >= expected && packets.lost() >= lost,
                          "counts do not go back");
            fuzz::require(accepted.gap == (packets.lost() > lost), "a gap is what was lost");
            if (accepted.gap) feed.gap();
            read_all(feed, accepted.data, accepted.size, rows.out);
        } catch (const InputError& error) {
            fuzz::require(packets.expected() == expected && packets.lost() == lost,
                          "what is refused changes nothing");
            fuzz::require(error.offset >= static_cast<i64>(at), "an error says where");
        }
        at += n;
    }
    return 0;
}
