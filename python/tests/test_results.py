"""Reading a run: what the package says is what the files of the run say."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import safeconf as sc
from safeconf import parquet
from safeconf.figures._data import Empty, token_confidences

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests/cli"))
import row_keys


def test_documents_are_those_on_disk(demo_run: sc.Run, demo_folder: Path) -> None:
    assert demo_run.analysis == json.loads((demo_folder / "analysis.json").read_text())
    lines = (demo_folder / "predictions.jsonl").read_text().splitlines()
    assert demo_run.predictions == [json.loads(line) for line in lines]
    assert demo_run.failures == []


def test_traces_agree_with_predictions(demo_run: sc.Run) -> None:
    rows = demo_run.traces(as_="records")
    by_prompt: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        by_prompt.setdefault(row["instance_id"], []).append(row)
    for prediction in demo_run.predictions:
        mine = by_prompt[prediction["instance_id"]][: prediction["num_traces_used"]]
        assert [row["text"] for row in mine] == prediction["traces"]
        assert [row["verdict"] for row in mine] == prediction["verdicts"]
        assert [row["refused"] for row in mine] == prediction["refused"]
        assert [row["harm"] for row in mine] == prediction["harm"]
        assert [row["mean"] for row in mine] == pytest.approx(prediction["confidences"])


def test_tokens_of_a_trace_and_of_all(demo_run: sc.Run) -> None:
    every = demo_run.tokens_all()
    assert every["offsets"][0] == 0 and len(every["offsets"]) == len(every["trace"]) + 1
    for i in (0, len(every["trace"]) // 2, len(every["trace"]) - 1):
        one = demo_run.tokens(int(every["instance"][i]), int(every["trace"][i]))
        part = slice(every["offsets"][i], every["offsets"][i + 1])
        for name, values in one.items():
            assert values is not None
            assert np.array_equal(values, every[name][part])
            assert not values.flags.writeable


def test_tokens_give_the_stored_metrics(demo_run: sc.Run) -> None:
    row = demo_run.traces(as_="records")[3]
    tokens = demo_run.tokens(row["instance_id"], row["trace"])
    metrics = sc.trace_metrics(tokens["confidence"], tokens["logprob"])
    assert {name: row[name] for name in metrics} == pytest.approx(metrics, nan_ok=True)


def test_absent_figures_are_not_zero(demo_folder: Path, tmp_path: Path) -> None:
    shutil.copy(demo_folder / "run.db", tmp_path)
    row_keys.alter(
        tmp_path,
        "UPDATE token SET entropy = NULL, ids = NULL WHERE instance = 0 AND trace = 1;"
        "UPDATE token SET sampled_logprob = NULL",
    )
    run = sc.Run(tmp_path)
    assert run.tokens(0, 1)["entropy"] is None
    every = run.tokens_all()
    assert every["sampled_logprob"] is None
    part = slice(every["offsets"][1], every["offsets"][2])
    assert np.isnan(every["entropy"][part]).all() and (every["ids"][part] == -1).all()
    assert not np.isnan(every["entropy"][: every["offsets"][1]]).any()


def damage(folder: Path) -> None:
    """A figure of a token changes, and the key of its row does not."""
    with closing(sqlite3.connect(folder / "run.db", isolation_level=None)) as db:
        db.execute("UPDATE token SET confidence = entropy WHERE instance = 1 AND trace = 2")


def test_damage_is_named_whatever_is_read(demo_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(demo_folder, tmp_path / "run")
    run = sc.Run(tmp_path / "run")
    assert run.verify().whole and sc.verify(tmp_path).whole
    name = run.instances(as_="records")[1]["id"]
    damage(run.path)  # behind an object that has read already
    for read in (
        run.traces,
        run.instances,
        run.tokens_all,
        run.summary,
        lambda: run.tokens(0, 0),
        lambda: run.configuration,
        lambda: list(parquet.token_batches(run.path)),
        lambda: list(token_confidences(run)),
    ):
        with pytest.raises(
            (sc.SafeconfError, Empty), match=f'trace 2 of prompt "{name}" .*damaged'
        ):
            read()
    found = sc.verify(tmp_path)
    assert not found.whole and found["runs"][0]["keys"]["result"] == "wrong"
    assert [(d["table"], d["trace"]) for d in found["runs"][0]["damaged"]] == [("token", 2)]
    assert "wrong    keys    damaged: trace 2" in found.summary()
    with pytest.raises(sc.InputOutputError):
        sc.verify(tmp_path / "nothing")


def test_traces_behind_a_gap_wait(demo_folder: Path, tmp_path: Path) -> None:
    source = sqlite3.connect(demo_folder / "run.db")
    copy = sqlite3.connect(tmp_path / "run.db")
    source.backup(copy)
    copy.execute("DELETE FROM trace WHERE instance = 0 AND trace = 1")
    copy.commit()
    copy.close()
    whole = sc.Run(demo_folder).traces(as_="records")
    first = whole[0]["instance_id"]
    kept = [row for row in whole if row["instance_id"] != first or row["trace"] == 0]
    assert len(kept) < len(whole) - 1
    assert [
        (row["instance_id"], row["trace"]) for row in sc.Run(tmp_path).traces(as_="records")
    ] == [(row["instance_id"], row["trace"]) for row in kept]


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_folders_of_earlier_versions(version: int, tmp_path: Path) -> None:
    file = Path(__file__).resolve().parents[2] / f"tests/golden/run_db/version_{version}.db"
    shutil.copy(file, tmp_path / "run.db")
    run = sc.Run(tmp_path)
    rows = run.traces(as_="records")
    every = run.tokens_all()
    assert len(rows) > 0 and len(every["trace"]) > 0
    assert (every["text_end"] is None) == (version == 1)
    assert run.tokens(0, 0)["ids"] is not None
    assert len(run.instances(as_="records")) == len({row["instance_id"] for row in rows})
    assert run.summary() and run.predictions


def test_kinds_of_tables(demo_run: sc.Run) -> None:
    records = demo_run.instances(as_="records")
    arrays = demo_run.instances(as_="numpy")
    assert [row["id"] for row in records] == list(arrays["id"])
    pandas = pytest.importorskip("pandas")
    assert isinstance(demo_run.traces(as_="pandas"), pandas.DataFrame)
    arrow = pytest.importorskip("pyarrow")
    assert isinstance(demo_run.traces(as_="arrow"), arrow.Table)
    with pytest.raises(sc.ArgumentError, match="as_: expected"):
        demo_run.traces(as_="csv")


def test_what_is_not_there(demo_run: sc.Run, tmp_path: Path) -> None:
    with pytest.raises(sc.ArgumentError, match="expected a trace"):
        demo_run.tokens(0, 99)
    with pytest.raises(sc.ArgumentError, match="expected a prompt"):
        demo_run.tokens("nobody", 0)
    with pytest.raises(sc.InputOutputError, match=r"run\.db"):
        sc.Run(tmp_path)
    (tmp_path / "run.db").write_bytes(b"no database at all, but long enough to look at" * 20)
    with pytest.raises(sc.FormatError):
        sc.Run(tmp_path).traces()


def test_a_page_of_the_run_escapes(demo_run: sc.Run) -> None:
    from safeconf.results import Text

    assert "<script>" not in Text("<script>")._repr_html_()
    assert repr(Text("a\x1b[31m\u202eb\nc")) == "a\\u001b[31m\\u202eb\nc"
    assert demo_run._repr_html_().count("<pre>") == 1


def test_errors_and_names_hide_nothing(demo_run: sc.Run, tmp_path: Path) -> None:
    with pytest.raises(sc.SafeconfError) as caught:
        sc.open_run(tmp_path / "a\x1b[2J\u202eb\u3164")
    assert "a\\u001b[2J\\u202eb\\u3164" in str(caught.value)
    named = tmp_path / "a\u3164"
    named.symlink_to(demo_run.path.resolve())
    assert "\\u3164" in repr(sc.open_run(named))
