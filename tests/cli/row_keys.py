"""The keys of the rows of run.db, as docs/FILES.md describes them: for tests that change a run from outside."""
import contextlib
import ctypes
import ctypes.util
import os
import sqlite3
import struct

XXH = ctypes.CDLL(ctypes.util.find_library('xxhash') or 'libxxhash.so.0')
XXH.XXH3_64bits.restype = ctypes.c_uint64
XXH.XXH3_64bits.argtypes = (ctypes.c_char_p, ctypes.c_size_t)


def packed(value):
    if value is None:
        return b'n' + bytes(8)
    if isinstance(value, int):
        return b'i' + struct.pack('<q', value)
    if isinstance(value, float):
        return b'r' + struct.pack('<d', value + 0.0)
    data = value.encode() if isinstance(value, str) else value
    return (b't' if isinstance(value, str) else b'b') + struct.pack('<q', len(data)) + data


def row_key(*values):
    """XXH3-64 of the table's name and the row's other columns."""
    data = b''.join(map(packed, values))
    key = XXH.XXH3_64bits(data, len(data))
    return key - (1 << 64) if key >= 1 << 63 else key


def renew(db):
    """Gives every row the key of what stands in it."""
    db.create_function('sc_row_key', -1, row_key, deterministic=True)
    tables = [name for name, in db.execute("SELECT name FROM sqlite_schema WHERE sql LIKE '%row_key INTEGER NOT NULL%'")]
    for table in tables:
        columns = [row[1] for row in db.execute(f'PRAGMA table_info({table})') if row[1] != 'row_key']
        db.execute(f'UPDATE {table} SET row_key = sc_row_key({", ".join([repr(table)] + columns)})')


def alter(folder, sql):
    """Changes a run from outside in a way that its keys do not show."""
    with contextlib.closing(sqlite3.connect(os.path.join(folder, 'run.db'), isolation_level=None)) as db:
        db.executescript(sql)
        renew(db)
