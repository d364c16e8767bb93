#!/usr/bin/env python3
"""Writes the small models of test_forward.c and what a float64 forward pass says of them.

  make_forward_golden.py [FOLDER]      default: the folder of this script

Each model is a folder inference_NAME in Hugging Face layout with random weights (all values exact
in bf16 and f16, so that every stored dtype holds the same network) and expected.json: tokens and,
for P over the first n_vocab rows, logprob, confidence (k = top_k) and entropy per position.
Needs numpy.  Deterministic.
"""
import json
import os
import struct
import sys

import numpy as np

# name: (config, stored dtype, tokens that exist, k, positions)
MODELS = {
    "tied_bf16": (dict(hidden=32, layers=2, heads=4, kv=2, dim=16, ffn=48, rows=131, tied=True,
                       positions=256, theta=1e6), "BF16", 131, 20, 97),
    "odd_f32": (dict(hidden=20, layers=1, heads=3, kv=1, dim=10, ffn=27, rows=77, tied=False,
                     positions=128, theta=1e4), "F32", 71, 7, 41),
    "deep_f16": (dict(hidden=24, layers=3, heads=2, kv=2, dim=8, ffn=40, rows=64, tied=True,
                      positions=40, theta=1e4), "F16", 64, 20, 40),
}
EPS = 1e-6


def tensors(c, rng):
    """Name -> float32 array, in the order of the file."""
    def matrix(rows, cols, scale):
        return coarse(rng.standard_normal((rows, cols)) * scale)

    def gain(n):
        return coarse(1 + 0.2 * rng.standard_normal(n))

    out = {"model.embed_tokens.weight": matrix(c["rows"], c["hidden"], 0.3)}
    for i in range(c["layers"]):
        p = f"model.layers.{i}."
        q, k = c["heads"] * c["dim"], c["kv"] * c["dim"]
        out[p + "input_layernorm.weight"] = gain(c["hidden"])
        out[p + "self_attn.q_proj.weight"] = matrix(q, c["hidden"], 0.2)
        out[p + "self_attn.k_proj.weight"] = matrix(k, c["hidden"], 0.2)
        out[p + "self_attn.v_proj.weight"] = matrix(k, c["hidden"], 0.2)
        out[p + "self_attn.o_proj.weight"] = matrix(c["hidden"], q, 0.2)
        out[p + "self_attn.q_norm.weight"] = gain(c["dim"])
        out[p + "self_attn.k_norm.weight"] = gain(c["dim"])
        out[p + "post_attention_layernorm.weight"] = gain(c["hidden"])
        out[p + "mlp.gate_proj.weight"] = matrix(c["ffn"], c["hidden"], 0.2)
        out[p + "mlp.up_proj.weight"] = matrix(c["ffn"], c["hidden"], 0.2)
        out[p + "mlp.down_proj.weight"] = matrix(c["hidden"], c["ffn"], 0.2)
    out["model.norm.weight"] = gain(c["hidden"])
    if not c["tied"]:
        out["lm_head.weight"] = matrix(c["rows"], c["hidden"], 0.3)
    return out


def coarse(x):
    """Six significant bits: exact in bf16 and in f16."""
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.round(mantissa * 64) / 64, np.maximum(exponent, -8)).astype(np.float32)


def norm(x, gain):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * gain


def rotate(x, theta):
    """x [position][head][dim]: (i, i + dim/2) turned by position * theta^(-2i/dim)."""
    half = x.shape[-1] // 2
    angle = np.outer(np.arange(len(x)), theta ** (-np.arange(half) / half))[:, None, :]
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * np.cos(angle) - second * np.sin(angle),
                           second * np.cos(angle) + first * np.sin(angle)], -1)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def logits(w, c, tokens):
    w = {name: value.astype(np.float64) for name, value in w.items()}
    n, dim, group = len(tokens), c["dim"], c["heads"] // c["kv"]
    x = w["model.embed_tokens.weight"][tokens]
    future = np.arange(n)[None, :] > np.arange(n)[:, None]
    for i in range(c["layers"]):
        get = lambda name: w[f"model.layers.{i}.{name}.weight"]
        h = norm(x, get("input_layernorm"))
        q = (h @ get("self_attn.q_proj").T).reshape(n, c["heads"], dim)
        k = (h @ get("self_attn.k_proj").T).reshape(n, c["kv"], dim)
        v = (h @ get("self_attn.v_proj").T).reshape(n, c["kv"], dim)
        q = rotate(norm(q, get("self_attn.q_norm")), c["theta"])
        k = rotate(norm(k, get("self_attn.k_norm")), c["theta"])
        heads = []
        for head in range(c["heads"]):
            score = q[:, head] @ k[:, head // group].T / np.sqrt(dim)
            score[future] = -np.inf
            heads.append(softmax(score) @ v[:, head // group])
        x = x + np.concatenate(heads, -1) @ get("self_attn.o_proj").T
        h = norm(x, get("post_attention_layernorm"))
        gate = h @ get("mlp.gate_proj").T
        up = h @ get("mlp.up_proj").T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ get("mlp.down_proj").T
    head = w["model.embed_tokens.weight" if c["tied"] else "lm_head.weight"]
    return norm(x, w["model.norm.weight"]) @ head.T


def write_model(folder, w, c, dtype):
    os.makedirs(folder, exist_ok=True)
    header, data = {}, b""
    for name, value in w.items():
        if dtype == "BF16":
            raw = (value.view(np.uint32) >> 16).astype("<u2").tobytes()
        else:
            raw = value.astype({"F16": "<f2", "F32": "<f4"}[dtype]).tobytes()
        header[name] = {"dtype": dtype, "shape": list(value.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
    config = {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "attention_bias": False,
        "hidden_act": "silu", "hidden_size": c["hidden"], "intermediate_size": c["ffn"],
        "num_hidden_layers": c["layers"], "num_attention_heads": c["heads"],
        "num_key_value_heads": c["kv"], "head_dim": c["dim"], "vocab_size": c["rows"],
        "max_position_embeddings": c["positions"], "rms_norm_eps": EPS, "rope_theta": c["theta"],
        "rope_scaling": None, "use_sliding_window": False, "tie_word_embeddings": c["tied"],
        "torch_dtype": {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}[dtype],
    }
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")


def main():
    base = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    for seed, (name, (c, dtype, n_vocab, top_k, n)) in enumerate(MODELS.items()):
        rng = np.random.default_rng(seed)
        w = tensors(c, rng)
        tokens = rng.integers(0, n_vocab, n)
        z = logits(w, c, tokens)[:, :n_vocab]
        p = softmax(z)
        logp = np.log(p)
        folder = os.path.join(base, "inference_" + name)
        write_model(folder, w, c, dtype)
        expected = {
            "n_vocab": n_vocab, "top_k": top_k, "tokens": tokens.tolist(),
            "logprob": [None] + [round(logp[i, tokens[i + 1]], 9) for i in range(n - 1)],
            "confidence": [round(x, 9) for x in -np.sort(logp, -1)[:, -top_k:].mean(-1)],
            "entropy": [round(x, 9) for x in -(p * logp).sum(-1)],
        }
        with open(os.path.join(folder, "expected.json"), "w") as f:
            json.dump(expected, f, separators=(",", ":"))
            f.write("\n")


if __name__ == "__main__":
    main()
