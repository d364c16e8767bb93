/* ZIP archives: what is written is read again and is the same each time; hostile ones are refused
 * with a reason and within their limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/archive.h"
#include "base/file.h"
#include "base/memory.h"

/* ---- archives by hand ------------------------------------------------------------------------ */

enum { STORED = 0, DEFLATED = 8, PACKED = 93, SEALED = 1 };

/* An entry as its headers say it is. */
struct entry {
    const char *name;
    unsigned method, flags;
    const char *bytes; /* as they are stored */
    size_t n;
    uint32_t size, crc; /* of what they stand for */
};

static void put(struct sc_text *out, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        sc_text_putc(out, (char)(value >> 8 * i & 0xff));
}

/* What local and central header have in common. */
static void put_facts(struct sc_text *out, const struct entry *entry)
{
    put(out, 20, 2);
    put(out, entry->flags, 2);
    put(out, entry->method, 2);
    put(out, 0x00210000, 4); /* time and day */
    put(out, entry->crc, 4);
    put(out, (uint32_t)entry->n, 4);
    put(out, entry->size, 4);
    put(out, (uint32_t)strlen(entry->name), 2);
    put(out, 0, 2);
}

static void make_zip(struct sc_text *out, const struct entry *entries, size_t n)
{
    size_t offsets[8];
    for (size_t i = 0; i < n; i++) {
        offsets[i] = out->len;
        put(out, 0x04034b50, 4);
        put_facts(out, &entries[i]);
        sc_text_puts(out, entries[i].name);
        sc_text_add(out, entries[i].bytes, entries[i].n);
    }
    size_t directory = out->len;
    for (size_t i = 0; i < n; i++) {
        put(out, 0x02014b50, 4);
        put(out, 20, 2);
        put_facts(out, &entries[i]);
        for (int field = 0; field < 5; field++)
            put(out, 0, 2);
        put(out, (uint32_t)offsets[i], 4);
        sc_text_puts(out, entries[i].name);
    }
    size_t length = out->len - directory;
    put(out, 0x06054b50, 4);
    put(out, 0, 4);
    put(out, (uint32_t)n, 2);
    put(out, (uint32_t)n, 2);
    put(out, (uint32_t)length, 4);
    put(out, (uint32_t)directory, 4);
    put(out, 0, 2);
}

static struct entry plain(const char *name, const char *text)
{
    size_t n = strlen(text);
    return (struct entry){.name = name,
                          .bytes = text,
                          .n = n,
                          .size = (uint32_t)n,
                          .crc = (uint32_t)crc32_z(0, (const unsigned char *)text, n)};
}

/* Reads entry 0 of an archive of that entry alone; error->text says why not. */
static enum sc_status read_one(const struct entry *entry, struct sc_text *out,
                               struct sc_error *error)
{
    struct sc_text zip = {0};
    struct sc_archive *archive = NULL;
    make_zip(&zip, entry, 1);
    enum sc_status status = sc_archive_open(&archive, zip.data, zip.len, "test.zip", error);
    if (status == SC_OK)
        status = sc_archive_read(archive, 0, out, error);
    sc_archive_close(archive);
    sc_text_free(&zip);
    return status;
}

static void assert_refused(const struct entry *entry, const char *why)
{
    struct sc_text out = {0};
    struct sc_error error = {0};
    assert_int_equal(read_one(entry, &out, &error), SC_ERR_FORMAT);
    if (strstr(error.text, why) == NULL)
        fail_msg("expected '%s', found '%s'", why, error.text);
    assert_true(strstr(error.text, "test.zip") != NULL);
    sc_text_free(&out);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void entries_are_read_however_they_are_compressed(void **state)
{
    (void)state;
    char packed[200];
    size_t n = ZSTD_compress(packed, sizeof packed, "hello hello hello", 17, 3);
    assert_false(ZSTD_isError(n));
    struct entry zstd = plain("a/b.json", "hello hello hello");
    zstd.method = PACKED;
    zstd.bytes = packed;
    zstd.n = n;
    const struct entry stored = plain("a/b.json", "hello hello hello");
    const struct entry *const both[] = {&stored, &zstd};
    for (int i = 0; i < 2; i++) {
        struct sc_text out = {0};
        struct sc_error error = {0};
        if (read_one(both[i], &out, &error) != SC_OK)
            fail_msg("%s", error.text);
        assert_string_equal(out.data, "hello hello hello");
        sc_text_free(&out);
    }
}

static void names_are_what_stands_there(void **state)
{
    (void)state;
    const struct entry entries[] = {plain("../../etc/x", "1"), plain("a\xff\x01", "2"),
                                    plain("../../etc/x", "3")};
    struct sc_text zip = {0}, out = {0};
    struct sc_archive *archive = NULL;
    make_zip(&zip, entries, 3);
    assert_int_equal(sc_archive_open(&archive, zip.data, zip.len, "t", NULL), SC_OK);
    assert_int_equal(sc_archive_count(archive), 3);
    assert_string_equal(sc_archive_name(archive, 0), "../../etc/x");
    assert_string_equal(sc_archive_name(archive, 1), "a\xff\x01");
    assert_string_equal(sc_archive_name(archive, 3), "");
    assert_int_equal(sc_archive_read(archive, 2, &out, NULL), SC_OK);
    assert_string_equal(out.data, "3");
    sc_text_free(&out);
    assert_int_equal(sc_archive_read(archive, 3, &out, NULL), SC_ERR_FORMAT);
    sc_text_free(&out);
    sc_archive_close(archive);
    sc_text_free(&zip);
}

static void hostile_entries_are_refused_with_a_reason(void **state)
{
    (void)state;
    struct entry entry = plain("a", "hello");
    entry.flags = SEALED;
    assert_refused(&entry, "encrypted");
    entry = plain("a", "hello");
    entry.method = 12;
    assert_refused(&entry, "found method 12");
    entry = plain("a", "hello");
    entry.crc ^= 1;
    assert_refused(&entry, "damaged");
    entry = plain("a", "hello");
    entry.size = 0x7fffffff;
    entry.method = DEFLATED;
    assert_refused(&entry, "expected at most");
    entry = plain("a", "hello");
    entry.method = DEFLATED;
    assert_refused(&entry, "damaged");
    entry = plain("a", "hello");
    entry.method = PACKED;
    assert_refused(&entry, "damaged");
    entry = plain("a\x1b[2J", "hello");
    entry.method = 12;
    struct sc_error error = {0};
    struct sc_text out = {0};
    assert_int_equal(read_one(&entry, &out, &error), SC_ERR_FORMAT);
    assert_null(strchr(error.text, '\x1b'));
    sc_text_free(&out);
}

static void bombs_are_not_opened(void **state)
{
    (void)state;
    size_t size = (size_t)64 << 20, bound = 1 << 20;
    char *zeros = calloc(1, size), *packed = malloc(bound);
    assert_non_null(zeros);
    assert_non_null(packed);
    size_t n = ZSTD_compress(packed, bound, zeros, size, 1);
    assert_false(ZSTD_isError(n));
    struct entry bomb = {.name = "a", .method = PACKED, .bytes = packed, .n = n};
    bomb.size = (uint32_t)size;
    assert_refused(&bomb, "no log is compressed so far");
    bomb.size = 1000; /* it says less than there is */
    assert_refused(&bomb, "1000");
    free(zeros);
    free(packed);
}

/* Where many names are of the same bytes, little is much: what is compressed is read once. */
static void entries_that_lie_upon_each_other_are_not_read(void **state)
{
    (void)state;
    struct sc_text zip = {0}, out = {0};
    struct sc_error error = {0};
    struct sc_archive *archive = NULL;
    char text[4001] = {0};
    memset(text, 'x', sizeof text - 1);
    const struct entry entries[] = {plain("a", text), plain("a", "")};
    make_zip(&zip, entries, 2);
    /* the second name, in the directory at the end, is of the first one's bytes too */
    char *second = zip.data + zip.len - 22 - 47;
    assert_memory_equal(second, "PK\x01\x02", 4);
    memcpy(second + 16, second - 47 + 16, 12); /* checksum and lengths */
    memset(second + 42, 0, 4);
    assert_int_equal(sc_archive_open(&archive, zip.data, zip.len, "t", &error), SC_OK);
    assert_int_equal(sc_archive_read(archive, 0, &out, &error), SC_OK);
    assert_int_equal(sc_archive_read(archive, 1, &out, &error), SC_ERR_LIMIT);
    assert_non_null(strstr(error.text, "entries that lie upon each other"));
    sc_archive_close(archive);
    sc_text_free(&zip);
    sc_text_free(&out);
}

static void what_is_no_archive_is_refused(void **state)
{
    (void)state;
    struct sc_text zip = {0};
    struct sc_archive *archive = NULL;
    const struct entry entry = plain("a", "hello");
    make_zip(&zip, &entry, 1);
    assert_true(sc_archive_is(zip.data, zip.len));
    assert_false(sc_archive_is("PK", 2));
    assert_false(sc_archive_is("{\"a\": 1}", 8));
    for (size_t n = 0; n < zip.len; n++) { /* cut off anywhere */
        struct sc_error error = {0};
        assert_int_equal(sc_archive_open(&archive, zip.data, n, "t", &error), SC_ERR_FORMAT);
        assert_null(archive);
    }
    sc_text_free(&zip);
}

/* ---- writing --------------------------------------------------------------------------------- */

struct content {
    size_t n, fail_at;
    bool stop;
};

static enum sc_status name_entry(void *context, size_t i, struct sc_text *out,
                                 struct sc_error *error)
{
    (void)context;
    (void)error;
    sc_text_printf(out, "samples/\xc3\xbc%zu.json", i);
    return SC_OK;
}

static enum sc_status make_entry(void *context, size_t i, struct sc_text *out,
                                 struct sc_error *error)
{
    const struct content *content = context;
    if (i == content->fail_at)
        return sc_fail(error, SC_ERR_INTERNAL, "entry %zu does not want to", i);
    for (size_t k = 0; k < 1000 * (i + 1); k++)
        sc_text_printf(out, "%zu,", k * i);
    return out->failed ? sc_fail_nomem(error, "entry") : SC_OK;
}

static bool keep_going(void *context)
{
    const struct content *content = context;
    return !content->stop;
}

static enum sc_status write_zip(const char *path, struct content *content, struct sc_error *error)
{
    const struct sc_archive_content what = {.n = content->n,
                                            .context = content,
                                            .name = name_entry,
                                            .make = make_entry,
                                            .keep_going = keep_going};
    return sc_archive_write(path, &what, error);
}

static void make_folder(char *folder, size_t size, char *path, size_t path_size)
{
    snprintf(folder, size, "/tmp/safeconf-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, path_size, "%s/a.zip", folder);
}

static void read_file(const char *path, char **data, size_t *n)
{
    assert_int_equal(sc_file_read(path, 1 << 24, data, n, NULL), SC_OK);
}

static void what_is_written_is_read_again_and_the_same_each_time(void **state)
{
    (void)state;
    char folder[64], path[80], *first, *second;
    size_t n_first, n_second;
    struct content content = {.n = 5, .fail_at = SIZE_MAX};
    struct sc_archive *archive = NULL;
    make_folder(folder, sizeof folder, path, sizeof path);
    setenv("TZ", "Asia/Tokyo", 1);
    assert_int_equal(write_zip(path, &content, NULL), SC_OK);
    read_file(path, &first, &n_first);
    setenv("TZ", "UTC", 1);
    assert_int_equal(write_zip(path, &content, NULL), SC_OK);
    read_file(path, &second, &n_second);
    assert_int_equal(n_first, n_second);
    assert_memory_equal(first, second, n_first);
    assert_int_equal(sc_archive_open(&archive, first, n_first, path, NULL), SC_OK);
    assert_int_equal(sc_archive_count(archive), 5);
    for (size_t i = 0; i < 5; i++) {
        struct sc_text found = {0}, expected = {0}, name = {0};
        assert_int_equal(sc_archive_read(archive, i, &found, NULL), SC_OK);
        make_entry(&content, i, &expected, NULL);
        name_entry(&content, i, &name, NULL);
        assert_string_equal(found.data, expected.data);
        assert_string_equal(sc_archive_name(archive, i), name.data);
        sc_text_free(&found);
        sc_text_free(&expected);
        sc_text_free(&name);
    }
    sc_archive_close(archive);
    sc_free(first);
    sc_free(second);
    unlink(path);
    rmdir(folder); /* and nothing else is left in it */
    assert_false(sc_is_folder(folder));
}

/* What cannot be finished leaves what was there, and nothing beside it. */
static void an_archive_stands_whole_or_not_at_all(void **state)
{
    (void)state;
    char folder[64], path[80], *before, *after;
    size_t n_before, n_after;
    struct content content = {.n = 3, .fail_at = SIZE_MAX};
    struct sc_error error = {0};
    make_folder(folder, sizeof folder, path, sizeof path);
    assert_int_equal(write_zip(path, &content, NULL), SC_OK);
    read_file(path, &before, &n_before);
    content.fail_at = 1;
    assert_int_equal(write_zip(path, &content, &error), SC_ERR_INTERNAL);
    assert_string_equal(error.text, "entry 1 does not want to");
    content.fail_at = SIZE_MAX;
    content.stop = true;
    error = (struct sc_error){0};
    assert_int_equal(write_zip(path, &content, &error), SC_ERR_INTERRUPTED);
    read_file(path, &after, &n_after);
    assert_int_equal(n_before, n_after);
    assert_memory_equal(before, after, n_before);
    content.stop = false;
    error = (struct sc_error){0};
    assert_int_equal(write_zip("/nowhere/at/all.zip", &content, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "/nowhere/at/all.zip"));
    sc_free(before);
    sc_free(after);
    unlink(path);
    rmdir(folder);
    assert_false(sc_is_folder(folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read_however_they_are_compressed),
        cmocka_unit_test(names_are_what_stands_there),
        cmocka_unit_test(hostile_entries_are_refused_with_a_reason),
        cmocka_unit_test(bombs_are_not_opened),
        cmocka_unit_test(entries_that_lie_upon_each_other_are_not_read),
        cmocka_unit_test(what_is_no_archive_is_refused),
        cmocka_unit_test(what_is_written_is_read_again_and_the_same_each_time),
        cmocka_unit_test(an_archive_stands_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
