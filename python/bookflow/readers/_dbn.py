"""DBN files as chunks of records: decompressed in bounded pieces and cut where records end.

`databento-dbn` reads the header and says what a record looks like (its numpy dtypes). What it
does not guard against is checked first: it aborts on a header that claims gigabytes, panics with a
BaseException on some damaged ones, and drops a truncated tail without a word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from bookflow._optional import need
from bookflow._table import Array
from bookflow.errors import InputError
from bookflow.readers._guard import guarded
from bookflow.readers._pieces import pieces

__all__ = ["EVENT_SCHEMAS", "MESSAGE", "RTYPE", "DbnFile", "Records"]

_DBZ: Final = b"\x50\x2a\x4d\x18"
_VERSIONS: Final = (1, 2, 3)

# Records of a file: their rtype in the header of each, by schema.
RTYPE: Final = {
    "mbo": 160,
    "mbp-1": 1,
    "mbp-10": 10,
    "tbbo": 1,
    "trades": 0,
    "status": 18,
    "definition": 19,
}
EVENT_SCHEMAS: Final = ("mbo", "mbp-1", "mbp-10", "tbbo", "trades", "status")

MESSAGE: Final = {
    "mbo": "MBOMsg",
    "mbp-1": "MBP1Msg",
    "mbp-10": "MBP10Msg",
    "tbbo": "MBP1Msg",
    "trades": "TradeMsg",
    "status": "StatusMsg",
    "definition": "InstrumentDefMsg",
}

_RECORD_HEADER: Final = 16
_PIECE: Final = 4096
_READ: Final = 1 << 20
_LONGEST_HEADER: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one schema, and the number of each in the file (all records counted)."""

    values: Array
    rows: Array
    others: int


class DbnFile:
    """A .dbn or .dbn.zst file whose header has been read.

    Attributes
    ----------
    schema : str
        "mbo", "mbp-1", "mbp-10", "tbbo", "trades", "status" or "definition".
    symbols : dict[int, str]
        Raw symbols by instrument id, where the header maps them.
    """

    def __init__(
        self, path: Path, schema: str | None, allowed: Sequence[str] = EVENT_SCHEMAS
    ) -> None:
        self.path = path
        dbn = need("databento_dbn", "io")
        self._body, metadata = self._header(dbn)
        own = None if metadata.schema is None else str(metadata.schema)
        if schema is not None and own is not None and schema != own:
            raise self._fail(f"the file's is {own}", field="schema", value=schema)
        found = schema or own
        if found is None or found not in allowed:
            rule = f"must be one of {', '.join(allowed)}"
            if found is None:
                rule += " (the file's header names none: give schema=)"
            raise self._fail(rule, field="schema", value=found)
        self.schema: str = found
        # Only definitions differ between the versions, each in the layout it was written in.
        messages = {1: dbn.v1, 2: dbn.v2, 3: dbn.v3}[metadata.version]
        dtype = list(getattr(messages, MESSAGE[found])._dtypes)
        if metadata.ts_out:
            dtype.append(("ts_out", "u8"))
        self.dtype = np.dtype(dtype)
        self._rtypes = frozenset(int(rtype.value) for rtype in dbn.RType.variants())
        self.symbols = {
            int(interval["symbol"]): symbol
            for symbol, intervals in metadata.mappings.items()
            for interval in intervals
            if interval["symbol"].isdigit()
        }

    def definitions(self) -> dict[int, tuple[str, str | None]]:
        """Symbol and tick (None: not defined) of each instrument that the file defines."""
        found = {}
        for chunk in self.chunks(10_000):
            for record in chunk.values:
                nanos = int(record["min_price_increment"])
                tick = f"{nanos}e-9" if 0 < nanos < 2**63 - 1 else None
                symbol = record["raw_symbol"].decode("latin-1")
                found[int(record["instrument_id"])] = (symbol, tick)
        return found

    def chunks(self, records: int) -> Iterator[Records]:
        """At most `records` records at a time, in order."""
        size = self.dtype.itemsize
        row, others = 0, 0
        offset, rest = self._body, b""
        for piece in self._body_pieces(max(records * size, _READ)):
            data = rest + piece if rest else piece
            at = 0
            while len(data) - at >= _RECORD_HEADER:
                values = self._alike(data, at, records)
                if len(values):
                    yield Records(values, np.arange(row, row + len(values)), others)
                    others = 0
                    row += len(values)
                    at += len(values) * size
                    continue
                length = self._length(data, at, row, offset)
                if len(data) - at < length:
                    break
                at += length
                row += 1
                others += 1
            offset += at
            rest = data[at:]
        if rest:
            raise self._fail(
                f"ends inside a record: {len(rest)} bytes of {rest[0] * 4} from byte {offset} on, "
                f"after {row} whole records",
                row=row,
                field="record",
            )
        if others:
            yield Records(np.empty(0, self.dtype), np.empty(0, np.int64), others)

    def _body_pieces(self, size: int) -> Iterator[bytes]:
        before = self._body
        for piece in self._pieces(size):
            if before < len(piece):
                yield piece[before:]
            before = max(0, before - len(piece))

    def _alike(self, data: bytes, at: int, most: int) -> Array:
        """The records of our schema that stand together from byte `at` on."""
        size, rtype = self.dtype.itemsize, RTYPE[self.schema]
        most = min((len(data) - at) // size, most)
        count, tried = 0, 1
        # In growing steps: where kinds alternate, no record is looked at again and again.
        while count < most:
            tried = min(8 * tried, most - count)
            step = np.frombuffer(data, self.dtype, tried, at + count * size)
            wrong = (step["length"] != size // 4) | (step["rtype"] != rtype)
            if wrong.any():
                count += int(np.argmax(wrong))
                break
            count += tried
        return np.frombuffer(data, self.dtype, count, at)

    def _length(self, data: bytes, at: int, row: int, offset: int) -> int:
        """The length in bytes of a record that is not ours, or not whole yet."""
        length, rtype = data[at] * 4, data[at + 1]
        where = f"at byte {offset + at}"
        if length < _RECORD_HEADER:
            raise self._fail(f"is too short for a record's header ({where})", row, "length", length)
        if rtype not in self._rtypes:
            raise self._fail(f"is no record type ({where})", row, "rtype", rtype)
        size = self.dtype.itemsize
        if rtype == RTYPE[self.schema] and length != size:
            rule = f"must be {size} bytes in {self.schema} ({where})"
            raise self._fail(rule, row, "length", length)
        return length

    def _header(self, dbn: Any) -> tuple[int, Any]:
        """Where the records begin, and the header's metadata."""
        head = bytearray()
        length = 8
        for piece in self._pieces(_PIECE):
            head += piece
            if len(head) >= 8 and length == 8:
                length = 8 + self._header_length(head)
            if len(head) >= length > 8:
                break
        else:
            if not head:
                raise self._fail("is empty")
            if len(head) >= 4:
                self._header_length(head)
            raise self._fail(f"ends in its header, at byte {len(head)}")
        decoder = dbn.DBNDecoder(upgrade_policy=dbn.VersionUpgradePolicy.AS_IS)
        with guarded(self.path.name, "its header cannot be decoded"):
            decoder.write(bytes(head[:length]))
            decoded = decoder.decode()
        if not decoded or not isinstance(decoded[0], dbn.Metadata):
            raise self._fail("its header cannot be decoded")
        return length, decoded[0]

    def _header_length(self, head: bytearray) -> int:
        if head[:3] != b"DBN":
            raise self._fail("is no DBN file (a fragment without a header is not read)")
        if head[3] not in _VERSIONS:
            raise self._fail(
                "is a version of DBN that is not known", field="version", value=head[3]
            )
        length = int.from_bytes(head[4:8], "little")
        if length > _LONGEST_HEADER:
            raise self._fail("is too long for a header", field="header length", value=length)
        return length

    def _pieces(self, size: int) -> Iterator[bytes]:
        """The file's bytes, decompressed, about `size` at a time."""
        with open(self.path, "rb") as file:
            if file.read(4) == _DBZ:
                raise self._fail(
                    "is a DBZ file, the format before DBN: convert it with the dbn tool"
                )
        yield from pieces(self.path, size)

    def _fail(
        self, rule: str, row: int | None = None, field: str = "", value: object = None
    ) -> InputError:
        return InputError(rule, source=self.path.name, row=row, field=field, value=value)
