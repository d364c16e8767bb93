"""Where traces come from: a model in this process, or one behind a server."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Optional, Union

from ._library import (
    Arguments,
    Guard,
    PathLike,
    as_bytes,
    call,
    ffi,
    interruptible,
    lib,
    name_value,
    set_numbers,
    taken_text,
    text_of,
)
from .errors import ArgumentError, InputOutputError

_USUAL_TOP_K = 20

TemplateArgs = Union[Mapping[str, Any], Sequence[str]]


def _template_args(given: Optional[TemplateArgs]) -> list[str]:
    """As ``name=value``, where a value is what it says as JSON, or else a text."""
    import json

    if given is None:
        return []
    if isinstance(given, Mapping):
        return [f"{name}={v if isinstance(v, str) else json.dumps(v)}" for name, v in given.items()]
    return list(given)


def _locate(name: str) -> str:
    """The folder of a model; nothing is fetched, so how to fetch it is said."""
    try:
        return taken_text(lib.sc_model_locate, as_bytes(name, "model"))
    except InputOutputError as error:
        if name.count("/") != 1 or os.path.isdir(name):
            raise
        raise InputOutputError(
            f"{error} (on a command line, safeconf pull {name} fetches a model of the hub)"
        ) from None


class Source(ABC):
    """What a run can sample from."""

    #: Whether it is to reason before it answers, where the run does not say.
    thinking: bool = False

    @property
    @abstractmethod
    def name(self) -> str:
        """What the model is called."""

    @abstractmethod
    def _attach(self, options: Any, arguments: Arguments, guard: Guard) -> Any:
        """A context in which ``struct sc_run_options`` samples from it; ``guard`` keeps what its
        functions raise."""


class Model(Source):
    """A model in this process.  Its weights are read when they are first needed, and shared by all
    runs of this object, also by those that go on at the same time in several threads.

    Args:
        name: a folder in Hugging Face layout, a hub name in the local cache, or ``"demo"``.
        dtype: arithmetic: ``"bf16"``, ``"int8"`` or ``"f32"``; None: the model's own.
        threads: 0: one for each available core.
        kernels: instruction set; None: the best of this machine.
        device: what computes: ``"cpu"``; ``"cuda"`` or ``"cuda:1"``, a GPU; ``"auto"``: a GPU with
            room for the model, where there is one, and else the CPU, as also where ``threads`` or
            ``kernels`` are given.
        chat_template: a file, ``"raw"`` or ``"chatml"``; None: the model's own.
        template_args: variables of the template.
        template_date: today as templates tell it, ``"YYYY-MM-DD"``; None: 2024-07-26.
        thinking: it is to reason before it answers.
    """

    def __init__(
        self,
        name: PathLike = "demo",
        *,
        dtype: Optional[str] = None,
        threads: int = 0,
        kernels: Optional[str] = None,
        device: str = "auto",
        chat_template: Optional[PathLike] = None,
        template_args: Optional[TemplateArgs] = None,
        template_date: Optional[str] = None,
        thinking: bool = False,
    ) -> None:
        self._name = os.fspath(name)
        self.dtype = dtype
        self._dtype = -1 if dtype is None else name_value("dtype", dtype)
        self.threads = threads
        self.kernels = kernels
        self.device = device
        self.chat_template = chat_template
        self.template_args = _template_args(template_args)
        self.template_date = template_date
        self.thinking = thinking
        self._lock = threading.Lock()
        self._model: Any = None
        self._engines: dict[int, Any] = {}

    def __repr__(self) -> str:
        return f"Model({self._name!r})"

    @property
    def name(self) -> str:
        return self._name

    def _engine(self, confidence_top_k: int) -> Any:
        """``struct sc_engine *``: the weights, packed when they are first needed, and kept."""
        with self._lock:
            if confidence_top_k not in self._engines:
                self._engines[confidence_top_k] = self._open_engine(confidence_top_k)
            return self._engines[confidence_top_k]

    def _open_engine(self, confidence_top_k: int) -> Any:
        if self._model is None:
            folder = _locate(self._name)
            model = ffi.new("struct sc_model **")
            call(lib.sc_model_open, model, os.fsencode(folder))
            self._model = model[0]
        arguments = Arguments()
        options = ffi.new("struct sc_engine_options *")
        options[0] = lib.sc_engine_options_default()
        options.dtype = self._dtype
        set_numbers(options, {"n_threads": self.threads})
        options.kernels = arguments.text(self.kernels, "kernels")
        options.device = arguments.text(self.device, "device")
        options.confidence_top_k = confidence_top_k
        engine = ffi.new("struct sc_engine **")
        try:
            with interruptible(options):
                call(lib.sc_engine_open, engine, self._model, options)
        except BaseException:
            lib.sc_engine_close(engine[0])
            raise
        return engine[0]

    def close(self) -> None:
        """Lets go of the weights; the next run reads them again.  No run may be going on."""
        with self._lock:
            for engine in self._engines.values():
                lib.sc_engine_close(engine)
            self._engines.clear()
            if self._model is not None:
                lib.sc_model_close(self._model)
            self._model = None

    def __del__(self) -> None:
        if hasattr(self, "_lock"):
            self.close()

    def info(self) -> dict[str, Any]:
        """What was chosen: ``device`` (``"cpu"``, or such as ``"cuda:0 NVIDIA H200"``),
        ``device_reason`` (why it is not the GPU that there is; None: nothing to say), ``dtype``,
        ``kernels``, ``threads``, ``weight_bytes`` and ``n_vocab`` (tokens that can be drawn).
        Reads the weights if that has not been done."""
        engine = self._engine(_USUAL_TOP_K)
        return {
            "device": text_of(lib.sc_engine_device(engine)),
            "device_reason": text_of(lib.sc_engine_device_reason(engine)) or None,
            "dtype": text_of(lib.sc_dtype_name(lib.sc_engine_dtype(engine))),
            "kernels": text_of(lib.sc_engine_kernels(engine)),
            "threads": int(lib.sc_engine_n_threads(engine)),
            "weight_bytes": int(lib.sc_engine_weight_bytes(engine)),
            "n_vocab": int(lib.sc_engine_n_vocab(engine)),
        }

    def _source_options(self, run: Any, arguments: Arguments, guard: Guard) -> Any:
        """``struct sc_model_source_options`` for a run's ``struct sc_run_options``."""
        made = arguments.keep(ffi.new("struct sc_model_source_options *"))
        made[0] = lib.sc_model_source_options_default()
        made.model = arguments.text(self._name, "model")
        made.engine = self._engine(int(run.confidence_top_k))
        made.chat.chat_template = arguments.text(self.chat_template, "chat_template")
        made.chat.template_date = arguments.text(self.template_date, "template_date")
        made.chat.template_args = arguments.texts(self.template_args, "template_args")
        made.chat.n_template_args = len(self.template_args)
        made.parallel = 1 if run.no_batch else run.parallel
        made.max_bytes = run.max_bytes
        made.no_sharing = run.no_sharing
        made.keep_going = guard.keep_going()
        return made

    @contextmanager
    def _attach(self, options: Any, arguments: Arguments, guard: Guard) -> Iterator[None]:
        source = arguments.keep(ffi.new("struct sc_source *"))
        call(lib.sc_source_open_model, self._source_options(options, arguments, guard), source)
        options.source = source
        try:
            yield
        finally:
            options.source = ffi.NULL
            lib.sc_source_close(source)


class Endpoint(Source):
    """A model behind servers that speak OpenAI's interface (docs/SERVERS.md).

    Args:
        url: base such as ``"http://127.0.0.1:8000/v1"``, or several of servers that are alike.
        model: the server's name for it; None: its only one.
        key_env: environment variable with the API key; None: OPENAI_API_KEY, if it is set.
        tokenizer: folder, hub name or ``"demo"`` whose tokenizer and chat template frame prompts
            here; None: the server frames them.
        chat_template, template_args, template_date: as in :class:`Model`, with a tokenizer.
        requests: in flight, all servers together; None: 32.
        choices: traces of a prompt asked for in one request; None: 1.
        timeout: seconds of one request; None: 600.
        max_failures: failed requests in a row that end a run, which can be resumed; None: 20.
        thinking: it is to reason before it answers.
    """

    def __init__(
        self,
        url: Union[str, Sequence[str]],
        model: Optional[str] = None,
        *,
        key_env: Optional[str] = None,
        tokenizer: Optional[PathLike] = None,
        chat_template: Optional[PathLike] = None,
        template_args: Optional[TemplateArgs] = None,
        template_date: Optional[str] = None,
        requests: Optional[int] = None,
        choices: Optional[int] = None,
        timeout: Optional[float] = None,
        max_failures: Optional[int] = None,
        thinking: bool = False,
    ) -> None:
        self.urls = [url] if isinstance(url, str) else list(url)
        self.model = model
        self.key_env = key_env
        self.tokenizer = tokenizer
        self.chat_template = chat_template
        self.template_args = _template_args(template_args)
        self.template_date = template_date
        self.requests = requests
        self.choices = choices
        self.timeout = timeout
        self.max_failures = max_failures
        self.thinking = thinking

    def __repr__(self) -> str:
        return f"Endpoint({self.urls!r}, {self.model!r})"

    @property
    def name(self) -> str:
        return self.model if self.model is not None else "server"

    def _key(self) -> Optional[str]:
        key = os.environ.get(self.key_env or "OPENAI_API_KEY")
        if self.key_env is not None and key is None:
            raise ArgumentError(
                f"key_env: expected an API key in the environment variable {self.key_env}, "
                "found nothing"
            )
        return key or None

    def _server_options(self, arguments: Arguments) -> Any:
        made = arguments.keep(ffi.new("struct sc_server_options *"))
        made[0] = lib.sc_server_options_default()
        made.urls = arguments.texts(self.urls, "url")
        made.n_urls = len(self.urls)
        made.model = arguments.text(self.model, "model")
        made.key = arguments.text(self._key(), "key")
        made.tokenizer = arguments.text(self.tokenizer, "tokenizer")
        made.chat.chat_template = arguments.text(self.chat_template, "chat_template")
        made.chat.template_date = arguments.text(self.template_date, "template_date")
        made.chat.template_args = arguments.texts(self.template_args, "template_args")
        made.chat.n_template_args = len(self.template_args)
        set_numbers(
            made,
            {
                "parallel": self.requests,
                "n_choices": self.choices,
                "timeout": self.timeout,
                "most_failures": self.max_failures,
            },
        )
        return made

    @contextmanager
    def _attach(self, options: Any, arguments: Arguments, guard: Guard) -> Iterator[None]:
        source = arguments.keep(ffi.new("struct sc_source *"))
        call(lib.sc_source_open_server, self._server_options(arguments), source)
        options.source = source
        try:
            yield
        finally:
            lib.sc_source_close(source)
