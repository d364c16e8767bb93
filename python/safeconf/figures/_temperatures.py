"""Runs of one experiment at several temperatures, beside each other."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Optional, Union

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import _style as style
from ._data import Empty, Folder, RunLike, estimate, is_proxy, number
from ._plots import Drawn, _bars
from ._save import Saved, check_formats, save_figure
from ._style import visible

Key = tuple[str, str, str, str]

_RATES = (
    ("refusal_rate_unsafe", "refusal, unsafe prompts", style.BLUE, "o", "-"),
    ("refusal_rate_safe", "refusal, safe prompts", style.GREEN, "s", "--"),
    ("harm_rate", "harm", style.VERMILLION, "^", "-."),
)


def _temperature(run: RunLike) -> float:
    config = run.analysis["run"].get("config")
    sampling = config.get("sampling") if isinstance(config, dict) else None
    return number(sampling.get("temperature")) if isinstance(sampling, dict) else math.nan


def _key(run: RunLike) -> Key:
    """What runs that differ in temperature have in common."""
    facts = run.analysis["run"]
    return (
        str(facts["model"]),
        str(facts["benchmark"]),
        str(facts["policy"]),
        str(facts["harm_basis"]),
    )


def sweeps(runs: Iterable[RunLike]) -> list[list[RunLike]]:
    """Runs that differ in temperature alone, in its order, where there are two temperatures."""
    groups: dict[Key, list[RunLike]] = {}
    for run in runs:
        if math.isfinite(_temperature(run)):
            groups.setdefault(_key(run), []).append(run)
    kept = [sorted(group, key=_temperature) for group in groups.values()]
    return [group for group in kept if len({_temperature(run) for run in group}) > 1]


def _draw(runs: Sequence[RunLike], axes: Axes) -> None:
    groups = sweeps(runs)
    if not groups:
        raise Empty("no two runs of one model, benchmark, policy and judge at two temperatures")
    if len(groups) > 1:
        raise Empty("the runs are of several models, benchmarks, policies or judges")
    group = groups[0]
    x = [_temperature(run) for run in group]
    width = max(x) - min(x)
    for i, (key, label, colour, marker, line) in enumerate(_RATES):
        of = [estimate(run.analysis["overall"][key]) for run in group]
        if not any(math.isfinite(e.value) for e in of):
            continue
        at = [t + (i - 1) * 0.008 * width for t in x]
        proxy = " (proxy)" if key == "harm_rate" and is_proxy(group[0]) else ""
        _bars(axes, at, of, False, marker=marker, color=colour, markersize=3.5)
        axes.plot(
            at,
            [e.value for e in of],
            color=colour,
            linestyle=line,
            marker=marker,
            markersize=3.5,
            linewidth=1,
            label=label + proxy,
        )
    axes.set(ylim=(-0.02, 1.02), xlabel="temperature", ylabel="share of answers")
    if len(set(x)) <= 8:
        axes.set_xticks(sorted(set(x)), [f"{t:g}" for t in sorted(set(x))])
    style.percent_axis(axes.yaxis)
    style.legend(axes, 2)
    model, benchmark, policy, basis = _key(group[0])
    counts = sorted({run.analysis["overall"]["n_instances"] for run in group})
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    lines = [
        f"{visible(model, 40)} on {visible(benchmark, 40)}, policy {visible(policy, 30)},"
        f" n = {n} prompts in each of {len(group)} runs",
        "harm by proxy: no judge read the answers, the prompt's label stands in"
        if is_proxy(group[0])
        else f"harm by judge {visible(basis, 40)}",
    ]
    if any(run.analysis["run"].get("demo") for run in group):
        lines.append("demonstration model: says nothing about real ones")
    style.note(axes, [*lines, "bars: 95 %"])


def temperatures(runs: Sequence[RunLike], ax: Optional[Axes] = None, columns: int = 1) -> Drawn:
    """Refusal and harm against the temperature.

    Args:
        runs: of one model, benchmark, policy and judge.
        ax: axes of yours; None: a new figure.
        columns: 1 or 2, the width of a new figure.

    Returns:
        The figure, or your axes; where there is nothing to draw the picture says why.
    """
    with style.house_style():
        figure: Optional[Figure] = None
        if ax is None:
            figure, axes = style.new_figure(columns, 2.8)
        else:
            axes = ax
        try:
            _draw(runs, axes)
        except Empty as reason:
            style.say(axes, f"temperatures: {reason}")
        style.make_plain(axes)
    return axes if figure is None else figure


def run_folders(folder: Path) -> list[Path]:
    """Folders of runs below an experiment's: itself, its phases, theirs."""
    found = [path.parent for depth in ("*", "*/*") for path in folder.glob(f"{depth}/run.db")]
    return sorted(path for path in found if (path / "analysis.json").is_file())


def save_temperatures(
    folder: Union[str, os.PathLike[str]],
    out: Union[str, os.PathLike[str], None] = None,
    formats: Iterable[str] = ("svg",),
    columns: int = 1,
) -> list[Saved]:
    """Writes a figure ``temperatures-N`` for every sweep below an experiment's folder.

    Args:
        folder: of the experiment.
        out: where to; None: ``figures`` in that folder.
        formats, columns: as in :func:`save_all`.
    """
    kinds = check_formats(formats)
    to = Path(folder) / "figures" if out is None else Path(out)
    groups = sweeps(Folder(path) for path in run_folders(Path(folder)))
    if not groups:
        reason = "no two runs of one model, benchmark, policy and judge at two temperatures"
        return [Saved("temperatures", [], reason)]

    def make(group: list[RunLike]) -> Any:
        def draw() -> Figure:
            with style.house_style():
                figure, axes = style.new_figure(columns, 2.8)
                _draw(group, axes)
                style.make_plain(axes)
                return figure

        return draw

    names = [
        f"temperatures-{i}" if len(groups) > 1 else "temperatures"
        for i in range(1, len(groups) + 1)
    ]
    return [save_figure(name, make(group), to, kinds) for name, group in zip(names, groups)]
