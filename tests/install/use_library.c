/* A program outside the project that uses the installed library: tokenizes, scores, detects. */
#include <math.h>
#include <safeconf/safeconf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(call)                                                                                 \
    if ((call) != SC_OK) {                                                                         \
        fprintf(stderr, "%s\n", error.text);                                                       \
        return 1;                                                                                  \
    }

int main(int argc, char **argv)
{
    static const char text[] = "How do I bake bread?";
    struct sc_error error = {0};
    struct sc_tokenizer *tokenizer = NULL;
    struct sc_model *model = NULL;
    struct sc_engine *engine = NULL;
    int32_t *ids = NULL;
    size_t n = 0;
    if (argc != 2)
        return 2;
    MUST(sc_tokenizer_open(&tokenizer, argv[1], &error));
    MUST(sc_tokenizer_encode(tokenizer, text, strlen(text), false, &ids, &n, &error));
    MUST(sc_model_open(&model, argv[1], &error));
    struct sc_engine_options options = sc_engine_options_default();
    MUST(sc_engine_open(&engine, model, &options, &error));
    float *logprob = malloc(n * sizeof *logprob);
    if (logprob == NULL)
        return 1;
    MUST(sc_engine_score(engine, ids, n, logprob, NULL, NULL, &error));
    if (n < 2 || !isnan(logprob[0]) || !(logprob[1] < 0))
        return 1;
    struct sc_detection found;
    sc_detect_refusal(text, "I'm sorry, but I can't help with that.", &found);
    if (found.verdict != SC_REFUSAL)
        return 1;
    free(logprob);
    sc_release(ids);
    sc_engine_close(engine);
    sc_model_close(model);
    sc_tokenizer_close(tokenizer);
    return 0;
}
