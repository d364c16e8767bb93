#!/usr/bin/env python3
"""What computes, from outside: --device, and what is said where a GPU is not there or does not do.

  test_cli_device.py PATH_TO_SAFECONF      Python's standard library only.

The GPU is the emulated one (src/engine/gpu/emulated), so nothing here is fast or of one.
"""
import json
import os
import unittest

from program import DEMO, PROGRAM, Folder, call

MODULE = os.path.join(os.path.dirname(PROGRAM), 'libsafeconf_emulated.so')
NONE = {'SAFECONF_GPU_MODULE': ''}
SHORT = ('--num-instances', 2, '--max-new-tokens', 6, '--policy', 'fixed', '--max-traces', 2)


def emulated(words=''):
    return {'SAFECONF_GPU_MODULE': MODULE, 'SAFECONF_EMULATED_GPU': words}


class Devices(Folder):
    def start(self, *words, env=None, out='out', expect=0):
        """The lines that a run begins with."""
        result = call('run', *SHORT, '--dtype', 'f32', '--out', self.path(out), *words, env=env)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result.stderr.splitlines()

    def config(self, out='out'):
        return json.loads(self.rows(out, 'SELECT value FROM meta WHERE key = "config"')[0][0])

    def results(self, out):
        """What the traces of a run say."""
        return [(p['instance_id'], p['traces']) for p in self.predictions(out)]


class Absent(Devices):
    def test_a_machine_without_a_gpu_says_nothing_of_it(self):
        lines = self.start(env=NONE)
        self.assertRegex(lines[0], r'^demo \(f32, \w+, \d+ threads\), synthetic: 2 prompts ')
        self.assertNotIn('GPU', '\n'.join(lines))
        self.start('--device', 'cpu', env=NONE, out='named')
        self.assertEqual(self.results('out'), self.results('named'))

    def test_a_gpu_that_is_asked_for_and_not_there_is_one_line(self):
        for words, env, said in (
                (('--device', 'cuda'), NONE, 'the device cuda: '),  # no module, or a machine without a driver
                (('--device', 'cuda:1'), emulated(), 'expected a GPU from 0 to 0, found 1'),
                (('--device', 'cuda'), emulated('cards=0'), 'there is no GPU'),
                (('--device', 'cuda'), emulated('bytes=4096'), 'of the card\'s 0.00 GiB are free'),
                (('--device', 'cuda', '--dtype', 'int8'), emulated(), 'dtype int8 is not computed')):
            with self.subTest(said=said):
                result = call('run', *SHORT, *words, '--out', self.path('out'), env=env)
                self.assert_one_line(result, 1, said)

    def test_values_that_are_none(self):
        for value in ('gpu', 'cuda:', 'cuda:x', 'CPU', ''):
            for words in (('run', '--model', 'nobody/such-a-model', '--out', self.path('out')), ('bench',),
                          ('score', '--text', 'A text.'), ('trace', 'A prompt.'), ('risk', 'A prompt.')):
                with self.subTest(value=value, command=words[0]):
                    result = call(*words, '--device', value)
                    self.assert_one_line(result, 2, 'expected auto, cpu, cuda or cuda:N')

    def test_by_itself_the_processor_is_taken_with_the_reason(self):
        for env, said in ((emulated('cards=0'), 'there is no GPU'),
                          (emulated('bytes=4096'), 'are free'),
                          ({'SAFECONF_GPU_MODULE': self.path('none.so')}, 'its module cannot be loaded')):
            with self.subTest(said=said):
                out = 'out-' + said.split()[-1]
                lines = self.start(env=env, out=out)
                self.assertRegex(lines[0], r'^demo \(f32, \w+, \d+ threads\)')
                self.assertRegex(lines[1], rf'^no GPU is used: the device .*{said}')
                self.start('--device', 'cpu', env=NONE, out='cpu-' + out)
                self.assertEqual(self.results(out), self.results('cpu-' + out))

    def test_words_that_mean_the_processor(self):
        for words in (('--threads', 1), ('--kernels', 'portable'), ('--device', 'cpu')):
            with self.subTest(words=words):
                lines = self.start(*words, env=emulated(), out='out' + words[0])
                self.assertRegex(lines[0], r'^demo \(f32, \w+, \d+ threads\)')
                self.assertNotIn('no GPU', lines[1])

    def test_a_server_computes_by_itself(self):
        result = call('run', '--endpoint', 'http://127.0.0.1:9/v1', '--model', 'x', '--device', 'cuda', '--out',
                      self.path('out'))
        self.assert_one_line(result, 2, '--device: ')


class Runs(Devices):
    def test_answers_are_the_processors_in_any_company(self):
        lines = self.start(env=emulated(), out='card')
        self.assertRegex(lines[0], r'^demo \(f32, cuda:0 emulated GPU\), synthetic: 2 prompts ')
        self.start('--parallel', 1, env=emulated('order=shuffled'), out='alone')
        self.start('--device', 'cpu', out='processor')
        self.assertEqual(self.results('card'), self.results('processor'))
        self.assertEqual(self.read('card', 'predictions.jsonl'), self.read('alone', 'predictions.jsonl'))
        # What figures follow from is of the configuration: the other device does not go on with it.
        result = call('run', *SHORT, '--dtype', 'f32', '--device', 'cpu', '--out', self.path('card'))
        self.assert_one_line(result, 1, 'model.kernels: expected', 'found "emulated-emulated+loops+sums-')

    def test_every_command_that_opens_a_model(self):
        for words, said in ((('score', '--text', 'A short text.'), 'logprob'),
                            (('trace', 'A prompt.', '--max-new-tokens', 3), 'trace 0'),
                            (('risk', 'A prompt.', '--rows', 30, '--quiet'), 'refus'),
                            (('bench', '--parallel', '1,2', '--new-tokens', 3, '--prompt-tokens', 8, '--runs', 1),
                             'emulated GPU')):
            with self.subTest(words=words):
                result = self.good(*words, '--device', 'cuda', env=emulated())
                self.assertIn(said, result.stdout)

    def test_a_card_that_fails_ends_the_run_with_a_line_and_the_same_command_goes_on(self):
        words = ('run', *SHORT, '--quiet', '--device', 'cuda', '--out', self.path('out'))
        failed = 0
        for at in (*range(1, 40, 3), *range(40, 900, 53)):
            result = call(*words, env=emulated(f'fail={at}'))
            if result.returncode != 0:
                self.assert_one_line(result, 1, 'the device emulated: emulated: ')
                failed += 1
        self.assertGreater(failed, 15)
        self.good(*words, env=emulated())
        self.start('--device', 'cuda', env=emulated(), out='whole')


if __name__ == '__main__':
    unittest.main()
