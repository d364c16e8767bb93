#!/usr/bin/env python3
"""Keys and tokens in no output, ever: each is a canary, servers say it back in every way, and all that was written and
printed is searched; programs that are started get none.

  test_keys.py PATH_TO_SAFECONF [TEST ...]      Python's standard library only.
"""
import base64
import html
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

    def say(self, *words, **env):
        return self.world.say(*words, env=dict(KEYS, NO_PROXY='127.0.0.1,localhost', **env))

    def search(self, folder=None, but=()):
        """Files and names of files, what was printed."""
        folder = folder or self.world.folder
        heaps = list(self.world.printed.items())
        for path in outputs.files_of(folder):
            heaps += [(path, outputs.unpacked(path)), (path, path.encode('utf-8', 'surrogateescape'))]
        for where, data in heaps:
            for reading in readings(data):
                for name, key in KEYS.items():
                    for trace in traces_of(key):
                        self.assertNotIn(trace, reading, f'{name} in {where}') if trace in reading else None

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

    def test_our_own_server(self):
        server = OwnServer('--api-key-env', 'SERVE_KEY', env=KEYS)
        try:
            for key in (KEYS['SERVE_KEY'], KEYS['SERVE_KEY'][:-1], 'wrong'):
                for path, body in (('/v1/chat/completions', {'model': 'demo', 'messages': [{'role': 'user', 'content': 'Hi'}], 'max_tokens': 2}),
                                   ('/v1/completions', {'model': 'x', 'prompt': 'Hi'}), ('/v1/completions', {'nonsense': 1})):
                    _, headers, said = server.post(path, body, Authorization='Bearer ' + key)
                    self.world.printed['answers of serve'] = self.world.printed.get('answers of serve', b'') + repr(headers).encode() + said.encode()
                for path in ('/metrics', '/v1/models', '/health', '/none'):
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
        env = {'PATH': os.path.dirname(engine) + ':' + os.environ['PATH'], 'SAFECONF_PYTHON': python, 'CUDA_VISIBLE_DEVICES': '0'}
        self.say('run', '--engine', 'vllm', '--model', worlds.DEMO, '--num-instances', 1, '--out', self.world.path('o', 'run'), **env)
        self.say('import', self.world.write('a.csv', 'id,prompt,response\n1,How?,Sure.\n'), '--out', self.world.path('o', 'run2'))
        self.say('figures', self.world.path('o', 'run2'), **env)
        for name in ('engine', 'python', 'tool'):
            with self.subTest(name), open(self.world.path(name)) as file:
                text = file.read()
                self.assertIn('PATH=', text)
                for variable, key in KEYS.items():
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
