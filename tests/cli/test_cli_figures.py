#!/usr/bin/env python3
"""What the program leaves to the Python package: which interpreter it becomes, with which words, and what it
says where something is missing.  The figures themselves: python/tests.

  test_cli_figures.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import shutil
import sys
import unittest

from program import Folder, call

REAL = shutil.which('python3') or sys.executable


class Interpreter(Folder):
    def script(self, name, text):
        path = self.write(name, '#!/bin/sh\n' + text)
        os.chmod(path, 0o755)
        return path

    def bare(self):
        """An interpreter that has the standard library alone."""
        return self.script('bare', f'exec "{REAL}" -S -E "$@"\n')

    def echo(self):
        """One that writes its words after the script as JSON."""
        return self.script('echo', f'shift 2\nexec "{REAL}" -c "import sys, json; print(json.dumps(sys.argv[1:]))" "$@"\n')

    def test_words_are_passed_on_as_they_are(self):
        self.run_demo('a run $(touch x) `y`')
        folder = self.path('a run $(touch x) `y`')
        got = self.good('figures', folder, '--format', 'svg,png', '--columns', 2, '--out', 'o u;t',
                        env={'SAFECONF_PYTHON': self.echo()}, cwd=self.folder)
        self.assertEqual(json.loads(got.stdout), ['figures', 'safeconf.figures', 'safeconf matplotlib', '--format', 'svg,png',
                                                  '--columns', '2', '--out', 'o u;t', '--', folder])
        self.assertFalse(os.path.exists(self.path('x')))
        self.assertTrue(os.path.exists(os.path.join(folder, 'replay.json')))
        got = self.good('report', folder, '--parquet', 'p q', env={'SAFECONF_PYTHON': self.echo()})
        self.assertEqual(json.loads(got.stdout.splitlines()[-1]),
                         ['report', 'safeconf.parquet', 'safeconf pyarrow', '--', folder, 'p q'])
        self.assertIn('Page to open', got.stdout)

    def test_a_stored_replay_stays(self):
        self.run_demo('run')
        self.write('run/replay.json', '{}')
        self.good('figures', self.path('run'), env={'SAFECONF_PYTHON': self.echo()})
        self.assertEqual(self.read('run', 'replay.json'), b'{}')

    def test_what_is_missing_is_said_in_a_line(self):
        self.run_demo('run')
        run = self.path('run')
        for words, packages in ((('figures', run), 'matplotlib'), (('report', run, '--parquet', self.path('p')), 'pyarrow')):
            self.assert_one_line(call(*words, env={'SAFECONF_PYTHON': self.path('absent')}), 1, 'absent', packages,
                                 'SAFECONF_PYTHON')
            self.assert_one_line(call(*words, env={'SAFECONF_PYTHON': self.bare()}), 1, 'safeconf', packages, 'pip install',
                                 'SAFECONF_PYTHON')

    def test_nothing_of_the_current_folder_is_imported(self):
        self.run_demo('run')
        for name in ('safeconf/__init__.py', 'safeconf/figures.py', 'matplotlib.py', 'runpy.py', 'importlib.py'):
            self.write(name, 'open("touched", "w")\n')
        got = call('figures', 'run', env={'SAFECONF_PYTHON': self.bare()}, cwd=self.folder)
        self.assert_one_line(got, 1, 'lacks safeconf and matplotlib')
        self.assertFalse(os.path.exists(self.path('touched')))

    def test_wrong_words(self):
        for words in ((), ('a', 'b'), ('a', '--format', 'gif'), ('a', '--format', ''), ('a', '--format', 'svg,'),
                      ('a', '--columns', '3'), ('a', '--out', '')):
            self.assert_one_line(call('figures', *words), 2)
        self.assert_one_line(call('report', 'a', '--parquet', ''), 2, '--parquet')
        self.assert_one_line(call('report', 'a', 'b', '--parquet', 'p'), 2, '--parquet')
        self.assert_one_line(call('figures', self.path('absent')), 1, 'absent')


if __name__ == '__main__':
    unittest.main()
