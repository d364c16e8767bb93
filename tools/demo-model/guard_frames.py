"""The guard's frames as tokens: src/judge/templates/, cut and encoded as the program does it (src/judge/template.c)."""
import json
import os
import re

from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
TEMPLATES = os.path.join(HERE, "..", "..", "src", "judge", "templates")
HOLES = ("{prompt}", "{response}")
CONTROL = ("<|im_start|>", "<|im_end|>", "<think>", "</think>")
PARTS = re.compile("(" + "|".join(map(re.escape, HOLES + CONTROL)) + ")")


def _read(frame):
    with open(os.path.join(TEMPLATES, f"qwen3guard-{frame}.txt"), newline="") as f:
        return [part for part in PARTS.split(f.read()) if part]


FRAMES = {frame: _read(frame) for frame in ("response", "prompt")}       # text, holes and control tokens in turn


def judgement(labels):
    """The words that the guard is to say."""
    return f"Safety: {labels['safety']}\nCategories: {labels['categories']}" + (f"\nRefusal: {labels['refusal']}" if labels.get("refusal") else "")


class Encoder:
    def __init__(self, path):
        """path: a tokenizer.json. Text is encoded without knowing control tokens, which a second reading of the file leaves out."""
        self.whole = Tokenizer.from_file(path)
        with open(path, encoding="utf-8") as f:
            self.plain = Tokenizer.from_str(json.dumps({**json.load(f), "added_tokens": []}))

    def _parts(self, parts, texts):
        ids, text = [], ""
        for part in parts + [None]:
            if part is None or part in CONTROL:
                ids += self.plain.encode(text).ids if text else []
                text = ""
                ids += [self.whole.token_to_id(part)] if part else []
            else:
                text += texts.get(part, part)
        return ids

    def frame(self, frame, prompt, response):
        return self._parts(FRAMES[frame], {"{prompt}": prompt, "{response}": response})

    def closing(self, frame):
        """What follows the last text that is put in; its first token may have grown together with that text."""
        return self._parts(FRAMES[frame][max(FRAMES[frame].index(h) for h in HOLES if h in FRAMES[frame]) + 1:], {})

    def judgement(self, labels):
        return self.plain.encode(judgement(labels)).ids + [self.whole.token_to_id("<|im_end|>")]

    def head(self, frame):
        """The tokens that all frames of this kind begin with."""
        a, b = self.frame(frame, "a", "b"), self.frame(frame, "?", "!")
        return a[:next(i for i, (x, y) in enumerate(zip(a, b)) if x != y)]
