/* The base room: errors, memory, text, files, random numbers. */
#include <math.h>
#include <safeconf/vocabulary.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

static void first_error_wins(void **state)
{
    (void)state;
    struct sc_error error = {0};
    assert_int_equal(sc_fail(&error, SC_ERR_IO, "first %d", 1), SC_ERR_IO);
    assert_int_equal(sc_fail(&error, SC_ERR_NOMEM, "second"), SC_ERR_NOMEM);
    assert_int_equal(error.status, SC_ERR_IO);
    assert_string_equal(error.text, "first 1");
    sc_error_prefix(&error, "file %s", "x");
    assert_string_equal(error.text, "file x: first 1");
    assert_int_equal(sc_fail(NULL, SC_ERR_IO, "nowhere"), SC_ERR_IO);
}

static void errors_are_one_visible_line(void **state)
{
    (void)state;
    struct sc_error error = {0};
    sc_fail(&error, SC_ERR_IO,
            "a\x1b[31mb\nc\xe2\x80\xae"
            "d\xff");
    assert_string_equal(error.text, "a\\x1B[31mb\\nc\\u{202E}d\\xFF");
    char longer[2000];
    memset(longer, '\x01', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    error = (struct sc_error){0};
    sc_fail(&error, SC_ERR_IO, "%s", longer);
    assert_true(strlen(error.text) < sizeof error.text);
    assert_string_equal(error.text + strlen(error.text) - 3, "...");
}

/* A message in a place that guards the bytes behind it. */
struct guarded_error {
    struct sc_error error;
    char guard[32];
};

static void check_guarded(const char *message, struct guarded_error *out)
{
    memset(out, 0x5a, sizeof *out);
    out->error = (struct sc_error){0};
    sc_fail(&out->error, SC_ERR_IO, "%s", message);
    for (size_t i = 0; i < sizeof out->guard; i++)
        assert_int_equal(out->guard[i], 0x5a);
    assert_true(strlen(out->error.text) < sizeof out->error.text);
}

/* Every length around the size of the place, with a last character of every width that is shown
 * escaped. */
static void an_error_never_writes_past_its_text(void **state)
{
    (void)state;
    static const char *const last[] = {
        "a", "\n", "\x01", "\xff", "\xc2\x9b", "\xe2\x80\xae", "\xf3\xa0\x81\x81", "\xc3\xa9"};
    enum { SIZE = sizeof(((struct sc_error *)NULL)->text) };
    for (size_t k = 0; k < sizeof last / sizeof *last; k++)
        for (size_t n = SIZE - 20; n < SIZE + 20; n++) {
            char message[SIZE + 40];
            memset(message, 'a', n);
            strcpy(message + n, last[k]);
            struct guarded_error found;
            check_guarded(message, &found);
            size_t length = strlen(found.error.text);
            bool whole = strncmp(found.error.text, message, n) == 0 && length > n;
            if (!whole)
                assert_string_equal(found.error.text + length - 3, "...");
        }
}

static void sizes_do_not_wrap(void **state)
{
    (void)state;
    assert_null(sc_alloc_array(SIZE_MAX / 2, 3));
    assert_null(sc_alloc_zero(SIZE_MAX / 8, 16));
    assert_null(sc_alloc_aligned(SIZE_MAX - 3));
    assert_true(sc_size_mul(SIZE_MAX, 2) == SIZE_MAX);
    assert_true(sc_size_add(SIZE_MAX, 1) == SIZE_MAX);
    void *p = sc_alloc_aligned(3);
    assert_int_equal((uintptr_t)p % 64, 0);
    sc_free(p);
}

static void chosen_allocation_fails_once(void **state)
{
    (void)state;
    sc_memory_fail_at(1);
    void *a = sc_alloc(8), *b = sc_alloc(8), *c = sc_alloc(8);
    assert_non_null(a);
    assert_null(b);
    assert_non_null(c);
    assert_int_equal(sc_memory_count(), 3);
    sc_memory_fail_at(SIZE_MAX);
    sc_free(a);
    sc_free(c);
}

/* Every code point survives, and every other byte string is refused as Python's decoder does. */
static void utf8_is_strict(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        char bytes[4];
        uint32_t back = 0;
        size_t n = sc_utf8_encode(cp, bytes);
        size_t got = sc_utf8_decode(bytes, n, &back);
        if (cp >= 0xD800 && cp <= 0xDFFF) {
            assert_int_equal(got, 0);
        } else {
            assert_int_equal(got, n);
            assert_int_equal(back, cp);
            if (n > 1)
                assert_int_equal(sc_utf8_decode(bytes, n - 1, &back), 0);
        }
    }
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x80\x80",
                                      "\xF0\x80\x80\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80",
                                      "\xFF",
                                      "\xED\xA0\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(sc_utf8_valid(bad[i], strlen(bad[i])), 0);
}

static void repair_replaces_maximal_subparts(void **state)
{
    (void)state;
    /* Expected values from CPython: bytes.decode("utf-8", "replace"). */
    static const struct {
        const char *in, *out;
        size_t n;
    } cases[] = {
        {"a\xE2\x82z", "a\xEF\xBF\xBDz", 4},
        {"\xF0\x9F\x92", "\xEF\xBF\xBD", 3},
        {"\xE0\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", 3},
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", 3},
        {"a\0b",
         "a\xEF\xBF\xBD"
         "b",
         3},
        {"", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_text text = {0};
        sc_text_add_repaired(&text, cases[i].in, cases[i].n);
        char *got = sc_text_take(&text);
        assert_string_equal(got, cases[i].out);
        sc_free(got);
    }
}

static void hostile_text_is_made_visible(void **state)
{
    (void)state;
    static const char hostile[] = "<b title=\"\" onload='x'>&\x1b]0;t\x07\xC2\x9B\xE2\x81\xA6\n\t";
    struct sc_text text = {0};
    sc_text_add_html(&text, hostile, sizeof hostile - 1);
    assert_string_equal(
        text.data,
        "&lt;b title=&quot;&quot; onload=&#39;x&#39;&gt;&amp;\\x1B]0;t\\x07\\x9B\\u{2066}\n\t");
    sc_text_clear(&text);
    sc_text_add_visible(&text, hostile, sizeof hostile - 1, false);
    assert_string_equal(text.data, "<b title=\"\" onload='x'>&\\x1B]0;t\\x07\\x9B\\u{2066}\\n\\t");
    sc_text_free(&text);
}

static void text_survives_lost_memory(void **state)
{
    (void)state;
    struct sc_text text = {0};
    sc_memory_fail_at(0);
    sc_text_puts(&text, "lost");
    sc_memory_fail_at(SIZE_MAX);
    sc_text_puts(&text, "more");
    assert_true(text.failed);
    assert_null(sc_text_take(&text));
}

/* A limit on the size of files stands in for a full disk: the file that is there stays whole. */
static void fails_on_a_full_disk(const char *file)
{
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = before;
    small.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    static char large[5000];
    struct sc_error error = {0};
    enum sc_status status = sc_file_write(file, large, sizeof large, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, SC_ERR_IO);
    char *data;
    size_t n;
    assert_int_equal(sc_file_read(file, 100, &data, &n, NULL), SC_OK);
    assert_int_equal(n, 7);
    sc_free(data);
}

static void a_folder_without_a_name_is_refused(void **state)
{
    (void)state;
    struct sc_error error = {0};
    assert_int_equal(sc_make_folders("", &error), SC_ERR_ARGUMENT);
    assert_string_equal(error.text, "expected the name of a folder, found \"\"");
}

static void check_last(const char *path, const char *expected)
{
    size_t n;
    const char *last = sc_path_last(path, &n);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(last, expected, n);
}

static void the_last_part_of_a_path_has_no_slashes(void **state)
{
    (void)state;
    check_last("a/b/c", "c");
    check_last("a/b//", "b");
    check_last("name", "name");
    check_last("/", "");
    check_last("", "");
}

static void names_hold_plain_characters_alone(void **state)
{
    (void)state;
    struct sc_text text = {0};
    assert_true(sc_text_add_name(&text, "Ab-1_.x", 7, '_'));
    assert_false(sc_text_add_name(&text, "/a b\xc3\xa9\x1b", 7, '-'));
    assert_string_equal(text.data, "Ab-1_.x-a-b---");
    sc_text_free(&text);
    assert_true(sc_is_word_char('_') && sc_is_word_char('\xc3') && !sc_is_word_char('-'));
}

static void files_are_whole_or_missing(void **state)
{
    (void)state;
    char folder[] = "/tmp/safeconf-base-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct sc_error error = {0};
    char *deep = sc_path_join(folder, "a/b/c"), *file = sc_path_join(folder, "a/b/c/f");
    assert_int_equal(sc_make_folders(deep, &error), SC_OK);
    assert_int_equal(sc_make_folders(deep, &error), SC_OK);
    assert_int_equal(sc_make_folders("/", &error), SC_OK);
    assert_int_equal(sc_make_folders(file, &error), SC_OK);
    assert_int_equal(rmdir(file), 0);
    assert_int_equal(sc_file_write(file, "one\0two", 7, &error), SC_OK);
    char *data;
    size_t n;
    assert_int_equal(sc_file_read(file, 7, &data, &n, &error), SC_OK);
    assert_int_equal(n, 7);
    assert_memory_equal(data, "one\0two", 8);
    sc_free(data);
    assert_int_equal(sc_file_read(file, 6, &data, &n, &error), SC_ERR_LIMIT);
    error = (struct sc_error){0};
    assert_int_equal(sc_file_read(deep, 6, &data, &n, &error), SC_ERR_IO);
    error = (struct sc_error){0};
    assert_int_equal(sc_file_write(deep, "x", 1, &error), SC_ERR_IO); /* a folder is there */
    error = (struct sc_error){0};
    fails_on_a_full_disk(file);
    struct sc_map map;
    assert_int_equal(sc_map_open(&map, file, &error), SC_OK);
    assert_int_equal(map.size, 7);
    assert_memory_equal(map.data, "one\0two", 7);
    sc_map_close(&map);
    char command[300];
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    sc_free(deep);
    sc_free(file);
}

/* The Random123 distribution's known answers for philox4x32-10. */
static void random_is_philox(void **state)
{
    (void)state;
    uint64_t zero = sc_random_bits((enum sc_stream)0, 0, 0, 0, 0);
    assert_int_equal((uint32_t)zero, 0x6627e8d5);
    uint64_t ones =
        sc_random_bits((enum sc_stream)0, UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX);
    assert_int_equal((uint32_t)ones, 0x408f276d);
    assert_true(sc_random_bits(SC_STREAM_SAMPLING, 1, 2, 3, 4) !=
                sc_random_bits(SC_STREAM_STATISTICS, 1, 2, 3, 4));
}

static void uniforms_are_uniform(void **state)
{
    (void)state;
    enum { N = 100000, BINS = 20 };
    size_t counts[BINS] = {0};
    double sum = 0;
    for (uint32_t i = 0; i < N; i++) {
        double u = sc_random_uniform(SC_STREAM_SAMPLING, 5, 77, i % 10, i / 10);
        assert_true(u > 0 && u < 1);
        counts[(size_t)(u * BINS)]++;
        sum += u;
    }
    assert_true(fabs(sum / N - 0.5) < 5 * sqrt(1.0 / 12 / N));
    double chi2 = 0;
    for (size_t i = 0; i < BINS; i++)
        chi2 += pow((double)counts[i] - (double)N / BINS, 2) / ((double)N / BINS);
    assert_true(chi2 < 51); /* 19 degrees of freedom: p = 1e-4 */
    struct sc_random random = {SC_STREAM_STATISTICS, 1, 0, 0};
    size_t seen[7] = {0};
    for (size_t i = 0; i < 7000; i++)
        seen[sc_random_below(&random, 7)]++;
    for (size_t i = 0; i < 7; i++)
        assert_in_range(seen[i], 850, 1150);
}

/* What is drawn in lanes is what is drawn one by one: also past the carry of a counter, in odd
 * numbers, and where a value may have to be rejected. */
static void many_random_numbers_are_the_same_numbers(void **state)
{
    (void)state;
    static const struct sc_random starts[] = {{SC_STREAM_STATISTICS, 7, 1, 0},
                                              {SC_STREAM_BENCHMARK, UINT64_MAX, 0xfeedbeefcafe, 0},
                                              {SC_STREAM_STATISTICS, 0, 2, UINT32_MAX - 7}};
    static const size_t below[] = {1, 7, 20000, (size_t)1 << 20, UINT32_MAX};
    enum { MOST = 100 };
    double units[MOST];
    uint32_t picks[MOST];
    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
        for (size_t n = 0; n <= MOST; n += n < 35 ? 1 : 13) {
            struct sc_random many = starts[s], one = starts[s];
            sc_random_fill(&many, units, n);
            for (size_t i = 0; i < n; i++)
                assert_true(!(units[i] < sc_random_next(&one)) && !(units[i] > 1));
            assert_true(many.counter == one.counter);
            one = many = starts[s];
            sc_random_fill(&many, units, n);
            for (size_t i = 0; i < n; i++)
                assert_true(!(units[i] > sc_random_next(&one)));
            for (size_t b = 0; b < sizeof below / sizeof *below; b++) {
                one = many;
                sc_random_fill_below(&many, below[b], picks, n);
                for (size_t i = 0; i < n; i++)
                    assert_int_equal(picks[i], sc_random_below(&one, below[b]));
                assert_true(many.counter == one.counter);
            }
        }
}

static void names_go_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < SC_N_VERDICTS; i++)
        assert_int_equal(sc_verdict_parse(sc_verdict_name((enum sc_verdict)i)), i);
    for (int i = 0; i < SC_N_METRICS; i++)
        assert_int_equal(sc_metric_parse(sc_metric_name((enum sc_metric)i)), i);
    for (int i = 0; i < SC_N_FINISHES; i++)
        assert_int_equal(sc_finish_parse(sc_finish_name((enum sc_finish)i)), i);
    assert_int_equal(sc_label_parse("dangerous"), -1);
    assert_string_equal(sc_harm_name((enum sc_harm)99), "?");
    assert_string_equal(sc_status_text(SC_ERR_NOMEM), "out of memory");
}

static void parts_of_dead_processes_are_removed_at_the_next_write(void **state)
{
    (void)state;
    char folder[] = "/tmp/safeconf-parts-XXXXXX", path[80], part[120];
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.json", folder);
    const struct {
        const char *name;
        long writer;
        bool stays;
    } left[] = {{"a.json.part-", dead, false},
                {"a.json.part-", getppid(), true}, /* may be writing now */
                {"b.json.part-", dead, true},      /* of another file */
                {"a.json.part-x", dead, true},
                {"xa.json.part-", dead, true}};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        snprintf(part, sizeof part, "%s/%s%ld", folder, left[i].name, left[i].writer);
        FILE *file = fopen(part, "w");
        assert_non_null(file);
        fclose(file);
    }
    assert_int_equal(sc_file_write(path, "x", 1, NULL), SC_OK);
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        snprintf(part, sizeof part, "%s/%s%ld", folder, left[i].name, left[i].writer);
        assert_int_equal(sc_file_exists(part), left[i].stays);
        unlink(part);
    }
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

/* A link to itself cannot be looked at, not even by root. */
static void what_cannot_be_looked_at_is_not_taken_to_be_absent(void **state)
{
    (void)state;
    char folder[] = "/tmp/safeconf-looks-XXXXXX", path[80], inner[100];
    struct sc_error error = {0};
    bool found = true;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/loop", folder);
    snprintf(inner, sizeof inner, "%s/config.json", path);
    assert_false(sc_file_exists(path));
    assert_false(sc_file_exists(inner));
    assert_int_equal(sc_folder_look(path, &found, NULL), SC_OK);
    assert_false(found);
    assert_int_equal(sc_folder_look(folder, &found, NULL), SC_OK);
    assert_true(found);
    assert_int_equal(symlink(path, path), 0);
    assert_true(sc_file_exists(path));
    assert_true(sc_file_exists(inner));
    assert_false(sc_is_folder(path));
    assert_int_equal(sc_folder_look(path, &found, &error), SC_ERR_IO);
    assert_false(found);
    assert_non_null(strstr(error.text, "loop: cannot look at it: Too many levels"));
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(errors_are_one_visible_line),
        cmocka_unit_test(an_error_never_writes_past_its_text),
        cmocka_unit_test(sizes_do_not_wrap),
        cmocka_unit_test(chosen_allocation_fails_once),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(repair_replaces_maximal_subparts),
        cmocka_unit_test(hostile_text_is_made_visible),
        cmocka_unit_test(text_survives_lost_memory),
        cmocka_unit_test(a_folder_without_a_name_is_refused),
        cmocka_unit_test(the_last_part_of_a_path_has_no_slashes),
        cmocka_unit_test(names_hold_plain_characters_alone),
        cmocka_unit_test(files_are_whole_or_missing),
        cmocka_unit_test(random_is_philox),
        cmocka_unit_test(uniforms_are_uniform),
        cmocka_unit_test(many_random_numbers_are_the_same_numbers),
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(parts_of_dead_processes_are_removed_at_the_next_write),
        cmocka_unit_test(what_cannot_be_looked_at_is_not_taken_to_be_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
