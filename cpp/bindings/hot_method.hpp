// Methods for hot loops: METH_FASTCALL descriptors on the pybind11 classes, which cost a third of
// a `.def`. What pybind11's dispatch would have done is done here: the C++ object must exist
// (`Cls.__new__(Cls)` has none), arguments are found by position or name, integers are integers
// (bool and float are refused, `__index__` is taken), exceptions are translated.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "bookflow/types.hpp"
#include "errors.hpp"
#include "integers.hpp"

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
        explicit Guard(Busy& busy) : flag_(&busy.flag_) {
            if (!taken(busy.flag_)) return;
            if (!busy.is_mine()) throw_in_use();
            flag_ = nullptr;  // it stays with its holder
        }
        ~Guard() {
            if (flag_ != nullptr) flag_->store(false, std::memory_order_release);
        }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

    private:
        [[nodiscard]] static bool taken(std::atomic<bool>& flag) {
#if defined(Py_GIL_DISABLED)
            return flag.exchange(true, std::memory_order_acquire);
#else
            // Guards are made and objects are lent under the GIL, so nobody comes in between; a
            // locked exchange would cost as much as the step.
            if (flag.load(std::memory_order_acquire)) return true;
            flag.store(true, std::memory_order_relaxed);
            return false;
#endif
        }
        std::atomic<bool>* flag_;
    };

    // For as long as compiled code has the object, its thread has it: an exchange a call would cost
    // more than most calls. So it is over the chunks of one input. A thread may have it several
    // times. Where another one has it already, nothing happens here, and it is not this one's.
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

// f as a method or property of a T with a busy flag: another thread may be in the middle of its own.
template <class T, class... Args, class F>
[[nodiscard]] auto guarded(F f) {
    return [f](Made<T> self, Args... args) {
        const Busy::Guard guard(self->busy);
        return f(*self, args...);
    };
}

// The arguments of one call, in the order of `names`; missing ones are nullptr. Positional ones are
// read where the caller has them.
template <std::size_t N>
class Arguments {
public:
    Arguments(const char* function, const std::array<const char*, N>& names, std::size_t required,
              PyObject* const* args, Py_ssize_t n, PyObject* keywords)
        : names_(names), given_(args), n_(static_cast<std::size_t>(n)) {
        if (keywords != nullptr || n_ > N || n_ < required) by_name(function, required, keywords);
    }

    [[nodiscard]] PyObject* operator[](std::size_t i) const { return i < n_ ? given_[i] : nullptr; }

    [[nodiscard]] i64 integer(std::size_t i) const {
        PyObject* o = given_[i];
        i64 value = 0;
        if (PyLong_CheckExact(o)) {
            if (!long_value(o, value)) too_large(i);
        } else if (NumpyInteger::is(o)) {
            value = NumpyInteger::value(o);
        } else {
            value = by_index(i);
        }
        return value;
    }
    [[nodiscard]] i64 integer(std::size_t i, i64 fallback) const {
        PyObject* o = (*this)[i];
        return o == nullptr || o == Py_None ? fallback : integer(i);
    }
    // A float, or what is one by `__float__` (bool and text are not).
    [[nodiscard]] double number(std::size_t i) const {
        PyObject* o = given_[i];
        if (PyFloat_CheckExact(o)) return PyFloat_AS_DOUBLE(o);
        return by_float(i);
    }
    [[nodiscard]] u64 unsigned_integer(std::size_t i, u64 fallback) const {
        PyObject* o = (*this)[i];
        if (o == nullptr) return fallback;
        if (PyLong_CheckExact(o)) {
            i64 value = 0;
            if (long_value(o, value) && value >= 0) return static_cast<u64>(value);
        }
        const auto index = as_index(i);
        const u64 value = PyLong_AsUnsignedLongLong(index.ptr());
        if (value == ~u64{0} && PyErr_Occurred() != nullptr) {
            PyErr_Clear();
            throw std::overflow_error(std::string(names_[i]) + " does not fit 64 unsigned bits");
        }
        return value;
    }

private:
    // What is not simply all by position, and all that is wrong with a call.
    [[gnu::noinline]] void by_name(const char* function, std::size_t required, PyObject* keywords) {
        if (n_ > N) {
            throw py::type_error(std::string(function) + "() takes at most " + std::to_string(N) +
                                 " arguments, got " + std::to_string(n_));
        }
        std::fill(ordered_.begin(), ordered_.end(), nullptr);
        std::copy_n(given_, n_, ordered_.begin());
        const std::size_t more =
            keywords == nullptr ? 0 : static_cast<std::size_t>(PyTuple_GET_SIZE(keywords));
        for (std::size_t k = 0; k < more; ++k) {
            const std::size_t i =
                place(function, PyTuple_GET_ITEM(keywords, static_cast<Py_ssize_t>(k)));
            if (ordered_[i] != nullptr) {
                throw py::type_error(std::string(function) + "() got '" + names_[i] + "' twice");
            }
            ordered_[i] = given_[n_ + k];
        }
        for (std::size_t i = 0; i < required; ++i) {
            if (ordered_[i] == nullptr) {
                throw py::type_error(std::string(function) + "() needs '" + names_[i] + "'");
            }
        }
        given_ = ordered_.data();
        n_ = N;
    }
    [[nodiscard]] std::size_t place(const char* function, PyObject* keyword) const {
        const char* name = PyUnicode_AsUTF8(keyword);
        if (name == nullptr) throw py::error_already_set();
        std::size_t i = 0;
        while (i < N && std::strcmp(names_[i], name) != 0) ++i;
        if (i == N) {
            std::string all;
            for (const char* known : names_) all += all.empty() ? known : std::string(", ") + known;
            throw py::type_error(std::string(function) + "() has no argument '" + name +
                                 "'; there are " + all);
        }
        return i;
    }
    [[nodiscard]] py::object as_index(std::size_t i) const {
        PyObject* o = given_[i];
        if (PyBool_Check(o) || PyIndex_Check(o) == 0) {
            throw py::type_error(std::string(names_[i]) + " must be an integer, got " +
                                 std::string(py::repr(o)));
        }
        auto index = py::reinterpret_steal<py::object>(PyNumber_Index(o));
        if (!index) throw py::error_already_set();
        return index;
    }
    [[nodiscard, gnu::noinline]] double by_float(std::size_t i) const {
        PyObject* o = given_[i];
        const bool bare = PyFloat_Check(o) || PyLong_Check(o) || NumpyInteger::is(o) ||
                          py::isinstance(o, py::module_::import("numpy").attr("number"));
        if (PyBool_Check(o) || !bare) {
            throw py::type_error(std::string(names_[i]) + " must be a number, got " +
                                 std::string(py::repr(o)));
        }
        const double value = PyFloat_AsDouble(o);
        if (value == -1.0 && PyErr_Occurred() != nullptr) throw py::error_already_set();
        return value;
    }
    [[nodiscard, gnu::noinline]] i64 by_index(std::size_t i) const {
        const auto index = as_index(i);
        i64 value = 0;
        if (!long_value(index.ptr(), value)) too_large(i);
        return value;
    }
    [[noreturn, gnu::noinline]] void too_large(std::size_t i) const {
        throw std::overflow_error(std::string(names_[i]) + " does not fit 64 bits");
    }

    const std::array<const char*, N>& names_;
    PyObject* const* given_;
    std::size_t n_;
    std::array<PyObject*, N> ordered_;  // written only where names have to be put in order
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

// One definition a body, alive as long as the process.
template <FastCall Body>
[[nodiscard]] PyMethodDef& definition_of(const char* name, const char* doc) {
    static PyMethodDef definition{};
    definition.ml_name = name;
    definition.ml_meth =
        reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&guarded_call<Body>));
    definition.ml_flags = METH_FASTCALL | METH_KEYWORDS;
    definition.ml_doc = doc;
    return definition;
}

template <FastCall Body>
void define_hot_method(const py::object& cls, const char* name, const char* doc) {
    const auto descriptor = py::reinterpret_steal<py::object>(PyDescr_NewMethod(
        reinterpret_cast<PyTypeObject*>(cls.ptr()), &definition_of<Body>(name, doc)));
    if (!descriptor) throw py::error_already_set();
    py::setattr(cls, name, descriptor);
}

// The same for a function of the module.
template <FastCall Body>
void define_hot_function(py::module_& m, const char* name, const char* doc) {
    const py::object home = m.attr("__name__");
    const auto function = py::reinterpret_steal<py::object>(
        PyCFunction_NewEx(&definition_of<Body>(name, doc), m.ptr(), home.ptr()));
    if (!function) throw py::error_already_set();
    py::setattr(m, name, function);
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
