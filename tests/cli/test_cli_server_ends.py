#!/usr/bin/env python3
"""Sampling from servers that fail, stop, die or change: no trace is counted that did not happen, none lost that did.

  test_cli_server_ends.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from model_server import ModelServer
from program import PROGRAM, call
from served import Servers, run_words

KEY = 'sk-test-0123456789abcdef'


class Dying:
    """A run whose server dies: its tries take a quarter of a minute, so it begins with the file's tests."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='safeconf-test-')
        self.server = ModelServer()
        self.words = run_words(self.server, os.path.join(self.folder, 'out'), '--requests', 4, '--max-failures', 3,
                               n=40, manners=['slow'])
        self.process = subprocess.Popen([PROGRAM, *map(str, self.words)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        deadline = time.time() + 20
        while len(self.server.answers) < 40 and time.time() < deadline:
            time.sleep(0.02)
        self.server.stop()

    def close(self):
        self.process.kill()
        self.process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)


def setUpModule():
    global dying
    dying = Dying()
    unittest.addModuleCleanup(dying.close)


class Faults(Servers):
    def test_a_tenth_of_requests_failing_changes_nothing(self):
        kinds = ['500', '429_now', 'closed', 'cut', 'html', 'reset', '503', 'not_json', 'no_choices', 'wrong_index']
        state = {'n': 0}

        def fault(number, request):
            state['n'] += 1
            return kinds[state['n'] // 10 % len(kinds)] if state['n'] > 30 and state['n'] % 10 == 0 else None
        with ModelServer() as server:
            self.sample(server, '--requests', 64, '--max-new-tokens', 6, out='good', n=200)
        with ModelServer(fault=fault) as server:
            self.sample(server, '--requests', 64, '--max-new-tokens', 6, out='bad', n=200)
            self.assertGreater(len(server.requests), 1090)
        self.assertEqual(self.read('good', 'predictions.jsonl'), self.read('bad', 'predictions.jsonl'))
        self.assertEqual(len(self.traces('bad')), 1000)

    def test_streams_that_break_are_asked_for_anew(self):
        kinds = ['stream_cut', 'stream_no_done', 'stream_garbage', 'stream_error']
        state = {'n': 0}

        def fault(number, request):
            state['n'] += bool(request and request.get('stream'))
            return kinds[state['n'] // 7 % 4] if state['n'] > 20 and state['n'] % 7 == 0 else None
        words = ['--policy', 'deepconf', '--min-traces', 5, '--max-traces', 12, '--eta', 50, '--window', 3]
        outs = {}
        for name, faults in (('good', lambda *_: None), ('bad', fault)):
            with ModelServer(fault=faults) as server:
                result = call('run', '--endpoint', server.url(), '--model', 'toy', '--num-instances', 40, *words,
                              '--max-new-tokens', 40, '--out', self.path(name), '--quiet')
                self.assertEqual(result.returncode, 0, result.stderr)
            outs[name] = self.read(name, 'predictions.jsonl')
        self.assertEqual(outs['good'], outs['bad'])
        self.assertIn(b'"cut"', outs['bad'])

    def test_a_kill_loses_nothing_and_asks_for_nothing_twice(self):
        with ModelServer() as server:
            words = run_words(server, self.path('out'), '--requests', 8, n=20, manners=['slow'])
            process = subprocess.Popen([PROGRAM, *map(str, words)], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            deadline = time.time() + 20
            while len(server.answers) < 50 and time.time() < deadline:
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            process.wait()
            kept = dict(self.rows('out', "select instance||'/'||trace, text from trace"))
            time.sleep(0.3)
            before, n_answers = len(server.requests), len(server.answers)
            self.assertGreater(len(kept), 10)
            self.assertEqual(call(*words).returncode, 0)
            after = dict(self.rows('out', "select instance||'/'||trace, text from trace"))
            sampled = [r['body'] for r in server.requests[before:] if r['body'] and r['body'].get('max_tokens') == 16]
        self.assertEqual(len(after), 100)
        self.assertTrue(all(after[k] == v for k, v in kept.items()))
        self.assertGreater(n_answers, 0)
        seeds = [b['seed'] for b in sampled if 'France' not in json.dumps(b)]
        self.assertEqual(len(seeds), 100 - len(kept))
        self.assertEqual(len(set(seeds)), len(seeds))

    def test_one_prompt_that_a_server_cannot_take_fails_alone(self):
        def fault(number, request):
            return '400' if request and 'steal' in json.dumps(request) else None
        with ModelServer(fault=fault) as server:
            result = self.sample(server, n=12, expect=3)
        self.assertIn('maximum context length', result.stderr)
        failed = [p for p in self.predictions() if 'failed' in p['finish_reasons']]
        self.assertTrue(failed and all('steal' in p['prompt'] for p in failed))

    def test_a_server_that_refuses_everything_is_one_line(self):
        def fault(number, request):
            return '400' if request and request.get('max_tokens') == 16 and 'France' not in json.dumps(request) else None
        with ModelServer(fault=fault) as server:
            result = self.sample(server, n=20, expect=1)
        self.assert_one_line(result, 1, 'requests were refused', 'maximum context length')
        self.assertEqual(self.rows('out', 'select count(*) from trace')[0][0], 0)

    def test_a_server_that_becomes_another_ends_the_run(self):
        state = {'server': None}

        def fault(number, request):
            if len(state['server'].answers) > 30:
                state['server'].fingerprint = 'fp_2'
            return None
        with ModelServer(fault=fault) as server:
            state['server'], server.fingerprint = server, 'fp_1'
            result = self.sample(server, n=20, expect=1)
            self.assert_one_line(result, 1, 'system_fingerprint', 'fp_1', 'fp_2')
            n = self.rows('out', 'select count(*) from trace')[0][0]
            self.assertGreater(n, 0)
            server.fault, server.fingerprint = (lambda *_: None), 'fp_1'
            self.sample(server, n=20)

    def test_two_servers_share_the_work(self):
        with ModelServer() as one, ModelServer() as two:
            self.sample(one, '--endpoint', two.url(), n=12)
            self.assertGreater(len(one.answers), 20)
            self.assertGreater(len(two.answers), 20)
        self.assertEqual(len(self.traces()), 60)

    def test_nobody_there_is_one_line_soon(self):
        server = ModelServer()
        server.stop()
        before = time.time()
        self.assert_one_line(self.sample(server, expect=1), 1, server.url())
        self.assertLess(time.time() - before, 20)

    def test_the_key_is_stored_and_shown_nowhere(self):
        with ModelServer() as server:
            result = self.sample(server, '--api-key-env', 'TOY_KEY', manners=['key'], n=2, env={'TOY_KEY': KEY})
            self.assertEqual(server.requests[-1]['headers']['Authorization'], 'Bearer ' + KEY)
        self.assertNotIn(KEY, result.stdout + result.stderr)
        for root, _, names in os.walk(self.folder):
            for name in names:
                self.assertNotIn(KEY.encode(), self.read(root, name), name)


class ServerThatDies(Servers):  # the last of the file by its name
    def test_a_server_that_dies_ends_the_run_and_fails_no_trace(self):
        server, self.folder = dying.server, dying.folder
        errors = dying.process.communicate(timeout=120)[1]
        self.assertEqual(dying.process.returncode, 1, errors)
        self.assertEqual(len(errors.strip().splitlines()), 1, errors)
        self.assertIn(server.url('slow'), errors)
        self.assertEqual(self.failed(), 0)
        self.assertGreater(self.rows('out', 'select count(*) from trace')[0][0], 0)
        with ModelServer(port=server.port) as again:
            self.assertEqual(again.port, server.port)
            self.assertEqual(call(*dying.words).returncode, 0)
        self.assertEqual(self.rows('out', 'select count(*) from trace')[0][0], 200)
        self.assertEqual(self.failed(), 0)


if __name__ == '__main__':
    unittest.main()
