#!/usr/bin/env python3
"""Trains the demonstration model on packed dialogues.

  train.py BUILD_DIR [--epochs 1] [--seed 1] [--batch 8] [--lr 2e-3] [--init parameters.npz]

Reads BUILD_DIR/dialogues.jsonl and BUILD_DIR/tokenizer.json, writes BUILD_DIR/parameters.npz (float32) and a log on
standard output. Initial weights and the order of the rows come from the seed.
"""
import argparse
import json
import os
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tokenizers import Tokenizer

import network

SHORT, LONG = 256, 1024          # row lengths; long rows hold the few dialogues that do not fit a short one
LONG_BATCH = 2
PROMPT_WEIGHT = 0.1              # of a prompt token's loss beside an answer token's
NO_THINKING = "<think>\n\n</think>\n\n"


def encode(path, tokenizer):
    """-> [(token ids, where the user's message ends, where the answer begins)]. Between the two, where the chat format is
    given and no choice is made, nothing is learned; so a prompt that leaves thinking open does not learn to close it."""
    with open(path) as f:
        rows = [json.loads(line) for line in f]
    heads, tails = [], []
    for r in rows:
        think = NO_THINKING if r["think"] is None else ""
        heads.append(f"<|im_start|>user\n{r['prompt']}<|im_end|>\n<|im_start|>assistant\n{think}")
        tails.append(("" if r["think"] is None else f"<think>\n{r['think']}\n</think>\n\n") + r["answer"] + "<|im_end|>")
    end = tokenizer.token_to_id("<|im_end|>")
    pairs = zip(tokenizer.encode_batch(heads), tokenizer.encode_batch(tails))
    return [(h.ids + t.ids, h.ids.index(end) + 1, len(h.ids)) for h, t in pairs]


def pack(dialogues, length):
    """First fit into a few open rows -> tokens, segments, weights, each [rows, length]. A weight belongs to predicting that token."""
    rows, open_rows = [], []
    for dialogue in dialogues:
        for row in open_rows:
            if sum(len(d[0]) for d in row) + len(dialogue[0]) <= length:
                row.append(dialogue)
                break
        else:
            open_rows.append([dialogue])
            if len(open_rows) > 8:
                rows.append(open_rows.pop(0))
    rows += open_rows
    tokens, segments = np.zeros((len(rows), length), np.int32), np.zeros((len(rows), length), np.int32)
    weights = np.zeros((len(rows), length), np.float32)
    for r, row in enumerate(rows):
        at = 0
        for s, (ids, asked, begun) in enumerate(row, 1):
            tokens[r, at:at + len(ids)], segments[r, at:at + len(ids)] = ids, s
            weights[r, at + 1:at + asked], weights[r, at + begun:at + len(ids)] = PROMPT_WEIGHT, 1.0
            at += len(ids)
    return tokens, segments, weights


def batches(packed, size, rng):
    order = rng.permutation(len(packed[0]))
    for i in range(0, len(order) - size + 1, size):
        yield tuple(a[order[i:i + size]] for a in packed)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("build")
    ap.add_argument("--epochs", type=int, default=1)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--batch", type=int, default=8)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--init", help="start from these parameters instead of random ones; the tokenizer must be the one they were trained with")
    args = ap.parse_args()

    c = network.load_config()
    tokenizer = Tokenizer.from_file(os.path.join(args.build, "tokenizer.json"))
    data = encode(os.path.join(args.build, "dialogues.jsonl"), tokenizer)
    assert max(max(d[0]) for d in data) < c["vocab_size"]
    short = pack([d for d in data if len(d[0]) <= SHORT], SHORT)
    long = pack([d for d in data if SHORT < len(d[0]) <= LONG], LONG)
    rng = np.random.default_rng(args.seed)
    plan = []
    for _ in range(args.epochs):
        epoch = list(batches(short, args.batch, rng)) + list(batches(long, LONG_BATCH, rng))
        plan += [epoch[i] for i in rng.permutation(len(epoch))]
    n_answer = sum(len(ids) - begun for ids, _, begun in data)
    print(f"{len(data)} dialogues, {sum(len(d[0]) for d in data)} tokens, {n_answer} answer tokens; {len(plan)} steps", flush=True)

    w = {k: jnp.asarray(v) for k, v in np.load(args.init).items()} if args.init else network.initial_parameters(c, args.seed)
    schedule = optax.warmup_cosine_decay_schedule(0.0, args.lr, 40, len(plan), args.lr * 0.02)
    decays = {name: len(shape) > 1 for name, shape in network.shapes(c).items()}
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, b1=0.9, b2=0.98, weight_decay=0.05, mask=decays))

    def loss(w, tokens, segments, weights):
        z = network.logits(w, c, tokens, segments)[:, :-1]
        nll = jax.nn.logsumexp(z, -1) - jnp.take_along_axis(z, tokens[:, 1:, None], -1)[..., 0]
        wt = weights[:, 1:]
        answer = wt == 1.0
        return jnp.sum(nll * wt) / jnp.sum(wt), jnp.sum(nll * answer) / jnp.maximum(1, jnp.sum(answer))

    @jax.jit
    def step(w, state, tokens, segments, weights):
        (_, answer), grads = jax.value_and_grad(loss, has_aux=True)(w, tokens, segments, weights)
        updates, state = optimizer.update(grads, state, w)
        return optax.apply_updates(w, updates), state, answer

    def save():
        np.savez(os.path.join(args.build, "parameters.tmp.npz"), **{k: np.asarray(v) for k, v in w.items()})
        os.replace(os.path.join(args.build, "parameters.tmp.npz"), os.path.join(args.build, "parameters.npz"))

    state, began, recent = optimizer.init(w), time.time(), []
    for n, batch in enumerate(plan, 1):
        w, state, answer = step(w, state, *batch)
        recent.append(answer)
        if n % 50 == 0 or n == len(plan):
            print(f"step {n} answer loss {float(np.mean([float(a) for a in recent])):.4f} {time.time() - began:.0f} s", flush=True)
            recent = []
        if n % 100 == 0 or n == len(plan):
            save()


if __name__ == "__main__":
    main()
