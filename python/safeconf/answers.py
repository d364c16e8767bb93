"""What a function in Python is asked for, and what it answers, as the library's traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional, Union

import numpy as np
from numpy.typing import ArrayLike

from ._library import Arguments, ffi, lib, name_value
from .errors import ArgumentError


@dataclass(frozen=True)
class Request:
    """Some traces of one prompt that are wanted.

    Attributes:
        messages: all that is sent, ``{"role", "content"}`` each; when the last one is the
            assistant's, the answer begins with it, which is not part of what is sampled.
        n: traces that are wanted.
        traces: [n] their indices, from 0.
        seeds: [n] one for each, 63 bits: a function of the run's seed, the prompt and the index.
        temperature, top_p, top_k, min_p, repetition_penalty: as the run was told; None: it was not.
        max_new_tokens: of an answer.
        thinking: the model is to reason before it answers.
        confidence_top_k: likeliest tokens that a confidence looks at.
    """

    messages: list[dict[str, str]]
    n: int
    traces: list[int]
    seeds: list[int]
    temperature: Optional[float]
    top_p: Optional[float]
    top_k: Optional[int]
    min_p: Optional[float]
    repetition_penalty: Optional[float]
    max_new_tokens: int
    thinking: bool
    confidence_top_k: int

    @property
    def prompt(self) -> str:
        """What the user asks last."""
        asked = [turn["content"] for turn in self.messages if turn["role"] == "user"]
        return asked[-1] if asked else ""


@dataclass(frozen=True)
class Answer:
    """One trace.  All arrays are [n_tokens], in the order of the tokens, the end token included.

    Attributes:
        text: all that was said, without control tokens.
        ids: of the tokens.
        tokens: their texts, which together are ``text``.
        logprobs: of each token, nats; what they are those of is said by the source.
        sampled_logprobs: the same under the distribution that it was drawn from.
        top_logprobs: [n_tokens, k] of the likeliest tokens at each place, in any order; NaN: none.
            The confidence follows from them.
        confidence: of each token, where the likeliest tokens are not listed.
        entropy: of the whole distribution, nats.
        finish: ``"stop"``, ``"length"`` or ``"filtered"``; None: nobody knows.
        answer: the part of the text after the reasoning; None: all of it.
        n_reasoning: tokens of the reasoning.
        reasoning: what the model's interface keeps apart from the text.
        failure: why there is no answer.
    """

    text: str
    ids: Optional[Sequence[int]] = None
    tokens: Optional[Sequence[str]] = None
    logprobs: Optional[ArrayLike] = None
    sampled_logprobs: Optional[ArrayLike] = None
    top_logprobs: Optional[ArrayLike] = None
    confidence: Optional[ArrayLike] = None
    entropy: Optional[ArrayLike] = None
    finish: Optional[str] = None
    answer: Optional[str] = None
    n_reasoning: int = 0
    reasoning: Optional[str] = None
    failure: Optional[str] = None


AnswerLike = Union[str, Answer, Mapping[str, Any]]


@dataclass(frozen=True)
class Measures:
    """What is known of a source's log-probabilities.

    Attributes:
        kind: ``enum sc_logprob_kind``.
        k: likeliest tokens that a confidence looks at, as many as are listed; 0: none is.
        n_vocab: tokens of the vocabulary; 0: not known.
    """

    kind: int
    k: int
    n_vocab: int


def _answer_of(given: AnswerLike) -> Answer:
    if isinstance(given, Answer):
        return given
    if isinstance(given, str):
        return Answer(given)
    if isinstance(given, Mapping):
        return Answer(**given)
    raise ArgumentError(f"answer: expected a text, found {type(given).__name__}")


def trace_of(measures: Measures, given: AnswerLike) -> Trace:
    """The trace, or one that failed with what is wrong with the answer."""
    try:
        return Trace(measures, _answer_of(given))
    except (ArgumentError, TypeError, ValueError) as error:
        return Trace(measures, Answer("", failure=str(error)))


class Trace:
    """``struct sc_source_trace`` of an answer, with what it borrows."""

    def __init__(self, measures: Measures, answer: Answer) -> None:
        self.arguments = Arguments()
        self.struct = self.arguments.keep(ffi.new("struct sc_source_trace *"))
        self.answer = answer
        self.struct.text = self._text(answer.text)
        self.struct.answer = self._text(answer.answer)
        self.struct.reasoning = self._text(answer.reasoning)
        if answer.failure is not None:
            self.struct.finish = name_value("finish", "failed")
            self.struct.failure = self._text(answer.failure)
            return
        self.struct.finish = name_value("finish", answer.finish or "unknown")
        self._n: Optional[int] = None
        figures = self._figures(measures)
        self._put_ids()
        if self._n is not None:
            self.struct.n_tokens_known = True
            self.struct.n_tokens = self._n
            self.struct.n_reasoning = answer.n_reasoning
            self._put_figures(figures)

    def _text(self, text: Optional[str]) -> Any:
        """Valid UTF-8 without NUL, as the library makes it of what models say."""
        if text is None:
            return ffi.NULL
        if not isinstance(text, str):
            raise ArgumentError(f"text: expected a text, found {type(text).__name__}")
        data = text.replace("\0", "\ufffd").encode("utf-8", "replace")
        return self.arguments.keep(ffi.new("char[]", data))

    def _count(self, name: str, n: int) -> None:
        if self._n is not None and self._n != n:
            raise ArgumentError(f"{name}: expected {self._n} tokens, found {n}")
        self._n = n

    def _array(self, name: str, value: Optional[ArrayLike], n_axes: int = 1) -> Any:
        if value is None:
            return None
        array = np.ascontiguousarray(value, dtype=np.float32)
        if array.ndim != n_axes:
            raise ArgumentError(f"{name}: expected {n_axes} axes, found {array.ndim}")
        self._count(name, array.shape[0])
        return array

    def _figures(self, measures: Measures) -> dict[str, Any]:
        """[n_tokens] arrays by the names of ``struct sc_token_stats``."""
        answer = self.answer
        processed = measures.kind == name_value("logprob_kind", "processed")
        logprobs = self._array("logprobs", answer.logprobs)
        figures = {
            "logprob": None if processed else logprobs,
            "sampled_logprob": self._array("sampled_logprobs", answer.sampled_logprobs),
            "confidence": self._array("confidence", answer.confidence),
            "entropy": self._array("entropy", answer.entropy),
        }
        if processed and figures["sampled_logprob"] is None:
            figures["sampled_logprob"] = logprobs
        listed = self._array("top_logprobs", answer.top_logprobs, 2)
        if listed is not None:
            self._measure(measures, listed, figures)
        return figures

    def _measure(self, measures: Measures, listed: Any, figures: dict[str, Any]) -> None:
        """The confidence, and bounds of the entropy, from the likeliest tokens."""
        if measures.k < 1:
            raise ArgumentError("top_logprobs: expected top_k= of the source to say how many")
        n = listed.shape[0]
        given = ffi.new("struct sc_listed_logprobs *")
        given.logprobs = self.arguments.keep(ffi.from_buffer("float[]", listed))
        given.n_tokens, given.n_listed = listed.shape
        given.k = measures.k
        given.n_vocab = measures.n_vocab
        made = {
            name: np.empty(n, np.float32) for name in ("confidence", "entropy_low", "entropy_high")
        }
        out = ffi.new("struct sc_listed_figures *")
        for name, array in made.items():
            setattr(out, name, self.arguments.keep(ffi.from_buffer("float[]", array)))
        lib.sc_listed_measure(given, out)
        if figures["confidence"] is None and np.isfinite(made["confidence"]).all():
            figures["confidence"] = made["confidence"]
        raw = measures.kind == name_value("logprob_kind", "raw")
        for name in ("entropy_low", "entropy_high"):
            if raw and np.isfinite(made[name]).any():
                setattr(self.struct, name, getattr(out, name))

    def _put_ids(self) -> None:
        answer = self.answer
        if answer.ids is not None:
            ids = [int(value) for value in answer.ids]
            self._count("ids", len(ids))
            self.struct.ids = self.arguments.keep(ffi.new("int32_t[]", ids))
        if answer.tokens is not None:
            self._count("tokens", len(answer.tokens))
            if "".join(answer.tokens) != answer.text:
                raise ArgumentError("tokens: expected texts that together are the answer's")
            sizes = [len(token.encode("utf-8", "replace")) for token in answer.tokens]
            ends = np.cumsum(sizes, dtype=np.uint32).tolist()
            self.struct.text_ends = self.arguments.keep(ffi.new("uint32_t[]", ends))

    def _put_figures(self, figures: dict[str, Any]) -> None:
        order = ("logprob", "sampled_logprob", "confidence", "entropy")
        stats = np.full((self._n or 0, len(order)), np.nan, dtype=np.float32)
        for place, name in enumerate(order):
            if figures[name] is not None:
                stats[:, place] = figures[name]
                self.struct.figures |= 1 << place
        if self.struct.figures and stats.size:
            self.arguments.keep(stats)
            self.struct.stats = ffi.cast(
                "struct sc_token_stats *", self.arguments.keep(ffi.from_buffer(stats))
            )
