/* sc_report_make: the files of a run's folder, made from run.db alone, the same each time; what
 * lies in the folder already (replay.json) is not trusted; tables that other programs can read. */
#include <csv.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "analysis/replay/replay.h"
#include "base/file.h"
#include "base/json.h"
#include "experiment/store/judgements.h"
#include "page_texts.h"
#include "report/csv.h"
#include "report/html/tokens.h"
#include "report/report.h"
#include "row_keys.h"
#include "run_fixture.h"
#include "show_fixture.h"

static void path_of(const struct run_fixture *f, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", f->folder, name);
}

static char *read_file(const struct run_fixture *f, const char *name)
{
    char path[300], *data = NULL;
    size_t n;
    struct sc_error error = {0};
    path_of(f, name, path, sizeof path);
    if (sc_file_read(path, (size_t)64 << 20, &data, &n, &error) != SC_OK)
        fail_msg("%s", error.text);
    return data;
}

static void put_file(const struct run_fixture *f, const char *name, const char *text)
{
    char path[300];
    path_of(f, name, path, sizeof path);
    assert_int_equal(sc_file_write(path, text, strlen(text), NULL), SC_OK);
}

static void make_run(struct run_fixture *f, size_t n_instances)
{
    struct sc_error error = {0};
    assert_int_equal(fixture_make(f, n_instances), 0);
    if (fixture_write(f, true, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void make_report(const struct run_fixture *f, const struct sc_report_wish *wish)
{
    struct sc_error error = {0};
    if (sc_report_make(f->folder, wish, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void the_files_are_functions_of_run_db_alone(void **state)
{
    (void)state;
    static const char *const names[] = {"predictions.jsonl",       "predictions-single.jsonl",
                                        "predictions-fixed.jsonl", "predictions-adaptive.jsonl",
                                        "analysis.json",           "report.html"};
    enum { N = sizeof names / sizeof *names };
    struct run_fixture f;
    char *first[N];
    make_run(&f, 21);
    assert_int_equal(sc_report_write(f.folder, NULL), SC_OK);
    for (size_t i = 0; i < N; i++) {
        first[i] = read_file(&f, names[i]);
        assert_null(strstr(first[i], f.folder)); /* no file names a place */
    }
    json_t *analysis = json_loads(first[4], 0, NULL);
    assert_non_null(analysis);
    static const char *const keys[] = {
        "overall",     "hypothesis_test", "confusion", "policies",          "per_category",
        "calibration", "asr_at_k",        "refusal",   "repeated_sampling", "confident_refusal"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_true(json_is_object(json_object_get(analysis, keys[i])) ||
                    json_is_array(json_object_get(analysis, keys[i])));
    json_decref(analysis);
    struct sc_text packed = page_texts(first[5]);
    assert_non_null(strstr(packed.data, "\"shade\":\"")); /* tokens are in the page */
    sc_text_free(&packed);
    struct sc_text terminal = {0}, again = {0};
    make_report(&f, &(struct sc_report_wish){.terminal = &terminal, .width = 80});
    for (size_t i = 0; i < N; i++) {
        char *second = read_file(&f, names[i]);
        assert_string_equal(first[i], second);
        sc_free(first[i]);
        sc_free(second);
    }
    struct sc_run run;
    assert_int_equal(sc_run_load(f.folder, true, &run, NULL), SC_OK);
    assert_int_equal(
        fixture_show(&run, (struct fixture_view){FIXTURE_TERMINAL, 80, false}, &again, NULL),
        SC_OK);
    assert_string_equal(terminal.data, again.data);
    sc_run_free(&run);
    sc_text_free(&terminal);
    sc_text_free(&again);
    fixture_free(&f);
}

static void a_folder_that_cannot_be_read_or_written_is_named(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    char path[300];
    make_run(&f, 5);
    assert_int_equal(sc_report_write("/nowhere/at/all", &error), SC_ERR_IO);
    path_of(&f, "report.html", path, sizeof path); /* a folder stands where the page should be */
    assert_int_equal(mkdir(path, 0755), 0);
    error = (struct sc_error){0};
    assert_true(sc_report_write(f.folder, &error) != SC_OK && error.text[0]);
    assert_int_equal(rmdir(path), 0);
    path_of(&f, "run.db", path, sizeof path);
    assert_int_equal(truncate(path, 5000), 0);
    error = (struct sc_error){0};
    assert_int_equal(sc_report_write(f.folder, &error), SC_ERR_FORMAT);
    fixture_free(&f);
}

static void memory_that_runs_out_leaves_no_half_of_a_file(void **state)
{
    (void)state;
    struct run_fixture f;
    char path[300];
    make_run(&f, 2);
    put_file(&f, "replay.json", "{\"rows\":[{\"policy\":\"a\"}]}");
    path_of(&f, "tables", path, sizeof path);
    enum sc_status status = SC_ERR_NOMEM;
    for (size_t n = 0; status != SC_OK && n < 40000; n += 1 + n / 12) {
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        status = sc_report_make(f.folder, &(struct sc_report_wish){.csv = path}, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_int_equal(status, error.status);
    }
    assert_int_equal(status, SC_OK);
    fixture_remove_folder(path);
    fixture_free(&f);
}

/* ---- replay.json ----------------------------------------------------------------------------- */

static void a_damaged_replay_takes_nothing_from_the_report_but_its_picture(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sc_status status;
    } cases[] = {
        {"", SC_ERR_FORMAT},
        {"[]", SC_ERR_FORMAT},
        {"{}", SC_ERR_FORMAT},
        {"{\"rows\":7}", SC_ERR_FORMAT},
        {"{\"rows\":[7]}", SC_ERR_FORMAT},
        {"{\"rows\":[{}]}", SC_ERR_FORMAT},
        {"{\"rows\":[]}", SC_OK},
        {"{\"rows\":[{\"policy\":\"p\"}]}", SC_ERR_FORMAT},
        {"{\"rows\":[{\"policy\":\"p\",\"kind\":\"magic\"}]}", SC_ERR_FORMAT},
        {"{\"rows\":[{\"policy\":\"p\",\"kind\":\"adaptive\",\"metric\":\"luck\"}]}",
         SC_ERR_FORMAT},
        {"{\"source\":{\"detector\":\"other/1\"},\"rows\":[]}", SC_ERR_CONFLICT},
        {"{\"rows\":[{\"policy\":\"p\",\"kind\":\"single\",\"token_savings_percent\":\"x\","
         "\"null\":[]}]}",
         SC_OK},
        {"{\"rows\":[{\"policy\":\"p\",\"kind\":\"fixed\",\"token_savings_percent\":{\"value\":"
         "1e300}}]}",
         SC_OK},
    };
    struct run_fixture f;
    make_run(&f, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_run run;
        struct sc_replay replay;
        struct sc_error error = {0};
        bool found;
        put_file(&f, "replay.json", cases[i].text);
        assert_int_equal(sc_run_load(f.folder, false, &run, NULL), SC_OK);
        assert_int_equal(sc_replay_read(f.folder, &run, &replay, &found, &error), cases[i].status);
        assert_true(found);
        for (size_t k = 0; k < replay.n_rows; k++)
            assert_true(isnan(replay.rows[k].token_savings_percent.value));
        sc_replay_free(&replay);
        sc_run_free(&run);
        make_report(&f, &(struct sc_report_wish){0}); /* the report is made all the same */
        char *page = read_file(&f, "report.html");
        assert_int_equal(strstr(page, "was not read") != NULL, cases[i].status != SC_OK);
        assert_null(strstr(page, f.folder));
        sc_free(page);
    }
    fixture_free(&f);
}

static void names_in_replay_json_are_text_in_the_page(void **state)
{
    (void)state;
    struct run_fixture f;
    make_run(&f, 3);
    put_file(&f, "replay.json",
             "{\"source\":{\"harm_basis\":\"proxy\"},\"recommendation\":{\"policy\":\"</script>\","
             "\"why\":\"<img src=x>\"},\"rows\":[{\"policy\":\"</script><b>\","
             "\"kind\":\"adaptive\",\"metric\":\"mean\",\"token_savings_percent\":{\"value\":12.5,"
             "\"low\":1,\"high\":20},\"verdict_changes\":{\"value\":0.25},\"harmful_unseen\":"
             "{\"value\":0.5},\"null\":{\"token_savings_percent\":{\"value\":11,\"low\":9,"
             "\"high\":13},\"verdict_changes\":{\"value\":0.2}},\"over_null\":{\"beats_null\":"
             "true}}]}");
    struct sc_run run;
    struct sc_replay replay;
    bool found;
    assert_int_equal(sc_run_load(f.folder, false, &run, NULL), SC_OK);
    assert_int_equal(sc_replay_read(f.folder, &run, &replay, &found, NULL), SC_OK);
    assert_int_equal(replay.n_rows, 1);
    const struct sc_replay_row *row = &replay.rows[0];
    assert_true(row->token_savings_percent.value == 12.5 && row->verdict_changes.value == 0.25);
    assert_true(row->null_savings_percent.low == 9 && row->harmful_unseen.value == 0.5);
    assert_true(row->beats_null && row->reads_confidence && replay.proxy);
    assert_int_equal(replay.recommended, -1); /* it is not among the rows */
    sc_replay_free(&replay);
    sc_run_free(&run);
    make_report(&f, &(struct sc_report_wish){0});
    char *page = read_file(&f, "report.html");
    assert_non_null(strstr(page, "\"frontier\":{"));
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "</script><b>"));
    sc_free(page);
    fixture_free(&f);
}

static bool count_down(void *context)
{
    size_t *left = context;
    return (*left)-- > 0;
}

static void an_interrupted_report_leaves_whole_files_and_no_parts(void **state)
{
    (void)state;
    struct run_fixture f;
    char csv[300];
    make_run(&f, 3);
    path_of(&f, "csv", csv, sizeof csv);
    size_t n_files = 0;
    for (enum sc_status status = SC_ERR_INTERRUPTED; status != SC_OK; n_files++) {
        struct sc_error error = {0};
        size_t left = n_files;
        struct sc_report_wish wish = {.csv = csv, .keep_going = count_down, .context = &left};
        status = sc_report_make(f.folder, &wish, &error);
        assert_int_equal(status, status == SC_OK ? SC_OK : SC_ERR_INTERRUPTED);
        assert_int_equal(strstr(error.text, "interrupted") != NULL, status != SC_OK);
        char command[800];
        snprintf(command, sizeof command, "! ls '%s' '%s' 2>/dev/null | grep -q part-", f.folder,
                 csv);
        assert_int_equal(system(command), 0);
    }
    /* Four files of predictions, four tables, analysis and page; parts of the analysis. */
    assert_true(n_files - 1 > 10);
    fixture_free(&f);
}

static void a_replay_in_memory_and_one_read_back_make_the_same_page(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run;
    struct sc_replay_data data;
    struct sc_replay replay;
    struct sc_replay_options options = sc_replay_options_default();
    struct sc_text json = {0};
    options.n_orders = 20;
    make_run(&f, 3);
    assert_int_equal(sc_run_load(f.folder, true, &run, NULL), SC_OK);
    assert_int_equal(sc_replay_load(&run, 0, &data, NULL), SC_OK);
    assert_int_equal(sc_replay_make(&data, &options, &replay, NULL), SC_OK);
    make_report(&f, &(struct sc_report_wish){.replay = &replay});
    char *in_memory = read_file(&f, "report.html");
    assert_non_null(strstr(in_memory, "\"frontier\":{"));
    assert_int_equal(sc_report_replay_json(&replay, &run, &json, NULL), SC_OK);
    put_file(&f, "replay.json", json.data);
    make_report(&f, &(struct sc_report_wish){0});
    char *read_back = read_file(&f, "report.html");
    assert_string_equal(in_memory, read_back);
    sc_free(in_memory);
    sc_free(read_back);
    sc_text_free(&json);
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
    sc_run_free(&run);
    fixture_free(&f);
}

/* ---- read again ------------------------------------------------------------------------------ */

#define OTHER "other/1 <b>\xe2\x80\xae"

/* A second detector that says the contrary of every n-th trace, in the order of the run. */
static void judge_again(struct run_fixture *f, size_t every)
{
    struct sc_store *store = NULL;
    struct sc_run run;
    bool resumed;
    size_t n = 0;
    assert_int_equal(sc_run_load(f->folder, false, &run, NULL), SC_OK);
    assert_int_equal(
        sc_store_open(&store, f->folder,
                      &(struct sc_store_run){f->config, f->instances, run.n_instances, NULL},
                      &resumed, NULL),
        SC_OK);
    assert_int_equal(sc_store_prepare_judging(store, NULL), SC_OK);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++) {
            enum sc_verdict verdict = run.instances[i].traces[t].verdict;
            if (n++ % every == 0 && verdict != SC_UNPARSED)
                verdict = verdict == SC_REFUSAL ? SC_COMPLIANCE : SC_REFUSAL;
            struct sc_store_opinion opinion = {.position = i,
                                               .trace = (uint32_t)t,
                                               .detector = OTHER,
                                               .verdict = verdict,
                                               .rule = "made-up"};
            assert_int_equal(sc_store_put_opinion(store, &opinion, NULL, OTHER, NULL), SC_OK);
        }
    assert_int_equal(sc_store_set_reading(store, OTHER, "none", NULL), SC_OK);
    sc_store_close(store);
    sc_run_free(&run);
}

static double number_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static size_t links_to(const char *page, const char *id)
{
    char link[80];
    size_t n = 0;
    snprintf(link, sizeof link, "<a href=\"#prompt=%s&amp;trace=", id);
    for (const char *at = strstr(page, link); at != NULL; at = strstr(at + 1, link))
        n++;
    return n;
}

static void execute(const struct run_fixture *f, const char *sql)
{
    char path[300];
    sqlite3 *database = NULL;
    path_of(f, "run.db", path, sizeof path);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    renew_row_keys(database);
    sqlite3_close(database);
}

static void detectors_are_compared_after_a_second_reading(void **state)
{
    (void)state;
    struct run_fixture f;
    char cell[200];
    make_run(&f, 21);
    make_report(&f, &(struct sc_report_wish){0});
    char *page = read_file(&f, "report.html");
    assert_null(strstr(page, "id=\"detectors\"")); /* one detector: nothing to compare */
    assert_null(strstr(page, "#detectors"));
    sc_free(page);

    judge_again(&f, 4);
    make_report(&f, &(struct sc_report_wish){0});
    page = read_file(&f, "report.html");
    char *text = read_file(&f, "analysis.json");
    json_t *analysis = json_loads(text, 0, NULL);
    json_t *pairs = json_object_get(json_object_get(analysis, "detectors"), "pairs");
    assert_int_equal(json_array_size(pairs), 1);
    json_t *pair = json_array_get(pairs, 0), *refused = json_object_get(pair, "refused");
    json_t *kappa = json_object_get(refused, "kappa");
    assert_true(number_at(kappa, "low") < number_at(kappa, "value"));
    assert_non_null(strstr(page, "<a href=\"#detectors\">"));
    snprintf(cell, sizeof cell,
             "</th><td>refusal</td><td>%.3f<small>%.3f to %.3f</small></td>"
             "<td class=\"p\">%.1f %%</td><td>%.0f</td><td>%.0f</td>",
             number_at(kappa, "value"), number_at(kappa, "low"), number_at(kappa, "high"),
             100 * number_at(refused, "observed"), number_at(refused, "n"),
             number_at(pair, "n_disagreements"));
    assert_non_null(strstr(page, cell));
    json_t *table = json_object_get(json_object_get(pair, "table"), "refusal");
    snprintf(cell, sizeof cell, "<th scope=\"row\">refusal</th><td class=\"same\">%.0f</td><td>",
             number_at(table, "refusal"));
    assert_non_null(strstr(page, cell));
    /* each disagreement is a link; names are text */
    size_t listed = json_array_size(json_object_get(pair, "disagreements")), linked = 0;
    for (size_t i = 0; i < 21; i++)
        linked += links_to(page, f.instances[i].id);
    assert_true(listed > 5);
    assert_int_equal(linked, listed);
    assert_non_null(strstr(page, "other/1 &lt;b&gt;\\u{202E}"));
    assert_null(strstr(page, "\xe2\x80\xae"));
    assert_null(strstr(page, "<b>\\u"));
    json_decref(analysis);
    sc_free(text);
    sc_free(page);

    /* a prompt that the primary policy has not decided is not in the list: named, not linked */
    execute(&f, "DELETE FROM decision WHERE instance = 0");
    make_report(&f, &(struct sc_report_wish){0});
    page = read_file(&f, "report.html");
    assert_int_equal(links_to(page, f.instances[0].id), 0);
    assert_non_null(strstr(page, "<li>synthetic_0, trace 1: "));
    sc_free(page);
    fixture_free(&f);
}

/* Ids in links are percent-encoded whatever they hold; two detectors that never differ say so. */
static void detectors_with_little_in_common_are_compared_all_the_same(void **state)
{
    (void)state;
    struct run_fixture f;
    static char odd[] = "a&b=\"c\" <d>#%\xc3\xa9";
    assert_int_equal(fixture_make(&f, 6), 0);
    sc_free(f.config);
    f.instances[0].id = odd;
    assert_int_equal(sc_config_write(&f.options, &f.facts, &f.config, NULL), SC_OK);
    assert_int_equal(fixture_write(&f, false, NULL), SC_OK);
    judge_again(&f, 5);
    make_report(&f, &(struct sc_report_wish){0});
    char *page = read_file(&f, "report.html");
    assert_true(links_to(page, "a%26b%3D%22c%22%20%3Cd%3E%23%25%C3%A9") > 0);
    sc_free(page);
    execute(&f, "UPDATE verdict SET verdict = 'refusal', range_begin = 0, range_end = 0");
    make_report(&f, &(struct sc_report_wish){0});
    page = read_file(&f, "report.html");
    assert_non_null(strstr(page, "<td>refusal</td><td>none<small class=\"why\">both always say"));
    assert_non_null(strstr(page, "No disagreement."));
    sc_free(page);
    fixture_free(&f);
}

static void memory_may_run_out_while_detectors_are_compared(void **state)
{
    (void)state;
    struct run_fixture f;
    make_run(&f, 2);
    judge_again(&f, 2);
    enum sc_status status = SC_ERR_NOMEM;
    for (size_t n = 0; status != SC_OK && n < 40000; n += 1 + n / 12) {
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        status = sc_report_write(f.folder, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_int_equal(status, error.status);
    }
    assert_int_equal(status, SC_OK);
    fixture_free(&f);
}

/* ---- tables ---------------------------------------------------------------------------------- */

struct table {
    char cells[1200][80];
    size_t n_cells, n_rows, n_columns;
};

static void on_cell(void *bytes, size_t n, void *context)
{
    struct table *t = context;
    if (t->n_cells < 1200)
        snprintf(t->cells[t->n_cells], sizeof t->cells[0], "%.*s", (int)n, (const char *)bytes);
    t->n_cells++;
}

static void on_row(int end, void *context)
{
    struct table *t = context;
    (void)end;
    if (t->n_rows++ == 0)
        t->n_columns = t->n_cells;
    assert_int_equal(t->n_cells, t->n_rows * t->n_columns); /* every row as long as the first */
}

static void read_table(const char *text, struct table *t)
{
    struct csv_parser parser;
    memset(t, 0, sizeof *t);
    assert_int_equal(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI), 0);
    assert_int_equal(csv_parse(&parser, text, strlen(text), on_cell, on_row, t), strlen(text));
    assert_int_equal(csv_fini(&parser, on_cell, on_row, t), 0);
    csv_free(&parser);
}

static size_t column_of(const struct table *t, const char *name)
{
    for (size_t c = 0; c < t->n_columns; c++)
        if (strcmp(t->cells[c], name) == 0)
            return c;
    fail_msg("no column %s", name);
    return 0;
}

static void the_tables_hold_every_instance_trace_and_estimate(void **state)
{
    (void)state;
    static struct table t;
    struct run_fixture f;
    char path[300];
    make_run(&f, 11);
    path_of(&f, "deep", path, sizeof path);
    make_report(&f, &(struct sc_report_wish){.csv = path});
    char *text = read_file(&f, "deep/instances.csv");
    read_table(text, &t);
    assert_int_equal(t.n_rows, 12);
    size_t prompt = column_of(&t, "prompt"), label = column_of(&t, "label");
    assert_string_equal(t.cells[t.n_columns + label], "safe");
    assert_non_null(strstr(t.cells[t.n_columns + prompt], "Prompt 0: <b>\"na\xc3\xafve\""));
    size_t rate = column_of(&t, "refusal_rate"), low = column_of(&t, "refusal_low");
    for (size_t r = 1; r < t.n_rows; r++)
        assert_true(strtod(t.cells[r * t.n_columns + low], NULL) <=
                    strtod(t.cells[r * t.n_columns + rate], NULL) + 1e-12);
    sc_free(text);
    text = read_file(&f, "deep/traces.csv");
    read_table(text, &t);
    assert_true(t.n_rows > 11 * 3);
    size_t trace = column_of(&t, "trace"), verdict = column_of(&t, "verdict");
    size_t refused = column_of(&t, "refused"), mean = column_of(&t, "mean");
    assert_string_equal(t.cells[2 * t.n_columns + trace], "1"); /* a failed one: empty, no "nan" */
    assert_string_equal(t.cells[2 * t.n_columns + verdict], "");
    assert_string_equal(t.cells[2 * t.n_columns + refused], "");
    assert_string_equal(t.cells[2 * t.n_columns + mean], "");
    sc_free(text);
    text = read_file(&f, "deep/estimates.csv");
    assert_non_null(strstr(text, "\noverall.refusal_rate,0."));
    assert_non_null(strstr(text, "hypothesis_test.aurc.mean,"));
    assert_null(strstr(text, "nan"));
    sc_free(text);
    fixture_remove_folder(path);
    fixture_free(&f);
}

static void a_field_cannot_act_as_a_formula_and_reads_back_as_it_was(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"", ""},
        {"a,b", "\"a,b\""},
        {"say \"so\"", "\"say \"\"so\"\"\""},
        {"two\nlines", "\"two\nlines\""},
        {" blank", "\" blank\""},
        {"=1+1", "'=1+1"},
        {"+1", "'+1"},
        {"-1", "'-1"},
        {"@SUM(A1)", "'@SUM(A1)"},
        {"  =1", "\"'  =1\""},
        {"\t=1", "\"'\t=1\""},
        {"\r=1", "\"'\r=1\""},
        {"\xef\xbc\x9d"
         "1",
         "'\xef\xbc\x9d"
         "1"},
        {"=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""},
        {"1-1", "1-1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_text out = {0};
        sc_csv_text(&out, cases[i][0]);
        assert_string_equal(out.data ? out.data : "", cases[i][1]);
        sc_text_free(&out);
    }
    struct sc_text out = {0};
    sc_csv_text(&out, NULL);
    assert_int_equal(out.len, 0);
    sc_text_free(&out);
}

static void exact_tables_keep_texts_as_they_are(void **state)
{
    (void)state;
    static struct table t;
    struct run_fixture f;
    struct sc_run run = {0};
    struct sc_analysis a;
    struct sc_text text = {0};
    make_run(&f, 3);
    assert_int_equal(sc_run_load(f.folder, false, &run, NULL), SC_OK);
    sc_free(run.instances[0].prompt);
    sc_free(run.instances[0].category);
    run.instances[0].prompt = sc_strdup("=1+1, \"so\"");
    run.instances[0].category = sc_strdup("");
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    sc_csv_table(&text, SC_TABLE_INSTANCES, &a, true);
    assert_non_null(strstr(text.data, ",\"\","));
    read_table(text.data, &t);
    assert_string_equal(t.cells[t.n_columns + column_of(&t, "prompt")], "=1+1, \"so\"");
    sc_text_free(&text);
    sc_analysis_free(&a);
    sc_run_free(&run);
    fixture_free(&f);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static void tokens_of_the_page_take_three_characters_each(void **state)
{
    (void)state;
    struct sc_token_stats stats[3] = {{.confidence = 3}, {.confidence = 5}, {.confidence = 4}};
    uint32_t ends[3] = {1, 6, 6}; /* "a", an emoji of two units and one byte more, nothing */
    static char text[] = "a\xf0\x9f\x99\x82z";
    struct sc_run_trace trace = {
        .text = text, .answer = text, .n_tokens = 3, .stats = stats, .text_ends = ends};
    struct sc_run_instance instance = {.traces = &trace, .n_traces = 1};
    struct sc_run run = {.instances = &instance, .n_instances = 1};
    struct sc_token_scale scale;
    struct sc_text written = {0};
    struct sc_json_writer out = {.text = &written};
    assert_int_equal(sc_token_scale_make(&run, &scale, NULL), SC_OK);
    assert_true(scale.low == 3 && scale.high == 5 && scale.pale == 4);
    sc_put_tokens(&out, NULL, &trace, &scale);
    assert_string_equal(written.data, "\"BAAD__AgA\""); /* 1: 0; 3: 4095; 0: 2048 */
    sc_text_clear(&written);
    out = (struct sc_json_writer){.text = &written};
    scale.n_left = 2; /* the page is full */
    sc_put_tokens(&out, NULL, &trace, &scale);
    assert_int_equal(written.len, 0);
    assert_int_equal(scale.n_without, 1);
    trace.stats = NULL;
    assert_int_equal(sc_token_scale_make(&run, &scale, NULL), SC_OK);
    assert_true(isnan(scale.low));
    sc_put_tokens(&out, NULL, &trace, &scale);
    assert_int_equal(written.len, 0);
    sc_text_free(&written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_are_functions_of_run_db_alone),
        cmocka_unit_test(a_folder_that_cannot_be_read_or_written_is_named),
        cmocka_unit_test(memory_that_runs_out_leaves_no_half_of_a_file),
        cmocka_unit_test(a_damaged_replay_takes_nothing_from_the_report_but_its_picture),
        cmocka_unit_test(names_in_replay_json_are_text_in_the_page),
        cmocka_unit_test(an_interrupted_report_leaves_whole_files_and_no_parts),
        cmocka_unit_test(a_replay_in_memory_and_one_read_back_make_the_same_page),
        cmocka_unit_test(detectors_are_compared_after_a_second_reading),
        cmocka_unit_test(detectors_with_little_in_common_are_compared_all_the_same),
        cmocka_unit_test(memory_may_run_out_while_detectors_are_compared),
        cmocka_unit_test(the_tables_hold_every_instance_trace_and_estimate),
        cmocka_unit_test(a_field_cannot_act_as_a_formula_and_reads_back_as_it_was),
        cmocka_unit_test(exact_tables_keep_texts_as_they_are),
        cmocka_unit_test(tokens_of_the_page_take_three_characters_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
