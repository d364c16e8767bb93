"""A run's stored traces judged again: by a detector, by a judge, or by both (docs/JUDGES.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional, Protocol, TypedDict, Union, runtime_checkable

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
from .errors import ArgumentError, Interrupted, Stopped
from .judges import OneByOne, judge_function

_BY_WHOM = {"judge": "SC_BY_JUDGE", "guard": "SC_BY_JUDGE", "hybrid": "SC_BY_HYBRID"}


@runtime_checkable
class JudgeObject(Protocol):
    """What can stand where a judge's name does: it fills ``struct sc_classify_options``."""

    def _fill(self, options: Any, arguments: Arguments, guard: Guard) -> None: ...


#: A name, an object, or a function of prompt and answer.
JudgeLike = Union[str, JudgeObject, OneByOne]


class JudgeOptions(TypedDict, total=False):
    """How a judge is asked, by the names of the command line.

    Keys:
        judge_model: folder or hub name of the judge's model, run here; with ``judge_url`` the
            server's name for it.
        judge_url: a server with the judge, or several that are alike.
        judge_frame: a file with the text that the judge is asked with.
        judge_parallel: judgements in flight.
        judge_timeout: seconds of one judgement.
        judge_max_failures: judgements in a row that a server fails to give, which end the pass.
        judge_device, judge_dtype, judge_kernels, judge_threads: of a judge run here, as in
            :class:`safeconf.Model`.
        judge_repeats: times that it is asked about each text.
        judge_temperature, judge_seed: how its answers are drawn.
        judge_prompts: it reads the prompts too.
        judge_labels: a file of answers that people labelled, on which the judge is measured.
        labels_prompt_column, labels_completion_column, labels_refusal_column, labels_harm_column:
            columns there.
    """

    judge_model: PathLike
    judge_url: Union[str, Sequence[str]]
    judge_frame: PathLike
    judge_parallel: int
    judge_timeout: float
    judge_max_failures: int
    judge_dtype: str
    judge_device: str
    judge_kernels: str
    judge_threads: int
    judge_repeats: int
    judge_temperature: float
    judge_seed: int
    judge_prompts: bool
    judge_labels: PathLike
    labels_prompt_column: str
    labels_completion_column: str
    labels_refusal_column: str
    labels_harm_column: str


@dataclass(frozen=True)
class Judging:
    """What a pass of judging came to.

    Attributes:
        detector, judge: names under which verdicts and harms stand.
        n_traces: of the run.
        n_by_rules, n_by_judge: verdicts decided by each.
        n_asked, n_stored: judgements given now; that were there already.
        n_not_judged: those that could not be given.
    """

    detector: str
    judge: str
    n_traces: int
    n_by_rules: int
    n_by_judge: int
    n_asked: int
    n_stored: int
    n_not_judged: int


class Pass:
    """A pass over a run's traces: its options, checked as far as that is cheap."""

    def __init__(
        self,
        judge: Optional[JudgeLike],
        detector: Optional[str],
        rules: Optional[PathLike],
        given: JudgeOptions,
    ) -> None:
        self.arguments = Arguments()
        self.guard = Guard()
        self.options = ffi.new("struct sc_classify_options *")
        self.options[0] = lib.sc_classify_options_default()
        for name in given:
            if name not in JudgeOptions.__annotations__:
                raise ArgumentError(f"{name}: there is no such option")
        self.options.rules = self.arguments.text(rules, "rules")
        self._fill_judge(given)
        self._name_judge(judge, given)
        self._choose(detector)

    @staticmethod
    def wanted(judge: Optional[JudgeLike], detector: Optional[str], given: JudgeOptions) -> bool:
        """Whether these options ask for a pass at the end of a run."""
        return (judge is not None and judge != "none") or detector in _BY_WHOM or bool(given)

    def _fill_judge(self, given: JudgeOptions) -> None:
        judge, labels, arguments = self.options.judge, self.options.labels, self.arguments
        url = given.get("judge_url")
        urls = [url] if isinstance(url, str) else list(url or ())
        judge.model = arguments.text(given.get("judge_model"), "judge_model")
        judge.url = arguments.text(urls[0] if urls else None, "judge_url")
        judge.more_urls = arguments.texts(urls[1:], "judge_url")
        judge.n_more_urls = max(len(urls) - 1, 0)
        judge.frame = arguments.text(given.get("judge_frame"), "judge_frame")
        judge.kernels = arguments.text(given.get("judge_kernels"), "judge_kernels")
        judge.device = arguments.text(given.get("judge_device", "auto"), "judge_device")
        if "judge_dtype" in given:
            judge.dtype = name_value("dtype", given["judge_dtype"])
        numbers: dict[str, Any] = {
            "parallel": given.get("judge_parallel"),
            "timeout": given.get("judge_timeout"),
            "most_failures": given.get("judge_max_failures"),
            "n_threads": given.get("judge_threads"),
            "repeats": given.get("judge_repeats"),
            "temperature": given.get("judge_temperature"),
            "seed": given.get("judge_seed"),
        }
        set_numbers(judge, numbers)
        self.options.prompts = given.get("judge_prompts", False)
        labels.file = arguments.text(given.get("judge_labels"), "judge_labels")
        labels.prompt_column = arguments.text(given.get("labels_prompt_column"))
        labels.completion_column = arguments.text(given.get("labels_completion_column"))
        labels.refusal_column = arguments.text(given.get("labels_refusal_column"))
        labels.harm_column = arguments.text(given.get("labels_harm_column"))

    def _name_judge(self, judge: Optional[JudgeLike], given: JudgeOptions) -> None:
        if callable(judge) and not isinstance(judge, JudgeObject):
            judge = judge_function(judge)
        if isinstance(judge, JudgeObject):
            judge._fill(self.options, self.arguments, self.guard)
            return
        if judge is None and "judge_model" in given and "judge_url" not in given:
            self.options.judge.judge = lib.sc_judge_of_model(self.options.judge.model)
        elif judge is not None and judge != "none":
            self.options.judge.judge = self.arguments.text(judge, "judge")

    def _choose(self, detector: Optional[str]) -> None:
        """Who finds refusals: whoever is named, else the judge where it can."""
        options = self.options
        can = options.judge_functions
        if can == ffi.NULL and options.judge.judge == ffi.NULL:
            if detector in _BY_WHOM:
                raise ArgumentError(f"detector: {detector} goes with a judge")
        else:
            if can == ffi.NULL:
                can = ffi.new("struct sc_judge_abilities *")
                call(lib.sc_judge_check, ffi.addressof(options.judge), can)
            options.harms = can.harm
            if detector is None and can.refusal:
                options.detector = lib.SC_BY_JUDGE
        if detector in _BY_WHOM:
            options.detector = getattr(lib, _BY_WHOM[detector])
        elif detector is not None:
            options.kind = name_value("detector_kind", detector)

    def execute(self, folder: PathLike, progress: bool) -> Judging:
        """Judges what is not judged yet in the folder."""
        self.options.folder = self.arguments.text(folder, "folder")
        counter = Counter(progress, "judgement")
        observer = ffi.new("struct sc_classify_observer *")
        observer.progress = self.guard.function(
            "void(void *, size_t, size_t, double)",
            lambda _, done, n, seconds: counter.show(done, n),
        )
        observer.keep_going = self.guard.keep_going()
        summary = ffi.new("struct sc_classify_summary *")
        try:
            call(lib.sc_classify, self.options, observer, summary)
            self.guard.check()
            return _judging_of(summary)
        except Interrupted as error:
            cause = self.guard.exception
            if cause is not None and not isinstance(cause, KeyboardInterrupt):
                raise cause from None
            raise Stopped(f"{error}: the same call goes on", str(folder)) from cause
        finally:
            counter.end()
            lib.sc_classify_summary_free(summary)


def _judging_of(summary: Any) -> Judging:
    return Judging(
        detector=text_of(summary.detector),
        judge=text_of(summary.judge),
        n_traces=int(summary.n_traces),
        n_by_rules=int(summary.n_by_rules),
        n_by_judge=int(summary.n_by_judge),
        n_asked=int(summary.n_asked),
        n_stored=int(summary.n_stored),
        n_not_judged=int(summary.n_not_judged),
    )
