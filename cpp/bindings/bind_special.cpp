// The core's distribution functions over an array: the bits that bulk classification uses.
#include <pybind11/numpy.h>

#include "bind.hpp"
#include "bookflow/error.hpp"
#include "bookflow/special.hpp"

namespace bookflow {

namespace py = pybind11;

void bind_special(py::module_& m) {
    using namespace py::literals;
    using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;
    const auto over = [](const Array& x, auto cdf) {
        Array out(std::vector<py::ssize_t>(x.shape(), x.shape() + x.ndim()));
        const double* const from = x.data();
        double* const to = out.mutable_data();
        for (py::ssize_t i = 0; i < x.size(); ++i) to[i] = cdf(from[i]);
        return out;
    };
    m.def(
        "_normal_cdf",
        [over](const Array& x) { return over(x, [](double z) { return normal_cdf(z); }); }, "x"_a);
    m.def(
        "_student_t_cdf",
        [over](const Array& x, double nu) {
            if (!(nu >= 0.01 && nu <= 1e6)) {
                throw InputError("must be from 0.01 to 1000000", "nu", std::to_string(nu));
            }
            const StudentT t(nu);
            return over(x, [&t](double z) { return t.cdf(z); });
        },
        "x"_a, "nu"_a);
}

}  // namespace bookflow
