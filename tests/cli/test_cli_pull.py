"""Models of a hub: safeconf pull, and --model OWNER/MODEL, against a hub of the tests' own."""
import json
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

from hub_server import LARGE, Hub, git_sha1, sha256
import row_keys
from program import DEMO, PROGRAM, ROOT, Folder, call

GUARD = os.path.join(ROOT, 'models', 'demo-guard')
TOKEN = 'hf_secret_of_the_test'


class Pull(Folder):
    def setUp(self):
        super().setUp()
        self.hub = Hub(TOKEN).__enter__()
        self.addCleanup(self.hub.__exit__)
        self.demo = self.hub.add('safeconf/demo', DEMO)
        self.env = {'HF_ENDPOINT': self.hub.url, 'HF_HOME': self.path('home'), 'HF_HUB_OFFLINE': '0', 'HF_TOKEN': '',
                    'HF_HUB_CACHE': '', 'HF_HUB_DOWNLOAD_TIMEOUT': '5', 'NO_PROXY': '127.0.0.1,localhost'}

    def pull(self, *words, expect=0, **env):
        result = call('pull', *words, env=dict(self.env, **env))
        self.assertEqual(result.returncode, expect, result.stderr)
        self.assertNotIn(TOKEN, result.stdout + result.stderr)
        return result

    def refused(self, *words, says, **env):
        result = self.pull(*words, expect=1, **env)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, result.stderr)
        return result

    def cache(self, *names):
        return self.path('home', 'hub', 'models--safeconf--demo', *names)

    def whole(self, repository=None):
        """The snapshot has what the hub has, and no content is unfinished."""
        repository = repository or self.demo
        for name, content in repository.files.items():
            if name.endswith('.md'):
                continue
            path = self.cache('snapshots', repository.commit, name)
            self.assertEqual(os.readlink(path), '../../blobs/' + repository.etag(name))
            with open(path, 'rb') as file:
                self.assertEqual(file.read(), content)
        self.assertEqual([name for name in os.listdir(self.cache('blobs')) if 'incomplete' in name], [])

    # ---- what comes, and where it stands -----------------------------------------------------

    def test_a_model_comes_as_the_tools_of_the_hub_keep_it(self):
        result = self.pull('safeconf/demo')
        self.assertIn('revision ' + self.demo.commit, result.stdout)
        self.whole()
        with open(self.cache('refs', 'main')) as file:
            self.assertEqual(file.read(), self.demo.commit)
        self.assertNotIn('README.md', os.listdir(self.cache('snapshots', self.demo.commit)))
        n = len(self.hub.requests)
        self.assertIn(self.demo.commit, self.pull('safeconf/demo').stdout)
        self.assertEqual(len(self.hub.requests), n + 1)  # the listing alone

    def test_a_content_that_was_damaged_is_fetched_again(self):
        self.pull('safeconf/demo')
        path = self.cache('blobs', self.demo.etag('tokenizer.json'))
        with open(path, 'r+b') as file:
            file.write(b'x')
        self.pull('safeconf/demo')
        self.whole()

    def test_shards_come_and_what_is_not_needed_stays(self):
        demo = self.demo.files['config.json']
        shards = {'model-0000%d-of-00005.safetensors' % i: bytes([i]) * (LARGE + i) for i in range(1, 6)}
        others = {'pytorch_model.bin': b'p', 'consolidated.safetensors': b'c', 'onnx/model.onnx': b'o',
                  'original/params.json': b'{}', '.gitattributes': b'', 'README.md': b'#'}
        index = {'weight_map': {name: name for name in shards}}
        files = dict(shards, **others, **{'config.json': demo, 'tokenizer.json': b'{}', 'chat_template.jinja': b'x',
                                          'model.safetensors.index.json': json.dumps(index).encode()})
        repository = self.hub.add('safeconf/demo', files)
        self.pull('safeconf/demo')
        self.assertEqual(sorted(os.listdir(self.cache('snapshots', repository.commit))),
                         sorted(name for name in files if name not in others))

    def test_equal_files_are_one_content(self):
        files = dict(self.demo.files, **{'tokenizer_copy.json': self.demo.files['tokenizer.json']})
        repository = self.hub.add('safeconf/demo', files)
        self.pull('safeconf/demo')
        self.whole(repository)

    def test_a_listing_that_says_little_is_made_up_for(self):
        self.hub.fault = lambda request: 'bare listing' if '/api/' in request.path else None
        self.pull('safeconf/demo')
        self.whole()
        self.assertTrue([request for request in self.hub.requests if request.method == 'HEAD'])

    def test_revisions_are_branches_tags_and_commits(self):
        files = dict(self.demo.files, **{'generation_config.json': b'{"temperature": 0.5}'})
        other = self.hub.add('safeconf/demo', files, revisions=('dev', 'refs/pr/7'))
        self.pull('safeconf/demo@dev')
        self.whole(other)
        self.assertFalse(os.path.exists(self.cache('refs', 'main')))
        self.pull('safeconf/demo', '--revision', 'refs/pr/7')
        with open(self.cache('refs', 'refs', 'pr', '7')) as file:
            self.assertEqual(file.read(), other.commit)
        self.pull('safeconf/demo@' + self.demo.commit)
        self.whole()
        self.assertEqual(sorted(os.listdir(self.cache('refs'))), ['dev', 'refs'])
        self.refused('safeconf/demo@none', says='no revision "none"')

    # ---- interruptions -----------------------------------------------------------------------

    def test_what_is_cut_off_is_taken_up_where_it_stopped(self):
        cuts = []

        def fault(request):
            if '/storage/' in request.path and len(cuts) < 3:
                cuts.append(request)
                return 'cut'
        self.hub.fault = fault
        self.pull('safeconf/demo')
        self.whole()
        ranges = [request.range for request in self.hub.asked('/storage/')]
        self.assertIsNone(ranges[0])
        self.assertTrue(all(re.fullmatch(r'bytes=\d+-', piece) for piece in ranges[1:]), ranges)

    def test_a_server_without_ranges_gives_all_again(self):
        self.hub.fault = lambda request: (('no ranges' if request.range else 'cut') if '/storage/' in request.path
                                          else None)
        self.pull('safeconf/demo')
        self.whole()

    def test_an_interrupted_pull_ends_with_130_and_goes_on(self):
        self.hub.pause = 0.02
        program = subprocess.Popen([PROGRAM, 'pull', 'safeconf/demo'], env=dict(os.environ, **self.env),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.time() + 20
        while self.hub.sent < 1_000_000 and time.time() < end:
            time.sleep(0.02)
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=20)
        self.assertEqual(program.returncode, 130, said)
        self.assertIn('goes on', said)
        self.assertFalse(os.path.exists(self.cache('snapshots')))
        left = [name for name in os.listdir(self.cache('blobs')) if name.endswith('.incomplete')]
        self.assertEqual(left, [self.demo.etag('model.safetensors') + '.incomplete'])
        n = os.path.getsize(self.cache('blobs', left[0]))
        self.assertGreater(n, 0)
        self.hub.pause, self.hub.requests[:] = 0, []
        self.pull('safeconf/demo')
        self.whole()
        self.assertEqual([request.range for request in self.hub.asked('/storage/')], ['bytes=%d-' % n])

    def test_a_server_that_says_nothing_more_is_asked_again(self):
        hung = []

        def fault(request):
            if '/storage/' in request.path and not hung:
                hung.append(request)
                return 'hang'
        self.hub.fault = fault
        self.pull('safeconf/demo', HF_HUB_DOWNLOAD_TIMEOUT='1')
        self.whole()

    def test_failures_that_may_pass_are_tried_again(self):
        self.hub.fault = lambda request: {0: 503, 1: 429, 3: 500}.get(request.number)
        self.pull('safeconf/demo')
        self.whole()

    def test_two_processes_do_not_break_each_other(self):
        self.hub.pause = 0.001
        both = [subprocess.Popen([PROGRAM, 'pull', 'safeconf/demo'], env=dict(os.environ, **self.env),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        for program in both:
            _, said = program.communicate(timeout=60)
            self.assertEqual(program.returncode, 0, said)
        self.whole()
        self.assertEqual(len(self.hub.asked('/storage/')), 1)

    # ---- lies and hostile answers ------------------------------------------------------------

    def test_a_wrong_size_or_content_is_refused(self):
        for fault, says in (('shorter', 'bytes, found'), ('another content', 'expected SHA-256')):
            self.hub.fault = lambda request: fault if '/storage/' in request.path else None
            self.refused('safeconf/demo', says=says)
            self.assertFalse(os.path.exists(self.cache('snapshots')))
            blobs = os.listdir(self.cache('blobs'))
            self.assertFalse([name for name in blobs if name.startswith(self.demo.etag('model.safetensors'))])
        shutil.rmtree(self.cache())
        self.hub.fault = lambda request: 'another content' if 'tokenizer.json' in request.path else None
        self.refused('safeconf/demo', says="expected Git's SHA-1")

    def test_a_disk_without_room_is_said_before_anything_comes(self):
        def huge(body):
            for file in body['siblings']:
                if 'lfs' in file:
                    file['lfs']['size'] = 10**17
            return body
        self.hub.fault = lambda request: huge if '/api/' in request.path else None
        self.refused('safeconf/demo', says=('expected room for', 'found'))
        self.assertEqual(len(self.hub.requests), 1)

    def test_names_of_a_listing_stay_inside(self):
        def listing(**fields):
            return lambda body: dict(body, **fields)
        file = {'rfilename': 'config.json', 'size': 3, 'blobId': git_sha1(b'abc')}
        hostile = [
            listing(siblings=[dict(file, rfilename='../config.json')]),
            listing(siblings=[dict(file, rfilename='/etc/config.json')]),
            listing(siblings=[dict(file, rfilename='..\\config.json')]),
            listing(siblings=[dict(file, rfilename=7)]),
            listing(siblings=[file, file]),
            listing(siblings=[dict(file, size=-1)]),
            listing(siblings=[dict(file, lfs={'sha256': '../../x', 'size': 3})]),
            listing(siblings={}), listing(sha='../..'), listing(sha='a/b'), listing(sha=''), listing(sha=None),
            lambda body: b'not JSON', lambda body: b'[]', lambda body: b'{"sha":"\\u0000"}',
        ]
        for fault in hostile:
            self.hub.fault = lambda request: fault if '/api/' in request.path else None
            self.refused('safeconf/demo', says='model "safeconf/demo"')
        self.assertFalse(os.path.exists(self.cache()))
        self.assertEqual(os.listdir(self.folder), [])

    def test_an_etag_that_is_no_name_is_refused(self):
        self.hub.fault = lambda request: 'bare listing' if '/api/' in request.path else None
        self.demo.etag = lambda name: '../../../out'
        self.refused('safeconf/demo', says='expected an ETag')

    def test_what_a_server_says_is_made_visible(self):
        red = lambda body: dict(body, sha='\x1b[31mred\n')
        self.hub.fault = lambda request: red if '/api/' in request.path else None
        result = self.refused('safeconf/demo', says='sha')
        self.assertNotIn('\x1b', result.stderr)

    def test_repositories_without_safetensors_are_named(self):
        config = {'config.json': b'{}'}
        for files, says in (({'model-q4.gguf': b'g'}, 'GGUF'), ({'pytorch_model.bin': b'p'}, 'pytorch_model.bin'),
                            ({'adapter_config.json': b'{}', 'adapter_model.safetensors': b'a'}, 'adapter'),
                            ({'consolidated.safetensors': b'c'}, 'consolidated.safetensors'), ({}, 'no weights')):
            self.hub.add('safeconf/other', dict(config, **files))
            self.refused('safeconf/other', says=says)

    # ---- who may ------------------------------------------------------------------------------

    def test_the_token_goes_to_the_hub_alone(self):
        self.pull('safeconf/demo', HF_TOKEN=TOKEN)
        for request in self.hub.requests:
            away = request.host.startswith('localhost')
            self.assertEqual(request.token, None if away else 'Bearer ' + TOKEN, request.path)
        self.assertTrue(self.hub.asked('/storage/'))

    def test_a_gated_model_says_how_to_get_access(self):
        self.hub.add('makers/gated', self.demo.files, gated=True)
        self.refused('makers/gated', says=('gated', self.hub.url + '/makers/gated', 'HF_TOKEN'))
        self.refused('makers/gated', says=('gated', 'no access'), HF_TOKEN='hf_of_somebody_else')
        self.write('token', TOKEN + '\n')
        self.pull('makers/gated', HF_TOKEN_PATH=self.path('token'))
        self.write('home/token', TOKEN)
        self.pull('makers/gated')

    def test_refusals_are_explained(self):
        self.refused('safeconf/none', says=('no such folder', 'no such model'))
        for status, says in ((401, 'token'), (404, 'no such model'), (403, '403'), (429, 'too often'),
                             (500, 'answered 500')):
            self.hub.fault = lambda request: status
            self.refused('safeconf/demo', says=says)
            if status < 429:  # the others are asked several times
                self.refused('safeconf/demo', says=says, HF_TOKEN=TOKEN)

    def test_nobody_there_is_said(self):
        self.refused('safeconf/demo', says='http://127.0.0.1:9/', HF_ENDPOINT='http://127.0.0.1:9')
        for url in ('ftp://x', 'http://user:secret@host', 'nonsense'):
            result = self.pull('safeconf/demo', expect=2, HF_ENDPOINT=url)
            self.assertIn('HF_ENDPOINT', result.stderr)
            self.assertNotIn('secret', result.stderr)

    def test_certificates_are_checked_and_https_is_not_given_up(self):
        pair = self.path('cert.pem'), self.path('key.pem')
        made = shutil.which('openssl') and subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', '-addext',
             'subjectAltName=IP:127.0.0.1,DNS:localhost', '-out', pair[0], '-keyout', pair[1]],
            stderr=subprocess.DEVNULL).returncode == 0
        if not made:
            self.skipTest('no openssl')
        with Hub(TOKEN, certificate=pair) as hub:
            hub.add('safeconf/demo', DEMO)
            self.refused('safeconf/demo', says='certificate', HF_ENDPOINT=hub.url)
            hub.away = self.hub.url
            self.refused('safeconf/demo', says='from https to http', HF_ENDPOINT=hub.url, SSL_CERT_FILE=pair[0],
                         HF_TOKEN=TOKEN)
            self.assertEqual(self.hub.requests, [])
            hub.away = hub.url.replace('127.0.0.1', 'localhost')
            self.pull('safeconf/demo', HF_ENDPOINT=hub.url, REQUESTS_CA_BUNDLE=pair[0], SSL_CERT_FILE='')
            self.whole()

    def test_proxies_are_those_of_the_environment(self):
        env = {'http_proxy': self.hub.url, 'HF_ENDPOINT': 'http://hub.invalid', 'NO_PROXY': '', 'no_proxy': ''}
        self.pull('safeconf/demo', **env)
        self.whole()
        self.assertTrue(self.hub.asked('http://hub.invalid/'))

    def test_names_and_words_are_checked(self):
        for words in (('../x',), ('a/b/c',), ('a/.b',), ('a/b@../c',), ('a/b@',), ('a/b', '--revision', '../c'),
                      ('a/b@c', '--revision', 'd'), ()):
            self.assertEqual(self.pull(*words, expect=2).stdout, '')

    # ---- models by their names ---------------------------------------------------------------

    def ask(self, *words, answer, env=None):
        """Runs the program on a terminal and answers its question; status and what it said."""
        child, terminal = pty.fork()
        if child == 0:
            os.execve(PROGRAM, [PROGRAM, *words], dict(os.environ, **self.env, TERM='dumb', **(env or {})))
        said, end, answered = b'', time.time() + 60, False
        while time.time() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    piece = os.read(terminal, 65536)
                except OSError:
                    break
                if not piece:
                    break
                said += piece
            if b'[y/N]' in said and not answered:
                os.write(terminal, answer)
                answered = True
        status = os.waitpid(child, 0)[1]
        os.close(terminal)
        return os.waitstatus_to_exitcode(status), said.decode()

    def test_a_person_is_asked_once(self):
        words = ('trace', 'hi', '--model', 'safeconf/demo', '--traces', '1', '--max-new-tokens', '2')
        status, said = self.ask(*words, answer=b'n\n')
        self.assertEqual((status, 'not downloaded' in said), (1, True), said)
        self.assertRegex(said, r'7\.96 MB to download from 127\.0\.0\.1:\d+; go on\?')
        self.assertFalse(os.path.exists(self.cache('snapshots')))
        self.assertEqual(len(self.hub.requests), 1)
        status, said = self.ask(*words, answer=b'y\n')
        self.assertEqual(status, 0, said)
        status, said = self.ask(*words, answer=b'')
        self.assertEqual((status, '[y/N]' in said), (0, False), said)

    def test_without_a_terminal_yes_is_needed(self):
        words = ('trace', 'hi', '--model', 'safeconf/demo', '--traces', 1, '--max-new-tokens', 2)
        result = call(*words, env=self.env)
        self.assert_one_line(result, 1, 'not in the local cache', '7.96 MB', '--yes', 'safeconf pull')
        self.assertEqual(call(*words, '--yes', env=self.env).returncode, 0)
        self.whole()
        self.assertEqual(call(*words, env=dict(self.env, HF_ENDPOINT='http://127.0.0.1:9')).returncode, 0)
        self.assert_one_line(call('trace', 'hi', '--model', 'safeconf/demo2', env=self.env), 1, 'no such model')

    def test_offline_nothing_is_asked(self):
        result = call('trace', 'hi', '--model', 'safeconf/demo', '--yes', env=dict(self.env, HF_HUB_OFFLINE='1'))
        self.assert_one_line(result, 1, 'not in the local cache')
        self.refused('safeconf/demo', says='not in the local cache', HF_HUB_OFFLINE='1')
        self.assertEqual(self.hub.requests, [])
        self.pull('safeconf/demo')
        n = len(self.hub.requests)
        self.pull('safeconf/demo', HF_HUB_OFFLINE='1')
        self.assertEqual(len(self.hub.requests), n)

    def test_a_tokenizer_comes_without_weights_and_is_completed_later(self):
        result = call('tokenize', '--model', 'safeconf/demo', '--yes', stdin='{"text": "hi"}\n', env=self.env)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.hub.asked('/storage/'), [])
        self.assertNotIn('model.safetensors', os.listdir(self.cache('snapshots', self.demo.commit)))
        result = call('chat', 'hi', '--model', 'safeconf/demo', env=self.env)
        self.assertEqual(result.returncode, 0, result.stderr)
        words = ('score', '--text', 'hi', '--model', 'safeconf/demo', '--json')
        self.assert_one_line(call(*words, env=self.env), 1, 'not whole', '7.87 MB', '--yes')
        self.assertEqual(call(*words, '--yes', env=self.env).returncode, 0)
        self.whole()

    def test_a_run_keeps_its_revision(self):
        self.run_demo('out', '--model', 'safeconf/demo', '--yes', '--policy', 'single', n=2, env=self.env)
        config = json.loads(self.rows('out', 'SELECT json FROM configuration')[0][0])
        self.assertEqual((config['model']['name'], config['model']['revision']), ('safeconf/demo', self.demo.commit))
        self.assertEqual(self.analysis()['run']['source']['revision'], self.demo.commit)
        # the model changes, and the run that is there goes on with the one it began with
        weights = bytearray(self.demo.files['model.safetensors'])
        weights[-1000:] = bytes(1000)
        moved = self.hub.add('safeconf/demo', dict(self.demo.files, **{'model.safetensors': bytes(weights)}))
        self.pull('safeconf/demo')
        before = self.read('out', 'predictions.jsonl')
        self.run_demo('out', '--model', 'safeconf/demo', '--policy', 'single', n=2, env=self.env)
        self.assertEqual(self.read('out', 'predictions.jsonl'), before)
        self.run_demo('new', '--model', 'safeconf/demo', '--policy', 'single', n=2, env=self.env)
        self.assertEqual(self.analysis('new')['run']['source']['revision'], moved.commit)
        self.run_demo('old', '--model', 'safeconf/demo@' + self.demo.commit, '--policy', 'single', n=2, env=self.env)
        self.assertEqual(self.analysis('old')['run']['source']['revision'], self.demo.commit)
        self.assertEqual(self.read('old', 'predictions.jsonl'), before)
        # also where the cache has lost it: it is fetched as it was
        os.unlink(self.cache('snapshots', self.demo.commit, 'model.safetensors'))
        self.run_demo('out', '--model', 'safeconf/demo', '--yes', '--policy', 'single', n=2, env=self.env)

    def test_a_run_without_a_revision_goes_on(self):
        self.run_demo('out', '--model', 'safeconf/demo', '--yes', '--policy', 'single', n=2, env=self.env)
        with sqlite3.connect(self.path('out', 'run.db')) as db:
            text = db.execute('SELECT json FROM configuration').fetchone()[0]
            db.execute('UPDATE configuration SET json = ?', (text.replace('"revision":"%s",' % self.demo.commit, ''),))
            row_keys.renew(db)
        db.close()
        self.run_demo('out', '--model', 'safeconf/demo', '--policy', 'single', n=2, env=self.env)

    def test_a_judges_model_is_fetched_too(self):
        self.hub.add('safeconf/guard', GUARD)
        words = ('--judge-model', 'safeconf/guard', '--policy', 'single')
        result = call('run', '--num-instances', 2, '--max-new-tokens', 8, '--out', self.path('out'), *words, env=self.env)
        self.assert_one_line(result, 1, 'safeconf/guard', '--yes')
        self.run_demo('out', *words, '--yes', n=2, env=self.env)

    def test_a_suite_is_looked_at_without_fetching(self):
        self.hub.add('safeconf/guard', GUARD)
        suite = self.write('suite.toml', '[defaults]\nmodel = "safeconf/demo"\njudge_model = "safeconf/guard"\n'
                           'yes = true\n[[phase]]\nname = "one"\n')
        result = call('experiment', suite, '--dry-run', env=self.env, cwd=self.folder)
        self.assertEqual((result.returncode, self.hub.requests), (0, []), result.stderr)


if __name__ == '__main__':
    unittest.main()
