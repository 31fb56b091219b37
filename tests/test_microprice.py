"""The microprice's fit against the author's own algorithm, and a chain small enough to check."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bookflow as bf

Quotes = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def simulated(shared: Path) -> Quotes:
    with (shared / "oracles/microprice/sim_L1.csv").open() as file:
        rows = list(csv.DictReader(file))
    prices = [np.array([round(float(r[c]) * 100) for r in rows]) for c in ("bid", "ask")]
    sizes = [np.array([int(r[c]) for r in rows]) for c in ("bs", "as")]
    return prices[0], sizes[0], prices[1], sizes[1]


def test_the_notebooks_tables(shared: Path) -> None:
    theirs = json.loads((shared / "oracles/microprice/sim_L1_notebook_algorithm.json").read_text())
    quotes = simulated(shared)
    model = bf.fit_microprice(*quotes, spreads=theirs["n_spread"], edges=theirs["imb_bin_edges"])
    np.testing.assert_array_equal(model.jumps * theirs["tick"], theirs["K"])
    np.testing.assert_allclose(model.q, theirs["Q"], rtol=0, atol=1e-14)
    np.testing.assert_allclose(model.r1, theirs["R1"], rtol=0, atol=1e-14)
    np.testing.assert_allclose(model.r2, theirs["R2"], rtol=0, atol=1e-14)
    np.testing.assert_allclose(model.between, theirs["B"], rtol=0, atol=1e-12)
    tick = theirs["tick"]
    np.testing.assert_allclose(model.first * tick, theirs["G1"], rtol=0, atol=1e-14)
    np.testing.assert_allclose(model.adjustment(6) * tick, theirs["G6"], rtol=0, atol=1e-13)
    np.testing.assert_allclose(model.adjustment() * tick, theirs["Gstar"], rtol=0, atol=1e-11)


def test_a_chain_of_two_states(shared: Path) -> None:
    chain = json.loads((shared / "oracles/microprice/tiny_chain.json").read_text())
    model = bf.MicropriceModel(
        edges=np.array([0, 0.5, 1]),
        spreads=1,
        jumps=np.array(chain["K"]),
        q=np.array(chain["Q"]),
        r1=np.array(chain["R1"]),
        r2=np.array(chain["R2"]),
        states=np.array([1, 1]),
    )
    np.testing.assert_allclose(model.first, chain["G1"], rtol=1e-14)
    np.testing.assert_allclose(model.between, chain["B"], rtol=1e-14)
    np.testing.assert_allclose(model.adjustment(6), chain["G6"], rtol=1e-13)
    np.testing.assert_allclose(model.adjustment(), chain["Gstar"], rtol=1e-13)


def small() -> Quotes:
    """The larger side draws the price a tick its way, and leaves both sides equal."""
    bid = np.array([100, 101, 101, 100, 100, 101, 101, 100])
    size = np.array([9, 5, 1, 5, 9, 5, 1, 5])
    return bid, size, bid + 1, 10 - size


def test_apply_moves_towards_the_thin_side() -> None:
    model = bf.fit_microprice(*small(), spreads=1, edges=3)
    assert model.adjustment().tolist() == [-1, 0, 1]
    value = model.apply(*small())
    assert value.tolist() == (small()[0] + 0.5 + (small()[1] - 5) / 4).tolist()
    wide = model.apply([100, 100, 100], [1, 1, 0], [102, 100, 101], [1, 1, 1])
    assert np.isnan(wide).all()  # too wide, locked, one-sided


def test_the_streaming_calculator_is_the_model(shared: Path) -> None:
    quotes = simulated(shared)
    model = bf.fit_microprice(*quotes, spreads=2, edges=10)
    calculator = model.calculator()
    settings = {"edges": calculator.edges, "adjustment": calculator.adjustment}
    values = bf.microprice(*quotes, **settings)
    np.testing.assert_array_equal(values, model.apply(*quotes))
    assert np.isnan(values).sum() < 0.05 * len(values)
    one_by_one = [calculator.update(*(int(c[i]) for c in quotes)) for i in range(500)]
    np.testing.assert_array_equal(one_by_one, values[:500])
    assert bf.parse_calculator(calculator.spec).spec == calculator.spec


def test_states_that_were_never_seen_are_none() -> None:
    calculator = bf.Microprice(edges=[0, 0.5, 1], adjustment=[None, 0.25])
    assert calculator.spec == "Microprice(edges=[0, 0.5, 1], adjustment=[None, 0.25])"
    assert bf.parse_calculator(calculator.spec).spec == calculator.spec
    assert np.isnan(calculator.update(100, 1, 101, 9))
    assert calculator.update(100, 9, 101, 1) == 100.75
    assert np.isnan(calculator.update(100, 9, 102, 1))  # wider than what was fitted


@pytest.mark.parametrize(
    ("edges", "adjustment", "field"),
    [
        ([0, 1, 0.5], [1, 1], "edges"),
        ([0], [1], "edges"),
        ([-0.1, 1], [1], "edges"),
        ([0, 0.5, 1], [1, 1, 1], "adjustment"),
    ],
)
def test_models_that_do_not_fit_together(
    edges: list[float], adjustment: list[float], field: str
) -> None:
    with pytest.raises(bf.InputError) as error:
        bf.Microprice(edges=edges, adjustment=adjustment)
    assert error.value.field == f"Microprice.{field}"


def test_a_series_that_does_not_settle_is_not_known() -> None:
    bid = np.array([100, 101, 100, 101, 100])
    size = np.array([9, 1, 9, 1, 9])
    model = bf.fit_microprice(bid, size, bid + 1, 10 - size, spreads=1, edges=2)
    assert model.first.tolist() == [-1, 1]
    assert np.isnan(model.adjustment()).all()


def test_ticks_of_several_units_are_the_same_model() -> None:
    bid, bid_size, ask, ask_size = small()
    one = bf.fit_microprice(bid, bid_size, ask, ask_size, spreads=1, edges=3)
    five = bf.fit_microprice(5 * bid, bid_size, 5 * ask, ask_size, spreads=1, edges=3, tick=5)
    np.testing.assert_array_equal(one.adjustment(), five.adjustment())
    np.testing.assert_allclose(
        five.apply(5 * bid, bid_size, 5 * ask, ask_size, tick=5), 5 * one.apply(*small())
    )


def test_what_is_left_out_is_counted() -> None:
    bid = np.array([100, 100, 100, 105, 105])
    ask = np.array([101, 101, 104, 106, 106])
    ones = np.ones(5, np.int64)
    model = bf.fit_microprice(bid, ones, ask, ones, spreads=2, edges=1)
    assert (model.wide, model.far) == (1, 0)
    assert model.states.tolist() == [4, 0]
    jump = bf.fit_microprice(bid[[0, 1, 3, 4]], ones[:4], ask[[0, 1, 3, 4]], ones[:4], edges=1)
    assert (jump.wide, jump.far) == (0, 1)


def test_saved_and_loaded(tmp_path: Path) -> None:
    model = bf.fit_microprice(*small(), spreads=1, edges=3)
    model.save(tmp_path / "model.json")
    again = bf.MicropriceModel.load(tmp_path / "model.json")
    assert again.apply(*small()).tobytes() == model.apply(*small()).tobytes()
    for text in ("", "{}", "[]", '{"model": "other", "version": 1}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(bf.InputError, match="no saved microprice"):
            bf.MicropriceModel.load(tmp_path / "bad.json")
    fields = json.loads((tmp_path / "model.json").read_text()) | {"spreads": 3}
    (tmp_path / "bad.json").write_text(json.dumps(fields))
    with pytest.raises(bf.InputError, match="do not fit"):
        bf.MicropriceModel.load(tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"tick": 0}, "tick"),
        ({"spreads": 0}, "spreads"),
        ({"edges": 0}, "edges"),
        ({"edges": [0, 0.5, 0.5]}, "edges"),
        ({"edges": [0, 2]}, "edges"),
        ({"edges": True}, "edges"),
        ({"max_jump": 0.3}, "max_jump"),
        ({"max_jump": -1}, "max_jump"),
        ({"max_jump": float("nan")}, "max_jump"),
        ({"bid_size": np.ones(2, np.int64)}, "bid_size"),
        ({"ask_size": np.zeros(8, np.int64)}, "quotes"),
    ],
)
def test_what_cannot_be_fitted(wrong: dict[str, Any], field: str) -> None:
    names = ("bid_price", "bid_size", "ask_price", "ask_size")
    arguments = dict(zip(names, small(), strict=True)) | wrong
    with pytest.raises(bf.InputError) as error:
        bf.fit_microprice(**arguments)
    assert error.value.field == field
    with pytest.raises(TypeError, match="bid_price"):
        bf.fit_microprice([1.5], [1], [2], [1])
