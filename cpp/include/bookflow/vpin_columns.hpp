// VPIN over columns. Its value changes only where a bucket ends: prints in between are added up by
// running sums, and the calculator's step sees the one that ends a bucket.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "bookflow/calculators/vpin.hpp"
#include "bookflow/event_columns.hpp"
#include "bookflow/plain_rows.hpp"

namespace bookflow {

struct PrintColumns {
    Column<i64> price;
    Column<i64> size;
    Column<std::uint8_t> side;
};

// Columns one after another in memory.
struct PrintRows {
    const i64* price;
    const i64* size;
    const std::uint8_t* side;
};

// A block of rows: in place where the columns are contiguous, otherwise copied to where they are.
class PrintBlocks {
public:
    static constexpr std::size_t kRows = 512;  // with their sums they fit the first cache

    explicit PrintBlocks(const PrintColumns& columns)
        : columns_(columns),
          in_place_(columns.price.dense() && columns.size.dense() && columns.side.dense()) {
        if (in_place_) return;
        price_.resize(kRows);
        size_.resize(kRows);
        side_.resize(kRows);
    }
    [[nodiscard]] PrintRows read(std::size_t begin, std::size_t n) {
        if (in_place_) {
            return {reinterpret_cast<const i64*>(columns_.price.data) + begin,
                    reinterpret_cast<const i64*>(columns_.size.data) + begin,
                    reinterpret_cast<const std::uint8_t*>(columns_.side.data) + begin};
        }
        for (std::size_t i = 0; i < n; ++i) {
            price_[i] = columns_.price[begin + i];
            size_[i] = columns_.size[begin + i];
            side_[i] = columns_.side[begin + i];
        }
        return {price_.data(), size_.data(), side_.data()};
    }

private:
    PrintColumns columns_;
    bool in_place_;
    std::vector<i64> price_;
    std::vector<i64> size_;
    std::vector<std::uint8_t> side_;
};

// Running sums over a block, of volume and of bought minus sold; whether all of its rows are plain.
struct PrintKernel {
    BOOKFLOW_KERNEL bool run(PrintRows x, std::size_t n, i64* __restrict volume,
                             i64* __restrict net) {
        u64 sizes = 0;
        u64 prices = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const auto size = static_cast<u64>(x.size[i]);
            const u64 side = x.side[i];
            sizes |= size - 1;
            prices |= static_cast<u64>(x.price[i]) + kPlainLimit;
            volume[i] = x.size[i];
            net[i] = static_cast<i64>((size & -(side & 1)) - (size & -(side >> 1)));
        }
        unsigned sides = 0;  // a loop of its own: bytes fill a vector eight times as well
        for (std::size_t i = 0; i < n; ++i) {
            const unsigned side = x.side[i];
            sides |= (side & ~3U) | (side & (side >> 1));  // neither above 3, nor 3
        }
        if (((sizes >> kPlainBits) | (prices >> (kPlainBits + 1)) | sides) != 0) return false;
        add_up(volume, n);
        add_up(net, n);
        return true;
    }

private:
    // Four at a time: one by one, each addition waits for the one before it.
    [[gnu::always_inline]] static inline void add_up(i64* x, std::size_t n) {
        i64 sum = 0;
        const std::size_t fours = n - n % 4;
        for (std::size_t i = 0; i < fours; i += 4) {
            const i64 one = x[i];
            const i64 two = one + x[i + 1];
            const i64 three = two + x[i + 2];
            const i64 four = two + (x[i + 2] + x[i + 3]);
            x[i] = sum + one;
            x[i + 1] = sum + two;
            x[i + 2] = sum + three;
            x[i + 3] = sum += four;
        }
        for (std::size_t i = fours; i < n; ++i) x[i] = sum += x[i];
    }
};

class VpinColumns {
public:
    explicit VpinColumns(const PrintColumns& columns) : blocks_(columns) {}

    // The tick rule signs a print by those before it, and the age changes with each.
    [[nodiscard]] static bool takes(const VPIN::Settings& s) {
        return s.sign.rule == SignRule::Aggressor && s.output == VpinOutput::Value &&
               s.bucket_volume.sessions == 0;
    }

    // `stepped(row, out)` gives `vpin` the print of a row, checked, and reads its value.
    template <class Step>
    void run(VPIN& vpin, std::size_t rows, double* out, Step stepped) {
        double value = kNaN;
        for (std::size_t begin = 0; begin < rows; begin += PrintBlocks::kRows) {
            const std::size_t n = std::min(PrintBlocks::kRows, rows - begin);
            double* const to = out + begin;
            const PrintRows x = blocks_.read(begin, n);
            if (simd::run<PrintKernel>(x, n, volume_.data(), net_.data())) {
                value = block(vpin, x, n, value, to,
                              [&](std::size_t i) { stepped(begin + i, to + i); });
            } else {
                for (std::size_t i = 0; i < n; ++i) stepped(begin + i, to + i);
                value = to[n - 1];
            }
        }
    }

private:
    static constexpr std::size_t kGroup = 8;  // a cache line

    // Asks for the same line of the next block: blocks are computed and filled in turns, so that
    // memory would idle. There may be no next block; the address is not used but asked for.
    template <int ForWriting>
    [[gnu::always_inline]] static inline void next_block(const void* line) {
        __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(line) +
                                                         PrintBlocks::kRows * sizeof(i64)),
                           ForWriting);
    }

    template <class Step>
    [[nodiscard]] double block(VPIN& vpin, PrintRows x, std::size_t n, double value, double* out,
                               Step stepped) {
        i64 volume = 0;
        i64 net = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t end = fill(x, i, n, volume + vpin.room(), value, out);
            if (end > i) vpin.gather(volume_[end - 1] - volume, net_[end - 1] - net);
            i = end;
            if (i == n) break;
            stepped(i);
            value = out[i];
            volume = volume_[i];
            net = net_[i];
        }
        return value;
    }
    // The value as far as the volume is below `enough`, and the first row from `i` where it is not.
    // In whole groups: sums never fall, so a group's last tells of all of it, and what was written
    // too far is written again.
    [[nodiscard]] std::size_t fill(PrintRows x, std::size_t i, std::size_t n, i64 enough,
                                   double value, double* out) const {
        for (; i + kGroup <= n; i += kGroup) {
            std::fill_n(out + i, kGroup, value);
            next_block<1>(out + i);
            next_block<0>(x.price + i);
            next_block<0>(x.size + i);
            if (volume_[i + kGroup - 1] < enough) continue;
            std::size_t below = 0;
            for (std::size_t k = 0; k < kGroup; ++k) below += volume_[i + k] < enough ? 1U : 0U;
            return i + below;
        }
        for (; i < n && volume_[i] < enough; ++i) out[i] = value;
        return i;
    }

    PrintBlocks blocks_;
    std::array<i64, PrintBlocks::kRows> volume_{};
    std::array<i64, PrintBlocks::kRows> net_{};
};

}  // namespace bookflow
