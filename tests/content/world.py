"""Where the program is given hostile content: a folder, what was printed, and what reached which output."""
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
import outputs  # noqa: E402
from program import DEMO, PROGRAM, ROOT  # noqa: E402,F401

# What the program says of a file that it writes: by its name, or by its ending.
NAMED = {'analysis.json': 'documents (JSON)', 'predictions.jsonl': 'predictions.jsonl', 'run.db': 'run.db', '.html': 'pages', '.csv': 'CSV', '.tex': 'LaTeX',
         '.md': 'Markdown', '.eval': '.eval', '.svg': 'SVG', '.pdf': 'PDF', '.parquet': 'Parquet', '.json': 'documents (JSON)', '.jsonl': 'documents (JSON)',
         '.log': 'logs', '.txt': 'texts'}


def mark(field):
    """Ends what is given by this way, and is found again in what comes out: letters alone, which nothing escapes."""
    return f'qz{field}zq'


class World:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='safeconf-content-')
        self.out, self.printed, self.fields, self.lock = self.path('o'), {}, [], threading.Lock()
        os.mkdir(self.out)
        self.reached = set()

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def hear(self, way, data, terminal=False):
        """Takes what was printed or answered; it is looked at here and now."""
        outputs.printed(data, way, terminal)
        with self.lock:
            self.printed[way] = self.printed.get(way, b'') + data

    def say(self, *words, expect=(0, 1, 2, 3), env=None, stdin=b'', cwd=None):
        """Runs the program; its exit status.  Words may be text or bytes."""
        done = subprocess.run([PROGRAM, *(w if isinstance(w, bytes) else str(w) for w in words)], input=stdin, capture_output=True, timeout=300,
                              cwd=cwd or self.folder, env=environment(env))
        if done.returncode not in (expect if isinstance(expect, tuple) else (expect,)):
            raise AssertionError(f'{words[:4]!a}: {done.returncode}: {done.stderr[-600:]!a}')
        try:
            self.hear('standard output', done.stdout)
            self.hear('standard error', done.stderr)
        except outputs.Bad as bad:
            raise outputs.Bad(f'{[w for w in words if len(str(w)) < 200]!a}: {bad}') from None
        if done.returncode in (1, 2) and len(done.stderr.strip(b'\n').split(b'\n')) > 6:
            raise outputs.Bad(f'{words!a}: many lines: {done.stderr!a}')
        return done.returncode

    def at_once(self, tasks):
        """Does what mostly waits, for a server that is asked again after a pause, side by side: pairs of a name and a
        function, and the first failure with its name."""
        def do(task):
            name, function = task
            try:
                function()
            except (AssertionError, outputs.Bad) as failure:
                raise type(failure)(f'{name}: {failure}') from None
        with ThreadPoolExecutor(24) as pool:
            for _ in pool.map(do, tasks):
                pass

    def say_on_a_terminal(self, *words, env=None):
        """The same where standard output and error are a terminal: colours, a line of progress."""
        ours, theirs = pty.openpty()
        child = subprocess.Popen([PROGRAM, *map(str, words)], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=self.folder,
                                 env=environment(dict(env or {}, TERM='xterm-256color')))
        os.close(theirs)
        timer = threading.Timer(300, child.kill)
        timer.start()
        data = b''
        while True:
            try:
                piece = os.read(ours, 1 << 16)
            except OSError:
                break
            if not piece:
                break
            data += piece
        os.close(ours)
        child.wait()
        timer.cancel()
        self.hear('terminal', data, terminal=True)
        if child.returncode not in (0, 1, 2, 3):
            raise AssertionError(f'{words[:4]!a}: {child.returncode}: {data[-600:]!a}')
        return child.returncode

    def check(self):
        """Every file that was written, and which field reached which way out."""
        outputs.check_folder(self.out)
        for path in outputs.files_of(self.out):
            name, data = os.path.basename(path), outputs.unpacked(path)
            way = NAMED.get(name) or NAMED.get(os.path.splitext(name)[1])
            self.note(way, data)
        for way, data in self.printed.items():
            self.note(way, data)

    def note(self, way, data):
        for field in self.fields:
            if way and mark(field).encode() in data:
                self.reached.add((field, way))


def environment(more=None):
    return dict(os.environ, **dict({'PYTHONDONTWRITEBYTECODE': '1', 'HF_HUB_OFFLINE': '1', 'HOME': '/dev/null/none'}, **(more or {})))
