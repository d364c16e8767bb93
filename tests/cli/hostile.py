"""Large and hostile input: what a case may take, and how it is measured.  Python's standard library only.

Time is the processor's, not the clock's; what is allowed is some ten times what was measured, and what is quadratic is
over it.  tools/check-hostile-sizes sets SAFECONF_HOSTILE_MB, and has what each case took printed.
"""
import os
import resource
import subprocess
import tempfile
import threading
import time

from program import PROGRAM, Folder

# The most memory of a process counts from before it became the program: a copy of this one begins as large as this one
# is then, what shares its memory as large as it ever was.
subprocess._USE_VFORK = False
SIZE = int(float(os.environ.get('SAFECONF_HOSTILE_MB', '0.5')) * 1e6)
SHOW = 'SAFECONF_HOSTILE_MB' in os.environ
with open(PROGRAM, 'rb') as program_file:
    SANITIZED = b'__asan_init' in program_file.read()
SECONDS, SECONDS_PER_MB = (60, 20) if SANITIZED else (10, 1)
MB, MB_PER_MB = 200, 2  # the demonstration model, its engine and its tables are within the first


def parts_of(unit, n):
    return unit * (n // len(unit.encode()))


class Started:
    """The program under way, held to the processor's time that input of this size may take."""

    def __init__(self, size, words, stdin=None, env=None):
        self.size, self.err, self.began = size, tempfile.TemporaryFile(), time.monotonic()
        with open(stdin or os.devnull, 'rb') as given:
            self.process = subprocess.Popen([PROGRAM, *map(str, words)], stdin=given, stdout=subprocess.DEVNULL,
                                            stderr=self.err, env=dict(os.environ, **(env or {})))
        seconds = int(SECONDS + SECONDS_PER_MB * size / 1e6)
        try:
            resource.prlimit(self.process.pid, resource.RLIMIT_CPU, (seconds, seconds + 1))
        except ProcessLookupError:
            pass  # it has ended

    def end(self, most_seconds=None):
        """Waits for it, by the clock at most so long; sets status, said, seconds (the processor's), wall, memory (MB)."""
        watch = threading.Timer(most_seconds, self.process.kill) if most_seconds else None
        if watch:
            watch.start()
        _, waited, usage = os.wait4(self.process.pid, 0)
        if watch:
            watch.cancel()
        self.process.returncode = self.status = os.waitstatus_to_exitcode(waited)
        self.wall = time.monotonic() - self.began
        self.err.seek(0)
        self.said = self.err.read().decode(errors='replace').strip()
        self.err.close()
        self.seconds, self.memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
        return self


class Measured(Folder):
    def check(self, name, ended, status=(0, 1, 2, 3), memory=0):
        """That what has ended did so well, within time and memory; its error line."""
        said = ended.said
        if SHOW:
            print(f'{name}\t{ended.size / 1e6:.1f} MB\t{ended.seconds:.2f} s\t{ended.memory:.0f} MB\t{ended.status}\t'
                  f'{ended.wall:.1f} s by the clock\t{said[:100]}', flush=True)
        self.assertIn(ended.status, status,
                      f'{name}: {ended.seconds:.1f} s, {ended.wall:.1f} by the clock: {said[:300]}')
        self.assertLessEqual(len(said.splitlines()), 3, said[:1000])
        if not SANITIZED:
            self.assertLessEqual(ended.memory, MB + memory + MB_PER_MB * ended.size / 1e6, name)
        return said

    def measured(self, name, size, *words, stdin=None, status=(0, 1, 2, 3), memory=0, **more):
        """Runs the program, and holds it to time and memory for input of this size; its error line."""
        return self.check(name, Started(size, words, stdin, **more).end(), status, memory)

    def large(self, name, begin, unit, end, n=SIZE):
        return self.write(name, begin + parts_of(unit, n) + end)
