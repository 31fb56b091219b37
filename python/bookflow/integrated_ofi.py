"""Integrated order flow imbalance: the weights of its levels, fitted on past data."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bookflow.errors import InputError

__all__ = ["fit_integrated_ofi"]


def fit_integrated_ofi(vectors: Any) -> NDArray[np.float64]:
    """The weights w1 / |w1|_1 of the levels: w1 is the first principal component of the vectors.

    Parameters
    ----------
    vectors : float64 array (bins, levels)
        Order flow imbalance a level, each bin normalised by one common depth for all levels. Only
        past bins: the weights are then applied to later ones.

    Returns
    -------
    float64 array (levels,), with a positive sum and an absolute sum of 1. The integrated imbalance
    of a bin is ``vector @ weights``, of the raw vector: nothing is centred there.

    Raises
    ------
    InputError
        Fewer than two bins, a value that is not finite, or vectors that never differ.

    Source: Cont, Cucuringu, Zhang (2023), "Cross-impact of order flow imbalance in equity markets",
    section 2.3.

    Two levels that always move as one weigh the same:

    >>> fit_integrated_ofi(np.array([[1.0, 1.0], [-2.0, -2.0], [0.5, 0.5]])).round(12).tolist()
    [0.5, 0.5]
    """
    table = np.asarray(vectors, np.float64)
    if table.ndim != 2 or len(table) < 2 or not table.shape[1]:
        rule = "must be a table (bins, levels) of at least two bins"
        raise InputError(rule, field="vectors", value=f"shape {table.shape}")
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        row, level = (int(x) for x in bad[0])
        rule = f"must be finite, in level {level + 1}"
        raise InputError(rule, field="vectors", value=str(table[row, level]), row=row)
    covariance = np.atleast_2d(np.cov(table, rowvar=False))
    if not covariance.any():
        raise InputError("never differ: they have no principal component", field="vectors")
    component = np.linalg.eigh(covariance)[1][:, -1]
    weights: NDArray[np.float64] = component / np.abs(component).sum()
    return weights if weights.sum() > 0 else -weights
