"""A server of models that says one text wherever a server can say something: in answers whole and streamed, in its
list of models, headers, errors, redirections, tokens.  Python's standard library only.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from local_server import LocalHandler, LocalServer  # noqa: E402


class Handler(LocalHandler):
    def text(self):
        owner = self.server.owner
        key = (self.headers.get('Authorization') or 'Bearer none')[7:]
        with owner.lock:
            owner.keys.add(key)
        return owner.says(key)

    def send(self, status, body, kind='application/json', headers=()):
        self.send_response(status)
        for name, value in (('Content-Type', kind), ('Content-Length', str(len(body))), *headers, *self.spoken_headers()):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def spoken_headers(self):
        """What can stand in a header."""
        line = ''.join(c for c in self.text() if c not in '\r\n' and ord(c) < 256)
        return (('X-Request-Id', line), ('Server', line), ('X-Error-Message', line), ('X-Error-Code', line), ('WWW-Authenticate', line))

    def do_GET(self):
        text, owner = self.text(), self.server.owner
        if owner.mode == 'errors':
            return self.send(500, text.encode('utf-8', 'surrogatepass'), 'text/plain')
        if self.path.endswith('/models'):
            return self.send(200, json.dumps({'object': 'list', 'data': [
                {'id': 'toy', 'object': 'model', 'owned_by': text, 'root': text}, {'id': text, 'owned_by': 'vllm'}]}).encode())
        return self.send(200, json.dumps({'version': text, 'build_info': text, 'model_path': text, 'status': text}).encode())

    do_HEAD = do_GET

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers.get('Content-Length') or 0)))
        text, mode = self.text(), self.server.owner.mode
        with self.server.owner.lock:
            self.server.owner.requests.append(request)
        status = {'errors': 400, 'refusals': 401, 'failures': 500}.get(mode)
        if status:
            return self.send(status, json.dumps({'error': {'message': text, 'type': text, 'code': text, 'param': text}}).encode())
        if mode == 'pages':
            return self.send(404, ('<html>' + text).encode('utf-8', 'surrogatepass'), 'text/html')
        if mode == 'no json':
            return self.send(200, ('{"choices": ' + text).encode('utf-8', 'surrogatepass'))
        if mode == 'redirects':
            line = ''.join(c for c in text if ' ' < c < '\x7f')
            return self.send(307, b'', headers=(('Location', f'http://127.0.0.1:{self.server.owner.port}/v1/{line}'),))
        return self.stream(request, text) if request.get('stream') else self.whole(request, text)

    def tokens(self, request, text):
        if not request.get('logprobs'):
            return None
        if 'messages' in request:
            return {'content': [{'token': text, 'logprob': -0.5, 'bytes': list(text.encode('utf-8', 'surrogatepass')),
                                 'top_logprobs': [{'token': text, 'logprob': -0.5, 'bytes': None}, {'token': 'x', 'logprob': -1.5, 'bytes': [120]}]}]}
        return {'tokens': [text], 'token_logprobs': [-0.5], 'top_logprobs': [{text: -0.5, 'x': -1.5}], 'text_offset': [0]}

    def choice(self, request, text, key='message', finish=None):
        out = {'index': 0, 'finish_reason': finish, 'logprobs': self.tokens(request, text)}
        if 'messages' in request:
            out[key] = {'role': 'assistant', 'content': text, 'reasoning_content': text}
        else:
            out['text'] = text
        return out

    def whole(self, request, text):
        self.send(200, json.dumps({'id': text, 'model': text, 'system_fingerprint': text, 'choices': [self.choice(request, text, finish=text)],
                                   'usage': {'prompt_tokens': 3, 'completion_tokens': 1}}).encode())

    def stream(self, request, text):
        """A piece of a few characters in each event, events cut anywhere by chunks."""
        pieces = [text[i:i + 5] for i in range(0, len(text), 5)] if len(text) < 2000 else [text]
        events = [{'id': text, 'model': text, 'choices': [self.choice(request, piece, 'delta')]} for piece in pieces]
        last = self.choice(request, '', 'delta', finish=text)
        last['logprobs'] = None
        broken = self.server.owner.mode == 'broken streams'
        events.append({'error': {'message': text}} if broken else {'model': text, 'choices': [last]})
        data = ''.join(f'data: {json.dumps(event)}\n\n' for event in events).encode() + b'data: [DONE]\n\n'
        self.send_response(200)
        for name, value in (('Content-Type', 'text/event-stream'), ('Transfer-Encoding', 'chunked'), *self.spoken_headers()):
            self.send_header(name, value)
        self.end_headers()
        for i in range(0, len(data), 777):
            piece = data[i:i + 777]
            self.wfile.write(b'%x\r\n%s\r\n' % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b'0\r\n\r\n')


class TalkingServer(LocalServer):
    """says: a function of the key that a request came with; mode: 'answers' or a way of failing."""

    handler = Handler
    MODES = ('answers', 'broken streams', 'errors', 'refusals', 'failures', 'pages', 'no json', 'redirects')

    def __init__(self, says, mode='answers'):
        self.says, self.mode, self.keys = says, mode, set()
        super().__init__()
        self.url = self.at('/v1')
