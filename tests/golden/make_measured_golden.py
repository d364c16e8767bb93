#!/usr/bin/env python3
"""Writes measured.json: readers against people's labels, for tests/unit/test_measured.c.

Shares and their variance over prompts from statsmodels (least squares on a constant, errors by
clusters), Wilson's limits, Newcombe's and Cohen's kappa from statsmodels, the ROC area from SciPy's
Mann-Whitney statistic, and the corrected share by the formulas of Rogan and Gladen (1978) and Lang
and Reiczigel (2014).  Needs numpy, scipy, statsmodels.  Run: python3 make_measured_golden.py
"""
import json
import math
import os

import numpy as np
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

rng = np.random.default_rng(20261128)
Z = 1.959963984540054


def share(right, clusters):
    """The share, and in how many independent trials it would have the variance that it has."""
    n, groups = len(right), len(set(clusters))
    p = right.mean()
    if groups > 1 and 0 < p < 1:
        fit = sm.OLS(right.astype(float), np.ones(n)).fit(cov_type='cluster', cov_kwds={'groups': clusters})
        variance = float(fit.bse[0]) ** 2
        trials = p * (1 - p) / variance if variance > 0 else groups
    else:
        trials = groups
    trials = min(n, max(groups, trials))
    low, high = proportion_confint(p * trials, trials, method='wilson')
    return {'value': float(p), 'low': float(low), 'high': float(high), 'trials': float(trials)}


def corrected(found, n_found, sensitivity, specificity):
    se0, sp0 = sensitivity['value'], specificity['value']
    n_se, n_sp = sensitivity['trials'], specificity['trials']
    value = min(1, max(0, (found + sp0 - 1) / (se0 + sp0 - 1)))
    q = (n_found * found + Z ** 2 / 2) / (n_found + Z ** 2)
    se, sp = (n_se * se0 + 1) / (n_se + 2), (n_sp * sp0 + 1) / (n_sp + 2)
    p = (q + sp - 1) / (se + sp - 1)
    v_se, v_sp = se * (1 - se) / (n_se + 2), sp * (1 - sp) / (n_sp + 2)
    shift = 2 * Z ** 2 * (p * v_se - (1 - p) * v_sp)
    d = Z / (se + sp - 1) * math.sqrt(q * (1 - q) / (n_found + Z ** 2) + p ** 2 * v_se + (1 - p) ** 2 * v_sp)
    return {'found': found, 'n_found': n_found, 'value': value, 'low': min(value, max(0, p + shift - d)),
            'high': max(value, min(1, p + shift + d))}


def case(n_prompts, per_prompt, prevalence, se, sp, alike):
    n = n_prompts * per_prompt
    clusters = np.repeat(np.arange(n_prompts), per_prompt)
    own = rng.random(n_prompts)
    draw = np.where(rng.random(n) < alike, own[clusters], rng.random(n))
    yes = rng.random(n) < prevalence
    said = np.where(yes, draw < se, draw > sp)
    score = np.round(1 / (1 + np.exp(-(rng.normal(0, 1, n) + 2 * said - 1))), 3)
    order = rng.permutation(n)
    yes, said, score, clusters = yes[order], said[order], score[order], clusters[order]
    first = [int(np.flatnonzero(clusters == c)[0]) for c in clusters]
    sensitivity, specificity = share(said[yes], clusters[yes]), share(~said[~yes], clusters[~yes])
    table = [[int(((yes == a) & (said == b)).sum()) for b in (False, True)] for a in (False, True)]
    u = stats.mannwhitneyu(score[yes], score[~yes], alternative='two-sided').statistic
    return {'first': first, 'yes': yes.astype(int).tolist(), 'said': said.astype(int).tolist(),
            'score': score.tolist(), 'tn': table[0][0], 'fp': table[0][1], 'fn': table[1][0], 'tp': table[1][1],
            'recall': sensitivity, 'specificity': specificity, 'kappa': float(cohens_kappa(np.array(table)).kappa),
            'auroc': float(u / (yes.sum() * (~yes).sum())), 'corrected': corrected(.3, 120.0, sensitivity, specificity)}


cases = [case(300, 1, .4, .9, .95, 0), case(60, 5, .5, .8, .9, .7), case(40, 3, .3, .95, .85, .3),
         case(150, 2, .2, 1.01, .9, 0)]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'measured.json')
with open(path, 'w') as file:
    json.dump({'cases': cases}, file, separators=(',', ':'))
    file.write('\n')
print(path, os.path.getsize(path), [(c['recall'], c['corrected']) for c in cases])
