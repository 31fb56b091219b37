// C++ exceptions as Python's, with their parts. One translation for pybind11's own dispatch and
// for the methods that go around it.
#pragma once

#include <pybind11/pybind11.h>

#include <exception>
#include <string>

#include "bookflow/error.hpp"

namespace bookflow {

namespace py = pybind11;

// Where the rows of a call come from: said in front of a message, added to its row.
struct Origin {
    std::string source{};
    i64 first_row = 0;
};

[[nodiscard]] inline py::object input_error(const InputError& e, const Origin& origin = {}) {
    py::object value = py::none();
    if (!e.value.empty()) {
        // an integer is shown and kept as one
        const bool integer =
            e.value.size() < 25 && e.value != "-" &&
            e.value.find_first_not_of("0123456789", e.value[0] == '-' ? 1 : 0) == std::string::npos;
        value =
            integer
                ? py::reinterpret_steal<py::object>(PyLong_FromString(e.value.c_str(), nullptr, 10))
                : py::object(py::str(e.value));
        if (!value) throw py::error_already_set();
    }
    const auto given = [](i64 number, i64 first) {
        return number < 0 ? py::object(py::none()) : py::object(py::int_(number + first));
    };
    return py::module_::import("bookflow.errors")
        .attr("InputError")(e.rule, py::arg("source") = origin.source,
                            py::arg("row") = given(e.row, origin.first_row),
                            py::arg("offset") = given(e.offset, 0), py::arg("field") = e.field,
                            py::arg("value") = value);
}

inline void set_python_error(const py::object& error) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
}

inline void translate(const std::exception_ptr& p) {
    try {
        if (p) std::rethrow_exception(p);
    } catch (const InputError& e) {
        set_python_error(input_error(e));
    } catch (const StateError& e) {
        set_python_error(py::module_::import("bookflow.errors").attr("StateError")(e.what()));
    } catch (const FeedFault& e) {
        set_python_error(py::module_::import("bookflow.errors")
                             .attr("FeedFault")("feed fault: " + e.fault,
                                                py::arg("fault") = e.fault,
                                                py::arg("row") = e.row));
    }
}

// For code outside pybind11's dispatch: any exception becomes a Python error.
inline void set_current_exception() {
    try {
        try {
            throw;
        } catch (py::error_already_set& e) {
            e.restore();
        } catch (const InputError&) {
            translate(std::current_exception());
        } catch (const StateError&) {
            translate(std::current_exception());
        } catch (const FeedFault&) {
            translate(std::current_exception());
        } catch (const std::overflow_error& e) {
            PyErr_SetString(PyExc_OverflowError, e.what());
        } catch (const std::bad_alloc&) {
            PyErr_NoMemory();
        } catch (const std::exception& e) {
            PyErr_SetString(PyExc_RuntimeError, e.what());
        }
    } catch (py::error_already_set& e) {  // while the error itself was being made
        e.restore();
    }
}

}  // namespace bookflow
