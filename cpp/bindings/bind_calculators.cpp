// Every calculator of the list: a class, and a function over columns. Both are the calculator's
// own step; nothing here knows any calculator by name. They are made when they are first asked for:
// a tenth of a millisecond each, which all together was most of an import.
#include <map>
#include <memory>
#include <mutex>

#include "alone.hpp"
#include "bind.hpp"
#include "calculator_words.hpp"
#include "errors.hpp"
#include "over_columns.hpp"
#include "state_methods.hpp"
#include "values.hpp"

namespace bookflow {

namespace {

[[nodiscard]] py::module_ core() { return py::module_::import("bookflow._core"); }

// The object of whatever calculator a call names.
[[nodiscard]] py::object made(const Call& call) {
    const Node node = Node::parse(call);
    return node.visit([]<class C>(const C& c) {
        (void)py::getattr(core(), std::string(C::kName).c_str());  // there is its class
        return py::cast(Alone<C>(c));
    });
}

// `a / b` and `a - b`.
template <class C>
[[nodiscard]] py::object of_two(const char* name, Alone<C>& a, const char* second,
                                const py::object& b) {
    if (!py::hasattr(b, "spec")) {
        return py::reinterpret_borrow<py::object>(Py_NotImplemented);
    }
    return made({name,
                 {{"of", Formula{spec_of(a.calculator())}},
                  {second, Formula{py::cast<std::string>(b.attr("spec"))}}}});
}

template <class C>
[[nodiscard]] std::string column_names() {
    if constexpr (C::kFeed == Feed::Values) {
        return candidates(C::kInputs);
    } else {
        return {};
    }
}

template <class C>
void bind_calculator(py::module_& m) {
    using namespace py::literals;
    using A = Alone<C>;
    static const std::string name(C::kName);
    static const std::string doc = name + "(" + signature(parameters_of<typename C::Settings>()) +
                                   ")\n--\n\n" + std::string(C::kDoc) + parameters_text<C>();
    py::class_<A> cls(m, name.c_str(), doc.c_str());
    cls.def(py::init([](const py::args& args, const py::kwargs& kwargs) {
        return make<C>(call_of(C::kName, args, kwargs));
    }));
    for (const Parameter& p : parameters_of<typename C::Settings>()) {
        const std::string parameter = p.name;
        cls.def_property_readonly(
            p.name.c_str(),
            [parameter](Made<A> a) -> py::object {
                for (const Argument& x : arguments_of(a->calculator().settings())) {
                    if (x.name == parameter) return to_python(x.value);
                }
                return py::none();
            },
            p.meaning.c_str());
    }
    static const std::string update_doc =
        std::string("update($self, ") + inputs_of<C>() +
        ")\n--\n\nOne call is one event and one row. Integers in units (prices, sizes), ts in ns; "
        "returns the value.";
    define_hot_method<&update<C>>(cls, "update", update_doc.c_str());
    static const std::string peek_doc = std::string("peek($self, ") + inputs_of<C>() +
                                        ")\n--\n\nWhat `update` would return; nothing is consumed "
                                        "and nothing changes. It steps a copy, "
                                        "which\ncosts more the longer the window is.";
    define_hot_method<&peek<C>>(cls, "peek", peek_doc.c_str());
    cls.def_property_readonly(
           "value",
           [](Made<A> a) {
               const Busy::Guard guard(a->busy);
               return py::reinterpret_steal<py::object>(value_object(*a));
           },
           "The value now; reading it changes nothing.")
        .def_property_readonly(
            "spec", [](Made<A> a) { return spec_of(a->calculator()); },
            "The settings as text that `parse_calculator` reads.")
        .def(
            "reset",
            [](Made<A> a) {
                const Busy::Guard guard(a->busy);
                a->reset();
            },
            "As new, with the same settings.")
        .def("__repr__", [](Made<A> a) { return spec_of(a->calculator()); })
        .def("__truediv__",
             [](Made<A> a, const py::object& b) { return of_two("Ratio", *a, "by", b); })
        .def("__sub__",
             [](Made<A> a, const py::object& b) { return of_two("Difference", *a, "less", b); })
        .def("__getitem__", [](Made<A> a, const py::object& item) {
            return made({"Pick",
                         {{"of", Formula{spec_of(a->calculator())}},
                          {"item", value_of(item, "Pick.item")}}});
        });
    cls.attr("__iter__") = py::none();  // `[m]` does not make it a sequence
    def_state<A>(cls, name, [] { return A(C(typename C::Settings{})); });

    static const std::string function = function_name<C>();
    std::string settings = signature(column_parameters<C>());
    static const std::string function_doc =
        function + "(" +
        (C::kFeed == Feed::Values    ? column_names<C>()
         : sees_touch<C>             ? "price, size, side=None, bid_price=None, ask_price=None"
         : C::kFeed == Feed::Trades  ? "price, size, side=None"
         : C::kFeed == Feed::Changes ? "price, change, side, cause, touch"
         : C::kFeed == Feed::Queues
             ? "bid_orders, ask_orders, bid_size=None, ask_size=None, bid_age=None, ask_age=None"
             : "bid_price, bid_size, ask_price, ask_size") +
        ", *, " + settings + (settings.empty() ? "" : ", ") + "ts=None, out=None)\n--\n\n" +
        std::string(C::kDoc) +
        "\n\nOver columns: every row is an event and a row of the result, so the default window "
        "yields the\nincrement.\n\nParameters\n----------\n" +
        columns_doc<C>() + "\n" + parameter_lines(column_parameters<C>()) +
        "ts : int64 array (n,), ns; needed by windows in time only.\nout : float64 array to "
        "write, (n" +
        (is_vector<C> ? ", levels)" : ",)") + ".\n" + "\nReturns\n-------\nfloat64 array (n" +
        (is_vector<C> ? ", levels)" : ",)") +
        "\n\nRaises\n------\nInputError\n    A value breaks a field rule; names row and field, and "
        "what "
        "`out` holds then\n    is not defined.\nTypeError\n    A wrong dtype.";
    define_hot_function<&over_columns<C>>(m, function.c_str(), function_doc.c_str());
}

// The attributes of the module that are not there yet, by name.
class OnDemand {
public:
    template <class C>
    void add(const std::string& name) {
        binders_.emplace(name, &bind_calculator<C>);
    }
    [[nodiscard]] py::object operator()(const std::string& name) {
        py::module_ m = core();
        if (name == "CALCULATORS") {
            const py::tuple all = metadata_of_all();
            m.attr("CALCULATORS") = all;
            return all;
        }
        const auto found = binders_.find(name);
        if (found == binders_.end()) {
            throw py::attribute_error("module 'bookflow._core' has no attribute '" + name + "'");
        }
        // Another thread may be at it: making a class can run Python code (a finaliser, say), which
        // can let go the GIL, or come here again.
        std::unique_lock lock(mutex_, std::defer_lock);
        {
            const py::gil_scoped_release release;
            lock.lock();
        }
        const py::dict there = m.attr("__dict__");
        if (!there.contains(name)) found->second(m);
        return there[name.c_str()];
    }

private:
    [[nodiscard]] static py::tuple metadata_of_all() {
        py::list all;
        for_each_calculator([&]<class C>(std::type_identity<C>) { all.append(metadata<C>()); });
        return all;
    }

    std::map<std::string, void (*)(py::module_&)> binders_;
    std::recursive_mutex mutex_;
};

// For tests: the level that column kernels run at, which no result depends on.
void bind_simd(py::module_& m) {
    using namespace py::literals;
    py::list supported;
    for (std::size_t i = 0; i < simd::kNames.size(); ++i) {
        const auto level = static_cast<simd::Level>(i);
        if (simd::supported(level)) supported.append(std::string(simd::kNames[i]));
    }
    m.attr("_SIMD_LEVELS") = py::tuple(supported);
    m.def(
        "_simd",
        [](const std::optional<std::string>& wanted) {
            if (wanted) {
                std::vector<std::string> known;
                std::optional<simd::Level> level;
                for (std::size_t i = 0; i < simd::kNames.size(); ++i) {
                    if (!simd::supported(static_cast<simd::Level>(i))) continue;
                    known.emplace_back(simd::kNames[i]);
                    if (known.back() == *wanted) level = static_cast<simd::Level>(i);
                }
                if (!level) {
                    throw InputError("is no level of this CPU; there are " + candidates(known),
                                     "level", *wanted);
                }
                simd::level() = *level;
            }
            return std::string(simd::kNames[static_cast<std::size_t>(simd::level().load())]);
        },
        "level"_a = py::none());
}

}  // namespace

void bind_calculators(py::module_& m) {
    using namespace py::literals;
    NumpyInteger::find();
    py::list exported;  // what `from bookflow._core import *` takes
    const auto on_demand = std::make_shared<OnDemand>();
    for_each_calculator([&]<class C>(std::type_identity<C>) {
        for (const std::string& name : {std::string(C::kName), function_name<C>()}) {
            on_demand->add<C>(name);
            exported.append(name);
        }
    });
    m.attr("__all__") = exported;
    bind_simd(m);
    m.def(
        "parse_calculator", [](const std::string& text) { return made(SpecParser(text).call()); },
        "text"_a,
        "The calculator that a spec names: parse_calculator('VPIN(bucket_volume=10000)').");
    m.def("__getattr__", [on_demand](const std::string& name) { return (*on_demand)(name); });
}

}  // namespace bookflow
