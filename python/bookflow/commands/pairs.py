"""LOBSTER's message files, each with its order book file."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bookflow.errors import InputError

__all__ = ["lobster_pairs"]


def lobster_pairs(paths: Sequence[Path]) -> list[tuple[Path, Path | None]]:
    """Each message file with its order book file, by their names.

    Two files with names that tell nothing are a message and an order book file. Only one message
    file, given alone, is read without a book: a book left out by mistake must not go unnoticed.
    """
    twice, times = Counter(map(os.path.abspath, paths)).most_common(1)[0]
    if times > 1:
        raise InputError("is given twice", field="INPUT", value=twice)
    if not any("_message_" in p.name or "_orderbook_" in p.name for p in paths):
        if len(paths) > 2:
            raise InputError(
                "more than two files need _message_ and _orderbook_ in their names to be paired",
                field="INPUT",
                value=str(paths[0]),
            )
        return [(paths[0], paths[1] if len(paths) == 2 else None)]
    orderbooks = {_stem(p, "_orderbook_"): p for p in paths if "_orderbook_" in p.name}
    messages = {_stem(p, "_message_"): p for p in paths if "_orderbook_" not in p.name}
    for stem, path in (orderbooks | messages).items():
        if stem not in messages:
            raise InputError("there is no message file with it", field="INPUT", value=str(path))
        if stem not in orderbooks and len(paths) > 1:
            raise InputError("there is no orderbook file with it", field="INPUT", value=str(path))
    return [(path, orderbooks.get(stem)) for stem, path in messages.items()]


def _stem(path: Path, kind: str) -> str:
    return os.path.abspath(path.with_name(path.name.replace(kind, "_")))
