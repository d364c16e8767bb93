#!/usr/bin/env python3
"""Writes forecast.json: inputs and expected values for tests/unit/test_forecast.c.

The scaled beta-binomial's likelihood comes from SciPy's quadrature over the rate and is maximised by
Nelder-Mead from several starts; its success at k from mpmath's quadrature.  Power laws and
tails are NumPy's least squares; the interval of the largest of further units comes from SciPy's beta and
uniform variates.  Run: python3 make_forecast_golden.py
"""
import json
import math
import os

import mpmath
import numpy as np
from scipy import optimize, special, stats

rng = np.random.default_rng(20261128)


def clean(x):
    if isinstance(x, dict):
        return {k: clean(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, np.ndarray)):
        return [clean(v) for v in x]
    if isinstance(x, (np.integer, int)):
        return int(x)
    return float(x)


def log_moment(s, f, a, b, c):
    """log E[(c X)^s (1 - c X)^f], X ~ Beta(a, b), by Gauss-Jacobi quadrature."""
    x, w = special.roots_jacobi(80, b - 1, a - 1)
    x = (x + 1) / 2
    w = w / w.sum()
    return math.log(np.sum(w * (c * x) ** s * (1 - c * x) ** f))


def log_likelihood(cells, a, b, c):
    return sum(units * log_moment(s, f, a, b, c) for (s, f), units in cells.items())


def deviance(cells, a, b, c):
    """2 sum seen log(seen / expected) over numbers of trials and successes."""
    units = {}
    for (s, f), seen in cells.items():
        units[s + f] = units.get(s + f, 0) + seen
    return sum(2 * seen * math.log(seen / (units[s + f] * math.comb(s + f, s)
                                           * math.exp(log_moment(s, f, a, b, c))))
               for (s, f), seen in cells.items())


def scaled_beta():
    out = []
    for n, trials, a, b, c in ((300, 10, 0.5, 2.0, 0.4), (500, 20, 0.8, 1.5, 0.3), (400, 10, 0.3, 1.2, 1.0),
                               (250, None, 1.5, 1.5, 0.5)):
        t = np.full(n, trials) if trials else rng.integers(3, 16, n)
        s = rng.binomial(t, c * rng.beta(a, b, n))
        cells = {}
        for x, y in zip(s.tolist(), (t - s).tolist()):
            cells[x, y] = cells.get((x, y), 0) + 1

        def minus(v):
            if max(abs(v[0]), abs(v[1])) > 7 or abs(v[2]) > 18:
                return 1e12
            return -log_likelihood(cells, math.exp(v[0]), math.exp(v[1]), special.expit(v[2]))

        best = None
        for start in ((0, 0, 0), (-0.5, 1, 3), (0.3, 0.3, -1)):
            r = optimize.minimize(minus, start, method="Nelder-Mead",
                                  options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000})
            best = r if best is None or r.fun < best.fun else best
        two = optimize.minimize(lambda v: -log_likelihood(cells, math.exp(v[0]), math.exp(v[1]), 1.0), (0, 0),
                                method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10})
        at = [1, 2, 10, 100, 1000, 100000]
        expected = [success_at(k, a, b, c) for k in at]
        out.append({"trials": t, "successes": s, "a": a, "b": b, "c": c,
                    "log_likelihood": log_likelihood(cells, a, b, c), "deviance": deviance(cells, a, b, c),
                    "largest_of_1000": c * stats.beta.isf(1e-3, a, b),
                    "best": max(-best.fun, -two.fun), "best_two": -two.fun, "k": at, "at_k": expected})
    return out


def success_at(k, a, b, c):
    """1 - E[(1 - c X)^k]; u = X^a takes the singularity at 0 away (b >= 1)."""
    def f(u):
        x = u ** (1 / mpmath.mpf(a))
        return (1 - x) ** (b - 1) * (1 - c * x) ** k
    edges = [0] + [mpmath.mpf(10) ** e for e in range(-6, 0)] + [mpmath.mpf(1) / 2, 1]
    return float(1 - mpmath.quad(f, edges) / (a * mpmath.beta(a, b)))


def points(most):
    out = []
    for i in range(200):
        k = int(10 ** (i / 10) + 0.5)
        if k > most:
            break
        if not out or k > out[-1]:
            out.append(k)
    return out


def power_law():
    out = []
    for most, a, b in ((10, 0.4, 3.0), (32, 0.9, 2.0), (200, 0.2, 6.0)):
        k = np.array(points(most))
        success = 1 - np.exp(special.betaln(a, b + k) - special.betaln(a, b))
        x, y = np.log(k), np.log(-np.log(success))
        slope, height = np.polyfit(x, y, 1)
        curve = np.polyfit(x, y, 2)[0]
        out.append({"k": k, "success": success, "exponent": -slope, "scale": math.exp(height),
                    "bend": 2 * curve * (x[-1] - x[0]) / slope,
                    "at": [7, 1000], "at_k": [math.exp(-math.exp(height) * j ** slope) for j in (7, 1000)]})
    return out


def at_k_of_counts(t, s, k):
    return 1.0 if t - s < k else 1 - math.comb(t - s, k) / math.comb(t, k)


def law_of_counts():
    """From counts: the units with as many trials as nine in ten have."""
    t = rng.integers(6, 13, 150)
    t[:10] = rng.integers(1, 6, 10)
    s = rng.binomial(t, rng.beta(0.5, 2, 150))
    most = int(np.sort(t)[len(t) // 10])
    k = points(most)
    use = [(x, y) for x, y in zip(t.tolist(), s.tolist()) if x >= k[-1]]
    mean = [np.mean([at_k_of_counts(x, y, j) for x, y in use]) for j in k]
    slope, height = np.polyfit(np.log(k), np.log(-np.log(mean)), 1)
    return [{"trials": t, "successes": s, "to": k[-1], "n": len(use), "exponent": -slope,
             "scale": math.exp(height)}]


def tail():
    out = []
    top = 10
    for n, further, kind in ((100, 1000, "gumbel"), (40, 400, "beta"), (900, 90000, "log-normal")):
        if kind == "gumbel":
            score = rng.gumbel(-1.5, 0.3, n)
            p = np.exp(-np.exp(-score))
        elif kind == "beta":
            p = rng.beta(0.3, 8, n)
        else:
            p = np.exp(-np.exp(rng.normal(1.5, 0.4, n)))
        score = np.sort(-np.log(-np.log(p)))[::-1][:top]
        share = np.log(np.arange(1, top + 1) / n)
        slope, intercept = np.polyfit(score, share, 1)
        at = -(math.log(further) + intercept) / slope
        # Units of a tail that is a Gumbel's: shares are uniform.
        off, r_squared = [], []
        for _ in range(20000):
            x = -np.log(np.sort(rng.random(n))[:top])
            m, c = np.polyfit(x, share, 1)
            truth = -math.log(stats.beta.rvs(1, further, random_state=rng))
            off.append((truth + (math.log(further) + c) / m) * -m)
            r_squared.append(np.corrcoef(x, share)[0, 1] ** 2)
        r2 = np.corrcoef(score, share)[0, 1] ** 2
        low, high = (math.exp(-math.exp(-(at - q / slope))) for q in np.percentile(off, (2.5, 97.5)))
        out.append({"p": p, "further": further, "slope": slope, "intercept": intercept, "r_squared": r2,
                    "largest": math.exp(-math.exp(-at)), "low": low, "high": high,
                    "check_p": np.mean(np.array(r_squared) <= r2), "any": 1 - (1 - p.mean()) ** further})
    return out


def main():
    golden = {"made_by": "make_forecast_golden.py"}
    for make in (scaled_beta, power_law, law_of_counts, tail):
        golden[make.__name__] = make()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forecast.json")
    with open(path, "w") as f:
        f.write("{\n" + ",\n".join(f'"{k}": {json.dumps(clean(v) if k != "made_by" else v)}'
                                   for k, v in golden.items()) + "\n}\n")


if __name__ == "__main__":
    main()
