/*
 * From a file, untrusted, to a table: which format it has.  The readers of the formats are
 * table_csv.c, table_json.c and table_list.c.
 *
 * Refused: more than 1 GiB, formats that are not read (each is named, with what to do), a file
 * without a row that can be read.
 */
#include "benchmark/table.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "benchmark/json_extent.h"
#include "benchmark/table_builder.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)

enum format { FORMAT_CSV, FORMAT_TABS, FORMAT_LINES, FORMAT_JSON, FORMAT_LIST };

/* Formats by the ending of a file's name. */
static const struct {
    const char *ending;
    enum format format;
} endings[] = {
    {".csv", FORMAT_CSV},     {".tsv", FORMAT_TABS},     {".tab", FORMAT_TABS},
    {".jsonl", FORMAT_LINES}, {".ndjson", FORMAT_LINES}, {".json", FORMAT_JSON},
    {".txt", FORMAT_LIST},    {".text", FORMAT_LIST},
};

static bool ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n >= m && strcasecmp(name + n - m, ending) == 0;
}

/* Whether a list of texts is JSON all the same: its first line is. */
static bool begins_with_json(const char *data, size_t n, size_t at)
{
    json_t *value = NULL;
    size_t end = json_value_end(data, n, at);
    bool json = end > at && sc_json_parse(data + at, end - at, "", &value, NULL) == SC_OK;
    json_decref(value);
    struct table_line rest = table_line_at(data, n, end);
    return json && table_is_blank(data + end, rest.length);
}

static enum format format_of(const char *name, const char *data, size_t n)
{
    size_t first = json_skip_space(data, n, 0);
    bool bracket = first < n && (data[first] == '{' || data[first] == '[');
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (!ends_with(name, endings[i].ending))
            continue;
        bool json = endings[i].format == FORMAT_LIST && bracket && begins_with_json(data, n, first);
        return json ? FORMAT_JSON : endings[i].format;
    }
    return bracket ? FORMAT_JSON : FORMAT_CSV;
}

static enum sc_status check_kind(const char *name, const char *data, size_t n,
                                 struct sc_error *error)
{
    if (n >= 4 && memcmp(data, "PAR1", 4) == 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "%s: a Parquet file: expected CSV or JSONL (export it first)", name);
    return SC_OK;
}

static enum sc_status read_rows(struct table_builder *b, const char *data, size_t n)
{
    switch (format_of(b->name, data, n)) {
    case FORMAT_LINES:
        return table_read_json(b, data, n, true);
    case FORMAT_JSON:
        return table_read_json(b, data, n, false);
    case FORMAT_LIST:
        return table_read_list(b, data, n);
    case FORMAT_TABS:
        return table_read_csv(b, data, n, '\t');
    default:
        return table_read_csv(b, data, n, ',');
    }
}

static enum sc_status read_table(struct table_builder *b, const char *data, size_t n,
                                 struct sc_table *out)
{
    SC_TRY(read_rows(b, data, n));
    return table_finish(b, out);
}

enum sc_status sc_table_parse(const char *name, const char *data, size_t n,
                              const struct sc_table_options *options, struct sc_table *out,
                              struct sc_error *error)
{
    static const struct sc_table_options none = {0};
    assert(name != NULL && (data != NULL || n == 0));
    *out = (struct sc_table){0};
    SC_TRY(check_kind(name, data, n, error));
    if (n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
        n -= 3;
    }
    struct table_builder builder = {
        .name = name, .options = options != NULL ? options : &none, .error = error};
    enum sc_status status = read_table(&builder, data, n, out);
    table_builder_free(&builder);
    return status;
}

enum sc_status sc_table_read(const char *path, const struct sc_table_options *options,
                             struct sc_table *out, struct sc_error *error)
{
    *out = (struct sc_table){0};
    char *data = NULL;
    size_t n = 0;
    SC_TRY(sc_file_read(path, MAX_FILE_BYTES, &data, &n, error));
    enum sc_status status = sc_table_parse(path, data, n, options, out, error);
    sc_free(data);
    return status;
}

void sc_table_free(struct sc_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->n_columns; i++)
        sc_free(table->columns[i]);
    for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
        sc_free(table->cells[i]);
    for (size_t i = 0; i < table->n_rows; i++)
        sc_free(table->faults[i]);
    sc_free(table->columns);
    sc_free(table->cells);
    sc_free(table->nested);
    sc_free(table->lines);
    sc_free(table->faults);
    sc_free(table->note);
    *table = (struct sc_table){0};
}

/* Headers are read without outer blanks, so a name that is asked for is too. */
int sc_table_column(const struct sc_table *table, const char *name)
{
    size_t begin = strspn(name, " \t"), n = strlen(name + begin);
    while (n > 0 && (name[begin + n - 1] == ' ' || name[begin + n - 1] == '\t'))
        n--;
    for (size_t i = 0; i < table->n_columns; i++)
        if (strcmp(table->columns[i], name) == 0)
            return (int)i;
    for (size_t i = 0; i < table->n_columns; i++)
        if (strlen(table->columns[i]) == n && memcmp(table->columns[i], name + begin, n) == 0)
            return (int)i;
    return -1;
}
