"""The original experiment's cell as it was published, and its command line (docs/ORIGINAL.md)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

from children import ORIGINAL, ROOT, environment, toxicchat_rows, write_lines

#: The cell as it was published, but for where "src" is: there, here a link to python/original.
CELL = """\
import sys
sys.path.append('src')
from qwen3_adapter import Qwen3SafetyAdapter
from safety_deepconf import SafetyDeepConfExperiment, SafetyInstance
from benchmark_loaders import ToxicChatLoader
model = Qwen3SafetyAdapter("Qwen/Qwen3-0.6B")
instances = ToxicChatLoader.load("data/toxicchat", split="test")[:100]
experiment = SafetyDeepConfExperiment(min_traces=3, max_traces=10)
predictions = experiment.run_experiment(instances, model, early_stopping=True, use_batch=True, temperature=0.7, max_new_tokens=256)
analysis = experiment.analyze_results(predictions, instances)
print(analysis)
"""  # noqa: E501


#: The lines of the original's page on how to use it, and how many predictions each makes (the
#: benchmark here has 12 prompts).
LINES = (
    ("--model Qwen/Qwen3-0.6B --num-instances 3 --max-traces 5", 3),
    ("--model Qwen/Qwen3-0.6B", 20),
    ("--model Qwen/Qwen3-0.6B --benchmark toxicchat", 12),
    ("--model Qwen/Qwen3-0.6B --benchmark toxicchat --num-instances 100", 12),
    ("--compare --num-instances 20", None),
    ("--no-batch", 20),
    ("--no-early-stopping --max-traces 10", 20),
    ("--model Qwen/Qwen3-1.7B", 20),
    ("--min-traces 5 --max-traces 15", 20),
)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A folder as the original's: src, data/toxicchat, and the model's name in a hub's cache."""
    os.symlink(ORIGINAL, tmp_path / "src")
    write_lines(tmp_path / "data" / "toxicchat" / "test.jsonl", toxicchat_rows(12))
    for name in ("Qwen3-0.6B", "Qwen3-1.7B"):
        repository = tmp_path / "hub" / f"models--Qwen--{name}"
        snapshot = repository / "snapshots" / ("0" * 40)
        snapshot.parent.mkdir(parents=True)
        snapshot.symlink_to(ROOT / "models" / "demo")
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("0" * 40)
    yield tmp_path


def execute(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**environment(), "HF_HUB_CACHE": str(folder / "hub"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_published_cell(checkout: Path) -> None:
    result = execute(checkout, "-c", CELL)
    assert result.returncode == 0, result.stderr
    printed = result.stdout[result.stdout.index("{'") :]
    for key in ("'overall'", "'accuracy'", "'token_savings_percent'", "'notes'"):
        assert key in printed


def script(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return execute(folder, str(ORIGINAL / "run_experiment.py"), *words)


@pytest.mark.parametrize(("line", "n"), LINES)
def test_lines(checkout: Path, line: str, n: Optional[int]) -> None:
    if os.environ.get("SAFECONF_TESTS") != "all":
        pytest.skip("SAFECONF_TESTS=all executes it")
    result = script(checkout, *line.split())
    assert result.returncode == 0, result.stderr
    if n is not None:
        file = checkout / "results" / "safety_experiment" / "predictions.jsonl"
        assert len(file.read_text(encoding="utf-8").splitlines()) == n


def test_command_line(checkout: Path) -> None:
    words = ("--model", "demo", "--num-instances", "3", "--max-traces", "5", "--output", "out")
    result = script(checkout, *words)
    assert result.returncode == 0, result.stderr
    for step in range(1, 6):
        assert f"[{step}/5]" in result.stdout
    lines = (checkout / "out" / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert "overall" in json.loads((checkout / "out" / "analysis.json").read_text(encoding="utf-8"))
    assert (checkout / "out" / "run" / "report.html").is_file()
    # the same goes on where it is, another begins beside it
    assert script(checkout, *words).returncode == 0
    assert not (checkout / "out" / "run-2").exists()
    assert script(checkout, *words, "--no-early-stopping").returncode == 0
    assert (checkout / "out" / "run-2" / "run.db").is_file()


def test_command_line_benchmark(checkout: Path) -> None:
    """The defaults: the model by its hub name, results/safety_experiment."""
    result = script(checkout, "--benchmark", "toxicchat", "--num-instances", "5", "--no-batch")
    assert result.returncode == 0, result.stderr
    assert "Qwen/Qwen3-0.6B" in result.stdout
    file = checkout / "results" / "safety_experiment" / "predictions.jsonl"
    ids = [json.loads(line)["instance_id"] for line in file.read_text("utf-8").splitlines()]
    assert ids == [f"toxicchat_test_{i}" for i in range(5)]


def test_command_line_compare(checkout: Path) -> None:
    result = script(checkout, "--model", "demo", "--compare", "--num-instances", "4")
    assert result.returncode == 0, result.stderr
    for folder, n in (("baseline_n1", 1), ("fixed_n5", 5)):
        file = checkout / "results" / folder / "analysis.json"
        assert json.loads(file.read_text(encoding="utf-8"))["overall"]["avg_traces"] == n
    table = re.findall(r"^\| (\S.*?) +\|", result.stdout, re.M)
    assert table == ["Method", "Baseline (n=1)", "Fixed (n=5)", "DeepConf (3-10)"]


def test_command_line_errors(checkout: Path) -> None:
    result = script(checkout, "--model", "no/such")
    assert result.returncode == 1 and "no/such" in result.stderr
    assert "Traceback" not in result.stderr
    result = script(checkout, "--model", "demo", "--benchmark", "nothing-of-the-kind")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert script(checkout, "--max-traces", "many").returncode == 2
