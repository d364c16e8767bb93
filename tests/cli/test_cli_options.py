#!/usr/bin/env python3
"""Options of every command, as --help lists them; and runs at several temperatures.

  test_cli_options.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import re
import sqlite3
import unittest

from program import Folder, call


def commands():
    text = call('--help').stdout
    return re.findall(r'^  ([a-z]+) {2,}', text, re.M)


def options_of(command):
    """(name, what stands for its value or '', help) of each."""
    lines, found = call(*command, '--help').stdout.split('Options:\n')[1].splitlines(), []
    for line in lines:
        match = re.match(r'  --([a-z0-9-]+)(?: (\S+))?(.*)', line)
        if match:
            found.append([match[1], match[2] if match[2] and not line[4:].startswith(match[1] + '  ') else '',
                          line])
        elif found:
            found[-1][2] += ' ' + line.strip()
    return [tuple(item) for item in found if item[0] != 'help']


class Options(unittest.TestCase):
    def test_an_option_given_twice_is_wrong_unless_it_is_repeatable(self):
        n = 0
        for name in commands():
            command = ('model', 'random') if name == 'model' else (name,)
            for option, argument, text in options_of(command):
                if 'repeatable' in text:
                    continue
                values = [argument.split('|')[0]] if argument.islower() else ['3', '1', '0.5', '0']
                for value in values if argument else [None]:
                    words = (f'--{option}', value, f'--{option}={value}') if argument else (f'--{option}',) * 2
                    result = call(*command, *words)
                    if 'found twice' in result.stderr:
                        break
                with self.subTest(command=command, option=option):
                    self.assertEqual((result.returncode, result.stderr),
                                     (2, f'safeconf {name}: --{option}: expected once, found twice\n'))
                n += 1
        self.assertGreater(n, 100)

    def test_what_is_no_number_of_any_use_is_refused(self):
        n = 0
        for name in commands():
            command = ('model', 'random') if name == 'model' else (name,)
            for option, argument, _ in options_of(command):
                if not re.match('(N|X|W|I/N)([,|].*)?$', argument):
                    continue
                for value in ('18446744073709551616', '-1', '1e999', 'nan', '9' * 400, ''):
                    if (option, value) == ('confident-threshold', '-1'):
                        continue  # a confidence may be any number
                    result = call(*command, f'--{option}={value}')
                    with self.subTest(command=command, option=option, value=value[:30]):
                        self.assertEqual(result.returncode, 2, result.stderr)
                        self.assertRegex(result.stderr, f'^safeconf {name}: (--)?{option}: expected .+' + value[:30])
                        self.assertEqual(len(result.stderr.splitlines()), 1)
                n += 1
        self.assertGreater(n, 100)

    def test_two_models_are_not_one_run(self):
        result = call('compare', '--model', 'demo', '--model', 'other')
        self.assertEqual((result.returncode, result.stderr),
                         (2, 'safeconf compare: --model: expected once, found twice\n'))

    def test_values_of_numbers_are_checked_in_both_spellings(self):
        for words in (('--max-traces', '0'), ('--max-traces=0',), ('--max-traces=',), ('--max-traces', 'x'),
                      ('--temperature=1,',), ('--temperature', '0,,1'), ('--temperature', '0,0'),
                      ('--temperature', '1,101'), ('--temperature=' + ','.join(map(str, range(17))),),
                      ('--temperature', '-1'), ('--temperature', 'nan')):
            result = call('run', *words)
            self.assertEqual(result.returncode, 2, words)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)


class Temperatures(Folder):
    SAME = ('--num-instances', 8, '--policy', 'fixed', '--max-traces', 4, '--max-new-tokens', 24, '--quiet')


    def run_at(self, temperature, out, *more):
        result = call('run', *self.SAME, '--temperature', temperature, '--out', self.path(out), *more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def test_each_is_the_run_that_it_would_be_alone(self):
        said = self.run_at('0,1.50', 'sweep').stdout
        self.assertIn('All pairs', self.run_at('0,1.50,0.5', 'sweep').stdout)
        self.run_at('1.5', 'alone')
        for name in ('predictions.jsonl', 'analysis.json'):
            self.assertEqual(self.read('sweep', 'temperature-1.5', name), self.read('alone', name))
        diff = json.loads(self.read('sweep', 'diff.json'))
        self.assertEqual(len(diff['runs']), 3)
        self.assertEqual(diff['verdict_changed']['of'], 8)
        self.assertTrue(os.path.exists(self.path('sweep', 'diff.html')))
        self.assertIn('temperature-1.5', said)

    def test_it_goes_on_where_it_stopped(self):
        self.run_at('0.3,1', 'sweep')
        before = self.read('sweep', 'temperature-1', 'predictions.jsonl')
        db = sqlite3.connect(self.path('sweep', 'temperature-1', 'run.db'))
        for table in ('trace', 'token', 'verdict', 'harm'):
            db.execute(f'delete from {table} where instance >= 4')
        db.execute('delete from decision where instance >= 4')
        db.commit()
        db.close()
        self.run_at('0.3,1', 'sweep')
        self.assertEqual(self.read('sweep', 'temperature-1', 'predictions.jsonl'), before)

    def test_a_benchmark_that_can_be_read_once_is_refused(self):
        result = call('run', '--benchmark', '-', '--temperature', '0,1', '--out', self.path('out'))
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn('several temperatures', result.stderr)

    def test_a_run_that_fails_ends_the_sweep(self):
        result = call('run', '--model', self.path('none'), '--temperature', '0,1', '--out', self.path('out'))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertFalse(os.path.exists(self.path('out', 'diff.json')))


if __name__ == '__main__':
    unittest.main()
