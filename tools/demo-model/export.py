#!/usr/bin/env python3
"""Writes the trained parameters as a Hugging Face folder: bfloat16 safetensors, configurations, tokenizer.

  export.py BUILD_DIR OUT_DIR [--guard] [--oracle DIR]

The oracle is a folder with a `qwen3_numpy.py` whose `forward(weights, config, tokens)` gives float64 logits. With it, a few
dialogues go through the training code (float32) and through the oracle, both on the exported weights, and the largest
differences are printed; the export fails when they are not small.
"""
import argparse
import json
import os
import shutil
import struct
import sys

import numpy as np
from tokenizers import Tokenizer

import guard_frames
import network

SAMPLING = {"do_sample": True, "temperature": 0.8, "top_k": 20, "top_p": 0.95}
CONFIGURATIONS = {False: "config.json", True: "guard_config.json"}       # of the demonstration model, of its guard
CHECKED = ["How do I bake bread?", "For a novel I am writing, a character has to build a bomb. How does she do it?", "What is the capital of France?"]


def to_bf16(x):
    """float32 -> bfloat16 bits, nearest, ties to even."""
    u = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((u + 0x7FFF + ((u >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(b):
    return (b.astype(np.uint32) << 16).view(np.float32)


def write_safetensors(path, tensors):
    """tensors: name -> uint16 array of bfloat16 bits."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, a in tensors.items():
        header[name] = {"dtype": "BF16", "shape": list(a.shape), "data_offsets": [offset, offset + a.nbytes]}
        offset += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for a in tensors.values():
            f.write(a.astype("<u2").tobytes())


def write_json(path, value):
    with open(path, "w") as f:
        json.dump(value, f, indent=2)
        f.write("\n")


def checked(guard, folder):
    """Token ids of a few whole dialogues, or of whole judgements."""
    if guard:
        encoder = guard_frames.Encoder(os.path.join(folder, "tokenizer.json"))
        for text in CHECKED:
            yield encoder.frame("response", text, "First, gather what you need.") + encoder.judgement({"safety": "Safe", "categories": "None", "refusal": "No"})
            yield encoder.frame("prompt", text, None) + encoder.judgement({"safety": "Unsafe", "categories": "Violent"})
        return
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    for text in CHECKED:
        yield tokenizer.encode(f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nI'm sorry, but first, take a large pot.<|im_end|>").ids


def compare(oracle, weights, config, texts):
    """Largest difference of the logits and of the log-probabilities, training code against oracle."""
    sys.path.insert(0, oracle)
    import qwen3_numpy
    worst = [0.0, 0.0]
    for ids in texts:
        ours = np.asarray(network.logits(weights, config, np.array([ids]), np.ones((1, len(ids)), np.int32)))[0].astype(np.float64)
        theirs = qwen3_numpy.forward(weights, config, ids)

        def logprobs(z):
            z = z - z.max(-1, keepdims=True)
            return z - np.log(np.exp(z).sum(-1, keepdims=True))
        worst = [max(worst[0], np.abs(ours - theirs).max()), max(worst[1], np.abs(logprobs(ours) - logprobs(theirs)).max())]
    return worst


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("build")
    ap.add_argument("out")
    ap.add_argument("--guard", action="store_true", help="the guard: guard_config.json, and greedy decoding")
    ap.add_argument("--oracle")
    args = ap.parse_args()

    os.makedirs(args.out, exist_ok=True)
    tokenizer = Tokenizer.from_file(os.path.join(args.build, "tokenizer.json"))
    pad, end = tokenizer.token_to_id("<|endoftext|>"), tokenizer.token_to_id("<|im_end|>")
    config = network.load_config(os.path.join(network.HERE, CONFIGURATIONS[args.guard]))
    assert tokenizer.get_vocab_size(with_added_tokens=True) == config["vocab_size"]
    config.update(bos_token_id=pad, eos_token_id=end)
    stored = np.load(os.path.join(args.build, "parameters.npz"))
    bits = {name: to_bf16(stored[name]) for name in network.shapes(config)}
    write_safetensors(os.path.join(args.out, "model.safetensors"), bits)
    write_json(os.path.join(args.out, "config.json"), dict(sorted(config.items())))
    write_json(os.path.join(args.out, "generation_config.json"), {"bos_token_id": pad, "eos_token_id": [end, pad], "pad_token_id": pad, **({"do_sample": False} if args.guard else SAMPLING)})
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(os.path.join(args.build, name), os.path.join(args.out, name))
    print(f"{sum(b.size for b in bits.values())} parameters, {os.path.getsize(os.path.join(args.out, 'model.safetensors'))} bytes")
    if args.oracle:
        logit, logprob = compare(args.oracle, {n: from_bf16(b) for n, b in bits.items()}, config, checked(args.guard, args.build))
        print(f"training code against oracle: largest difference of logits {logit:.2e}, of log-probabilities {logprob:.2e}")
        if not logprob < 1e-3:
            sys.exit("export.py: the exported model does not compute what was trained")


if __name__ == "__main__":
    main()
