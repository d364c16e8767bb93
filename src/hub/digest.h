/* Hashes of what is fetched, while it comes.  Private to this room. */
#ifndef SC_HUB_DIGEST_H
#define SC_HUB_DIGEST_H

#include <openssl/evp.h>

#include "base/error.h"

struct sc_digest {
    EVP_MD_CTX *sha256, *git; /* git NULL: not wanted */
};

/* Begins anew.  git: also Git's hash of a blob of `size` bytes. */
enum sc_status sc_digest_begin(struct sc_digest *digest, bool git, uint64_t size,
                               struct sc_error *error);
enum sc_status sc_digest_add(struct sc_digest *digest, const void *bytes, size_t n,
                             struct sc_error *error);
/* Lower-case hexadecimal; git is "" where it was not wanted.  Ends it. */
enum sc_status sc_digest_end(struct sc_digest *digest, char sha256[65], char git[41],
                             struct sc_error *error);
void sc_digest_free(struct sc_digest *digest); /* zeros are fine */
/* SHA-256 of n bytes. */
enum sc_status sc_digest_of(const void *bytes, size_t n, char sha256[65], struct sc_error *error);

#endif
