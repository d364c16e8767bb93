/*
 * From the rows of a table to instances, by a loader's columns.  Refused: columns that the file
 * lacks.  A row without a prompt is counted and skipped.
 */
#include <assert.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "base/text.h"
#include "benchmark/labelling.h"

struct reader {
    const struct sc_benchmark_options *options;
    const struct loader *loader;
    const struct sc_table *table;
    const char *source, *split; /* split NULL: none is known */
    struct sc_benchmark *out;
    struct sc_instance_list *list;
    struct labelling labels;
    int prompt, context, category, id; /* columns; -1: none */
    int extra[LOADER_MAX_COLUMNS];
};

/* ---- columns --------------------------------------------------------------------------------- */

/* A column that the user named must exist; the loader's own may be missing (-1). */
static enum sc_status find_column(const struct reader *r, const char *given, const char *own,
                                  const char *option, int *out, struct sc_error *error)
{
    const char *name = given != NULL ? given : own;
    *out = name != NULL ? sc_table_column(r->table, name) : -1;
    return given != NULL && *out < 0 ? sc_table_lacks(r->table, r->source, given, option, error)
                                     : SC_OK;
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
    SC_TRY(find_column(r, o->category_column, own->category, "--category-column", &r->category,
                       error));
    r->id = -1;
    if (!is_numbered(o))
        SC_TRY(find_column(r, o->id_column, own->id, "--id-column", &r->id, error));
    if (r->prompt < 0)
        return sc_table_lacks(r->table, r->source, own->prompt, "name one with --prompt-column",
                              error);
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
        if (sc_label_read(cell(r, row, jailbreaking), LABEL_TRUE_IS_UNSAFE,
                          &(struct sc_benchmark_options){0}) == SC_LABEL_UNSAFE)
            return "jailbreaking";
        return label == SC_LABEL_UNSAFE ? "toxic" : label == SC_LABEL_SAFE ? "benign" : "";
    }
    return category != NULL ? category : "";
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

static enum sc_status add_row(struct reader *r, size_t row, struct sc_error *error)
{
    if (r->table->faults[row] != NULL)
        return sc_bad_rows_add(&r->out->bad_rows, r->source, r->table->lines[row],
                               r->table->faults[row], r->options->strict, error);
    if (is_blank(cell(r, row, r->prompt))) {
        r->out->n_skipped++;
        return SC_OK;
    }
    enum sc_label label;
    SC_TRY(sc_labelling_read(&r->labels, row, &label, error));
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

/* The split whose name is in the file's: "test" of ".../toxic-chat_annotation_test.csv"; NULL where
 * there is none. */
static const char *split_of(const struct loader *loader, const char *path)
{
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    for (size_t i = 0; i < LOADER_MAX_SPLITS && loader->splits[i].name != NULL; i++)
        if (strstr(file, loader->splits[i].name) != NULL)
            return loader->splits[i].name;
    return NULL;
}

static enum sc_status read_rows(struct reader *r, struct sc_error *error)
{
    const struct sc_table *table = r->table;
    SC_TRY(find_columns(r, error));
    SC_TRY(sc_labelling_begin(&r->labels, r->split, error));
    for (size_t row = 0; row < table->n_rows; row++)
        SC_TRY(add_row(r, row, error));
    if (r->list->n == 0)
        return sc_fail(error, SC_ERR_FORMAT, "%s: none of %zu rows has a prompt in column '%s'",
                       r->source, table->n_rows, table->columns[r->prompt]);
    return sc_labelling_end(&r->labels, r->out, r->list, error);
}

enum sc_status sc_rows_read(const struct sc_benchmark_options *options, const struct loader *loader,
                            const struct sc_table *table, struct sc_benchmark *out,
                            struct sc_instance_list *list, struct sc_error *error)
{
    assert(out->name != NULL && out->source != NULL);
    struct reader r = {
        .options = options,
        .loader = loader,
        .table = table,
        .source = out->source,
        .out = out,
        .list = list,
        .labels = {.options = options, .loader = loader, .table = table, .source = out->source}};
    if (loader->default_split != NULL) {
        r.split = options->split != NULL ? options->split : split_of(loader, out->source);
        r.split = r.split != NULL ? r.split : "unknown";
    }
    enum sc_status status = read_rows(&r, error);
    sc_labelling_free(&r.labels);
    return status;
}
