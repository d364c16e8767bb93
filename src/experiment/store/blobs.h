/* Columns of tokens in run.db: arrays of 32-bit values, least byte first.  Private to this folder.
 */
#ifndef SC_EXPERIMENT_STORE_BLOBS_H
#define SC_EXPERIMENT_STORE_BLOBS_H

#include <stddef.h>

/* n values that lie `step` bytes apart, into out [4 * n]. */
void sc_blob_pack(unsigned char *out, const void *first, size_t step, size_t n);
/* The way back. */
void sc_blob_unpack(void *first, size_t step, const unsigned char *from, size_t n);

#endif
