/*
 * How a reasoning that has used up its budget is closed.
 *
 * Qwen3's makers put this text in and let the model answer ("Qwen3 Technical Report", 2025, section
 * 4.3, Thinking Budget; with these line breaks in the quick start of their documentation). </think>
 * is put in by id, and what stands before and behind it is encoded as text.
 */
#include <string.h>

#include "base/memory.h"
#include "model/chat/chat.h"
#include "model/tokenizer/encode.h"
#include "model/tokenizer/tokenizer.h"
#include "vocabulary/reasoning.h"

static const char before_end[] = "\n\nConsidering the limited time by the user, I have to give the "
                                 "solution based on the thinking directly now.\n";
static const char behind_end[] = "\n\n";

static enum sc_status put_closing(const struct sc_tokenizer *tokenizer, int32_t end,
                                  struct sc_ids *ids, struct sc_error *error)
{
    SC_TRY(sc_tokenizer_append(tokenizer, before_end, strlen(before_end), false, ids, error));
    if (sc_ids_add(ids, end) != 0)
        return sc_fail_nomem(error, "closing of a reasoning");
    return sc_tokenizer_append(tokenizer, behind_end, strlen(behind_end), false, ids, error);
}

enum sc_status sc_chat_closing(const struct sc_tokenizer *tokenizer, struct sc_chat_closing *out,
                               struct sc_error *error)
{
    struct sc_ids ids = {0};
    int32_t end = sc_tokenizer_id(tokenizer, SC_REASONING_CLOSES);
    *out = (struct sc_chat_closing){0};
    if (end < 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "thinking-budget: the tokenizer has no token \"</think>\"");
    enum sc_status status = put_closing(tokenizer, end, &ids, error);
    if (status != SC_OK) {
        sc_free(ids.ids);
        return status;
    }
    *out = (struct sc_chat_closing){.end_id = end, .ids = ids.ids, .n = ids.n};
    return SC_OK;
}

size_t sc_chat_closing_in(const struct sc_chat_closing *closing, size_t budget, const int32_t *ids,
                          size_t n)
{
    if (budget == 0 || n <= budget)
        return 0;
    for (size_t i = 0; i < budget; i++)
        if (ids[i] == closing->end_id)
            return 0;
    size_t n_closing = n - budget < closing->n ? n - budget : closing->n;
    bool same = memcmp(ids + budget, closing->ids, n_closing * sizeof *ids) == 0;
    return same ? n_closing : 0;
}
