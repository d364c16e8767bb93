/*
 * From the rows of a table to instances, by a loader's columns.  Refused: columns that the file
 * lacks.  A row without a prompt is counted and skipped.
 */
#include <assert.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "base/text.h"
#include "benchmark/loaders.h"

struct reader {
    const struct sc_benchmark_options *options;
    const struct loader *loader;
    const struct sc_table *table;
    const char *source, *split; /* split NULL: none is known */
    struct sc_benchmark *out;
    struct sc_instance_list *list;
    int prompt, context, label, category, id; /* columns; -1: none */
    int extra[LOADER_MAX_COLUMNS];
    enum label_rule rule;
};

/* ---- columns --------------------------------------------------------------------------------- */

static enum sc_status fail_column(const struct reader *r, const char *column, const char *option,
                                  struct sc_error *error)
{
    const struct sc_table *table = r->table;
    struct sc_text names = {0};
    for (size_t i = 0; i < table->n_columns && names.len < 300; i++)
        sc_text_printf(&names, "%s%s", i > 0 ? ", " : "", table->columns[i]);
    enum sc_status status =
        sc_fail(error, SC_ERR_ARGUMENT, "%s: no column '%s' (%s): the file has %s", r->source,
                column, option, names.data != NULL ? names.data : "none");
    sc_text_free(&names);
    return status;
}

/* A column that the user named must exist; the loader's own may be missing (-1). */
static enum sc_status find_column(const struct reader *r, const char *given, const char *own,
                                  const char *option, int *out, struct sc_error *error)
{
    const char *name = given != NULL ? given : own;
    *out = name != NULL ? sc_table_column(r->table, name) : -1;
    return given != NULL && *out < 0 ? fail_column(r, given, option, error) : SC_OK;
}

static bool is_numbered(const struct sc_benchmark_options *options)
{
    return options->id_column != NULL && strcmp(options->id_column, "none") == 0;
}

static enum sc_status find_columns(struct reader *r, struct sc_error *error)
{
    const struct sc_benchmark_options *o = r->options;
    const struct loader *own = r->loader;
    SC_TRY(find_column(r, o->prompt_column, own->prompt, "--prompt-column", &r->prompt, error));
    SC_TRY(find_column(r, o->label_column, own->label, "--label-column", &r->label, error));
    SC_TRY(find_column(r, o->category_column, own->category, "--category-column", &r->category,
                       error));
    r->id = -1;
    if (!is_numbered(o))
        SC_TRY(find_column(r, o->id_column, own->id, "--id-column", &r->id, error));
    if (r->prompt < 0)
        return fail_column(r, own->prompt, "name one with --prompt-column", error);
    if (o->n_unsafe_values > 0 && r->label < 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "%s: --unsafe-value needs a label column: name it with --label-column",
                       r->source);
    bool labelled = o->label_column != NULL || o->n_unsafe_values > 0;
    r->rule = labelled ? LABEL_COLUMN : own->rule;
    bool has_context = own->context != NULL && o->prompt_column == NULL;
    r->context = has_context ? sc_table_column(r->table, own->context) : -1;
    for (size_t i = 0; i < LOADER_MAX_COLUMNS; i++)
        r->extra[i] = own->extra[i] != NULL ? sc_table_column(r->table, own->extra[i]) : -1;
    return SC_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* NULL: the cell or the column is missing. */
static const char *cell(const struct reader *r, size_t row, int column)
{
    const struct sc_table *table = r->table;
    return column < 0 ? NULL : table->cells[row * table->n_columns + (size_t)column];
}

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

/* HarmBench shows the context first: "{context}\n\n---\n\n{behavior}". */
static char *make_prompt(const struct reader *r, size_t row)
{
    struct sc_text prompt = {0};
    const char *context = cell(r, row, r->context);
    if (!is_blank(context)) {
        sc_text_puts(&prompt, context);
        sc_text_puts(&prompt, "\n\n---\n\n");
    }
    sc_text_puts(&prompt, cell(r, row, r->prompt));
    return sc_text_take(&prompt);
}

static char *make_id(const struct reader *r, size_t row)
{
    struct sc_text id = {0};
    const char *own = cell(r, row, r->id);
    bool given = r->options->id_column != NULL; /* by the user: taken as it is */
    if (!is_blank(own)) {
        if (r->loader->id_prefix != NULL && !given)
            sc_text_puts(&id, r->loader->id_prefix);
        sc_text_puts(&id, own);
    } else if (r->split != NULL) {
        sc_text_printf(&id, "%s_%s_%zu", r->out->name, r->split, row);
    } else {
        sc_text_printf(&id, "%s_%zu", r->out->name, row);
    }
    return sc_text_take(&id);
}

/* ToxicChat has two judgements and no categories: the rarer one names the category. */
static const char *make_category(const struct reader *r, size_t row, enum sc_label label)
{
    const char *category = cell(r, row, r->category);
    if (r->category < 0 && strcmp(r->loader->name, "toxicchat") == 0) {
        int jailbreaking = sc_table_column(r->table, "jailbreaking");
        if (sc_label_from_text(cell(r, row, jailbreaking), &(struct sc_benchmark_options){0}) ==
            SC_LABEL_UNSAFE)
            return "jailbreaking";
        return label == SC_LABEL_UNSAFE ? "toxic" : label == SC_LABEL_SAFE ? "benign" : "";
    }
    return category != NULL ? category : "";
}

static enum sc_label make_label(const struct reader *r, size_t row)
{
    if (r->rule == LABEL_ALL_UNSAFE)
        return SC_LABEL_UNSAFE;
    const char *text = cell(r, row, r->label);
    enum sc_label label = sc_label_from_text(text, r->options);
    if (label == SC_LABEL_UNKNOWN && is_blank(text))
        r->out->n_unlabelled++;
    else if (label == SC_LABEL_UNKNOWN)
        r->out->n_misread++;
    return label;
}

/* NULL without *failed: nothing is kept. */
static char *make_extra(const struct reader *r, size_t row, bool *failed)
{
    struct sc_text extra = {0};
    struct sc_json_writer out = {.text = &extra,
                                 .canonical = true}; /* a run's identity rests on it */
    for (size_t i = 0; i < LOADER_MAX_COLUMNS; i++) {
        const char *text = cell(r, row, r->extra[i]);
        if (text == NULL || !*text)
            continue;
        if (out.depth == 0)
            sc_json_put_object(&out, NULL);
        sc_json_put_string(&out, r->loader->extra[i], text);
    }
    if (out.depth > 0)
        sc_json_put_end_object(&out);
    *failed = extra.failed;
    if (extra.len > 0 && !extra.failed)
        return sc_text_take(&extra);
    sc_text_free(&extra);
    return NULL;
}

static enum sc_status add_row(const struct reader *r, size_t row, struct sc_error *error)
{
    if (r->table->faults[row] != NULL)
        return sc_bad_rows_add(&r->out->bad_rows, r->source, r->table->lines[row],
                               r->table->faults[row], r->options->strict, error);
    if (is_blank(cell(r, row, r->prompt))) {
        r->out->n_skipped++;
        return SC_OK;
    }
    enum sc_label label = make_label(r, row);
    bool failed;
    struct sc_instance item = {
        .label = label, .line = r->table->lines[row], .extra = make_extra(r, row, &failed)};
    if (!failed) {
        item.id = make_id(r, row);
        item.prompt = make_prompt(r, row);
        item.category = sc_strdup(make_category(r, row, label));
    }
    return sc_instance_list_add(r->list, item, error);
}

/* "test" of ".../toxic-chat_annotation_test.csv"; NULL when the name says neither. */
static const char *split_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    return strstr(file, "train") != NULL ? "train" : strstr(file, "test") != NULL ? "test" : NULL;
}

enum sc_status sc_rows_read(const struct sc_benchmark_options *options, const struct loader *loader,
                            const struct sc_table *table, struct sc_benchmark *out,
                            struct sc_instance_list *list, struct sc_error *error)
{
    assert(out->name != NULL && out->source != NULL);
    struct reader r = {.options = options,
                       .loader = loader,
                       .table = table,
                       .source = out->source,
                       .out = out,
                       .list = list};
    SC_TRY(find_columns(&r, error));
    if (loader->default_split != NULL) {
        r.split = options->split != NULL ? options->split : split_of(out->source);
        r.split = r.split != NULL ? r.split : "unknown";
    }
    for (size_t row = 0; row < table->n_rows; row++)
        SC_TRY(add_row(&r, row, error));
    if (list->n == 0)
        return sc_fail(error, SC_ERR_FORMAT, "%s: none of %zu rows has a prompt in column '%s'",
                       out->source, table->n_rows, table->columns[r.prompt]);
    return SC_OK;
}
