/* See fields.h. */
#include "source/server/fields.h"

#include <math.h>
#include <string.h>

bool sc_software_is(const char *software, const char *name)
{
    size_t n = strlen(name);
    return software != NULL && strncmp(software, name, n) == 0 &&
           (software[n] == '\0' || software[n] == ' ');
}

static bool put_real(json_t *body, const char *key, double value)
{
    return json_object_set_new(body, key, json_real(value)) == 0;
}

bool sc_fields_put_filters(json_t *body, const struct sc_sampling *sampling, const char *software)
{
    bool llama = sc_software_is(software, "llama.cpp");
    bool known = llama || sc_software_is(software, "vllm") || sc_software_is(software, "sglang");
    double penalty = sampling->repetition_penalty == 0 ? 1 : sampling->repetition_penalty;
    if (!isnan(sampling->top_p) && !put_real(body, "top_p", sampling->top_p))
        return false;
    if (!isnan(sampling->min_p) && (known || sampling->min_p > 0) &&
        !put_real(body, "min_p", sampling->min_p))
        return false;
    if (!isnan(penalty) && (known || penalty != 1) &&
        !put_real(body, llama ? "repeat_penalty" : "repetition_penalty", penalty))
        return false;
    if (sampling->top_k < 0 || (!known && sampling->top_k == 0))
        return true;
    /* Off is -1 in all versions of vLLM and SGLang, and for llama.cpp whatever is below 1. */
    return json_object_set_new(body, "top_k",
                               json_integer(sampling->top_k > 0 ? sampling->top_k : -1)) == 0;
}
