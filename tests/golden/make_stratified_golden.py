#!/usr/bin/env python3
"""Writes stratified.json for tests/unit/test_stratified.c: limits of shares from strata, and the expected
width of Wilson's interval, from SciPy.  Run: python3 make_stratified_golden.py
"""
import json
import math
import os

import numpy as np
from scipy import stats

rng = np.random.default_rng(20261128)


def jeffreys(x, n):
    low, high = stats.beta.ppf([.025, .975], x + .5, n - x + .5)
    return (0.0 if x == 0 else low), (1.0 if x == n else high)


def mover(strata):
    value = sum(w * x / n for w, x, n in strata)
    limits = [jeffreys(x, n) for _, x, n in strata]
    low = value - math.sqrt(sum((w * (x / n - l)) ** 2 for (w, x, n), (l, _) in zip(strata, limits)))
    high = value + math.sqrt(sum((w * (u - x / n)) ** 2 for (w, x, n), (_, u) in zip(strata, limits)))
    return value, low, high


def expected_width(p, n):
    k = np.arange(n + 1)
    weight = stats.binom.pmf(k, n, p)
    seen = [int(i) for i in k[weight > 1e-15]]
    limits = [stats.binomtest(i, n).proportion_ci(method='wilson') for i in seen]
    return float(sum(weight[i] * (x.high - x.low) for i, x in zip(seen, limits)))


golden = {'limits': [], 'strata': [], 'widths': []}
for n in (1, 2, 7, 40, 1000, 250000):
    for x in sorted({0, 1, n // 50, n // 3, n - 1, n}):
        if x <= n:
            golden['limits'].append([x, n, *map(float, jeffreys(x, n))])
for n_strata in (1, 2, 3, 5):
    for _ in range(6):
        strata = []
        for _ in range(n_strata):
            n = int(rng.integers(1, 400))
            strata.append([float(rng.random() / n_strata), int(rng.binomial(n, rng.beta(.3, .3))), n])
        golden['strata'].append({'strata': strata, 'found': mover(strata)})
for p in (0, .0004, .01, .2, .5, .97, 1):
    for n in (1, 5, 60, 900, 20000):
        golden['widths'].append([p, n, expected_width(p, n)])
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'stratified.json'), 'w') as out:
    json.dump(golden, out, indent=0)
    out.write('\n')
