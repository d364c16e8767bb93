/* Tables for papers: what stands in them, and that no text in them is ever a command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "report/tables.h"
#include "report_fixture.h"

/* ---- texts ----------------------------------------------------------------------------------- */

struct pair {
    const char *written, *meant;
};

static const struct pair latex[] = {{"\\textbackslash{}", "\\"},
                                    {"\\textasciitilde{}", "~"},
                                    {"\\textasciicircum{}", "^"},
                                    {"\\textless{}", "<"},
                                    {"\\textgreater{}", ">"},
                                    {"\\textbar{}", "|"},
                                    {"\\char34{}", "\""},
                                    {"\\char96{}", "`"},
                                    {"\\{", "{"},
                                    {"\\}", "}"},
                                    {"\\$", "$"},
                                    {"\\&", "&"},
                                    {"\\#", "#"},
                                    {"\\_", "_"},
                                    {"\\%", "%"},
                                    {"-{}", "-"},
                                    {"'{}", "'"},
                                    {",{}", ","},
                                    {"{[}", "["},
                                    {"{*}", "*"},
                                    {"$-$", "\xe2\x88\x92"},
                                    {"--", "\xe2\x80\x93"},
                                    {"{}", ""},
                                    {NULL, NULL}};
static const struct pair markdown[] = {
    {"&lt;", "<"},   {"&gt;", ">"}, {"&amp;", "&"}, {"&#64;", "@"}, {"&#58;", ":"}, {"&#46;", "."},
    {"&#123;", "{"}, {"\\|", "|"},  {"\\\\", "\\"}, {"\\`", "`"},   {"\\*", "*"},   {"\\_", "_"},
    {"\\#", "#"},    {"\\$", "$"},  {"\\~", "~"},   {"\\]", "]"},   {"\\[", "["},   {NULL, NULL}};
static const char *const commands[] = {
    [SC_PAPER_LATEX] = "\\{}$&#_%~^<>|\"`\n", [SC_PAPER_MARKDOWN] = "<>&@|\\`*_#$~\n"};

/* Reads it back as the form would: a byte that commands stands in a known sequence alone. */
static void read_back(const char *written, enum sc_paper_form form, struct sc_text *out)
{
    const struct pair *pairs = form == SC_PAPER_LATEX ? latex : markdown;
    const char *begin = written;
    while (*written != '\0') {
        const struct pair *p = pairs;
        while (p->written != NULL && strncmp(written, p->written, strlen(p->written)) != 0)
            p++;
        if (p->written != NULL) {
            sc_text_puts(out, p->meant);
            written += strlen(p->written);
            continue;
        }
        assert_null(strchr(commands[form], *written));
        if (form == SC_PAPER_LATEX && (*written == '[' || *written == '*'))
            assert_true(strspn(begin, " ") < (size_t)(written - begin));
        if (form == SC_PAPER_MARKDOWN && *written == ']')
            assert_true(written[1] != '(' && written[1] != '[');
        if (form == SC_PAPER_MARKDOWN && *written == ':')
            assert_true(written[1] == ' ' || written[1] == '\0');
        sc_text_putc(out, *written++);
    }
}

static void check_text(const char *text)
{
    for (int f = 0; f < SC_N_PAPER_FORMS; f++) {
        struct sc_text visible = {0}, written = {0}, again = {0};
        sc_text_add_visible(&visible, text, strlen(text), false);
        sc_paper_text(&written, (enum sc_paper_form)f, text);
        read_back(written.data != NULL ? written.data : "", (enum sc_paper_form)f, &again);
        assert_true(f != SC_PAPER_LATEX || written.data == NULL ||
                    strstr(written.data, "---") == NULL); /* one long dash */
        assert_string_equal(again.data != NULL ? again.data : "",
                            visible.data != NULL ? visible.data : "");
        sc_text_free(&visible);
        sc_text_free(&written);
        sc_text_free(&again);
    }
}

static void any_text_reads_back_as_it_was(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "plain",
                                        "\\input{/etc/passwd}",
                                        "50 % of $x_1^2$ & more # ~",
                                        "[h] at the start",
                                        "  [h] after blanks",
                                        "*",
                                        "--- '' `` <<",
                                        "\xe2\x80\x93-\xe2\x80\x93\xe2\x80\x93 -\xe2\x88\x92",
                                        "a | b",
                                        "[click](https://example.org)",
                                        "![x](y) [^1] @somebody :smile:",
                                        "two\nlines\rand\ta tab",
                                        "\x1b[31mred\x1b[0m",
                                        "\xe2\x80\xae right to left",
                                        "\xff not UTF-8"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_text(texts[i]);
    static const char bytes[] = "ab \\{}$&#_%~^<>|\"`'-[]()*!@:/\n\t\x1b\xc3\xa4\xe2\x88\x92";
    for (uint32_t round = 0; round < 20000; round++) {
        char text[24];
        size_t n = (size_t)(24 * sc_random_uniform(SC_STREAM_STATISTICS, 5, round, 0, 0));
        for (size_t i = 0; i < n; i++)
            text[i] =
                bytes[(size_t)((sizeof bytes - 1) *
                               sc_random_uniform(SC_STREAM_STATISTICS, 5, round, 1, (uint32_t)i))];
        text[n] = '\0';
        check_text(text);
    }
}

/* TeX reads no line of more than 200,000 bytes. */
static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    enum { N = 100000 };
    static char text[2 * N + 2];
    struct sc_text out = {0};
    text[0] = 'a';
    for (size_t i = 0; i < N; i++)
        memcpy(text + 1 + 2 * i, "\xc3\xa4", 2);
    sc_paper_text(&out, SC_PAPER_LATEX, text);
    assert_int_equal(out.len, 3999 + 3);
    assert_int_equal(sc_utf8_valid(out.data, out.len), out.len);
    assert_string_equal(out.data + 3999, "...");
    sc_text_free(&out);
    memset(text, '\\', sizeof text - 1);
    sc_paper_text(&out, SC_PAPER_LATEX, text);
    assert_true(out.len > 10000 && out.len < 70000);
    sc_text_free(&out);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static char *table_of(const struct fixture_options *o, enum sc_paper_table table,
                      enum sc_paper_form form)
{
    struct sc_run run = fixture_run(o);
    struct sc_analysis a;
    struct sc_text out = {0};
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    sc_paper_table_write(&out, table, form, a.document.root);
    sc_analysis_free(&a);
    sc_run_free(&run);
    return sc_text_take(&out);
}

/* Every row of a table has as many cells as its head. */
static void check_cells(char *text, enum sc_paper_form form)
{
    size_t wanted = 0, n_rows = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        size_t n = strlen(line), n_cells = 1;
        bool row =
            form == SC_PAPER_LATEX ? n > 2 && strcmp(line + n - 2, "\\\\") == 0 : line[0] == '|';
        if (!row)
            continue;
        for (size_t i = 1; i + 1 < n; i++)
            n_cells += form == SC_PAPER_LATEX ? line[i] == '&' && line[i - 1] != '\\'
                                              : line[i] == '|' && line[i - 1] != '\\';
        wanted = wanted == 0 ? n_cells : wanted;
        assert_int_equal(n_cells, wanted);
        n_rows++;
    }
    assert_true(n_rows >= 2);
}

static void tables_of_any_run_are_whole(void **state)
{
    (void)state;
    static const struct fixture_options runs[] = {
        {.n_instances = 20, .n_traces = 6, .compare = true, .judge = "guard/1"},
        {.n_instances = 12, .n_traces = 3},
        {.n_instances = 1, .n_traces = 1},
        {.n_instances = 12, .n_traces = 3, .judge = "j", .hostile = "\\end{table} & | [x](y) %\n"}};
    for (size_t r = 0; r < sizeof runs / sizeof *runs; r++)
        for (int t = 0; t < SC_N_PAPER_TABLES; t++)
            for (int f = 0; f < SC_N_PAPER_FORMS; f++) {
                char *text = table_of(&runs[r], (enum sc_paper_table)t, (enum sc_paper_form)f);
                assert_non_null(text);
                assert_non_null(strstr(text, "prompts, "));
                assert_non_null(strstr(text, "demonstration"));
                assert_int_equal(strstr(text, "proxy") != NULL, runs[r].judge == NULL);
                assert_null(strstr(text, "nan"));
                if (f == SC_PAPER_LATEX) {
                    const char *end = strstr(text, "\\end{table}");
                    assert_non_null(end);
                    assert_string_equal(end, "\\end{table}\n"); /* the only one, at the end */
                }
                check_cells(text, (enum sc_paper_form)f);
                sc_free(text);
            }
}

static void figures_stand_with_their_intervals(void **state)
{
    (void)state;
    const struct fixture_options o = {
        .n_instances = 20, .n_traces = 6, .compare = true, .judge = "guard/1"};
    struct sc_run run = fixture_run(&o);
    struct sc_analysis a;
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    const struct sc_estimate *rate = &a.overall.refusal_rate;
    char expected[100];
    snprintf(expected, sizeof expected, "| Refusal rate (%%) | %.1f [%.1f, %.1f] | %zu |",
             100 * rate->value, 100 * rate->low, 100 * rate->high, rate->n);
    sc_analysis_free(&a);
    sc_run_free(&run);
    char *text = table_of(&o, SC_PAPER_SUMMARY, SC_PAPER_MARKDOWN);
    assert_non_null(strstr(text, expected));
    sc_free(text);
    text = table_of(&o, SC_PAPER_HYPOTHESIS, SC_PAPER_LATEX);
    assert_non_null(strstr(text, "answers, strict & "));
    assert_non_null(strstr(text, "answers, loose & "));
    sc_free(text);
    text = table_of(&o, SC_PAPER_POLICIES, SC_PAPER_LATEX);
    assert_non_null(strstr(text, "adaptive & "));
    assert_non_null(strstr(text, " of 20 \\\\"));
    sc_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_text_reads_back_as_it_was),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(tables_of_any_run_are_whole),
        cmocka_unit_test(figures_stand_with_their_intervals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
