/*
 * Which tokens stand for a label, and what their probabilities say.  Refuses a tokenizer that does
 * not tell the labels apart by one token.
 */
#include "judge/labels.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/tokenizer/tokenizer.h"

static enum sc_status find(struct sc_labels *labels, const struct sc_tokenizer *tokenizer,
                           const char *const *texts, size_t n, struct sc_error *error)
{
    int32_t *ids[3] = {NULL};
    size_t n_ids[3] = {0}, lead = 0;
    enum sc_status status = SC_OK;
    bool same = true;

    *labels = (struct sc_labels){.n = n};
    for (size_t i = 0; status == SC_OK && i < n; i++)
        status = sc_tokenizer_encode(tokenizer, texts[i], strlen(texts[i]), false, &ids[i],
                                     &n_ids[i], error);
    while (status == SC_OK && same) {
        for (size_t i = 0; i < n; i++)
            same = same && lead < n_ids[i] && ids[i][lead] == ids[0][lead];
        lead += same;
    }
    for (size_t i = 0; status == SC_OK && i < n; i++) {
        bool own = lead < n_ids[i];

        for (size_t j = 0; own && j < i; j++)
            own = labels->first[j] != ids[i][lead];
        if (!own || lead == 0 || lead > sizeof labels->lead / sizeof *labels->lead)
            status = sc_fail(error, SC_ERR_UNSUPPORTED,
                             "judge: tokenizer: expected \"%s\" to differ from the other labels in "
                             "one token after at most 8 common ones",
                             texts[i]);
        else
            labels->first[i] = ids[i][lead];
    }
    for (size_t t = 0; status == SC_OK && t < lead; t++) {
        size_t bytes = 0;

        sc_tokenizer_bytes(tokenizer, ids[0][t], &bytes);
        labels->lead[labels->n_lead++] = ids[0][t];
        labels->lead_bytes += bytes;
    }
    for (size_t i = 0; i < n; i++)
        sc_release(ids[i]);
    return status;
}

enum sc_status sc_guard_labels_find(struct sc_guard_labels *labels,
                                    const struct sc_tokenizer *tokenizer, struct sc_error *error)
{
    static const char *const safety[] = {"Safety: Safe", "Safety: Unsafe", "Safety: Controversial"};
    static const char *const refused[] = {"Refusal: No", "Refusal: Yes"};
    enum sc_status status = find(&labels->safety, tokenizer, safety, 3, error);

    if (status == SC_OK)
        status = find(&labels->refused, tokenizer, refused, 2, error);
    if (status != SC_OK)
        return status;
    memcpy(labels->watch + SC_WATCH_SAFETY, labels->safety.first, 3 * sizeof(int32_t));
    memcpy(labels->watch + SC_WATCH_REFUSED, labels->refused.first, 2 * sizeof(int32_t));
    return SC_OK;
}

double sc_label_shares(const float *logprob, size_t n, double *shares)
{
    double most = -INFINITY, sum = 0;

    for (size_t i = 0; i < n; i++)
        if ((double)logprob[i] > most)
            most = (double)logprob[i];
    for (size_t i = 0; i < n; i++)
        sum += shares[i] = exp((double)logprob[i] - most); /* shares hold though all are tiny */
    for (size_t i = 0; i < n; i++)
        shares[i] /= sum;
    return exp(most + log(sum));
}
