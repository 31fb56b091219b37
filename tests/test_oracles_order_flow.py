"""Order flow imbalance over levels, normalised and integrated, against figures of others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_oracles import depth_of, depth_rows, synthetic_quotes

import bookflow as bf

LEVELS = 5
Table = dict[str, NDArray[np.float64]]


def table(path: Path) -> Table:
    lines = path.read_text().splitlines()
    values = np.array([[float(x) if x else np.nan for x in line.split(",")] for line in lines[1:]])
    return dict(zip(lines[0].split(","), values.T, strict=True))


def levels(columns: Table, prefix: str) -> NDArray[np.float64]:
    return np.column_stack([columns[f"{prefix}_{m}"] for m in range(1, LEVELS + 1)])


def r_squared(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def of_amazon(shared: Path, calculator: Any) -> bf.FeatureFrame:
    """A calculator in left-closed 10 s bins of the day."""
    events = bf.read_lobster(*sorted((shared / "data/lobster/AMZN_2012-06-21_5").glob("*.csv")))
    pipe = bf.Pipeline(events.instrument, clock="10s", origin=-1, features={"ofi": calculator})
    return bf.FeatureFrame.concat([pipe.run(events), pipe.finish()])


def test_weights_of_the_synthetic_bins(shared: Path) -> None:
    bins = table(shared / "oracles/synthetic/ref_ofi_10s.csv")
    expected = json.loads((shared / "oracles/synthetic/ref_ofi_pca.json").read_text())
    weights = bf.fit_integrated_ofi(levels(bins, "ofi_norm"))
    np.testing.assert_allclose(weights, expected["weights_l1"], rtol=1e-9)
    integrated = levels(bins, "ofi_norm") @ weights
    np.testing.assert_allclose(integrated, bins["integrated_ofi"], rtol=0, atol=1e-9)


def test_amazon_by_levels_and_its_regressions(shared: Path) -> None:
    """Normalised .526 and integrated .760 of the mid's change, over the bins with an event."""
    theirs = table(shared / "oracles/ofi_lobster/AMZN_L5_10s.csv")
    frame = of_amazon(shared, bf.MultiLevelOrderFlowImbalance(levels=LEVELS))
    ours = np.column_stack([frame[f"ofi_{m}"] for m in range(1, LEVELS + 1)])[: len(theirs["bin"])]
    np.testing.assert_array_equal(np.nan_to_num(ours), levels(theirs, "ofi"))

    traded = theirs["n_events"] > 0
    assert traded.sum() == 2336
    normalised = ours[traded] / theirs["Qbar"][traded, None]
    integrated = normalised @ bf.fit_integrated_ofi(normalised)
    np.testing.assert_allclose(integrated, theirs["integrated_ofi"][traded], rtol=1e-6, atol=1e-9)
    moved = np.nan_to_num(theirs["dP_ticks"][traded])
    # What the current size on the adverse side, as the paper prints it, makes of the same bins.
    as_printed = levels(theirs, "ofi_ccz_eq2")[traded]
    assert r_squared(normalised[:, 0], moved) == pytest.approx(0.526, abs=5e-4)
    assert r_squared(integrated, moved) == pytest.approx(0.760, abs=5e-4)
    assert r_squared(as_printed[:, 0], moved) < 0.25


@pytest.mark.parametrize(
    "vectors", [[[1.0, 2.0]], [1.0, 2.0], [[1.0, np.nan], [2.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]]
)
def test_what_has_no_weights(vectors: object) -> None:
    with pytest.raises(bf.InputError, match="vectors"):
        bf.fit_integrated_ofi(vectors)


def test_amazon_normalised_in_the_pipeline(shared: Path) -> None:
    """Of 155,935 rows 2,444 change no level: the oracle's mean depth has them, ours has not.

    One bin makes the whole difference in R2: four of them stand there while a level holds 25,000.
    """
    theirs = table(shared / "oracles/ofi_lobster/AMZN_L5_10s.csv")
    traded = theirs["n_events"] > 0
    frame = of_amazon(shared, bf.NormalisedOrderFlowImbalance(levels=LEVELS))
    ours = np.column_stack([frame[f"ofi_{m}"] for m in range(1, LEVELS + 1)])
    ours = ours[: len(traded)][traded]
    over_rows = levels(theirs, "ofi")[traded] / theirs["Qbar"][traded, None]
    assert np.isclose(ours[:, 0], over_rows[:, 0], rtol=1e-12, atol=0).sum() > 1450

    moved = np.nan_to_num(theirs["dP_ticks"][traded])
    assert r_squared(ours[:, 0], moved) == pytest.approx(0.500, abs=5e-4)
    integrated = ours @ bf.fit_integrated_ofi(ours)
    assert r_squared(integrated, moved) == pytest.approx(0.760, abs=5e-4)
    rest = np.arange(len(moved)) != np.abs(ours - over_rows)[:, 0].argmax()
    for x in (ours, over_rows):
        assert r_squared(x[rest, 0], moved[rest]) == pytest.approx(0.5457, abs=2e-4)


def test_integrated_in_the_pipeline_is_the_weighted_vector(shared: Path) -> None:
    weights = [0.3, 0.25, 0.2, 0.15, 0.1]
    frame = of_amazon(shared, bf.NormalisedOrderFlowImbalance(levels=LEVELS))
    vector = np.column_stack([frame[f"ofi_{m}"] for m in range(1, LEVELS + 1)])
    integrated = of_amazon(shared, bf.IntegratedOrderFlowImbalance(weights=weights))["ofi"]
    np.testing.assert_allclose(integrated, vector @ weights, rtol=1e-13, atol=1e-13)


def test_normalised_in_the_synthetic_bins(shared: Path) -> None:
    """Equal in the bins all of whose states are changes; the oracle counts the others as well."""
    expected = table(shared / "oracles/synthetic/ref_ofi_10s.csv")
    columns, session = synthetic_quotes(shared)
    names = ("bid_price", "bid_size", "ask_price", "ask_size")
    instrument = bf.Instrument("S", price_unit="1", tick="1")
    for number in np.unique(session):
        rows = session == number
        depth = dict(zip(names, (side[rows] for side in depth_of(columns)), strict=True))
        events = bf.Events.from_numpy(
            depth_rows(columns["ts_ns"][rows], depth), instrument, source="synthetic"
        )
        features = {"ofi": bf.NormalisedOrderFlowImbalance(levels=LEVELS)}
        pipe = bf.Pipeline(instrument, clock="10s", origin=-1, features=features)
        frame = bf.FeatureFrame.concat([pipe.run(events), pipe.finish()])
        wanted = expected["session"] == number
        begins = (frame.ts // 10**10 * 10**10).astype(float)
        listed = np.isin(begins, expected["bin_start_ns"][wanted])
        ours = np.column_stack([frame[f"ofi_{m}"] for m in range(1, LEVELS + 1)])
        assert not ours[~listed].any()  # bins without a state are 0

        states = np.column_stack(list(depth.values()))
        repeats = columns["ts_ns"][rows][1:][(states[1:] == states[:-1]).all(axis=1)] // 10**10
        bins = begins[listed] // 10**10
        same = ~np.isin(bins, repeats) & (bins > bins[0])  # a first state is no change
        assert same.sum() > 300
        theirs = levels(expected, "ofi_norm")[wanted]
        np.testing.assert_allclose(ours[listed][same], theirs[same], rtol=1e-13)
        assert np.median(np.abs(ours[listed] - theirs)) < 0.01


def test_depth_conserving_of_single_events(shared: Path) -> None:
    """Where every row is one event of the book, it is the order flow imbalance of the touch."""
    tests = json.loads((shared / "oracles/paper_micro_tests/micro_tests.json").read_text())
    for *states, e in tests["cks_en"]["cases"]:
        depth = np.array(states).reshape(2, 4).T[:, :, None].copy()
        for settings in ({"levels": 1}, {"levels": 1, "window": None}):
            assert bf.depth_conserving_order_flow_imbalance(*depth, **settings)[1] == e
    inside = tests["mlofi_inside_spread"]
    book = [
        np.array([[level[i] for level in inside[when][side]] for when in ("prev", "cur")])
        for side in ("bid", "ask")
        for i in (0, 1)
    ]
    assert bf.depth_conserving_order_flow_imbalance(*book, levels=3)[1] == 7

    folder = shared / "data/lobster/AMZN_2012-06-21_5"
    depth = bf.read_lobster(*sorted(folder.glob("*.csv"))).depth
    columns = [depth.bid_price, depth.bid_size, depth.ask_price, depth.ask_size]
    touch = bf.order_flow_imbalance(*(column[:, 0] for column in columns))
    assert touch.sum() == -64089
    for levels in (1, LEVELS):
        ours = bf.depth_conserving_order_flow_imbalance(*columns, levels=levels)
        np.testing.assert_array_equal(ours, touch)


def test_depth_conserving_where_a_state_is_several_events(shared: Path) -> None:
    columns, _ = synthetic_quotes(shared)
    depth = depth_of(columns)
    touch = bf.order_flow_imbalance(*(side[:, 0] for side in depth))
    np.testing.assert_array_equal(bf.depth_conserving_order_flow_imbalance(*depth, levels=1), touch)
    ours = bf.depth_conserving_order_flow_imbalance(*depth, levels=LEVELS)
    assert (ours != touch).sum() == 1127


def test_logarithms_of_the_best_level_are_those_of_the_touch(shared: Path) -> None:
    columns, _ = synthetic_quotes(shared)
    depth = depth_of(columns)
    ours = bf.multi_level_log_order_flow_imbalance(*depth, lot=100)
    touch = bf.log_order_flow_imbalance(*(side[:, 0] for side in depth), lot=100)
    np.testing.assert_array_equal(ours[:, 0], touch)
