"""Random numbers that are the same bits on every platform.

numpy promises a stable stream only for the raw output of a bit generator; its distributions may
change between versions and take logarithms that differ between processors. So everything here is
made from raw PCG64 words by exact steps: comparisons, table look-ups, single multiplications.
"""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_STEPS = 4096


def _exponential_quantiles() -> Floats:
    # Rounded to 2^-20, far coarser than what two platforms' log can differ by.
    nodes = [round(-math.log1p(-i / _STEPS) * 2**20) / 2**20 for i in range(_STEPS)]
    # The last step stands for the whole tail; its mean is one above its start.
    return np.array([*nodes, nodes[-1] + 2.0])


_EXPONENTIAL = _exponential_quantiles()
_EXPONENTIAL_RISE = np.diff(_EXPONENTIAL)


class Draws:
    """A seeded source of arrays of independent draws."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def uniform(self, n: int) -> Floats:
        """In [0, 1), multiples of 2^-53."""
        words = np.asarray(self._bits.random_raw(n), dtype=np.uint64)
        return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def exponential(self, n: int) -> Floats:
        """Mean 1, by linear interpolation in a table of quantiles."""
        u = self.uniform(n) * _STEPS
        step = u.astype(np.int64)
        # Two ufuncs, not np.interp: a fused multiply-add would round once instead of twice.
        rise = (u - step) * _EXPONENTIAL_RISE[step]
        return _EXPONENTIAL[step] + rise

    def bell(self, n: int) -> Floats:
        """Mean 0, variance 1: four uniforms summed, close to normal and without tails."""
        total = self.uniform(n)
        for _ in range(3):
            total = total + self.uniform(n)
        return (total - 2.0) * 1.7320508075688772

    def poisson(self, mean: float, n: int) -> Integers:
        """Counts, by comparing with the distribution function."""
        probability = math.exp(-mean)
        cumulative: list[float] = []
        for k in range(16):
            cumulative.append(math.fsum([*cumulative[-1:], probability]))
            probability *= mean / (k + 1)
        return np.searchsorted(np.array(cumulative), self.uniform(n), side="right").astype(np.int64)

    def pick(self, table: Integers, n: int) -> Integers:
        """Entries of a table, each with the same chance."""
        return table[(self.uniform(n) * len(table)).astype(np.int64)]
