/* See fetch.h. */
#include "cli/fetch.h"

#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/hub_cache.h"
#include "base/memory.h"
#include "cli/fetching.h"
#include "model/model.h"

/* ---- signals --------------------------------------------------------------------------------- */

/* While a model is fetched signals only make cli_interrupted true; then they are what they were: a
 * command that does not look for them is to end by them. */
static const int signals[] = {SIGINT, SIGTERM, SIGXFSZ};
enum { N_SIGNALS = sizeof signals / sizeof *signals };

static void hold_signals(struct sigaction before[N_SIGNALS])
{
    for (size_t i = 0; i < N_SIGNALS; i++)
        sigaction(signals[i], NULL, &before[i]);
    cli_catch_signals();
}

static void release_signals(const struct sigaction before[N_SIGNALS])
{
    for (size_t i = 0; i < N_SIGNALS; i++)
        sigaction(signals[i], &before[i], NULL);
}

/* ---- fetching -------------------------------------------------------------------------------- */

static void print_done(const struct sc_hub_model *model, double seconds)
{
    char bytes[32], speed[32], time[32];
    fprintf(stderr, "%s: %s in %s (%s/s), revision %.12s\n", model->name,
            cli_bytes((double)model->n_missing_bytes, bytes), cli_time(seconds, time),
            cli_bytes(seconds > 0 ? (double)model->n_missing_bytes / seconds : 0, speed),
            model->commit);
}

enum sc_status cli_model_pull(const struct sc_hub_pull *pull, bool quiet, char **folder,
                              struct sc_error *error)
{
    struct sc_hub_pull shown = *pull;
    struct cli_fetching progress;
    cli_fetching_begin(&progress, quiet);
    shown.download.step = cli_fetching_step;
    shown.download.context = &progress;
    enum sc_status status = sc_hub_model_pull(&shown, folder, error);
    cli_fetching_end(&progress);
    if (status == SC_ERR_INTERRUPTED && error != NULL) {
        *error = (struct sc_error){0};
        sc_fail(error, status, "interrupted; what came is kept, and the same command goes on");
    }
    SC_TRY(status);
    if (!quiet && pull->model->n_missing > 0)
        print_done(pull->model, sc_seconds() - progress.began);
    return SC_OK;
}

/* Whether a name is that of a hub's model that is not whole here. *located: some of it is. */
static bool is_to_fetch(const struct cli_fetch *fetch, bool *located)
{
    struct sc_hub_name name;
    char *folder = NULL;
    if (!sc_hub_name_read(fetch->name, &name))
        return false;
    *located = sc_model_locate(fetch->name, &folder, NULL) == SC_OK;
    const bool of_hub = !*located || sc_hub_snapshot_commit(folder) != NULL;
    const bool whole = *located && sc_hub_snapshot_is_whole(folder, fetch->part);
    sc_free(folder);
    return of_hub && !whole;
}

enum sc_status cli_model_ask(const struct sc_hub_place *place, const struct sc_hub_model *model,
                             struct sc_error *error)
{
    char bytes[32];
    const char *host = sc_hub_place_name(place);
    struct sc_text question = {0};
    cli_bytes((double)model->n_missing_bytes, bytes);
    if (!cli_can_ask())
        return sc_fail(error, SC_ERR_IO,
                       "model \"%s\" is not %s the local cache: %s to download from %s; --yes does "
                       "it, and so does safeconf pull",
                       model->name, model->n_missing == model->n_files ? "in" : "whole in", bytes,
                       host);
    sc_text_printf(&question, "%s: %s to download from %s; go on?", model->name, bytes, host);
    bool agreed = !question.failed && cli_confirm(question.data);
    sc_text_free(&question);
    if (cli_interrupted())
        return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
    return agreed ? SC_OK : sc_fail(error, SC_ERR_IO, "model \"%s\": not downloaded", model->name);
}

bool cli_model_is_missing(const struct cli_fetch *fetch)
{
    bool located = false;
    return fetch->name != NULL && is_to_fetch(fetch, &located);
}

static enum sc_status fetch_looked_up(const struct cli_fetch *fetch,
                                      const struct sc_hub_place *place, struct sc_hub_model *model,
                                      struct sc_error *error)
{
    char *folder = NULL;
    if (model->n_missing == 0)
        return SC_OK;
    if (!fetch->yes)
        SC_TRY(cli_model_ask(place, model, error));
    const struct sc_hub_pull pull = {.place = place, .model = model};
    enum sc_status status = cli_model_pull(&pull, fetch->quiet, &folder, error);
    sc_free(folder);
    return status;
}

/* Why the hub could not be asked.  What is there may do: opening it will tell. */
static enum sc_status judge_failure(const struct cli_fetch *fetch, bool located,
                                    const struct sc_error *why, struct sc_error *error)
{
    const bool passing = why->status == SC_ERR_INTERRUPTED || why->status == SC_ERR_NOMEM;
    if (located && !fetch->yes && !passing)
        return SC_OK;
    sc_fail(error, why->status, "%s", why->text);
    if (!located && why->status == SC_ERR_IO && strncmp(why->text, "model ", 6) != 0)
        sc_error_prefix(error, "model \"%.100s\": no such folder, and not in the local cache",
                        fetch->name);
    return why->status;
}

static enum sc_status fetch_from(const struct cli_fetch *fetch, const struct sc_hub_place *place,
                                 bool located, struct sc_error *error)
{
    struct sc_hub_model model = {0};
    struct sc_error why = {0};
    struct cli_fetching silent = {.quiet = true};
    const struct sc_hub_lookup lookup = {.place = place,
                                         .name = fetch->name,
                                         .part = fetch->part,
                                         .hasty = !fetch->yes,
                                         .step = cli_fetching_step,
                                         .context = &silent};
    if (place->offline)
        return SC_OK;
    if (sc_hub_model_look(&lookup, &model, &why) != SC_OK)
        return judge_failure(fetch, located, &why, error);
    enum sc_status status = fetch_looked_up(fetch, place, &model, error);
    sc_hub_model_free(&model);
    return status;
}

enum sc_status cli_model_fetch(const struct cli_fetch *fetch, struct sc_error *error)
{
    bool located = false;
    struct sc_hub_place place;
    if (fetch->name == NULL || !is_to_fetch(fetch, &located))
        return SC_OK;
    SC_TRY(sc_hub_place_read(&place, error));
    struct sigaction before[N_SIGNALS];
    hold_signals(before);
    enum sc_status status = fetch_from(fetch, &place, located, error);
    release_signals(before);
    sc_hub_place_free(&place);
    return status;
}
