/* Any bytes as the words of a judge: reading is the same twice, and what is read is a value. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "judge/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* Opened once. */
static const struct sc_judge_config *config_of(size_t i)
{
    static const char *const names[] = {"guard", "wildguard", "llamaguard", "shieldgemma",
                                        "strongreject"};
    static struct sc_judge_config configs[sizeof names / sizeof *names];
    if (i == sizeof names / sizeof *names)
        return NULL;
    const struct sc_judge_options options = {.judge = names[i], .model = "m"};
    if (configs[i].name == NULL)
        expect(sc_judge_config_open(&configs[i], &options, NULL) == SC_OK);
    return &configs[i];
}

/* A label that was read stands in the words. */
static void check_label(const struct sc_question *question, const char *text, size_t size)
{
    if (question->pattern == NULL)
        return;
    size_t at = 0, meaning = sc_question_read(question, text, size, &at);
    bool stands = meaning == question->n_meanings;
    for (size_t i = 0; i < question->n_answers && !stands; i++) {
        size_t n = strlen(question->answers[i].text);
        stands = question->answers[i].meaning == meaning && at <= size && n <= size - at &&
                 strncasecmp(text + at, question->answers[i].text, n) == 0;
    }
    expect(stands);
}

static void read_as(const struct sc_judge_config *config, char *text, size_t size)
{
    const struct sc_completion completion = {.text = text, .n = size, .no_tokens = "none"};
    for (int prompt_alone = 0; prompt_alone < 2; prompt_alone++) {
        struct sc_judgement one, two;
        sc_judge_config_read(config, &completion, prompt_alone, &one);
        sc_judge_config_read(config, &completion, prompt_alone, &two);
        expect(one.safety == two.safety && one.refused == two.refused &&
               one.categories == two.categories);
        expect(isnan(one.score) ? isnan(two.score)
                                : one.score == two.score && one.score >= 0 && one.score <= 1);
        expect((unsigned)one.safety < SC_N_SAFETIES && (unsigned)one.refused < SC_N_REFUSEDS);
    }
    check_label(&config->harm, text, size);
    check_label(&config->refusal, text, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* its end is the sanitizer's business */
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    const struct sc_judge_config *config;
    for (size_t i = 0; (config = config_of(i)) != NULL; i++)
        read_as(config, text, size);
    free(text);
    return 0;
}
