#!/usr/bin/env python3
"""Several processes on one folder at once: one works, the others say so in one line, readers read, and what is
left is what one alone leaves.

  test_company.py PATH_TO_SAFECONF [TEST ...]
"""
import os
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from program import PROGRAM, Folder, call  # noqa: E402
import work  # noqa: E402

LONG = ('run', '--num-instances', 16, '--max-new-tokens', 24, '--no-batch', '--threads', 1)


class Company(Folder):
    def words(self, out):
        return [*map(str, LONG), '--out', self.path(out)]

    def begin(self, out, quiet=True):
        return subprocess.Popen([PROGRAM, *self.words(out), *(['--quiet'] if quiet else [])],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def undisturbed(self):
        self.good(*self.words('alone'), '--quiet')
        return work.leaves(self.path('alone'))

    def wait_for_traces(self, out, process):
        """Until the run has its file and has begun to fill it."""
        while process.poll() is None:
            try:
                if self.rows(out, 'SELECT count(*) FROM trace')[0][0] > 0:
                    return
            except sqlite3.Error:  # not there yet, or only begun
                pass
            time.sleep(0.01)
        self.fail('the run ended before it was looked at')

    def company(self, n):
        expected = self.undisturbed()
        processes = [self.begin('out') for _ in range(n)]
        ends = [(process.communicate()[1], process.returncode) for process in processes]
        done = [words for words, status in ends if status == 0]
        self.assertGreaterEqual(len(done), 1, ends)  # one that came after another's end found it finished
        for words, status in ends:
            if status != 0:
                self.assertEqual(status, 1, words)
                self.assertEqual(len(words.splitlines()), 1, words)
                self.assertIn('another process is running in this folder', words)
        self.assertEqual(work.differences(work.leaves(self.path('out')), expected), [])
        return len(done)

    def test_two_runs(self):
        self.company(2)

    def test_six_runs(self):
        self.assertLess(self.company(6), 6)

    def test_others_beside_a_run(self):
        """Those that write are refused, those that read see what is there, and the run is not disturbed."""
        expected = self.undisturbed()
        process = self.begin('out')
        self.addCleanup(process.stderr.close)
        self.wait_for_traces('out', process)
        self.assert_one_line(call('classify', self.path('out'), '--quiet'), 1,
                             'another process is running in this folder')
        self.assert_one_line(call('merge', self.path('out'), self.path('alone'), '--quiet'), 1)
        for words in (('report', self.path('out')), ('export', self.path('out'), '--out', self.path('x.eval')),
                      ('replay', self.path('out'))):
            result = call(*words)
            self.assertIn(result.returncode, (0, 1), (words, result.stderr))
            if result.returncode == 1:
                self.assert_one_line(result, 1)
            self.assertNotIn('locked', result.stderr)
        self.assertEqual(process.wait(), 0, process.stderr.read())
        self.good(*self.words('out'), '--quiet')  # a report made meanwhile is made anew
        if os.path.exists(self.path('out', 'replay.json')):
            os.unlink(self.path('out', 'replay.json'))
        self.good('report', self.path('out'))
        self.assertEqual(work.differences(work.leaves(self.path('out')), expected), [])

    def test_a_reader_that_stays_keeps_nobody_out(self):
        """A reader that never ends keeps the log from being folded; the run is whole all the same."""
        expected = self.undisturbed()
        process = self.begin('out')
        self.addCleanup(process.stderr.close)
        self.wait_for_traces('out', process)
        reader = sqlite3.connect(f'file:{self.path("out", "run.db")}?mode=ro', uri=True)
        reader.execute('BEGIN')
        seen = reader.execute('SELECT count(*) FROM trace').fetchone()[0]
        self.assertEqual(process.wait(), 0, process.stderr.read())
        self.assertEqual(reader.execute('SELECT count(*) FROM trace').fetchone()[0], seen)
        reader.close()
        self.good('report', self.path('out'))
        self.assertEqual(work.differences(work.leaves(self.path('out')), expected), [])


if __name__ == '__main__':
    unittest.main()
