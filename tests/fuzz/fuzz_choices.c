/* Any bytes as a server's answer, whole or in events of a stream, as traces are made of it: texts
 * are texts, figures are numbers or absent, ends stand between characters. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "source/server/answer.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sc_server_framing framing;

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void finish(void)
{
    sc_server_framing_close(&framing);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const struct sc_chat_options chat = sc_chat_options_default();
    expect(sc_server_framing_open(&framing, "demo", &chat, NULL) == SC_OK);
    atexit(finish);
    return 0;
}

static void check_number(bool given, float value, float most)
{
    expect(given ? isfinite(value) && value <= most : true);
}

static void check_trace(const struct sc_source_trace *t)
{
    size_t length = strlen(t->text), before = 0;
    expect(sc_utf8_valid(t->text, length) == length);
    expect(t->answer == NULL || sc_utf8_valid(t->answer, strlen(t->answer)) == strlen(t->answer));
    expect(t->n_reasoning <= t->n_tokens && t->finish < SC_N_FINISHES);
    expect(t->n_tokens_known || t->n_tokens == 0);
    for (size_t i = 0; t->stats != NULL && i < t->n_tokens; i++) {
        check_number(t->figures >> SC_FIGURE_LOGPROB & 1, t->stats[i].logprob, 0);
        check_number(t->figures >> SC_FIGURE_SAMPLED_LOGPROB & 1, t->stats[i].sampled_logprob, 0);
        check_number(t->figures >> SC_FIGURE_CONFIDENCE & 1, t->stats[i].confidence, 1e5f);
        if (t->entropy_low != NULL && t->entropy_high != NULL)
            expect(t->entropy_low[i] <= t->entropy_high[i]);
    }
    for (size_t i = 0; t->text_ends != NULL && i < t->n_tokens; i++) {
        expect(t->text_ends[i] >= before && t->text_ends[i] <= length);
        expect(((unsigned char)t->text[t->text_ends[i]] & 0xc0) != 0x80);
        before = t->text_ends[i];
    }
    for (size_t i = 0; t->ids != NULL && i < t->n_tokens; i++)
        expect(t->ids[i] >= 0 && (size_t)t->ids[i] < framing.n_tokens);
}

static void check_choice(const struct sc_server_rules *rules, struct sc_choice *choice,
                         enum sc_reasoning_state state, size_t n_cut)
{
    struct sc_server_trace trace = {0};
    struct sc_source_trace out;
    expect(sc_server_trace_measure(rules, choice, &trace, NULL) == SC_OK);
    if (n_cut > 0 && n_cut <= trace.n && !choice->strange)
        trace.n_cut = n_cut;
    expect(sc_server_trace_finish(rules, choice, state, 0, &trace, &out, NULL) == SC_OK);
    check_trace(&out);
    sc_server_trace_free(&trace);
}

/* Lines are events. */
static void add_events(struct sc_choices *choices, const char *text, size_t size)
{
    for (const char *at = text, *end = text + size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((stop != NULL ? stop : end) - at);
        struct sc_error error = {0};
        if (sc_choices_add_event(choices, at, n, &error) != SC_OK) {
            expect(error.text[0] != '\0');
            return;
        }
        at += n + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    char *text = malloc(size - 1); /* its end is the sanitizer's business */
    if (text == NULL)
        return 0;
    memcpy(text, data + 1, size - 1);
    struct sc_choices choices = {.n = 1 + (data[0] & 1)};
    const struct sc_server_rules rules = {
        .framing = data[0] & 2 ? &framing : NULL,
        .wants_ids = true,
        .logprobs = (enum sc_logprob_kind)((data[0] >> 2) % SC_N_LOGPROB_KINDS),
        .k = data[0] >> 4 & 3,
        .thinking = data[0] & 64};
    if (data[0] & 128)
        add_events(&choices, text, size - 1);
    else
        sc_choices_add(&choices, text, size - 1, NULL);
    sc_choices_are_whole(&choices, data[0] & 128);
    for (size_t i = 0; choices.choices != NULL && i < choices.n; i++)
        check_choice(&rules, &choices.choices[i], (enum sc_reasoning_state)(data[0] % 3), size % 5);
    sc_choices_clear(&choices);
    free(text);
    return 0;
}
