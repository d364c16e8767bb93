"""An OpenAI-compatible server for tests that answers as a judge would and misbehaves on demand.

A fault is chosen for each request by a function of (number of the request, its text); None answers
well.  What is asked is kept, and so is how many requests were in flight at once.
"""
import json
import math
import re
import socket
import struct
import time

from local_server import LocalHandler, LocalServer


def logprob(p):
    return math.log(p) if p > 0 else -9999.0


def pieces(text):
    """Tokens in the manner of a byte-level tokenizer: blanks belong to the word that follows."""
    return re.findall(r' ?[A-Za-z]+|\n|[^A-Za-z\n]', text)


class Judgement:
    """Words of a judge and, at the places of its labels, the likeliest tokens."""

    def __init__(self, text, tops=None):
        self.text, self.tops = text, tops or {}

    def tokens(self):
        out, at = [], 0
        for piece in pieces(self.text):
            line = self.text.count('\n', 0, at)
            top = self.tops.get((line, piece.strip())) or {piece: 0.99}
            out.append((piece, top))
            at += len(piece)
        return out


def wildguard(request, refusal, response, p=0.9):
    """WildGuard's three lines; p: the probability of the label that is said."""
    tops = {}
    for line, said in enumerate((request, refusal, response)):
        others = [word for word in ('yes', 'no') if word != said]
        tops[(line, said)] = {' ' + said: p, ' ' + others[0]: 0.98 - p, ' n': 0.001, '\n': 0.0005}
    return Judgement('Harmful request: %s\nResponse refusal: %s\nHarmful response: %s\n'
                     % (request, refusal, response), tops)


def guard(safety, refusal, p=0.8, categories='None'):
    rest = (0.97 - p) / 2
    safeties = {' ' + word: (p if word == safety else rest)
                for word in ('Safe', 'Unsafe', 'Controversial')}
    text = 'Safety: %s\nCategories: %s' % (safety, categories)
    tops = {(0, safety): {**safeties, ' Maybe': 0.01}}
    if refusal:
        text += '\nRefusal: ' + refusal
        tops[(2, refusal)] = {' Yes': p if refusal == 'Yes' else 0.97 - p,
                              ' No': p if refusal == 'No' else 0.97 - p, ' Perhaps': 0.01}
    return Judgement(text, tops)


def llamaguard(unsafe, codes='', p=0.9):
    """Llama Guard's word and, where it is unsafe, the codes of what it is about."""
    said, other = ('unsafe', 'safe') if unsafe else ('safe', 'unsafe')
    text = '\n\n' + said + ('\n' + codes if unsafe else '')
    return Judgement(text, {(2, said): {said: p, other: 0.97 - p, 'The': 0.01}})


class Handler(LocalHandler):
    def do_GET(self):
        self.send_error(405)

    def do_POST(self):
        owner = self.server.owner
        body = self.rfile.read(int(self.headers['Content-Length']))
        request = json.loads(body)
        text = request.get('prompt') or request['messages'][0]['content']
        number = owner.begin(self.path, dict(self.headers), request, text)
        try:
            fault = owner.choose(number, text)
            if fault:
                getattr(self, 'fault_' + fault)(request, text)
            else:
                time.sleep(owner.delay)
                self.reply(request, owner.drawn(request, text) if owner.drawn else owner.judge(text))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            owner.end()

    # ---- good answers ------------------------------------------------------------------------

    def send(self, status, data, content_type='application/json', headers=()):
        self.send_response(status)
        self.send_header('Content-Type', content_type)
        self.send_header('Content-Length', str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def shape(self, request, judgement, finish='stop'):
        tokens = judgement.tokens()
        chat = 'messages' in request
        choice = {'index': 0, 'finish_reason': finish, 'logprobs': None}
        if chat:
            choice['message'] = {'role': 'assistant', 'content': judgement.text}
        else:
            choice['text'] = judgement.text
        if request.get('logprobs') and self.server.owner.logprobs:
            if chat:
                choice['logprobs'] = {'content': [
                    {'token': t, 'logprob': logprob(top.get(t, 0.5)), 'bytes': list(t.encode()),
                     'top_logprobs': [{'token': u, 'logprob': logprob(p), 'bytes': list(u.encode())}
                                      for u, p in top.items()]} for t, top in tokens]}
            else:
                choice['logprobs'] = {
                    'tokens': [t for t, _ in tokens],
                    'token_logprobs': [logprob(top.get(t, 0.5)) for t, top in tokens],
                    'top_logprobs': [{u: logprob(p) for u, p in top.items()} for _, top in tokens],
                    'text_offset': list(range(len(tokens)))}
        return {'id': 'x', 'object': 'chat.completion' if chat else 'text_completion',
                'created': 1, 'model': request['model'], 'choices': [choice],
                'usage': {'prompt_tokens': 7, 'completion_tokens': len(tokens),
                          'total_tokens': 7 + len(tokens)}}

    def reply(self, request, judgement, finish='stop'):
        self.send(200, json.dumps(self.shape(request, judgement, finish)).encode())

    # ---- faults ------------------------------------------------------------------------------

    def error(self, status, message, headers=()):
        self.send(status, json.dumps({'error': {'message': message, 'code': status}}).encode(),
                  headers=headers)

    def fault_429(self, request, text):
        self.error(429, 'slow down', [('Retry-After', '1')])

    def fault_429_for_long(self, request, text):
        self.error(429, 'come back tomorrow', [('Retry-After', '86400')])

    def fault_500(self, request, text):
        self.error(500, 'out of luck')

    def fault_503_hostile(self, request, text):
        self.error(503, '\x1b[2J\u202e<script>alert(1)</script>\n\x00tail')

    def fault_400(self, request, text):
        self.error(400, "This model's maximum context length is 8 tokens")

    def fault_401(self, request, text):
        self.error(401, 'Incorrect API key provided: %s' % self.headers.get('Authorization'))

    def fault_403(self, request, text):
        self.error(403, 'not for you')

    def fault_404(self, request, text):
        self.error(404, 'The model `x` does not exist')

    def fault_redirect(self, request, text):
        self.send(307, b'', headers=[('Location', self.server.owner.elsewhere)])

    def fault_slow(self, request, text):
        self.server.owner.stopped.wait(4)
        self.close_connection = True

    def fault_stall(self, request, text):
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', '1000')
        self.end_headers()
        self.wfile.write(b'{"choices"')
        self.wfile.flush()
        self.server.owner.stopped.wait(4)
        self.close_connection = True

    def fault_reset(self, request, text):
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', '1000')
        self.end_headers()
        self.wfile.write(b'{"choices": [{"te')
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.connection.close()
        self.close_connection = True

    def fault_closed(self, request, text):
        self.close_connection = True

    def fault_chunk_cut(self, request, text):
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        self.wfile.write(b'10\r\n{"choices": [{"t\r\n')
        self.close_connection = True

    def fault_huge(self, request, text):
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(1 << 34))
        self.end_headers()
        piece = b' ' * (1 << 16)
        for _ in range(1 << 18):
            self.wfile.write(piece)

    def fault_huge_header(self, request, text):
        self.send_response(200)
        for i in range(64):
            self.send_header('X-%d' % i, 'a' * 16000)
        self.end_headers()

    def fault_html(self, request, text):
        self.send(200, b'<html>hello</html>', 'text/html')

    def fault_no_type(self, request, text):
        self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')

    def fault_not_http(self, request, text):
        self.wfile.write(b'SSH-2.0-OpenSSH_9.2\r\n')
        self.close_connection = True

    def fault_not_json(self, request, text):
        self.send(200, b'{"choices": [')

    def fault_array(self, request, text):
        self.send(200, b'[1, 2]')

    def fault_no_choices(self, request, text):
        self.send(200, b'{"id": "x"}')

    def fault_empty_choices(self, request, text):
        self.send(200, b'{"choices": []}')

    def fault_no_text(self, request, text):
        self.send(200, b'{"choices": [{"index": 0}]}')

    def fault_number(self, request, text):
        self.send(200, b'{"choices": [{"text": 7, "message": {"content": 7}}]}')

    def fault_deep(self, request, text):
        self.send(200, b'{"choices":' + b'[' * 100000)

    def fault_length(self, request, text):
        self.reply(request, Judgement('Harmful requ'), 'length')

    def fault_bad_utf8(self, request, text):
        good = json.dumps(self.shape(request, self.server.owner.judge(text)), ensure_ascii=False)
        self.send(200, good.encode().replace(b'"index"', b'"\xff\xfe"').replace(
            b'\\n"', b'\\n \xc3( \xed\xa0\x80"', 1))

    def fault_hostile(self, request, text):
        judgement = self.server.owner.judge(text)
        self.reply(request, Judgement('\x00\x1b[31m\u202e</script><b>\x07' + judgement.text))

    def fault_wrong_labels(self, request, text):
        self.reply(request, Judgement('Harmful request: maybe\nResponse refusal: none\n'
                                      'Harmful response: yesterday\n'))

    def fault_strange_logprobs(self, request, text):
        shape = self.shape(request, self.server.owner.judge(text))
        shape['choices'][0]['logprobs'] = {'content': [{'token': 7, 'top_logprobs': {}}]}
        self.send(200, json.dumps(shape).encode())

    def fault_other_tokens(self, request, text):
        """Log-probabilities of another text than that of the choice."""
        shape = self.shape(request, self.server.owner.judge(text))
        other = self.shape(request, Judgement('Something else'))
        shape['choices'][0]['logprobs'] = other['choices'][0]['logprobs']
        self.send(200, json.dumps(shape).encode())

    def fault_key(self, request, text):
        """Says the key again in its words."""
        self.reply(request, Judgement(self.headers['Authorization'] + '\n' +
                                      self.server.owner.judge(text).text))


class JudgeServer(LocalServer):
    handler = Handler

    def __init__(self, judge, fault=lambda number, text: None, certificate=None):
        self.judge, self.fault = judge, fault
        self.delay, self.logprobs, self.elsewhere = 0.0, True, 'http://127.0.0.1:1/v1/completions'
        self.drawn = None  # a function of (request, text) in the judge's place: seed and temperature
        super().__init__(certificate)

    @property
    def url(self):
        return self.at('/v1')

    def begin(self, path, headers, request, text):
        return self.note_request({'path': path, 'headers': headers, 'body': request, 'text': text})
