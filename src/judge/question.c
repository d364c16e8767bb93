/*
 * See question.h.
 *
 * Scores: the server lists the likeliest tokens of each place as texts.  At the place where the
 * answer begins, a token counts for an answer when it begins that answer (or holds all of it) and
 * no other, as "Un" does for Unsafe; what begins two answers counts for none.  A meaning of which
 * nothing is listed is less likely than the last listed token; where that could move no share by
 * more than 0.001 it counts as 0, else there is no score.
 */
#include "judge/question.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

enum { MOST_ANSWERS = 32, LONGEST_ANSWER = 100 };

static const double most_unlisted = 1e-3, rounding = 1e-6;

/* ---- the configuration ----------------------------------------------------------------------- */

static bool same(const struct sc_question *question, const char *a, const char *b, size_t n)
{
    return question->ignore_case ? strncasecmp(a, b, n) == 0 : memcmp(a, b, n) == 0;
}

/* The index of a word among names [n]; n when it is not among them. */
static size_t find_word(const char *word, const char *const *names, size_t n)
{
    size_t i = 0;
    while (i < n && (word == NULL || strcmp(word, names[i]) != 0))
        i++;
    return i;
}

static enum sc_status fail_meaning(const char *answer, const char *const *names, size_t n,
                                   struct sc_error *error)
{
    struct sc_text known = {0};
    for (size_t i = 0; i < n; i++)
        sc_text_printf(&known, "%s%s", i ? ", " : "", names[i]);
    sc_fail(error, SC_ERR_FORMAT, "values: \"%s\": expected one of %s", answer,
            known.failed ? "the known words" : known.data);
    sc_text_free(&known);
    return SC_ERR_FORMAT;
}

static enum sc_status add_answer(struct sc_question *question, const char *text,
                                 const json_t *meaning, const char *const *names,
                                 struct sc_error *error)
{
    size_t n = strlen(text), n_names = question->n_meanings + 1;
    if (n == 0 || n > LONGEST_ANSWER)
        return sc_fail(error, SC_ERR_FORMAT, "values: expected answers of 1 to %d bytes",
                       LONGEST_ANSWER);
    size_t value = find_word(json_string_value(meaning), names, n_names);
    if (value == n_names)
        return fail_meaning(text, names, n_names, error);
    for (size_t i = 0; i < question->n_answers; i++)
        if (strlen(question->answers[i].text) == n &&
            same(question, question->answers[i].text, text, n))
            return sc_fail(error, SC_ERR_FORMAT, "values: \"%s\" is given twice", text);
    char *copy = sc_strdup(text);
    if (copy == NULL)
        return sc_fail_nomem(error, "values");
    question->answers[question->n_answers++] = (struct sc_answer){.text = copy, .meaning = value};
    return SC_OK;
}

static enum sc_status read_answers(struct sc_question *question, json_t *values,
                                   const char *const *names, struct sc_error *error)
{
    size_t n = json_object_size(values);
    if (n == 0 || n > MOST_ANSWERS)
        return sc_fail(error, SC_ERR_FORMAT,
                       "values: expected an object of 1 to %d answers and their meanings",
                       MOST_ANSWERS);
    question->answers = sc_alloc_zero(n, sizeof *question->answers);
    if (question->answers == NULL)
        return sc_fail_nomem(error, "values");
    const char *text;
    json_t *meaning;
    json_object_foreach(values, text, meaning)
    {
        SC_TRY(add_answer(question, text, meaning, names, error));
    }
    return SC_OK;
}

static enum sc_status read_pattern(struct sc_question *out, const json_t *object,
                                   struct sc_error *error)
{
    const char *pattern = json_string_value(json_object_get(object, "pattern"));
    if (pattern == NULL || *pattern == '\0')
        return sc_fail(error, SC_ERR_FORMAT, "pattern: expected a regular expression");
    static const bool no = false;
    SC_TRY(sc_json_bool(object, "ignore_case", &no, &out->ignore_case, error));
    enum sc_status status = sc_pattern_new(&out->pattern, pattern, out->ignore_case, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "pattern");
        return status;
    }
    if (sc_pattern_n_groups(out->pattern) < 1)
        return sc_fail(error, SC_ERR_FORMAT,
                       "pattern: expected a group (...) that captures the answer");
    return SC_OK;
}

static enum sc_status parse(struct sc_question *out, json_t *object, const char *const *names,
                            struct sc_error *error)
{
    SC_TRY(read_pattern(out, object, error));
    return read_answers(out, json_object_get(object, "values"), names, error);
}

enum sc_status sc_question_parse(struct sc_question *out, json_t *object, const char *const *names,
                                 size_t n_meanings, const char *what, struct sc_error *error)
{
    assert(n_meanings <= SC_MOST_MEANINGS);
    static const char *const keys[] = {"pattern", "values", "ignore_case"};
    *out = (struct sc_question){.n_meanings = n_meanings};
    if (!json_is_object(object))
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected an object", what);
    SC_TRY(sc_json_known_keys(object, keys, 3, what, error));
    enum sc_status status = parse(out, object, names, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "%s", what);
        sc_question_free(out);
    }
    return status;
}

void sc_question_free(struct sc_question *question)
{
    sc_pattern_free(question->pattern);
    for (size_t i = 0; i < question->n_answers; i++)
        sc_free(question->answers[i].text);
    sc_free(question->answers);
    *question = (struct sc_question){0};
}

/* ---- words ----------------------------------------------------------------------------------- */

size_t sc_question_read(const struct sc_question *question, const char *text, size_t n, size_t *at)
{
    size_t begin, end;
    *at = 0;
    if (question->pattern == NULL || !sc_pattern_find(question->pattern, text, n, 1, &begin, &end))
        return question->n_meanings;
    for (size_t i = 0; i < question->n_answers; i++) {
        const struct sc_answer *answer = &question->answers[i];
        if (strlen(answer->text) != end - begin ||
            !same(question, answer->text, text + begin, end - begin))
            continue;
        *at = begin;
        return answer->meaning;
    }
    return question->n_meanings;
}

/* ---- scores ---------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Bytes at the front of the tokens that the text lacks: servers may take blanks away there. */
static size_t taken_away(const struct sc_completion *c)
{
    size_t taken = 0;
    if (c->n > 0 && is_blank(c->text[0]))
        return 0;
    for (size_t t = 0; t < c->n_listed; t++)
        for (size_t i = 0; i < c->tokens[t].n; i++, taken++)
            if (!is_blank(c->tokens[t].text[i]))
                return taken;
    return taken;
}

/* The token that holds byte `at` of the text, if the tokens spell the text up to its end; *before:
 * the token's bytes before that one. */
static const struct sc_completion_token *token_at(const struct sc_completion *c, size_t at,
                                                  size_t *before)
{
    size_t taken = taken_away(c), place = 0; /* of the token, in what all tokens spell */
    for (size_t t = 0; t < c->n_listed; t++) {
        const struct sc_completion_token *token = &c->tokens[t];
        size_t skip = place < taken ? taken - place : 0;
        if (token->n > skip) {
            size_t from = place + skip - taken, n = token->n - skip;
            if (n > c->n - from)
                n = c->n - from; /* a last token may be cut where the text stops */
            if (memcmp(c->text + from, token->text + skip, n) != 0)
                return NULL;
            if (at < from + n) {
                *before = at + taken - place;
                return token;
            }
            if (from + n == c->n)
                return NULL;
        }
        place += token->n;
    }
    return NULL;
}

/* Whether a token's rest begins an answer, or holds it and then something that is not part of a
 * word. */
static bool stands_for(const struct sc_question *question, const char *answer, const char *rest,
                       size_t n)
{
    size_t length = strlen(answer);
    if (n <= length)
        return n > 0 && same(question, answer, rest, n);
    return same(question, answer, rest, length) && !sc_is_word_char(rest[length]);
}

/* The meaning of a token's rest; n_meanings: none, or more than one. */
static size_t meaning_of(const struct sc_question *question, const char *rest, size_t n)
{
    size_t found = question->n_meanings;
    bool any = false;
    for (size_t i = 0; i < question->n_answers; i++) {
        if (!stands_for(question, question->answers[i].text, rest, n))
            continue;
        if (any && found != question->answers[i].meaning)
            return question->n_meanings;
        any = true;
        found = question->answers[i].meaning;
    }
    return found;
}

/* Adds the probabilities of the tokens that stand for a meaning; returns the last listed one's. */
static double add_candidates(const struct sc_question *question, const struct sc_completion *c,
                             const struct sc_completion_token *token, size_t before, double *sums)
{
    double last = INFINITY;
    for (size_t i = 0; i < token->n_candidates; i++) {
        const struct sc_candidate *candidate = &c->candidates[token->first + i];
        double p = exp(candidate->logprob);
        last = p < last ? p : last;
        if (candidate->n <= before || memcmp(candidate->text, token->text, before) != 0)
            continue;
        size_t meaning = meaning_of(question, candidate->text + before, candidate->n - before);
        if (meaning < question->n_meanings)
            sums[meaning] += p;
    }
    return last;
}

static bool can_mean(const struct sc_question *question, size_t meaning)
{
    for (size_t i = 0; i < question->n_answers; i++)
        if (question->answers[i].meaning == meaning)
            return true;
    return false;
}

const char *sc_question_score(const struct sc_question *question,
                              const struct sc_completion *completion, size_t at, double *shares,
                              double *mass)
{
    size_t before = 0;
    double sum = 0;
    if (completion->no_tokens != NULL)
        return completion->no_tokens;
    const struct sc_completion_token *token = token_at(completion, at, &before);
    if (token == NULL)
        return "the server's tokens do not spell its text";
    for (size_t m = 0; m < question->n_meanings; m++)
        shares[m] = 0;
    double last = add_candidates(question, completion, token, before, shares);
    for (size_t m = 0; m < question->n_meanings; m++)
        sum += shares[m];
    for (size_t m = 0; m < question->n_meanings; m++)
        if (can_mean(question, m) && shares[m] == 0 && !(last <= most_unlisted * sum))
            return "a label's token is not among the likeliest that the server lists";
    if (!(sum > 0 && sum <= 1 + rounding))
        return "the server's probabilities of the labels are not those of one place";
    for (size_t m = 0; m < question->n_meanings; m++)
        shares[m] /= sum;
    *mass = sum < 1 ? sum : 1;
    return NULL;
}
