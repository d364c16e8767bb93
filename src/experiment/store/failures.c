/* See failures.h. */
#include "experiment/store/failures.h"

#include <string.h>

#include "base/memory.h"

#define MOST_SAID 3
#define MOST_REASONS 64 /* further ones are counted together */

/* The part of a reason that is the same for all: messages end with ", found SO MUCH". */
static size_t common_length(const char *reason)
{
    const char *found = strstr(reason, ", found ");
    return found != NULL ? (size_t)(found - reason) : strlen(reason);
}

static bool same_reason(const char *a, const char *b)
{
    size_t n = common_length(a);
    return n == common_length(b) && strncmp(a, b, n) == 0;
}

/* Visible, and cut between characters where it is too long. */
static enum sc_status make_visible(const char *reason, char out[SC_REASON_SIZE],
                                   struct sc_error *error)
{
    struct sc_text text = {0};
    sc_text_add_visible(&text, reason, strlen(reason), false);
    if (text.failed)
        return sc_fail_nomem(error, "failures of traces");
    size_t n = text.len < SC_REASON_SIZE ? text.len : SC_REASON_SIZE - 1;
    while (n > 0 && n < text.len && ((unsigned char)text.data[n] & 0xc0) == 0x80)
        n--;
    memcpy(out, text.data != NULL ? text.data : "", n);
    out[n] = '\0';
    sc_text_free(&text);
    return SC_OK;
}

enum sc_status sc_failures_add(struct sc_failures *failures, const char *reason,
                               struct sc_error *error)
{
    char visible[SC_REASON_SIZE];
    SC_TRY(make_visible(reason != NULL ? reason : "no reason given", visible, error));
    failures->n_traces++;
    for (size_t i = 0; i < failures->n; i++) {
        struct sc_failure *item = &failures->items[i];
        if (!same_reason(item->reason, visible))
            continue;
        if (strcmp(item->reason, visible) != 0)
            item->reason[common_length(item->reason)] = '\0';
        item->n++;
        return SC_OK;
    }
    if (failures->n == MOST_REASONS)
        return SC_OK;
    void *items = failures->items;
    if (sc_grow(&items, failures->n, &failures->cap, sizeof *failures->items) != 0)
        return sc_fail_nomem(error, "failures of traces");
    failures->items = items;
    struct sc_failure *item = &failures->items[failures->n++];
    *item = (struct sc_failure){.n = 1};
    memcpy(item->reason, visible, sizeof visible);
    return SC_OK;
}

void sc_failures_sort(struct sc_failures *failures)
{
    for (size_t i = 1; i < failures->n; i++) {
        struct sc_failure item = failures->items[i];
        size_t at = i;
        for (; at > 0 && failures->items[at - 1].n < item.n; at--)
            failures->items[at] = failures->items[at - 1];
        failures->items[at] = item;
    }
}

void sc_failures_say(const struct sc_failures *failures, struct sc_text *out)
{
    size_t n_said = 0, most = failures->n < MOST_SAID ? failures->n : MOST_SAID;
    if (failures->n == 0)
        return;
    sc_text_printf(out, "%zu trace%s failed", failures->n_traces,
                   failures->n_traces == 1 ? "" : "s");
    for (size_t i = 0; i < most; i++) {
        sc_text_printf(out, "%s%s (%zu)", i == 0 ? ": " : "; ", failures->items[i].reason,
                       failures->items[i].n);
        n_said += failures->items[i].n;
    }
    if (n_said < failures->n_traces)
        sc_text_printf(out, "; for other reasons (%zu)", failures->n_traces - n_said);
}

void sc_failures_free(struct sc_failures *failures)
{
    sc_free(failures->items);
    *failures = (struct sc_failures){0};
}
