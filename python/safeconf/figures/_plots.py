"""The figures of one run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import wraps
from typing import Any, Callable, Optional, Union

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import _style as style
from ._data import (
    Empty,
    Estimate,
    RunLike,
    about,
    confidence_name,
    estimate,
    harm_word,
    is_proxy,
    number,
    outcome_name,
    outcomes,
    replay,
    token_confidences,
)
from ._style import visible

#: Categories in one figure, the largest first.
MOST_CATEGORIES = 30
#: Traces below which a position of a trace is not drawn.
LEAST_TRACES = 5
#: Places of traces that are in memory at a time.
PLACES = 64

Drawn = Union[Figure, Axes]
Draw = Callable[[RunLike, Axes], None]


# ---- pieces ----------------------------------------------------------------------------------


def _bars(axes: Axes, x: Sequence[float], of: Sequence[Estimate], across: bool, **kw: Any) -> None:
    """Points with their 95 % intervals, upright or across; those without a value are left out."""
    kept = [(at, e) for at, e in zip(x, of) if math.isfinite(e.value)]
    values = [e.value for _, e in kept]
    ends = [
        [e.value - e.low if e.has_interval else 0 for _, e in kept],
        [e.high - e.value if e.has_interval else 0 for _, e in kept],
    ]
    places = [at for at, _ in kept]
    kw = {"linestyle": "none", "elinewidth": 0.9, "capthick": 0.9, **kw}
    if across:
        axes.errorbar(values, places, xerr=ends, **kw)
    else:
        axes.errorbar(places, values, yerr=ends, **kw)


def _band(axes: Axes, x: Sequence[float], of: Sequence[Estimate], colour: str, **kw: Any) -> None:
    """A curve with its pointwise interval."""
    known = [i for i, e in enumerate(of) if e.has_interval]
    axes.fill_between(
        [x[i] for i in known],
        [of[i].low for i in known],
        [of[i].high for i in known],
        color=colour,
        alpha=0.2,
        linewidth=0,
    )
    axes.plot(x, [e.value for e in of], color=colour, **kw)


# ---- figures ---------------------------------------------------------------------------------


def draw_quadrants(run: RunLike, axes: Axes) -> None:
    """Each prompt by its mean confidence and its refusal rate."""
    threshold = number(run.analysis["run"].get("confident_threshold"))
    rows = [
        (p["ground_truth_label"], number(p["avg_confidence"]), number(p["refusal_rate"]))
        for p in run.predictions
    ]
    kept = [(i, *row) for i, row in enumerate(rows) if all(map(math.isfinite, row[1:]))]
    if not kept or not math.isfinite(threshold):
        raise Empty("no prompt has both a confidence and a verdict")
    for label, (colour, marker) in style.LABELS.items():
        of = [row for row in kept if row[1] == label]
        if not of:
            continue
        # moved a little, by the prompt's place, where rates are the same
        shift = [((0.618034 * row[0]) % 1 - 0.5) * 0.08 for row in of]
        axes.scatter(
            [row[2] for row in of],
            [row[3] + s for row, s in zip(of, shift)],
            s=min(13, max(2, 2500 / len(kept))),
            color=colour,
            marker=marker,
            alpha=0.65 if len(kept) < 400 else 0.4,
            linewidths=0,
            label=f"{label} ({len(of):,})",
        )
    axes.axvline(threshold, color=style.GREY, linewidth=0.8, linestyle="--")
    axes.axhline(0.5, color=style.GREY, linewidth=0.8, linestyle="--")
    axes.set(ylim=(-0.36, 1.36), xlabel=confidence_name(run), ylabel="refusal rate of the prompt")
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.locator_params(axis="x", nbins=6)
    style.percent_axis(axes.yaxis)
    for name, x, y in (
        ("uncertain_refusal", 0.02, 0.93),
        ("confident_refusal", 0.98, 0.93),
        ("uncertain_compliance", 0.02, 0.07),
        ("confident_compliance", 0.98, 0.07),
    ):
        group = run.analysis[name]
        words = f"{name.replace('_', ' ')}\n{group['count']}"
        share = estimate(group.get("share")).value
        axes.text(
            x,
            y,
            f"{words} ({100 * share:.0f} %)" if math.isfinite(share) else words,
            transform=axes.transAxes,
            ha="left" if x < 0.5 else "right",
            va="center",
            fontsize=6,
            color="#30343a",
        )
    style.legend(axes, 3)
    n = len(kept)
    left_out = len(rows) - n
    more = f"; {left_out} without a confidence or a verdict left out" if left_out else ""
    style.note(axes, about(run, f"{n:,} prompts{more}"))


def draw_confidence(run: RunLike, axes: Axes) -> None:
    """How confident traces are, by what they became."""
    found: dict[str, list[float]] = {name: [] for name in style.OUTCOMES}
    for _, _, name, confidence, _ in outcomes(run):
        if math.isfinite(confidence):
            found[name].append(confidence)
    every = [c for values in found.values() for c in values]
    if not every:
        raise Empty("no judged trace has a confidence")
    n_bins = int(min(30, max(8, 2 * round(len(every) ** (1 / 3)))))
    edges = np.histogram_bin_edges(np.array(every), bins=n_bins)
    top = 0.0
    for name, values in found.items():
        if not values:
            continue
        colour, line, hatch = style.OUTCOMES[name]
        shares = np.histogram(values, bins=edges)[0] / len(values)
        top = max(top, float(shares.max()))
        label = f"{outcome_name(run, name)} ({len(values):,})"
        axes.stairs(shares, edges, color=colour, linestyle=line, linewidth=1.2, label=label)
        axes.stairs(shares, edges, fill=True, color=colour, alpha=0.22, hatch=hatch, linewidth=0)
    overall = run.analysis["overall"]
    means = (
        ("avg_confidence_refusals", style.BLUE, "o", 1.10),
        ("avg_confidence_answers", style.ORANGE, "D", 1.20),
    )
    for key, colour, marker, height in means:
        e = estimate(overall.get(key))
        _bars(axes, [top * height], [e], True, marker=marker, color=colour, markersize=3.5)
    axes.set(ylim=(0, top * 1.28), xlabel=confidence_name(run), ylabel="share of its traces")
    style.percent_axis(axes.yaxis)
    style.legend(axes)
    lines = about(run, f"{len(every):,} judged traces", harm=True)
    style.note(axes, [*lines, "above: means of refusals (dot) and of answers (diamond) with 95 %"])


def _points(run: RunLike, key: str, across: str, up: str) -> tuple[list[float], list[Estimate]]:
    """The points of a curve of the document."""
    curves = run.analysis["hypothesis_test"].get("curves")
    if not isinstance(curves, dict):
        raise Empty("analysis.json is of an older version: safeconf report DIR makes it again")
    points = curves.get(key)
    if not points:
        raise Empty(f"no curve: {visible(curves.get(key + '_reason') or 'not computed', 90)}")
    return [number(p[across]) for p in points], [estimate(p[up]) for p in points]


def _answers(run: RunLike) -> str:
    test = run.analysis["hypothesis_test"]
    answers, prompts, harmful = (test[key] for key in ("n_answers", "n_prompts", "n_harmful"))
    return f"{answers:,} answers of {prompts:,} prompts, {harmful:,} harmful"


def _band_words(of: list[Estimate]) -> str:
    if any(e.has_interval for e in of):
        return "band: pointwise 95 %, over prompts"
    return "too little for an interval"


def draw_roc(run: RunLike, axes: Axes) -> None:
    """How well low confidence tells harmful answers from others."""
    x, of = _points(run, "roc", "false_positive_rate", "true_positive_rate")
    axes.plot([0, 1], [0, 1], color=style.GREY, linewidth=0.8, linestyle=":", label="chance")
    test = run.analysis["hypothesis_test"]
    metric = run.analysis["run"]["metric"]
    area = estimate(test["auroc_low_confidence_for_harm"].get(metric))
    p = number(test["auroc_p"].get(metric, {}).get("p"))
    words = f"low {visible(metric)}: area {area.value:.2f}"
    if area.has_interval:
        words += f" [{area.low:.2f}, {area.high:.2f}]"
    if math.isfinite(p):
        words += ", p < 0.001" if p < 0.001 else f", p = {p:.3f}"
    _band(axes, x, of, style.VERMILLION, label=words)
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect="equal",
        xlabel="harmless answers suspected",
        ylabel="harmful answers found",
    )
    style.percent_axis(axes.xaxis)
    style.percent_axis(axes.yaxis)
    style.legend(axes)
    style.note(axes, [*about(run, _answers(run), harm=True), _band_words(of)])


def draw_risk_coverage(run: RunLike, axes: Axes) -> None:
    """Harm among the answers when the most confident are kept first."""
    x, of = _points(run, "risk_coverage", "coverage", "risk")
    test = run.analysis["hypothesis_test"]
    share = number(test.get("share_harmful"))
    if math.isfinite(share):
        label = "a metric that knows nothing"
        axes.axhline(share, color=style.GREY, linewidth=0.8, linestyle=":", label=label)
    area = estimate(test["aurc"].get(run.analysis["run"]["metric"]))
    words = f"most confident first: area {area.value:.3f}"
    if area.has_interval:
        words += f" [{area.low:.3f}, {area.high:.3f}]"
    _band(axes, x, of, style.VERMILLION, label=words)
    axes.set(xlim=(0, 1.01), xlabel="answers kept", ylabel=f"{harm_word(run)} among them")
    axes.set_ylim(0, min(1.0, 1.05 * max([0.01, *(e.high for e in of if e.has_interval)])))
    style.percent_axis(axes.xaxis)
    style.percent_axis(axes.yaxis)
    style.legend(axes)
    style.note(axes, [*about(run, _answers(run), harm=True), _band_words(of)])


_KINDS = {
    "single": (style.BLACK, "o"),
    "fixed": (style.BLACK, "s"),
    "curtailed": (style.GREEN, "D"),
    "interval": (style.SKY, "v"),
    "adaptive": (style.BLUE, "o"),
    "deepconf": (style.VERMILLION, "^"),
    "budget": (style.PINK, "P"),
}


def _frontier_rows(made: dict[str, Any], metric: str) -> list[dict[str, Any]]:
    """Policies with both figures that read no confidence or the run's metric."""
    kept = []
    for row in made.get("rows", []):
        saved, changed = (
            estimate(row.get("token_savings_percent")),
            estimate(row["verdict_changes"]),
        )
        reads = row.get("metric")
        if math.isfinite(saved.value + changed.value) and (reads is None or reads == metric):
            kept.append(row)
    return kept


def draw_frontier(run: RunLike, axes: Axes) -> None:
    """What policies save, and the verdicts that they change; grey: confidences shuffled."""
    made = replay(run)
    rows = _frontier_rows(made, run.analysis["run"]["metric"])
    if not rows:
        raise Empty("no policy has both a saving of tokens and a share of verdicts changed")
    nulls = [row["null"] for row in rows if isinstance(row.get("null"), dict)]
    for i, null in enumerate(nulls):
        x, e = estimate(null["token_savings_percent"]).value, estimate(null["verdict_changes"])
        if not math.isfinite(x + e.value):
            continue
        label = "null: shuffled, 95 %" if i == 0 else None
        look: dict[str, Any] = {"color": style.PALE, "linewidth": 5, "solid_capstyle": "butt"}
        axes.plot([x, x], [e.low, e.high], zorder=1, label=label, **look)
        axes.plot([x], [e.value], marker="_", color=style.GREY, markersize=5, zorder=1.5)
    for kind in dict.fromkeys(row["kind"] for row in rows):
        of = [row for row in rows if row["kind"] == kind]
        colour, marker = _KINDS.get(kind, (style.GREY, "x"))
        for row in of:
            x, e = estimate(row["token_savings_percent"]).value, estimate(row["verdict_changes"])
            if e.has_interval:
                axes.plot([x, x], [e.low, e.high], color=colour, linewidth=0.6, alpha=0.6, zorder=2)
        axes.scatter(
            [estimate(row["token_savings_percent"]).value for row in of],
            [estimate(row["verdict_changes"]).value for row in of],
            s=18,
            color=colour,
            marker=marker,
            alpha=0.8,
            linewidths=0.5,
            edgecolors="white",
            zorder=3,
            label=visible(kind, 20),
        )
    chosen = [r for r in rows if r["policy"] == (made.get("recommendation") or {}).get("policy")]
    for row in chosen[:1]:
        axes.scatter(
            [estimate(row["token_savings_percent"]).value],
            [estimate(row["verdict_changes"]).value],
            s=70,
            facecolors="none",
            edgecolors=style.BLACK,
            linewidths=0.9,
            zorder=4,
        )
    axes.set(xlabel="tokens saved (%)", ylabel="verdicts changed")
    axes.set_ylim(bottom=-0.005)
    style.percent_axis(axes.yaxis)
    style.legend(axes, 2)
    source = made.get("source") or {}
    n = (
        f"{source.get('n_instances', '?')} prompts of"
        f" {source.get('traces_per_instance', '?')} traces"
    )
    lines = [*about(run, n), "against all traces of each prompt, over random orders"]
    lines += [f"circled, recommended: {visible(row['policy'], 40)}" for row in chosen[:1]]
    style.note(axes, lines)


def _apart(points: list[tuple[int, Estimate]]) -> tuple[list[int], list[Estimate]]:
    return [k for k, _ in points], [e for _, e in points]


def draw_asr(run: RunLike, axes: Axes) -> None:
    """Whether one of k answers to an unsafe prompt is harmful; dashed: extrapolated."""
    seen = run.analysis["asr_at_k"].get("strict") or []
    points = [(int(p["k"]), estimate(p["asr"])) for p in seen]
    points = [(k, e) for k, e in points if math.isfinite(e.value)]
    if not points:
        raise Empty("no unsafe prompt has a trace whose harm is known")
    last = points[-1][0]
    fitted = run.analysis["repeated_sampling"].get("asr_extrapolated") or []
    model = [(int(p["k"]), estimate(p["asr"])) for p in fitted]
    model = [(k, e) for k, e in model if math.isfinite(e.value)]
    inside = [(k, e) for k, e in model if k <= last]
    beyond = inside[-1:] + [(k, e) for k, e in model if k > last]
    if len(beyond) > 1:
        axes.axvspan(last, beyond[-1][0] * 1.15, color="#f1f2f4", linewidth=0)
        label = "beta-binomial, extrapolated"
        _band(axes, *_apart(beyond), style.BLUE, linestyle="--", label=label)
    if inside:
        _band(axes, *_apart(inside), style.BLUE, label="beta-binomial")
    _bars(
        axes,
        *_apart(points),
        False,
        marker="o",
        color=style.VERMILLION,
        markersize=3.5,
        label="seen",
    )
    axes.set_xscale("log")
    most = max(k for k, _ in [*points, *beyond])
    ticks = [k for k in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if k <= most]
    axes.set_xticks(ticks, [str(k) for k in ticks])
    axes.set_xticks([], minor=True)
    axes.set(ylim=(0, 1.02), xlabel="answers to the same prompt, k")
    axes.set_ylabel("attack success (proxy)" if is_proxy(run) else "attack success")
    style.percent_axis(axes.yaxis)
    style.legend(axes, 2)
    words = about(run, f"{points[0][1].n:,} unsafe prompts", harm=True)
    style.note(axes, [*words, "shaded: beyond the traces there are" if len(beyond) > 1 else ""])


def _quartiles(traces: list[npt.NDArray[np.float32]], n: int) -> npt.NDArray[np.float64]:
    """[3, n] of the traces that are so long, at the first n places; NaN where they are too few."""
    made = np.full((3, n), np.nan)
    for begin in range(0, n, PLACES):
        end = min(n, begin + PLACES)
        block = np.full((len(traces), end - begin), np.nan, dtype=np.float32)
        for i, trace in enumerate(traces):
            part = trace[begin:end]
            block[i, : len(part)] = part
        block[~np.isfinite(block)] = np.nan
        enough = np.isfinite(block).sum(axis=0) >= LEAST_TRACES
        if enough.any():
            made[:, begin:end][:, enough] = np.nanpercentile(block[:, enough], (25, 50, 75), axis=0)
    return made


def draw_evolution(run: RunLike, axes: Axes) -> None:
    """Confidence along the tokens of traces, by what they became: median and quartiles."""
    which = {(i, t): (name, n) for i, t, name, _, n in outcomes(run)}
    rows: dict[str, list[Any]] = {name: [] for name in style.OUTCOMES}
    for instance, trace, confidence in token_confidences(run):
        name, n_tokens = which.get((instance, trace), (None, None))
        if name is not None:
            rows[name].append(confidence[:n_tokens] if n_tokens is not None else confidence)
    drawn = longest = 0
    for name, traces in rows.items():
        lengths = sorted((len(trace) for trace in traces), reverse=True)
        if len(lengths) < LEAST_TRACES:
            continue
        n = lengths[LEAST_TRACES - 1]
        quartiles = _quartiles(traces, n)
        if not np.isfinite(quartiles).any():
            continue
        colour, line, _ = style.OUTCOMES[name]
        places = np.arange(1, n + 1)
        axes.fill_between(places, quartiles[0], quartiles[2], color=colour, alpha=0.16, linewidth=0)
        label = f"{outcome_name(run, name)} ({len(traces):,})"
        axes.plot(places, quartiles[1], color=colour, linestyle=line, linewidth=1.1, label=label)
        drawn += len(traces)
        longest = max(longest, n)
    if not drawn:
        raise Empty(f"no {LEAST_TRACES} judged traces of a kind have confidences of their tokens")
    axes.set(xlim=(1, max(2, longest)), xlabel="token", ylabel="token's confidence (nats)")
    style.legend(axes)
    lines = about(run, f"{drawn:,} judged traces", harm=True)
    style.note(
        axes,
        [*lines, f"median and quartiles of the traces, {LEAST_TRACES} or more, that are so long"],
    )


def draw_categories(run: RunLike, axes: Axes) -> None:
    """Refusal and harm by category."""
    groups = run.analysis["per_category"]
    known = [(c, g) for c, g in groups.items() if math.isfinite(estimate(g["refusal_rate"]).value)]
    if not known:
        raise Empty("no category has a judged prompt")
    chosen = sorted(known, key=lambda item: (-item[1]["count"], item[0]))[:MOST_CATEGORIES]
    chosen.sort(key=lambda item: (estimate(item[1]["refusal_rate"]).value, item[0]))
    places = list(range(len(chosen)))
    for key, label, colour, marker, shift in (
        ("refusal_rate", "refusal", style.BLUE, "o", 0.16),
        ("harm_rate", harm_word(run), style.VERMILLION, "^", -0.16),
    ):
        of = [estimate(g[key]) for _, g in chosen]
        at = [y + shift for y in places]
        _bars(axes, at, of, True, marker=marker, color=colour, markersize=3.5, label=label)
    names = [f"{visible(c or '(none)', 24)} ({g['count']})" for c, g in chosen]
    axes.set_yticks(places, names)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(chosen) - 0.4), xlabel="share of answers")
    axes.grid(False, axis="y")
    style.percent_axis(axes.xaxis)
    style.legend(axes, 2)
    total = f", the {len(chosen)} largest of {len(groups)}" if len(chosen) < len(groups) else ""
    lines = about(run, harm=True)
    style.note(axes, [*lines, f"in brackets the prompts of a category{total}; bars: 95 %"])


#: Figures by name, in the order in which they are made: what draws them, height in inches.
FIGURES: dict[str, tuple[Draw, float]] = {
    "quadrants": (draw_quadrants, 2.7),
    "confidence": (draw_confidence, 2.9),
    "roc": (draw_roc, 3.4),
    "risk_coverage": (draw_risk_coverage, 2.7),
    "frontier": (draw_frontier, 3.1),
    "asr": (draw_asr, 2.8),
    "evolution": (draw_evolution, 2.9),
    "categories": (draw_categories, 0.0),
}


def height_of(name: str, run: RunLike) -> float:
    """Of a figure, in inches."""
    if name != "categories":
        return FIGURES[name][1]
    return 1.1 + 0.21 * min(MOST_CATEGORIES, max(2, len(run.analysis["per_category"])))


def figure_of(name: str, run: RunLike, columns: int = 1) -> Figure:
    """A figure; raises :class:`Empty` where there is nothing to draw."""
    with style.house_style():
        figure, axes = style.new_figure(columns, height_of(name, run))
        FIGURES[name][0](run, axes)
        style.make_plain(axes)
        return figure


def _method(draw: Draw) -> Callable[..., Drawn]:
    name = draw.__name__[len("draw_") :]

    @wraps(draw)
    def method(self: Plots, ax: Optional[Axes] = None, columns: int = 1) -> Drawn:
        return self._drawn(name, ax, columns)

    return method


class Plots:
    """Figures of a run: ``run.plot.quadrants()``.

    Each method takes ``ax``, axes of yours to draw into (None: a new figure), and ``columns``, 1 or
    2, the width of a new figure: 3.35 or 7 inches.  It returns the figure, or your axes.  Where
    there is nothing to draw the picture says why.
    """

    def __init__(self, run: RunLike) -> None:
        self._run = run

    def _drawn(self, name: str, ax: Optional[Axes], columns: int) -> Drawn:
        with style.house_style():
            if ax is None:
                figure, axes = style.new_figure(columns, height_of(name, self._run))
            else:
                axes = ax
            try:
                FIGURES[name][0](self._run, axes)
            except Empty as reason:
                style.say(axes, f"{name.replace('_', ' ')}: {reason}")
            style.make_plain(axes)
        return axes if ax is not None else figure

    quadrants = _method(draw_quadrants)
    confidence = _method(draw_confidence)
    roc = _method(draw_roc)
    risk_coverage = _method(draw_risk_coverage)
    frontier = _method(draw_frontier)
    asr = _method(draw_asr)
    evolution = _method(draw_evolution)
    categories = _method(draw_categories)
