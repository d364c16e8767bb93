"""One try: a command under a fault, what came of it, and the same command again without."""
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import struct
import subprocess

from commands import copy_tree

KINDS = ('write sync rename truncate unlink mmap alloc open read close mkdir stat lock thread socket connect send'
         ' recv').split()
WORDS = {'enospc': 'No space left on device', 'eio': 'Input/output error', 'edquot': 'Disk quota exceeded',
         'enomem': 'Cannot allocate memory', 'emfile': 'Too many open files', 'eintr': 'Interrupted system call',
         'eagain': 'Resource temporarily unavailable', 'eacces': 'Permission denied', 'erofs': 'Read-only file system',
         'enoent': 'No such file or directory', 'enolck': 'No locks available', 'epipe': 'Broken pipe',
         'econnreset': 'Connection reset by peer', 'econnrefused': 'Connection refused',
         'etimedout': 'Connection timed out'}
# What SQLite, jansson, ours and the C library for a thread without memory say in place of the system's words.
READ_ONLY = 'attempt to write a readonly database'
OWN_WORDS = {'enospc': ('database or disk is full',), 'enomem': ('out of memory', 'not available', 'Resource temporarily unavailable'),
             'enolck': ('database is locked', 'locking protocol'), 'eintr': ('interrupted while it was read',), 'eacces': (READ_ONLY,), 'emfile': (READ_ONLY,), 'eio': (READ_ONLY,)}
# What may lie about after a success when it could not be removed: neither holds anything, and the next command
# removes them.
MAY_STAY = ('run.lock', 'run.db-shm')
SECONDS = 300


def digest(path):
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


def rows_of(path):
    """Every table of a run.db, its rows in an order of their own."""
    database = sqlite3.connect(path)
    try:
        if database.execute('PRAGMA integrity_check').fetchall() != [('ok',)]:
            return {'': 'not whole'}
        names = [name for name, in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: sorted(map(repr, database.execute('SELECT * FROM "%s"' % name))) for name in sorted(names)}
    finally:
        database.close()


def state_of(folder):
    """What a folder holds: by name, the contents' digest, or the rows of a database."""
    state = {}
    for root, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(root, name)
            shown = os.path.relpath(path, folder)
            if os.path.islink(path):
                state[shown] = os.readlink(path)
            elif os.path.isdir(path):
                state[shown] = 'folder'
            elif name == 'run.db':
                state[shown] = rows_of(path)
            else:
                state[shown] = digest(path)
    return state


def difference(found, expected):
    """Words for the first difference of two states, or None."""
    for name in sorted(set(found) | set(expected)):
        if name not in found:
            return name + ' is missing'
        if name not in expected:
            return name + ' is left over'
        if found[name] != expected[name]:
            return name + ' differs'
    return None


class Trying:
    """A command, its beginning and its undisturbed end."""

    def __init__(self, program, library, command, folder):
        self.program, self.library, self.command = program, library, command
        self.folder = os.path.join(folder, command.name)
        self.beginning = os.path.join(self.folder, 'beginning')
        os.makedirs(self.beginning)
        if command.begins_with:
            command.begins_with(self.beginning)
        self.n_tries = 0

    def env(self, folder, fault, files):
        env = dict(os.environ, CUDA_VISIBLE_DEVICES='', HF_HUB_OFFLINE='1', NO_PROXY='127.0.0.1,localhost')
        env.update(self.command.env(folder))
        if fault or files:
            env['LD_PRELOAD'] = self.library
            env.update({'SAFECONF_FAULT_' + name.upper(): path for name, path in files.items()})
        if fault:
            env['SAFECONF_FAULT'] = fault
        return env

    def call(self, folder, fault=None, preexec=None, **files):
        words = [self.program, *self.command.words(folder)]
        return subprocess.run(words, capture_output=True, env=self.env(folder, fault, files), timeout=SECONDS,
                              stdin=subprocess.DEVNULL, preexec_fn=preexec)

    def start(self, folder, user=None):
        other = {} if user is None else {'user': user, 'group': user, 'extra_groups': []}
        words = [self.program, *self.command.words(folder)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                env=self.env(folder, None, {}), **other)

    def state_of(self, folder):
        return {name: 'there' if name in self.command.holds_times else what for name, what in state_of(folder).items()}

    def begin(self, name):
        folder = os.path.join(self.folder, name, 'here')
        copy_tree(self.beginning, folder)
        return folder

    def learn(self):
        """How it ends."""
        folder = self.begin('undisturbed')
        self.plain = self.call(folder)
        assert self.plain.returncode == 0, self.plain.stderr.decode()
        self.end = self.state_of(folder)
        self.said = self.plain.stderr.decode().strip().splitlines()
        self.output = self.plain.stdout.replace(folder.encode(), b'HERE')

    def undisturbed(self):
        """Learns how it ends, and what calls it makes: {kind: [key of the call stack]}."""
        self.learn()
        again = self.begin('counted')
        sites = os.path.join(self.folder, 'sites')
        counted = self.call(again, sites=sites)
        assert counted.returncode == 0, counted.stderr.decode()
        wrong = difference(self.state_of(again), self.end)
        assert wrong is None, wrong
        calls = {kind: [] for kind in KINDS}
        with open(sites, 'rb') as file:
            for kind, _, key in struct.iter_unpack('QQQ', file.read()):
                calls[KINDS[kind]].append(key)
        return calls

    def stored(self, folder):
        """Rows of traces by (instance, trace), read from a copy: what is there is not touched."""
        rows = {}
        for root, _, files in os.walk(folder):
            if 'run.db' not in files:
                continue
            copy = os.path.join(os.path.dirname(folder), 'copy')
            copy_tree(root, copy)
            try:
                rows[os.path.relpath(root, folder)] = rows_of(os.path.join(copy, 'run.db')).get('trace', [])
            except sqlite3.Error as error:
                rows[os.path.relpath(root, folder)] = ['run.db: %s' % error]
            shutil.rmtree(copy)
        return rows

    def wrong_rows(self, rows):
        known = {row for name, tables in self.end.items() if os.path.basename(name) == 'run.db'
                 for row in tables.get('trace', ())}
        for where, found in rows.items():
            for row in found:
                if row not in known:
                    return '%s/run.db holds what an undisturbed one does not: %.120s' % (where, row)
        return None

    def line_is_wrong(self, result, effect):
        """What is wrong with what it said of its failure, or None."""
        text = result.stderr.decode(errors='replace')
        lines = [line for line in text.strip().splitlines() if line not in self.said]
        most = 3 if self.command.name == 'experiment' else 1  # each of two runs that failed, and the sum
        if not 1 <= len(lines) <= most:
            return '%d lines' % len(lines)
        if not re.match(r'safeconf( [a-z-]+)?: ', lines[0]):
            return 'a line that is not ours'
        if effect in WORDS and not any(words in text for words in (WORDS[effect], *OWN_WORDS.get(effect, ()))):
            return 'a line without the reason'
        return None

    def one(self, fault):
        """A dictionary: fault, outcome, wrong (or None), line, n_stored."""
        self.n_tries += 1
        home = '%d-%s' % (self.n_tries, fault.replace(':', '-').replace('+', 'on'))
        folder = self.begin(home)
        counts = os.path.join(self.folder, home, 'counts')
        out = {'fault': fault, 'wrong': None, 'line': '', 'n_stored': 0}
        try:
            result = self.call(folder, fault, counts=counts, where=os.path.join(self.folder, home, 'where'))
            out['line'] = ' '.join(result.stderr.decode(errors='replace').split())
            out['outcome'], out['wrong'] = self.judge_first(result, fault, folder, counts)
            rows = self.stored(folder)
            out['n_stored'] = sum(map(len, rows.values()))
            out['wrong'] = out['wrong'] or self.wrong_rows(rows) or self.goes_on(folder)
        except subprocess.TimeoutExpired:
            out['outcome'], out['wrong'] = 'hangs', 'no end after %d s' % SECONDS
        shutil.rmtree(os.path.join(self.folder, home), ignore_errors=True)
        return out

    def judge_first(self, result, fault, folder, counts):
        effect = fault.split(':')[2]
        with open(counts, 'rb') as file:
            n_fired = struct.unpack('%dQ' % (len(KINDS) + 1), file.read())[-1]
        if n_fired == 0:
            return 'not reached', None if result.returncode == 0 else 'failed without a fault'
        if result.returncode == -signal.SIGKILL and effect == 'kill':
            return 'killed', None
        if result.returncode < 0 and fault.startswith('alloc:') and self.in_openssl(os.path.dirname(counts)):
            return 'crashed in OpenSSL', None
        if result.returncode < 0:
            return 'crashed', signal.Signals(-result.returncode).name
        if result.returncode == 0:
            state = self.state_of(folder)
            if fault.startswith('unlink:'):
                state = {n: what for n, what in state.items() if n in self.end or os.path.basename(n) not in MAY_STAY}
            wrong = difference(state, self.end)
            if wrong is None and self.command.compares_output and \
                    result.stdout.replace(folder.encode(), b'HERE') != self.output:
                wrong = 'other words on standard output'
            return 'done', wrong and 'status 0, and ' + wrong
        if result.returncode in (1, 3, 130):
            return {1: 'failed', 3: 'partly', 130: 'stopped'}[result.returncode], self.line_is_wrong(result, effect)
        return 'failed', 'status %d' % result.returncode

    @staticmethod
    def in_openssl(home):
        """OpenSSL 3.0 does not bear that memory ends while it sets itself up. The program sees to it that there is
        enough before it lets it begin; a single allocation that fails all the same is OpenSSL's alone."""
        with open(os.path.join(home, 'where')) as file:
            frames = file.read()
        return 'libcrypto' in frames and 'OPENSSL_init_crypto' in frames

    def goes_on(self, folder):
        """What is wrong with the same command without a fault, or None."""
        result = self.call(folder)
        if result.returncode != 0:
            return 'again: status %d: %s' % (result.returncode, result.stderr.decode(errors='replace').strip())
        wrong = difference(self.state_of(folder), self.end)
        return wrong and 'again: ' + wrong
