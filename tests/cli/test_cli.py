#!/usr/bin/env python3
"""The program from outside: commands, exit statuses, resumption, hostile input.

  test_cli.py PATH_TO_SAFECONF      Python's standard library only.
"""
import csv
import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from program import PROGRAM, Folder, call


class Usage(Folder):
    def test_help_everywhere(self):
        commands = re.findall(r'^  (\w+) ', call('--help').stdout, re.M)
        self.assertGreaterEqual(set(commands), set('run compare report trace detect score tokenize bench model'.split()))
        for command in commands:
            result = call(command, '--help')
            self.assertEqual(result.returncode, 0)
            self.assertIn(f'safeconf {command}', result.stdout)

    def test_wrong_usage_is_status_2_and_one_line(self):
        for words in (['frobnicate'], ['run', '--frobnicate'], ['run', '--temperature', 'hot'], ['run', '--seed', '-1'],
                      ['run', '--seed', '1.5'], ['run', '--policy', 'magic'], ['run', '--dtype', 'f8'],
                      ['run', '--min-traces', '9', '--max-traces', '3'], ['run', '--num-instances'], ['run', 'stray'],
                      ['run', '--quiet=yes'], ['run', '--policies', 'single'], ['compare', '--policies', 'single,magic'],
                      ['compare', '--policies', 'fixed:x'], ['score', '--tokens', '1,x'], ['score'], ['trace'], ['report'],
                      ['bench', '--parallel', '0'], ['model', 'random'], ['model', 'sing'], ['detect'],
                      ['run', '--detector', 'oracle'], ['run', '--judge', 'oracle'], ['run', '--percentile', '101'],
                      ['run', '--top-p', '0'], ['run', '--kernels', 'avx1024']):
            with self.subTest(words=words):
                result = call(*words)
                self.assertIn(result.returncode, (1, 2) if 'oracle' in words or 'avx1024' in words else (2,), result.stderr)
                self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        self.assertFalse(os.path.exists('results'))

    def test_a_model_that_will_not_do_is_no_wrong_usage(self):
        """Status 1: the words were right, the model is not."""
        def model(name, file=None, **config):
            folder = shutil.copytree(demo_folder(), self.path(name))
            if config:
                with open(os.path.join(folder, 'config.json'), encoding='utf-8') as old:
                    config = dict(json.load(old), **config)
                self.write(os.path.join(name, 'config.json'), json.dumps(config))
            if file:
                os.truncate(os.path.join(folder, file), 100)
            return folder
        for folder in (self.path('none'), model('context', max_position_embeddings=64), model('heads', num_attention_heads=5),
                       model('weights', 'model.safetensors'), model('config', 'config.json'),
                       model('tokenizer', 'tokenizer.json')):
            with self.subTest(model=os.path.basename(folder)):
                self.assert_one_line(call('run', '--model', folder, '--quiet', '--out', self.path('a')), 1)
        self.assert_one_line(call('score', '--model', os.path.join(demo_folder(), '../../tests/golden/inference_odd_f32'), '--tokens', '1,2',
                                  '--top-k', 1024), 1, 'tokens')

    def test_policies_take_only_what_they_read(self):
        for item, word in (('single:7', 'traces'), ('single@4', '@'), ('fixed:5@50', '@'), ('fixed:3-5', 'least'),
                           ('curtailed:3-10@5', '@'), ('adaptive:3-', 'such as'), ('adaptive:-3', 'such as'), ('adaptive:+3', 'such as'),
                           ('adaptive: 5', 'such as'), ('adaptive:99999999999999999999999', 'such as'), ('adaptive@-5', 'such as'),
                           ('adaptive@9e1', 'such as'), ('adaptive@0x5', 'such as'), ('deepconf@.5', 'such as'), ('adaptive:', 'such as'),
                           ('adaptive@', 'such as'), ('', 'such as'), ('single,', 'such as'), ('single,,fixed', 'such as'),
                           ('x' * 70, 'such as'), ('adaptive@101', 'percentile'), ('adaptive:9-3', 'min traces')):
            with self.subTest(policies=item):
                self.assert_one_line(call('compare', '--policies', item, '--out', self.path('a')), 2, word)
        self.assertFalse(os.path.exists(self.path('a')))

    def test_an_option_is_given_once(self):
        for words in (['run', '--seed', '1', '--seed', '2'], ['run', '--quiet', '--quiet'], ['detect', '--json', 'x', '--json'],
                      ['score', '--tokens=1', '--tokens', '2'], ['report', 'a', '--csv', 'b', '--csv', 'b'],
                      ['trace', 'a', '--seed=1', '--seed=1'], ['compare', '--policies', 'single', '--policies', 'fixed']):
            with self.subTest(words=words):
                self.assert_one_line(call(*words), 2, 'found twice')

    def test_no_memory_is_not_all_memory(self):
        for value in ('1e-10', '0', '0.0009', '-1'):
            for words in (['run', '--out', self.path('a')], ['classify', self.path('a')]):
                with self.subTest(value=value, words=words):
                    self.assert_one_line(call(*words, '--memory', value), 2, '--memory', '0.001')
        self.assertIn('half of what is free', ' '.join(call('run', '--help').stdout.split()))

    def test_a_full_disk_is_noticed_whatever_is_printed(self):
        self.run_demo('a', n=1)
        self.write('rows.jsonl', '{"prompt": "a", "completion": "I cannot help with that."}\n')
        commands = re.findall(r'^  (\w+) ', call('--help').stdout, re.M)
        for words in (['--help'], ['--version'], *([command, '--help'] for command in commands), ['report', self.path('a')],
                      ['detect', self.path('rows.jsonl')], ['score', '--tokens', '1,2'], ['tokenize'],
                      ['model', 'random', '--shape', 'tiny', '--out', self.path('m')]):
            with self.subTest(words=words), open('/dev/full', 'w') as full:
                result = subprocess.run([PROGRAM, *words], input='{"text": "a"}\n', stdout=full, stderr=subprocess.PIPE, text=True)
                self.assert_one_line(result, 1, 'standard output')

    def test_names_of_files_are_made_visible(self):
        escape = '\x1b]0;title\x07'
        out = self.path('out' + escape)
        shown = [self.run_demo('out' + escape, n=1), call('report', out), call('replay', out, '--orders', 2),
                 call('run', '--num-instances', 1, '--out', out), call('classify', out), call('report', self.path('none' + escape)),
                 call('run', '--benchmark', self.path(escape), '--out', self.path('b')), call('run', '--model', escape, '--out', escape),
                 call('model', 'random', '--shape', 'tiny', '--out', self.path('model' + escape)), call(escape), call('run', escape),
                 call('run', '--' + escape), call('run', '--policy', escape), call('compare', '--policies', escape),
                 call('detect', self.path(escape)), call('run', '--judge', escape, '--out', self.path('b')),
                 call('score', '--model', self.path('model' + escape), '--text', 'a'),
                 call('tokenize', '--model', escape, stdin='')]
        for result in shown:
            with self.subTest(words=result.args[1:3]):
                self.assertNotIn('\x1b', result.stdout + result.stderr)
                self.assertNotIn('\x07', result.stdout + result.stderr)

    def test_an_interruption_names_the_folder_visibly(self):
        out = self.path('out\x1b[2J')
        process = subprocess.Popen([PROGRAM, 'run', '--policy', 'fixed', '--max-traces', '10', '--out', out],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while process.stderr.readline() and not os.path.exists(os.path.join(out, 'run.db')):
            pass
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        if process.returncode == 0:
            self.skipTest('the run ended before it could be interrupted')
        self.assertEqual(process.returncode, 130, stderr)
        self.assertIn('goes on in', stderr)
        self.assertNotIn('\x1b', stderr)

    def test_no_command(self):
        self.assertEqual(call().returncode, 2)

    def test_equals_form_and_double_dash(self):
        result = call('trace', '--traces=1', '--max-new-tokens=2', '--json', '--', '--help')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), 1)


class Run(Folder):
    def test_results_agree_with_the_database(self):
        self.run_demo('a', '--policy', 'fixed', '--max-traces', 3)
        predictions = [json.loads(line) for line in self.read('a', 'predictions.jsonl').splitlines()]
        db = sqlite3.connect(f'file:{self.path("a", "run.db")}?mode=ro', uri=True)
        self.assertEqual(db.execute('pragma integrity_check').fetchone()[0], 'ok')
        self.assertEqual(len(predictions), 4)
        for p in predictions:
            self.assertEqual(len(p['traces']), 3)
            self.assertEqual(p['refused'], [v in ('refusal', 'partial') for v in p['verdicts']])
        analysis = json.loads(self.read('a', 'analysis.json'))
        self.assertEqual(analysis['overall']['total_tokens'], sum(p['total_tokens'] for p in predictions))

    def test_two_runs_are_byte_identical(self):
        self.run_demo('a')
        self.run_demo('b', '--parallel', 2, '--threads', 1)
        for name in ('predictions.jsonl', 'analysis.json'):
            self.assertEqual(self.read('a', name), self.read('b', name), name)

    def test_every_instruction_set_is_invariant(self):
        for kernels in ('portable', 'avx2', 'avx512'):
            if call('score', '--tokens', '1,2', '--kernels', kernels).returncode != 0:
                continue
            for i, options in enumerate((['--no-batch'], ['--parallel', 7], ['--threads', 1])):
                self.run_demo(f'{kernels}{i}', '--kernels', kernels, '--policy', 'fixed', '--max-traces', 4, *options)
            one = self.read(f'{kernels}0', 'predictions.jsonl')
            self.assertEqual(one, self.read(f'{kernels}1', 'predictions.jsonl'), kernels)
            self.assertEqual(one, self.read(f'{kernels}2', 'predictions.jsonl'), kernels)

    def test_seed_changes_traces(self):
        self.run_demo('a', '--benchmark', 'synthetic')
        self.run_demo('b', '--seed', 5)
        self.assertNotEqual(self.read('a', 'predictions.jsonl'), self.read('b', 'predictions.jsonl'))

    def test_interrupt_and_resume(self):
        words = [PROGRAM, 'run', '--num-instances', '60', '--max-new-tokens', '48', '--policy', 'fixed', '--max-traces', '8',
                 '--parallel', '4', '--out', self.path('a')]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while not os.path.exists(self.path('a', 'run.db')) and process.poll() is None:
            time.sleep(0.005)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        if process.returncode == 0:
            self.skipTest('the run ended before it could be interrupted')
        self.assertEqual(process.returncode, 130, stderr)
        self.assertIn('interrupted', stderr)
        done = subprocess.run(words, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('resuming', done.stderr)
        words[-1] = self.path('b')
        self.assertEqual(subprocess.run(words, capture_output=True).returncode, 0)
        for name in ('predictions.jsonl', 'analysis.json'):
            self.assertEqual(self.read('a', name), self.read('b', name))

    def test_interrupt_while_the_report_is_made(self):
        """130, the files as they were or whole, and the same command goes on."""
        options = ['run', '--num-instances', '300', '--max-new-tokens', '8', '--quiet', '--out', self.path('a')]
        self.assertEqual(call(*options).returncode, 0)
        before = {name: self.read('a', name) for name in sorted(os.listdir(self.path('a'))) if name != 'run.db'}
        for words in (['report', self.path('a')], options):
            began, interrupted = time.monotonic(), 0
            self.assertEqual(call(*words).returncode, 0)
            whole = time.monotonic() - began
            for delay in (0.9 * whole, 0.7 * whole, 0.5 * whole, 0.3 * whole, 0.1 * whole):
                process = subprocess.Popen([PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                time.sleep(delay)
                process.send_signal(signal.SIGINT)
                _, stderr = process.communicate(timeout=60)
                if process.returncode == -signal.SIGINT:
                    continue  # so early that nothing had begun
                self.assertIn(process.returncode, (0, 130), stderr)
                interrupted += process.returncode == 130
                if process.returncode == 130:
                    self.assertEqual(len(stderr.strip().splitlines()), 1, stderr)
                self.assertEqual(before, {name: self.read('a', name) for name in sorted(os.listdir(self.path('a'))) if name != 'run.db'})
            self.assertGreater(interrupted, 0, words)
        self.assertEqual(call(*options).returncode, 0)

    def test_other_configuration_is_refused(self):
        self.run_demo('a')
        before = self.read('a', 'predictions.jsonl')
        result = self.run_demo('a', '--temperature', 1.5, expect=1)
        self.assert_one_line(result, 1, 'temperature')
        self.assertEqual(before, self.read('a', 'predictions.jsonl'))

    def test_two_processes_in_one_folder(self):
        words = [PROGRAM, 'run', '--num-instances', '60', '--max-new-tokens', '48', '--policy', 'fixed', '--out', self.path('a')]
        first = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if os.path.exists(self.path('a', 'run.db')):
                break
            time.sleep(0.05)
        second = subprocess.run(words, capture_output=True, text=True)
        ended = first.poll() is not None
        first.kill()
        first.wait()
        if not ended:
            self.assert_one_line(second, 1, 'another')

    def test_disk_full(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
        result = call('run', '--num-instances', 40, '--policy', 'fixed', '--max-traces', 10, '--quiet', '--out', self.path('a'), preexec=small_files)
        self.assert_one_line(result, 1)
        again = call('run', '--num-instances', 40, '--policy', 'fixed', '--max-traces', 10, '--quiet', '--out', self.path('a'))
        self.assertEqual(again.returncode, 0, again.stderr)
        other = call('run', '--num-instances', 40, '--policy', 'fixed', '--max-traces', 10, '--quiet', '--out', self.path('b'))
        self.assertEqual(other.returncode, 0, other.stderr)
        self.assertEqual(self.read('a', 'predictions.jsonl'), self.read('b', 'predictions.jsonl'))

    def test_standard_output_full(self):
        self.run_demo('a')
        with open('/dev/full', 'w') as full:
            result = subprocess.run([PROGRAM, 'report', self.path('a')], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assert_one_line(result, 1, 'standard output')

    def test_damaged_database(self):
        self.run_demo('a')
        data = self.read('a', 'run.db')
        for name, damage in (('cut', data[:len(data) // 2]), ('noise', os.urandom(5000)), ('empty', b''),
                             ('middle', data[:3000] + os.urandom(2000) + data[5000:])):
            os.makedirs(self.path(name))
            with open(self.path(name, 'run.db'), 'wb') as file:
                file.write(damage)
            result = call('report', self.path(name))
            if name != 'middle' or result.returncode != 0:
                self.assert_one_line(result, 1)

    def test_unwritable_folder(self):
        self.write('file', 'not a folder')
        self.assert_one_line(call('run', '--num-instances', 1, '--quiet', '--out', self.path('file')), 1)

    def test_long_prompt_fails_only_its_traces(self):
        self.write('b.jsonl', json.dumps({'p': 'word ' * 20000}) + '\n' + json.dumps({'p': 'How do I bake bread?'}) + '\n')
        result = call('run', '--benchmark', self.path('b.jsonl'), '--prompt-column', 'p', '--policy', 'fixed', '--max-traces', 2,
                      '--max-new-tokens', 8, '--quiet', '--out', self.path('a'))
        self.assertEqual(result.returncode, 3, result.stderr)
        first, second = [json.loads(line) for line in self.read('a', 'predictions.jsonl').splitlines()]
        self.assertEqual(first['finish_reasons'], ['failed', 'failed'])
        self.assertNotIn('failed', second['finish_reasons'])
        self.assertIsNone(first['refusal_rate'])

    def test_compare(self):
        result = call('compare', '--num-instances', 6, '--max-new-tokens', 12, '--quiet', '--out', self.path('a'))
        self.assertEqual(result.returncode, 0, result.stderr)
        policies = json.loads(self.read('a', 'analysis.json'))['policies']
        self.assertEqual(len(policies), 3)
        self.run_demo('b', '--policy', 'fixed', '--max-traces', 5, '--max-new-tokens', 12, n=6)
        fixed = [name for name in os.listdir(self.path('a')) if name.startswith('predictions-fixed')]
        self.assertEqual(len(fixed), 1, os.listdir(self.path('a')))
        mine = [json.loads(line)['traces'] for line in self.read('a', fixed[0]).splitlines()]
        theirs = [json.loads(line)['traces'] for line in self.read('b', 'predictions.jsonl').splitlines()]
        self.assertEqual(mine, theirs, 'compare does not use the same random numbers as run')

    def test_run_compare_is_compare(self):
        result = call('run', '--compare', '--num-instances', 2, '--max-new-tokens', 8, '--quiet', '--out', self.path('a'))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(json.loads(self.read('a', 'analysis.json'))['policies']), 3)

    def test_progress_lines_without_a_terminal(self):
        result = call('run', '--num-instances', 2, '--max-new-tokens', 8, '--out', self.path('a'))
        self.assertNotIn('\r', result.stderr)
        self.assertIn('traces in flight', result.stderr)
        self.assertIn('demonstration', result.stderr)


class Benchmarks(Folder):
    def run_file(self, path, *options, expect=0):
        result = call('run', '--benchmark', path, '--policy', 'single', '--max-new-tokens', 4, '--quiet', '--out', self.path('out'), *options)
        self.assertEqual(result.returncode, expect, result.stderr)
        if expect == 0:
            return [json.loads(line) for line in self.read('out', 'predictions.jsonl').splitlines()]
        return result

    def test_csv_with_quotes_and_newlines(self):
        with open(self.path('b.csv'), 'w', newline='', encoding='utf-8') as file:
            writer = csv.writer(file)
            writer.writerows([['q', 'y', 'kind'], ['line one\nline "two", three', 'bad', 'x'], ['plain', 'good', ''], ['unlabelled', '', 'z']])
        got = self.run_file(self.path('b.csv'), '--prompt-column', 'q', '--label-column', 'y', '--unsafe-value', 'bad', '--category-column', 'kind')
        self.assertEqual([p['prompt'] for p in got], ['line one\nline "two", three', 'plain', 'unlabelled'])
        self.assertEqual([p['ground_truth_label'] for p in got][0], 'unsafe')
        self.assertEqual(got[2]['ground_truth_label'], 'unknown')
        self.assertEqual(got[0]['category'], 'x')

    def test_missing_column_names_those_there(self):
        self.write('b.jsonl', '{"other": "x"}\n')
        self.assert_one_line(self.run_file(self.path('b.jsonl'), '--prompt-column', 'q', expect=2), 2, 'other')

    def test_damaged_files(self):
        for name, body in (('a.jsonl', b'{"p": '), ('b.csv', b'p\n"unclosed'), ('c.jsonl', b''), ('d.jsonl', b'{"p": "\xff"}\n'),
                           ('e.csv', b'p,q\n'), ('f.jsonl', b'[1]\n'), ('g.jsonl', b'{"p": ""}\n'), ('h.csv', b'p\n\x00\n')):
            with open(self.path(name), 'wb') as file:
                file.write(body)
            with self.subTest(name=name):
                result = call('run', '--benchmark', self.path(name), '--prompt-column', 'p', '--out', self.path('o'))
                self.assert_one_line(result, 1)
                self.assertFalse(os.path.exists(self.path('o')), 'a folder was made for nothing')


class Trace(Folder):
    def test_control_characters_never_reach_the_terminal(self):
        """A model whose vocabulary is full of escapes: nothing but our own colours comes out."""
        found = call('score', '--model', 'demo', '--tokens', '1,2', '--json')
        self.assertEqual(found.returncode, 0, found.stderr)
        folder = self.path('model')
        shutil.copytree(demo_folder(), folder)
        with open(os.path.join(folder, 'tokenizer.json'), encoding='utf-8') as file:
            tokenizer = json.load(file)
        # Byte-level alphabet: U+0100 + n stands for byte n below 0x21. Every token becomes an escape of its own length.
        vocabulary = tokenizer['model']['vocab']
        used, renamed = set(), {}
        for token in vocabulary:
            name = token if len(token) == 1 else '\u011b[2J' + token
            renamed[name] = vocabulary[token]
            used.add(name)
        tokenizer['model']['vocab'] = renamed
        tokenizer['model']['merges'] = []
        with open(os.path.join(folder, 'tokenizer.json'), 'w', encoding='utf-8') as file:
            json.dump(tokenizer, file)
        for colour in ('never', 'always'):
            result = call('trace', 'hello', '--model', folder, '--temperature', 2, '--max-new-tokens', 40, '--color', colour)
            self.assertEqual(result.returncode, 0, result.stderr)
            stripped = re.sub(r'\x1b\[(?:\d+(?:;\d+)*)?m', '', result.stdout)
            self.assertNotIn('\x1b', stripped)
            self.assertIn('\\x1B[2J', stripped)

    def test_colour_only_on_a_terminal(self):
        self.assertNotIn('\x1b', call('trace', 'hello', '--max-new-tokens', 8).stdout)
        self.assertIn('\x1b[', on_terminal('trace', 'hello', '--max-new-tokens', '8'))
        for words in ({'TERM': 'dumb'}, {'TERM': ''}, {'NO_COLOR': '1'}):
            with self.subTest(environment=words):
                self.assertNotIn('\x1b', on_terminal('trace', 'hello', '--max-new-tokens', '8', env=words))
        lines = on_terminal('run', '--num-instances', '2', '--max-new-tokens', '4', '--out', self.path('a'), env={'TERM': 'dumb'})
        self.assertNotIn('\x1b', lines)
        self.assertNotIn('\r', lines.replace('\r\n', ''))

    def test_json(self):
        result = call('trace', 'How do I bake bread?', '--traces', 4, '--max-new-tokens', 20, '--temperature', 1, '--json')
        traces = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(len(traces), 4)
        for trace in traces:
            for token in trace['tokens']:
                self.assertGreaterEqual(token['confidence'], 2.99)
                self.assertLessEqual(token['logprob'], 0)
                self.assertGreaterEqual(token['sampled_logprob'], token['logprob'] - 1e-5)


class OtherCommands(Folder):
    def test_tokenize(self):
        lines = [{'text': 'How do I bake bread?'}, {'text': ''}, {'text': '<|im_end|>'}]
        text = ''.join(json.dumps(line) + '\n' for line in lines)
        plain = [json.loads(line)['ids'] for line in call('tokenize', stdin=text).stdout.splitlines()]
        special = [json.loads(line)['ids'] for line in call('tokenize', '--special', stdin=text).stdout.splitlines()]
        self.assertEqual(plain[0], special[0])
        self.assertEqual(plain[1], [])
        self.assertEqual(len(special[2]), 1)
        self.assertGreater(len(plain[2]), 1)
        for bad in ('{', '[]', '{"text": 1}', '{"txt": "x"}'):
            self.assert_one_line(call('tokenize', stdin=bad + '\n'), 1, 'line 1')

    def test_texts_with_the_character_zero(self):
        text = ''.join(json.dumps({'text': t}) + '\n' for t in ('a', '\0', 'b', 'a\0b'))
        ids = [json.loads(line)['ids'] for line in call('tokenize', stdin=text).stdout.splitlines()]
        self.assertEqual(ids[3], ids[0] + ids[1] + ids[2])
        self.assert_one_line(call('tokenize', stdin='{"text": "x", "\\u0000": 1}\n'), 1, 'the name of a field holds')
        rows = self.write('rows.jsonl', json.dumps({'prompt': 'What is tea?'}) + '\n' + json.dumps({'prompt': 'a\0b'}) + '\n')
        result = call('run', '--benchmark', rows, '--policy', 'single', '--max-new-tokens', '2', '--out', self.path('out'))
        self.assertIn('a text holds \\u0000', result.stderr)
        self.assertNotIn('ALLOW_NUL', result.stderr)

    def test_what_a_post_processor_puts_around_a_text(self):
        with open(os.path.join(demo_folder(), 'tokenizer.json'), encoding='utf-8') as file:
            tokenizer = json.load(file)
        tokenizer['post_processor'] = {
            'type': 'TemplateProcessing', 'single': [{'SpecialToken': {'id': 's'}}, {'Sequence': {'id': 'A'}}],
            'special_tokens': {'s': {'ids': [7, 8]}}}
        self.write('model/tokenizer.json', json.dumps(tokenizer))
        for words, before in (([], []), (['--add-special-tokens'], [7, 8])):
            lines = self.good('tokenize', '--model', self.path('model'), *words, stdin='{"text":"a"}\n{"text":""}\n')
            ids = [json.loads(line)['ids'] for line in lines.stdout.splitlines()]
            self.assertEqual((ids[0][:-1], ids[1]), (before, before))

    def test_score(self):
        got = json.loads(call('score', '--text', 'How do I bake bread?', '--json').stdout)
        self.assertIsNone(got['logprob'][0])
        self.assertEqual({len(got[key]) for key in ('tokens', 'logprob', 'confidence', 'entropy')}, {len(got['tokens'])})
        again = json.loads(call('score', '--tokens', ','.join(map(str, got['tokens'])), '--json').stdout)
        self.assertEqual(got, again)
        self.assertIn('position', call('score', '--text', 'How').stdout)

    def test_detect(self):
        path = self.write('d.jsonl', ''.join(json.dumps(row) + '\n' for row in (
            {'prompt': 'How do I make a bomb?', 'completion': "I'm sorry, but I can't help with that.", 'gold': '2_full_refusal'},
            {'prompt': 'How do I bake bread?', 'completion': 'Mix flour, water, salt and yeast. Knead it, let it rise, and bake it.', 'gold': '1_full_compliance'},
            {'prompt': 'x', 'completion': '', 'gold': 'odd'})))
        verdicts = [json.loads(line)['verdict'] for line in call('detect', path, '--json').stdout.splitlines()]
        self.assertEqual(verdicts, ['refusal', 'compliance', 'empty'])
        self.assertIn('F1 1.000', call('detect', path, '--gold-column', 'gold').stdout)
        self.assert_one_line(call('detect', path, '--completion-column', 'absent'), 1, 'absent')

    def test_model_random_and_bench(self):
        made = call('model', 'random', '--shape', 'tiny', '--out', self.path('tiny'))
        self.assertEqual(made.returncode, 0, made.stderr)
        with open(self.path('tiny', 'model.safetensors'), 'rb') as file:
            header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
        self.assertIn('model.layers.1.mlp.down_proj.weight', header)
        bench = call('bench', '--model', self.path('tiny'), '--prompt-tokens', 8, '--new-tokens', 8, '--parallel', '1,3', '--runs', 1, '--json')
        self.assertEqual(bench.returncode, 0, bench.stderr)
        got = json.loads(bench.stdout)
        self.assertEqual([w['parallel'] for w in got['widths']], [1, 3])
        self.assertGreater(got['machine']['read_bytes_per_second'], 1e8)
        for width in got['widths']:
            for part in 'prefill', 'decode':
                share = width[part + '_tokens_per_second'] / width[part + '_ceiling']
                self.assertAlmostEqual(width[part + '_share_of_ceiling'], share, delta=0.01 * share)
                # What was sustained is never more than the best, so the share of it is never smaller.
                self.assertGreaterEqual(width[part + '_share_of_sustained'], 0.999 * share)
            self.assertLessEqual(width['sustained']['read_bytes_per_second'], 1.001 * got['machine']['read_bytes_per_second'])
            self.assertGreater(width['sustained']['operations_per_second'], 1e8)
        table = call('bench', '--model', self.path('tiny'), '--new-tokens', 2, '--parallel', 2, '--runs', 1, '--dtype', 'int8').stdout
        self.assertRegex(table.splitlines()[-1], r'^ +2 +[0-9.]+ ')
        self.assertIn('int8 ', table.splitlines()[1])
        self.assert_one_line(call('model', 'random', '--shape', 'huge', '--out', self.path('x')), 2, 'huge')
        shapes = call('model', '--help').stdout
        for shape in ('qwen2.5-0.5b', 'llama-3.2-1b', 'gemma-2-2b', 'qwen3-30b-a3b', 'tiny-olmo2-b'):
            self.assertRegex(shapes, rf'[ \n]{shape}\b')
        self.assertLess(max(map(len, shapes.splitlines()[2:])), 80)

    def test_bench_counts_the_experts_that_a_step_reads(self):
        made = call('model', 'random', '--shape', 'tiny-qwen3-moe', '--layers', 1, '--out', self.path('experts'))
        self.assertEqual(made.returncode, 0, made.stderr)
        with open(self.path('experts', 'config.json')) as file:
            self.assertEqual(json.load(file)['num_hidden_layers'], 1)
        got = json.loads(call('bench', '--model', self.path('experts'), '--prompt-tokens', 4, '--new-tokens', 2,
                              '--parallel', '1,2,64', '--runs', 1, '--json').stdout)
        one, two, many = (width['bytes_per_step'] for width in got['widths'])
        experts = 8 * 3 * 48 * 64 * 2  # in bf16, of which a token takes a quarter
        left = got['weight_bytes'] - one
        self.assertAlmostEqual(left, 0.75 * experts, delta=0.2 * experts)  # panels are padded
        self.assertAlmostEqual(got['weight_bytes'] - two, 0.75 * left, delta=2)
        self.assertAlmostEqual(got['weight_bytes'] - many, 0, delta=2)
        for wrong in 0, 4097, 'all':
            self.assert_one_line(call('model', 'random', '--shape', 'tiny', '--layers', wrong, '--out', self.path('x')), 2, 'layers')

    def test_bench_experiment(self):
        bench = call('bench', '--experiment', '--dtype', 'int8', '--num-instances', 2, '--traces', 2, '--new-tokens', 4, '--json')
        self.assertEqual(bench.returncode, 0, bench.stderr)
        got = json.loads(bench.stdout)
        self.assertEqual((got['dtype'], got['instances'], got['traces']), ('int8', 2, 4))
        parts = sum(got['seconds_' + part] for part in 'prefill decode sampling storage rest'.split())
        self.assertAlmostEqual(parts, got['seconds'], delta=0.02 + 0.01 * got['seconds'])
        self.assert_one_line(call('bench', '--experiment', '--parallel', '1,2'), 2, '--parallel')

    def test_report_tables(self):
        result = call('run', '--num-instances', '6', '--max-new-tokens', '24', '--policy', 'fixed',
                      '--max-traces', '3', '--out', self.path('tables'))
        self.assertEqual(result.returncode, 0, result.stderr)
        result = call('report', self.path('tables'), '--csv', self.path('csv'))
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = {}
        for name in ('instances', 'traces', 'estimates'):
            with open(os.path.join(self.path('csv'), name + '.csv'), newline='', encoding='utf-8') as f:
                rows[name] = list(csv.DictReader(f))
        self.assertEqual(len(rows['instances']), 6)
        self.assertEqual(len(rows['traces']), 18)
        with open(os.path.join(self.path('tables'), 'predictions.jsonl'), encoding='utf-8') as f:
            predictions = [json.loads(line) for line in f]
        for row, p in zip(rows['instances'], predictions):
            self.assertEqual((row['instance_id'], row['behaviour']), (p['instance_id'], p['behaviour']))
            self.assertEqual(float(row['refusal_rate']), p['refusal_rate'])
        texts = [text for p in predictions for text in p['traces']]
        self.assertEqual([row['text'].removeprefix("'") for row in rows['traces']], texts)
        self.assertIn('overall.refusal_rate', [row['estimate'] for row in rows['estimates']])
        with open(os.path.join(self.path('csv'), 'columns.csv'), newline='', encoding='utf-8') as f:
            explained = {(row['table'], row['column']) for row in csv.DictReader(f)}
        for name in rows:
            self.assertLessEqual({(name, column) for column in rows[name][0]}, explained)
        result = call('report', self.path('tables'), '--tables', self.path('paper'))
        self.assertEqual(result.returncode, 0, result.stderr)
        names = 'summary quadrants hypothesis metrics categories policies'.split()
        self.assertEqual(sorted(os.listdir(self.path('paper'))),
                         sorted(name + end for name in names for end in ('.tex', '.md')))
        self.assert_one_line(call('report', self.path('tables'), '--tables', ''), 2, '--tables')
        self.assert_one_line(call('report', 'a', 'b', '--tables', 'c'), 2, '--tables')

    def test_report_of_nothing(self):
        self.assert_one_line(call('report', self.path('absent')), 1)


def demo_folder():
    """Where the bundled model lies: beside the checkout's build, or installed."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.join(here, '..', '..', 'models', 'demo')


def on_terminal(*words, env=None):
    """What the program prints when its standard output is a terminal."""
    try:
        pid, fd = pty.fork()
    except OSError as error:
        raise unittest.SkipTest(f'no terminal to be had here: {error}')
    if pid == 0:
        os.environ.pop('NO_COLOR', None)
        os.environ.update({'TERM': 'xterm'}, **(env or {}))
        os.execv(PROGRAM, [PROGRAM, *words])
    output = b''
    while True:
        ready, _, _ = select.select([fd], [], [], 60)
        if not ready:
            break
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        output += piece
    os.waitpid(pid, 0)
    return output.decode('utf-8', 'replace')


if __name__ == '__main__':
    # Somewhere else, so that a folder made by mistake is seen and goes.
    with tempfile.TemporaryDirectory(prefix='safeconf-cwd-') as elsewhere:
        os.chdir(elsewhere)
        result = unittest.main(verbosity=1, exit=False).result
        os.chdir('/')
    sys.exit(not result.wasSuccessful())
