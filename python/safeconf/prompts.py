"""Benchmarks: the prompts of a run, named, read from a file or a caller's own."""

from __future__ import annotations

import inspect
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional, TypedDict, Union, overload

from . import _tables
from ._library import (
    Arguments,
    PathLike,
    call,
    ffi,
    lib,
    name_value,
    set_numbers,
    text_of,
    text_or_none,
)
from ._visible import visible
from .errors import ArgumentError


@dataclass(frozen=True)
class Prompt:
    """A prompt of a benchmark.

    Attributes:
        prompt: what is asked last.
        id: unique among the prompts of a run; None: numbered.
        label: ``safe``, ``unsafe`` or ``unknown``.
        category: "": none.
        messages: all that is sent, ``{"role", "content"}`` each, the prompt last; None: the prompt
            alone.
        prefill: what the answer begins with: given, not sampled.
        extra: what else is kept of it.
        line: of the file that it comes from, from 1; 0: none.
    """

    prompt: str
    id: Optional[str] = None
    label: str = "unknown"
    category: str = ""
    messages: Optional[Sequence[dict[str, str]]] = None
    prefill: Optional[str] = None
    extra: Optional[dict[str, Any]] = None
    line: int = 0


def _prompt_of(row: Any) -> Prompt:
    """From ``struct sc_prompt``."""
    messages = [
        {"role": text_of(row.messages[i].role), "content": text_of(row.messages[i].text)}
        for i in range(row.n_messages)
    ]
    extra = text_or_none(row.extra)
    return Prompt(
        prompt=text_of(row.prompt),
        id=text_or_none(row.id),
        label=text_of(lib.sc_label_name(row.label)),
        category=text_of(row.category),
        messages=messages or None,
        prefill=text_or_none(row.prefill),
        extra=None if extra is None else json.loads(extra),
        line=int(row.line),
    )


def _fill(row: Any, prompt: Prompt, arguments: Arguments) -> None:
    """Into ``struct sc_prompt``."""
    row.id = arguments.text(prompt.id, "id")
    row.prompt = arguments.text(prompt.prompt, "prompt")
    row.label = name_value("label", prompt.label)
    row.category = arguments.text(prompt.category, "category")
    row.prefill = arguments.text(prompt.prefill, "prefill")
    row.line = prompt.line
    if prompt.extra is not None:
        row.extra = arguments.text(json.dumps(prompt.extra, ensure_ascii=False), "extra")
    if prompt.messages:
        turns = arguments.keep(ffi.new("struct sc_message[]", len(prompt.messages)))
        for turn, message in zip(turns, prompt.messages):
            turn.role = arguments.text(message["role"], "role")
            turn.text = arguments.text(message["content"], "content")
        row.messages = turns
        row.n_messages = len(prompt.messages)


_TEXTS = (
    "split",
    "prompt_column",
    "label_column",
    "category_column",
    "id_column",
    "messages_column",
    "system_column",
    "prefill_column",
    "system",
    "prefill",
    "prompt_template",
    "rows_key",
    "label",
)


def _benchmark_options(given: dict[str, Any], options: Any, arguments: Arguments) -> None:
    """Fills ``struct sc_benchmark_options`` from what :func:`load_benchmark` was given."""
    options.name = arguments.text(given["name"], "benchmark")
    options.folder = arguments.text(given["folder"], "folder")
    for name in _TEXTS:
        setattr(options, name, arguments.text(given[name], name))
    for name in ("unsafe_value", "safe_value"):
        values = [given[name]] if isinstance(given[name], str) else list(given[name])
        setattr(options, f"{name}s", arguments.texts(values, name))
        setattr(options, f"n_{name}s", len(values))
    options.strict = given["strict"]
    options.first = given["first"]
    options.multi_turn = given["multi_turn"]
    set_numbers(options, {"n_instances": given["num_instances"], "seed": given["seed"]})


class BenchmarkOptions(TypedDict, total=False):
    """What :func:`load_benchmark` takes, for a run that is given a name, a file or rows."""

    split: Optional[str]
    folder: Optional[PathLike]
    num_instances: Optional[int]
    first: bool
    prompt_column: Optional[str]
    messages_column: Optional[str]
    system_column: Optional[str]
    prefill_column: Optional[str]
    label_column: Optional[str]
    category_column: Optional[str]
    id_column: Optional[str]
    unsafe_value: Union[str, Sequence[str]]
    safe_value: Union[str, Sequence[str]]
    label: Optional[str]
    system: Optional[str]
    prefill: Optional[str]
    prompt_template: Optional[str]
    rows_key: Optional[str]
    strict: bool
    multi_turn: bool


class Prompts(Sequence[Prompt]):
    """Prompts of a benchmark, in its order; a slice of it is one too.

    Attributes:
        name: what the benchmark is called.
        remarks: what is worth saying about its file and rows, line by line.
        multi_turn: the user's turns of a prompt are asked one after another.
    """

    def __init__(
        self,
        prompts: Sequence[Prompt],
        *,
        name: str = "prompts",
        remarks: str = "",
        multi_turn: bool = False,
        origin: Optional[dict[str, Any]] = None,
    ) -> None:
        self._prompts = list(prompts)
        self.name = name
        self.remarks = remarks
        self.multi_turn = multi_turn
        self._origin = origin

    def __len__(self) -> int:
        return len(self._prompts)

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self._prompts)

    @overload
    def __getitem__(self, place: int) -> Prompt: ...
    @overload
    def __getitem__(self, place: slice) -> Prompts: ...
    def __getitem__(self, place: Union[int, slice]) -> Union[Prompt, Prompts]:
        if isinstance(place, slice):
            chosen = self._prompts[place]
            whole = len(chosen) == len(self._prompts) and (place.step in (None, 1))
            return Prompts(
                chosen,
                name=self.name,
                remarks=self.remarks,
                multi_turn=self.multi_turn,
                origin=self._origin if whole else None,
            )
        return self._prompts[place]

    def __repr__(self) -> str:
        count = dict.fromkeys(("unsafe", "safe", "unknown"), 0)
        for prompt in self._prompts:
            count[prompt.label] += 1
        labels = ", ".join(f"{n} {name}" for name, n in count.items())
        return visible(f"Prompts({self.name!r}: {len(self)} prompts, {labels})")

    def to_pandas(self) -> Any:
        """A DataFrame with a row for each prompt and the columns of :class:`Prompt`."""
        names = ("id", "prompt", "label", "category", "messages", "prefill", "extra", "line")
        columns = {name: [getattr(prompt, name) for prompt in self._prompts] for name in names}
        return _tables.table(columns, "pandas")

    def _attach(self, options: Any, arguments: Arguments) -> None:
        """Into ``struct sc_benchmark_options``: the benchmark itself while it is whole, else the
        prompts that are left of it."""
        if self._origin is not None:
            _benchmark_options(self._origin, options, arguments)
            return
        if not self._prompts:
            raise ArgumentError("prompts: expected at least one, found none")
        rows = arguments.keep(ffi.new("struct sc_prompt[]", len(self._prompts)))
        for row, prompt in zip(rows, self._prompts):
            _fill(row, prompt, arguments)
        options.name = arguments.text(self.name, "name")
        options.prompts = rows
        options.n_prompts = len(self._prompts)
        options.multi_turn = self.multi_turn


def load_benchmark(
    name: PathLike = "synthetic",
    split: Optional[str] = None,
    *,
    folder: Optional[PathLike] = None,
    num_instances: Optional[int] = None,
    first: bool = False,
    seed: int = 0,
    prompt_column: Optional[str] = None,
    messages_column: Optional[str] = None,
    system_column: Optional[str] = None,
    prefill_column: Optional[str] = None,
    label_column: Optional[str] = None,
    category_column: Optional[str] = None,
    id_column: Optional[str] = None,
    unsafe_value: Union[str, Sequence[str]] = (),
    safe_value: Union[str, Sequence[str]] = (),
    label: Optional[str] = None,
    system: Optional[str] = None,
    prefill: Optional[str] = None,
    prompt_template: Optional[str] = None,
    rows_key: Optional[str] = None,
    strict: bool = False,
    multi_turn: bool = False,
) -> Prompts:
    """Loads the prompts of a benchmark (docs/BENCHMARKS.md).

    Args:
        name: a name such as ``"toxicchat"``, or a CSV, JSON or text file.
        split: such as ``"train"`` or ``"test"``.
        folder: where named benchmarks lie.
        num_instances: a seeded random sample of so many prompts; None: all.
        first: the first ``num_instances`` instead of a sample.
        seed: of the sample.
        prompt_column, messages_column, system_column, prefill_column, label_column,
            category_column: what the file calls them; None: found by their usual names.
        id_column: the same; ``"none"``: rows are numbered.
        unsafe_value: what the label says of unsafe prompts, one or several; all others are safe.
        safe_value: the reverse.
        label: ``"safe"`` or ``"unsafe"``: of every row.
        system: system message of every prompt that has none of its own.
        prefill: what every answer begins with: given to the model, not sampled.
        prompt_template: asked in place of the prompt, which stands where it has ``{prompt}``.
        rows_key: below which the rows of a JSON object lie, such as ``"data.rows"``.
        strict: a row that cannot be read ends the loading.
        multi_turn: the user's turns of a row are asked one after another.
    """
    origin = dict(locals())
    arguments = Arguments()
    options = ffi.new("struct sc_benchmark_options *")
    options[0] = lib.sc_benchmark_options_default()
    _benchmark_options(origin, options, arguments)
    loaded = ffi.new("struct sc_prompts **")
    call(lib.sc_prompts_load, loaded, options)
    try:
        prompts = [
            _prompt_of(lib.sc_prompts_at(loaded[0], i))
            for i in range(lib.sc_prompts_count(loaded[0]))
        ]
        return Prompts(
            prompts,
            name=text_of(lib.sc_prompts_name(loaded[0])),
            remarks=text_of(lib.sc_prompts_remarks(loaded[0])),
            multi_turn=multi_turn,
            origin=origin,
        )
    finally:
        lib.sc_prompts_free(loaded[0])


def attach_named(name: PathLike, options: Any, arguments: Arguments, **given: Any) -> str:
    """A benchmark into ``struct sc_benchmark_options``, which the run loads; returns its name.
    ``given`` is what :func:`load_benchmark` takes."""
    bound = inspect.signature(load_benchmark).bind(name, **given)
    bound.apply_defaults()
    _benchmark_options(bound.arguments, options, arguments)
    return os.fspath(name)


PromptsLike = Union[Prompts, Sequence[Prompt], Sequence[str], Sequence[dict[str, Any]], Any]


def prompts_of(given: PromptsLike, **columns: Any) -> Prompts:
    """Prompts from whatever holds them: texts, dicts, :class:`Prompt`, a DataFrame, a Dataset.

    Rows of a table are read as those of a file are, by the same names of columns.

    Args:
        given: the rows; of a table its columns are found by their usual names.
        columns: as :func:`load_benchmark` takes them, such as ``prompt_column="question"``.
    """
    if isinstance(given, Prompts):
        return given
    rows = _rows_of(given)
    if all(isinstance(row, Prompt) for row in rows):
        return Prompts(rows)
    lines = [json.dumps(_row(row), ensure_ascii=False, default=_plain) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "prompts.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
        loaded = load_benchmark(path, **columns)
    return Prompts(loaded, name="prompts", remarks=loaded.remarks, multi_turn=loaded.multi_turn)


def _rows_of(given: Any) -> list[Any]:
    """The rows of a Dataset, an Arrow table or a column, of a DataFrame, or of any sequence."""
    if isinstance(given, Mapping):
        raise ArgumentError("prompts: expected rows, found one dict")
    for convert in ("to_list", "to_pylist"):
        if hasattr(given, convert):
            return list(getattr(given, convert)())
    return list(given.to_dict("records") if hasattr(given, "to_dict") else given)


def _row(row: Any) -> dict[str, Any]:
    """A row as JSON has it: what is not a number is missing."""
    if isinstance(row, str):
        return {"prompt": row}
    if not isinstance(row, Mapping):
        raise ArgumentError(f"prompts: expected texts or dicts, found {type(row).__name__}")
    return {
        str(name): None if isinstance(value, float) and math.isnan(value) else value
        for name, value in row.items()
    }


def _plain(value: Any) -> Any:
    """A value of NumPy or pandas as Python's own."""
    for convert in ("tolist", "isoformat"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    raise ArgumentError(f"prompts: expected texts and numbers, found {type(value).__name__}")
