"""Figures of the demonstration run and of runs that lack something: what they say and draw."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.text import Text  # noqa: E402

import safeconf as sc  # noqa: E402
from safeconf import figures  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "$\\frac{1}{$ \\input{x} <script>alert(1)</script> %s &amp; \x1b[31m\u202e\n--> ünïcode"


@pytest.fixture(scope="session")
def judged_folder(program: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judged run with reports and a replay."""
    guard = ROOT / "models" / "demo-guard"
    if not guard.is_dir():
        pytest.skip(f"no demonstration guard: {guard}")
    folder = tmp_path_factory.mktemp("judged") / "run"
    words = ["--num-instances", "16", "--max-traces", "6", "--policy", "fixed", "--quiet"]
    words += ["--max-new-tokens", "32", "--judge-model", str(guard), "--out", str(folder)]
    subprocess.run([program, "run", *words], check=True, capture_output=True)
    words = ["replay", str(folder), "--orders", "20"]
    subprocess.run([program, *words], check=True, capture_output=True)
    return folder


class Changed:
    """A run in memory, whose document may be changed; its folder is another run's."""

    def __init__(self, run: Any) -> None:
        self.path = run.path
        self.analysis: dict[str, Any] = copy.deepcopy(run.analysis)
        self.predictions: list[dict[str, Any]] = copy.deepcopy(run.predictions)


def texts(figure: Any) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text) if isinstance(t, Text))


@pytest.fixture()
def judged(judged_folder: Path) -> sc.Run:
    return sc.Run(judged_folder)


# ---- every figure ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", figures.NAMES)
def test_a_figure_says_what_it_is_of(judged: sc.Run, name: str) -> None:
    figure = getattr(judged.plot, name)()
    assert isinstance(figure, Figure)
    words = texts(figure)
    assert "demo on synthetic" in words and "n = " in words
    assert "demonstration model" in words
    assert ("guard" in words) == (name not in ("quadrants", "frontier"))
    assert figure.get_figwidth() == figures.WIDTHS[1]
    assert getattr(judged.plot, name)(columns=2).get_figwidth() == figures.WIDTHS[2]


@pytest.mark.parametrize("name", ["confidence", "roc", "risk_coverage", "asr", "categories"])
def test_a_proxy_is_called_one(demo_run: sc.Run, name: str) -> None:
    assert "proxy" in texts(getattr(demo_run.plot, name)())


def test_the_same_run_gives_the_same_bytes(judged: sc.Run, tmp_path: Path) -> None:
    made = figures.save_all(judged, tmp_path / "a", figures.FORMATS)
    assert [s.name for s in made] == list(figures.NAMES) and all(s.paths for s in made)
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(
        f"{name}.{kind}" for name in figures.NAMES for kind in figures.FORMATS
    )
    with matplotlib.rc_context({"font.size": 20, "axes.grid": False, "savefig.dpi": 20}):
        figures.save_all(figures.Folder(judged.path), tmp_path / "b", ("svg",))
        again = figures.save_figure("roc", judged.plot.roc, tmp_path / "b", ("pdf", "png"))
    assert len(again.paths) == 2
    for path in (tmp_path / "b").iterdir():
        data = path.read_bytes()
        assert data == (tmp_path / "a" / path.name).read_bytes(), path
        assert b"/Type3" not in data and b"CreationDate" not in data


def test_your_own_axes_are_drawn_into(judged: sc.Run) -> None:
    with matplotlib.rc_context({"text.usetex": True}):
        figure = Figure()
        axes = figure.subplots(2, 4).ravel()
        for name, ax in zip(figures.NAMES, axes):
            assert getattr(judged.plot, name)(ax=ax) is ax
    figure.canvas.draw()  # would start LaTeX, had a text of ours been left to it
    assert not any(t.get_usetex() for ax in axes for t in ax.findobj(Text))


def test_a_notebook_shows_it(judged: sc.Run) -> None:
    assert judged.plot.quadrants()._repr_png_().startswith(b"\x89PNG")


def test_wrong_wishes_are_refused(judged: sc.Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="columns"):
        judged.plot.roc(columns=3)
    with pytest.raises(ValueError, match="gif"):
        figures.save_all(judged, tmp_path, ("gif",))
    with pytest.raises(ValueError, match="one at least"):
        figures.save_all(judged, tmp_path, ())


# ---- what is drawn is what the library says --------------------------------------------------


def test_curves_are_those_of_the_document(judged: sc.Run) -> None:
    for name, up in (("roc", "true_positive_rate"), ("risk_coverage", "risk")):
        axes = getattr(judged.plot, name)().axes[0]
        drawn = list(axes.lines[-1].get_ydata())
        points = judged.analysis["hypothesis_test"]["curves"][name]
        assert drawn == [p[up]["value"] for p in points]


def test_points_are_those_of_the_document(judged: sc.Run) -> None:
    axes = judged.plot.asr().axes[0]
    seen = [p["asr"]["value"] for p in judged.analysis["asr_at_k"]["strict"]]
    assert any(list(line.get_ydata()) == seen for line in axes.lines)
    axes = judged.plot.quadrants().axes[0]
    shown = sorted(x for c in axes.collections for x, _ in c.get_offsets().tolist())
    assert shown == pytest.approx(sorted(p["avg_confidence"] for p in judged.predictions))
    axes = judged.plot.categories().axes[0]
    rates = sorted(g["refusal_rate"]["value"] for g in judged.analysis["per_category"].values())
    assert any(sorted(line.get_xdata()) == rates for line in axes.lines)


# ---- runs that lack something ----------------------------------------------------------------


def without_confidences(run: Changed) -> None:
    for p in run.predictions:
        p["avg_confidence"] = None
        p["confidences"] = [None] * len(p["confidences"])
    run.analysis["run"]["confident_threshold"] = None
    curves = run.analysis["hypothesis_test"]["curves"]
    for name in ("roc", "risk_coverage"):
        curves[name], curves[name + "_reason"] = None, "an answer lacks this metric"
    run.path = Path("/nowhere")


def without_refusals(run: Changed) -> None:
    for p in run.predictions:
        p["verdicts"] = ["compliance" for _ in p["verdicts"]]
        p["refusal_rate"] = 0.0


def with_nothing_judged(run: Changed) -> None:
    for p in run.predictions:
        p["verdicts"] = ["unparsed" for _ in p["verdicts"]]
        p["refusal_rate"] = None
    for group in run.analysis["per_category"].values():
        group["refusal_rate"] = {"value": None, "low": None, "high": None, "n": 0}


def with_one_category(run: Changed) -> None:
    name, group = next(iter(run.analysis["per_category"].items()))
    run.analysis["per_category"] = {name: group}


def of_an_older_program(run: Changed) -> None:
    del run.analysis["hypothesis_test"]["curves"]


def without_attacks(run: Changed) -> None:
    run.analysis["asr_at_k"]["strict"] = []
    run.analysis["repeated_sampling"]["asr_extrapolated"] = []


@pytest.mark.parametrize(
    ("change", "left_out"),
    [
        (
            without_confidences,
            {"quadrants", "confidence", "roc", "risk_coverage", "evolution", "frontier"},
        ),
        (without_refusals, set()),
        (with_nothing_judged, {"quadrants", "confidence", "evolution", "categories"}),
        (with_one_category, set()),
        (of_an_older_program, {"roc", "risk_coverage"}),
        (without_attacks, {"asr"}),
    ],
)
def test_what_cannot_be_drawn_says_why(
    judged: sc.Run, tmp_path: Path, change: Any, left_out: set[str]
) -> None:
    run = Changed(judged)
    change(run)
    made = figures.save_all(run, tmp_path, ("svg",))
    assert {s.name for s in made if s.reason} == left_out
    assert {s.name for s in made if s.paths} == set(figures.NAMES) - left_out
    for name in left_out:
        figure = getattr(figures.Plots(run), name)()
        reason = next(s.reason for s in made if s.name == name)
        assert reason and " ".join(reason.split()) in " ".join(texts(figure).split())


def test_no_text_of_a_run_is_more_than_text(judged: sc.Run, tmp_path: Path) -> None:
    run = Changed(judged)
    facts, groups = run.analysis["run"], run.analysis["per_category"]
    for key in ("model", "benchmark", "policy", "metric", "harm_basis"):
        facts[key] = HOSTILE
    for table in ("auroc_p", "auroc_low_confidence_for_harm", "aurc"):
        of = run.analysis["hypothesis_test"][table]
        of[HOSTILE] = of["mean"]
    run.analysis["per_category"] = {HOSTILE + name: group for name, group in groups.items()}
    made = figures.save_all(run, tmp_path, ("svg",))
    assert {s.name for s in made if s.reason} <= {"frontier"}
    for path in tmp_path.glob("*.svg"):
        tags = {element.tag.split("}")[-1] for element in ElementTree.parse(path).iter()}
        assert "script" not in tags and "text" not in tags
        assert "\x1b" not in path.read_text() and "\u202e" not in path.read_text()
    for name in figures.NAMES:
        figure = getattr(figures.Plots(run), name)()
        assert not any(t.get_parse_math() or t.get_usetex() for t in figure.findobj(Text))
        assert not set("\x1b\u202e\n") & set(texts(figure).replace("\n", ""))


# ---- temperatures ----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sweep(program: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    for t in ("0.3", "1"):
        words = ["--num-instances", "8", "--max-traces", "3", "--policy", "fixed", "--quiet"]
        words += ["--max-new-tokens", "16", "--temperature", t, "--out", str(folder / "a" / t)]
        subprocess.run([program, "run", *words], check=True, capture_output=True)
    return folder


def test_temperatures_of_a_sweep(sweep: Path, tmp_path: Path) -> None:
    made = figures.save_temperatures(sweep, tmp_path, ("svg", "png"))
    assert [s.name for s in made] == ["temperatures"] and len(made[0].paths) == 2
    runs = [sc.Run(sweep / "a" / t) for t in ("1", "0.3")]
    figure = figures.temperatures(runs)
    assert isinstance(figure, Figure)
    assert "proxy" in texts(figure) and "demonstration model" in texts(figure)
    rates = [
        sc.Run(sweep / "a" / t).analysis["overall"]["refusal_rate_unsafe"]["value"]
        for t in ("0.3", "1")
    ]
    assert any(list(line.get_ydata()) == rates for line in figure.axes[0].lines)
    axes = Figure().subplots()
    assert isinstance(figures.temperatures(runs[:1], ax=axes), Axes)
    assert "two temperatures" in " ".join(texts(axes).split())


# ---- by the program --------------------------------------------------------------------------


def call(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    import os

    environment = {**os.environ, "SAFECONF_PYTHON": sys.executable}
    return subprocess.run(
        [program, *words], capture_output=True, text=True, env=environment, check=False
    )


def test_the_program_draws(program: str, judged_folder: Path, sweep: Path, tmp_path: Path) -> None:
    out = tmp_path / "with a blank $(x)"
    got = call(program, "figures", str(judged_folder), "--format", "svg", "--out", str(out))
    assert got.returncode == 0, got.stderr
    assert len(list(out.iterdir())) == len(figures.NAMES)
    assert len(got.stdout.splitlines()) == len(figures.NAMES)
    got = call(program, "figures", str(sweep), "--out", str(tmp_path / "s"))
    assert got.returncode == 0 and (tmp_path / "s" / "temperatures.svg").is_file()
    empty = tmp_path / "empty"
    empty.mkdir()
    got = call(program, "figures", str(empty))
    assert got.returncode == 1 and len(got.stderr.splitlines()) == 1
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "run.db").write_bytes(b"no database")
    got = call(program, "figures", str(damaged))
    assert got.returncode == 1 and len(got.stderr.splitlines()) == 1


def test_a_run_without_a_replay_gets_one(program: str, demo_folder: Path, tmp_path: Path) -> None:
    got = call(program, "figures", str(demo_folder), "--out", str(tmp_path))
    assert got.returncode == 0, got.stderr
    stored = json.loads((demo_folder / "replay.json").read_text())
    assert stored["rows"] and (tmp_path / "frontier.svg").is_file()
