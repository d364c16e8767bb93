/* safeconf tokenize: JSONL with "text" on standard input, JSONL with "ids" on standard output. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "cli/fetch.h"
#include "model/tokenizer/tokenizer.h"

/* What the command has open; all zero is fine. */
struct tokenizing {
    struct sc_tokenizer *tokenizer;
    bool special, around; /* around: with what the file puts before and after a text */
    bool written;         /* standard output took all so far */
    size_t line;          /* its number */
    struct sc_text out;
};

static void put_ids(struct tokenizing *t, const int32_t *ids, size_t n, bool first)
{
    for (size_t i = 0; i < n; i++)
        sc_text_printf(&t->out, i > 0 || !first ? ",%d" : "%d", (int)ids[i]);
}

static enum sc_status encode_object(struct tokenizing *t, const json_t *object, const char *what,
                                    struct sc_error *error)
{
    const json_t *text = json_object_get(object, "text");
    if (!json_is_string(text))
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected an object with a string \"text\"", what);
    int32_t *ids = NULL;
    size_t n_ids = 0;
    enum sc_status status =
        sc_tokenizer_encode(t->tokenizer, json_string_value(text), json_string_length(text),
                            t->special, &ids, &n_ids, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "%s", what);
        return status;
    }
    const struct sc_tokenizer_around around =
        t->around ? sc_tokenizer_around(t->tokenizer) : (struct sc_tokenizer_around){0};
    sc_text_puts(&t->out, "{\"ids\":[");
    put_ids(t, around.before, around.n_before, true);
    put_ids(t, ids, n_ids, around.n_before == 0);
    put_ids(t, around.after, around.n_after, around.n_before + n_ids == 0);
    sc_text_puts(&t->out, "]}\n");
    sc_release(ids);
    return SC_OK;
}

/* One line in, one line out. */
static enum sc_status tokenize_line(struct tokenizing *t, const char *line, size_t n,
                                    struct sc_error *error)
{
    char what[64];
    json_t *object = NULL;
    snprintf(what, sizeof what, "standard input line %zu", t->line);
    SC_TRY(sc_json_parse_nul(line, n, what, &object, error));
    sc_text_clear(&t->out);
    enum sc_status status = encode_object(t, object, what, error);
    json_decref(object);
    if (status == SC_OK)
        t->written = cli_write("tokenize", &t->out);
    return status;
}

static enum sc_status tokenize_input(struct tokenizing *t, struct sc_error *error)
{
    char *line = NULL;
    size_t capacity = 0;
    enum sc_status status = SC_OK;
    for (ssize_t n; status == SC_OK && t->written && (n = getline(&line, &capacity, stdin)) >= 0;) {
        t->line++;
        if (strspn(line, " \t\r\n") != (size_t)n)
            status = tokenize_line(t, line, (size_t)n, error);
    }
    free(line);
    SC_TRY(status);
    if (ferror(stdin))
        return sc_fail(error, SC_ERR_IO, "standard input: cannot read: %s", strerror(errno));
    return SC_OK;
}

int cli_tokenize(int argc, char **argv)
{
    struct cli_fetch from = {.name = "demo", .part = SC_HUB_TOKENIZER};
    bool special = false, around = false;
    struct cli_options options = {
        .command = "tokenize",
        .synopsis = "[--model M] [--special] [--add-special-tokens] < texts.jsonl > ids.jsonl",
        .summary = "Reads JSONL with \"text\", writes JSONL with \"ids\".  A folder that holds a\n"
                   "tokenizer and no weights will do."};
    cli_add_text(&options, "model", &from.name, "DIR|HUB_NAME|demo", "whose tokenizer");
    cli_add_flag(&options, "special", &special,
                 "special tokens written in a text become control tokens");
    cli_add_flag(&options, "add-special-tokens", &around,
                 "with the ids that the file's post-processor puts before and after a text");
    cli_add_yes(&options, &from.yes);
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;

    struct sc_error error = {0};
    struct tokenizing t = {.special = special, .around = around, .written = true};
    enum sc_status status = cli_tokenizer_open(&t.tokenizer, &from, &error);
    if (status == SC_OK)
        status = tokenize_input(&t, &error);
    sc_text_free(&t.out);
    sc_tokenizer_close(t.tokenizer);
    if (status != SC_OK)
        return cli_report_error("tokenize", &error);
    return t.written ? CLI_DONE : CLI_FAILED;
}
