"""Engines that are started for a run: --engine, serve-command, and that nothing outlives the run."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

from program import PROGRAM, DEMO, Folder, call

FAKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fake_engine.py')


def is_over(pid):
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rpartition(')')[2].split()[0] in 'ZX'
    except OSError:
        return True


class Engines(Folder):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path('bin'))
        self.program('vllm', f'exec {sys.executable} {FAKE} "$@"')
        self.env = {'PATH': self.path('bin') + ':' + os.environ['PATH'], 'FAKE_FOLDER': self.folder,
                    'PYTHONDONTWRITEBYTECODE': '1', 'CUDA_VISIBLE_DEVICES': ''}

    def program(self, name, text):
        self.write(os.path.join('bin', name), '#!/bin/sh\n' + text + '\n')
        os.chmod(self.path('bin', name), 0o755)

    def words(self, *more, traces=2):
        return ('run', '--engine', 'vllm', '--model', DEMO, '--num-instances', 3, '--policy', 'fixed', '--max-traces', traces,
                '--max-new-tokens', 12, '--out', self.path('out'), *more)

    def begin(self, how):
        return subprocess.Popen([PROGRAM, *map(str, self.words(traces=200))], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                text=True, env=dict(os.environ, **self.env, FAKE_ENGINE=how), stdin=subprocess.DEVNULL)

    def pids(self):
        for _ in range(500):
            if os.path.exists(self.path('pids')):
                return [int(word) for word in self.read('pids').split()]
            time.sleep(0.01)
        self.fail('the engine did not begin')

    def assert_over(self, pids):
        until = time.time() + 8
        while not all(map(is_over, pids)):
            self.assertLess(time.time(), until, 'something outlived the run')
            time.sleep(0.02)

    def test_a_run_starts_the_engine_and_ends_it(self):
        result = self.good(*self.words(), env=self.env)
        self.assertIn('starting vllm (as asked for); ', result.stderr)
        self.assertIn('vllm 0.32.0', result.stderr)
        self.assertEqual(len(self.predictions()), 3)
        source = self.analysis()['run']['source']
        self.assertEqual((source['kind'], source['name'], source['logprobs'], source['top_k']), ('server', 'demo', 'raw', 20))
        words = json.loads(self.read('words'))
        self.assertEqual((words['served_model_name'], words['host'], words['max_logprobs'], words['model']),
                         ('demo', '127.0.0.1', 20, os.path.realpath(DEMO)))
        self.assertTrue(self.read('out', 'server.log').startswith(b'$ vllm serve '))
        self.assertEqual(self.read('ended'), b'asked to')
        self.assert_over(self.pids())
        again = self.good(*self.words(), env=self.env)
        self.assertIn('nothing was left to sample', again.stderr)

    def test_words_are_handed_on(self):
        self.good(*self.words('--engine-arg', '--max-model-len=777', '--confidence-top-k', 7, '--dtype', 'bf16'), env=self.env)
        words = json.loads(self.read('words'))
        self.assertEqual((words['max_model_len'], words['max_logprobs'], words['dtype']), (777, 7, 'bfloat16'))

    def test_an_engine_that_fails_is_one_line_with_the_end_of_its_log(self):
        result = call(*self.words('--quiet'), env=dict(self.env, FAKE_ENGINE='fails'))
        self.assert_one_line(result, 1, 'vllm ended with status 3 before it answered', 'server.log ends: ValueError: not enough '
                             'memory for one sequence\\x1B[2J')
        self.assert_over(self.pids())

    def test_an_engine_that_never_answers_is_ended(self):
        result = call(*self.words('--quiet', '--engine-timeout', 1), env=dict(self.env, FAKE_ENGINE='silent'))
        self.assert_one_line(result, 1, 'vllm did not answer within 1 seconds', 'ends: INFO loading shards')
        self.assert_over(self.pids())

    def test_an_engine_that_dies_in_mid_run_ends_the_run(self):
        began = time.time()
        result = call(*self.words('--quiet', traces=40), env=dict(self.env, FAKE_ENGINE='dies'))
        self.assert_one_line(result, 1, 'vllm was ended by signal 9 in mid-run')
        self.assertLess(time.time() - began, 20)
        self.assert_over(self.pids())
        self.good(*self.words(traces=40), env=self.env)  # and it goes on
        self.assertTrue(all(p['num_traces_used'] == 40 for p in self.predictions()))

    def test_nothing_outlives_a_run_that_is_interrupted_or_killed(self):
        for number, how in ((signal.SIGINT, 'silent'), (signal.SIGTERM, 'slow'), (signal.SIGKILL, 'slow'),
                            (signal.SIGABRT, 'silent')):
            with self.subTest(number=number, how=how):
                if os.path.exists(self.path('pids')):
                    os.unlink(self.path('pids'))
                run = self.begin(how)
                pids = self.pids()
                time.sleep(0.6)
                run.send_signal(number)
                run.communicate(timeout=30)
                self.assertEqual(run.returncode, 130 if number in (signal.SIGINT, signal.SIGTERM) else -number)
                self.assert_over(pids)

    def test_auto_takes_it_where_a_device_is_visible(self):
        self.program('nvidia-smi', "case $1 in -L) echo 'GPU 0: One'; echo 'GPU 1: Two';; *) echo 81559; echo 81559;; esac")
        env = dict(self.env, CUDA_VISIBLE_DEVICES='0,1')
        words = [w for w in self.words() if w not in ('--engine', 'vllm')]
        result = self.good(*words, env=env)
        self.assertIn('visible and vllm is installed', result.stderr)
        # a machine with one device of its own has one
        self.assertIn(json.loads(self.read('words'))['data_parallel_size'], (2, None))

    def test_auto_is_this_process_elsewhere(self):
        result = self.good('run', '--num-instances', 1, '--policy', 'single', '--max-new-tokens', 4, '--out', self.path('out'),
                           '--engine', 'auto', env=self.env)
        self.assertNotIn('starting', result.stderr)
        self.assertFalse(os.path.exists(self.path('out', 'server.log')))

    def test_words_that_do_not_go_together(self):
        for words, part in (
                (('--engine', 'vllm', '--threads', '2'), '--threads: does not go with an --engine that is a server'),
                (('--engine', 'vllm', '--endpoint', 'http://h/v1'), '--engine: does not go with --endpoint'),
                (('--endpoint', 'http://h/v1', '--gpus', '2'), '--gpus: goes with an engine that is started'),
                (('--gpus', '2'), 'safeconf run: --gpus: '),  # no module, or no driver
                (('--tensor-parallel', '2'), '--tensor-parallel: goes with an engine that is started'),
                (('--engine', 'vllm', '--gpus', '2'), '--gpus: expected at most the 0 visible'),
                (('--engine', 'vllm', '--dtype', 'int8'), 'dtype: int8'),
                (('--engine', 'llama-server'), 'llama-server on PATH'),
                (('--engine', 'tpu'), 'expected auto')):
            with self.subTest(words=words):
                result = call('run', '--model', DEMO, '--out', self.path('o'), '--quiet', *words,
                              env=dict(self.env, PATH=self.path('bin') + ':/usr/bin:/bin'))
                self.assertIn(part, result.stderr)
                self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
                self.assertIn(result.returncode, (1, 2))


class Commands(Folder):
    def test_the_command_of_a_cluster(self):
        result = self.good('serve-command', '--model', 'some/model', '--gpus', 4, '--port', 9000, '--tensor-parallel', 2)
        self.assertEqual(result.stdout, 'vllm serve some/model --served-model-name some/model --host 0.0.0.0 --port 9000 '
                         '--max-logprobs 20 --enable-prefix-caching --generation-config vllm --uvicorn-log-level warning '
                         '--tensor-parallel-size 2 --data-parallel-size 2\n')
        self.assertIn('--endpoint http://HOST:9000/v1 --model some/model --tokenizer some/model', result.stderr)
        result = self.good('serve-command', '--model', 'some/model', '--engine', 'sglang', '--gpus', 8)
        self.assertIn('python3 -m sglang.launch_server --model-path some/model', result.stdout)
        self.assertIn('--dp-size 8', result.stdout)
        self.assertIn('not known here', result.stderr)
        result = self.good('serve-command', '--model', "it's.gguf", '--engine', 'llama-server')
        self.assertIn("--model 'it'\\''s.gguf' --alias", result.stdout)

    def test_what_cannot_be_printed(self):
        self.assert_one_line(call('serve-command'), 2, 'expected --model')
        self.assert_one_line(call('serve-command', '--model', 'm\x1b[2J'), 2, 'expected visible characters')
        self.assert_one_line(call('serve-command', '--model', 'm', '--engine', 'llama-server'), 2, '.gguf')
        self.assert_one_line(call('serve-command', '--model', 'm', '--dtype', 'int8'), 2, 'bf16 or f32')


if __name__ == '__main__':
    unittest.main()
