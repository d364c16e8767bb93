/* Files of answers that people labelled: columns, labels, keys, and files that are none. */
#include "base/memory.h"
#include "benchmark/labelled.h"
#include "benchmark_files.h"

static struct sc_labels_options options_of(const char *path)
{
    return (struct sc_labels_options){.file = path};
}

static struct sc_labelled read_good(const struct sc_labels_options *options)
{
    struct sc_labelled out;
    struct sc_error error = {0};
    if (sc_labelled_read(&out, options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return out;
}

static void read_bad(const struct sc_labels_options *options, enum sc_status status,
                     const char *part)
{
    struct sc_labelled out;
    struct sc_error error = {0};
    assert_int_equal(sc_labelled_read(&out, options, &error), status);
    if (strstr(error.text, part) == NULL)
        fail_msg("expected '%s' in '%s'", part, error.text);
    assert_null(out.rows);
}

static void columns_are_found_by_their_usual_names(void **state)
{
    (void)state;
    const char *path = write_file("gold.csv", "Prompt,Response,response_refusal_label,"
                                              "response_harm_label\n"
                                              "a,x,refusal,unharmful\n"
                                              "b,y,compliance,harmful\n"
                                              "a,z,partial,\n");
    struct sc_labels_options options = options_of(path);
    struct sc_labelled found = read_good(&options);
    assert_int_equal(found.n, 3);
    assert_string_equal(found.title, "gold");
    assert_string_equal(found.rows[2].answer, "z");
    assert_int_equal(found.rows[0].refusal, SC_REFUSAL);
    assert_int_equal(found.rows[1].refusal, SC_COMPLIANCE);
    assert_int_equal(found.rows[2].refusal, SC_PARTIAL);
    assert_int_equal(found.rows[0].harm, SC_HARMLESS);
    assert_int_equal(found.rows[1].harm, SC_HARMFUL);
    assert_int_equal(found.rows[2].harm, SC_N_HARMS);
    assert_int_equal(found.n_refusals, 3);
    assert_int_equal(found.n_harms, 2);
    assert_int_equal(found.rows[0].first, 0);
    assert_int_equal(found.rows[1].first, 1);
    assert_int_equal(found.rows[2].first, 0); /* the same prompt */
    assert_int_equal(found.remarks.len, 0);
    sc_labelled_free(&found);
}

static void a_named_column_says_what_true_means(void **state)
{
    (void)state;
    const char *path = write_file("own.jsonl", "{\"q\": \"a\", \"r\": \"x\", \"complied\": true, "
                                               "\"is_safe\": false}\n"
                                               "{\"q\": \"b\", \"r\": \"y\", \"complied\": false, "
                                               "\"is_safe\": true}\n");
    struct sc_labels_options options = options_of(path);
    options.prompt_column = "q";
    options.completion_column = "r";
    struct sc_labelled found = read_good(&options);
    assert_int_equal(found.rows[0].refusal, SC_COMPLIANCE);
    assert_int_equal(found.rows[1].refusal, SC_REFUSAL);
    assert_int_equal(found.rows[0].harm, SC_HARMFUL);
    assert_int_equal(found.rows[1].harm, SC_HARMLESS);
    sc_labelled_free(&found);
}

static void what_is_not_understood_is_no_label(void **state)
{
    (void)state;
    const char *path = write_file("odd.csv", "prompt,answer,refused,harm\n"
                                             "a,x,purple\x1b[2J,0.7\n"
                                             "b,y,yes,no\n"
                                             ",z,yes,no\n");
    struct sc_labels_options options = options_of(path);
    struct sc_labelled found = read_good(&options);
    assert_int_equal(found.rows[0].refusal, SC_N_VERDICTS);
    assert_int_equal(found.rows[0].harm, SC_N_HARMS);
    assert_int_equal(found.rows[1].harm, SC_HARMLESS);
    assert_non_null(strstr(found.remarks.data, "not understood"));
    assert_null(strchr(found.remarks.data, '\x1b'));
    sc_labelled_free(&found);
}

static void keys_tell_texts_from_labels(void **state)
{
    (void)state;
    static const char *const files[] = {"prompt,response,refused\nab,c,yes\n",
                                        "prompt,response,refused\nab,c,no\n",
                                        "prompt,response,refused\na,bc,yes\n"};
    struct sc_labelled found[3];
    for (size_t i = 0; i < 3; i++) {
        struct sc_labels_options options = options_of(write_file("keys.csv", files[i]));
        found[i] = read_good(&options);
    }
    assert_string_equal(found[0].texts, found[1].texts);
    assert_string_not_equal(found[0].content, found[1].content);
    assert_string_not_equal(found[0].texts, found[2].texts);
    for (size_t i = 0; i < 3; i++)
        sc_labelled_free(&found[i]);
}

static void files_that_are_none_are_refused(void **state)
{
    (void)state;
    struct sc_labels_options options = options_of(write_file("a.csv", "a,b\n1,2\n"));
    read_bad(&options, SC_ERR_ARGUMENT, "labels-prompt-column");
    options = options_of(write_file("b.csv", "prompt,b\n1,2\n"));
    read_bad(&options, SC_ERR_ARGUMENT, "labels-completion-column");
    options = options_of(write_file("c.csv", "prompt,answer\n1,2\n"));
    read_bad(&options, SC_ERR_ARGUMENT, "labels-refusal-column");
    options.harm_column = "\x1b[2J";
    read_bad(&options, SC_ERR_ARGUMENT, "labels-harm-column");
    options = options_of(write_file("d.csv", "prompt,answer,harm\n1,2,\n"));
    read_bad(&options, SC_ERR_FORMAT, "found none");
    options = options_of("/nonexistent/e.csv");
    read_bad(&options, SC_ERR_IO, "e.csv");
}

static void memory_that_runs_out_is_an_error(void **state)
{
    (void)state;
    const char *path = write_file("gold.csv", "prompt,response,refusal,harm\n"
                                              "a,x,yes,purple\nb,y,no,yes\n,z,no,no\n");
    struct sc_labels_options options = options_of(path);
    size_t at = 0;
    for (;; at++) {
        struct sc_labelled out;
        struct sc_error error = {0};
        sc_memory_fail_at(at);
        enum sc_status status = sc_labelled_read(&out, &options, &error);
        bool all = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        if (all) {
            assert_int_equal(status, SC_OK);
            sc_labelled_free(&out);
            break;
        }
        assert_int_equal(status, SC_ERR_NOMEM);
    }
    assert_true(at > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_found_by_their_usual_names),
        cmocka_unit_test(a_named_column_says_what_true_means),
        cmocka_unit_test(what_is_not_understood_is_no_label),
        cmocka_unit_test(keys_tell_texts_from_labels),
        cmocka_unit_test(files_that_are_none_are_refused),
        cmocka_unit_test(memory_that_runs_out_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
