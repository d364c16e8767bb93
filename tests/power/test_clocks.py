#!/usr/bin/env python3
"""Clocks that jump during a run (clocks.c): nothing hangs, no time is negative, and the results are the same.

  test_clocks.py PATH_TO_SAFECONF [TEST ...]
"""
import os
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from model_server import ModelServer  # noqa: E402
from program import Folder, call  # noqa: E402
import work  # noqa: E402

CLOCKS = os.environ['SAFECONF_CLOCKS']
YEAR = 365 * 86400
JUMPS = [f'real {at} {by}' for at, by in ((0.05, 3600), (0.1, -7200), (0.15, 30 * YEAR), (0.2, -75 * YEAR),
                                          (0.3, 100 * YEAR), (0.4, -3600), (0.6, -40 * YEAR))]
RUN = ('run', '--num-instances', 12, '--max-new-tokens', 16, '--no-batch', '--threads', 1)


class Clocks(Folder):
    def jumping(self, jumps, *words, **env):
        began = time.monotonic()
        result = call(*words, env={'LD_PRELOAD': CLOCKS, 'POWER_JUMPS': ', '.join(jumps),
                                   'SAFECONF_PROGRESS': '0.001', **env})
        self.assertLess(time.monotonic() - began, 60)
        self.assertIsNone(re.search(r'-\d+(:\d| ?s\b)', result.stderr), result.stderr)
        return result

    def undisturbed(self):
        self.good(*RUN, '--quiet', '--out', self.path('alone'))
        return work.leaves(self.path('alone'))

    def same(self, expected):
        self.assertEqual(work.differences(work.leaves(self.path('out')), expected), [])

    def test_the_clocks_jump(self):
        """What the other tests rest on: the library is there and is asked."""
        words = [sys.executable, '-c', 'import time; print(time.time(), time.monotonic())']
        env = dict(os.environ, LD_PRELOAD=CLOCKS, POWER_JUMPS=f'real 0 {10 * YEAR}, steady 0 18000')
        day, steady = map(float, subprocess.check_output(words, env=env, text=True).split())
        self.assertAlmostEqual(day - time.time(), 10 * YEAR, delta=60)
        self.assertAlmostEqual(steady - time.monotonic(), 18000, delta=60)

    def test_the_clock_of_the_day(self):
        expected = self.undisturbed()
        result = self.jumping(JUMPS, *RUN, '--out', self.path('out'))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.same(expected)

    def test_the_clock_of_the_day_ends_no_run(self):
        expected = self.undisturbed()
        result = self.jumping(JUMPS, *RUN, '--max-minutes', 5, '--out', self.path('out'))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.same(expected)

    def test_a_limit_holds_whatever_the_day(self):
        """A clock set back by years does not make a run go on."""
        expected = self.undisturbed()
        result = self.jumping(['real 0.01 %d' % (-50 * YEAR)], *RUN, '--max-minutes', 0.001, '--out', self.path('out'))
        self.assertIn('--max-minutes', result.stderr)
        self.assertNotEqual(result.returncode, 0)
        self.good(*RUN, '--quiet', '--out', self.path('out'))
        self.same(expected)

    def test_a_machine_that_was_away(self):
        """The steady clock leaps by hours: that a run has a limit of an hour ends it, and it can be taken up."""
        expected = self.undisturbed()
        result = self.jumping(['steady 0.1 18000'], *RUN, '--out', self.path('out'))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.same(expected)
        leaps = [f'steady {0.1 * i:.1f} 18000' for i in range(30)]  # however long the model takes to load
        result = self.jumping(leaps, *RUN, '--max-minutes', 60, '--out', self.path('limited'))
        self.assertIn('stopped at --max-minutes 60', result.stderr)
        self.good(*RUN, '--quiet', '--out', self.path('limited'))
        self.assertEqual(work.differences(work.leaves(self.path('limited')), expected), [])

    def test_waits_before_retries(self):
        """A server that asks for patience, while the day leaps about: as many traces, in about the same time."""
        wanted = None
        for jumps in (['real 0 0'], JUMPS, ['real 0.2 %d' % (-20 * YEAR)], ['steady 0.3 18000']):
            with self.subTest(jumps), ModelServer() as server:
                server.fault = lambda number, request: '503' if number % 5 == 4 else None
                result = self.jumping(jumps, 'run', '--endpoint', server.url(), '--model', 'toy', '--num-instances', 2,
                                      '--policy', 'fixed', '--max-traces', 3, '--max-new-tokens', 6, '--out',
                                      self.path(f'out{len(jumps)}{jumps[:1]}'))
                self.assertEqual(result.returncode, 0, result.stderr)
                found = self.read(f'out{len(jumps)}{jumps[:1]}', 'predictions.jsonl')
                wanted = wanted or found
                self.assertEqual(found, wanted)


if __name__ == '__main__':
    unittest.main()
