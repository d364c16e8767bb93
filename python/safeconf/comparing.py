"""Runs side by side, and a run under other policies: the library's documents as objects."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Optional, Union

from . import _tables
from ._document import Document
from ._library import Arguments, PathLike, call, ffi, interruptible, lib, set_numbers, taken_text
from ._visible import visible
from .errors import ArgumentError
from .results import Run, Text

RunLike = Union[Run, PathLike]
_ENDS = ("value", "low", "high", "n")


def folder_of(run: RunLike) -> str:
    """The folder of a run."""
    return str(run.path) if isinstance(run, Run) else os.fspath(run)


def _is_estimate(value: Any) -> bool:
    return isinstance(value, dict) and all(end in value for end in _ENDS)


def _flat(name: str, value: Any) -> dict[str, Any]:
    """A figure as columns: an estimate has four."""
    if not _is_estimate(value):
        return {name: value}
    return {name: value["value"], **{f"{name}_{end}": value[end] for end in _ENDS[1:]}}


class Comparison(Document):
    """Two or more runs on the prompts that they share (docs/DIFF.md says what stands in it)."""

    def __init__(self, data: dict[str, Any], folders: list[str]) -> None:
        super().__init__(data)
        self._folders = folders

    def __repr__(self) -> str:
        return visible(f"Comparison({', '.join(map(repr, self._folders))})")

    def summary(self) -> Text:
        """What it says first, in words."""
        return Text("\n".join(self.data.get("summary") or []))

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def to_pandas(self) -> Any:
        """A DataFrame with a row for each figure and part: of all prompts, by label, by category.

        Columns: ``part``, ``figure``, then ``a``, ``b`` and ``difference`` (B minus A) with
        ``_low``, ``_high`` (95 %) and ``_n`` of each.
        """
        parts: list[tuple[str, Any]] = [("all", self.data)]
        for group in ("per_label", "per_category"):
            parts += list((self.data.get(group) or {}).items())
        rows = []
        for part, figures in parts:
            for figure, sides in figures.items():
                if not (isinstance(sides, dict) and _is_estimate(sides.get("a"))):
                    continue
                row: dict[str, Any] = {"part": part, "figure": figure}
                for side in ("a", "b", "difference"):
                    row.update(_flat(side, sides.get(side)))
                rows.append(row)
        return _tables.needed("pandas", "pandas").DataFrame(rows)

    def report(self, out: PathLike, *, open: bool = False) -> Path:
        """Writes diff.json and diff.html into a folder and returns the path of the page.

        Args:
            out: the folder, which is made.
            open: also shows the page in a browser.
        """
        arguments = Arguments()
        folders = arguments.texts(self._folders, "folder")
        call(lib.sc_diff_write, folders, len(self._folders), arguments.text(out, "out"))
        page = Path(out) / "diff.html"
        if open:
            import webbrowser

            webbrowser.open(page.resolve().as_uri())
        return page


def compare(*runs: RunLike) -> Comparison:
    """Compares two or more runs on the prompts that they share.

    Args:
        runs: 2 to 16 runs or their folders.  Differences are B minus A; of more runs all pairs
            stand in ``pairs``.
    """
    if len(runs) < 2:
        raise ArgumentError(f"compare: expected at least 2 runs, found {len(runs)}")
    arguments = Arguments()
    folders = [folder_of(run) for run in runs]
    text = taken_text(lib.sc_diff_json, arguments.texts(folders, "folder"), len(folders))
    return Comparison(json.loads(text), folders)


#: The same, by the name of the command line.
diff = compare


class Replay(Document):
    """Other policies over a run's stored traces (docs/REPLAY.md says what stands in it)."""

    def __repr__(self) -> str:
        return f"Replay({len(self.data['rows'])} policies)"

    @property
    def recommendation(self) -> dict[str, Any]:
        """``policy``, and ``why``."""
        return dict(self.data["recommendation"])

    def summary(self) -> Text:
        """The recommendation, in words."""
        return Text(self.recommendation["why"])

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def to_pandas(self) -> Any:
        """A DataFrame with a row for each policy; an estimate has columns for its 95 % interval
        (``_low``, ``_high``) and its units (``_n``); those of the null begin with ``null_``."""
        rows = []
        for policy in self.data["rows"]:
            row: dict[str, Any] = {}
            for name, value in policy.items():
                if isinstance(value, dict) and not _is_estimate(value):
                    for inner, figure in value.items():
                        row.update(_flat(f"{name}_{inner}", figure))
                else:
                    row.update(_flat(name, value))
            rows.append(row)
        return _tables.needed("pandas", "pandas").DataFrame(rows)


def replay(
    run: RunLike,
    *,
    n_orders: Optional[int] = None,
    min_traces: Optional[int] = None,
    max_traces: Optional[int] = None,
    batch_traces: Optional[int] = None,
    tau: Optional[float] = None,
    max_changes: Optional[float] = None,
    seed: int = 0,
    threads: int = 0,
) -> Replay:
    """What other policies would have made of a run's traces; no model is needed.

    Args:
        run: a run or its folder.
        n_orders: random orders of each prompt's traces; None: 200.
        min_traces: None: 3.
        max_traces: None: as many as are there.
        batch_traces: None: 3.
        tau: of deepconf, the share of the votes that ends the sampling; None: 0.95.
        max_changes: share of verdicts that a recommended policy may change; None: 0.01.
        seed: of orders and shuffles.
        threads: 0: one for each available core.
    """
    options = ffi.new("struct sc_replay_run_options *")
    options[0] = lib.sc_replay_run_options_default()
    set_numbers(
        options,
        {
            "seed": seed,
            "n_threads": threads,
            "n_orders": n_orders,
            "min_traces": min_traces,
            "max_traces": max_traces,
            "batch_traces": batch_traces,
            "tau": tau,
            "max_changes": max_changes,
        },
    )
    with interruptible(options):
        text = taken_text(lib.sc_replay_json, os.fsencode(folder_of(run)), options)
    return Replay(json.loads(text))
