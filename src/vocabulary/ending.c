/* See ending.h. */
#include "vocabulary/ending.h"

#include <stddef.h>
#include <strings.h>

enum sc_finish sc_finish_of_word(const char *word)
{
    static const struct {
        const char *word;
        enum sc_finish finish;
    } words[] = {
        {"stop", SC_FINISH_STOP},
        {"eos", SC_FINISH_STOP},
        {"eos_token", SC_FINISH_STOP},
        {"end_turn", SC_FINISH_STOP},
        {"stop_sequence", SC_FINISH_STOP},
        {"complete", SC_FINISH_STOP},
        {"completed", SC_FINISH_STOP},
        {"finished", SC_FINISH_STOP},
        {"tool_calls", SC_FINISH_STOP},
        {"function_call", SC_FINISH_STOP},
        {"length", SC_FINISH_LENGTH},
        {"max_tokens", SC_FINISH_LENGTH},
        {"max_new_tokens", SC_FINISH_LENGTH},
        {"max_output_tokens", SC_FINISH_LENGTH},
        {"model_length", SC_FINISH_LENGTH},
        {"filtered", SC_FINISH_FILTERED},
        {"content_filter", SC_FINISH_FILTERED},
        {"content_policy_violation", SC_FINISH_FILTERED},
        {"refusal", SC_FINISH_FILTERED},
        {"safety", SC_FINISH_FILTERED},
        {"prohibited_content", SC_FINISH_FILTERED},
        {"blocklist", SC_FINISH_FILTERED},
        {"guardrail_intervened", SC_FINISH_FILTERED},
        {"cut", SC_FINISH_CUT},
        {"failed", SC_FINISH_FAILED},
        {"abort", SC_FINISH_FAILED},
        {"error", SC_FINISH_FAILED},
    };
    for (size_t i = 0; word != NULL && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(word, words[i].word) == 0)
            return words[i].finish;
    return SC_FINISH_UNKNOWN;
}
