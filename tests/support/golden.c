/* See golden.h. */
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

json_t *golden_load(const char *path)
{
    json_error_t error;
    json_t *golden = json_load_file(path, 0, &error);
    if (golden == NULL)
        print_error("%s: line %d: %s\n", path, error.line, error.text);
    return golden;
}

json_t *golden_cases(json_t *golden, const char *name)
{
    json_t *list = json_object_get(golden, name);
    assert_true(json_is_array(list) && json_array_size(list) > 0);
    return list;
}

static double number_of(const json_t *value)
{
    assert_true(json_is_number(value));
    return json_number_value(value);
}

double golden_number(const json_t *object, const char *key)
{
    return number_of(json_object_get(object, key));
}

double golden_element(const json_t *object, const char *key, size_t i)
{
    return number_of(json_array_get(json_object_get(object, key), i));
}

size_t golden_sizes(const json_t *object, const char *key, size_t most, size_t *out)
{
    size_t n = json_array_size(json_object_get(object, key));
    assert_true(n > 0 && n <= most);
    for (size_t i = 0; i < n; i++)
        out[i] = (size_t)golden_element(object, key, i);
    return n;
}
