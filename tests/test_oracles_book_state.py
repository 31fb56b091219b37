"""The state of the book against figures that others computed."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import bookflow as bf

LEVELS = 5
Depth = list[NDArray[np.int64]]


@pytest.fixture(scope="module")
def synthetic(shared: Path) -> tuple[Depth, dict[str, NDArray[np.float64]]]:
    """28,589 states of five levels, and what was made of them."""
    folder = shared / "oracles/synthetic"
    with (folder / "quotes.csv").open() as file:
        names = file.readline().strip().split(",")
        numbers = np.loadtxt(file, delimiter=",", dtype=np.int64, unpack=True)
    columns = dict(zip(names, numbers, strict=True))
    depth = [
        np.stack([columns[f"{side}_{what}_{i}"] for i in range(LEVELS)], axis=1)
        for side in ("bid", "ask")
        for what in ("px", "sz")
    ]
    text = gzip.decompress((folder / "ref_state.csv.gz").read_bytes()).decode()
    rows = list(csv.DictReader(text.splitlines()))
    return depth, {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def test_states_of_the_synthetic_book(
    synthetic: tuple[Depth, dict[str, NDArray[np.float64]]],
) -> None:
    depth, expected = synthetic
    touch = [side[:, 0].copy() for side in depth]
    np.testing.assert_array_equal(bf.mid(*touch), expected["mid"])
    np.testing.assert_array_equal(bf.spread(*touch), expected["spread"])
    np.testing.assert_array_equal(bf.queue_imbalance(*touch), expected["qi_l1"])
    np.testing.assert_allclose(bf.queue_share(*touch), (1 + expected["qi_l1"]) / 2, atol=1e-15)
    np.testing.assert_allclose(bf.weighted_mid(*touch), expected["weighted_mid"], rtol=1e-15)
    for name, settings in {
        "qi_l5_sum": {},
        "qi_l5_linear": {"weights": "linear"},
        "qi_l5_exp05": {"weights": "exponential", "decay": 0.5},
        "qi_l5_invdist": {"weights": "inverse"},
    }.items():
        np.testing.assert_allclose(
            bf.multi_level_imbalance(*depth, **settings), expected[name], rtol=0, atol=1e-14
        )


def test_all_levels_lie_within_a_large_distance(
    synthetic: tuple[Depth, dict[str, NDArray[np.float64]]],
) -> None:
    depth, expected = synthetic
    far = {"by": "ticks", "within": 1000}
    for name, weights in (("qi_l5_sum", "uniform"), ("qi_l5_invdist", "inverse")):
        np.testing.assert_allclose(
            bf.multi_level_imbalance(*depth, **far, weights=weights),
            expected[name],
            rtol=0,
            atol=1e-14,
        )
    bid, ask = (bf.cumulative_depth(*depth, **far, side=side) for side in ("bid", "ask"))
    np.testing.assert_allclose((bid - ask) / (bid + ask), expected["qi_l5_sum"], atol=1e-15)


def test_skew_is_twice_the_artanh_of_the_imbalance(
    synthetic: tuple[Depth, dict[str, NDArray[np.float64]]],
) -> None:
    depth, expected = synthetic
    np.testing.assert_allclose(
        np.tanh(bf.book_skew(*depth) / 2), expected["qi_l5_sum"], rtol=0, atol=1e-15
    )


def test_depth_near_the_mid(synthetic: tuple[Depth, dict[str, NDArray[np.float64]]]) -> None:
    """Their mid, our sums: all prices are ticks there."""
    depth, expected = synthetic
    bid, bid_size, ask, ask_size = depth
    mid = expected["mid"][:, None]
    for within in (1, 1.5, 2.5, 4):
        near = [np.abs(side - mid) <= within for side in (bid, ask)]
        counted = (bid_size * near[0]).sum(axis=1), (ask_size * near[1]).sum(axis=1)
        for i, side in enumerate(("bid", "ask")):
            np.testing.assert_array_equal(
                bf.cumulative_depth(*depth, by="ticks", within=within, side=side), counted[i]
            )
        np.testing.assert_array_equal(
            bf.cumulative_depth(*depth, by="ticks", within=within), counted[0] + counted[1]
        )


def test_walks_by_hand(shared: Path) -> None:
    text = (shared / "oracles/paper_micro_tests/micro_tests.json").read_text()
    walks = json.loads(text)["walk_book"]
    prices, sizes = np.array(walks["ask"]).T
    n = len(prices)
    book = (
        np.array([[99] + [bf.NONE] * (n - 1)]),
        np.array([[1] + [0] * (n - 1)]),
        prices[None].copy(),
        sizes[None].copy(),
    )
    for case in walks["cases"]:
        walk = {"amount": case["q"], "levels": n}
        average = bf.walk_the_book(*book, **walk)[0]
        unfilled = bf.walk_the_book(*book, **walk, output="unfilled")[0]
        filled = bf.walk_the_book(*book, **walk, output="filled_average")[0]
        if case["avg"] is None:
            assert np.isnan(average)
            assert unfilled == case["unfilled"]
            assert filled == 102.7
        else:
            assert average == filled == case["avg"]
            assert unfilled == 0
            ticks = bf.walk_the_book(*book, **walk, output="cost_ticks")[0]
            bp = bf.walk_the_book(*book, **walk, output="cost_bp")[0]
            assert ticks == pytest.approx(case["avg"] - 100, rel=1e-14)
            assert bp == pytest.approx(100 * (case["avg"] - 100), rel=1e-14)
            # so much money buys the same
            money = bf.walk_the_book(
                *book, amount=case["q"] * case["avg"], by="notional", levels=n
            )[0]
            assert money == pytest.approx(case["avg"], rel=1e-15)
