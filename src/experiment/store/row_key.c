/* See row_key.h. */
#include "experiment/store/row_key.h"

#include <assert.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* a hash state on the stack */
#include <xxhash.h>

#include "base/text.h"

/* ---- the key of a row ------------------------------------------------------------------------ */

static void add_number(XXH3_state_t *state, char kind, uint64_t bits)
{
    unsigned char bytes[9] = {(unsigned char)kind};
    for (int b = 0; b < 8; b++)
        bytes[1 + b] = (unsigned char)(bits >> (8 * b));
    XXH3_64bits_update(state, bytes, sizeof bytes);
}

static void add_bytes(XXH3_state_t *state, char kind, const void *bytes, size_t n)
{
    add_number(state, kind, n);
    if (n > 0)
        XXH3_64bits_update(state, bytes, n);
}

static void add_real(XXH3_state_t *state, double value)
{
    uint64_t bits = 0;
    double stored = value == 0 ? 0 : value; /* SQLite keeps no sign of zero */
    memcpy(&bits, &stored, sizeof bits);
    add_number(state, 'r', bits);
}

static void add_value(XXH3_state_t *state, sqlite3_value *value)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
        add_number(state, 'i', (uint64_t)sqlite3_value_int64(value));
        break;
    case SQLITE_FLOAT:
        add_real(state, sqlite3_value_double(value));
        break;
    case SQLITE_TEXT: {
        const void *text = sqlite3_value_text(value);
        add_bytes(state, 't', text, (size_t)sqlite3_value_bytes(value));
        break;
    }
    case SQLITE_BLOB: {
        const void *blob = sqlite3_value_blob(value);
        add_bytes(state, 'b', blob, (size_t)sqlite3_value_bytes(value));
        break;
    }
    default:
        add_number(state, 'n', 0);
    }
}

/* sc_row_key(table, column, column, ...) */
static void row_key(sqlite3_context *context, int n, sqlite3_value **values)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    for (int i = 0; i < n; i++)
        add_value(&state, values[i]);
    sqlite3_result_int64(context, (sqlite3_int64)XXH3_64bits_digest(&state));
}

int sc_row_key_install(sqlite3 *db)
{
    return sqlite3_create_function_v2(db, "sc_row_key", -1,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                      row_key, NULL, NULL, NULL);
}

/* ---- tables and statements ------------------------------------------------------------------- */

#define KEY_COLUMN "row_key INTEGER NOT NULL"

/* Columns stand before a table's own constraints. */
char *sc_keyed_sql(const char *plain)
{
    struct sc_text sql = {0};
    const char *constraint = strstr(plain, " PRIMARY KEY (");
    const char *end = strstr(plain, ") STRICT");
    assert(end != NULL);
    size_t before = (size_t)((constraint != NULL ? constraint : end) - plain);
    sc_text_add(&sql, plain, before);
    sc_text_puts(&sql, constraint != NULL ? " " KEY_COLUMN "," : ",\n " KEY_COLUMN);
    sc_text_puts(&sql, plain + before);
    return sc_text_take(&sql);
}
