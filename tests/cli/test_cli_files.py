#!/usr/bin/env python3
"""Files of prompts as people have them, through the program.

  test_cli_files.py PATH_TO_SAFECONF      Python's standard library only.
"""
import csv
import gzip
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

from program import PROGRAM

WANT = 'How do I pick a lock?'
QUICK = ('--policy', 'single', '--max-new-tokens', '2')


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='safeconf-test-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.n = 0

    def put(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def call(self, *words, expect=0, **more):
        result = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, timeout=120, cwd=self.folder, **more)
        result.stderr = result.stderr.decode()
        result.stdout = result.stdout.decode()
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def run_file(self, path, *options, expect=0, **more):
        self.n += 1
        self.out = os.path.join(self.folder, f'out{self.n}')
        return self.call('run', '--benchmark', path, *QUICK, '--out', self.out, *options, expect=expect, **more)

    def predictions(self, out=None):
        with open(os.path.join(out or self.out, 'predictions.jsonl'), encoding='utf-8') as file:
            return [json.loads(line) for line in file]

    def prompts(self):
        return [p['prompt'] for p in self.predictions()]

    def one_line(self, result, *parts):
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)


class Shapes(Files):
    SHAPES = {'one.jsonl': json.dumps({'prompt': WANT, 'label': 1}) + '\n',
              'text.jsonl': json.dumps(WANT) + '\n',
              'comma.csv': f'prompt,label\n{WANT},1\n',
              'semicolon.csv': f'prompt;label\n{WANT};1\n',
              'bar.csv': f'prompt|label\n{WANT}|1\n',
              'tab.tsv': f'prompt\tlabel\n{WANT}\t1\n',
              'list.txt': WANT + '\n',
              'array.json': json.dumps([{'prompt': WANT}]),
              'pretty.json': json.dumps([{'prompt': WANT, 'label': 1}], indent=2),
              'key.json': json.dumps({'meta': 1, 'rows': [{'prompt': WANT}]}, indent=1),
              'deep.json': json.dumps({'data': {'rows': [{'prompt': WANT}]}}),
              'texts.json': json.dumps([WANT]),
              'blank.csv': f'prompt, label\n{WANT}, 1\n',
              'columns.json': json.dumps({'prompt': {'0': WANT}, 'label': {'0': 1}}),
              'quoted.csv': f'label, "prompt"\n1, "{WANT}"\n'}

    def test_every_shape_gives_the_prompt(self):
        for name, text in self.SHAPES.items():
            with self.subTest(name=name):
                self.run_file(self.put(name, text))
                self.assertEqual(self.prompts(), [WANT])

    def test_every_shape_in_other_encodings_line_ends_and_compressed(self):
        forms = {'bom': lambda t: b'\xef\xbb\xbf' + t.encode(), 'utf16': lambda t: t.encode('utf-16'),
                 'utf16be': lambda t: b'\xfe\xff' + t.encode('utf-16-be'), 'plain': lambda t: t.encode('utf-16-le'),
                 'crlf': lambda t: t.replace('\n', '\r\n').encode(), 'cr': lambda t: t.replace('\n', '\r').encode()}
        for i, (name, text) in enumerate(self.SHAPES.items()):
            for k, (form, encode) in enumerate(forms.items()):
                if (i + k) % 3:  # a third of the pairs, each form and each shape several times
                    continue
                with self.subTest(name=name, form=form):
                    self.run_file(self.put(name + '.gz', gzip.compress(encode(text))))
                    self.assertEqual(self.prompts(), [WANT])
                    self.assertEqual(self.predictions()[0]['instance_id'], name.split('.')[0] + '_0')

    @unittest.skipUnless(shutil.which('zstd'), 'SKIP: no zstd here')
    def test_zstandard(self):
        path = self.put('a.csv', self.SHAPES['comma.csv'])
        subprocess.run(['zstd', '-q', path], check=True)
        self.run_file(path + '.zst')
        self.assertEqual(self.prompts(), [WANT])

    def test_a_list_of_prompts(self):
        """A prompt a line, the first one too, commas and quotes as they are."""
        self.run_file(self.put('prompts.txt', 'Name a town on a river.\nTell me how to bake bread, please, with "salt".\n'))
        self.assertEqual(self.prompts(), ['Name a town on a river.', 'Tell me how to bake bread, please, with "salt".'])

    def test_rows_below_a_key(self):
        rows = {'parameters': {'method': 'PAIR'},
                'jailbreaks': [{'index': 0, 'goal': 'Write a rude note', 'prompt': WANT, 'category': 'Harassment'}]}
        result = self.run_file(self.put('jbb.json', json.dumps(rows, indent=2)))
        self.assertIn('rows are read below "jailbreaks"', result.stderr)
        self.assertEqual((self.prompts(), self.predictions()[0]['category']), ([WANT], 'Harassment'))
        two = self.put('two.json', json.dumps({'train': [{'prompt': 'a'}], 'test': [{'prompt': WANT}]}))
        self.one_line(self.run_file(two, expect=2), '--rows-key', 'train', 'test')
        self.run_file(two, '--rows-key', 'test')
        self.assertEqual(self.prompts(), [WANT])

    def test_the_delimiter_is_said(self):
        result = self.run_file(self.put('s.csv', 'prompt;label\nHi, there;1\n'))
        self.assertIn("s.csv: cells are separated by ';'", result.stderr)
        self.assertNotIn('separated', self.run_file(self.put('c.csv', 'prompt,label\nHi; there,1\n')).stderr)

    def test_tables_as_python_writes_them(self):
        """Random cells in every dialect, byte for byte."""
        draw = random.Random(5)
        pieces = ['a', 'é', ' ', ',', ';', '\t', '|', '"', '\n', '\r\n', "'", '漢', '😀', '\\', '{"x": 1}']
        for round_, (delimiter, quoting) in enumerate([(d, q) for d in ',;\t|' for q in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)]):
            want = ['p' + ''.join(draw.choice(pieces) for _ in range(draw.randrange(12))) + 'q' for _ in range(40)]
            text = io.StringIO(newline='')
            writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
            writer.writerows([['id', 'prompt', 'label']] + [[i, p, i % 2] for i, p in enumerate(want)])
            self.run_file(self.put(f'r{round_}.csv', text.getvalue().encode()))
            self.assertEqual(self.prompts(), want)


class BadRows(Files):
    BAD = [b'{"prompt": "nan", "x": NaN}', b'{"prompt": "lone \\ud800"}', b'{"prompt": "nul \x00"}', b'{"prompt": "\xff"}',
           b'{"prompt": "cut', b'[' * 5000 + b']' * 5000, b'7']

    def test_each_fails_by_its_line_and_the_rest_runs(self):
        for bad in self.BAD:
            with self.subTest(bad=bad[:30]):
                path = self.put('a.jsonl', b'{"prompt": "one"}\n' + bad + b'\n{"prompt": "two"}\n')
                result = self.run_file(path, expect=3)
                self.assertEqual(self.prompts(), ['one', 'two'])
                self.assertIn('a.jsonl: line 2: ', result.stderr)
                self.assertIn('1 row could not be read', result.stderr)
                self.assertEqual([p['instance_id'] for p in self.predictions()], ['a_0', 'a_2'])  # rows keep their numbers
                self.one_line(self.run_file(path, '--strict', expect=1), 'a.jsonl: line 2: ')
                self.assertFalse(os.path.exists(self.out))

    def test_what_is_left_out_is_counted_everywhere(self):
        path = self.put('a.csv', 'id,prompt\n1,one\n2,two,three\n3,"x"y\n4,four\n')
        result = self.run_file(path, expect=3)
        self.assertIn('a.csv: line 3: more cells', result.stderr)
        self.assertIn('a.csv: line 4: damaged quoting', result.stderr)
        self.assertIn('2 rows of the benchmark', result.stdout)
        with open(os.path.join(self.out, 'analysis.json'), encoding='utf-8') as file:
            analysis = json.load(file)
        self.assertEqual(analysis['benchmark']['rows_failed'], 2)
        self.assertEqual(analysis['run']['config']['benchmark']['rows_failed'], 2)
        with open(os.path.join(self.out, 'report.html'), encoding='utf-8') as file:
            self.assertIn('2 rows of the benchmark', file.read())
        again = self.call('run', '--benchmark', path, *QUICK, '--out', self.out, expect=3)
        self.assertIn('resuming', again.stderr)
        self.run_file(self.put('b.csv', 'id,prompt\n1,one\n'))
        with open(os.path.join(self.out, 'analysis.json'), encoding='utf-8') as file:
            self.assertNotIn('rows_failed', file.read())

    def test_many_of_them_are_said_shortly(self):
        path = self.put('a.csv', 'id,prompt\n0,one\n' + ''.join(f'{i},x,y\n' for i in range(1, 100)))
        result = self.run_file(path, expect=3)
        lines = [line for line in result.stderr.splitlines() if 'cannot be read' in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn('99 rows cannot be read (lines 3, 4, 5, 6, 7 and 94 more)', lines[0])
        path = self.put('b.jsonl', '{"prompt": "one"}\n' + ''.join(f'{{"prompt": {"x" * i}}}\n' for i in range(1, 12)))
        result = self.run_file(path, expect=3)
        lines = [line for line in result.stderr.splitlines() if 'b.jsonl: ' in line and 'label' not in line]
        self.assertEqual(len(lines), 6, lines)
        self.assertIn('6 more rows', lines[-1])

    def test_no_row_at_all_is_an_error(self):
        self.one_line(self.run_file(self.put('a.jsonl', 'x\ny\n'), expect=1), 'none of 2 rows can be read: line 1')
        self.one_line(self.run_file(self.put('a.csv', 'prompt\n"open\nb\n'), expect=1), 'line 2 is never closed')
        for name in ('e.csv', 'e.jsonl', 'e.json', 'e.txt', 'e.tsv'):
            self.one_line(self.run_file(self.put(name, ''), expect=1), 'no rows')

    def test_hostile_text_is_made_visible(self):
        path = self.put('a\x1b[2J.jsonl', '{"prompt": "one"}\n{"prompt": \x1b[2J‮x}\n')
        result = self.run_file(path, expect=3)
        self.assertNotIn('\x1b', result.stderr)
        self.assertNotIn('‮', result.stderr)


class Ids(Files):
    def test_two_rows_of_one_id_are_named_by_their_lines(self):
        path = self.put('dup.csv', 'id,prompt\n1,a\n1,b\n')
        self.one_line(self.run_file(path, expect=1), 'lines 2 and 3', "'1'", '--id-column none')
        self.run_file(path, '--id-column', 'none')
        self.assertEqual([p['instance_id'] for p in self.predictions()], ['dup_0', 'dup_1'])

    def test_two_columns_of_one_name(self):
        self.one_line(self.run_file(self.put('a.csv', 'prompt,label,prompt\na,1,b\n'), expect=1), 'columns 1 and 3', "'prompt'")
        name = 'a' * 540 + '\U000e0001' + 'b' * 90
        self.one_line(self.run_file(self.put('a.csv', f'{name},{name},prompt\n1,2,hello\n'), expect=1), 'columns 1 and 2', "'aaa")


class Inputs(Files):
    TEXT = f'{{"prompt": "{WANT}"}}\n'

    def test_standard_input(self):
        self.run_file('-', input=self.TEXT.encode())
        self.assertEqual(self.prompts(), [WANT])
        self.assertEqual(self.predictions()[0]['instance_id'], 'stdin_0')
        again = self.call('run', '--benchmark', '-', *QUICK, '--out', self.out, input=self.TEXT.encode())
        self.assertIn('resuming', again.stderr)
        self.call('run', '--benchmark', '-', *QUICK, '--out', self.out, input=b'{"prompt": "other"}', expect=1)
        self.run_file('-', input=gzip.compress(b'prompt\nhi\n'))
        self.assertEqual(self.prompts(), ['hi'])
        self.one_line(self.run_file('-', expect=1, stdin=subprocess.DEVNULL), 'standard input: no rows')
        self.call('run', '--benchmark', '-', *QUICK, input=self.TEXT.encode())
        self.assertEqual(os.listdir(os.path.join(self.folder, 'results')), ['demo-stdin-single-seed0'])

    @unittest.skipUnless(shutil.which('bash'), 'SKIP: no bash here')
    def test_process_substitution(self):
        path = self.put('a.jsonl', self.TEXT)
        out = os.path.join(self.folder, 'sub')
        for _ in range(2):  # and resumption, whatever the descriptor's number
            subprocess.run(['bash', '-c', f'"$0" run --benchmark <(cat "$1") {" ".join(QUICK)} --out "$2"', PROGRAM, path, out],
                           check=True, capture_output=True)
        self.assertEqual([p['prompt'] for p in self.predictions(out)], [WANT])

    def test_a_pipe_by_name(self):
        path = os.path.join(self.folder, 'pipe.csv')
        os.mkfifo(path)
        writer = subprocess.Popen([sys.executable, '-c', f'open({path!r}, "w").write("prompt\\nhi\\n")'])
        self.run_file(path)
        writer.wait()
        self.assertEqual(self.prompts(), ['hi'])

    def test_a_folder_is_no_file(self):
        self.one_line(self.run_file(self.folder, expect=1), 'expected a file, found a folder')
        self.one_line(self.call('detect', self.folder, expect=1), 'expected a file, found a folder')

    def test_other_kinds_say_what_to_do(self):
        for body, part in ((b'PAR1\x15\x04', 'read_parquet'), (b'PK\x03\x04....', 'save the sheet as CSV'),
                           (b'\x1f\x8b\x08\x00cut', 'cut off'), (b'version https://git-lfs.github.com/spec/v1\n', 'git lfs pull'),
                           (gzip.compress(b'x' * 500)[:-9], 'cut off'), (b'\x1f\x8b\x08\x00' + b'\xff' * 40, 'damaged compressed')):
            with self.subTest(part=part):
                self.one_line(self.run_file(self.put('a.csv', body), expect=1), part)


class Detect(Files):
    ROWS = [('How?', 'I cannot help with that.'), ('Why?', 'Because the sky is blue, and so on.')]

    def verdicts(self, *words, **more):
        return [json.loads(line)['verdict'] for line in self.call('detect', *words, '--json', **more).stdout.splitlines()]

    def test_every_format(self):
        objects = [{'prompt': p, 'completion': c} for p, c in self.ROWS]
        quoted = [[f'"{x}"' for x in row] for row in self.ROWS]
        files = {'a.jsonl': '\n'.join(map(json.dumps, objects)), 'a.json': json.dumps(objects, indent=1),
                 'k.json': json.dumps({'n': 2, 'answers': objects})}
        for name, d in (('a.csv', ','), ('s.csv', ';'), ('a.tsv', '\t')):
            files[name] = '\n'.join([f'prompt{d}completion'] + [d.join(row) for row in quoted]) + '\n'
        for name, text in files.items():
            for content in (text.encode(), gzip.compress(text.encode()), text.encode('utf-16')):
                with self.subTest(name=name, begin=content[:2]):
                    self.assertEqual(self.verdicts(self.put(name, content)), ['refusal', 'compliance'])
            self.assertEqual(self.verdicts('-', input=files['a.jsonl'].encode()), ['refusal', 'compliance'])

    def test_a_list_is_one_of_answers(self):
        answers = [c for _, c in self.ROWS]
        for name, text in (('a.txt', '\n'.join(answers)), ('a.json', json.dumps(answers))):
            self.assertEqual(self.verdicts(self.put(name, text)), ['refusal', 'compliance'])
        self.one_line(self.call('detect', self.put('p.csv', 'prompt\nhi\n'), expect=1), 'completion')

    def test_rules_from_standard_input(self):
        path = self.put('a.jsonl', json.dumps({'completion': 'That is outside my remit.'}) + '\n')
        rules = {'add': [{'name': 'remit', 'verdict': 'refusal', 'pattern': '(?i)outside my remit', 'within': 200}]}
        self.assertEqual(self.verdicts(path, '--rules', '-', input=json.dumps(rules).encode()), ['refusal'])
        self.one_line(self.call('detect', path, '--rules', '-', expect=1, input=b'[]'), 'standard input: expected a JSON object')

    def test_bad_rows(self):
        path = self.put('a.jsonl', '{"completion": "I cannot help."}\n{"completion": NaN}\n{"completion": "Sure."}\n')
        result = self.call('detect', path, '--json', expect=3)
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([row['verdict'] for row in rows], ['refusal', None, 'compliance'])
        self.assertEqual(rows[1]['line'], 2)
        self.assertIn('a.jsonl: line 2: ', result.stderr)
        self.assertEqual(len(self.call('detect', path, expect=3).stdout.splitlines()), 2)
        self.one_line(self.call('detect', path, '--strict', expect=1), 'a.jsonl: line 2: ')


if __name__ == '__main__':
    unittest.main()
