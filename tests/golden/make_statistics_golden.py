#!/usr/bin/env python3
"""Writes statistics.json: inputs and expected values for tests/unit/test_statistics.c.

The expected values come from NumPy, SciPy and scikit-learn, and where these have no such function
from a plain implementation below that follows the definition (pairs, exact fractions, all orders)
and shares no method with the C code.  NaN is null.  Run: python3 make_statistics_golden.py
"""
import itertools
import json
import math
import os
from fractions import Fraction

import numpy as np
import scipy
import sklearn
from scipy import stats
from scipy.stats import contingency
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score

rng = np.random.default_rng(20261124)


def clean(x):
    """JSON without NaN; infinities as large numbers do not occur."""
    if isinstance(x, dict):
        return {k: clean(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, np.ndarray)):
        return [clean(v) for v in x]
    if isinstance(x, (bool, np.bool_)):
        return bool(x)
    if isinstance(x, (int, np.integer)):
        return int(x)
    if isinstance(x, (float, np.floating)):
        return None if math.isnan(x) else float(x)
    return x


def samples():
    yield []
    yield [3.25]
    yield [2.0, 2.0, 2.0, 2.0]
    yield [1.0, 2.0]
    yield [5.0, -1.0, 5.0, 0.0, -1.0, 2.5]
    yield [0.1] * 7
    yield [1e9 + v for v in (0.0, 0.25, 0.5, 1.0, 4.0)]  # cancellation
    yield list(rng.normal(10, 3, 37))
    yield list(np.round(rng.exponential(2, 200), 1))


def summary():
    out = []
    for x in samples():
        n = len(x)
        case = {"x": x, "mean": math.fsum(x) / n if n else math.nan, "percentiles": []}
        case["variance"] = float(np.var(np.array(x, np.longdouble), ddof=1)) if n > 1 else math.nan
        for q in (0, 2.5, 10, 50, 90, 97.5, 99.9, 100):
            case["percentiles"].append([q, np.percentile(x, q) if n else math.nan])
        if n > 1 and case["variance"] > 0:
            low, high = stats.t.interval(0.95, n - 1, np.mean(x), stats.sem(x))
            case["t"] = [low, high]
        out.append(case)
    return out


def wilson_limits(s, n):
    ci = stats.binomtest(s, n).proportion_ci(0.95, method="wilson")
    return ci.low, ci.high


def wilson():
    pairs = [(0, 1), (1, 1), (0, 10), (10, 10), (1, 10), (5, 10), (81, 263), (15, 148), (0, 20),
             (1, 29), (123, 100000), (999999, 1000000)]
    return [{"s": s, "n": n, "value": s / n, "ci": wilson_limits(s, n)} for s, n in pairs]


TABLES = [(56, 70, 48, 80), (9, 10, 3, 10), (6, 7, 2, 7), (5, 56, 0, 29), (0, 10, 0, 20),
          (0, 10, 0, 10), (10, 10, 0, 20), (10, 10, 0, 10), (3, 3, 5, 5), (1, 1000, 7, 1200)]


def newcombe():
    out = []
    for s1, n1, s2, n2 in TABLES:
        (l1, u1), (l2, u2) = wilson_limits(s1, n1), wilson_limits(s2, n2)
        p1, p2 = s1 / n1, s2 / n2
        d = p1 - p2
        out.append({"table": [s1, n1, s2, n2], "value": d,
                    "ci": [d - math.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2),
                           d + math.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)]})
    return out


def risk_ratio():
    out = []
    for s1, n1, s2, n2 in TABLES + [(27, 122, 44, 487), (0, 9, 4, 11)]:
        if s2 == 0:
            out.append({"table": [s1, n1, s2, n2], "value": math.nan, "ci": [math.nan] * 2})
            continue
        r = contingency.relative_risk(s1, n1, s2, n2)
        ci = r.confidence_interval(0.95)
        out.append({"table": [s1, n1, s2, n2], "value": r.relative_risk, "ci": [ci.low, ci.high]})
    return out


def fisher_fractions(a, b, c, d):
    """Exact: integers only, so no tolerance either."""
    r1, c1, n = a + b, a + c, a + b + c + d
    weight = {x: math.comb(r1, x) * math.comb(n - r1, c1 - x)
              for x in range(max(0, c1 - (n - r1)), min(r1, c1) + 1)}
    return float(Fraction(sum(w for w in weight.values() if w <= weight[a]), sum(weight.values())))


def fisher():
    out = []
    small = [(0, 0, 0, 0), (0, 0, 3, 4), (5, 0, 2, 0), (3, 1, 1, 3), (8, 2, 1, 5), (1, 9, 11, 3),
             (0, 5, 5, 0), (10, 10, 10, 10), (0, 10, 1, 9), (7, 12, 3, 45), (100, 2, 1000, 5),
             (12, 5, 29, 2), (300, 280, 290, 310), (2, 500, 30, 480), (1, 0, 0, 1)]
    small += [tuple(int(v) for v in rng.integers(0, 15, 4)) for _ in range(40)]
    for t in small:
        out.append({"table": t, "p": fisher_fractions(*t), "source": "exact"})
    for t in [(51000, 49000, 50000, 50000), (500300, 499700, 500000, 500000),
              (200, 999800, 260, 999740), (30000, 70000, 3, 20)]:
        out.append({"table": t, "p": stats.fisher_exact([t[:2], t[2:]]).pvalue, "source": "SciPy"})
    return out


def at_k():
    out = []
    for n in (1, 2, 5, 10, 100):
        for c in sorted({0, 1, n // 2, n - 1, n}):
            for k in sorted({0, 1, 2, 5, 10, n}):
                value = math.nan
                if k <= n:
                    value = float(1 - Fraction(math.comb(n - c, k), math.comb(n, k)))
                out.append([n, c, k, value])
    return out


def delong_pairs(score, outcome):
    """DeLong, DeLong and Clarke-Pearson from their definition: all pairs."""
    x, y = score[outcome], score[~outcome]
    psi = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    if len(x) < 2 or len(y) < 2:
        return psi.mean(), math.nan
    return psi.mean(), v10.var(ddof=1) / len(x) + v01.var(ddof=1) / len(y)


def auroc():
    out = []

    def add(score, outcome):
        score, outcome = np.array(score, float), np.array(outcome, bool)
        value, variance = delong_pairs(score, outcome)
        assert abs(value - roc_auc_score(outcome, score)) < 1e-12
        if variance > 0:
            half = stats.norm.ppf(0.975) * math.sqrt(variance)
            low, high = max(0, value - half), min(1, value + half)
        else:  # Wilson of the area in min(class sizes) trials
            n, z = min(outcome.sum(), (~outcome).sum()), stats.norm.ppf(0.975)
            f = lambda p: (value - p) ** 2 - z * z * p * (1 - p) / n  # limits: roots in p
            roots = np.sort(np.roots([1 + z * z / n, -(2 * value + z * z / n), value * value]))
            assert max(abs(f(roots))) < 1e-9
            low, high = roots
        out.append({"score": score, "outcome": outcome, "value": value, "ci": [low, high]})

    add([1, 2, 3, 4], [0, 0, 1, 1])
    add([4, 3, 2, 1], [0, 0, 1, 1])
    add([1, 1, 1, 1, 1], [0, 1, 0, 1, 1])
    add([0.3, 0.1, 0.7], [1, 0, 0])
    add([1, 2, 2, 3, 3, 3, 4], [0, 0, 1, 1, 0, 1, 1])
    for n, digits in ((30, 3), (200, 1), (501, 2)):
        outcome = rng.random(n) < 0.3
        add(np.round(rng.normal(0, 1, n) + outcome, digits), outcome)
    rng.normal(0, 1, 155)  # so that the cases below stay the numbers that they were
    return out


def aurc():
    out = []

    def risk(order):
        harm = np.array(order, float)
        return np.mean(np.cumsum(harm) / np.arange(1, len(harm) + 1))

    for score, harmful in [([3, 2, 1], [0, 0, 1]), ([1, 2, 3], [0, 0, 1]), ([1], [1]),
                           ([2, 2, 2, 2], [1, 0, 0, 1]), ([5, 3, 3, 1, 1, 1], [0, 1, 0, 1, 1, 0])]:
        # ties: the mean over all orders of the tied
        groups = [[h for s, h in zip(score, harmful) if s == v] for v in sorted(set(score))[::-1]]
        orders = itertools.product(*[list(itertools.permutations(g)) for g in groups])
        out.append({"score": [float(s) for s in score], "harmful": [bool(h) for h in harmful],
                    "value": np.mean([risk(sum(map(list, o), [])) for o in orders])})
    score, harmful = rng.normal(0, 1, 300), rng.random(300) < 0.2
    out.append({"score": score, "harmful": harmful, "value": risk(harmful[np.argsort(-score)])})
    return out


def calibration():
    out = []
    for n, n_bins in ((50, 10), (400, 15), (3, 4), (400, 1)):
        p = rng.random(n)
        y = rng.random(n) < p ** 1.3
        edges = np.linspace(0, 1, n_bins + 1)
        where = np.minimum(np.searchsorted(edges, p, side="right") - 1, n_bins - 1)
        counts = np.bincount(where, minlength=n_bins)
        bins = [[int(c), p[where == i].mean() if c else math.nan,
                 y[where == i].mean() if c else math.nan] for i, c in enumerate(counts)]
        observed, predicted = calibration_curve(y, p, n_bins=n_bins)
        assert np.allclose(observed, [b[2] for b in bins if b[0]])
        assert np.allclose(predicted, [b[1] for b in bins if b[0]])
        ece = sum(c * abs(a - b) for c, a, b in bins if c) / n
        out.append({"predicted": p, "observed": y, "bins": bins, "value": ece})
    return out


def holm():
    out = []
    for p in ([], [0.04], [0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 0.9], [0.02, 0.02, 0.02, 0.001],
              list(rng.random(25) ** 3), [0.0, 1.0], [0.01, math.nan, 0.03]):
        known = sorted(v for v in p if not math.isnan(v))
        steps = np.maximum.accumulate([min(1, (len(known) - i) * v) for i, v in enumerate(known)])
        out.append({"p": p, "adjusted": [math.nan if math.isnan(v) else steps[known.index(v)]
                                         for v in p]})
        for v, a in zip(p, out[-1]["adjusted"]):  # the last of equal ones agrees with the first
            if not math.isnan(v):
                assert a == steps[len(known) - 1 - known[::-1].index(v)]
    return out


def entropy():
    cases = [[1], [5, 5], [0, 3], [1, 2, 3, 4], [10**6, 1], [7] * 12]
    return [{"counts": c, "value": stats.entropy(c)} for c in cases] + [
        {"counts": [0, 0], "value": math.nan}, {"counts": [], "value": math.nan}]


def permutation():
    """Exact p-values by all arrangements; the C test allows for its own sampling error."""
    out = []
    for n, n_group, strata in ((8, 3, 1), (10, 5, 1), (12, 5, 2), (14, 6, 3)):
        outcome = np.round(rng.normal(0, 1, n), 2) if n != 10 else (rng.random(n) < 0.5) * 1.0
        stratum = np.arange(n) % strata
        group = np.zeros(n, bool)
        group[rng.permutation(n)[:n_group]] = True
        outcome = outcome + 0.6 * group + 2.0 * stratum
        centred = outcome - np.array([outcome[stratum == s].mean() for s in stratum])
        choices = []
        for s in range(strata):
            members = np.flatnonzero(stratum == s)
            choices.append([sum(centred[list(c)]) for c in
                            itertools.combinations(members, int(group[members].sum()))])
        sums = np.array([sum(c) for c in itertools.product(*choices)])
        observed = centred[group].sum()
        p = np.mean(np.abs(sums) >= abs(observed) - 1e-9)
        if strata == 1:
            r = stats.permutation_test((outcome[group], outcome[~group]),
                                       lambda a, b: np.mean(a) - np.mean(b), n_resamples=np.inf)
            # SciPy doubles the smaller tail: the same only where the distribution is symmetric
            assert n_group * 2 != n or abs(r.pvalue - p) < 1e-12
        out.append({"outcome": outcome, "group": group, "stratum": stratum, "p": p,
                    "difference": outcome[group].mean() - outcome[~group].mean()})
    return out


def bootstrap():
    """Percentile limits of 20,000 resamples, 40 times over: mean and spread of each limit, so that
    the test's tolerance follows from the sampling error that both sides have."""
    out = []
    for n in (12, 60):
        denominator = rng.integers(1, 8, n).astype(float)
        numerator = rng.binomial(denominator.astype(int), rng.beta(0.7, 1.2, n)).astype(float)
        limits = []
        for _ in range(40):
            picks = rng.integers(0, n, (20000, n))
            limits.append(np.percentile(numerator[picks].sum(1) / denominator[picks].sum(1),
                                        [2.5, 97.5]))
        r = stats.bootstrap((numerator, denominator), lambda a, b, axis=-1:
                            a.sum(axis=axis) / b.sum(axis=axis), paired=True, n_resamples=20000,
                            method="percentile", vectorized=True, rng=np.random.default_rng(5))
        spread = np.std(limits, axis=0, ddof=1)
        assert abs(r.confidence_interval.low - np.mean(limits, 0)[0]) < 6 * spread[0] + 1e-3
        out.append({"numerator": numerator, "denominator": denominator, "resamples": 20000,
                    "value": numerator.sum() / denominator.sum(), "ci": np.mean(limits, axis=0),
                    "spread": spread})
    return out


def main():
    golden = {"versions": f"NumPy {np.__version__}, SciPy {scipy.__version__}, "
                          f"scikit-learn {sklearn.__version__}"}
    for make in (summary, wilson, newcombe, risk_ratio, fisher, at_k, auroc, aurc,
                 calibration, holm, entropy, permutation, bootstrap):
        golden[make.__name__] = make()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "statistics.json")
    with open(path, "w") as f:
        f.write("{\n" + ",\n".join(f'"{k}": {json.dumps(clean(v), allow_nan=False)}'
                                   for k, v in golden.items()) + "\n}\n")


if __name__ == "__main__":
    main()
