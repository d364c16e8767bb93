/* See verify.h. */
#include "report/verify/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "experiment/store/damage.h"
#include "experiment/store/mend.h"
#include "experiment/store/schema.h"
#include "experiment/store/store.h"
#include "report/verify/files.h"
#include "report/verify/folders.h"

enum { MOST_NAMED = 5, MOST_LISTED = 1000 };

/* ---- the database ---------------------------------------------------------------------------- */

struct looking {
    struct sc_verified *run;
    struct sc_store *store;
    struct sc_json_writer json; /* into run->damaged */
    size_t n;
    bool beyond; /* damage that no command makes good */
};

static enum sc_status take_sentence(void *context, const char *what, struct sc_error *error)
{
    struct looking *looking = context;
    struct sc_text *words = &looking->run->checks[SC_CHECK_FILE].words;
    const char *line = strchr(what, '\n');
    (void)error;
    if (looking->n++ >= MOST_NAMED)
        return SC_OK;
    sc_text_puts(words, looking->n > 1 ? "; " : "");
    sc_text_add_shortened(words, line != NULL ? line + 1 : what, 120);
    looking->beyond = looking->beyond || strstr(what, "index") == NULL;
    return SC_OK;
}

static void look_at_file(struct looking *looking)
{
    struct sc_verified *run = looking->run;
    struct sc_error error = {0};
    if (sc_file_scan(looking->store, 100, take_sentence, looking, &error) != SC_OK)
        sc_verified_set_wrong(run, SC_CHECK_FILE, &error);
    else if (looking->n == 0)
        sc_verified_set(run, SC_CHECK_FILE, SC_CHECK_OK, "SQLite finds nothing wrong with run.db");
    run->checks[SC_CHECK_FILE].result =
        looking->n > 0 ? SC_CHECK_WRONG : run->checks[SC_CHECK_FILE].result;
}

static void list_row(struct looking *looking, const struct sc_row_damage *damage)
{
    sc_json_put_object(&looking->json, NULL);
    sc_json_put_string(&looking->json, "table", damage->table);
    sc_json_put_integer(&looking->json, "row", damage->row);
    if (damage->of_instance) {
        sc_json_put_integer(&looking->json, "instance", damage->instance);
        if (damage->trace >= 0)
            sc_json_put_integer(&looking->json, "trace", damage->trace);
    }
    sc_json_put_end_object(&looking->json);
}

static enum sc_status take_row(void *context, const struct sc_row_damage *damage,
                               struct sc_error *error)
{
    struct looking *looking = context;
    struct sc_text *words = &looking->run->checks[SC_CHECK_KEYS].words;
    (void)error;
    looking->beyond = looking->beyond || sc_store_is_beyond_mending(damage->table);
    if (looking->n < MOST_LISTED)
        list_row(looking, damage);
    if (looking->n++ >= MOST_NAMED)
        return SC_OK;
    sc_text_puts(words, looking->n > 1 ? ", " : "damaged: ");
    sc_row_damage_say(looking->store, damage, words);
    return SC_OK;
}

static void look_at_keys(struct looking *looking)
{
    struct sc_verified *run = looking->run;
    struct sc_text *words = &run->checks[SC_CHECK_KEYS].words;
    struct sc_error error = {0};
    size_t n_rows = 0;
    looking->n = 0;
    looking->json = (struct sc_json_writer){.text = &run->damaged};
    sc_json_put_array(&looking->json, NULL);
    if (looking->store->version < SC_SCHEMA_KEYS) {
        run->checks[SC_CHECK_KEYS].result = SC_CHECK_SKIPPED;
        sc_text_printf(words, "version %d of run.db has no keys: a change within a row is not seen",
                       looking->store->version);
    } else if (sc_rows_scan(looking->store, NULL, take_row, looking, &n_rows, &error) != SC_OK) {
        sc_text_puts(words, looking->n > 0 ? "; " : "");
        sc_verified_set_wrong(run, SC_CHECK_KEYS, &error);
    } else if (looking->n > 0) {
        run->checks[SC_CHECK_KEYS].result = SC_CHECK_WRONG;
        if (looking->n > MOST_NAMED)
            sc_text_printf(words, " and %zu more", looking->n - MOST_NAMED);
        sc_text_printf(words, " (%zu of %zu rows)", looking->n, n_rows);
    } else {
        sc_text_printf(words, "%zu rows have the keys of what stands in them", n_rows);
    }
    sc_json_put_end_array(&looking->json);
}

static void look_at_database(struct sc_verified *run)
{
    struct looking looking = {.run = run};
    struct sc_error error = {0};
    if (sc_store_open_unchecked(&looking.store, run->folder, &error) != SC_OK) {
        sc_verified_set_wrong(run, SC_CHECK_FILE, &error);
        sc_verified_set(run, SC_CHECK_KEYS, SC_CHECK_SKIPPED, "run.db cannot be read");
        return;
    }
    look_at_file(&looking);
    look_at_keys(&looking);
    sc_store_close(looking.store);
    bool wrong = run->checks[SC_CHECK_FILE].result == SC_CHECK_WRONG ||
                 run->checks[SC_CHECK_KEYS].result == SC_CHECK_WRONG;
    if (wrong && !looking.beyond)
        run->mends = "safeconf verify --mend";
}

/* ---- the model ------------------------------------------------------------------------------- */

static void look_at_model(struct sc_verified *run, const struct sc_run *loaded,
                          const char *fingerprint)
{
    json_t *config = NULL;
    (void)sc_json_parse(loaded->config_json, strlen(loaded->config_json), "config", &config, NULL);
    const char *stored =
        json_string_value(json_object_get(json_object_get(config, "model"), "fingerprint"));
    struct sc_text *words = &run->checks[SC_CHECK_MODEL].words;
    if (stored == NULL)
        sc_verified_set(run, SC_CHECK_MODEL, SC_CHECK_SKIPPED,
                        "the run's traces come from no model here");
    else if (fingerprint == NULL)
        sc_verified_set(run, SC_CHECK_MODEL, SC_CHECK_SKIPPED, "not asked for (--model DIR)");
    else if (strcmp(stored, fingerprint) == 0)
        sc_verified_set(run, SC_CHECK_MODEL, SC_CHECK_OK,
                        "the model's files are those that were sampled");
    else {
        run->checks[SC_CHECK_MODEL].result = SC_CHECK_WRONG;
        sc_text_printf(words, "expected the model %s, found %s", stored, fingerprint);
    }
    json_decref(config);
}

/* ---- a run ----------------------------------------------------------------------------------- */

static void say_values(struct sc_verified *run, const struct sc_run *loaded)
{
    size_t n_traces = 0;
    for (size_t i = 0; i < loaded->n_instances; i++)
        n_traces += loaded->instances[i].n_traces;
    run->checks[SC_CHECK_VALUES].result = SC_CHECK_OK;
    sc_text_printf(&run->checks[SC_CHECK_VALUES].words,
                   "%zu prompts have their key, %zu traces hold possible values",
                   loaded->n_instances, n_traces);
}

static enum sc_status verify_loaded(struct sc_verified *run, const struct sc_run *loaded,
                                    const struct sc_verify_options *options, struct sc_error *error)
{
    say_values(run, loaded);
    look_at_model(run, loaded, options->fingerprint);
    return sc_verify_files(run, loaded, options, error);
}

static enum sc_status verify_run(struct sc_verified *run, const struct sc_verify_options *options,
                                 struct sc_error *error)
{
    struct sc_run loaded;
    struct sc_error why = {0};
    look_at_database(run);
    if (run->checks[SC_CHECK_FILE].result == SC_CHECK_WRONG ||
        run->checks[SC_CHECK_KEYS].result == SC_CHECK_WRONG) {
        for (enum sc_check check = SC_CHECK_VALUES; check < SC_N_CHECKS; check++)
            sc_verified_set(run, check, SC_CHECK_SKIPPED, "run.db is damaged");
        return SC_OK;
    }
    if (sc_run_load(run->folder, true, &loaded, &why) != SC_OK) {
        sc_verified_set_wrong(run, SC_CHECK_VALUES, &why);
        sc_verified_set(run, SC_CHECK_MODEL, SC_CHECK_SKIPPED, "run.db is damaged");
        sc_verified_set(run, SC_CHECK_FILES, SC_CHECK_SKIPPED, "run.db is damaged");
        return SC_OK;
    }
    enum sc_status status = verify_loaded(run, &loaded, options, error);
    sc_run_free(&loaded);
    return status;
}

static bool is_whole(const struct sc_verified *run)
{
    for (int check = 0; check < SC_N_CHECKS; check++)
        if (run->checks[check].result == SC_CHECK_WRONG)
            return false;
    return true;
}

static enum sc_status verify_all(const struct sc_folders *folders,
                                 const struct sc_verify_options *options,
                                 struct sc_verification *out, struct sc_error *error)
{
    out->runs = sc_alloc_zero(folders->n, sizeof *out->runs);
    if (out->runs == NULL)
        return sc_fail_nomem(error, "runs");
    out->whole = true;
    for (size_t i = 0; i < folders->n; i++) {
        struct sc_verified *run = &out->runs[out->n++];
        run->folder = sc_strdup(folders->paths[i]);
        if (run->folder == NULL)
            return sc_fail_nomem(error, "runs");
        SC_TRY(verify_run(run, options, error));
        out->whole = out->whole && is_whole(run);
    }
    return SC_OK;
}

enum sc_status sc_verify(const char *folder, const struct sc_verify_options *options,
                         struct sc_verification *out, struct sc_error *error)
{
    struct sc_folders folders = {0};
    *out = (struct sc_verification){0};
    enum sc_status status = sc_folders_find(&folders, folder, error);
    status = status != SC_OK ? status : verify_all(&folders, options, out, error);
    sc_folders_free(&folders);
    return status;
}

void sc_verification_free(struct sc_verification *verification)
{
    for (size_t i = 0; i < verification->n; i++) {
        struct sc_verified *run = &verification->runs[i];
        for (int check = 0; check < SC_N_CHECKS; check++)
            sc_text_free(&run->checks[check].words);
        sc_text_free(&run->damaged);
        sc_free(run->folder);
    }
    sc_free(verification->runs);
    *verification = (struct sc_verification){0};
}

/* ---- for callers of the library -------------------------------------------------------------- */

enum sc_status sc_run_db_check(const char *folder, struct sc_error *error)
{
    struct sc_store *store = NULL;
    if (folder == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "run: expected a folder");
    SC_TRY(sc_store_open_read(&store, folder, error));
    sc_store_close(store);
    return SC_OK;
}

enum sc_status sc_verify_json(const char *folder, const struct sc_report_observer *observer,
                              char **json, struct sc_error *error)
{
    struct sc_verify_options options = {0};
    struct sc_verification found = {0};
    struct sc_text text = {0};
    if (folder == NULL || json == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "verify: expected a folder and where to put a text");
    *json = NULL;
    if (observer != NULL) {
        options.keep_going = observer->keep_going;
        options.context = observer->context;
    }
    enum sc_status status = sc_verify(folder, &options, &found, error);
    status = status != SC_OK ? status : sc_verification_json(&found, &text, error);
    sc_verification_free(&found);
    *json = status == SC_OK ? sc_text_take(&text) : NULL;
    sc_text_free(&text);
    return status != SC_OK || *json != NULL ? status : sc_fail_nomem(error, "what was verified");
}
