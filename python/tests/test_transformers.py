"""examples/transformers_source.py: the same model there and here gives the same figures."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import safeconf as sc

ROOT = Path(__file__).resolve().parents[2]

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")


def test_the_same_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    import transformers_source

    prompts = sc.load_benchmark("synthetic", num_instances=4)
    there = sc.run(
        transformers_source.source(str(ROOT / "models" / "demo")),
        prompts, sc.Single(), temperature=0, max_new_tokens=24, out=tmp_path / "there",
        progress=False,
    )  # fmt: skip
    here = sc.run(
        sc.Model("demo", dtype="f32"),
        prompts, sc.Single(), temperature=0, max_new_tokens=24, out=tmp_path / "here",
        progress=False,
    )  # fmt: skip
    assert there.failures == []
    for i in range(4):
        ours, theirs = here.tokens(i, 0), there.tokens(i, 0)
        assert np.array_equal(ours["ids"], theirs["ids"])
        for name in ("logprob", "confidence", "entropy"):
            assert theirs[name] == pytest.approx(ours[name], abs=1e-3), name
    assert [one["traces"] for one in here.predictions] == [
        one["traces"] for one in there.predictions
    ]
    sys.modules.pop("transformers_source", None)
