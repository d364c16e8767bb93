#!/usr/bin/env python3
"""Writes statistics_models.json: inputs and expected values for
tests/unit/test_statistics_models.c.

The expected values come from scikit-learn (average precision, ROC curves), statsmodels (logistic regression with
cluster-robust errors, power), SciPy (beta-binomial likelihood, maximised by Nelder-Mead and polished;
Student's t), and from the formula as published for Lang and Reiczigel's interval.  NaN is null.
Run: python3 make_statistics_models_golden.py
"""
import json
import math
import os

import numpy as np
import scipy
import sklearn
import statsmodels
import statsmodels.api as sm
from scipy import optimize, stats
from sklearn.metrics import average_precision_score, roc_curve
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_confint

rng = np.random.default_rng(20261125)


def clean(x):
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


def average_precision():
    out = []
    for n, digits, shift in ((1, 2, 0), (5, 2, 1), (40, 1, 0.5), (300, 2, 0.3), (300, 0, 1), (64, 9, 0)):
        outcome = rng.random(n) < 0.3
        outcome[0] = True
        score = np.round(rng.normal(0, 1, n) + shift * outcome, digits)
        out.append({"score": score, "outcome": outcome,
                    "value": average_precision_score(outcome, score)})
    out.append({"score": [1.0] * 8, "outcome": [True, False] * 4, "value": 0.5})
    return out


def roc_at(x, outcome, score):
    """The curve's upper end at x, straight between distinct scores."""
    across, up, _ = roc_curve(outcome, score, drop_intermediate=False)
    last = np.searchsorted(across, x, side="right") - 1
    if last == len(across) - 1:
        return 1.0
    share = (x - across[last]) / (across[last + 1] - across[last])
    return up[last] + share * (up[last + 1] - up[last])


def risk_at(x, outcome, score):
    """Each outcome replaced by the mean of those with the same score, then summed from the top."""
    order = np.argsort(-score, kind="stable")
    expected = np.array([outcome[score == s].mean() for s in score[order]])
    if x == 0:
        return expected[0]
    passed = x * len(score)
    return np.interp(passed, np.arange(len(score) + 1), np.concatenate([[0], np.cumsum(expected)])) / passed


def curves(rng):
    """Of its own generator, so that the other cases stay."""
    out = []
    for n, digits, shift in ((5, 2, 1), (40, 1, 0.5), (300, 2, 0.3), (300, 0, 1), (64, 9, 0)):
        outcome = rng.random(n) < 0.3
        outcome[0], outcome[1] = True, False
        score = np.round(rng.normal(0, 1, n) + shift * outcome, digits)
        places = np.arange(11) / 10
        out.append({"score": score, "outcome": outcome,
                    "roc": [roc_at(x, outcome, score) for x in places],
                    "risk": [risk_at(x, outcome, score) for x in places]})
    return out


def logistic():
    out = []
    for n_clusters, size, slope, weight in ((30, 5, 0.8, 0.5), (60, 4, 0.0, 1.5), (200, 5, -0.5, 0.0),
                                            (12, 10, 0.3, 0.2)):
        cluster = np.repeat(np.arange(n_clusters), size)
        rng.shuffle(cluster)
        length = rng.normal(0, 1, len(cluster))
        x = rng.normal(0, 1, len(cluster)) + 0.6 * length
        own = rng.normal(0, 0.7, n_clusters)[cluster]
        outcome = rng.random(len(cluster)) < 1 / (1 + np.exp(0.7 - slope * x - weight * length - own))
        design = np.column_stack([np.ones(len(x)), x, length])
        for columns in (2, 3):
            fit = sm.Logit(outcome.astype(float), design[:, :columns]).fit(
                disp=0, method="newton", tol=1e-14, maxiter=200, cov_type="cluster",
                cov_kwds={"groups": cluster})
            t = stats.t(n_clusters - 1)
            out.append({"x": design[:, :columns].ravel(), "k": columns, "outcome": outcome,
                        "cluster": cluster, "n_clusters": n_clusters, "coefficient": fit.params,
                        "error": fit.bse, "log_likelihood": fit.llf,
                        "low": np.exp(fit.params - t.ppf(0.975) * fit.bse),
                        "high": np.exp(fit.params + t.ppf(0.975) * fit.bse),
                        "p": 2 * t.sf(np.abs(fit.params / fit.bse))})
    return out


def beta_binomial():
    out = []
    for n, trials, a, b in ((60, 10, 0.4, 1.6), (200, 5, 2.0, 2.0), (150, 10, 0.1, 0.9),
                            (80, 20, 5.0, 45.0), (40, None, 0.7, 0.7)):
        t = np.full(n, trials) if trials else rng.integers(1, 13, n)
        s = rng.binomial(t, rng.beta(a, b, n))

        def minus(v):
            return -stats.betabinom.logpmf(s, t, math.exp(v[0]), math.exp(v[1])).sum()

        v = np.zeros(2)
        for _ in range(6):
            r = optimize.minimize(minus, v, method="Nelder-Mead",
                                  options={"xatol": 1e-12, "fatol": 1e-13, "maxiter": 20000,
                                           "maxfev": 20000})
            v = r.x
        alpha, beta = np.exp(v)
        at = [1, 2, 5, 10, 30, 100]
        expected = -np.expm1([(scipy.special.betaln(alpha, beta + k) -
                               scipy.special.betaln(alpha, beta)) for k in at])
        choose = sum(math.lgamma(x + 1) - math.lgamma(y + 1) - math.lgamma(x - y + 1)
                     for x, y in zip(t.tolist(), s.tolist()))
        seen = {}
        for x, y in zip(t.tolist(), s.tolist()):
            seen[x, y] = seen.get((x, y), 0) + 1
        units = {x: int((t == x).sum()) for x in set(t.tolist())}
        deviance = sum(2 * c * math.log(c / (units[x] * stats.betabinom.pmf(y, x, alpha, beta)))
                       for (x, y), c in seen.items())
        out.append({"trials": t, "successes": s, "alpha": alpha, "beta": beta,
                    "log_likelihood": -r.fun - choose, "k": at, "at_k": expected,
                    "deviance": deviance})
    return out


def rogan_gladen():
    out = []
    z = stats.norm.ppf(0.975)
    for found, n, tp, n_pos, tn, n_neg in ((0.3, 100, 90, 100, 95, 100), (0.0, 50, 339, 350, 537, 550),
                                           (1.0, 50, 339, 350, 537, 550), (0.62, 37.5, 68, 76, 371, 374),
                                           (0.02, 1000, 20, 25, 90, 100)):
        se, sp = tp / n_pos, tn / n_neg
        value = min(1, max(0, (found + sp - 1) / (se + sp - 1)))
        n1, p1 = n + z * z, (n * found + z * z / 2) / (n + z * z)
        se1, sp1 = (tp + 1) / (n_pos + 2), (tn + 1) / (n_neg + 2)
        rg = (p1 + sp1 - 1) / (se1 + sp1 - 1)
        dp = 2 * z * z * (rg * se1 * (1 - se1) / (n_pos + 2) - (1 - rg) * sp1 * (1 - sp1) / (n_neg + 2))
        v = (p1 * (1 - p1) / n1 + rg ** 2 * se1 * (1 - se1) / (n_pos + 2)
             + (1 - rg) ** 2 * sp1 * (1 - sp1) / (n_neg + 2)) / (se1 + sp1 - 1) ** 2
        low, high = rg + dp - z * math.sqrt(v), rg + dp + z * math.sqrt(v)
        out.append({"found": found, "n": n, "counts": [tp, n_pos, tn, n_neg], "value": value,
                    "low": min(value, min(1, max(0, low))), "high": max(value, min(1, max(0, high)))})
    return out


def power():
    """Standard error 1 with 2 * 1 observations of variance 1 a side: effect size = effect."""
    p = NormalIndPower()
    out = []
    for shift in (0.0, 0.5, 1.0, 1.959963984540054, 2.8, 4.0):
        # effect_size * sqrt(nobs / 2) = shift
        out.append({"shift": shift, "power": p.power(shift, 2, 0.05, ratio=1)})
    return out


def needed():
    out = []
    for rate in (0.0, 0.02, 0.1, 0.5, 0.93):
        for half in (0.02, 0.05, 0.1, 0.3):
            n = 1
            while True:
                low, high = proportion_confint(rate * n, n, method="wilson")
                if (high - low) / 2 <= half:
                    break
                n += 1
            out.append({"rate": rate, "half": half, "n": n})
    return out


def main():
    golden = {"versions": f"NumPy {np.__version__}, SciPy {scipy.__version__}, scikit-learn "
                          f"{sklearn.__version__}, statsmodels {statsmodels.__version__}"}
    for make in (average_precision, logistic, beta_binomial, rogan_gladen, power, needed):
        golden[make.__name__] = make()
    golden["curves"] = curves(np.random.default_rng(20261128))
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "statistics_models.json")
    with open(path, "w") as f:
        f.write("{\n" + ",\n".join(f'"{k}": {json.dumps(clean(v), allow_nan=False)}'
                                   for k, v in golden.items()) + "\n}\n")


if __name__ == "__main__":
    main()
