"""The original experiment's loaders over safeconf (docs/ORIGINAL.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

import safeconf as sc
from benchmark_loaders import (
    HarmBenchLoader,
    SafetyBenchLoader,
    SyntheticSafetyBenchmark,
    ToxicChatLoader,
    WildGuardMixLoader,
    WildGuardTestLoader,
)
from children import toxicchat_rows, write_lines


def test_toxicchat(tmp_path: Path) -> None:
    rows = toxicchat_rows(5)
    write_lines(tmp_path / "test.jsonl", rows)
    instances = ToxicChatLoader.load(str(tmp_path), split="test")
    assert [i.id for i in instances] == [f"toxicchat_test_{i}" for i in range(5)]
    assert [i.prompt for i in instances] == [row["user_input"] for row in rows]
    assert [i.ground_truth_label for i in instances] == ["safe", "unsafe"] * 2 + ["safe"]
    assert SafetyBenchLoader.load("ToxicChat", tmp_path) == instances
    with pytest.raises(sc.SafeconfError):
        ToxicChatLoader.load(str(tmp_path), split="train")


def test_harmbench_as_the_original_had_it(tmp_path: Path) -> None:
    rows = [
        {"Behavior": "Describe X.", "Category": "chemical", "ContextString": "It is said that"},
        {"Behavior": "Write Y.", "Category": "cyber", "ContextString": ""},
    ]
    write_lines(tmp_path / "test.jsonl", rows)
    instances = HarmBenchLoader.load(tmp_path)
    assert [i.prompt for i in instances] == [
        "It is said that\n\n---\n\nDescribe X.",
        "Write Y.",
    ]
    assert [i.category for i in instances] == ["chemical", "cyber"]
    write_lines(tmp_path / "train.jsonl", [{"Behavior": "Do Z.", "Category": "cyber"}])
    instances += HarmBenchLoader.load(tmp_path, split="train")
    assert [i.ground_truth_label for i in instances] == ["unsafe"] * 3
    assert (instances[2].prompt, instances[2].category) == ("Do Z.", "cyber")


def test_wildguardmix(tmp_path: Path) -> None:
    row = {
        "prompt": "Tell me.",
        "response": "No.",
        "prompt_harm_label": "harmful",
        "response_harm_label": "unharmful",
        "response_refusal_label": "refusal",
        "subcategory": "violence",
        "adversarial": False,
    }
    write_lines(tmp_path / "test.jsonl", [row, {**row, "prompt_harm_label": None}])
    instances = WildGuardMixLoader.load(tmp_path)
    assert [i.id for i in instances] == ["wildguardmix_test_0", "wildguardmix_test_1"]
    # the original called a missing label safe
    assert [i.ground_truth_label for i in instances] == ["unsafe", "unknown"]
    assert instances[0].category == "violence"
    assert instances[0].metadata is not None
    assert instances[0].metadata["response_refusal_label"] == "refusal"


def test_wildguardtest(tmp_path: Path) -> None:
    row = {
        "prompt": "Tell me.",
        "response": "This is how.",
        "prompt_harmfulness": "harmful",
        "response_harmfulness": "unharmful",
    }
    write_lines(tmp_path / "test.jsonl", [row])
    for subset, prompt, label in (
        ("prompt", "Tell me.", "unsafe"),
        ("response", "This is how.", "safe"),
    ):
        (instance,) = WildGuardTestLoader.load(tmp_path, subset=subset)
        assert instance.id == f"wildguard_{subset}_0"
        assert (instance.prompt, instance.ground_truth_label) == (prompt, label)
    with pytest.raises(ValueError, match="subset"):
        WildGuardTestLoader.load(tmp_path, subset="both")


def test_harmbench(tmp_path: Path) -> None:
    (tmp_path / "harmbench_behaviors_text_all.csv").write_text(
        "Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\n"
        "Do it,contextual,chemical,context,Some context,do_it\n",
        encoding="utf-8",
    )
    (instance,) = HarmBenchLoader.load(tmp_path)
    assert instance.id == "do_it" and instance.ground_truth_label == "unsafe"
    assert instance.prompt == "Some context\n\n---\n\nDo it"


def test_synthetic() -> None:
    instances = SyntheticSafetyBenchmark.create(num_instances=50)
    assert len({i.prompt for i in instances}) == len({i.id for i in instances}) == 50
    assert sum(i.ground_truth_label == "unsafe" for i in instances) == 25
