"""Arrow streams (`__arrow_c_stream__`: Polars, pyarrow, DuckDB, pandas ...) as columns, and back.

Numbers and datetimes are read where they lie; each array keeps its batch alive. The values of text
and of categories are looked up. A null is the caller's to refuse or to fill, as anywhere else.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow._table import Array, Where
from bookflow.errors import InputError

__all__ = ["ArrowColumn", "batches", "stream", "whole"]

_NAMES: Final = {
    "b": "bool",
    "e": "float16",
    "n": "null",
    "z": "binary",
    "dictionary": "dictionary",
}


class ArrowColumn:
    """A column of one batch, or of several put together."""

    __slots__ = ("_dictionary", "_format", "_nulls", "_values")

    def __init__(
        self,
        form: str,
        values: "Array | list[Any] | None",
        nulls: NDArray[np.bool_] | None,
        dictionary: list[str] | None = None,
    ) -> None:
        self._format = form
        self._values = values
        self._nulls = nulls
        self._dictionary = dictionary

    def __len__(self) -> int:
        return 0 if self._values is None else len(self._values)

    def __getitem__(self, rows: slice) -> "ArrowColumn":
        values = None if self._values is None else self._values[rows]
        nulls = None if self._nulls is None else self._nulls[rows]
        return ArrowColumn(self._format, values, nulls, self._dictionary)

    def taken(self, null: int | None, where: Where) -> Array:
        """The values, `null` (NaN in a column of floats) where there is none."""
        if self._values is None:
            name = _NAMES.get(self._format, self._format)
            raise where.wrong_type(f"Arrow's type {name} is not taken")
        nulls = self._nulls
        if nulls is not None and not nulls.any():
            nulls = None
        if nulls is not None and null is None:
            raise where.fail("is null", int(np.argmax(nulls)))
        if self._dictionary is not None:
            codes = np.asarray(self._values)
            if nulls is not None:
                codes = np.where(nulls, 0, codes)
            if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < len(self._dictionary):
                raise where.fail("names a category that there is not")
            words: Array = np.array(self._dictionary, object)[codes]
            return words
        if isinstance(self._values, list):
            return np.array(self._values, object)
        if nulls is None:
            return self._values
        fill = np.nan if self._values.dtype.kind == "f" else null
        if self._values.dtype.kind == "M":
            raise where.fail("is null", int(np.argmax(nulls)))
        return np.where(nulls, np.asarray(fill, self._values.dtype), self._values)


def _reader(data: object, source: str) -> "_core.ArrowReader":
    make: Any = getattr(data, "__arrow_c_stream__", None)
    if make is None:
        raise TypeError(f"{source}: {type(data).__name__} has no __arrow_c_stream__")
    try:
        return _core.ArrowReader(make())
    except ValueError as error:
        raise InputError(f"cannot be read ({error})", source=source) from error


def batches(data: object, source: str = "arrow") -> "Iterator[dict[str, ArrowColumn]]":
    """The columns of each batch, by name."""
    reader = _reader(data, source)
    names = reader.names
    for name in names:
        if names.count(name) > 1:
            raise InputError("is the name of two columns", source=source, value=name)
    while True:
        try:
            columns = reader.next()
        except ValueError as error:
            raise InputError(f"cannot be read ({error})", source=source) from error
        if columns is None:
            return
        yield {name: ArrowColumn(*column) for name, column in zip(names, columns, strict=True)}


def whole(data: object, source: str) -> "dict[str, ArrowColumn | _Chunked]":
    """All columns of all batches: where there is one batch, without a copy."""
    found = list(batches(data, source))
    if len(found) == 1:
        return dict(found[0])
    names = found[0] if found else _reader(data, source).names
    return {name: _Chunked([batch[name] for batch in found]) for name in names}


class _Chunked(ArrowColumn):
    """A column in several batches."""

    __slots__ = ("_parts",)

    def __init__(self, parts: list[ArrowColumn]) -> None:
        self._parts = parts

    def taken(self, null: int | None, where: Where) -> Array:
        """The values, `null` where there is none."""
        made, row = [], where.first_row
        for part in self._parts:
            made.append(part.taken(null, Where(where.source, where.field, row)))
            row += len(made[-1])
        return np.concatenate(made) if made else np.empty(0, np.int64)


def stream(columns: Mapping[str, Array], metadata: Mapping[str, str]) -> object:
    """A capsule of an Arrow stream of one batch, without a copy of what is contiguous."""
    whole_columns = {name: np.ascontiguousarray(column) for name, column in columns.items()}
    return _core.arrow_stream(whole_columns, dict(metadata))
