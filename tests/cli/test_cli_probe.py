"""What a run finds out about its server before it samples: through the program, in every manner of model_server.py."""
import unittest

from model_server import ModelServer
from program import Folder, call


class Probe(Folder):
    def setUp(self):
        super().setUp()
        self.n = 0

    def asked(self, server, manners, *more, expect=0, model='toy', tokenizer=False):
        self.n += 1
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
