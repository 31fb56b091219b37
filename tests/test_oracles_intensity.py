"""The intensity of arrivals against a literal evaluation of its definition."""

import csv
import json
from math import log
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import bookflow as bf

Columns = dict[str, NDArray[np.int64]]
MU, ALPHA, BETA = 0.05, 0.1, 0.2
PRINTS = 1500


@pytest.fixture(scope="module")
def tape(shared: Path) -> Columns:
    """The first prints of session 0; prices in quarter ticks."""
    with (shared / "oracles/synthetic/trades.csv").open() as file:
        rows = list(csv.DictReader(file))[:PRINTS]
    assert {row["session"] for row in rows} == {"0"}
    side = {"1": bf.Side.BUY, "-1": bf.Side.SELL}
    return {
        "ts": np.array([int(row["ts_ns"]) for row in rows]),
        "price": np.array([round(4 * float(row["price_ticks"])) for row in rows]),
        "size": np.array([int(row["size"]) for row in rows]),
        "side": np.array([side[row["true_side"]] for row in rows], np.uint8),
    }


@pytest.fixture(scope="module")
def theirs(shared: Path) -> dict[str, NDArray[np.float64]]:
    with (shared / "oracles/synthetic/ref_hawkes.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def test_intensity_just_before_each_print(
    tape: Columns, theirs: dict[str, NDArray[np.float64]]
) -> None:
    ours = bf.hawkes_intensity(**tape, mu=MU, alpha=ALPHA, beta=BETA)
    np.testing.assert_allclose(ours, theirs["lam"], rtol=1e-12)
    # alpha = 1 and mu = 0 leave the sum of the kernels. Its signs are not the true ones.
    sides = np.where(theirs["sign"] > 0, bf.Side.BUY, bf.Side.SELL).astype(np.uint8)
    signed = tape | {"side": sides}
    for of, sign in (("buy", 1), ("sell", -1)):
        own = theirs["sign"] == sign
        before = bf.hawkes_intensity(**signed, beta=BETA, of=of)
        after = bf.hawkes_intensity(**signed, beta=BETA, of=of, after=True)
        np.testing.assert_allclose(before, theirs[f"S_{of}"], rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(after, theirs[f"S_{of}"] + own, rtol=1e-11, atol=1e-12)


def test_log_likelihood(tape: Columns, shared: Path) -> None:
    """sum log lambda(t_i) - mu T - alpha / beta sum (1 - e^(-beta (T - t_i)))."""
    expected = json.loads((shared / "oracles/synthetic/ref_hawkes.json").read_text())
    assert expected["params"] == [MU, ALPHA, BETA]
    ours = bf.hawkes_intensity(**tape, mu=MU, alpha=ALPHA, beta=BETA)
    t = (tape["ts"] - tape["ts"][0]) / 1e9
    end = expected["T"]
    compensator = MU * end + ALPHA / BETA * (1 - np.exp(-BETA * (end - t))).sum()
    likelihood = sum(log(x) for x in ours) - compensator
    assert likelihood == pytest.approx(expected["loglik_bruteforce"], rel=1e-12)


def test_the_defaults_are_the_exponentially_weighted_rate(tape: Columns) -> None:
    """beta times the exponentially weighted count of the same memory; its ew: has the half-life."""
    half_life = 4_000_000_000
    beta = log(2) / 4
    count = bf.trade_count(**tape, window=f"ew:{half_life}ns")
    rate = bf.hawkes_intensity(**tape, alpha=beta, beta=beta, after=True)
    np.testing.assert_allclose(rate, beta * count, rtol=1e-11)
