/* See prompt_cells.h.  Which cells are texts and which are messages: docs/BENCHMARKS.md. */
#include "benchmark/prompt_cells.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "benchmark/messages.h"
#include "benchmark/wrapping.h"

static const char *const message_columns[] = {"messages", "conversations", "turns", "conversation"};
enum { N_MESSAGE_COLUMNS = sizeof message_columns / sizeof *message_columns };

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

/* NULL: the cell or the column is missing. */
static const char *cell(const struct prompt_cells *p, size_t row, int column)
{
    const struct sc_table *table = p->table;
    return column < 0 ? NULL : table->cells[row * table->n_columns + (size_t)column];
}

/* ---- columns --------------------------------------------------------------------------------- */

static enum sc_status find_named(const struct prompt_cells *p, const char *name, const char *option,
                                 int *column, struct sc_error *error)
{
    *column = name != NULL ? sc_table_column(p->table, name) : -1;
    return name != NULL && *column < 0 ? sc_table_lacks(p->table, p->source, name, option, error)
                                       : SC_OK;
}

/* The loader's column; in a file of one's own also "Prompt", and then those of messages. */
static int own_column(const struct prompt_cells *p)
{
    int column = sc_table_column(p->table, p->loader->prompt);
    if (column >= 0 || p->loader != sc_loader_generic())
        return column;
    column = sc_table_column_any_case(p->table, p->loader->prompt);
    for (int i = 0; i < N_MESSAGE_COLUMNS && column < 0; i++)
        column = sc_table_column_any_case(p->table, message_columns[i]);
    return column;
}

static bool names_messages(const char *column)
{
    for (int i = 0; i < N_MESSAGE_COLUMNS; i++)
        if (strcasecmp(column, message_columns[i]) == 0)
            return true;
    return false;
}

/* Whether a program stored a column of lists as text: then every cell is one.  Where the file's own
 * format has lists (JSON), only messages are so unlike a question that a text of them is none. */
static enum sc_status find_stored(struct prompt_cells *p, struct sc_error *error)
{
    p->stored = false;
    if (p->messages)
        return SC_OK;
    bool any = false, all = true;
    for (size_t row = 0; all && row < p->table->n_rows; row++) {
        size_t at = row * p->table->n_columns + (size_t)p->column;
        const char *text = p->table->cells[at];
        if (p->table->faults[row] != NULL || p->table->nested[at] || is_blank(text))
            continue;
        SC_TRY(sc_messages_are(text, !p->table->typed, &all, error));
        any = true;
    }
    p->stored = any && all;
    return SC_OK;
}

/* A file that is a list of messages: its columns are a message's. */
static bool is_one_conversation(const struct sc_table *table)
{
    return (sc_table_column(table, "role") >= 0 && sc_table_column(table, "content") >= 0) ||
           (sc_table_column(table, "from") >= 0 && sc_table_column(table, "value") >= 0);
}

enum sc_status sc_prompt_cells_find(struct prompt_cells *p, struct sc_error *error)
{
    const struct sc_benchmark_options *o = p->options;
    assert(o != NULL && p->loader != NULL && p->table != NULL);
    if (o->prompt_column != NULL && o->messages_column != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "expected --prompt-column or --messages-column, found both");
    SC_TRY(sc_wrapping_check(o, error));
    const char *named = o->messages_column != NULL ? o->messages_column : o->prompt_column;
    SC_TRY(find_named(p, named,
                      o->messages_column != NULL ? "--messages-column" : "--prompt-column",
                      &p->column, error));
    SC_TRY(find_named(p, o->system_column, "--system-column", &p->system, error));
    SC_TRY(find_named(p, o->prefill_column, "--prefill-column", &p->prefill, error));
    if (named == NULL)
        p->column = own_column(p);
    if (p->column < 0 && is_one_conversation(p->table))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "%s: messages of one conversation where rows are expected: a list within a "
                       "list is a row of messages ([[...]])",
                       p->source);
    if (p->column < 0)
        return sc_table_lacks(p->table, p->source, p->loader->prompt,
                              "name one with --prompt-column or --messages-column", error);
    p->messages = o->messages_column != NULL || names_messages(p->table->columns[p->column]);
    SC_TRY(find_stored(p, error));
    bool has_context = p->loader->context != NULL && named == NULL;
    p->context = has_context ? sc_table_column(p->table, p->loader->context) : -1;
    return SC_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

bool sc_prompt_cells_blank(const struct prompt_cells *p, size_t row)
{
    return is_blank(cell(p, row, p->column));
}

/* HarmBench shows the context first: "{context}\n\n---\n\n{behavior}". */
static char *with_context(const struct prompt_cells *p, size_t row)
{
    struct sc_text prompt = {0};
    const char *context = cell(p, row, p->context);
    if (!is_blank(context)) {
        sc_text_puts(&prompt, context);
        sc_text_puts(&prompt, "\n\n---\n\n");
    }
    sc_text_puts(&prompt, cell(p, row, p->column));
    return sc_text_take(&prompt);
}

static bool is_source(const struct prompt_cells *p, size_t row)
{
    const char *text = cell(p, row, p->column);
    text += strspn(text, " \t\r\n");
    return p->table->nested[row * p->table->n_columns + (size_t)p->column] ||
           ((p->messages || p->stored) && (*text == '[' || *text == '{'));
}

/* One question of the user's and nothing else is a prompt as a text would be. */
static enum sc_status take_messages(struct sc_messages *messages, struct sc_instance *item,
                                    char **reference, struct sc_error *error)
{
    struct sc_conversation *turns = &messages->conversation;
    item->prompt = sc_strdup(turns->messages[turns->n - 1].text);
    if (item->prompt == NULL)
        return sc_fail_nomem(error, "messages");
    *reference = messages->reference;
    messages->reference = NULL;
    if (turns->n == 1)
        return SC_OK;
    item->conversation = *turns;
    *turns = (struct sc_conversation){0};
    return SC_OK;
}

static enum sc_status read_messages(const struct prompt_cells *p, size_t row,
                                    struct sc_instance *item, char **reference,
                                    struct sc_error *error)
{
    json_t *value = NULL;
    struct sc_messages messages = {0};
    SC_TRY(sc_messages_parse(cell(p, row, p->column), &value, error));
    enum sc_status status = sc_messages_read(value, p->options->multi_turn, &messages, error);
    json_decref(value);
    SC_TRY(status);
    status = take_messages(&messages, item, reference, error);
    sc_messages_free(&messages);
    return status;
}

enum sc_status sc_prompt_cells_read(struct prompt_cells *p, size_t row, struct sc_instance *item,
                                    char **reference, struct sc_error *error)
{
    assert(!sc_prompt_cells_blank(p, row) && item->prompt == NULL);
    bool kept_own = false;
    *reference = NULL;
    if (is_source(p, row)) {
        SC_TRY(read_messages(p, row, item, reference, error));
    } else {
        item->prompt = with_context(p, row);
        if (item->prompt == NULL)
            return sc_fail_nomem(error, "a prompt");
    }
    SC_TRY(sc_wrap(p->options, cell(p, row, p->system), cell(p, row, p->prefill), item, &kept_own,
                   error));
    p->n_references += *reference != NULL;
    p->n_own_systems += kept_own;
    return SC_OK;
}

/* ---- what is to be said ---------------------------------------------------------------------- */

static void begin_remark(const struct prompt_cells *p, size_t n, struct sc_text *out)
{
    sc_text_add_visible(out, p->source, strlen(p->source), false);
    sc_text_puts(out, ": ");
    if (n > 0)
        sc_text_printf(out, "%zu row%s ", n, n == 1 ? "" : "s");
}

void sc_prompt_cells_remark(const struct prompt_cells *p, struct sc_text *remarks)
{
    const char *column = p->table->columns[p->column];
    if (p->stored) {
        begin_remark(p, 0, remarks);
        sc_text_puts(remarks, "the texts of column '");
        sc_text_add_visible(remarks, column, strlen(column), false);
        sc_text_puts(remarks, "' are lists, and are read as messages\n");
    }
    if (p->n_references > 0) {
        begin_remark(p, p->n_references, remarks);
        sc_text_printf(remarks, "end%s with an answer: it is not asked, and is kept as reference\n",
                       p->n_references == 1 ? "s" : "");
    }
    if (p->n_own_systems > 0) {
        begin_remark(p, p->n_own_systems, remarks);
        sc_text_printf(remarks, "ha%s a system message of %s own, which stands\n",
                       p->n_own_systems == 1 ? "s" : "ve", p->n_own_systems == 1 ? "its" : "their");
    }
}
