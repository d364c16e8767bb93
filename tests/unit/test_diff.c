/* Two and more runs side by side: what is joined, what is counted and left out, figures against
 * plain sums, and what is said of it.  Runs are made up in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/diff/diff.h"
#include "report/diff.h"
#include "report/render.h"
#include "report_fixture.h"
#include "vocabulary/vocabulary.h"

enum { N = 40, N_TRACES = 5 };

static struct sc_run made(const char *hostile, const char *judge)
{
    return fixture_run(&(struct fixture_options){
        .n_instances = N, .n_traces = N_TRACES, .judge = judge, .hostile = hostile});
}

static void turn(struct sc_run *run, size_t i, enum sc_verdict verdict, size_t n_traces)
{
    for (size_t t = 0; t < n_traces; t++)
        run->instances[i].traces[t].verdict = verdict;
}

static void rename_to(char **what, const char *name)
{
    sc_free(*what);
    *what = sc_strdup(name);
    assert_non_null(*what);
}

/* Compares runs that are taken over. */
static enum sc_status compare(struct sc_diff *diff, struct sc_run *runs, size_t n,
                              struct sc_error *error)
{
    static const char *const names[] = {"results/first/", "/x/second", "third"};
    memset(diff, 0, sizeof *diff);
    for (size_t i = 0; i < n; i++) {
        enum sc_status status = sc_diff_add(diff, &runs[i], names[i], error);
        if (status != SC_OK)
            return status;
    }
    return sc_diff_compute(diff, error);
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9))
        fail_msg("expected %.17g, found %.17g", expected, found);
}

static double rate_of(const struct sc_run *run, size_t i)
{
    double refused = 0;
    for (size_t t = 0; t < N_TRACES; t++)
        refused += sc_verdict_is_refused(run->instances[i].traces[t].verdict);
    return refused / N_TRACES;
}

static void figures_are_means_over_the_common_prompts(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, NULL)};
    double a = 0, b = 0, unsafe = 0, n_unsafe = 0;
    for (size_t i = 0; i < N; i += 3)
        turn(&runs[1], i, SC_COMPLIANCE, 1 + i % N_TRACES);
    for (size_t i = 0; i < N; i++) {
        a += rate_of(&runs[0], i) / N;
        b += rate_of(&runs[1], i) / N;
        if (runs[0].instances[i].label == SC_LABEL_UNSAFE) {
            unsafe += rate_of(&runs[1], i) - rate_of(&runs[0], i);
            n_unsafe++;
        }
    }
    assert_int_equal(compare(&diff, runs, 2, NULL), SC_OK);
    const struct sc_diff_pair *pair = &diff.pairs[0];
    const struct sc_diff_figure *rate = &pair->all.refusal_rate;
    near(rate->a.value, a);
    near(rate->b.value, b);
    near(rate->difference.value, b - a);
    assert_true(rate->difference.low <= b - a && b - a <= rate->difference.high);
    assert_int_equal(rate->difference.n, N);
    near(pair->labels[SC_LABEL_UNSAFE].refusal_rate.difference.value, unsafe / n_unsafe);
    assert_string_equal(pair->harm_basis, "proxy");
    assert_true(pair->all.harm.difference.value > 0);
    /* loosely, what does not refuse an unsafe prompt is harmful */
    near(pair->attacks[0].loose.difference.value, -unsafe / n_unsafe);
    sc_diff_free(&diff);
}

static void a_run_against_itself_changed_nothing(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, NULL)};
    assert_int_equal(compare(&diff, runs, 2, NULL), SC_OK);
    const struct sc_diff_pair *pair = &diff.pairs[0];
    assert_int_equal(pair->n_common, N);
    assert_int_equal(pair->all.n_changed + pair->n_moved + pair->mcnemar.b + pair->mcnemar.c, 0);
    assert_true(pair->all.permutation.p >= 1 && pair->mcnemar.p >= 1);
    near(pair->all.refusal_rate.difference.value, 0);
    assert_true(pair->all.refusal_rate.difference.high > 0.05); /* no variation is not certainty */
    assert_true(pair->all.harm.difference.high > 0.05 && pair->all.harm.difference.low < -0.05);
    assert_non_null(strstr(diff.sentences[2], "No prompt changed"));
    assert_non_null(strstr(diff.sentences[3], "the same run"));
    sc_diff_free(&diff);
}

static void prompts_are_joined_by_id_and_text(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, NULL)};
    rename_to(&runs[0].instances[3].id, "only in a");
    rename_to(&runs[1].instances[3].id, "only in b, one");
    rename_to(&runs[1].instances[4].id, "only in b, two");
    rename_to(&runs[0].instances[4].id, "also only in a");
    rename_to(&runs[0].instances[5].id, "a third one");
    rename_to(&runs[1].instances[7].prompt, "asked otherwise");
    runs[1].instances[8].decisions[0].n_traces = 0; /* not finished */
    runs[1].instances[9].label = SC_LABEL_UNKNOWN;
    /* The order of the other file does not matter. */
    struct sc_run_instance last = runs[1].instances[N - 1];
    runs[1].instances[N - 1] = runs[1].instances[0];
    runs[1].instances[0] = last;
    assert_int_equal(compare(&diff, runs, 2, NULL), SC_OK);
    const struct sc_diff_pair *pair = &diff.pairs[0];
    assert_int_equal(pair->n_only_a, 3);
    assert_int_equal(pair->n_only_b, 3);
    assert_int_equal(pair->n_other_prompt, 1);
    assert_int_equal(pair->n_unfinished, 1);
    assert_int_equal(pair->n_common, N - 5);
    assert_int_equal(pair->n_other_label, 1);
    size_t labelled = 0;
    for (int l = 0; l < SC_N_LABELS; l++)
        labelled += pair->labels[l].n;
    assert_int_equal(labelled, N - 6);
    for (size_t m = 0; m < pair->n_common; m++)
        assert_string_equal(pair->a->run.instances[pair->matches[m].a].id,
                            pair->b->run.instances[pair->matches[m].b].id);
    assert_non_null(strstr(diff.sentences[3], "1 prompts have the same id and another text"));
    sc_diff_free(&diff);
}

static void prompts_of_one_id_are_the_same_where_that_is_asked(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_error error = {0};
    for (int by_id = 0; by_id < 2; by_id++) {
        struct sc_run runs[2] = {made(NULL, NULL), made(" and more", NULL)};
        memset(&diff, 0, sizeof diff);
        diff.by_id = by_id;
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(sc_diff_add(&diff, &runs[i], "x", NULL), SC_OK);
        assert_int_equal(sc_diff_compute(&diff, &error), by_id ? SC_OK : SC_ERR_FORMAT);
        assert_int_equal(diff.pairs[0].n_common, by_id ? N : 0);
        assert_int_equal(diff.pairs[0].n_other_prompt, N);
        if (by_id)
            assert_non_null(strstr(diff.sentences[3], "40 prompts have the same id and another "
                                                      "text: they are compared all the same"));
        sc_diff_free(&diff);
    }
    assert_non_null(strstr(error.text, "40 have the same id and another prompt (--by-id"));
}

static void a_conversation_is_part_of_the_prompt_and_a_system_message_a_setting(void **state)
{
    (void)state;
    static const struct {
        enum sc_role role;
        const char *text;
    } turns[2][4] = {{{SC_ROLE_SYSTEM, "Be terse."},
                      {SC_ROLE_USER, "Hello."},
                      {SC_ROLE_ASSISTANT, "Hi."},
                      {SC_ROLE_USER, "And?"}},
                     {{SC_ROLE_SYSTEM, "Be kind."},
                      {SC_ROLE_USER, "Hello."},
                      {SC_ROLE_ASSISTANT, "Ho."},
                      {SC_ROLE_USER, "And?"}}};
    struct sc_diff diff;
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, NULL)};
    for (size_t r = 0; r < 2; r++)
        for (size_t t = 0; t < 4; t++) {
            /* 1: all turns; 2: another system message alone; 3: a system message in one run */
            const char *same = turns[t == 0 ? r : 0][t].text;
            enum sc_role role = turns[r][t].role;
            sc_conversation_add(&runs[r].instances[1].conversation, role, turns[r][t].text, NULL);
            sc_conversation_add(&runs[r].instances[2].conversation, role, same, NULL);
            if (r == 1 && (t == 0 || t == 3))
                sc_conversation_add(&runs[r].instances[3].conversation, role, same, NULL);
        }
    runs[1].instances[4].prefill = sc_strdup("Sure");
    assert_int_equal(compare(&diff, runs, 2, NULL), SC_OK);
    assert_int_equal(diff.pairs[0].n_other_prompt, 1);
    assert_int_equal(diff.pairs[0].n_common, N - 1);
    assert_int_equal(diff.pairs[0].n_other_frame, 3);
    sc_diff_free(&diff);
}

static void runs_without_a_common_prompt_are_an_error(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_error error = {0};
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, NULL)};
    for (size_t i = 0; i < N; i++)
        runs[1].instances[i].id[0] = 'q';
    assert_int_equal(compare(&diff, runs, 2, &error), SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, "first and second: expected prompts"));
    assert_non_null(strstr(error.text, "40 are in the first only"));
    sc_diff_free(&diff);
}

static void undecided_runs_are_no_crash(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_error error = {0};
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, NULL)};
    for (size_t i = 0; i < N; i++)
        runs[0].instances[i].decisions[0].n_traces = 0;
    assert_int_equal(compare(&diff, runs, 2, &error), SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, "40 are not finished"));
    sc_diff_free(&diff);
}

static void answers_that_nobody_judged_are_in_no_rate(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, NULL)};
    for (size_t i = 0; i < N; i++)
        turn(&runs[1], i, SC_UNREACHED, N_TRACES);
    assert_int_equal(compare(&diff, runs, 2, NULL), SC_OK);
    const struct sc_diff_pair *pair = &diff.pairs[0];
    assert_true(isnan(pair->all.refusal_rate.difference.value));
    assert_non_null(pair->all.refusal_rate.difference.reason);
    assert_true(isnan(pair->all.permutation.p));
    assert_int_equal(pair->mcnemar.n_left_out, N);
    assert_int_equal(pair->b->n_unreached, N * N_TRACES);
    assert_non_null(
        strstr(diff.sentences[3], "200 of 200 answers of B ended inside the reasoning"));
    struct sc_text text = {0};
    assert_int_equal(sc_render_diff_terminal(&diff.document, 80, false, &text, NULL), SC_OK);
    sc_text_free(&text);
    sc_diff_free(&diff);
}

static void tables_of_moves_count_every_common_prompt(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_run runs[2] = {made(NULL, "guard"), made(NULL, "guard")};
    turn(&runs[0], 0, SC_REFUSAL, N_TRACES);
    turn(&runs[1], 0, SC_COMPLIANCE, N_TRACES);
    turn(&runs[0], 1, SC_COMPLIANCE, N_TRACES);
    turn(&runs[1], 1, SC_REFUSAL, N_TRACES);
    turn(&runs[0], 2, SC_REFUSAL, N_TRACES);
    turn(&runs[1], 2, SC_COMPLIANCE, N_TRACES);
    turn(&runs[1], 3, SC_UNPARSED, N_TRACES);
    assert_int_equal(compare(&diff, runs, 2, NULL), SC_OK);
    const struct sc_diff_pair *pair = &diff.pairs[0];
    assert_int_equal(pair->mcnemar.b, 2);
    assert_int_equal(pair->mcnemar.c, 1);
    assert_true(pair->mcnemar.p >= 1);
    assert_int_equal(pair->mcnemar.n_left_out, 1);
    assert_int_equal(pair->all.n_changed, 4);
    size_t behaviours = 0, quadrants = 0;
    for (size_t a = 0; a < SC_N_BEHAVIOURS; a++)
        for (size_t b = 0; b < SC_N_BEHAVIOURS; b++)
            behaviours += pair->behaviours[a][b];
    for (size_t a = 0; a <= SC_N_QUADRANTS; a++)
        for (size_t b = 0; b <= SC_N_QUADRANTS; b++)
            quadrants += pair->quadrants[a][b];
    assert_int_equal(behaviours, N);
    assert_int_equal(quadrants, N);
    for (size_t a = 0; a < SC_N_QUADRANTS; a++) {
        size_t n = 0, moved = 0;
        for (size_t b = 0; b <= SC_N_QUADRANTS; b++)
            n += pair->quadrants[a][b];
        for (size_t m = 0; m < pair->n_common; m++)
            moved += sc_diff_in_a(pair, m)->quadrant == (enum sc_quadrant)a &&
                     sc_diff_in_a(pair, m)->behaviour != sc_diff_in_b(pair, m)->behaviour;
        assert_int_equal(pair->by_quadrant[a].n, n);
        assert_int_equal(pair->by_quadrant[a].n_changed, moved);
    }
    assert_string_equal(pair->harm_basis, "guard");
    sc_diff_free(&diff);
}

static void what_is_measured_otherwise_is_not_subtracted(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, "guard")};
    runs[1].metric = SC_METRIC_TAIL;
    rename_to(&runs[1].model_name, "another");
    assert_int_equal(compare(&diff, runs, 2, NULL), SC_OK);
    const struct sc_diff_pair *pair = &diff.pairs[0];
    assert_true(isfinite(pair->all.harm.a.value) && isfinite(pair->all.harm.b.value));
    assert_true(isnan(pair->all.harm.difference.value) && pair->harm_basis == NULL);
    assert_non_null(strstr(pair->all.harm.difference.reason, "not judged the same way"));
    assert_true(isnan(pair->all.confidence.difference.value));
    assert_non_null(strstr(pair->all.confidence.difference.reason, "metrics differ"));
    sc_diff_free(&diff);

    struct sc_run others[2] = {made(NULL, NULL), made(NULL, NULL)};
    rename_to(&others[1].model_name, "another");
    assert_int_equal(compare(&diff, others, 2, NULL), SC_OK);
    assert_true(isfinite(diff.pairs[0].all.confidence.difference.value));
    assert_non_null(strstr(diff.pairs[0].confidence_note, "not a difference of certainty"));
    sc_diff_free(&diff);

    struct sc_run windows[2] = {made(NULL, NULL), made(NULL, NULL)};
    windows[0].confidence_top_k = 20;
    windows[1].confidence_top_k = 5;
    assert_int_equal(compare(&diff, windows, 2, NULL), SC_OK);
    assert_non_null(strstr(diff.pairs[0].all.confidence.difference.reason, "numbers of tokens"));
    sc_diff_free(&diff);
}

static void categories_are_adjusted_for_their_number(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, NULL)};
    for (size_t i = 0; i < N; i += 5) { /* "violence" */
        turn(&runs[0], i, SC_REFUSAL, N_TRACES);
        turn(&runs[1], i, SC_COMPLIANCE, N_TRACES);
    }
    assert_int_equal(compare(&diff, runs, 2, NULL), SC_OK);
    const struct sc_diff_pair *pair = &diff.pairs[0];
    size_t n = 0;
    assert_int_equal(pair->n_categories, 5);
    for (size_t k = 0; k < pair->n_categories; k++) {
        const struct sc_diff_group *g = &pair->categories[k];
        bool violence = strcmp(g->name, "violence") == 0;
        n += g->n;
        near(g->permutation.p, violence ? 2.0 / 256 : 1); /* 8 prompts, all one way */
        near(g->permutation.holm, violence ? 5 * 2.0 / 256 : 1);
    }
    assert_int_equal(n, N);
    assert_non_null(strstr(diff.sentences[2], "\"violence\" changed most clearly: -100.0 points"));
    sc_diff_free(&diff);
}

static void prompts_that_changed_most_come_first(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, NULL)};
    for (size_t i = 0; i < 2; i++) {
        turn(&runs[i], 11, i ? SC_COMPLIANCE : SC_REFUSAL, N_TRACES);
        turn(&runs[i], 20, SC_REFUSAL, N_TRACES);
    }
    turn(&runs[1], 20, SC_COMPLIANCE, 2);
    assert_int_equal(compare(&diff, runs, 2, NULL), SC_OK);
    const struct sc_node *root = diff.document.root;
    assert_int_equal(diff.pairs[0].n_moved, 2);
    assert_string_equal(sc_text_at(root, "changed_most.0.instance_id"), "prompt_11");
    assert_string_equal(sc_text_at(root, "changed_most.0.a.behaviour"), "refused");
    assert_string_equal(sc_text_at(root, "changed_most.0.b.behaviour"), "complied");
    assert_string_equal(sc_text_at(root, "changed_most.1.instance_id"), "prompt_20");
    near(sc_number_at(root, "changed_most.1.b.refusal_rate"), 0.6);
    assert_string_equal(sc_text_at(root, "changed_most.1.b.verdict"), "refusal");
    sc_diff_free(&diff);
}

static void settings_that_differ_are_named(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, NULL)};
    rename_to(&runs[0].config_json,
              "{\"model\":{\"name\":\"a\",\"dtype\":\"f32\"},\"benchmark\":{\"instances\":\"1\"},"
              "\"sampling\":{\"temperature\":0.7},\"policies\":[{\"max\":5}],\"gone\":1}");
    rename_to(&runs[1].config_json,
              "{\"model\":{\"name\":\"b\",\"dtype\":\"int8\"},\"benchmark\":{\"instances\":\"2\"},"
              "\"sampling\":{\"temperature\":1},\"policies\":[{\"max\":6}],\"come\":\"\\u001b\"}");
    assert_int_equal(compare(&diff, runs, 2, NULL), SC_OK);
    static const char *const fields[] = {"model.name",     "model.dtype", "sampling.temperature",
                                         "policies.0.max", "gone",        "come"};
    assert_int_equal(diff.n_settings, sizeof fields / sizeof *fields);
    for (size_t i = 0; i < diff.n_settings; i++)
        assert_string_equal(diff.settings[i].field, fields[i]);
    near(sc_number_at(diff.document.root, "settings_that_differ.2.b"), 1);
    assert_true(sc_absent_at(diff.document.root, "settings_that_differ.4.b"));
    assert_non_null(strstr(diff.sentences[3],
                           "5 settings differ, so that the difference has no one cause (model, "
                           "sampling.temperature, policies.0.max, gone, come)"));
    sc_diff_free(&diff);
}

static void three_runs_give_three_pairs(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_run runs[3] = {made(NULL, NULL), made(NULL, NULL), made(NULL, NULL)};
    for (size_t i = 0; i < N; i++)
        turn(&runs[2], i, SC_COMPLIANCE, N_TRACES);
    assert_int_equal(compare(&diff, runs, 3, NULL), SC_OK);
    assert_int_equal(diff.n_pairs, 3);
    for (size_t p = 0; p < 3; p++) {
        const struct sc_diff_permutation *t = &diff.pairs[p].all.permutation;
        assert_true(p == 0 ? t->p >= 1 : t->p < 0.01);
        assert_true(t->holm >= t->p);
    }
    near(diff.pairs[1].all.permutation.holm, 3 * diff.pairs[1].all.permutation.p);
    const struct sc_node *root = diff.document.root;
    assert_string_equal(sc_text_at(root, "pairs.2.a"), "B");
    assert_string_equal(sc_text_at(root, "pairs.2.b"), "C");
    near(sc_estimate_at(root, "pairs.2.refusal_rate.b")->value, 0);
    assert_string_equal(sc_text_at(root, "runs.2.name"), "third");
    assert_int_equal(sc_count_at(root, "in_all_runs.common"), N);
    assert_int_equal(sc_count_at(root, "in_all_runs.verdict_changed.n"),
                     diff.pairs[1].all.n_changed); /* only the third differs */
    assert_non_null(strstr(diff.sentences[1], "Of all 3 pairs of runs 2 differ (Holm)"));
    sc_diff_free(&diff);
}

/* ---- what is shown --------------------------------------------------------------------------- */

static const char hostile[] = " <script>alert(1)</script> \x1b[31m \xe2\x80\xae \xff \" & '";

static void json_has_the_shape_that_others_read(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "runs",       "prompts",      "refusal_rate",    "over_refusal", "harm",
        "confidence", "mcnemar",      "verdict_changed", "permutation",  "per_category",
        "per_label",  "changed_most", "per_quadrant"};
    struct sc_diff diff;
    struct sc_text text = {0};
    json_error_t why;
    struct sc_run runs[2] = {made(hostile, "guard"), made(hostile, "guard")};
    turn(&runs[1], 1, SC_COMPLIANCE, N_TRACES);
    assert_int_equal(compare(&diff, runs, 2, NULL), SC_OK);
    assert_int_equal(sc_render_json(&diff.document, &text, NULL), SC_OK);
    json_t *json = json_loads(text.data, JSON_REJECT_DUPLICATES, &why);
    assert_non_null(json);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_non_null(json_object_get(json, keys[i]));
    json_t *difference = json_object_get(json_object_get(json, "refusal_rate"), "difference");
    assert_int_equal(json_object_size(difference), 4);
    assert_true(json_is_integer(json_object_get(json_object_get(json, "mcnemar"), "b")));
    assert_null(memchr(text.data, '\x1b', text.len));
    json_decref(json);
    sc_text_free(&text);
    sc_diff_free(&diff);
}

static void a_terminal_gets_nothing_raw_and_no_long_line(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_run runs[3] = {made(hostile, NULL), made(hostile, NULL), made(hostile, "guard")};
    turn(&runs[1], 1, SC_COMPLIANCE, N_TRACES);
    rename_to(&runs[1].instances[6].id, hostile);
    rename_to(&runs[0].instances[6].id, hostile);
    assert_int_equal(compare(&diff, runs, 3, NULL), SC_OK);
    for (size_t width = 0; width <= 200; width += 40) {
        struct sc_text text = {0};
        assert_int_equal(sc_render_diff_terminal(&diff.document, width, false, &text, NULL), SC_OK);
        assert_null(memchr(text.data, '\x1b', text.len));
        assert_null(strstr(text.data, "\xe2\x80\xae"));
        assert_int_equal(sc_utf8_valid(text.data, text.len), text.len);
        for (const char *line = text.data; *line != '\0';) {
            size_t n = strcspn(line, "\n");
            size_t most = width < 80 ? 81 : width > 100 ? 100 : width; /* tables take 81 */
            if (n > most)                                              /* bytes: names are ASCII */
                fail_msg("%zu columns: %.*s", n, (int)n, line);
            line += n + (line[n] == '\n');
        }
        sc_text_free(&text);
    }
    sc_diff_free(&diff);
}

static void a_page_holds_text_as_text(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_text page = {0};
    struct sc_run runs[3] = {made(hostile, NULL), made(hostile, NULL), made(hostile, "guard")};
    rename_to(&runs[0].config_json, "{\"a<script>\":\"<img onerror=x>\",\"b\":[1]}");
    turn(&runs[1], 1, SC_COMPLIANCE, N_TRACES);
    assert_int_equal(compare(&diff, runs, 3, NULL), SC_OK);
    assert_int_equal(sc_render_diff_html(&diff.document, &page, NULL), SC_OK);
    assert_null(strstr(page.data, "<script"));
    assert_null(strstr(page.data, "<img"));
    assert_null(strstr(page.data, "@@"));
    assert_null(memchr(page.data, '\x1b', page.len));
    assert_null(strstr(page.data, "\xe2\x80\xae"));
    assert_int_equal(sc_utf8_valid(page.data, page.len), page.len);
    assert_non_null(strstr(page.data, "&lt;script&gt;alert(1)"));
    assert_non_null(strstr(page.data, "id=\"pairs\""));
    assert_non_null(strstr(page.data, "style-src 'nonce-"));
    sc_text_free(&page);
    sc_diff_free(&diff);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    enum sc_status status = SC_ERR_NOMEM;
    for (size_t n = 0; status != SC_OK; n++) {
        struct sc_diff diff;
        struct sc_error error = {0};
        struct sc_text text = {0};
        const struct fixture_options few = {.n_instances = 4, .n_traces = 2};
        struct sc_run runs[2] = {fixture_run(&few), fixture_run(&few)};
        turn(&runs[1], 1, SC_COMPLIANCE, few.n_traces);
        sc_memory_fail_at(n);
        status = compare(&diff, runs, 2, &error);
        if (status == SC_OK)
            status = sc_render_json(&diff.document, &text, &error);
        if (status == SC_OK)
            status = sc_render_diff_terminal(&diff.document, 80, true, &text, &error);
        if (status == SC_OK)
            status = sc_render_diff_html(&diff.document, &text, &error);
        bool was_whole = sc_memory_count() <= n;
        sc_memory_fail_at(SIZE_MAX);
        assert_int_equal(status, was_whole ? SC_OK : SC_ERR_NOMEM);
        assert_int_equal(error.status, status);
        sc_text_free(&text);
        sc_diff_free(&diff);
        sc_run_free(&runs[0]); /* those that were not taken over */
        sc_run_free(&runs[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_means_over_the_common_prompts),
        cmocka_unit_test(a_run_against_itself_changed_nothing),
        cmocka_unit_test(prompts_are_joined_by_id_and_text),
        cmocka_unit_test(prompts_of_one_id_are_the_same_where_that_is_asked),
        cmocka_unit_test(a_conversation_is_part_of_the_prompt_and_a_system_message_a_setting),
        cmocka_unit_test(runs_without_a_common_prompt_are_an_error),
        cmocka_unit_test(undecided_runs_are_no_crash),
        cmocka_unit_test(answers_that_nobody_judged_are_in_no_rate),
        cmocka_unit_test(tables_of_moves_count_every_common_prompt),
        cmocka_unit_test(what_is_measured_otherwise_is_not_subtracted),
        cmocka_unit_test(categories_are_adjusted_for_their_number),
        cmocka_unit_test(prompts_that_changed_most_come_first),
        cmocka_unit_test(settings_that_differ_are_named),
        cmocka_unit_test(three_runs_give_three_pairs),
        cmocka_unit_test(json_has_the_shape_that_others_read),
        cmocka_unit_test(a_terminal_gets_nothing_raw_and_no_long_line),
        cmocka_unit_test(a_page_holds_text_as_text),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
