/* Chat templates: where they are found, how they are opened, what rendering shows of them, and what
 * texts from outside cannot do to them. */
#include "model/chat/chat.h"
#include "model/chat/source.h"
#include "model/model.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/tokenizer.h"
#include "model_fixture.h"

/* Control tokens of several families beside those of the small tokenizer, from id 275. */
static const char *const more_tokens[] = {"<s>",
                                          "</s>",
                                          "[INST]",
                                          "[/INST]",
                                          "<start_of_turn>",
                                          "<end_of_turn>",
                                          "<|eot_id|>",
                                          "<|end|>",
                                          "<|start_header_id|>",
                                          "<|end_header_id|>",
                                          "<|user|>",
                                          "<|assistant|>",
                                          "<|system|>",
                                          "<|start|>",
                                          "<|message|>",
                                          "<|channel|>",
                                          "<|return|>",
                                          "<\xef\xbd\x9cUser\xef\xbd\x9c>",
                                          "<|end_of_text|>"};
enum { FIRST_CONTROL = 270, IM_END = 272, FIRST_MORE = 275 };

static int32_t more_id(const char *token)
{
    for (size_t i = 0; i < sizeof more_tokens / sizeof *more_tokens; i++)
        if (strcmp(more_tokens[i], token) == 0)
            return (int32_t)(FIRST_MORE + i);
    fail_msg("no token %s", token);
    return -1;
}

/* The small tokenizer with all of these, and a configuration and a post-processor (NULL: none). */
static struct sc_tokenizer *tokenizer_made(const char *config, const char *processor)
{
    json_t *top = small_tokenizer(), *added = json_object_get(top, "added_tokens");
    struct sc_tokenizer *tokenizer = NULL;
    struct sc_error error = {0};
    for (size_t i = 0; i < sizeof more_tokens / sizeof *more_tokens; i++)
        json_array_append_new(added, json_pack("{s:I,s:s,s:b}", "id", (json_int_t)(FIRST_MORE + i),
                                               "content", more_tokens[i], "special", 1));
    if (processor != NULL)
        json_object_set_new(top, "post_processor", parse_json(processor));
    char *text = json_text(top);
    if (sc_tokenizer_parse(&tokenizer, text, strlen(text), config,
                           config != NULL ? strlen(config) : 0, &error) != SC_OK)
        fail_msg("%s", error.text);
    sc_free(text);
    json_decref(top);
    return tokenizer;
}

static struct sc_tokenizer *tokenizer_with(const char *config)
{
    return tokenizer_made(config, NULL);
}

static struct sc_tokenizer *tokenizer_of(const char *source)
{
    json_t *config = json_pack("{s:s,s:s,s:{s:s}}", "chat_template", source, "bos_token", "<s>",
                               "eos_token", "content", "</s>");
    char *text = json_text(config);
    struct sc_tokenizer *tokenizer = tokenizer_with(text);
    sc_free(text);
    json_decref(config);
    return tokenizer;
}

static struct sc_chat_format *format_of(const struct sc_tokenizer *tokenizer,
                                        const struct sc_chat_options *options)
{
    struct sc_chat_format *format = NULL;
    struct sc_error error = {0};
    if (sc_chat_format_open(&format, tokenizer, options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return format;
}

/* ---- where it is found ----------------------------------------------------------------------- */

static struct sc_chat_source source_of(const char *json)
{
    json_t *config = parse_json(json);
    struct sc_chat_source source;
    assert_int_equal(sc_chat_source_of_config(config, &source, NULL), SC_OK);
    json_decref(config);
    return source;
}

static void finds(const char *json, const char *text)
{
    struct sc_chat_source source = source_of(json);
    assert_null(source.fault);
    if (text == NULL)
        assert_null(source.text);
    else
        assert_string_equal(source.text, text);
    sc_chat_source_free(&source);
}

static void a_configuration_has_a_template_or_a_list_of_them(void **state)
{
    (void)state;
    struct sc_chat_source none;
    assert_int_equal(sc_chat_source_of_config(NULL, &none, NULL), SC_OK);
    assert_null(none.text);
    sc_chat_source_free(&none);
    finds("{}", NULL);
    finds("{\"chat_template\":null}", NULL);
    finds("{\"chat_template\":\"x\"}", "x");
    finds("{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"x\"},"
          "{\"name\":\"default\",\"template\":\"y\"}]}",
          "y");
    finds("{\"chat_template\":[{\"name\":\"only\",\"template\":\"z\"}]}", "z");
    static const char *const faults[] = {
        "7",
        "[]",
        "{}",
        "[7]",
        "[{\"name\":7}]",
        "[{\"name\":\"default\",\"template\":[]}]",
        "[{\"name\":\"a\",\"template\":\"x\"},{\"name\":\"b\",\"template\":\"y\"}]"};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        char json[200];
        snprintf(json, sizeof json, "{\"chat_template\":%s}", faults[i]);
        struct sc_chat_source source = source_of(json);
        assert_null(source.text);
        assert_non_null(strstr(source.fault, "chat_template"));
        sc_chat_source_free(&source);
    }
}

static void special_tokens_are_texts_or_objects_and_the_configuration_goes_first(void **state)
{
    (void)state;
    char folder[64];
    struct sc_chat_source source =
        source_of("{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\",\"lstrip\":false},"
                  "\"pad_token\":null,\"add_bos_token\":true,\"other_token\":\"x\"}");
    make_folder(folder, sizeof folder);
    put_string(folder, "special_tokens_map.json",
               "{\"eos_token\":\"<other>\",\"pad_token\":{\"content\":\"<pad>\"}}");
    assert_int_equal(sc_chat_source_of_folder(folder, &source, NULL), SC_OK);
    assert_int_equal(source.bos, SC_BOS_ADDED);
    assert_string_equal(json_string_value(json_object_get(source.special, "bos_token")), "<s>");
    assert_string_equal(json_string_value(json_object_get(source.special, "eos_token")), "</s>");
    assert_string_equal(json_string_value(json_object_get(source.special, "pad_token")), "<pad>");
    assert_int_equal(json_object_size(source.special), 3);
    put_string(folder, "special_tokens_map.json", "{"); /* what cannot be read names nothing */
    assert_int_equal(sc_chat_source_of_folder(folder, &source, NULL), SC_OK);
    sc_chat_source_free(&source);
    remove_folder(folder);
}

static void a_template_file_goes_before_the_configuration(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *fault;
    } files[] = {{"a\xff", 2, "not valid UTF-8"},
                 {"version https://git-lfs.github.com/spec/v1\n", 43, "Git LFS"}};
    char folder[64];
    (void)state;
    make_folder(folder, sizeof folder);
    struct sc_chat_source source = source_of("{\"chat_template\":\"x\"}");
    assert_int_equal(sc_chat_source_of_folder(folder, &source, NULL), SC_OK);
    assert_string_equal(source.text, "x"); /* no file: as it was */
    put_string(folder, "chat_template.jinja", "y");
    assert_int_equal(sc_chat_source_of_folder(folder, &source, NULL), SC_OK);
    assert_string_equal(source.text, "y");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put_file(folder, "chat_template.jinja", files[i].bytes, files[i].n);
        assert_int_equal(sc_chat_source_of_folder(folder, &source, NULL), SC_OK);
        assert_null(source.text);
        assert_non_null(strstr(source.fault, files[i].fault));
    }
    bool done = false;
    for (size_t nth = 0; !done; nth++) {
        sc_memory_fail_at(nth);
        enum sc_status status = sc_chat_source_of_folder(folder, &source, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        done = status == SC_OK;
        if (!done)
            assert_int_equal(status, SC_ERR_NOMEM);
    }
    sc_chat_source_free(&source);
    remove_folder(folder);
}

/* ---- what is refused ------------------------------------------------------------------------- */

#define TURNS                                                                                      \
    "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}" \
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"

static void refuses(const struct sc_tokenizer *tokenizer, const struct sc_chat_options *options,
                    enum sc_status expected, const char *words)
{
    struct sc_chat_format *format = NULL;
    struct sc_error error = {0};
    enum sc_status status = sc_chat_format_open(&format, tokenizer, options, &error);
    if (status != expected || strstr(error.text, words) == NULL)
        fail_msg("expected \"%s\", found status %d \"%s\"", words, (int)status, error.text);
    assert_null(format);
}

static void what_cannot_be_a_frame_is_refused_with_what_to_do(void **state)
{
    (void)state;
    struct sc_chat_options options = sc_chat_options_default();
    struct sc_tokenizer *bare = tokenizer_with(NULL), *faulty = tokenizer_of("{% if %}"),
                        *wrong = tokenizer_with("{\"chat_template\":7}"),
                        *good = tokenizer_of(TURNS);
    refuses(bare, NULL, SC_ERR_UNSUPPORTED, "found none: --chat-template raw asks a base model");
    refuses(wrong, NULL, SC_ERR_FORMAT, "chat_template");
    refuses(NULL, NULL, SC_ERR_ARGUMENT, "expected a tokenizer");
    struct sc_chat_format *format = NULL;
    struct sc_error error = {0};
    assert_int_not_equal(sc_chat_format_open(&format, faulty, NULL, &error), SC_OK);
    assert_non_null(strstr(error.text, "chat template: line 1"));
    options.chat_template = "/nowhere/x.jinja";
    refuses(good, &options, SC_ERR_IO, "/nowhere/x.jinja");
    static const char *const dates[] = {"2024-02-30",  "2023-02-29", "24-01-01",   "2024-1-01",
                                        "2024-01-01x", "",           "2024-13-01", "0000-01-01",
                                        "2024-00-01",  "2024/01/01"};
    options = sc_chat_options_default();
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        options.template_date = dates[i];
        refuses(good, &options, SC_ERR_ARGUMENT, "template-date");
    }
    static const struct {
        const char *arguments[2];
        const char *words;
    } cases[] = {{{"x", NULL}, "expected NAME=VALUE"},
                 {{"=x", NULL}, "expected NAME=VALUE"},
                 {{"1x=2", NULL}, "expected NAME=VALUE"},
                 {{"a b=2", NULL}, "expected NAME=VALUE"},
                 {{"x\xc3\xa9=2", NULL}, "expected NAME=VALUE"},
                 {{NULL, NULL}, "expected NAME=VALUE"},
                 {{"messages=[]", NULL}, "messages"},
                 {{"add_generation_prompt=1", NULL}, "add_generation_prompt"},
                 {{"unread=1", NULL}, "reads, found \"unread\""},
                 {{"tools=[]", "tools=1"}, "expected tools once"},
                 {{"tools=\xff", NULL}, "UTF-8"}};
    struct sc_tokenizer *reader = tokenizer_of(TURNS "{{ tools }}");
    options = sc_chat_options_default();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        options.template_args = cases[i].arguments;
        options.n_template_args = cases[i].arguments[1] != NULL ? 2 : 1;
        refuses(reader, &options, SC_ERR_ARGUMENT, cases[i].words);
    }
    options.template_args = NULL;
    refuses(reader, &options, SC_ERR_ARGUMENT, "found none");
    options.template_args = (const char *const[]){"x=1"};
    options.n_template_args = 1;
    options.chat_template = "raw";
    refuses(reader, &options, SC_ERR_ARGUMENT, "goes with a chat template");
    options.size = 0;
    refuses(reader, &options, SC_ERR_ARGUMENT, "chat options");
    sc_tokenizer_close(bare);
    sc_tokenizer_close(faulty);
    sc_tokenizer_close(wrong);
    sc_tokenizer_close(good);
    sc_tokenizer_close(reader);
}

/* ---- variables ------------------------------------------------------------------------------- */

/* The frame of one question. */
static char *asked(const struct sc_chat_format *format, const char *question)
{
    const struct sc_message message = {"user", question};
    struct sc_framed framed;
    struct sc_error error = {0};
    if (sc_chat_encode(format, &message, 1, &framed, &error) != SC_OK)
        fail_msg("%s", error.text);
    char *text = framed.text;
    framed.text = NULL;
    sc_framed_free(&framed);
    return text;
}

static void shows(const char *source, const struct sc_chat_options *options, const char *expected)
{
    struct sc_tokenizer *tokenizer = tokenizer_of(source);
    struct sc_chat_format *format = format_of(tokenizer, options);
    char *text = asked(format, "q");
    assert_string_equal(text, expected);
    sc_free(text);
    sc_chat_format_close(format);
    sc_tokenizer_close(tokenizer);
}

static void templates_have_the_variables_of_transformers(void **state)
{
    (void)state;
    struct sc_chat_options options = sc_chat_options_default();
    shows("{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ tools is none }}"
          "{{ documents is none }}{{ add_generation_prompt }}{{ messages | length }}"
          "{{ messages[0].role }}{{ messages[0]['content'] }}",
          NULL, "<s></s>FalseTrueTrueTrue1userq");
    static const char date[] = "{{ strftime_now('%Y-%m-%d') }}";
    shows(date, NULL, SC_TEMPLATE_DATE);
    options.template_date = "2028-02-29";
    shows(date, &options, "2028-02-29");
    options = sc_chat_options_default();
    static const char switches[] = "{{ enable_thinking }}{{ thinking }}";
    shows(switches, NULL, "FalseFalse");
    options.thinking = true;
    shows(switches, &options, "TrueTrue");
    static const char *const arguments[] = {
        "thinking=false", "a=[1, \"x\"]", "b=low=1", "c=", "bos_token=\"<b>\"", "d=7"};
    options.template_args = arguments;
    options.n_template_args = 6;
    shows("{{ enable_thinking }}{{ thinking }}{{ a[1] }}{{ b }}{{ c == '' }}{{ bos_token }}"
          "{{ d + 1 }}",
          &options, "TrueFalsexlow=1True<b>8");
}

/* ---- prompts alone --------------------------------------------------------------------------- */

static void raw_is_the_prompt_alone_behind_the_tokenizers_own_beginning(void **state)
{
    (void)state;
    struct sc_chat_options options = sc_chat_options_default();
    options.chat_template = "raw";
    struct sc_tokenizer *plain = tokenizer_with("{\"bos_token\":\"<s>\"}"),
                        *adds = tokenizer_with("{\"bos_token\":\"<s>\",\"add_bos_token\":true}");
    const struct sc_message turns[] = {
        {"user", "One <s>"}, {"assistant", " two"}, {"user", "three"}, {"system", "S"}};
    for (int with = 0; with < 2; with++) {
        struct sc_chat_format *format = format_of(with ? adds : plain, &options);
        struct sc_framed framed;
        struct sc_error error = {0};
        assert_int_equal(sc_chat_encode(format, turns, 2, &framed, NULL), SC_OK);
        assert_string_equal(framed.text, with ? "<s>One <s> two" : "One <s> two");
        assert_int_equal(framed.ids[0] == more_id("<s>"), with);
        assert_int_equal(framed.n, with ? 12 : 11); /* the prompt's own <s> is text */
        assert_int_equal(framed.reasoning, SC_REASONING_OVER);
        sc_framed_free(&framed);
        assert_int_equal(sc_chat_encode(format, turns, 3, &framed, &error), SC_ERR_UNSUPPORTED);
        assert_non_null(strstr(error.text, "raw: expected one message of the user's"));
        assert_int_equal(sc_chat_encode(format, turns + 3, 1, &framed, NULL), SC_ERR_UNSUPPORTED);
        assert_int_equal(sc_chat_encode(format, turns + 1, 1, &framed, NULL), SC_ERR_UNSUPPORTED);
        assert_string_equal(sc_chat_format_identity(format), "raw");
        assert_int_equal(sc_chat_format_end(format), -1);
        sc_chat_format_close(format);
    }
    sc_tokenizer_close(plain);
    sc_tokenizer_close(adds);
}

/* Where the configuration does not say, the file's post-processor does. */
static void raw_begins_as_the_post_processor_has_it(void **state)
{
    (void)state;
    static const struct {
        const char *config, *text;
    } cases[] = {{NULL, "<s>Hi"},
                 {"{\"add_bos_token\":false,\"bos_token\":\"<s>\"}", "Hi"},
                 {"{\"add_bos_token\":true,\"bos_token\":\"<|end|>\"}", "<|end|>Hi"},
                 {"{\"add_bos_token\":true}", "Hi"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_chat_options options = sc_chat_options_default();
        options.chat_template = "raw";
        struct sc_tokenizer *tokenizer = tokenizer_made(
            cases[i].config,
            "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}},"
            "{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"<s>\":{\"id\":\"<s>\","
            "\"ids\":[275],\"tokens\":[\"<s>\"]}}}");
        struct sc_chat_format *format = format_of(tokenizer, &options);
        char *text = asked(format, "Hi");
        assert_string_equal(text, cases[i].text);
        sc_free(text);
        sc_chat_format_close(format);
        sc_tokenizer_close(tokenizer);
    }
}

/* ---- what rendering shows -------------------------------------------------------------------- */

static void the_end_of_a_turn_is_what_stands_behind_the_assistants_words(void **state)
{
    static const struct {
        const char *source, *end; /* NULL: none */
    } cases[] = {
        {TURNS, "<|im_end|>"},
        {"{% for m in messages %}{{ m.content }}<|end|>\n{% endfor %}{{ eos_token }}", "<|end|>"},
        {"{% for m in messages %}{{ '[INST]' + m.content + '[/INST]' if m.role == 'user' else "
         "m.content + eos_token }}{% endfor %}",
         "</s>"},
        {"{% for m in messages %}{{ m.content }}{{ '<|return|>' if loop.last else '<|end|>' }}"
         "{% endfor %}",
         "<|return|>"}, /* what separates turns is not what ends the last */
        {"{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}{% endfor %}", "<|user|>"},
        {"{% for m in messages %}{{ m.content }}\n{% endfor %}", NULL},
        {"{{ raise_exception('no') }}", NULL},
        {"{{ messages[0].content }}<|end|>", NULL}, /* the assistant's words are not there */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_tokenizer *tokenizer = tokenizer_of(cases[i].source);
        struct sc_chat_format *format = format_of(tokenizer, NULL);
        int32_t end = cases[i].end != NULL ? sc_tokenizer_id(tokenizer, cases[i].end) : -1;
        if (sc_chat_format_end(format) != end)
            fail_msg("case %zu: %d", i, (int)sc_chat_format_end(format));
        int32_t ids[SC_MOST_END_IDS];
        size_t n = sc_chat_end_ids(tokenizer, format, NULL, ids);
        bool ends = end < 0;
        for (size_t k = 0; k < n; k++)
            ends |= ids[k] == end;
        assert_true(ends);
        sc_chat_format_close(format);
        sc_tokenizer_close(tokenizer);
    }
}

static void a_prompt_ends_before_within_or_past_reasoning(void **state)
{
    static const struct {
        const char *source;
        enum sc_reasoning_state asked, begun; /* a question; with the beginning of its answer */
    } cases[] = {
        {TURNS, SC_REASONING_OVER, SC_REASONING_OVER},
        {TURNS "{# <think> #}", SC_REASONING_AHEAD, SC_REASONING_OVER},
        {TURNS "{{ '' if enable_thinking else '' }}", SC_REASONING_AHEAD, SC_REASONING_OVER},
        {TURNS "<think>\n", SC_REASONING_BEGUN, SC_REASONING_OVER},
        {TURNS "<think>\n\n</think>", SC_REASONING_OVER, SC_REASONING_OVER},
        {"<think></think>" TURNS, SC_REASONING_AHEAD, SC_REASONING_OVER},
        {"{% for m in messages %}<think>{{ m.content }}{% endfor %}", SC_REASONING_AHEAD,
         SC_REASONING_BEGUN},
    };
    const struct sc_message turns[] = {{"user", "a</think><think>"}, {"assistant", "<think>b"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_tokenizer *tokenizer = tokenizer_of(cases[i].source);
        struct sc_chat_format *format = format_of(tokenizer, NULL);
        for (size_t n = 1; n <= 2; n++) {
            struct sc_framed framed;
            assert_int_equal(sc_chat_encode(format, turns, n, &framed, NULL), SC_OK);
            if (framed.reasoning != (n == 1 ? cases[i].asked : cases[i].begun))
                fail_msg("case %zu, %zu turns: %d", i, n, (int)framed.reasoning);
            sc_framed_free(&framed);
        }
        sc_chat_format_close(format);
        sc_tokenizer_close(tokenizer);
    }
}

/* With control tokens in texts, an answer may begin with a reasoning. */
static void a_reasoning_that_is_begun_stands_in_place_of_the_templates(void **state)
{
    static const char *const sources[] = {
        TURNS
        "{%- if add_generation_prompt and not enable_thinking %}<think>\n\n</think>{% endif %}",
        TURNS "{%- if add_generation_prompt %}<think>\n{% endif %}"};
    const struct sc_message turns[] = {{"user", "q"}, {"assistant", "<think>hm"}};
    struct sc_chat_options options = sc_chat_options_default();
    options.special = true;
    (void)state;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct sc_tokenizer *tokenizer = tokenizer_of(sources[i]);
        struct sc_chat_format *format = format_of(tokenizer, &options);
        struct sc_framed framed;
        assert_int_equal(sc_chat_encode(format, turns, 2, &framed, NULL), SC_OK);
        assert_string_equal(framed.text,
                            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<think>hm");
        assert_int_equal(framed.reasoning, SC_REASONING_BEGUN);
        sc_framed_free(&framed);
        sc_chat_format_close(format);
        sc_tokenizer_close(tokenizer);
    }
}

static void answers_that_are_begun_are_cut_where_they_end(void **state)
{
    static const struct {
        const char *source, *begun, *text; /* NULL: refused */
        bool trimmed;
    } cases[] = {
        {TURNS, "Sure, ", "<|im_start|>user\nend<|im_end|>\n<|im_start|>assistant\nSure, ", false},
        {TURNS, "end", "<|im_start|>user\nend<|im_end|>\n<|im_start|>assistant\nend", false},
        {TURNS, "", "<|im_start|>user\nend<|im_end|>\n<|im_start|>assistant\n", false},
        {"{% for m in messages %}[{{ m.content | trim }}]{% endfor %}", " Sure, ", "[end][Sure,",
         true},
        {"{% for m in messages %}[{{ m.content | trim }}]{% endfor %}", "Sure", "[end][Sure",
         false},
        {"{% for m in messages %}[{{ m.content.lstrip() }}]{% endfor %}", "\nSure ", "[end][Sure ",
         true},
        {"{% for m in messages %}[{{ m.content | trim }}]{% endfor %}", " \n", "[end][", true},
        {"{% for m in messages %}{{ m.content | upper }}{% endfor %}", "Sure", NULL, false},
        {"{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}", "a</think>b",
         NULL, false},
        {"{{ messages[0].content }}", "Sure", NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sc_message turns[] = {{"user", "end"}, {"assistant", cases[i].begun}};
        struct sc_tokenizer *tokenizer = tokenizer_of(cases[i].source);
        struct sc_chat_format *format = format_of(tokenizer, NULL);
        struct sc_framed framed;
        struct sc_error error = {0};
        enum sc_status status = sc_chat_encode(format, turns, 2, &framed, &error);
        if (cases[i].text == NULL) {
            assert_int_equal(status, SC_ERR_UNSUPPORTED);
            assert_non_null(strstr(error.text, "the beginning of the answer"));
        } else {
            assert_int_equal(status, SC_OK);
            assert_string_equal(framed.text, cases[i].text);
            assert_int_equal(framed.trimmed, cases[i].trimmed);
            sc_framed_free(&framed);
        }
        sc_chat_format_close(format);
        sc_tokenizer_close(tokenizer);
    }
}

/* ---- identity and remarks -------------------------------------------------------------------- */

static char *identity_of(const char *source, const struct sc_chat_options *options)
{
    struct sc_tokenizer *tokenizer = tokenizer_of(source);
    struct sc_chat_format *format = format_of(tokenizer, options);
    char *identity = sc_strdup(sc_chat_format_identity(format));
    sc_chat_format_close(format);
    sc_tokenizer_close(tokenizer);
    return identity;
}

static void a_frame_is_told_from_others(void **state)
{
    (void)state;
    struct sc_chat_options options = sc_chat_options_default();
    /* The usual frame has no name, whichever template writes it. */
    assert_null(identity_of(sc_chatml_template, NULL));
    char *commented = NULL;
    struct sc_text text = {0};
    sc_text_printf(&text, "{# the same #}%s", sc_chatml_template);
    commented = sc_text_take(&text);
    assert_null(identity_of(commented, NULL));
    options.thinking = true;
    assert_null(identity_of(commented, &options));
    options = sc_chat_options_default();
    options.chat_template = "chatml";
    assert_null(identity_of(TURNS, &options));
    sc_free(commented);

    options = sc_chat_options_default();
    char *one = identity_of(TURNS "{{ strftime_now('%Y') }}{{ x }}", NULL);
    char *other = identity_of(TURNS "{{ strftime_now('%Y') }}{{ x }} ", NULL);
    assert_non_null(strstr(one, "template "));
    assert_non_null(strstr(one, ", date 2024-07-26"));
    assert_string_not_equal(one, other);
    options.template_date = "2025-01-01";
    char *later = identity_of(TURNS "{{ strftime_now('%Y') }}{{ x }}", &options);
    assert_non_null(strstr(later, ", date 2025-01-01"));
    assert_string_not_equal(one, later);
    options = sc_chat_options_default();
    options.template_args = (const char *const[]){"x=low"};
    options.n_template_args = 1;
    char *argued = identity_of(TURNS "{{ strftime_now('%Y') }}{{ x }}", &options);
    assert_non_null(strstr(argued, ", x=low"));
    assert_string_not_equal(one, argued);
    /* A template that asks for the date and does not show it depends on none. */
    char *hidden = identity_of(TURNS "{% if x %}{{ strftime_now('%Y') }}{% endif %}", NULL);
    assert_null(strstr(hidden, "date"));
    sc_free(one);
    sc_free(other);
    sc_free(later);
    sc_free(argued);
    sc_free(hidden);
}

static void remarks(const char *source, bool thinking, const char *words)
{
    struct sc_chat_options options = sc_chat_options_default();
    options.thinking = thinking;
    struct sc_tokenizer *tokenizer = tokenizer_of(source);
    struct sc_chat_format *format = format_of(tokenizer, &options);
    const char *said = sc_chat_format_remarks(format);
    if (words == NULL ? said[0] != '\0' : strstr(said, words) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", words != NULL ? words : "", said);
    sc_chat_format_close(format);
    sc_tokenizer_close(tokenizer);
}

static void what_people_may_not_expect_of_a_frame_is_remarked(void **state)
{
    (void)state;
    remarks(sc_chatml_template, false, NULL);
    remarks(sc_chatml_template, true, NULL);
    remarks(TURNS, false, NULL);
    remarks(TURNS, true, "--thinking changes nothing");
    remarks(TURNS "<think>\n", false, "use --thinking");
    remarks(TURNS "<think>\n", true, NULL);
    remarks("<|im_start|>system\nYou are \x1b[1m a model.<|im_end|>\n" TURNS, false,
            "words of its own before a prompt without a system message: \"You are \\x1B[1m a");
    remarks(TURNS "{{ strftime_now('%d') }}", false, "tells it the date: 2024-07-26");
    remarks("<|other|>" TURNS, false, "writes \"<|other|>\", which is no token");
    remarks("{{ raise_exception('no') }}", false, NULL);
}

static void opening_survives_failing_allocations(void **state)
{
    (void)state;
    struct sc_chat_options options = sc_chat_options_default();
    options.template_args = (const char *const[]){"x=[1]", "y=z"};
    options.n_template_args = 2;
    struct sc_tokenizer *tokenizer =
        tokenizer_of("Words of a template, " TURNS "{{ x }}{{ y }}{{ strftime_now('%d') }}");
    bool done = false;
    for (size_t at = 0; !done; at++) {
        struct sc_chat_format *format = NULL;
        assert_in_range(at, 0, 100000);
        sc_memory_fail_at(at);
        enum sc_status status = sc_chat_format_open(&format, tokenizer, &options, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        done = status == SC_OK;
        if (!done)
            assert_int_equal(status, SC_ERR_NOMEM);
        sc_chat_format_close(format);
    }
    sc_tokenizer_close(tokenizer);
}

/* ---- our own templates, as transformers renders them ----------------------------------------- */

enum { PLAIN = 0, CONTROLS = 3 }; /* conversations of one question: some words; control tokens */

static char *read_template(const char *name)
{
    char path[300], *text = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, TEST_GOLDEN "/templates/%s", name);
    assert_int_equal(sc_file_read(path, 1 << 20, &text, &n, NULL), SC_OK);
    return text;
}

static enum sc_status frame(const struct sc_chat_format *format, const json_t *messages,
                            struct sc_framed *framed)
{
    struct sc_message turns[8];
    size_t n = json_array_size(messages);
    assert_in_range(n, 1, 8);
    for (size_t i = 0; i < n; i++) {
        const json_t *message = json_array_get(messages, i);
        turns[i].role = json_string_value(json_object_get(message, "role"));
        turns[i].text = json_string_value(json_object_get(message, "content"));
    }
    return sc_chat_encode(format, turns, n, framed, NULL);
}

/* All texts of one template, in the order of conversations, each once for each thinking. */
static size_t expect_texts(const char *name, const json_t *conversations, const json_t *texts)
{
    char *source = read_template(name);
    struct sc_tokenizer *tokenizer = tokenizer_of(source);
    struct sc_chat_format *formats[2];
    size_t per = json_array_size(texts) / json_array_size(conversations);
    for (int thinking = 0; thinking < 2; thinking++) {
        const struct sc_chat_options options = {.size = sizeof options, .thinking = thinking};
        formats[thinking] = format_of(tokenizer, &options);
    }
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *pair = json_array_get(texts, i), *expected = json_array_get(pair, 1);
        struct sc_framed framed;
        enum sc_status status = frame(formats[json_is_true(json_array_get(pair, 0))],
                                      json_array_get(conversations, i / per), &framed);
        if (json_is_null(expected) != (status != SC_OK))
            fail_msg("%s, conversation %zu: status %d", name, i / per, (int)status);
        if (status != SC_OK)
            continue;
        assert_string_equal(framed.text, json_string_value(expected));
        sc_framed_free(&framed);
    }
    for (int thinking = 0; thinking < 2; thinking++)
        sc_chat_format_close(formats[thinking]);
    sc_tokenizer_close(tokenizer);
    sc_free(source);
    return json_array_size(texts);
}

static json_t *golden(void)
{
    json_t *top = json_load_file(TEST_GOLDEN "/chat_templates.json", 0, NULL);
    assert_non_null(top);
    return top;
}

static void our_templates_render_as_transformers_renders_them(void **state)
{
    json_t *top = golden(), *texts;
    const char *name;
    size_t n = 0;
    (void)state;
    json_object_foreach(json_object_get(top, "templates"), name, texts)
    {
        n += expect_texts(name, json_object_get(top, "conversations"), texts);
    }
    assert_in_range(n, 250, 1000);
    json_decref(top);
}

/* The control tokens of a framed conversation, in their order. */
static size_t controls_of(const struct sc_chat_format *format, const json_t *messages, int32_t *out,
                          size_t most)
{
    struct sc_framed framed;
    size_t n = 0;
    assert_int_equal(frame(format, messages, &framed), SC_OK);
    for (size_t i = 0; i < framed.n; i++)
        if (framed.ids[i] >= FIRST_CONTROL) {
            assert_true(n < most);
            out[n++] = framed.ids[i];
        }
    sc_framed_free(&framed);
    return n;
}

static void no_text_from_outside_becomes_a_control_token_unless_that_is_asked_for(void **state)
{
    json_t *top = golden(), *texts, *conversations = json_object_get(top, "conversations");
    const char *name;
    (void)state;
    json_object_foreach(json_object_get(top, "templates"), name, texts)
    {
        char *source = read_template(name);
        struct sc_tokenizer *tokenizer = tokenizer_of(source);
        for (int special = 0; special < 2; special++) {
            const struct sc_chat_options options = {.size = sizeof options, .special = special};
            struct sc_chat_format *format = format_of(tokenizer, &options);
            int32_t plain[1000], hostile[1000];
            size_t n = controls_of(format, json_array_get(conversations, PLAIN), plain, 1000);
            size_t m = controls_of(format, json_array_get(conversations, CONTROLS), hostile, 1000);
            if (special ? m <= n : m != n || memcmp(plain, hostile, n * sizeof *plain) != 0)
                fail_msg("%s: %zu and %zu control tokens", name, n, m);
            sc_chat_format_close(format);
        }
        sc_tokenizer_close(tokenizer);
        sc_free(source);
    }
    json_decref(top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_configuration_has_a_template_or_a_list_of_them),
        cmocka_unit_test(special_tokens_are_texts_or_objects_and_the_configuration_goes_first),
        cmocka_unit_test(a_template_file_goes_before_the_configuration),
        cmocka_unit_test(what_cannot_be_a_frame_is_refused_with_what_to_do),
        cmocka_unit_test(templates_have_the_variables_of_transformers),
        cmocka_unit_test(raw_is_the_prompt_alone_behind_the_tokenizers_own_beginning),
        cmocka_unit_test(raw_begins_as_the_post_processor_has_it),
        cmocka_unit_test(the_end_of_a_turn_is_what_stands_behind_the_assistants_words),
        cmocka_unit_test(a_prompt_ends_before_within_or_past_reasoning),
        cmocka_unit_test(a_reasoning_that_is_begun_stands_in_place_of_the_templates),
        cmocka_unit_test(answers_that_are_begun_are_cut_where_they_end),
        cmocka_unit_test(a_frame_is_told_from_others),
        cmocka_unit_test(what_people_may_not_expect_of_a_frame_is_remarked),
        cmocka_unit_test(opening_survives_failing_allocations),
        cmocka_unit_test(our_templates_render_as_transformers_renders_them),
        cmocka_unit_test(no_text_from_outside_becomes_a_control_token_unless_that_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
