"""Models and endpoints as sources: what is shared, what is asked, what is refused."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import safeconf as sc
from safeconf import _library

ROOT = Path(__file__).resolve().parents[2]
SMALL: dict[str, Any] = {"num_instances": 4, "max_new_tokens": 12, "progress": False}


@pytest.fixture()
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server with OpenAI's interface, of the tests of the program."""
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "cli"))
    made = importlib.import_module("model_server").ModelServer()
    with made as running:
        yield running


def test_what_was_chosen() -> None:
    model = sc.Model("demo", dtype="f32", threads=1)
    info = model.info()
    assert info["dtype"] == "f32" and info["threads"] == 1 and info["weight_bytes"] > 1e6
    assert info["device"] == "cpu" and info["device_reason"] is None
    model.close()
    model.close()
    assert model.info() == info


def test_the_model_is_read_when_it_is_needed(tmp_path: Path) -> None:
    model = sc.Model(tmp_path / "nothing")
    with pytest.raises(sc.SafeconfError, match="nothing"):
        model.info()
    with pytest.raises(sc.InputOutputError, match="safeconf pull nobody/such-a-model"):
        sc.Model("nobody/such-a-model").info()
    with pytest.raises(sc.ArgumentError, match="dtype"):
        sc.Model("demo", dtype="f31")
    with pytest.raises(sc.ArgumentError, match="expected auto, cpu, cuda"):
        sc.Model("demo", device="gpu").info()
    with pytest.raises(sc.SafeconfError, match="the device cuda"):
        sc.Model("demo", device="cuda:999").info()
    with pytest.raises(sc.ArgumentError, match="n_threads"):
        sc.Model("demo", threads=-(2**40)).info()


def test_reading_the_weights_stops_at_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pressed(_library.Guard):
        def keep_going(self) -> Any:
            def pressed(_context: Any) -> bool:
                raise KeyboardInterrupt

            return self.function("bool(void *)", pressed, False)

    model = sc.Model("demo")
    with monkeypatch.context() as patched:
        patched.setattr(_library, "Guard", Pressed)
        with pytest.raises(KeyboardInterrupt):
            model.info()
    assert model.info()["n_vocab"] == 3072


def test_other_arithmetic_and_template_are_the_programs(program: str, tmp_path: Path) -> None:
    run = sc.run(
        sc.Model("demo", dtype="int8", chat_template="raw"),
        "synthetic",
        sc.Fixed(2),
        confidence_top_k=5,
        out=tmp_path / "ours",
        **SMALL,
    )
    words = ["--dtype", "int8", "--chat-template", "raw", "--confidence-top-k", "5"]
    words += ["--policy", "fixed", "--max-traces", "2", "--num-instances", "4"]
    command = [program, "run", *words, "--max-new-tokens", "12", "--quiet"]
    subprocess.run([*command, "--out", tmp_path / "theirs"], check=True, capture_output=True)
    for name in ("predictions.jsonl", "analysis.json"):
        assert (run.path / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()


def test_an_endpoint(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    endpoint = sc.Endpoint(server.url("raw"), requests=4, choices=2)
    run = sc.run(endpoint, "synthetic", sc.Fixed(2), out=tmp_path / "r", seed=3, **SMALL)
    assert run.analysis["run"]["source"]["kind"] == "server"
    assert len(run.traces(as_="records")) == 8
    assert run.tokens(0, 0)["confidence"] is not None
    monkeypatch.setenv("MY_KEY", "secret-of-mine")
    keyed = sc.Endpoint([server.url("raw")], key_env="MY_KEY")
    again = sc.run(keyed, "synthetic", sc.Single(), out=tmp_path / "k", **SMALL)
    assert b"secret-of-mine" not in again.db.read_bytes()
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(sc.ArgumentError, match="MY_KEY"):
        sc.run(keyed, "synthetic", sc.Single(), out=tmp_path / "n", **SMALL)


def test_an_endpoint_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(sc.SafeconfError, match="127"):
        sc.run(
            sc.Endpoint("http://127.0.0.1:9/v1", max_failures=1, timeout=1),
            "synthetic", sc.Single(), out=tmp_path / "r", **SMALL,
        )  # fmt: skip


def test_a_model_goes_with_the_process() -> None:
    script = "import safeconf as sc; model = sc.Model('demo'); model.info()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stderr == b""


def test_remarks_are_warned_of(tmp_path: Path) -> None:
    rows = [{"prompt": "How?", "label": "purple"}, {"prompt": "Why?", "label": "green"}]
    with pytest.warns(UserWarning, match="purple|label"):
        sc.run("demo", rows, sc.Single(), max_new_tokens=4, out=tmp_path / "r")
