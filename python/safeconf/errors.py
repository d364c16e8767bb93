"""What can go wrong: one class for each status of the library, with the library's words."""

from __future__ import annotations

from ._visible import visible


class SafeconfError(Exception):
    """Something failed; its text says what, where, what was expected and what was found.

    Attributes:
        status: what kind of failure it is, in one word: ``"argument"``, ``"format"`` and so on.
    """

    status = "internal"

    def __init__(self, text: str = "") -> None:
        super().__init__(visible(text))


class OutOfMemory(SafeconfError, MemoryError):
    """There is not enough memory."""

    status = "nomem"


class InputOutputError(SafeconfError, OSError):
    """A file, a disk or a server failed."""

    status = "io"


class FormatError(SafeconfError, ValueError):
    """A file holds damaged or inconsistent data."""

    status = "format"


class UnsupportedError(SafeconfError):
    """Something that safeconf does not know, such as a model's architecture."""

    status = "unsupported"


class ArgumentError(SafeconfError, ValueError):
    """An argument is not valid."""

    status = "argument"


class LimitError(SafeconfError):
    """A limit was exceeded."""

    status = "limit"


class NumericError(SafeconfError, ArithmeticError):
    """A figure is not a finite number."""

    status = "numeric"


class ConflictError(SafeconfError):
    """It does not go together with what is there, such as another run's folder."""

    status = "conflict"


class Interrupted(SafeconfError):
    """A run was stopped before its end by a limit; the same call goes on.

    Attributes:
        folder: where what was sampled lies; None where nothing was.
    """

    status = "interrupted"

    def __init__(self, text: str, folder: str | None = None) -> None:
        super().__init__(text)
        self.folder = folder


class Stopped(Interrupted, KeyboardInterrupt):
    """The same by Ctrl-C: also a KeyboardInterrupt."""


class InternalError(SafeconfError, RuntimeError):
    """The library contradicts itself; please report it."""


_BY_STATUS: dict[int, type[SafeconfError]] = {
    -1: OutOfMemory,
    -2: InputOutputError,
    -3: FormatError,
    -4: UnsupportedError,
    -5: ArgumentError,
    -6: LimitError,
    -7: NumericError,
    -8: ConflictError,
    -9: Interrupted,
    -10: InternalError,
}


def error_of(status: int, text: str) -> SafeconfError:
    """The exception for an ``enum sc_status`` with the library's text."""
    return _BY_STATUS.get(status, InternalError)(text)
