"""Recorded connections: the lines of a message log, as they were received.

Three formats, told apart line by line, plain or compressed (.gz, .xz, .zst, a .zip of one file):

- cryptofeed's: ``t: message`` received, ``URL -> t: message`` an HTTP answer, ``URL <- t: message``
  sent, ``URL <-> t`` opened, t in seconds; a binary message is written as Python's bytes literal.
- ``ns message``: a stamp in nanoseconds and the message.
- a message alone, which is JSON with the venue's stamp in it: that is when it was received.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bookflow.errors import InputError
from bookflow.feeds.handler import nanoseconds
from bookflow.readers._pieces import lines as text_lines

__all__ = ["Line", "lines"]

_LONGEST: Final = 1 << 26
"""Bytes of a line: a longer one is no message, and must not fill the memory."""

_RECEIVED: Final = re.compile(rb"(\d{1,12}(?:\.\d+)?): (.*)", re.DOTALL)
_STAMPED: Final = re.compile(rb"(\d{16,20}) (.*)", re.DOTALL)
_OTHER: Final = re.compile(rb"(\S+) (<->|<-|->) (\d{1,12}(?:\.\d+)?)(?:: (.*))?", re.DOTALL)
_BARE: Final = re.compile(rb"\s*[{\[].*", re.DOTALL)
# The first stamp in ms, us or ns (2001 to 2286) of a message: its digits tell which.
_INSIDE: Final = re.compile(
    rb'"(?:ts|cts|time|timestamp|E|T)"\s*:\s*"?([1-9](?:\d{12}|\d{15}|\d{18}))(?!\d)'
)
_KINDS: Final[dict[bytes, Literal["opened", "sent", "answer"]]] = {
    b"<->": "opened",
    b"<-": "sent",
    b"->": "answer",
}
_LITERAL: Final = (b"b'", b'b"')


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what happened, when (ns since the epoch) and what was said."""

    number: int
    kind: Literal["message", "answer", "sent", "opened"]
    received: int
    text: bytes = b""
    url: str = ""


def lines(path: Path) -> Iterator[Line]:
    """The lines of a recording that say something."""
    for number, text in enumerate(text_lines(path, _LONGEST)):
        if text.strip() and not text.startswith(b"configuration: "):
            yield _line(text, number, path.name)


def _line(text: bytes, number: int, source: str) -> Line:
    if found := _RECEIVED.fullmatch(text):
        return Line(number, "message", nanoseconds(found[1]), _bytes(found[2], number, source))
    if found := _STAMPED.fullmatch(text):
        return Line(number, "message", int(found[1]), found[2])
    if found := _OTHER.fullmatch(text):
        url, time = found[1].decode("latin-1"), nanoseconds(found[3])
        return Line(number, _KINDS[found[2]], time, _bytes(found[4] or b"", number, source), url)
    shown = text.decode("utf-8", "replace")
    if _BARE.fullmatch(text):
        if stamp := _INSIDE.search(text):
            return Line(number, "message", nanoseconds(stamp[1], len(stamp[1]) - 10), text)
        rule = "has no stamp, neither before the message nor in it"
        raise InputError(rule, source=source, row=number, value=shown)
    raise InputError("is no line of a message log", source=source, row=number, value=shown)


def _bytes(text: bytes, number: int, source: str) -> bytes:
    if not text.startswith(_LITERAL):
        return text
    try:
        value = ast.literal_eval(text.decode("ascii"))
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        shown = text.decode("utf-8", "replace")
        rule = f"is no bytes literal: {error}"
        raise InputError(rule, source=source, row=number, value=shown) from None
    return bytes(value)
