// Hot methods as C functions, for code that was compiled from Python (numba) and so can call no
// Python object. They are the methods' own steps, on the C++ object behind a Python one.
//
// None of them needs the GIL, not even to fail: the exception is kept for its thread, and whoever
// called turns it into the Python error once it is back in Python (`_raise_pending`).
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <exception>
#include <string>

#include "bookflow/book_update.hpp"
#include "hot_method.hpp"

namespace bookflow {

// The exception of this thread's last C function that failed.
[[nodiscard]] inline std::exception_ptr& pending_exception() {
    static thread_local std::exception_ptr pending;
    return pending;
}

// Runs f() on the object while no other thread does; 1: it failed.
template <class T, class F>
[[nodiscard]] int in_c(T* object, F&& f) noexcept {
    try {
        const Busy::Guard guard(object->busy);
        f(*object);
        return 0;
    } catch (...) {
        pending_exception() = std::current_exception();
        return 1;
    }
}

// The C++ object of a Python object, checked as a method's `self`; nullptr with a Python error.
template <class T>
void* c_self(PyObject* object) noexcept {
    try {
        if (py::isinstance<T>(object)) return &self_of<T>(object);
        PyErr_Format(PyExc_TypeError, "expected %s, got %s",
                     py::cast<std::string>(py::type::of<T>().attr("__name__")).c_str(),
                     Py_TYPE(object)->tp_name);
    } catch (py::builtin_exception& e) {
        e.set_error();
    } catch (...) {
        set_current_exception();
    }
    return nullptr;
}

// As the property `quotes` of books and pipelines.
inline void write_quotes(const Quotes& q, i64* four) {
    four[0] = q.bid.raw;
    four[1] = q.bid_size.raw;
    four[2] = q.ask.raw;
    four[3] = q.ask_size.raw;
}

// `_core._C_FUNCTIONS`: "Class.function" -> address.
template <class Function>
void add_c_function(py::module_& m, std::string_view cls, const char* name, Function* function) {
    const std::string key = std::string(cls) + "." + name;
    m.attr("_C_FUNCTIONS")[py::str(key)] = reinterpret_cast<std::uintptr_t>(function);
}

}  // namespace bookflow
