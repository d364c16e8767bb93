/* Any bytes as the headers of a request to our own server: the key opens, and nothing else does. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "serving/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char key[] = "sk-1234567890abcdef";
    char *header = sc_strndup((const char *)data, size); /* its end is the sanitizer's business */
    if (header == NULL)
        return 0;
    bool opens = sc_serving_has_key(header, key);
    if (opens && strstr(header, key) == NULL)
        abort();
    if (strncmp(header, "Bearer ", 7) == 0 && strcmp(header + 7, key) == 0 && !opens)
        abort();
    if (sc_serving_knows_host(header, "127.0.0.1") && strpbrk(header, "/@") != NULL)
        abort();
    sc_serving_is_json(header);
    sc_free(header);
    return 0;
}
