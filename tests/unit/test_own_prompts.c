/* A caller's own prompts, and benchmarks that are loaded, looked at and handed back: the same
 * instances, whatever way they take. */
#include "base/memory.h"
#include "benchmark_files.h"

typedef struct sc_benchmark_options options;

static struct sc_benchmark_options own(const struct sc_prompt *prompts, size_t n)
{
    struct sc_benchmark_options o = sc_benchmark_options_default();
    o.name = "mine";
    o.prompts = prompts;
    o.n_prompts = n;
    return o;
}

static void a_prompt_needs_no_more_than_a_text(void **state)
{
    (void)state;
    const struct sc_prompt prompts[] = {
        {.prompt = "How do I pick a lock?", .label = SC_LABEL_UNSAFE, .category = "crime"},
        {.prompt = "What is a lock?", .id = "lock", .label = SC_LABEL_SAFE, .line = 7},
        {.prompt = "Say \x1b[1m",
         .label = SC_LABEL_UNKNOWN,
         .extra = "{ \"why\": \"\\u0041\\u0001\", \"n\": [1, 0.5, null, true, {}] }"}};
    struct sc_benchmark b = load(&(options){.name = "mine", .prompts = prompts, .n_prompts = 3});
    assert_string_equal(b.name, "mine");
    assert_int_equal(b.n_instances, 3);
    assert_int_equal(b.n_available, 3);
    assert_int_equal(b.n_unlabelled, 1);
    assert_string_equal(b.instances[0].id, "prompt_0");
    assert_string_equal(b.instances[1].id, "lock");
    assert_string_equal(b.instances[2].id, "prompt_2");
    assert_string_equal(b.instances[0].category, "crime");
    assert_string_equal(b.instances[1].category, "");
    assert_int_equal(b.instances[1].line, 7);
    assert_string_equal(b.instances[2].extra, "{\"why\":\"A\\u0001\",\"n\":[1,0.5,null,true,{}]}");
    assert_labels(&b, "us?");
    assert_remark(&b, NULL);
    sc_benchmark_free(&b);
}

/* Bytes, messages and all. */
static void assert_same_instance(const struct sc_instance *a, const struct sc_instance *b)
{
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->prompt, b->prompt);
    assert_string_equal(a->category, b->category);
    assert_int_equal(a->label, b->label);
    assert_int_equal(a->line, b->line);
    assert_true((a->extra == NULL) == (b->extra == NULL));
    assert_true((a->prefill == NULL) == (b->prefill == NULL));
    if (a->extra != NULL)
        assert_string_equal(a->extra, b->extra);
    if (a->prefill != NULL)
        assert_string_equal(a->prefill, b->prefill);
    assert_int_equal(a->conversation.n, b->conversation.n);
    for (size_t i = 0; i < a->conversation.n; i++) {
        assert_string_equal(a->conversation.messages[i].role, b->conversation.messages[i].role);
        assert_string_equal(a->conversation.messages[i].text, b->conversation.messages[i].text);
    }
}

/* Loads, hands all of it back under its name, and compares. */
static void assert_comes_back(const struct sc_benchmark_options *o)
{
    struct sc_benchmark whole = load(o);
    struct sc_prompts *prompts = NULL;
    struct sc_error error = {0};
    if (sc_prompts_load(&prompts, o, &error) != SC_OK)
        fail_msg("%s", error.text);
    size_t n = sc_prompts_count(prompts);
    assert_int_equal(n, whole.n_instances);
    assert_string_equal(sc_prompts_name(prompts), whole.name);
    struct sc_prompt *list = calloc(n, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = sc_prompts_at(prompts, i);
    struct sc_benchmark_options again = own(list, n);
    again.name = sc_prompts_name(prompts);
    again.multi_turn = o->multi_turn;
    struct sc_benchmark back = load(&again);
    assert_int_equal(back.n_instances, n);
    assert_string_equal(back.name, whole.name);
    for (size_t i = 0; i < n; i++)
        assert_same_instance(&whole.instances[i], &back.instances[i]);
    if (whole.n_available == n)
        assert_string_equal(back.fingerprint, whole.fingerprint);
    sc_benchmark_free(&back);
    /* A slice has the instances of the whole. */
    again = own(list + n / 2, n - n / 2);
    again.multi_turn = o->multi_turn;
    back = load(&again);
    for (size_t i = n / 2; i < n; i++)
        assert_same_instance(&whole.instances[i], &back.instances[i - n / 2]);
    sc_benchmark_free(&back);
    free(list);
    sc_prompts_free(prompts);
    sc_benchmark_free(&whole);
}

#define MESSAGES                                                                                   \
    "{\"id\": \"a\", \"messages\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, "          \
    "{\"role\": \"user\", \"content\": \"Hello\"}, {\"role\": \"assistant\", \"content\": "        \
    "\"Hi\"}, {\"role\": \"user\", \"content\": \"And now?\"}], \"kind\": \"chat\", \"label\": "   \
    "1, "                                                                                          \
    "\"start\": \" \"}\n"                                                                          \
    "{\"id\": \"b\", \"messages\": [{\"role\": \"user\", \"content\": \"Alone\"}], "               \
    "\"kind\": null, \"label\": 0, \"start\": \"Sure\"}\n"                                         \
    "{\"id\": \"c\", \"messages\": [{\"role\": \"user\", \"content\": \"Twice\"}, {\"role\": "     \
    "\"assistant\", \"content\": \"One\"}, {\"role\": \"user\", \"content\": \"Last\"}, "          \
    "{\"role\": \"assistant\", \"content\": \"The answer\"}], \"label\": \"\"}\n"

static void a_loaded_benchmark_that_is_handed_back_is_the_same(void **state)
{
    (void)state;
    assert_comes_back(&(options){.name = "synthetic", .n_instances = 30, .seed = 4});
    assert_comes_back(&(options){.name = "synthetic",
                                 .n_instances = 6,
                                 .system = "You are kind.",
                                 .prefill = "Well",
                                 .prompt_template = "Q: {prompt}\nA:"});
    const char *path = write_file("messages.jsonl", MESSAGES);
    assert_comes_back(&(options){.name = path, .category_column = "kind"});
    assert_comes_back(&(options){.name = path, .prefill_column = "start", .system = "Be kind."});
    assert_comes_back(&(options){.name = path, .prompt_template = "<{prompt}>", .prefill = " "});
    assert_comes_back(&(options){.name = path, .multi_turn = true});
    path = write_file("plain.csv", "prompt,label\nOne,1\n\"Two\nlines\",0\nThree,1\nFour,0\n");
    assert_comes_back(&(options){.name = path});
    assert_comes_back(&(options){.name = path, .n_instances = 3, .seed = 2});
}

static void own_prompts_are_sampled_as_rows_of_files_are(void **state)
{
    (void)state;
    char text[2000] = "prompt,label\n", words[40][16];
    struct sc_prompt prompts[40];
    for (int i = 0; i < 40; i++) {
        snprintf(words[i], sizeof words[i], "Question %d", i);
        sprintf(text + strlen(text), "%s,1\n", words[i]);
        prompts[i] = (struct sc_prompt){.prompt = words[i], .label = SC_LABEL_UNSAFE};
    }
    const char *path = write_file("mine.csv", text);
    for (int first = 0; first < 2; first++) {
        options o = {.name = path, .n_instances = 7, .seed = 5, .first = first == 1};
        struct sc_benchmark file = load(&o);
        options mine = own(prompts, 40);
        mine.n_instances = o.n_instances;
        mine.seed = o.seed;
        mine.first = o.first;
        struct sc_benchmark b = load(&mine);
        assert_int_equal(b.n_instances, 7);
        assert_int_equal(b.n_available, 40);
        for (size_t i = 0; i < 7; i++)
            assert_string_equal(b.instances[i].prompt, file.instances[i].prompt);
        sc_benchmark_free(&b);
        sc_benchmark_free(&file);
    }
}

static void what_goes_around_prompts_is_put_around_own_ones(void **state)
{
    (void)state;
    const struct sc_message talk[] = {
        {"system", "Own."}, {"user", "Hello"}, {"assistant", "Hi"}, {"user", "Now?"}};
    const struct sc_prompt prompts[] = {
        {.prompt = "Plain", .label = SC_LABEL_UNKNOWN},
        {.prompt = "Now?", .messages = talk, .n_messages = 4, .label = SC_LABEL_UNSAFE},
        {.prompt = "Begun", .prefill = "Yes", .label = SC_LABEL_UNKNOWN}};
    options o = own(prompts, 3);
    o.system = "Given.";
    o.prefill = "Sure";
    o.prompt_template = "<{prompt}>";
    o.label = "unsafe";
    struct sc_benchmark b = load(&o);
    assert_labels(&b, "uuu");
    assert_string_equal(b.instances[0].prompt, "Plain");
    assert_int_equal(b.instances[0].conversation.n, 2);
    assert_string_equal(b.instances[0].conversation.messages[0].text, "Given.");
    assert_string_equal(b.instances[0].conversation.messages[1].text, "<Plain>");
    assert_string_equal(b.instances[0].prefill, "Sure");
    assert_int_equal(b.instances[1].conversation.n, 4);
    assert_string_equal(b.instances[1].conversation.messages[0].text, "Own.");
    assert_string_equal(b.instances[1].conversation.messages[3].text, "<Now?>");
    assert_string_equal(b.instances[2].prefill, "Yes");
    sc_benchmark_free(&b);
}

static void columns_and_files_are_not_read_beside_own_prompts(void **state)
{
    (void)state;
    const struct sc_prompt prompt = {.prompt = "One", .label = SC_LABEL_SAFE};
    options o = own(&prompt, 1);
    o.split = "test";
    o.folder = "/nowhere";
    o.prompt_column = o.label_column = o.id_column = "absent";
    options read = sc_benchmark_options_read(&o);
    assert_null(read.split);
    assert_null(read.prompt_column);
    assert_string_equal(read.name, "mine");
    struct sc_benchmark b = load(&o);
    assert_int_equal(b.n_instances, 1);
    sc_benchmark_free(&b);
}

static void refuse_prompt(struct sc_prompt prompt, const char *part)
{
    const struct sc_prompt prompts[] = {{.prompt = "Good", .label = SC_LABEL_SAFE}, prompt};
    struct sc_error error = {0};
    struct sc_prompts *loaded = NULL;
    options o = own(prompts, 2);
    assert_int_equal(sc_prompts_load(&loaded, &o, &error), SC_ERR_ARGUMENT);
    assert_null(loaded);
    if (strstr(error.text, part) == NULL || strstr(error.text, "prompt 1") == NULL)
        fail_msg("expected 'prompt 1' and '%s' in '%s'", part, error.text);
}

static void refuse_messages(const struct sc_message *messages, size_t n, const char *part)
{
    refuse_prompt((struct sc_prompt){.prompt = "Hello", .messages = messages, .n_messages = n},
                  part);
}

static void bad_prompts_are_refused_by_their_place(void **state)
{
    (void)state;
    typedef struct sc_prompt p;
    refuse_prompt((p){.id = "x"}, "(id 'x'): expected a text, found none");
    refuse_prompt((p){.prompt = ""}, "found blanks");
    refuse_prompt((p){.prompt = " \n"}, "found blanks");
    refuse_prompt((p){.prompt = "\xff"}, "prompt: is not valid UTF-8");
    refuse_prompt((p){.prompt = "One", .id = "\xc3"}, "id: is not valid UTF-8");
    refuse_prompt((p){.prompt = "One", .id = ""}, "id: expected one, found an empty text");
    refuse_prompt((p){.prompt = "One", .category = "\xff"}, "category: is not valid UTF-8");
    refuse_prompt((p){.prompt = "One", .prefill = "\xff"}, "prefill: is not valid UTF-8");
    refuse_prompt((p){.prompt = "One", .extra = "{"}, "extra");
    refuse_prompt((p){.prompt = "One", .extra = "[1]"}, "extra: expected an object");
    refuse_prompt((p){.prompt = "One", .extra = "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"},
                  "extra: is nested too deep");
    refuse_prompt((p){.prompt = "One", .label = (enum sc_label)9}, "label: unknown number 9");
    refuse_messages(NULL, 2, "messages: expected 2, found none");
    refuse_messages((struct sc_message[]){{"user", "Hello"}, {"assistant", "Hi"}}, 2,
                    "the prompt as the user's turn");
    refuse_messages((struct sc_message[]){{"user", "Something else"}}, 1,
                    "the prompt as the user's turn");
    refuse_messages((struct sc_message[]){{NULL, "Hello"}}, 1, "message 1: expected a role");
    refuse_messages((struct sc_message[]){{"user", NULL}}, 1, "message 1: expected a role");
    refuse_messages((struct sc_message[]){{"tool", "x"}, {"user", "Hello"}}, 2,
                    "message 1: role \"tool\"");
    refuse_messages((struct sc_message[]){{"user", "\xff"}, {"user", "Hello"}}, 2,
                    "a message's text: is not valid UTF-8");
    refuse_messages((struct sc_message[]){{"user", "Before"}, {"user", "Hello"}}, 2,
                    "two user's turns without an answer");
}

static void bad_lists_are_refused(void **state)
{
    (void)state;
    const struct sc_prompt twins[] = {
        {.prompt = "One", .id = "b"}, {.prompt = "Two", .id = "a"}, {.prompt = "Three", .id = "b"}};
    const struct sc_prompt chance[] = {{.prompt = "One", .id = "prompt_1"}, {.prompt = "Two"}};
    options o = own(twins, 3);
    refuse(&o, "prompts 0 and 2: both have the id 'b'");
    o = own(chance, 2);
    refuse(&o, "prompts 0 and 1: both have the id 'prompt_1'");
    o = own(NULL, 2);
    refuse(&o, "prompts: expected 2, found none");
    o = own(twins, 0);
    refuse(&o, "prompts: expected at least one");
    o = own(twins, 2);
    o.label = "evil";
    refuse(&o, "label: expected safe or unsafe, found 'evil'");
    o.label = "unsafe"; /* they are safe, of which 0 is the number */
    refuse(&o, "prompt 0 (id 'b'): it is safe, and the label of all prompts says unsafe");
    o.label = NULL;
    o.prompt_template = "nothing";
    refuse(&o, "{prompt}");
    o.prompt_template = NULL;
    o.system = "\xff";
    refuse(&o, "system message: is not valid UTF-8");
    o.system = NULL;
    o.name = "";
    refuse(&o, "expected synthetic");
}

static void nothing_is_had_of_nothing(void **state)
{
    (void)state;
    struct sc_prompts *prompts = NULL;
    struct sc_error error = {0};
    const options o = sc_benchmark_options_default(), absent = {.name = "/nowhere/x.csv"};
    options values = o;
    values.n_unsafe_values = 2;
    assert_int_equal(sc_prompts_load(NULL, &o, &error), SC_ERR_ARGUMENT);
    assert_int_equal(sc_prompts_load(&prompts, NULL, &error), SC_ERR_ARGUMENT);
    assert_int_equal(sc_prompts_load(&prompts, &values, &error), SC_ERR_ARGUMENT);
    assert_int_not_equal(sc_prompts_load(&prompts, &absent, &error), SC_OK);
    assert_null(prompts);
    assert_int_equal(sc_prompts_count(NULL), 0);
    assert_null(sc_prompts_at(NULL, 0).prompt);
    assert_null(sc_prompts_name(NULL));
    sc_prompts_free(NULL);
    assert_int_equal(sc_prompts_load(&prompts, &o, &error), SC_OK);
    assert_null(sc_prompts_at(prompts, sc_prompts_count(prompts)).prompt);
    assert_string_equal(sc_prompts_remarks(prompts), "");
    sc_prompts_free(prompts);
}

static void what_is_worth_saying_is_said(void **state)
{
    (void)state;
    const struct sc_prompt prompt = {.prompt = "One", .label = SC_LABEL_UNKNOWN};
    struct sc_prompts *prompts = NULL;
    options o = own(&prompt, 1);
    o.name = "mi\x1bne";
    assert_int_equal(sc_prompts_load(&prompts, &o, NULL), SC_OK);
    assert_non_null(strstr(sc_prompts_remarks(prompts), "mi\\x1Bne: no prompt has a label"));
    sc_prompts_free(prompts);
    o = (options){.name = write_file("bad.jsonl", "{\"prompt\": \"One\", \"label\": 1}\n{\n")};
    assert_int_equal(sc_prompts_load(&prompts, &o, NULL), SC_OK);
    assert_int_equal(sc_prompts_count(prompts), 1);
    assert_non_null(strstr(sc_prompts_remarks(prompts), "line 2"));
    sc_prompts_free(prompts);
}

static void own_prompts_survive_failing_allocations(void **state)
{
    (void)state;
    const struct sc_message talk[] = {{"user", "Hello"}, {"assistant", "Hi"}, {"user", "Now?"}};
    const struct sc_prompt prompts[] = {
        {.prompt = "Now?", .messages = talk, .n_messages = 3, .label = SC_LABEL_UNKNOWN},
        {.prompt = "Begun", .prefill = "Yes", .extra = "{}", .label = SC_LABEL_UNKNOWN}};
    options o = own(prompts, 2);
    o.system = "Be kind.";
    exhaust(&o);
    for (size_t at = 0, done = 0; done == 0; at++) {
        struct sc_prompts *loaded = NULL;
        struct sc_error error = {0};
        sc_memory_fail_at(at);
        enum sc_status status = sc_prompts_load(&loaded, &o, &error);
        done = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        assert_true((status == SC_OK) == (loaded != NULL));
        assert_true(status == SC_OK || error.text[0] != '\0');
        sc_prompts_free(loaded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_needs_no_more_than_a_text),
        cmocka_unit_test(a_loaded_benchmark_that_is_handed_back_is_the_same),
        cmocka_unit_test(own_prompts_are_sampled_as_rows_of_files_are),
        cmocka_unit_test(what_goes_around_prompts_is_put_around_own_ones),
        cmocka_unit_test(columns_and_files_are_not_read_beside_own_prompts),
        cmocka_unit_test(bad_prompts_are_refused_by_their_place),
        cmocka_unit_test(bad_lists_are_refused),
        cmocka_unit_test(nothing_is_had_of_nothing),
        cmocka_unit_test(what_is_worth_saying_is_said),
        cmocka_unit_test(own_prompts_survive_failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
