#!/usr/bin/env python3
"""Man pages and completions: nothing that --help knows is missing in them, and shells really complete.

  test_documentation.py PATH_TO_SAFECONF      Python's standard library only.
"""
import functools
import glob
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest

from program import PROGRAM, ROOT, Folder, call

MADE = tempfile.mkdtemp(prefix='safeconf-documentation-')


def setUpModule():
    result = call('documentation', MADE, '2026-11-28')
    assert result.returncode == 0, result.stderr


def tearDownModule():
    shutil.rmtree(MADE)


@functools.cache
def commands():
    """(name, summary) of each command."""
    return re.findall(r'^  ([a-z][a-z-]*) +(.*)', call('--help').stdout, re.M)


@functools.cache
def help_of(command):
    return call(command, '--help').stdout


def options_of(command):
    """(name, argument or '') of each, as --help lists them."""
    found = []
    for line in help_of(command).split('Options:\n')[1].splitlines():
        match = re.match(r'  --([a-z0-9-]+)(?: (\S+))?', line)
        if match:
            found.append((match[1], match[2] or ''))
    return found


def made(*names):
    with open(os.path.join(MADE, *names), encoding='utf-8') as file:
        return file.read()


def page(name):
    return made('man', 'man1', f'{name}.1')


def words(text):
    """Of a man page, as a reader sees them."""
    text = re.sub(r'\\f[BIR]', '', text)
    for escape, character in (('\\(aq', "'"), ('\\(dq', '"'), ('\\(ti', '~'), ('\\(ga', '`'), ('\\(ha', '^'),
                              ('\\-', '-'), ('\\&', ''), ('\\e', '\\')):
        text = text.replace(escape, character)
    return ' '.join(text.split())


def sources():
    for folder, _, names in os.walk(os.path.join(ROOT, 'src')):
        for name in names:
            if name.endswith('.c'):
                with open(os.path.join(folder, name), encoding='utf-8') as file:
                    yield file.read()


class Manual(unittest.TestCase):
    def test_each_command_has_a_page_with_all_of_its_help(self):
        pages = {os.path.basename(path)[:-2] for path in glob.glob(os.path.join(MADE, 'man', 'man1', '*'))}
        self.assertEqual(pages, {'safeconf'} | {f'safeconf-{name}' for name, _ in commands()})
        for name, summary in commands():
            with self.subTest(command=name):
                text = words(page(f'safeconf-{name}'))
                self.assertIn(f'safeconf-{name} - {summary}', text)
                head, listed = help_of(name).split('\n\nOptions:\n')
                self.assertIn(' '.join(head.split('\n\n', 1)[1].split()), text)
                # Each option with its whole text: what stands beside it in --help, unfolded.
                for option in re.split(r'^  --', listed, flags=re.M)[1:-1]:
                    self.assertIn('--' + ' '.join(option.split()), text)

    def test_the_programs_page_has_every_command_and_every_variable(self):
        text = words(page('safeconf'))
        for name, summary in commands():
            self.assertIn(f'safeconf-{name}(1) {summary} .', text)
        read = set()
        for source in sources():
            read |= set(re.findall(r'getenv\("([A-Z_]+)"\)', source))
            read |= set(re.findall(r'"((?:HF|SAFECONF|XDG|OPENAI|HUGGING_?FACE|CURL|SSL)_[A-Z_]+)"', source))
        read -= {'PATH', 'SAFECONF_EMULATED_GPU'}  # the latter is the tests' own
        self.assertGreater(len(read), 15)
        section = text.split('.SH ENVIRONMENT')[1].split('.SH EXAMPLES')[0]
        self.assertEqual({name for name in read if not re.search(rf'\b{name}\b', section)}, set(),
                         'missing in cli_manual_variables (src/cli/manual_words.c)')

    def test_each_page_has_examples_that_the_command_understands(self):
        for name, _ in commands():
            with self.subTest(command=name):
                text = page(f'safeconf-{name}')
                self.assertIn('.SH EXAMPLES', text, f'no row for {name} in src/cli/manual_words.c')
                examples = re.findall(r'^\.TP\n\\fBsafeconf (.*)\\fR$', text.split('.SH EXAMPLES')[1], re.M)
                self.assertTrue(examples)
                known = {option for option, _ in options_of(name)}
                for example in map(words, examples):
                    self.assertEqual(example.split()[0], name)
                    self.assertLessEqual(set(re.findall(r'--([a-z0-9-]+)', example)), known, example)
                document = words(text).split('for files and variables of the environment; ')[1].split()[0]
                self.assertTrue(os.path.exists(os.path.join(ROOT, 'docs', document)), document)

    def test_formatters_have_nothing_to_say(self):
        pages = sorted(glob.glob(os.path.join(MADE, 'man', 'man1', '*')))
        checkers = [(tool, command) for tool, command in (('mandoc', ['mandoc', '-T', 'lint', '-W', 'warning']),
                                                          ('groff', ['groff', '-man', '-ww', '-z', '-Tutf8']))
                    if shutil.which(tool)]
        if not checkers:
            self.skipTest('neither mandoc nor groff')
        for tool, command in checkers:
            with self.subTest(tool=tool):
                result = subprocess.run([*command, *pages], capture_output=True, text=True, check=False)
                self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ''))

    def test_the_hidden_command_says_what_it_expects(self):
        for given in ((), ('x',), ('', '2026-11-28'), ('x', 'May "'), ('x', '2026-11-28', 'y')):
            result = call('documentation', *given)
            self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), given)


class Shells:
    """What each shell must offer; a class below says how it is asked."""

    # What is typed, and of what is offered a part, and what must not be.
    CASES = (
        (['re'], {'report', 'replay'}, {'run'}),
        (['run', '--max-tr'], {'--max-traces'}, {'--model'}),
        (['run', '--policy', ''], {'single', 'adaptive', 'budget'}, {'demo', '--model'}),
        (['run', '--benchmark', 'synth'], {'synthetic'}, {'toxicchat'}),
        (['run', '--benchmark', 'fi'], {'file.csv'}, set()),
        (['run', '--model', 'd'], {'demo', 'deep folder/'}, {'data.csv'}),
        (['run', '--judge-model', 'demo'], {'demo-guard'}, set()),
        (['replay', 'de'], {'deep folder/'}, {'demo'}),
        (['import', 'fi'], {'file.csv'}, {'results/'}),
        (['pull', 'toxic'], {'toxicchat'}, {'harmbench'}),
        (['model', 'ran'], {'random'}, set()),
        (['model', 'random', '--shape', 'qwen3-0'], {'qwen3-0.6b'}, {'demo'}),
        (['run', '--seed', 're'], set(), {'report', 'results/', '--seed'}),
    )

    def setUp(self):
        super().setUp()
        if not shutil.which(self.shell):
            self.skipTest(f'no {self.shell}')
        for name in ('file.csv', 'data.csv', 'results/x', 'deep folder/x'):
            self.write(name, '')

    def test_completes(self):
        for typed, offered, others in self.CASES:
            with self.subTest(shell=self.shell, typed=typed):
                found = self.offered(typed)
                self.assertLessEqual(offered, found)
                self.assertFalse(others & found, found)

    def test_knows_every_option_of_every_command(self):
        for name, _ in commands():
            with self.subTest(shell=self.shell, command=name):
                self.assertEqual(self.options(name), {option for option, _ in options_of(name)})


class Bash(Shells, Folder):
    shell = 'bash'

    def offered(self, typed):
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; '
                  'function=$(complete -p safeconf); function=${function#*-F }; ${function% *} 2>/dev/null; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        result = subprocess.run(['bash', '--norc', '-u', '-c', script, 'bash', os.path.join(MADE, 'bash', 'safeconf'),
                                 'safeconf', *typed], capture_output=True, text=True, check=True, cwd=self.folder)
        self.assertEqual(result.stderr, '')
        return {word + '/' * os.path.isdir(self.path(word)) for word in result.stdout.splitlines() if word}

    def options(self, name):
        return {word[2:] for word in self.offered([name, '--'])}

    def test_completes_behind_an_equals_sign(self):
        self.assertEqual(self.offered(['run', '--policy', '=', 'ad']), {'adaptive'})
        self.assertIn('single', self.offered(['run', '--policy', '=']))


class Fish(Shells, Folder):
    shell = 'fish'

    def offered(self, typed):
        line = ' '.join(['safeconf', *typed])
        home = {'HOME': self.path('home'), 'XDG_CONFIG_HOME': self.path('home'), 'XDG_DATA_HOME': self.path('home')}
        result = subprocess.run(['fish', '--no-config', '-c', 'source $argv[1]; complete -C $argv[2]',
                                 os.path.join(MADE, 'fish', 'safeconf.fish'), line],
                                capture_output=True, text=True, check=True, cwd=self.folder,
                                env=dict(os.environ, **home))
        self.assertEqual(result.stderr, '')
        return {word.split('\t')[0] for word in result.stdout.splitlines()}

    def options(self, name):
        return {word[2:] for word in self.offered([name, '--'])}


class Zsh(Shells, Folder):
    """In a terminal, as zsh completes nowhere else.  A key takes the line from a file, completes it, and
    leaves in another file what compadd was given to offer."""
    shell = 'zsh'

    def setUp(self):
        super().setUp()
        self.write('.zshrc', f'''
fpath=({os.path.join(MADE, "zsh")} $fpath)
autoload -Uz compinit && compinit -u -D
unsetopt auto_list auto_menu beep
compadd() {{
    if (( ! ${{@[(I)-[OAD]*]}} )); then
        local -a __found
        builtin compadd -A __found "$@"
        (( $#__found )) && print -rl -- $__found >>offered
    fi
    builtin compadd "$@"
}}
ask() {{
    BUFFER=$(<line)
    CURSOR=$#BUFFER
    zle complete-word
    BUFFER=
    print -r -- 'that is all' >>offered
}}
zle -N ask
bindkey '^I' ask
: >offered
PS1=ready%#
''')
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(self.folder)
            os.environ.update(TERM='dumb', ZDOTDIR=self.folder, HOME=self.folder)
            os.execvp('zsh', ['zsh', '-d', '-i'])
        self.addCleanup(self.end)
        self.wait(lambda said: b'ready' in said)

    def end(self):
        os.close(self.terminal)
        os.waitpid(self.child, 0)

    def wait(self, answered):
        """Reads what the shell writes, which must not fill its terminal, until it has answered."""
        said, patience = b'', time.monotonic() + 60
        while not answered(said):
            self.assertLess(time.monotonic(), patience, said)
            if select.select([self.terminal], [], [], 0.01)[0]:
                said += os.read(self.terminal, 65536)

    def offered(self, typed):
        self.write('line', ' '.join(['safeconf', *typed]))
        self.write('offered', '')
        os.write(self.terminal, b'\t')
        self.wait(lambda said: self.read('offered').endswith(b'that is all\n'))
        found = self.read('offered').decode().replace('\\ ', ' ').splitlines()[:-1]
        return {word + '/' * os.path.isdir(self.path(word)) for word in found}

    def options(self, name):
        return {word.rstrip('=')[2:] for word in self.offered([name, '--'])}


if __name__ == '__main__':
    unittest.main()
