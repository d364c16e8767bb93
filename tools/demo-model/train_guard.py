#!/usr/bin/env python3
"""Trains the demonstration guard on its examples.

  train_guard.py BUILD_DIR [--epochs 1] [--seed 1] [--lr 2e-3] [--init parameters.npz] [--short]

Reads BUILD_DIR/examples.jsonl and BUILD_DIR/tokenizer.json, writes BUILD_DIR/parameters.npz (float32) and a log on standard
output. The frames' common beginning goes through the network once a step for all rows. Loss on the judgement, and a little
on the prompt and the response, so that the network learns to read; none on the frame. With --short the frame's fixed text is
left out but for the tokens next to what is put in and next to the judgement: a third of the work, for a first training that
learns to read and judge; the second one then learns to look across the frame.
"""
import argparse
import json
import os
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

import guard_frames
import network

TOKENS = 2048                    # of a step, without the common beginning
EDGES, SHORT_EDGES = (128, 192, 256, 512), (64, 96, 160, 384)    # lengths of rows; the few longer examples are left out
KEPT_BEFORE, KEPT_AFTER = 4, 14  # tokens of the frame that --short leaves, before and after what is put in
READING_WEIGHT = 0.05            # of a read token's loss beside a judgement token's


def encode(rows, encoder, short):
    """-> the common beginnings {frame: tokens}, and {frame: [(tokens after it, where the judgement begins, where what is read ends)]}."""
    heads, out = {frame: encoder.head(frame) for frame in guard_frames.FRAMES}, {frame: [] for frame in guard_frames.FRAMES}
    closing = {frame: len(encoder.closing(frame)) for frame in heads}
    for r in rows:
        frame, head = r["frame"], heads[r["frame"]]
        ids = encoder.frame(frame, r["prompt"], r["response"])
        assert ids[:len(head)] == head
        read = ids[len(head):len(ids) - closing[frame]]
        rest = ids[len(ids) - (KEPT_AFTER if short else closing[frame]):]
        out[frame].append((read + rest + encoder.judgement(r), len(read + rest), len(read)))
    return {frame: head[-KEPT_BEFORE if short else 0:] for frame, head in heads.items()}, out


def batches(examples, edges, rng):
    """Rows of about the same length -> [(tokens [rows, length], places, targets, weights [rows, K])]: what each of K places that count is to predict."""
    waiting, plan = {edge: [] for edge in edges}, []
    least = min(begun - read for _, begun, read in examples)     # tokens of a row that count at no place

    def flush(edge):
        rows, most = TOKENS // edge, edge - least
        tokens, places, targets = np.zeros((rows, edge), np.int32), np.zeros((rows, most), np.int32), np.zeros((rows, most), np.int32)
        weights = np.zeros((rows, most), np.float32)
        for i, (ids, begun, read) in enumerate(waiting[edge]):
            counted = list(range(1, read)) + list(range(begun, len(ids)))
            tokens[i, :len(ids)] = ids
            places[i, :len(counted)], targets[i, :len(counted)] = np.array(counted) - 1, np.array(ids)[counted]
            weights[i, :read - 1], weights[i, read - 1:len(counted)] = READING_WEIGHT, 1.0
        waiting[edge].clear()
        plan.append((tokens, places, targets, weights))

    for i in rng.permutation(len(examples)):
        edge = next((e for e in edges if len(examples[i][0]) <= e), None)
        if edge:
            waiting[edge].append(examples[i])
            if len(waiting[edge]) == TOKENS // edge:
                flush(edge)
    for edge in edges:
        if waiting[edge]:
            flush(edge)
    return plan


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("build")
    ap.add_argument("--epochs", type=int, default=1)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--init", help="start from these parameters instead of random ones; the tokenizer must be the one they were trained with")
    ap.add_argument("--short", action="store_true", help="leave out most of the frame")
    args = ap.parse_args()

    c = network.load_config(os.path.join(network.HERE, "guard_config.json"))
    encoder = guard_frames.Encoder(os.path.join(args.build, "tokenizer.json"))
    with open(os.path.join(args.build, "examples.jsonl")) as f:
        rows = [r for r in map(json.loads, f) if not r["held"]]
    heads, data = encode(rows, encoder, args.short)
    rng, plan = np.random.default_rng(args.seed), []
    for _ in range(args.epochs):
        epoch = [(frame, *batch) for frame in data for batch in batches(data[frame], SHORT_EDGES if args.short else EDGES, rng)]
        plan += [epoch[i] for i in rng.permutation(len(epoch))]
    every = [e for examples in data.values() for e in examples]
    print(f"{len(rows)} examples, {sum(len(e[0]) for e in every)} tokens after heads of {[len(h) for h in heads.values()]}, {sum(len(e[0]) - e[1] for e in every)} of judgements; {len(plan)} steps; "
          f"lengths {np.percentile([len(e[0]) for e in every], [0, 10, 50, 90, 99, 100])}", flush=True)

    w = {k: jnp.asarray(v) for k, v in np.load(args.init).items()} if args.init else network.initial_parameters(c, args.seed)
    schedule = optax.warmup_cosine_decay_schedule(0.0, args.lr, 40, len(plan), args.lr * 0.02)
    decays = {name: len(shape) > 1 for name, shape in network.shapes(c).items()}
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, b1=0.9, b2=0.98, weight_decay=0.05, mask=decays))

    def loss(w, head, tokens, places, targets, weights):
        x = jnp.take_along_axis(network.forward_after(w, c, head, tokens), places[..., None], 1)
        z = x @ w["model.embed_tokens.weight"].T
        nll = jax.nn.logsumexp(z, -1) - jnp.take_along_axis(z, targets[..., None], -1)[..., 0]
        spoken, read = weights == 1.0, weights == READING_WEIGHT
        judged = jnp.sum(nll * spoken) / jnp.maximum(1, jnp.sum(jnp.any(spoken, 1)))     # of a whole judgement
        return jnp.sum(nll * weights) / jnp.sum(weights), (judged, jnp.sum(nll * read) / jnp.maximum(1, jnp.sum(read)))

    @jax.jit
    def step(w, state, head, *batch):
        (_, parts), grads = jax.value_and_grad(loss, has_aux=True)(w, head, *batch)
        updates, state = optimizer.update(grads, state, w)
        return optax.apply_updates(w, updates), state, parts

    def save():
        np.savez(os.path.join(args.build, "parameters.tmp.npz"), **{k: np.asarray(v) for k, v in w.items()})
        os.replace(os.path.join(args.build, "parameters.tmp.npz"), os.path.join(args.build, "parameters.npz"))

    tokens_of = {frame: jnp.asarray(ids, jnp.int32) for frame, ids in heads.items()}
    state, began, recent = optimizer.init(w), time.time(), []
    for n, (frame, *batch) in enumerate(plan, 1):
        w, state, parts = step(w, state, tokens_of[frame], *batch)
        recent.append([float(p) for p in parts])
        if n % 25 == 0 or n == len(plan):
            judged, read = np.mean(recent, 0)
            print(f"step {n} nats per judgement {judged:.4f}, per read token {read:.3f}, {time.time() - began:.0f} s", flush=True)
            recent = []
        if n % 100 == 0 or n == len(plan):
            save()


if __name__ == "__main__":
    main()
