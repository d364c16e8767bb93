/* See archive.h. */
#include "base/archive.h"

#include <string.h>
#include <zip.h>
#include <zlib.h>

#include "base/file.h"
#include "base/inflate.h"
#include "base/memory.h"

/* Entries up to this size are no bombs, whatever their ratio. */
#define SMALL_BYTES ((uint64_t)1 << 20)
/* 1 January 1980 as DOS writes days. */
#define FIRST_DAY ((0 << 9) | (1 << 5) | 1)
/* Zstandard's number among the methods, which libzip may not know by name. */
#define METHOD_ZSTD 93

/* ---- reading --------------------------------------------------------------------------------- */

struct sc_archive {
    zip_t *zip;
    char *name;
    size_t n_bytes, n_entries;
    uint64_t n_read, n_packed; /* bytes of all entries so far, and compressed */
};

bool sc_archive_is(const char *data, size_t n)
{
    return n >= 4 && (memcmp(data, "PK\x03\x04", 4) == 0 || memcmp(data, "PK\x05\x06", 4) == 0);
}

/* Whether it was memory that ended; zlib's own error is kept as that of the "system". */
static bool is_memory(zip_error_t *why)
{
    int code = zip_error_code_zip(why);
    return code == ZIP_ER_MEMORY ||
           (code == ZIP_ER_ZLIB && zip_error_code_system(why) == Z_MEM_ERROR);
}

static enum sc_status open_zip(struct sc_archive *archive, const char *data, size_t n,
                               struct sc_error *error)
{
    zip_error_t why;
    archive->n_bytes = n;
    if (!sc_archive_is(data, n))
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected a ZIP archive", archive->name);
    zip_error_init(&why);
    zip_source_t *source = zip_source_buffer_create(data, n, 0, &why);
    if (source != NULL)
        archive->zip = zip_open_from_source(source, ZIP_RDONLY, &why);
    enum sc_status status = SC_OK;
    if (archive->zip == NULL && is_memory(&why))
        status = sc_fail_nomem(error, archive->name);
    else if (archive->zip == NULL)
        status = sc_fail(error, SC_ERR_FORMAT, "%s: expected a ZIP archive: %s", archive->name,
                         zip_error_strerror(&why));
    if (archive->zip == NULL && source != NULL)
        zip_source_free(source);
    zip_error_fini(&why);
    SC_TRY(status);
    zip_int64_t entries = zip_get_num_entries(archive->zip, 0);
    if (entries < 0 || entries > SC_ARCHIVE_MOST_ENTRIES)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected at most %d entries, found %lld",
                       archive->name, (int)SC_ARCHIVE_MOST_ENTRIES, (long long)entries);
    archive->n_entries = (size_t)entries;
    return SC_OK;
}

enum sc_status sc_archive_open(struct sc_archive **out, const char *data, size_t n,
                               const char *name, struct sc_error *error)
{
    *out = NULL;
    struct sc_archive *archive = sc_alloc_zero(1, sizeof *archive);
    if (archive == NULL)
        return sc_fail_nomem(error, name);
    archive->name = sc_strdup(name);
    enum sc_status status =
        archive->name == NULL ? sc_fail_nomem(error, name) : open_zip(archive, data, n, error);
    if (status != SC_OK) {
        sc_archive_close(archive);
        return status;
    }
    *out = archive;
    return SC_OK;
}

void sc_archive_close(struct sc_archive *archive)
{
    if (archive == NULL)
        return;
    if (archive->zip != NULL)
        zip_discard(archive->zip);
    sc_free(archive->name);
    sc_free(archive);
}

size_t sc_archive_count(const struct sc_archive *archive)
{
    return archive->n_entries;
}

const char *sc_archive_name(const struct sc_archive *archive, size_t entry)
{
    const char *name = zip_get_name(archive->zip, entry, ZIP_FL_ENC_RAW);
    return name != NULL ? name : "";
}

/* Within the limits, as far as the archive says how long the entry is; what it says is checked
 * again while it is read. */
static enum sc_status check_entry(const struct sc_archive *archive, const zip_stat_t *stat,
                                  const char *name, struct sc_error *error)
{
    const zip_uint64_t needed =
        ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC;
    if ((stat->valid & needed) != needed)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: damaged", archive->name, name);
    if ((stat->valid & ZIP_STAT_ENCRYPTION_METHOD) && stat->encryption_method != ZIP_EM_NONE)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: encrypted, which is not read", archive->name,
                       name);
    if (stat->comp_method != ZIP_CM_STORE && stat->comp_method != ZIP_CM_DEFLATE &&
        stat->comp_method != METHOD_ZSTD)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: %s: expected it deflated or compressed by Zstandard, found method %d",
                       archive->name, name, (int)stat->comp_method);
    if (stat->size > SC_ARCHIVE_MOST_ENTRY_BYTES || stat->comp_size > SC_ARCHIVE_MOST_ENTRY_BYTES)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: expected at most %llu bytes, found %llu",
                       archive->name, name, (unsigned long long)SC_ARCHIVE_MOST_ENTRY_BYTES,
                       (unsigned long long)stat->size);
    if (stat->size > SMALL_BYTES && stat->size / SC_ARCHIVE_MOST_RATIO > stat->comp_size)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: %s: %llu bytes from %llu: no log is compressed so far", archive->name,
                       name, (unsigned long long)stat->size, (unsigned long long)stat->comp_size);
    if (stat->comp_size > archive->n_bytes - archive->n_packed)
        return sc_fail(error, SC_ERR_LIMIT, "%s: %s: entries that lie upon each other",
                       archive->name, name);
    uint64_t most = sc_inflate_most(archive->n_bytes);
    most = most < SC_ARCHIVE_MOST_BYTES ? most : SC_ARCHIVE_MOST_BYTES;
    if (stat->size > most - archive->n_read)
        return sc_fail(error, SC_ERR_LIMIT, "%s: expected at most %llu bytes in all", archive->name,
                       (unsigned long long)most);
    return SC_OK;
}

/* Appends `bytes` of the entry, as it is compressed or not. */
static enum sc_status read_bytes(struct sc_archive *archive, size_t entry, zip_flags_t flags,
                                 uint64_t bytes, struct sc_text *out, struct sc_error *error)
{
    char piece[65536], name[128];
    snprintf(name, sizeof name, "%.120s", sc_archive_name(archive, entry));
    zip_file_t *file = zip_fopen_index(archive->zip, entry, flags);
    if (file == NULL)
        return is_memory(zip_get_error(archive->zip))
                   ? sc_fail_nomem(error, archive->name)
                   : sc_fail(error, SC_ERR_FORMAT, "%s: %s: %s", archive->name, name,
                             zip_strerror(archive->zip));
    uint64_t n_read = 0;
    zip_int64_t n = 1;
    while (n > 0 && n_read <= bytes && !out->failed) {
        n = zip_fread(file, piece, sizeof piece);
        if (n > 0)
            sc_text_add(out, piece, (size_t)n);
        n_read += n > 0 ? (uint64_t)n : 0;
    }
    enum sc_status status = SC_OK;
    if (out->failed || (n < 0 && is_memory(zip_file_get_error(file))))
        status = sc_fail_nomem(error, archive->name);
    else if (n < 0)
        status = sc_fail(error, SC_ERR_FORMAT, "%s: %s: damaged: %s", archive->name, name,
                         zip_file_strerror(file));
    else if (n_read != bytes)
        status = sc_fail(error, SC_ERR_FORMAT, "%s: %s: expected %llu bytes, found another number",
                         archive->name, name, (unsigned long long)bytes);
    zip_fclose(file);
    return status;
}

/* libzip reads Zstandard from a later version on than is everywhere installed. */
static enum sc_status read_zstd(struct sc_archive *archive, size_t entry, const zip_stat_t *stat,
                                struct sc_text *out, struct sc_error *error)
{
    struct sc_text packed = {0}, plain = {0};
    struct sc_error why = {0};
    enum sc_status status =
        read_bytes(archive, entry, ZIP_FL_COMPRESSED, stat->comp_size, &packed, error);
    if (status != SC_OK)
        goto done;
    if (sc_compression_of(packed.data, packed.len) == SC_COMPRESSION_ZSTD)
        status =
            sc_inflate(archive->name, packed.data, packed.len, (size_t)stat->size, &plain, &why);
    if (status == SC_ERR_NOMEM)
        status = sc_fail_nomem(error, archive->name);
    else if (status != SC_OK)
        status = sc_fail(error, SC_ERR_FORMAT, "%s", why.text);
    if (status != SC_OK)
        goto done;
    if (plain.len != stat->size ||
        crc32_z(0, (const unsigned char *)plain.data, plain.len) != stat->crc) {
        status = sc_fail(error, SC_ERR_FORMAT, "%s: entry %zu: damaged", archive->name, entry);
        goto done;
    }
    sc_text_add(out, plain.data, plain.len);
    if (out->failed)
        status = sc_fail_nomem(error, archive->name);
done:
    sc_text_free(&packed);
    sc_text_free(&plain);
    return status;
}

enum sc_status sc_archive_read(struct sc_archive *archive, size_t entry, struct sc_text *out,
                               struct sc_error *error)
{
    zip_stat_t stat;
    char name[128];
    snprintf(name, sizeof name, "%.120s", sc_archive_name(archive, entry));
    if (zip_stat_index(archive->zip, entry, 0, &stat) != 0)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: %s", archive->name, name,
                       zip_strerror(archive->zip));
    SC_TRY(check_entry(archive, &stat, name, error));
    archive->n_read += stat.size;
    archive->n_packed += stat.comp_size;
    return stat.comp_method == METHOD_ZSTD ? read_zstd(archive, entry, &stat, out, error)
                                           : read_bytes(archive, entry, 0, stat.size, out, error);
}

/* ---- writing --------------------------------------------------------------------------------- */

struct writer {
    const struct sc_archive_content *content;
    const char *path;
    char *part; /* what is written, until it is whole */
    zip_t *zip;
    struct sc_error *error;
    enum sc_status status;        /* of the first entry that could not be made */
    struct entry_source *sources; /* [content->n] */
};

/* One entry on its way: its text is there from when libzip asks for its length until it was read.
 */
struct entry_source {
    struct writer *writer;
    size_t index, at;
    uint64_t size;
    struct sc_text text;
    bool made; /* the size is known */
};

static bool make_entry(struct entry_source *source)
{
    struct writer *w = source->writer;
    if (source->text.data != NULL)
        return true;
    w->status = w->content->make(w->content->context, source->index, &source->text, w->error);
    if (w->status != SC_OK)
        return false;
    if (source->text.failed) {
        w->status = sc_fail_nomem(w->error, w->path);
        return false;
    }
    source->size = source->text.len;
    source->made = true;
    return true;
}

static zip_int64_t read_entry(struct entry_source *source, void *data, zip_uint64_t n)
{
    size_t rest = source->text.len - source->at;
    size_t bytes = n < rest ? (size_t)n : rest;
    if (bytes > 0)
        memcpy(data, source->text.data + source->at, bytes);
    source->at += bytes;
    return (zip_int64_t)bytes;
}

/* What libzip asks of an entry. */
static zip_int64_t serve_entry(void *context, void *data, zip_uint64_t n, zip_source_cmd_t command)
{
    struct entry_source *source = context;
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
                                              ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                              ZIP_SOURCE_SUPPORTS, -1);
    case ZIP_SOURCE_STAT:
        if (!source->made && !make_entry(source))
            return -1;
        zip_stat_init(data);
        ((zip_stat_t *)data)->size = source->size;
        ((zip_stat_t *)data)->valid |= ZIP_STAT_SIZE;
        return (zip_int64_t)sizeof(zip_stat_t);
    case ZIP_SOURCE_OPEN:
        source->at = 0;
        return make_entry(source) ? 0 : -1;
    case ZIP_SOURCE_READ:
        return read_entry(source, data, n);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        sc_text_free(&source->text);
        return 0;
    case ZIP_SOURCE_ERROR: {
        const int errors[2] = {ZIP_ER_INTERNAL, 0}; /* ours says more: w->error */
        if (n < sizeof errors)
            return -1;
        memcpy(data, errors, sizeof errors);
        return (zip_int64_t)sizeof errors;
    }
    default:
        return -1;
    }
}

/* libzip's words for another reason may be that they find no memory themselves. */
static enum sc_status fail_zip(struct writer *w, const char *doing)
{
    const char *why = zip_strerror(w->zip);
    zip_error_t memory;
    zip_error_init_with_code(&memory, ZIP_ER_MEMORY);
    bool lost = is_memory(zip_get_error(w->zip)) || strcmp(why, zip_error_strerror(&memory)) == 0;
    zip_error_fini(&memory);
    return lost ? sc_fail_nomem(w->error, w->path)
                : sc_fail(w->error, SC_ERR_IO, "%s: %s: %s", w->path, doing, why);
}

/* The source is libzip's once the entry is added. */
static enum sc_status add_named(struct writer *w, size_t i, struct sc_text *name)
{
    SC_TRY(w->content->name(w->content->context, i, name, w->error));
    if (name->failed || name->data == NULL)
        return sc_fail_nomem(w->error, w->path);
    zip_source_t *source = zip_source_function(w->zip, serve_entry, &w->sources[i]);
    if (source == NULL)
        return fail_zip(w, "adding an entry");
    zip_int64_t index = zip_file_add(w->zip, name->data, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(source);
        return fail_zip(w, "adding an entry");
    }
    if (zip_set_file_compression(w->zip, (zip_uint64_t)index, ZIP_CM_DEFLATE, 6) != 0 ||
        zip_file_set_dostime(w->zip, (zip_uint64_t)index, 0, FIRST_DAY, 0) != 0)
        return fail_zip(w, "adding an entry");
    return SC_OK;
}

static enum sc_status add_entry(struct writer *w, size_t i)
{
    struct sc_text name = {0};
    w->sources[i] = (struct entry_source){.writer = w, .index = i};
    enum sc_status status = add_named(w, i, &name);
    sc_text_free(&name);
    return status;
}

static int is_cancelled(zip_t *zip, void *context)
{
    const struct writer *w = context;
    (void)zip;
    return w->content->keep_going != NULL && !w->content->keep_going(w->content->context);
}

static enum sc_status close_zip(struct writer *w)
{
    if (zip_register_cancel_callback_with_state(w->zip, is_cancelled, NULL, w) != 0)
        return fail_zip(w, "writing");
    if (zip_close(w->zip) == 0) {
        w->zip = NULL;
        return SC_OK;
    }
    if (w->status != SC_OK)
        return w->status;
    if (zip_error_code_zip(zip_get_error(w->zip)) == ZIP_ER_CANCELLED)
        return sc_fail(w->error, SC_ERR_INTERRUPTED, "%s: interrupted: nothing was written",
                       w->path);
    return fail_zip(w, "writing");
}

static enum sc_status write_all(struct writer *w)
{
    int code = 0;
    w->zip = zip_open(w->part, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (w->zip == NULL) {
        zip_error_t why;
        zip_error_init_with_code(&why, code);
        enum sc_status status = is_memory(&why)
                                    ? sc_fail_nomem(w->error, w->path)
                                    : sc_fail(w->error, SC_ERR_IO, "%s: cannot be written: %s",
                                              w->path, zip_error_strerror(&why));
        zip_error_fini(&why);
        return status;
    }
    for (size_t i = 0; i < w->content->n; i++)
        SC_TRY(add_entry(w, i));
    SC_TRY(close_zip(w));
    return sc_file_put_in_place(w->part, w->path, w->error); /* libzip syncs nothing */
}

enum sc_status sc_archive_write(const char *path, const struct sc_archive_content *content,
                                struct sc_error *error)
{
    struct writer w = {.content = content, .path = path, .error = error};
    SC_TRY(sc_file_part(path, &w.part, error));
    w.sources = sc_alloc_zero(content->n, sizeof *w.sources);
    enum sc_status status = w.sources != NULL ? write_all(&w) : sc_fail_nomem(error, path);
    if (w.zip != NULL)
        zip_discard(w.zip);
    sc_free(w.sources);
    sc_free(w.part);
    return status;
}
