"""Feature rows: what a pipeline wrote, as columns, with what is needed to trust and repeat them."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow._instrument import from_json, to_json
from bookflow._optional import need
from bookflow._table import Array, Where, exact_integers
from bookflow.errors import InputError
from bookflow.events import Status

if TYPE_CHECKING:
    from os import PathLike

    import polars as pl

    from bookflow._core import Instrument

__all__ = ["FeatureFrame", "FeatureRow"]

BAD: Final = Status(_core.BAD_STATUS)
"""The bits after which a number should not be trusted; the others are told, not bad."""

_STAMPS: Final = {"ts": np.int64, "status": np.uint16, "seen": np.uint16, "clean": np.int64}
_SPAN: Final = re.compile(r"(\d+)(ns|us|ms|s|m|h|d)")
_NS_IN: Final = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}


class FeatureRow:
    """One row: ``row.ts``, ``row.status``, ``row["ofi"]`` or ``row.ofi``.

    A vector feature is an array, and ``row.mlofi_1`` its first number.
    """

    __slots__ = ("_features", "clean", "seen", "status", "ts")

    def __init__(
        self,
        ts: int,
        status: Status,
        seen: Status,
        clean: int,
        features: Mapping[str, float | NDArray[np.float64]],
    ) -> None:
        self.ts = ts
        self.status = status
        self.seen = seen
        self.clean = clean
        self._features = features

    def __getitem__(self, name: str) -> float | NDArray[np.float64]:
        try:
            return self._features[name]
        except KeyError:
            raise KeyError(f"no feature {name!r}; there are {', '.join(self._features)}") from None

    def __getattr__(self, name: str) -> float | NDArray[np.float64]:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __repr__(self) -> str:
        features = ", ".join(f"{name}={value!r}" for name, value in self._features.items())
        return f"FeatureRow(ts={self.ts}, status={self.status!r}, {features})"


class FeatureFrame:
    """Rows that a pipeline wrote.

    Attributes
    ----------
    ts : int64
        When each row is of, nanoseconds since the epoch.
    status, seen : uint16
        The book's `Status` at the row, and everything it was since the row before.
    clean : int64
        Nanoseconds since the status was last bad.
    columns : dict[str, float64 array]
        One contiguous column a feature; a vector feature has ``name_1``, ``name_2`` ...
    symbol : array of str, or None
        What each row is of, in a frame of several instruments (`run_many`).
    spec, instrument, version
        The pipeline's text, what it ran on, and the version of bookflow that did.
    """

    def __init__(
        self,
        ts: Array,
        status: Array,
        seen: Array,
        clean: Array,
        columns: Mapping[str, Array],
        spec: str = "",
        instrument: "Instrument | None" = None,
        version: str = "",
        symbol: Array | None = None,
    ) -> None:
        given = {"ts": ts, "status": status, "seen": seen, "clean": clean}
        self.ts, self.status, self.seen, self.clean = (
            exact_integers(np.asarray(given[name]), dtype, Where("frame", name))
            for name, dtype in _STAMPS.items()
        )
        self.columns: dict[str, NDArray[np.float64]] = {}
        for name, values in columns.items():
            if values.dtype != np.float64:
                raise Where("frame", name).wrong_type(f"dtype {values.dtype}: features are float64")
            self.columns[name] = np.ascontiguousarray(values)
        self.symbol = symbol
        if symbol is not None:
            if symbol.dtype.kind != "U":
                raise Where("frame", "symbol").wrong_type(f"dtype {symbol.dtype}: symbols are text")
            if "symbol" in self.columns:
                raise InputError("is a feature and a column of its own", field="symbol")
            given["symbol"] = symbol
        for name, values in (given | dict(self.columns)).items():
            if values.shape != (len(self.ts),):
                raise InputError(
                    f"has shape {values.shape} where ts has {len(self.ts)} rows",
                    source="frame",
                    field=name,
                )
        self.spec = spec
        self.instrument = instrument
        self.version = version

    @property
    def features(self) -> list[str]:
        """Names of the features, a vector feature's once."""
        return list(self._groups())

    def alarms(self, name: str) -> NDArray[np.void]:
        """The rows where an alarm rang, in order.

        Parameters
        ----------
        name : str
            A column that says +1, -1 or 0, such as a `Cusum`'s; NaN is not known and rings nothing.

        Returns
        -------
        structured array with fields ``row`` (int64, in this frame), ``ts`` (int64, ns) and
        ``alarm`` (int8, +1 or -1).

        Raises
        ------
        KeyError
            There is no such column.
        InputError
            It holds something else than alarms; names the row.
        """
        column = self[name]
        wrong = ~np.isin(column, (-1.0, 0.0, 1.0)) & ~np.isnan(column)
        if wrong.any():
            row = int(np.argmax(wrong))
            rule = "is no alarm, which is +1, -1 or 0"
            raise InputError(rule, source="frame", row=row, field=name, value=str(column[row]))
        rows = np.flatnonzero(np.nan_to_num(column))
        rang = np.empty(len(rows), [("row", np.int64), ("ts", np.int64), ("alarm", np.int8)])
        rang["row"], rang["ts"], rang["alarm"] = rows, self.ts[rows], column[rows]
        return rang

    def _groups(self) -> dict[str, list[str]]:
        """Columns of each feature: its own, or numbered ones from 1 that stand side by side."""
        groups: dict[str, list[str]] = {}
        for column in self.columns:
            name, _, number = column.rpartition("_")
            members = groups.get(name, [])
            if number == str(len(members) + 1) and name not in self.columns:
                groups.setdefault(name, []).append(column)
            else:
                groups[column] = [column]
        return groups

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """A feature's column, or a vector feature as (rows, levels)."""
        if name in self.columns:
            return self.columns[name]
        group = self._groups().get(name)
        if group is None:
            there = ", ".join(dict.fromkeys([*self._groups(), *self.columns]))
            raise KeyError(f"no feature {name!r}; there are {there or 'none'}")
        return np.stack([self.columns[column] for column in group], axis=1)

    def __contains__(self, name: object) -> bool:
        return name in self.columns or name in self._groups()

    def __len__(self) -> int:
        return len(self.ts)

    def __iter__(self) -> Iterator[FeatureRow]:
        features: dict[str, list[float] | NDArray[np.float64]] = {
            name: self[name] for name in self._groups() if name not in self.columns
        }
        features |= {name: column.tolist() for name, column in self.columns.items()}
        stamps = zip(
            self.ts.tolist(),
            self.status.tolist(),
            self.seen.tolist(),
            self.clean.tolist(),
            strict=True,
        )
        for i, (ts, status, seen, clean) in enumerate(stamps):
            values = {name: column[i] for name, column in features.items()}
            yield FeatureRow(ts, Status(status), Status(seen), clean, values)

    def good(self, span: str | int = 0) -> NDArray[np.bool_]:
        """Rows whose status is not bad and has not been within `span` ("1m", or nanoseconds)."""
        not_bad: NDArray[np.bool_] = (self.status & np.uint16(BAD)) == 0
        return not_bad & (self.clean >= _nanoseconds(span))

    @classmethod
    def concat(
        cls, frames: "Iterable[FeatureFrame] | Mapping[str, FeatureFrame]"
    ) -> "FeatureFrame":
        """Rows of several frames of one pipeline, in their order.

        Parameters
        ----------
        frames
            Frames of one instrument; or a frame a symbol, of as many instruments: each row then
            has its `symbol`.
        """
        symbols = list(frames) if isinstance(frames, Mapping) else None
        parts = list(frames.values() if isinstance(frames, Mapping) else frames)
        if not parts:
            raise InputError("there is nothing to put together", field="frames")
        first = parts[0]
        for part in parts:
            if list(part.columns) != list(first.columns) or part.spec != first.spec:
                raise InputError(
                    "frames of different pipelines do not go together",
                    field="frames",
                    value=part.spec or ", ".join(part.columns),
                )
            if symbols is None and part.instrument != first.instrument:
                raise InputError(
                    "frames of different instruments go together by symbol, as a mapping",
                    field="frames",
                )
            if part.symbol is not None:
                raise InputError("frames of several symbols are whole already", field="frames")
        return cls(
            np.concatenate([part.ts for part in parts]),
            np.concatenate([part.status for part in parts]),
            np.concatenate([part.seen for part in parts]),
            np.concatenate([part.clean for part in parts]),
            {
                name: np.concatenate([part.columns[name] for part in parts])
                for name in first.columns
            },
            spec=first.spec,
            instrument=first.instrument if symbols is None else None,
            version=first.version,
            symbol=None
            if symbols is None
            else np.repeat(np.array(symbols, np.str_), [len(part) for part in parts]),
        )

    def to_numpy(self) -> NDArray[np.float64]:
        """(rows, feature columns) float64, in the order of `columns`."""
        matrix = np.empty((len(self), len(self.columns)))
        for i, column in enumerate(self.columns.values()):
            matrix[:, i] = column
        return matrix

    def to_polars(self) -> "pl.DataFrame":
        """ts, status, seen, clean and the features."""
        frame: pl.DataFrame = need("polars", "io").DataFrame(self._all())
        return frame

    def to_pandas(self) -> Any:
        """ts, status, seen, clean and the features, as a pandas frame."""
        return need("pandas").DataFrame(self._all())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """ts, status, seen, clean and the features as an Arrow stream, without a copy.

        Its metadata are those of `write_parquet`. A frame with symbols goes by way of Polars.
        """
        if self.symbol is not None:
            return self.to_polars().__arrow_c_stream__(requested_schema)
        from bookflow import _arrow  # only where asked for

        return _arrow.stream(self._all(), self._metadata())

    def _all(self) -> dict[str, Array]:
        symbol = {} if self.symbol is None else {"symbol": self.symbol}
        return symbol | {name: getattr(self, name) for name in _STAMPS} | dict(self.columns)

    def write_parquet(self, path: "str | PathLike[str]") -> None:
        """With spec, version and instrument in the file's key-value metadata."""
        from bookflow.readers._guard import writing

        with writing(path):
            self.to_polars().write_parquet(os.fspath(path), metadata=self._metadata())

    def write_csv(self, path: "str | PathLike[str]") -> None:
        """With a header; floats are written so that they read back the same."""
        from bookflow.readers._guard import writing

        with writing(path):
            self.to_polars().write_csv(os.fspath(path))

    def write_npy(self, path: "str | PathLike[str]") -> None:
        """One structured array: ts, status, seen, clean and the features."""
        with open(path, "wb") as file:
            np.save(file, self._records(), allow_pickle=False)

    def _records(self) -> NDArray[np.void]:
        """A structured array of all columns."""
        columns = self._all()
        rows = np.empty(len(self), [(name, values.dtype) for name, values in columns.items()])
        for name, values in columns.items():
            rows[name] = values
        return rows

    def _of_records(self, rows: NDArray[np.void]) -> "FeatureFrame":
        """A frame of this one's pipeline, of what `_records` gave."""
        return FeatureFrame(
            rows["ts"],
            rows["status"],
            rows["seen"],
            rows["clean"],
            {name: rows[name] for name in self.columns},
            spec=self.spec,
            instrument=self.instrument,
            version=self.version,
        )

    def _metadata(self) -> dict[str, str]:
        metadata = {"bookflow.version": self.version, "bookflow.spec": self.spec}
        if self.instrument is not None:
            metadata["bookflow.instrument"] = to_json(self.instrument)
        return metadata

    @classmethod
    def read_parquet(cls, path: "str | PathLike[str]") -> "FeatureFrame":
        """What `write_parquet` wrote."""
        from bookflow.readers._guard import guarded

        polars = need("polars", "io")
        with guarded(os.fspath(path), "is no Parquet file"):
            metadata = polars.read_parquet_metadata(path)
            table = polars.read_parquet(path)
        absent = [name for name in _STAMPS if name not in table.columns]
        if absent:
            raise InputError("is no file of features", source=str(path), field=absent[0])
        instrument = metadata.get("bookflow.instrument")
        texts = [name for name in ("symbol",) if table.schema.get(name) == polars.String]
        return cls(
            table["ts"].to_numpy(),
            table["status"].to_numpy(),
            table["seen"].to_numpy(),
            table["clean"].to_numpy(),
            {
                name: table[name].to_numpy()
                for name in table.columns
                if name not in _STAMPS and name not in texts
            },
            spec=metadata.get("bookflow.spec", ""),
            instrument=None if instrument is None else from_json(instrument, str(path)),
            version=metadata.get("bookflow.version", ""),
            symbol=np.array(table["symbol"].to_list(), np.str_) if texts else None,
        )

    def __repr__(self) -> str:
        names = ", ".join(self._groups())
        return f"<FeatureFrame: {len(self)} rows of {names or 'no features'}>"


def _nanoseconds(span: str | int) -> int:
    if isinstance(span, int) and not isinstance(span, bool) and span >= 0:
        return span
    match = _SPAN.fullmatch(span) if isinstance(span, str) else None
    if match is None:
        raise InputError('must be a span such as "1m" or nanoseconds', field="span", value=span)
    return int(match[1]) * _NS_IN[match[2]]
