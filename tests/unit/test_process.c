/* The version, and that nothing that the process has one of is changed unless it is asked for. */
#include <gsl/gsl_errno.h>
#include <jansson.h>
#include <safeconf/safeconf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"

static void the_library_is_of_the_version_of_its_headers(void **state)
{
    (void)state;
    assert_string_equal(sc_version(), SAFECONF_VERSION);
    assert_int_equal(sc_api_version(), SAFECONF_API_VERSION);
}

static void setting_up_twice_is_setting_up_once(void **state)
{
    (void)state;
    struct sc_error error = {0};
    assert_int_equal(sc_process_setup(&error), SC_OK);
    assert_int_equal(sc_process_setup(NULL), SC_OK);
}

static size_t n_host;

static void *host_alloc(size_t bytes)
{
    n_host++;
    return sc_alloc(bytes);
}

/* Inside another program jansson's memory is that program's. */
static void a_host_keeps_its_own_memory_for_json(void **state)
{
    (void)state;
    json_set_alloc_funcs(host_alloc, sc_free);
    json_t *value = NULL;
    struct sc_error error = {0};
    assert_int_equal(sc_json_parse("[1]", 3, "test", &value, &error), SC_OK);
    json_decref(value);
    assert_true(n_host > 0);
    sc_json_use_own_memory();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_library_is_of_the_version_of_its_headers),
        cmocka_unit_test(setting_up_twice_is_setting_up_once),
        cmocka_unit_test(a_host_keeps_its_own_memory_for_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
