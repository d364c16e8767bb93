/*
 * Scoring given answers: see given.h.
 *
 * The prompt passes first; its last logits are kept.  Then the answers' tokens, one answer after
 * another, ROWS in a step: each token is a question to the logits of the token before it.  Keys and
 * values of answers lie in a ring of slots (slots.h has the numbering).
 */
#include "engine/given.h"

#include <assert.h>
#include <math.h>

#include "base/memory.h"
#include "engine/engine.h"
#include "engine/prefill.h"
#include "engine/prompts.h"
#include "engine/slots.h"

#define ROWS 32

struct scoring {
    const struct sc_given_prompt *prompt;
    const struct sc_device *device;
    void *session;
    size_t max_spans, n_prompt_pages, n_ring; /* slots of the ring */
    struct sc_row *rows;                      /* [SC_PREFILL_ROWS] */
    struct sc_description *wants;             /* [ROWS] */
    double *found;                            /* [ROWS] */
    struct sc_given_answer **of;              /* [ROWS] whose token a want is */
    size_t *at;                               /* [ROWS] and which */
    struct sc_prefill prefill;                /* of the prompt */
    /* Histories of the answers whose rows may be in a step, in turn. */
    struct sc_span *histories; /* [ROWS + 1][max_spans] */
    size_t n_rows, n_wants, slot, turn;
};

static enum sc_status check(const struct sc_given_prompt *p, const struct sc_given_answer *answers,
                            size_t n, size_t *longest, struct sc_error *error)
{
    const struct sc_model_config *c = &p->engine->config;
    *longest = 1;
    if (p->n == 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "prompt: expected at least one token, found none");
    for (size_t i = 0; i < p->n; i++)
        if (p->ids[i] < 0 || (size_t)p->ids[i] >= c->n_vocab)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "prompt: token %zu: expected an id from 0 to %zu, found %d", i,
                           c->n_vocab - 1, (int)p->ids[i]);
    for (size_t a = 0; a < n; a++) {
        *longest = answers[a].n > *longest ? answers[a].n : *longest;
        for (size_t i = 0; i < answers[a].n; i++)
            if (answers[a].ids[i] < 0 || (size_t)answers[a].ids[i] >= p->engine->n_vocab)
                return sc_fail(error, SC_ERR_ARGUMENT,
                               "answer: token %zu: expected an id from 0 to %zu, found %d", i,
                               p->engine->n_vocab - 1, (int)answers[a].ids[i]);
    }
    size_t context = c->max_positions > p->n ? c->max_positions - p->n : 0;
    size_t most = context < p->max_new_tokens ? context : p->max_new_tokens;
    if (*longest > most)
        return sc_fail(error, SC_ERR_LIMIT, "answer: expected at most %zu tokens, found %zu", most,
                       *longest);
    return SC_OK;
}

/* The step that was put together. */
static enum sc_status flush(struct scoring *s, struct sc_error *error)
{
    struct sc_step_seconds unused;
    if (s->n_rows > 0)
        SC_TRY(s->device->forward(s->session, s->rows, s->n_rows, NULL, &unused, error));
    SC_TRY(s->device->describe(s->session, s->wants, s->n_wants, error));
    for (size_t i = 0; i < s->n_wants; i++) {
        if (!s->wants[i].ok)
            return sc_fail(error, SC_ERR_NUMERIC,
                           "score: logits of answer token %zu: expected finite numbers", s->at[i]);
        struct sc_given_answer *answer = s->of[i];
        answer->logprob += s->found[i];
        if (answer->logprobs != NULL)
            answer->logprobs[s->at[i]] = s->found[i];
    }
    s->n_rows = s->n_wants = 0;
    return SC_OK;
}

/* The history of an answer that begins. */
static const struct sc_span *begin_answer(struct scoring *s, const struct sc_given_answer *answer)
{
    struct sc_span *history = s->histories + s->turn * s->max_spans;
    size_t n = s->n_prompt_pages;
    s->turn = (s->turn + 1) % (ROWS + 1);
    for (size_t i = 0; i < n; i++)
        history[i] = s->prefill.spans[i];
    for (size_t i = 0; i + 1 < answer->n; i++) {
        n = sc_slots_append(history, n, (uint32_t)s->slot, s->n_prompt_pages);
        s->slot = (s->slot + 1) % s->n_ring;
    }
    assert(n <= s->max_spans);
    return history;
}

static enum sc_status score_answer(struct scoring *s, struct sc_given_answer *answer,
                                   struct sc_error *error)
{
    const struct sc_given_prompt *p = s->prompt;
    answer->logprob = 0;
    if (answer->n == 0)
        return SC_OK;
    const struct sc_span *history = begin_answer(s, answer);
    for (size_t i = 0; i < answer->n; i++) {
        if (s->n_wants == ROWS)
            SC_TRY(flush(s, error));
        s->of[s->n_wants] = answer;
        s->at[s->n_wants] = i;
        s->wants[s->n_wants] =
            (struct sc_description){.logits = i == 0 ? ROWS : s->n_rows, /* of the prompt: kept */
                                    .next = answer->ids[i],
                                    .sampling = &p->sampling,
                                    .context = {p->ids, answer->ids, p->n, i},
                                    .processed = &s->found[s->n_wants]};
        s->n_wants++;
        if (i > 0)
            s->rows[s->n_rows++] = (struct sc_row){.token = answer->ids[i - 1],
                                                   .position = p->n + i - 1,
                                                   .history = history,
                                                   .is_long = s->prefill.is_long,
                                                   .wants_logits = true};
    }
    return SC_OK;
}

static enum sc_status open(struct scoring *s, size_t longest, struct sc_error *error)
{
    const struct sc_given_prompt *p = s->prompt;
    /* An answer may go on in the step in which another one, as long, begins. */
    size_t n_pages = sc_prompt_pages(2 * longest + ROWS);
    s->n_prompt_pages = sc_prompt_pages(p->n);
    s->n_ring = n_pages * SC_PAGE_POSITIONS;
    s->max_spans = s->n_prompt_pages + sc_prompt_pages(longest) + 2;
    s->rows = sc_alloc_array(SC_PREFILL_ROWS, sizeof *s->rows);
    s->wants = sc_alloc_array(ROWS, sizeof *s->wants);
    s->found = sc_alloc_array(ROWS, sizeof *s->found);
    s->of = sc_alloc_array(ROWS, sizeof(struct sc_given_answer *));
    s->at = sc_alloc_array(ROWS, sizeof *s->at);
    s->prefill = (struct sc_prefill){.ids = p->ids, .n = p->n};
    s->prefill.spans = sc_alloc_array(s->n_prompt_pages, sizeof *s->prefill.spans);
    s->histories = sc_alloc_array(sc_size_mul(ROWS + 1, s->max_spans), sizeof *s->histories);
    if (s->rows == NULL || s->wants == NULL || s->found == NULL || s->of == NULL || s->at == NULL ||
        s->prefill.spans == NULL || s->histories == NULL)
        return sc_fail_nomem(error, "score");
    sc_prefill_place(&s->prefill, &p->engine->config, p->max_new_tokens);
    const struct sc_session_sizes sizes = {.max_rows = SC_PREFILL_ROWS,
                                           .max_logit_rows = ROWS,
                                           .n_positions = p->n + longest,
                                           .max_spans = s->max_spans,
                                           .n_pages = s->n_prompt_pages + n_pages,
                                           .n_kept = 1};
    return s->device->session_open(&s->session, p->engine->weights, &sizes, error);
}

static enum sc_status score(struct scoring *s, struct sc_given_answer *answers, size_t n,
                            struct sc_error *error)
{
    size_t longest;
    SC_TRY(check(s->prompt, answers, n, &longest, error));
    SC_TRY(open(s, longest, error));
    SC_TRY(sc_prefill_run(&s->prefill, s->device, s->session, s->rows, error));
    for (size_t i = 0; i < n; i++)
        SC_TRY(score_answer(s, &answers[i], error));
    return s->n_wants > 0 ? flush(s, error) : SC_OK;
}

enum sc_status sc_score_answers(const struct sc_given_prompt *prompt,
                                struct sc_given_answer *answers, size_t n, struct sc_error *error)
{
    struct scoring s = {.prompt = prompt, .device = prompt->engine->device};
    enum sc_status status = score(&s, answers, n, error);
    s.device->session_close(s.session);
    sc_free(s.rows);
    sc_free(s.wants);
    sc_free(s.found);
    sc_free(s.of);
    sc_free(s.at);
    sc_free(s.prefill.spans);
    sc_free(s.histories);
    return status;
}
