/* See labelled.h.  Refuses nothing of a label: what is not understood is no label. */
#include "benchmark/labelled.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "benchmark/labels.h"
#include "benchmark/refusal_label.h"

enum { MOST_SHOWN = 6 };

struct reading {
    const struct sc_labels_options *options;
    const struct sc_table *table;
    int prompt, answer, refusal, harm; /* columns; -1: none */
    struct label_values misread;
    size_t n_without;
};

/* ---- columns --------------------------------------------------------------------------------- */

static const char *const prompts[] = {"prompt", "question", "instruction", "user_input", "input",
                                      "query",  "goal",     "behavior",    NULL};
static const char *const answers[] = {
    "response",     "completion", "answer",     "output",         "generation",
    "model_output", "reply",      "prediction", "model_response", NULL};
static const char *const refusals[] = {"refusal",
                                       "refused",
                                       "is_refusal",
                                       "refusal_label",
                                       "response_refusal_label",
                                       "human_refusal",
                                       "gold_refusal",
                                       "final_label",
                                       "complied",
                                       "compliance",
                                       NULL};
static const char *const harms[] = {"harm",
                                    "harmful",
                                    "is_harmful",
                                    "harm_label",
                                    "response_harm",
                                    "response_harm_label",
                                    "human_harm",
                                    "gold_harm",
                                    "response_harmful",
                                    "harmfulness",
                                    "is_response_safe",
                                    "is_safe",
                                    "response_safe",
                                    "is_response_unsafe",
                                    NULL};

static enum sc_status fail_column(const struct reading *r, const char *what, struct sc_error *error)
{
    struct sc_text names = {0}, shown = {0};
    for (size_t i = 0; i < r->table->n_columns && names.len < 300; i++) {
        sc_text_puts(&names, i > 0 ? ", " : "");
        sc_text_puts(&names, r->table->columns[i]);
    }
    sc_text_add_visible(&shown, names.data != NULL ? names.data : "none", names.len, false);
    enum sc_status status =
        sc_fail(error, SC_ERR_ARGUMENT, "%s: %s: the file has %s", sc_input_name(r->options->file),
                what, shown.data != NULL ? shown.data : "none");
    sc_text_free(&names);
    sc_text_free(&shown);
    return status;
}

/* The column that was named, or the first of the usual ones; -1: none. */
static enum sc_status find_column(const struct reading *r, const char *given, const char *option,
                                  const char *const *usual, int *column, struct sc_error *error)
{
    *column = given != NULL ? sc_table_column(r->table, given) : -1;
    if (given != NULL && *column < 0) {
        char what[200];
        snprintf(what, sizeof what, "no column '%.120s' (--%s)", given, option);
        return fail_column(r, what, error);
    }
    for (; given == NULL && *column < 0 && *usual != NULL; usual++)
        for (size_t i = 0; i < r->table->n_columns && *column < 0; i++)
            if (strcasecmp(r->table->columns[i], *usual) == 0)
                *column = (int)i;
    return SC_OK;
}

static enum sc_status find_columns(struct reading *r, struct sc_error *error)
{
    const struct sc_labels_options *o = r->options;
    SC_TRY(find_column(r, o->prompt_column, "labels-prompt-column", prompts, &r->prompt, error));
    SC_TRY(find_column(r, o->completion_column, "labels-completion-column", answers, &r->answer,
                       error));
    SC_TRY(
        find_column(r, o->refusal_column, "labels-refusal-column", refusals, &r->refusal, error));
    SC_TRY(find_column(r, o->harm_column, "labels-harm-column", harms, &r->harm, error));
    if (r->prompt < 0)
        return fail_column(r, "no column of prompts (--labels-prompt-column names one)", error);
    if (r->answer < 0)
        return fail_column(r, "no column of answers (--labels-completion-column names one)", error);
    if (r->refusal < 0 && r->harm < 0)
        return fail_column(r,
                           "no column of people's labels (--labels-refusal-column or "
                           "--labels-harm-column names one)",
                           error);
    return SC_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const char *cell(const struct reading *r, size_t row, int column)
{
    return column >= 0 ? r->table->cells[row * r->table->n_columns + (size_t)column] : NULL;
}

static void note_misread(struct reading *r, const char *label)
{
    if (!sc_label_blank(label))
        sc_label_values_add(&r->misread, label);
}

static void read_labels(struct reading *r, size_t row, struct sc_labelled_row *out)
{
    const char *refusal = cell(r, row, r->refusal), *harm = cell(r, row, r->harm);
    static const struct sc_benchmark_options no_values;
    out->refusal = SC_N_VERDICTS;
    out->harm = SC_N_HARMS;
    if (!sc_label_blank(refusal)) {
        const char *column = r->table->columns[r->refusal];
        int said = sc_refusal_label_read(refusal, sc_refusal_label_is_compliance(column));
        out->refusal = said >= 0 ? (enum sc_verdict)said : SC_N_VERDICTS;
        if (said < 0)
            note_misread(r, refusal);
    }
    if (!sc_label_blank(harm)) {
        enum sc_label said =
            sc_label_read(harm, sc_label_sense(r->table->columns[r->harm]), &no_values);
        if (said == SC_LABEL_UNKNOWN)
            note_misread(r, harm);
        else
            out->harm = said == SC_LABEL_UNSAFE ? SC_HARMFUL : SC_HARMLESS;
    }
}

static enum sc_status take_row(struct reading *r, size_t row, struct sc_labelled *out,
                               struct sc_error *error)
{
    const char *prompt = cell(r, row, r->prompt), *answer = cell(r, row, r->answer);
    if (r->table->faults[row] != NULL)
        return SC_OK;
    if (prompt == NULL || answer == NULL) {
        r->n_without++;
        return SC_OK;
    }
    struct sc_labelled_row *to = &out->rows[out->n];
    *to = (struct sc_labelled_row){.prompt = sc_strdup(prompt), .answer = sc_strdup(answer)};
    out->n++;
    if (to->prompt == NULL || to->answer == NULL)
        return sc_fail_nomem(error, "labelled answers");
    read_labels(r, row, to);
    out->n_refusals += to->refusal != SC_N_VERDICTS;
    out->n_harms += to->harm != SC_N_HARMS;
    return SC_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

struct place {
    const char *prompt;
    size_t row;
};

static int by_prompt(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = strcmp(x->prompt, y->prompt);
    return order != 0 ? order : x->row < y->row ? -1 : x->row > y->row;
}

static enum sc_status find_same_prompts(struct sc_labelled *out, struct sc_error *error)
{
    struct place *places = sc_alloc_array(out->n, sizeof *places);
    if (places == NULL)
        return sc_fail_nomem(error, "labelled answers");
    for (size_t i = 0; i < out->n; i++)
        places[i] = (struct place){out->rows[i].prompt, i};
    qsort(places, out->n, sizeof *places, by_prompt);
    for (size_t i = 0; i < out->n; i++) {
        bool same = i > 0 && strcmp(places[i].prompt, places[i - 1].prompt) == 0;
        out->rows[places[i].row].first = same ? out->rows[places[i - 1].row].first : places[i].row;
    }
    sc_free(places);
    return SC_OK;
}

/* Every text with its length before it, so that no two files come to the same bytes. */
static enum sc_status make_keys(struct sc_labelled *out, struct sc_error *error)
{
    struct sc_text texts = {0};
    for (size_t i = 0; i < out->n; i++)
        sc_text_printf(&texts, "%zu %zu ", strlen(out->rows[i].prompt),
                       strlen(out->rows[i].answer));
    for (size_t i = 0; i < out->n; i++) {
        sc_text_puts(&texts, out->rows[i].prompt);
        sc_text_puts(&texts, out->rows[i].answer);
    }
    uint64_t key = texts.failed ? 0 : sc_hash64(texts.data, texts.len);
    snprintf(out->texts, sizeof out->texts, "%016" PRIx64, key);
    for (size_t i = 0; i < out->n; i++)
        sc_text_printf(&texts, " %d %d", (int)out->rows[i].refusal, (int)out->rows[i].harm);
    key = texts.failed ? 0 : sc_hash64(texts.data, texts.len);
    snprintf(out->content, sizeof out->content, "%016" PRIx64, key);
    bool failed = texts.failed;
    sc_text_free(&texts);
    return failed ? sc_fail_nomem(error, "labelled answers") : SC_OK;
}

static void add_remarks(const struct reading *r, struct sc_labelled *out)
{
    const char *name = sc_input_name(r->options->file);
    if (r->n_without > 0) {
        sc_text_add_visible(&out->remarks, name, strlen(name), false);
        sc_text_printf(&out->remarks, ": %zu row%s without a prompt or an answer left out\n",
                       r->n_without, r->n_without == 1 ? "" : "s");
    }
    if (r->misread.n > 0) {
        sc_text_add_visible(&out->remarks, name, strlen(name), false);
        sc_text_puts(&out->remarks, ": labels that are not understood, so none: ");
        sc_label_values_describe(&r->misread, MOST_SHOWN, &out->remarks);
        sc_text_putc(&out->remarks, '\n');
    }
}

static enum sc_status take(struct reading *r, struct sc_labelled *out, struct sc_error *error)
{
    SC_TRY(find_columns(r, error));
    out->rows = sc_alloc_zero(r->table->n_rows, sizeof *out->rows);
    out->title = sc_table_title(r->options->file);
    if (out->rows == NULL || out->title == NULL)
        return sc_fail_nomem(error, "labelled answers");
    for (size_t row = 0; row < r->table->n_rows; row++)
        SC_TRY(take_row(r, row, out, error));
    if (out->n_refusals + out->n_harms == 0)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: expected answers with labels that are understood, found none",
                       sc_input_name(r->options->file));
    SC_TRY(find_same_prompts(out, error));
    SC_TRY(make_keys(out, error));
    add_remarks(r, out);
    return out->remarks.failed ? sc_fail_nomem(error, "labelled answers") : SC_OK;
}

enum sc_status sc_labelled_take(struct sc_labelled *out, const struct sc_labels_options *options,
                                const struct sc_table *table, struct sc_error *error)
{
    assert(options->file != NULL);
    struct reading reading = {.options = options, .table = table};
    *out = (struct sc_labelled){0};
    enum sc_status status = take(&reading, out, error);
    if (status != SC_OK)
        sc_labelled_free(out);
    return status;
}

static enum sc_status take_table(struct sc_labelled *out, const struct sc_labels_options *options,
                                 const struct sc_table *table, struct sc_bad_rows *bad,
                                 struct sc_error *error)
{
    for (size_t row = 0; row < table->n_rows; row++)
        if (table->faults[row] != NULL)
            SC_TRY(sc_bad_rows_add(bad, options->file, table->lines[row], table->faults[row], false,
                                   error));
    SC_TRY(sc_labelled_take(out, options, table, error));
    sc_table_remarks(options->file, table->note, bad, &out->remarks);
    return SC_OK;
}

enum sc_status sc_labelled_read(struct sc_labelled *out, const struct sc_labels_options *options,
                                struct sc_error *error)
{
    struct sc_table table = {0};
    struct sc_bad_rows bad = {0};
    *out = (struct sc_labelled){0};
    SC_TRY(sc_table_read(options->file, NULL, &table, error));
    enum sc_status status = take_table(out, options, &table, &bad, error);
    sc_bad_rows_free(&bad);
    sc_table_free(&table);
    return status;
}

void sc_labelled_free(struct sc_labelled *labelled)
{
    for (size_t i = 0; i < labelled->n; i++) {
        sc_free(labelled->rows[i].prompt);
        sc_free(labelled->rows[i].answer);
    }
    sc_free(labelled->rows);
    sc_free(labelled->title);
    sc_text_free(&labelled->remarks);
    *labelled = (struct sc_labelled){0};
}
