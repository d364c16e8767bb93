#!/usr/bin/env python3
"""A run.db of somebody else's: programs in its schema, values of other types, more of what there is one of.

  test_hostile_databases.py PATH_TO_SAFECONF      Python's standard library only.

Each row has the right key, so that what is read is what is hostile. hostile.py says what is allowed;
tools/check-hostile-sizes runs the same at other sizes, every case with every command that opens a run.
"""
import contextlib
import os
import shutil
import sqlite3
import tempfile
import unittest

import row_keys
from hostile import SHOW, SIZE, Measured
from program import call

RUN = ('run', '--num-instances', 6, '--max-new-tokens', 8, '--policy', 'fixed', '--max-traces', 2, '--quiet', '--out')
BOMB = 'length(hex(zeroblob(90000000)))'  # takes its time and 270 MB

# Whoever looks through the file or writes to it would run them
PROGRAMS = {
    'a trigger': f"CREATE TRIGGER t AFTER INSERT ON trace BEGIN SELECT {BOMB}; END",
    'a trigger for tables': f"CREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN SELECT {BOMB}; END",
    'a view beside the tables': f"CREATE VIEW v AS SELECT {BOMB}",
    'a view for a table': "DROP TABLE harm; CREATE VIEW harm AS WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i FROM r)"
                          " SELECT i AS instance, i AS trace, 'none' AS judge, 'x' AS harm FROM r",
    'a term of an index': f"CREATE INDEX i ON decision ({BOMB})",
    'an index for some rows': f"CREATE INDEX i ON decision (stop_reason) WHERE {BOMB} = instance",
    'an index of our name': f"CREATE INDEX reading_twin ON decision ({BOMB})",
    'a condition': f"CREATE TABLE t (x CHECK ({BOMB} > 0)); INSERT INTO t VALUES (1)",
    'a condition on our table': "ALTER TABLE harm RENAME TO other; CREATE TABLE harm (instance INTEGER NOT NULL,"
                                f" trace INTEGER NOT NULL, judge TEXT NOT NULL, harm TEXT CHECK ({BOMB} > 0))",
    'a condition on a table made later': "CREATE TABLE IF NOT EXISTS reading (detector TEXT, judge TEXT,"
                                         f" row_key INTEGER CHECK ({BOMB} > 0))",
    'a generated column': f"ALTER TABLE trace ADD COLUMN g INTEGER AS ({BOMB})",
    'a generated column elsewhere': f"CREATE TABLE t (x, g AS ({BOMB}) STORED CHECK (g > 0))",
    'a virtual table': "CREATE VIRTUAL TABLE f USING fts5 (x)",
    'a virtual table for ours': "DROP TABLE harm; CREATE VIRTUAL TABLE harm USING fts5 (instance, trace, judge)",
    'a table without rowids': "ALTER TABLE decision RENAME TO other; CREATE TABLE decision (instance INTEGER NOT NULL,"
                              " policy INTEGER NOT NULL, n_traces INTEGER NOT NULL, stop_reason TEXT NOT NULL, bar REAL,"
                              " row_key INTEGER NOT NULL, PRIMARY KEY (instance, policy)) STRICT, WITHOUT ROWID",
}


def columns(db, table):
    return [row[1] for row in db.execute(f'PRAGMA table_info({table})')]


def many(table, key, n, value='c.i'):
    """n copies of a row with other values in the column `key`."""
    def change(db):
        picked = ','.join(value if column == key else column for column in columns(db, table))
        db.execute(f'WITH RECURSIVE c (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM c WHERE i < {n} + 1000)'
                   f' INSERT INTO {table} SELECT {picked} FROM (SELECT * FROM {table} LIMIT 1), c')
    return change


def more_prompts(db):
    picked = ','.join({'position': 'c.i', 'id': "'i' || c.i"}.get(column, column) for column in columns(db, 'instance'))
    db.execute(f'WITH RECURSIVE c (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM c WHERE i < {SIZE // 200} + 100)'
               f' INSERT INTO instance SELECT {picked} FROM (SELECT * FROM instance LIMIT 1), c')


def tables(db):
    db.execute('BEGIN')
    for i in range(SIZE // 4096):
        db.execute(f'CREATE TABLE t{i} (x)')
    db.execute('COMMIT')


def times(text, n):
    """An SQL expression for n times the text."""
    return f"replace(hex(zeroblob({n})), '00', '{text}')"


def script(sql):
    return lambda db: db.executescript(sql)


FLOATS = SIZE // 24 * 4
FAR = 2**62
CONTENTS = {
    'tables without number': tables,
    'spaces in the configuration': script(f"UPDATE configuration SET json = json || {times(' ', SIZE)}"),
    'a list in the configuration': script("UPDATE configuration SET json = substr(json, 1, length(json) - 1) ||"
                                          f" ',\"z\":[1' || {times(',{}', SIZE // 3)} || ']}}'"),
    'depth in the configuration': script(f"UPDATE configuration SET json = {times('[', SIZE)}"),
    'a long prompt': script(f"UPDATE instance SET prompt = {times('a', SIZE)} WHERE position = 0"),
    'a long answer': script(f"UPDATE trace SET text = {times('a', SIZE)}, answer = NULL WHERE instance = 0"),
    'a list for messages': script(f"UPDATE instance SET messages = '[1' || {times(',[]', SIZE // 3)} || ']'"),
    'depth for messages': script(f"UPDATE instance SET messages = {times('[', SIZE)} WHERE position = 0"),
    'a list in extra': script(f"UPDATE instance SET extra = '{{\"a\":[1' || {times(',{}', SIZE // 3)} || ']}}'"),
    'a blob of ids': script(f'UPDATE token SET ids = zeroblob({SIZE}) WHERE instance = 0'),
    'blobs of tokens': script(''.join(f'UPDATE token SET {name} = zeroblob({FLOATS}) WHERE instance = 0;' for name in (
        'ids', 'logprob', 'sampled_logprob', 'confidence', 'entropy', 'text_end'))
        + f'UPDATE trace SET n_tokens = {FLOATS // 4} WHERE instance = 0'),
    'far tokens': script(f'UPDATE trace SET n_tokens = {FAR}'),
    'far prompts': script(f'UPDATE instance SET position = {FAR} WHERE position = 2'),
    'far traces': script(''.join(f'UPDATE {table} SET trace = {FAR} WHERE trace = 1;' for table in (
        'trace', 'token', 'verdict'))),
    'traces below 0': script('UPDATE trace SET trace = -1 WHERE trace = 1'),
    'far decisions': script(f'UPDATE decision SET n_traces = {FAR}'),
    'far ends': script(f'UPDATE verdict SET range_end = {FAR}'),
    'configurations': script('PRAGMA ignore_check_constraints = ON; INSERT INTO configuration SELECT 2, json, 0'
                             ' FROM configuration'),
    'traces': many('trace', 'trace', SIZE // 400),
    'tokens': many('token', 'trace', SIZE // 300),
    'verdicts': many('verdict', 'trace', SIZE // 100),
    'detectors': many('verdict', 'detector', SIZE // 100, "'x' || c.i"),
    'decisions': many('decision', 'policy', SIZE // 60),
    'decisions of no prompt': many('decision', 'instance', SIZE // 60),
    'traces of no prompt': many('trace', 'instance', SIZE // 400),
    'prompts': more_prompts,
    'harms': lambda db: db.execute('WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i <'
                                   f" {SIZE // 60}) INSERT INTO harm SELECT 0, 0, 'j' || i, 'harmful', 0 FROM c"),
    'turns': lambda db: db.execute('WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i <'
                                   f' {SIZE // 200}) INSERT INTO turn (instance, trace, turn, finish, text, row_key)'
                                   " SELECT 0, 0, i, 'stop', 'x', 0 FROM c"),
}


class Databases(Measured):
    @classmethod
    def setUpClass(cls):
        cls.runs = tempfile.mkdtemp(prefix='safeconf-test-')
        for name, options in (('good', ('--shard', '1/2')), ('other', ('--shard', '2/2')), ('later', ('--shard', '1/2',
                                                                                                    '--seed', 1))):
            result = call(*RUN, os.path.join(cls.runs, name), *options)
            assert result.returncode == 0, result.stderr

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.runs, ignore_errors=True)

    def changed(self, change):
        """A copy of the run whose database `change` has had in its hands; its size."""
        shutil.rmtree(self.path('run'), ignore_errors=True)
        shutil.copytree(os.path.join(self.runs, 'good'), self.path('run'))
        with contextlib.closing(sqlite3.connect(self.path('run', 'run.db'), isolation_level=None)) as db:
            change(db)
            row_keys.renew(db)
        return os.path.getsize(self.path('run', 'run.db'))

    def commands(self):
        run, other = self.path('run'), os.path.join(self.runs, 'other')
        return (('report', run), ('verify', run), ('replay', run), (*RUN, run, '--shard', '1/2'),
                ('export', run, '--out', self.path('x.eval')), ('merge', self.path('merged'), run, other),
                ('diff', run, os.path.join(self.runs, 'later'), '--out', self.path('diff')),
                ('classify', run, '--judge', 'none'))

    def each(self, name, size, first, few, **more):
        """Has commands open the run, `few` of them from number `first` on, all in the long form; what they say."""
        commands, said = self.commands(), []
        for i in range(len(commands) if SHOW else few):
            words = commands[(first + i) % len(commands)]
            with self.subTest(name, command=words[0]):
                said.append(self.measured(f'{name}: {words[0]}', size, *words, **more))
                for left in ('x.eval', 'merged', 'diff'):
                    shutil.rmtree(self.path(left), ignore_errors=True)
        return said

    def test_programs_in_the_schema_do_not_run(self):
        for i, (name, sql) in enumerate(PROGRAMS.items()):
            if 'ON v' in sql:
                sql = 'CREATE VIEW v AS SELECT 1;' + sql
            shutil.rmtree(self.path('run'), ignore_errors=True)
            shutil.copytree(os.path.join(self.runs, 'good'), self.path('run'))
            with contextlib.closing(sqlite3.connect(self.path('run', 'run.db'), isolation_level=None)) as db:
                db.executescript(sql)
            before = self.read('run', 'run.db')
            for said in self.each(name, 0, i, 3, status=(1,)):
                self.assertRegex(said, 'expected (the tables of a run alone|that of a run), found|marked "wrong"')
            with self.subTest(name):
                self.assertTrue(self.read('run', 'run.db') == before, 'the file was written to')

    def test_contents(self):
        for i, (name, change) in enumerate(CONTENTS.items()):
            size = self.changed(change)
            self.each(name, size, i, 3, memory=128 if ' list ' in f' {name} ' else 0)

    def test_values_of_other_types(self):
        """Tables are strict, but a file may have been filled when they were not."""
        with contextlib.closing(sqlite3.connect(os.path.join(self.runs, 'good', 'run.db'))) as db:
            names = [name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
                     if db.execute(f'SELECT count(*) FROM {name}').fetchone() != (0,)]
            cells = [(name, row[1], row[2]) for name in names for row in db.execute(f'PRAGMA table_info({name})')]
        self.assertGreater(len(cells), 50)
        step = 1 if SHOW else 4
        for name, column, kind in cells[::step]:
            # a number in a column of text becomes text on its way
            values = {'TEXT': ["x'00ff'"], 'REAL': ["x'00ff'", "'text'"]}.get(kind, ["x'00ff'", "'text'", '1e300'])
            for value in values if SHOW else values[:1]:
                shutil.rmtree(self.path('run'), ignore_errors=True)
                shutil.copytree(os.path.join(self.runs, 'good'), self.path('run'))
                if not self.put(name, column, value):
                    continue
                with self.subTest(table=name, column=column, value=value):
                    said = self.measured(f'{value} in {name}.{column}', 0, 'report', self.path('run'), status=(1,))
                    self.assertIn('run.db', said)

    def put(self, table, column, value):
        """Puts a value into a column of a table that is not strict meanwhile; false where there is no way."""
        path = self.path('run', 'run.db')
        for strict in (False, True):
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
                db.executescript('PRAGMA writable_schema = ON; PRAGMA ignore_check_constraints = ON')
                if strict:
                    db.execute("UPDATE sqlite_schema SET sql = sql || ' STRICT' WHERE name = ?", (table,))
                else:
                    db.execute("UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE name = ?", (table,))
            if not strict:
                with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
                    try:
                        db.execute(f'UPDATE {table} SET {column} = {value}')
                    except sqlite3.Error:  # a rowid is an integer however it is filled
                        return False
                    if column != 'row_key':
                        row_keys.renew(db)
        return True

    @unittest.skipUnless(SHOW, 'the long form')
    def test_a_blob_beyond_what_is_read(self):
        size = self.changed(script('UPDATE token SET ids = zeroblob(300000000) WHERE instance = 0'))
        for said in self.each('a blob of 300 MB', size, 0, 8, status=(1,)):
            self.assertRegex(said, 'too big|marked "wrong"')


if __name__ == '__main__':
    unittest.main()
