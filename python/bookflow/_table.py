"""The one door from any table to checked 1-D columns.

A table is a mapping of names to arrays, a structured array (matched by field name), a Polars frame,
a pandas frame or whatever has an Arrow stream; no library is imported unless the object is one of
its own. Values are taken
exactly or refused: integers never come from floats, booleans or text, 64-bit unsigned ones never
wrap, and a masked array is an error because its mask would be lost. Big-endian and misaligned
columns are converted (exactly, by a copy), all others are used as they are, without one.

`InputError` is raised for a value, a name or a shape, `TypeError` for a dtype.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from bookflow.errors import InputError

if TYPE_CHECKING:
    from bookflow._core import Instrument

__all__ = ["NONE", "Array", "Table", "exact_integers"]

Array = NDArray[Any]

NONE: Final = -(2**63)
"""No price, no time: INT64_MIN."""

_NS_IN: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_NS_IN_DATETIME: Final = _NS_IN | {
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "D": 86_400_000_000_000,
}


class Where:
    """What an error says about the place of a column."""

    __slots__ = ("field", "first_row", "source")

    def __init__(self, source: str, field: str, first_row: int = 0) -> None:
        self.source = source
        self.field = field
        self.first_row = first_row

    def at(self, flat: int, shape: tuple[int, ...]) -> "tuple[Where, int]":
        """The place and the row of a value of a column, or of a block of levels."""
        if len(shape) < 2:
            return self, flat
        row, level = divmod(flat, shape[1])
        return Where(self.source, f"{self.field} of level {level + 1}", self.first_row), row

    def fail(self, rule: str, row: int | None = None, value: object = None) -> InputError:
        where = None if row is None else self.first_row + row
        return InputError(rule, source=self.source, row=where, field=self.field, value=value)

    def wrong_type(self, what: str) -> TypeError:
        return TypeError(": ".join(filter(None, [self.source, self.field, what])))


def exact_integers(
    values: Array, dtype: DTypeLike, where: Where, needed: str = "integers"
) -> Array:
    """`values` as native, aligned `dtype`: the same array if it is one, else an exact copy."""
    target = np.dtype(dtype)
    if values.dtype.kind not in "iu":
        raise where.wrong_type(f"dtype {values.dtype} where {needed} are needed")
    bounds, own = np.iinfo(target), np.iinfo(values.dtype)
    if values.size and (own.min < bounds.min or own.max > bounds.max):
        # Compared as Python integers: numpy would compare uint64 with int64 as float64.
        low, high = int(values.min()), int(values.max())
        if low < bounds.min or high > bounds.max:
            value = low if low < bounds.min else high
            flat = int(np.flatnonzero(values == values.dtype.type(value))[0])
            place, row = where.at(flat, values.shape)
            raise place.fail(f"does not fit {target.name}", row, value)
    if values.dtype == target and values.dtype.isnative and values.flags.aligned:
        return values
    return values.astype(target)


def _native(values: Array) -> Array:
    if values.dtype.isnative and values.flags.aligned:
        return values
    return values.astype(values.dtype.newbyteorder("="))


def _datetimes(values: Array, where: Where) -> NDArray[np.int64]:
    unit, count = np.datetime_data(values.dtype)
    if unit not in _NS_IN_DATETIME:
        raise where.wrong_type(f"{values.dtype} has no exact count of nanoseconds")
    nat = np.isnat(values)
    if nat.any():
        raise where.fail("is no time (NaT)", int(np.argmax(nat)))
    return _scaled(_native(values).view(np.int64), count * _NS_IN_DATETIME[unit], where)


def _scaled(values: Array, factor: int, where: Where) -> NDArray[np.int64]:
    if factor == 1:
        return values
    limit = (2**63 - 1) // factor
    over = (values > limit) | (values < -limit)
    if over.any():
        row = int(np.argmax(over))
        raise where.fail("does not fit int64 nanoseconds", row, int(values[row]))
    return values * np.int64(factor)


def _module(value: object) -> str:
    return type(value).__module__.partition(".")[0]


class Table:
    """Named columns of one length, read by the package's own field names.

    Parameters
    ----------
    data
        Mapping, structured array, Polars frame, pandas frame or an object with an Arrow stream.
    columns
        The table's own name of a field where it differs: ``{"ts": "time", "size": "qty"}``.
    fields
        Field names that `columns` may rename.
    source
        What messages call the table.
    first_row
        The number of its first row in messages.
    """

    def __init__(
        self,
        data: object,
        *,
        columns: Mapping[str, str] | None = None,
        fields: Iterable[str] = (),
        source: str = "",
        first_row: int = 0,
    ) -> None:
        self.source = source
        self.first_row = first_row
        self._get, self.names = _opened(data, source)
        self._renamed = dict(columns or {})
        self._fields = known = list(fields)
        for field, name in self._renamed.items():
            if field not in known:
                raise InputError(
                    f"no field of this name can be renamed{_close(field, known)}",
                    source=source,
                    field="columns",
                    value=field,
                )
            if name not in self.names:
                raise self.absent(field, name)
        self._length: tuple[str, int] | None = None

    def name(self, field: str) -> str:
        """What the table calls this field."""
        return self._renamed.get(field, field)

    @property
    def rows(self) -> int:
        """Rows of the columns taken so far."""
        return 0 if self._length is None else self._length[1]

    def renames(self, field: str) -> bool:
        """Whether the caller said which column this field is."""
        return field in self._renamed

    def refuse_misspelt(self, fields: Iterable[str]) -> None:
        """An error for a column that nearly has the name of one of `fields` that there is not.

        Passed over, it would be data that the caller believes to have given.
        """
        import difflib  # only where a field is absent

        taken = {self.name(field) for field in self._fields}
        spare = {name.lower(): name for name in self.names if name not in taken}
        for field in fields:
            near = difflib.get_close_matches(field, spare, n=1, cutoff=0.8)
            if near and not self.has(field):
                name = spare[near[0]]
                rule = f"is no field, but nearly {field}: rename it with columns=, or leave it out"
                raise InputError(rule, source=self.source, field="columns", value=name)

    def has(self, field: str) -> bool:
        return self.name(field) in self.names

    def where(self, field: str) -> Where:
        return Where(self.source, self.name(field), self.first_row)

    def times(self, field: str, unit: str = "ns") -> NDArray[np.int64]:
        """Nanoseconds since the epoch: datetimes of any unit, or integers counted in `unit`."""
        if unit not in _NS_IN:
            raise InputError(f"must be one of {', '.join(_NS_IN)}", field="ts_unit", value=unit)
        values, where = self._column(field, ndim=1), self.where(field)
        if values.dtype.kind == "M":
            return _datetimes(values, where)
        return _scaled(exact_integers(values, np.int64, where), _NS_IN[unit], where)

    def integers(self, field: str, dtype: DTypeLike, null: int | None = None) -> Array:
        """Integers; a null of a frame is `null`, or an error."""
        return exact_integers(self._column(field, ndim=1, null=null), dtype, self.where(field))

    def prices(
        self, field: str, instrument: "Instrument", *, ndim: int = 1, missing: bool = True
    ) -> NDArray[np.int64]:
        """Price units. Null and NaN are NONE where `missing` is allowed, else an error."""
        return self._units(
            field, ndim, missing, lambda flat: instrument.price_units(flat, none_is_nan=missing)
        )

    def sizes(
        self,
        field: str,
        instrument: "Instrument",
        *,
        ndim: int = 1,
        missing: bool = False,
        codes: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.int64]:
        """Size units. Null and NaN are NONE where `missing` is allowed, else an error.

        Rows of `codes` hold no sizes but bits, which no unit changes.
        """
        where = self.where(field)

        def convert(flat: NDArray[np.float64]) -> NDArray[np.int64]:
            absent = np.isnan(flat) & missing
            plain = np.zeros(len(flat), np.bool_) if codes is None else codes
            units = instrument.size_units(np.where(absent | plain, 0.0, flat))
            units[absent] = NONE
            for row in np.flatnonzero(plain).tolist():
                bits = flat[row].item()
                if not bits.is_integer() or abs(bits) >= 2.0**63:
                    raise where.fail("is a status, not a size: a whole number", row, bits)
                units[row] = int(bits)
            return units

        return self._units(field, ndim, missing, convert)

    def _units(
        self,
        field: str,
        ndim: int,
        missing: bool,
        convert: Callable[[NDArray[np.float64]], NDArray[np.int64]],
    ) -> NDArray[np.int64]:
        """Integers are units; what `convert` refuses of floats is named by its row and level."""
        values = self._column(field, ndim=ndim, null=NONE if missing else None)
        where = self.where(field)
        if values.dtype.kind != "f":
            needed = "integers (units) or float64"
            return exact_integers(values, np.int64, where, needed)
        try:
            return convert(_doubles(values, where).ravel()).reshape(values.shape)
        except InputError as error:
            if error.row is None or error.source:
                raise
            place, row = where.at(error.row, values.shape)
            rule = error.rule
            if values.dtype.itemsize < 8 and "unit" in rule:
                rule = f"{values.dtype} does not hold decimals exactly: give float64 or units"
            raise place.fail(rule, row, error.value) from None

    def codes(self, field: str, words: Mapping[str, int], dtype: DTypeLike) -> Array:
        """Small codes, as integers or as text (case does not matter)."""
        values = self._column(field, ndim=1)
        where = self.where(field)
        if values.dtype.kind in "iu":
            return exact_integers(values, dtype, where)
        if values.dtype.kind not in "OSU":
            raise where.wrong_type(f"dtype {values.dtype} where codes or text are needed")
        code_of: dict[object, int] = {}
        for value in set(values.tolist()):
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            code = words.get(text.strip().lower()) if isinstance(text, str) else None
            if code is None:
                row = values.tolist().index(value)
                raise where.fail(f"must be one of {', '.join(words)}", row, value)
            code_of[value] = code
        return np.array([code_of[value] for value in values.tolist()], dtype)

    def ndim(self, field: str) -> int:
        dimensions: int = self._get(self.name(field), 0, self.where(field)).ndim
        return dimensions

    def _column(self, field: str, *, ndim: int, null: int | None = None) -> Array:
        name, where = self.name(field), self.where(field)
        if name not in self.names:
            raise self.absent(field, name)
        values: Array = self._get(name, null, where)
        if values.ndim != ndim:
            raise where.fail(f"must have {ndim} dimension(s), not {values.ndim}")
        if self._length is None:
            self._length = (name, len(values))
        elif self._length[1] != len(values):
            first, rows = self._length
            raise where.fail(f"has {len(values)} rows where {first} has {rows}")
        return values

    def absent(self, field: str, name: str) -> InputError:
        """The error for a column that there is not."""
        return InputError(
            f"no such column{_close(name, self.names)}",
            source=self.source,
            field=field,
            value=None if name == field else name,
        )


def _close(name: str, names: Iterable[str]) -> str:
    """The names one may have meant, else all that there are."""
    import difflib  # only for a message: nobody waits for it at import

    known = list(names)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"; did you mean {', '.join(near)}?"
    return f"; there are {', '.join(map(str, known[:20])) or 'none'}"


def _doubles(values: Array, where: Where) -> NDArray[np.float64]:
    if values.dtype.itemsize > 8:
        raise where.wrong_type(f"dtype {values.dtype}: float64 is the widest that is taken")
    fits = values.dtype == np.float64 and values.dtype.isnative and values.flags.aligned
    return values if fits else values.astype(np.float64)


def _opened(data: object, source: str) -> tuple[Any, list[str]]:
    """A getter (name, value of a null or None, where) -> array, and the names."""
    module = _module(data)
    frame: Any = data
    if isinstance(data, np.ndarray):
        if data.dtype.names is None:
            raise TypeError(f"{source}: dtype {data.dtype} has no named fields")
        if isinstance(data, np.ma.MaskedArray):
            raise TypeError(f"{source}: masked arrays are not taken: fill them first")
        if data.ndim != 1:
            raise InputError(f"must have 1 dimension, not {data.ndim}", source=source)
        return (lambda name, null, where: _array(frame[name], where)), list(data.dtype.names)
    if isinstance(data, Mapping):
        return (lambda name, null, where: _any_column(frame[name], null, where)), list(data)
    if module in ("polars", "pandas"):
        if type(data).__name__ != "DataFrame":
            raise TypeError(f"{source}: {type(data).__name__}: a DataFrame is taken")
        names = list(frame.columns)
        if len(set(names)) != len(names):
            twice = Counter(names).most_common(1)[0][0]
            raise InputError("is the name of two columns", source=source, value=twice)
        return (lambda name, null, where: _any_column(frame[name], null, where)), names
    if hasattr(data, "__arrow_c_stream__"):
        from bookflow import _arrow  # only for its objects

        columns = _arrow.whole(data, source)
        return (lambda name, null, where: columns[name].taken(null, where)), list(columns)
    raise TypeError(
        f"{source}: {type(data).__name__} is no table: a dict of arrays, a structured array, "
        "a Polars or a pandas frame or an Arrow stream is"
    )


def _any_column(value: object, null: int | None, where: Where) -> Array:
    if hasattr(value, "taken"):  # of an Arrow stream
        filled: Array = value.taken(null, where)
        return filled
    module = _module(value)
    if module == "polars":
        return _polars_column(value, null, where)
    if module == "pandas":
        return _pandas_column(value, null, where)
    if isinstance(value, np.ndarray | list | tuple):
        return _array(value, where)
    raise where.wrong_type(f"{type(value).__name__} is no array")


def _array(value: object, where: Where) -> Array:
    if isinstance(value, np.ma.MaskedArray):
        raise where.wrong_type("masked arrays are not taken: fill them first")
    try:
        return np.asarray(value)
    except ValueError:
        raise where.fail("is ragged: its rows have different lengths") from None


def _polars_column(series: Any, null: int | None, where: Where) -> Array:
    if series.null_count():
        # to_numpy would turn integers into floats to hold their nulls.
        if null is None:
            raise where.fail("is null", int(series.is_null().arg_true()[0]))
        is_float = series.dtype.is_float()
        series = series.fill_null(float("nan") if is_float else null)
    values: Array = series.to_numpy()
    return values


def _pandas_column(series: Any, null: int | None, where: Where) -> Array:
    if getattr(series.dtype, "tz", None) is not None:
        series = series.dt.tz_convert(None)
    if not isinstance(series.dtype, np.dtype):
        missing = np.asarray(series.isna())
        if missing.any():
            if null is None:
                raise where.fail("is null", int(np.argmax(missing)))
            series = series.fillna(null)
        native = getattr(series.dtype, "numpy_dtype", None)
        return np.asarray(series.to_numpy() if native is None else series.to_numpy(dtype=native))
    return np.asarray(series.to_numpy())
