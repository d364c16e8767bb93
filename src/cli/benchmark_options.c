/* See benchmark_options.h. */
#include "cli/benchmark_options.h"

#include "base/memory.h"
#include "cli/asked.h"

void cli_add_benchmark(struct cli_options *options, struct sc_benchmark_options *benchmark,
                       struct cli_prompts *prompts)
{
    cli_add_text(
        options, "benchmark", &benchmark->name, "NAME|FILE",
        "synthetic, toxicchat, harmbench, wildguardmix, xstest, strongreject, advbench, "
        "jailbreakbench, maliciousinstruct, simplesafetytests, donotanswer, orbench, sorrybench, "
        "beavertails, multijail, ayaredteaming, coconot, or a CSV, JSON or text file (- is "
        "standard input; "
        "synthetic)");
    cli_add_text(options, "split", &benchmark->split, "NAME",
                 "such as train or test, harmful or benign");
    cli_add_text(options, "benchmark-folder", &benchmark->folder, "DIR",
                 "where named benchmarks lie");
    cli_add_size(options, "num-instances", &benchmark->n_instances, 1, 1e9,
                 "a seeded random sample of so many prompts (all)");
    cli_add_flag(options, "first", &benchmark->first,
                 "the first --num-instances instead of a sample");
    cli_add_text(options, "prompt-column", &benchmark->prompt_column, "C", "column of the prompt");
    cli_add_text(options, "messages-column", &benchmark->messages_column, "C",
                 "column of chat messages or turns, in JSON or as Python prints them");
    cli_add_text(options, "system-column", &benchmark->system_column, "C",
                 "column of a prompt's system message");
    cli_add_text(options, "prefill-column", &benchmark->prefill_column, "C",
                 "column of what the answer to a prompt begins with");
    cli_add_text(options, "system", &prompts->system, "TEXT|@FILE",
                 "system message of every prompt that has none of its own");
    cli_add_text(options, "prefill", &prompts->prefill, "TEXT|@FILE",
                 "what every answer begins with: given to the model, not sampled");
    cli_add_text(options, "prompt-template", &prompts->prompt_template, "TEXT|@FILE",
                 "asked in place of the prompt, which stands where it has {prompt}");
    cli_add_labels(options, benchmark, &prompts->labels);
    cli_add_text(options, "category-column", &benchmark->category_column, "C",
                 "column of the category");
    cli_add_text(options, "id-column", &benchmark->id_column, "C|none",
                 "column of the id (none: rows are numbered)");
    cli_add_text(options, "rows-key", &benchmark->rows_key, "K", CLI_ROWS_KEY_HELP);
    cli_add_flag(options, "strict", &benchmark->strict, CLI_STRICT_HELP);
}

enum sc_status cli_take_benchmark(struct cli_prompts *prompts,
                                  struct sc_benchmark_options *benchmark, struct sc_error *error)
{
    cli_take_labels(&prompts->labels, benchmark);
    const struct {
        const char *option, *given;
        const char **text;
    } options[] = {{"system", prompts->system, &benchmark->system},
                   {"prefill", prompts->prefill, &benchmark->prefill},
                   {"prompt-template", prompts->prompt_template, &benchmark->prompt_template}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (options[i].given == NULL)
            continue;
        SC_TRY(cli_text_or_file(options[i].option, options[i].given, &prompts->texts[i], error));
        *options[i].text = prompts->texts[i];
    }
    return SC_OK;
}

void cli_free_prompts(struct cli_prompts *prompts)
{
    for (size_t i = 0; i < sizeof prompts->texts / sizeof *prompts->texts; i++)
        sc_free(prompts->texts[i]);
}
