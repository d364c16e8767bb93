/* Models of a hub, for the commands that open one by name: what is missing in the local cache is
 * fetched, and nothing without being asked for. */
#ifndef SC_CLI_FETCH_H
#define SC_CLI_FETCH_H

#include "cli/cli.h"
#include "hub/models.h"

struct cli_fetch {
    const char *name; /* as an option gives it */
    enum sc_hub_part part;
    bool yes, quiet; /* --yes, --quiet */
};

/* Whether the name is that of a hub's model that is not whole in the cache. */
bool cli_model_is_missing(const struct cli_fetch *fetch);

/* Nothing where the name is a folder, a bundled model, or a hub's model that is in the cache. Else,
 * on a terminal, asks; with yes fetches; and otherwise says how much there is to fetch. */
enum sc_status cli_model_fetch(const struct cli_fetch *fetch, struct sc_error *error);

/* The same, and opens the tokenizer: a folder without weights will do, and of a hub no weights are
 * fetched. */
struct sc_tokenizer;
enum sc_status cli_tokenizer_open(struct sc_tokenizer **out, const struct cli_fetch *from,
                                  struct sc_error *error);

/* Fetches what was looked up, with its progress; *folder (sc_free): of the snapshot. */
enum sc_status cli_model_pull(const struct sc_hub_pull *pull, bool quiet, char **folder,
                              struct sc_error *error);

/* Asks whether what was looked up is to be fetched; where there is nobody to ask, an error says how
 * much it is. */
enum sc_status cli_model_ask(const struct sc_hub_place *place, const struct sc_hub_model *model,
                             struct sc_error *error);

#endif
