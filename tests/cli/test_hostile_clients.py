#!/usr/bin/env python3
"""`safeconf serve` and clients that drip, flood or never end: others are answered meanwhile, within bounds.

  test_hostile_clients.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import signal
import socket
import time
import unittest

from hostile import MB, SANITIZED, SHOW
from own_server import OwnServer

POST = b'POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n'
CHUNKED = POST + b'Transfer-Encoding: chunked\r\n\r\n'
# What is sent first, and what then comes again and again, until the connection is closed or 20 MB are sent
FLOODS = {
    'a header': (b'GET /health HTTP/1.1\r\nX: ', b'a' * 65536),
    'headers': (b'GET /health HTTP/1.1\r\n', b'X: a\r\n' * 9999),
    'a path': (b'GET /', b'a' * 65536),
    'a method': (b'', b'A' * 65536),
    'empty lines': (b'', b'\r\n' * 32768),
    'chunks': (CHUNKED, b'1000\r\n' + b' ' * 4096 + b'\r\n'),
    'small chunks': (CHUNKED, b'1\r\n \r\n' * 9999),
    'the size of a chunk': (CHUNKED, b'0' * 65536),
    'the extension of a chunk': (CHUNKED + b'1;', b'x' * 65536),
    'trailers': (CHUNKED + b'0\r\n', b'X: a\r\n' * 9999),
    'a body of 50 MB': (POST + b'Content-Length: 50000000\r\n\r\n', b' ' * 65536),
    'a body of 16 MB': (POST + b'Content-Length: 16000000\r\n\r\n', b' ' * 65536),
    'a body of 2^64': (POST + b'Content-Length: 18446744073709551617\r\n\r\n', b' ' * 65536),
    'requests at once': (b'', b'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' * 999),
}
MOST = 20_000_000


def body(text):
    return POST + b'Content-Length: %d\r\n\r\n' % len(text) + text


BODIES = {
    'numbers': b'[' + b'1,' * 2000000 + b'1]',
    'ids': b'{"model":"demo","prompt":[' + b'1,' * 2000000 + b'1]}',
    'prompts': b'{"model":"demo","prompt":[' + b'"",' * 1300000 + b'""]}',
    'lists': b'{"model":"demo","prompt":[' + b'[1],' * 1000000 + b'[1]]}',
    'messages': b'{"model":"demo","messages":[' + b'{},' * 1300000 + b'{}]}',
    'keys': b'{' + b','.join(b'"%d":1' % i for i in range(380000)) + b'}',
    'brackets': b'[' * 4000000,
    'a prompt': b'{"model":"demo","prompt":"' + b'a' * 4000000 + b'"}',
    'escapes': b'{"model":"demo","prompt":"' + b'\\u00e9' * 690000 + b'"}',
    'stops': b'{"model":"demo","prompt":"x","stop":["' + b'a' * 4000000 + b'"]}',
}


class Clients(unittest.TestCase):
    def setUp(self):
        self.server = OwnServer('--parallel', 4)
        self.addCleanup(self.server.kill)

    def usage(self):
        """Seconds of the processor, and most memory in MB, of the server so far."""
        with open(f'/proc/{self.server.process.pid}/stat') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        with open(f'/proc/{self.server.process.pid}/status') as file:
            peak = next(int(line.split()[1]) for line in file if line.startswith('VmHWM'))
        return sum(map(int, fields[11:13])) / os.sysconf('SC_CLK_TCK'), peak / 1024

    def connect(self):
        connection = socket.create_connection(('127.0.0.1', self.server.port), timeout=10)
        self.addCleanup(connection.close)
        return connection

    def answers(self):
        """That another client is answered; seconds until then."""
        began = time.monotonic()
        self.assertEqual(len(self.server.complete(prompt='Once', max_tokens=2)['choices']), 1)
        return time.monotonic() - began

    def check(self, name, most_seconds, more_memory=0):
        seconds, memory = self.usage()
        if SHOW:
            print(f'serve: {name}\t{seconds:.1f} s\t{memory:.0f} MB', flush=True)
        if not SANITIZED:
            self.assertLessEqual(seconds, most_seconds, name)
            self.assertLessEqual(memory, MB + more_memory, name)

    def flood(self, begin, unit):
        """What the server says to it."""
        connection, sent = self.connect(), 0
        connection.settimeout(2)
        try:
            connection.sendall(begin)
            while sent < MOST:
                connection.sendall(unit)
                sent += len(unit)
                if connection.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b'':
                    break
        except BlockingIOError:
            return self.flood_on(connection, unit, sent)
        except OSError:
            pass
        return b''

    def flood_on(self, connection, unit, sent):
        connection.setblocking(False)
        said, until = b'', time.monotonic() + 2
        while sent < MOST and time.monotonic() < until:
            try:
                sent += connection.send(unit)
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:
                break
            try:
                got = connection.recv(65536)
                if got == b'':
                    break
                said = (said + got)[:200]
            except BlockingIOError:
                pass
            except OSError:
                break
        connection.close()
        return said

    def test_floods(self):
        for name, (begin, unit) in FLOODS.items():
            with self.subTest(name):
                before = self.usage()[0]
                said = self.flood(begin, unit)
                self.answers()
                if SHOW:
                    print(name, said[:60], self.usage()[0] - before)
        self.check('floods', 30)

    def test_bodies(self):
        for name, text in BODIES.items():
            with self.subTest(name):
                before = self.usage()
                connection = self.connect()
                connection.sendall(body(text))
                said = connection.recv(65536)
                connection.close()
                self.assertRegex(said[:20], rb'HTTP/1.1 4\d\d ', name)
                if SHOW:
                    print(name, said[:12], said[-100:], before, self.usage())
        self.check('bodies', 30, 2 * 4)

    def test_many_that_wait_keep_nobody_waiting(self):
        """Connections that say nothing, or a byte now and then, or have sent most of a body."""
        held = [self.connect() for _ in range(300)]
        for i, connection in enumerate(held):
            connection.sendall((b'', b'POST', body(b' ' * 100000)[:-1])[i % 3])
        for _ in range(10):
            for connection in held[1::3]:
                connection.sendall(b'x')
        self.assertLess(self.answers(), 5)
        self.check('300 that wait', 10, 2 * 10)

    def test_bodies_that_are_held_are_bounded(self):
        """4 MB of a body, of as many clients as there are places."""
        for _ in range(400):
            connection = self.connect()
            connection.setblocking(False)
            try:
                connection.sendall(POST + b'Content-Length: 4000001\r\n\r\n')
                for _ in range(61):
                    connection.setblocking(True)
                    connection.settimeout(0.5)
                    connection.sendall(b' ' * 65536)
            except OSError:
                pass
        self.check('bodies that are held', 30, 150)

    def test_an_end_is_heeded_meanwhile(self):
        for begin in (b'', b'GET /', CHUNKED + b'1\r\n \r\n', body(json.dumps(
                {'model': 'demo', 'prompt': 'x', 'max_tokens': 900, 'stream': True}).encode())):
            self.connect().sendall(begin)
        began = time.monotonic()
        self.server.process.send_signal(signal.SIGTERM)
        self.server.process.wait(30)
        self.assertLess(time.monotonic() - began, 15)


if __name__ == '__main__':
    unittest.main()
