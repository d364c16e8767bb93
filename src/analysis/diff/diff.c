/* Runs loaded, compared in pairs, and put into one document: diff.h. */
#include "analysis/diff/diff.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "vocabulary/vocabulary.h"

/* ---- one run --------------------------------------------------------------------------------- */

static void count_traces(struct sc_diff_run *r)
{
    const struct sc_run *run = &r->run;
    r->fewest_traces = SIZE_MAX;
    for (size_t i = 0; i < run->n_instances; i++) {
        const struct sc_summary *s = &r->view.instances[i];
        if (!s->decided)
            continue;
        r->fewest_traces = s->n_traces < r->fewest_traces ? s->n_traces : r->fewest_traces;
        r->most_traces = s->n_traces > r->most_traces ? s->n_traces : r->most_traces;
        r->n_traces += s->n_traces;
        r->n_failed += s->n_failed;
        r->n_unparsed += s->n_unparsed;
        r->n_unreached += s->n_unreached;
        r->n_filtered += s->n_filtered;
        r->n_withheld += s->n_withheld;
    }
    if (r->fewest_traces == SIZE_MAX)
        r->fewest_traces = 0;
}

static enum sc_status prepare_run(struct sc_diff_run *r, const char *folder, struct sc_error *error)
{
    const struct sc_run *run = &r->run;
    size_t n;
    const char *name = sc_path_last(folder, &n);
    r->name = sc_strndup(name, n);
    if (r->name == NULL)
        return sc_fail_nomem(error, "name of a run");
    if (run->n_policies == 0 || run->primary >= run->n_policies)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: primary policy %zu: expected less than %zu policies", r->name,
                       run->primary, run->n_policies);
    if (run->config_json != NULL)
        SC_TRY(sc_json_parse(run->config_json, strlen(run->config_json), "configuration of the run",
                             &r->config, error));
    r->proxy = sc_judge_is_none(run->judge);
    r->largest_policy = sc_largest_policy(run);
    SC_TRY(sc_view_make(run, run->primary, &r->view, error));
    SC_TRY(sc_view_make(run, r->largest_policy, &r->largest, error));
    count_traces(r);
    sc_run_confidence_basis(run, run->metric, r->confidence_basis);
    return SC_OK;
}

enum sc_status sc_diff_add(struct sc_diff *diff, struct sc_run *run, const char *folder,
                           struct sc_error *error)
{
    assert(diff->n_runs < SC_DIFF_MOST_RUNS);
    struct sc_diff_run *r = &diff->runs[diff->n_runs];
    snprintf(r->mark, sizeof r->mark, "%c", (char)('A' + diff->n_runs));
    r->run = *run;
    memset(run, 0, sizeof *run);
    diff->n_runs++;
    return prepare_run(r, folder, error);
}

/* ---- pairs ----------------------------------------------------------------------------------- */

/* Adjusts the tests of the pairs for their number. */
static enum sc_status adjust_pairs(struct sc_diff *diff, struct sc_error *error)
{
    size_t n = diff->n_pairs;
    double *p = sc_alloc_array(sc_size_mul(n, 2), sizeof *p);
    if (p == NULL)
        return sc_fail_nomem(error, "tests of the pairs");
    for (size_t i = 0; i < n; i++)
        p[i] = diff->pairs[i].all.permutation.p;
    sc_holm(p, n, p + n);
    for (size_t i = 0; i < n; i++) {
        diff->pairs[i].all.permutation.holm = p[n + i];
        p[i] = diff->pairs[i].mcnemar.p;
    }
    sc_holm(p, n, p + n);
    for (size_t i = 0; i < n; i++)
        diff->pairs[i].mcnemar.holm = p[n + i];
    sc_free(p);
    return SC_OK;
}

/* Over the prompts that all runs share, by the pairs of the first run with each other one. */
static enum sc_status count_in_all(struct sc_diff *diff, struct sc_error *error)
{
    size_t n = diff->runs[0].run.n_instances;
    size_t *n_others = sc_alloc_zero(n, sizeof *n_others);
    bool *changed = sc_alloc_zero(n, sizeof *changed);
    bool whole = n_others != NULL && changed != NULL;
    for (size_t p = 0; whole && p + 1 < diff->n_runs; p++) {
        const struct sc_diff_pair *pair = &diff->pairs[p];
        for (size_t m = 0; m < pair->n_common; m++) {
            size_t i = pair->matches[m].a;
            n_others[i]++;
            changed[i] =
                changed[i] || sc_diff_in_a(pair, m)->behaviour != sc_diff_in_b(pair, m)->behaviour;
        }
    }
    for (size_t i = 0; whole && i < n; i++) {
        diff->n_in_all += n_others[i] + 1 == diff->n_runs;
        diff->n_changed_in_any += n_others[i] + 1 == diff->n_runs && changed[i];
    }
    sc_free(n_others);
    sc_free(changed);
    return whole ? SC_OK : sc_fail_nomem(error, "prompts of all runs");
}

enum sc_status sc_diff_compute(struct sc_diff *diff, struct sc_error *error)
{
    assert(diff->n_runs >= 2 && diff->pairs == NULL);
    size_t n = diff->n_runs;
    diff->pairs = sc_alloc_zero(n * (n - 1) / 2, sizeof *diff->pairs);
    if (diff->pairs == NULL)
        return sc_fail_nomem(error, "pairs of runs");
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            struct sc_diff_pair *pair = &diff->pairs[diff->n_pairs];
            pair->a = &diff->runs[i];
            pair->b = &diff->runs[j];
            pair->by_id = diff->by_id;
            pair->whole = diff->n_pairs++ == 0;
            SC_TRY(sc_diff_join(pair, error));
            SC_TRY(sc_diff_figures(pair, error));
            if (pair->whole)
                SC_TRY(sc_diff_rank(pair, error));
        }
    SC_TRY(adjust_pairs(diff, error));
    SC_TRY(count_in_all(diff, error));
    SC_TRY(sc_diff_find_settings(diff, error));
    SC_TRY(sc_diff_say(diff, error));
    sc_document_put_diff(&diff->document, diff);
    return diff->document.failed ? sc_fail_nomem(error, "comparison of runs") : SC_OK;
}

static enum sc_status make(const char *const *folders, size_t n, struct sc_diff *out,
                           struct sc_error *error)
{
    for (size_t i = 0; i < n; i++) {
        struct sc_run run = {0};
        SC_TRY(sc_run_load(folders[i], false, &run, error));
        SC_TRY(sc_diff_add(out, &run, folders[i], error));
    }
    return sc_diff_compute(out, error);
}

enum sc_status sc_diff_make(const char *const *folders, size_t n, bool by_id, struct sc_diff *out,
                            struct sc_error *error)
{
    memset(out, 0, sizeof *out);
    out->by_id = by_id;
    if (n < 2 || n > SC_DIFF_MOST_RUNS)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "diff: expected the folders of 2 to %d runs, found %zu", SC_DIFF_MOST_RUNS,
                       n);
    struct sc_error local = {0};
    enum sc_status status = make(folders, n, out, &local);
    return status == SC_OK ? SC_OK : sc_fail(error, status, "%s", local.text);
}

void sc_diff_free(struct sc_diff *diff)
{
    if (diff == NULL)
        return;
    for (size_t i = 0; i < diff->n_runs; i++) {
        struct sc_diff_run *r = &diff->runs[i];
        sc_free(r->view.instances);
        sc_free(r->largest.instances);
        json_decref(r->config);
        sc_free(r->name);
        sc_run_free(&r->run);
    }
    for (size_t i = 0; i < diff->n_pairs; i++) {
        sc_free(diff->pairs[i].matches);
        sc_free(diff->pairs[i].categories);
        sc_free(diff->pairs[i].most);
    }
    sc_free(diff->pairs);
    for (size_t i = 0; i < diff->n_settings; i++)
        sc_free(diff->settings[i].field);
    sc_free(diff->settings);
    for (size_t i = 0; i < SC_DIFF_N_SENTENCES; i++)
        sc_free(diff->sentences[i]);
    for (size_t i = 0; i < diff->n_notes; i++)
        sc_free(diff->notes[i]);
    sc_document_free(&diff->document);
    memset(diff, 0, sizeof *diff);
}
