/* See config_shard.h.  The text is not trusted: only what sc_config_add_shard writes is taken. */
#include "experiment/store/config_shard.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"

static const char opening[] = ",\"shard\":";

static void put_shard(struct sc_json_writer *out, const struct sc_run_shard *shard)
{
    sc_json_put_object(out, NULL);
    sc_json_put_count(out, "of", shard->of);
    sc_json_put_array(out, "parts");
    for (size_t i = 0; i < shard->n_parts; i++)
        sc_json_put_count(out, NULL, shard->parts[i]);
    sc_json_put_end_array(out);
    sc_json_put_count(out, "n_instances", shard->n_instances);
    sc_json_put_string(out, "instances", shard->instances);
    sc_json_put_end_object(out);
}

enum sc_status sc_config_add_shard(const char *whole, const struct sc_run_shard *shard, char **json,
                                   struct sc_error *error)
{
    struct sc_text text = {0};
    struct sc_json_writer out = {.text = &text, .canonical = true};
    size_t n = strlen(whole);
    assert(n > 0 && whole[n - 1] == '}' && shard->of > 0);
    sc_text_add(&text, whole, n - 1);
    sc_text_puts(&text, opening);
    put_shard(&out, shard);
    sc_text_putc(&text, '}');
    *json = sc_text_take(&text);
    return *json != NULL ? SC_OK : sc_fail_nomem(error, "configuration of a shard");
}

/* ---- the other way --------------------------------------------------------------------------- */

void sc_run_shard_free(struct sc_run_shard *shard)
{
    sc_free(shard->parts);
    *shard = (struct sc_run_shard){0};
}

static enum sc_status read_parts(const json_t *list, struct sc_run_shard *shard,
                                 struct sc_error *error)
{
    size_t n = json_array_size(list);
    if (n == 0 || n > shard->of)
        return sc_fail(error, SC_ERR_FORMAT, "\"parts\": expected 1 to %zu, found %zu", shard->of,
                       n);
    shard->parts = sc_alloc_array(n, sizeof *shard->parts);
    if (shard->parts == NULL)
        return sc_fail_nomem(error, "parts of a run");
    for (size_t i = 0; i < n; i++) {
        json_int_t part = json_integer_value(json_array_get(list, i));
        if (part < 1 || (size_t)part > shard->of || (i > 0 && (size_t)part <= shard->parts[i - 1]))
            return sc_fail(error, SC_ERR_FORMAT,
                           "\"parts\": expected numbers from 1 to %zu that ascend", shard->of);
        shard->parts[i] = (size_t)part;
    }
    shard->n_parts = n;
    return SC_OK;
}

enum sc_status sc_config_read_shard(const json_t *object, struct sc_run_shard *shard,
                                    struct sc_error *error)
{
    int64_t of = 0, n = 0;
    const char *hash = json_string_value(json_object_get(object, "instances"));
    SC_TRY(sc_json_int(object, "of", (struct sc_json_ints){1, SC_MOST_SHARDS}, NULL, &of, error));
    SC_TRY(
        sc_json_int(object, "n_instances", (struct sc_json_ints){0, INT32_MAX}, NULL, &n, error));
    if (hash == NULL || strlen(hash) != 16)
        return sc_fail(error, SC_ERR_FORMAT, "\"instances\": expected 16 digits");
    shard->of = (size_t)of;
    shard->n_instances = (size_t)n;
    memcpy(shard->instances, hash, sizeof shard->instances);
    return read_parts(json_object_get(object, "parts"), shard, error);
}

/* What stands before the member, closed; all of it where there is none. */
static char *text_before(const char *json)
{
    const char *at = json + strlen(json);
    for (const char *next = json; (next = strstr(next, opening)) != NULL; next++)
        at = next;
    char *whole = sc_strndup(json, (size_t)(at - json) + (*at != '\0'));
    if (whole != NULL && *at != '\0')
        whole[at - json] = '}';
    return whole;
}

static enum sc_status split(const char *json, const json_t *member, char **whole,
                            struct sc_run_shard *shard, struct sc_error *error)
{
    char *again = NULL;
    SC_TRY(sc_config_read_shard(member, shard, error));
    *whole = text_before(json);
    if (*whole == NULL)
        return sc_fail_nomem(error, "configuration of a shard");
    if ((*whole)[0] == '\0' || (*whole)[strlen(*whole) - 1] != '}')
        return sc_fail(error, SC_ERR_FORMAT, "expected an object, as it was written");
    SC_TRY(sc_config_add_shard(*whole, shard, &again, error));
    bool same = strcmp(again, json) == 0;
    sc_free(again);
    return same ? SC_OK
                : sc_fail(error, SC_ERR_FORMAT,
                          "\"shard\": expected the last field, as it was "
                          "written");
}

enum sc_status sc_config_split_shard(const char *json, char **whole, struct sc_run_shard *shard,
                                     struct sc_error *error)
{
    json_t *config = NULL;
    *whole = NULL;
    *shard = (struct sc_run_shard){0};
    SC_TRY(sc_json_parse(json, strlen(json), "configuration", &config, error));
    const json_t *member = json_object_get(config, "shard");
    enum sc_status status = member != NULL ? split(json, member, whole, shard, error) : SC_OK;
    json_decref(config);
    if (status != SC_OK) {
        sc_error_prefix(error, "configuration");
        sc_free(*whole);
        *whole = NULL;
        sc_run_shard_free(shard);
    }
    return status;
}
