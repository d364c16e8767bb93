#!/usr/bin/env python3
"""Options of sampling from outside: the repetition penalty.

  test_cli_sampling.py PATH_TO_SAFECONF      Python's standard library only.
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


def call(*words, timeout=300):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=timeout)


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

    def good(self, *words):
        result = call(*words)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def assert_one_line(self, result, status, *parts):
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)

    def run_demo(self, out, *options):
        return self.good('run', '--num-instances', 4, '--policy', 'fixed', '--max-traces', 3, '--max-new-tokens', 24,
                         '--out', self.path(out), '--quiet', *options)

    def config(self, out):
        db = sqlite3.connect(f'file:{self.path(out, "run.db")}?mode=ro', uri=True)
        self.addCleanup(db.close)
        return json.loads(db.execute('select json from configuration').fetchone()[0])

    def model(self, **generation):
        """A copy of the demonstration model whose makers advise this besides."""
        folder = shutil.copytree(demo_folder(), self.path('model'))
        name = os.path.join(folder, 'generation_config.json')
        with open(name, encoding='utf-8') as file:
            advice = json.load(file)
        with open(name, 'w', encoding='utf-8') as file:
            json.dump(dict(advice, **generation), file)
        return folder


def demo_folder():
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../models/demo')


class RepetitionPenalty(Folder):
    def test_a_penalty_is_part_of_the_configuration_only_where_it_is_one(self):
        self.run_demo('plain')
        self.run_demo('one', '--repetition-penalty', 1)
        self.run_demo('some', '--repetition-penalty', 1.3)
        self.assertNotIn('repetition_penalty', self.config('plain')['sampling'])
        self.assertEqual(self.config('one'), self.config('plain'))
        self.assertEqual(self.config('some')['sampling']['repetition_penalty'], 1.3)
        self.assertEqual(self.read('one', 'predictions.jsonl'), self.read('plain', 'predictions.jsonl'))
        self.assertNotEqual(self.read('some', 'predictions.jsonl'), self.read('plain', 'predictions.jsonl'))
        self.assert_one_line(call('run', '--num-instances', 4, '--policy', 'fixed', '--max-traces', 3, '--max-new-tokens', 24,
                                  '--out', self.path('some'), '--quiet'), 1, 'repetition_penalty')

    def test_the_models_own_penalty_is_taken_and_can_be_turned_off(self):
        folder = self.model(repetition_penalty=1.3)
        self.run_demo('asked', '--repetition-penalty', 1.3)
        self.run_demo('own', '--model', folder)
        self.run_demo('off', '--model', folder, '--repetition-penalty', 1)
        self.run_demo('plain')
        texts = {out: [json.loads(line)['traces'] for line in self.read(out, 'predictions.jsonl').splitlines()]
                 for out in ('asked', 'own', 'off', 'plain')}
        self.assertEqual(texts['own'], texts['asked'])
        self.assertEqual(texts['off'], texts['plain'])
        self.assertNotEqual(texts['own'], texts['plain'])

    def test_width_and_threads_change_nothing(self):
        self.run_demo('a', '--repetition-penalty', 1.2, '--no-batch', '--threads', 1)
        self.run_demo('b', '--repetition-penalty', 1.2, '--parallel', 7, '--threads', 3)
        self.assertEqual(self.read('a', 'predictions.jsonl'), self.read('b', 'predictions.jsonl'))

    def test_trace_draws_by_it_and_measures_without_it(self):
        words = ('trace', 'How do I pick a lock?', '--traces', 1, '--max-new-tokens', 40, '--temperature', 0, '--json')
        plain = json.loads(self.good(*words).stdout)
        penalised = json.loads(self.good(*words, '--repetition-penalty', 100).stdout)
        ids = [token['id'] for token in penalised['tokens']]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertNotEqual(ids, [token['id'] for token in plain['tokens']])
        same = [token['id'] for token in plain['tokens']][0]
        if ids[0] == same:
            self.assertEqual(plain['tokens'][0]['confidence'], penalised['tokens'][0]['confidence'])

    def test_values_that_are_no_penalty_are_refused(self):
        for value in ('0', '-1', 'nan', 'inf', '1e9', 'x', '', '0.001'):
            for command in (['run'], ['compare'], ['trace', 'Hello']):
                with self.subTest(value=value, command=command):
                    self.assert_one_line(call(*command, '--repetition-penalty', value), 2, 'repetition-penalty')
        folder = self.model(repetition_penalty=0)
        self.assert_one_line(call('run', '--model', folder, '--quiet', '--out', self.path('a')), 1, 'repetition_penalty',
                             'generation_config.json')


if __name__ == '__main__':
    unittest.main(verbosity=1)
