"""Runs from a server of the tests' own (model_server.py): what the tests of sampling from servers share.

Python's standard library only.
"""
from program import Folder, call


def run_words(server, out, *options, n=6, traces=5, manners=()):
    return ['run', '--endpoint', server.url(*manners), '--model', 'toy', '--num-instances', n, '--policy', 'fixed',
            '--max-traces', traces, *(() if '--max-new-tokens' in options else ('--max-new-tokens', 16)), '--out', out,
            '--quiet', *options]


class Servers(Folder):
    def sample(self, server, *options, out='out', expect=0, env=None, **more):
        result = call(*run_words(server, self.path(out), *options, **more), env=env)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def source(self, out='out'):
        return self.analysis(out)['run']['source']

    def traces(self, out='out'):
        return [(p, i) for p in self.predictions(out) for i in range(p['num_traces_used'])]

    def failed(self, out='out'):
        return self.rows(out, "select count(*) from trace where finish = 'failed'")[0][0]
