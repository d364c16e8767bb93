/* See runner_fixture.h. */
#include "runner_fixture.h"

#include <sqlite3.h>

#include "row_keys.h"

/* ---- prompts and text ------------------------------------------------------------------------ */

struct made_prompt {
    size_t position;
};

static enum sc_status made_describe(void *context, const struct sc_source_wish *wish,
                                    struct sc_source_info *info, struct sc_error *error)
{
    static const int32_t end_ids[] = {END_ID};
    struct made_source *source = context;
    (void)error;
    source->seed = wish->seed;
    const unsigned some = 1u << SC_FIGURE_LOGPROB | 1u << SC_FIGURE_CONFIDENCE;
    *info = (struct sc_source_info){
        .size = sizeof *info,
        .kind = "made-up",
        .name = "bytes",
        .sampling = wish->sampling,
        .logprobs = source->gives == GIVES_ALL ? SC_LOGPROBS_RAW : SC_LOGPROBS_UNKNOWN,
        .top_k = source->gives == GIVES_TEXT ? 0 : 20,
        .reproducible = SC_REPRODUCIBLE_UNKNOWN,
        .figures = source->gives == GIVES_ALL     ? SC_ALL_FIGURES
                   : source->gives == GIVES_TOP_K ? some
                                                  : 0,
        .ids = source->gives == GIVES_ALL,
        .text_ends = source->gives != GIVES_TEXT,
    };
    if (source->gives == GIVES_ALL) {
        info->end_ids = end_ids;
        info->n_end_ids = 1;
    }
    return SC_OK;
}

static enum sc_status made_prepare(void *context, const struct sc_message *messages, size_t n,
                                   void **out, struct sc_error *error)
{
    struct made_source *source = context;
    assert_int_equal(n, 1);
    assert_string_equal(messages[0].role, "user");
    size_t position = source->n_prepared++, length = strlen(messages[0].text);
    if (strncmp(messages[0].text, "refuse to encode", 16) == 0)
        return sc_fail(error, SC_ERR_FORMAT, "prompt: cannot be encoded");
    if (source->max_prompt && length > source->max_prompt)
        return sc_fail(error, SC_ERR_LIMIT, "prompt: expected 1 to %zu tokens, found %zu",
                       source->max_prompt, length);
    struct made_prompt *prompt = sc_alloc_zero(1, sizeof *prompt);
    if (prompt == NULL)
        return sc_fail_nomem(error, "prompt");
    prompt->position = position;
    *out = prompt;
    return SC_OK;
}

static void made_drop(void *context, void *prompt)
{
    (void)context;
    sc_free(prompt);
}

static enum sc_status bytes_of(const int32_t *ids, size_t n_ids, char **text,
                               struct sc_error *error)
{
    struct sc_text out = {0};
    for (size_t i = 0; i < n_ids; i++)
        if (ids[i] != END_ID && ids[i] != THINK_END_ID)
            sc_text_putc(&out, (char)ids[i]);
    *text = sc_text_take(&out);
    return *text != NULL ? SC_OK : sc_fail_nomem(error, "text");
}

/* A sequence that begins with '<' thinks. */
static size_t reasoning_of(const int32_t *ids, size_t n_ids)
{
    if (n_ids == 0 || ids[0] != '<')
        return 0;
    for (size_t i = 0; i < n_ids; i++)
        if (ids[i] == THINK_END_ID)
            return i + 1;
    return n_ids;
}

static enum sc_status made_decode(void *context, const int32_t *ids, size_t n,
                                  struct sc_source_words *words, struct sc_error *error)
{
    (void)context;
    *words = (struct sc_source_words){.n_reasoning = reasoning_of(ids, n)};
    SC_TRY(bytes_of(ids, n, &words->text, error));
    if (words->n_reasoning == 0)
        return SC_OK;
    enum sc_status status =
        bytes_of(ids + words->n_reasoning, n - words->n_reasoning, &words->answer, error);
    if (status != SC_OK) {
        sc_free(words->text);
        words->text = NULL;
    }
    return status;
}

static enum sc_status made_check(void *context, struct sc_error *error)
{
    const struct made_source *source = context;
    if (source->changes_after && source->n_sampled >= source->changes_after)
        return sc_fail(error, SC_ERR_CONFLICT, "bytes: the model has changed");
    return SC_OK;
}

/* ---- traces ---------------------------------------------------------------------------------- */

static void give_what_is_known(const struct made_source *source, struct made_trace *out)
{
    struct sc_source_trace *trace = &out->trace;
    if (source->gives == GIVES_ALL)
        return;
    trace->ids = NULL;
    if (source->gives == GIVES_TOP_K) {
        trace->figures = 1u << SC_FIGURE_LOGPROB | 1u << SC_FIGURE_CONFIDENCE;
        for (size_t i = 0; i < trace->n_tokens; i++)
            out->stats[i].sampled_logprob = out->stats[i].entropy = 0; /* nobody may read these */
        return;
    }
    trace->figures = 0;
    trace->stats = NULL;
    trace->text_ends = NULL;
    trace->n_tokens_known = false;
    trace->n_tokens = trace->n_reasoning = 0;
}

void made_trace_sample(const struct made_source *source, uint64_t instance_key, uint32_t index,
                       struct made_trace *out)
{
    static const char *const answers[] = {"I'm sorry, but I can't help with that.",
                                          "Sure, here is how.", "<think of it", "<hm\001Sure, go.",
                                          "   "};
    struct sc_random random = {SC_STREAM_STATISTICS, source->seed, instance_key + index, 0};
    size_t kind = sc_random_below(&random, source->thinks ? 5 : 2);
    size_t n = strlen(answers[kind]);
    double level = 3 + sc_random_next(&random);
    *out = (struct made_trace){0};
    for (size_t i = 0; i <= n; i++) {
        out->ids[i] = i < n ? (unsigned char)answers[kind][i] : END_ID;
        out->stats[i] = (struct sc_token_stats){
            (float)-sc_random_next(&random), (float)-sc_random_next(&random),
            (float)(level + 0.2 * sc_random_next(&random)), (float)sc_random_next(&random)};
    }
    out->trace = (struct sc_source_trace){.finish = SC_FINISH_STOP,
                                          .n_tokens_known = true,
                                          .n_tokens = n + 1,
                                          .ids = out->ids,
                                          .figures = SC_ALL_FIGURES,
                                          .stats = out->stats,
                                          .text_ends = out->text_ends};
    if (source->fails && sc_random_below(&random, 5) == 0) {
        out->trace.finish = SC_FINISH_FAILED;
        out->trace.failure = "logits of answer token 3: expected finite numbers";
        out->trace.n_tokens = 3;
    } else if (source->fails && sc_random_below(&random, 10) == 0) {
        out->stats[4].confidence = NAN; /* a source that does not look */
    }
}

/* Ended by the service: at its end, or before its first word. */
static void filter_some(const struct made_source *source, uint64_t which, struct made_trace *out)
{
    if (!source->filters || which % 3 != 0 || out->trace.finish == SC_FINISH_FAILED)
        return;
    out->trace.finish = SC_FINISH_FILTERED;
    if (which % 2 == 0)
        out->trace.n_tokens = 0;
}

/* What servers say besides. */
static void say_besides(const struct made_source *source, struct made_trace *out)
{
    struct sc_source_trace *trace = &out->trace;
    if (!source->says)
        return;
    trace->finish_reason = trace->finish == SC_FINISH_FILTERED ? "content_filter" : "eos";
    trace->reasoning = trace->n_tokens % 2 ? "Apart: <b>" : "";
    trace->n_prompt_tokens = 7;
    trace->n_generated = trace->n_tokens + 1;
    for (size_t i = 0; i < trace->n_tokens; i++) {
        out->entropy_low[i] = (float)i;
        out->entropy_high[i] = i == 2 ? INFINITY : (float)i + 0.5f;
    }
    trace->entropy_low = out->entropy_low;
    trace->entropy_high = out->entropy_high;
}

/* Text and ends, once the length of the trace stands. */
static enum sc_status finish_trace(const struct made_source *source, struct made_trace *out,
                                   struct sc_error *error)
{
    struct sc_source_trace *trace = &out->trace;
    SC_TRY(made_decode(NULL, out->ids, trace->n_tokens, &out->words, error));
    trace->text = out->words.text;
    trace->answer = out->words.answer;
    trace->n_reasoning = out->words.n_reasoning;
    uint32_t end = 0;
    for (size_t i = 0; i < trace->n_tokens; i++)
        out->text_ends[i] = end += out->ids[i] != END_ID && out->ids[i] != THINK_END_ID;
    say_besides(source, out);
    give_what_is_known(source, out);
    return SC_OK;
}

void made_trace_free(struct made_trace *made)
{
    sc_free(made->words.text);
    sc_free(made->words.answer);
    made->words = (struct sc_source_words){0};
}

/* Lets the feed cut the trace, as the engine does. */
static void maybe_cut(const struct sc_feed *feed, const struct sc_source_request *request,
                      struct made_trace *made)
{
    struct sc_source_trace *trace = &made->trace;
    bool failed = trace->finish == SC_FINISH_FAILED;
    for (size_t n = 1; feed->keep != NULL && n <= trace->n_tokens; n++)
        if (!feed->keep(feed->context, request, made->stats, n) &&
            (failed || n < trace->n_tokens)) {
            trace->n_tokens = n;
            trace->finish = SC_FINISH_CUT;
            trace->failure = NULL;
        }
}

static enum sc_status sample_one(struct made_source *source, const struct sc_feed *feed,
                                 const struct sc_source_request *request, size_t *n_tokens,
                                 struct sc_error *error)
{
    struct made_trace made;
    made_trace_sample(source, request->instance_key, request->trace_index, &made);
    maybe_cut(feed, request, &made);
    filter_some(source, request->instance_key % 1000 + request->trace_index, &made);
    *n_tokens = made.trace.n_tokens;
    enum sc_status status = finish_trace(source, &made, error);
    if (status == SC_OK)
        status = feed->done(feed->context, request, &made.trace, error);
    made_trace_free(&made);
    return status;
}

static enum sc_status made_sample(void *context, const struct sc_feed *feed, struct sc_error *error)
{
    struct made_source *source = context;
    struct sc_source_request flight[MOST_PARALLEL];
    struct sc_source_progress progress = {.parallel = source->parallel};
    size_t n = 0, n_done = 0, n_steps = 0, n_tokens = 0;
    double width_sum = 0;
    bool finished = false;
    for (;;) {
        while (!finished && n < source->parallel) {
            int more = feed->next(feed->context, &flight[n]);
            finished = more < 0;
            if (more <= 0)
                break;
            n++;
            progress.n_requests += source->counts ? 1 + source->n_retries : 0;
            progress.n_retries += source->n_retries;
            progress.n_prompt_tokens += source->n_prompt_tokens;
        }
        if (n == 0 || (source->wrong == 2 && n_done == 5))
            return finished || source->wrong ? SC_OK : sc_fail(error, SC_ERR_INTERNAL, "starved");
        size_t pick = sc_random_below(&source->order, n);
        struct sc_source_request request = flight[pick];
        memmove(&flight[pick], &flight[pick + 1], (--n - pick) * sizeof *flight);
        assert_true(request.trace_index < request.n_traces);
        const struct made_prompt *prompt = request.prompt;
        if (source->wrong == 1 && n_done == 5)
            request.trace_index = 9;
        else
            source->seen[prompt->position][request.trace_index]++;
        SC_TRY(sample_one(source, feed, &request, &n_tokens, error));
        source->n_sampled++;
        n_steps++;
        width_sum += (double)(n + 1);
        progress.n_tokens += n_tokens;
        progress.width = n + 1;
        progress.mean_width = width_sum / (double)n_steps;
        if (!feed->step(feed->context, &progress) ||
            (source->stop_after && ++n_done == source->stop_after))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        n_done += source->stop_after == 0;
    }
}

const struct sc_source_functions made_source_functions = {
    .size = sizeof made_source_functions,
    .describe = made_describe,
    .prepare = made_prepare,
    .drop = made_drop,
    .sample = made_sample,
    .decode = made_decode,
    .check = made_check,
};

/* ---- running and comparing ------------------------------------------------------------------- */

void rig_make(struct rig *rig, size_t n_instances)
{
    memset(rig, 0, sizeof *rig);
    assert_int_equal(fixture_make(&rig->f, n_instances), 0);
    rig->f.policies[3] = sc_policy_default();
    rig->f.policies[3].kind = SC_POLICY_CURTAILED;
    rig->f.options.n_policies = 4;
    rig->f.options.seed = 5;
    rig->f.facts.detector = "reader/1";
    assert_int_equal(fixture_configure(&rig->f), SC_OK);
    rig->source.parallel = 4;
    rig->source.seed = 5;
    rig->source.order = (struct sc_random){SC_STREAM_STATISTICS, 1, 2, 0};
    rig->source.max_prompt = 1000;
}

static enum sc_status prepare_prompts(struct rig *rig, struct sc_run_prompt *prompts)
{
    rig->source.n_prepared = 0;
    for (size_t i = 0; i < rig->f.benchmark.n_instances; i++) {
        const struct sc_message message = {"user", rig->f.instances[i].prompt};
        struct sc_error why = {0};
        enum sc_status status = made_prepare(&rig->source, &message, 1, &prompts[i].handle, &why);
        if (status == SC_ERR_NOMEM)
            return sc_fail(&rig->error, status, "%s", why.text);
        if (status != SC_OK && (prompts[i].failure = sc_strdup(why.text)) == NULL)
            return sc_fail_nomem(&rig->error, "failure");
    }
    return SC_OK;
}

enum sc_status rig_run(struct rig *rig)
{
    struct sc_run_prompt prompts[FIXTURE_MOST_INSTANCES] = {0};
    const struct sc_source source = {&made_source_functions, &rig->source};
    struct sc_runner_setup setup = {
        .instances = rig->f.instances,
        .prompts = prompts,
        .n_instances = rig->f.benchmark.n_instances,
        .options = &rig->f.options,
        .detector = rig->f.facts.detector,
        .source = &source,
        .observer = &rig->observer,
    };
    bool resumed;
    rig->error = (struct sc_error){0};
    rig->summary = (struct sc_run_summary){0};
    enum sc_status status = prepare_prompts(rig, prompts);
    if (status == SC_OK)
        status = sc_store_open(
            &setup.store, rig->f.folder,
            &(struct sc_store_run){rig->f.config, rig->f.instances, setup.n_instances, NULL},
            &resumed, &rig->error);
    if (status == SC_OK && rig->limit_pages)
        status = sc_store_limit_pages(setup.store, rig->limit_pages, &rig->error);
    if (status == SC_OK)
        status = sc_runner_run(&setup, &rig->summary, &rig->error);
    sc_store_close(setup.store);
    for (size_t i = 0; i < setup.n_instances; i++) {
        sc_free(prompts[i].handle);
        sc_free(prompts[i].failure);
    }
    return status;
}

void assert_done(struct rig *rig)
{
    enum sc_status status = rig_run(rig);
    if (status != SC_OK)
        fail_msg("%s: %s", sc_status_text(status), rig->error.text);
}

void rig_run_short_of_memory(struct rig *rig)
{
    for (size_t n = 0;; n++) {
        sc_memory_fail_at(n);
        enum sc_status status = rig_run(rig);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK && !reached)
            return;
        if (status != SC_OK && status != SC_ERR_NOMEM && strstr(rig->error.text, "JSON") == NULL)
            fail_msg("%zu: %s: %s", n, sc_status_text(status), rig->error.text);
    }
}

void put_bytes(struct sc_text *out, const void *bytes, size_t n)
{
    for (size_t i = 0; bytes != NULL && i < n; i++)
        sc_text_printf(out, "%02x", ((const unsigned char *)bytes)[i]);
    sc_text_putc(out, '\n');
}

char *describe(const struct rig *rig)
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

void assert_ends_as(struct rig *rig, const char *expected)
{
    char *found = describe(rig);
    assert_string_equal(found, expected);
    sc_free(found);
    fixture_free(&rig->f);
}

char *undisturbed(size_t n_instances, bool fails, bool thinks)
{
    struct rig rig;
    rig_make(&rig, n_instances);
    rig.source.fails = fails;
    rig.source.thinks = thinks;
    rig.source.parallel = 1;
    assert_done(&rig);
    char *text = describe(&rig);
    fixture_free(&rig.f);
    return text;
}

void assert_sampled_once(const struct rig *rig)
{
    for (size_t i = 0; i < FIXTURE_MOST_INSTANCES; i++)
        for (size_t t = 0; t < 16; t++)
            assert_in_range(rig->source.seen[i][t], 0, 1);
}

void alter(const struct rig *rig, const char *sql)
{
    char path[100], *why = NULL;
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/run.db", rig->f.folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    renew_row_keys(db);
    sqlite3_close(db);
}
