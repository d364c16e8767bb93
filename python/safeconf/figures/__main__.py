"""python3 -m safeconf.figures: the figures of a folder, as ``safeconf figures`` makes them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ._data import Folder
from ._save import Saved, check_formats, save_all
from ._style import visible
from ._temperatures import run_folders, save_temperatures


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="safeconf figures", description=__doc__)
    parser.add_argument("folder", type=Path, help="of a run, or of an experiment")
    parser.add_argument("--format", default="svg", help="svg, pdf, png: one or several (svg)")
    parser.add_argument("--out", type=Path, help="folder of the figures (figures in the folder)")
    parser.add_argument("--columns", type=int, choices=(1, 2), default=1, help="width (1)")
    return parser


def _say(made: list[Saved]) -> None:
    for figure in made:
        if figure.reason is not None:
            print(f"{figure.name}: left out: {visible(figure.reason, 200)}")
        else:
            print(f"{figure.name}: " + ", ".join(visible(path, 300) for path in figure.paths))


def main() -> int:
    """Exit status 0: done; 1: failed; 2: wrong usage; 130: interrupted."""
    options = _options().parse_args()
    try:
        formats = check_formats(kind for kind in options.format.split(",") if kind)
    except ValueError as error:
        print(f"safeconf figures: {error}", file=sys.stderr)
        return 2
    try:
        if (options.folder / "run.db").is_file():
            made = save_all(Folder(options.folder), options.out, formats, options.columns)
        elif not run_folders(options.folder):
            raise ValueError(f"{options.folder}: expected the folder of a run or of an experiment")
        else:
            made = save_temperatures(options.folder, options.out, formats, options.columns)
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = str(error) if isinstance(error, (OSError, ValueError)) else repr(error)
        print(f"safeconf figures: {visible(what, 300)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    _say(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
