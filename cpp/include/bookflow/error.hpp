// The core's exceptions. The bindings turn them into bookflow.errors of the same names.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "bookflow/types.hpp"

namespace bookflow {

// Bad input: nothing was applied. `row` counts from 0 in the call's columns, -1: not a row's.
struct InputError : std::runtime_error {
    InputError(std::string rule_, std::string field_ = {}, std::string value_ = {}, i64 row_ = -1)
        : std::runtime_error(field_ + (value_.empty() ? "" : " = " + value_) + ": " + rule_),
          rule(std::move(rule_)),
          field(std::move(field_)),
          value(std::move(value_)),
          row(row_) {}

    std::string rule;
    std::string field;
    std::string value;
    i64 row;
    i64 offset = -1;  // in bytes, of an input that has no rows; -1: none
};

// Bytes that are no saved state of this class and version, or are damaged.
struct StateError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A fault of the feed, thrown only by a pipeline told to raise.
struct FeedFault : std::runtime_error {
    FeedFault(std::string fault_, i64 row_)
        : std::runtime_error(fault_), fault(std::move(fault_)), row(row_) {}

    std::string fault;
    i64 row;  // at which the offending atomic event begins
};

// A sum that does not fit. Nothing was applied; `row` as in InputError.
struct SizeOverflow : std::overflow_error {
    explicit SizeOverflow(const char* rule, i64 row_ = -1) : std::overflow_error(rule), row(row_) {}

    i64 row;
};

}  // namespace bookflow
