"""Parquet files of a run, and the lines of docs/DATA.md that open one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import safeconf as sc

pyarrow = pytest.importorskip("pyarrow")

from safeconf import parquet  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


def read(path: Path) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path)


def test_tables_are_what_the_run_says(demo_run: sc.Run, tmp_path: Path) -> None:
    paths = parquet.write(demo_run.path, tmp_path / "deep" / "er")
    made = {path.stem: read(path) for path in paths}
    assert set(made) == {"instances", "traces", "tokens", "estimates", "columns"}
    predictions = demo_run.predictions
    rows = made["instances"].to_pylist()
    assert [r["prompt"] for r in rows] == [p["prompt"] for p in predictions]
    assert [r["refusal_rate"] for r in rows] == [p["refusal_rate"] for p in predictions]
    used = [r for r in made["traces"].to_pylist() if r["used"]]
    assert [r["text"] for r in used] == [t for p in predictions for t in p["traces"]]
    assert [r["confidence"] for r in used] == [c for p in predictions for c in p["confidences"]]
    for row in made["tokens"].to_pylist()[:5]:
        tokens = demo_run.tokens(row["instance_id"], row["trace"])
        for name in ("ids", "confidence", "text_end"):
            expected = tokens[name]
            assert expected is not None
            assert np.array_equal(np.array(row[name], expected.dtype), expected)
    figures = {r["estimate"]: r for r in made["estimates"].to_pylist()}
    rate = demo_run.analysis["overall"]["refusal_rate"]
    found = figures["overall.refusal_rate"]
    assert {key: found[key] for key in ("value", "low", "high", "n")} == rate
    field = made["traces"].schema.field("confidence")
    assert field.metadata[b"meaning"] and str(field.type) == "double"
    assert str(made["traces"].schema.field("n_tokens").type) == "int64"


def test_texts_are_exact_and_what_is_missing_is_null(program: str, tmp_path: Path) -> None:
    answers = [
        "=1+1",
        "",
        "'=2",
        'say "so",\nand\r\nmore',
        " blank ",
        "NA",
        "null",
        "ünï \U0001f642",
    ]
    lines = [
        {"prompt": f"=prompt {i}", "response": a, "label": "safe"} for i, a in enumerate(answers)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    folder = tmp_path / "run"
    words = ["import", str(tmp_path / "a.jsonl"), "--out", str(folder)]
    subprocess.run([program, *words], check=True, capture_output=True)
    made = parquet.tables(folder)
    assert made["traces"]["text"].to_pylist() == answers
    assert made["traces"]["n_tokens"].to_pylist() == [None] * len(answers)
    assert made["traces"]["confidence"].to_pylist() == [None] * len(answers)
    assert made["instances"]["prompt"].to_pylist() == [line["prompt"] for line in lines]
    paths = parquet.write(folder, tmp_path / "pq")
    assert read(paths[-1]).num_rows in (0, len(answers))
    with pytest.raises(sc.SafeconfError):
        parquet.write(tmp_path / "absent", tmp_path / "pq")


def test_the_program_writes_them(program: str, demo_folder: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "SAFECONF_PYTHON": sys.executable}
    words = ["report", str(demo_folder), "--parquet", str(tmp_path / "pq")]
    got = subprocess.run(
        [program, *words], capture_output=True, text=True, env=environment, check=False
    )
    assert got.returncode == 0, got.stderr
    assert len(list((tmp_path / "pq").glob("*.parquet"))) == 5
    assert got.stdout.splitlines()[-1].startswith("Parquet: ")


# ---- docs/DATA.md ----------------------------------------------------------------------------


def blocks(language: str) -> list[str]:
    text = (ROOT / "docs" / "DATA.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


@pytest.fixture(scope="session")
def data(program: str, demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which TABLES has the tables and DIR is the run."""
    folder = tmp_path_factory.mktemp("data")
    words = ["report", str(demo_folder), "--csv", str(folder / "TABLES")]
    subprocess.run([program, *words], check=True, capture_output=True)
    parquet.write(demo_folder, folder / "TABLES")
    (folder / "DIR").symlink_to(demo_folder)
    return folder


@pytest.mark.parametrize("block", blocks("python"))
def test_the_lines_for_python_run(data: Path, block: str) -> None:
    for module in re.findall(r"^import (\w+)", block, re.M):
        pytest.importorskip(module)
    got = subprocess.run(
        [sys.executable, "-c", block], cwd=data, capture_output=True, text=True, check=False
    )
    assert got.returncode == 0, got.stderr
    assert "category" in got.stdout or "confidence" in got.stdout


@pytest.mark.parametrize("block", blocks("r"))
def test_the_lines_for_r_run(data: Path, block: str) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("no Rscript")
    got = subprocess.run(
        ["Rscript", "-e", block], cwd=data, capture_output=True, text=True, check=False
    )
    assert got.returncode == 0 and "category" in got.stdout, got.stderr
