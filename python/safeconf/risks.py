"""What a model almost never says: how likely it refuses, complies and harms (docs/RISK.md)."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union, overload

from ._library import (
    Arguments,
    Guard,
    PathLike,
    call,
    ffi,
    lib,
    name_value,
    set_numbers,
    text_of,
)
from ._progress import Counter
from ._visible import visible
from .errors import ArgumentError, Interrupted, SafeconfError, Stopped
from .models import Model
from .prompts import Prompt, Prompts, PromptsLike, prompts_of

if TYPE_CHECKING:
    from .judging import JudgeLike, Pass

#: Of an engine, which a risk does not depend on: that of a run with the defaults is shared.
_USUAL_TOP_K = 20


@dataclass(frozen=True)
class Share:
    """How much of all answers to a prompt something is, 0 to 1.

    Attributes:
        value: the estimate.
        low, high: its 95 % interval.
        low_exact, high_exact: bounds without sampling error.
    """

    value: float
    low: float
    high: float
    low_exact: float
    high_exact: float

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True)
class LikelyAnswer:
    """The likeliest answer of a kind that was found.

    Attributes:
        text: what it says.
        verdict: ``refusal``, ``partial``, ``compliance``, ...
        harm: None: nobody judges.
        probability: exact.
        tokens: its length.
        stopped: it ended by itself, not at the limit.
    """

    text: str
    verdict: str
    harm: Optional[str]
    probability: float
    tokens: int
    stopped: bool


@dataclass(frozen=True)
class Risk:
    """What is known of a prompt's answers; docs/RISK.md has all fields of :meth:`to_dict`.

    Attributes:
        instance_id, prompt, label: of the prompt.
        p_refuse, p_comply, p_neither: how likely an answer refuses, complies, does neither.
        p_harm, p_harm_loose: that it is harmful, and with controversial answers left out; None
            where nobody can say, for ``p_harm_reason``.
        harm_basis: the judge's name, ``"proxy"`` (the prompt's label stands in) or None.
        mass_finished: probability of all answers that are known whole.
        rows: tokens that went through the network.
        answers: distinct ones that were found.
        likeliest: the likeliest answer of each verdict.
        likeliest_harmful: the likeliest that is harmful; None: none was found.
        stopped: ``width``, ``rows``, ``mass`` or ``exhausted``.
    """

    instance_id: str
    prompt: str
    label: str
    p_refuse: Share
    p_comply: Share
    p_neither: Share
    p_harm: Optional[Share]
    p_harm_loose: Optional[Share]
    p_harm_reason: Optional[str]
    harm_basis: Optional[str]
    mass_finished: float
    rows: int
    answers: int
    likeliest: tuple[LikelyAnswer, ...]
    likeliest_harmful: Optional[LikelyAnswer]
    stopped: str
    _object: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The object as ``safeconf risk --json`` prints it."""
        return dict(self._object)

    def __repr__(self) -> str:
        harm = "not known" if self.p_harm is None else str(self.p_harm)
        return visible(f"Risk({self.instance_id!r}: refuses {self.p_refuse}, harm {harm})")


class Risks(list[Risk]):
    """[n_prompts] what is known of each, in the order in which they were explored.

    Attributes:
        summary: what all prompts come to, as in risk.json.
        failed: ``instance_id`` and ``reason`` of prompts that could not be explored.
        path: the folder; None: nothing was written.
    """

    def __init__(
        self, items: Iterable[Risk], summary: dict[str, Any], path: Optional[Path] = None
    ) -> None:
        super().__init__(items)
        self.summary = summary
        self.failed: list[dict[str, str]] = list(summary.get("failed", ()))
        self.path = path

    def to_pandas(self) -> Any:
        """A DataFrame with a row for each prompt; shares as ``p_refuse``, ``p_refuse_low``, ..."""
        from . import _tables

        columns: dict[str, list[Any]] = {
            name: [getattr(one, name) for one in self]
            for name in ("instance_id", "prompt", "label", "harm_basis", "mass_finished", "rows")
        }
        for name in ("p_refuse", "p_comply", "p_neither", "p_harm", "p_harm_loose"):
            for field in ("value", "low", "high", "low_exact", "high_exact"):
                column = name if field == "value" else f"{name}_{field}"
                shares = [getattr(one, name) for one in self]
                columns[column] = [None if one is None else getattr(one, field) for one in shares]
        return _tables.table(columns, "pandas")


def _share(found: Optional[dict[str, float]]) -> Optional[Share]:
    return None if found is None else Share(**found)


def _known(found: dict[str, float]) -> Share:
    return Share(**found)


def _likely(found: dict[str, Any]) -> LikelyAnswer:
    return LikelyAnswer(
        text=found["text"],
        verdict=found["verdict"],
        harm=found.get("harm"),
        probability=found["probability"],
        tokens=found["tokens"],
        stopped=found["stopped"],
    )


def _risk_of(found: dict[str, Any]) -> Risk:
    """From a prompt's object."""
    harmful = found["likeliest_harmful"]
    return Risk(
        instance_id=found["instance_id"],
        prompt=found["prompt"],
        label=found["label"],
        p_refuse=_known(found["p_refuse"]),
        p_comply=_known(found["p_comply"]),
        p_neither=_known(found["p_neither"]),
        p_harm=_share(found["p_harm"]),
        p_harm_loose=_share(found["p_harm_loose"]),
        p_harm_reason=found.get("p_harm_reason"),
        harm_basis=found["harm_basis"],
        mass_finished=found["mass_finished"],
        rows=found["rows"],
        answers=found["answers"],
        likeliest=tuple(_likely(one) for one in found["likeliest"]),
        likeliest_harmful=_likely(harmful[0]) if harmful else None,
        stopped=found["stopped"],
        _object=found,
    )


class _Exploration:
    """One call of sc_risk, watched."""

    def __init__(self, options: Any, progress: bool) -> None:
        self.options = options
        self.guard = Guard()
        self.found: list[dict[str, Any]] = []
        self.failed: list[str] = []
        self.counter = Counter(progress, "prompt")
        self.summary = ffi.new("struct sc_risk_summary *")
        self.observer = ffi.new("struct sc_risk_observer *")
        kinds = dict(ffi.typeof("struct sc_risk_observer").fields)
        bodies: dict[str, tuple[Callable[..., Any], Any]] = {
            "prompt": (self._take, -9),
            "failed": (self._take_failed, None),
            "progress": (self._show, None),
            "keep_going": (lambda _: self.guard.exception is None, False),
        }
        for name, (body, failed) in bodies.items():
            made = self.guard.function(kinds[name].type, body, failed)
            setattr(self.observer, name, made)

    def _take(self, _context: Any, made: Any, _error: Any) -> int:
        self.found.append(json.loads(text_of(made)))
        return 0

    def _take_failed(self, _context: Any, instance_id: Any, reason: Any) -> None:
        self.failed.append(f"{text_of(instance_id)}: {text_of(reason)}")

    def _show(self, _context: Any, now: Any) -> None:
        if now.n_prompts > 1:
            self.counter.show(int(now.n_done), int(now.n_prompts))

    def execute(self, guards: Iterable[Guard]) -> dict[str, Any]:
        """Explores, or raises what stopped it; returns the summary."""
        try:
            call(lib.sc_risk, self.options, self.observer, self.summary)
            self.guard.check()
            found: dict[str, Any] = json.loads(text_of(self.summary.json))
            return found
        except Interrupted as error:
            causes = [one.exception for one in guards if one.exception is not None]
            cause = causes[0] if causes else None
            if cause is not None and not isinstance(cause, KeyboardInterrupt):
                raise cause from None
            out = text_of(self.options.out)
            words = f"the same call goes on in {out}" if out else "with out= it would go on"
            raise Stopped(f"{error}; {words}", out or None) from cause
        finally:
            self.counter.end()
            lib.sc_risk_summary_free(self.summary)


@overload
def risk(model: Union[Model, PathLike], prompts: Union[str, Prompt], **options: Any) -> Risk: ...
@overload
def risk(model: Union[Model, PathLike], prompts: PromptsLike, **options: Any) -> Risks: ...
def risk(
    model: Union[Model, PathLike],
    prompts: Union[str, Prompt, PromptsLike],
    *,
    width: Optional[float] = None,
    rows: Optional[int] = None,
    mass: Optional[float] = None,
    branches: Optional[int] = None,
    judge: Optional[JudgeLike] = None,
    judge_answers: Optional[int] = None,
    detector: Optional[str] = None,
    rules: Optional[PathLike] = None,
    proposal: Optional[str] = None,
    proposal_traces: Optional[int] = None,
    temperature: Optional[float] = None,
    top_p: Optional[float] = None,
    top_k: Optional[int] = None,
    min_p: Optional[float] = None,
    repetition_penalty: Optional[float] = None,
    max_new_tokens: Optional[int] = None,
    thinking: Optional[bool] = None,
    special: bool = False,
    seed: int = 0,
    label: Optional[str] = None,
    memory: Optional[float] = None,
    out: Optional[PathLike] = None,
    progress: bool = True,
    **more: Any,
) -> Union[Risk, Risks]:
    """How likely a model refuses, complies and harms: likely answers exactly, the rest sampled.

    Args:
        model: a model in this process, or its name.
        prompts: a text or a :class:`Prompt`; or several: as :func:`run` takes them, but for a
            benchmark's name (:func:`load_benchmark`).
        width: a prompt is done when the 95 % interval of P(refusal) is as narrow; None: 0.001.
        rows: tokens that go through the network for a prompt, at most; None: 20000.
        mass: a prompt is done when finished answers have so much of all probability; None: 1.
        branches: tokens that are told apart at a fork; None: 64.
        judge: who says what is harmful: a name of docs/JUDGES.md, an object or a function of
            prompt and answer; None: the prompt's label stands in.
        judge_answers: of a prompt, that the judge reads, the likeliest first; None: all.
        detector: ``"reader"`` or ``"patterns"``; None: the reader.
        rules: file of your own rules, tried first.
        proposal: importance sampling beside it: a model, ``"prefill:TEXT"`` or ``"system:TEXT"``.
        proposal_traces: of it; None: 1000.
        temperature, top_p, top_k, min_p, repetition_penalty: None: the model's own.
        max_new_tokens: longest answer; None: 256, with thinking 2048.
        thinking: the model is to reason before it answers; None: as it was made.
        special: control tokens written in prompts are control tokens.
        seed: of all that is sampled.
        label: ``"safe"`` or ``"unsafe"``: of prompts without one of their own.
        memory: GB that branches and prompts may take.
        out: folder of risk.jsonl, risk.json and risk.html, in which the same call goes on; None:
            nothing is written.
        progress: show it.
        more: of rows, their columns, as :func:`load_benchmark` takes them; and how the judge is
            asked (:class:`safeconf.judging.JudgeOptions`).

    Returns:
        A :class:`Risk` of one prompt; of several :class:`Risks`, a list of them.  Prompts that
        failed are warned of, and stand in its ``failed``.

    Raises:
        Stopped: by Ctrl-C.
    """
    from .judging import JudgeOptions, Pass

    chosen = Model(model) if isinstance(model, (str, os.PathLike)) else model
    if not isinstance(chosen, Model):
        raise ArgumentError(
            f"model: expected a model in this process, found {type(model).__name__}: "
            "probabilities of all tokens are needed"
        )
    arguments = Arguments()
    options = ffi.new("struct sc_risk_options *")
    options[0] = lib.sc_risk_options_default()
    judged: Any = {name: v for name, v in more.items() if name in JudgeOptions.__annotations__}
    columns = {name: value for name, value in more.items() if name not in judged}
    _attach_model(chosen, options, arguments)
    single = isinstance(prompts, (str, Prompt))
    _attach_prompts(prompts, label, columns, options.benchmark, arguments)
    judging: Optional[Pass] = None
    if (judge is not None and judge != "none") or judged:
        judging = arguments.keep(Pass(judge, None, None, judged))
        options.judge = judging.options.judge
        options.judge_functions = judging.options.judge_functions
    if detector is not None:
        options.detector = name_value("detector_kind", detector)
    options.rules = arguments.text(rules, "rules")
    options.proposal = arguments.text(proposal, "proposal")
    options.out = arguments.text(out, "out")
    options.thinking = chosen.thinking if thinking is None else thinking
    options.special = special
    set_numbers(
        options,
        {
            "width": width,
            "max_rows": rows,
            "mass": mass,
            "max_branches": branches,
            "max_judged": judge_answers,
            "proposal_traces": proposal_traces,
            "max_new_tokens": max_new_tokens,
            "max_bytes": None if memory is None else int(memory * 1e9),
            "seed": seed,
        },
    )
    set_numbers(
        options.sampling,
        {
            "temperature": temperature,
            "top_p": top_p,
            "top_k": top_k,
            "min_p": min_p,
            "repetition_penalty": repetition_penalty,
        },
    )
    exploration = _Exploration(options, progress)
    guards = [exploration.guard] + ([judging.guard] if judging is not None else [])
    summary = exploration.execute(guards)
    found = _all_found(exploration.found, None if out is None else Path(out))
    if single:
        if not found:
            raise SafeconfError(exploration.failed[0])
        return _risk_of(found[0])
    if exploration.failed:
        warnings.warn("; ".join(exploration.failed), stacklevel=2)
    return Risks(map(_risk_of, found), summary, None if out is None else Path(out))


def _attach_model(model: Model, options: Any, arguments: Arguments) -> None:
    """Its packed weights, and how it frames prompts."""
    options.model = arguments.text(model.name, "model")
    options.engine = model._engine(_USUAL_TOP_K)
    options.chat_template = arguments.text(model.chat_template, "chat_template")
    options.template_date = arguments.text(model.template_date, "template_date")
    options.template_args = arguments.texts(model.template_args, "template_args")
    options.n_template_args = len(model.template_args)


def _attach_prompts(
    given: Any, label: Optional[str], columns: dict[str, Any], options: Any, arguments: Arguments
) -> None:
    """Into ``struct sc_benchmark_options``; a single prompt is called ``prompt``."""
    if isinstance(given, (str, Prompt)):
        one = Prompt(given) if isinstance(given, str) else given
        loaded = Prompts([one], name="prompt")
    else:
        loaded = prompts_of(given, **columns)
        columns = {}
    if columns:
        raise ArgumentError(f"{next(iter(columns))}: goes with rows of a table")
    loaded._attach(options, arguments)
    if label is not None:
        options.label = arguments.text(label, "label")


def _all_found(found: list[dict[str, Any]], folder: Optional[Path]) -> list[dict[str, Any]]:
    """With those that the folder had before this call."""
    if folder is None:
        return found
    with open(folder / "risk.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    for line in lines:
        line.pop("tree", None)
    return lines
