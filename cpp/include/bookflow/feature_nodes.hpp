// The calculators of a pipeline: a flat vector of nodes, equal calculators once, found by what
// drives them, and the columns that are read from them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bookflow/calculators.hpp"
#include "bookflow/pipeline_settings.hpp"
#include "bookflow/rows.hpp"

namespace bookflow {

class FeatureNodes {
public:
    FeatureNodes() = default;
    explicit FeatureNodes(const Units& units) : units_(units) {}

    // Returns the calculator's spec in full, every setting named.
    std::string add(const Feature& feature) {
        Node node = Node::parse(SpecParser(feature.calculator).call());
        const std::string spec = node.spec();
        std::size_t at = 0;
        while (at < nodes_.size() && nodes_[at].spec != spec) ++at;
        if (at == nodes_.size()) add_node(std::move(node), spec);
        nodes_[at].node.visit([&]<class C>(const C& c) {
            for (int i = 0; i < width_of(c); ++i) {
                add_column(is_vector<C> ? feature.name + "_" + std::to_string(i + 1) : feature.name,
                           nodes_[at].first_value + static_cast<std::size_t>(i));
            }
        });
        return spec;
    }

    // One a column: NAME, or NAME_1, NAME_2, ... for a vector.
    [[nodiscard]] const std::vector<std::string>& columns() const { return names_; }
    // How deep the book is read, by the flows at every change and by any calculator at a row.
    [[nodiscard]] int flow_levels() const { return flow_levels_; }
    [[nodiscard]] int levels() const { return std::max({1, flow_levels_, state_levels_}); }
    [[nodiscard]] bool read_depth() const { return state_levels_ > 0; }

    void on_print(const Moment& now, const Print& print) {
        step<Feed::Trades>(on_trades_, now, print);
    }
    // Whether the causes of changes have to be found out.
    [[nodiscard]] bool follow_orders() const { return !on_changes_.empty(); }
    void on_change(const Moment& now, const OrderChange& change) {
        step<Feed::Changes>(on_changes_, now, change);
    }
    void on_quotes(const Moment& now, const Quotes& quotes) {
        step<Feed::Quotes>(on_quotes_, now, quotes);
        for (const std::size_t i : on_touch_) {
            nodes_[i].node.visit([&]<class C>(C& c) {
                if constexpr (sees_touch<C>) c.quoted(now, quotes);
            });
        }
    }
    void on_depth(const Moment& now, const Depth& depth) {
        step<Feed::Depth>(on_depth_, now, depth);
    }

    // Quote- and depth-driven flows difference nothing across this.
    void forget_state() {
        for (const auto* list : {&on_quotes_, &on_depth_, &on_touch_}) {
            for (const std::size_t i : *list) {
                nodes_[i].node.visit([](auto& c) { c.restart(Restart::FirstState); });
            }
        }
    }
    void end_session() {
        for (Entry& entry : nodes_) {
            entry.node.visit([](auto& c) { c.restart(Restart::Session); });
        }
    }

    // The feature columns of one row.
    void write(const Moment& now, const Quotes& quotes, const Depth& depth, Rows& rows) {
        for (Entry& entry : nodes_) {
            double* out = values_.data() + entry.first_value;
            entry.node.visit([&]<class C>(C& c) {
                if constexpr (C::kState && C::kFeed == Feed::Quotes) c.step(now, quotes);
                if constexpr (C::kState && C::kFeed == Feed::Depth) c.step(now, depth);
                c.read(now, units_, out);
                c.restart(Restart::Row);
            });
        }
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            rows.features[i].push_back(values_[columns_[i]]);
        }
    }

    template <class V>
    void visit(V& v) {
        for (Entry& entry : nodes_) {
            entry.node.visit([&](auto& c) { c.visit(v); });
        }
    }

private:
    struct Entry {
        Node node;
        std::string spec;
        std::size_t first_value;  // in values_
    };

    void add_node(Node node, const std::string& spec) {
        node.visit([&]<class C>(C& c) {
            bind_units(c, units_);
            if constexpr (C::kFeed == Feed::Depth) {
                int& levels = C::kState ? state_levels_ : flow_levels_;
                levels = std::max(levels, c.levels());
            }
            if constexpr (sees_touch<C>) {
                if (c.wants_quotes()) on_touch_.push_back(nodes_.size());
            }
            if constexpr (!C::kState) {
                auto& list = C::kFeed == Feed::Trades    ? on_trades_
                             : C::kFeed == Feed::Changes ? on_changes_
                             : C::kFeed == Feed::Depth   ? on_depth_
                                                         : on_quotes_;
                list.push_back(nodes_.size());
            }
        });
        const std::size_t first = values_.size();
        values_.resize(first + node.visit([](const auto& c) {
            return static_cast<std::size_t>(width_of(c));
        }));
        nodes_.push_back({std::move(node), spec, first});
    }
    void add_column(const std::string& name, std::size_t value) {
        if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
            throw InputError("would be two columns of one name", "features", name);
        }
        names_.push_back(name);
        columns_.push_back(value);
    }
    template <Feed feed, class X>
    void step(const std::vector<std::size_t>& list, const Moment& now, const X& x) {
        for (const std::size_t i : list) {
            nodes_[i].node.visit([&]<class C>(C& c) {
                if constexpr (C::kFeed == feed) c.step(now, x);
            });
        }
    }

    Units units_;
    std::vector<Entry> nodes_;
    std::vector<double> values_;
    std::vector<std::string> names_;
    std::vector<std::size_t> columns_;    // column -> values_
    std::vector<std::size_t> on_quotes_;  // flows, by what drives them
    std::vector<std::size_t> on_depth_;
    std::vector<std::size_t> on_trades_;
    std::vector<std::size_t> on_changes_;
    std::vector<std::size_t> on_touch_;  // of those of trades, that look at the touch before
    int flow_levels_ = 0;
    int state_levels_ = 0;
};

}  // namespace bookflow
