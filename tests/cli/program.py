"""The program from outside: what the tests of this folder share.  Python's standard library only.

A test file takes the program's path and then unittest's words: test_cli.py PATH_TO_SAFECONF [TEST ...].
"""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else 'build/safeconf'
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Nothing is asked of the world outside: a test of the hub says otherwise.
os.environ.setdefault('HF_HUB_OFFLINE', '1')
# What is expected here is the processor's: a test of GPUs says otherwise.
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '')
DEMO = os.path.join(ROOT, 'models', 'demo')


def call(*words, stdin=None, env=None, cwd=None, timeout=300, preexec=None):
    """Runs the program; stdin is its text, and nothing when there is none."""
    given = {'input': stdin} if stdin is not None else {'stdin': subprocess.DEVNULL}
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=timeout, cwd=cwd,
                          env=dict(os.environ, **(env or {})), preexec_fn=preexec, **given)


class Folder(unittest.TestCase):
    """Each test has a folder of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='safeconf-test-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def read(self, *names):
        with open(self.path(*names), 'rb') as file:
            return file.read()

    def write(self, name, content):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'wb') as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def predictions(self, out='out'):
        return [json.loads(line) for line in self.read(out, 'predictions.jsonl').splitlines()]

    def analysis(self, out='out'):
        return json.loads(self.read(out, 'analysis.json'))

    def rows(self, out, sql):
        db = sqlite3.connect(f'file:{self.path(out, "run.db")}?mode=ro', uri=True)
        self.addCleanup(db.close)
        return db.execute(sql).fetchall()

    def good(self, *words, **more):
        result = call(*words, **more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def run_demo(self, out, *options, n=4, expect=0, **more):
        """A run of the demonstration model in the folder `out`."""
        tokens = () if '--max-new-tokens' in options else ('--max-new-tokens', 16)
        result = call('run', '--num-instances', n, *tokens, '--out', self.path(out), '--quiet', *options, **more)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def assert_one_line(self, result, status, *parts):
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)
