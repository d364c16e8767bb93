/*
 * The runner against a made-up backend: whatever the order in which traces end, whatever fails and
 * wherever it is interrupted, the loaded run is the same.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <sys/wait.h>

#include "base/text.h"
#include "detection/detection.h"
#include "experiment/runner.h"
#include "run_fixture.h"

enum { END_ID = 0, THINK_END_ID = 1, MOST_PARALLEL = 64 };

/* ---- a language whose tokens are bytes --------------------------------------------------------
 */

struct talk {
    size_t n_encoded;
};

static enum sc_status talk_encode(void *context, const char *prompt, int32_t **ids, size_t *n_ids,
                                  struct sc_error *error)
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

static enum sc_status talk_decode(void *context, const int32_t *ids, size_t n_ids, char **text,
                                  struct sc_error *error)
{
    struct sc_text out = {0};
    (void)context;
    for (size_t i = 0; i < n_ids; i++)
        if (ids[i] != END_ID && ids[i] != THINK_END_ID)
            sc_text_putc(&out, (char)ids[i]);
    *text = sc_text_take(&out);
    return *text ? SC_OK : sc_fail_nomem(error, "text");
}

/* A sequence that begins with '<' thinks. */
static size_t talk_reasoning(void *context, const int32_t *ids, size_t n_ids)
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
static void sample(const struct backend *backend, const struct sc_trace_request *request,
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
static void maybe_cut(const struct sc_trace_source *source, struct sampled *sampled)
{
    struct sc_trace_result *result = &sampled->result;
    bool failed = result->finish == SC_FINISH_FAILED;
    for (size_t n = 1; source->keep && n <= result->n; n++)
        if (!source->keep(source->context, result->request, sampled->stats, n) &&
            (failed || n < result->n)) {
            result->n = n;
            result->finish = SC_FINISH_CUT;
            result->failure = NULL;
        }
}

static enum sc_status backend_run(void *context, const struct sc_trace_source *source,
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
        if (status)
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

static void rig_make(struct rig *rig, size_t n_instances)
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

static enum sc_status rig_run(struct rig *rig)
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

static void assert_done(struct rig *rig)
{
    enum sc_status status = rig_run(rig);
    if (status)
        fail_msg("%s: %s", sc_status_text(status), rig->error.text);
}

static void put_bytes(struct sc_text *out, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sc_text_printf(out, "%02x", ((const unsigned char *)bytes)[i]);
    sc_text_putc(out, '\n');
}

/* All that a loaded run says, as text. */
static char *describe(const struct rig *rig)
{
    struct sc_run run;
    struct sc_error error = {0};
    struct sc_text out = {0};
    if (sc_run_load(rig->f.folder, true, &run, &error))
        fail_msg("%s", error.text);
    for (size_t i = 0; i < run.n_instances; i++) {
        const struct sc_run_instance *instance = &run.instances[i];
        sc_text_printf(&out, "%s %zu\n", instance->id, instance->n_traces);
        for (size_t p = 0; p < run.n_policies; p++)
            sc_text_printf(
                &out, "%s %zu %s %.17g\n", run.policy_names[p], instance->decisions[p].n_traces,
                instance->decisions[p].stop_reason ? instance->decisions[p].stop_reason : "-",
                instance->decisions[p].bar);
        for (size_t t = 0; t < instance->n_traces; t++) {
            const struct sc_run_trace *trace = &instance->traces[t];
            sc_text_printf(&out, "%u|%s|%s|%zu %zu %d %s %d %s %s %zu %zu %d\n", trace->index,
                           trace->text, trace->answer, trace->n_tokens, trace->n_reasoning,
                           (int)trace->finish, trace->failure ? trace->failure : "-",
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

/* What one policy saw and made of a run, as text; *n_cut counts the cut traces. */
static char *describe_seen(const struct rig *rig, size_t policy, size_t *n_cut)
{
    struct sc_run run;
    struct sc_error error = {0};
    struct sc_text out = {0};
    if (sc_run_load(rig->f.folder, true, &run, &error))
        fail_msg("%s", error.text);
    for (size_t i = 0; i < run.n_instances; i++) {
        const struct sc_run_instance *instance = &run.instances[i];
        const struct sc_run_decision *decision = &instance->decisions[policy];
        enum sc_vote vote;
        assert_int_equal(sc_run_vote(&run, instance, policy, &vote, NULL), SC_OK);
        sc_text_printf(&out, "%s %zu %s %.17g %s\n", instance->id, decision->n_traces,
                       decision->stop_reason, decision->bar, sc_vote_name(vote));
        for (size_t t = 0; t < decision->n_traces; t++) {
            const struct sc_run_trace *seen = sc_run_trace_seen(instance, policy, t);
            const struct sc_run_trace *whole = &instance->traces[t];
            *n_cut += seen->finish == SC_FINISH_CUT;
            assert_true(seen->n_tokens <= whole->n_tokens);
            sc_text_printf(&out, "%u|%s|%s|%zu %zu %s %s %s %s %zu %zu %s\n", seen->index,
                           seen->text, seen->answer, seen->n_tokens, seen->n_reasoning,
                           sc_finish_name(seen->finish), seen->failure ? seen->failure : "-",
                           sc_verdict_name(seen->verdict), seen->rule, seen->begin, seen->end,
                           sc_harm_name(seen->harm));
            for (int m = 0; m < SC_N_METRICS; m++)
                sc_text_printf(&out, "%.17g %.17g %.17g\n", seen->metrics[m],
                               seen->reasoning_metrics[m], seen->answer_metrics[m]);
            put_bytes(&out, whole->ids, seen->n_tokens * sizeof *whole->ids);
            put_bytes(&out, whole->stats, seen->n_tokens * sizeof *whole->stats);
        }
    }
    sc_run_free(&run);
    char *text = sc_text_take(&out);
    assert_non_null(text);
    return text;
}

static char *undisturbed(size_t n_instances, bool fails, bool thinks)
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

static void assert_sampled_once(const struct rig *rig)
{
    for (size_t i = 0; i < FIXTURE_MOST_INSTANCES; i++)
        for (size_t t = 0; t < 16; t++)
            assert_in_range(rig->backend.seen[i][t], 0, 1);
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static void test_decisions_are_those_of_a_replay(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    size_t n_stopped_early = 0, n_traces = 0;
    rig_make(&rig, 30);
    assert_done(&rig);
    assert_sampled_once(&rig);
    assert_int_equal(sc_run_load(rig.f.folder, true, &run, NULL), SC_OK);
    for (size_t i = 0; i < run.n_instances; i++) {
        struct sc_policy_trace all[10];
        size_t most = 0;
        for (uint32_t t = 0; t < 10; t++) {
            struct sampled sampled;
            struct sc_trace_request request = {
                .instance_key = sc_hash64(run.instances[i].id, strlen(run.instances[i].id)),
                .trace_index = t,
                .seed = 5};
            double metrics[SC_N_METRICS];
            float confidence[FIXTURE_MOST_TOKENS], logprob[FIXTURE_MOST_TOKENS];
            sample(&rig.backend, &request, &sampled);
            for (size_t k = 0; k < sampled.result.n; k++) {
                confidence[k] = sampled.stats[k].confidence;
                logprob[k] = sampled.stats[k].logprob;
            }
            sc_trace_metrics(confidence, logprob, sampled.result.n, 32, metrics);
            struct sc_detection found;
            char *text;
            talk_decode(NULL, sampled.ids, sampled.result.n, &text, NULL);
            sc_detect_refusal(run.instances[i].prompt, text, &found);
            sc_free(text);
            all[t] = (struct sc_policy_trace){.confidence = metrics[SC_METRIC_MEAN],
                                              .verdict = found.verdict};
        }
        for (size_t p = 0; p < 4; p++) {
            struct sc_policy_decision last;
            size_t used = sc_policy_replay(&rig.f.policies[p], all, 10, &last);
            assert_int_equal(run.instances[i].decisions[p].n_traces, used);
            assert_string_equal(run.instances[i].decisions[p].stop_reason, last.stop_reason);
            most = used > most ? used : most;
        }
        /* No more is sampled than the policy that wants most. */
        assert_int_equal(run.instances[i].n_traces, most);
        n_traces += most;
        n_stopped_early += most < 10;
    }
    assert_int_equal(rig.summary.progress.n_traces_done, n_traces);
    assert_int_equal(rig.summary.progress.n_instances_done, 30);
    assert_int_equal(rig.summary.n_failed_traces, 0);
    assert_true(n_stopped_early > 0);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

static void test_order_does_not_matter(void **state)
{
    (void)state;
    char *expected = undisturbed(25, true, true);
    for (size_t round = 0; round < 8; round++) {
        struct rig rig;
        rig_make(&rig, 25);
        rig.backend.fails = rig.backend.thinks = true;
        rig.backend.parallel = 1 + 9 * round;
        rig.backend.order.key = round;
        if (rig.backend.parallel > MOST_PARALLEL)
            rig.backend.parallel = MOST_PARALLEL;
        assert_done(&rig);
        assert_sampled_once(&rig);
        char *found = describe(&rig);
        assert_string_equal(found, expected);
        sc_free(found);
        fixture_free(&rig.f);
    }
    sc_free(expected);
}

static void test_interrupted_anywhere(void **state)
{
    (void)state;
    enum { N = 6 };
    char *expected = undisturbed(N, true, true);
    for (size_t step = 1; step < 60; step += 2) {
        struct rig rig;
        size_t n_before = 0;
        rig_make(&rig, N);
        rig.backend.fails = rig.backend.thinks = true;
        rig.backend.parallel = 1 + step % 7;
        rig.backend.order.key = step;
        rig.backend.stop_after = step;
        for (;;) {
            enum sc_status status = rig_run(&rig);
            assert_true(status == SC_OK || status == SC_ERR_INTERRUPTED);
            assert_true(rig.summary.progress.n_traces_done >= n_before);
            n_before = rig.summary.progress.n_traces_done;
            rig.backend.order.key++; /* next time in another order */
            rig.backend.parallel = 1 + rig.backend.order.key % 9;
            if (status == SC_OK)
                break;
        }
        assert_sampled_once(&rig); /* over all attempts */
        char *found = describe(&rig);
        assert_string_equal(found, expected);
        sc_free(found);
        /* Once more: there is nothing to do. */
        size_t n_sampled = rig.backend.n_sampled;
        assert_done(&rig);
        assert_int_equal(rig.backend.n_sampled, n_sampled);
        assert_int_equal(rig.summary.progress.n_instances_resumed, N);
        assert_int_equal(rig.summary.progress.n_traces_done, n_before);
        fixture_free(&rig.f);
    }
    sc_free(expected);
}

/* A run of deepconf, alone or beside a policy that needs whole traces. */
static void rig_deepconf(struct rig *rig, size_t n_instances, bool alone, double eta)
{
    rig_make(rig, n_instances);
    rig->f.options.n_policies = alone ? 1 : 2;
    rig->f.options.primary = 0;
    rig->f.options.window = 4;
    struct sc_policy deepconf = sc_policy_default(), fixed = deepconf;
    deepconf.kind = SC_POLICY_DEEPCONF;
    deepconf.eta = eta;
    deepconf.tau = 0.9;
    deepconf.batch_traces = 2;
    fixed.kind = SC_POLICY_FIXED;
    rig->f.policies[0] = deepconf;
    rig->f.policies[1] = fixed;
    rig->backend.fails = rig->backend.thinks = true;
    sc_free(rig->f.config);
    assert_int_equal(sc_config_write(&rig->f.options, &rig->f.facts, &rig->f.config, NULL), SC_OK);
}

/* Cutting live and seeing the beginnings of whole traces: the same decisions, the same cuts, the
 * same texts, verdicts and figures to the last bit. */
static void test_deepconf_live_or_beside_others(void **state)
{
    (void)state;
    for (double eta = 10; eta < 100; eta += 40) {
        struct rig live, beside;
        size_t n_cut = 0, n_cut_beside = 0;
        rig_deepconf(&live, 40, true, eta);
        rig_deepconf(&beside, 40, false, eta);
        assert_done(&live);
        assert_done(&beside);
        char *a = describe_seen(&live, 0, &n_cut), *b = describe_seen(&beside, 0, &n_cut_beside);
        assert_string_equal(a, b);
        assert_int_equal(n_cut, n_cut_beside);
        assert_true(eta < 50 || n_cut > (eta < 60 ? 10 : 0)); /* 10: stops after the warm-up */
        assert_true(live.summary.progress.n_tokens < beside.summary.progress.n_tokens);
        sc_free(a);
        sc_free(b);
        fixture_free(&live.f);
        fixture_free(&beside.f);
    }
}

static void test_deepconf_interrupted_anywhere(void **state)
{
    (void)state;
    enum { N = 6 };
    for (int alone = 0; alone < 2; alone++) {
        struct rig rig;
        size_t n_cut = 0, n_again;
        rig_deepconf(&rig, N, alone, 50);
        rig.backend.parallel = 1;
        assert_done(&rig);
        char *expected = describe_seen(&rig, 0, &n_cut);
        assert_true(n_cut > 0);
        fixture_free(&rig.f);
        for (size_t step = 1; step < 40; step += 3) {
            rig_deepconf(&rig, N, alone, 50);
            rig.backend.stop_after = step;
            enum sc_status status;
            do {
                rig.backend.order.key++;
                rig.backend.parallel = 1 + (step + rig.backend.order.key) % 9;
                status = rig_run(&rig);
                assert_true(status == SC_OK || status == SC_ERR_INTERRUPTED);
            } while (status);
            assert_sampled_once(&rig);
            char *found = describe_seen(&rig, 0, &n_again);
            assert_string_equal(found, expected);
            sc_free(found);
            fixture_free(&rig.f);
        }
        sc_free(expected);
    }
}

static bool stop_now(void *context)
{
    size_t *left = context;
    return (*left)-- > 0;
}

static void note_progress(void *context, const struct sc_run_progress *progress)
{
    struct rig *rig = context;
    rig->n_reports++;
    assert_true(progress->n_instances_done <= progress->n_instances);
    assert_true(progress->seconds >= 0);
}

static void test_observer(void **state)
{
    (void)state;
    struct rig rig;
    size_t left = 7;
    rig_make(&rig, 20);
    rig.observer = (struct sc_run_observer){.context = &left, .keep_going = stop_now};
    assert_int_equal(rig_run(&rig), SC_ERR_INTERRUPTED);
    assert_int_equal(rig.summary.progress.n_traces_done, 8);
    rig.observer = (struct sc_run_observer){.context = &rig, .progress = note_progress};
    assert_done(&rig);
    assert_in_range(rig.n_reports, 1, 20); /* by time, not by trace */
    assert_int_equal(rig.summary.progress.n_instances_done, 20);
    assert_true(rig.summary.progress.mean_width > 1);
    fixture_free(&rig.f);
}

static void test_failures_are_kept(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    size_t n_failed = 0, n_not_finite = 0;
    rig_make(&rig, 30);
    rig.backend.fails = true;
    assert_done(&rig);
    assert_int_equal(sc_run_load(rig.f.folder, true, &run, NULL), SC_OK);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            if (trace->finish != SC_FINISH_FAILED) {
                assert_true(isfinite(trace->metrics[SC_METRIC_MEAN]));
                continue;
            }
            n_failed++;
            n_not_finite += strstr(trace->failure, "figures of token 4") != NULL;
            assert_int_equal(trace->verdict, SC_UNPARSED);
            for (int m = 0; m < SC_N_METRICS; m++)
                assert_true(isnan(trace->metrics[m]) && isnan(trace->answer_metrics[m]));
        }
    assert_true(n_failed > 10 && n_not_finite > 2);
    assert_int_equal(rig.summary.n_failed_traces, n_failed);
    sc_run_free(&run);
    /* Not tried again; counted again. */
    size_t n_sampled = rig.backend.n_sampled;
    assert_done(&rig);
    assert_int_equal(rig.backend.n_sampled, n_sampled);
    assert_int_equal(rig.summary.n_failed_traces, n_failed);
    fixture_free(&rig.f);
}

static void test_prompts_that_do_not_fit(void **state)
{
    (void)state;
    static char refused[] = "refuse to encode this";
    struct rig rig;
    struct sc_run run;
    rig_make(&rig, 5);
    rig.max_prompt = strlen(rig.f.instances[0].prompt);
    rig.f.instances[2].prompt = refused;
    strcat(rig.f.texts[4][1], " and a good deal more");
    rig.max_prompt = 30;
    sc_free(rig.f.config);
    assert_int_equal(sc_config_write(&rig.f.options, &rig.f.facts, &rig.f.config, NULL), SC_OK);
    assert_done(&rig);
    assert_int_equal(sc_run_load(rig.f.folder, true, &run, NULL), SC_OK);
    assert_string_equal(run.instances[2].traces[0].failure, "prompt: cannot be encoded");
    assert_non_null(strstr(run.instances[4].traces[9].failure, "expected 1 to 30 tokens"));
    assert_int_equal(run.instances[4].n_traces, 10);
    assert_int_equal(run.instances[4].decisions[0].n_traces, 1);
    assert_int_equal(rig.summary.n_failed_traces,
                     run.instances[2].n_traces + run.instances[4].n_traces);
    assert_null(run.instances[1].traces[0].failure);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

static void test_reasoning(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    size_t n_empty = 0, n_thought = 0, n_blank = 0;
    rig_make(&rig, 20);
    rig.backend.thinks = true;
    assert_done(&rig);
    assert_int_equal(sc_run_load(rig.f.folder, true, &run, NULL), SC_OK);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            if (strcmp(trace->text, "<think of it") == 0) { /* never came to an answer */
                n_empty++;
                assert_string_equal(trace->answer, "");
                assert_int_equal(trace->verdict, SC_EMPTY);
                assert_int_equal(trace->n_reasoning, trace->n_tokens);
                assert_true(isnan(trace->answer_metrics[SC_METRIC_MEAN]));
                assert_true(trace->reasoning_metrics[SC_METRIC_MEAN] ==
                            trace->metrics[SC_METRIC_MEAN]);
            } else if (trace->n_reasoning > 0) {
                n_thought++;
                assert_string_equal(trace->answer, "Sure, go.");
                assert_string_equal(trace->text, "<hmSure, go.");
                assert_true(isfinite(trace->reasoning_metrics[SC_METRIC_MEAN]));
                assert_true(isfinite(trace->answer_metrics[SC_METRIC_MEAN]));
            } else {
                n_blank += trace->verdict == SC_EMPTY;
                assert_string_equal(trace->answer, trace->text);
                assert_true(isnan(trace->reasoning_metrics[SC_METRIC_MEAN]));
                assert_true(trace->answer_metrics[SC_METRIC_TAIL] ==
                            trace->metrics[SC_METRIC_TAIL]);
            }
        }
    assert_true(n_empty > 0 && n_thought > 0 && n_blank > 0);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

static void alter(const struct rig *rig, const char *sql)
{
    char path[100], *why = NULL;
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/run.db", rig->f.folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

/* Rows of `trace` that somebody removed are sampled again, to the same. */
static void test_removed_traces_come_back(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 8);
    rig.backend.fails = true;
    assert_done(&rig);
    char *expected = describe(&rig);
    alter(&rig, "DELETE FROM trace WHERE finish = 'failed' OR instance = 3 OR trace = 1");
    assert_done(&rig);
    char *found = describe(&rig);
    assert_string_equal(found, expected);
    sc_free(found);
    alter(&rig, "DELETE FROM decision WHERE policy = 2; UPDATE decision SET n_traces = 1");
    assert_done(&rig);
    found = describe(&rig);
    assert_string_equal(found, expected);
    sc_free(found);
    alter(&rig, "UPDATE trace SET trace = 10 WHERE trace = 9; UPDATE verdict SET trace = 10"
                " WHERE trace = 9; UPDATE harm SET trace = 10 WHERE trace = 9");
    assert_int_equal(rig_run(&rig), SC_ERR_FORMAT);
    assert_non_null(strstr(rig.error.text, "at most 10 traces"));
    sc_free(expected);
    fixture_free(&rig.f);
}

/* The beginnings that deepconf saw are made again from the stored tokens. */
static void test_removed_cuts_come_back(void **state)
{
    (void)state;
    struct rig rig;
    size_t n_cut = 0;
    rig_deepconf(&rig, 12, false, 50);
    assert_done(&rig);
    char *expected = describe_seen(&rig, 0, &n_cut);
    const char *const removals[] = {"DELETE FROM decision", "DELETE FROM decision; DELETE FROM cut",
                                    "DELETE FROM trace WHERE trace IN (0, 5)"};
    for (size_t i = 0; i < 3; i++) {
        alter(&rig, removals[i]);
        assert_done(&rig);
        char *found = describe_seen(&rig, 0, &n_cut);
        assert_string_equal(found, expected);
        sc_free(found);
    }
    struct sc_run run;
    alter(&rig, "UPDATE cut SET n_tokens = 1000");
    assert_int_equal(sc_run_load(rig.f.folder, false, &run, NULL), SC_ERR_FORMAT);
    alter(&rig, "UPDATE cut SET n_tokens = 4, trace = 10 + trace");
    assert_int_equal(sc_run_load(rig.f.folder, false, &run, NULL), SC_ERR_FORMAT);
    alter(&rig, "UPDATE cut SET trace = trace - 10, policy = 7");
    assert_int_equal(sc_run_load(rig.f.folder, false, &run, NULL), SC_ERR_FORMAT);
    sc_free(expected);
    fixture_free(&rig.f);
}

static void test_deepconf_memory_runs_out(void **state)
{
    (void)state;
    struct rig rig;
    size_t n_cut = 0;
    rig_deepconf(&rig, 3, false, 50);
    assert_done(&rig);
    char *expected = describe_seen(&rig, 0, &n_cut);
    assert_true(n_cut > 0);
    fixture_free(&rig.f);
    rig_deepconf(&rig, 3, false, 50);
    for (size_t n = 0;; n++) {
        sc_memory_fail_at(n);
        enum sc_status status = rig_run(&rig);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK && !reached)
            break;
        if (status != SC_OK && status != SC_ERR_NOMEM && strstr(rig.error.text, "JSON") == NULL)
            fail_msg("%zu: %s: %s", n, sc_status_text(status), rig.error.text);
    }
    char *found = describe_seen(&rig, 0, &n_cut);
    assert_string_equal(found, expected);
    sc_free(found);
    sc_free(expected);
    fixture_free(&rig.f);
}

static void test_full_disk(void **state)
{
    (void)state;
    char *expected = undisturbed(12, false, true);
    struct rig rig;
    size_t n_kept = 0;
    rig_make(&rig, 12);
    rig.backend.thinks = true;
    for (rig.limit_pages = 30;; rig.limit_pages += 7) {
        enum sc_status status = rig_run(&rig);
        if (status == SC_OK)
            break;
        assert_int_equal(status, SC_ERR_IO);
        assert_non_null(strstr(rig.error.text, "full"));
        assert_true(rig.summary.progress.n_traces_done > n_kept);
        n_kept = rig.summary.progress.n_traces_done;
    }
    assert_true(n_kept > 0);
    char *found = describe(&rig);
    assert_string_equal(found, expected);
    sc_free(found);
    sc_free(expected);
    fixture_free(&rig.f);
}

/* The disk is full while an instance whose prompt is too long is failed, inside next(). */
static void test_error_within_next(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 40);
    rig.max_prompt = 3;
    rig.limit_pages = 30;
    assert_int_equal(rig_run(&rig), SC_ERR_IO);
    assert_non_null(strstr(rig.error.text, "full"));
    assert_int_equal(rig.error.status, SC_ERR_IO);
    fixture_free(&rig.f);
}

static void test_wrong_backends(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 10);
    rig.backend.wrong = 1;
    assert_int_equal(rig_run(&rig), SC_ERR_INTERNAL);
    assert_non_null(strstr(rig.error.text, "was not asked for"));
    rig.backend.wrong = 2;
    assert_int_equal(rig_run(&rig), SC_ERR_INTERNAL);
    assert_non_null(strstr(rig.error.text, "expected 10 finished instances"));
    rig.backend.wrong = 0;
    assert_done(&rig);
    char *found = describe(&rig), *expected = undisturbed(10, false, false);
    assert_string_equal(found, expected);
    sc_free(found);
    sc_free(expected);
    fixture_free(&rig.f);
}

/* Each attempt runs out of memory one allocation later and is taken up again. */
static void test_memory_runs_out(void **state)
{
    (void)state;
    char *expected = undisturbed(3, true, true);
    struct rig rig;
    rig_make(&rig, 3);
    rig.backend.fails = rig.backend.thinks = true;
    for (size_t n = 0;; n++) {
        sc_memory_fail_at(n);
        enum sc_status status = rig_run(&rig);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK && !reached)
            break;
        if (status != SC_OK && status != SC_ERR_NOMEM && strstr(rig.error.text, "JSON") == NULL)
            fail_msg("%zu: %s: %s", n, sc_status_text(status), rig.error.text);
    }
    char *found = describe(&rig);
    assert_string_equal(found, expected);
    sc_free(found);
    sc_free(expected);
    fixture_free(&rig.f);
}

static void test_killed(void **state)
{
    (void)state;
    char *expected = undisturbed(20, true, true);
    struct rig rig;
    rig_make(&rig, 20);
    rig.backend.fails = rig.backend.thinks = true;
    for (useconds_t pause = 500; pause < 40000; pause = pause * 2) {
        pid_t child = fork();
        if (child == 0)
            _exit(rig_run(&rig) != SC_OK);
        usleep(pause);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    assert_done(&rig);
    char *found = describe(&rig);
    assert_string_equal(found, expected);
    sc_free(found);
    sc_free(expected);
    fixture_free(&rig.f);
}

static void test_options(void **state)
{
    (void)state;
    struct sc_policy policy = sc_policy_default();
    struct sc_run_options good = sc_run_options_default();
    good.policies = &policy;
    good.n_policies = 1;
    good.out = "/tmp/x";
    assert_int_equal(sc_run_options_check(&good, NULL), SC_OK);
#define REFUSES(change, words)                                                                     \
    do {                                                                                           \
        struct sc_run_options o = good;                                                            \
        struct sc_error why = {0};                                                                 \
        change;                                                                                    \
        enum sc_status status = sc_run_options_check(&o, &why);                                    \
        assert_true(status == SC_ERR_ARGUMENT || status == SC_ERR_UNSUPPORTED);                    \
        if (strstr(why.text, words) == NULL)                                                       \
            fail_msg("expected \"%s\" in \"%s\"", words, why.text);                                \
    } while (0)
    REFUSES(o.temperature = -0.1, "temperature");
    REFUSES(o.temperature = INFINITY, "temperature");
    REFUSES(o.top_p = 0, "top-p");
    REFUSES(o.top_p = 1.01, "top-p");
    REFUSES(o.min_p = 1, "min-p");
    REFUSES(o.min_p = -1, "min-p");
    REFUSES(o.top_k = -2, "top-k");
    REFUSES(o.max_new_tokens = 0, "max-new-tokens");
    REFUSES(o.max_new_tokens = SIZE_MAX, "max-new-tokens");
    REFUSES(o.window = 0, "window");
    REFUSES(o.confidence_top_k = 0, "confidence-top-k");
    REFUSES(o.confident_quantile = 1.5, "confident-quantile");
    REFUSES(o.confident_quantile = NAN, "confident-quantile");
    REFUSES(o.confident_threshold = INFINITY, "confident-threshold");
    REFUSES(o.metric = SC_N_METRICS, "metric");
    REFUSES(o.n_policies = 0, "policies");
    REFUSES(o.policies = NULL, "policies");
    REFUSES(o.primary = 1, "primary");
    REFUSES(o.detector = "guard", "detector: expected patterns, found guard");
    REFUSES(o.judge = "guard", "judge: expected none, found guard");
    REFUSES(o.judge = NULL, "judge");
    REFUSES(o.dtype = 9, "dtype");
    REFUSES(o.n_threads = -1, "threads");
    REFUSES(o.model = "", "model");
    REFUSES(o.benchmark.name = NULL, "benchmark");
    REFUSES(o.out = NULL, "out");
    policy.min_traces = 11;
    REFUSES(o.seed = 1, "min traces");
#undef REFUSES
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions_are_those_of_a_replay),
        cmocka_unit_test(test_order_does_not_matter),
        cmocka_unit_test(test_interrupted_anywhere),
        cmocka_unit_test(test_deepconf_live_or_beside_others),
        cmocka_unit_test(test_deepconf_interrupted_anywhere),
        cmocka_unit_test(test_observer),
        cmocka_unit_test(test_failures_are_kept),
        cmocka_unit_test(test_prompts_that_do_not_fit),
        cmocka_unit_test(test_reasoning),
        cmocka_unit_test(test_removed_traces_come_back),
        cmocka_unit_test(test_removed_cuts_come_back),
        cmocka_unit_test(test_deepconf_memory_runs_out),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_error_within_next),
        cmocka_unit_test(test_wrong_backends),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
