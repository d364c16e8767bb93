#!/usr/bin/env python3
"""How large an error does bfloat16 arithmetic by itself explain?

Computes a Qwen3 checkpoint (dense or with experts) twice in float64: as it is, and with the roundings that the engine's bf16 arithmetic makes
(weights, inputs of every product, keys and values) and no other. The difference is what bf16 costs whatever the code; the
engine's own error against float64 (`safeconf score --dtype bf16`) should be of that size.

  bf16_rounding.py MODEL_FOLDER [--tokens N] [--seed N]      needs NumPy; one-file safetensors, small models only
"""
import argparse
import json
import os
import struct

import numpy as np


def round_bf16(x):
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    kept = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return kept.view(np.float32).astype(np.float64)


def load(folder):
    with open(os.path.join(folder, 'config.json'), encoding='utf-8') as file:
        config = json.load(file)
    weights = {}
    with open(os.path.join(folder, 'model.safetensors'), 'rb') as file:
        size = struct.unpack('<Q', file.read(8))[0]
        header, data = json.loads(file.read(size)), file.read()
    for name, entry in header.items():
        if name == '__metadata__':
            continue
        begin, end = entry['data_offsets']
        raw = data[begin:end]
        if entry['dtype'] == 'BF16':
            values = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(raw, {'F32': np.float32, 'F16': np.float16}[entry['dtype']])
        weights[name] = values.astype(np.float64).reshape(entry['shape'])
    return config, weights


class Network:
    """The network in float64; `rounding` is applied where the engine rounds."""

    def __init__(self, config, weights, rounding):
        self.c, self.w, self.rounding = config, weights, rounding

    def norm(self, x, name):
        scale = np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.c['rms_norm_eps'])
        return x / scale * self.w[name]

    def product(self, x, name):
        return self.rounding(x) @ self.rounding(self.w[name]).T

    def rotate(self, x):
        half = x.shape[-1] // 2
        steps = float(self.c['rope_theta']) ** (-np.arange(half) / half)
        angle = np.outer(np.arange(len(x)), steps)[:, None, :]
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], axis=-1)

    def attention(self, x, prefix):
        n, dim = len(x), self.c['head_dim']
        heads, kv_heads = self.c['num_attention_heads'], self.c['num_key_value_heads']
        q, k, v = (self.product(x, f'{prefix}{part}_proj.weight').reshape(n, -1, dim) for part in 'qkv')
        q = self.rotate(self.norm(q, prefix + 'q_norm.weight'))
        k = self.rounding(self.rotate(self.norm(k, prefix + 'k_norm.weight')))
        k, v = (np.repeat(y, heads // kv_heads, axis=1) for y in (k, self.rounding(v)))
        scores = np.einsum('qhd,khd->hqk', q, k) / np.sqrt(dim)
        scores[:, ~np.tri(n, dtype=bool)] = -np.inf
        share = np.exp(scores - scores.max(axis=-1, keepdims=True))
        share /= share.sum(axis=-1, keepdims=True)
        return self.product(np.einsum('hqk,khd->qhd', share, v).reshape(n, -1), prefix + 'o_proj.weight')

    def ffn(self, h, prefix):
        gate, up = (self.product(h, f'{prefix}{part}_proj.weight') for part in ('gate', 'up'))
        return self.product(gate / (1 + np.exp(-gate)) * up, prefix + 'down_proj.weight')

    def experts(self, h, prefix):
        """The router is not rounded: the engine multiplies it in f32."""
        z = h @ self.w[prefix + 'gate.weight'].T
        share = np.exp(z - z.max(axis=-1, keepdims=True))
        share /= share.sum(axis=-1, keepdims=True)
        used = np.argsort(-z, axis=-1, kind='stable')[:, :self.c['num_experts_per_tok']]
        out = np.zeros_like(h)
        for row, experts in enumerate(used):
            total = share[row, experts].sum() if self.c['norm_topk_prob'] else 1
            for expert in experts:
                one = self.ffn(h[row:row + 1], f'{prefix}experts.{expert}.')[0]
                out[row] += share[row, expert] / total * one
        return out

    def log_probabilities(self, tokens):
        x = self.w['model.embed_tokens.weight'][tokens]
        for layer in range(self.c['num_hidden_layers']):
            prefix = f'model.layers.{layer}.'
            x = x + self.attention(self.norm(x, prefix + 'input_layernorm.weight'), prefix + 'self_attn.')
            h = self.norm(x, prefix + 'post_attention_layernorm.weight')
            x = x + (self.experts if self.c['model_type'] == 'qwen3_moe' else self.ffn)(h, prefix + 'mlp.')
        head = 'model.embed_tokens.weight' if self.c['tie_word_embeddings'] else 'lm_head.weight'
        z = self.product(self.norm(x, 'model.norm.weight'), head)
        z -= z.max(axis=-1, keepdims=True)
        return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def figures(logs, tokens, k=20):
    confidence = -np.sort(logs, axis=-1)[:, -k:].mean(axis=-1)
    entropy = -(np.exp(logs) * logs).sum(axis=-1)
    return np.concatenate([confidence, entropy, logs[np.arange(len(tokens) - 1), tokens[1:]]])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder')
    parser.add_argument('--tokens', type=int, default=150)
    parser.add_argument('--seed', type=int, default=3)
    args = parser.parse_args()
    config, weights = load(args.folder)
    tokens = np.random.default_rng(args.seed).integers(0, config['vocab_size'], args.tokens)
    exact, rounded = (figures(Network(config, weights, rounding).log_probabilities(tokens), tokens)
                      for rounding in (lambda x: x, round_bf16))
    print(f'largest error that bf16 rounding explains: {np.abs(exact - rounded).max():.3f}')
    print('tokens: ' + ','.join(map(str, tokens)))


if __name__ == '__main__':
    main()
