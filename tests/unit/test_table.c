/* Tables: CSV and JSON lines, odd shapes, damaged files, exhausted memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "benchmark/benchmark.h"

static struct sc_table parse(const char *name, const char *text)
{
    struct sc_table table;
    struct sc_error error = {0};
    if (sc_table_parse(name, text, strlen(text), NULL, &table, &error) != SC_OK)
        fail_msg("%s", error.text);
    return table;
}

static void refuse_bytes(const char *name, const char *text, size_t n, enum sc_status status,
                         const char *part)
{
    struct sc_table table;
    struct sc_error error = {0};
    assert_int_equal(sc_table_parse(name, text, n, NULL, &table, &error), status);
    if (strstr(error.text, part) == NULL)
        fail_msg("expected '%s' in '%s'", part, error.text);
    assert_null(strchr(error.text, '\n'));
    assert_null(table.cells);
    sc_table_free(&table);
}

static void refuse(const char *name, const char *text, const char *part)
{
    refuse_bytes(name, text, strlen(text), SC_ERR_FORMAT, part);
}

static const char *cell(const struct sc_table *table, size_t row, const char *column)
{
    int index = sc_table_column(table, column);
    assert_true(index >= 0);
    assert_true(row < table->n_rows);
    return table->cells[row * table->n_columns + (size_t)index];
}

/* The only row of the text that cannot be read: its line and why. */
static void expect_fault(const char *name, const char *text, size_t n, size_t line, const char *why)
{
    struct sc_table table;
    struct sc_error error = {0};
    if (sc_table_parse(name, text, n, NULL, &table, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(table.n_faults, 1);
    size_t row = 0;
    while (row < table.n_rows && table.faults[row] == NULL)
        row++;
    assert_true(row < table.n_rows);
    assert_int_equal(table.lines[row], line);
    if (strstr(table.faults[row], why) == NULL)
        fail_msg("expected '%s' in '%s'", why, table.faults[row]);
    for (size_t i = 0; i < table.n_columns; i++)
        assert_null(table.cells[row * table.n_columns + i]);
    sc_table_free(&table);

    /* and to the strict it is an error */
    const struct sc_table_options strict = {.strict = true};
    char where[40];
    snprintf(where, sizeof where, ": line %zu: ", line);
    error = (struct sc_error){0};
    assert_int_equal(sc_table_parse(name, text, n, &strict, &table, &error), SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, where));
    assert_non_null(strstr(error.text, why));
}

static void fault(const char *name, const char *text, size_t line, const char *why)
{
    expect_fault(name, text, strlen(text), line, why);
}

static void csv_of_every_shape_is_read(void **state)
{
    (void)state;
    struct sc_table t = parse("a.csv", "\xef\xbb\xbfid,prompt,note\r\n"
                                       "1,\"two\nlines, \"\"quoted\"\"\",x\r\n"
                                       "\r\n"
                                       "2, spaces stay ,\r\n"
                                       "3\n"
                                       "4,\"\",\"last\"");
    assert_int_equal(t.n_columns, 3);
    assert_int_equal(t.n_rows, 4);
    assert_string_equal(t.columns[0], "id"); /* without the byte order mark */
    assert_string_equal(cell(&t, 0, "prompt"), "two\nlines, \"quoted\"");
    assert_string_equal(cell(&t, 1, "prompt"), " spaces stay ");
    assert_string_equal(cell(&t, 1, "note"), "");
    assert_null(cell(&t, 2, "prompt")); /* a short row */
    assert_null(cell(&t, 2, "note"));
    assert_string_equal(cell(&t, 3, "prompt"), "");
    assert_string_equal(cell(&t, 3, "note"), "last");
    assert_int_equal(sc_table_column(&t, "Prompt"), -1);
    sc_table_free(&t);
    sc_table_free(&t);
    sc_table_free(NULL);
}

static void csv_without_a_readable_row_is_refused(void **state)
{
    (void)state;
    refuse("b.csv", "Behavior,Tags\n\"unclosed", "line 2");
    refuse("b.csv", "a,b\n1,2\n3,\"open\nand on\nand on\n", "line 3 is never closed");
    refuse("b.csv", "a,\"b\n1,2\n3,4\n", "line 1 is never closed");
    refuse("b.csv", "a,\"b\"c\n1,2\n", "line 1: damaged quoting in the header");
    refuse("b.csv", "a,\xff\n1,2\n", "line 1: the header: not valid UTF-8");
    refuse("b.csv", "a,b\n\"x\"y,2\n", "line 2: damaged quoting");
    refuse("b.csv", "a,b\n\n\n1,2,3\n", "line 4: more cells");
    refuse("b.csv", "a,b\n1,2,3\n4,\"5\"6\n",
           "none of 2 rows can be read: line 2: more cells than the header's 2 columns");
    refuse("b.csv", "a,b,a\n1,2,3\n", "line 1: columns 1 and 3: two columns named 'a'");
    refuse("b.csv", "a,b, \"a\"\n1,2,3\n", "two columns named 'a'");
    refuse("b.csv", "", "no rows");
    refuse("b.csv", "a,b\n", "no rows");
    refuse("b.csv", "a,b", "no rows");
    refuse("b.csv", "\n\n\n", "no rows");
    refuse("b.csv", "\xef\xbb\xbf", "no rows");
    refuse_bytes("b.csv", "PAR1\x15\x04", 6, SC_ERR_UNSUPPORTED, "Parquet");
}

static void a_damaged_row_of_csv_fails_alone(void **state)
{
    (void)state;
    fault("b.csv", "a,b\n1,2\n1,2,3\n4,5\n", 3, "more cells than the header's 2 columns");
    fault("b.csv", "a,b\n1,2\n1,,,3\n4,5\n", 3, "more cells than the header's 2 columns");
    fault("b.csv", "a\nx\ny, z\n", 3,
          "more cells than the header's one column: a prompt with commas");
    fault("b.csv", "a,b\n\"1\n2\",2\n1,2,3\n", 4, "more cells");
    fault("b.csv", "a,b\n1,2\r1,2,3\r4,5\r", 3, "more cells");
    fault("b.csv", "a,b\n1,2\n\"x\"y,2\n3,4\n", 3, "damaged quoting");
    fault("b.csv", "a,b\n1,2\nx\"y\",2\n3,4\n", 3, "damaged quoting");
    fault("b.csv", "a\nx\n\xff\xfe\ny\n", 3, "not valid UTF-8 (byte 0xff)");
    fault("b.csv", "a\nx\n\xed\xa0\x80\ny\n", 3, "half of a surrogate pair");
    expect_fault("b.csv", "a\nx\0y\nz\n", 8, 2, "a NUL byte");
    expect_fault("b.txt", "z\nx\0y\n", 6, 2, "a NUL byte");

    /* More delimiters with nothing between them are no cells. */
    struct sc_table wide = parse("b.csv", "a,b\n1,2,,\n3,,,\"\"\n");
    assert_int_equal(wide.n_faults, 0);
    assert_string_equal(cell(&wide, 0, "b"), "2");
    assert_string_equal(cell(&wide, 1, "b"), "");
    sc_table_free(&wide);

    /* Reading goes on at the line after the one on which the damaged row began. */
    struct sc_table t = parse("b.csv", "a,b\n\"open,2\n3,4\n\"5\",6\n");
    assert_int_equal(t.n_rows, 3);
    assert_int_equal(t.n_faults, 1);
    assert_non_null(t.faults[0]);
    assert_string_equal(cell(&t, 1, "a"), "3");
    assert_string_equal(cell(&t, 2, "a"), "5");
    assert_int_equal(t.lines[2], 4);
    sc_table_free(&t);
}

static void json_values_become_text(void **state)
{
    (void)state;
    struct sc_table t =
        parse("a.jsonl", "\xef\xbb\xbf{\"a\": \"x\", \"b\": 1}\r\n"
                         "\n"
                         "   \t\n"
                         "{\"c\": [1, {\"k\": null}], \"a\": null, \"b\": 0.5}\n"
                         "{\"d\": true, \"e\": false, \"a\": \"\\u00e9\\n\", \"b\": -7}");
    assert_int_equal(t.n_rows, 3);
    assert_int_equal(t.n_columns, 5);
    const char *order[] = {"a", "b", "c", "d", "e"}; /* of first appearance */
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(t.columns[i], order[i]);
    assert_string_equal(cell(&t, 0, "a"), "x");
    assert_string_equal(cell(&t, 0, "b"), "1");
    assert_null(cell(&t, 0, "c"));
    assert_null(cell(&t, 1, "a"));
    assert_string_equal(cell(&t, 1, "b"), "0.5");
    assert_string_equal(cell(&t, 1, "c"), "[1,{\"k\":null}]");
    assert_string_equal(cell(&t, 2, "a"), "\xc3\xa9\n");
    assert_string_equal(cell(&t, 2, "b"), "-7");
    assert_null(cell(&t, 2, "c"));
    assert_string_equal(cell(&t, 2, "d"), "true");
    assert_string_equal(cell(&t, 2, "e"), "false");
    sc_table_free(&t);
}

static void an_array_and_lines_read_alike(void **state)
{
    (void)state;
    const char *array = " [{\"a\": 1, \"b\": 2}, {\"b\": 3}]\n";
    struct sc_table t = parse("a.json", array);
    assert_int_equal(t.n_rows, 2);
    assert_null(cell(&t, 1, "a"));
    assert_string_equal(cell(&t, 1, "b"), "3");
    sc_table_free(&t);

    t = parse("a.json", "{\"a\": 1}\n{\"a\": 2}\n"); /* lines */
    assert_int_equal(t.n_rows, 2);
    sc_table_free(&t);
    t = parse("no-ending", "{\"a\": 1}\n");
    assert_string_equal(t.columns[0], "a");
    sc_table_free(&t);
    t = parse("no-ending", array);
    assert_int_equal(t.n_rows, 2);
    sc_table_free(&t);
    t = parse("no-ending", "a,b\n1,2\n");
    assert_string_equal(cell(&t, 0, "b"), "2");
    sc_table_free(&t);
    t = parse("A.CSV", "{a},b\n1,2\n"); /* the ending wins over the content */
    assert_string_equal(t.columns[0], "{a}");
    sc_table_free(&t);
}

static void damaged_json_is_refused_or_its_row_fails(void **state)
{
    (void)state;
    refuse("b.jsonl", "{\"user_input\": ", "b.jsonl: line 1: expected");
    refuse("b.jsonl", "[1]\n", "line 1: expected a JSON object");
    refuse("b.jsonl", "5\n", "line 1: expected a JSON object, a text, or a list");
    refuse("b.jsonl", "{\"a\": 1} {\"a\": 2}\n", "line 1");
    refuse("b.jsonl", "", "no rows");
    refuse("b.jsonl", "\n\n", "no rows");
    refuse("b.jsonl", "{}\n", "no rows");
    refuse("b.jsonl", "\xff{", "line 1: not valid UTF-8");
    refuse("b.json", "[]", "no rows");
    refuse("b.json", "[{\"a\": 1}", "b.json: line 1: expected JSON");
    refuse("b.json", "[{\"a\": 1},]", "b.json: line 1: expected JSON");
    refuse("b.json", "[{\"a\": 1}]\n}", "b.json: line 2: expected JSON");
    refuse("b.json", "{\"a\": [{\"a\": 1}]}}", "b.json");

    static const char *const bad[] = {
        "{\"a\": }",
        "{\"a\": NaN}",
        "{\"a\": Infinity}",
        "{\"a\": \"\\u0000\"}",
        "{\"a\": \"\\ud800\"}",
        "{\"a\": 1, \"a\": 2}",
        "{\"a\": 0x1}",
        "5",
        "{\"a\": \"\xff\"}",
        "{\"a\": \"\xed\xa0\x80\"}",
        "null",
        "[1]",
        "[]",
        "[[\"a\"]]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"a\": 1}\n\n%s\n{\"a\": 3}\n", bad[i]);
        fault("b.jsonl", text, 3, "");
        snprintf(text, sizeof text, "[{\"a\": 1},\n {\"a\": 2}, \r\n%s,\n{\"a\": 3}]", bad[i]);
        fault("b.json", text, 3, "");
        snprintf(text, sizeof text, "{\n\"rows\": [{\"a\": 1},\n%s]}", bad[i]);
        fault("b.json", text, 3, "");
    }
    fault("b.jsonl", "{\"a\": 1}\n{\"a\": NaN}\n", 2, "expected JSON: invalid token near 'NaN'");
    expect_fault("b.jsonl", "{\"a\": 1}\n{\"a\": \"\0\"}\n", 20, 2, "a NUL byte");

    char deep[20001];
    memset(deep, '[', 10000);
    memset(deep + 10000, ']', 10000);
    deep[20000] = '\0';
    refuse("deep.json", deep, "deep.json");
    memcpy(deep, "{\"a\": 1}\n", 9);
    fault("deep.jsonl", deep, 2, "maximum parsing depth");
}

/* Every row with a column of its own: the table must not grow beyond all measure. */
static void too_many_columns_are_refused(void **state)
{
    (void)state;
    char *text = malloc(5000 * 24), *end = text;
    assert_non_null(text);
    for (int i = 0; i < 5000; i++)
        end += sprintf(end, "{\"c%d\": 1}\n", i);
    refuse_bytes("b.jsonl", text, (size_t)(end - text), SC_ERR_LIMIT, "columns");
    free(text);
}

static void the_ending_or_the_content_says_the_format(void **state)
{
    (void)state;
    struct sc_table table;
    struct sc_error error = {0};
    assert_int_equal(sc_table_read("/nonexistent/x.csv", NULL, &table, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "/nonexistent/x.csv"));
    sc_table_free(&table);

    char path[] = "/tmp/safeconf-table-XXXXXX.csv";
    int descriptor = mkstemps(path, 4);
    assert_true(descriptor >= 0);
    close(descriptor);
    error = (struct sc_error){0};
    assert_int_equal(sc_file_write(path, "a,b\n1,2\n", 8, &error), SC_OK);
    assert_int_equal(sc_table_read(path, NULL, &table, &error), SC_OK);
    assert_string_equal(cell(&table, 0, "b"), "2");
    sc_table_free(&table);
    unlink(path);
}

/* Each allocation fails in turn.  The CSV parser asks again for less, so one failure is survived.
 */
static void exhaust(const char *name, const char *text)
{
    size_t n_failed = 0;
    for (size_t i = 0;; i++) {
        struct sc_table table;
        struct sc_error error = {0};
        sc_memory_fail_at(i);
        enum sc_status status = sc_table_parse(name, text, strlen(text), NULL, &table, &error);
        size_t n_asked = sc_memory_count();
        sc_memory_fail_at(SIZE_MAX);
        sc_table_free(&table);
        if (status != SC_OK) {
            assert_int_equal(status, SC_ERR_NOMEM);
            assert_true(error.text[0] != '\0');
            n_failed++;
        }
        if (n_asked <= i)
            break;
    }
    assert_true(n_failed > 5);
}

static void exhausted_memory_is_an_error(void **state)
{
    (void)state;
    exhaust("a.csv", "id,prompt\n1,\"a\nb\"\n2\n3,c\n");
    exhaust("a.jsonl", "{\"a\": \"x\", \"b\": [1]}\n{\"c\": null, \"a\": 2}\n");
    exhaust("a.json", "[{\"a\": \"x\", \"b\": {\"k\": 1}}, {\"c\": true}]");
}

static void the_published_files_are_read_whole(void **state)
{
    (void)state;
    static const struct {
        const char *path, *column;
        size_t n_rows, n_columns;
    } files[] = {
        {"toxicchat/train.jsonl", "user_input", 2801, 5},
        {"toxicchat/test.jsonl", "user_input", 2853, 5},
        {"harmbench/harmbench_behaviors_text_all.csv", "Behavior", 400, 6},
        {"strongreject/strongreject_dataset.csv", "forbidden_prompt", 313, 3},
        {"advbench/advbench_behaviors.csv", "Behavior", 520, 5},
        {"xstest/xstest_prompts.csv", "prompt", 450, 6},
        {"xstest/completions/llama2new.csv", "completion", 450, 7},
        {"xstest/completions/mistralinstruct.csv", "completion", 450, 7},
    };
    size_t n_read = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/data/%s", TEST_SHARED, files[i].path);
        if (!sc_file_exists(path))
            continue;
        struct sc_table table;
        struct sc_error error = {0};
        if (sc_table_read(path, NULL, &table, &error) != SC_OK)
            fail_msg("%s", error.text);
        assert_int_equal(table.n_rows, files[i].n_rows);
        assert_int_equal(table.n_columns, files[i].n_columns);
        for (size_t row = 0; row < table.n_rows; row++)
            assert_true(strlen(cell(&table, row, files[i].column)) > 0);
        sc_table_free(&table);
        n_read++;
    }
    if (n_read == 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_of_every_shape_is_read),
        cmocka_unit_test(csv_without_a_readable_row_is_refused),
        cmocka_unit_test(a_damaged_row_of_csv_fails_alone),
        cmocka_unit_test(json_values_become_text),
        cmocka_unit_test(an_array_and_lines_read_alike),
        cmocka_unit_test(damaged_json_is_refused_or_its_row_fails),
        cmocka_unit_test(too_many_columns_are_refused),
        cmocka_unit_test(the_ending_or_the_content_says_the_format),
        cmocka_unit_test(exhausted_memory_is_an_error),
        cmocka_unit_test(the_published_files_are_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
