"""The whole pipeline: a book of orders, five features, a row every 100 ms."""

from collections.abc import Iterable
from typing import Any

import numpy as np

import bookflow as bf
from bench import real, streams
from bench.case import Case, Group, Target, group
from bench.plain_flow import rows_of
from bench.streams import Stream

INSTRUMENT = bf.Instrument("BENCH", price_unit="1", tick="1", size_unit="1")
PART = 200_000  # events that plain Python is given


def pipeline(clock: str = "100ms") -> bf.Pipeline:
    return bf.Pipeline(
        INSTRUMENT,
        clock=clock,
        features={
            "qi": bf.QueueImbalance(),
            "ofi": bf.OrderFlowImbalance(),
            "mlofi": bf.MultiLevelOrderFlowImbalance(levels=10),
            "tfi": bf.TradeFlowImbalance(),
            "vpin": bf.VPIN(bucket_volume=10_000, n_buckets=50),
        },
    )


@group("pipeline")
def whole(quick: bool) -> Iterable[Group]:
    n = 300_000 if quick else 2_000_000
    for stream in (real.aapl(), streams.simulated(n)):
        if stream is not None:
            yield pipeline_group(stream)


def pipeline_group(stream: Stream) -> Group:
    events = stream.events.events(INSTRUMENT)
    seed = stream.seed.events(INSTRUMENT)
    part = stream.events[:PART]
    expected = np.array(rows_of(stream.seed, part), float)

    def prepare() -> Any:
        pipe = pipeline()
        pipe.run(seed)
        return pipe

    def check(frame: Any) -> None:
        """Against plain Python, for as long as that ran."""
        rows = len(expected)
        assert rows
        np.testing.assert_array_equal(frame.ts[:rows], expected[:, 0].astype(np.int64))
        np.testing.assert_array_equal(frame.to_numpy()[:rows], expected[:, 1:])

    def check_plain(rows: Any) -> None:
        np.testing.assert_array_equal(np.array(rows, float), expected)

    out = Group(
        "pipeline",
        "L3 book + QueueImbalance + OFI + 10-level MLOFI + TradeFlowImbalance + VPIN, 100 ms rows",
        stream.name,
        [],
        [Target("<= 60 ns", limit=60)],
        real="simulated" not in stream.name,
    )
    out.cases = [
        Case("bookflow", lambda pipe: pipe.run(events), check, len(stream.events), prepare),
        Case(
            "plain Python",
            lambda _: rows_of(stream.seed, part),
            check_plain,
            len(part) + stream.live,
        ),
    ]
    return out
