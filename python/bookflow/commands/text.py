"""Numbers and times as a person reads them."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

_SECOND = 1_000_000_000


def moment(ts: int) -> str:
    """Nanoseconds since the epoch as a UTC time.

    >>> moment(1_704_205_800_000_000_001)
    '2024-01-02 14:30:00.000000001'
    """
    return str(np.datetime64(ts, "ns")).replace("T", " ")


def duration(ns: int) -> str:
    """A length of time in its two greatest units.

    >>> duration(5_025_000_000_000), duration(2_500_000_000), duration(40_000)
    ('1 h 23 min', '2.5 s', '0.00004 s')
    """
    seconds = (ns + _SECOND // 2) // _SECOND
    if seconds >= 86_400:
        return f"{seconds // 86_400} d {seconds % 86_400 // 3_600} h"
    if seconds >= 3_600:
        return f"{seconds // 3_600} h {seconds % 3_600 // 60} min"
    if seconds >= 60:
        return f"{seconds // 60} min {seconds % 60} s"
    digits = f"{ns / _SECOND:.9f}".rstrip("0").rstrip(".")
    return f"{digits} s"


def counted(counts: Mapping[str, int]) -> str:
    """Those that are not zero, each before its name.

    >>> counted({"gap": 0, "unknown_id": 3000, "crossed": 1})
    '3,000 unknown_id, 1 crossed'
    """
    return ", ".join(f"{n:,} {name}" for name, n in counts.items() if n)


def table(rows: Iterable[Sequence[str]], indent: str = "  ") -> str:
    """Rows with their columns in line, the last one as it is."""
    lines = [list(row) for row in rows]
    columns = max((len(line) for line in lines), default=0)
    widths = [max(len(line[i]) for line in lines if i < len(line)) for i in range(columns)]
    return "\n".join(
        indent
        + "  ".join(
            cell if i == len(line) - 1 else cell.ljust(widths[i]) for i, cell in enumerate(line)
        )
        for line in lines
    )
