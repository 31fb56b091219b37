"""What a pipeline promises of any calculator, over any stream: the same rows whichever way.

batch = random chunks = one event at a time = saved and restored anywhere = live = the reference.
"""

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import LEVELS, SECOND, Dice, Market, Stream, dice, effort
from variants import VARIANTS, Variant

import bookflow as bf
from bookflow import reference
from bookflow.events import Status

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
MOST = 60  # events a stream
FRIDAY = 1_709_904_000 * SECOND  # 2024-03-08 08:20 in New York, which opens 70 minutes later
KINDS = ("orders", "levels", "quotes", "depth", "tape")
BARS = "trades=3, min_trades=2, max_trades=6, prints=4, bars=2"
COUNTING = (
    "event",
    "best",
    "trade",
    "3events",
    "2trades",
    "10volume",
    "100value",
    f"imbalance({BARS})",
    f"run(volume, {BARS}, sign=lee_ready)",
    f"imbalance(value, {BARS}, sign=emo:2s)",
)
POLICIES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"on_gap": "hold"},
    {"on_crossed": "hold"},
    {"on_crossed": "uncross"},
    {"stale_after": "1s"},
    {"on_gap": "hold", "on_crossed": "uncross", "stale_after": "500ms"},
)
INSTRUMENTS = (
    bf.Instrument("WHOLE", price_unit="1", tick="1"),
    bf.Instrument("DECIMAL", price_unit="0.0025", size_unit="0.1"),
)


@dataclass
class Setup:
    """A pipeline's settings, for the core and for the reference."""

    instrument: bf.Instrument
    features: dict[str, Variant]
    settings: dict[str, Any]

    def core(self, **more: Any) -> bf.Pipeline:
        features = {name: variant.make() for name, variant in self.features.items()}
        return bf.Pipeline(self.instrument, features=features, **(self.settings | more))

    def plain(self) -> reference.Pipeline:
        features = {name: (v.snake, v.settings) for name, v in self.features.items()}
        return reference.Pipeline(self.instrument, features=features, **self.settings)


# What it is that two answers have to agree on.


def content(frame: bf.FeatureFrame) -> list[bytes]:
    columns = [frame.ts, frame.status, frame.seen, frame.clean, *frame.columns.values()]
    return [column.tobytes() for column in columns]


def faults(pipe: Any) -> dict[str, int]:
    return {name: n for name, n in pipe.faults.items() if n}


def assert_rows_of_reference(
    setup: Setup, frame: bf.FeatureFrame, rows: list[reference.Row], largest: float
) -> None:
    assert frame.ts.tolist() == [row.ts for row in rows]
    assert frame.status.tolist() == [row.status for row in rows]
    assert frame.seen.tolist() == [row.seen for row in rows]
    assert frame.clean.tolist() == [row.clean for row in rows]
    for name, variant in setup.features.items():
        got = frame[name] if rows else np.empty(0)
        expected = np.array([row.values[name] for row in rows], np.float64)
        if variant.decays:
            np.testing.assert_allclose(got, expected, 1e-11, largest, err_msg=str(variant))
        elif variant.libm:
            np.testing.assert_allclose(got, expected, 1e-11, 1e-11, err_msg=str(variant))
        elif variant.folded:
            np.testing.assert_allclose(got, expected, 1e-9, 1e-9, err_msg=str(variant))
        elif variant.logarithmic:
            np.testing.assert_allclose(got, expected, 1e-13, 1e-15, err_msg=str(variant))
        elif variant.rounds:
            np.testing.assert_allclose(got, expected, 0, 1e-14, err_msg=str(variant))
        else:
            np.testing.assert_array_equal(got, expected, err_msg=str(variant))


# The ways through a stream. Each returns every row, the open interval's too.


def in_one(setup: Setup, stream: Stream, cuts: list[int]) -> tuple[bf.FeatureFrame, Any]:
    pipe = setup.core()
    frames = [pipe.run(stream.take(setup.instrument)), pipe.finish()]
    return bf.FeatureFrame.concat(frames), pipe


def in_chunks(
    setup: Setup,
    stream: Stream,
    cuts: list[int],
    between: Callable[[bf.Pipeline], bf.Pipeline] = lambda pipe: pipe,
) -> tuple[bf.FeatureFrame, Any]:
    pipe = setup.core()
    events = stream.take(setup.instrument)
    edges = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    frames = []
    for begin, end in pairwise(edges):
        frames.append(pipe.run(events[begin:end]))
        pipe = between(pipe)
    return bf.FeatureFrame.concat([*frames, pipe.finish()]), pipe


def restored(setup: Setup, stream: Stream, cuts: list[int]) -> tuple[bf.FeatureFrame, Any]:
    def saved(pipe: bf.Pipeline) -> bf.Pipeline:
        state = pipe.to_bytes()
        ways = [
            bf.Pipeline.from_bytes(state),
            pickle.loads(pickle.dumps(pipe)),
            copy.deepcopy(pipe),
            pipe.copy(),
        ]
        assert all(way.to_bytes() == state for way in ways)
        return ways[len(state) % len(ways)]

    return in_chunks(setup, stream, cuts, saved)


def pushed(setup: Setup, stream: Stream, cuts: list[int]) -> tuple[bf.FeatureFrame, Any]:
    pipe = setup.core()
    frames = [pipe.latest(pipe.push(*event)) for event in stream.events]
    return bf.FeatureFrame.concat([*frames, pipe.finish()]), pipe


def streamed(setup: Setup, stream: Stream, cuts: list[int]) -> tuple[bf.FeatureFrame, Any]:
    """Record by record after a reset in the middle of something else."""
    pipe = setup.core()
    pipe.run(stream.take(setup.instrument)[: cuts[0] if cuts else 0])
    pipe.reset()
    records = stream.take(setup.instrument).to_numpy()
    rows = [row.ts for row in pipe.stream(records)]
    frame = pipe.latest(len(rows))
    assert frame.ts.tolist() == rows
    return bf.FeatureFrame.concat([frame, pipe.finish()]), pipe


def live(setup: Setup, stream: Stream, cuts: list[int]) -> tuple[bf.FeatureFrame, Any]:
    """Through a queue that is often full, to a thread of its own."""
    events = stream.take(setup.instrument)
    edges = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    ring = 2_000  # no stream writes more rows
    with bf.Live(setup.core(), queue=1 + edges[1] % 7, history=ring, wait="yield") as running:
        for n, (begin, end) in enumerate(pairwise(edges)):
            if n % 2:
                for event in stream.events[begin:end]:
                    running.push(*event)
            else:
                running.push(events[begin:end])
        running.finish()
        assert running.rows.written <= ring
        return running.rows.frame(running.rows.written), running.state().pipeline


def assert_one_answer(setup: Setup, stream: Stream, cuts: list[int]) -> None:
    frame, pipe = in_one(setup, stream, cuts)
    ways = (in_chunks, restored) if stream.depth else (in_chunks, restored, pushed, streamed, live)
    for way in ways:
        other, other_pipe = way(setup, stream, cuts)
        assert content(other) == content(frame), way.__name__
        assert faults(other_pipe) == faults(pipe)
        assert other_pipe.status == pipe.status
        assert other_pipe.content_hash == pipe.content_hash

    plain = setup.plain()
    plain.run(stream.events, None if stream.depth is None else tuple(stream.depth_arrays()))
    plain.finish()
    largest = 2**-52 * MOST * MOST * 4 * 9 * 1100
    assert_rows_of_reference(setup, frame, plain.rows, largest)
    assert faults(plain) == faults(pipe)
    assert plain.status == pipe.status


# Random setups.


def features(draw: Any, kind: str, *, decays: bool, most: int = 6) -> dict[str, Variant]:
    allowed = [v for v in VARIANTS if v.decays <= decays]
    chosen = draw(st.lists(st.sampled_from(allowed), min_size=1, max_size=most), label="features")
    return {f"x{i}": variant for i, variant in enumerate(chosen)}


@st.composite
def cases(
    draw: Any, kind: str, *, clocks: tuple[str, ...], session: str | None = None
) -> tuple[Setup, Stream, list[int]]:
    decays = draw(st.booleans(), label="decays")
    settings: dict[str, Any] = {
        "clock": draw(st.sampled_from(clocks), label="clock"),
        "hidden": draw(st.sampled_from(("volume", "flow", "none")), label="hidden"),
        "session": session,
        "origin": draw(st.sampled_from((0, -1, 777)), label="origin"),
    } | draw(st.sampled_from(POLICIES), label="policies")
    setup = Setup(
        draw(st.sampled_from(INSTRUMENTS), label="instrument"),
        features(draw, kind, decays=decays),
        settings,
    )
    # A decayed sum of what was taken back may be anything about zero, and so its ratios.
    market = Market(
        draw(dice(MOST), label="stream"),
        kind,
        base=1000 if decays else draw(st.sampled_from((100, 0)), label="base"),
        broken=not decays,
    )
    if session is not None:
        # The Friday before New York's clocks go forward, at its opening or just before.
        market.start = draw(st.sampled_from((FRIDAY, FRIDAY + 70 * MINUTE)), label="start")
        market.steps = (0, 1, SECOND, 9 * MINUTE, HOUR // 2, HOUR, 5 * HOUR, 17 * HOUR)
    cuts = draw(st.lists(st.integers(0, MOST), max_size=4), label="cuts")
    return setup, market.stream(MOST), cuts


each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
@effort(150)
@given(data=st.data())
def test_one_answer_with_counting_clocks(kind: str, data: st.DataObject) -> None:
    assert_one_answer(*data.draw(cases(kind, clocks=COUNTING)))


@each_kind
@effort(100)
@given(data=st.data())
def test_one_answer_with_grids(kind: str, data: st.DataObject) -> None:
    assert_one_answer(*data.draw(cases(kind, clocks=("1s", "700ms", "10s"))))


SESSIONS = (
    "09:30-16:00 America/New_York",
    "00:00 UTC",
    "17:00 America/New_York",
    "18:00-17:00 America/Chicago",
    "01:30-02:30 America/New_York",  # its end is skipped when the clocks go forward
)


@pytest.mark.parametrize("session", SESSIONS)
@effort(80)
@given(data=st.data())
def test_one_answer_with_sessions(session: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS), label="kind")
    clocks = ("30m", "7m", "1h", "24h", "event", "2events", "10volume")
    assert_one_answer(*data.draw(cases(kind, clocks=clocks, session=session)))


@effort(100)
@given(data=st.data())
def test_time_that_passes_without_events(data: st.DataObject) -> None:
    """`advance` anywhere, between the events of an atomic event too."""
    session = data.draw(st.sampled_from((None, *SESSIONS[:2])), label="session")
    clocks = ("30m", "1h", "event") if session else ("1s", "10s", "2events")
    kind = data.draw(st.sampled_from(("orders", "quotes", "tape")), label="kind")
    setup, stream, _ = data.draw(cases(kind, clocks=clocks, session=session))
    ahead = Dice(data.draw(st.binary(max_size=MOST), label="advances"))
    core, plain = setup.core(), setup.plain()
    frames = []
    times = [event[0] for event in stream.events]
    last = times[-1] + 3 * HOUR if times else 0
    for event, following in zip(stream.events, [*times[1:], last], strict=False):
        n = core.push(*event)
        frames.append(core.latest(n))
        assert plain.push(event) == n
        if ahead.once_in(3):
            to = event[0] + (following - event[0]) * ahead.below(5) // 4
            n = core.advance(to)
            assert plain.advance(to) == n
            frames.append(core.latest(n))
    plain.finish()
    frame = bf.FeatureFrame.concat([*frames, core.finish()])
    assert_rows_of_reference(setup, frame, plain.rows, 2**-52 * MOST * MOST * 4 * 9 * 1100)


@effort(40)
@given(rolled=dice(120), bucket=st.integers(1, 40), n=st.integers(1, 4))
def test_vpin_lies_between_0_and_1(rolled: Dice, bucket: int, n: int) -> None:
    vpin = {s: bf.VPIN(bucket, n, sign=s) for s in ("aggressor", "tick")}
    pipe = bf.Pipeline(INSTRUMENTS[0], features=vpin, hidden="flow")
    frame = pipe.run(Market(rolled, "orders").stream(120).take(INSTRUMENTS[0]))
    for values in frame.columns.values():
        known = values[~np.isnan(values)]
        assert np.all((known >= 0) & (known <= 1))


@pytest.mark.parametrize("kind", KINDS)
def test_every_variant_at_once(kind: str) -> None:
    """One long fixed stream, every calculator in every setting."""
    data = bytes((i * i * 31 + i * 7 + i // 11) % 256 for i in range(9 * MOST))
    market = Market(Dice(data), kind, base=1000, broken=False)
    every = {f"x{i}": v for i, v in enumerate(VARIANTS)}
    for clock in ("event", "10s"):
        market.dice = Dice(data)
        stream = market.stream(MOST)
        setup = Setup(INSTRUMENTS[1], every, {"clock": clock})
        assert_one_answer(setup, stream, [7, 23, 24])


def test_streams_reach_what_they_are_for() -> None:
    """Faults of every kind and every status bit that there can be."""
    seen = 0
    counted: set[str] = set()
    for k in range(40):
        data = bytes((i * (2 * k + 31) + i * i // (k + 3) + k) % 256 for i in range(9 * MOST))
        for kind in KINDS:
            pipe = bf.Pipeline(INSTRUMENTS[0], features={"mid": bf.Mid()})
            frame = pipe.run(Market(Dice(data), kind).stream(MOST).take(INSTRUMENTS[0]))
            pipe.finish()
            seen |= int(np.bitwise_or.reduce(frame.seen))
            counted |= set(faults(pipe))
    assert seen == int(~Status(0)) & ~int(Status.STALE | Status.PARTIAL)
    assert counted == set(pipe.faults) - {"late", "held_rows", "uncrossed"}
    assert LEVELS == 3
