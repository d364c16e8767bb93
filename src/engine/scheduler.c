/*
 * Continuous batching: keeps the rows of a batch full.
 *
 * A round is: take requests, give free rows to groups of traces that are pending and to those whose
 * prompt is ready (their first tokens come from the prompt's own logits), one step of the network
 * over all strands and some rows of waiting prompts, one token for each trace.  What a trace
 * becomes does not depend on any of that: its random numbers are named by (seed, instance, trace,
 * position in the answer), its figures by its own history. A trace that cannot be computed fails
 * alone, with the reason; only the source ends the sampling.  Takes no memory.  What it knows of
 * arithmetic is device.h.  Next: strands.c, room.c, prompts.c, cpu/forward.c.
 */
#include <assert.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/room.h"
#include "engine/strands.h"

/* Traces of a prompt that go along before anybody asks for them, at most. */
#define MOST_AHEAD 1024

/* ---- requests -------------------------------------------------------------------------------- */

/* What a trace follows from besides its number. */
static struct sc_tree_key key_of(const struct sc_trace_request *r)
{
    const struct sc_sampling *sampling = &r->sampling;
    const uint64_t rest[] = {
        sc_hash64(&sampling->temperature, sizeof sampling->temperature),
        sc_hash64(&sampling->top_p, sizeof sampling->top_p),
        sc_hash64(&sampling->min_p, sizeof sampling->min_p),
        sc_hash64(&sampling->repetition_penalty, sizeof sampling->repetition_penalty),
        (uint64_t)sampling->top_k,
        r->n_prompt,
        r->max_new_tokens,
        r->budget.n_tokens,
        (uint64_t)r->budget.close_id,
        sc_hash64(r->budget.closing, r->budget.n_closing * sizeof *r->budget.closing),
        sc_hash64(r->end_ids, r->n_end_ids * sizeof *r->end_ids)};
    return (struct sc_tree_key){.prompt_key = r->prompt_key,
                                .instance_key = r->instance_key,
                                .seed = r->seed,
                                .rest = sc_hash64(rest, sizeof rest)};
}

/* What is listed of each token is kept with a row, not with what traces have in common. */
static bool is_alone(const struct sc_sampling_run *s, const struct sc_trace_request *r)
{
    return s->sizes->no_sharing || r->n_watch > 0 || r->n_top > 0;
}

/* The tree of the request's traces; SC_NONE where it is to have one to itself. */
static uint32_t find_tree(const struct sc_sampling_run *s, const struct sc_trace_request *r,
                          const struct sc_tree_key *key)
{
    bool alone = is_alone(s, r);
    return alone ? SC_NONE : sc_tree_find(&s->b->book, key);
}

static uint32_t open_tree(struct sc_sampling_run *s, const struct sc_trace_request *r,
                          const struct sc_tree_key *key)
{
    bool alone = is_alone(s, r);
    uint32_t tree;
    do
        tree = sc_tree_open(&s->b->book, key, alone);
    while (tree == SC_NONE && sc_room_give_up_idle(s));
    assert(tree != SC_NONE); /* there are more trees than seats, and this one has none yet */
    return tree;
}

/* Traces after this one that go along with it, as far as there is room. */
static void take_along(struct sc_sampling_run *s, uint32_t group, const struct sc_trace_request *r)
{
    struct sc_book *book = &s->b->book;
    struct sc_tree *tree = &book->trees[book->groups[group].tree];
    if (tree->is_alone || r->trace_index < tree->ahead_to || r->n_traces <= r->trace_index)
        return;
    uint64_t n = r->n_traces - r->trace_index - 1;
    n = n < MOST_AHEAD ? n : MOST_AHEAD;
    while (book->sizes.n_ahead - book->n_ahead < n && sc_room_give_up_idle(s))
        ;
    n = n < book->sizes.n_ahead - book->n_ahead ? n : book->sizes.n_ahead - book->n_ahead;
    for (uint32_t i = 1; i <= n; i++)
        sc_member_add(book, group, r->trace_index + i);
    tree->ahead_to = r->trace_index + 1 + (uint32_t)n;
}

/* Gives the request a seat and its trace a place in the tree of its prompt. */
static enum sc_status seat(struct sc_sampling_run *s, const struct sc_trace_request *r)
{
    struct sc_book *book = &s->b->book;
    const struct sc_tree_key key = key_of(r);
    uint32_t tree = find_tree(s, r, &key);
    uint32_t group = tree != SC_NONE ? sc_member_find(book, tree, r->trace_index) : SC_NONE;
    if (group != SC_NONE)
        return sc_group_ask(s, group, sc_seat_take(s, r));
    if (tree == SC_NONE)
        tree = open_tree(s, r, &key);
    uint32_t number = sc_seat_take(s, r);
    group = book->trees[tree].beginning;
    if (group == SC_NONE) {
        group = sc_group_open(book, tree, SC_NONE, 0);
        sc_group_turn(book, group, SC_GROUP_BEGINS);
    }
    sc_member_add(book, group, r->trace_index);
    sc_member_seat(book, group, r->trace_index, number, s->b->seats[number].order);
    sc_tree_wait(s, tree);
    take_along(s, group, r);
    return SC_OK;
}

/* Takes requests until every row has one and look_ahead more are at hand.  Traces that wait for
 * their prompt count as one row: how many they will be is not known, and too many become pending.
 */
static enum sc_status take_requests(struct sc_sampling_run *s)
{
    const struct sc_batch_sizes *sizes = s->sizes;
    struct sc_batch *b = s->b;
    while (!s->finished && !s->starved && b->free_seat != SC_NONE &&
           b->n_strands + b->book.n_pending + b->n_waiting < sizes->parallel + sizes->look_ahead) {
        struct sc_trace_request request = {0};
        int more = s->source->next(s->source->context, &request);
        if (more < 0)
            s->finished = true;
        else if (more == 0)
            s->starved = true;
        else if (sc_request_check(s, &request))
            SC_TRY(seat(s, &request));
        else
            SC_TRY(sc_request_refuse(s, &request));
    }
    return SC_OK;
}

/* ---- prompts --------------------------------------------------------------------------------- */

/* Whether prompt and answer together may pass the positions up to which the model turns as it was
 * first trained; what the answer will be is not known when its prompt is computed. */
static bool may_be_long(const struct sc_sampling_run *s, const struct sc_trace_request *r)
{
    const struct sc_model_config *c = &s->engine->config;
    size_t most = sc_size_add(r->n_prompt, sc_path_most(r));
    return c->long_from > 0 && (most < c->max_positions ? most : c->max_positions) > c->long_from;
}

/* The traces that are to begin fail: their prompt is not what its key says. */
static enum sc_status refuse_tree(struct sc_sampling_run *s, uint32_t tree)
{
    struct sc_book *book = &s->b->book;
    const struct sc_path none = {0};
    const struct sc_answer answer = {.path = &none};
    uint32_t group = book->trees[tree].beginning;
    snprintf(s->failure, sizeof s->failure,
             "prompt: its key belongs to another prompt of another length");
    SC_TRY(sc_group_leave(s, group, &answer, SC_FINISH_FAILED));
    sc_group_close(book, group);
    sc_tree_leave(book, tree);
    return SC_OK;
}

/* Finds or makes room for the prompts of waiting trees, oldest request first and none out of turn,
 * so that a long prompt is not overtaken for ever.  Idle trees let go of theirs for it. */
static enum sc_status open_prompts(struct sc_sampling_run *s)
{
    for (size_t i = 0; i < s->b->n_waiting; i++) {
        struct sc_tree *tree = &s->b->book.trees[s->b->waiting[i]];
        if (tree->prompt != NULL)
            continue;
        const struct sc_trace_request *r = sc_group_lead(s, tree->beginning);
        const struct sc_prompt_wanted wanted = {
            .key = r->prompt_key, .ids = r->prompt, .n = r->n_prompt, .is_long = may_be_long(s, r)};
        enum sc_prompt_found found;
        do
            found = sc_prompt_acquire(&s->b->cache, &wanted, &tree->prompt);
        while (found == SC_PROMPT_NO_ROOM && sc_room_give_up_idle(s));
        if (found == SC_PROMPT_NO_ROOM)
            break;
        if (found == SC_PROMPT_OTHER) {
            uint32_t refused = s->b->waiting[i];
            sc_tree_wait_no_more(s, i--);
            SC_TRY(refuse_tree(s, refused));
        }
    }
    return SC_OK;
}

/* ---- beginnings ------------------------------------------------------------------------------ */

/* The handle of the logits after a prompt's last token. */
static size_t kept_logits(const struct sc_sampling_run *s, const struct sc_prompt *prompt)
{
    return sc_session_sizes_of(s->sizes).max_logit_rows + prompt->slot;
}

/* Gives a row to the tree that waits as number i; false: it is not ready, or not its turn. */
static bool begin(struct sc_sampling_run *s, size_t i)
{
    struct sc_batch *b = s->b;
    const uint32_t number = b->waiting[i];
    const struct sc_tree *tree = &b->book.trees[number];
    if (tree->prompt == NULL || tree->prompt->n_filled < tree->prompt->n)
        return false;
    uint32_t group = tree->beginning;
    if (s->careful != SC_NONE)
        group = sc_group_apart(s, group, s->careful);
    if (group == SC_NONE)
        return false;
    struct sc_strand *strand = sc_strand_begin(s, group);
    sc_tree_wait_no_more(s, i);
    if (tree->beginning != SC_NONE)
        sc_tree_wait(s, number);
    sc_strand_add_draw(s, strand, kept_logits(s, tree->prompt));
    return true;
}

/* Gives free rows to what is pending and to what may begin, oldest requests first, and draws the
 * first tokens of the latter; again as long as a row gets free with that. */
static enum sc_status start_strands(struct sc_sampling_run *s)
{
    struct sc_batch *b = s->b;
    for (;;) {
        SC_TRY(take_requests(s));
        SC_TRY(open_prompts(s));
        s->n_drawing = s->n_drawn = 0;
        size_t most = s->careful != SC_NONE ? 1 : s->sizes->parallel;
        while (s->careful == SC_NONE && b->n_strands < most && b->book.first_line != SC_NONE)
            sc_strand_begin(s, b->book.first_line);
        for (size_t i = 0; i < b->n_waiting && b->n_strands < most;)
            i += begin(s, i) ? 0 : 1;
        if (s->n_drawing == 0)
            return SC_OK;
        SC_TRY(sc_strands_draw(s));
    }
}

/* ---- the step -------------------------------------------------------------------------------- */

/* Finds a place for the newest token of every strand; some may have to be given up for others. */
static void feed_strands(struct sc_sampling_run *s)
{
    struct sc_batch *b = s->b;
    for (size_t i = 0; i < b->n_strands; i++)
        b->strands[b->order[i]].is_fed = false;
    for (size_t i = 0; i < b->n_strands;) {
        struct sc_strand *strand = &b->strands[b->order[i]];
        if (strand->is_fed || sc_strand_feed(s, strand)) {
            i++;
        } else {
            sc_room_make(s, strand);
            i = 0;
        }
    }
}

/* A row for each strand.  One that gets its next token from a closing needs no logits. */
static void add_decode_rows(struct sc_sampling_run *s)
{
    struct sc_batch *b = s->b;
    s->n_drawing = s->n_drawn = s->n_forcing = 0;
    feed_strands(s);
    sc_strands_sort(s);
    for (size_t i = 0; i < b->n_strands; i++) {
        struct sc_strand *strand = &b->strands[b->order[i]];
        const struct sc_prompt *prompt = b->book.trees[b->book.groups[strand->group].tree].prompt;
        bool draws = strand->path.n_to_force == 0;
        b->rows[s->n_rows++] = (struct sc_row){.token = strand->ids[strand->path.n - 1],
                                               .position = prompt->n + strand->path.n - 1,
                                               .history = strand->history,
                                               .is_long = prompt->is_long,
                                               .wants_logits = draws};
        if (draws)
            sc_strand_add_draw(s, strand, s->n_drawing);
        else
            b->forcing[s->n_forcing++] = strand;
    }
    s->n_decode_rows = b->n_strands;
}

/* Rows of one prompt, at most *left; the last one of a step that has its share of ends waits. */
static void add_rows_of(struct sc_sampling_run *s, struct sc_prompt *prompt, size_t *left)
{
    struct sc_batch *b = s->b;
    size_t n = sc_prompt_left(&b->cache, prompt);

    if (n == 0 || prompt->mark == s->session->round)
        return;
    prompt->mark = s->session->round;
    if (n > *left)
        n = *left;
    if (prompt->n_filled + n == prompt->n && s->n_ending == SC_PROMPT_ENDS)
        n--;
    *left -= n;
    for (; n > 0; n--) {
        size_t at = sc_prompt_fill(&b->cache, prompt);
        bool last = prompt->n_filled == prompt->n;

        b->rows[s->n_rows++] = (struct sc_row){.token = prompt->ids[at],
                                               .position = at,
                                               .history = prompt->spans,
                                               .is_long = prompt->is_long,
                                               .wants_logits = last};
        if (last)
            b->ending[s->n_ending++] = prompt;
    }
}

/* Rows of prompts that are not ready, oldest request first.  A step stores the keys and values of
 * all its rows before any row reads them, so a prompt may go on behind what another one that begins
 * alike fills in the same step. */
static void add_prompt_rows(struct sc_sampling_run *s)
{
    struct sc_batch *b = s->b;
    size_t left = s->sizes->prefill_rows;

    s->n_ending = 0;
    for (size_t i = 0; i < b->n_waiting && left > 0; i++) {
        struct sc_prompt *prompt = b->book.trees[b->waiting[i]].prompt;
        if (prompt != NULL)
            add_rows_of(s, prompt, &left);
    }
}

static void count_step(struct sc_sampling_run *s, const struct sc_step_seconds *seconds)
{
    struct sc_step_report *report = &s->report;
    size_t n_prompt_rows = s->n_rows - s->n_decode_rows;
    size_t n_logits = s->n_drawing + s->n_ending;
    double prefill = seconds->layers * (double)n_prompt_rows / (double)s->n_rows;

    if (n_logits)
        prefill += seconds->output * (double)s->n_ending / (double)n_logits;
    report->width = s->n_decode_rows;
    report->n_steps++;
    report->n_prefilled += n_prompt_rows;
    report->n_rows += s->n_decode_rows;
    report->width_sum += (double)s->n_decode_rows;
    report->seconds_prefill += prefill;
    report->seconds_decode += seconds->layers + seconds->output - prefill;
}

static bool still_wanted(void *context)
{
    struct sc_sampling_run *s = context;
    return s->source->step == NULL || s->source->step(s->source->context, &s->report);
}

/* One pass of the network, and a token for every trace of every strand. */
static enum sc_status step(struct sc_sampling_run *s)
{
    const struct sc_device *device = s->engine->device;
    void *session = s->session->on_device;
    struct sc_step_seconds seconds = {0};
    const struct sc_interrupt interrupt = {still_wanted, s};
    SC_TRY(device->forward(session, s->b->rows, s->n_rows, &interrupt, &seconds, s->error));
    for (size_t i = 0; i < s->n_ending; i++)
        device->keep(session, s->n_drawing + i, s->b->ending[i]->slot);
    count_step(s, &seconds);
    SC_TRY(sc_strands_draw(s));
    for (size_t i = 0; i < s->n_forcing; i++)
        SC_TRY(sc_strand_force(s, s->b->forcing[i]));
    if (!still_wanted(s))
        return sc_fail(s->error, SC_ERR_INTERRUPTED, "engine: interrupted");
    return SC_OK;
}

static enum sc_status run_rounds(struct sc_sampling_run *s)
{
    for (;;) {
        s->session->round++;
        s->starved = s->starved && !s->source->arrives;
        SC_TRY(start_strands(s));
        s->gave_up = false;
        s->n_rows = 0;
        add_decode_rows(s);
        add_prompt_rows(s);
        if (s->n_rows == 0 && s->finished && s->b->n_seats == 0)
            return SC_OK;
        if (s->n_rows > 0)
            SC_TRY(step(s));
        else if (!s->gave_up)
            return sc_fail(s->error, SC_ERR_INTERNAL,
                           "engine: source: expected a request, found none while nothing runs");
    }
}

enum sc_status sc_session_run(struct sc_session *session, const struct sc_trace_source *source,
                              struct sc_error *error)
{
    assert(session != NULL && source != NULL);
    struct sc_sampling_run s = {.session = session,
                                .engine = session->engine,
                                .source = source,
                                .sizes = &session->sizes,
                                .b = &session->batch,
                                .report = {.parallel = session->sizes.parallel},
                                .careful = SC_NONE,
                                .error = error};
    enum sc_status status = run_rounds(&s);
    if (status != SC_OK) { /* traces under way are dropped, and with them their prompts */
        struct sc_arena arena = {.base = session->memory};
        sc_batch_layout(&session->batch, &session->sizes, &arena);
    }
    while (sc_room_give_up_idle(&s)) /* the prompts stay, for the next run */
        ;
    return status;
}
