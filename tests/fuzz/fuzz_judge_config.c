/* Any bytes as the configuration of a judge: what is accepted can ask and read. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "judge/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static enum sc_status give_template(const void *context, const char *name, char **text, size_t *n,
                                    struct sc_error *error)
{
    static const char frame[] = "<s>Q: {prompt}\nA: {response}\n";

    (void)context;
    *n = sizeof frame - 1;
    *text = sc_strdup(frame);
    return *text ? SC_OK : sc_fail_nomem(error, name);
}

static void use(const struct sc_judge_config *config)
{
    static const char words[] = "Safety: Unsafe\nCategories: PII, Violent\nRefusal: No\nyes aaaaaa";
    struct sc_completion completion = {
        .text = (char *)(uintptr_t)words, .n = sizeof words - 1, .no_tokens = "none"};
    struct sc_text text = {0};
    struct sc_judgement judgement;

    expect(config->model && config->family && config->version && config->name);
    expect(config->max_tokens >= 1 && (config->answer.text || config->prompt.text));
    if (config->answer.text && sc_judge_config_render(config, "p", "r", &text, NULL) == SC_OK) {
        const struct sc_completion_request request = {.endpoint = config->endpoint,
                                                      .model = config->model,
                                                      .text = text.data,
                                                      .max_tokens = config->max_tokens,
                                                      .seed = config->seed,
                                                      .n_top = config->n_top,
                                                      .more = config->more};
        char *body = NULL;
        size_t n = 0;
        expect(strcmp(text.data, "<s>Q: p\nA: r\n") == 0);
        expect(sc_completion_body(&request, &body, &n, NULL) == SC_OK);
        expect(strlen(body) == n && body[0] == '{' && body[n - 1] == '}');
        sc_free(body);
    }
    sc_text_free(&text);
    for (int i = 0; i < 2; i++) {
        sc_judge_config_read(config, &completion, i, &judgement);
        expect(judgement.safety < SC_N_SAFETIES && judgement.refused < SC_N_REFUSEDS);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_judge_config config;
    struct sc_error error = {0};
    const struct sc_judge_source source = {.what = "fuzz", .frame = give_template};
    enum sc_status status =
        sc_judge_config_parse(&config, (const char *)data, size, &source, &error);

    if (status == SC_OK)
        use(&config);
    else
        expect(error.status == status && error.text[0]);
    sc_judge_config_free(&config);
    return 0;
}
