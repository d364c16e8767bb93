/* What `bench` measures of the engine, between the file that measures it (bench.c) and those that
 * print it: bench_figures.c for the processor, bench_device.c for a device of its own. */
#ifndef SC_CLI_BENCH_FIGURES_H
#define SC_CLI_BENCH_FIGURES_H

#include "cli/bench.h"
#include "engine/open.h"
#include "kernels/machine.h"

enum { CLI_MOST_WIDTHS = 16, CLI_MOST_BENCH_RUNS = 32 };

struct bench_command {
    size_t prompt_tokens, new_tokens, n_runs, n_instances, n_traces;
    const char *widths_list;
    size_t widths[CLI_MOST_WIDTHS], n_widths;
    double bandwidth, peak; /* of a device, per second: bytes, operations; 0: not known */
    bool json, experiment, no_sharing;
    struct cli_template template;
};

/* What a token costs. */
struct bench_costs {
    double weight_bytes;            /* of all that is packed */
    double expert_bytes;            /* those of experts, of all layers */
    double unused;                  /* the share of a layer's experts that a token leaves */
    double decode_ops, prefill_ops; /* of a token: two per weight that it meets */
};

/* Tokens per second. */
struct bench_rates {
    double prefill, decode;
};

/* Medians over the runs of one width. */
struct bench_figures {
    size_t width;
    struct bench_rates rates;
    struct bench_rates share_of_sustained; /* of the ceiling that the machine sustained meanwhile */
    double sampling_share; /* of the time of decode; of a device: all but its network's passes */
    double read_sustained, ops_sustained; /* per second; of a device: what the steps came to */
    size_t batch_bytes;
};

struct bench {
    const struct bench_command *command;
    const struct sc_engine *engine;
    struct sc_machine *machine;      /* NULL: a device of its own computes */
    enum sc_machine_loop arithmetic; /* that of the engine's dtype */
    struct bench_costs costs;
    const int32_t *prompt;
    size_t prefill_rows; /* of the prompt, in one step */
    struct bench_figures figures[CLI_MOST_WIDTHS];
};

/* Weights that a step of so many tokens reads: each layer's experts as far as any token takes them,
 * where tokens take any of them alike and each for itself. */
double cli_bench_step_bytes(const struct bench_costs *costs, size_t width);

/* Roofline: a step cannot be faster than its weights can be read, nor than its products can be
 * computed.  Attention and the vocabulary's statistics are not counted, so the ceiling is generous.
 * speed: of the machine's loops. */
struct bench_rates cli_bench_ceilings(const struct bench *bench, size_t width,
                                      double (*speed)(const struct sc_machine *,
                                                      enum sc_machine_loop));

void cli_bench_add_json(struct sc_text *out, const struct bench *bench);
void cli_bench_add_table(struct sc_text *out, const struct bench *bench);
void cli_bench_add_device_json(struct sc_text *out, const struct bench *bench);
void cli_bench_add_device_table(struct sc_text *out, const struct bench *bench);

#endif
