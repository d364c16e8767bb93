/* Options that say what the labels of a file mean: of run, compare and import. */
#include "cli/cli.h"
#include "experiment/experiment.h"

void cli_add_labels(struct cli_options *options, struct sc_benchmark_options *benchmark,
                    struct cli_labels *labels)
{
    cli_add_text(options, "label-column", &benchmark->label_column, "C", "column of the label");
    cli_add_list(options, "unsafe-value", &labels->unsafe_values, "V",
                 "what the label says of unsafe prompts; all others are safe (repeatable)");
    cli_add_list(options, "safe-value", &labels->safe_values, "V",
                 "what the label says of safe prompts; all others are unsafe (repeatable)");
    cli_add_text(options, "label", &benchmark->label, "safe|unsafe",
                 "label of all prompts of a file without labels");
}

void cli_take_labels(const struct cli_labels *labels, struct sc_benchmark_options *benchmark)
{
    benchmark->unsafe_values = labels->unsafe_values.items;
    benchmark->n_unsafe_values = labels->unsafe_values.n;
    benchmark->safe_values = labels->safe_values.items;
    benchmark->n_safe_values = labels->safe_values.n;
}
