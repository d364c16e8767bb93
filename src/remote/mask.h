/*
 * The API key in what a server says, however it is written: plain; with any of its characters as an
 * escape of JSON (also of JSON in a string of JSON), of C, of a URL or of HTML; or in base64, with
 * whatever stands before and after it.  For this room and the hub's downloads; sources call
 * sc_remote_mask.
 */
#ifndef SC_REMOTE_MASK_H
#define SC_REMOTE_MASK_H

#include "base/error.h"

enum { SC_MASK_BASE64 = 6 }; /* three places of the first byte, two alphabets */

struct sc_mask {
    char *key; /* NULL: none, or such a short word or number that any text may hold it */
    size_t n;
    char *encoded[SC_MASK_BASE64];
};

/* key: visible ASCII, or NULL. */
enum sc_status sc_mask_open(struct sc_mask *mask, const char *key, struct sc_error *error);
void sc_mask_close(struct sc_mask *mask); /* zeros are fine */
/* Overwrites with '*'; the length stays.  at_end: also a beginning of the key, of 8 characters or
 * more, with which the text ends. */
void sc_mask_apply(const struct sc_mask *mask, char *text, size_t n, bool at_end);

#endif
