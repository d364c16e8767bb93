/* See stream.h. */
#include "serving/stream.h"

#include <string.h>

#include "base/memory.h"

enum { EVENT_TOKENS = 32, MADE_BYTES = 1 << 15 };

/* The next event of a choice; false: there is none now. */
static bool add_event(struct sc_serving_stream *stream, const struct sc_serving_job *job,
                      const struct sc_serving_signature *signature, size_t choice)
{
    struct sc_serving_sent *sent = &stream->sent[choice];
    const struct sc_serving_choice *c = &job->choices[choice];
    if (sent->has_ended)
        return false;
    size_t ready = sc_serving_choice_ready(c, &job->rules);
    bool more = ready > sent->n;
    bool ends = c->has_ended && c->finish != SC_FINISH_FAILED && c->finish != SC_FINISH_CUT;
    if (!more && !ends)
        return false;
    struct sc_serving_piece piece = {.choice = choice, .begin = sent->n, .end = ready};
    if (ready - sent->n > EVENT_TOKENS) {
        piece.end = sent->n + EVENT_TOKENS;
        while (piece.end < ready && !c->tokens[piece.end - 1].is_whole)
            piece.end++;
    }
    piece.is_first = !sent->has_begun;
    piece.is_last = ends && piece.end == ready;
    sc_serving_answer_event(job, signature, &piece, &stream->text);
    sent->n = piece.end;
    sent->has_begun = true;
    sent->has_ended = piece.is_last;
    return true;
}

/* What comes behind the choices. */
static void add_end(struct sc_serving_stream *stream, const struct sc_serving_job *job,
                    const struct sc_serving_signature *signature)
{
    stream->is_over = true;
    if (job->failure[0] != '\0') {
        const struct sc_serving_refusal refusal = {.status = 500, .text = job->failure};
        sc_text_puts(&stream->text, "data: ");
        sc_serving_answer_refusal(&refusal, &stream->text);
        sc_text_puts(&stream->text, "\n\n");
        return;
    }
    if (job->request.usage_in_stream)
        sc_serving_answer_usage(job, signature, &stream->text);
    sc_text_puts(&stream->text, "data: [DONE]\n\n");
}

static void make(struct sc_serving_stream *stream, const struct sc_serving_job *job,
                 const struct sc_serving_signature *signature)
{
    bool more = true;
    sc_text_clear(&stream->text);
    stream->at = 0;
    while (more && stream->text.len < MADE_BYTES) {
        more = false;
        for (size_t i = 0; i < job->n_choices && stream->text.len < MADE_BYTES; i++)
            more = add_event(stream, job, signature, i) || more;
    }
    if (!more && job->has_ended && stream->text.len < MADE_BYTES)
        add_end(stream, job, signature);
}

enum sc_serving_next sc_serving_stream_next(struct sc_serving_stream *stream,
                                            const struct sc_serving_job *job,
                                            const struct sc_serving_signature *signature, char *to,
                                            size_t most, size_t *n)
{
    if (stream->sent == NULL)
        stream->sent = sc_alloc_zero(job->n_choices, sizeof *stream->sent);
    if (stream->sent == NULL)
        return SC_SERVING_BROKEN;
    if (stream->at == stream->text.len && !stream->is_over)
        make(stream, job, signature);
    if (stream->text.failed)
        return SC_SERVING_BROKEN;
    if (stream->at == stream->text.len)
        return stream->is_over ? SC_SERVING_OVER : SC_SERVING_LATER;
    *n = stream->text.len - stream->at < most ? stream->text.len - stream->at : most;
    memcpy(to, stream->text.data + stream->at, *n);
    stream->at += *n;
    return SC_SERVING_BYTES;
}

void sc_serving_stream_free(struct sc_serving_stream *stream)
{
    sc_free(stream->sent);
    sc_text_free(&stream->text);
    *stream = (struct sc_serving_stream){0};
}
