#!/usr/bin/env python3
"""Writes src/model/tokenizer/unicode_tables.c: where the tokenizers of Hugging Face and the libraries
here know different versions of Unicode.

Needs tokenizers 0.23.3 (what is asked), a Python whose unicodedata is of Unicode 14.0 (3.11: the oldest
tables that PCRE2 may have) and unicodedata2 (the newest, for what normalisation might know):
    python3 tools/make_unicode_tables.py > src/model/tokenizer/unicode_tables.c
"""
import unicodedata

import unicodedata2
from tokenizers import Regex, normalizers, pre_tokenizers

POINTS = [p for p in range(0x110000) if not 0xD800 <= p < 0xE000]
CATEGORIES = ("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po "
              "Sm Sc Sk So Zs Zl Zp Cc Cf Co").split()


def ranges(points):
    found = []
    for point in sorted(points):
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return found


def points_of(pre_tokenizer, separator, text):
    """Code points that stand alone when each of them is put between separators."""
    pieces = pre_tokenizer.pre_tokenize_str(text)
    step = 1 + len(separator)
    return {POINTS[a // step] for _, (a, b) in pieces if b - a == 1 and a % step == 0}


def newer():
    """Category of each code point that Unicode 14 gives another one, or none."""
    everything = "".join(map(chr, POINTS))
    found = {}
    for category in CATEGORIES:
        split = pre_tokenizers.Split(Regex(r"\p{%s}" % category), "removed", invert=True)
        for _, (begin, end) in split.pre_tokenize_str(everything):
            for point in POINTS[begin:end]:
                if unicodedata.category(chr(point)) != category:
                    found[point] = category
    return found


def not_normalized():
    """Code points that the normalizers do not know to decompose, to compose or to be marks."""
    forms = {name: getattr(normalizers, name)() for name in ("NFC", "NFD", "NFKC", "NFKD")}
    found = set()
    for point in POINTS:
        c = chr(point)
        if any(form.normalize_str(c) != unicodedata2.normalize(name, c)
               for name, form in forms.items()):
            found.add(point)
            first = unicodedata2.normalize("NFD", c)[0]
            if "<" not in unicodedata2.decomposition(c):
                found.add(ord(first))
        mark = unicodedata2.combining(c)
        text = "a" + c + "\u0334" if mark > 1 else "a\u0327" + c
        if mark and forms["NFD"].normalize_str(text) != unicodedata2.normalize("NFD", text):
            found.add(point)
    return found


def punctuation():
    """Code points of the general category P that the Punctuation pre-tokenizer does not know, and those
    beyond ASCII that it knows and that are of another category."""
    text = "a".join(map(chr, POINTS))
    known = points_of(pre_tokenizers.Punctuation(), "a", text)
    of_p = points_of(pre_tokenizers.Split(Regex(r"\p{P}"), "isolated"), "a", text)
    return of_p - known, {point for point in known - of_p if point >= 0x80}


def numbers():
    """Code points that the Digits pre-tokenizer takes for numbers and \\p{N} does not."""
    text = "a".join(map(chr, POINTS))
    return (points_of(pre_tokenizers.Digits(True), "a", text)
            - points_of(pre_tokenizers.Split(Regex(r"\p{N}"), "isolated"), "a", text))


def table(name, comment, points):
    rows = [f"{{0x{a:04X}, 0x{b:04X}}}" for a, b in ranges(points)]
    print(f"\n/* {comment} */\nconst struct sc_unicode_range {name}[] = {{")
    for at in range(0, len(rows), 4):
        print("    " + ", ".join(rows[at:at + 4]) + ",")
    print(f"}};\nconst size_t {name.replace('sc_', 'sc_n_', 1)} =\n    sizeof {name} / sizeof {name}[0];")


def main():
    assert unicodedata.unidata_version == "14.0.0", unicodedata.unidata_version
    print("/* Made by tools/make_unicode_tables.py: not to be edited.  See unicode.h. */")
    print('#include "model/tokenizer/unicode.h"')
    print("\n// clang-format off\n")
    print("const struct sc_unicode_category sc_unicode_newer[] = {")
    found = newer()
    rows = []
    for category in CATEGORIES:
        rows += [(a, b, category) for a, b in ranges(p for p in found if found[p] == category)]
    rows = [f'{{0x{a:04X}, 0x{b:04X}, "{c}"}}' for a, b, c in sorted(rows)]
    for at in range(0, len(rows), 3):
        print("    " + ", ".join(rows[at:at + 3]) + ",")
    print("};\nconst size_t sc_n_unicode_newer = sizeof sc_unicode_newer / sizeof sc_unicode_newer[0];")
    table("sc_unicode_not_normalized", "Not known to their normalizers.", not_normalized())
    unknown, more = punctuation()
    table("sc_unicode_no_punctuation", "Of category P, and no punctuation to them.", unknown)
    table("sc_unicode_more_punctuation", "Punctuation to them, and not of category P.", more)
    table("sc_unicode_more_numbers", "Numbers to them, and not of category N.", numbers())


main()
