/*
 * The table of known benchmarks, as their makers publish them.  A new one is a new row here and in
 * docs/BENCHMARKS.md; rows.c walks the rows of its file.
 */
#include "benchmark/loaders.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

#define TRAIN_AND_TEST                                                                             \
    {                                                                                              \
        {"train", SC_LABEL_UNKNOWN},                                                               \
        {                                                                                          \
            "test", SC_LABEL_UNKNOWN                                                               \
        }                                                                                          \
    }

static const struct loader loaders[] = {
    {
        .name = "toxicchat",
        .files = {"{split}.jsonl", "{split}.csv", "toxic-chat_annotation_{split}.csv",
                  "data/0124/toxic-chat_annotation_{split}.csv"},
        .splits = TRAIN_AND_TEST,
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
        .splits = TRAIN_AND_TEST,
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
                  "data/behavior_datasets/extra_behavior_datasets/advbench_behaviors.csv",
                  "harmful_behaviors.csv", "data/advbench/harmful_behaviors.csv", "advbench.txt"},
        .signature = {"Behavior", "Category", "BehaviorID"},
        .prompt = "Behavior",
        .context = "ContextString",
        .rule = LABEL_ALL_UNSAFE,
        .category = "Category",
        .id = "BehaviorID",
        .extra = {"Tags"},
    },
    {
        /* its behaviours as others passed them on */
        .name = "harmbench",
        .signature = {"Behavior", "Category", "ContextString"},
        .absent = "BehaviorID",
        .prompt = "Behavior",
        .context = "ContextString",
        .rule = LABEL_ALL_UNSAFE,
        .category = "Category",
    },
    {
        .name = "advbench",
        .signature = {"goal", "target"},
        .absent = "prompt",
        .prompt = "goal",
        .rule = LABEL_ALL_UNSAFE,
        .extra = {"target"},
    },
    {
        .name = "advbench",
        .signature = {"prompt"},
        .called = "advbench.txt",
        .prompt = "prompt",
        .rule = LABEL_ALL_UNSAFE,
    },
    {
        .name = "xstest",
        .signature = {"prompt", "type", "focus", "note"},
        .absent = "label",
        .prompt = "prompt",
        .label = "type",
        .rule = LABEL_CONTRAST,
        .category = "type",
        .id = "id",
        .id_prefix = "xstest_",
        .extra = {"focus", "note"},
    },
    {
        .name = "jailbreakbench",
        .files = {"{split}-behaviors.csv", "data/{split}-behaviors.csv", "{split}.csv",
                  "{split}.jsonl"},
        .splits = {{"harmful", SC_LABEL_UNSAFE}, {"benign", SC_LABEL_SAFE}},
        .default_split = "harmful",
        .signature = {"Goal", "Behavior", "Category"},
        .prompt = "Goal",
        .label = "split",
        .rule = LABEL_OF_SPLIT,
        .category = "Category",
        .extra = {"Index", "Behavior", "Target", "Source"},
    },
    {
        .name = "jailbreakbench",
        .signature = {"goal", "behavior", "category", "prompt", "jailbroken"},
        .prompt = "prompt",
        .rule = LABEL_ALL_UNSAFE,
        .category = "category",
        .extra = {"index", "behavior", "goal", "jailbroken"},
    },
    {
        .name = "maliciousinstruct",
        .files = {"MaliciousInstruct.txt", "data/MaliciousInstruct.txt"},
        .signature = {"prompt"},
        .called = "maliciousinstruct.txt",
        .prompt = "prompt",
        .rule = LABEL_ALL_UNSAFE,
    },
    {
        .name = "simplesafetytests",
        .files = {"simplesafetytests.csv", "sst_test_cases.csv",
                  "SimpleSafetyTests - test cases.csv"},
        .signature = {"prompt", "harm_area", "category"},
        .prompt = "prompt",
        .rule = LABEL_ALL_UNSAFE,
        .category = "harm_area",
        .id = "id",
        .id_prefix = "simplesafetytests_",
        .extra = {"category"},
    },
    {
        .name = "simplesafetytests",
        .signature = {"prompts_final", "harm_area", "category"},
        .prompt = "prompts_final",
        .rule = LABEL_ALL_UNSAFE,
        .category = "harm_area",
        .id = "id",
        .id_prefix = "simplesafetytests_",
        .extra = {"category"},
    },
    {
        .name = "donotanswer",
        .files = {"data_en.csv", "datasets/data_en.csv", "donotanswer.csv", "donotanswer.jsonl"},
        .signature = {"question", "risk_area", "types_of_harm"},
        .prompt = "question",
        .rule = LABEL_ALL_UNSAFE,
        .category = "risk_area",
        .id = "id",
        .id_prefix = "donotanswer_",
        .extra = {"types_of_harm", "specific_harms"},
    },
    {
        .name = "orbench",
        .files = {"or-bench-{split}.csv", "or-bench-{split}.jsonl"},
        .splits = {{"80k", SC_LABEL_SAFE}, {"hard-1k", SC_LABEL_SAFE}, {"toxic", SC_LABEL_UNSAFE}},
        .default_split = "hard-1k",
        .signature = {"prompt", "category"},
        .absent = "label",
        .called = "or-bench-",
        .prompt = "prompt",
        .rule = LABEL_OF_SPLIT,
        .category = "category",
    },
    {
        .name = "sorrybench",
        .files = {"question.jsonl", "sorry_bench_202503.csv", "sorry_bench_202406.csv"},
        .signature = {"question_id", "turns", "category", "prompt_style"},
        .prompt = "turns",
        .rule = LABEL_ALL_UNSAFE,
        .category = "category",
        .extra = {"question_id", "prompt_style"},
    },
    {
        .name = "beavertails",
        .files = {"{split}.jsonl", "{split}.jsonl.gz", "30k_{split}.jsonl", "30k_{split}.jsonl.gz",
                  "round0/30k/{split}.jsonl.gz"},
        .splits = TRAIN_AND_TEST,
        .default_split = "test",
        .signature = {"prompt", "response", "category", "is_safe"},
        .prompt = "prompt",
        .label = "is_safe",
        .rule = LABEL_COLUMN,
        .category = "category",
        .categories = true,
        .extra = {"response"},
        .remark = "is_safe is what people said of the set's own response, not of the prompt: a "
                  "harmful question that was answered harmlessly counts as safe",
    },
    {
        .name = "multijail",
        .files = {"MultiJail.csv", "data/MultiJail.csv"},
        .signature = {"en", "zh", "bn", "jv", "tags"},
        .prompt = "en",
        .rule = LABEL_ALL_UNSAFE,
        .category = "tags",
        .categories = true,
        .id = "id",
        .id_prefix = "multijail_",
        .extra = {"source"},
    },
    {
        .name = "ayaredteaming",
        .files = {"aya_{split}.jsonl"},
        .splits = {{"eng", SC_LABEL_UNSAFE},
                   {"arb", SC_LABEL_UNSAFE},
                   {"fra", SC_LABEL_UNSAFE},
                   {"hin", SC_LABEL_UNSAFE},
                   {"rus", SC_LABEL_UNSAFE},
                   {"spa", SC_LABEL_UNSAFE},
                   {"srp", SC_LABEL_UNSAFE},
                   {"tgl", SC_LABEL_UNSAFE}},
        .default_split = "eng",
        .signature = {"prompt", "harm_category", "global_or_local"},
        .prompt = "prompt",
        .rule = LABEL_ALL_UNSAFE,
        .category = "harm_category",
        .categories = true,
        .extra = {"language", "global_or_local"},
    },
    {
        .name = "coconot",
        .files = {"coconot_{split}_test.jsonl", "{split}/coconot_test.jsonl", "{split}/test.jsonl"},
        .splits = {{"original", SC_LABEL_UNKNOWN}, {"contrast", SC_LABEL_SAFE}},
        .default_split = "original",
        .signature = {"prompt", "response", "category", "subcategory"},
        .called = "coconot",
        .prompt = "prompt",
        .label = "category",
        .rule = LABEL_CONCERN,
        .category = "category",
        .id = "id",
        .id_prefix = "coconot_",
        .extra = {"subcategory", "response"},
        .remark = "the requests of split original should not be complied with, most of them for "
                  "reasons other than harm: only those with safety concerns count as unsafe, the "
                  "others are unknown",
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

/* Whether it is the first row of its name. */
static bool is_first_form(size_t index)
{
    return sc_loader_by_name(loaders[index].name) == &loaders[index];
}

const char *sc_benchmark_name(size_t index)
{
    if (index == 0)
        return "synthetic";
    for (size_t i = 0; i < N_LOADERS; i++)
        if (is_first_form(i) && --index == 0)
            return loaders[i].name;
    return NULL;
}

const struct loader *sc_loader_by_name(const char *name)
{
    for (size_t i = 0; i < N_LOADERS; i++)
        if (strcmp(loaders[i].name, name) == 0)
            return &loaders[i];
    return NULL;
}

const struct loader *sc_loader_spelt_like(const char *name)
{
    for (size_t i = 0; i < N_LOADERS; i++)
        if (sc_is_spelt_like(name, loaders[i].name))
            return &loaders[i];
    return NULL;
}

const struct loader *sc_loader_generic(void)
{
    return &generic;
}

static bool has_signature(const struct sc_table *table, const char *file,
                          const struct loader *loader)
{
    const char *slash = strrchr(file, '/'), *name = slash != NULL ? slash + 1 : file;
    if (loader->called != NULL && strncasecmp(name, loader->called, strlen(loader->called)) != 0)
        return false;
    if (loader->absent != NULL && sc_table_column(table, loader->absent) >= 0)
        return false;
    for (size_t i = 0; i < LOADER_MAX_COLUMNS && loader->signature[i] != NULL; i++)
        if (sc_table_column(table, loader->signature[i]) < 0)
            return false;
    return true;
}

const struct loader *sc_loader_by_columns(const struct sc_table *table, const char *file)
{
    for (size_t i = 0; i < N_LOADERS; i++)
        if (has_signature(table, file, &loaders[i]))
            return &loaders[i];
    return &generic;
}

const struct loader *sc_loader_form(const struct loader *loader, const struct sc_table *table,
                                    const char *file)
{
    for (size_t i = 0; i < N_LOADERS; i++)
        if (strcmp(loaders[i].name, loader->name) == 0 && has_signature(table, file, &loaders[i]))
            return &loaders[i];
    return loader;
}

int sc_table_column_any_case(const struct sc_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (strcasecmp(table->columns[i], name) == 0)
            return (int)i;
    return -1;
}

enum sc_status sc_table_lacks(const struct sc_table *table, const char *source, const char *column,
                              const char *option, struct sc_error *error)
{
    struct sc_text names = {0};
    for (size_t i = 0; i < table->n_columns && names.len < 300; i++)
        sc_text_printf(&names, "%s%s", i > 0 ? ", " : "", table->columns[i]);
    enum sc_status status =
        sc_fail(error, SC_ERR_ARGUMENT, "%s: no column '%s' (%s): the file has %s", source, column,
                option, names.data != NULL ? names.data : "none");
    sc_text_free(&names);
    return status;
}
