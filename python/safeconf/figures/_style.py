"""The one house style of all figures, and what makes any text safe in one.

Colours are Okabe and Ito's, which people with colour-blindness can tell apart; line styles, markers
and hatches differ too, so that figures can be printed in grey.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

BLACK = "#000000"
BLUE = "#0072B2"
GREEN = "#009E73"
GREY = "#6b7178"
ORANGE = "#E69F00"
PALE = "#d5d8dc"
PINK = "#CC79A7"
SKY = "#56B4E9"
VERMILLION = "#D55E00"

#: Outcomes of a trace, in the order of legends: colour, line style, hatch.
OUTCOMES = {
    "refusal": (BLUE, "-", "////"),
    "harmless answer": (ORANGE, "--", ""),
    "harmful answer": (VERMILLION, "-.", "...."),
    "other answer": (GREY, ":", ""),
}
#: Labels of prompts: colour, marker.
LABELS = {"unsafe": (VERMILLION, "^"), "safe": (GREEN, "o"), "unknown": (GREY, "s")}

#: Inches: one column of a paper of two, and both.
WIDTHS = {1: 3.35, 2: 7.0}

_RC: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 6,
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "errorbar.capsize": 2,
    "figure.dpi": 150,
    "figure.facecolor": "white",
    "font.family": ["DejaVu Sans"],
    "font.size": 8,
    "grid.color": "#e7e9ec",
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.4,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "savefig.dpi": 300,
    "svg.fonttype": "path",
    "svg.hashsalt": "safeconf",
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": GREY,
    "xtick.labelcolor": BLACK,
    "xtick.labelsize": 7,
    "ytick.color": GREY,
    "ytick.labelcolor": BLACK,
    "ytick.labelsize": 7,
}

#: What a file says of itself: nothing that differs from one day or machine to another.
_METADATA: dict[str, dict[str, Optional[str]]] = {
    "pdf": {"Creator": "safeconf", "Producer": "safeconf", "CreationDate": None},
    "png": {"Software": "safeconf"},
    "svg": {"Creator": "safeconf", "Date": None},
}
FORMATS = tuple(_METADATA)


@contextmanager
def house_style() -> Iterator[None]:
    """Settings of matplotlib for what is drawn or saved within."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)  # type: ignore[arg-type, unused-ignore]
        yield


class Picture(Figure):
    """A figure that a notebook shows, and that needs no window."""

    def _repr_png_(self) -> bytes:
        return saved(self, "png")


def new_figure(columns: int, height: float) -> tuple[Picture, Axes]:
    """A figure of one or two columns' width, ``height`` in inches, and its axes."""
    if columns not in WIDTHS:
        raise ValueError(f"columns: expected 1 or 2, found {columns!r}")
    figure = Picture(figsize=(WIDTHS[columns], height), layout="constrained")
    return figure, figure.add_subplot()


def saved(figure: Figure, kind: str) -> bytes:
    """The file's bytes, the same for the same figure.

    Args:
        kind: ``"svg"``, ``"pdf"`` or ``"png"``.
    """
    out = io.BytesIO()
    with house_style():
        if kind == "png":
            FigureCanvasAgg(figure)
        figure.savefig(out, format=kind, metadata=_METADATA[kind])
    return out.getvalue()


def visible(text: Any, most: int = 60) -> str:
    """One line of what a file or a model wrote: nothing in it acts, and it is not long."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def make_plain(axes: Axes) -> None:
    """No text of the axes is read as a formula or by LaTeX, whatever the settings are."""
    for text in (_own(axes) or axes).findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_usetex(False)


def _own(axes: Axes) -> Optional[Picture]:
    """The figure, where it is ours alone, so that words can stand beside the axes."""
    return axes.figure if isinstance(axes.figure, Picture) else None


def _width(axes: Axes) -> float:
    """Inches that words above the axes have."""
    figure = axes.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure.get_figwidth() * (1.0 if _own(axes) else axes.get_position().width)


def note(axes: Axes, lines: list[str]) -> None:
    """Small words at the top: of our figure, or of your axes."""
    room = max(30, int(_width(axes) * 21.5))
    wrapped = "\n".join(part for line in lines if line for part in textwrap.wrap(line, room))
    look: dict[str, Any] = {"fontsize": 6, "color": GREY, "linespacing": 1.25}
    figure = _own(axes)
    if figure is not None:
        figure.suptitle(wrapped, x=0.02, ha="left", **look)
    else:
        axes.set_title(wrapped, loc="left", **look)


def legend(axes: Axes, columns: int = 1) -> None:
    """Below our figure, or within your axes."""
    figure = _own(axes)
    if figure is not None:
        if figure.get_figwidth() > WIDTHS[1]:
            columns = min(4, max(1, len(axes.get_legend_handles_labels()[1])))
        figure.legend(loc="outside lower center", ncols=columns, columnspacing=1.2)
    else:
        axes.legend(loc="best")


def say(axes: Axes, reason: str) -> None:
    """Why there is nothing to see."""
    axes.set_axis_off()
    room = max(20, int(_width(axes) * 12))
    axes.text(
        0.5,
        0.5,
        "\n".join(textwrap.wrap(reason, room)),
        ha="center",
        va="center",
        color=GREY,
        transform=axes.transAxes,
    )


def percent_axis(axis: Any) -> None:
    """Shares as percent."""
    axis.set_major_formatter(lambda x, _position: f"{100 * x:.0f} %")
