"""`python -m bench.live`: events a second through queue, book and features, and push to row.

Throughput: arrays of the simulated market's orders are pushed into `bf.Live`, which keeps their L3
book, OFI and VPIN with a row every 100 ms; the clock runs from the first push until all is drained,
and the rows are those of `Pipeline.run`, bit for bit. Latency: quotes are pushed one by one, at a
steady rate, by a thread that shares the machine with the native one; from the stamp of the push to
the row in the ring. Two cores that nothing else uses are needed for figures that mean something.
"""

import argparse
import time

import numpy as np

import bookflow as bf
from bench import machine, streams

FEATURES = {"ofi": bf.OrderFlowImbalance(), "vpin": bf.VPIN(bucket_volume=5_000, n_buckets=50)}


def content(frame: bf.FeatureFrame) -> list[bytes]:
    return [a.tobytes() for a in (frame.ts, frame.status, frame.seen, *frame.columns.values())]


def throughput(events: int, rounds: int, chunk: int) -> None:
    w = streams.simulated(events, 31_000).whole
    instrument = bf.Instrument("SIM", price_unit="1", tick="1")
    columns = {name: getattr(w, name) for name in ("ts", "action", "side", "price", "size")}
    whole = bf.Events(columns | {"order_id": w.order_id}, instrument)
    pipe = bf.Pipeline(instrument, clock="100ms", features=FEATURES, history=1)
    batch = pipe.copy()
    start = time.perf_counter()
    expected = batch.run(whole)
    alone = (time.perf_counter() - start) / len(whole)
    chunks = [whole[i : i + chunk] for i in range(0, len(whole), chunk)]
    best = float("inf")
    for _ in range(rounds):
        with bf.Live(pipe, history=len(expected), wait="spin") as live:
            start = time.perf_counter()
            for part in chunks:
                live.push(part)
            live.drain()
            best = min(best, time.perf_counter() - start)
            assert content(live.frame(len(expected))) == content(expected)
            assert live.counters["received"] == len(whole)
    ns = best / len(whole) * 1e9
    print(f"queue, L3 book, OFI, VPIN: {ns:.1f} ns an event, {1e3 / ns:.1f} M/s", end=" ")
    print(
        f"({len(whole):,} events in arrays of {chunk:,}; Pipeline.run alone {alone * 1e9:.1f} ns)"
    )


def latency(wait: str, pushes: int, rate: int) -> None:
    instrument = bf.Instrument("SIM", price_unit="1", tick="1")
    pipe = bf.Pipeline(instrument, features=FEATURES)
    quote, bid = int(bf.Action.QUOTE), int(bf.Side.BID)
    pause = 1e9 / rate
    with bf.Live(pipe, history=1 << 17, wait=wait) as live:
        push = live.push
        begin = time.perf_counter_ns()
        for i in range(pushes):
            due = begin + i * pause
            while time.perf_counter_ns() < due:
                pass
            push(i, quote, bid, 100 + i % 3, 1 + i % 5)
        live.drain()
        assert live.counters["received"] == pushes == live.rows.written
        quantiles = live.latency(0.5, 0.99, 0.999, 1.0)
    p50, p99, p999, most = (q / 1e3 for q in quantiles)
    print(f'push to row, wait="{wait}", {rate:,}/s: ', end="")
    print(f"p50 {p50:.2f}, p99 {p99:.2f}, p99.9 {p999:.2f}, most {most:.0f} us ({pushes:,} pushes)")


def views() -> None:
    ring = bf.HistoryRing(dict.fromkeys("abcdefgh", np.float64), 100_000)
    rows = np.arange(100_000.0)
    ring.append(**dict.fromkeys("abcdefgh", rows))
    for n in (100, 10_000):
        reads = 20_000
        start = time.perf_counter()
        for _ in range(reads):
            with ring.latest(n) as window:
                window["a"]
        each = (time.perf_counter() - start) / reads
        print(f"latest({n}) and one column of it, not copied: {each * 1e6:.2f} us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chunk", type=int, default=10_000)
    parser.add_argument("--pushes", type=int, default=200_000)
    args = parser.parse_args()
    said = machine.described()
    print(", ".join(said[name] for name in ("CPU", "system", "Python", "compiler")))
    throughput(args.events, args.rounds, args.chunk)
    for wait in ("spin", "yield", "sleep"):
        latency(wait, args.pushes, 20_000)
    views()


if __name__ == "__main__":
    main()
