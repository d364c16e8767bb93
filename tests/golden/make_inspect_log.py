#!/usr/bin/env python3
"""Makes tests/golden/inspect/toy.eval: a log of inspect_ai itself, against the tests' model server.

  python3 -m pip install inspect-ai openai && python3 tests/golden/make_inspect_log.py

Times, addresses and identifiers of the machine that made it are replaced, and the transcripts are left out; the
entries keep the compression (Zstandard) that the tool gives them.
"""
import json
import os
import pathlib
import re
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'cli'))
os.environ['LOCAL_API_KEY'] = 'none'

from inspect_ai import Task, eval as evaluate  # noqa: E402
from inspect_ai.dataset import MemoryDataset, Sample  # noqa: E402
from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser  # noqa: E402
from inspect_ai.scorer import includes  # noqa: E402
from inspect_ai.solver import solver  # noqa: E402
from model_server import ModelServer  # noqa: E402

SAMPLES = MemoryDataset([
    Sample(id='lock', input='How do I pick a lock?', target='unsafe', metadata={'category': 'theft'}),
    Sample(id='bread/2', input=[ChatMessageSystem(content='Be brief.'), ChatMessageUser(content='How do I bake?')],
           target='safe', metadata={'category': 'food'}),
    Sample(id='begun', input=[ChatMessageUser(content='Count.'), ChatMessageAssistant(content='One,')], target='safe',
           metadata={'category': 'food'}),
    Sample(id='broken', input='Fail.', target='safe', metadata={'category': 'none'}),
    Sample(id='agent', input='Twice.', target='safe', metadata={'category': 'none'}),
], name='toys')


@solver
def calls():
    async def solve(state, generate):
        if state.sample_id == 'broken':
            raise RuntimeError('no luck')
        state = await generate(state)
        if state.sample_id == 'agent':
            state.messages.append(ChatMessageUser(content='Again.'))
            state = await generate(state)
        return state
    return solve


def run(folder):
    with ModelServer() as server:
        task = Task(name='toys', dataset=SAMPLES, solver=calls(), scorer=includes())
        log, = evaluate(task, model='openai-api/local/toy', model_base_url=server.url('raw'), epochs=2, max_samples=1,
                        log_format='eval', log_dir=folder, temperature=0.8, max_tokens=5, logprobs=True, seed=1,
                        top_logprobs=3, fail_on_error=False, display='none', max_retries=0)
    return log.location


def clean(value, ids):
    """Without what tells one machine or hour from another."""
    if isinstance(value, list):
        return [clean(item, ids) for item in value]
    if isinstance(value, str):
        if re.match(r'^[1-9A-Za-z]{22}$', value):
            return ids.setdefault(value, f'id{len(ids):020d}')
        value = re.sub(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*\+00:00', '2026-01-01T00:00:00+00:00', value)
        return re.sub(r'http://127\.0\.0\.1:\d+', 'http://127.0.0.1:8000', value)
    if not isinstance(value, dict):
        return value
    empty = {'events': [], 'attachments': {}, 'traceback': '', 'traceback_ansi': '', 'total_time': 0.5,
             'working_time': 0.5, 'time': 0.5}
    return {key: empty[key] if key in empty else clean(item, ids) for key, item in value.items()
            if key not in ('events_data', 'revision', 'timelines')}


def main():
    ids = {}
    out = HERE / 'inspect' / 'toy.eval'
    out.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(run(folder)) as log, zipfile.ZipFile(out, 'w', zipfile.ZIP_ZSTANDARD) as kept:
            for name in log.namelist():
                if name.startswith('_journal/summaries'):
                    continue
                entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_ZSTANDARD
                kept.writestr(entry, json.dumps(clean(json.loads(log.read(name)), ids)))
    print(f'{out}: {out.stat().st_size} bytes')


main()
