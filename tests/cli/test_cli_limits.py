#!/usr/bin/env python3
"""Limits of one call from outside: it stops softly, reports what is finished, and the same command goes on.

  test_cli_limits.py PATH_TO_SAFECONF      Python's standard library only.
"""
import unittest

from program import Folder, call


class Limits(Folder):
    def run_some(self, out, *options, n=6):
        return call('run', '--num-instances', n, '--max-new-tokens', 16, '--policy', 'fixed', '--max-traces', 2,
                    '--out', self.path(out), '--quiet', *options)

    def test_the_same_command_goes_on_until_all_is_there(self):
        self.assertEqual(self.run_some('whole').returncode, 0)
        for k in range(1, 4):
            result = self.run_some('out', '--max-requests', 4, '--no-batch')
            self.assertEqual(result.returncode, 130 if k < 3 else 0, result.stderr)
            if k < 3:
                line = result.stderr.strip().splitlines()[-1]
                self.assertIn(f'stopped at --max-requests 4: {2 * k} of 6 prompts are finished, {4 * k} traces; '
                              'the same command goes on in', line)
                analysis = self.analysis()
                self.assertEqual(analysis['overall']['n_instances'], 2 * k)
                self.assertEqual(analysis['overall']['n_instances_unfinished'], 6 - 2 * k)
                self.assertIn('the run is not finished', analysis['summary']['trust'])
                self.assertEqual(len(self.predictions()), 2 * k)
                self.assertIn('Not finished', result.stdout)
        for name in ('predictions.jsonl', 'analysis.json'):
            self.assertEqual(self.read('out', name), self.read('whole', name))

    def test_a_limit_is_no_part_of_the_configuration(self):
        self.assertEqual(self.run_some('out', '--max-total-tokens', 1, '--parallel', 1).returncode, 130)
        self.assertEqual(self.run_some('out', '--max-total-tokens', 100000, '--max-minutes', 5).returncode, 0)

    def test_minutes_end_a_run(self):
        result = self.run_some('out', '--max-minutes', 0.001, '--parallel', 1, n=300)
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertIn('stopped at --max-minutes 0.001: ', result.stderr)

    def test_compare_stops_too(self):
        result = call('compare', '--num-instances', 6, '--max-new-tokens', 16, '--out', self.path('out'), '--quiet',
                      '--max-requests', 6, '--no-batch')
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertIn('stopped at --max-requests 6: ', result.stderr)

    def test_wrong_limits_are_named(self):
        for option, value in (('--max-requests', 0), ('--max-total-tokens', -1), ('--max-minutes', 0),
                              ('--max-minutes', 'nan'), ('--max-requests', 'many')):
            self.assert_one_line(self.run_some('out', option, value), 2, option.strip('-'))


if __name__ == '__main__':
    unittest.main()
