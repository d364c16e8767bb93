/* What the readers of JSON share.  Private to them (table_json.c, table_columns.c). */
#ifndef SC_BENCHMARK_JSON_READER_H
#define SC_BENCHMARK_JSON_READER_H

#include <jansson.h>

#include "benchmark/table_builder.h"

/* Of a row: a value takes many times its text while it is parsed. */
#define JSON_MAX_ROW_BYTES ((size_t)64 << 20)

struct json_reader {
    struct table_builder *b;
    const char *data;
    size_t n;
    size_t at, line; /* where a line of data begins that was looked at, and its number from 1 */
    size_t next;     /* where the one behind it begins; 0: not looked for */
};

/* The line of an offset; offsets come in ascending order. */
size_t sc_json_line_of(struct json_reader *r, size_t offset);
/* Puts a cell into the last row: a text as it is, others as compact JSON, null as missing. */
enum sc_status sc_json_put_cell(struct table_builder *b, size_t column, const json_t *value);
/* Parses one value of the last row; *value NULL: it is damaged, and the row has failed. */
enum sc_status sc_json_parse_value(struct json_reader *r, size_t begin, size_t end, json_t **value);

/* An object whose members are columns, as pandas writes them ({"prompt": ["a", "b"], "label": [1,
 * 0]} or {"prompt": {"0": "a", "1": "b"}}).  *found: whether the object at `at` is one; it is then
 * read. */
enum sc_status sc_table_read_columns(struct json_reader *r, size_t at, bool *found);

#endif
