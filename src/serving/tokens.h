/* Tokens and their figures in JSON: the parts of an answer's "logprobs". */
#ifndef SC_SERVING_TOKENS_H
#define SC_SERVING_TOKENS_H

#include "base/json_writer.h"
#include "serving/job.h"

/* "logprobs" of chat: tokens [begin, end) of the choice. */
void sc_serving_put_content(struct sc_json_writer *json, const struct sc_serving_job *job,
                            const struct sc_serving_choice *choice, size_t begin, size_t end);
/* "logprobs" of completions; echoed: the prompt before them, or NULL. */
struct sc_serving_echo {
    const struct sc_serving_prompt *prompt;
    const struct sc_serving_scores *scores;
};
void sc_serving_put_columns(struct sc_json_writer *json, const struct sc_serving_job *job,
                            const struct sc_serving_choice *choice, size_t begin, size_t end,
                            const struct sc_serving_echo *echoed);
/* "token_ids". */
void sc_serving_put_ids(struct sc_json_writer *json, const char *key, const int32_t *ids, size_t n);

#endif
