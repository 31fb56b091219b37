// Order-flow imbalance and mid every ten seconds, from order events, without Python.
#include <bookflow/pipeline.hpp>
#include <cstdio>

using bookflow::Action;
using bookflow::Side;

int main() {
    bookflow::PipelineSettings settings;
    settings.instrument.price_unit = {1, -2};  // prices are whole cents
    settings.clock = *bookflow::Clock::parse("10s");
    settings.features = {{"mid", "Mid()"}, {"ofi", "OrderFlowImbalance(window=\"row\")"}};
    bookflow::Pipeline pipe(settings);

    const auto push = [&](double seconds, Action action, Side side, long price, long size,
                          unsigned id) {
        bookflow::Event event{};
        event.ts = bookflow::Nanos(static_cast<bookflow::i64>(seconds * 1e9));
        event.action = action;
        event.side = side;
        event.price = bookflow::Price(price);
        event.size = bookflow::Size(size);
        event.order_id = bookflow::OrderId{id};
        return pipe.push(event);  // how many rows it wrote
    };
    push(1.0, Action::Add, Side::Bid, 9'999, 100, 1);
    push(1.5, Action::Add, Side::Ask, 10'001, 80, 2);
    push(3.0, Action::Add, Side::Bid, 10'000, 50, 3);       // a better bid: +50
    push(12.0, Action::Execute, Side::Ask, 10'001, 30, 2);  // a buyer takes 30: +30
    pipe.finish();                                          // the open interval

    const bookflow::Rows& rows = pipe.history();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::printf("%3.0f s  mid %.3f  ofi %+.0f\n", static_cast<double>(rows.ts[i]) / 1e9,
                    rows.features[0][i], rows.features[1][i]);
    }
    return rows.size() == 2 ? 0 : 1;
}
