#!/usr/bin/env python3
"""How often intervals for a share of strata hold the truth: the choice that docs/RISK.md speaks of.

Weights, traces and rates of some arrangements; 4,000 draws of each. MOVER with Wilson's, Jeffreys' and mid-p
limits, and convolved posteriors of Jeffreys' prior. Run: python3 simulate_stratified.py (NumPy, SciPy)
"""
import numpy as np
from scipy import stats

Z, DRAWS = 1.959963984540054, 4000
rng = np.random.default_rng(1)
ARRANGEMENTS = [
    ([.40, .06, .012], [600, 100, 40], [.0005, .05, .97]), ([.40, .06, .012], [300, 60, 20], [.0002, .01, .9]),
    ([.5], [400], [.003]), ([.5], [100], [.3]), ([.3, .3], [100, 100], [.001, .999]),
    ([.3, .1, .2, .1, .2], [100, 60, 120, 60, 100], [.01, .1, .5, .9, .99]),
    ([.3, .1, .05, .01, .01], [200, 60, 40, 20, 20], [.004, .05, .2, .7, .97]),
    ([.3, .1, .05], [20, 10, 8], [.1, .5, .9]), ([.5, .2, .1], [200, 100, 50], [.0001, .0001, .0001]),
    ([.5, .1], [200, 50], [.005, .02]), ([.5, .1], [200, 50], [.01, .04])]


def wilson(n):
    k = np.arange(n + 1)
    centre = (k + Z * Z / 2) / (n + Z * Z)
    half = Z / (1 + Z * Z / n) * np.sqrt(k / n * (1 - k / n) / n + Z * Z / (4 * n * n))
    return np.where(k == 0, 0, centre - half), np.where(k == n, 1, centre + half)


def jeffreys(n):
    k = np.arange(n + 1)
    return (np.where(k == 0, 0, stats.beta.ppf(.025, k + .5, n - k + .5)),
            np.where(k == n, 1, stats.beta.ppf(.975, k + .5, n - k + .5)))


def mid_p(n):
    k = np.arange(n + 1)

    def limit(tail, wanted):
        low, high = np.zeros(n + 1), np.ones(n + 1)
        for _ in range(40):
            middle = (low + high) / 2
            above = tail(middle) + .5 * stats.binom.pmf(k, n, middle) < .025
            low, high = np.where(above == wanted, middle, low), np.where(above == wanted, high, middle)
        return low

    return (np.where(k == 0, 0, limit(lambda p: stats.binom.sf(k, n, p), True)),
            np.where(k == n, 1, limit(lambda p: stats.binom.cdf(k - 1, n, p), False)))


def mover(seen, weights, traces, limits):
    value = below = above = 0
    for x, weight, n in zip(seen.T, weights, traces):
        low, high = limits(n)
        value = value + weight * x / n
        below = below + (weight * (x / n - low[x])) ** 2
        above = above + (weight * (high[x] - x / n)) ** 2
    return value - np.sqrt(below), value + np.sqrt(above)


def convolved(seen, weights, traces):
    rows, back = np.unique(seen, axis=0, return_inverse=True)
    limits = np.array([np.quantile(sum(w * rng.beta(x + .5, n - x + .5, 2000)
                                       for x, w, n in zip(row, weights, traces)), [.025, .975]) for row in rows])
    return limits[back.ravel()].T


print('strata  Wilson  Jeffreys  mid-p  convolved')
for weights, traces, rates in ARRANGEMENTS:
    drawn = np.stack([rng.binomial(n, p, DRAWS) for n, p in zip(traces, rates)], 1)
    truth = sum(w * p for w, p in zip(weights, rates))
    found = [mover(drawn, weights, traces, f) for f in (wilson, jeffreys, mid_p)] + [convolved(drawn, weights, traces)]
    print(f'{len(weights):6d}' + ''.join(f'{np.mean((low <= truth) & (truth <= high)):9.3f}' for low, high in found))
