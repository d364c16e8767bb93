/* Linked to every unit test and fuzzer: the process is theirs, so that the allocations that tests
 * make fail in turn are those of jansson too. */
#include <safeconf/core.h>
#include <stdlib.h>

static void __attribute__((constructor)) set_up(void)
{
    if (sc_process_setup(NULL) != SC_OK)
        abort();
}
