/*
 * Servers that are started for a run and end with it: vLLM, SGLang and llama.cpp's, for whoever has
 * a GPU and does not want to know servers.  What each is found by and started with stands in
 * engines.c; docs/SERVERS.md tells of it.
 *
 *   engines.c   where a program is, and its command line
 *   gpus.c      what GPUs there are
 *   child.c     a program that ends with this process, whatever happens
 *   launch.c    start, wait until it answers, end
 */
#ifndef SC_SOURCE_LAUNCH_LAUNCH_H
#define SC_SOURCE_LAUNCH_LAUNCH_H

#include "base/error.h"
#include "base/text.h"

enum sc_engine_kind {
    SC_ENGINE_AUTO, /* the first one that is right here */
    SC_ENGINE_CPU,  /* in this process */
    SC_ENGINE_VLLM,
    SC_ENGINE_SGLANG,
    SC_ENGINE_LLAMA_SERVER,
    SC_N_ENGINES
};
#define SC_ENGINE_CHOICES "auto|cpu|vllm|sglang|llama-server" /* in that order */
const char *sc_engine_name(enum sc_engine_kind kind);

/* Words of a command line; strings are owned. */
struct sc_command {
    char **words; /* [n], and NULL behind them; NULL when n is 0 */
    size_t n, cap;
};
enum sc_status sc_command_add(struct sc_command *command, const char *word, struct sc_error *error);
void sc_command_free(struct sc_command *command);
/* Appends the words as a shell reads them back. */
void sc_command_quote(const struct sc_command *command, struct sc_text *out);

/* Which engine it is to be, and how its program is called. */
struct sc_engine_choice {
    enum sc_engine_kind kind;  /* never auto */
    struct sc_command program; /* its first words; none for the CPU */
    int n_gpus;                /* that are visible */
    char why[160];             /* one line */
};

/* `auto` is the CPU unless a CUDA device is visible and vLLM or SGLang is installed.  An engine
 * that is asked for and is not here is an error that says where it was looked for. */
enum sc_status sc_engine_choose(enum sc_engine_kind wanted, struct sc_engine_choice *out,
                                struct sc_error *error);
/* The same for another machine: nothing is looked for, and an engine goes by its usual name. */
enum sc_status sc_engine_elsewhere(enum sc_engine_kind kind, struct sc_engine_choice *out,
                                   struct sc_error *error);
void sc_engine_choice_free(struct sc_engine_choice *choice);

/* Strings are borrowed. */
struct sc_launch_options {
    const char *model;   /* a folder, a GGUF file, or what the engine itself looks up */
    const char *name;    /* that it is served under */
    const char *weights; /* folder whose files tell the size of the model; NULL: not known */
    const char *host;
    unsigned port;
    int n_gpus;              /* to be used; 0: none */
    int tensor_parallel;     /* of them for one copy of the model; 0: as many as it needs */
    size_t n_top;            /* log-probabilities that will be asked for */
    const char *dtype;       /* "bf16", "f32"; NULL: the model's own */
    const char *const *more; /* [n_more] words handed on */
    size_t n_more;
};

/* The whole command line. */
enum sc_status sc_launch_command(const struct sc_engine_choice *choice,
                                 const struct sc_launch_options *options, struct sc_command *out,
                                 struct sc_error *error);

/* How n_gpus are used: `tensor` of them hold one copy of the model, of which there are `data`.
 * model_bytes: of the weights; gpu_bytes: memory of one; 0: not known. */
struct sc_gpu_split {
    int tensor, data;
};
struct sc_gpu_split sc_gpu_split(int n_gpus, uint64_t model_bytes, uint64_t gpu_bytes);

struct sc_launch; /* a server that runs */

struct sc_launch_start {
    const struct sc_engine_choice *choice;
    struct sc_launch_options options; /* host and port are chosen */
    const char *log;                  /* file that what it prints is appended to */
    double timeout;                   /* seconds until it must answer */
    /* Several times a second while it loads; line: the last one that it printed, visible, or "".
     * false interrupts.  May be NULL. */
    bool (*step)(void *context, double seconds, const char *line);
    void *context;
};

/* Starts it on a free loopback port and waits until it answers.  SC_ERR_IO: it ended or did not
 * answer in time (one line with the end of its log). */
enum sc_status sc_launch_begin(const struct sc_launch_start *start, struct sc_launch **out,
                               struct sc_error *error);
const char *sc_launch_url(const struct sc_launch *launch); /* "http://127.0.0.1:PORT/v1" */
/* SC_ERR_IO with the end of its log when it has ended by itself. */
enum sc_status sc_launch_check(struct sc_launch *launch, struct sc_error *error);
/* Ends it with all that it started; NULL is fine. */
void sc_launch_end(struct sc_launch *launch);

#endif
