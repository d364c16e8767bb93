#!/usr/bin/env python3
"""A small run of the demonstration model, pinned: what was drawn and each token's figures, as
tests/golden/pinned_run holds them.  It finds what changes every trace alike, such as a random number taken
from another position, which tests that compare a run with another of the same program cannot see.

  test_pinned_run.py SAFECONF [WORD ...]           compares; with an emulator, its words come first
  test_pinned_run.py --renew SAFECONF [WORD ...]   writes the file (tools/renew-pinned-run)

The kernels are the portable ones, which compute in one order on every machine.  Ids are the same
everywhere; figures may differ in their last places, as far as exp and log of C libraries do.

Renew the file only with a change that is meant to change what is sampled or what is measured (another
random stream, another frame, another formula), say so in the commit, and read which lines changed: one
line is one trace.  A kernel, a scheduler, a compiler or a reader of files is never such a change.
"""
import json
import math
import os
import sqlite3
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, 'tests', 'golden', 'pinned_run')
PROMPTS = os.path.join(FOLDER, 'prompts.jsonl')
PINNED = os.path.join(FOLDER, 'traces.json')
DTYPES = ('f32', 'int8')
FIGURES = ('logprob', 'sampled_logprob', 'confidence', 'entropy')
OPTIONS = ('--model', os.path.join(ROOT, 'models', 'demo'), '--benchmark', PROMPTS, '--first', '--num-instances', '3',
           '--policy', 'fixed', '--max-traces', '3', '--max-new-tokens', '20', '--seed', '7', '--temperature', '1.3',
           '--top-p', '0.98', '--top-k', '200', '--min-p', '0.001', '--confidence-top-k', '20', '--threads', '2',
           '--kernels', 'portable', '--quiet')
NEAR = 1e-6  # of figures, which are float32, to the larger of 1 and themselves


def sample(program, dtype):
    """The run's traces: what there is to pin, in the order of prompt and trace."""
    with tempfile.TemporaryDirectory(prefix='safeconf-test-') as folder:
        out = os.path.join(folder, 'run')
        words = [*program, 'run', *OPTIONS, '--dtype', dtype, '--out', out]
        result = subprocess.run(words, capture_output=True, text=True, timeout=1200)
        if result.returncode != 0:
            raise AssertionError(f'{" ".join(words)}: status {result.returncode}: {result.stderr}')
        db = sqlite3.connect(os.path.join(out, 'run.db'))
        rows = db.execute(f'''select instance.id, trace, trace.finish, ids, {", ".join(FIGURES)} from token
            join trace using (instance, trace) join instance on position = instance order by instance, trace''')
        traces = [{'prompt': row[0], 'trace': row[1], 'finish': row[2], 'ids': unpack('i', row[3]),
                   **{name: unpack('f', blob) for name, blob in zip(FIGURES, row[4:])}} for row in rows]
        db.close()
        return traces


def unpack(kind, blob):
    return [value if kind == 'i' else float(f'{value:.9g}')
            for value in struct.unpack(f'<{len(blob) // 4}{kind}', blob)]


def renew(program):
    lines = {dtype: ',\n  '.join(json.dumps(trace) for trace in sample(program, dtype)) for dtype in DTYPES}
    with open(PINNED, 'w') as file:
        file.write('{\n' + ',\n'.join(f' "{dtype}": [\n  {lines[dtype]}\n ]' for dtype in DTYPES) + '\n}\n')


class PinnedRun(unittest.TestCase):
    """Of each dtype, ids exactly and figures as near as C libraries are."""

    def compare(self, dtype):
        with open(PINNED) as file:
            pinned = json.load(file)[dtype]
        found = sample(PROGRAM, dtype)
        self.assertEqual(len(found), len(pinned))
        for one, other in zip(found, pinned):
            name = f'{dtype}, {other["prompt"]}, trace {other["trace"]}'
            for key in ('prompt', 'trace', 'finish', 'ids'):
                self.assertEqual(one[key], other[key], f'{name}: {key}')
            for key in FIGURES:
                self.assertEqual(len(one[key]), len(other[key]), f'{name}: {key}')
                for at, (a, b) in enumerate(zip(one[key], other[key])):
                    self.assertTrue(math.isclose(a, b, rel_tol=NEAR, abs_tol=NEAR),
                                    f'{name}: {key} of token {at}: expected {b}, found {a}')

    def test_f32_draws_and_measures_what_is_pinned(self):
        self.compare('f32')

    def test_int8_draws_and_measures_what_is_pinned(self):
        self.compare('int8')


if __name__ == '__main__':
    words = sys.argv[1:]
    renewing = words[:1] == ['--renew']
    PROGRAM = words[renewing:] or [os.path.join(ROOT, 'build', 'safeconf')]
    if renewing:
        renew(PROGRAM)
    else:
        unittest.main(argv=sys.argv[:1])
