/*
 * Requests and answers: see seats.h.
 *
 * Refuses requests that no device could compute, each with its reason.  Next: strands.c.
 */
#include "engine/seats.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- the source ------------------------------------------------------------------------------ */

static enum sc_status report_done(struct sc_sampling_run *s, const struct sc_trace_result *result)
{
    enum sc_status status = s->source->done(s->source->context, result, s->error);
    s->starved = false;
    /* A status without a message must not look like success. */
    if (status != SC_OK)
        sc_fail(s->error, status, "engine: the source refused a finished trace");
    return status;
}

enum sc_status sc_request_refuse(struct sc_sampling_run *s, const struct sc_trace_request *request)
{
    const struct sc_trace_result result = {
        .request = request, .finish = SC_FINISH_FAILED, .failure = s->failure};
    return report_done(s, &result);
}

/* What is wrong with its tokens; s->failure stays empty where nothing is. */
static void check_ids(struct sc_sampling_run *s, const struct sc_trace_request *r)
{
    const struct sc_model_config *c = &s->engine->config;
    for (size_t i = 0; i < r->n_watch && !*s->failure; i++)
        if (r->watch[i] < 0 || (size_t)r->watch[i] >= s->engine->n_vocab)
            snprintf(s->failure, sizeof s->failure,
                     "watched token %zu: expected an id from 0 to %zu, found %d", i,
                     s->engine->n_vocab - 1, (int)r->watch[i]);
    for (size_t i = 0; i < r->n_prompt && !*s->failure; i++)
        if (r->prompt[i] < 0 || (size_t)r->prompt[i] >= c->n_vocab)
            snprintf(s->failure, sizeof s->failure,
                     "prompt: token %zu: expected an id from 0 to %zu, found %d", i, c->n_vocab - 1,
                     (int)r->prompt[i]);
}

bool sc_request_check(struct sc_sampling_run *s, const struct sc_trace_request *r)
{
    const struct sc_model_config *c = &s->engine->config;
    const struct sc_batch_sizes *sizes = s->sizes;
    const char *refused = sc_sampling_refused(&r->sampling);
    char *to = s->failure;
    size_t size = sizeof s->failure;

    *to = 0;
    if (r->n_prompt == 0)
        snprintf(to, size, "prompt: expected at least one token, found none");
    else if (r->n_prompt >= c->max_positions)
        snprintf(to, size, "prompt: expected at most %zu tokens (context %zu), found %zu",
                 c->max_positions - 1, c->max_positions, r->n_prompt);
    else if (r->n_prompt > sizes->max_prompt)
        snprintf(to, size, "prompt: expected at most %zu tokens (planned), found %zu",
                 sizes->max_prompt, r->n_prompt);
    else if (r->max_new_tokens == 0)
        snprintf(to, size, "new tokens: expected at least one, found none");
    else if (sc_path_most(r) > sizes->max_new && sizes->max_new < c->max_positions)
        snprintf(to, size, "new tokens: expected at most %zu (planned), found %zu", sizes->max_new,
                 sc_path_most(r));
    else if (r->budget.n_tokens > 0 && r->budget.n_closing == 0)
        snprintf(to, size, "reasoning budget: expected tokens that close it, found none");
    else if (r->n_watch > sizes->max_watch)
        snprintf(to, size, "watched tokens: expected at most %zu (planned), found %zu",
                 sizes->max_watch, r->n_watch);
    else if (r->n_top > sizes->max_top)
        snprintf(to, size, "listed tokens: expected at most %zu (planned), found %zu",
                 sizes->max_top, r->n_top);
    else if (refused != NULL)
        snprintf(to, size, "sampling: %s", refused);
    check_ids(s, r);
    return !*to;
}

struct sc_trace_result sc_answer_result(const struct sc_trace_request *request,
                                        const struct sc_answer *answer)
{
    const struct sc_path *path = answer->path;
    return (struct sc_trace_result){.request = request,
                                    .ids = answer->ids,
                                    .stats = answer->stats,
                                    .n = path->n,
                                    .forced_begin = path->n_forced > 0 ? path->forced_begin : 0,
                                    .n_forced = path->n_forced,
                                    .watched = request->n_watch > 0 ? answer->watched : NULL,
                                    .top_ids = request->n_top > 0 ? answer->top_ids : NULL,
                                    .top_logprobs =
                                        request->n_top > 0 ? answer->top_logprobs : NULL};
}

/* ---- seats ----------------------------------------------------------------------------------- */

uint32_t sc_seat_take(struct sc_sampling_run *s, const struct sc_trace_request *request)
{
    uint32_t seat = s->b->free_seat;
    assert(seat != SC_NONE);
    s->b->free_seat = s->b->seats[seat].next;
    s->b->n_seats++;
    s->b->seats[seat] = (struct sc_seat){.request = *request, .order = s->n_taken++};
    return seat;
}

enum sc_status sc_seat_leave(struct sc_sampling_run *s, uint32_t seat,
                             const struct sc_answer *answer, enum sc_finish finish)
{
    struct sc_seat *left = &s->b->seats[seat];
    struct sc_trace_result result = sc_answer_result(&left->request, answer);
    result.finish = finish;
    result.failure = finish == SC_FINISH_FAILED ? s->failure : NULL;
    enum sc_status status = report_done(s, &result);
    if (s->careful == seat)
        s->careful = SC_NONE;
    left->next = s->b->free_seat;
    s->b->free_seat = seat;
    s->b->n_seats--;
    return status;
}

enum sc_status sc_group_leave(struct sc_sampling_run *s, uint32_t group,
                              const struct sc_answer *answer, enum sc_finish finish)
{
    struct sc_book *book = &s->b->book;
    uint32_t next;
    for (uint32_t m = sc_group_take_members(book, group); m != SC_NONE; m = next) {
        uint32_t seat = book->members[m].seat;
        next = book->members[m].next;
        if (seat == SC_NONE) {
            sc_group_put_member(book, group, m);
            continue;
        }
        sc_member_drop(book, m);
        SC_TRY(sc_seat_leave(s, seat, answer, finish));
    }
    return SC_OK;
}

const struct sc_trace_request *sc_group_lead(const struct sc_sampling_run *s, uint32_t group)
{
    const struct sc_group *g = &s->b->book.groups[group];
    assert(g->n_asked > 0);
    return &s->b->seats[s->b->book.members[g->first].seat].request;
}

/* ---- those that wait ------------------------------------------------------------------------- */

static uint64_t order_of(const struct sc_sampling_run *s, uint32_t tree)
{
    const struct sc_book *book = &s->b->book;
    return book->groups[book->trees[tree].beginning].oldest;
}

void sc_tree_wait(struct sc_sampling_run *s, uint32_t tree)
{
    uint32_t *waiting = s->b->waiting;
    size_t at = s->b->n_waiting;
    for (size_t i = 0; i < s->b->n_waiting; i++)
        if (waiting[i] == tree) { /* again, as it may have become older */
            sc_tree_wait_no_more(s, i);
            at = s->b->n_waiting;
            break;
        }
    for (; at > 0 && order_of(s, waiting[at - 1]) > order_of(s, tree); at--)
        waiting[at] = waiting[at - 1];
    waiting[at] = tree;
    s->b->n_waiting++;
}

void sc_tree_wait_no_more(struct sc_sampling_run *s, size_t i)
{
    s->b->n_waiting--;
    memmove(&s->b->waiting[i], &s->b->waiting[i + 1],
            (s->b->n_waiting - i) * sizeof *s->b->waiting);
}
