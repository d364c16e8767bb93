#!/usr/bin/env python3
"""Servers of models, of judges and of files that drip, flood or never end: a clear line, within bounds, and an end.

  test_hostile_servers.py PATH_TO_SAFECONF      Python's standard library only.

Each case is one thing that a server says, again and again, to whatever it is asked. hostile.py says what is allowed.
"""
import re
import shutil
import signal
import threading
import time
import unittest

from hostile import SIZE, Measured, Started
from local_server import LocalHandler, LocalServer
from model_server import Handler as ModelHandler, ModelServer

TIMEOUT = 1  # seconds of a try
PATIENCE = 180  # by the clock: a request has six tries, with pauses of 15 s in all, and others run beside it
AT_ONCE = 24
OPEN = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
EVENTS = b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'
CHUNKED = OPEN + b'Transfer-Encoding: chunked\r\n\r\n'
LONG = OPEN + b'Content-Length: 1000000000000\r\n\r\n'
A_CHOICE = b'{"index":0,"text":" x","finish_reason":"stop","message":{"role":"assistant","content":" x"}}'
TOKEN = b'{"token":"x","logprob":-1,"bytes":[120],"top_logprobs":['
LISTED = b'{"choices":[{"index":0,"message":{"role":"assistant","content":" x"},"finish_reason":"stop","logprobs":'
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'

# What is said first, and what then follows without end
FLOODS = {
    'a body without end': (OPEN + b'\r\n', b' ' * 65536),
    'chunks without end': (CHUNKED, b'1000\r\n' + b' ' * 4096 + b'\r\n'),
    'small chunks': (CHUNKED, b'1\r\n \r\n' * 4096),
    'a chunk of 2^63': (CHUNKED + b'7fffffffffffffff\r\n', b' ' * 65536),
    'the size of a chunk': (CHUNKED, b'0' * 65536),
    'the extension of a chunk': (CHUNKED + b'1;', b'x' * 65536),
    'trailers': (CHUNKED + b'0\r\n', b'X: a\r\n' * 9999),
    'a body of a TB': (LONG, b' ' * 65536),
    'open brackets': (LONG + b'{"choices":', b'[' * 65536),
    'a header': (OPEN + b'X: ', b'a' * 65536),
    'headers': (OPEN, b'X: a\r\n' * 9999),
    'lines of status': (b'', b'HTTP/1.1 100 Continue\r\n\r\n' * 999),
    'a line of status': (b'HTTP/1.1 200 ', b'O' * 65536),
    'a refusal': (b'HTTP/1.1 400 No\r\n\r\n', b'no ' * 9999),
    'a fault': (b'HTTP/1.1 500 No\r\n\r\n', b'no ' * 9999),
    'no HTTP': (b'', b'a' * 65536),
    'a redirection': (b'HTTP/1.1 302 Found\r\nLocation: /a\r\n\r\n', b'no ' * 9999),
    'gzip': (OPEN + b'Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\3', b'\0' * 65536),
}
STREAMS = {
    'comments': (EVENTS, b':\n' * 9999),
    'empty lines': (EVENTS, b'\n' * 65536),
    'empty events': (EVENTS, b'data:\n\n' * 9999),
    'an event': (EVENTS + b'data: ', b'x' * 65536),
    'lines of an event': (EVENTS, b'data: x\n' * 9999),
    'the same event': (EVENTS, EVENT * 999),
}
DRIPS = {
    'a body': (LONG, b' '),
    'a header': (OPEN + b'X: ', b'a'),
    'nothing': (b'', b''),
    'chunks': (CHUNKED, b'1\r\n \r\n'),
    'a stream': (EVENTS, EVENT),
    'comments of a stream': (EVENTS, b':\n\n'),
}


def whole(body):
    return OPEN + b'Content-Length: %d\r\n\r\n' % len(body) + body


# A whole answer, given to each request
ANSWERS = {
    'ten thousand choices': whole(b'{"choices":[' + b','.join([A_CHOICE] * 10000) + b']}'),
    'a million candidates': whole(LISTED + b'{"content":[' + TOKEN + b','.join(
        [b'{"token":"x","logprob":-1}'] * 38000) + b']}]}}]}'),
    'tokens without end': whole(LISTED + b'{"content":[' + b','.join([TOKEN + b']}'] * 17000) + b']}}]}'),
    'columns': whole(LISTED + b'{"tokens":[' + b','.join([b'""'] * 99999) + b'],"token_logprobs":[' +
                     b','.join([b'-1'] * 99999) + b']}}]}'),
    'numbers': whole(b'[' + b','.join([b'1'] * 500000) + b']'),
    'keys': whole(b'{' + b','.join(b'"%d":1' % i for i in range(90000)) + b'}'),
    'a length that is less': OPEN + b'Content-Length: 2\r\n\r\n{"choices":[' + A_CHOICE + b']}',
    'a length that is none': OPEN + b'Content-Length: -1\r\n\r\n{}',
    'two lengths': OPEN + b'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ',
    'a length of 2^64': OPEN + b'Content-Length: 18446744073709551617\r\n\r\n{}',
    'a redirection to itself': b'HTTP/1.1 302 Found\r\nLocation: /v1/models\r\nContent-Length: 0\r\n\r\n',
    'a million models': whole(b'{"data":[' + b','.join(b'{"id":"%d"}' % i for i in range(70000)) + b']}'),
}


REVISION_SAID = b'{"sha":"0123456789abcdef0123456789abcdef01234567"}'
LISTING = (REVISION_SAID[:-1] + b',"siblings":['
           b'{"rfilename":"config.json","size":1000,"blobId":"0123456789abcdef0123456789abcdef01234567"},'
           b'{"rfilename":"model.safetensors","size":1000,"blobId":"1123456789abcdef0123456789abcdef01234567"}]}')


def listing(names):
    return REVISION_SAID[:-1] + b',"siblings":[' + b','.join(b'{"rfilename":"%s"}' % name for name in names) + b']}'


GOOD_LISTING, REVISION = (whole(LISTING), None, 0), (whole(REVISION_SAID), None, 0)
LISTINGS = {
    'files': whole(listing(b'%d' % i for i in range(99999))),
    'shards': whole(listing([b'model.safetensors.index.json',
                             *(b'model-%d-of-9.safetensors' % i for i in range(60000))])),
    'more files': whole(listing([b'a'] * 250000)),
    'numbers': whole(b'[' + b'1,' * 4000000 + b'1]'),
    'a file of 2^63': whole(LISTING.replace(b'1000', b'9223372036854775807')),
    'a file of a TB': whole(LISTING.replace(b'1000', b'900000000000000')),
}
PAGES = {
    'a million million': whole(b'{"features":[],"rows":[],"num_rows_total":1000000000000,"partial":false}'),
    'as many as may be': whole(b'{"features":[],"rows":[],"num_rows_total":1048576,"partial":false}'),
    'numbers': whole(b'[' + b'1,' * 4000000 + b'1]'),
}


FLOODS, STREAMS = ({name: (*said, 0) for name, said in kind.items()} for kind in (FLOODS, STREAMS))
DRIPS = {name: (*said, 0.1) for name, said in DRIPS.items()}
ANSWERS, LISTINGS, PAGES = ({name: (said, None, 0) for name, said in kind.items()}
                            for kind in (ANSWERS, LISTINGS, PAGES))


class Handler(LocalHandler):
    """Reads a request and says what its server has for it."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get('Content-Length') or 0))
        owner = self.server.owner
        owner.note_request(self.path)
        self.close_connection = True
        try:
            self.say(owner)
        except OSError:
            pass  # who asked has gone
        owner.end()

    do_POST = do_HEAD = do_GET

    def say(self, owner):
        begin, unit, pause = owner.says(self)
        self.connection.sendall(begin)
        while unit is not None and not owner.stopped.is_set():
            self.connection.sendall(unit)
            with owner.lock:
                owner.n_sent += len(unit)
            if pause:
                owner.stopped.wait(pause)


class Hostile(LocalServer):
    """Says to whatever it is asked what begins an answer, what then comes without end (None: nothing), and waits so
    many seconds between; or what says(handler) returns of those three."""

    handler = Handler

    def __init__(self, begin=b'', unit=None, pause=0, says=None):
        self.n_sent = 0
        self.says = says or (lambda handler: (begin, unit, pause))
        super().__init__()


class HalfWell(ModelServer):
    """A model's server that answers well until a run's own traces are asked for: then comes what is said."""

    class handler(ModelHandler):
        def fault_said(self, request):
            self.close_connection = True
            Handler.say(self, self.owner)

    def __init__(self, begin, unit=None, pause=0):
        self.n_sent, self.says = 0, lambda handler: (begin, unit, pause)
        super().__init__(fault=lambda number, request: 'said' if request.get('max_tokens') == 6 and 'seed' in request
                         else None)


class Servers(Measured):
    def against(self, name, server, words, env=None, status=(1,)):
        """What the program makes of the server."""
        with server:
            ended = Started(SIZE, words, env=dict({'NO_PROXY': '127.0.0.1,localhost'}, **(env or {}))).end(PATIENCE)
            said = self.check(f'{name} ({server.n_sent / 1e6:.1f} MB sent)', ended, status)
        self.assertTrue(said or ended.status == 0, name)

    def out(self, name):
        return self.path(re.sub(r'\W', '-', name))

    def run_words(self, server, name, *options, timeout=TIMEOUT):
        return ['run', '--endpoint', server.at('/v1'), '--model', 'toy', '--num-instances', 1, '--max-traces', 4,
                '--max-new-tokens', 6, '--timeout', timeout, '--max-failures', 1, '--quiet', '--out', self.out(name),
                *(options or ('--policy', 'fixed'))]

    def run_from(self, name, *says):
        """A server that is so from the beginning."""
        server = Hostile(*says)
        self.against(name, server, self.run_words(server, name), status=(0, 1))

    def stream_from(self, name, *says):
        server = HalfWell(*says)
        self.against(name, server, self.run_words(server, name, '--policy', 'deepconf', '--window', 2))

    def judged_by(self, name, *says):
        server = Hostile(*says)
        shutil.copytree(self.path('judged'), self.out(name))
        self.against(name, server, ['classify', self.out(name), '--judge', 'wildguard', '--judge-url', server.at('/v1'),
                                    '--judge-timeout', TIMEOUT, '--judge-max-failures', 1, '--quiet'], status=(0, 1))

    def hub_words(self, server, name):
        return {'HF_ENDPOINT': server.at(''), 'HF_DATASETS_SERVER': server.at(''), 'HF_HOME': self.out(name),
                'HOME': self.out(name), 'SAFECONF_DATA': '', 'XDG_DATA_HOME': '', 'HF_HUB_OFFLINE': '0', 'HF_TOKEN': '',
                'HF_HUB_CACHE': '', 'HF_HUB_DOWNLOAD_TIMEOUT': str(TIMEOUT), 'SAFECONF_RAW_ENDPOINT': server.at('')}

    def pulled_from(self, name, what, *answers):
        """answers: (pattern of paths, what is said there); the first that is found counts, and "" is found in all."""
        server = Hostile(says=lambda handler: next(said for path, said in answers if re.search(path, handler.path)))
        self.against(name, server, ['pull', what], env=self.hub_words(server, name))

    # ---- the cases ---------------------------------------------------------------------------------

    def of_models(self):
        for kind in (FLOODS, DRIPS, ANSWERS):
            for name, said in kind.items():
                yield f'model: {name}', self.run_from, said
        for name, said in [*STREAMS.items(), ('drips', DRIPS['comments of a stream'])]:
            yield f'stream: {name}', self.stream_from, said

    def of_judges(self):
        self.run_demo('judged', n=2)
        for kind, names in ((FLOODS, ('a body without end', 'a fault')), (DRIPS, ('chunks',)),
                            (ANSWERS, ('ten thousand choices', 'a million candidates'))):
            for name in names:
                yield f'judge: {name}', self.judged_by, kind[name]

    def of_hubs(self):
        for kind in (FLOODS, DRIPS):
            for name, said in kind.items():
                yield f'listing: {name}', self.pulled_from, ('a/b', ('', said))
                yield f'file: {name}', self.pulled_from, ('a/b', ('/resolve/', said), ('', GOOD_LISTING))
        for name, said in LISTINGS.items():
            yield f'listing: {name}', self.pulled_from, ('a/b', ('/api/', said), ('', FLOODS['a refusal']))
        for name, said in [*PAGES.items(), *((name, FLOODS[name]) for name in ('a body of a TB', 'a fault'))]:
            yield f'rows: {name}', self.pulled_from, ('coconot', ('/rows', said), ('', REVISION))
        yield 'redirections', self.pulled_from, ('a/b', ('', ANSWERS['a redirection to itself']))

    def test_each_ends_with_a_line(self):
        """All side by side, since most of their time is pauses."""
        failures = []

        def one(name, act, said):
            with room:
                try:
                    act(name, *said)
                except BaseException as wrong:  # told below, with all others
                    failures.append(f'{name}: {wrong}')
        room = threading.Semaphore(AT_ONCE)
        threads = [threading.Thread(target=one, args=case)
                   for case in [*self.of_models(), *self.of_judges(), *self.of_hubs()]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(failures), 0, '\n'.join(failures))

    def test_an_interruption_is_heeded_meanwhile(self):
        for kind, words in (('model', lambda server: self.run_words(server, 'out', timeout=600)),
                            ('hub', lambda server: ['pull', 'a/b'])):
            for says in (DRIPS['a body'], FLOODS['the extension of a chunk']):
                with Hostile(*says) as server:
                    env = dict(self.hub_words(server, 'home'), HF_HUB_DOWNLOAD_TIMEOUT='600')
                    started = Started(SIZE, words(server), env=env)
                    while server.n_sent == 0 and time.monotonic() < started.began + 20:
                        time.sleep(0.01)
                    asked = time.monotonic()
                    started.process.send_signal(signal.SIGINT)
                    said = self.check(f'{kind}: SIGINT', started.end(PATIENCE), status=(130,))
                    self.assertLess(time.monotonic() - asked, 5, said)


if __name__ == '__main__':
    unittest.main()
