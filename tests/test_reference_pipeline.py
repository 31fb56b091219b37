"""The pipeline's semantics on streams made by hand: time, status, prints, sessions."""

from datetime import UTC, datetime
from math import isnan
from types import SimpleNamespace
from typing import Any

import pytest

from bookflow.reference import NONE, Action, Flag, Pipeline, Row, Side, Status

S = 1_000_000_000
BID, ASK = Side.BID, Side.ASK
LAST = Flag.LAST
UNITS = SimpleNamespace(price_unit="1", size_unit="1", tick=None)
DAY = int(datetime(2024, 7, 1, tzinfo=UTC).timestamp())


def pipeline(clock: str = "event", instrument: Any = UNITS, **settings: Any) -> Pipeline:
    settings.setdefault("features", {"volume": ("volume", {})})
    return Pipeline(instrument, clock=clock, **settings)


def quote(second: float, side: int, price: int, size: int, flags: int = LAST) -> tuple[Any, ...]:
    return (int(second * S), Action.QUOTE, side, price, size, 0, flags)


def trade(
    second: float, size: int, side: int = Side.BUY, flags: int = 0, price: int = 101
) -> tuple[Any, ...]:
    return (int(second * S), Action.TRADE, side, price, size, 0, flags | LAST)


def both(second: float, bid: int = 99, ask: int = 101, flags: int = LAST) -> list[tuple[Any, ...]]:
    """One atomic event that sets both sides, 5 each."""
    return [
        quote(second, BID, bid, 5, flags & ~LAST),
        quote(second, ASK, ask, 5, flags),
    ]


def times(rows: list[Row]) -> list[float]:
    return [row.ts / S for row in rows]


def column(rows: list[Row], name: str) -> list[Any]:
    values: list[Any] = [row.values[name] for row in rows]
    return [None if isnan(x) else x for x in values]


# The clock.


def test_an_event_on_the_grid_belongs_to_its_point() -> None:
    pipe = pipeline("10s")
    rows = pipe.run([trade(0, 1), trade(10, 2), trade(10.5, 4), trade(45, 8)])
    assert times(rows) == [0, 10, 20, 30, 40]
    assert column(rows, "volume") == [1, 2, 4, 0, 0]


def test_the_first_event_writes_no_earlier_points() -> None:
    pipe = pipeline("10s")
    assert pipe.run([trade(1234.5, 1)]) == []
    assert times(pipe.run([trade(1251, 1)])) == [1240, 1250]


def test_origin_shifts_the_grid() -> None:
    rows = pipeline("10s", origin=-1).run([trade(0, 1), trade(9, 2), trade(10, 4)])
    assert [row.ts for row in rows] == [10 * S - 1]
    assert column(rows, "volume") == [3]


def test_advance_writes_the_points_before_its_time() -> None:
    pipe = pipeline("10s")
    assert pipe.advance(5 * S) == 0
    pipe.run([trade(12, 1)])
    assert pipe.advance(20 * S) == 0
    assert pipe.advance(40 * S) == 2
    assert times(pipe.rows) == [20, 30]


def test_finish_writes_the_open_interval_once() -> None:
    pipe = pipeline("10s")
    assert pipe.finish() == []
    pipe.run([trade(12, 1), trade(13, 2)])
    (row,) = pipe.finish()
    assert (row.ts, row.status, row.values) == (13 * S, Status.PARTIAL, {"volume": 3.0})
    assert row.seen == 0
    assert pipe.finish() == []
    pipe.advance(25 * S)
    assert pipe.finish() == []
    assert column(pipe.rows, "volume") == [3, 0]


def test_finish_drops_and_counts_what_has_no_last() -> None:
    pipe = pipeline()
    pipe.run([trade(1, 1), (2 * S, Action.TRADE, Side.BUY, 101, 5, 0, 0)])
    assert pipe.finish() == []
    assert pipe.faults == {"unfinished": 1}
    assert column(pipe.run([trade(3, 2)]), "volume") == [2]


def test_nothing_is_visible_before_last() -> None:
    pipe = pipeline("10s", features={"mid": ("mid", {}), "volume": ("volume", {})})
    pipe.run([*both(1)])
    pipe.push((5 * S, Action.TRADE, Side.BUY, 101, 7, 0, 0))
    assert pipe.push(quote(25, BID, 97, 5)) == 2
    assert column(pipe.rows, "mid") == [100, 100]
    assert column(pipe.rows, "volume") == [0, 0]
    (row,) = pipe.finish()
    assert row.values == {"mid": 99.0, "volume": 7.0}


def test_too_many_rows_from_one_event() -> None:
    pipe = pipeline("1s", max_rows=10)
    pipe.run([trade(1, 1), trade(11, 1)])
    with pytest.raises(ValueError, match="max_rows=10"):
        pipe.run([trade(30, 1)])


def test_clock_best_writes_when_one_of_four_numbers_changed() -> None:
    rows = pipeline("best").run(
        [
            *both(1),
            trade(2, 1),
            quote(3, BID, 99, 5),
            quote(4, BID, 99, 6),
            *both(5, bid=99),
            quote(6, ASK, 102, 5),
        ]
    )
    assert times(rows) == [1, 4, 5, 6]


def test_clock_trade_writes_at_prints_that_count() -> None:
    pipe = pipeline("trade", hidden="none")
    rows = pipe.run(
        [
            trade(1, 1),
            trade(2, 1, flags=Flag.HIDDEN),
            trade(3, 1, flags=Flag.BROKEN),
            trade(4, 1, flags=Flag.AUCTION),
            *both(5),
        ]
    )
    assert times(rows) == [1, 4]


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("event", [1, 2, 3, 4, 5]),
        ("2events", [2, 4]),
        ("2trades", [2]),
        # 3, then 12 reaches ten and carries 5, then 5 reaches it again: one row at most.
        ("10volume", [2, 4]),
        ("3volume", [1, 2, 4]),
    ],
)
def test_counting_clocks_carry_the_excess(clock: str, expected: list[float]) -> None:
    rows = pipeline(clock).run([trade(1, 3), trade(2, 12), *both(3), trade(4, 5), *both(5)])
    assert times(rows) == expected


def test_volume_clock_is_in_the_instruments_size() -> None:
    bitcoin = SimpleNamespace(price_unit="0.01", size_unit="0.001", tick=None)
    pipe = pipeline("2.5volume", bitcoin)
    rows = pipe.run([trade(1, 2000), trade(2, 500), trade(3, 2499)])
    assert times(rows) == [2]
    assert column(rows, "volume") == [2.5]
    with pytest.raises(ValueError, match="whole"):
        pipeline("0.0001volume", bitcoin)


def test_finish_is_a_row_of_counting_clocks_too() -> None:
    pipe = pipeline("3events")
    pipe.run([trade(1, 1), trade(2, 2)])
    assert column(pipe.finish(), "volume") == [3]
    assert pipe.finish() == []


# Snapshots, gaps and status.


def test_snapshots_write_no_rows_and_do_not_anchor() -> None:
    snapshot = both(3, flags=LAST | Flag.SNAPSHOT)
    assert pipeline("event").run(snapshot) == []
    pipe = pipeline("10s")
    pipe.run(snapshot)
    assert pipe.finish() == []
    assert times(pipe.run([trade(55, 1), trade(61, 1)])) == [60]


def test_rows_due_before_a_snapshot_are_written_from_the_book_before_it() -> None:
    pipe = pipeline("10s", features={"mid": ("mid", {})})
    pipe.run(both(1))
    assert column(pipe.run(both(25, 199, 201, LAST | Flag.SNAPSHOT)), "mid") == [100, 100]
    assert column(pipe.run(both(31)), "mid") == [200]


OFI = {"ofi": ("order_flow_imbalance", {}), "mid": ("mid", {})}


def test_a_gap_lasts_until_a_snapshot_and_nothing_is_differenced_across() -> None:
    pipe = pipeline(features=OFI)
    rows = pipe.run(
        [
            *both(1),
            quote(2, BID, 99, 9),
            quote(3, BID, 99, 11, LAST | Flag.GAP),
            quote(4, BID, 99, 12),
            *both(5, flags=LAST | Flag.SNAPSHOT),
            quote(6, BID, 99, 7),
        ]
    )
    assert times(rows) == [1, 2, 3, 4, 6]
    assert column(rows, "ofi") == [0, 4, 0, 0, 2]
    assert [row.status for row in rows] == [0, 0, Status.GAP, Status.GAP, 0]
    assert [row.seen for row in rows] == [0, 0, Status.GAP, Status.GAP, Status.GAP]
    assert [row.clean / S for row in rows] == [0, 1, 0, 0, 1]
    assert pipe.faults == {"gap": 1}


def test_with_depth_rows_a_gap_is_seen_and_over() -> None:
    pipe = pipeline(features=OFI)
    flags = {3: LAST | Flag.GAP}
    causes = [
        (t * S, Action.QUOTE, Side.NONE, NONE, 0, 0, flags.get(t, LAST)) for t in (1, 2, 3, 4)
    ]
    sizes = [[5], [7], [8], [9]]
    rows = pipe.run(causes, ([[99]] * 4, sizes, [[101]] * 4, [[5]] * 4))
    assert column(rows, "ofi") == [0, 2, 0, 1]
    assert [row.status for row in rows] == [0] * 4
    assert [row.seen for row in rows] == [0, 0, Status.GAP, 0]
    assert [row.clean // S for row in rows] == [0, 1, 0, 1]


def test_clear_makes_the_state_after_it_a_first_state() -> None:
    rows = pipeline(features=OFI).run(
        [*both(1), (2 * S, Action.CLEAR, 0, NONE, 0, 0, 0), *both(2, 50, 60), quote(3, BID, 50, 6)]
    )
    assert column(rows, "ofi") == [0, 0, 1]


def test_flow_is_undefined_before_the_first_good_state_and_zero_without_changes() -> None:
    pipe = pipeline(features=OFI | {"n": ("trade_count", {})})
    rows = pipe.run([quote(1, BID, 99, 5), trade(2, 1), quote(3, ASK, 101, 5), trade(4, 1)])
    assert column(rows, "ofi") == [None, None, 0, 0]
    assert column(rows, "n") == [0, 1, 0, 1]
    assert column(rows, "mid") == [None, None, 100, 100]


def test_status_of_the_book() -> None:
    rows = pipeline().run(
        [
            trade(1, 1),
            quote(2, BID, 99, 5),
            quote(3, ASK, 101, 5),
            quote(4, ASK, 99, 5),
            quote(5, BID, 100, 5),
            (6 * S, Action.CLEAR, ASK),
        ]
    )
    assert [Status(row.status) for row in rows] == [
        Status(0),  # without a book there is nothing to be one-sided
        Status.ONE_SIDED,
        Status(0),
        Status.LOCKED,
        Status.CROSSED,
        Status.ONE_SIDED,
    ]
    assert [row.clean // S for row in rows] == [0, 0, 0, 1, 0, 0]
    assert rows[2].seen == Status.ONE_SIDED
    assert rows[5].seen == Status.CROSSED | Status.ONE_SIDED


def test_status_events_replace_what_is_told() -> None:
    def told(second: int, bits: int) -> tuple[Any, ...]:
        return (second * S, Action.STATUS, 0, NONE, int(bits))

    rows = pipeline().run(
        [
            *both(1),
            told(2, Status.HALTED),
            told(3, Status.AUCTION | Status.UNVERIFIABLE),
            told(4, 0),
            told(9, Status.UNVERIFIABLE),
        ]
    )
    assert [Status(row.status) for row in rows] == [
        Status(0),
        Status.HALTED,
        Status.AUCTION | Status.UNVERIFIABLE,
        Status(0),
        Status.UNVERIFIABLE,
    ]
    assert [row.clean // S for row in rows] == [0, 0, 0, 0, 5]


def test_unverifiable_until_both_sides_are_known() -> None:
    until = Status.UNVERIFIABLE | Status.ONE_SIDED
    rows = pipeline().run(
        [
            (1 * S, Action.STATUS, 0, NONE, int(until)),
            quote(2, BID, 99, 5),
            quote(3, ASK, 101, 5),
            (4 * S, Action.CLEAR, ASK),
        ]
    )
    assert [Status(row.status) for row in rows] == [
        Status.UNVERIFIABLE,
        until,
        Status(0),
        Status.ONE_SIDED,
    ]


def test_pending_snapshot_ends_with_the_snapshot() -> None:
    pipe = pipeline(features=OFI)
    rows = pipe.run(
        [
            (1 * S, Action.STATUS, 0, NONE, int(Status.SNAPSHOT_PENDING)),
            *both(2),
            *both(3, flags=LAST | Flag.SNAPSHOT),
            quote(4, BID, 99, 6),
        ]
    )
    assert [row.status for row in rows] == [Status.SNAPSHOT_PENDING] * 2 + [0]
    assert column(rows, "ofi") == [None, None, 1]


# Prints.

ALL_TRADES = {
    "n": ("trade_count", {}),
    "volume": ("volume", {}),
    "buys": ("buy_volume", {}),
    "sells": ("sell_volume", {}),
    "last": ("last_price", {}),
}


@pytest.mark.parametrize(
    ("flags", "hidden", "expected"),
    [
        (0, "none", [1, 4, 4, 0, 101]),
        (Flag.HIDDEN, "volume", [1, 4, 0, 0, 101]),
        (Flag.HIDDEN, "flow", [1, 4, 4, 0, 101]),
        (Flag.HIDDEN, "none", [0, 0, 0, 0, None]),
        (Flag.AUCTION, "flow", [1, 4, 0, 0, 101]),
        (Flag.OFF_BOOK, "flow", [1, 4, 0, 0, 101]),
        (Flag.HIDDEN | Flag.AUCTION, "flow", [1, 4, 0, 0, 101]),
        (Flag.BROKEN, "flow", [0, -4, 0, 0, None]),
        (Flag.BROKEN | Flag.HIDDEN, "none", [0, 0, 0, 0, None]),
    ],
)
def test_which_prints_are_volume_and_which_are_flow(
    flags: int, hidden: str, expected: list[Any]
) -> None:
    rows = pipeline(features=ALL_TRADES, hidden=hidden).run([trade(1, 4, flags=flags)])
    assert [column(rows, name)[0] for name in ALL_TRADES] == expected


def test_a_broken_print_takes_back_volume_and_notional() -> None:
    pipe = pipeline(features={"vwap": ("vwap", {})})
    rows = pipe.run([trade(1, 2, price=90), trade(2, 2, price=110)])
    rows += pipe.run([trade(3, 2, price=110, flags=Flag.BROKEN)])
    rows += pipe.run([trade(4, 2, price=90, flags=Flag.BROKEN)])
    assert column(rows, "vwap") == [90, 100, 90, None]


def execute(
    second: int, side: int, price: int, size: int, order_id: int, flags: int = LAST
) -> tuple[Any, ...]:
    return (second * S, Action.EXECUTE, side, price, size, order_id, flags)


def test_an_execution_is_a_print_of_the_other_side() -> None:
    pipe = pipeline(features=ALL_TRADES)
    add = [(0, Action.ADD, BID, 99, 50, 1), (0, Action.ADD, ASK, 103, 50, 2)]
    pipe.run(add)
    rows = pipe.run(
        [
            execute(1, ASK, 102, 3, 2),  # at its own price
            execute(2, Side.NONE, NONE, 4, 1),  # side and price are the order's
            execute(3, ASK, NONE, 5, 1),  # a side that is not the order's
            execute(4, BID, 98, 6, 9),  # an unknown order is still a print
            execute(5, Side.NONE, 97, 7, 9),
            execute(6, BID, NONE, 8, 9),  # but not without a price
            execute(7, ASK, NONE, 99, 2),  # more than is left: the print stands
        ]
    )
    assert column(rows, "volume") == [3, 4, 5, 6, 7, 0, 99]
    assert column(rows, "buys") == [3, 0, 0, 0, 0, 0, 99]
    assert column(rows, "sells") == [0, 4, 5, 6, 0, 0, 0]
    assert column(rows, "last") == [102, 99, 99, 98, 97, 97, 103]
    assert pipe.faults == {"side_mismatch": 1, "unknown_id": 3, "over_cancel": 1}


def test_a_removal_that_is_already_on_the_tape_is_no_print() -> None:
    pipe = pipeline(features=ALL_TRADES)
    rows = pipe.run(
        [
            (1 * S, Action.ADD, BID, 99, 5, 1),
            (2 * S, Action.TRADE, Side.SELL, 99, 2, 0, 0),
            (2 * S, Action.MODIFY, BID, 99, 3, 1, LAST | Flag.FILL),
        ]
    )
    assert column(rows, "volume") == [0, 2]


def test_the_tick_rule_sees_the_flow_alone() -> None:
    pipe = pipeline(features={"net": ("volume_signed_imbalance", {})})
    rows = pipe.run(
        [
            trade(1, 1, price=100),
            trade(2, 1, price=105, flags=Flag.HIDDEN),
            trade(3, 1, price=101),
            trade(4, 1, price=101, flags=Flag.AUCTION),
            trade(5, 1, price=101),
        ]
    )
    assert column(rows, "net") == [0, 0, 1, 0, 1]


# Windows in a pipeline.


def test_row_windows_end_with_every_row_and_others_do_not() -> None:
    def volume(window: str | None) -> tuple[str, dict[str, Any]]:
        return "volume", {"window": window}

    pipe = pipeline(
        "10s",
        features={"row": volume("row"), "all": volume(None), "15s": volume("15s")},
    )
    rows = pipe.run([trade(1, 1), trade(5, 2), trade(15, 4), trade(31, 8)])
    assert column(rows, "row") == [3, 4, 0]
    assert column(rows, "all") == [3, 7, 7]
    # (-5, 10], (5, 20] and (15, 30]: an event exactly 15 s old is outside.
    assert column(rows, "15s") == [3, 4, 0]


def test_trade_windows_count_prints_and_a_change_comes_after_the_prints_beside_it() -> None:
    pipe = pipeline(
        features={
            "ofi": ("order_flow_imbalance", {"window": "1trades"}),
            "volume": ("volume", {"window": "2trades"}),
        }
    )
    rows = pipe.run(
        [
            *both(1),
            (2 * S, Action.TRADE, Side.SELL, 99, 1, 0, 0),
            (2 * S, Action.TRADE, Side.SELL, 99, 2, 0, 0),
            (2 * S, Action.TRADE, Side.SELL, 99, 3, 0, 0),
            quote(2, BID, 99, 1),
            quote(3, BID, 99, 2),
            trade(4, 9, flags=Flag.BROKEN),
            trade(5, 10),
        ]
    )
    assert column(rows, "ofi") == [0, -4, -3, -3, 0]
    # The broken print stands where the last trade before it does.
    assert column(rows, "volume") == [0, 5, 5, -4, 4]


def test_units_of_the_instrument() -> None:
    instrument = SimpleNamespace(
        price_unit="0.0001", size_unit="0.1", tick=[("0", "0.01"), ("1", "0.05")]
    )
    pipe = pipeline(
        instrument=instrument,
        features={
            "bid": ("touch", {"of": "bid_price"}),
            "size": ("touch", {"of": "bid_size"}),
            "ticks": ("spread", {}),
            "price": ("spread", {"unit": "price"}),
            "ofi": ("order_flow_imbalance", {}),
            "vwap": ("vwap", {}),
        },
    )
    (first, *_), (last, *_) = pipe.run(both(1, 9900, 10000)), pipe.run(both(2, 10000, 12000))
    assert first.values["ticks"] == 1
    assert last.values["ticks"] == 4
    assert last.values["price"] == 0.2
    assert last.values["bid"] == 1.0
    assert last.values["size"] == 0.5
    assert last.values["ofi"] == 1.0  # the bid rose (+5), the ask retreated (+5): ten of 0.1
    (row,) = pipe.run([trade(3, 7, price=12345)])
    assert row.values["vwap"] == 1.2345


def test_bucket_volume_is_in_the_instruments_size() -> None:
    bitcoin = SimpleNamespace(price_unit="0.01", size_unit="0.001", tick=None)
    vpin = {"vpin": ("vpin", {"bucket_volume": 0.25, "n_buckets": 1})}
    rows = pipeline(instrument=bitcoin, features=vpin).run([trade(1, 200), trade(2, 50, Side.SELL)])
    assert column(rows, "vpin") == [None, 0.6]


# Sessions: 09:30 to 16:00 in New York is 13:30 to 20:00 UTC on this summer's day.

HOURS = "09:30-16:00 America/New_York"
OPEN, CLOSE = DAY + 13.5 * 3600, DAY + 20 * 3600


def test_outside_a_session_there_are_no_rows_and_no_prints_but_a_book() -> None:
    pipe = pipeline(session=HOURS, features=ALL_TRADES | OFI)
    before = pipe.run([*both(OPEN - 5), trade(OPEN - 1, 64)])
    assert before == []
    rows = pipe.run([trade(OPEN, 1), quote(OPEN + 1, BID, 99, 8), trade(CLOSE - 1, 2)])
    assert pipe.run([trade(CLOSE, 32), quote(CLOSE + 1, BID, 99, 9)]) == []
    assert column(rows, "volume") == [1, 0, 2]
    assert column(rows, "mid") == [100, 100, 100]
    # The state at the first trade is the session's first.
    assert column(rows, "ofi") == [0, 3, 0]


def test_a_sessions_end_is_a_row_of_span_clocks_and_restarts_flows() -> None:
    features = {
        "row": ("volume", {}),
        "session": ("volume", {"window": "session"}),
        "hour": ("volume", {"window": "24h"}),
        "all": ("volume", {"window": None}),
        "last": ("last_price", {}),
        "ofi": ("order_flow_imbalance", {"window": "session"}),
    }
    pipe = pipeline("7m", session=HOURS, features=features)
    rows = pipe.run([*both(CLOSE - 500), trade(CLOSE - 400, 1), trade(CLOSE + 5, 2)])
    next_open = OPEN + 86_400
    rows += pipe.run([trade(next_open, 4), *both(next_open + 60), trade(next_open + 421, 8)])
    # The grid's points are whole multiples of 7 minutes since the epoch.
    seven = 7 * 60
    expected = [(CLOSE - 500) // seven * seven + seven, CLOSE]
    assert times(rows[:2]) == expected
    assert [Status(row.status) for row in rows[:2]] == [Status(0), Status.PARTIAL]
    assert times(rows[2:]) == [next_open // seven * seven + seven]
    assert column(rows, "session") == [1, 1, 4]
    assert column(rows, "hour") == [1, 1, 4]
    assert column(rows, "all") == [1, 1, 5]
    assert column(rows, "row") == [1, 0, 4]
    assert column(rows, "ofi") == [0, 0, 0]


def test_a_sessions_end_on_the_grid_is_a_whole_row() -> None:
    pipe = pipeline("30m", session=HOURS)
    rows = pipe.run([trade(CLOSE - 2000, 1), trade(CLOSE - 1, 2), trade(CLOSE, 4)])
    assert times(rows) == [CLOSE - 1800, CLOSE]
    assert column(rows, "volume") == [1, 2]
    assert [row.status for row in rows] == [0, 0]
    assert pipe.finish() == []


def test_the_first_point_of_a_session_lies_after_its_start() -> None:
    rows = pipeline("30m", session=HOURS).run([trade(OPEN, 1), trade(OPEN + 1801, 2)])
    assert times(rows) == [OPEN + 1800]


def test_advance_ends_a_session() -> None:
    pipe = pipeline("30m", session=HOURS)
    pipe.run([trade(CLOSE - 1000, 1)])
    assert pipe.advance(int((CLOSE + 7200) * S)) == 1
    assert times(pipe.rows) == [CLOSE]


def test_a_session_without_an_end_lasts_until_the_next() -> None:
    pipe = pipeline("12h", session="00:00 UTC", features={"cvd": ("cumulative_volume_delta", {})})
    rows = pipe.run([trade(DAY + 3600, 1), trade(DAY + 86_400, 2), trade(DAY + 100_000, 4)])
    rows += pipe.finish()
    assert times(rows) == [DAY + 43_200, DAY + 86_400, DAY + 100_000]
    assert column(rows, "cvd") == [1, 1, 6]


def test_overnight_session() -> None:
    pipe = pipeline(session="18:00-17:00 America/Chicago")
    rows = pipe.run([trade(DAY + 21.9 * 3600, 1), trade(DAY + 22.5 * 3600, 2)])
    rows += pipe.run([trade(DAY + 23 * 3600, 4), trade(DAY + 30 * 3600, 8)])
    assert column(rows, "volume") == [1, 4, 8]


def test_counts_and_undefined_flow_restart_with_a_session_but_buckets_do_not() -> None:
    pipe = pipeline(
        "2events",
        session=HOURS,
        features={
            "ofi": ("order_flow_imbalance", {"window": "1h"}),
            "since": ("order_flow_imbalance", {"window": None}),
            "vpin": ("vpin", {"bucket_volume": 10, "n_buckets": 1}),
        },
    )
    pipe.run([*both(CLOSE - 9), quote(CLOSE - 8, BID, 99, 7), trade(CLOSE - 7, 6)])
    pipe.run([(int((CLOSE + 1) * S), Action.CLEAR)])
    later = OPEN + 86_400
    assert pipe.run([trade(later, 4)]) == []
    pipe.run([trade(later + 1, 1)])
    assert column(pipe.rows, "ofi") == [2, None]
    assert column(pipe.rows, "since") == [2, 2]
    assert column(pipe.rows, "vpin") == [None, 1]


def test_reset_forgets_everything() -> None:
    pipe = pipeline("10s", features=OFI)
    stream = [*both(1), quote(15, BID, 99, 9), quote(16, ASK, 105, 1, 0)]
    first = pipe.run(stream)
    pipe.reset()
    assert pipe.rows == []
    assert pipe.faults == {}
    assert pipe.run(stream) == first


def test_nan_is_not_carried() -> None:
    features = {"mid": ("mid", {}), "queue": ("queue_imbalance", {})}
    rows = pipeline(features=features).run([*both(1), (2 * S, Action.CLEAR, ASK)])
    assert column(rows, "mid") == [100, None]
    assert column(rows, "queue") == [0, 1]


def test_quotes_outside_a_session_feed_no_flow() -> None:
    since_reset = {"ofi": ("order_flow_imbalance", {"window": None})}
    pipe = pipeline(session=HOURS, features=since_reset)
    pipe.run([*both(OPEN - 9), quote(OPEN - 8, BID, 99, 9)])
    pipe.run([quote(OPEN, BID, 99, 10), quote(CLOSE - 1, BID, 99, 12)])
    pipe.run([quote(CLOSE, BID, 99, 20), quote(CLOSE + 1, BID, 99, 30)])
    pipe.run([quote(OPEN + 86_400, BID, 99, 40), quote(OPEN + 86_401, BID, 99, 44)])
    assert column(pipe.rows, "ofi") == [0, 2, 2, 6]
