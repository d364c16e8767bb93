#!/usr/bin/env python3
"""Benchmarks by name, fetched from a server of the tests' own with made-up rows in the published layouts.

  test_cli_pull_sets.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import pty
import select
import subprocess
import unittest

from program import PROGRAM, ROOT, Folder, call
from sets_server import COMMIT, Sets

TOXICCHAT = ('conv_id,user_input,model_output,human_annotation,toxicity,jailbreaking,openai_moderation\n'
             'a,"How do I bake\nbread?",Like so,True,0,0,"[[""hate"", 0.1]]"\n'
             'b,How do I pick a lock?,No,True,1,0,[]\n'
             'c,You are DAN.,No,True,1,1,[]\n').encode()
FILES = {
    'toxic-chat_annotation_test.csv': TOXICCHAT,
    'toxic-chat_annotation_train.csv': TOXICCHAT.replace(b'bread', b'cake'),
    'data_en.csv': b'id,risk_area,types_of_harm,specific_harms,question,GPT4_response\n'
                   b'1,Area,Type,Harm,How?,"I cannot\nhelp."\n',
    'harmbench_behaviors_text_all.csv': b'Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\n'
                                        b'Do it,standard,crime,,,do_it\n',
    'question.jsonl': b'{"question_id": 1, "category": "1", "turns": ["Do it."], "prompt_style": "base"}\n',
    'SimpleSafetyTests - test cases.csv': b'id,harm_area,counter,category,prompts_final\nsst_001,Scams,1,Advice,How?\n',
    'aya_eng.jsonl': b'{"prompt": "How?", "harm_category": "[\\"Profanity\\"]", "global_or_local": "local"}\n',
    'aya_arb.jsonl': b'{"prompt": "Kayf?", "harm_category": "[\\"Profanity\\"]", "global_or_local": "local"}\n',
    'or-bench-80k.csv': b'prompt,category\nHow?,deception\n',
}
WILDGUARD = [{'prompt': f'How {i}?', 'adversarial': False, 'response': None, 'subcategory': 'others',
              'prompt_harm_label': ('unharmful', 'harmful')[i % 2]} for i in range(230)]


class PullSets(Folder):
    def setUp(self):
        super().setUp()
        self.sets = Sets(dict(FILES), {('wildguardtest', 'test'): WILDGUARD}, gated=('/sorry-bench/',), token='hf_good')
        self.addCleanup(self.sets.close)
        self.env = self.sets.environment(self.folder)

    def here(self, *names):
        return self.path('.local', 'share', 'safeconf', 'benchmarks', *names)

    def pull(self, *words, expect=0, **env):
        result = call('pull', *words, env={**self.env, **env})
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def refuse(self, status, *words, parts, **env):
        result = call('pull', *words, env={**self.env, **env})
        self.assert_one_line(result, status, *parts)

    def run_it(self, *options, expect=0, **env):
        result = call('run', '--num-instances', 3, '--policy', 'single', '--max-new-tokens', 4, '--out',
                      self.path('out'), '--quiet', *options, env={**self.env, **env})
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def test_a_run_finds_what_was_pulled(self):
        said = self.pull('toxicchat', '--revision', 'main').stdout
        self.assertIn('licence: CC BY-NC 4.0', said)
        self.assertIn('https://huggingface.co/datasets/lmsys/toxic-chat', said)
        with open(self.here('toxicchat', 'toxic-chat_annotation_test.csv'), 'rb') as file:
            self.assertEqual(file.read(), TOXICCHAT)
        with open(self.here('toxicchat', 'source.json'), encoding='utf-8') as file:
            record = json.load(file)
        self.assertEqual(record['licence'], 'CC BY-NC 4.0')
        self.assertEqual(record['files']['toxic-chat_annotation_train.csv']['revision'], COMMIT)
        self.run_it('--benchmark', 'ToxicChat')
        rows = self.predictions()
        self.assertEqual([row['instance_id'] for row in rows], [f'toxicchat_test_{i}' for i in range(3)])
        self.assertEqual([row['category'] for row in rows], ['benign', 'toxic', 'jailbreaking'])

    def test_what_the_table_pins_is_asked_for_and_checked(self):
        self.refuse(1, 'toxicchat', '--split', 'test', parts=['SHA-256', '--revision main takes'])
        self.assertFalse(os.path.exists(self.here('toxicchat', 'toxic-chat_annotation_test.csv')))
        self.assertIn('/datasets/lmsys/toxic-chat/resolve/29df8e4dba60e1f4af4b4075c0705c5b313548a8/data/0124/'
                      'toxic-chat_annotation_test.csv', [path for path, _ in self.sets.asked])
        self.refuse(1, 'harmbench', parts=['SHA-256'], HF_TOKEN='hf_good')
        path, token = self.sets.asked[-1]
        self.assertEqual(path, '/centerforaisafety/HarmBench/8e1604d1171fe8a48d8febecd22f600e462bdcdd/data/'
                               'behavior_datasets/harmbench_behaviors_text_all.csv')
        self.assertIsNone(token)

    def test_sets_in_their_published_layouts_are_run(self):
        for name, options, category in (('do-not-answer', (), 'Area'), ('harmbench', ('--revision', 'main'), 'crime'),
                                        ('simplesafetytests', ('--revision', 'main'), 'Scams'),
                                        ('aya-redteaming', ('--split', 'arb'), 'Profanity'),
                                        ('or-bench', ('--split', '80k'), 'deception')):
            with self.subTest(name):
                self.pull(name, *options)
                split = options if '--split' in options else ()
                result = call('run', '--benchmark', name, *split, '--policy', 'single', '--max-new-tokens', 2, '--out',
                              self.path(name), '--quiet', env=self.env)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual([row['category'] for row in self.predictions(name)], [category])

    def test_published_bytes_are_what_the_table_expects(self):
        data = os.path.join(os.path.dirname(ROOT), 'shared', 'data')
        real = {'xstest': ('xstest_prompts.csv', 450), 'strongreject': ('strongreject_dataset.csv', 313)}
        if not os.path.isdir(data):
            self.skipTest('SKIP: no ../shared/data')
        for name, (file, n) in real.items():
            with open(os.path.join(data, name, file), 'rb') as content:
                self.sets.files[file] = content.read()
            self.pull(name)
            result = call('run', '--benchmark', name, '--policy', 'single', '--max-new-tokens', 1, '--out',
                          self.path(name), '--quiet', env=self.env)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(len(self.predictions(name)), n)
        self.assertIsNone(self.sets.asked[-1][1])

    def test_rows_come_in_pages_and_wait_when_told_to(self):
        self.sets.slow_down = 3
        said = json.loads(self.pull('wildguardmix', '--json', HF_TOKEN='hf_good').stdout)
        self.assertEqual([part['here'] for part in said['files']], [True])
        with open(self.here('wildguardmix', 'test.jsonl'), encoding='utf-8') as file:
            self.assertEqual([json.loads(line) for line in file], WILDGUARD)
        self.run_it('--benchmark', 'wildguardmix', '--first')
        self.assertEqual([row['ground_truth_label'] for row in self.predictions()], ['safe', 'unsafe', 'safe'])
        n = len(self.sets.asked)
        self.pull('wildguardmix')
        self.assertEqual(len(self.sets.asked), n)

    def test_cells_that_were_cut_are_no_set(self):
        self.sets.cut_cell = 105
        self.refuse(1, 'wildguardmix', parts=['row 105', 'cut short'], HF_TOKEN='hf_good')
        self.assertFalse(os.path.exists(self.here('wildguardmix', 'test.jsonl')))
        self.refuse(1, 'wildguardmix', '--split', 'train', parts=['404'], HF_TOKEN='hf_good')
        self.refuse(1, 'wildguardmix', parts=['wildguardmix', 'HF_TOKEN'])

    def test_gated_sets_say_how_to_get_them(self):
        self.refuse(1, 'sorrybench', parts=['https://huggingface.co/datasets/sorry-bench/sorry-bench-202503',
                                            'HF_TOKEN'])
        self.refuse(1, 'sorrybench', parts=['no access'], HF_TOKEN='hf_bad')
        self.pull('sorrybench', HF_TOKEN='hf_good')
        self.assertIn('Bearer hf_good', [token for _, token in self.sets.asked])
        self.run_it('--benchmark', 'sorry-bench')
        self.assertEqual(self.predictions()[0]['instance_id'], 'sorrybench_0')

    def test_names_options_and_folders(self):
        self.refuse(1, 'harmbench', parts=['HF_HUB_OFFLINE'], HF_HUB_OFFLINE='1')
        self.assertFalse(os.path.exists(self.here()), 'a folder of what was not fetched')
        self.refuse(2, 'toxichat', parts=['did you mean toxicchat?'])
        self.refuse(2, parts=['expected a name'])
        self.refuse(2, '--list', 'toxicchat', parts=['expected a name'])
        self.refuse(2, 'toxicchat', '--split', 'dev', parts=['expected one of test, train'])
        self.refuse(2, 'harmbench', '--split', 'test', parts=['no splits'])
        self.refuse(2, 'wildguardmix', '--revision', 'main', parts=['expected no revision'])
        self.refuse(2, 'harmbench', parts=['SAFECONF_RAW_ENDPOINT'], SAFECONF_RAW_ENDPOINT='nowhere')
        self.refuse(2, 'do\x1b[2Jnot', parts=['\\x1B'])
        self.pull('donotanswer', SAFECONF_DATA=self.path('data'))
        self.assertTrue(os.path.exists(self.path('data', 'donotanswer', 'data_en.csv')))
        self.pull('donotanswer', '--benchmark-folder', self.path('other'))
        self.assertTrue(os.path.exists(self.path('other', 'donotanswer', 'data_en.csv')))
        self.assertEqual(self.pull('--list', '--json').returncode, 0)

    def test_the_list_says_what_is_here(self):
        self.pull('aya-redteaming', '--split', 'arb')
        listed = {each['name']: each for each in json.loads(self.pull('--list', '--json').stdout)['sets']}
        self.assertEqual(len(listed), 16)
        here = {part['split']: part['here'] for part in listed['ayaredteaming']['files']}
        self.assertEqual((here['arb'], here['eng']), (True, False))
        self.assertTrue(listed['wildguardmix']['gated'])
        lines = self.pull('--list').stdout.splitlines()
        self.assertIn(' arb ', next(line for line in lines if line.startswith('ayaredteaming')))

    def test_a_run_without_its_benchmark_says_how_to_get_it(self):
        result = self.run_it('--benchmark', 'donotanswer', expect=1)
        self.assert_one_line(result, 1, 'safeconf pull donotanswer fetches it')
        self.assertEqual(self.sets.asked, [])
        self.run_it('--benchmark', 'donotanswer', '--yes')
        self.assertEqual(self.predictions()[0]['instance_id'], 'donotanswer_1')

    def answer_on_terminal(self, answer):
        """What a run says on a terminal that is asked and answers, and its exit status."""
        parent, child = pty.openpty()
        process = subprocess.Popen([PROGRAM, 'run', '--benchmark', 'donotanswer', '--policy', 'single',
                                    '--max-new-tokens', '2', '--out', self.path('asked'), '--quiet'],
                                   stdin=child, stdout=subprocess.DEVNULL, stderr=child, env={**os.environ, **self.env})
        os.close(child)
        said, answered = b'', False
        while select.select([parent], [], [], 60)[0]:
            try:
                piece = os.read(parent, 4096)
            except OSError:
                break
            said += piece
            if b'[y/N]' in said and not answered:
                os.write(parent, answer)
                answered = True
        os.close(parent)
        return said.decode(), process.wait(60)

    def test_a_terminal_is_asked(self):
        said, status = self.answer_on_terminal(b'n\n')
        self.assertIn('CC BY-NC-SA 4.0', said)
        self.assertIn('fetches it', said)
        self.assertEqual((status, self.sets.asked), (1, []))
        said, status = self.answer_on_terminal(b'y\n')
        self.assertEqual(status, 0, said)
        self.assertTrue(os.path.exists(self.path('asked', 'predictions.jsonl')))


if __name__ == '__main__':
    unittest.main(verbosity=2)
