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
    const auto bytes_of =
        guarded<T>([what](T& object) { return py::bytes(save_state(what, object)); });
    const auto copied = [](T& object) { return T(object); };
    cls.def("copy", guarded<T>(copied), "A copy, state and all.")
        .def("__copy__", guarded<T>(copied))
        .def("__deepcopy__", guarded<T, const py::dict&>([copied](T& object, const py::dict&) {
                 return copied(object);
             }),
             "memo"_a)
        .def(
            "__eq__",
            [what](Made<T> a, const py::object& b) {
                if (!py::isinstance<T>(b)) return false;
                T& other = self_of<T>(b.ptr());
                const Busy::Guard guard(a->busy);
                if (&*a == &other) return true;
                const Busy::Guard guard_of_other(other.busy);
                return save_state(what, *a) == save_state(what, other);
            },
            "other"_a)
        .def("to_bytes", bytes_of, "Everything it is as bytes (magic, version, length, CRC).")
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
                                  py::make_tuple(what, bytes_of(a)));
        });
}

}  // namespace bookflow
