"""Prompts: from a benchmark, a file, rows of any kind; one reader decides what labels mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import safeconf as sc
from safeconf.prompts import prompts_of


def test_a_benchmark_is_a_sequence() -> None:
    prompts = sc.load_benchmark("synthetic", num_instances=10)
    assert len(prompts) == 10 and len(prompts[2:5]) == 3 and prompts[-1] == list(prompts)[9]
    assert isinstance(prompts[:4], sc.Prompts) and "10 prompts" in repr(prompts)
    assert prompts[0].label in ("safe", "unsafe") and prompts[0].id is not None
    with pytest.raises(IndexError):
        prompts[10]


def test_rows_are_read_as_a_file_is(tmp_path: Path) -> None:
    rows = [
        {"prompt": "How?", "label": 1, "category": "a", "id": "x"},
        {"prompt": "Why? \u2028 \u00e9", "label": 0, "category": "b", "id": "y"},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert list(prompts_of(rows)) == list(sc.load_benchmark(file))
    pandas = pytest.importorskip("pandas")
    assert list(prompts_of(pandas.DataFrame(rows))) == list(sc.load_benchmark(file))


def test_a_table_with_holes_and_other_names() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"question": ["a?", "b?"], "bad": ["yes", None], "n": [1, 2.5]})
    prompts = prompts_of(table, prompt_column="question", label_column="bad", unsafe_value=["yes"])
    assert [prompt.label for prompt in prompts] == ["unsafe", "unknown"]
    assert prompts.to_pandas()["prompt"].tolist() == ["a?", "b?"]


def test_arrow_and_datasets() -> None:
    columns = {"prompt": ["a?", "b?"], "label": ["safe", "unsafe"], "n": [1, None]}
    arrow = pytest.importorskip("pyarrow")
    made = list(prompts_of(arrow.table(columns)))
    assert [(one.prompt, one.label) for one in made] == [("a?", "safe"), ("b?", "unsafe")]
    datasets = pytest.importorskip("datasets")
    assert list(prompts_of(datasets.Dataset.from_dict(columns))) == made


def test_texts_and_conversations() -> None:
    assert [prompt.prompt for prompt in prompts_of(["One?", "Two?"])] == ["One?", "Two?"]
    own = sc.Prompt(
        "And then?",
        id="mine",
        label="safe",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "And then?"},
        ],
    )
    assert list(prompts_of([own])) == [own]
    with pytest.raises(sc.ArgumentError, match="one dict"):
        prompts_of({"prompt": "One?"})
    with pytest.raises(sc.ArgumentError, match="texts or dicts"):
        prompts_of([17])


def test_own_prompts_run(tmp_path: Path) -> None:
    own = [
        sc.Prompt(
            "And then?",
            id="mine",
            label="unsafe",
            category="kind",
            prefill="Sure",
            extra={"a": [1, "\u00e9"]},
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "And then?"},
            ],
        ),
        sc.Prompt("Plain?"),
    ]
    run = sc.run("demo", own, sc.Single(), max_new_tokens=8, out=tmp_path / "r", progress=False)
    first, second = run.instances(as_="records")
    assert (first["id"], first["label"], first["category"]) == ("mine", "unsafe", "kind")
    assert first["prefill"] == "Sure" and first["extra"] == {"a": [1, "\u00e9"]}
    assert first["messages"] == own[0].messages
    assert second["id"] == "prompt_1" and second["label"] == "unknown"
    with pytest.raises(sc.ArgumentError, match="mine"):
        sc.run("demo", [own[0], own[0]], sc.Single(), out=tmp_path / "t", progress=False)


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(sc.SafeconfError, match="nobody"):
        sc.load_benchmark("nobody")
    with pytest.raises(sc.ArgumentError, match="at least one"):
        sc.run("demo", sc.load_benchmark("synthetic")[:0], out=tmp_path / "r")
    with pytest.raises(sc.ArgumentError, match="prompt_column"):
        sc.run("demo", sc.load_benchmark("synthetic")[:1], prompt_column="x")
    with pytest.raises(sc.ArgumentError, match="n_instances"):
        sc.load_benchmark("synthetic", num_instances=-1)
