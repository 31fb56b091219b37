// Methods for hot loops: METH_FASTCALL descriptors on the pybind11 classes, which cost a third of
// a `.def`. What pybind11's dispatch would have done is done here: the C++ object must exist
// (`Cls.__new__(Cls)` has none), arguments are found by position or name, integers are integers
// (bool and float are refused, `__index__` is taken), exceptions are translated.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "bookflow/types.hpp"
#include "errors.hpp"

namespace bookflow {

namespace py = pybind11;

// An object is used by one thread at a time; a second one gets an error, never a wrong number.
class Busy {
public:
    Busy() = default;
    Busy(const Busy&) {}  // a copy is nobody's yet
    Busy& operator=(const Busy&) { return *this; }

    class Guard {
    public:
        explicit Guard(Busy& busy) : flag_(busy.flag_) {
            if (flag_.exchange(true, std::memory_order_acquire)) throw_in_use();
        }
        ~Guard() { flag_.store(false, std::memory_order_release); }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

    private:
        std::atomic<bool>& flag_;
    };

    // For as long as compiled code has the object, its thread has it: an exchange a call would cost
    // more than most calls. A thread may have it several times. Where another one has it already,
    // nothing happens here, and it is not this one's.
    void lend() {
        if (!is_mine()) {
            if (flag_.exchange(true, std::memory_order_acquire)) return;
            holder_.store(std::this_thread::get_id(), std::memory_order_relaxed);
        }
        ++lent_;
    }
    void give_back() {
        if (!is_mine() || --lent_ > 0) return;
        holder_.store({}, std::memory_order_relaxed);
        flag_.store(false, std::memory_order_release);
    }
    // A thread reads its own id here only if it wrote it itself.
    [[nodiscard]] bool is_mine() const {
        return holder_.load(std::memory_order_relaxed) == std::this_thread::get_id();
    }
    std::atomic<bool> refused_unheard{false};

    [[noreturn]] static void throw_in_use() {
        throw std::runtime_error("this object is in use by another thread");
    }

private:
    std::atomic<bool> flag_{false};
    std::atomic<std::thread::id> holder_{};
    int lent_ = 0;  // the holder's
};

[[noreturn]] inline void throw_never_initialised() {
    throw py::type_error("the object was never initialised (__init__ was not called)");
}

// The C++ object behind `self`, nullptr if there is none yet; subclasses made in Python have it
// too.
template <class T>
[[nodiscard]] T* object_of(PyObject* self) {
    auto* instance = reinterpret_cast<py::detail::instance*>(self);
    return instance->simple_layout ? static_cast<T*>(instance->simple_value_holder[0]) : nullptr;
}

template <class T>
[[nodiscard]] T& self_of(PyObject* self) {
    T* const object = object_of<T>(self);
    if (object == nullptr) {
        if (!reinterpret_cast<py::detail::instance*>(self)->simple_layout) {
            throw py::type_error("a class cannot have several bases of bookflow");
        }
        throw_never_initialised();
    }
    return *object;
}

// A method's `self` that was initialised. pybind11 itself would hand over raw memory for
// `Cls.__new__(Cls)`.
template <class T>
class Made {
public:
    explicit Made(T& object) : object_(&object) {}
    [[nodiscard]] T& operator*() const { return *object_; }
    [[nodiscard]] T* operator->() const { return object_; }

private:
    T* object_;
};

// The arguments of one call, in the order of `names`; missing ones are nullptr.
template <std::size_t N>
class Arguments {
public:
    Arguments(const char* function, const std::array<const char*, N>& names, std::size_t required,
              PyObject* const* args, Py_ssize_t n, PyObject* keywords)
        : names_(names) {
        if (n > static_cast<Py_ssize_t>(N)) {
            throw py::type_error(std::string(function) + "() takes at most " + std::to_string(N) +
                                 " arguments, got " + std::to_string(n));
        }
        for (Py_ssize_t i = 0; i < n; ++i) given_[static_cast<std::size_t>(i)] = args[i];
        if (keywords != nullptr) by_name(function, args + n, keywords);
        for (std::size_t i = 0; i < required; ++i) {
            if (given_[i] == nullptr) {
                throw py::type_error(std::string(function) + "() needs '" + names[i] + "'");
            }
        }
    }

    [[nodiscard]] PyObject* operator[](std::size_t i) const { return given_[i]; }

    [[nodiscard]] i64 integer(std::size_t i) const {
        PyObject* o = given_[i];
        if (PyLong_CheckExact(o)) return long_of(o, i);
        if (PyBool_Check(o) || PyIndex_Check(o) == 0) refuse(i, "must be an integer");
        const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(o));
        if (!index) throw py::error_already_set();
        return long_of(index.ptr(), i);
    }
    [[nodiscard]] i64 integer(std::size_t i, i64 fallback) const {
        return given_[i] == nullptr || given_[i] == Py_None ? fallback : integer(i);
    }
    [[nodiscard]] u64 unsigned_integer(std::size_t i, u64 fallback) const {
        PyObject* o = given_[i];
        if (o == nullptr) return fallback;
        if (PyBool_Check(o) || PyIndex_Check(o) == 0) refuse(i, "must be an integer");
        const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(o));
        if (!index) throw py::error_already_set();
        const u64 value = PyLong_AsUnsignedLongLong(index.ptr());
        if (value == ~u64{0} && PyErr_Occurred() != nullptr) {
            PyErr_Clear();
            throw std::overflow_error(std::string(names_[i]) + " does not fit 64 unsigned bits");
        }
        return value;
    }

private:
    void by_name(const char* function, PyObject* const* values, PyObject* keywords) {
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(keywords); ++k) {
            const char* name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(keywords, k));
            if (name == nullptr) throw py::error_already_set();
            std::size_t i = 0;
            while (i < N && std::strcmp(names_[i], name) != 0) ++i;
            if (i == N) {
                std::string all;
                for (const char* known : names_)
                    all += all.empty() ? known : std::string(", ") + known;
                throw py::type_error(std::string(function) + "() has no argument '" + name +
                                     "'; there are " + all);
            }
            if (given_[i] != nullptr) {
                throw py::type_error(std::string(function) + "() got '" + name + "' twice");
            }
            given_[i] = values[k];
        }
    }
    [[nodiscard]] i64 long_of(PyObject* o, std::size_t i) const {
        int overflow = 0;
        const i64 value = PyLong_AsLongLongAndOverflow(o, &overflow);
        if (overflow != 0) {
            throw std::overflow_error(std::string(names_[i]) + " does not fit 64 bits");
        }
        return value;
    }
    [[noreturn]] void refuse(std::size_t i, const char* rule) const {
        throw py::type_error(std::string(names_[i]) + " " + rule + ", got " +
                             std::string(py::repr(given_[i])));
    }

    const std::array<const char*, N>& names_;
    std::array<PyObject*, N> given_{};
};

using FastCall = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

// Body: PyObject* f(PyObject* self, args, n, keywords), may throw.
template <FastCall Body>
PyObject* guarded_call(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
    try {
        return Body(self, args, n, keywords);
    } catch (py::builtin_exception& e) {
        e.set_error();
    } catch (...) {
        set_current_exception();
    }
    return nullptr;
}

template <FastCall Body>
void define_hot_method(const py::object& cls, const char* name, const char* doc) {
    // One definition a body, alive as long as the process.
    static PyMethodDef definition{};
    definition.ml_name = name;
    definition.ml_meth =
        reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&guarded_call<Body>));
    definition.ml_flags = METH_FASTCALL | METH_KEYWORDS;
    definition.ml_doc = doc;
    const auto descriptor = py::reinterpret_steal<py::object>(
        PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(cls.ptr()), &definition));
    if (!descriptor) throw py::error_already_set();
    py::setattr(cls, name, descriptor);
}

}  // namespace bookflow

template <class T>
struct pybind11::detail::type_caster<bookflow::Made<T>> {
    static constexpr auto name = make_caster<T>::name;
    template <class>
    using cast_op_type = bookflow::Made<T>;

    bool load(handle source, bool) {
        if (!isinstance<T>(source)) return false;
        object_ = &bookflow::self_of<T>(source.ptr());
        return true;
    }
    explicit operator bookflow::Made<T>() const { return bookflow::Made<T>(*object_); }

private:
    T* object_ = nullptr;
};
