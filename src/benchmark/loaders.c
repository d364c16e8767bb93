/*
 * The table of known benchmarks and the reading of labels.  A new benchmark is a new row here; the
 * code that walks the rows is in load.c.
 */
#include "benchmark/loaders.h"

#include <string.h>
#include <strings.h>

static const struct loader loaders[] = {
    {
        .name = "toxicchat",
        .files = {"{split}.jsonl", "{split}.csv", "toxic-chat_annotation_{split}.csv",
                  "data/0124/toxic-chat_annotation_{split}.csv"},
        .default_split = "test",
        .signature = {"user_input", "toxicity"},
        .prompt = "user_input",
        .label = "toxicity",
        .rule = LABEL_COLUMN,
        .extra = {"jailbreaking", "human_annotation", "conv_id"},
    },
    {
        .name = "harmbench",
        .files = {"harmbench_behaviors_text_all.csv",
                  "data/behavior_datasets/harmbench_behaviors_text_all.csv"},
        .signature = {"Behavior", "FunctionalCategory", "SemanticCategory"},
        .prompt = "Behavior",
        .context = "ContextString",
        .rule = LABEL_ALL_UNSAFE,
        .category = "SemanticCategory",
        .id = "BehaviorID",
        .extra = {"FunctionalCategory", "Tags"},
    },
    {
        .name = "wildguardmix",
        .files = {"{split}.jsonl", "{split}.csv", "wildguard_{split}.jsonl",
                  "wildguard_{split}.csv", "{split}/wildguard_{split}.jsonl",
                  "{split}/wildguard_{split}.csv"},
        .default_split = "test",
        .signature = {"prompt", "prompt_harm_label"},
        .prompt = "prompt",
        .label = "prompt_harm_label",
        .rule = LABEL_COLUMN,
        .category = "subcategory",
        .extra = {"adversarial", "response", "response_refusal_label", "response_harm_label"},
    },
    {
        .name = "xstest",
        .files = {"xstest_prompts.csv", "xstest_v2_prompts.csv"},
        .signature = {"prompt", "type", "label", "focus"},
        .prompt = "prompt",
        .label = "label",
        .rule = LABEL_COLUMN,
        .category = "type",
        .id = "id",
        .id_prefix = "xstest_",
        .extra = {"focus", "note"},
    },
    {
        .name = "strongreject",
        .files = {"strongreject_dataset.csv", "strongreject_dataset/strongreject_dataset.csv"},
        .signature = {"forbidden_prompt"},
        .prompt = "forbidden_prompt",
        .rule = LABEL_ALL_UNSAFE,
        .category = "category",
        .extra = {"source"},
    },
    {
        .name = "advbench",
        .files = {"advbench_behaviors.csv",
                  "data/behavior_datasets/extra_behavior_datasets/advbench_behaviors.csv"},
        .signature = {"Behavior", "Category", "BehaviorID"},
        .prompt = "Behavior",
        .context = "ContextString",
        .rule = LABEL_ALL_UNSAFE,
        .category = "Category",
        .id = "BehaviorID",
        .extra = {"Tags"},
    },
};

#define N_LOADERS (sizeof loaders / sizeof loaders[0])

/* The last one: a file of one's own; columns of these names are used when they are there. */
static const struct loader generic = {
    .name = "file",
    .prompt = "prompt",
    .label = "label",
    .rule = LABEL_COLUMN,
    .category = "category",
    .id = "id",
};

const char *sc_benchmark_name(size_t index)
{
    if (index == 0)
        return "synthetic";
    return index <= N_LOADERS ? loaders[index - 1].name : NULL;
}

const struct loader *sc_loader_by_name(const char *name)
{
    for (size_t i = 0; i < N_LOADERS; i++)
        if (strcmp(loaders[i].name, name) == 0)
            return &loaders[i];
    return NULL;
}

const struct loader *sc_loader_generic(void)
{
    return &generic;
}

static bool has_signature(const struct sc_table *table, const struct loader *loader)
{
    for (size_t i = 0; i < LOADER_MAX_COLUMNS && loader->signature[i] != NULL; i++)
        if (sc_table_column(table, loader->signature[i]) < 0)
            return false;
    return true;
}

const struct loader *sc_loader_by_columns(const struct sc_table *table)
{
    for (size_t i = 0; i < N_LOADERS; i++)
        if (has_signature(table, &loaders[i]))
            return &loaders[i];
    return &generic;
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcasecmp(text, *words) == 0)
            return true;
    return false;
}

enum sc_label sc_label_from_text(const char *text, const struct sc_benchmark_options *options)
{
    static const char *const unsafe[] = {"1",       "1.0", "true",  "unsafe",
                                         "harmful", "yes", "toxic", NULL};
    static const char *const safe[] = {"0",         "0.0", "false",  "safe", "harmless",
                                       "unharmful", "no",  "benign", NULL};
    if (text == NULL || text[strspn(text, " \t\r\n")] == '\0')
        return SC_LABEL_UNKNOWN;
    for (size_t i = 0; i < options->n_unsafe_values; i++)
        if (strcmp(text, options->unsafe_values[i]) == 0)
            return SC_LABEL_UNSAFE;
    if (options->n_unsafe_values > 0)
        return SC_LABEL_SAFE;
    if (is_one_of(text, unsafe))
        return SC_LABEL_UNSAFE;
    return is_one_of(text, safe) ? SC_LABEL_SAFE : SC_LABEL_UNKNOWN;
}
