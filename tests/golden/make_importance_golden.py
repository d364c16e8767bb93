#!/usr/bin/env python3
"""Writes importance.json: estimates of importance sampling, for tests/unit/test_importance.c.

Traces of random discrete models and proposals, weights by SciPy's logsumexp, quantiles of gamma
distributions by SciPy.  Needs numpy, scipy.  Run: python3 make_importance_golden.py
"""
import json
import math
import os

import numpy as np
from scipy import stats
from scipy.special import logsumexp

rng = np.random.default_rng(20261128)


def finite(x):
    return float(x) if math.isfinite(x) else ('-inf' if x < 0 else None)


def effective(w):
    return w.sum() ** 2 / (w ** 2).sum() if (w ** 2).sum() > 0 else 0.0


def stratified(x, n_model):
    parts = [x[:n_model], x[n_model:]]
    return sum(part.var(ddof=1) * len(part) for part in parts if len(part) > 1) / len(x) ** 2


def quantile(q, mean, variance):
    return float(stats.gamma.ppf(q, mean ** 2 / variance, scale=variance / mean)) if mean > 0 and variance > 0 else mean


def estimate(log_p, log_q, event, n_model):
    n = len(log_p)
    with np.errstate(divide='ignore'):
        a = np.log([n_model / n, 1 - n_model / n])
    mix = logsumexp(np.stack([a[0] + log_p if n_model else np.full(n, -np.inf),
                              a[1] + log_q if n_model < n else np.full(n, -np.inf)]), axis=0)
    w = np.where(np.isfinite(log_p), np.exp(np.where(np.isfinite(log_p), log_p, 0) - mix), 0)
    out = {'effective': effective(w), 'largest': w.max() / w.sum(),
           'covered': min(1, (w * np.isfinite(log_q)).sum() / (w.sum() if n_model else n))}
    mean = (w * np.isfinite(log_q)).mean()
    out['gap'] = bool(np.any((log_q == -np.inf) & (w > 0)) if n_model else
                      mean + stats.norm.ppf(0.995) * math.sqrt(stratified(w * np.isfinite(log_q), n_model)) < 1)
    if out['effective'] < max(10, 0.05 * n):
        return out | {'value': None, 'low': None, 'high': None}
    normalised = (w * event).sum() / w.sum()
    turned = normalised > 0.5 and (n_model > 0 or not out['gap'])
    z = w * (~event if turned else event)
    mean, variance, k = z.mean(), stratified(z, n_model), effective(z)
    out |= {'normalised': normalised, 'effective_events': k}
    if k >= 10:
        more = (z ** 2).sum() / z.sum() / n
    else:
        more = 1 / n_model if n_model else None
    low = high = None
    if more is not None:
        low, high = quantile(.025, mean, variance), quantile(.975, mean + more, variance + more ** 2)
    if turned:
        mean, low, high = 1 - mean, None if high is None else 1 - high, None if low is None else 1 - low
    cut = lambda x: None if x is None else float(min(1, max(0, x)))
    return out | {'value': cut(mean), 'low': cut(low), 'high': cut(high)}


def case(n, share, rarity, noise, tilt, filtered):
    """Answers 0..39 of a random model, the first few the event; the proposal says these more often."""
    p = rng.dirichlet(np.full(40, 0.7))
    event_of = np.arange(40) < 6
    p[event_of] *= rarity
    p /= p.sum()
    q = p * np.exp(noise * rng.normal(size=40))
    q = np.where(event_of, q / q[event_of].sum() * tilt, q / q[~event_of].sum() * (1 - tilt))
    q[rng.random(40) < filtered] = 0
    q /= q.sum()
    p[rng.random(40) < filtered / 2] = 0
    p /= p.sum()
    n_model = round(share * n)
    drawn = np.concatenate([rng.choice(40, n_model, p=p), rng.choice(40, n - n_model, p=q)])
    with np.errstate(divide='ignore'):
        log_p, log_q = np.log(p)[drawn], np.log(q)[drawn]
    event = event_of[drawn]
    return {'n_model': n_model, 'log_model': [finite(x) for x in log_p], 'log_proposal': [finite(x) for x in log_q],
            'event': [int(e) for e in event]} | {'expected': estimate(log_p, log_q, event, n_model)}


cases = [case(*arguments) for arguments in [
    (60, 0, 1, 0.3, 0.4, 0), (60, 0.2, 1, 0.3, 0.4, 0), (200, 0, 0.05, 0.5, 0.3, 0), (200, 0.2, 0.05, 0.5, 0.3, 0),
    (120, 0.2, 1e-3, 1, 0.2, 0), (120, 0, 1e-3, 1, 0.03, 0), (120, 0.5, 1e-6, 0.2, 0.01, 0), (80, 0.25, 30, 0.5, 0.5, 0),
    (80, 0, 30, 0.5, 0.5, 0), (150, 0, 0.1, 0.3, 0.4, 0.4), (150, 0.2, 0.1, 0.3, 0.4, 0.4), (100, 0, 0.1, 4, 0.5, 0),
    (40, 1, 0.3, 0, 0.5, 0), (2, 0.5, 1, 0, 0.5, 0)]]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'importance.json'), 'w') as f:
    json.dump(cases, f, separators=(',', ':'))
    f.write('\n')
for one in cases:
    print({k: v for k, v in one['expected'].items()})
