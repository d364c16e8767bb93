#!/usr/bin/env python3
"""What a run from a server is bound to, keeps and shows: identity, names of confidences, ends, reasoning, limits.

  test_cli_server_runs.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import unittest

import report_page
from model_server import ModelServer
from program import Folder, call

FEW = 'of 5 processed log-probabilities'


class ServerRuns(Folder):
    def setUp(self):
        super().setUp()
        self.server = ModelServer()
        self.addCleanup(self.server.__exit__, None, None, None)
        self.server.__enter__()

    def sample(self, out, *options, manners=(), n=6):
        return call('run', '--endpoint', self.server.url(*manners), '--num-instances', n, '--policy', 'fixed',
                    '--max-traces', 3, '--max-new-tokens', 12, '--out', self.path(out), *options)

    def config(self, out):
        return json.loads(self.rows(out, 'SELECT json FROM configuration')[0][0])

    def test_a_confidence_of_fewer_processed_log_probabilities_is_named_so_everywhere(self):
        result = self.sample('out', manners=('processed', 'few'))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertGreaterEqual(result.stdout.count(FEW), 3)
        analysis = self.analysis()
        self.assertEqual((analysis['run']['source']['logprobs'], analysis['run']['source']['top_k']), ('processed', 5))
        for part in ('run', 'overall', 'uncertain_compliance', 'hypothesis_test'):
            self.assertEqual(analysis[part]['confidence_basis'], FEW)
        self.assertGreaterEqual(self.read('out', 'report.html').decode().count(FEW), 10)
        self.good('report', self.path('out'), '--csv', self.path('csv'))
        for name in ('instances.csv', 'traces.csv'):
            self.assertIn(FEW, self.read('csv', name).decode())
        self.assertIn('processed', self.good('replay', self.path('out'), '--orders', 2).stdout)

    def test_two_kinds_are_not_subtracted(self):
        self.assertEqual(self.sample('raw').returncode, 0)
        self.assertEqual(self.sample('processed', manners=('processed',)).returncode, 0)
        shown = self.good('diff', self.path('raw'), self.path('processed'), '--out', self.path('diff')).stdout
        self.assertIn('B: of processed log-probabilities', shown)
        diff = json.loads(self.read('diff', 'diff.json'))
        self.assertIsNone(diff['confidence']['difference'])
        self.assertIn('different kinds', diff['confidence']['difference_reason'])
        self.assertNotIn('confidence_basis', self.analysis('raw')['overall'])

    def test_another_server_is_refused_by_the_field(self):
        self.assertEqual(self.sample('out', '--max-requests', 4, manners=('vllm',)).returncode, 130)
        source = self.config('out')['source']
        self.assertIn('vllm', source['software'])
        self.assert_one_of(self.sample('out', manners=('vllm', 'processed')), 'source.logprobs: expected "processed", found "raw"')
        self.assert_one_of(self.sample('out', manners=('vllm', 'few')), 'source.top_k: expected 5, found 20')
        self.assert_one_of(self.sample('out', manners=('sglang',)), 'source.software')
        self.assertEqual(self.sample('out', manners=('vllm', 'random')).returncode, 0)
        self.assertEqual(self.config('out')['source'], source)

    def assert_one_of(self, result, words):
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn('another configuration: ' + words, result.stderr)

    def test_a_limit_of_requests_ends_softly_and_the_same_command_goes_on(self):
        result = self.sample('out', '--max-requests', 10, '--requests', 2)
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertIn('stopped at --max-requests 10: ', result.stderr)
        n = self.rows('out', 'SELECT count(*) FROM trace')[0][0]
        self.assertEqual(n, 10)
        self.assertEqual(self.sample('out').returncode, 0)
        self.assertEqual(self.rows('out', 'SELECT count(*) FROM trace')[0][0], 18)
        self.assertEqual(self.analysis()['overall']['n_instances'], 6)

    def test_what_the_server_says_besides_is_kept(self):
        self.assertEqual(self.sample('out', manners=('reasoning',)).returncode, 0)
        rows = self.rows('out', 'SELECT g.reasoning, g.n_prompt_tokens, g.n_generated, g.finish_reason, t.finish,'
                                ' length(g.entropy_low), t.n_tokens FROM given g JOIN trace t USING (instance, trace)')
        self.assertEqual(len(rows), 18)
        for reasoning, n_prompt, n_generated, given, finish, n_low, n_tokens in rows:
            self.assertTrue(reasoning)
            self.assertGreater(n_prompt, 0)
            self.assertGreater(n_generated, 0)
            self.assertEqual(given, finish)
            self.assertEqual(n_low, 4 * n_tokens)
        self.assertEqual(self.predictions()[0]['reasoning'], [rows[0][0]] * 3)
        self.assertIn('"apart":', report_page.texts(self.read('out', 'report.html').decode()))

    def test_answers_that_a_filter_ended_are_counted_on_their_own(self):
        result = self.sample('out', manners=('content_filter',))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("18 of 18 answers were ended by the service's filter", ' '.join(result.stdout.split()))
        overall = self.analysis()['overall']
        self.assertEqual((overall['n_traces_filtered'], overall['n_traces_withheld']), (18, 0))
        self.assertEqual(self.predictions()[0]['finish_reasons'], ['filtered'] * 3)

    def test_progress_speaks_of_requests(self):
        result = self.sample('out')
        self.assertIn('20 log-probabilities a token: raw', result.stderr)
        self.assertIn('requests, 0 of them retries', result.stderr)
        # A server has no rows to speak of.
        self.assertRegex(result.stderr, r'(?m)^\d+ tokens in [0-9.]+ s ')
        self.assertNotIn('width', result.stderr)
        self.assertNotIn('threads', result.stderr)


if __name__ == '__main__':
    unittest.main()
