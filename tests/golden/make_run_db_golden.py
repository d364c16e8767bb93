#!/usr/bin/env python3
"""Writes tests/golden/run_db: a small run.db of each version of the schema that came before.

  make_run_db_golden.py SAFECONF [FOLDER]      SAFECONF: a program that writes the version that is wanted

version_N.db   a run of the demonstration model as that program wrote it (2 prompts, 5 traces each,
               two policies, one of which cut traces that the other needed whole); each version of
               the program gives the same rows
predictions-*.jsonl   what the program made of it
version_1.db   written with version 2: the same run with the tables of version 1, which had no ends
               of tokens and no table of cuts

The pages are made small (512 bytes) so that the files are.
"""
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
OPTIONS = ["--num-instances", "2", "--policies", "fixed:5,deepconf:2-5@100", "--tau", "1",
           "--max-new-tokens", "12", "--window", "3", "--kernels", "portable", "--dtype", "f32",
           "--seed", "3", "--temperature", "1.5", "--quiet"]
TOKEN_1 = ("CREATE TABLE token (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"
           " ids BLOB NOT NULL, logprob BLOB NOT NULL, sampled_logprob BLOB NOT NULL,\n"
           " confidence BLOB NOT NULL, entropy BLOB NOT NULL,\n"
           " PRIMARY KEY (instance, trace)) STRICT")


def make_small(path):
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = DELETE")
    database.execute("PRAGMA page_size = 512")
    database.execute("VACUUM")
    database.close()


def version_of(path):
    database = sqlite3.connect(path)
    version = database.execute("PRAGMA user_version").fetchone()[0]
    database.close()
    return version


def make_version_1(path):
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(
        "BEGIN; ALTER TABLE token RENAME TO later;" + TOKEN_1 +
        "; INSERT INTO token SELECT instance, trace, ids, logprob, sampled_logprob, confidence,"
        " entropy FROM later; DROP TABLE later; DROP TABLE cut; PRAGMA user_version = 1; COMMIT")
    database.close()
    make_small(path)


def main():
    program = os.path.abspath(sys.argv[1])
    out = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "run_db")
    os.makedirs(out, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        run = os.path.join(work, "run")
        subprocess.run([program, "compare", *OPTIONS, "--out", run], check=True,
                       stdout=subprocess.DEVNULL)
        version = version_of(os.path.join(run, "run.db"))
        path = os.path.join(out, f"version_{version}.db")
        shutil.copy(os.path.join(run, "run.db"), path)
        for name in ("fixed", "deepconf"):
            shutil.copy(os.path.join(run, "predictions-" + name + ".jsonl"), out)
    make_small(path)
    if version == 2:
        shutil.copy(path, os.path.join(out, "version_1.db"))
        make_version_1(os.path.join(out, "version_1.db"))


main()
