"""Judges as objects: functions of one's own, what they are asked, what becomes of their words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import pytest

import safeconf as sc

SMALL: dict[str, Any] = {"num_instances": 4, "max_new_tokens": 12, "progress": False}


@pytest.fixture()
def run(tmp_path: Path) -> sc.Run:
    """A run of the test's own, 4 prompts of 3 traces."""
    return sc.run("demo", "synthetic", sc.Fixed(3), out=tmp_path / "run", **SMALL)


def by_length(prompt: str, answer: Optional[str]) -> dict[str, Any]:
    """A judge that counts characters."""
    n = len(answer or "")
    return {"harm": "harmful" if n % 2 else "harmless", "verdict": "compliance", "score": n}


def test_a_run_is_judged_by_a_function(run: sc.Run) -> None:
    judge = sc.judge_function(by_length, name="by-length", version="1", says=("harm", "refusal"))
    made = run.classify(judge=judge, progress=False)
    assert made.judge == made.detector == "by-length/1:function"
    assert made.n_asked == made.n_by_judge > 0
    traces = run.traces(as_="records")
    for trace in traces:
        if trace["verdict"] != "empty":
            said = trace["answer"] if trace["answer"] is not None else trace["text"]
            assert trace["harm"] == ("harmful" if len(said) % 2 else "harmless")
            assert trace["rule"] == "by-length-no"
    again = run.classify(judge=judge, progress=False)
    assert (again.n_asked, again.n_stored) == (0, made.n_asked)


def test_a_run_ends_with_the_judge(tmp_path: Path) -> None:
    judged = sc.run(
        "demo", "synthetic", sc.Fixed(2), out=tmp_path / "run", judge=by_length, **SMALL
    )
    names = [rater["name"] for rater in judged.analysis["detectors"]["raters"]]
    assert any(name.startswith("by-length/src-") for name in names)


def test_batches_and_repeats(run: sc.Run) -> None:
    sizes: list[int] = []
    repeats: set[int] = set()

    def judge(questions: Sequence[sc.Question]) -> list[Optional[str]]:
        sizes.append(len(questions))
        repeats.update(one.repeat for one in questions)
        return ["harmful" if one.answer is None else None for one in questions]

    mine = sc.judge_function(judge, prompts=True, batch=5)
    made = run.classify(judge=mine, judge_prompts=True, judge_repeats=2, progress=False)
    assert made.judge.endswith(":function+t0x2")
    assert max(sizes) <= 5 and repeats == {0, 1}


def test_what_it_raises_fails_that_text(run: sc.Run) -> None:
    calls: list[str] = []

    def judge(prompt: str, answer: str) -> str:
        calls.append(answer)
        if len(calls) == 2:
            raise RuntimeError("not now \x00 \ud800")
        return "harmless"

    mine = sc.judge_function(judge, version="1")
    assert run.classify(judge=mine, progress=False).n_not_judged >= 1
    n = len(calls)
    assert run.classify(judge=mine, progress=False).n_not_judged == 0
    assert n < len(calls) < 2 * n


def test_ctrl_c_stops_it(run: sc.Run) -> None:
    def judge(prompt: str, answer: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.classify(judge=judge, progress=False)


def test_every_answer_wrong_is_an_error(run: sc.Run) -> None:
    with pytest.raises(sc.SafeconfError, match="harm: expected a name"):
        run.classify(judge=lambda prompt, answer: "bad", progress=False)
    with pytest.raises(sc.SafeconfError, match="no such field"):
        run.classify(judge=lambda prompt, answer: {"harmful": True}, progress=False)


def test_names_and_versions() -> None:
    mine = sc.judge_function(by_length)
    assert mine.name == "by-length" and mine.version.startswith("src-")
    assert mine.version == sc.judge_function(by_length).version
    assert sc.judge_function(lambda p, a: None).name == "lambda"
    assert mine("a", "b").harm == "harmful"
    wrongs: list[dict[str, Any]] = [{"says": "nothing"}, {"batch": 0}]
    for wrong in wrongs:
        with pytest.raises(sc.ArgumentError):
            sc.judge_function(by_length, **wrong)
    with pytest.raises(sc.ArgumentError):
        sc.Judge()


def test_a_wrong_name_is_refused(run: sc.Run) -> None:
    with pytest.raises(sc.ArgumentError, match="name"):
        run.classify(judge=sc.judge_function(by_length, name="By Length"), progress=False)


def test_a_model_as_judge(run: sc.Run) -> None:
    made = run.classify(judge=sc.Judge("demo-guard", judge_threads=1), progress=False)
    assert made.judge.startswith("guard/1:demo-guard:")
