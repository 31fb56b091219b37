"""`bookflow demo`: a simulated session, its book rebuilt, its features in a file and a report."""

import argparse
import time

import numpy as np

from bookflow import (
    VPIN,
    Mid,
    MultiLevelImbalance,
    MultiLevelOrderFlowImbalance,
    OrderFlowImbalance,
    Pipeline,
    QueueImbalance,
    Spread,
    Touch,
    TradeFlowImbalance,
    Volume,
    __version__,
)
from bookflow.commands.output import failures, written
from bookflow.commands.text import counted, duration, table
from bookflow.events import Action
from bookflow.frame import FeatureFrame
from bookflow.report import linear_fit, write_report
from bookflow.simulation import Burst, Simulation, simulate

_EVERY = "10s"
_EVENTS_A_BUCKET = 2_000
_VPIN_SHARE = 20  # of a session's volume, one part of so many: about what one burst has


def run(args: argparse.Namespace) -> int:
    args.out.mkdir(parents=True, exist_ok=True)
    simulation = simulate(args.seed, args.events)
    pipeline = demo_pipeline(simulation)
    begin = time.perf_counter()
    frame = pipeline.run(simulation.events)
    seconds = time.perf_counter() - begin
    frame = FeatureFrame.concat([frame, pipeline.finish()])

    features, report = args.out / "features.parquet", args.out / "report.html"
    facts = _facts(simulation, pipeline, frame, seconds)
    with written(features) as whole, failures(features):
        frame.write_parquet(whole)
    with written(report) as whole, failures(report):
        write_report(
            whole,
            frame,
            simulation.bursts,
            facts,
            title=f"bookflow {__version__}: a simulated session, seed {args.seed}",
            tick=simulation.instrument.price(1),  # its tick is its price unit
            every=_EVERY,
        )
    print(table([*facts.items(), ("features", str(features)), ("report", str(report))], indent=""))
    return 0


def demo_pipeline(simulation: Simulation) -> Pipeline:
    """The demo's features on a grid of ten seconds."""
    events = simulation.events
    volume = int(events.size[events.action == Action.EXECUTE].sum())
    buckets = max(2 * _VPIN_SHARE, len(events) // _EVENTS_A_BUCKET)
    return Pipeline(
        simulation.instrument,
        clock=_EVERY,
        features={
            "bid": Touch(of="bid_price"),
            "ask": Touch(of="ask_price"),
            "mid": Mid(),
            "spread": Spread(),
            "qi": QueueImbalance(),
            "depth": MultiLevelImbalance(levels=5),
            "ofi": OrderFlowImbalance(),
            "mlofi": MultiLevelOrderFlowImbalance(levels=5),
            "tfi": TradeFlowImbalance(),
            "volume": Volume(),
            "vpin": VPIN(bucket_volume=max(1, volume // buckets), n_buckets=buckets // _VPIN_SHARE),
        },
    )


def _facts(
    simulation: Simulation, pipeline: Pipeline, frame: FeatureFrame, seconds: float
) -> dict[str, str]:
    events = simulation.events
    fit = linear_fit(frame["ofi"][1:], np.diff(frame["mid"]))
    inside = in_bursts(frame, simulation.bursts)
    return {
        "events": f"{len(events):,} market-by-order, {duration(int(np.ptp(events.ts)))}",
        "rate": f"{len(events) / seconds:,.0f} events/s through the book and {len(frame.columns)} "
        "feature columns",
        "rows": f"{len(frame):,}, one every {_EVERY}",
        "faults": counted(pipeline.faults) or "none",
        "OFI": f"explains {fit.r2:.1%} of the mid's variance over {_EVERY}",
        "VPIN": f"{np.nanmedian(frame['vpin'][inside]):.2f} at the end of bursts, "
        f"{np.nanmedian(frame['vpin'][~inside]):.2f} otherwise (medians)",
    }


def in_bursts(frame: FeatureFrame, bursts: tuple[Burst, ...]) -> np.ndarray:
    """Rows in the second half of a burst, when VPIN's buckets hold mostly informed trades."""
    inside = np.zeros(len(frame), bool)
    for burst in bursts:
        inside |= (frame.ts >= (burst.start + burst.end) // 2) & (frame.ts < burst.end)
    return inside
