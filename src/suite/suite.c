/* Reads a suite's file and multiplies its runs out; suite.h. */
#include "suite/suite.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/toml.h"
#include "suite/names.h"

enum { MOST_BYTES = 1 << 20 };

/* ---- the form ----------------------------------------------------------------------------------
 */

static enum sc_status expect(const json_t *value, bool fits, const char *key, const char *expected,
                             struct sc_error *error)
{
    if (fits)
        return SC_OK;
    return sc_fail(error, SC_ERR_FORMAT, "%s: expected %s, found %s", key, expected,
                   sc_json_kind(value));
}

/* A text that may be missing; NULL then. */
static enum sc_status take_text(const json_t *object, const char *key, const char **out,
                                struct sc_error *error)
{
    const json_t *value = json_object_get(object, key);
    *out = json_string_value(value);
    SC_TRY(expect(value, value == NULL || *out != NULL, key, "a text", error));
    if (*out != NULL && **out == '\0')
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected a text, found \"\"", key);
    return SC_OK;
}

/* A table that may be missing. */
static enum sc_status take_table(const json_t *object, const char *key, json_t **out,
                                 struct sc_error *error)
{
    *out = json_object_get(object, key);
    return expect(*out, *out == NULL || json_is_object(*out), key, "a table", error);
}

/* A list of tables that may be missing. */
static enum sc_status take_tables(const json_t *object, const char *key, const char *heading,
                                  json_t **out, struct sc_error *error)
{
    char expected[SC_SUITE_LONGEST_NAME];
    const json_t *item;
    size_t i;
    snprintf(expected, sizeof expected, "tables, each under %s", heading);
    *out = json_object_get(object, key);
    SC_TRY(expect(*out, *out == NULL || json_is_array(*out), key, expected, error));
    json_array_foreach(*out, i, item)
        SC_TRY(expect(item, json_is_object(item), key, expected, error));
    return SC_OK;
}

/* The name of a phase or run. */
static enum sc_status take_name(const json_t *object, bool dots, const char **out,
                                struct sc_error *error)
{
    SC_TRY(take_text(object, "name", out, error));
    if (*out == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "name: expected " SC_SUITE_NAME_EXPECTED ", missing");
    if (!sc_suite_name_fits(*out, dots))
        return sc_fail(error, SC_ERR_FORMAT,
                       "name: expected " SC_SUITE_NAME_EXPECTED
                       " that is no word of conditions, found \"%.60s\"",
                       *out);
    return SC_OK;
}

/* ---- options ----------------------------------------------------------------------------------
 */

static bool is_scalar(const json_t *value)
{
    return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

/* A value that an option can have: one, or a list of several. */
static enum sc_status check_value(const char *key, const json_t *value, struct sc_error *error)
{
    const json_t *item;
    size_t i;
    SC_TRY(expect(value, is_scalar(value) || json_is_array(value), key,
                  "a text, a number, true, false or a list of them", error));
    json_array_foreach(value, i, item)
        SC_TRY(expect(item, is_scalar(item), key, "a list of texts and numbers", error));
    return SC_OK;
}

/* The name of an option on the command line. */
static enum sc_status name_option(const char *key, char name[SC_SUITE_LONGEST_NAME],
                                  struct sc_error *error)
{
    size_t n = strlen(key);
    if (n == 0 || n >= SC_SUITE_LONGEST_NAME)
        return sc_fail(error, SC_ERR_FORMAT, "unknown option \"%.60s\"", key);
    for (size_t i = 0; i <= n; i++)
        name[i] = key[i] == '_' ? '-' : key[i];
    return SC_OK;
}

static enum sc_status set_option(json_t *options, const char *key, json_t *value,
                                 struct sc_error *error)
{
    char name[SC_SUITE_LONGEST_NAME];
    SC_TRY(name_option(key, name, error));
    SC_TRY(check_value(key, value, error));
    return json_object_set(options, name, value) == 0 ? SC_OK
                                                      : sc_fail_nomem(error, "options of a suite");
}

static bool is_one_of(const char *key, const char *const *words)
{
    while (words != NULL && *words != NULL)
        if (strcmp(*words++, key) == 0)
            return true;
    return false;
}

/* The members of a table that are no words of the form, which may be NULL.  Two spellings of one
 * option are one too many. */
static enum sc_status set_options(json_t *options, json_t *from, const char *const *form,
                                  struct sc_error *error)
{
    const char *key, *other;
    json_t *value, *second;
    char name[SC_SUITE_LONGEST_NAME], again[SC_SUITE_LONGEST_NAME];
    json_object_foreach(from, key, value)
    {
        if (is_one_of(key, form))
            continue;
        SC_TRY(set_option(options, key, value, error));
        SC_TRY(name_option(key, name, error));
        json_object_foreach(from, other, second)
        {
            bool same = other != key && !is_one_of(other, form) &&
                        name_option(other, again, NULL) == SC_OK && strcmp(name, again) == 0;
            if (same)
                return sc_fail(error, SC_ERR_FORMAT, "expected %s once, found it as %s too", key,
                               other);
        }
    }
    return SC_OK;
}

/* ---- runs -------------------------------------------------------------------------------------
 */

/* A phase while its runs are made. */
struct making {
    struct sc_suite *suite;
    size_t phase;
    json_t *table, *matrix; /* of the phase; matrix NULL: none */
    size_t *cap;            /* of suite->runs */
};

static const char *const form_of_phase[] = {"name", "when", "matrix", "run", NULL};
static const char *const form_of_run[] = {"name", NULL};

/* Sets the values of combination number `at` of the matrix, the last key the fastest, and appends
 * their names. */
static enum sc_status set_combination(json_t *options, json_t *matrix, size_t at,
                                      struct sc_text *name, struct sc_error *error)
{
    size_t below = 1;
    const char *key;
    json_t *values;
    json_object_foreach(matrix, key, values) below *= json_array_size(values);
    json_object_foreach(matrix, key, values)
    {
        below /= json_array_size(values);
        size_t i = at / below % json_array_size(values);
        SC_TRY(set_option(options, key, json_array_get(values, i), error));
        if (json_array_size(values) == 1)
            continue; /* says nothing */
        if (name->len > 0)
            sc_text_putc(name, '-');
        sc_suite_name_value(name, key, values, i);
    }
    return SC_OK;
}

/* All options of one run; own: its table, or NULL. */
static enum sc_status set_run(const struct making *making, json_t *own, size_t at,
                              struct sc_suite_run *run, struct sc_error *error)
{
    struct sc_text name = {0}, place = {0};
    json_t *defaults = json_object_get(making->suite->file, "defaults");
    run->phase = making->phase;
    run->options = json_object();
    if (run->options == NULL)
        return sc_fail_nomem(error, "run of a suite");
    SC_TRY(set_options(run->options, defaults, NULL, error));
    SC_TRY(set_options(run->options, making->table, form_of_phase, error));
    SC_TRY(set_options(run->options, own, form_of_run, error));
    if (own != NULL)
        sc_text_puts(&name, json_string_value(json_object_get(own, "name")));
    enum sc_status status = set_combination(run->options, making->matrix, at, &name, error);
    if (name.len == 0)
        sc_text_puts(&name, "run");
    run->name = sc_text_take(&name);
    SC_TRY(status);
    if (run->name == NULL)
        return sc_fail_nomem(error, "run of a suite");
    sc_text_printf(&place, "%s/%s", making->suite->phases[making->phase].name, run->name);
    run->place = sc_text_take(&place);
    return run->place != NULL ? SC_OK : sc_fail_nomem(error, "run of a suite");
}

static enum sc_status add_run(const struct making *making, json_t *own, size_t at,
                              struct sc_error *error)
{
    struct sc_suite *suite = making->suite;
    if (suite->n_runs == SC_SUITE_MOST_RUNS)
        return sc_fail(error, SC_ERR_FORMAT, "expected at most %d runs in a suite",
                       SC_SUITE_MOST_RUNS);
    if (sc_grow((void **)&suite->runs, suite->n_runs, making->cap, sizeof *suite->runs) != 0)
        return sc_fail_nomem(error, "runs of a suite");
    struct sc_suite_run *run = &suite->runs[suite->n_runs++];
    *run = (struct sc_suite_run){0};
    SC_TRY(set_run(making, own, at, run, error));
    if (!sc_suite_name_fits(run->name, true))
        return sc_fail(error, SC_ERR_FORMAT,
                       "expected " SC_SUITE_NAME_EXPECTED " for each run, found \"%.60s\": "
                       "[[phase.run]] gives runs names of their own",
                       run->name);
    for (size_t i = suite->phases[making->phase].first; i + 1 < suite->n_runs; i++)
        if (strcmp(suite->runs[i].name, run->name) == 0)
            return sc_fail(error, SC_ERR_FORMAT,
                           "two runs are named \"%s\": [[phase.run]] gives runs names of their own",
                           run->name);
    suite->phases[making->phase].n_runs++;
    return SC_OK;
}

/* How many combinations a matrix has; 1 without one. */
static enum sc_status count_combinations(json_t *matrix, size_t *n, struct sc_error *error)
{
    const char *key;
    json_t *values;
    *n = 1;
    json_object_foreach(matrix, key, values)
    {
        SC_TRY(expect(values, json_is_array(values), key, "a list of values", error));
        if (json_array_size(values) == 0)
            return sc_fail(error, SC_ERR_FORMAT, "%s: expected values, found none", key);
        *n = sc_size_mul(*n, json_array_size(values));
        if (*n > SC_SUITE_MOST_RUNS)
            return sc_fail(error, SC_ERR_FORMAT, "expected at most %d runs in a suite",
                           SC_SUITE_MOST_RUNS);
    }
    return SC_OK;
}

static enum sc_status add_runs(const struct making *making, json_t *own, struct sc_error *error)
{
    size_t n = 0;
    const char *name;
    if (own != NULL)
        SC_TRY(take_name(own, true, &name, error));
    enum sc_status status = count_combinations(making->matrix, &n, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "matrix");
        return status;
    }
    for (size_t at = 0; at < n; at++)
        SC_TRY(add_run(making, own, at, error));
    return SC_OK;
}

/* ---- phases -----------------------------------------------------------------------------------
 */

/* Whether the figures that a condition asks for are of earlier runs, and of one where one is
 * meant. */
static enum sc_status check_references(const struct sc_suite *suite,
                                       const struct sc_condition *condition, struct sc_error *error)
{
    const struct sc_condition_reference *r;
    for (size_t i = 0; (r = sc_condition_reference(condition, i)) != NULL; i++) {
        size_t phase = sc_suite_phase_at(suite, r->phase);
        if (phase == SIZE_MAX)
            return sc_fail(error, SC_ERR_FORMAT, "expected an earlier phase, found \"%s\"",
                           r->phase);
        if (r->run != NULL && sc_suite_run_at(suite, phase, r->run) == SIZE_MAX)
            return sc_fail(error, SC_ERR_FORMAT, "phase \"%s\" has no run \"%s\"", r->phase,
                           r->run);
        size_t n = suite->phases[phase].n_runs;
        if (r->run == NULL && r->quantifier == SC_OF_THE_ONE && n != 1)
            return sc_fail(error, SC_ERR_FORMAT,
                           "phase \"%s\" has %zu runs: expected any %s..., all %s... or %s[%s]...",
                           r->phase, n, r->phase, r->phase, r->phase,
                           suite->runs[suite->phases[phase].first].name);
    }
    return SC_OK;
}

static enum sc_status read_condition(const struct sc_suite *suite, struct sc_suite_phase *phase,
                                     struct sc_error *error)
{
    if (phase->when == NULL)
        return SC_OK;
    SC_TRY(sc_condition_parse(phase->when, &phase->condition, error));
    return check_references(suite, phase->condition, error);
}

/* name: set, so that messages can say it.  The phase itself comes into being last: conditions know
 * those before it. */
static enum sc_status read_phase(struct sc_suite *suite, json_t *table, size_t *cap,
                                 const char **name, struct sc_error *error)
{
    struct sc_suite_phase *phase = &suite->phases[suite->n_phases];
    struct making making = {suite, suite->n_phases, table, NULL, cap};
    json_t *runs, *own;
    size_t i;
    SC_TRY(take_name(table, false, &phase->name, error));
    *name = phase->name;
    if (sc_suite_phase_at(suite, phase->name) != SIZE_MAX)
        return sc_fail(error, SC_ERR_FORMAT, "expected a name of its own, found it twice");
    SC_TRY(take_text(table, "when", &phase->when, error));
    enum sc_status status = read_condition(suite, phase, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "when");
        return status;
    }
    SC_TRY(take_table(table, "matrix", &making.matrix, error));
    SC_TRY(take_tables(table, "run", "[[phase.run]]", &runs, error));
    phase->first = suite->n_runs;
    if (runs == NULL)
        SC_TRY(add_runs(&making, NULL, error));
    json_array_foreach(runs, i, own) SC_TRY(add_runs(&making, own, error));
    suite->n_phases++;
    return SC_OK;
}

static enum sc_status read_phases(struct sc_suite *suite, json_t *tables, struct sc_error *error)
{
    json_t *table;
    size_t i, cap = 0;
    json_array_foreach(tables, i, table)
    {
        const char *name = NULL;
        enum sc_status status = read_phase(suite, table, &cap, &name, error);
        if (status != SC_OK && name != NULL)
            sc_error_prefix(error, "phase \"%s\"", name);
        else if (status != SC_OK)
            sc_error_prefix(error, "phase %zu", i + 1);
        SC_TRY(status);
    }
    return SC_OK;
}

/* ---- all of it --------------------------------------------------------------------------------
 */

static enum sc_status read_file(struct sc_suite *suite, struct sc_error *error)
{
    static const char *const keys[] = {"name", "out", "hours", "defaults", "phase"};
    static const double none = NAN;
    json_t *phases, *defaults;
    const char *key;
    json_t *value;
    json_object_foreach(suite->file, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            known = known || strcmp(keys[i], key) == 0;
        if (!known)
            return sc_fail(error, SC_ERR_FORMAT,
                           "unknown field \"%.60s\" (name, out, hours, [defaults] and [[phase]] "
                           "are known; options stand in [defaults] or in a phase)",
                           key);
    }
    SC_TRY(take_text(suite->file, "name", &suite->name, error));
    SC_TRY(take_text(suite->file, "out", &suite->out, error));
    SC_TRY(sc_json_real(suite->file, "hours", (struct sc_json_reals){0, 1e6}, &none, &suite->hours,
                        error));
    SC_TRY(take_table(suite->file, "defaults", &defaults, error));
    SC_TRY(take_tables(suite->file, "phase", "[[phase]]", &phases, error));
    size_t n = json_array_size(phases);
    if (n == 0 || n > SC_SUITE_MOST_PHASES)
        return sc_fail(error, SC_ERR_FORMAT,
                       "expected 1 to %d phases, each under [[phase]], found %zu",
                       SC_SUITE_MOST_PHASES, n);
    suite->phases = sc_alloc_zero(n, sizeof *suite->phases);
    if (suite->phases == NULL)
        return sc_fail_nomem(error, "phases of a suite");
    return read_phases(suite, phases, error);
}

/* Prefixes what is wrong with the form; errors of reading name the file themselves. */
static enum sc_status read_named(struct sc_suite *suite, const char *what, struct sc_error *error)
{
    enum sc_status status = read_file(suite, error);
    if (status != SC_OK)
        sc_error_prefix(error, "%s", what);
    return status;
}

enum sc_status sc_suite_parse(const char *text, size_t n, const char *what, struct sc_suite *suite,
                              struct sc_error *error)
{
    assert(text != NULL && what != NULL && suite != NULL);
    *suite = (struct sc_suite){.hours = NAN};
    SC_TRY(sc_toml_parse(text, n, what, &suite->file, error));
    return read_named(suite, what, error);
}

enum sc_status sc_suite_read(const char *path, struct sc_suite *suite, struct sc_error *error)
{
    assert(path != NULL && suite != NULL);
    *suite = (struct sc_suite){.hours = NAN};
    SC_TRY(sc_toml_read(path, MOST_BYTES, &suite->file, error));
    return read_named(suite, path, error);
}

void sc_suite_free(struct sc_suite *suite)
{
    size_t n_made =
        suite->phases != NULL ? json_array_size(json_object_get(suite->file, "phase")) : 0;
    for (size_t i = 0; i < n_made; i++)
        sc_condition_free(suite->phases[i].condition);
    for (size_t i = 0; i < suite->n_runs; i++) {
        sc_free(suite->runs[i].name);
        sc_free(suite->runs[i].place);
        json_decref(suite->runs[i].options);
    }
    sc_free(suite->phases);
    sc_free(suite->runs);
    json_decref(suite->file);
    *suite = (struct sc_suite){0};
}

size_t sc_suite_phase_at(const struct sc_suite *suite, const char *name)
{
    for (size_t i = 0; i < suite->n_phases; i++)
        if (strcmp(suite->phases[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

size_t sc_suite_run_at(const struct sc_suite *suite, size_t phase, const char *name)
{
    const struct sc_suite_phase *p = &suite->phases[phase];
    for (size_t i = p->first; i < p->first + p->n_runs; i++)
        if (strcmp(suite->runs[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}
