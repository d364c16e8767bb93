/* See row_keys.h. */
#include "row_keys.h"

#include <stdlib.h>

#include "experiment/store/row_key.h"

/* UPDATE statements for all tables that have keys. */
static const char statements[] =
    "SELECT 'UPDATE \"' || s.name || '\" SET row_key = sc_row_key(''' || s.name || ''', ' ||"
    " group_concat('\"' || c.name || '\"', ', ') || ')'"
    " FROM sqlite_schema s, pragma_table_info(s.name) c"
    " WHERE s.sql LIKE '%row_key INTEGER NOT NULL%' AND c.name <> 'row_key' GROUP BY s.name";

void renew_row_keys(sqlite3 *db)
{
    sqlite3_stmt *each = NULL;
    if (sc_row_key_install(db) != SQLITE_OK)
        abort();
    if (sqlite3_prepare_v2(db, statements, -1, &each, NULL) != SQLITE_OK)
        return;
    while (sqlite3_step(each) == SQLITE_ROW)
        sqlite3_exec(db, (const char *)sqlite3_column_text(each, 0), NULL, NULL, NULL);
    sqlite3_finalize(each);
}
