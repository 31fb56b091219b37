"""Writes `_core.pyi`: what is fixed from a template, the calculators from their declarations.

Run `python -m bookflow._stub` after a change of the core; a test sees to it that it was.
"""

from pathlib import Path
from typing import Any, Final

from bookflow import _core

__all__ = ["text", "write"]

_HEAD: Final = '''"""The compiled core. Made by `python -m bookflow._stub`: do not edit."""

import builtins
from collections.abc import Mapping, Sequence
from decimal import Decimal
from mmap import mmap
from typing import (
    Any,
    ClassVar,
    Final,
    Literal,
    Protocol,
    Self,
    SupportsFloat,
    SupportsIndex,
    overload,
)

import numpy as np
from numpy.typing import NDArray

class _Calculator(Protocol):
    @property
    def spec(self) -> str: ...

_Number = str | int | float | Decimal
_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]
_Bytes = NDArray[np.uint8]
_Buffer = builtins.bytes | bytearray | memoryview | mmap

__version__: Final[str]
STATE_VERSION: Final[int]
NONE: Final[int]
MAX_SIZE: Final[int]
MAX_PRICE: Final[int]
BAD_STATUS: Final[int]
ACTIONS: Final[dict[str, int]]
SIDES: Final[dict[str, int]]
FLAGS: Final[dict[str, int]]
STATUS: Final[dict[str, int]]
FAULTS: Final[tuple[str, ...]]
ITCH_MESSAGES: Final[dict[str, tuple[str, tuple[tuple[str, int, str], ...]]]]
BAR_DTYPE: Final[np.dtype[np.void]]
EVENT_DTYPE: Final[np.dtype[np.void]]
CALCULATORS: Final[tuple[dict[str, Any], ...]]
_C_FUNCTIONS: Final[dict[str, int]]

def _raise_pending() -> None: ...

class _Made(type): ...  # by pybind11

_Data = bytes | bytearray | memoryview

def itch_frame(data: _Data) -> tuple[int, int]: ...
def itch_pick(data: _Data, kind: str, offset: int = 0) -> tuple[bytes, int]: ...
def itch_cut(rest: _Data, offset: int) -> None: ...

class _ItchReader(metaclass=_Made):
    @property
    def position(self) -> int: ...
    @property
    def messages(self) -> int: ...
    @property
    def needs_prints(self) -> bool: ...
    @property
    def counts(self) -> dict[str, int]: ...
    @property
    def packets(self) -> dict[str, int]: ...
    def stocks(self, begin: int = 0) -> list[tuple[int, str]]: ...
    def gap(self) -> None: ...
    def packet(self, data: _Data, offset: int = 0) -> int: ...

class ItchFeed(_ItchReader):
    def __init__(
        self,
        midnight: int,
        symbols: Sequence[str],
        market: str = "Q",
        as_is: bool = False,
        keep_prints: bool = False,
    ) -> None: ...
    def decode(
        self, data: _Data, most: int
    ) -> tuple[
        tuple[
            _Ints,
            _Ints,
            NDArray[np.uint64],
            _Ints,
            _Ints,
            NDArray[np.uint32],
            _Bytes,
            _Bytes,
            NDArray[np.uint16],
        ],
        int,
    ]: ...

class ItchBooks(_ItchReader):
    def __init__(
        self, midnight: int, symbols: Sequence[str], as_is: bool = False, changes: bool = False
    ) -> None: ...
    def replay(
        self, data: _Data, most: int
    ) -> tuple[tuple[_Ints, NDArray[np.uint32], _Ints, _Ints, _Ints, _Ints], int]: ...
    @property
    def faults(self) -> dict[str, int]: ...

class ItchEncoder(metaclass=_Made):
    def __init__(self, midnight: int) -> None: ...
    def name(self, locate: int, symbol: str) -> None: ...
    def system_event(self, code: str, nanos: int) -> bytes: ...
    def directory(self, locate: int, nanos: int) -> bytes: ...
    def encode(
        self,
        ts: _Ints,
        action: _Bytes,
        side: _Bytes,
        price: _Ints,
        size: _Ints,
        flags: NDArray[np.uint16] | None,
        order_id: NDArray[np.uint64] | None,
        instrument: NDArray[np.uint32] | None,
    ) -> bytes: ...
    def finish(self) -> bytes: ...

class Instrument(metaclass=_Made):
    def __init__(
        self,
        symbol: str = "",
        *,
        price_unit: _Number = "0.01",
        tick: _Number | Sequence[tuple[_Number, _Number]] | None = None,
        size_unit: _Number = "1",
        multiplier: _Number = "1",
        kind: Literal["linear", "inverse"] = "linear",
        id: int = 0,
    ) -> None: ...
    @property
    def symbol(self) -> str: ...
    @property
    def id(self) -> int: ...
    @property
    def price_unit(self) -> str: ...
    @property
    def size_unit(self) -> str: ...
    @property
    def multiplier(self) -> str: ...
    @property
    def tick(self) -> str | tuple[tuple[str, str], ...] | None: ...
    @property
    def kind(self) -> Literal["linear", "inverse"]: ...
    def price_units(
        self,
        values: Any,
        field: str = "price",
        source: str = "",
        first_row: int = 0,
        none_is_nan: bool = False,
    ) -> _Ints: ...
    def size_units(
        self, values: Any, field: str = "size", source: str = "", first_row: int = 0
    ) -> _Ints: ...
    def price(self, units: Any) -> Any: ...
    def size(self, units: Any) -> Any: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...
    def __getstate__(self) -> tuple[Any, ...]: ...
    def __setstate__(self, arg0: tuple[Any, ...], /) -> None: ...

def span_ns(text: str, field: str) -> int: ...
def check_events(
    ts: Any,
    action: Any,
    side: Any,
    price: Any,
    size: Any,
    flags: Any,
    order_id: Any,
    instrument: Any,
    depth: Any,
    inst: Instrument,
    source: str = "",
    first_row: int = 0,
    last_ts: int = ...,
    as_is: bool = False,
    after_delete: bool = False,
) -> None: ...

class ArrowReader(metaclass=_Made):
    def __init__(self, capsule: Any) -> None: ...
    @property
    def names(self) -> list[str]: ...
    def next(self) -> list[tuple[str, Any, Any, Any]] | None: ...

def arrow_stream(columns: dict[str, Any], metadata: dict[str, str] = {}) -> object: ...
def parse_calculator(text: str) -> Any: ...
def _bars(
    price: _Ints,
    size: _Ints,
    side: _Bytes | None,
    ts: _Ints | None,
    clock: str,
    sign: str | None,
    origin: int,
    partial: bool,
) -> NDArray[np.void]: ...
def crc32(data: bytes) -> int: ...
def _normal_cdf(x: Any) -> _Floats: ...
def _student_t_cdf(x: Any, nu: float) -> _Floats: ...
class TextBook(metaclass=_Made):
    def __init__(self, instrument: Instrument) -> None: ...
    def copy(self) -> Self: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[Any, Any]) -> Self: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(state: bytes) -> TextBook: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def update(
        self,
        bids: Sequence[Sequence[Any]],
        asks: Sequence[Sequence[Any]],
        price: int = 0,
        size: int = 1,
        whole: bool = False,
    ) -> tuple[_Ints, _Ints, _Ints, _Ints]: ...
    def units(
        self, levels: Sequence[Sequence[Any]], price: int = 0, size: int = 1
    ) -> tuple[_Ints, _Ints]: ...
    def truncate(self, side: int, depth: int) -> _Ints: ...
    def checksum(self, rule: str, depth: int) -> int: ...
    def text(self, side: int, depth: int) -> list[tuple[str, str]]: ...
    def levels(self) -> tuple[int, int]: ...
    @property
    def quotes(self) -> tuple[int, int, int, int]: ...
    def clear(self) -> None: ...

class TextOrders(metaclass=_Made):
    def __init__(self, instrument: Instrument) -> None: ...
    def copy(self) -> Self: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[Any, Any]) -> Self: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(state: bytes) -> TextOrders: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def set(
        self, side: int, id: int, rank: int, price: str | bytes, size: str | bytes
    ) -> tuple[int, int]: ...
    def remove(self, id: int) -> bool: ...
    def truncate(self, side: int, depth: int) -> list[int]: ...
    def checksum(self, rule: str, depth: int) -> int: ...
    def text(self, side: int, depth: int) -> list[tuple[int, str, str]]: ...
    def clear(self) -> None: ...

class EventQueue(metaclass=_Made):
    @overload
    def __init__(
        self,
        capacity: int,
        overflow: str,
        timeout: float | None,
        wait: str,
        name: str,
        replace: bool,
    ) -> None: ...
    @overload
    def __init__(self, name: str, overflow: str, timeout: float | None, wait: str) -> None: ...
    def _push(self, columns: dict[str, Any]) -> int: ...
    def try_push(
        self,
        ts: SupportsIndex,
        action: SupportsIndex,
        side: SupportsIndex,
        price: SupportsIndex | None,
        size: SupportsIndex,
        order_id: SupportsIndex = 0,
        flags: SupportsIndex = 1,
        instrument: SupportsIndex = 0,
    ) -> bool: ...
    def pop_into(self, out: NDArray[np.void]) -> int: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def sent(self) -> int: ...
    @property
    def received(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def overflow(self) -> str: ...
    @property
    def maker_lives(self) -> bool: ...
    def close(self) -> None: ...

class HistoryRing(metaclass=_Made):
    @overload
    def __init__(
        self,
        rows: int,
        item_bytes: Sequence[int],
        text: str,
        name: str,
        replace: bool,
        single_mapping: bool,
    ) -> None: ...
    @overload
    def __init__(self, name: str) -> None: ...
    @property
    def _item_bytes(self) -> list[int]: ...
    def _view(self, column: int, dtype: np.dtype[Any], first: int, n: int) -> NDArray[Any]: ...
    def _copy(self, first: int, out: Sequence[NDArray[Any]]) -> bool: ...
    def _append(self, columns: Sequence[NDArray[Any]]) -> None: ...
    def _valid(self, first: int) -> bool: ...
    def _wait(self, seen: int, timeout: float | None, wait: str) -> int: ...
    @property
    def _text(self) -> str: ...
    @property
    def written(self) -> int: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def most(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def maker_lives(self) -> bool: ...
    def close(self) -> None: ...

class Live(metaclass=_Made):
    def __init__(
        self,
        pipeline: bytes,
        queue: EventQueue,
        rows: HistoryRing,
        events: HistoryRing | None,
        wait: str,
        heartbeat: int,
    ) -> None: ...
    @overload
    def push(self, events: Any, /) -> int: ...
    @overload
    def push(
        self,
        ts: SupportsIndex,
        action: SupportsIndex,
        side: SupportsIndex,
        price: SupportsIndex | None,
        size: SupportsIndex,
        order_id: SupportsIndex = 0,
        flags: SupportsIndex = 1,
    ) -> int: ...
    def _push(
        self, columns: dict[str, Any], depth: Any, source: str, first_row: int
    ) -> int: ...
    def _start(self) -> None: ...
    def _stop(self) -> None: ...
    def _finish(self) -> int: ...
    def _drain(self, timeout: float | None) -> bool: ...
    def _wait(self, seen: int, timeout: float | None) -> int: ...
    def _state(self, timeout: float | None) -> tuple[bytes, int] | None: ...
    def _close(self) -> None: ...
    def _rethrow(self) -> None: ...
    def _watch(self, column: int) -> None: ...
    def _next_alarm(self, timeout: float | None) -> tuple[int, int, int, float] | None: ...
    @property
    def running(self) -> bool: ...
    @property
    def _failed(self) -> bool: ...
    @property
    def _forked(self) -> bool: ...
    @property
    def _status(self) -> int: ...
    @property
    def counters(self) -> dict[str, Any]: ...

class Reorder(metaclass=_Made):
    def __init__(self, span: int, by_venue: bool, max_events: int) -> None: ...
    instrument: Instrument | None
    @property
    def settings(self) -> tuple[int, bool, int]: ...
    @property
    def streams(self) -> list[str]: ...
    @property
    def held(self) -> int: ...
    @property
    def counts(self) -> dict[str, int]: ...
    def stream(self, name: str) -> int: ...
    def push(
        self,
        columns: dict[str, Any],
        depth: tuple[_Ints, ...] | None,
        stream: int,
        source: str,
        own_depth: _Bytes | None = None,
    ) -> tuple[dict[str, Any], tuple[_Ints, ...] | None]: ...
    def advance(self, ts: int) -> tuple[dict[str, Any], tuple[_Ints, ...] | None]: ...
    def flush(self) -> tuple[dict[str, Any], tuple[_Ints, ...] | None]: ...
    def copy(self) -> Self: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[Any, Any]) -> Self: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(state: bytes) -> Reorder: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

class Consolidated(metaclass=_Made):
    def __init__(
        self, instruments: dict[str, Instrument], instrument: Instrument, stale_after: int
    ) -> None: ...
    @property
    def instrument(self) -> Instrument: ...
    @property
    def instruments(self) -> dict[str, Instrument]: ...
    @property
    def quotes(self) -> tuple[int, int, int, int]: ...
    def push(
        self,
        venue: int,
        columns: dict[str, Any],
        depth: tuple[_Ints, ...] | None,
        source: str,
        first_row: int,
    ) -> dict[str, Any]: ...
    def push_all(self, venues: list[Any]) -> dict[str, Any]: ...
    def advance(self, ts: int) -> dict[str, Any]: ...
    def copy(self) -> Self: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[Any, Any]) -> Self: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(state: bytes) -> Consolidated: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

class Pipeline(metaclass=_Made):
    @overload
    def __init__(self, state: bytes) -> None: ...
    @overload
    def __init__(
        self,
        instrument: Instrument,
        clock: str,
        features: Sequence[tuple[str, str]],
        session: tuple[str, int, int, Sequence[tuple[int, int]]] | None = None,
        hidden: str = "volume",
        on_fault: str = "mark",
        on_gap: str = "mark",
        on_crossed: str = "mark",
        stale_after: str | None = None,
        order: str = "error",
        origin: int = 0,
        max_rows: int = 1_000_000,
        history: int = 1024,
    ) -> None: ...
    def _run(
        self,
        ts: Any,
        action: Any,
        side: Any,
        price: Any,
        size: Any,
        flags: Any,
        order_id: Any,
        instrument: Any,
        depth: Any,
        source: str = "",
        first_row: int = 0,
    ) -> tuple[Any, ...]: ...
    def _latest(self, n: int) -> tuple[Any, ...]: ...
    def _finish(self) -> int: ...
    def _hold(self) -> None: ...
    def _let_go(self) -> None: ...
    def push(
        self,
        ts: SupportsIndex,
        action: SupportsIndex,
        side: SupportsIndex,
        price: SupportsIndex | None,
        size: SupportsIndex,
        order_id: SupportsIndex = 0,
        flags: SupportsIndex = 1,
    ) -> int: ...
    def _peek(
        self,
        ts: SupportsIndex,
        action: SupportsIndex,
        side: SupportsIndex,
        price: SupportsIndex | None,
        size: SupportsIndex,
        order_id: SupportsIndex = 0,
        flags: SupportsIndex = 1,
    ) -> tuple[Any, ...]: ...
    def last(self, column: int) -> float: ...
    @property
    def last_ts(self) -> int: ...
    @property
    def last_status(self) -> int: ...
    def advance(self, ts: int) -> int: ...
    def reset(self) -> None: ...
    @property
    def spec(self) -> str: ...
    @property
    def columns(self) -> list[str]: ...
    @property
    def instrument(self) -> Instrument: ...
    @property
    def status(self) -> int: ...
    @property
    def quotes(self) -> tuple[int, int, int, int]: ...
    @property
    def faults(self) -> dict[str, int]: ...
    @property
    def content_hash(self) -> int | None: ...
    @property
    def pending(self) -> int: ...
    def to_bytes(self) -> bytes: ...
    def restore(self, state: bytes) -> None: ...
'''

_BOOK: Final = """
class {name}(metaclass=_Made):
    def __init__(self) -> None: ...
    def apply(
        self,
        action: SupportsIndex,
        side: SupportsIndex,
        price: SupportsIndex,
        size: SupportsIndex,
        order_id: SupportsIndex = 0,
    ) -> int: ...
    def apply_columns(
        self,
        action: _Bytes,
        side: _Bytes,
        price: _Ints,
        size: _Ints,
        order_id: NDArray[np.uint64] | None = None,
    ) -> None: ...
    def replay(
        self,
        action: _Bytes | None,
        side: _Bytes,
        price: _Ints,
        size: _Ints,
        order_id: NDArray[np.uint64] | None = None,
        *,
        levels: int | None = None,
        out: tuple[_Ints, _Ints, _Ints, _Ints] | None = None,
    ) -> tuple[_Ints, _Ints, _Ints, _Ints]: ...
    @property
    def quotes(self) -> tuple[int, int, int, int]: ...
    def depth(self, levels: int = 10) -> dict[str, _Ints]: ...
    @property
    def levels(self) -> tuple[int, int]: ...
    @property
    def content_hash(self) -> int: ...
    @property
    def faults(self) -> dict[str, int]: ...
    def check(self) -> str: ...
    def clear(self) -> None: ...
"""

_ORDERS: Final = """\
    def __len__(self) -> int: ...
    def order(self, order_id: int) -> tuple[int, int, int] | None: ...
    def queue_position(self, order_id: int) -> tuple[int, int] | None: ...
    def queue(self, side: int, price: int) -> tuple[NDArray[np.uint64], _Ints]: ...
"""

_STATE: Final = """\
    def reset(self) -> None: ...
"""

_COMMON: Final = """\
    def copy(self) -> Self: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[Any, Any]) -> Self: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(state: bytes) -> {name}: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
"""

_TYPES: Final = {
    "anchor": "int | str | None",
    "window": "str | None",
    "sliding": "str | None",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "quantity": "_Number",
    "bar": "str | None",
    "horizon": "str",
    "sigma": "_Number | str",
    "distribution": "str",
    "bucket": "_Number | str",
    "source": "_Calculator | str | None",
    "numbers": "Sequence[float | None]",
    "distance": "_Number | None",
    "amount": "_Number",
    "whole bucket": "_Number | str",
}
_READ: Final = _TYPES | {
    "quantity": "int | float",
    "sigma": "int | float | str",
    "bucket": "int | float | str",
    "source": "str | None",
    "numbers": "tuple[float, ...]",
    "distance": "int | float | None",
    "amount": "int | float",
    "whole bucket": "int | float | str",
}

_SIDES: Final = ("bid_price", "bid_size", "ask_price", "ask_size")
_CHANGE: Final = ("price", "change", "side", "cause", "touch")
_QUEUES: Final = ("bid_orders", "ask_orders", "bid_size", "ask_size", "bid_age", "ask_age")
_UPDATE: Final = {
    "quotes": [*(f"{name}: SupportsIndex" for name in _SIDES)],
    "depth": [*(f"{name}: _Ints" for name in _SIDES)],
    "trades": ["price: SupportsIndex", "size: SupportsIndex", "side: SupportsIndex = 0"],
    "changes": [*(f"{name}: SupportsIndex" for name in _CHANGE)],
    "queues": [
        *(f"{name}: SupportsIndex" for name in _QUEUES[:2]),
        *(f"{name}: SupportsIndex | None = None" for name in _QUEUES[2:]),
    ],
}
_COLUMNS: Final = {
    "quotes": [*(f"{name}: _Ints" for name in _SIDES)],
    "depth": [*(f"{name}: _Ints" for name in _SIDES)],
    "trades": ["price: _Ints", "size: _Ints", "side: _Bytes | None = None"],
    "changes": [
        *(f"{name}: _Ints" for name in _CHANGE[:2]),
        *(f"{name}: _Bytes" for name in _CHANGE[2:]),
    ],
    "queues": [
        *(f"{name}: _Ints" for name in _QUEUES[:2]),
        *(f"{name}: _Ints | None = None" for name in _QUEUES[2:]),
    ],
}
_TOUCH: Final = ("bid_price", "ask_price")


def text() -> str:
    """The whole stub."""
    parts = [_HEAD]
    for name, more in (("LevelBook", ""), ("OrderBook", _ORDERS)):
        parts.append(_BOOK.format(name=name) + more + _COMMON.format(name=name))
    parts += [_class(entry) for entry in _core.CALCULATORS]
    parts += ["\n", *(_function(entry) for entry in _core.CALCULATORS)]
    exported = [entry[key] for entry in _core.CALCULATORS for key in ("name", "function")]
    parts.append("\n__all__ = [\n" + "".join(f'    "{name}",\n' for name in exported) + "]\n")
    return "".join(parts)


def write() -> Path:
    """Writes it beside this file; returns where."""
    path = Path(__file__).with_name("_core.pyi")
    path.write_text(text(), encoding="utf-8")
    return path


def _type(parameter: dict[str, Any], types: dict[str, str]) -> str:
    if parameter["name"] == "sign":
        return "str"  # a lag may follow the choice
    if parameter["choices"]:
        return "Literal[" + ", ".join(f'"{choice}"' for choice in parameter["choices"]) + "]"
    return types[parameter["type"]]


def _settings(entry: dict[str, Any], alone: bool = False) -> list[str]:
    """`alone`: those of the column function, whose inputs are columns and not calculators."""
    pipeline_only = alone and entry["feed"] == "values"
    return [
        f"{p['name']}: {_type(p, _TYPES)}" + ("" if p["required"] else f" = {_literal(p)}")
        for p in entry["parameters"]
        if not (pipeline_only and (p["type"] == "source" or p["name"] == "on"))
    ]


def _update(entry: dict[str, Any]) -> list[str]:
    return _UPDATE.get(entry["feed"]) or [f"{name}: SupportsFloat" for name in entry["inputs"]]


def _columns(entry: dict[str, Any]) -> list[str]:
    return _COLUMNS.get(entry["feed"]) or [f"{name}: _Floats" for name in entry["inputs"]]


def _literal(parameter: dict[str, Any]) -> str:
    default = parameter["default"]
    return f'"{default}"' if isinstance(default, str) else repr(default)


def _def(indent: str, name: str, arguments: list[str], result: str) -> str:
    line = f"{indent}def {name}({', '.join(arguments)}) -> {result}: ...\n"
    if len(line) <= 101:
        return line
    inner = f"{indent}    {', '.join(arguments)}\n"
    if len(inner) <= 101:
        return f"{indent}def {name}(\n{inner}{indent}) -> {result}: ...\n"
    lines = "".join(f"{indent}    {argument},\n" for argument in arguments)
    return f"{indent}def {name}(\n{lines}{indent}) -> {result}: ...\n"


def _class(entry: dict[str, Any]) -> str:
    name = entry["name"]
    value = "_Floats" if entry["vector"] else "float"
    out = f"\nclass {name}(metaclass=_Made):\n"
    out += _def("    ", "__init__", ["self", *_settings(entry)], "None")
    for parameter in entry["parameters"]:
        out += (
            f"    @property\n    def {parameter['name']}(self) -> {_type(parameter, _READ)}: ...\n"
        )
    update = ["self", *_update(entry), "ts: SupportsIndex | None = None"]
    if entry["touch"]:
        update += [f"{name}: SupportsIndex | None = None" for name in _TOUCH]
    out += _def("    ", "update", update, value)
    out += _def("    ", "peek", update, value)
    out += f"    @property\n    def value(self) -> {value}: ...\n"
    out += "    @property\n    def spec(self) -> str: ...\n"
    out += "    def __truediv__(self, other: _Calculator) -> Ratio: ...\n"
    out += "    def __sub__(self, other: _Calculator) -> Difference: ...\n"
    out += "    def __getitem__(self, item: int) -> Pick: ...\n"
    out += "    __iter__: None\n"
    return out + _STATE + _COMMON.format(name=name)


def _function(entry: dict[str, Any]) -> str:
    arguments = [
        *_columns(entry),
        *(f"{side}: _Ints | None = None" for side in _TOUCH if entry["touch"]),
        "*",
        *_settings(entry, alone=True),
        "ts: _Ints | None = None",
        "out: _Floats | None = None",
    ]
    return _def("", entry["function"], arguments, "_Floats")


if __name__ == "__main__":
    print(write())
