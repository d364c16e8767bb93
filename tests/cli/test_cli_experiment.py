#!/usr/bin/env python3
"""Suites of runs from outside: safeconf experiment.

  test_cli_experiment.py PATH_TO_SAFECONF      Python's standard library only.
"""
import fcntl
import json
import os
import shlex
import signal
import subprocess
import time
import unittest
from html.parser import HTMLParser

from model_server import ModelServer
from program import PROGRAM, ROOT, Folder, call

SMALL = '''
name = "small"
[defaults]
num_instances = 3
max-new-tokens = 8
'''
GRID = SMALL + '''
[[phase]]
name = "base"
[phase.matrix]
policy = ["single", "fixed"]
seed = [0, 1]
'''
PHASES = GRID + '''
[[phase]]
name = "holds"
when = "all base.overall.n_traces >= 3 and base[single-seed0].overall.refusal_rate <= 1"
policy = "single"
[[phase]]
name = "fails"
when = "any base.overall.n_traces > 1000"
policy = "single"
'''


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.elements, self.addresses = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.addresses += [value for name, value in attrs if name in ('src', 'href')]


class Suite(Folder):
    def suite(self, text, *options, name='suite.toml', out='out', **more):
        return call('experiment', self.write(name, text), '--out', self.path(out), *options, **more)

    def summary(self, out='out'):
        return json.loads(self.read(out, 'summary.json'))

    def outcomes(self, out='out'):
        return {run['run']: run['outcome'] for run in self.summary(out)['runs']}

    def test_a_grid_is_run_and_conditions_decide(self):
        result = self.suite(PHASES)
        self.assertEqual(result.returncode, 0, result.stderr)
        names = ['base/single-seed0', 'base/single-seed1', 'base/fixed-seed0', 'base/fixed-seed1', 'holds/run']
        self.assertEqual(self.outcomes(), {**dict.fromkeys(names, 'finished'), 'fails/run': 'skipped'})
        for name in names:
            run = json.loads(self.read('out', name, 'analysis.json'))
            row = next(row for row in self.summary()['runs'] if row['run'] == name)
            self.assertEqual(row['refusal_rate'], run['overall']['refusal_rate'])
            self.assertEqual(row['total_tokens'], run['overall']['total_tokens'])
            self.assertEqual(row['n_traces'], run['overall']['n_traces'])
        self.assertFalse(os.path.exists(self.path('out', 'fails')))
        phases = {phase['name']: phase for phase in self.summary()['phases']}
        self.assertEqual([phases[name]['condition'] for name in phases], ['none', 'holds', 'does not hold'])
        self.assertIn('base[fixed-seed1].overall.n_traces = ', phases['fails']['seen'])
        self.assertIn('[base/fixed-seed1] demo (', result.stderr)
        self.assertIn('phase fails is left out: its condition does not hold', result.stderr)
        self.assertRegex(result.stdout, 'fails\n  run +skipped: its condition does not hold')

    def test_a_run_of_a_suite_is_that_run(self):
        self.assertEqual(self.suite(GRID).returncode, 0)
        self.good('run', '--num-instances', 3, '--max-new-tokens', 8, '--policy', 'fixed', '--seed', 1, '--out',
                  self.path('alone'))
        for name in ('predictions.jsonl', 'analysis.json'):
            self.assertEqual(self.read('alone', name), self.read('out', 'base', 'fixed-seed1', name))

    def test_the_commands_of_the_plan_do_what_the_suite_does(self):
        plan = self.suite(PHASES, '--dry-run')
        self.assertEqual(plan.returncode, 0, plan.stderr)
        self.assertFalse(os.path.exists(self.path('out')))
        commands = [line.strip() for line in plan.stdout.splitlines() if line.startswith('      safeconf run ')]
        self.assertEqual(len(commands), 6)
        self.assertIn('is decided when those runs have finished', plan.stdout)
        self.assertIn('6 of 6 runs to do, conditions aside: at most 72 traces.', plan.stdout)
        self.good(*shlex.split(commands[2])[1:])
        self.assertTrue(os.path.exists(self.path('out', 'base', 'fixed-seed0', 'report.html')))
        self.assertRegex(self.suite(PHASES, '--dry-run').stdout, 'fixed-seed0 +begun')
        self.assertEqual(self.suite(PHASES).returncode, 0)
        plan = self.suite(PHASES, '--dry-run').stdout
        self.assertRegex(plan, 'single-seed0 +finished')
        self.assertIn('holds now: base[single-seed0].overall.n_traces = 3', plan)
        self.assertIn('1 of 6 runs to do', plan)
        self.assertRegex(plan, 'about [0-9]+ s at most')

    def test_what_has_finished_is_passed_over_and_what_has_changed_is_refused(self):
        self.assertEqual(self.suite(GRID).returncode, 0)
        again = self.suite(GRID)
        self.assertEqual(again.returncode, 0)
        self.assertEqual(again.stderr.count('has finished before'), 4)
        self.assertNotIn('begins', again.stderr)
        changed = self.suite(GRID.replace('max-new-tokens = 8', 'max-new-tokens = 9'))
        self.assertEqual(changed.returncode, 1)
        self.assertIn('sampling.max_new_tokens: expected 9, found 8', changed.stderr)
        self.assertEqual(set(self.outcomes().values()), {'failed'})
        self.assertEqual(self.suite(GRID).returncode, 0)

    def test_a_file_that_a_run_names_is_looked_at_again_when_it_changes(self):
        text = SMALL + '[[phase]]\nname = "a"\npolicy = "single"\nbenchmark = "data/p.csv"\nid-column = "none"\n'
        self.write('data/p.csv', 'prompt,label\nhow to bake bread,safe\n')
        self.assertEqual(self.suite(text, cwd='/').returncode, 0)
        self.assertIn('has finished before', self.suite(text, cwd=self.folder).stderr)
        self.write('data/p.csv', 'prompt,label\nhow to bake a cake,safe\n')
        changed = self.suite(text)
        self.assertEqual(changed.returncode, 1)
        self.assertIn('benchmark', changed.stderr)

    def test_paths_are_those_of_the_file(self):
        self.write('set/ask.txt', 'Please: {prompt}')
        self.write('set/p.csv', 'prompt,label\nhow to bake bread,safe\n')
        text = 'out = "../there"\n[defaults]\nmax_new_tokens = 4\npolicy = "single"\n[[phase]]\nname = "a"\n' \
            'benchmark = "p.csv"\nprompt_template = "@ask.txt"\nsystem = "Be kind, it\'s late."\n'
        result = call('experiment', self.write('set/s.toml', text), cwd='/')
        self.assertEqual(result.returncode, 0, result.stderr)
        prediction = json.loads(self.read('there', 'a', 'run', 'predictions.jsonl'))
        self.assertEqual([m['content'] for m in prediction['messages']],
                         ["Be kind, it's late.", 'Please: how to bake bread'])
        plan = call('experiment', self.path('set/s.toml'), '--dry-run', cwd='/').stdout
        self.assertIn("'--system=Be kind, it'\\''s late.'", plan)

    def test_a_run_that_fails_does_not_end_the_suite(self):
        result = self.suite(SMALL + '[[phase]]\nname = "a"\npolicy = "single"\n[phase.matrix]\n'
                                    'model = ["/nowhere/model", "demo"]\n')
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertEqual(self.outcomes(), {'a/model': 'failed', 'a/demo': 'finished'})
        self.assertIn('model "/nowhere/model": no such folder', self.summary()['runs'][0]['why'])
        self.assertIn('1 run finished (0 with failed traces or judgements), 1 failed', result.stderr)

    def test_conditions_that_rest_on_what_failed_or_is_not_known_are_not_decided(self):
        result = self.suite(SMALL + '[[phase]]\nname = "a"\nmodel = "/nowhere/model"\n'
                                    '[[phase]]\nname = "b"\nwhen = "a.overall.n_traces > 1"\n'
                                    '[[phase]]\nname = "c"\npolicy = "single"\n'
                                    '[[phase]]\nname = "d"\nwhen = "c.overall.accuracy excludes 0"\npolicy = "single"\n'
                                    '[[phase]]\nname = "e"\nwhen = "c.overal.accuracy > 0"\n')
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertEqual(self.outcomes()['b/run'], 'skipped')
        self.assertIn('the run has not finished', self.summary()['phases'][1]['seen'])
        self.assertEqual(self.outcomes()['e/run'], 'failed')
        self.assertIn('c.overal.accuracy is no field of analysis.json', result.stderr)

    def test_runs_may_sample_from_servers(self):
        os.mkdir(self.path('toy'))  # a folder of that name is not the server's model
        with ModelServer() as server:
            text = SMALL + '[[phase]]\nname = "far"\npolicy = "fixed"\nmax_traces = 2\nmodel = "toy"\n' \
                f'[phase.matrix]\nendpoint = ["{server.url("raw")}", "http://127.0.0.1:1/v1"]\nseed = [5]\n'
            plan = self.suite(text, '--dry-run').stdout
            self.assertIn(' --model=toy ', plan)
            result = self.suite(text)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertEqual(sorted(self.outcomes().values()), ['failed', 'finished'])
        row = next(row for row in self.summary()['runs'] if row['outcome'] == 'finished')
        self.assertEqual((row['n_prompts'], row['n_traces']), (3, 6))

    def test_a_run_that_was_removed_is_made_again(self):
        self.assertEqual(self.suite(GRID).returncode, 0)
        os.remove(self.path('out', 'base', 'fixed-seed0', 'run.db'))
        again = self.suite(GRID)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(again.stderr.count('has finished before'), 3)
        self.assertTrue(os.path.exists(self.path('out', 'base', 'fixed-seed0', 'run.db')))

    def test_without_hours_nothing_begins(self):
        result = self.suite('hours = 0\n' + GRID)
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertEqual(set(self.outcomes().values()), {'open'})
        self.assertIn('not begun: the hours are over', result.stderr)
        self.assertIn('4 not begun: the same command goes on', result.stderr)
        self.assertEqual(self.suite(GRID).returncode, 0)

    def test_hours_that_end_within_a_run_leave_it_resumable(self):
        text = '[defaults]\nnum_instances = 400\nmax-new-tokens = 200\npolicy = "fixed"\n[[phase]]\nname = "a"\n' \
            '[[phase]]\nname = "b"\n'
        result = self.suite('hours = 0.0004\n' + text)
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertEqual(self.outcomes(), {'a/run': 'unfinished', 'b/run': 'open'})
        if os.path.exists(self.path('out', 'a', 'run', 'run.db')):  # not where a busy machine was slow to begin
            self.assertLess(self.rows('out/a/run', 'SELECT count(*) FROM trace')[0][0], 4000)

    def test_a_run_that_would_not_fit_is_not_begun(self):
        text = SMALL + '[[phase]]\nname = "a"\npolicy = "single"\n[[phase]]\nname = "b"\npolicy = "fixed"\n' \
            '[[phase]]\nname = "c"\npolicy = "single"\nmax-new-tokens = 4\n'
        self.assertEqual(self.suite(text, '--only', 'a').returncode, 0)
        journal = json.loads(self.read('out', 'suite.json'))
        journal['a/run']['seconds'] = 1000
        self.write('out/suite.json', json.dumps(journal))
        result = self.suite('hours = 1\n' + text)
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertEqual(self.outcomes(), {'a/run': 'finished', 'b/run': 'open', 'c/run': 'finished'})
        self.assertIn('b/run: not begun: about 2.8 h at most, and 1 h are left', result.stderr)

    def test_a_run_that_its_own_limit_stopped_is_not_finished(self):
        text = SMALL + '[[phase]]\nname = "a"\npolicy = "fixed"\nmax_total_tokens = 20\nparallel = 1\n' \
            '[[phase]]\nname = "b"\nwhen = "a.overall.n_traces > 0"\n'
        result = self.suite(text)
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertEqual(self.outcomes(), {'a/run': 'unfinished', 'b/run': 'skipped'})
        self.assertIn('max-total-tokens', self.summary()['runs'][0]['why'])
        for _ in range(30):
            result = self.suite(text)
            if result.returncode == 0:
                break
        self.assertEqual(self.outcomes(), {'a/run': 'finished', 'b/run': 'finished'})

    def test_an_interrupted_suite_goes_on(self):
        text = SMALL + '[[phase]]\nname = "a"\npolicy = "single"\n[[phase]]\nname = "b"\nnum_instances = 400\n' \
            'max-new-tokens = 200\npolicy = "fixed"\n[[phase]]\nname = "c"\npolicy = "single"\n'
        words = [PROGRAM, 'experiment', self.write('s.toml', text), '--out', self.path('out')]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for line in process.stderr:
            if line.startswith('[b/run] demo ('):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(60), 130, rest)
        self.assertEqual(self.outcomes(), {'a/run': 'finished', 'b/run': 'unfinished', 'c/run': 'open'})
        self.assertIn('interrupted', rest)
        only = call('experiment', self.path('s.toml'), '--out', self.path('out'), '--only', 'c')
        self.assertEqual(self.outcomes(), {'a/run': 'finished', 'b/run': 'open', 'c/run': 'finished'})
        self.assertEqual(only.returncode, 0, only.stderr)

    def test_a_run_ends_with_its_suite(self):
        text = SMALL + 'policy = "single"\n[[phase]]\nname = "a"\nnum_instances = 400\nmax-new-tokens = 200\npolicy = "fixed"\n'
        words = [PROGRAM, 'experiment', self.write('s.toml', text), '--out', self.path('out')]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for line in process.stderr:
            if line.startswith('[a/run] demo ('):
                break
        process.kill()
        process.wait(60)
        process.stderr.close()
        for _ in range(1200):  # a minute, on a busy machine
            if not os.path.exists(self.path('out', 'a', 'run', 'run.lock')):
                return
            time.sleep(0.05)
        self.fail('the run went on without its suite')

    def test_a_suite_begun_again_at_once_lets_the_earlier_run_end(self):
        text = SMALL + '[[phase]]\nname = "a"\npolicy = "single"\n'
        os.makedirs(self.path('out', 'a', 'run'))
        with open(self.path('out', 'a', 'run', 'run.lock'), 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            words = [PROGRAM, 'experiment', self.write('s.toml', text), '--out', self.path('out')]
            process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
            self.assertIn('begins', process.stderr.readline())
            time.sleep(0.5)
        rest = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(60), 0, rest)
        self.assertEqual(self.outcomes(), {'a/run': 'finished'})

    def test_one_suite_at_a_time(self):
        text = SMALL + 'policy = "single"\n[[phase]]\nname = "a"\nnum_instances = 400\nmax-new-tokens = 200\npolicy = "fixed"\n'
        words = [PROGRAM, 'experiment', self.write('s.toml', text), '--out', self.path('out')]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        process.stderr.readline()
        second = call(*words[1:])
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(60), 130)
        self.assert_one_line(second, 1, 'out')

    def test_only_names_phases_and_runs(self):
        result = self.suite(PHASES, '--only', 'base/fixed-seed1', '--only', 'base/single-seed0')
        self.assertEqual(result.returncode, 0, result.stderr)
        done = [name for name, outcome in self.outcomes().items() if outcome == 'finished']
        self.assertEqual(done, ['base/single-seed0', 'base/fixed-seed1'])
        self.assert_one_line(self.suite(PHASES, '--only', 'bas'), 2, '--only: expected a phase', '"bas"')

    def test_what_is_wrong_in_the_file_is_named_and_nothing_is_run(self):
        phase = '[[phase]]\nname = "a"\n'
        for text, parts in (
                ('x', ['suite.toml: line 1, column 2: expected = behind the key']),
                ('', ['suite.toml: expected 1 to 256 phases']),
                (phase + 'temprature = 1', ['suite.toml: a/run: unknown option "temprature"']),
                (phase + 'out = "x"', ['a/run: out: runs of a suite lie below its own folder']),
                (phase + 'seed = [1, 2]', ['a/run: seed: expected one value, found a list']),
                (phase + 'thinking = "yes"', ['a/run: thinking: expected true or false, found text']),
                (phase + 'seed = true', ['a/run: seed: expected a text or a number']),
                (phase + 'seed = -1', ['experiment: ', 'suite.toml: a/run: --seed: expected 0 to']),
                (phase + 'policy = "best"', ['a/run: --policy: expected single|fixed', '"best"']),
                (phase + 'temperature = "0,1"', ['a/run: temperature: expected one, found several']),
                (phase + 'policies = ["single"]', ['a/run: --policies goes with compare']),
                (phase + 'benchmark = "-"', ['a/run: benchmark: a run of a suite cannot read standard input']),
                (phase + 'system = "@none.txt"', ['a/run: --system: ', 'none.txt']),
                (phase + 'when = "a.b > 1"', ['phase "a": when: expected an earlier phase, found "a"']),
        ):
            with self.subTest(text):
                self.assert_one_line(self.suite(text), 1, *parts)
                self.assertFalse(os.path.exists(self.path('out', 'a')))
        self.assert_one_line(call('experiment'), 2, 'expected the file of a suite')
        self.assert_one_line(call('experiment', self.path('none.toml')), 1, 'none.toml')
        self.assert_one_line(self.suite(phase, '--out', ''), 2, '--out')

    def test_lists_and_flags_become_words(self):
        plan = self.suite(SMALL + '[[phase]]\nname = "a"\nunsafe_value = ["bad", "worse"]\nfirst = false\ncompare = true\n'
                                  'policies = ["single", "fixed:3"]\ntemplate_arg = []\ntop_p = 0.5\n', '--dry-run')
        self.assertEqual(plan.returncode, 0, plan.stderr)
        self.assertIn('--unsafe-value=bad --unsafe-value=worse --compare --policies=single,fixed:3 --top-p=0.5 --out=',
                      plan.stdout)
        self.assertNotIn('--first', plan.stdout)

    def test_the_page_is_plain_and_escapes_what_it_shows(self):
        name = '<script>alert(1)</script>\u202e'
        text = PHASES.replace('"small"', json.dumps(name)) + f'[[phase]]\nname = "x"\nmodel = {json.dumps("/" + name)}\n'
        result = self.suite(text)
        self.assertEqual(result.returncode, 3, result.stderr)
        page = self.read('out', 'summary.html').decode()
        links = Links(page)
        self.assertNotIn('script', links.elements)
        self.assertNotIn('\u202e', page + result.stdout + result.stderr + self.read('out', 'summary.json').decode())
        self.assertIn('&lt;script&gt;alert(1)', page)
        self.assertIn('Holm', page)
        for address in links.addresses:
            self.assertTrue(address.startswith('#') or os.path.exists(self.path('out', address)), address)
        self.assertIn('base/single-seed0/report.html', links.addresses)

    def test_a_damaged_document_that_a_condition_needs_is_said_once(self):
        text = SMALL + 'policy = "single"\n[[phase]]\nname = "a"\n[[phase]]\nname = "b"\nwhen = "a.overall.n_traces > 0"\nsystem = "Be brief."\n'
        self.suite(text)
        with open(self.path('out', 'a', 'run', 'analysis.json'), 'w') as file:
            file.write('{"damaged')
        for options in ((), ('--dry-run',)):
            result = self.suite(text, *options)
            self.assertEqual(result.returncode, 1)
            lines = [line for line in result.stderr.splitlines() if 'expected JSON' in line]
            self.assertEqual(len(lines), 1, result.stderr)

    def test_a_broken_journal_is_named(self):
        self.assertEqual(self.suite(GRID).returncode, 0)
        self.write('out/suite.json', '{"base/single-seed0": {"status": "x"}}')
        self.assert_one_line(self.suite(GRID), 1, 'suite.json', 'without it every run is looked at again')
        os.remove(self.path('out', 'suite.json'))
        again = self.suite(GRID)
        self.assertEqual(again.returncode, 0)
        self.assertEqual(again.stderr.count('nothing was left to sample'), 4)

    def test_the_example_runs(self):
        result = call('experiment', os.path.join(ROOT, 'examples', 'suite.toml'), '--out', self.path('out'), '--quiet')
        self.assertEqual(result.returncode, 0, result.stderr)
        outcomes = self.outcomes()
        self.assertEqual(len(outcomes), 12)
        self.assertTrue(set(outcomes.values()) <= {'finished', 'skipped'})
        self.assertEqual(outcomes['judged/run'], 'finished')
        self.assertEqual(result.stderr, '')


if __name__ == '__main__':
    unittest.main()
