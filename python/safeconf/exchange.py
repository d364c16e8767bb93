"""Other tools' files: a run as a log of inspect_ai, and answers that others sampled as a run.

docs/EXPORT.md says what stands where in a log, docs/IMPORT.md which files are read.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Optional

from ._library import Arguments, Guard, PathLike, call, ffi, lib, name_value, text_of
from .errors import ArgumentError
from .results import Run

#: Of a log that is written without a name.
LOG_NAME = "run.eval"
#: Bad rows that a warning names.
_MOST_NAMED = 3

_PROMPT_COLUMNS = (
    "prompt_column",
    "label_column",
    "category_column",
    "id_column",
    "system_column",
    "prefill_column",
)
_COLUMNS = (
    "completion_column",
    "trace_column",
    "logprobs_column",
    "harm_column",
    "finish_column",
)


def export_eval(run: Run, out: Optional[PathLike] = None, *, policy: Optional[str] = None) -> Path:
    """Writes a run as a log of inspect_ai, which ``inspect view`` opens.

    Samples are prompts and epochs their traces; scores are ``refusal``, ``harm`` (where a judge
    read the answers) and ``confidence``.  The same run gives the same bytes.

    Args:
        run: the run.
        out: the file, which is replaced; None: ``run.eval`` in the run's folder.
        policy: whose traces, where the run has several policies; None: the primary one.

    Returns:
        The path of the log.
    """
    arguments, guard = Arguments(), Guard()
    options = ffi.new("struct sc_export_options *")
    options[0] = lib.sc_export_options_default()
    options.out = arguments.text(out, "out")
    options.policy = arguments.text(policy, "policy")
    options.keep_going = guard.function("bool(void *)", lambda _: guard.exception is None, False)
    call(lib.sc_export_eval, os.fsencode(run.path), options, ffi.NULL)
    guard.check()
    return Path(out) if out is not None else run.path / LOG_NAME


class _Watch:
    """What one call of sc_import says on its way."""

    def __init__(self) -> None:
        self.guard = Guard()
        self.notes: list[str] = []
        self.bad: list[tuple[int, str]] = []
        self.observer = ffi.new("struct sc_import_observer *")
        self.observer.row_failed = self.guard.function(
            "void(void *, size_t, const char *)",
            lambda _, line, why: self.bad.append((int(line), text_of(why))),
        )
        self.observer.note = self.guard.function(
            "void(void *, const char *)", lambda _, text: self.notes.append(text_of(text))
        )
        self.observer.keep_going = self.guard.function(
            "bool(void *)", lambda _: self.guard.exception is None, False
        )

    def warn(self, file: PathLike) -> None:
        """Of the rows that were left out, and what was found out about the file."""
        for note in self.notes:
            named = note if note.startswith(str(file)) else f"{file}: {note}"
            warnings.warn(named, stacklevel=3)
        if self.bad:
            named = "; ".join(f"line {line}: {why}" for line, why in self.bad[:_MOST_NAMED])
            warnings.warn(f"{file}: {len(self.bad)} rows were left out: {named}", stacklevel=3)


def _columns_of(options: Any, arguments: Arguments, given: dict[str, Any]) -> None:
    for name, column in given.items():
        if name not in (*_COLUMNS, *_PROMPT_COLUMNS):
            known = ", ".join((*_PROMPT_COLUMNS, *_COLUMNS))
            raise ArgumentError(f"{name}: expected one of {known}")
        into = options if name in _COLUMNS else options.benchmark
        setattr(into, name, arguments.text(column, name))


def import_answers(
    file: PathLike,
    *,
    out: PathLike,
    model: Optional[str] = None,
    requests: Optional[PathLike] = None,
    label: Optional[str] = None,
    logprobs: str = "unknown",
    metric: str = "mean",
    detector: Optional[str] = None,
    rules: Optional[PathLike] = None,
    rows_key: Optional[str] = None,
    strict: bool = False,
    **columns: Optional[str],
) -> Run:
    """Makes a run's folder of answers that others sampled.

    Read are CSV and JSON Lines with prompts and answers, logs of inspect_ai, samples of
    lm-evaluation-harness, reports of garak, outputs of batch APIs, JailbreakBench's artifacts and
    ``predictions.jsonl``.  What the file does not say stays absent.

    Args:
        file: the file.
        out: folder of the run; the same call goes on in it.
        model: whose answers they are; of several models in the file, the one to take.
        requests: requests of a batch whose outputs ``file`` holds.
        label: ``"safe"`` or ``"unsafe"``, of every prompt.
        logprobs: what log-probabilities are those of: ``"raw"``, ``"processed"`` or ``"unknown"``.
        metric: confidence of a trace, as in :func:`run`.
        detector, rules: who finds refusals, as in :func:`run`.
        rows_key: where the rows of a JSON object lie.
        strict: a row that cannot be read is an error; otherwise it is left out with a warning.
        columns: what columns are called: ``prompt_column``, ``completion_column``,
            ``label_column``, ``category_column``, ``id_column``, ``trace_column``,
            ``logprobs_column``, ``finish_column``, ``harm_column``, ``system_column``,
            ``prefill_column``; ``"doc.goal"`` is a field of what the column ``doc`` holds.

    Returns:
        The run, with its report written.
    """
    arguments, watch = Arguments(), _Watch()
    options = ffi.new("struct sc_import_options *")
    options[0] = lib.sc_import_options_default()
    options.file = arguments.text(file, "file")
    options.out = arguments.text(out, "out")
    options.model = arguments.text(model, "model")
    options.requests = arguments.text(requests, "requests")
    options.benchmark.label = arguments.text(label, "label")
    options.benchmark.rows_key = arguments.text(rows_key, "rows_key")
    options.benchmark.strict = strict
    options.logprobs = name_value("logprob_kind", logprobs)
    options.metric = name_value("metric", metric)
    if detector is not None:
        options.detector = arguments.text(detector, "detector")
    options.rules = arguments.text(rules, "rules")
    _columns_of(options, arguments, columns)
    call(lib.sc_import, options, watch.observer, ffi.NULL)
    watch.guard.check()
    watch.warn(file)
    run = Run(out)
    run.report()
    return run
