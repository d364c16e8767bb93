#!/usr/bin/env python3
"""The table of faults that tools/plant-faults plants: every text that it replaces still stands in its file,
every test that it names is there, and all rooms have their share.      Python's standard library only."""
import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, 'tools/plant-faults')
LEAST = 120


def call(*words):
    return subprocess.run([sys.executable, TOOL, *words], capture_output=True, text=True, check=False)


class Table(unittest.TestCase):
    def test_every_text_stands_in_its_file_once(self):
        done = call('--check')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreaterEqual(int(done.stdout.split()[1]), LEAST)

    def test_every_room_has_one(self):
        listed = call('--list').stdout.splitlines()
        for room in [entry.name for entry in os.scandir(os.path.join(ROOT, 'src')) if entry.is_dir()]:
            self.assertTrue(any(line.startswith(f'src/{room}/') for line in listed), f'no fault is of {room}')
        self.assertTrue(any(line.startswith('python/safeconf/') for line in listed))

    def test_a_room_that_is_not_there_is_no_success(self):
        self.assertEqual(call('--list', '--only', 'src/nowhere').returncode, 2)


if __name__ == '__main__':
    unittest.main()
