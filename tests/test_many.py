"""Many instruments on many threads: the same bits as one after the other."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import Dice, Market, dice, effort

import bookflow as bf
from bookflow.events import Action, Flag, Side

FEATURES = {
    "mid": bf.Mid(),
    "ofi": bf.OrderFlowImbalance(window="100events"),
    "mlofi": bf.MultiLevelOrderFlowImbalance(levels=3),
    "vwap": bf.VWAP(),
}
UNITS: dict[str, Any] = {"price_unit": "0.01", "tick": "0.01"}


def pipeline(instrument: bf.Instrument | None = None, **settings: Any) -> bf.Pipeline:
    given: dict[str, Any] = {"clock": "20events", "features": FEATURES} | settings
    return bf.Pipeline(instrument or bf.Instrument("TEMPLATE", **UNITS), **given)


def walk(symbol: str, number: int, rows: int, seed: int = 0) -> bf.Events:
    """Levels that come and go about a price, and prints."""
    draw = np.random.default_rng([seed, number])
    side = draw.integers(1, 3, rows).astype(np.uint8)
    trade = draw.random(rows) < 0.2
    away = draw.integers(1, 6, rows)
    return bf.Events(
        {
            "ts": np.cumsum(draw.integers(0, 3, rows)) * 1_000_000,
            "action": np.where(trade, Action.TRADE, Action.LEVEL).astype(np.uint8),
            "side": side,
            "price": 1000 * (number + 1) + np.where(side == Side.BID, -away, away),
            "size": draw.integers(1, 9, rows),
            "instrument": np.full(rows, number, np.uint32),
        },
        bf.Instrument(symbol, id=number, **UNITS),
        source=symbol,
    )


SIZES = {"AAA": 3_000, "BBB": 40, "CCC": 9_000, "DDD": 0, "EEE": 1, "FFF": 700}


def market() -> dict[str, bf.Events]:
    return {symbol: walk(symbol, n, rows) for n, (symbol, rows) in enumerate(SIZES.items(), 5)}


def mixed(parts: dict[str, bf.Events]) -> bf.Events:
    """All of them as one source, by time."""
    instruments = {part.instrument.id: part.instrument for part in parts.values()}
    columns = {
        name: np.concatenate([part.to_numpy()[name] for part in parts.values()])
        for name in ("ts", "action", "side", "price", "size", "instrument", "flags")
    }
    order = np.argsort(columns["ts"], kind="stable")
    first = next(iter(parts.values())).instrument
    whole = {name: column[order] for name, column in columns.items()}
    return bf.Events(whole, first, source="all", instruments=instruments)


class Parts:
    """A lazy source, and how much of it was out at once."""

    def __init__(self, events: bf.Events, rows: int) -> None:
        self.events, self.rows = events, rows

    def chunks(self, rows: int) -> Iterator[bf.Events]:
        return self.events.chunks(min(rows, self.rows))


def lazy(events: bf.Events, rows: int = 1_000) -> bf.Events:
    return bf.Events.lazy(
        Parts(events, rows),
        events.instrument,
        source=events.source,
        instruments=events.instruments,
    )


def same(one: bf.FeatureFrame, other: bf.FeatureFrame) -> None:
    for name in ("ts", "status", "seen", "clean"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert list(one.columns) == list(other.columns)
    for name, column in one.columns.items():
        assert column.tobytes() == other.columns[name].tobytes(), name
    assert (one.spec, one.instrument) == (other.spec, other.instrument)


def alone(parts: dict[str, bf.Events]) -> dict[str, bf.FeatureFrame]:
    return {symbol: pipeline(part.instrument).run(part) for symbol, part in parts.items()}


@pytest.mark.parametrize("threads", [1, 2, 3, 16, None])
def test_as_one_after_the_other(threads: int | None) -> None:
    parts = market()
    expected = alone(parts)
    assert {len(frame) for frame in expected.values()} >= {0, 2, 450}
    many = bf.run_many(parts, pipeline(), threads=threads)
    assert list(many) == list(parts)
    for symbol, frame in many.items():
        same(frame, expected[symbol])


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("rows", [None, 1, 17, 1_000, 100_000])
def test_one_source_of_many(threads: int, rows: int | None) -> None:
    parts = {symbol: part for symbol, part in market().items() if len(part)}
    if rows == 1:
        parts = {symbol: part[:40] for symbol, part in parts.items()}
    source = mixed(parts)
    many = bf.run_many(source if rows is None else lazy(source, rows), pipeline(), threads=threads)
    numbers = dict.fromkeys(source.instrument_id.tolist())
    assert list(many) == [source.instruments[number].symbol for number in numbers]
    for symbol, frame in alone(parts).items():
        same(many[symbol], frame)


@given(st.lists(dice(40), max_size=5), st.integers(1, 4))
@effort(60)
def test_any_streams(streams: list[Dice], threads: int) -> None:
    parts = {
        f"S{n}": Market(stream, "orders").stream(40).take(bf.Instrument(f"S{n}", **UNITS))
        for n, stream in enumerate(streams)
    }
    expected = {
        symbol: pipeline(part.instrument, clock="event").run(part) for symbol, part in parts.items()
    }
    many = bf.run_many(parts, pipeline(clock="event"), threads=threads)
    assert list(many) == list(parts)
    for symbol, frame in many.items():
        same(frame, expected[symbol])


def test_ids_above_16_bits_and_instruments_nobody_described() -> None:
    numbers = (7, 7 + (1 << 16), 7 + (3 << 16), 9)
    parts = {str(n): walk(str(n), n, 50 + n % 11) for n in numbers}
    source = mixed(parts)
    source = bf.Events(source.columns, bf.Instrument("", id=1, **UNITS))
    many = bf.run_many(source, pipeline())
    assert sorted(many) == sorted(parts)
    for symbol, frame in many.items():
        assert frame.instrument == bf.Instrument("", id=int(symbol), **UNITS)
        expected = pipeline(frame.instrument).run(parts[symbol])
        assert frame.to_numpy().tobytes() == expected.to_numpy().tobytes()


def test_lazy_events_of_a_mapping_are_streamed() -> None:
    parts = market()
    given = {symbol: lazy(part) for symbol, part in parts.items()}
    many = bf.run_many(given, pipeline(), threads=2)
    for symbol, frame in alone(parts).items():
        same(many[symbol], frame)
    assert all(events.is_lazy for events in given.values())


def test_one_frame_with_symbols(tmp_path: Any) -> None:
    parts = market()
    frames = bf.run_many(parts, pipeline())
    frame = bf.run_many(parts, pipeline(), frame=True)
    assert frame.symbol is not None
    assert len(frame) == sum(map(len, frames.values()))
    assert frame.instrument is None
    for symbol, one in frames.items():
        rows = frame.symbol == symbol
        assert frame.ts[rows].tobytes() == one.ts.tobytes()
        assert frame.to_numpy()[rows].tobytes() == one.to_numpy().tobytes()
    table = frame.to_polars()
    assert table.columns[:2] == ["symbol", "ts"]
    assert table["symbol"].to_list() == frame.symbol.tolist()
    assert pl.DataFrame(frame).equals(table)
    assert frame.to_pandas()["symbol"].tolist() == frame.symbol.tolist()
    frame.write_parquet(tmp_path / "all.parquet")
    again = bf.FeatureFrame.read_parquet(tmp_path / "all.parquet")
    assert again.symbol is not None
    assert again.symbol.tolist() == frame.symbol.tolist()
    assert again.to_numpy().tobytes() == frame.to_numpy().tobytes()
    frame.write_npy(tmp_path / "all.npy")
    assert np.load(tmp_path / "all.npy")["symbol"].tolist() == frame.symbol.tolist()


def test_finish_writes_the_open_intervals() -> None:
    parts = market()
    many = bf.run_many(parts, pipeline(), finish=True)
    for symbol, part in parts.items():
        pipe = pipeline(part.instrument)
        same(many[symbol], bf.FeatureFrame.concat([pipe.run(part), pipe.finish()]))


def test_own_pipelines_go_on_and_keep_their_state() -> None:
    parts = market()
    pipes = {symbol: pipeline(part.instrument) for symbol, part in parts.items()}
    halves = [
        bf.run_many({symbol: part[rows] for symbol, part in parts.items()}, pipes)
        for rows in (slice(0, 500), slice(500, None))
    ]
    for symbol, frame in alone(parts).items():
        same(bf.FeatureFrame.concat([half[symbol] for half in halves]), frame)
        whole = pipeline(parts[symbol].instrument)
        whole.run(parts[symbol])
        assert pipes[symbol].to_bytes() == whole.to_bytes()


def test_the_given_pipeline_is_left_alone() -> None:
    pipe = pipeline()
    pipe.push(1, Action.LEVEL, Side.BID, 999, 30)
    before = pipe.to_bytes()
    bf.run_many(market(), pipe)
    assert pipe.to_bytes() == before


def broken(events: bf.Events, row: int) -> bf.Events:
    size = events.size.copy()
    size[row] = -1
    return bf.Events(events.columns | {"size": size}, events.instrument, source=events.source)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_names_its_symbol_and_the_others_are_there(threads: int) -> None:
    parts = market()
    bad = parts | {"AAA": broken(parts["AAA"], 30), "FFF": lazy(broken(parts["FFF"], 650), 100)}
    with pytest.raises(
        bf.InstrumentErrors, match=r"2 of 6 instruments: AAA: .*row 30.*; FFF:"
    ) as e:
        bf.run_many(bad, pipeline(), threads=threads)
    assert list(e.value.errors) == ["AAA", "FFF"]
    assert all(isinstance(error, bf.InputError) for error in e.value.exceptions)
    assert list(e.value.frames) == list(parts)
    expected = alone(parts)
    for symbol in ("BBB", "CCC", "DDD", "EEE"):
        same(e.value.frames[symbol], expected[symbol])
    assert len(e.value.frames["AAA"]) == 0  # nothing of a chunk is applied
    with pytest.raises(bf.InputError, match="row 650"):
        pipeline(parts["FFF"].instrument).run(bad["FFF"])


@pytest.mark.parametrize("rows", [None, 100, 1_000])
def test_an_error_in_one_source_counts_the_instruments_own_rows(rows: int | None) -> None:
    parts = {symbol: part for symbol, part in market().items() if len(part)}
    source = mixed(parts)
    number = parts["CCC"].instrument.id
    own = np.flatnonzero(source.instrument_id == number)
    bad = broken(source, int(own[4321]))
    bad.instruments.update(source.instruments)
    given = bad if rows is None else lazy(bad, rows)
    with pytest.raises(bf.InstrumentErrors) as e:
        bf.run_many(given, pipeline(), threads=2)
    assert list(e.value.errors) == ["CCC"]
    error = e.value.errors["CCC"]
    assert isinstance(error, bf.InputError)
    assert (error.source, error.row, error.field) == ("all", 4321, "size")
    same(e.value.frames["AAA"], alone(parts)["AAA"])


def test_a_feed_fault_keeps_the_rows_before_it() -> None:
    parts = market()
    flags = parts["AAA"].flags
    flags[2_000] |= Flag.GAP
    columns = parts["AAA"].columns | {"flags": flags}
    parts["AAA"] = bf.Events(columns, parts["AAA"].instrument)
    settings = {"on_gap": "raise"}
    with pytest.raises(bf.FeedFault) as one:
        pipeline(parts["AAA"].instrument, **settings).run(parts["AAA"])
    with pytest.raises(bf.InstrumentErrors) as many:
        bf.run_many({"AAA": lazy(parts["AAA"]), "BBB": parts["BBB"]}, pipeline(**settings))
    fault = many.value.errors["AAA"]
    assert isinstance(fault, bf.FeedFault)
    assert (
        (fault.row, fault.rows_applied) == (one.value.row, one.value.rows_applied) == (2000, 2000)
    )
    assert one.value.frame is not None
    same(many.value.frames["AAA"], one.value.frame)


def test_a_source_that_fails_is_its_own_error() -> None:
    class Broken:
        def chunks(self, rows: int) -> Iterator[bf.Events]:
            yield walk("A", 1, 100)
            raise OSError("the disk is gone")

    source = bf.Events.lazy(Broken(), bf.Instrument("A", id=1, **UNITS))
    before = threading.active_count()
    with pytest.raises(OSError, match="the disk is gone"):
        bf.run_many(source, pipeline())
    with pytest.raises(bf.InstrumentErrors, match="the disk is gone"):
        bf.run_many({"A": source}, pipeline())
    assert threading.active_count() == before


def test_two_instruments_of_one_symbol() -> None:
    parts = {"a": walk("A", 1, 20), "b": walk("A", 2, 20)}
    with pytest.raises(bf.InputError, match=r"symbol = A: is the symbol of instruments 1 and 2"):
        bf.run_many(mixed(parts), pipeline())
    assert len(bf.run_many(parts, pipeline())) == 2


def test_one_pipeline_for_two_symbols_is_in_use_or_wrong() -> None:
    """Its own mistake, told as one: the second stream is of another instrument."""
    parts = {"A": walk("A", 1, 200), "B": walk("B", 2, 200)}
    shared = pipeline(parts["A"].instrument)
    with pytest.raises(bf.InstrumentErrors, match=r"of 2 instruments: .*(in use|instrument)"):
        bf.run_many(parts, {"A": shared, "B": shared})


def test_arguments() -> None:
    parts = market()
    for threads in (0, -1):
        with pytest.raises(bf.InputError, match=f"threads = {threads}: must be at least 1"):
            bf.run_many(parts, pipeline(), threads=threads)
    with pytest.raises(bf.InputError, match="pipeline = BBB: has no pipeline"):
        bf.run_many(parts, {"AAA": pipeline()})
    assert bf.run_many({}, pipeline()) == {}
    with pytest.raises(bf.InputError, match="nothing to put together"):
        bf.run_many({}, pipeline(), frame=True)


def test_symbols_of_a_frame() -> None:
    frames = bf.run_many(market(), pipeline())
    whole = bf.FeatureFrame.concat(frames)
    with pytest.raises(bf.InputError, match="whole already"):
        bf.FeatureFrame.concat([whole])
    stamps = (whole.ts, whole.status, whole.seen, whole.clean)
    with pytest.raises(TypeError, match="symbols are text"):
        bf.FeatureFrame(*stamps, {}, symbol=whole.ts)
    with pytest.raises(bf.InputError, match="symbol"):
        bf.FeatureFrame(*stamps, {"symbol": np.zeros(len(whole))}, symbol=whole.symbol)
    with pytest.raises(bf.InputError, match="where ts has"):
        bf.FeatureFrame(*stamps, {}, symbol=np.array(["A"]))
