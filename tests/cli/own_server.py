"""`safeconf serve` for tests: started at a free port, asked with http.client.  Python's standard library only."""
import http.client
import json
import os
import re
import signal
import subprocess
import threading

from program import PROGRAM

# Seconds that anything may take before a test fails: nothing waits for them but what hangs, and a sanitizer on a busy
# machine takes its time.
PATIENCE = 300


class OwnServer:
    def __init__(self, *options, model='demo', env=None):
        self.process = subprocess.Popen([PROGRAM, 'serve', '--model', model, '--port', '0', '--quiet',
                                         *map(str, options)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        text=True, env=dict(os.environ, **(env or {})))
        line = self.process.stderr.readline()
        found = re.search(r'listening at http://(\S+):(\d+)/v1', line)
        if found is None:
            self.process.wait()
            raise AssertionError(f'the server did not start: {line}{self.process.stderr.read()}')
        self.port = int(found.group(2))
        self.url = f'http://127.0.0.1:{self.port}/v1'

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE):
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def post(self, path, request, **headers):
        return self.request('POST', path, json.dumps(request),
                            {'Content-Type': 'application/json', **headers})

    def ask(self, path, request):
        """The answer of a good request."""
        status, _, body = self.post(path, request)
        assert status == 200, (status, body)
        return json.loads(body)

    def chat(self, **fields):
        return self.ask('/v1/chat/completions', fields)

    def complete(self, **fields):
        return self.ask('/v1/completions', fields)

    def events(self, path, request):
        """What a stream says, event by event."""
        status, headers, body = self.post(path, dict(request, stream=True))
        assert status == 200 and headers['Content-Type'] == 'text/event-stream', (status, body)
        lines = [line for line in body.split('\n') if line]
        assert all(line.startswith('data: ') for line in lines) and lines[-1] == 'data: [DONE]', body
        return [json.loads(line[6:]) for line in lines[:-1]]

    def metrics(self):
        _, _, body = self.request('GET', '/metrics')
        return {name: float(value) for name, value in re.findall(r'^safeconf_(\w+) (\S+)$', body, re.M)}

    def stop(self, number=signal.SIGTERM):
        """Ends it; its exit status, and what it said since."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        said = self.process.communicate(timeout=PATIENCE)[1]
        return self.process.returncode, said

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


def side_by_side(functions):
    """Runs all at once; what they return, in order."""
    results = [None] * len(functions)

    def run(i):
        results[i] = functions[i]()
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
