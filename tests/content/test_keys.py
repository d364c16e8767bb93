#!/usr/bin/env python3
"""Keys and tokens in no output, ever: each is a canary, servers say it back in every way, and all that was written and
printed is searched; programs that are started get none.

  test_keys.py PATH_TO_SAFECONF [TEST ...]      Python's standard library only.
"""
import base64
import html
import json
import os
import re
import stat
import sys
import unittest
import urllib.parse
from functools import partial

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world as worlds  # noqa: E402  (takes the program's path off the command line)
import outputs  # noqa: E402
from talking_server import TalkingServer  # noqa: E402
from hub_server import Hub  # noqa: E402
from own_server import OwnServer  # noqa: E402

KEYS = {'OPENAI_API_KEY': 'sk-canary-Q7xZ9vL2mW8kT4', 'OTHER_KEY': 'ok/canary+R3nB6yH1=dF5jU0', 'SAFECONF_JUDGE_KEY': 'jk-canary-V8pG2sK7aE4tY9',
        'HF_TOKEN': 'hf_canaryM5cX1zN6bJ3wP8', 'SERVE_KEY': 'vk-canary-D4fS9gA2hL7qC6'}
FORMS = {'plain': lambda k: k, 'header': lambda k: f'Authorization: Bearer {k}', 'base64': lambda k: base64.b64encode(k.encode()).decode(),
         'base64 of the header': lambda k: base64.b64encode(f'Bearer {k}'.encode()).decode(), 'base64 for addresses': lambda k: base64.urlsafe_b64encode(f'x:{k}'.encode()).decode(),
         'escapes of json': lambda k: ''.join(f'\\u{ord(c):04x}' for c in k), 'percent': lambda k: ''.join(f'%{ord(c):02X}' for c in k), 'mixed percent': lambda k: urllib.parse.quote(k, safe=''),
         'html': lambda k: ''.join(f'&#{ord(c)};' for c in k), 'cut off': lambda k: k[:-1], 'twice': lambda k: k + k, 'in words': lambda k: f'the key "{k}" is wrong, <b>{k}</b>'}
SHORT = ('plain', 'base64 of the header', 'escapes of json', 'mixed percent', 'cut off')


def traces_of(key):
    """Pieces of text that would give a key away; more than half of it is enough."""
    part = key[:-1]
    yield part.encode()
    for shift in range(3):
        data = base64.b64encode(b'\0' * shift + key.encode())
        yield data[4:len(data) - 6]
        yield data[4:len(data) - 6].replace(b'+', b'-').replace(b'/', b'_')


def readings(data):
    """Bytes as they are and as a reader of JSON, of addresses and of HTML has them."""
    yield data
    text = data.decode('latin-1')
    for _ in range(2):
        text = re.sub(r'\\+u00([0-9a-fA-F]{2})', lambda m: chr(int(m[1], 16)), text).replace('\\/', '/')
        text = html.unescape(re.sub(r'%([0-9a-fA-F]{2})', lambda m: chr(int(m[1], 16)), text))
        yield text.encode('latin-1', 'replace')


class Keys(unittest.TestCase):
    def setUp(self):
        self.world = worlds.World()
        self.addCleanup(self.world.close)
        self.forms = FORMS if os.environ.get('SAFECONF_CONTENT_ALL') else {name: FORMS[name] for name in SHORT}

    def say(self, *words, env=None, **more):
        return self.world.say(*words, env={**KEYS, 'NO_PROXY': '127.0.0.1,localhost', **(env or {}), **more})

    def search(self, folder=None, but=()):
        """Files and names of files, what was printed; not what the test itself wrote, in paths that hold one of `but`."""
        folder = folder or self.world.folder
        heaps = list(self.world.printed.items())
        for path in outputs.files_of(folder):
            if any(part in os.path.relpath(path, folder) for part in but):
                continue
            heaps += [(path, outputs.unpacked(path)), (path, path.encode('utf-8', 'surrogateescape'))]
        for where, data in heaps:
            for reading in readings(data):
                for name, key in KEYS.items():
                    for trace in traces_of(key):
                        if trace in reading:
                            at = reading.index(trace)
                            self.fail(f'{name} in {where}: {reading[max(0, at - 150):at + 60]!a}')

    def endpoint(self, server, out, *more):
        policy = ('deepconf', '--min-traces', 3, '--max-traces', 6, '--window', 2) if server.mode == 'broken streams' else ('single',)
        return self.say('run', '--endpoint', server.url, '--model', 'toy', '--num-instances', 1, '--policy', *policy, '--max-new-tokens', 8, '--max-failures', 1,
                        '--timeout', 5, '--out', out, *more)

    def models(self, reached):
        """What is asked of servers of models, by name."""

        def ask(mode, k, name, form):
            with TalkingServer(form, mode) as server:
                variable = ('--api-key-env', 'OTHER_KEY') if k % 2 else ()
                self.endpoint(server, self.world.path('o', f'{mode}-{name}'), *variable)
                self.assertEqual(server.keys - {'none'}, {KEYS['OTHER_KEY' if variable else 'OPENAI_API_KEY']})
                self.assertTrue(mode != 'broken streams' or any(request.get('stream') for request in server.requests))
                reached.add(mode)

        whole = len(self.forms) == len(FORMS)
        return [(f'models, {mode}, {name}', partial(ask, mode, k, name, form)) for mode in TalkingServer.MODES for k, (name, form) in enumerate(self.forms.items())
                if whole or not k or mode in ('answers', 'broken streams', 'errors', 'redirects')]

    def judges(self, reached):
        """The same of servers of judges."""
        answers = self.world.write('a.csv', 'id,prompt,response\n1,How?,Sure.\n')

        def judge(mode, name, form):
            run = self.world.path('o', f'judged-{mode}-{name}')
            self.say('import', answers, '--out', run)
            with TalkingServer(form, mode) as server:
                self.say('classify', run, '--judge', 'wildguard', '--judge-url', server.url, '--judge-max-failures', 1, '--judge-timeout', 5)
                self.assertEqual(server.keys - {'none'}, {KEYS['SAFECONF_JUDGE_KEY']})
                reached.add(mode)

        return [(f'judges, {mode}, {name}', partial(judge, mode, name, form)) for mode in TalkingServer.MODES
                for name, form in list(self.forms.items())[:None if mode == 'answers' else 1]]

    def test_servers_of_models_and_of_judges(self):
        models, judges = set(), set()
        self.world.at_once(self.models(models) + self.judges(judges))
        self.assertEqual(models, set(TalkingServer.MODES))
        self.assertEqual(judges, set(TalkingServer.MODES))
        run = self.world.path('o', 'answers-plain')
        self.say('report', run, '--csv', self.world.path('o', 'csv'), '--tables', self.world.path('o', 'tables'))
        for words in (('verify', run), ('export', run), ('replay', run), ('diff', run, run, '--out', self.world.path('o', 'diff'))):
            self.say(*words)
        self.say('export', run)
        self.search()

    def test_a_hub(self):
        key, tokens = KEYS['HF_TOKEN'], []

        def pull(k, fault):
            with Hub(key) as hub:
                hub.add('a/b', {'config.json': b'{}', 'tokenizer.json': b'{}', 'model.safetensors': b'x' * 300000}, gated=True)
                hub.fault, hub.codes = lambda request: fault, {status: key for status in (401, 403, 404, 500)}
                self.say('pull', 'a/b', HF_ENDPOINT=hub.url, HF_HOME=self.world.path(f'home{k}'), HF_HUB_OFFLINE='0')
                tokens.extend(request.token for request in hub.requests if request.token)

        self.world.at_once([(f'fault {k}', partial(pull, k, fault)) for k, fault in enumerate((
            None, 401, 403, 404, 500, lambda body: dict(body, sha=key), lambda body: dict(body, siblings=[{'rfilename': key}]), lambda body: key.encode()))])
        self.assertEqual(set(tokens), {'Bearer ' + key})
        self.search()

    def test_where_no_key_belongs(self):
        """One in a URL, in place of a variable's name, behind an option: refused or not, it is not said again."""
        key = KEYS['OPENAI_API_KEY']
        urls = [f'http://127.0.0.1:1/v1?api_key={key}', f'http://127.0.0.1:1/v1#{key}', f'http://u:{key}@127.0.0.1:1/v1', f'http://u:{key}@127.0.0.1:999999/v1',
                f'htp://u:{key}@127.0.0.1/v1', f'u:{key}@127.0.0.1:1/v1', f'http://u:{key}@no host/v1', f'http://u:a?{key}@127.0.0.1:1/v1', f'http://u:a@{key}@127.0.0.1/v1', f'//u:{key}@127.0.0.1/v1', f'//{key}@127.0.0.1/v1']
        run = self.world.path('o', 'run')
        answers = self.world.write('a.csv', 'id,prompt,response\n1,How?,Sure.\n')
        self.say('import', answers, '--out', run)
        sampled = ('--num-instances', 1, '--max-failures', 1, '--timeout', 5)
        tasks = []
        for k, url in enumerate(urls):
            judge = self.world.write(f'judge{k}.json', json.dumps({'name': 'own', 'model': 'x', 'url': url, 'api_key_env': key if k % 2 else 'OTHER_KEY',
                                                                   'prompt_template': '{prompt} {response}', 'harm': {'yes': 'harmful', 'no': 'harmless'}}))
            suite = self.world.write(f'suite{k}.toml', f'name = "s"\n[defaults]\nmodel = "x"\nnum-instances = 1\nmax-new-tokens = 1\nendpoint = "{url}"\napi-key-env = "{key}"\n'
                                     '[[phase]]\nname = "one"\n')
            tasks += [('run', '--endpoint', url, '--model', 'x', *sampled, '--out', self.world.path('o', f'r{k}')), ('trace', 'Hi', '--endpoint', url, '--model', 'x'),
                      ('classify', run, '--judge', 'wildguard', '--judge-url', url), ('classify', run, '--judge', judge), ('experiment', suite, '--out', self.world.path('o', f'e{k}')),
                      ('experiment', suite, '--dry-run')]
            if ':' in url:  # as a name of a model
                tasks += [('pull', url, '--yes'), ('run', '--model', url, '--out', self.world.path('o', f'm{k}'))]
        for name in (key, KEYS['HF_TOKEN'], KEYS['OTHER_KEY']):
            tasks += [('run', '--endpoint', 'http://127.0.0.1:1/v1', '--model', 'x', '--api-key-env', name, '--out', self.world.path('o', 'v')), ('serve', '--api-key-env', name, '--port', 0),
                      ('run', f'--api-key={name}'), ('pull', f'--token={name}', 'a/b'), ('serve', f'--api-key={name}')]
        self.world.at_once([(f'{words[:3]}'.replace(key, 'KEY'), partial(self.say, *words)) for words in tasks])
        for url in urls:
            for variable in ('HF_ENDPOINT', 'SAFECONF_RAW_ENDPOINT', 'HF_DATASETS_SERVER'):
                self.say('pull', 'a/b' if variable == 'HF_ENDPOINT' else 'harmbench' if 'RAW' in variable else 'wildguardmix', '--yes', HF_HOME=self.world.path('home'),
                         SAFECONF_DATA=self.world.path('data'), **{'HF_HUB_OFFLINE': '0', 'HF_ENDPOINT': 'http://127.0.0.1:1', variable: url})
        self.search(but=('.toml', 'judge'))

    def test_proxies(self):
        """A password in a proxy's address: reached, refused, not there, misspelt."""
        key = KEYS['OPENAI_API_KEY']
        with TalkingServer(lambda _: 'who are you', 'pages') as server:
            proxies = [f'http://u:{key}@127.0.0.1:{server.port}', f'http://u:{key}@127.0.0.1:1', f'http://u:{key}@127.0.0.1:9999999', f'htp://u:{key}@127.0.0.1:1', f'http://u:{key}@no host',
                       f'http://u:{key}@nowhere.invalid', f'u:{key}@127.0.0.1:1', f'socks9://u:{key}@127.0.0.1:1', f'http://u:{key}@[::1']
            tasks = []
            for k, proxy in enumerate(proxies):
                for variable, scheme in (('http_proxy', 'http'), ('https_proxy', 'https'), ('ALL_PROXY', 'http')):
                    env = {variable: proxy, 'NO_PROXY': '', 'no_proxy': ''}
                    tasks += [(f'{k} {variable} run', partial(self.say, 'run', '--endpoint', f'{scheme}://models.invalid/v1', '--model', 'toy', '--num-instances', 1, '--max-failures', 1,
                                                              '--timeout', 5, '--out', self.world.path('o', f'{k}-{variable}'), env=env)),
                              (f'{k} {variable} pull', partial(self.say, 'pull', 'a/b', '--yes', env=dict(env, HF_ENDPOINT=f'{scheme}://hub.invalid', HF_HOME=self.world.path('home'), HF_HUB_OFFLINE='0',
                                                                                                       HF_HUB_DOWNLOAD_TIMEOUT='1')))]
            self.world.at_once(tasks)
        self.search()

    def test_other_places_of_keys(self):
        """Tokens in files; a .netrc, which is nobody's business; addresses that a hub or a server sends on to."""
        key = KEYS['HF_TOKEN']
        home = self.world.path('home')
        self.world.write('secret/token', key + '\n')
        self.world.write('secret/hub/token', key + '\n')
        self.world.write('secret/.netrc', f'machine 127.0.0.1 login u password {KEYS["OTHER_KEY"]}\n')
        os.chmod(self.world.path('secret', '.netrc'), 0o600)
        for k, env in enumerate(({'HF_TOKEN_PATH': self.world.path('secret', 'token')}, {'HF_HOME': self.world.path('secret', 'hub')}, {'HUGGING_FACE_HUB_TOKEN': key})):
            for fault in (None, 401, 500, lambda body: dict(body, sha=key)):
                with Hub(key) as hub:
                    hub.add('a/b', {'config.json': b'{}', 'tokenizer.json': b'{}'}, gated=True)
                    hub.fault, hub.codes = lambda request, fault=fault: fault, {status: key for status in (401, 500)}
                    self.say('pull', 'a/b', env={**{'HF_ENDPOINT': hub.url, 'HF_HOME': home + str(k), 'HF_HUB_OFFLINE': '0', 'HF_TOKEN': '', 'HOME': self.world.path('secret')}, **env})
                    self.assertEqual({request.token for request in hub.requests if request.token}, {'Bearer ' + key})
        with TalkingServer(lambda _: 'yes') as server:
            self.say('run', '--endpoint', server.url, '--model', 'toy', '--num-instances', 1, '--policy', 'single', '--max-new-tokens', 2, '--out', self.world.path('o', 'netrc'),
                     env={'HOME': self.world.path('secret'), 'NETRC': self.world.path('secret', '.netrc'), 'OPENAI_API_KEY': ''})
            self.assertLessEqual(server.keys, {'none', ''})
        with TalkingServer(lambda _: f'x?signature={key}&k=1', 'redirects') as server:
            self.endpoint(server, self.world.path('o', 'sent'))
        self.search(but=('secret',))

    def test_our_own_server(self):
        server = OwnServer('--api-key-env', 'SERVE_KEY', env=KEYS)
        try:
            for key in (KEYS['SERVE_KEY'], KEYS['SERVE_KEY'][:-1], 'wrong'):
                for path, body in (('/v1/chat/completions', {'model': 'demo', 'messages': [{'role': 'user', 'content': 'Hi'}], 'max_tokens': 2}),
                                   ('/v1/completions', {'model': 'x', 'prompt': 'Hi'}), ('/v1/completions', {'nonsense': 1})):
                    _, headers, said = server.post(path, body, Authorization='Bearer ' + key)
                    self.world.printed['answers of serve'] = self.world.printed.get('answers of serve', b'') + repr(headers).encode() + said.encode()
                for path in ('/metrics', '/v1/models', '/health', '/none', f'/v1/models?api_key={urllib.parse.quote(key)}', f'/{urllib.parse.quote(key)}'):
                    said = server.request('GET', path, headers={'Authorization': 'Bearer ' + key})
                    self.world.printed['pages of serve'] = repr(said).encode()
            with open(f'/proc/{server.process.pid}/cmdline', 'rb') as file:
                self.world.printed['command line'] = file.read()
        finally:
            self.world.printed['standard error of serve'] = server.stop()[1].encode()
        self.search()

    def program(self, name, text):
        path = self.world.write(name, '#!/bin/sh\n' + text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def test_programs_that_are_started(self):
        """An engine, an interpreter and the driver's tool have nothing to do with keys."""
        engine = self.program('bin/vllm', f'env > {self.world.path("engine")}; exit 1\n')
        python = self.program('bin/python', f'env > {self.world.path("python")}; exit 1\n')
        self.program('bin/nvidia-smi', f'env > {self.world.path("tool")}; exit 1\n')
        more = {'DB_PASSWD': 'pw-canary-1', 'Ssh_Passphrase': 'pw-canary-2', 'CLOUD_CREDENTIALS': 'pw-canary-3', 'my_token': 'pw-canary-4'}
        env = {**more, 'PATH': os.path.dirname(engine) + ':' + os.environ['PATH'], 'SAFECONF_PYTHON': python, 'CUDA_VISIBLE_DEVICES': '0'}
        self.say('run', '--engine', 'vllm', '--model', worlds.DEMO, '--num-instances', 1, '--out', self.world.path('o', 'run'), **env)
        self.say('import', self.world.write('a.csv', 'id,prompt,response\n1,How?,Sure.\n'), '--out', self.world.path('o', 'run2'))
        self.say('figures', self.world.path('o', 'run2'), **env)
        for name in ('engine', 'python', 'tool'):
            with self.subTest(name), open(self.world.path(name)) as file:
                text = file.read()
                self.assertIn('PATH=', text)
                for variable, key in {**KEYS, **more}.items():
                    self.assertNotIn(key, text, variable)
        self.search()

    def test_what_is_searched_for_is_found(self):
        """The search finds every form of every key: it can fail."""
        for name, form in FORMS.items():
            for variable, key in KEYS.items():
                with self.subTest(form=name, key=variable):
                    self.world.printed = {'x': f'some words {form(key)} and more'.encode()}
                    with self.assertRaises(AssertionError):
                        self.search()
        self.world.printed = {}


if __name__ == '__main__':
    unittest.main()
