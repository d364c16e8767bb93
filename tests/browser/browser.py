"""Headless Chromium for the tests: one page, driven over the DevTools protocol through two pipes.

Python's standard library only.  The protocol: one JSON object per message, each ended by NUL; the
browser reads them from its descriptor 3 and answers on 4.  No port is opened.
"""
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome')
FLAGS = ('--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
         '--disable-extensions', '--disable-background-networking', '--disable-sync',
         '--disable-component-update', '--no-default-browser-check', '--mute-audio',
         '--password-store=basic', '--force-device-scale-factor=1', '--window-size=1200,900',
         '--remote-debugging-pipe')
PATIENCE = 20  # seconds for one answer, on a busy machine


def find():
    """The browser's path, or None."""
    for name in filter(None, (os.environ.get('SAFECONF_BROWSER'), *NAMES)):
        path = shutil.which(name)
        if path:
            return path
    return None


class Browser:
    def __init__(self, path):
        self.profile = tempfile.mkdtemp(prefix='safeconf-browser-')
        self.count, self.buffer, self.events, self.session = 0, b'', [], None
        there, self.write_to = (high(fd) for fd in os.pipe())
        self.read_from, back = (high(fd) for fd in os.pipe())
        null = os.path.join(self.profile, 'stderr')
        try:
            # A group of its own, so that its helper processes end with it.
            self.pid = os.posix_spawn(
                path, [path, *FLAGS, f'--user-data-dir={self.profile}', 'about:blank'],
                dict(os.environ, HOME=self.profile), setpgroup=0, file_actions=[
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, null, os.O_WRONLY | os.O_CREAT, 0o600),
                    (os.POSIX_SPAWN_DUP2, there, 3), (os.POSIX_SPAWN_DUP2, back, 4)])
        finally:
            os.close(there)
            os.close(back)
        try:
            target = self.call('Target.createTarget', url='about:blank')['targetId']
            self.session = self.call('Target.attachToTarget', targetId=target,
                                     flatten=True)['sessionId']
            for domain in ('Page', 'Runtime', 'Log', 'Network'):
                self.call(domain + '.enable')
        except BaseException:
            self.close()
            raise

    def close(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.write_to)
        os.close(self.read_from)
        for _ in range(20):  # its helpers may still write for a moment
            shutil.rmtree(self.profile, ignore_errors=True)
            if not os.path.exists(self.profile):
                break
            time.sleep(0.1)

    def receive(self, until):
        """The next message."""
        while b'\0' not in self.buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.read_from], [], [], left)[0]:
                raise TimeoutError('the browser does not answer')
            piece = os.read(self.read_from, 1 << 16)
            if not piece:
                raise RuntimeError('the browser ended: ' + self.last_words())
            self.buffer += piece
        message, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(message)

    def last_words(self):
        try:
            with open(os.path.join(self.profile, 'stderr'), errors='replace') as file:
                return file.read()[-600:]
        except OSError:
            return '(nothing)'

    def call(self, method, **parameters):
        self.count += 1
        message = {'id': self.count, 'method': method, 'params': parameters}
        if self.session:
            message['sessionId'] = self.session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self.write_to, data):]
        until = time.monotonic() + PATIENCE
        while True:
            answer = self.receive(until)
            if answer.get('id') != self.count:
                self.events.append(answer)
            elif 'error' in answer:
                raise RuntimeError(f'{method}: {answer["error"]}')
            else:
                return answer['result']

    def events_of(self, method):
        return [e['params'] for e in self.events if e.get('method') == method]

    def open(self, address):
        """A fresh load, also where only the fragment differs; forgets earlier events."""
        self.call('Page.navigate', url='about:blank')
        self.wait("location.href === 'about:blank'")
        self.events.clear()
        result = self.call('Page.navigate', url=address)
        if result.get('errorText'):
            raise RuntimeError(f'{address}: {result["errorText"]}')
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete'")

    def evaluate(self, script):
        """The value of a script, once the page has read what it was reading."""
        until = time.monotonic() + PATIENCE
        while self.run('document.querySelector("[aria-busy=true]") !== null') and time.monotonic() < until:
            time.sleep(0.01)
        return self.run(script)

    def run(self, script):
        """The same at once."""
        result = self.call('Runtime.evaluate', expression=script, returnByValue=True,
                           awaitPromise=True)
        if 'exceptionDetails' in result:
            raise RuntimeError(f'{script}: {result["exceptionDetails"]}')
        return result['result'].get('value')

    def wait(self, script):
        """Until the script is true."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                if self.evaluate(script):
                    return
            except RuntimeError as error:  # the page went away under the script
                if 'context' not in str(error) and 'navigated' not in str(error):
                    raise
            if time.monotonic() > until:
                raise TimeoutError(f'still not so: {script}')
            time.sleep(0.03)


def high(descriptor):
    """The same file under a number that no later dup2 to 3 or 4 can hit."""
    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return copy
