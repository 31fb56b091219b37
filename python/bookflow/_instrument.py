"""An instrument as text, for a file's metadata."""

from typing import TYPE_CHECKING, Any, Final

from bookflow import _core
from bookflow.errors import InputError

if TYPE_CHECKING:
    from bookflow._core import Instrument

__all__ = ["from_json", "to_json", "with_id"]

_UNITS: Final = ("price_unit", "tick", "size_unit", "multiplier", "kind")


def to_json(instrument: "Instrument") -> str:
    """Symbol, id and units; numbers as exact decimal text."""
    import json  # only for files

    fields = {"symbol": instrument.symbol, "id": int(instrument.id)}
    return json.dumps(fields | {name: _plain(getattr(instrument, name)) for name in _UNITS})


def from_json(text: str, source: str = "") -> "Instrument":
    """What `to_json` wrote."""
    import json

    try:
        fields = json.loads(text)
        return _core.Instrument(
            fields["symbol"], id=fields["id"], **{name: fields[name] for name in _UNITS}
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"is no instrument ({error})", source=source, field="bookflow.instrument", value=text
        ) from error


def with_id(instrument: "Instrument", number: int, symbol: str = "") -> "Instrument":
    """The same units under another id."""
    units = {name: getattr(instrument, name) for name in _UNITS}
    return _core.Instrument(symbol, id=number, **units)


def _plain(value: Any) -> Any:
    """Decimals as text, a tick schedule as lists."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)
