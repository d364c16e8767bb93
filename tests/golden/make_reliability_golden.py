#!/usr/bin/env python3
"""Writes reliability.json: one judge asked several times, for tests/unit/test_reliability.c.

Krippendorff's alpha from the package krippendorff, the jackknife over clusters around it by leaving
clusters out and asking that package again; where no rating is missing also Fleiss' kappa from
statsmodels, from which alpha follows.  Run: python3 make_reliability_golden.py
"""
import json
import math
import os

import krippendorff
import numpy as np
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

rng = np.random.default_rng(20261128)
Z = 1.959963984540054


def alpha(ratings):
    """ratings [subjects, repeats], NaN where there is none."""
    seen = ratings[~np.isnan(ratings)]
    usable = ratings[(~np.isnan(ratings)).sum(axis=1) > 1]
    if len(usable) == 0 or len(set(seen)) < 2 or len(set(usable[~np.isnan(usable)])) < 2:
        return math.nan
    return float(krippendorff.alpha(reliability_data=usable.T, level_of_measurement='nominal'))


def interval(ratings, clusters):
    whole = alpha(ratings)
    usable = (~np.isnan(ratings)).sum(axis=1) > 1
    names = [c for c in np.unique(clusters) if usable[clusters == c].any()]
    left = np.array([alpha(ratings[clusters != c]) for c in names])
    m = len(names)
    variance = (m - 1) / m * ((left - left.mean()) ** 2).sum()
    if not variance > 0:
        return None, None
    return whole - Z * math.sqrt(variance), min(1, whole + Z * math.sqrt(variance))


def case(n, repeats, categories, sharpness, missing, per_cluster):
    base = rng.dirichlet(np.full(categories, 1 / sharpness), n)
    ratings = np.array([rng.choice(categories, repeats, p=p) for p in base], float)
    ratings[rng.random(ratings.shape) < missing] = math.nan
    clusters = np.arange(n) // per_cluster
    value = alpha(ratings)
    low, high = interval(ratings, clusters) if not math.isnan(value) else (None, None)
    out = {'n_repeats': repeats, 'n_categories': categories, 'clusters': clusters.tolist(),
           'ratings': [[9 if math.isnan(x) else int(x) for x in row] for row in ratings],
           'alpha': None if math.isnan(value) else value, 'low': low, 'high': high}
    if missing == 0:
        kappa = float(fleiss_kappa(aggregate_raters(ratings.astype(int))[0]))
        out['fleiss'] = None if math.isnan(kappa) else kappa
    return out


cases = [case(40, 5, 2, 4, 0, 1), case(60, 3, 3, 8, 0, 4), case(50, 5, 2, 3, .15, 5),
         case(30, 7, 4, 2, .3, 3), case(12, 2, 2, 2, 0, 1), case(80, 4, 2, .6, .05, 8)]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'reliability.json')
with open(path, 'w') as file:
    json.dump({'cases': cases}, file, separators=(',', ':'))
    file.write('\n')
print(path, [(c['alpha'], c['low'], c['high']) for c in cases])
