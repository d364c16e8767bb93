/* Any bytes as the words of a guard: what is read stands there, and reading is the same twice. */
#include <stdlib.h>
#include <string.h>

#include "judge/judgement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_label(const char *text, size_t size, size_t at, const char *key,
                        const char *const *labels, size_t value)
{
    size_t n = strlen(key), m = strlen(labels[value]);

    if (at > size || n + m > size - at || memcmp(text + at, key, n) != 0 ||
        memcmp(text + at + n, labels[value], m) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const safety[] = {"Safe", "Unsafe", "Controversial"};
    static const char *const refused[] = {"No", "Yes"};
    struct sc_guard_reading reading, again;
    char *text = malloc(size ? size : 1); /* its end is the sanitizer's business */

    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    sc_guard_read(text, size, &reading);
    sc_guard_read(text, size, &again);
    if (reading.safety != again.safety || reading.refused != again.refused ||
        reading.categories != again.categories || reading.categories >= 2 * SC_CATEGORY_OTHER ||
        (int)reading.safety < 0 || reading.safety >= SC_N_SAFETIES || (int)reading.refused < 0 ||
        reading.refused >= SC_N_REFUSEDS)
        abort();
    if (reading.safety != SC_SAFETY_UNPARSED)
        check_label(text, size, reading.safety_at, "Safety: ", safety, (size_t)reading.safety);
    if (reading.refused != SC_REFUSED_UNPARSED)
        check_label(text, size, reading.refused_at, "Refusal: ", refused, (size_t)reading.refused);
    free(text);
    return 0;
}
