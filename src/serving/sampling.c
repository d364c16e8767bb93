/*
 * The engine's thread: hands the choices of all requests to the scheduler, a choice of each in
 * turn, and takes their tokens as they come.
 *
 * Choice i of a request is trace i of (its seed, the key of its prompt), so what it says does not
 * depend on what runs beside it.  Next: engine/scheduler.c; choice.c.
 */
#include "serving/sampling.h"

/* ---- what is asked of the engine ------------------------------------------------------------- */

static void fill_request(struct sc_serving_job *job, size_t choice, struct sc_trace_request *out)
{
    const struct sc_serving_request *request = &job->request;
    const struct sc_serving_prompt *prompt = job->prompts[choice / request->n];
    *out = (struct sc_trace_request){.prompt_key = prompt->key,
                                     .prompt = prompt->ids,
                                     .n_prompt = prompt->n,
                                     .instance_key = prompt->hash,
                                     .trace_index = (uint32_t)(choice % request->n),
                                     .n_traces = request->n,
                                     .seed = request->seed,
                                     .sampling = request->sampling,
                                     .max_new_tokens = job->most_new,
                                     .end_ids = job->end_ids,
                                     .n_end_ids = job->n_end_ids,
                                     .n_top = request->n_top,
                                     .user = &job->choices[choice]};
}

/* The first job with a choice to be asked for; it goes behind the others. */
static struct sc_serving_job *next_job(struct sc_serving_house *house)
{
    struct sc_serving_job *job = house->to_sample.first;
    while (job != NULL && (job->n_asked == job->n_choices || job->is_cancelled))
        job = job->next;
    if (job == NULL)
        return NULL;
    sc_serving_list_take(&house->to_sample, job);
    sc_serving_list_put(&house->to_sample, job);
    return job;
}

static int next(void *context, struct sc_trace_request *request)
{
    struct sc_serving_house *house = context;
    int more = 0;
    pthread_mutex_lock(&house->lock);
    for (;;) {
        struct sc_serving_job *job = house->is_dropping ? NULL : next_job(house);
        if (job != NULL) {
            fill_request(job, job->n_asked, request);
            job->n_asked++;
            house->n_in_flight++;
            more = 1;
            break;
        }
        if (house->n_in_flight > 0)
            break;
        sc_serving_house_tidy(house);
        more = -1;
        if (house->is_dropping || (house->is_ending && house->n_jobs == 0))
            break;
        pthread_cond_wait(&house->arrived, &house->lock);
    }
    pthread_mutex_unlock(&house->lock);
    return more;
}

/* ---- what comes of it ------------------------------------------------------------------------ */

/* Takes the tokens that the choice does not have yet: none where a trace begins anew. */
static void take_tokens(struct sc_serving_house *house, struct sc_serving_choice *choice,
                        const struct sc_trace_result *result)
{
    struct sc_serving_job *job = choice->job;
    while (choice->n < result->n && !choice->has_ended) {
        sc_serving_choice_add(choice, &job->rules, result);
        job->n_sampled++;
        house->counts.n_tokens++;
        job->has_news = true;
    }
}

static bool follow(void *context, const struct sc_trace_result *so_far)
{
    struct sc_serving_house *house = context;
    struct sc_serving_choice *choice = so_far->request->user;
    pthread_mutex_lock(&house->lock);
    take_tokens(house, choice, so_far);
    bool goes_on = !choice->has_ended && !choice->job->is_cancelled;
    pthread_mutex_unlock(&house->lock);
    return goes_on;
}

/* Why nothing came of a choice of the job, or NULL. */
static const char *failure_of(const struct sc_serving_job *job)
{
    for (size_t i = 0; i < job->n_choices; i++)
        if (job->choices[i].has_ended && job->choices[i].finish == SC_FINISH_FAILED)
            return job->choices[i].failure;
    return job->is_cancelled ? "cancelled" : NULL;
}

static void end_choice(struct sc_serving_house *house, struct sc_serving_choice *choice)
{
    struct sc_serving_job *job = choice->job;
    job->n_done++;
    job->has_news = true;
    if (job->n_done < (job->is_cancelled ? job->n_asked : job->n_choices))
        return;
    sc_serving_list_take(&house->to_sample, job);
    sc_serving_house_end(house, job, failure_of(job));
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    struct sc_serving_house *house = context;
    struct sc_serving_choice *choice = result->request->user;
    (void)error;
    pthread_mutex_lock(&house->lock);
    house->n_in_flight--;
    take_tokens(house, choice, result);
    /* One that was cut without a stop is nobody's any more. */
    sc_serving_choice_end(choice, result->finish, result->failure);
    end_choice(house, choice);
    pthread_mutex_unlock(&house->lock);
    return SC_OK;
}

static bool step(void *context, const struct sc_step_report *report)
{
    struct sc_serving_house *house = context;
    pthread_mutex_lock(&house->lock);
    house->counts.n_steps = house->before.n_steps + report->n_steps;
    house->counts.n_rows = house->before.n_rows + report->n_rows;
    house->counts.width = house->before.width + report->width_sum;
    for (struct sc_serving_job *job = house->to_sample.first; job != NULL; job = job->next)
        if (job->has_news && job->request.stream)
            house->wake(job);
    bool goes_on = !house->is_dropping;
    pthread_mutex_unlock(&house->lock);
    return goes_on;
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* What was in the engine is lost: jobs that had some of it fail, and when all is dropped the others
 * too. */
static void fail_jobs(struct sc_serving_house *house, const char *why)
{
    house->n_in_flight = 0;
    for (struct sc_serving_job *job = house->to_sample.first, *next; job != NULL; job = next) {
        next = job->next;
        if (!house->is_dropping && job->n_asked == job->n_done)
            continue;
        sc_serving_list_take(&house->to_sample, job);
        sc_serving_house_end(house, job, why);
    }
}

void *sc_serving_sample(void *context)
{
    struct sc_serving_house *house = context;
    const struct sc_trace_source source = {.context = house,
                                           .next = next,
                                           .done = done,
                                           .follow = follow,
                                           .step = step,
                                           .arrives = true};
    bool ends = false;
    while (!ends) {
        struct sc_error error = {0};
        enum sc_status status = sc_session_run(house->session, &source, &error);
        pthread_mutex_lock(&house->lock);
        if (status != SC_OK)
            fail_jobs(house, house->is_dropping ? "the server ends" : error.text);
        house->before = house->counts;
        ends = house->is_dropping || (house->is_ending && house->n_jobs == 0);
        pthread_mutex_unlock(&house->lock);
    }
    pthread_mutex_lock(&house->lock);
    if (house->is_dropping)
        fail_jobs(house, "the server ends");
    pthread_mutex_unlock(&house->lock);
    return NULL;
}
