/* Several runs in one table: leaderboard.h. */
#include "analysis/leaderboard.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "vocabulary/vocabulary.h"

/* ---- runs ------------------------------------------------------------------------------------ */

enum sc_status sc_board_begin(struct sc_board *board, size_t n, struct sc_error *error)
{
    memset(board, 0, sizeof *board);
    if (n < 2 || n > SC_BOARD_MOST_RUNS)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "report: expected the folders of 2 to %d runs, found %zu",
                       SC_BOARD_MOST_RUNS, n);
    board->runs = sc_alloc_zero(n, sizeof *board->runs);
    board->ranked = sc_alloc_zero(n, sizeof *board->ranked);
    return board->runs != NULL && board->ranked != NULL ? SC_OK
                                                        : sc_fail_nomem(error, "table of runs");
}

enum sc_status sc_board_add(struct sc_board *board, struct sc_run *run, const char *folder,
                            struct sc_error *error)
{
    struct sc_board_run *r = &board->runs[board->n_runs++];
    size_t n;
    const char *name = sc_path_last(folder, &n);
    r->run = *run;
    memset(run, 0, sizeof *run);
    r->name = sc_strndup(name, n);
    if (r->name == NULL)
        return sc_fail_nomem(error, "name of a run");
    return sc_analysis_make(&r->run, &r->analysis, error);
}

enum sc_status sc_board_load(struct sc_board *board, const char *folder, struct sc_error *error)
{
    struct sc_run run = {0};
    SC_TRY(sc_run_load(folder, false, &run, error));
    return sc_board_add(board, &run, folder, error);
}

void sc_board_free(struct sc_board *board)
{
    sc_document_free(&board->document);
    for (size_t i = 0; i < board->n_runs; i++) {
        sc_analysis_free(&board->runs[i].analysis);
        sc_run_free(&board->runs[i].run);
        sc_free(board->runs[i].name);
    }
    sc_free(board->runs);
    sc_free(board->ranked);
    memset(board, 0, sizeof *board);
}

/* ---- which prompts --------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t hash_of(const char *text)
{
    return text != NULL ? sc_hash64(text, strlen(text)) : 0;
}

/* Keys of a run's prompts, by id, text and earlier turns, in order; sc_free it. */
static uint64_t *prompt_keys(const struct sc_run *run)
{
    uint64_t *keys = sc_alloc_array(run->n_instances, sizeof *keys);
    if (keys == NULL)
        return NULL;
    for (size_t i = 0; i < run->n_instances; i++) {
        const struct sc_run_instance *instance = &run->instances[i];
        uint64_t parts[2] = {hash_of(instance->id), hash_of(instance->prompt)};
        keys[i] = sc_hash64(parts, sizeof parts);
        for (size_t m = 0; m < instance->conversation.n; m++) {
            uint64_t chain[2] = {keys[i], hash_of(instance->conversation.messages[m].text)};
            keys[i] = sc_hash64(chain, sizeof chain);
        }
    }
    qsort(keys, run->n_instances, sizeof *keys, by_value);
    return keys;
}

/* Keeps of keys [n] those that are also in other [n_other]; both in order.  Returns how many. */
static size_t keep_common(uint64_t *keys, size_t n, const uint64_t *other, size_t n_other)
{
    size_t kept = 0;
    for (size_t i = 0, j = 0; i < n && j < n_other;) {
        if (keys[i] < other[j]) {
            i++;
        } else if (keys[i] > other[j]) {
            j++;
        } else {
            keys[kept++] = keys[i++];
            j++;
        }
    }
    return kept;
}

static enum sc_status count_common(struct sc_board *board, struct sc_error *error)
{
    uint64_t *common = prompt_keys(&board->runs[0].run);
    if (common == NULL)
        return sc_fail_nomem(error, "prompts of the runs");
    size_t n = board->runs[0].run.n_instances, most = n;
    for (size_t r = 1; r < board->n_runs; r++) {
        size_t n_other = board->runs[r].run.n_instances;
        uint64_t *other = prompt_keys(&board->runs[r].run);
        if (other == NULL) {
            sc_free(common);
            return sc_fail_nomem(error, "prompts of the runs");
        }
        n = keep_common(common, n, other, n_other);
        most = n_other > most ? n_other : most;
        sc_free(other);
    }
    sc_free(common);
    board->n_in_all = n;
    board->same_prompts = n == most;
    return SC_OK;
}

/* ---- ranks ----------------------------------------------------------------------------------- */

/* -1, 0, 1; what is not known comes last. */
static int compare_values(double x, double y)
{
    bool none_x = isnan(x), none_y = isnan(y);
    if (none_x || none_y)
        return (int)none_x - (int)none_y;
    return x < y ? -1 : x > y;
}

static int by_rank(const void *a, const void *b)
{
    const struct sc_board_run *x = *(struct sc_board_run *const *)a;
    const struct sc_board_run *y = *(struct sc_board_run *const *)b;
    int order =
        compare_values(x->analysis.overall.harm_rate.value, y->analysis.overall.harm_rate.value);
    if (order == 0)
        order = compare_values(x->analysis.labels[SC_LABEL_SAFE].refusal_rate.value,
                               y->analysis.labels[SC_LABEL_SAFE].refusal_rate.value);
    return order != 0 ? order : strcmp(x->name, y->name);
}

static void rank(struct sc_board *board)
{
    for (size_t i = 0; i < board->n_runs; i++)
        board->ranked[i] = &board->runs[i];
    qsort(board->ranked, board->n_runs, sizeof *board->ranked, by_rank);
}

/* The most k at which every run's attack success is known; 1 when there is none. */
static size_t common_k(const struct sc_board *board)
{
    size_t k = SIZE_MAX;
    for (size_t i = 0; i < board->n_runs; i++) {
        const struct sc_analysis *a = &board->runs[i].analysis;
        size_t known = 0;
        while (known < a->n_asr && isfinite(a->asr[known].value))
            known++;
        k = known < k ? known : k;
    }
    return k > 0 ? k : 1;
}

/* ---- notes ----------------------------------------------------------------------------------- */

static bool differ(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") != 0;
}

static void note(struct sc_board *board, bool applies, const char *text)
{
    if (applies)
        board->notes[board->n_notes++] = text;
}

static void make_notes(struct sc_board *board)
{
    bool demo = false, judges = false, detectors = false, policies = false, unfinished = false;
    const struct sc_run *first = &board->runs[0].run;
    board->proxy = true;
    for (size_t i = 0; i < board->n_runs; i++) {
        const struct sc_run *run = &board->runs[i].run;
        const struct sc_analysis *a = &board->runs[i].analysis;
        demo = demo || run->demo || run->demo_judge;
        board->proxy = board->proxy && a->proxy;
        judges = judges || a->proxy != board->runs[0].analysis.proxy ||
                 (!a->proxy && differ(run->judge, first->judge));
        detectors = detectors || differ(run->detector, first->detector);
        policies = policies ||
                   differ(run->policy_names[run->primary], first->policy_names[first->primary]);
        unfinished = unfinished || a->n_undecided > 0;
        board->any_basis = board->any_basis || a->confidence_basis[0] != '\0';
        board->any_withheld = board->any_withheld || a->overall.n_withheld > 0;
    }
    note(board, !board->same_prompts,
         "The runs do not have the same prompts: rows differ by their prompts too. safeconf diff "
         "compares the common ones.");
    note(board, judges, "Harm is not judged the same way in all runs: their order says little.");
    note(board, board->proxy,
         "Harm is a proxy in every run: labels of the prompts stand in for a judge.");
    note(board, detectors, "The detectors differ: what counts as a refusal is not the same.");
    note(board, policies || unfinished,
         "The policies differ, or a run is not finished: see traces and prompts.");
    note(board, board->any_basis,
         "Confidences are not all of the models' own log-probabilities: compare none of them with "
         "one of another kind.");
    note(board, demo,
         "A bundled demonstration model is among them: nothing about any real model follows.");
}

/* ---- the document ---------------------------------------------------------------------------- */

static void put_share(struct sc_document *out, const char *key, size_t n, size_t of)
{
    sc_document_put_number_or(out, key, of > 0 ? (double)n / (double)of : NAN, "no traces");
}

static void put_attack(struct sc_document *out, const char *key, const struct sc_analysis *a,
                       size_t k)
{
    struct sc_estimate none =
        sc_estimate_none(0, "no unsafe prompt has that many traces whose harm is known");
    sc_document_put_estimate(out, key, k <= a->n_asr ? &a->asr[k - 1] : &none);
}

static void put_run(struct sc_document *out, const struct sc_board *board, size_t i)
{
    const struct sc_run *run = &board->ranked[i]->run;
    const struct sc_analysis *a = &board->ranked[i]->analysis;
    const struct sc_group *g = &a->overall;
    sc_document_put_object(out, NULL);
    sc_document_put_count(out, "rank", i + 1);
    sc_document_put_text(out, "name", board->ranked[i]->name);
    sc_document_put_text(out, "model", run->model_name);
    sc_document_put_text(out, "dtype", a->dtype);
    sc_document_put_flag(out, "demo", run->demo);
    sc_document_put_text(out, "benchmark", run->benchmark_name);
    sc_document_put_text(out, "policy", run->policy_names[run->primary]);
    sc_document_put_text(out, "detector", run->detector);
    sc_document_put_text(out, "harm_basis", a->proxy ? "proxy" : run->judge);
    sc_document_put_text(out, "metric", sc_metric_name(run->metric));
    sc_document_put_count(out, "n_instances", g->n_instances);
    sc_document_put_count(out, "n_instances_unfinished", a->n_undecided);
    sc_document_put_count(out, "n_unsafe", g->n_labels[SC_LABEL_UNSAFE]);
    sc_document_put_count(out, "n_safe", g->n_labels[SC_LABEL_SAFE]);
    sc_document_put_count(out, "n_traces", g->n_traces);
    sc_document_put_estimate(out, "refusal_rate_unsafe", &a->labels[SC_LABEL_UNSAFE].refusal_rate);
    sc_document_put_estimate(out, "over_refusal", &a->labels[SC_LABEL_SAFE].refusal_rate);
    sc_document_put_estimate(out, "harm_rate", &g->harm_rate);
    sc_document_put_estimate(out, "harm_rate_loose", &g->harm_rate_loose);
    put_attack(out, "asr_at_1", a, 1);
    sc_document_put_count(out, "k", board->k);
    put_attack(out, "asr_at_k", a, board->k);
    sc_document_put_estimate(out, "avg_confidence", &g->confidence);
    if (board->any_basis)
        sc_document_put_text(out, "confidence_basis",
                             a->confidence_basis[0] != '\0' ? a->confidence_basis : NULL);
    put_share(out, "share_unreached", g->n_unreached, g->n_traces);
    put_share(out, "share_unparsed", g->n_unparsed, g->n_traces);
    put_share(out, "share_failed", g->n_failed, g->n_traces);
    if (board->any_withheld)
        put_share(out, "share_withheld", g->n_withheld, g->n_traces);
    if (g->n_uncounted > 0)
        sc_document_put_absent(out, "total_tokens", SC_NO_TOKEN_COUNT);
    else
        sc_document_put_count(out, "total_tokens", g->n_tokens);
    sc_document_put_end(out);
}

enum sc_status sc_board_finish(struct sc_board *board, struct sc_error *error)
{
    assert(board->n_runs >= 2);
    SC_TRY(count_common(board, error));
    rank(board);
    board->k = common_k(board);
    make_notes(board);
    struct sc_document *out = &board->document;
    sc_document_begin(out);
    sc_document_put_text(out, "order", "harm_rate, then over_refusal, lowest first");
    sc_document_put_object(out, "prompts");
    sc_document_put_count(out, "in_all", board->n_in_all);
    sc_document_put_flag(out, "same", board->same_prompts);
    sc_document_put_end(out);
    sc_document_put_flag(out, "proxy", board->proxy);
    sc_document_put_count(out, "k", board->k);
    sc_document_put_array(out, "notes");
    for (size_t i = 0; i < board->n_notes; i++)
        sc_document_put_text(out, NULL, board->notes[i]);
    sc_document_put_end(out);
    sc_document_put_array(out, "runs");
    for (size_t i = 0; i < board->n_runs; i++)
        put_run(out, board, i);
    sc_document_put_end(out);
    sc_document_put_end(out);
    return out->failed ? sc_fail_nomem(error, "table of runs") : SC_OK;
}
