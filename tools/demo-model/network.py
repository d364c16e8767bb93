"""The Qwen3 dense network in JAX, for training the demonstration model and its guard.

Parameters are a flat dict under their Hugging Face names and shapes ([out, in] matrices), so that export writes them
as they are. `forward` works on packed rows: several dialogues share a row, `segments` says which is which (0 is
padding), and attention never crosses a segment. Rotary angles come from the position in the row; only differences of
positions matter, so a dialogue in the middle of a row is computed as if it stood alone.
"""
import json
import os

import jax
import jax.numpy as jnp
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def load_config(path=os.path.join(HERE, "config.json")):
    with open(path) as f:
        return json.load(f)


def shapes(c):
    """Tensor name -> shape, in the order of the exported file."""
    hidden, ffn, dim = c["hidden_size"], c["intermediate_size"], c["head_dim"]
    q, kv = c["num_attention_heads"] * dim, c["num_key_value_heads"] * dim
    s = {"model.embed_tokens.weight": (c["vocab_size"], hidden)}
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        s[p + "input_layernorm.weight"] = (hidden,)
        s[p + "self_attn.q_proj.weight"] = (q, hidden)
        s[p + "self_attn.k_proj.weight"] = (kv, hidden)
        s[p + "self_attn.v_proj.weight"] = (kv, hidden)
        s[p + "self_attn.o_proj.weight"] = (hidden, q)
        s[p + "self_attn.q_norm.weight"] = (dim,)
        s[p + "self_attn.k_norm.weight"] = (dim,)
        s[p + "post_attention_layernorm.weight"] = (hidden,)
        s[p + "mlp.gate_proj.weight"] = (ffn, hidden)
        s[p + "mlp.up_proj.weight"] = (ffn, hidden)
        s[p + "mlp.down_proj.weight"] = (hidden, ffn)
    s["model.norm.weight"] = (hidden,)
    return s


def initial_parameters(c, seed):
    """Norms at 1, matrices normal; the two that write to the residual stream are scaled down by depth."""
    rng = np.random.default_rng(seed)
    depth = (2 * c["num_hidden_layers"]) ** -0.5
    params = {}
    for name, shape in shapes(c).items():
        if len(shape) == 1:
            value = np.ones(shape)
        else:
            sigma = 0.02 if "embed" in name else shape[1] ** -0.5
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                sigma *= depth
            value = sigma * rng.standard_normal(shape)
        params[name] = jnp.asarray(value, jnp.float32)
    return params


def _rms(x, gain, eps):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + eps) * gain


def _rope(x, cos, sin):
    """x [B, T, heads, dim], half rotation: pair (i, i + dim/2)."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def _blocks(w, c, tokens, visible, past=None):
    """Token ids [B, T] -> final normalised hidden states [B, T, hidden], and each layer's keys and values [B, T, kv, dim].
    `past`: such keys and values [1, H, kv, dim] of H tokens that come before every row. visible bool [B or 1, T, H + T]."""
    batch, length = tokens.shape
    before = past[0][0].shape[1] if past else 0
    heads, kv, dim, eps = (c[k] for k in ("num_attention_heads", "num_key_value_heads", "head_dim", "rms_norm_eps"))
    freq = c["rope_theta"] ** (-np.arange(0, dim, 2, dtype=np.float64) / dim)
    angle = (np.arange(before, before + length)[:, None] * freq)[:, None, :]
    cos, sin = jnp.asarray(np.cos(angle), jnp.float32), jnp.asarray(np.sin(angle), jnp.float32)
    bias = jnp.where(visible, 0.0, -1e9)[:, None, None]                       # [B, 1, 1, T, H + T]

    x, kept = w["model.embed_tokens.weight"][tokens], []
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = _rms(x, w[p + "input_layernorm.weight"], eps)
        q = (h @ w[p + "self_attn.q_proj.weight"].T).reshape(batch, length, heads, dim)
        k = (h @ w[p + "self_attn.k_proj.weight"].T).reshape(batch, length, kv, dim)
        v = (h @ w[p + "self_attn.v_proj.weight"].T).reshape(batch, length, kv, dim)
        q = _rope(_rms(q, w[p + "self_attn.q_norm.weight"], eps), cos, sin)
        k = _rope(_rms(k, w[p + "self_attn.k_norm.weight"], eps), cos, sin)
        kept.append((k, v))
        if past:
            k, v = (jnp.concatenate([jnp.broadcast_to(a, (batch,) + a.shape[1:]), b], 1) for a, b in zip(past[i], (k, v)))
        q = q.reshape(batch, length, kv, heads // kv, dim)
        scores = jnp.einsum("btkgd,bskd->bkgts", q, k) * dim ** -0.5 + bias
        mixed = jnp.einsum("bkgts,bskd->btkgd", jax.nn.softmax(scores, -1), v)
        x = x + mixed.reshape(batch, length, heads * dim) @ w[p + "self_attn.o_proj.weight"].T
        h = _rms(x, w[p + "post_attention_layernorm.weight"], eps)
        gated = jax.nn.silu(h @ w[p + "mlp.gate_proj.weight"].T) * (h @ w[p + "mlp.up_proj.weight"].T)
        x = x + gated @ w[p + "mlp.down_proj.weight"].T
    return _rms(x, w["model.norm.weight"], eps), kept


def forward(w, c, tokens, segments):
    """tokens, segments int [B, T] -> the final normalised hidden states [B, T, hidden]."""
    length = tokens.shape[1]
    visible = (segments[:, :, None] == segments[:, None, :]) & np.tril(np.ones((length, length), bool))
    return _blocks(w, c, tokens, visible)[0]


def forward_after(w, c, head, tokens):
    """The same for rows [B, T] that all begin with the tokens `head` [H], which go through the network once. Padding belongs at a row's end."""
    _, past = _blocks(w, c, head[None], np.tril(np.ones((1, len(head), len(head)), bool)))
    length = tokens.shape[1]
    return _blocks(w, c, tokens, np.tril(np.ones((1, length, len(head) + length), bool), len(head)), past)[0]


def logits(w, c, tokens, segments):
    return forward(w, c, tokens, segments) @ w["model.embed_tokens.weight"].T
