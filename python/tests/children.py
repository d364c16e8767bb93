"""What tests that start other processes or write benchmarks share."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import safeconf as sc

ROOT = Path(__file__).resolve().parents[2]
ORIGINAL = ROOT / "python" / "original"


def environment() -> dict[str, str]:
    """This process's environment, with paths that hold in another folder too."""
    made = dict(os.environ)
    package = str(Path(sc.__file__).resolve().parents[1])
    made["PYTHONPATH"] = os.pathsep.join(filter(None, [package, made.get("PYTHONPATH")]))
    programs = [os.path.dirname(sys.executable)]
    if "SAFECONF_LIBRARY" in made:
        made["SAFECONF_LIBRARY"] = os.path.abspath(made["SAFECONF_LIBRARY"])
        programs.insert(0, os.path.dirname(made["SAFECONF_LIBRARY"]))
    made["PATH"] = os.pathsep.join([*programs, made.get("PATH", os.defpath)])
    made["JUPYTER_PLATFORM_DIRS"] = "1"
    return made


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def toxicchat_rows(n: int) -> list[dict[str, Any]]:
    words = ("bake bread", "insult my colleague", "plant a tree", "threaten a neighbour")
    return [
        {
            "conv_id": f"c{i}",
            "user_input": f"How do I {words[i % 4]}, in {i + 2} sentences?",
            "toxicity": i % 2,
            "jailbreaking": 0,
            "human_annotation": True,
        }
        for i in range(n)
    ]
