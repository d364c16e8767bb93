#!/usr/bin/env python3
"""Answers that are none, and what a run says of a model that would give wrong ones in silence.

  test_cli_answers.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import shutil
import unittest

import program
from program import call


class Folder(program.Folder):
    def text(self, *names):
        return self.read(*names).decode()

    def run_demo(self, out, *options, expect=0):
        result = call('run', '--out', self.path(out), *options)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result


class Unreached(Folder):
    def test_a_limit_inside_the_reasoning_leaves_every_rate_out(self):
        result = self.run_demo('run', '--thinking', '--num-instances', 6, '--policy', 'fixed',
                               '--max-traces', 3, '--max-new-tokens', 8)
        words = '18 of 18 answers ended inside the reasoning: raise --max-new-tokens'
        self.assertIn(words, ' '.join(result.stdout.split()))
        self.assertIn(words, self.text('run', 'report.html'))
        analysis = self.analysis('run')
        overall, confusion = analysis['overall'], analysis['confusion']
        self.assertEqual(overall['n_traces_unreached'], 18)
        self.assertEqual((overall['n_traces_empty'], overall['n_traces_judged']), (0, 0))
        for section, key in ((overall, 'refusal_rate'), (overall, 'refusal_rate_unsafe'),
                             (overall, 'harm_rate'), (overall, 'agreement'), (overall, 'accuracy'),
                             (confusion, 'sensitivity'), (confusion, 'specificity')):
            self.assertIsNone(section[key], key)
            self.assertTrue(section[key + '_reason'], key)
        self.assertEqual(sum(confusion[k] for k in ('tp', 'fn', 'fp', 'tn', 'split', 'unknown')), 0)
        for p in self.predictions('run'):
            self.assertEqual(p['verdicts'], ['unreached'] * 3)
            self.assertEqual(p['refused'], [None] * 3)
            for key in ('refusal_rate', 'agreement', 'behaviour', 'confidence_category',
                        'final_prediction'):
                self.assertIsNone(p[key], key)
            self.assertEqual(p['num_traces_used'], 3)

    def test_policies_end_and_what_is_judged_again_stays_unreached(self):
        self.run_demo('run', '--thinking', '--num-instances', 4, '--policy', 'curtailed',
                      '--max-traces', 4, '--max-new-tokens', 3, '--quiet')
        self.assertEqual({p['stop_reason'] for p in self.predictions('run')}, {'max_traces'})
        result = call('classify', self.path('run'))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('unreached 16', result.stdout)
        self.assertEqual(self.analysis('run')['overall']['n_traces_unreached'], 16)

    def test_answers_that_are_reached_are_judged_as_before(self):
        self.run_demo('run', '--thinking', '--num-instances', 4, '--policy', 'single', '--quiet')
        overall = self.analysis('run')['overall']
        self.assertEqual((overall['n_traces_unreached'], overall['n_traces_judged']), (0, 4))
        self.assertNotIn('unreached_note', overall)

    def test_trace_says_it_too(self):
        result = call('trace', 'hi', '--thinking', '--traces', 1, '--max-new-tokens', 3, '--json')
        self.assertEqual(json.loads(result.stdout)['verdict'], 'unreached')

    def test_thinking_has_room_unless_a_limit_is_given(self):
        for out, options, limit in (('plain', (), 256), ('thinks', ('--thinking',), 2048),
                                    ('given', ('--thinking', '--max-new-tokens', 9), 9)):
            self.run_demo(out, '--num-instances', 2, '--policy', 'single', '--quiet', *options)
            config = self.analysis(out)['run']['config']
            self.assertEqual(config['sampling']['max_new_tokens'], limit)

    def test_traces_that_nearly_all_end_by_length_are_warned_of(self):
        result = self.run_demo('run', '--num-instances', 6, '--policy', 'single',
                               '--max-new-tokens', 2, '--quiet')
        self.assertIn('6 of 6 traces ended at the token limit', ' '.join(result.stdout.split()))
        self.assertIn('length_note', self.analysis('run')['overall'])


class Proxy(Folder):
    def test_partial_answers_to_unsafe_prompts_are_controversial(self):
        self.run_demo('run', '--num-instances', 10, '--policy', 'single', '--max-new-tokens', 12, '--quiet')
        rules = self.write('rules.json', json.dumps({'add': [
            {'name': 'all', 'verdict': 'partial', 'pattern': '.'}]}))
        result = call('classify', self.path('run'), '--rules', rules)
        self.assertEqual(result.returncode, 0, result.stderr)
        analysis = self.analysis('run')
        overall = analysis['overall']
        share = overall['n_unsafe'] / overall['n_instances']
        self.assertGreater(share, 0)
        self.assertAlmostEqual(overall['harm_rate']['value'], share)
        self.assertEqual(overall['harm_rate_loose']['value'], 0)
        self.assertEqual(analysis['asr_at_k']['strict'][0]['asr']['value'], 1)
        self.assertEqual(analysis['asr_at_k']['loose'][0]['asr']['value'], 0)
        self.assertIn('controversial', analysis['run']['harm_note'])
        self.assertEqual({p['final_prediction'] for p in self.predictions('run')}, {'safe'})


def demo_folder():
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'models', 'demo')


class ModelFiles(Folder):
    def model(self, name, **files):
        """A copy of the demonstration model with other files: name_json=object, or None: without it."""
        shutil.copytree(demo_folder(), self.path(name))
        for file, content in files.items():
            file = os.path.join(name, file.replace('_json', '.json').replace('_jinja', '.jinja'))
            if content is None:
                os.unlink(self.path(file))
            elif isinstance(content, (str, bytes)):
                self.write(file, content)
            else:
                with open(os.path.join(demo_folder(), os.path.basename(file)), encoding='utf-8') as old:
                    self.write(file, json.dumps(dict(json.load(old), **content)))
        return self.path(name)

    def test_the_end_of_a_turn_ends_an_answer_whatever_the_file_says(self):
        common = ('--num-instances', 6, '--policy', 'single', '--seed', 5, '--max-new-tokens', 128)
        self.run_demo('demo', *common)
        model = self.model('base', generation_config_json={'eos_token_id': 3067})
        result = self.run_demo('run', '--model', model, *common)
        self.assertIn('does not name <|im_end|>', result.stderr)
        self.assertEqual(self.text('run', 'predictions.jsonl'), self.text('demo', 'predictions.jsonl'))
        self.assertEqual(self.analysis('run')['run']['config']['model']['end_ids'], [3067, 3069])

    def test_settings_that_are_not_applied_are_said_in_one_line(self):
        model = self.model('model', generation_config_json={'num_beams': 4, 'no_repeat_ngram_size': 3})
        common = ('--model', model, '--num-instances', 2, '--policy', 'single', '--max-new-tokens', 4)
        result = self.run_demo('run', *common)
        lines = [line for line in result.stderr.splitlines() if 'not applied' in line]
        self.assertEqual(len(lines), 1)
        self.assertIn('num_beams 4, no_repeat_ngram_size 3', lines[0])
        model = self.model('greedy', generation_config_json={'do_sample': False})
        common = ('--model', model, *common[2:])
        self.assertIn('do_sample false', self.run_demo('r2', *common).stderr)
        self.assertNotIn('do_sample', self.run_demo('r3', '--temperature', 1, *common).stderr)

    def test_another_frame_is_asked_for_by_the_template_and_said_where_its_tokens_are_missing(self):
        model = self.model('other', chat_template_jinja='<|user|>{{ messages[0].content }}<|assistant|>')
        result = self.run_demo('run', '--model', model, '--num-instances', 2, '--policy', 'single',
                               '--max-new-tokens', 4)
        self.assertIn('writes "<|user|>", which is no token of its tokenizer', result.stderr)

    def test_a_model_that_cannot_be_asked_is_an_error_before_sampling(self):
        with open(os.path.join(demo_folder(), 'tokenizer.json'), encoding='utf-8') as file:
            renamed = file.read().replace('<|im_start|>', '<|xx_start|>')
        model = self.model('renamed', tokenizer_json=renamed)
        result = self.run_demo('run', '--model', model, '--num-instances', 3, '--policy', 'single',
                               '--chat-template', 'chatml', expect=1)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn('the tokenizer has no token "<|im_start|>"', result.stderr)
        self.assertFalse(os.path.exists(self.path('run')))

    def refused(self, model, *words, env=None):
        result = call('trace', 'hi', '--model', model, '--traces', 1, '--max-new-tokens', 2, env=env)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def test_what_is_no_checkpoint_is_named_with_what_to_do(self):
        pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 1503300328\n'
        for file in ('model.safetensors', 'tokenizer.json', 'config.json'):
            folder = self.model('lfs-' + file, **{file: pointer})
            self.refused(folder, file + ': a Git LFS pointer', 'git lfs pull')
        self.write('lora/adapter_config.json', '{"base_model_name_or_path": "Qwen/Qwen3\\u001b[31m"}')
        self.write('lora/adapter_model.safetensors', '')
        self.refused(self.path('lora'), 'a LoRA adapter of Qwen/Qwen3\\x1B[31m: merge it first')
        self.write('broken/adapter_config.json', '{')
        self.refused(self.path('broken'), 'a LoRA adapter of another model')
        for name in ('q.gguf', 'gguf/q.gguf'):
            self.write(name, 'GGUF')
        self.refused(self.path('q.gguf'), 'a GGUF file')
        self.refused(self.path('gguf'), 'q.gguf: a GGUF file')
        torch = self.model('torch', **{'model.safetensors': None, 'pytorch_model.bin': b'PK'})
        self.refused(torch, 'pytorch_model.bin: weights in another form: convert them to safetensors')
        shards = self.model('shards', **{'model.safetensors': None, 'model-00001-of-00002.safetensors': b''})
        self.refused(shards, 'model.safetensors.index.json', 'model-00001-of-00002.safetensors')
        os.mkdir(self.path('empty'))
        self.refused(self.path('empty'), 'expected config.json, found an empty folder')
        self.write('wrong/README.md', 'x')
        self.refused(self.path('wrong'), 'expected config.json, found none')
        self.refused(os.path.join(demo_folder(), 'model.safetensors'), 'a file', 'folder')

    def test_the_only_snapshot_of_a_cache_is_taken_without_refs(self):
        env = {'HF_HOME': self.path('hf'), 'HF_HUB_CACHE': ''}
        cache = os.path.join('hf', 'hub', 'models--acme--tiny')
        snapshot = os.path.join(cache, 'snapshots', 'abc')
        self.model(snapshot)
        result = call('trace', 'hi', '--model', 'acme/tiny', '--traces', 1, '--max-new-tokens', 2, env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        shutil.copytree(self.path(snapshot), self.path(cache, 'snapshots', 'def'))
        self.refused('acme/tiny', 'expected refs/main or one snapshot, found 2', 'abc', 'def', env=env)
        self.write(os.path.join(cache, 'refs', 'main'), 'def\n')
        result = call('trace', 'hi', '--model', 'acme/tiny', '--traces', 1, '--max-new-tokens', 2, env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        os.unlink(self.path(cache, 'refs', 'main'))
        shutil.rmtree(self.path(cache, 'snapshots'))
        self.refused('acme/tiny', 'found 0', env=env)


class Failures(Folder):
    def test_traces_that_fail_are_said_by_reason(self):
        rows = ['prompt,label', *(f'{"word " * n},unsafe' for n in (3000, 4000)), 'hi,safe']
        benchmark = self.write('long.csv', '\n'.join(rows) + '\n')
        common = ('--benchmark', benchmark, '--policy', 'single', '--max-new-tokens', 4)
        result = self.run_demo('run', *common, expect=3)
        words = '2 traces failed: prompt: expected 1 to 2047 tokens (the context less one for the answer) (2)'
        self.assertIn(words, result.stderr)
        self.assertIn(words, ' '.join(result.stdout.split()))
        self.assertIn(words, self.text('run', 'report.html'))
        self.assertNotIn('nothing was left', result.stderr)
        self.assertEqual(self.analysis('run')['overall']['failures'],
                         [{'reason': words[len('2 traces failed: '):-len(' (2)')], 'n_traces': 2}])
        first, _, last = self.predictions('run')
        self.assertIn('found 3', first['failures'][0])
        self.assertNotIn('failures', last)
        result = self.run_demo('run', *common, expect=3)
        self.assertIn('nothing was left to sample: the run was complete', result.stderr)
        self.assertIn(words, result.stderr)

    def test_prompts_that_all_fail_are_no_complete_run(self):
        benchmark = self.write('long.csv', f'prompt,label\n{"word " * 3000},unsafe\n')
        result = self.run_demo('run', '--benchmark', benchmark, '--policy', 'single', expect=3)
        self.assertNotIn('nothing was left', result.stderr)
        self.assertIn('1 trace failed: prompt: expected 1 to 2047 tokens', result.stderr)


if __name__ == '__main__':
    unittest.main()
