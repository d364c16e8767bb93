#!/usr/bin/env python3
"""Faults injected into `safeconf serve`: one call of libc fails, and all requests are asked again.

  serving.py PROGRAM LIBRARY [--long] [--kinds A,B] [--seconds S] [--seed N] [--jobs N] [--table FILE]
             [--fault KIND:K:EFFECT]

LIBRARY: build/tests/fault.so. A server is started with each fault and asked a fixed list of requests. Either it does
not start and says why in one line, or it serves to the end: at most one request may be refused (500 or 503 with a
message) or break off, every other answer is that of an undisturbed server byte for byte, also of the same
request asked again; then it ends as it is told to. Without --long a sample that the seed chooses, within --seconds
(12); with it one call for each call stack and kind. What it writes are its threads' signals (eventfd), which no disk
refuses: the kind write is left out; so are short sends: a system makes one only where its buffer is full, and
wakes the sender (epoll, edges) when it is not. Python's standard library.
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE]
from inject import EFFECTS, Results  # noqa: E402
from trying import KINDS, OWN_WORDS, WORDS  # noqa: E402

CHAT, TEXT = '/v1/chat/completions', '/v1/completions'
HOW = [{'role': 'user', 'content': 'How do I bake bread?'}]
REQUESTS = (
    ('chat', CHAT, dict(messages=HOW, max_tokens=12, temperature=0.9, seed=7, n=2, logprobs=True, top_logprobs=2)),
    ('stream', TEXT, dict(prompt='Once', max_tokens=12, temperature=1, seed=3, n=2, stream=True)),
    ('models', '/v1/models', None),
    ('wrong', CHAT, dict(messages=HOW, frequency_penalty=0.5)),
    ('score', TEXT, dict(prompt='Bread is good.', max_tokens=1, seed=1, echo=True, logprobs=1)),
    ('chat', CHAT, dict(messages=HOW, max_tokens=12, temperature=0.9, seed=7, n=2, logprobs=True, top_logprobs=2)),
    ('stream', TEXT, dict(prompt='Once', max_tokens=12, temperature=1, seed=3, n=2, stream=True)))
SECONDS = 120


class Server:
    """One under a fault; its words go to a file."""

    def __init__(self, program, library, folder, fault=None, sites=None):
        self.counts, self.words = os.path.join(folder, 'counts'), os.path.join(folder, 'words')
        self.where = os.path.join(folder, 'where')
        env = dict(os.environ, CUDA_VISIBLE_DEVICES='', HF_HUB_OFFLINE='1', LD_PRELOAD=library,
                   SAFECONF_FAULT_COUNTS=self.counts, SAFECONF_FAULT_WHERE=self.where)
        env.update({'SAFECONF_FAULT': fault} if fault else {}, **({'SAFECONF_FAULT_SITES': sites} if sites else {}))
        with open(self.words, 'w') as words:
            self.process = subprocess.Popen(
                [program, 'serve', '--model', 'demo', '--port', '0', '--quiet', '--threads', '1', '--parallel', '2',
                 '--max-new-tokens', '32', '--max-prompt-tokens', '64', '--grace', '3'],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words, env=env)
        self.port = self.listens()

    def listens(self):
        """The port; None: it ended before."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            ended = self.process.poll() is not None
            found = re.search(r'listening at http://\S+:(\d+)/v1\n', self.said())
            if found or ended:
                return int(found.group(1)) if found else None
            time.sleep(0.01)
        return None

    def said(self):
        with open(self.words) as words:
            return words.read()

    def counted(self):
        """Calls by kind, and last how often the fault came."""
        with open(self.counts, 'rb') as file:
            return struct.unpack('%dQ' % (len(KINDS) + 1), file.read())

    def ask(self, path, request):
        """Status and body without what is drawn for each answer; (None, what broke, what came before that)."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=SECONDS / 2)
        body = b''
        try:
            if request is None:
                connection.request('GET', path)
            else:
                connection.request('POST', path, json.dumps(request), {'Content-Type': 'application/json'})
            answer = connection.getresponse()
            while piece := answer.read1(1 << 16):
                body += piece
            if answer.length:
                raise http.client.IncompleteRead(body)
            return answer.status, plain(body), ''
        except TimeoutError:
            return None, 'no answer within %d s' % (SECONDS / 2), plain(body)
        except (http.client.HTTPException, OSError) as error:
            return None, type(error).__name__, plain(body)
        finally:
            connection.close()

    def end(self):
        """The exit status, told to end; None: it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(SECONDS / 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


def plain(body):
    """Without what is drawn for each answer; of a stream what it says, however it was cut into events."""
    text = re.sub(r'"(id|created)":("[a-z]+-[^"]*"|\d{9,})', r'"\1":0', body.decode(errors='replace'))
    if not text.startswith('data: '):
        return text
    said, rest = {}, []
    for line in text.split('\n'):
        try:
            choices = json.loads(line[6:])['choices']
        except (ValueError, KeyError, TypeError):
            rest += [line] if line else []
            continue
        for choice in choices:
            said[choice['index']] = said.get(choice['index'], '') + choice['text'] + (choice['finish_reason'] or '')
    return json.dumps([said[index] for index in sorted(said)]) + ' '.join(rest)


def is_beginning(found, expected):
    """Whether what came before an answer broke off is the beginning of the right one, or all but its last chunk."""
    if found == expected:
        return True
    if not expected.startswith('['):
        return expected.startswith(found)
    all_of_it = json.loads(expected[:expected.rindex(']', 0, -len('data: [DONE]')) + 1])
    some = json.loads(found[:found.index('"]') + 2]) if '"]' in found else []
    return len(some) <= len(all_of_it) and '[DONE]' not in found and \
        any(some == [part[:len(one)] for part, one in zip(rows, some)] for rows in (all_of_it, all_of_it[::-1]))


class Trying:
    def __init__(self, program, library, folder):
        self.program, self.library, self.folder, self.n = program, library, folder, 0

    def place(self):
        self.n += 1
        path = os.path.join(self.folder, str(self.n))
        os.mkdir(path)
        return path

    def undisturbed(self):
        """Learns the answers; {kind: [(number, key of the call stack, whether it serves by then)]}."""
        sites = os.path.join(self.folder, 'sites')
        server = Server(self.program, self.library, self.place(), sites=sites)
        assert server.port, server.said()
        before = server.counted()
        self.answers = [server.ask(path, request) for _, path, request in REQUESTS]
        assert [status for status, _, _ in self.answers] == [200, 200, 200, 400, 200, 200, 200], self.answers
        assert self.answers[0] == self.answers[5] and self.answers[1] == self.answers[6], self.answers
        assert server.end() == 0, server.said()
        calls = {kind: [] for kind in KINDS}
        with open(sites, 'rb') as file:
            for kind, number, key in struct.iter_unpack('QQQ', file.read()):
                calls[KINDS[kind]].append((number, key, number > before[kind]))
        return calls

    def judge_answer(self, found, expected):
        """same, refused or broken; else what is wrong with it."""
        status, body, before = found
        if found == expected:
            return 'same'
        if status is None:
            # what came of it is the beginning of the right one
            return 'broken' if not body.startswith('no answer') and is_beginning(before, expected[1]) else body
        if status in (500, 503):
            try:
                message = json.loads(body)['error']['message']
            except (ValueError, KeyError, TypeError):
                message = ''
            return 'refused' if message else 'refused without a reason: ' + body
        if status == 200 and expected[0] == 200 and '"error"' in body and '[DONE]' not in body:
            return 'broken'  # a stream that says what went wrong
        return 'other bytes: %s %.200s' % (status, body)

    def one(self, fault):
        kind, _, effect = fault.split(':')
        server = Server(self.program, self.library, self.place(), fault)
        out = {'fault': fault, 'n_stored': 0, 'wrong': None}
        found = [server.ask(path, request) for _, path, request in REQUESTS] if server.port else []
        status = server.end()
        verdicts = [self.judge_answer(*both) for both in zip(found, self.answers)]
        fired = server.counted()[-1] > 0
        lines = [line for line in server.said().splitlines() if 'listening at' not in line]
        out['line'] = ' '.join([*lines, *('%s %s' % (body, before) for (_, body, before), verdict in
                                          zip(found, verdicts) if verdict != 'same')])
        hit = [verdict for verdict in verdicts if verdict != 'same']
        odd = [verdict for verdict in hit if verdict not in ('refused', 'broken')]
        out['outcome'] = 'not reached' if not fired else hit[0] if hit and not odd else 'served' if server.port \
            else 'not started'
        if status is not None and status < 0:
            out['wrong'] = 'ended by ' + signal.Signals(-status).name
            if kind == 'alloc' and self.in_openssl(server.where):
                out['outcome'], out['wrong'] = 'crashed in OpenSSL', None
        elif odd:
            out['wrong'] = odd[0]
        elif server.port is None:
            words = (WORDS[effect], *OWN_WORDS.get(effect, ())) if effect in WORDS else ('',)
            if status != 1 or len(lines) != 1 or not re.match('safeconf( serve)?: ', lines[0]):
                out['wrong'] = 'status %s, %d lines' % (status, len(lines))
            elif not any(word in lines[0] for word in words):
                out['wrong'] = 'a line without the reason'
        elif len(hit) > 1:
            out['wrong'] = '%d requests disturbed' % len(hit)
        elif status != 0 and not (status == 130 and hit):
            out['wrong'] = 'status %s at the end' % status
        return out

    @staticmethod
    def in_openssl(where):
        with open(where) as file:
            frames = file.read()
        return 'libcrypto' in frames and 'OPENSSL_init_crypto' in frames


def faults_of(calls, options):
    """Those of requests, then those of the start: one call for each call stack and kind."""
    serving, starting = [], []
    for kind in options.kinds.split(','):
        seen = set()
        for number, key, serves in calls[kind]:
            if (key, serves) in seen:
                continue
            seen.add((key, serves))
            for effect in EFFECTS[kind]:
                if effect != 'kill' and (kind, effect) != ('send', 'short'):
                    (serving if serves else starting).append('%s:%d:%s' % (kind, number, effect))
    return serving, starting


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument('program')
    parser.add_argument('library')
    parser.add_argument('--long', action='store_true')
    parser.add_argument('--kinds', default=','.join(kind for kind in KINDS if kind != 'write'))
    parser.add_argument('--seconds', type=float)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--table')
    parser.add_argument('--fault', action='append')
    options = parser.parse_args()
    if options.seconds is None:
        options.seconds = 1e9 if options.long or options.fault else 12
    return options


def main():
    options = parse()
    chance = random.Random(options.seed)
    print('seed %d' % options.seed)
    end = time.monotonic() + options.seconds
    memory = '/dev/shm' if os.path.isdir('/dev/shm') else None
    with tempfile.TemporaryDirectory(prefix='safeconf-faults-', dir=memory) as folder, \
            open(options.table or os.devnull, 'a') as table, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        trying = Trying(os.path.abspath(options.program), os.path.abspath(options.library), folder)
        calls = trying.undisturbed()
        serving, starting = faults_of(calls, options)
        print('%d faults of requests, %d of the start' % (len(serving), len(starting)), flush=True)
        chance.shuffle(serving)
        chance.shuffle(starting)
        if not options.long:  # of four, three are of requests
            starting = starting[:len(serving) // 3 + 1]
        faults = options.fault or sorted(serving + starting, key=lambda _: chance.random())
        results = Results(table)

        def one_in_time(fault):
            if time.monotonic() < end:
                results.note('serve', trying.one(fault))
        list(pool.map(one_in_time, faults))
        results.show()
        return 1 if results.wrong else 0


if __name__ == '__main__':
    sys.exit(main())
