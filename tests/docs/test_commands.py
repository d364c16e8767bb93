#!/usr/bin/env python3
"""What the documentation tells a reader to type.  README.md and docs/TUTORIAL.md are done from top to bottom,
each in a folder of its own; of all documents, commands and options are ones that the program knows.

  test_commands.py PATH_TO_SAFECONF      Python's standard library; blocks of Python run where the package is.
"""
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'cli'))
from program import PROGRAM, ROOT, Folder, call  # noqa: E402

DONE = ('README.md', 'docs/TUTORIAL.md')

# Commands that are not run here, and why.  Their options are checked all the same.
EXCEPTED = {
    './quickstart --real': 'fetches a model; tests/cli/test_cli_quickstart.py runs it against servers of its own',
    'build/safeconf run --model ~/models/Qwen3-0.6B --benchmark toxicchat-test.jsonl --num-instances 200 '
    '--max-new-tokens 128 --out results/qwen3-0.6b-toxicchat': 'needs a model and a benchmark of the reader',
    'cmake --install build --prefix ~/.local': 'tools/check-install does it, from a whole build',
    'build/safeconf run --model Qwen/Qwen3-0.6B --benchmark mine.csv --out results/qwen3': 'fetches a model',
    'build/safeconf run --endpoint http://127.0.0.1:8000/v1 --benchmark mine.csv --out results/served':
        'needs a server',
    'build/safeconf classify results/qwen3 --judge-model Qwen/Qwen3Guard-Gen-0.6B': 'fetches a judge',
    'build/safeconf classify results/qwen3 --judge wildguard --judge-url http://127.0.0.1:8000/v1':
        'needs a server',
}
# Languages of blocks that hold no commands.
DATA = {'text', 'csv', 'json', 'jsonl', 'toml', 'c', 'r'}

INTERPRETER = os.path.join(ROOT, 'build-python', 'venv', 'bin', 'python')


class Block:
    def __init__(self, document, line, language, text):
        self.where, self.language, self.text = f'{document}:{line}', language, text

    def commands(self):
        """Each command as one line; a document that the shell reads (<<) is left out."""
        text = re.sub(r"<<'?(\w+)'?(.*?)\n.*?\n\1(?=\n|$)", r'\2', self.text, flags=re.S)
        text = text.replace('\\\n', ' ')
        if self.language == 'console':
            lines = [line[2:] for line in text.splitlines() if line.startswith('$ ')]
        else:
            lines = [line for line in text.splitlines() if line.strip() and not line.startswith('#')]
        return [' '.join(line.split('  #')[0].split()) for line in lines]

    def output(self):
        return [line for line in self.text.splitlines() if not line.startswith('$ ')]


def read(document):
    with open(os.path.join(ROOT, document), encoding='utf-8') as file:
        return file.read()


def blocks(document):
    for match in re.finditer(r'^```([^\n]*)\n(.*?)^```$', read(document), re.M | re.S):
        yield Block(document, read(document)[:match.start()].count('\n') + 1, match[1].strip(), match[2])


def documents():
    found = [*glob.glob('*.md', root_dir=ROOT), *glob.glob('docs/*.md', root_dir=ROOT)]
    return sorted(name for name in found if name != 'CHANGELOG.md')


def label(line):
    """What a line of output is about: its first column, where it has columns of which that is no figure.  The
    others are a processor's own: its arithmetic moves figures, and with them what an answer says."""
    match = re.match(r'\s*([a-z][a-z ()]*?)\s{2,}', line)
    return match[1] if match else None


class Known:
    """Options of each command, as --help lists them."""

    def __init__(self):
        text = call('--help').stdout
        self.options = {name: self.listed(name) for name in re.findall(r'^  ([a-z][a-z-]*) +', text, re.M)}
        self.options['help'] = set()

    @staticmethod
    def listed(name):
        return set(re.findall(r'^  --([a-z0-9-]+)', call(name, '--help').stdout, re.M))

    def fault(self, command):
        """What is wrong with a command of the program; None: nothing, or it is another program's."""
        try:
            words = shlex.split(command, comments=True)
        except ValueError:
            words = command.split()
        words = words[next((i for i, word in enumerate(words) if not re.match(r'[A-Z_]+=', word)), 0):]
        if not words or os.path.basename(words[0]) != 'safeconf' or len(words) < 2:
            return None
        name = words[1]
        if name.startswith('-') or re.match(r'[A-Z…]', name):  # --help; COMMAND
            return None
        if name not in self.options:
            return f'there is no command {name}'
        for word in words[2:]:
            if word in ('|', '&&', ';', '>') or word.startswith('2>'):
                break
            option = re.match(r'--([a-z][a-z0-9-]*)', word)
            if option and option[1] not in self.options[name] | {'help'}:
                return f'{name} has no option --{option[1]}'
        return None


class Mentioned(unittest.TestCase):
    def test_commands_and_options_are_known(self):
        known, n = Known(), 0
        for document in documents():
            text = read(document)
            found = [(block.where, command) for block in blocks(document) for command in block.commands()]
            prose = re.sub(r'^```.*?^```$', '', text, flags=re.M | re.S)
            found += [(document, command) for command in re.findall(r'`(safeconf [^`]+)`', prose)]
            for where, command in found:
                n += 'safeconf' in command
                with self.subTest(where=where, command=command):
                    self.assertIsNone(known.fault(command))
        self.assertGreater(n, 50)


class Done(Folder):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path('build'))
        os.symlink(PROGRAM, self.path('build', 'safeconf'))
        for name in ('quickstart', 'docs', 'examples', 'models', 'tests'):
            os.symlink(os.path.join(ROOT, name), self.path(name))
        self.env = {**os.environ, 'SAFECONF': PROGRAM, 'HOME': self.path('home'), 'HF_HUB_OFFLINE': '1',
                    'SAFECONF_DATA': self.path('benchmarks'), 'PYTHONDONTWRITEBYTECODE': '1', 'NO_COLOR': '1'}

    def shell(self, where, text):
        result = subprocess.run(['bash', '-euo', 'pipefail', '-c', text], cwd=self.folder, env=self.env, timeout=300,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, f'{where}\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}')
        return result.stdout

    def python(self, block):
        """Blocks of a document go on from each other, so all before it run too."""
        if not self.package:
            print(f'SKIP {block.where}: the Python package is not installed')
            return
        self.so_far += block.text
        result = subprocess.run([self.package, '-'], cwd=self.folder, env=self.env, timeout=300, input=self.so_far,
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, f'{block.where}\n{result.stderr[-2000:]}')

    def show(self, block):
        """The output has lines of the same labels as the document shows, in that order."""
        commands = block.commands()
        self.assertEqual(len(commands), 1, block.where)
        printed = iter(self.shell(block.where, commands[0]).splitlines())
        for line in block.output():
            if label(line):
                self.assertIn(label(line), map(label, printed), f'{block.where}: {line}')

    def run_block(self, block):
        commands = block.commands()
        left_out = [command for command in commands if command in EXCEPTED]
        if left_out:
            self.assertEqual(left_out, commands, f'{block.where}: a block is run, or none of it is')
            self.met.update(left_out)
        elif block.language == 'console':
            self.show(block)
        else:
            self.shell(block.where, block.text)
        self.n_run += not left_out

    def test_from_top_to_bottom(self):
        self.met, self.n_run = set(), 0
        self.package = self.find_package()
        for document in DONE:
            self.so_far = ''
            for block in blocks(document):
                if block.language == 'python':
                    self.python(block)
                elif block.language in ('sh', 'console'):
                    self.run_block(block)
                else:
                    self.assertIn(block.language, DATA, f'{block.where}: say what it is: ```sh is run')
        self.assertEqual(set(EXCEPTED) - self.met, set(), 'excepted, and in no document')
        self.assertGreater(self.n_run, 10)

    def find_package(self):
        """An interpreter that has the package, or None."""
        self.env['SAFECONF_LIBRARY'] = os.path.join(os.path.dirname(PROGRAM), 'libsafeconf.so')
        self.env['PYTHONPATH'] = os.path.join(ROOT, 'python')
        for interpreter in (os.environ.get('SAFECONF_PYTHON'), INTERPRETER, shutil.which('python3')):
            if interpreter and os.path.exists(interpreter):
                result = subprocess.run([interpreter, '-c', 'import safeconf, numpy'], env=self.env, timeout=60,
                                        capture_output=True, check=False)
                if result.returncode == 0:
                    return interpreter
        return None


if __name__ == '__main__':
    unittest.main()
