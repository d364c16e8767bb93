#!/usr/bin/env python3
"""Sampling through servers that misbehave in every way that model_server.py knows: what passes changes no result,
what does not pass ends with one line, and the API key is never seen.

  test_cli_server_faults.py PATH_TO_SAFECONF      Python's standard library only.
"""
import base64
import json
import os
import time
import unittest
import urllib.parse

from model_server import Handler, ModelServer
from program import Folder, call

KEY = 'sk-test-0123456789abcdef'
WHOLE = ['500', '501', '503', '408', '425', '429_now', 'closed', 'reset', 'cut', 'html', 'no_type', 'not_http',
         'not_json', 'array', 'deep', 'gzip', 'no_choices', 'empty_choices', 'number_for_text']
STREAMED = ['stream_cut', 'stream_no_done', 'stream_garbage', 'stream_error']
HOPELESS = {'401': 'answered 401', '402': 'answered 402', '404': 'answered 404', 'redirect': 'is not followed'}


class Faults(Folder):
    def sample(self, urls, out, *options, expect=0, n=3, key=None):
        urls = [urls] if isinstance(urls, str) else urls
        result = call('run', *(word for url in urls for word in ('--endpoint', url)), '--model', 'toy', '--num-instances',
                      n, '--max-traces', 3, '--max-new-tokens', 6, '--out', self.path(out), '--quiet', *options,
                      env={'OPENAI_API_KEY': key} if key else None)
        if expect is not None:
            self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def all_files(self, out):
        return b''.join(self.read(folder, name) for folder, _, names in os.walk(self.path(out)) for name in names)

    def check_passing(self, faults, *options):
        """Each fault once a prompt or so, behind the beginning: the same run comes of it."""
        with ModelServer() as server:
            self.sample(server.url(), 'well', *options)
            wanted = self.read('well', 'predictions.jsonl')
            n_wanted = len(server.requests)
        for fault in faults:
            with self.subTest(fault), ModelServer() as server:
                begun = {}

                def choose(number, request):
                    """Of what is asked with a seed and tokens as the run has them, every third is struck, once."""
                    if request.get('max_tokens', request.get('max_completion_tokens')) != 6 or 'seed' not in request:
                        return None
                    asked = json.dumps(request, sort_keys=True)
                    begun.setdefault(asked, len(begun))
                    if begun[asked] is None or begun[asked] % 3 != 1:
                        return None
                    begun[asked] = None
                    return fault
                server.fault = choose
                self.sample(server.url(), fault, *options)
                self.assertEqual(self.read(fault, 'predictions.jsonl'), wanted)
                self.assertGreater(len(server.requests), n_wanted)
                self.assertIn(None, begun.values())

    def test_faults_that_pass_change_nothing(self):
        self.check_passing(WHOLE, '--policy', 'fixed')

    def test_faults_of_streams_that_pass_change_nothing(self):
        self.check_passing(STREAMED + ['500', 'html', 'closed'], '--policy', 'deepconf', '--window', 2)

    def test_answers_that_stop_are_given_up_and_asked_for_again(self):
        with ModelServer() as server:
            self.sample(server.url(), 'well', '--policy', 'fixed')
        with ModelServer() as server:
            struck = []

            def choose(number, request):
                if 'seed' in request and request.get('max_tokens') == 6 and len(struck) < 2:
                    struck.append(number)
                    return ('silent', 'stall')[len(struck) - 1]
                return None
            server.fault = choose
            began = time.monotonic()
            self.sample(server.url(), 'stopped', '--policy', 'fixed', '--timeout', 1)
            self.assertGreater(time.monotonic() - began, 0.9)
            self.assertEqual(self.read('stopped', 'predictions.jsonl'), self.read('well', 'predictions.jsonl'))

    def test_what_does_not_pass_ends_with_one_line(self):
        for fault, part in [*HOPELESS.items(), ('400', 'answered 400')]:
            with self.subTest(fault), ModelServer(fault=lambda number, request: fault) as server:
                result = self.sample(server.url(), 'out-' + fault, '--policy', 'fixed', expect=1, n=1)
                self.assert_one_line(result, 1, part, '127.0.0.1')
                self.assertTrue(result.stderr.strip().isprintable(), result.stderr)
            if fault == '400':
                continue
            with self.subTest(fault + ' in the middle'), ModelServer() as server:
                begun = []

                def choose(number, request):
                    """All that the run itself asks for, from the fifth on."""
                    begun.extend([number] if request['max_tokens'] == 6 and 'seed' in request else [])
                    return fault if len(begun) > 4 else None
                server.fault = choose
                result = self.sample(server.url(), 'mid-' + fault, '--policy', 'fixed', expect=1, n=4)
                self.assert_one_line(result, 1, part, '127.0.0.1')
                server.fault = lambda number, request: None
                self.sample(server.url(), 'mid-' + fault, '--policy', 'fixed', n=4)

    def test_one_server_of_three_may_be_broken(self):
        with ModelServer() as a, ModelServer() as b, ModelServer() as c:
            self.sample([a.url(), b.url(), c.url()], 'well', '--policy', 'fixed', n=8)
            wanted = self.read('well', 'predictions.jsonl')
            self.assertGreater(min(len(s.answers) for s in (a, b, c)), 3)
        with ModelServer() as a, ModelServer() as b, ModelServer() as c:
            b.fault = lambda number, request: '503' if 'seed' in request and b.answers[6:] else None
            self.sample([a.url(), b.url(), c.url()], 'broken', '--policy', 'fixed', n=8)
            self.assertEqual(self.read('broken', 'predictions.jsonl'), wanted)

    # ---- the key -----------------------------------------------------------------------------------

    def assert_unseen(self, out, result, *forms):
        said = result.stdout.encode() + result.stderr.encode() + self.all_files(out)
        for form in (KEY, KEY[4:16], *forms):
            self.assertNotIn(form.encode(), said)
        return said

    def test_the_key_is_masked_in_everything_that_is_stored(self):
        for policy in ('fixed', 'deepconf'):  # whole answers, and streams
            for more in ([], ['vllm'], ['think'], ['reasoning']):
                with self.subTest(policy=policy, more=more), ModelServer() as server:
                    server.version = server.fingerprint = 'v1 ' + KEY
                    out = '-'.join([policy, *more])
                    result = self.sample(server.url('key', *more), out, '--policy', policy, '--window', 2, key=KEY, n=2)
                    self.assertIn(b'************************', self.assert_unseen(out, result))
                    self.assertEqual({r['headers']['Authorization'] for r in server.requests}, {'Bearer ' + KEY})

    def test_the_key_is_masked_when_a_stream_has_it_in_pieces(self):
        with ModelServer() as server:
            server.fault = lambda number, request: 'stream_split_key' if request.get('stream') else None
            result = self.sample(server.url(), 'split', '--policy', 'deepconf', '--window', 2, key=KEY, expect=None)
            self.assertIn(b'Bearer *****', self.assert_unseen('split', result))

    def test_the_key_is_masked_in_failures(self):
        forms = {'plain': KEY, 'json': ''.join('\\u%04x' % ord(c) for c in KEY),
                 'url': urllib.parse.quote(KEY, safe='').replace('-', '%2d'),
                 'base64': base64.b64encode(('Bearer ' + KEY).encode()).decode()}
        for name, form in forms.items():
            for status in (302, 400, 401):
                def disguised(handler, request):
                    handler.send(status, ('{"error": {"message": "%s"}}' % form).encode(), headers=[
                        ('Location', '/' + form), ('Retry-After', form), ('X-Key', form)])
                Handler.fault_disguised = disguised
                with self.subTest(form=name, status=status), ModelServer(fault=lambda *_: 'disguised') as server:
                    out = '%s-%d' % (name, status)
                    result = self.sample(server.url(), out, '--policy', 'fixed', '--max-failures', 2, key=KEY, n=1,
                                         expect=1)
                    self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
                    self.assert_unseen(out, result, form)
        with ModelServer(fault=lambda *_: 'redirect') as server:
            server.elsewhere = 'http://127.0.0.1:1/KEY'
            self.assert_unseen('sent-on', self.sample(server.url(), 'sent-on', key=KEY, n=1, expect=1))


if __name__ == '__main__':
    unittest.main(verbosity=1)
