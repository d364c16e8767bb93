#!/usr/bin/env python3
"""Model files from outside: one opening for all commands, and files that change while they are read.

  test_cli_model_files.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest

from program import PROGRAM, call

DEMO = os.path.join(os.path.dirname(__file__), '..', '..', 'models', 'demo')


class ModelFiles(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='safeconf-test-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.model = os.path.join(self.folder, 'model')
        shutil.copytree(DEMO, self.model)
        self.weights = os.path.join(self.model, 'model.safetensors')
        self.out = os.path.join(self.folder, 'out')

    def start_run(self):
        """A run that is at work: some of its traces are stored, many are not."""
        run = subprocess.Popen([PROGRAM, 'run', '--model', self.model, '--num-instances', '400', '--policy', 'fixed',
                                '--max-traces', '20', '--max-new-tokens', '128', '--out', self.out, '--quiet'],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (run.kill(), run.wait(), run.stdout.close(), run.stderr.close()))
        for _ in range(600):
            if self.n_stored() > 0:
                return run
            self.assertIsNone(run.poll(), 'the run ended too early')
            time.sleep(0.05)
        self.fail('no trace was stored')

    def n_stored(self):
        try:
            with sqlite3.connect(f'file:{self.out}/run.db?mode=ro', uri=True, timeout=10) as db:
                return db.execute('SELECT count(*) FROM trace').fetchone()[0]
        except sqlite3.OperationalError:
            return 0

    def embedding(self):
        """Where the embedding's bytes lie in the weight file."""
        with open(self.weights, 'rb') as file:
            n = struct.unpack('<Q', file.read(8))[0]
            header = json.loads(file.read(n))
        begin, end = header['model.embed_tokens.weight']['data_offsets']
        return 8 + n + begin, end - begin

    def assert_ended(self, run, *parts):
        _, errors = run.communicate(timeout=120)
        lines = errors.strip().splitlines()
        self.assertEqual(run.returncode, 1, errors)
        self.assertTrue(any(part in lines[-1] for part in parts), errors)
        self.assertLess(self.n_stored(), 8000)

    def test_a_model_cut_short_ends_a_run_with_a_line_and_status_1(self):
        run = self.start_run()
        os.truncate(self.weights, 4096)
        self.assert_ended(run, 'cut short', 'changed while it was in use')

    def test_a_model_overwritten_in_place_ends_a_run_and_nothing_more_is_stored(self):
        run = self.start_run()
        begin, size = self.embedding()
        with open(self.weights, 'r+b') as file:
            file.seek(begin)
            file.write(bytes(size))
        self.assert_ended(run, 'changed while it was in use')

    def add_far_token(self):
        """An added token whose id has no row in the embedding."""
        path = os.path.join(self.model, 'tokenizer.json')
        with open(path, encoding='utf-8') as file:
            tokenizer = json.load(file)
        tokenizer['added_tokens'].append(dict(tokenizer['added_tokens'][-1], id=900000, content='<far>'))
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(tokenizer, file)

    def test_an_added_token_beyond_the_embedding_is_taken_by_every_command(self):
        self.add_far_token()
        for words in (('score', '--model', self.model, '--text', 'How do I bake bread?'),
                      ('trace', '--model', self.model, '--max-new-tokens', '4', 'How do I bake bread?'),
                      ('run', '--model', self.model, '--num-instances', '1', '--max-new-tokens', '4', '--quiet',
                       '--out', self.out)):
            result = call(*words)
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_its_own_id_in_a_text_is_refused_by_name(self):
        self.add_far_token()
        result = call('score', '--model', self.model, '--special', '--text', 'bread <far>')
        self.assertNotEqual(result.returncode, 0)
        self.assertIn('found 900000', result.stderr)


if __name__ == '__main__':
    unittest.main()
