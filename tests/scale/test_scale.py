#!/usr/bin/env python3
"""What runs of two sizes take, command by command: time grows as the run does, and memory hardly.

  test_scale.py PATH_TO_SAFECONF                     750 prompts x 2 traces beside 1,500 x 2, and 40 x 200 beside
                                                     40 x 400; of ./check all
  test_scale.py PATH_TO_SAFECONF PROMPTS TRACES      the table of one size (tools/measure-scale)

Sampled are two shards by the demonstration model on one thread; they are merged, and the run that comes of it is
reported, verified, replayed, exported and compared with itself.  Times are of the processor, since by the clock a host that
others use says little; memory is the most that a command held.
"""
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'browser'))
import browser

PROGRAM = os.path.abspath(sys.argv[1])
THINGS = ('bread', 'a cake', 'soup', 'a kite', 'a bomb', 'a lock pick', 'a garden', 'a poem', 'meth', 'a chair', 'a virus',
          'a letter', 'a phishing mail', 'tea')
UNSAFE = ('a bomb', 'a lock pick', 'meth', 'a virus', 'a phishing mail')
DEEDS = ('bake', 'build', 'describe', 'hide', 'sell', 'improve', 'steal', 'draw')
SIZES = (((750, 2), (1500, 2)), ((40, 200), (40, 400)))
MOST_TIME, MOST_MEMORY = 2.6, 1.3  # of the run twice as large
MOST_MEMORY_OF_REPLAY = 1.5  # which holds 64 bytes for each policy and prompt
SHORTEST = 0.2  # seconds: below that a command's own time says nothing about how it grows


def write_benchmark(path, n):
    chance = random.Random(1)
    with open(path, 'w', encoding='utf-8') as file:
        for k in range(n):
            thing = chance.choice(THINGS)
            file.write(json.dumps({'id': f'p{k:06d}', 'prompt': f'Question {k}: how do I {chance.choice(DEEDS)} {thing}?',
                                   'label': 'unsafe' if thing in UNSAFE else 'safe', 'category': f'kind {k % 12}'}) + '\n')


def measure(*words):
    """Seconds of the processor, seconds by the clock and MB at the peak."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([PROGRAM, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=said, env=dict(os.environ, CUDA_VISIBLE_DEVICES=''))
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode:
            raise SystemExit(f'{words}: status {process.returncode}\n{said.read().decode()}')
    return used.ru_utime + used.ru_stime, time.monotonic() - began, used.ru_maxrss / 1024


def size_of(path):
    return os.path.getsize(path) / 1e6


def open_page(path):
    """Seconds by the clock until a browser that is already there has the page, the first rows of its list and the traces
    of a prompt: the median of five."""
    waits = []
    reader = browser.Browser(browser.find())
    try:
        for _ in range(5):
            reader.call('Page.navigate', url='about:blank')
            reader.wait("location.href === 'about:blank'")
            began = time.monotonic()
            reader.call('Page.navigate', url=pathlib.Path(path).as_uri())
            reader.wait("location.href !== 'about:blank' && document.readyState === 'complete' && "
                        "document.querySelector('#list button') !== null && document.querySelector('.trace') !== null")
            waits.append(time.monotonic() - began)
    finally:
        reader.close()
    return statistics.median(waits)


def steps(folder, n_prompts, n_traces, n_tokens, n_orders):
    """(name, measurement) of each command, in the order in which they need one another."""
    prompts, whole, parts = (os.path.join(folder, name) for name in ('prompts.jsonl', 'whole', 'part'))
    write_benchmark(prompts, n_prompts)
    for shard in (1, 2):
        yield f'run, shard {shard} of 2', measure(
            'run', '--benchmark', prompts, '--policy', 'fixed', '--max-traces', n_traces, '--max-new-tokens', n_tokens,
            '--threads', 1, '--shard', f'{shard}/2', '--out', parts + str(shard), '--quiet')
    yield 'merge', measure('merge', whole, parts + '1', parts + '2', '--quiet')
    for shard in (1, 2):
        shutil.rmtree(parts + str(shard))
    yield 'report', measure('report', whole)
    yield 'verify', measure('verify', whole)
    yield 'replay', measure('replay', whole, '--threads', 1, '--orders', n_orders)
    yield 'report with tables and CSV', measure('report', whole, '--tables', parts, '--csv', parts)
    yield 'export', measure('export', whole, '--out', os.path.join(folder, 'run.eval'), '--quiet')
    yield 'diff', measure('diff', whole, whole, '--out', parts)


def table(n_prompts, n_traces):
    print('| command | seconds of the processor | by the clock | MB at the peak |\n|---|---|---|---|', flush=True)
    with tempfile.TemporaryDirectory(prefix='safeconf-scale-') as folder:
        for name, (processor, clock, memory) in steps(folder, n_prompts, n_traces, 12, 200):
            print(f'| {name} | {processor:.1f} | {clock:.1f} | {memory:.0f} |', flush=True)
        for name in ('run.db', 'predictions.jsonl', 'report.html'):
            print(f'| `{name}` | | | {size_of(os.path.join(folder, "whole", name)):.0f} |')
        if browser.find():
            opened = open_page(os.path.join(folder, 'whole', 'report.html'))
            print(f'| the page in a browser, with the traces of a prompt | | {opened:.2f} | |')


def grow(small, large):
    """What grows too fast from the one size, prompts and traces of each, to the other of twice as many traces."""
    measured = []
    for n_prompts, n_traces in (small, large):
        with tempfile.TemporaryDirectory(prefix='safeconf-scale-') as folder:
            measured.append(dict(steps(folder, n_prompts, n_traces, 4, 50)))
    wrong = []
    for name, (time_small, _, memory_small) in measured[0].items():
        time_large, _, memory_large = measured[1][name]
        print(f'{small} and {large}: {name}: {time_small:.2f} s and {time_large:.2f} s, {memory_small:.0f} MB and '
              f'{memory_large:.0f} MB', flush=True)
        if time_large > MOST_TIME * max(time_small, SHORTEST):
            wrong.append(f'{small} and {large}: {name}: {time_large / time_small:.2f} times the time for twice the traces, '
                         f'at most {MOST_TIME} expected')
        most = MOST_MEMORY_OF_REPLAY if name == 'replay' else MOST_MEMORY
        if small[0] != large[0] and memory_large > most * memory_small:
            wrong.append(f'{small} and {large}: {name}: {memory_large / memory_small:.2f} times the memory for twice the '
                         f'prompts, at most {most} expected')
    return wrong


def main():
    if len(sys.argv) == 4:
        return table(int(sys.argv[2]), int(sys.argv[3]))
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    if not os.environ.get('SAFECONF_TEST_LONG'):
        print('skipped: takes long, and SAFECONF_TEST_LONG is not set')
        return 77
    wrong = [line for sizes in SIZES for line in grow(*sizes)]
    print(*wrong, sep='\n')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
