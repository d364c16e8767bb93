#!/usr/bin/env python3
"""What it brings that traces of a prompt share what they have said in common.

Runs the same experiment with and without --no-sharing, in turn, several times each, at every temperature; holds the two
to the same predictions.jsonl, and prints of each temperature: tokens, rows of the network with and without sharing,
distinct prefixes (counted from run.db: what had to be computed at least), the medians of the seconds, the speed-up, and
its share of tokens/rows.

A random model whose answers share more or less (as it is drawn they share nothing; with this one, answers of 48 tokens, ten
to a prompt, share 3.1 at temperature 0.2 and 1.3 at 1):
  safeconf model random --shape qwen3-0.6b --tokenizer DIR --head-scale 30 --out MODEL

  measure_sharing.py --model MODEL [--program build/safeconf] [--temperatures 0.4,0.7] [--rounds 3] [-- OPTIONS OF run]
"""
import argparse
import os
import re
import shutil
import sqlite3
import statistics
import struct
import subprocess
import tempfile

SUMMARY = re.compile(r'^(\d+) tokens, (\d+) rows computed in ([0-9.]+) s ', re.MULTILINE)


def run(arguments, temperature, out, *options):
    """Tokens, rows and seconds of one run."""
    shutil.rmtree(out, ignore_errors=True)
    words = [arguments.program, 'run', '--model', arguments.model, '--num-instances', arguments.num_instances, '--policy',
             arguments.policy, '--max-traces', arguments.max_traces, '--max-new-tokens', arguments.max_new_tokens,
             '--temperature', temperature, '--out', out, *options, *arguments.options]
    if arguments.dtype:
        words += ['--dtype', arguments.dtype]
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    found = SUMMARY.search(result.stderr)
    if result.returncode or not found:
        raise SystemExit(f'{words}: status {result.returncode}\n{result.stderr}')
    return int(found[1]), int(found[2]), float(found[3])


def count_prefixes(out):
    """Distinct beginnings of the answers to a prompt that were fed: of each answer all but the whole."""
    database = sqlite3.connect(f'file:{out}/run.db?mode=ro', uri=True)
    prefixes = {}
    for instance, ids in database.execute('SELECT instance, ids FROM token'):
        said = struct.unpack(f'<{len(ids) // 4}i', ids)
        prefixes.setdefault(instance, set()).update(said[:n] for n in range(1, len(said)))
    database.close()
    return sum(map(len, prefixes.values()))


def read(out):
    with open(os.path.join(out, 'predictions.jsonl'), 'rb') as file:
        return file.read()


def measure(arguments, temperature, folder):
    out = {name: os.path.join(folder, name) for name in ('shared', 'alone')}
    seconds, n = {name: [] for name in out}, {}
    for _ in range(arguments.rounds):
        for name, options in (('shared', []), ('alone', ['--no-sharing'])):
            tokens, rows, took = run(arguments, temperature, out[name], *options)
            seconds[name].append(took)
            n[name] = tokens, rows
    if read(out['shared']) != read(out['alone']):
        raise SystemExit(f'temperature {temperature}: --no-sharing changes predictions.jsonl')
    tokens, rows = n['shared']
    distinct, alone = count_prefixes(out['shared']), n['alone'][1]
    both = [statistics.median(seconds[name]) for name in ('alone', 'shared')]
    speed_up, most = both[0] / both[1], tokens / rows
    print(f'| {temperature} | {tokens} | {alone} | {rows} | {distinct} | {rows / distinct:.3f} | {most:.2f} '
          f'| {both[0]:.2f} | {both[1]:.2f} | {speed_up:.2f} | {100 * speed_up / most:.0f} % |', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--program', default='build/safeconf')
    parser.add_argument('--model', required=True)
    parser.add_argument('--dtype')
    parser.add_argument('--temperatures', default='0.6', help='such as 0.2,0.6')
    parser.add_argument('--policy', default='fixed')
    parser.add_argument('--num-instances', type=int, default=20)
    parser.add_argument('--max-traces', type=int, default=10)
    parser.add_argument('--max-new-tokens', type=int, default=64)
    parser.add_argument('--rounds', type=int, default=3, help='of which the medians are shown')
    parser.add_argument('options', nargs='*', help='further options of run, behind --')
    arguments = parser.parse_args()
    print('| temperature | tokens | rows alone | rows | distinct prefixes | rows / distinct | tokens / rows '
          '| s alone | s | speed-up | share of tokens / rows |\n|' + '---|' * 11)
    with tempfile.TemporaryDirectory() as folder:
        for temperature in arguments.temperatures.split(','):
            measure(arguments, temperature, folder)


if __name__ == '__main__':
    main()
