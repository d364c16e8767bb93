/*
 * One interface to every judge (judge.h), and equal texts judged once.  Next: guard.c (in process),
 * endpoint.c (behind a server), config.c (what a server is asked), function.c (a caller's).
 */
#include "judge/judge.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "judge/alike.h"
#include "judge/endpoint.h"
#include "judge/function.h"
#include "judge/guard.h"
#include "judge/kinds.h"
#include "model/model.h"

/* What each kind of judge does. */
struct kind {
    enum sc_status (*run)(void *self, const struct sc_judge_item *items, size_t n,
                          const struct sc_judge_sink *sink, struct sc_judge_counts *counts,
                          struct sc_error *error);
    void (*close)(void *self);
};

struct sc_judge {
    const struct kind *kind;
    void *self;
    const char *family; /* of self */
    char *name, *asked; /* with and without the number of repeats */
    struct sc_judge_repeats repeats;
};

/* ---- in process ------------------------------------------------------------------------------ */

static enum sc_status run_guard(void *self, const struct sc_judge_item *items, size_t n,
                                const struct sc_judge_sink *sink, struct sc_judge_counts *counts,
                                struct sc_error *error)
{
    return sc_guard_run(self, items, n, sink, counts, error);
}

static void close_guard(void *self)
{
    sc_guard_close(self);
}

static const struct kind in_process = {run_guard, close_guard};

static enum sc_status open_guard(struct sc_judge *judge, const struct sc_judge_options *options,
                                 struct sc_error *error)
{
    const struct sc_guard_options guard_options = {.kind = options->judge,
                                                   .frame = options->frame,
                                                   .model = options->model,
                                                   .dtype = options->dtype,
                                                   .kernels = options->kernels,
                                                   .n_threads = options->n_threads,
                                                   .device = options->device,
                                                   .parallel = options->parallel,
                                                   .max_bytes = options->max_bytes,
                                                   .temperature = options->temperature,
                                                   .seed = options->seed};
    struct sc_guard *guard = NULL;
    SC_TRY(sc_guard_open(&guard, &guard_options, error));
    *judge =
        (struct sc_judge){.kind = &in_process, .self = guard, .family = sc_guard_family(guard)};
    judge->asked = sc_strdup(sc_guard_name(guard));
    return SC_OK;
}

/* ---- behind a server ------------------------------------------------------------------------- */

static enum sc_status run_endpoint(void *self, const struct sc_judge_item *items, size_t n,
                                   const struct sc_judge_sink *sink, struct sc_judge_counts *counts,
                                   struct sc_error *error)
{
    return sc_endpoint_judge_run(self, items, n, sink, counts, error);
}

static void close_endpoint(void *self)
{
    sc_endpoint_judge_close(self);
}

static const struct kind behind_server = {run_endpoint, close_endpoint};

static enum sc_status open_endpoint(struct sc_judge *judge, const struct sc_judge_options *options,
                                    struct sc_error *error)
{
    struct sc_endpoint_judge *endpoint = NULL;
    SC_TRY(sc_endpoint_judge_open(&endpoint, options, error));
    const struct sc_judge_config *config = sc_endpoint_judge_config(endpoint);
    *judge = (struct sc_judge){.kind = &behind_server, .self = endpoint, .family = config->family};
    judge->asked = sc_strdup(config->name);
    return SC_OK;
}

/* ---- a caller's ------------------------------------------------------------------------------ */

static enum sc_status run_function(void *self, const struct sc_judge_item *items, size_t n,
                                   const struct sc_judge_sink *sink, struct sc_judge_counts *counts,
                                   struct sc_error *error)
{
    return sc_function_judge_run(self, items, n, sink, counts, error);
}

static void close_function(void *self)
{
    sc_function_judge_close(self);
}

static const struct kind by_caller = {run_function, close_function};

static enum sc_status open_function(struct sc_judge *judge,
                                    const struct sc_judge_functions *functions,
                                    struct sc_error *error)
{
    struct sc_function_judge *opened = NULL;
    SC_TRY(sc_function_judge_open(&opened, functions, error));
    *judge = (struct sc_judge){
        .kind = &by_caller, .self = opened, .family = sc_function_judge_family(opened)};
    judge->asked = sc_strdup(sc_function_judge_name(opened));
    return SC_OK;
}

/* ---- any ------------------------------------------------------------------------------------- */

/* A kind of the table whose model is given and no server. */
static bool is_in_process(const struct sc_judge_options *options)
{
    return options->url == NULL && sc_judge_kind_find(options->judge) != NULL;
}

/* The options with a temperature; refuses what nobody can be asked. */
static enum sc_status settle(const struct sc_judge_options *options, struct sc_judge_options *out,
                             struct sc_error *error)
{
    *out = *options;
    if (options->repeats > SC_MOST_REPEATS)
        return sc_fail(error, SC_ERR_ARGUMENT, "judge-repeats: expected at most %d, found %zu",
                       SC_MOST_REPEATS, options->repeats);
    if (out->repeats == 0)
        out->repeats = 1;
    if (isnan(out->temperature))
        out->temperature = out->repeats > 1 ? 1 : 0;
    if (!(out->temperature >= 0 && out->temperature <= 100))
        return sc_fail(error, SC_ERR_ARGUMENT, "judge-temperature: expected 0 to 100, found %g",
                       out->temperature);
    return SC_OK;
}

static enum sc_status check_given(const struct sc_judge_options *options, struct sc_error *error)
{
    struct sc_judge_options settled;
    SC_TRY(settle(options, &settled, error));
    const struct sc_judge_kind *kind = sc_judge_kind_find(options->judge);
    if (kind != NULL && kind->n_guidelines > 0 && options->url != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "judge-url: %s is asked about each of its guidelines in turn, which is done "
                       "in process alone",
                       kind->name);
    if (is_in_process(options) && options->model == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "judge-model: expected the folder of %s, or a server's URL with "
                       "--judge-url, found nothing",
                       kind->model);
    return SC_OK;
}

/* The configuration, checked; a server's too where it is asked. */
static enum sc_status configure(const struct sc_judge_options *options,
                                struct sc_judge_config *config, struct sc_error *error)
{
    if (!is_in_process(options))
        return sc_endpoint_judge_configure(config, options, error);
    char *folder = NULL;
    enum sc_status status = sc_model_locate(options->model, &folder, error);
    sc_free(folder);
    SC_TRY(status);
    struct sc_judge_options own = *options;
    if (sc_judge_kind_find(options->judge)->frame == SC_FRAME_MODEL)
        own.frame = NULL; /* a chat template, which the configuration knows nothing of */
    return sc_judge_config_open(config, &own, error);
}

enum sc_status sc_judge_check(const struct sc_judge_options *options,
                              struct sc_judge_abilities *abilities, struct sc_error *error)
{
    if (options == NULL || abilities == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "sc_judge_check: needs options and abilities");
    *abilities = (struct sc_judge_abilities){.refusal = true, .harm = true, .prompts = true};
    SC_TRY(check_given(options, error));
    struct sc_judge_config config;
    SC_TRY(configure(options, &config, error));
    *abilities = (struct sc_judge_abilities){.refusal = config.refusal.pattern != NULL,
                                             .harm = sc_judge_config_asks_harm(&config),
                                             .prompts = sc_judge_config_asks_prompts(&config)};
    sc_judge_config_free(&config);
    return SC_OK;
}

/* Adds to the names how answers are drawn and how often. */
static enum sc_status name_repeats(struct sc_judge *judge, const struct sc_judge_options *options,
                                   struct sc_error *error)
{
    bool drawn = options->temperature > 0;
    judge->repeats =
        (struct sc_judge_repeats){.wanted = options->repeats,
                                  .asked = options->repeats,
                                  .temperature = options->temperature,
                                  .deterministic = !drawn && judge->kind == &in_process};
    if (judge->repeats.deterministic)
        judge->repeats.asked = 1;
    struct sc_text asked = {0}, name = {0};
    sc_text_puts(&asked, judge->asked != NULL ? judge->asked : "");
    asked.failed |= judge->asked == NULL;
    if (drawn || judge->repeats.asked > 1)
        sc_text_printf(&asked, "+t%g", options->temperature);
    if (drawn && options->seed != 0)
        sc_text_printf(&asked, "s%" PRIu64, options->seed);
    if (!asked.failed)
        sc_text_puts(&name, asked.data);
    name.failed |= asked.failed;
    if (judge->repeats.asked > 1)
        sc_text_printf(&name, "x%zu", judge->repeats.asked);
    sc_free(judge->asked);
    judge->asked = sc_text_take(&asked);
    judge->name = sc_text_take(&name);
    return judge->asked != NULL && judge->name != NULL ? SC_OK
                                                       : sc_fail_nomem(error, "name of a judge");
}

/* functions: the caller's, or NULL. */
static enum sc_status open_any(struct sc_judge *judge, const struct sc_judge_functions *functions,
                               const struct sc_judge_options *options, struct sc_error *error)
{
    SC_TRY(functions != NULL        ? open_function(judge, functions, error)
           : is_in_process(options) ? open_guard(judge, options, error)
                                    : open_endpoint(judge, options, error));
    return name_repeats(judge, options, error);
}

/* options: settled. */
static enum sc_status open_judge(struct sc_judge **out, const struct sc_judge_functions *functions,
                                 const struct sc_judge_options *options, struct sc_error *error)
{
    struct sc_judge *judge = sc_alloc_zero(1, sizeof *judge);
    if (judge == NULL)
        return sc_fail_nomem(error, "judge");
    enum sc_status status = open_any(judge, functions, options, error);
    if (status != SC_OK) {
        sc_judge_close(judge);
        return status;
    }
    *out = judge;
    return SC_OK;
}

enum sc_status sc_judge_open(struct sc_judge **out, const struct sc_judge_options *options,
                             struct sc_error *error)
{
    *out = NULL;
    struct sc_judge_options settled;
    SC_TRY(settle(options, &settled, error));
    SC_TRY(check_given(options, error));
    return open_judge(out, NULL, &settled, error);
}

enum sc_status sc_judge_check_function(const struct sc_judge_functions *functions,
                                       struct sc_judge_abilities *abilities, struct sc_error *error)
{
    SC_TRY(sc_function_judge_check(functions, error));
    *abilities = (struct sc_judge_abilities){
        .refusal = functions->refusal, .harm = functions->harm, .prompts = functions->prompts};
    return SC_OK;
}

enum sc_status sc_judge_open_function(struct sc_judge **out,
                                      const struct sc_judge_functions *functions,
                                      const struct sc_judge_options *options,
                                      struct sc_error *error)
{
    *out = NULL;
    struct sc_judge_options settled, asked = *options;
    if (isnan(asked.temperature))
        asked.temperature = 0;
    SC_TRY(settle(&asked, &settled, error));
    return open_judge(out, functions, &settled, error);
}

void sc_judge_close(struct sc_judge *judge)
{
    if (judge == NULL)
        return;
    if (judge->kind != NULL)
        judge->kind->close(judge->self);
    sc_free(judge->name);
    sc_free(judge->asked);
    sc_free(judge);
}

const char *sc_judge_name(const struct sc_judge *judge)
{
    return judge->name;
}

const char *sc_judge_asked(const struct sc_judge *judge)
{
    return judge->asked;
}

struct sc_judge_repeats sc_judge_repeats(const struct sc_judge *judge)
{
    return judge->repeats;
}

const char *sc_judge_family(const struct sc_judge *judge)
{
    return judge->family;
}

/* ---- equal texts, asked about once ----------------------------------------------------------- */

/* What stands between a kind of judge, which is given the first items of each kind, and the sink of
 * all. */
struct handing {
    const struct sc_judge_sink *sink;
    struct sc_alike alike;
    struct sc_judge_counts *counts;
    struct sc_judge_counts before; /* those at the end of the last judgement */
};

/* Counts a judgement that is handed over once more as the judge has just counted it. */
static void count_again(struct handing *handing, const struct sc_judge_counts *one)
{
    const struct sc_judge_counts *before = &handing->before;
    struct sc_judge_counts *counts = handing->counts;
    counts->n_done++;
    counts->n_same++;
    counts->n_failed += one->n_failed - before->n_failed;
    counts->n_unparsed += one->n_unparsed - before->n_unparsed;
    counts->n_forced += one->n_forced - before->n_forced;
    counts->n_unscored += one->n_unscored - before->n_unscored;
}

static enum sc_status hand_over(void *context, size_t kind, const struct sc_judgement *judgement,
                                struct sc_error *error)
{
    struct handing *handing = context;
    const struct sc_judge_sink *sink = handing->sink;
    const struct sc_judge_counts one = *handing->counts;
    size_t item = handing->alike.first[kind];
    SC_TRY(sink->done(sink->context, item, judgement, error));
    for (item = handing->alike.next[item]; item != SC_NO_ITEM; item = handing->alike.next[item]) {
        count_again(handing, &one);
        SC_TRY(sink->done(sink->context, item, judgement, error));
    }
    handing->before = *handing->counts;
    return SC_OK;
}

static struct sc_judge_draw draw_of_first(void *context, size_t kind)
{
    const struct handing *handing = context;
    return sc_judge_draw_of(handing->sink, handing->alike.first[kind]);
}

static bool pass_on(void *context, const struct sc_judge_counts *counts)
{
    const struct handing *handing = context;
    return handing->sink->step(handing->sink->context, counts);
}

static enum sc_status run_first(struct sc_judge *judge, const struct sc_judge_item *items,
                                struct handing *handing, struct sc_error *error)
{
    const struct sc_judge_sink sink = {.context = handing,
                                       .done = hand_over,
                                       .draw = draw_of_first,
                                       .step = handing->sink->step != NULL ? pass_on : NULL};
    size_t n = handing->alike.n;
    struct sc_judge_item *first = sc_alloc_array(n, sizeof *first);
    if (first == NULL)
        return sc_fail_nomem(error, "texts to judge");
    for (size_t i = 0; i < n; i++)
        first[i] = items[handing->alike.first[i]];
    enum sc_status status = judge->kind->run(judge->self, first, n, &sink, handing->counts, error);
    sc_free(first);
    return status;
}

enum sc_status sc_judge_run(struct sc_judge *judge, const struct sc_judge_item *items, size_t n,
                            const struct sc_judge_sink *sink, struct sc_judge_counts *counts,
                            struct sc_error *error)
{
    if (judge->repeats.temperature > 0) /* each answer is drawn with random numbers of its own */
        return judge->kind->run(judge->self, items, n, sink, counts, error);
    struct sc_judge_counts unused;
    struct handing handing = {.sink = sink, .counts = counts != NULL ? counts : &unused};
    SC_TRY(sc_alike_find(items, n, sink, &handing.alike, error));
    enum sc_status status = run_first(judge, items, &handing, error);
    sc_alike_free(&handing.alike);
    return status;
}
