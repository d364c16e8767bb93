"""Predictions that are no whole run, as a run: a part of one, several together, or a saved file.

They become rows in the shape of predictions.jsonl, which safeconf imports (docs/IMPORT.md): texts,
confidences and numbers of tokens stay, answers are read for refusals again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import safeconf as sc
from safeconf._library import Arguments, call, ffi, lib, name_value


def metric_of(confidences: Sequence[Optional[float]]) -> str:
    """Which confidence these are.  Those of the 20 likeliest tokens are ln 20 = 3.0 at least; those
    of a function, whose sampled tokens alone are known, are probabilities."""
    known = [confidence for confidence in confidences if confidence is not None]
    return "prob" if known and max(known) <= 1 else "mean"


def row_of(prediction: Any, instance: Any, metric: str) -> dict[str, Any]:
    """A line of predictions.jsonl."""
    row = {
        "instance_id": prediction.instance_id,
        "prompt": instance.prompt,
        "ground_truth_label": instance.ground_truth_label,
        "category": instance.category or "",
        "traces": prediction.traces,
        "verdicts": ["refusal" if refused else "compliance" for refused in prediction.refused],
        "metrics": {metric: prediction.confidences},
    }
    if prediction.tokens_per_trace is not None and None not in prediction.tokens_per_trace:
        row["tokens_per_trace"] = prediction.tokens_per_trace
    return row


def read_again(
    predictions: Sequence[Any], instances: Sequence[Any], folder: Path, rules: Optional[str]
) -> sc.Run:
    """The run in `folder`, which is made, with the labels that the instances have now."""
    asked = {instance.id: instance for instance in instances}
    missing = next((p.instance_id for p in predictions if p.instance_id not in asked), None)
    if missing is not None:
        raise ValueError(f"instances: expected one with the id {missing!r}, found none")
    metric = metric_of([c for p in predictions for c in p.confidences])
    file = folder / "predictions.jsonl"
    rows = (row_of(p, asked[p.instance_id], metric) for p in predictions)
    text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
    file.write_text(text, encoding="utf-8")

    arguments = Arguments()
    options = ffi.new("struct sc_import_options *")
    options[0] = lib.sc_import_options_default()
    options.file = arguments.text(file)
    options.out = arguments.text(folder / "run")
    options.rules = arguments.text(rules)
    options.metric = name_value("metric", metric)
    call(lib.sc_import, options, ffi.NULL, ffi.NULL)
    return sc.Run(folder / "run")
