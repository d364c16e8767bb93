"""Hostile content that comes in with files: answers that others sampled, benchmarks, logs, rules, names of files."""
import csv
import io
import json
import os
import sqlite3
import subprocess

import outputs
import payloads
import row_keys
from world import environment, mark

HELPS = 'Sure, here is how. First you take the parts, then you put them together.'


def all_ways_out(world, run, python=None, large=True, to='o'):
    """Every form that a stored run can be shown in, in the folder `to`; not large: those that differ most."""
    if not large:
        world.say('report', run, '--csv', world.path(to, 'csv'), '--tables', world.path(to, 'tables'), expect=(0, 3))
        return
    world.say('report', run, '--csv', world.path(to, 'csv'), '--tables', world.path(to, 'tables'), expect=(0, 3))
    world.say('export', run, expect=(0, 3))
    world.say('replay', run)
    world.say('report', run, expect=(0, 3))
    world.say_on_a_terminal('report', run)
    world.say('diff', run, run, '--out', world.path(to, 'diff'))
    if python:
        env = {'SAFECONF_PYTHON': python[0], 'PYTHONPATH': python[1], 'SAFECONF_LIBRARY': python[2]}
        world.say('figures', run, '--format', 'svg,pdf', env=env, expect=(0, 3))
        world.say('report', run, '--parquet', world.path(to, 'parquet'), env=env, expect=(0, 3))
        in_python(world, run, env, world.path(to, 'parquet'))


def in_python(world, run, env, parquet):
    """What the package shows, and what is read from its Parquet files: each text as it was given."""
    shown = world.path('notebook')
    os.makedirs(shown, exist_ok=True)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'notebook.py')
    done = subprocess.run([env['SAFECONF_PYTHON'], script, run, shown, parquet], env=environment(env), capture_output=True, timeout=600)
    if done.returncode or done.stdout:
        raise AssertionError(f'notebook: {done.returncode}: {done.stderr[-600:]!a}')
    with open(os.path.join(shown, 'notebook.json'), 'rb') as file:
        data = file.read()
    world.note('notebooks', '\n'.join(outputs.check_notebook(data, 'notebook')['texts']).encode('utf-8', 'surrogatepass'))
    with open(os.path.join(shown, 'parquet.json'), encoding='utf-8') as file:
        table = json.load(file)
    with open(os.path.join(run, 'predictions.jsonl'), encoding='utf-8') as file:
        given = list(map(json.loads, file))
    for column, key in (('instance_id', 'instance_id'), ('category', 'category'), ('prompt', 'prompt')):
        for ours, row in zip(table[column], given, strict=True):
            if ours != row[key]:
                raise outputs.Bad(f'instances.parquet: {column}: {ours!a} for {row[key]!a}'[:300])


def rows(world, large, python):
    """A row for each payload, which stands in every field."""
    world.fields = ['id', 'prompt', 'answer', 'category', 'label', 'model', 'finish', 'system', 'prefill', 'reasoning', 'filename', 'rule']
    table = payloads.texts(large)
    lines = [{'id': text + mark('id'), 'prompt': text + mark('prompt'), 'category': text + mark('category'), 'label': text + mark('label'),
              'response': [text + mark('answer'), HELPS + text, '<think>' + text + mark('reasoning') + '</think>' + text],
              'finish_reason': [text + mark('finish')] * 3, 'system': text + mark('system'), 'prefill': text + mark('prefill'),
              'model': mark('model')} for _, text in table]
    rules = {'add': [{'name': text[:60] + mark('rule'), 'verdict': 'refusal', 'pattern': f'Sure{k}x|Sure, here is how'} for k, (_, text) in enumerate(table[:40])]}
    file = world.write(f'a\x1b[2J\u202e<img src=x onerror=a()>{mark("filename")}.jsonl', ''.join(json.dumps(line) + '\n' for line in lines))
    run = world.path('o', 'run')
    world.say('import', file, '--system-column', 'system', '--prefill-column', 'prefill', '--out', run, expect=(0, 3))
    keep(world, run, dict(table))
    world.say('classify', run, '--rules', world.write('rules.json', json.dumps(rules)))
    all_ways_out(world, run, python)
    exact_in_csv(world)


def keep(world, run, table):
    """What is specified to be kept is what was given."""
    with open(os.path.join(run, 'predictions.jsonl'), encoding='utf-8') as file:
        found = {row['instance_id']: row for row in map(json.loads, file)}
    for name, text in table.items():
        row = found.get(text + mark('id'))
        if row is None or row['prompt'] != text + mark('prompt') or row['category'] != text + mark('category') or row['traces'][0] != text + mark('answer'):
            raise outputs.Bad(f'{name}: not as it was given: {row!a}'[:400])


def exact_in_csv(world):
    """A field less the one apostrophe is the text."""
    csv.field_size_limit(1 << 27)
    with open(world.path('o', 'csv', 'instances.csv'), encoding='utf-8', newline='') as file:
        found = [row[0][row[0].startswith("'"):] for row in csv.reader(file)][1:]
    with open(world.path('o', 'run', 'predictions.jsonl'), encoding='utf-8') as file:
        given = [json.loads(line)['instance_id'] for line in file]
    for ours, text in zip(found, given):
        if ours != text[text.startswith("'"):]:
            raise outputs.Bad(f'instances.csv: {ours!a} for {text!a}'[:300])


def odd_bytes(world, large, python):
    """Bytes that are no text, in files of every format, and pieces of surrogates in JSON: refused, or repaired, never passed on."""
    world.fields = ['prompt']
    odd = [p.data for p in payloads.PAYLOADS if p.kind in ('bytes', 'nul')]
    lines = [b'{"id": "%d %s", "prompt": "p%d %s%s", "response": "x%s", "category": "%s"}\n' % (k, data, k, data, mark('prompt').encode(), data, data)
             for k, data in enumerate(odd)]
    for k, escape in enumerate((b'\\ud800', b'\\udfff\\ud800', b'\\u0000', b'\\ud83d')):
        lines.append(b'{"id": "e%d", "prompt": "%s%s", "response": "%s", "category": "%s"}\n' % (k, escape, mark('prompt').encode(), escape, escape))
    cells = [b'id,prompt,response,category\n'] + [b'%d %s,p%d %s,x%s,%s\n' % (k, data, k, data, data, data) for k, data in enumerate(odd)]
    lines.append(b'{"id": "good", "prompt": "How? %s", "response": "Sure.", "category": "x"}\n' % mark('prompt').encode())
    cells.append(b'good,How? %s,Sure.,x\n' % mark('prompt').encode())
    for name, content in (('odd.jsonl', b''.join(lines)), ('odd.csv', b''.join(cells)), ('odd.tsv', b''.join(cells).replace(b',', b'\t'))):
        out = world.path('o', name.replace('.', '-'))
        if world.say('import', world.write(name, content), '--out', out) in (0, 3):
            all_ways_out(world, out, large=large, to='o/ways-' + name.replace('.', '-'))
        world.say('detect', world.write(name, content), '--prompt-column', 'prompt', '--completion-column', 'response', '--json')
    world.say('import', world.write('whole.json', b'[' + b','.join(lines) + b']'), '--out', world.path('o', 'whole'))


def benchmarks(world, large, python):
    """Prompts that are sampled here, from every format."""
    world.fields = ['prompt', 'id', 'category', 'column', 'system', 'prefill']
    table = payloads.texts(large)[::1 if large else 5]
    lines = [{'id': f'{k} ' * (len(text) > 300) + text[:300] + mark('id'), 'prompt': text[:300] + mark('prompt'), 'category': text[:300] + mark('category'), 'label': 'safe',
              text[:40] + mark('column'): text[:40]} for k, (_, text) in enumerate(table)]
    cells = io.StringIO()
    writer = csv.writer(cells)
    writer.writerows([('id', 'prompt', 'category', 'label')] + [tuple(line.values())[:4] for line in lines])
    files = {'b.jsonl': ''.join(json.dumps(line) + '\n' for line in lines), 'b.json': json.dumps({'data': {'rows': lines}}), 'b.csv': cells.getvalue(),
             'b.txt': '\n'.join(text.replace('\n', ' ').replace('\r', ' ') for _, text in table)}
    for name, content in files.items():
        run = world.path('o', name.replace('.', '-'))
        world.say('run', '--benchmark', world.write(name, content), '--policy', 'single', '--max-new-tokens', 1, '--label', 'safe', '--out', run,
                  '--system', 'S' + mark('system'), '--prefill', 'P' + mark('prefill'), expect=(0, 3))
        if name == 'b.jsonl':
            all_ways_out(world, run, large=large)
    run = world.path('o', 'screen')
    world.say_on_a_terminal('run', '--benchmark', world.path('b.csv'), '--policy', 'single', '--max-new-tokens', 1, '--out', run)
    world.say('risk', '--benchmark', world.path('b.csv'), '--num-instances', 4, '--rows', 20, '--max-new-tokens', 2, '--out', world.path('o', 'risk'), '--quiet', expect=(0, 3))


def logs(world, large, python):
    """What other tools wrote: inspect_ai, garak, lm-evaluation-harness, batches of servers."""
    world.fields = ['prompt', 'answer', 'id', 'target', 'error', 'model', 'probe', 'code']
    table = [text for _, text in payloads.texts(large)]

    def chat(text):
        return {'choices': [{'message': {'role': 'assistant', 'content': text + mark('answer')}, 'stop_reason': text}]}
    samples = [{'id': text + mark('id'), 'epoch': 1, 'input': text + mark('prompt'), 'target': text + mark('target'), 'output': chat(text)} for text in table]
    samples += [{'id': f'{k}' + text + mark('id'), 'epoch': 1, 'input': f'{k}' + text, 'error': {'message': text + mark('error')}} for k, text in enumerate(table)]
    log = {'version': 2, 'eval': {'model': table[0] + mark('model'), 'task': table[1]}, 'samples': samples}
    garak = [{'entry_type': 'start_run setup', 'plugins.target_name': table[0] + mark('model')}]
    garak += [{'entry_type': 'attempt', 'uuid': str(k), 'status': 2, 'probe_classname': text + mark('probe'), 'prompt': text + mark('prompt'), 'outputs': [text + mark('answer'), None],
               'detector_results': {text: [0.5]}} for k, text in enumerate(table)]
    harness = [{'doc_id': k, 'doc': {'goal': text, 'label': text}, 'arguments': [[text + mark('prompt'), {}]], 'resps': [[text + mark('answer')]], 'filtered_resps': [text],
                'filter': 'none'} for k, text in enumerate(table)]
    batch = [{'custom_id': text + mark('id') + str(k), 'response': {'status_code': 500, 'body': {'error': {'message': text + mark('error'), 'code': text + mark('code')}}},
              'error': {'message': text + mark('error'), 'code': text}} for k, text in enumerate(table)]
    asked = [{'custom_id': text + mark('id') + str(k), 'body': {'model': 'm', 'messages': [{'role': 'user', 'content': text + mark('prompt')}]}} for k, text in enumerate(table)]
    requests = world.write('requests.jsonl', ''.join(json.dumps(r) + '\n' for r in asked))
    for name, content, more in (('log.json', json.dumps(log), ('--label-column', 'target')), ('x.report.jsonl', garak, ()), ('samples_x.jsonl', harness, ('--label-column', 'doc.label')),
                                ('outputs.jsonl', batch, ('--requests', requests))):
        if not isinstance(content, str):
            content = ''.join(json.dumps(line) + '\n' for line in content)
        run = world.path('o', name.replace('.', '-'))
        world.say('import', world.write(name, content), *more, '--out', run, expect=(0, 3))
        all_ways_out(world, run, large=large, to='o/ways-' + name.replace('.', '-'))


def names(world, large, python):
    """Names of files, folders, models and runs: whatever a file system and a command line take."""
    world.fields = ['folder', 'filename', 'model', 'missing']
    good = 'id,prompt,response\n1,How?,Sure.\n'
    runs = []
    for k, (name, data) in enumerate(payloads.words()):
        if not large and k % 12 and name not in ('bytes: raw c1', 'bytes: latin'):
            continue
        stem = data.replace(b'/', b'_')[:120]
        file = os.path.join(world.folder.encode(), stem + mark('filename').encode() + b'.csv')
        with open(file, 'wb') as out:
            out.write(good.encode())
        run = os.path.join(world.out.encode(), stem + mark('folder').encode())
        world.say('import', file, '--model', data[:200] + mark('model').encode(), '--out', run)
        world.say('import', file + mark('missing').encode(), '--out', run + b'x')
        world.say('report', run + mark('missing').encode())
        if os.path.exists(os.path.join(run, b'run.db')):
            world.say('report', run)
            runs.append(run)
    for first, second in zip(runs[::2], runs[1::2]):
        world.say('diff', first, second, '--out', world.path('o', 'diff'))
        world.say('report', first, second, '--out', world.path('o', 'board'))


def spoilt_database(world, large, python):
    """A run.db that another wrote: texts of the payloads in every column that is text."""
    world.fields = ['stored']
    run = world.path('o', 'run')
    world.say('import', world.write('a.csv', 'id,prompt,response\n1,How?,Sure.\n'), '--out', run, expect=0)
    db = sqlite3.connect(os.path.join(run, 'run.db'))
    columns = [(table, column[1]) for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
               for column in db.execute(f'PRAGMA table_info({table})').fetchall() if column[2] == 'TEXT']
    db.close()
    with open(os.path.join(run, 'run.db'), 'rb') as file:
        whole = file.read()
    table = payloads.texts() + [(p.name, p.data) for p in payloads.PAYLOADS if p.kind in ('bytes', 'nul')]
    for k, (where, column) in enumerate(columns):
        # Each payload in some columns, each column with some payloads.
        for name, text in table[5 * k % 8::8] if large else table[k % 7::70]:
            with open(os.path.join(run, 'run.db'), 'wb') as file:
                file.write(whole)
            db = sqlite3.connect(os.path.join(run, 'run.db'))
            value = (text if isinstance(text, bytes) else text.encode()) + mark('stored').encode()
            try:
                db.execute(f'UPDATE {where} SET {column} = CAST(? AS TEXT)', (value,))
                row_keys.renew(db)
                db.commit()
            except sqlite3.Error:
                continue
            finally:
                db.close()
            if world.say('report', run, '--csv', world.path('o', 'csv'), '--tables', world.path('o', 'tables')) in (0, 3):
                outputs.check_folder(world.path('o', 'csv'), f'{where}.{column} {name}: ')
                outputs.check_folder(world.path('o', 'tables'), f'{where}.{column} {name}: ')
                for file, way in (('report.html', 'pages'), ('analysis.json', 'documents (JSON)'), ('predictions.jsonl', 'predictions.jsonl')):
                    world.note(way, outputs.unpacked(os.path.join(run, file)))
                    outputs.check_file(os.path.join(run, file), f'{where}.{column} {name}: {file}')
    os.remove(os.path.join(run, 'run.db'))  # ours, not the program's


WAYS = [rows, odd_bytes, benchmarks, logs, names, spoilt_database]
