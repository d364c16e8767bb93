"""What stands in for an engine: a program that takes vLLM's words and serves the toy of model_server.py.

FAKE_ENGINE in the environment says how it misbehaves: "fails" ends before it answers, "silent" never answers,
"dies" ends in the middle of the first answers.  Its workers, one of them in a session of its own, note their numbers in
the folder FAKE_FOLDER, as the program notes its own words.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from model_server import ModelServer  # noqa: E402


def note(name, text):
    path = os.path.join(os.environ['FAKE_FOLDER'], name)
    with open(path + '.part', 'w') as file:
        file.write(text)
    os.rename(path + '.part', path)


def read_words():
    parser = argparse.ArgumentParser()
    parser.add_argument('command', choices=['serve'])
    parser.add_argument('model')
    for name in ('--served-model-name', '--host', '--generation-config', '--uvicorn-log-level', '--dtype'):
        parser.add_argument(name)
    for name in ('--port', '--max-logprobs', '--data-parallel-size', '--tensor-parallel-size', '--max-model-len'):
        parser.add_argument(name, type=int)
    parser.add_argument('--enable-prefix-caching', action='store_true')
    return parser.parse_args()


def main():
    words, how = read_words(), os.environ.get('FAKE_ENGINE', '')
    note('words', json.dumps(vars(words)))
    workers = [subprocess.Popen(['sleep', '300'], start_new_session=alone) for alone in (False, True)]
    note('pids', ' '.join(str(pid) for pid in [os.getpid()] + [worker.pid for worker in workers]))
    print('INFO loading shards', flush=True)
    if how == 'fails':
        print('ValueError: not enough memory for one sequence\x1b[2J', file=sys.stderr, flush=True)
        sys.exit(3)
    if how == 'silent':
        threading.Event().wait()
    time.sleep(0.3)
    server = ModelServer('vllm', port=words.port, host=words.host, model=words.served_model_name)
    server.version = '0.32.0'
    if how == 'dies':
        server.fault = lambda number, request: os.kill(os.getpid(), signal.SIGKILL) if number > 20 else None
    if how == 'slow':
        server.delay = 0.2
    signal.signal(signal.SIGTERM, lambda *_: (note('ended', 'asked to'), os._exit(0)))
    threading.Event().wait()


if __name__ == '__main__':
    main()
