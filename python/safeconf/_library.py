"""The C library: found, loaded and called, with the declarations that lie beside it.

Calls release the interpreter's lock.  What the package has of text, enumerations and errors of the
C interface is converted here and nowhere else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Optional, Union

from cffi import FFI

from .errors import ArgumentError, Interrupted, error_of

PathLike = Union[str, "os.PathLike[str]"]

_API_VERSION = 2
_DECLARATIONS = "safeconf_declarations.h"


def _library_path() -> Path:
    named = os.environ.get("SAFECONF_LIBRARY")
    path = Path(named) if named else Path(__file__).with_name("_native") / "libsafeconf.so"
    for needed in (path, path.with_name(_DECLARATIONS)):
        if not needed.is_file():
            raise ImportError(
                f"safeconf: expected its library at {needed}, found nothing "
                "(pip install safeconf, or SAFECONF_LIBRARY=build/libsafeconf.so in a checkout)"
            )
    return path


def _load() -> tuple[Any, Any]:
    path = _library_path()
    interface = FFI()
    interface.cdef(path.with_name(_DECLARATIONS).read_text(encoding="utf-8"))
    library: Any = interface.dlopen(str(path.resolve()))
    version = int(library.sc_api_version())
    if version != _API_VERSION:
        raise ImportError(
            f"safeconf: {path}: expected version {_API_VERSION} of the interface, found {version}"
        )
    return interface, library


# What C defines has no types that Python knows.
ffi: Any
lib: Any
ffi, lib = _load()


def call(function: Callable[..., int], *arguments: Any) -> None:
    """Calls a function of the library whose last parameter is the error; raises what failed."""
    error = ffi.new("struct sc_error *")
    status = int(function(*arguments, error))
    if status != 0:
        raise error_of(status, text_of(error.text) or text_of(lib.sc_status_text(status)))


def text_of(pointer: Any) -> str:
    """The text behind a ``const char *``; NULL is ""."""
    if pointer == ffi.NULL:
        return ""
    return bytes(ffi.string(pointer)).decode("utf-8", "replace")


def text_or_none(pointer: Any) -> str | None:
    """The text behind a ``const char *``; NULL is None."""
    return None if pointer == ffi.NULL else text_of(pointer)


def taken_text(function: Callable[..., int], *arguments: Any) -> str:
    """Calls a function that hands out a text (``char **``, before the error), and releases it."""
    text = ffi.new("char **")
    call(function, *arguments, text)
    try:
        return text_of(text[0])
    finally:
        lib.sc_release(text[0])


def name_value(kind: str, name: str) -> int:
    """The value of ``enum sc_KIND`` whose name is ``name``."""
    value = int(getattr(lib, f"sc_{kind}_parse")(as_bytes(name, kind)))
    if value < 0:
        raise ArgumentError(f"{kind}: expected a name that safeconf knows, found {name!r}")
    return value


def as_bytes(value: str, what: str = "text") -> bytes:
    """UTF-8 without NUL, which a C string cannot hold."""
    if not isinstance(value, str):
        raise ArgumentError(f"{what}: expected a text, found {type(value).__name__}")
    try:
        data = value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ArgumentError(f"{what}: not valid Unicode: {error.reason}") from None
    if b"\0" in data:
        raise ArgumentError(f"{what}: expected no U+0000, found one at byte {data.index(0)}")
    return data


def set_numbers(struct: Any, given: Mapping[str, Any]) -> None:
    """Numbers into a struct's fields; None leaves what is there."""
    for name, value in given.items():
        if value is None:
            continue
        try:
            setattr(struct, name, value)
        except (TypeError, OverflowError):
            raise ArgumentError(
                f"{name}: expected a number in its range, found {value!r}"
            ) from None


class Arguments:
    """C strings and arrays that live as long as this object: what structs of options borrow."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def keep(self, data: Any) -> Any:
        """Holds on to an object and returns it."""
        self._kept.append(data)
        return data

    def text(self, value: Optional[PathLike], what: str = "text") -> Any:
        """A ``const char *``; None is NULL."""
        if value is None:
            return ffi.NULL
        data = os.fsencode(value) if isinstance(value, os.PathLike) else as_bytes(value, what)
        return self.keep(ffi.new("char[]", data))

    def texts(self, values: Iterable[PathLike], what: str = "text") -> Any:
        """A ``const char *const *``; NULL when there is nothing in it."""
        pointers = [self.text(value, what) for value in values]
        return self.keep(ffi.new("const char *[]", pointers)) if pointers else ffi.NULL

    def structs(self, kind: str, values: Sequence[Any]) -> Any:
        """An array of structs, copied; NULL when there is nothing in it."""
        if not values:
            return ffi.NULL
        array = self.keep(ffi.new(f"struct {kind}[]", len(values)))
        for i, value in enumerate(values):
            array[i] = value
        return array


class Guard:
    """Functions that C calls: an exception in one is kept, and raised when the call is over."""

    def __init__(self) -> None:
        self.exception: BaseException | None = None
        self._kept: list[Any] = []
        self._lock = threading.Lock()

    def function(self, kind: str, body: Callable[..., Any], failed: Any = None) -> Any:
        """A C function of the type ``kind`` that does ``body``; when that raises it returns
        ``failed``."""
        options: dict[str, Any] = {"onerror": self._failed}
        if failed is not None:
            options["error"] = failed
        made = ffi.callback(kind, body, **options)
        self._kept.append(made)
        return made

    def keep_going(self) -> Any:
        """A ``bool (*)(void *context)`` that is false once a function raised, or Ctrl-C came."""
        return self.function("bool(void *)", lambda _: self.exception is None, False)

    def _failed(self, _kind: Any, exception: BaseException, _traceback: Any) -> None:
        with self._lock:
            if self.exception is None:
                self.exception = exception

    def check(self) -> None:
        """Raises what a function raised, if one did."""
        if self.exception is not None:
            raise self.exception


@contextmanager
def interruptible(struct: Any) -> Iterator[None]:
    """A call that works for seconds and asks ``struct.keep_going``: Ctrl-C ends it."""
    guard = Guard()
    struct.keep_going = guard.keep_going()
    try:
        yield
    except Interrupted:
        guard.check()
        raise
    finally:
        struct.keep_going = ffi.NULL
    guard.check()


call(lib.sc_process_setup)
