"""Hostile content that comes in over sockets, with a model's files, suites, options and the environment."""
import json
import os
import shutil
from functools import partial

import outputs
import payloads
from hub_server import Hub
from own_server import OwnServer
from stored import all_ways_out
from talking_server import TalkingServer
from world import DEMO, mark


def some(large, step):
    return payloads.texts(large)[::1 if large else step]


def servers(world, large, python):
    """A server that says a payload in answers, tokens, reasons of ending, names, headers and errors."""
    world.fields = ['said']
    asked = ('--model', 'toy', '--max-failures', 1, '--timeout', 5)

    def sampled(k, mode, says):
        run = world.path('o', f'{k}-{mode}')
        with TalkingServer(says, mode) as server:
            words = ('run', '--endpoint', server.url, *asked, '--num-instances', 1, '--policy', 'fixed', '--max-traces', 2, '--max-new-tokens', 8, '--out', run)
            status = (world.say_on_a_terminal if k % 3 == 0 else world.say)(*words, env={'OPENAI_API_KEY': 'x'})
        if mode == 'answers' and status in (0, 3) and (large or k == 0):
            all_ways_out(world, run, to=f'o/ways-{k}')

    def traced(says, mode):
        with TalkingServer(says, mode) as server:
            world.say('trace', 'Hi', '--endpoint', server.url, *asked, '--max-new-tokens', 4, '--color', 'never')

    tasks = []
    for k, (name, text) in enumerate(some(large, 14)):
        for mode in TalkingServer.MODES if large else ('answers', TalkingServer.MODES[1 + k % (len(TalkingServer.MODES) - 1)]):
            def says(key, text=text):
                return text + mark('said')
            tasks += [(f'{mode}, {name}', partial(sampled, k, mode, says)), (f'trace, {mode}, {name}', partial(traced, says, mode))]
    world.at_once(tasks)


def judges(world, large, python):
    """A judge that says a payload instead of a judgement, and its labels with a payload around them."""
    world.fields = ['said']
    answers = world.write('a.csv', 'id,prompt,response\n1,How?,Sure.\n2,What?,No.\n')
    own = world.write('judge.json', json.dumps({'name': 'own', 'model': 'toy', 'prompt_template': '{prompt} {response}', 'harm': {'yes': 'harmful', 'no': 'harmless'}}))

    def judged(k, text):
        run = world.path('o', f'{k}')
        world.say('import', answers, '--out', run, expect=0)
        for judge in ('wildguard', 'strongreject', own):
            for mode in ('answers', 'errors') if large else ('answers',):
                with TalkingServer(lambda key: f'Harmful request: {text}{mark("said")}\nyes', mode) as server:
                    world.say('classify', run, '--judge', judge, '--judge-url', server.url, '--judge-max-failures', 1, '--judge-timeout', 5)
        all_ways_out(world, run, large=large, to=f'o/ways-{k}')

    world.at_once([(name, partial(judged, k, text)) for k, (name, text) in enumerate(some(large, 25))])


def hub(world, large, python):
    """Names of files, commits and codes of errors in what a hub lists."""
    world.fields = ['listed', 'commit', 'code']
    for k, (name, text) in enumerate(some(large, 25)):
        with Hub() as home:
            home.add('a/b', {'config.json': b'{}', 'tokenizer.json': b'{}'})
            line = ''.join(c for c in text if c not in '\r\n' and ord(c) < 256)
            home.codes = {403: line + mark('code')}
            for fault in (lambda body: dict(body, siblings=body['siblings'] + [{'rfilename': text + mark('listed'), 'size': 1}]), lambda body: dict(body, sha=text + mark('commit')),
                          lambda body: dict(body, siblings=[dict(file, rfilename=text + file['rfilename']) for file in body['siblings']]), lambda body: text.encode(), 403):
                home.fault = lambda request, fault=fault: fault if '/api/' in request.path else None
                world.say('pull', 'a/b', env={'HF_ENDPOINT': home.url, 'HF_HOME': world.path('home'), 'HF_HUB_OFFLINE': '0', 'NO_PROXY': '127.0.0.1', 'HF_TOKEN': ''})
            world.say('pull', ('a/' + text[:60]).replace('\0', ''), '--yes', env={'HF_ENDPOINT': home.url, 'HF_HOME': world.path('home'), 'HF_HUB_OFFLINE': '0', 'HF_TOKEN': ''})
    root = os.path.realpath(world.path('home'))
    for path in list(outputs.files_of(world.folder)):
        if 'config.json' in path and not os.path.realpath(path).startswith((root, os.path.realpath(world.out))):
            raise outputs.Bad(f'{path!a}: written outside')
    world.printed.setdefault('standard error', b'')


def serve(world, large, python):
    """Requests to our own server: fields, names, prompts, headers; answers whole and streamed, its log and its figures."""
    world.fields = ['prompt', 'model', 'field', 'role', 'path']
    server = OwnServer('--name', 'demo')
    try:
        for name, text in some(large, 9):
            fine = {'model': 'demo', 'prompt': text[:2000] + mark('prompt'), 'max_tokens': 2, 'echo': True, 'logprobs': 2}
            for request in (fine, dict(fine, model=text + mark('model')), dict(fine, **{text + mark('field'): 1}), dict(fine, stop=[text]), dict(fine, user=text), dict(fine, prompt=[text])):
                hear(world, server.post('/v1/completions', request))
            for request in ({'model': 'demo', 'max_tokens': 2, 'messages': [{'role': 'user', 'content': text[:2000]}]},
                            {'model': 'demo', 'max_tokens': 2, 'messages': [{'role': text + mark('role'), 'content': 'x'}]},
                            {'model': 'demo', 'max_tokens': 2, 'chat_template_kwargs': {text: text}, 'messages': [{'role': 'user', 'content': 'x'}]}):
                hear(world, server.post('/v1/chat/completions', request))
                hear(world, server.post('/v1/chat/completions', dict(request, stream=True)))
            line = ''.join(c for c in text if '!' <= c < '\x7f')[:200]
            hear(world, server.request('GET', '/v1/' + line + mark('path')))
            hear(world, server.request('GET', '/v1/models', headers={'Origin': line, 'X-Odd': line}))
        for page in ('/metrics', '/v1/models', '/health'):
            hear(world, server.request('GET', page))
    finally:
        world.hear('log of serve', server.stop()[1].encode())


def hear(world, answer):
    status, headers, body = answer
    if status not in (200, 400, 403, 404, 405, 413, 415, 422) or set(headers) - {'Content-Type', 'Content-Length', 'Connection', 'Cache-Control', 'Transfer-Encoding', 'Date', 'Server',
                                                                                 'X-Content-Type-Options', 'Allow', 'Retry-After', 'Keep-Alive', 'X-Accel-Buffering', 'Content-Security-Policy'}:
        raise outputs.Bad(f'serve: {status} {headers!a} {body[:200]!a}')
    kind = headers.get('Content-Type', '')
    if 'event-stream' in kind:
        for line in body.split('\n'):
            if line and line != 'data: [DONE]' and not line.startswith('data: {'):
                raise outputs.Bad(f'serve: an event: {line!a}')
            if line.startswith('data: {'):
                outputs.strictly(line[6:], 'an event of serve')
    elif 'json' in kind:
        outputs.strictly(body, 'an answer of serve')
    elif 'html' in kind:
        raise outputs.Bad(f'serve: a page: {body!a}')
    world.hear('answers of serve', body.encode())


def models(world, large, python):
    """A model's files: names in its configuration, tokens, chat templates and what they raise."""
    world.fields = ['type', 'token', 'raised', 'architecture', 'dtype']
    with open(os.path.join(DEMO, 'tokenizer.json'), encoding='utf-8') as file:
        tokenizer = json.load(file)
    with open(os.path.join(DEMO, 'config.json'), encoding='utf-8') as file:
        config = json.load(file)
    for name, text in some(large, 30):
        folder = world.path('models', 'm')
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(DEMO, folder, symlinks=True)
        for change in ({'model_type': text + mark('type')}, {'architectures': [text + mark('architecture')]}, {'torch_dtype': text + mark('dtype')}, {text: text}):
            world.write('models/m/config.json', json.dumps(dict(config, **change)))
            world.say('score', '--model', folder, '--text', 'Hi')
        world.write('models/m/config.json', json.dumps(config))
        world.write('models/m/chat_template.jinja', f'{{{{ raise_exception({json.dumps(text + mark("raised"), ensure_ascii=False)}) }}}}')
        world.say('chat', '--model', folder, 'Hi')
        world.say('run', '--model', folder, '--num-instances', 1, '--max-new-tokens', 1, '--out', world.path('o', 'raised'))
        world.write('models/m/chat_template.jinja', f'{{{{ messages[0].content }}}}{{{{ {json.dumps(text)} }}}}')
        world.say('chat', '--model', folder, '--json', 'Hi')
        changed = json.loads(json.dumps(tokenizer))
        for token in changed['added_tokens']:
            token['content'] = token['content'] + text + mark('token')
        world.write('models/m/tokenizer.json', json.dumps(changed))
        world.say('tokenize', '--model', folder, stdin=json.dumps({'text': text}).encode() + b'\n')
        # A word of a command line has 128 KiB at most.
        world.say('trace', text[:30000], '--model', folder, '--max-new-tokens', 2, '--traces', 1)


def quote(word):
    """A text in TOML."""
    return '"' + ''.join(c if ' ' <= c < '\x7f' and c not in '"\\' else f'\\U{ord(c):08x}' for c in word) + '"'


def suites(world, large, python):
    """Names of a suite, its phases and runs, and values in it."""
    world.fields = ['suite', 'phase', 'value']
    for k, (name, text) in enumerate(some(large, 25)):
        benchmark = world.write('b.csv', 'id,prompt,label,category\n1,How?,safe,x\n')
        def suite(phase, policy='policy'):
            return (f'name = {quote(text[:60] + mark("suite"))}\n[defaults]\nbenchmark = {quote(benchmark)}\nmax-new-tokens = 1\n{policy} = "single"\n'
                    f'[[phase]]\nname = {quote(phase)}\nsystem = {quote(text + mark("value"))}\n')
        world.say('experiment', world.write('s.toml', suite(text[:60] + mark('phase'))), '--out', world.path('o', f'{k}'))
        world.say('experiment', world.write('s.toml', suite('fine')), '--dry-run', '--out', world.path('o', f'{k}d'))
        world.say('experiment', world.write('s.toml', suite('fine')), '--out', world.path('o', f'{k}f'))
        world.say('experiment', world.write('t.toml', suite('fine', quote(text))), '--out', world.path('o', f'{k}g'))
        world.say('experiment', world.write('t.toml', 'name = ' + text), '--out', world.path('o', f'{k}h'))


def words(world, large, python):
    """Words of the command line and variables of the environment."""
    world.fields = ['word', 'variable']
    table = payloads.words(large)
    for name, data in table if large else table[::30]:
        word = data[:300] + mark('word').encode()
        for command in ([word], ['run', b'--' + word], ['run', '--benchmark', word], ['run', '--model', word], ['run', '--policy', word], ['run', '--seed', word], ['report', word],
                        ['detect', word], ['run', '--api-key-env', word, '--endpoint', 'http://127.0.0.1:1/v1', '--model', 'x'], ['run', '--endpoint', word],
                        ['chat', word], ['run', '--template-arg', word], ['experiment', word], ['pull', word], ['score', '--tokens', word], ['run', '--shard', word], ['trace', b'x', '--color', word]):
            if command[0] in (b'-', b'--'):
                continue
            world.say(*command, *(('--max-failures', 1) if command[:2] == ['run', '--endpoint'] else ()))
        text = data[:300].replace(b'\0', b'') + mark('variable').encode()
        for variable in ('HF_ENDPOINT', 'HF_HOME', 'SAFECONF_MODELS', 'SAFECONF_DATA', 'SAFECONF_PYTHON', 'TERM', 'TMPDIR', 'SAFECONF_GPU_MODULE', 'SSL_CERT_FILE') if large else ('HF_ENDPOINT', 'SAFECONF_PYTHON'):
            world.say('pull', 'a/b', '--yes', env={variable: text, 'HF_HUB_OFFLINE': '0'}) if variable.startswith('HF') else world.say('figures', world.path('none'), env={variable: text})


WAYS = [servers, judges, hub, serve, models, suites, words]
