#!/usr/bin/env python3
"""The engine behind OpenAI's interface, from outside: clients that are many, slow, gone or hostile, and its end.

  test_cli_serve_clients.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import signal
import socket
import threading
import time
import unittest

from own_server import PATIENCE, OwnServer, side_by_side
from program import Folder

BREAD = [{'role': 'user', 'content': 'How do I bake bread?'}]
SHORT = {'messages': BREAD, 'max_tokens': 8, 'seed': 1}
# Some thousand tokens, which no answer of a test waits for.
LONG = {'prompt': 'Once upon a time', 'max_tokens': 300, 'n': 64, 'seed': 1, 'temperature': 3.0, 'top_p': 1,
        'top_k': 0, 'stop': ['never said']}


def until(true, what, seconds=PATIENCE):
    """Waits for something that comes about."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f'not within {seconds} s: {what}')
        time.sleep(0.02)


class Clients(Folder):
    def start(self, *options, **more):
        server = OwnServer(*options, **more)
        self.addCleanup(server.kill)
        return server

    def connect(self, server, sent=b''):
        connection = socket.create_connection(('127.0.0.1', server.port), timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.sendall(sent)
        return connection

    def send(self, server, path, request):
        """A request whose answer nobody reads yet."""
        body = json.dumps(request).encode()
        return self.connect(server, f'POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
                            f'Content-Length: {len(body)}\r\n\r\n'.encode() + body)

    def busy(self, server, n=1):
        until(lambda: server.metrics()['requests_in_hand'] >= n, 'requests in hand')

    def idle(self, server):
        until(lambda: server.metrics()['requests_in_hand'] == 0 and server.metrics()['traces_in_flight'] == 0,
              'nothing in hand')

    def test_a_request_starts_beside_others(self):
        server = self.start('--parallel', 4)
        for request in (LONG, dict(LONG, stream=True)):
            long = self.send(server, '/v1/completions', request)
            self.busy(server)
            answer = server.chat(**SHORT)
            self.assertEqual(answer['usage']['completion_tokens'], 8)
            long.close()
            self.idle(server)

    def test_clients_that_go_away(self):
        server = self.start('--parallel', 4)
        expected = server.chat(**SHORT)['choices']
        before = server.metrics()['requests_cancelled_total']
        # While it runs; while it waits behind others; while its prompt is scored; with a stream that nobody reads.
        several = [self.send(server, '/v1/completions', LONG) for _ in range(6)]
        several.append(self.send(server, '/v1/completions', dict(LONG, stream=True, logprobs=5)))
        several.append(self.send(server, '/v1/completions', dict(LONG, echo=True, logprobs=5)))
        self.busy(server, len(several))
        for connection in several:
            connection.close()
        self.idle(server)
        self.assertEqual(server.metrics()['requests_cancelled_total'], before + len(several))
        self.assertEqual(server.chat(**SHORT)['choices'], expected)

    def test_more_than_it_takes(self):
        server = self.start('--queue', 2, '--parallel', 2)
        held = [self.send(server, '/v1/completions', LONG) for _ in range(2)]
        self.busy(server, 2)
        status, headers, body = server.post('/v1/chat/completions', SHORT)
        self.assertEqual((status, headers['Retry-After']), (429, '1'), body)
        self.assertEqual(json.loads(body)['error']['type'], 'rate_limit_error')
        self.assertEqual(server.request('GET', '/health')[0], 200)
        held.pop().close()
        until(lambda: server.post('/v1/chat/completions', SHORT)[0] == 200, 'a place')
        self.assertGreaterEqual(server.metrics()['requests_full_total'], 1)

    def test_slow_writers_and_readers_keep_nobody_waiting(self):
        server = self.start()
        half = (b'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
                b'Content-Length: 1000\r\n\r\n{"mess')
        slow = [self.connect(server, sent) for sent in (b'', b'POST /v1/ch', b'GET / HTTP/1.1\r\nHost:', half)
                for _ in range(40)]
        streams = [self.send(server, '/v1/completions', dict(LONG, n=4, stream=True, logprobs=5)) for _ in range(4)]
        expected = server.chat(**SHORT)['choices']
        for _ in range(5):
            for connection in slow[::7]:
                connection.sendall(b' ')
            self.assertEqual(server.chat(**SHORT)['choices'], expected)
        for connection in streams + slow:
            connection.close()
        self.idle(server)

    def test_bytes_that_are_no_http(self):
        server = self.start()
        for sent in (b'\0' * 1000, b'\xff\xfe' * 500, b'GET / HTTP/9.9\r\n\r\n', b'A' * 100000, b'\r\n' * 1000,
                     b'GET ' + b'/' * 70000 + b' HTTP/1.1\r\n\r\n', b'GET / HTTP/1.1\r\n' + b'X: y\r\n' * 20000,
                     b'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
                     b'Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{',
                     b'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
                     b'Content-Length: -1\r\n\r\n', b'GET /v1/models HTTP/1.1\r\n\r\n'):
            connection = self.connect(server)
            try:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                pass
        self.assertEqual(server.chat(**SHORT)['usage']['completion_tokens'], 8)
        status, said = server.stop()
        self.assertEqual((status, said), (0, ''))

    def test_two_requests_on_a_connection(self):
        import http.client
        server = self.start()
        connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        said = []
        for _ in range(3):
            connection.request('POST', '/v1/chat/completions', json.dumps(SHORT), {'Content-Type': 'application/json'})
            answer = connection.getresponse()
            said.append(json.loads(answer.read())['choices'])
        self.assertEqual(said[1:], said[:1] * 2)

    def test_many_at_once(self):
        server = self.start('--parallel', 3)
        requests = [dict(SHORT, seed=seed % 5, n=1 + seed % 3, logprobs=seed % 2 == 0) for seed in range(40)]
        alone = {json.dumps(r): server.chat(**r)['choices'] for r in requests[:30]}
        for request, choices in zip(requests, side_by_side([lambda r=r: server.chat(**r)['choices'] for r in requests])):
            self.assertEqual(choices, alone[json.dumps(request)])

    def test_the_end(self):
        server = self.start()
        self.assertEqual(server.stop(), (0, ''))
        server = self.start()
        self.assertEqual(server.stop(signal.SIGINT), (0, ''))
        # What is in hand is finished.
        server = self.start('--parallel', 1, '--grace', PATIENCE)
        said = []
        thread = threading.Thread(target=lambda: said.append(server.complete(**dict(LONG, n=1, max_tokens=300))))
        thread.start()
        self.busy(server)
        self.assertEqual(server.stop()[0], 0)
        thread.join()
        self.assertGreater(said[0]['usage']['completion_tokens'], 1)
        # Or dropped after the grace, and the clients are told.
        server = self.start('--grace', 0)
        statuses = []
        threads = [threading.Thread(target=lambda r=r: statuses.append(server.post('/v1/completions', r)))
                   for r in (LONG, dict(LONG, n=2, stream=True))]
        for thread in threads:
            thread.start()
        self.busy(server, 2)
        status, said = server.stop()
        self.assertEqual(status, 130)
        self.assertIn('2 requests unanswered', said)
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(s[0] for s in statuses), [200, 500])
        self.assertTrue(all('the server ends' in s[2] for s in statuses), statuses)


if __name__ == '__main__':
    unittest.main()
