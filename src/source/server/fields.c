/* See fields.h. */
#include "source/server/fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

bool sc_software_is(const char *software, const char *name)
{
    size_t n = strlen(name);
    return software != NULL && strncmp(software, name, n) == 0 &&
           (software[n] == '\0' || software[n] == ' ');
}

/* Whether its further fields are known. */
static bool is_known(const char *software)
{
    return sc_software_is(software, "vllm") || sc_software_is(software, "sglang") ||
           sc_software_is(software, "llama.cpp") || sc_software_is(software, "safeconf");
}

static bool put_real(json_t *body, const char *key, double value)
{
    return json_object_set_new(body, key, json_real(value)) == 0;
}

bool sc_fields_put_filters(json_t *body, const struct sc_sampling *sampling, const char *software)
{
    bool llama = sc_software_is(software, "llama.cpp");
    bool known = is_known(software);
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

/* Puts NAME=VALUE, the value as JSON where it is some, else as a string. */
static enum sc_status put_argument(json_t *arguments, const char *argument, struct sc_error *error)
{
    const char *equal = strchr(argument, '=');
    char name[64];
    if (equal == NULL || equal == argument || (size_t)(equal - argument) >= sizeof name)
        return sc_fail(error, SC_ERR_ARGUMENT, "template-arg: expected NAME=VALUE, found %s",
                       argument);
    if (sc_utf8_valid(argument, strlen(argument)) != strlen(argument))
        return sc_fail(error, SC_ERR_ARGUMENT, "template-arg: expected UTF-8, found other bytes");
    snprintf(name, sizeof name, "%.*s", (int)(equal - argument), argument);
    json_t *value = NULL;
    if (sc_json_parse_any(equal + 1, strlen(equal + 1), name, &value, NULL) == SC_ERR_NOMEM)
        return sc_fail_nomem(error, "a request to a server");
    if (json_object_set_new(arguments, name, value != NULL ? value : json_string(equal + 1)) != 0)
        return sc_fail_nomem(error, "a request to a server");
    return SC_OK;
}

enum sc_status sc_fields_template_args(const struct sc_chat_options *chat, bool thinking,
                                       const char *software, json_t **out, struct sc_error *error)
{
    bool tells = thinking || is_known(software);
    *out = NULL;
    if (chat->n_template_args == 0 && !tells)
        return SC_OK;
    json_t *arguments = json_object();
    enum sc_status status = SC_OK;
    if (arguments == NULL ||
        (tells && json_object_set_new(arguments, "enable_thinking", json_boolean(thinking)) != 0))
        status = sc_fail_nomem(error, "a request to a server");
    for (size_t i = 0; status == SC_OK && i < chat->n_template_args; i++)
        status = put_argument(arguments, chat->template_args[i], error);
    if (status == SC_OK)
        *out = arguments;
    else
        json_decref(arguments);
    return status;
}
