#!/usr/bin/env python3
"""./quickstart --real from end to end, against servers of the tests' own: the demonstration model stands for
Qwen3-0.6B, made-up rows for ToxicChat.

  test_cli_quickstart.py PATH_TO_SAFECONF      Python's standard library only.
"""
import os
import subprocess
import unittest

from hub_server import Hub
from program import DEMO, PROGRAM, ROOT, Folder, call
from sets_server import Sets

ROWS = ''.join(f'c{i},How do I do {i}?,No,True,{i % 2},0,[]\n' for i in range(30))
TOXICCHAT = 'conv_id,user_input,model_output,human_annotation,toxicity,jailbreaking,openai_moderation\n' + ROWS


class Real(Folder):
    def setUp(self):
        super().setUp()
        sets = Sets({'toxic-chat_annotation_test.csv': TOXICCHAT.encode()})
        self.addCleanup(sets.close)
        self.env = sets.environment(self.folder)
        result = call('pull', 'toxicchat', '--split', 'test', '--revision', 'main', env=self.env)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.hub = Hub().__enter__()
        self.addCleanup(self.hub.__exit__)
        self.hub.add('Qwen/Qwen3-0.6B', DEMO)
        self.env.update({'HF_ENDPOINT': self.hub.url, 'SAFECONF': PROGRAM})

    def quickstart(self, *words):
        return subprocess.run([os.path.join(ROOT, 'quickstart'), *words], capture_output=True, text=True, timeout=300,
                              stdin=subprocess.DEVNULL, env={**os.environ, **self.env}, cwd=self.folder)

    def test_fetches_runs_and_shows(self):
        words = ('--real', '--max-new-tokens', '16', '--out', self.path('out'))
        result = self.quickstart(*words)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn('--yes', result.stderr)
        self.assertFalse(os.path.exists(self.path('out', 'report.html')))
        result = self.quickstart(*words, '--yes')
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = self.predictions()
        self.assertEqual(len(rows), 20)
        self.assertTrue(all(3 <= len(row['traces']) <= 10 for row in rows))
        self.assertTrue(all(row['instance_id'].startswith('toxicchat_test_') for row in rows))
        self.assertIn('Qwen3-0.6B on toxicchat', result.stdout)
        self.assertTrue(os.path.exists(self.path('out', 'report.html')))
        n = len(self.hub.requests)
        self.assertEqual(self.quickstart(*words).returncode, 0)
        self.assertEqual(len(self.hub.requests), n)


if __name__ == '__main__':
    unittest.main(verbosity=2)
