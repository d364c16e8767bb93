/* Benchmarks as callers see them: loaded, and read prompt by prompt (safeconf/experiment.h). */
#include "base/memory.h"
#include "base/result.h"
#include "benchmark/benchmark.h"

struct sc_prompts {
    struct sc_benchmark benchmark;
    char *remarks;
};

static enum sc_status load(struct sc_prompts *prompts, const struct sc_benchmark_options *options,
                           struct sc_error *error)
{
    struct sc_text remarks = {0};
    SC_TRY(sc_benchmark_load(options, &prompts->benchmark, error));
    sc_benchmark_remark(&prompts->benchmark, &remarks);
    return sc_text_hand_out(&remarks, SC_OK, &prompts->remarks, error);
}

enum sc_status sc_prompts_load(struct sc_prompts **out, const struct sc_benchmark_options *options,
                               struct sc_error *error)
{
    if (out == NULL || options == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "prompts: expected options and where to put them");
    *out = NULL;
    struct sc_prompts *prompts = sc_alloc_zero(1, sizeof *prompts);
    if (prompts == NULL)
        return sc_fail_nomem(error, "prompts");
    enum sc_status status = load(prompts, options, error);
    if (status == SC_OK)
        *out = prompts;
    else
        sc_prompts_free(prompts);
    return status;
}

void sc_prompts_free(struct sc_prompts *prompts)
{
    if (prompts == NULL)
        return;
    sc_benchmark_free(&prompts->benchmark);
    sc_free(prompts->remarks);
    sc_free(prompts);
}

size_t sc_prompts_count(const struct sc_prompts *prompts)
{
    return prompts != NULL ? prompts->benchmark.n_instances : 0;
}

struct sc_prompt sc_prompts_at(const struct sc_prompts *prompts, size_t place)
{
    if (place >= sc_prompts_count(prompts))
        return (struct sc_prompt){.label = SC_LABEL_UNKNOWN};
    const struct sc_instance *instance = &prompts->benchmark.instances[place];
    return (struct sc_prompt){.id = instance->id,
                              .prompt = instance->prompt,
                              .messages = instance->conversation.messages,
                              .n_messages = instance->conversation.n,
                              .prefill = instance->prefill,
                              .label = instance->label,
                              .category = instance->category,
                              .extra = instance->extra,
                              .line = instance->line};
}

const char *sc_prompts_name(const struct sc_prompts *prompts)
{
    return prompts != NULL ? prompts->benchmark.name : NULL;
}

const char *sc_prompts_remarks(const struct sc_prompts *prompts)
{
    return prompts != NULL ? prompts->remarks : NULL;
}
