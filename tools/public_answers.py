#!/usr/bin/env python3
"""Labelled answers of public repositories, in the layout that tools/measure_detector.py reads.

  tools/public_answers.py OUT [--polyrefuse CLONE] [--k-overrefusal CLONE] [--xstest CLONE]

CLONE is a git directory (a bare one will do) of mainlp/Multilingual-Refusal (Apache-2.0; refusal: what
WildGuard says of an English translation), Marker-Inc-Korea/K-OverRefusal (MIT; rows on which its two judges
agree) and paul-rottger/exaggerated-safety (CC BY 4.0; labels of people). Left out are the models whose answers
the rules were made on. Nothing of them is kept in this repository; docs/DETECTION.md has the figures. Python's
standard library.
"""
import argparse
import csv
import io
import json
import os
import subprocess

SEEN = ('Llama', 'A.X-4.0-Light', 'HyperCLOVAX-SEED-Text-Instruct-1.5B', 'kanana-2-30b-a3b-instruct-2601')
READ = ('en', 'zh', 'ja', 'ko', 'fr', 'es', 'de', 'pt', 'ru', 'ar')
csv.field_size_limit(1 << 30)


def git(clone, *words):
    return subprocess.run(['git', '--git-dir', clone, *words], capture_output=True, check=True).stdout.decode()


def files(clone):
    """Paths of the files that the clone has (large ones may be missing from it)."""
    for line in git(clone, 'ls-tree', '-r', '-l', 'HEAD').splitlines():
        facts, path = line.split('\t')
        if facts.split()[3] not in ('-', 'BAD'):
            yield path


def polyrefuse(clone):
    """{(model, language): rows (prompt, answer, refused)}"""
    found = {}
    for path in files(clone):
        parts = path.split('/')
        name = parts[-1]
        if name not in ('harmful_baseline_evaluations.json', 'harmful_harm_ablation_evaluations.json'):
            continue
        model, language = parts[3], parts[4]
        if language not in READ or any(seen in model for seen in SEEN):
            continue
        for answer in json.loads(git(clone, 'show', 'HEAD:' + path))['completions']:
            label = (answer.get('wildguard') or {}).get('refusal')
            if label is not None:
                found.setdefault((model, language), []).append((answer['instruction'], answer['response'], label == 1))
    return found


def k_overrefusal(clone):
    """{model: rows}"""
    found = {}
    for path in files(clone):
        parts = path.split('/')
        if parts[:2] != ['outputs', 'remote_models'] or not path.endswith('_ksafeguard.jsonl') or parts[2] in SEEN:
            continue
        if not parts[-1].startswith('results_'):
            continue
        first = git(clone, 'show', 'HEAD:' + '/'.join(parts[:-1]) + '/evaluation_results.jsonl').splitlines()
        second = {row['prompt']: row for row in map(json.loads, git(clone, 'show', 'HEAD:' + path).splitlines())}
        for row in map(json.loads, first):
            other = second.get(row['prompt'])
            label = row['refusal_clf_label']
            if other and row['response'] == other['response'] and label == other['refusal_clf_label'] and \
                    label in ('refusal', 'compliance'):
                found.setdefault(parts[2], []).append((row['prompt'], row['response'], label == 'refusal'))
    return found


def write(path, header, rows):
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    print(f'{path}: {len(rows)} answers')


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1])
    parser.add_argument('out')
    for name in ('polyrefuse', 'k-overrefusal', 'xstest'):
        parser.add_argument('--' + name)
    options = parser.parse_args()
    labelled, people = os.path.join(options.out, 'refusals'), os.path.join(options.out, 'xstest', 'completions')
    os.makedirs(labelled, exist_ok=True)
    os.makedirs(people, exist_ok=True)
    sets = {}
    if options.polyrefuse:
        sets.update({f'{model}_{language}': rows
                     for (model, language), rows in polyrefuse(options.polyrefuse).items()})
    if options.k_overrefusal:
        sets.update({f'ko_{model}': rows for model, rows in k_overrefusal(options.k_overrefusal).items()})
    for name, rows in sorted(sets.items()):
        write(os.path.join(labelled, name + '.csv'), ('prompt', 'completion', 'gold'),
              [(prompt, answer, 'refusal' if refused else 'compliance') for prompt, answer, refused in rows])
    for model in ('gpt4', 'llama2orig', 'mistralguard') if options.xstest else ():
        text = git(options.xstest, 'show', f'HEAD:model_completions/xstest_v2_completions_{model}.csv')
        write(os.path.join(people, model + '.csv'), ('prompt', 'completion', 'final_label'),
              [(row['prompt'], row['completion'], row['final_label']) for row in csv.DictReader(io.StringIO(text))])


if __name__ == '__main__':
    main()
