// numpy arrays -> checked columns. The only place where the memory of an array is taken: what
// comes out of here has the right type, byte order, alignment, dimension and length, and is read
// in place. Nothing is ever converted.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <vector>

#include "bookflow/event_columns.hpp"

namespace bookflow {

namespace py = pybind11;

namespace detail {

inline constexpr const char* kNotAligned = "is not aligned in memory (a copy is: array.copy())";

[[noreturn]] inline void refuse_array(const char* name, const std::string& rule) {
    throw py::type_error(std::string("column '") + name + "': " + rule);
}

// numpy's own dtype object, which all arrays of that type share; looked up once.
template <class T>
[[nodiscard]] PyObject* dtype_of() {
    static PyObject* const dtype = py::dtype::of<T>().release().ptr();
    return dtype;
}

using Array = py::detail::PyArray_Proxy;

[[nodiscard]] inline bool is_plain_array(py::handle object) {
    return Py_TYPE(object.ptr()) == py::detail::npy_api::get().PyArray_Type_;
}

// The common case is three comparisons: a numpy array itself, of numpy's own dtype object.
template <class T>
[[nodiscard]] const Array& checked_array(py::handle object, const char* name, int ndim) {
    if (!is_plain_array(object)) {
        if (!py::isinstance<py::array>(object)) {
            refuse_array(name, "expected a numpy array, got " +
                                   std::string(py::str(py::type::of(object).attr("__name__"))));
        }
        if (py::hasattr(object, "mask")) refuse_array(name, "masked arrays are not taken");
    }
    const Array& array = *py::detail::array_proxy(object.ptr());
    if (array.descr != dtype_of<T>() && !py::isinstance<py::array_t<T>>(object)) {
        // isinstance compares type and byte order
        refuse_array(name, "dtype is " + std::string(py::str(object.attr("dtype"))) +
                               ", expected " + std::string(py::str(py::dtype::of<T>())) +
                               " in native byte order");
    }
    if (array.nd != ndim) {
        refuse_array(name, "has " + std::to_string(array.nd) + " dimensions, expected " +
                               std::to_string(ndim));
    }
    if ((array.flags & py::detail::npy_api::NPY_ARRAY_ALIGNED_) == 0) {
        refuse_array(name, kNotAligned);
    }
    return array;
}

inline void check_length(const char* name, py::ssize_t rows, py::ssize_t expected) {
    if (expected >= 0 && rows != expected) {
        throw py::value_error(std::string("column '") + name + "' has " + std::to_string(rows) +
                              " rows, expected " + std::to_string(expected));
    }
}

}  // namespace detail

// A column of `rows` rows (-1: any; the length comes back in `rows`).
template <class T>
[[nodiscard]] Column<T> column(py::handle object, const char* name, py::ssize_t& rows) {
    const detail::Array& array = detail::checked_array<T>(object, name, 1);
    detail::check_length(name, array.dimensions[0], rows);
    rows = array.dimensions[0];
    return {array.data, array.strides[0]};
}

template <class T>
[[nodiscard]] Column<T> optional_column(py::handle object, const char* name, py::ssize_t& rows) {
    return object.is_none() ? Column<T>{} : column<T>(object, name, rows);
}

// A (rows, levels) table.
[[nodiscard]] inline Table table(py::handle object, const char* name, py::ssize_t& rows,
                                 int& levels) {
    const detail::Array& array = detail::checked_array<i64>(object, name, 2);
    detail::check_length(name, array.dimensions[0], rows);
    rows = array.dimensions[0];
    const py::ssize_t given = array.dimensions[1];
    if (given < 1 || given > 1'000'000 || (levels > 0 && given != levels)) {
        throw py::value_error(std::string("column '") + name + "' has " + std::to_string(given) +
                              " levels, expected " +
                              (levels > 0 ? std::to_string(levels) : "at least 1"));
    }
    levels = static_cast<int>(given);
    return {{array.data, array.strides[0]}, array.strides[1]};
}

// The bytes an array may touch, from the least address to past the greatest: what
// numpy.may_share_memory compares.
class Extent {
public:
    explicit Extent(py::handle object, std::ptrdiff_t item) {
        const detail::Array& array = *py::detail::array_proxy(object.ptr());
        std::ptrdiff_t low = 0;
        std::ptrdiff_t high = item;
        for (int d = 0; d < array.nd; ++d) {
            if (array.dimensions[d] == 0) return;
            const std::ptrdiff_t reach = array.strides[d] * (array.dimensions[d] - 1);
            (reach < 0 ? low : high) += reach;
        }
        // as integers: pointers into different arrays have no order
        low_ = reinterpret_cast<std::uintptr_t>(array.data) + static_cast<std::uintptr_t>(low);
        high_ = reinterpret_cast<std::uintptr_t>(array.data) + static_cast<std::uintptr_t>(high);
    }
    [[nodiscard]] bool overlaps(const Extent& other) const {
        return low_ < other.high_ && other.low_ < high_;
    }

private:
    std::uintptr_t low_ = 0;  // empty: overlaps nothing
    std::uintptr_t high_ = 0;
};

// None, or four (rows, levels) tables.
[[nodiscard]] inline DepthColumns depth_columns(const py::object& object, py::ssize_t& rows) {
    DepthColumns out;
    if (object.is_none()) return out;
    // a tuple, because it holds its arrays for as long as they are read
    const auto four = py::reinterpret_borrow<py::tuple>(object);
    if (!py::isinstance<py::tuple>(object) || four.size() != 4) {
        throw py::type_error(
            "depth must be None or a tuple (bid_price, bid_size, ask_price, ask_size)");
    }
    out.bid_price = table(four[0], "depth.bid_price", rows, out.levels);
    out.bid_size = table(four[1], "depth.bid_size", rows, out.levels);
    out.ask_price = table(four[2], "depth.ask_price", rows, out.levels);
    out.ask_size = table(four[3], "depth.ask_size", rows, out.levels);
    return out;
}

[[nodiscard]] inline EventColumns event_columns(const py::object& ts, const py::object& action,
                                                const py::object& side, const py::object& price,
                                                const py::object& size, const py::object& flags,
                                                const py::object& order_id,
                                                const py::object& instrument,
                                                const py::object& depth) {
    py::ssize_t rows = -1;
    EventColumns c;
    c.ts = column<i64>(ts, "ts", rows);
    c.action = column<std::uint8_t>(action, "action", rows);
    c.side = column<std::uint8_t>(side, "side", rows);
    c.price = column<i64>(price, "price", rows);
    c.size = column<i64>(size, "size", rows);
    c.flags = optional_column<std::uint16_t>(flags, "flags", rows);
    c.order_id = optional_column<u64>(order_id, "order_id", rows);
    c.instrument = optional_column<std::uint32_t>(instrument, "instrument", rows);
    c.depth = depth_columns(depth, rows);
    c.rows = static_cast<std::size_t>(rows);
    return c;
}

// An array that the caller gave to be written: of this type and shape, row after row without gaps.
template <class T>
[[nodiscard]] py::array_t<T> writable(const py::object& object, const char* name,
                                      const std::vector<py::ssize_t>& shape) {
    const auto dimensions = static_cast<int>(shape.size());
    const detail::Array& array = detail::checked_array<T>(object, name, dimensions);
    constexpr int needed = static_cast<int>(py::array::c_style) |
                           static_cast<int>(py::detail::npy_api::NPY_ARRAY_WRITEABLE_);
    if ((array.flags & needed) != needed ||
        !std::equal(shape.begin(), shape.end(), array.dimensions)) {
        std::string text;
        for (const py::ssize_t n : shape) {
            text.append(text.empty() ? "" : ", ").append(std::to_string(n));
        }
        throw py::value_error(std::string("out.") + name +
                              " must be a writable C-contiguous array of shape (" + text + ")");
    }
    return py::reinterpret_borrow<py::array_t<T>>(object);
}

// A vector handed to numpy without a copy: the array owns it.
template <class T>
[[nodiscard]] py::array_t<T> to_numpy(std::vector<T>&& values) {
    auto owned = std::make_unique<std::vector<T>>(std::move(values));
    const auto n = static_cast<py::ssize_t>(owned->size());
    const T* data = owned->data();
    py::capsule owner(owned.get(), [](void* p) { delete static_cast<std::vector<T>*>(p); });
    owned.release();
    return py::array_t<T>(n, data, owner);
}

}  // namespace bookflow
