/*
 * Sessions as a program outside sees them: sizes by default, traces of one prompt at a time.
 *
 * Refuses sizes of options that no library of this version set, and requests without a prompt; what
 * cannot be computed fails as a trace.  Next: scheduler.c.
 */
#include <string.h>

#include "base/memory.h"
#include "base/options.h"
#include "base/random.h"
#include "engine/batch.h"

struct sc_session_options sc_session_options_default(void)
{
    return (struct sc_session_options){.size = sizeof(struct sc_session_options),
                                       .max_prompt_tokens = 1024,
                                       .max_new_tokens = 256};
}

enum sc_status sc_session_open(struct sc_session **out, const struct sc_engine *engine,
                               const struct sc_session_options *options, struct sc_error *error)
{
    struct sc_session_options all = sc_session_options_default();
    if (out == NULL || engine == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "session: expected an engine and where to put it");
    *out = NULL;
    if (options != NULL)
        SC_TRY(sc_options_take(&all, sizeof all, options, options->size, "session", error));
    if (all.max_prompt_tokens == 0 || all.max_new_tokens == 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "session: expected room for a token of a prompt and one of an answer");
    const struct sc_batch_options batch = {.parallel = all.parallel,
                                           .max_new_tokens = all.max_new_tokens,
                                           .max_prompt = all.max_prompt_tokens,
                                           .max_bytes = all.max_bytes};
    struct sc_batch_plan plan;
    SC_TRY(sc_batch_plan(engine, &batch, &plan, error));
    SC_TRY(sc_session_start(out, engine, &plan, &batch, error));
    (*out)->prompt = sc_alloc_array((*out)->sizes.max_prompt, sizeof *(*out)->prompt);
    if ((*out)->prompt != NULL)
        return SC_OK;
    sc_session_close(*out);
    *out = NULL;
    return sc_fail_nomem(error, "session");
}

struct sc_sample_options sc_sample_options_default(const struct sc_model *model)
{
    struct sc_sample_options options = {.size = sizeof options,
                                        .instance_id = "",
                                        .n_traces = 1,
                                        .sampling = {.temperature = 1, .top_p = 1}};
    if (model != NULL) {
        const struct sc_generation_config *generation = sc_model_generation(model);
        options.sampling = generation->sampling;
        options.end_ids = generation->end_ids;
        options.n_end_ids = generation->n_end_ids;
    }
    return options;
}

/* ---- the source that the scheduler asks ------------------------------------------------------ */

struct asked {
    const struct sc_sample_options *options;
    struct sc_trace_request request; /* the same for all but the index */
    size_t n_requested;
};

static int next(void *context, struct sc_trace_request *request)
{
    struct asked *asked = context;
    if (asked->n_requested == asked->options->n_traces)
        return -1;
    *request = asked->request;
    request->trace_index = asked->options->first_trace + (uint32_t)asked->n_requested++;
    return 1;
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    const struct asked *asked = context;
    const struct sc_sampled_trace trace = {.index = result->request->trace_index,
                                           .finish = result->finish,
                                           .ids = result->ids,
                                           .stats = result->stats,
                                           .n = result->n,
                                           .failure = result->failure};
    return asked->options->trace(asked->options->context, &trace, error);
}

static bool step(void *context, const struct sc_step_report *report)
{
    const struct asked *asked = context;
    (void)report;
    return asked->options->keep_going(asked->options->context);
}

/* The key of a prompt in the session's book: the last one's when it is the same again. */
static uint64_t key_of(struct sc_session *s, const int32_t *prompt, size_t n)
{
    if (n > s->sizes.max_prompt) /* will fail as a trace */
        return ++s->prompt_key;
    if (n != s->n_prompt || memcmp(s->prompt, prompt, n * sizeof *prompt) != 0) {
        memcpy(s->prompt, prompt, n * sizeof *prompt);
        s->n_prompt = n;
        s->prompt_key++;
    }
    return s->prompt_key;
}

enum sc_status sc_session_sample(struct sc_session *session,
                                 const struct sc_sample_options *options, struct sc_error *error)
{
    struct sc_sample_options all = sc_sample_options_default(NULL);
    if (session == NULL || options == NULL || session->prompt == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "sample: expected a session and options");
    SC_TRY(sc_options_take(&all, sizeof all, options, options->size, "sample", error));
    if (all.prompt == NULL || all.n_prompt == 0 || all.instance_id == NULL || all.trace == NULL ||
        (all.end_ids == NULL && all.n_end_ids > 0))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "sample: expected a prompt, an instance_id, and a function that takes "
                       "traces");
    if (all.n_traces > UINT32_MAX - all.first_trace)
        return sc_fail(error, SC_ERR_ARGUMENT, "sample: traces: expected indices below 2^32");
    struct asked asked = {.options = &all};
    asked.request = (struct sc_trace_request){
        .prompt_key = key_of(session, all.prompt, all.n_prompt),
        .prompt = all.prompt,
        .n_prompt = all.n_prompt,
        .instance_key = sc_hash64(all.instance_id, strlen(all.instance_id)),
        .n_traces = (uint64_t)all.first_trace + all.n_traces,
        .seed = all.seed,
        .sampling = all.sampling,
        .max_new_tokens = all.max_new_tokens ? all.max_new_tokens : session->sizes.max_new,
        .end_ids = all.end_ids,
        .n_end_ids = all.n_end_ids,
    };
    const struct sc_trace_source source = {.context = &asked,
                                           .next = next,
                                           .done = done,
                                           .step = all.keep_going != NULL ? step : NULL};
    return sc_session_run(session, &source, error);
}
