/* safeconf score: per-position figures of a given text or of given token ids. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "engine/open.h"
#include "model/tokenizer/tokenizer.h"

/* "1,2,3" to ids; *ids: sc_free it. */
static enum sc_status parse_ids(const char *list, int32_t **ids, size_t *n, struct sc_error *error)
{
    size_t most = 1;
    for (const char *p = list; *p; p++)
        most += *p == ',';
    *ids = sc_alloc_array(most, sizeof **ids);
    if (*ids == NULL)
        return sc_fail_nomem(error, "token ids");
    *n = 0;
    for (const char *p = list;;) {
        char *end;
        errno = 0;
        long id = strtol(p, &end, 10);
        if (end == p || (*end != ',' && *end != '\0') || errno != 0 || id < 0 || id > INT32_MAX)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "--tokens: expected numbers with commas between them, found \"%s\"", p);
        (*ids)[(*n)++] = (int32_t)id;
        if (*end == '\0')
            return SC_OK;
        p = end + 1;
    }
}

static void add_array(struct sc_text *out, const char *name, const float *values, size_t n)
{
    sc_text_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        sc_text_puts(out, i ? "," : "");
        if (isfinite(values[i]))
            sc_text_printf(out, "%.9g", (double)values[i]);
        else
            sc_text_puts(out, "null");
    }
    sc_text_putc(out, ']');
}

struct score_command {
    const char *tokens, *text;
    bool json, special;
};

/* What a command has open; all zero is fine. */
struct scored {
    struct sc_opened model;
    int32_t *ids;
    float *figures; /* [3][n]: logprob, confidence, entropy */
    size_t n;
};

static void add_table(struct sc_text *out, const struct scored *s)
{
    const float *logprob = s->figures, *confidence = logprob + s->n, *entropy = confidence + s->n;
    sc_text_puts(out, "position     id    logprob confidence    entropy  token\n");
    for (size_t i = 0; i < s->n; i++) {
        size_t length = 0;
        const char *bytes = s->model.tokenizer != NULL
                                ? sc_tokenizer_bytes(s->model.tokenizer, s->ids[i], &length)
                                : NULL;
        sc_text_printf(out, "%8zu %6d ", i, s->ids[i]);
        if (i == 0)
            sc_text_printf(out, "%10s", "-");
        else
            sc_text_printf(out, "%10.4f", (double)logprob[i]);
        sc_text_printf(out, " %10.4f %10.4f  ", (double)confidence[i], (double)entropy[i]);
        if (bytes != NULL)
            sc_text_add_visible(out, bytes, length, false);
        sc_text_putc(out, '\n');
    }
}

/* The ids asked for, from --tokens or --text. */
static enum sc_status wanted_ids(const struct sc_opened *model, const struct score_command *command,
                                 int32_t **ids, size_t *n, struct sc_error *error)
{
    const char *text = command->text;
    if (command->tokens != NULL)
        return parse_ids(command->tokens, ids, n, error);
    if (model->tokenizer == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "%s: --text needs a tokenizer.json, found none",
                       model->folder);
    SC_TRY(
        sc_tokenizer_encode(model->tokenizer, text, strlen(text), command->special, ids, n, error));
    if (*n == 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "--text: expected at least one token, found none");
    return SC_OK;
}

static enum sc_status score(const struct cli_model_options *wanted,
                            const struct score_command *command, struct scored *s,
                            struct sc_error *error)
{
    SC_TRY(cli_model_open(&s->model, wanted, error));
    SC_TRY(wanted_ids(&s->model, command, &s->ids, &s->n, error));
    s->figures = sc_alloc_array(s->n, 3 * sizeof *s->figures);
    if (s->figures == NULL)
        return sc_fail_nomem(error, "figures per token");
    const struct sc_score_arrays out = {s->figures, s->figures + s->n, s->figures + 2 * s->n};
    SC_TRY(sc_engine_score(s->model.engine, s->ids, s->n, &out, error));
    return sc_model_unchanged(s->model.model, error);
}

static void add_json(struct sc_text *out, const struct scored *s)
{
    sc_text_puts(out, "{\"tokens\":[");
    for (size_t i = 0; i < s->n; i++)
        sc_text_printf(out, i ? ",%d" : "%d", s->ids[i]);
    sc_text_putc(out, ']');
    add_array(out, "logprob", s->figures, s->n);
    add_array(out, "confidence", s->figures + s->n, s->n);
    add_array(out, "entropy", s->figures + 2 * s->n, s->n);
    sc_text_puts(out, "}\n");
}

static int run_score(const struct cli_model_options *wanted, const struct score_command *command)
{
    struct scored s = {0};
    struct sc_error error = {0};
    struct sc_text out = {0};
    int exit_status = CLI_DONE;
    if (score(wanted, command, &s, &error) != SC_OK) {
        exit_status = cli_report_error("score", &error);
    } else {
        if (command->json)
            add_json(&out, &s);
        else
            add_table(&out, &s);
        if (!cli_write("score", &out))
            exit_status = CLI_FAILED;
    }
    sc_text_free(&out);
    sc_free(s.figures);
    sc_free(s.ids);
    sc_opened_close(&s.model);
    return exit_status;
}

int cli_score(int argc, char **argv)
{
    struct cli_model_options wanted = cli_model_options_default();
    struct score_command command = {0};
    struct cli_options options = {
        .command = "score",
        .synopsis = "--model M --tokens 1,2,3 | --text T [--top-k K] [--json]",
        .summary =
            "Position i of logprob is log P(token i | tokens before it); confidence and entropy\n"
            "at i describe the distribution after token i."};
    cli_add_model_options(&options, &wanted);
    cli_add_text(&options, "tokens", &command.tokens, "IDS", "token ids with commas between them");
    cli_add_text(&options, "text", &command.text, "T", "a text to tokenize");
    cli_add_flag(&options, "special", &command.special,
                 "special tokens written in the text are control tokens");
    cli_add_size(&options, "top-k", &wanted.confidence_top_k, 1, 1024, "k of the confidence (20)");
    cli_add_flag(&options, "json", &command.json, "one JSON object");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if ((command.tokens == NULL) == (command.text == NULL))
        return cli_usage_error("score", "expected either --tokens or --text");

    return run_score(&wanted, &command);
}
