// Python integers -> 64 bits, without a Python object in between where it can be avoided: most
// integers of a feed are one or two digits of CPython's, or numpy's own int64.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstring>

#include "bookflow/types.hpp"

namespace bookflow {

namespace py = pybind11;

// np.int64's scalar type, whose value lies behind the object's head. Nothing before `find`, and
// nothing where a numpy lays it out otherwise: `__index__` is asked then, as for any other integer.
class NumpyInteger {
public:
    static void find() {
        constexpr i64 probe = 0x0123'4567'89ab'cdef;
        const py::object type = py::module_::import("numpy").attr("int64");
        const py::object scalar = type(py::int_(probe));
        const auto* cls = reinterpret_cast<PyTypeObject*>(type.ptr());
        const bool fits = cls->tp_basicsize >= static_cast<Py_ssize_t>(sizeof(Layout));
        if (fits && Py_TYPE(scalar.ptr()) == cls && value(scalar.ptr()) == probe) type_ = cls;
    }
    [[nodiscard]] static bool is(PyObject* o) { return Py_TYPE(o) == type_; }
    [[nodiscard]] static i64 value(PyObject* o) { return reinterpret_cast<Layout*>(o)->value; }

private:
    struct Layout {
        PyObject_HEAD i64 value;
    };
    static inline const PyTypeObject* type_ = nullptr;
};

// The value of an exact int in `out`; false where it does not fit.
[[nodiscard]] inline bool long_value(PyObject* o, i64& out) {
#if defined(PYPY_VERSION) || defined(GRAALVM_PYTHON)
#elif PY_VERSION_HEX >= 0x030c0000
    const auto* n = reinterpret_cast<const PyLongObject*>(o);
    if (PyUnstable_Long_IsCompact(n) != 0) {
        out = PyUnstable_Long_CompactValue(n);
        return true;
    }
#else
    const auto* n = reinterpret_cast<const PyLongObject*>(o);
    switch (Py_SIZE(o)) {
        case 0: out = 0; return true;
        case 1: out = i64{n->ob_digit[0]}; return true;
        case -1: out = -i64{n->ob_digit[0]}; return true;
        case 2: out = i64{n->ob_digit[1]} << PyLong_SHIFT | i64{n->ob_digit[0]}; return true;
        default: break;
    }
#endif
    int overflow = 0;
    out = PyLong_AsLongLongAndOverflow(o, &overflow);
    return overflow == 0;
}

}  // namespace bookflow
