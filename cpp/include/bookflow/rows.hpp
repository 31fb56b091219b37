// Written rows, a column each: what a run hands over without copying, and what a live pipeline
// keeps of its last rows.
#pragma once

#include <vector>

#include "bookflow/state.hpp"

namespace bookflow {

struct Rows {
    std::vector<i64> ts;
    std::vector<std::uint16_t> status;
    std::vector<std::uint16_t> seen;
    std::vector<i64> clean;
    std::vector<std::vector<double>> features;

    explicit Rows(std::size_t columns = 0) : features(columns) {}

    [[nodiscard]] std::size_t size() const { return ts.size(); }

    // Room for n rows: a column that grows is copied again and again.
    void reserve(std::size_t n) {
        ts.reserve(n);
        status.reserve(n);
        seen.reserve(n);
        clean.reserve(n);
        for (auto& column : features) column.reserve(n);
    }

    // Keeps the last n.
    void keep_last(std::size_t n) {
        if (size() <= n) return;
        const auto drop = size() - n;
        const auto shorten = [drop](auto& column) {
            column.erase(column.begin(), column.begin() + static_cast<std::ptrdiff_t>(drop));
        };
        shorten(ts);
        shorten(status);
        shorten(seen);
        shorten(clean);
        for (auto& column : features) shorten(column);
    }

    void append_last(const Rows& other, std::size_t n) {
        const auto from = static_cast<std::ptrdiff_t>(other.size() > n ? other.size() - n : 0);
        const auto extend = [from](auto& column, const auto& more) {
            column.insert(column.end(), more.begin() + from, more.end());
        };
        extend(ts, other.ts);
        extend(status, other.status);
        extend(seen, other.seen);
        extend(clean, other.clean);
        for (std::size_t i = 0; i < features.size(); ++i) extend(features[i], other.features[i]);
    }

    template <class V>
    void visit(V& v) {
        v(ts, status, seen, clean, features);
        if constexpr (V::kReading) {
            bool even = status.size() == size() && seen.size() == size() && clean.size() == size();
            for (const auto& column : features) even = even && column.size() == size();
            v.require(even, "saved rows are ragged");
        }
    }
};

}  // namespace bookflow
