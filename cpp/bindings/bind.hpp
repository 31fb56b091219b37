#pragma once

#include <pybind11/pybind11.h>

namespace bookflow {

void bind_words(pybind11::module_& m);
void bind_instrument(pybind11::module_& m);
void bind_arrow(pybind11::module_& m);
void bind_events(pybind11::module_& m);
void bind_itch(pybind11::module_& m);
void bind_books(pybind11::module_& m);
void bind_text_book(pybind11::module_& m);
void bind_merging(pybind11::module_& m);
void bind_calculators(pybind11::module_& m);
void bind_special(pybind11::module_& m);
void bind_bars(pybind11::module_& m);
void bind_pipeline(pybind11::module_& m);
void bind_rings(pybind11::module_& m);
void bind_live(pybind11::module_& m);
void bind_c_functions(pybind11::module_& m);

}  // namespace bookflow
