/* See digest.h. */
#include "hub/digest.h"

#include <assert.h>
#include <stdio.h>

/* It does not say which: its errors take memory themselves. */
static enum sc_status fail(struct sc_error *error)
{
    return sc_fail(
        error, SC_ERR_INTERNAL,
        "libcrypto: cannot compute a hash: out of memory, or it knows none of this kind");
}

void sc_digest_free(struct sc_digest *digest)
{
    EVP_MD_CTX_free(digest->sha256);
    EVP_MD_CTX_free(digest->git);
    *digest = (struct sc_digest){0};
}

enum sc_status sc_digest_begin(struct sc_digest *digest, bool git, uint64_t size,
                               struct sc_error *error)
{
    sc_digest_free(digest);
    digest->sha256 = EVP_MD_CTX_new();
    if (digest->sha256 == NULL)
        return sc_fail_nomem(error, "a hash");
    if (EVP_DigestInit_ex(digest->sha256, EVP_sha256(), NULL) != 1)
        return fail(error);
    if (!git)
        return SC_OK;
    char head[32]; /* Git hashes "blob SIZE", a NUL and the content */
    int n = snprintf(head, sizeof head, "blob %llu", (unsigned long long)size);
    digest->git = EVP_MD_CTX_new();
    if (digest->git == NULL)
        return sc_fail_nomem(error, "a hash");
    if (EVP_DigestInit_ex(digest->git, EVP_sha1(), NULL) != 1 ||
        EVP_DigestUpdate(digest->git, head, (size_t)n + 1) != 1)
        return fail(error);
    return SC_OK;
}

enum sc_status sc_digest_add(struct sc_digest *digest, const void *bytes, size_t n,
                             struct sc_error *error)
{
    assert(digest->sha256 != NULL);
    if (EVP_DigestUpdate(digest->sha256, bytes, n) != 1 ||
        (digest->git != NULL && EVP_DigestUpdate(digest->git, bytes, n) != 1))
        return fail(error);
    return SC_OK;
}

static bool end_one(EVP_MD_CTX *context, char *hexadecimal)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_DigestFinal_ex(context, bytes, &n) != 1)
        return false;
    for (unsigned i = 0; i < n; i++) {
        hexadecimal[2 * i] = digits[bytes[i] >> 4];
        hexadecimal[2 * i + 1] = digits[bytes[i] & 15];
    }
    hexadecimal[2 * n] = '\0';
    return true;
}

enum sc_status sc_digest_end(struct sc_digest *digest, char sha256[65], char git[41],
                             struct sc_error *error)
{
    assert(digest->sha256 != NULL);
    git[0] = '\0';
    bool ended =
        end_one(digest->sha256, sha256) && (digest->git == NULL || end_one(digest->git, git));
    sc_digest_free(digest);
    return ended ? SC_OK : fail(error);
}

static enum sc_status digest_of(struct sc_digest *digest, const void *bytes, size_t n,
                                char sha256[65], struct sc_error *error)
{
    char git[41];
    SC_TRY(sc_digest_begin(digest, false, 0, error));
    SC_TRY(sc_digest_add(digest, bytes, n, error));
    return sc_digest_end(digest, sha256, git, error);
}

enum sc_status sc_digest_of(const void *bytes, size_t n, char sha256[65], struct sc_error *error)
{
    struct sc_digest digest = {0};
    enum sc_status status = digest_of(&digest, bytes, n, sha256, error);
    sc_digest_free(&digest);
    return status;
}
