"""The command line: the program that lies beside the library takes this process's place."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Runs the program with this process's words; does not return."""
    program = Path(__file__).with_name("_native") / "safeconf"
    if not program.is_file():
        sys.exit(f"safeconf: expected the program at {program}, found nothing")
    # what the program leaves to the package is done by this interpreter
    os.environ.setdefault("SAFECONF_PYTHON", sys.executable)
    os.execv(program, ["safeconf", *sys.argv[1:]])
