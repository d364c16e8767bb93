"""How far a run is: tqdm's bar, which notebooks show too, or a plain line on a terminal."""

from __future__ import annotations

import sys
import warnings
from typing import Any


def _bar_of_tqdm() -> Any:
    """tqdm's bar for where this runs; None where tqdm is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a notebook without widgets has its bar as text
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return None
    return tqdm


class Progress:
    """What is shown while a run goes on; nothing when it is not wanted."""

    def __init__(self, wanted: bool) -> None:
        self._bar: Any = None
        self._plain = False
        self._width = 0
        self._wanted = wanted

    def begin(self, facts: Any) -> None:
        """From ``const struct sc_run_facts *``."""
        if not self._wanted:
            return
        bar = _bar_of_tqdm()
        if bar is None:
            self._plain = sys.stderr.isatty()
            return
        self._bar = bar(total=int(facts.n_instances), unit="prompt", dynamic_ncols=True)

    def update(self, now: Any) -> None:
        """From ``const struct sc_run_progress *``."""
        if self._bar is not None:
            self._bar.n = int(now.n_instances_done)
            self._bar.set_postfix(self._words(now), refresh=False)
            self._bar.refresh()
        elif self._plain:
            words = ", ".join(f"{name} {value}" for name, value in self._words(now).items())
            line = f"{now.n_instances_done}/{now.n_instances} prompts, {words}"
            sys.stderr.write("\r" + line.ljust(self._width))
            sys.stderr.flush()
            self._width = len(line)

    @staticmethod
    def _words(now: Any) -> dict[str, str]:
        words = {
            "traces": str(int(now.n_traces_done)),
            "refused": str(int(now.n_refused)),
            "tokens/s": f"{now.tokens_per_second:.0f}",
        }
        if now.n_traces_failed:
            words["failed"] = str(int(now.n_traces_failed))
        return words

    def end(self) -> None:
        """Leaves what was shown last."""
        if self._bar is not None:
            self._bar.close()
        elif self._plain and self._width:
            sys.stderr.write("\n")
        self._bar, self._width = None, 0


class Counter:
    """The same for a number of things of one kind."""

    def __init__(self, wanted: bool, unit: str) -> None:
        self._wanted = wanted
        self._unit = unit
        self._bar: Any = None

    def show(self, done: int, n: int) -> None:
        """So many of n are done."""
        if self._wanted and self._bar is None:
            bar = _bar_of_tqdm()
            if bar is None:
                self._wanted = False
                return
            self._bar = bar(total=n, unit=self._unit, dynamic_ncols=True)
        if self._bar is not None:
            self._bar.n = done
            self._bar.refresh()

    def end(self) -> None:
        """Leaves what was shown last."""
        if self._bar is not None:
            self._bar.close()
