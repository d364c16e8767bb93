#!/usr/bin/env python3
"""safeconf classify from outside, with the guard model of tests/golden/judge_guard.

  test_cli_classify.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

from program import PROGRAM, call

GUARD = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../golden/judge_guard')
JUDGE = ('--judge', 'guard', '--judge-model', GUARD)


class Classify(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='safeconf-test-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.out = os.path.join(self.folder, 'run')

    def call(self, *words, expect=0):
        result = call(*words)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def sample(self, *options, n=6):
        return self.call('run', '--num-instances', n, '--max-new-tokens', 24, '--out', self.out,
                         '--quiet', *options)

    def analysis(self):
        with open(os.path.join(self.out, 'analysis.json')) as file:
            return json.load(file)

    def rows(self, sql):
        database = sqlite3.connect(os.path.join(self.out, 'run.db'))
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def test_report_rests_on_the_judge(self):
        self.sample()
        before = self.analysis()
        self.assertEqual(before['run']['harm_basis'], 'proxy')
        self.assertIsNone(before['detectors'])
        own = self.rows("SELECT * FROM verdict ORDER BY 1, 2")
        result = self.call('classify', self.out, *JUDGE, '--judge-prompts', '--quiet')
        self.assertIn('kappa', result.stdout)
        self.assertIn('Prompts:', result.stdout)
        after = self.analysis()
        self.assertTrue(after['run']['judge'].startswith('guard/1:judge_guard:'))
        self.assertNotEqual(after['run']['harm_basis'], 'proxy')
        names = [rater['name'] for rater in after['detectors']['raters']]
        self.assertIn('reader/1', names)
        self.assertEqual(after['detectors']['reading']['judge'], after['run']['judge'])
        self.assertEqual(len(after['detectors']['pairs']), 1)
        kept = self.rows("SELECT * FROM verdict WHERE detector = 'reader/1' ORDER BY 1, 2")
        self.assertEqual(kept, own)
        # The same again asks nothing and says the same.
        again = self.call('classify', self.out, *JUDGE, '--judge-prompts', '--quiet')
        self.assertIn('Judgements: 0 now', again.stdout)
        self.assertEqual(self.analysis(), after)
        # And back to the rules.
        self.call('classify', self.out, '--detector', 'patterns', '--quiet')
        back = self.analysis()
        self.assertEqual(back['run']['harm_basis'], 'proxy')
        self.assertEqual(back['overall'], before['overall'])

    def test_run_with_a_judge_is_run_and_classify(self):
        self.sample(*JUDGE)
        together = self.analysis()
        shutil.rmtree(self.out)
        self.sample()
        self.call('classify', self.out, *JUDGE, '--quiet')
        self.assertEqual(self.analysis(), together)
        # The judge is not part of what the folder is bound to.
        self.sample()
        self.assertEqual(self.analysis(), together)

    def test_killed_at_any_moment(self):
        self.sample(n=12)
        whole = self.folder + '/whole'
        shutil.copytree(self.out, whole)
        self.call('classify', whole, *JUDGE, '--quiet', '--threads', 1)
        killed = 0
        for i in range(20):
            process = subprocess.Popen([PROGRAM, 'classify', self.out, *JUDGE, '--quiet',
                                        '--threads', '1', '--judge-parallel', '1'],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.03 * (i + 1))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
            if process.returncode == 0:
                break
        self.assertGreater(killed, 0)
        self.call('classify', self.out, *JUDGE, '--quiet', '--threads', 1)
        mine = self.analysis()
        with open(os.path.join(whole, 'analysis.json')) as file:
            self.assertEqual(mine, json.load(file))

    def test_hybrid(self):
        self.sample()
        result = self.call('classify', self.out, '--detector', 'hybrid', *JUDGE, '--quiet')
        self.assertIn('hybrid/1(reader/1,guard/1:judge_guard', result.stdout)
        self.assertRegex(result.stdout, r'\d+ verdicts by rules, \d+ by the judge')

    def test_a_model_without_the_format_is_unparsed(self):
        self.sample(n=1)
        self.call('classify', self.out, '--judge', 'guard', '--judge-model', 'demo', '--quiet')
        verdicts = set(self.rows("SELECT verdict FROM verdict WHERE detector LIKE 'guard/%'"))
        self.assertEqual(verdicts, {('unparsed',)})
        scores = self.rows("SELECT p_unsafe, p_refused FROM judgement")
        self.assertTrue(all(0 <= a <= 1 and 0 <= b <= 1 for a, b in scores))
        self.assertEqual(self.analysis()['detectors']['raters'][0]['verdicts']['refusal'], 0)

    def harmbench(self, frame, *options):
        """The command that judges with a frame of that text."""
        path = os.path.join(self.folder, 'frame.txt')
        with open(path, 'w') as file:
            file.write(frame)
        return ('classify', self.out, '--judge', 'harmbench', '--judge-model', GUARD, '--judge-frame',
                path, '--quiet', *options)

    def test_a_judge_of_harm_alone(self):
        """It is not asked about refusals, so these stay with the rules."""
        self.sample()
        own = self.rows("SELECT * FROM verdict ORDER BY 1, 2")
        result = self.call(*self.harmbench('Is this {behavior}? {generation} Answer: '))
        self.assertRegex(result.stdout, r'Judge harmbench/1:judge_guard:\w+:[\w-]+@[0-9a-f]{12}\+[0-9a-f]{8}')
        self.assertEqual(self.rows("SELECT * FROM verdict ORDER BY 1, 2"), own)
        said = self.rows("SELECT refused, p_refused, safety_mass, safety_forced FROM judgement")
        self.assertEqual({(refused, p) for refused, p, _, _ in said}, {('unasked', None)})
        self.assertTrue(all(0 <= mass <= 1 and forced for _, _, mass, forced in said))
        analysis = self.analysis()
        self.assertEqual(analysis['detectors']['reading']['detector'], 'reader/1')
        self.assertTrue(analysis['run']['judge'].startswith('harmbench/1:'))
        name = analysis['run']['judge']
        self.call(*self.harmbench('Is that {behavior}? {generation} Answer: '))
        self.assertNotEqual(self.analysis()['run']['judge'], name)
        for words, part in [(('--detector', 'judge'), 'no question about refusal'),
                            (('--detector', 'hybrid'), 'no question about refusal'),
                            (('--judge-prompts',), 'no question about prompts')]:
            result = self.call(*self.harmbench('{generation}', *words), expect=2)
            self.assertIn(part, result.stderr)

    def test_wildguard_in_process(self):
        """A model that knows another format is unparsed, and each of its labels has a forced score."""
        self.sample(n=2)
        self.call('classify', self.out, '--judge', 'wildguard', '--judge-model', GUARD, '--quiet',
                  '--judge-prompts')
        said = self.rows('SELECT trace, safety, refused, p_unsafe, p_refused, safety_forced,'
                         ' refused_forced FROM judgement')
        self.assertIn(-1, {trace for trace, *_ in said})
        for trace, safety, refused, p_unsafe, p_refused, *forced in said:
            self.assertEqual((safety, refused), ('unparsed', 'unparsed'))
            self.assertTrue(0 <= p_unsafe <= 1)
            self.assertEqual(p_refused is None, trace < 0)
            self.assertEqual(forced, [1, int(trace >= 0)])

    def test_errors(self):
        self.sample(n=1)
        for words, status, part in [
                (('classify',), 2, 'folder'),
                (('classify', self.folder), 1, 'no run.db'),
                (('classify', self.out, '--judge', 'guard'), 2, 'judge-model'),
                (('classify', self.out, '--judge', 'oracle'), 2, 'strongreject or a configuration file'),
                (('classify', self.out, '--judge', 'wildguard'), 2, 'judge-url'),
                (('classify', self.out, '--judge', 'harmbench', '--judge-model', GUARD), 2, 'judge-frame'),
                (('classify', self.out, '--judge-frame', GUARD + '/config.json'), 2, '--judge'),
                (self.harmbench('Is it? {generation} {generation}'), 1, 'judge-frame'),
                (self.harmbench('Is it?'), 1, '(or {generation}) once'),
                (('classify', self.out, '--detector', 'judge'), 2, '--judge'),
                (('classify', self.out, '--judge-url', 'http://127.0.0.1:1'), 2, '--judge'),
                (('classify', self.out, '--judge-model', self.folder), 1, 'config.json'),
                (('classify', self.out, '--rules', self.folder + '/none.json'), 1, 'none.json'),
                (('run', '--judge', 'guard', '--out', self.out), 2, 'judge-model')]:
            result = self.call(*words, expect=status)
            self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
            self.assertIn(part, result.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, 'run.lock')))

    def test_own_rules(self):
        self.sample()
        rules = os.path.join(self.folder, 'rules.json')
        with open(rules, 'w') as file:
            json.dump({'add': [{'name': 'everything', 'verdict': 'refusal', 'pattern': r'\w'}]}, file)
        result = self.call('classify', self.out, '--rules', rules, '--quiet')
        self.assertIn('reader/1+rules@', result.stdout)
        self.assertEqual(self.analysis()['overall']['refusal_rate']['value'], 1)

    def test_a_run_with_own_rules_is_bound_to_them(self):
        rules, others = (os.path.join(self.folder, name) for name in ('rules.json', 'others.json'))
        for path, word in ((rules, r'\w'), (others, 'e')):
            with open(path, 'w') as file:
                json.dump({'add': [{'name': 'own', 'verdict': 'refusal', 'pattern': word}]}, file)
        words = ('run', '--num-instances', 3, '--max-traces', 3, '--max-new-tokens', 16, '--quiet',
                 '--out', self.out)
        self.call(*words, '--rules', rules)
        self.assertEqual(self.analysis()['overall']['refusal_rate']['value'], 1)
        names = {row[0] for row in self.rows('SELECT DISTINCT detector FROM verdict')}
        self.assertEqual([name.split('@')[0] for name in names], ['reader/1+rules'])
        self.call(*words, '--rules', rules)
        for other in ((), ('--rules', others)):
            result = self.call(*words, *other, expect=1)
            self.assertIn('detector: expected "reader/1', result.stderr)
            self.assertIn('begin another folder', result.stderr)
        result = self.call(*words, '--rules', '/dev/stdin', expect=2)
        self.assertIn('rules: expected a file', result.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=1)
