#!/usr/bin/env python3
"""A run on several GPUs (--gpus): a process for each card, and one run in the end.  On the emulated GPU.

  test_cli_cards.py PATH_TO_SAFECONF      Python's standard library only.
"""
import atexit
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

from program import PROGRAM, ROOT, Folder, call

MODULE = os.path.join(os.path.dirname(PROGRAM), 'libsafeconf_emulated.so')
GUARD = os.path.join(ROOT, 'tests', 'golden', 'judge_guard')
FILES = ('predictions.jsonl', 'analysis.json', 'report.html')
SHORT = ('--policy', 'fixed', '--max-traces', 2, '--max-new-tokens', 3)


WHOLE = tempfile.mkdtemp(prefix='safeconf-test-')  # the run that none disturbs
atexit.register(shutil.rmtree, WHOLE, ignore_errors=True)


class Cards(Folder):
    def setUp(self):
        super().setUp()
        self.env = dict(os.environ, SAFECONF_GPU_MODULE=MODULE, SAFECONF_EMULATED_GPU='cards=3')

    def words(self, out, *options, n=6):
        return ('run', '--num-instances', n, '--device', 'cuda', '--out', self.path(out), *options)

    def on_cards(self, out, *options, n=6, expect=0):
        result = call(*self.words(out, *options, n=n), env=self.env)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def begin(self, out, *options, n):
        process = subprocess.Popen([PROGRAM, *map(str, self.words(out, *options, n=n))], env=self.env, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        return process

    def n_traces(self, out):
        try:
            return self.rows(out, 'SELECT count(*) FROM trace')[0][0]
        except sqlite3.Error:
            return 0

    def wait_for_traces(self, out, process):
        """Until every shard that has prompts has begun to store."""
        until = time.time() + 100
        while sum(self.n_traces(f'{out}/shards/{k}') > 0 for k in (1, 2, 3)) < 2:
            self.assertIsNone(process.poll(), 'it ended before it could be disturbed')
            self.assertLess(time.time(), until)
            time.sleep(0.02)

    def children(self, process):
        with open(f'/proc/{process.pid}/task/{process.pid}/children') as file:
            return [int(word) for word in file.read().split()]

    def assert_over(self, pids):
        until = time.time() + 20
        while any(map(runs, pids)):
            self.assertLess(time.time(), until, 'a process outlived the run')
            time.sleep(0.02)

    def assert_same_run(self, a, b):
        tables = []
        for out in (a, b):
            names = [row[0] for row in self.rows(out, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
            tables.append({name: sorted(self.rows(out, f'SELECT * FROM {name}'), key=repr) for name in sorted(names)})
        self.assertEqual(*tables)
        for name in FILES:
            self.assertEqual(self.read(a, name), self.read(b, name), name)


def runs(pid):
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rpartition(')')[2].split()[0] not in 'ZX'
    except OSError:
        return False


class Same(Cards):
    def test_three_cards_give_the_run_of_one(self):
        shown = self.on_cards('three', *SHORT, '--gpus', 'all')
        for name in ('cuda:0', 'cuda:1', 'cuda:2'):
            self.assertIn(f'[{name}] ', shown.stderr)
        self.on_cards('one', *SHORT)
        self.assert_same_run('three', 'one')
        again = self.on_cards('three', *SHORT, '--gpus', 'all')
        self.assertIn('nothing was left to sample', again.stderr)
        self.assertIn('confident_refusal', again.stdout)
        self.assert_same_run('three', 'one')

    def test_two_of_three_and_one(self):
        self.on_cards('two', *SHORT, '--gpus', 2)
        self.assertEqual(sorted(os.listdir(self.path('two', 'shards'))), ['1', '2'])
        self.on_cards('one', *SHORT, '--gpus', 1)
        self.assertFalse(os.path.exists(self.path('one', 'shards')))
        self.assert_same_run('two', 'one')

    def test_policies_and_temperatures(self):
        options = ('--compare', '--policies', 'single,fixed:2', '--max-new-tokens', 3, '--temperature', '0,1')
        for out, more in (('two', ('--gpus', 2)), ('one', ())):
            self.on_cards(out, *options, *more, n=3)
        for temperature in ('temperature-0', 'temperature-1'):
            self.assert_same_run(f'two/{temperature}', f'one/{temperature}')
        self.assertEqual(self.read('two', 'diff.json').replace(b'/two/', b'/one/'), self.read('one', 'diff.json'))

    def test_a_judge_reads_the_whole_run(self):
        judge = ('--policy', 'single', '--max-new-tokens', 2, '--judge', 'guard', '--judge-model', GUARD, '--detector', 'judge')
        for out, more in (('two', ('--gpus', 2)), ('one', ())):
            self.on_cards(out, *judge, *more, n=1)
        self.assert_same_run('two', 'one')
        self.assertEqual(len(self.rows('two', 'SELECT * FROM judgement')), 1)
        for k in '12':
            names = self.rows(f'two/shards/{k}', 'SELECT name FROM sqlite_schema')
            self.assertNotIn(('judgement',), names)

    def test_failed_prompts_are_counted(self):
        self.write('b.txt', 'How do I bake bread?\n' + 'word ' * 20000 + '\nWhat is the time?\nWho are you?\n')
        options = (*SHORT, '--benchmark', self.path('b.txt'))
        self.assertIn('2 traces failed', self.on_cards('two', *options, '--gpus', 2, expect=3).stderr)
        self.on_cards('one', *options, expect=3)
        self.assert_same_run('two', 'one')


class Disturbed(Cards):
    OPTIONS = ('--policy', 'fixed', '--max-traces', 4, '--max-new-tokens', 4, '--parallel', 1, '--no-sharing')
    N = 6

    def setUp(self):
        super().setUp()
        self.process = self.begin('out', *self.OPTIONS, '--gpus', 'all', n=self.N)
        self.wait_for_traces('out', self.process)
        self.pids = self.children(self.process)

    def finish(self):
        self.assertFalse(os.path.exists(self.path('out', 'run.db')))
        before = {k: self.n_traces(f'out/shards/{k}') for k in (1, 2, 3)}
        self.on_cards('out', *self.OPTIONS, '--gpus', 'all', n=self.N)
        for k, n in before.items():
            self.assertGreaterEqual(self.n_traces(f'out/shards/{k}'), n)
        one = os.path.join(WHOLE, 'run')
        if not os.path.exists(one):
            self.on_cards(one, *self.OPTIONS, n=self.N)
        self.assert_same_run('out', one)

    def test_the_run_is_interrupted(self):
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=60)[1]
        self.assertEqual(self.process.returncode, 130, said)
        self.assertIn('interrupted; nothing is lost: the same command goes on', said)
        self.assert_over(self.pids)
        one = call(*self.words('out', *self.OPTIONS, n=self.N), env=self.env)
        self.assert_one_line(one, 1, 'shards holds a run on several GPUs', '--gpus')
        self.finish()

    def test_the_run_is_killed(self):
        self.process.kill()
        self.process.communicate(timeout=60)
        self.assert_over(self.pids)
        lock = open(self.path('out', 'shards', '1', 'run.lock'), 'w')  # as one that takes its time to end
        fcntl.flock(lock, fcntl.LOCK_EX)
        timer = threading.Timer(1, lock.close)
        timer.start()
        self.finish()
        timer.join()

    def test_a_card_is_lost(self):
        os.kill(self.pids[1], signal.SIGKILL)
        said = self.process.communicate(timeout=300)[1]
        self.assertEqual(self.process.returncode, 1, said)
        self.assertRegex(said.splitlines()[-1], r'safeconf run: cuda:\d: ended by signal 9')
        finished = [k for k in (1, 2, 3) if os.path.exists(self.path('out', 'shards', str(k), 'predictions.jsonl'))]
        self.assertEqual(len(finished), 2)
        self.finish()


class Said(Cards):
    def refuse(self, status, *words, options=()):
        result = call(*self.words('out', *SHORT, *options), env=self.env)
        self.assert_one_line(result, status, *words)
        self.assertFalse(os.path.exists(self.path('out', 'run.db')))

    def test_what_does_not_go_together(self):
        self.refuse(2, '--gpus: expected at most the 3 there are, found 4', options=('--gpus', 4))
        for wrong in ('0', '-1', 'many', '2x', ''):
            self.refuse(2, '--gpus: expected 1 to 1024 or all', options=('--gpus', wrong))
        self.refuse(2, '--shard: does not go with several cards', options=('--gpus', 2, '--shard', '1/2'))
        self.refuse(2, '--max-requests: does not go with several cards', options=('--gpus', 2, '--max-requests', 5))
        self.refuse(2, '--benchmark', 'expected a file', options=('--gpus', 2, '--benchmark', '-'))
        self.refuse(2, '--system', 'expected a file', options=('--gpus=2', '--system=@-'))
        budget = ('--gpus', 2, '--policy', 'budget', '--traces-total', 20)
        self.assert_one_line(call(*self.words('out', *budget), env=self.env), 2, 'budget', 'shard')
        one = ('run', '--out', self.path('out'), '--gpus', 2, '--device')
        self.assert_one_line(call(*one, 'cpu', env=self.env), 2, '--gpus: does not go with --device cpu')
        self.assert_one_line(call(*one, 'cuda:1', env=self.env), 2, '--gpus: does not go with one card')

    def test_each_card_says_what_is_wrong_once(self):
        result = self.on_cards('out', *SHORT, '--gpus', 2, '--chat-template', self.path('none.jinja'), expect=1)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertRegex(result.stderr, r'^safeconf run: cuda:0: .*none\.jinja.* \(and 1 more failed\)$')

    def test_another_number_of_cards_goes_on_with_no_shards_of_others(self):
        process = self.begin('out', *Disturbed.OPTIONS, '--gpus', 'all', n=Disturbed.N)
        self.wait_for_traces('out', process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        result = self.on_cards('out', *Disturbed.OPTIONS, '--gpus', 2, n=Disturbed.N, expect=1)
        self.assertRegex(result.stderr.splitlines()[-1], 'shard')

    def test_all_of_none_is_the_processor(self):
        env = dict(self.env, SAFECONF_GPU_MODULE=self.path('none.so'))
        result = call('run', *SHORT, '--num-instances', 2, '--gpus', 'all', '--device', 'auto', '--out', self.path('out'), env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        result = call('run', *SHORT, '--num-instances', 2, '--gpus', 2, '--out', self.path('two'), env=env)
        self.assert_one_line(result, 1, '--gpus: ', 'none.so')

    def test_progress_of_all_in_one_line(self):
        env = dict(self.env, SAFECONF_PROGRESS='0.01')
        result = call(*self.words('out', *SHORT, '--gpus', 2), env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r'(?m)^\d+/6 prompts, \d+ traces, \d+ tokens/s, 2 cards, .* left$')
        self.assertNotRegex(result.stderr, r'\[cuda:\d\] \d+/\d+ prompts')

    def test_quiet(self):
        self.assertEqual(self.on_cards('out', *SHORT, '--gpus', 2, '--quiet').stderr, '')


class Bench(Cards):
    WORDS = ('bench', '--device', 'cuda', '--runs', 1, '--prompt-tokens', 16)

    def test_a_gpu_has_the_shares_that_are_asked_for(self):
        words = (*self.WORDS, '--new-tokens', 4, '--parallel', '1,3')
        got = json.loads(self.good(*words, '--bandwidth', 2, '--peak', 0.1, '--json', env=self.env).stdout)
        self.assertEqual((got['device'], got['bandwidth'], got['peak']), ('cuda:0 emulated GPU', 2e9, 1e11))
        for row in got['widths']:
            steps = row['decode_tokens_per_second'] / row['parallel']
            self.assertAlmostEqual(row['share_of_bandwidth'], row['bytes_per_step'] * steps / 2e9, delta=1e-3)
            self.assertAlmostEqual(row['share_of_peak'], row['operations_per_step'] * steps / 1e11, delta=1e-3)
            self.assertTrue(0 <= row['sampling_share'] < 1)
            self.assertLess(row['prefill_tokens_per_second'], 1e5)  # what a step takes is known in the next
        table = self.good(*words, env=self.env).stdout
        self.assertRegex(table.splitlines()[-1], r'^ +3 +\d+ +\d+ +\d+ +- +[0-9.]+ +- ')

    def test_what_it_needs(self):
        self.assert_one_line(call(*self.WORDS, '--new-tokens', 2, env=self.env), 2, '--new-tokens', 'at least 3')
        self.assert_one_line(call('bench', '--bandwidth', 5), 2, '--bandwidth and --peak')

    def test_a_whole_run_takes_its_parts(self):
        words = ('bench', '--experiment', '--device', 'cuda', '--num-instances', 2, '--traces', 2, '--new-tokens', 3, '--json')
        got = json.loads(self.good(*words, env=self.env).stdout)
        parts = sum(got['seconds_' + part] for part in 'prefill decode sampling storage rest'.split())
        self.assertAlmostEqual(parts, got['seconds'], delta=0.02 + 0.01 * got['seconds'])


if __name__ == '__main__':
    unittest.main()
