#!/usr/bin/env python3
"""Trains the byte-level BPE of the demonstration model or of its guard and writes it in the layout of Qwen's tokenizer.json.

  make_tokenizer.py DIALOGUES.jsonl OUT_DIR [--vocab 3072]
  make_tokenizer.py EXAMPLES.jsonl OUT_DIR --guard --vocab 2048
"""
import argparse
import json
import os

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

import guard_frames
import words as W

SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
ADDED = [("<|endoftext|>", True), ("<|im_start|>", True), ("<|im_end|>", True), ("<think>", False), ("</think>", False)]
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
# ChatML as the program has it (src/model/chat/chatml.c).
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "chat_template.jinja")) as file:
    CHAT_TEMPLATE = file.read()


def texts(path):
    """Everything but the thrown-together prompts, and the common words of those once each in two spellings."""
    with open(path) as f:
        for line in f:
            d = json.loads(line)
            if d["kind"] != "noise":
                yield d["prompt"]
            if d["think"]:
                yield d["think"]
            yield d["answer"]
    for word in W.WORDS:
        yield from [f"{word} {word}"] * 20
    yield from W.CODE * 20


def guard_texts(path):
    """Prompts and responses, and the frames and judgements so often that each of their words becomes a token."""
    with open(path) as f:
        for line in f:
            d = json.loads(line)
            yield from [d["prompt"], d["response"] or "", guard_frames.judgement(d)]
    for parts in guard_frames.FRAMES.values():
        yield from [part for part in parts if part not in guard_frames.HOLES] * 1000


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("dialogues")
    ap.add_argument("out")
    ap.add_argument("--vocab", type=int, default=3072, help="tokens in all, the added ones included")
    ap.add_argument("--guard", action="store_true", help="the file holds the guard's examples")
    args = ap.parse_args()

    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator((guard_texts if args.guard else texts)(args.dialogues), trainers.BpeTrainer(
        vocab_size=args.vocab - len(ADDED), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    model = json.loads(t.to_str())["model"]
    n = len(model["vocab"])
    out = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": n + i, "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": s} for i, (c, s) in enumerate(ADDED)],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated", "invert": False}, BYTE_LEVEL]},
        "post_processor": BYTE_LEVEL, "decoder": BYTE_LEVEL,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False,
                  "byte_fallback": False, "ignore_merges": False, "vocab": model["vocab"], "merges": model["merges"]},
    }
    os.makedirs(args.out, exist_ok=True)
    path = os.path.join(args.out, "tokenizer.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(out, f, ensure_ascii=False, indent=None, separators=(",", ":"))
        f.write("\n")
    with open(os.path.join(args.out, "tokenizer_config.json"), "w") as f:
        json.dump({"add_bos_token": False, "add_prefix_space": False, "bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": None, "errors": "replace",
                   "model_max_length": 2048, "clean_up_tokenization_spaces": False, "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer", "chat_template": CHAT_TEMPLATE}, f, indent=2)
        f.write("\n")
    print(f"{n} learned tokens + {len(ADDED)} added; 'Caf\u00e9 \u4f60' ->", Tokenizer.from_file(path).encode("Caf\u00e9 \u4f60").ids)


if __name__ == "__main__":
    main()
