"""Judges as objects: a model in this process or behind a server, or a function of your own.

Each stands wherever a judge's name does: ``run(judge=...)``, ``run.classify(judge=...)`` and
``risk(judge=...)`` (docs/JUDGES.md).
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Optional, Union, cast

from ._library import Arguments, Guard, ffi, name_value, text_of
from ._visible import visible
from .errors import ArgumentError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .judging import JudgeOptions

_INTERRUPTED = -9
_LONGEST_NAME = 64


class Judge:
    """A judge that is a model: in this process, or behind a server.

    Args:
        model: folder or hub name of the judge's model, such as ``"Qwen/Qwen3Guard-Gen-0.6B"``, or
            ``"demo-guard"``; with ``judge_url`` the server's name for it.
        judge: which judge it is, a name of docs/JUDGES.md or a configuration file; None: the
            model's name says it.
        options: how it is asked (:class:`safeconf.judging.JudgeOptions`).
    """

    def __init__(
        self,
        model: Optional[str] = None,
        *,
        judge: Optional[str] = None,
        **options: Unpack[JudgeOptions],
    ) -> None:
        if model is None and judge is None:
            raise ArgumentError("judge: expected a model or a judge's name, found neither")
        self.judge = judge
        self.options = options
        if model is not None:
            self.options["judge_model"] = model

    def __repr__(self) -> str:
        return visible(f"Judge({self.options.get('judge_model')!r}, judge={self.judge!r})")

    def _fill(self, options: Any, arguments: Arguments, guard: Guard) -> None:
        """Into ``struct sc_classify_options``."""
        from .judging import Pass

        own = arguments.keep(Pass(self.judge, None, None, self.options))
        options.judge = own.options.judge
        options.prompts = options.prompts or own.options.prompts


@dataclass(frozen=True)
class Question:
    """A text to judge.

    Attributes:
        prompt: what was asked last.
        answer: what was answered; None: the prompt alone is judged.
        messages: what was said before the prompt, ``{"role", "content"}`` each.
        repeat: how often it was asked about before, from 0.
    """

    prompt: str
    answer: Optional[str] = None
    messages: Sequence[dict[str, str]] = ()
    repeat: int = 0


@dataclass(frozen=True)
class Judgement:
    """What is said of a text; None: nothing.

    Attributes:
        harm: ``harmful``, ``harmless`` or ``controversial``.
        verdict: ``refusal``, ``partial`` or ``compliance``.
        p_harmful, p_refused: probabilities, 0 to 1.
        score: of a judge that rates with numbers of its own scale.
        words: kept beside it.
        failure: why there is no judgement.
        again: the failure may not last: a later pass asks again.
    """

    harm: Optional[str] = None
    verdict: Optional[str] = None
    p_harmful: Optional[float] = None
    p_refused: Optional[float] = None
    score: Optional[float] = None
    words: Optional[str] = None
    failure: Optional[str] = None
    again: bool = False


JudgementLike = Union[str, Mapping[str, Any], Judgement, None]
#: Of one text, by prompt and answer (None: the prompt alone); or with ``batch`` of several.
OneByOne = Callable[[str, Any], JudgementLike]
InBatches = Callable[[Sequence[Question]], Sequence[JudgementLike]]

_VERDICTS = ("refusal", "partial", "compliance")
_FIELDS = {field.name for field in fields(Judgement)}


def _judgement(said: JudgementLike) -> Judgement:
    """From what a function returned."""
    if said is None:
        return Judgement()
    if isinstance(said, Judgement):
        return said
    if isinstance(said, str):
        return Judgement(verdict=said) if said in _VERDICTS else Judgement(harm=said)
    if isinstance(said, Mapping):
        unknown = sorted(str(name) for name in said if name not in _FIELDS)
        if unknown:
            raise ArgumentError(f"judgement: {unknown[0]}: there is no such field")
        return Judgement(**said)
    raise ArgumentError(
        f"judgement: expected a label, a dict or a Judgement, found {type(said).__name__}"
    )


def _put(reply: Any, said: Judgement, arguments: Arguments) -> None:
    """Into ``struct sc_judge_reply``."""
    if said.harm is not None:
        reply.harm = name_value("harm", said.harm)
    if said.verdict is not None:
        reply.verdict = name_value("verdict", said.verdict)
    for name in ("p_harmful", "p_refused", "score"):
        value = getattr(said, name)
        if value is not None:
            setattr(reply, name, float(value))
    reply.words = arguments.text(said.words, "words")
    reply.failure = arguments.text(said.failure, "failure")
    reply.again = said.again


def _words_of(exception: Exception) -> str:
    text = f"{type(exception).__name__}: {exception}"
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")


class FunctionJudge:
    """A function as a judge; made by :func:`judge_function`."""

    def __init__(
        self,
        function: Union[OneByOne, InBatches],
        name: str,
        version: str,
        says: Sequence[str],
        prompts: bool,
        batch: Optional[int],
        max_failures: int,
    ) -> None:
        self.function = function
        self.name = name
        self.version = version
        self.says = tuple(says)
        self.prompts = prompts
        self.batch = batch
        self.max_failures = max_failures
        self._n_failed = 0

    def __repr__(self) -> str:
        return f"FunctionJudge({self.name + '/' + self.version!r})"

    def __call__(self, prompt: str, answer: Optional[str] = None) -> Judgement:
        """What it says of one text."""
        return self._ask([Question(prompt, answer)])[0]

    def _fill(self, options: Any, arguments: Arguments, guard: Guard) -> None:
        """Into ``struct sc_classify_options``."""
        made = arguments.keep(ffi.new("struct sc_judge_functions *"))
        made.size = ffi.sizeof("struct sc_judge_functions")
        made.name = arguments.text(self.name, "name")
        made.version = arguments.text(self.version, "version")
        made.refusal = "refusal" in self.says
        made.harm = "harm" in self.says
        made.prompts = self.prompts
        made.batch = self.batch or 0
        kinds = dict(ffi.typeof("struct sc_judge_functions").fields)
        replied: list[Arguments] = []

        def judge(_context: Any, texts: Any, n: int, replies: Any, _error: Any) -> int:
            replied[:] = [Arguments()]  # the texts of the last call are no longer read
            self._reply([_question(texts[i]) for i in range(n)], replies, replied[0])
            return 0

        self._n_failed = 0
        made.judge = guard.function(kinds["judge"].type, judge, _INTERRUPTED)
        options.judge_functions = made

    def _reply(self, questions: list[Question], replies: Any, arguments: Arguments) -> None:
        """In batches, or one by one; what the function raises fails what it was asked about."""
        step = len(questions) if self.batch is not None else 1
        for first in range(0, len(questions), step):
            asked = questions[first : first + step]
            try:
                for i, said in enumerate(self._ask(asked)):
                    _put(replies[first + i], said, arguments)
                self._n_failed = 0
            except Exception as exception:
                self._n_failed += 1
                if self._n_failed >= self.max_failures:
                    raise
                failure = Judgement(failure=_words_of(exception), again=True)
                for i in range(len(asked)):
                    _put(replies[first + i], failure, arguments)

    def _ask(self, questions: Sequence[Question]) -> list[Judgement]:
        if self.batch is None:
            ask = cast(OneByOne, self.function)
            return [_judgement(ask(one.prompt, one.answer)) for one in questions]
        said = list(cast(InBatches, self.function)(questions))
        if len(said) != len(questions):
            raise ArgumentError(
                f"{self.name}: expected {len(questions)} judgements, found {len(said)}"
            )
        return [_judgement(one) for one in said]


def _question(text: Any) -> Question:
    """From ``struct sc_judge_text``."""
    return Question(
        prompt=text_of(text.prompt),
        answer=None if text.answer == ffi.NULL else text_of(text.answer),
        messages=[
            {"role": text_of(text.turns[i].role), "content": text_of(text.turns[i].text)}
            for i in range(text.n_turns)
        ],
        repeat=int(text.repeat),
    )


def _name_of(function: Any) -> str:
    """The function's name as judges are called."""
    name = str(getattr(function, "__name__", type(function).__name__)).lower()
    return re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:_LONGEST_NAME] or "function"


def _version_of(function: Any) -> str:
    """A key of the function's source."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return "1"
    return "src-" + hashlib.blake2b(source.encode("utf-8"), digest_size=6).hexdigest()


def judge_function(
    function: Union[OneByOne, InBatches],
    *,
    name: Optional[str] = None,
    version: Optional[str] = None,
    says: Union[str, Sequence[str]] = "harm",
    prompts: bool = False,
    batch: Optional[int] = None,
    max_failures: int = 20,
) -> FunctionJudge:
    """A function as a judge.

    It is called with a prompt and an answer (None: the prompt alone is judged) and returns a label
    (``"harmful"``, ``"harmless"``, ``"controversial"``; ``"refusal"``, ``"partial"``,
    ``"compliance"``), a dict with the fields of :class:`Judgement`, or one of these; None: it did
    not say.  What it raises fails that text, which a later pass asks about again.

    Judgements are kept in the run under ``name/version`` and not asked for again.

    Args:
        function: the function; with ``batch`` it takes a list of :class:`Question` and returns as
            many judgements.
        name: lower-case letters, digits and "-"; None: the function's own.
        version: change it whenever the function would judge otherwise; None: a key of the
            function's source, which does not see what it calls.
        says: ``"harm"``, ``"refusal"`` or both.
        prompts: it can judge prompts alone.
        batch: most questions in one call; None: it takes one prompt and answer.
        max_failures: exceptions in a row that end the pass.
    """
    kinds = (says,) if isinstance(says, str) else tuple(says)
    for kind in kinds:
        if kind not in ("harm", "refusal"):
            raise ArgumentError(f"says: expected harm or refusal, found {kind!r}")
    if batch is not None and batch < 1:
        raise ArgumentError(f"batch: expected at least 1, found {batch}")
    if not callable(function):
        raise ArgumentError(f"function: expected one, found {type(function).__name__}")
    return FunctionJudge(
        function,
        _name_of(function) if name is None else name,
        _version_of(function) if version is None else version,
        kinds,
        prompts,
        batch,
        max_failures,
    )
