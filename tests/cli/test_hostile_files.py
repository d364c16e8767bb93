#!/usr/bin/env python3
"""Models, logs and suites that lie: lengths and offsets that are not so, many of what there is one of, paths outside.

  test_hostile_files.py PATH_TO_SAFECONF      Python's standard library only.

hostile.py says what is allowed; tools/check-hostile-sizes runs the same at other sizes.
"""
import gzip
import json
import os
import shutil
import struct
import unittest
import zlib

from hostile import SIZE, Measured
from program import DEMO

# what a model.safetensors begins with as the length of its header
LENGTHS = (2**64 - 1, 2**63, 2**63 - 1, 2**32, 10**8, 9 << 20, 0)
# shape and offsets of a tensor of F32 in a file that holds 64 bytes of data
TENSORS = {
    'offsets beyond the data': ([16], [0, 2**40]),
    'offsets of 2^63': ([16], [0, 2**63]),
    'offsets of 2^64': ([16], [0, 2**64]),
    'a negative offset': ([16], [-64, 0]),
    'an end before its begin': ([16], [64, 0]),
    'offsets that are no whole numbers': ([16], [0, 64.5]),
    'three offsets': ([16], [0, 32, 64]),
    'offsets in words': ([16], ['0', '64']),
    'a shape of more than its bytes': ([17], [0, 64]),
    'a shape whose product is 0 beyond 64 bits': ([2**32, 2**32], [0, 0]),
    'a shape whose product is 16 beyond 64 bits': ([2**32 + 4, 2**32 + 4], [0, 64]),
    'a shape of 2^63': ([2**63], [0, 64]),
    'a negative shape': ([-4, -4], [0, 64]),
    'nine dimensions': ([1] * 8 + [16], [0, 64]),
    'no list': (16, [0, 64]),
}
SHARDS = ('../model.safetensors', '/etc/passwd', '..', '.', '', 'a/b.safetensors', 'a\\b.safetensors', 'x' * 300, None, 5,
          {}, [], 'a\u0000b')
INDEX = 'model.safetensors.index.json'
JSON_VALUES = 128 + 8 * SIZE / 1e6  # MB that they may take besides


class Files(Measured):
    def model(self, *without):
        """A copy of the demonstration model without some of its files."""
        folder = self.path('m')
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(DEMO, folder)
        for name in without:
            os.remove(os.path.join(folder, name))
        return folder

    def run_model(self, name, size=0, status=(1,), **more):
        shutil.rmtree(self.path('out'), ignore_errors=True)
        return self.measured(name, size, 'run', '--model', self.path('m'), '--num-instances', 1, '--max-new-tokens', 1,
                             '--policy', 'single', '--quiet', '--out', self.path('out'), status=status, **more)

    def weights(self, header, data=b'', length=None):
        header = header if isinstance(header, bytes) else json.dumps(header).encode()
        self.write('m/model.safetensors', struct.pack('<Q', len(header) if length is None else length) + header + data)

    def test_lengths_of_headers(self):
        self.model()
        for length in LENGTHS:
            with self.subTest(length):
                self.weights({'t': {'dtype': 'F32', 'shape': [16], 'data_offsets': [0, 64]}}, bytes(64), length)
                self.assertIn('model.safetensors: ', self.run_model(f'header of {length} bytes'))

    def test_tensors(self):
        self.model()
        for name, (shape, offsets) in TENSORS.items():
            with self.subTest(name):
                self.weights({'t': {'dtype': 'F32', 'shape': shape, 'data_offsets': offsets}}, bytes(64))
                said = self.run_model(name)
                self.assertIn('model.safetensors: ', said)
                self.assertRegex(said, 'shape|data_offsets|JSON')
        # tensors that lie upon each other are no harm: they are only read
        self.weights({name: {'dtype': 'F32', 'shape': [16], 'data_offsets': [0, 64]} for name in 'tu'}, bytes(64))
        self.assertIn('config.json asks for', self.run_model('overlapping'))

    def test_many_tensors(self):
        self.model()
        for name, unit in (('tensors without a size', '"%x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'),
                           ('members of nothing', '"%x":{}'), ('numbers', '"%x":0')):
            with self.subTest(name):
                n = SIZE // len(unit)
                self.weights(('{' + ','.join(unit % i for i in range(n)) + '}').encode())
                self.run_model(f'header of {name}', SIZE)

    def test_shards(self):
        self.model('model.safetensors')
        for name in SHARDS:
            with self.subTest(name):
                self.write(f'm/{INDEX}', json.dumps({'weight_map': {'t': name}}))
                said = self.run_model(f'shard {str(name)[:20]!r}')
                self.assertRegex(said, 'plain name of a file|u0000')
        self.write(f'm/{INDEX}', json.dumps({'weight_map': {'t': INDEX}}))
        self.assertIn(f'{INDEX}: header length: expected', self.run_model('the index as its own shard'))
        os.mkfifo(self.path('m', 'pipe'))
        self.write(f'm/{INDEX}', json.dumps({'weight_map': {'t': 'pipe'}}))
        self.assertIn('expected a regular file', self.run_model('a pipe as a shard'))

    def test_many_shards(self):
        self.model('model.safetensors')
        header = b'{"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
        for i in range(1100):
            self.write(f'm/{i}', struct.pack('<Q', len(header)) + header)
        n = SIZE // 14
        for name, of in (('that are there', lambda i: i % 1100), ('that are one', lambda i: 0)):
            with self.subTest(name):
                self.write(f'm/{INDEX}', '{"weight_map":{' + ','.join(f'"{i}":"{of(i)}"' for i in range(n)) + '}}')
                self.run_model(f'{n} shards {name}', SIZE)

    def test_configurations(self):
        self.model()
        for file in ('config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json',
                     'chat_template.jinja'):
            for name, begin, unit, end in (('spaces', '', ' ', '{'), ('text', '{"a":"', 'x', '"'),
                                           ('members', '{"a":1', ',"a":1', ''), ('objects', '{"a":[0', ',{}', ''),
                                           ('digits', '{"a":', '9', ''), ('a name', '{"', 'a', '":1'),
                                           ('depth', '{"a":', '[', '')):
                with self.subTest(file, what=name):
                    self.large(f'm/{file}', begin, unit, end)
                    self.run_model(f'{file}: {name}', SIZE, status=(0, 1, 3) if file.endswith('jinja') else (1,))
            self.model()

    def tokenizer(self, change):
        """Gives the copy of the model a tokenizer that `change` has had in its hands; its size."""
        with open(os.path.join(DEMO, 'tokenizer.json'), encoding='utf-8') as file:
            content = json.load(file)
        change(content)
        return os.path.getsize(self.write('m/tokenizer.json', json.dumps(content)))

    def test_tokenizers(self):
        def first_free(file):
            return 1 + max([token['id'] for token in file['added_tokens']] + list(file['model']['vocab'].values()))

        def words(file):
            first = first_free(file)
            file['model']['vocab'].update((f'~{i}', first + i) for i in range(SIZE // 20))

        def merges(file):  # of words that no text holds
            words(file)
            vocabulary = file['model']['vocab']
            file['model']['merges'] += [f'~{i // 10} {i % 10}' for i in range(10, SIZE // 20)]
            self.assertTrue({'~', '0', '9'} <= set(vocabulary))

        def one_merge(file):
            file['model']['merges'] += file['model']['merges'][:1] * (SIZE // 12)

        def merges_of_nothing(file):
            file['model']['merges'] += [f'~{i} x' for i in range(SIZE // 12)]

        def one_id(file):
            file['model']['vocab'].update((f'~{i}', 300) for i in range(SIZE // 20))

        def far_ids(file):
            file['model']['vocab'].update((f'~{i}', 2**31 - 1 - i) for i in range(SIZE // 20))

        def added(file):
            some = file['added_tokens'][0]
            file['added_tokens'] += [dict(some, id=100000 + i, content=f'~{i}') for i in range(SIZE // 150)]

        self.model()
        for change in (words, merges, one_merge, merges_of_nothing, one_id, far_ids, added):
            with self.subTest(change.__name__):
                size = self.tokenizer(change)
                self.measured(f'tokenizer: {change.__name__}', size, 'tokenize', '--model', self.path('m'),
                              stdin=self.write('text.jsonl', '{"text":"hello"}\n'), memory=JSON_VALUES)

    def test_values_of_json(self):
        """What is parsed takes many times its text: it is counted first."""
        for name, unit in (('numbers', ',1'), ('objects', ',{}'), ('lists', ',[]'), ('texts', ',""'),
                           ('members', ',{"a":1}'), ('depth', ',[[[[[]]]]]')):
            with self.subTest(name):
                path = self.large('f.jsonl', '{"prompt":"x","completion":"y","z":[1', unit, ']}\n')
                said = self.measured(f'a row with a list of {name}', SIZE, 'detect', path, memory=JSON_VALUES)
                if not 1e6 < SIZE < 2e7:  # small ones are read
                    self.assertEqual('whose values take at most' in said, SIZE > 2e7, said)

    def logged(self, name, size, archive, **more):
        path = self.write('f.eval', archive)
        return self.measured(f'log: {name}', size or len(archive), 'import', path, '--out', self.path('out'), **more)

    def test_logs(self):
        with_bomb = zipped([HEADER, ('samples/1_epoch_1.json', b'{"id":1,"x":"' + b'a' * (32 * SIZE) + b'"}')])
        self.logged('what unpacks to 32 times', 32 * SIZE, with_bomb)
        member = zlib.compressobj(9, zlib.DEFLATED, -15)
        some = bytes(1 << 20)
        packed = b''.join([member.compress(some) for _ in range(300)] + [member.flush()])
        for name, length in (('300 MB of zeros', 300 << 20), ('300 MB that are called 10', 10),
                             ('300 MB that are called 2^32 - 2', 2**32 - 2)):
            said = self.logged(name, 0, crafted([HEADER, ('samples/1_epoch_1.json', packed, length)]), status=(1,))
            self.assertRegex(said, 'none of 1 samples can be read: .*(expected at most|expected 10 bytes|no log is)')
        some, n = b'{"id":1,"x":"' + b'a' * (1 << 20) + b'"}', SIZE // 100
        said = self.logged(f'{n} names of one place', 0, crafted(
            [HEADER, ('samples/1_epoch_1.json', some)], again=n), status=(1,))
        self.assertRegex(said, 'that lie upon each other|bytes in all')

    def test_logs_of_many_members(self):
        n = SIZE // 120
        self.logged('empty samples', 0, zipped([HEADER] + [(f'samples/{i}_epoch_1.json', b'{}') for i in range(n)]),
                    status=(1,))
        self.logged('samples of one name', 0, zipped([HEADER] + [('samples/1_epoch_1.json', b'{}')] * n), status=(1,))
        self.logged('headers', 0, zipped([HEADER] * n), status=(1,))
        self.logged('other files', 0, zipped([HEADER] + [(f'{i}', b'') for i in range(n)]), status=(1,))
        self.logged('a long name', 0, zipped([HEADER, ('samples/' + 'x' * 60000 + '.json', b'{}')]), status=(1,))

    def test_logs_outside(self):
        """No name is a path: nothing is written but the run's folder."""
        names = ('samples/../../../evil.json', '/evil.json', 'samples//tmp/evil.json', 'samples/..\\evil.json')
        message = {'role': 'assistant', 'content': 'no'}
        sample = json.dumps({'id': 1, 'epoch': 1, 'input': 'x', 'target': '', 'messages': [
            {'role': 'user', 'content': 'x'}, message], 'output': {'model': 'm', 'choices': [
                {'message': message, 'stop_reason': 'stop'}]}}).encode()
        said = self.logged('names outside', 0, zipped([HEADER] + [(name, sample) for name in names]), status=(0,))
        self.assertEqual(sorted(os.listdir(self.folder)), ['f.eval', 'out'], said)
        self.assertFalse(os.path.exists('/evil.json') or os.path.exists('/tmp/evil.json'))

    def test_ends_of_archives(self):
        """The end of an archive says where all of it lies: each field of it a lie."""
        whole = zipped([HEADER, ('samples/1_epoch_1.json', b'{}')])
        end = whole.rindex(b'PK\5\6')
        for at, size in ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)):
            for value in (2**(8 * size) - 1, 2**(8 * size - 1), 1):
                archive = bytearray(whole)
                archive[end + at:end + at + size] = value.to_bytes(size, 'little')
                self.logged(f'end, {value} at {at}', 0, bytes(archive), status=(1,))
        for value in (2**64 - 1, 2**63, 2**63 - 1, 2**40):
            for field in range(4):
                numbers = [2, 2, end - whole.index(b'PK\1\2'), whole.index(b'PK\1\2')]
                numbers[field] = value
                archive = whole[:end] + struct.pack('<4sQHHIIQQQQ', b'PK\6\6', 44, 45, 45, 0, 0, *numbers)
                archive += struct.pack('<4sIQI', b'PK\6\7', 0, end, 1)
                archive += struct.pack('<4sHHHHIIH', b'PK\5\6', 65535, 65535, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
                self.logged(f'zip64, {value} in {field}', 0, archive, status=(1,))

    def test_compressed_tables(self):
        """What unpacks to a thousand times is no table."""
        path, some = self.path('f.csv.gz'), b'a' * (1 << 20)
        with gzip.open(path, 'wb') as file:
            file.write(b'prompt,completion\n')
            for _ in range(200 + 40 * (SIZE >> 20)):
                file.write(some)
        size = os.path.getsize(path)
        said = self.measured('gzip of one letter', size, 'detect', path, status=(1,), memory=128 + 40 * size / 1e6)
        self.assertIn('when it is decompressed, found more', said)

    def test_suites(self):
        for name, begin, unit, end in (('an array', 'a=[1', ',1', ']'), ('texts', 'a=[""', ',""', ']'),
                                       ('keys', '', 'x=1\n', ''), ('phases', 'name="x"\n', '[[phase]]\nname="a"\n', ''),
                                       ('tables in an array', 'a=[{}', ',{}', ']'), ('comments', '', '#\n', ''),
                                       ('a key', '', 'k', '=1'), ('a number', 'a=0x', 'f', ''),
                                       ('an escape', 'a="', '\\u00e9', '"'), ('a date', 'a=1979-05-27T07:32:00.', '9', 'Z')):
            with self.subTest(name):
                self.measured(f'suite: {name}', SIZE, 'experiment', self.large('s.toml', begin, unit, end), '--out',
                              self.path('out'), status=(1, 2))
        many = ', '.join(map(str, range(1000)))
        for name, lists in (('10^12 runs', 4), ('10^30 runs', 10)):
            keys = ('seed', 'max-traces', 'max-new-tokens', 'num-instances', 'top-k', 'min-traces', 'batch-traces',
                    'window', 'confidence-top-k', 'parallel')[:lists]
            suite = '[[phase]]\nname = "a"\n[phase.matrix]\n' + ''.join(f'{key} = [{many}]\n' for key in keys)
            said = self.measured(f'suite: {name}', len(suite), 'experiment', self.write('s.toml', suite), '--out',
                                 self.path('out'), status=(1, 2))
            self.assertIn('run', said)


def packed_of(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


HEADER = ('header.json', b'{"status":"success","eval":{"task":"x","model":"m","dataset":{}}}')


def zipped(members):
    """An archive as it should be, of (name, bytes)."""
    return crafted([(name, packed_of(data), len(data), zlib.crc32(data)) for name, data in members])


def crafted(members, again=0):
    """An archive of (name, deflated bytes, what it says of the length and of the checksum); the last one has `again`
    further names for the same place."""
    parts, directory, at, n = [], [], 0, 0
    for member in members:
        if len(member) == 2:
            member = (member[0], packed_of(member[1]), len(member[1]), zlib.crc32(member[1]))
        name, packed, length = member[0].encode(), member[1], member[2]
        facts = struct.pack('<HHHIIII', 20, 0, 8, 0x210000, member[3] if len(member) > 3 else 0, len(packed), length)
        parts.append(struct.pack('<4s', b'PK\3\4') + facts + struct.pack('<HH', len(name), 0) + name + packed)
        names = [name] + ([b'samples/%d_epoch_2.json' % i for i in range(again)] if member is members[-1] or
                          member[0] == members[-1][0] else [])
        for other in names:
            directory.append(struct.pack('<4sH', b'PK\1\2', 20) + facts +
                             struct.pack('<HHHHHII', len(other), 0, 0, 0, 0, 0, at) + other)
        n += len(names)
        at += len(parts[-1])
    central = b''.join(directory)
    few = min(n, 65535)
    more = b''
    if n > 65535:
        more = struct.pack('<4sQHHIIQQQQ', b'PK\6\6', 44, 45, 45, 0, 0, n, n, len(central), at)
        more += struct.pack('<4sIQI', b'PK\6\7', 0, at + len(central), 1)
    return b''.join(parts) + central + more + struct.pack('<4sHHHHIIH', b'PK\5\6', 0, 0, few, few, len(central), at, 0)


if __name__ == '__main__':
    unittest.main()
