/* See answer.h. */
#include "risk/answer.h"

#include "experiment/reading.h"
#include "model/tokenizer/tokenizer.h"

static bool is_ended(const struct sc_opened *model, const int32_t *ids, size_t n)
{
    for (size_t i = 0; n > 0 && i < model->n_end_ids; i++)
        if (model->end_ids[i] == ids[n - 1])
            return true;
    return false;
}

enum sc_status sc_answered_read(const struct sc_answered *asked, const int32_t *ids, size_t n,
                                char **answer, struct sc_detection *out, struct sc_error *error)
{
    const struct sc_opened *model = asked->model;
    bool ended = is_ended(model, ids, n);
    size_t skip = sc_chat_reasoning_after(model->tokenizer, asked->reasoning,
                                          sc_chat_format_thinks(model->format), ids, n, ended);
    SC_TRY(sc_tokenizer_decode(model->tokenizer, ids + skip, n - skip, false, answer, error));
    enum sc_status status =
        sc_answer_detect(asked->detector, asked->prompt, asked->prefill, *answer, out, error);
    if (status != SC_OK) {
        sc_release(*answer);
        *answer = NULL;
        return status;
    }
    if (out->verdict == SC_EMPTY && !ended && skip > 0)
        *out = sc_detection_plain(SC_UNREACHED, SC_UNREACHED_RULE);
    return SC_OK;
}
