/* See labelling.h.  What a single cell says is in labels.c. */
#include "benchmark/labelling.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

/* Values that a line shows. */
#define MOST_SHOWN 6

/* ---- where labels come from ------------------------------------------------------------------ */

static bool has_values(const struct sc_benchmark_options *o)
{
    return o->n_unsafe_values > 0 || o->n_safe_values > 0;
}

static enum sc_status check_options(const struct labelling *l, struct sc_error *error)
{
    const struct sc_benchmark_options *o = l->options;
    if (o->label != NULL && strcmp(o->label, "safe") != 0 && strcmp(o->label, "unsafe") != 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "--label: expected safe or unsafe, found '%s'",
                       o->label);
    if (o->label != NULL && (o->label_column != NULL || has_values(o)))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--label gives all rows one label: expected no --%s beside it",
                       o->label_column != NULL  ? "label-column"
                       : o->n_unsafe_values > 0 ? "unsafe-value"
                                                : "safe-value");
    for (size_t i = 0; i < o->n_unsafe_values; i++)
        for (size_t j = 0; j < o->n_safe_values; j++)
            if (sc_label_equal(o->unsafe_values[i], o->safe_values[j]))
                return sc_fail(error, SC_ERR_ARGUMENT,
                               "--unsafe-value and --safe-value: both have '%s'",
                               o->safe_values[j]);
    return SC_OK;
}

/* The loader's own column, or in a file of one's own the only one of the usual names. */
static int own_column(const struct labelling *l, bool *found)
{
    const struct sc_table *table = l->table;
    int own = l->loader->label != NULL ? sc_table_column(table, l->loader->label) : -1;
    *found = false;
    if (own >= 0 || l->loader != sc_loader_generic())
        return own;
    for (size_t i = 0; i < table->n_columns; i++) {
        if (!sc_label_column_known(table->columns[i]))
            continue;
        if (own >= 0)
            return -1;
        own = (int)i;
    }
    *found = own >= 0;
    return own;
}

static enum sc_status find_column(struct labelling *l, struct sc_error *error)
{
    const char *given = l->options->label_column;
    if (given == NULL) {
        l->column = own_column(l, &l->found);
        if (has_values(l->options) && l->column < 0)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "%s: --%s needs a label column: name it with --label-column", l->source,
                           l->options->n_unsafe_values > 0 ? "unsafe-value" : "safe-value");
        return SC_OK;
    }
    l->column = sc_table_column(l->table, given);
    return l->column >= 0 ? SC_OK
                          : sc_table_lacks(l->table, l->source, given, "--label-column", error);
}

static enum sc_label label_of_split(const struct loader *loader, const char *split)
{
    for (size_t i = 0; i < LOADER_MAX_SPLITS && loader->splits[i].name != NULL; i++)
        if (split != NULL && strcmp(split, loader->splits[i].name) == 0)
            return loader->splits[i].label;
    return SC_LABEL_UNKNOWN;
}

enum sc_status sc_labelling_begin(struct labelling *l, const char *split, struct sc_error *error)
{
    const struct sc_benchmark_options *o = l->options;
    assert(o != NULL && l->loader != NULL && l->table != NULL);
    SC_TRY(check_options(l, error));
    SC_TRY(find_column(l, error));
    bool by_column = o->label_column != NULL || has_values(o);
    l->rule = by_column ? LABEL_COLUMN : l->loader->rule;
    l->fixed = SC_LABEL_UNKNOWN;
    if (o->label != NULL)
        l->fixed = strcmp(o->label, "safe") == 0 ? SC_LABEL_SAFE : SC_LABEL_UNSAFE;
    else if (l->rule == LABEL_ALL_UNSAFE)
        l->fixed = SC_LABEL_UNSAFE;
    else if (l->rule == LABEL_OF_SPLIT || l->rule == LABEL_CONCERN)
        l->fixed = label_of_split(l->loader, split);
    if (l->column >= 0)
        l->sense = sc_label_sense(l->table->columns[l->column]);
    l->matched = sc_alloc_zero(o->n_unsafe_values + o->n_safe_values + 1, sizeof *l->matched);
    return l->matched != NULL ? SC_OK : sc_fail_nomem(error, "labels");
}

void sc_labelling_free(struct labelling *l)
{
    sc_free(l->matched);
    l->matched = NULL;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void match_values(struct labelling *l, const char *text)
{
    const struct sc_benchmark_options *o = l->options;
    if (sc_label_blank(text))
        return;
    sc_label_values_add(&l->seen, text);
    for (size_t i = 0; i < o->n_unsafe_values; i++)
        l->matched[i] = l->matched[i] || sc_label_equal(text, o->unsafe_values[i]);
    for (size_t i = 0; i < o->n_safe_values; i++) {
        bool *matched = &l->matched[o->n_unsafe_values + i];
        *matched = *matched || sc_label_equal(text, o->safe_values[i]);
    }
}

/* XSTest's second version: a type of its unsafe half begins with "contrast_". */
static enum sc_label read_contrast(const char *type)
{
    if (sc_label_blank(type))
        return SC_LABEL_UNKNOWN;
    return strncmp(type, "contrast_", 9) == 0 ? SC_LABEL_UNSAFE : SC_LABEL_SAFE;
}

/* CoCoNot: one kind of the requests that should not be complied with. */
static enum sc_label read_concern(const char *category)
{
    return category != NULL && sc_label_equal(category, "Requests with safety concerns")
               ? SC_LABEL_UNSAFE
               : SC_LABEL_UNKNOWN;
}

static enum sc_status read_fixed(const struct labelling *l, size_t row, const char *text,
                                 enum sc_label *label, struct sc_error *error)
{
    *label = l->fixed;
    if (l->options->label == NULL || l->rule != LABEL_COLUMN)
        return SC_OK;
    enum sc_label said = sc_label_read(text, l->sense, l->options);
    if (said == SC_LABEL_UNKNOWN || said == l->fixed)
        return SC_OK;
    return sc_fail(error, SC_ERR_ARGUMENT,
                   "%s: line %zu: column '%s' says %s, --label says %s: --label is for files "
                   "without labels",
                   l->source, l->table->lines[row], l->table->columns[l->column],
                   sc_label_name(said), l->options->label);
}

enum sc_status sc_labelling_read(struct labelling *l, size_t row, enum sc_label *label,
                                 struct sc_error *error)
{
    const struct sc_table *table = l->table;
    const char *text =
        l->column >= 0 ? table->cells[row * table->n_columns + (size_t)l->column] : NULL;
    if (l->fixed != SC_LABEL_UNKNOWN)
        return read_fixed(l, row, text, label, error);
    *label = l->rule == LABEL_CONTRAST  ? read_contrast(text)
             : l->rule == LABEL_CONCERN ? read_concern(text)
                                        : sc_label_read(text, l->sense, l->options);
    if (has_values(l->options))
        match_values(l, text);
    if (*label != SC_LABEL_UNKNOWN)
        return SC_OK;
    if (sc_label_blank(text) || l->rule == LABEL_CONCERN) {
        l->n_blank++;
        return SC_OK;
    }
    l->n_misread++;
    sc_label_values_add(&l->misread, text);
    return SC_OK;
}

/* ---- what is to be said ---------------------------------------------------------------------- */

static enum sc_status fail_unmatched(const struct labelling *l, const char *option,
                                     const char *value, struct sc_error *error)
{
    struct sc_text found = {0};
    sc_label_values_describe(&l->seen, LABEL_VALUES_KEPT, &found);
    enum sc_status status = sc_fail(
        error, SC_ERR_ARGUMENT, "%s: --%s '%s' matches no row: column '%s' has %s", l->source,
        option, value, l->table->columns[l->column], found.len > 0 ? found.data : "no values");
    sc_text_free(&found);
    return status;
}

static enum sc_status check_matched(const struct labelling *l, struct sc_error *error)
{
    const struct sc_benchmark_options *o = l->options;
    for (size_t i = 0; i < o->n_unsafe_values; i++)
        if (!l->matched[i])
            return fail_unmatched(l, "unsafe-value", o->unsafe_values[i], error);
    for (size_t i = 0; i < o->n_safe_values; i++)
        if (!l->matched[o->n_unsafe_values + i])
            return fail_unmatched(l, "safe-value", o->safe_values[i], error);
    return SC_OK;
}

static void add_visible(struct sc_text *out, const char *text)
{
    sc_text_add_visible(out, text, strlen(text), false);
}

static void begin_remark(const struct labelling *l, struct sc_text *out)
{
    add_visible(out, l->source);
    sc_text_puts(out, ": ");
}

/* A column of answers, of which a label beside it may speak; NULL: none. */
static const char *answers_of(const struct sc_table *table)
{
    static const char *const names[] = {"response", "completion", "answer", "output"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sc_table_column(table, names[i]) >= 0)
            return names[i];
    return NULL;
}

static void remark_on_column(const struct labelling *l, struct sc_text *out)
{
    if (l->column < 0 || l->fixed != SC_LABEL_UNKNOWN || l->rule != LABEL_COLUMN)
        return;
    const char *answers = l->found ? answers_of(l->table) : NULL;
    bool turned = l->sense != LABEL_TRUE_IS_UNSAFE && !has_values(l->options);
    if (!l->found && !turned)
        return;
    begin_remark(l, out);
    sc_text_puts(out, "labels are those of column '");
    add_visible(out, l->table->columns[l->column]);
    sc_text_puts(out, !turned                          ? "'"
                      : l->sense == LABEL_TRUE_IS_SAFE ? "', where true means safe"
                                                       : "', where true and 1 say neither: "
                                                         "--unsafe-value or --safe-value does");
    if (answers != NULL)
        sc_text_printf(out, " (they may be of column '%s' and not of the prompt)", answers);
    sc_text_putc(out, '\n');
}

static void remark_on_misread(const struct labelling *l, struct sc_text *out)
{
    if (l->n_misread == 0)
        return;
    begin_remark(l, out);
    sc_text_puts(out, "labels that are not understood, so unknown: ");
    sc_label_values_describe(&l->misread, MOST_SHOWN, out);
    sc_text_puts(out, " (--unsafe-value and --safe-value say what they mean)\n");
}

static void remark_on_splits(const struct labelling *l, struct sc_text *out)
{
    begin_remark(l, out);
    sc_text_puts(out, "the file's name does not say which part this is: --split ");
    for (size_t i = 0; i < LOADER_MAX_SPLITS && l->loader->splits[i].name != NULL; i++)
        sc_text_printf(out, "%s%s", i > 0 ? "|" : "", l->loader->splits[i].name);
    sc_text_puts(out, " or --label safe|unsafe does\n");
}

/* The usual names, where several columns have one and none was taken. */
static void remark_on_choice(const struct labelling *l, struct sc_text *out)
{
    size_t n = 0;
    for (size_t i = 0; i < l->table->n_columns; i++) {
        const char *column = l->table->columns[i];
        if (l->column >= 0 || l->loader != sc_loader_generic() || !sc_label_column_known(column))
            continue;
        if (n++ == 0) {
            begin_remark(l, out);
            sc_text_puts(out, "several columns could be the label: ");
        }
        sc_text_puts(out, n > 1 ? ", " : "");
        add_visible(out, column);
    }
    if (n > 0)
        sc_text_puts(out, " (name one with --label-column)\n");
}

static void remark_on_none(const struct labelling *l, const struct sc_instance_list *list,
                           struct sc_text *out)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].label != SC_LABEL_UNKNOWN)
            return;
    remark_on_choice(l, out);
    if (l->rule == LABEL_OF_SPLIT)
        remark_on_splits(l, out);
    begin_remark(l, out);
    sc_text_puts(out, "no prompt has a label, so nothing says which refusals are right: no "
                      "sensitivity, no over-refusal, no harm without a judge (--label safe|unsafe "
                      "labels all of them, --label-column names a column)\n");
}

enum sc_status sc_labelling_end(const struct labelling *l, struct sc_benchmark *out,
                                const struct sc_instance_list *list, struct sc_error *error)
{
    SC_TRY(check_matched(l, error));
    out->n_unlabelled = l->n_blank;
    out->n_misread = l->n_misread;
    remark_on_column(l, &out->remarks);
    remark_on_misread(l, &out->remarks);
    remark_on_none(l, list, &out->remarks);
    if (l->loader->remark != NULL && l->options->label == NULL) {
        begin_remark(l, &out->remarks);
        sc_text_printf(&out->remarks, "%s\n", l->loader->remark);
    }
    return out->remarks.failed ? sc_fail_nomem(error, "labels") : SC_OK;
}
