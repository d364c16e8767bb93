/* Any bytes as a user's rules, and behind a 0 an answer: rules that decide within the answer, the
 * same twice, or one line about what is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "detection/detection.h"
#include "detection/user_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* A file in memory that holds the bytes, over and over the same. */
static const char *file_of(const uint8_t *data, size_t n)
{
    static char path[64];
    static int file = -1;
    if (file < 0)
        file = memfd_create("rules", 0);
    expect(file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, data, n, 0) == (ssize_t)n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return path;
}

static void decide(struct sc_user_rules *rules, const char *answer)
{
    const struct sc_detector detector = {.rules = rules};
    struct sc_detection first = {0}, second = {0};
    sc_detect_with(&detector, "prompt", answer, &first);
    sc_detect_with(&detector, "prompt", answer, &second);
    expect(first.verdict == second.verdict && first.begin == second.begin);
    expect(first.begin <= first.end && first.end <= strlen(answer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    size_t n = zero != NULL ? (size_t)(zero - data) : size;
    char *answer = zero != NULL ? sc_strndup((const char *)zero + 1, size - n - 1)
                                : sc_strndup("I cannot help with that.", 24);
    struct sc_user_rules *rules = NULL;
    struct sc_error error = {0};
    expect(answer != NULL);
    if (sc_user_rules_read(&rules, file_of(data, n), &error) == SC_OK) {
        expect(sc_user_rules_key(rules) == sc_user_rules_key(rules));
        decide(rules, answer);
    } else {
        expect(rules == NULL && error.text[0] != '\0');
    }
    sc_user_rules_free(rules);
    sc_free(answer);
    return 0;
}
