"""Figures for papers, from any run (docs/FIGURES.md).

>>> run.plot.quadrants(columns=1)          # a matplotlib figure, or into axes of yours: ax=
>>> save_all(run, "figures", ("pdf", "png"))

Nothing is computed here but how to arrange what the library computed: bins of a histogram,
quartiles of stored confidences at a place.
"""

from __future__ import annotations

from ._data import Empty, Folder, RunLike
from ._plots import FIGURES, Plots
from ._save import Saved, save_all, save_figure
from ._style import FORMATS, WIDTHS, house_style
from ._temperatures import save_temperatures, temperatures

#: Names of the figures of a run.
NAMES = tuple(FIGURES)

__all__ = [
    "Empty",
    "FORMATS",
    "Folder",
    "NAMES",
    "Plots",
    "RunLike",
    "Saved",
    "WIDTHS",
    "house_style",
    "save_all",
    "save_figure",
    "save_temperatures",
    "temperatures",
]
