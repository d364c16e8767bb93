"""Texts of others where people read them: nothing acts on a terminal, nothing is hidden."""

from __future__ import annotations

import re

#: What a terminal would obey, what would turn a line around, and what shows nothing: the list of
#: src/base/text.c.  Noncharacters beyond the first plane are left: no font has anything for them.
_UNSEEN = re.compile(
    "["
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f-\\u1160"
    "\\u17b4-\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f"
    "\\u3164\\ufdd0-\\ufdef\\ufe00-\\ufe0d\\ufeff\\uffa0\\ufff0-\\ufffb"
    "\\ufffe-\\uffff\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a"
    "\\U000e0000-\\U000e0fff"
    "]"
)


def visible(text: str) -> str:
    """The text with such characters as escapes; line ends and tabs stay."""

    def say(found: re.Match[str]) -> str:
        code = ord(found[0])
        return f"\\u{code:04x}" if code < 0x10000 else f"\\u{{{code:04x}}}"

    return _UNSEEN.sub(say, text)
