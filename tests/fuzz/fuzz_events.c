/* Any bytes as a stream of events, whole and in pieces: the same events either way, and what
 * masking leaves of them has the same length and does not hold the key. */
#include <stdlib.h>
#include <string.h>

#include "remote/events.h"
#include "remote/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key[] = "sk-0123456789";
static struct sc_mask mask;

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static bool take(void *context, char *data, size_t n)
{
    struct sc_text *all = context;
    sc_mask_apply(&mask, data, n, false);
    expect(memmem(data, n, key, sizeof key - 1) == NULL);
    sc_text_add(all, data, n);
    sc_text_putc(all, '|');
    return true;
}

static enum sc_events_result feed(const char *bytes, size_t n, size_t step, struct sc_text *all)
{
    struct sc_events events = {.most = 4096, .take = take, .context = all};
    enum sc_events_result result = SC_EVENTS_GO_ON;
    for (size_t i = 0; result == SC_EVENTS_GO_ON && i < n; i += step)
        result = sc_events_feed(&events, bytes + i, step < n - i ? step : n - i);
    if (result == SC_EVENTS_GO_ON)
        result = sc_events_end(&events);
    sc_events_free(&events);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_text whole = {0}, pieces = {0};
    if (size == 0 || sc_mask_open(&mask, key, NULL) != SC_OK)
        return 0;
    char *text = malloc(size); /* its end is the sanitizer's business */
    if (text != NULL) {
        memcpy(text, data, size);
        enum sc_events_result result = feed(text, size, size, &whole);
        expect(feed(text, size, 1 + data[0] % 7, &pieces) == result);
        expect(whole.len == pieces.len);
        expect(whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0);
        sc_mask_apply(&mask, text, size, true);
        expect(memmem(text, size, key, sizeof key - 1) == NULL);
    }
    free(text);
    sc_text_free(&whole);
    sc_text_free(&pieces);
    sc_mask_close(&mask);
    return 0;
}
