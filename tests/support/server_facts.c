/* See server_facts.h. */
#include "server_facts.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool same_facts(const struct sc_server_facts *a, const struct sc_server_facts *b)
{
    return same_text(a->name, b->name) && same_text(a->model, b->model) &&
           same_text(a->software, b->software) && same_text(a->revision, b->revision) &&
           same_text(a->system_fingerprint, b->system_fingerprint) &&
           same_text(a->remarks.data, b->remarks.data) && a->context == b->context &&
           a->endpoint == b->endpoint && a->takes_ids == b->takes_ids && a->streams == b->streams &&
           a->takes_seed == b->takes_seed && a->completion_tokens == b->completion_tokens &&
           a->gives_ids == b->gives_ids && a->gives_end == b->gives_end &&
           a->logprobs == b->logprobs && a->top_k == b->top_k && a->reproducible == b->reproducible;
}
