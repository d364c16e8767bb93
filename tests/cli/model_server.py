"""A server with OpenAI's two interfaces for tests: a toy model with exact figures, many manners, many faults.

The first part of a path chooses manners, joined by "+": http://127.0.0.1:PORT/processed+few/v1.  MANNERS has what
each does.  A fault is chosen for each request by a function of (its number, its body); None answers well.  Python's
standard library only.

  with ModelServer() as server: ... server.url('processed') ... server.answers
  python3 tests/cli/model_server.py --port 8000 [--manner vllm+slow] [--model NAME]
"""
import argparse
import gzip
import hashlib
import http.server
import json
import math
import random
import select
import socket
import ssl
import struct
import threading
import time
import urllib.parse

from local_server import LocalServer


MANNERS = {
    'raw': "log-probabilities before temperature and filters, as many as 20 (what holds without a manner)",
    'processed': "log-probabilities after temperature",
    'filtered': "with processed: after top_k and top_p too, what is left out is not listed",
    'noisy': "log-probabilities are off by some hundredths, another way each time",
    'few': "at most 5 log-probabilities; more are cut off without a word",
    'refuses_many': "more than 5 log-probabilities are a 400",
    'one': "the chosen token's log-probability alone",
    'none': "no log-probabilities",
    'no_end': "the end token is not among the tokens that are listed",
    'no_bytes': "no lists of bytes: halves of characters are U+FFFD",
    'random': "the seed is read and means nothing",
    'no_seed': "a seed is a 400",
    'no_stream': "answers are whole, whatever was asked",
    'no_ids': "a prompt of ids is a 400",
    'fails_ids': "a prompt of ids is a 500, as llama-cpp-python has it",
    'no_usage': "no counts",
    'chat_only': "no /completions",
    'completions_only': "no /chat/completions",
    'no_models': "no /models",
    'completion_tokens': "a chat's max_tokens is a 400 that names max_completion_tokens",
    'fixed_sampling': "temperature and top_p are a 400",
    'no_kwargs': "chat_template_kwargs are a 400",
    'strict': "fields beyond OpenAI's own are a 400",
    'slow': "a word every 5 ms",
    'reasoning': "a chat's answer has words in reasoning_content before its text",
    'think': "the text begins with <think>...</think>, unless the template is told not to",
    'content_filter': "every answer ends with content_filter",
    'refusal': "a chat's answer has a refusal in the place of its content",
    'key': "the API key is in everything that is said",
    'vllm': "what vLLM says of itself", 'llama': "what llama.cpp says", 'sglang': "what SGLang says",
}
WORDS = [' ' + w for w in dict.fromkeys(
    "I can't help with that . sorry but cannot it is something will do here are three steps first check the lock then "
    "call a person who knows you may also ask for advice because this matters to people and should be safe".split())]
HALVES = [b' caf\xc3', b'\xa9']  # of one character: the second follows the first, always
PIECES = [w.encode() for w in WORDS] + HALVES
END = len(PIECES)
STANDARD = {'model', 'prompt', 'messages', 'max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'n', 'stream',
            'stream_options', 'logprobs', 'top_logprobs', 'seed', 'stop', 'echo', 'user', 'presence_penalty',
            'frequency_penalty', 'logit_bias', 'best_of', 'suffix', 'response_format', 'tools'}


def piece(i):
    return b'<end>' if i == END else PIECES[i]


def logits(context):
    """Of the token after a context (bytes): they depend on its last words."""
    if context.endswith(HALVES[0]):
        return [-40.0 if i != END - 1 else 40.0 for i in range(END + 1)]
    last = context.split()[-2:]
    draw = random.Random(hashlib.sha256(b'|'.join(last)).digest())
    z = [draw.gauss(0, 2) for _ in range(END + 1)]
    z[END - 1] = -40.0
    z[END] += 0.5
    return z


def log_softmax(z, temperature=1.0):
    z = [x / temperature for x in z]
    top = max(z)
    total = top + math.log(sum(math.exp(x - top) for x in z))
    return [x - total for x in z]


def kept(p, top_k, top_p):
    """Tokens that the filters leave, likeliest first."""
    order = sorted(range(END + 1), key=lambda i: -p[i])
    if top_k and top_k > 0:
        order = order[:top_k]
    mass, out = 0.0, []
    for i in order:
        out.append(i)
        mass += math.exp(p[i])
        if top_p is not None and mass >= top_p:
            break
    return out


def generate(context, most, options, draw, manners):
    """Yields (id, log-probability, [(id, log-probability)] likeliest first) of each token."""
    temperature = options['temperature']
    for _ in range(most):
        z = logits(context)
        raw = log_softmax(z)
        p = log_softmax(z, temperature) if temperature > 0 else raw
        left = kept(p, options['top_k'], options['top_p']) if temperature > 0 else kept(raw, 1, None)
        weights = [math.exp(p[i]) for i in left]
        i = draw.choices(left, weights)[0]
        shown = p if 'processed' in manners else raw
        if 'filtered' in manners:
            total = math.log(sum(weights))
            shown = [p[j] - total if j in left else -math.inf for j in range(END + 1)]
        if 'noisy' in manners:
            shown = [x + random.uniform(-0.04, 0.04) for x in shown]
            shown = [min(x, 0.0) for x in shown]
        top = sorted((j for j in range(END + 1) if shown[j] > -math.inf), key=lambda j: -shown[j])
        yield i, shown[i], [(j, shown[j]) for j in top]
        if i == END:
            return
        context += piece(i)


class Bad(Exception):
    """A request that is refused: (status, message, code)."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    server_version, sys_version = 'toy', ''

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.owner = self.server.owner
        self.owner.opened(self.connection)

    def route(self):
        parts = urllib.parse.urlsplit(self.path).path.strip('/').split('/')
        self.manners = set(self.owner.manners)
        if parts[0].split('+')[0] in MANNERS:
            self.manners |= set(parts.pop(0).split('+'))
        return '/'.join(parts)

    def send(self, status, body, content_type='application/json', headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', content_type)
        self.send_header('Content-Length', str(len(data)))
        if 'key' in self.manners:
            self.send_header('X-Key', self.key())
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def error(self, status, message, code=None, headers=()):
        self.send(status, {'error': {'message': message, 'type': 'error', 'code': code}}, headers=headers)

    def key(self):
        return (self.headers.get('Authorization') or 'Bearer none')[7:]

    # ---- what it says of itself ------------------------------------------------------------------

    def do_GET(self):
        path, owner = self.route(), self.owner
        owner.note_get(self.path)
        entry = {'id': owner.model, 'object': 'model', 'created': 1, 'owned_by': 'toy'}
        if 'vllm' in self.manners:
            entry.update(owned_by='vllm', root=owner.model, max_model_len=owner.context)
        elif 'llama' in self.manners:
            entry.update(owned_by='llamacpp', meta={'n_vocab': END + 1, 'n_ctx_train': owner.context})
        elif 'sglang' in self.manners:
            entry.update(owned_by='sglang', root=owner.model, max_model_len=owner.context)
        pages = {'state': owner.state(), 'health': {'status': 'ok'}}
        if 'no_models' not in self.manners:
            pages['v1/models'] = {'object': 'list', 'data': [entry] + [
                {'id': name, 'object': 'model'} for name in owner.more_models]}
        if 'vllm' in self.manners:
            pages['version'] = {'version': owner.version}
        if 'llama' in self.manners:
            pages['props'] = {'build_info': owner.version, 'model_path': owner.model,
                              'default_generation_settings': {'n_ctx': owner.context}}
        if 'sglang' in self.manners:
            pages['get_model_info'] = {'model_path': owner.model, 'is_generation': True}
            pages['get_server_info'] = {'version': owner.version}
        if path not in pages:
            return self.error(404, 'no such path: /' + path)
        return self.send(200, pages[path])

    # ---- requests --------------------------------------------------------------------------------

    def do_POST(self):
        path, owner = self.route(), self.owner
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        number = owner.begin(self.path, dict(self.headers), body)
        try:
            request = json.loads(body)
            fault = owner.choose(number, request)
            if fault:
                getattr(self, 'fault_' + fault)(request)
            else:
                self.answer(path, request)
        except Bad as bad:
            self.error(*bad.args)
        except ValueError:
            self.error(400, 'the body is not JSON')
        except (BrokenPipeError, ConnectionResetError, ConnectionAbortedError, ssl.SSLError):
            owner.count('n_cancelled')
            self.close_connection = True
        finally:
            owner.end()

    def read(self, path, request):
        """What is asked, as a dictionary; Bad where it cannot be had."""
        chat = path == 'v1/chat/completions'
        wrong = (chat and 'completions_only' in self.manners) or (not chat and 'chat_only' in self.manners)
        if wrong or path not in ('v1/completions', 'v1/chat/completions'):
            raise Bad(404, 'no such path: /' + path)
        if request.get('model') not in [self.owner.model, *self.owner.more_models]:
            raise Bad(404, 'The model `%s` does not exist' % request.get('model'), 'model_not_found')
        if 'strict' in self.manners and set(request) - STANDARD:
            raise Bad(400, 'unknown field: %s' % sorted(set(request) - STANDARD)[0])
        if 'no_seed' in self.manners and request.get('seed') is not None:
            raise Bad(400, 'seed: not supported')
        if 'fixed_sampling' in self.manners:
            for name in ('temperature', 'top_p'):
                if name in request:
                    raise Bad(400, "Unsupported parameter: '%s' is not supported with this model." % name)
        if 'no_kwargs' in self.manners and 'chat_template_kwargs' in request:
            raise Bad(400, 'chat_template is not supported for this tokenizer.')
        if chat and 'completion_tokens' in self.manners and 'max_tokens' in request:
            raise Bad(400, "Unsupported parameter: 'max_tokens' is not supported with this model. "
                           "Use 'max_completion_tokens' instead.")
        if chat:
            prompt = '\n'.join('%s: %s' % (m['role'], m['content']) for m in request['messages'])
            top = request.get('top_logprobs', 0) if request.get('logprobs') else None
        else:
            prompt, top = request['prompt'], request.get('logprobs')
            if isinstance(prompt, list) and 'no_ids' in self.manners:
                raise Bad(400, 'prompt: expected a string')
            if isinstance(prompt, list) and 'fails_ids' in self.manners:
                raise Bad(500, "[{'type': 'string_type', 'msg': 'Input should be a valid string'}]")
            if isinstance(prompt, list):
                prompt = ' '.join(map(str, prompt))
        if top is not None and top > (5 if 'refuses_many' in self.manners else 20):
            raise Bad(400, 'logprobs: at most %d' % (5 if 'refuses_many' in self.manners else 20))
        top = None if top is None or 'none' in self.manners else min(
            top, 0 if 'one' in self.manners else 5 if 'few' in self.manners else 20)
        temperature = request.get('temperature')
        return {'chat': chat, 'prompt': prompt, 'top': top, 'n': int(request.get('n') or 1),
                'most': int(request.get('max_tokens') or request.get('max_completion_tokens') or 16),
                'temperature': 1.0 if temperature is None else float(temperature),
                'top_k': request.get('top_k'), 'top_p': request.get('top_p'), 'seed': request.get('seed'),
                'thinks': (request.get('chat_template_kwargs') or {}).get('enable_thinking') is not False,
                'ids': bool(request.get('return_tokens_as_token_ids')), 'stream': bool(request.get('stream')),
                'usage': bool((request.get('stream_options') or {}).get('include_usage'))}

    def tokens(self, asked, choice):
        """The tokens of a choice, as slowly as the manner has it."""
        seed = asked['seed']
        if seed is None or 'random' in self.manners:
            draw = random.Random()
        else:
            draw = random.Random('%s|%s|%d' % (seed, asked['prompt'], choice))
        context = asked['prompt'].encode()
        for token in generate(context, asked['most'], asked, draw, self.manners):
            if 'slow' in self.manners:
                time.sleep(self.owner.word_seconds)
            yield token

    def shown(self, i, asked):
        """A token's text as a string, and its bytes."""
        if asked['ids']:
            return 'token_id:%d' % i, list(piece(i))
        return piece(i).decode('utf-8', 'replace'), list(piece(i))

    def listed(self, steps, asked):
        """Log-probabilities in the shape of the interface."""
        if asked['top'] is None:
            return None
        if 'no_end' in self.manners:
            steps = [step for step in steps if step[0] != END]
        if asked['chat']:
            def entry(i, value):
                text, data = self.shown(i, asked)
                return {'token': text, 'logprob': value, 'bytes': None if 'no_bytes' in self.manners else data}
            return {'content': [{**entry(i, value), 'top_logprobs': [entry(*one) for one in top[:asked['top']]]}
                                for i, value, top in steps]}
        offsets, at = [], 0
        for i, *_ in steps:
            offsets.append(at)
            at += len(piece(i))
        return {'tokens': [self.shown(i, asked)[0] for i, *_ in steps],
                'token_logprobs': [value for _, value, _ in steps],
                'top_logprobs': [dict([(self.shown(j, asked)[0], v) for j, v in top[:asked['top']]] +
                                      [(self.shown(i, asked)[0], value)]) for i, value, top in steps],
                'text_offset': offsets}

    def text_of(self, steps):
        return b''.join(piece(i) for i, *_ in steps if i != END).decode('utf-8', 'replace')

    def ending(self, steps):
        if 'content_filter' in self.manners:
            return 'content_filter'
        return 'stop' if steps and steps[-1][0] == END else 'length'

    def usage(self, asked, choices):
        n = sum(len(steps) for steps in choices)
        m = len(asked['prompt'].split())
        return {'prompt_tokens': m, 'completion_tokens': n, 'total_tokens': m + n}

    def envelope(self, asked, choices, chunk=False):
        kind = 'text_completion' if not asked['chat'] else 'chat.completion' + ('.chunk' if chunk else '')
        owner = self.owner
        out = {'id': 'x', 'object': kind, 'created': 1, 'model': owner.echo or owner.model, 'choices': choices}
        fingerprint = self.key() if 'key' in self.manners else owner.fingerprint
        if fingerprint:
            out['system_fingerprint'] = fingerprint
        return out

    def message(self, text):
        message = {'role': 'assistant', 'content': text}
        if 'reasoning' in self.manners:
            message['reasoning_content'] = 'Let me see.'
        if 'refusal' in self.manners:
            message.update(content=None, refusal='I must refuse.')
        return message

    def words(self, steps, asked):
        """The text that a choice says."""
        text = self.text_of(steps)
        if 'think' in self.manners and asked['thinks']:
            text = '<think>Let me see.</think>' + text
        return self.key() + text if 'key' in self.manners else text

    def answer(self, path, request):
        asked = self.read(path, request)
        time.sleep(self.owner.delay)
        if asked['stream'] and 'no_stream' not in self.manners:
            return self.stream(asked)
        choices = [list(self.tokens(asked, c)) for c in range(asked['n'])]
        body = self.envelope(asked, [])
        for c, steps in enumerate(choices):
            choice = {'index': c, 'finish_reason': self.ending(steps), 'logprobs': self.listed(steps, asked)}
            text = self.words(steps, asked)
            choice.update({'message': self.message(text)} if asked['chat'] else {'text': text})
            body['choices'].append(choice)
        if 'no_usage' not in self.manners:
            body['usage'] = self.usage(asked, choices)
        self.send(200, body)
        return self.owner.note(self.manners, asked, choices)

    # ---- streams ---------------------------------------------------------------------------------

    def begin_stream(self):
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream; charset=utf-8')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b'%x\r\n%s\r\n' % (len(data), data))
        self.wfile.flush()

    def event(self, data):
        """Sends an event, unless whoever asked is gone."""
        if select.select([self.connection], [], [], 0)[0] and not self.connection.recv(1, socket.MSG_PEEK):
            raise BrokenPipeError
        self.chunk(('data: %s\n\n' % (data if isinstance(data, str) else json.dumps(data))).encode())
        self.owner.count('n_events')

    def end_stream(self):
        self.wfile.write(b'0\r\n\r\n')

    def pieces(self, asked, choice):
        """(events of a choice, its steps as they come)."""
        steps, said = [], ''
        for step in self.tokens(asked, choice):
            steps.append(step)
            text = self.words(steps, asked)
            if text.endswith('\ufffd') and piece(step[0]) == HALVES[0]:
                text = text[:-1]  # servers hold back what is no character yet
            part = {'index': choice, 'finish_reason': None, 'logprobs': self.listed([step], asked)}
            delta = text[len(said):] if text.startswith(said) else ''
            said = text
            part.update({'delta': {'content': delta}} if asked['chat'] else {'text': delta})
            yield part, steps
        last = {'index': choice, 'finish_reason': self.ending(steps), 'logprobs': None}
        last.update({'delta': {}} if asked['chat'] else {'text': ''})
        yield last, steps

    def stream(self, asked, most=None):
        """Streams all choices, one token of each in turn; most: events after which it stops."""
        self.begin_stream()
        if asked['chat']:
            for c in range(asked['n']):
                self.event(self.envelope(asked, [{'index': c, 'delta': {'role': 'assistant', 'content': ''}}], True))
                if 'reasoning' in self.manners:
                    self.event(self.envelope(asked, [{'index': c, 'delta': {'reasoning_content': 'Let me see.'}}],
                                             True))
        running = {c: self.pieces(asked, c) for c in range(asked['n'])}
        choices = [[] for _ in running]
        sent = 0
        while running:
            for c in list(running):
                if sent == most:
                    return None
                part, steps = next(running[c], (None, None))
                if part is None:
                    del running[c]
                    continue
                choices[c] = steps
                self.event(self.envelope(asked, [part], True))
                sent += 1
        if asked['usage'] and 'no_usage' not in self.manners:
            self.event({**self.envelope(asked, [], True), 'usage': self.usage(asked, choices)})
        self.event('[DONE]')
        self.end_stream()
        return self.owner.note(self.manners, asked, choices)

    # ---- faults ----------------------------------------------------------------------------------

    def asked(self, request):
        return self.read(self.route(), request)

    def fault_500(self, request):
        self.error(500, 'out of luck')

    def fault_501(self, request):
        self.error(501, 'not made')

    def fault_503(self, request):
        self.error(503, 'loading the model')

    def fault_408(self, request):
        self.error(408, 'too slow')

    def fault_425(self, request):
        self.error(425, 'too early')

    def fault_429(self, request):
        self.error(429, 'slow down', headers=[('Retry-After', '1')])

    def fault_429_now(self, request):
        self.error(429, 'slow down', headers=[('Retry-After', '0')])

    def fault_429_date(self, request):
        when = time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime(time.time() + 2))
        self.error(429, 'slow down', headers=[('Retry-After', when)])

    def fault_429_for_long(self, request):
        self.error(429, 'come back tomorrow', headers=[('Retry-After', '86400')])

    def fault_400(self, request):
        self.error(400, "This model's maximum context length is 8 tokens")

    def fault_400_filter(self, request):
        self.error(400, 'The response was filtered', 'content_filter')

    def fault_401(self, request):
        self.error(401, 'Incorrect API key provided: ' + self.key())

    def fault_402(self, request):
        self.error(402, 'nothing left to pay with')

    def fault_403(self, request):
        self.error(403, 'not for you')

    def fault_404(self, request):
        self.error(404, 'The model `x` does not exist')

    def fault_redirect(self, request):
        self.send(307, b'', headers=[('Location', self.owner.elsewhere.replace('KEY', self.key()))])

    def fault_type_with_key(self, request):
        self.send(200, b'{}', 'text/' + self.key())

    def fault_escaped_key(self, request):
        key = ''.join('\\u%04x' % ord(c) for c in self.key())
        self.send(401, b'{"error": {"message": "wrong: %s"}}' % key.encode())

    def fault_quoted_key(self, request):
        self.error(401, 'wrong: ' + urllib.parse.quote(self.key(), safe='').replace('-', '%2D'))

    def fault_closed(self, request):
        self.close_connection = True

    def fault_reset(self, request):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.connection.close()
        self.close_connection = True

    def begin_body(self, n, content_type='application/json'):
        self.send_response(200)
        self.send_header('Content-Type', content_type)
        self.send_header('Content-Length', str(n))
        self.end_headers()

    def fault_cut(self, request):
        self.begin_body(5000)
        self.wfile.write(b'{"id": "x", "choices": [{"text": " I')
        self.close_connection = True

    def fault_stall(self, request):
        self.begin_body(5000)
        self.wfile.write(b'{"choices"')
        self.wfile.flush()
        self.owner.stopped.wait(10)
        self.close_connection = True

    def fault_silent(self, request):
        self.owner.stopped.wait(10)
        self.close_connection = True

    def fault_huge(self, request):
        self.begin_body(1 << 40)
        for _ in range(1 << 16):
            self.wfile.write(b' ' * (1 << 16))

    def fault_huge_header(self, request):
        self.send_response(200)
        for i in range(64):
            self.send_header('X-%d' % i, 'a' * 16000)
        self.end_headers()

    def fault_html(self, request):
        self.send(200, b'<html>a proxy is unhappy</html>', 'text/html')

    def fault_no_type(self, request):
        self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')

    def fault_not_http(self, request):
        self.wfile.write(b'SSH-2.0-OpenSSH_9.2\r\n')
        self.close_connection = True

    def fault_not_json(self, request):
        self.send(200, b'{"choices": [')

    def fault_array(self, request):
        self.send(200, b'[1, 2]')

    def fault_deep(self, request):
        self.send(200, b'{"choices":' + b'[' * 100000)

    def fault_gzip(self, request):
        self.send(200, gzip.compress(b'{"choices": []}'), headers=[('Content-Encoding', 'gzip')])

    def changed(self, request, change):
        """A whole answer with something in it changed: change(body), or change(body) -> bytes."""
        asked = self.asked(request)
        choices = [list(self.tokens(asked, c)) for c in range(asked['n'])]
        body = self.envelope(asked, [])
        for c, steps in enumerate(choices):
            choice = {'index': c, 'finish_reason': self.ending(steps), 'logprobs': self.listed(steps, asked)}
            choice.update({'message': self.message(self.words(steps, asked))} if asked['chat']
                          else {'text': self.words(steps, asked)})
            body['choices'].append(choice)
        changed = change(body)
        self.send(200, changed if isinstance(changed, bytes) else body)

    def fault_no_choices(self, request):
        self.changed(request, lambda body: body.pop('choices') and None)

    def fault_empty_choices(self, request):
        self.changed(request, lambda body: body.update(choices=[]))

    def fault_too_many_choices(self, request):
        self.changed(request, lambda body: body['choices'].append({**body['choices'][0], 'index': 1}))

    def fault_wrong_index(self, request):
        self.changed(request, lambda body: body['choices'][0].update(index=7))

    def fault_number_for_text(self, request):
        self.changed(request, lambda body: body['choices'][0].update(text=7, message={'content': 7}))

    def fault_empty_text(self, request):
        self.changed(request, lambda body: body['choices'][0].update(
            text='', message={'role': 'assistant', 'content': ''}, logprobs=None))

    def fault_ended(self, request):
        """The token that ends an answer was drawn first, and is not listed."""
        empty = ({'content': []} if 'messages' in request
                 else {'tokens': [], 'token_logprobs': [], 'top_logprobs': [], 'text_offset': []})
        self.changed(request, lambda body: body['choices'][0].update(
            text='', message={'role': 'assistant', 'content': ''}, finish_reason='stop', logprobs=empty))

    def fault_nan(self, request):
        """NaN is no JSON, and many servers send it."""
        def change(body):
            content = body['choices'][0]['logprobs']
            if content:
                (content.get('content') or [content])[0].update(logprob=math.nan, token_logprobs=[math.nan])
            else:
                body['choices'][0]['logprobs'] = math.nan
        self.changed(request, change)

    def fault_string_logprobs(self, request):
        def change(body):
            logprobs = body['choices'][0]['logprobs']
            for entry in logprobs.get('content') or []:
                entry['logprob'] = str(entry['logprob'])
            if 'token_logprobs' in logprobs:
                logprobs['token_logprobs'] = [str(x) for x in logprobs['token_logprobs']]
        self.changed(request, change)

    def fault_other_tokens(self, request):
        """Log-probabilities of another text than the one that is said."""
        self.changed(request, lambda body: body['choices'][0].update(
            {'message': {'role': 'assistant', 'content': 'Something else'}} if 'messages' in request
            else {'text': 'Something else'}))

    def fault_bad_utf8(self, request):
        self.changed(request, lambda body: json.dumps(body).encode().replace(b'"index"', b'"\xff\xfe"'))

    def fault_hostile(self, request):
        bad = '\x00\x1b[2J\u202e<script>alert(1)</script>\n'
        self.changed(request, lambda body: body['choices'][0].update(
            {'message': {'role': 'assistant', 'content': bad}} if 'messages' in request else {'text': bad},
            logprobs=None, finish_reason=bad))

    def fault_stream_cut(self, request):
        """The connection ends after three events."""
        self.stream(self.asked(request), 3)
        self.close_connection = True

    def fault_stream_no_done(self, request):
        """The stream ends in order after three events, without an end of the answer."""
        self.stream(self.asked(request), 3)
        self.end_stream()

    def fault_stream_stall(self, request):
        self.stream(self.asked(request), 3)
        self.owner.stopped.wait(10)
        self.close_connection = True

    def fault_stream_garbage(self, request):
        self.begin_stream()
        self.event('{"choices": [{"te')
        self.event('\x00\x01garbage')
        self.end_stream()

    def fault_stream_error(self, request):
        """An error in mid-stream, as vLLM tells of one."""
        self.stream(self.asked(request), 2)
        self.event({'error': {'message': 'out of memory', 'code': 500}})
        self.event('[DONE]')
        self.end_stream()

    def fault_stream_huge_line(self, request):
        self.begin_stream()
        for _ in range(1 << 14):
            self.chunk(b'data' + b'x' * (1 << 16))

    def fault_stream_split_key(self, request):
        """The key, a character an event."""
        self.begin_stream()
        asked = self.asked(request)
        for c in 'Bearer ' + self.key():
            part = {'index': 0, 'finish_reason': None, 'logprobs': None}
            part.update({'delta': {'content': c}} if asked['chat'] else {'text': c})
            self.event(self.envelope(asked, [part], True))
        part = {'index': 0, 'finish_reason': 'stop', 'logprobs': None}
        part.update({'delta': {}} if asked['chat'] else {'text': ''})
        self.event(self.envelope(asked, [part], True))
        self.event('[DONE]')
        self.end_stream()


class ModelServer(LocalServer):
    """manners hold for every path; fault(number, request) -> the name of a fault, or None."""

    handler = Handler

    def __init__(self, *manners, fault=lambda number, request: None, certificate=None, model='toy', port=0,
                 host='127.0.0.1'):
        self.manners, self.fault, self.model = set(manners), fault, model
        self.delay, self.word_seconds, self.context = 0.0, 0.005, 4096
        self.version, self.more_models = '0.1.toy', []
        self.echo = self.fingerprint = None  # what answers call the model and the system; None: its name, nothing
        self.elsewhere = 'http://127.0.0.1:1/v1/completions'
        self.gets, self.answers = [], []
        self.n_cancelled = self.n_events = 0
        super().__init__(certificate, host, port)

    def url(self, *manners):
        return self.at(('/' + '+'.join(manners) if manners else '') + '/v1')

    # ---- accounts --------------------------------------------------------------------------------

    def begin(self, path, headers, body):
        try:
            request = json.loads(body)
        except ValueError:
            request = None
        return self.note_request({'path': path, 'headers': headers, 'body': request})

    def count(self, name):
        with self.lock:
            setattr(self, name, getattr(self, name) + 1)

    def note_get(self, path):
        with self.lock:
            self.gets.append(path)

    def note(self, manners, asked, choices):
        """Keeps an answer that was given whole: its text, and the figures that it came with."""
        with self.lock:
            for steps in choices:
                self.answers.append({
                    'manners': manners, 'prompt': asked['prompt'], 'seed': asked['seed'],
                    'text': b''.join(piece(i) for i, *_ in steps if i != END).decode('utf-8', 'replace'),
                    'finish': 'stop' if steps and steps[-1][0] == END else 'length',
                    'ids': [i for i, *_ in steps], 'logprob': [value for _, value, _ in steps],
                    'top': [[value for _, value in top[:20]] for *_, top in steps]})

    def all_answers(self, n):
        """The answers, once there are n: each is noted after its last byte has gone, so its reader may be faster."""
        for _ in range(1000):
            with self.lock:
                if len(self.answers) >= n:
                    return list(self.answers)
            time.sleep(0.01)
        raise AssertionError(f'{len(self.answers)} answers were given, not {n}')

    def state(self):
        with self.lock:
            return {'requests': len(self.requests), 'answers': len(self.answers), 'open': self.n_now,
                    'most_open': self.most_at_once, 'cancelled': self.n_cancelled, 'events': self.n_events,
                    'connections': self.n_connections}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', type=int, default=0)
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--manner', default='')
    parser.add_argument('--model', default='toy')
    parser.add_argument('--version', default='0.1.toy')
    words = parser.parse_args()
    server = ModelServer(*[m for m in words.manner.split('+') if m], port=words.port, host=words.host,
                         model=words.model)
    server.version = words.version
    print(server.port, flush=True)
    threading.Event().wait()


if __name__ == '__main__':
    main()
