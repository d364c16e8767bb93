#!/usr/bin/env python3
"""Large and hostile input from outside: a clear line within a second for each MB, and bounded memory.

  test_hostile_sizes.py PATH_TO_SAFECONF      Python's standard library only.

hostile.py says what is allowed; tools/check-hostile-sizes runs the same at other sizes.
"""
import gzip
import json
import os
import shutil
import struct
import unittest
import zipfile

from hostile import SHOW, SIZE, Measured, parts_of
from program import DEMO

# name of the file, what begins it, what is repeated, what ends it
TABLES = {
    'a line of JSON': ('f.jsonl', '{"prompt":"', 'a', '"}\n'),
    'a line of escapes': ('f.jsonl', '{"prompt":"', '\\u00e9', '"}\n'),
    'open brackets': ('f.jsonl', '{"prompt":', '[', '\n'),
    'empty lines': ('f.jsonl', '', '\n', '{"prompt":"x"}\n'),
    'broken rows': ('f.jsonl', '', '{"prompt":\n', ''),
    'rows of JSON': ('f.jsonl', '', '{"prompt":"a longer prompt with some words"}\n', ''),
    'a list on one line': ('f.json', '[{"prompt":"x"}', ',{"prompt":"a longer prompt with some words"}', ']'),
    'values on one line': ('f.jsonl', '', '{"prompt":"a longer prompt with some words"} ', ''),
    'a list of numbers': ('f.json', '[1', ',1', ']'),
    'an open bracket a line': ('f.json', '', '[\n', ''),
    'an open quote': ('f.csv', 'prompt,label\n"', 'a,b\n', ''),
    'open quotes': ('f.csv', 'prompt,label\n', 'x,"a\n', ''),
    'a cell': ('f.csv', 'prompt,label\n', 'a', ',safe\n'),
    'columns': ('f.csv', 'prompt', ',c', '\nx\n'),
    'commas': ('f.csv', 'prompt,label\n', ',', '\n'),
    'quotes': ('f.csv', 'prompt,label\n', '"', '\n'),
    'ends of lines': ('f.csv', 'prompt,label\n', '\n', ''),
    'a line of text': ('f.txt', '', 'x', ''),
    'zeros': ('f.txt', '', '\0', ''),
    'a list as Python prints it': ('f.csv', 'prompt\n"', "[", '"\n'),
    'messages as Python prints them': ('f.csv', 'prompt\n"[', "{'role':'user','content':'x'},", ']"\n'),
}

PATTERNS = ['(?:a+)+b', 'a*a*a*a*[bc]', '(?:a(?=[^b]*b))+', 'a+b|\\s+', '(?:.*x)*y', '(?=a*b)a|.']

TEMPLATES = {
    'a long repetition': "{{ 'a' * 1000000000 }}",
    'loops in loops': '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}',
    'a macro of itself': '{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}',
    'a text that doubles': "{% set n = namespace(s='a') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}"
                           '{% endfor %}{{ n.s }}',
    'replacing': "{{ ('a' * 100000)|replace('a', 'a' * 100000) }}",
    'joining': "{{ (range(100000)|list)|join('a' * 100000) }}",
    'splitting': "{% for i in range(100000) %}{{ ('a' * 10000).split('a')|length }}{% endfor %}",
    'sorting': '{% for i in range(100000) %}{{ (range(10000)|list|sort)[0] }}{% endfor %}',
    'parentheses': '{{' + '(' * 100000,
    'conditions': '{% if x %}' * 100000,
    'filters': '{{ x' + '|upper' * 100000 + ' }}',
}

# What these reach of the bounds others do too; the long form has them.
LONG_TEMPLATES = {'loops in loops', 'a text that doubles', 'splitting'}

SUITES = {
    'open brackets': ('a=', '[', ''),
    'dotted keys': ('a', '.a', '=1'),
    'tables': ('', '[[a]]\n', ''),
    'an open text': ('a="""', 'x"', ''),
    'open tables': ('a=', '{a=', ''),
    'digits': ('a=', '1', ''),
}

WORD = 50 * SIZE / 1e6  # MB besides: of what is merged each byte has its places in four lists and a heap

ANSWERS = ["I can't ", '. ', '"', '\n', '*', '<think>', '```\n', '。', '1. ', '(', 'User: ', '“', 'But I cannot. ']


class Sizes(Measured):
    def model(self, name, **files):
        """A copy of the demonstration model with other files: tokenizer(json) changes what is there."""
        folder = self.path(name)
        shutil.copytree(DEMO, folder, dirs_exist_ok=True)
        for part, change in files.items():
            path = os.path.join(folder, part + '.json')
            with open(path, encoding='utf-8') as file:
                content = json.load(file)
            with open(path, 'w', encoding='utf-8') as file:
                json.dump(change(content) or content, file)
        return folder

    def text(self, text):
        return self.write('text.jsonl', json.dumps({'text': text}, ensure_ascii=False) + '\n')

    def test_tables(self):
        for name, (file, begin, unit, end) in TABLES.items():
            with self.subTest(name):
                path = self.large(file, begin, unit, end)
                self.measured(name, SIZE, 'detect', path, '--completion-column', 'prompt')

    def test_benchmarks_and_imports(self):
        for name in ('a line of JSON', 'rows of JSON', 'a list on one line', 'open quotes', 'a cell'):
            file, begin, unit, end = TABLES[name]
            with self.subTest(name):
                path = self.large(file, begin, unit, end)
                self.measured(f'run: {name}', SIZE, 'run', '--benchmark', path, '--label', 'safe', '--num-instances',
                              1, '--max-new-tokens', 1, '--policy', 'single', '--quiet', '--out', self.path('run'))
                self.measured(f'import: {name}', SIZE, 'import', path, '--prompt-column', 'prompt',
                              '--completion-column', 'prompt', '--out', self.path('imported'))
                shutil.rmtree(self.path('run'), ignore_errors=True)
                shutil.rmtree(self.path('imported'), ignore_errors=True)

    def test_archives(self):
        packed = self.path('f.csv.gz')
        with gzip.open(packed, 'wb') as file:
            file.write(b'prompt\n')
            for _ in range(20):
                file.write(b'a' * SIZE)
        self.measured('what unpacks to 20 times', 20 * SIZE, 'detect', packed, '--completion-column', 'prompt')
        log = self.path('f.eval')
        with zipfile.ZipFile(log, 'w', zipfile.ZIP_DEFLATED) as archive:
            archive.writestr('header.json', '{"status":"success","eval":{"task":"x","model":"m","dataset":{}}}')
            archive.writestr('samples/1_epoch_1.json', '{"id":1,"x":"' + 'a' * (20 * SIZE) + '"}')
        self.measured('a log that unpacks', 20 * SIZE, 'import', log, '--out', self.path('out'))
        with zipfile.ZipFile(log, 'w') as archive:
            for i in range(SIZE // 200):
                archive.writestr(f'samples/{i}_epoch_1.json', '{}')
        self.measured('a log of empty samples', SIZE, 'import', log, '--out', self.path('out'))

    def test_patterns_of_tokenizers(self):
        def split(pattern):
            return lambda file: file.update(pre_tokenizer={'type': 'Sequence', 'pretokenizers': [
                {'type': 'Split', 'pattern': {'Regex': pattern}, 'behavior': 'Isolated', 'invert': False},
                {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': False, 'use_regex': False}]})

        for pattern in PATTERNS:
            for unit in ('a', 'a' * 60 + 'x'):
                with self.subTest(pattern):
                    model = self.model('m', tokenizer=split(pattern))
                    self.measured(f'pattern {pattern}', SIZE, 'tokenize', '--model', model,
                                  stdin=self.text(parts_of(unit, SIZE)))
        said = self.measured('steps', SIZE, 'tokenize', '--model', self.model('m', tokenizer=split('a*a*a*[bc]')),
                             stdin=self.text('a' * SIZE), status=(1,))
        self.assertIn("the tokenizer's pattern needs too many steps", said)

    def test_normalizers(self):
        for form, unit in (('NFC', 'e\u0301'), ('NFKC', '\ufdfa'), ('NFD', '\u1e69'), ('NFC', '\u0301\u0327')):
            with self.subTest(form):
                model = self.model('m', tokenizer=lambda file: file.update(normalizer={'type': form}))
                self.measured(f'{form} of {unit!r}', SIZE, 'tokenize', '--model', model,
                              stdin=self.text('a' + unit * (SIZE // 8)))
        grow = {'type': 'Replace', 'pattern': {'String': 'a'}, 'content': 'a' * 50}
        model = self.model('m', tokenizer=lambda file: file.update(
            normalizer={'type': 'Sequence', 'normalizers': [grow] * 6}))
        said = self.measured('Replace that grows', 10000, 'tokenize', '--model', model, stdin=self.text('a' * 10000),
                             status=(1,))
        self.assertIn('normalizer makes more than', said)
        grow['content'] = 'a' * 100000  # one step alone would make 2 GB
        model = self.model('m', tokenizer=lambda file: file.update(normalizer=grow))
        said = self.measured('Replace by a long text', 20000, 'tokenize', '--model', model, stdin=self.text('a' * 20000),
                             status=(1,))
        self.assertIn('normalizer makes more than', said)

    def test_words_and_added_tokens(self):
        def added(texts, **flags):
            def change(file):
                first = 1 + max([token['id'] for token in file['added_tokens']] + list(file['model']['vocab'].values()))
                file['added_tokens'] += [dict({'id': first + i, 'content': text, 'single_word': False, 'lstrip': False,
                                               'rstrip': False, 'normalized': False, 'special': True}, **flags)
                                         for i, text in enumerate(texts)]
            return change

        for unit in ('a', 'ab', '\u0301'):
            self.measured(f'a word of {unit!r}', SIZE, 'tokenize', stdin=self.text(parts_of(unit, SIZE)), memory=WORD)
        for name, change, unit in (('tokens that begin alike', added([f'a{i:04d}z' for i in range(9999)]), 'a'),
                                   ('tokens in tokens', added(['a' * i + 'b' for i in range(1, 300)]), 'a'),
                                   ('tokens that take spaces', added([' '], lstrip=True, rstrip=True), ' '),
                                   ('nothing but tokens', added(['a'], lstrip=True), 'a')):
            with self.subTest(name):
                said = self.measured(name, SIZE, 'tokenize', '--special', '--model', self.model('m', tokenizer=change),
                                     stdin=self.text(unit * SIZE), memory=WORD)
                self.assertEqual('added tokens needs too many steps' in said, name == 'tokens in tokens', said)

    def test_templates(self):
        for name, template in TEMPLATES.items():
            if name in LONG_TEMPLATES and not SHOW:
                continue
            with self.subTest(name):
                model = self.model('m', tokenizer_config=lambda file: file.update(chat_template=template))
                said = self.measured(f'template: {name}', len(template), 'chat', '--model', model, 'hello',
                                     status=(1,))
                self.assertIn('template', said)

    def test_models(self):
        for name, header in (('spaces', b'{' + b' ' * SIZE + b'}'), ('brackets', b'[' * SIZE),
                             ('tensors', ('{' + ','.join(f'"t{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
                                                         for i in range(SIZE // 80)) + '}').encode())):
            model = self.model('m')
            self.write('m/model.safetensors', struct.pack('<Q', len(header)) + header)
            self.measured(f'header of {name}', SIZE, 'run', '--model', model, '--num-instances', 1, '--out',
                          self.path('out'), status=(1,))
        for file in ('config.json', 'tokenizer.json', 'tokenizer_config.json', 'generation_config.json'):
            model = self.model('m2')
            self.large(f'm2/{file}', '', '[', '')
            self.measured(f'{file} of brackets', SIZE, 'run', '--model', model, '--num-instances', 1, '--out',
                          self.path('out'), status=(1,))
            shutil.rmtree(model)

    def test_rules_of_users(self):
        answer = self.write('answer.jsonl', json.dumps({'prompt': 'p', 'completion': 'a' * SIZE}) + '\n')
        for pattern in PATTERNS:
            rules = self.write('rules.json', json.dumps({'add': [{'name': 'r', 'verdict': 'refusal',
                                                                  'pattern': pattern}]}))
            with self.subTest(pattern):
                self.measured(f'rule {pattern}', SIZE, 'detect', answer, '--rules', rules, status=(0,))

    def test_answers(self):
        for unit in ANSWERS:
            answer = self.write('answer.jsonl', json.dumps({'prompt': 'p', 'completion': parts_of(unit, SIZE)},
                                                           ensure_ascii=False) + '\n')
            with self.subTest(unit):
                self.measured(f'answer of {unit!r}', SIZE, 'detect', answer, '--detector', 'reader', status=(0,))

    def test_suites(self):
        for name, (begin, unit, end) in SUITES.items():
            with self.subTest(name):
                self.measured(f'suite: {name}', SIZE, 'experiment', self.large('s.toml', begin, unit, end), '--out',
                              self.path('out'), status=(1, 2))


if __name__ == '__main__':
    unittest.main()
