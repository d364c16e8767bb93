#!/usr/bin/env python3
"""Whether the intervals of `safeconf risk` hold what they promise on a model, and what they cost.

  tools/measure_risk.py SAFECONF [--model M] [--prompts 20] [--plain 10000] [--repeats 50] [--rows 4000]
                        [--truth-rows 60000] [--folder DIR]

Four things of the first prompts of the synthetic benchmark, 64 tokens an answer: one long exploration whose
estimate stands for the truth; plain traces (a `fixed` run) against it; many short explorations with seeds of
their own, whose intervals are asked whether they hold it; and explorations with the options' defaults, for
the plain traces that each saves. What is there in DIR is not computed again. Printed are the tables of
docs/RISK.md. Python's standard library.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import tempfile

LENGTH = '64'


def explore(args, name, *options):
    """The objects of one run of the command, in the order of prompts."""
    path = os.path.join(args.folder, name + '.jsonl')
    if not os.path.exists(path):
        command = [args.safeconf, 'risk', '--model', args.model, '--benchmark', args.file, '--max-new-tokens',
                   LENGTH, '--json', *options]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        with open(path + '.part', 'wb') as out:
            out.write(found)
        os.rename(path + '.part', path)
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def plain_rates(args):
    """Of the plain run; writes its prompts to a file, since another seed would generate others."""
    folder = os.path.join(args.folder, 'plain')
    command = [args.safeconf, 'run', '--model', args.model, '--benchmark', 'synthetic', '--first',
               '--num-instances', str(args.prompts), '--max-new-tokens', LENGTH, '--policy', 'fixed',
               '--max-traces', str(args.plain), '--out', folder]
    if not os.path.exists(os.path.join(folder, 'predictions.jsonl')):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(os.path.join(folder, 'predictions.jsonl')) as lines:
        run = [json.loads(line) for line in lines]
    with open(args.file, 'w') as out:
        for instance in run:
            out.write(json.dumps({'id': instance['instance_id'], 'prompt': instance['prompt']}) + '\n')
    return [instance['refusal_rate'] for instance in run]


def error_of(share):
    """The standard error that an interval stands for."""
    return (share['high'] - share['low']) / (2 * 1.96)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('safeconf')
    parser.add_argument('--model', default='demo')
    parser.add_argument('--folder', default=os.path.join(tempfile.gettempdir(), 'measure_risk'))
    for name, value in (('prompts', 20), ('plain', 10000), ('repeats', 50), ('rows', 4000), ('truth-rows', 60000)):
        parser.add_argument('--' + name, type=int, default=value)
    args = parser.parse_args()
    os.makedirs(args.folder, exist_ok=True)

    args.file = os.path.join(args.folder, 'prompts.jsonl')
    rates = plain_rates(args)
    price = explore(args, 'price')
    repeats = [explore(args, f'repeat{i}', '--rows', str(args.rows), '--seed', str(i + 1))
               for i in range(args.repeats)]
    truth = [o['p_refuse'] for o in explore(args, 'truth', '--rows', str(args.truth_rows), '--width', '1e-6',
                                            '--seed', '1000000')]

    print('| P(refusal) | plain traces | off by | held by | mean width | plain / spent |\n|---|---|---|---|---|---|')
    below = above = 0
    ratios, off = [], []
    for i, (is_, rate, cost) in enumerate(zip(truth, rates, price)):
        shares = [r[i]['p_refuse'] for r in repeats]
        low = sum(s['high'] < is_['value'] - 1e-9 for s in shares)
        high = sum(s['low'] > is_['value'] + 1e-9 for s in shares)
        below, above = below + low, above + high
        width = statistics.mean(s['high'] - s['low'] for s in shares)
        error = math.hypot(math.sqrt(max(rate * (1 - rate), 1 / args.plain) / args.plain), error_of(is_))
        off.append((rate - is_['value']) / error)
        ratio = cost['plain_traces_for_same_width'] / cost['traces_spent']
        if min(is_['value'], 1 - is_['value']) < .02:
            ratios.append(ratio)
        print(f'| {is_["value"]:.5f} ± {1.96 * error_of(is_):.5f} | {rate:.4f} | {off[-1]:+.1f} | '
              f'{len(shares) - low - high} of {len(shares)} | {width:.4f} | {ratio:.1f} |')
    n = len(repeats) * len(truth)
    print(f'\n{n} intervals: {100 * (n - below - above) / n:.1f} % hold the truth, {below} lie below and {above} '
          f'above it.')
    print(f'Plain traces are off by {math.sqrt(statistics.mean(z * z for z in off)):.2f} standard errors '
          f'(root mean square), the largest {max(map(abs, off)):.1f}.')
    print(f'{len(ratios)} prompts whose rarer verdict has probability below .02: plain traces for the same width '
          f'/ traces spent, median {statistics.median(ratios):.1f}.')


if __name__ == '__main__':
    main()
