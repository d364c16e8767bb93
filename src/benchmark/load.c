/*
 * From a name or a path to instances: which loader, which file, sampling.  Refused: ids that are
 * not unique, a benchmark without a usable row.  What the known benchmarks look like is in
 * loaders.c, where they lie in locate.c; the rows are read in rows.c, the file formats in table.c.
 */
#include <assert.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "benchmark/loaders.h"

static enum sc_status check_split(const struct loader *loader, const char *split,
                                  struct sc_error *error)
{
    if (split == NULL)
        return SC_OK;
    if (loader->default_split == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "benchmark %s: has no splits, found '%s'",
                       loader->name, split);
    struct sc_text names = {0};
    for (size_t i = 0; i < LOADER_MAX_SPLITS && loader->splits[i].name != NULL; i++) {
        if (strcmp(split, loader->splits[i].name) == 0) {
            sc_text_free(&names);
            return SC_OK;
        }
        sc_text_printf(&names, "%s%s", i > 0 ? " or " : "", loader->splits[i].name);
    }
    enum sc_status status =
        sc_fail(error, SC_ERR_ARGUMENT, "benchmark %s: split: expected %s, found '%s'",
                loader->name, names.data != NULL ? names.data : "none", split);
    sc_text_free(&names);
    return status;
}

static enum sc_status fail_unknown(const char *name, struct sc_error *error)
{
    struct sc_text names = {0};
    for (size_t i = 0; sc_benchmark_name(i) != NULL; i++)
        sc_text_printf(&names, "%s, ", sc_benchmark_name(i));
    enum sc_status status =
        sc_fail(error, SC_ERR_ARGUMENT,
                "benchmark '%s': expected %sor the path of a CSV, JSON or text file", name,
                names.data != NULL ? names.data : "");
    sc_text_free(&names);
    return status;
}

static enum sc_status read_table(const struct sc_benchmark_options *options,
                                 const struct loader *loader, const struct sc_table *table,
                                 struct sc_benchmark *out, struct sc_instance_list *list,
                                 struct sc_error *error)
{
    bool named = loader != NULL;
    loader = named ? sc_loader_form(loader, table, out->source)
                   : sc_loader_by_columns(table, out->source);
    out->name =
        loader == sc_loader_generic() ? sc_table_title(options->name) : sc_strdup(loader->name);
    if (out->name == NULL)
        return sc_fail_nomem(error, "benchmark");
    if (!named)
        SC_TRY(check_split(loader, options->split, error));
    SC_TRY(sc_rows_read(options, loader, table, out, list, error));
    return sc_instance_list_check_ids(list, out->source, error);
}

static enum sc_status load_file(const struct sc_benchmark_options *options,
                                const struct loader *loader, struct sc_benchmark *out,
                                struct sc_instance_list *list, struct sc_error *error)
{
    const struct sc_table_options reading = {.rows_key = options->rows_key,
                                             .strict = options->strict};
    struct sc_table table;
    const char *path = loader != NULL ? out->source : options->name;
    SC_TRY(sc_table_read(path, &reading, &table, error));
    out->note = table.note;
    table.note = NULL;
    enum sc_status status = read_table(options, loader, &table, out, list, error);
    sc_table_free(&table);
    return status;
}

/* The known benchmark that the options mean; NULL: a file.  A file of that very name goes before
 * another way of spelling. */
static const struct loader *find_loader(const struct sc_benchmark_options *options)
{
    const struct loader *loader = sc_loader_by_name(options->name);
    if (loader == NULL && !sc_input_is_unnamed(options->name) && !sc_file_exists(options->name))
        loader = sc_loader_spelt_like(options->name);
    return loader;
}

/* The path of what the options name goes to out->source. */
static enum sc_status find_file(const struct sc_benchmark_options *options,
                                const struct loader *loader, struct sc_benchmark *out,
                                struct sc_error *error)
{
    if (loader != NULL) {
        SC_TRY(check_split(loader, options->split, error));
        const char *split = options->split != NULL ? options->split : loader->default_split;
        return sc_loader_find(loader, options->folder, split, &out->source, error);
    }
    if (!sc_input_is_unnamed(options->name) && !sc_file_exists(options->name))
        return fail_unknown(options->name, error);
    out->source = sc_strdup(sc_input_name(options->name));
    return out->source != NULL ? SC_OK : sc_fail_nomem(error, "benchmark");
}

struct sc_benchmark_options sc_benchmark_options_default(void)
{
    return (struct sc_benchmark_options){.name = "synthetic"};
}

static bool has_own(const struct sc_benchmark_options *options)
{
    return options->prompts != NULL || options->n_prompts > 0;
}

struct sc_benchmark_options sc_benchmark_options_read(const struct sc_benchmark_options *options)
{
    if (!has_own(options))
        return *options;
    return (struct sc_benchmark_options){.name = options->name,
                                         .prompts = options->prompts,
                                         .n_prompts = options->n_prompts,
                                         .system = options->system,
                                         .prefill = options->prefill,
                                         .prompt_template = options->prompt_template,
                                         .label = options->label,
                                         .multi_turn = options->multi_turn,
                                         .n_instances = options->n_instances,
                                         .first = options->first,
                                         .seed = options->seed};
}

static enum sc_status check_values(const struct sc_benchmark_options *options,
                                   struct sc_error *error)
{
    if ((options->unsafe_values == NULL && options->n_unsafe_values > 0) ||
        (options->safe_values == NULL && options->n_safe_values > 0))
        return sc_fail(error, SC_ERR_ARGUMENT, "values of labels: expected some, found none");
    return SC_OK;
}

/* Rows, before sampling. */
static enum sc_status load_rows(const struct sc_benchmark_options *options,
                                struct sc_benchmark *out, struct sc_instance_list *list,
                                struct sc_error *error)
{
    if (has_own(options))
        return sc_own_prompts(options, out, list, error);
    const struct loader *loader = find_loader(options);
    SC_TRY(find_file(options, loader, out, error));
    return load_file(options, loader, out, list, error);
}

static enum sc_status load(const struct sc_benchmark_options *options, struct sc_benchmark *out,
                           struct sc_instance_list *list, struct sc_error *error)
{
    if (options->name == NULL || *options->name == '\0')
        return fail_unknown("", error);
    SC_TRY(check_values(options, error));
    if (!has_own(options) && strcmp(options->name, "synthetic") == 0)
        return sc_synthetic_make(options, out, list, error);
    SC_TRY(load_rows(options, out, list, error));
    sc_instance_list_fingerprint(list, out->fingerprint);
    out->n_available = list->n;
    return sc_instance_list_keep(list, options->n_instances, options->first, options->seed, error);
}

void sc_benchmark_remark(const struct sc_benchmark *benchmark, struct sc_text *out)
{
    sc_table_remarks(benchmark->source, benchmark->note, &benchmark->bad_rows, out);
    sc_text_puts(out, benchmark->remarks.data != NULL ? benchmark->remarks.data : "");
}

enum sc_status sc_benchmark_load(const struct sc_benchmark_options *options,
                                 struct sc_benchmark *out, struct sc_error *error)
{
    assert(options != NULL);
    *out = (struct sc_benchmark){0};
    struct sc_instance_list list = {0};
    enum sc_status status = load(options, out, &list, error);
    out->instances = list.items;
    out->n_instances = list.n;
    if (status != SC_OK)
        sc_benchmark_free(out);
    return status;
}

const char *sc_benchmark_missing(const struct sc_benchmark_options *options)
{
    assert(options != NULL);
    const struct loader *loader = options->name != NULL ? find_loader(options) : NULL;
    if (loader == NULL || options->folder != NULL ||
        check_split(loader, options->split, NULL) != SC_OK)
        return NULL;
    char *path = NULL;
    const char *split = options->split != NULL ? options->split : loader->default_split;
    enum sc_status status = sc_loader_find(loader, NULL, split, &path, NULL);
    sc_free(path);
    return status == SC_ERR_IO ? loader->name : NULL;
}

static enum sc_status load_table(const struct sc_benchmark_options *options,
                                 const struct sc_table *table, struct sc_benchmark *out,
                                 struct sc_instance_list *list, struct sc_error *error)
{
    out->source = sc_strdup(sc_input_name(options->name));
    out->name = sc_table_title(options->name);
    if (out->source == NULL || out->name == NULL)
        return sc_fail_nomem(error, "benchmark");
    SC_TRY(
        sc_rows_read(options, sc_loader_by_columns(table, out->source), table, out, list, error));
    SC_TRY(sc_instance_list_check_ids(list, out->source, error));
    sc_instance_list_fingerprint(list, out->fingerprint);
    out->n_available = list->n;
    return SC_OK;
}

enum sc_status sc_benchmark_from_table(const struct sc_benchmark_options *options,
                                       const struct sc_table *table, struct sc_benchmark *out,
                                       struct sc_error *error)
{
    assert(options->name != NULL);
    *out = (struct sc_benchmark){0};
    struct sc_instance_list list = {0};
    enum sc_status status = load_table(options, table, out, &list, error);
    out->instances = list.items;
    out->n_instances = list.n;
    if (status != SC_OK)
        sc_benchmark_free(out);
    return status;
}
