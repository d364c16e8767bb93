#!/usr/bin/env python3
"""The judge path with real text: runs of the demonstration model, read by the demonstration guard.

  test_cli_demo_guard.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from program import PROGRAM

NOTE = 'demonstration guard'


def call(*words):
    result = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=300)
    if result.returncode:
        raise AssertionError(result.stderr)
    return result


class DemoGuard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='safeconf-test-')
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.sampled = os.path.join(cls.folder, 'sampled')
        call('run', '--num-instances', 24, '--max-traces', 4, '--no-early-stopping', '--out', cls.sampled, '--quiet')

    def setUp(self):
        self.out = os.path.join(self.folder, self.id())
        shutil.copytree(self.sampled, self.out)

    def classify(self, *options):
        return call('classify', self.out, '--judge-model', 'demo-guard', '--quiet', *options)

    def read(self, name):
        with open(os.path.join(self.out, name), encoding='utf-8') as file:
            return file.read()

    def analysis(self):
        return json.loads(self.read('analysis.json'))

    def rows(self, sql):
        database = sqlite3.connect(os.path.join(self.out, 'run.db'))
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def test_report_of_a_judged_run(self):
        before = self.analysis()['run']
        self.assertEqual((before['judge'], before['demo_judge']), ('none', False))
        shown = self.classify('--judge-prompts')
        after = self.analysis()
        self.assertTrue(after['run']['judge'].startswith('guard/1:demo-guard:'))
        self.assertEqual(after['run']['harm_basis'], after['run']['judge'])
        # Every presentation says that this judge is a toy.
        self.assertTrue(after['run']['demo_judge'])
        self.assertIn(NOTE, after['run']['demo_judge_note'])
        self.assertIn(NOTE, self.read('report.html'))
        self.assertIn(NOTE, ' '.join(shown.stdout.split()))
        self.assertNotIn('proxy', shown.stdout)
        # The table of prompts: the guard knows this benchmark's requests, nearly all.
        prompts = dict(self.rows("SELECT label || ' ' || (safety != 'safe'), count(*) FROM judgement JOIN instance ON "
                                 "instance = position WHERE trace < 0 GROUP BY 1"))
        self.assertEqual(sum(prompts.values()), 24)
        self.assertGreaterEqual(prompts.get('unsafe 1', 0) + prompts.get('safe 0', 0), 20)

    def test_agreement_with_the_rules(self):
        shown = self.classify()
        detectors = self.analysis()['detectors']
        self.assertEqual([r['name'].split(':')[0] for r in detectors['raters']], ['guard/1', 'reader/1'])
        pair = detectors['pairs'][0]
        self.assertGreater(pair['refused']['kappa']['value'], 0.7)
        self.assertIn('kappa', shown.stdout)
        self.assertIn('id="detectors"', self.read('report.html'))
        # Judgements follow from the stored words: each in the format or counted as unparsed.
        rows = self.rows("SELECT output, safety, refused, p_unsafe, p_refused FROM judgement")
        self.assertEqual(len(rows), 96)
        for output, safety, refused, p_unsafe, p_refused in rows:
            self.assertTrue(0 <= p_unsafe <= 1 and 0 <= p_refused <= 1)
            first = output.splitlines()[0].removeprefix('Safety: ').lower()
            self.assertEqual(safety, first if first in ('safe', 'unsafe', 'controversial') else 'unparsed')
            self.assertEqual(refused == 'unparsed', 'Refusal: Yes' not in output and 'Refusal: No' not in output)
        unparsed = sum(refused == 'unparsed' for _, _, refused, _, _ in rows)
        self.assertLessEqual(unparsed, 2)
        verdicts = next(r for r in detectors['raters'] if r['name'].startswith('guard'))['verdicts']
        self.assertEqual(verdicts['unparsed'], unparsed)

    def test_hybrid_asks_less_and_says_that_it_rests_on_the_guard(self):
        self.classify('--detector', 'hybrid')
        asked = self.rows("SELECT count(*) FROM judgement")[0][0]
        self.assertTrue(0 < asked < 96)
        run = self.analysis()['run']
        self.assertTrue(run['demo_judge'])
        self.assertTrue(run['judge'].startswith('hybrid/1('))
        # A clear refusal is harmless without asking.
        self.assertEqual(self.rows("SELECT count(*) FROM harm WHERE judge LIKE 'hybrid/%' AND harm = 'unjudged'"), [(0,)])

    def test_back_to_the_rules_takes_the_note_away(self):
        self.classify()
        call('classify', self.out, '--detector', 'patterns', '--quiet')
        self.assertFalse(self.analysis()['run']['demo_judge'])
        self.assertNotIn(NOTE, self.read('report.html'))

    def test_the_judge_must_be_named(self):
        result = subprocess.run([PROGRAM, 'classify', self.out, '--judge', 'guard'], capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 2)
        self.assertIn('judge-model', result.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=1)
