/* Any bytes as prompt and answer: a verdict with a rule, and a range inside the answer. */
#include <stdlib.h>
#include <string.h>

#include "detection/detection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The first NUL parts the prompt from the answer. */
    char *text = malloc(size + 2);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = text[size + 1] = '\0';
    const char *answer = text + strlen(text) + 1;
    if (answer > text + size)
        answer = text;
    struct sc_detection found, again;
    sc_detect_refusal(answer == text ? NULL : text, answer, &found);
    sc_detect_refusal(answer == text ? NULL : text, answer, &again);
    if (found.begin > found.end || found.end > strlen(answer) || !found.rule || !*found.rule ||
        (int)found.verdict < 0 || found.verdict >= SC_N_VERDICTS ||
        found.verdict != again.verdict || found.rule != again.rule || found.begin != again.begin ||
        found.end != again.end)
        abort();
    free(text);
    return 0;
}
