/* See device_name.h. */
#include "vocabulary/device_name.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CARD 999

/* The N of "cuda:N", or -1. */
static int read_card(const char *digits)
{
    if (!isdigit((unsigned char)*digits) || strspn(digits, "0123456789") != strlen(digits) ||
        strlen(digits) > 3)
        return -1;
    return atoi(digits);
}

enum sc_status sc_device_wish_read(struct sc_device_wish *out, const char *name,
                                   struct sc_error *error)
{
    *out = (struct sc_device_wish){.kind = SC_DEVICE_CPU};
    if (name == NULL || strcmp(name, "cpu") == 0)
        return SC_OK;
    if (strcmp(name, "auto") == 0) {
        out->kind = SC_DEVICE_AUTO;
        return SC_OK;
    }
    out->kind = SC_DEVICE_GPU;
    if (strcmp(name, "cuda") == 0)
        return SC_OK;
    out->card = strncmp(name, "cuda:", 5) == 0 ? read_card(name + 5) : -1;
    if (out->card >= 0)
        return SC_OK;
    return sc_fail(
        error, SC_ERR_ARGUMENT,
        "device: expected auto, cpu, cuda or cuda:N with N from 0 to %d, found \"%.80s\"",
        MOST_CARD, name);
}
