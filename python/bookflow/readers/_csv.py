"""CSV files in pieces: Polars parses, this module finds the row when it will not.

A file is read in blocks of whole lines, so that memory does not depend on its size. Parsing is
strict. What Polars refuses, or passes over as a null, is looked up again line by line, because
only that names the row, the column and the value for certain.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bookflow._optional import need
from bookflow.errors import InputError
from bookflow.readers._decimal import DECIMAL
from bookflow.readers._pieces import is_compressed, pieces

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Column", "CsvFile", "head", "refuse_cut_header", "taken"]

BLOCK: Final = 4 << 20
LONGEST_LINE: Final = 1 << 20
_SAMPLE: Final = 1 << 16
_MARK: Final = b"\xef\xbb\xbf"

_PATTERN: Final = {
    "integer": re.compile(r" *[+-]?[0-9]+"),
    "unsigned": re.compile(r" *\+?[0-9]+"),
    "decimal": DECIMAL,
    "text": re.compile(r".+"),
}
_RANGE: Final = {"integer": (-(2**63), 2**63), "unsigned": (0, 2**64)}


def head(path: Path) -> tuple[list[str], list[bytes], bool]:
    """Names in the header, the first whole lines behind it, and whether the header has an end."""
    start = b""
    for piece in pieces(path, _SAMPLE):
        start += piece
        if len(start) > LONGEST_LINE or len(start.partition(b"\n")[2]) >= _SAMPLE:
            break
    header, end, sample = start.removeprefix(_MARK).partition(b"\n")
    if not start:
        raise InputError("is empty", source=path.name)
    if len(header) > LONGEST_LINE - 4:
        raise InputError(f"has a header of about {LONGEST_LINE} bytes or more", source=path.name)
    names = header.decode("utf-8", "replace").rstrip("\r").split(",")
    if len(set(names)) != len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise InputError("names a column twice", source=path.name, field="header", value=twice)
    return names, sample[:_SAMPLE].rpartition(b"\n")[0].split(b"\n"), bool(end)


def taken(open_end: bool) -> Callable[[bytes, bytes], bool] | None:
    """`CsvFile`'s `is_whole` for callers who say that a last line without a newline is whole."""
    return (lambda before, last: True) if open_end else None


def refuse_cut_header(path: Path, has_end: bool) -> None:
    """InputError for a header that may go on behind the file's end."""
    if not has_end:
        rule = "has no end: the file may be cut; if it is whole, append a newline"
        raise InputError(rule, source=path.name, field="header")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its kind, and whether a cell may be empty.

    Kinds are "integer", "unsigned", "decimal" (numbers, kept as their text) and "text".
    """

    name: str
    kind: str = "integer"
    empty: bool = False


class CsvFile:
    """A CSV file whose columns are known.

    Parameters
    ----------
    path
        The file.
    columns
        Its columns, in order.
    header
        Whether the first line names the columns.
    is_whole
        Whether a last line without a newline, given the line before it, can be no shorter piece of
        a longer one. By default nothing is known, and such a line is an error: what is left of a
        number that was cut is a number too. A compressed file that is whole has a whole last line.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[Column],
        *,
        header: bool = False,
        is_whole: Callable[[bytes, bytes], bool] | None = None,
    ) -> None:
        self.path = path
        self._is_whole = is_whole
        self.columns = list(columns)
        self.header = header
        self._polars = need("polars", "io")
        types = {
            "integer": self._polars.Int64,
            "unsigned": self._polars.UInt64,
            "decimal": self._polars.String,
            "text": self._polars.String,
        }
        self._schema = {column.name: types[column.kind] for column in columns}

    def batches(self, rows: int) -> "Iterator[pl.DataFrame]":
        """Frames of exactly `rows` rows, the last with what is left, also before an error."""
        held: list[pl.DataFrame] = []
        count = 0
        fault = None
        frames = self._frames()
        while True:
            try:
                frame = next(frames, None)
            except InputError as error:
                fault = error
                break
            if frame is None:
                break
            held.append(frame)
            count += len(frame)
            if count < rows:
                continue
            whole = self._polars.concat(held)
            full = count - count % rows
            for start in range(0, full, rows):
                yield whole[start : start + rows]
            held = [whole[full:]]
            count -= full
        if count:
            yield self._polars.concat(held)
        if fault is not None:
            raise fault

    def _frames(self) -> "Iterator[pl.DataFrame]":
        first_row = 0
        for block in self._blocks():
            frame = self._parsed(block, first_row)
            yield frame
            first_row += len(frame)

    def _blocks(self) -> Iterator[bytes]:
        """Blocks of whole lines, without a byte order mark and without the header."""
        rest, row, before = b"", 0, b""
        start = True
        header = self.header
        for piece in pieces(self.path, BLOCK):
            rest += piece
            if start and len(rest) >= len(_MARK):
                rest, start = rest.removeprefix(_MARK), False
            if header:
                # Its names were read before: here it is only passed over.
                if b"\n" not in rest and len(rest) <= LONGEST_LINE:
                    continue
                rest, header = rest.partition(b"\n")[2], False
            end = rest.rfind(b"\n") + 1
            if end:
                block, rest = rest[:end], rest[end:]
                yield block
                row += block.count(b"\n")
                before = block[block.rfind(b"\n", 0, -1) + 1 :].rstrip(b"\r\n")
            if len(rest) > LONGEST_LINE:
                raise self._fail(f"a line of more than {LONGEST_LINE} bytes", row)
        if rest and not header:
            is_whole = self._is_whole is not None and self._is_whole(before, rest)
            if not is_whole and not is_compressed(self.path):
                self._diagnose(rest, row)
                rule = "the last line has no end: the file may be cut"
                raise self._fail(f"{rule}; if it is whole, append a newline", row)
            yield rest

    def _parsed(self, block: bytes, first_row: int) -> "pl.DataFrame":
        for byte, name in ((b"\0", "a NUL byte"), (b'"', "a quote")):
            if byte in block:
                raise self._fail(
                    f"holds {name}", first_row + block[: block.index(byte)].count(b"\n")
                )
        try:
            frame: pl.DataFrame = self._polars.read_csv(
                BytesIO(block), has_header=False, schema=self._schema, quote_char=None
            )
        except self._polars.exceptions.PolarsError as error:
            self._diagnose(block, first_row)
            raise self._fail(f"cannot be read ({error})".splitlines()[0], first_row) from error
        nulls = frame.null_count().row(0)
        if any(n and not column.empty for n, column in zip(nulls, self.columns, strict=True)):
            self._diagnose(block, first_row)
        return frame

    def _diagnose(self, block: bytes, first_row: int) -> None:
        """Raise for the first line that is not what the columns say."""
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        for row, line in enumerate(lines, first_row):
            try:
                cells = line.rstrip(b"\r").decode().split(",")
            except UnicodeDecodeError:
                raise self._fail("is not UTF-8 text", row) from None
            if len(cells) != len(self.columns):
                raise self._fail(f"has {len(cells)} fields where {len(self.columns)} are due", row)
            for column, cell in zip(self.columns, cells, strict=True):
                self._check(column, cell, row)

    def _check(self, column: Column, cell: str, row: int) -> None:
        if not cell:
            if not column.empty:
                raise self._fail("is empty", row, column.name, cell)
            return
        if not _PATTERN[column.kind].fullmatch(cell):
            what = {"integer": "an integer", "unsigned": "an integer of 0 or more"}
            header = row == 0 and not self.header and not DECIMAL.fullmatch(cell)
            hint = " (a header? none is due)" if header else ""
            name = what.get(column.kind, "a finite number")
            raise self._fail(f"is not {name}{hint}", row, column.name, cell)
        low, high = _RANGE.get(column.kind, (0, 0))
        # Python itself refuses to read thousands of digits.
        if high and (len(cell) > 40 or not low <= int(cell) < high):
            raise self._fail("does not fit 64 bits", row, column.name, cell)

    def _fail(self, rule: str, row: int, field: str = "", value: object = None) -> InputError:
        line = row + (2 if self.header else 1)
        return InputError(
            f"{rule} (line {line})", source=self.path.name, row=row, field=field, value=value
        )
