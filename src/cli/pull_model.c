/* Models: fetching one of the hub to the local cache, and listing those that are there. */
#include <string.h>

#include "base/hub_cache.h"
#include "base/json_writer.h"
#include "base/keys.h"
#include "base/memory.h"
#include "cli/fetch.h"
#include "cli/fetching.h"
#include "cli/pull.h"
#include "model/model.h"

static enum sc_status print_result(const struct sc_hub_model *model, const char *folder,
                                   struct sc_error *error)
{
    char bytes[32];
    struct sc_text out = {0};
    sc_text_printf(&out, "%s, revision %s: %zu files, %s: ", model->name, model->commit,
                   model->n_files, cli_bytes((double)model->n_bytes, bytes));
    sc_text_add_visible(&out, folder, strlen(folder), false);
    sc_text_putc(&out, '\n');
    enum sc_status status = cli_put(&out, error);
    sc_text_free(&out);
    return status;
}

/* Nothing is asked: what is there is all that can be had. */
static enum sc_status find_offline(const char *name, struct sc_error *error)
{
    char *folder = NULL;
    SC_TRY(sc_model_locate(name, &folder, error));
    const bool whole = sc_hub_snapshot_is_whole(folder, SC_HUB_MODEL);
    struct sc_text out = {0};
    sc_text_add_visible(&out, folder, strlen(folder), false);
    sc_text_puts(&out, ": there already; HF_HUB_OFFLINE is set, and nothing was asked\n");
    enum sc_status status =
        whole ? cli_put(&out, error)
              : sc_fail(error, SC_ERR_IO,
                        "model \"%s\" is not whole in the local cache, and HF_HUB_OFFLINE is set",
                        name);
    sc_text_free(&out);
    sc_free(folder);
    return status;
}

static enum sc_status pull_looked_up(const struct cli_pull *pull, const struct sc_hub_place *place,
                                     struct sc_hub_model *model, struct sc_error *error)
{
    char *folder = NULL;
    if (!pull->yes && model->n_missing > 0 && cli_can_ask())
        SC_TRY(cli_model_ask(place, model, error));
    const struct sc_hub_pull all = {.place = place, .model = model, .check = true};
    SC_TRY(cli_model_pull(&all, pull->quiet, &folder, error));
    enum sc_status status = print_result(model, folder, error);
    sc_free(folder);
    return status;
}

static enum sc_status pull_from(const struct cli_pull *pull, const char *name,
                                const struct sc_hub_place *place, struct sc_error *error)
{
    struct sc_hub_model model = {0};
    struct cli_fetching silent = {.quiet = true};
    const struct sc_hub_lookup lookup = {
        .place = place, .name = name, .step = cli_fetching_step, .context = &silent};
    if (place->offline)
        return find_offline(name, error);
    SC_TRY(sc_hub_model_look(&lookup, &model, error));
    enum sc_status status = pull_looked_up(pull, place, &model, error);
    sc_hub_model_free(&model);
    return status;
}

/* "OWNER/MODEL@REVISION"; *text (sc_free) holds it where the revision is an option of its own. */
static enum sc_status name_model(const char *name, const char *revision, char **text,
                                 struct sc_error *error)
{
    char shown[SC_LONGEST_SHOWN_URL];
    struct sc_hub_name parts;
    struct sc_text joined = {0};
    if (!sc_hub_name_read(name, &parts))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "expected OWNER/MODEL or OWNER/MODEL@REVISION, found \"%.200s\"",
                       sc_name_shown(name, shown));
    if (revision != NULL && parts.revision != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "expected one revision, found @%s and --revision %s",
                       parts.revision, revision);
    if (revision != NULL && !sc_hub_revision_fits(revision))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--revision: expected a branch, a tag or a commit, found \"%.200s\"",
                       revision);
    sc_text_printf(&joined, "%s%s%s", name, revision != NULL ? "@" : "",
                   revision != NULL ? revision : "");
    *text = sc_text_take(&joined);
    return *text != NULL ? SC_OK : sc_fail_nomem(error, "name of a model");
}

static enum sc_status read_place_and_pull(const struct cli_pull *pull, const char *name,
                                          struct sc_error *error)
{
    struct sc_hub_place place;
    SC_TRY(sc_hub_place_read(&place, error));
    enum sc_status status = pull_from(pull, name, &place, error);
    sc_hub_place_free(&place);
    return status;
}

int cli_pull_model(const struct cli_pull *pull, const char *name)
{
    struct sc_error error = {0};
    char *full = NULL;
    enum sc_status status = name_model(name, pull->revision, &full, &error);
    status = status != SC_OK ? status : read_place_and_pull(pull, full, &error);
    sc_free(full);
    return status == SC_OK ? CLI_DONE : cli_report_error("pull", &error);
}

/* ---- what is here ---------------------------------------------------------------------------- */

struct listing {
    const struct cli_pull *pull;
    struct sc_text *out;
    struct sc_json_writer *json;
    size_t n;
};

static enum sc_status list_model(void *context, const struct sc_hub_cached *cached,
                                 struct sc_error *error)
{
    struct listing *listing = context;
    char bytes[32];
    (void)error;
    if (listing->pull->json) {
        sc_json_put_object(listing->json, NULL);
        sc_json_put_string(listing->json, "name", cached->name);
        sc_json_put_string(listing->json, "revision", cached->commit);
        sc_json_put_count(listing->json, "bytes", (size_t)cached->n_bytes);
        sc_json_put_bool(listing->json, "whole", cached->whole);
        sc_json_put_end_object(listing->json);
        return SC_OK;
    }
    if (listing->n++ == 0)
        sc_text_puts(listing->out, "\nModels in the local cache of the hub:\n");
    sc_text_printf(listing->out, "%-40s %8s  %.12s%s\n", cached->name,
                   cli_bytes((double)cached->n_bytes, bytes),
                   cached->commit != NULL ? cached->commit : "-",
                   cached->whole ? "" : "  (not whole)");
    return SC_OK;
}

int cli_list_models(const struct cli_pull *pull, struct sc_json_writer *json)
{
    struct sc_error error = {0};
    struct listing listing = {.pull = pull, .out = json->text, .json = json};
    char *cache = NULL;
    enum sc_status status = sc_hub_cache(&cache, &error);
    if (cache != NULL)
        status = sc_hub_models_cached(cache, list_model, &listing, &error);
    sc_free(cache);
    return status == SC_OK ? CLI_DONE : cli_report_error("pull", &error);
}
