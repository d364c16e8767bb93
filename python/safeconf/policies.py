"""When to stop sampling a prompt (docs/DEFINITIONS.md): small values that a run is given.

What is left out has the library's default; the library checks the ranges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Optional, Union

from ._library import Arguments, ffi, lib, name_value, set_numbers, text_of
from .errors import ArgumentError

_ADAPTIVE_RULES = ("mean", "last")


@dataclass(frozen=True)
class Policy:
    """What all policies have in common; take one of those below."""

    kind: ClassVar[str] = ""

    def _struct(self, metric: int) -> Any:
        """``struct sc_policy``; ``metric`` where it names none of its own."""
        made = lib.sc_policy_default()
        made.kind = name_value("policy", self.kind)
        made.metric = metric
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "metric":
                made.metric = metric if value is None else name_value("metric", value)
            elif field.name == "rule":
                if value not in _ADAPTIVE_RULES:
                    raise ArgumentError(f"rule: expected mean or last, found {value!r}")
                made.adaptive_rule = _ADAPTIVE_RULES.index(value)
            else:
                set_numbers(made, {field.name: value})
        return made


@dataclass(frozen=True)
class Single(Policy):
    """One trace of each prompt."""

    kind: ClassVar[str] = "single"


@dataclass(frozen=True)
class Fixed(Policy):
    """The same number of traces of each prompt."""

    kind: ClassVar[str] = "fixed"
    max_traces: int = 10


@dataclass(frozen=True)
class Adaptive(Policy):
    """Stops once a confidence reaches a bar: a percentile of the first traces' confidences.

    Attributes:
        min_traces: traces to start with, from which the bar is made.
        max_traces: most traces of a prompt.
        batch_traces: traces added at a time.
        percentile: of the first traces' confidences, 0 to 100.
        rule: what must reach the bar: ``"mean"`` of all traces or the ``"last"`` ones.
        metric: which confidence is read; None: the run's.
    """

    kind: ClassVar[str] = "adaptive"
    min_traces: int = 3
    max_traces: int = 10
    batch_traces: int = 3
    percentile: float = 90.0
    rule: str = "mean"
    metric: Optional[str] = None


@dataclass(frozen=True)
class Curtailed(Policy):
    """Stops once all traces that could follow would not change the verdict.

    Attributes:
        risk: of a verdict that all traces would not give, 0 to below 1.
    """

    kind: ClassVar[str] = "curtailed"
    min_traces: int = 3
    max_traces: int = 10
    batch_traces: int = 3
    risk: float = 0.0


@dataclass(frozen=True)
class DeepConf(Policy):
    """Cuts traces whose confidence falls below a bar, and stops at a consensus of weighted votes.

    Attributes:
        eta: percent of the first traces that reach the bar, 0 to 100.
        tau: share of the votes that ends the sampling.
    """

    kind: ClassVar[str] = "deepconf"
    min_traces: int = 3
    max_traces: int = 10
    batch_traces: int = 3
    eta: float = 90.0
    tau: float = 0.95
    metric: Optional[str] = None


@dataclass(frozen=True)
class Interval(Policy):
    """Stops once the refusal rate's interval, which is valid at every look, is narrow enough.

    Attributes:
        width: below which it stops; also once the interval leaves one half out.
    """

    kind: ClassVar[str] = "interval"
    min_traces: int = 3
    max_traces: int = 10
    batch_traces: int = 3
    width: float = 0.2


@dataclass(frozen=True)
class Budget(Policy):
    """A number of traces of all prompts together: more of those that waver.

    It is the only policy of its run.
    """

    kind: ClassVar[str] = "budget"
    traces_total: int = 0
    min_traces: int = 3
    max_traces: int = 10
    batch_traces: int = 3


_ALL: tuple[type[Policy], ...] = (Single, Fixed, Adaptive, Curtailed, DeepConf, Interval, Budget)
PolicyLike = Union[Policy, str]


def policy_of(given: PolicyLike) -> Policy:
    """The policy itself, or the one of that name with its defaults."""
    if isinstance(given, Policy):
        return given
    for kind in _ALL:
        if kind.kind == given:
            return kind()
    known = ", ".join(kind.kind for kind in _ALL)
    raise ArgumentError(f"policy: expected one of {known}, found {given!r}")


def policy_structs(given: Iterable[PolicyLike], metric: str, arguments: Arguments) -> Any:
    """``struct sc_policy [n]``, each checked."""
    value = name_value("metric", metric)
    structs = [policy_of(policy)._struct(value) for policy in given]
    for struct in structs:
        error = ffi.new("struct sc_error *")
        if lib.sc_policy_check(ffi.addressof(struct), error) != 0:
            raise ArgumentError(text_of(error.text))
    return arguments.structs("sc_policy", structs)
