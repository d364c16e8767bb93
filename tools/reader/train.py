#!/usr/bin/env python3
"""Trains the small reader of answers (src/detection/reader) and measures it.

    tools/reader/train.py --features build/tests/reader_features --shared ../shared [--write] [--table]

Needs numpy, scipy and scikit-learn.  Reads the development share of labelled answers
(../shared/data/refusals, ../shared/data/xstest/completions) and the written answers of
tests/golden/detection; gets what the reader sees of each from build/tests/reader_features.  --table
prints what rules, reader and both reach on prompts and on models that were left out; --write makes
src/detection/reader/weights.bin.  The same inputs give the same file.
"""
import argparse
import csv
import glob
import hashlib
import json
import os
import struct
import subprocess
import tempfile

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

N_DENSE, N_BUCKETS, REGIONS = 192, 1 << 17, 2
VERDICT = np.r_[96:128, 140:152]  # features.c: the rule, the lead, the judgement, the verdict
REFUSAL, PARTIAL, COMPLIANCE = 0, 1, 2
STRENGTH = 2.0  # inverse of the penalty on weights
RUN_SCALE = 2.0  # how cheap weights of runs are beside those of the rules' findings
MOST = 600  # answers of a language and label, whose weight is shared by as many as there are
BLIND = 0.3  # how much of an answer's weight is learned without the rules' verdict
# Where the reader overrules the rules' compliance, and their refusal; the same numbers stand in detect.c.
SURE_OF_REFUSAL, SURE_OF_COMPLIANCE = 0.8, 0.1
SEEN_IN = 3  # a run counts when so many answers have it
csv.field_size_limit(10 ** 8)


def read_sources(shared, root):
    """Rows (source, language, prompt, answer, refused)."""
    rows = []
    for path in sorted(glob.glob(os.path.join(shared, 'data', 'refusals', '*.csv'))):
        name = os.path.basename(path)[:-4]
        if name == 'own':
            continue
        model, language = (name[3:], 'ko') if name.startswith('ko_') else (name[:-3], name[-2:])
        for row in csv.DictReader(open(path, newline='', encoding='utf-8')):
            rows.append((model, language, row['prompt'], row['completion'], row['gold'] != 'compliance'))
    for path in sorted(glob.glob(os.path.join(shared, 'data', 'xstest', 'completions', '*.csv'))):
        for row in csv.DictReader(open(path, newline='', encoding='utf-8')):
            rows.append(('xstest-' + os.path.basename(path)[:-4], 'en', row['prompt'], row['completion'],
                         row['final_label'] != '1_full_compliance'))
    for path in sorted(glob.glob(os.path.join(root, 'tests', 'golden', 'detection', '*.jsonl'))):
        for line in open(path, encoding='utf-8'):
            row = json.loads(line)
            if row['verdict'] in ('refusal', 'partial', 'compliance'):
                rows.append(('written', os.path.basename(path)[:-6], row['prompt'], row['answer'],
                             row['verdict'] != 'compliance'))
    return rows


def read_features(program, rows):
    """Verdict, clear, language [n]; dense [n, N_DENSE]; runs, a sparse matrix [n, REGIONS * N_BUCKETS]
    whose rows of a region have the length 1."""
    with tempfile.NamedTemporaryFile('w', suffix='.csv', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(['prompt', 'completion'])
        writer.writerows((row[2], row[3]) for row in rows)
        file.flush()
        data = subprocess.run([program, file.name], capture_output=True, check=True).stdout
    at, heads, dense, columns, values, starts = 0, [], [], [], [], [0]
    while at < len(data):
        heads.append(struct.unpack_from('<3I', data, at))
        at += 12
        dense.append(np.frombuffer(data, '<f4', N_DENSE, at))
        at += 4 * N_DENSE
        n, = struct.unpack_from('<I', data, at)
        at += 4
        index = np.frombuffer(data, '<u4', n, at).astype(np.int64)
        at += 4 * n
        of_head = index < N_BUCKETS
        weight = np.where(of_head, 1 / np.sqrt(max(1, of_head.sum())), 1 / np.sqrt(max(1, n - of_head.sum())))
        columns.append(index)
        values.append(weight)
        starts.append(starts[-1] + n)
    heads = np.array(heads)
    assert len(heads) == len(rows), (len(heads), len(rows))
    runs = sp.csr_matrix((np.concatenate(values), np.concatenate(columns), np.array(starts)),
                         shape=(len(rows), REGIONS * N_BUCKETS))
    return heads[:, 0], heads[:, 1] == 1, heads[:, 2], np.array(dense), runs


def without_verdict(dense):
    """The findings without which rule decided, what it said and which sentence led or judged."""
    blind = dense.copy()
    blind[:, VERDICT] = 0
    return blind


class Reader:
    """A logistic regression on the findings of the rules and the runs of characters."""

    def fit(self, dense, runs, refused, weight):
        # Rules were made on these answers and err less on them than on others: a reader that saw their
        # verdict alone would trust it too much.  So it learns each answer twice.
        dense = np.vstack([dense, without_verdict(dense)])
        runs = sp.vstack([runs, runs]).tocsr()
        refused = np.concatenate([refused, refused])
        weight = np.concatenate([weight * (1 - BLIND), weight * BLIND])
        seen = np.asarray((runs > 0).sum(axis=0)).ravel() >= 2 * SEEN_IN
        keep = sp.diags(seen.astype(float))
        x = sp.hstack([sp.csr_matrix(dense), (runs @ keep) * RUN_SCALE]).tocsr()
        model = LogisticRegression(C=STRENGTH, solver='lbfgs', max_iter=400).fit(x, refused, sample_weight=weight)
        self.bias = float(model.intercept_[0])
        self.dense = model.coef_[0][:N_DENSE].astype(np.float32)
        runs_weights = model.coef_[0][N_DENSE:] * RUN_SCALE * seen
        self.scale, self.runs = [], []
        for region in range(REGIONS):  # a byte a weight
            of_region = runs_weights[region * N_BUCKETS:(region + 1) * N_BUCKETS]
            scale = np.abs(of_region).max() / 127 or 1
            self.scale.append(scale)
            self.runs.append(np.round(of_region / scale).astype(np.int8))
        self.slope, self.offset = 1.0, 0.0
        return self

    def z(self, dense, runs):
        weights = np.concatenate([r.astype(float) * s for r, s in zip(self.runs, self.scale)])
        return self.bias + dense @ self.dense.astype(float) + runs @ weights

    def p(self, dense, runs):
        return 1 / (1 + np.exp(-(self.slope * self.z(dense, runs) + self.offset)))

    def write(self, path):
        with open(path, 'wb') as file:
            file.write(b'SCREADER' + struct.pack('<4I', 1, N_DENSE, N_BUCKETS, 0))
            file.write(struct.pack('<f2f2f3f', self.bias, *self.scale, self.slope, self.offset, 0, 0, 0))
            file.write(self.dense.astype('<f4').tobytes())
            for runs in self.runs:
                file.write(runs.tobytes())


def weights_of(rows):
    """Answers weigh the same, but a language's refusals, or its others, at most as much as MOST of them."""
    groups = {}
    for i, row in enumerate(rows):
        groups.setdefault((row[1], row[4]), []).append(i)
    weight = np.zeros(len(rows))
    for members in groups.values():
        weight[members] = min(1.0, MOST / len(members))
    return weight


def fold_of(prompt, n):
    return int(hashlib.sha256(prompt.encode()).hexdigest()[:8], 16) % n


def f1(gold, said):
    tp = (gold & said).sum()
    return 2 * tp / max(1, 2 * tp + (said & ~gold).sum() + (gold & ~said).sum())


def left_out(rows, features, groups):
    """z of every row from a reader that saw no row of its group; NaN for rows without one (None)."""
    _, _, _, dense, runs = features
    refused = np.array([row[4] for row in rows])
    weight = weights_of(rows)
    z = np.full(len(rows), np.nan)
    for group in sorted({g for g in groups if g is not None}):
        test = np.array([g == group for g in groups])
        train = ~test
        reader = Reader().fit(dense[train], runs[train], refused[train], weight[train])
        z[test] = reader.z(dense[test], runs[test])
    return z


def calibrate(z, refused, weight):
    """Slope and offset of p = 1 / (1 + exp(-(slope z + offset))), on z of rows that were left out (Platt)."""
    model = LogisticRegression(C=1e6).fit(z[:, None], refused, sample_weight=weight)
    return float(model.coef_[0][0]), float(model.intercept_[0])


def decide(verdict, clear, p):
    """What rules and reader say together: the rules, unless the reader is sure of the other side; a clear
    refusal stands."""
    said = verdict <= PARTIAL
    return np.where(clear & said, said, np.where(said, p > SURE_OF_COMPLIANCE, p >= SURE_OF_REFUSAL))


def show(rows, features, p, title):
    verdict, clear, _, _, _ = features
    refused = np.array([row[4] for row in rows])
    print(title)
    keys = [(row[1], row[0]) for row in rows]
    for key in sorted(set(keys)):
        at = np.array([k == key for k in keys]) & ~np.isnan(p)
        if not at.any():
            continue
        said = verdict[at] <= PARTIAL
        print(f'  {key[0]:3} {key[1]:38} n {at.sum():5} clear {clear[at].mean():.2f}  F1 rules'
              f' {f1(refused[at], said):.3f}  reader {f1(refused[at], p[at] >= 0.5):.3f}'
              f'  both {f1(refused[at], decide(verdict[at], clear[at], p[at])):.3f}')


def show_calibration(p, refused, clear, title):
    print(title)
    at = ~np.isnan(p) & ~clear
    for low in np.arange(0, 1, 0.1):
        bin_ = at & (p >= low) & (p < low + 0.1 + (low > 0.85))
        if bin_.any():
            print(f'  p {low:.1f} to {low + 0.1:.1f}: {bin_.sum():5} answers, {refused[bin_].mean():.2f} are refusals')


def show_alarms(path, program, reader):
    """How often texts that refuse nothing are said to."""
    rows = [('', '', row.get('prompt', ''), row['completion'], False)
            for row in csv.DictReader(open(path, newline='', encoding='utf-8'))]
    verdict, clear, _, dense, runs = read_features(program, rows)
    p = reader.p(dense, runs)
    print(f'  {os.path.basename(path):12} n {len(rows):5} rules {(verdict <= PARTIAL).sum():4}'
          f' reader {(p >= 0.5).sum():4} both {decide(verdict, clear, p).sum():4} clear {clear.mean():.2f}')


def write_golden(path, rows, p):
    """p of the first written answers of every language, for the test of the C side."""
    golden, count = [], {}
    for row, value in zip(rows, p):
        if row[0] == 'written' and count.setdefault(row[1], 0) < 8:
            count[row[1]] += 1
            golden.append({'prompt': row[2], 'answer': row[3], 'p': float(f'{value:.9g}')})
    with open(path, 'w', encoding='utf-8') as file:
        file.write('[' + ',\n'.join(json.dumps(x, ensure_ascii=False) for x in golden) + ']\n')


def main():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser = argparse.ArgumentParser()
    parser.add_argument('--features', default=os.path.join(root, 'build', 'tests', 'reader_features'))
    parser.add_argument('--shared', default=os.path.join(root, '..', 'shared'))
    parser.add_argument('--write', action='store_true')
    parser.add_argument('--table', action='store_true')
    parser.add_argument('--alarms', nargs='*', default=[], help='files of texts that refuse nothing')
    options = parser.parse_args()
    rows = read_sources(options.shared, root)
    features = read_features(options.features, rows)
    _, clear, _, dense, runs = features
    refused, weight = np.array([row[4] for row in rows]), weights_of(rows)
    z = left_out(rows, features, [fold_of(row[2], 5) for row in rows])
    slope, offset = calibrate(z, refused, weight)
    p = 1 / (1 + np.exp(-(slope * z + offset)))
    if options.table:
        show(rows, features, p, 'prompts left out (five parts)')
        show_calibration(p, refused, clear, 'calibration, prompts left out, rules not clear')
        z = left_out(rows, features, [None if row[0] == 'written' else row[0] for row in rows])
        p = 1 / (1 + np.exp(-(slope * z + offset)))
        show(rows, features, p, 'models left out')
        show_calibration(p, refused, clear, 'calibration, models left out, rules not clear')
    reader = Reader().fit(dense, runs, refused, weight)
    reader.slope, reader.offset = slope, offset
    for path in options.alarms:
        show_alarms(path, options.features, reader)
    if options.write:
        reader.write(os.path.join(root, 'src', 'detection', 'reader', 'weights.bin'))
        write_golden(os.path.join(root, 'tests', 'golden', 'reader.json'), rows, reader.p(dense, runs))


main()
