#!/usr/bin/env python3
"""What the Python package costs: a run beside the program's, and reading a large run's tokens.

  SAFECONF_LIBRARY=build/libsafeconf.so PYTHONPATH=python tools/measure_python.py
      [--prompts 5000] [--traces 10] [--tokens 40] [--repeats 5] [--run-prompts 1000]

Program and package run the same options in turn, each in a process of its own; medians of wall time and
of processor time (that of a machine with other work on it is the steadier).  docs/PYTHON.md has figures.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

RUN = """
import sys
import safeconf as sc
sc.run("demo", sys.argv[1], sc.Fixed(int(sys.argv[3])), max_new_tokens=int(sys.argv[4]),
       out=sys.argv[2], progress=False)
"""


def write_prompts(path, n):
    with open(path, "w", encoding="utf-8") as file:
        for i in range(n):
            row = {"prompt": f"How do I put {i} apples into a box?", "label": ("safe", "unsafe")[i % 2]}
            file.write(json.dumps(row) + "\n")


def seconds(command):
    """Wall and processor seconds of a command."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


def measure_runs(program, folder, options):
    prompts = os.path.join(folder, "few.jsonl")
    write_prompts(prompts, options.run_prompts)
    traces, tokens = str(options.traces), str(options.tokens)
    taken = {"program": [], "package": []}
    for turn in range(options.repeats):
        out = os.path.join(folder, f"turn{turn}")
        words = [program, "run", "--benchmark", prompts, "--policy", "fixed", "--max-traces", traces]
        words += ["--max-new-tokens", tokens, "--quiet", "--out", out + "-program"]
        taken["program"].append(seconds(words))
        words = [sys.executable, "-c", RUN, prompts, out + "-package", traces, tokens]
        taken["package"].append(seconds(words))
        for name in ("predictions.jsonl", "analysis.json"):
            both = [open(f"{out}-{side}/{name}", "rb").read() for side in taken]
            assert both[0] == both[1], f"{name} differs"
    for side, times in taken.items():
        wall, used = (statistics.median(values) for values in zip(*times))
        print(f"{side}: {wall:.2f} s, {used:.2f} processor seconds (medians of {options.repeats})")
    for i, what in enumerate(("wall time", "processor time")):
        medians = [statistics.median(one[i] for one in times) for times in taken.values()]
        print(f"overhead in {what}: {100 * (medians[1] / medians[0] - 1):+.1f} %")


def measure_reading(program, folder, options):
    import safeconf as sc

    prompts, out = os.path.join(folder, "many.jsonl"), os.path.join(folder, "large")
    write_prompts(prompts, options.prompts)
    words = [program, "run", "--benchmark", prompts, "--policy", "fixed", "--quiet", "--out", out]
    words += ["--max-traces", str(options.traces), "--max-new-tokens", str(options.tokens)]
    seconds(words)
    run = sc.Run(out)
    for name, read in (("tokens_all()", run.tokens_all), ("traces()", run.traces)):
        times = []
        for _ in range(options.repeats):
            began = time.monotonic()
            made = read()
            times.append(time.monotonic() - began)
        print(f"{name} of {options.prompts} x {options.traces}: {statistics.median(times):.2f} s")
        if name == "tokens_all()":
            print(f"  {made['offsets'][-1]:,} tokens, run.db of {os.path.getsize(run.db) / 1e6:.0f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, value in (("prompts", 5000), ("traces", 10), ("tokens", 40)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--run-prompts", type=int, default=1000)
    options = parser.parse_args()
    library = os.environ.get("SAFECONF_LIBRARY", "build/libsafeconf.so")
    program = os.path.join(os.path.dirname(os.path.abspath(library)), "safeconf")
    with tempfile.TemporaryDirectory() as folder:
        measure_reading(program, folder, options)
        measure_runs(program, folder, options)


main()
