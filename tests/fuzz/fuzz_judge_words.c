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

/* A label that was read stands in the words. */
static void check_label(const struct sc_question *question, const char *text, size_t size)
{
    size_t at = 0, meaning = sc_question_read(question, text, size, &at);
    bool stands = meaning == question->n_meanings;
    for (size_t i = 0; i < question->n_answers && !stands; i++) {
        size_t n = strlen(question->answers[i].text);
        stands = question->answers[i].meaning == meaning && at <= size && n <= size - at &&
                 strncasecmp(text + at, question->answers[i].text, n) == 0;
    }
    expect(stands);
}

static void read_as(const char *judge, char *text, size_t size)
{
    struct sc_judge_config config;
    const struct sc_judge_options options = {.judge = judge, .model = "m"};
    if (sc_judge_config_open(&config, &options, NULL) != SC_OK)
        abort();
    const struct sc_completion completion = {.text = text, .n = size, .no_tokens = "none"};
    for (int prompt_alone = 0; prompt_alone < 2; prompt_alone++) {
        struct sc_judgement one, two;
        sc_judge_config_read(&config, &completion, prompt_alone, &one);
        sc_judge_config_read(&config, &completion, prompt_alone, &two);
        expect(one.safety == two.safety && one.refused == two.refused &&
               one.categories == two.categories);
        expect(isnan(one.score) ? isnan(two.score)
                                : one.score == two.score && one.score >= 0 && one.score <= 1);
        expect((unsigned)one.safety < SC_N_SAFETIES && (unsigned)one.refused < SC_N_REFUSEDS);
    }
    if (config.harm.pattern != NULL)
        check_label(&config.harm, text, size);
    if (config.refusal.pattern != NULL)
        check_label(&config.refusal, text, size);
    sc_judge_config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* its end is the sanitizer's business */
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    read_as("guard", text, size);
    read_as("wildguard", text, size);
    read_as("llamaguard", text, size);
    read_as("strongreject", text, size);
    free(text);
    return 0;
}
