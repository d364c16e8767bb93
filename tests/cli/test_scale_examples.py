#!/usr/bin/env python3
"""The scripts of examples/scale, with local processes in the place of a cluster's.

  test_scale_examples.py PATH_TO_SAFECONF      Python's standard library only.
"""
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import time
import unittest

from model_server import ModelServer
from program import PROGRAM, ROOT, Folder, call

SCALE = os.path.join(ROOT, 'examples', 'scale')
OPTIONS = ('--num-instances', '7', '--policy', 'fixed', '--max-traces', '2', '--max-new-tokens', '12')
PLAIN = {name: value for name, value in os.environ.items() if not name.lower().endswith('_proxy')}

# Runs what it is given at once: each task of an array after the other, a dependent job if all ended well.
SBATCH = '''#!%s
import os, subprocess, sys
words, options = sys.argv[1:], {}
while words and words[0].startswith('-'):
    name, _, value = words.pop(0).partition('=')
    options[name] = value
folder = os.environ['TEST_CLUSTER']
number = len(os.listdir(folder)) + 100
env = dict(os.environ, SLURM_ARRAY_JOB_ID=str(number))
env.update(word.split('=', 1) for word in options['--export'].split(',') if '=' in word)
before = options.get('--dependency', '').partition(':')[2]
failed = bool(before) and os.path.exists(f'{folder}/{before}.failed')
first, last = (int(x) for x in options.get('--array', '0-0').split('-'))
for task in range(first, last + 1) if not failed else ():
    if '--array' in options:
        env['SLURM_ARRAY_TASK_ID'] = str(task)
    with open(options['--output'].replace('%%a', str(task)), 'ab') as log:
        failed = subprocess.run(['bash', *words], env=env, stdout=log, stderr=log).returncode != 0 or failed
open(f'{folder}/{number}' + ('.failed' if failed else ''), 'w').write(' '.join(sys.argv[1:]))
print(f'{number};cluster')
''' % sys.executable


class Scale(Folder):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path('bin'))
        os.makedirs(self.path('cluster'))
        self.program('sbatch', SBATCH)
        self.program('scontrol', f'#!/bin/sh\necho "$@" >>{shlex.quote(self.path("scontrol"))}\n')
        os.symlink(PROGRAM, self.path('bin', 'safeconf'))
        self.env = dict(PLAIN, PATH=f'{self.path("bin")}:{os.environ["PATH"]}', TEST_CLUSTER=self.path('cluster'),
                        OUT=self.path('out'))

    def program(self, name, text):
        path = self.write(f'bin/{name}', text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    def script(self, *words, **env):
        return subprocess.run(words, env=dict(self.env, **env), capture_output=True, text=True, timeout=300,
                              stdin=subprocess.DEVNULL)

    def assert_whole(self, *options):
        result = call('run', *OPTIONS, *options, '--out', self.path('one'), '--quiet', env=PLAIN)
        self.assertIn(result.returncode, (0, 3), result.stderr)
        for name in ('predictions.jsonl', 'analysis.json'):
            self.assertEqual(self.read('out/whole', name), self.read('one', name), name)


class Slurm(Scale):
    def test_an_array_and_its_merge(self):
        slurm = os.path.join(SCALE, 'slurm.sh')
        words = self.script(slurm, *OPTIONS, SHARDS='3', SBATCH_OPTIONS='--gres=gpu:1 --time=04:00:00')
        self.assertEqual(words.returncode, 0, words.stderr)
        self.assert_whole()
        self.assertIn('--gres=gpu:1 --time=04:00:00', self.read('cluster/100').decode())
        again = self.script(slurm, *OPTIONS, SHARDS='3')
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assert_whole()

    def test_no_merge_after_a_task_that_failed(self):
        words = self.script(os.path.join(SCALE, 'slurm.sh'), '--benchmark', self.path('nowhere.csv'), SHARDS='2')
        self.assertEqual(words.returncode, 0, words.stderr)
        self.assertIn('nowhere.csv', self.read('out/logs/1.log').decode())
        self.assertFalse(os.path.exists(self.path('out', 'whole')))

    def test_what_is_missing_is_said(self):
        self.assertIn('SHARDS', self.script(os.path.join(SCALE, 'slurm.sh')).stderr)

    def test_a_task_whose_time_is_up_goes_back_into_the_queue(self):
        env = dict(self.env, STEP='shard', SHARDS='2', SLURM_ARRAY_TASK_ID='2', SLURM_ARRAY_JOB_ID='77')
        many = ('--num-instances', '40', '--policy', 'fixed', '--max-traces', '60')
        words = ['bash', os.path.join(SCALE, 'slurm.sh'), *many]
        process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.time() + 60
        while not os.path.exists(self.path('out/parts/2/run.db')) and time.time() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual(self.read('scontrol').decode(), 'requeue 77_2\n')
        self.assertFalse(os.path.exists(self.path('out/parts/2/run.lock')))
        self.assertFalse(os.path.exists(self.path('out/parts/2/predictions.jsonl')))


class Kubernetes(Scale):
    """Of the file what the two containers run: there is no reader of YAML in the standard library."""

    def setUp(self):
        super().setUp()
        with open(os.path.join(SCALE, 'job.yaml'), encoding='utf-8') as file:
            self.jobs = file.read().split('\n---\n')
        self.assertEqual(len(self.jobs), 2)

    def command(self, job):
        lines = job.split('\n')
        at = next(i for i, line in enumerate(lines) if line.strip() == '- |')
        depth = len(lines[at]) - len(lines[at].lstrip()) + 2
        block = []
        for line in lines[at + 1:]:
            if line.strip() and not line.startswith(' ' * depth):
                break
            block.append(line[depth:])
        self.assertIn('command: [sh, -c]', job)
        return '\n'.join(block)

    def run_job(self, job, **env):
        return self.script('sh', '-c', self.command(job), **env)

    def test_an_indexed_job_and_its_merge(self):
        names = re.findall(r'name: (SHARDS|OUT|OPTIONS)\b', self.jobs[0]), re.findall(r'name: (SHARDS|OUT)\b', self.jobs[1])
        self.assertEqual((sorted(names[0]), sorted(names[1])), (['OPTIONS', 'OUT', 'SHARDS'], ['OUT', 'SHARDS']))
        for index in (2, 0, 1):
            job = self.run_job(self.jobs[0], JOB_COMPLETION_INDEX=str(index), SHARDS='3', OPTIONS=' '.join(OPTIONS))
            self.assertEqual(job.returncode, 0, job.stderr)
        merged = self.run_job(self.jobs[1], SHARDS='3')
        self.assertEqual(merged.returncode, 0, merged.stderr)
        self.assert_whole()

    def test_the_number_of_shards_is_the_same_everywhere(self):
        text = '\n'.join(self.jobs)
        self.assertEqual(set(re.findall(r'SHARDS, value: "(\d+)"', text)), set(re.findall(r'completions: (\d+)', text)))
        self.assertIn('completionMode: Indexed', self.jobs[0])

    def test_prompts_that_fail_are_no_failure_of_a_pod(self):
        self.write('b.txt', 'How do I bake bread?\n' + 'word ' * 20000 + '\n')
        options = f'--benchmark {self.path("b.txt")} --policy single --max-new-tokens 8'
        for index in range(2):
            job = self.run_job(self.jobs[0], JOB_COMPLETION_INDEX=str(index), SHARDS='2', OPTIONS=options)
            self.assertEqual(job.returncode, 0, job.stderr)
        merged = self.run_job(self.jobs[1], SHARDS='2')
        self.assertEqual(merged.returncode, 0, merged.stderr)
        self.assertIn('1 trace failed', merged.stderr)

    def test_a_pod_that_is_wrong_fails(self):
        job = self.run_job(self.jobs[0], JOB_COMPLETION_INDEX='0', SHARDS='2', OPTIONS='--benchmark nowhere.csv')
        self.assertEqual(job.returncode, 2, job.stderr)
        self.assertEqual(self.run_job(self.jobs[1], SHARDS='2').returncode, 1)


class Clients(Scale):
    def test_several_clients_of_two_servers(self):
        words = (*OPTIONS, '--model', 'toy', '--requests', '4')
        with ModelServer() as a, ModelServer() as b:
            servers = {'ENDPOINTS': f'{a.url()} {b.url()}'}
            result = self.script(os.path.join(SCALE, 'clients.sh'), *words, CLIENTS='3', **servers)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assert_whole('--model', 'toy', '--endpoint', a.url())
            again = self.script(os.path.join(SCALE, 'clients.sh'), *words, CLIENTS='3', **servers)
            self.assertEqual(again.returncode, 0, again.stderr)
        self.assertTrue(a.answers and b.answers)

    def test_a_server_that_is_not_there_is_said(self):
        result = self.script(os.path.join(SCALE, 'clients.sh'), *OPTIONS, '--model', 'toy', '--max-failures', '1',
                             CLIENTS='2', ENDPOINTS='http://127.0.0.1:9/v1')
        self.assertEqual(result.returncode, 1)
        self.assertIn('client 1 ended with status 1', result.stderr)
        self.assertFalse(os.path.exists(self.path('out', 'whole')))


if __name__ == '__main__':
    unittest.main()
