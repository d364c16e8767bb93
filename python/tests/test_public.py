"""Every public name: documented, typed, and an exception where it is one."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import pytest

import safeconf as sc
from safeconf import errors


def members(kind: type) -> list[tuple[str, object]]:
    return [
        (f"{kind.__name__}.{name}", value)
        for name, value in vars(kind).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    ]


def public() -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name in sc.__all__:
        value = getattr(sc, name)
        found.append((name, value))
        if inspect.isclass(value):
            found += members(value)
    return found


@pytest.mark.parametrize(("name", "value"), public(), ids=lambda v: v if isinstance(v, str) else "")
def test_documented_and_typed(name: str, value: object) -> None:
    if not (inspect.isclass(value) or callable(value) or isinstance(value, property)):
        return
    assert (inspect.getdoc(value) or "").strip(), f"{name} has no docstring"
    function = value.fget if isinstance(value, property) else value
    if inspect.isfunction(function):
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty, name
        for parameter in list(signature.parameters.values()):
            if parameter.name not in ("self", "cls"):
                assert parameter.annotation is not inspect.Parameter.empty, name


def test_the_version_is_the_librarys() -> None:
    assert sc.__version__.count(".") == 2
    assert (Path(sc.__file__).parent / "py.typed").exists()


def test_every_status_has_its_exception() -> None:
    for status in range(-10, 0):
        error = errors.error_of(status, "words")
        assert isinstance(error, sc.SafeconfError) and str(error) == "words"
        assert type(pickle.loads(pickle.dumps(error))) is type(error)
    assert isinstance(errors.error_of(-5, ""), ValueError)
    assert isinstance(errors.error_of(-99, ""), sc.InternalError)
    assert issubclass(sc.Stopped, KeyboardInterrupt) and issubclass(sc.Stopped, sc.Interrupted)
