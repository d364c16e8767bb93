/*
 * What every detector and judge said of a run, side by side in memory, for comparing them.  Traces
 * are those that the loaded run holds; rows about others are passed over.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "experiment/store/judgements.h"
#include "experiment/store/replies.h"
#include "experiment/store/run_data.h"
#include "experiment/store/scores.h"

enum { MOST_OPINIONS = 64 };

static enum sc_status new_opinion(struct sc_run *run, const char *name, struct sc_error *error)
{
    if (run->n_opinions == MOST_OPINIONS)
        return sc_fail(error, SC_ERR_LIMIT, "detectors and judges of a run: expected at most %d",
                       MOST_OPINIONS);
    struct sc_run_opinion *more = sc_resize(run->opinions, run->n_opinions + 1, sizeof *more);
    if (more == NULL)
        return sc_fail_nomem(error, "opinions on a run");
    run->opinions = more;
    struct sc_run_opinion *opinion = &more[run->n_opinions++];
    size_t n = run->n_opinion_traces;
    *opinion = (struct sc_run_opinion){.name = sc_strdup(name),
                                       .verdicts = sc_alloc(n),
                                       .harms = sc_alloc(n),
                                       .p_unsafe = sc_alloc_array(n, sizeof(float)),
                                       .p_controversial = sc_alloc_array(n, sizeof(float)),
                                       .p_refused = sc_alloc_array(n, sizeof(float)),
                                       .scores = sc_alloc_array(n, sizeof(float)),
                                       .prompt_harms = sc_alloc(run->n_instances)};
    if (opinion->name == NULL || opinion->verdicts == NULL || opinion->harms == NULL ||
        opinion->p_unsafe == NULL || opinion->p_controversial == NULL ||
        opinion->p_refused == NULL || opinion->scores == NULL || opinion->prompt_harms == NULL)
        return sc_fail_nomem(error, "opinions on a run");
    memset(opinion->verdicts, SC_N_VERDICTS, n);
    memset(opinion->harms, SC_N_HARMS, n);
    memset(opinion->prompt_harms, SC_N_HARMS, run->n_instances);
    for (size_t i = 0; i < n; i++)
        opinion->p_unsafe[i] = opinion->p_controversial[i] = opinion->p_refused[i] =
            opinion->scores[i] = NAN;
    return SC_OK;
}

/* Rows come name by name, so the last one is mostly the one. */
static enum sc_status opinion_of(struct sc_run *run, const char *name, struct sc_run_opinion **out,
                                 struct sc_error *error)
{
    for (size_t i = run->n_opinions; i-- > 0;) {
        *out = &run->opinions[i];
        if (strcmp(run->opinions[i].name, name) == 0)
            return SC_OK;
    }
    SC_TRY(new_opinion(run, name, error));
    *out = &run->opinions[run->n_opinions - 1];
    return SC_OK;
}

static enum sc_status take_opinion(void *context, const struct sc_opinion *stored,
                                   struct sc_error *error)
{
    struct sc_run *run = context;
    if (stored->trace >= run->instances[stored->position].n_traces)
        return SC_OK;
    if (stored->verdict == SC_N_VERDICTS && strcmp(stored->by, "none") == 0)
        return SC_OK; /* no judge */
    if (run->instances[stored->position].traces[stored->trace].verdict == SC_FILTERED)
        return SC_OK; /* nothing that two could agree on */
    struct sc_run_opinion *opinion = NULL;
    SC_TRY(opinion_of(run, stored->by, &opinion, error));
    size_t at = run->first_trace[stored->position] + stored->trace;
    if (stored->verdict != SC_N_VERDICTS) {
        opinion->verdicts[at] = (unsigned char)stored->verdict;
        opinion->n_verdicts++;
    } else {
        opinion->harms[at] = (unsigned char)stored->harm;
        opinion->n_harms++;
    }
    return SC_OK;
}

static enum sc_status take_judgement(void *context, const char *by, size_t position, int64_t trace,
                                     const struct sc_judgement *judgement, struct sc_error *error)
{
    struct sc_run *run = context;
    struct sc_run_opinion *opinion = NULL;
    if (trace >= 0 && (uint64_t)trace >= run->instances[position].n_traces)
        return SC_OK;
    SC_TRY(opinion_of(run, by, &opinion, error));
    if (trace < 0) {
        opinion->prompt_harms[position] =
            (unsigned char)(judgement->failure != NULL ? SC_UNJUDGED
                                                       : sc_safety_harm(judgement->safety));
        opinion->n_prompts++;
        return SC_OK;
    }
    size_t at = run->first_trace[position] + (size_t)trace;
    opinion->p_unsafe[at] = (float)judgement->p_unsafe;
    opinion->p_controversial[at] = (float)judgement->p_controversial;
    opinion->p_refused[at] = (float)judgement->p_refused;
    opinion->n_scores += isnan(judgement->p_unsafe) ? 0 : 1;
    return SC_OK;
}

static enum sc_status take_score(void *context, const struct sc_store_score *score,
                                 struct sc_error *error)
{
    struct sc_run *run = context;
    if (score->trace < 0 || (uint64_t)score->trace >= run->instances[score->position].n_traces)
        return SC_OK;
    struct sc_run_opinion *opinion = NULL;
    SC_TRY(opinion_of(run, score->by, &opinion, error));
    opinion->scores[run->first_trace[score->position] + (size_t)score->trace] = (float)score->score;
    opinion->n_rubric_scores++;
    return SC_OK;
}

/* ---- judges that were asked repeatedly ------------------------------------------------------- */

struct replies_taken {
    struct sc_run *run;
    struct sc_run_opinion *opinion;
    uint64_t words; /* key of the first answer to a text */
};

static struct sc_run_opinion *known_opinion(const struct sc_run *run, const char *name)
{
    for (size_t i = 0; i < run->n_opinions; i++)
        if (strcmp(run->opinions[i].name, name) == 0)
            return &run->opinions[i];
    return NULL;
}

static enum sc_status take_reply(void *context, const struct sc_reply *reply,
                                 const struct sc_judgement *judgement, struct sc_error *error)
{
    struct replies_taken *taken = context;
    const struct sc_run *run = taken->run;
    struct sc_run_repeats *repeats = &taken->opinion->repeats;
    (void)error;
    if (reply->trace < 0 || reply->item >= run->n_instances || reply->repeat >= repeats->n ||
        (uint64_t)reply->trace >= run->instances[reply->item].n_traces ||
        judgement->failure != NULL)
        return SC_OK;
    size_t at = (run->first_trace[reply->item] + (size_t)reply->trace) * repeats->n + reply->repeat;
    uint64_t words = sc_hash64(judgement->output, strlen(judgement->output));
    if (reply->repeat == 0)
        taken->words = words;
    repeats->same_words = repeats->same_words && words == taken->words;
    repeats->harms[at] = (unsigned char)sc_safety_harm(judgement->safety);
    repeats->verdicts[at] = (unsigned char)sc_refused_verdict(judgement->refused);
    return SC_OK;
}

static enum sc_status load_replies(struct sc_store *store, struct sc_run *run,
                                   struct sc_run_opinion *opinion, const char *asked,
                                   struct sc_error *error)
{
    struct sc_run_repeats *repeats = &opinion->repeats;
    size_t n = sc_size_mul(run->n_opinion_traces, repeats->n);
    repeats->harms = sc_alloc(n);
    repeats->verdicts = sc_alloc(n);
    if (repeats->harms == NULL || repeats->verdicts == NULL)
        return sc_fail_nomem(error, "repeated judgements");
    memset(repeats->harms, SC_N_HARMS, n);
    memset(repeats->verdicts, SC_N_VERDICTS, n);
    struct replies_taken taken = {.run = run, .opinion = opinion};
    return sc_store_read_replies(store, "", asked, take_reply, &taken, error);
}

struct repeats_taken {
    struct sc_store *store;
    struct sc_run *run;
};

static enum sc_status take_repeats(void *context, const struct sc_store_repeats *stored,
                                   struct sc_error *error)
{
    const struct repeats_taken *taken = context;
    struct sc_run_opinion *opinion = known_opinion(taken->run, stored->judge);
    if (opinion == NULL || opinion->repeats.n != 0) /* a damaged index can give a row twice */
        return SC_OK;
    opinion->repeats = (struct sc_run_repeats){.n = stored->n,
                                               .temperature = stored->temperature,
                                               .deterministic = stored->deterministic,
                                               .same_words = true,
                                               .remote = strstr(stored->judge, ":server@") != NULL};
    return stored->deterministic
               ? SC_OK
               : load_replies(taken->store, taken->run, opinion, stored->asked, error);
}

enum sc_status sc_run_load_opinions(struct sc_store *store, struct sc_run *run,
                                    struct sc_error *error)
{
    run->first_trace = sc_alloc_array(run->n_instances, sizeof *run->first_trace);
    if (run->first_trace == NULL)
        return sc_fail_nomem(error, "opinions on a run");
    run->n_opinion_traces = 0;
    for (size_t i = 0; i < run->n_instances; i++) {
        run->first_trace[i] = run->n_opinion_traces;
        run->n_opinion_traces += run->instances[i].n_traces;
    }
    SC_TRY(sc_store_read_opinions(store, run->n_instances, take_opinion, run, error));
    SC_TRY(sc_store_read_judgements(store, NULL, run->n_instances, take_judgement, run, error));
    SC_TRY(sc_store_read_scores(store, run->n_instances, take_score, run, error));
    struct repeats_taken taken = {store, run};
    return sc_store_read_repeats(store, take_repeats, &taken, error);
}

void sc_run_free_opinions(struct sc_run *run)
{
    for (size_t i = 0; i < run->n_opinions; i++) {
        struct sc_run_opinion *opinion = &run->opinions[i];
        sc_free(opinion->name);
        sc_free(opinion->verdicts);
        sc_free(opinion->harms);
        sc_free(opinion->p_unsafe);
        sc_free(opinion->p_controversial);
        sc_free(opinion->p_refused);
        sc_free(opinion->scores);
        sc_free(opinion->prompt_harms);
        sc_free(opinion->repeats.harms);
        sc_free(opinion->repeats.verdicts);
    }
    sc_free(run->opinions);
    sc_free(run->first_trace);
}
