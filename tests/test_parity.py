"""Research and production: batch = a few events at a time = saved and restored = live, bit for bit.

For every calculator, on AMZN, on a recording of Binance and on simulated flow. (Random streams of
every kind, and the references, are `test_contract_pipeline.py`'s.)
"""

import random
import zlib
from collections.abc import Callable
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest
from variants import ENTRIES, VARIANTS

import bookflow as bf
from bookflow.feeds import read_feed
from bookflow.simulation import simulate

ROWS = 3_000
EACH = 2  # settings of a calculator
BARS = "trades=6, min_trades=2, max_trades=20, prints=4, bars=3"
CLOCKS = ("event", "grid", f"imbalance({BARS})")
GRID = {"simulation 11": "5s"}
"""Spans in which a few events come; 250ms where nothing is said."""


def first(events: bf.Events, rows: int = ROWS) -> bf.Events:
    """A recording's first rows, loaded."""
    parts: list[bf.Events] = []
    for chunk in events.chunks(rows):
        parts.append(chunk)
        if sum(map(len, parts)) >= rows:
            break
    return bf.Events.concat(parts)[:rows]


def simulated() -> bf.Events:
    return simulate(seed=11, events=ROWS).events


def amzn(shared: Path) -> bf.Events:
    """Depth rows and prints."""
    (message,) = (shared / "data/lobster/AMZN_2012-06-21_5").glob("*message*")
    (orderbook,) = (shared / "data/lobster/AMZN_2012-06-21_5").glob("*orderbook*")
    return first(bf.read_lobster(message, orderbook))


def amzn_orders(shared: Path) -> bf.Events:
    """Single orders, replayed."""
    (message,) = (shared / "data/lobster/AMZN_2012-06-21_5").glob("*message*")
    return first(bf.read_lobster(message))


def binance(shared: Path) -> bf.Events:
    """Levels and prints."""
    path = next((shared / "data/hftbacktest").glob("usdm*20240808*.gz"))
    return first(read_feed(path, "binance"), 3 * ROWS)


RECORDED: dict[str, Callable[[Path], bf.Events]] = {
    one.__name__: one for one in (amzn, amzn_orders, binance)
}


@pytest.fixture(scope="module", params=["simulated", *RECORDED])
def events(request: pytest.FixtureRequest) -> bf.Events:
    if request.param == "simulated":
        return simulated()
    return RECORDED[request.param](request.getfixturevalue("shared"))


def features() -> dict[str, Any]:
    """Every calculator with settings from all over its variants."""
    chosen = {}
    for entry in ENTRIES:
        ones = [variant for variant in VARIANTS if variant.name == entry["name"]]
        step = max(1, len(ones) // EACH)
        for i, variant in enumerate(ones[step // 2 :: step][:EACH]):
            chosen[f"{variant.snake}{i}x"] = variant.make()
    assert len({name.rstrip("x").rstrip("0123456789") for name in chosen}) == len(ENTRIES)
    return chosen


def pipeline(events: bf.Events, clock: str, history: int = 1) -> bf.Pipeline:
    return bf.Pipeline(
        events.instrument,
        clock=clock,
        features=features(),
        session="00:00 UTC",
        order="as-is",
        on_crossed="uncross",
        stale_after="5s",
        max_rows=1 << 40,
        history=history,
    )


def content(*frames: bf.FeatureFrame) -> dict[str, bytes]:
    columns = bf.FeatureFrame.concat(frames)._all()
    return {name: values.tobytes() for name, values in columns.items()}


@pytest.mark.parametrize("clock", CLOCKS, ids=lambda clock: clock.partition("(")[0])
def test_parity(events: bf.Events, clock: str, tmp_path: Path) -> None:
    chance = random.Random(zlib.crc32(f"{events.source}{clock}".encode()))
    clock = GRID.get(events.source, "250ms") if clock == "grid" else clock
    batch = pipeline(events, clock)
    frame, last = batch.run(events), batch.finish()
    expected = content(frame, last)
    rows = len(frame) + len(last)
    assert rows > 4

    stream = pipeline(events, clock, history=rows)
    i = 0
    while i < len(events):
        n = chance.choice((1, 1, 1, 7, 40))
        stream.run(events[i : i + n])
        i += n
    stream.finish()
    assert content(stream.latest(rows)) == expected

    cuts = sorted(chance.sample(range(1, len(events)), 7))
    checkpoint = bf.Checkpoint(tmp_path / "job", every=None)
    restored, frames = pipeline(events, clock), []
    for start, end in pairwise(chain((0,), cuts, (len(events),))):
        checkpoint.save(restored, bf.Position(start))
        saved = checkpoint.load()
        assert saved is not None
        assert saved.pipeline is not None
        restored = saved.pipeline
        frames.append(restored.run(events[start:end]))
    assert content(*frames, restored.finish()) == expected
    assert restored.to_bytes() == batch.to_bytes()

    if events.depth is None:  # a queue takes single events
        assert content(*lived(pipeline(events, clock), events, cuts, rows)) == expected


def lived(
    pipe: bf.Pipeline, events: bf.Events, cuts: list[int], rows: int
) -> list[bf.FeatureFrame]:
    """Pushed into a queue that is often full; at the fourth cut only the state is left."""
    frames = []
    live = bf.Live(pipe, queue=100, history=rows, wait="yield").start()
    for n, (begin, end) in enumerate(pairwise([0, *cuts, len(events)])):
        live.push(events[begin:end])
        if n == 3:
            live.drain()
            state = live.state()
            assert state.events == end
            frames.append(live.rows.frame(live.rows.written))
            live.close()
            again = bf.Pipeline.from_bytes(state.pipeline.to_bytes())
            live = bf.Live(again, queue=1 << 16, history=rows).start()
    live.finish()
    frames.append(live.rows.frame(live.rows.written))
    live.close()
    return frames
