#!/usr/bin/env python3
"""Faults injected into the program: every call of libc that it makes fails once, and what comes of it is checked.

  inject.py PROGRAM LIBRARY [--long] [--commands A,B] [--kinds A,B] [--seconds S] [--seed N]
            [--first N] [--sample N] [--stacks] [--leave-out N] [--jobs N] [--table FILE] [--fault KIND:K:EFFECT]
            [--in-time]

LIBRARY: build/tests/fault.so (fault.c says what can be injected). Without --long a sample, chosen by the seed, of
all commands and kinds within --seconds (15, in `check all` 50), and before it what must always come; not so with
--in-time. With --long every call once with every effect; of allocations the first --first (2000), one for each
other call stack, and --sample (500) more by the seed; with --stacks one call for each call stack and --sample
more, of every kind; --leave-out passes over the first N of each kind, such as the 2,900 allocations with which
libraries set themselves up. After each fault: the exit status is a documented one and 0 only where the result is
whole; one line says what failed; the same command again completes; its files are those of an undisturbed run, none
is left over, and no stored trace is another. Python's standard library.
"""
import argparse
import concurrent.futures
import os
import random
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'cli')]
from commands import Commands  # noqa: E402
from trying import KINDS, Trying  # noqa: E402

EFFECTS = {
    'write': ('enospc', 'eio', 'edquot', 'eintr', 'short', 'kill'), 'sync': ('eio', 'enospc', 'kill'),
    'rename': ('enospc', 'eio', 'eacces', 'kill'), 'truncate': ('enospc', 'eio', 'kill'),
    'unlink': ('eio', 'eacces', 'kill'), 'mmap': ('enomem',), 'alloc': ('enomem',),
    'open': ('emfile', 'eacces', 'eio', 'kill'), 'read': ('eio', 'eintr', 'short'), 'close': ('eio', 'eintr'),
    'mkdir': ('enospc', 'eacces', 'erofs'), 'stat': ('eio', 'eacces'), 'lock': ('enolck',),
    'thread': ('eagain',), 'socket': ('emfile',), 'connect': ('econnrefused', 'etimedout'),
    'send': ('econnreset', 'eintr', 'short'), 'recv': ('econnreset', 'eintr', 'short')}
# In the short form each of these comes: what was lost here before, or told without a reason.
ALWAYS = {('run', 'sync'), ('run', 'truncate'), ('run', 'unlink'), ('merge', 'rename'), ('export', 'rename'),
          ('experiment', 'unlink')}
# From the k-th call on: a disk that stays full, a table of files that stays so.
ONWARD = {('write', 'enospc'), ('write', 'eio'), ('sync', 'eio'), ('open', 'emfile'), ('alloc', 'enomem')}


def faults_of(kind, keys, options, chance):
    """All faults of one kind: keys has an entry for each call."""
    if kind == 'alloc' or options.stacks:
        seen, chosen = set(), set(range(0 if options.stacks else min(options.first, len(keys))))
        for at, key in enumerate(keys):
            if key not in seen:
                seen.add(key)
                chosen.add(at)
        rest = [at for at in range(len(keys)) if at not in chosen]
        chosen.update(chance.sample(rest, min(options.sample, len(rest))))
    else:
        chosen = range(len(keys))
    chosen = [at for at in chosen if at >= options.leave_out]
    out = ['%s:%d:%s' % (kind, at + 1, effect) for at in sorted(chosen) for effect in EFFECTS[kind]]
    places = [at for at in sorted(chosen)]
    for effect in (effect for of, effect in sorted(ONWARD) if of == kind):
        few = chance.sample(places, min(options.onward, len(places)))
        out += ['%s:%d+:%s' % (kind, at + 1, effect) for at in sorted(few)]
    return out


class Results:
    """Counted by command, kind, effect and outcome; what is wrong is printed as it comes."""

    def __init__(self, table):
        self.lock, self.counts, self.wrong, self.table = threading.Lock(), {}, [], table

    def note(self, name, out):
        kind, at, effect = out['fault'].split(':')
        with self.lock:
            key = (name, kind, effect + (' from there on' if at.endswith('+') else ''), out['outcome'])
            self.counts[key] = self.counts.get(key, 0) + 1
            if out['wrong']:
                self.wrong.append((name, out))
                print('WRONG %s %s: %s: %s: %.300s' % (name, out['fault'], out['outcome'], out['wrong'], out['line']),
                      flush=True)
            if self.table:
                print(name, out['fault'], out['outcome'], out['wrong'] or '', out['n_stored'], out['line'], sep='\t',
                      file=self.table, flush=True)

    def show(self):
        print('\t'.join(('command', 'kind', 'effect', 'outcome', 'faults')))
        for key, n in sorted(self.counts.items()):
            print(*key, n, sep='\t')
        print('%d faults, %d with something wrong' % (sum(self.counts.values()), len(self.wrong)))


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument('program')
    parser.add_argument('library')
    parser.add_argument('--long', action='store_true')
    parser.add_argument('--commands')
    parser.add_argument('--kinds', default=','.join(KINDS))
    parser.add_argument('--seconds', type=float)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--first', type=int, default=2000)
    parser.add_argument('--sample', type=int, default=500)
    parser.add_argument('--leave-out', type=int, default=0)
    parser.add_argument('--stacks', action='store_true')
    parser.add_argument('--onward', type=int, default=8)
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--table')
    parser.add_argument('--in-time', action='store_true')
    parser.add_argument('--fault', action='append')
    options = parser.parse_args()
    if options.seconds is None:
        options.seconds = 1e9 if options.long or options.fault else 50 if 'SAFECONF_TEST_LONG' in os.environ else 15
    return options


def in_turn(plans, chance):
    """Those that always come; then faults of all commands and kinds, one of each in turn, each list in an order of
    chance."""
    lists = []
    first = [(trying, fault) for trying, faults in plans for fault in faults
             if (trying.command.name, fault.split(':')[0]) in ALWAYS]
    for trying, faults in plans:
        by_kind = {}
        for fault in faults:
            by_kind.setdefault(fault.split(':')[0], []).append((trying, fault))
        for some in by_kind.values():
            chance.shuffle(some)
            lists.append(some)
    chance.shuffle(lists)
    return first, [some[at] for at in range(max(map(len, lists), default=0)) for some in lists if at < len(some)]


def main():
    options = parse()
    chance = random.Random(options.seed)
    print('seed %d' % options.seed)
    end = time.monotonic() + options.seconds
    program, library = map(os.path.abspath, (options.program, options.library))
    memory = '/dev/shm' if os.path.isdir('/dev/shm') else None
    with Commands(program) as commands, tempfile.TemporaryDirectory(prefix='safeconf-faults-', dir=memory) as folder, \
            open(options.table or os.devnull, 'a') as table, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = Results(table)
        names = options.commands.split(',') if options.commands else list(commands.all)
        tryings = [Trying(program, library, commands.all[name], folder) for name in names]
        plans = []
        for trying, calls in zip(tryings, pool.map(Trying.undisturbed, tryings)):
            faults = [fault for kind in options.kinds.split(',')
                      for fault in faults_of(kind, calls[kind], options, chance)]
            plans.append((trying, options.fault or faults))
            print('%s: %s' % (trying.command.name, ', '.join(
                '%d %s' % (len(calls[kind]), kind) for kind in KINDS if calls[kind])), flush=True)
        if options.long or options.fault:
            always, others = [], [(trying, fault) for trying, faults in plans for fault in faults]
        else:
            always, others = in_turn(plans, chance)
            always = [] if options.in_time else always

        def one(case):
            results.note(case[0].command.name, case[0].one(case[1]))

        def one_in_time(case):
            if time.monotonic() < end:
                one(case)
        list(pool.map(one, always))
        list(pool.map(one_in_time, others))
        results.show()
        return 1 if results.wrong else 0


if __name__ == '__main__':
    sys.exit(main())
