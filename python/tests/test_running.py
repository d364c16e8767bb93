"""Runs from Python: byte for byte the program's, interrupted and resumed, beside other threads."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import safeconf as sc

FILES = ("predictions.jsonl", "analysis.json")
SMALL: dict[str, Any] = {"max_new_tokens": 16, "progress": False}


@pytest.fixture(scope="module")
def model() -> sc.Model:
    return sc.Model("demo")


def same_files(first: Path, second: Path) -> None:
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def by_program(program: str, out: Path, *words: str) -> Path:
    command = [program, *words, "--max-new-tokens", "16", "--quiet", "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out


def test_as_the_program_with_many_options(program: str, model: sc.Model, tmp_path: Path) -> None:
    ours = sc.run(
        model,
        sc.load_benchmark("synthetic", num_instances=6, first=True, seed=3, system="Be brief."),
        sc.DeepConf(3, 6, eta=50, metric="tail"),
        temperature=0.9,
        top_p=0.8,
        top_k=40,
        repetition_penalty=1.1,
        seed=3,
        metric="tail",
        window=8,
        detector="patterns",
        out=tmp_path / "ours",
        **SMALL,
    )
    theirs = by_program(
        program, tmp_path / "theirs", "run", "--num-instances", "6", "--first", "--seed", "3",
        "--system", "Be brief.", "--policy", "deepconf", "--max-traces", "6", "--eta", "50",
        "--metric", "tail", "--window", "8", "--temperature", "0.9", "--top-p", "0.8",
        "--top-k", "40", "--repetition-penalty", "1.1", "--detector", "patterns",
    )  # fmt: skip
    same_files(ours.path, theirs)


def test_several_policies_and_a_judge(program: str, model: sc.Model, tmp_path: Path) -> None:
    ours = sc.run(
        model,
        "synthetic",
        policies=[sc.Single(), sc.Fixed(5), sc.Adaptive(3, 8)],
        num_instances=6,
        judge_model="demo-guard",
        out=tmp_path / "ours",
        **SMALL,
    )
    theirs = by_program(
        program, tmp_path / "theirs", "compare", "--policies", "single,fixed:5,adaptive:3-8",
        "--num-instances", "6", "--judge-model", "demo-guard",
    )  # fmt: skip
    same_files(ours.path, theirs)
    harms = {row["harm"] for row in ours.traces(as_="records")}
    assert harms & {"harmful", "harmless"}


def test_a_shard_of_a_file(program: str, model: sc.Model, tmp_path: Path) -> None:
    file = tmp_path / "asked.csv"
    rows = [f"How do I make {i} cakes?,{'yes' if i % 2 else 'no'}" for i in range(12)]
    file.write_text("question,bad\n" + "\n".join(rows) + "\n")
    ours = sc.run(
        model,
        file,
        sc.Fixed(2),
        prompt_column="question",
        label_column="bad",
        unsafe_value="yes",
        shard="1/2",
        out=tmp_path / "ours",
        **SMALL,
    )
    theirs = by_program(
        program, tmp_path / "theirs", "run", "--benchmark", str(file), "--prompt-column",
        "question", "--label-column", "bad", "--unsafe-value", "yes", "--policy", "fixed",
        "--max-traces", "2", "--shard", "1/2",
    )  # fmt: skip
    same_files(ours.path, theirs)


def test_a_slice_has_the_traces_of_the_whole(model: sc.Model, tmp_path: Path) -> None:
    prompts = sc.load_benchmark("synthetic", num_instances=8)
    whole = sc.run(model, prompts, sc.Fixed(2), out=tmp_path / "whole", **SMALL)
    part = sc.run(model, prompts[2:5], sc.Fixed(2), out=tmp_path / "part", **SMALL)
    wanted = {prompt.id for prompt in prompts[2:5]}
    kept = [one for one in whole.predictions if one["instance_id"] in wanted]
    assert [one["traces"] for one in part.predictions] == [one["traces"] for one in kept]


def test_limits_interrupt_and_the_same_call_goes_on(model: sc.Model, tmp_path: Path) -> None:
    options: dict[str, Any] = {"num_instances": 8, **SMALL}
    with pytest.raises(sc.Interrupted, match="max-requests") as caught:
        sc.run(model, "synthetic", sc.Fixed(3), out=tmp_path / "a", max_requests=7, **options)
    assert caught.value.folder == str(tmp_path / "a")
    assert not isinstance(caught.value, KeyboardInterrupt)
    done = sc.run(model, "synthetic", sc.Fixed(3), out=tmp_path / "a", **options)
    at_once = sc.run(model, "synthetic", sc.Fixed(3), out=tmp_path / "b", **options)
    same_files(done.path, at_once.path)


SCRIPT = """
import signal, sys, time
import safeconf as sc
from safeconf import running

class Waiting(running.Progress):
    waited = False

    def update(self, now):
        if now.n_traces_done >= 5 and not Waiting.waited:
            Waiting.waited = True
            print("ready", flush=True)
            for _ in range(600):  # another thread may take the signal: no sleep is cut short
                time.sleep(0.1)

signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
if sys.argv[2] == "slowly":
    running.Progress = Waiting
try:
    sc.run("demo", "synthetic", sc.Fixed(10), num_instances=30, max_new_tokens=48,
           no_batch=sys.argv[2] == "slowly", out=sys.argv[1], progress=False)
except sc.Stopped as error:
    assert isinstance(error, KeyboardInterrupt) and error.folder == sys.argv[1]
    print("stopped")
else:
    print("done")
"""


def traces_in(folder: Path) -> int:
    db = sqlite3.connect(f"file:{folder}/run.db?mode=ro", uri=True)
    n = int(db.execute("SELECT count(*) FROM trace").fetchone()[0])
    db.close()
    return n


def test_ctrl_c_stops_and_the_same_call_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    first = subprocess.Popen([*command, "slowly"], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None and first.stdout.readline() == "ready\n"
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=120)
    assert said == "stopped\n"
    assert 5 <= traces_in(folder) < 300
    again = subprocess.run(
        [*command, "at once"], check=True, capture_output=True, text=True, timeout=240
    )
    assert again.stdout == "done\n"
    whole = sc.run(
        "demo", "synthetic", sc.Fixed(10), num_instances=30, max_new_tokens=48,
        out=tmp_path / "whole", progress=False,
    )  # fmt: skip
    same_files(folder, whole.path)


def test_other_threads_go_on(model: sc.Model, tmp_path: Path) -> None:
    count, over = 0, threading.Event()

    def counting() -> None:
        nonlocal count
        while not over.is_set():
            count += 1
            time.sleep(0.001)

    thread = threading.Thread(target=counting)
    thread.start()
    sc.run(
        model, "synthetic", sc.Fixed(8), num_instances=40, max_new_tokens=64,
        out=tmp_path / "run", progress=False,
    )  # fmt: skip
    over.set()
    thread.join()
    assert count > 20


def test_two_threads_share_a_model(model: sc.Model, tmp_path: Path) -> None:
    def one(name: str) -> None:
        sc.run(model, "synthetic", sc.Fixed(3), num_instances=8, out=tmp_path / name, **SMALL)

    threads = [threading.Thread(target=one, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same_files(tmp_path / "a", tmp_path / "b")


def test_a_folder_of_its_own(
    model: sc.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {"num_instances": 2, **SMALL}
    first = sc.run(model, "synthetic", sc.Single(), **options)
    assert first.path == Path("results/demo-synthetic-single-seed0")
    assert sc.run(model, "synthetic", sc.Single(), **options).path == first.path
    other = sc.run(model, "synthetic", sc.Single(), temperature=0.1, **options)
    assert other.path == Path("results/demo-synthetic-single-seed0-2")
    with pytest.raises(sc.ConflictError, match="temperature"):
        sc.run(model, "synthetic", sc.Single(), temperature=0.2, out=first.path, **options)


def test_wrong_options(model: sc.Model, tmp_path: Path) -> None:
    out = tmp_path / "never"
    for given, words in (
        ({"temperature": -1.0}, "temperature"),
        ({"seed": -1}, "seed"),
        ({"policy": "nobody"}, "policy"),
        ({"policy": sc.Adaptive(5, 3)}, "traces"),
        ({"policy": sc.Fixed(2), "policies": [sc.Fixed(3)]}, "both"),
        ({"shard": "3/2"}, "shard"),
        ({"detector": "nobody"}, "detector_kind"),
        ({"metric": "nobody"}, "metric"),
        ({"judge": "nobody"}, "judge"),
    ):
        with pytest.raises(sc.ArgumentError, match=words):
            sc.run(model, "synthetic", out=out, progress=False, **given)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="num_instance"):
        sc.run(model, "synthetic", num_instance=3)  # type: ignore[call-arg]
    with pytest.raises(sc.SafeconfError):
        sc.run("nowhere/at-all", "synthetic", out=out, progress=False)
    assert not os.path.exists(out)


def test_a_traces_failure_is_warned_of(tmp_path: Path) -> None:
    def half(request: sc.Request) -> list[Any]:
        return [
            sc.Answer("", failure="out of luck") if i % 2 else "Sure, with pleasure."
            for i in request.traces
        ]

    with pytest.warns(UserWarning, match="out of luck"):
        run = sc.run(half, ["How?"], sc.Fixed(4), out=tmp_path / "run", progress=False)
    assert run.failures == [{"reason": "out of luck", "n_traces": 2}]
    assert json.loads((run.path / "predictions.jsonl").read_text())["num_traces_used"] == 4
