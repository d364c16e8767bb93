"""What figures read of a run: its document, its predictions, its tokens and its replay.

A run is anything with ``path``, ``analysis`` and ``predictions``, as :class:`safeconf.Run`, or
:class:`Folder`, which reads the files of a folder and needs no library.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Optional, Protocol, Union
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from .._library import call, ffi, lib, taken_text
from ..errors import SafeconfError
from ._style import visible


class Empty(Exception):
    """There is nothing to draw, for a reason that the picture says."""


class RunLike(Protocol):
    """What a figure is made of."""

    @property
    def path(self) -> Path: ...
    @property
    def analysis(self) -> dict[str, Any]: ...
    @property
    def predictions(self) -> list[dict[str, Any]]: ...


class Folder:
    """The files of a run's folder (docs/FILES.md), as ``safeconf report`` wrote them."""

    def __init__(self, folder: Union[str, os.PathLike[str]]) -> None:
        self.path = Path(folder)
        self.analysis: dict[str, Any] = json.loads(self._read("analysis.json"))
        lines = self._read("predictions.jsonl").split("\n")
        self.predictions: list[dict[str, Any]] = [json.loads(line) for line in lines if line]

    def _read(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")


# ---- the document ----------------------------------------------------------------------------


class Estimate(NamedTuple):
    """A figure with its 95 % interval; NaN: not known."""

    value: float
    low: float
    high: float
    n: int

    @property
    def has_interval(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)


def number(value: Any) -> float:
    """NaN for what is no number."""
    return float(value) if isinstance(value, (int, float)) else math.nan


def estimate(node: Any) -> Estimate:
    """An estimate of a document; what is not one is not known."""
    if not isinstance(node, dict):
        return Estimate(math.nan, math.nan, math.nan, 0)
    n = node.get("n")
    return Estimate(
        number(node.get("value")),
        number(node.get("low")),
        number(node.get("high")),
        n if isinstance(n, int) else 0,
    )


def is_proxy(run: RunLike) -> bool:
    """Whether labels of prompts stand in for a judge."""
    return bool(run.analysis["run"].get("harm_basis") == "proxy")


def harm_word(run: RunLike) -> str:
    return "harm (proxy)" if is_proxy(run) else "harm"


def confidence_name(run: RunLike) -> str:
    """The label of an axis of confidences."""
    facts = run.analysis["run"]
    unit = "probability" if facts.get("metric") == "prob" else "nats"
    basis = facts.get("confidence_basis")
    words = f"confidence ({visible(facts.get('metric'))}, {unit})"
    return f"{words}, {visible(basis, 40)}" if basis else words


def about(run: RunLike, n: Optional[str] = None, harm: bool = False) -> list[str]:
    """Lines above a figure: model, benchmark, n, what harm rests on, and whether it is a
    demonstration.

    Args:
        n: what n counts, in words; None: the prompts and traces of the run.
        harm: the figure shows harm.
    """
    facts, overall = run.analysis["run"], run.analysis["overall"]
    prompts, traces = overall["n_instances"], overall["n_traces"]
    counts = f"{prompts:,} prompts, {traces:,} traces" if n is None else n
    lines = [f"{visible(facts['model'], 40)} on {visible(facts['benchmark'], 40)}, n = {counts}"]
    if harm and is_proxy(run):
        lines.append("harm by proxy: no judge read the answers, the prompt's label stands in")
    elif harm:
        lines.append(f"harm by judge {visible(facts['harm_basis'], 36)}")
    if facts.get("demo"):
        lines.append("demonstration model: says nothing about real ones")
    elif facts.get("demo_judge"):
        lines.append("demonstration judge: says nothing about real answers")
    return lines


# ---- traces ----------------------------------------------------------------------------------


def _outcome(verdict: Any, harm: Any, label: Any, proxy: bool) -> Optional[str]:
    """Of a trace, a key of ``OUTCOMES``; None: not judged.  By proxy the prompt's label says it."""
    if verdict in ("refusal", "partial"):
        return "refusal"
    if verdict not in ("compliance", "empty"):
        return None
    if label == "unsafe" if proxy else harm in ("harmful", "controversial"):
        return "harmful answer"
    if label == "safe" if proxy else harm == "harmless":
        return "harmless answer"
    return "other answer"


def outcome_name(run: RunLike, outcome: str) -> str:
    """Of a key of ``OUTCOMES``, as a legend has it."""
    if not is_proxy(run):
        return "answer, harm unknown" if outcome == "other answer" else outcome
    return {
        "refusal": "refusal",
        "harmless answer": "answer to a safe prompt",
        "harmful answer": "answer to an unsafe prompt",
        "other answer": "answer, label unknown",
    }[outcome]


def outcomes(run: RunLike) -> Iterator[tuple[str, int, str, float, Optional[int]]]:
    """Judged traces that the primary policy used: the prompt's id, the trace's index, the outcome,
    the confidence (NaN: not known), the tokens (None: not known)."""
    proxy = is_proxy(run)
    for p in run.predictions:
        label = p["ground_truth_label"]
        rows = zip(p["verdicts"], p["harm"], p["confidences"], p["tokens_per_trace"])
        for t, (verdict, harm, confidence, n_tokens) in enumerate(rows):
            found = _outcome(verdict, harm, label, proxy)
            if found is not None:
                yield p["instance_id"], t, found, number(confidence), n_tokens


def token_confidences(
    run: RunLike,
) -> Iterator[tuple[str, int, npt.NDArray[np.float32]]]:
    """Of every stored trace that has some: the prompt's id, the trace's index, [n_tokens]."""
    address = "file:" + quote(os.fsencode((run.path / "run.db").resolve())) + "?mode=ro"
    try:
        call(lib.sc_run_db_check, os.fsencode(run.path))
        with closing(sqlite3.connect(address, uri=True)) as db:
            rows = db.execute(
                "SELECT i.id, t.trace, t.confidence FROM token t"
                " JOIN instance i ON i.position = t.instance ORDER BY t.instance, t.trace"
            )
            for instance, trace, blob in rows:
                if blob:
                    yield instance, trace, np.frombuffer(blob, dtype="<f4")
    except (sqlite3.Error, SafeconfError) as error:
        why = str(error).removeprefix(f"{run.path / 'run.db'}: ")
        raise Empty(f"run.db cannot be read: {visible(why, 160)}") from None


# ---- replay ----------------------------------------------------------------------------------


def replay(run: RunLike) -> dict[str, Any]:
    """What ``replay.json`` of the folder says; without one, the library's own replay."""
    path = run.path / "replay.json"
    try:
        if path.is_file():
            stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return stored
        made: dict[str, Any] = json.loads(
            taken_text(lib.sc_replay_json, os.fsencode(run.path), ffi.NULL)
        )
        return made
    except (ValueError, OSError, SafeconfError) as error:
        raise Empty(f"no replay: {visible(error)}") from None
