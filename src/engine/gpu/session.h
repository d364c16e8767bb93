/* What a session has on the card, and the parts that work on it. */
#ifndef SC_ENGINE_GPU_SESSION_H
#define SC_ENGINE_GPU_SESSION_H

#include <assert.h>

#include "engine/gpu/queue.h"

/* The rows of a step, as the card reads them; [max_rows] each.  They lie side by side, so that one
 * copy sends them all. */
struct sc_gpu_row_tables {
    struct sc_gpu_table all; /* of them, bytes in all */
    size_t bytes;
    struct sc_gpu_table tokens;     /* int32_t */
    struct sc_gpu_table positions;  /* uint32_t, in the sequence */
    struct sc_gpu_table pages;      /* uint32_t: where their keys and values go, */
    struct sc_gpu_table places;     /* uint32_t: and which of the page's positions it is */
    struct sc_gpu_table is_long;    /* uint8_t */
    struct sc_gpu_table logit_rows; /* uint32_t [max_logit_rows]: the rows that want logits */
    struct sc_gpu_table counts;     /* uint32_t [2]: rows, and rows that want logits */
};

/* Angles of a struct sc_rope at each position, on the card; n 0: not needed. */
struct sc_gpu_angles {
    uint32_t n;
    struct sc_gpu_table cosines, sines; /* f32 [n_positions][n] */
};

struct sc_gpu_attention; /* attention.c */
struct sc_gpu_experts;   /* experts.c */
struct sc_gpu_ends;      /* ends.c */
struct sc_gpu_steps;     /* step.c */

/* Arrays are of the card.  max_rows is sizes.max_rows rounded as products want rows
 * (products.h), so a product may write all of them. */
struct sc_gpu_session {
    const struct sc_gpu_weights *weights;
    struct sc_gpu_queue queue;
    struct sc_session_sizes sizes;
    size_t max_rows, max_logit_rows; /* rounded */
    void *card_memory, *host_memory;
    /* The first failure to keep a row of logits, which the next call tells. */
    enum sc_status keep_status;
    char keep_why[SC_GPU_WHY];

    /* [n_pages]; a page is [layer][keys, values][kv head][SC_PAGE_POSITIONS][head_dim], bf16 or
     * f32. */
    unsigned char *pages;
    size_t page_bytes;
    float *logits;  /* [max_logit_rows][stride of n_vocab], of the last step */
    float *kept;    /* [n_kept][stride of n_vocab] */
    float *x;       /* [max_rows][stride of hidden], the residual stream */
    float *branch;  /* [max_rows][stride of hidden], what a block adds to it */
    float *picked;  /* [max_logit_rows][stride of hidden], x of the rows that want logits, from the
                     * FFN of the last layer on */
    void *entered;  /* [max_rows][stride of hidden], what enters a block's products */
    float *routed;  /* [max_rows][stride of hidden], the same in f32 for the router, or NULL */
    float *qkv;     /* [max_rows][stride of all heads]: queries, keys, values of a row */
    void *attended; /* [max_rows][stride of queries], what attention gave, for the product */
    float *gate_up; /* [max_rows][stride of 2 ffn]: gate, then up */
    void *gated;    /* [max_rows][stride of ffn] */
    struct sc_gpu_row_tables rows; /* these two and `picked` are step.c's layout's */
    struct sc_gpu_angles angles[SC_N_ROPES];

    struct sc_gpu_attention *attention;
    struct sc_gpu_experts *experts;
    struct sc_gpu_ends *ends;
    struct sc_gpu_steps *steps;
};

/* Logits by their handle (engine/device.h). */
static inline float *sc_gpu_logits(const struct sc_gpu_session *session, size_t handle)
{
    const size_t stride = sc_gpu_stride(session->weights->n_vocab);
    const size_t kept = handle - session->sizes.max_logit_rows;
    if (handle < session->sizes.max_logit_rows)
        return session->logits + handle * stride;
    assert(kept < session->sizes.n_kept);
    return session->kept + kept * stride;
}

/* ---- step.c ---------------------------------------------------------------------------------- */

/* A part's struct is of the host's heap and taken by its open; its tables and arrays are cut out of
 * the arenas by its layout, which runs first with an empty session to measure: it may then look at
 * weights, sizes and the rounded maxima, and what it sets is thrown away. */
enum sc_status sc_gpu_steps_open(struct sc_gpu_session *session, struct sc_error *error);
void sc_gpu_steps_close(struct sc_gpu_session *session);
void sc_gpu_steps_layout(struct sc_gpu_session *session, struct sc_gpu_arenas *arenas);
/* forward of engine/device.h: puts the step into the queue and does not wait for it.  It begins by
 * waiting for what is in the queue, so tables of the host that the last step was sent from are free
 * again; where a draw came between, that costs nothing.  *seconds are those of the last step. */
enum sc_status sc_gpu_step(struct sc_gpu_session *session, const struct sc_row *rows, size_t n_rows,
                           struct sc_step_seconds *seconds, struct sc_error *error);

/* ---- attention.c ----------------------------------------------------------------------------- */

enum sc_status sc_gpu_attention_open(struct sc_gpu_session *session, struct sc_error *error);
void sc_gpu_attention_close(struct sc_gpu_session *session);
void sc_gpu_attention_layout(struct sc_gpu_session *session, struct sc_gpu_arenas *arenas);
/* Finds what the rows read and sends it to the card.  *extent: of what the launches of `run` will
 * depend on beside the number of rows; steps of one extent and one rounded number of rows have the
 * same launches, so that they can be replayed. */
enum sc_status sc_gpu_attention_prepare(struct sc_gpu_session *session, const struct sc_row *rows,
                                        size_t n_rows, uint32_t *extent, struct sc_error *error);
/* From session->qkv (queries turned) and the pages to session->attended; n_rows rounded. */
enum sc_status sc_gpu_attention_run(struct sc_gpu_session *session, size_t layer, size_t n_rows,
                                    uint32_t extent, struct sc_error *error);

/* ---- experts.c ------------------------------------------------------------------------------- */

enum sc_status sc_gpu_experts_open(struct sc_gpu_session *session, struct sc_error *error);
void sc_gpu_experts_close(struct sc_gpu_session *session);
void sc_gpu_experts_layout(struct sc_gpu_session *session, struct sc_gpu_arenas *arenas);
/* From session->entered and session->routed to session->branch; n_rows rounded, *n_valid (on the
 * card) of them are somebody's: in the last layer those that want logits, which then stand first.
 */
enum sc_status sc_gpu_experts_run(struct sc_gpu_session *session, size_t layer, size_t n_rows,
                                  const uint32_t *n_valid, struct sc_error *error);

/* ---- ends.c ---------------------------------------------------------------------------------- */

enum sc_status sc_gpu_ends_open(struct sc_gpu_session *session, struct sc_error *error);
void sc_gpu_ends_close(struct sc_gpu_session *session);
void sc_gpu_ends_layout(struct sc_gpu_session *session, struct sc_gpu_arenas *arenas);
/* draw, describe and branch of engine/device.h; they wait for the queue. */
enum sc_status sc_gpu_draw(struct sc_gpu_session *session, struct sc_draw *draws, size_t n,
                           struct sc_error *error);
enum sc_status sc_gpu_describe(struct sc_gpu_session *session, struct sc_description *rows,
                               size_t n, struct sc_error *error);
enum sc_status sc_gpu_branch(struct sc_gpu_session *session, struct sc_branching *rows, size_t n,
                             struct sc_error *error);

#endif
