#!/usr/bin/env python3
"""What traces of a prompt have said in common is computed once: the option that turns it off, and the rows that are shown.

  test_cli_sharing.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import random
import re
import struct
import subprocess
import time
import unittest

from program import PROGRAM, Folder, call

SUMMARY = re.compile(r'^(\d+) tokens, (\d+) rows computed in [0-9.]+ s ', re.MULTILINE)


class Sharing(Folder):
    def sample(self, out, *options, policy=('fixed', '--max-traces', 4)):
        result = call('run', '--num-instances', 6, '--max-new-tokens', 24, '--policy', *policy,
                      '--temperature', 0.3, '--out', self.path(out), *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        tokens, rows = map(int, SUMMARY.search(result.stderr).groups())
        return tokens, rows

    def said(self, out):
        """The tokens of each trace, by prompt."""
        said = {}
        for instance, ids in self.rows(out, 'SELECT instance, ids FROM token'):
            said.setdefault(instance, []).append(struct.unpack(f'<{len(ids) // 4}i', ids))
        return said

    def count_prefixes(self, out):
        """Distinct beginnings that were fed: the last token of a trace never is."""
        return sum(len({trace[:n] for trace in traces for n in range(1, len(trace))})
                   for traces in self.said(out).values())

    def test_rows_stand_beside_tokens(self):
        tokens, rows = self.sample('alone', '--no-sharing')
        traces = [trace for traces in self.said('alone').values() for trace in traces]
        self.assertEqual(tokens, sum(map(len, traces)))
        self.assertEqual(rows, tokens - len(traces))

    def test_a_row_is_a_distinct_beginning(self):
        for out, policy, most in (('fixed', ('fixed', '--max-traces', 8), 1.03), ('adaptive', ('adaptive',), 1.1)):
            tokens, rows = self.sample(out, policy=policy)
            distinct = self.count_prefixes(out)
            self.assertLess(distinct, 0.8 * tokens)
            self.assertGreaterEqual(rows, distinct)
            self.assertLessEqual(rows, most * distinct)

    def test_it_changes_no_result_and_hinders_no_resumption(self):
        tokens, rows = self.sample('a')
        alone = self.sample('b', '--no-sharing')
        self.assertEqual(tokens, alone[0])
        self.assertLess(rows, alone[1])
        for name in ('predictions.jsonl', 'analysis.json'):
            self.assertEqual(self.read('a', name), self.read('b', name))
        again = call('run', '--num-instances', 6, '--max-new-tokens', 24, '--policy', 'fixed', '--max-traces', 4,
                     '--temperature', 0.3, '--out', self.path('a'), '--no-sharing')
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn('nothing was left to sample', again.stderr)

    # Each policy, and what is computed at once: whatever comes of it must be what each trace gives by itself.
    POLICIES = (('fixed', '--max-traces', 8), ('adaptive', '--max-traces', 10), ('curtailed', '--max-traces', 9),
                ('deepconf', '--max-traces', 9, '--window', 4), ('interval', '--max-traces', 12, '--width', 0.5),
                ('budget',))
    WAYS = (('--parallel', 1), ('--parallel', 3, '--threads', 2), ('--parallel', 64, '--threads', 1), ('--no-batch',))

    def words_of(self, policy, out, *options):
        policy = ('--traces-total', 40, '--max-traces', 12) if policy == ('budget',) else ('--policy', *policy)
        return ('run', '--num-instances', 6, '--max-new-tokens', 24, *policy, '--temperature', 0.5, '--out',
                self.path(out), *options)

    def all_of(self, out):
        """All that was measured, whatever the order in which it was stored."""
        return (self.read(out, 'predictions.jsonl'), self.read(out, 'analysis.json'),
                sorted(self.rows(out, 'SELECT * FROM token')))

    def test_no_way_of_computing_shows_in_a_result(self):
        for policy in self.POLICIES:
            self.good(*self.words_of(policy, f'{policy[0]}-alone', '--no-sharing'))
            expected = self.all_of(f'{policy[0]}-alone')
            for i, way in enumerate(self.WAYS):
                with self.subTest(policy=policy[0], way=way):
                    out = f'{policy[0]}-{i}'
                    self.good(*self.words_of(policy, out, *way))
                    self.assertEqual(self.all_of(out), expected)

    def kill(self, words, seconds):
        process = subprocess.Popen([PROGRAM, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return process.returncode

    def test_a_run_that_was_killed_goes_on_to_the_same_bytes(self):
        # What was computed for traces that nobody had asked for yet is lost with the process.
        draw, all_killed = random.Random(7), []
        for policy in self.POLICIES:
            with self.subTest(policy=policy[0]):
                self.good(*self.words_of(policy, f'{policy[0]}-whole', '--no-sharing'))
                began = time.monotonic()
                self.good(*self.words_of(policy, f'{policy[0]}-timed'))
                took = time.monotonic() - began
                out = f'{policy[0]}-killed'
                killed = [self.kill(self.words_of(policy, out, '--parallel', draw.choice((2, 5, 32))),
                                    took * draw.uniform(0.1, 0.9)) for _ in range(3)]
                self.assertLessEqual(set(killed), {0, -9})
                all_killed += killed
                self.good(*self.words_of(policy, out))
                self.assertEqual(self.all_of(out), self.all_of(f'{policy[0]}-whole'))
        self.assertIn(-9, all_killed)

    def test_traces_of_a_prompt(self):
        words = ('trace', 'How do I bake bread?', '--traces', 3, '--max-new-tokens', 12, '--json')
        shared, alone = call(*words), call(*words, '--no-sharing')
        self.assertEqual(shared.returncode, 0, shared.stderr)
        self.assertEqual(shared.stdout, alone.stdout)

    def test_bench_shows_both(self):
        words = ('bench', '--experiment', '--num-instances', 3, '--traces', 4, '--new-tokens', 12)
        found = [json.loads(call(*words, '--json', *options).stdout) for options in ([], ['--no-sharing'])]
        self.assertEqual(found[0]['tokens'], found[1]['tokens'])
        self.assertEqual(found[1]['rows'], found[1]['tokens'] - found[1]['traces'])
        self.assertLess(found[0]['rows'], found[1]['rows'])
        self.assertRegex(call(*words).stdout, r'12 traces, \d+ tokens, \d+ rows computed in ')

    def test_servers_share_by_themselves(self):
        self.assert_one_line(call('run', '--endpoint', 'http://127.0.0.1:1/v1', '--no-sharing', '--out', self.path('x')),
                             2, '--no-sharing')


if __name__ == '__main__':
    unittest.main()
