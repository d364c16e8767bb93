/* See job.h. */
#include "serving/job.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/memory.h"
#include "model/tokenizer/tokenizer.h"
#include "vocabulary/reasoning.h"

/* ---- prompts --------------------------------------------------------------------------------- */

void sc_serving_encoding_free(struct sc_serving_encoding *encoding)
{
    for (size_t i = 0; i < encoding->n; i++)
        sc_free(encoding->prompts[i].ids);
    sc_free(encoding->prompts);
    *encoding = (struct sc_serving_encoding){0};
}

/* What the answers may come to, and scores of the prompts. */
static size_t job_bytes(const struct sc_serving_request *request,
                        const struct sc_serving_encoding *encoding)
{
    const size_t listed = request->n_top * (sizeof(int32_t) + sizeof(float));
    const size_t token = sizeof(struct sc_serving_token) + listed;
    size_t bytes = sc_size_mul(encoding->n * request->n, sc_size_mul(request->max_tokens, token));
    for (size_t i = 0; request->echo && request->lists && i < encoding->n; i++)
        bytes = sc_size_add(bytes, sc_size_mul(encoding->prompts[i].n, 3 * sizeof(float) + listed));
    return bytes;
}

enum sc_status sc_serving_job_encode(struct sc_serving_model *model,
                                     const struct sc_serving_request *request,
                                     struct sc_serving_encoding *out, char field[64],
                                     struct sc_error *error)
{
    size_t n = request->chat ? 1 : request->n_prompts;
    *out = (struct sc_serving_encoding){.prompts = sc_alloc_zero(n, sizeof *out->prompts)};
    if (out->prompts == NULL)
        return sc_fail_nomem(error, "prompts");
    out->n = n;
    snprintf(field, 64, "%s", request->chat ? "messages" : "prompt");
    for (size_t i = 0; i < n; i++)
        SC_TRY(sc_serving_model_encode(model, request, i, &out->prompts[i], error));
    snprintf(field, 64, "n");
    const size_t bytes = job_bytes(request, out);
    if (bytes > SC_SERVING_JOB_BYTES)
        return sc_fail(
            error, SC_ERR_LIMIT,
            "expected a request whose tokens and lists take at most %d bytes, found %zu: "
            "fewer choices, tokens or log-probabilities at a time",
            SC_SERVING_JOB_BYTES, bytes);
    field[0] = '\0';
    return SC_OK;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static enum sc_status random_bytes(void *to, size_t n, struct sc_error *error)
{
    return getrandom(to, n, 0) == (ssize_t)n ? SC_OK
                                             : sc_fail(error, SC_ERR_IO, "no random numbers");
}

/* A name, and a seed where none is given. */
static enum sc_status name_job(struct sc_serving_job *job, struct sc_error *error)
{
    uint64_t random[3];
    SC_TRY(random_bytes(random, sizeof random, error));
    snprintf(job->id, sizeof job->id, "%s-%016" PRIx64, job->request.chat ? "chatcmpl" : "cmpl",
             random[0]);
    if (!job->request.seed_is_given)
        job->request.seed = random[1] >> 33; /* such as every client can write again */
    job->created = (int64_t)time(NULL);
    return SC_OK;
}

static void set_ends(struct sc_serving_job *job, const struct sc_opened *model)
{
    memcpy(job->end_ids, model->end_ids, model->n_end_ids * sizeof *job->end_ids);
    job->n_end_ids = model->n_end_ids;
    for (size_t i = 0; i < job->request.n_stop_ids; i++)
        job->end_ids[job->n_end_ids++] = job->request.stop_ids[i];
}

static enum sc_status take_prompts(struct sc_serving_job *job,
                                   const struct sc_serving_encoding *encoding,
                                   struct sc_serving_prompts *book, struct sc_error *error)
{
    job->prompts = sc_alloc_zero(encoding->n, sizeof(struct sc_serving_prompt *));
    if (job->prompts == NULL)
        return sc_fail_nomem(error, "prompts");
    for (; job->n_prompts < encoding->n; job->n_prompts++) {
        const struct sc_serving_encoded *e = &encoding->prompts[job->n_prompts];
        struct sc_serving_prompt *prompt = sc_serving_prompts_take(book, e->ids, e->n);
        if (prompt == NULL)
            return sc_fail_nomem(error, "prompts");
        job->prompts[job->n_prompts] = prompt;
    }
    return SC_OK;
}

static enum sc_status fill(struct sc_serving_job *job, const struct sc_serving_model *model,
                           const struct sc_serving_encoding *encoding,
                           struct sc_serving_prompts *book, struct sc_error *error)
{
    const struct sc_serving_request *request = &job->request;
    const struct sc_tokenizer *tokenizer = model->opened.tokenizer;
    job->n_choices = encoding->n * request->n;
    job->most_new = request->max_tokens;
    job->rules =
        (struct sc_serving_rules){.tokenizer = tokenizer,
                                  .request = request,
                                  .n_top = request->n_top,
                                  .opens = sc_tokenizer_id(tokenizer, SC_REASONING_OPENS),
                                  .closes = sc_tokenizer_id(tokenizer, SC_REASONING_CLOSES)};
    SC_TRY(name_job(job, error));
    set_ends(job, &model->opened);
    job->choices = sc_alloc_zero(job->n_choices, sizeof *job->choices);
    if (request->echo && request->lists)
        job->scores = sc_alloc_zero(encoding->n, sizeof *job->scores);
    if (job->choices == NULL || (request->echo && request->lists && job->scores == NULL))
        return sc_fail_nomem(error, "a request");
    for (size_t i = 0; i < job->n_choices; i++) {
        job->choices[i].job = job;
        job->choices[i].stop = -1;
        /* Whoever has no marks has no reasoning. */
        job->choices[i].reasoning = job->rules.opens < 0 || job->rules.closes < 0
                                        ? SC_REASONING_OVER
                                        : encoding->prompts[i / request->n].reasoning;
        if (job->most_new == 0)
            sc_serving_choice_end(&job->choices[i], SC_FINISH_LENGTH, NULL);
    }
    return take_prompts(job, encoding, book, error);
}

enum sc_status sc_serving_job_new(struct sc_serving_job **out, const struct sc_serving_model *model,
                                  struct sc_serving_request *request,
                                  const struct sc_serving_encoding *encoding,
                                  struct sc_serving_prompts *book, struct sc_error *error)
{
    *out = NULL;
    struct sc_serving_job *job = sc_alloc_zero(1, sizeof *job);
    if (job == NULL)
        return sc_fail_nomem(error, "a request");
    job->request = *request;
    *request = (struct sc_serving_request){0};
    job->n_holders = 1;
    enum sc_status status = fill(job, model, encoding, book, error);
    if (status != SC_OK) {
        sc_serving_job_leave(job);
        return status;
    }
    *out = job;
    return SC_OK;
}

void sc_serving_job_leave(struct sc_serving_job *job)
{
    if (job == NULL || --job->n_holders > 0)
        return;
    for (size_t i = 0; i < job->n_prompts; i++) {
        sc_serving_prompts_leave(job->prompts[i]);
        if (job->scores == NULL)
            continue;
        sc_free(job->scores[i].logprob);
        sc_free(job->scores[i].top.ids);
        sc_free(job->scores[i].top.logprobs);
    }
    for (size_t i = 0; job->choices != NULL && i < job->n_choices; i++)
        sc_serving_choice_free(&job->choices[i]);
    sc_free(job->choices);
    sc_free(job->scores);
    sc_free(job->prompts);
    sc_serving_request_free(&job->request);
    sc_free(job);
}

size_t sc_serving_job_n_prompt(const struct sc_serving_job *job)
{
    size_t n = 0;
    for (size_t i = 0; i < job->n_prompts; i++)
        n += job->prompts[i]->n;
    return n;
}
