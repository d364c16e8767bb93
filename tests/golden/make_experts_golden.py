#!/usr/bin/env python3
"""Writes experts.json: figures of the two small random models with experts, as transformers computes them.

  make_experts_golden.py build/safeconf          (torch and transformers from PyPI; 5.24.0 and 2.15.0 made the file)

Log P of each token of a fixed text in float64, and 32 tokens chosen greedily after its first 16 in float32, with
the weights that `safeconf model random --shape SHAPE --dtype f32 --seed 11` writes; and log P with the roundings
of bf16 arithmetic alone (tools/bf16_rounding.py), since a rounding may send a row to another expert.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy
import torch
import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'tools'))
import bf16_rounding  # noqa: E402

SHAPES = 'tiny-qwen3-moe', 'tiny-qwen3-moe-b'
TEXT = [(37 * i * i + 11 * i + 5) % 509 for i in range(64)]


def load(folder, dtype):
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation='eager', experts_implementation='eager').eval()


def figures(folder):
    ids = torch.tensor([TEXT])
    with torch.no_grad():
        model = load(folder, torch.float64)
        log_p = torch.log_softmax(model(ids).logits[0], -1)
        model = load(folder, torch.float32)
        chosen = TEXT[:16]
        for _ in range(32):
            chosen.append(int(model(torch.tensor([chosen])).logits[0, -1].argmax()))
    network = bf16_rounding.Network(*bf16_rounding.load(folder), bf16_rounding.round_bf16)
    rounded = network.log_probabilities(numpy.array(TEXT))
    return {'logprob': [round(float(log_p[i - 1, TEXT[i]]), 9) for i in range(1, len(TEXT))],
            'logprob_bf16': [round(float(rounded[i - 1, TEXT[i]]), 5) for i in range(1, len(TEXT))],
            'greedy': chosen[16:]}


def main():
    found = {'text': TEXT}
    with tempfile.TemporaryDirectory() as folder:
        for shape in SHAPES:
            path = os.path.join(folder, shape)
            subprocess.run([sys.argv[1], 'model', 'random', '--shape', shape, '--dtype', 'f32', '--seed', '11',
                            '--out', path], check=True, stdout=subprocess.DEVNULL)
            found[shape] = figures(path)
    with open(os.path.join(HERE, 'experts.json'), 'w') as file:
        json.dump(found, file, indent=None, separators=(', ', ': '))
        file.write('\n')


if __name__ == '__main__':
    main()
