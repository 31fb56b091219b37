// The table of contents of bookflow._core.
#include "bind.hpp"
#include "bookflow/state.hpp"

PYBIND11_MODULE(_core, m) {
    m.doc() = "The compiled core of bookflow: books, calculators, pipeline.";
    m.attr("__version__") = BOOKFLOW_VERSION;
    m.attr("STATE_VERSION") = bookflow::kStateVersion;
    m.attr("_C_FUNCTIONS") = pybind11::dict();  // books, calculators and pipeline add theirs
    bookflow::bind_words(m);
    bookflow::bind_instrument(m);
    bookflow::bind_events(m);
    bookflow::bind_arrow(m);
    bookflow::bind_books(m);
    bookflow::bind_text_book(m);
    bookflow::bind_itch(m);
    bookflow::bind_merging(m);
    bookflow::bind_special(m);
    bookflow::bind_bars(m);
    bookflow::bind_pipeline(m);
    bookflow::bind_rings(m);
    bookflow::bind_live(m);
    bookflow::bind_c_functions(m);
    bookflow::bind_calculators(m);  // the last: what follows `__getattr__` would ask it first
}
