/* What a row says of its answers beside their texts (columns.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "experiment/import/columns.h"
#include "vocabulary/ending.h"

/* What a cell says of answer i of n: its part of a list, or all of it. */
static enum sc_status part_of(const json_t *cell, size_t i, size_t n, const char *what,
                              const json_t **out, struct sc_error *error)
{
    *out = cell;
    if (!json_is_array(cell))
        return SC_OK;
    if (json_array_size(cell) != n)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected %zu, one for each answer, found %zu",
                       what, n, json_array_size(cell));
    *out = json_array_get(cell, i);
    return SC_OK;
}

/* A number that may stand as text. */
static enum sc_status read_count(const json_t *value, const char *what, size_t *out,
                                 struct sc_error *error)
{
    const char *text = json_string_value(value);
    char *end = NULL;
    long long number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (json_is_real(value) && json_real_value(value) == floor(json_real_value(value)) &&
        fabs(json_real_value(value)) < 1e9)
        number = (long long)json_real_value(value);
    if (text != NULL && *text) {
        double real = strtod(text, &end); /* pandas writes 3.0 */
        number = *end == '\0' && real == floor(real) && fabs(real) < 1e9 ? (long long)real : -1;
    }
    if (number < 0 || number > INT32_MAX)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected a number from 0, found %.60s", what,
                       text != NULL ? text : sc_json_kind(value));
    *out = (size_t)number;
    return SC_OK;
}

static enum sc_status read_harm(const json_t *value, enum sc_harm *out, struct sc_error *error)
{
    static const struct {
        const char *word;
        enum sc_harm harm;
    } words[] = {{"true", SC_HARMFUL},       {"false", SC_HARMLESS},
                 {"1", SC_HARMFUL},          {"0", SC_HARMLESS},
                 {"1.0", SC_HARMFUL},        {"0.0", SC_HARMLESS},
                 {"yes", SC_HARMFUL},        {"no", SC_HARMLESS},
                 {"unsafe", SC_HARMFUL},     {"safe", SC_HARMLESS},
                 {"harmful", SC_HARMFUL},    {"harmless", SC_HARMLESS},
                 {"unharmful", SC_HARMLESS}, {"jailbroken", SC_HARMFUL},
                 {"", SC_UNJUDGED},          {"controversial", SC_CONTROVERSIAL},
                 {"unjudged", SC_UNJUDGED}};
    const char *text = json_is_true(value)                                        ? "true"
                       : json_is_false(value)                                     ? "false"
                       : json_is_number(value) && json_number_value(value) == 1.0 ? "1"
                       : json_is_number(value) && json_number_value(value) == 0.0 ? "0"
                       : value == NULL || json_is_null(value)                     ? ""
                                                              : json_string_value(value);
    for (size_t i = 0; text != NULL && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i].word) == 0) {
            *out = words[i].harm;
            return SC_OK;
        }
    return sc_fail(error, SC_ERR_FORMAT,
                   "harm: expected harmful, harmless, controversial or unjudged, found %.60s",
                   text != NULL ? text : sc_json_kind(value));
}

static enum sc_status set_harm(const json_t *value, struct sc_import_answer *answer,
                               struct sc_error *error)
{
    return read_harm(value, &answer->harm, error);
}

static enum sc_status set_finish(const json_t *value, struct sc_import_answer *answer,
                                 struct sc_error *error)
{
    const char *word = json_string_value(value);
    (void)error;
    if (word != NULL && answer->finish != SC_FINISH_FAILED)
        answer->finish = sc_finish_of_word(word);
    return SC_OK;
}

static bool is_blank(const json_t *value)
{
    const char *text = json_string_value(value);
    return value == NULL || json_is_null(value) || (text != NULL && *text == '\0');
}

static enum sc_status set_n_tokens(const json_t *value, struct sc_import_answer *answer,
                                   struct sc_error *error)
{
    if (is_blank(value))
        return SC_OK;
    SC_TRY(read_count(value, "number of tokens", &answer->n_tokens, error));
    answer->n_tokens_known = true;
    return SC_OK;
}

static enum sc_status set_number(const json_t *value, struct sc_import_answer *answer,
                                 struct sc_error *error)
{
    return is_blank(value) ? SC_OK : read_count(value, "trace number", &answer->number, error);
}

static enum sc_status set_failure(const json_t *value, struct sc_import_answer *answer,
                                  struct sc_error *error)
{
    const char *why = json_string_value(value);
    if (why == NULL || answer->failure != NULL)
        return SC_OK;
    answer->failure = sc_strdup(why);
    return answer->failure != NULL ? SC_OK : sc_fail_nomem(error, "failure of an answer");
}

/* What is said of each answer, and how it is noted. */
struct detail {
    struct sc_import_column column;
    const char *what;
    enum sc_status (*set)(const json_t *value, struct sc_import_answer *answer,
                          struct sc_error *error);
};

/* The cell; where a list stands as JSON within a text, that. */
static enum sc_status read_lists(const struct sc_table *table, size_t row,
                                 struct sc_import_column column, json_t **out,
                                 struct sc_error *error)
{
    json_t *parsed = NULL;
    SC_TRY(sc_import_cell(table, row, column, out, error));
    const char *text = json_string_value(*out);
    if (text == NULL || (*text != '[' && *text != '{'))
        return SC_OK;
    enum sc_status status = sc_json_parse(text, strlen(text), "", &parsed, NULL);
    if (status != SC_OK && status != SC_ERR_NOMEM)
        return SC_OK; /* a text */
    json_decref(*out);
    *out = parsed;
    return status == SC_OK ? SC_OK : sc_fail_nomem(error, "cell");
}

static enum sc_status set_all(const json_t *cell, const struct detail *detail,
                              const struct sc_import_row_answers *answers, struct sc_error *error)
{
    for (size_t i = 0; i < answers->n; i++) {
        const json_t *value = NULL;
        SC_TRY(part_of(cell, i, answers->n, detail->what, &value, error));
        SC_TRY(detail->set(value, &answers->items[i], error));
    }
    return SC_OK;
}

static enum sc_status set_each(const struct sc_table *table, const struct detail *detail,
                               const struct sc_import_row_answers *answers, struct sc_error *error)
{
    json_t *cell = NULL;
    if (detail->column.column < 0)
        return SC_OK;
    SC_TRY(read_lists(table, answers->row, detail->column, &cell, error));
    enum sc_status status = set_all(cell, detail, answers, error);
    json_decref(cell);
    return status;
}

static enum sc_status read_metrics(const json_t *metrics,
                                   const struct sc_import_row_answers *answers,
                                   struct sc_error *error)
{
    for (int m = 0; json_is_object(metrics) && m < SC_N_METRICS; m++) {
        const json_t *list = json_object_get(metrics, sc_metric_name((enum sc_metric)m));
        for (size_t i = 0; i < answers->n; i++) {
            const json_t *value = NULL;
            SC_TRY(part_of(list, i, answers->n, "metrics", &value, error));
            double number = json_is_number(value) ? json_number_value(value) : NAN;
            answers->items[i].metrics[m] = number;
            answers->items[i].measured = answers->items[i].measured || !isnan(number);
        }
    }
    return SC_OK;
}

/* The log-probabilities of answer i: of its choice, or its part of the column. */
static const json_t *logprobs_of(const json_t *cell, size_t i, size_t n)
{
    const json_t *only = json_array_get(cell, 0);
    if (cell == NULL || !json_is_array(cell))
        return cell;
    if (n > 1)
        return json_array_get(cell, i);
    bool wrapped =
        json_array_size(cell) == 1 &&
        (json_is_array(only) || (json_is_object(only) && json_object_get(only, "logprob") == NULL));
    return wrapped ? only : cell;
}

static enum sc_status read_tokens(const json_t *cell, const struct sc_import_row_answers *answers,
                                  size_t stride, struct sc_error *error)
{
    if (answers->n > 1 && cell != NULL && json_array_size(cell) != answers->n)
        return sc_fail(error, SC_ERR_FORMAT,
                       "log-probabilities: expected a list for each of %zu answers, found %s",
                       answers->n, sc_json_kind(cell));
    for (size_t i = 0; i < answers->n; i++) {
        struct sc_import_answer *answer = &answers->items[i];
        const json_t *given =
            cell != NULL ? logprobs_of(cell, i, answers->n) : answer->given_logprobs;
        answer->given_logprobs = NULL;
        if (is_blank(given))
            continue;
        SC_TRY(sc_import_logprobs(given, answer->text, stride, &answer->tokens, error));
        answer->n_tokens_known = answer->n_tokens_known || answer->tokens.n > 0;
        answer->n_tokens = answer->tokens.n > 0 ? answer->tokens.n : answer->n_tokens;
    }
    return SC_OK;
}

static enum sc_status read_logprobs(const struct sc_table *table, struct sc_import_column column,
                                    const struct sc_import_row_answers *answers, size_t stride,
                                    struct sc_error *error)
{
    json_t *cell = NULL;
    SC_TRY(read_lists(table, answers->row, column, &cell, error));
    enum sc_status status = read_tokens(cell, answers, stride, error);
    json_decref(cell);
    return status;
}

/* A failed answer has a reason, and one with a reason has failed. */
static enum sc_status settle(struct sc_import_answer *answer, struct sc_error *error)
{
    if (answer->failure != NULL)
        answer->finish = SC_FINISH_FAILED;
    if (answer->finish != SC_FINISH_FAILED || answer->failure != NULL)
        return SC_OK;
    answer->failure = sc_strdup("failed where it was sampled");
    return answer->failure != NULL ? SC_OK : sc_fail_nomem(error, "failure of an answer");
}

enum sc_status sc_import_details(const struct sc_table *table,
                                 const struct sc_import_columns *columns,
                                 const struct sc_import_row_answers *answers, size_t stride,
                                 struct sc_error *error)
{
    const struct detail details[] = {
        {columns->finish, "finish reasons", set_finish},
        {columns->n_tokens, "numbers of tokens", set_n_tokens},
        {columns->harm, "harm", set_harm},
        {columns->trace, "trace numbers", set_number},
        {columns->failures, "failures", set_failure},
    };
    json_t *metrics = NULL;
    for (size_t i = 0; i < sizeof details / sizeof *details; i++)
        SC_TRY(set_each(table, &details[i], answers, error));
    for (size_t i = 0; i < answers->n; i++)
        SC_TRY(settle(&answers->items[i], error));
    SC_TRY(sc_import_cell(table, answers->row, columns->metrics, &metrics, error));
    enum sc_status status = read_metrics(metrics, answers, error);
    json_decref(metrics);
    SC_TRY(status);
    return read_logprobs(table, columns->logprobs, answers, stride, error);
}
