#!/usr/bin/env python3
"""Kills at random moments: each command is killed, begun again, sometimes killed again, and completed.

  test_kills.py PATH_TO_SAFECONF [KILLS [SEED [COMMAND ...]]]

What it leaves then must be what it leaves undisturbed.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 15
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
ONLY = sys.argv[4:]
del sys.argv[2:]
import work  # noqa: E402

MOST_IN_A_ROW = 4


def undisturbed(job, root):
    job.begin(root)
    began = time.monotonic()
    job.run(*job.words(root))
    return work.leaves(root), time.monotonic() - began


def kill_once(job, root, seconds):
    """Whether the kill came before the end."""
    process = subprocess.Popen([work.PROGRAM, *job.words(root)], env=dict(os.environ, **job.env),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() != 0


def trial(job, expected, seconds, chance, most):
    """Kills up to `most` times in a row, then completes; returns kills that came in time, and what is wrong."""
    n = 0
    with tempfile.TemporaryDirectory(prefix='safeconf-kill-') as scratch:
        root = os.path.join(scratch, 'root')
        job.begin(root)
        for _ in range(chance.choice((1, 1, 2, 3, MOST_IN_A_ROW))):
            if n < most:
                n += kill_once(job, root, chance.random() * seconds)
        done = job.call(job.words(root))
        if done.returncode != 0:
            return n, f'status {done.returncode}: {done.stderr.decode()[-400:]}'
        wrong = work.differences(work.leaves(root), expected)
        return n, f'left other {wrong}' if wrong else None


def main():
    jobs = [kind for kind in work.ALL if kind.name in (ONLY or work.KILLED)]
    failures, began, total, trials = [], time.monotonic(), 0, 0
    print(f'seed {SEED}', flush=True)
    for i, kind in enumerate(jobs):
        share, n, number = KILLS * (i + 1) // len(jobs) - KILLS * i // len(jobs), 0, 0
        with tempfile.TemporaryDirectory(prefix='safeconf-kill-') as scratch:
            job = kind(scratch)
            expected, seconds = undisturbed(job, os.path.join(scratch, 'root'))
            while n < share and number < 20 * share:
                number += 1
                killed, wrong = trial(job, expected, seconds, random.Random(f'{SEED} {job.name} {number}'), share - n)
                n += killed
                if wrong:
                    failures.append(f'{job.name}: trial {number}, {killed} kills: {wrong}')
            job.end()
            shutil.rmtree(scratch, ignore_errors=True)
            os.makedirs(scratch)
        print(f'{job.name}: {n} kills in {number} trials', flush=True)
        total, trials = total + n, trials + number
        if n < share:
            failures.append(f'{job.name}: only {n} kills came in time')
    print(*failures[:20], sep='\n')
    print(f'{total} kills in {trials} trials, {len(failures)} wrong, {time.monotonic() - began:.0f} s')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
