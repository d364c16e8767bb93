/*
 * From a file, untrusted, to a table: decompressed, as UTF-8, and which format it has.  The readers
 * of the formats are table_csv.c, table_json.c and table_list.c.
 *
 * Refused: more than 1 GiB, formats that are not read (each is named, with what to do), a file
 * without a row that can be read.
 */
#include "benchmark/table.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/inflate.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "benchmark/json_extent.h"
#include "benchmark/table_builder.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)

enum format { FORMAT_CSV, FORMAT_TABS, FORMAT_LINES, FORMAT_JSON, FORMAT_LIST, FORMAT_PROSE };

/* Formats by the ending of a file's name. */
static const struct {
    const char *ending;
    enum format format;
} endings[] = {
    {".csv", FORMAT_CSV},     {".tsv", FORMAT_TABS},     {".tab", FORMAT_TABS},
    {".jsonl", FORMAT_LINES}, {".ndjson", FORMAT_LINES}, {".json", FORMAT_JSON},
    {".txt", FORMAT_LIST},    {".text", FORMAT_LIST},
};

/* The length of a name without the ending of a compressed file. */
static size_t plain_length(const char *name)
{
    static const char *const compressed[] = {".gz", ".gzip", ".zst", ".zstd"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof compressed / sizeof *compressed; i++) {
        size_t m = strlen(compressed[i]);
        if (n > m && strcasecmp(name + n - m, compressed[i]) == 0)
            return n - m;
    }
    return n;
}

static bool ends_with(const char *name, size_t n, const char *ending)
{
    size_t m = strlen(ending);
    return n >= m && strncasecmp(name + n - m, ending, m) == 0;
}

char *sc_table_title(const char *path)
{
    if (sc_input_is_unnamed(path))
        return sc_strdup("stdin");
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    size_t n = plain_length(file), dot = n;
    while (dot > 0 && file[dot - 1] != '.')
        dot--;
    return sc_strndup(file, dot > 1 ? dot - 1 : n);
}

/* Whether a list of texts is JSON all the same: its first line is. */
static enum sc_status begins_with_json(const char *data, size_t n, size_t at, bool *json)
{
    json_t *value = NULL;
    size_t end = sc_json_value_end(data, n, at);
    *json = false;
    if (end == at)
        return SC_OK;
    enum sc_status status = sc_json_parse(data + at, end - at, "", &value, NULL);
    json_decref(value);
    struct table_line rest = sc_table_line_at(data, n, end);
    bool like = status == SC_OK || status == SC_ERR_LIMIT; /* too much of it: reading says so */
    *json = like && sc_table_is_blank(data + end, rest.length);
    return status == SC_ERR_NOMEM ? status : SC_OK;
}

/* Whether the first line is a sentence and not the names of columns: it ends like one, or it has
 * three words and nothing that separates cells. */
static bool begins_with_prose(const char *data, size_t n)
{
    size_t at = sc_json_skip_space(data, n, 0);
    struct table_line line = sc_table_line_at(data, n, at);
    size_t n_words = 0, n_separators = 0, end = at + line.length;
    while (end > at && strchr(" \t\r", data[end - 1]) != NULL)
        end--;
    for (size_t i = at; i < end; i++) {
        n_words += data[i] != ' ' && (i == at || data[i - 1] == ' ');
        n_separators += data[i] != '\0' && strchr(",;|\t\"", data[i]) != NULL;
    }
    bool ended = end > at && data[end - 1] != '\0' && strchr(".?!", data[end - 1]) != NULL;
    return n_words >= 3 && (ended || n_separators == 0);
}

static enum sc_status find_format(const char *name, const char *data, size_t n, enum format *out,
                                  struct sc_error *error)
{
    size_t first = sc_json_skip_space(data, n, 0);
    bool bracket = first < n && (data[first] == '{' || data[first] == '[');
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (!ends_with(name, plain_length(name), endings[i].ending))
            continue;
        bool json = false;
        if (endings[i].format == FORMAT_LIST && bracket &&
            begins_with_json(data, n, first, &json) != SC_OK)
            return sc_fail_nomem(error, name);
        *out = json ? FORMAT_JSON : endings[i].format;
        return SC_OK;
    }
    *out = bracket ? FORMAT_JSON : begins_with_prose(data, n) ? FORMAT_PROSE : FORMAT_CSV;
    return SC_OK;
}

/* ---- what is not a table --------------------------------------------------------------------- */

/* Files that are not read, by bytes at an offset, and what to do. */
static const struct {
    size_t offset, n;
    const char *bytes, *what;
} others[] = {
    {0, 4, "PAR1",
     "a Parquet file, which is not read: convert it: python3 -c \"import pandas; "
     "pandas.read_parquet('FILE.parquet').to_json('FILE.jsonl', orient='records', lines=True)\""},
    {0, 6, "ARROW1",
     "an Arrow file, which is not read: convert it: python3 -c \"import pandas; "
     "pandas.read_feather('FILE').to_json('FILE.jsonl', orient='records', lines=True)\""},
    {0, 4, "\xff\xff\xff\xff",
     "an Arrow stream, which is not read: convert it: python3 -c \"import datasets; "
     "datasets.Dataset.from_file('FILE.arrow').to_json('FILE.jsonl')\""},
    {0, 4, "PK\x03\x04", "a ZIP archive or an Excel workbook: unpack it, or save the sheet as CSV"},
    {0, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook: save the sheet as CSV"},
    {257, 5, "ustar", "a tar archive: unpack it"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"},
    {0, 6, "\xfd\x37zXZ\0",
     "compressed by xz: expected gzip or Zstandard: decompress it with unxz"},
    {0, 10, "BZh91AY&SY",
     "compressed by bzip2: expected gzip or Zstandard: decompress it with bunzip2"},
    {0, 4, "\x04\x22\x4d\x18", "compressed by lz4: expected gzip or Zstandard: decompress it"},
    {0, 16, "SQLite format 3", "a database of SQLite: export the table as CSV"},
    {0, 5, "%PDF-", "a PDF file: expected CSV, JSON or a list of prompts"},
    {0, 2, "\x80\x04", "a pickle of Python, which is not read: save it as CSV or JSON"},
    {0, 2, "\x80\x05", "a pickle of Python, which is not read: save it as CSV or JSON"},
    {0, 38, "version https://git-lfs.github.com/spec",
     "a pointer of Git LFS, not the file itself: fetch it with git lfs pull"},
    {0, 14, "<!DOCTYPE html", "a page of the web: expected the file itself, which it may link to"},
    {0, 14, "<!doctype html", "a page of the web: expected the file itself, which it may link to"},
};

/* Files that are not read, by the ending of their names. */
static const struct {
    const char *ending, *what;
} other_endings[] = {
    {".yaml", "YAML, which is not read: convert it to JSON"},
    {".yml", "YAML, which is not read: convert it to JSON"},
    {".toml", "TOML, which is not read: convert it to JSON"},
    {".xml", "XML, which is not read: convert it to CSV or JSON"},
};

static enum sc_status check_kind(const char *name, const char *data, size_t n,
                                 struct sc_error *error)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        size_t offset = others[i].offset;
        if (n >= offset + others[i].n && memcmp(data + offset, others[i].bytes, others[i].n) == 0)
            return sc_fail(error, SC_ERR_UNSUPPORTED, "%s: %s", name, others[i].what);
    }
    for (size_t i = 0; i < sizeof other_endings / sizeof *other_endings; i++)
        if (ends_with(name, plain_length(name), other_endings[i].ending))
            return sc_fail(error, SC_ERR_UNSUPPORTED, "%s: %s", name, other_endings[i].what);
    return SC_OK;
}

static enum sc_status read_rows(struct table_builder *b, const char *data, size_t n)
{
    if (b->options->lines)
        return sc_table_read_json(b, data, n, true);
    enum format format = FORMAT_CSV;
    SC_TRY(find_format(b->name, data, n, &format, b->error));
    switch (format) {
    case FORMAT_LINES:
        return sc_table_read_json(b, data, n, true);
    case FORMAT_JSON:
        return sc_table_read_json(b, data, n, false);
    case FORMAT_PROSE:
        sc_text_puts(&b->note, "the first line is a sentence, so every line is read as a prompt");
        return sc_table_read_list(b, data, n);
    case FORMAT_LIST:
        return sc_table_read_list(b, data, n);
    case FORMAT_TABS:
        return sc_table_read_csv(b, data, n, '\t');
    default:
        return sc_table_read_csv(b, data, n, ',');
    }
}

static enum sc_status read_table(struct table_builder *b, const char *data, size_t n,
                                 struct sc_table *out)
{
    SC_TRY(read_rows(b, data, n));
    return sc_table_finish(b, out);
}

/* ---- from bytes to UTF-8 --------------------------------------------------------------------- */

static enum sc_status parse_text(struct table_builder *b, const char *data, size_t n,
                                 struct sc_table *out)
{
    SC_TRY(check_kind(b->name, data, n, b->error));
    size_t mark;
    enum sc_encoding encoding = sc_encoding_of(data, n, &mark);
    data += mark;
    n -= mark;
    if (encoding == SC_ENCODING_UTF8)
        return read_table(b, data, n, out);
    if (encoding == SC_ENCODING_UTF32)
        return sc_fail(b->error, SC_ERR_UNSUPPORTED, "%s: UTF-32: save it as UTF-8", b->name);
    if (n % 2 != 0)
        return sc_fail(b->error, SC_ERR_FORMAT, "%s: UTF-16 that is cut off after %zu bytes",
                       b->name, mark + n);
    struct sc_text text = {0};
    sc_text_puts(&text, "");
    sc_text_add_utf16(&text, data, n, encoding == SC_ENCODING_UTF16_BE);
    enum sc_status status =
        text.failed ? sc_fail_nomem(b->error, b->name) : read_table(b, text.data, text.len, out);
    sc_text_free(&text);
    return status;
}

static enum sc_status parse_bytes(struct table_builder *b, const char *data, size_t n,
                                  struct sc_table *out)
{
    if (sc_compression_of(data, n) == SC_COMPRESSION_NONE)
        return parse_text(b, data, n, out);
    struct sc_text text = {0};
    uint64_t most = sc_inflate_most(n);
    enum sc_status status = sc_inflate(
        b->name, data, n, most < MAX_FILE_BYTES ? (size_t)most : MAX_FILE_BYTES, &text, b->error);
    if (status != SC_OK)
        goto done;
    status = sc_compression_of(text.data, text.len) != SC_COMPRESSION_NONE
                 ? sc_fail(b->error, SC_ERR_UNSUPPORTED, "%s: compressed twice", b->name)
                 : parse_text(b, text.data, text.len, out);
done:
    sc_text_free(&text);
    return status;
}

enum sc_status sc_table_parse(const char *name, const char *data, size_t n,
                              const struct sc_table_options *options, struct sc_table *out,
                              struct sc_error *error)
{
    static const struct sc_table_options none = {0};
    assert(name != NULL && (data != NULL || n == 0));
    *out = (struct sc_table){0};
    struct table_builder builder = {
        .name = name, .options = options != NULL ? options : &none, .error = error};
    enum sc_status status = parse_bytes(&builder, data, n, out);
    sc_table_builder_free(&builder);
    return status;
}

enum sc_status sc_table_read(const char *path, const struct sc_table_options *options,
                             struct sc_table *out, struct sc_error *error)
{
    *out = (struct sc_table){0};
    char *data = NULL;
    size_t n = 0;
    SC_TRY(sc_input_read(path, MAX_FILE_BYTES, &data, &n, error));
    enum sc_status status = sc_table_parse(sc_input_name(path), data, n, options, out, error);
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
