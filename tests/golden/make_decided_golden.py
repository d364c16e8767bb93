#!/usr/bin/env python3
"""Writes decided.json: what the tree of answers says of where refusals are decided, for
tests/unit/test_decided.c.

Entropies left and by chance: counted with NumPy from the answers' beginnings, the expected mutual
information from scikit-learn and the hypergeometric distribution from SciPy.  Shares over strata:
exact fractions.
Run: python3 make_decided_golden.py
"""
import json
import os
from fractions import Fraction

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

rng = np.random.default_rng(20261128)
DEPTHS = 8


def entropy(counts):
    p = np.asarray(counts, float)
    p = p[p > 0] / p.sum()
    return float(-(p * np.log(p)).sum()) + 0.0


def prompt(n, vocabulary, length, settled):
    """n answers of random tokens; a verdict is the first token's, with probability `settled`, else a coin's."""
    answers = [[int(x) for x in rng.integers(0, vocabulary, rng.integers(1, length + 1))] + [99] for _ in range(n)]
    refuses = [bool(a[0] % 2) if rng.random() < settled else bool(rng.random() < 0.5) for a in answers]
    labels = np.array(refuses, int)
    plain, null = [], []
    for d in range(1, DEPTHS + 1):
        names = {}
        groups = np.array([names.setdefault(tuple(a[:d]), len(names)) for a in answers])
        left = sum(np.mean(groups == g) * entropy(np.bincount(labels[groups == g], minlength=2)) for g in set(groups))
        table = contingency_matrix(labels, groups, sparse=True)
        shared = expected_mutual_information(table, n) if len(set(labels)) > 1 and len(names) > 1 else 0
        plain.append(float(left))
        null.append(float(entropy(np.bincount(labels, minlength=2)) - shared))
    return {"answers": answers, "refuses": refuses, "plain": plain, "null": null}


def chance(n, refused, m):
    k = np.arange(max(0, m - n + refused), min(m, refused) + 1)
    h = np.array([entropy([x, m - x]) for x in k])
    return {"n": n, "refused": refused, "m": m, "entropy": float(stats.hypergeom(n, refused, m).pmf(k) @ h)}


def strata(rows):
    """Mantel and Haenszel's difference, Sato's variance, and the test with its correction."""
    f = Fraction
    weight = sum(f(n1 * n0, n1 + n0) for a, n1, c, n0 in rows)
    difference = sum((f(a, n1) - f(c, n0)) * f(n1 * n0, n1 + n0) for a, n1, c, n0 in rows) / weight
    p = sum((n1 * n1 * c - n0 * n0 * a + f(n1 * n0 * (n0 - n1), 2)) / f((n1 + n0) ** 2) for a, n1, c, n0 in rows)
    q = sum(f(a * (n0 - c) + c * (n1 - a), 2 * (n1 + n0)) for a, n1, c, n0 in rows)
    error = float((difference * p + q) / weight ** 2) ** 0.5
    excess = sum(a - f(n1 * (a + c), n1 + n0) for a, n1, c, n0 in rows)
    variance = sum(stats.hypergeom(n1 + n0, a + c, n1).var() for a, n1, c, n0 in rows)
    test = 2 * stats.norm.sf(max(0, abs(float(excess)) - 0.5) / variance ** 0.5) if variance > 0 else 1.0
    z = stats.norm.ppf(0.975)
    return {"rows": rows, "difference": float(difference), "low": max(-1, float(difference) - z * error),
            "high": min(1, float(difference) + z * error), "p": float(test)}


def made_up(n, most):
    out = []
    for _ in range(n):
        n1, n0 = (int(x) for x in rng.integers(1, most, 2))
        base = rng.random()
        out.append([int(rng.binomial(n1, min(1, base + 0.2))), n1, int(rng.binomial(n0, base)), n0])
    return out


golden = {
    "made_with": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
    "prompts": [prompt(n, v, length, s) for n, v, length, s in
                [(10, 2, 6, 0.0), (10, 2, 6, 1.0), (32, 3, 5, 0.5), (5, 2, 2, 0.0), (64, 4, 7, 0.8), (2, 2, 3, 0.0),
                 (200, 3, 6, 0.3)]],
    "chance": [chance(*x) for x in [(2, 1, 1), (2, 1, 2), (10, 5, 4), (10, 1, 9), (10, 9, 3), (100, 3, 50), (1000, 500, 2),
                                    (2000, 1999, 1200), (5000, 40, 2500), (7, 0, 3), (7, 7, 3)]],
    "strata": [strata(r) for r in [[[3, 4, 1, 5]], [[1, 1, 0, 1]] * 12, made_up(40, 8), made_up(5, 200), [[2, 2, 3, 3]],
                                   [[5, 5, 0, 5], [0, 3, 0, 7]], [[0, 5, 5, 5]]]],
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "decided.json"), "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
