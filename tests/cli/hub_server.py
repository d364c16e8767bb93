"""A hub for tests: models' repositories over the interface of the Hugging Face hub, well or badly.

Repositories are folders' contents at revisions; large files are sent on to another host (the same
server under another name), which must not see the token.  What a request gets is chosen by
`fault(request) -> word or None`; every request is kept.  Python's standard library only.
"""
import hashlib
import http.server
import json
import os
import re
import threading
import time
import urllib.parse

from local_server import LocalServer


LARGE = 200_000  # bytes from which a file is kept in large-file storage


def git_sha1(content):
    return hashlib.sha1(b'blob %d\0' % len(content) + content).hexdigest()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def read_folder(folder):
    files = {}
    for name in os.listdir(folder):
        if os.path.isfile(os.path.join(folder, name)):
            with open(os.path.join(folder, name), 'rb') as file:
                files[name] = file.read()
    return files


class Repository:
    """Files of one commit; several names may stand for it (branches, tags)."""

    def __init__(self, files, gated=False):
        self.files, self.gated = files, gated
        self.commit = hashlib.sha1(json.dumps({n: sha256(c) for n, c in sorted(files.items())}).encode()).hexdigest()

    def etag(self, name):
        content = self.files[name]
        return sha256(content) if len(content) >= LARGE else git_sha1(content)

    def sibling(self, name):
        content = self.files[name]
        out = {'rfilename': name, 'size': len(content), 'blobId': git_sha1(content)}
        if len(content) >= LARGE:
            out['lfs'] = {'sha256': sha256(content), 'size': len(content), 'pointerSize': 134}
        return out


class Request:
    def __init__(self, number, handler):
        self.number, self.method, self.path = number, handler.command, handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.host = self.headers.get('host', '')
        self.token = self.headers.get('authorization')
        self.range = self.headers.get('range')


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        hub = self.server.owner
        with hub.lock:
            request = Request(len(hub.requests), self)
            hub.requests.append(request)
        fault = hub.fault(request)
        try:
            self.answer(hub, request, fault)
        except (BrokenPipeError, ConnectionResetError):
            pass

    # ---- what there is ----------------------------------------------------------------------

    def answer(self, hub, request, fault):
        path = urllib.parse.urlsplit(request.path).path
        if isinstance(fault, int):
            headers = {'Retry-After': '0'} if fault in (429, 503) else {}
            return self.refuse(fault, hub.codes.get(fault, ''), headers)
        listing = re.fullmatch(r'/api/models/([^/]+/[^/]+)(?:/revision/(.+))?', path)
        if listing:
            return self.list(hub, listing[1], urllib.parse.unquote(listing[2] or 'main'), fault)
        tree = re.fullmatch(r'/api/models/([^/]+/[^/]+)/tree/(.+)', path)
        if tree:
            return self.tree(hub, tree[1], urllib.parse.unquote(tree[2]))
        store = re.fullmatch(r'/storage/([0-9a-f]{64})', path)
        if store:
            return self.send_content(hub.contents[store[1]], store[1], {}, fault)
        file = re.fullmatch(r'/([^/]+/[^/]+)/resolve/([^/]+)/(.+)', path)
        if file:
            return self.resolve(hub, file[1], urllib.parse.unquote(file[2]), urllib.parse.unquote(file[3]), fault)
        return self.refuse(404, 'EntryNotFound')

    def find(self, hub, name, revision):
        revisions = hub.repositories.get(name)
        if revisions is None:
            self.refuse(401 if self.headers.get('Authorization') is None else 404, 'RepoNotFound')
            return None
        repository = revisions.get(revision)
        if repository is None:
            self.refuse(404, 'RevisionNotFound')
        return repository

    def list(self, hub, name, revision, fault):
        repository = self.find(hub, name, revision)
        if repository is None:
            return
        body = {'id': name, 'sha': repository.commit, 'gated': 'manual' if repository.gated else False,
                'siblings': [repository.sibling(file) for file in sorted(repository.files)]}
        if fault == 'bare listing':  # as without ?blobs=true
            body['siblings'] = [{'rfilename': file} for file in sorted(repository.files)]
        if callable(fault):
            body = fault(body)
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.start(200, {'Content-Type': 'application/json', 'Content-Length': len(text)})
        if self.command != 'HEAD':
            self.wfile.write(text)

    def tree(self, hub, name, revision):
        repository = self.find(hub, name, revision)
        if repository is None:
            return
        entries = []
        for file in sorted(repository.files):
            sibling = repository.sibling(file)
            entry = {'type': 'file', 'path': file, 'size': sibling['size'], 'oid': sibling['blobId']}
            if 'lfs' in sibling:
                entry['lfs'] = {'oid': sibling['lfs']['sha256'], 'size': sibling['size'], 'pointerSize': 134}
            entries.append(entry)
        text = json.dumps(entries).encode()
        self.start(200, {'Content-Type': 'application/json', 'Content-Length': len(text)})
        self.wfile.write(text)

    def resolve(self, hub, name, revision, file, fault):
        repository = self.find(hub, name, revision)
        if repository is None:
            return
        if repository.gated and self.headers.get('Authorization') != 'Bearer ' + hub.token:
            self.refuse(401 if self.headers.get('Authorization') is None else 403, 'GatedRepo')
            return
        if file not in repository.files:
            self.refuse(404, 'EntryNotFound')
            return
        content, etag = repository.files[file], repository.etag(file)
        headers = {'X-Repo-Commit': repository.commit}
        if len(content) < LARGE or fault == 'at home':
            self.send_content(content, etag, headers, fault)
            return
        headers.update({'X-Linked-ETag': '"%s"' % etag, 'X-Linked-Size': len(content), 'Content-Length': 0,
                        'Location': '%s/storage/%s?signature=1' % (hub.away, etag)})
        self.start(302, headers)

    # ---- how it is sent ---------------------------------------------------------------------

    def start(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def refuse(self, status, code, headers=None):
        text = b'{"error":"no"}'
        headers = dict(headers or {}, **{'Content-Length': len(text)})
        if code:
            headers['X-Error-Code'] = code
        self.start(status, headers)
        if self.command != 'HEAD':
            self.wfile.write(text)

    def send_content(self, content, etag, headers, fault):
        hub = self.server.owner
        if fault == 'another content':
            content = content[:-1] + bytes([content[-1] ^ 1])
        if fault == 'shorter':
            content = content[:-7]
        headers = dict(headers, ETag='"%s"' % etag)
        begin, status = 0, 200
        wanted = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range') or '')
        if wanted and fault != 'no ranges' and self.headers.get('If-Range') in (None, '"%s"' % etag):
            begin, status = int(wanted[1]), 206
            if begin >= len(content):
                self.refuse(416, '')
                return
            headers['Content-Range'] = 'bytes %d-%d/%d' % (begin, len(content) - 1, len(content))
        piece = content[begin:]
        headers['Content-Length'] = len(piece)
        self.start(status, headers)
        if self.command == 'HEAD':
            return
        if fault == 'cut':
            self.wfile.write(piece[:len(piece) // 3])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
            return
        step = 20_000 if hub.pause or fault == 'hang' else len(piece) or 1
        for at in range(0, len(piece), step):
            self.wfile.write(piece[at:at + step])
            hub.sent += len(piece[at:at + step])
            if fault == 'hang':
                hub.stopped.wait(20)
                return
            time.sleep(hub.pause)


class Hub(LocalServer):
    """with Hub() as hub: hub.add('owner/model', folder); HF_ENDPOINT=hub.url"""

    handler = Handler

    def __init__(self, token='hf_test_token', certificate=None):
        self.repositories, self.contents = {}, {}
        self.token, self.fault, self.pause, self.sent = token, lambda request: None, 0, 0
        self.codes = {}  # X-Error-Code of statuses that fault gives
        super().__init__(certificate)  # for 127.0.0.1 and localhost
        self.url = self.at('')
        self.away = self.url.replace('127.0.0.1', 'localhost')

    def add(self, name, files, revisions=('main',), gated=False):
        """files: a folder, or a dictionary of contents by name."""
        if isinstance(files, str):
            files = read_folder(files)
        repository = Repository(files, gated)
        for content in files.values():
            self.contents[sha256(content)] = content
        at = self.repositories.setdefault(name, {})
        for revision in (repository.commit, *revisions):
            at[revision] = repository
        return repository

    def asked(self, part):
        return [request for request in self.requests if part in request.path]


if __name__ == '__main__':  # hub_server.py OWNER/MODEL FOLDER ...: until it is interrupted
    import sys
    with Hub() as running:
        for model, folder in zip(sys.argv[1::2], sys.argv[2::2]):
            running.add(model, folder)
        print('HF_ENDPOINT=' + running.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
