#!/usr/bin/env python3
"""Whether a run's folder is whole (safeconf verify), and damaged databases (tools/flip-bits), from outside.

  test_cli_verify.py PATH_TO_SAFECONF      Python's standard library only.
"""
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import unittest

import row_keys
from program import PROGRAM, ROOT, Folder, call

SAME = ('--policy', 'fixed', '--max-traces', 3)
FILES = ('predictions.jsonl', 'analysis.json', 'report.html')


class Verify(Folder):
    def setUp(self):
        super().setUp()
        self.run_demo('a', *SAME)

    def change(self, sql, out='a'):
        """A change from outside, without new keys."""
        with contextlib.closing(sqlite3.connect(self.path(out, 'run.db'), isolation_level=None)) as db:
            db.executescript(sql)

    def verified(self, out='a', *words, expect=0):
        result = call('verify', self.path(out), '--json', *words)
        self.assertEqual(result.returncode, expect, result.stderr + result.stdout)
        return json.loads(result.stdout)

    def result(self, check, out='a', *words, expect=0):
        return self.verified(out, *words, expect=expect)['runs'][0][check]['result']

    def test_a_whole_run(self):
        result = self.good('verify', self.path('a'))
        self.assertEqual([line.split()[:2] for line in result.stdout.splitlines()[1:]],
                         [['ok', 'file'], ['ok', 'keys'], ['ok', 'values'], ['skipped', 'model'], ['ok', 'files']])
        found = self.verified('a', '--model', 'demo')
        self.assertTrue(found['whole'])
        self.assertEqual({found['runs'][0][check]['result'] for check in ('file', 'keys', 'values', 'model', 'files')}, {'ok'})

    def test_another_model_is_named(self):
        self.assertEqual(self.result('model', 'a', '--model', os.path.join(ROOT, 'models', 'demo-guard'), expect=1), 'wrong')

    def test_damage_is_named_and_mended(self):
        before = {name: self.read('a', name) for name in FILES}
        self.change("UPDATE token SET confidence = entropy WHERE instance = 1 AND trace = 2")
        id = self.rows('a', 'SELECT id FROM instance WHERE position = 1')[0][0]
        for words in (('report',), ('replay',), ('export',), ('classify', '--detector', 'patterns')):
            result = call(*words[:1], self.path('a'), *words[1:])
            self.assert_one_line(result, 1, f'trace 2 of prompt "{id}" (table token) is damaged')
        result = call('run', '--num-instances', 4, '--max-new-tokens', 16, *SAME, '--out', self.path('a'))
        self.assertEqual(result.returncode, 1)
        self.assertIn('is damaged', result.stderr)
        found = self.verified(expect=1)['runs'][0]
        self.assertEqual([(d['table'], d['instance'], d['trace']) for d in found['damaged']], [('token', 1, 2)])
        self.assertEqual(found['mends'], 'safeconf verify --mend')
        self.assertIn('1 trace is to be sampled again', self.good('verify', self.path('a'), '--mend').stderr)
        self.run_demo('a', *SAME)
        self.assertTrue(self.verified()['whole'])
        self.assertEqual({name: self.read('a', name) for name in FILES}, before)

    def test_every_table_is_mended_or_said_to_be_beyond_it(self):
        self.good('classify', self.path('a'), '--judge-model', 'demo-guard', '--quiet')
        shutil.copytree(self.path('a'), self.path('good'))
        for table, column in (('trace', 'mean'), ('verdict', 'rule'), ('harm', 'harm'), ('decision', 'bar'),
                              ('judgement', 'p_unsafe'), ('configuration', 'json'), ('instance', 'category')):
            shutil.rmtree(self.path('a'))
            shutil.copytree(self.path('good'), self.path('a'))
            self.change(f'UPDATE {table} SET row_key = row_key + 1 WHERE rowid = (SELECT min(rowid) FROM {table})')
            self.assertEqual(self.result('keys', expect=1), 'wrong', table)
            mended = call('verify', self.path('a'), '--mend')
            if table in ('configuration', 'instance'):
                self.assert_one_line(mended, 1, f'table {table}', 'no command makes again')
                continue
            self.assertEqual(mended.returncode, 0, mended.stderr)
            self.run_demo('a', *SAME)
            self.good('classify', self.path('a'), '--judge-model', 'demo-guard', '--quiet')
            self.assertTrue(self.verified()['whole'], table)
            for name in FILES:
                self.assertEqual(self.read('a', name), self.read('good', name), (table, name))

    def test_an_index_that_lies_is_made_again(self):
        self.change("""PRAGMA writable_schema = ON; CREATE TABLE twin AS SELECT * FROM verdict WHERE instance > 0;
            CREATE UNIQUE INDEX twins ON twin (instance, trace, detector);
            UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'twins')
             WHERE name = 'sqlite_autoindex_verdict_1'; DELETE FROM sqlite_schema WHERE tbl_name = 'twin'""")
        self.assert_one_line(call('report', self.path('a')), 1, 'the file is damaged')
        self.assertEqual(self.result('file', expect=1), 'wrong')

    def test_values_without_sense(self):
        row_keys.alter(self.path('a'), 'UPDATE trace SET mean = -5 WHERE instance = 2 AND trace = 1')
        self.assert_one_line(call('report', self.path('a')), 1, 'instance 2 trace 1: mean: -5 is no such figure')
        self.assertEqual(self.result('values', expect=1), 'wrong')

    def test_files_that_are_stale(self):
        self.write('a/analysis.json', self.read('a', 'analysis.json').replace(b'"n_instances"', b'"n_Instances"'))
        os.unlink(self.path('a', 'report.html'))
        found = self.verified(expect=1)['runs'][0]
        self.assertEqual(found['files']['words'], 'not what is made of run.db now: analysis.json; not there: report.html')
        self.assertEqual(found['mends'], 'safeconf report')
        self.good('report', self.path('a'))
        self.assertTrue(self.verified()['whole'])

    def test_files_beside_it_are_its_own(self):
        """A replay, CSV files and tables in a folder of the run; what else lies there is older or newer."""
        self.good('replay', self.path('a'), '--orders', 20, '--seed', 7)
        self.good('report', self.path('a'), '--csv', self.path('a', 'csv'), '--tables', self.path('a', 'papers'))
        self.good('export', self.path('a'))
        words = self.verified()['runs'][0]['files']['words']
        self.assertEqual(words, '20 files are what is made of run.db now; run.eval is newer than run.db')
        for name, wrong in (('csv/traces.csv', 'csv/traces.csv'), ('papers/summary.tex', 'papers/summary.tex')):
            good = self.read('a', name)
            self.write('a/' + name, good + b'x')
            found = self.verified(expect=1)['runs'][0]
            self.assertIn(f'not what is made of run.db now: {wrong};', found['files']['words'])
            self.assertEqual(found['mends'], 'safeconf report')
            self.write('a/' + name, good)
        replay = json.loads(self.read('a', 'replay.json'))
        replay['source']['n_tokens'] += 1
        self.write('a/replay.json', json.dumps(replay))
        found = self.verified(expect=1)['runs'][0]
        self.assertIn('replay.json', found['files']['words'])
        self.assertEqual(found['mends'], 'safeconf replay')
        self.good('replay', self.path('a'), '--min-traces', 2)
        self.good('report', self.path('a'))
        self.assertIn('by options that it does not name', self.verified()['runs'][0]['files']['words'])
        os.utime(self.path('a', 'run.eval'), (1, 1))
        self.assertIn('run.eval is older than run.db', self.verified()['runs'][0]['files']['words'])

    def test_folders_of_several_runs(self):
        self.run_demo('suite/phase/one', *SAME, n=2)
        self.run_demo('suite/phase/two', *SAME, n=2)
        self.change('UPDATE harm SET row_key = 0', 'suite/phase/two')
        found = self.verified('suite', expect=1)
        self.assertEqual([os.path.basename(run['folder']) for run in found['runs']], ['one', 'two'])
        self.assertEqual([run['keys']['result'] for run in found['runs']], ['ok', 'wrong'])

    def test_what_is_no_run(self):
        os.mkdir(self.path('empty'))
        self.assert_one_line(call('verify', self.path('empty')), 1, 'found no run.db')
        self.assert_one_line(call('verify', self.path('nothing')), 1, 'nothing')
        self.assertEqual(call('verify').returncode, 2)
        self.assertEqual(call('verify', self.path('a'), '--mend', '--json').returncode, 2)
        self.write('bad/run.db', b'SQLite format 3\0' + bytes(5000))
        self.assertEqual(self.result('file', 'bad', expect=1), 'wrong')

    def test_damage_changes_no_result(self):
        result = subprocess.run([sys.executable, os.path.join(ROOT, 'tools', 'flip-bits'), self.path('a'), '40',
                                 '--program', PROGRAM], capture_output=True, text=True, timeout=300)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == '__main__':
    unittest.main()
