/* Cells of imported files from anywhere: answers and log-probabilities, or an error and nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/import/answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_logprobs(const json_t *value, const char *text)
{
    struct sc_import_tokens tokens = {0};
    if (sc_import_logprobs(value, text, 5, &tokens, NULL) != SC_OK) {
        if (tokens.n != 0 || tokens.logprobs != NULL || tokens.likeliest != NULL)
            abort();
        return;
    }
    for (size_t i = 0; i < tokens.n; i++) {
        if (tokens.n_likeliest > 0 && !(sc_import_confidence(&tokens, i, tokens.n_likeliest) >= 0))
            abort();
        if (tokens.logprobs != NULL && !(tokens.logprobs[i] <= 0))
            abort();
        if (tokens.text_ends != NULL && tokens.text_ends[i] > strlen(text))
            abort();
    }
    sc_import_tokens_free(&tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_import_answers answers = {0};
    struct sc_error error = {0};
    json_t *value = NULL;
    if (sc_json_parse((const char *)data, size, "fuzz", &value, NULL) != SC_OK)
        return 0;
    read_logprobs(value, "a\xc3\xbc");
    if ((sc_import_completions(value, &answers, &error) == SC_OK) != (answers.n > 0))
        abort();
    for (size_t i = 0; i < answers.n; i++) {
        const struct sc_import_answer *answer = &answers.items[i];
        if (answer->answer_begin > strlen(answer->text) ||
            (answer->finish == SC_FINISH_FAILED) != (answer->failure != NULL))
            abort();
        read_logprobs(answer->given_logprobs, answer->text);
    }
    char *prompt = NULL;
    bool nested = false;
    if ((sc_import_prompt_read(value, NULL, &prompt, &nested, NULL) == SC_OK) != (prompt != NULL))
        abort();
    sc_free(prompt);
    sc_import_answers_cut(&answers, 0);
    sc_free(answers.items);
    json_decref(value);
    return 0;
}
