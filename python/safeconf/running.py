"""A run: prompts, a source of traces, a policy, and a folder in which all of it is kept."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional, Union, cast

from ._library import Arguments, Guard, PathLike, call, ffi, lib, name_value, set_numbers, text_of
from ._progress import Progress
from .callables import SourceLike, source_of
from .errors import ArgumentError, ConflictError, Interrupted, Stopped
from .judging import JudgeLike, JudgeOptions, Pass
from .models import Source
from .policies import Adaptive, PolicyLike, policy_of, policy_structs
from .prompts import BenchmarkOptions, Prompts, PromptsLike, attach_named, prompts_of
from .results import Run

if TYPE_CHECKING:
    from typing_extensions import Unpack

    class MoreOptions(BenchmarkOptions, JudgeOptions, total=False):
        """What a run takes besides: of its prompts, and of its judge."""


_MOST_FOLDERS = 1000
Shard = Union[str, tuple[int, int]]


def _policies_of(
    policy: Optional[PolicyLike], policies: Optional[Sequence[PolicyLike]]
) -> list[PolicyLike]:
    if policies is None:
        return [Adaptive() if policy is None else policy]
    if policy is not None:
        raise ArgumentError("policy: expected one of policy and policies, found both")
    return list(policies)


def _shard_of(given: Shard) -> tuple[int, int]:
    if isinstance(given, str):
        parts = given.split("/")
        if len(parts) != 2 or not all(re.fullmatch("[0-9]+", part) for part in parts):
            raise ArgumentError(f"shard: expected I/N such as 2/8, found {given!r}")
        return int(parts[0]), int(parts[1])
    i, n = given
    return i, n


def _plain_name(name: str) -> str:
    """The last part of a name or path, of letters that folders take everywhere."""
    last = name.rstrip("/").rsplit("/", 1)[-1]
    return re.sub(r"[^A-Za-z0-9._-]", "-", last) or "run"


def _default_folders(
    source: Source, prompts: str, policies: Sequence[PolicyLike], seed: int
) -> Any:
    """results/MODEL-BENCHMARK-POLICY-seedN, then the same with -2, -3, ..."""
    policy = policy_of(policies[0]).kind if len(policies) == 1 else "compare"
    base = f"results/{_plain_name(source.name)}-{_plain_name(prompts)}-{policy}-seed{seed}"
    yield base
    for number in range(2, _MOST_FOLDERS):
        yield f"{base}-{number}"


class _Execution:
    """One call of sc_run_execute, watched."""

    def __init__(self, options: Any, progress: bool) -> None:
        self.options = options
        self.guard = Guard()
        self.progress = Progress(progress)
        self.remarks = ""  # on the prompts and the model, for people
        self.summary = ffi.new("struct sc_run_summary *")
        self.observer = ffi.new("struct sc_run_observer *")
        self.observer.started = self.guard.function(
            "void(void *, const struct sc_run_facts *)",
            lambda _, facts: self._begin(facts),
        )
        self.observer.progress = self.guard.function(
            "void(void *, const struct sc_run_progress *)",
            lambda _, now: self.progress.update(now),
        )
        self.observer.keep_going = self.guard.keep_going()

    def _begin(self, facts: Any) -> None:
        self.remarks = text_of(facts.remarks)
        self.progress.begin(facts)

    def execute(self, folder: str) -> None:
        """Runs, or raises what stopped it."""
        try:
            call(lib.sc_run_execute, self.options, self.observer, self.summary)
        except Interrupted as error:
            raise self._stopped(folder, error) from self.guard.exception
        finally:
            self.progress.end()
        self.guard.check()

    def _stopped(self, folder: str, error: Interrupted) -> BaseException:
        cause = self.guard.exception
        if cause is not None and not isinstance(cause, KeyboardInterrupt):
            return cause
        words = text_of(self.summary.stopped) or "interrupted; nothing is lost"
        kind = Stopped if cause is not None else Interrupted
        return kind(f"{words}: the same call goes on in {folder}", folder)


def run(
    model: SourceLike = "demo",
    prompts: Union[PromptsLike, PathLike] = "synthetic",
    policy: Optional[PolicyLike] = None,
    *,
    policies: Optional[Sequence[PolicyLike]] = None,
    out: Optional[PathLike] = None,
    temperature: Optional[float] = None,
    top_p: Optional[float] = None,
    top_k: Optional[int] = None,
    min_p: Optional[float] = None,
    repetition_penalty: Optional[float] = None,
    max_new_tokens: Optional[int] = None,
    thinking: Optional[bool] = None,
    thinking_budget: Optional[int] = None,
    special: bool = False,
    seed: int = 0,
    metric: str = "mean",
    window: Optional[int] = None,
    confidence_top_k: Optional[int] = None,
    confident_quantile: Optional[float] = None,
    confident_threshold: Optional[float] = None,
    judge: Optional[JudgeLike] = None,
    detector: Optional[str] = None,
    rules: Optional[PathLike] = None,
    shard: Optional[Shard] = None,
    parallel: Optional[int] = None,
    no_batch: bool = False,
    no_sharing: bool = False,
    memory: Optional[float] = None,
    max_requests: Optional[int] = None,
    max_total_tokens: Optional[int] = None,
    max_minutes: Optional[float] = None,
    progress: bool = True,
    **more: Unpack[MoreOptions],
) -> Run:
    """Samples traces of each prompt, finds refusals, measures confidence and writes the report.

    The same call with the same ``out`` goes on where it stopped; another configuration in that
    folder is a :class:`ConflictError`.

    Args:
        model: a source of traces, a model's name, or a function (see :class:`Callable`).
        prompts: :class:`Prompts`, a benchmark's name or file, or rows: texts, dicts, a DataFrame, a
            Dataset.
        policy: when to stop sampling a prompt; None: ``Adaptive()``.
        policies: several over the same traces; the last one is the primary.
        out: folder of the results; None: one below ``results/``.
        temperature: 0 is greedy; None, as of the next four: the model's own.
        top_p: share of the probability that is kept, above 0 to 1.
        top_k: tokens that are kept; 0: all.
        min_p: of the likeliest token's probability that a token needs, 0 to below 1.
        repetition_penalty: 1: off.
        max_new_tokens: tokens of an answer, reasoning included unless it has a budget; None: 256,
            with thinking 2048.
        thinking: the model is to reason before it answers; None: as the model was made.
        thinking_budget: tokens after which the reasoning is closed.
        special: control tokens written in prompts are control tokens.
        seed: of every trace.
        metric: confidence of a trace: ``mean``, ``lowest``, ``bottom10``, ``tail``, ``head``,
            ``prob`` or ``nll``.
        window: tokens of a confidence window; None: 32.
        confidence_top_k: likeliest tokens that a token's confidence looks at; None: 20.
        confident_quantile: a prompt is confident from this quantile of the run on; None: 0.5.
        confident_threshold: the same as an absolute confidence, nats.
        judge: who judges harm when all is sampled: a name of docs/JUDGES.md, a configuration
            file, an object or a function of prompt and answer; None: nobody, and prompt labels
            stand in for it.
        detector: who finds refusals: ``"reader"``, ``"patterns"``, ``"judge"`` or ``"hybrid"``
            (rules where they are clear, else the judge); None: the judge where it can, else the
            reader.
        rules: file of your own rules, tried first.
        shard: only part ``"I/N"`` or ``(i, n)`` of the prompts, chosen by their ids.
        parallel: traces in flight; None: chosen for this machine.
        no_batch: one trace at a time.
        no_sharing: compute what traces have said in common for each of them.
        memory: GB that traces and prompts may take; None: chosen.
        max_requests, max_total_tokens, max_minutes: what this call may take; when one is reached
            what is under way is finished and :class:`Interrupted` is raised.
        progress: show it, and warn of what there is to remark on prompts and model.
        more: of a benchmark's name or file, or rows, what :func:`load_benchmark` takes, such as
            ``prompt_column`` and ``num_instances``; and how the judge is asked
            (:class:`safeconf.judging.JudgeOptions`).

    Returns:
        The run.  Traces that failed are warned of, and stand in ``failures``.

    Raises:
        Stopped: by Ctrl-C; the same call goes on.
    """
    source = source_of(model)
    arguments = Arguments()
    options = ffi.new("struct sc_run_options *")
    options[0] = lib.sc_run_options_default()
    chosen = _policies_of(policy, policies)
    judged: dict[str, Any] = {n: v for n, v in more.items() if n in JudgeOptions.__annotations__}
    columns: dict[str, Any] = {n: v for n, v in more.items() if n not in judged}
    benchmark = _attach_prompts(prompts, seed, columns, options.benchmark, arguments)
    judging = None
    if Pass.wanted(judge, detector, cast(JudgeOptions, judged)):
        judging = Pass(judge, detector, rules, cast(JudgeOptions, judged))
    options.policies = policy_structs(chosen, metric, arguments)
    options.n_policies = len(chosen)
    options.primary = max(len(chosen) - 1, 0)
    options.metric = name_value("metric", metric)
    options.rules = arguments.text(rules, "rules")
    if detector is not None and (judging is None or detector in ("reader", "patterns")):
        name_value("detector_kind", detector)
        options.detector = arguments.text(detector, "detector")
    if shard is not None:
        options.shard, options.n_shards = _shard_of(shard)
    set_numbers(
        options,
        {
            "temperature": temperature,
            "top_p": top_p,
            "top_k": top_k,
            "min_p": min_p,
            "repetition_penalty": repetition_penalty,
            "max_new_tokens": max_new_tokens,
            "thinking": source.thinking if thinking is None else thinking,
            "thinking_budget": thinking_budget,
            "special": special,
            "seed": seed,
            "window": window,
            "confidence_top_k": confidence_top_k,
            "confident_quantile": confident_quantile,
            "confident_threshold": confident_threshold,
            "parallel": parallel,
            "no_batch": no_batch,
            "no_sharing": no_sharing,
            "max_bytes": None if memory is None else int(memory * 1e9),
            "max_requests": max_requests,
            "max_total_tokens": max_total_tokens,
            "max_minutes": max_minutes,
        },
    )
    if out is not None:
        return _execute(source, options, arguments, out, judging, progress)
    for folder in _default_folders(source, benchmark, chosen, seed):
        try:
            return _execute(source, options, arguments, folder, judging, progress)
        except ConflictError:
            if not os.path.exists(os.path.join(folder, "run.db")):
                raise
    raise ConflictError(f"results/: {_MOST_FOLDERS} folders of such runs are there: give out=")


def _attach_prompts(
    prompts: Union[PromptsLike, PathLike],
    seed: int,
    columns: dict[str, Any],
    options: Any,
    arguments: Arguments,
) -> str:
    """Into ``struct sc_benchmark_options``; returns the benchmark's name."""
    if isinstance(prompts, (str, os.PathLike)):
        return attach_named(prompts, options, arguments, **{"seed": seed, **columns})
    if isinstance(prompts, Prompts) and columns:
        raise ArgumentError(f"{next(iter(columns))}: goes with a name, a file or rows of a table")
    loaded = prompts_of(prompts, **columns)
    loaded._attach(options, arguments)
    return loaded.name


def _execute(
    source: Source,
    options: Any,
    arguments: Arguments,
    folder: PathLike,
    judging: Optional[Pass],
    progress: bool,
) -> Run:
    """Samples into the folder, judges and writes the reports."""
    options.out = arguments.text(folder, "out")
    path = os.fspath(folder)
    execution = _Execution(options, progress)
    with source._attach(options, arguments, execution.guard):
        try:
            execution.execute(path)
        except Interrupted:
            if execution.summary.progress.n_instances_done > 0:
                call(lib.sc_report_write, os.fsencode(path))
            raise
    if judging is not None:
        judging.execute(path, progress)
    made = Run(path)
    made.report()
    remarks = execution.remarks if progress else ""
    for words in (remarks, text_of(execution.summary.failures)):
        if words:
            warnings.warn(f"{path}: {words.rstrip()}", stacklevel=3)
    return made
