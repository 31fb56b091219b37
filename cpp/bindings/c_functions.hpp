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

// Runs f() on an object that `take` gave to this thread; 1: it failed.
template <class T, class F>
[[nodiscard]] int in_c(T* object, F&& f) noexcept {
    try {
        if (object == nullptr) throw_never_initialised();
        if (!object->busy.is_mine()) {
            // numba drops errors in the threads of its prange, which Python knows nothing of
            if (PyGILState_GetThisThreadState() == nullptr) object->busy.refused_unheard = true;
            Busy::throw_in_use();
        }
        f(*object);
        return 0;
    } catch (...) {
        pending_exception() = std::current_exception();
        return 1;
    }
}

// The C++ object of a Python object of its class, for this thread until `give_back`. It never
// fails: numba would not give back the others of a tuple. The first use says what was wrong.
template <class T>
T* c_take(PyObject* object) noexcept {
    T* const taken = object_of<T>(object);
    if (taken != nullptr) taken->busy.lend();
    return taken;
}
template <class T>
void c_give_back(T* taken) noexcept {
    if (taken == nullptr) return;
    if (taken->busy.refused_unheard.exchange(false)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "an object of bookflow was used in a prange: each of its threads was "
                        "refused, which numba does not tell");
        PyErr_WriteUnraisable(nullptr);
    }
    taken->busy.give_back();
}

// `_core._C_FUNCTIONS`: "Class.function" -> address.
template <class Function>
void add_c_function(py::module_& m, std::string_view cls, const char* name, Function* function) {
    const std::string key = std::string(cls) + "." + name;
    m.attr("_C_FUNCTIONS")[py::str(key)] = reinterpret_cast<std::uintptr_t>(function);
}

// What every class has.
template <class T>
void add_taking(py::module_& m, std::string_view cls) {
    add_c_function(m, cls, "take", &c_take<T>);
    add_c_function(m, cls, "give_back", &c_give_back<T>);
}

// As the property `quotes` of books and pipelines.
inline void write_quotes(const Quotes& q, i64* four) {
    four[0] = q.bid.raw;
    four[1] = q.bid_size.raw;
    four[2] = q.ask.raw;
    four[3] = q.ask_size.raw;
}

}  // namespace bookflow
