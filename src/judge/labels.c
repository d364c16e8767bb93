/*
 * Which tokens stand for a label, and what their probabilities say.  Refuses a tokenizer that does
 * not tell the labels apart by one token.
 */
#include "judge/labels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "model/tokenizer/tokenizer.h"

enum { MOST_LABELS = 3 };

/* The labels of a question as they are said, and their tokens. */
struct said {
    const char *const *texts; /* [n] */
    size_t n;
    int32_t *ids[MOST_LABELS];
    size_t n_ids[MOST_LABELS];
};

/* How many tokens all of them begin with. */
static size_t count_common(const struct said *said)
{
    for (size_t lead = 0;; lead++)
        for (size_t i = 0; i < said->n; i++)
            if (lead >= said->n_ids[i] || said->ids[i][lead] != said->ids[0][lead])
                return lead;
}

static enum sc_status take(struct sc_labels *labels, const struct sc_tokenizer *tokenizer,
                           const struct said *said, struct sc_error *error)
{
    size_t lead = count_common(said);
    for (size_t i = 0; i < said->n; i++) {
        bool own = lead < said->n_ids[i];
        for (size_t j = 0; own && j < i; j++)
            own = labels->first[j] != said->ids[i][lead];
        if (!own || lead == 0 || lead > sizeof labels->lead / sizeof *labels->lead)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "judge: tokenizer: expected \"%s\" to differ from the other labels in "
                           "one token after at most 8 common ones",
                           said->texts[i]);
        labels->first[i] = said->ids[i][lead];
    }
    for (size_t t = 0; t < lead; t++) {
        size_t bytes = 0;
        sc_tokenizer_bytes(tokenizer, said->ids[0][t], &bytes);
        labels->lead[labels->n_lead++] = said->ids[0][t];
        labels->lead_bytes += bytes;
    }
    return SC_OK;
}

static enum sc_status say_all(struct said *said, const struct sc_tokenizer *tokenizer,
                              struct sc_error *error)
{
    for (size_t i = 0; i < said->n; i++)
        SC_TRY(sc_tokenizer_encode(tokenizer, said->texts[i], strlen(said->texts[i]), false,
                                   &said->ids[i], &said->n_ids[i], error));
    return SC_OK;
}

static enum sc_status find(struct sc_labels *labels, const struct sc_tokenizer *tokenizer,
                           const char *const *texts, size_t n, struct sc_error *error)
{
    assert(n > 0 && n <= MOST_LABELS);
    *labels = (struct sc_labels){.n = n};
    struct said said = {.texts = texts, .n = n};
    enum sc_status status = say_all(&said, tokenizer, error);
    if (status == SC_OK)
        status = take(labels, tokenizer, &said, error);
    for (size_t i = 0; i < n; i++)
        sc_release(said.ids[i]);
    return status;
}

enum sc_status sc_guard_labels_find(struct sc_guard_labels *labels,
                                    const struct sc_tokenizer *tokenizer, struct sc_error *error)
{
    static const char *const safety[] = {"Safety: Safe", "Safety: Unsafe", "Safety: Controversial"};
    static const char *const refused[] = {"Refusal: No", "Refusal: Yes"};
    SC_TRY(find(&labels->safety, tokenizer, safety, 3, error));
    SC_TRY(find(&labels->refused, tokenizer, refused, 2, error));
    memcpy(labels->watch + SC_WATCH_SAFETY, labels->safety.first, 3 * sizeof(int32_t));
    memcpy(labels->watch + SC_WATCH_REFUSED, labels->refused.first, 2 * sizeof(int32_t));
    return SC_OK;
}

double sc_label_shares(const float *logprob, size_t n, double *shares)
{
    double most = -INFINITY;
    for (size_t i = 0; i < n; i++)
        if ((double)logprob[i] > most)
            most = (double)logprob[i];
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += shares[i] = exp((double)logprob[i] - most); /* shares hold though all are tiny */
    for (size_t i = 0; i < n; i++)
        shares[i] /= sum;
    return exp(most + log(sum));
}
