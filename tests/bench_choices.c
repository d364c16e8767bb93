/*
 * How fast answers of servers are read, by hand: tokens a second of one core for whole bodies and
 * for streams, with K log-probabilities a token, in both shapes.
 *
 *   bench_choices [K]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "source/server/answer.h"

enum { N_TOKENS = 128 };

/* A token as a chat lists it, without the brace that closes it. */
static void add_listed(struct sc_text *out, const char *text, double logprob)
{
    sc_text_printf(out, "{\"token\":\"%s\",\"logprob\":%.17g,\"bytes\":[", text, logprob);
    for (size_t i = 0; text[i] != '\0'; i++)
        sc_text_printf(out, "%s%d", i ? "," : "", text[i]);
    sc_text_puts(out, "]");
}

static void add_entry(struct sc_text *out, int token, size_t k)
{
    char text[32];
    snprintf(text, sizeof text, " word%d", token);
    add_listed(out, text, -0.7301254272460938);
    sc_text_puts(out, ",\"top_logprobs\":[");
    for (size_t i = 0; i < k; i++) {
        sc_text_puts(out, i ? "," : "");
        snprintf(text, sizeof text, " other%zu", i);
        add_listed(out, text, -0.7301254272460938 - (double)i / 2);
        sc_text_puts(out, "}");
    }
    sc_text_puts(out, "]}");
}

static void add_column(struct sc_text *out, size_t k)
{
    sc_text_puts(out, "{");
    for (size_t i = 0; i < k; i++)
        sc_text_printf(out, "%s\" other%zu\":-%zu.7301254272460938", i ? "," : "", i, i / 2 + 1);
    sc_text_puts(out, "}");
}

static void make_chat(struct sc_text *out, int first, int n, size_t k, bool stream)
{
    sc_text_printf(out,
                   "{\"id\":\"x\",\"object\":\"chat\",\"created\":1,\"model\":\"m\",\"choices\":[{"
                   "\"index\":0,\"%s\":{\"content\":\"",
                   stream ? "delta" : "message");
    for (int t = first; t < first + n; t++)
        sc_text_printf(out, " word%d", t);
    sc_text_puts(out, "\"},\"logprobs\":{\"content\":[");
    for (int t = first; t < first + n; t++) {
        sc_text_puts(out, t > first ? "," : "");
        add_entry(out, t, k);
    }
    sc_text_puts(out, "]},\"finish_reason\":null}]}");
}

static void make_completion(struct sc_text *out, int first, int n, size_t k)
{
    sc_text_puts(out, "{\"id\":\"x\",\"model\":\"m\",\"choices\":[{\"index\":0,\"text\":\"");
    for (int t = first; t < first + n; t++)
        sc_text_printf(out, " word%d", t);
    sc_text_puts(out, "\",\"logprobs\":{\"tokens\":[");
    for (int t = first; t < first + n; t++)
        sc_text_printf(out, "%s\" word%d\"", t > first ? "," : "", t);
    sc_text_puts(out, "],\"token_logprobs\":[");
    for (int t = first; t < first + n; t++)
        sc_text_printf(out, "%s-0.7301254272460938", t > first ? "," : "");
    sc_text_puts(out, "],\"top_logprobs\":[");
    for (int t = first; t < first + n; t++) {
        sc_text_puts(out, t > first ? "," : "");
        add_column(out, k);
    }
    sc_text_puts(out, "]},\"finish_reason\":null}]}");
}

static void measure(const char *name, const struct sc_text *bodies, size_t n_bodies, bool stream,
                    size_t k)
{
    const struct sc_server_rules rules = {.logprobs = SC_LOGPROBS_RAW, .k = k};
    size_t n_tokens = 0, n_bytes = 0;
    const clock_t before = clock(); /* of this process: others do not count */
    double seconds = 0;
    while (seconds < 1) {
        struct sc_choices choices = {.n = 1};
        struct sc_server_trace trace = {0};
        struct sc_source_trace out;
        enum sc_status status = SC_OK;
        for (size_t i = 0; i < n_bodies && status == SC_OK; i++) {
            status = stream ? sc_choices_add_event(&choices, bodies[i].data, bodies[i].len, NULL)
                            : sc_choices_add(&choices, bodies[i].data, bodies[i].len, NULL);
            n_bytes += bodies[i].len;
            if (stream && status == SC_OK)
                status = sc_server_trace_measure(&rules, &choices.choices[0], &trace, NULL);
        }
        if (status != SC_OK ||
            sc_server_trace_finish(&rules, &choices.choices[0], SC_REASONING_AHEAD, 0, &trace, &out,
                                   NULL) != SC_OK ||
            out.text_ends == NULL || out.n_tokens != N_TOKENS)
            exit(1);
        n_tokens += out.n_tokens;
        sc_server_trace_free(&trace);
        sc_choices_clear(&choices);
        seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    }
    printf("%-20s %8.0f tokens/s  %6.1f MB/s\n", name, (double)n_tokens / seconds,
           (double)n_bytes / seconds / 1e6);
}

int main(int argc, char **argv)
{
    size_t k = argc > 1 ? strtoul(argv[1], NULL, 10) : 20;
    struct sc_text whole[2] = {{0}}, events[2][N_TOKENS] = {{{0}}};
    make_chat(&whole[0], 0, N_TOKENS, k, false);
    make_completion(&whole[1], 0, N_TOKENS, k);
    for (int t = 0; t < N_TOKENS; t++) {
        make_chat(&events[0][t], t, 1, k, true);
        make_completion(&events[1][t], t, 1, k);
    }
    measure("chat, whole", &whole[0], 1, false, k);
    measure("chat, stream", events[0], N_TOKENS, true, k);
    measure("completions, whole", &whole[1], 1, false, k);
    measure("completions, stream", events[1], N_TOKENS, true, k);
    for (int i = 0; i < 2; i++) {
        sc_text_free(&whole[i]);
        for (int t = 0; t < N_TOKENS; t++)
            sc_text_free(&events[i][t]);
    }
    return 0;
}
