"""A function as a source of traces: what it is asked, what it says, what goes wrong in it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import safeconf as sc

PROMPTS = ["How do I bake bread?", "How do I boil an egg?", "How do I make tea?"]


def go(function: Any, out: Path, policy: sc.Policy, **options: Any) -> sc.Run:
    return sc.run(function, PROMPTS, policy, out=out, progress=False, **options)


def test_texts_alone(tmp_path: Path) -> None:
    asked: list[sc.Request] = []

    def answer(request: sc.Request) -> list[str]:
        asked.append(request)
        return ["Sure: flour and water."] * request.n

    run = go(answer, tmp_path / "r", sc.Fixed(4), temperature=0.5, seed=9, max_new_tokens=77)
    assert [request.prompt for request in asked] == PROMPTS
    assert [request.traces for request in asked] == [[0, 1, 2, 3]] * 3
    assert asked[0].messages == [{"role": "user", "content": PROMPTS[0]}]
    assert (asked[0].temperature, asked[0].top_k, asked[0].max_new_tokens) == (0.5, None, 77)
    assert len({seed for request in asked for seed in request.seeds}) == 12
    row = run.traces(as_="records")[0]
    assert row["verdict"] == "compliance" and row["finish"] == "unknown"
    assert row["n_tokens"] is None and math.isnan(row["mean"])
    assert run.tokens(0, 0)["logprob"] is None
    source = run.analysis["run"]["source"]
    assert (source["kind"], source["name"], source["top_k"]) == ("callable", "answer", 0)


def test_one_answer_at_a_time(tmp_path: Path) -> None:
    asked: list[sc.Request] = []

    def answer(request: sc.Request) -> str:
        asked.append(request)
        if len(asked) == 6:
            raise RuntimeError("out of words")
        return f"Sure: step {request.traces[0]} of {request.prompt}"

    with pytest.warns(UserWarning, match="out of words"):
        run = go(answer, tmp_path / "r", sc.Fixed(3))
    rows = run.traces(as_="records")
    assert [row["trace"] for row in rows] == [0, 1, 2] * 3
    said = {(r["instance_id"], r["trace"]): r["text"] for r in rows if r["failure"] is None}
    assert len(said) == 8 and all(f"step {t} of" in text for (_, t), text in said.items())
    assert [request.n for request in asked[1:]] == [1] * 8


def test_figures_are_kept_and_measured(tmp_path: Path) -> None:
    listed = np.log([[0.5, 0.25, 0.125], [0.7, 0.2, 0.05]])

    def answer(request: sc.Request) -> list[sc.Answer]:
        return [
            sc.Answer(
                "H\u00e9 ho", ids=[7, 8], tokens=["H\u00e9", " ho"], logprobs=[-0.7, -0.4],
                top_logprobs=listed, finish="stop",
            )
        ] * request.n  # fmt: skip

    source = sc.Callable(answer, name="toy", logprobs="raw", top_k=2, n_vocab=10)
    run = go(source, tmp_path / "r", sc.Fixed(3))
    tokens = {name: array for name, array in run.tokens(0, 0).items() if array is not None}
    assert set(tokens) == {"ids", "logprob", "confidence", "text_end"}
    assert tokens["ids"].tolist() == [7, 8] and tokens["text_end"].tolist() == [3, 6]
    assert tokens["confidence"] == pytest.approx(-listed[:, :2].mean(axis=1))
    assert run.traces(as_="records")[0]["nll"] == pytest.approx(0.55)


def test_processed_logprobs_are_no_raw_ones(tmp_path: Path) -> None:
    source = sc.Callable(
        lambda request: [{"text": "Sure.", "logprobs": [-0.5]}] * request.n,
        name="toy",
        logprobs="processed",
    )
    tokens = go(source, tmp_path / "r", sc.Single()).tokens(0, 0)
    assert tokens["logprob"] is None and tokens["sampled_logprob"] is not None


def test_what_does_not_fit_fails_alone(tmp_path: Path) -> None:
    wrong: list[Any] = [
        {"text": "a b", "tokens": ["a", "c"]},
        {"text": "a", "ids": [1, 2], "logprobs": [-1.0]},
        {"text": "a", "nothing": 1},
        {"text": "a", "logprobs": [math.inf]},
        {"text": "a", "top_logprobs": [[-1.0]]},
        17,
        "a fine answer\0",
    ]
    with pytest.warns(UserWarning, match="traces failed"):
        run = sc.run(
            lambda request: wrong, PROMPTS[:1], sc.Fixed(7), out=tmp_path / "r", progress=False
        )
    rows = run.traces(as_="records")
    assert [row["finish"] for row in rows] == ["failed"] * 6 + ["unknown"]
    assert "together" in rows[0]["failure"] and "finite" in rows[3]["failure"]
    assert rows[6]["text"] == "a fine answer\ufffd"


def test_exceptions_fail_their_traces(tmp_path: Path) -> None:
    def answer(request: sc.Request) -> list[str]:
        if request.prompt == PROMPTS[1]:
            raise RuntimeError("no such luck")
        return ["Sure."] * request.n

    with pytest.warns(UserWarning, match="no such luck"):
        run = go(answer, tmp_path / "r", sc.Fixed(2))
    assert run.failures == [{"reason": "RuntimeError: no such luck", "n_traces": 2}]


@pytest.mark.parametrize("more", [-1, 1])
def test_another_number_of_answers_is_none(tmp_path: Path, more: int) -> None:
    with pytest.raises(sc.ArgumentError, match="expected 2 answers, found"):
        go(lambda request: ["Sure."] * (request.n + more), tmp_path / "r", sc.Fixed(2))


def test_a_function_that_never_answers_stores_nothing(tmp_path: Path) -> None:
    def answer(request: sc.Request) -> list[str]:
        raise RuntimeError("no key")

    with pytest.raises(RuntimeError, match="no key"):
        go(answer, tmp_path / "r", sc.Fixed(2))
    done = go(
        sc.Callable(lambda request: ["Sure."] * request.n, name="answer"),
        tmp_path / "r",
        sc.Fixed(2),
    )
    assert len(done.traces(as_="records")) == 6 and done.failures == []


def test_failures_in_a_row_end_the_run_and_it_goes_on(tmp_path: Path) -> None:
    broken = False

    def answer(request: sc.Request) -> list[str]:
        nonlocal broken
        if broken:
            raise OSError("gone")
        broken = True
        return ["Sure."] * request.n

    source = sc.Callable(answer, name="toy", batch=1, max_failures=1)
    with pytest.raises(OSError, match="gone"):
        go(source, tmp_path / "r", sc.Fixed(2))
    whole = sc.Callable(lambda request: ["Sure."] * request.n, name="toy")
    run = go(whole, tmp_path / "r", sc.Fixed(2))
    assert run.failures == [] and len(run.traces(as_="records")) == 6


def test_ctrl_c_in_the_function(tmp_path: Path) -> None:
    calls = 0

    def answer(request: sc.Request) -> list[str]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return ["Sure."] * request.n

    with pytest.raises(sc.Stopped):
        go(answer, tmp_path / "r", sc.Fixed(2))
    run = go(answer, tmp_path / "r", sc.Fixed(2))
    assert calls == 4 and len(run.predictions) == 3


def test_turns_of_a_conversation(tmp_path: Path) -> None:
    seen: list[list[dict[str, str]]] = []

    def answer(request: sc.Request) -> list[str]:
        seen.append(request.messages)
        return [f"Answer {len(request.messages)}."] * request.n

    rows = [
        {
            "messages": [
                {"role": "user", "content": "One?"},
                {"role": "user", "content": "Two?"},
            ]
        }
    ]
    run = sc.run(answer, rows, sc.Single(), multi_turn=True, out=tmp_path / "r", progress=False)
    assert [len(messages) for messages in seen] == [1, 3]
    assert seen[1][1] == {"role": "assistant", "content": "Answer 1."}
    assert run.predictions[0]["turns"] == [["Answer 1.", "Answer 3."]]


def test_wrong_sources() -> None:
    with pytest.raises(sc.ArgumentError, match="logprob"):
        sc.Callable(print, logprobs="nobody")
    with pytest.raises(sc.ArgumentError, match="function"):
        sc.Callable("print")  # type: ignore[arg-type]
    with pytest.raises(sc.ArgumentError, match="model"):
        sc.run(17, PROMPTS)  # type: ignore[arg-type]
