"""A JSON document of the library, as Python reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Document(Mapping[str, Any]):
    """A JSON document of the library, read as a dict is.

    Attributes:
        data: the document itself.  An estimate is ``{"value", "low", "high", "n"}`` with its 95 %
            interval; what could not be computed is None, with its reason beside it.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)
