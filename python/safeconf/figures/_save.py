"""Figures into files."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Callable, NamedTuple, Optional, Union

from matplotlib.figure import Figure

from ._data import Empty, RunLike
from ._plots import FIGURES, figure_of
from ._style import FORMATS, saved


class Saved(NamedTuple):
    """What became of one figure."""

    name: str
    paths: list[Path]
    reason: Optional[str]  # why there is none


def write_whole(path: Path, data: bytes) -> None:
    """The file is there whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.part-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            os.fchmod(out.fileno(), 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def check_formats(formats: Iterable[str]) -> list[str]:
    """Without repetition; ValueError for one that is unknown."""
    kept = list(dict.fromkeys(formats))
    for kind in kept:
        if kind not in FORMATS:
            raise ValueError(f"formats: expected {', '.join(FORMATS)}, found {kind!r}")
    if not kept:
        raise ValueError("formats: expected one at least")
    return kept


def save_figure(
    name: str, make: Callable[[], Figure], folder: Path, formats: Sequence[str]
) -> Saved:
    """Writes ``folder/name.FORMAT``; what is empty is left out, with its reason."""
    try:
        with warnings.catch_warnings():
            # letters that the font lacks are shown as boxes
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            # a new one for each: the second drawing of a figure moves its axes by a hair
            made = [(folder / f"{name}.{kind}", saved(make(), kind)) for kind in formats]
    except Empty as reason:
        return Saved(name, [], str(reason))
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in made:
        write_whole(path, data)
    return Saved(name, [path for path, _ in made], None)


def save_all(
    run: RunLike,
    folder: Union[str, os.PathLike[str], None] = None,
    formats: Iterable[str] = ("svg",),
    columns: int = 1,
) -> list[Saved]:
    """Writes every figure of a run.

    Args:
        run: a :class:`safeconf.Run` or a :class:`Folder`.
        folder: where to; None: ``figures`` in the run's folder.
        formats: of ``svg``, ``pdf``, ``png`` (300 dots per inch).
        columns: 1 or 2, the width: 3.35 or 7 inches.

    Returns:
        What became of each figure, in order.  The same run gives the same bytes.
    """
    to = run.path / "figures" if folder is None else Path(folder)
    kinds = check_formats(formats)

    def make(name: str) -> Callable[[], Figure]:
        return lambda: figure_of(name, run, columns)

    return [save_figure(name, make(name), to, kinds) for name in FIGURES]
