/* For tests that change run.db from outside: gives every row the key of what stands in it. */
#ifndef TEST_SUPPORT_ROW_KEYS_H
#define TEST_SUPPORT_ROW_KEYS_H

#include <sqlite3.h>

/* Tables that are damaged stay as they are. */
void renew_row_keys(sqlite3 *db);

#endif
