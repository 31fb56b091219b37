// What `Events` holds, taken at the door: a dict of columns by field name, and its depth rows.
#pragma once

#include <pybind11/pybind11.h>

#include <array>

#include "bookflow/arrived_rows.hpp"
#include "columns.hpp"

namespace bookflow {

// The fields of events, as they are called in Python.
enum class Field : std::uint8_t {
    Ts,
    TsVenue,
    OrderId,
    Price,
    Size,
    Instrument,
    Action,
    Side,
    Flags,
};

[[nodiscard]] inline PyObject* name_of(Field field) {
    static const std::array<PyObject*, 9> names = [] {
        std::array<PyObject*, 9> out{};
        std::size_t i = 0;
        for (const char* name : {"ts", "ts_venue", "order_id", "price", "size", "instrument",
                                 "action", "side", "flags"}) {
            out[i++] = PyUnicode_InternFromString(name);
        }
        return out;
    }();
    return names[static_cast<std::size_t>(field)];
}

// The columns of an `Events`, a dict by field name.
struct EventDict : ArrivedRows {
    explicit EventDict(PyObject* columns, PyObject* depth = Py_None, PyObject* own = Py_None) {
        if (PyDict_CheckExact(columns) == 0) throw py::type_error("columns must be a dict");
        const auto at = [&](Field field) {
            PyObject* column = PyDict_GetItemWithError(columns, name_of(field));
            if (column == nullptr && PyErr_Occurred() != nullptr) throw py::error_already_set();
            return column == nullptr ? py::handle(Py_None) : py::handle(column);
        };
        py::ssize_t rows = -1;
        events.ts = column<i64>(at(Field::Ts), "ts", rows);
        ts_venue = optional_column<i64>(at(Field::TsVenue), "ts_venue", rows);
        events.order_id = optional_column<u64>(at(Field::OrderId), "order_id", rows);
        events.price = column<i64>(at(Field::Price), "price", rows);
        events.size = column<i64>(at(Field::Size), "size", rows);
        events.instrument =
            optional_column<std::uint32_t>(at(Field::Instrument), "instrument", rows);
        events.action = column<std::uint8_t>(at(Field::Action), "action", rows);
        events.side = column<std::uint8_t>(at(Field::Side), "side", rows);
        events.flags = optional_column<std::uint16_t>(at(Field::Flags), "flags", rows);
        if (depth != Py_None) {
            events.depth = depth_columns(py::reinterpret_borrow<py::object>(depth), rows);
        }
        own_depth = optional_column<std::uint8_t>(own, "own_depth", rows);
        events.rows = static_cast<std::size_t>(rows);
    }
};

}  // namespace bookflow
