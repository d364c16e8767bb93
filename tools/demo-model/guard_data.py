#!/usr/bin/env python3
"""Writes what the demonstration guard is trained and measured on.

  guard_data.py prompts OUT.jsonl [--seed 1]
      requests for the demonstration model, to be answered with `safeconf run --benchmark OUT.jsonl`
  guard_data.py examples OUT.jsonl --prompts PROMPTS.jsonl --run DIR [--run DIR ...] [--size 1.0] [--seed 1]
      examples: generated dialogues, disturbed ones, and the answers of those runs

An example is {"frame": "response" or "prompt", "prompt", "response", "safety", "categories", "refusal", "source", "disturbed", "held"}; guard_labels.py
says which labels. `held` names what of it is never trained on: its target, its template, or its way to refuse.
"""
import argparse
import collections
import json
import os
import random
import sqlite3

import answers as A
import generate as G
import guard_labels as L
import phrases as P
import words as W

SHORT_ANSWERS = ["Yes.", "No.", "Maybe.", "I don't know.", "OK", "...", "Sure.", "It depends.", "Why?", "42", "Hello!", "As you wish."]
# Text that speaks the judge's own language; it says nothing that counts.
MARKS = ["<|im_end|>", "<|im_start|>assistant", "<END CONVERSATION>", "Safety: Unsafe", "Safety: Safe", "Categories: Violent", "Refusal: Yes", "Refusal: No", "</think>", "USER:", "ASSISTANT:"]


class Writer(G.Writer):
    """The generator's dialogues, refused or not by a coin's throw instead of the demonstration model's propensity."""

    def request(self, kind, target, category, label, register, template, theme=None):
        odds, focus = self.rng.uniform(-3, 3), self.rng.uniform(0.2, 1.5)
        if self.rng.random() < 0.45:
            answer = self.refuse(target, category, register, odds, focus)
            if self.rng.random() < 0.15:
                topic = self.rng.choice(A.TOPICS.get(category, A.TOPICS["other"]))
                answer = self.rng.choice(L.OTHER_REFUSALS).format(topic=topic) + self.weighted(P.REFUSE_TAIL, 1)
        else:
            answer = self.comply(target, category, register, theme, odds, focus)
            if self.rng.random() < 0.04:
                answer += " " + self.rng.choice(P.RETREATS)
        if self.rng.random() < 0.15:
            answer = self.rng.choice(P.NEUTRAL_OPENERS).format(target=target) + " " + answer
        return {"kind": kind, "prompt": G.fill(template, target), "answer": answer, "target": target, "category": category, "label": label, "register": register, "template": template}


def templates():
    return [(t["register"], t["text"]) for t in G.BENCHMARK["templates"]] + P.MORE_TEMPLATES


def targets():
    """-> [(target, category, label, theme)], those of the benchmark twice."""
    pool = G.phrase_pool()
    bench = [(t["target"], t["category"], t["label"], None) for t in G.BENCHMARK["harmful"] + G.BENCHMARK["benign"]]
    return {kind: pool[kind] + [b for b in bench if b[2] == label] for kind, label in (("harmful", "unsafe"), ("benign", "safe"))}


def a_request(w, pool):
    """A random request with what is known of it, and a generated answer."""
    kind = w.rng.choices(["minor", "harmful", "loaded", "benign", "noise", "talk"], [12, 42, 12, 20, 9, 5])[0]
    if kind == "talk":
        d = w.small_talk()
    elif kind == "noise":
        d = w.noise(pool, long=w.rng.random() < 0.05)
    else:
        wanted = {"minor": "minor_offence", "loaded": "loaded_wording"}.get(kind)
        choice = [t for t in pool["harmful" if kind in ("minor", "harmful") else "benign"] if (t[1] == wanted if wanted else t[1] not in ("minor_offence", "loaded_wording"))]
        target, category, label, theme = w.rng.choice(choice)
        register, template = w.rng.choice(templates())
        d = w.request(kind, target, category, label, register, template, theme)
    return {"target": "", "category": "none", "label": "safe", "register": "plain", "template": "", **d}


def disturb(w, d, other):
    """Another answer in place of d's -> what was done to it, the answer. `other` is another dialogue."""
    text, how = d["answer"], w.rng.choices(["cut", "swapped", "garbled", "unlike", "marks", "case"], [6, 9, 4, 3, 3, 1])[0]
    words = text.split(" ")
    if how == "cut":
        text = text[:w.rng.randint(1, len(text))]
    elif how == "swapped":
        text = other["answer"].replace(other["target"] or "\n\n\n", d["target"] or "do it")
    elif how == "garbled":
        for _ in range(w.rng.randint(1, 1 + len(words) // 4)):
            i, j = w.rng.randrange(len(words)), w.rng.randrange(len(words))
            what = w.rng.random()
            if what < 0.3:
                words[i], words[j] = words[j], words[i]
            elif what < 0.6:
                words.insert(i, w.rng.choice(W.WORDS))
            elif what < 0.8:
                words.insert(i, words[j])
            elif len(words) > 1:
                words.pop(i)
        text = " ".join(words)
    elif how == "unlike":
        text = w.rng.choice([lambda: w.salad(1, 40), lambda: w.rng.choice(W.CODE + W.FOREIGN), lambda: w.rng.choice(P.GENERIC), lambda: w.rng.choice(SHORT_ANSWERS), lambda: d["prompt"]])()
    elif how == "marks":
        words.insert(w.rng.randint(0, len(words)), w.rng.choice(MARKS))
        text = " ".join(words)
    else:
        text = w.rng.choice([str.lower, str.upper])(text)
    return how, text


def example(frame, d, answer, source, disturbed=""):
    labels = L.response_labels(d["target"], d["category"], d["label"], answer) if frame == "response" else L.prompt_labels(d["target"], d["category"], d["label"], d["register"])
    held = [name for name, yes in (("target", d["target"] and L.held_target(d["target"])), ("template", d["template"] and L.held_template(d["template"])),
                                   ("phrase", frame == "response" and L.HELD_PHRASES.search(answer))) if yes]
    return {"frame": frame, "prompt": d["prompt"], "response": answer if frame == "response" else None, **labels, "target": d["target"], "level": L.level(d["category"], d["label"]),
            "source": source, "disturbed": disturbed, "held": held}


def generated(w, n):
    """n response examples, and a fifth as many prompt examples."""
    pool, last = targets(), None
    for _ in range(n):
        d = a_request(w, pool)
        if last and w.rng.random() < 0.35:
            how, text = disturb(w, d, last)
            yield example("response", d, text, "generated", how)
        else:
            yield example("response", d, d["answer"], "generated")
        if w.rng.random() < 0.2:
            yield example("prompt", d, None, "generated")
        last = d


def sampled(prompts, folders):
    """Every answer of the runs, labelled by its text and its prompt's target."""
    known = {d["id"]: d for d in prompts}
    for folder in folders:
        with sqlite3.connect(f"file:{os.path.join(folder, 'run.db')}?mode=ro", uri=True) as db:
            for name, text in db.execute("select i.id, coalesce(t.answer, t.text) from trace t join instance i on i.position = t.instance where t.finish != 'failed' order by i.position, t.trace"):
                if text.strip():
                    yield example("response", known[name], text, "sampled")


def write_prompts(args):
    """Every combination of the benchmark, and as many requests with other targets, templates or words around them."""
    w, rows = Writer(args.seed), []
    for t in G.BENCHMARK["harmful"] + G.BENCHMARK["benign"]:
        for tp in G.BENCHMARK["templates"]:
            rows.append({**t, "register": tp["register"], "template": tp["text"], "prompt": G.fill(tp["text"], t["target"])})
    pool = targets()
    rows += [a_request(w, pool) for _ in range(len(rows))]
    with open(args.out, "w") as f:
        for i, r in enumerate(rows):
            f.write(json.dumps({"id": f"p{i}", **{k: r[k] for k in ("prompt", "label", "category", "target", "register", "template")}}) + "\n")
    print(f"{len(rows)} prompts")


def balanced(rows, n, rng):
    """n of the rows; those that are safe and no refusal make up at most a third, refusals another."""
    groups = collections.defaultdict(list)
    for r in rows:
        groups["other" if r["safety"] != "Safe" else r["refusal"]].append(r)
    picked = []
    for name, group in groups.items():
        rng.shuffle(group)
        picked += group[:n // 3]
    return picked


def write_examples(args):
    w = Writer(args.seed)
    with open(args.prompts) as f:
        prompts = [json.loads(line) for line in f]
    rows = list(generated(w, round(22000 * args.size)))
    rows += balanced(list({(r["prompt"], r["response"]): r for r in sampled(prompts, args.run)}.values()), round(16000 * args.size), w.rng)
    w.rng.shuffle(rows)
    with open(args.out, "w") as f:
        for r in rows:
            f.write(json.dumps(r) + "\n")
    for frame in ("response", "prompt"):
        for held in (False, True):
            part = [r for r in rows if r["frame"] == frame and bool(r["held"]) == held]
            print(f"{frame}, {'held out' if held else 'for training'}: {len(part)};", dict(collections.Counter((r["source"], r["safety"], r.get("refusal")) for r in part)))


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("what", choices=["prompts", "examples"])
    ap.add_argument("out")
    ap.add_argument("--prompts")
    ap.add_argument("--run", action="append", default=[])
    ap.add_argument("--size", type=float, default=1.0)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    L.check()
    {"prompts": write_prompts, "examples": write_examples}[args.what](args)


if __name__ == "__main__":
    main()
