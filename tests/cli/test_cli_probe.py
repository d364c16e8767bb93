"""What a run finds out about its server before it samples: through the program, in every manner of model_server.py."""
import json
import unittest

from model_server import ModelServer
from program import Folder, call


class Probe(Folder):
    def setUp(self):
        super().setUp()
        self.n = 0

    def asked(self, server, manners, *more, expect=0, model='toy', tokenizer=False):
        self.n += 1
        server.requests.clear()
        words = ('--tokenizer', 'demo') if tokenizer else ()
        result = call('run', '--endpoint', server.url(*manners), *(('--model', model) if model else ()),
                      '--num-instances', 1, '--policy', 'single', '--max-new-tokens', 4, '--out', self.path(str(self.n)),
                      *words, *more)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def source(self):
        return self.analysis(str(self.n))['run']['source']

    def test_what_log_probabilities_are_those_of(self):
        sharp = ('--temperature', 0.6)
        with ModelServer() as server:
            for manners, options, logprobs, top_k, remark in (
                    ((), (), 'raw', 20, None),
                    ((), sharp, 'raw', 20, None),
                    (('noisy',), sharp, 'raw', 20, None),
                    (('processed',), (), 'processed', 20, None),
                    (('processed',), sharp, 'processed', 20, None),
                    (('processed', 'noisy'), sharp, 'processed', 20, None),
                    (('processed', 'filtered'), sharp + ('--top-p', 0.7), 'processed', None, 'top-k, top-p and min-p leave'),
                    (('few',), (), 'raw', 5, 'the 5 likeliest tokens of the 20'),
                    (('refuses_many',), (), 'raw', 5, 'the 5 likeliest tokens of the 20'),
                    (('processed', 'few'), sharp, 'processed', 5, None),
                    (('none',), (), 'unknown', 0, 'gives no log-probabilities'),
                    (('one',), (), 'unknown', 0, 'gives no log-probabilities'),
                    (('strict',), sharp + ('--top-k', 0), 'raw', 20, None),
                    (('no_bytes', 'no_usage', 'no_end'), (), 'raw', 20, None),
                    (('reasoning',), (), 'raw', 20, None)):
                for tokenizer in (False, True) if 'reasoning' not in manners else (False,):
                    with self.subTest(manners=manners, options=options, tokenizer=tokenizer):
                        result = self.asked(server, manners, *options, tokenizer=tokenizer)
                        source = self.source()
                        self.assertEqual(source['logprobs'], logprobs, result.stderr)
                        if top_k is not None:
                            self.assertEqual(source['top_k'], top_k, result.stderr)
                        if remark:
                            self.assertIn(remark, result.stderr)

    def test_where_an_answer_ends_at_once_decides_nothing(self):
        """The token that ends an answer may be drawn first, and some servers do not list it."""
        def first(body):  # the prompt that is asked first: ids, or a question
            return isinstance(body.get('prompt'), list) or 'capital of France' in json.dumps(body.get('messages', ''))

        filters = ('--temperature', 0.6, '--top-p', 0.7)
        with ModelServer() as server:
            for name, ends in (
                    ('the first answer', lambda number, body: number == 0),
                    ('twice', lambda number, body: number < 2),
                    ('at the other temperature', lambda number, body: first(body) and body.get('temperature', 1) < 1),
                    ('without a seed', lambda number, body: first(body) and 'seed' not in body),
                    ('to the first prompt', lambda number, body: first(body))):
                server.fault = lambda number, body: (
                    'ended' if ends(number, body) and body['max_tokens'] != 4 and 'stream' not in body else None)
                for manners, options, logprobs in (((), (), 'raw'), (('processed',), (), 'processed'),
                                                   (('no_seed',), (), 'raw'),
                                                   (('processed', 'filtered'), filters, 'processed')):
                    for tokenizer in (False, True):
                        with self.subTest(name=name, manners=manners, tokenizer=tokenizer):
                            result = self.asked(server, manners, *options, tokenizer=tokenizer)
                            source = self.source()
                            self.assertEqual(source['logprobs'], logprobs, result.stderr)
                            if 'filtered' in manners:
                                self.assertIn('top-k, top-p and min-p leave', result.stderr)
                            else:
                                self.assertEqual(source['top_k'], 20, result.stderr)
                            self.assertNotIn('gives no', result.stderr)
                            self.assertLessEqual(len(server.requests), 20)

    def test_servers_are_alike_where_one_answer_ends_at_once(self):
        for often in (1, 3):
            with ModelServer() as one, ModelServer(fault=lambda n, body: 'ended' if n < often else None) as other:
                for pair in ((one, other), (other, one)):
                    with self.subTest(often=often, first=pair[0] is one):
                        other.requests.clear()
                        self.asked(pair[0], (), '--endpoint', pair[1].url())

    def test_chosen_tokens_alone_are_no_log_probabilities_whatever_they_agree_in(self):
        with ModelServer() as server:
            for tokenizer in (False, True):
                self.asked(server, ('one',), tokenizer=tokenizer)
                self.assertNotIn(0.5, [request['body'].get('temperature') for request in server.requests])

    def test_short_answers_that_are_alike_are_to_be_so_twice(self):
        def fault(number, body):
            if 'seed' not in body or body['max_tokens'] != 16:
                return None
            seeds.append(body['seed'])
            return None if len(seeds) == 3 else 'ended'
        seeds = []
        with ModelServer(fault=fault) as server:
            self.asked(server, ())
        self.assertEqual(len(seeds), 4)
        self.assertEqual(self.source()['reproducible'], 'no')

    def test_whether_answers_come_again(self):
        with ModelServer() as server:
            for manners, reproducible in (((), 'yes'), (('random',), 'no'), (('no_seed',), 'unknown')):
                with self.subTest(manners=manners):
                    self.asked(server, manners)
                    self.assertEqual(self.source()['reproducible'], reproducible)

    def test_what_the_server_is(self):
        with ModelServer() as server:
            for manners, software in ((('vllm',), 'vllm 0.1.toy'), (('llama',), 'llama.cpp 0.1.toy'),
                                      (('sglang',), 'sglang 0.1.toy'), ((), None)):
                with self.subTest(manners=manners):
                    result = self.asked(server, manners)
                    self.assertEqual(self.source().get('software'), software)
                    self.assertEqual('(server, ' + str(software) in result.stderr, software is not None)

    def test_a_handful_of_requests(self):
        with ModelServer() as server:
            self.asked(server, ())
            self.assertLessEqual(len(server.requests), 8 + 1)
            self.assertLessEqual(sum(request['body']['max_tokens'] for request in server.requests), 3 * 16 + 8 + 4)
            self.assertLessEqual(len(server.gets), 4)

    def test_servers_that_will_not_do(self):
        with ModelServer() as server:
            for manners, more, part in (
                    (('completions_only',), {}, 'a server of completions alone needs --tokenizer'),
                    (('chat_only',), {'tokenizer': True}, 'no answer from /completions'),
                    (('no_models',), {'model': None}, 'does not list its models'),
                    (('strict',), {'tokenizer': True}, "does not take this run's sampling: the server answered 400"),
                    ((), {'model': 'other'}, 'expected one that')):
                with self.subTest(manners=manners):
                    result = self.asked(server, manners, expect=2 if 'model' in more else 1, **more)
                    self.assert_one_line(result, result.returncode, part)
            server.more_models = ['second']
            self.assert_one_line(self.asked(server, (), expect=2, model=None), 2, 'one of the 2 models', '(toy, second)')
        self.assert_one_line(self.asked(server, (), expect=1), 1, '/v1: ')

    def test_a_base_that_lacks_its_end_is_told(self):
        with ModelServer() as server:
            result = call('run', '--endpoint', server.url()[:-len('/v1')], '--model', 'toy', '--num-instances', 1,
                          '--out', self.path('out'), '--quiet')
        self.assert_one_line(result, 1, 'the bases of most servers end in /v1')

    def test_a_500_for_a_form_of_a_prompt_is_a_no(self):
        with ModelServer() as server:
            result = self.asked(server, ('fails_ids',), tokenizer=True)
            self.assertIn('the server takes no token ids', result.stderr)
            self.assertIsInstance(server.requests[-1]['body']['prompt'], str)
            self.assertLessEqual(sum(isinstance(r['body']['prompt'], list) for r in server.requests), 4)
        self.assertEqual(self.source()['logprobs'], 'raw')

    def test_a_500_now_and_then_is_none(self):
        state = {'n': 0}

        def fault(number, request):
            state['n'] += 1
            return '500' if state['n'] in (1, 5) else None
        with ModelServer(fault=fault) as server:
            self.asked(server, (), tokenizer=True)
            self.assertIsInstance(server.requests[-1]['body']['prompt'], list)
        self.assertEqual((self.source()['logprobs'], self.source()['reproducible']), ('raw', 'yes'))

    def test_the_other_name_of_the_limit_is_sent_where_it_is_wanted(self):
        with ModelServer() as server:
            self.asked(server, ('completion_tokens',))
            body = server.requests[-1]['body']
            self.assertEqual(body['max_completion_tokens'], 4)
            self.assertNotIn('max_tokens', body)

    def test_sampling_that_is_refused_is_one_line_where_it_was_asked_for(self):
        with ModelServer() as server:
            self.asked(server, ('fixed_sampling', 'none', 'no_seed'))
            self.assertFalse({'temperature', 'top_p', 'seed'} & set(server.requests[-1]['body']))
            for option in ('--temperature', '--top-p'):
                result = self.asked(server, ('fixed_sampling', 'no_seed'), option, 0.5, expect=1)
                name = option[2:].replace('-', '_')
                self.assert_one_line(result, 1, "does not take this run's sampling", "'%s' is not supported" % name)

    def test_a_model_answers_without_reasoning_unless_that_is_asked_for(self):
        with ModelServer() as server:
            for software in ('vllm', 'sglang', 'llama'):
                result = self.asked(server, (software, 'think'))
                self.assertEqual(server.requests[-1]['body']['chat_template_kwargs'], {'enable_thinking': False})
                self.assertNotIn('<think>', self.predictions(str(self.n))[0]['traces'][0])
                self.assertNotIn('come with reasoning', result.stderr)
                self.asked(server, (software, 'think'), '--thinking')
                self.assertEqual(server.requests[-1]['body']['chat_template_kwargs'], {'enable_thinking': True})
            self.asked(server, ('vllm',), '--template-arg', 'enable_thinking=true')
            self.assertEqual(server.requests[-1]['body']['chat_template_kwargs'], {'enable_thinking': True})
            for manner in ('think', 'reasoning'):
                result = self.asked(server, (manner,))
                self.assertNotIn('chat_template_kwargs', server.requests[-1]['body'])
                self.assertIn('answers come with reasoning, which was not asked for', result.stderr)
            self.assertNotIn('reasoning', self.asked(server, ()).stderr)

    def test_what_the_template_is_told_is_part_of_the_configuration(self):
        with ModelServer() as server:
            self.asked(server, ('vllm',))
            frame = self.rows(str(self.n), 'select json from configuration')[0][0]
        self.assertIn('enable_thinking=false', frame)

    def test_what_a_template_cannot_be_told_is_left_out_unless_it_was_asked_for(self):
        with ModelServer() as server:
            result = self.asked(server, ('vllm', 'no_kwargs'))
            self.assertIn('the server takes nothing for its chat template', result.stderr)
            self.assertNotIn('chat_template_kwargs', server.requests[-1]['body'])
            self.assert_one_line(self.asked(server, ('vllm', 'no_kwargs'), '--thinking', expect=1), 1,
                                 'chat_template is not supported')

    def test_a_tokenizer_that_counts_otherwise_is_remarked_on(self):
        with ModelServer() as server:  # which counts words
            for manners in ((), ('no_ids',)):
                self.assertIn("is --tokenizer the served model's?",
                              self.asked(server, manners, tokenizer=True).stderr)
            self.assertNotIn("is --tokenizer the", self.asked(server, ('no_usage',), tokenizer=True).stderr)

    def test_the_only_model_need_not_be_named(self):
        with ModelServer() as server:
            self.asked(server, (), model=None)
            self.assertEqual(self.source()['name'], 'toy')

    def test_several_servers_are_alike_or_the_run_does_not_begin(self):
        with ModelServer() as one, ModelServer() as other:
            self.asked(one, (), '--endpoint', other.url())
            result = self.asked(one, (), '--endpoint', other.url('vllm'), expect=1)
            self.assert_one_line(result, 1, 'expected unnamed software', 'found vllm')


if __name__ == '__main__':
    unittest.main()
