"""Arrow streams in and out: the same values, no copy, and everything lent given back once."""

import ctypes
import gc
import itertools
import random
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import bookflow as bf
from bookflow import _arrow, _core

ACME = bf.Instrument("ACME", price_unit="0.01", tick="0.05", size_unit="0.001", id=3)
WHERE = _arrow.Where("test", "x")


# A producer that counts --------------------------------------------------------------------------


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


class Stream(ctypes.Structure):
    pass


FreeSchema = ctypes.CFUNCTYPE(None, ctypes.POINTER(Schema))
FreeArray = ctypes.CFUNCTYPE(None, ctypes.POINTER(Array))
FreeStream = ctypes.CFUNCTYPE(None, ctypes.POINTER(Stream))
GetSchema = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Schema))
GetNext = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Array))
GetError = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(Stream))
Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(Schema))),
    ("dictionary", ctypes.POINTER(Schema)),
    ("release", FreeSchema),
    ("private_data", ctypes.c_void_p),
]
Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(Array))),
    ("dictionary", ctypes.POINTER(Array)),
    ("release", FreeArray),
    ("private_data", ctypes.c_void_p),
]
Stream._fields_ = [
    ("get_schema", GetSchema),
    ("get_next", GetNext),
    ("get_last_error", GetError),
    ("release", FreeStream),
    ("private_data", ctypes.c_void_p),
]
new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype = ctypes.py_object
new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


ALIVE: list[Any] = []  # callbacks of C must not go before what they were lent to


class Producer:
    """A stream of int64 columns "a" and "b" that writes down what is released, and when."""

    def __init__(
        self,
        batches: list[np.ndarray],
        *,
        form: bytes = b"l",
        offset: int = 0,
        parent_offset: int = 0,
        error: bytes = b"",
        nulls: bytes | None = None,
        parent_nulls: bytes | None = None,
        short: int = 0,
        no_buffer: bool = False,
    ) -> None:
        ALIVE.append(self)
        self.log: list[str] = []
        self._keep: list[Any] = []
        self._left = list(enumerate(batches))
        self._form, self._offset, self._parent_offset = form, offset, parent_offset
        self._nulls, self._parent_nulls, self._short = nulls, parent_nulls, short
        self._no_buffer = no_buffer
        self._error = error
        self.stream = Stream(
            GetSchema(self._schema),
            GetNext(self._next),
            GetError(lambda s: ctypes.cast(error, ctypes.c_void_p).value if error else None),
            FreeStream(self._free_stream),
            None,
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return new_capsule(ctypes.addressof(self.stream), b"arrow_array_stream", None)

    def _free_stream(self, stream: Any) -> None:
        self.log.append("stream")
        stream.contents.release = FreeStream()

    def _kept(self, value: Any) -> Any:
        self._keep.append(value)
        return value

    def _schema(self, stream: Any, out: Any) -> int:
        def free(schema: Any) -> None:
            self.log.append("schema")
            schema.contents.release = FreeSchema()

        none = FreeSchema()
        columns = [
            self._kept(Schema(self._form, name, None, 0, 0, None, None, none, None))
            for name in (b"a", b"b")
        ]
        pointers = self._kept((ctypes.POINTER(Schema) * 2)(*(ctypes.pointer(c) for c in columns)))
        out[0] = Schema(b"+s", b"", None, 0, 2, pointers, None, self._kept(FreeSchema(free)), None)
        return 0

    def _next(self, stream: Any, out: Any) -> int:
        if not self._left:
            out[0] = Array()
            return 5 if self._error else 0
        number, values = self._left.pop(0)

        def free(array: Any) -> None:
            self.log.append(f"batch {number}")
            array.contents.release = FreeArray()

        rows = len(values) - self._offset - self._parent_offset
        columns = []
        for _ in "ab":
            data = None if self._no_buffer else values.ctypes.data
            mask = None if self._nulls is None else ctypes.cast(self._nulls, ctypes.c_void_p)
            buffers = self._kept((ctypes.c_void_p * 2)(mask, data))
            length = len(values) - self._offset - self._short
            count = 0 if self._nulls is None else -1
            columns.append(
                self._kept(
                    Array(length, count, self._offset, 2, 0, buffers, None, None, FreeArray())
                )
            )
        pointers = self._kept((ctypes.POINTER(Array) * 2)(*(ctypes.pointer(c) for c in columns)))
        mask = (
            None if self._parent_nulls is None else ctypes.cast(self._parent_nulls, ctypes.c_void_p)
        )
        top = self._kept((ctypes.c_void_p * 1)(mask))
        count = 0 if self._parent_nulls is None else -1
        out[0] = Array(
            rows,
            count,
            self._parent_offset,
            1,
            2,
            top,
            pointers,
            None,
            self._kept(FreeArray(free)),
            None,
        )
        return 0


def taken(producer: Any) -> list[dict[str, np.ndarray]]:
    return [
        {name: column.taken(None, WHERE) for name, column in batch.items()}
        for batch in _arrow.batches(producer)
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_everything_is_given_back_once_in_any_order(order: tuple[int, ...]) -> None:
    values = [np.arange(5) + 10 * i for i in range(3)]
    producer = Producer(values)
    held: dict[int, Any] = dict(enumerate(taken(producer)))
    assert sorted(producer.log) == ["schema", "stream"]
    for i, columns in held.items():
        assert columns["a"].ctypes.data == values[i].ctypes.data  # no copy
        assert not columns["a"].flags.writeable
    del columns
    for done, number in enumerate(order):
        view = held[number]["b"][1:3]
        del held[number]
        gc.collect()
        # A view of one column keeps its batch, and no other.
        assert producer.log.count(f"batch {number}") == 0
        assert view.tolist() == [10 * number + 1, 10 * number + 2]
        del view
        gc.collect()
        assert producer.log.count(f"batch {number}") == 1
        assert len(producer.log) == done + 3
    assert sorted(producer.log) == ["batch 0", "batch 1", "batch 2", "schema", "stream"]


def test_what_is_not_read_to_its_end_is_given_back() -> None:
    producer = Producer([np.arange(3), np.arange(3)])
    reader = _core.ArrowReader(producer.__arrow_c_stream__())
    first = reader.next()
    with pytest.raises(ValueError, match="taken before"):
        _core.ArrowReader(producer.__arrow_c_stream__())
    del reader
    gc.collect()
    assert sorted(producer.log) == ["schema", "stream"]
    del first
    gc.collect()
    assert sorted(producer.log) == ["batch 0", "schema", "stream"]
    with pytest.raises(ValueError, match="capsule"):
        _core.ArrowReader(new_capsule(1, b"something", None))


def test_offsets_and_nulls() -> None:
    values = np.arange(20)
    for offset, parent in itertools.product((0, 1, 3, 8), (0, 1, 4)):
        (batch,) = taken(Producer([values], offset=offset, parent_offset=parent))
        assert batch["a"].tolist() == list(range(offset + parent, 20))
        nulls = bytes([255, 0b11101111, 255])  # row 12
        producer = Producer([values], offset=offset, parent_offset=parent, nulls=nulls)
        (columns,) = _arrow.batches(producer)
        with pytest.raises(bf.InputError) as error:
            columns["a"].taken(None, WHERE)
        assert error.value.row == 12 - offset - parent
        filled = columns["a"].taken(-7, WHERE)
        assert filled.tolist() == [-7 if i == 12 else i for i in range(offset + parent, 20)]


def test_streams_that_cannot_be(tmp_path: Any) -> None:
    for settings, words in (
        ({"error": b"the disk is full"}, "the disk is full"),
        ({"short": 2}, "shorter than its batch"),
        ({"parent_nulls": bytes([0b11110111])}, "a row that is null"),
        ({"no_buffer": True}, "without its buffer"),
    ):
        producer = Producer([np.arange(5)], **settings)  # type: ignore[arg-type]
        with pytest.raises(bf.InputError, match=words):
            taken(producer)
        gc.collect()
        assert sorted(producer.log) == ["batch 0", "schema", "stream"]
    for form in (b"b", b"e", b"z", b"+l", b"d:10,2", b"tdD", b"tsx:"):
        with pytest.raises(TypeError, match="test: x: Arrow's type"):
            taken(Producer([np.arange(5)], form=form))
    with pytest.raises(TypeError, match="__arrow_c_stream__"):
        list(_arrow.batches(3))
    assert taken(Producer([])) == []


# Whole tables ------------------------------------------------------------------------------------


def table() -> dict[str, np.ndarray]:
    return {
        "ts": np.arange(6) + 10**18,
        "action": np.array([1, 1, 6, 7, 2, 3], np.uint8),
        "side": np.array([1, 2, 1, 2, 1, 1], np.uint8),
        "price": np.array([1000, 1005, 1003, 1010, 1000, 1000]),
        "size": np.array([5, 2, 3, 1, 2, 0]),
        "order_id": np.array([1, 2, 0, 0, 1, 1], np.uint64),
        "flags": np.ones(6, np.uint16),
    }


def frames() -> Iterator[Any]:
    columns = table()
    yield pl.DataFrame(columns)
    pieces = [pl.DataFrame({n: c[i : i + 2] for n, c in columns.items()}) for i in (0, 2, 4)]
    yield pl.concat(pieces, rechunk=False)
    pa = pytest.importorskip("pyarrow", reason="a peer that need not be there")
    yield pa.table(columns)
    yield pa.table(columns).slice(0, 6)
    yield pa.RecordBatchReader.from_batches(
        pa.table(columns).schema, pa.table(columns).to_batches(max_chunksize=4)
    )
    yield pd.DataFrame(columns)


def test_events_of_all_that_has_a_stream() -> None:
    wanted = bf.Events.from_numpy(table(), ACME).to_numpy()
    for frame in frames():
        events = bf.Events.from_arrow(frame, ACME)
        assert events.is_lazy
        assert np.array_equal(events.to_numpy(), wanted), type(frame)
    for frame in frames():
        assert np.array_equal(bf.Events.from_numpy(frame, ACME).to_numpy(), wanted), type(frame)
    for rows in (1, 2, 3, 10):
        for frame in frames():
            chunks = list(bf.Events.from_arrow(frame, ACME).chunks(rows))
            assert max(map(len, chunks)) <= rows
            assert np.array_equal(bf.Events.concat(chunks).to_numpy(), wanted)


def test_columns_are_not_copied() -> None:
    columns = table()
    events = bf.Events.from_arrow(pl.DataFrame(columns), ACME)
    (chunk,) = events.chunks(100)
    frame = pl.DataFrame(columns)
    (again,) = bf.Events.from_arrow(frame, ACME).chunks(100)
    assert again.ts.ctypes.data == frame["ts"].to_numpy().ctypes.data
    assert not again.price.flags.owndata
    assert np.array_equal(chunk.to_numpy(), again.to_numpy())


def test_a_reader_that_can_be_read_once_says_so() -> None:
    pa = pytest.importorskip("pyarrow", reason="a peer that need not be there")
    batches = pa.table(table())
    events = bf.Events.from_arrow(
        pa.RecordBatchReader.from_batches(batches.schema, batches.to_batches()), ACME
    )
    assert sum(map(len, events.chunks(4))) == 6
    with pytest.raises(bf.InputError, match="was read before"):
        len(events)


def test_kinds_nulls_and_types() -> None:
    quotes = pl.DataFrame(
        {
            "time": pl.Series([1, 2, 3]).cast(pl.Datetime("us", "UTC")),
            "bid_price": [10.0, None, 10.05],
            "bid_size": [1.0, None, 2.0],
            "ask_price": [10.1, 10.1, 10.15],
            "ask_size": [1.5, 1.0, 2.0],
        }
    )
    events = bf.Events.from_arrow(quotes, ACME, kind="quotes", columns={"ts": "time"})
    assert np.array_equal(
        events.to_numpy(), bf.Events.from_quotes(quotes, ACME, columns={"ts": "time"}).to_numpy()
    )
    assert events.ts.tolist() == [1000, 2000, 3000]
    numbered = quotes.rename({n: f"{n}_0" for n in quotes.columns[1:]})
    depth = bf.Events.from_arrow(numbered, ACME, kind="depth", columns={"ts": "time"}, levels=1)
    assert np.array_equal(depth.to_numpy(), events.to_numpy())

    trades = pl.DataFrame(
        {
            "ts": [1, 2, 3],
            "price": [10.05] * 3,
            "size": [1.0] * 3,
            "side": ["buy", "sell", "none"],
        }
    )
    for kind in (pl.String, pl.Categorical, pl.Enum(["none", "sell", "buy"])):
        frame = trades.with_columns(pl.col("side").cast(kind))
        events = bf.Events.from_arrow(frame, ACME, kind="trades", ts_unit="ms")
        assert events.side.tolist() == [1, 2, 0]
        assert events.ts.tolist() == [1_000_000, 2_000_000, 3_000_000]
    long = trades.with_columns(side=pl.lit("a side of more than twelve bytes"))
    with pytest.raises(bf.InputError) as error:
        len(bf.Events.from_arrow(long, ACME, kind="trades"))
    assert error.value.value == "a side of more than twelve bytes"

    for column, value in (("price", None), ("size", None), ("side", None), ("ts", None)):
        holed = pl.concat(
            [trades, trades[:1].with_columns(pl.lit(value).alias(column))],
            how="vertical_relaxed",
            rechunk=False,
        )
        with pytest.raises(bf.InputError) as error:
            len(bf.Events.from_arrow(holed, ACME, kind="trades"))
        assert (error.value.row, error.value.field) == (3, column)
    for column, kind in (("price", pl.String), ("size", pl.Boolean), ("ts", pl.Float64)):
        with pytest.raises(TypeError, match=f"arrow: {column}"):
            len(
                bf.Events.from_arrow(
                    trades.with_columns(pl.col(column).cast(kind)), ACME, kind="trades"
                )
            )
    with pytest.raises(bf.InputError, match="kind"):
        bf.Events.from_arrow(trades, ACME, kind="books")  # type: ignore[arg-type]
    pa = pytest.importorskip("pyarrow", reason="a peer that need not be there")
    twice = pa.table([[1], [2]], names=["ts", "ts"])
    with pytest.raises(bf.InputError, match="is the name of two columns"):
        len(bf.Events.from_arrow(twice, ACME))


def test_a_duckdb_query() -> None:
    duckdb = pytest.importorskip("duckdb", reason="a peer that need not be there")
    query = duckdb.sql(
        "select range * 1000000000 + 1000000000000000000 as ts, 1.5::double as size,"
        " 10 + (range % 3) * 0.05::double as price,"
        " case when range % 2 = 0 then 'buy' else 'sell' end as side"
        " from range(5000)"
    )
    events = bf.Events.from_arrow(query, ACME, kind="trades")
    assert sum(map(len, events.chunks(999))) == 5000
    assert events.side[:4].tolist() == [1, 2, 1, 2]
    assert events.price[:4].tolist() == [1000, 1005, 1010, 1000]


# Out ---------------------------------------------------------------------------------------------


def features() -> bf.FeatureFrame:
    events = bf.Events.from_quotes(
        {
            "ts": np.arange(50),
            "bid_price": 1000 + np.arange(50) % 3 * 5,
            "bid_size": np.arange(50) + 1,
            "ask_price": 1020 + np.arange(50) % 3 * 5,
            "ask_size": np.full(50, 7),
        },
        ACME,
    )
    pipe = bf.Pipeline(ACME, clock="event", features={"mid": bf.Mid(), "qi": bf.QueueImbalance()})
    return pipe.run(events)


def test_features_and_events_go_out_without_a_copy() -> None:
    frame = features()
    assert pl.DataFrame(frame).equals(frame.to_polars())
    pa = pytest.importorskip("pyarrow", reason="a peer that need not be there")
    made = pa.table(frame)
    assert made.column_names == ["ts", "status", "seen", "clean", "mid", "qi"]
    assert np.array_equal(made["mid"].to_numpy(), frame["mid"], equal_nan=True)
    assert made["mid"].chunk(0).buffers()[1].address == frame["mid"].ctypes.data
    assert made.schema.metadata[b"bookflow.spec"].decode() == frame.spec
    assert b"ACME" in made.schema.metadata[b"bookflow.instrument"]
    made.validate(full=True)
    duckdb = pytest.importorskip("duckdb", reason="a peer that need not be there")
    assert duckdb.sql("select count(*) from made where qi is not null").fetchall() == [(50,)]
    events = bf.Events.from_numpy(table(), ACME)
    assert pl.DataFrame(events).equals(events.to_polars())
    again = bf.Events.from_arrow(events, ACME)
    assert np.array_equal(again.to_numpy(), events.to_numpy())
    none = bf.Events.from_numpy({n: c[:0] for n, c in table().items()}, ACME)
    assert pl.DataFrame(none).equals(none.to_polars())
    with pytest.raises(ValueError, match="contiguous"):
        _core.arrow_stream({"a": np.arange(10)[::2]})
    with pytest.raises(ValueError, match="one length"):
        _core.arrow_stream({"a": np.arange(10), "b": np.arange(9)})
    with pytest.raises(ValueError, match="numbers"):
        _core.arrow_stream({"a": np.array([True])})


def consumers() -> list[Callable[[Any], Any]]:
    def unread(capsule: Any) -> None:
        return None

    def begun(capsule: Any) -> Any:
        return _core.ArrowReader(capsule)

    def read(capsule: Any) -> Any:
        return _core.ArrowReader(capsule).next()

    def all_of_it(capsule: Any) -> Any:
        reader = _core.ArrowReader(capsule)
        return reader.next(), reader.next(), reader

    return [unread, begun, read, all_of_it]


@pytest.mark.parametrize("seed", range(4))
def test_what_goes_out_comes_back_once(seed: int) -> None:
    draw = random.Random(seed)
    arrays = {"a": np.arange(1000), "b": np.arange(1000.0)}
    before = [sys.getrefcount(array) for array in arrays.values()]
    held: list[Any] = []
    for _ in range(300):
        held.append(draw.choice(consumers())(_core.arrow_stream(arrays, {"k": "v"})))
        draw.shuffle(held)
        if draw.random() < 0.5:
            held.pop()
    pa = pytest.importorskip("pyarrow", reason="a peer that need not be there")

    class Made:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return _core.arrow_stream(arrays)

    held += [pa.table(Made()), pl.DataFrame(Made())]
    held.append(held[-2]["a"])
    assert [sys.getrefcount(array) for array in arrays.values()] != before
    held.clear()
    gc.collect()
    assert [sys.getrefcount(array) for array in arrays.values()] == before


def test_a_thread_may_be_the_last_owner() -> None:
    array = np.arange(100)
    before = sys.getrefcount(array)
    held = [_core.ArrowReader(_core.arrow_stream({"a": array})).next() for _ in range(8)]
    threads = [threading.Thread(target=held.pop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.getrefcount(array) == before
