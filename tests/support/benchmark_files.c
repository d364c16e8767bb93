/* See benchmark_files.h. */
#include "benchmark_files.h"

#include "base/file.h"
#include "base/memory.h"

static char folder[] = "/tmp/safeconf-benchmark-XXXXXX";

int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

int remove_folder(void **state)
{
    (void)state;
    char command[200];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

const char *test_folder(void)
{
    return folder;
}

const char *in_folder(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

const char *write_file(const char *name, const char *text)
{
    const char *path = in_folder(name);
    char parent[300];
    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    assert_int_equal(sc_make_folders(parent, NULL), SC_OK);
    assert_int_equal(sc_file_write(path, text, strlen(text), NULL), SC_OK);
    return path;
}

struct sc_benchmark load(const struct sc_benchmark_options *options)
{
    struct sc_benchmark benchmark;
    struct sc_error error = {0};
    if (sc_benchmark_load(options, &benchmark, &error) != SC_OK)
        fail_msg("%s", error.text);
    return benchmark;
}

struct sc_benchmark load_path(const char *path)
{
    return load(&(struct sc_benchmark_options){.name = path});
}

void refuse(const struct sc_benchmark_options *options, const char *part)
{
    struct sc_benchmark benchmark;
    struct sc_error error = {0};
    assert_int_not_equal(sc_benchmark_load(options, &benchmark, &error), SC_OK);
    if (strstr(error.text, part) == NULL)
        fail_msg("expected '%s' in '%s'", part, error.text);
    assert_null(benchmark.instances);
    assert_int_equal(benchmark.n_instances, 0);
    sc_benchmark_free(&benchmark);
}

void count_labels(const struct sc_benchmark *b, size_t counts[SC_N_LABELS])
{
    memset(counts, 0, SC_N_LABELS * sizeof counts[0]);
    for (size_t i = 0; i < b->n_instances; i++)
        counts[b->instances[i].label]++;
}

void assert_labels(const struct sc_benchmark *b, const char *expected)
{
    char found[100] = "";
    assert_true(b->n_instances < sizeof found);
    for (size_t i = 0; i < b->n_instances; i++)
        found[i] = b->instances[i].label == SC_LABEL_UNSAFE ? 'u'
                   : b->instances[i].label == SC_LABEL_SAFE ? 's'
                                                            : '?';
    assert_string_equal(found, expected);
}

void assert_remark(const struct sc_benchmark *b, const char *part)
{
    const char *said = b->remarks.data != NULL ? b->remarks.data : "";
    if (part == NULL)
        assert_string_equal(said, "");
    else if (strstr(said, part) == NULL)
        fail_msg("expected '%s' in '%s'", part, said);
}

void exhaust(const struct sc_benchmark_options *options)
{
    struct sc_benchmark whole = load(options);
    size_t n_failed = 0;
    for (size_t i = 0;; i++) {
        struct sc_benchmark b;
        struct sc_error error = {0};
        sc_memory_fail_at(i);
        enum sc_status status = sc_benchmark_load(options, &b, &error);
        size_t n_asked = sc_memory_count();
        sc_memory_fail_at(SIZE_MAX);
        n_failed += status != SC_OK;
        if (status != SC_OK)
            assert_true(status == SC_ERR_NOMEM && error.text[0] != '\0' && b.instances == NULL);
        else
            assert_string_equal(b.fingerprint, whole.fingerprint);
        sc_benchmark_free(&b);
        if (n_asked <= i)
            break;
    }
    assert_true(n_failed > 10);
    sc_benchmark_free(&whole);
}
