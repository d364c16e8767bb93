/* Labels: words, columns that say "safe", options, and what is said of those not understood. */
#include "benchmark/labels.h"
#include "benchmark_files.h"

/* ---- cells and names of columns -------------------------------------------------------------- */

static void check_cells(const char *const *cells, enum label_sense sense, enum sc_label expected)
{
    const struct sc_benchmark_options usual = {0};
    for (; *cells != NULL; cells++)
        if (sc_label_read(*cells, sense, &usual) != expected)
            fail_msg("'%s' is not %s", *cells, sc_label_name(expected));
}

static void labels_are_read_from_the_usual_words(void **state)
{
    (void)state;
    static const char *const unsafe[] = {"1",
                                         "1.0",
                                         "1.",
                                         "true",
                                         "TRUE",
                                         " True",
                                         "Unsafe",
                                         "harmful",
                                         "yes",
                                         "toxic",
                                         "malicious",
                                         "jailbreak",
                                         "adversarial",
                                         "adversarial_harmful",
                                         "vanilla_harmful",
                                         "not safe",
                                         NULL};
    static const char *const safe[] = {"0",
                                       "0.0",
                                       "0.00",
                                       "false",
                                       "False",
                                       " FALSE",
                                       "safe",
                                       "Safe ",
                                       "harmless",
                                       "unharmful",
                                       "no",
                                       "Benign",
                                       "non-toxic",
                                       "Not_Harmful",
                                       "adversarial_benign",
                                       "vanilla_benign",
                                       NULL};
    static const char *const unknown[] = {"",
                                          " ",
                                          "\t\n",
                                          "2",
                                          "-1",
                                          "- 1",
                                          "0.97",
                                          "0.5",
                                          "10",
                                          "01",
                                          "1e0",
                                          "maybe",
                                          "unsafe!",
                                          "n/a",
                                          "null",
                                          "nan",
                                          "vanilla",
                                          "controversial",
                                          "safe unsafe",
                                          "a word that is longer than any word of a label could be",
                                          NULL};
    check_cells(unsafe, LABEL_TRUE_IS_UNSAFE, SC_LABEL_UNSAFE);
    check_cells(safe, LABEL_TRUE_IS_UNSAFE, SC_LABEL_SAFE);
    check_cells(unknown, LABEL_TRUE_IS_UNSAFE, SC_LABEL_UNKNOWN);
    check_cells(unknown, LABEL_TRUE_IS_SAFE, SC_LABEL_UNKNOWN);
    assert_int_equal(sc_label_read(NULL, LABEL_TRUE_IS_SAFE, &(struct sc_benchmark_options){0}),
                     SC_LABEL_UNKNOWN);
}

static void a_column_that_says_safe_turns_yes_and_no_but_not_words(void **state)
{
    (void)state;
    static const char *const yes[] = {"1", "1.0", "true", "True ", "yes", NULL};
    static const char *const no[] = {"0", "0.0", "false", "False", "no", NULL};
    static const char *const safe[] = {"safe", "harmless", "benign", NULL};
    static const char *const unsafe[] = {"unsafe", "harmful", "toxic", NULL};
    check_cells(yes, LABEL_TRUE_IS_SAFE, SC_LABEL_SAFE);
    check_cells(no, LABEL_TRUE_IS_SAFE, SC_LABEL_UNSAFE);
    check_cells(safe, LABEL_TRUE_IS_SAFE, SC_LABEL_SAFE);
    check_cells(unsafe, LABEL_TRUE_IS_SAFE, SC_LABEL_UNSAFE);
    check_cells(yes, LABEL_TRUE_SAYS_NOTHING, SC_LABEL_UNKNOWN);
    check_cells(no, LABEL_TRUE_SAYS_NOTHING, SC_LABEL_UNKNOWN);
    check_cells(unsafe, LABEL_TRUE_SAYS_NOTHING, SC_LABEL_UNSAFE);
}

static void the_name_of_a_column_says_what_true_means(void **state)
{
    (void)state;
    static const char *const safe[] = {"is_safe",
                                       "isSafe",
                                       "Is Safe",
                                       "IS_SAFE",
                                       "safe",
                                       "issafe",
                                       "harmless",
                                       "is_harmless",
                                       "benign",
                                       "prompt_is_safe",
                                       "is_response_0_safe",
                                       "non_toxic",
                                       "nontoxic",
                                       "not_harmful",
                                       "innocuous"};
    static const char *const unsafe[] = {"label",
                                         "is_unsafe",
                                         "unsafe",
                                         "harmful",
                                         "toxicity",
                                         "not_safe",
                                         "isNotSafe",
                                         "is_jailbreak",
                                         "",
                                         "1",
                                         "x",
                                         "is_not_benign",
                                         "non_english_harmful"};
    static const char *const neither[] = {"safety", "Safety Label", "safe_or_unsafe",
                                          "safe/harmful"};
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        if (sc_label_sense(safe[i]) != LABEL_TRUE_IS_SAFE)
            fail_msg("%s", safe[i]);
    for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
        if (sc_label_sense(unsafe[i]) != LABEL_TRUE_IS_UNSAFE)
            fail_msg("%s", unsafe[i]);
    for (size_t i = 0; i < sizeof neither / sizeof *neither; i++)
        if (sc_label_sense(neither[i]) != LABEL_TRUE_SAYS_NOTHING)
            fail_msg("%s", neither[i]);
}

static void values_that_were_found_are_counted_and_shown_harmlessly(void **state)
{
    (void)state;
    struct label_values values = {0};
    struct sc_text text = {0};
    sc_label_values_add(&values, "Purple");
    sc_label_values_add(&values, " purple ");
    sc_label_values_add(&values, "\x1b[31mred");
    sc_label_values_describe(&values, 6, &text);
    assert_string_equal(text.data, "\"Purple\" (2), \"\\x1B[31mred\" (1)");
    sc_text_clear(&text);
    sc_label_values_describe(&values, 1, &text);
    assert_string_equal(text.data, "\"Purple\" (2) and 1 row with other values");
    sc_text_clear(&text);
    char names[30][4];
    values = (struct label_values){0};
    for (int i = 0; i < 30; i++) {
        snprintf(names[i], sizeof names[i], "v%d", i);
        sc_label_values_add(&values, names[i]);
    }
    sc_label_values_describe(&values, 2, &text);
    assert_string_equal(text.data, "\"v0\" (1), \"v1\" (1) and 28 rows with other values");
    sc_text_clear(&text);
    values = (struct label_values){0};
    sc_label_values_add(&values, "0123456789012345678901234567890123456789 and more");
    sc_label_values_describe(&values, 2, &text);
    assert_string_equal(text.data, "\"0123456789012345678901234567890123456789...\" (1)");
    sc_text_free(&text);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void check_file(const char *name, const char *text, struct sc_benchmark_options options,
                       const char *labels, const char *remark)
{
    options.name = write_file(name, text);
    struct sc_benchmark b = load(&options);
    assert_labels(&b, labels);
    assert_remark(&b, remark);
    sc_benchmark_free(&b);
}

#define ONE_VALUE(text) .unsafe_values = (const char *const[]){text}, .n_unsafe_values = 1
#define SAFE_VALUE(text) .safe_values = (const char *const[]){text}, .n_safe_values = 1

static const char *const bare = "prompt\na\nb\n";
static const char *const words = "prompt,label\na,benign\nb,harmful\nc,\nd,odd\n";

static void one_label_can_be_given_to_all_rows(void **state)
{
    (void)state;
    typedef struct sc_benchmark_options options;
    check_file("bare.csv", bare, (options){.label = "unsafe"}, "uu", NULL);
    check_file("bare.csv", bare, (options){.label = "safe"}, "ss", NULL);
    check_file("bare.csv", bare, (options){0}, "??", "--label safe|unsafe");
    check_file("partly.csv", "prompt,label\na,\nb,unsafe\n", (options){.label = "unsafe"}, "uu",
               NULL);
    const char *path = write_file("bare.csv", bare);
    refuse(&(options){.name = path, .label = "evil"}, "--label: expected safe or unsafe");
    refuse(&(options){.name = path, .label = "safe", .label_column = "prompt"}, "label-column");
    refuse(&(options){.name = path, .label = "safe", ONE_VALUE("x")}, "no --unsafe-value beside");
    refuse(&(options){.name = path, .label = "safe", SAFE_VALUE("x")}, "no --safe-value beside");
    path = write_file("words.csv", words);
    refuse(&(options){.name = path, .label = "safe"}, "line 3: column 'label' says unsafe");
    refuse(&(options){.name = path, .label = "unsafe"}, "line 2: column 'label' says safe");
    refuse(&(options){.name = "synthetic", .label = "unsafe"}, "labels of its own");
}

static void values_of_labels_can_be_named(void **state)
{
    (void)state;
    typedef struct sc_benchmark_options options;
    check_file("words.csv", words, (options){ONE_VALUE(" Harmful")}, "su?s", NULL);
    check_file("words.csv", words, (options){SAFE_VALUE("BENIGN")}, "su?u", NULL);
    check_file("words.csv", words, (options){ONE_VALUE("harmful"), SAFE_VALUE("benign")}, "su??",
               "\"odd\" (1)");
    check_file("words.csv", words, (options){0}, "su??", "\"odd\" (1)");
    check_file("missing.csv", "prompt,label\na,bad\nb,nan\nc,N/A\nd,fine\n",
               (options){ONE_VALUE("bad")}, "u??s", NULL);
    static const char *const two[] = {"harmful", "odd"};
    check_file("words.csv", words, (options){.unsafe_values = two, .n_unsafe_values = 2}, "su?u",
               NULL);
    const char *path = write_file("words.csv", words);
    refuse(&(options){.name = path, ONE_VALUE("evil")},
           "--unsafe-value 'evil' matches no row: column 'label' has \"benign\" (1), "
           "\"harmful\" (1), \"odd\" (1)");
    refuse(&(options){.name = path, SAFE_VALUE("fine")}, "--safe-value 'fine' matches no row");
    refuse(&(options){.name = path, ONE_VALUE("odd"), SAFE_VALUE("ODD ")}, "both have 'ODD '");
    path = write_file("bare.csv", bare);
    refuse(&(options){.name = path, SAFE_VALUE("x")}, "--safe-value needs a label column");
    refuse(&(options){.name = path, ONE_VALUE("x")}, "--unsafe-value needs a label column");
}

static void columns_that_say_safe_are_read_the_right_way_round(void **state)
{
    (void)state;
    typedef struct sc_benchmark_options options;
    const char *json =
        "{\"prompt\":\"a\",\"is_safe\":true}\n{\"prompt\":\"b\",\"is_safe\":false}\n";
    check_file("json.jsonl", json, (options){.label_column = "is_safe"}, "su", "true means safe");
    check_file("json.jsonl", json, (options){0}, "su", "column 'is_safe', where true means safe");
    check_file("json.jsonl", json, (options){.label_column = "is_safe", ONE_VALUE("False")}, "su",
               NULL);
    check_file("pandas.csv", "prompt,harmless\na,True\nb,False\n", (options){0}, "su", "harmless");
    check_file("safety.csv", "prompt,safety\na,1\nb,unsafe\n", (options){.label_column = "safety"},
               "?u", "neither");
}

static void a_column_of_a_usual_name_is_found_when_it_is_the_only_one(void **state)
{
    (void)state;
    typedef struct sc_benchmark_options options;
    check_file("found.csv", "prompt,toxicity\na,1\nb,0\n", (options){0}, "us",
               "labels are those of column 'toxicity'\n");
    check_file("answers.csv", "prompt,response,is_safe\na,r,True\n", (options){0}, "s",
               "true means safe (they may be of column 'response' and not of the prompt)\n");
    check_file("two.csv", "prompt,toxicity,is_safe\na,1,true\n", (options){0}, "?",
               "several columns could be the label: toxicity, is_safe");
    check_file("own.csv", "prompt,label,is_safe\na,0,false\n", (options){0}, "s", NULL);
    check_file("case.csv", "prompt,Label\na,unsafe\n", (options){0}, "u", "'Label'");
    check_file("headers.csv", "ID,Prompt,Label,Category\n7,a,unsafe,x\n", (options){0}, "u",
               "'Label'");
    struct sc_benchmark b = load_path(in_folder("headers.csv"));
    assert_string_equal(b.instances[0].id, "7");
    assert_string_equal(b.instances[0].category, "x");
    sc_benchmark_free(&b);
    check_file("scores.csv", "prompt,toxicity\na,0.97\nb,0.02\n", (options){0}, "??",
               "\"0.97\" (1), \"0.02\" (1)");
}

static void what_is_said_of_labels_is_made_visible(void **state)
{
    (void)state;
    check_file("hostile\x1b.csv", "prompt,is\x1b_safe\na,\x1b[31mred\n",
               (struct sc_benchmark_options){.label_column = "is\x1b_safe"}, "?",
               "\"\\x1B[31mred\" (1)");
    struct sc_benchmark b = load(&(struct sc_benchmark_options){
        .name = in_folder("hostile\x1b.csv"), .label_column = "is\x1b_safe"});
    assert_null(strchr(b.remarks.data, '\x1b'));
    sc_benchmark_free(&b);
}

static void exhausted_memory_is_an_error(void **state)
{
    (void)state;
    const char *path = write_file("memory.csv", "prompt,is_safe\na,true\nb,odd\nc,\n");
    exhaust(&(struct sc_benchmark_options){.name = path});
    exhaust(&(struct sc_benchmark_options){.name = path, ONE_VALUE("odd")});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_read_from_the_usual_words),
        cmocka_unit_test(a_column_that_says_safe_turns_yes_and_no_but_not_words),
        cmocka_unit_test(the_name_of_a_column_says_what_true_means),
        cmocka_unit_test(values_that_were_found_are_counted_and_shown_harmlessly),
        cmocka_unit_test(one_label_can_be_given_to_all_rows),
        cmocka_unit_test(values_of_labels_can_be_named),
        cmocka_unit_test(columns_that_say_safe_are_read_the_right_way_round),
        cmocka_unit_test(a_column_of_a_usual_name_is_found_when_it_is_the_only_one),
        cmocka_unit_test(what_is_said_of_labels_is_made_visible),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
