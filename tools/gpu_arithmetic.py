#!/usr/bin/env python3
"""What a step of a network has to move and to compute on a GPU, and what follows for its speed: the tables of
docs/speed/gpu-arithmetic.md.  Nothing here is measured; what is assumed of card, prompts and goals stands at the top.

A step computes one row for each of w traces: weights are read once; the keys and values of the prompt, which all of them
share, once; those of each trace's own answer once each; each row's logits are written once and read once.

  gpu_arithmetic.py            prints the tables
"""
import math

# NVIDIA's data sheets, SXM form, dense bf16 (the sheets' 1,979 is with sparsity).
BANDWIDTH = {'H200': 4.8e12, 'H100': 3.35e12}
PEAK = 989e12

PROMPT, OWN = 64, 32  # positions: of the prompt, shared by all; of an answer of 64 tokens, on average
WIDTHS = 1, 8, 32, 128, 512
VOCABULARY = 151936
BF16, F32 = 2, 4

# What the device is to reach: of bandwidth, for the weights, and of the peak, for the products.
GOAL_OF_BANDWIDTH, GOAL_OF_PEAK = 0.65, 0.45
NARROW, WIDE = (1, 8), (512,)
GOAL_OF_ENDS = 0.05  # of a step, for figures and draws

# Qwen3: hidden, layers, query heads, key heads, head_dim, ffn.
SHAPES = {'0.6B': (1024, 28, 16, 8, 128, 3072), '8B': (4096, 36, 32, 8, 128, 12288)}

# vLLM 0.30.0, Qwen3-8B in bf16 on one H100 80GB, prompts and answers of 128 tokens: concurrency, output tokens a second,
# median milliseconds between tokens (docs/speed/gpu-arithmetic.md cites it).
VLLM = (1, 145.3, 6.826), (32, 4030.3, 7.397), (128, 11193.7, 9.339)
GOAL_OF_VLLM = 0.9

# A whole run: prompts, traces of each, tokens of each, tokens of a prompt (assumed).
RUN_PROMPTS, RUN_TRACES, RUN_TOKENS, RUN_PROMPT = 5083, 10, 52, 150


class Step:
    """Bytes and operations of a step of w rows."""

    def __init__(self, shape, w):
        hidden, layers, heads, kv_heads, head_dim, ffn = SHAPES[shape]
        qkv = (heads + 2 * kv_heads) * head_dim
        of_layer = hidden * qkv + heads * head_dim * hidden + 3 * hidden * ffn
        self.w, self.in_layers = w, layers * of_layer
        self.weights = BF16 * (self.in_layers + VOCABULARY * hidden)
        position = layers * 2 * kv_heads * head_dim * BF16
        self.history = position * (PROMPT + w * OWN + w)  # read, and each row's own written
        self.logits = w * VOCABULARY * F32 * 2
        # Between kernels a row's numbers are written and read again: f32 out of products, bf16 into them.
        out, into = qkv + 2 * ffn + 2 * hidden, 2 * hidden + heads * head_dim + ffn
        self.between = w * layers * 2 * (F32 * out + BF16 * into)
        attention = layers * 4 * heads * head_dim * (PROMPT + OWN)
        self.operations = w * (2 * (self.in_layers + VOCABULARY * hidden) + attention)

    def byte_seconds(self, card='H200'):
        return (self.weights + self.history + self.logits) / BANDWIDTH[card]

    def seconds(self, card='H200'):
        return max(self.byte_seconds(card), self.operations / PEAK)

    def goal_seconds(self):
        """Of the step at the goal for its width; None where there is none."""
        if self.w in NARROW:
            return self.weights / (GOAL_OF_BANDWIDTH * BANDWIDTH['H200'])
        return self.operations / (GOAL_OF_PEAK * PEAK) if self.w in WIDE else None


def table(head, rows):
    lines = ['| ' + ' | '.join(row) + ' |' for row in (head, ['---'] * len(head), *rows)]
    return '\n'.join(lines).replace('| --- |', '|---|').replace(' --- |', '---|')


def steps(shape):
    """What a step takes at least, and at the goals."""
    def row(w):
        step = Step(shape, w)
        goal = step.goal_seconds()
        return [f'{w}', f'{step.weights / 1e9:.2f}', f'{step.history / 1e9:.3f}', f'{step.logits / 1e9:.3f}',
                f'{step.between / 1e9:.3f}', f'{step.operations / 1e12:.3f}', f'{step.byte_seconds() * 1e3:.3f}',
                f'{step.operations / PEAK * 1e3:.3f}', f'{w / step.seconds():,.0f}',
                f'{w / goal:,.0f}' if goal else '']

    return table([shape, 'weights, GB', 'keys, values', 'logits', 'between kernels', 'Tflop', 'ms of bytes',
                  'ms of operations', 'tokens/s at most', 'at the goal'], map(row, WIDTHS))


def ends():
    """One reading of all logits, beside a twentieth of the step."""
    def row(shape, w):
        step = Step(shape, w)
        once = w * VOCABULARY * F32 / BANDWIDTH['H200']
        whole = step.goal_seconds() or step.seconds()
        return [shape, f'{w}', f'{once * 1e6:.1f}', f'{GOAL_OF_ENDS * whole * 1e6:.1f}',
                f'{GOAL_OF_ENDS * whole / once:.1f}']

    return table(['shape', 'width', 'one reading, µs', '5 % of a step, µs', 'readings that fit'],
                 [row(shape, w) for shape in SHAPES for w in WIDTHS])


def beside_vllm():
    """What others measured on an H100, as a share of its bandwidth, and the same share of an H200's."""
    def row(w, rate, between):
        of_bandwidth = Step('8B', w).weights / (between / 1e3) / BANDWIDTH['H100']
        there = rate * BANDWIDTH['H200'] / BANDWIDTH['H100']
        return [f'{w}', f'{rate:,.0f}', f'{between:.2f}', f'{100 * of_bandwidth:.0f} %', f'{there:,.0f}',
                f'{GOAL_OF_VLLM * there:,.0f}']

    return table(['width', 'tokens/s, H100', 'ms between tokens', 'of its bandwidth, weights alone',
                  'H200, by bandwidth', '0.9 of that'], [row(*point) for point in VLLM])


def whole_run():
    """Seconds of the card for a run, prompts and answers, at shares of what bounds each."""
    step = Step('0.6B', 512)
    n_tokens = RUN_PROMPTS * RUN_TRACES * RUN_TOKENS
    n_steps = math.ceil(n_tokens / step.w)
    prompts = 2 * step.in_layers * RUN_PROMPTS * RUN_PROMPT / PEAK

    def row(share):
        answers = n_steps * step.seconds() / share
        return [f'{100 * share:.0f} %', f'{prompts / share:.1f}', f'{answers:.1f}', f'{prompts / share + answers:.1f}',
                f'{n_tokens / (prompts / share + answers):,.0f}']

    return table(['of the bound', 's of prompts', f's of answers, {n_steps:,} steps', 's together', 'tokens/s'],
                 map(row, (1, GOAL_OF_PEAK, 0.1)))


def tables():
    return [steps('0.6B'), steps('8B'), ends(), beside_vllm(), whole_run()]


if __name__ == '__main__':
    print('\n\n'.join(tables()))
