#!/usr/bin/env python3
"""Policies from outside: deepconf alone and beside others, replay against live runs.

  test_policies.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import signal
import subprocess
import time
import unittest

import program
import row_keys
from program import PROGRAM, call

N = 12
SAME = ('--num-instances', N, '--max-new-tokens', 24, '--window', 6, '--temperature', 1.5, '--top-p', 1)


class Folder(program.Folder):
    def run_demo(self, out, *options, command='run'):
        return self.good(command, *SAME, '--out', self.path(out), '--quiet', *options)


    def replay(self, out, *options):
        return json.loads(self.good('replay', self.path(out), '--json', *options).stdout)


CUTS_LIVE = '''select instance, trace, text, answer, n_tokens, mean, lowest, verdict, rule from trace
join verdict using (instance, trace) where finish = 'cut' order by 1, 2'''
CUTS_BESIDE = '''select instance, trace, text, answer, n_tokens, mean, lowest, verdict, rule from cut
order by 1, 2'''
DECISIONS = 'select instance, n_traces, stop_reason, bar from decision where policy = %d order by 1'


class Deepconf(Folder):
    def test_alone_or_beside_others(self):
        self.run_demo('a', '--policy', 'deepconf', '--eta', 50)
        self.run_demo('b', '--policies', 'fixed:10,deepconf:3-10@50,adaptive', command='compare')
        self.assertEqual(self.rows('a', DECISIONS % 0), self.rows('b', DECISIONS % 1))
        cuts = self.rows('a', CUTS_LIVE)
        self.assertGreater(len(cuts), 3)
        self.assertEqual(cuts, self.rows('b', CUTS_BESIDE))
        self.assertEqual(self.rows('b', "select count(*) from trace where finish = 'cut'"), [(0,)])
        self.assertEqual(self.rows('a', 'select * from cut'), [])
        # what was not cut is the same trace
        whole = dict(((i, t), text) for i, t, text in self.rows('b', 'select instance, trace, text from trace'))
        for i, t, finish, text in self.rows('a', 'select instance, trace, finish, text from trace'):
            if finish == 'cut':
                self.assertTrue(whole[i, t].startswith(text.rstrip('\ufffd')))
            else:
                self.assertEqual(whole[i, t], text)

    def test_a_cut_is_a_fact_of_the_tokens(self):
        """The first full window below the bar, from the stored figures."""
        self.run_demo('a', '--policy', 'deepconf', '--eta', 50)
        bars = {i: bar for i, _, _, bar in self.rows('a', DECISIONS % 0)}
        n = 0
        for i, t, finish, blob in self.rows('a', 'select instance, trace, finish, confidence from trace join token '
                                                 'using (instance, trace)'):
            values = memoryview(blob).cast('f').tolist()
            below = [k for k in range(6, len(values) + 1) if sum(values[k - 6:k]) / 6 < bars[i]]
            if finish == 'cut':
                self.assertEqual(below, [len(values)])
                n += 1
            elif t >= 3:
                self.assertLessEqual(set(below), {len(values)})
        self.assertGreater(n, 0)

    def test_batches_and_kills_change_nothing(self):
        options = ('--policy', 'deepconf', '--eta', 50)
        self.run_demo('a', *options)
        self.run_demo('b', *options, '--no-batch')
        self.run_demo('c', *options, '--parallel', 3, '--threads', 1)
        words = [PROGRAM, 'run', *map(str, SAME), '--out', self.path('d'), '--quiet', *map(str, options)]
        for pause in (0.05, 0.1, 0.2):
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.run_demo('d', *options)
        with open(self.path('a', 'predictions.jsonl'), 'rb') as file:
            first = file.read()
        for other in 'bcd':
            with open(self.path(other, 'predictions.jsonl'), 'rb') as file:
                self.assertEqual(first, file.read(), other)

    def test_options_are_the_configuration(self):
        self.run_demo('a', '--policy', 'deepconf')
        for options in (['--eta', 10], ['--tau', 0.8], ['--window', 7]):
            others = [word for i in range(0, len(SAME), 2) if SAME[i] not in options for word in SAME[i:i + 2]]
            result = call('run', *others, '--out', self.path('a'), '--policy', 'deepconf', *options)
            self.assert_one_line(result, 1, 'another configuration')

    def test_wrong_options(self):
        for words in (['run', '--policy', 'deepconf', '--eta', 101], ['run', '--policy', 'deepconf', '--tau', 0],
                      ['compare', '--policies', 'deepconf@x'], ['compare', '--policies', 'deepconf:9-3']):
            with self.subTest(words=words):
                self.assert_one_line(call(*words), 2)


class Interval(Folder):
    def test_beside_others_and_what_is_said_of_it(self):
        self.run_demo('a', '--policy', 'interval', '--max-traces', 21, '--width', 0.5)
        self.run_demo('b', '--policies', 'single,fixed:21,interval:3-21@0.5', command='compare')
        self.assertEqual(self.rows('a', DECISIONS % 0), self.rows('b', DECISIONS % 2))
        self.assertEqual(self.rows('b', 'select json from configuration')[0][0].count('"width":0.5'), 1)
        reasons = [row[2] for row in self.rows('a', DECISIONS % 0)]
        self.assertIn('max_traces', reasons)
        self.assertTrue({'width', 'settled'} & set(reasons))
        for p in self.predictions('a'):
            interval = p['refusal_interval']
            self.assertEqual((interval['kind'], interval['n']), ('always-valid', len(p['refused'])))
            narrow = interval['high'] - interval['low'] < 0.5
            off = interval['low'] > 0.5 or interval['high'] < 0.5
            self.assertEqual(p['stop_reason'], 'width' if narrow else 'settled' if off else 'max_traces')
        with open(self.path('b', 'analysis.json'), encoding='utf-8') as file:
            policies = {p['name']: p for p in json.load(file)['policies']}
        mine = policies['interval']
        self.assertEqual(mine['stopped'], {k: reasons.count(k) for k in ('width', 'settled', 'max_traces')})
        self.assertIsNotNone(mine['token_savings_percent'])
        self.assertGreater(mine['mean_width'], 0.2)
        self.assertNotIn('stopped', policies['fixed'])
        self.assertIn('of 12 prompts leave one half out', self.read('b', 'report.html').decode())
        for name in ('single', 'interval'):
            difference = policies[name]['refusal_rate']['value'] - policies['fixed']['refusal_rate']['value']
            self.assertAlmostEqual(policies[name]['refusal_rate_difference']['value'], difference, 12)
        self.good('report', self.path('a'), '--csv', self.path('c'))
        with open(self.path('c', 'instances.csv'), encoding='utf-8') as file:
            self.assertTrue(next(file).endswith(',prompt,refusal_interval\n'))

    def test_kills_change_nothing_and_the_width_is_the_configuration(self):
        options = ('--policy', 'interval', '--max-traces', 30, '--width', 0.5)
        self.run_demo('a', *options)
        words = [PROGRAM, 'run', *map(str, SAME), '--out', self.path('b'), '--quiet', *map(str, options)]
        for pause in (0.05, 0.1, 0.2):
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.run_demo('b', *options)
        for name in ('predictions.jsonl', 'analysis.json'):
            with open(self.path('a', name), 'rb') as first, open(self.path('b', name), 'rb') as second:
                self.assertEqual(first.read(), second.read(), name)
        result = call('run', *SAME, '--out', self.path('a'), *options[:-1], 0.3)
        self.assert_one_line(result, 1, 'another configuration')

    def test_wrong_options(self):
        for words in (['run', '--policy', 'interval', '--width', 0], ['run', '--policy', 'interval', '--width', 1.5],
                      ['compare', '--policies', 'interval@x'], ['compare', '--policies', 'interval@1.5'],
                      ['compare', '--policies', 'interval:9-3']):
            with self.subTest(words=words):
                self.assert_one_line(call(*words), 2)


def share_out(verdicts, total, least, most):
    """Numbers of traces by prompt and phase, from lists of verdicts (True, False, None: not judged)."""
    n, now = len(verdicts), least * len(verdicts)
    total = min(total, n * most)
    ends = [now]
    while now < total:
        now = total if total < 3 * now else 2 * now
        ends.append(now)
    quarters = [max(1, (b - a) // (4 * n)) for a, b in zip(ends, ends[1:])]
    given = [[least] for _ in verdicts]
    for k, quarter in enumerate(quarters):
        seen = [[v for v in verdicts[i][:sum(given[i])] if v is not None] for i in range(n)]
        have = [sum(g) + quarter for g in given]
        room = most - sum(quarters[k + 1:])

        def gain(i):
            a, b = 1 + sum(seen[i]), 1 + len(seen[i]) - sum(seen[i])
            return (a * b / ((a + b) * (a + b + 1) * (have[i] * (have[i] + 1)))) if seen[i] else 0
        while sum(have) < ends[k + 1]:
            have[max((i for i in range(n) if have[i] < room), key=lambda i: (gain(i), -have[i], -i))] += 1
        for i in range(n):
            given[i].append(have[i] - sum(given[i]))
    return given, [b - a for a, b in zip([0] + ends, ends)]


class Budget(Folder):
    OPTIONS = ('--traces-total', 150, '--max-traces', 25)

    def test_traces_go_to_prompts_that_waver_and_the_rate_is_that_of_the_phases(self):
        self.run_demo('a', *self.OPTIONS)
        predictions = self.predictions('a')
        verdicts = [p['refused'] for p in predictions]
        given, phases = share_out(verdicts, 150, 3, 25)
        self.assertEqual([p['num_traces_used'] for p in predictions], [sum(g) for g in given])
        self.assertEqual(self.rows('a', 'select count(*) from trace'), [(150,)])
        self.assertGreater(len({sum(g) for g in given}), 3)
        self.assertGreater(len(phases), 2)
        for p, g, v in zip(predictions, given, verdicts):
            starts = [sum(g[:k]) for k in range(len(g))]
            rate = sum(w / 150 * sum(v[s:s + m]) / m for w, s, m in zip(phases, starts, g))
            self.assertAlmostEqual(p['refusal_rate_unbiased'], rate, 12)
            self.assertEqual(p['refusal_interval']['kind'], 'always-valid')
            self.assertEqual(p['stop_reason'], 'max_traces' if sum(g) == 25 else 'budget')
        policy = self.analysis('a')['policies'][0]
        mean = sum(p['refusal_rate_unbiased'] for p in predictions) / N
        self.assertAlmostEqual(policy['refusal_rate_unbiased']['value'], mean, 12)
        self.assertEqual((policy['kind'], policy['traces_total']), ('budget', 150))
        shown = self.good('report', self.path('a')).stdout
        self.assertIn('  unbiased      %.1f %%' % (100 * mean), shown)
        self.assertIn('refusal_rate_unbiased weighs phases', self.read('a', 'report.html').decode())

    def test_batches_and_kills_change_nothing(self):
        self.run_demo('a', *self.OPTIONS)
        self.run_demo('b', *self.OPTIONS, '--no-batch')
        self.run_demo('c', '--policy', 'budget', *self.OPTIONS, '--parallel', 3, '--threads', 1)
        words = [PROGRAM, 'run', *map(str, SAME), '--out', self.path('d'), '--quiet', *map(str, self.OPTIONS)]
        for pause in (0.05, 0.1, 0.2, 0.2):
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            process.wait()
        limited = call('run', *SAME, '--out', self.path('e'), '--quiet', *self.OPTIONS, '--max-requests', 70)
        self.assertEqual(limited.returncode, 130)
        for out in 'de':
            self.run_demo(out, *self.OPTIONS)
        for name in ('predictions.jsonl', 'analysis.json'):
            for out in 'bcde':
                self.assertEqual(self.read('a', name), self.read(out, name), (name, out))
        result = call('run', *SAME, '--out', self.path('a'), '--traces-total', 151, '--max-traces', 25)
        self.assert_one_line(result, 1, 'traces_total')

    def test_other_verdicts_than_those_that_decided_have_no_unbiased_rate(self):
        self.run_demo('a', *self.OPTIONS)
        row_keys.alter(self.path('a'), "update verdict set verdict = 'refusal' where trace < 2 and instance < 6")
        self.good('report', self.path('a'))
        policy = self.analysis('a')['policies'][0]
        self.assertIsNone(policy['refusal_rate_unbiased'])
        self.assertIn('not those by which', policy['refusal_rate_unbiased_reason'])
        self.assertEqual({p['refusal_rate_unbiased'] for p in self.predictions('a')}, {None})

    def test_a_replay_in_the_stored_order_is_the_live_run(self):
        self.run_demo('all', '--policy', 'fixed', '--max-traces', 20)
        rows = self.replay('all', '--orders', 2)['budget']['rows']
        self.assertEqual((rows[0]['traces_per_prompt'], rows[-1]['traces_per_prompt']), (5, 19))
        for row in rows[1::2]:
            out = 'total%d' % row['traces_total']
            self.run_demo(out, '--traces-total', row['traces_total'], '--max-traces', 20)
            counts = [p['num_traces_used'] for p in self.predictions(out)]
            policy = self.analysis(out)['policies'][0]
            stored = row['stored_order']
            self.assertEqual((sum(counts), min(counts), max(counts), policy['n_settled']),
                             (stored['n_traces'], stored['least'], stored['most'], stored['n_settled']))
            for name in ('refusal_rate', 'refusal_rate_unbiased'):
                self.assertAlmostEqual(stored[name], policy[name]['value'], 12)
        self.assertIn('--traces-total', self.good('replay', self.path('all'), '--orders', 2).stdout)
        self.assertIsNone(self.replay('all', '--orders', 2, '--max-traces', 5)['budget'])

    def test_what_does_not_go_together(self):
        for words, why in ((['run', '--traces-total', 100, '--policy', 'fixed'], 'traces-total'),
                           (['run', '--traces-total', 100, '--no-early-stopping'], 'no-early-stopping'),
                           (['run', '--policy', 'budget'], 'traces total'),
                           (['run', '--traces-total', 100, '--min-traces', 4, '--max-traces', 4], 'max traces'),
                           (['run', '--traces-total', 100, '--shard', '1/2'], 'shard'),
                           (['run', '--traces-total', 0], 'traces-total'),
                           (['compare', '--traces-total', 100], 'compare'),
                           (['compare', '--policies', 'fixed,budget'], 'no other policy'),
                           (['run', '--traces-total', 47, '--num-instances', N], 'at least 48'),
                           (['run', '--traces-total', 120, '--num-instances', N], 'less than 120')):
            with self.subTest(words=words):
                self.assert_one_line(call(*words, '--out', self.path('x')), 2, why)


class Replay(Folder):
    def test_stored_order_is_the_live_run(self):
        self.run_demo('all', '--policy', 'fixed', '--max-traces', 10)
        rows = {row['policy']: row['stored_order'] for row in self.replay('all', '--orders', 2)['rows']}
        for name, options in {'single': ['--policy', 'single'],
                              'fixed 5': ['--policy', 'fixed', '--max-traces', 5],
                              'adaptive mean 90 mean': ['--policy', 'adaptive'],
                              'adaptive mean 40 lowest': ['--percentile', 40, '--metric', 'lowest'],
                              'adaptive last 50 mean': ['--percentile', 50, '--adaptive-rule', 'last', '--batch-traces', 1],
                              'curtailed 0 by 3': ['--policy', 'curtailed'],
                              'curtailed 0.1 by 1': ['--policy', 'curtailed', '--risk', 0.1, '--batch-traces', 1],
                              'interval 0.2 by 3': ['--policy', 'interval'],
                              'interval 0.4 by 1': ['--policy', 'interval', '--width', 0.4, '--batch-traces', 1],
                              'deepconf eta 10': ['--policy', 'deepconf', '--eta', 10],
                              'deepconf eta 90': ['--policy', 'deepconf', '--eta', 90]}.items():
            with self.subTest(name=name):
                self.run_demo(name, *options)
                traces, tokens, cut = self.rows(name, "select count(*), sum(n_tokens), sum(finish = 'cut') from trace")[0]
                self.assertEqual((traces, tokens, cut),
                                 (rows[name]['n_traces'], rows[name]['n_tokens'], rows[name]['n_cut']))

    def test_output(self):
        self.run_demo('a', '--policy', 'fixed', '--max-traces', 10)
        result = self.good('replay', self.path('a'), '--orders', 5)
        for words in ('12 prompts with 10 traces', 'curtailed 0 by 3', 'adaptive last 90 mean', 'deepconf eta 90', 'proxy',
                      'Null:'):
            self.assertIn(words, result.stdout)
        self.assertNotIn('adaptive mean 90 tail', result.stdout)
        self.assertIn('adaptive mean 90 tail', self.good('replay', self.path('a'), '--orders', 5, '--all').stdout)
        with open(self.path('a', 'replay.json'), encoding='utf-8') as file:
            stored = json.load(file)
        self.assertEqual(stored, self.replay('a', '--orders', 5, '--threads', 1))
        self.assertNotEqual(stored, self.replay('a', '--orders', 5, '--seed', 1))
        for row in stored['rows']:
            self.assertEqual(set(row['traces']) - {'reason'}, {'value', 'low', 'high', 'n'})
            if row['kind'] in ('adaptive', 'deepconf'):
                self.assertIn('token_savings_percent', row['over_null'])
        certain = next(row for row in stored['rows'] if row['policy'] == 'curtailed 0 by 1')
        self.assertEqual(certain['verdict_changes']['value'], 0)
        self.assertIn('why', stored['recommendation'])

    def test_says_what_it_leaves_out(self):
        self.run_demo('a', '--policy', 'adaptive', '--percentile', 50)
        counts = [n for n, in self.rows('a', 'select count(*) from trace group by instance')]
        source = self.replay('a', '--orders', 2)['source']
        self.assertEqual(source['n_instances'], counts.count(max(counts)))
        self.assertEqual(source['n_instances_left_out'], N - source['n_instances'])
        self.assertIn('Left out', self.good('replay', self.path('a'), '--orders', 2).stdout)
        self.assertEqual(self.replay('a', '--orders', 2, '--max-traces', 3)['source']['n_instances'], N)

    def test_nothing_to_replay(self):
        self.run_demo('a', '--policy', 'single')
        self.assert_one_line(call('replay', self.path('a')), 2, '2 to 10000 traces')
        self.assert_one_line(call('replay', self.path('a'), '--max-traces', 7), 2, '7 whole traces')
        self.assert_one_line(call('replay', self.path('nowhere')), 1)
        self.assert_one_line(call('replay'), 2)
        self.assert_one_line(call('replay', self.path('a'), '--orders', 0), 2)


if __name__ == '__main__':
    unittest.main()
