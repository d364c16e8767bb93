/*
 * From the rows of a table to instances, by a loader's columns.  Refused: columns that the file
 * lacks.  A row without a prompt is counted and skipped; one that cannot be asked fails alone.
 */
#include <assert.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "base/text.h"
#include "benchmark/labelling.h"
#include "benchmark/literal.h"
#include "benchmark/prompt_cells.h"

struct reader {
    const struct sc_benchmark_options *options;
    const struct loader *loader;
    const struct sc_table *table;
    const char *source, *split; /* split NULL: none is known */
    struct sc_benchmark *out;
    struct sc_instance_list *list;
    struct labelling labels;
    struct prompt_cells prompts;
    int category, id; /* columns; -1: none */
    int extra[LOADER_MAX_COLUMNS];
};

/* ---- columns --------------------------------------------------------------------------------- */

/* A file of one's own with "Prompt" or "Messages" may have "Category" and "ID" too. */
static bool writes_headers_its_own_way(const struct reader *r)
{
    const struct sc_benchmark_options *o = r->options;
    return r->loader == sc_loader_generic() && o->prompt_column == NULL &&
           o->messages_column == NULL &&
           strcmp(r->table->columns[r->prompts.column], r->loader->prompt) != 0;
}

/* A column that the user named must exist; the loader's own may be missing (-1). */
static enum sc_status find_column(const struct reader *r, const char *given, const char *own,
                                  const char *option, int *out, struct sc_error *error)
{
    const char *name = given != NULL ? given : own;
    bool exact = given != NULL || !writes_headers_its_own_way(r);
    *out = name == NULL ? -1
           : exact      ? sc_table_column(r->table, name)
                        : sc_table_column_any_case(r->table, name);
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
    SC_TRY(sc_prompt_cells_find(&r->prompts, error));
    SC_TRY(find_column(r, o->category_column, own->category, "--category-column", &r->category,
                       error));
    r->id = -1;
    if (!is_numbered(o))
        SC_TRY(find_column(r, o->id_column, own->id, "--id-column", &r->id, error));
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

/* Whether a cell is a list or an object; *out gets the texts of the list, or the keys of the object
 * that are true: "crime, drugs".  Also true, with *out NULL, where memory ends. */
static bool list_categories(const char *text, char **out)
{
    json_t *value = NULL;
    *out = NULL;
    enum sc_status status = sc_json_parse(text, strlen(text), "", &value, NULL);
    if (status == SC_ERR_FORMAT)
        status = sc_literal_parse(text, strlen(text), &value, NULL);
    if (status != SC_OK)
        return status == SC_ERR_NOMEM;
    if (!json_is_object(value) && !json_is_array(value)) {
        json_decref(value);
        return false;
    }
    struct sc_text list = {0};
    const char *key;
    json_t *element;
    json_object_foreach(value, key, element)
    {
        if (json_is_true(element))
            sc_text_printf(&list, "%s%s", list.len > 0 ? ", " : "", key);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *name = json_string_value(json_array_get(value, i));
        if (name != NULL)
            sc_text_printf(&list, "%s%s", list.len > 0 ? ", " : "", name);
    }
    json_decref(value);
    *out = sc_text_take(&list);
    return true;
}

/* ToxicChat has two judgements and no categories: the rarer one names the category. */
static char *make_category(const struct reader *r, size_t row, enum sc_label label)
{
    const char *category = cell(r, row, r->category);
    char *list = NULL;
    if (r->loader->categories && category != NULL && list_categories(category, &list))
        return list;
    if (r->category < 0 && strcmp(r->loader->name, "toxicchat") == 0) {
        int jailbreaking = sc_table_column(r->table, "jailbreaking");
        if (sc_label_read(cell(r, row, jailbreaking), LABEL_TRUE_IS_UNSAFE,
                          &(struct sc_benchmark_options){0}) == SC_LABEL_UNSAFE)
            return sc_strdup("jailbreaking");
        return sc_strdup(label == SC_LABEL_UNSAFE ? "toxic"
                         : label == SC_LABEL_SAFE ? "benign"
                                                  : "");
    }
    return sc_strdup(category != NULL ? category : "");
}

static void put_kept(struct sc_json_writer *out, const char *key, const char *text)
{
    if (text == NULL || !*text)
        return;
    if (out->depth == 0)
        sc_json_put_object(out, NULL);
    sc_json_put_string(out, key, text);
}

/* NULL without *failed: nothing is kept. */
static char *make_extra(const struct reader *r, size_t row, const char *reference, bool *failed)
{
    struct sc_text extra = {0};
    struct sc_json_writer out = {.text = &extra,
                                 .canonical = true}; /* a run's identity rests on it */
    for (size_t i = 0; i < LOADER_MAX_COLUMNS; i++)
        put_kept(&out, r->loader->extra[i], cell(r, row, r->extra[i]));
    put_kept(&out, "reference", reference);
    if (out.depth > 0)
        sc_json_put_end_object(&out);
    *failed = extra.failed;
    if (extra.len > 0 && !extra.failed)
        return sc_text_take(&extra);
    sc_text_free(&extra);
    return NULL;
}

/* All but what is asked. */
static enum sc_status describe_item(struct reader *r, size_t row, const char *reference,
                                    struct sc_instance *item, struct sc_error *error)
{
    bool failed;
    SC_TRY(sc_labelling_read(&r->labels, row, &item->label, error));
    item->line = r->table->lines[row];
    item->row = row;
    item->extra = make_extra(r, row, reference, &failed);
    item->id = make_id(r, row);
    item->category = make_category(r, row, item->label);
    return failed ? sc_fail_nomem(error, "benchmark") : SC_OK;
}

static enum sc_status add_item(struct reader *r, size_t row, struct sc_instance item,
                               const char *reference, struct sc_error *error)
{
    enum sc_status status = describe_item(r, row, reference, &item, error);
    if (status != SC_OK) {
        sc_instance_free(&item);
        return status;
    }
    return sc_instance_list_add(r->list, item, error);
}

static enum sc_status fail_row(struct reader *r, size_t row, const char *why,
                               struct sc_error *error)
{
    return sc_bad_rows_add(&r->out->bad_rows, r->source, r->table->lines[row], why,
                           r->options->strict, error);
}

static enum sc_status add_row(struct reader *r, size_t row, struct sc_error *error)
{
    struct sc_instance item = {0};
    struct sc_error why = {0};
    char *reference = NULL;
    if (r->table->faults[row] != NULL)
        return fail_row(r, row, r->table->faults[row], error);
    if (sc_prompt_cells_blank(&r->prompts, row)) {
        r->out->n_skipped++;
        return SC_OK;
    }
    enum sc_status status = sc_prompt_cells_read(&r->prompts, row, &item, &reference, &why);
    if (status != SC_OK) {
        sc_instance_free(&item);
        status = status == SC_ERR_FORMAT ? fail_row(r, row, why.text, error)
                                         : sc_fail(error, status, "%s", why.text);
    } else {
        status = add_item(r, row, item, reference, error);
    }
    sc_free(reference);
    return status;
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

static enum sc_status fail_all(const struct reader *r, struct sc_error *error)
{
    const struct sc_bad_rows *bad = &r->out->bad_rows;
    if (bad->n == 1 && r->table->n_rows == 1)
        return sc_fail(error, SC_ERR_FORMAT, "%s: line %zu: %s", r->source, bad->lines[0],
                       bad->reasons[0]);
    if (bad->n > 0)
        return sc_fail(error, SC_ERR_FORMAT, "%s: none of %zu rows can be asked: line %zu: %s",
                       r->source, r->table->n_rows, bad->lines[0], bad->reasons[0]);
    return sc_fail(error, SC_ERR_FORMAT, "%s: none of %zu rows has a prompt in column '%s'",
                   r->source, r->table->n_rows, r->table->columns[r->prompts.column]);
}

static enum sc_status read_rows(struct reader *r, struct sc_error *error)
{
    SC_TRY(find_columns(r, error));
    SC_TRY(sc_labelling_begin(&r->labels, r->split, error));
    for (size_t row = 0; row < r->table->n_rows; row++)
        SC_TRY(add_row(r, row, error));
    if (r->list->n == 0)
        return fail_all(r, error);
    sc_prompt_cells_remark(&r->prompts, &r->out->remarks);
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
        .labels = {.options = options, .loader = loader, .table = table, .source = out->source},
        .prompts = {.options = options, .loader = loader, .table = table, .source = out->source}};
    if (loader->default_split != NULL) {
        r.split = options->split != NULL ? options->split : split_of(loader, out->source);
        r.split = r.split != NULL ? r.split : "unknown";
    }
    enum sc_status status = read_rows(&r, error);
    sc_labelling_free(&r.labels);
    return status;
}
