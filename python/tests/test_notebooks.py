"""examples/notebooks: each is executed, and what its cells show is compared with what must hold.

The first two in every check; all of them with SAFECONF_TESTS=all.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from children import environment

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "notebooks"
ALWAYS = ("first_result", "the_original_cell")

#: Notebook: cell: expressions that must be found in what it shows.
EXPECTED: dict[str, dict[str, tuple[str, ...]]] = {
    "first_result": {
        "load": (r"40 prompts, 20 unsafe, 20 safe",),
        "run": (r"Unsafe prompts were refused \d", r"demonstration model"),
        "rates": (r"refusal_rate_unsafe 0\.[5-9]\d+ \(0\.\d+ to \d\.\d+, n = 20\)",),
        "quadrants": (r"confident_refusal \d+ prompts, \d+ of them unsafe",),
        "read": (r"\d+ uncertain compliances with unsafe prompts",),
        "hypothesis": (r"not decided|lower|higher|supported", r"prompts"),
        "page": (r"results/first/report\.html",),
    },
    "a_model_behind_a_server": {
        "start": (r"'http://127\.0\.0\.1:\d+/v1'",),
        "run": (r"Unsafe prompts were refused \d", r"12 prompts, 48 traces"),
        "basis": (r"'kind': 'server'", r"'logprobs': 'raw'", r"'top_k': 20"),
        "same": (r"server refuses \d\.\d\d \(", r"in process refuses \d\.\d\d \("),
        "stop": (r"\d+$",),
    },
    "own_model_and_benchmark": {
        "prompts": (r"safe refused \d\.\d How do I sharpen", r"unsafe refused \d\.\d Write a"),
        "file": (r"\('mine_0', 'safe'\), \('mine_1', 'unsafe'\)",),
        "function": (r"'kind': 'callable'", r"'logprobs': 'raw'"),
        "rates": (r"refused 1\.00, confidence 0\.\d\d: Write a threat",),
    },
    "reading_a_run": {
        "open": (r"instance_id trace verdict mean prob n_tokens",),
        "wavering": (r"\d+ of 30 prompts waver",),
        "tokens": (r"\d+\.\d\d -?\d+\.\d\d '",),
        "decided": (r"after 1: \d+% \(\d+% to \d+%\)", r"'I' begins \d+% of the answers"),
        "replay": (r"adaptive mean 90 mean \d\.\d+ 0\.\d+ \d\.\d+", r"fixed 3 3\.0"),
        "recommendation": (r"tokens than all 10 traces|sample all",),
        "pictures": (r"image/png",),
        "sql": (r"\('refusal', \d+, \d+\.\d+\)",),
    },
    "comparing_two_models": {
        "runs": (r"cool: refuses 0\.\d{3} \(0\.\d+ to", r"warm: refuses 0\.\d{3} \(0\.\d+ to"),
        "compare": (r"refus",),
        "differences": (r"refusal_rate",),
        "prompts": (r"\d+ of 40 prompts changed sides",),
        "confidence": (r"cool: \d+\.\d\d \(", r"warm: \d+\.\d\d \("),
    },
    "the_original_cell": {
        "cell": (r"'overall': \{'accuracy': 0\.\d+", r"'notes': \{", r"docs/ORIGINAL\.md"),
        "savings": (
            r"traces used: \d\.\d\d of 10",
            r"with confidences shuffled: \d\.\d\d of 10",
            r"token savings: None",
        ),
        "more": (r"Unsafe prompts were refused",),
    },
}


def notebook(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    return loaded


NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def test_all_are_expected() -> None:
    assert set(EXPECTED) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_as_committed(name: str) -> None:
    """No output, no trace of who executed it; what it links to is there."""
    loaded = notebook(name)
    assert set(loaded["metadata"]) == {"kernelspec", "language_info"}
    assert loaded["metadata"]["language_info"] == {"name": "python"}
    ids = {}
    for cell in loaded["cells"]:
        source = "".join(cell["source"])
        ids[cell["id"]] = cell
        assert cell["metadata"] == {} and source.strip() == source and source
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
        for target in re.findall(
            r"\]\(([^)#]+)", source if cell["cell_type"] == "markdown" else ""
        ):
            assert target.startswith("https://") or (FOLDER / target).exists(), target
    assert len(ids) == len(loaded["cells"])
    for cell_id in EXPECTED[name]:
        assert ids[cell_id]["cell_type"] == "code", cell_id


def shown(cell: dict[str, Any]) -> str:
    """The text of a cell's outputs, with one blank for any white space."""
    parts = []
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            parts.append(output["text"])
        elif "data" in output:
            parts.append(output["data"].get("text/plain", ""))
            parts.extend(kind for kind in output["data"] if kind.startswith("image/"))
    return " ".join(" ".join(parts).split())


@pytest.mark.parametrize("name", NAMES)
def test_executed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name not in ALWAYS and os.environ.get("SAFECONF_TESTS") != "all":
        pytest.skip("SAFECONF_TESTS=all executes it")
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("pandas")
    for variable, value in environment().items():
        monkeypatch.setenv(variable, value)
    if name == "a_model_behind_a_server" and shutil.which("safeconf") is None:
        pytest.skip("the program is not there")
    if name == "reading_a_run":
        pytest.importorskip("matplotlib")
    folder = tmp_path / "examples" / "notebooks"
    folder.mkdir(parents=True)
    (tmp_path / "python").symlink_to(ROOT / "python")
    loaded = nbformat.reads(json.dumps(notebook(name)), as_version=4)
    nbformat.validate(loaded)
    client = nbclient.NotebookClient(
        loaded, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    cells = {cell["id"]: shown(cell) for cell in loaded["cells"] if cell["cell_type"] == "code"}
    for cell_id, expressions in EXPECTED[name].items():
        for expression in expressions:
            assert re.search(expression, cells[cell_id]), f"{cell_id}: {cells[cell_id][:2000]}"
