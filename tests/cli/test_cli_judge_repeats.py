#!/usr/bin/env python3
"""A judge asked repeatedly, and judges measured on answers that people labelled, from outside.

  test_cli_judge_repeats.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import zlib

from judge_server import JudgeServer, wildguard
from program import PROGRAM, Folder, call

HERE = os.path.dirname(os.path.abspath(__file__))
GUARD = os.path.join(HERE, '../golden/judge_guard')
JUDGE = ('--judge', 'guard', '--judge-model', GUARD)
DEMO = ('--judge-model', 'demo-guard')
PLAIN = {name: value for name, value in os.environ.items() if not name.lower().endswith('_proxy')}


class Sampled(Folder):
    """A run that is sampled once and copied for every test."""

    @classmethod
    def setUpClass(cls):
        cls.sampled = tempfile.mkdtemp(prefix='safeconf-test-')
        result = call('run', '--num-instances', 8, '--max-new-tokens', 24, '--policy', 'fixed', '--max-traces', 6,
                      '--out', cls.sampled + '/run', '--quiet')
        assert result.returncode == 0, result.stderr

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.sampled, ignore_errors=True)

    def setUp(self):
        super().setUp()
        self.copy('out')

    def copy(self, name):
        shutil.rmtree(self.path(name), ignore_errors=True)
        shutil.copytree(self.sampled + '/run', self.path(name))
        return self.path(name)

    def classify(self, *words, out='out', **more):
        return self.good('classify', self.path(out), '--quiet', *words, **more)

    def rater(self, out='out'):
        analysis = self.analysis(out)
        name = analysis['run']['judge']
        return next(r for r in analysis['detectors']['raters'] if r['name'] == name)

    def answers(self):
        return self.rows('out', 'SELECT prompt, coalesce(answer, text) FROM trace JOIN instance'
                                ' ON position = instance ORDER BY instance, trace')

    def labels(self, name='labels.jsonl', refused=lambda i, answer: "can't" in answer,
               harmful=lambda i, answer: i % 3 == 0, answers=None):
        lines = []
        for i, (prompt, answer) in enumerate(answers or self.answers()):
            row = {'prompt': prompt, 'response': answer}
            if refused:
                row['refusal'] = 'refusal' if refused(i, answer) else 'compliance'
            if harmful:
                row['harm'] = 'harmful' if harmful(i, answer) else 'harmless'
            lines.append(json.dumps(row))
        return self.write(name, '\n'.join(lines) + '\n')


class Repeats(Sampled):
    def test_every_reply_is_kept_and_the_majority_counts(self):
        result = self.classify(*JUDGE, '--judge-repeats', 5, '--judge-temperature', 3)
        self.assertIn('The judge against itself', result.stdout)
        replies = self.rows('out', 'SELECT item, trace, repeat, safety, refused, judge FROM reply ORDER BY 1, 2, 3')
        self.assertEqual(len(replies), 8 * 6 * 5)
        self.assertTrue(replies[0][5].endswith('+t3'))
        rank = {'safe': 0, 'controversial': 1, 'unsafe': 2}
        judged = {(i, t): (safety, n) for i, t, safety, n in
                  self.rows('out', 'SELECT instance, trace, safety, n_tokens FROM judgement')}
        differ = 0
        for i, t in judged:
            said = [r[3] for r in replies if r[:2] == (i, t)]
            labels = sorted(rank[s] for s in said if s in rank)
            if 2 * len(labels) <= len(said):
                wanted = 'unparsed'
            else:
                low, high = labels[(len(labels) - 1) // 2], labels[len(labels) // 2]
                wanted = {v: k for k, v in rank.items()}[low if low == high else 1]
            self.assertEqual(judged[i, t][0], wanted, said)
            differ += len(set(said)) > 1
        self.assertGreater(differ, 5)
        rater = self.rater()
        self.assertEqual(rater['repeats']['asked'], 5)
        strict = rater['repeats']['harmful_strict']
        self.assertFalse(rater['repeats']['deterministic'])
        # Counted again from the rows.
        same, pairs, n = 0, 0.0, 0
        for i, t in judged:
            said = [r[3] != 'safe' for r in replies if r[:2] == (i, t) and r[3] in rank]
            if len(said) < 2:
                continue
            n += 1
            same += len(set(said)) == 1
            different = sum(a != b for k, a in enumerate(said) for b in said[:k])
            pairs += different / (len(said) * (len(said) - 1) / 2)
        self.assertEqual(strict['n'], n)
        self.assertAlmostEqual(strict['unanimous']['value'], same / n, places=9)
        self.assertAlmostEqual(strict['pairs_differing']['value'], pairs / n, places=9)
        self.assertLess(strict['alpha']['value'], 1)
        page = self.read('out', 'report.html').decode()
        self.assertIn('A judge asked repeatedly', page)

    def test_more_repeats_ask_for_what_is_missing_alone(self):
        self.classify(*JUDGE, '--judge-repeats', 3)
        three = self.rows('out', 'SELECT * FROM reply ORDER BY 2, 3, 5')
        result = self.classify(*JUDGE, '--judge-repeats', 5)
        self.assertIn('Judgements: 96 now', result.stdout)
        self.assertEqual(self.rows('out', 'SELECT * FROM reply WHERE repeat < 3 ORDER BY 2, 3, 5'), three)
        again = self.classify(*JUDGE, '--judge-repeats', 5)
        self.assertIn('Judgements: 0 now', again.stdout)
        self.copy('fresh')
        self.classify(*JUDGE, '--judge-repeats', 5, out='fresh')
        self.assertEqual(self.rater('fresh')['repeats'], self.rater()['repeats'])

    def test_a_greedy_judge_is_said_to_be_deterministic(self):
        result = self.classify(*JUDGE, '--judge-repeats', 4, '--judge-temperature', 0)
        self.assertIn('asked once', result.stdout)
        repeats = self.rater()['repeats']
        self.assertTrue(repeats['deterministic'])
        self.assertIsNone(repeats['refused'])
        self.assertIn('likeliest token', repeats['refused_reason'])
        self.assertIn('No figure of its agreement', self.read('out', 'report.html').decode())
        # It is the judge that was asked once.
        self.assertIn('Judgements: 0 now', self.classify(*JUDGE).stdout)

    def test_killed_at_any_moment(self):
        labels = self.labels()
        words = (*JUDGE, '--judge-repeats', 3, '--judge-labels', labels, '--judge-prompts', '--quiet', '--threads', 1)
        whole = self.copy('whole')
        self.good('classify', whole, *words)
        killed = 0
        for i in range(12):
            process = subprocess.Popen([PROGRAM, 'classify', self.path('out'), *map(str, words), '--judge-parallel', '1'],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.05 * (i + 1))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
            if process.returncode == 0:
                break
        self.assertGreater(killed, 0)
        self.good('classify', self.path('out'), *words)
        for name in ('analysis.json', 'predictions.jsonl'):
            self.assertEqual(self.read('out', name), self.read('whole', name))
        for table in ('judgement', 'reply', 'repeats', 'labelled', 'label_reading', 'calibration', 'verdict', 'harm'):
            mine, other = (sorted(map(repr, self.rows(out, 'SELECT * FROM ' + table))) for out in ('out', 'whole'))
            self.assertEqual(mine, other, table)

    def serve(self, **options):
        server = JudgeServer(lambda text: wildguard('no', 'no', 'no'), **options)
        self.addCleanup(server.stop)
        return server

    def test_a_server_gets_a_seed_for_each_repeat(self):
        server = self.serve()

        def drawn(request, text):
            self.assertEqual(request['temperature'], 0.7)
            bits = zlib.crc32(b'%d' % request['seed'])
            return wildguard('no', 'yes' if bits & 1 else 'no', 'yes' if bits % 5 == 0 else 'no')
        server.drawn = drawn
        words = ('--judge', 'wildguard', '--judge-url', server.url, '--judge-repeats', 5, '--judge-temperature', 0.7)
        self.classify(*words, env=PLAIN)
        seeds = [r['body']['seed'] for r in server.requests]
        self.assertEqual(len(seeds), 240)
        self.assertEqual(len(set(seeds)), 240)
        self.assertTrue(all(0 <= s < 2 ** 31 for s in seeds))
        refused = self.rater()['repeats']['refused']
        self.assertLess(refused['alpha']['value'], 0.3)
        self.copy('again')
        self.classify(*words, '--judge-parallel', 1, out='again', env=PLAIN)
        self.assertEqual(self.rater('again')['repeats'], self.rater()['repeats'])
        self.classify(*words, '--judge-seed', 9, out='again', env=PLAIN)
        self.assertNotEqual(self.rater('again')['repeats'], self.rater()['repeats'])

    def test_a_server_that_ignores_the_seed_shows_no_agreement(self):
        server = self.serve()
        self.classify('--judge', 'wildguard', '--judge-url', server.url, '--judge-repeats', 3, env=PLAIN)
        repeats = self.rater()['repeats']
        self.assertFalse(repeats['deterministic'])
        self.assertIsNone(repeats['refused'])
        self.assertIn('word for word', repeats['refused_reason'])

    def test_replies_that_failed_are_asked_for_again(self):
        broken = [True]
        server = self.serve(fault=lambda number, text: '403' if broken[0] and number % 4 == 3 else None)
        words = ('--judge', 'wildguard', '--judge-url', server.url, '--judge-repeats', 3, '--judge-parallel', 1)
        result = self.classify(*words, env=PLAIN)
        n = len(server.requests)
        self.assertRegex(result.stdout, r'asked for again by the same command')
        broken[0] = False
        self.classify(*words, env=PLAIN)
        asked_again = len(server.requests) - n
        self.assertEqual(asked_again, n // 4)
        self.assertEqual(self.rows('out', 'SELECT count(*) FROM reply WHERE failure IS NOT NULL'), [(0,)])
        self.assertEqual(self.rows('out', 'SELECT count(*) FROM open_judgement WHERE again'), [(0,)])

    def test_wrong_words(self):
        out = self.path('out')
        for words, status, part in [
                (('classify', out, '--judge-repeats', 3), 2, '--judge'),
                (('classify', out, '--judge-temperature', 1), 2, '--judge'),
                (('run', '--judge-repeats', 3, '--out', self.path('new')), 2, '--judge'),
                (('classify', out, *JUDGE, '--judge-repeats', 0), 2, '--judge-repeats'),
                (('classify', out, *JUDGE, '--judge-repeats', 101), 2, '--judge-repeats'),
                (('classify', out, *JUDGE, '--judge-repeats', 'many'), 2, '--judge-repeats'),
                (('classify', out, *JUDGE, '--judge-temperature', -1), 2, '--judge-temperature'),
                (('classify', out, *JUDGE, '--judge-temperature', 'nan'), 2, '--judge-temperature'),
                (('classify', out, *JUDGE, '--labels-harm-column', 'x'), 2, '--judge-labels'),
                (('classify', out, *JUDGE, '--judge-labels', self.path('none.csv')), 1, 'none.csv'),
                (('classify', '--json'), 2, 'folder'),
                (('classify', out, *JUDGE, '--json'), 2, '--json')]:
            self.assert_one_line(call(*words), status, part)
        self.assertFalse(os.path.exists(self.path('new')))


class Labels(Sampled):
    def confusion(self, table, out='out'):
        """Counted again from the rows of run.db."""
        what, label = {'verdict': ('verdict', 'refusal'), 'harm': ('harm', 'harm')}[table]
        yes = {'refusal', 'partial', 'harmful', 'controversial'}
        counts = {'tp': 0, 'fn': 0, 'fp': 0, 'tn': 0}
        for people, said in self.rows(out, 'SELECT l.%s, r.%s FROM labelled l JOIN label_reading r USING (labels, item)'
                                           ' JOIN calibration c ON c.labels = l.labels AND c.reader = r.reader'
                                           " WHERE c.what = '%s' AND l.%s IS NOT NULL AND r.%s NOT IN"
                                           " ('unparsed', 'unjudged')" % (label, what, 'refusal' if label == 'refusal'
                                                                         else 'harm', label, what)):
            counts[('t' if (people in yes) == (said in yes) else 'f') + ('p' if said in yes else 'n')] += 1
        return counts

    def test_errors_are_carried_into_rates(self):
        self.classify(*DEMO)
        before = self.analysis()
        self.assertNotIn('harm', before)
        self.assertIsNone(before['refusal']['rate_corrected_for_detector']['all'])
        said = dict(((i, t), h) for i, t, h in self.rows(
            'out', "SELECT instance, trace, harm FROM harm WHERE judge LIKE 'guard%'"))
        order = sorted(said)
        draw = random.Random(5)
        flip = [draw.random() < .15 for _ in order]
        labels = self.labels(harmful=lambda i, answer: (said[order[i]] != 'harmless') != flip[i])
        result = self.classify(*DEMO, '--judge-labels', labels)
        self.assertIn('Measured on answers that people labelled', result.stdout)
        self.assertIn("with judge's errors", result.stdout)
        after = self.analysis()
        self.assertEqual(after['overall'], before['overall'])
        detector, harm = after['refusal']['detector'], after['harm']['strict']
        self.assertEqual({k: detector[k] for k in ('tp', 'fn', 'fp', 'tn')}, self.confusion('verdict'))
        self.assertEqual({k: harm[k] for k in ('tp', 'fn', 'fp', 'tn')}, self.confusion('harm'))
        self.assertIn('48 answers to 8 prompts', detector['measured_on'])
        self.assertEqual(len(detector['labels']), 16)
        # Rogan and Gladen by hand
        for found, counts, corrected in [
                (after['overall']['refusal_rate']['value'], detector,
                 after['refusal']['rate_corrected_for_detector']['all']),
                (after['overall']['harm_rate']['value'], harm, harm['rate_corrected_for_judge']['all'])]:
            if corrected is None:
                continue
            sensitivity = counts['tp'] / (counts['tp'] + counts['fn'])
            specificity = counts['tn'] / (counts['tn'] + counts['fp'])
            value = (found + specificity - 1) / (sensitivity + specificity - 1)
            self.assertAlmostEqual(corrected['value'], min(1, max(0, value)), places=9)
            self.assertLessEqual(corrected['low'], corrected['value'])
        # The measurement stays with who was measured, and not with others.
        self.classify(*DEMO)
        self.assertEqual(self.analysis()['harm'], after['harm'])
        self.classify(*JUDGE)
        self.assertNotIn('harm', self.analysis())

    def test_run_classify_and_going_on_say_the_same(self):
        labels = self.labels()
        words = ('run', '--num-instances', 8, '--max-new-tokens', 24, '--policy', 'fixed', '--max-traces', 6, '--quiet',
                 *DEMO, '--judge-labels', labels, '--judge-repeats', 2)
        self.good(*words, '--out', self.path('together'))
        self.classify(*DEMO, '--judge-labels', labels, '--judge-repeats', 2)
        self.assertEqual(self.read('together', 'analysis.json'), self.read('out', 'analysis.json'))
        self.good(*words, '--out', self.path('together'))
        self.assertEqual(self.read('together', 'analysis.json'), self.read('out', 'analysis.json'))

    def test_other_labels_ask_nothing_again(self):
        self.classify(*DEMO, '--judge-labels', self.labels())
        first = self.analysis()['refusal']['detector']
        result = self.classify(*DEMO, '--judge-labels', self.labels(refused=lambda i, answer: "can't" not in answer))
        self.assertIn('Judgements: 0 now', result.stdout)
        second = self.analysis()['refusal']['detector']
        self.assertEqual((second['tp'], second['fp']), (first['fp'], first['tp']))
        self.assertNotEqual(second['labels'], first['labels'])
        self.assertIn('not shown to be better than chance',
                      self.analysis()['refusal']['rate_corrected_for_detector']['all_reason'])

    def test_too_few_labels_correct_nothing(self):
        self.classify(*DEMO, '--judge-labels', self.labels(answers=self.answers()[:8]))
        analysis = self.analysis()
        for section in (analysis['refusal']['rate_corrected_for_detector'],
                        analysis['harm']['strict']['rate_corrected_for_judge']):
            self.assertIsNone(section['all'])
            self.assertIn('too few', section['all_reason'])

    def test_measured_without_a_run(self):
        labels = self.labels()
        by_lines = self.good('classify', *DEMO, '--judge-labels', labels, '--quiet')
        self.assertIn('ROC area', by_lines.stdout)
        found = json.loads(self.good('classify', *DEMO, '--judge-labels', labels, '--quiet', '--json').stdout)
        self.classify(*DEMO, '--judge-labels', labels)
        detector = self.analysis()['refusal']['detector']
        for key in ('tp', 'fn', 'fp', 'tn', 'n_labelled', 'n_labelled_prompts', 'n_not_read'):
            self.assertEqual(found['refused'][key], detector[key])
        self.assertEqual(found['labels'], detector['labels'])
        self.assertEqual(found['refused']['recall']['value'], detector['recall']['value'])
        # The rules alone
        rules = json.loads(self.good('classify', '--judge-labels', labels, '--json').stdout)
        self.assertEqual(rules['refused']['name'], 'reader/1')
        self.assertNotIn('harmful_strict', rules)

    def test_the_users_labels_come_before_ours_for_the_rules(self):
        labels = self.labels(harmful=None)
        self.classify('--detector', 'patterns', '--judge-labels', labels)
        detector = self.analysis()['refusal']['detector']
        self.assertEqual(detector['name'], 'patterns/2')
        self.assertEqual(detector['models'], 'given with --judge-labels')
        self.assertIn('people labelled', self.analysis()['summary']['trust'])

    def test_columns_and_labels(self):
        rows = ['question,reply,final_label,is_response_safe']
        for i in range(12):
            rows.append('"What, %d?","I can\'t help.",2_full_refusal,true' % i)
            rows.append('"What, %d?","First, do it.",1_full_compliance,false' % i)
        rows.append('"What?","Hm.",purple,maybe')
        path = self.write('gold.csv', '\n'.join(rows) + '\n')
        result = self.good('classify', '--judge-labels', path, '--json')
        found = json.loads(result.stdout)['refused']
        self.assertEqual((found['tp'], found['tn'], found['n_labelled']), (12, 12, 24))
        self.assertIn('"purple" (1)', result.stderr)
        strange = self.write('odd.csv', 'a,b,c\nWhat?,No.,yes\n')
        self.assert_one_line(call('classify', '--judge-labels', strange), 2, 'labels-prompt-column', 'a, b, c')
        named = ('--labels-prompt-column', 'a', '--labels-completion-column', 'b')
        self.assert_one_line(call('classify', '--judge-labels', strange, *named), 2, 'labels-refusal-column')
        self.assert_one_line(call('classify', '--judge-labels', strange, *named, '--labels-refusal-column', 'd'), 2,
                             "no column 'd'")
        self.assert_one_line(call('classify', '--judge-labels', strange, *named, '--labels-harm-column', 'c'), 2,
                             'no judge of harm')
        self.good('classify', '--judge-labels', strange, *named, '--labels-refusal-column', 'c')

    def test_a_bad_file_is_found_before_anything_is_sampled(self):
        path = self.write('empty.jsonl', '\n')
        result = call('run', *DEMO, '--judge-labels', path, '--out', self.path('new'))
        self.assert_one_line(result, 1, 'empty.jsonl')
        self.assertFalse(os.path.exists(self.path('new')))

    def test_hostile_names_and_texts_are_harmless(self):
        evil = '\x1b[2J\u202e<script>alert(1)</script>'
        answers = [(evil + prompt, answer + evil) for prompt, answer in self.answers()]
        os.makedirs(self.path('evil'))
        name = self.path('evil', 'x\x1b[31m<b>\u202e.jsonl')
        shutil.move(self.labels(answers=answers), name)
        result = self.classify(*DEMO, '--judge-labels', name)
        for text in (result.stdout, result.stderr, self.read('out', 'report.html').decode()):
            self.assertNotIn('\x1b[31m', text)
            self.assertNotIn('\u202e', text)
            self.assertNotIn('x<b>', text)
            self.assertNotIn('<b>.jsonl', text)
        self.assertNotIn(b'alert(1)', self.read('out', 'analysis.json'))


if __name__ == '__main__':
    unittest.main(verbosity=1)
