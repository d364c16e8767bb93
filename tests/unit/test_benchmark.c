/* Benchmarks: columns, files of known benchmarks, ids, sampling, the synthetic one.  Labels:
 * test_labels.c; messages: test_messages.c. */
#include "base/file.h"
#include "base/memory.h"
#include "benchmark/loaders.h"
#include "benchmark_files.h"

/* ---- columns --------------------------------------------------------------------- */

static void a_file_of_one_s_own_is_read_by_its_usual_columns(void **state)
{
    (void)state;
    const char *path = write_file("own.csv", "id,prompt,label,category\n"
                                             "a,How?,unsafe,x\n"
                                             "b,  ,unsafe,x\n"
                                             "c,Why?,perhaps,\n"
                                             "d,When?\n"
                                             "e,Who?,0,y\n");
    struct sc_benchmark b = load(&(struct sc_benchmark_options){.name = path});
    assert_string_equal(b.name, "own");
    assert_string_equal(b.source, path);
    assert_int_equal(b.n_instances, 4);
    assert_int_equal(b.n_available, 4);
    assert_int_equal(b.n_skipped, 1);
    assert_int_equal(b.n_unlabelled, 1);
    assert_int_equal(b.n_misread, 1);
    assert_string_equal(b.instances[0].id, "a");
    assert_string_equal(b.instances[0].category, "x");
    assert_null(b.instances[0].extra);
    assert_int_equal(b.instances[0].label, SC_LABEL_UNSAFE);
    assert_int_equal(b.instances[1].label, SC_LABEL_UNKNOWN); /* not understood */
    assert_int_equal(b.instances[2].label, SC_LABEL_UNKNOWN); /* missing: never safe */
    assert_string_equal(b.instances[2].category, "");
    assert_int_equal(b.instances[3].label, SC_LABEL_SAFE);
    sc_benchmark_free(&b);
    sc_benchmark_free(&b);
    sc_benchmark_free(NULL);
}

static void columns_can_be_named(void **state)
{
    (void)state;
    const char *path = write_file(
        "named.jsonl", "{\"q\": \"How?\", \"verdict\": \"bad\", \"n\": 7, \"kind\": \"k\"}\n"
                       "{\"q\": \"Why?\", \"verdict\": \"fine\", \"n\": 8}\n"
                       "{\"q\": \"When?\", \"verdict\": null, \"n\": 9}\n");
    struct sc_benchmark_options o = {.name = path,
                                     .prompt_column = "q",
                                     .label_column = "verdict",
                                     .unsafe_values = (const char *const[]){"bad"},
                                     .n_unsafe_values = 1,
                                     .category_column = "kind",
                                     .id_column = "n"};
    struct sc_benchmark b = load(&o);
    assert_int_equal(b.n_instances, 3);
    assert_string_equal(b.instances[0].id, "7");
    assert_string_equal(b.instances[0].category, "k");
    assert_int_equal(b.instances[0].label, SC_LABEL_UNSAFE);
    assert_int_equal(b.instances[1].label, SC_LABEL_SAFE);
    assert_int_equal(b.instances[2].label, SC_LABEL_UNKNOWN);
    sc_benchmark_free(&b);

    refuse(&(struct sc_benchmark_options){.name = path}, "no column 'prompt'");
    refuse(&(struct sc_benchmark_options){.name = path}, "q, verdict, n, kind");
    o.label_column = "nope";
    refuse(&o, "no column 'nope' (--label-column): the file has q, verdict");
    o.label_column = "verdict";
    o.id_column = "kind"; /* two rows lack it: numbered instead */
    b = load(&o);
    assert_string_equal(b.instances[0].id, "k");
    assert_string_equal(b.instances[1].id, "named_1");
    sc_benchmark_free(&b);
    o.id_column = NULL;
    o.label_column = NULL;
    refuse(&o, "--unsafe-value needs a label column");
    o.n_unsafe_values = 0;
    o.split = "test";
    refuse(&o, "no splits");
}

static void what_a_file_lacks_is_named(void **state)
{
    (void)state;
    refuse(&(struct sc_benchmark_options){.name = NULL}, "expected synthetic");
    refuse(&(struct sc_benchmark_options){.name = ""}, "expected synthetic");
    refuse(&(struct sc_benchmark_options){.name = "nonsense"}, "benchmark 'nonsense'");
    refuse(&(struct sc_benchmark_options){.name = "nonsense"}, "toxicchat");
    refuse(&(struct sc_benchmark_options){.name = "/absent/x.csv"}, "/absent/x.csv");
    refuse(&(struct sc_benchmark_options){.name = test_folder()}, test_folder());
    const char *path = write_file("same.csv", "id,prompt\n1,a\n2,b\n1,c\n");
    refuse(&(struct sc_benchmark_options){.name = path}, "lines 2 and 4: two rows have the id '1'");
    refuse(&(struct sc_benchmark_options){.name = path}, "--id-column none");
    struct sc_benchmark b = load(&(struct sc_benchmark_options){.name = path, .id_column = "none"});
    assert_string_equal(b.instances[0].id, "same_0");
    assert_string_equal(b.instances[2].id, "same_2");
    assert_int_equal(b.instances[2].line, 4);
    sc_benchmark_free(&b);
    path = write_file("lines.jsonl", "\n{\"id\": 7, \"prompt\": \"a\"}\n\n{\"id\": 7, \"prompt\": "
                                     "\"b\"}\n");
    refuse(&(struct sc_benchmark_options){.name = path}, "lines 2 and 4: two rows have the id '7'");
    path = write_file("blank.csv", "id,prompt\n1,\n2,  \n");
    refuse(&(struct sc_benchmark_options){.name = path}, "none of 2 rows has a prompt");
    path = write_file("broken.jsonl", "{\"user_input\": ");
    refuse(&(struct sc_benchmark_options){.name = path, .prompt_column = "user_input"}, "line 1");
    path = write_file("other.jsonl", "{\"other\": 1}\n");
    refuse(&(struct sc_benchmark_options){.name = path, .prompt_column = "user_input"},
           "no column 'user_input'");
}

/* ---- known benchmarks ------------------------------------------------------------------------ */

static void toxicchat_has_splits_ids_and_two_judgements(void **state)
{
    (void)state;
    write_file(
        "data/toxicchat/test.jsonl",
        "{\"conv_id\": \"c0\", \"user_input\": \"a\", \"human_annotation\": true, "
        "\"toxicity\": 1, \"jailbreaking\": 0}\n"
        "{\"conv_id\": \"c1\", \"user_input\": \"\", \"toxicity\": 0}\n"
        "{\"conv_id\": \"c2\", \"user_input\": \"b\", \"toxicity\": 0, \"jailbreaking\": 0}\n"
        "{\"conv_id\": \"c3\", \"user_input\": \"c\", \"toxicity\": 1, \"jailbreaking\": 1}\n"
        "{\"conv_id\": \"c4\", \"user_input\": \"d\"}\n");
    char data[300];
    snprintf(data, sizeof data, "%s/data", test_folder());
    setenv("SAFECONF_DATA", data, 1);
    struct sc_benchmark b = load(&(struct sc_benchmark_options){.name = "toxicchat"});
    assert_string_equal(b.name, "toxicchat");
    assert_int_equal(b.n_instances, 4);
    assert_int_equal(b.n_skipped, 1);
    assert_string_equal(b.instances[0].id, "toxicchat_test_0");
    assert_string_equal(b.instances[1].id, "toxicchat_test_2"); /* the row in the file */
    assert_int_equal(b.instances[0].label, SC_LABEL_UNSAFE);
    assert_int_equal(b.instances[1].label, SC_LABEL_SAFE);
    assert_int_equal(b.instances[3].label, SC_LABEL_UNKNOWN);
    assert_string_equal(b.instances[0].category, "toxic");
    assert_string_equal(b.instances[1].category, "benign");
    assert_string_equal(b.instances[2].category, "jailbreaking");
    assert_string_equal(b.instances[3].category, "");
    assert_string_equal(b.instances[0].extra, "{\"jailbreaking\":\"0\",\"human_annotation\":"
                                              "\"true\",\"conv_id\":\"c0\"}");
    char fingerprint[17];
    memcpy(fingerprint, b.fingerprint, sizeof fingerprint);
    sc_benchmark_free(&b);

    /* by path, by folder, and with the columns named: the same instances */
    char path[400];
    snprintf(path, sizeof path, "%s/toxicchat/test.jsonl", data);
    struct sc_benchmark_options ways[] = {{.name = path},
                                          {.name = "toxicchat", .folder = data},
                                          {.name = "toxicchat", .split = "test"},
                                          {.name = path,
                                           .prompt_column = "user_input",
                                           .label_column = "toxicity",
                                           .unsafe_values = (const char *const[]){"1"},
                                           .n_unsafe_values = 1}};
    for (size_t i = 0; i < 4; i++) {
        b = load(&ways[i]);
        assert_string_equal(b.fingerprint, fingerprint);
        sc_benchmark_free(&b);
    }
    refuse(&(struct sc_benchmark_options){.name = "toxicchat", .split = "train"}, "train.jsonl");
    refuse(&(struct sc_benchmark_options){.name = "toxicchat", .split = "train"}, data);
    refuse(&(struct sc_benchmark_options){.name = "toxicchat", .split = "../test"},
           "train or test");
    refuse(&(struct sc_benchmark_options){.name = "xstest", .split = "test"}, "no splits");
    refuse(&(struct sc_benchmark_options){.name = "xstest", .folder = "/absent"}, "/absent/xstest");
    unsetenv("SAFECONF_DATA");
}

static void a_known_benchmark_is_recognised_by_its_columns(void **state)
{
    (void)state;
    const char *path =
        write_file("h.csv", "Behavior,FunctionalCategory,SemanticCategory,Tags,"
                            "ContextString,BehaviorID\n"
                            "Do it,standard,illegal,,,one\n"
                            "Edit it,contextual,harmful,context,\"Some\ntext\",two\n");
    struct sc_benchmark b = load(&(struct sc_benchmark_options){.name = path});
    assert_string_equal(b.name, "harmbench");
    assert_string_equal(b.instances[0].prompt, "Do it");
    assert_string_equal(b.instances[1].prompt, "Some\ntext\n\n---\n\nEdit it");
    assert_string_equal(b.instances[1].id, "two");
    assert_string_equal(b.instances[0].category, "illegal");
    assert_string_equal(b.instances[0].extra, "{\"FunctionalCategory\":\"standard\"}");
    assert_int_equal(b.instances[0].label, SC_LABEL_UNSAFE);
    sc_benchmark_free(&b);

    path = write_file("test.jsonl", "{\"Behavior\": \"Edit it\", \"Category\": \"harmful\", "
                                    "\"ContextString\": \"Some text\"}\n");
    b = load(&(struct sc_benchmark_options){.name = path});
    assert_string_equal(b.name, "harmbench");
    assert_string_equal(b.instances[0].prompt, "Some text\n\n---\n\nEdit it");
    assert_string_equal(b.instances[0].category, "harmful");
    assert_int_equal(b.instances[0].label, SC_LABEL_UNSAFE);
    sc_benchmark_free(&b);

    path = write_file("wildguard_test.csv",
                      "prompt,adversarial,response,prompt_harm_label,response_refusal_label,"
                      "response_harm_label,subcategory\n"
                      "p1,true,r1,harmful,refusal,unharmful,privacy\n"
                      "p2,false,r2,unharmful,compliance,unharmful,benign\n"
                      "p3,false,r3,,,,\n");
    b = load(&(struct sc_benchmark_options){.name = path});
    assert_string_equal(b.name, "wildguardmix");
    assert_string_equal(b.instances[0].id, "wildguardmix_test_0");
    assert_string_equal(b.instances[0].category, "privacy");
    assert_non_null(strstr(b.instances[0].extra, "\"response_refusal_label\":\"refusal\""));
    assert_int_equal(b.instances[0].label, SC_LABEL_UNSAFE);
    assert_int_equal(b.instances[1].label, SC_LABEL_SAFE);
    assert_int_equal(b.instances[2].label, SC_LABEL_UNKNOWN);
    sc_benchmark_free(&b);
}

static void the_published_files_are_read_whole(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name;
        size_t n, labels[SC_N_LABELS];
    } files[] = {
        {"toxicchat/train.jsonl", "toxicchat", 2801, {2417, 384, 0}},
        {"toxicchat/test.jsonl", "toxicchat", 2853, {2491, 362, 0}},
        {"harmbench/harmbench_behaviors_text_all.csv", "harmbench", 400, {0, 400, 0}},
        {"strongreject/strongreject_dataset.csv", "strongreject", 313, {0, 313, 0}},
        {"advbench/advbench_behaviors.csv", "advbench", 520, {0, 520, 0}},
        {"xstest/xstest_prompts.csv", "xstest", 450, {250, 200, 0}},
    };
    size_t n_read = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/data/%s", TEST_SHARED, files[i].path);
        if (!sc_file_exists(path))
            continue;
        struct sc_benchmark b = load(&(struct sc_benchmark_options){.name = path});
        size_t labels[SC_N_LABELS];
        count_labels(&b, labels);
        assert_string_equal(b.name, files[i].name);
        assert_int_equal(b.n_instances, files[i].n);
        assert_memory_equal(labels, files[i].labels, sizeof labels);
        assert_int_equal(b.n_skipped + b.n_misread + b.n_unlabelled, 0);
        sc_benchmark_free(&b);
        n_read++;
    }
    if (n_read == 0)
        skip();
}

/* ---- sampling -------------------------------------------------------------------------------- */

static const char *write_numbers(void)
{
    char text[4000], *end = text + sprintf(text, "id,prompt\n");
    for (int i = 0; i < 100; i++)
        end += sprintf(end, "%02d,prompt %d\n", i, i);
    return write_file("numbers.csv", text);
}

static void a_sample_keeps_the_order_and_repeats_with_its_seed(void **state)
{
    (void)state;
    const char *path = write_numbers();
    struct sc_benchmark all = load(&(struct sc_benchmark_options){.name = path});
    struct sc_benchmark_options o = {.name = path, .n_instances = 10, .seed = 3};
    struct sc_benchmark a = load(&o), b = load(&o);
    assert_int_equal(a.n_instances, 10);
    assert_int_equal(a.n_available, 100);
    assert_string_equal(a.fingerprint, all.fingerprint); /* of the whole */
    for (size_t i = 0; i < 10; i++) {
        assert_string_equal(a.instances[i].id, b.instances[i].id);
        if (i > 0) /* the order of the benchmark, nothing twice */
            assert_true(strcmp(a.instances[i - 1].id, a.instances[i].id) < 0);
    }
    sc_benchmark_free(&b);
    o.seed = 4;
    b = load(&o);
    size_t n_same = 0;
    for (size_t i = 0; i < 10; i++)
        n_same += strcmp(a.instances[i].id, b.instances[i].id) == 0;
    assert_true(n_same < 10);
    sc_benchmark_free(&b);
    o.first = true;
    b = load(&o);
    for (size_t i = 0; i < 10; i++)
        assert_string_equal(b.instances[i].id, all.instances[i].id);
    sc_benchmark_free(&b);
    o.n_instances = 1000; /* more than there are: all */
    o.first = false;
    b = load(&o);
    assert_int_equal(b.n_instances, 100);
    sc_benchmark_free(&b);
    sc_benchmark_free(&a);
    sc_benchmark_free(&all);
}

/* The sample of a seed is part of the contract: these ids were drawn once and must never change. */
static void a_sample_is_the_same_everywhere(void **state)
{
    (void)state;
    struct sc_benchmark b =
        load(&(struct sc_benchmark_options){.name = write_numbers(), .n_instances = 5, .seed = 0});
    static const char *const expected[] = {"10", "32", "44", "76", "81"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(b.instances[i].id, expected[i]);
    sc_benchmark_free(&b);
}

/* Each of 10 rows should be drawn in about 3/10 of the samples of 3: chi-square with 9 degrees of
 * freedom stays below 27.9 with probability 0.999 (draws without replacement vary less). */
static void every_row_is_as_likely_in_a_sample(void **state)
{
    (void)state;
    char text[400], *end = text + sprintf(text, "id,prompt\n");
    for (int i = 0; i < 10; i++)
        end += sprintf(end, "%d,p\n", i);
    const char *path = write_file("ten.csv", text);
    double counts[10] = {0}, chi = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct sc_benchmark b =
            load(&(struct sc_benchmark_options){.name = path, .n_instances = 3, .seed = seed});
        for (size_t i = 0; i < 3; i++)
            counts[b.instances[i].id[0] - '0']++;
        sc_benchmark_free(&b);
    }
    for (int i = 0; i < 10; i++)
        chi += (counts[i] - 150) * (counts[i] - 150) / 150;
    assert_true(chi < 27.9);
}

static void the_fingerprint_follows_the_content(void **state)
{
    (void)state;
    const char *texts[] = {
        "id,prompt,label,category\n1,a,0,x\n", "id,prompt,label,category\n2,a,0,x\n",
        "id,prompt,label,category\n1,b,0,x\n", "id,prompt,label,category\n1,a,1,x\n",
        "id,prompt,label,category\n1,a,0,y\n", "id,prompt,label,category\n1,a,0,x\n2,a,0,x\n"};
    char seen[6][17];
    for (size_t i = 0; i < 6; i++) {
        struct sc_benchmark b =
            load(&(struct sc_benchmark_options){.name = write_file("f.csv", texts[i])});
        memcpy(seen[i], b.fingerprint, 17);
        assert_int_equal(strlen(seen[i]), 16);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(seen[i], seen[j]);
        sc_benchmark_free(&b);
    }
}

/* ---- synthetic ------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void check_distinct(const struct sc_benchmark *b, bool ids)
{
    char **texts = malloc(b->n_instances * sizeof *texts);
    assert_non_null(texts);
    for (size_t i = 0; i < b->n_instances; i++)
        texts[i] = ids ? b->instances[i].id : b->instances[i].prompt;
    qsort(texts, b->n_instances, sizeof *texts, compare);
    for (size_t i = 1; i < b->n_instances; i++)
        assert_string_not_equal(texts[i - 1], texts[i]);
    free(texts);
}

static void the_synthetic_benchmark_is_even_and_nested(void **state)
{
    (void)state;
    struct sc_benchmark b = load(&(struct sc_benchmark_options){.name = "synthetic"});
    size_t labels[SC_N_LABELS];
    count_labels(&b, labels);
    assert_int_equal(b.n_instances, 200);
    assert_int_equal(labels[SC_LABEL_UNSAFE], 100);
    assert_int_equal(labels[SC_LABEL_SAFE], 100);
    assert_string_equal(b.source, "built in");
    check_distinct(&b, true);
    check_distinct(&b, false);
    for (size_t i = 0; i < b.n_instances; i++) {
        assert_null(strchr(b.instances[i].prompt, '{'));
        assert_true(b.instances[i].category[0] != '\0');
        assert_non_null(strstr(b.instances[i].extra, "\"target\":"));
    }
    /* the first K of N are the run of K, and a seed gives its own choice */
    struct sc_benchmark_options o = {.name = "synthetic", .n_instances = 31};
    struct sc_benchmark few = load(&o);
    count_labels(&few, labels);
    assert_int_equal(labels[SC_LABEL_UNSAFE], 16);
    assert_int_equal(labels[SC_LABEL_SAFE], 15);
    for (size_t i = 0; i < 31; i++)
        assert_string_equal(few.instances[i].id, b.instances[i].id);
    o.seed = 1;
    struct sc_benchmark other = load(&o);
    assert_string_not_equal(other.fingerprint, few.fingerprint);
    sc_benchmark_free(&other);
    sc_benchmark_free(&few);

    o.n_instances = b.n_available;
    struct sc_benchmark all = load(&o);
    assert_int_equal(all.n_instances, b.n_available);
    assert_true(all.n_instances >= 1000);
    check_distinct(&all, true);
    check_distinct(&all, false);
    count_labels(&all, labels);
    assert_int_equal(labels[SC_LABEL_UNSAFE], labels[SC_LABEL_SAFE]);
    sc_benchmark_free(&all);
    char most[60];
    snprintf(most, sizeof most, "at most %zu", b.n_available);
    o.n_instances = b.n_available + 1;
    refuse(&o, most);
    o.n_instances = 0;
    o.split = "test";
    refuse(&o, "no splits");
    sc_benchmark_free(&b);
}

static void names_and_splits_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "synthetic",     "toxicchat", "harmbench",      "wildguardmix",      "xstest",
        "strongreject",  "advbench",  "jailbreakbench", "maliciousinstruct", "simplesafetytests",
        "donotanswer",   "orbench",   "sorrybench",     "beavertails",       "multijail",
        "ayaredteaming", "coconot"};
    size_t n = sizeof names / sizeof *names;
    for (size_t i = 0; i < n; i++)
        assert_string_equal(sc_benchmark_name(i), names[i]);
    assert_null(sc_benchmark_name(n));
}

static void exhausted_memory_is_an_error(void **state)
{
    (void)state;
    const char *path =
        write_file("memory.csv", "user_input,toxicity,jailbreaking\na,1,0\nb,0,1\nc,,\n");
    exhaust(&(struct sc_benchmark_options){.name = path, .n_instances = 2});
    exhaust(&(struct sc_benchmark_options){.name = "synthetic", .n_instances = 3});
    write_file("advbench/advbench_behaviors.csv", "Behavior,Category,BehaviorID\nx,,one\ny,,two\n");
    setenv("SAFECONF_DATA", test_folder(), 1);
    exhaust(&(struct sc_benchmark_options){.name = "advbench"});
    unsetenv("SAFECONF_DATA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_one_s_own_is_read_by_its_usual_columns),
        cmocka_unit_test(columns_can_be_named),
        cmocka_unit_test(what_a_file_lacks_is_named),
        cmocka_unit_test(toxicchat_has_splits_ids_and_two_judgements),
        cmocka_unit_test(a_known_benchmark_is_recognised_by_its_columns),
        cmocka_unit_test(the_published_files_are_read_whole),
        cmocka_unit_test(a_sample_keeps_the_order_and_repeats_with_its_seed),
        cmocka_unit_test(a_sample_is_the_same_everywhere),
        cmocka_unit_test(every_row_is_as_likely_in_a_sample),
        cmocka_unit_test(the_fingerprint_follows_the_content),
        cmocka_unit_test(the_synthetic_benchmark_is_even_and_nested),
        cmocka_unit_test(names_and_splits_that_do_not_exist_are_refused),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
