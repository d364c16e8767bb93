#!/usr/bin/env python3
"""The engine behind OpenAI's interface, from outside: what it answers.

  test_cli_serve.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import os
import struct
import unittest

from own_server import OwnServer, side_by_side
from program import Folder, call

BREAD = [{'role': 'user', 'content': 'How do I bake bread?'}]
ASKED = {'messages': BREAD, 'max_tokens': 24, 'temperature': 0.9, 'seed': 7}


class Serve(Folder):
    @classmethod
    def setUpClass(cls):
        cls.server = OwnServer('--parallel', 8)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def choices(self, **more):
        return self.server.chat(**{**ASKED, **more})['choices']

    def refused(self, status, field, path='/v1/chat/completions', **fields):
        got, _, body = self.server.post(path, fields)
        error = json.loads(body)['error']
        self.assertEqual((got, error['param']), (status, field), body)
        return error['message']


class Answers(Serve):
    def test_models_and_pages(self):
        status, headers, body = self.server.request('GET', '/v1/models')
        self.assertEqual((status, headers['Content-Type']), (200, 'application/json'))
        self.assertEqual([m['id'] for m in json.loads(body)['data']], ['demo'])
        self.assertEqual(self.server.request('GET', '/v1/models/demo')[0], 200)
        self.assertEqual(self.server.request('GET', '/v1/models/other')[0], 404)
        self.assertEqual(json.loads(self.server.request('GET', '/health')[2]), {'status': 'ok'})
        self.assertIn('version', json.loads(self.server.request('GET', '/version')[2]))
        self.assertIn('requests_in_hand', self.server.metrics())

    def test_a_seed_gives_the_same_bytes_whatever_runs_beside_it(self):
        asked = dict(n=5, logprobs=True, top_logprobs=3)
        alone = self.choices(**asked)
        self.assertGreater(len({c['message']['content'] for c in alone}), 1)
        both = side_by_side([lambda: self.choices(**asked)] * 2 + [
            lambda seed=seed: self.server.complete(prompt='Once', n=4, max_tokens=30, seed=seed) for seed in range(3)])
        self.assertEqual(json.dumps(both[0]), json.dumps(alone))
        self.assertEqual(json.dumps(both[1]), json.dumps(alone))
        self.assertNotEqual(json.dumps(self.choices(**asked, seed=8)), json.dumps(alone))
        # A choice is the same among more of them, and with less listed of it.
        fewer = self.choices(n=2)
        self.assertEqual([c['message'] for c in fewer], [c['message'] for c in alone[:2]])

    def test_without_a_seed_the_answer_says_which_it_was(self):
        asked = {key: value for key, value in ASKED.items() if key != 'seed'}
        first, second = self.server.chat(**asked), self.server.chat(**asked)
        self.assertNotEqual(first['seed'], second['seed'])
        self.assertEqual(self.choices(seed=first['seed']), first['choices'])

    def test_figures_are_those_of_score(self):
        answer = self.server.chat(**ASKED, logprobs=True, top_logprobs=20, return_token_ids=True)
        choice = answer['choices'][0]
        ids = choice['prompt_token_ids'] + choice['token_ids']
        n = len(choice['prompt_token_ids'])
        scored = json.loads(self.good('score', '--tokens', ','.join(map(str, ids)), '--json').stdout)
        self.assertEqual(answer['logprobs_kind'], 'raw')
        self.assertEqual(answer['usage']['completion_tokens'], len(choice['token_ids']))
        self.assertEqual(len(choice['logprobs']['content']), len(choice['token_ids']))
        for i, token in enumerate(choice['logprobs']['content']):
            self.assertEqual(token['id'], ids[n + i])
            self.assertAlmostEqual(token['logprob'], scored['logprob'][n + i], delta=1e-5)
            self.assertAlmostEqual(token['confidence'], scored['confidence'][n + i - 1], delta=1e-5)
            self.assertAlmostEqual(token['entropy'], scored['entropy'][n + i - 1], delta=1e-5)
            top = [t['logprob'] for t in token['top_logprobs']]
            self.assertEqual(top, sorted(top, reverse=True))
            self.assertAlmostEqual(-sum(top) / 20, token['confidence'], delta=1e-5)
            self.assertLessEqual(token['logprob'], top[0])
            self.assertEqual(bytes(token['bytes']).decode('utf-8', 'replace'), token['token'])
        said = b''.join(bytes(t['bytes']) for t in choice['logprobs']['content']).decode()
        self.assertTrue(said.startswith(choice['message']['content']))

    def test_an_echo_scores_the_prompt(self):
        text = 'The bread is in the oven.'
        for most in (0, 2):
            answer = self.server.complete(prompt=text, echo=True, logprobs=2, max_tokens=most, temperature=0)
            choice, columns = answer['choices'][0], answer['choices'][0]['logprobs']
            scored = json.loads(self.good('score', '--text', text, '--json').stdout)
            n = len(scored['tokens'])
            self.assertTrue(choice['text'].startswith(text))
            self.assertEqual(len(columns['tokens']), n + answer['usage']['completion_tokens'])
            self.assertLessEqual(len(columns['tokens']), n + most)
            self.assertIsNone(columns['token_logprobs'][0])
            self.assertIsNone(columns['top_logprobs'][0])
            for i in range(1, n):
                self.assertAlmostEqual(columns['token_logprobs'][i], scored['logprob'][i], delta=1e-5)
                self.assertAlmostEqual(columns['confidence'][i], scored['confidence'][i - 1], delta=1e-5)
                self.assertIn(columns['tokens'][i], columns['top_logprobs'][i])
                at = columns['text_offset'][i]
                self.assertEqual(choice['text'][at:at + len(columns['tokens'][i])], columns['tokens'][i])

    def test_prompts_as_text_and_as_ids(self):
        ids = json.loads(self.good('tokenize', stdin='{"text":"Bread is"}\n').stdout)['ids']
        asked = dict(max_tokens=8, seed=3, n=2)
        by_text = self.server.complete(prompt='Bread is', **asked)['choices']
        self.assertEqual(self.server.complete(prompt=ids, **asked)['choices'], by_text)
        several = self.server.complete(prompt=[ids, ids], **asked)['choices']
        self.assertEqual([c['index'] for c in several], [0, 1, 2, 3])
        self.assertEqual([c['text'] for c in several], 2 * [c['text'] for c in by_text])

    def test_a_stop_cuts_text_and_tokens(self):
        whole = self.choices(logprobs=True, return_token_ids=True)[0]
        text = whole['message']['content']
        for begin in (3, 8, 13):
            stop = text[begin:begin + 4]
            cut = self.choices(logprobs=True, return_token_ids=True, stop=['never said', stop])[0]
            at = text.index(stop)
            self.assertEqual((cut['message']['content'], cut['finish_reason'], cut['stop_reason']),
                             (text[:at], 'stop', stop))
            n = len(cut['token_ids'])
            self.assertEqual(cut['token_ids'], whole['token_ids'][:n])
            self.assertEqual(len(cut['logprobs']['content']), n)
            before = ''.join(t['token'] for t in cut['logprobs']['content'][:-1])
            self.assertLess(len(before), max(at, 1))

    def test_a_stream_says_the_same(self):
        for more in ({}, {'stop': ['ing']}, {'n': 3, 'logprobs': True, 'top_logprobs': 2, 'return_token_ids': True}):
            asked = {**ASKED, **more}
            whole = self.server.chat(**asked)
            said = {}
            events = self.server.events('/v1/chat/completions', {**asked, 'stream_options': {'include_usage': True}})
            self.assertEqual(events[-1]['usage'], whole['usage'])
            self.assertEqual(events[-1]['choices'], [])
            for event in events[:-1]:
                for choice in event['choices']:
                    one = said.setdefault(choice['index'], {'content': '', 'list': [], 'ids': [], 'finish': None})
                    self.assertIsNone(one['finish'])
                    one['content'] += choice['delta'].get('content', '')
                    one['finish'] = choice['finish_reason']
                    one['list'] += (choice['logprobs'] or {}).get('content', [])
                    one['ids'] += choice.get('token_ids', [])
            for choice in whole['choices']:
                one = said[choice['index']]
                self.assertEqual(one['content'], choice['message']['content'])
                self.assertEqual(one['finish'], choice['finish_reason'])
                self.assertEqual(one['list'], (choice['logprobs'] or {}).get('content', []))
                self.assertEqual(one['ids'], choice.get('token_ids', []))

    def test_a_long_answer_comes_in_parts(self):
        asked = dict(prompt='Bread is', n=40, max_tokens=60, logprobs=20, seed=1, temperature=2, return_token_ids=True)
        status, headers, body = self.server.post('/v1/completions', asked)
        self.assertEqual(status, 200)
        self.assertGreater(len(body), 1 << 18)
        self.assertNotIn('Content-Length', headers)
        choices = json.loads(body)['choices']
        self.assertEqual([c['index'] for c in choices], list(range(40)))
        few = self.server.complete(**{**asked, 'n': 2})['choices']
        self.assertEqual(few, choices[:2])

    def test_a_completion_that_is_streamed(self):
        asked = {'prompt': 'Bread is', 'max_tokens': 12, 'seed': 1, 'logprobs': 1}
        whole = self.server.complete(**asked)['choices'][0]
        events = [e['choices'][0] for e in self.server.events('/v1/completions', asked)]
        self.assertEqual(''.join(e['text'] for e in events), whole['text'])
        for key in ('tokens', 'token_logprobs', 'text_offset', 'confidence'):
            self.assertEqual([x for e in events for x in e['logprobs'][key]], whole['logprobs'][key])

    def test_an_answer_goes_on_with_the_last_message(self):
        begun = BREAD + [{'role': 'assistant', 'content': 'First, take'}]
        answer = self.server.chat(messages=begun, continue_final_message=True, add_generation_prompt=False,
                                  max_tokens=4, seed=1, return_token_ids=True)
        framed = json.loads(self.good('chat', '--json', '--messages', self.write('m.json', json.dumps(BREAD)),
                                      '--prefill', 'First, take').stdout)
        self.assertEqual(answer['choices'][0]['prompt_token_ids'], framed['ids'])
        self.refused(400, 'continue_final_message', messages=begun)
        self.refused(400, 'continue_final_message', messages=BREAD, continue_final_message=True)

    def test_parts_of_messages(self):
        parts = [{'role': 'user', 'content': [{'type': 'text', 'text': 'How do I '}, {'type': 'text', 'text': 'bake bread?'}]}]
        self.assertEqual(self.choices(messages=parts), self.choices())
        image = [{'role': 'user', 'content': [{'type': 'image_url', 'image_url': {'url': 'x'}}]}]
        self.refused(400, 'messages', messages=image)


class OwnRuns(Serve):
    """A run of our own from the server is one as in process, but for its seeds."""

    def sample(self, *options):
        self.good('run', '--endpoint', self.server.url, '--num-instances', 3, '--policy', 'fixed', '--max-traces', 3,
                  '--max-new-tokens', 16, '--out', self.path('out'), '--quiet', *options)
        source = self.analysis()['run']['source']
        self.assertEqual((source['kind'], source['name'], source['logprobs'], source['top_k'], source['reproducible']),
                         ('server', 'demo', 'raw', 20, 'yes'))
        self.assertTrue(source['software'].startswith('safeconf '))
        return self.predictions()

    def test_figures_of_a_run_are_those_of_score(self):
        predictions = self.sample('--tokenizer', 'demo')
        kept = self.rows('out', 'select instance, ids, logprob, confidence from token')
        self.assertEqual(len(kept), 9)
        for instance, ids, logprobs, confidences in kept:
            ids, logprobs, confidences = (list(struct.unpack(f'<{len(blob) // 4}{kind}', blob))
                                          for blob, kind in ((ids, 'i'), (logprobs, 'f'), (confidences, 'f')))
            prompt = json.loads(self.good('chat', '--json', predictions[instance]['prompt']).stdout)['ids']
            scored = json.loads(self.good('score', '--tokens', ','.join(map(str, prompt + ids)), '--json').stdout)
            for i, (logprob, confidence) in enumerate(zip(logprobs, confidences)):
                self.assertAlmostEqual(logprob, scored['logprob'][len(prompt) + i], delta=1e-5)
                self.assertAlmostEqual(confidence, scored['confidence'][len(prompt) + i - 1], delta=1e-5)

    def test_framed_here_or_there(self):
        there = self.sample()
        os.rename(self.path('out'), self.path('before'))
        here = self.sample('--tokenizer', 'demo')
        self.assertEqual([p['traces'] for p in here], [p['traces'] for p in there])
        self.assertEqual([p['verdicts'] for p in here], [p['verdicts'] for p in there])


class Refusals(Serve):
    def test_what_is_not_done_is_refused_by_name(self):
        for field, value in (('tools', [{'type': 'function'}]), ('response_format', {'type': 'json_object'}),
                             ('logit_bias', {'5': 1}), ('presence_penalty', 0.5), ('frequency_penalty', -1),
                             ('guided_json', {}), ('n', 0), ('n', 129), ('n', '2'), ('temperature', -1),
                             ('temperature', 'hot'), ('top_p', 0), ('top_logprobs', 21), ('max_tokens', 0),
                             ('max_tokens', 5000), ('stop', ['a'] * 5), ('stop', ['']), ('messages', []),
                             ('messages', [{'role': 'tool', 'content': 'x'}]), ('seed', 1.5), ('stream', 1),
                             ('chat_template_kwargs', []), ('stop_token_ids', [10**9]), ('prompt', 'x')):
            with self.subTest(field=field, value=value):
                words = self.refused(400, field, **{**ASKED, 'logprobs': True, field: value})
                self.assertIn(field, words)
        self.refused(404, 'model', **{**ASKED, 'model': 'gpt-5'})
        self.refused(400, 'best_of', '/v1/completions', prompt='a', best_of=2)
        self.refused(400, 'prompt', '/v1/completions', prompt=[[10**6]])
        self.refused(400, 'prompt', '/v1/completions', prompt='word ' * 3000)
        self.refused(400, 'max_tokens', '/v1/completions', prompt='a', max_tokens=0)

    def test_more_than_fits_is_refused(self):
        words = self.refused(400, 'n', '/v1/completions', prompt='a', n=128, max_tokens=1024, logprobs=20)
        self.assertIn('fewer choices', words)

    def test_what_changes_nothing_is_taken(self):
        plain = self.choices()
        self.assertEqual(plain, self.choices(
            user='somebody', tools=[], tool_choice='none', presence_penalty=0.0, frequency_penalty=0, logit_bias={},
            response_format={'type': 'text'}, metadata={'a': 'b'}, store=False, model='demo', top_p=None, stop=None,
            parallel_tool_calls=True))

    def test_bodies_that_are_none(self):
        headers = {'Content-Type': 'application/json'}
        for body in ('', '{', '[]', '"a"', '[' * 100000, '{"messages":' + '[' * 40, '\xff', '{"a":1,"a":2}',
                     '{"messages":[{"role":"user","content":"\\u0000"}]}', 'null', '{}'):
            status, _, text = self.server.request('POST', '/v1/chat/completions', body.encode('latin-1'), headers)
            self.assertEqual(status, 400, text)
            self.assertEqual(json.loads(text)['error']['type'], 'invalid_request_error')

    def test_who_may_ask(self):
        good = json.dumps(ASKED)
        for method, path, headers, status in (
                ('POST', '/v1/chat/completions', {'Content-Type': 'text/plain'}, 415),
                ('POST', '/v1/chat/completions', {}, 415),
                ('POST', '/v1/chat/completions', {'Content-Type': 'application/json', 'Host': 'evil.example'}, 403),
                ('POST', '/v1/chat/completions', {'Content-Type': 'application/json', 'Host': 'localhost.evil'}, 403),
                ('POST', '/v1/chat/completions', {'Content-Type': 'application/json; charset=utf-8'}, 200),
                ('POST', '/v1/chat/completions', {'Content-Type': 'application/json', 'Host': 'LOCALHOST:1'}, 200),
                ('POST', '/v1/chat/completions', {'Content-Type': 'application/json', 'Host': '[::1]:80'}, 200),
                ('GET', '/v1/chat/completions', {}, 405), ('OPTIONS', '/v1/chat/completions', {}, 405),
                ('POST', '/v1/models', {'Content-Type': 'application/json'}, 404), ('GET', '/', {}, 404),
                ('GET', '/v1/embeddings', {}, 404)):
            with self.subTest(method=method, path=path, headers=headers):
                got, answered, _ = self.server.request(method, path, good if method == 'POST' else None, headers)
                self.assertEqual(got, status)
                self.assertFalse([name for name in answered if name.lower().startswith('access-control')])

    def test_a_body_that_is_too_long(self):
        status, _, _ = self.server.request('POST', '/v1/chat/completions', b'x' * (5 << 20),
                                           {'Content-Type': 'application/json'})
        self.assertEqual(status, 413)


class Options(Folder):
    def test_wrong_words(self):
        self.assert_one_line(call('serve', '--host', '0.0.0.0', '--port', 0), 2, '--host 0.0.0.0', '--api-key-env')
        self.assert_one_line(call('serve', '--api-key-env', 'NOBODY_SET_THIS', '--port', 0), 2, 'NOBODY_SET_THIS')
        self.assert_one_line(call('serve', '--max-new-tokens', 5000, '--port', 0), 1, 'context of 2048')
        self.assert_one_line(call('serve', '--port', 99999), 2, '--port')
        self.assert_one_line(call('serve', '--model', self.path('none'), '--port', 0), 1, 'none')

    def test_a_key(self):
        server = OwnServer('--api-key-env', 'A_KEY', '--host', '0.0.0.0', env={'A_KEY': 'sk-secret'})
        self.addCleanup(server.process.kill)
        for given, status in ((None, 401), ('Bearer ', 401), ('Bearer sk-secre', 401), ('Bearer sk-secret2', 401),
                              ('Basic sk-secret', 401), ('Bearer sk-secret', 200)):
            headers = {'Authorization': given} if given is not None else {}
            self.assertEqual(server.request('GET', '/v1/models', headers=headers)[0], status, given)
        self.assertEqual(server.request('GET', '/health')[0], 200)
        status, said = server.stop()
        self.assertEqual(status, 0)
        self.assertNotIn('secret', said)


if __name__ == '__main__':
    unittest.main()
