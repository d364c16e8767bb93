#!/usr/bin/env python3
"""Writes always_valid.json: intervals that hold at every look, for tests/unit/test_always_valid.c.

The set { m : B(1 + s, 1 + f) / (m^s (1 - m)^f) < 20 } from SciPy's log beta function, its ends by
SciPy's Brent between the maximum likelihood and 0 or 1.  `coverage`: at the given rates the probability that the interval holds the
rate after each of the first 200 trials, exact but for rounding, by a walk over all (trials, successes).
Run: python3 make_always_valid_golden.py
"""
import json
import os

import numpy as np
import scipy
from scipy import optimize, special

ALPHA = .05
LOOKS = 200


def ends(s, n):
    f = n - s

    def log_excess(m):
        return special.betaln(1 + s, 1 + f) - special.xlogy(s, m) - special.xlog1py(f, -m) - np.log(1 / ALPHA)

    best = s / n if n else .5
    low = 0. if s == 0 else optimize.brentq(log_excess, 1e-300, best, xtol=1e-300, rtol=1e-15, maxiter=10000)
    if f == 0:
        return low, 1.
    # of the failures, so that an end near 1 is as precise as one near 0
    def other(m):
        return special.betaln(1 + s, 1 + f) - special.xlogy(f, m) - special.xlog1py(s, -m) - np.log(1 / ALPHA)
    return low, 1 - optimize.brentq(other, 1e-300, 1 - best, xtol=1e-300, rtol=1e-15, maxiter=10000)


def coverage(rate):
    """P(every interval after 1 .. LOOKS trials holds the rate)."""
    alive = np.array([1.])
    for n in range(1, LOOKS + 1):
        s = np.arange(n + 1)
        alive = np.append(alive * (1 - rate), 0) + np.append(0, alive * rate)
        wealth = special.betaln(1 + s, 1 + n - s) - special.xlogy(s, rate) - special.xlog1py(n - s, -rate)
        alive = np.where(wealth < np.log(1 / ALPHA), alive, 0)
    return float(alive.sum())


def main():
    counts = [(s, n) for n in range(0, 13) for s in range(n + 1)]
    counts += [(s, n) for n in (20, 50, 137, 200, 1000, 10000) for s in sorted({0, 1, 2, n // 10, n // 3, n // 2, n - 1, n})]
    rates = [0, .001, .01, .03, .05, .1, .2, .3, .4, .5, .62, .77, .9, .97, .999, 1]
    golden = {"versions": f"NumPy {np.__version__}, SciPy {scipy.__version__}",
              "ends": [[s, n, *ends(s, n)] for s, n in counts],
              "coverage": [[rate, coverage(rate)] for rate in rates]}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "always_valid.json")
    with open(path, "w") as f:
        f.write("{\n" + ",\n".join(f'"{k}": {json.dumps(v)}' for k, v in golden.items()) + "\n}\n")


if __name__ == "__main__":
    main()
