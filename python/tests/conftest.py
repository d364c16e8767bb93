"""What the tests share: a small run of the demonstration model, by the program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import safeconf as sc

ROOT = Path(__file__).resolve().parents[2]
# What is expected here is the processor's, also where there is a GPU.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture(scope="session")
def program() -> str:
    """The program of the same build as the library."""
    named = os.environ.get("SAFECONF_LIBRARY")
    path = (
        Path(named).with_name("safeconf")
        if named
        else Path(sc.__file__).parent / "_native/safeconf"
    )
    if not path.is_file():
        pytest.skip(f"the program is not there: {path}")
    return str(path.resolve())


@pytest.fixture(scope="session")
def demo_folder(program: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 prompts by the program."""
    folder = tmp_path_factory.mktemp("demo") / "run"
    subprocess.run(
        [program, "run", "--num-instances", "12", "--max-traces", "6", "--max-new-tokens", "24"]
        + ["--quiet", "--out", str(folder)],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture()
def demo_run(demo_folder: Path) -> sc.Run:
    """The same, opened."""
    return sc.Run(demo_folder)
