// A calculator whose samples are its sources' values, folded over a window.
#pragma once

#include <algorithm>
#include <cmath>
#include <tuple>

#include "bookflow/fold.hpp"
#include "bookflow/source.hpp"

namespace bookflow {

template <class A, class Settings_, std::size_t Sources = std::tuple_size_v<typename A::Sample>>
class FoldOf : public OfValues<Settings_, Sources> {
public:
    explicit FoldOf(const Settings_& s) : OfValues<Settings_, Sources>(s), fold_(s.window) {}

    void step(const Moment& now, const typename A::Sample& x) {
        if (std::none_of(x.begin(), x.end(), [](double y) { return std::isnan(y); })) {
            fold_.add(now, x);
        }
    }
    void restart(Restart what) { fold_.restart(what); }
    template <class V>
    void visit(V& v) {
        v(fold_);
    }

protected:
    Fold<A> fold_;
};

}  // namespace bookflow
