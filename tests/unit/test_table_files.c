/* Files as people have them: compressed, in UTF-16, with other delimiters, from a pipe; and files
 * that are no tables at all. */
#include <csv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/inflate.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "benchmark/table.h"

struct bytes {
    const char *data;
    size_t n;
};

static void release(struct bytes bytes)
{
    free((char *)bytes.data);
}

static struct sc_table parse_bytes(const char *name, struct bytes bytes,
                                   const struct sc_table_options *options)
{
    struct sc_table table;
    struct sc_error error = {0};
    if (sc_table_parse(name, bytes.data, bytes.n, options, &table, &error) != SC_OK)
        fail_msg("%s: %s", name, error.text);
    return table;
}

static struct sc_table parse(const char *name, const char *text)
{
    return parse_bytes(name, (struct bytes){text, strlen(text)}, NULL);
}

static void refuse_with(const char *name, struct bytes bytes,
                        const struct sc_table_options *options, const char *part)
{
    struct sc_table table;
    struct sc_error error = {0};
    assert_int_not_equal(sc_table_parse(name, bytes.data, bytes.n, options, &table, &error), SC_OK);
    if (strstr(error.text, part) == NULL)
        fail_msg("%s: expected '%s' in '%s'", name, part, error.text);
    assert_null(strchr(error.text, '\n'));
    assert_null(table.cells);
}

static void refuse(const char *name, const char *text, const char *part)
{
    refuse_with(name, (struct bytes){text, strlen(text)}, NULL, part);
}

static const char *cell(const struct sc_table *table, size_t row, const char *column)
{
    int index = sc_table_column(table, column);
    if (index < 0 || row >= table->n_rows)
        fail_msg("no column %s or no row %zu", column, row);
    return table->cells[row * table->n_columns + (size_t)index];
}

/* ---- compressed ------------------------------------------------------------------------------ */

static struct bytes gzip(const char *text, size_t n)
{
    size_t most = n + n / 100 + 200;
    char *out = malloc(most);
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const Bytef *)text;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)most;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return (struct bytes){out, most - z.avail_out};
}

static struct bytes zstd(const char *text, size_t n)
{
    size_t most = ZSTD_compressBound(n);
    char *out = malloc(most);
    most = ZSTD_compress(out, most, text, n, 3);
    assert_false(ZSTD_isError(most));
    return (struct bytes){out, most};
}

static struct bytes joined(struct bytes a, struct bytes b)
{
    char *both = malloc(a.n + b.n);
    memcpy(both, a.data, a.n);
    memcpy(both + a.n, b.data, b.n);
    return (struct bytes){both, a.n + b.n};
}

typedef struct bytes packer(const char *text, size_t n);
static packer *const packers[] = {gzip, zstd};
static const char *const compressed_endings[] = {".gz", ".zst"};

static void the_inner_name_says_the_format_of_a_compressed_file(void **state)
{
    (void)state;
    static const char *const files[][2] = {{"a.csv", "prompt,label\nhi,1\n"},
                                           {"a.tsv", "prompt\tlabel\nhi\t1\n"},
                                           {"a.jsonl", "{\"prompt\": \"hi\", \"label\": 1}\n"},
                                           {"a.json", "[{\"prompt\": \"hi\", \"label\": 1}]"},
                                           {"a.txt", "hi\n"},
                                           {"a", "prompt,label\nhi,1\n"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (size_t k = 0; k < 2; k++) {
            char name[20];
            snprintf(name, sizeof name, "%s%s", files[i][0], compressed_endings[k]);
            struct bytes packed = packers[k](files[i][1], strlen(files[i][1]));
            struct sc_table t = parse_bytes(name, packed, NULL);
            assert_int_equal(t.n_rows, 1);
            assert_string_equal(cell(&t, 0, "prompt"), "hi");
            sc_table_free(&t);
            /* by content: the ending of compression may be missing, or be there for nothing */
            t = parse_bytes(files[i][0], packed, NULL);
            assert_string_equal(cell(&t, 0, "prompt"), "hi");
            sc_table_free(&t);
            t = parse(name, files[i][1]);
            assert_string_equal(cell(&t, 0, "prompt"), "hi");
            sc_table_free(&t);
            release(packed);
        }
}

static void members_and_frames_one_after_another_are_one_file(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct bytes a = packers[k]("prompt\nfirst\n", 13), b = packers[k]("second\n", 7);
        struct bytes both = joined(a, b);
        struct sc_table t = parse_bytes("a.csv", both, NULL);
        assert_int_equal(t.n_rows, 2);
        assert_string_equal(cell(&t, 1, "prompt"), "second");
        sc_table_free(&t);
        release(both);
        struct bytes junk = joined(a, (struct bytes){"junk", 4});
        refuse_with("a.csv", junk, NULL, "a.csv: damaged compressed data: ");
        release(junk);
        release(a);
        release(b);
    }
    struct bytes a = gzip("prompt\nx\n", 9);
    struct bytes padded = joined(a, (struct bytes){"\0\0\0\0", 4});
    struct sc_table t = parse_bytes("a.csv", padded, NULL); /* as tapes and some copiers leave it */
    assert_int_equal(t.n_rows, 1);
    sc_table_free(&t);
    release(padded);
    release(a);
    a = zstd("prompt\nx\n", 9);
    struct bytes skipped = joined((struct bytes){"\x50\x2a\x4d\x18\3\0\0\0abc", 11}, a);
    t = parse_bytes("a.csv", skipped, NULL);
    assert_int_equal(t.n_rows, 1);
    sc_table_free(&t);
    release(skipped);
    release(a);
}

static void damaged_compression_is_refused_in_one_line(void **state)
{
    (void)state;
    char text[4000] = "prompt\n";
    for (size_t i = 7; i < sizeof text; i++)
        text[i] = (char)('a' + i * i * 31 % 25);
    for (size_t k = 0; k < 2; k++) {
        struct bytes whole = packers[k](text, sizeof text);
        for (size_t n = 4; n < whole.n; n += 7)
            refuse_with("a.csv", (struct bytes){whole.data, n}, NULL, "cut off");
        for (size_t i = 10; i < whole.n; i += 11) { /* what is read all the same was checked */
            char *copy = malloc(whole.n);
            memcpy(copy, whole.data, whole.n);
            copy[i] ^= 0x55;
            struct sc_table table;
            struct sc_error error = {0};
            if (sc_table_parse("a.csv", copy, whole.n, NULL, &table, &error) == SC_OK)
                sc_table_free(&table);
            else
                assert_non_null(strstr(error.text, "a.csv: "));
            free(copy);
        }
        struct bytes twice = packers[k](whole.data, whole.n);
        refuse_with("a.csv", twice, NULL, "compressed twice");
        release(twice);
        release(whole);
        struct bytes nothing = packers[k]("", 0);
        refuse_with("a.csv", nothing, NULL, "no rows");
        release(nothing);
    }
}

static void what_is_decompressed_has_a_limit(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    char *zeros = calloc(n, 1);
    for (size_t k = 0; k < 2; k++) {
        struct bytes packed = packers[k](zeros, n);
        struct sc_text text = {0};
        struct sc_error error = {0};
        assert_int_equal(sc_inflate("f", packed.data, packed.n, n, &text, &error), SC_OK);
        assert_int_equal(text.len, n);
        sc_text_free(&text);
        assert_int_equal(sc_inflate("f", packed.data, packed.n, n - 1, &text, &error),
                         SC_ERR_LIMIT);
        assert_non_null(strstr(error.text, "f: expected at most 1048575 bytes"));
        assert_true(text.cap <= 2 * n);
        sc_text_free(&text);
        release(packed);
    }
    free(zeros);
}

/* ---- encodings ------------------------------------------------------------------------------- */

/* ASCII and \x01 \x02 for the two halves of U+1F600, \x03 for a lone half. */
static struct bytes utf16(const char *text, bool big, bool mark)
{
    size_t n = strlen(text), at = 0;
    char *out = malloc(2 * n + 2);
    for (size_t i = mark ? 0 : 1; i <= n; i++) {
        unsigned unit = i == 0 ? 0xfeff : (unsigned char)text[i - 1];
        unit = unit == 1 ? 0xd83d : unit == 2 ? 0xde00 : unit == 3 ? 0xd83d : unit;
        out[at++] = (char)(big ? unit >> 8 : unit & 255);
        out[at++] = (char)(big ? unit & 255 : unit >> 8);
    }
    return (struct bytes){out, at};
}

static void utf16_is_read_in_either_order(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct bytes b =
            utf16("prompt,label\r\nhi \1\2 there,1\r\nlone \3,0\r\nbye,0\r\n", way & 1, way & 2);
        struct sc_table t = parse_bytes("a.csv", b, NULL);
        assert_int_equal(t.n_rows, 3);
        assert_string_equal(cell(&t, 0, "prompt"), "hi \xf0\x9f\x98\x80 there");
        assert_string_equal(t.faults[1], "half of a surrogate pair");
        assert_int_equal(t.lines[1], 3);
        assert_string_equal(cell(&t, 2, "label"), "0");
        sc_table_free(&t);
        refuse_with("a.csv", (struct bytes){b.data, b.n - (way & 2 ? 1 : 0)},
                    &(struct sc_table_options){.strict = true},
                    way & 2 ? "cut off" : "line 3: half of a surrogate pair");
        struct bytes packed = gzip(b.data, b.n);
        t = parse_bytes("a.csv.gz", packed, NULL);
        assert_int_equal(t.n_rows, 3);
        sc_table_free(&t);
        release(packed);
        release(b);
    }
    refuse_with("a.csv", (struct bytes){"\xff\xfe\0\0a\0\0\0", 8}, NULL, "UTF-32");
    refuse_with("a.csv", (struct bytes){"\0\0\xfe\xff\0\0\0a", 8}, NULL, "UTF-32");
    refuse_with("a.csv", (struct bytes){"\xff\xfe", 2}, NULL, "no rows");
}

static void lines_end_in_every_usual_way(void **state)
{
    (void)state;
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    for (size_t i = 0; i < 3; i++) {
        char text[200];
        snprintf(text, sizeof text, "prompt,label%sone,1%s%stwo,0%s", ends[i], ends[i], ends[i],
                 ends[i]);
        struct sc_table t = parse("a.csv", text);
        assert_int_equal(t.n_rows, 2);
        assert_string_equal(cell(&t, 1, "label"), "0");
        assert_int_equal(t.lines[1], 4);
        sc_table_free(&t);
        snprintf(text, sizeof text, "\xef\xbb\xbf{\"a\": 1}%s%s{\"a\": 2}%s", ends[i], ends[i],
                 ends[i]);
        t = parse("a.jsonl", text);
        assert_int_equal(t.n_rows, 2);
        assert_int_equal(t.lines[1], 3);
        sc_table_free(&t);
        snprintf(text, sizeof text, "one, two%s  %s three;%s", ends[i], ends[i], ends[i]);
        t = parse("a.txt", text);
        assert_int_equal(t.n_rows, 2);
        assert_string_equal(cell(&t, 0, "prompt"), "one, two");
        assert_string_equal(cell(&t, 1, "prompt"), " three;");
        assert_int_equal(t.lines[1], 3);
        sc_table_free(&t);
    }
}

/* ---- delimiters ------------------------------------------------------------------------------ */

static void the_delimiter_is_found_and_said(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *note; /* note NULL: nothing to say */
    } files[] = {
        {"a.csv", "prompt,label\nhi; there|you,1\n", NULL},
        {"a.csv", "prompt;label\nhi, there, you;1\n", "cells are separated by ';'"},
        {"a.csv", "prompt|label\nhi, there; you|1\n", "cells are separated by '|'"},
        {"a.csv", "prompt\tlabel\nhi, there\t1\n", "cells are separated by tabs"},
        {"a.tsv", "prompt\tlabel\nhi, there\t1\n", NULL},
        {"a.tsv", "prompt,label\n\"hi, there\",1\n", "cells are separated by ','"},
        {"a", "prompt;label\n\"hi;\nthere\";1\nyou;0\n", "cells are separated by ';'"},
        {"a.csv", "prompt,label\na;b,1\nc;d,0\n", NULL},
        {"a.csv", "prompt , label\na;b , 1\nc;d, 0\n", NULL},
        {"a.csv", "\"prompt\" ; \"label\"\n\"hi \"\"you\"\"\" ; \"1\"\n",
         "cells are separated by ';'"},
        {"a.csv", "sep=;\nprompt;label\nhi;1\n", "cells are separated by ';'"},
        {"a.csv", "sep=,\r\nprompt,label\r\nhi,1\r\n", NULL},
        {"a.csv", "prompt;label;\"a, b\"\nhi;1;2\nhi;1;2\n", "cells are separated by ';'"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct sc_table t = parse(files[i].name, files[i].text);
        if (sc_table_column(&t, "prompt") < 0 || sc_table_column(&t, "label") < 0)
            fail_msg("%s: the columns are wrong", files[i].text);
        if (files[i].note == NULL)
            assert_null(t.note);
        else
            assert_string_equal(t.note, files[i].note);
        assert_int_equal(t.n_faults, 0);
        sc_table_free(&t);
    }
    /* One column is no reason to look for others in what is only text. */
    struct sc_table t = parse("a.csv", "prompt\nhow; why\nwhat|where\n");
    assert_int_equal(t.n_columns, 1);
    assert_string_equal(cell(&t, 0, "prompt"), "how; why");
    sc_table_free(&t);
    t = parse("a.csv", "how; or why?\nwhat\nwhere\nwho\n");
    assert_int_equal(t.n_columns, 1);
    sc_table_free(&t);
}

static void blanks_round_headers_and_quotes_are_skipped_and_others_stay(void **state)
{
    (void)state;
    struct sc_table t = parse("a.csv", " prompt\t, \"label\" ,note\n \"quoted\" , 1, as it is \n");
    assert_string_equal(t.columns[0], "prompt");
    assert_string_equal(t.columns[1], "label");
    assert_string_equal(cell(&t, 0, "prompt"), "quoted");
    assert_string_equal(cell(&t, 0, "label"), " 1");
    assert_string_equal(cell(&t, 0, "note"), " as it is ");
    assert_int_equal(sc_table_column(&t, " label "), 1); /* as somebody copied it from the file */
    sc_table_free(&t);
}

static void between_tabs_a_quote_is_text_unless_it_encloses_the_cell(void **state)
{
    (void)state;
    struct sc_table t =
        parse("a.tsv", "prompt\tlabel\nsay \"hi\"\t1\n\"Hi\" he said\t1\n"
                       "\"whole\tcell\"\t0\n\"\"\"Hi\"\" he said\"\t0\n\"open\t1\n");
    assert_int_equal(t.n_rows, 5);
    assert_int_equal(t.n_faults, 0);
    assert_string_equal(cell(&t, 0, "prompt"), "say \"hi\"");
    assert_string_equal(cell(&t, 1, "prompt"), "\"Hi\" he said");
    assert_string_equal(cell(&t, 2, "prompt"), "whole\tcell");
    assert_string_equal(cell(&t, 3, "prompt"), "\"Hi\" he said");
    assert_string_equal(cell(&t, 4, "prompt"), "\"open");
    sc_table_free(&t);
}

/* ---- beside another reader ------------------------------------------------------------------- */

struct other_reader {
    char cells[400][40];
    size_t n_cells, n_rows;
};

static void other_cell(void *bytes, size_t n, void *context)
{
    struct other_reader *r = context;
    assert_true(r->n_cells < 400 && n < 40);
    memcpy(r->cells[r->n_cells], n > 0 ? bytes : "", n);
    r->cells[r->n_cells++][n] = '\0';
}

static void other_row(int end, void *context)
{
    (void)end;
    ((struct other_reader *)context)->n_rows++;
}

static int never(unsigned char c)
{
    (void)c;
    return 0;
}

static unsigned draw(unsigned *state, unsigned n)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

/* Random tables, written with random quoting, as libcsv reads them. */
static void random_tables_are_read_as_libcsv_reads_them(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",        "\"\"", "\n", "\r\n", " ",
                                         "\xc3\xa9", "x y",  "",   ","};
    static const char delimiters[] = ",;|";
    unsigned seed = 7;
    for (int round = 0; round < 600; round++) {
        char text[8000], delimiter = delimiters[draw(&seed, 3)];
        size_t n_columns = 2 + draw(&seed, 3), n_rows = 1 + draw(&seed, 20), n = 0;
        for (size_t i = 0; i < (n_rows + 1) * n_columns; i++) {
            bool quoted = i >= n_columns && draw(&seed, 2) == 0, header = i < n_columns;
            n += (size_t)sprintf(text + n, quoted ? "\"" : "");
            if (header)
                n += (size_t)sprintf(text + n, "c%zu", i);
            for (unsigned k = header ? 0 : draw(&seed, 4); k > 0; k--) {
                const char *piece = pieces[draw(&seed, 9)];
                if (quoted || (strpbrk(piece, "\"\r\n,") == NULL))
                    n += (size_t)sprintf(text + n, "%s", piece);
            }
            if (!header && i % n_columns == 0)
                n += (size_t)sprintf(text + n, "z"); /* no row of blanks alone */
            const char *end = draw(&seed, 2) == 0 ? "\n" : "\r\n";
            n += (size_t)sprintf(text + n, quoted ? "\"" : "");
            n += i % n_columns == n_columns - 1 ? (size_t)sprintf(text + n, "%s", end)
                                                : (size_t)sprintf(text + n, "%c", delimiter);
        }
        struct csv_parser parser;
        struct other_reader other = {.n_cells = 0};
        assert_int_equal(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI), 0);
        csv_set_delim(&parser, (unsigned char)delimiter);
        csv_set_space_func(&parser, never);
        assert_int_equal(csv_parse(&parser, text, n, other_cell, other_row, &other), n);
        assert_int_equal(csv_fini(&parser, other_cell, other_row, &other), 0);
        csv_free(&parser);
        struct sc_table t = parse_bytes("a.csv", (struct bytes){text, n}, NULL);
        assert_int_equal(t.n_rows + 1, other.n_rows);
        assert_int_equal(t.n_columns, n_columns);
        assert_int_equal(t.n_faults, 0);
        for (size_t i = 0; i < t.n_rows * n_columns; i++)
            assert_string_equal(t.cells[i], other.cells[n_columns + i]);
        sc_table_free(&t);
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void rows_of_json_may_be_texts_and_lists(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"a.json", "[\"hi\", \"you\"]"},
        {"a.jsonl", "\"hi\"\n\"you\"\n"},
        {"a.jsonl", "[\"hi\",\"you\"]\n[\"two\"]\n"},
        {"a.json", "[\"hi\",\"you\"]\n[\"two\"]\n"},
        {"a.jsonl", "[\"hi\",\"you\"]\n"},
        {"a.jsonl", "[{\"role\": \"user\", \"content\": \"hi\"}]"},
    };
    static const bool nested[] = {false, false, true, true, true, true};
    static const size_t n_rows[] = {2, 2, 2, 2, 1, 1};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct sc_table t = parse(files[i][0], files[i][1]);
        assert_int_equal(t.n_rows, n_rows[i]);
        assert_int_equal(t.n_columns, 1);
        assert_string_equal(t.columns[0], "prompt");
        assert_true(t.nested[0] == nested[i]);
        if (nested[i])
            assert_int_equal(t.cells[0][0], '[');
        else
            assert_string_equal(t.cells[0], "hi");
        sc_table_free(&t);
    }
    struct sc_table t = parse("a.jsonl", "{\"messages\": [{\"role\": \"user\"}], \"k\": {}, \"s\": "
                                         "\"[]\"}\n");
    assert_true(t.nested[0] && t.nested[1] && !t.nested[2]);
    sc_table_free(&t);
}

static void json_written_over_several_lines_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\n \"prompt\": \"hi\",\n \"label\": 1\n}\n{\n \"prompt\": \"you\",\n \"label\": 0\n}\n",
        "[\n {\n  \"prompt\": \"hi\", \"label\": 1},\n\n  {\"prompt\": \"you\", \"label\": 0}\n]\n",
        "{\"prompt\": \"hi\",\n \"label\": 1}\n\n {\"prompt\": \"you\",\n \"label\": 0}\n",
        "{\n\"data\": {\n\"rows\": [{\"prompt\": \"hi\", \"label\": 1},\n{\"prompt\": \"you\"}]}}"};
    static const size_t lines[] = {5, 5, 4, 4};
    static const char *const names[] = {"a.json", "a.jsonl", "a"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t k = 0; k < 3; k++) {
            struct sc_table t = parse(names[k], texts[i]);
            assert_int_equal(t.n_rows, 2);
            assert_string_equal(cell(&t, 1, "prompt"), "you");
            assert_int_equal(t.lines[1], lines[i]);
            sc_table_free(&t);
        }
    /* a row that is cut off does not take the others with it */
    struct sc_table t =
        parse("a.jsonl", "{\"prompt\": \"cut\n{\"prompt\": \"you\"}\n{\"prompt\":\n");
    assert_int_equal(t.n_rows, 3);
    assert_int_equal(t.n_faults, 2);
    assert_string_equal(cell(&t, 1, "prompt"), "you");
    sc_table_free(&t);
    t = parse("a.json", "{\n\"a\": NaN\n}\n{\n\"a\": 2\n}\n");
    assert_int_equal(t.n_rows, 2);
    assert_non_null(t.faults[0]);
    sc_table_free(&t);
    refuse("a.json", "{\n\"a\": 2\n}\n{\n\"a\": 2\n\n", "line 4: the JSON value that begins here");
}

static void rows_below_a_key_are_found_or_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *key, *note;
    } files[] = {
        {"{\"meta\": 1, \"rows\": [{\"prompt\": \"hi\"}]}", NULL, "rows are read below \"rows\""},
        {"{\"p\": {\"m\": \"PAIR\"}, \"jailbreaks\": [{\"prompt\": \"hi\"}]}", NULL,
         "rows are read below \"jailbreaks\""},
        {"{\"data\": {\"rows\": [\"hi\"], \"n\": [1, 2]}}", NULL,
         "rows are read below \"data.rows\""},
        {"{\"tags\": [\"x\"], \"rows\": [{\"prompt\": \"hi\"}]}", NULL,
         "rows are read below \"rows\", not below tags (texts) (--rows-key)"},
        {"{\"tags\": [\"x\"], \"rows\": [{\"prompt\": \"hi\"}]}", "rows", NULL},
        {"{\"rows\": [\"x\"], \"tags\": [\"hi\"]}", "tags", NULL},
        {"{\"a\": {\"b\": [\"x\"]}, \"a.b\": [\"hi\"], \"c\": {\"b\": [\"hi\"]}}", "c.b", NULL},
        {"{\"prompt\": \"no\", \"rows\": [{\"prompt\": \"hi\"}]}", "rows", NULL},
        {"{\"prompt\": \"hi\", \"shots\": [{\"q\": 1}]}", NULL, NULL}, /* is itself a row */
        {"{\"\\u0072ows\": [{\"prompt\": \"hi\"}]}", NULL, "rows are read below \"rows\""},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct sc_table_options options = {.rows_key = files[i].key};
        struct bytes b = {files[i].text, strlen(files[i].text)};
        struct sc_table t = parse_bytes("a.json", b, &options);
        assert_string_equal(cell(&t, 0, "prompt"), "hi");
        if (files[i].note == NULL)
            assert_null(t.note);
        else
            assert_string_equal(t.note, files[i].note);
        sc_table_free(&t);
    }
    refuse("a.json", "{\"train\": [{\"p\": 1}], \"test\": [{\"p\": 2}]}",
           "name one with --rows-key: train (objects), test (objects)");
    refuse("a.json", "{\"a\": [\"x\"], \"b\": {\"c\": [\"y\"]}}", "a (texts), b.c (texts)");
    static const struct {
        const char *name, *text, *part;
    } wrong[] = {
        {"a.json", "{\"rows\": [{\"p\": 1}]}",
         "--rows-key k: expected a list below that key, found none"},
        {"a.json", "{\"k\": {\"p\": 1}}", "found an object"},
        {"a.json", "{\"k\": []}", "no rows"},
        {"a.json", "[{\"p\": 1}]", "--rows-key is for a file that is one JSON object"},
        {"a.jsonl", "{\"k\": [1]}\n{\"k\": [2]}\n", "--rows-key is for"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuse_with(wrong[i].name, (struct bytes){wrong[i].text, strlen(wrong[i].text)},
                    &(struct sc_table_options){.rows_key = "k"}, wrong[i].part);
}

static void objects_written_column_by_column_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"prompt\": [\"hi\", \"you\"], \"label\": [1, 0]}",
        "{\"prompt\": {\"0\": \"hi\", \"7\": \"you\"}, \"label\": {\"0\": 1, \"7\": 0}}",
        "{\n\"label\": [true,\n null],\n\"prompt\": [\"hi\",\"you\"]\n}",
        "{\"prompt\": {\"0\": \"hi\", \"1\": \"you\"}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sc_table t = parse("a.json", texts[i]);
        assert_int_equal(t.n_rows, 2);
        assert_string_equal(cell(&t, 0, "prompt"), "hi");
        assert_string_equal(cell(&t, 1, "prompt"), "you");
        assert_string_equal(t.note, "the members of the object are read as columns");
        assert_int_equal(t.lines[1], i == 2 ? 3 : 1);
        sc_table_free(&t);
    }
    struct sc_table t =
        parse("a.json", "{\"prompt\": [\"hi\", \"you\", \"us\"], \"x\": [1, NaN, 3]}");
    assert_int_equal(t.n_rows, 3);
    assert_int_equal(t.n_faults, 1);
    assert_non_null(t.faults[1]);
    sc_table_free(&t);
    /* These are something else. */
    refuse("a.json", "{\"harmful\": [\"a\"], \"benign\": [\"b\"]}", "--rows-key: harmful (texts)");
    refuse("a.json", "{\"columns\": [\"a\"], \"data\": [[\"b\"]]}",
           "--rows-key: columns (texts), data (lists)");
    refuse("a.json", "{\"a\": [1, \"x\"], \"a\": [1, \"x\"]}", "two columns named 'a'");
    t = parse("a.json", "{\"prompt\": [\"hi\"], \"label\": [1, 2]}");
    assert_int_equal(t.n_rows, 1);
    assert_true(t.nested[0]);
    sc_table_free(&t);
    t = parse("a.jsonl", "{\"prompt\": [\"hi\"], \"label\": [1]}\n"); /* lines are rows */
    assert_true(t.nested[0] && t.nested[1]);
    sc_table_free(&t);
}

static void a_table_knows_whether_it_is_nothing_but_texts(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        bool texts;
    } files[] = {
        {"a.txt", "hi\n", true},          {"a.json", "[\"hi\", 5]", true},
        {"a.jsonl", "\"hi\"\n", true},    {"a.jsonl", "\"hi\"\n{\"prompt\": \"x\"}\n", false},
        {"a.csv", "prompt\nhi\n", false}, {"a.json", "[[\"hi\"]]", false}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct sc_table t = parse(files[i].name, files[i].text);
        assert_true(t.texts == files[i].texts);
        sc_table_free(&t);
    }
}

static void a_text_file_is_a_list_of_prompts_unless_it_is_json(void **state)
{
    (void)state;
    struct sc_table t = parse("a.txt", "prompt,label\nTell me, please, with \"salt\"\n");
    assert_int_equal(t.n_rows, 2); /* the first line too is a prompt */
    assert_string_equal(t.columns[0], "prompt");
    assert_string_equal(cell(&t, 1, "prompt"), "Tell me, please, with \"salt\"");
    sc_table_free(&t);
    t = parse("a.txt",
              "{\"prompt\": \"hi\"}\n{\"prompt\": \"you\"}\n"); /* JSON is never a prompt */
    assert_string_equal(cell(&t, 1, "prompt"), "you");
    sc_table_free(&t);
    t = parse("a.txt", "{\"a\": 1} explain this\n[x] and this\n");
    assert_string_equal(cell(&t, 0, "prompt"), "{\"a\": 1} explain this");
    assert_string_equal(cell(&t, 1, "prompt"), "[x] and this");
    sc_table_free(&t);
}

static void lines_of_prose_without_an_ending_are_prompts_and_that_is_said(void **state)
{
    (void)state;
    static const char *const prose[] = {"How do I pick a lock?\nWhat, then, is a key?\n",
                                        "First, tell me a joke.\r\nThen another\n",
                                        "tell me more\nand more\n"};
    static const char *const tables[] = {"prompt\nhi\n", "user prompt\nhi\n",
                                         "id,the user's prompt\n1,hi\n", "a b c;d\nhi;1\n"};
    for (size_t i = 0; i < sizeof prose / sizeof *prose; i++) {
        struct sc_table t = parse("standard input", prose[i]);
        assert_int_equal(t.n_rows, 2);
        assert_string_equal(t.columns[0], "prompt");
        assert_non_null(strstr(t.note, "sentence"));
        sc_table_free(&t);
        t = parse("a.csv", "How do I pick a lock?\nyes\n"); /* the ending decides */
        assert_int_equal(t.n_rows, 1);
        sc_table_free(&t);
    }
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct sc_table t = parse("standard input", tables[i]);
        assert_int_equal(t.n_rows, 1);
        sc_table_free(&t);
    }
}

/* ---- what is no table ------------------------------------------------------------------------ */

static void files_of_other_kinds_are_named_with_what_to_do(void **state)
{
    (void)state;
    char tar[600] = "name";
    memcpy(tar + 257, "ustar", 5);
    const struct {
        struct bytes bytes;
        const char *part;
    } files[] = {
        {{"PAR1\x15\x04\x15", 7}, "read_parquet('FILE.parquet').to_json("},
        {{"PK\x03\x04xxxx", 8}, "save the sheet as CSV"},
        {{"\xfd\x37zXZ\0xx", 8}, "unxz"},
        {{"BZh91AY&SYxx", 12}, "bunzip2"},
        {{"SQLite format 3\0x", 17}, "SQLite"},
        {{"version https://git-lfs.github.com/spec/v1\n", 43}, "git lfs pull"},
        {{"<!DOCTYPE html>\n<html>", 22}, "a page of the web"},
        {{"\x80\x04\x95xx", 5}, "pickle"},
        {{tar, sizeof tar}, "tar archive"},
    };
    refuse("prompts.yaml", "- a\n- b\n", "YAML, which is not read");
    refuse("prompts.yml.gz", "- a\n- b\n", "YAML, which is not read");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        refuse_with("a.csv", files[i].bytes, NULL, files[i].part);
        struct bytes packed = gzip(files[i].bytes.data, files[i].bytes.n);
        refuse_with("a.csv.gz", packed, NULL, files[i].part);
        release(packed);
    }
}

/* ---- pipes, folders, names ------------------------------------------------------------------- */

/* A descriptor's path, from which the text is read once: as <(command) gives it. */
static void pipe_with(const char *text, int *descriptor, char path[40])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    close(ends[1]);
    *descriptor = ends[0];
    snprintf(path, 40, "/dev/fd/%d", ends[0]);
}

static void a_pipe_is_read_to_its_end(void **state)
{
    (void)state;
    int descriptor;
    char path[40], *data;
    size_t n;
    struct sc_error error = {0};
    struct sc_table table;
    pipe_with("prompt\nhi\n", &descriptor, path);
    assert_int_equal(sc_table_read(path, NULL, &table, &error), SC_OK);
    assert_string_equal(cell(&table, 0, "prompt"), "hi");
    sc_table_free(&table);
    close(descriptor);

    pipe_with("12345", &descriptor, path);
    assert_int_equal(sc_input_read(path, 4, &data, &n, &error), SC_ERR_LIMIT);
    close(descriptor);

    pipe_with("", &descriptor, path);
    assert_int_equal(sc_input_read(path, 4, &data, &n, &error), SC_OK);
    assert_int_equal(n, 0);
    assert_string_equal(data, "");
    sc_free(data);
    close(descriptor);

    error = (struct sc_error){0};
    assert_int_equal(sc_table_read("/tmp", NULL, &table, &error), SC_ERR_IO);
    assert_string_equal(error.text, "/tmp: expected a file, found a folder");
    error = (struct sc_error){0};
    assert_int_equal(sc_input_read("/proc/self/status", 1 << 20, &data, &n, &error), SC_OK);
    assert_true(n > 100); /* the system says 0 of its size */
    sc_free(data);
}

static void standard_input_is_a_file_too(void **state)
{
    (void)state;
    int descriptor, before = dup(STDIN_FILENO);
    char path[40];
    struct sc_table table;
    struct sc_error error = {0};
    pipe_with("{\"prompt\": \"hi\"}\n", &descriptor, path);
    dup2(descriptor, STDIN_FILENO);
    assert_int_equal(sc_table_read("-", NULL, &table, &error), SC_OK);
    assert_string_equal(cell(&table, 0, "prompt"), "hi");
    sc_table_free(&table);
    assert_int_equal(sc_table_read("-", NULL, &table, &error), SC_ERR_FORMAT); /* read once */
    assert_string_equal(error.text, "standard input: no rows");
    close(descriptor);
    dup2(before, STDIN_FILENO);
    close(before);
}

static void a_table_is_called_by_its_file(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"a/b.c/set.csv", "set"},
                                           {"set.v2.jsonl.gz", "set.v2"},
                                           {"set.zst", "set"},
                                           {"set", "set"},
                                           {".hidden", ".hidden"},
                                           {"-", "stdin"},
                                           {"/dev/fd/63", "stdin"},
                                           {"/dev/stdin", "stdin"},
                                           {"/proc/self/fd/12", "stdin"},
                                           {".gz", ".gz"},
                                           {"./-", "-"},
                                           {"a.CSV.GZ", "a"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *title = sc_table_title(names[i][0]);
        assert_string_equal(title, names[i][1]);
        sc_free(title);
    }
}

/* ---- rows that cannot be read, said ---------------------------------------------------------- */

static char *remarks(size_t n, bool alike, const char *note)
{
    struct sc_bad_rows rows = {0};
    struct sc_text out = {0};
    for (size_t i = 0; i < n; i++)
        assert_int_equal(sc_bad_rows_add(&rows, "f.csv", 2 * i + 2,
                                         alike || i % 2 == 0 ? "why" : "why\x1b[2J", false, NULL),
                         SC_OK);
    sc_table_remarks("f.csv", note, &rows, &out);
    assert_int_equal(rows.n, n);
    sc_bad_rows_free(&rows);
    assert_int_equal(rows.n, 0);
    return sc_text_take(&out);
}

static void bad_rows_are_said_shortly(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        bool alike;
        const char *note, *said;
    } cases[] = {
        {0, true, NULL, ""},
        {0, true, "n\x1b", "f.csv: n\\x1B\n"},
        {1, true, NULL, "f.csv: line 2: why\n"},
        {3, true, NULL, "f.csv: 3 rows cannot be read (lines 2, 4, 6): why\n"},
        {7, true, NULL, "f.csv: 7 rows cannot be read (lines 2, 4, 6, 8, 10 and 2 more): why\n"},
        {2, false, NULL, "f.csv: line 2: why\nf.csv: line 4: why\\x1B[2J\n"},
        {6, false, NULL,
         "f.csv: line 2: why\nf.csv: line 4: why\\x1B[2J\nf.csv: line 6: why\n"
         "f.csv: line 8: why\\x1B[2J\nf.csv: line 10: why\nf.csv: 1 more row cannot be read\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *said = remarks(cases[i].n, cases[i].alike, cases[i].note);
        assert_string_equal(said, cases[i].said);
        sc_free(said);
    }
    struct sc_error error = {0};
    struct sc_bad_rows rows = {0};
    assert_int_equal(sc_bad_rows_add(&rows, "f", 3, "why", true, &error), SC_ERR_FORMAT);
    assert_string_equal(error.text, "f: line 3: why");
    assert_int_equal(rows.n, 0);
}

/* ---- hostile --------------------------------------------------------------------------------- */

/* 1 MiB of a repeated piece, in some format: a table or an error, in time that a linear reader has.
 */
static void hostile_repetition_takes_linear_time(void **state)
{
    (void)state;
    static const struct {
        const char *name, *begin, *piece;
    } files[] = {
        {"a.csv", "a,b\n", "\"x\n"},
        {"a.csv", "a,b\n\"", "\"\"\n"},
        {"a.csv", "a,b\n", "\"a\"\"\n"},
        {"a.csv", "a,b\n", ",\n"},
        {"a.csv", "a,b\n", ",,,,,,,,,,,,,,,,"},
        {"a.tsv", "a\tb\n", "\"x\ty\n"},
        {"a.tsv", "a\tb\n", "\t\"\"x"},
        {"a.json", "", "["},
        {"a.json", "", "{\"a\":"},
        {"a.json", "[", "{\"a\":[1]},"},
        {"a.jsonl", "", "{\"a\":\n"},
        {"a.jsonl", "", "{\n"},
        {"a.jsonl", "", "\"\n"},
        {"a.json", "{\"k\":[1],", "\"a\":{\"b\":[]},"},
        {"a.txt", "{", "{\"a\": "},
        {"a.json", "{\"a\":[1", ",1"},
        {"a.json", "{\"a\":{\"0\":1}", ",\"b\":{\"0\":1}"},
    };
    size_t n = 1 << 20;
    char *text = malloc(n + 100);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t at = strlen(files[i].begin), m = strlen(files[i].piece);
        memcpy(text, files[i].begin, at);
        for (; at < n; at += m)
            memcpy(text + at, files[i].piece, m);
        struct timespec begin, end;
        struct sc_table table;
        struct sc_error error = {0};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
        if (sc_table_parse(files[i].name, text, at, NULL, &table, &error) == SC_OK)
            sc_table_free(&table);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        double seconds =
            (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
        if (seconds > 5)
            fail_msg("%s of %s took %.1f s", files[i].name, files[i].piece, seconds);
    }
    free(text);
}

/* Each allocation fails in turn: an error, or what comes of the file undisturbed. */
static void exhaust(const char *name, struct bytes bytes)
{
    struct sc_table whole;
    enum sc_status usual = sc_table_parse(name, bytes.data, bytes.n, NULL, &whole, NULL);
    size_t n_rows = usual == SC_OK ? whole.n_rows : 0;
    if (usual == SC_OK)
        sc_table_free(&whole);
    for (size_t i = 0;; i++) {
        struct sc_table table;
        struct sc_error error = {0};
        sc_memory_fail_at(i);
        enum sc_status status = sc_table_parse(name, bytes.data, bytes.n, NULL, &table, &error);
        bool failed = sc_memory_failed();
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == usual || (failed && status == SC_ERR_NOMEM));
        assert_int_equal(status == SC_OK, error.text[0] == '\0');
        if (status == SC_OK) {
            assert_int_equal(table.n_rows, n_rows);
            sc_table_free(&table);
        }
        if (!failed)
            break;
    }
}

static void exhausted_memory_is_an_error(void **state)
{
    (void)state;
    static const char semi[] = "id;prompt\n1;\"a\nb\"\n2;x;y\n3;c\n";
    struct bytes packed = gzip(semi, sizeof semi - 1), wide = utf16(semi, false, true);
    exhaust("a.csv", packed);
    exhaust("a.csv", wide);
    release(packed);
    release(wide);
    packed = zstd(semi, sizeof semi - 1);
    exhaust("a.csv", packed);
    release(packed);
    static const char *const json[] = {
        "{\"t\": [\"x\"], \"d\": {\"rows\": [{\"a\": [1]}, {\"a\": NaN}, {\"b\": \"x\"}]}}",
        "{\"a\": [\"x\", 1], \"b\": [null, \"y\"]}", "[\"a\", [\"b\"], 5]",
        "{\"a\": [{}], \"b\": [{}]}"};
    for (size_t i = 0; i < sizeof json / sizeof *json; i++)
        exhaust("a.json", (struct bytes){json[i], strlen(json[i])});
    exhaust("a.txt", (struct bytes){"a\nb\xff\n", 5});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_inner_name_says_the_format_of_a_compressed_file),
        cmocka_unit_test(members_and_frames_one_after_another_are_one_file),
        cmocka_unit_test(damaged_compression_is_refused_in_one_line),
        cmocka_unit_test(what_is_decompressed_has_a_limit),
        cmocka_unit_test(utf16_is_read_in_either_order),
        cmocka_unit_test(lines_end_in_every_usual_way),
        cmocka_unit_test(the_delimiter_is_found_and_said),
        cmocka_unit_test(blanks_round_headers_and_quotes_are_skipped_and_others_stay),
        cmocka_unit_test(between_tabs_a_quote_is_text_unless_it_encloses_the_cell),
        cmocka_unit_test(random_tables_are_read_as_libcsv_reads_them),
        cmocka_unit_test(rows_of_json_may_be_texts_and_lists),
        cmocka_unit_test(json_written_over_several_lines_is_read),
        cmocka_unit_test(rows_below_a_key_are_found_or_named),
        cmocka_unit_test(objects_written_column_by_column_are_read),
        cmocka_unit_test(a_table_knows_whether_it_is_nothing_but_texts),
        cmocka_unit_test(a_text_file_is_a_list_of_prompts_unless_it_is_json),
        cmocka_unit_test(lines_of_prose_without_an_ending_are_prompts_and_that_is_said),
        cmocka_unit_test(files_of_other_kinds_are_named_with_what_to_do),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
        cmocka_unit_test(standard_input_is_a_file_too),
        cmocka_unit_test(a_table_is_called_by_its_file),
        cmocka_unit_test(bad_rows_are_said_shortly),
        cmocka_unit_test(hostile_repetition_takes_linear_time),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
