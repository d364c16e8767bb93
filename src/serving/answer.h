/*
 * Answers as OpenAI's clients read them, whole or in events, with what else is known of each token:
 * `confidence`, `entropy`, `sampled_logprob` and `id`.  Every `logprob` is of the model's own
 * distribution, and "logprobs_kind" says so.
 */
#ifndef SC_SERVING_ANSWER_H
#define SC_SERVING_ANSWER_H

#include "base/json_writer.h"
#include "serving/job.h"

/* What all answers say of who gave them. */
struct sc_serving_signature {
    const char *model, *fingerprint;
};

/* The whole answer of a job that has ended without a failure, part by part: its beginning, each
 * choice, its end, so that long ones need not lie in memory as text.  Begins as zeros. */
struct sc_serving_writing {
    struct sc_json_writer json;
    size_t n_choices; /* that were written */
    bool has_begun, has_ended;
};
/* Appends the next part. */
void sc_serving_answer_part(struct sc_serving_writing *writing, const struct sc_serving_job *job,
                            const struct sc_serving_signature *signature, struct sc_text *out);

/* Tokens [begin, end) of a choice as an event. */
struct sc_serving_piece {
    size_t choice, begin, end;
    bool is_first, is_last; /* of the choice: is_last says why it ended */
};
void sc_serving_answer_event(const struct sc_serving_job *job,
                             const struct sc_serving_signature *signature,
                             const struct sc_serving_piece *piece, struct sc_text *out);
/* The event of the counts, which has no choices. */
void sc_serving_answer_usage(const struct sc_serving_job *job,
                             const struct sc_serving_signature *signature, struct sc_text *out);

/* An error object.  field: what of the request it is about, or ""; code may be NULL. */
struct sc_serving_refusal {
    unsigned status; /* of HTTP */
    const char *code, *field, *text;
};
void sc_serving_answer_refusal(const struct sc_serving_refusal *refusal, struct sc_text *out);

#endif
