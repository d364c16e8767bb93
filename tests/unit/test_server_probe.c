/* What a server is and what its log-probabilities are those of: the rule on made-up lists, and the
 * whole probe against a toy of a model behind a loopback server, in many manners. */
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
#include "http_server.h"
#include "server_facts.h"
#include "source/server/identity.h"
#include "source/server/rule.h"

enum { N_WORDS = 40, END = N_WORDS - 1 };

/* ---- a toy of a model ------------------------------------------------------------------------ */

static double unit(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (double)((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

static uint64_t hash_of(const char *text)
{
    uint64_t h = 14695981039346656037u;
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

static void log_softmax(const double *z, double t, double *out)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < N_WORDS; i++)
        most = fmax(most, z[i] / t);
    for (size_t i = 0; i < N_WORDS; i++)
        sum += exp(z[i] / t - most);
    for (size_t i = 0; i < N_WORDS; i++)
        out[i] = z[i] / t - most - log(sum);
}

static void logits_of(uint64_t context, double *z)
{
    for (size_t i = 0; i < N_WORDS; i++)
        z[i] = 12 * unit(context * 64 + i);
}

static const char *word(size_t i)
{
    static char words[N_WORDS][8];
    snprintf(words[i], sizeof words[i], i == END ? "<end>" : " w%zu", i);
    return words[i];
}

/* The words by falling value. */
static void rank(const double *value, size_t *order)
{
    for (size_t i = 0; i < N_WORDS; i++) {
        size_t at = i;
        for (; at > 0 && value[order[at - 1]] < value[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

/* ---- the rule -------------------------------------------------------------------------------- */

enum manner { RAW, PROCESSED, LOG10, SHUFFLED, FLAT };

struct lists {
    struct sc_candidate items[8][2][N_WORDS];
    struct sc_rule_pair pairs[8];
};

/* Lists of the n likeliest words in several contexts at temperatures 1 and t. */
static void make_lists(struct lists *lists, enum manner manner, size_t n_contexts, size_t n,
                       double t, double noise)
{
    uint64_t draws = 7;
    for (size_t c = 0; c < n_contexts; c++) {
        for (size_t side = 0; side < 2; side++) {
            double z[N_WORDS], value[N_WORDS];
            size_t order[N_WORDS];
            logits_of(c + 100, z);
            for (size_t i = 0; i < N_WORDS; i++)
                z[i] = (manner == FLAT ? z[i] / 1000 : z[i]) + noise * (2 * unit(draws++) - 1);
            log_softmax(z, side == 1 && manner == PROCESSED ? t : 1, value);
            rank(value, order);
            for (size_t i = 0; i < n; i++) {
                double listed = value[order[i]];
                if (manner == LOG10)
                    listed /= log(10);
                if (manner == SHUFFLED)
                    listed = -3 - 20 * unit(draws++);
                lists->items[c][side][i] = (struct sc_candidate){
                    .text = word(order[i]), .n = strlen(word(order[i])), .logprob = listed};
            }
        }
        lists->pairs[c] = (struct sc_rule_pair){.neutral = {lists->items[c][0], n},
                                                .other = {lists->items[c][1], n}};
    }
}

static struct sc_rule_finding decided(enum manner manner, size_t n_contexts, size_t n, double t,
                                      double noise)
{
    static struct lists lists;
    struct sc_rule_finding finding;
    make_lists(&lists, manner, n_contexts, n, t, noise);
    assert_int_equal(sc_rule_decide(lists.pairs, n_contexts, t, &finding, NULL), SC_OK);
    assert_int_equal(finding.why == NULL, finding.kind != SC_LOGPROBS_UNKNOWN);
    return finding;
}

static void raw_and_processed_lists_are_told_apart(void **state)
{
    static const double temperatures[] = {0.3, 0.5, 0.6, 0.7, 1.5, 2, 10};
    (void)state;

    for (size_t i = 0; i < sizeof temperatures / sizeof *temperatures; i++) {
        for (int noisy = 0; noisy < 2; noisy++) {
            double t = temperatures[i], noise = 0.05 * noisy;
            assert_int_equal(decided(RAW, 2, 20, t, noise).kind, SC_LOGPROBS_RAW);
            assert_int_equal(decided(PROCESSED, 2, 20, t, noise).kind, SC_LOGPROBS_PROCESSED);
            if (t >= 0.7 && t <= 2)
                continue; /* five words and little distance do not tell: unknown is right */
            assert_int_equal(decided(RAW, 4, 5, t, noise).kind, SC_LOGPROBS_RAW);
            assert_int_equal(decided(PROCESSED, 4, 5, t, noise).kind, SC_LOGPROBS_PROCESSED);
        }
    }
}

static void what_follows_neither_or_is_no_logarithm_is_unknown(void **state)
{
    (void)state;

    assert_string_equal(decided(SHUFFLED, 3, 20, 0.5, 0).why, "they follow neither");
    assert_string_equal(decided(LOG10, 3, 20, 0.5, 0).why,
                        "their probabilities sum to more than 1");
    assert_string_equal(decided(FLAT, 3, 20, 0.5, 0).why, "they are too much alike to tell");
    assert_string_equal(decided(RAW, 3, 0, 0.5, 0).why, "it listed no token twice");
    assert_string_equal(decided(RAW, 0, 0, 0.5, 0).why, "it listed no token twice");
}

static void one_listed_token_can_show_raw_and_nothing_else(void **state)
{
    (void)state;

    assert_int_equal(decided(RAW, 8, 1, 0.5, 0.005).kind, SC_LOGPROBS_RAW);
    assert_string_equal(decided(PROCESSED, 8, 1, 0.5, 0).why, "it lists too few tokens to tell");
    assert_string_equal(decided(RAW, 2, 1, 0.5, 0).why, "it lists too few tokens to tell");
}

/* Words that read alike, and values that stand for none, are left out. */
static void only_what_both_lists_have_counts(void **state)
{
    static struct lists lists;
    struct sc_rule_finding finding;
    (void)state;

    make_lists(&lists, PROCESSED, 1, 20, 0.5, 0);
    lists.items[0][1][3].logprob = -9999;
    lists.items[0][1][4].logprob = -INFINITY;
    lists.items[0][1][5].logprob = NAN;
    lists.items[0][0][7].text = lists.items[0][0][8].text;
    lists.items[0][0][7].n = lists.items[0][0][8].n;
    assert_int_equal(sc_rule_decide(lists.pairs, 1, 0.5, &finding, NULL), SC_OK);
    assert_int_equal(finding.kind, SC_LOGPROBS_PROCESSED);
    assert_true(finding.n_values >= 13 && finding.n_values <= 15);
    assert_int_equal(finding.n_differences, finding.n_values - 1);
}

static enum sc_rule_change compared(const struct sc_candidate *a, size_t n,
                                    const struct sc_candidate *b, size_t m)
{
    enum sc_rule_change change;
    const struct sc_rule_list before = {a, n}, after = {b, m};
    assert_int_equal(sc_rule_compare(&before, &after, &change, NULL), SC_OK);
    return change;
}

static void filters_show_in_a_list(void **state)
{
    static struct lists lists;
    struct sc_candidate other[N_WORDS];
    const struct sc_candidate *plain = lists.items[0][0];
    (void)state;

    make_lists(&lists, RAW, 1, 20, 0.5, 0.03);
    assert_int_equal(compared(plain, 20, lists.items[0][1], 20), SC_RULE_SAME);
    assert_int_equal(compared(plain, 20, plain, 19), SC_RULE_SAME); /* the chosen one */
    assert_int_equal(compared(plain, 20, plain, 5), SC_RULE_FILTERED);
    memcpy(other, plain, sizeof other);
    for (size_t i = 0; i < 20; i++)
        other[i].logprob += 0.4;
    assert_int_equal(compared(plain, 20, other, 20), SC_RULE_FILTERED);
    memcpy(other, plain, sizeof other);
    for (size_t i = 6; i < 20; i++)
        other[i].logprob = -9999;
    assert_int_equal(compared(plain, 20, other, 20), SC_RULE_FILTERED);
    for (size_t i = 0; i < 20; i++)
        other[i].logprob = plain[i].logprob * 2;
    assert_int_equal(compared(plain, 20, other, 20), SC_RULE_OTHER);
    assert_int_equal(compared(plain, 20, plain, 0), SC_RULE_NO_LISTS);
    assert_int_equal(compared(plain, 0, plain, 20), SC_RULE_NO_LISTS);
}

/* ---- a server -------------------------------------------------------------------------------- */

struct toy {
    enum manner manner;
    bool filters, greedy_is_raw; /* log-probabilities are those that top_k leaves; at 0 raw */
    bool refuses_ids, fails_ids, misreads_ids, refuses_logprobs_oddly, refuses_neutral, shifts_echo;
    bool refuses_seed, ignores_seed, dice, no_stream, no_logprobs;
    bool refuses_logprobs, refuses_all, echoes, garbage, extra, no_post, no_list, ends, token_ids;
    size_t most;             /* log-probabilities given */
    size_t most_taken;       /* more are refused; 0: none are */
    double noise, forced_by; /* of forced tokens' log-probabilities */
    const char *models;      /* body of /models; NULL: one named "toy" */
    const char *owner, *version_path, *version;
    int status;              /* of everything; 0: none */
    uint64_t weights, draws; /* another model under the same name */
    size_t n_posts, n_gets;
    char last[4096];
};

/* A small writer: this thread's memory is not to be among what is made to fail. */
struct page {
    char text[60000];
    size_t n;
};

static void put(struct page *page, const char *format, ...) SC_PRINTF(2, 3);

static void put(struct page *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    page->n +=
        (size_t)vsnprintf(page->text + page->n, sizeof page->text - page->n, format, arguments);
    va_end(arguments);
    assert_true(page->n < sizeof page->text);
}

static double number(const char *body, const char *key, double otherwise)
{
    const char *at = strstr(body, key);
    return at != NULL ? strtod(at + strlen(key), NULL) : otherwise;
}

struct drawn {
    size_t word;
    double value[N_WORDS];
    size_t order[N_WORDS];
};

static void draw(struct toy *toy, const char *body, uint64_t context, size_t position,
                 struct drawn *out)
{
    double t = number(body, "\"temperature\":", 1), z[N_WORDS], p[N_WORDS];
    size_t top_k = (size_t)fmax(0, number(body, "\"top_k\":", 0));
    logits_of(context * 1000 + position + toy->weights, z);
    for (size_t i = 0; i < N_WORDS; i++)
        z[i] += toy->noise * (2 * unit(toy->draws++) - 1);
    log_softmax(z, t > 0 ? t : 0.01, p);
    log_softmax(z, toy->manner == PROCESSED && t > 0 ? t : 1, out->value);
    if (toy->manner == PROCESSED && t <= 0 && !toy->greedy_is_raw)
        memcpy(out->value, p, sizeof p);
    rank(p, out->order);
    for (size_t i = top_k; toy->filters && top_k > 0 && i < N_WORDS; i++)
        out->value[out->order[i]] = -9999;
    double seed = number(body, "\"seed\":", -1), sum = 0;
    double u = unit((uint64_t)(toy->ignores_seed || seed < 0 ? 1 : seed) * 7919 + position);
    if (toy->dice || seed < 0)
        u = unit(toy->draws++);
    out->word = out->order[0];
    for (size_t i = 0; i < N_WORDS && sum <= u; i++) {
        out->word = out->order[i];
        sum += exp(p[out->order[i]]);
    }
    if (toy->ends)
        out->word = position == 2 ? END : out->order[0] == END ? out->order[1] : out->order[0];
}

static void put_listed(struct page *page, const struct toy *toy, const struct drawn *d, size_t n)
{
    bool chosen_there = false;
    for (size_t i = 0; i < n; i++) {
        double value = d->value[d->order[i]] / (toy->manner == LOG10 ? log(10) : 1);
        chosen_there = chosen_there || d->order[i] == d->word;
        if (toy->garbage)
            put(page, "%s\"%s\":\"x\"", i ? "," : "", word(d->order[i]));
        else
            put(page, "%s\"%s\":%.9g", i ? "," : "", word(d->order[i]), value);
    }
    if (toy->extra && !chosen_there)
        put(page, ",\"%s\":%.9g", word(d->word), d->value[d->word]);
}

static void put_completion(struct page *page, struct toy *toy, const char *body, const char *text)
{
    struct drawn drawn[16];
    bool chat = strstr(body, "\"messages\"") != NULL;
    size_t n = (size_t)number(body, "\"max_tokens\":", 1), n_text = 0;
    double asked = number(body, chat ? "\"top_logprobs\":" : "\"logprobs\":", 0);
    size_t n_top = asked < (double)toy->most ? (size_t)asked : toy->most;
    char said[256] = "";
    for (size_t i = 0; i < n; i++) {
        draw(toy, body, hash_of(text), i, &drawn[i]);
        if (drawn[i].word == END) {
            n = i + 1;
            break;
        }
        n_text += (size_t)snprintf(said + n_text, sizeof said - n_text, "%s", word(drawn[i].word));
    }
    bool ended = drawn[n - 1].word == END;
    put(page, "{\"model\":\"toy-1\",\"system_fingerprint\":\"fp\",\"choices\":[{\"index\":0,");
    put(page, chat ? "\"message\":{\"role\":\"assistant\",\"content\":\"%s\"}" : "\"text\":\"%s\"",
        said);
    put(page, ",\"finish_reason\":\"%s\"", ended ? "stop" : "length");
    if (toy->token_ids && strstr(body, "\"return_token_ids\":true") != NULL) {
        for (size_t i = 0; i < n; i++)
            put(page, "%s%zu", i ? "," : ",\"token_ids\":[", drawn[i].word);
        put(page, "]");
    }
    if (n_top > 0 && !toy->no_logprobs) {
        put(page, ",\"logprobs\":{\"tokens\":[");
        for (size_t i = 0; i < n; i++)
            put(page, "%s\"%s\"", i ? "," : "", word(drawn[i].word));
        put(page, "],\"top_logprobs\":[");
        for (size_t i = 0; i < n; i++) {
            put(page, i ? ",{" : "{");
            put_listed(page, toy, &drawn[i], n_top);
            put(page, "}");
        }
        put(page, "]}");
    }
    size_t n_prompt = 1;
    for (const char *c = strstr(body, "\"prompt\":["); c != NULL && *c != ']'; c++)
        n_prompt += *c == ',' && c[1] != '"';
    put(page, "}],\"usage\":{\"prompt_tokens\":%zu,\"completion_tokens\":%zu}}",
        toy->misreads_ids ? n_prompt + 5 : n_prompt, n);
}

/* An echo, or vLLM's prompt_logprobs: the text without its last word is a context of the toy. */
static void put_forced(struct page *page, struct toy *toy, const char *text, bool echo)
{
    const char *last = strrchr(text, ' ');
    char before[256];
    struct drawn drawn;
    snprintf(before, sizeof before, "%.*s", (int)(last - text), text);
    draw(toy, "", hash_of(before), 0, &drawn);
    size_t i = 0;
    while (i < N_WORDS && strcmp(word(i), last) != 0)
        i++;
    assert_true(i < N_WORDS);
    double value = drawn.value[i] + toy->forced_by;
    if (echo)
        put(page,
            "{\"choices\":[{\"text\":\"%s w1\",\"logprobs\":{\"tokens\":[\"%s\",\"%s\"%s],"
            "\"token_logprobs\":[null,%.9g,-1],\"top_logprobs\":[null,{\"x\":-1},{\"x\":-1}]}}]}",
            text, before, last, toy->shifts_echo ? "" : ",\" w1\"", value);
    else
        put(page,
            "{\"choices\":[{\"text\":\" w1\",\"prompt_logprobs\":[null,{\"7\":{\"logprob\":%.9g,"
            "\"decoded_token\":\"%s\"}}]}]}",
            value, last);
}

/* The text that a request holds, up to the quote that ends it. */
static void text_of(const char *body, char *text, size_t size)
{
    const char *keys[] = {"\"prompt\":\"", "\"content\":\"", "\"prompt\":["};
    *text = '\0';
    for (size_t i = 0; i < 3; i++) {
        const char *at = strstr(body, keys[i]);
        if (at == NULL)
            continue;
        at += strlen(keys[i]);
        snprintf(text, size, "%.*s", (int)strcspn(at, i == 2 ? "]" : "\""), at);
        return;
    }
}

static void refuse(struct page *page, struct http_answer *answer, int status, const char *words)
{
    answer->status = status;
    put(page, "{\"error\":{\"message\":\"%s\"}}", words);
}

static void post(struct toy *toy, const char *path, const char *body, struct page *page,
                 struct http_answer *answer)
{
    char text[512];
    bool ids = strstr(body, "\"prompt\":[") != NULL;
    double asked = number(body, "\"logprobs\":", 0);
    toy->n_posts++;
    snprintf(toy->last, sizeof toy->last, "%s", body);
    text_of(body, text, sizeof text);
    if (toy->no_post || strstr(path, "completions") == NULL)
        refuse(page, answer, 404, "no such path");
    else if (toy->refuses_all)
        refuse(page, answer, 400, "out of order");
    else if (toy->fails_ids && ids)
        refuse(page, answer, 500, "30 validation errors");
    else if (toy->refuses_ids && ids)
        refuse(page, answer, 400, "prompt: expected a string");
    else if (toy->refuses_logprobs_oddly && strstr(body, "logprobs") != NULL)
        refuse(page, answer, 500, "NoneType is not subscriptable");
    else if (toy->refuses_neutral && (strstr(body, "\"top_p\"") || strstr(body, "\"temperature\"")))
        refuse(page, answer, 400, "top_p, temperature: not with this model");
    else if (toy->refuses_seed && strstr(body, "\"seed\"") != NULL)
        refuse(page, answer, 400, "seed: unknown field");
    else if (toy->refuses_logprobs && strstr(body, "logprobs") != NULL)
        refuse(page, answer, 400, "no log-probabilities here");
    else if (toy->most_taken > 0 && asked > (double)toy->most_taken)
        refuse(page, answer, 400, "Requested 30 logprobs, which is greater than max allowed: 7");
    else if (strstr(body, "\"prompt_logprobs\"") != NULL && toy->echoes)
        put_forced(page, toy, text, false);
    else if (strstr(body, "\"echo\":true") != NULL && toy->echoes)
        put_forced(page, toy, text, true);
    else if (strstr(body, "\"stream\":true") != NULL && !toy->no_stream) {
        answer->type = "text/event-stream";
        put(page, "data: {\"choices\":[{\"text\":\"x\"}]}\n\ndata: [DONE]\n\n");
    } else {
        put_completion(page, toy, body, ids ? "Hello!" : text);
    }
}

static void get(struct toy *toy, const char *path, struct page *page, struct http_answer *answer)
{
    toy->n_gets++;
    if (strcmp(path, "/v1/models") == 0 && !toy->no_list) {
        if (toy->models != NULL)
            put(page, "%s", toy->models);
        else
            put(page, "{\"data\":[{\"id\":\"toy\",\"owned_by\":\"%s\",\"max_model_len\":4096}]}",
                toy->owner != NULL ? toy->owner : "me");
    } else if (toy->version_path != NULL && strcmp(path, toy->version_path) == 0) {
        put(page, "%s", toy->version);
    } else {
        refuse(page, answer, 404, "no such path");
    }
}

static void handle(void *context, const char *method, const char *path, const char *body,
                   struct http_answer *answer)
{
    struct toy *toy = context;
    static struct page page; /* one thread at a time */
    page.n = 0;
    if (toy->status != 0)
        refuse(&page, answer, toy->status, "not you");
    else if (strcmp(method, "GET") == 0)
        get(toy, path, &page, answer);
    else
        post(toy, path, body, &page, answer);
    answer->body = strndup(page.text, page.n);
}

/* ---- the probe ------------------------------------------------------------------------------- */

struct asked {
    enum sc_endpoint endpoint;
    const char *model;
    size_t top_k;
    struct sc_sampling sampling;
    bool ids;
    struct toy *second; /* another server, or NULL */
};

static struct asked usual(void)
{
    return (struct asked){.endpoint = SC_ENDPOINT_COMPLETION,
                          .model = "toy",
                          .top_k = 20,
                          .sampling = {.temperature = NAN,
                                       .top_p = NAN,
                                       .min_p = NAN,
                                       .top_k = -1,
                                       .repetition_penalty = NAN}};
}

static struct sc_remote *open_remote(struct http_server *const *servers, size_t n)
{
    const char *urls[2];
    struct sc_remote_options options = sc_remote_options_default();
    struct sc_remote *remote = NULL;
    for (size_t i = 0; i < n; i++)
        urls[i] = http_server_url(servers[i]);
    options.urls = urls;
    options.n_urls = n;
    options.parallel = 1;
    options.n_retries = 1;
    options.backoff = 0.001;
    assert_int_equal(sc_remote_open(&remote, &options, NULL), SC_OK);
    return remote;
}

static enum sc_status probe_with(struct sc_remote *remote, const struct asked *asked, size_t n_urls,
                                 struct sc_server_facts *facts, struct sc_error *error)
{
    static const int32_t ids[] = {5, 6, 7};
    struct sc_server_options options = {
        .size = sizeof options, .n_urls = n_urls, .model = asked->model};
    const struct sc_source_wish wish = {.size = sizeof wish,
                                        .sampling = asked->sampling,
                                        .max_new_tokens = 16,
                                        .confidence_top_k = asked->top_k};
    const struct sc_server_probe probe = {.remote = remote,
                                          .options = &options,
                                          .wish = &wish,
                                          .endpoint = asked->endpoint,
                                          .ids = asked->ids ? ids : NULL,
                                          .n_ids = asked->ids ? 3 : 0};
    return sc_server_probe_run(&probe, facts, error);
}

static enum sc_status probed(struct toy *toy, const struct asked *asked,
                             struct sc_server_facts *facts, struct sc_error *error)
{
    size_t n = asked->second != NULL ? 2 : 1;
    struct http_server *servers[2] = {http_server_start(handle, toy)};
    if (n == 2)
        servers[1] = http_server_start(handle, asked->second);
    struct sc_remote *remote = open_remote(servers, n);
    enum sc_status status = probe_with(remote, asked, n, facts, error);
    sc_remote_close(remote);
    for (size_t i = 0; i < n; i++)
        http_server_stop(servers[i]);
    return status;
}

/* Probes a server that is in order; facts are the caller's to free. */
static void probe_well(struct toy toy, const struct asked *asked, struct sc_server_facts *facts)
{
    struct sc_error error = {0};
    if (probed(&toy, asked, facts, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void assert_kind(struct toy toy, struct asked asked, enum sc_logprob_kind kind, size_t top_k,
                        const char *remark)
{
    struct sc_server_facts facts;
    probe_well(toy, &asked, &facts);
    const char *remarks = facts.remarks.data != NULL ? facts.remarks.data : "";
    if (facts.logprobs != kind || facts.top_k != top_k ||
        (remark != NULL && strstr(remarks, remark) == NULL))
        fail_msg("%s, %zu: %s", sc_logprob_kind_name(facts.logprobs), facts.top_k, remarks);
    if (remark == NULL)
        assert_true(strstr(remarks, "log-prob") == NULL && strstr(remarks, "scores") == NULL);
    sc_server_facts_free(&facts);
}

static void the_kind_of_log_probabilities_is_found_out(void **state)
{
    struct asked asked = usual();
    (void)state;

    for (int chat = 0; chat < 2; chat++) {
        asked.endpoint = chat ? SC_ENDPOINT_CHAT : SC_ENDPOINT_COMPLETION;
        assert_kind((struct toy){.most = 20}, asked, SC_LOGPROBS_RAW, 20, NULL);
        assert_kind((struct toy){.most = 20, .noise = 0.03}, asked, SC_LOGPROBS_RAW, 20, NULL);
        assert_kind((struct toy){.most = 20, .manner = PROCESSED}, asked, SC_LOGPROBS_PROCESSED, 20,
                    NULL);
        asked.sampling.temperature = 0.6;
        assert_kind((struct toy){.most = 20, .manner = PROCESSED, .noise = 0.03}, asked,
                    SC_LOGPROBS_PROCESSED, 20, NULL);
        assert_kind((struct toy){.most = 20, .manner = LOG10}, asked, SC_LOGPROBS_UNKNOWN, 20,
                    "sum to more than 1");
        asked.sampling.temperature = NAN;
        assert_kind((struct toy){.most = 5, .extra = true}, asked, SC_LOGPROBS_RAW, 5,
                    "the 5 likeliest tokens of the 20");
        assert_kind((struct toy){.most = 20, .no_logprobs = true}, asked, SC_LOGPROBS_UNKNOWN, 0,
                    "gives no log-probabilities");
        assert_kind((struct toy){.most = 20, .garbage = true}, asked, SC_LOGPROBS_UNKNOWN, 0,
                    "gives no log-probabilities");
    }
}

static void the_runs_own_sampling_is_tried_as_well(void **state)
{
    struct asked asked = usual();
    (void)state;

    asked.sampling.top_k = 5;
    assert_kind((struct toy){.most = 20}, asked, SC_LOGPROBS_RAW, 20, NULL);
    assert_kind((struct toy){.most = 20, .filters = true}, asked, SC_LOGPROBS_PROCESSED, 20,
                "top-k, top-p and min-p leave");
    asked.sampling.temperature = 0.5;
    assert_kind((struct toy){.most = 20, .manner = PROCESSED}, asked, SC_LOGPROBS_PROCESSED, 20,
                NULL);
    assert_kind((struct toy){.most = 20, .manner = PROCESSED, .filters = true}, asked,
                SC_LOGPROBS_PROCESSED, 20, "top-k, top-p and min-p leave");
    asked.sampling.top_k = -1;
    asked.sampling.temperature = 0;
    assert_kind((struct toy){.most = 20, .manner = PROCESSED, .greedy_is_raw = true}, asked,
                SC_LOGPROBS_RAW, 20, "at 0, as in this run");
    assert_kind((struct toy){.most = 20, .manner = PROCESSED}, asked, SC_LOGPROBS_PROCESSED, 20,
                NULL);
}

static void forced_tokens_bear_it_out_or_do_not(void **state)
{
    static const char *const owners[] = {"me", "vllm"};
    const struct asked asked = usual();
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct toy toy = {.most = 20, .echoes = true, .owner = owners[i]};
        assert_kind(toy, asked, SC_LOGPROBS_RAW, 20, NULL);
        toy.forced_by = -2;
        assert_kind(toy, asked, SC_LOGPROBS_RAW, 20, "scores a token of a prompt otherwise");
    }
    struct sc_server_facts facts;
    probe_well((struct toy){.most = 20, .echoes = true, .forced_by = -2, .shifts_echo = true},
               &asked, &facts);
    assert_int_equal(facts.logprobs, SC_LOGPROBS_RAW);
    assert_null(facts.remarks.data);
    sc_server_facts_free(&facts);
}

static void fewer_are_asked_for_where_many_are_refused(void **state)
{
    struct asked asked = usual();
    (void)state;

    asked.top_k = 30;
    assert_kind((struct toy){.most = 30, .most_taken = 7}, asked, SC_LOGPROBS_RAW, 7,
                "the 7 likeliest tokens of the 30");
    assert_kind((struct toy){.most = 30, .most_taken = 5}, asked, SC_LOGPROBS_RAW, 5, "of the 30");
    assert_kind((struct toy){.most = 30, .refuses_logprobs = true}, asked, SC_LOGPROBS_UNKNOWN, 0,
                "gives no log-probabilities");
    asked.top_k = 1; /* a 500 takes tries: one number is enough */
    assert_kind((struct toy){.most = 30, .refuses_logprobs_oddly = true}, asked,
                SC_LOGPROBS_UNKNOWN, 0, "gives no log-probabilities");
}

/* What is neutral need not be said, and what cannot be said at another temperature is not known. */
static void a_server_with_sampling_of_its_own_is_taken_as_it_is(void **state)
{
    const struct asked asked = usual();
    (void)state;

    assert_kind((struct toy){.most = 20, .refuses_neutral = true}, asked, SC_LOGPROBS_UNKNOWN, 20,
                "could not be told");
}

static void ids_are_sent_where_they_are_taken(void **state)
{
    struct asked asked = usual();
    struct sc_server_facts facts;
    (void)state;

    asked.ids = true;
    probe_well((struct toy){.most = 20}, &asked, &facts);
    assert_true(facts.takes_ids);
    sc_server_facts_free(&facts);
    const struct toy without[] = {{.most = 20, .refuses_ids = true},
                                  {.most = 20, .misreads_ids = true},
                                  {.most = 20, .fails_ids = true},
                                  {.most = 20, .refuses_ids = true, .refuses_logprobs = true}};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        probe_well(without[i], &asked, &facts);
        assert_false(facts.takes_ids);
        assert_non_null(strstr(facts.remarks.data, "takes no token ids"));
        sc_server_facts_free(&facts);
    }
}

static void whether_answers_come_again_is_tried(void **state)
{
    static const struct {
        struct toy toy;
        double temperature;
        enum sc_reproducible expected;
        bool takes_seed;
    } cases[] = {
        {{.most = 20}, 1, SC_REPRODUCIBLE_YES, true},
        {{.most = 20, .dice = true}, 1, SC_REPRODUCIBLE_NO, true},
        {{.most = 20, .ignores_seed = true}, 1, SC_REPRODUCIBLE_UNKNOWN, true},
        {{.most = 20, .ignores_seed = true}, 0, SC_REPRODUCIBLE_YES, true},
        {{.most = 20, .refuses_seed = true}, 1, SC_REPRODUCIBLE_UNKNOWN, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct asked asked = usual();
        struct sc_server_facts facts;
        asked.sampling.temperature = cases[i].temperature;
        probe_well(cases[i].toy, &asked, &facts);
        assert_int_equal(facts.reproducible, cases[i].expected);
        assert_int_equal(facts.takes_seed, cases[i].takes_seed);
        if (!cases[i].takes_seed)
            assert_non_null(strstr(facts.remarks.data, "takes no seed"));
        sc_server_facts_free(&facts);
    }
}

static void what_a_server_says_and_gives_is_noted(void **state)
{
    struct asked asked = usual();
    struct sc_server_facts facts;
    struct toy toy = {.most = 20,
                      .owner = "vllm",
                      .version_path = "/version",
                      .version = "{\"version\":\"0.32.0\"}",
                      .ends = true,
                      .token_ids = true};
    (void)state;

    asked.model = NULL; /* the only one */
    probe_well(toy, &asked, &facts);
    assert_string_equal(facts.name, "toy");
    assert_string_equal(facts.model, "toy-1");
    assert_string_equal(facts.software, "vllm 0.32.0");
    assert_string_equal(facts.system_fingerprint, "fp");
    assert_null(facts.revision);
    assert_int_equal(facts.context, 4096);
    assert_true(facts.streams && facts.gives_end && facts.gives_ids);
    sc_server_facts_free(&facts);

    toy = (struct toy){.most = 20, .no_stream = true};
    probe_well(toy, &asked, &facts);
    assert_false(facts.streams || facts.gives_ids);
    assert_null(facts.software);
    sc_server_facts_free(&facts);
}

static void software_is_known_by_what_only_it_says(void **state)
{
    static const struct {
        const char *owner, *path, *body, *software, *revision;
        size_t context;
    } cases[] = {
        {"sglang", "/get_server_info",
         "{\"version\":\"0.5.4\",\"context_length\":99,\"revision\":\"abc\"}", "sglang 0.5.4",
         "abc", 4096},
        {"sglang", "/server_info", "{\"version\":\"0.6.0\"}", "sglang 0.6.0", NULL, 4096},
        {"llamacpp", "/props",
         "{\"build_info\":\"b6000-x\",\"default_generation_settings\":{\"n_ctx\":512}}",
         "llama.cpp b6000-x", NULL, 4096},
        {"me", "/props", "{\"default_generation_settings\":{\"n_ctx\":512}}", "llama.cpp", NULL,
         4096},
        {"library", "/api/version", "{\"version\":\"0.9\"}", "ollama 0.9", NULL, 4096},
        {"me", "/info", "{\"version\":\"3.1\",\"model_sha\":\"f00\"}",
         "text-generation-inference 3.1", "f00", 4096},
        {"vllm", "/version", "{\"version\":\"a\\u0007\\u202eb\"}", "vllm a\\x07\\u{202E}b", NULL,
         4096},
        {"vllm", "/version", "[]", "vllm", NULL, 4096},
        {"vllm", "/version", "<html>", "vllm", NULL, 4096},
        {"me", "/version", "{\"version\":\"1.28\"}", NULL, NULL, 4096},
        {"me", "/props", "{\"default\":1}", NULL, NULL, 4096},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct toy toy = {
            .owner = cases[i].owner, .version_path = cases[i].path, .version = cases[i].body};
        struct http_server *server = http_server_start(handle, &toy);
        struct sc_remote *remote = open_remote(&server, 1);
        struct sc_identity identity;
        assert_int_equal(sc_identity_ask(remote, 1, "toy", &identity, NULL), SC_OK);
        if (cases[i].software == NULL)
            assert_null(identity.software);
        else
            assert_string_equal(identity.software, cases[i].software);
        if (cases[i].revision == NULL)
            assert_null(identity.revision);
        else
            assert_string_equal(identity.revision, cases[i].revision);
        assert_int_equal(identity.context, cases[i].context);
        sc_identity_free(&identity);
        sc_remote_close(remote);
        http_server_stop(server);
    }
}

static void lists_of_models_are_read_in_every_shape(void **state)
{
    static const struct {
        const char *body;
        size_t n;
        bool has;
        size_t context;
    } cases[] = {
        {"{\"data\":[{\"id\":\"a\"},{\"id\":\"toy\",\"context_length\":7}]}", 2, true, 7},
        {"[{\"id\":\"toy\",\"context_window\":8}]", 1, true, 8},
        {"{\"models\":[{\"name\":\"toy\"}],\"data\":[]}", 1, true, 0},
        {"{\"data\":[\"toy\",7,null,{\"id\":7},{\"id\":\"\"}]}", 1, true, 0},
        {"{\"data\":[{\"id\":\"toys\",\"max_model_len\":-4}]}", 1, false, 0},
        {"{\"data\":{}}", 0, false, 0},
        {"7", 0, false, 0},
        {"", 0, false, 0},
        {"{\"data\":[{\"id\":\"toy\",\"max_model_len\":\"9\",\"max_context_length\":9}]}", 1, true,
         9},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct toy toy = {.models = cases[i].body};
        struct http_server *server = http_server_start(handle, &toy);
        struct sc_remote *remote = open_remote(&server, 1);
        struct sc_identity identity;
        assert_int_equal(sc_identity_ask(remote, 1, "toy", &identity, NULL), SC_OK);
        assert_int_equal(identity.n_models, cases[i].n);
        assert_int_equal(identity.lists, cases[i].n > 0);
        assert_int_equal(identity.has_model, cases[i].has);
        assert_int_equal(identity.context, cases[i].context);
        sc_identity_free(&identity);
        sc_remote_close(remote);
        http_server_stop(server);
    }
}

static void servers_that_will_not_do_are_one_line(void **state)
{
    static const char many[] = "{\"data\":[{\"id\":\"a\"},{\"id\":\"b\\u001b\"}]}";
    static const struct {
        struct toy toy;
        const char *model;
        enum sc_endpoint endpoint;
        const char *words[2];
    } cases[] = {
        {{.models = many}, "toy", SC_ENDPOINT_CHAT, {"(a, b\\x1B), found \"toy\"", "/v1 has"}},
        {{.models = many}, NULL, SC_ENDPOINT_CHAT, {"one of the 2 models", "(a, b\\x1B)"}},
        {{.no_list = true}, NULL, SC_ENDPOINT_CHAT, {"does not list its models", "--model"}},
        {{.no_post = true}, "toy", SC_ENDPOINT_CHAT, {"/chat/completions", "--tokenizer"}},
        {{.no_post = true}, "toy", SC_ENDPOINT_COMPLETION, {"from /completions", "no such path"}},
        {{.status = 401}, "toy", SC_ENDPOINT_CHAT, {"401", "no API key was sent"}},
        {{.status = 403}, "toy", SC_ENDPOINT_CHAT, {"403", "not you"}},
        {{.status = 500}, "toy", SC_ENDPOINT_CHAT, {"500", "not you"}},
        {{.refuses_all = true}, "toy", SC_ENDPOINT_CHAT, {"400", "out of order"}},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct toy toy = cases[i].toy;
        struct asked asked = usual();
        struct sc_server_facts facts;
        struct sc_error error = {0};
        asked.model = cases[i].model;
        asked.endpoint = cases[i].endpoint;
        assert_int_not_equal(probed(&toy, &asked, &facts, &error), SC_OK);
        assert_null(strchr(error.text, '\n'));
        for (size_t w = 0; w < 2; w++)
            if (strstr(error.text, cases[i].words[w]) == NULL)
                fail_msg("%zu: %s", i, error.text);
        assert_null(facts.name);
    }
}

/* A hosting service lists much, and not all that it answers to; some list nothing. */
static void long_lists_and_none_do_not_decide(void **state)
{
    static struct page list;
    struct asked asked = usual();
    struct sc_server_facts facts;
    (void)state;

    list.n = 0;
    put(&list, "[");
    for (size_t i = 0; i < 40; i++)
        put(&list, "%s{\"id\":\"model-%zu\"}", i ? "," : "", i);
    put(&list, "]");
    probe_well((struct toy){.most = 20, .models = list.text}, &asked, &facts);
    assert_string_equal(facts.name, "toy");
    assert_non_null(strstr(facts.remarks.data, "not among those that the server lists"));
    sc_server_facts_free(&facts);
    probe_well((struct toy){.most = 20, .no_list = true}, &asked, &facts);
    assert_string_equal(facts.name, "toy");
    sc_server_facts_free(&facts);
}

static void several_servers_are_to_be_alike(void **state)
{
    struct asked asked = usual();
    struct sc_server_facts facts;
    struct sc_error error = {0};
    struct toy toy = {.most = 20}, same = {.most = 20, .noise = 0.01};
    struct toy other = {.most = 20, .weights = 5}, another = {.most = 20, .owner = "vllm"};
    (void)state;

    asked.second = &same;
    probe_well(toy, &asked, &facts);
    assert_int_equal(facts.n_servers, 2);
    sc_server_facts_free(&facts);
    asked.second = &other;
    assert_int_equal(probed(&toy, &asked, &facts, &error), SC_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "are to be alike"));
    error = (struct sc_error){0};
    asked.second = &another;
    assert_int_equal(probed(&toy, &asked, &facts, &error), SC_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "found vllm"));
}

/* Some ten requests: what a service charges for, and how long a run waits before it begins. */
static void a_probe_is_a_handful_of_requests(void **state)
{
    const struct asked asked = usual();
    struct sc_server_facts facts;
    struct toy toy = {.most = 20};
    (void)state;

    assert_int_equal(probed(&toy, &asked, &facts, NULL), SC_OK);
    sc_server_facts_free(&facts);
    assert_true(toy.n_posts <= 10);
    assert_true(toy.n_gets <= 4);
}

static void a_server_that_changes_is_noticed(void **state)
{
    static char name[] = "toy", software[] = "vllm 0.32.0";
    struct sc_server_facts facts = {.name = name, .software = software, .n_servers = 1};
    struct toy toy = {
        .owner = "vllm", .version_path = "/version", .version = "{\"version\":\"0.32.0\"}"};
    struct http_server *server = http_server_start(handle, &toy);
    struct sc_remote *remote = open_remote(&server, 1);
    struct sc_error error = {0};
    (void)state;

    assert_int_equal(sc_server_unchanged(remote, &facts, NULL), SC_OK);
    toy.version = "{\"version\":\"0.33.0\"}";
    assert_int_equal(sc_server_unchanged(remote, &facts, &error), SC_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "it was vllm 0.32.0 and now is vllm 0.33.0"));
    error = (struct sc_error){0};
    toy.models = "{\"data\":[{\"id\":\"other\",\"owned_by\":\"vllm\"}]}";
    assert_int_equal(sc_server_unchanged(remote, &facts, &error), SC_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "\"toy\" and now has other"));
    toy.status = 503; /* who does not answer has not changed */
    assert_int_equal(sc_server_unchanged(remote, &facts, NULL), SC_OK);
    http_server_stop(server);
    assert_int_equal(sc_server_unchanged(remote, &facts, NULL), SC_OK);
    sc_remote_close(remote);
}

/* One allocation after another fails, ever fewer of them tried: an error, or the same facts. */
static void exhausted_memory_is_an_error(void **state)
{
    const struct asked asked = usual();
    struct toy toy = {.most = 20, .echoes = true, .owner = "vllm"};
    struct http_server *server = http_server_start(handle, &toy);
    struct sc_remote *remote = open_remote(&server, 1);
    struct sc_server_facts expected;
    bool reached = true;
    (void)state;

    assert_int_equal(probe_with(remote, &asked, 1, &expected, NULL), SC_OK);
    for (size_t n = 0; reached; n += 1 + n / 12) {
        struct sc_server_facts facts;
        sc_memory_fail_at(n);
        enum sc_status status = probe_with(remote, &asked, 1, &facts, NULL);
        reached = sc_memory_failed();
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_ERR_NOMEM || same_facts(&facts, &expected));
        if (status == SC_OK)
            sc_server_facts_free(&facts);
    }
    sc_server_facts_free(&expected);
    sc_remote_close(remote);
    http_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_and_processed_lists_are_told_apart),
        cmocka_unit_test(what_follows_neither_or_is_no_logarithm_is_unknown),
        cmocka_unit_test(one_listed_token_can_show_raw_and_nothing_else),
        cmocka_unit_test(only_what_both_lists_have_counts),
        cmocka_unit_test(filters_show_in_a_list),
        cmocka_unit_test(the_kind_of_log_probabilities_is_found_out),
        cmocka_unit_test(the_runs_own_sampling_is_tried_as_well),
        cmocka_unit_test(forced_tokens_bear_it_out_or_do_not),
        cmocka_unit_test(fewer_are_asked_for_where_many_are_refused),
        cmocka_unit_test(a_server_with_sampling_of_its_own_is_taken_as_it_is),
        cmocka_unit_test(ids_are_sent_where_they_are_taken),
        cmocka_unit_test(whether_answers_come_again_is_tried),
        cmocka_unit_test(what_a_server_says_and_gives_is_noted),
        cmocka_unit_test(software_is_known_by_what_only_it_says),
        cmocka_unit_test(lists_of_models_are_read_in_every_shape),
        cmocka_unit_test(servers_that_will_not_do_are_one_line),
        cmocka_unit_test(long_lists_and_none_do_not_decide),
        cmocka_unit_test(several_servers_are_to_be_alike),
        cmocka_unit_test(a_probe_is_a_handful_of_requests),
        cmocka_unit_test(a_server_that_changes_is_noticed),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
