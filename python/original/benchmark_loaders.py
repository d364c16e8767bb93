"""Benchmarks as the original experiment loaded them, read by safeconf.

Each loader gives a list of :class:`safety_deepconf.SafetyInstance` in the file's order.  What
labels, columns and ids mean is decided in one place, safeconf's own reader (docs/BENCHMARKS.md);
how that differs from the original is in docs/ORIGINAL.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Optional, Union

import safeconf as sc
from safety_deepconf import SafetyInstance

Folder = Union[str, Path]


def _instances(prompts: sc.Prompts) -> list[SafetyInstance]:
    return [
        SafetyInstance(
            id=prompt.id or "",
            prompt=prompt.prompt,
            ground_truth_label=prompt.label,
            category=prompt.category or None,
            metadata=dict(prompt.extra or {}),
        )
        for prompt in prompts
    ]


def _load(name: str, data_path: Folder, split: Optional[str]) -> list[SafetyInstance]:
    """A file, a folder with ``{split}.jsonl`` as the original wanted it, or one with the files of
    the benchmark's makers."""
    path = Path(data_path)
    own = path / f"{split}.jsonl"
    if path.is_file() or own.is_file():
        file = path if path.is_file() else own
        return _instances(sc.load_benchmark(str(file), split=split))
    return _instances(sc.load_benchmark(name, split=split, folder=str(path)))


class ToxicChatLoader:
    """ToxicChat; ids are ``toxicchat_{split}_{row}``."""

    @staticmethod
    def load(data_path: Folder, split: str = "test") -> list[SafetyInstance]:
        return _load("toxicchat", data_path, split)


class HarmBenchLoader:
    """HarmBench's behaviours, all of them unsafe; ids are HarmBench's own.

    HarmBench has no splits: `split` names a file ``{split}.jsonl`` where the folder has one.
    """

    @staticmethod
    def load(data_path: Folder, split: str = "test") -> list[SafetyInstance]:
        path = Path(data_path)
        file = path if path.is_file() else path / f"{split}.jsonl"
        if not file.is_file():
            return _load("harmbench", path, None)
        try:
            return _instances(sc.load_benchmark(str(file)))
        except sc.ArgumentError:
            pass  # behaviours alone, which the caller says are HarmBench's
        named: dict[str, Any] = {"prompt_column": "Behavior", "label": "unsafe"}
        try:
            return _instances(sc.load_benchmark(str(file), category_column="Category", **named))
        except sc.ArgumentError:
            return _instances(sc.load_benchmark(str(file), **named))


class WildGuardMixLoader:
    """WildGuardMix; ids are ``wildguardmix_{split}_{row}``.

    The set's own answer and what people said of it stand in `metadata` (`response`,
    `response_refusal_label`, `response_harm_label`): of that answer, not of the model's.
    """

    @staticmethod
    def load(data_path: Folder, split: str = "test") -> list[SafetyInstance]:
        return _load("wildguardmix", data_path, split)


class WildGuardTestLoader:
    """``test.jsonl`` of the older form of WildGuard's test set (`prompt_harmfulness`, ...).

    `subset` is ``"prompt"``, or ``"response"`` to ask the model what the set has as a response.
    Ids are ``wildguard_{subset}_{row}``.
    """

    @staticmethod
    def load(
        data_path: Folder, subset: str = "prompt", split: str = "test"
    ) -> list[SafetyInstance]:
        if subset not in ("prompt", "response"):
            raise ValueError(f"subset is 'prompt' or 'response', not {subset!r}")
        path = Path(data_path)
        file = path if path.is_file() else path / f"{split}.jsonl"
        prompts = sc.load_benchmark(
            str(file),
            prompt_column=subset,
            label_column=f"{subset}_harmfulness",
            id_column="none",
        )
        instances = _instances(prompts)
        for instance in instances:
            row = instance.id.rsplit("_", 1)[-1]
            instance.id = f"wildguard_{subset}_{row}"
        return instances


class SafetyBenchLoader:
    """Any benchmark by its name."""

    _loaders: ClassVar[dict[str, Any]] = {
        "toxicchat": ToxicChatLoader,
        "harmbench": HarmBenchLoader,
        "wildguardmix": WildGuardMixLoader,
        "wildguard": WildGuardTestLoader,
    }

    @staticmethod
    def load(
        benchmark_name: str, data_path: Optional[Folder], split: str = "test", **kwargs: Any
    ) -> list[SafetyInstance]:
        """Loads one of the four above, or another of docs/BENCHMARKS.md.

        Without a `data_path` it is looked for where safeconf looks.  ``"test"`` is the split that
        a benchmark has unless another is named, whatever it is called.
        """
        loader = SafetyBenchLoader._loaders.get(benchmark_name.lower())
        if loader is not None and data_path is not None:
            loaded: list[SafetyInstance] = loader.load(data_path, split=split, **kwargs)
            return loaded
        prompts = sc.load_benchmark(
            benchmark_name,
            split=None if split == "test" else split,
            folder=None if data_path is None else str(data_path),
            **kwargs,
        )
        return _instances(prompts)


class SyntheticSafetyBenchmark:
    """safeconf's generated prompts: half of them unsafe, half safe, no two alike."""

    @staticmethod
    def create(num_instances: int = 50) -> list[SafetyInstance]:
        return _instances(sc.load_benchmark("synthetic", num_instances=num_instances))
