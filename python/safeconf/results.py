"""A run's folder, read: its analysis, its traces, its tokens (docs/FILES.md).

Every figure here is the library's: what it computed, or what stands in ``run.db``.
"""

from __future__ import annotations

import html
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .judging import JudgeLike, JudgeOptions, Judging

from . import _tables
from ._document import Document
from ._library import PathLike, call, ffi, interruptible, lib, name_value, taken_text
from ._visible import visible
from .errors import ArgumentError, FormatError, InputOutputError

METRICS = ("mean", "lowest", "bottom10", "tail", "head", "prob", "nll")
_FLOATS = ("logprob", "sampled_logprob", "confidence", "entropy")
_TOKEN_COLUMNS = ("ids", *_FLOATS, "text_end")
_INTEGERS = np.dtype("<i4")
_REALS = np.dtype("<f4")

TokenArray = Optional[npt.NDArray[Any]]


class Text(str):
    """A text that a notebook or a prompt shows as it is, line by line; control characters, which
    names of files and prompts may hold, are made visible."""

    def __new__(cls, text: str) -> Text:
        return super().__new__(cls, visible(text))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self)}</pre>"


def _dtype(column: str) -> np.dtype[Any]:
    return _REALS if column in _FLOATS else _INTEGERS


class Run:
    """A run in its folder.  Nothing is read before it is asked for.

    Attributes:
        path: the folder.
        db: its ``run.db``, an SQLite database (docs/FILES.md says what stands in it).
    """

    def __init__(self, folder: PathLike) -> None:
        self.path = Path(folder)
        self.db = self.path / "run.db"
        if not self.db.is_file():
            raise InputOutputError(f"{self.path}: expected a run's folder with run.db in it")
        self._analysis: Optional[dict[str, Any]] = None
        self._predictions: Optional[list[dict[str, Any]]] = None
        self._checked: object = None

    def __repr__(self) -> str:
        return visible(f"Run({str(self.path)!r})")

    def _repr_html_(self) -> str:
        name = html.escape(visible(str(self.path)))
        return f"<p><b>{name}</b></p>" + self.summary()._repr_html_()

    # ---- what the run amounts to ------------------------------------------------------------

    @contextmanager
    def _results(self) -> Iterator[Any]:
        """``struct sc_results *``, loaded and analysed."""
        results = ffi.new("struct sc_results **")
        observer = ffi.new("struct sc_report_observer *")
        try:
            with interruptible(observer):
                call(lib.sc_results_open_while, results, os.fsencode(self.path), observer)
            yield results[0]
        finally:
            lib.sc_results_close(results[0])

    def _load(self) -> None:
        with self._results() as results:
            analysis = json.loads(taken_text(lib.sc_results_json, results))
            lines = taken_text(lib.sc_results_predictions, results)
        self._predictions = [json.loads(line) for line in lines.split("\n") if line]
        self._analysis = analysis

    def refresh(self) -> None:
        """Forgets what was read, for a folder that has changed since."""
        self._analysis = self._predictions = self._checked = None

    def verify(self) -> Verification:
        """Whether the folder is whole (:func:`safeconf.verify`)."""
        return verify(self.path)

    @property
    def analysis(self) -> dict[str, Any]:
        """The document analysis.json.

        An estimate is ``{"value", "low", "high", "n"}`` with its 95 % interval; what could not be
        computed is None, with its reason beside it.
        """
        if self._analysis is None:
            self._load()
        assert self._analysis is not None
        return self._analysis

    @property
    def predictions(self) -> list[dict[str, Any]]:
        """[n_instances] lines of predictions.jsonl: each prompt as the primary policy saw it."""
        if self._predictions is None:
            self._load()
        assert self._predictions is not None
        return self._predictions

    @property
    def failures(self) -> list[dict[str, Any]]:
        """Why traces failed: ``reason`` and ``n_traces`` of each; empty where none did."""
        found = self.analysis["overall"].get("failures")
        return list(found) if found else []

    def summary(self) -> Text:
        """What ``safeconf report`` prints first, 80 columns wide."""
        with self._results() as results:
            return Text(taken_text(lib.sc_results_summary, results))

    def export(
        self,
        format: str = "eval",
        out: Optional[PathLike] = None,
        *,
        policy: Optional[str] = None,
    ) -> Path:
        """Writes the run as another tool's file (docs/EXPORT.md).

        Args:
            format: ``"eval"``, a log of inspect_ai, which ``inspect view`` opens.
            out: the file, which is replaced; None: ``run.eval`` in the run's folder.
            policy: whose traces, where the run has several policies; None: the primary one.

        Returns:
            The path of the file.
        """
        from .exchange import export_eval

        if format != "eval":
            raise ArgumentError(f"format: expected eval, found {format!r}")
        return export_eval(self, out, policy=policy)

    def report(self, *, open: bool = False) -> Path:
        """Writes predictions.jsonl, analysis.json and report.html into the folder.

        Args:
            open: also shows the page in a browser.

        Returns:
            The path of report.html.
        """
        observer = ffi.new("struct sc_report_observer *")
        with interruptible(observer):
            call(lib.sc_report_write_while, os.fsencode(self.path), observer)
        page = self.path / "report.html"
        if open:
            import webbrowser

            webbrowser.open(page.resolve().as_uri())
        return page

    def classify(
        self,
        judge: Optional[JudgeLike] = None,
        *,
        detector: Optional[str] = None,
        rules: Optional[PathLike] = None,
        progress: bool = True,
        **judge_options: Unpack[JudgeOptions],
    ) -> Judging:
        """Judges the stored traces again and writes the report from that; earlier verdicts stay.

        Args:
            judge: who judges harm, and where it can refusals: a name of docs/JUDGES.md, a
                configuration file, an object or a function of prompt and answer; None: nobody.
            detector: who finds refusals: ``"patterns"``, ``"reader"``, ``"judge"`` or ``"hybrid"``
                (rules where they are clear, else the judge); None: the judge where it can, else the
                reader.
            rules: file of your own rules, tried first.
            progress: show it.
            judge_options: how the judge is asked (:class:`safeconf.judging.JudgeOptions`).
        """
        from .judging import Pass

        made = Pass(judge, detector, rules, judge_options).execute(self.path, progress)
        self.refresh()
        self.report()
        return made

    @property
    def plot(self) -> Any:
        """Figures of the run: ``run.plot.quadrants()`` and so on (docs/FIGURES.md)."""
        return _tables.needed("safeconf.figures", "plot").Plots(self)

    # ---- tables -----------------------------------------------------------------------------

    def _check_db(self) -> None:
        """Looks for damage before rows are read here, once for each state of the files."""
        stamp = _stamp(self.db), _stamp(self.db.with_name("run.db-wal"))
        if stamp != self._checked:
            call(lib.sc_run_db_check, os.fsencode(self.path))
            self._checked = stamp

    @contextmanager
    def _open_db(self) -> Iterator[sqlite3.Connection]:
        self._check_db()
        address = "file:" + quote(os.fsencode(self.db.resolve())) + "?mode=ro"
        try:
            db = sqlite3.connect(address, uri=True)
        except sqlite3.Error as error:
            raise InputOutputError(f"{self.db}: {error}") from None
        try:
            yield db
        except sqlite3.DatabaseError as error:
            raise FormatError(f"{self.db}: {error}") from None
        finally:
            db.close()

    @property
    def configuration(self) -> dict[str, Any]:
        """What the run depends on (docs/FILES.md)."""
        with self._open_db() as db:
            row = db.execute("SELECT json FROM configuration").fetchone()
        if row is None:
            raise FormatError(f"{self.db}: expected a configuration, found none")
        made: dict[str, Any] = json.loads(row[0])
        return made

    def _readers(self, db: sqlite3.Connection) -> tuple[str, str]:
        """Who gave the verdicts and the harms that reports read."""
        there = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'reading'").fetchone()
        row = db.execute("SELECT detector, judge FROM reading").fetchone() if there else None
        if row is None:
            configuration = self.configuration
            return configuration["detector"], configuration["judge"]
        return str(row[0]), str(row[1])

    def instances(self, as_: Optional[str] = None) -> Any:
        """The prompts, one row each, in the benchmark's order.

        Columns: ``id``, ``prompt``, ``label`` (safe, unsafe, unknown), ``category``, ``extra`` (of
        the benchmark's other columns, a dict or None), ``messages`` (all that was sent, a list or
        None), ``prefill``, ``line``, ``n_traces``.

        Args:
            as_: ``"pandas"``, ``"arrow"``, ``"records"`` or ``"numpy"``; None: pandas where it is
                installed, else records.
        """
        names = ("id", "prompt", "label", "category", "extra", "messages", "prefill", "line")
        with self._open_db() as db:
            chosen = _present(db, "instance", names)
            rows = db.execute(
                f"SELECT {chosen}, (SELECT count(*) FROM trace"
                " WHERE trace.instance = position) FROM instance ORDER BY position"
            ).fetchall()
        columns = _columns((*names, "n_traces"), rows)
        for name in ("extra", "messages"):
            columns[name] = [None if v is None else json.loads(v) for v in columns[name]]
        return _tables.table(columns, as_)

    def traces(self, as_: Optional[str] = None) -> Any:
        """The sampled answers, one row each, by prompt and index.

        Columns: ``instance_id``, ``trace`` (index, from 0), ``label``, ``category``, ``verdict``,
        ``refused`` (None: not judged), ``rule``, ``harm``, ``text``, ``answer`` (without the
        reasoning), ``finish``, ``failure``, ``n_tokens``, ``n_reasoning``, and the confidence
        metrics ``mean`` to ``nll`` over all tokens, with ``reasoning_`` and ``answer_`` before the
        name over the segments.  What is not known is None (in a float column NaN).  Of a run that
        is going on, a trace is there once all before it are.

        Args:
            as_: as in :meth:`instances`.
        """
        metrics = [f"{part}{name}" for part in ("", "reasoning_", "answer_") for name in METRICS]
        own = ("text", "answer", "finish", "failure", "n_tokens", "n_reasoning", *metrics)
        names = ("instance_id", "trace", "label", "category", "verdict", "rule", "harm", *own)
        with self._open_db() as db:
            detector, judge = self._readers(db)
            rows = db.execute(
                "SELECT i.id, t.trace, i.label, i.category, v.verdict, v.rule, h.harm, "
                + ", ".join(f"t.{name}" for name in own)
                + " FROM trace t JOIN instance i ON i.position = t.instance"
                " LEFT JOIN verdict v ON v.instance = t.instance AND v.trace = t.trace"
                " AND v.detector = ?"
                " LEFT JOIN harm h ON h.instance = t.instance AND h.trace = t.trace"
                " AND h.judge = ? ORDER BY t.instance, t.trace",
                (detector, judge),
            ).fetchall()
        columns = _columns(names, _unbroken(rows))
        for name in metrics:
            columns[name] = np.array(columns[name], dtype=np.float64)
        refused = {verdict: _is_refused(verdict) for verdict in set(columns["verdict"])}
        columns["refused"] = [refused[verdict] for verdict in columns["verdict"]]
        return _tables.table(columns, as_)

    # ---- tokens -----------------------------------------------------------------------------

    def _position(self, db: sqlite3.Connection, instance: Union[int, str]) -> int:
        column = "id" if isinstance(instance, str) else "position"
        row = db.execute(
            f"SELECT position FROM instance WHERE {column} = ?", (instance,)
        ).fetchone()
        if row is None:
            raise ArgumentError(f"{self.path}: expected a prompt of the run, found {instance!r}")
        return int(row[0])

    def tokens(self, instance: Union[int, str], trace: int) -> dict[str, TokenArray]:
        """The tokens of one trace.

        Args:
            instance: the prompt's place, from 0, or its id.
            trace: index of the trace, from 0.

        Returns:
            [n_tokens] arrays that cannot be written to: ``ids`` (int32), ``logprob``,
            ``sampled_logprob`` (under the distribution that it was drawn from), ``confidence``,
            ``entropy`` (float32, nats), ``text_end`` (int32: bytes of the trace's text that the
            tokens up to this one complete).  None: the source did not give it.
        """
        with self._open_db() as db:
            position = self._position(db, instance)
            row = db.execute(
                f"SELECT {_present(db, 'token', _TOKEN_COLUMNS)} FROM token"
                " WHERE instance = ? AND trace = ?",
                (position, trace),
            ).fetchone()
            there = (
                row is not None
                or db.execute(
                    "SELECT 1 FROM trace WHERE instance = ? AND trace = ?", (position, trace)
                ).fetchone()
            )
            if not there:
                raise ArgumentError(
                    f"{self.path}: expected a trace of prompt {instance!r}, found {trace}"
                )
        blobs = row if row is not None else [None] * len(_TOKEN_COLUMNS)
        return {
            name: None if blob is None else np.frombuffer(blob, dtype=_dtype(name))
            for name, blob in zip(_TOKEN_COLUMNS, blobs)
        }

    def tokens_all(self) -> dict[str, Any]:
        """The tokens of all traces, read at once, as ragged arrays.

        Returns:
            ``instance`` and ``trace`` [n_traces] (place of the prompt, index of the trace),
            ``offsets`` [n_traces + 1], and ``ids`` to ``text_end`` [offsets[-1]] as in
            :meth:`tokens`: trace ``i`` has the tokens from ``offsets[i]`` to ``offsets[i + 1]``.
            Where some traces have no such figures they hold NaN (``ids`` and ``text_end``: -1);
            where none has any, the array is None.  All that is stored is there, also traces of a
            run going on that :meth:`traces` has not yet.
        """
        with self._open_db() as db:
            rows = db.execute(
                f"SELECT instance, trace, {_present(db, 'token', _TOKEN_COLUMNS)} FROM token"
                " ORDER BY instance, trace"
            ).fetchall()
        columns = list(zip(*rows)) if rows else [()] * (2 + len(_TOKEN_COLUMNS))
        sizes = np.zeros(len(rows), dtype=np.int64)
        for blobs in columns[2:]:
            lengths = [0 if blob is None else len(blob) // 4 for blob in blobs]
            np.maximum(sizes, lengths, out=sizes)
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(sizes, out=offsets[1:])
        made: dict[str, Any] = {
            "instance": np.array(columns[0], dtype=np.int64),
            "trace": np.array(columns[1], dtype=np.int64),
            "offsets": offsets,
        }
        for name, blobs in zip(_TOKEN_COLUMNS, columns[2:]):
            made[name] = _joined(name, blobs, sizes)
        return made


class Verification(Document):
    """What was found where folders of runs were looked through, read as a dict is: ``whole`` and
    ``runs``, of each the ``folder``, the checks ``file``, ``keys``, ``values``, ``model`` and
    ``files`` (``result`` and ``words``), the ``damaged`` rows and the command that ``mends``.

    Attributes:
        data: the document itself.
        whole: nothing is wrong.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__(data)
        self.whole: bool = data["whole"]

    def __repr__(self) -> str:
        return f"Verification(whole={self.whole})"

    def summary(self) -> Text:
        """A line for each check of each run."""
        lines = []
        for run in self.data["runs"]:
            lines.append(run["folder"])
            for name, check in run.items():
                if isinstance(check, dict):
                    lines.append(f"  {check['result']:8} {name:7} {check['words']}")
        return Text("\n".join(lines))

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


def verify(folder: PathLike) -> Verification:
    """Looks whether the folder of a run, or of several, is whole (docs/FILES.md).

    Damaged rows are named; nothing is raised for them.  ``safeconf verify --mend`` takes them out.

    Args:
        folder: of a run, or one with runs in it.
    """
    observer = ffi.new("struct sc_report_observer *")
    with interruptible(observer):
        text = taken_text(lib.sc_verify_json, os.fsencode(folder), observer)
    return Verification(json.loads(text))


def _stamp(path: Path) -> Optional[tuple[int, int, int, int]]:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _present(db: sqlite3.Connection, table: str, names: Iterable[str]) -> str:
    """The columns to select; NULL for those that an older file does not have."""
    there = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    return ", ".join(name if name in there else f"NULL AS {name}" for name in names)


def _is_refused(verdict: Optional[str]) -> Optional[bool]:
    """The library's reading of a verdict; None: it counts as neither, or there is none."""
    value = None if verdict is None else name_value("verdict", verdict)
    if value is None or not lib.sc_verdict_is_judged(value):
        return None
    return bool(lib.sc_verdict_is_refused(value))


def _unbroken(rows: list[Any]) -> list[Any]:
    """Of rows (prompt, index of the trace, ...) in that order those without a gap from 0: a later
    trace of a prompt can be stored before an earlier one (docs/FILES.md)."""
    kept: list[Any] = []
    prompt, n = None, 0
    for row in rows:
        if row[0] != prompt:
            prompt, n = row[0], 0
        if row[1] == n:
            kept.append(row)
            n += 1
    return kept


def _joined(name: str, blobs: tuple[Any, ...], sizes: npt.NDArray[np.int64]) -> TokenArray:
    """The blobs of one column behind each other, absent ones filled."""
    if all(blob is None for blob in blobs) and blobs:
        return None
    kind = _dtype(name)
    absent = np.array([np.nan if kind is _REALS else -1], dtype=kind).tobytes()
    parts = [absent * int(size) if blob is None else blob for blob, size in zip(blobs, sizes)]
    return np.frombuffer(b"".join(parts), dtype=kind)


def _columns(names: tuple[str, ...], rows: list[Any]) -> dict[str, Any]:
    if not rows:
        return {name: [] for name in names}
    return {name: list(values) for name, values in zip(names, zip(*rows))}


def open_run(folder: PathLike) -> Run:
    """Opens the folder of a run, by the package or by the program."""
    return Run(folder)
