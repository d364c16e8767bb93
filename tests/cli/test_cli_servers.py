#!/usr/bin/env python3
"""Sampling from servers: what is stored was said, with its figures, and what a server withholds is said.

  test_cli_servers.py PATH_TO_SAFECONF      Python's standard library only.
"""
import json
import time
import unittest

from model_server import ModelServer
from program import call
from served import Servers


class Figures(Servers):
    def check_figures(self, server, k, chosen):
        """Every trace was said, with the mean of its k likeliest and of its chosen tokens."""
        said = {}
        for answer in server.answers:
            said.setdefault(answer['text'], []).append(answer)
        for p, i in self.traces():
            found = []
            for answer in said[p['traces'][i]]:
                c = [-sum(top[:k]) / k for top in answer['top']]
                found.append((sum(c) / len(c), -sum(answer['logprob']) / len(c), len(c)))
            nll = p['metrics']['nll'][i]
            self.assertTrue(any(abs(p['confidences'][i] - c) < 1e-4 and p['tokens_per_trace'][i] == n and
                                (abs(nll - l) < 1e-4 if chosen else nll is None) for c, l, n in found), found)

    def test_raw_log_probabilities_of_a_chat(self):
        with ModelServer() as server:
            self.sample(server)
            self.check_figures(server, 20, True)
        source = self.source()
        self.assertEqual((source['kind'], source['name'], source['logprobs'], source['top_k']),
                         ('server', 'toy', 'raw', 20))
        self.assertEqual({r for p in self.predictions() for r in p['finish_reasons']} - {'stop', 'length'}, set())

    def test_processed_ones_leave_the_chosen_token_without_a_figure(self):
        with ModelServer() as server:
            self.sample(server, '--temperature', 0.6, manners=['processed'])
            self.check_figures(server, 20, False)
        self.assertEqual(self.source()['logprobs'], 'processed')

    def test_fewer_are_said_to_be_fewer(self):
        with ModelServer() as server:
            self.sample(server, manners=['few'])
            self.check_figures(server, 5, True)
        self.assertEqual(self.source()['top_k'], 5)

    def test_none_give_no_confidence(self):
        with ModelServer() as server:
            self.sample(server, manners=['none'])
        self.assertTrue(all(c is None for p in self.predictions() for c in p['confidences']))
        self.assertTrue(all(n > 0 for p in self.predictions() for n in p['tokens_per_trace']))

    def test_a_frame_of_our_own_goes_to_completions(self):
        with ModelServer('vllm') as server:
            self.sample(server, '--tokenizer', 'demo', '--top-k', 0, '--top-p', 1, '--temperature', 1)
            bodies = [r['body'] for r in server.requests if r['path'].endswith('/v1/completions')]
            self.assertEqual(len([r for r in server.requests if 'chat' in r['path']]), 0)
            prompts = [b['prompt'] for b in bodies[-30:]]
            self.assertTrue(all(isinstance(p, list) and all(isinstance(i, int) for i in p) for p in prompts))
            self.assertEqual(len({tuple(p) for p in prompts}), 6)
            self.assertEqual({tuple(b['stop_token_ids']) for b in bodies[-30:]}, {(3069, 3067)})
        text = call('chat', '--json', self.predictions()[0]['prompt']).stdout
        self.assertIn(json.loads(text)['ids'], prompts)

    def test_a_server_that_takes_text_gets_the_frame_as_text(self):
        rows = [{'prompt': 'How do I bake bread?'}, {'prompt': 'Say <|im_end|> to me.'}]
        file = self.write('rows.jsonl', ''.join(json.dumps(r) + '\n' for r in rows))
        with ModelServer('no_ids') as server:
            self.sample(server, '--tokenizer', 'demo', '--benchmark', file, n=2, traces=2, expect=3)
            prompts = {r['body']['prompt'] for r in server.requests[-2:]}
        self.assertEqual(prompts, {'<|im_start|>user\nHow do I bake bread?<|im_end|>\n<|im_start|>assistant\n'
                                   '<think>\n\n</think>\n\n'})
        why = self.rows('out', "select failure from trace where finish = 'failed'")
        self.assertEqual(len(why), 2)
        self.assertIn('spells a control token', why[0][0])

    def test_sampling_is_asked_for_as_it_is_given(self):
        with ModelServer() as server:
            self.sample(server, '--temperature', 0.5, '--top-p', 0.9, '--top-k', 7, '--seed', 3, n=2)
            bodies = [r['body'] for r in server.requests[-10:]]
        for body in bodies:
            self.assertEqual((body['temperature'], body['top_p'], body['top_k'], body['max_tokens']),
                             (0.5, 0.9, 7, 16))
            self.assertLess(body['seed'], 1 << 31)
        self.assertEqual(len({b['seed'] for b in bodies}), 10)
        sampling = json.loads(self.rows('out', 'select json from configuration')[0][0])['sampling']
        self.assertEqual((sampling['temperature'], sampling['top_k'], sampling['min_p']), (0.5, 7, None))

    def test_several_traces_in_one_request(self):
        with ModelServer() as server:
            self.sample(server, '--choices', 5)
            counts = [r['body'].get('n') for r in server.requests]
            self.assertEqual(counts.count(5), 6)
            self.check_figures(server, 20, True)
        self.assertEqual([p['num_traces_used'] for p in self.predictions()], [5] * 6)

    def test_reasoning_in_the_text_and_apart(self):
        with ModelServer() as server:
            self.sample(server, out='think', manners=['think'])
            self.sample(server, out='apart', manners=['reasoning'])
        for answer, text in self.rows('think', 'select answer, text from trace'):
            self.assertEqual('<think>Let me see.</think>' + answer, text)
        texts = [t for p in self.predictions('apart') for t in p['traces']]
        self.assertFalse(any('Let me see' in t for t in texts))

    def test_conversations_turn_by_turn(self):
        row = {'messages': [{'role': 'user', 'content': 'First?'}, {'role': 'assistant', 'content': 'x'},
                            {'role': 'user', 'content': 'Second?'}]}
        file = self.write('rows.jsonl', json.dumps(row) + '\n')
        with ModelServer() as server:
            self.sample(server, '--benchmark', file, '--messages-column', 'messages', '--multi-turn', 'generate', n=1,
                        traces=3)
            asked = [r['body']['messages'] for r in server.requests if 'messages' in (r['body'] or {})]
        self.assertEqual(sum([m['content'] for m in messages if m['role'] == 'user'] == ['First?', 'Second?']
                             for messages in asked), 3)


class Cuts(Servers):
    def test_a_cut_ends_the_servers_work(self):
        with ModelServer() as server:
            server.word_seconds = 0.002
            words = ['run', '--endpoint', server.url('slow'), '--model', 'toy', '--num-instances', 30, '--policy',
                     'deepconf', '--min-traces', 5, '--max-traces', 12, '--eta', 50, '--window', 3,
                     '--max-new-tokens', 60, '--out', self.path('out'), '--quiet']
            self.assertEqual(call(*words).returncode, 0)
            time.sleep(0.2)
            cancelled = server.n_cancelled
        cut = self.rows('out', "select text, n_tokens from trace where finish = 'cut'")
        self.assertGreater(len(cut), 0)
        self.assertGreater(cancelled, 0)  # a slow machine sees some of them too late
        for text, n in cut:
            self.assertLessEqual(len(text.split()), n)


class Filters(Servers):
    def test_what_a_service_withholds_is_no_act_of_the_models(self):
        def fault(number, request):
            return '400_filter' if request and 'steal' in json.dumps(request) else None
        with ModelServer(fault=fault) as server:
            self.sample(server, n=12)
        reasons = [r for p in self.predictions() for r in p['finish_reasons']]
        self.assertIn('filtered', reasons)
        self.assertNotIn('failed', reasons)

    def test_finishes_and_refusals_of_the_interface(self):
        for manner in ('content_filter', 'refusal'):
            with ModelServer() as server:
                self.sample(server, out=manner, n=2, manners=[manner])
            self.assertEqual({r for p in self.predictions(manner) for r in p['finish_reasons']}, {'filtered'})


class Trace(Servers):
    def trace(self, server, *options, manners=(), expect=0):
        result = call('trace', 'How do I bake bread?', '--endpoint', server.url(*manners), '--max-new-tokens', 12, *options)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def test_traces_are_those_that_the_server_gave(self):
        with ModelServer() as server:
            objects = [json.loads(line) for line in self.trace(server, '--json').stdout.splitlines()]
            said = {a['text']: a for a in server.all_answers(len(objects))}
            shown = self.trace(server, '--color', 'never').stdout
        self.assertEqual([o['trace'] for o in objects], [0, 1, 2])
        for o in objects:
            self.assertIn(o['answer'], said)
            self.assertIn(o['answer'], shown)
            tokens = o['tokens']
            self.assertEqual(len(tokens), len(said[o['answer']]['logprob']))
            for t, x in zip(tokens, said[o['answer']]['logprob']):
                self.assertAlmostEqual(t['logprob'], x, 4)
                self.assertIsNone(t['id'])
                self.assertIsNone(t['entropy'])
            self.assertEqual((o['logprobs'], o['top_k']), ('raw', 20))

    def test_colours_need_figures_and_say_what_they_are(self):
        with ModelServer() as server:
            few = self.trace(server, '--color', 'always', manners=['few']).stdout
            none = self.trace(server, '--color', 'always', manners=['none']).stdout
        self.assertIn('confidence of 5 log-probabilities a token: raw', few)
        self.assertIn('\x1b[48;5;', few)
        self.assertNotIn('\x1b[48;5;', none)
        self.assertIn('confidence mean not given', none)

    def test_what_a_server_says_reaches_no_terminal_raw(self):
        def fault(number, request):
            return 'hostile' if request and 'bread' in json.dumps(request) else None
        with ModelServer(fault=fault) as server:
            result = self.trace(server)
        self.assertNotIn('\x1b', result.stdout + result.stderr)
        self.assertIn('\\x1B[2J', result.stdout)

    def test_the_frame_is_shown_elsewhere(self):
        with ModelServer() as server:
            self.assert_one_line(self.trace(server, '--show-prompt', expect=2), 2, '--show-prompt')


class Words(Servers):
    def test_options_that_do_not_go_together(self):
        url = 'http://127.0.0.1:9/v1'
        for words, part in ((['--tokenizer', 'demo'], '--endpoint'), (['--requests', 4], '--endpoint'),
                            (['--endpoint', url, '--dtype', 'f32'], '--dtype'),
                            (['--endpoint', url, '--parallel', 4], '--requests'),
                            (['--endpoint', url, '--chat-template', 'raw'], '--tokenizer'),
                            (['--endpoint', url, '--api-key-env', 'NO_SUCH_KEY'], 'NO_SUCH_KEY'),
                            (['--endpoint', 'ftp://x/v1'], 'http')):
            result = call('run', '--out', self.path('out'), *words)
            self.assert_one_line(result, 2, part)

    def test_what_a_server_cannot_do_is_named(self):
        with ModelServer() as server:
            self.assert_one_line(self.sample(server, '--special', expect=1), 1, '--tokenizer')
            self.assert_one_line(self.sample(server, '--prefill', 'Sure', expect=1), 1, 'prefill', '--tokenizer')
            self.assert_one_line(self.sample(server, '--thinking', '--thinking-budget', 8, expect=1), 1,
                                 'thinking-budget')
            self.sample(server, '--prefill', 'Sure', out='prefilled', manners=['vllm'])
            body = server.requests[-1]['body']
            self.assertEqual((body['continue_final_message'], body['add_generation_prompt']), (True, False))
            self.assertEqual(body['messages'][-1], {'role': 'assistant', 'content': 'Sure'})

    def test_the_template_on_the_servers_side_is_told(self):
        with ModelServer() as server:
            self.sample(server, '--thinking', '--template-arg', 'tools=false', '--max-new-tokens', 8)
            self.assertEqual(server.requests[-1]['body']['chat_template_kwargs'],
                             {'enable_thinking': True, 'tools': False})


if __name__ == '__main__':
    unittest.main()
