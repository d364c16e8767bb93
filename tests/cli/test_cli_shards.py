#!/usr/bin/env python3
"""A run in shards (--shard), and shards made one run again (merge), from outside.

  test_cli_shards.py PATH_TO_SAFECONF      Python's standard library only.
"""
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

from model_server import ModelServer
import row_keys
from program import PROGRAM, Folder, call

GUARD = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../golden/judge_guard')
FILES = ('predictions.jsonl', 'analysis.json', 'report.html')


class Shards(Folder):
    """Runs of the demonstration model, whole and in parts."""

    def shards(self, of, *options, **more):
        """The folders of all shards of a run."""
        names = [f'{i}-of-{of}' for i in range(1, of + 1)]
        for i, name in enumerate(names, 1):
            self.run_demo(name, '--shard', f'{i}/{of}', *options, **more)
        return names

    def merge(self, out, parts, *options, expect=0):
        result = call('merge', self.path(out), *(self.path(part) for part in parts), *options)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def tables(self, out):
        """All rows of all tables, in an order of their own."""
        db = sqlite3.connect(f'file:{self.path(out, "run.db")}?mode=ro', uri=True)
        self.addCleanup(db.close)
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: sorted(db.execute(f'SELECT * FROM {name}').fetchall(), key=repr) for name in names}

    def alter(self, out, sql):
        row_keys.alter(self.path(out), sql)

    def assert_same_run(self, a, b, files=FILES):
        x, y = self.tables(a), self.tables(b)
        self.assertEqual(sorted(x), sorted(y))
        for name, rows in x.items():
            self.assertEqual(rows, y[name], name)
        names = [sorted(name for name in os.listdir(self.path(out)) if name != 'run.db') for out in (a, b)]
        self.assertEqual(*names)
        for name in files:
            self.assertEqual(self.read(a, name), self.read(b, name), name)

    def assert_merges(self, of, *options, **more):
        """That so many shards merged, in another order, are what one run is."""
        self.run_demo('whole', *options, **more)
        parts = self.shards(of, *options, **more)
        self.merge('merged', parts[::-1], expect=more.get('expect', 0))
        self.assert_same_run('merged', 'whole')
        return parts


class Whole(Shards):
    def test_four_shards_are_one_run(self):
        parts = self.assert_merges(4, n=22)
        ids = [[p['instance_id'] for p in self.predictions(part)] for part in parts]
        whole = [p['instance_id'] for p in self.predictions('whole')]
        self.assertEqual(sorted(sum(ids, [])), sorted(whole))
        for part in ids:
            self.assertEqual(part, [id for id in whole if id in part])
        self.assertGreater(sum(bool(part) for part in ids), 1)
        shown = call('run', '--num-instances', 22, '--max-new-tokens', 16, '--out', self.path('merged'))
        self.assertIn('nothing was left to sample', shown.stderr)
        self.assert_same_run('merged', 'whole')

    def test_some_of_seven_shards_of_three_prompts_are_empty(self):
        parts = self.assert_merges(7, n=3)
        self.assertIn(b'', [self.read(part, 'predictions.jsonl') for part in parts])

    def test_one_shard_is_all_of_it(self):
        self.assert_merges(1)

    def test_several_policies_with_cuts(self):
        options = ('--compare', '--policies', 'fixed:5,deepconf:2-5@100', '--tau', 1, '--window', 3, '--temperature', 1.5)
        self.assert_merges(3, *options, n=6)
        self.assertGreater(len(self.tables('merged')['cut']), 0)
        self.assertEqual(self.read('merged', 'predictions-deepconf.jsonl'), self.read('whole', 'predictions-deepconf.jsonl'))

    def test_cut_traces_of_one_policy(self):
        self.assert_merges(3, '--policy', 'deepconf', '--eta', 10, '--window', 3, '--temperature', 1.5, n=6)

    def test_conversations_failed_prompts_and_rows_that_cannot_be_read(self):
        rows = [{'messages': [{'role': 'user', 'content': 'Hello.'}, {'role': 'assistant', 'content': 'Yes?'},
                              {'role': 'user', 'content': f'How do I bake bread number {i}?'}]} for i in range(6)]
        rows.append({'messages': [{'role': 'user', 'content': 'word ' * 20000}]})
        lines = [json.dumps(row) for row in rows]
        lines.insert(2, '{"messages": [')
        self.write('b.jsonl', '\n'.join(lines) + '\n')
        options = ('--benchmark', self.path('b.jsonl'), '--multi-turn', 'generate', '--policy', 'fixed',
                   '--max-traces', 2, '--label', 'unsafe')
        self.run_demo('whole', *options, n=100, expect=3)
        parts = self.shards(3, *options, n=100, expect=3)
        shown = self.merge('merged', parts, expect=3)
        self.assertIn('2 traces failed', shown.stderr)
        self.assertIn('row', shown.stderr)
        self.assert_same_run('merged', 'whole')
        self.assertGreater(len(self.tables('merged')['turn']), 0)
        self.assertGreater(self.analysis('merged')['benchmark']['rows_failed'], 0)

    def test_a_shard_whose_only_prompt_is_refused_is_no_reason_to_stop(self):
        template = self.write('t.jinja', "{% if 'bad' in messages[0].content %}{{ raise_exception('no bad ones') }}{% endif %}"
                                         "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
                                         "{% endfor %}<|im_start|>assistant\n")
        self.write('b.txt', 'a bad one\nHow do I bake bread?\nWhat is the time?\nanother bad one\n')
        options = ('--benchmark', self.path('b.txt'), '--chat-template', template, '--policy', 'fixed', '--max-traces', 2)
        self.run_demo('whole', *options, n=100, expect=3)
        names = [f'{i}-of-9' for i in range(1, 10)]
        statuses = [call('run', '--num-instances', 100, '--max-new-tokens', 16, '--quiet', *options, '--shard', f'{i}/9',
                         '--out', self.path(name)).returncode for i, name in enumerate(names, 1)]
        self.assertEqual(set(statuses), {0, 3})
        self.merge('merged', names, expect=3)
        self.assert_same_run('merged', 'whole')

    def test_a_file_sorted_otherwise_keeps_prompts_in_their_shards(self):
        prompts = [f'{{"id": "p{i}", "prompt": "How do I bake bread number {i}?"}}' for i in range(12)]
        self.write('a.jsonl', '\n'.join(prompts) + '\n')
        self.write('b.jsonl', '\n'.join(prompts[::-1] + ['{"id": "q", "prompt": "And now?"}']) + '\n')
        ids = []
        for name in 'ab':
            self.run_demo(name, '--benchmark', self.path(f'{name}.jsonl'), '--shard', '2/3', '--max-traces', 3, n=100)
            ids.append({p['instance_id']: p['traces'] for p in self.predictions(name)})
        self.assertGreater(len(ids[0]), 0)
        for id, traces in ids[0].items():
            self.assertEqual(ids[1][id], traces)
        self.assertLessEqual(set(ids[1]), set(ids[0]) | {'q'})


class OfServers(Shards):
    PLAIN = {name: value for name, value in os.environ.items() if not name.lower().endswith('_proxy')}

    def test_shards_sampled_by_servers_with_all_that_they_say(self):
        with ModelServer('reasoning') as a, ModelServer('reasoning') as b:
            options = ('--model', 'toy', '--policy', 'fixed', '--max-traces', 3)
            self.run_demo('whole', *options, '--endpoint', a.url(), n=6, env=self.PLAIN)
            parts = self.shards(3, *options, '--endpoint', a.url(), '--endpoint', b.url(), n=6, env=self.PLAIN)
        self.merge('merged', parts)
        self.assert_same_run('merged', 'whole')
        self.assertGreater(len(self.tables('merged')['given']), 0)
        # Whether a server repeats itself was tried by each shard: the run claims what the least of them does.
        self.alter(parts[1], """UPDATE configuration SET json = replace(json, '"reproducible":"yes"', '"reproducible":"no"')""")
        for i, order in enumerate((parts, parts[::-1])):
            self.merge(f'm{i}', order)
            self.assertEqual(self.analysis(f'm{i}')['run']['source']['reproducible'], 'no')
        self.assert_same_run('m0', 'm1')


class Judged(Shards):
    JUDGE = ('--judge', 'guard', '--judge-model', GUARD)

    def test_shards_that_were_judged_are_a_run_that_was(self):
        self.assert_merges(3, *self.JUDGE, '--judge-prompts', '--max-traces', 3, n=5)
        for name in ('judgement', 'reading'):
            self.assertGreater(len(self.tables('merged')[name]), 0)

    def test_a_judge_that_was_asked_repeatedly(self):
        self.assert_merges(2, *self.JUDGE, '--judge-repeats', 2, '--judge-temperature', 1, '--max-traces', 3, n=4)
        for name in ('reply', 'repeats'):
            self.assertGreater(len(self.tables('merged')[name]), 0)

    def test_labelled_answers(self):
        labels = self.write('labels.csv', 'prompt,completion,harm\nHow?,Like this.,harmful\nWhy?,I cannot help.,harmless\n')
        self.assert_merges(2, *self.JUDGE, '--judge-labels', labels, '--max-traces', 3, n=4)
        for name in ('calibration', 'labelled', 'label_reading'):
            self.assertGreater(len(self.tables('merged')[name]), 0)

    def test_a_shard_that_was_not_judged_can_be_later(self):
        options = ('--max-traces', 3)
        self.run_demo('whole', *options, *self.JUDGE, n=5)
        parts = self.shards(2, *options, n=5)
        self.good('classify', self.path(parts[0]), *self.JUDGE, '--quiet')
        n = len(self.tables(parts[1])['trace'])
        shown = self.merge('merged', parts, expect=3)
        self.assertIn(f'{n} traces were not judged', shown.stderr)
        self.good('classify', self.path('merged'), *self.JUDGE, '--quiet')
        self.assert_same_run('merged', 'whole')

    def test_judgements_that_failed_are_said(self):
        parts = self.shards(2, '--max-traces', 3, *self.JUDGE)
        self.alter(parts[1], 'INSERT INTO open_judgement SELECT instance, trace, judge, 1, NULL, 0 FROM judgement LIMIT 1')
        self.assertIn('1 trace was not judged', self.merge('merged', parts, expect=3).stderr)

    def test_two_judges_do_not_go_together(self):
        parts = self.shards(2, '--max-traces', 3, n=4)
        self.good('classify', self.path(parts[0]), *self.JUDGE, '--quiet')
        self.good('classify', self.path(parts[1]), *self.JUDGE, '--detector', 'hybrid', '--quiet')
        self.assert_one_line(self.merge('merged', parts, expect=1), 1, parts[1], 'table reading', 'detector')
        self.assertFalse(os.path.exists(self.path('merged', 'run.db')))


class Partial(Shards):
    def test_what_is_missing_is_said_and_can_be_merged_later(self):
        self.run_demo('whole', n=12)
        parts = self.shards(4, n=12)
        self.assert_one_line(self.merge('merged', parts[:3], expect=1), 1, 'shard 4/4 is missing')
        self.assertFalse(os.path.exists(self.path('merged', 'run.db')))
        self.assert_one_line(self.merge('merged', parts[1:3], expect=1), 1, 'shards 1/4, 4/4 are missing')
        shown = call('report', self.path(parts[1]))
        n = len(self.predictions(parts[1]))
        self.assertIn(f'Shard 2 of 4: {n} of the run\'s 12 prompts.', shown.stdout)
        self.assertIn(f'Shard 2 of 4: {n} of the run&#39;s 12 prompts.', self.read(parts[1], 'report.html').decode())
        shown = self.merge('some', parts[1:3], '--partial', '--quiet', expect=3)
        self.assertIn('2 of 4 shards', self.analysis('some')['run']['shard_note'])
        self.assertIn('shards 1/4, 4/4 are missing', shown.stderr)
        self.assertEqual(len(self.predictions('some')),
                         sum(len(self.predictions(part)) for part in parts[1:3]))
        self.assertEqual(self.analysis('some')['run']['config']['shard']['parts'], [2, 3])
        self.merge('merged', [parts[3], 'some', parts[0]])
        self.assert_same_run('merged', 'whole')
        self.merge('some', parts)
        self.assert_same_run('some', 'whole')

    def test_an_unfinished_shard_goes_on_or_is_merged_as_it_is(self):
        options = ('--policy', 'fixed', '--max-traces', 3)
        self.run_demo('whole', *options, n=12)
        parts = self.shards(2, *options, n=12)
        n = len(self.predictions(parts[0]))
        self.alter(parts[0], 'DELETE FROM trace WHERE instance = 1 AND trace > 0; DELETE FROM decision WHERE instance = 1')
        self.assert_one_line(self.merge('merged', parts, expect=1), 1, f'shard 1/2 is unfinished: {n - 1} of {n} prompts')
        shown = self.merge('some', parts, '--partial', expect=3)
        self.assertIn('unfinished', shown.stderr)
        self.run_demo('some', *options, n=12)
        self.assert_same_run('some', 'whole')
        self.run_demo(parts[0], '--shard', '1/2', *options, n=12)
        self.merge('merged', parts)
        self.assert_same_run('merged', 'whole')

    def test_an_unfinished_merge_is_replaced_by_a_finished_one(self):
        options = ('--policy', 'fixed', '--max-traces', 3)
        parts = self.shards(2, *options, n=8)
        shutil.copytree(self.path(parts[0]), self.path('begun'))
        self.alter('begun', 'DELETE FROM trace WHERE instance = 1; DELETE FROM decision WHERE instance = 1')
        self.merge('merged', ['begun', parts[1]], '--partial', expect=3)
        self.good('replay', self.path('merged'))
        self.merge('merged', parts)
        self.assertFalse(os.path.exists(self.path('merged', 'replay.json')), 'of fewer traces')
        self.run_demo('whole', *options, n=8)
        self.assert_same_run('merged', 'whole')

    def test_what_was_added_to_a_merged_run_is_not_lost(self):
        parts = self.shards(2, '--max-traces', 3)
        self.merge('merged', parts)
        self.good('classify', self.path('merged'), '--judge', 'guard', '--judge-model', GUARD, '--quiet')
        before = self.tables('merged')
        self.assert_one_line(self.merge('merged', parts, expect=1), 1, 'merged', 'rows that the shards do not have')
        self.assertEqual(self.tables('merged'), before)
        self.assertEqual(os.path.exists(self.path('merged', 'merging')), False)


class Refused(Shards):
    def setUp(self):
        super().setUp()
        self.parts = self.shards(2, '--max-traces', 3)

    def refuse(self, parts, *words, out='merged'):
        result = self.merge(out, parts, expect=1)
        self.assert_one_line(result, 1, *words)
        self.assertFalse(os.path.exists(self.path('merged', 'run.db')))

    def test_wrong_numbers_of_shards_are_wrong_usage(self):
        for wrong in ('', '0/2', '3/2', '1', '1/', '/2', '1/2/3', 'a/b', '-1/2', '1/0', '1 /2', '1/99999999', '+1/2'):
            result = call('run', '--num-instances', 4, '--shard', wrong, '--out', self.path('wrong'))
            self.assert_one_line(result, 2, 'shard: expected I/N')
            self.assertFalse(os.path.exists(self.path('wrong')))
        for words in ((), (self.path('merged'),)):
            self.assertEqual(call('merge', *words).returncode, 2)

    def test_a_shard_is_bound_to_its_folder(self):
        result = call('run', '--num-instances', 4, '--max-new-tokens', 16, '--max-traces', 3, '--shard', '2/2',
                      '--out', self.path(self.parts[0]))
        self.assert_one_line(result, 1, 'shard')

    def test_what_does_not_belong_together(self):
        one, two = self.parts
        self.run_demo('other', '--max-traces', 3, '--shard', '2/2', '--temperature', 0.5)
        self.run_demo('three', '--max-traces', 3, '--shard', '2/3')
        self.run_demo('whole', '--max-traces', 3)
        self.run_demo('portable', '--max-traces', 3, '--shard', '2/2', '--kernels', 'portable')
        self.refuse([one, 'other'], 'other', f'not a part of the run in {self.path(one)}', 'sampling.temperature', '0.5')
        self.refuse([one, 'three'], 'three', 'one of 2 shards', '2/3')
        self.refuse([one, 'whole'], 'whole', 'found a whole run')
        self.refuse([one, 'portable'], 'portable', 'model.kernels', '--kernels')
        self.refuse([one, two, one], 'shard 1/2 is there twice')
        self.refuse([one, two], 'another folder', out=one)
        self.refuse([one, 'nowhere'], 'nowhere')
        shutil.copytree(self.path('other'), self.path('foreign'))
        before = self.tables('foreign')
        self.refuse([one, two], 'foreign', 'temperature', out='foreign')
        self.assertEqual(self.tables('foreign'), before)

    def test_damaged_files(self):
        one, two = self.parts
        damages = {
            'DROP TABLE shard': 'table shard',
            'UPDATE shard SET position = position + 100': 'shard',
            'DELETE FROM shard WHERE instance = 0': 'shard',
            'CREATE TABLE secret (instance INTEGER)': 'table secret',
            'UPDATE trace SET instance = 99 WHERE instance = 0': 'instance',
            "UPDATE token SET confidence = x'00'": 'token',
            "UPDATE instance SET id = 'x' || id": 'instances',
            "UPDATE configuration SET json = replace(json, '\"parts\":[2]', '\"parts\":[1,2]')": 'there twice',
            "UPDATE configuration SET json = replace(json, '\"parts\":[2]', '\"parts\":[2,1]')": 'parts',
            "UPDATE configuration SET json = replace(json, '\"parts\":[2]', '\"parts\":[]')": 'parts',
            "UPDATE configuration SET json = replace(json, '\"of\":2', '\"of\":2000000')": 'of',
            "UPDATE configuration SET json = replace(json, '\"shard\":', '\"shard\": ')": 'shard',
            'CREATE TABLE calibration (reader TEXT, extra TEXT)': 'table calibration',
            'DELETE FROM configuration': 'configuration',
        }
        for sql, words in damages.items():
            with self.subTest(sql):
                shutil.rmtree(self.path('damaged'), ignore_errors=True)
                shutil.copytree(self.path(two), self.path('damaged'))
                self.alter('damaged', sql)
                self.refuse([one, 'damaged'], 'damaged', words)
        places = self.rows(one, 'SELECT position FROM shard')
        shutil.rmtree(self.path('damaged'))
        shutil.copytree(self.path(two), self.path('damaged'))
        for i, (position,) in enumerate(places[:len(self.tables(two)['shard'])]):
            self.alter('damaged', f'UPDATE shard SET position = {position} WHERE instance = {i}')
        self.refuse([one, 'damaged'], '')
        self.write('damaged/run.db', b'no database\n' * 100)
        self.refuse([one, 'damaged'], 'damaged')
        self.write('damaged/run.db', self.read(two, 'run.db')[:5000])
        self.refuse([one, 'damaged'], 'damaged')
        os.remove(self.path('damaged', 'run.db'))
        self.refuse([one, 'damaged'], 'damaged', 'no run.db')

    def test_a_folder_in_use_and_one_that_cannot_be_written(self):
        os.makedirs(self.path('merged'))
        with open(self.path('merged', 'run.lock'), 'w', encoding='utf-8') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refuse(self.parts, 'another process')
        self.write('file', 'no folder')
        self.refuse(self.parts, 'file', out='file')

    def test_names_of_folders_are_made_visible(self):
        name = 'x\x1b[31m'
        os.rename(self.path(self.parts[0]), self.path(name))
        result = self.merge('merged', [name], expect=1)
        self.assertNotIn('\x1b', result.stderr)
        result = self.merge('merged', [name, name], expect=1)
        self.assertNotIn('\x1b', result.stderr)


class Interrupted(Shards):
    def test_a_merge_that_is_killed_can_be_run_again(self):
        parts = self.shards(8, '--policy', 'fixed', '--max-traces', 40, n=16)
        self.run_demo('whole', '--policy', 'fixed', '--max-traces', 40, n=16)
        words = [PROGRAM, 'merge', self.path('merged'), *map(self.path, parts), '--quiet']
        killed = 0
        for attempt in range(12):
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.01 * (attempt + 1))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        self.assertGreater(killed, 0)
        self.merge('merged', parts)
        self.assert_same_run('merged', 'whole')

    def test_interrupted_it_leaves_the_folder_as_it_was(self):
        parts = self.shards(2)
        process = subprocess.Popen([PROGRAM, 'merge', self.path('merged'), *map(self.path, parts)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.merge('merged', parts)
        self.assertFalse(os.path.exists(self.path('merged', 'merging')))

    def test_a_full_disk_is_one_line_and_nothing_is_left(self):
        parts = self.shards(2, '--policy', 'fixed', '--max-traces', 40)
        def limit():
            import resource
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))
        result = call('merge', self.path('merged'), *map(self.path, parts), preexec=limit)
        self.assert_one_line(result, 1, 'run.db')
        self.assertFalse(os.path.exists(self.path('merged', 'merging')))
        self.merge('merged', parts)


if __name__ == '__main__':
    unittest.main()
