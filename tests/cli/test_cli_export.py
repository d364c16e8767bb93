#!/usr/bin/env python3
"""safeconf export from outside: the log's archive as Python's own zipfile reads it.

  test_cli_export.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import sqlite3
import unittest
import zipfile

import program
from program import call

HOSTILE = '</script>\x1b[31m\u202egpj"\\'


class Export(program.Folder):
    def imported(self, rows, *words):
        file = self.write('a.jsonl', ''.join(json.dumps(row) + '\n' for row in rows))
        self.good('import', file, '--out', self.path('run'), *words)

    def log(self, *words, file='run/run.eval'):
        self.good('export', self.path('run'), *words)
        with zipfile.ZipFile(self.path(file)) as archive:
            self.assertIsNone(archive.testzip())
            return {name: json.loads(archive.read(name)) for name in archive.namelist()}

    def test_a_run_becomes_samples_and_epochs(self):
        self.good('run', '--num-instances', '3', '--policy', 'fixed', '--max-traces', '2', '--max-new-tokens', '24',
                  '--out', self.path('run'), '--quiet')
        log = self.log()
        predictions = self.predictions('run')
        samples = {(s['id'], s['epoch']): s for name, s in log.items() if name.startswith('samples/')}
        self.assertEqual(len(samples), 6)
        for row in predictions:
            for t, text in enumerate(row['traces']):
                sample = samples[row['instance_id'], t + 1]
                self.assertEqual(sample['input'], row['prompt'])
                self.assertEqual(sample['output']['choices'][0]['message']['content'], text)
                self.assertEqual(sample['scores']['refusal']['value'], int(row['refused'][t]))
                self.assertEqual(sample['scores']['confidence']['value'], row['confidences'][t])
                self.assertEqual(sample['metadata']['metrics'], {k: v[t] for k, v in row['metrics'].items()})
                self.assertNotIn('harm', sample['scores'])
        header = log['header.json']
        rate = self.analysis('run')['overall']['refusal_rate']
        metric = header['results']['scores'][0]['metrics']['refusal_rate']
        self.assertEqual((metric['value'], metric['metadata']['low'], metric['metadata']['high']),
                         (rate['value'], rate['low'], rate['high']))
        self.assertEqual(header['eval']['created'], '1980-01-01T00:00:00+00:00')
        self.assertEqual([s['id'] for s in log['summaries.json']],
                         [row['instance_id'] for row in predictions for _ in row['traces']])
        first = self.read('run', 'run.eval')
        self.log('--out', self.path('again.eval'), file='again.eval')
        self.assertEqual(first, self.read('again.eval'))

    def test_untrusted_texts_stay_in_their_strings(self):
        self.imported([{'prompt': HOSTILE, 'completion': HOSTILE, 'id': '../../' + HOSTILE, 'category': HOSTILE,
                        'harm': 'yes'}, {'prompt': 'b', 'completion': 'c', 'id': 'b', 'harm': 'no'}],
                      '--harm-column', 'harm', '--category-column', 'category', '--model', HOSTILE)
        log = self.log()
        raw = zipfile.ZipFile(self.path('run', 'run.eval'))
        for name in raw.namelist():
            self.assertNotIn('..', name.split('/'))
            self.assertEqual(name.count('/') > 1, False)
            self.assertRegex(name, r'^[\x21-\x7e]+$')
            for byte in (b'\x1b', '\u202e'.encode()):
                self.assertNotIn(byte, raw.read(name))
        sample = log['samples/b_epoch_1.json']
        self.assertEqual((sample['scores']['harm']['value'], sample['scores']['harm']['answer']), (0, 'harmless'))
        sample = next(s for n, s in log.items() if n.startswith('samples/sample-'))
        self.assertEqual(sample['output']['choices'][0]['message']['content'], HOSTILE)
        self.assertEqual(sample['metadata']['category'], HOSTILE)
        self.assertEqual(sample['scores']['harm']['value'], 1)

    def test_what_is_not_finished_is_left_out_and_said(self):
        self.imported([{'prompt': 'a', 'completion': 'x'}, {'prompt': 'b', 'completion': 'y'}])
        db = sqlite3.connect(self.path('run', 'run.db'))
        with db:
            db.execute('DELETE FROM decision WHERE instance = 1')
        db.close()
        log = self.log()
        self.assertEqual(log['header.json']['status'], 'cancelled')
        self.assertEqual(len([n for n in log if n.startswith('samples/')]), 1)
        self.assertIn('not finished', self.good('export', self.path('run')).stderr)

    def test_wrong_words_are_one_line(self):
        self.imported([{'prompt': 'a', 'completion': 'x'}])
        for words, status, part in (((), 2, 'folder'), ((self.path('run'), '--format', 'pdf'), 2, 'eval'),
                                    ((self.path('run'), '--out', ''), 2, '--out'),
                                    ((self.path('none'),), 1, 'none'),
                                    ((self.path('run'), '--policy', 'x'), 2, 'fixed'),
                                    ((self.path('run'), '--out', self.path('no', 'where.eval')), 1, 'where.eval')):
            result = call('export', *words)
            self.assertEqual(result.returncode, status, result.stderr)
            self.assertIn(part, result.stderr)
            self.assertEqual(result.stderr.count('\n'), 1, result.stderr)
        self.assertFalse(os.path.exists(self.path('run', 'run.eval')))


if __name__ == '__main__':
    unittest.main()
