"""Runs side by side, other policies, judging again: the library's documents."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import safeconf as sc

OPTIONS: dict[str, Any] = {"num_instances": 10, "max_new_tokens": 16, "progress": False}


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[sc.Run, sc.Run]:
    folder = tmp_path_factory.mktemp("two")
    model = sc.Model("demo")
    first = sc.run(model, "synthetic", sc.Fixed(6), out=folder / "a", temperature=0.5, **OPTIONS)
    second = sc.run(model, "synthetic", sc.Fixed(6), out=folder / "b", temperature=1.5, **OPTIONS)
    return first, second


def test_a_comparison_is_the_programs(
    program: str, two_runs: tuple[sc.Run, sc.Run], tmp_path: Path
) -> None:
    first, second = two_runs
    made = sc.compare(first, second)
    words = [program, "diff", str(first.path), str(second.path), "--out", str(tmp_path / "theirs")]
    subprocess.run(words, check=True, capture_output=True)
    assert made.data == json.loads((tmp_path / "theirs/diff.json").read_text())
    assert made["prompts"]["common"] == 10
    assert made.summary().startswith("On 10 common prompts")
    assert made.report(tmp_path / "ours").read_bytes()[:9].lower() == b"<!doctype"
    theirs, ours = tmp_path / "theirs/diff.json", tmp_path / "ours/diff.json"
    assert theirs.read_bytes() == ours.read_bytes()
    with pytest.raises(sc.ArgumentError, match="at least 2"):
        sc.diff(first)


def test_a_comparison_as_a_table(two_runs: tuple[sc.Run, sc.Run]) -> None:
    pytest.importorskip("pandas")
    made = sc.compare(*two_runs)
    table = made.to_pandas().set_index(["part", "figure"])
    row = table.loc[("all", "refusal_rate")]
    assert row["difference"] == made["refusal_rate"]["difference"]["value"]
    assert row["a_low"] == made["refusal_rate"]["a"]["low"]


def test_a_replay_is_the_programs(program: str, two_runs: tuple[sc.Run, sc.Run]) -> None:
    run = two_runs[0]
    made = sc.replay(run, n_orders=20)
    words = [program, "replay", str(run.path), "--orders", "20"]
    subprocess.run(words, check=True, capture_output=True)
    assert made.data == json.loads((run.path / "replay.json").read_text())
    assert made.recommendation["policy"] in made.summary()
    pytest.importorskip("pandas")
    assert len(made.to_pandas()) == len(made["rows"])


def test_judged_again(two_runs: tuple[sc.Run, sc.Run], tmp_path: Path) -> None:
    shutil.copytree(two_runs[0].path, tmp_path / "copy")
    run = sc.open_run(tmp_path / "copy")
    before = run.traces(as_="records")
    assert {row["harm"] for row in before} == {"unjudged"}
    made = run.classify(judge_model="demo-guard", progress=False)
    assert made.n_traces == 60 and made.n_asked + made.n_stored > 0 and made.n_not_judged == 0
    after = run.traces(as_="records")
    assert {row["harm"] for row in after} & {"harmful", "harmless"}
    for prediction in run.predictions:
        mine = [row for row in after if row["instance_id"] == prediction["instance_id"]]
        assert [row["verdict"] for row in mine] == prediction["verdicts"]
        assert [row["harm"] for row in mine] == prediction["harm"]
    again = run.classify(judge_model="demo-guard", progress=False)
    assert again.n_asked == 0
    run.classify(detector="patterns", progress=False)
    assert run.configuration == two_runs[0].configuration
    with pytest.raises(sc.ArgumentError, match="goes with a judge"):
        run.classify(detector="hybrid", progress=False)
    with pytest.raises(sc.ArgumentError, match="no such option"):
        run.classify("guard", judge_modle="x")  # type: ignore[call-arg]
