"""Commands that write, each with what it is to leave behind: for power losses and kills.

A command works in one folder, which `begin` fills with what lies there before.  `leaves` says what lies
there in the end, in a form that is the same whenever the same was stored: of run.db its rows in an order of
their own, of other files their bytes, without the files that only a process at work has.
"""
import json
import os
import re
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from hub_server import Hub          # noqa: E402
from program import DEMO, PROGRAM, ROOT  # noqa: E402

GUARD = os.path.join(ROOT, 'tests', 'golden', 'judge_guard')
PASSING = re.compile(r'(\.part-\d+|run\.lock|run\.db-(wal|shm|journal)|\.lock|\.incomplete|time\.json)$')
SMALL = ('--num-instances', '4', '--max-new-tokens', '12')
SUITE = '''
[defaults]
num_instances = 3
max-new-tokens = 8
[[phase]]
name = "base"
[phase.matrix]
policy = ["single", "fixed"]
'''


def rows(path):
    """All rows of a database, table by table."""
    db = sqlite3.connect(f'file:{path}?mode=ro', uri=True)
    try:
        names = [name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
        return {name: sorted(map(repr, db.execute(f'SELECT * FROM "{name}"'))) for name in names}
    finally:
        db.close()


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if 'second' not in key}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def leaves(root):
    out = {}
    for folder, _, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            short = os.path.relpath(path, root)
            if PASSING.search(short) or short.startswith('.'):
                continue
            if os.path.islink(path):
                out[short] = os.readlink(path)
            elif name == 'run.db':
                out[short] = rows(path)
            else:
                with open(path, 'rb') as file:
                    out[short] = file.read()
                if name in ('suite.json', 'summary.json'):
                    out[short] = without_times(json.loads(out[short]))
    return out


def differences(a, b):
    return [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]


class Work:
    """name; what lies there before; the command's words; how many rows of which table were said."""
    table = 'trace'
    counted = re.compile(rb'prompts, (\d+) traces')  # in a line of progress and at the end
    databases = ('run/run.db',)
    volatile = ()

    def __init__(self, scratch):
        self.scratch = scratch  # for what it reads
        self.env = {}

    def begin(self, root):
        os.makedirs(root, exist_ok=True)

    def call(self, words, env=None, **more):
        return subprocess.run([PROGRAM, *words], env=dict(os.environ, **self.env, **(env or {})),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=300, **more)

    def run(self, *words):
        done = self.call(words)
        if done.returncode != 0:
            raise AssertionError(f'{words}: {done.stderr.decode()}')

    def at(self, *names):
        return os.path.join(self.scratch, *names)

    def end(self):
        pass


class Run(Work):
    name = 'run'

    def words(self, root):
        return ['run', '--num-instances', '12', '--max-new-tokens', '16', '--no-batch', '--threads', '1',
                '--out', os.path.join(root, 'run')]


class RunJudged(Work):
    name = 'run, judged'

    def words(self, root):
        return ['run', *SMALL, '--judge', 'guard', '--judge-model', GUARD, '--out', os.path.join(root, 'run')]


class Merge(Work):
    name = 'merge'
    counted = re.compile(rb'(?!)')

    def __init__(self, scratch):
        super().__init__(scratch)
        for i in (1, 2):
            self.run('run', *SMALL, '--shard', f'{i}/2', '--quiet', '--out', self.at(f'shard{i}'))

    def words(self, root):
        return ['merge', os.path.join(root, 'run'), self.at('shard1'), self.at('shard2')]


class MergeMore(Merge):
    """Onto an earlier merge, which a process that was killed left with its log."""
    name = 'merge, the second'

    def begin(self, root):
        super().begin(root)
        self.call(['merge', '--partial', os.path.join(root, 'run'), self.at('shard1')])  # status 1: not whole
        path, log = os.path.join(root, 'run', 'run.db'), os.path.join(root, 'run', 'run.db-wal')
        db = sqlite3.connect(path)
        db.execute('PRAGMA journal_mode = WAL')
        db.execute("UPDATE instance SET prompt = prompt || 'x'")
        db.execute('UPDATE instance SET prompt = substr(prompt, 1, length(prompt) - 1)')
        db.commit()
        left = [(name, open(name, 'rb').read()) for name in (path, log)]
        db.close()
        for name, content in left:
            with open(name, 'wb') as file:
                file.write(content)


class Import(Work):
    name = 'import'

    def __init__(self, scratch):
        super().__init__(scratch)
        with open(self.at('answers.jsonl'), 'w') as file:
            for i in range(40):
                file.write(json.dumps({'prompt': f'Question {i % 10}?', 'response': f'I cannot help with {i}.',
                                       'label': 'unsafe' if i % 2 else 'safe'}) + '\n')

    def words(self, root):
        return ['import', self.at('answers.jsonl'), '--out', os.path.join(root, 'run')]


class Classify(Work):
    name = 'classify'
    table = 'judgement'
    counted = re.compile(rb'(\d+)/\d+ (?:judged|texts|answers)')

    def begin(self, root):
        super().begin(root)
        self.run('run', *SMALL, '--quiet', '--out', os.path.join(root, 'run'))

    def words(self, root):
        return ['classify', os.path.join(root, 'run'), '--judge', 'guard', '--judge-model', GUARD]


class Report(Work):
    name = 'report'

    def begin(self, root):
        super().begin(root)
        self.run('run', *SMALL, '--quiet', '--out', os.path.join(root, 'run'))

    def words(self, root):
        return ['report', os.path.join(root, 'run')]


class Export(Report):
    name = 'export'

    def words(self, root):
        return ['export', os.path.join(root, 'run')]


class Risk(Work):
    name = 'risk'
    databases = ()

    def words(self, root):
        return ['risk', '--benchmark', 'synthetic', '--num-instances', '3', '--max-new-tokens', '6', '--quiet',
                '--out', os.path.join(root, 'risk')]


class Experiment(Work):
    name = 'experiment'
    databases = ('suite/base/single/run.db', 'suite/base/fixed/run.db')
    counted = re.compile(rb'(?!)')

    def __init__(self, scratch):
        super().__init__(scratch)
        with open(self.at('suite.toml'), 'w') as file:
            file.write(SUITE)

    def words(self, root):
        return ['experiment', self.at('suite.toml'), '--out', os.path.join(root, 'suite')]


class Pull(Work):
    name = 'pull'
    databases = ()

    def __init__(self, scratch):
        super().__init__(scratch)
        self.hub = Hub('hf_test_token').__enter__()
        self.hub.add('safeconf/demo', DEMO)
        self.env = {'HF_ENDPOINT': self.hub.url, 'HF_HUB_OFFLINE': '0', 'HF_TOKEN': '', 'HF_HUB_CACHE': '',
                    'NO_PROXY': '127.0.0.1,localhost'}

    def words(self, root):
        self.env['HF_HOME'] = os.path.join(root, 'home')
        return ['pull', 'safeconf/demo']

    def end(self):
        self.hub.__exit__()


class Sweep(Work):
    """Several temperatures, each a run of its own, compared at the end."""
    name = 'run, three temperatures'
    databases = ()

    def words(self, root):
        return ['run', *SMALL, '--temperature', '0,0.6,1', '--out', os.path.join(root, 'sweep')]


class Compare(Work):
    """Several policies over the same traces."""
    name = 'compare'

    def words(self, root):
        return ['compare', *SMALL, '--out', os.path.join(root, 'run')]


ALL = (Run, RunJudged, Merge, MergeMore, Import, Classify, Report, Export, Risk, Experiment, Pull, Sweep, Compare)
LOSES_POWER = ALL[:11]
KILLED = ('run', 'run, judged', 'run, three temperatures', 'compare', 'merge', 'merge, the second',
          'experiment', 'classify', 'import', 'risk')
