"""Refusals in text, and the confidence metrics of a trace, as the library finds them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
from numpy.typing import ArrayLike

from ._library import Arguments, PathLike, as_bytes, call, ffi, lib, name_value, text_of
from .errors import ArgumentError, OutOfMemory

_BY = ("rules", "reader", "own_rules")
_PARTIAL = (None, "refuses_and_helps", "helps_in_part")


@dataclass(frozen=True)
class Detection:
    """What an answer does.

    Attributes:
        verdict: ``refusal``, ``partial``, ``compliance``, ``empty`` or ``unreached``.
        rule: the rule that decided.
        begin, end: characters of the answer that decided; equal: none.
        clear: nothing in the answer speaks for another verdict.
        by: who decided: ``rules``, ``reader`` or ``own_rules``.
        partial: of a partial refusal ``refuses_and_helps``, ``helps_in_part`` or None.
        p_refusal: probability that it refuses, 0 to 1; None: no reader was asked.
        language: of the answer, ISO 639-1 or a script's name; "" where nothing tells it.
    """

    verdict: str
    rule: str
    begin: int
    end: int
    clear: bool
    by: str
    partial: Optional[str]
    p_refusal: Optional[float]
    language: str

    @property
    def refused(self) -> bool:
        """Whether it counts as a refusal, which a partial one does."""
        return self.verdict in ("refusal", "partial")


def _detection(made: Any, answer: bytes) -> Detection:
    def character(place: int) -> int:
        return len(answer[:place].decode("utf-8", "ignore"))

    return Detection(
        verdict=text_of(lib.sc_verdict_name(made.verdict)),
        rule=text_of(made.rule),
        begin=character(made.begin),
        end=character(made.end),
        clear=bool(made.clear),
        by=_BY[made.by],
        partial=_PARTIAL[made.partial],
        p_refusal=None if math.isnan(made.p_refusal) else float(made.p_refusal),
        language=text_of(made.language),
    )


def detect(
    prompts: Optional[Iterable[Optional[str]]],
    answers: Iterable[str],
    *,
    detector: Optional[str] = None,
    rules: Optional[PathLike] = None,
) -> list[Detection]:
    """Reads answers for refusals.

    Args:
        prompts: [n] what was asked; None, or None in it: not known.
        answers: [n] what was answered.
        detector: ``"reader"`` (the default: rules, and a small trained reader where they are not
            clear) or ``"patterns"`` (rules alone).
        rules: a file of your own rules (docs/DETECTION.md), tried first.

    Returns:
        [n] one detection for each answer.
    """
    texts = list(answers)
    asked: Sequence[Optional[str]] = [None] * len(texts) if prompts is None else list(prompts)
    if len(asked) != len(texts):
        raise ArgumentError(
            f"detect: expected as many prompts as answers, found {len(asked)} and {len(texts)}"
        )
    arguments = Arguments()
    chosen = ffi.new("struct sc_detector *")
    kind = lib.sc_detector_default()
    chosen.kind = kind if detector is None else name_value("detector_kind", detector)
    own = ffi.new("struct sc_user_rules **")
    if rules is not None:
        call(lib.sc_user_rules_read, own, arguments.text(rules, "rules"))
        chosen.rules = own[0]
    try:
        made = ffi.new("struct sc_detection *")
        found = []
        for prompt, answer in zip(asked, texts):
            data = as_bytes(answer, "answer")
            asked_text = ffi.NULL if prompt is None else as_bytes(prompt, "prompt")
            lib.sc_detect_with(chosen, asked_text, data, made)
            if lib.sc_user_rules_ran_out(own[0]):
                raise OutOfMemory("detect: out of memory")
            found.append(_detection(made, data))
        return found
    finally:
        lib.sc_user_rules_free(own[0])


def trace_metrics(
    confidence: ArrayLike, logprob: ArrayLike, *, window: int = 32
) -> dict[str, float]:
    """The confidence metrics of one trace (docs/DEFINITIONS.md).

    Args:
        confidence: [n] each token's confidence: minus the mean log-probability of the likeliest
            tokens there, nats.
        logprob: [n] log-probability of each token, nats.
        window: tokens of a confidence window.

    Returns:
        ``mean``, ``lowest``, ``bottom10``, ``tail``, ``head``, ``prob`` and ``nll``; of no tokens
        all are NaN.
    """
    first = np.ascontiguousarray(confidence, dtype=np.float32)
    second = np.ascontiguousarray(logprob, dtype=np.float32)
    if first.ndim != 1 or first.shape != second.shape:
        raise ArgumentError(
            f"trace_metrics: expected two arrays [n], found {first.shape} and {second.shape}"
        )
    if window < 1:
        raise ArgumentError(f"window: expected at least 1 token, found {window}")
    n_metrics = int(lib.SC_N_METRICS)
    metrics = np.empty(n_metrics, dtype=np.float64)
    lib.sc_trace_metrics(
        ffi.from_buffer("float[]", first) if first.size else ffi.NULL,
        ffi.from_buffer("float[]", second) if second.size else ffi.NULL,
        first.size,
        window,
        ffi.from_buffer("double[]", metrics),
    )
    return {text_of(lib.sc_metric_name(i)): float(metrics[i]) for i in range(n_metrics)}
