/* A run's configuration as run.db holds it is not trusted: each value that no run writes is refused
 * by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "experiment/store/config.h"
#include "run_fixture.h"

/* Where a value stands in the configuration, what stands there instead (NULL: nothing), and what is
 * said of it. */
struct change {
    const char *object, *key, *value, *said;
};

static json_t *object_at(json_t *config, const char *object)
{
    if (*object == '\0')
        return config;
    if (strcmp(object, "policy") == 0)
        return json_array_get(json_object_get(config, "policies"), 0);
    if (json_object_get(config, object) == NULL)
        assert_int_equal(json_object_set_new(config, object, json_object()), 0);
    return json_object_get(config, object);
}

static char *changed(const char *config, const struct change *change)
{
    json_t *root = json_loads(config, 0, NULL);
    assert_non_null(root);
    json_t *object = object_at(root, change->object);
    if (change->value == NULL)
        assert_int_equal(json_object_del(object, change->key), 0);
    else
        assert_int_equal(json_object_set_new(object, change->key,
                                             json_loads(change->value, JSON_DECODE_ANY, NULL)),
                         0);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    assert_non_null(text);
    return text;
}

static void check(const char *config, const struct change *change)
{
    struct sc_run run = {0};
    struct sc_error error = {0};
    char hash[17];
    size_t n = 0;
    char *json = changed(config, change);
    enum sc_status status = sc_config_read(json, &run, hash, &n, &error);
    if (change->said == NULL ? status != SC_OK : strstr(error.text, change->said) == NULL)
        fail_msg("%s.%s: %s", change->object, change->key, error.text);
    assert_true(change->said == NULL || (status == SC_ERR_FORMAT || status == SC_ERR_ARGUMENT));
    assert_true(change->said == NULL || strncmp(error.text, "configuration", 13) == 0);
    sc_run_free(&run);
    sc_free(json);
}

static void a_value_that_no_run_writes_is_named(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"model", "name", "5", "\"name\": expected text"},
        {"model", "demo", "1", "\"demo\": expected true or false"},
        {"model", "demo", NULL, "\"demo\": expected true or false, found nothing"},
        {"benchmark", "instances", "\"12\"", "\"benchmark.instances\": expected 16 digits"},
        {"benchmark", "name", NULL, "\"name\": expected text"},
        {"benchmark", "n_instances", "-1", "\"n_instances\": expected 0 to 2147483647, found -1"},
        {"benchmark", "n_instances", NULL, "\"n_instances\": expected an integer, found nothing"},
        {"benchmark", "rows_failed", "1.5", "\"rows_failed\": expected an integer"},
        {"sampling", "seed", "7", "\"seed\": expected decimal digits of 64 bits"},
        {"sampling", "seed", "\"-1\"", "\"seed\": expected decimal digits of 64 bits"},
        {"sampling", "seed", "\"99999999999999999999\"", "\"seed\": expected decimal digits"},
        {"confidence", "metric", "\"luck\"", "\"metric\": unknown value luck"},
        {"confidence", "metric", "[]", "\"metric\": unknown value (no text)"},
        {"confidence", "top_k", "0", "\"top_k\": expected 1 to 2147483647, found 0"},
        {"confidence", "window", NULL, "\"window\": expected an integer, found nothing"},
        {"confidence", "quantile", "2", "\"quantile\": expected 0 to 1, found 2"},
        {"confidence", "quantile", NULL, "expected either \"quantile\" or \"threshold\""},
        {"confidence", "threshold", "1", "expected either \"quantile\" or \"threshold\""},
        {"source", "kind", "\"server\"", "\"name\": expected text"},
        {"", "policies", "[]", "\"policies\": expected 1 to 1000, found 0"},
        {"", "primary", "3", "\"primary\": expected 0 to 2, found 3"},
        {"policy", "name", NULL, "policies[0]: \"name\": expected text"},
        {"policy", "name", "\"../x\"",
         "policies[0]: expected a name of a-z, 0-9 and -, found ../x"},
        {"policy", "name", "\"adaptive\"", "policies[2]: expected different names, found adaptive"},
        {"policy", "kind", "\"coin\"", "policies[0]: \"kind\": unknown value coin"},
        {"policy", "percentile", "101",
         "policies[0]: \"percentile\": expected 0 to 100, found 101"},
        {"policy", "max_traces", "0", "policies[0]: \"max_traces\": expected 1 to"},
        {"policy", "kind", "\"budget\"", "policies[0]: \"traces_total\": expected an integer"},
        {"", "detector", NULL, "\"detector\": expected text"},
        {"", "judge", "{}", "\"judge\": expected text"},
        {"shard", "of", "0", "\"of\": expected 1 to"},
        {"", "shard", "{\"of\":4,\"n_instances\":-1}", "\"n_instances\": expected 0 to"},
        {"", "shard", "{\"of\":4,\"n_instances\":1}", "\"instances\": expected 16 digits"},
        {"", "shard", "{\"of\":4,\"n_instances\":1,\"instances\":\"0123456789abcdef\"}",
         "\"parts\": expected 1 to 4, found 0"},
        {"", "shard",
         "{\"of\":4,\"n_instances\":1,\"instances\":\"0123456789abcdef\",\"parts\":[2,2]}",
         "\"parts\": expected numbers from 1 to 4 that ascend"},
        {"", "shard",
         "{\"of\":4,\"n_instances\":1,\"instances\":\"0123456789abcdef\",\"parts\":[5]}",
         "\"parts\": expected numbers from 1 to 4 that ascend"},
    };
    struct run_fixture f;
    assert_int_equal(fixture_make(&f, 2), 0);
    const struct change none = {"benchmark", "rows_failed", "0", NULL};
    check(f.config, &none); /* what is changed is not wrong for the change alone */
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        check(f.config, &changes[i]);
    fixture_free(&f);
}

static void what_is_no_object_is_no_configuration(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "[]", "5", "{} {}", "{\"a\":1,\"a\":2}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sc_run run = {0};
        struct sc_error error = {0};
        char hash[17];
        size_t n = 0;
        assert_int_equal(sc_config_read(texts[i], &run, hash, &n, &error), SC_ERR_FORMAT);
        assert_memory_equal(error.text, "configuration", 13);
        sc_run_free(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_that_no_run_writes_is_named),
        cmocka_unit_test(what_is_no_object_is_no_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
