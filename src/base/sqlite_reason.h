/*
 * Why the system refused SQLite a file: a file that cannot be opened, removed, read or brought to
 * the disk.  SQLite's messages leave that out, or name what failed last in its attempts to go on.
 */
#ifndef SC_BASE_SQLITE_REASON_H
#define SC_BASE_SQLITE_REASON_H

/* Listens to all of this process's databases; before the first is opened. */
void sc_sqlite_listen(void);
/* The first errno of this thread since this was last asked; 0: none is known. */
int sc_sqlite_reason(void);

#endif
