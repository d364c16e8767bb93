"""A server that speaks what homes of data sets speak, for the tests: files of the hub and of public
repositories, what the hub says of a set, and its rows.  Content is made up.  Standard library only.
"""
import http.server
import json
import threading
import urllib.parse

COMMIT = '0123456789abcdef0123456789abcdef01234567'


class Sets:
    """files: bytes by the end of a path; rows: lists of objects by (config, split); token: what gated paths
    want; gated: parts of paths; asked: the paths that were asked for, with the token that came."""

    def __init__(self, files=None, rows=None, gated=(), token=None):
        self.files, self.rows, self.gated, self.token = files or {}, rows or {}, gated, token
        self.commit, self.asked, self.cut_cell, self.slow_down = COMMIT, [], None, 0
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), self.handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f'http://127.0.0.1:{self.server.server_port}'

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def environment(self, home):
        """Variables with which the program asks this server alone and keeps what it gets in `home`."""
        return {'HF_ENDPOINT': self.address, 'HF_DATASETS_SERVER': self.address, 'SAFECONF_RAW_ENDPOINT': self.address,
                'HOME': home, 'HF_HOME': home + '/hf', 'HF_TOKEN': '', 'HF_TOKEN_PATH': '', 'HF_HUB_OFFLINE': '',
                'XDG_DATA_HOME': '', 'SAFECONF_DATA': '', 'no_proxy': '*'}

    def answer(self, path, query, token):
        """(status, headers, body)"""
        if any(part in path for part in self.gated) and token != f'Bearer {self.token}':
            return (403 if token else 401), {'X-Error-Code': 'GatedRepo'}, b'{"error":"gated"}'
        if path.startswith('/api/datasets/'):
            return 200, {}, json.dumps({'sha': self.commit}).encode()
        if path == '/rows':
            return self.page(query, token)
        for name, content in self.files.items():
            if path.endswith(urllib.parse.quote(name)):
                return 200, {'ETag': f'"{len(content)}"'}, content
        return 404, {}, b'not here'

    def page(self, query, token):
        if self.gated and token != f'Bearer {self.token}':
            return 401, {}, b'{"error":"The dataset is not accessible without authentication."}'
        if self.slow_down > 0:
            self.slow_down -= 1
            return 429, {'Retry-After': '0'}, b''
        rows = self.rows.get((query['config'], query['split']))
        if rows is None:
            return 404, {}, b'{"error":"no such split"}'
        first, length = int(query['offset']), int(query['length'])
        items = [{'row_idx': i, 'row': rows[i], 'truncated_cells': ['prompt'] if i == self.cut_cell else []}
                 for i in range(first, min(first + length, len(rows)))]
        names = [{'feature_idx': i, 'name': name} for i, name in enumerate(rows[0])]
        return 200, {}, json.dumps({'features': names, 'rows': items, 'num_rows_total': len(rows),
                                    'num_rows_per_page': 100, 'partial': False}).encode()

    def handler(self):
        sets = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                token = self.headers.get('Authorization')
                sets.asked.append((self.path, token))
                status, headers, body = sets.answer(url.path, query, token)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        return Handler
