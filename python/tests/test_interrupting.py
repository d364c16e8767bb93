"""Ctrl-C while the library works long: it ends, and what began is begun again as if new."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import safeconf as sc
from safeconf import _library


@pytest.fixture()
def ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes as soon as the library asks whether to go on."""
    made = _library.Guard.function

    def stop(*_: Any) -> bool:
        raise KeyboardInterrupt

    def function(self: Any, kind: str, body: Callable[..., Any], failed: Any = None) -> Any:
        return made(self, kind, stop if kind == "bool(void *)" else body, failed)

    monkeypatch.setattr(_library.Guard, "function", function)


def _all(run: sc.Run, out: Path) -> list[Callable[[], Any]]:
    return [
        lambda: run.analysis,
        run.summary,
        run.report,
        lambda: sc.replay(run, n_orders=2),
        lambda: sc.run(sc.Model("demo"), "synthetic", num_instances=2, out=out, progress=False),
    ]


@pytest.mark.usefixtures("ctrl_c")
def test_long_work_ends(demo_run: sc.Run, tmp_path: Path) -> None:
    for work in _all(demo_run, tmp_path / "run"):
        with pytest.raises(KeyboardInterrupt):
            work()
    assert not (tmp_path / "run").exists()


def test_it_begins_again(demo_run: sc.Run, tmp_path: Path) -> None:
    for work in _all(demo_run, tmp_path / "run"):
        assert work()
