/* Prompts that are more than a text: messages, turns, what a program stored of them as text, and
 * what is put around a prompt. */
#include "base/memory.h"
#include "benchmark/literal.h"
#include "benchmark/messages.h"
#include "benchmark_files.h"

typedef struct sc_benchmark_options options;

/* The turns as "s:text|u:text|a:text"; a prompt alone is "text". */
static const char *said(const struct sc_instance *item)
{
    static char text[2000];
    size_t n = 0;
    const struct sc_conversation *c = &item->conversation;
    if (c->n == 0)
        return item->prompt;
    for (size_t i = 0; i < c->n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%c:%s", i > 0 ? "|" : "",
                              c->messages[i].role[0], c->messages[i].text);
    return text;
}

/* One row of the file says this. */
static void check_first(const char *file, const char *text, options o, const char *expected)
{
    o.name = write_file(file, text);
    struct sc_benchmark b = load(&o);
    assert_string_equal(said(&b.instances[0]), expected);
    sc_benchmark_free(&b);
}

/* A file of this row and a good one: the row fails, by its number, for this reason. */
static void check_fault(const char *row, options o, const char *reason)
{
    char text[2000];
    snprintf(text, sizeof text, "{\"prompt\": \"fine\"}\n\n%s\n", row);
    o.name = write_file("fault.jsonl", text);
    struct sc_benchmark b = load(&o);
    assert_int_equal(b.n_instances, 1);
    assert_string_equal(b.instances[0].prompt, "fine");
    assert_int_equal(b.bad_rows.n, 1);
    assert_int_equal(b.bad_rows.lines[0], 3);
    if (strstr(b.bad_rows.reasons[0], reason) == NULL)
        fail_msg("expected '%s' in '%s'", reason, b.bad_rows.reasons[0]);
    sc_benchmark_free(&b);
    o.strict = true;
    refuse(&o, "line 3: ");
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static void a_single_question_in_any_shape_is_that_text(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "{\"prompt\": \"Why?\"}",
        "{\"prompt\": [\"Why?\"]}",
        "{\"prompt\": {\"role\": \"user\", \"content\": \"Why?\"}}",
        "{\"prompt\": [{\"role\": \"user\", \"content\": \"Why?\"}]}",
        "{\"prompt\": [{\"role\": \"User\", \"content\": [{\"type\": \"text\", \"text\": \"Wh\"}, "
        "\"y?\"], \"name\": \"x\", \"tool_calls\": []}]}",
        "{\"messages\": [{\"role\": \"user\", \"content\": \"Why?\"}]}",
        "{\"turns\": [\"Why?\"]}",
        "{\"turns\": \"Why?\"}",
        "{\"conversation\": [{\"role\": \"user\", \"content\": \"Why?\"}]}",
        "{\"conversations\": [{\"from\": \"human\", \"value\": \"Why?\"}]}",
        "{\"Messages\": {\"messages\": [{\"role\": \"user\", \"content\": \"Why?\"}]}}",
        "{\"messages\": [{\"role\": \"system\", \"content\": \" \"}, {\"role\": \"user\", "
        "\"content\": \"Why?\"}]}",
        "{\"messages\": \"[{\\\"role\\\": \\\"user\\\", \\\"content\\\": \\\"Why?\\\"}]\"}",
        "{\"messages\": \"[{'role': 'user', 'content': 'Why?'}]\"}",
    };
    char fingerprint[17] = "";
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct sc_benchmark b = load_path(write_file("shape.jsonl", shapes[i]));
        assert_string_equal(b.instances[0].prompt, "Why?");
        assert_int_equal(b.instances[0].conversation.n, 0);
        assert_null(b.instances[0].extra);
        if (i > 0) /* a run of it is the same run */
            assert_string_equal(b.fingerprint, fingerprint);
        memcpy(fingerprint, b.fingerprint, sizeof fingerprint);
        sc_benchmark_free(&b);
    }
}

static void messages_become_turns(void **state)
{
    (void)state;
    const char *text = "{\"prompt\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, "
                       "{\"role\": \"user\", \"content\": \"Hello.\"}, {\"role\": \"assistant\", "
                       "\"content\": \"Hi.\"}, {\"role\": \"user\", \"content\": \"Why?\"}]}";
    const char *expected = "s:Be brief.|u:Hello.|a:Hi.|u:Why?";
    check_first("m.jsonl", text, (options){0}, expected);
    struct sc_benchmark b = load_path(in_folder("m.jsonl"));
    assert_string_equal(b.instances[0].prompt, "Why?");
    sc_benchmark_free(&b);
    check_first("m.jsonl",
                "{\"dialog\": [{\"from\": \"developer\", \"value\": \"Be brief.\"}, {\"from\": "
                "\"human\", \"value\": \"Hello.\"}, {\"from\": \"gpt\", \"value\": \"Hi.\"}, "
                "{\"from\": \"human\", \"value\": \"Why?\"}]}",
                (options){.messages_column = "dialog"}, expected);
    /* a list of rows is a file of prompts, each a list */
    check_first("m.json",
                "[[{\"role\": \"system\", \"content\": \"Be brief.\"}, {\"role\": "
                "\"user\", \"content\": \"Why?\"}]]",
                (options){0}, "s:Be brief.|u:Why?");
    refuse(&(options){.name = in_folder("m.json"),
                      .messages_column = "prompt",
                      .prompt_column = "prompt"},
           "--prompt-column or --messages-column");
    refuse(
        &(options){.name = write_file("one.json", "[{\"role\": \"user\", \"content\": \"Why?\"}]")},
        "messages of one conversation");
    refuse(&(options){.name = in_folder("m.json"), .messages_column = "dialog"},
           "no column 'dialog' (--messages-column)");
}

static void an_answer_behind_the_last_question_is_not_asked(void **state)
{
    (void)state;
    const char *path = write_file(
        "sft.jsonl", "{\"conversations\": [{\"from\": \"human\", \"value\": \"Why?\"}, {\"from\": "
                     "\"gpt\", \"value\": \"Because.\"}]}\n"
                     "{\"conversations\": [{\"from\": \"human\", \"value\": \"How?\"}, {\"from\": "
                     "\"gpt\", \"value\": \"\"}]}\n");
    struct sc_benchmark b = load_path(path);
    assert_string_equal(said(&b.instances[0]), "Why?");
    assert_string_equal(b.instances[0].extra, "{\"reference\":\"Because.\"}");
    assert_string_equal(said(&b.instances[1]), "How?");
    assert_null(b.instances[1].extra);
    assert_remark(&b, "1 row ends with an answer: it is not asked");
    sc_benchmark_free(&b);
}

static void what_no_format_frames_fails_its_row(void **state)
{
    (void)state;
    static const struct {
        const char *prompt, *reason;
    } rows[] = {
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]}"
         "]",
         "message 1: part 1 is \"image_url\": expected text alone"},
        {"[{\"role\":\"tool\",\"content\":\"x\"}]", "message 1: role \"tool\""},
        {"[{\"role\":\"user\",\"content\":null}]", "message 1: content: expected a text or a list"},
        {"[{\"role\":\"user\"}]", "found nothing"},
        {"[{\"content\":\"x\"}]", "expected a role, found nothing"},
        {"[{\"role\":7,\"content\":\"x\"}]", "expected a role, found a number"},
        {"[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":\"\","
         "\"tool_calls\":[{\"id\":1}]},{\"role\":\"user\",\"content\":\"y\"}]",
         "message 2: tool_calls"},
        {"[{\"role\":\"user\",\"content\":\"x\",\"function_call\":{\"name\":\"f\"}}]",
         "function_call"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", "part 1: expected a text"},
        {"[{\"role\":\"system\",\"content\":\"x\"}]", "end with a system message"},
        {"[{\"role\":\"assistant\",\"content\":\"x\"}]", "without a user's turn"},
        {"[{\"role\":\"user\",\"content\":\" \"}]", "message 1: a user's turn without text"},
        {"[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"y\"}]",
         "--multi-turn generate"},
        {"[\"x\",\"y\"]", "--multi-turn generate"},
        {"[]", "a list without messages"},
        {"[\"x\",1]", "message 2: expected a text as before, found a number"},
        {"[1]", "message 1: expected a text or an object with role and content, found a number"},
        {"[[\"x\"]]", "found a list"},
        {"[null]", "found nothing"},
        {"{}", "found an object without role and content"},
        {"{\"text\":\"x\"}", "found an object without role and content"},
        {"{\"messages\":[]}", "a list without messages"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char row[600];
        snprintf(row, sizeof row, "{\"prompt\": %s}", rows[i].prompt);
        check_fault(row, (options){0}, rows[i].reason);
    }
    const char *path = write_file("all.jsonl", "{\"prompt\": []}\n{\"prompt\": [1]}\n");
    refuse(&(options){.name = path}, "none of 2 rows can be asked: line 1: a list without");
    path = write_file("all.jsonl", "{\"prompt\": []}\n");
    refuse(&(options){.name = path}, "all.jsonl: line 1: a list without");
}

static void what_is_found_in_a_bad_row_is_made_visible(void **state)
{
    (void)state;
    const char *path = write_file(
        "hostile.jsonl", "{\"prompt\": \"fine\"}\n{\"prompt\": [{\"role\": \"\\u001b[2J\\u202e "
                         "a role that is much longer than anything a line should hold\", "
                         "\"content\": \"x\"}]}\n");
    struct sc_benchmark b = load_path(path);
    assert_null(strchr(b.bad_rows.reasons[0], '\x1b'));
    assert_null(strstr(b.bad_rows.reasons[0], "should hold"));
    sc_benchmark_free(&b);
}

/* ---- several turns --------------------------------------------------------------------------- */

static void with_multi_turn_the_user_s_turns_are_asked_in_order(void **state)
{
    (void)state;
    const options o = {.multi_turn = true};
    check_first("t.jsonl", "{\"turns\": [\"One?\", \"Two?\"]}", o, "u:One?|u:Two?");
    check_first("t.jsonl", "{\"turns\": [\"One?\"]}", o, "One?");
    check_first("t.jsonl",
                "{\"messages\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, {\"role\": "
                "\"user\", \"content\": \"One?\"}, {\"role\": \"assistant\", \"content\": \"1.\"}, "
                "{\"role\": \"user\", \"content\": \"Two?\"}]}",
                o, "s:Be brief.|u:One?|u:Two?");
    struct sc_benchmark b = load(&(options){.name = in_folder("t.jsonl"), .multi_turn = true});
    assert_string_equal(b.instances[0].prompt, "Two?");
    sc_benchmark_free(&b);
    check_fault("{\"prompt\": [{\"role\": \"user\", \"content\": \"One?\"}, {\"role\": \"system\", "
                "\"content\": \"x\"}, {\"role\": \"user\", \"content\": \"Two?\"}]}",
                o, "system message between turns");
}

/* ---- lists that stand as text ---------------------------------------------------------------- */

static void lists_stored_as_text_are_read(void **state)
{
    (void)state;
    check_first("l.csv", "turns\n\"['Why?']\"\n", (options){0}, "Why?");
    check_first("l.csv", "turns\n\"[\"\"Why?\"\"]\"\n", (options){0}, "Why?");
    check_first("l.csv",
                "messages\n\"[{'role': 'system', 'content': \"\"Don't.\"\"}, {'role': "
                "'user', 'content': 'Why?'}]\"\n",
                (options){0}, "s:Don't.|u:Why?");
    check_first("l.csv",
                "messages\n\"[{'content': 'Be brief.', 'role': 'system'}\n {'content': "
                "'Why?', 'role': 'user'}]\"\n",
                (options){0}, "s:Be brief.|u:Why?");
    /* a prompt column all of whose cells are lists */
    check_first("l.csv", "prompt\n\"['Why?']\"\n\"['How?']\"\n", (options){0}, "Why?");
    struct sc_benchmark b = load_path(in_folder("l.csv"));
    assert_remark(&b, "the texts of column 'prompt' are lists");
    sc_benchmark_free(&b);
    check_first("l.jsonl", "{\"prompt\": \"[{'role': 'user', 'content': 'Why?'}]\"}", (options){0},
                "Why?");
    /* source that is none fails its row and is never sent */
    b = load_path(write_file("l.csv", "turns\n\"['Why?']\"\n\"['How?'\"\n\"[np.array(1)]\"\n"));
    assert_int_equal(b.n_instances, 1);
    assert_int_equal(b.bad_rows.n, 2);
    assert_int_equal(b.bad_rows.lines[0], 3);
    assert_non_null(strstr(b.bad_rows.reasons[0], "begins as a list but is none"));
    sc_benchmark_free(&b);
}

static void a_question_about_json_stays_a_text(void **state)
{
    (void)state;
    static const char *const questions[] = {"[\"a\", \"b\"]", "{\"a\": 1}", "[1, 2", "[x] marks",
                                            "{\"role\": \"user\", \"content\": \"x\"}"};
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        struct sc_text row = {0};
        sc_text_puts(&row, "{\"prompt\": ");
        sc_text_add_json_string(&row, questions[i]);
        sc_text_puts(&row, "}\n");
        check_first("q.jsonl", row.data, (options){0}, questions[i]);
        sc_text_free(&row);
    }
    /* in CSV, where a list has no form of its own, not all cells are lists */
    check_first("q.csv", "prompt\n\"[\"\"a\"\", \"\"b\"\"]\"\nWhat is [1]?\n", (options){0},
                "[\"a\", \"b\"]");
    check_first("q.csv", "prompt\n\"[1, 2]\"\n", (options){0}, "[1, 2]");
    check_first("q.csv", "prompt\n[]\n", (options){0}, "[]");
    check_first("q.txt", "[a] or [b]?\n", (options){0}, "[a] or [b]?");
}

static void python_s_lists_are_read_as_python_prints_them(void **state)
{
    (void)state;
    static const struct {
        const char *source, *json;
    } good[] = {
        {"['a', \"b'\", 'c\\'\\\"']", "[\"a\",\"b'\",\"c'\\\"\"]"},
        {" [ 'a' 'b'\n 'c' ] ", "[\"a\",\"b\",\"c\"]"},
        {"[]", "[]"},
        {"()", "[]"},
        {"('a',)", "[\"a\"]"},
        {"['a', ]", "[\"a\"]"},
        {"{'a': True, 'b': None, 'c': False, 'd': {}}",
         "{\"a\":true,\"b\":null,\"c\":false,\"d\":{}}"},
        {"[1, -2.5, 1e3]", "[1.0,-2.5,1000.0]"},
        {"['\\n\\t\\\\\\x41\\u00e9\\U0001f600']", "[\"\\n\\t\\\\Aé😀\"]"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        json_t *value;
        struct sc_error error = {0};
        struct sc_text text = {0};
        if (sc_literal_parse(good[i].source, strlen(good[i].source), &value, &error) != SC_OK)
            fail_msg("%s: %s", good[i].source, error.text);
        sc_json_write(&text, value);
        assert_string_equal(text.data, good[i].json);
        sc_text_free(&text);
        json_decref(value);
    }
    static const char *const bad[] = {"",          " ",        "[",          "['a'",
                                      "['a",       "[a]",      "['a'b]",     "['a''b']",
                                      "b'a'",      "[b'a']",   "{'a'}",      "{'a': 1, 'a': 2}",
                                      "{'a' 'b'}", "{1: 2}",   "['\\x00']",  "['\\ud800']",
                                      "['\\q']",   "['\\",     "['a'] x",    "array(['a'])",
                                      "[1.2.3]",   "[,]",      "['a',,'b']", "[True False",
                                      "Truex",     "['\\u12']"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *value;
        struct sc_error error = {0};
        if (sc_literal_parse(bad[i], strlen(bad[i]), &value, &error) == SC_OK)
            fail_msg("%s", bad[i]);
        assert_null(value);
        assert_non_null(strstr(error.text, "expected"));
    }
    char deep[201];
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    deep[200] = '\0';
    json_t *value;
    struct sc_error error = {0};
    assert_int_equal(sc_literal_parse(deep, 200, &value, &error), SC_ERR_FORMAT);
    assert_int_equal(sc_literal_parse("['\xff']", 5, &value, &error), SC_ERR_FORMAT);
}

static void categories_that_are_lists_become_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *cell, *category;
    } cells[] = {{"\"{'crime': False, 'drugs': True, 'hate': True}\"", "drugs, hate"},
                 {"\"{'crime': False}\"", ""},
                 {"fraud", "fraud"},
                 {"5", "5"},
                 {"\"['a', 'b']\"", "a, b"}};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        char text[300];
        snprintf(text, sizeof text, "prompt,response,category,is_safe\na,r,%s,False\n",
                 cells[i].cell);
        struct sc_benchmark b = load_path(write_file("beaver.csv", text));
        assert_string_equal(b.instances[0].category, cells[i].category);
        assert_labels(&b, "u");
        sc_benchmark_free(&b);
    }
}

static void sorry_bench_has_its_prompts_in_turns(void **state)
{
    (void)state;
    const char *row = "{\"question_id\": 1, \"category\": \"7\", \"turns\": [\"Do it.\"], "
                      "\"prompt_style\": \"base\"}\n";
    struct sc_benchmark b = load_path(write_file("question.jsonl", row));
    assert_string_equal(b.name, "sorrybench");
    assert_string_equal(said(&b.instances[0]), "Do it.");
    assert_string_equal(b.instances[0].category, "7");
    assert_labels(&b, "u");
    sc_benchmark_free(&b);
}

/* ---- what is put around a prompt ------------------------------------------------------------- */

static const char *const injection =
    "user_input,rules,begin\nWhat is the word?,The word is Maple.,Sure\nHow?,,\n";

static void a_system_message_is_that_of_the_row_or_the_general_one(void **state)
{
    (void)state;
    const char *path = write_file("i.csv", injection);
    options o = {.name = path, .prompt_column = "user_input", .system_column = "rules"};
    struct sc_benchmark b = load(&o);
    assert_string_equal(said(&b.instances[0]), "s:The word is Maple.|u:What is the word?");
    assert_string_equal(said(&b.instances[1]), "How?");
    assert_string_equal(b.instances[0].prompt, "What is the word?");
    sc_benchmark_free(&b);
    o.system = "Be brief.";
    b = load(&o);
    assert_string_equal(said(&b.instances[0]), "s:The word is Maple.|u:What is the word?");
    assert_string_equal(said(&b.instances[1]), "s:Be brief.|u:How?");
    sc_benchmark_free(&b);
    o.system_column = "nope";
    refuse(&o, "no column 'nope' (--system-column)");
    check_first("i.csv", injection, (options){.prompt_column = "user_input", .system = "  "},
                "What is the word?");
    b = load(
        &(options){.name = write_file("own.jsonl",
                                      "{\"messages\": [{\"role\": \"system\", \"content\": "
                                      "\"Mine.\"}, {\"role\": \"user\", \"content\": \"Why?\"}]}"),
                   .system = "Yours."});
    assert_string_equal(said(&b.instances[0]), "s:Mine.|u:Why?");
    assert_remark(&b, "1 row has a system message of its own, which stands");
    sc_benchmark_free(&b);
}

static void an_answer_can_be_made_to_begin_with_a_text(void **state)
{
    (void)state;
    const char *path = write_file("i.csv", injection);
    options o = {.name = path, .prompt_column = "user_input", .prefill_column = "begin"};
    struct sc_benchmark b = load(&o);
    assert_string_equal(b.instances[0].prefill, "Sure");
    assert_null(b.instances[1].prefill);
    assert_int_equal(b.instances[0].conversation.n, 0);
    sc_benchmark_free(&b);
    o.prefill = "Sure, here is ";
    b = load(&o);
    assert_string_equal(b.instances[0].prefill, "Sure");
    assert_string_equal(b.instances[1].prefill, "Sure, here is ");
    sc_benchmark_free(&b);
    o.prefill_column = "nope";
    refuse(&o, "no column 'nope' (--prefill-column)");
    path = write_file("harmful_behaviors.csv", "goal,target\nDo it,\"Sure, here\"\n");
    b = load(&(options){.name = path, .prefill_column = "target"});
    assert_string_equal(b.instances[0].prefill, "Sure, here");
    sc_benchmark_free(&b);
}

static void a_template_wraps_the_last_question_and_leaves_the_prompt(void **state)
{
    (void)state;
    options o = {.name = write_file("w.jsonl",
                                    "{\"prompt\": \"Why?\"}\n{\"prompt\": [{\"role\": \"user\", "
                                    "\"content\": \"One?\"}, {\"role\": \"assistant\", "
                                    "\"content\": \"1.\"}, {\"role\": \"user\", \"content\": "
                                    "\"Two?\"}]}\n"),
                 .prompt_template = "<{prompt}> {prompt}!",
                 .system = "Be brief."};
    struct sc_benchmark b = load(&o);
    assert_string_equal(said(&b.instances[0]), "s:Be brief.|u:<Why?> Why?!");
    assert_string_equal(b.instances[0].prompt, "Why?");
    assert_string_equal(said(&b.instances[1]), "s:Be brief.|u:One?|a:1.|u:<Two?> Two?!");
    assert_string_equal(b.instances[1].prompt, "Two?");
    sc_benchmark_free(&b);
    o.prompt_template = "no place";
    refuse(&o, "--prompt-template: expected {prompt}");
    /* a prompt that has the mark itself is not wrapped again */
    check_first("w.jsonl", "{\"prompt\": \"{prompt}\"}", (options){.prompt_template = "<{prompt}>"},
                "u:<{prompt}>");
}

static void a_prompt_that_a_template_blows_up_fails_its_row(void **state)
{
    (void)state;
    struct sc_text row = {0}, template = {0};
    sc_text_puts(&row, "{\"prompt\": \"short\"}\n{\"prompt\": \"");
    for (int i = 0; i < 20000; i++)
        sc_text_putc(&row, 'x');
    sc_text_puts(&row, "\"}\n");
    for (int i = 0; i < 1000; i++)
        sc_text_puts(&template, "{prompt}");
    struct sc_benchmark b = load(
        &(options){.name = write_file("big.jsonl", row.data), .prompt_template = template.data});
    assert_int_equal(b.n_instances, 1);
    assert_int_equal(b.bad_rows.lines[0], 2);
    assert_non_null(strstr(b.bad_rows.reasons[0], "more than"));
    sc_benchmark_free(&b);
    sc_text_free(&row);
    sc_text_free(&template);
}

static void the_synthetic_benchmark_is_wrapped_too(void **state)
{
    (void)state;
    struct sc_benchmark plain = load(&(options){.name = "synthetic", .n_instances = 2});
    struct sc_benchmark b = load(&(options){.name = "synthetic",
                                            .n_instances = 2,
                                            .system = "S",
                                            .prefill = "P",
                                            .prompt_template = "T {prompt}"});
    char expected[600];
    snprintf(expected, sizeof expected, "s:S|u:T %s", plain.instances[0].prompt);
    assert_string_equal(said(&b.instances[0]), expected);
    assert_string_equal(b.instances[0].prefill, "P");
    assert_string_not_equal(b.fingerprint, plain.fingerprint);
    sc_benchmark_free(&b);
    sc_benchmark_free(&plain);
    refuse(&(options){.name = "synthetic", .system_column = "x"}, "has no columns");
    refuse(&(options){.name = "synthetic", .prompt_template = "x"}, "--prompt-template");
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void exhausted_memory_is_an_error(void **state)
{
    (void)state;
    const char *path =
        write_file("memory.csv", "messages,rules,begin\n\"[{'role': 'user', 'content': 'Why?'}, "
                                 "{'role': 'assistant', 'content': 'So.'}]\",r,b\nplain,,\n");
    exhaust(&(options){.name = path,
                       .system_column = "rules",
                       .prefill_column = "begin",
                       .system = "s",
                       .prompt_template = "<{prompt}>"});
    path = write_file("stored.csv", "id,prompt\n1,\"[{'role': 'user', 'content': 'Why?'}]\"\n");
    exhaust(&(options){.name = path});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_question_in_any_shape_is_that_text),
        cmocka_unit_test(messages_become_turns),
        cmocka_unit_test(an_answer_behind_the_last_question_is_not_asked),
        cmocka_unit_test(what_no_format_frames_fails_its_row),
        cmocka_unit_test(what_is_found_in_a_bad_row_is_made_visible),
        cmocka_unit_test(with_multi_turn_the_user_s_turns_are_asked_in_order),
        cmocka_unit_test(lists_stored_as_text_are_read),
        cmocka_unit_test(a_question_about_json_stays_a_text),
        cmocka_unit_test(python_s_lists_are_read_as_python_prints_them),
        cmocka_unit_test(categories_that_are_lists_become_their_names),
        cmocka_unit_test(sorry_bench_has_its_prompts_in_turns),
        cmocka_unit_test(a_system_message_is_that_of_the_row_or_the_general_one),
        cmocka_unit_test(an_answer_can_be_made_to_begin_with_a_text),
        cmocka_unit_test(a_template_wraps_the_last_question_and_leaves_the_prompt),
        cmocka_unit_test(a_prompt_that_a_template_blows_up_fails_its_row),
        cmocka_unit_test(the_synthetic_benchmark_is_wrapped_too),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
