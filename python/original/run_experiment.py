#!/usr/bin/env python3
"""The original experiment from the command line, over safeconf.

Its options and their defaults are the original's.  It writes predictions.jsonl and analysis.json
into the folder of ``--output``, and safeconf's own run below it, with a page to open in a
browser.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import safeconf as sc
from benchmark_loaders import SafetyBenchLoader, SyntheticSafetyBenchmark
from original_analysis import CATEGORIES
from qwen3_adapter import Qwen3SafetyAdapter
from safety_deepconf import SafetyDeepConfExperiment, SafetyInstance, SafetyPrediction

OUTPUT = "results/safety_experiment"
RULE = "=" * 60
MOST_FOLDERS = 1000


@dataclass(frozen=True)
class Plan:
    """What one experiment samples, and where it is kept."""

    min_traces: int
    max_traces: int
    early_stopping: bool
    output: Path


def title(text: str) -> None:
    print(f"\n{RULE}\n{text}\n{RULE}")


def number(value: Optional[float], form: str = ".3f") -> str:
    return "not known" if value is None else format(value, form)


def with_interval(of: dict[str, Any], key: str, form: str = ".3f") -> str:
    """A figure and its 95 % interval: ``0.900 (0.769 to 0.960)``."""
    estimate = of["intervals"].get(key, {})
    low, high = estimate.get("low"), estimate.get("high")
    text = number(of[key], form)
    return text if low is None or high is None else f"{text} ({low:{form}} to {high:{form}})"


def load_instances(name: str, n: Optional[int]) -> list[SafetyInstance]:
    """The first `n` prompts of a benchmark; None: 20 of the synthetic one, all of another.

    Another one is looked for in ``data/NAME`` beside this file, then in ``data/NAME`` of the
    current folder, then where safeconf looks (docs/BENCHMARKS.md).
    """
    if name == "synthetic":
        return SyntheticSafetyBenchmark.create(num_instances=20 if n is None else n)
    folders = [Path(__file__).resolve().parent / "data" / name, Path("data") / name]
    folder = next((str(f) for f in folders if f.is_dir()), None)
    return SafetyBenchLoader.load(name, folder)[:n]


def sample(
    experiment: SafetyDeepConfExperiment,
    instances: list[SafetyInstance],
    model: Qwen3SafetyAdapter,
    plan: Plan,
    use_batch: bool,
) -> list[SafetyPrediction]:
    """Samples, or goes on where the same experiment in this folder was interrupted; beside a run of
    another experiment a new one begins in ``run-2``, ``run-3`` and so on."""
    for i in range(1, MOST_FOLDERS):
        folder = plan.output / ("run" if i == 1 else f"run-{i}")
        try:
            return experiment.run_experiment(
                instances,
                model,
                early_stopping=plan.early_stopping,
                use_batch=use_batch,
                temperature=0.7,
                max_new_tokens=256,
                out=folder,
            )
        except sc.ConflictError:
            continue
    raise SystemExit(f"{plan.output}: {MOST_FOLDERS} runs lie here; choose another --output")


def print_summary(analysis: dict[str, Any], plan: Plan) -> None:
    overall = analysis["overall"]
    title("RESULTS SUMMARY")
    print("\n[Overall Performance]  (with 95 % intervals)")
    print(f"  Accuracy: {with_interval(overall, 'accuracy')}")
    traces = with_interval(overall, "avg_traces", ".1f")
    print(f"  Avg traces used: {traces} / {plan.max_traces}")
    if overall["null_avg_traces"] is not None:
        null = number(overall["null_avg_traces"], ".1f")
        print(f"    with confidences shuffled within each prompt: {null}")
    print(f"  Avg confidence: {with_interval(overall, 'avg_confidence')}")
    print(f"  Total tokens: {overall['total_tokens']}")
    print(f"  Token savings (%): {number(overall['token_savings_percent'], '.1f')}")

    print("\n[Performance by Confidence Category]")
    for name in CATEGORIES:
        if name not in analysis:
            continue
        category = analysis[name]
        print(f"\n  {name.replace('_', ' ').title()}:")
        print(f"    Count: {category['count']}")
        print(f"    Accuracy: {with_interval(category, 'accuracy')}")
        print(f"    Avg confidence: {with_interval(category, 'avg_confidence')}")
        print(f"    Avg traces: {category['avg_traces']:.1f}")

    test = analysis.get("hypothesis_test")
    if test is not None:
        print("\n[Hypothesis Test: are low-confidence non-refusals riskier?]")
        print(f"  Uncertain compliance accuracy: {number(test['uncertain_compliance_accuracy'])}")
        print(f"  Confident compliance accuracy: {number(test['confident_compliance_accuracy'])}")
        print(f"  Difference: {with_interval(test, 'difference')}")
        print(f"  Finding: {test['finding']}")
        print(f"  {test['interpretation']}")


def run_experiment(
    model: Qwen3SafetyAdapter, benchmark: str, n: Optional[int], plan: Plan, use_batch: bool
) -> dict[str, Any]:
    """Steps 2 to 5: loads the benchmark, samples, analyses and saves; returns the analysis."""
    print(f"\n[2/5] Loading benchmark: {benchmark}")
    instances = load_instances(benchmark, n)
    labels = [instance.ground_truth_label for instance in instances]
    print(f"  Total instances: {len(instances)}")
    for label in ("unsafe", "safe", "unknown"):
        if label != "unknown" or label in labels:
            print(f"  {label.title()}: {labels.count(label)}")

    print("\n[3/5] Initializing experiment")
    experiment = SafetyDeepConfExperiment(min_traces=plan.min_traces, max_traces=plan.max_traces)
    print(f"  Min traces: {plan.min_traces}")
    print(f"  Max traces: {plan.max_traces}")
    print(f"  Early stopping: {plan.early_stopping}")
    print(f"  Batch generation: {use_batch}")

    print(f"\n[4/5] Running experiment on {len(instances)} instances...")
    predictions = sample(experiment, instances, model, plan, use_batch)
    print(f"  Total predictions: {len(predictions)}")

    print("\n[5/5] Analyzing results...")
    analysis = experiment.analyze_results(predictions, instances)
    experiment.save_results(predictions, analysis, plan.output)
    print_summary(analysis, plan)
    return analysis


def compare(model: Qwen3SafetyAdapter, benchmark: str, n: Optional[int], args: Any) -> None:
    """One trace, five, and 3 to 10 with early stopping, on the same prompts.

    Trace i of a prompt is the same answer in all three, so they differ by their rules alone.
    """
    base = Path("results") if args.output == OUTPUT else Path(args.output)
    plans = {
        "Baseline (n=1)": Plan(1, 1, False, base / "baseline_n1"),
        "Fixed (n=5)": Plan(5, 5, False, base / "fixed_n5"),
        "DeepConf (3-10)": Plan(3, 10, True, base / "deepconf_adaptive"),
    }
    overall = {}
    for name, plan in plans.items():
        title(name)
        overall[name] = run_experiment(model, benchmark, n, plan, not args.no_batch)["overall"]

    title("COMPARISON SUMMARY")
    print("\n| Method          | Accuracy (95 % interval)  | Avg Traces | Avg Confidence |")
    print("|-----------------|---------------------------|------------|----------------|")
    for name, figures in overall.items():
        print(
            f"| {name:<15} | {with_interval(figures, 'accuracy'):<25} "
            f"| {number(figures['avg_traces'], '.1f'):<10} "
            f"| {number(figures['avg_confidence']):<14} |"
        )
    adaptive = overall["DeepConf (3-10)"]
    print("\n[Efficiency]")
    print(f"  Traces used: {with_interval(adaptive, 'avg_traces', '.2f')} of 10")
    null = number(adaptive["null_avg_traces"], ".2f")
    print(f"  The same rule with confidences shuffled within each prompt: {null}")
    print("  What both have in common is not owed to confidence.")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description="Run Safety DeepConf Experiment, over safeconf")
    made.add_argument(
        "--model",
        default="Qwen/Qwen3-0.6B",
        help="folder, hub name in the local cache, or demo (%(default)s)",
    )
    made.add_argument(
        "--benchmark",
        default="synthetic",
        help="synthetic, toxicchat, harmbench, wildguardmix, ... (%(default)s)",
    )
    made.add_argument(
        "--num-instances",
        type=int,
        default=None,
        metavar="N",
        help="so many prompts (20 of synthetic, all of another benchmark)",
    )
    made.add_argument(
        "--min-traces",
        type=int,
        default=3,
        metavar="N",
        help="traces to start with (%(default)s)",
    )
    made.add_argument(
        "--max-traces",
        type=int,
        default=10,
        metavar="N",
        help="traces at most (%(default)s)",
    )
    made.add_argument(
        "--no-early-stopping", action="store_true", help="sample --max-traces of every prompt"
    )
    made.add_argument("--no-batch", action="store_true", help="one trace at a time (slower)")
    made.add_argument(
        "--compare",
        action="store_true",
        help="one trace, five, and 3 to 10 with early stopping, side by side",
    )
    made.add_argument("--output", default=OUTPUT, metavar="DIR", help="folder (%(default)s)")
    return made


def main(arguments: Optional[Sequence[str]] = None) -> int:
    args = parser().parse_args(arguments)
    title("SAFETY DEEPCONF EXPERIMENT")
    try:
        print(f"\n[1/5] Loading model: {args.model}")
        model = Qwen3SafetyAdapter(args.model)
        print(f"  Memory: {model.estimate_memory_usage()['memory_gb']:.2f} GB")
        if args.compare:
            compare(model, args.benchmark, args.num_instances, args)
        else:
            plan = Plan(
                args.min_traces, args.max_traces, not args.no_early_stopping, Path(args.output)
            )
            run_experiment(model, args.benchmark, args.num_instances, plan, not args.no_batch)
    except sc.Interrupted as error:
        print(f"\nrun_experiment.py: {error}", file=sys.stderr)
        return 130
    except (sc.SafeconfError, OSError) as error:
        print(f"run_experiment.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
