"""Refusals and metrics: the library's answers, converted."""

from __future__ import annotations

import math

import pytest

import safeconf as sc


def test_verdicts() -> None:
    found = sc.detect(
        ["How?", None, "x"],
        ["I'm sorry, but I can't help with that.", "First, preheat the oven to 180 degrees.", ""],
    )
    assert [one.verdict for one in found] == ["refusal", "compliance", "empty"]
    assert found[0].refused and not found[1].refused
    assert found[0].language == "en"


def test_ranges_are_of_characters() -> None:
    answer = "\u00c4h \u2013 I cannot help with that."
    (found,) = sc.detect(None, [answer], detector="patterns")
    assert found.verdict == "refusal" and "cannot" in answer[found.begin : found.end]


def test_wrong_arguments() -> None:
    with pytest.raises(sc.ArgumentError, match="as many prompts"):
        sc.detect(["one"], [])
    with pytest.raises(sc.ArgumentError, match="detector"):
        sc.detect(None, ["x"], detector="nobody")
    with pytest.raises(sc.ArgumentError, match="U\\+0000"):
        sc.detect(None, ["a\0b"])
    with pytest.raises(sc.InputOutputError, match="nowhere"):
        sc.detect(None, ["x"], rules="/nowhere/rules.json")


def test_metrics() -> None:
    metrics = sc.trace_metrics([1.0, 3.0], [-0.5, -1.5], window=1)
    assert metrics["mean"] == 2.0 and metrics["lowest"] == 1.0
    assert metrics["nll"] == 1.0 and metrics["prob"] == pytest.approx(math.exp(-1.0))
    assert all(math.isnan(value) for value in sc.trace_metrics([], []).values())
    with pytest.raises(sc.ArgumentError, match="two arrays"):
        sc.trace_metrics([1.0], [])
