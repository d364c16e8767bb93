/*
 * The end of a step on the card: draw, describe and branch of engine/device.h.
 *
 * Requests become tasks, of which as many as there is room for make a round: one copy to the card,
 * three kernels (pieces of views, views, tasks), one copy back, one wait.  A row sends back the
 * figures of a task and 12 bytes a draw.  What a list of SC_GPU_ENDS_LIST tokens did not answer is
 * asked again with long lists, in batches.  Next: ends_requests.c, kernels/ends.h.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "engine/gpu/ends_requests.h"
#include "engine/gpu/session.h"

enum {
    MOST_LONG = 64,      /* long lists at once */
    MOST_CONTEXT = 1024, /* ids of a row's context, on the average, that have room at once */
    WATCHED_EACH = 16,   /* watched tokens of a row, likewise */
    PIECE = SC_GPU_ENDS_PIECE,
    THREADS = SC_GPU_ENDS_THREADS,
    SORT_THREADS = SC_GPU_ENDS_SORT_THREADS,
};

/* Sizes, in things. */
struct room {
    size_t tasks, draws, watched, keys, ids, slots;
};

struct sc_gpu_ends {
    struct room room;
    uint32_t n_pieces, n_words; /* of a view; of a row's bits */
    size_t room_keys; /* of pieces; a view wants half or all of SC_GPU_ENDS_ROOM of each */
    struct sc_gpu_table in, out, contexts, ids;
    struct sc_gpu_ends_sums *sums;
    double *weights;
    uint64_t *keys, *lists, *slots;
    struct sc_gpu_ends_figures *figures;
    uint32_t *slot_counts, *bits;
    struct sc_gpu_part *parts; /* [room.tasks] of the round */
    uint32_t *waiting;         /* [room.tasks] those that want long lists */
};

/* ---- memory ---------------------------------------------------------------------------------- */

static struct room room_of(const struct sc_gpu_session *session)
{
    const struct sc_session_sizes *sizes = &session->sizes;
    const size_t n_vocab = session->weights->n_vocab;
    struct room r = {.tasks = session->max_logit_rows > 0 ? session->max_logit_rows : 1};
    r.draws = r.tasks + (sizes->max_draws > r.tasks ? sizes->max_draws : r.tasks);
    r.watched = r.tasks * WATCHED_EACH + SC_GPU_ENDS_LIST;
    r.keys = r.tasks * SC_GPU_ENDS_LIST > n_vocab ? r.tasks * SC_GPU_ENDS_LIST : n_vocab;
    r.ids = sizes->n_positions +
            r.tasks * (sizes->n_positions < MOST_CONTEXT ? sizes->n_positions : MOST_CONTEXT);
    r.ids = r.ids > 0 ? r.ids : 1;
    /* Two at least: a task may want one of each of its views. */
    r.slots = r.tasks < 2 ? 2 : r.tasks < MOST_LONG ? r.tasks : MOST_LONG;
    return r;
}

/* Room in a table, which is taken anew for every round. */
struct cutter {
    const struct sc_gpu_table *table;
    size_t used;
};

/* The same place on host and card; NULL while it counts. */
static struct sc_gpu_table cut(struct cutter *c, size_t n, size_t size)
{
    const size_t at = c->used;
    c->used = at + (n * size + 15) / 16 * 16;
    if (c->table == NULL)
        return (struct sc_gpu_table){NULL, NULL};
    return (struct sc_gpu_table){(unsigned char *)c->table->host + at,
                                 (unsigned char *)c->table->card + at};
}

/* What stands in both tables in a round. */
struct tables {
    struct sc_gpu_table tasks, views, u, watch; /* in, in_bytes; of batches also */
    struct sc_gpu_table jobs, order;            /* up to all_in_bytes */
    struct sc_gpu_table ends, draws, watched;   /* out, out_bytes; behind them */
    struct sc_gpu_table keys;                   /* as many as there are */
    size_t in_bytes, all_in_bytes, out_bytes, all_out_bytes;
};

static struct tables cut_tables(const struct sc_gpu_ends *e, const struct room *n)
{
    struct cutter in = {.table = e != NULL ? &e->in : NULL};
    struct cutter out = {.table = e != NULL ? &e->out : NULL};
    struct tables t;
    t.tasks = cut(&in, n->tasks, sizeof(struct sc_gpu_ends_task));
    t.views = cut(&in, 2 * n->tasks, sizeof(struct sc_gpu_view));
    t.u = cut(&in, n->draws, sizeof(double));
    t.watch = cut(&in, n->watched, sizeof(int32_t));
    t.in_bytes = in.used;
    t.jobs = cut(&in, n->slots, sizeof(struct sc_gpu_ends_job));
    t.order = cut(&in, n->slots, sizeof(uint32_t));
    t.all_in_bytes = in.used;
    t.ends = cut(&out, n->tasks, sizeof(struct sc_gpu_end));
    t.draws = cut(&out, n->draws, sizeof(struct sc_gpu_ends_draw));
    t.watched = cut(&out, n->watched, sizeof(float));
    t.out_bytes = out.used;
    t.keys = cut(&out, n->keys, sizeof(uint64_t));
    t.all_out_bytes = out.used;
    return t;
}

void sc_gpu_ends_layout(struct sc_gpu_session *session, struct sc_gpu_arenas *arenas)
{
    struct sc_gpu_ends measured = {0}, *e = session->ends != NULL ? session->ends : &measured;
    const uint32_t n_vocab = (uint32_t)session->weights->n_vocab;
    const struct room r = room_of(session);
    const struct tables t = cut_tables(NULL, &r);
    struct sc_arena *card = &arenas->card;
    e->room = r;
    e->n_pieces = (n_vocab + PIECE - 1) / PIECE;
    e->n_words = (n_vocab + 31) / 32;
    e->in = sc_gpu_table_take(arenas, t.all_in_bytes, 1);
    e->out = sc_gpu_table_take(arenas, t.all_out_bytes, 1);
    e->contexts = sc_gpu_table_take(arenas, r.tasks, sizeof(struct sc_gpu_ends_context));
    e->ids = sc_gpu_table_take(arenas, r.ids, sizeof(int32_t));
    e->parts = sc_arena_take(&arenas->host, r.tasks, sizeof *e->parts);
    e->waiting = sc_arena_take(&arenas->host, r.tasks, sizeof *e->waiting);
    const size_t n_views = 2 * r.tasks, n_pieces = n_views * e->n_pieces;
    e->room_keys = (r.tasks < 2 ? 2 : r.tasks) * e->n_pieces * SC_GPU_ENDS_ROOM;
    e->sums = sc_arena_take(card, n_pieces, sizeof *e->sums);
    e->weights = sc_arena_take(card, n_pieces, sizeof *e->weights);
    e->keys = sc_arena_take(card, e->room_keys, sizeof *e->keys);
    e->lists = sc_arena_take(card, n_views, SC_GPU_ENDS_LIST * sizeof *e->lists);
    e->figures = sc_arena_take(card, n_views, sizeof *e->figures);
    e->bits = sc_arena_take(card, r.tasks, e->n_words * sizeof *e->bits);
    e->slots = sc_arena_take(card, 3 * r.slots, sc_gpu_stride(n_vocab) * sizeof *e->slots);
    e->slot_counts = sc_arena_take(card, r.slots, sizeof *e->slot_counts);
}

enum sc_status sc_gpu_ends_open(struct sc_gpu_session *session, struct sc_error *error)
{
    session->ends = sc_alloc_zero(1, sizeof *session->ends);
    return session->ends != NULL ? SC_OK : sc_fail_nomem(error, "session");
}

void sc_gpu_ends_close(struct sc_gpu_session *session)
{
    sc_free(session->ends);
    session->ends = NULL;
}

struct round {
    struct sc_gpu_session *session;
    struct sc_gpu_ends *e;
    struct sc_gpu_requests *requests;
    struct room used; /* of slots: all */
    struct tables tables;
    size_t n_views, n_piece_keys, n_marked;
    struct sc_error *error;
};

/* ---- a round: what goes in ------------------------------------------------------------------- */

static uint32_t list_of(size_t wanted, size_t n_vocab)
{
    const size_t most = n_vocab < SC_GPU_ENDS_LIST ? n_vocab : SC_GPU_ENDS_LIST;
    return (uint32_t)(wanted < most ? wanted : most);
}

static size_t room_of_list(size_t n_best)
{
    return n_best > SC_GPU_ENDS_LIST / 2 ? SC_GPU_ENDS_ROOM : SC_GPU_ENDS_ROOM / 2;
}

static bool penalises(const struct sc_gpu_asked *a)
{
    return a->sampling != NULL && sc_sampling_penalises(a->sampling);
}

/* How many of the likeliest of what is drawn from the options want to be given, at first. */
static size_t n_candidates(const struct sc_gpu_asked *a, enum sc_gpu_request kind, size_t n_vocab)
{
    const struct sc_sampling *s = a->sampling;
    const bool is_whole = s->top_p == 1 && s->min_p == 0;
    if (s->temperature == 0)
        return 1;
    if (s->top_k > 0 && (size_t)s->top_k < n_vocab)
        return (size_t)s->top_k;
    return !is_whole ? SC_GPU_ENDS_LIST : kind == SC_GPU_BRANCH ? a->n_keys : 0;
}

static struct sc_gpu_view plain_view(const struct round *r, const struct sc_gpu_asked *a,
                                     size_t n_best)
{
    const size_t n_vocab = r->session->weights->n_vocab;
    return (struct sc_gpu_view){.z = sc_gpu_logits(r->session, a->logits),
                                .temperature = 1,
                                .n_best = list_of(n_best, n_vocab),
                                .room = (uint32_t)room_of_list(n_best)};
}

static void weigh(struct sc_gpu_view *view, const struct sc_sampling *s, size_t n_vocab)
{
    const double inverse = 1 / s->temperature;
    view->temperature = s->temperature;
    view->inverse = (float)inverse;
    view->inverse_rest = isfinite(view->inverse) ? (float)(inverse - (double)view->inverse) : 0.0F;
    view->weigh = s->temperature > 0 && (s->top_k == 0 || (size_t)s->top_k >= n_vocab);
}

/* The views of a task; the second is what is drawn from. */
static size_t views_of(const struct round *r, const struct sc_gpu_asked *a,
                       struct sc_gpu_view *views)
{
    const size_t n_vocab = r->session->weights->n_vocab, k = r->session->weights->confidence_top_k;
    size_t of_raw = k;
    if (r->requests->kind != SC_GPU_BRANCH && a->n_keys > k)
        of_raw = a->n_keys;
    if (a->sampling == NULL) {
        views[0] = plain_view(r, a, of_raw);
        return 1;
    }
    const size_t of_drawn = n_candidates(a, r->requests->kind, n_vocab);
    const bool are_two = penalises(a);
    views[0] = plain_view(r, a, are_two || of_raw > of_drawn ? of_raw : of_drawn);
    if (are_two) {
        views[1] = plain_view(r, a, of_drawn);
        views[1].penalised = r->e->bits + r->n_marked * r->e->n_words;
        views[1].penalty = (float)a->sampling->repetition_penalty;
    }
    weigh(&views[are_two], a->sampling, n_vocab);
    return are_two ? 2 : 1;
}

static void set_options(struct sc_gpu_ends_task *t, const struct sc_sampling *s, size_t n_vocab)
{
    t->is_sampled = 1;
    t->is_greedy = s->temperature == 0;
    t->top_p = s->top_p;
    t->min_p = s->min_p;
    t->top_k = s->top_k > 0 && (size_t)s->top_k < n_vocab ? (uint32_t)s->top_k : 0;
}

/* Writes a task into the tables behind those that are there. */
static void put_task(struct round *r, const struct sc_gpu_asked *a, const struct sc_gpu_part *part)
{
    const size_t n_vocab = r->session->weights->n_vocab;
    struct sc_gpu_view *views = (struct sc_gpu_view *)r->tables.views.host + r->n_views;
    struct sc_gpu_ends_task *t = (struct sc_gpu_ends_task *)r->tables.tasks.host + r->used.tasks;
    const size_t n_views = views_of(r, a, views);
    *t = (struct sc_gpu_ends_task){.raw = (uint32_t)r->n_views,
                                   .drawn = (uint32_t)(r->n_views + n_views - 1),
                                   .raw_slot = SC_GPU_NO_SLOT,
                                   .drawn_slot = SC_GPU_NO_SLOT,
                                   .next = a->next,
                                   .draws_at = (uint32_t)r->used.draws,
                                   .n_draws = (uint32_t)part->n_draws,
                                   .watch_at = (uint32_t)r->used.watched,
                                   .n_watch = (uint32_t)part->n_watch,
                                   .keys_at = (uint32_t)r->used.keys,
                                   .n_keys = (uint32_t)a->n_keys};
    if (a->sampling != NULL)
        set_options(t, a->sampling, n_vocab);
    for (size_t i = 0; i < n_views; i++) {
        views[i].keys_at = r->n_piece_keys;
        r->n_piece_keys += views[i].room * (size_t)r->e->n_pieces;
    }
    if (a->u != NULL && part->n_draws > 0)
        memcpy((double *)r->tables.u.host + r->used.draws, a->u + part->draw,
               part->n_draws * sizeof(double));
    if (part->n_watch > 0)
        memcpy((int32_t *)r->tables.watch.host + r->used.watched, a->watch + part->watched,
               part->n_watch * sizeof(int32_t));
    r->used.tasks++;
    r->used.draws += part->n_draws;
    r->used.watched += part->n_watch;
    r->used.keys += list_of(a->n_keys, n_vocab);
    r->n_views += n_views;
    r->n_marked += n_views - 1;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What the parts of a round take. */
struct planned {
    struct room used;
    size_t piece_keys;
};

/* Plans the next request for the round, or as much of it as there is room for; false: no more. */
static bool plan_next(const struct round *r, struct planned *p)
{
    struct sc_gpu_requests *q = r->requests;
    const struct room *room = &r->e->room;
    if (q->next == q->n || p->used.tasks == room->tasks)
        return false;
    const struct sc_gpu_asked a = sc_gpu_asked_of(q, q->next, r->session->weights->n_vocab);
    struct sc_gpu_view views[2] = {0};
    const size_t n_views = views_of(r, &a, views);
    const size_t piece_keys =
        p->piece_keys +
        (size_t)r->e->n_pieces * (views[0].room + (n_views > 1 ? views[1].room : 0));
    const struct sc_gpu_part part = {
        .request = q->next,
        .draw = q->n_drawn,
        .n_draws = least(a.n_draws - q->n_drawn, room->draws - p->used.draws),
        .watched = q->n_watched,
        .n_watch = least(a.n_watch - q->n_watched, room->watched - p->used.watched),
    };
    const bool is_rest =
        part.draw + part.n_draws == a.n_draws && part.watched + part.n_watch == a.n_watch;
    if (p->used.tasks > 0 && (!is_rest || piece_keys > r->e->room_keys))
        return false;
    r->e->parts[p->used.tasks++] = part;
    p->used.draws += part.n_draws;
    p->used.watched += part.n_watch;
    p->piece_keys = piece_keys;
    q->n_drawn = is_rest ? 0 : part.draw + part.n_draws;
    q->n_watched = is_rest ? 0 : part.watched + part.n_watch;
    q->next += is_rest;
    return true;
}

/* Writes the tables of the next round. */
static void begin_round(struct round *r)
{
    struct planned p = {.used = {.slots = r->e->room.slots, .keys = r->e->room.keys}};
    while (plan_next(r, &p))
        ;
    r->tables = cut_tables(r->e, &p.used);
    for (size_t i = 0; i < p.used.tasks; i++) {
        const struct sc_gpu_part *part = &r->e->parts[i];
        const struct sc_gpu_asked a =
            sc_gpu_asked_of(r->requests, part->request, r->session->weights->n_vocab);
        put_task(r, &a, part);
    }
}

/* ---- contexts -------------------------------------------------------------------------------- */

struct marks {
    size_t n_contexts, n_ids;
};

static enum sc_status send_marks(const struct round *r, struct marks *m)
{
    struct sc_gpu_ends *e = r->e;
    const struct sc_gpu_queue *queue = &r->session->queue;
    if (m->n_contexts == 0)
        return SC_OK;
    SC_TRY(sc_gpu_send(queue, &e->contexts, m->n_contexts * sizeof(struct sc_gpu_ends_context),
                       r->error));
    SC_TRY(sc_gpu_send(queue, &e->ids, m->n_ids * sizeof(int32_t), r->error));
    const struct sc_gpu_ends_mark args = {.contexts = e->contexts.card,
                                          .ids = e->ids.card,
                                          .bits = e->bits,
                                          .n_vocab = (uint32_t)r->session->weights->n_vocab,
                                          .n_words = e->n_words};
    return SC_GPU_LAUNCH(queue, ends_mark, (uint32_t)m->n_contexts, THREADS, 0, args, r->error);
}

/* One row's context, in as many goes as it takes. */
static enum sc_status mark_context(const struct round *r, const struct sc_context *c, size_t bits,
                                   struct marks *m)
{
    struct sc_gpu_ends *e = r->e;
    const size_t n = c->n_prompt + c->n_answer;
    for (size_t done = 0, first = 1; done < n || first; first = 0) {
        if (m->n_contexts == e->room.tasks || (done < n && m->n_ids == e->room.ids)) {
            SC_TRY(send_marks(r, m));
            SC_TRY(sc_gpu_wait(&r->session->queue, r->error));
            *m = (struct marks){0};
        }
        const size_t here = least(n - done, e->room.ids - m->n_ids);
        int32_t *ids = (int32_t *)e->ids.host + m->n_ids;
        for (size_t i = done; i < done + here; i++)
            ids[i - done] = i < c->n_prompt ? c->prompt[i] : c->answer[i - c->n_prompt];
        ((struct sc_gpu_ends_context *)e->contexts.host)[m->n_contexts++] =
            (struct sc_gpu_ends_context){(uint32_t)bits, (uint32_t)m->n_ids, (uint32_t)here,
                                         (uint32_t)first};
        m->n_ids += here;
        done += here;
    }
    return SC_OK;
}

static enum sc_status mark_contexts(const struct round *r)
{
    struct marks m = {0};
    size_t bits = 0;
    for (size_t i = 0; i < r->used.tasks && bits < r->n_marked; i++) {
        const struct sc_gpu_asked a =
            sc_gpu_asked_of(r->requests, r->e->parts[i].request, r->session->weights->n_vocab);
        if (penalises(&a))
            SC_TRY(mark_context(r, a.context, bits++, &m));
    }
    return send_marks(r, &m);
}

/* ---- kernels --------------------------------------------------------------------------------- */

static struct sc_gpu_ends_room card_room(const struct round *r)
{
    const struct sc_gpu_ends *e = r->e;
    const size_t n_vocab = r->session->weights->n_vocab;
    return (struct sc_gpu_ends_room){.views = r->tables.views.card,
                                     .sums = e->sums,
                                     .weights = e->weights,
                                     .keys = e->keys,
                                     .lists = e->lists,
                                     .figures = e->figures,
                                     .slots = e->slots,
                                     .slot_counts = e->slot_counts,
                                     .n_vocab = (uint32_t)n_vocab,
                                     .n_pieces = e->n_pieces,
                                     .slot_stride = sc_gpu_stride(n_vocab)};
}

static enum sc_status finish(const struct round *r, const uint32_t *order, size_t n)
{
    const struct sc_gpu_ends_finish args = {.room = card_room(r),
                                            .tasks = r->tables.tasks.card,
                                            .order = order,
                                            .u = r->tables.u.card,
                                            .watch = r->tables.watch.card,
                                            .ends = r->tables.ends.card,
                                            .draws = r->tables.draws.card,
                                            .watched = r->tables.watched.card,
                                            .listed = r->tables.keys.card,
                                            .confidence_top_k =
                                                (uint32_t)r->session->weights->confidence_top_k};
    const uint32_t shared = SC_GPU_ENDS_FINISH_BYTES + r->e->n_pieces * (uint32_t)sizeof(double);
    static const enum sc_gpu_kernel kernels[] = {[SC_GPU_DRAW] = SC_GPU_ends_draw,
                                                 [SC_GPU_DESCRIBE] = SC_GPU_ends_describe,
                                                 [SC_GPU_BRANCH] = SC_GPU_ends_branch};
    const struct sc_gpu_launch launch = {.kernel = kernels[r->requests->kind],
                                         .blocks = {(uint32_t)n, 1, 1},
                                         .threads = THREADS,
                                         .shared_bytes = shared,
                                         .arguments = &args,
                                         .argument_bytes = sizeof args};
    return sc_gpu_launch(&r->session->queue, &launch, r->error);
}

static enum sc_status fetch(const struct round *r)
{
    const struct sc_gpu_table all = r->e->out;
    SC_TRY(sc_gpu_fetch(&r->session->queue, &all,
                        r->tables.out_bytes + r->used.keys * sizeof(uint64_t), r->error));
    return sc_gpu_wait(&r->session->queue, r->error);
}

static enum sc_status run_views(const struct round *r)
{
    const struct sc_gpu_queue *queue = &r->session->queue;
    const struct sc_gpu_ends_pieces pieces = {card_room(r)};
    const struct sc_gpu_ends_views views = {card_room(r)};
    const struct sc_gpu_launch launch = {.kernel = SC_GPU_ends_pieces,
                                         .blocks = {r->e->n_pieces, (uint32_t)r->n_views, 1},
                                         .threads = THREADS,
                                         .shared_bytes = SC_GPU_ENDS_PIECES_BYTES,
                                         .arguments = &pieces,
                                         .argument_bytes = sizeof pieces};
    const uint32_t shared = SC_GPU_ENDS_VIEWS_BYTES + 2 * r->e->n_pieces * (uint32_t)sizeof(double);
    SC_TRY(sc_gpu_send(queue, &r->e->in, r->tables.in_bytes, r->error));
    SC_TRY(sc_gpu_launch(queue, &launch, r->error));
    return SC_GPU_LAUNCH(queue, ends_views, (uint32_t)r->n_views, THREADS, shared, views, r->error);
}

/* ---- what comes back ------------------------------------------------------------------------- */

static void read_task(const struct round *r, size_t at)
{
    const struct tables *t = &r->tables;
    const struct sc_gpu_ends_task *task = (const struct sc_gpu_ends_task *)t->tasks.host + at;
    const struct sc_gpu_answer answer = {
        .end = (const struct sc_gpu_end *)t->ends.host + at,
        .drawn = (const struct sc_gpu_ends_draw *)t->draws.host + task->draws_at,
        .watched = (const float *)t->watched.host + task->watch_at,
        .keys = (const uint64_t *)t->keys.host + task->keys_at,
    };
    sc_gpu_read_answer(r->requests, &r->e->parts[at], &answer);
}

/* ---- long lists ------------------------------------------------------------------------------ */

/* A batch of tasks that want long lists. */
struct batch {
    size_t n, n_jobs, n_keys;
};

/* Gives a task its lists, if there is room for them. */
static bool add_to_batch(const struct round *r, size_t at, struct batch *b)
{
    const struct sc_gpu_weights *w = r->session->weights;
    struct sc_gpu_ends_task *t = (struct sc_gpu_ends_task *)r->tables.tasks.host + at;
    struct sc_gpu_ends_job *jobs = (struct sc_gpu_ends_job *)r->tables.jobs.host + b->n_jobs;
    const bool wants_raw = w->confidence_top_k > SC_GPU_ENDS_LIST ||
                           (r->requests->kind != SC_GPU_BRANCH && t->n_keys > SC_GPU_ENDS_LIST);
    const bool is_filtered =
        t->is_sampled && !t->is_greedy && t->top_k == 0 && !(t->top_p == 1 && t->min_p == 0);
    const bool wants_drawn = t->is_sampled && !t->is_greedy &&
                             (is_filtered || t->top_k > SC_GPU_ENDS_LIST ||
                              (r->requests->kind == SC_GPU_BRANCH && t->top_k == 0));
    const bool are_one = t->raw == t->drawn;
    if (b->n_jobs + 2 > r->e->room.slots || b->n_keys + t->n_keys > r->e->room.keys)
        return false;
    size_t n = 0;
    if (wants_raw) {
        jobs[n] = (struct sc_gpu_ends_job){.view = t->raw, .slot = (uint32_t)(b->n_jobs + n)};
        t->raw_slot = jobs[n++].slot;
    }
    if (wants_drawn && wants_raw && are_one) {
        t->drawn_slot = t->raw_slot;
    } else if (wants_drawn) {
        jobs[n] = (struct sc_gpu_ends_job){.top_p = t->top_p,
                                           .min_p = t->min_p,
                                           .view = t->drawn,
                                           .slot = (uint32_t)(b->n_jobs + n),
                                           .bounded = is_filtered};
        t->drawn_slot = jobs[n++].slot;
    }
    t->keys_at = (uint32_t)b->n_keys;
    ((uint32_t *)r->tables.order.host)[b->n++] = (uint32_t)at;
    b->n_jobs += n;
    b->n_keys += t->n_keys;
    return true;
}

static enum sc_status run_batch(struct round *r, const struct batch *b)
{
    const struct sc_gpu_queue *queue = &r->session->queue;
    const struct sc_gpu_ends_sort sort = {card_room(r), r->tables.jobs.card};
    SC_TRY(sc_gpu_send(queue, &r->e->in, r->tables.all_in_bytes, r->error));
    if (b->n_jobs > 0)
        SC_TRY(SC_GPU_LAUNCH(queue, ends_sort, (uint32_t)b->n_jobs, SORT_THREADS,
                             SC_GPU_ENDS_SORT_BYTES, sort, r->error));
    SC_TRY(finish(r, r->tables.order.card, b->n));
    r->used.keys = b->n_keys;
    SC_TRY(fetch(r));
    const uint32_t *order = r->tables.order.host;
    for (size_t i = 0; i < b->n; i++)
        read_task(r, order[i]);
    return SC_OK;
}

static enum sc_status run_long(struct round *r, size_t n)
{
    for (size_t i = 0; i < n;) {
        struct batch b = {0};
        while (i < n && add_to_batch(r, r->e->waiting[i], &b))
            i++;
        assert(b.n > 0);
        SC_TRY(run_batch(r, &b));
    }
    return SC_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum sc_status run_round(struct round *r)
{
    size_t n_waiting = 0;
    begin_round(r);
    SC_TRY(mark_contexts(r));
    SC_TRY(run_views(r));
    SC_TRY(finish(r, NULL, r->used.tasks));
    SC_TRY(fetch(r));
    const struct sc_gpu_end *ends = r->tables.ends.host;
    for (size_t i = 0; i < r->used.tasks; i++)
        if (ends[i].state == SC_GPU_END_UNFINISHED)
            r->e->waiting[n_waiting++] = (uint32_t)i;
        else
            read_task(r, i);
    return run_long(r, n_waiting);
}

static enum sc_status run(struct sc_gpu_session *session, struct sc_gpu_requests *requests,
                          struct sc_error *error)
{
    while (requests->next < requests->n) {
        struct round r = {
            .session = session, .e = session->ends, .requests = requests, .error = error};
        SC_TRY(run_round(&r));
    }
    return SC_OK;
}

enum sc_status sc_gpu_draw(struct sc_gpu_session *session, struct sc_draw *draws, size_t n,
                           struct sc_error *error)
{
    return run(session, &(struct sc_gpu_requests){.kind = SC_GPU_DRAW, .draws = draws, .n = n},
               error);
}

enum sc_status sc_gpu_describe(struct sc_gpu_session *session, struct sc_description *rows,
                               size_t n, struct sc_error *error)
{
    return run(session,
               &(struct sc_gpu_requests){.kind = SC_GPU_DESCRIBE, .descriptions = rows, .n = n},
               error);
}

enum sc_status sc_gpu_branch(struct sc_gpu_session *session, struct sc_branching *rows, size_t n,
                             struct sc_error *error)
{
    return run(session,
               &(struct sc_gpu_requests){.kind = SC_GPU_BRANCH, .branchings = rows, .n = n}, error);
}
