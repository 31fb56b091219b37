// Copy, equality, bytes and pickle of whatever has a state: all of them are its bytes.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "bookflow/state.hpp"
#include "hot_method.hpp"

namespace bookflow {

// `blank()` makes an object to read a state into.
template <class T, class Class, class Blank>
void def_state(Class& cls, const std::string& what, Blank blank) {
    using namespace py::literals;
    const auto bytes_of = [what](T& object) { return py::bytes(save_state(what, object)); };
    cls.def(
           "copy", [](Made<T> a) { return T(*a); }, "A copy, state and all.")
        .def("__copy__", [](Made<T> a) { return T(*a); })
        .def(
            "__deepcopy__", [](Made<T> a, const py::dict&) { return T(*a); }, "memo"_a)
        .def(
            "__eq__",
            [what](Made<T> a, const py::object& b) {
                return py::isinstance<T>(b) &&
                       save_state(what, *a) == save_state(what, self_of<T>(b.ptr()));
            },
            "other"_a)
        .def(
            "to_bytes", [bytes_of](Made<T> a) { return bytes_of(*a); },
            "Everything it is as bytes (magic, version, length, CRC).")
        .def_static(
            "from_bytes",
            [what, blank](const py::bytes& state) {
                T object = blank();
                StateEnvelope(std::string_view(state)).load(what, object);
                return object;
            },
            "state"_a, "One from `to_bytes`; StateError when the bytes are not that.")
        .def("__reduce__", [what, bytes_of](Made<T> a) {
            // by name: pickle cannot find a static method of a compiled class
            return py::make_tuple(py::module_::import("bookflow._restore").attr("restore"),
                                  py::make_tuple(what, bytes_of(*a)));
        });
}

}  // namespace bookflow
