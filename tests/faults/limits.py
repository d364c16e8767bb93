#!/usr/bin/env python3
"""Limits of the system and folders that change under a run: what is said, and that the same command then completes.

  limits.py PROGRAM [unittest's words]

ulimit -f, -v, -n and -s at small values over run and report; disks of 4 KB to 3 MB (as root, who may mount); folders
that are removed, renamed, replaced or made read-only while a run writes there.  With SAFECONF_TEST_LONG all sizes,
else some of them.  Python's standard library.
"""
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'cli')]
PROGRAM = os.path.abspath(sys.argv.pop(1))
from commands import Command, Commands  # noqa: E402
from trying import Trying, difference  # noqa: E402

LONG = 'SAFECONF_TEST_LONG' in os.environ
KB = 1024
# Of files: what is written.  Of the address space: from where libraries can still be loaded.  Descriptors.  Stacks.
VALUES = {
    resource.RLIMIT_FSIZE: [0, 512, 4 * KB, 16 * KB, 40 * KB, 64 * KB, 88 * KB, 200 * KB, 300 * KB],
    resource.RLIMIT_AS: [n * KB * KB for n in (24, 28, 32, 36, 40, 44, 48, 56, 64, 96)],
    resource.RLIMIT_NOFILE: [3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 24],
    resource.RLIMIT_STACK: [n * KB for n in (64, 128, 192, 256, 384, 512, 1024, 2048)],
}
NAMES = {resource.RLIMIT_FSIZE: '-f', resource.RLIMIT_AS: '-v', resource.RLIMIT_NOFILE: '-n',
         resource.RLIMIT_STACK: '-s'}
DISKS_KB = (4, 8, 16, 32, 48, 64, 96, 128, 160, 200, 256, 320, 400, 480, 560, 640, 1024, 3072)
NOBODY = 65534


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        memory = '/dev/shm' if os.path.isdir('/dev/shm') else None
        cls.folder = tempfile.mkdtemp(prefix='safeconf-limits-', dir=memory)
        os.chmod(cls.folder, 0o755)
        cls.commands = Commands(PROGRAM)
        cls.tryings = {}

    @classmethod
    def tearDownClass(cls):
        cls.commands.__exit__()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def trying(self, name, command=None):
        if name not in self.tryings:
            trying = self.tryings[name] = Trying(PROGRAM, None, command or self.commands.all[name], self.folder)
            trying.learn()
        return self.tryings[name]

    def words_are_right(self, trying, folder, result, *parts):
        """A success is whole; a failure is one line, and is none of the system's own."""
        text = result.stderr.decode(errors='replace')
        if result.returncode == 0:
            self.assertIsNone(difference(trying.state_of(folder), trying.end))
            return
        self.assertIn(result.returncode, (1, 3), text)
        self.assertIsNone(trying.line_is_wrong(result, ''), text)
        for part in parts:
            self.assertIn(part, text)


class Limits(Case):
    def start(self, trying, folder, limit, value):
        def preexec():
            resource.setrlimit(limit, (value, value))
        return trying.call(folder, preexec=preexec)

    def under(self, limit):
        outcomes = []
        for name in ('run', 'report'):
            trying = self.trying(name)
            for value in VALUES[limit] if LONG else VALUES[limit][::2]:
                with self.subTest(command=name, limit=NAMES[limit], value=value):
                    folder = trying.begin('limit-%s-%d' % (NAMES[limit], value))
                    try:
                        result = self.start(trying, folder, limit, value)
                    except (subprocess.SubprocessError, OSError):
                        outcomes.append('not begun')
                        continue
                    if b'error while loading shared libraries' in result.stderr:
                        outcomes.append('not loaded')
                        continue
                    outcomes.append(str(result.returncode))
                    self.words_are_right(trying, folder, result)
                    self.assertIsNone(trying.goes_on(folder))
        print('ulimit %s: %s' % (NAMES[limit], ' '.join(outcomes)))
        return outcomes

    def test_files_that_may_not_grow(self):
        self.assertIn('1', self.under(resource.RLIMIT_FSIZE))

    def test_little_address_space(self):
        self.under(resource.RLIMIT_AS)

    def test_few_descriptors(self):
        self.assertIn('1', self.under(resource.RLIMIT_NOFILE))

    def test_small_stacks(self):
        self.assertIn('1', self.under(resource.RLIMIT_STACK))


class Disks(Case):
    def mount(self, *words):
        return subprocess.run(['mount', *words], capture_output=True, text=True)

    def setUp(self):
        self.place = os.path.join(self.folder, 'disk')
        os.makedirs(self.place, exist_ok=True)
        if os.geteuid() != 0:
            self.skipTest('only root mounts disks of a chosen size')
        tried = self.mount('-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', self.place)
        if tried.returncode != 0:
            self.skipTest('no disk can be mounted here: ' + tried.stderr.strip())
        subprocess.run(['umount', self.place], check=True)

    def test_small_disks(self):
        outcomes = []
        for name in ('run', 'report', 'import', 'export', 'classify', 'merge'):
            trying = self.trying(name)
            for size in DISKS_KB if LONG else DISKS_KB[::5]:
                with self.subTest(command=name, kb=size):
                    outcomes.append(self.one_disk(trying, size))
        print('disks: %s' % ' '.join(outcomes))
        self.assertIn('1', outcomes)

    def one_disk(self, trying, size):
        self.assertEqual(self.mount('-t', 'tmpfs', '-o', 'size=%dk' % size, 'tmpfs', self.place).returncode, 0)
        try:
            folder = os.path.join(self.place, 'here')
            try:
                shutil.copytree(trying.beginning, folder)
            except (OSError, shutil.Error):
                return 'no room'
            result = trying.call(folder)
            self.words_are_right(trying, folder, result)
            if result.returncode != 0:
                self.assertRegex(result.stderr.decode(), 'No space left on device|disk is full')
            self.assertEqual(self.mount('-o', 'remount,size=16m', self.place).returncode, 0)
            self.assertIsNone(trying.goes_on(folder))
            return str(result.returncode)
        finally:
            subprocess.run(['umount', '-l', self.place], check=True)


class Folders(Case):
    """Something happens to the folder while traces are being stored."""

    def begun(self, user=None):
        words = ('--num-instances', '12', '--max-new-tokens', '64', '--policy', 'fixed', '--max-traces', '12',
                 '--threads', '1', '--parallel', '1', '--quiet')
        trying = self.trying('long', Command('long', lambda f: ('run', *words, '--out', f + '/run')))
        folder = trying.begin('changing')
        if user is not None:
            os.chown(folder, user, user)
        process = trying.start(folder, user=user)
        for _ in range(3000):
            if process.poll() is not None or self.n_stored(folder) >= 4:
                break
            time.sleep(0.005)
        self.assertIsNone(process.poll(), 'the run has ended before anything could happen to it')
        return trying, folder, process

    @staticmethod
    def n_stored(folder):
        try:
            database = sqlite3.connect('file:%s/run/run.db?mode=ro' % folder, uri=True, timeout=0)
            try:
                return database.execute('SELECT count(*) FROM trace').fetchone()[0]
            finally:
                database.close()
        except sqlite3.Error:
            return 0

    def ends(self, process, *parts):
        out, err = process.communicate(timeout=120)
        text = err.decode(errors='replace')
        self.assertEqual(process.returncode, 1, text)
        self.assertEqual(len(text.strip().splitlines()), 1, text)
        for part in ('safeconf run: ', *parts):
            self.assertIn(part, text)
        return text

    def test_a_folder_that_is_removed(self):
        trying, folder, process = self.begun()
        shutil.rmtree(folder + '/run')
        self.ends(process, 'run.db: removed or replaced')
        self.assertIsNone(trying.goes_on(folder))

    def test_a_folder_that_is_renamed_keeps_what_was_stored(self):
        trying, folder, process = self.begun()
        os.rename(folder + '/run', folder + '/other')
        self.ends(process, 'run.db: removed or replaced')
        self.assertGreaterEqual(self.n_stored_in(folder + '/other'), 4)
        shutil.rmtree(folder + '/run', ignore_errors=True)
        os.rename(folder + '/other', folder + '/run')
        self.assertIsNone(trying.goes_on(folder))

    @staticmethod
    def n_stored_in(run):
        database = sqlite3.connect(run + '/run.db')
        try:
            return database.execute('SELECT count(*) FROM trace').fetchone()[0]
        finally:
            database.close()

    def test_a_folder_that_becomes_a_file(self):
        trying, folder, process = self.begun()
        os.rename(folder + '/run', folder + '/other')
        with open(folder + '/run', 'w'):
            pass
        self.ends(process, 'run.db: removed or replaced')
        os.unlink(folder + '/run')
        os.rename(folder + '/other', folder + '/run')
        self.assertIsNone(trying.goes_on(folder))

    def test_a_folder_that_becomes_read_only(self):
        if os.geteuid() != 0:
            self.skipTest('only root becomes another, for whom folders can be read-only')
        try:
            trying, folder, process = self.begun(user=NOBODY)
        except PermissionError:
            self.skipTest('another user cannot read the program')
        os.chmod(folder + '/run', 0o555)
        text = self.ends(process)
        self.assertTrue(re.search('Permission denied|readonly database', text), text)
        os.chmod(folder + '/run', 0o755)
        self.assertIsNone(trying.goes_on(folder))


if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    unittest.main()
