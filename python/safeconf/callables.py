"""A function in Python as a source of traces: any model, any interface.

The function is handed a :class:`Request` for some traces of one prompt and returns as many answers,
each a text or an :class:`Answer`; or one alone, and it is asked again for each of the rest.  What
an answer does not say is absent, never 0.
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

from ._library import Arguments, Guard, PathLike, ffi, lib, name_value, text_of
from .answers import Answer, AnswerLike, Measures, Request, trace_of
from .errors import ArgumentError
from .models import Model, Source

_NOMEM, _INTERRUPTED = -1, -9


Function = Callable[[Request], Union[AnswerLike, Sequence[AnswerLike]]]


class CallableSource(Source):
    """A function as a source of traces; ``safeconf.Callable`` is its public name.

    It is called from the thread that calls :func:`safeconf.run`, with the wanted traces of one
    prompt at a time.  An exception fails these traces with its text; a function that raises at
    everything, or ``max_failures`` times in a row, ends the run with its exception instead, and
    what was sampled stays.

    Args:
        function: takes a :class:`Request`, returns a list of ``n`` answers: texts, :class:`Answer`
            or dicts with its fields.  One that returns a single answer is asked for one at a time.
        name: of the model; None: the function's.
        logprobs: what its log-probabilities are those of: ``"raw"`` (the model's own distribution),
            ``"processed"`` (after temperature and filters) or ``"unknown"``.
        top_k: likeliest tokens that ``top_logprobs`` lists at each place; 0: none.
        n_vocab: tokens of the vocabulary; 0: not known.
        reproducible: whether a request gives the same answers again: ``"yes"``, ``"no"`` or
            ``"unknown"``.
        batch: most traces in one call; None: all that are wanted.
        max_failures: exceptions in a row that end a run.
        revision: of the model.
        thinking: it is to reason before it answers, where the run does not say.
    """

    def __init__(
        self,
        function: Function,
        *,
        name: Optional[str] = None,
        logprobs: str = "unknown",
        top_k: int = 0,
        n_vocab: int = 0,
        reproducible: str = "unknown",
        batch: Optional[int] = None,
        max_failures: int = 20,
        revision: Optional[str] = None,
        thinking: bool = False,
    ) -> None:
        if not callable(function):
            raise ArgumentError(f"function: expected one, found {type(function).__name__}")
        self.function = function
        self._name = name or str(getattr(function, "__name__", type(function).__name__))
        self.logprobs = name_value("logprob_kind", logprobs)
        self.reproducible = name_value("reproducible", reproducible)
        self.top_k = top_k
        self.n_vocab = n_vocab
        self.batch = batch
        self.max_failures = max_failures
        self.revision = revision
        self.thinking = thinking

    def __repr__(self) -> str:
        return f"Callable({self._name!r})"

    @property
    def name(self) -> str:
        return self._name

    @contextmanager
    def _attach(self, options: Any, arguments: Arguments, guard: Guard) -> Iterator[None]:
        sampling = _Sampling(self, guard)
        options.source = sampling.source
        yield


@dataclass
class _Wanted:
    """``struct sc_source_request``, copied."""

    request: Any
    prompt: int
    key: int
    index: int


class _Sampling:
    """One run's use of a function: the table of functions that the library calls."""

    def __init__(self, callable_: CallableSource, guard: Guard) -> None:
        self.callable = callable_
        self.guard = guard
        self.arguments = Arguments()
        self.prompts: dict[int, list[dict[str, str]]] = {}
        self.n_prepared = 0
        self.wish: Any = None
        self.measures = Measures(0, 0, 0)
        self.n_tokens = 0
        self.succeeded = False
        self.n_failed = 0
        self.one_at_a_time = False
        self.held: list[tuple[_Wanted, str]] = []
        self.exception: Optional[Exception] = None
        table = self.arguments.keep(ffi.new("struct sc_source_functions *"))
        table.size = ffi.sizeof("struct sc_source_functions")
        kinds = dict(ffi.typeof("struct sc_source_functions").fields)
        for name in ("describe", "prepare", "sample"):
            body = getattr(self, f"_{name}")
            setattr(table, name, guard.function(kinds[name].type, body, _INTERRUPTED))
        table.drop = guard.function(kinds["drop"].type, self._drop)
        self.source = self.arguments.keep(ffi.new("struct sc_source *"))
        self.source.functions = table

    # ---- what the library calls -------------------------------------------------------------

    def _describe(self, _context: Any, wish: Any, info: Any, _error: Any) -> int:
        self.wish = ffi.new("struct sc_source_wish *", wish[0])
        self.measures = Measures(
            kind=self.callable.logprobs,
            k=min(int(wish.confidence_top_k), self.callable.top_k),
            n_vocab=self.callable.n_vocab,
        )
        info.kind = self.arguments.text("callable")
        info.name = self.arguments.text(self.callable.name, "name")
        info.revision = self.arguments.text(self.callable.revision, "revision")
        info.sampling = wish.sampling
        info.logprobs = self.callable.logprobs
        info.top_k = self.callable.top_k
        info.n_vocab = self.callable.n_vocab
        info.reproducible = self.callable.reproducible
        info.figures = (1 << lib.SC_N_FIGURES) - 1
        info.ids = info.text_ends = True
        info.n_turns = wish.n_turns
        return 0

    def _prepare(self, _context: Any, messages: Any, n: int, prompt: Any, _error: Any) -> int:
        self.n_prepared += 1
        self.prompts[self.n_prepared] = [
            {"role": text_of(messages[i].role), "content": text_of(messages[i].text)}
            for i in range(n)
        ]
        prompt[0] = ffi.cast("void *", self.n_prepared)
        return 0

    def _drop(self, _context: Any, prompt: Any) -> None:
        self.prompts.pop(int(ffi.cast("uintptr_t", prompt)), None)

    def _sample(self, _context: Any, feed: Any, error: Any) -> int:
        return _Feed(self, feed, error).run()

    # ---- asking -----------------------------------------------------------------------------

    def ask(self, wanted: list[_Wanted]) -> list[AnswerLike]:
        """The function's answers to traces of one prompt; of a function that gives one at a time,
        to the first of them."""
        given = self.callable.function(self._request(wanted))
        if isinstance(given, (str, Answer, Mapping)):
            self.one_at_a_time = True
            return [given]
        answers = list(given)
        if len(answers) != len(wanted):
            raise ArgumentError(
                f"{self.callable.name}: expected {len(wanted)} answers, found {len(answers)}"
            )
        return answers

    def _request(self, wanted: list[_Wanted]) -> Request:
        sampling = self.wish.sampling

        def given(value: float) -> Optional[float]:
            return None if math.isnan(value) else value

        return Request(
            messages=[dict(turn) for turn in self.prompts[wanted[0].prompt]],
            n=len(wanted),
            traces=[one.index for one in wanted],
            seeds=[self._seed(one) for one in wanted],
            temperature=given(sampling.temperature),
            top_p=given(sampling.top_p),
            top_k=None if sampling.top_k < 0 else int(sampling.top_k),
            min_p=given(sampling.min_p),
            repetition_penalty=given(sampling.repetition_penalty),
            max_new_tokens=int(self.wish.max_new_tokens),
            thinking=bool(self.wish.thinking),
            confidence_top_k=int(self.wish.confidence_top_k),
        )

    def _seed(self, wanted: _Wanted) -> int:
        data = struct.pack("<QQQ", int(self.wish.seed), wanted.key, wanted.index)
        return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") >> 1


class _Feed:
    """One call of ``sample``: takes requests, asks, gives traces."""

    def __init__(self, sampling: _Sampling, feed: Any, error: Any) -> None:
        self.sampling = sampling
        self.feed = feed
        self.error = error
        self.waiting: list[_Wanted] = []  # taken, and not asked for yet
        self.more = True
        self.progress = ffi.new("struct sc_source_progress *")

    def run(self) -> int:
        """Until nothing more is wanted; returns an ``enum sc_status``."""
        while True:
            wanted = self._take()
            if not wanted:
                return self._finish()
            status = self._serve(wanted)
            if status != 0:
                return status

    def _next(self) -> Optional[_Wanted]:
        if self.waiting:
            return self.waiting.pop(0)
        request = ffi.new("struct sc_source_request *")
        if not self.more:
            return None
        found = self.feed.next(self.feed.context, request)
        self.more = found >= 0
        if found != 1:
            return None
        return _Wanted(
            request,
            int(ffi.cast("uintptr_t", request.prompt)),
            int(request.instance_key),
            int(request.trace_index),
        )

    def _take(self) -> list[_Wanted]:
        """The wanted traces of one prompt."""
        most = 1 if self.sampling.one_at_a_time else self.sampling.callable.batch
        taken: list[_Wanted] = []
        while most is None or len(taken) < most:
            one = self._next()
            if one is None:
                break
            if taken and one.prompt != taken[0].prompt:
                self.waiting.insert(0, one)
                break
            taken.append(one)
        return taken

    def _serve(self, wanted: list[_Wanted]) -> int:
        sampling = self.sampling
        if not self._step(len(wanted)):
            return _INTERRUPTED
        try:
            answers = sampling.ask(wanted)
        except Exception as exception:
            return self._fail(wanted, exception)
        self.waiting[:0] = wanted[len(answers) :]
        sampling.succeeded = True
        sampling.n_failed = 0
        status = self._give_held()
        for one, answer in zip(wanted, answers):
            if status == 0:
                status = self._give(one, answer)
        return status

    def _fail(self, wanted: list[_Wanted], exception: Exception) -> int:
        """These traces fail; while nothing else has succeeded they wait for what comes of it."""
        sampling = self.sampling
        sampling.n_failed += 1
        sampling.exception = exception
        if sampling.n_failed >= sampling.callable.max_failures:
            raise exception
        words = f"{type(exception).__name__}: {exception}"
        sampling.held += [(one, words) for one in wanted]
        return self._give_held() if sampling.succeeded else 0

    def _give_held(self) -> int:
        held, self.sampling.held = self.sampling.held, []
        for one, words in held:
            status = self._give(one, Answer("", failure=words))
            if status != 0:
                return status
        return 0

    def _finish(self) -> int:
        """Nothing more is wanted: a function that never answered is at fault itself."""
        if self.sampling.held and self.sampling.exception is not None:
            raise self.sampling.exception
        return 0

    def _give(self, wanted: _Wanted, answer: AnswerLike) -> int:
        trace = trace_of(self.sampling.measures, answer)
        status = int(self.feed.done(self.feed.context, wanted.request, trace.struct, self.error))
        self.sampling.n_tokens += int(trace.struct.n_tokens)
        if status == 0 and not self._step(1):
            return _INTERRUPTED
        return status

    def _step(self, width: int) -> bool:
        if self.sampling.guard.exception is not None:
            return False
        if self.feed.step == ffi.NULL:
            return True
        self.progress.width = self.progress.parallel = width
        self.progress.mean_width = width
        self.progress.n_tokens = self.sampling.n_tokens
        return bool(self.feed.step(self.feed.context, self.progress))


SourceLike = Union[Source, PathLike, Function]


def source_of(given: SourceLike) -> Source:
    """The source itself, the model of that name, or the function as a source."""
    if isinstance(given, Source):
        return given
    if isinstance(given, (str, os.PathLike)):
        return Model(given)
    if callable(given):
        return CallableSource(given)
    raise ArgumentError(f"model: expected a model or its name, found {type(given).__name__}")
