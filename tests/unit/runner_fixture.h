/*
 * For tests of the runner: a language whose tokens are bytes, a backend that ends made-up traces in
 * any order, and a run of both.  No model is needed.
 */
#ifndef RUNNER_FIXTURE_H
#define RUNNER_FIXTURE_H

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "detection/detection.h"
#include "experiment/run/runner.h"
#include "run_fixture.h"

enum { END_ID = 0, THINK_END_ID = 1, MOST_PARALLEL = 64 };

/* ---- a language whose tokens are bytes --------------------------------------------------------
 */

struct talk {
    size_t n_encoded;
};

static inline enum sc_status talk_encode(void *context, const char *prompt, int32_t **ids,
                                         size_t *n_ids, struct sc_error *error)
{
    struct talk *talk = context;
    size_t n = strlen(prompt);
    talk->n_encoded++;
    if (strncmp(prompt, "refuse to encode", 16) == 0)
        return sc_fail(error, SC_ERR_FORMAT, "prompt: cannot be encoded");
    *ids = sc_alloc_array(n, sizeof **ids);
    if (*ids == NULL)
        return sc_fail_nomem(error, "prompt");
    for (size_t i = 0; i < n; i++)
        (*ids)[i] = (unsigned char)prompt[i];
    *n_ids = n;
    return SC_OK;
}

static inline enum sc_status talk_decode(void *context, const int32_t *ids, size_t n_ids,
                                         char **text, struct sc_error *error)
{
    struct sc_text out = {0};
    (void)context;
    for (size_t i = 0; i < n_ids; i++)
        if (ids[i] != END_ID && ids[i] != THINK_END_ID)
            sc_text_putc(&out, (char)ids[i]);
    *text = sc_text_take(&out);
    return *text != NULL ? SC_OK : sc_fail_nomem(error, "text");
}

/* A sequence that begins with '<' thinks. */
static inline size_t talk_reasoning(void *context, const int32_t *ids, size_t n_ids)
{
    (void)context;
    if (n_ids == 0 || ids[0] != '<')
        return 0;
    for (size_t i = 0; i < n_ids; i++)
        if (ids[i] == THINK_END_ID)
            return i + 1;
    return n_ids;
}

/* ---- a backend that ends traces in any order --------------------------------------------------
 */

struct backend {
    size_t parallel, n_sampled;
    struct sc_random order;
    size_t stop_after;  /* interrupts itself after so many traces; 0: never */
    int wrong;          /* 1: a trace that nobody asked for; 2: says done too early */
    bool fails, thinks; /* some traces fail; some think */
    const struct talk *talk;
    const struct sc_run_summary *summary;
    unsigned char seen[FIXTURE_MOST_INSTANCES][16]; /* how often each trace was sampled */
};

struct sampled {
    int32_t ids[FIXTURE_MOST_TOKENS];
    struct sc_token_stats stats[FIXTURE_MOST_TOKENS];
    struct sc_trace_result result;
};

/* A trace is a function of the instance and the index alone. */
static inline void sample(const struct backend *backend, const struct sc_trace_request *request,
                          struct sampled *out)
{
    static const char *const answers[] = {"I'm sorry, but I can't help with that.",
                                          "Sure, here is how.", "<think of it", "<hm\001Sure, go.",
                                          "   "};
    struct sc_random random = {SC_STREAM_STATISTICS, request->seed,
                               request->instance_key + request->trace_index, 0};
    size_t kind = sc_random_below(&random, backend->thinks ? 5 : 2);
    size_t n = strlen(answers[kind]);
    double level = 3 + sc_random_next(&random);
    for (size_t i = 0; i <= n; i++) {
        out->ids[i] = i < n ? (unsigned char)answers[kind][i] : END_ID;
        out->stats[i] = (struct sc_token_stats){
            (float)-sc_random_next(&random), (float)-sc_random_next(&random),
            (float)(level + 0.2 * sc_random_next(&random)), (float)sc_random_next(&random)};
    }
    out->result = (struct sc_trace_result){.request = request,
                                           .finish = SC_FINISH_STOP,
                                           .ids = out->ids,
                                           .stats = out->stats,
                                           .n = n + 1};
    if (backend->fails && sc_random_below(&random, 5) == 0) {
        out->result.finish = SC_FINISH_FAILED;
        out->result.failure = "logits of answer token 3: expected finite numbers";
        out->result.n = 3;
    } else if (backend->fails && sc_random_below(&random, 10) == 0) {
        out->stats[4].confidence = NAN; /* a backend that does not look */
    }
}

/* Lets the source cut the trace, as the engine does. */
static inline void maybe_cut(const struct sc_trace_source *source, struct sampled *sampled)
{
    struct sc_trace_result *result = &sampled->result;
    bool failed = result->finish == SC_FINISH_FAILED;
    for (size_t n = 1; source->keep != NULL && n <= result->n; n++)
        if (!source->keep(source->context, result->request, sampled->stats, n) &&
            (failed || n < result->n)) {
            result->n = n;
            result->finish = SC_FINISH_CUT;
            result->failure = NULL;
        }
}

static inline enum sc_status backend_run(void *context, const struct sc_trace_source *source,
                                         struct sc_error *error)
{
    struct backend *backend = context;
    struct sc_trace_request flight[MOST_PARALLEL];
    struct sc_step_report report = {.parallel = backend->parallel};
    size_t n = 0, n_done = 0;
    bool finished = false;
    for (;;) {
        while (!finished && n < backend->parallel) {
            int more = source->next(source->context, &flight[n]);
            finished = more < 0;
            if (more <= 0)
                break;
            n++;
        }
        /* Prompts are encoded when they are needed, not before. */
        if (backend->stop_after == 0)
            assert_true(backend->talk->n_encoded <=
                        backend->summary->progress.n_instances_done + backend->parallel + 1);
        if (n == 0 || (backend->wrong == 2 && n_done == 5))
            return finished || backend->wrong ? SC_OK : sc_fail(error, SC_ERR_INTERNAL, "starved");
        struct sampled sampled;
        size_t pick = sc_random_below(&backend->order, n);
        struct sc_trace_request request = flight[pick];
        memmove(&flight[pick], &flight[pick + 1], (--n - pick) * sizeof *flight);
        size_t position = (size_t)request.prompt_key - 1;
        if (backend->wrong == 1 && n_done == 5)
            request.trace_index = 9;
        else
            backend->seen[position][request.trace_index]++;
        sample(backend, &request, &sampled);
        maybe_cut(source, &sampled);
        enum sc_status status = source->done(source->context, &sampled.result, error);
        if (status != SC_OK)
            return status;
        backend->n_sampled++;
        report.n_steps++;
        report.n_generated += sampled.result.n;
        report.width = n + 1;
        report.width_sum += (double)report.width;
        if (!source->step(source->context, &report) ||
            (backend->stop_after && ++n_done == backend->stop_after))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        n_done += backend->stop_after == 0;
    }
}

/* ---- running and comparing --------------------------------------------------------------------
 */

struct rig {
    struct run_fixture f;
    struct talk talk;
    struct backend backend;
    struct sc_run_observer observer;
    struct sc_run_summary summary;
    struct sc_error error;
    size_t limit_pages, max_prompt, n_reports;
};

static inline void rig_make(struct rig *rig, size_t n_instances)
{
    memset(rig, 0, sizeof *rig);
    assert_int_equal(fixture_make(&rig->f, n_instances), 0);
    rig->f.policies[3] = sc_policy_default();
    rig->f.policies[3].kind = SC_POLICY_CURTAILED;
    rig->f.options.n_policies = 4;
    rig->f.options.seed = 5;
    rig->f.facts.detector = sc_detector_version();
    sc_free(rig->f.config);
    assert_int_equal(sc_config_write(&rig->f.options, &rig->f.facts, &rig->f.config, NULL), SC_OK);
    rig->backend.parallel = 4;
    rig->backend.order = (struct sc_random){SC_STREAM_STATISTICS, 1, 2, 0};
    rig->max_prompt = 1000;
}

static inline enum sc_status rig_run(struct rig *rig)
{
    static const int32_t end_ids[] = {END_ID};
    struct sc_runner_setup setup = {
        .instances = rig->f.instances,
        .n_instances = rig->f.benchmark.n_instances,
        .options = &rig->f.options,
        .sampling = rig->f.facts.sampling,
        .end_ids = end_ids,
        .n_end_ids = 1,
        .max_prompt = rig->max_prompt,
        .detector = rig->f.facts.detector,
        .language = {&rig->talk, talk_encode, talk_decode, talk_reasoning},
        .backend = {&rig->backend, backend_run},
        .observer = &rig->observer,
    };
    bool resumed;
    rig->error = (struct sc_error){0};
    rig->talk = (struct talk){0};
    rig->backend.talk = &rig->talk;
    rig->backend.summary = &rig->summary;
    rig->summary = (struct sc_run_summary){0};
    enum sc_status status =
        sc_store_open(&setup.store, rig->f.folder, rig->f.config, rig->f.instances,
                      setup.n_instances, &resumed, &rig->error);
    if (status == SC_OK && rig->limit_pages)
        status = sc_store_limit_pages(setup.store, rig->limit_pages, &rig->error);
    if (status == SC_OK)
        status = sc_runner_run(&setup, &rig->summary, &rig->error);
    sc_store_close(setup.store);
    return status;
}

static inline void assert_done(struct rig *rig)
{
    enum sc_status status = rig_run(rig);
    if (status != SC_OK)
        fail_msg("%s: %s", sc_status_text(status), rig->error.text);
}

static inline void put_bytes(struct sc_text *out, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sc_text_printf(out, "%02x", ((const unsigned char *)bytes)[i]);
    sc_text_putc(out, '\n');
}

/* All that a loaded run says, as text. */
static inline char *describe(const struct rig *rig)
{
    struct sc_run run;
    struct sc_error error = {0};
    struct sc_text out = {0};
    if (sc_run_load(rig->f.folder, true, &run, &error) != SC_OK)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < run.n_instances; i++) {
        const struct sc_run_instance *instance = &run.instances[i];
        sc_text_printf(&out, "%s %zu\n", instance->id, instance->n_traces);
        for (size_t p = 0; p < run.n_policies; p++)
            sc_text_printf(
                &out, "%s %zu %s %.17g\n", run.policy_names[p], instance->decisions[p].n_traces,
                instance->decisions[p].stop_reason != NULL ? instance->decisions[p].stop_reason
                                                           : "-",
                instance->decisions[p].bar);
        for (size_t t = 0; t < instance->n_traces; t++) {
            const struct sc_run_trace *trace = &instance->traces[t];
            sc_text_printf(&out, "%u|%s|%s|%zu %zu %d %s %d %s %s %zu %zu %d\n", trace->index,
                           trace->text, trace->answer, trace->n_tokens, trace->n_reasoning,
                           (int)trace->finish, trace->failure != NULL ? trace->failure : "-",
                           (int)trace->verdict, trace->detector, trace->rule, trace->begin,
                           trace->end, (int)trace->harm);
            for (int m = 0; m < SC_N_METRICS; m++)
                sc_text_printf(&out, "%.17g %.17g %.17g\n", trace->metrics[m],
                               trace->reasoning_metrics[m], trace->answer_metrics[m]);
            put_bytes(&out, trace->ids, trace->n_tokens * sizeof *trace->ids);
            put_bytes(&out, trace->stats, trace->n_tokens * sizeof *trace->stats);
        }
    }
    sc_run_free(&run);
    char *text = sc_text_take(&out);
    assert_non_null(text);
    return text;
}

static inline char *undisturbed(size_t n_instances, bool fails, bool thinks)
{
    struct rig rig;
    rig_make(&rig, n_instances);
    rig.backend.fails = fails;
    rig.backend.thinks = thinks;
    rig.backend.parallel = 1;
    assert_done(&rig);
    char *text = describe(&rig);
    fixture_free(&rig.f);
    return text;
}

static inline void assert_sampled_once(const struct rig *rig)
{
    for (size_t i = 0; i < FIXTURE_MOST_INSTANCES; i++)
        for (size_t t = 0; t < 16; t++)
            assert_in_range(rig->backend.seen[i][t], 0, 1);
}

static inline void alter(const struct rig *rig, const char *sql)
{
    char path[100], *why = NULL;
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/run.db", rig->f.folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

#endif
