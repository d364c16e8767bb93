/*
 * Attention: see attention.h.
 *
 * What it reads comes from memory, in stretches too short for the processor's own prefetchers to be
 * of much help.  So each task lists what it will read, in order, and every call of a kernel asks
 * for what will be read after it, as far as AHEAD_BYTES on.
 */
#include "engine/cpu/attention.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* Scores of a task are kept within this, so that they stay in the cache. */
#define SCORE_BYTES ((size_t)1 << 20)
#define MOST_GROUP_ROWS 16
/* A small part of any second cache; 16 KiB measured alike, 128 worse (docs/speed/2026-11-24.md). */
#define AHEAD_BYTES ((size_t)32 << 10)

size_t sc_heads_per_kv(const struct sc_model_config *config)
{
    return config->n_heads / config->n_kv_heads;
}

void sc_attention_layout(struct sc_forward *f, struct sc_arena *worker)
{
    const struct sc_model_config *c = &f->cpu->config;
    f->score_scale = c->layer.attention_scale != 0 ? c->layer.attention_scale
                                                   : (float)(1.0 / sqrt((double)c->head_dim));
    f->score_stride = sc_size_add(f->sizes.n_positions, 15) & ~(size_t)15;
    size_t row_scores = sc_size_mul(sc_heads_per_kv(c) * sizeof(float), f->score_stride);
    f->group_rows = SCORE_BYTES / row_scores;
    if (f->group_rows < 1)
        f->group_rows = 1;
    if (f->group_rows > MOST_GROUP_ROWS)
        f->group_rows = MOST_GROUP_ROWS;
    /* Keys and values that a group sees together, those of each row, and the next task's keys. */
    size_t n_stretches = sc_size_mul(f->sizes.max_spans, 3 + 2 * f->group_rows);
    f->scores_at = worker->used;
    sc_arena_take(worker, f->group_rows, row_scores);
    f->out_at = worker->used;
    sc_arena_take(worker, f->group_rows * sc_heads_per_kv(c) * c->head_dim, sizeof(float));
    f->stretches_at = worker->used;
    sc_arena_take(worker, n_stretches, sizeof(struct sc_stretch));
}

/* Positions of which both rows read the same keys, from the first one on. */
static size_t n_alike(const struct sc_row *a, const struct sc_row *b)
{
    size_t most = (a->position < b->position ? a->position : b->position) + 1, n = 0;
    if (a->history == b->history)
        return most;
    for (size_t i = 0; n < most; i++) {
        const struct sc_span x = a->history[i], y = b->history[i];
        if (x.page != y.page || x.begin != y.begin)
            break;
        n += x.n < y.n ? x.n : y.n;
        if (x.n != y.n)
            break;
    }
    return n < most ? n : most;
}

/* Takes the row into the group before it, unless that would have the group read more than it saves:
 * n rows of which c positions are alike read those (n - 1) times less than each alone. */
static bool join_group(const struct sc_forward *f, struct sc_row_group *group,
                       const struct sc_row *row)
{
    const struct sc_row *first = &f->rows[group->begin];
    size_t common = n_alike(first, row);
    if (common > group->common)
        common = group->common;
    if (group->n == f->group_rows || group->n * common <= (group->n - 1) * group->common)
        return false;
    group->one_sequence = first->history == row->history && (group->n == 1 || group->one_sequence);
    group->common = common;
    group->n++;
    return true;
}

static struct sc_late find_late(const struct sc_row *row, size_t common)
{
    struct sc_late late = {row->history, 0};
    while (common <= row->position && late.before + late.span->n <= common)
        late.before += late.span++->n;
    return late;
}

void sc_attention_group(struct sc_forward *f)
{
    f->n_groups = 0;
    for (size_t r = 0; r < f->n_rows; r++)
        if (f->n_groups == 0 || !join_group(f, &f->groups[f->n_groups - 1], &f->rows[r]))
            f->groups[f->n_groups++] = (struct sc_row_group){r, 1, f->rows[r].position + 1, false};
    for (size_t g = 0; g < f->n_groups; g++)
        for (size_t i = 0; i < f->groups[g].n; i++)
            f->late[f->groups[g].begin + i] =
                find_late(&f->rows[f->groups[g].begin + i], f->groups[g].common);
}

/* ---- what a task reads ----------------------------------------------------------------------- */

static size_t position_bytes(const struct sc_forward *f)
{
    return f->cpu->config.head_dim * f->cpu->attention->element_bytes;
}

/* The keys or values of position `at` of a span, in the layer. */
static const unsigned char *span_at(const struct sc_forward *f, const struct sc_span *span,
                                    size_t at, enum sc_kv_kind kind, size_t head)
{
    return f->pages + span->page * f->page_bytes +
           sc_kv_offset(f->cpu, SC_PAGE_POSITIONS, f->layer, kind, head) +
           (span->begin + at) * position_bytes(f);
}

static size_t later(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The first position that a row sees in the layer. */
static size_t seen_from(const struct sc_forward *f, const struct sc_row *row)
{
    const struct sc_model_config *c = &f->cpu->config;
    size_t window = sc_layer_is_local(c, f->layer) ? c->layer.window : 0;
    return window > 0 && row->position >= window ? row->position + 1 - window : 0;
}

/* The positions [from, to) that all rows of a group see and that are alike. */
struct common {
    size_t from, to;
};

static struct common common_of(const struct sc_forward *f, const struct sc_row_group *group)
{
    struct common common = {0, group->common};
    if (f->cpu->config.layer.window > 0)
        for (size_t i = group->begin; i < group->begin + group->n; i++)
            common.from = later(common.from, seen_from(f, &f->rows[i]));
    if (common.from > common.to)
        common.from = common.to;
    return common;
}

/* The first position that a row sees after those that its group sees together. */
static size_t late_from(const struct sc_forward *f, const struct sc_row *row, struct common common)
{
    return later(common.to, seen_from(f, row));
}

/* Neighbouring positions in one stretch of memory, of a walk along a history. */
struct stretch {
    const struct sc_span *span; /* that holds them; the next one to be looked at */
    size_t before;              /* positions before that span */
    size_t at, n;               /* the first of them, and how many */
};

/* At the beginning of a row's history, and behind what its group sees together. */
static struct stretch at_first(const struct sc_row *row)
{
    return (struct stretch){.span = row->history};
}

static struct stretch at_late(const struct sc_forward *f, const struct sc_row *row)
{
    const struct sc_late *late = &f->late[row - f->rows];
    return (struct stretch){.span = late->span, .before = late->before};
}

/* Moves to the next stretch of [from, to): false after the last. */
static bool walk(struct stretch *s, size_t from, size_t to)
{
    size_t next = s->n > 0 ? s->at + s->n : from;
    if (next >= to)
        return false;
    while (s->before + s->span->n <= next)
        s->before += s->span++->n;
    size_t end = s->before + s->span->n;
    s->at = next;
    s->n = (end < to ? end : to) - next;
    return true;
}

/* A task's way over the keys, or then over the values, of its kv head. */
struct pass {
    const struct sc_forward *f;
    enum sc_kv_kind kind;
    size_t head;
};

/* A task's way through the stretches that it reads. */
struct stretches {
    struct sc_ahead ahead;
    size_t granted; /* what the call under way may ask for */
    size_t lead;    /* bytes asked for that no call has come to */
    size_t rest;    /* bytes from ahead.next on, but for ahead.at */
};

static struct sc_stretch *list(struct stretches *r, struct sc_stretch *to, const void *at,
                               size_t bytes)
{
    *to = (struct sc_stretch){at, bytes};
    r->rest += bytes;
    return to + 1;
}

/* The positions [seen.from, seen.to) of the history in which s stands. */
static struct sc_stretch *list_history(struct stretches *r, struct sc_stretch *to_list,
                                       struct stretch s, const struct pass *p, struct common seen)
{
    while (walk(&s, seen.from, seen.to))
        to_list = list(r, to_list, span_at(p->f, s.span, s.at - s.before, p->kind, p->head),
                       s.n * position_bytes(p->f));
    return to_list;
}

/* What a group reads in a pass: first what it sees together, then each row's own. */
static struct sc_stretch *list_pass(struct stretches *r, struct sc_stretch *to,
                                    const struct sc_row_group *group, const struct pass *pass)
{
    const struct sc_forward *f = pass->f;
    const struct common common = common_of(f, group);
    to = list_history(r, to, at_first(&f->rows[group->begin]), pass, common);
    for (size_t i = group->begin; !group->one_sequence && i < group->begin + group->n; i++) {
        const struct sc_row *row = &f->rows[i];
        to = list_history(r, to, at_late(f, row), pass,
                          (struct common){late_from(f, row, common), row->position + 1});
    }
    return to;
}

/* What task reads, and what its worker will probably read after it, into the worker's memory. */
static struct stretches list_task(const struct sc_forward *f, size_t task, struct sc_stretch *to)
{
    size_t n_heads = f->cpu->config.n_kv_heads, head = task % n_heads;
    size_t then = task + f->cpu->n_threads;
    const struct sc_row_group *group = &f->groups[task / n_heads];
    struct stretches r = {.ahead.next = to};

    to = list_pass(&r, to, group, &(struct pass){f, SC_KV_KEYS, head});
    to = list_pass(&r, to, group, &(struct pass){f, SC_KV_VALUES, head});
    if (then < f->n_groups * n_heads) {
        const struct sc_row_group *next = &f->groups[then / n_heads];
        list_history(&r, to, at_first(&f->rows[next->begin]),
                     &(struct pass){f, SC_KV_KEYS, then % n_heads}, common_of(f, next));
    }
    return r;
}

static void pass_over(struct stretches *r, size_t bytes)
{
    r->rest -= bytes;
    while (bytes) {
        size_t here = r->ahead.next->bytes - r->ahead.at;

        if (bytes < here) {
            r->ahead.at += bytes;
            return;
        }
        bytes -= here;
        r->ahead.next++;
        r->ahead.at = 0;
    }
}

/* For a call that reads the next so many bytes: what it may ask for. */
static struct sc_ahead *reads(struct stretches *r, size_t bytes)
{
    size_t asked = r->granted - r->ahead.left;

    r->lead += asked;
    r->rest -= asked;
    if (r->lead < bytes) {
        pass_over(r, bytes - r->lead); /* too late to ask for these */
        r->lead = bytes;
    }
    r->lead -= bytes;
    r->granted = r->lead < AHEAD_BYTES ? AHEAD_BYTES - r->lead : 0;
    if (r->granted > r->rest)
        r->granted = r->rest;
    r->ahead.left = r->granted;
    return &r->ahead;
}

/* ---- a task ---------------------------------------------------------------------------------- */

/* Queries of one kv head with their scores and sums. */
struct queries {
    const float *q; /* [n][head_dim] */
    float *scores;  /* [n][score_stride] */
    float *out;     /* [n][head_dim] */
    size_t n;
};

/* Scores with (or mixes, when the pass is over values) n positions that stand side by side from at
 * on. */
static void over(const struct pass *p, const struct queries *q, const void *data, size_t at,
                 size_t n, struct sc_ahead *ahead)
{
    const struct sc_forward *f = p->f;
    const struct sc_attention *attention = f->cpu->attention;
    size_t d = f->cpu->config.head_dim;
    if (p->kind == SC_KV_KEYS)
        attention->scores(q->scores + at, f->score_stride, q->q, q->n, data, n, d, f->score_scale,
                          ahead);
    else
        attention->mix(q->out, q->scores + at, f->score_stride, q->n, data, n, d, ahead);
}

/* Over the positions [seen.from, seen.to) of the history in which s stands; r NULL: they are in no
 * list. */
static void over_history(const struct pass *p, const struct queries *q, struct stretch s,
                         struct common seen, struct stretches *r)
{
    while (walk(&s, seen.from, seen.to))
        over(p, q, span_at(p->f, s.span, s.at - s.before, p->kind, p->head), s.at, s.n,
             r != NULL ? reads(r, s.n * position_bytes(p->f)) : NULL);
}

/* What a row sees before what its group sees together, which it cannot share. */
static void over_early(const struct pass *p, const struct queries *q, const struct sc_row *row,
                       struct common common)
{
    over_history(p, q, at_first(row), (struct common){seen_from(p->f, row), common.from}, NULL);
}

/* What a row sees after it. */
static void over_late(const struct pass *p, const struct queries *q, const struct sc_row *row,
                      struct common common, struct stretches *r)
{
    over_history(p, q, at_late(p->f, row),
                 (struct common){late_from(p->f, row, common), row->position + 1}, r);
}

/* Scores of a row to weights. */
static void weigh(const struct sc_forward *f, const struct sc_row *row, const struct queries *q)
{
    const struct sc_kernels *kernels = f->cpu->kernels;
    float softcap = f->cpu->config.layer.attention_softcap;
    size_t from = seen_from(f, row), n = row->position + 1 - from;
    for (size_t g = 0; g < q->n; g++) {
        float *scores = q->scores + g * f->score_stride + from;
        if (softcap != 0)
            kernels->softcap(scores, n, softcap);
        kernels->softmax(scores, n);
    }
}

/* The queries of the i-th row of a group. */
static struct queries of_row(const struct sc_forward *f, const struct queries *all, size_t i)
{
    size_t n = sc_heads_per_kv(&f->cpu->config), at = i * n * f->cpu->config.head_dim;
    return (struct queries){all->q + at, all->scores + i * n * f->score_stride, all->out + at, n};
}

/* One kv head of one group.  Scores, softmax and sums of a row go over its positions in order, so
 * they show neither in which pages these lie, nor what of them it shared. */
static void attend(void *context, size_t task, size_t worker)
{
    const struct sc_forward *f = context;
    const struct sc_cpu *e = f->cpu;
    const struct sc_row_group *group = &f->groups[task / e->config.n_kv_heads];
    const struct sc_row *rows = f->rows + group->begin;
    const struct common common = common_of(f, group);
    size_t head = task % e->config.n_kv_heads, per_kv = sc_heads_per_kv(&e->config);
    size_t d = e->config.head_dim, width = e->config.n_heads * d;
    unsigned char *memory = f->worker_memory + worker * f->worker_bytes;
    const struct queries all = {
        .q = f->queries + (head * f->n_rows + group->begin) * per_kv * d,
        .scores = (float *)(void *)(memory + f->scores_at),
        .out = (float *)(void *)(memory + f->out_at),
        .n = group->n * per_kv,
    };
    struct stretches r =
        list_task(f, task, (struct sc_stretch *)(void *)(memory + f->stretches_at));
    const struct pass keys = {f, SC_KV_KEYS, head}, values = {f, SC_KV_VALUES, head};
    struct stretches *late = group->one_sequence ? NULL : &r;

    over_history(&keys, &all, at_first(&rows[0]), common, &r);
    for (size_t i = 0; i < group->n; i++) {
        const struct queries one = of_row(f, &all, i);
        over_early(&keys, &one, &rows[i], common);
        over_late(&keys, &one, &rows[i], common, late);
        weigh(f, &rows[i], &one);
    }
    memset(all.out, 0, all.n * d * sizeof *all.out);
    for (size_t i = 0; i < group->n; i++) {
        const struct queries one = of_row(f, &all, i);
        over_early(&values, &one, &rows[i], common);
    }
    over_history(&values, &all, at_first(&rows[0]), common, &r);
    for (size_t i = 0; i < group->n; i++) {
        const struct queries one = of_row(f, &all, i);
        over_late(&values, &one, &rows[i], common, late);
        memcpy(f->q + (group->begin + i) * width + head * per_kv * d, one.out,
               per_kv * d * sizeof(float));
    }
}

void sc_attention_run(struct sc_forward *f)
{
    sc_pool_run(f->pool, f->n_groups * f->cpu->config.n_kv_heads, attend, f);
}
