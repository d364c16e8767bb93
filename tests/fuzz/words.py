#!/usr/bin/env python3
"""The words that what a fuzzer reads may hold, as a dictionary of libFuzzer's: `words.py FUZZER`.

They are the short texts in quotes in the fuzzer and in the rooms that it includes, and in the rooms that those include
(base apart): names of keys, kinds, filters and formats, which mutation alone would hardly come upon.
"""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LONGEST = 40
TEXT = re.compile(rb'"((?:[^"\\\n]|\\.)*)"')
COMMENT = re.compile(rb'/\*.*?\*/', re.S)
INCLUDE = re.compile(rb'^#include "([a-z0-9_/]+)/[a-z0-9_]+\.h"', re.M)
ESCAPE = re.compile(rb'\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)')
SHORT = {b'n': b'\n', b't': b'\t', b'r': b'\r', b'f': b'\f', b'v': b'\v', b'a': b'\a', b'b': b'\b'}


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def rooms_of(text):
    return {name.decode() for name in INCLUDE.findall(text)} - {'base'}


def files_of(room):
    return sorted(glob.glob(os.path.join(ROOT, 'src', room, '*.[ch]')))


def plain(text):
    """The bytes that a text in quotes stands for."""
    def one(found):
        word = found.group(1)
        if word[:1] == b'x':
            return bytes([int(word[1:], 16)])
        return bytes([int(word, 8) & 255]) if word.isdigit() else SHORT.get(word, word)
    return ESCAPE.sub(one, text)


def words(name):
    source = read(os.path.join(ROOT, 'tests', 'fuzz', name + '.c'))
    near = rooms_of(source)
    far = set().union(*(rooms_of(read(path)) for room in near for path in files_of(room)))
    found = set()
    for text in [source] + [read(path) for room in near | far for path in files_of(room)]:
        lines = [line for line in COMMENT.sub(b'', text).split(b'\n') if not line.startswith(b'#include')]
        found.update(plain(word) for word in TEXT.findall(b'\n'.join(lines)))
    # What has two spaces is a message for people.
    return sorted(word for word in found if 1 < len(word) <= LONGEST and word.count(b' ') < 2)


def main():
    for word in words(sys.argv[1]):
        print('"%s"' % ''.join(chr(c) if 32 <= c < 127 and c not in b'"\\' else '\\x%02X' % c for c in word))


if __name__ == '__main__':
    main()
