/*
 * Prompts are scored beside the sampling, not within it: a text of thousands of tokens would have
 * all answers wait.  The engine is shared; each score takes memory of its own for as long as it
 * lasts.  Next: engine/score.c.
 */
#include "serving/scoring.h"

#include "base/memory.h"

static enum sc_status score_prompt(const struct sc_serving_house *house,
                                   const struct sc_serving_prompt *prompt, size_t n_top,
                                   struct sc_serving_scores *out, struct sc_error *error)
{
    const size_t n = prompt->n, n_listed = sc_size_mul(n, n_top);
    out->logprob = sc_alloc_array(n, 3 * sizeof *out->logprob);
    if (out->logprob == NULL)
        return sc_fail_nomem(error, "scores");
    out->confidence = out->logprob + n;
    out->entropy = out->logprob + 2 * n;
    out->top = (struct sc_top){.n = n_top};
    out->top.ids = sc_alloc_array(n_listed, sizeof *out->top.ids);
    out->top.logprobs = sc_alloc_array(n_listed, sizeof *out->top.logprobs);
    if (out->top.ids == NULL || out->top.logprobs == NULL)
        return sc_fail_nomem(error, "scores");
    const struct sc_score_arrays arrays = {out->logprob, out->confidence, out->entropy};
    return sc_score_listed(house->model.opened.engine, prompt->ids, n, &arrays, &out->top, error);
}

/* Waits for a job; NULL: there will be none. */
static struct sc_serving_job *next_job(struct sc_serving_house *house)
{
    while (house->to_score.first == NULL && !house->is_dropping &&
           !(house->is_ending && house->n_jobs == 0))
        pthread_cond_wait(&house->arrived, &house->lock);
    return house->is_dropping ? NULL : house->to_score.first;
}

/* The lock is held, but not while it computes. */
static enum sc_status score_prompts(struct sc_serving_house *house, struct sc_serving_job *job,
                                    struct sc_error *error)
{
    for (size_t p = 0; p < job->n_prompts && !job->is_cancelled && !house->is_dropping; p++) {
        pthread_mutex_unlock(&house->lock);
        enum sc_status status =
            score_prompt(house, job->prompts[p], job->rules.n_top, &job->scores[p], error);
        pthread_mutex_lock(&house->lock);
        SC_TRY(status);
    }
    if (job->is_cancelled || house->is_dropping)
        return sc_fail(error, SC_ERR_INTERRUPTED, "the server ends");
    return SC_OK;
}

/* The job stays in its list meanwhile, and nobody ends it there as long as it counts as asked for.
 */
static void score_job(struct sc_serving_house *house, struct sc_serving_job *job)
{
    struct sc_error error = {0};
    job->n_asked = 1;
    enum sc_status status = score_prompts(house, job, &error);
    job->n_asked = 0;
    sc_serving_list_take(&house->to_score, job);
    if (status != SC_OK || job->most_new == 0) {
        sc_serving_house_end(house, job, status != SC_OK ? error.text : NULL);
        return;
    }
    sc_serving_list_put(&house->to_sample, job);
    pthread_cond_broadcast(&house->arrived);
}

void *sc_serving_score(void *context)
{
    struct sc_serving_house *house = context;
    pthread_mutex_lock(&house->lock);
    for (struct sc_serving_job *job; (job = next_job(house)) != NULL;)
        score_job(house, job);
    while (house->to_score.first != NULL) {
        struct sc_serving_job *job = house->to_score.first;
        sc_serving_list_take(&house->to_score, job);
        sc_serving_house_end(house, job, "the server ends");
    }
    pthread_mutex_unlock(&house->lock);
    return NULL;
}
