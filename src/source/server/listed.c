/* See listed.h. */
#include "source/server/listed.h"

#include <stdint.h>
#include <string.h>

/* Whether the chosen token may be one that is listed beyond the likeliest. */
static bool may_be_beyond(const struct sc_completion *c, const struct sc_completion_token *token)
{
    const struct sc_candidate *items = c->candidates + token->first, *own = NULL;
    size_t n_below = 0;
    for (size_t i = 0; i < token->n_candidates; i++)
        if (items[i].n == token->n && memcmp(items[i].text, token->text, token->n) == 0)
            own = &items[i];
    for (size_t i = 0; own != NULL && i < token->n_candidates; i++)
        n_below += items[i].logprob < own->logprob;
    return n_below == 0;
}

/* Whether nothing is listed but the chosen tokens themselves, several in a row: the likeliest would
 * be others now and then. */
static bool is_chosen_alone(const struct sc_completion *c)
{
    for (size_t i = 0; i < c->n_listed; i++) {
        const struct sc_completion_token *token = &c->tokens[i];
        const struct sc_candidate *one = &c->candidates[token->first];
        if (token->n_candidates != 1 || one->n != token->n ||
            memcmp(one->text, token->text, token->n) != 0)
            return false;
    }
    return c->n_listed >= 4;
}

size_t sc_listed_count(const struct sc_completion *c, size_t n_asked)
{
    size_t certain = 0, least = SIZE_MAX;
    if (n_asked > 1 && is_chosen_alone(c))
        return 0;
    for (size_t i = 0; i < c->n_listed; i++) {
        size_t n = c->tokens[i].n_candidates;
        if (!may_be_beyond(c, &c->tokens[i]) && n > certain)
            certain = n;
        least = n < least ? n : least;
    }
    size_t found = certain > 0 ? certain : c->n_listed > 0 ? least : 0;
    return found < n_asked ? found : n_asked;
}

static const json_t *choice_of(const struct sc_answer *answer)
{
    return json_array_get(json_object_get(answer->root, "choices"), 0);
}

bool sc_listed_end(const struct sc_answer *answer)
{
    const struct sc_completion *c = &answer->completion;
    const char *finish = json_string_value(json_object_get(choice_of(answer), "finish_reason"));
    if (c->n_listed == 0 || finish == NULL || strcmp(finish, "stop") != 0)
        return false;
    const struct sc_completion_token *last = &c->tokens[c->n_listed - 1];
    return last->n > c->n || memcmp(c->text + c->n - last->n, last->text, last->n) != 0;
}

bool sc_listed_ids(const struct sc_answer *answer)
{
    size_t n = json_array_size(json_object_get(choice_of(answer), "token_ids"));
    return n > 0 && n == answer->completion.n_listed;
}
