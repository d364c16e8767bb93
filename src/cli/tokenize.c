/* safeconf tokenize: JSONL with "text" on standard input, JSONL with "ids" on standard output. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "model/model.h"

/* One line in, one line out. */
static enum sc_status tokenize_line(const struct sc_tokenizer *tokenizer, const char *line,
                                    size_t n, size_t number, bool special, struct sc_text *out,
                                    struct sc_error *error)
{
    char what[64];
    snprintf(what, sizeof what, "standard input line %zu", number);
    json_t *object = NULL;
    int32_t *ids = NULL;
    size_t n_ids;
    enum sc_status status = sc_json_parse(line, n, what, &object, error);
    if (status != SC_OK)
        return status;
    const json_t *text = json_object_get(object, "text");
    if (!json_is_string(text)) {
        status =
            sc_fail(error, SC_ERR_FORMAT, "%s: expected an object with a string \"text\"", what);
    } else {
        status = sc_tokenizer_encode(tokenizer, json_string_value(text), json_string_length(text),
                                     special, &ids, &n_ids, error);
        if (status != SC_OK)
            sc_error_prefix(error, "%s", what);
    }
    if (status == SC_OK) {
        sc_text_puts(out, "{\"ids\":[");
        for (size_t i = 0; i < n_ids; i++)
            sc_text_printf(out, i ? ",%d" : "%d", ids[i]);
        sc_text_puts(out, "]}\n");
    }
    sc_release(ids);
    json_decref(object);
    return status;
}

int cli_tokenize(int argc, char **argv)
{
    const char *model = "demo";
    bool special = false;
    struct cli_options options = {
        .command = "tokenize",
        .synopsis = "[--model M] [--special] < texts.jsonl > ids.jsonl",
        .summary = "Reads JSONL with \"text\", writes JSONL with \"ids\".  A folder that holds a\n"
                   "tokenizer and no weights will do."};
    cli_add_text(&options, "model", &model, "DIR|HUB_NAME|demo", "whose tokenizer");
    cli_add_flag(&options, "special", &special,
                 "special tokens written in a text become control tokens");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;

    struct sc_error error = {0};
    char *folder = NULL, *line = NULL;
    struct sc_tokenizer *tokenizer = NULL;
    struct sc_text out = {0};
    size_t capacity = 0, number = 0;
    ssize_t length = 0;
    bool written = true;
    enum sc_status status = sc_model_locate(model, &folder, &error);
    if (status == SC_OK)
        status = sc_tokenizer_open(&tokenizer, folder, &error);
    while (status == SC_OK && written && (length = getline(&line, &capacity, stdin)) >= 0) {
        number++;
        if (strspn(line, " \t\r\n") == (size_t)length)
            continue;
        sc_text_clear(&out);
        status = tokenize_line(tokenizer, line, (size_t)length, number, special, &out, &error);
        if (status == SC_OK)
            written = cli_write("tokenize", &out);
    }
    if (status == SC_OK && ferror(stdin))
        status = sc_fail(&error, SC_ERR_IO, "standard input: cannot read: %s", strerror(errno));
    free(line);
    sc_text_free(&out);
    sc_tokenizer_close(tokenizer);
    sc_free(folder);
    if (status != SC_OK)
        return cli_report_error("tokenize", &error);
    return written ? CLI_DONE : CLI_FAILED;
}
