/* Servers as a source of traces, whole: a feed against a loopback server that says one thing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "http_server.h"
#include "source/source.h"

/* ---- the server ------------------------------------------------------------------------------ */

struct toy {
    const char *model;   /* as its answers call it */
    const char *refuses; /* requests that hold this are a 400 */
    const char *code;    /* of that; NULL: none */
    size_t n_posts;
    char *whole, *events; /* made before, where the test's own allocations are not to count */
};

/* What it always says, token by token; the last one ends it. */
static const char *const said[] = {" yes", " I", " can", "<end>"};
enum { N_SAID = 4, N_LISTED = 20 };

static void add_logprobs(struct sc_text *out, size_t first, size_t n)
{
    sc_text_puts(out, "\"logprobs\":{\"content\":[");
    for (size_t t = first; t < first + n; t++) {
        sc_text_printf(out,
                       "%s{\"token\":\"%s\",\"logprob\":-0.5,\"top_logprobs\":[{\"token\":"
                       "\"%s\",\"logprob\":-0.5}",
                       t > first ? "," : "", said[t], said[t]);
        for (int i = 1; i < N_LISTED; i++)
            sc_text_printf(out, ",{\"token\":\"x%d\",\"logprob\":%g}", i,
                           -1.5 - 0.25 * i - 0.5 * (double)t);
        sc_text_puts(out, "]}");
    }
    sc_text_puts(out, "]}");
}

static void add_whole(struct sc_text *out, const struct toy *toy, int n)
{
    sc_text_printf(out, "{\"model\":\"%s\",\"choices\":[", toy->model);
    for (int c = 0; c < n; c++) {
        sc_text_printf(out,
                       "%s{\"index\":%d,\"message\":{\"content\":\" yes I can\"},"
                       "\"finish_reason\":\"stop\",",
                       c > 0 ? "," : "", c);
        add_logprobs(out, 0, N_SAID);
        sc_text_puts(out, "}");
    }
    sc_text_puts(out, "],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":4}}");
}

static void add_events(struct sc_text *out, const struct toy *toy)
{
    for (size_t t = 0; t < N_SAID; t++) {
        bool last = t + 1 == N_SAID;
        sc_text_printf(out,
                       "data: {\"model\":\"%s\",\"choices\":[{\"index\":0,\"delta\":{"
                       "\"content\":\"%s\"},\"finish_reason\":%s,",
                       toy->model, last ? "" : said[t], last ? "\"stop\"" : "null");
        add_logprobs(out, t, 1);
        sc_text_puts(out, "}]}\n\n");
    }
    sc_text_puts(out, "data: [DONE]\n\n");
}

static void answer(void *context, const char *method, const char *path, const char *body,
                   struct http_answer *out)
{
    struct toy *toy = context;
    struct sc_text text = {0};
    const char *n = body != NULL ? strstr(body, "\"n\":") : NULL;
    bool post = strcmp(method, "POST") == 0;
    toy->n_posts += post;
    if (post && toy->whole != NULL) {
        bool stream = strstr(body, "\"stream\":true") != NULL;
        out->type = stream ? "text/event-stream" : out->type;
        out->body = strdup(stream ? toy->events : toy->whole);
        return;
    }
    if (!post && strstr(path, "/v1/models") == NULL) {
        out->status = 404;
        return;
    }
    if (!post) {
        sc_text_puts(&text, "{\"data\":[{\"id\":\"toy\"}]}");
    } else if (toy->refuses != NULL && strstr(body, toy->refuses) != NULL) {
        out->status = 400;
        sc_text_printf(&text, "{\"error\":{\"message\":\"not this\",\"code\":\"%s\"}}",
                       toy->code != NULL ? toy->code : "bad");
    } else if (strstr(body, "\"stream\":true") != NULL) {
        out->type = "text/event-stream";
        add_events(&text, toy);
    } else {
        add_whole(&text, toy, n != NULL ? atoi(n + 4) : 1);
    }
    /* The server releases it with free, which is what a text's memory is released with too. */
    out->body = sc_text_take(&text);
}

/* ---- the feed -------------------------------------------------------------------------------- */

struct eater {
    void *prompts[3];
    size_t n_prompts, n_traces, next; /* of each prompt; requests given */
    size_t n_done, n_failed, n_filtered, n_cut, n_tokens;
    size_t cut_after; /* tokens; 0: never */
    char failure[200];
};

static int next(void *context, struct sc_source_request *request)
{
    struct eater *eater = context;
    if (eater->next == eater->n_prompts * eater->n_traces)
        return -1;
    size_t p = eater->next / eater->n_traces;
    *request = (struct sc_source_request){.prompt = eater->prompts[p],
                                          .instance_key = p,
                                          .trace_index = (uint32_t)(eater->next % eater->n_traces)};
    eater->next++;
    return 1;
}

static enum sc_status done(void *context, const struct sc_source_request *request,
                           const struct sc_source_trace *trace, struct sc_error *error)
{
    struct eater *eater = context;
    (void)error;
    (void)request;
    eater->n_done++;
    eater->n_failed += trace->finish == SC_FINISH_FAILED;
    eater->n_filtered += trace->finish == SC_FINISH_FILTERED;
    eater->n_cut += trace->finish == SC_FINISH_CUT;
    eater->n_tokens += trace->n_tokens;
    if (trace->failure != NULL)
        snprintf(eater->failure, sizeof eater->failure, "%s", trace->failure);
    if (trace->finish == SC_FINISH_STOP) {
        assert_string_equal(trace->text, " yes I can");
        assert_int_equal(trace->n_tokens, N_SAID);
        assert_int_equal(trace->text_ends[1], 6);
        assert_true(trace->figures >> SC_FIGURE_CONFIDENCE & 1);
    }
    if (trace->finish == SC_FINISH_CUT) {
        assert_int_equal(trace->n_tokens, eater->cut_after);
        assert_string_equal(trace->text, " yes I");
    }
    return SC_OK;
}

static bool keep(void *context, const struct sc_source_request *request,
                 const struct sc_token_stats *stats, size_t n)
{
    const struct eater *eater = context;
    (void)request;
    assert_true(isfinite(stats[n - 1].confidence));
    return n != eater->cut_after;
}

/* ---- a source with prompts ------------------------------------------------------------------- */

struct fixture {
    struct toy toy;
    struct http_server *server;
    const char *url;
    struct sc_server_options options;
    struct sc_source source;
    struct sc_source_info info;
    struct eater eater;
};

static enum sc_status describe(struct fixture *f, struct sc_error *error)
{
    const struct sc_source_wish wish = {.size = sizeof wish,
                                        .sampling = {.temperature = 0.7,
                                                     .top_p = NAN,
                                                     .min_p = NAN,
                                                     .top_k = -1,
                                                     .repetition_penalty = NAN},
                                        .max_new_tokens = 16,
                                        .confidence_top_k = 20,
                                        .n_turns = 1};
    f->info.size = sizeof f->info;
    return f->source.functions->describe(f->source.context, &wish, &f->info, error);
}

static void start(struct fixture *f)
{
    f->toy.model = "toy";
    f->server = http_server_start(answer, &f->toy);
    assert_non_null(f->server);
    f->url = http_server_url(f->server);
    f->options = sc_server_options_default();
    f->options.urls = &f->url;
    f->options.n_urls = 1;
    f->options.parallel = 4;
}

static void open_source(struct fixture *f)
{
    struct sc_error error = {0};
    static const char *const texts[] = {"one", "two", "three"};
    assert_int_equal(sc_source_open_server(&f->options, &f->source, NULL), SC_OK);
    if (describe(f, &error) != SC_OK)
        fail_msg("%s", error.text);
    f->eater.n_prompts = 3;
    f->eater.n_traces = 2;
    for (size_t i = 0; i < 3; i++) {
        const struct sc_message message = {"user", texts[i]};
        assert_int_equal(f->source.functions->prepare(f->source.context, &message, 1,
                                                      &f->eater.prompts[i], NULL),
                         SC_OK);
    }
}

static enum sc_status sample(struct fixture *f, bool cuts, struct sc_error *error)
{
    const struct sc_feed feed = {
        .context = &f->eater, .next = next, .done = done, .keep = cuts ? keep : NULL};
    return f->source.functions->sample(f->source.context, &feed, error);
}

static void stop(struct fixture *f)
{
    for (size_t i = 0; i < f->eater.n_prompts; i++)
        sc_source_drop(&f->source, f->eater.prompts[i]);
    sc_source_close(&f->source);
    http_server_stop(f->server);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void traces_come_with_what_the_server_lists(void **state)
{
    struct fixture f = {0};
    (void)state;

    start(&f);
    open_source(&f);
    assert_string_equal(f.info.kind, "server");
    assert_string_equal(f.info.name, "toy");
    assert_int_equal(f.info.top_k, 20);
    assert_true(f.info.sampling.temperature == 0.7 && isnan(f.info.sampling.top_p));
    assert_int_equal(f.info.thinking_budget, 0);
    assert_int_equal(sample(&f, false, NULL), SC_OK);
    assert_int_equal(f.eater.n_done, 6);
    assert_int_equal(f.eater.n_tokens, 24);
    assert_int_equal(f.eater.n_failed, 0);
    stop(&f);
}

static void traces_of_one_prompt_share_a_request(void **state)
{
    struct fixture f = {0};
    (void)state;

    start(&f);
    f.options.n_choices = 2;
    open_source(&f);
    size_t before = f.toy.n_posts;
    assert_int_equal(sample(&f, false, NULL), SC_OK);
    assert_int_equal(f.eater.n_done, 6);
    assert_int_equal(f.toy.n_posts - before, 3);
    stop(&f);
}

static void a_feed_that_cuts_gets_streams(void **state)
{
    struct fixture f = {0};
    (void)state;

    start(&f);
    open_source(&f);
    f.eater.cut_after = 2;
    assert_int_equal(sample(&f, true, NULL), SC_OK);
    assert_int_equal(f.eater.n_cut, 6);
    assert_int_equal(f.eater.n_tokens, 12);
    f.eater.next = f.eater.n_done = 0;
    f.eater.cut_after = 0;
    assert_int_equal(sample(&f, true, NULL), SC_OK);
    assert_int_equal(f.eater.n_done, 6);
    assert_int_equal(f.eater.n_cut, 6); /* none more */
    stop(&f);
}

static void what_is_refused_fails_alone(void **state)
{
    struct fixture f = {0};
    (void)state;

    start(&f);
    open_source(&f);
    f.toy.refuses = "\"two\"";
    assert_int_equal(sample(&f, false, NULL), SC_OK);
    assert_int_equal(f.eater.n_done, 6);
    assert_int_equal(f.eater.n_failed, 2);
    assert_non_null(strstr(f.eater.failure, "not this"));
    f.eater.next = f.eater.n_failed = 0;
    f.toy.code = "content_filter";
    assert_int_equal(sample(&f, false, NULL), SC_OK);
    assert_int_equal(f.eater.n_failed, 0);
    assert_int_equal(f.eater.n_filtered, 2);
    stop(&f);
}

static void nothing_but_refusals_ends_it(void **state)
{
    struct fixture f = {0};
    struct sc_error error = {0};
    (void)state;

    start(&f);
    f.options.most_failures = 4;
    open_source(&f);
    f.toy.refuses = "\"messages\"";
    assert_int_equal(sample(&f, false, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "requests were refused"));
    assert_int_equal(f.eater.n_done, 0);
    stop(&f);
}

static void a_model_of_another_name_ends_it(void **state)
{
    struct fixture f = {0};
    struct sc_error error = {0};
    (void)state;

    start(&f);
    open_source(&f);
    f.toy.model = "other";
    assert_int_equal(sample(&f, false, &error), SC_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "\"toy\""));
    assert_non_null(strstr(error.text, "\"other\""));
    assert_int_equal(f.eater.n_done, 0);
    assert_int_equal(sc_source_unchanged(&f.source, NULL), SC_ERR_CONFLICT);
    stop(&f);
}

static void wrong_options_are_named(void **state)
{
    static const char *const good = "http://127.0.0.1:1/v1", *const bad = "ftp://x";
    struct sc_source source;
    (void)state;

    for (int i = 0; i < 6; i++) {
        struct sc_server_options options = sc_server_options_default();
        struct sc_error error = {0};
        options.urls = i == 1 ? &bad : &good;
        options.n_urls = i == 0 ? 0 : 1;
        options.parallel = i == 2 ? 0 : 1;
        options.n_choices = i == 3 ? 1000 : 1;
        options.timeout = i == 4 ? NAN : 1;
        options.model = i == 5 ? "" : NULL;
        assert_int_equal(sc_source_open_server(&options, &source, &error), SC_ERR_ARGUMENT);
        assert_true(error.text[0] != '\0');
    }
    assert_int_equal(sc_source_open_server(NULL, &source, NULL), SC_ERR_ARGUMENT);
}

/* Memory fails at every place in turn: sampling ends with that, or did not need it. */
static void exhausted_memory_ends_sampling(void **state)
{
    enum sc_status status = SC_ERR_NOMEM;
    struct fixture f = {0};
    size_t n_tries = 0;
    (void)state;

    start(&f);
    f.options.parallel = 1;
    open_source(&f);
    struct sc_text whole = {0}, events = {0};
    add_whole(&whole, &f.toy, 1);
    add_events(&events, &f.toy);
    f.toy.whole = whole.data;
    f.toy.events = events.data;
    f.eater.n_prompts = 1;
    f.eater.n_traces = 1;
    for (size_t n = 0; status != SC_OK; n += 1 + n / 8) {
        f.eater.next = f.eater.n_done = 0;
        f.eater.cut_after = n % 3 == 2 ? 2 : 0; /* with streams */
        n_tries++;
        sc_memory_fail_at(n);
        status = sample(&f, n % 2, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        assert_true(f.eater.n_failed == 0);
    }
    assert_int_equal(status, SC_OK);
    assert_true(n_tries > 30);
    f.eater.n_prompts = 3;
    stop(&f);
    sc_text_free(&whole);
    sc_text_free(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traces_come_with_what_the_server_lists),
        cmocka_unit_test(traces_of_one_prompt_share_a_request),
        cmocka_unit_test(a_feed_that_cuts_gets_streams),
        cmocka_unit_test(what_is_refused_fails_alone),
        cmocka_unit_test(nothing_but_refusals_ends_it),
        cmocka_unit_test(a_model_of_another_name_ends_it),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(exhausted_memory_ends_sampling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
