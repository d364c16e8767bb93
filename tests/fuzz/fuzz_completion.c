/* Any bytes as a server's answer: what is read is text and probabilities, by four judges. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "judge/config.h"
#include "judge/judge.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"guard", "wildguard", "llamaguard", "strongreject"};
enum { N_JUDGES = sizeof names / sizeof *names };
static struct sc_judge_config judges[N_JUDGES];

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void finish(void)
{
    for (size_t i = 0; i < N_JUDGES; i++)
        sc_judge_config_free(&judges[i]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < N_JUDGES; i++) {
        const struct sc_judge_options options = {.judge = names[i], .model = "m"};
        expect(sc_judge_config_open(&judges[i], &options, NULL) == SC_OK);
    }
    atexit(finish);
    return 0;
}

static void check_share(double p)
{
    expect(isnan(p) || (p >= 0 && p <= 1));
}

static void check_completion(const struct sc_completion *c)
{
    expect(strlen(c->text) == c->n && sc_utf8_valid(c->text, c->n) == c->n);
    expect((c->no_tokens == NULL) == (c->tokens != NULL));
    for (size_t t = 0; t < c->n_listed; t++) {
        volatile char last = c->tokens[t].n ? c->tokens[t].text[c->tokens[t].n - 1] : 0;
        (void)last;
        for (size_t i = 0; i < c->tokens[t].n_candidates; i++)
            expect(c->candidates[c->tokens[t].first + i].logprob <= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_completion completion;
    struct sc_error error = {0};
    char words[200], *text = malloc(size ? size : 1); /* its end is the sanitizer's business */

    if (text == NULL)
        return 0;
    if (size)
        memcpy(text, data, size);
    sc_completion_error(text, size, words, sizeof words);
    expect(strlen(words) < sizeof words);
    if (sc_completion_read(text, size, &completion, &error) == SC_OK) {
        check_completion(&completion);
        for (size_t i = 0; i < 2 * (size_t)N_JUDGES; i++) {
            struct sc_judgement judgement;
            sc_judge_config_read(&judges[i / 2], &completion, i % 2, &judgement);
            check_share(judgement.p_unsafe);
            check_share(judgement.p_controversial);
            check_share(judgement.safety_mass);
            check_share(judgement.p_refused);
            check_share(judgement.refused_mass);
            expect(judgement.safety < SC_N_SAFETIES && judgement.refused < SC_N_REFUSEDS);
            expect(isnan(judgement.p_unsafe) || judgement.safety != SC_SAFETY_UNPARSED);
        }
        sc_completion_free(&completion);
    } else {
        expect(error.status != SC_OK && error.text[0]);
    }
    free(text);
    return 0;
}
