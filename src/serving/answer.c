/* See answer.h.  Next: tokens.c, the log-probabilities. */
#include "serving/answer.h"

#include <string.h>

#include "serving/tokens.h"

static void put_head(struct sc_json_writer *json, const struct sc_serving_job *job,
                     const struct sc_serving_signature *signature, bool event)
{
    sc_json_put_object(json, NULL);
    sc_json_put_string(json, "id", job->id);
    sc_json_put_string(json, "object",
                       !job->request.chat ? "text_completion"
                       : event            ? "chat.completion.chunk"
                                          : "chat.completion");
    sc_json_put_integer(json, "created", job->created);
    sc_json_put_string(json, "model", signature->model);
    sc_json_put_string(json, "system_fingerprint", signature->fingerprint);
    sc_json_put_integer(json, "seed", (int64_t)job->request.seed);
    sc_json_put_string(json, "logprobs_kind", "raw");
}

static void put_usage(struct sc_json_writer *json, const struct sc_serving_job *job)
{
    size_t n_prompt = sc_serving_job_n_prompt(job);
    sc_json_put_object(json, "usage");
    sc_json_put_count(json, "prompt_tokens", n_prompt);
    sc_json_put_count(json, "completion_tokens", job->n_sampled);
    sc_json_put_count(json, "total_tokens", n_prompt + job->n_sampled);
    sc_json_put_end_object(json);
}

/* ---- choices --------------------------------------------------------------------------------- */

/* A text; key NULL is not for it. */
static void put_said(struct sc_json_writer *json, const char *key,
                     const struct sc_serving_choice *choice, enum sc_serving_part part,
                     const struct sc_serving_piece *piece)
{
    struct sc_text text = {0};
    sc_serving_choice_say(choice, part, piece->begin, piece->end, &text);
    json->text->failed = json->text->failed || text.failed;
    sc_json_put_string(json, key, text.data != NULL ? text.data : "");
    sc_text_free(&text);
}

static bool has_part(const struct sc_serving_choice *choice, enum sc_serving_part part,
                     const struct sc_serving_piece *piece)
{
    for (size_t i = piece->begin; i < piece->end; i++)
        if (choice->tokens[i].part == part)
            return true;
    return false;
}

/* "message" of a whole answer, "delta" of an event. */
static void put_message(struct sc_json_writer *json, const struct sc_serving_choice *choice,
                        const struct sc_serving_piece *piece, bool event)
{
    bool reasons = has_part(choice, SC_SERVING_REASONING, piece);
    sc_json_put_object(json, event ? "delta" : "message");
    if (piece->is_first)
        sc_json_put_string(json, "role", "assistant");
    if (!event || !reasons || has_part(choice, SC_SERVING_ANSWER, piece))
        put_said(json, "content", choice, SC_SERVING_ANSWER, piece);
    if (reasons)
        put_said(json, "reasoning_content", choice, SC_SERVING_REASONING, piece);
    if (!event)
        sc_json_put_null(json, "refusal");
    sc_json_put_end_object(json);
}

/* All that a text says, marks of a reasoning included, behind the prompt where it is echoed. */
static void put_text(struct sc_json_writer *json, const struct sc_serving_job *job,
                     const struct sc_serving_choice *choice, const struct sc_serving_piece *piece)
{
    struct sc_text text = {0};
    sc_text_puts(&text, "");
    if (job->request.echo) {
        const struct sc_serving_prompt *prompt = job->prompts[piece->choice / job->request.n];
        struct sc_text bytes = {0};
        for (size_t i = 0; i < prompt->n; i++) {
            size_t n = 0;
            const char *said = sc_serving_token_text(&job->rules, prompt->ids[i], &n);
            sc_text_add(&bytes, said, n);
        }
        sc_text_add_repaired(&text, bytes.data != NULL ? bytes.data : "", bytes.len);
        text.failed = text.failed || bytes.failed;
        sc_text_free(&bytes);
    }
    sc_serving_choice_say(choice, SC_SERVING_ANSWER, piece->begin, piece->end, &text);
    json->text->failed = json->text->failed || text.failed;
    sc_json_put_string(json, "text", text.data != NULL ? text.data : "");
    sc_text_free(&text);
}

static void put_logprobs(struct sc_json_writer *json, const struct sc_serving_job *job,
                         const struct sc_serving_choice *choice,
                         const struct sc_serving_piece *piece)
{
    const size_t prompt = piece->choice / job->request.n;
    if (!job->request.lists) {
        sc_json_put_null(json, "logprobs");
    } else if (job->request.chat) {
        sc_serving_put_content(json, job, choice, piece->begin, piece->end);
    } else {
        const struct sc_serving_echo echo = {job->prompts[prompt],
                                             job->scores != NULL ? &job->scores[prompt] : NULL};
        sc_serving_put_columns(json, job, choice, piece->begin, piece->end,
                               job->scores != NULL ? &echo : NULL);
    }
}

static void put_token_ids(struct sc_json_writer *json, const struct sc_serving_job *job,
                          const struct sc_serving_choice *choice,
                          const struct sc_serving_piece *piece)
{
    const struct sc_serving_prompt *prompt = job->prompts[piece->choice / job->request.n];
    sc_json_put_array(json, "token_ids");
    for (size_t i = piece->begin; i < piece->end; i++)
        sc_json_put_integer(json, NULL, choice->tokens[i].id);
    sc_json_put_end_array(json);
    if (piece->is_first)
        sc_serving_put_ids(json, "prompt_token_ids", prompt->ids, prompt->n);
}

static void put_choice(struct sc_json_writer *json, const struct sc_serving_job *job,
                       const struct sc_serving_piece *piece, bool event)
{
    const struct sc_serving_choice *choice = &job->choices[piece->choice];
    sc_json_put_object(json, NULL);
    sc_json_put_count(json, "index", piece->choice);
    if (job->request.chat)
        put_message(json, choice, piece, event);
    else
        put_text(json, job, choice, piece);
    put_logprobs(json, job, choice, piece);
    if (job->request.gives_ids)
        put_token_ids(json, job, choice, piece);
    if (piece->is_last)
        sc_json_put_string(json, "finish_reason", sc_serving_choice_reason(choice));
    else
        sc_json_put_null(json, "finish_reason");
    if (piece->is_last && choice->stop >= 0)
        sc_json_put_string(json, "stop_reason", job->request.stops[choice->stop]);
    else
        sc_json_put_null(json, "stop_reason");
    sc_json_put_end_object(json);
}

/* ---- answers --------------------------------------------------------------------------------- */

void sc_serving_answer_part(struct sc_serving_writing *writing, const struct sc_serving_job *job,
                            const struct sc_serving_signature *signature, struct sc_text *out)
{
    struct sc_json_writer *json = &writing->json;
    json->text = out;
    if (!writing->has_begun) {
        writing->has_begun = true;
        put_head(json, job, signature, false);
        sc_json_put_array(json, "choices");
    } else if (writing->n_choices < job->n_choices) {
        const size_t i = writing->n_choices++;
        const struct sc_serving_piece all = {
            .choice = i, .end = job->choices[i].n_shown, .is_first = true, .is_last = true};
        put_choice(json, job, &all, false);
    } else {
        writing->has_ended = true;
        sc_json_put_end_array(json);
        put_usage(json, job);
        sc_json_put_end_object(json);
        sc_text_putc(out, '\n');
    }
}

void sc_serving_answer_event(const struct sc_serving_job *job,
                             const struct sc_serving_signature *signature,
                             const struct sc_serving_piece *piece, struct sc_text *out)
{
    struct sc_json_writer json = {.text = out};
    sc_text_puts(out, "data: ");
    put_head(&json, job, signature, true);
    sc_json_put_array(&json, "choices");
    put_choice(&json, job, piece, true);
    sc_json_put_end_array(&json);
    sc_json_put_end_object(&json);
    sc_text_puts(out, "\n\n");
}

void sc_serving_answer_usage(const struct sc_serving_job *job,
                             const struct sc_serving_signature *signature, struct sc_text *out)
{
    struct sc_json_writer json = {.text = out};
    sc_text_puts(out, "data: ");
    put_head(&json, job, signature, true);
    sc_json_put_array(&json, "choices");
    sc_json_put_end_array(&json);
    put_usage(&json, job);
    sc_json_put_end_object(&json);
    sc_text_puts(out, "\n\n");
}

void sc_serving_answer_refusal(const struct sc_serving_refusal *refusal, struct sc_text *out)
{
    struct sc_json_writer json = {.text = out};
    sc_json_put_object(&json, NULL);
    sc_json_put_object(&json, "error");
    sc_json_put_string(&json, "message", refusal->text);
    sc_json_put_string(&json, "type",
                       refusal->status >= 500   ? "server_error"
                       : refusal->status == 429 ? "rate_limit_error"
                                                : "invalid_request_error");
    if (refusal->field != NULL && refusal->field[0] != '\0')
        sc_json_put_string(&json, "param", refusal->field);
    else
        sc_json_put_null(&json, "param");
    if (refusal->code != NULL)
        sc_json_put_string(&json, "code", refusal->code);
    else
        sc_json_put_null(&json, "code");
    sc_json_put_end_object(&json);
    sc_json_put_end_object(&json);
}
