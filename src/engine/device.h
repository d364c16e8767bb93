/*
 * What computes: a table of functions that a device fills (cpu/cpu.c, gpu/gpu.c), and the words in
 * which the scheduler speaks to it.  The scheduler, plans and scores know nothing else of a device.
 *
 * A device keeps the packed weights of an engine, which many sessions may share and nothing
 * changes, and the memory of each session: keys and values in pages of SC_PAGE_POSITIONS, of which
 * the scheduler says who has which, and logits, which never leave it.  Logits are spoken of by
 * handles: i is the row that was the i-th to want them in the last step, sizes.max_logit_rows + k
 * is kept row k.
 *
 * What a device must hold to: a row's figures are a function of its token, position and history,
 * whatever else is in the step; and a draw is a function of its logits, options, context and u.
 */
#ifndef SC_ENGINE_DEVICE_H
#define SC_ENGINE_DEVICE_H

#include "engine/branches.h"
#include "engine/inference.h"
#include "engine/sampling.h"

/* Positions of a page. */
#define SC_PAGE_POSITIONS 32

/* Room of one session. */
struct sc_session_sizes {
    size_t max_rows, max_logit_rows; /* of one step */
    size_t max_draws;                /* tokens drawn from one row of logits, at most; 0: 1 */
    size_t n_positions;              /* of a whole sequence */
    size_t max_spans;                /* of one history */
    size_t n_pages;
    size_t n_dense_pages; /* the first of them are those that every step reads */
    size_t n_kept;        /* rows of logits that are kept between steps */
};

/* Memory that it takes: of pages; of kept logits; of everything else.  A device with a memory of
 * its own says what of that memory, and beside it what of the host's. */
struct sc_session_bytes {
    size_t pages, kept, scratch, host;
};

/* What suits a session that nobody gave sizes, and what there is for it. */
struct sc_device_room {
    size_t parallel, prefill_rows; /* rows of answers, and of prompts, in a step */
    bool is_own;                   /* sessions lie in a memory of the device's own, */
    size_t bytes;                  /* of which they may take so much now */
};

/* Neighbouring positions of a sequence that lie side by side in a page. */
struct sc_span {
    uint32_t page;
    uint16_t begin, n; /* of the page's positions, from 0 on; n > 0 */
};

/* One token at one position of one sequence. */
struct sc_row {
    int32_t token;
    size_t position; /* in the sequence */
    /* Where keys and values of the sequence are, from position 0 to at least this one, in which the
     * row's own are put. */
    const struct sc_span *history;
    bool is_long; /* its positions turn by the model's angles for long sequences */
    bool wants_logits;
};

/* Where the keys and values of a position lie. */
struct sc_place {
    uint32_t page;
    size_t at; /* position in the page */
};

/* That of a row's own position. */
static inline struct sc_place sc_row_place(const struct sc_row *row)
{
    const struct sc_span *span = row->history;
    size_t at = row->position;
    for (; at >= span->n; span++)
        at -= span->n;
    return (struct sc_place){span->page, span->begin + at};
}

/* Tokens to be drawn from a row of logits, each with a random number of its own, with all that is
 * measured of them. */
struct sc_draw {
    size_t logits; /* handle */
    const struct sc_sampling *sampling;
    struct sc_context context; /* read where repetitions are penalised */
    const double *u;           /* [n] in (0, 1) */
    size_t n;                  /* at least 1 */
    const int32_t *watch;      /* [n_watch] */
    size_t n_watch;
    int32_t *ids;                 /* out: [n] the tokens */
    struct sc_token_stats *stats; /* out: [n] theirs */
    float *watched;               /* out: [n_watch] log P of the watched tokens */
    struct sc_top top;            /* out */
    bool ok;                      /* out: the logits were finite; nothing else is given where not */
};

/* Figures of a row of logits, without a draw. */
struct sc_description {
    size_t logits;                         /* handle */
    int32_t next;                          /* whose log P is asked for */
    float *logprob, *confidence, *entropy; /* out; each may be NULL */
    struct sc_top top;                     /* out */
    /* Of processed alone: how it would be drawn, and the tokens before. */
    const struct sc_sampling *sampling;
    struct sc_context context;
    double *processed; /* out: log of its probability if drawn so, -INFINITY: never; may be NULL */
    bool ok;           /* out, as above */
};

/* The branches after a row of logits. */
struct sc_branching {
    size_t logits; /* handle */
    const struct sc_sampling *sampling;
    struct sc_context context;
    struct sc_branches *branches;
    bool ok; /* out, as above */
};

/* Time that a step took, for the report. */
struct sc_step_seconds {
    double layers, output;
};

struct sc_device {
    const char *name; /* "cpu" */

    /* Why it does not compute such a network, in words that follow "the device cpu: ", or NULL;
     * NULL for a device that computes all kinds of layers (model/model.h). */
    const char *(*refused)(const struct sc_model_config *config);

    /* Packs the weights.  Reads engine's model, config, n_vocab and confidence_top_k; sets
     * engine->weights, dtype, arithmetic, n_threads, weight_bytes and device_name. */
    enum sc_status (*open)(struct sc_engine *engine, const struct sc_engine_options *options,
                           struct sc_error *error);
    void (*close)(void *weights); /* NULL is fine */

    /* What a session of these sizes takes, without taking it; SIZE_MAX where that overflows. */
    struct sc_session_bytes (*measure)(const void *weights, const struct sc_session_sizes *sizes);
    size_t (*page_bytes)(const void *weights);
    struct sc_device_room (*room)(const void *weights);
    enum sc_status (*session_open)(void **session, const void *weights,
                                   const struct sc_session_sizes *sizes, struct sc_error *error);
    void (*session_close)(void *session); /* NULL is fine */

    /* One step: computes the rows and keeps their keys and values.  Rows that stand side by side
     * share the reading of what their histories begin with alike; rows of one sequence come in the
     * order of their positions, with the same history.  All rows' keys and values are stored before
     * any row reads them.  A long step asks `interrupt` some times a second, where it is not NULL,
     * and ends with SC_ERR_INTERRUPTED: what its rows and what they were to hold is then void. */
    enum sc_status (*forward)(void *session, const struct sc_row *rows, size_t n_rows,
                              const struct sc_interrupt *interrupt, struct sc_step_seconds *seconds,
                              struct sc_error *error);
    /* Keeps a row of logits of the last step as kept row `kept`. */
    void (*keep)(void *session, size_t logits, size_t kept);
    enum sc_status (*draw)(void *session, struct sc_draw *draws, size_t n, struct sc_error *error);
    enum sc_status (*describe)(void *session, struct sc_description *rows, size_t n,
                               struct sc_error *error);
    enum sc_status (*branch)(void *session, struct sc_branching *rows, size_t n,
                             struct sc_error *error);
};

/* The devices: the processor (cpu/cpu.c), and a GPU (gpu/gpu.c), for which a module is loaded. */
extern const struct sc_device sc_device_cpu, sc_device_gpu;

#endif
