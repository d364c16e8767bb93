"""Columns as the kind of table that was asked for.  pandas and pyarrow are imported only here."""

from __future__ import annotations

import importlib.util
from typing import Any, Optional

import numpy as np

from .errors import ArgumentError, UnsupportedError

KINDS = ("pandas", "arrow", "records", "numpy")


def needed(module: str, extra: str) -> Any:
    """An optional module, or an error that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UnsupportedError(
            f'{module} is missing ({error}): pip install "safeconf[{extra}]"'
        ) from None


def table(columns: dict[str, Any], as_: Optional[str]) -> Any:
    """A table of columns of one length.

    Args:
        columns: lists or arrays by name.
        as_: ``"pandas"``, ``"arrow"``, ``"records"`` (a list of dicts) or ``"numpy"`` (a dict of
            arrays); None: pandas where it is installed, else records.
    """
    if as_ is None:
        as_ = "pandas" if importlib.util.find_spec("pandas") is not None else "records"
    if as_ == "pandas":
        return needed("pandas", "pandas").DataFrame(columns)
    if as_ == "arrow":
        return needed("pyarrow", "arrow").table(columns)
    if as_ == "records":
        names = list(columns)
        lists = [c.tolist() if isinstance(c, np.ndarray) else c for c in columns.values()]
        return [dict(zip(names, row)) for row in zip(*lists)]
    if as_ == "numpy":
        return {name: _array(column) for name, column in columns.items()}
    raise ArgumentError(f"as_: expected one of {', '.join(KINDS)}, found {as_!r}")


def _array(column: Any) -> Any:
    if isinstance(column, np.ndarray):
        return column
    kinds = {type(value) for value in column}
    return np.array(column, dtype=object if type(None) in kinds or str in kinds else None)
