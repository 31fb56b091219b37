// The calculators of a pipeline: a flat vector of nodes, equal calculators once, found by what
// drives them, and the columns that are read from them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bookflow/calculators.hpp"
#include "bookflow/checked_values.hpp"
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
        std::string spec = node.spec();
        const Entry& entry = nodes_[place(std::move(node), spec, On::Row)];
        entry.node.visit([&]<class C>(const C& c) {
            for (int i = 0; i < width_of(c); ++i) {
                add_column(is_vector<C> ? feature.name + "_" + std::to_string(i + 1) : feature.name,
                           entry.first_value + static_cast<std::size_t>(i));
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
    // Whether the queues at the touch are read, and the ages of their orders.
    [[nodiscard]] bool read_queues() const { return read_queues_; }
    [[nodiscard]] bool read_ages() const { return read_ages_; }

    // Whether it has to be found out what becomes of each order.
    [[nodiscard]] bool follow_orders() const { return !on_changes_.empty() || read_ages_; }
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

    // Whether anything looks at values at each atomic event.
    [[nodiscard]] bool samples_events() const { return !at_events_.empty(); }

    // To those that look at each atomic event, every one is what a row is to the others.
    void sample(const Moment& now, const Quotes& quotes, const Depth& depth, const Queues& queues) {
        for (const std::size_t i : at_events_) {
            Entry& entry = nodes_[i];
            entry.node.visit([&]<class C>(C& c) {
                if constexpr (C::kFeed == Feed::Values) step_values(entry, c, now);
                if (entry.domain == On::Event) evaluate(entry, c, now, quotes, depth, queues);
            });
        }
    }

    // Quote- and depth-driven flows difference nothing across this, nor do values.
    void forget_state(const Moment& now) {
        for (const auto* list : {&on_quotes_, &on_depth_, &on_touch_, &on_values_}) {
            for (const std::size_t i : *list) {
                nodes_[i].node.visit([&](auto& c) {
                    until(c, now);
                    c.restart(Restart::FirstState);
                });
            }
        }
    }
    void end_session(const Moment& now) {
        for (Entry& entry : nodes_) {
            entry.node.visit([&](auto& c) {
                until(c, now);
                c.restart(Restart::Session);
            });
        }
    }

    // The feature columns of one row.
    void write(const Moment& now, const Quotes& quotes, const Depth& depth, const Queues& queues,
               Rows& rows) {
        for (const std::size_t i : at_rows_) {
            Entry& entry = nodes_[i];
            entry.node.visit([&]<class C>(C& c) {
                if constexpr (C::kFeed == Feed::Values) {
                    if (entry.looks == On::Row) step_values(entry, c, now);
                }
                evaluate(entry, c, now, quotes, depth, queues);
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
        On domain;  // what it is read for: rows, or those that look at each atomic event
        On looks;   // when it looks at its own sources
        std::vector<std::size_t> inputs;  // of its sources, in values_
        std::size_t first_value;          // in values_
    };

    // The calculator that is read in this domain, made where there is none; what it reads stands
    // before it.
    std::size_t place(Node node, const std::string& spec, On domain) {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (nodes_[i].domain == domain && nodes_[i].spec == spec) return i;
        }
        On looks = domain;
        std::vector<std::size_t> inputs;
        node.visit([&]<class C>(C& c) {
            bind_units(c, units_);
            if constexpr (C::kFeed == Feed::Values) {
                if constexpr (requires { c.settings().on; }) {
                    if (c.settings().on == On::Event) looks = On::Event;
                }
                inputs = place_sources(c, looks);
            }
        });
        add_node({std::move(node), spec, domain, looks, std::move(inputs), values_.size()});
        return nodes_.size() - 1;
    }
    template <class C>
    std::vector<std::size_t> place_sources(const C& c, On looks) {
        std::vector<std::size_t> inputs;
        const auto sources = c.settings().sources();
        for (std::size_t i = 0; i < sources.size(); ++i) {
            std::string text = sources[i];
            if constexpr (requires { C::kUsualSources; }) {
                if (text.empty()) text = C::kUsualSources[i];
            }
            if (text.empty()) {
                throw InputError("is required in a pipeline: a calculator whose values it takes",
                                 std::string(C::kName) + "." + C::kInputs[i]);
            }
            Node source = Node::parse(SpecParser(text).call());
            const std::string spec = source.spec();
            std::size_t value = nodes_[place(std::move(source), spec, looks)].first_value;
            if constexpr (requires { c.place(); }) value += c.place();
            inputs.push_back(value);
        }
        return inputs;
    }
    void add_node(Entry entry) {
        const std::size_t at = nodes_.size();
        entry.node.visit([&]<class C>(C& c) {
            if constexpr (C::kFeed == Feed::Depth) {
                int& levels = C::kState ? state_levels_ : flow_levels_;
                levels = std::max(levels, c.levels());
            }
            if constexpr (C::kFeed == Feed::Queues) read_queues_ = true;
            if constexpr (requires { C::kAges; }) read_ages_ = true;
            if constexpr (sees_touch<C>) {
                if (c.wants_quotes()) on_touch_.push_back(at);
            }
            if constexpr (!C::kState) {
                auto& list = C::kFeed == Feed::Trades    ? on_trades_
                             : C::kFeed == Feed::Changes ? on_changes_
                             : C::kFeed == Feed::Depth   ? on_depth_
                             : C::kFeed == Feed::Quotes  ? on_quotes_
                                                         : on_values_;
                list.push_back(at);
            }
            values_.resize(values_.size() + static_cast<std::size_t>(width_of(c)));
        });
        if (entry.domain == On::Row) at_rows_.push_back(at);
        if (entry.domain == On::Event || entry.looks == On::Event) at_events_.push_back(at);
        nodes_.push_back(std::move(entry));
    }
    // Those that wait for time learn how far it has come before they forget.
    template <class C>
    static void until(C& c, const Moment& now) {
        if constexpr (requires { c.until(now); }) c.until(now);
    }
    template <class C>
    void step_values(const Entry& entry, C& c, const Moment& now) {
        std::array<double, C::kInputs.size()> x;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double given = values_[entry.inputs[i]];
            x[i] = std::abs(given) <= kMaxNumber ? given : kNaN;  // a ratio may leave the range
        }
        c.step(now, x);
    }
    template <class C>
    void evaluate(const Entry& entry, C& c, const Moment& now, const Quotes& quotes,
                  const Depth& depth, const Queues& queues) {
        if constexpr (C::kState && C::kFeed == Feed::Quotes) c.step(now, quotes);
        if constexpr (C::kState && C::kFeed == Feed::Depth) c.step(now, depth);
        if constexpr (C::kState && C::kFeed == Feed::Queues) c.step(now, queues);
        c.read(now, units_, values_.data() + entry.first_value);
        row_written(c, now);
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
    std::vector<std::size_t> on_touch_;   // of those of trades, that look at the touch before
    std::vector<std::size_t> on_values_;  // calculators of calculators
    std::vector<std::size_t> at_rows_;    // what is read at a row
    std::vector<std::size_t> at_events_;  // what is read, or looks, at each atomic event
    int flow_levels_ = 0;
    int state_levels_ = 0;
    bool read_queues_ = false;
    bool read_ages_ = false;
};

}  // namespace bookflow
