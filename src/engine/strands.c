/*
 * Strands: see strands.h.
 *
 * What a trace says does not depend on who says the same: its random numbers are its own, and the
 * logits follow from the path.  Takes no memory.  Next: tree.c, the book; scheduler.c, the steps.
 */
#include "engine/strands.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"

static struct sc_group *group_of(const struct sc_sampling_run *s, const struct sc_strand *strand)
{
    return &s->b->book.groups[strand->group];
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct sc_strand *sc_strand_begin(struct sc_sampling_run *s, uint32_t group)
{
    struct sc_batch *b = s->b;
    struct sc_group *g = &b->book.groups[group];
    const struct sc_prompt *prompt = b->book.trees[g->tree].prompt;
    const struct sc_trace_request *request = sc_group_lead(s, group);
    struct sc_strand *strand = &b->strands[b->order[b->n_strands++]];
    strand->group = group;
    memcpy(strand->history, prompt->spans, prompt->n_pages * sizeof *prompt->spans);
    strand->n_spans =
        prompt->n_pages + sc_group_spans(&b->book, group, strand->history + prompt->n_pages);
    sc_path_begin(&strand->path, request, s->engine->config.max_positions);
    if (g->state != SC_GROUP_BEGINS) {
        size_t depth = sc_group_depth(&b->book, group);
        sc_group_path(&b->book, group, strand->ids, strand->stats);
        strand->ids[depth] = g->token;
        strand->stats[depth] = g->stats;
        for (size_t i = 0; i <= depth; i++)
            sc_path_add(&strand->path, request, strand->ids[i]);
    }
    sc_group_turn(&b->book, group, SC_GROUP_RUNS);
    return strand;
}

uint32_t sc_group_apart(struct sc_sampling_run *s, uint32_t group, uint32_t seat)
{
    struct sc_book *book = &s->b->book;
    uint32_t apart = SC_NONE, next;
    if (book->groups[group].n_members == 1)
        return book->members[book->groups[group].first].seat == seat ? group : SC_NONE;
    for (uint32_t m = sc_group_take_members(book, group); m != SC_NONE; m = next) {
        next = book->members[m].next;
        if (book->members[m].seat != seat) {
            sc_group_put_member(book, group, m);
            continue;
        }
        apart = sc_group_open(book, book->groups[group].tree, SC_NONE, 0);
        book->groups[apart].state = SC_GROUP_BEGINS; /* beside the one that the tree knows */
        sc_group_put_member(book, apart, m);
    }
    return apart;
}

void sc_strand_end(struct sc_sampling_run *s, struct sc_strand *strand)
{
    struct sc_batch *b = s->b;
    uint32_t number = (uint32_t)(strand - b->strands);
    size_t at = 0;
    while (b->order[at] != number)
        at++;
    assert(at < b->n_strands);
    b->n_strands--;
    memmove(&b->order[at], &b->order[at + 1], (b->n_strands - at) * sizeof *b->order);
    b->order[b->n_strands] = number;
}

struct sc_strand *sc_strand_of(const struct sc_sampling_run *s, uint32_t group)
{
    size_t at = 0;
    while (s->b->strands[s->b->order[at]].group != group)
        at++;
    assert(at < s->b->n_strands);
    return &s->b->strands[s->b->order[at]];
}

bool sc_strand_feed(struct sc_sampling_run *s, struct sc_strand *strand)
{
    if (!sc_group_feed(&s->b->book, strand->group))
        return false;
    const struct sc_span at = sc_group_position(&s->b->book, strand->group);
    struct sc_span *last = &strand->history[strand->n_spans - 1];
    if (last->page == at.page && last->begin + last->n == at.begin)
        last->n++;
    else
        strand->history[strand->n_spans++] = at;
    strand->is_fed = true;
    return true;
}

/* Whether a stands behind b: by prompt, then by where their answers are. */
static bool is_behind(const struct sc_sampling_run *s, uint32_t a, uint32_t b)
{
    const struct sc_strand *x = &s->b->strands[a], *y = &s->b->strands[b];
    const struct sc_tree *trees = s->b->book.trees;
    const struct sc_prompt *p = trees[group_of(s, x)->tree].prompt,
                           *q = trees[group_of(s, y)->tree].prompt;
    if (p != q)
        return p->slot > q->slot;
    for (size_t i = p->n_pages; i < x->n_spans && i < y->n_spans; i++)
        if (x->history[i].page != y->history[i].page)
            return x->history[i].page > y->history[i].page;
        else if (x->history[i].begin != y->history[i].begin)
            return x->history[i].begin > y->history[i].begin;
    return x->n_spans > y->n_spans;
}

void sc_strands_sort(struct sc_sampling_run *s)
{
    uint32_t *order = s->b->order;
    for (size_t i = 1; i < s->b->n_strands; i++) { /* nearly sorted since the last step */
        uint32_t moved = order[i];
        size_t at = i;
        for (; at > 0 && is_behind(s, order[at - 1], moved); at--)
            order[at] = order[at - 1];
        order[at] = moved;
    }
}

/* ---- what ends ------------------------------------------------------------------------------- */

static struct sc_answer answer_of(const struct sc_strand *strand, const struct sc_path *path)
{
    return (struct sc_answer){strand->ids,     strand->stats,        strand->watched,
                              strand->top_ids, strand->top_logprobs, path};
}

/* Whether the source looks at traces that are under way. */
static bool reads_along(const struct sc_trace_source *source)
{
    return source->keep != NULL || source->follow != NULL;
}

/* Whether it wants the trace to go on. */
static bool is_kept(const struct sc_trace_source *source, const struct sc_trace_request *request,
                    const struct sc_answer *answer)
{
    if (source->keep != NULL)
        return source->keep(source->context, request, answer->stats, answer->path->n);
    const struct sc_trace_result so_far = sc_answer_result(request, answer);
    return source->follow(source->context, &so_far);
}

/* Asks the source about each trace of the group that it asked for, and hands over those that it
 * does not keep. */
static enum sc_status cut(struct sc_sampling_run *s, uint32_t group, const struct sc_answer *answer)
{
    const struct sc_trace_source *source = s->source;
    struct sc_book *book = &s->b->book;
    uint32_t next;
    for (uint32_t m = sc_group_take_members(book, group); m != SC_NONE; m = next) {
        uint32_t seat = book->members[m].seat;
        next = book->members[m].next;
        if (seat == SC_NONE || is_kept(source, &s->b->seats[seat].request, answer)) {
            sc_group_put_member(book, group, m);
            continue;
        }
        sc_member_drop(book, m);
        SC_TRY(sc_seat_leave(s, seat, answer, SC_FINISH_CUT));
    }
    return SC_OK;
}

/* The source sees the token with which traces end, though it no longer matters. */
static void show(struct sc_sampling_run *s, uint32_t group, const struct sc_answer *answer)
{
    const struct sc_trace_source *source = s->source;
    const struct sc_book *book = &s->b->book;
    for (uint32_t m = book->groups[group].first; m != SC_NONE && book->members[m].seat != SC_NONE;
         m = book->members[m].next)
        is_kept(source, &s->b->seats[book->members[m].seat].request, answer);
}

/* Takes the token that the group drew into the answer, of which path is what was before it. */
static enum sc_status settle_group(struct sc_sampling_run *s, struct sc_strand *strand,
                                   uint32_t group, struct sc_path *path)
{
    const struct sc_group *g = &s->b->book.groups[group];
    if (g->n_asked == 0)
        return SC_OK;
    const struct sc_trace_request *request = sc_group_lead(s, group);
    const struct sc_answer answer = answer_of(strand, path);
    enum sc_finish finish;
    strand->ids[path->n] = g->token;
    strand->stats[path->n] = g->stats;
    sc_path_add(path, request, g->token);
    s->report.n_generated += g->n_asked;
    bool ended = sc_path_ended(path, request, g->token, true, &finish);
    if (ended && reads_along(s->source))
        show(s, group, &answer);
    if (ended)
        return sc_group_leave(s, group, &answer, finish);
    return reads_along(s->source) ? cut(s, group, &answer) : SC_OK;
}

/* ---- drawing --------------------------------------------------------------------------------- */

void sc_strand_add_draw(struct sc_sampling_run *s, struct sc_strand *strand, size_t logits)
{
    struct sc_batch *b = s->b;
    const struct sc_group *g = group_of(s, strand);
    const struct sc_tree_key *key = &b->book.trees[g->tree].key;
    const struct sc_trace_request *r = sc_group_lead(s, strand->group);
    size_t at = s->n_drawn, n = strand->path.n;
    for (uint32_t m = g->first; m != SC_NONE; m = b->book.members[m].next)
        b->u[s->n_drawn++] = sc_random_uniform(SC_STREAM_SAMPLING, key->seed, key->instance_key,
                                               b->book.members[m].trace, (uint32_t)n);
    b->drawing[s->n_drawing] = strand;
    b->draws[s->n_drawing++] = (struct sc_draw){
        .logits = logits,
        .sampling = &r->sampling,
        .context = {r->prompt, strand->ids, r->n_prompt, n},
        .u = &b->u[at],
        .n = g->n_members,
        .watch = r->watch,
        .n_watch = r->n_watch,
        .ids = &b->drawn[at],
        .stats = &b->figures[at],
        .watched = strand->watched + n * r->n_watch,
        .top = {r->n_top, strand->top_ids + n * r->n_top, strand->top_logprobs + n * r->n_top},
    };
}

/* Splits the members of a strand by the token that each drew; returns the number of parts. */
static size_t part_members(struct sc_sampling_run *s, const struct sc_strand *strand,
                           const struct sc_draw *draw)
{
    struct sc_book *book = &s->b->book;
    struct sc_part *parts = s->b->parts;
    size_t n = 0, i = 0;
    uint32_t next;
    for (uint32_t m = sc_group_take_members(book, strand->group); m != SC_NONE; m = next, i++) {
        size_t p = 0;
        next = book->members[m].next;
        book->members[m].next = SC_NONE;
        while (p < n && parts[p].token != draw->ids[i])
            p++;
        if (p < n) {
            book->members[parts[p].last].next = m;
            parts[p].last = m;
        } else {
            parts[n++] = (struct sc_part){draw->ids[i], draw->stats[i], m, m, SC_NONE};
        }
    }
    return n;
}

/* Makes a group of every part; the first is the strand's own. */
static void open_parts(struct sc_sampling_run *s, const struct sc_strand *strand, size_t n_parts)
{
    struct sc_book *book = &s->b->book;
    const struct sc_group *own = group_of(s, strand);
    for (size_t p = 0; p < n_parts; p++) {
        struct sc_part *part = &s->b->parts[p];
        part->group =
            p == 0 ? strand->group : sc_group_open(book, own->tree, own->piece, own->piece_n);
        book->groups[part->group].token = part->token;
        book->groups[part->group].stats = part->stats;
        for (uint32_t m = part->first, next; m != SC_NONE; m = next) {
            next = book->members[m].next;
            sc_group_put_member(book, part->group, m);
        }
    }
}

/* Traces that began anew may stand where others stand that began before. */
static void join_alike(struct sc_book *book, uint32_t group)
{
    const struct sc_group *g = &book->groups[group];
    uint32_t next;
    for (uint32_t other = book->trees[g->tree].first; other != SC_NONE; other = next) {
        const struct sc_group *o = &book->groups[other];
        next = o->next;
        if (other != group && o->piece == SC_NONE && o->token == g->token &&
            (o->state == SC_GROUP_PARKED || o->state == SC_GROUP_PENDING))
            sc_group_join(book, group, other);
    }
}

/* What becomes of the parts, of which `best` goes on in the strand. */
static void place_parts(struct sc_sampling_run *s, size_t n_parts, uint32_t best)
{
    struct sc_book *book = &s->b->book;
    for (size_t p = 0; p < n_parts; p++) {
        uint32_t group = s->b->parts[p].group;
        struct sc_group *g = &book->groups[group];
        if (g->n_members == 0) {
            sc_group_close(book, group);
            continue;
        }
        if (g->piece == SC_NONE)
            join_alike(book, group);
        sc_group_turn(book, group,
                      group == best    ? SC_GROUP_RUNS
                      : g->n_asked > 0 ? SC_GROUP_PENDING
                                       : SC_GROUP_PARKED);
    }
}

static enum sc_status fail_strand(struct sc_sampling_run *s, struct sc_strand *strand)
{
    const struct sc_answer answer = answer_of(strand, &strand->path);
    uint32_t group = strand->group, tree = group_of(s, strand)->tree;
    snprintf(s->failure, sizeof s->failure, "logits of answer token %zu: expected finite numbers",
             strand->path.n);
    SC_TRY(sc_group_leave(s, group, &answer, SC_FINISH_FAILED));
    sc_group_close(&s->b->book, group);
    sc_strand_end(s, strand);
    sc_tree_leave(&s->b->book, tree);
    return SC_OK;
}

/* Takes the drawn tokens of a strand's traces into their answers. */
static enum sc_status settle(struct sc_sampling_run *s, struct sc_strand *strand,
                             const struct sc_draw *draw)
{
    struct sc_book *book = &s->b->book;
    const uint32_t tree = group_of(s, strand)->tree;
    uint32_t best = SC_NONE;
    struct sc_path best_path = strand->path;
    if (!draw->ok)
        return fail_strand(s, strand);
    size_t n_parts = part_members(s, strand, draw);
    open_parts(s, strand, n_parts);
    for (size_t p = 0; p < n_parts; p++) {
        uint32_t group = s->b->parts[p].group;
        struct sc_path path = strand->path;
        SC_TRY(settle_group(s, strand, group, &path));
        if (book->groups[group].n_asked == 0 ||
            (best != SC_NONE && book->groups[group].oldest > book->groups[best].oldest))
            continue;
        best = group;
        best_path = path;
    }
    place_parts(s, n_parts, best);
    if (best != SC_NONE) {
        strand->ids[strand->path.n] = book->groups[best].token;
        strand->stats[strand->path.n] = book->groups[best].stats;
        strand->path = best_path;
        strand->group = best;
    } else {
        sc_strand_end(s, strand);
    }
    sc_tree_leave(book, tree);
    return SC_OK;
}

enum sc_status sc_strands_draw(struct sc_sampling_run *s)
{
    struct sc_batch *b = s->b;
    double start = sc_seconds();
    SC_TRY(s->engine->device->draw(s->session->on_device, b->draws, s->n_drawing, s->error));
    s->report.seconds_sampling += sc_seconds() - start;
    for (size_t i = 0; i < s->n_drawing; i++)
        SC_TRY(settle(s, b->drawing[i], &b->draws[i]));
    return SC_OK;
}

enum sc_status sc_strand_force(struct sc_sampling_run *s, struct sc_strand *strand)
{
    struct sc_book *book = &s->b->book;
    struct sc_group *g = group_of(s, strand);
    const struct sc_trace_request *r = sc_group_lead(s, strand->group);
    const struct sc_answer answer = answer_of(strand, &strand->path);
    const size_t at = strand->path.n;
    enum sc_finish finish;
    g->token = strand->ids[at] = sc_path_forced(&strand->path, r);
    g->stats = strand->stats[at] = (struct sc_token_stats){NAN, NAN, NAN, NAN};
    for (size_t i = 0; i < r->n_watch; i++)
        strand->watched[at * r->n_watch + i] = NAN;
    for (size_t i = at * r->n_top; i < (at + 1) * r->n_top; i++) {
        strand->top_ids[i] = -1;
        strand->top_logprobs[i] = NAN;
    }
    sc_path_add(&strand->path, r, g->token);
    if (!sc_path_ended(&strand->path, r, g->token, false, &finish))
        return SC_OK;
    const uint32_t group = strand->group, tree = g->tree;
    SC_TRY(sc_group_leave(s, group, &answer, finish));
    sc_group_turn(book, group, SC_GROUP_PARKED);
    if (g->n_members == 0)
        sc_group_close(book, group);
    sc_strand_end(s, strand);
    sc_tree_leave(book, tree);
    return SC_OK;
}

/* ---- traces that are asked for late ---------------------------------------------------------- */

/* Shows the source an answer of n tokens from its first on; whether it ends within them, and
 * where: path says. */
static bool replay(struct sc_sampling_run *s, const struct sc_trace_request *r,
                   const struct sc_answer *answer, struct sc_path *path, size_t n,
                   enum sc_finish *finish)
{
    const struct sc_trace_source *source = s->source;
    sc_path_begin(path, r, s->engine->config.max_positions);
    while (path->n < n) {
        int32_t id = answer->ids[path->n];
        bool sampled = sc_path_add(path, r, id);
        bool kept = !sampled || !reads_along(source) || is_kept(source, r, answer);
        if (sc_path_ended(path, r, id, sampled, finish))
            return true;
        *finish = SC_FINISH_CUT;
        if (!kept)
            return true;
    }
    return false;
}

enum sc_status sc_group_ask(struct sc_sampling_run *s, uint32_t group, uint32_t seat)
{
    struct sc_batch *b = s->b;
    struct sc_group *g = &b->book.groups[group];
    const struct sc_trace_request *r = &b->seats[seat].request;
    const uint32_t tree = g->tree;
    struct sc_path path;
    const struct sc_answer answer = {.ids = b->path_ids, .stats = b->path_stats, .path = &path};
    size_t n = sc_group_depth(&b->book, group) + 1;
    enum sc_finish finish;
    sc_member_seat(&b->book, group, r->trace_index, seat, b->seats[seat].order);
    if (g->state == SC_GROUP_BEGINS)
        return SC_OK;
    sc_group_path(&b->book, group, b->path_ids, b->path_stats);
    b->path_ids[n - 1] = g->token;
    b->path_stats[n - 1] = g->stats;
    bool ended = replay(s, r, &answer, &path, n, &finish);
    s->report.n_generated += path.n - path.n_forced;
    if (!ended) {
        if (g->state == SC_GROUP_PARKED)
            sc_group_turn(&b->book, group, SC_GROUP_PENDING);
        return SC_OK;
    }
    /* It stands first in its group. */
    uint32_t rest = sc_group_take_members(&b->book, group), member = rest;
    for (rest = b->book.members[member].next; rest != SC_NONE;) {
        uint32_t next = b->book.members[rest].next;
        sc_group_put_member(&b->book, group, rest);
        rest = next;
    }
    sc_member_drop(&b->book, member);
    if (g->n_members == 0)
        sc_group_close(&b->book, group);
    SC_TRY(sc_seat_leave(s, seat, &answer, finish));
    sc_tree_leave(&b->book, tree);
    return SC_OK;
}
