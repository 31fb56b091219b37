"""How often each rule finds the aggressor that a recording knows: `python -m bench.sign_accuracy`.

Streams are merged by the venue's time, prints first where it is the same. Percent right of all
prints with a side; a print without a sign is wrong.
"""

import csv
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import bookflow as bf
from bookflow.events import Action, Side

RULES = ("tick", "quote", "lee_ready", "emo", "clnv")
Ints = np.ndarray


def events_of(
    quotes: tuple[Ints, Ints, Ints],
    trades: tuple[Ints, Ints, Ints],
    price_unit: str,
    *,
    prints_first: bool = True,
) -> bf.Events:
    """(ts, bid, ask) and (ts, price, side), each in order, as one stream."""
    quote_ts, bid, ask = quotes
    ts, price, side = trades
    n, m = len(quote_ts), len(ts)
    action = np.repeat(np.array([Action.QUOTE, Action.TRADE], np.uint8), [2 * n, m])
    times = np.concatenate([np.repeat(quote_ts, 2), ts])
    rank = np.repeat([1, 0] if prints_first else [0, 1], [2 * n, m])
    order = np.lexsort((np.arange(2 * n + m), rank, times))
    columns = {
        "ts": times,
        "action": action,
        "side": np.concatenate([np.tile([int(Side.BID), int(Side.ASK)], n), side]).astype(np.uint8),
        "price": np.concatenate([np.stack([bid, ask], 1).reshape(-1), price]),
        "size": np.ones(2 * n + m, np.int64),
        "flags": np.concatenate([np.tile([0, 1], n), np.ones(m, int)]).astype(np.uint8),
    }
    instrument = bf.Instrument("X", price_unit=price_unit)
    return bf.Events({name: c[order] for name, c in columns.items()}, instrument)


def accuracy(events: bf.Events) -> tuple[int, dict[str, float]]:
    """How many prints have a side, and the share of them that each rule finds."""
    features = {rule: bf.TradeFlowImbalance(sign=rule) for rule in ("aggressor", *RULES)}
    pipe = bf.Pipeline(events.instrument, clock="trade", features=features, hidden="none")
    frame = pipe.run(events)
    known = frame["aggressor"][~np.isnan(frame["aggressor"])]
    right = {r: frame[r][~np.isnan(frame["aggressor"])] == known for r in RULES}
    return len(known), {rule: float(hits.mean()) for rule, hits in right.items()}


def units(values: list[Any], unit: str) -> Ints:
    return np.array([round(float(v) / float(unit)) for v in values], np.int64)


def binance_futures(path: Path) -> tuple[tuple[Ints, Ints, Ints], tuple[Ints, Ints, Ints]]:
    """Quotes and trades of a raw stream by the venue's time; `m`: the buyer was the maker."""
    quotes, trades = [], []
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        message = json.loads(line.split(" ", 1)[1])
        data = message.get("data", {})
        if data.get("e") == "bookTicker":
            quotes.append((data["T"], data["b"], data["a"]))
        elif data.get("e") == "trade" and data.get("X") == "MARKET":
            trades.append((data["T"], data["p"], int(Side.SELL if data["m"] else Side.BUY)))
    quotes.sort(key=lambda q: q[0])
    trades.sort(key=lambda t: t[0])
    q, t = (list(zip(*rows, strict=True)) for rows in (quotes, trades))
    return (
        (np.array(q[0]) * 1_000_000, units(q[1], "0.01"), units(q[2], "0.01")),
        (np.array(t[0]) * 1_000_000, units(t[1], "0.01"), np.array(t[2])),
    )


def rows_of(path: Path) -> dict[str, list[str]]:
    rows = list(csv.DictReader(path.read_text().splitlines()))
    return {name: [row[name] for row in rows] for name in rows[0]}


def tardis(folder: Path) -> bf.Events:
    q, t = rows_of(folder / "nautilus_quotes.csv"), rows_of(folder / "nautilus_trades.csv")
    side = np.array([int(Side.BUY if s == "buy" else Side.SELL) for s in t["side"]])
    stamps = [np.array(x["timestamp"], np.int64) * 1000 for x in (q, t)]
    orders = [np.argsort(x, kind="stable") for x in stamps]
    quotes = (stamps[0], units(q["bid_price"], "0.01"), units(q["ask_price"], "0.01"))
    trades = (stamps[1], units(t["price"], "0.01"), side)
    a, b = (tuple(c[o] for c in x) for x, o in zip((quotes, trades), orders, strict=True))
    return events_of(a, b, "0.01")


def gemini(folder: Path) -> bf.Events:
    """Quotes once a second, stamped with the second: they may be as old as that."""
    q = rows_of(next(folder.glob("*market-depth.csv")))
    t = rows_of(next(folder.glob("*trade.csv")))
    ts, price, maker = t["time_seconds"], t["price"], t["is_buyer_maker"]
    side = np.array([int(Side.SELL if m == "1" else Side.BUY) for m in maker])
    best = [
        [x.split("_")[0] for x in q[name]] for name in ("bid_price_bid_size", "ask_price_ask_size")
    ]
    quotes = (units(q["time_seconds"], "1e-9"), units(best[0], "0.01"), units(best[1], "0.01"))
    return events_of(quotes, (units(ts, "1e-9"), units(price, "0.01"), side), "0.01")


def recordings(shared: Path) -> Iterator[tuple[str, bf.Events]]:
    data = shared / "data"
    for path in sorted((data / "hftbacktest").glob("*m__*.gz")):
        yield path.stem, events_of(*binance_futures(path), "0.01")
    yield "tardis/nautilus (Binance futures, 2020)", tardis(data / "tardis")
    yield "ccapi_gemini, quotes a second apart", gemini(data / "ccapi_gemini")
    for folder in ("AMZN_2012-06-21_1", "AAPL_2012-06-21_1", "MSFT_2012-06-21_50_first1000"):
        yield folder, bf.read_lobster(*sorted((data / "lobster" / folder).glob("*.csv")))


def main() -> None:
    shared = Path(os.environ.get("BOOKFLOW_SHARED", "../shared"))
    print("| recording | prints | " + " | ".join(RULES) + " |")
    print("|---|---|" + "---|" * len(RULES))
    for name, events in recordings(shared):
        n, right = accuracy(events)
        print(f"| {name} | {n} | " + " | ".join(f"{100 * right[r]:.2f}" for r in RULES) + " |")


if __name__ == "__main__":
    main()
