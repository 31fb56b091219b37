"""Distribution functions by their series, in the standard library's floating point."""

from math import erfc, exp, lgamma, log, sqrt


def normal_cdf(x: float) -> float:
    """P(Z <= x), Z standard normal.

    >>> round(normal_cdf(1.0), 15)
    0.841344746068543
    """
    return erfc(-x / sqrt(2)) / 2


def _beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b) for x <= 1/2, by its power series.

    I_x(a, b) = x^a / (a B(a, b)) sum_k (1 - b)_k / k! a / (a + k) x^k
    """
    if x == 0:
        return 0.0
    term = total = 1.0
    k = 0
    while abs(term) > 1e-18 * abs(total) or k < 3:
        k += 1
        term *= (k - b) / k * x
        total += term * a / (a + k)
        if term == 0:
            break
    return exp(a * log(x) + lgamma(a + b) - lgamma(a) - lgamma(b)) / a * total


def student_t_cdf(x: float, nu: float) -> float:
    """P(T <= x), T Student t with `nu` degrees of freedom.

    One degree is Cauchy's distribution:

    >>> round(student_t_cdf(1.0, 1.0), 14), student_t_cdf(0.0, 0.25)
    (0.75, 0.5)
    """
    far, near = nu / (nu + x * x), x * x / (nu + x * x)
    if far <= 0.5:
        tail = _beta_share(far, nu / 2, 0.5) / 2
    else:
        tail = 0.5 - _beta_share(near, 0.5, nu / 2) / 2
    return tail if x < 0 else 1 - tail
