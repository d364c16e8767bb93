/* See files.h. */
#include "report/verify/files.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "report/report.h"
#include "report/tables.h"

enum { MOST_BYTES = 1 << 30 };

void sc_verified_set(struct sc_verified *run, enum sc_check check, enum sc_check_result result,
                     const char *words)
{
    run->checks[check].result = result;
    sc_text_puts(&run->checks[check].words, words);
}

void sc_verified_set_wrong(struct sc_verified *run, enum sc_check check,
                           const struct sc_error *error)
{
    size_t n = strlen(run->folder);
    bool begins = strncmp(error->text, run->folder, n) == 0 && error->text[n] == '/';
    sc_verified_set(run, check, SC_CHECK_WRONG, error->text + (begins ? n + 1 : 0));
}

struct comparing {
    struct sc_verified *run;
    char *csv, *tables; /* folders within the run's that have such files, or NULL */
    size_t n_same, n_other, n_missing;
    struct sc_text other, missing;
    struct sc_text unsure; /* what cannot be compared, with its reason */
    bool replay_is_other;
};

static void name_one(struct sc_text *names, size_t *n, const char *folder, const char *name)
{
    size_t length = 0;
    sc_text_puts(names, (*n)++ > 0 ? ", " : "");
    if (folder != NULL) {
        const char *last = sc_path_last(folder, &length);
        sc_text_add(names, last, length);
        sc_text_putc(names, '/');
    }
    sc_text_puts(names, name);
}

static bool ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), k = strlen(ending);
    return n >= k && strcmp(name + n - k, ending) == 0;
}

/* Where a file of that name is looked for; NULL: in the run's folder itself. */
static const char *inner_folder(const struct comparing *comparing, const char *name)
{
    if (ends_with(name, ".csv"))
        return comparing->csv;
    return ends_with(name, ".tex") || ends_with(name, ".md") ? comparing->tables : NULL;
}

static enum sc_status compare_file(void *context, const char *name, const struct sc_text *text,
                                   struct sc_error *error)
{
    struct comparing *comparing = context;
    const char *inner = inner_folder(comparing, name);
    struct sc_error why = {0};
    char *path = sc_path_join(inner != NULL ? inner : comparing->run->folder, name), *found = NULL;
    size_t n = 0;
    if (path == NULL)
        return sc_fail_nomem(error, name);
    if (!sc_file_exists(path))
        name_one(&comparing->missing, &comparing->n_missing, inner, name);
    else if (sc_file_read(path, MOST_BYTES, &found, &n, &why) == SC_OK && n == text->len &&
             memcmp(found, text->data, n) == 0)
        comparing->n_same++;
    else
        name_one(&comparing->other, &comparing->n_other, inner, name);
    sc_free(found);
    sc_free(path);
    return why.status == SC_ERR_NOMEM ? sc_fail_nomem(error, name) : SC_OK;
}

/* ---- folders within -------------------------------------------------------------------------- */

/* Takes the path where it is the first of its kind in the order of names, so that one that is
 * looked at today is looked at tomorrow. */
static bool take_first(char **first, char *path)
{
    if (*first != NULL && strcmp(*first, path) <= 0)
        return false;
    sc_free(*first);
    *first = path;
    return true;
}

static enum sc_status find_folders(struct comparing *comparing, struct sc_error *error)
{
    char table[60];
    const struct dirent *entry;
    DIR *all = opendir(comparing->run->folder);
    snprintf(table, sizeof table, "%s%s", sc_paper_table_name(0), sc_paper_ending(0));
    while (all != NULL && (entry = readdir(all)) != NULL) {
        if (!sc_is_plain_name(entry->d_name) || entry->d_type == DT_LNK)
            continue;
        char *path = sc_path_join(comparing->run->folder, entry->d_name);
        if (path == NULL) {
            closedir(all);
            return sc_fail_nomem(error, "files of a run");
        }
        char *again = sc_file_exists_in(path, table) ? sc_strdup(path) : NULL;
        if (!sc_file_exists_in(path, "instances.csv") || !take_first(&comparing->csv, path))
            sc_free(path);
        if (again != NULL && !take_first(&comparing->tables, again))
            sc_free(again);
    }
    if (all != NULL)
        closedir(all);
    return SC_OK;
}

/* ---- replay.json ----------------------------------------------------------------------------- */

/* The options that a replay says it was made with. */
static struct sc_replay_run_options options_of(const json_t *top,
                                               const struct sc_verify_options *options)
{
    struct sc_replay_run_options made = sc_replay_run_options_default();
    const json_t *source = json_object_get(top, "source");
    const json_t *orders = json_object_get(source, "n_orders");
    const json_t *traces = json_object_get(source, "traces_per_instance");
    const char *seed = json_string_value(json_object_get(source, "seed"));
    const json_t *changes = json_object_get(json_object_get(top, "recommendation"), "max_changes");
    if (json_is_integer(orders) && json_integer_value(orders) > 0)
        made.n_orders = (size_t)json_integer_value(orders);
    if (json_is_integer(traces) && json_integer_value(traces) > 0)
        made.max_traces = (size_t)json_integer_value(traces);
    if (json_is_number(changes))
        made.max_changes = json_number_value(changes);
    made.seed = seed != NULL ? strtoull(seed, NULL, 10) : 0;
    made.keep_going = options->keep_going;
    made.context = options->context;
    return made;
}

/* The same traces, verdicts and options: what differs then is made by options that it does not
 * name, or is damaged. */
static bool same_source(const json_t *stored, const char *now)
{
    json_t *made = NULL;
    (void)sc_json_parse(now, strlen(now), "replay.json", &made, NULL);
    bool same = json_equal(json_object_get(stored, "source"), json_object_get(made, "source")) == 1;
    json_decref(made);
    return same;
}

static enum sc_status compare_replay(struct comparing *comparing, const json_t *stored,
                                     const struct sc_text *text,
                                     const struct sc_verify_options *options,
                                     struct sc_error *error)
{
    struct sc_text made = {0};
    struct sc_error why = {0};
    const struct sc_replay_run_options wanted = options_of(stored, options);
    enum sc_status status = sc_report_replay(comparing->run->folder, &wanted,
                                             &(struct sc_replay_texts){.json = &made}, &why);
    if (status == SC_ERR_INTERRUPTED || status == SC_ERR_NOMEM) {
        sc_fail(error, status, "%s", why.text);
    } else {
        bool other = status != SC_OK || !same_source(stored, made.data);
        if (!other && made.len == text->len && memcmp(made.data, text->data, made.len) == 0)
            comparing->n_same++;
        else if (other)
            name_one(&comparing->other, &comparing->n_other, NULL, "replay.json");
        else
            sc_text_puts(&comparing->unsure, "; replay.json is of these traces, by options that it "
                                             "does not name, and was not compared");
        comparing->replay_is_other = other;
        status = SC_OK;
    }
    sc_text_free(&made);
    return status;
}

static enum sc_status look_at_replay(struct comparing *comparing,
                                     const struct sc_verify_options *options,
                                     struct sc_error *error)
{
    struct sc_text text = {0};
    char *path = sc_path_join(comparing->run->folder, "replay.json");
    if (path == NULL)
        return sc_fail_nomem(error, "replay.json");
    enum sc_status status = SC_OK;
    if (sc_file_exists(path)) {
        struct sc_error why = {0};
        json_t *stored = NULL;
        if (sc_file_read(path, MOST_BYTES, &text.data, &text.len, &why) == SC_OK &&
            sc_json_read(path, MOST_BYTES, &stored, &why) == SC_OK) {
            status = compare_replay(comparing, stored, &text, options, error);
        } else {
            name_one(&comparing->other, &comparing->n_other, NULL, "replay.json");
            comparing->replay_is_other = true;
        }
        json_decref(stored);
    }
    sc_free(text.data);
    sc_free(path);
    return status;
}

/* ---- what only its time tells ---------------------------------------------------------------- */

static bool modified(const char *folder, const char *name, struct timespec *when)
{
    struct stat info;
    char *path = sc_path_join(folder, name);
    bool there = path != NULL && stat(path, &info) == 0;
    if (there)
        *when = info.st_mtim;
    sc_free(path);
    return there;
}

static void look_at_times(struct comparing *comparing)
{
    static const char *const names[] = {"run.eval", "figures"};
    struct timespec run, made;
    if (!modified(comparing->run->folder, "run.db", &run))
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (modified(comparing->run->folder, names[i], &made))
            sc_text_printf(&comparing->unsure, "; %s is %s than run.db", names[i],
                           made.tv_sec < run.tv_sec ||
                                   (made.tv_sec == run.tv_sec && made.tv_nsec < run.tv_nsec)
                               ? "older"
                               : "newer");
}

/* ---- together -------------------------------------------------------------------------------- */

static void say_files(const struct comparing *comparing)
{
    struct sc_verified *run = comparing->run;
    struct sc_text *words = &run->checks[SC_CHECK_FILES].words;
    run->checks[SC_CHECK_FILES].result = comparing->n_other > 0 ? SC_CHECK_WRONG : SC_CHECK_OK;
    if (comparing->n_other > 0 && run->mends == NULL)
        run->mends = comparing->replay_is_other ? "safeconf replay" : "safeconf report";
    if (comparing->n_other > 0)
        sc_text_printf(words, "not what is made of run.db now: %s", comparing->other.data);
    else
        sc_text_printf(words, "%zu file%s what is made of run.db now", comparing->n_same,
                       comparing->n_same == 1 ? " is" : "s are");
    if (comparing->n_missing > 0)
        sc_text_printf(words, "; not there: %s", comparing->missing.data);
    if (comparing->unsure.len > 0)
        sc_text_puts(words, comparing->unsure.data);
}

static enum sc_status compare(struct comparing *comparing, const struct sc_run *loaded,
                              const struct sc_verify_options *options, struct sc_error *error)
{
    SC_TRY(find_folders(comparing, error));
    const struct sc_report_wish wish = {.run = loaded,
                                        .csv = comparing->csv,
                                        .tables = comparing->tables,
                                        .keep_going = options->keep_going,
                                        .context = options->context,
                                        .take = compare_file,
                                        .take_context = comparing};
    SC_TRY(sc_report_make(comparing->run->folder, &wish, error));
    SC_TRY(look_at_replay(comparing, options, error));
    look_at_times(comparing);
    return comparing->other.failed || comparing->missing.failed || comparing->unsure.failed
               ? sc_fail_nomem(error, "files of a run")
               : SC_OK;
}

enum sc_status sc_verify_files(struct sc_verified *run, const struct sc_run *loaded,
                               const struct sc_verify_options *options, struct sc_error *error)
{
    struct comparing comparing = {.run = run};
    struct sc_error why = {0};
    enum sc_status status = compare(&comparing, loaded, options, &why);
    if (status != SC_OK)
        sc_verified_set_wrong(run, SC_CHECK_FILES, &why);
    else
        say_files(&comparing);
    sc_text_free(&comparing.other);
    sc_text_free(&comparing.missing);
    sc_text_free(&comparing.unsure);
    sc_free(comparing.csv);
    sc_free(comparing.tables);
    return status == SC_ERR_INTERRUPTED ? sc_fail(error, status, "interrupted") : SC_OK;
}
