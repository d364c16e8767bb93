/*
 * From a name or a path to instances: finding the file, reading its rows by the loader's columns,
 * sampling.  Refused: columns that the file lacks, ids that are not unique, a benchmark without a
 * usable row.  What the known benchmarks look like is in loaders.c; the file formats in table.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "benchmark/loaders.h"

/* ---- instances ---------------------------------------------------------------------------- */

void instance_free(struct sc_instance *instance)
{
    sc_free(instance->id);
    sc_free(instance->prompt);
    sc_free(instance->category);
    sc_free(instance->extra);
    *instance = (struct sc_instance){0};
}

enum sc_status instance_add(struct instance_list *list, struct sc_instance item,
                            struct sc_error *error)
{
    if (item.id == NULL || item.prompt == NULL || item.category == NULL ||
        sc_grow((void **)&list->items, list->n, &list->cap, sizeof *list->items) != 0) {
        instance_free(&item);
        return sc_fail_nomem(error, "benchmark");
    }
    list->items[list->n++] = item;
    return SC_OK;
}

void sc_benchmark_free(struct sc_benchmark *benchmark)
{
    if (benchmark == NULL)
        return;
    for (size_t i = 0; i < benchmark->n_instances; i++)
        instance_free(&benchmark->instances[i]);
    sc_free(benchmark->instances);
    sc_free(benchmark->name);
    sc_free(benchmark->source);
    *benchmark = (struct sc_benchmark){0};
}

/* ---- finding the file --------------------------------------------------------------------- */

/* path = folder/file with "{split}" replaced.  NULL when out of memory. */
static char *place(const char *folder, const char *below, const char *file, const char *split)
{
    struct sc_text path = {0};
    sc_text_puts(&path, folder);
    if (below != NULL) {
        sc_text_putc(&path, '/');
        sc_text_puts(&path, below);
    }
    sc_text_putc(&path, '/');
    const char *mark;
    while ((mark = strstr(file, "{split}")) != NULL) {
        sc_text_add(&path, file, (size_t)(mark - file));
        sc_text_puts(&path, split);
        file = mark + strlen("{split}");
    }
    sc_text_puts(&path, file);
    return sc_text_take(&path);
}

/* The first of the loader's files in a folder; tried gets the folder when there is none. */
static enum sc_status look_in(const char *folder, const char *below, const struct loader *loader,
                              const char *split, struct sc_text *tried, char **path,
                              struct sc_error *error)
{
    for (size_t i = 0; i < LOADER_MAX_FILES && loader->files[i] != NULL; i++) {
        char *candidate = place(folder, below, loader->files[i], split != NULL ? split : "");
        if (candidate == NULL)
            return sc_fail_nomem(error, "benchmark path");
        if (sc_file_exists(candidate) && !sc_is_folder(candidate)) {
            *path = candidate;
            return SC_OK;
        }
        sc_free(candidate);
    }
    sc_text_printf(tried, "%s%s%s%s", tried->len > 0 ? ", " : "", folder, below != NULL ? "/" : "",
                   below != NULL ? below : "");
    return SC_OK;
}

static enum sc_status find_named(const struct sc_benchmark_options *options,
                                 const struct loader *loader, const char *split, char **path,
                                 struct sc_error *error)
{
    struct sc_text tried = {0};
    enum sc_status status = SC_OK;
    *path = NULL;
    if (options->folder != NULL) {
        status = look_in(options->folder, NULL, loader, split, &tried, path, error);
        if (status == SC_OK && *path == NULL)
            status = look_in(options->folder, loader->name, loader, split, &tried, path, error);
    } else {
        const char *data = getenv("SAFECONF_DATA"), *home = getenv("HOME");
        if (data != NULL && *data)
            status = look_in(data, loader->name, loader, split, &tried, path, error);
        char *standard = NULL;
        if (status == SC_OK && *path == NULL && home != NULL && *home) {
            standard = sc_path_join(home, ".local/share/safeconf/benchmarks");
            status = standard != NULL
                         ? look_in(standard, loader->name, loader, split, &tried, path, error)
                         : sc_fail_nomem(error, "benchmark path");
        }
        sc_free(standard);
    }
    if (status == SC_OK && *path == NULL) {
        char *file = place("", NULL, loader->files[0], split != NULL ? split : "");
        status = sc_fail(error, SC_ERR_IO,
                         "benchmark %s: no file such as %s in %s (set SAFECONF_DATA, or give the "
                         "file's path)",
                         loader->name, file != NULL ? file + 1 : "its own",
                         tried.len > 0 ? tried.data : "any folder");
        sc_free(file);
    }
    sc_text_free(&tried);
    return status;
}

/* ---- columns ------------------------------------------------------------------------------ */

struct columns {
    const struct loader *loader;
    int prompt, context, label, category, id; /* -1: none */
    int extra[LOADER_MAX_COLUMNS];
    enum label_rule rule;
    const char *unsafe_value;
    bool id_is_given; /* by the user: taken as it is */
};

static enum sc_status fail_column(const struct sc_table *table, const char *source,
                                  const char *column, const char *option, struct sc_error *error)
{
    struct sc_text names = {0};
    for (size_t i = 0; i < table->n_columns && names.len < 300; i++)
        sc_text_printf(&names, "%s%s", i > 0 ? ", " : "", table->columns[i]);
    enum sc_status status =
        sc_fail(error, SC_ERR_ARGUMENT, "%s: no column '%s' (%s): the file has %s", source, column,
                option, names.data != NULL ? names.data : "none");
    sc_text_free(&names);
    return status;
}

/* A column that the user named must be there; the loader's own may be missing (-1). */
static enum sc_status find_column(const struct sc_table *table, const char *source,
                                  const char *given, const char *own, const char *option, int *out,
                                  struct sc_error *error)
{
    const char *name = given != NULL ? given : own;
    *out = name != NULL ? sc_table_column(table, name) : -1;
    if (given != NULL && *out < 0)
        return fail_column(table, source, given, option, error);
    return SC_OK;
}

static enum sc_status find_columns(const struct sc_benchmark_options *o,
                                   const struct sc_table *table, const char *source,
                                   const struct loader *loader, struct columns *c,
                                   struct sc_error *error)
{
    enum sc_status status;
    *c = (struct columns){.loader = loader,
                          .rule = loader->rule,
                          .context = -1,
                          .unsafe_value = o->unsafe_value,
                          .id_is_given = o->id_column != NULL};
    if ((status = find_column(table, source, o->prompt_column, loader->prompt, "--prompt-column",
                              &c->prompt, error)) ||
        (status = find_column(table, source, o->label_column, loader->label, "--label-column",
                              &c->label, error)) ||
        (status = find_column(table, source, o->category_column, loader->category,
                              "--category-column", &c->category, error)) ||
        (status =
             find_column(table, source, o->id_column, loader->id, "--id-column", &c->id, error)))
        return status;
    if (c->prompt < 0)
        return fail_column(table, source, loader->prompt, "name one with --prompt-column", error);
    if (o->label_column != NULL || (o->unsafe_value != NULL && c->label >= 0))
        c->rule = LABEL_COLUMN;
    if (o->unsafe_value != NULL && c->label < 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "%s: --unsafe-value needs a label column: name it with --label-column",
                       source);
    if (loader->context != NULL && o->prompt_column == NULL)
        c->context = sc_table_column(table, loader->context);
    for (size_t i = 0; i < LOADER_MAX_COLUMNS; i++)
        c->extra[i] = loader->extra[i] != NULL ? sc_table_column(table, loader->extra[i]) : -1;
    return SC_OK;
}

/* ---- rows --------------------------------------------------------------------------------- */

static const char *cell(const struct sc_table *table, size_t row, int column)
{
    return column < 0 ? NULL : table->cells[row * table->n_columns + (size_t)column];
}

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

/* HarmBench shows the context first: "{context}\n\n---\n\n{behavior}". */
static char *make_prompt(const struct columns *c, const struct sc_table *table, size_t row)
{
    struct sc_text prompt = {0};
    const char *context = cell(table, row, c->context);
    if (!is_blank(context)) {
        sc_text_puts(&prompt, context);
        sc_text_puts(&prompt, "\n\n---\n\n");
    }
    sc_text_puts(&prompt, cell(table, row, c->prompt));
    return sc_text_take(&prompt);
}

static char *make_id(const struct columns *c, const struct sc_table *table, size_t row,
                     const char *name, const char *split)
{
    struct sc_text id = {0};
    const char *own = cell(table, row, c->id);
    if (!is_blank(own)) {
        if (c->loader->id_prefix != NULL && !c->id_is_given)
            sc_text_puts(&id, c->loader->id_prefix);
        sc_text_puts(&id, own);
    } else if (split != NULL) {
        sc_text_printf(&id, "%s_%s_%zu", name, split, row);
    } else {
        sc_text_printf(&id, "%s_%zu", name, row);
    }
    return sc_text_take(&id);
}

/* ToxicChat has two judgements and no categories: the rarer one names the category. */
static const char *make_category(const struct columns *c, const struct sc_table *table, size_t row,
                                 enum sc_label label)
{
    const char *category = cell(table, row, c->category);
    if (c->category < 0 && strcmp(c->loader->name, "toxicchat") == 0) {
        int jailbreaking = sc_table_column(table, "jailbreaking");
        if (label_from_text(cell(table, row, jailbreaking), NULL) == SC_LABEL_UNSAFE)
            return "jailbreaking";
        return label == SC_LABEL_UNSAFE ? "toxic" : label == SC_LABEL_SAFE ? "benign" : "";
    }
    return category != NULL ? category : "";
}

/* NULL without *failed: nothing is kept. */
static char *make_extra(const struct columns *c, const struct sc_table *table, size_t row,
                        bool *failed)
{
    struct sc_text extra = {0};
    struct sc_json_writer out = {.text = &extra,
                                 .canonical = true}; /* a run's identity rests on it */
    for (size_t i = 0; i < LOADER_MAX_COLUMNS; i++) {
        const char *text = cell(table, row, c->extra[i]);
        if (text == NULL || !*text)
            continue;
        if (out.depth == 0)
            sc_json_put_object(&out, NULL);
        sc_json_put_string(&out, c->loader->extra[i], text);
    }
    if (out.depth > 0)
        sc_json_put_end_object(&out);
    *failed = extra.failed;
    if (extra.len > 0 && !extra.failed)
        return sc_text_take(&extra);
    sc_text_free(&extra);
    return NULL;
}

static enum sc_status add_row(const struct columns *c, const struct sc_table *table, size_t row,
                              const char *name, const char *split, struct sc_benchmark *out,
                              struct instance_list *list, struct sc_error *error)
{
    if (is_blank(cell(table, row, c->prompt))) {
        out->n_skipped++;
        return SC_OK;
    }
    enum sc_label label = SC_LABEL_UNSAFE;
    if (c->rule == LABEL_COLUMN) {
        const char *text = cell(table, row, c->label);
        label = label_from_text(text, c->unsafe_value);
        if (label == SC_LABEL_UNKNOWN && is_blank(text))
            out->n_unlabelled++;
        else if (label == SC_LABEL_UNKNOWN)
            out->n_misread++;
    }
    bool failed;
    struct sc_instance item = {.label = label, .extra = make_extra(c, table, row, &failed)};
    if (!failed) {
        item.id = make_id(c, table, row, name, split);
        item.prompt = make_prompt(c, table, row);
        item.category = sc_strdup(make_category(c, table, row, label));
    }
    return instance_add(list, item, error);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    const struct sc_instance *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

/* Ids are the keys of random streams and of resumption, so two equal ones are an error. */
static enum sc_status check_ids(const struct instance_list *list, const char *source,
                                struct sc_error *error)
{
    const struct sc_instance **sorted = sc_alloc_array(list->n, sizeof *sorted);
    if (sorted == NULL)
        return sc_fail_nomem(error, "benchmark ids");
    for (size_t i = 0; i < list->n; i++)
        sorted[i] = &list->items[i];
    qsort(sorted, list->n, sizeof *sorted, compare_ids);
    enum sc_status status = SC_OK;
    for (size_t i = 1; i < list->n && status == SC_OK; i++)
        if (strcmp(sorted[i - 1]->id, sorted[i]->id) == 0)
            status = sc_fail(error, SC_ERR_FORMAT, "%s: two rows have the id '%s'", source,
                             sorted[i]->id);
    sc_free(sorted);
    return status;
}

static void put64(unsigned char *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
}

void instances_fingerprint(const struct instance_list *list, char out[17])
{
    uint64_t hash = 0;
    for (size_t i = 0; i < list->n; i++) {
        const struct sc_instance *item = &list->items[i];
        unsigned char record[40];
        put64(record, hash);
        put64(record + 8, sc_hash64(item->id, strlen(item->id)));
        put64(record + 16, sc_hash64(item->prompt, strlen(item->prompt)));
        put64(record + 24, sc_hash64(item->category, strlen(item->category)));
        put64(record + 32, (uint64_t)item->label);
        hash = sc_hash64(record, sizeof record);
    }
    snprintf(out, 17, "%016" PRIx64, hash);
}

/* Keeps n of the instances: the head, or a seeded sample without replacement in the old order. */
static enum sc_status keep_some(struct instance_list *list, size_t n, bool first, uint64_t seed,
                                struct sc_error *error)
{
    if (n == 0 || n >= list->n)
        return SC_OK;
    bool *kept = sc_alloc_zero(list->n, sizeof *kept);
    if (kept == NULL)
        return sc_fail_nomem(error, "benchmark sample");
    struct sc_random random = {
        .stream = SC_STREAM_BENCHMARK, .seed = seed, .key = sc_hash64("sample", 6)};
    if (first) {
        memset(kept, 1, n);
    } else {
        /* Floyd: every subset of n is equally likely, with n draws. */
        for (size_t top = list->n - n; top < list->n; top++) {
            size_t drawn = sc_random_below(&random, top + 1);
            kept[kept[drawn] ? top : drawn] = true;
        }
    }
    size_t n_kept = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (kept[i])
            list->items[n_kept++] = list->items[i];
        else
            instance_free(&list->items[i]);
    }
    list->n = n_kept;
    sc_free(kept);
    return SC_OK;
}

/* "test" of ".../toxic-chat_annotation_test.csv"; NULL when the name says neither. */
static const char *split_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    return strstr(file, "train") != NULL ? "train" : strstr(file, "test") != NULL ? "test" : NULL;
}

/* The file's name without folder and ending. */
static char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(file, '.');
    return sc_strndup(file, dot != NULL && dot > file ? (size_t)(dot - file) : strlen(file));
}

static enum sc_status read_rows(const struct sc_benchmark_options *options,
                                const struct loader *loader, const struct sc_table *table,
                                struct sc_benchmark *out, struct instance_list *list,
                                struct sc_error *error)
{
    struct columns columns;
    enum sc_status status = find_columns(options, table, out->source, loader, &columns, error);
    const char *split = NULL;
    if (loader->default_split != NULL) {
        split = options->split != NULL ? options->split : split_of(out->source);
        split = split != NULL ? split : "unknown";
    }
    for (size_t row = 0; row < table->n_rows && status == SC_OK; row++)
        status = add_row(&columns, table, row, out->name, split, out, list, error);
    if (status == SC_OK && list->n == 0)
        status = sc_fail(error, SC_ERR_FORMAT, "%s: none of %zu rows has a prompt in column '%s'",
                         out->source, table->n_rows, table->columns[columns.prompt]);
    if (status == SC_OK)
        status = check_ids(list, out->source, error);
    return status;
}

static enum sc_status check_split(const struct loader *loader, const char *split,
                                  struct sc_error *error)
{
    if (split == NULL)
        return SC_OK;
    if (loader->default_split == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "benchmark %s: has no splits, found '%s'",
                       loader->name, split);
    if (strcmp(split, "train") != 0 && strcmp(split, "test") != 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "benchmark %s: split: expected train or test, found '%s'", loader->name,
                       split);
    return SC_OK;
}

static enum sc_status fail_unknown(const char *name, struct sc_error *error)
{
    struct sc_text names = {0};
    for (size_t i = 0; sc_benchmark_name(i) != NULL; i++)
        sc_text_printf(&names, "%s, ", sc_benchmark_name(i));
    enum sc_status status = sc_fail(error, SC_ERR_ARGUMENT,
                                    "benchmark '%s': expected %sor the path of a CSV or JSONL file",
                                    name, names.data != NULL ? names.data : "");
    sc_text_free(&names);
    return status;
}

static enum sc_status load_file(const struct sc_benchmark_options *options, const char *path,
                                const struct loader *loader, struct sc_benchmark *out,
                                struct instance_list *list, struct sc_error *error)
{
    struct sc_table table;
    enum sc_status status = sc_table_read(path, &table, error);
    if (status != SC_OK)
        return status;
    bool named = loader != NULL;
    if (!named)
        loader = loader_by_columns(&table);
    out->source = sc_strdup(path);
    out->name = loader == loader_generic() ? name_of(path) : sc_strdup(loader->name);
    if (out->source == NULL || out->name == NULL)
        status = sc_fail_nomem(error, "benchmark");
    if (status == SC_OK && !named)
        status = check_split(loader, options->split, error);
    if (status == SC_OK)
        status = read_rows(options, loader, &table, out, list, error);
    sc_table_free(&table);
    return status;
}

enum sc_status sc_benchmark_load(const struct sc_benchmark_options *options,
                                 struct sc_benchmark *out, struct sc_error *error)
{
    *out = (struct sc_benchmark){0};
    if (options->name == NULL || !*options->name)
        return fail_unknown("", error);
    if (strcmp(options->name, "synthetic") == 0)
        return synthetic_make(options, out, error);

    struct instance_list list = {0};
    char *found = NULL;
    const char *path = options->name;
    const struct loader *loader = loader_by_name(options->name);
    enum sc_status status = SC_OK;
    if (loader != NULL) {
        const char *split = options->split != NULL ? options->split : loader->default_split;
        status = check_split(loader, options->split, error);
        if (status == SC_OK)
            status = find_named(options, loader, split, &found, error);
        path = found;
    } else if (!sc_file_exists(path)) {
        status = fail_unknown(path, error);
    }
    if (status == SC_OK)
        status = load_file(options, path, loader, out, &list, error);
    if (status == SC_OK) {
        instances_fingerprint(&list, out->fingerprint);
        out->n_available = list.n;
        status = keep_some(&list, options->n_instances, options->first, options->seed, error);
    }
    out->instances = list.items;
    out->n_instances = list.n;
    if (status != SC_OK)
        sc_benchmark_free(out);
    sc_free(found);
    return status;
}
