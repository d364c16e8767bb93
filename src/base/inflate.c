/* See inflate.h. */
#include "base/inflate.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/memory.h"

#define CHUNK ((size_t)64 << 10)
/* With gzip's header and trailer, which hold a sum. */
#define GZIP_WINDOW_BITS (15 + 16)

struct inflating {
    const char *name, *data;
    size_t n, at, max_bytes;
    char *chunk; /* [CHUNK] */
    struct sc_text *out;
    struct sc_error *error;
};

static uint32_t first_word(const char *data)
{
    const unsigned char *b = (const unsigned char *)data;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

enum sc_compression sc_compression_of(const char *data, size_t n)
{
    if (n >= 3 && memcmp(data, "\x1f\x8b\x08", 3) == 0)
        return SC_COMPRESSION_GZIP;
    if (n < 4)
        return SC_COMPRESSION_NONE;
    uint32_t word = first_word(data); /* of a frame, or of one that is to be skipped */
    return word == ZSTD_MAGICNUMBER || (word & ZSTD_MAGIC_SKIPPABLE_MASK) ==
                                           (ZSTD_MAGIC_SKIPPABLE_START & ZSTD_MAGIC_SKIPPABLE_MASK)
               ? SC_COMPRESSION_ZSTD
               : SC_COMPRESSION_NONE;
}

static enum sc_status fail_cut(const struct inflating *s)
{
    return sc_fail(s->error, SC_ERR_FORMAT, "%s: the compressed data is cut off after %zu bytes",
                   s->name, s->n);
}

static enum sc_status fail_damaged(const struct inflating *s, const char *why)
{
    return sc_fail(s->error, SC_ERR_FORMAT, "%s: damaged compressed data: %s", s->name,
                   why != NULL ? why : "not understood");
}

static enum sc_status take_chunk(const struct inflating *s, size_t n)
{
    if (n > s->max_bytes - s->out->len)
        return sc_fail(s->error, SC_ERR_LIMIT,
                       "%s: expected at most %zu bytes when it is decompressed, found more",
                       s->name, s->max_bytes);
    sc_text_add(s->out, s->chunk, n);
    return s->out->failed ? sc_fail_nomem(s->error, s->name) : SC_OK;
}

/* ---- gzip ------------------------------------------------------------------------------------ */

static void *zlib_alloc(void *context, unsigned count, unsigned size)
{
    (void)context;
    return sc_alloc_array(count, size);
}

static void zlib_free(void *context, void *memory)
{
    (void)context;
    sc_free(memory);
}

/* What follows a member: another one, or zeros that fill a block; *more says which. */
static enum sc_status next_member(struct inflating *s, z_stream *z, bool *more)
{
    *more = sc_compression_of(s->data + s->at, s->n - s->at) == SC_COMPRESSION_GZIP;
    if (*more)
        return inflateReset(z) == Z_OK ? SC_OK : fail_damaged(s, z->msg);
    for (size_t i = s->at; i < s->n; i++)
        if (s->data[i] != '\0')
            return fail_damaged(s, "something else follows it");
    return SC_OK;
}

static enum sc_status run_zlib(struct inflating *s, z_stream *z)
{
    for (bool more = true; more;) {
        size_t left = s->n - s->at, given = left < UINT_MAX ? left : UINT_MAX;
        z->next_in = (z_const Bytef *)(s->data + s->at);
        z->avail_in = (uInt)given;
        z->next_out = (Bytef *)s->chunk;
        z->avail_out = (uInt)CHUNK;
        int result = inflate(z, Z_NO_FLUSH);
        s->at += given - z->avail_in;
        SC_TRY(take_chunk(s, CHUNK - z->avail_out));
        if (result == Z_MEM_ERROR)
            return sc_fail_nomem(s->error, s->name);
        if (result == Z_STREAM_END)
            SC_TRY(next_member(s, z, &more));
        else if (result != Z_OK && result != Z_BUF_ERROR)
            return fail_damaged(s, z->msg);
        else if (s->at == s->n && z->avail_out > 0)
            return fail_cut(s);
    }
    return SC_OK;
}

static enum sc_status inflate_gzip(struct inflating *s)
{
    z_stream z = {.zalloc = zlib_alloc, .zfree = zlib_free};
    if (inflateInit2(&z, GZIP_WINDOW_BITS) != Z_OK)
        return sc_fail_nomem(s->error, s->name);
    enum sc_status status = run_zlib(s, &z);
    inflateEnd(&z);
    return status;
}

/* ---- Zstandard ------------------------------------------------------------------------------- */

/* Frames may ask for a window of up to 128 MiB (the library's own limit). */
static enum sc_status run_zstd(struct inflating *s, ZSTD_DStream *stream)
{
    ZSTD_inBuffer in = {.src = s->data, .size = s->n};
    for (;;) {
        ZSTD_outBuffer out = {.dst = s->chunk, .size = CHUNK};
        size_t left = ZSTD_decompressStream(stream, &out, &in);
        if (ZSTD_isError(left))
            return fail_damaged(s, ZSTD_getErrorName(left));
        SC_TRY(take_chunk(s, out.pos));
        if (in.pos == in.size && left == 0)
            return SC_OK;
        if (in.pos == in.size && out.pos < out.size)
            return fail_cut(s);
    }
}

static enum sc_status inflate_zstd(struct inflating *s)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    if (stream == NULL)
        return sc_fail_nomem(s->error, s->name);
    enum sc_status status = run_zstd(s, stream);
    ZSTD_freeDStream(stream);
    return status;
}

enum sc_status sc_inflate(const char *name, const char *data, size_t n, size_t max_bytes,
                          struct sc_text *out, struct sc_error *error)
{
    assert(out->len == 0);
    enum sc_compression kind = sc_compression_of(data, n);
    struct inflating s = {.name = name,
                          .data = data,
                          .n = n,
                          .max_bytes = max_bytes,
                          .chunk = sc_alloc(CHUNK),
                          .out = out,
                          .error = error};
    if (s.chunk == NULL)
        return sc_fail_nomem(error, name);
    sc_text_puts(out, ""); /* so that nothing is an empty text */
    enum sc_status status = kind == SC_COMPRESSION_GZIP   ? inflate_gzip(&s)
                            : kind == SC_COMPRESSION_ZSTD ? inflate_zstd(&s)
                                                          : fail_damaged(&s, NULL);
    sc_free(s.chunk);
    return status;
}

uint64_t sc_inflate_most(size_t n)
{
    return ((uint64_t)128 << 20) + 40 * (uint64_t)n;
}
