#!/usr/bin/env python3
"""Writes paired.json: two runs on the same prompts, for tests/unit/test_paired.c.

McNemar's exact test from statsmodels, the permutation test by signs from SciPy (exact, by counting
all assignments), Holm's adjustment from statsmodels, and the means in exact fractions.
Run: python3 make_paired_golden.py
"""
import json
import os
from fractions import Fraction

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(20261128)


def turned():
    """b, c, p; a table's other cells do not matter to the exact test."""
    pairs = [(0, 0), (1, 0), (0, 1), (1, 1), (5, 1), (1, 5), (9, 2), (12, 12), (13, 12), (30, 11), (0, 25),
             (141, 100), (1000, 911), (4000, 4000), (60000, 60500), (3, 1000)]
    return [{"b": b, "c": c, "p": float(mcnemar([[7, b], [c, 11]], exact=True).pvalue)} for b, c in pairs]


def signs():
    out = []
    for n, traces, share in [(2, 5, 1), (3, 5, 1), (5, 5, .8), (8, 3, .7), (10, 10, .9), (12, 5, .5), (14, 4, .9)]:
        a = rng.binomial(traces, rng.beta(1, 1, n)) / traces
        b = np.where(rng.random(n) < share, rng.binomial(traces, rng.beta(1.5, 1, n)) / traces, a)
        p = stats.permutation_test((a, b), lambda x, y, axis=-1: (y - x).sum(axis=axis), permutation_type="samples",
                                   vectorized=True, n_resamples=np.inf, alternative="two-sided").pvalue
        mean = sum(Fraction(float(y)) - Fraction(float(x)) for x, y in zip(a, b)) / n
        out.append({"a": list(a), "b": list(b), "p": float(min(p, 1)), "difference": float(mean)})
    return out


def holm():
    out = []
    for n in (1, 3, 12, 40):
        p = rng.beta(.6, 2, n)
        out.append({"p": list(p), "adjusted": list(multipletests(p, method="holm")[1])})
    return out


def main():
    golden = {"versions": f"NumPy {np.__version__}, SciPy {scipy.__version__}, "
                          f"statsmodels {statsmodels.__version__}",
              "turned": turned(), "signs": signs(), "holm": holm()}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "paired.json")
    with open(path, "w") as f:
        f.write("{\n" + ",\n".join(f'"{k}": {json.dumps(v)}' for k, v in golden.items()) + "\n}\n")


if __name__ == "__main__":
    main()
