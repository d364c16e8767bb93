/* The named benchmarks in the forms in which their makers publish them: recognised by columns or by
 * the file's name, with labels, categories and ids. */
#include "benchmark_files.h"

struct published {
    const char *file, *text;
    const char *name, *prompt, *category, *id; /* of the first row */
    const char *labels;
};

static void check_published(const struct published *p)
{
    struct sc_benchmark b = load_path(write_file(p->file, p->text));
    assert_string_equal(b.name, p->name);
    assert_string_equal(b.instances[0].prompt, p->prompt);
    assert_string_equal(b.instances[0].category, p->category);
    assert_string_equal(b.instances[0].id, p->id);
    assert_labels(&b, p->labels);
    sc_benchmark_free(&b);
}

static void sets_are_known_by_their_columns_or_names(void **state)
{
    (void)state;
    static const struct published sets[] = {
        {"harmful_behaviors.csv", "goal,target\nDo it,\"Sure, here\"\n", "advbench", "Do it", "",
         "advbench_0", "u"},
        {"advbench.txt", "Do it, now\nDo that\n", "advbench", "Do it, now", "", "advbench_0", "uu"},
        {"harmful-behaviors.csv",
         "Index,Goal,Target,Behavior,Category,Source\n7,Do it,\"Sure, "
         "here\",Doing,Fraud,Original\n",
         "jailbreakbench", "Do it", "Fraud", "jailbreakbench_harmful_0", "u"},
        {"benign-behaviors.csv",
         "Index,Goal,Target,Behavior,Category,Source\n7,Do it,\"Sure, "
         "here\",Doing,Fraud,Original\n",
         "jailbreakbench", "Do it", "Fraud", "jailbreakbench_benign_0", "s"},
        {"jbb.csv", "Goal,Behavior,Category,split\na,b,c,harmful\nd,e,f,benign\n", "jailbreakbench",
         "a", "c", "jailbreakbench_unknown_0", "us"},
        {"pair.json",
         "{\"parameters\": {\"model\": \"m\"}, \"jailbreaks\": [{\"index\": 0, \"goal\": \"g\", "
         "\"behavior\": \"b\", \"category\": \"c\", \"prompt\": \"Pretend.\", \"response\": \"r\", "
         "\"jailbroken\": true}, {\"index\": 1, \"goal\": \"g\", \"behavior\": \"b\", "
         "\"category\": \"c\", \"prompt\": null, \"response\": null, \"jailbroken\": false}]}",
         "jailbreakbench", "Pretend.", "c", "jailbreakbench_0", "u"},
        {"MaliciousInstruct.txt", "How to do it\nHow to do that, too\n", "maliciousinstruct",
         "How to do it", "", "maliciousinstruct_0", "uu"},
        {"simplesafetytests.csv",
         "id,harm_area,counter,category,prompt\nSH001,Scams,1,Advice,How?\n", "simplesafetytests",
         "How?", "Scams", "simplesafetytests_SH001", "u"},
        {"SimpleSafetyTests - test cases.csv",
         "id,harm_area,counter,category,prompts_final\nsst_001,Scams,1,Advice,How?\n",
         "simplesafetytests", "How?", "Scams", "simplesafetytests_sst_001", "u"},
        {"data_en.csv",
         "id,risk_area,types_of_harm,specific_harms,question\n3,Area,Type,Harm,How?\n",
         "donotanswer", "How?", "Area", "donotanswer_3", "u"},
        {"or-bench-80k.csv", "prompt,category\nHow?,deception\n", "orbench", "How?", "deception",
         "orbench_80k_0", "s"},
        {"or-bench-hard-1k.csv", "prompt,category\nHow?,deception\n", "orbench", "How?",
         "deception", "orbench_hard-1k_0", "s"},
        {"or-bench-toxic.csv", "prompt,category\nHow?,deception\n", "orbench", "How?", "deception",
         "orbench_toxic_0", "u"},
        {"MultiJail.csv",
         "id,source,en,zh,it,vi,ar,ko,th,bn,sw,jv,tags\n4,GPT,How?,z,i,v,a,k,t,b,s,"
         "j,Hate\n",
         "multijail", "How?", "Hate", "multijail_4", "u"},
        {"aya_fra.jsonl",
         "{\"prompt\": \"Comment ?\", \"language\": \"French\", \"harm_category\": "
         "\"[\\\"Hate Speech\\\", \\\"Profanity\\\"]\", \"global_or_local\": \"local\"}\n",
         "ayaredteaming", "Comment ?", "Hate Speech, Profanity", "ayaredteaming_fra_0", "u"},
        {"coconot_original_test.jsonl",
         "{\"id\": \"a\", \"category\": \"Requests with safety concerns\", \"subcategory\": \"x\", "
         "\"prompt\": \"How?\", \"response\": \"\"}\n{\"id\": \"b\", \"category\": "
         "\"Incomplete requests\", \"subcategory\": \"y\", \"prompt\": \"What?\", \"response\": "
         "\"\"}\n",
         "coconot", "How?", "Requests with safety concerns", "coconot_a", "u?"},
        {"coconot_contrast_test.jsonl",
         "{\"id\": \"a\", \"category\": \"Requests with safety concerns\", \"subcategory\": \"x\", "
         "\"prompt\": \"How?\", \"response\": \"\"}\n",
         "coconot", "How?", "Requests with safety concerns", "coconot_a", "s"},
        {"mine.jsonl",
         "{\"id\": \"a\", \"category\": \"c\", \"subcategory\": \"x\", \"prompt\": \"How?\", "
         "\"response\": \"\"}\n",
         "mine", "How?", "c", "a", "?"},
        {"xstest_v2_prompts.csv",
         "id,type,prompt,focus,note\n1,homonyms,a,kill,x\n"
         "2,contrast_homonyms,b,kill,x\n",
         "xstest", "a", "homonyms", "xstest_1", "su"},
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        check_published(&sets[i]);
}

static void a_file_that_only_resembles_a_set_is_a_file_of_one_s_own(void **state)
{
    (void)state;
    static const struct published sets[] = {
        {"prompts.csv", "prompt,category\nHow?,x\n", "prompts", "How?", "x", "prompts_0", "?"},
        {"goals.csv", "goal,target,prompt\ng,t,How?\n", "goals", "How?", "", "goals_0", "?"},
        {"list.txt", "How?\n", "list", "How?", "", "list_0", "?"},
        {"or-bench-labelled.csv", "prompt,category,label\nHow?,x,unsafe\n", "or-bench-labelled",
         "How?", "x", "or-bench-labelled_0", "u"},
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        check_published(&sets[i]);
}

static void parts_of_a_set_are_told_apart_or_asked_for(void **state)
{
    (void)state;
    const char *path = write_file("jbb.csv", "Index,Goal,Behavior,Category\n0,Do it,Doing,Fraud\n");
    struct sc_benchmark b = load_path(path);
    assert_labels(&b, "?");
    assert_remark(&b, "--split harmful|benign or --label safe|unsafe");
    sc_benchmark_free(&b);
    b = load(&(struct sc_benchmark_options){.name = path, .split = "benign"});
    assert_labels(&b, "s");
    assert_remark(&b, NULL);
    assert_string_equal(b.instances[0].id, "jailbreakbench_benign_0");
    sc_benchmark_free(&b);
    b = load(&(struct sc_benchmark_options){.name = path, .label = "unsafe", .id_column = "Index"});
    assert_labels(&b, "u");
    assert_string_equal(b.instances[0].id, "0");
    sc_benchmark_free(&b);
    refuse(&(struct sc_benchmark_options){.name = path, .split = "train"},
           "expected harmful or benign, found 'train'");
}

static void sets_are_found_by_name_in_their_other_forms(void **state)
{
    (void)state;
    write_file("sets/harmful_behaviors.csv", "goal,target\nDo it,Sure\n");
    write_file("sets/or-bench-hard-1k.csv", "prompt,category\nHow?,x\n");
    write_file("sets/data/benign-behaviors.csv", "Index,Goal,Behavior,Category\n0,Do it,D,F\n");
    char sets[300];
    snprintf(sets, sizeof sets, "%s", in_folder("sets"));
    struct sc_benchmark b =
        load(&(struct sc_benchmark_options){.name = "advbench", .folder = sets});
    assert_string_equal(b.instances[0].prompt, "Do it");
    assert_labels(&b, "u");
    sc_benchmark_free(&b);
    b = load(&(struct sc_benchmark_options){.name = "orbench", .folder = sets});
    assert_labels(&b, "s");
    sc_benchmark_free(&b);
    b = load(&(struct sc_benchmark_options){
        .name = "jailbreakbench", .folder = sets, .split = "benign"});
    assert_labels(&b, "s");
    sc_benchmark_free(&b);
}

static void a_name_may_be_spelt_as_papers_do(void **state)
{
    (void)state;
    write_file("spelt/or-bench-hard-1k.csv", "prompt,category\nHow?,x\n");
    write_file("spelt/data_en.csv", "id,risk_area,types_of_harm,specific_harms,question\n"
                                    "3,Area,Type,Harm,How?\n");
    char sets[300];
    snprintf(sets, sizeof sets, "%s", in_folder("spelt"));
    static const char *const names[][2] = {{"or-bench", "orbench"},
                                           {"OR-Bench", "orbench"},
                                           {"or_bench", "orbench"},
                                           {"Do-Not-Answer", "donotanswer"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sc_benchmark b =
            load(&(struct sc_benchmark_options){.name = names[i][0], .folder = sets});
        assert_string_equal(b.name, names[i][1]);
        sc_benchmark_free(&b);
    }
    refuse(&(struct sc_benchmark_options){.name = "or-benches", .folder = sets}, "orbench");
    refuse(&(struct sc_benchmark_options){.name = "or-", .folder = sets}, "orbench");
}

static void a_file_goes_before_another_spelling(void **state)
{
    (void)state;
    char before[300];
    assert_non_null(getcwd(before, sizeof before));
    write_file("Multi-Jail", "prompt\nHow?\n");
    assert_int_equal(chdir(test_folder()), 0);
    struct sc_benchmark b = load_path("Multi-Jail");
    assert_int_equal(chdir(before), 0);
    assert_string_equal(b.source, "Multi-Jail");
    sc_benchmark_free(&b);
}

static void what_is_missing_is_said_with_the_words_that_fetch_it(void **state)
{
    (void)state;
    setenv("HOME", in_folder("home"), 1);
    unsetenv("SAFECONF_DATA");
    refuse(&(struct sc_benchmark_options){.name = "or-bench"}, "(safeconf pull orbench fetches it");
    refuse(&(struct sc_benchmark_options){.name = "orbench", .split = "toxic"},
           "(safeconf pull orbench --split toxic fetches it");
    assert_string_equal(sc_benchmark_missing(&(struct sc_benchmark_options){.name = "OR-Bench"}),
                        "orbench");
    static const struct sc_benchmark_options others[] = {
        {.name = NULL},
        {.name = "synthetic"},
        {.name = "nothing-known"},
        {.name = "orbench", .folder = "/nonexistent"},
        {.name = "orbench", .split = "no such split"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_null(sc_benchmark_missing(&others[i]));
}

static void data_homes_are_looked_in_one_after_another(void **state)
{
    (void)state;
    static const struct sc_benchmark_options orbench = {.name = "orbench"};
    static const char *const places[] = {"home/.local/share/safeconf/benchmarks",
                                         "xdg/safeconf/benchmarks", "data"};
    static const char *const prompts[] = {"home", "xdg", "data"};
    setenv("HOME", in_folder("home"), 1);
    setenv("XDG_DATA_HOME", in_folder("xdg"), 1);
    setenv("SAFECONF_DATA", in_folder("data"), 1);
    assert_string_equal(sc_benchmark_missing(&orbench), "orbench");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char file[200], text[200];
        snprintf(file, sizeof file, "%s/orbench/or-bench-hard-1k.csv", places[i]);
        snprintf(text, sizeof text, "prompt,category\n%s,x\n", prompts[i]);
        write_file(file, text);
        assert_null(sc_benchmark_missing(&orbench));
        struct sc_benchmark b = load(&orbench);
        assert_string_equal(b.instances[0].prompt, prompts[i]);
        sc_benchmark_free(&b);
    }
    unsetenv("SAFECONF_DATA");
    setenv("XDG_DATA_HOME", "not/absolute", 1); /* as if it were not set */
    struct sc_benchmark b = load(&orbench);
    assert_string_equal(b.instances[0].prompt, "home");
    sc_benchmark_free(&b);
    exhaust(&orbench);
    unsetenv("XDG_DATA_HOME");
}

static void beavertails_says_whose_label_it_has(void **state)
{
    (void)state;
    const char *path = write_file(
        "beaver.jsonl",
        "{\"prompt\":\"a\",\"response\":\"r\",\"category\":{\"crime\":true,\"drugs\":false},"
        "\"is_safe\":false}\n"
        "{\"prompt\":\"b\",\"response\":\"r\",\"category\":{\"crime\":false,\"drugs\":false},"
        "\"is_safe\":true}\n");
    struct sc_benchmark b = load_path(path);
    assert_string_equal(b.name, "beavertails");
    assert_labels(&b, "us");
    assert_remark(&b, "not of the prompt");
    assert_remark(&b, "true means safe");
    sc_benchmark_free(&b);
}

static void coconot_says_what_its_labels_leave_out(void **state)
{
    (void)state;
    const char *path = write_file(
        "coconot_original.jsonl",
        "{\"id\": \"b\", \"category\": \"Incomplete requests\", \"subcategory\": \"y\", "
        "\"prompt\": \"What?\", \"response\": \"\"}\n{\"id\": \"c\", \"prompt\": \"Where?\"}\n");
    struct sc_benchmark b = load_path(path);
    assert_int_equal(b.n_unlabelled, 2);
    assert_int_equal(b.n_misread, 0);
    assert_remark(&b, "only those with safety concerns count as unsafe");
    sc_benchmark_free(&b);
    b = load(&(struct sc_benchmark_options){.name = path,
                                            .label_column = "category",
                                            .unsafe_values =
                                                (const char *const[]){"incomplete requests"},
                                            .n_unsafe_values = 1});
    assert_labels(&b, "u?");
    sc_benchmark_free(&b);
}

static void another_language_of_multijail_can_be_asked_for(void **state)
{
    (void)state;
    const char *path = write_file("MultiJail.csv", "id,en,zh,bn,jv,tags\n4,How?,怎么,b,j,Hate\n");
    struct sc_benchmark b =
        load(&(struct sc_benchmark_options){.name = path, .prompt_column = "zh"});
    assert_string_equal(b.instances[0].prompt, "怎么");
    assert_labels(&b, "u");
    sc_benchmark_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_known_by_their_columns_or_names),
        cmocka_unit_test(a_file_that_only_resembles_a_set_is_a_file_of_one_s_own),
        cmocka_unit_test(parts_of_a_set_are_told_apart_or_asked_for),
        cmocka_unit_test(sets_are_found_by_name_in_their_other_forms),
        cmocka_unit_test(a_name_may_be_spelt_as_papers_do),
        cmocka_unit_test(a_file_goes_before_another_spelling),
        cmocka_unit_test(what_is_missing_is_said_with_the_words_that_fetch_it),
        cmocka_unit_test(data_homes_are_looked_in_one_after_another),
        cmocka_unit_test(beavertails_says_whose_label_it_has),
        cmocka_unit_test(coconot_says_what_its_labels_leave_out),
        cmocka_unit_test(another_language_of_multijail_can_be_asked_for),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
