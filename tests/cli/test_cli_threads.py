#!/usr/bin/env python3
"""More threads than cores: the same results as one, whole and interrupted.  Also under ThreadSanitizer.

  test_cli_threads.py PATH_TO_SAFECONF      Python's standard library only.
"""
import os
import signal
import subprocess
import time
import unittest

from program import PROGRAM, Folder, call

RUN = ('--judge-model', 'demo-guard', '--policy', 'fixed', '--max-traces', 3, '--max-new-tokens', 8)


class Threads(Folder):
    def assert_same(self, a, b):
        self.assertEqual(self.read(a, 'predictions.jsonl'), self.read(b, 'predictions.jsonl'))
        self.assertEqual(self.rows(a, 'SELECT instance, trace, text FROM trace ORDER BY 1, 2'),
                         self.rows(b, 'SELECT instance, trace, text FROM trace ORDER BY 1, 2'))

    def test_four_threads_give_the_run_of_one(self):
        self.run_demo('one', *RUN, '--threads', 1)
        self.run_demo('four', *RUN, '--threads', 4)
        self.assert_same('one', 'four')
        self.assertEqual(call('report', self.path('four')).returncode, 0)

    def test_policies_compared(self):
        words = ('compare', '--policies', 'single,fixed:2', '--num-instances', 2, '--max-new-tokens', 4, '--quiet')
        for threads in (1, 4):
            self.good(*words, '--threads', threads, '--out', self.path(f'of{threads}'))
        self.assertEqual(self.analysis('of1')['policies'], self.analysis('of4')['policies'])

    def test_an_interrupted_run_goes_on(self):
        words = ('run', '--num-instances', '8', *map(str, RUN), '--threads', '4', '--quiet', '--out')
        process = subprocess.Popen([PROGRAM, *words, self.path('cut')], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        until = time.time() + 100
        while not os.path.exists(self.path('cut', 'run.db')) and process.poll() is None and time.time() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
        self.assertIn(process.returncode, (0, 130), said)
        self.run_demo('cut', *RUN, '--threads', 4, n=8)
        self.run_demo('whole', *RUN, '--threads', 1, n=8)
        self.assert_same('whole', 'cut')


if __name__ == '__main__':
    unittest.main()
