"""A run as Parquet files, by ``pyarrow`` (docs/DATA.md).

The tables are the library's (:c:func:`sc_results_table`), with the types that its dictionary of
columns gives them; the tokens come from ``run.db``.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union
from urllib.parse import quote

import pyarrow
import pyarrow.csv
import pyarrow.parquet

from ._library import call, ffi, lib, taken_text
from .errors import SafeconfError

_TABLES = ("instances", "traces", "estimates", "columns")
_COLUMNS = ("table", "column", "type", "unit", "meaning")
_TYPES = {"text": pyarrow.string(), "integer": pyarrow.int64(), "number": pyarrow.float64()}
_INTEGERS = ("ids", "text_end")
_TOKEN_COLUMNS = ("ids", "logprob", "sampled_logprob", "confidence", "entropy", "text_end")
#: Traces of the table of tokens that are in memory at a time.
_BATCH = 4096


def _parsed(csv: str, types: dict[str, pyarrow.DataType]) -> pyarrow.Table:
    data = csv.encode()
    return pyarrow.csv.read_csv(
        io.BytesIO(data),
        read_options=pyarrow.csv.ReadOptions(block_size=min(len(data) + 1, 2**31 - 1)),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def tables(folder: Union[str, os.PathLike[str]]) -> dict[str, pyarrow.Table]:
    """``instances``, ``traces``, ``estimates`` and ``columns`` of a run's folder as Arrow tables.

    What is missing is null.  Each field's metadata has its ``unit`` and ``meaning``.
    """
    results = ffi.new("struct sc_results **")
    call(lib.sc_results_open, results, os.fsencode(folder))
    try:
        texts = [
            taken_text(lib.sc_results_table, results[0], number) for number in range(len(_TABLES))
        ]
    finally:
        lib.sc_results_close(results[0])
    rows = _parsed(texts[-1], dict.fromkeys(_COLUMNS, pyarrow.string())).to_pylist()
    made = {}
    for name, text in zip(_TABLES, texts):
        of = {row["column"]: row for row in rows if row["table"] == name}
        table = _parsed(text, {column: _TYPES[row["type"]] for column, row in of.items()})
        fields = [
            field.with_metadata(
                {key: of[field.name][key] for key in ("unit", "meaning") if of[field.name][key]}
            )
            for field in table.schema
        ]
        made[name] = table.cast(pyarrow.schema(fields))
    return made


def _lists(blobs: list[Any], kind: pyarrow.DataType) -> pyarrow.Array:
    """Blobs of 32-bit values as lists; None stays missing."""
    ends, at = [0], 0
    for blob in blobs:
        at += len(blob) // 4 if blob is not None else 0
        ends.append(at)
    data = pyarrow.py_buffer(b"".join(blob for blob in blobs if blob is not None))
    values = pyarrow.Array.from_buffers(kind, at, [None, data])
    offsets = pyarrow.array(ends, pyarrow.int32())
    missing = pyarrow.array([blob is None for blob in blobs], pyarrow.bool_())
    return pyarrow.ListArray.from_arrays(offsets, values, mask=missing)


def _token_schema() -> pyarrow.Schema:
    kinds = [
        (name, pyarrow.list_(pyarrow.int32() if name in _INTEGERS else pyarrow.float32()))
        for name in _TOKEN_COLUMNS
    ]
    return pyarrow.schema([("instance_id", pyarrow.string()), ("trace", pyarrow.int64()), *kinds])


def token_batches(folder: Union[str, os.PathLike[str]]) -> Iterator[pyarrow.RecordBatch]:
    """The tokens of stored traces: a row per trace, a list per column (docs/FILES.md)."""
    path = (Path(folder) / "run.db").resolve()
    call(lib.sc_run_db_check, os.fsencode(folder))
    db = sqlite3.connect("file:" + quote(os.fsencode(path)) + "?mode=ro", uri=True)
    schema = _token_schema()
    try:
        rows = db.execute(
            f"SELECT i.id, t.trace, {', '.join('t.' + name for name in _TOKEN_COLUMNS)}"
            " FROM token t JOIN instance i ON i.position = t.instance"
            " ORDER BY t.instance, t.trace"
        )
        while batch := rows.fetchmany(_BATCH):
            ids, traces, *blobs = (list(column) for column in zip(*batch))
            lists = [
                _lists(column, schema.field(name).type.value_type)
                for name, column in zip(_TOKEN_COLUMNS, blobs)
            ]
            arrays = [pyarrow.array(ids), pyarrow.array(traces, pyarrow.int64()), *lists]
            yield pyarrow.RecordBatch.from_arrays(arrays, schema=schema)
    finally:
        db.close()


def _write(path: Path, schema: pyarrow.Schema, batches: Any) -> None:
    """The file is there whole or not at all."""
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    try:
        with pyarrow.parquet.ParquetWriter(part, schema, compression="zstd") as out:
            for batch in batches:
                out.write_batch(batch)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write(folder: Union[str, os.PathLike[str]], out: Union[str, os.PathLike[str]]) -> list[Path]:
    """Writes ``instances``, ``traces``, ``tokens``, ``estimates`` and ``columns`` as Parquet files.

    Args:
        folder: of the run.
        out: folder of the files, which is made.

    Returns:
        The paths of the files.
    """
    to = Path(out)
    made = tables(folder)
    to.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, table in made.items():
        paths.append(to / f"{name}.parquet")
        _write(paths[-1], table.schema, table.to_batches())
    paths.append(to / "tokens.parquet")
    _write(paths[-1], _token_schema(), token_batches(folder))
    return paths


def main() -> int:
    """Exit status 0: done; 1: failed; 130: interrupted."""
    parser = argparse.ArgumentParser(prog="safeconf report --parquet")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    try:
        paths = write(options.folder, options.out)
    except (SafeconfError, OSError, sqlite3.Error, pyarrow.ArrowException) as error:
        print(f"safeconf report: {json.dumps(str(error), ensure_ascii=True)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("Parquet: " + ", ".join(json.dumps(str(path))[1:-1] for path in paths))
    return 0


if __name__ == "__main__":
    sys.exit(main())
