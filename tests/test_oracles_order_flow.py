"""Order flow imbalance over levels, normalised and integrated, against figures of others."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

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


def of_amazon(shared: Path) -> bf.FeatureFrame:
    """The five levels' OFI in left-closed 10 s bins of the day."""
    events = bf.read_lobster(*sorted((shared / "data/lobster/AMZN_2012-06-21_5").glob("*.csv")))
    features = {"ofi": bf.MultiLevelOrderFlowImbalance(levels=LEVELS)}
    pipe = bf.Pipeline(events.instrument, clock="10s", origin=-1, features=features)
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
    frame = of_amazon(shared)
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
