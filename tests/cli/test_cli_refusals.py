#!/usr/bin/env python3
"""What every command says of words, files and folders that it cannot use: one line, its status, and nothing made.

  test_cli_refusals.py PATH_TO_SAFECONF      Python's standard library only.
"""
import os
import shutil
import subprocess
import unittest

from model_server import ModelServer
from program import DEMO, PROGRAM, Folder, call

LATIN = 'gr\u00fc\u00df'.encode('latin-1')
NOWHERE = 'http://127.0.0.1:9'  # the port that discards; nothing listens there
# Words with which a command does not begin, and what it says; @ is the test's folder.
WORDS = [
    (['frobnicate'], 'safeconf: unknown command "frobnicate" (safeconf --help lists them)'),
    (['run', '--dtype', 'f8'], '--dtype: expected bf16, int8 or f32, found "f8"'),
    (['run', '--labels-harm-column', 'h'], '--labels-harm-column goes with --judge-labels'),
    (['classify', '@', '--labels-prompt-column', 'p'], '--labels-prompt-column goes with --judge-labels'),
    (['run', '--traces-total', '40', '--policy', 'fixed'], 'traces-total: goes with no --policy but budget'),
    (['run', '--traces-total', '40', '--no-early-stopping'], 'traces-total: goes with no --no-early-stopping'),
    (['run', '--policy', 'budget', '--traces-total', '40', '--min-traces', '3', '--max-traces', '3'],
     'policy budget: max traces: expected more than min traces (3)'),
    (['run', '--policy', 'budget', '--traces-total', '400', '--num-instances', '4'],
     'traces-total: expected less than 40, the most that 4 prompts take (max traces 10: raise it), found 400'),
    (['run', '--policy', 'interval', '--width', '0'], 'policy interval: width: expected above 0 and at most 1, found 0'),
    (['run', '--policy', 'deepconf', '--tau', '1.5'], '--tau: expected 0 to 1, found "1.5"'),
    (['run', '--top-p', '1.5'], '--top-p: expected'),
    (['run', '--repetition-penalty', '1000'], '--repetition-penalty: expected 0.01 to 100, found "1000"'),
    (['run', '--policy', 'deepconf', '--tau', '0'], 'policy deepconf: tau: expected above 0 and at most 1, found 0'),
    (['run', '--repetition-penalty', '0.001'], '--repetition-penalty: expected 0.01 to 100, found "0.001"'),
    (['run', '--thinking-budget', '8'], 'thinking-budget: goes with thinking'),
    (['run', '--template-date', '2024-13-01'], 'template-date: expected a date such as 2024-07-26, found "2024-13-01"'),
    (['run', '--template-date', '2023-02-29'], 'found "2023-02-29"'),
    (['run', '--template-arg', 'x'], 'template-arg: expected NAME=VALUE, found "x"'),
    (['run', '--template-arg', 'messages=1'], 'template-arg: messages is not for arguments'),
    (['run', '--prompt-template', 'Answer this.'], '--prompt-template: expected {prompt} where the prompt goes, found none'),
    (['run', '--split', 'test'], 'benchmark synthetic: has no splits, found \'test\''),
    (['run', '--label', 'safe'], 'benchmark synthetic: has labels of its own'),
    (['run', '--benchmark', '@/rows.jsonl', '--prompt-column', 'prompt', '--messages-column', 'prompt'],
     'expected --prompt-column or --messages-column, found both'),
    (['run', '--benchmark', '@/rows.jsonl', '--label', 'maybe'], '--label: expected safe or unsafe, found \'maybe\''),
    (['run', '--benchmark', '@/rows.jsonl', '--label', 'safe', '--label-column', 'label'],
     '--label gives all rows one label: expected no --label-column beside it'),
    (['run', '--benchmark', '@/rows.jsonl', '--label', 'safe', '--unsafe-value', 'x'],
     '--label gives all rows one label: expected no --unsafe-value beside it'),
    (['run', '--benchmark', '@/rows.jsonl', '--label', 'safe', '--safe-value', 'x'],
     '--label gives all rows one label: expected no --safe-value beside it'),
    (['run', '--benchmark', '@/rows.jsonl', '--label', 'safe'],
     "rows.jsonl: line 1: column 'label' says unsafe, --label says safe: --label is for files without labels"),
    (['bench', '--experiment', '--parallel', '1,2'], '--parallel: expected one width with --experiment'),
    (['score', '--tokens', '1,,2'], '--tokens: expected numbers with commas between them, found ",2"'),
    (['score', '--tokens', '1,99999999999'], '--tokens: expected numbers with commas between them, found "99999999999"'),
    (['score', '--text', ''], '--text: expected at least one token, found none'),
    (['serve', '--host', '0.0.0.0'], '--host 0.0.0.0: whoever reaches it could use the model: expected --api-key-env'),
    (['serve', '--api-key-env', 'SAFECONF_NO_SUCH_KEY'],
     '--api-key-env: expected a key in the environment variable SAFECONF_NO_SUCH_KEY, found none'),
    (['run', '--endpoint', NOWHERE, '--model', 'm', '--api-key-env', 'SAFECONF_NO_SUCH_KEY'],
     '--api-key-env: expected an API key in the environment variable SAFECONF_NO_SUCH_KEY, found nothing'),
    (['pull', 'no such/name'], 'found "no such/name"'),
    (['pull', 'a/b@one', '--revision', 'two'], 'expected one revision, found @one and --revision two'),
    (['pull', 'a/b', '--revision', '../x'], '--revision: expected a branch, a tag or a commit, found "../x"'),
    (['pull', 'harmbench', '--split', 'none'], 'has no splits, found "none"'),
    (['serve-command', '--engine', 'llama-server', '--model', 'demo'],
     'model: llama-server expects a .gguf file, found demo'),
    (['serve-command', '--engine', 'vllm', '--model', 'a\x1bb'], 'a command line: expected visible characters, found others'),
    (['risk', 'a', '--proposal', 'prefill:'], 'proposal: expected a model, or words behind the colon'),
]
# Words that are right, and what stands in their way: status 1.
WORLD = [
    (['figures', '@/none'], 'none: expected a folder'),
    (['run', '--model', '@/rows.jsonl'], 'a file: a folder in Hugging Face layout is needed'),
    (['run', '--system', '@@/latin'], 'latin: expected text in UTF-8, found other bytes'),
    (['run', '--benchmark', '@/wide.csv'], 'wide.csv: UTF-32: save it as UTF-8'),
    (['run', '--benchmark', '@/brackets.json'], 'brackets.json'),
    (['run', '--benchmark', '@/calls.jsonl', '--messages-column', 'm'], 'message 1: tool_calls: calls cannot be framed'),
    (['score', '--model', '@/no_tokenizer', '--text', 'x'], '--text needs a tokenizer.json, found none'),
    (['detect', '@/rows.jsonl', '--rules', '@/rules.json'], 'verdict: expected refusal, partial or compliance'),
]


class Refusals(Folder):
    def setUp(self):
        super().setUp()
        self.write('rows.jsonl', '{"prompt": "a", "label": "unsafe", "completion": "b"}\n')
        self.write('latin', LATIN)
        self.write('wide.csv', 'prompt\na\n'.encode('utf-32'))
        self.write('brackets.json', '[{"prompt": "a"}, {"prompt": "b"]')
        self.write('calls.jsonl', '{"m": [{"role": "user", "content": "a", "tool_calls": [{"id": 1}]}]}\n')
        self.write('rules.json', '{"add": [{"name": "a", "verdict": "no", "pattern": "b"}]}')
        shutil.copytree(DEMO, self.path('no_tokenizer'), ignore=shutil.ignore_patterns('tokenizer*'))
        self.before = sorted(os.listdir(self.folder))

    def refuse(self, words, status, said):
        words = [self.folder + word[1:] if word.startswith('@') and not word.startswith('@@') else
                 '@' + self.folder + word[2:] if word.startswith('@@') else word for word in words]
        if words[0] in ('run', 'compare', 'risk'):
            words += ['--out', self.path('out'), '--quiet']
        with self.subTest(words=words):
            result = call(*words)
            self.assert_one_line(result, status, said)
            self.assertTrue(result.stderr.startswith('safeconf'), result.stderr)
            self.assertEqual(result.stdout, '')
            self.assertEqual(sorted(os.listdir(self.folder)), self.before)

    def test_words_that_do_not_fit(self):
        for words, said in WORDS:
            self.refuse(words, 2, said)

    def test_a_world_that_does_not_fit(self):
        for words, said in WORLD:
            self.refuse(words, 1, said)

    def test_settings_of_the_environment(self):
        for name, value, said in (('HF_HUB_DOWNLOAD_TIMEOUT', 'soon', 'HF_HUB_DOWNLOAD_TIMEOUT: expected 1 to'),
                                  ('HF_HUB_DOWNLOAD_TIMEOUT', '0', 'HF_HUB_DOWNLOAD_TIMEOUT: expected 1 to'),
                                  ('HF_ENDPOINT', 'ftp://x', 'http'), ('HF_TOKEN', 'two words', 'an access token of one word')):
            with self.subTest(name=name, value=value):
                self.assert_one_line(call('pull', 'a/b', env={name: value, 'HF_HUB_CACHE': self.path('cache')}), 2, said)
                self.assertFalse(os.path.exists(self.path('cache')))

    def test_bytes_that_are_no_text(self):
        own = self.write('own.jinja', '[{{ messages[0].content }}] {{ x }}')
        with ModelServer() as server:
            there = ['--endpoint', server.url()]
            for words in ([b'--system', LATIN], [b'--chat-template', own, '--template-arg', b'x=' + LATIN],
                          [*there, '--template-arg', b'x=' + LATIN], [*there, '--model', LATIN]):
                with self.subTest(words=words):
                    result = subprocess.run([PROGRAM, 'run', *words, '--out', self.path('out'), '--quiet'], check=False,
                                            capture_output=True, text=True, stdin=subprocess.DEVNULL)
                    self.assert_one_line(result, 2, 'UTF-8, found other bytes')
                    self.assertFalse(os.path.exists(self.path('out')))


if __name__ == '__main__':
    unittest.main()
