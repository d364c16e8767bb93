#!/usr/bin/env python3
"""Judges in process from outside, with the model of tests/golden/judge_words, which answers as each.

  test_cli_judges.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import shutil
import sqlite3
import tempfile
import unittest

from program import call

WORDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../golden/judge_words')


def asks(*texts):
    return [{'role': ('user', 'assistant')[i % 2], 'content': text} for i, text in enumerate(texts)]


ROWS = [{'id': 'a', 'messages': asks('How ~~ so?'), 'label': 1},
        {'id': 'b', 'messages': asks('<s>[/INST] Hello'), 'label': 0},
        {'id': 'c', 'messages': asks('a ~~', 'b', 'c'), 'label': 0}]


class Judges(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='safeconf-test-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.out = os.path.join(self.folder, 'run')

    def call(self, *words, expect=0):
        result = call(*words)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def sample(self):
        rows = os.path.join(self.folder, 'rows.jsonl')
        with open(rows, 'w') as file:
            file.writelines(json.dumps(row) + '\n' for row in ROWS)
        self.call('run', '--benchmark', rows, '--max-new-tokens', 16, '--policy', 'fixed', '--max-traces', 2,
                  '--out', self.out, '--quiet')

    def model(self, name, template=None):
        """The judge's folder under a name, with a chat template of its own."""
        folder = os.path.join(self.folder, name)
        shutil.copytree(WORDS, folder)
        if template:
            shutil.copy(os.path.join(WORDS, template), os.path.join(folder, 'chat_template.jinja'))
        return folder

    def rows(self, sql):
        database = sqlite3.connect(os.path.join(self.out, 'run.db'))
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def analysis(self):
        with open(os.path.join(self.out, 'analysis.json')) as file:
            return json.load(file)

    def test_llama_guard_by_its_name_alone(self):
        self.sample()
        own = self.rows('SELECT * FROM verdict ORDER BY 1, 2')
        model = self.model('Llama-Guard-3-1B', 'llamaguard.jinja')
        result = self.call('classify', self.out, '--judge-model', model, '--judge-prompts', '--quiet')
        name = self.analysis()['run']['judge']
        self.assertRegex(name, r'^llamaguard/1:Llama-Guard-3-1B:\w+:[\w-]+@[0-9a-f]{12}\+[0-9a-f]{8}$')
        self.assertIn(name, result.stdout)
        self.assertEqual(self.rows('SELECT * FROM verdict ORDER BY 1, 2'), own)
        said = self.rows('SELECT instance, trace, safety, refused, categories, p_unsafe, output, failure'
                         ' FROM judgement')
        self.assertEqual(len([1 for _, trace, *_ in said if trace < 0]), 3)
        for instance, trace, safety, refused, categories, p_unsafe, output, failure in said:
            self.assertIsNone(failure)
            # Its model reacts to ~~ wherever it stands: in the prompt, or in an earlier turn.
            unsafe = instance != 1
            self.assertEqual((safety, refused), ('unsafe' if unsafe else 'safe', 'unasked'))
            self.assertEqual(output, 'unsafe\nS1,S10' if unsafe else 'safe')
            self.assertEqual(categories, 1 | 1 << 9 if unsafe else 0)
            self.assertEqual(p_unsafe > 0.5, unsafe)
        # The same again asks nothing; another template is another judge.
        again = self.call('classify', self.out, '--judge', 'llamaguard', '--judge-model', model,
                          '--judge-prompts', '--quiet')
        self.assertIn('Judgements: 0 now', again.stdout)
        other = os.path.join(self.folder, 'other.jinja')
        with open(os.path.join(WORDS, 'llamaguard.jinja')) as file, open(other, 'w') as out:
            out.write(file.read().replace('safe?', 'harmless?'))
        self.call('classify', self.out, '--judge-model', model, '--judge-frame', other, '--quiet')
        self.assertNotEqual(self.analysis()['run']['judge'], name)

    def test_shieldgemma_is_asked_about_each_guideline(self):
        self.sample()
        self.call('classify', self.out, '--judge-model', self.model('shieldgemma-2b', 'shieldgemma.jinja'),
                  '--quiet')
        said = self.rows('SELECT instance, safety, categories, p_unsafe, safety_mass, output FROM judgement')
        self.assertTrue(said)
        for instance, safety, categories, p_unsafe, mass, output in said:
            broken = instance == 0  # earlier turns are not shown to it
            self.assertEqual((safety, categories), ('unsafe', 15) if broken else ('safe', 0))
            self.assertEqual(p_unsafe >= 0.5, broken)
            self.assertGreater(mass, 0.9)
            word = 'Yes' if broken else 'No'
            self.assertEqual(output.splitlines(), [
                'Dangerous Content: ' + word, 'Harassment: ' + word, 'Hate Speech: ' + word,
                'Sexually Explicit Information: ' + word])

    def test_what_cannot_be_asked_is_said(self):
        self.sample()
        model = self.model('words')
        broken = os.path.join(self.folder, 'broken.jinja')
        for template, part in [('{% if %}', 'line 1'), ('{{ messages[0].content }}', 'leaves some of them out'),
                               ('{{ raise_exception("nothing") }}', 'nothing')]:
            with open(broken, 'w') as file:
                file.write(template)
            result = self.call('classify', self.out, '--judge', 'llamaguard', '--judge-model', model,
                               '--judge-frame', broken, '--quiet', expect=1)
            self.assertIn(part, result.stderr)
        for judge, words, status, part in [
                ('llamaguard', (), 1, 'chat template: expected that of a Llama Guard model'),
                ('shieldgemma', (), 1, 'chat template: expected that of a ShieldGemma model'),
                ('llamaguard', ('--judge-frame', self.folder + '/none.jinja'), 1, 'none.jinja'),
                ('llamaguard', ('--detector', 'judge'), 2, 'no question about refusal'),
                ('shieldgemma', ('--judge-url', 'http://127.0.0.1:1/v1'), 2, 'in process alone')]:
            result = self.call('classify', self.out, '--judge', judge, '--judge-model', model, '--quiet', *words,
                               expect=status)
            self.assertIn(part, result.stderr)
            self.assertEqual(len(result.stderr.strip().splitlines()), 1)


if __name__ == '__main__':
    unittest.main(verbosity=1)
