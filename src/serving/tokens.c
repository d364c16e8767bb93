/* See tokens.h. */
#include "serving/tokens.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/tokenizer/tokenizer.h"

/* ---- one token ------------------------------------------------------------------------------- */

static void put_figure(struct sc_json_writer *json, const char *key, float value)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", (double)value);
    if (isfinite(value))
        sc_json_put_raw(json, key, text);
    else
        sc_json_put_null(json, key);
}

/* What a token is called.  Some are parts of characters: OpenAI's services write these in escapes,
 * on /completions behind "bytes:". */
static void add_name(const struct sc_serving_job *job, int32_t id, struct sc_text *out)
{
    size_t n = 0;
    const char *bytes = sc_tokenizer_bytes(job->rules.tokenizer, id, &n);
    sc_text_clear(out);
    sc_text_puts(out, "");
    if (job->request.ids_as_tokens) {
        sc_text_printf(out, "token_id:%d", (int)id);
    } else if (bytes == NULL || (sc_utf8_valid(bytes, n) == n && memchr(bytes, '\0', n) == NULL)) {
        sc_text_add(out, bytes != NULL ? bytes : "", n);
    } else {
        sc_text_puts(out, job->request.chat ? "" : "bytes:");
        for (size_t i = 0; i < n; i++)
            sc_text_printf(out, "\\x%02x", (unsigned)(unsigned char)bytes[i]);
    }
}

static void put_name(struct sc_json_writer *json, const char *key, const struct sc_serving_job *job,
                     int32_t id)
{
    struct sc_text name = {0};
    add_name(job, id, &name);
    json->text->failed = json->text->failed || name.failed;
    sc_json_put_string(json, key, name.data != NULL ? name.data : "");
    sc_text_free(&name);
}

static void put_bytes(struct sc_json_writer *json, const struct sc_serving_job *job, int32_t id)
{
    size_t n = 0;
    const char *bytes = sc_tokenizer_bytes(job->rules.tokenizer, id, &n);
    sc_json_put_array(json, "bytes");
    for (size_t i = 0; bytes != NULL && i < n; i++)
        sc_json_put_count(json, NULL, (unsigned char)bytes[i]);
    sc_json_put_end_array(json);
}

/* ---- chat ------------------------------------------------------------------------------------ */

/* The members that a token has wherever it is listed. */
static void put_listed(struct sc_json_writer *json, const struct sc_serving_job *job, int32_t id,
                       float logprob)
{
    put_name(json, "token", job, id);
    put_figure(json, "logprob", logprob);
    put_bytes(json, job, id);
    sc_json_put_integer(json, "id", id);
}

static void put_token(struct sc_json_writer *json, const struct sc_serving_job *job,
                      const struct sc_serving_choice *choice, size_t i)
{
    const struct sc_serving_token *token = &choice->tokens[i];
    const size_t n_top = job->rules.n_top;
    sc_json_put_object(json, NULL);
    put_listed(json, job, token->id, token->stats.logprob);
    put_figure(json, "confidence", token->stats.confidence);
    put_figure(json, "entropy", token->stats.entropy);
    put_figure(json, "sampled_logprob", token->stats.sampled_logprob);
    sc_json_put_array(json, "top_logprobs");
    for (size_t t = i * n_top; t < (i + 1) * n_top; t++) {
        sc_json_put_object(json, NULL);
        put_listed(json, job, choice->top_ids[t], choice->top_logprobs[t]);
        sc_json_put_end_object(json);
    }
    sc_json_put_end_array(json);
    sc_json_put_end_object(json);
}

void sc_serving_put_content(struct sc_json_writer *json, const struct sc_serving_job *job,
                            const struct sc_serving_choice *choice, size_t begin, size_t end)
{
    sc_json_put_object(json, "logprobs");
    sc_json_put_array(json, "content");
    for (size_t i = begin; i < end; i++)
        put_token(json, job, choice, i);
    sc_json_put_end_array(json);
    sc_json_put_null(json, "refusal");
    sc_json_put_end_object(json);
}

/* ---- completions ----------------------------------------------------------------------------- */

/* The tokens of a prompt, where it is echoed, and then those of the choice: what is put of each. */
struct columns {
    const struct sc_serving_job *job;
    const struct sc_serving_choice *choice;
    size_t begin, end;
    const struct sc_serving_prompt *prompt; /* NULL: not echoed */
    const struct sc_serving_scores *scores;
};

static size_t n_before(const struct columns *c)
{
    return c->prompt != NULL ? c->prompt->n : 0;
}

static void put_tokens(struct sc_json_writer *json, const struct columns *c)
{
    sc_json_put_array(json, "tokens");
    for (size_t i = 0; i < n_before(c); i++)
        put_name(json, NULL, c->job, c->prompt->ids[i]);
    for (size_t i = c->begin; i < c->end; i++)
        put_name(json, NULL, c->job, c->choice->tokens[i].id);
    sc_json_put_end_array(json);
}

/* What is known of the distributions: score's figures describe the one after a token, here they
 * stand beside the token that was drawn from it, as everywhere else. */
enum column { LOGPROB, CONFIDENCE, ENTROPY, SAMPLED };

static float of_prompt(const struct columns *c, enum column column, size_t i)
{
    if (i == 0 || column == SAMPLED)
        return NAN;
    return column == LOGPROB      ? c->scores->logprob[i]
           : column == CONFIDENCE ? c->scores->confidence[i - 1]
                                  : c->scores->entropy[i - 1];
}

static float of_answer(const struct columns *c, enum column column, size_t i)
{
    const struct sc_token_stats *stats = &c->choice->tokens[i].stats;
    return column == LOGPROB      ? stats->logprob
           : column == CONFIDENCE ? stats->confidence
           : column == ENTROPY    ? stats->entropy
                                  : stats->sampled_logprob;
}

static void put_column(struct sc_json_writer *json, const char *key, const struct columns *c,
                       enum column column)
{
    sc_json_put_array(json, key);
    for (size_t i = 0; i < n_before(c); i++)
        put_figure(json, NULL, of_prompt(c, column, i));
    for (size_t i = c->begin; i < c->end; i++)
        put_figure(json, NULL, of_answer(c, column, i));
    sc_json_put_end_array(json);
}

/* Whether a name is one of several that stand one behind another, each with its 0. */
static bool is_among(const struct sc_text *names, const char *name)
{
    for (size_t at = 0; at < names->len; at += strlen(names->data + at) + 1)
        if (strcmp(names->data + at, name) == 0)
            return true;
    return false;
}

/* An object of names with log P: the likeliest, and the token itself if it is none of them.  Of two
 * that are called the same the first stays. */
static void put_top(struct sc_json_writer *json, const struct sc_serving_job *job,
                    const struct sc_top *top, int32_t id, float logprob)
{
    struct sc_text name = {0}, seen = {0};
    bool listed = false;
    sc_json_put_object(json, NULL);
    for (size_t i = 0; i <= top->n; i++) {
        bool own = i == top->n;
        if (own && listed)
            break;
        int32_t at = own ? id : top->ids[i];
        listed = listed || at == id;
        add_name(job, at, &name);
        if (name.failed) {
            json->text->failed = true;
            break;
        }
        if (!is_among(&seen, name.data))
            put_figure(json, name.data, own ? logprob : top->logprobs[i]);
        sc_text_add(&seen, name.data, name.len + 1);
    }
    sc_json_put_end_object(json);
    json->text->failed = json->text->failed || seen.failed;
    sc_text_free(&name);
    sc_text_free(&seen);
}

static void put_tops(struct sc_json_writer *json, const struct columns *c)
{
    const size_t n = c->job->rules.n_top;
    sc_json_put_array(json, "top_logprobs");
    for (size_t i = 0; i < n_before(c); i++) {
        if (i == 0) {
            sc_json_put_null(json, NULL);
            continue;
        }
        const struct sc_top *all = &c->scores->top;
        const struct sc_top top = {n, all->ids + (i - 1) * n, all->logprobs + (i - 1) * n};
        put_top(json, c->job, &top, c->prompt->ids[i], c->scores->logprob[i]);
    }
    for (size_t i = c->begin; i < c->end; i++) {
        const struct sc_top top = {n, n > 0 ? c->choice->top_ids + i * n : NULL,
                                   n > 0 ? c->choice->top_logprobs + i * n : NULL};
        put_top(json, c->job, &top, c->choice->tokens[i].id, c->choice->tokens[i].stats.logprob);
    }
    sc_json_put_end_array(json);
}

static size_t n_characters(const char *bytes, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)bytes[i] & 0xc0) != 0x80;
    return count;
}

/* Characters of the text before each token. */
static void put_offsets(struct sc_json_writer *json, const struct columns *c)
{
    size_t at = 0;
    sc_json_put_array(json, "text_offset");
    for (size_t i = 0; i < n_before(c); i++) {
        size_t n = 0;
        const char *bytes = sc_serving_token_text(&c->job->rules, c->prompt->ids[i], &n);
        sc_json_put_count(json, NULL, at);
        at += n_characters(bytes, n);
    }
    for (size_t i = c->begin; i < c->end; i++) {
        size_t from = i > 0 ? c->choice->tokens[i - 1].end : 0;
        sc_json_put_count(json, NULL,
                          at + (from > 0 ? n_characters(c->choice->bytes.data, from) : 0));
    }
    sc_json_put_end_array(json);
}

void sc_serving_put_columns(struct sc_json_writer *json, const struct sc_serving_job *job,
                            const struct sc_serving_choice *choice, size_t begin, size_t end,
                            const struct sc_serving_echo *echoed)
{
    const struct columns c = {job,
                              choice,
                              begin,
                              end,
                              echoed != NULL ? echoed->prompt : NULL,
                              echoed != NULL ? echoed->scores : NULL};
    sc_json_put_object(json, "logprobs");
    put_tokens(json, &c);
    put_column(json, "token_logprobs", &c, LOGPROB);
    put_tops(json, &c);
    put_offsets(json, &c);
    put_column(json, "confidence", &c, CONFIDENCE);
    put_column(json, "entropy", &c, ENTROPY);
    put_column(json, "sampled_logprob", &c, SAMPLED);
    sc_json_put_end_object(json);
}

void sc_serving_put_ids(struct sc_json_writer *json, const char *key, const int32_t *ids, size_t n)
{
    sc_json_put_array(json, key);
    for (size_t i = 0; i < n; i++)
        sc_json_put_integer(json, NULL, ids[i]);
    sc_json_put_end_array(json);
}
