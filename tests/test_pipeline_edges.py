"""Edges of the pipeline that reviews found."""

from typing import Any

import numpy as np
import pytest

import bookflow as bf
from bookflow.events import Action

SECOND = 10**9
DAY = 86_400 * SECOND
LAST = int(bf.Flag.LAST)
CENTS = bf.Instrument("X", price_unit="0.01", tick="0.01")


def pipeline(**settings: Any) -> bf.Pipeline:
    return bf.Pipeline(CENTS, **({"features": {"mid": bf.Mid()}} | settings))


def pushed(pipe: bf.Pipeline, rows: list[tuple[int, ...]]) -> int:
    return sum(pipe.push(*row) for row in rows)


def as_chunk(rows: list[tuple[int, ...]]) -> bf.Events:
    events = np.zeros(len(rows), bf.EVENT_DTYPE)
    for i, (ts, action, side, price, size, order_id, flags) in enumerate(rows):
        events[i] = (ts, bf.NONE, order_id, price, size, 0, action, side, flags)
    return bf.Events.from_numpy(events, CENTS)


def test_every_row_that_a_push_wrote_can_be_read() -> None:
    rows = [(0, Action.LEVEL, 1, 10, 1, 0, LAST), (5 * SECOND, Action.LEVEL, 2, 12, 1, 0, LAST)]
    streamed = list(pipeline(clock="1ms").stream(rows))
    whole = pipeline(clock="1ms").run(as_chunk(rows))
    assert [row.ts for row in streamed] == whole.ts.tolist()
    assert len(whole) == 5_000


def test_max_rows_counts_within_a_session() -> None:
    times = [10 * DAY - 5 * SECOND, 10 * DAY + SECOND, 10 * DAY + 1000 * SECOND]
    times.append(times[-1] + SECOND)
    flags = [LAST, LAST | int(bf.Flag.SNAPSHOT), LAST, LAST]
    rows = [(t, Action.LEVEL, 1, 999, 5, 0, f) for t, f in zip(times, flags, strict=True)]
    settings = {"clock": "1s", "session": "00:00 UTC", "max_rows": 100}
    one_by_one = pushed(pipeline(**settings), rows)
    assert len(pipeline(**settings).run(as_chunk(rows))) == one_by_one == 7


@pytest.mark.parametrize(
    "clock", ["0.1234567volume", "0.00000001volume", "20000000000000000volume"]
)
def test_any_volume_clock_is_saved_and_restored(clock: str) -> None:
    coins = bf.Instrument("C", price_unit="0.01", size_unit="1e-8" if "." in clock else "1")
    pipe = bf.Pipeline(coins, clock=clock, features={})
    assert bf.Pipeline.from_bytes(pipe.to_bytes()).spec == pipe.spec
    assert bf.Pipeline.from_spec(pipe.spec, coins).spec == pipe.spec


def test_two_columns_of_one_name_are_refused() -> None:
    features = {"ofi": bf.MultiLevelOrderFlowImbalance(levels=2), "ofi_1": bf.Mid()}
    with pytest.raises(bf.InputError, match="ofi_1"):
        pipeline(features=features)


def test_no_status_brings_the_snapshot() -> None:
    pipe = pipeline()
    pending = bf.Status.SNAPSHOT_PENDING
    for ts, size in enumerate((pending, bf.Status.HALTED, 0)):
        pipe.push(ts, Action.STATUS, 0, None, int(size))
    assert pipe.status == pending
    pipe.push(9, Action.LEVEL, 1, 999, 5, flags=LAST | int(bf.Flag.SNAPSHOT))
    assert not pipe.status & pending


def test_the_tick_reaches_down() -> None:
    nickels = bf.Instrument("N", price_unit="0.01", tick="0.05")
    pipe = bf.Pipeline(nickels, features={"spread": bf.Spread()})
    pipe.push(1, Action.LEVEL, 1, -15, 5)
    pipe.push(2, Action.LEVEL, 2, -10, 5)
    assert pipe.latest()["spread"] == [1.0]


def test_a_sum_that_leaves_its_range_is_nan() -> None:
    n = 300
    vwap = bf.vwap(np.full(n, 2**61), np.full(n, 2**60), window=None)
    good = np.isfinite(vwap)
    assert (vwap[good] == 2.0**61).all()
    assert good[:2].all()
    assert not good[-1]


def test_large_sizes_convert_exactly() -> None:
    units = bf.Instrument("C", size_unit="1e-8")
    assert units.size_units(np.array([989968681.9450977])).tolist() == [98996868194509770]


def test_an_object_never_made_is_refused() -> None:
    with pytest.raises(TypeError, match="__init__"):
        _ = bf.Instrument.__new__(bf.Instrument).tick

    class Both(bf.LastPrice, bf.MultiLevelOrderFlowImbalance):  # type: ignore[misc]
        def __init__(self) -> None:
            bf.LastPrice.__init__(self)
            bf.MultiLevelOrderFlowImbalance.__init__(self)

    with pytest.raises(TypeError, match="several bases"):
        Both().update(1, 1)


def test_a_chunk_says_the_row_of_its_input() -> None:
    rows = [(i, Action.LEVEL, 1, 999, 5, 0, LAST) for i in range(9)]
    events = as_chunk(rows)
    refused = bf.Pipeline(bf.Instrument("Y", tick="0.02"), features={"mid": bf.Mid()})
    *_, last = events.chunks(4)
    assert last.first_row == 8
    with pytest.raises(bf.InputError, match="row 8: price = 999") as error:
        refused.run(last)
    assert error.value.row == 8


def test_dropped_events_speak_of_no_book() -> None:
    pipe = pipeline()
    pipe.push(1, Action.LEVEL, 1, 999, 5, flags=0)
    pipe.finish()
    pipe.push(2, Action.TRADE, 1, 999, 5)
    assert pipe.status == 0
    assert pipe.faults["unfinished"] == 1
