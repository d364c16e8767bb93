/* Engines that the command line starts: --engine of run and compare, and serve-command. */
#ifndef SC_CLI_ENGINE_H
#define SC_CLI_ENGINE_H

#include <safeconf/experiment.h>

#include "cli/cli.h"
#include "cli/endpoint.h"
#include "source/launch/launch.h"

enum { CLI_ALL_GPUS = -1 };

struct cli_engine {
    int kind;                /* enum sc_engine_kind */
    const char *gpus_given;  /* "N|all", or NULL */
    int32_t gpus;            /* 0: not given; CLI_ALL_GPUS */
    int32_t tensor_parallel; /* 0: as the model needs */
    double timeout;
    struct cli_list more;
    struct sc_engine_choice choice;
    struct sc_launch *launch;
    /* What the engine opens, what it serves it as, and the folder of the weights, if they are here;
     * owned. */
    char *model, *name, *folder;
};
struct cli_engine cli_engine_default(void);
void cli_add_engine(struct cli_options *options, struct cli_engine *engine);
void cli_add_engine_words(struct cli_options *options, struct cli_engine *engine); /* of both */

/* Settles which engine it is; a server will be `launched`.  model: of the run. */
enum sc_status cli_engine_choose(const struct cli_options *given, struct cli_engine *engine,
                                 struct cli_endpoint *endpoint, const char *model,
                                 struct sc_error *error);

struct cli_engine_start {
    const char *command, *model, *dtype;
    const char *folder; /* of the results, where the log goes */
    size_t n_top;       /* log-probabilities that will be asked for */
    bool quiet;
};
/* Starts it, if it is a server and does not run yet, and makes it the endpoint. */
enum sc_status cli_engine_start(struct cli_engine *engine, const struct cli_engine_start *start,
                                struct cli_endpoint *endpoint, struct sc_error *error);
/* An observer who also sees to it that the engine which was started still runs. */
struct cli_engine_watch {
    const struct sc_run_observer *observer;
    struct cli_engine *engine;
    struct sc_error error; /* why it does not */
};
struct sc_run_observer cli_engine_observer(struct cli_engine_watch *watch);
/* What became of a run whose engine may have ended under it. */
enum sc_status cli_engine_explain(struct cli_engine_watch *watch, enum sc_status status,
                                  struct sc_error *error);
/* Ends what was started. */
void cli_engine_end(struct cli_engine *engine);

/* Finds what the engine is to open: our folder of the model, so that prompts are framed by the same
 * files; a GGUF file as it is.  elsewhere: a name that is not here is the engine's to look up. */
enum sc_status cli_engine_find_model(struct cli_engine *engine, const char *model, bool elsewhere,
                                     struct sc_error *error);
/* All but host and port. */
struct sc_launch_options cli_engine_launch_options(const struct cli_engine *engine, size_t n_top,
                                                   const char *dtype);

#endif
