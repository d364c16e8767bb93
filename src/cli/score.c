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

static void add_table(struct sc_text *out, const struct sc_tokenizer *tokenizer, const int32_t *ids,
                      size_t n, const float *logprob, const float *confidence, const float *entropy)
{
    sc_text_puts(out, "position     id    logprob confidence    entropy  token\n");
    for (size_t i = 0; i < n; i++) {
        size_t length = 0;
        const char *bytes =
            tokenizer != NULL ? sc_tokenizer_bytes(tokenizer, ids[i], &length) : NULL;
        sc_text_printf(out, "%8zu %6d ", i, ids[i]);
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
static enum sc_status wanted_ids(const struct sc_opened *model, const char *tokens,
                                 const char *text, bool special, int32_t **ids, size_t *n,
                                 struct sc_error *error)
{
    if (tokens != NULL)
        return parse_ids(tokens, ids, n, error);
    if (model->tokenizer == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "%s: --text needs a tokenizer.json, found none",
                       model->folder);
    enum sc_status status =
        sc_tokenizer_encode(model->tokenizer, text, strlen(text), special, ids, n, error);
    if (status == SC_OK && *n == 0)
        status = sc_fail(error, SC_ERR_ARGUMENT, "--text: expected at least one token, found none");
    return status;
}

int cli_score(int argc, char **argv)
{
    struct cli_model_options wanted = cli_model_options_default();
    const char *tokens = NULL, *text = NULL;
    bool json = false, special = false;
    struct cli_options options = {
        .command = "score",
        .synopsis = "--model M --tokens 1,2,3 | --text T [--top-k K] [--json]",
        .summary =
            "Position i of logprob is log P(token i | tokens before it); confidence and entropy\n"
            "at i describe the distribution after token i."};
    cli_add_model_options(&options, &wanted);
    cli_add_text(&options, "tokens", &tokens, "IDS", "token ids with commas between them");
    cli_add_text(&options, "text", &text, "T", "a text to tokenize");
    cli_add_flag(&options, "special", &special,
                 "special tokens written in the text are control tokens");
    cli_add_size(&options, "top-k", &wanted.confidence_top_k, 1, 1024, "k of the confidence (20)");
    cli_add_flag(&options, "json", &json, "one JSON object");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if ((tokens == NULL) == (text == NULL))
        return cli_usage_error("score", "expected either --tokens or --text");

    struct sc_error error = {0};
    struct sc_opened model = {0};
    int32_t *ids = NULL;
    size_t n = 0;
    float *figures = NULL;
    struct sc_text out = {0};
    int exit_status = CLI_DONE;
    enum sc_status status = cli_model_open(&model, &wanted, &error);
    if (status == SC_OK)
        status = wanted_ids(&model, tokens, text, special, &ids, &n, &error);
    if (status == SC_OK && (figures = sc_alloc_array(n, 3 * sizeof *figures)) == NULL)
        status = sc_fail_nomem(&error, "figures per token");
    if (status == SC_OK)
        status =
            sc_engine_score(model.engine, ids, n, figures, figures + n, figures + 2 * n, &error);
    if (status == SC_OK)
        status = sc_model_unchanged(model.model, &error);
    if (status != SC_OK) {
        exit_status = cli_report_error("score", &error);
        goto done;
    }
    if (json) {
        sc_text_puts(&out, "{\"tokens\":[");
        for (size_t i = 0; i < n; i++)
            sc_text_printf(&out, i ? ",%d" : "%d", ids[i]);
        sc_text_putc(&out, ']');
        add_array(&out, "logprob", figures, n);
        add_array(&out, "confidence", figures + n, n);
        add_array(&out, "entropy", figures + 2 * n, n);
        sc_text_puts(&out, "}\n");
    } else {
        add_table(&out, model.tokenizer, ids, n, figures, figures + n, figures + 2 * n);
    }
    if (!cli_write("score", &out))
        exit_status = CLI_FAILED;
done:
    sc_text_free(&out);
    sc_free(figures);
    sc_free(ids);
    sc_opened_close(&model);
    return exit_status;
}
