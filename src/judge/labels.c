/*
 * Which tokens stand for a label, and what their probabilities say.  Refuses a tokenizer that does
 * not tell the labels apart by one token.
 */
#include "judge/labels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "model/tokenizer/tokenizer.h"

/* ---- a text within a text -------------------------------------------------------------------- */

/* A tokenizer may treat the beginning of a text as it treats no other place (a blank is put before
 * it), so the text is encoded behind the end of a line.  Where that end cannot be cut off, because
 * one token holds it and what follows, the text stands alone. */
enum sc_status sc_line_encode(const struct sc_tokenizer *tokenizer, const char *text,
                              struct sc_line_tokens *out, struct sc_error *error)
{
    *out = (struct sc_line_tokens){0};
    struct sc_text line = {0};
    sc_text_putc(&line, '\n');
    sc_text_puts(&line, text);
    size_t n = 0;
    enum sc_status status = line.failed ? sc_fail_nomem(error, "a judge's words")
                                        : sc_tokenizer_encode(tokenizer, line.data, line.len, false,
                                                              &out->all, &n, error);
    sc_text_free(&line);
    SC_TRY(status);
    for (size_t t = 0; t < n; t++) {
        size_t bytes = 0;
        const char *token = sc_tokenizer_bytes(tokenizer, out->all[t], &bytes);
        const char *end = token != NULL && bytes > 0 ? memchr(token, '\n', bytes) : NULL;
        if (end == NULL)
            continue;
        if (end + 1 < token + bytes)
            break;
        out->ids = out->all + t + 1;
        out->n = n - t - 1;
        return SC_OK;
    }
    sc_release(out->all);
    out->all = NULL;
    SC_TRY(sc_tokenizer_encode(tokenizer, text, strlen(text), false, &out->all, &out->n, error));
    out->ids = out->all;
    return SC_OK;
}

/* ---- labels ---------------------------------------------------------------------------------- */

/* The labels of a line in one way of saying them, and their tokens. */
struct said {
    const struct sc_judge_line *line;
    size_t n, variant;
    struct sc_line_tokens tokens[SC_MOST_LABELS];
};

static size_t count_labels(const struct sc_judge_line *line)
{
    size_t n = 0;
    while (n < SC_MOST_LABELS && line->labels[n][0] != NULL)
        n++;
    return n;
}

static enum sc_status say(struct said *said, const struct sc_tokenizer *tokenizer,
                          struct sc_error *error)
{
    for (size_t i = 0; i < said->n; i++) {
        struct sc_text text = {0};
        sc_text_puts(&text, said->line->lead);
        sc_text_puts(&text, said->line->labels[i][said->variant]);
        enum sc_status status = text.failed
                                    ? sc_fail_nomem(error, "a judge's labels")
                                    : sc_line_encode(tokenizer, text.data, &said->tokens[i], error);
        sc_text_free(&text);
        SC_TRY(status);
    }
    return SC_OK;
}

/* How many tokens all of them begin with. */
static size_t count_common(const struct said *said)
{
    for (size_t lead = 0;; lead++)
        for (size_t i = 0; i < said->n; i++)
            if (lead >= said->tokens[i].n || said->tokens[i].ids[lead] != said->tokens[0].ids[lead])
                return lead;
}

/* Whether a token stands for a label already: the label, or n when for none. */
static size_t label_of(const struct sc_labels *labels, int32_t id)
{
    for (size_t i = 0; i < labels->n; i++)
        for (size_t v = 0; v < labels->n_tokens[i]; v++)
            if (labels->tokens[i][v].id == id)
                return i;
    return labels->n;
}

/* Whether each label has a token of its own behind `lead` common ones. */
static bool tells_apart(const struct sc_labels *labels, const struct said *said, size_t lead)
{
    for (size_t i = 0; i < said->n; i++) {
        if (lead >= said->tokens[i].n)
            return false;
        int32_t id = said->tokens[i].ids[lead];
        size_t known = label_of(labels, id);
        if (known != labels->n && known != i)
            return false;
        for (size_t j = 0; j < i; j++)
            if (said->tokens[j].ids[lead] == id)
                return false;
    }
    return true;
}

static void add_tokens(struct sc_kind_labels *all, struct sc_labels *labels,
                       const struct said *said, size_t lead, int offset)
{
    for (size_t i = 0; i < said->n; i++) {
        int32_t id = said->tokens[i].ids[lead];
        if (label_of(labels, id) != labels->n)
            continue;
        assert(all->n_watch < SC_MOST_WATCHED);
        const char *text = said->line->labels[i][said->variant];
        int blanks = (int)strspn(text, " ");
        labels->tokens[i][labels->n_tokens[i]++] =
            (struct sc_label_token){id, offset - blanks, all->n_watch};
        all->watch[all->n_watch++] = id;
    }
}

/* One way of saying the labels.  The first must tell them apart; another that does not is left out,
 * as its tokens are counted already or say nothing. */
static enum sc_status take(struct sc_kind_labels *all, struct sc_labels *labels,
                           const struct sc_tokenizer *tokenizer, const struct said *said,
                           struct sc_error *error)
{
    size_t lead = count_common(said), bytes = 0;
    bool blank = *said->line->lead == '\0';
    if (!tells_apart(labels, said, lead) || (lead == 0 && !blank) || lead > SC_MOST_LEAD) {
        if (said->variant > 0)
            return SC_OK;
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "judge: tokenizer: expected \"%s%s\" to differ from the other labels in "
                       "one token after at most %d common ones",
                       said->line->lead, said->line->labels[said->n - 1][0], SC_MOST_LEAD);
    }
    for (size_t t = 0; t < lead; t++) {
        size_t n = 0;
        sc_tokenizer_bytes(tokenizer, said->tokens[0].ids[t], &n);
        bytes += n;
        if (said->variant == 0)
            labels->lead[labels->n_lead++] = said->tokens[0].ids[t];
    }
    add_tokens(all, labels, said, lead, (int)bytes - (int)strlen(said->line->lead));
    return SC_OK;
}

static enum sc_status say_and_take(struct sc_kind_labels *all, struct sc_labels *labels,
                                   const struct sc_tokenizer *tokenizer, struct said *said,
                                   struct sc_error *error)
{
    SC_TRY(say(said, tokenizer, error));
    return take(all, labels, tokenizer, said, error);
}

static enum sc_status find_line(struct sc_kind_labels *all, struct sc_labels *labels,
                                const struct sc_judge_line *line,
                                const struct sc_tokenizer *tokenizer, struct sc_error *error)
{
    labels->n = count_labels(line);
    enum sc_status status = SC_OK;
    for (size_t v = 0; status == SC_OK && v < SC_MOST_VARIANTS && labels->n > 0; v++) {
        if (line->labels[0][v] == NULL)
            break;
        struct said said = {.line = line, .n = labels->n, .variant = v};
        status = say_and_take(all, labels, tokenizer, &said, error);
        for (size_t i = 0; i < said.n; i++)
            sc_release(said.tokens[i].all);
    }
    return status;
}

enum sc_status sc_kind_labels_find(struct sc_kind_labels *labels, const struct sc_judge_kind *kind,
                                   const struct sc_tokenizer *tokenizer, struct sc_error *error)
{
    *labels = (struct sc_kind_labels){0};
    for (size_t i = 0; i < kind->n_lines; i++)
        SC_TRY(find_line(labels, &labels->lines[i], &kind->lines[i], tokenizer, error));
    return SC_OK;
}

/* ---- probabilities --------------------------------------------------------------------------- */

/* The log-probability of a label: that of its token, or of all its tokens together. */
static double label_logprob(const struct sc_labels *labels, size_t label, const float *watched)
{
    const struct sc_label_token *tokens = labels->tokens[label];
    double most = -INFINITY, sum = 0;
    for (size_t v = 0; v < labels->n_tokens[label]; v++)
        most = fmax(most, (double)watched[tokens[v].watch]);
    if (labels->n_tokens[label] == 1 || isinf(most))
        return most;
    for (size_t v = 0; v < labels->n_tokens[label]; v++)
        sum += exp((double)watched[tokens[v].watch] - most);
    return most + log(sum);
}

double sc_label_shares(const struct sc_labels *labels, const float *watched, double *shares)
{
    double logprob[SC_MOST_LABELS], most = -INFINITY;
    for (size_t i = 0; i < labels->n; i++) {
        logprob[i] = label_logprob(labels, i, watched);
        if (logprob[i] > most)
            most = logprob[i];
    }
    double sum = 0;
    for (size_t i = 0; i < labels->n; i++)
        sum += shares[i] = exp(logprob[i] - most); /* shares hold though all are tiny */
    for (size_t i = 0; i < labels->n; i++)
        shares[i] /= sum;
    return exp(most + log(sum));
}
