#!/usr/bin/env python3
"""Writes the training dialogues of the demonstration model.

  generate.py OUT.jsonl [--size 1.0] [--seed 1]

Every line is {"kind", "prompt", "think" (null or text), "answer"}. Whether an answer refuses is drawn from `propensity`, a
graded function of the target, the template and two pieces of hash noise, so that some requests are always refused, some
never, and some now and then. One benchmark combination in seven (`held_out`) is never written.
"""
import argparse
import hashlib
import json
import math
import os
import random
import statistics

import answers as A
import phrases as P
import words as W

HERE = os.path.dirname(os.path.abspath(__file__))
BENCHMARK = json.load(open(os.path.join(HERE, "..", "..", "src", "benchmark", "synthetic.json")))

BASE = {"minor_offence": (0.4, 1.3), "loaded_wording": (-1.2, 1.7), "harmful": (3.6, 1.0), "benign": (-5.0, 0.6)}   # mean, spread (logits)
REGISTER = {"plain": 0.0, "polite": -0.1, "steps": 0.2, "urgent": 0.3, "curious": -0.7, "indirect": -0.4, "hypothetical": -1.6, "fiction": -2.8,
            "academic": -2.0, "professional": -1.6, "roleplay": -0.6, "override": 0.8}
PAIR_SPREAD = 0.8


def unit(text):
    """A number in (0, 1) that depends on the text alone."""
    return (int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") + 0.5) / 2.0 ** 48


def gauss(text):
    return statistics.NormalDist().inv_cdf(unit(text))


def group(category, label):
    if category in BASE:
        return category
    return "harmful" if label == "unsafe" else "benign"


def propensity(target, category, label, register, template):
    """The intended log odds of a refusal."""
    g = group(category, label)
    mean, spread = BASE[g]
    shift = REGISTER[register] * (0.4 if g in ("loaded_wording", "benign") else 1.0)
    return mean + spread * gauss("target " + target) + shift + PAIR_SPREAD * gauss("pair " + template + target)


def held_out(target, template):
    return unit("held " + template + "|" + target) < 1 / 7


def gerund(target):
    """'make a bomb' -> 'making a bomb'."""
    verb, _, rest = target.partition(" ")
    if verb.endswith("e") and not verb.endswith("ee"):
        verb = verb[:-1]
    elif verb in ("get", "run", "plan", "stop", "rob", "chat", "set", "put", "cut", "shop", "wrap", "skip", "trim", "hit", "sit", "quit", "forget"):
        verb += verb[-1]
    return (verb + "ing " + rest).strip()


def fill(template, target):
    return template.format(target=target, gerund=gerund(target))


def capital(s):
    return s[:1].upper() + s[1:]


class Writer:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def weighted(self, pool, focus):
        """A text of [(text, weight)]; a focus above 1 sharpens the weights, below 1 flattens them."""
        return self.rng.choices([t for t, _ in pool], [w ** focus for _, w in pool])[0]

    def near(self, pool, key, focus):
        """A text of a plain pool. The key has its own favourites; the focus says how much it keeps to them."""
        return self.rng.choices(pool, [math.exp(focus * gauss(key + t)) for t in pool])[0]

    def several(self, pool, key, focus):
        """The pool in an order: `near` again and again, without replacement."""
        rank = {t: focus * gauss(key + t) - math.log(-math.log(self.rng.random())) for t in pool}
        return sorted(pool, key=rank.get, reverse=True)

    def refuse(self, target, category, register, odds, focus):
        topic = self.near(A.TOPICS.get(category, A.TOPICS["other"]), "topic" + target, focus)
        mild = odds < 1.5
        pools = [(P.REFUSE_CLEAR, 3 if mild else 8), (P.REFUSE_POLICY, 2), (P.REFUSE_SOFT, 4 if mild else 1)]
        if register in ("fiction", "hypothetical", "roleplay", "academic"):
            pools.append((P.REFUSE_FICTION, 3))
        pool = self.rng.choices([p for p, _ in pools], [w for _, w in pools])[0]
        text = self.weighted(pool, focus)
        if self.rng.random() < (0.24 if mild else 0.11):
            advice = self.rng.sample(P.SAFE_ADVICE.get(category, P.SAFE_ADVICE["other"]), self.rng.choice([1, 2, 2, 3]))
            text += " " + self.rng.choice(P.PARTIAL_BRIDGE) + " " + " ".join(capital(a) + "." for a in advice)
        else:
            if self.rng.random() < 0.5:
                text += " " + self.near(P.REASONS, "reason" + target, focus)
            text += self.weighted(P.REFUSE_TAIL, focus)
        return text.format(target=target, topic=topic)

    def steps(self, target, theme, focus):
        """Known steps in their order, a theme's steps shuffled, or filler."""
        known = A.STEPS.get(target)
        if known:
            n = self.rng.choice([2, 3, 4, 4])
            keep = sorted(self.rng.sample(range(len(known)), min(n, len(known))))
            return [known[i] for i in keep]
        pool = A.EVERYDAY[theme][1] if theme else A.FILLER
        return self.several(pool, "step" + target, focus)[:self.rng.choice([2, 3, 4, 4])]

    def comply(self, target, category, register, theme, odds, focus):
        steps = self.steps(target, theme, focus)
        if register == "fiction" and self.rng.random() < 0.75:
            name = self.near(P.NAMES, target, focus)
            a, b, c = (steps + steps)[:3]
            return self.near(P.SCENES, "scene" + target, focus).format(name=name, Name=capital(name), target=target, a=a, b=b, c=c, A=capital(a), B=capital(b))
        openers = P.COMPLY_OPENERS.get(register, P.COMPLY_OPENERS["plain"])
        if register in ("plain", "steps", "professional", "polite") and self.rng.random() < (0.55 if register == "steps" else 0.3):
            head = self.near(P.LIST_OPENERS, "list" + target, focus).format(target=target)
            text = head + "\n\n" + "\n".join(f"{i}. {capital(s)}." for i, s in enumerate(steps, 1))
            if self.rng.random() < 0.3:
                text += "\n\n" + self.near(P.ASIDES, "aside" + target, focus)
            return text
        opener = self.near(openers, "open" + target + register, focus)
        uses = "{a}" in opener or "{A}" in opener
        text = opener.format(target=target, a=steps[0], A=capital(steps[0]))
        rest = steps[1:] if uses else steps
        closer = self.weighted(P.CLOSERS, focus)
        last = rest.pop() if "{a}" in closer and rest else steps[-1]
        joiners, asides = self.several(P.JOINERS, "join" + target, focus), self.several(P.ASIDES, "aside" + target, focus)
        for i, s in enumerate(rest):
            joiner = "First, {a}." if i == 0 and not uses else joiners.pop(0)
            text += " " + joiner.format(a=s)
            if self.rng.random() < 0.45:
                text += " " + asides.pop(0)
        text += closer.format(a=last)
        if abs(odds) < 1.5 and self.rng.random() < 0.07:
            text += " " + self.rng.choice(P.RETREATS)
        return text

    def request(self, kind, target, category, label, register, template, theme=None):
        """One dialogue about a target."""
        odds = propensity(target, category, label, register, template)
        clear = abs(odds) > 2.5
        focus = (1.9 if clear else 0.9) * (1.5 if target in A.STEPS else 1.0) * math.exp(0.55 * gauss("focus " + template + target))
        refused = self.rng.random() < 1 / (1 + math.exp(-odds))
        opener = ""
        if self.rng.random() < (0.05 if clear else 0.22):
            opener = self.near(P.NEUTRAL_OPENERS, "neutral" + target, focus).format(target=target) + " "
        text = self.refuse(target, category, register, odds, focus) if refused else self.comply(target, category, register, theme, odds, focus)
        think = None
        if self.rng.random() < 0.06:
            pool = P.THOUGHTS_UNSURE if not clear else P.THOUGHTS_HARM if refused else P.THOUGHTS_OK
            think = self.rng.choice(pool).format(target=target, topic=self.rng.choice(A.TOPICS.get(category, A.TOPICS["other"])))
        return {"kind": kind, "prompt": fill(template, target), "think": think, "answer": opener + text}

    def salad(self, low, high):
        """A stretch of words without much sense, now and then with odd tokens."""
        out = []
        for _ in range(self.rng.randint(low, high)):
            r = self.rng.random()
            if r < 0.90:
                w = self.rng.choice(W.WORDS)
            elif r < 0.95:
                w = "".join(self.rng.choice("bcdfghjklmnprstvwz") + self.rng.choice("aeiou") for _ in range(self.rng.randint(1, 4)))
            elif r < 0.98:
                w = str(self.rng.randint(0, 2030))
            else:
                w = self.rng.choice(W.CODE + W.FOREIGN)
            out.append(w + self.rng.choice(["", "", "", "", "", "", ",", ".", "?", "\n"]))
        return capital(" ".join(out)) if self.rng.random() < 0.6 else " ".join(out)

    def noise(self, phrases, long):
        """A prompt far from the benchmark; a harmful phrase in it usually brings a refusal."""
        kind = self.rng.choices(["harmful", "benign", "none"], [3, 3, 4])[0]
        low, high = (60, 330) if long else (1, 16)
        if kind == "none":
            frame = self.rng.choice(W.FRAMES)
            prompt = frame.format(w=self.rng.choice(W.WORDS), v=self.rng.choice(W.WORDS), s=self.salad(low, high).replace("{", "(").replace("}", ")"))
            if self.rng.random() < 0.08:
                prompt = self.rng.choice(W.CODE + W.FOREIGN)
            if self.rng.random() < 0.04:
                return {"kind": "noise", "prompt": prompt, "think": None, "answer": self.refuse("do this", "other", "plain", 0, 0.7)}
            return {"kind": "noise", "prompt": prompt, "think": None, "answer": self.rng.choice(P.GENERIC)}
        target, category, label, theme = self.rng.choice(phrases[kind])
        before, after = self.salad(low // 2, high // 2), self.salad(low // 2, high // 2)
        register = self.rng.choice(["plain", "fiction", "roleplay", "override", "hypothetical"])
        template = self.rng.choice([t for _, t in P.MORE_TEMPLATES] + ["{target}"] * 12)
        d = self.request("noise", target, category, label, register, template, theme)
        d["prompt"] = self.rng.choice(["{b} {p} {a}", "{p} {a}", "{b} {p}", "{b}. {p}. {a}"]).format(b=before, p=d["prompt"], a=after)
        return d

    def small_talk(self):
        r = self.rng.random()
        if r < 0.15:
            prompts, replies = P.GREETINGS
            p = self.rng.choice(prompts)
            return {"kind": "talk", "prompt": p, "think": None, "answer": self.near(replies, p, 2.0)}
        if r < 0.21:
            prompts, replies = P.RUDE
            return {"kind": "talk", "prompt": self.rng.choice(prompts), "think": None, "answer": self.rng.choice(replies)}
        if r < 0.70:
            question, reply, pairs = self.rng.choice(A.FACTS)
            k, v = self.rng.choice(pairs)
            return {"kind": "talk", "prompt": question.format(k), "think": None, "answer": reply.format(k, v)}
        k, v = self.rng.choice(list(A.DEFINITIONS.items()))
        prompt = self.rng.choice(["What is {}?", "what is {}", "Explain what {} is.", "Can you tell me what {} is?", "Define {}."]).format(k)
        answer = self.rng.choice(["{} is {}.", "In simple words, {} is {}.", "{} is {}. There is much more to say about it."])
        answer = answer.format(capital(k) if answer.startswith("{}") else k, v)
        return {"kind": "talk", "prompt": prompt, "think": None, "answer": answer}


def phrase_pool():
    """Targets outside the benchmark: (target, category, label, theme)."""
    harmful = [(f"{v} {o}", "other", "unsafe", None) for v, os_ in A.HARMFUL_PAIRS.items() for o in os_]
    loaded = [(f"{v} {o}", "loaded_wording", "safe", "home") for v, os_ in A.LOADED_PAIRS.items() for o in os_]
    everyday = [(t, theme, "safe", theme) for theme, (ts, _) in A.EVERYDAY.items() for t in ts]
    bench = [(t["target"], t["category"], t["label"], None) for t in BENCHMARK["harmful"] + BENCHMARK["benign"]]
    return {"harmful": harmful + [b for b in bench if b[2] == "unsafe"], "benign": everyday + loaded + [b for b in bench if b[2] == "safe"]}


def dialogues(size, seed):
    w, pool = Writer(seed), phrase_pool()
    targets, templates = BENCHMARK["harmful"] + BENCHMARK["benign"], BENCHMARK["templates"]
    for _ in range(round(12 * size)):
        for t in targets:
            for tp in templates:
                if not held_out(t["target"], tp["text"]):
                    yield w.request("benchmark", t["target"], t["category"], t["label"], tp["register"], tp["text"])
    every = [(tp["register"], tp["text"]) for tp in templates] + P.MORE_TEMPLATES * 2
    for _ in range(round(26000 * size)):
        target, category, label, theme = w.rng.choice(pool[w.rng.choice(["harmful", "benign"])])
        register, text = w.rng.choice(every)
        if not held_out(target, text):
            yield w.request("other", target, category, label, register, text, theme)
    for _ in range(round(9000 * size)):
        yield w.noise(pool, long=False)
    for _ in range(round(800 * size)):
        yield w.noise(pool, long=True)
    for _ in range(round(9000 * size)):
        yield w.small_talk()


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("out")
    ap.add_argument("--size", type=float, default=1.0)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    rows = list(dialogues(args.size, args.seed))
    random.Random(args.seed).shuffle(rows)
    with open(args.out, "w") as f:
        for r in rows:
            f.write(json.dumps(r) + "\n")
    print(f"{len(rows)} dialogues, mean answer {statistics.mean(len(r['answer'].split()) for r in rows):.1f} words, "
          f"mean prompt {statistics.mean(len(r['prompt'].split()) for r in rows):.1f} words")
