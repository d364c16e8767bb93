#!/usr/bin/env python3
"""Writes tests/golden/chat_qwen3.jsonl: conversations as the published template of Qwen3 renders them.

  make_chat_golden.py TOKENIZER_CONFIG      tokenizer_config.json of Qwen3-0.6B; needs jinja2

Each line: messages, thinking, text. Where the last message is the assistant's, the answer begins with it: as
continue_final_message of transformers does, the text is rendered without a generation prompt and cut off after
that message. The environment is that of transformers (sandboxed, trim_blocks, lstrip_blocks).
"""
import hashlib
import json
import os
import sys

import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

SHA256 = 'a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8'
CONVERSATIONS = [
    [('user', 'hello')],
    [('user', '')],
    [('user', ' two  blanks ')],
    [('user', '\n\nlines\n')],
    [('system', 'Be  brief. '), ('user', ' Hello there ')],
    [('system', ''), ('user', "it's {{ 7 * 7 }}")],
    [('user', 'one'), ('assistant', 'Two.'), ('user', 'three')],
    [('system', 'S'), ('user', 'one'), ('assistant', '<think>\nhm\n</think>\n\nTwo.'), ('user', 'three')],
    [('user', 'one'), ('assistant', 'hm</think>Two </think>\n three'), ('user', 'four')],
    [('user', 'one'), ('assistant', ''), ('user', 'two'), ('assistant', '\nthree\n'), ('user', 'four')],
    [('user', 'one'), ('system', 'S'), ('user', 'two')],
    [('user', 'one'), ('user', 'two')],
    [('system', 'S')],
    [('user', 'one'), ('assistant', 'Sure, here is')],
    [('system', 'S'), ('user', 'one'), ('assistant', '<think>\nhm\n</think>\n\nTwo.'), ('user', 'three'),
     ('assistant', '1. ')],
]


def render(template, messages, thinking):
    begun = messages[-1]['role'] == 'assistant'
    text = template.render(messages=messages, add_generation_prompt=not begun, enable_thinking=thinking)
    if begun:
        content = messages[-1]['content']
        text = text[:text.rindex(content) + len(content)]
    return text


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        source = json.load(file)['chat_template']
    assert hashlib.sha256(source.encode()).hexdigest() == SHA256, 'expected the template of Qwen3-0.6B'
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                extensions=[jinja2.ext.loopcontrols])
    template = environment.from_string(source)
    out = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'chat_qwen3.jsonl')
    with open(out, 'w', encoding='utf-8') as file:
        for turns in CONVERSATIONS:
            messages = [{'role': role, 'content': content} for role, content in turns]
            for thinking in (False, True):
                file.write(json.dumps({'messages': messages, 'thinking': thinking,
                                       'text': render(template, messages, thinking)}) + '\n')


main()
