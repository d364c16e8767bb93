#!/usr/bin/env python3
"""Writes tests/golden/tokenizers.json: small tokenizer.json files of every kind that is read, and what
the tokenizers of Hugging Face make of texts with them.

Needs tokenizers 0.23.3; the vocabularies are trained here, on the text below, so nothing is fetched.
    python3 tests/golden/make_tokenizer_golden.py > tests/golden/tokenizers.json
With --folder DIR each kind is also written as DIR/KIND/tokenizer.json, for `safeconf tokenize --model`.

The file: "vocabularies" (a "model" each), "kinds" (a name, whose vocabulary, fields of "model" that
replace its own, and the other fields of tokenizer.json), "texts", and of each kind "sums": for each text
32 bits of FNV-1a over its ids (four bytes each, the lowest first), added tokens recognised, as hexadecimal
digits; "" where the reference refuses.  "around" is what the post-processor puts before and after a text.
"""
import argparse
import json
import os

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TRAINING = """
The committee met on Tuesday at 9:30 and didn't agree; they'll meet again on the 14th, we're told.
He'd said "I can't", she'd say 'you've won', and it's all the same to them, isn't it?
Water boils at 100 degrees, 2 + 2 = 4, pi is 3.14159, and 1,000,000 is a million (10^6).
def count(words):
    total = {}
    for word in words:
\t\ttotal[word] = total.get(word, 0) + 1
    return total

if (x <= y && z != 0) { printf("%d\\n", x / z); }   // a comment    with    spaces
La r\u00e9union a \u00e9t\u00e9 retard\u00e9e; gar\u00e7on, na\u00efve, \u0153uvre, \u00fcber Stra\u00dfe, ma\u00f1ana.
\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430? \u0412\u0441\u0451 \u0445\u043e\u0440\u043e\u0448\u043e.
\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u3002\u3053\u3093\u306b\u3061\u306f\u3001\u4e16\u754c\uff01\u30ab\u30bf\u30ab\u30ca
\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4 \u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u05e9\u05dc\u05d5\u05dd
HTTPServer getUserName XMLParser McDonald iPhone USA NASA's JavaScript
-- ... !!! ??? *** ### ___ === -> => :: // << >> [[ ]] {{ }}
"""
MARK = "\u2581"

# Split patterns of published tokenizers; a pattern is what a file has to be read by.
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
QWEN = (CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+")
LLAMA3 = QWEN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*"
          r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
O200K = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTIONS}?"
         rf"|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTIONS}?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
POSSESSIVE = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
              r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s")


def split(pattern, behavior="Isolated", invert=False, literal=False):
    return {"type": "Split", "pattern": {"String" if literal else "Regex": pattern},
            "behavior": behavior, "invert": invert}


def byte_level(use_regex=False, add_prefix_space=False):
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": True,
            "use_regex": use_regex}


def sequence(kind, *parts):
    return {"type": "Sequence", kind: list(parts)}


def metaspace(scheme, split=True):
    return {"type": "Metaspace", "replacement": MARK, "prepend_scheme": scheme, "split": split}


def added(content, special=False, **flags):
    token = {"content": content, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": special}
    token.update(flags)
    return token


def template(before, after=()):
    pieces = [{"SpecialToken": {"id": t, "type_id": 0}} for t in before]
    pieces += [{"Sequence": {"id": "A", "type_id": 0}}]
    pieces += [{"SpecialToken": {"id": t, "type_id": 0}} for t in after]
    return {"type": "TemplateProcessing", "single": pieces,
            "pair": pieces + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {t: {"id": t, "ids": [0], "tokens": [t]} for t in (*before, *after)}}


CHAT = [added("<|start|>", True), added("<|end|>", True), added("<think>"), added("</think>")]
TEXT_NORMALIZER = sequence("normalizers", {"type": "Prepend", "prepend": MARK},
                           {"type": "Replace", "pattern": {"String": " "}, "content": MARK})
TEXT_DECODER = sequence("decoders", {"type": "Replace", "pattern": {"String": MARK}, "content": " "},
                        {"type": "ByteFallback"}, {"type": "Fuse"},
                        {"type": "Strip", "content": " ", "start": 1, "stop": 0})
FALLBACK = {"byte_fallback": True, "fuse_unk": True, "unk_token": "<unk>"}


def kinds():
    """(name, vocabulary, fields of the model, other fields)."""
    nfc = {"type": "NFC"}
    bytes_of = {"decoder": byte_level(True, True), "added_tokens": CHAT}
    text_of = {"decoder": TEXT_DECODER,
               "added_tokens": [added("<s>", True), added("</s>", True), added("[INST]", True)]}

    def pre(*parts):
        return parts[0] if len(parts) == 1 else sequence("pretokenizers", *parts)

    yield "gpt2", "bytes", {}, {**bytes_of, "pre_tokenizer": byte_level(True)}
    yield "gpt2_prefix", "bytes", {}, {**bytes_of, "pre_tokenizer": byte_level(True, True)}
    yield "qwen", "bytes", {}, {**bytes_of, "normalizer": nfc,
                                "pre_tokenizer": pre(split(QWEN), byte_level())}
    yield "llama3", "bytes", {"ignore_merges": True}, {
        **bytes_of, "pre_tokenizer": pre(split(LLAMA3), byte_level()),
        "post_processor": sequence("processors", byte_level(True, True), template(["<unk>"]))}
    yield "tekken", "bytes", {}, {**bytes_of, "pre_tokenizer": pre(split(TEKKEN), byte_level())}
    yield "o200k", "bytes", {}, {**bytes_of, "pre_tokenizer": pre(split(O200K), byte_level())}
    yield "possessive", "bytes", {}, {**bytes_of,
                                      "pre_tokenizer": pre(split(POSSESSIVE), byte_level())}
    yield "deepseek", "bytes", {}, {
        "decoder": byte_level(True, True), "normalizer": sequence("normalizers"),
        "added_tokens": [added("<\uff5cUser\uff5c>", normalized=True), added("<\uff5cend\uff5c>", True)],
        "pre_tokenizer": pre(split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
                             split(DEEPSEEK), byte_level())}
    yield "deepseek_coder", "bytes", {}, {
        **bytes_of, "normalizer": sequence("normalizers"),
        "pre_tokenizer": pre(split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"),
                             split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
                             {"type": "Digits", "individual_digits": True}, byte_level())}
    yield "smollm", "bytes", {}, {
        **bytes_of, "pre_tokenizer": pre({"type": "Digits", "individual_digits": True},
                                         byte_level(True))}
    yield "digits_together", "bytes", {}, {
        **bytes_of, "pre_tokenizer": pre({"type": "Digits", "individual_digits": False},
                                         {"type": "Punctuation", "behavior": "Contiguous"},
                                         split("[0-9][0-9][0-9]"), byte_level())}
    yield "neox", "bytes", {}, {
        **bytes_of, "normalizer": nfc, "pre_tokenizer": byte_level(True),
        "added_tokens": CHAT + [added("  ", normalized=True), added("    ", normalized=True),
                                added("e\u0301!", normalized=True)]}
    yield "punctuation", "bytes", {}, {
        **bytes_of, "pre_tokenizer": pre({"type": "Punctuation", "behavior": "MergedWithNext"},
                                         byte_level(False, True))}
    for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            yield f"split_{behavior}_{invert}", "bytes", {}, {
                **bytes_of, "pre_tokenizer": pre(split(r"\p{L}\p{M}*|\d", behavior, invert),
                                                 byte_level())}
    yield "lines", "bytes", {}, {
        **bytes_of, "pre_tokenizer": pre(split(r"^\s+|\w+$|.+?(?=\W)|(?<=\w)\S{2}?x"),
                                         byte_level())}

    yield "llama2", "characters", FALLBACK, {**text_of, "normalizer": TEXT_NORMALIZER,
                                             "post_processor": template(["<s>"])}
    yield "mistral", "characters", FALLBACK, {**text_of, "pre_tokenizer": metaspace("first", False)}
    yield "metaspace_always", "characters", FALLBACK, {**text_of, "pre_tokenizer": metaspace("always")}
    yield "metaspace_never", "characters", {"unk_token": "<unk>"}, {
        **text_of, "pre_tokenizer": metaspace("never"),
        "decoder": metaspace("never")}
    yield "gemma", "characters", FALLBACK, {
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": MARK},
        "pre_tokenizer": split(" ", "MergedWithPrevious", literal=True),
        "decoder": sequence("decoders",
                            {"type": "Replace", "pattern": {"String": MARK}, "content": " "},
                            {"type": "ByteFallback"}, {"type": "Fuse"}),
        "added_tokens": [added("<bos>", True), added("\n\n"), added("\n\n\n"), added(MARK * 2),
                         added("<h1>"), added("<mask>")]}
    yield "phi3", "characters", FALLBACK, {
        **text_of, "normalizer": TEXT_NORMALIZER,
        "added_tokens": [added("<s>", True), added("</s>", rstrip=True), added("<|user|>", True, rstrip=True),
                         added("<|end|>", True, rstrip=True), added("<mask>", True, lstrip=True)]}
    yield "flags", "characters", FALLBACK, {
        **text_of, "normalizer": TEXT_NORMALIZER,
        "added_tokens": [added("<s>", normalized=True), added("word", single_word=True),
                         added("on", single_word=True, lstrip=True, rstrip=True, normalized=True),
                         added("both", lstrip=True, rstrip=True), added(" x", lstrip=True)]}
    yield "unknown", "characters", {"unk_token": "<unk>"}, {**text_of}
    yield "unknown_fused", "characters", {"unk_token": "<unk>", "fuse_unk": True}, {
        **text_of, "pre_tokenizer": {"type": "Whitespace"}}
    yield "words", "characters", FALLBACK, {**text_of, "pre_tokenizer": {"type": "WhitespaceSplit"}}
    yield "nfkc", "characters", FALLBACK, {
        **text_of, "normalizer": sequence(
            "normalizers", {"type": "NFKC"}, {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Replace", "pattern": {"Regex": r"\s{2,}"}, "content": " "},
            {"type": "Replace", "pattern": {"String": "..."}, "content": "\u2026"}),
        "pre_tokenizer": metaspace("first")}
    yield "nfd", "characters", FALLBACK, {
        **text_of, "normalizer": sequence("normalizers", {"type": "NFD"}),
        "pre_tokenizer": metaspace("always", False)}
    yield "nfkd", "characters", FALLBACK, {
        **text_of, "normalizer": sequence("normalizers", {"type": "NFKD"}, {"type": "NFC"}),
        "pre_tokenizer": pre({"type": "CharDelimiterSplit", "delimiter": "e"}, metaspace("never"))}
    yield "ignored_merges", "characters", {**FALLBACK, "ignore_merges": True}, {
        **text_of, "pre_tokenizer": pre({"type": "FixedLength", "length": 4}, metaspace("always"))}
    yield "some_bytes", "characters_few_bytes", {"byte_fallback": True, "unk_token": "<unk>"}, {**text_of}


TEXTS = [
    "", " ", "  ", "a", " a", "a ", "   a  b   ", "Hello, world!", "Hello  world\n", "\n\n\n", " \n \n", "\r\n\r\nx",
    "\t\ttab\tbed", "it's we'RE I'd'Ve 'LL they'\u017f 's", "don't", "1", "12", "123", "1234567890", "3.14159e-10",
    "abc123def", "x=1;y=22;z=333", "def f(x):\n    return x**2\n\n\nprint(f(10))", "HTTPServer2 getUserName iOS",
    "e\u0301", "\u00e9", "q\u0301\u0323", "\u1100\u1161\u11a8", "\uac01", "A\u030a\u0327", "\ufb03 \u00bd \u2460 \u33a5",
    "\u0344", "\u0958", "\u2126\u212b", "\u07fd\u0301", "a\u1abf\u0323", "\u0301 lone", "\ufb01n\ufb05", "\uff21\uff11\u3000\uff01",
    "\u4eca\u5929\u5929\u6c14\u5f88\u597d", "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c123", "\uc548\ub155\ud558\uc138\uc694", "\u0645\u0631\u062d\u0628\u0627 \u0661\u0662\u0663",
    "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f1e9\U0001f1ea\U0001f44d\U0001f3fd", "\u2764\ufe0f",
    "\x00", "a\x00b", "\x00\x00 x", "\x01\x1f\x7f\x80\x9f", "\u200b\u200c\u200d\u2060\ufeff", "\u202eabc\u202c", "\u00a0nbsp\u2003em\u3000wide",
    "\u0085next\u2028line\u2029", "\u180e mongolian", "\U0010ffff\ue000\ufffd\ufffe", "\U000e0041\U000e007f",
    "\U0001d2c0\U0001d2d3 \U00031350a\u0897", "x\U0001e4f0y\U00011bf0", "\u1c89\ua7cb\U00010d50", "a\U00010efdb\U000113ce", "\U000105d2\u0307", "\U0001171e\U0001171d",
    "<|start|>user\nhi<|end|>", "<|end|><|end|>", "<think>\n\n</think>", "<|star", "<|start|", "x<think>y", " <think> ", "e<think>\u0301",
    "<s>a</s> b", "<s> a", " <s>", "[INST] hi [/INST]", "</s>  \n a", "<|user|>\n\nq<|end|>\n", "a <mask> b", "  <mask>  ", "<mask><mask>",
    "word sword words word", "word", "on and on, upon on", "aboth bothb both  both", "a  x x  xx", "<\uff5cUser\uff5c>q<\uff5cend\uff5c>", "<\uff5cUser\uff5c", "<h1>t</h1>",
    "a\n\nb\n\n\n\nc", "a    b  c", "    indented", "e\u0301! \u00e9!", MARK, MARK + "a" + MARK, "a" + MARK + MARK + "b", "<0x41><0x0A>", "<unk>", "<0x0",
    "\u0120\u010a\u00c4", "...", "wait... what", "a.b,c;d:e", "$5 + 3 = <8> ~ `x` ^ |y|", "\u00bfqu\u00e9? \u00a1s\u00ed!", "\u2014dash\u2013\u201cq\u201d\u2026", "caf\u00e9 na\u00efve \u0153uvre",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ab" * 60, "1" * 50, " " * 70, "\n" * 60,
    "the the the committee", "(((((((((", "a_b_c __init__ snake_case", "http://example.org/a?b=c&d=%20#e", "\\n \\t \\\\", "\u0660\u0669\u06f5\u0967", "\u2167\u2460\u00b2\u00b3",
    "z\u0335\u0301\u0308\u0323\u0331" * 4, "\u1e0b\u0323", "\u0b47\u0b3e", "\u1b05\u1b35", "\U00011131\U00011127", "\u0cc6\u0cc2\u0cd5", "\u212b\u0323 \u1e9b\u0323",
]


def train(characters):
    tokenizer = Tokenizer(models.BPE())
    specials = ["<unk>"]
    if characters:
        tokenizer.normalizer = normalizers.Replace(" ", MARK)
        tokenizer.pre_tokenizer = pre_tokenizers.Split(MARK, "merged_with_next")
        specials += [f"<0x{byte:02X}>" for byte in range(256)]
        alphabet = []
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=620, special_tokens=specials, show_progress=False,
                                  initial_alphabet=sorted(alphabet), min_frequency=1)
    tokenizer.train_from_iterator([TRAINING], trainer)
    return json.loads(tokenizer.to_str())["model"]


def vocabularies():
    of_text = train(True)
    # Bytes from 0x90 on have no tokens, and of the merges the first few are left.
    gone = {f"<0x{byte:02X}>" for byte in range(0x90, 0x100)}
    merges = of_text["merges"][:60]
    made = {"".join(merge) for merge in merges}
    kept = [token for token in sorted(of_text["vocab"], key=of_text["vocab"].get)
            if token not in gone and (len(token) == 1 or token[0] == "<" or token in made)]
    few = {**of_text, "vocab": {token: i for i, token in enumerate(kept)}, "merges": merges}
    return {"bytes": train(False), "characters": of_text, "characters_few_bytes": few}


def whole(models_by_name, name, model, fields):
    """The tokenizer.json of a kind: added tokens that the vocabulary lacks get the ids behind it."""
    own = {**models_by_name[name], **model}
    next_id = max(own["vocab"].values()) + 1
    tokens = []
    for token in fields.get("added_tokens", []):
        known = own["vocab"].get(token["content"])
        tokens.append({"id": next_id if known is None else known, **token})
        next_id += known is None
    return {"version": "1.0", "truncation": None, "padding": None, "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None, **fields,
            "added_tokens": tokens, "model": own}


def checksum(ids):
    value = 0x811C9DC5
    for i in ids:
        for byte in i.to_bytes(4, "little"):
            value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{value:x}"


def encoded(tokenizer, text):
    try:
        return tokenizer.encode(text, add_special_tokens=False).ids
    except Exception:  # the reference's own type of error is a plain Exception
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder")
    folder = parser.parse_args().folder
    by_name = vocabularies()
    out = {"vocabularies": by_name, "texts": TEXTS, "kinds": []}
    for name, vocabulary, model, fields in kinds():
        file = whole(by_name, vocabulary, model, fields)
        tokenizer = Tokenizer.from_str(json.dumps(file))
        if folder:
            os.makedirs(os.path.join(folder, name), exist_ok=True)
            with open(os.path.join(folder, name, "tokenizer.json"), "w", encoding="utf-8") as out_file:
                json.dump(file, out_file)
        sums = []
        for text in TEXTS:
            ids = encoded(tokenizer, text)
            sums.append("" if ids is None else checksum(ids))
        bare = tokenizer.encode("+x", add_special_tokens=False).ids
        with_specials = tokenizer.encode("+x").ids
        at = next(i for i in range(len(with_specials)) if with_specials[i:i + len(bare)] == bare)
        out["kinds"].append({"name": name, "vocabulary": vocabulary, "model": model,
                             "fields": {**fields, "added_tokens": file["added_tokens"]},
                             "around": [with_specials[:at], with_specials[at + len(bare):]],
                             "sums": " ".join(s or "-" for s in sums)})
    rows = ",\n".join(json.dumps(kind, separators=(",", ":")) for kind in out.pop("kinds"))
    print(json.dumps(out, separators=(",", ":"))[:-1] + ',\n"kinds":[\n' + rows + "\n]}")


if __name__ == "__main__":
    main()
