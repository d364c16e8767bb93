/* safeconf pull: what its options say, for whoever fetches a name. */
#ifndef SC_CLI_PULL_H
#define SC_CLI_PULL_H

#include "base/text.h"
#include "hub/sets.h"

struct cli_pull {
    const char *split, *revision, *folder; /* or NULL */
    bool list, json, quiet, yes;
};

/* Fetches a benchmark and says what is here then: CLI_DONE, or what to exit with. */
int cli_pull_set(const struct cli_pull *pull, const struct sc_set *set);
/* The same of a model of the hub: OWNER/MODEL or OWNER/MODEL@REVISION. */
int cli_pull_model(const struct cli_pull *pull, const char *name);
/* Appends the models that are in the local cache: a table, or the items of an array. */
struct sc_json_writer;
int cli_list_models(const struct cli_pull *pull, struct sc_json_writer *json);
/* Appends the benchmarks that can be fetched and what of them is here: a table, or JSON members. */
int cli_list_sets(const struct cli_pull *pull, struct sc_text *out);

/* Where the options of a run mean a benchmark that is not here: asks on a terminal whether to fetch
 * it (yes: without asking), and does so.  CLI_DONE: go on, whoever reads it says what is wrong. */
struct sc_benchmark_options;
int cli_offer_benchmark(const char *command, const struct sc_benchmark_options *benchmark, bool yes,
                        bool quiet);

#endif
