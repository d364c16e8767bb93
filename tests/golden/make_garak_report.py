#!/usr/bin/env python3
"""Makes tests/golden/garak/toy.report.jsonl: a report of garak itself, of its generator that repeats the prompt.

  python3 -m pip install garak && python3 tests/golden/make_garak_report.py

Of the settings only those of the target stay: the others tell of the machine that made it.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SETTINGS = ('entry_type', 'plugins.', 'run.generations')


def run(folder):
    prefix = os.path.join(folder, 'toy')
    subprocess.run([sys.executable, '-m', 'garak', '--target_type', 'test.Repeat', '--probes', 'test.Test',
                    '--generations', '2', '--report_prefix', prefix], check=True, capture_output=True,
                   env=dict(os.environ, HOME=folder, HF_HUB_OFFLINE='1'))
    with open(prefix + '.report.jsonl', encoding='utf-8') as report:
        return [json.loads(line) for line in report]


def main():
    out = HERE / 'garak' / 'toy.report.jsonl'
    out.parent.mkdir(exist_ok=True)
    kept, uuids = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for entry in run(folder):
            if entry['entry_type'] == 'start_run setup':
                entry = {key: value for key, value in entry.items() if key.startswith(SETTINGS)}
            elif entry['entry_type'] == 'attempt' and entry['seq'] < 4:
                entry['uuid'] = uuids.setdefault(entry['uuid'], f'00000000-0000-4000-8000-{len(uuids):012d}')
            elif entry['entry_type'] != 'eval':
                continue
            kept.append(json.dumps(entry, ensure_ascii=False))
    out.write_text(''.join(line + '\n' for line in kept), encoding='utf-8')
    print(f'{out}: {out.stat().st_size} bytes')


main()
