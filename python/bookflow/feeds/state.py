"""What a handler knows, as bytes: JSON in the envelope of every saved state.

A number, a text, true, false and null stand for themselves; everything else is a list that
begins with what it is: ``["tuple", 1, 2]``, ``["dict", key, value, ...]``, ``["_Change", field,
...]``. The classes of messages are those of the venue's module and of the base's, found by name
there and nowhere else: bytes cannot name code to run.
"""

import base64
import dataclasses
import importlib
import json
import sys
from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING, Any, Final

from bookflow import _core
from bookflow._instrument import from_json, to_json
from bookflow._optional import need
from bookflow._state import kind_of, opened, sealed
from bookflow.errors import InputError, StateError
from bookflow.feeds import VENUES

if TYPE_CHECKING:
    from bookflow.feeds.handler import Handler

__all__ = ["from_bytes", "to_bytes"]

_PREFIX: Final = "feeds."
# Rows and claims are of one message; the instruments are those of the books.
_NOT_KEPT: Final = frozenset({"_rows", "claims", "instruments"})
_COMPILED: Final = (_core.TextBook, _core.TextOrders)
_DICTS: Final[dict[str, type[Any]]] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_LISTS: Final[dict[str, type[Any]]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}


def to_bytes(handler: "Handler") -> bytes:
    """See `Handler.to_bytes`."""
    kinds = _kinds(type(handler))
    known = {name: _plain(value, kinds) for name, value in _kept(handler).items()}
    text = json.dumps(known, separators=(",", ":"), allow_nan=False)
    return sealed(_PREFIX + type(handler).__name__, text.encode())


def from_bytes(cls: "type[Handler]", state: bytes) -> "Handler":
    """See `Handler.from_bytes`."""
    cls = _class_of(cls, kind_of(state))
    content = opened(_PREFIX + cls.__name__, state)
    handler = cls()
    fresh = _kept(handler)
    kinds = _kinds(cls)
    try:
        known = {name: _value(item, kinds) for name, item in json.loads(content).items()}
        if known.keys() != fresh.keys():
            names = ", ".join(sorted(known.keys() ^ fresh.keys()))
            raise StateError(f"not the fields of this handler: {names}")
        for name, value in known.items():
            if fresh[name] is not None and type(value) is not type(fresh[name]):
                raise StateError(f"{name} is a {type(value).__name__}")
        for symbol, book in known["_books"].items():
            _check(symbol, book)
        vars(handler).update(known)
        handler.instruments = {b.number: b.instrument for b in known["_books"].values()}
        if len(handler.instruments) != len(handler._books):
            raise StateError("two books of one id")
    except StateError as error:
        raise StateError(f"saved state of {_PREFIX}{cls.__name__}: {error}") from None
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        rule = f"saved state of {_PREFIX}{cls.__name__}: {type(error).__name__}: {error}"
        raise StateError(rule) from None
    return handler


def _class_of(cls: "type[Handler]", what: str) -> "type[Handler]":
    """The class asked for, or of the base the venue's that was saved."""
    from bookflow.feeds.handler import Handler

    if cls is not Handler:
        return cls
    for venue, name in VENUES.items():
        if what == _PREFIX + name:
            found: type[Handler] = getattr(importlib.import_module(f"bookflow.feeds.{venue}"), name)
            return found
    raise StateError(f"saved state of {what}, expected one of a venue's handler")


def _kept(handler: "Handler") -> dict[str, Any]:
    """Everything that a handler has but its decoders, which its constructor makes."""
    return {
        name: value
        for name, value in vars(handler).items()
        if name not in _NOT_KEPT and not _is_code(value)
    }


def _is_code(value: Any) -> bool:
    if isinstance(value, dict) and value:
        return all(callable(item) for item in value.values())
    return callable(value)


def _kinds(cls: type) -> dict[str, type[Any]]:
    """The classes of values that a handler's modules define or use, by name."""
    struct = need("msgspec", "io").Struct
    kinds = {}
    for base in reversed(cls.__mro__[:-1]):
        for value in vars(sys.modules[base.__module__]).values():
            if isinstance(value, type) and (
                issubclass(value, struct)
                or dataclasses.is_dataclass(value)
                or (issubclass(value, tuple) and hasattr(value, "_fields"))
            ):
                kinds[value.__name__] = value
    return kinds


def _fields(kind: type[Any]) -> tuple[str, ...]:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    names: tuple[str, ...] = getattr(kind, "__struct_fields__", None) or kind._fields
    return names


def _plain(value: Any, kinds: dict[str, type[Any]]) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, bool | str | float):
        return value
    if isinstance(value, int):
        return int(value)  # the words (Side, Flag, Status) are integers
    kind = type(value)
    name = kind.__name__
    if kinds.get(name) is kind:
        return [name, *(_plain(getattr(value, field), kinds) for field in _fields(kind))]
    if kind is bytes:
        return ["bytes", value.decode("latin-1")]
    if kind is need("msgspec", "io").Raw:
        return ["Raw", bytes(value).decode("latin-1")]
    if kind is _core.Instrument:
        return ["Instrument", to_json(value)]
    if kind in _COMPILED:
        return [name, base64.b64encode(value.to_bytes()).decode()]
    if kind is deque:
        return ["deque", value.maxlen, *(_plain(item, kinds) for item in value)]
    if _DICTS.get(name) is kind:
        pairs = (part for pair in value.items() for part in pair)
        return [name, *(_plain(part, kinds) for part in pairs)]
    if _LISTS.get(name) is kind:
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [name, *(_plain(item, kinds) for item in items)]
    raise InputError("has no form as saved state", field="handler", value=repr(value))


def _value(item: Any, kinds: dict[str, type[Any]]) -> Any:
    """What `_plain` was given."""
    if not isinstance(item, list):
        if isinstance(item, dict):
            raise StateError("an object stands where there is none")
        return item
    name, *rest = item
    if name == "bytes":
        (text,) = rest
        return text.encode("latin-1")
    if name == "Raw":
        (text,) = rest
        return need("msgspec", "io").Raw(text.encode("latin-1"))
    if name == "Instrument":
        (text,) = rest
        return from_json(text)
    for compiled in _COMPILED:
        if name == compiled.__name__:
            (text,) = rest
            return compiled.from_bytes(base64.b64decode(text, validate=True))
    if name == "deque":
        most, *items = rest
        return deque((_value(one, kinds) for one in items), most)
    values = [_value(one, kinds) for one in rest]
    if name in _DICTS:
        return _DICTS[name](dict(zip(values[::2], values[1::2], strict=True)))
    if name in _LISTS:
        return _LISTS[name](values)
    kind = kinds[name]
    return kind(**dict(zip(_fields(kind), values, strict=True)))


def _check(symbol: Any, book: Any) -> None:
    """A book's own fields; what its venue remembers is looked at when it is used."""
    from bookflow.feeds.handler import Book

    if not isinstance(book, Book) or book.symbol != symbol:
        raise StateError(f"no book of {symbol!r}")
    for name, kind in (
        ("symbol", str),
        ("instrument", _core.Instrument),
        ("text", _core.TextBook),
        ("number", int),
        ("orders", _core.TextOrders),
        ("known", set),
        ("live", bool),
        ("pending", bool),
        ("status", int),
        ("sequence", int | None),
        ("waiting", deque),
        ("memory", dict),
    ):
        if not isinstance(getattr(book, name), kind):
            raise StateError(f"{name} of {symbol!r} is a {type(getattr(book, name)).__name__}")
    if book.number != int(book.instrument.id):
        raise StateError(f"number of {symbol!r} is not its instrument's id")
