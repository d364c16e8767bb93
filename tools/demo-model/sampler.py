"""An independent numpy sampler of a Qwen3 folder: reads the exported files, keeps a key-value cache, decodes many traces at once."""
import json
import os
import struct

import numpy as np
from tokenizers import Tokenizer

CHAT = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
NO_THINKING = "<think>\n\n</think>\n\n"


def read_safetensors(path):
    with open(path, "rb") as f:
        raw = f.read()
    n = struct.unpack("<Q", raw[:8])[0]
    out = {}
    for name, t in json.loads(raw[8:8 + n]).items():
        if name != "__metadata__":
            begin, end = (8 + n + o for o in t["data_offsets"])
            assert t["dtype"] == "BF16", name
            bits = np.frombuffer(raw[begin:end], "<u2").astype(np.uint32) << 16
            out[name] = bits.view(np.float32).reshape(t["shape"])
    return out


def rms(x, gain, eps):
    return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + eps) * gain


class Model:
    def __init__(self, folder):
        def load(name):
            with open(os.path.join(folder, name)) as f:
                return json.load(f)
        self.c, self.sampling = load("config.json"), load("generation_config.json")
        self.w = read_safetensors(os.path.join(folder, "model.safetensors"))
        self.tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))

    def step(self, tokens, positions, cache):
        """tokens [B, S] at positions [B, S] -> logits of the last token [B, V]. cache: per layer (keys, values) [B, capacity, kv, dim], filled here."""
        c, w = self.c, self.w
        heads, kv, dim, eps = (c[k] for k in ("num_attention_heads", "num_key_value_heads", "head_dim", "rms_norm_eps"))
        batch, length = tokens.shape
        top = int(positions.max()) + 1
        angle = positions[..., None, None] * c["rope_theta"] ** (-np.arange(0, dim, 2) / dim)
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)

        def rope(x):
            a, b = x[..., :dim // 2], x[..., dim // 2:]
            return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)
        hidden = np.where(np.arange(top) <= positions[..., None], 0, -1e30).astype(np.float32)[:, None, None]     # [B, 1, 1, S, top]
        rows = np.arange(batch)[:, None]
        x = w["model.embed_tokens.weight"][tokens]
        for i in range(c["num_hidden_layers"]):
            def m(name):
                return w[f"model.layers.{i}.{name}.weight"]
            h = rms(x, m("input_layernorm"), eps)
            q = rope(rms((h @ m("self_attn.q_proj").T).reshape(batch, length, heads, dim), m("self_attn.q_norm"), eps))
            k = rope(rms((h @ m("self_attn.k_proj").T).reshape(batch, length, kv, dim), m("self_attn.k_norm"), eps))
            keys, values = cache[i]
            keys[rows, positions], values[rows, positions] = k, (h @ m("self_attn.v_proj").T).reshape(batch, length, kv, dim)
            q = q.reshape(batch, length, kv, heads // kv, dim).transpose(0, 2, 3, 1, 4)
            s = q @ keys[:, :top].transpose(0, 2, 3, 1)[:, :, None] * np.float32(dim ** -0.5) + hidden
            s = np.exp(s - s.max(-1, keepdims=True))
            o = (s / s.sum(-1, keepdims=True)) @ values[:, :top].transpose(0, 2, 1, 3)[:, :, None]
            x = x + o.transpose(0, 3, 1, 2, 4).reshape(batch, length, heads * dim) @ m("self_attn.o_proj").T
            h = rms(x, m("post_attention_layernorm"), eps)
            g = h @ m("mlp.gate_proj").T
            x = x + (g / (1 + np.exp(-g)) * (h @ m("mlp.up_proj").T)) @ m("mlp.down_proj").T
        return rms(x[:, -1], w["model.norm.weight"], eps) @ w["model.embed_tokens.weight"].T

    def traces(self, prompts, n, seed=0, limit=128, thinking=False):
        """n sampled answers for each prompt -> [[{"text", "tokens", "confidence", "stopped"}]]; confidence is the mean over tokens of C_t with k = 20."""
        ids = [self.tokenizer.encode(CHAT.format(p) + ("" if thinking else NO_THINKING)).ids for p in prompts]
        capacity, batch = max(map(len, ids)) + limit, len(ids) * n
        shape = (batch, capacity, self.c["num_key_value_heads"], self.c["head_dim"])
        cache = [(np.zeros(shape, np.float32), np.zeros(shape, np.float32)) for _ in range(self.c["num_hidden_layers"])]
        logits = np.empty((batch, self.c["vocab_size"]), np.float32)
        for i, p in enumerate(ids):
            one = [(k[i * n:i * n + 1], v[i * n:i * n + 1]) for k, v in cache]
            logits[i * n:(i + 1) * n] = self.step(np.array([p]), np.arange(len(p))[None], one)
            for k, v in cache:
                k[i * n:(i + 1) * n], v[i * n:(i + 1) * n] = k[i * n], v[i * n]
        at, rng, ends = np.repeat([len(p) for p in ids], n), np.random.default_rng(seed), set(self.sampling["eos_token_id"])
        out, conf, done = [[] for _ in range(batch)], [[] for _ in range(batch)], np.zeros(batch, bool)
        for _ in range(limit):
            logits = logits.astype(np.float64)
            logits -= logits.max(-1, keepdims=True)
            logp = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            top = -np.partition(logp, -20)[:, -20:].mean(-1)
            order = np.argsort(-logp, -1)[:, :self.sampling["top_k"]]
            z = np.take_along_axis(logp, order, -1) / self.sampling["temperature"]
            p = np.exp(z - z.max(-1, keepdims=True))
            p /= p.sum(-1, keepdims=True)
            p[np.cumsum(p, -1) - p >= self.sampling["top_p"]] = 0
            p /= p.sum(-1, keepdims=True)
            pick = np.minimum((np.cumsum(p, -1) < rng.random(batch)[:, None]).sum(-1), (p > 0).sum(-1) - 1)
            token = np.take_along_axis(order, pick[:, None], -1)[:, 0]
            for b in np.flatnonzero(~done):
                conf[b].append(top[b])
                out[b].append(int(token[b]))
                done[b] = token[b] in ends
            if done.all():
                break
            logits = self.step(token[:, None], at[:, None], cache)
            at += 1
        made = [{"text": self.tokenizer.decode(o, skip_special_tokens=True), "tokens": len(o), "confidence": float(np.mean(c)), "stopped": bool(d)}
                for o, c, d in zip(out, conf, done)]
        return [made[i * n:(i + 1) * n] for i in range(len(ids))]
