/* See ends_requests.h. */
#include "engine/gpu/ends_requests.h"

#include <math.h>
#include <string.h>

struct sc_gpu_asked sc_gpu_asked_of(const struct sc_gpu_requests *r, size_t i, size_t n_vocab)
{
    if (r->kind == SC_GPU_DRAW) {
        const struct sc_draw *d = &r->draws[i];
        return (struct sc_gpu_asked){.logits = d->logits,
                                     .sampling = d->sampling,
                                     .context = &d->context,
                                     .u = d->u,
                                     .n_draws = d->n,
                                     .watch = d->watch,
                                     .n_watch = d->n_watch,
                                     .n_keys = d->top.n};
    }
    if (r->kind == SC_GPU_DESCRIBE) {
        const struct sc_description *d = &r->descriptions[i];
        return (struct sc_gpu_asked){.logits = d->logits,
                                     .sampling = d->processed != NULL ? d->sampling : NULL,
                                     .context = &d->context,
                                     .n_draws = 1,
                                     .next = d->next,
                                     .n_keys = d->top.n};
    }
    const struct sc_branching *b = &r->branchings[i];
    const struct sc_branches *out = b->branches;
    return (struct sc_gpu_asked){.logits = b->logits,
                                 .sampling = b->sampling,
                                 .context = &b->context,
                                 .u = out->u,
                                 .n_draws = out->n_drawn,
                                 .n_keys = out->max < n_vocab ? out->max : n_vocab};
}

/* ---- what comes back ------------------------------------------------------------------------- */

static int32_t id_of(uint64_t key)
{
    return (int32_t)(uint32_t)key;
}

static float logit_of(uint64_t key)
{
    const uint32_t order = ~(uint32_t)(key >> 32);
    const uint32_t bits = order >> 31 != 0 ? order & 0x7fffffffU : ~order;
    float z;
    memcpy(&z, &bits, sizeof z);
    return z;
}

static double logprob(const struct sc_gpu_end *end, float z)
{
    return ((double)z - (double)end->max) - end->log_sum;
}

static double drawn_logprob(const struct sc_gpu_end *end, const struct sc_sampling *s, float z)
{
    return ((double)z - (double)end->drawn_max) / s->temperature - log(end->total);
}

static void read_top(const struct sc_gpu_end *end, const uint64_t *keys, const struct sc_top *top)
{
    for (size_t i = 0; i < top->n; i++) {
        top->ids[i] = id_of(keys[i]);
        top->logprobs[i] = (float)logprob(end, logit_of(keys[i]));
    }
}

static void read_draw(const struct sc_gpu_end *end, const struct sc_gpu_ends_draw *drawn,
                      const struct sc_gpu_part *part, struct sc_draw *out)
{
    const struct sc_sampling *s = out->sampling;
    for (size_t i = 0; i < part->n_draws; i++) {
        out->ids[part->draw + i] = drawn[i].id;
        out->stats[part->draw + i] = (struct sc_token_stats){
            .logprob = (float)logprob(end, drawn[i].z),
            .sampled_logprob =
                s->temperature == 0 ? 0 : (float)drawn_logprob(end, s, drawn[i].drawn_z),
            .confidence = (float)end->confidence,
            .entropy = (float)end->entropy,
        };
    }
}

static void read_description(const struct sc_gpu_end *end, const struct sc_gpu_ends_draw *drawn,
                             struct sc_description *out)
{
    if (out->confidence != NULL)
        *out->confidence = (float)end->confidence;
    if (out->entropy != NULL)
        *out->entropy = (float)end->entropy;
    if (out->logprob != NULL) /* an id that is not a token has no probability */
        *out->logprob = (float)logprob(end, drawn->z);
    if (out->processed == NULL)
        return;
    if (!end->is_possible)
        *out->processed = -INFINITY;
    else
        *out->processed =
            out->sampling->temperature == 0 ? 0 : drawn_logprob(end, out->sampling, drawn->drawn_z);
}

static void read_branches(const struct sc_gpu_end *end, const struct sc_gpu_ends_draw *drawn,
                          const struct sc_gpu_part *part, const uint64_t *keys,
                          struct sc_branching *b)
{
    struct sc_branches *out = b->branches;
    const bool is_greedy = b->sampling->temperature == 0;
    out->confidence = (float)end->confidence;
    out->entropy = (float)end->entropy;
    out->n = end->n_listed;
    out->rest = end->rest / end->total;
    for (size_t i = 0; i < out->n; i++) {
        out->ids[i] = id_of(keys[i]);
        out->logprobs[i] = is_greedy ? 0 : drawn_logprob(end, b->sampling, logit_of(keys[i]));
    }
    for (size_t i = 0; end->rest > 0 && i < part->n_draws; i++) {
        out->drawn[part->draw + i] = drawn[i].id;
        out->drawn_logprobs[part->draw + i] = drawn_logprob(end, b->sampling, drawn[i].drawn_z);
    }
}

void sc_gpu_read_answer(const struct sc_gpu_requests *q, const struct sc_gpu_part *part,
                        const struct sc_gpu_answer *answer)
{
    const struct sc_gpu_end *end = answer->end;
    const bool ok = end->state == SC_GPU_END_DONE;
    if (q->kind == SC_GPU_DRAW) {
        struct sc_draw *d = &q->draws[part->request];
        d->ok = ok;
        if (!ok)
            return;
        read_draw(end, answer->drawn, part, d);
        read_top(end, answer->keys, &d->top);
        for (size_t i = 0; i < part->n_watch; i++)
            d->watched[part->watched + i] = (float)logprob(end, answer->watched[i]);
    } else if (q->kind == SC_GPU_DESCRIBE) {
        struct sc_description *d = &q->descriptions[part->request];
        d->ok = ok;
        if (!ok)
            return;
        read_description(end, answer->drawn, d);
        read_top(end, answer->keys, &d->top);
    } else {
        struct sc_branching *b = &q->branchings[part->request];
        b->ok = ok;
        if (ok)
            read_branches(end, answer->drawn, part, answer->keys, b);
    }
}
