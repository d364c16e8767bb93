#include "kernels/kernels.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
static void test_find(void **state)
{
    (void)state;
    assert_non_null(sc_kernels_find("portable"));
    assert_ptr_equal(sc_kernels_find(NULL), sc_kernels_available()[0]);
    assert_null(sc_kernels_find("none"));
}
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
