"""The original experiment under its own names, over safeconf.

::

    experiment = SafetyDeepConfExperiment(min_traces=3, max_traces=10)
    predictions = experiment.run_experiment(instances, model, temperature=0.7, max_new_tokens=256)
    analysis = experiment.analyze_results(predictions, instances)

Sampling, confidence, refusals, stopping and statistics are safeconf's.  Where the original's
definition was wrong the right figure stands under its key, and ``analysis["notes"]`` names the
difference (docs/ORIGINAL.md).
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import textwrap
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Optional, Union

import safeconf as sc
from original_analysis import READ_AGAIN_NOTE, analyse
from original_reading import read_again
from qwen3_adapter import Qwen3SafetyAdapter, sampling_options


@dataclass
class SafetyInstance:
    """A prompt of a benchmark; the label is ``"safe"``, ``"unsafe"`` or ``"unknown"``."""

    id: str
    prompt: str
    ground_truth_label: str
    category: Optional[str] = None
    metadata: Optional[dict[str, Any]] = None


@dataclass
class SafetyPrediction:
    """A prompt with its traces, as predictions.jsonl has them (docs/FILES.md).

    Lists have one entry for each trace.  None is what is not known: the confidence of a trace that
    failed or has none, whether an answer refused that could not be judged, tokens that were not
    counted.
    """

    instance_id: str
    traces: list[str]
    confidences: list[Optional[float]]
    refused: list[Optional[bool]]
    final_prediction: Optional[str]
    refusal_rate: Optional[float]
    avg_confidence: Optional[float]
    confidence_category: Optional[str]
    num_traces_used: int
    total_tokens: Optional[int] = 0
    tokens_per_trace: Optional[list[Optional[int]]] = None
    avg_tokens_per_trace: Optional[float] = 0.0

    #: The run that it comes from; no field, so no part of what is saved or compared.
    run: ClassVar[Optional[sc.Run]] = None


class SafetyDeepConfExperiment:
    """Many traces of each prompt, stopped early when confidence allows.

    Args:
        refusal_patterns: phrases of your own that make an answer a refusal wherever they stand in
        it,
            whatever the case.  They are tried before safeconf's own rules, which decide on all
            other answers.
        min_traces: traces to start with. max_traces: traces at most. confidence_percentile: the
        bar, a percentile of the first traces' confidences, 0 to 100. use_percentile_threshold:
        True.  A fixed bar of ``confidence_percentile / 100`` meant a scale
            that was read the wrong way round, so it is refused.
    """

    def __init__(
        self,
        refusal_patterns: Optional[Iterable[str]] = None,
        min_traces: int = 3,
        max_traces: int = 20,
        confidence_percentile: float = 90,
        use_percentile_threshold: bool = True,
    ) -> None:
        if not use_percentile_threshold:
            raise ValueError(
                "use_percentile_threshold=False: a fixed bar of confidence_percentile / 100 has no "
                "meaning on a confidence in nats (docs/ORIGINAL.md)"
            )
        self.min_traces = min_traces
        self.max_traces = max_traces
        self.confidence_percentile = confidence_percentile
        self.refusal_patterns = list(refusal_patterns) if refusal_patterns is not None else None
        self._rules = self._write_rules()
        self._noted = False

    def _write_rules(self) -> Optional[str]:
        """Phrases as rules of the user's own (docs/DETECTION.md); None: there are none."""
        if not self.refusal_patterns:
            return None
        rules = [
            {"name": f"phrase-{i}", "verdict": "refusal", "pattern": "(?i)" + re.escape(phrase)}
            for i, phrase in enumerate(self.refusal_patterns)
        ]
        folder = tempfile.mkdtemp(prefix="safeconf-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        file = Path(folder) / "rules.json"
        file.write_text(json.dumps({"add": rules}), encoding="utf-8")
        return str(file)

    def is_refusal(self, text: str) -> bool:
        """Whether an answer refuses, wholly or in part."""
        return sc.detect(None, [text], rules=self._rules)[0].refused

    def is_unsafe_content(self, text: str) -> bool:
        """Cannot be told from words; the original looked for nine of them, and took an answer that
        warned of violence for a violent one."""
        raise NotImplementedError(
            "whether an answer is unsafe takes a judge, and not words in it: "
            "run_experiment(..., judge=...) asks one (docs/JUDGES.md)"
        )

    def _policy(self, early_stopping: bool, batched: bool) -> Any:
        if not early_stopping:
            return sc.Fixed(self.max_traces)
        return sc.Adaptive(
            self.min_traces,
            self.max_traces,
            batch_traces=3 if batched else 1,
            percentile=self.confidence_percentile,
        )

    def run_experiment(
        self,
        instances: Sequence[SafetyInstance],
        model_callable: Any,
        early_stopping: bool = True,
        use_batch: bool = True,
        out: Optional[Union[str, Path]] = None,
        **generation_kwargs: Any,
    ) -> list[SafetyPrediction]:
        """Samples all instances and returns their predictions, in order.

        Args:
            instances: the prompts, with ids that are all different.
            model_callable: a :class:`qwen3_adapter.Qwen3SafetyAdapter`, a source of safeconf, or a
                function ``(prompt, **generation_kwargs) -> (text, logprobs, tokens)``.  Of a
                function only log P of the sampled tokens is known, so its confidence is the
                metric ``prob``: exp of their mean, between 0 and 1.
            early_stopping: False samples ``max_traces`` of every prompt.
            use_batch: False samples one trace at a time and asks after each whether to stop; else
                after every three.
            out: folder of safeconf's run, in which the same call goes on when it was interrupted;
                None: one below ``results/``.
            generation_kwargs: the original's (``temperature``, ``max_new_tokens``, ``top_p``,
                ``top_k``, ``do_sample``, ``enable_thinking``), and options of ``safeconf.run``
                such as ``seed``, ``judge`` and ``progress``.
        """
        prompts = [
            sc.Prompt(
                instance.prompt,
                id=instance.id,
                label=instance.ground_truth_label,
                category=instance.category or "",
            )
            for instance in instances
        ]
        model, options = _source(model_callable, use_batch, generation_kwargs)
        if self._rules is not None:
            options["rules"] = self._rules
        batched = use_batch and (
            isinstance(model_callable, sc.Source) or hasattr(model_callable, "batch_generate")
        )
        run = sc.run(
            model,
            sc.Prompts(prompts, name="instances"),
            policy=self._policy(early_stopping, batched),
            no_batch=not use_batch,
            out=None if out is None else str(out),
            **options,
        )
        return _predictions(run)

    def evaluate_instance(
        self,
        instance: SafetyInstance,
        model_callable: Any,
        early_stopping: bool = True,
        use_batch: bool = True,
        **generation_kwargs: Any,
    ) -> SafetyPrediction:
        """One instance alone.  *Confident* is relative to a run, so its category says little."""
        return self.run_experiment(
            [instance], model_callable, early_stopping, use_batch, **generation_kwargs
        )[0]

    def analyze_results(
        self, predictions: Sequence[SafetyPrediction], instances: Sequence[SafetyInstance]
    ) -> dict[str, Any]:
        """What the predictions amount to, with the original's keys (docs/ORIGINAL.md).

        Those of one call of :meth:`run_experiment`, with the labels that they had, are analysed as
        the run that they are.  Others (a part of it, saved ones, other labels) are read anew: their
        answers are judged again, and *confident* is relative to them.
        """
        if len(predictions) == 0:
            raise ValueError("predictions: expected at least one, found none")
        run = _run_of(predictions, instances)
        if run is not None:
            results = analyse(run)
        else:
            with tempfile.TemporaryDirectory(prefix="safeconf-") as folder:
                run = read_again(predictions, instances, Path(folder), self._rules)
                results = analyse(run)
            results["notes"]["predictions"] = READ_AGAIN_NOTE
        if not self._noted:
            self._noted = True
            print("Where figures differ from the original experiment's (docs/ORIGINAL.md):")
            for key, note in results["notes"].items():
                print(textwrap.indent(textwrap.fill(f"{key}: {note}", 78), "  "))
        return results

    def save_results(
        self,
        predictions: Sequence[SafetyPrediction],
        analysis: dict[str, Any],
        output_dir: Union[str, Path],
    ) -> None:
        """Writes ``predictions.jsonl`` (an object per prediction) and ``analysis.json``."""
        folder = Path(output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(asdict(p), ensure_ascii=False, allow_nan=False) for p in predictions)
        text = "".join(line + "\n" for line in lines)
        (folder / "predictions.jsonl").write_text(text, encoding="utf-8")
        text = json.dumps(analysis, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / "analysis.json").write_text(text + "\n", encoding="utf-8")
        print(f"Results saved to {folder}")


def _source(
    model: Any, use_batch: bool, generation_kwargs: dict[str, Any]
) -> tuple[sc.Source, dict[str, Any]]:
    """What `safeconf.run` takes as a model, with the options that go with it."""
    source = model.model if isinstance(model, Qwen3SafetyAdapter) else model
    if isinstance(source, sc.Source):
        return source, sampling_options(**generation_kwargs)
    if not callable(model):
        raise TypeError(f"model_callable: expected a model or a function, found {type(model)!r}")
    return _of_function(model, use_batch, generation_kwargs)


#: What a function is told is its own affair; these are of the run, as are ``judge_model`` ....
_OF_THE_RUN = ("progress", "seed", "detector")
#: These are told to both: the run's configuration holds them.
_OF_BOTH = ("temperature", "top_p", "top_k", "max_new_tokens")


def _of_function(
    function: Any, use_batch: bool, generation_kwargs: dict[str, Any]
) -> tuple[sc.Source, dict[str, Any]]:
    """A function ``(prompt, **kwargs) -> (text, logprobs, tokens)`` as a source of traces."""
    told, options = {}, {}
    for key, value in generation_kwargs.items():
        of_the_run = key in _OF_THE_RUN or key.startswith("judge")
        if not of_the_run:
            told[key] = value
        if of_the_run or key in _OF_BOTH:
            options[key] = value
    many = getattr(function, "batch_generate", None) if use_batch else None

    def answers(request: sc.Request) -> list[sc.Answer]:
        prompts = [request.prompt] * request.n
        if many is not None:
            return [_given(*answer) for answer in many(prompts, **told)]
        return [_given(*function(prompt, **told)) for prompt in prompts]

    source = sc.Callable(
        answers,
        name=getattr(function, "model_name", None) or getattr(function, "__name__", "function"),
        batch=None if many is not None else 1,
    )
    return source, {**options, "metric": "prob"}


def _given(text: str, logprobs: Sequence[float], tokens: Sequence[str]) -> sc.Answer:
    """Words of a vocabulary ("\u0120the") do not spell the text; then they are counted alone."""
    spelt = "".join(tokens) == text
    return sc.Answer(text, tokens=list(tokens) if spelt else None, logprobs=list(logprobs))


def _predictions(run: sc.Run) -> list[SafetyPrediction]:
    names = [field.name for field in fields(SafetyPrediction)]
    predictions = []
    for line in run.predictions:
        prediction = SafetyPrediction(**{name: line[name] for name in names})
        prediction.__dict__["run"] = run
        predictions.append(prediction)
    return predictions


def _run_of(
    predictions: Sequence[SafetyPrediction], instances: Sequence[SafetyInstance]
) -> Optional[sc.Run]:
    """The run whose predictions these are, all of them as they were; None: there is none."""
    run = predictions[0].run
    if run is None or predictions != _predictions(run):
        return None
    stored = {p["instance_id"]: p["ground_truth_label"] for p in run.predictions}
    now = {instance.id: instance.ground_truth_label for instance in instances}
    return run if all(now.get(key, label) == label for key, label in stored.items()) else None
