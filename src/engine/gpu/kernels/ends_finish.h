/*
 * What is wanted of a row, a block each: the confidence, what filters keep of the likeliest tokens,
 * draws, branches.  Definitions and the order of sums are those of cpu/sampler.c, in double: along
 * a list from the likeliest on, along candidates in ascending id, along the vocabulary by its
 * pieces.
 */
#ifndef SC_ENGINE_GPU_KERNELS_ENDS_FINISH_H
#define SC_ENGINE_GPU_KERNELS_ENDS_FINISH_H

#include "engine/gpu/kernels/ends_lists.h"

enum { GPU_STAGE = SC_GPU_ENDS_THREADS };
/* Threads that the compiler is told of: at SC_GPU_ENDS_THREADS, which there are, it keeps to fewer
 * registers than it needs. */
enum { GPU_FINISH_BOUND = 1024, GPU_BRANCH_BOUND = 512 };

struct gpu_finish_shared {
    double w[GPU_STAGE], until[GPU_STAGE]; /* weights of the tokens in stage, sums up to each */
    uint64_t keys[GPU_STAGE];
    int32_t ids[GPU_STAGE];
    double scratch[GPU_ENDS_WARPS];
    double sum;
    uint32_t n, is_found;
    int32_t last;
};
static_assert(sizeof(struct gpu_finish_shared) <= SC_GPU_ENDS_FINISH_BYTES, "shared memory");

/* The likeliest tokens of a view. */
struct gpu_list {
    const uint64_t *keys;  /* [n] sorted */
    const uint64_t *by_id; /* [n] the same in ascending id; of a long list */
    uint32_t n;
    bool is_all; /* that there are, or that filters can keep */
};

GPU_DEVICE struct gpu_list gpu_list_of(const struct sc_gpu_ends_room *room, uint32_t view,
                                       uint32_t slot)
{
    struct gpu_list list;
    list.by_id = NULL;
    if (slot == SC_GPU_NO_SLOT) {
        list.keys = room->lists + (size_t)view * SC_GPU_ENDS_LIST;
        list.n = room->figures[view].n_listed;
        list.is_all = list.n == room->n_vocab;
    } else {
        list.by_id = room->slots + (size_t)slot * 3 * room->slot_stride;
        list.keys = list.by_id + room->slot_stride;
        list.n = room->slot_counts[slot];
        list.is_all = true;
    }
    return list;
}

struct gpu_weighing {
    double max, temperature;
};

GPU_DEVICE double gpu_weight(const struct gpu_weighing *w, float z)
{
    return gpu_exp_d(((double)z - w->max) / w->temperature);
}

/* ---- along a list ---------------------------------------------------------------------------- */

/* Keys from `begin` on with their weights; how many.  Everyone is past what stood there before. */
GPU_DEVICE uint32_t gpu_stage(const uint64_t *keys, uint32_t begin, uint32_t n,
                              const struct gpu_weighing *w, struct gpu_finish_shared *s)
{
    const uint32_t here = n - begin < GPU_STAGE ? n - begin : GPU_STAGE;
    gpu_barrier();
    if (gpu_thread() < here) {
        s->keys[gpu_thread()] = keys[begin + gpu_thread()];
        s->w[gpu_thread()] = gpu_weight(w, gpu_logit_of_key(s->keys[gpu_thread()]));
    }
    gpu_barrier();
    return here;
}

/* The sum of the weights of keys [begin, n). */
GPU_DEVICE double gpu_sum_list(const uint64_t *keys, uint32_t begin, uint32_t n,
                               const struct gpu_weighing *w, struct gpu_finish_shared *s)
{
    gpu_barrier();
    if (gpu_thread() == 0)
        s->sum = 0;
    for (uint32_t at = begin; at < n; at += GPU_STAGE) {
        const uint32_t here = gpu_stage(keys, at, n, w, s);
        if (gpu_thread() == 0)
            for (uint32_t i = 0; i < here; i++)
                s->sum += s->w[i];
    }
    gpu_barrier();
    return s->sum;
}

/* -(1/k) sum of log P over the first k keys. */
GPU_DEVICE double gpu_confidence(const uint64_t *keys, uint32_t k,
                                 const struct sc_gpu_ends_figures *f, struct gpu_finish_shared *s)
{
    gpu_barrier();
    if (gpu_thread() == 0)
        s->sum = 0;
    for (uint32_t at = 0; at < k; at += GPU_STAGE) {
        gpu_barrier();
        if (at + gpu_thread() < k)
            s->w[gpu_thread()] =
                ((double)gpu_logit_of_key(keys[at + gpu_thread()]) - (double)f->max) - f->log_sum;
        gpu_barrier();
        if (gpu_thread() == 0)
            for (uint32_t i = 0; i < GPU_STAGE && at + i < k; i++)
                s->sum += s->w[i];
    }
    gpu_barrier();
    return -s->sum / (double)k;
}

/* How many of the first n keys top-p and min-p keep; s->is_found: one of them cut. */
GPU_DEVICE uint32_t gpu_filter(const struct sc_gpu_ends_task *t, const uint64_t *keys, uint32_t n,
                               double total, const struct gpu_weighing *w,
                               struct gpu_finish_shared *s)
{
    gpu_barrier();
    if (gpu_thread() == 0) {
        s->sum = 0;
        s->n = n;
        s->is_found = 0;
    }
    for (uint32_t at = 0; at < n; at += GPU_STAGE) {
        const uint32_t here = gpu_stage(keys, at, n, w, s);
        if (s->is_found != 0)
            break;
        gpu_barrier();
        for (uint32_t i = 0; gpu_thread() == 0 && i < here && s->is_found == 0; i++) {
            const bool is_less = at + i > 0 && s->w[i] < t->min_p;
            s->sum += is_less ? 0 : s->w[i];
            if (is_less || (t->top_p < 1 && s->sum >= t->top_p * total)) {
                s->n = at + i + (is_less ? 0 : 1);
                s->is_found = 1;
            }
        }
    }
    gpu_barrier();
    return s->n;
}

/* What the options leave: the first n keys of the list, or the whole vocabulary. */
struct gpu_kept {
    struct gpu_list list;
    struct gpu_weighing w;
    const struct sc_gpu_view *view;
    const struct sc_gpu_ends_figures *figures;
    uint32_t n, n_vocab;
    bool is_whole, is_short; /* is_short: the list does not say it */
};

GPU_DEVICE void gpu_keep(const struct sc_gpu_ends_task *t, struct gpu_kept *k,
                         struct gpu_finish_shared *s)
{
    k->is_whole = k->is_short = false;
    k->n = 1;
    if (t->is_greedy != 0) {
        k->is_short = k->list.n == 0;
        return;
    }
    const bool are_first = t->top_k > 0;
    k->is_short = are_first && k->list.n < t->top_k;
    k->is_whole = !are_first && t->top_p == 1 && t->min_p == 0;
    if (k->is_short || k->is_whole)
        return;
    const uint32_t n = are_first ? t->top_k : k->list.n;
    const double total = are_first ? gpu_sum_list(k->list.keys, 0, n, &k->w, s) : k->figures->total;
    k->n = gpu_filter(t, k->list.keys, n, total, &k->w, s);
    k->is_short = !are_first && s->is_found == 0 && !k->list.is_all;
}

/* ---- draws among those kept ------------------------------------------------------------------ */

/* A chunk of the kept tokens in ascending id: keys and weights, 0 of a token that is not kept, and
 * sums from `before` on; how many. */
GPU_DEVICE uint32_t gpu_stage_by_id(const struct gpu_kept *k, uint32_t begin, double before,
                                    struct gpu_finish_shared *s)
{
    const bool is_long = k->n > GPU_STAGE;
    const uint32_t n = is_long ? k->list.n : k->n;
    const uint32_t here = n - begin < GPU_STAGE ? n - begin : GPU_STAGE, i = gpu_thread();
    const uint64_t *from = is_long ? k->list.by_id : k->list.keys;
    const uint64_t last = k->list.keys[k->n - 1];
    gpu_barrier();
    if (i < here)
        s->keys[i] = from[begin + i];
    gpu_barrier();
    if (i < here) {
        const uint64_t key = s->keys[i];
        uint32_t rank = i;
        if (!is_long) {
            rank = 0;
            for (uint32_t j = 0; j < here; j++)
                rank += (uint32_t)s->keys[j] < (uint32_t)key ? 1 : 0;
        }
        s->ids[rank] = (int32_t)(uint32_t)key;
        s->w[rank] = key <= last ? gpu_weight(&k->w, gpu_logit_of_key(key)) : 0;
    }
    gpu_barrier();
    if (i == 0)
        for (uint32_t j = 0; j < here; j++) {
            before += s->w[j];
            s->until[j] = before;
            s->last = s->w[j] > 0 ? s->ids[j] : s->last;
        }
    gpu_barrier();
    return here;
}

/* Gives the sum of the weights of those kept. */
GPU_DEVICE double gpu_draw_listed(const struct gpu_kept *k, const double *u, uint32_t n_draws,
                                  struct sc_gpu_ends_draw *out, struct gpu_finish_shared *s)
{
    const uint32_t n = k->n > GPU_STAGE ? k->list.n : k->n;
    double total = 0;
    if (gpu_thread() == 0)
        s->last = 0;
    for (uint32_t i = gpu_thread(); i < n_draws; i += gpu_threads())
        out[i].id = -1;
    for (uint32_t pass = 0; pass < 2; pass++) { /* for the total; for the draws */
        double before = 0;
        for (uint32_t at = 0; at < n; at += GPU_STAGE) {
            const uint32_t here = gpu_stage_by_id(k, at, before, s);
            for (uint32_t i = gpu_thread(); pass == 1 && i < n_draws; i += gpu_threads())
                for (uint32_t j = 0; j < here && out[i].id < 0; j++)
                    if (s->w[j] > 0 && s->until[j] > u[i] * total)
                        out[i].id = s->ids[j];
            before = s->until[here - 1];
        }
        total = before;
    }
    /* What no sum reached, for a hair of difference, is the last possible token. */
    for (uint32_t i = gpu_thread(); i < n_draws; i += gpu_threads())
        out[i].id = out[i].id < 0 ? s->last : out[i].id;
    gpu_barrier();
    return total;
}

/* ---- along the vocabulary -------------------------------------------------------------------- */

/* Sums of the vocabulary's pieces. */
GPU_DEVICE double *gpu_pieces(struct gpu_finish_shared *s)
{
    return (double *)(void *)(s + 1);
}

/* The weight of token id as one that may be drawn here: of those after key `after`, or of all where
 * that is 0. */
GPU_DEVICE double gpu_weight_after(const struct gpu_kept *k, uint64_t after, uint32_t id)
{
    if (id >= k->n_vocab)
        return 0;
    const float z = gpu_view_logit(k->view, id);
    return after != 0 && gpu_key_of(z, id) <= after ? 0 : gpu_weight(&k->w, z);
}

/* The sum of a thread's neighbouring tokens of a piece. */
GPU_DEVICE double gpu_sum_of_thread(const struct gpu_kept *k, uint64_t after, uint32_t begin)
{
    double sum = 0;
    for (uint32_t i = 0; i < GPU_ENDS_EACH; i++)
        sum += gpu_weight_after(k, after, begin + i);
    return sum;
}

/* Sums of all pieces into `pieces`, and of all of these. */
GPU_DEVICE double gpu_sum_pieces(const struct gpu_kept *k, uint64_t after, double *pieces,
                                 struct gpu_finish_shared *s)
{
    double sum = 0;
    for (uint32_t p = 0; p * SC_GPU_ENDS_PIECE < k->n_vocab; p++) {
        const uint32_t begin = p * SC_GPU_ENDS_PIECE + gpu_thread() * GPU_ENDS_EACH;
        const double of_piece = gpu_block_sum_d(gpu_sum_of_thread(k, after, begin), s->scratch);
        if (gpu_thread() == 0)
            pieces[p] = of_piece;
        sum += of_piece;
    }
    gpu_barrier();
    return sum;
}

/* The token of a piece at which the sum, from `before` on, exceeds the target, else the last that
 * has a weight, else the piece's first: the pieces' sums and these weights round differently. */
GPU_DEVICE int32_t gpu_draw_in_piece(const struct gpu_kept *k, uint64_t after, uint32_t piece,
                                     double before, double target, struct gpu_finish_shared *s)
{
    const uint32_t t = gpu_thread(), first = piece * SC_GPU_ENDS_PIECE + t * GPU_ENDS_EACH;
    gpu_barrier();
    s->w[t] = gpu_sum_of_thread(k, after, first);
    gpu_barrier();
    if (t == 0) {
        double sum = before;
        uint32_t at = 0, last = 0;
        for (; at < GPU_STAGE && !(s->w[at] > 0 && sum + s->w[at] > target); at++) {
            sum += s->w[at];
            last = s->w[at] > 0 ? at : last;
        }
        s->n = at < GPU_STAGE ? at : last; /* whose the token is */
        s->sum = at < GPU_STAGE ? sum : 0;
        s->last = (int32_t)(piece * SC_GPU_ENDS_PIECE);
    }
    gpu_barrier();
    if (t == s->n) {
        double sum = s->sum;
        bool is_past = false;
        for (uint32_t i = 0; i < GPU_ENDS_EACH && !is_past; i++) {
            const double w = gpu_weight_after(k, after, first + i);
            sum += w;
            s->last = w > 0 ? (int32_t)(first + i) : s->last;
            is_past = w > 0 && sum > target;
        }
    }
    gpu_barrier();
    return s->last;
}

/* The token at which the sum along the vocabulary exceeds the target. */
GPU_DEVICE int32_t gpu_draw_along(const struct gpu_kept *k, uint64_t after, const double *pieces,
                                  double target, struct gpu_finish_shared *s)
{
    uint32_t piece = 0;
    double sum = 0, before = 0;
    for (uint32_t p = 0; p * SC_GPU_ENDS_PIECE < k->n_vocab; p++) {
        if (pieces[p] <= 0)
            continue;
        piece = p;
        before = sum;
        sum += pieces[p];
        if (sum > target)
            break;
    }
    return gpu_draw_in_piece(k, after, piece, before, target, s);
}

/* ---- branches -------------------------------------------------------------------------------- */

/* The token behind the first `begin` of the list at which the sum exceeds the target. */
GPU_DEVICE int32_t gpu_draw_behind(const struct gpu_kept *k, uint32_t begin, double target,
                                   struct gpu_finish_shared *s)
{
    gpu_barrier();
    if (gpu_thread() == 0) {
        s->sum = 0;
        s->is_found = 0;
        s->last = 0;
    }
    for (uint32_t at = begin; at < k->n; at += GPU_STAGE) {
        const uint32_t here = gpu_stage(k->list.keys, at, k->n, &k->w, s);
        for (uint32_t i = 0; gpu_thread() == 0 && i < here && s->is_found == 0; i++) {
            s->sum += s->w[i];
            s->last = s->w[i] > 0 ? (int32_t)(uint32_t)s->keys[i] : s->last;
            s->is_found = s->w[i] > 0 && s->sum > target ? 1 : 0;
        }
    }
    gpu_barrier();
    return s->last;
}

/* How many of the first n keys have a weight; s->sum: theirs. */
GPU_DEVICE uint32_t gpu_list_branches(const struct gpu_kept *k, uint32_t n,
                                      struct gpu_finish_shared *s)
{
    gpu_barrier();
    if (gpu_thread() == 0) {
        s->sum = 0;
        s->n = 0;
    }
    for (uint32_t at = 0; at < n; at += GPU_STAGE) {
        const uint32_t here = gpu_stage(k->list.keys, at, n, &k->w, s);
        for (uint32_t i = 0; gpu_thread() == 0 && i < here && s->n == at + i; i++)
            if (s->w[i] > 0) {
                s->sum += s->w[i];
                s->n++;
            }
    }
    gpu_barrier();
    return s->n;
}

/* ---- a task ---------------------------------------------------------------------------------- */

/* What a kernel asks of a row; a constant, so that each has its own part alone. */
enum gpu_asked { GPU_DRAWS, GPU_DESCRIPTION, GPU_BRANCHES };

struct gpu_finish {
    enum gpu_asked asked;
    const struct sc_gpu_ends_task *task;
    struct gpu_kept kept;
    const struct sc_gpu_ends_finish *a;
    double rest; /* of branches: the weights that are not listed */
    uint32_t n_listed;
};

GPU_DEVICE void gpu_finish_draws(const struct gpu_finish *f, struct sc_gpu_end *end,
                                 struct gpu_finish_shared *s)
{
    const struct sc_gpu_ends_task *t = f->task;
    const struct gpu_kept *k = &f->kept;
    if (t->is_greedy != 0) {
        for (uint32_t i = gpu_thread(); i < t->n_draws; i += gpu_threads())
            f->a->draws[t->draws_at + i].id = (int32_t)(uint32_t)k->list.keys[0];
        return;
    }
    if (!k->is_whole) {
        const double total =
            gpu_draw_listed(k, f->a->u + t->draws_at, t->n_draws, f->a->draws + t->draws_at, s);
        if (gpu_thread() == 0)
            end->total = total;
        return;
    }
    const double *weights = f->a->room.weights + (size_t)t->drawn * f->a->room.n_pieces;
    if (gpu_thread() == 0)
        end->total = k->figures->total;
    for (uint32_t p = gpu_thread(); p * SC_GPU_ENDS_PIECE < k->n_vocab; p += gpu_threads())
        gpu_pieces(s)[p] = weights[p];
    gpu_barrier();
    for (uint32_t i = 0; i < t->n_draws; i++) {
        const int32_t id =
            gpu_draw_along(k, 0, gpu_pieces(s), f->a->u[t->draws_at + i] * k->figures->total, s);
        if (gpu_thread() == 0)
            f->a->draws[t->draws_at + i].id = id;
    }
}

GPU_DEVICE void gpu_finish_branches(struct gpu_finish *f, struct sc_gpu_end *end,
                                    struct gpu_finish_shared *s)
{
    const struct sc_gpu_ends_task *t = f->task;
    const struct gpu_kept *k = &f->kept;
    const uint32_t n = k->is_whole || k->n > t->n_keys ? t->n_keys : k->n;
    f->n_listed = n;
    if (t->is_greedy == 0) {
        f->n_listed = gpu_list_branches(k, n, s);
        const double listed = s->sum;
        const uint64_t after = f->n_listed > 0 ? k->list.keys[f->n_listed - 1] : 0;
        f->rest = k->is_whole ? gpu_sum_pieces(k, after, gpu_pieces(s), s)
                              : gpu_sum_list(k->list.keys, f->n_listed, k->n, &k->w, s);
        if (gpu_thread() == 0)
            end->total = listed + f->rest;
        for (uint32_t i = 0; f->rest > 0 && i < t->n_draws; i++) {
            const double target = f->a->u[t->draws_at + i] * f->rest;
            const int32_t id = k->is_whole ? gpu_draw_along(k, after, gpu_pieces(s), target, s)
                                           : gpu_draw_behind(k, f->n_listed, target, s);
            if (gpu_thread() == 0)
                f->a->draws[t->draws_at + i].id = id;
        }
    }
    if (gpu_thread() == 0) {
        end->n_listed = f->n_listed;
        end->rest = f->rest;
    }
}

/* Of one token: whether it may be drawn, and the sum of the weights of those that may. */
GPU_DEVICE void gpu_finish_next(const struct gpu_finish *f, struct sc_gpu_end *end,
                                struct gpu_finish_shared *s)
{
    const struct gpu_kept *k = &f->kept;
    const int32_t next = f->task->next;
    gpu_barrier();
    if (gpu_thread() == 0)
        s->is_found = k->is_whole && next >= 0 && (uint32_t)next < k->n_vocab ? 1 : 0;
    gpu_barrier();
    for (uint32_t i = gpu_thread(); !k->is_whole && i < k->n; i += gpu_threads())
        if ((int32_t)(uint32_t)k->list.keys[i] == next)
            s->is_found = 1;
    gpu_barrier();
    if (gpu_thread() == 0)
        end->is_possible = s->is_found;
    if (f->task->is_greedy != 0)
        return;
    const double total = k->is_whole ? gpu_sum_pieces(k, 0, gpu_pieces(s), s)
                                     : gpu_sum_list(k->list.keys, 0, k->n, &k->w, s);
    if (gpu_thread() == 0)
        end->total = total;
}

/* What needs no more than figures and lists; false where a list is too short. */
GPU_DEVICE bool gpu_finish_begin(const struct sc_gpu_ends_finish *a, struct gpu_finish *f,
                                 struct sc_gpu_end *end, struct gpu_finish_shared *s)
{
    const struct sc_gpu_ends_task *t = f->task;
    const struct gpu_list raw = gpu_list_of(&a->room, t->raw, t->raw_slot);
    const struct sc_gpu_ends_figures *figures = &a->room.figures[t->raw];
    struct gpu_kept *k = &f->kept;
    if (raw.n < a->confidence_top_k || (f->asked != GPU_BRANCHES && raw.n < t->n_keys))
        return false;
    const double confidence = gpu_confidence(raw.keys, a->confidence_top_k, figures, s);
    if (gpu_thread() == 0)
        end->confidence = confidence;
    k->list = raw;
    if (f->asked == GPU_DESCRIPTION && t->is_sampled == 0)
        return true;
    k->view = &a->room.views[t->drawn];
    k->list = gpu_list_of(&a->room, t->drawn, t->drawn_slot);
    k->figures = &a->room.figures[t->drawn];
    k->w.max = (double)k->figures->max;
    k->w.temperature = k->view->temperature;
    k->n_vocab = a->room.n_vocab;
    gpu_keep(t, k, s);
    const uint32_t wanted = k->is_whole || k->n > t->n_keys ? t->n_keys : k->n;
    return !k->is_short && (f->asked != GPU_BRANCHES || k->list.n >= wanted);
}

/* Logits of the tokens drawn and of those that are watched; the likeliest tokens. */
GPU_DEVICE void gpu_finish_end(const struct sc_gpu_ends_finish *a, const struct gpu_finish *f)
{
    const struct sc_gpu_ends_task *t = f->task;
    const struct sc_gpu_view *raw = &a->room.views[t->raw], *drawn = &a->room.views[t->drawn];
    const bool is_drawn = f->asked == GPU_DRAWS || (f->asked == GPU_BRANCHES && f->rest > 0);
    for (uint32_t i = gpu_thread(); i < t->n_draws; i += gpu_threads()) {
        struct sc_gpu_ends_draw d;
        d.id = is_drawn ? f->a->draws[t->draws_at + i].id : t->next;
        const bool is_token = d.id >= 0 && (uint32_t)d.id < a->room.n_vocab;
        d.z = is_token ? raw->z[d.id] : GPU_NO_LOGIT;
        d.drawn_z = is_token ? gpu_view_logit(drawn, (uint32_t)d.id) : GPU_NO_LOGIT;
        f->a->draws[t->draws_at + i] = d;
    }
    for (uint32_t i = gpu_thread(); f->asked == GPU_DRAWS && i < t->n_watch; i += gpu_threads())
        a->watched[t->watch_at + i] = raw->z[a->watch[t->watch_at + i]];
    const struct gpu_list list =
        f->asked == GPU_BRANCHES ? f->kept.list : gpu_list_of(&a->room, t->raw, t->raw_slot);
    const uint32_t n = f->asked == GPU_BRANCHES ? f->n_listed : t->n_keys;
    for (uint32_t i = gpu_thread(); i < n; i += gpu_threads())
        a->listed[t->keys_at + i] = list.keys[i];
}

GPU_DEVICE void gpu_finish_task(const struct sc_gpu_ends_finish *a, enum gpu_asked asked)
{
    struct gpu_finish_shared *s = (struct gpu_finish_shared *)gpu_shared();
    const uint32_t at = a->order != NULL ? a->order[gpu_block_x()] : gpu_block_x();
    const struct sc_gpu_ends_task *task = &a->tasks[at];
    const struct sc_gpu_ends_figures *raw = &a->room.figures[task->raw];
    const struct sc_gpu_ends_figures *drawn = &a->room.figures[task->drawn];
    struct sc_gpu_end *end = &a->ends[at];
    struct gpu_finish f;
    f.asked = asked;
    f.task = task;
    f.a = a;
    f.rest = 0;
    f.n_listed = 0;
    if (gpu_thread() == 0) {
        end->log_sum = raw->log_sum;
        end->entropy = raw->entropy;
        end->total = 1;
        end->rest = 0;
        end->max = raw->max;
        end->drawn_max = drawn->max;
        end->n_listed = 0;
        end->is_possible = 0;
        end->state = SC_GPU_END_NOT_FINITE;
    }
    if (raw->ok == 0 || drawn->ok == 0)
        return;
    const bool is_done = gpu_finish_begin(a, &f, end, s);
    if (gpu_thread() == 0)
        end->state = is_done ? SC_GPU_END_DONE : SC_GPU_END_UNFINISHED;
    if (!is_done)
        return;
    if (asked == GPU_DRAWS)
        gpu_finish_draws(&f, end, s);
    else if (asked == GPU_BRANCHES)
        gpu_finish_branches(&f, end, s);
    else if (task->is_sampled != 0)
        gpu_finish_next(&f, end, s);
    gpu_barrier();
    gpu_finish_end(a, &f);
}

/* Shared memory: the struct, then a double a piece. */
GPU_KERNEL(ends_draw, struct sc_gpu_ends_finish, GPU_FINISH_BOUND)
{
    gpu_finish_task(&a, GPU_DRAWS);
}

GPU_KERNEL(ends_describe, struct sc_gpu_ends_finish, GPU_FINISH_BOUND)
{
    gpu_finish_task(&a, GPU_DESCRIPTION);
}

GPU_KERNEL(ends_branch, struct sc_gpu_ends_finish, GPU_BRANCH_BOUND)
{
    gpu_finish_task(&a, GPU_BRANCHES);
}

#endif
