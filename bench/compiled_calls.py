"""bookflow's objects inside a user's own compiled loop, where bookflow.numba exists."""

from collections.abc import Iterable
from typing import Any

import numpy as np

import bookflow as bf
from bench import numba_columns, streams
from bench.case import Case, Group, Target, equal_columns, group


@group("numba-update")
def updates(quick: bool) -> Iterable[Group]:
    quotes = streams.simulated(500_000 if quick else 2_000_000).events.quotes
    n = len(quotes[0])
    out = np.full(n, -1.0)
    truth = (bf.order_flow_imbalance(*quotes),)
    group = Group(
        "numba-update",
        "@njit code that calls OrderFlowImbalance.update",
        "simulated quotes",
        [],
        [Target("<= 5 ns a call beside the work", limit=5, minus="bookflow, columns")],
    )
    group.take("bookflow", lambda: compiled(quotes, out, truth))
    for name, function in (
        ("bookflow, columns", lambda: bf.order_flow_imbalance(*quotes, out=out)),
        ("numba, all of it inline", lambda: numba_columns.ofi(*quotes, out)),
    ):
        group.take(
            name, lambda n_=name, f=function: Case(n_, lambda _: (f(),), equal_columns(truth), n)
        )
    yield group


def compiled(quotes: Any, out: Any, truth: Any) -> Case:
    import numba as nb

    import bookflow.numba  # noqa: F401  numba then knows bookflow's classes

    @nb.njit
    def flow(ofi, bid, bid_size, ask, ask_size, out):
        for i in range(len(bid)):
            out[i] = ofi.update(bid[i], bid_size[i], ask[i], ask_size[i])
        return out

    def run(ofi: Any) -> Any:
        return (flow(ofi, *quotes, out),)

    return Case("bookflow", run, equal_columns(truth), len(out), bf.OrderFlowImbalance)
