/*
 * Continuous batching: keeps the places of a batch full.
 *
 * A round is: take requests, give ready ones to free places (their first token comes from the
 * prompt's own logits), one step of the network over all places and some rows of waiting prompts,
 * one token for each place.  What a trace becomes does not depend on any of that: its random
 * numbers are named by (seed, instance, trace, position in the answer), its figures by its own
 * history. A trace that cannot be computed fails alone, with the reason; only the source ends
 * the sampling.  Takes no memory.  What it knows of arithmetic is device.h.  Next: prompts.c,
 * cpu/forward.c.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "engine/batch.h"
#include "engine/sampling.h"

/* What sc_session_run works on. */
struct sampling {
    struct sc_session *session;
    const struct sc_engine *engine;
    const struct sc_trace_source *source;
    const struct sc_batch_sizes *sizes;
    struct sc_batch *b;
    struct sc_step_report report;
    size_t n_waiting, n_active; /* requests without a place; places in use */
    size_t n_drawing, n_decode_rows, n_rows, n_ending;
    size_t n_forcing;       /* places that get their next token from a closing */
    bool starved, finished; /* `next` said 0 since the last done(); said -1 */
    char failure[160];
    struct sc_error *error;
};

/* ---- the source ------------------------------------------------------------------------------ */

/* Tokens that a trace of the request may have. */
static size_t most_new(const struct sc_trace_request *r)
{
    size_t reasoning =
        r->budget.n_tokens > 0 ? sc_size_add(r->budget.n_tokens, r->budget.n_closing) : 0;
    return sc_size_add(reasoning, r->max_new_tokens);
}

static enum sc_status report_done(struct sampling *s, const struct sc_trace_result *result)
{
    enum sc_status status = s->source->done(s->source->context, result, s->error);
    s->starved = false;
    /* A status without a message must not look like success. */
    if (status != SC_OK)
        sc_fail(s->error, status, "engine: the source refused a finished trace");
    return status;
}

static enum sc_status fail_request(struct sampling *s, const struct sc_trace_request *request)
{
    struct sc_trace_result result = {
        .request = request, .finish = SC_FINISH_FAILED, .failure = s->failure};

    return report_done(s, &result);
}

/* Whether the trace can be sampled at all; if not, s->failure says why. */
static bool check_request(struct sampling *s, const struct sc_trace_request *r)
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
    else if (most_new(r) > sizes->max_new && sizes->max_new < c->max_positions)
        snprintf(to, size, "new tokens: expected at most %zu (planned), found %zu", sizes->max_new,
                 most_new(r));
    else if (r->budget.n_tokens > 0 && r->budget.n_closing == 0)
        snprintf(to, size, "reasoning budget: expected tokens that close it, found none");
    else if (r->n_watch > sizes->max_watch)
        snprintf(to, size, "watched tokens: expected at most %zu (planned), found %zu",
                 sizes->max_watch, r->n_watch);
    else if (refused != NULL)
        snprintf(to, size, "sampling: %s", refused);
    for (size_t i = 0; i < r->n_watch && !*to; i++)
        if (r->watch[i] < 0 || (size_t)r->watch[i] >= s->engine->n_vocab)
            snprintf(to, size, "watched token %zu: expected an id from 0 to %zu, found %d", i,
                     s->engine->n_vocab - 1, (int)r->watch[i]);
    for (size_t i = 0; i < r->n_prompt && !*to; i++)
        if (r->prompt[i] < 0 || (size_t)r->prompt[i] >= c->n_vocab)
            snprintf(to, size, "prompt: token %zu: expected an id from 0 to %zu, found %d", i,
                     c->n_vocab - 1, (int)r->prompt[i]);
    return !*to;
}

/* ---- waiting requests ------------------------------------------------------------------------ */

static void drop_waiting(struct sampling *s, size_t i)
{
    s->n_waiting--;
    memmove(&s->b->waiting[i], &s->b->waiting[i + 1], (s->n_waiting - i) * sizeof *s->b->waiting);
}

/* Takes requests until every free place has one and look_ahead more are at hand. */
static enum sc_status take_requests(struct sampling *s)
{
    const struct sc_batch_sizes *sizes = s->sizes;

    while (!s->finished && !s->starved &&
           s->n_waiting < sizes->parallel - s->n_active + sizes->look_ahead) {
        struct sc_waiting *waiting = &s->b->waiting[s->n_waiting];
        memset(waiting, 0, sizeof *waiting);
        int more = s->source->next(s->source->context, &waiting->request);
        if (more < 0) {
            s->finished = true;
        } else if (more == 0) {
            s->starved = true;
        } else if (check_request(s, &waiting->request)) {
            s->n_waiting++;
        } else {
            SC_TRY(fail_request(s, &waiting->request));
        }
    }
    return SC_OK;
}

/* Whether prompt and answer together may pass the positions up to which the model turns as it was
 * first trained; what the answer will be is not known when its prompt is computed. */
static bool may_be_long(const struct sampling *s, const struct sc_trace_request *r)
{
    const struct sc_model_config *c = &s->engine->config;
    size_t most = sc_size_add(r->n_prompt, most_new(r));
    return c->long_from > 0 && (most < c->max_positions ? most : c->max_positions) > c->long_from;
}

/* Finds or makes room for the prompts of waiting requests, oldest first and none out of turn, so
 * that a long prompt is not overtaken for ever. */
static enum sc_status open_prompts(struct sampling *s)
{
    for (size_t i = 0; i < s->n_waiting; i++) {
        struct sc_waiting *w = &s->b->waiting[i];
        if (w->prompt != NULL)
            continue;
        const struct sc_prompt_wanted wanted = {.key = w->request.prompt_key,
                                                .ids = w->request.prompt,
                                                .n = w->request.n_prompt,
                                                .is_long = may_be_long(s, &w->request)};
        enum sc_prompt_found found = sc_prompt_acquire(&s->b->cache, &wanted, &w->prompt);
        if (found == SC_PROMPT_NO_ROOM)
            break;
        if (found == SC_PROMPT_OTHER) {
            const struct sc_trace_request request = w->request;
            drop_waiting(s, i--);
            snprintf(s->failure, sizeof s->failure,
                     "prompt: its key belongs to another prompt of another length");
            SC_TRY(fail_request(s, &request));
        }
    }
    return SC_OK;
}

/* ---- drawing tokens -------------------------------------------------------------------------- */

/* The next token of a place, from these logits. */
static void add_draw(struct sampling *s, struct sc_place *place, size_t logits)
{
    const struct sc_trace_request *r = &place->request;
    place->u = sc_random_uniform(SC_STREAM_SAMPLING, r->seed, r->instance_key, r->trace_index,
                                 (uint32_t)place->n);
    s->b->drawing[s->n_drawing] = place;
    s->b->draws[s->n_drawing++] = (struct sc_draw){
        .logits = logits,
        .sampling = &r->sampling,
        .context = {r->prompt, place->ids, r->n_prompt, place->n},
        .u = &place->u,
        .n = 1,
        .watch = r->watch,
        .n_watch = r->n_watch,
        .ids = &place->ids[place->n],
        .stats = &place->stats[place->n],
        .watched = place->watched + place->n * r->n_watch,
    };
}

static bool is_end(const struct sc_trace_request *request, int32_t id)
{
    for (size_t i = 0; i < request->n_end_ids; i++)
        if (request->end_ids[i] == id)
            return true;
    return false;
}

/* The answer begins with the next token: from here on it has its own limit. */
static void begin_answer(struct sc_place *place, size_t left)
{
    place->reasons = false;
    size_t limit = sc_size_add(place->n + place->n_to_force, place->request.max_new_tokens);
    place->limit = limit < left ? limit : left;
}

/* Looks at the newest sampled token of a trace whose reasoning has a budget. */
static void watch_reasoning(const struct sampling *s, struct sc_place *place)
{
    const struct sc_reasoning_budget *budget = &place->request.budget;
    size_t left = s->engine->config.max_positions - place->request.n_prompt;
    if (place->ids[place->n - 1] == budget->close_id) {
        begin_answer(place, left);
    } else if (place->n == budget->n_tokens) {
        place->forced_begin = place->n;
        place->n_to_force = budget->n_closing;
        begin_answer(place, left);
    }
}

/* What the newest token makes of the trace; false: it goes on. */
static bool has_ended(const struct sampling *s, const struct sc_place *place,
                      enum sc_finish *finish)
{
    const struct sc_trace_source *source = s->source;
    const struct sc_trace_request *request = &place->request;
    bool kept =
        source->keep == NULL || source->keep(source->context, request, place->stats, place->n);
    if (is_end(request, place->ids[place->n - 1]))
        *finish = SC_FINISH_STOP;
    else if (place->n == place->limit)
        *finish = SC_FINISH_LENGTH;
    else if (!kept)
        *finish = SC_FINISH_CUT;
    else
        return false;
    return true;
}

/* Hands over a trace that ended. */
static enum sc_status leave_place(struct sampling *s, struct sc_place *place, enum sc_finish finish)
{
    const struct sc_trace_result result = {
        .request = &place->request,
        .finish = finish,
        .ids = place->ids,
        .stats = place->stats,
        .n = place->n,
        .forced_begin = place->n_forced > 0 ? place->forced_begin : 0,
        .n_forced = place->n_forced,
        .watched = place->request.n_watch ? place->watched : NULL,
        .failure = finish == SC_FINISH_FAILED ? s->failure : NULL};
    enum sc_status status = report_done(s, &result);
    sc_prompt_release(place->prompt);
    place->prompt = NULL;
    s->n_active--;
    return status;
}

/* Takes a drawn token into the trace; hands the trace over when it ended. */
static enum sc_status settle_place(struct sampling *s, struct sc_place *place, bool ok)
{
    enum sc_finish finish;
    if (!ok) {
        snprintf(s->failure, sizeof s->failure,
                 "logits of answer token %zu: expected finite numbers", place->n);
        return leave_place(s, place, SC_FINISH_FAILED);
    }
    place->n++;
    s->report.n_generated++;
    if (place->reasons)
        watch_reasoning(s, place);
    return has_ended(s, place, &finish) ? leave_place(s, place, finish) : SC_OK;
}

/* Puts the next token of a closing into the trace. */
static enum sc_status force_token(struct sampling *s, struct sc_place *place)
{
    const struct sc_trace_request *r = &place->request;
    const size_t at = place->n++;
    place->ids[at] = r->budget.closing[place->n_forced++];
    place->stats[at] = (struct sc_token_stats){NAN, NAN, NAN, NAN};
    for (size_t i = 0; i < r->n_watch; i++)
        place->watched[at * r->n_watch + i] = NAN;
    place->n_to_force--;
    return place->n == place->limit ? leave_place(s, place, SC_FINISH_LENGTH) : SC_OK;
}

static enum sc_status draw(struct sampling *s)
{
    struct sc_batch *b = s->b;
    double start = sc_seconds();
    SC_TRY(s->engine->device->draw(s->session->on_device, b->draws, s->n_drawing, s->error));
    s->report.seconds_sampling += sc_seconds() - start;
    for (size_t i = 0; i < s->n_drawing; i++)
        SC_TRY(settle_place(s, b->drawing[i], b->draws[i].ok));
    return SC_OK;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* The handle of the logits after a prompt's last token. */
static size_t kept_logits(const struct sampling *s, const struct sc_prompt *prompt)
{
    return sc_session_sizes_of(s->sizes).max_logit_rows + prompt->slot;
}

static void seat(struct sampling *s, struct sc_place *place, size_t waiting)
{
    const struct sc_waiting *w = &s->b->waiting[waiting];
    size_t left = s->engine->config.max_positions - w->request.n_prompt;

    place->request = w->request;
    place->prompt = w->prompt;
    memcpy(place->history, w->prompt->spans, w->prompt->n_pages * sizeof *place->history);
    for (size_t i = 0; i < s->sizes->n_own_pages; i++)
        place->history[w->prompt->n_pages + i] = (struct sc_span){
            .page = (uint32_t)(place->number * s->sizes->n_own_pages + i), .n = SC_PAGE_POSITIONS};
    place->n = place->forced_begin = place->n_forced = place->n_to_force = 0;
    place->reasons = w->request.budget.n_tokens > 0;
    place->limit = most_new(&w->request) < left ? most_new(&w->request) : left;
    s->n_active++;
    drop_waiting(s, waiting);
    add_draw(s, place, kept_logits(s, place->prompt));
}

/* Whether the request's prompt is computed. */
static bool is_ready(const struct sc_waiting *w)
{
    return w->prompt != NULL && w->prompt->n_filled == w->prompt->n;
}

/* Gives free places to requests whose prompt is ready, oldest first, and draws their first tokens;
 * again as long as a trace ends with that. */
static enum sc_status start_traces(struct sampling *s)
{
    for (;;) {
        SC_TRY(take_requests(s));
        SC_TRY(open_prompts(s));
        size_t next = 0;
        s->n_drawing = 0;
        for (size_t p = 0; p < s->sizes->parallel; p++) {
            if (s->b->places[p].prompt != NULL)
                continue;
            while (next < s->n_waiting && !is_ready(&s->b->waiting[next]))
                next++;
            if (next == s->n_waiting)
                break;
            seat(s, &s->b->places[p], next);
        }
        if (s->n_drawing == 0)
            return SC_OK;
        SC_TRY(draw(s));
    }
}

/* ---- the step -------------------------------------------------------------------------------- */

/* Places in use, those of one prompt side by side.  A place that gets its next token from a closing
 * needs no logits. */
static void add_decode_rows(struct sampling *s)
{
    struct sc_batch *b = s->b;
    size_t n = 0;

    s->n_drawing = s->n_forcing = 0;
    for (size_t p = 0; p < s->sizes->parallel; p++) {
        struct sc_place *place = &b->places[p];
        size_t at = n;

        if (place->prompt == NULL)
            continue;
        for (; at > 0 && b->order[at - 1]->prompt > place->prompt; at--)
            b->order[at] = b->order[at - 1];
        b->order[at] = place;
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        struct sc_place *place = b->order[i];

        b->rows[s->n_rows++] = (struct sc_row){.token = place->ids[place->n - 1],
                                               .position = place->prompt->n + place->n - 1,
                                               .history = place->history,
                                               .is_long = place->prompt->is_long,
                                               .wants_logits = place->n_to_force == 0};
        if (place->n_to_force == 0)
            add_draw(s, place, s->n_drawing);
        else
            b->forcing[s->n_forcing++] = place;
    }
    s->n_decode_rows = n;
}

/* Rows of one prompt, at most *left; the last one of a step that has its share of ends waits. */
static void add_rows_of(struct sampling *s, struct sc_prompt *prompt, size_t *left)
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
static void add_prompt_rows(struct sampling *s)
{
    struct sc_batch *b = s->b;
    size_t left = s->sizes->prefill_rows;

    s->n_ending = 0;
    for (size_t i = 0; i < s->n_waiting && left > 0; i++)
        if (b->waiting[i].prompt != NULL)
            add_rows_of(s, b->waiting[i].prompt, &left);
}

static void count_step(struct sampling *s, const struct sc_step_seconds *seconds)
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

/* One pass of the network, and a token for every place in use. */
static enum sc_status step(struct sampling *s)
{
    const struct sc_device *device = s->engine->device;
    const struct sc_trace_source *source = s->source;
    void *session = s->session->on_device;
    struct sc_step_seconds seconds = {0};
    SC_TRY(device->forward(session, s->b->rows, s->n_rows, &seconds, s->error));
    for (size_t i = 0; i < s->n_ending; i++)
        device->keep(session, s->n_drawing + i, s->b->ending[i]->slot);
    count_step(s, &seconds);
    SC_TRY(draw(s));
    for (size_t i = 0; i < s->n_forcing; i++)
        SC_TRY(force_token(s, s->b->forcing[i]));
    if (source->step != NULL && !source->step(source->context, &s->report))
        return sc_fail(s->error, SC_ERR_INTERRUPTED, "engine: interrupted");
    return SC_OK;
}

static enum sc_status run_rounds(struct sampling *s)
{
    for (;;) {
        s->session->round++;
        SC_TRY(start_traces(s));
        s->n_rows = 0;
        add_decode_rows(s);
        add_prompt_rows(s);
        if (s->n_rows == 0 && s->finished && s->n_waiting == 0)
            return SC_OK;
        if (s->n_rows == 0)
            return sc_fail(s->error, SC_ERR_INTERNAL,
                           "engine: source: expected a request, found none while nothing runs");
        SC_TRY(step(s));
    }
}

enum sc_status sc_session_run(struct sc_session *session, const struct sc_trace_source *source,
                              struct sc_error *error)
{
    assert(session != NULL && source != NULL);
    struct sampling s = {.session = session,
                         .engine = session->engine,
                         .source = source,
                         .sizes = &session->sizes,
                         .b = &session->batch,
                         .report = {.parallel = session->sizes.parallel},
                         .error = error};
    enum sc_status status = run_rounds(&s);
    if (status != SC_OK) { /* traces under way are dropped, and with them their prompts */
        struct sc_arena arena = {.base = session->memory};
        sc_batch_layout(&session->batch, &session->sizes, &arena);
    }
    return status;
}
