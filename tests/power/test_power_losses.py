#!/usr/bin/env python3
"""Power losses: each command is recorded once, and disks are made as they may be after a loss at any moment.

  test_power_losses.py PATH_TO_SAFECONF [STATES [SEED [COMMAND ...]]]

Of every disk: no file that is renamed into place is short; the database opens, is whole and holds what had
been said to be stored; and, of some, the same command completes and leaves what it leaves undisturbed.  After
the end all files are there.
"""
import collections
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

STATES = int(sys.argv[2]) if len(sys.argv) > 2 else 330
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
ONLY = sys.argv[4:]
del sys.argv[2:]
import disks  # noqa: E402
import work   # noqa: E402

RECORDER = os.environ['SAFECONF_RECORDER']


def record(job, root, scratch):
    """Runs the command once and returns its log, what it said and what it left."""
    log, said = os.path.join(scratch, 'log'), os.path.join(scratch, 'said')
    before = disks.look(root)
    env = {'LD_PRELOAD': RECORDER, 'POWER_FOLDER': root, 'POWER_LOG': log, 'POWER_SAID': said,
           'SAFECONF_PROGRESS': '0.001'}
    with open(said, 'ab') as out:
        done = subprocess.run([work.PROGRAM, *job.words(root)], env=dict(os.environ, **job.env, **env),
                              stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=300)
    with open(said, 'rb') as file:
        said = file.read()
    if done.returncode != 0:
        raise AssertionError(f'{job.name}: status {done.returncode}: {said.decode()}')
    with open(log, 'rb') as file:
        return disks.Log(root, file.read(), before), said


def check_recording(log, root):
    """All that was written is in the log: with nothing lost the disk is what lies there."""
    found = {path: what for path, (_, what) in disks.look(root).items()}
    made = log.disk(log.n, 'all', True, 512, random.Random(0))
    wrong = [path for path in found.keys() | made.keys() if found.get(path, 0) != made.get(path, 0)]
    if wrong:
        raise AssertionError(f'the recorder missed something of {wrong}')


class Trial:
    def __init__(self, job, scratch):
        self.job, self.scratch = job, scratch
        root = os.path.join(scratch, 'root')
        job.begin(root)
        self.log, self.said = record(job, root, scratch)
        check_recording(self.log, root)
        self.expected = work.leaves(root)
        self.root = root
        self.n_resumed = 0

    def check_files(self, disk, n):
        """A file under its own name is one that was written whole."""
        for path, versions in self.log.kept.items():
            what = disk.get(path)
            if path.endswith('run.db') or '.part-' in path or not isinstance(what, bytes):
                continue
            first = self.log.first.get(path)
            whole = [self.log.whole(file) for file in versions + ([first] if isinstance(first, disks.File) else [])]
            if what not in whole:
                raise AssertionError(f'{path} is short or torn: {len(what)} bytes')
        if n == self.log.n:
            missing = [path for path in self.log.kept if path in self.log.now and path not in disk]
            if missing:
                raise AssertionError(f'after the end {missing} are not there')

    def check_database(self, path, n):
        counts = list(map(int, self.job.counted.findall(self.said[:self.log.said_by(n)])))
        stored = 0
        if os.path.exists(path):
            db = sqlite3.connect(path)
            words = db.execute('PRAGMA integrity_check').fetchall()
            if words != [('ok',)]:
                raise AssertionError(f'integrity_check: {words[:3]}')
            if db.execute('SELECT count(*) FROM sqlite_schema WHERE name = ?', (self.job.table,)).fetchone()[0]:
                stored = db.execute(f'SELECT count(*) FROM {self.job.table}').fetchone()[0]
            db.close()
        if counts and stored < max(counts):
            raise AssertionError(f'{max(counts)} said to be stored, {stored} found')

    def check(self, number, resume):
        """One disk; returns what it was like."""
        chance = random.Random(f'{SEED} {self.job.name} {number}')
        mode, in_order = chance.choice(disks.MODES), chance.random() < 0.5
        sector = chance.choice((512, 4096))
        n = self.log.n if chance.random() < 0.05 else self.log.moment(chance)
        words = f'{self.job.name}: disk {number}: {n} of {self.log.n} entries, {mode}, names ' \
                f'{"in order" if in_order else "any"}, sectors of {sector}'
        disk = self.log.disk(n, mode, in_order, sector, chance)
        try:
            self.check_files(disk, n)
            if resume:
                self.resume(disk)
            shutil.rmtree(self.root)
            disks.make(self.root, disk)
            for path in self.job.databases:
                self.check_database(os.path.join(self.root, path), n)
            if n == self.log.n and self.leaves_of_databases() != self.databases_expected():
                raise AssertionError('after the end run.db has other rows')
        except (AssertionError, sqlite3.Error) as error:
            return f'{words}: {error}'
        return None

    def databases_expected(self):
        return {path: self.expected[path] for path in self.job.databases}

    def leaves_of_databases(self):
        return {path: work.rows(os.path.join(self.root, path)) for path in self.job.databases}

    def resume(self, disk):
        shutil.rmtree(self.root)
        disks.make(self.root, disk)
        done = self.job.call(self.job.words(self.root))
        self.n_resumed += 1
        if done.returncode != 0:
            raise AssertionError(f'the same command again: status {done.returncode}: {done.stderr.decode()[-400:]}')
        wrong = work.differences(work.leaves(self.root), self.expected)
        if wrong:
            raise AssertionError(f'the same command again left other {wrong}')


def main():
    jobs = [kind for kind in work.LOSES_POWER if not ONLY or kind.name in ONLY]
    share = max(1, STATES // len(jobs))
    resumed = max(12, share // 40)  # one disk of so many is worked on again
    failures, began, totals = [], time.monotonic(), collections.Counter()
    print(f'seed {SEED}, {share} disks of each of {len(jobs)} commands', flush=True)
    place = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    for kind in jobs:
        with tempfile.TemporaryDirectory(prefix='safeconf-power-', dir=place) as scratch:
            scratch = os.path.realpath(scratch)
            job = kind(scratch)
            try:
                trial = Trial(job, scratch)
                found = [trial.check(i, i % resumed == 0) for i in range(share)]
            except AssertionError as error:
                failures.append(str(error))
                continue
            finally:
                job.end()
        wrong = [words for words in found if words]
        failures += wrong
        totals.update(disks=share, resumed=trial.n_resumed)
        print(f'{job.name}: {trial.log.n} entries, {len(trial.log.said)} times something was said; {share} disks, '
              f'{trial.n_resumed} worked on again: {len(wrong)} wrong', flush=True)
    print(*failures[:20], sep='\n')
    print(f'{totals["disks"]} disks, {totals["resumed"]} worked on again, {len(failures)} wrong, '
          f'{time.monotonic() - began:.0f} s')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
